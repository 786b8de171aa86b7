/* A world of nodes in one process: the production core, loop and store, virtual time, a network that misbehaves, nodes that crash.
 * Everything follows from one seed.
 *
 * What is simulated is what lies outside the core: clocks, the net process (allow-lists, dialling, lost frames), worker threads
 * (jobs come back later, in any order), clients (who repeat a submission until it is acknowledged), crashes between any two
 * effects, commits that fail. */
#ifndef KR_TESTS_SIM_WORLD_H
#define KR_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "node/core/guard.h"
#include "node/core/loop.h"

#define SIM_NODES_MAX   16u
#define SIM_RECORDS_MAX 4096u
#define SIM_DIALS_MAX   64u
#define SIM_ALLOWED_MAX 256u

/* Exit codes of kr-sim; each failure has its own. */
enum sim_verdict {
    SIM_HOLDS = 0,
    SIM_LEAK = 10,
    SIM_LOSS = 11,
    SIM_NO_CONVERGENCE = 12,
    SIM_CRASH = 13,
    SIM_NOT_DETERMINISTIC = 14,
    SIM_SETUP = 15
};

/* How badly the world behaves; all in parts of 1,000. */
struct sim_faults {
    uint32_t drop, duplicate, reorder, fail_commit, crash, split;
    uint32_t delay_ms_max;
};

struct sim_event {
    uint64_t at_ms, order; /* order of scheduling breaks ties */
    uint32_t node, life;   /* for which life of the node; 0: whichever */
    enum { SIM_CORE_EVENT, SIM_WAKE, SIM_RESTART, SIM_SUBMIT, SIM_CRASH_NOW, SIM_HEAL_SPLIT } kind;
    struct kr_event event;
    uint8_t *bytes; /* owned; event.bytes points here */
};

struct sim_allowed {
    uint32_t number, kind;
    uint8_t key[32];
};

struct sim_dial {
    bool is_used;
    bool is_turned_away; /* CURVE refused its key once: ZeroMQ tries no more */
    uint32_t number;
    uint8_t server_key[32], client_key[32];
    uint64_t last_arrival_ms[2]; /* per direction: frames of one connection keep their order */
};

struct sim_node {
    uint32_t index, life;
    char name[32];
    char path[256];
    bool is_up;
    bool is_listening; /* its net has an allow-list */
    struct kr_keyring *keyring;
    struct kr_store *store;
    struct kr_loop *loop;
    uint8_t council[32];
    uint64_t now_ms, wake_ms;
    struct sim_allowed allowed[SIM_ALLOWED_MAX];
    uint32_t allowed_count;
    struct sim_dial dials[SIM_DIALS_MAX];
    struct kr_guards *guards; /* the built-in ones; documentation values pass */
    char *ticket;             /* the last one that it printed */
    bool has_joined;
};

/* What a client of some node wanted stored. */
struct sim_record {
    uint32_t node;
    enum kr_label label;
    uint32_t audience_mask; /* bit per node */
    uint8_t token[16], id[32];
    uint8_t canary[16];
    bool is_accepted;
    uint8_t *request;
    size_t request_len;
};

struct sim_world {
    uint64_t seed;
    struct kr_rng rng; /* of the world; nodes' seeds are drawn from it */
    struct sim_faults faults;
    bool is_quiet; /* heal phase and setup: no faults */
    uint64_t now_ms, order;
    struct sim_node nodes[SIM_NODES_MAX];
    uint32_t node_count;
    struct sim_event *heap;
    size_t heap_count, heap_capacity;
    struct sim_record records[SIM_RECORDS_MAX];
    uint32_t record_count;
    uint32_t text_bytes; /* of each report: large ones go by the bulk lane and use up windows */
    uint32_t split_mask; /* nodes on one side of a split; 0: none */
    uint8_t community[32];
    char root[128];
    FILE *trace; /* NULL: none */
    struct kr_hash_state trace_hash;
    uint64_t events_run, crashes, failed_commits, frames, dropped, records_seen;
    char complaint[512];
    /* Sees each effect before it is let out; true: it goes no further. For tests of the core in this world; may be NULL. */
    bool (*on_effect)(void *context, struct sim_node *node, const struct kr_effect *effect);
    void *context;
};

/* Makes `node_count` nodes in a chain, linked by tickets, in one community. SIM_SETUP where that fails. */
enum sim_verdict sim_world_init(struct sim_world *world, uint64_t seed, uint32_t node_count, FILE *trace);
/* One more node, of a council that is linked with nobody and in no community. */
enum sim_verdict sim_world_add(struct sim_world *world);
void sim_world_deinit(struct sim_world *world);
/* Runs until virtual `until_ms`. */
enum sim_verdict sim_world_run(struct sim_world *world, uint64_t until_ms);
/* Schedules a submission by a client of `node`, repeated until acknowledged. */
void sim_world_submit(struct sim_world *world, uint32_t node, enum kr_label label, uint32_t audience_mask, uint64_t at_ms);
/* Hands a node's core an event of the test's own making at `at_ms`; bytes are copied. */
void sim_world_push(struct sim_world *world, const struct sim_node *node, struct kr_event event, const void *bytes, size_t len,
                    uint64_t at_ms);
/* Starts a node that is down, now. */
enum sim_verdict sim_world_start(struct sim_world *world, uint32_t node);
void sim_world_crash(struct sim_world *world, uint32_t node, uint64_t down_ms);
uint32_t sim_world_below(struct sim_world *world, uint32_t bound);
/* Ends all faults and starts every node that is down. */
void sim_world_heal(struct sim_world *world);
void sim_world_trace_hash(const struct sim_world *world, uint8_t ret_hash[static 32]);
void sim_trace(struct sim_world *world, const char *fmt, ...) KR_PRINTF(2, 3);
enum sim_verdict sim_fail(struct sim_world *world, enum sim_verdict verdict, const char *fmt, ...) KR_PRINTF(3, 4);

/* ---- checkers (checkers.c): look at the stores from outside ---- */
/* No node holds what it may not have, and no sealed record opens for whom it is not addressed. Any time. */
enum sim_verdict sim_check_leaks(struct sim_world *world);
/* What was accepted is in its author's store. Any time. */
enum sim_verdict sim_check_accepted(struct sim_world *world);
/* After healing: everybody who may have a record and can be reached has it; linked nodes hold equal sets in each shared scope. */
enum sim_verdict sim_check_convergence(struct sim_world *world);
/* The same of the disks' bytes: no canary in the open. */
enum sim_verdict sim_check_disks(struct sim_world *world);
/* What is about to be delivered, read along with the receiver's session: no record that is not for it, even if it would refuse it.
 */
enum sim_verdict sim_check_delivery(struct sim_world *world, const struct sim_node *to, const struct kr_event *events,
                                    size_t count);
/* No canary stands in a frame in the open. */
enum sim_verdict sim_check_frame(struct sim_world *world, const uint8_t *bytes, size_t len);

#endif
