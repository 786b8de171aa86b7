/* The trees of a scope: one for each month, in rows that may lag behind the log.
 *
 * A row of a tree that had to be written with each record would cost a commit a page for each level. So the log alone is written
 * with each record, and every KR_TREE_LAG entries its end goes to the trees, in order: each row that they touch is read, hashed and
 * written once. Who reads meanwhile adds the end of the log in memory. */
#include <stdlib.h>
#include <string.h>

#include "store/scope.h"
#include "store/tree.h"

/* ---- months in rows ---- */

#define MONTH_BYTES 48u /* began 8 ‖ keys 8 ‖ digest 32 */

struct kr_slice kr_scope_month_key(uint32_t number, uint32_t month, uint8_t buffer[static KR_TREE_MONTH_KEY])
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
    enum kr_err err = kr_value_get_fixed(txn, KR_DBI_TREE, kr_scope_month_key(row->number, month, buffer), bytes, sizeof bytes);
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
    return kr_value_put(txn, KR_DBI_TREE, kr_scope_month_key(number, month, buffer), kr_slice_of(bytes, sizeof bytes), 0);
}

/* Deletes rows of a month, its own last, so that whatever is left is known for what it is. Takes from `*budget`. */
static enum kr_err month_clear(struct kr_txn *txn, uint32_t number, uint32_t month, uint32_t *budget)
{
    uint8_t from[KR_TREE_ROW_KEY_MAX + 1], buffer[KR_TREE_MONTH_KEY];
    enum kr_err err = KR_OK;
    while (*budget > 0 && err == KR_OK) {
        MDB_cursor *cursor = NULL;
        struct kr_slice key = kr_slice_of(from, KR_TREE_MONTH_KEY + 1), value = {0};
        kr_scope_month_key(number, month, from);
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
            err = kr_row_delete(txn, KR_DBI_TREE, kr_scope_month_key(number, month, buffer));
            return err == KR_NOT_FOUND ? KR_OK : err;
        }
        if (err == KR_OK) {
            err = kr_row_delete(txn, KR_DBI_TREE, kr_slice_of(from, len));
            --*budget;
        }
    }
    return err;
}

/* ---- mending a month ---- */

/* Some entries of a month on their way into its rows. */
struct lump {
    uint8_t (*dated)[KR_DATED_BYTES];
    kr_tree_key *keys;
    uint32_t count;
};

static enum kr_err add_lump(struct kr_tree *tree, struct lump *lump, struct kr_tree_sum *sum)
{
    struct kr_tree_node node;
    if (lump->count == 0) {
        return KR_OK;
    }
    qsort(lump->dated, lump->count, sizeof lump->dated[0], kr_dated_compare);
    for (uint32_t i = 0; i < lump->count; i++) {
        memcpy(lump->keys[i], lump->dated[i] + 2, KR_TREE_KEY_BYTES);
    }
    enum kr_err err =
        kr_tree_add(tree, (struct kr_tree_keys){.keys = (const kr_tree_key *)lump->keys, .count = lump->count}, &node);
    *sum = node.sum;
    lump->count = 0;
    return err;
}

/* Entries before `end`; those in damaged blocks nobody knows, and verify tells of them. */
static enum kr_err rebuild(struct kr_tree *tree, const struct kr_scope_row *row, uint64_t end, struct lump *lump,
                           struct kr_tree_sum *sum)
{
    struct kr_block block;
    enum kr_err err = KR_OK;
    for (uint64_t at = 0; at < end && err == KR_OK; at += KR_BLOCK_ENTRIES) {
        err = kr_block_get(tree->txn, row, at / KR_BLOCK_ENTRIES, &block);
        const uint32_t count = err != KR_OK ? 0 : end - at < KR_BLOCK_ENTRIES ? (uint32_t)(end - at) : KR_BLOCK_ENTRIES;
        err = err == KR_CORRUPT ? KR_OK : err;
        for (uint32_t i = 0; i < count && err == KR_OK; i++) {
            const struct kr_block_entry *entry = &block.entries[i];
            if (kr_get_be(entry->month, 2) == tree->month && kr_scope_is_live(row, at + i, entry)) {
                kr_dated_of(entry, lump->dated[lump->count++]);
                err = lump->count == KR_TREE_LAG_TXN ? add_lump(tree, lump, sum) : KR_OK;
            }
        }
    }
    return err == KR_OK ? add_lump(tree, lump, sum) : err;
}

/* The rows of a month anew, from the log as far as `end`: all that they say stands there as well. */
static enum kr_err mend_month(struct kr_txn *txn, const struct kr_scope_row *row, uint32_t month, uint64_t end)
{
    struct kr_scope_month value = {.began = row->count};
    struct kr_tree tree;
    uint32_t budget = UINT32_MAX;
    struct lump lump = {.dated = malloc(KR_TREE_LAG_TXN * sizeof lump.dated[0]),
                        .keys = malloc(KR_TREE_LAG_TXN * sizeof lump.keys[0])};
    enum kr_err err = kr_tree_init(&tree, txn, row->number, KR_TREE_LAG_TXN);
    if (err != KR_OK) {
        goto out;
    }
    txn->store->months_mended++;
    tree.month = month;
    tree.writes = true;
    err = lump.dated != NULL && lump.keys != NULL ? month_clear(txn, row->number, month, &budget) : KR_NOMEM;
    if (err == KR_OK) {
        err = rebuild(&tree, row, end, &lump, &value.sum);
    }
    if (err == KR_OK && value.sum.count > 0) {
        err = month_put(txn, row->number, month, &value);
    }
    kr_tree_deinit(&tree);
out:
    free(lump.dated);
    free(lump.keys);
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
    struct kr_pending pending;
    struct kr_tree tree = {0};
    enum kr_err err = kr_pending_init(&pending, txn, row);
    if (err == KR_OK && pending.group_count > 0) {
        err = kr_tree_init(&tree, txn, row->number, (uint32_t)(row->count - row->applied));
        tree.writes = true;
    }
    for (uint32_t i = 0; i < pending.group_count && err == KR_OK; i++) {
        tree.month = pending.groups[i].month;
        err = settle_month(&tree, row, kr_pending_of(&pending, tree.month));
        if (err == KR_CORRUPT) { /* a damaged row must not keep out what comes */
            err = mend_month(txn, row, tree.month, row->count);
        }
    }
    kr_tree_deinit(&tree);
    kr_pending_deinit(&pending);
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
                                  : kr_row_delete(txn, KR_DBI_TREE, kr_scope_month_key(row->number, tree.month, buffer));
    }
    if (err == KR_CORRUPT) {
        err = mend_month(txn, row, tree.month, row->applied);
    }
    kr_tree_deinit(&tree);
    return err;
}

/* ---- dropping ---- */

/* The first row of a tree from `*number` and `*month` on, where the month is before `month_from`; KR_NOT_FOUND. */
static enum kr_err next_over(struct kr_txn *txn, uint32_t month_from, uint32_t *number, uint32_t *month)
{
    for (;;) {
        MDB_cursor *cursor = NULL;
        uint8_t buffer[KR_TREE_MONTH_KEY];
        struct kr_slice key = kr_scope_month_key(*number, *month, buffer), value = {0};
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

/* ---- mending all ---- */

/* The next month behind `month` that has live entries; KR_NOT_FOUND. */
static enum kr_err month_behind(struct kr_txn *txn, const struct kr_scope_row *row, uint32_t month, uint32_t *ret_month)
{
    struct kr_block block;
    uint32_t next = UINT32_MAX;
    enum kr_err err = KR_OK;
    for (uint64_t at = 0; at < row->count && (err == KR_OK || err == KR_CORRUPT); at++) {
        if (at % KR_BLOCK_ENTRIES == 0) {
            err = kr_block_get(txn, row, at / KR_BLOCK_ENTRIES, &block);
        }
        const struct kr_block_entry *entry = &block.entries[at % KR_BLOCK_ENTRIES];
        if (err == KR_OK && kr_scope_is_live(row, at, entry)) {
            const uint32_t other = (uint32_t)kr_get_be(entry->month, 2);
            next = other > month && other < next ? other : next;
        }
    }
    if (err != KR_OK && err != KR_CORRUPT) {
        return err;
    }
    *ret_month = next;
    return next == UINT32_MAX ? KR_NOT_FOUND : KR_OK;
}

enum kr_err kr_scope_mend_month(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month)
{
    struct kr_scope_row row;
    enum kr_err err = kr_scope_row_get(txn, scope, &row);
    if (err == KR_OK) {
        err = mend_month(txn, &row, month, row.applied);
    }
    return kr_txn_fail(txn, err);
}

static enum kr_err clear_all(struct kr_txn *txn, uint32_t number)
{
    uint32_t at = number, month = 0, budget = UINT32_MAX;
    enum kr_err err = KR_OK;
    while (err == KR_OK) {
        err = next_over(txn, UINT16_MAX + 1u, &at, &month);
        if (err == KR_OK) {
            err = at == number ? month_clear(txn, number, month++, &budget) : KR_NOT_FOUND;
        }
    }
    return err == KR_NOT_FOUND ? KR_OK : err;
}

enum kr_err kr_scope_mend(struct kr_txn *txn, const struct kr_scope *scope)
{
    struct kr_scope_row row;
    uint32_t month = 0;
    enum kr_err err = kr_scope_row_get(txn, scope, &row);
    if (err == KR_OK) {
        err = clear_all(txn, row.number);
    }
    for (bool more = err == KR_OK; more && err == KR_OK;) {
        err = month_behind(txn, &row, month, &month);
        more = err == KR_OK;
        err = err == KR_NOT_FOUND ? KR_OK : err;
        if (more) {
            err = mend_month(txn, &row, month, row.count);
        }
    }
    if (err == KR_OK) {
        row.applied = row.count;
        err = kr_scope_row_put(txn, scope, &row);
    }
    return kr_txn_fail(txn, err);
}

uint32_t kr_txn_take_months_mended(struct kr_txn *txn)
{
    const uint32_t mended = txn->store->months_mended;
    txn->store->months_mended = 0;
    return mended;
}
