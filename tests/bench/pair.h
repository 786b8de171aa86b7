/* Two real cores with stores of their own in this process, linked in memory: every frame takes a millisecond of virtual time and is
 * read along, so that what reconciliation costs can be told apart from the records that it moves. */
#ifndef KR_BENCH_PAIR_H
#define KR_BENCH_PAIR_H

#include "store/store.h"
#include "tests/sim/world.h"

#define PAIR_TYPES  32u
#define PAIR_AGE_MS (UINT64_C(100) * 86400 * 1000) /* so old are the nodes and their keys */

/* What passed since `pair_count_from_here`, the frames of records and the credit for them left out. */
struct pair_tally {
    uint64_t bytes, frames; /* both ways, as handed to net: with session number and authentication */
    uint64_t type_bytes[PAIR_TYPES];
    double type_us[PAIR_TYPES];      /* CPU of reading and answering it; of KR_MESSAGE_UNKNOWN: of ticks */
    uint32_t depth;                  /* longest chain of frames of which each was sent after the one before had come */
    double cpu_us;                   /* of both cores, packing, checking and storing records left out */
    uint64_t records;                /* frames of records */
    uint32_t list_depth[PAIR_TYPES]; /* longest chain that ends with a frame of that type that lists ids */
};

struct pair;
struct pair *pair_new(void);
void pair_free(struct pair *pair);
struct kr_store *pair_store(struct pair *pair, uint32_t node);
struct sim_world *pair_world(struct pair *pair);
void pair_count_from_here(struct pair *pair);
const struct pair_tally *pair_tally(const struct pair *pair);
/* Virtual time. */
void pair_run(struct pair *pair, uint64_t ms);
/* Both cores end and begin again `away_ms` of virtual time later, with a new session. `read`, or NULL: of this scope both have read
 * the other's log to its end, so that what differs all the same can only be found in the trees. */
void pair_restart(struct pair *pair, const struct kr_scope *read, uint64_t away_ms);
/* Whether both hold the same in this scope. */
bool pair_is_equal(struct pair *pair, const struct kr_scope *scope);
/* Runs until that is so. The program ends where it takes more than `ms_max`. */
void pair_run_until_equal(struct pair *pair, const struct kr_scope *scope, uint64_t ms_max);

#endif
