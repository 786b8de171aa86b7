/* Damage to trees: what is flipped, taken away, put back from before or left behind is told by whoever reads it and by verify. */
#include "raw_store.h"
#include "store/scope.h"

#define SETTLED 800u
#define PENDING 100u

static const struct kr_scope scope = {.kind = KR_SCOPE_GREEN, .id = {3}};
static const struct kr_scope second = {.kind = KR_SCOPE_PAIR, .id = {4}};

/* Of two months, in random hours. */
static struct kr_entry entry_at(uint64_t number)
{
    struct kr_entry entry = {.month = 700 + (uint32_t)(number % 2)};
    uint8_t hash[32];
    sample_id(number, entry.id);
    kr_hash(hash, "test hour", &number, sizeof number);
    entry.hour = (uint32_t)hash[0] << 16 | (uint32_t)hash[1] << 8 | hash[2];
    return entry;
}

static void append(struct kr_txn *txn, const struct kr_scope *to, uint64_t first, uint64_t end)
{
    for (uint64_t number = first; number < end; number++) {
        const struct kr_entry entry = entry_at(number);
        uint64_t at = 0;
        assert_int_equal(kr_store_scope_append(txn, to, &entry, &at), KR_OK);
    }
}

static void fill(struct fixture *fixture)
{
    struct kr_txn *txn = write_begin(fixture);
    append(txn, &scope, 0, SETTLED);
    append(txn, &second, 0, 132); /* a few more than a leaf has, each month */
    assert_int_equal(kr_store_tree_settle(txn, &scope), KR_OK);
    assert_int_equal(kr_store_tree_settle(txn, &second), KR_OK);
    append(txn, &scope, SETTLED, SETTLED + PENDING);
    commit(txn);
    assert_verifies(fixture);
}

struct row {
    uint8_t key[64], value[4096];
    size_t key_len, len;
};

static size_t take_rows(struct fixture *fixture, struct row *ret_rows, size_t max)
{
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    const size_t count = raw_count(&raw, "tree");
    assert_true(count <= max);
    for (size_t i = 0; i < count; i++) {
        raw_row(&raw, "tree", i, ret_rows[i].key, &ret_rows[i].key_len, ret_rows[i].value, &ret_rows[i].len);
    }
    raw_close(&raw);
    fixture_open(fixture);
    return count;
}

static void put_row(struct fixture *fixture, const struct row *row, const uint8_t *value, size_t len)
{
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    raw_put(&raw, "tree", row->key, row->key_len, value, len);
    raw_close(&raw);
    fixture_open(fixture);
}

static void remove_row(struct fixture *fixture, const struct row *row)
{
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    raw_delete(&raw, "tree", row->key, row->key_len);
    raw_close(&raw);
    fixture_open(fixture);
}

static uint32_t times_told(const struct problems *problems, const char *hint)
{
    uint32_t told = 0;
    for (uint32_t i = 0; i < problems->count && i < 64; i++) {
        told += strstr(problems->sentences[i], hint) != NULL;
    }
    return told;
}

static uint32_t told_of(struct fixture *fixture, const char *hint)
{
    const struct problems problems = verify_all(fixture, NULL);
    return times_told(&problems, hint);
}

/* All roots, nodes and keys: KR_CORRUPT where one of them cannot be read. */
static enum kr_err read_all(struct fixture *fixture)
{
    static const uint8_t none[KR_TREE_KEY_BYTES];
    static uint8_t keys[SETTLED + PENDING][KR_TREE_KEY_BYTES];
    const struct kr_scope *const scopes[2] = {&scope, &second};
    enum kr_err worst = KR_OK;
    struct kr_txn *txn = read_begin(fixture);
    for (uint32_t i = 0; i < 4; i++) {
        struct kr_tree_node node;
        uint8_t root[32];
        uint64_t count = 0;
        uint32_t listed = 0;
        enum kr_err err = kr_store_tree_root(txn, scopes[i % 2], 0, root, &count);
        worst = err != KR_OK ? err : worst;
        err = kr_store_tree_look(txn, scopes[i % 2], 700 + i / 2, none, 0, &node);
        worst = err != KR_OK ? err : worst;
        err = kr_store_tree_list(txn, scopes[i % 2], 700 + i / 2, none, 0, NULL, keys, SETTLED + PENDING, &listed);
        worst = err != KR_OK ? err : worst;
    }
    kr_txn_abort(txn);
    return worst;
}

static void flipped_and_missing_rows_are_told(void **state)
{
    static struct row rows[1024];
    struct fixture *fixture = *state;
    fill(fixture);
    const size_t count = take_rows(fixture, rows, 1024);
    assert_true(count > 40);
    for (size_t i = 0; i < count; i += i < 6 || i + 12 > count ? 1 : 7) { /* months, first nodes, leaves, and the other scope's */
        const char *hint = rows[i].key[3] == 1 ? "tree of scope number 1" : "tree of scope number 2";
        for (size_t percent = 0; percent <= 100; percent += 50) { /* nonce, ciphertext, tag */
            static uint8_t value[4096];
            memcpy(value, rows[i].value, rows[i].len);
            value[(rows[i].len - 1) * percent / 100] ^= 0x10;
            put_row(fixture, &rows[i], value, rows[i].len);
            assert_int_equal(read_all(fixture), KR_CORRUPT);
            const struct problems problems = verify_all(fixture, NULL);
            assert_true(times_told(&problems, hint) > 0);
            assert_true(times_told(&problems, "in its trees") > 0);
        }
        remove_row(fixture, &rows[i]);
        if (rows[i].key_len > 6) { /* without its month it seems not to have begun */
            assert_int_equal(read_all(fixture), KR_CORRUPT);
        }
        assert_true(told_of(fixture, "tree") > 0);
        put_row(fixture, &rows[i], rows[i].value, rows[i].len);
        assert_int_equal(read_all(fixture), KR_OK);
    }
    assert_verifies(fixture);
}

static void root_of(struct kr_txn *txn, const struct kr_scope *of, uint8_t ret_root[static 32])
{
    uint64_t count = 0;
    assert_int_equal(kr_store_tree_root(txn, of, 0, ret_root, &count), KR_OK);
}

static void flip_row(struct fixture *fixture, const struct row *row)
{
    static uint8_t value[4096];
    memcpy(value, row->value, row->len);
    value[row->len / 2] ^= 0x10;
    put_row(fixture, row, value, row->len);
}

/* All that rows say the log says as well. */
static void who_may_write_mends_what_is_damaged(void **state)
{
    static struct row rows[1024];
    static const uint8_t none[KR_TREE_KEY_BYTES];
    static uint8_t keys[SETTLED + PENDING][KR_TREE_KEY_BYTES];
    struct fixture *fixture = *state;
    uint8_t before[2][32], after[32];
    uint32_t listed = 0;
    fill(fixture);
    struct kr_txn *txn = read_begin(fixture);
    root_of(txn, &scope, before[0]);
    root_of(txn, &second, before[1]);
    kr_txn_abort(txn);
    size_t count = take_rows(fixture, rows, 1024);
    for (size_t i = 0; i < count; i += 7, count = take_rows(fixture, rows, 1024)) {
        const bool is_first = rows[i].key[3] == 1;
        flip_row(fixture, &rows[i]);
        assert_int_equal(read_all(fixture), KR_CORRUPT);
        txn = write_begin(fixture);
        for (uint32_t month = 700; month < 702; month++) {
            assert_int_equal(
                kr_store_tree_list(txn, is_first ? &scope : &second, month, none, 0, NULL, keys, SETTLED + PENDING, &listed),
                KR_OK);
            assert_int_equal(listed, is_first ? (SETTLED + PENDING) / 2 : 66);
        }
        root_of(txn, is_first ? &scope : &second, after);
        assert_memory_equal(after, before[is_first ? 0 : 1], 32);
        commit(txn);
        assert_int_equal(read_all(fixture), KR_OK);
        assert_verifies(fixture);
    }
}

/* What enters and what goes must not wait for somebody to read. */
static void damage_keeps_nothing_out(void **state)
{
    static struct row rows[1024];
    struct fixture *fixture = *state;
    uint64_t next = SETTLED + PENDING;
    fill(fixture);
    for (uint32_t round = 0; round < 4; round++) {
        size_t count = take_rows(fixture, rows, 1024);
        flip_row(fixture, &rows[round % 2 == 0 ? round / 2 : count - 1 - round / 2]);
        struct kr_txn *txn = write_begin(fixture);
        append(txn, &scope, next, next + 600);
        append(txn, &second, next, next + 600);
        next += 600;
        commit(txn);
        assert_verifies(fixture);
        count = take_rows(fixture, rows, 1024);
        flip_row(fixture, &rows[round % 2 == 0 ? round / 2 : count - 1 - round / 2]);
        txn = write_begin(fixture);
        for (uint64_t number = next - 600 + round; number < next - 400; number++) {
            assert_int_equal(kr_store_scope_remove(txn, &scope, entry_at(number).id), KR_OK);
            assert_int_equal(kr_store_scope_remove(txn, &second, entry_at(number).id), KR_OK);
        }
        commit(txn);
        assert_verifies(fixture);
    }
}

/* ---- what mending must not do ---- */

/* Flips a bit in a row of that month that is not its first, and not the month's own. */
static void damage_month(struct fixture *fixture, uint32_t number, uint32_t month)
{
    static struct row rows[1024];
    const size_t count = take_rows(fixture, rows, 1024);
    const struct row *last = NULL;
    for (size_t i = 0; i < count; i++) {
        const uint32_t its = (uint32_t)rows[i].key[4] << 8 | rows[i].key[5];
        last = rows[i].key[3] == number && its == month && rows[i].key_len > 6 ? &rows[i] : last;
    }
    assert_non_null(last);
    flip_row(fixture, last);
}

/* How many keys there are: all rows are read. */
static uint64_t count_of(struct kr_txn *txn, const struct kr_scope *of, uint32_t month)
{
    static const uint8_t none[KR_TREE_KEY_BYTES];
    static uint8_t keys[SETTLED + PENDING][KR_TREE_KEY_BYTES];
    uint32_t listed = 0;
    assert_int_equal(kr_store_tree_list(txn, of, month, none, 0, NULL, keys, SETTLED + PENDING, &listed), KR_OK);
    return listed;
}

/* A node with leaves becomes a leaf as it is mended: the rows below it go. */
static void a_mended_month_leaves_no_rows_behind(void **state)
{
    static const uint8_t none[KR_TREE_KEY_BYTES];
    static uint8_t keys[KR_TREE_LEAF_MAX + 1][KR_TREE_KEY_BYTES];
    struct fixture *fixture = *state;
    uint32_t listed = 0;
    struct kr_txn *txn = write_begin(fixture);
    append(txn, &scope, 0, 2 * (KR_TREE_LEAF_MAX + 1));
    assert_int_equal(kr_store_tree_settle(txn, &scope), KR_OK);
    assert_int_equal(kr_store_tree_list(txn, &scope, 700, none, 0, NULL, keys, KR_TREE_LEAF_MAX + 1, &listed), KR_OK);
    assert_int_equal(listed, KR_TREE_LEAF_MAX + 1);
    commit(txn);
    damage_month(fixture, 1, 700); /* of the last leaf, where the last key stands */
    txn = write_begin(fixture);
    assert_int_equal(kr_store_scope_remove(txn, &scope, keys[KR_TREE_LEAF_MAX] + KR_TREE_KEY_BYTES - 32), KR_OK);
    assert_int_equal(kr_txn_take_months_mended(txn), 1);
    assert_int_equal(count_of(txn, &scope, 700), KR_TREE_LEAF_MAX);
    commit(txn);
    assert_verifies(fixture);
}

/* Nor a month that has no key. */
static void a_month_that_is_empty_when_mended_is_none(void **state)
{
    struct fixture *fixture = *state;
    struct kr_tree_month month;
    uint32_t count = 99;
    struct kr_txn *txn = write_begin(fixture);
    append(txn, &scope, 0, 1);
    assert_int_equal(kr_store_tree_settle(txn, &scope), KR_OK);
    commit(txn);
    damage_month(fixture, 1, 700);
    txn = write_begin(fixture);
    assert_int_equal(kr_store_scope_remove(txn, &scope, entry_at(0).id), KR_OK);
    assert_int_equal(kr_txn_take_months_mended(txn), 1);
    assert_int_equal(kr_store_tree_months(txn, &scope, 0, &month, 1, &count), KR_OK);
    assert_int_equal(count, 0);
    commit(txn);
    assert_verifies(fixture);
}

/* What is only in the log is not put into rows by the way: it would stand there still when it has gone from the log. */
static void what_is_not_in_rows_yet_is_not_mended_into_them(void **state)
{
    static const uint8_t none[KR_TREE_KEY_BYTES];
    static uint8_t keys[SETTLED][KR_TREE_KEY_BYTES];
    struct fixture *fixture = *state;
    uint32_t listed = 0;
    fill(fixture);
    for (uint32_t round = 0; round < 2; round++) {
        struct kr_txn *txn = read_begin(fixture);
        const uint64_t before = count_of(txn, &scope, 700);
        assert_int_equal(kr_store_tree_list(txn, &scope, 700, none, 0, NULL, keys, SETTLED, &listed), KR_OK);
        kr_txn_abort(txn);
        damage_month(fixture, 1, 700);
        txn = write_begin(fixture);
        if (round == 0) { /* by reading */
            assert_int_equal(count_of(txn, &scope, 700), before);
        } else { /* or by taking out: all that stand in rows, until the damaged one is met */
            for (uint32_t i = 0; i < listed && kr_txn_take_months_mended(txn) == 0; i++) {
                uint64_t at = 0;
                const uint8_t *id = keys[listed - 1 - i] + KR_TREE_KEY_BYTES - 32;
                assert_int_equal(kr_store_scope_find(txn, &scope, id, &at), KR_OK);
                assert_int_equal(at < SETTLED ? kr_store_scope_remove(txn, &scope, id) : KR_OK, KR_OK);
            }
        }
        commit(txn);
        txn = write_begin(fixture);
        const uint64_t after = count_of(txn, &scope, 700), pending = SETTLED + 2 * round;
        assert_int_equal(kr_store_scope_remove(txn, &scope, entry_at(pending).id), KR_OK);
        assert_int_equal(count_of(txn, &scope, 700), after - 1);
        commit(txn);
        assert_verifies(fixture);
    }
}

/* What stands in a damaged block nobody knows; all others are mended. */
static void a_damaged_block_does_not_end_the_mending(void **state)
{
    static struct row block;
    struct fixture *fixture = *state;
    fill(fixture);
    for (uint32_t all = 0; all < 2; all++) {
        fixture_close(fixture);
        struct raw raw = raw_open(fixture);
        raw_row(&raw, "entries", 3, block.key, &block.key_len, block.value, &block.len);
        block.value[block.len / 2] ^= 0x10;
        raw_put(&raw, "entries", block.key, block.key_len, block.value, block.len);
        raw_close(&raw);
        fixture_open(fixture);
        damage_month(fixture, 1, 700);
        struct kr_txn *txn = write_begin(fixture);
        uint8_t root[32];
        uint64_t count = 0;
        if (all == 0) {
            assert_int_equal(count_of(txn, &scope, 700), (SETTLED + PENDING - 32) / 2);
        } else {
            assert_int_equal(kr_scope_mend(txn, &scope), KR_OK);
        }
        assert_int_equal(kr_store_tree_root(txn, &scope, 0, root, &count), KR_OK);
        assert_int_equal(count, SETTLED + PENDING - (all == 0 ? 16 : 32));
        kr_txn_abort(txn);
        fixture_close(fixture);
        raw = raw_open(fixture);
        block.value[block.len / 2] ^= 0x10;
        raw_put(&raw, "entries", block.key, block.key_len, block.value, block.len);
        raw_close(&raw);
        fixture_open(fixture);
    }
}

/* A month was dropped by a clock that was wrong, and began again: what had entered before does not come back with mending. */
static void what_was_dropped_is_not_mended(void **state)
{
    struct fixture *fixture = *state;
    bool more = true;
    fill(fixture);
    struct kr_txn *txn = write_begin(fixture);
    while (more) {
        assert_int_equal(kr_store_tree_drop(txn, 701, &more), KR_OK);
    }
    append(txn, &scope, 5000, 5400);
    assert_int_equal(kr_store_tree_settle(txn, &scope), KR_OK);
    assert_int_equal(count_of(txn, &scope, 700), 200);
    commit(txn);
    damage_month(fixture, 1, 700);
    txn = write_begin(fixture);
    assert_int_equal(count_of(txn, &scope, 700), 200);
    assert_int_equal(kr_txn_take_months_mended(txn), 1);
    commit(txn);
    assert_verifies(fixture);
    txn = read_begin(fixture);
    assert_int_equal(count_of(txn, &scope, 700), 200);
    kr_txn_abort(txn);
}

/* All of a scope anew: its months, and no other's. */
static void a_mended_scope_is_as_it_was(void **state)
{
    static struct row rows[1024];
    struct fixture *fixture = *state;
    uint8_t before[2][32], after[32];
    fill(fixture);
    struct kr_txn *txn = read_begin(fixture);
    root_of(txn, &scope, before[0]);
    root_of(txn, &second, before[1]);
    kr_txn_abort(txn);
    const size_t count = take_rows(fixture, rows, 1024);
    put_row(fixture, &rows[3], rows[count / 2].value, rows[count / 2].len);
    damage_month(fixture, 1, 701);
    txn = write_begin(fixture);
    assert_int_equal(kr_scope_mend(txn, &scope), KR_OK);
    assert_int_equal(kr_txn_take_months_mended(txn), 2);
    root_of(txn, &scope, after);
    assert_memory_equal(after, before[0], 32);
    commit(txn);
    assert_int_equal(read_all(fixture), KR_OK);
    txn = read_begin(fixture);
    root_of(txn, &second, after);
    assert_memory_equal(after, before[1], 32);
    kr_txn_abort(txn);
    assert_verifies(fixture);
}

/* Authentic, but of another place. */
static void moved_rows_are_told(void **state)
{
    static struct row rows[1024];
    struct fixture *fixture = *state;
    fill(fixture);
    const size_t count = take_rows(fixture, rows, 1024);
    for (size_t i = 5; i < 20; i++) {
        put_row(fixture, &rows[i], rows[count - i].value, rows[count - i].len);
        assert_int_equal(read_all(fixture), KR_CORRUPT);
        assert_true(told_of(fixture, "tree of scope number 1") > 0);
        put_row(fixture, &rows[i], rows[i].value, rows[i].len);
    }
    assert_verifies(fixture);
}

static const struct row *same_key(const struct row *rows, size_t count, const struct row *row)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].key_len == row->key_len && memcmp(rows[i].key, row->key, row->key_len) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* Puts back one row after the other that has changed, and what is now there again. */
static void try_each_from_before(struct fixture *fixture, const struct row *before, size_t before_count, const struct row *after,
                                 size_t after_count, uint32_t *ret_changed, uint32_t *ret_gone)
{
    *ret_changed = *ret_gone = 0;
    for (size_t i = 0; i < before_count; i++) {
        const struct row *now = same_key(after, after_count, &before[i]);
        if (now != NULL && now->len == before[i].len && memcmp(now->value, before[i].value, now->len) == 0) {
            continue;
        }
        put_row(fixture, &before[i], before[i].value, before[i].len);
        assert_true(told_of(fixture, "tree of scope number") > 0);
        (void)read_all(fixture); /* whatever it says, it comes to an end */
        if (now == NULL) {
            remove_row(fixture, &before[i]);
            ++*ret_gone;
        } else {
            put_row(fixture, now, now->value, now->len);
            ++*ret_changed;
        }
    }
}

/* Authentic, and of this very place, but as it was before: readers follow it, as far as it leads, and only verify can tell. */
static void rows_from_before_are_told(void **state)
{
    static struct row before[1024], after[1024];
    struct fixture *fixture = *state;
    uint32_t changed = 0, gone = 0;
    fill(fixture);
    size_t before_count = take_rows(fixture, before, 1024);
    struct kr_txn *txn = write_begin(fixture);
    append(txn, &scope, SETTLED + PENDING, SETTLED + PENDING + 420);
    commit(txn);
    size_t after_count = take_rows(fixture, after, 1024);
    try_each_from_before(fixture, before, before_count, after, after_count, &changed, &gone);
    assert_true(changed > 20);
    assert_verifies(fixture);
    txn = write_begin(fixture);
    for (uint64_t number = 0; number < 8; number++) { /* of one scope few, of the other so many that a leaf is left of a node */
        assert_int_equal(kr_store_scope_remove(txn, &scope, entry_at(number).id), KR_OK);
        assert_int_equal(kr_store_scope_remove(txn, &second, entry_at(number).id), KR_OK);
    }
    commit(txn);
    memcpy(before, after, sizeof before);
    before_count = after_count;
    after_count = take_rows(fixture, after, 1024);
    try_each_from_before(fixture, before, before_count, after, after_count, &changed, &gone);
    assert_true(changed > 8);
    assert_true(gone > 8);
    assert_verifies(fixture);
}

/* All of them together, so that the tree is one: but the log has more. */
static void a_whole_tree_from_before_is_told(void **state)
{
    static struct row before[1024], after[1024];
    struct fixture *fixture = *state;
    fill(fixture);
    const size_t before_count = take_rows(fixture, before, 1024);
    struct kr_txn *txn = write_begin(fixture);
    append(txn, &scope, SETTLED + PENDING, SETTLED + PENDING + 420);
    commit(txn);
    const size_t after_count = take_rows(fixture, after, 1024);
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    for (size_t i = 0; i < after_count; i++) {
        raw_delete(&raw, "tree", after[i].key, after[i].key_len);
    }
    for (size_t i = 0; i < before_count; i++) {
        raw_put(&raw, "tree", before[i].key, before[i].key_len, before[i].value, before[i].len);
    }
    raw_close(&raw);
    fixture_open(fixture);
    assert_int_equal(told_of(fixture, "tree of scope number"), 0);
    assert_true(told_of(fixture, "are not in its trees") > 0);
}

/* Rows that wait to be dropped are no damage; nor are they read, or in the way of what comes. */
static void left_overs_are_no_damage(void **state)
{
    struct fixture *fixture = *state;
    bool more = false;
    uint64_t at = 0, count = 0;
    uint8_t root[32];
    struct kr_txn *txn = write_begin(fixture);
    append(txn, &scope, 0, 12000);
    assert_int_equal(kr_store_tree_settle(txn, &scope), KR_OK);
    append(txn, &second, 0, 50); /* nothing enters between its rows and the drop */
    assert_int_equal(kr_store_tree_settle(txn, &second), KR_OK);
    commit(txn);
    txn = write_begin(fixture);
    assert_int_equal(kr_store_tree_drop(txn, 701, &more), KR_OK);
    assert_true(more);
    assert_int_equal(kr_store_tree_root(txn, &second, 0, root, &count), KR_OK);
    assert_int_equal(count, 25);
    commit(txn);
    assert_verifies(fixture);
    fixture_reopen(fixture);
    txn = write_begin(fixture);
    struct kr_entry late = entry_at(20000);
    assert_int_equal(kr_store_scope_append(txn, &scope, &late, &at), KR_OK);
    assert_int_equal(kr_store_tree_settle(txn, &scope), KR_OK);
    assert_int_equal(kr_store_tree_root(txn, &scope, 0, root, &count), KR_OK);
    assert_int_equal(count, 6001);
    commit(txn);
    assert_verifies(fixture);
}

/* Slices are bounded, and neither skip nor repeat rows of trees. */
static void verify_takes_trees_in_slices(void **state)
{
    struct fixture *fixture = *state;
    uint64_t rows = 0, expected = 0, cursor = 0, at = 0;
    struct kr_txn *txn = write_begin(fixture);
    append(txn, &scope, 0, 10000);
    for (uint64_t number = 10000; number < 16000; number++) { /* and all in one hour */
        struct kr_entry entry = entry_at(number);
        entry.hour = 480000;
        assert_int_equal(kr_store_scope_append(txn, &second, &entry, &at), KR_OK);
    }
    commit(txn);
    struct problems problems = {0};
    bool done = false;
    uint64_t most = 0;
    uint32_t slices = 0;
    while (!done) {
        uint64_t checked = 0;
        txn = read_begin(fixture);
        assert_int_equal(kr_store_verify(txn, &cursor, collect_problem, &problems, &checked, &done), KR_OK);
        kr_txn_abort(txn);
        rows += checked;
        most = checked > most ? checked : most;
        slices++;
    }
    assert_int_equal(problems.count, 0);
    static const char *const tables[] = {"meta", "scopes", "entries", "tree", "fresh"};
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        expected += raw_count(&raw, tables[i]);
    }
    raw_close(&raw);
    fixture_open(fixture);
    assert_int_equal(rows, expected);
    assert_true(slices >= 8); /* 16,000 keys in leaves, for which blocks were read */
    assert_true(most < 1100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(flipped_and_missing_rows_are_told),
        TEST(who_may_write_mends_what_is_damaged),
        TEST(damage_keeps_nothing_out),
        TEST(moved_rows_are_told),
        TEST(a_mended_month_leaves_no_rows_behind),
        TEST(a_month_that_is_empty_when_mended_is_none),
        TEST(what_is_not_in_rows_yet_is_not_mended_into_them),
        TEST(a_damaged_block_does_not_end_the_mending),
        TEST(what_was_dropped_is_not_mended),
        TEST(a_mended_scope_is_as_it_was),
        TEST(rows_from_before_are_told),
        TEST(a_whole_tree_from_before_is_told),
        TEST(left_overs_are_no_damage),
        TEST(verify_takes_trees_in_slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
