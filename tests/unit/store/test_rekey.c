/* The storage key replaced while the store is used: what is there, what comes, what a crash leaves, and who can read an old copy.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "raw_store.h"
#include "store/internal.h"

#define RECORDS   120u
#define RUN_TERMS 2100u /* a batch that becomes a run of its own */
#define BIN_KEY   7u    /* of a row in a small table */
#define SLICE     5u    /* values */

static const struct kr_scope scope = {.kind = KR_SCOPE_CLEAR};
static const uint8_t second[32] = {0x61}, third[32] = {0x62};

/* ---- what is in the store ---- */

static void put_record(struct fixture *fixture, struct kr_txn *txn, uint64_t number)
{
    uint8_t id[32], token[KR_TOKEN_BYTES];
    uint64_t entry = 0;
    const uint64_t arrival = put_sample(txn, number);
    struct kr_term_entry term = sample_term(fixture->store, number, arrival, 0);
    sample_id(number, id);
    memcpy(token, id + 16, sizeof token);
    assert_int_equal(kr_store_terms_put(txn, &term, 1), KR_OK);
    assert_int_equal(append_id(txn, &scope, id, &entry), KR_OK);
    assert_int_equal(kr_store_token_put(txn, token, arrival), KR_OK);
}

static void fill(struct fixture *fixture)
{
    static struct kr_term_entry terms[RUN_TERMS];
    static const uint8_t large[3000] = {BIN_KEY};
    struct kr_txn *txn = write_begin(fixture);
    for (uint64_t i = 0; i < RECORDS; i++) {
        put_record(fixture, txn, i);
    }
    for (uint32_t i = 0; i < RUN_TERMS; i++) {
        terms[i] = sample_term(fixture->store, 10000 + i, 1, (uint16_t)i);
    }
    assert_int_equal(kr_store_terms_put(txn, terms, RUN_TERMS), KR_OK);
    assert_int_equal(kr_store_prefixes_note(txn, &(struct kr_prefixes){.ipv4 = 1u << 24}), KR_OK);
    for (uint32_t table = 0; table < KR_TABLE_COUNT; table++) {
        assert_int_equal(kr_store_put(txn, (enum kr_table)table, &table, sizeof table, large, sizeof large), KR_OK);
    }
    assert_int_equal(kr_store_record_purge(txn, 3, (struct kr_slice){(const uint8_t *)"header", 6}), KR_OK);
    assert_int_equal(kr_store_record_purge(txn, 4, (struct kr_slice){0}), KR_OK);
    assert_int_equal(kr_store_tree_settle(txn, &scope), KR_OK);
    commit(txn);
    for (uint64_t i = 0; i < 3; i++) { /* several rows of what is fresh */
        txn = write_begin(fixture);
        put_record(fixture, txn, RECORDS + i);
        commit(txn);
    }
}

static void assert_there(struct fixture *fixture, uint64_t count)
{
    struct kr_txn *txn = read_begin(fixture);
    for (uint64_t i = 0; i < count; i++) {
        uint8_t id[32];
        uint64_t arrival = 0;
        sample_id(i, id);
        if (i != 2 && i != 3) { /* the two that were purged */
            assert_sample(txn, i, i + 1);
            assert_int_equal(find_term(txn, i).count, 1);
            assert_int_equal(kr_store_token_find(txn, id + 16, &arrival), KR_OK);
            assert_int_equal(arrival, i + 1);
        }
    }
    uint64_t entries = 0;
    uint8_t hash[32], value[4000];
    size_t len = 0;
    assert_int_equal(kr_store_scope_mark(txn, &scope, &entries, hash), KR_OK);
    assert_int_equal(entries, count);
    for (uint32_t table = 0; table < KR_TABLE_COUNT; table++) {
        assert_int_equal(kr_store_get(txn, (enum kr_table)table, &table, sizeof table, value, sizeof value, &len), KR_OK);
        assert_true(len == 3000 && value[0] == BIN_KEY);
    }
    assert_int_equal(find_term(txn, 10000 + 77).count, 1);
    kr_txn_abort(txn);
}

/* ---- replacing ---- */

static struct kr_rekey slice(struct fixture *fixture)
{
    struct kr_rekey rekey = {0};
    struct kr_txn *txn = write_begin(fixture);
    assert_int_equal(kr_store_rekey_slice(txn, 1700000000, SLICE, &rekey), KR_OK);
    commit(txn);
    return rekey;
}

static struct kr_rekey all_slices(struct fixture *fixture)
{
    struct kr_rekey rekey = {0};
    for (uint32_t slices = 0; !rekey.is_done; slices++) {
        assert_true(slices < 100000);
        rekey = slice(fixture);
    }
    return rekey;
}

static void replace(struct fixture *fixture, const uint8_t key[static 32])
{
    kr_store_rekey_begin(fixture->store, key);
    (void)all_slices(fixture);
    kr_store_rekey_end(fixture->store);
}

static void options_keys(struct fixture *fixture, const uint8_t *now, const uint8_t *old)
{
    fixture->options.storage_key = now;
    fixture->options.old_storage_key = old;
}

/* How many values in the file open under this key, and how many heads among them; the store is closed. */
static uint32_t count_under(struct fixture *fixture, const uint8_t key[static 32], uint32_t *ret_heads)
{
    static uint8_t plain[64 * KR_KIB];
    struct kr_storage_key derived;
    uint32_t count = 0, heads = 0;
    kr_storage_key_derive(&derived, key);
    struct raw raw = raw_open(fixture);
    for (uint32_t dbi = 0; dbi < KR_DBI_RUN; dbi++) {
        MDB_cursor *cursor = NULL;
        MDB_val row_key, value;
        char buffer[16];
        assert_int_equal(mdb_cursor_open(raw.txn, raw_table(&raw, kr_dbi_name(dbi, buffer)), &cursor), 0);
        while (mdb_cursor_get(cursor, &row_key, &value, MDB_NEXT) == 0) {
            const struct kr_slice name = {row_key.mv_data, row_key.mv_size};
            size_t len = 0;
            struct kr_slice sealed = {value.mv_data, value.mv_size};
            if (dbi == KR_DBI_FRESH && sealed.len > 64) {
                sealed.len = 64; /* its state */
            } else if (dbi == KR_DBI_META && name.len == 6 && memcmp(name.bytes, "format", 6) == 0) {
                sealed = (struct kr_slice){sealed.bytes + 4, sealed.len - 4};
            }
            if (kr_value_open_under(&derived, dbi, name, sealed, plain, sizeof plain, &len) == KR_OK) {
                count++;
                heads += dbi == KR_DBI_LOG;
            }
        }
        mdb_cursor_close(cursor);
    }
    raw_close(&raw);
    if (ret_heads != NULL) {
        *ret_heads = heads;
    }
    return count;
}

/* ---- tests ---- */

static void everything_comes_under_the_new_key(void **state)
{
    struct fixture *fixture = *state;
    struct kr_error error = {{0}};
    fill(fixture);
    fixture_close(fixture);
    const uint32_t values = count_under(fixture, fixture->storage_key, NULL);
    assert_true(values > RECORDS);
    assert_int_equal(count_under(fixture, second, NULL), 0);
    fixture_open(fixture);

    kr_store_rekey_begin(fixture->store, second);
    struct kr_rekey rekey = slice(fixture);
    assert_true(!rekey.is_done && rekey.done > 0 && rekey.done <= SLICE + 3 && rekey.began_s == 1700000000);
    for (uint32_t i = 0; i < 8 && !rekey.is_done; i++) { /* what is read meanwhile, and what comes */
        assert_there(fixture, RECORDS + 3 + i);
        assert_verifies(fixture);
        struct kr_txn *txn = write_begin(fixture);
        put_record(fixture, txn, RECORDS + 3 + i);
        commit(txn);
        rekey = slice(fixture);
    }
    assert_false(rekey.is_done);
    rekey = all_slices(fixture);
    assert_int_equal(rekey.damaged, 0);
    assert_true(rekey.all >= RECORDS && rekey.done >= values - 3);
    assert_there(fixture, RECORDS + 11);
    kr_store_rekey_end(fixture->store);
    assert_there(fixture, RECORDS + 11);
    assert_verifies(fixture);

    fixture_close(fixture);
    assert_int_equal(count_under(fixture, fixture->storage_key, NULL), 0);
    assert_true(count_under(fixture, second, NULL) > values);
    assert_int_equal(kr_store_open(&fixture->options, &fixture->store, &error), KR_CORRUPT); /* with the key before */
    options_keys(fixture, second, NULL);
    fixture_open(fixture);
    assert_there(fixture, RECORDS + 11);
    assert_verifies(fixture);

    /* Once more: what was derived from the first key still holds, and merging and expiry go by it. */
    replace(fixture, third);
    options_keys(fixture, third, NULL);
    fixture_reopen(fixture);
    assert_there(fixture, RECORDS + 11);
    assert_verifies(fixture);
    uint64_t arrivals[256];
    struct kr_txn *txn = write_begin(fixture);
    put_record(fixture, txn, RECORDS + 11);
    assert_int_equal(expired_all(txn, 1900000000, arrivals, 256), RECORDS + 11); /* all but the one that is not there at all */
    commit(txn);
    assert_there(fixture, RECORDS + 12);
    assert_verifies(fixture);
}

/* A crash after each slice, before the first and behind the last; and slices whose commit fails. */
static void a_crash_loses_nothing_and_it_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct kr_rekey rekey = {0}, before = {0};
    uint32_t openings = 0;
    fill(fixture);
    options_keys(fixture, second, fixture->storage_key); /* the keyring has both, and the store knew nothing of it yet */
    fixture_reopen(fixture);
    assert_there(fixture, RECORDS + 3);
    while (!rekey.is_done) {
        struct kr_txn *txn = write_begin(fixture);
        assert_int_equal(kr_store_rekey_slice(txn, 1, SLICE, &rekey), KR_OK);
        fixture->fail_next = true;
        assert_int_equal(kr_txn_commit(txn), KR_IO);
        rekey = slice(fixture);
        assert_true(rekey.is_done || rekey.done > before.done);
        before = rekey;
        fixture_reopen(fixture);
        struct kr_rekey stands = {0};
        txn = read_begin(fixture);
        assert_int_equal(kr_store_rekey_state(txn, &stands), KR_OK);
        kr_txn_abort(txn);
        assert_int_equal(stands.is_done, rekey.is_done);
        assert_true(stands.is_done || (stands.done == rekey.done && stands.all == rekey.all));
        if (openings++ % 8 == 0) {
            assert_there(fixture, RECORDS + 3);
        }
    }
    assert_true(openings > 20);
    assert_true(slice(fixture).is_done); /* once more: nothing is left to do */
    assert_there(fixture, RECORDS + 3);
    assert_verifies(fixture);
    fixture_close(fixture); /* the keyring had both until now */
    assert_int_equal(count_under(fixture, fixture->storage_key, NULL), 0);
    options_keys(fixture, second, NULL);
    fixture_open(fixture);
    assert_there(fixture, RECORDS + 3);
    assert_verifies(fixture);
}

/* A copy of the file from before, and the keys of after: what was purged meanwhile cannot be read. */
static void what_was_purged_is_unreadable_in_an_old_copy(void **state)
{
    struct fixture *fixture = *state;
    struct kr_error error = {{0}};
    size_t len = 0;
    uint32_t heads = 0;
    fill(fixture);
    fixture_close(fixture);
    uint8_t *copy = raw_file_read(fixture, &len);
    fixture_open(fixture);
    struct kr_txn *txn = write_begin(fixture);
    assert_int_equal(kr_store_record_purge(txn, 20, (struct kr_slice){(const uint8_t *)"header", 6}), KR_OK);
    commit(txn);
    fixture_close(fixture);
    uint8_t *purged = raw_file_read(fixture, &len);

    /* Purging alone does not help: the key that wrapped it is still there. */
    uint8_t *again = malloc(RAW_FILE_BYTES_MAX);
    assert_non_null(again);
    memcpy(again, copy, len);
    raw_file_write(fixture, again, len);
    assert_int_equal(count_under(fixture, fixture->storage_key, &heads), count_under(fixture, fixture->storage_key, NULL));
    assert_true(heads > RECORDS);
    fixture_open(fixture);
    txn = read_begin(fixture);
    assert_sample(txn, 19, 20);
    kr_txn_abort(txn);
    fixture_close(fixture);

    raw_file_write(fixture, purged, len);
    fixture_open(fixture);
    replace(fixture, second);
    fixture_close(fixture);
    uint8_t *rotated = raw_file_read(fixture, &len);

    raw_file_write(fixture, copy, len);
    assert_int_equal(count_under(fixture, second, &heads), 0);
    assert_int_equal(heads, 0);
    options_keys(fixture, second, NULL);
    assert_int_equal(kr_store_open(&fixture->options, &fixture->store, &error), KR_CORRUPT);
    assert_non_null(strstr(error.text, "not made with the keys of this keyring"));
    raw_file_write(fixture, rotated, len);
    fixture_open(fixture);
    assert_verifies(fixture);
}

/* A value that nobody can open any more holds nothing up, and stays for verify to tell of. */
static void damage_is_counted_and_passed_over(void **state)
{
    struct fixture *fixture = *state;
    uint8_t key[512], value[64 * KR_KIB];
    size_t key_len = 0, len = 0;
    fill(fixture);
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    raw_row(&raw, "links", 0, key, &key_len, value, &len);
    value[len - 1] ^= 1;
    raw_put(&raw, "links", key, key_len, value, len);
    raw_row(&raw, "dead", 0, key, &key_len, value, &len);
    raw_put(&raw, "dead", key, key_len, value, 20); /* too short for a value */
    raw_close(&raw);
    fixture_open(fixture);
    const uint32_t problems = verify_all(fixture, NULL).count;
    assert_true(problems >= 2);
    kr_store_rekey_begin(fixture->store, second);
    assert_int_equal(all_slices(fixture).damaged, 2);
    kr_store_rekey_end(fixture->store);
    assert_int_equal(verify_all(fixture, NULL).count, problems);
}

/* Where the walk stands is damaged: it begins anew. */
static void a_lost_place_is_found_again(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture);
    kr_store_rekey_begin(fixture->store, second);
    for (uint32_t i = 0; i < 5; i++) {
        (void)slice(fixture);
    }
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    raw_put(&raw, "meta", "rekey", 5, "what?", 5);
    raw_close(&raw);
    options_keys(fixture, second, fixture->storage_key);
    fixture_open(fixture);
    assert_int_equal(all_slices(fixture).damaged, 0);
    fixture_close(fixture);
    assert_int_equal(count_under(fixture, fixture->storage_key, NULL), 0);
    options_keys(fixture, second, NULL);
    fixture_open(fixture);
    assert_there(fixture, RECORDS + 3);
    assert_verifies(fixture);
}

/* ---- readers on other threads ---- */

struct reading {
    struct fixture *fixture;
    atomic_bool is_over;
    atomic_uint rounds, failures;
};

static void *read_on(void *context)
{
    struct reading *reading = context;
    uint64_t number = 5;
    while (!atomic_load(&reading->is_over)) {
        struct kr_txn *txn = NULL;
        uint8_t *bytes = NULL;
        size_t len = 0;
        bool ok = kr_store_read_begin(reading->fixture->store, &txn) == KR_OK &&
                  kr_store_record_get(txn, number + 1, &bytes, &len) == KR_OK;
        free(bytes);
        kr_txn_abort(txn);
        atomic_fetch_add(&reading->failures, !ok);
        atomic_fetch_add(&reading->rounds, 1);
        number = number + 1 < RECORDS ? number + 1 : 5;
    }
    return NULL;
}

static void readers_see_everything_all_the_time(void **state)
{
    struct fixture *fixture = *state;
    struct reading reading = {.fixture = fixture};
    pthread_t threads[2];
    uint8_t key[32] = {0x70};
    fill(fixture);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &reading), 0);
    }
    for (uint32_t rounds = 0; rounds < 6 || atomic_load(&reading.rounds) < 200; rounds++) {
        key[1]++;
        replace(fixture, key);
    }
    atomic_store(&reading.is_over, true);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&reading.failures), 0);
}

static void *end_it(void *context)
{
    struct reading *reading = context;
    atomic_fetch_add(&reading->rounds, 1);
    kr_store_rekey_end(reading->fixture->store);
    return NULL;
}

/* A page that was begun before the last slice still needs the key before: the end waits for it. */
static void a_snapshot_of_before_is_read_to_its_end(void **state)
{
    struct fixture *fixture = *state;
    struct reading reading = {.fixture = fixture};
    pthread_t thread;
    fill(fixture);
    kr_store_rekey_begin(fixture->store, second);
    struct kr_txn *old = read_begin(fixture);
    (void)all_slices(fixture);
    assert_int_equal(pthread_create(&thread, NULL, end_it, &reading), 0);
    for (uint32_t i = 0; i < 3000 || atomic_load(&reading.rounds) == 0; i++) {
        assert_sample(old, 30, 31);
    }
    kr_txn_abort(old);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_there(fixture, RECORDS + 3);
    fixture_close(fixture);
    options_keys(fixture, second, NULL);
    fixture_open(fixture);
    assert_there(fixture, RECORDS + 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_DURABLE(everything_comes_under_the_new_key),
        TEST_DURABLE(a_crash_loses_nothing_and_it_goes_on),
        TEST_DURABLE(what_was_purged_is_unreadable_in_an_old_copy),
        TEST_DURABLE(damage_is_counted_and_passed_over),
        TEST_DURABLE(a_lost_place_is_found_again),
        TEST_DURABLE(readers_see_everything_all_the_time),
        TEST_DURABLE(a_snapshot_of_before_is_read_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
