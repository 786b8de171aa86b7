/* The small tables of the core, and the figures of the store. */
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "store/fresh.h"
#include "store/internal.h"
#include "store/runs.h"

static bool key_is_valid(enum kr_table table, size_t key_len)
{
    return (unsigned)table < KR_TABLE_COUNT && key_len > 0 && key_len <= KR_TABLE_KEY_BYTES_MAX;
}

enum kr_err kr_store_get(struct kr_txn *txn, enum kr_table table, const void *key, size_t key_len, uint8_t *ret_value, size_t size,
                         size_t *ret_len)
{
    if (!key_is_valid(table, key_len)) {
        return KR_INVALID;
    }
    return kr_value_get(txn, KR_DBI_TABLE + (uint32_t)table, kr_slice_of(key, key_len), ret_value, size, ret_len);
}

enum kr_err kr_store_put(struct kr_txn *txn, enum kr_table table, const void *key, size_t key_len, const void *value, size_t len)
{
    if (!key_is_valid(table, key_len)) {
        return KR_INVALID;
    }
    if (len > KR_TABLE_VALUE_BYTES_MAX) {
        return KR_BOUNDS;
    }
    return kr_value_put(txn, KR_DBI_TABLE + (uint32_t)table, kr_slice_of(key, key_len), kr_slice_of(value, len), 0);
}

enum kr_err kr_store_put_writer(struct kr_txn *txn, enum kr_table table, const void *key, size_t key_len, struct kr_writer *value)
{
    enum kr_err err = kr_writer_finish(value);
    if (err == KR_OK) {
        err = kr_store_put(txn, table, key, key_len, value->bytes, value->len);
    }
    kr_writer_deinit(value);
    return err;
}

enum kr_err kr_store_delete(struct kr_txn *txn, enum kr_table table, const void *key, size_t key_len)
{
    if (!key_is_valid(table, key_len)) {
        return KR_INVALID;
    }
    return kr_row_delete(txn, KR_DBI_TABLE + (uint32_t)table, kr_slice_of(key, key_len));
}

/* From the key `from` on, which begins with the prefix. `damaged`: counts what is passed over because it does not open; NULL: the
 * first such row is the end. */
static enum kr_err walk(struct kr_txn *txn, enum kr_table table, struct kr_slice from, size_t prefix_len, kr_store_visit *visit,
                        void *context, uint32_t *damaged)
{
    if ((unsigned)table >= KR_TABLE_COUNT || prefix_len > from.len || from.len > KR_TABLE_KEY_BYTES_MAX) {
        return KR_INVALID;
    }
    const uint8_t *prefix = from.bytes;
    uint32_t dbi = KR_DBI_TABLE + (uint32_t)table;
    MDB_cursor *cursor = NULL;
    struct kr_slice key = from, sealed = {0};
    uint8_t *value = malloc(KR_TABLE_VALUE_BYTES_MAX);
    enum kr_err err = value == NULL ? KR_NOMEM : kr_row_cursor(txn, dbi, &cursor);
    if (err != KR_OK) {
        goto out;
    }
    err = kr_row_move(txn, cursor, from.len > 0 ? MDB_SET_RANGE : MDB_FIRST, &key, &sealed);
    while (err == KR_OK && key.len >= prefix_len && (prefix_len == 0 || memcmp(key.bytes, prefix, prefix_len) == 0)) {
        size_t len = 0;
        err = kr_value_open(txn->store, dbi, key, sealed, value, KR_TABLE_VALUE_BYTES_MAX, &len);
        bool is_damaged = err == KR_CORRUPT || err == KR_BOUNDS;
        if (is_damaged && damaged != NULL) {
            ++*damaged;
        } else if (err != KR_OK || !visit(context, key, kr_slice_of(value, len))) {
            break;
        }
        err = kr_row_move(txn, cursor, MDB_NEXT, &key, &sealed);
    }
    if (err == KR_NOT_FOUND) {
        err = KR_OK;
    }
    mdb_cursor_close(cursor);
out:
    free(value);
    return err == KR_BOUNDS ? KR_CORRUPT : err;
}

enum kr_err kr_store_each(struct kr_txn *txn, enum kr_table table, const void *prefix, size_t prefix_len, kr_store_visit *visit,
                          void *context)
{
    return walk(txn, table, kr_slice_of(prefix, prefix_len), prefix_len, visit, context, NULL);
}

enum kr_err kr_store_each_whole(struct kr_txn *txn, enum kr_table table, const void *prefix, size_t prefix_len,
                                kr_store_visit *visit, void *context, uint32_t *ret_damaged)
{
    return kr_store_each_from(txn, table, kr_slice_of(prefix, prefix_len), prefix_len, visit, context, ret_damaged);
}

enum kr_err kr_store_each_from(struct kr_txn *txn, enum kr_table table, struct kr_slice from, size_t prefix_len,
                               kr_store_visit *visit, void *context, uint32_t *ret_damaged)
{
    uint32_t damaged = 0;
    enum kr_err err = walk(txn, table, from, prefix_len, visit, context, &damaged);
    if (err == KR_OK) {
        *ret_damaged = damaged;
    }
    return err;
}

enum kr_err kr_store_stat(struct kr_txn *txn, struct kr_store_stat *ret_stat)
{
    struct kr_store_stat stat = {0};
    struct statvfs disk = {0};
    MDB_envinfo info = {0};
    enum kr_err err = kr_format_get(txn, &stat.format);
    if (err == KR_OK && !txn->is_write) { /* a writer knows better than its snapshot */
        err = kr_fresh_state(txn, &txn->state);
    }
    if (err != KR_OK) {
        return err;
    }
    if (statvfs(txn->store->path, &disk) != 0 || mdb_env_info(txn->store->env, &info) != 0) {
        return KR_IO;
    }
    stat.arrivals = txn->state.next_arrival - 1;
    stat.records = txn->state.records;
    stat.indicators = txn->state.indicators;
    stat.index_rows = txn->is_write ? kr_fresh_count(txn->runs->fresh) : txn->fresh_seen;
    stat.runs = txn->runs->count;
    for (uint32_t i = 0; i < txn->runs->count; i++) {
        stat.index_rows += txn->runs->runs[i]->count;
    }
    stat.map_bytes = info.me_mapsize;
    stat.bytes_used = (uint64_t)(info.me_last_pgno + 1) * txn->store->page_bytes;
    stat.disk_free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    *ret_stat = stat;
    return KR_OK;
}
