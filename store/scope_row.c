/* The rows of scopes. What a transaction changes of them it holds until it commits, because most of what enters in one enters the
 * same few scopes: each row is read, sealed and written once for all of it, and what has come goes to the trees in one lump. */
#include <stdlib.h>
#include <string.h>

#include "store/scope.h"

#define FIXED_BYTES 62u /* number 4 ‖ count 8 ‖ running hash 32 ‖ applied 8 ‖ dropped at 8 ‖ month from 2; then the block */

struct kr_scope_held {
    struct kr_scope_held *next;
    struct kr_scope scope;
    struct kr_scope_row row;
};

/* ---- in the table ---- */

void kr_scope_key(const struct kr_scope *scope, uint8_t ret_key[static KR_SCOPE_KEY_BYTES])
{
    ret_key[0] = scope->kind;
    memcpy(ret_key + 1, scope->id, 32);
}

static size_t row_bytes(uint64_t count)
{
    return FIXED_BYTES + 32 + count % KR_BLOCK_ENTRIES * sizeof(struct kr_block_entry);
}

static enum kr_err read_row(struct kr_txn *txn, const struct kr_scope *scope, struct kr_scope_row *ret_row)
{
    uint8_t key[KR_SCOPE_KEY_BYTES], value[FIXED_BYTES + sizeof(struct kr_block)];
    size_t len = 0;
    kr_scope_key(scope, key);
    enum kr_err err = kr_value_get(txn, KR_DBI_SCOPES, kr_slice_of(key, sizeof key), value, sizeof value, &len);
    if (err == KR_NOT_FOUND) {
        *ret_row = (struct kr_scope_row){0};
        return KR_OK;
    }
    if (err != KR_OK || len < FIXED_BYTES) {
        return err == KR_OK || err == KR_BOUNDS ? KR_CORRUPT : err;
    }
    ret_row->number = (uint32_t)kr_get_be(value, 4);
    ret_row->count = kr_get_be(value + 4, 8);
    memcpy(ret_row->hash, value + 12, 32);
    ret_row->applied = kr_get_be(value + 44, 8);
    ret_row->dropped_at = kr_get_be(value + 52, 8);
    ret_row->month_from = (uint32_t)kr_get_be(value + 60, 2);
    if (len != row_bytes(ret_row->count) || ret_row->applied > ret_row->count || ret_row->count - ret_row->applied >= KR_TREE_LAG) {
        return KR_CORRUPT;
    }
    memcpy(&ret_row->last, value + FIXED_BYTES, len - FIXED_BYTES);
    return KR_OK;
}

static enum kr_err write_row(struct kr_txn *txn, const struct kr_scope *scope, const struct kr_scope_row *row)
{
    uint8_t key[KR_SCOPE_KEY_BYTES], bytes[FIXED_BYTES + sizeof(struct kr_block)];
    const size_t len = row_bytes(row->count);
    kr_scope_key(scope, key);
    kr_put_be(bytes, row->number, 4);
    kr_put_be(bytes + 4, row->count, 8);
    memcpy(bytes + 12, row->hash, 32);
    kr_put_be(bytes + 44, row->applied, 8);
    kr_put_be(bytes + 52, row->dropped_at, 8);
    kr_put_be(bytes + 60, row->month_from, 2);
    memcpy(bytes + FIXED_BYTES, &row->last, len - FIXED_BYTES);
    return kr_value_put(txn, KR_DBI_SCOPES, kr_slice_of(key, sizeof key), kr_slice_of(bytes, len), 0);
}

/* ---- held ---- */

static struct kr_scope_held *find_held(const struct kr_txn *txn, const struct kr_scope *scope)
{
    struct kr_scope_held *held = txn->held;
    while (held != NULL && (held->scope.kind != scope->kind || memcmp(held->scope.id, scope->id, 32) != 0)) {
        held = held->next;
    }
    return held;
}

enum kr_err kr_scope_row_get(struct kr_txn *txn, const struct kr_scope *scope, struct kr_scope_row *ret_row)
{
    for (const struct kr_txn *each = txn; each != NULL; each = each->parent) {
        const struct kr_scope_held *held = find_held(each, scope);
        if (held != NULL) {
            *ret_row = held->row;
            return KR_OK;
        }
    }
    return read_row(txn, scope, ret_row);
}

enum kr_err kr_scope_row_put(struct kr_txn *txn, const struct kr_scope *scope, const struct kr_scope_row *row)
{
    KR_ASSERT(txn->is_write && row->count - row->applied < KR_TREE_LAG_TXN);
    struct kr_scope_held *held = find_held(txn, scope);
    if (held == NULL && row->count <= 1) {
        enum kr_err err = write_row(txn, scope, row); /* a new one is there at once: the next is numbered by how many there are */
        if (err != KR_OK) {
            return err;
        }
    }
    if (held == NULL) {
        held = malloc(sizeof *held);
        if (held == NULL) {
            return KR_NOMEM;
        }
        held->scope = *scope;
        held->next = txn->held;
        txn->held = held;
    }
    held->row = *row;
    txn->is_dirty = true;
    return KR_OK;
}

enum kr_err kr_scope_write_held(struct kr_txn *txn)
{
    enum kr_err err = KR_OK;
    for (struct kr_scope_held *held = txn->held; held != NULL && err == KR_OK; held = held->next) {
        if (held->row.count - held->row.applied >= KR_TREE_LAG) {
            err = kr_scope_settle(txn, &held->row);
        }
        if (err == KR_OK) {
            err = write_row(txn, &held->scope, &held->row);
        }
    }
    kr_scope_drop_held(txn);
    return err;
}

void kr_scope_pass_held(struct kr_txn *txn)
{
    while (txn->held != NULL) {
        struct kr_scope_held *held = txn->held, *older = find_held(txn->parent, &held->scope);
        txn->held = held->next;
        if (older != NULL) {
            older->row = held->row;
            free(held);
        } else {
            held->next = txn->parent->held;
            txn->parent->held = held;
        }
    }
}

void kr_scope_drop_held(struct kr_txn *txn)
{
    while (txn->held != NULL) {
        struct kr_scope_held *next = txn->held->next;
        free(txn->held);
        txn->held = next;
    }
}
