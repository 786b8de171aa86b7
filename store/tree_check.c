/* Trees against the log: what the log says is in a tree must be found in its rows, each row must follow from those below it and be
 * reached from above, and all its keys must be entries of the log. */
#include <stdlib.h>
#include <string.h>

#include "store/scope.h"
#include "store/tree.h"

struct numbered {
    uint32_t number;
    struct kr_scope scope;
};

struct kr_tree_check {
    struct kr_txn *txn;
    struct numbered *scopes;
    uint32_t scope_count;
    struct kr_scope_row row; /* of the scope that was asked for last */
    struct kr_tree tree;
    struct kr_tree_row read;
};

/* All that can be read. */
static enum kr_err number_scopes(struct kr_tree_check *check)
{
    MDB_cursor *cursor = NULL;
    struct kr_slice key = {0}, value = {0};
    const uint64_t max = kr_row_count(check->txn, KR_DBI_SCOPES);
    check->scopes = calloc((size_t)max + 1, sizeof check->scopes[0]);
    enum kr_err err = check->scopes != NULL ? kr_row_cursor(check->txn, KR_DBI_SCOPES, &cursor) : KR_NOMEM;
    if (err != KR_OK) {
        return err;
    }
    err = kr_row_move(check->txn, cursor, MDB_FIRST, &key, &value);
    while (err == KR_OK && check->scope_count < max) {
        struct numbered *numbered = &check->scopes[check->scope_count];
        if (key.len == KR_SCOPE_KEY_BYTES) {
            numbered->scope.kind = key.bytes[0];
            memcpy(numbered->scope.id, key.bytes + 1, 32);
            if (kr_scope_row_get(check->txn, &numbered->scope, &check->row) == KR_OK) {
                numbered->number = check->row.number;
                check->scope_count++;
            }
        }
        err = kr_row_move(check->txn, cursor, MDB_NEXT, &key, &value);
    }
    mdb_cursor_close(cursor);
    return err == KR_NOT_FOUND ? KR_OK : err;
}

enum kr_err kr_tree_check_new(struct kr_txn *txn, struct kr_tree_check **ret_check)
{
    struct kr_tree_check *check = calloc(1, sizeof *check);
    if (check == NULL) {
        return KR_NOMEM;
    }
    check->txn = txn;
    enum kr_err err = number_scopes(check);
    if (err == KR_OK) {
        err = kr_tree_init(&check->tree, txn, 0, 0);
    }
    if (err != KR_OK) {
        kr_tree_check_free(check);
        return err;
    }
    check->row = (struct kr_scope_row){0};
    *ret_check = check;
    return KR_OK;
}

void kr_tree_check_free(struct kr_tree_check *check)
{
    if (check != NULL) {
        kr_tree_deinit(&check->tree);
        free(check->scopes);
        free(check);
    }
}

static enum kr_err go_to_scope(struct kr_tree_check *check, uint32_t number)
{
    enum kr_err err = check->row.number == number && number > 0 ? KR_OK : KR_CORRUPT;
    for (uint32_t i = 0; i < check->scope_count && err != KR_OK; i++) {
        if (check->scopes[i].number == number) {
            err = kr_scope_row_get(check->txn, &check->scopes[i].scope, &check->row);
            break;
        }
    }
    return err;
}

/* `*ret_is_left_over`: the month was dropped, and its rows say nothing. */
static enum kr_err go_to_month(struct kr_tree_check *check, uint32_t month, struct kr_scope_month *ret_month,
                               bool *ret_is_left_over)
{
    enum kr_err err = kr_scope_month_get(check->txn, &check->row, month, ret_month, ret_is_left_over);
    check->tree.number = check->row.number;
    check->tree.month = month;
    check->tree.has_rows = err == KR_OK;
    return err == KR_NOT_FOUND ? KR_OK : err;
}

/* ---- from the log to the trees ---- */

static enum kr_err check_entries(struct kr_tree_check *check, const struct kr_block *block, uint64_t first, uint32_t count)
{
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < count && err == KR_OK && first + i < check->row.applied; i++) {
        const struct kr_block_entry *entry = &block->entries[i];
        struct kr_scope_month month;
        struct kr_tree_node node;
        kr_tree_key key;
        bool is_left_over = false;
        if (!kr_scope_is_live(&check->row, first + i, entry)) {
            continue;
        }
        memcpy(key, entry->hour, 4);
        memcpy(key + 4, entry->id, 32);
        err = go_to_month(check, (uint32_t)kr_get_be(entry->month, 2), &month, &is_left_over);
        if (err == KR_OK) {
            err = kr_tree_look(&check->tree, key, KR_TREE_NIBBLES, (struct kr_tree_keys){0}, &node);
        }
        err = err == KR_OK && node.sum.count != 1 ? KR_CORRUPT : err;
    }
    return err;
}

enum kr_err kr_tree_check_block(struct kr_tree_check *check, struct kr_slice key)
{
    struct kr_block block;
    const uint64_t at = kr_get_be(key.bytes + 4, 8);
    enum kr_err err = go_to_scope(check, (uint32_t)kr_get_be(key.bytes, 4));
    if (err == KR_OK) {
        err = at < check->row.count / KR_BLOCK_ENTRIES ? kr_block_get(check->txn, &check->row, at, &block) : KR_CORRUPT;
    }
    return err == KR_OK ? check_entries(check, &block, at * KR_BLOCK_ENTRIES, KR_BLOCK_ENTRIES) : err;
}

enum kr_err kr_tree_check_scope(struct kr_tree_check *check, struct kr_slice key)
{
    struct kr_scope scope = {.kind = key.bytes[0]};
    memcpy(scope.id, key.bytes + 1, 32);
    enum kr_err err = kr_scope_row_get(check->txn, &scope, &check->row);
    const uint32_t count = (uint32_t)(check->row.count % KR_BLOCK_ENTRIES);
    return err == KR_OK ? check_entries(check, &check->row.last, check->row.count - count, count) : err;
}

/* ---- from the trees to the log ---- */

static enum kr_err check_leaf(struct kr_tree_check *check, const uint8_t *edge, uint32_t nibbles)
{
    const struct kr_tree_row *row = &check->read;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < row->node.sum.count && err == KR_OK; i++) {
        struct kr_block_entry entry;
        bool is_in_order = i == 0 || memcmp(row->keys[i - 1], row->keys[i], KR_TREE_KEY_BYTES) < 0;
        if (!is_in_order || kr_tree_common(edge, row->keys[i], nibbles) < nibbles) {
            return KR_CORRUPT;
        }
        err = kr_scope_find_applied(check->txn, &check->row, row->keys[i] + 4, &entry);
        if (err == KR_OK && (memcmp(entry.hour, row->keys[i], 4) != 0 || kr_get_be(entry.month, 2) != check->tree.month)) {
            err = KR_CORRUPT;
        }
    }
    return err;
}

/* What the row at this edge comes to. */
static enum kr_err sum_of(struct kr_tree_check *check, const uint8_t *edge, uint32_t nibbles, struct kr_tree_sum *ret_sum)
{
    struct kr_tree_row *row = check->tree.row;
    enum kr_err err = kr_tree_row_get(&check->tree, edge, nibbles, row);
    if (err == KR_OK && row->is_node) {
        kr_tree_node_sum(&row->node);
        *ret_sum = row->node.sum;
    } else if (err == KR_OK) {
        ret_sum->count = row->node.sum.count;
        kr_tree_leaf_digest((struct kr_tree_keys){(const kr_tree_key *)row->keys, (uint32_t)row->node.sum.count}, ret_sum->digest);
    }
    return err;
}

static bool is_equal(const struct kr_tree_sum *left, const struct kr_tree_sum *right)
{
    return left->count == right->count && memcmp(left->digest, right->digest, 32) == 0;
}

static enum kr_err check_node(struct kr_tree_check *check, const uint8_t *edge, uint32_t nibbles)
{
    const struct kr_tree_node node = check->read.node;
    uint32_t children = 0;
    enum kr_err err = kr_tree_common(edge, node.common, nibbles) == nibbles ? KR_OK : KR_CORRUPT;
    for (uint32_t i = 0; i < 16 && err == KR_OK; i++) {
        struct kr_tree_sum sum;
        kr_tree_key child;
        if (node.children[i].count == 0) {
            continue;
        }
        children++;
        memcpy(child, node.common, sizeof child);
        child[node.depth / 2] |= (uint8_t)(node.depth % 2 == 0 ? i << 4 : i);
        err = sum_of(check, child, node.depth + 1, &sum);
        err = err == KR_OK && !is_equal(&sum, &node.children[i]) ? KR_CORRUPT : err;
    }
    return err == KR_OK && (children < 2 || node.sum.count <= KR_TREE_LEAF_MAX) ? KR_CORRUPT : err;
}

static enum kr_err check_month(struct kr_tree_check *check, const struct kr_scope_month *month)
{
    static const kr_tree_key none;
    struct kr_tree_sum sum;
    enum kr_err err = sum_of(check, none, 0, &sum);
    return err == KR_OK && !is_equal(&sum, &month->sum) ? KR_CORRUPT : err;
}

enum kr_err kr_tree_check_row(struct kr_tree_check *check, struct kr_slice key, struct kr_slice value, uint64_t *work)
{
    struct kr_scope_month month;
    bool is_left_over = false;
    if (key.len < KR_TREE_MONTH_KEY || key.len > KR_TREE_ROW_KEY_MAX) {
        return KR_CORRUPT;
    }
    enum kr_err err = go_to_scope(check, (uint32_t)kr_get_be(key.bytes, 4));
    if (err == KR_OK) {
        err = go_to_month(check, (uint32_t)kr_get_be(key.bytes + 4, 2), &month, &is_left_over);
    }
    if (err != KR_OK || is_left_over) {
        return err;
    }
    if (key.len == KR_TREE_MONTH_KEY) {
        return check_month(check, &month);
    }
    kr_tree_key edge = {0};
    const uint32_t nibbles = key.bytes[key.len - 1];
    memcpy(edge, key.bytes + KR_TREE_MONTH_KEY, key.len - KR_TREE_MONTH_KEY - 1);
    if ((nibbles + 1) / 2 != key.len - KR_TREE_MONTH_KEY - 1) {
        return KR_CORRUPT;
    }
    err = kr_tree_row_open(check->txn, key, value, &check->read);
    if (err == KR_OK) {
        err = kr_tree_reach(&check->tree, edge, nibbles);
    }
    if (err == KR_OK) {
        *work += check->read.is_node ? 16 * KR_KIB : check->read.node.sum.count * KR_KIB;
        err = check->read.is_node ? check_node(check, edge, nibbles) : check_leaf(check, edge, nibbles);
    }
    return err;
}
