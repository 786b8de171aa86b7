/* Transactions: nesting, failed commits, what readers see, estimates. */
#include "store_test.h"

static uint64_t records_of(struct fixture *fixture)
{
    struct kr_store_stat stat = {0};
    struct kr_txn *txn = read_begin(fixture);
    assert_int_equal(kr_store_stat(txn, &stat), KR_OK);
    kr_txn_abort(txn);
    return stat.records;
}

static void nested_aborts_undo_only_their_own(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    assert_int_equal(put_sample(txn, 0), 1);
    struct kr_txn *first = nest(txn);
    assert_int_equal(put_sample(first, 1), 2);
    commit(first);
    struct kr_txn *second = nest(txn);
    assert_int_equal(put_sample(second, 2), 3);
    struct kr_txn *deep = nest(second);
    assert_int_equal(put_sample(deep, 3), 4);
    commit(deep);
    kr_txn_abort(second);
    assert_int_equal(put_sample(txn, 4), 3); /* the numbers of what was undone were never given out */
    commit(txn);
    txn = read_begin(fixture);
    assert_sample(txn, 0, 1);
    assert_sample(txn, 1, 2);
    assert_sample(txn, 4, 3);
    kr_txn_abort(txn);
    assert_int_equal(records_of(fixture), 3);
    assert_verifies(fixture);
}

static void an_outer_abort_undoes_nested_commits(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    struct kr_txn *nested = nest(txn);
    (void)put_sample(nested, 0);
    commit(nested);
    kr_txn_abort(txn);
    assert_int_equal(records_of(fixture), 0);
    txn = write_begin(fixture);
    assert_int_equal(put_sample(txn, 0), 1);
    commit(txn);
}

static void a_failed_commit_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    (void)put_sample(txn, 0);
    commit(txn);
    txn = write_begin(fixture);
    (void)put_sample(txn, 1);
    fixture->fail_next = true;
    assert_int_equal(kr_txn_commit(txn), KR_IO);
    assert_false(fixture->fail_next);
    assert_int_equal(records_of(fixture), 1);
    txn = write_begin(fixture);
    assert_int_equal(put_sample(txn, 2), 2);
    commit(txn);
    fixture_reopen(fixture);
    assert_int_equal(records_of(fixture), 2);
    assert_verifies(fixture);
}

static void a_transaction_without_changes_only_ends(void **state)
{
    struct fixture *fixture = *state;
    uint8_t id[32] = {0};
    uint64_t arrival = 0;
    struct kr_txn *txn = write_begin(fixture);
    assert_int_equal(kr_store_record_find(txn, id, &arrival), KR_NOT_FOUND);
    assert_int_equal(kr_store_delete(txn, KR_TABLE_LINKS, "none", 4), KR_NOT_FOUND);
    assert_false(kr_txn_is_dirty(txn));
    fixture->fail_next = true; /* nothing to commit, nothing to fail */
    commit(txn);
    assert_true(fixture->fail_next);
    fixture->fail_next = false;
    txn = write_begin(fixture);
    struct kr_txn *nested = nest(txn);
    (void)put_sample(nested, 0);
    kr_txn_abort(nested);
    assert_false(kr_txn_is_dirty(txn));
    nested = nest(txn);
    (void)put_sample(nested, 0);
    assert_true(kr_txn_is_dirty(nested));
    assert_false(kr_txn_is_dirty(txn));
    commit(nested);
    assert_true(kr_txn_is_dirty(txn));
    commit(txn);
    kr_txn_abort(NULL);
}

struct visit {
    struct kr_txn *txn;
    uint32_t seen;
};

/* The third row is where the transaction writes first: the row before it goes, one is put behind all. */
static bool write_at_the_third(void *context, struct kr_slice key, struct kr_slice value)
{
    struct visit *visit = context;
    assert_int_equal(key.bytes[0], visit->seen);
    assert_int_equal(value.bytes[0], visit->seen);
    if (visit->seen++ == 2) {
        assert_int_equal(kr_store_delete(visit->txn, KR_TABLE_LINKS, &(uint8_t){1}, 1), KR_OK);
        assert_int_equal(kr_store_put(visit->txn, KR_TABLE_LINKS, &(uint8_t){5}, 1, &(uint8_t){5}, 1), KR_OK);
    }
    return true;
}

static bool count_row(void *context, struct kr_slice key, struct kr_slice value)
{
    (void)key;
    (void)value;
    ++*(uint32_t *)context;
    return true;
}

static uint32_t count_rows(struct kr_txn *txn)
{
    uint32_t count = 0;
    assert_int_equal(kr_store_each(txn, KR_TABLE_LINKS, NULL, 0, count_row, &count), KR_OK);
    return count;
}

/* A nested transaction begins in LMDB with its first write, which may come in the middle of a walk that began in its parent's. */
static void a_walk_goes_on_over_the_first_write(void **state)
{
    struct fixture *fixture = *state;
    uint8_t value[8];
    size_t len = 0;
    struct kr_txn *txn = write_begin(fixture);
    for (uint8_t i = 0; i < 5; i++) {
        assert_int_equal(kr_store_put(txn, KR_TABLE_LINKS, &i, 1, &i, 1), KR_OK);
    }
    commit(txn);
    txn = write_begin(fixture);
    for (uint32_t round = 0; round < 3; round++) { /* aborted, aborted from below, committed */
        struct kr_txn *nested = nest(txn), *deep = round == 1 ? nest(nested) : nested;
        struct visit visit = {.txn = deep};
        assert_int_equal(count_rows(deep), 5);
        assert_int_equal(kr_store_each(deep, KR_TABLE_LINKS, NULL, 0, write_at_the_third, &visit), KR_OK);
        assert_int_equal(visit.seen, 6);
        assert_int_equal(count_rows(deep), 5);
        assert_int_equal(kr_store_get(deep, KR_TABLE_LINKS, &(uint8_t){1}, 1, value, sizeof value, &len), KR_NOT_FOUND);
        if (round == 1) {
            kr_txn_abort(deep);
            assert_int_equal(kr_store_get(nested, KR_TABLE_LINKS, &(uint8_t){1}, 1, value, sizeof value, &len), KR_OK);
        }
        round < 2 ? kr_txn_abort(nested) : commit(nested);
        assert_int_equal(kr_store_get(txn, KR_TABLE_LINKS, &(uint8_t){1}, 1, value, sizeof value, &len),
                         round < 2 ? KR_OK : KR_NOT_FOUND);
        assert_int_equal(kr_store_get(txn, KR_TABLE_LINKS, &(uint8_t){5}, 1, value, sizeof value, &len),
                         round < 2 ? KR_NOT_FOUND : KR_OK);
        assert_int_equal(kr_txn_is_dirty(txn), round == 2);
    }
    commit(txn);
    fixture_reopen(fixture);
    txn = read_begin(fixture);
    assert_int_equal(count_rows(txn), 5);
    kr_txn_abort(txn);
    assert_verifies(fixture);
}

static void readers_see_what_was_committed_when_they_began(void **state)
{
    struct fixture *fixture = *state;
    uint64_t arrival = 0;
    uint8_t id[32];
    struct kr_txn *txn = write_begin(fixture);
    (void)put_sample(txn, 0);
    commit(txn);
    struct kr_txn *held = read_begin(fixture);
    for (uint64_t number = 1; number < 50; number++) {
        txn = write_begin(fixture);
        (void)put_sample(txn, number);
        if (number == 10) {
            assert_int_equal(kr_store_record_purge(txn, 1, (struct kr_slice){0}), KR_OK);
        }
        commit(txn);
    }
    assert_sample(held, 0, 1);
    sample_id(5, id);
    assert_int_equal(kr_store_record_find(held, id, &arrival), KR_NOT_FOUND);
    kr_txn_abort(held);
    assert_int_equal(records_of(fixture), 49);
    kr_store_reap_readers(fixture->store);
}

/* The estimate ends batches in time: never far below the truth, and not so high that batches become small. */
static void dirty_pages_are_estimated(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    assert_int_equal(kr_txn_dirty_pages(txn), 0);
    uint32_t last = 0;
    for (uint64_t number = 0; number < 100; number++) {
        struct kr_txn *nested = nest(txn);
        (void)put_sample(nested, number);
        assert_true(kr_txn_dirty_pages(nested) >= last);
        commit(nested);
        last = kr_txn_dirty_pages(txn);
    }
    uint32_t estimate = last;
    struct kr_store_stat before, after;
    kr_txn_abort(txn);
    txn = write_begin(fixture);
    assert_int_equal(kr_store_stat(txn, &before), KR_OK);
    for (uint64_t number = 0; number < 100; number++) {
        (void)put_sample(txn, number);
    }
    commit(txn);
    txn = read_begin(fixture);
    assert_int_equal(kr_store_stat(txn, &after), KR_OK);
    kr_txn_abort(txn);
    uint64_t pages = (after.bytes_used - before.bytes_used) / 4096;
    assert_in_range(estimate, pages * 2 / 3, pages * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nested_aborts_undo_only_their_own),
        TEST(an_outer_abort_undoes_nested_commits),
        TEST(a_walk_goes_on_over_the_first_write),
        TEST(a_failed_commit_changes_nothing),
        TEST(a_transaction_without_changes_only_ends),
        TEST_DURABLE(readers_see_what_was_committed_when_they_began),
        TEST(dirty_pages_are_estimated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
