/* Which lengths of prefixes are indexed is known after whatever happens: never fewer than those that are there. */
#include "old_store.h"
#include "raw_store.h"
#include "store/internal.h"

static const struct kr_prefixes some = {.ipv4 = 1u << 8 | 1u << 24 | 1, .ipv6 = {UINT64_C(1) << 32, UINT64_C(1) << 63}};
static const struct kr_prefixes more = {.ipv4 = 1u << 31, .ipv6 = {UINT64_C(1) << 48, 1}};

static void assert_prefixes(struct fixture *fixture, uint32_t ipv4, uint64_t low, uint64_t high)
{
    struct kr_prefixes prefixes = {0};
    struct kr_txn *txn = read_begin(fixture);
    kr_txn_prefixes(txn, &prefixes);
    kr_txn_abort(txn);
    assert_int_equal(prefixes.ipv4, ipv4);
    assert_int_equal(prefixes.ipv6[0], low);
    assert_int_equal(prefixes.ipv6[1], high);
}

static void note(struct fixture *fixture, const struct kr_prefixes *prefixes)
{
    struct kr_txn *txn = write_begin(fixture);
    assert_int_equal(kr_store_prefixes_note(txn, prefixes), KR_OK);
    commit(txn);
}

static void they_add_up(void **state)
{
    struct fixture *fixture = *state;
    assert_prefixes(fixture, 0, 0, 0);
    note(fixture, &(struct kr_prefixes){0});
    note(fixture, &some);
    assert_prefixes(fixture, some.ipv4, some.ipv6[0], some.ipv6[1]);
    fixture_reopen(fixture);
    assert_prefixes(fixture, some.ipv4, some.ipv6[0], some.ipv6[1]);
    note(fixture, &more);
    note(fixture, &some);
    fixture_reopen(fixture);
    assert_prefixes(fixture, some.ipv4 | more.ipv4, some.ipv6[0] | more.ipv6[0], some.ipv6[1] | more.ipv6[1]);
    assert_verifies(fixture);
}

/* What is known already costs no write. */
static void known_ones_are_not_written_again(void **state)
{
    struct fixture *fixture = *state;
    note(fixture, &some);
    struct kr_txn *txn = write_begin(fixture);
    assert_int_equal(kr_store_prefixes_note(txn, &some), KR_OK);
    assert_false(kr_txn_is_dirty(txn));
    assert_int_equal(kr_store_prefixes_note(txn, &more), KR_OK);
    assert_true(kr_txn_is_dirty(txn));
    kr_txn_abort(txn);
}

/* An aborted transaction has not written them; the next one that brings them does. */
static void an_abort_leaves_them_to_the_next(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture), *nested = nest(txn);
    assert_int_equal(kr_store_prefixes_note(nested, &some), KR_OK);
    kr_txn_abort(nested);
    commit(txn);
    fixture->fail_next = true;
    txn = write_begin(fixture);
    assert_int_equal(kr_store_prefixes_note(txn, &some), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_IO);
    note(fixture, &some);
    fixture_reopen(fixture);
    assert_prefixes(fixture, some.ipv4, some.ipv6[0], some.ipv6[1]);
}

static void a_damaged_row_means_all(void **state)
{
    struct fixture *fixture = *state;
    uint8_t value[128];
    MDB_val key = {8, (void *)(uintptr_t) "prefixes"}, row;
    note(fixture, &some);
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    assert_int_equal(mdb_get(raw.txn, raw_table(&raw, "meta"), &key, &row), 0);
    const size_t len = row.mv_size;
    assert_true(len <= sizeof value);
    memcpy(value, row.mv_data, len);
    value[len - 1] ^= 1;
    raw_put(&raw, "meta", "prefixes", 8, value, len);
    raw_close(&raw);
    fixture_open(fixture);
    assert_prefixes(fixture, UINT32_MAX, UINT64_MAX, UINT64_MAX);
    note(fixture, &more); /* which does not make it worse */
    assert_prefixes(fixture, UINT32_MAX, UINT64_MAX, UINT64_MAX);
    fixture_reopen(fixture);
    assert_prefixes(fixture, UINT32_MAX, UINT64_MAX, UINT64_MAX);
    struct problems problems = verify_all(fixture, NULL);
    assert_int_equal(problems.count, 1);
    assert_non_null(strstr(problems.sentences[0], "prefixes"));
}

/* Also where it was sound when the store was opened: what comes then can be noted nowhere but in memory. */
static void a_row_that_is_damaged_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    note(fixture, &some);
    struct kr_txn *txn = write_begin(fixture);
    assert_int_equal(kr_row_put(txn, KR_DBI_META, kr_slice_of("prefixes", 8), kr_slice_of("?", 1), 0), KR_OK);
    commit(txn);
    assert_prefixes(fixture, some.ipv4, some.ipv6[0], some.ipv6[1]);
    note(fixture, &more);
    assert_prefixes(fixture, UINT32_MAX, UINT64_MAX, UINT64_MAX);
}

static int setup_old(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    old_store_copy(fixture, "tests/data/store-v6/data.mdb");
    fixture_open(fixture);
    *state = fixture;
    return 0;
}

/* Which networks it has indexed nobody knows, and nothing that comes changes that. */
static void an_older_store_means_all(void **state)
{
    struct fixture *fixture = *state;
    assert_prefixes(fixture, UINT32_MAX, UINT64_MAX, UINT64_MAX);
    struct kr_txn *txn = write_begin(fixture);
    assert_int_equal(kr_store_prefixes_note(txn, &some), KR_OK);
    put_sample(txn, 200);
    commit(txn);
    fixture_reopen(fixture);
    assert_prefixes(fixture, UINT32_MAX, UINT64_MAX, UINT64_MAX);
    assert_verifies(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(they_add_up),
        TEST(known_ones_are_not_written_again),
        TEST(an_abort_leaves_them_to_the_next),
        TEST(a_damaged_row_means_all),
        TEST(a_row_that_is_damaged_meanwhile),
        cmocka_unit_test_setup_teardown(an_older_store_means_all, setup_old, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
