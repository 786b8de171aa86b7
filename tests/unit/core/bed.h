/* A test bed: real cores on real stores in the simulator's world without faults, a client that keeps what it is answered, and peers
 * that say whatever the test wants under their genuine session. */
#ifndef KR_TEST_CORE_BED_H
#define KR_TEST_CORE_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "node/core/state.h"
#include "proto/record/body.h"
#include "proto/record/statement.h"
#include "tests/sim/world.h"

#define BED_CLIENT    99u
#define BED_PENDING   1000u /* no answer yet: no enum kr_err */
#define BED_DAY_MS    86400000u
#define BED_SENT_MAX  4096u
#define BED_NODES_MAX 64u

struct bed {
    struct sim_world *world;
    struct kr_caller caller; /* who asks: the operator, unless a test says otherwise */
    uint64_t request;        /* the last one that was made */
    uint32_t code;           /* its answer: BED_PENDING, KR_OK for an end, else the error's code */
    char text[512];          /* the error's sentence */
    uint8_t result[64 * KR_KIB];
    size_t result_len;
    uint32_t answers, pages;
    struct {
        uint8_t bytes[8 * KR_KIB];
        size_t len;
    } items[4];       /* of the answer's pages, the first of them */
    bool loses_turns; /* the keyring cannot be written when the storage key is replaced */
    uint32_t forgets; /* which key was last to be taken off: enum kr_key_role; 0: none */
    char *log;        /* all lines that nodes logged, "N: …\n" */
    size_t log_len, log_capacity;
    uint32_t sent[BED_NODES_MAX]; /* frames let out by each node, and their bytes, since these were last cleared */
    uint64_t sent_bytes[BED_NODES_MAX];
    uint32_t max_level;
    /* Carries the frames itself where it is set; false: the world shall. */
    bool (*on_send)(void *context, struct sim_node *node, const struct kr_effect *effect);
    /* Likewise dials and their ends. */
    bool (*on_dial)(void *context, struct sim_node *node, const struct kr_effect *effect);
    void *context;
};

/* Nodes in a chain, linked, in the community that node 1 founded. */
struct bed *bed_new(uint32_t nodes);
/* The same, linked like this (edges are copied); the founder is node 1. */
struct bed *bed_new_with(uint32_t nodes, const struct sim_edges *edges);
/* In a chain, in a community that gives newcomers what is GREEN from now on: the last nodes join hours later. */
struct bed *bed_new_grown(uint32_t nodes, uint32_t newcomers);
void bed_free(struct bed *bed);
void bed_run(struct bed *bed, uint64_t ms);
/* So much time in which no node runs, and two hours in which all do: weeks of pings take minutes. Cores are others afterwards. */
void bed_pass(struct bed *bed, uint64_t ms);
/* Kills the node after all that it has under way, starts it again, and waits until its links stand. */
void bed_restart(struct bed *bed, uint32_t node);
struct sim_node *bed_node(struct bed *bed, uint32_t index);
struct kr_core *bed_core(struct bed *bed, uint32_t index);
struct kr_link *bed_link(struct bed *bed, uint32_t from, uint32_t to); /* from's link with to */
struct kr_card bed_card(struct bed *bed, uint32_t node, uint32_t of);  /* as node knows it; borrowed from its core */
/* In node's core the first node key on that card is another one, or again the right one. */
void bed_turn_key(struct bed *bed, uint32_t node, uint32_t of);
/* Whether some node logged a line with this text; the log is then forgotten. */
bool bed_said(struct bed *bed, uint32_t node, const char *text);
uint32_t bed_times_said(const struct bed *bed, uint32_t node, const char *text);
void bed_forget_log(struct bed *bed);

/* One request, and its answer after `ms`. */
uint32_t bed_request(struct bed *bed, uint32_t node, uint32_t op, const void *args, size_t len, uint64_t ms);
/* Whether a page of a query is to end: always, so that each has one step. */
bool bed_at_once(void *context);
/* A report with one domain. `tag` makes title and domain its own. */
struct kr_submit *bed_submission(struct bed *bed, enum kr_label label, const char *domain, uint8_t token);
void bed_submission_free(struct kr_submit *submit);
void bed_address(struct bed *bed, struct kr_submit *submit, uint32_t node);
void bed_submission_body(struct kr_submit *submit, const char *const *domains, uint32_t count);
uint32_t bed_submit(struct bed *bed, uint32_t node, const struct kr_submit *submit, uint8_t ret_id[static 32]);
void bed_result_id(const struct bed *bed, uint8_t ret_id[static 32], bool *ret_known);

/* KR_NOT_FOUND where the node does not hold it. */
enum kr_err bed_head(struct bed *bed, uint32_t node, const uint8_t id[static 32], struct kr_head *ret_head);
/* Whether it holds the whole record, not its header alone. */
bool bed_holds(struct bed *bed, uint32_t node, const uint8_t id[static 32]);
struct kr_store_stat bed_stat(struct bed *bed, uint32_t node);
/* Whole ones. */
uint64_t bed_records(struct bed *bed, uint32_t node);

/* What the operator of a node does with its link with another council; the code that he was told, or as it stands over there. */
uint32_t bed_act_on(struct bed *bed, uint32_t node, uint32_t action, uint32_t other);
uint32_t bed_pair(struct bed *bed, uint32_t node, uint32_t other, uint32_t action, const char *code);
uint32_t bed_confirm(struct bed *bed, uint32_t node, uint32_t other);

/* Councils outside: keys and a card. */
struct stranger {
    struct kr_keyring *keyring;
    uint8_t id[32];
    uint8_t *genesis;
    size_t genesis_len;
};
void stranger_init(struct bed *bed, struct stranger *stranger, uint8_t number);
void stranger_deinit(struct stranger *stranger);

struct forged {
    uint8_t *bytes;
    size_t len;
    uint8_t id[32];
};
/* Signs a draft as a council of the bed (or as a stranger): with the root key for statements. Defaults: now, a day. */
struct forged bed_forge(struct bed *bed, uint32_t node, struct kr_draft draft);
/* A statement, as honest nodes label it: GREEN in a community, else CLEAR. */
struct forged bed_statement(struct bed *bed, uint32_t author, uint32_t kind, const uint8_t *in, const uint8_t *subject,
                            uint64_t version, struct kr_slice content);
struct forged stranger_forge(struct bed *bed, const struct stranger *stranger, struct kr_draft draft);
struct forged stranger_card(struct bed *bed, const struct stranger *stranger, const uint8_t *community, uint64_t version,
                            uint64_t ttl_s);
/* The same with these node keys. */
struct forged stranger_card_with(struct bed *bed, const struct stranger *stranger, const uint8_t *community, uint64_t version,
                                 uint64_t ttl_s, const struct kr_card_key *keys, uint32_t count);
void forged_free(struct forged *forged);
struct kr_slice bed_report(struct kr_writer *writer, const char *domain); /* content; free the writer */

/* The message as a frame of that session; the caller's to free(). */
uint8_t *bed_frame(struct kr_session *session, const struct kr_message *message, size_t *ret_len);
/* What `from` says to `to` under their session, as if its core had. Runs 100 ms. */
void bed_say(struct bed *bed, uint32_t from, uint32_t to, const struct kr_message *message);
/* The same of a message about that scope. */
void bed_say_of(struct bed *bed, uint32_t from, uint32_t to, struct kr_scope scope, const struct kr_message *message);
void bed_tag(struct bed *bed, uint32_t from, uint32_t to, struct kr_scope scope, uint8_t ret_tag[static KR_SCOPE_TAG_BYTES]);
void bed_hand_over(struct bed *bed, uint32_t from, uint32_t to, const struct forged *forged);

#endif
