/* Giving runs what finds their rows fast: a locator after a restart, spots once they stand in the file. A slice at a time. */
#include <string.h>

#include "store/runs.h"

#define SLICE_ROWS   (4u * KR_MERGE_SLICE)
#define SPOTTED_FROM (KR_INDEX_FRESH_MAX + 1) /* rows: smaller runs lie in a cache, and soon merge */

static struct kr_run *first_unlisted(const struct kr_runs *runs)
{
    for (uint32_t i = 0; i < runs->count; i++) {
        if (!atomic_load(&runs->runs[i]->is_listed) && !runs->runs[i]->has_no_room) {
            return runs->runs[i];
        }
    }
    return NULL;
}

static struct kr_run *first_unspotted(const struct kr_runs *runs)
{
    for (uint32_t i = 0; i < runs->count; i++) {
        const struct kr_run *run = runs->runs[i];
        if (run->count >= SPOTTED_FROM && !atomic_load(&run->is_spotted) && !run->has_no_spots && !run->has_no_room) {
            return runs->runs[i];
        }
    }
    return NULL;
}

bool kr_runs_to_list(const struct kr_runs *runs)
{
    return first_unlisted(runs) != NULL;
}

bool kr_runs_to_spot(const struct kr_runs *runs)
{
    return first_unspotted(runs) != NULL;
}

/* ---- one row ---- */

const uint8_t *kr_run_first(struct kr_txn *txn, const struct kr_run *run)
{
    const uint8_t **first = &txn->first_rows[run->slot];
    MDB_val key = {.mv_size = sizeof run->first_key, .mv_data = (void *)(uintptr_t)run->first_key}, tag = {0};
    if (*first == NULL && mdb_get(txn->mdb, txn->store->dbis[KR_DBI_RUN + run->slot], &key, &tag) == 0) {
        *first = (const uint8_t *)tag.mv_data - KR_INDEX_KEY_BYTES;
    }
    return *first;
}

/* Where LMDB has put the key, and right behind it its tag. */
static bool spot_row(struct kr_txn *txn, struct kr_run *run, struct kr_slice key, struct kr_slice tag)
{
    if (kr_spots_rows(run->spots) == 0) {
        memcpy(run->first_key, key.bytes, sizeof run->first_key);
    }
    const uint8_t *first = kr_run_first(txn, run);
    return first != NULL && tag.bytes == key.bytes + KR_INDEX_KEY_BYTES && tag.len == KR_TAG_BYTES &&
           kr_spots_add(run->spots, first, key.bytes);
}

/* Whether the locator leads to the row. */
static bool leads_there(const struct kr_run *run, struct kr_slice key, uint64_t row)
{
    struct kr_located located;
    return kr_locator_find(run->locator, key.bytes, &located) &&
           (located.is_anywhere || (row - located.first < 32 && (located.bits >> (row - located.first) & 1u) != 0));
}

/* Whatever the row says of itself: a look-up that comes upon it will say what it is. Gives whether the walk may begin with it the
 * next time: a damaged key could stand anywhere. */
static bool take_row(struct kr_txn *txn, struct kr_run *run, uint64_t row, struct kr_slice key, struct kr_slice tag)
{
    if (key.len != KR_INDEX_KEY_BYTES) {
        run->has_no_spots = true;
        return false;
    }
    if (!atomic_load(&run->is_listed)) {
        kr_locator_add(run->locator, key.bytes, row);
    }
    const bool is_next = run->spots != NULL && row == kr_spots_rows(run->spots);
    const bool is_known = run->spots != NULL && row < kr_spots_rows(run->spots); /* the one that the walk began with */
    if (!run->has_no_spots && !is_known && !(is_next && spot_row(txn, run, key, tag) && leads_there(run, key, row))) {
        run->has_no_spots = true;
    }
    if (!kr_tag_matches(txn->store, KR_TAG_INDEX, key, tag) ||
        (run->has_walked && memcmp(key.bytes, run->walked_to, sizeof run->walked_to) <= 0)) {
        return false;
    }
    memcpy(run->walked_to, key.bytes, sizeof run->walked_to);
    run->walked = row;
    run->has_walked = true;
    return true;
}

/* ---- a slice ---- */

/* What this very transaction has written lies in memory, and who knows where later. */
static bool is_committed(const struct kr_txn *txn, const struct kr_run *run)
{
    return txn->store->runs != NULL && kr_runs_by_serial(txn->store->runs, run->serial) == run;
}

static bool make_room(struct kr_txn *txn, struct kr_run *run)
{
    if (run->locator == NULL) {
        run->locator = kr_locator_new(run->count);
        run->has_no_room = run->locator == NULL;
    }
    if (!is_committed(txn, run)) {
        run->has_no_spots = true;
    }
    if (run->spots == NULL && !run->has_no_spots && !run->has_no_room) {
        run->spots = kr_spots_new(txn->store->page_bytes);
        run->has_no_spots = run->spots == NULL;
    }
    return !run->has_no_room;
}

static void finish(struct kr_run *run)
{
    if (run->has_no_spots) {
        kr_spots_free(run->spots);
        run->spots = NULL;
    }
    atomic_store(&run->is_listed, true);
    atomic_store(&run->is_spotted, !run->has_no_spots);
}

/* A page is damaged, which fails this transaction; the next one must not come upon it again, or nothing that idle time is for would
 * ever be done. Look-ups search the run, and tell of the page where they meet it. */
static void give_up(struct kr_run *run)
{
    run->has_no_spots = true;
    run->has_no_room = run->has_no_room || !atomic_load(&run->is_listed);
    kr_spots_free(run->spots);
    run->spots = NULL;
}

/* A run never changes, so what was read of it counts whatever becomes of this transaction. */
static enum kr_err slice(struct kr_txn *txn, struct kr_run *run)
{
    MDB_cursor *cursor = NULL;
    uint8_t from[KR_INDEX_KEY_BYTES];
    struct kr_slice key = {0}, tag = {0};
    if (!make_room(txn, run)) {
        return KR_OK;
    }
    enum kr_err err = kr_row_cursor(txn, KR_DBI_RUN + run->slot, &cursor);
    if (err != KR_OK) {
        return err;
    }
    uint64_t row = run->walked;
    if (run->has_walked) {
        memcpy(from, run->walked_to, sizeof from);
        key = kr_slice_of(from, sizeof from);
    }
    err = kr_row_move(txn, cursor, run->has_walked ? MDB_SET_RANGE : MDB_FIRST, &key, &tag);
    for (uint32_t i = 0; err == KR_OK && i < SLICE_ROWS; row++) {
        i += take_row(txn, run, row, key, tag);
        err = kr_row_move(txn, cursor, MDB_NEXT, &key, &tag);
    }
    mdb_cursor_close(cursor);
    if (err == KR_NOT_FOUND) {
        finish(run);
        err = KR_OK;
    } else if (err == KR_CORRUPT) {
        give_up(run);
    }
    return err;
}

enum kr_err kr_runs_list_slice(struct kr_txn *txn, bool *ret_did)
{
    struct kr_run *run = first_unlisted(txn->runs);
    *ret_did = run != NULL;
    return run != NULL ? slice(txn, run) : KR_OK;
}

enum kr_err kr_runs_spot_slice(struct kr_txn *txn, bool *ret_did)
{
    struct kr_run *run = txn->store->runs != NULL ? first_unspotted(txn->store->runs) : NULL;
    *ret_did = run != NULL && kr_runs_by_serial(txn->runs, run->serial) == run;
    return *ret_did ? slice(txn, run) : KR_OK;
}
