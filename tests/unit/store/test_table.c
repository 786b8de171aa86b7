/* The small tables of the core. */
#include "raw_store.h"

struct seen {
    uint32_t count, max;
    char keys[16][8];
    size_t value_lens[16];
};

static bool note(void *context, struct kr_slice key, struct kr_slice value)
{
    struct seen *seen = context;
    assert_true(seen->count < 16 && key.len < 8);
    memcpy(seen->keys[seen->count], key.bytes, key.len);
    seen->keys[seen->count][key.len] = 0;
    seen->value_lens[seen->count++] = value.len;
    return seen->count < seen->max;
}

static void values_are_put_read_replaced_and_deleted(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t large[KR_TABLE_VALUE_BYTES_MAX + 1], found[KR_TABLE_VALUE_BYTES_MAX];
    size_t len = 0;
    memset(large, 0x5A, sizeof large);
    struct kr_txn *txn = write_begin(fixture);
    for (int table = 0; table < KR_TABLE_COUNT; table++) {
        assert_int_equal(kr_store_put(txn, (enum kr_table)table, "key", 3, &table, sizeof table), KR_OK);
    }
    commit(txn);
    fixture_reopen(fixture);
    txn = write_begin(fixture);
    for (int table = 0; table < KR_TABLE_COUNT; table++) {
        int value = -1;
        assert_int_equal(kr_store_get(txn, (enum kr_table)table, "key", 3, (uint8_t *)&value, sizeof value, &len), KR_OK);
        assert_int_equal(len, sizeof value);
        assert_int_equal(value, table);
        assert_int_equal(kr_store_get(txn, (enum kr_table)table, "kez", 3, found, sizeof found, &len), KR_NOT_FOUND);
    }
    assert_int_equal(kr_store_put(txn, KR_TABLE_DRAFTS, "key", 3, large, KR_TABLE_VALUE_BYTES_MAX), KR_OK);
    assert_int_equal(kr_store_get(txn, KR_TABLE_DRAFTS, "key", 3, found, 100, &len), KR_BOUNDS);
    assert_int_equal(kr_store_get(txn, KR_TABLE_DRAFTS, "key", 3, found, sizeof found, &len), KR_OK);
    assert_int_equal(len, KR_TABLE_VALUE_BYTES_MAX);
    assert_memory_equal(found, large, len);
    assert_int_equal(kr_store_put(txn, KR_TABLE_DRAFTS, "key", 3, NULL, 0), KR_OK);
    assert_int_equal(kr_store_get(txn, KR_TABLE_DRAFTS, "key", 3, found, sizeof found, &len), KR_OK);
    assert_int_equal(len, 0);
    assert_int_equal(kr_store_delete(txn, KR_TABLE_DRAFTS, "key", 3), KR_OK);
    assert_int_equal(kr_store_delete(txn, KR_TABLE_DRAFTS, "key", 3), KR_NOT_FOUND);
    assert_int_equal(kr_store_get(txn, KR_TABLE_DRAFTS, "key", 3, found, sizeof found, &len), KR_NOT_FOUND);
    commit(txn);
    assert_verifies(fixture);
}

static void bounds_are_kept(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t large[KR_TABLE_VALUE_BYTES_MAX + 1];
    size_t len = 0;
    struct kr_txn *txn = write_begin(fixture);
    assert_int_equal(kr_store_put(txn, KR_TABLE_LINKS, "k", 1, large, sizeof large), KR_BOUNDS);
    assert_int_equal(kr_store_put(txn, KR_TABLE_LINKS, "", 0, large, 1), KR_INVALID);
    assert_int_equal(kr_store_put(txn, KR_TABLE_LINKS, large, KR_TABLE_KEY_BYTES_MAX + 1, large, 1), KR_INVALID);
    assert_int_equal(kr_store_put(txn, KR_TABLE_LINKS, large, KR_TABLE_KEY_BYTES_MAX, large, 1), KR_OK);
    assert_int_equal(kr_store_put(txn, KR_TABLE_COUNT, "k", 1, large, 1), KR_INVALID);
    assert_int_equal(kr_store_get(txn, KR_TABLE_COUNT, "k", 1, large, 1, &len), KR_INVALID);
    assert_int_equal(kr_store_delete(txn, KR_TABLE_COUNT, "k", 1), KR_INVALID);
    assert_int_equal(kr_store_each(txn, KR_TABLE_COUNT, "k", 1, note, NULL), KR_INVALID);
    commit(txn);
}

static void keys_are_walked_in_order_by_prefix(void **state)
{
    struct fixture *fixture = *state;
    static const char *const keys[] = {"b", "ab", "aa", "a", "abc", "c", "ac"};
    struct kr_txn *txn = write_begin(fixture);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        assert_int_equal(kr_store_put(txn, KR_TABLE_DIRECTORY, keys[i], strlen(keys[i]), keys, i), KR_OK);
    }
    assert_int_equal(kr_store_put(txn, KR_TABLE_LINKS, "ab", 2, keys, 1), KR_OK);
    commit(txn);
    txn = read_begin(fixture);
    struct seen seen = {.max = 16};
    assert_int_equal(kr_store_each(txn, KR_TABLE_DIRECTORY, NULL, 0, note, &seen), KR_OK);
    static const char *const order[] = {"a", "aa", "ab", "abc", "ac", "b", "c"};
    static const size_t lens[] = {3, 2, 1, 4, 6, 0, 5};
    assert_int_equal(seen.count, 7);
    for (size_t i = 0; i < 7; i++) {
        assert_string_equal(seen.keys[i], order[i]);
        assert_int_equal(seen.value_lens[i], lens[i]);
    }
    seen = (struct seen){.max = 16};
    assert_int_equal(kr_store_each(txn, KR_TABLE_DIRECTORY, "ab", 2, note, &seen), KR_OK);
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.keys[0], "ab");
    assert_string_equal(seen.keys[1], "abc");
    seen = (struct seen){.max = 1};
    assert_int_equal(kr_store_each(txn, KR_TABLE_DIRECTORY, "a", 1, note, &seen), KR_OK);
    assert_int_equal(seen.count, 1);
    seen = (struct seen){.max = 16};
    assert_int_equal(kr_store_each(txn, KR_TABLE_DIRECTORY, "x", 1, note, &seen), KR_OK);
    assert_int_equal(kr_store_each(txn, KR_TABLE_DRAFTS, NULL, 0, note, &seen), KR_OK);
    assert_int_equal(seen.count, 0);
    kr_txn_abort(txn);
}

/* Rows that do not open are passed over where the walk asks for that, and counted; else the first is the end of it. */
static void a_walk_can_go_past_what_is_damaged(void **state)
{
    struct fixture *fixture = *state;
    static const char *const keys[] = {"aa", "ab", "ac", "ad", "ae", "b"};
    static const size_t lens[] = {4, 100};
    uint8_t value[200], key[512];
    size_t key_len = 0, len = 0;
    struct kr_txn *txn = write_begin(fixture);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        assert_int_equal(kr_store_put(txn, KR_TABLE_DIRECTORY, keys[i], strlen(keys[i]), keys, i), KR_OK);
    }
    commit(txn);
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    raw_row(&raw, "directory", 0, key, &key_len, value, &len);
    value[len - 1] ^= 1;
    raw_put(&raw, "directory", key, key_len, value, len);
    for (size_t i = 0; i < 2; i++) { /* too short, and nonsense of a fair length */
        raw_put(&raw, "directory", keys[2 * i + 2], 2, value, lens[i]);
    }
    static uint8_t huge[KR_TABLE_VALUE_BYTES_MAX + 100];
    raw_put(&raw, "directory", "af", 2, huge, sizeof huge);
    raw_close(&raw);
    fixture_open(fixture);
    txn = read_begin(fixture);
    struct seen seen = {.max = 16};
    uint32_t damaged = 77;
    assert_int_equal(kr_store_each(txn, KR_TABLE_DIRECTORY, NULL, 0, note, &seen), KR_CORRUPT);
    assert_int_equal(seen.count, 0);
    assert_int_equal(kr_store_each_whole(txn, KR_TABLE_DIRECTORY, "a", 1, note, &seen, &damaged), KR_OK);
    assert_int_equal(damaged, 4);
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.keys[0], "ab");
    assert_int_equal(seen.value_lens[0], 1);
    assert_string_equal(seen.keys[1], "ad");
    assert_int_equal(seen.value_lens[1], 3);
    seen = (struct seen){.max = 1};
    assert_int_equal(kr_store_each_whole(txn, KR_TABLE_DIRECTORY, NULL, 0, note, &seen, &damaged), KR_OK);
    assert_int_equal(damaged, 1); /* before the visitor had enough */
    assert_int_equal(kr_store_each_whole(txn, KR_TABLE_COUNT, NULL, 0, note, &seen, &damaged), KR_INVALID);
    kr_txn_abort(txn);
}

static void figures_are_told(void **state)
{
    struct fixture *fixture = *state;
    struct kr_store_stat stat = {0};
    struct kr_txn *txn = write_begin(fixture);
    (void)put_sample(txn, 0);
    (void)put_sample(txn, 1);
    struct kr_term_entry term = sample_term(fixture->store, 1, 1, 0);
    assert_int_equal(kr_store_terms_put(txn, &term, 1), KR_OK);
    assert_int_equal(kr_store_stat(txn, &stat), KR_OK);
    assert_int_equal(stat.arrivals, 2); /* a writer sees its own */
    commit(txn);
    txn = read_begin(fixture);
    assert_int_equal(kr_store_stat(txn, &stat), KR_OK);
    assert_int_equal(stat.records, 2);
    assert_int_equal(stat.arrivals, 2);
    assert_int_equal(stat.index_rows, 3); /* two ids and a term */
    assert_int_equal(stat.runs, 0);
    assert_int_equal(stat.format, KR_STORE_FORMAT);
    assert_true(stat.bytes_used > 0 && stat.bytes_used < stat.map_bytes);
    assert_true(stat.disk_free_bytes > 0);
    kr_txn_abort(txn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_are_put_read_replaced_and_deleted), TEST(bounds_are_kept),  TEST(keys_are_walked_in_order_by_prefix),
        TEST(a_walk_can_go_past_what_is_damaged),       TEST(figures_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
