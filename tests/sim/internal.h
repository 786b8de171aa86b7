/* What the world's files ask of each other. */
#ifndef KR_TESTS_SIM_INTERNAL_H
#define KR_TESTS_SIM_INTERNAL_H

#include "node/core/state.h"
#include "tests/sim/world.h"

/* ---- heap.c: what happens when ---- */
void sim_heap_push(struct sim_world *world, struct sim_event event); /* takes over what it owns */
struct sim_event sim_heap_pop(struct sim_world *world);
void sim_event_free(struct sim_event *event);

/* ---- world.c ---- */
bool sim_chance(struct sim_world *world, uint32_t of_thousand); /* never where the world is quiet */
/* What the system's clock says at that node. */
uint64_t sim_node_system_ms(const struct sim_world *world, const struct sim_node *node);
enum sim_verdict sim_node_start(struct sim_world *world, struct sim_node *node);
void sim_node_stop(struct sim_node *node);
/* ---- held.c ---- */
enum sim_verdict sim_node_tell(struct sim_world *world, struct sim_node *node); /* where it is to be told */
/* ---- world.c ---- */
/* Makes it somebody: a card, and if wanted a community. */
/* Another node of its council has told it of keys. */
void sim_node_share(struct sim_node *node, const struct kr_effect *effect);
void sim_node_init(struct sim_world *world, struct sim_node *node, bool founds);
/* A world without nodes. */
enum sim_verdict sim_world_begin(struct sim_world *world, uint64_t seed, uint32_t node_count, FILE *trace);

/* ---- run.c ---- */
enum sim_verdict sim_let_out(struct sim_world *world, struct sim_node *node, struct kr_effects *effects);

/* ---- theft.c ---- */
/* One transaction of a node that is up, and what comes of it. */
struct sim_visit {
    struct sim_world *world;
    struct sim_node *node;
    struct kr_txn *txn;
    struct kr_rng rng;
    struct kr_effects effects;
    struct kr_step step;
};
/* False: the node is down, or its store takes nothing. */
bool sim_visit_begin(struct sim_visit *visit, struct sim_world *world, uint32_t index);
/* Whether it is durable. */
bool sim_visit_end(struct sim_visit *visit, enum kr_err err, enum sim_verdict *ret_verdict);
/* Whether the request was answered and not refused. */
bool sim_visit_is_answered(const struct sim_visit *visit);
bool sim_node_may_sign(const struct sim_node *node);
/* What a thief makes comes to `other` as if `node` had sent it. The job is freed. */
enum sim_verdict sim_hand_over(struct sim_world *world, const struct sim_node *node, uint32_t other, struct kr_job *job,
                               bool *ret_is_taken);

/* ---- converge.c ---- */
/* All keys of a tree, in order; the caller's to free(). Returns how many. */
uint32_t sim_tree_keys(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month_from,
                       uint8_t (**ret_keys)[KR_TREE_KEY_BYTES]);

/* ---- roots.c ---- */
/* Its operator calls whoever has another root key, a while after it came. */
void sim_node_confirm_roots(struct sim_world *world, struct sim_node *node);
/* Whether `from` knows a root key of the other's that its operator has not confirmed, and all that it sent before has arrived. */
bool sim_is_root_held(const struct sim_world *world, const struct sim_edge *edge, uint32_t from);

/* ---- memo.c ---- */
struct sim_memo *sim_memo_new(void);
void sim_memo_free(struct sim_memo *memo); /* NULL is fine */
/* Runs the job, or remembers what came of the same one; without a memo it always runs. */
void sim_memo_run(struct sim_memo *memo, struct kr_job *job, const struct kr_keyring *keyring);

/* ---- net.c: the net process of a node, as far as its core can tell ---- */
void sim_net_send(struct sim_world *world, struct sim_node *from, uint32_t number, const uint8_t *bytes, size_t len);
void sim_net_allow(struct sim_node *node, const struct kr_effect *effect);
void sim_net_dial(struct sim_world *world, struct sim_node *node, const struct kr_effect *effect);
void sim_net_hang_up(struct sim_node *node, uint32_t number);
void sim_net_reset(struct sim_node *node);
/* Its transport key is another one. */
void sim_net_turn(struct sim_world *world, struct sim_node *node);
/* Registers that `node` dials under this key. */
void sim_net_caller(struct sim_world *world, const uint8_t key[static 32], uint32_t node);

/* ---- link.c ---- */
void sim_node_note_edge(struct sim_node *node, uint32_t edge);
void sim_link_ended(struct sim_world *world, uint64_t request, const struct kr_effect *effect);

/* ---- client.c ---- */
struct sim_record *sim_world_add_record(struct sim_world *world); /* borrowed until the next one */
void sim_client_again(struct sim_world *world, const struct sim_event *event);
void sim_client_retract_again(struct sim_world *world, const struct sim_event *event);
void sim_client_retracted(struct sim_world *world, const struct sim_node *node, const struct kr_effect *effect);
/* The story tells which records a node has come to have. */
void sim_client_look(struct sim_world *world, struct sim_node *node);
void sim_client_ended(struct sim_world *world, const struct sim_node *node, const struct kr_effect *effect);

#endif
