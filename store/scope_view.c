/* Reading the trees of a scope: their rows, and what entered since. */
#include <stdlib.h>
#include <string.h>

#include "store/scope.h"

#define HOUR_BYTES 4u /* of a key */

/* A scope with the end of its log, and room to read one of its trees. */
struct view {
    struct kr_txn *txn;
    struct kr_scope_row row;
    struct kr_pending pending;
    struct kr_tree tree;
    bool has_month;     /* the tree is of tree.month */
    uint32_t hour_from; /* keys of earlier hours are left out */
};

static void view_deinit(struct view *view)
{
    kr_tree_deinit(&view->tree);
    kr_pending_deinit(&view->pending);
}

static enum kr_err view_init(struct view *view, struct kr_txn *txn, const struct kr_scope *scope)
{
    *view = (struct view){.txn = txn, .hour_from = scope->hour_from};
    enum kr_err err = kr_scope_row_get(txn, scope, &view->row);
    if (err == KR_OK) {
        err = kr_pending_init(&view->pending, txn, &view->row);
    }
    if (err == KR_OK) {
        err = kr_tree_init(&view->tree, txn, view->row.number, (uint32_t)(view->row.count - view->row.applied));
    }
    if (err != KR_OK) {
        view_deinit(view);
    }
    return err;
}

/* The month's rows, if there are any. */
static enum kr_err view_month(struct view *view, uint32_t month, struct kr_scope_month *ret_month)
{
    bool is_left_over = false;
    enum kr_err err = kr_scope_month_get(view->txn, &view->row, month, ret_month, &is_left_over);
    view->tree.month = month;
    view->tree.has_rows = err == KR_OK;
    return err == KR_NOT_FOUND ? KR_OK : err;
}

/* The first month from `from` on that has rows; KR_NOT_FOUND. */
static enum kr_err next_in_rows(const struct view *view, uint32_t from, uint32_t *ret_month)
{
    MDB_cursor *cursor = NULL;
    uint8_t buffer[KR_TREE_MONTH_KEY];
    struct kr_slice key = kr_scope_month_key(view->row.number, from, buffer), value = {0};
    enum kr_err err = kr_row_cursor(view->txn, KR_DBI_TREE, &cursor);
    if (err != KR_OK) {
        return err;
    }
    err = kr_row_move(view->txn, cursor, MDB_SET_RANGE, &key, &value);
    if (err == KR_OK && (key.len < KR_TREE_MONTH_KEY || kr_get_be(key.bytes, 4) != view->row.number)) {
        err = KR_NOT_FOUND;
    }
    if (err == KR_OK) {
        *ret_month = (uint32_t)kr_get_be(key.bytes + 4, 2);
        err = key.len == KR_TREE_MONTH_KEY ? KR_OK : KR_CORRUPT; /* its own row is the first */
    }
    mdb_cursor_close(cursor);
    return err;
}

static enum kr_err look_from(struct view *view, uint32_t month, const uint8_t *prefix, uint32_t nibbles,
                             struct kr_tree_node *ret_node);

/* The first month from `from` on that has keys; KR_NOT_FOUND. */
static enum kr_err next_month(struct view *view, uint32_t from, struct kr_tree_month *ret_month)
{
    while (from <= UINT16_MAX) {
        uint32_t month = UINT32_MAX;
        struct kr_scope_month rows = {0};
        enum kr_err err = next_in_rows(view, from, &month);
        if (err != KR_OK && err != KR_NOT_FOUND) {
            return err;
        }
        for (uint32_t i = 0; i < view->pending.group_count; i++) {
            const uint32_t other = view->pending.groups[i].month;
            month = other >= from && other < month ? other : month;
        }
        if (month > UINT16_MAX) {
            return KR_NOT_FOUND;
        }
        err = view_month(view, month, &rows);
        const struct kr_tree_keys keys = kr_pending_of(&view->pending, month);
        struct kr_tree_node node = {.sum = rows.sum};
        if (err == KR_OK && !view->tree.has_rows) {
            node.sum.count = 0;
        }
        if (err == KR_OK && view->hour_from > 0) {
            static const kr_tree_key all;
            err = look_from(view, month, all, 0, &node);
        } else if (err == KR_OK && keys.count > 0) {
            err = kr_tree_add(&view->tree, keys, &node);
        }
        if (err != KR_OK) {
            return err;
        }
        if (node.sum.count > 0) {
            ret_month->month = month;
            ret_month->count = node.sum.count;
            memcpy(ret_month->digest, node.sum.digest, 32);
            return KR_OK;
        }
        from = month + 1;
    }
    return KR_NOT_FOUND;
}

static enum kr_err read_root(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month_from, uint8_t ret_root[static 32],
                             uint64_t *ret_count)
{
    struct view view;
    struct kr_hash_state state;
    struct kr_tree_month month;
    uint64_t count = 0;
    enum kr_err err = view_init(&view, txn, scope);
    if (err != KR_OK) {
        return err;
    }
    kr_hash_init(&state, "kairan tree scope");
    for (uint32_t from = month_from; (err = next_month(&view, from, &month)) == KR_OK; from = month.month + 1) {
        uint8_t bytes[4 + 8 + 32];
        kr_put_be(bytes, month.month, 4);
        kr_put_be(bytes + 4, month.count, 8);
        memcpy(bytes + 12, month.digest, 32);
        kr_hash_update(&state, bytes, sizeof bytes);
        count += month.count;
    }
    view_deinit(&view);
    if (err != KR_NOT_FOUND) {
        return err;
    }
    kr_hash_final(&state, ret_root);
    if (count == 0) {
        memset(ret_root, 0, 32);
    }
    *ret_count = count;
    return KR_OK;
}

static enum kr_err read_months(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month_from,
                               struct kr_tree_month *ret_months, uint32_t max, uint32_t *ret_count)
{
    struct view view;
    uint32_t count = 0;
    enum kr_err err = view_init(&view, txn, scope);
    if (err != KR_OK) {
        return err;
    }
    for (uint32_t from = month_from; count < max; from = ret_months[count++].month + 1) {
        err = next_month(&view, from, &ret_months[count]);
        if (err != KR_OK) {
            break;
        }
    }
    view_deinit(&view);
    if (err == KR_OK || err == KR_NOT_FOUND) {
        *ret_count = count;
        err = KR_OK;
    }
    return err;
}

static enum kr_err look_all(struct view *view, uint32_t month, const uint8_t *prefix, uint32_t nibbles,
                            struct kr_tree_node *ret_node)
{
    return kr_tree_look(&view->tree, prefix, nibbles, kr_tree_under(kr_pending_of(&view->pending, month), prefix, nibbles),
                        ret_node);
}

/* Adds keys to those that are listed, as far as there is room and in order. */
static void merge_list(kr_tree_key *listed, uint32_t max, uint32_t *count, struct kr_tree_keys keys, const uint8_t *after)
{
    for (uint32_t i = 0; i < keys.count; i++) {
        uint32_t at = *count;
        if (after != NULL && memcmp(keys.keys[i], after, KR_TREE_KEY_BYTES) <= 0) {
            continue;
        }
        while (at > 0 && memcmp(listed[at - 1], keys.keys[i], KR_TREE_KEY_BYTES) > 0) {
            at--;
        }
        if (at < max) {
            *count += *count < max;
            memmove(listed[at + 1], listed[at], (size_t)(*count - at - 1) * KR_TREE_KEY_BYTES);
            memcpy(listed[at], keys.keys[i], KR_TREE_KEY_BYTES);
        }
    }
}

static enum kr_err list_from(struct view *view, uint32_t month, const uint8_t *prefix, uint32_t nibbles, const uint8_t *after,
                             kr_tree_key *ret_keys, uint32_t max, uint32_t *ret_count)
{
    kr_tree_key before;
    uint32_t count = 0;
    if (view->hour_from > 0) {
        memset(before, 0xFF, sizeof before);
        kr_put_be(before, view->hour_from - 1, HOUR_BYTES);
        after = after == NULL || memcmp(after, before, sizeof before) < 0 ? before : after;
    }
    enum kr_err err = kr_tree_list(&view->tree, prefix, nibbles, after, ret_keys, max, &count);
    if (err == KR_OK) {
        merge_list(ret_keys, max, &count, kr_tree_under(kr_pending_of(&view->pending, month), prefix, nibbles), after);
        *ret_count = count;
    }
    return err;
}

/* ---- from an hour on ---- */

/* Of few enough keys. */
static enum kr_err leaf_from(struct view *view, uint32_t month, const uint8_t *prefix, uint32_t nibbles,
                             struct kr_tree_node *ret_node)
{
    kr_tree_key keys[KR_TREE_LEAF_MAX];
    uint32_t count = 0;
    const bool has_rows = view->tree.has_rows;
    enum kr_err err = list_from(view, month, prefix, nibbles, NULL, keys, KR_TREE_LEAF_MAX, &count);
    if (err != KR_OK || count == 0) {
        *ret_node = (struct kr_tree_node){.depth = nibbles};
        kr_tree_prefix(ret_node->common, prefix, nibbles);
        return err;
    }
    view->tree.has_rows = false;
    err = kr_tree_add(&view->tree, (struct kr_tree_keys){.keys = (const kr_tree_key *)keys, .count = count}, ret_node);
    view->tree.has_rows = has_rows;
    return err;
}

/* What is left of a node with keys of hours before and after: its child where both are is looked at likewise. */
static enum kr_err node_from(struct view *view, uint32_t month, const uint8_t *prefix, uint32_t nibbles, uint32_t way,
                             struct kr_tree_node *node)
{
    const struct kr_tree_node whole = *node;
    uint32_t children = 0, last = 0;
    enum kr_err err = KR_OK;
    node->sum.count = 0;
    for (uint32_t i = 0; i < 16 && err == KR_OK; i++) {
        struct kr_tree_node child = {.sum = whole.children[i]};
        if (i == way && child.sum.count > 0) {
            kr_tree_key edge;
            err = look_from(view, month, kr_tree_child_edge(&whole, i, edge), whole.depth + 1, &child);
        }
        node->children[i] = i >= way ? child.sum : (struct kr_tree_sum){0};
        node->sum.count += node->children[i].count;
        children += node->children[i].count > 0;
        last = node->children[i].count > 0 ? i : last;
    }
    if (err != KR_OK || node->sum.count <= KR_TREE_LEAF_MAX) {
        return err == KR_OK ? leaf_from(view, month, prefix, nibbles, node) : err;
    }
    if (children == 1) {
        kr_tree_key edge;
        return look_from(view, month, kr_tree_child_edge(&whole, last, edge), whole.depth + 1, node);
    }
    kr_tree_node_sum(node);
    return KR_OK;
}

static enum kr_err look_from(struct view *view, uint32_t month, const uint8_t *prefix, uint32_t nibbles,
                             struct kr_tree_node *ret_node)
{
    kr_tree_key from = {0};
    kr_put_be(from, view->hour_from, HOUR_BYTES);
    enum kr_err err = look_all(view, month, prefix, nibbles, ret_node);
    if (err != KR_OK || ret_node->sum.count == 0) {
        return err;
    }
    const uint32_t most = ret_node->depth < 2 * HOUR_BYTES ? ret_node->depth : 2 * HOUR_BYTES;
    const uint32_t at = kr_tree_common(ret_node->common, from, most);
    if (at == 2 * HOUR_BYTES || (at < most && kr_tree_nibble(ret_node->common, at) > kr_tree_nibble(from, at))) {
        return KR_OK; /* all of them */
    }
    if (at < most || ret_node->sum.count <= KR_TREE_LEAF_MAX) {
        return leaf_from(view, month, prefix, nibbles, ret_node);
    }
    return node_from(view, month, prefix, nibbles, kr_tree_nibble(from, at), ret_node);
}

/* ---- at a place of one month ---- */

static enum kr_err view_at(struct view *view, uint32_t month, uint32_t nibbles)
{
    struct kr_scope_month rows;
    if (nibbles > KR_TREE_NIBBLES || month > UINT16_MAX) {
        return KR_INVALID;
    }
    enum kr_err err = view->has_month && view->tree.month == month ? KR_OK : view_month(view, month, &rows);
    view->has_month = err == KR_OK;
    return err;
}

static enum kr_err view_look(struct view *view, uint32_t month, const uint8_t *prefix, uint32_t nibbles,
                             struct kr_tree_node *ret_node)
{
    struct kr_tree_node node;
    enum kr_err err = view_at(view, month, nibbles);
    if (err == KR_OK) {
        err = (view->hour_from > 0 ? look_from : look_all)(view, month, prefix, nibbles, &node);
    }
    if (err == KR_OK) {
        *ret_node = node;
    }
    return err;
}

static enum kr_err view_list(struct view *view, uint32_t month, const uint8_t *prefix, uint32_t nibbles, const uint8_t *after,
                             kr_tree_key *ret_keys, uint32_t max, uint32_t *ret_count)
{
    enum kr_err err = view_at(view, month, nibbles);
    return err == KR_OK ? list_from(view, month, prefix, nibbles, after, ret_keys, max, ret_count) : err;
}

/* ---- the contract ---- */

/* Whoever may write mends what is damaged, and reads once more. */
static bool may_mend(const struct kr_txn *txn, enum kr_err err)
{
    return err == KR_CORRUPT && txn->is_write && txn->failed == KR_OK;
}

static bool is_mended(struct kr_txn *txn, const struct kr_scope *scope, enum kr_err *err)
{
    if (!may_mend(txn, *err)) {
        return false;
    }
    *err = kr_scope_mend(txn, scope);
    return *err == KR_OK;
}

/* The same where one month alone was read. */
static bool is_month_mended(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month, enum kr_err *err)
{
    if (!may_mend(txn, *err)) {
        return false;
    }
    *err = kr_scope_mend_month(txn, scope, month);
    return *err == KR_OK;
}

enum kr_err kr_store_tree_root(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month_from, uint8_t ret_root[static 32],
                               uint64_t *ret_count)
{
    enum kr_err err = read_root(txn, scope, month_from, ret_root, ret_count);
    return is_mended(txn, scope, &err) ? read_root(txn, scope, month_from, ret_root, ret_count) : err;
}

enum kr_err kr_store_tree_months(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month_from,
                                 struct kr_tree_month *ret_months, uint32_t max, uint32_t *ret_count)
{
    enum kr_err err = read_months(txn, scope, month_from, ret_months, max, ret_count);
    return is_mended(txn, scope, &err) ? read_months(txn, scope, month_from, ret_months, max, ret_count) : err;
}

static enum kr_err read_look(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month, const uint8_t *prefix,
                             uint32_t nibbles, struct kr_tree_node *ret_node)
{
    struct view view;
    enum kr_err err = view_init(&view, txn, scope);
    if (err == KR_OK) {
        err = view_look(&view, month, prefix, nibbles, ret_node);
        view_deinit(&view);
    }
    return err;
}

enum kr_err kr_store_tree_look(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month,
                               const uint8_t prefix[static KR_TREE_KEY_BYTES], uint32_t nibbles, struct kr_tree_node *ret_node)
{
    enum kr_err err = read_look(txn, scope, month, prefix, nibbles, ret_node);
    return is_month_mended(txn, scope, month, &err) ? read_look(txn, scope, month, prefix, nibbles, ret_node) : err;
}

static enum kr_err read_list(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month, const uint8_t *prefix,
                             uint32_t nibbles, const uint8_t *after, kr_tree_key *ret_keys, uint32_t max, uint32_t *ret_count)
{
    struct view view;
    enum kr_err err = view_init(&view, txn, scope);
    if (err == KR_OK) {
        err = view_list(&view, month, prefix, nibbles, after, ret_keys, max, ret_count);
        view_deinit(&view);
    }
    return err;
}

enum kr_err kr_store_tree_list(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month,
                               const uint8_t prefix[static KR_TREE_KEY_BYTES], uint32_t nibbles, const uint8_t *after,
                               uint8_t (*ret_keys)[KR_TREE_KEY_BYTES], uint32_t max, uint32_t *ret_count)
{
    enum kr_err err = read_list(txn, scope, month, prefix, nibbles, after, ret_keys, max, ret_count);
    return is_month_mended(txn, scope, month, &err) ? read_list(txn, scope, month, prefix, nibbles, after, ret_keys, max, ret_count)
                                                    : err;
}

/* ---- a view that lasts ---- */

struct kr_tree_view {
    struct view inner;
    struct kr_scope scope;
    struct kr_tree_kept kept[KR_TREE_KEPT];
};

static enum kr_err open_inner(struct kr_tree_view *view, struct kr_txn *txn)
{
    enum kr_err err = view_init(&view->inner, txn, &view->scope);
    memset(view->kept, 0, sizeof view->kept);
    view->inner.tree.kept = view->kept;
    return err;
}

enum kr_err kr_tree_view_open(struct kr_txn *txn, const struct kr_scope *scope, struct kr_tree_view **ret_view)
{
    struct kr_tree_view *view = calloc(1, sizeof *view);
    if (view == NULL) {
        return KR_NOMEM;
    }
    view->scope = *scope;
    enum kr_err err = open_inner(view, txn);
    if (is_mended(txn, scope, &err)) {
        err = open_inner(view, txn);
    }
    if (err != KR_OK) {
        free(view);
        return err;
    }
    *ret_view = view;
    return KR_OK;
}

void kr_tree_view_close(struct kr_tree_view *view)
{
    if (view != NULL) {
        view_deinit(&view->inner);
        free(view);
    }
}

/* Opened anew where that was needed. */
static bool is_view_mended(struct kr_tree_view *view, uint32_t month, enum kr_err *err)
{
    struct kr_txn *txn = view->inner.txn;
    if (!is_month_mended(txn, &view->scope, month, err)) {
        return false;
    }
    view_deinit(&view->inner);
    *err = open_inner(view, txn);
    return *err == KR_OK;
}

enum kr_err kr_tree_view_look(struct kr_tree_view *view, uint32_t month, const uint8_t prefix[static KR_TREE_KEY_BYTES],
                              uint32_t nibbles, struct kr_tree_node *ret_node)
{
    enum kr_err err = view_look(&view->inner, month, prefix, nibbles, ret_node);
    return is_view_mended(view, month, &err) ? view_look(&view->inner, month, prefix, nibbles, ret_node) : err;
}

enum kr_err kr_tree_view_list(struct kr_tree_view *view, uint32_t month, const uint8_t prefix[static KR_TREE_KEY_BYTES],
                              uint32_t nibbles, const uint8_t *after, uint8_t (*ret_keys)[KR_TREE_KEY_BYTES], uint32_t max,
                              uint32_t *ret_count)
{
    enum kr_err err = view_list(&view->inner, month, prefix, nibbles, after, ret_keys, max, ret_count);
    return is_view_mended(view, month, &err) ? view_list(&view->inner, month, prefix, nibbles, after, ret_keys, max, ret_count)
                                             : err;
}
