/* The trees of a scope: one for each month, in rows that may lag behind the log.
 *
 * A row of a tree that had to be written with each record would cost a commit a page for each level. So the log alone is written
 * with each record, and every KR_TREE_LAG entries its end goes to the trees, in order: each row that they touch is read, hashed and
 * written once. Who reads meanwhile adds the end of the log in memory. */
#include <stdlib.h>
#include <string.h>

#include "store/scope.h"
#include "store/tree.h"

uint32_t kr_tree_hour(uint64_t created_ms)
{
    const uint64_t hour = created_ms / 3600000u;
    return hour < UINT32_MAX ? (uint32_t)hour : UINT32_MAX;
}

/* Days from 1970-01-01 to the first of the month. */
static uint64_t days_before(uint32_t month)
{
    static const uint16_t days[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    const uint64_t year = 1970 + month / 12, past = month % 12 < 2 ? year - 1 : year; /* whose leap days are past */
    return (year - 1970) * 365 + days[month % 12] + (past / 4 - past / 100 + past / 400) - 477;
}

uint32_t kr_tree_month(uint64_t expires_s)
{
    const uint64_t day = expires_s / 86400u;
    if (day >= days_before(UINT16_MAX)) {
        return UINT16_MAX;
    }
    uint32_t month = (uint32_t)(day * 4800 / 146097); /* the month or one beside it */
    while (day < days_before(month)) {
        month--;
    }
    while (day >= days_before(month + 1)) {
        month++;
    }
    return month > 0 ? month : 1;
}

struct kr_entry kr_tree_entry(const struct kr_head *head)
{
    struct kr_entry entry = {.hour = kr_tree_hour(head->created_ms), .month = kr_tree_month(head->expires_s)};
    memcpy(entry.id, head->id, 32);
    return entry;
}

uint64_t kr_tree_month_end_s(uint32_t month)
{
    return days_before(month + 1) * 86400u;
}

uint32_t kr_tree_month_from(uint64_t now_s)
{
    return kr_tree_month(now_s > KR_MONTH_GRACE_S ? now_s - KR_MONTH_GRACE_S : 0);
}

bool kr_scope_is_live(const struct kr_scope_row *row, uint64_t number, const struct kr_block_entry *entry)
{
    const uint32_t month = (uint32_t)kr_get_be(entry->month, sizeof entry->month);
    return month > 0 && (month >= row->month_from || number >= row->dropped_at);
}

/* ---- the end of the log ---- */

struct group {
    uint32_t month, first, count;
};

/* What the rows do not have yet, by month and in order. */
struct pending {
    kr_tree_key *keys;
    struct group *groups;
    uint32_t group_count;
};

#define DATED_BYTES (2u + KR_TREE_KEY_BYTES) /* month ‖ key */

static int compare_dated(const void *left, const void *right)
{
    return memcmp(left, right, DATED_BYTES);
}

static void group_keys(struct pending *pending, uint8_t (*dated)[DATED_BYTES], uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t month = (uint32_t)kr_get_be(dated[i], 2);
        struct group *last = pending->group_count > 0 ? &pending->groups[pending->group_count - 1] : NULL;
        if (last == NULL || last->month != month) {
            last = &pending->groups[pending->group_count++];
            *last = (struct group){.month = month, .first = i};
        }
        last->count++;
        memcpy(pending->keys[i], dated[i] + 2, KR_TREE_KEY_BYTES);
    }
}

static enum kr_err read_end(struct kr_txn *txn, const struct kr_scope_row *row, uint8_t (*dated)[DATED_BYTES], uint32_t *ret_count)
{
    struct kr_block block;
    uint32_t count = 0;
    enum kr_err err = KR_OK;
    for (uint64_t at = row->applied; at < row->count && err == KR_OK; at++) {
        if (at == row->applied || at % KR_BLOCK_ENTRIES == 0) {
            err = kr_block_get(txn, row, at / KR_BLOCK_ENTRIES, &block);
        }
        const struct kr_block_entry *entry = &block.entries[at % KR_BLOCK_ENTRIES];
        if (err == KR_OK && kr_scope_is_live(row, at, entry)) {
            memcpy(dated[count], entry->month, 2);
            memcpy(dated[count] + 2, entry->hour, 4);
            memcpy(dated[count++] + 6, entry->id, 32);
        }
    }
    *ret_count = count;
    return err;
}

static void pending_deinit(struct pending *pending)
{
    free(pending->keys);
    free(pending->groups);
    *pending = (struct pending){0};
}

static enum kr_err pending_init(struct pending *pending, struct kr_txn *txn, const struct kr_scope_row *row)
{
    const size_t max = (size_t)(row->count - row->applied);
    uint32_t count = 0;
    KR_ASSERT(max <= KR_TREE_LAG);
    *pending = (struct pending){0};
    if (max == 0) {
        return KR_OK;
    }
    uint8_t(*dated)[DATED_BYTES] = malloc(max * sizeof dated[0]);
    pending->keys = malloc(max * sizeof pending->keys[0]);
    pending->groups = malloc(max * sizeof pending->groups[0]);
    bool has_room = dated != NULL && pending->keys != NULL && pending->groups != NULL;
    enum kr_err err = has_room ? read_end(txn, row, dated, &count) : KR_NOMEM;
    if (err == KR_OK) {
        qsort(dated, count, sizeof dated[0], compare_dated);
        group_keys(pending, dated, count);
    } else {
        pending_deinit(pending);
    }
    free(dated);
    return err;
}

static struct kr_tree_keys pending_of(const struct pending *pending, uint32_t month)
{
    for (uint32_t i = 0; i < pending->group_count; i++) {
        const struct group *group = &pending->groups[i];
        if (group->month == month) {
            return (struct kr_tree_keys){.keys = (const kr_tree_key *)pending->keys + group->first, .count = group->count};
        }
    }
    return (struct kr_tree_keys){0};
}

/* ---- months in rows ---- */

#define MONTH_BYTES 48u /* began 8 ‖ keys 8 ‖ digest 32 */

static struct kr_slice month_key(uint32_t number, uint32_t month, uint8_t buffer[static KR_TREE_MONTH_KEY])
{
    kr_put_be(buffer, number, 4);
    kr_put_be(buffer + 4, month, 2);
    return kr_slice_of(buffer, KR_TREE_MONTH_KEY);
}

static bool is_dropped(const struct kr_scope_row *row, uint32_t month, const struct kr_scope_month *value)
{
    return month < row->month_from && value->began <= row->dropped_at;
}

enum kr_err kr_scope_month_get(struct kr_txn *txn, const struct kr_scope_row *row, uint32_t month, struct kr_scope_month *ret_month,
                               bool *ret_is_left_over)
{
    uint8_t buffer[KR_TREE_MONTH_KEY], bytes[MONTH_BYTES];
    *ret_is_left_over = false;
    enum kr_err err = kr_value_get_fixed(txn, KR_DBI_TREE, month_key(row->number, month, buffer), bytes, sizeof bytes);
    if (err != KR_OK) {
        return err;
    }
    ret_month->began = kr_get_be(bytes, 8);
    ret_month->sum.count = kr_get_be(bytes + 8, 8);
    memcpy(ret_month->sum.digest, bytes + 16, 32);
    *ret_is_left_over = is_dropped(row, month, ret_month);
    return *ret_is_left_over ? KR_NOT_FOUND : KR_OK;
}

static enum kr_err month_put(struct kr_txn *txn, uint32_t number, uint32_t month, const struct kr_scope_month *value)
{
    uint8_t buffer[KR_TREE_MONTH_KEY], bytes[MONTH_BYTES];
    kr_put_be(bytes, value->began, 8);
    kr_put_be(bytes + 8, value->sum.count, 8);
    memcpy(bytes + 16, value->sum.digest, 32);
    return kr_value_put(txn, KR_DBI_TREE, month_key(number, month, buffer), kr_slice_of(bytes, sizeof bytes), 0);
}

/* Deletes rows of a month, its own last, so that whatever is left is known for what it is. Takes from `*budget`. */
static enum kr_err month_clear(struct kr_txn *txn, uint32_t number, uint32_t month, uint32_t *budget)
{
    uint8_t from[KR_TREE_ROW_KEY_MAX + 1], buffer[KR_TREE_MONTH_KEY];
    enum kr_err err = KR_OK;
    while (*budget > 0 && err == KR_OK) {
        MDB_cursor *cursor = NULL;
        struct kr_slice key = kr_slice_of(from, KR_TREE_MONTH_KEY + 1), value = {0};
        month_key(number, month, from);
        from[KR_TREE_MONTH_KEY] = 0;
        err = kr_row_cursor(txn, KR_DBI_TREE, &cursor);
        if (err != KR_OK) {
            return err;
        }
        err = kr_row_move(txn, cursor, MDB_SET_RANGE, &key, &value);
        const bool is_its_own = err == KR_OK && key.len >= KR_TREE_MONTH_KEY && key.len <= sizeof from &&
                                memcmp(key.bytes, from, KR_TREE_MONTH_KEY) == 0;
        const size_t len = key.len;
        if (is_its_own) {
            memcpy(from, key.bytes, len);
        }
        mdb_cursor_close(cursor);
        err = err == KR_NOT_FOUND ? KR_OK : err;
        if (err == KR_OK && !is_its_own) {
            err = kr_row_delete(txn, KR_DBI_TREE, month_key(number, month, buffer));
            return err == KR_NOT_FOUND ? KR_OK : err;
        }
        if (err == KR_OK) {
            err = kr_row_delete(txn, KR_DBI_TREE, kr_slice_of(from, len));
            --*budget;
        }
    }
    return err;
}

/* ---- settling ---- */

static enum kr_err settle_month(struct kr_tree *tree, const struct kr_scope_row *row, struct kr_tree_keys keys)
{
    struct kr_scope_month month = {.began = row->count};
    struct kr_tree_node node;
    bool has_left_overs = false;
    enum kr_err err = kr_scope_month_get(tree->txn, row, tree->month, &month, &has_left_overs);
    tree->has_rows = err == KR_OK;
    if (has_left_overs) { /* by a clock that was wrong: nobody else adds to what is over */
        uint32_t budget = UINT32_MAX;
        month.began = row->count;
        err = month_clear(tree->txn, row->number, tree->month, &budget);
    }
    if (err == KR_OK || err == KR_NOT_FOUND) {
        err = kr_tree_add(tree, keys, &node);
    }
    if (err == KR_OK) {
        month.sum = node.sum;
        err = month_put(tree->txn, row->number, tree->month, &month);
    }
    return err;
}

enum kr_err kr_scope_settle(struct kr_txn *txn, struct kr_scope_row *row)
{
    struct pending pending;
    struct kr_tree tree = {0};
    enum kr_err err = pending_init(&pending, txn, row);
    if (err == KR_OK && pending.group_count > 0) {
        err = kr_tree_init(&tree, txn, row->number, KR_TREE_LAG);
        tree.writes = true;
    }
    for (uint32_t i = 0; i < pending.group_count && err == KR_OK; i++) {
        tree.month = pending.groups[i].month;
        err = settle_month(&tree, row, pending_of(&pending, tree.month));
    }
    kr_tree_deinit(&tree);
    pending_deinit(&pending);
    if (err == KR_OK) {
        row->applied = row->count;
    }
    return err;
}

enum kr_err kr_store_tree_settle(struct kr_txn *txn, const struct kr_scope *scope)
{
    struct kr_scope_row row;
    enum kr_err err = kr_scope_row_get(txn, scope, &row);
    if (err != KR_OK || row.applied == row.count) {
        return err;
    }
    err = kr_scope_settle(txn, &row);
    if (err == KR_OK) {
        err = kr_scope_row_put(txn, scope, &row);
    }
    return kr_txn_fail(txn, err);
}

enum kr_err kr_scope_take(struct kr_txn *txn, const struct kr_scope_row *row, const struct kr_block_entry *entry)
{
    struct kr_tree tree;
    struct kr_scope_month month;
    kr_tree_key key;
    bool has_left_overs = false;
    memcpy(key, entry->hour, 4);
    memcpy(key + 4, entry->id, 32);
    enum kr_err err = kr_tree_init(&tree, txn, row->number, 0);
    if (err != KR_OK) {
        return err;
    }
    tree.month = (uint32_t)kr_get_be(entry->month, 2);
    tree.writes = true;
    err = kr_scope_month_get(txn, row, tree.month, &month, &has_left_overs);
    tree.has_rows = err == KR_OK;
    if (err == KR_OK || err == KR_NOT_FOUND) {
        err = kr_tree_take(&tree, key, &month.sum);
    }
    if (err == KR_OK) {
        uint8_t buffer[KR_TREE_MONTH_KEY];
        err = month.sum.count > 0 ? month_put(txn, row->number, tree.month, &month)
                                  : kr_row_delete(txn, KR_DBI_TREE, month_key(row->number, tree.month, buffer));
    }
    kr_tree_deinit(&tree);
    return err;
}

/* ---- reading ---- */

/* A scope with the end of its log, and room to read one of its trees. */
struct view {
    struct kr_txn *txn;
    struct kr_scope_row row;
    struct pending pending;
    struct kr_tree tree;
    bool has_month; /* the tree is of tree.month */
};

static void view_deinit(struct view *view)
{
    kr_tree_deinit(&view->tree);
    pending_deinit(&view->pending);
}

static enum kr_err view_init(struct view *view, struct kr_txn *txn, const struct kr_scope *scope)
{
    *view = (struct view){.txn = txn};
    enum kr_err err = kr_scope_row_get(txn, scope, &view->row);
    if (err == KR_OK) {
        err = pending_init(&view->pending, txn, &view->row);
    }
    if (err == KR_OK) {
        err = kr_tree_init(&view->tree, txn, view->row.number, KR_TREE_LAG);
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
    struct kr_slice key = month_key(view->row.number, from, buffer), value = {0};
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
        const struct kr_tree_keys keys = pending_of(&view->pending, month);
        struct kr_tree_node node = {.sum = rows.sum};
        if (err == KR_OK && !view->tree.has_rows) {
            node.sum.count = 0;
        }
        if (err == KR_OK && keys.count > 0) {
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

enum kr_err kr_store_tree_root(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month_from, uint8_t ret_root[static 32],
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

enum kr_err kr_store_tree_months(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month_from,
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

static enum kr_err view_at(struct view *view, uint32_t month)
{
    struct kr_scope_month rows;
    enum kr_err err = view->has_month && view->tree.month == month ? KR_OK : view_month(view, month, &rows);
    view->has_month = err == KR_OK;
    return err;
}

static enum kr_err view_look(struct view *view, uint32_t month, const uint8_t *prefix, uint32_t nibbles,
                             struct kr_tree_node *ret_node)
{
    struct kr_tree_node node;
    enum kr_err err = nibbles > KR_TREE_NIBBLES || month > UINT16_MAX ? KR_INVALID : view_at(view, month);
    if (err == KR_OK) {
        err = kr_tree_look(&view->tree, prefix, nibbles, kr_tree_under(pending_of(&view->pending, month), prefix, nibbles), &node);
    }
    if (err == KR_OK) {
        *ret_node = node;
    }
    return err;
}

enum kr_err kr_store_tree_look(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month,
                               const uint8_t prefix[static KR_TREE_KEY_BYTES], uint32_t nibbles, struct kr_tree_node *ret_node)
{
    struct view view;
    enum kr_err err = view_init(&view, txn, scope);
    if (err == KR_OK) {
        err = view_look(&view, month, prefix, nibbles, ret_node);
        view_deinit(&view);
    }
    return err;
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

static enum kr_err view_list(struct view *view, uint32_t month, const uint8_t *prefix, uint32_t nibbles, const uint8_t *after,
                             kr_tree_key *ret_keys, uint32_t max, uint32_t *ret_count)
{
    uint32_t count = 0;
    enum kr_err err = nibbles > KR_TREE_NIBBLES || month > UINT16_MAX ? KR_INVALID : view_at(view, month);
    if (err == KR_OK) {
        err = kr_tree_list(&view->tree, prefix, nibbles, after, ret_keys, max, &count);
    }
    if (err == KR_OK) {
        merge_list(ret_keys, max, &count, kr_tree_under(pending_of(&view->pending, month), prefix, nibbles), after);
        *ret_count = count;
    }
    return err;
}

enum kr_err kr_store_tree_list(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month,
                               const uint8_t prefix[static KR_TREE_KEY_BYTES], uint32_t nibbles, const uint8_t *after,
                               uint8_t (*ret_keys)[KR_TREE_KEY_BYTES], uint32_t max, uint32_t *ret_count)
{
    struct view view;
    enum kr_err err = view_init(&view, txn, scope);
    if (err == KR_OK) {
        err = view_list(&view, month, prefix, nibbles, after, ret_keys, max, ret_count);
        view_deinit(&view);
    }
    return err;
}

/* ---- a view that lasts ---- */

struct kr_tree_view {
    struct view inner;
    struct kr_tree_kept kept[KR_TREE_KEPT];
};

enum kr_err kr_tree_view_open(struct kr_txn *txn, const struct kr_scope *scope, struct kr_tree_view **ret_view)
{
    struct kr_tree_view *view = calloc(1, sizeof *view);
    enum kr_err err = view != NULL ? view_init(&view->inner, txn, scope) : KR_NOMEM;
    if (err != KR_OK) {
        free(view);
        return err;
    }
    view->inner.tree.kept = view->kept;
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

enum kr_err kr_tree_view_look(struct kr_tree_view *view, uint32_t month, const uint8_t prefix[static KR_TREE_KEY_BYTES],
                              uint32_t nibbles, struct kr_tree_node *ret_node)
{
    return view_look(&view->inner, month, prefix, nibbles, ret_node);
}

enum kr_err kr_tree_view_list(struct kr_tree_view *view, uint32_t month, const uint8_t prefix[static KR_TREE_KEY_BYTES],
                              uint32_t nibbles, const uint8_t *after, uint8_t (*ret_keys)[KR_TREE_KEY_BYTES], uint32_t max,
                              uint32_t *ret_count)
{
    return view_list(&view->inner, month, prefix, nibbles, after, ret_keys, max, ret_count);
}

/* ---- dropping ---- */

/* The first row of a tree from `*number` and `*month` on, where the month is before `month_from`; KR_NOT_FOUND. */
static enum kr_err next_over(struct kr_txn *txn, uint32_t month_from, uint32_t *number, uint32_t *month)
{
    for (;;) {
        MDB_cursor *cursor = NULL;
        uint8_t buffer[KR_TREE_MONTH_KEY];
        struct kr_slice key = month_key(*number, *month, buffer), value = {0};
        enum kr_err err = kr_row_cursor(txn, KR_DBI_TREE, &cursor);
        if (err != KR_OK) {
            return err;
        }
        err = kr_row_move(txn, cursor, MDB_SET_RANGE, &key, &value);
        if (err == KR_OK && key.len < KR_TREE_MONTH_KEY) {
            err = KR_CORRUPT;
        }
        if (err == KR_OK) {
            *number = (uint32_t)kr_get_be(key.bytes, 4);
            *month = (uint32_t)kr_get_be(key.bytes + 4, 2);
        }
        mdb_cursor_close(cursor);
        if (err != KR_OK || *month < month_from) {
            return err;
        }
        if (*number == UINT32_MAX) {
            return KR_NOT_FOUND;
        }
        ++*number;
        *month = 0;
    }
}

/* Whether the scope has a month that is over and not yet noted: because time goes on, or because somebody's clock was wrong. */
static enum kr_err is_drop_due(struct kr_txn *txn, const struct kr_scope_row *row, uint32_t month_from, bool *ret_is_due)
{
    uint32_t number = row->number, month = 0;
    enum kr_err err = KR_OK;
    *ret_is_due = row->month_from < month_from;
    while (err == KR_OK && !*ret_is_due) {
        struct kr_scope_month rows;
        bool is_left_over = false;
        err = next_over(txn, month_from, &number, &month);
        if (err == KR_OK && number != row->number) {
            return KR_OK;
        }
        if (err == KR_OK) {
            err = kr_scope_month_get(txn, row, month++, &rows, &is_left_over);
            *ret_is_due = err == KR_OK;
            err = is_left_over ? KR_OK : err;
        }
    }
    return err == KR_NOT_FOUND ? KR_OK : err;
}

/* Notes in every scope what is over. */
static enum kr_err note_drop(struct kr_txn *txn, uint32_t month_from)
{
    uint8_t at[KR_SCOPE_KEY_BYTES + 1] = {0};
    size_t at_len = 1;
    for (;;) {
        MDB_cursor *cursor = NULL;
        struct kr_slice key = kr_slice_of(at, at_len), value = {0};
        struct kr_scope scope = {0};
        struct kr_scope_row row;
        enum kr_err err = kr_row_cursor(txn, KR_DBI_SCOPES, &cursor);
        if (err != KR_OK) {
            return err;
        }
        err = kr_row_move(txn, cursor, MDB_SET_RANGE, &key, &value);
        const bool is_sound = err == KR_OK && key.len == KR_SCOPE_KEY_BYTES;
        if (is_sound) {
            memcpy(at, key.bytes, KR_SCOPE_KEY_BYTES);
            at[KR_SCOPE_KEY_BYTES] = 0; /* the next one is behind it */
            at_len = sizeof at;
        }
        mdb_cursor_close(cursor);
        if (err != KR_OK || !is_sound) {
            return err == KR_NOT_FOUND ? KR_OK : err == KR_OK ? KR_CORRUPT : err;
        }
        scope.kind = at[0];
        memcpy(scope.id, at + 1, 32);
        bool is_due = false;
        err = kr_scope_row_get(txn, &scope, &row);
        if (err == KR_OK) {
            err = is_drop_due(txn, &row, month_from, &is_due);
        }
        if (err == KR_OK && is_due) {
            row.month_from = month_from;
            row.dropped_at = row.count;
            err = kr_scope_row_put(txn, &scope, &row);
        }
        if (err != KR_OK && err != KR_CORRUPT) { /* a damaged one does not keep the others */
            return err;
        }
    }
}

enum kr_err kr_store_tree_drop(struct kr_txn *txn, uint32_t month_from, bool *ret_more)
{
    uint32_t number = 0, month = 0, budget = KR_TREE_DROP_SLICE;
    enum kr_err err = note_drop(txn, month_from < UINT16_MAX ? month_from : UINT16_MAX);
    while (err == KR_OK && budget > 0) {
        err = next_over(txn, month_from, &number, &month);
        if (err == KR_OK) {
            err = month_clear(txn, number, month, &budget);
            month++;
        }
    }
    if (err == KR_OK || err == KR_NOT_FOUND) {
        *ret_more = err == KR_OK;
        err = KR_OK;
    }
    return kr_txn_fail(txn, err);
}
