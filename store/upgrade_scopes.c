/* Scopes of formats 4 and 5 had blocks of ids alone, and no trees: when a record was made, and when it expires, its head says. */
#include <stdlib.h>
#include <string.h>

#include "store/scope.h"

#define OLD_FIXED_BYTES 44u /* number 4 ‖ count 8 ‖ running hash 32; then the block */

struct old_block {
    uint8_t before[32];
    uint8_t ids[KR_BLOCK_ENTRIES][32];
};

struct old_row {
    struct kr_scope scope;
    uint32_t number;
    uint64_t count;
    uint8_t hash[32];
    struct old_block last;
};

/* What cannot be read is not in a tree until it has been fetched anew. */
enum kr_err kr_upgrade_entry(struct kr_txn *txn, const uint8_t id[static 32], struct kr_entry *ret_entry)
{
    struct kr_head head;
    uint8_t scratch[KR_HEAD_SCRATCH];
    uint64_t arrival = 0;
    enum kr_err err = kr_store_record_find(txn, id, &arrival);
    if (err == KR_OK) {
        err = kr_store_head_get(txn, arrival, &head, scratch);
    }
    if (err != KR_OK && err != KR_NOT_FOUND && err != KR_CORRUPT) {
        return err;
    }
    if (err == KR_OK) {
        *ret_entry = kr_tree_entry(&head);
    } else {
        *ret_entry = (struct kr_entry){0};
        memcpy(ret_entry->id, id, 32);
    }
    return KR_OK;
}

static enum kr_err read_row(struct kr_txn *txn, struct kr_slice key, struct kr_slice sealed, struct old_row *ret_row)
{
    uint8_t value[OLD_FIXED_BYTES + sizeof(struct old_block)];
    size_t len = 0;
    enum kr_err err = kr_value_open(txn->store, KR_DBI_SCOPES, key, sealed, value, sizeof value, &len);
    if (err != KR_OK || key.len != KR_SCOPE_KEY_BYTES || len < OLD_FIXED_BYTES) {
        return KR_CORRUPT;
    }
    ret_row->scope.kind = key.bytes[0];
    memcpy(ret_row->scope.id, key.bytes + 1, 32);
    ret_row->number = (uint32_t)kr_get_be(value, 4);
    ret_row->count = kr_get_be(value + 4, 8);
    memcpy(ret_row->hash, value + 12, 32);
    if (len != OLD_FIXED_BYTES + 32 + ret_row->count % KR_BLOCK_ENTRIES * 32) {
        return KR_CORRUPT;
    }
    memcpy(&ret_row->last, value + OLD_FIXED_BYTES, len - OLD_FIXED_BYTES);
    return KR_OK;
}

/* `*ret_rows` is the caller's to free(). */
static enum kr_err read_rows(struct kr_txn *txn, struct old_row **ret_rows, uint64_t *ret_count)
{
    MDB_cursor *cursor = NULL;
    struct kr_slice key = {0}, sealed = {0};
    uint64_t count = 0;
    const uint64_t max = kr_row_count(txn, KR_DBI_SCOPES);
    struct old_row *rows = calloc(max + 1, sizeof *rows);
    enum kr_err err = rows != NULL ? kr_row_cursor(txn, KR_DBI_SCOPES, &cursor) : KR_NOMEM;
    if (err == KR_OK) {
        err = kr_row_move(txn, cursor, MDB_FIRST, &key, &sealed);
        while (err == KR_OK) {
            err = count < max ? read_row(txn, key, sealed, &rows[count++]) : KR_CORRUPT;
            if (err == KR_OK) {
                err = kr_row_move(txn, cursor, MDB_NEXT, &key, &sealed);
            }
        }
        mdb_cursor_close(cursor);
    }
    if (err != KR_NOT_FOUND) {
        free(rows);
        return err;
    }
    *ret_rows = rows;
    *ret_count = count;
    return KR_OK;
}

/* New blocks take the places of old ones. */
static enum kr_err move_block(struct kr_txn *txn, struct kr_scope_row *row, const struct old_block *old, uint32_t count)
{
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        struct kr_entry entry;
        err = kr_upgrade_entry(txn, old->ids[i], &entry);
        if (err == KR_OK) {
            err = kr_scope_push(txn, row, &entry);
        }
    }
    if (err == KR_OK && row->count - row->applied + KR_BLOCK_ENTRIES > KR_TREE_LAG) {
        err = kr_scope_settle(txn, row);
    }
    return err;
}

static enum kr_err move_scope(struct kr_txn *txn, const struct old_row *old)
{
    struct kr_scope_row row = {.number = old->number};
    enum kr_err err = KR_OK;
    for (uint64_t at = 0; at < old->count / KR_BLOCK_ENTRIES && err == KR_OK; at++) {
        struct old_block block;
        uint8_t buffer[KR_BLOCK_KEY_BYTES];
        err = kr_value_get_fixed(txn, KR_DBI_ENTRIES, kr_block_key(old->number, at, buffer), (uint8_t *)&block, sizeof block);
        if (err == KR_OK) {
            err = move_block(txn, &row, &block, KR_BLOCK_ENTRIES);
        }
    }
    if (err == KR_OK) {
        err = move_block(txn, &row, &old->last, (uint32_t)(old->count % KR_BLOCK_ENTRIES));
    }
    if (err == KR_NOT_FOUND || (err == KR_OK && memcmp(row.hash, old->hash, 32) != 0)) {
        err = KR_CORRUPT;
    }
    return err == KR_OK ? kr_scope_row_put(txn, &old->scope, &row) : err;
}

enum kr_err kr_upgrade_scopes(struct kr_txn *txn)
{
    struct old_row *rows = NULL;
    uint64_t count = 0;
    enum kr_err err = read_rows(txn, &rows, &count);
    for (uint64_t i = 0; i < count && err == KR_OK; i++) {
        err = move_scope(txn, &rows[i]);
    }
    free(rows);
    return err;
}
