/* Merging runs, a slice at a time; before that, giving locators back to runs after a restart, and behind it, finding where their
 * rows lie (locate.c). */
#include <string.h>

#include "store/runs.h"

/* The lowest level that has enough runs, and the oldest of them; runs stand in the order of their birth. None where no slot is left
 * to merge them into, which only a file can say. */
static bool choose_sources(const struct kr_runs *runs, uint64_t ret_serials[static KR_RUN_FANOUT], uint32_t *ret_level)
{
    if (kr_runs_free_slot(runs, false) >= runs->slots) {
        return false;
    }
    for (uint32_t level = 0; level < 32; level++) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < runs->count && count < KR_RUN_FANOUT; i++) {
            KR_ASSERT(runs->runs[i] != NULL);
            if (runs->runs[i]->level == level) {
                ret_serials[count++] = runs->runs[i]->serial;
            }
        }
        if (count == KR_RUN_FANOUT) {
            *ret_level = level;
            return true;
        }
    }
    return false;
}

static enum kr_err start(struct kr_txn *txn, const uint64_t serials[static KR_RUN_FANOUT], uint32_t level)
{
    struct kr_runs *runs = NULL;
    uint64_t entries = 0;
    const uint32_t slot = kr_runs_free_slot(txn->runs, false);
    enum kr_err err = kr_runs_own(txn, &runs);
    if (err != KR_OK) {
        return err;
    }
    for (uint32_t i = 0; i < KR_RUN_FANOUT; i++) {
        const struct kr_run *source = kr_runs_by_serial(runs, serials[i]);
        KR_ASSERT(source != NULL);
        entries += source->count;
    }
    runs->target = kr_run_new(runs->next_serial, slot, level + 1, txn->store->term_generation);
    if (runs->target == NULL) {
        return KR_NOMEM;
    }
    runs->next_serial++;
    runs->target->locator = kr_locator_new(entries);
    atomic_store(&runs->target->is_listed, runs->target->locator != NULL);
    memcpy(runs->sources, serials, sizeof runs->sources);
    runs->has_cursor = false;
    return KR_OK;
}

/* The sources go, the target takes its place among the runs. */
static enum kr_err finish(struct kr_txn *txn, struct kr_runs *runs)
{
    for (uint32_t i = 0; i < KR_RUN_FANOUT; i++) {
        for (uint32_t at = 0; at < runs->count; at++) {
            struct kr_run *run = runs->runs[at];
            if (run->serial == runs->sources[i]) {
                enum kr_err err = kr_row_clear(txn, KR_DBI_RUN + run->slot);
                if (err != KR_OK) {
                    return err;
                }
                runs->count--;
                memmove(&runs->runs[at], &runs->runs[at + 1], (runs->count - at) * sizeof runs->runs[0]);
                kr_run_unref(run);
                break;
            }
        }
    }
    if (runs->target->count > 0) {
        runs->runs[runs->count++] = runs->target;
    } else {
        kr_run_unref(runs->target);
    }
    runs->target = NULL;
    runs->has_cursor = false;
    return KR_OK;
}

/* Whatever is not behind the last key was dealt with, or is out of order, and does not count: a slice always gets on. */
static enum kr_err copy_slice(struct kr_txn *txn, struct kr_runs *runs, struct kr_run_walk *walk, const struct kr_dead_map *dead,
                              bool *ret_at_end)
{
    struct kr_slice key = {0}, value = {0};
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < KR_MERGE_SLICE && err == KR_OK;) {
        if (!kr_run_walk_peek(walk, &key, &value)) {
            *ret_at_end = true;
            return KR_OK;
        }
        if (runs->has_cursor && memcmp(key.bytes, runs->cursor, sizeof runs->cursor) <= 0) {
            err = kr_run_walk_next(walk);
            continue;
        }
        i++;
        memcpy(runs->cursor, key.bytes, sizeof runs->cursor);
        runs->has_cursor = true;
        if (kr_index_is_alive(txn, dead, key.bytes)) {
            err = kr_row_put(txn, KR_DBI_RUN + runs->target->slot, key, value, MDB_APPEND);
            if (runs->target->locator != NULL) {
                kr_locator_add(runs->target->locator, key.bytes, runs->target->count);
            }
            runs->target->count++;
        }
        if (err == KR_OK) {
            err = kr_run_walk_next(walk);
        }
    }
    return err;
}

/* The target's last key, copied out; KR_NOT_FOUND. */
static enum kr_err last_key(struct kr_txn *txn, const struct kr_run *target, uint8_t ret_key[static 511], size_t *ret_len)
{
    MDB_cursor *cursor = NULL;
    struct kr_slice key = {0}, value = {0};
    enum kr_err err = kr_row_cursor(txn, KR_DBI_RUN + target->slot, &cursor);
    if (err != KR_OK) {
        return err;
    }
    err = kr_row_move(txn, cursor, MDB_LAST, &key, &value);
    if (err == KR_OK && (key.len == 0 || key.len > 511)) {
        err = KR_CORRUPT; /* LMDB hands out whatever length the page tells */
    }
    if (err == KR_OK) {
        memcpy(ret_key, key.bytes, key.len);
        *ret_len = key.len;
    }
    mdb_cursor_close(cursor);
    return err;
}

/* Behind a last key that is damaged and too large nothing could be appended. It goes, and what it was comes anew from the sources.
 */
static enum kr_err mend_end(struct kr_txn *txn, struct kr_runs *runs)
{
    uint8_t key[511];
    size_t len = 0;
    bool is_mended = false;
    enum kr_err err = runs->has_cursor ? last_key(txn, runs->target, key, &len) : KR_NOT_FOUND;
    while (err == KR_OK && (len != sizeof runs->cursor || memcmp(key, runs->cursor, len) > 0)) {
        err = kr_row_delete(txn, KR_DBI_RUN + runs->target->slot, kr_slice_of(key, len));
        if (err == KR_NOT_FOUND) {
            return KR_CORRUPT; /* it cannot even be found */
        }
        runs->target->count -= runs->target->count > 0;
        is_mended = true;
        err = err == KR_OK ? last_key(txn, runs->target, key, &len) : err;
    }
    if (is_mended && err == KR_OK) {
        memcpy(runs->cursor, key, sizeof runs->cursor);
    } else if (is_mended && err == KR_NOT_FOUND) {
        runs->has_cursor = false;
    }
    return err == KR_NOT_FOUND ? KR_OK : err;
}

static enum kr_err merge(struct kr_txn *txn, bool *ret_at_end)
{
    struct kr_runs *runs = NULL;
    struct kr_run_walk walk;
    struct kr_dead_map dead = {0};
    enum kr_err err = kr_runs_own(txn, &runs);
    if (err != KR_OK) {
        return err;
    }
    kr_run_walk_init(&walk, txn);
    walk.skips_damaged = true;
    err = mend_end(txn, runs);
    if (err == KR_OK) {
        err = kr_dead_load(txn, &dead);
    }
    for (uint32_t i = 0; i < KR_RUN_FANOUT && err == KR_OK; i++) {
        const struct kr_run *run = kr_runs_by_serial(runs, runs->sources[i]);
        err = run == NULL ? KR_CORRUPT
                          : kr_run_walk_add(&walk, KR_DBI_RUN + run->slot,
                                            kr_slice_of(runs->cursor, runs->has_cursor ? sizeof runs->cursor : 0));
    }
    if (err == KR_OK) {
        err = copy_slice(txn, runs, &walk, &dead, ret_at_end);
    }
    kr_run_walk_deinit(&walk);
    kr_dead_free(&dead);
    if (err == KR_OK && *ret_at_end) {
        err = finish(txn, runs);
    }
    return err;
}

bool kr_store_merge_is_due(const struct kr_store *store)
{
    const struct kr_runs *runs = store->runs; /* only writers change what is newest */
    uint64_t serials[KR_RUN_FANOUT];
    uint32_t level = 0;
    return runs != NULL &&
           (kr_runs_to_list(runs) || runs->target != NULL || choose_sources(runs, serials, &level) || kr_runs_to_spot(runs));
}

enum kr_err kr_store_merge_slice(struct kr_txn *txn, bool *ret_more)
{
    uint64_t serials[KR_RUN_FANOUT] = {0};
    uint32_t level = 0;
    bool at_end = false, did = false;
    enum kr_err err = kr_runs_list_slice(txn, &did);
    if (did || err != KR_OK) {
        *ret_more = err == KR_OK;
        return err;
    }
    if (txn->runs->target == NULL) {
        if (!choose_sources(txn->runs, serials, &level)) {
            return kr_runs_spot_slice(txn, ret_more);
        }
        err = start(txn, serials, level);
    }
    if (err == KR_OK) {
        err = merge(txn, &at_end);
    }
    if (err == KR_OK) {
        *ret_more = txn->runs->target != NULL || choose_sources(txn->runs, serials, &level) || kr_runs_to_spot(txn->runs);
    }
    return kr_txn_fail(txn, err);
}
