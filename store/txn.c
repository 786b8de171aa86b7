/* Transactions and raw rows. */
#include <stdlib.h>
#include <string.h>

#include "store/fresh.h"
#include "store/internal.h"
#include "store/runs.h"

struct kr_slice kr_slice_of(const void *bytes, size_t len)
{
    return (struct kr_slice){.bytes = bytes, .len = len};
}

void kr_put_be(uint8_t *ret, uint64_t value, size_t len)
{
    for (size_t i = len; i-- > 0; value >>= 8) {
        ret[i] = (uint8_t)value;
    }
}

uint64_t kr_get_be(const uint8_t *bytes, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

/* ---- begin ---- */

/* What is fresh now, so that an abort can take back what comes. */
static void begin_fresh(struct kr_txn *txn)
{
    txn->base = kr_fresh_ref(txn->runs->fresh);
    txn->base_count = kr_fresh_count(txn->base);
}

/* Where the table lacks rows, what would be written next would take the place of others, or follow from a state that is older than
 * the log: such a store is only read. */
static enum kr_err begin_state(struct kr_txn *txn)
{
    uint32_t saved = 0;
    uint64_t last_arrival = 0;
    enum kr_err err = kr_fresh_visible(txn, &saved);
    if (err == KR_OK && saved != txn->base_count) {
        err = KR_CORRUPT;
    }
    if (err == KR_OK) {
        err = kr_fresh_state(txn, &txn->state);
    }
    if (err == KR_OK) {
        err = kr_log_last(txn, &last_arrival);
    }
    return err == KR_OK && last_arrival >= txn->state.next_arrival ? KR_CORRUPT : err;
}

enum kr_err kr_store_write_begin(struct kr_store *store, struct kr_txn **ret_txn)
{
    KR_ASSERT(!store->is_writing);
    enum kr_err err = kr_env_prepare(store);
    if (err != KR_OK) {
        return err;
    }
    struct kr_txn *txn = calloc(1, sizeof *txn);
    if (txn == NULL) {
        return KR_NOMEM;
    }
    *txn = (struct kr_txn){.store = store, .is_write = true};
    err = kr_env_err(store, mdb_txn_begin(store->env, NULL, 0, &txn->mdb));
    if (err != KR_OK) {
        free(txn);
        return err;
    }
    store->is_writing = true;
    txn->runs = kr_runs_ref(store->runs); /* only writers change what is newest */
    begin_fresh(txn);
    txn->fresh_saved = txn->base_count;
    err = begin_state(txn);
    if (err != KR_OK) {
        kr_txn_abort(txn);
        return err;
    }
    *ret_txn = txn;
    return KR_OK;
}

enum kr_err kr_txn_nest(struct kr_txn *parent, struct kr_txn **ret_txn)
{
    KR_ASSERT(parent->is_write);
    if (parent->failed != KR_OK) {
        return parent->failed;
    }
    struct kr_txn *txn = calloc(1, sizeof *txn);
    if (txn == NULL) {
        return KR_NOMEM;
    }
    *txn = (struct kr_txn){
        .store = parent->store,
        .parent = parent,
        .is_write = true,
        .state = parent->state,
        .fresh_saved = parent->fresh_saved,
    };
    txn->mdb = parent->mdb;
    txn->runs = kr_runs_ref(parent->runs);
    begin_fresh(txn);
    *ret_txn = txn;
    return KR_OK;
}

/* A nested transaction begins in LMDB with its first write, for that costs a megabyte and most events of a node write nothing.
 * Until then it reads in its parent's; cursors that are open there go on in its own. */
static enum kr_err begin_to_write(struct kr_txn *txn)
{
    if (txn->parent == NULL || txn->is_begun) {
        return KR_OK;
    }
    MDB_txn *mdb = NULL;
    enum kr_err err = begin_to_write(txn->parent);
    if (err == KR_OK) {
        err = kr_env_err(txn->store, mdb_txn_begin(txn->store->env, txn->parent->mdb, 0, &mdb));
    }
    if (err == KR_OK) {
        txn->mdb = mdb;
        txn->is_begun = true;
    }
    return kr_txn_fail(txn, err);
}

/* The set of runs that belongs to the snapshot: a writer announces a new one before it commits. */
static struct kr_runs *runs_of_snapshot(struct kr_store *store, size_t snapshot)
{
    struct kr_runs *runs = store->runs;
    while (runs->from_txn > snapshot && runs->older != NULL) {
        runs = runs->older;
    }
    return kr_runs_ref(runs);
}

enum kr_err kr_store_read_begin(struct kr_store *store, struct kr_txn **ret_txn)
{
    enum kr_err err = KR_OK;
    struct kr_txn *txn = calloc(1, sizeof *txn);
    if (txn == NULL) {
        return KR_NOMEM;
    }
    *txn = (struct kr_txn){.store = store};
    (void)pthread_mutex_lock(&store->mutex);
    while (store->is_growing) {
        (void)pthread_cond_wait(&store->grown, &store->mutex);
    }
    err = store->env == NULL ? KR_IO : kr_env_err(store, mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn->mdb));
    if (err == KR_OK) {
        store->readers++;
        txn->runs = runs_of_snapshot(store, mdb_txn_id(txn->mdb));
    }
    (void)pthread_mutex_unlock(&store->mutex);
    if (err != KR_OK) {
        free(txn);
        return err;
    }
    const uint32_t shown = kr_fresh_shown(txn->runs->fresh);
    err = kr_fresh_visible(txn, &txn->fresh_seen);
    if (err == KR_CORRUPT) { /* memory still has what was there: such a store is only read, and verify tells of it */
        txn->fresh_seen = shown;
    } else if (err != KR_OK) {
        kr_txn_abort(txn);
        return err;
    }
    txn->fresh_seen = txn->fresh_seen < shown ? txn->fresh_seen : shown;
    *ret_txn = txn;
    return KR_OK;
}

uint64_t kr_txn_snapshot(const struct kr_txn *txn)
{
    return mdb_txn_id(txn->mdb);
}

/* ---- end ---- */

/* Sets that no reader refers to any more; the newest stays. Needs the mutex. */
static void prune_runs(struct kr_store *store)
{
    struct kr_runs **link = &store->runs->older;
    while (*link != NULL) {
        struct kr_runs *runs = *link;
        if (atomic_load(&runs->refs) > 1) {
            link = &runs->older;
            continue;
        }
        *link = runs->older;
        kr_runs_unref(runs);
    }
}

static void end_txn(struct kr_txn *txn)
{
    struct kr_store *store = txn->store;
    kr_scope_drop_held(txn);
    if (!txn->is_write) {
        (void)pthread_mutex_lock(&store->mutex);
        kr_runs_unref(txn->runs);
        if (--store->readers == 0) {
            (void)pthread_cond_signal(&store->no_readers);
        }
        (void)pthread_mutex_unlock(&store->mutex);
    } else {
        kr_runs_unref(txn->runs);
        kr_fresh_unref(txn->base);
        if (txn->parent == NULL) {
            store->is_writing = false;
        }
    }
    sodium_memzero(&txn->last, sizeof txn->last);
    free(txn);
}

void kr_txn_abort(struct kr_txn *txn)
{
    if (txn == NULL) {
        return;
    }
    if (txn->parent == NULL || txn->is_begun) {
        mdb_txn_abort(txn->mdb);
    }
    if (txn->is_write) {
        kr_fresh_truncate(txn->base, txn->base_count);
    }
    end_txn(txn);
}

static enum kr_err commit_nested(struct kr_txn *txn)
{
    struct kr_txn *parent = txn->parent;
    enum kr_err err = txn->is_begun ? kr_env_err(txn->store, mdb_txn_commit(txn->mdb)) : KR_OK;
    if (err != KR_OK) {
        parent->failed = err; /* what has been folded in is anybody's guess */
    } else {
        parent->state = txn->state;
        parent->fresh_saved = txn->fresh_saved;
        parent->state_changed |= txn->state_changed;
        parent->is_dirty |= txn->is_dirty;
        kr_scope_pass_held(txn);
        if (txn->runs_changed) {
            parent->runs_changed = true;
            kr_runs_unref(parent->runs);
            parent->runs = kr_runs_ref(txn->runs);
        }
        for (uint32_t dbi = 0; dbi < KR_DBI_COUNT; dbi++) {
            parent->puts[dbi] += txn->puts[dbi];
            parent->put_bytes[dbi] += txn->put_bytes[dbi];
        }
    }
    end_txn(txn);
    return err;
}

enum kr_err kr_txn_write_state(struct kr_txn *txn)
{
    enum kr_err err = kr_scope_write_held(txn);
    if (err != KR_OK) {
        return err;
    }
    if (txn->state_changed || txn->fresh_saved < kr_fresh_count(txn->runs->fresh)) {
        err = kr_fresh_save(txn, txn->runs->fresh, &txn->state, &txn->fresh_saved);
    }
    if (err == KR_OK && txn->runs_changed) {
        err = kr_runs_save(txn);
    }
    return err;
}

void kr_state_count(struct kr_txn *txn, const struct kr_head *head, bool comes)
{
    uint64_t *total = &txn->state.indicators, count = head->state == KR_HEAD_SHOWN ? head->indicator_count : 0;
    *total = comes ? *total + count : *total - (count < *total ? count : *total);
    txn->state_changed = true;
}

/* Readers choose their set of runs by the number of their snapshot, so the new one must be there before the snapshot is. */
static void announce_runs(struct kr_txn *txn)
{
    struct kr_store *store = txn->store;
    kr_fresh_show(txn->runs->fresh);
    (void)pthread_mutex_lock(&store->mutex);
    if (txn->runs_changed) {
        struct kr_runs *runs = kr_runs_ref(txn->runs);
        runs->from_txn = mdb_txn_id(txn->mdb);
        runs->older = store->runs;
        store->runs = runs;
    }
    (void)pthread_mutex_unlock(&store->mutex);
}

static void settle_runs(struct kr_txn *txn, bool is_committed)
{
    struct kr_store *store = txn->store;
    (void)pthread_mutex_lock(&store->mutex);
    if (txn->runs_changed && !is_committed) {
        struct kr_runs *runs = store->runs;
        store->runs = runs->older;
        kr_runs_unref(runs);
    }
    prune_runs(store);
    (void)pthread_mutex_unlock(&store->mutex);
}

/* That LMDB gave the environment up it tells only the next transaction, which may be one that cannot make a fresh one. */
static void probe_env(struct kr_store *store)
{
    MDB_txn *probe = NULL;
    if (kr_env_err(store, mdb_txn_begin(store->env, NULL, MDB_RDONLY, &probe)) == KR_OK) {
        mdb_txn_abort(probe);
    }
}

/* Ends the transaction in any case. */
static enum kr_err commit_outermost(struct kr_txn *txn)
{
    struct kr_store *store = txn->store;
    uint64_t pages = 2 * (uint64_t)kr_txn_dirty_pages(txn) + 64;
    announce_runs(txn);
    enum kr_err err = kr_env_err(store, mdb_txn_commit(txn->mdb));
    if (err == KR_IO && kr_file_is_disk_full(store, pages)) {
        err = KR_STORE_FULL;
    }
    settle_runs(txn, err == KR_OK);
    if (err != KR_OK) {
        kr_fresh_truncate(txn->base, txn->base_count);
        probe_env(store);
    }
    end_txn(txn);
    enum kr_err ignored = KR_OK;
    if (err == KR_OK) {
        ignored = kr_file_reserve(store, 0); /* failing is no harm: the file is long enough for all that can be reached */
    } else if (store->needs_reopen) {
        ignored = kr_env_prepare(store); /* for the readers' sake; the next write transaction tries again */
    }
    (void)ignored;
    return err;
}

enum kr_err kr_txn_commit(struct kr_txn *txn)
{
    struct kr_store *store = txn->store;
    enum kr_err err = txn->failed;
    if (err != KR_OK || !txn->is_dirty) {
        goto out;
    }
    if (txn->parent != NULL) {
        return commit_nested(txn);
    }
    err = kr_txn_write_state(txn);
    if (err == KR_OK && store->fail_commit != NULL && store->fail_commit(store->fail_context)) {
        err = KR_IO;
    }
    if (err == KR_OK && !store->is_volatile) {
        err = kr_file_reserve(store, 2 * (uint64_t)kr_txn_dirty_pages(txn) + 64);
    }
    if (err == KR_OK) {
        return commit_outermost(txn);
    }
out:
    kr_txn_abort(txn);
    return err;
}

bool kr_txn_may_write(const struct kr_txn *txn)
{
    return txn->is_write;
}

bool kr_txn_is_dirty(const struct kr_txn *txn)
{
    return txn->is_dirty;
}

/* Rows that come in order fill one page after the other; rows at random places dirty a page each, but never more than there are. */
uint32_t kr_txn_dirty_pages(const struct kr_txn *txn)
{
    uint64_t pages = 0;
    for (const struct kr_txn *each = txn; each != NULL; each = each->parent) {
        for (uint32_t dbi = 0; dbi < KR_DBI_COUNT_OLD; dbi++) {
            MDB_stat status = {0};
            if (each->puts[dbi] == 0) {
                continue;
            }
            (void)mdb_stat(txn->mdb, txn->store->dbis[dbi], &status); /* none of an old slot, which was filled and then dropped */
            bool in_order = dbi == KR_DBI_LOG || dbi == KR_DBI_ENTRIES || dbi >= KR_DBI_FRESH;
            uint64_t filled = each->put_bytes[dbi] / (txn->store->page_bytes / 5 * 4) + status.ms_depth;
            uint64_t touched = each->puts[dbi] + filled;
            uint64_t all = status.ms_leaf_pages + status.ms_branch_pages + status.ms_overflow_pages;
            pages += in_order ? filled : touched < all ? touched : all;
        }
    }
    return pages < UINT32_MAX / 4 ? (uint32_t)pages : UINT32_MAX / 4;
}

enum kr_err kr_txn_fail(struct kr_txn *txn, enum kr_err err)
{
    if (err != KR_OK && txn->failed == KR_OK) {
        txn->failed = err;
    }
    return err;
}

/* ---- rows ---- */

static MDB_val val_of(struct kr_slice slice)
{
    return (MDB_val){.mv_size = slice.len, .mv_data = (void *)(uintptr_t)slice.bytes};
}

enum kr_err kr_row_get(struct kr_txn *txn, uint32_t dbi, struct kr_slice key, struct kr_slice *ret_value)
{
    MDB_val mdb_key = val_of(key), value = {0};
    int code = mdb_get(txn->mdb, txn->store->dbis[dbi], &mdb_key, &value);
    if (code == 0) {
        *ret_value = kr_slice_of(value.mv_data, value.mv_size);
    }
    return kr_env_err(txn->store, code);
}

static enum kr_err put(struct kr_txn *txn, uint32_t dbi, struct kr_slice key, MDB_val *value, unsigned flags)
{
    KR_ASSERT(txn->is_write && key.len > 0 && key.len <= 511);
    MDB_val mdb_key = val_of(key);
    enum kr_err err = begin_to_write(txn);
    if (err != KR_OK) {
        return err;
    }
    err = kr_env_err(txn->store, mdb_put(txn->mdb, txn->store->dbis[dbi], &mdb_key, value, flags));
    if (err == KR_OK) {
        txn->is_dirty = true;
        txn->puts[dbi]++;
        txn->put_bytes[dbi] += key.len + value->mv_size + 10;
        return KR_OK;
    }
    return kr_txn_fail(txn, err);
}

enum kr_err kr_row_put(struct kr_txn *txn, uint32_t dbi, struct kr_slice key, struct kr_slice value, unsigned flags)
{
    MDB_val mdb_value = val_of(value);
    return put(txn, dbi, key, &mdb_value, flags);
}

enum kr_err kr_row_reserve(struct kr_txn *txn, uint32_t dbi, struct kr_slice key, size_t len, unsigned flags, uint8_t **ret_bytes)
{
    MDB_val value = {.mv_size = len};
    enum kr_err err = put(txn, dbi, key, &value, flags | MDB_RESERVE);
    if (err == KR_OK) {
        *ret_bytes = value.mv_data;
    }
    return err;
}

enum kr_err kr_row_delete(struct kr_txn *txn, uint32_t dbi, struct kr_slice key)
{
    KR_ASSERT(txn->is_write);
    MDB_val mdb_key = val_of(key);
    enum kr_err err = begin_to_write(txn);
    if (err != KR_OK) {
        return err;
    }
    err = kr_env_err(txn->store, mdb_del(txn->mdb, txn->store->dbis[dbi], &mdb_key, NULL));
    if (err == KR_OK) {
        txn->is_dirty = true;
        txn->puts[dbi]++;
    }
    return err == KR_NOT_FOUND ? err : kr_txn_fail(txn, err);
}

enum kr_err kr_row_clear(struct kr_txn *txn, uint32_t dbi)
{
    KR_ASSERT(txn->is_write);
    enum kr_err err = begin_to_write(txn);
    if (err != KR_OK) {
        return err;
    }
    txn->is_dirty = true;
    return kr_txn_fail(txn, kr_env_err(txn->store, mdb_drop(txn->mdb, txn->store->dbis[dbi], 0)));
}

uint64_t kr_row_count(struct kr_txn *txn, uint32_t dbi)
{
    MDB_stat status = {0};
    return mdb_stat(txn->mdb, txn->store->dbis[dbi], &status) == 0 ? status.ms_entries : 0;
}

enum kr_err kr_row_cursor(struct kr_txn *txn, uint32_t dbi, MDB_cursor **ret_cursor)
{
    return kr_env_err(txn->store, mdb_cursor_open(txn->mdb, txn->store->dbis[dbi], ret_cursor));
}

enum kr_err kr_row_move(struct kr_txn *txn, MDB_cursor *cursor, MDB_cursor_op op, struct kr_slice *key, struct kr_slice *ret_value)
{
    MDB_val mdb_key = val_of(*key), value = {0};
    int code = mdb_cursor_get(cursor, &mdb_key, &value, op);
    if (code == 0) {
        *key = kr_slice_of(mdb_key.mv_data, mdb_key.mv_size);
        *ret_value = kr_slice_of(value.mv_data, value.mv_size);
    }
    return kr_env_err(txn->store, code);
}
