/* Sorted runs of the index, and which of them stand in a snapshot. Inside the store only.
 *
 * New rows are fresh (fresh.h). When there are enough, they are sorted into a free slot and become a run of level 0; four runs of
 * one level merge into one of the next, slice by slice. So a row is written in order a few times instead of at random once, which
 * is several times faster on a large store.
 *
 * A set of runs (struct kr_runs) is immutable but for the one that a write transaction is building; every transaction refers to
 * the set of its own snapshot, so an abort forgets changes by dropping a reference. */
#ifndef KR_STORE_RUNS_H
#define KR_STORE_RUNS_H

#include <stdatomic.h>

#include "store/internal.h"
#include "store/locator.h"
#include "store/spots.h"

struct kr_run {
    atomic_uint refs;
    uint64_t serial; /* order of birth */
    uint64_t count;
    uint32_t slot, level, generation;
    /* Built with the run, or after a restart from the run itself, in slices; of use to look-ups only when `is_listed`. */
    struct kr_locator *locator;
    atomic_bool is_listed;
    /* Built from the run when it stands in the file; of use only when `is_spotted`, which needs `is_listed`. */
    struct kr_spots *spots;
    atomic_bool is_spotted;
    uint8_t first_key[KR_INDEX_KEY_BYTES];
    /* How far locate.c is with it. */
    uint8_t walked_to[KR_INDEX_KEY_BYTES];
    uint64_t walked; /* rows, up to that one and with it */
    bool has_walked;
    bool has_no_room, has_no_spots; /* no memory, rows that lie otherwise, or a damaged page: look-ups search the run itself */
};

struct kr_runs {
    atomic_uint refs;
    struct kr_runs *older;
    size_t from_txn; /* LMDB's number of the first transaction that sees this set */
    uint64_t next_serial;
    uint32_t count;
    uint32_t slots; /* that it may use: KR_RUN_SLOTS, or KR_RUN_SLOTS_OLD while an older store is brought up to date */
    struct kr_run *runs[KR_RUN_SLOTS_OLD];
    struct kr_fresh *fresh;
    /* The merge under way: `target` is not searched yet, its sources still are. */
    struct kr_run *target;
    uint64_t sources[KR_RUN_FANOUT]; /* serials */
    bool has_cursor;
    uint8_t cursor[KR_INDEX_KEY_BYTES]; /* the last key dealt with */
};

/* Reads the set of a snapshot from `meta`; without locators. */
enum kr_err kr_runs_load(struct kr_txn *txn, uint32_t format, struct kr_runs **ret_runs) KR_WARN_UNUSED;
enum kr_err kr_runs_save(struct kr_txn *txn) KR_WARN_UNUSED;
struct kr_runs *kr_runs_ref(struct kr_runs *runs);
void kr_runs_unref(struct kr_runs *runs);
/* A copy of the transaction's set that it may change; made once for each (nested) transaction. */
enum kr_err kr_runs_own(struct kr_txn *txn, struct kr_runs **ret_runs) KR_WARN_UNUSED;
/* The number of a slot that neither run nor target uses; `runs->slots` where there is none. The last one is for merging: new runs
 * `keep_one`, else nothing could ever become free again. */
uint32_t kr_runs_free_slot(const struct kr_runs *runs, bool keep_one);
struct kr_run *kr_run_new(uint64_t serial, uint32_t slot, uint32_t level, uint32_t generation);
struct kr_run *kr_run_ref(struct kr_run *run);
void kr_run_unref(struct kr_run *run);
/* The run that has this number in the set; NULL. */
struct kr_run *kr_runs_by_serial(const struct kr_runs *runs, uint64_t serial);
/* Moves what is fresh into a run; there must be a free slot. */
enum kr_err kr_runs_flush(struct kr_txn *txn) KR_WARN_UNUSED;

/* ---- locate.c ---- */
/* Runs without a locator, and large ones in the file without spots. */
bool kr_runs_to_list(const struct kr_runs *runs);
bool kr_runs_to_spot(const struct kr_runs *runs);
/* Where the first row lies in this snapshot, of a run with spots, or about to have them; NULL: it cannot be found. */
const uint8_t *kr_run_first(struct kr_txn *txn, const struct kr_run *run);
/* A slice of the first one's; `*ret_did` is false where there is none. */
enum kr_err kr_runs_list_slice(struct kr_txn *txn, bool *ret_did) KR_WARN_UNUSED;
enum kr_err kr_runs_spot_slice(struct kr_txn *txn, bool *ret_did) KR_WARN_UNUSED;

/* Walks several runs at once in the order of their keys, each key once. */
struct kr_run_walk {
    struct kr_txn *txn;
    bool skips_damaged; /* for merging, which one row must not stop: verify tells of it, and look-ups that meet it */
    uint32_t count;
    MDB_cursor *cursors[KR_RUN_SLOTS_OLD + 1];
    struct kr_slice keys[KR_RUN_SLOTS_OLD + 1], values[KR_RUN_SLOTS_OLD + 1]; /* key.len 0: at its end */
};
void kr_run_walk_init(struct kr_run_walk *walk, struct kr_txn *txn);
void kr_run_walk_deinit(struct kr_run_walk *walk);
/* Adds a table, standing at its first key >= `from`. */
enum kr_err kr_run_walk_add(struct kr_run_walk *walk, uint32_t dbi, struct kr_slice from) KR_WARN_UNUSED;
/* The smallest key and its value; false at the end of all. */
bool kr_run_walk_peek(const struct kr_run_walk *walk, struct kr_slice *ret_key, struct kr_slice *ret_value);
enum kr_err kr_run_walk_next(struct kr_run_walk *walk) KR_WARN_UNUSED;

#endif
