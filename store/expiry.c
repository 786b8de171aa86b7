/* When each record expires, in order of time. */
#include <stdlib.h>

#include "store/internal.h"

#define ROW_BYTES 16u

static struct kr_slice row_key(uint64_t expires_s, uint64_t arrival, uint8_t buffer[static ROW_BYTES])
{
    kr_put_be(buffer, expires_s, 8);
    kr_put_be(buffer + 8, arrival, 8);
    return kr_slice_of(buffer, ROW_BYTES);
}

enum kr_err kr_expiry_put(struct kr_txn *txn, uint64_t expires_s, uint64_t arrival)
{
    uint8_t buffer[ROW_BYTES], tag[KR_TAG_BYTES];
    struct kr_slice key = row_key(expires_s, arrival, buffer);
    kr_tag(txn->store, KR_TAG_EXPIRY, key, tag);
    return kr_row_put(txn, KR_DBI_EXPIRY, key, kr_slice_of(tag, sizeof tag), 0);
}

enum kr_err kr_expiry_delete(struct kr_txn *txn, uint64_t expires_s, uint64_t arrival)
{
    uint8_t buffer[ROW_BYTES];
    return kr_row_delete(txn, KR_DBI_EXPIRY, row_key(expires_s, arrival, buffer));
}

enum kr_err kr_expiry_check(struct kr_txn *txn, uint64_t expires_s, uint64_t arrival)
{
    uint8_t buffer[ROW_BYTES];
    struct kr_slice key = row_key(expires_s, arrival, buffer), tag = {0};
    enum kr_err err = kr_row_get(txn, KR_DBI_EXPIRY, key, &tag);
    return err == KR_OK && kr_tag_matches(txn->store, KR_TAG_EXPIRY, key, tag) ? KR_OK : KR_CORRUPT;
}

enum kr_err kr_expiry_delete_unknown(struct kr_txn *txn, uint64_t arrival)
{
    MDB_cursor *cursor = NULL;
    struct kr_slice key = {0}, tag = {0};
    uint64_t expires_s = 0;
    enum kr_err err = kr_row_cursor(txn, KR_DBI_EXPIRY, &cursor);
    if (err != KR_OK) {
        return err;
    }
    err = kr_row_move(txn, cursor, MDB_FIRST, &key, &tag);
    while (err == KR_OK && (key.len != ROW_BYTES || kr_get_be(key.bytes + 8, 8) != arrival)) {
        err = kr_row_move(txn, cursor, MDB_NEXT, &key, &tag);
    }
    if (err == KR_OK) {
        expires_s = kr_get_be(key.bytes, 8);
    }
    mdb_cursor_close(cursor);
    return err == KR_OK ? kr_expiry_delete(txn, expires_s, arrival) : err;
}

enum kr_err kr_expiry_fill(struct kr_txn *txn)
{
    struct kr_head head = {0};
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    enum kr_err err = scratch == NULL ? KR_NOMEM : KR_OK;
    while (err == KR_OK) {
        err = kr_store_head_next(txn, head.arrival + 1, false, &head, scratch);
        if (err == KR_OK) {
            err = kr_expiry_put(txn, head.expires_s, head.arrival);
        }
    }
    free(scratch);
    return err == KR_NOT_FOUND ? KR_OK : err;
}

enum kr_err kr_store_expired(struct kr_txn *txn, uint64_t now_s, uint64_t *ret_arrivals, uint32_t max, uint32_t *ret_count)
{
    MDB_cursor *cursor = NULL;
    struct kr_slice key = {0}, tag = {0};
    uint32_t count = 0;
    enum kr_err err = kr_row_cursor(txn, KR_DBI_EXPIRY, &cursor);
    if (err != KR_OK) {
        return err;
    }
    for (MDB_cursor_op op = MDB_FIRST; count < max; op = MDB_NEXT) {
        err = kr_row_move(txn, cursor, op, &key, &tag);
        if (err != KR_OK) {
            break;
        }
        if (key.len != ROW_BYTES || !kr_tag_matches(txn->store, KR_TAG_EXPIRY, key, tag)) {
            err = KR_CORRUPT;
            break;
        }
        if (kr_get_be(key.bytes, 8) > now_s) {
            break;
        }
        ret_arrivals[count++] = kr_get_be(key.bytes + 8, 8);
    }
    mdb_cursor_close(cursor);
    if (err != KR_OK && err != KR_NOT_FOUND) {
        return err;
    }
    *ret_count = count;
    return KR_OK;
}
