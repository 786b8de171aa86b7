/* Scope trees: order of entry, the running hash against a computation of its own, separation of scopes. */
#include "store_test.h"

#define ENTRIES 300u

static const struct kr_scope green = {.kind = KR_SCOPE_GREEN, .id = {1}};
static const struct kr_scope other = {.kind = KR_SCOPE_GREEN, .id = {2}};
static const struct kr_scope same_id = {.kind = KR_SCOPE_PAIR, .id = {1}};

/* As the header says it, with libsodium alone. */
static void expected_hash(uint64_t count, uint8_t ret_hash[static 32])
{
    memset(ret_hash, 0, 32);
    for (uint64_t i = 0; i < count; i++) {
        uint8_t message[13 + 64];
        memcpy(message, "kairan cursor", 13);
        memcpy(message + 13, ret_hash, 32);
        sample_id(i, message + 45);
        assert_int_equal(crypto_generichash(ret_hash, 32, message, sizeof message, NULL, 0), 0);
    }
}

static void fill(struct fixture *fixture, const struct kr_scope *scope, uint64_t count)
{
    struct kr_txn *txn = write_begin(fixture);
    for (uint64_t i = 0; i < count; i++) {
        uint8_t id[32];
        uint64_t entry = 999;
        sample_id(i, id);
        assert_int_equal(append_id(txn, scope, id, &entry), KR_OK);
        assert_int_equal(entry, i);
    }
    commit(txn);
}

static void the_running_hash_is_as_specified(void **state)
{
    struct fixture *fixture = *state;
    uint8_t hash[32], expected[32];
    uint64_t count = 7;
    struct kr_txn *txn = read_begin(fixture);
    assert_int_equal(kr_store_scope_mark(txn, &green, &count, hash), KR_OK);
    assert_int_equal(count, 0);
    expected_hash(0, expected);
    assert_memory_equal(hash, expected, 32);
    assert_int_equal(kr_store_scope_hash_at(txn, &green, 0, hash), KR_OK);
    assert_memory_equal(hash, expected, 32);
    assert_int_equal(kr_store_scope_hash_at(txn, &green, 1, hash), KR_NOT_FOUND);
    kr_txn_abort(txn);

    fill(fixture, &green, ENTRIES);
    fixture_reopen(fixture);
    txn = read_begin(fixture);
    assert_int_equal(kr_store_scope_mark(txn, &green, &count, hash), KR_OK);
    assert_int_equal(count, ENTRIES);
    expected_hash(ENTRIES, expected);
    assert_memory_equal(hash, expected, 32);
    for (uint64_t at = 0; at <= ENTRIES; at += 50) {
        assert_int_equal(kr_store_scope_hash_at(txn, &green, at, hash), KR_OK);
        expected_hash(at, expected);
        assert_memory_equal(hash, expected, 32);
    }
    assert_int_equal(kr_store_scope_hash_at(txn, &green, ENTRIES + 1, hash), KR_NOT_FOUND);
    kr_txn_abort(txn);
    assert_verifies(fixture);
}

static void entries_are_read_in_order(void **state)
{
    struct fixture *fixture = *state;
    uint8_t ids[64][32], id[32];
    uint32_t count = 0;
    fill(fixture, &green, ENTRIES);
    struct kr_txn *txn = read_begin(fixture);
    for (uint64_t from = 0; from < ENTRIES; from += count) {
        assert_int_equal(kr_store_scope_read(txn, &green, from, ids, 64, &count), KR_OK);
        assert_int_equal(count, ENTRIES - from < 64 ? ENTRIES - from : 64);
        for (uint32_t i = 0; i < count; i++) {
            sample_id(from + i, id);
            assert_memory_equal(ids[i], id, 32);
        }
    }
    /* From an hour on that none of them is of: so many, and none is told. */
    const struct kr_scope later = {.kind = green.kind, .id = {green.id[0]}, .hour_from = UINT32_MAX};
    static const uint8_t none[32];
    assert_int_equal(kr_store_scope_read(txn, &later, ENTRIES - 40, ids, 64, &count), KR_OK);
    assert_int_equal(count, 40);
    for (uint32_t i = 0; i < count; i++) {
        assert_memory_equal(ids[i], none, 32);
    }
    assert_int_equal(kr_store_scope_read(txn, &green, ENTRIES, ids, 64, &count), KR_OK);
    assert_int_equal(count, 0);
    assert_int_equal(kr_store_scope_read(txn, &green, UINT64_MAX, ids, 64, &count), KR_OK);
    assert_int_equal(count, 0);
    assert_int_equal(kr_store_scope_read(txn, &other, 0, ids, 64, &count), KR_OK);
    assert_int_equal(count, 0);
    kr_txn_abort(txn);
}

static void an_id_enters_a_scope_once_and_is_found_in_it(void **state)
{
    struct fixture *fixture = *state;
    uint8_t id[32];
    uint64_t entry = 0;
    fill(fixture, &green, 20);
    struct kr_txn *txn = write_begin(fixture);
    sample_id(5, id);
    assert_int_equal(append_id(txn, &green, id, &entry), KR_EXISTS);
    assert_int_equal(kr_store_scope_find(txn, &green, id, &entry), KR_OK);
    assert_int_equal(entry, 5);
    assert_int_equal(kr_store_scope_find(txn, &other, id, &entry), KR_NOT_FOUND);
    assert_int_equal(append_id(txn, &other, id, &entry), KR_OK);
    assert_int_equal(entry, 0);
    assert_int_equal(kr_store_scope_find(txn, &same_id, id, &entry), KR_NOT_FOUND);
    assert_int_equal(append_id(txn, &same_id, id, &entry), KR_OK);
    sample_id(20, id);
    assert_int_equal(kr_store_scope_find(txn, &green, id, &entry), KR_NOT_FOUND);
    assert_int_equal(append_id(txn, &green, id, &entry), KR_OK);
    assert_int_equal(entry, 20);
    commit(txn);
    assert_verifies(fixture);
}

static void an_abort_takes_entries_back(void **state)
{
    struct fixture *fixture = *state;
    uint8_t id[32], before[32], after[32];
    uint64_t entry = 0, count = 0;
    fill(fixture, &green, 3);
    struct kr_txn *txn = write_begin(fixture);
    assert_int_equal(kr_store_scope_mark(txn, &green, &count, before), KR_OK);
    struct kr_txn *nested = nest(txn);
    sample_id(3, id);
    assert_int_equal(append_id(nested, &green, id, &entry), KR_OK);
    assert_int_equal(append_id(nested, &other, id, &entry), KR_OK);
    kr_txn_abort(nested);
    assert_int_equal(kr_store_scope_mark(txn, &green, &count, after), KR_OK);
    assert_int_equal(count, 3);
    assert_memory_equal(before, after, 32);
    assert_int_equal(append_id(txn, &green, id, &entry), KR_OK);
    assert_int_equal(entry, 3);
    commit(txn);
    assert_verifies(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_running_hash_is_as_specified),
        TEST(entries_are_read_in_order),
        TEST(an_id_enters_a_scope_once_and_is_found_in_it),
        TEST(an_abort_takes_entries_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
