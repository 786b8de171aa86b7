/* Two nodes that walk one scope, cut down to what that takes: a store, a core without a directory, and one link between them with a
 * genuine session. What a node pushes enters the other's store unchecked. Messages pass in rounds, all that are on their way at
 * once, so that trips can be counted; virtual time moves when nothing else does. */
#ifndef KR_TEST_WALKERS_H
#define KR_TEST_WALKERS_H

#include "node/core/effect.h"
#include "node/core/state.h"

#define WALKERS_NOW_MS UINT64_C(1795000000000) /* a day in November 2026 */
#define WALKERS_MONTH  685u                    /* expires in February 2027 */

struct walkers_frame {
    uint8_t *bytes; /* owned */
    size_t len;
    struct walkers_frame *next;
};

struct walkers_node {
    char dir[200];
    struct kr_store *store;
    struct kr_txn *txn; /* open as long as the store is */
    struct kr_core *core;
    struct kr_link *link; /* the first node's dials */
    struct kr_effects effects;
    struct walkers_frame *out, **out_end; /* on their way to the other */
    uint64_t wake_ms;
    bool is_dead; /* what it is sent is lost */
    /* So far. */
    uint64_t messages, bytes; /* of walks, as frames */
    double cpu_s;             /* used by walks, sealing included */
    uint64_t pushed;
};

struct walkers {
    struct walkers_node nodes[2];
    struct kr_scope scope;
    struct kr_rng rng;
    uint64_t now_ms;
    uint32_t sessions;
    uint32_t push_max;           /* records that pass in one round; 0: none do */
    uint32_t rounds, last_found; /* half trips since the walk began; the last in which something was found */
    uint32_t done;               /* walks that came to their end, and what the last one found */
    uint64_t found;
    size_t waiting_max;        /* bytes of messages that waited in one node */
    char log[4096];            /* lines of both */
    uint64_t loss;             /* of 1,000 messages; a lost one ends the session */
    struct kr_message message; /* large */
};

void walkers_init(struct walkers *walkers, uint64_t seed);
void walkers_deinit(struct walkers *walkers);
/* A copy of the first node's store takes the place of the second's. */
void walkers_copy(struct walkers *walkers);
/* A new session; what was on its way is gone. */
void walkers_link(struct walkers *walkers);
/* The id of record number `n`. */
void walkers_id(uint64_t n, uint8_t ret_id[static 32]);
/* Puts an element into the node's scope; `has_record` false: only into its trees. */
void walkers_put(struct walkers *walkers, uint32_t node, const uint8_t id[static 32], uint64_t created_ms, uint32_t month,
                 bool has_record);
/* The first node begins. False: it may not. */
bool walkers_begin(struct walkers *walkers);
/* Until nothing is on its way and nobody wants to be woken, or `rounds_max`. */
void walkers_run(struct walkers *walkers, uint32_t rounds_max);
/* One message from the node to the other, as if its core had said it. */
void walkers_say(struct walkers *walkers, uint32_t node, const struct kr_message *message);
/* Both hold the same. */
bool walkers_are_equal(struct walkers *walkers);
uint64_t walkers_count(struct walkers *walkers, uint32_t node);

#endif
