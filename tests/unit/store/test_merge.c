/* Merging gets on whatever it meets: rows that are all dead, damage in a run, in its target and in the list of the dead, no memory
 * for a filter. */
#include "raw_store.h"
#include "tests/support/failing_alloc.h"

#define RUNS     4u
#define RUN_ROWS 3000u /* enough for a run of its own; in all more than a slice */
#define SLICES   100u

/* The run of this number; all its entries lead to this arrival. */
static void put_run(struct fixture *fixture, struct kr_txn *txn, uint64_t run, uint64_t arrival)
{
    static struct kr_term_entry entries[RUN_ROWS];
    for (uint32_t i = 0; i < RUN_ROWS; i++) {
        entries[i] = sample_term(fixture->store, run * RUN_ROWS + i, arrival, 0);
    }
    assert_int_equal(kr_store_terms_put(txn, entries, RUN_ROWS), KR_OK);
}

static void put_runs(struct fixture *fixture)
{
    struct kr_txn *txn = write_begin(fixture);
    for (uint64_t run = 0; run < RUNS; run++) {
        put_run(fixture, txn, run, put_sample(txn, run));
    }
    commit(txn);
}

static struct kr_store_stat stat_of(struct fixture *fixture)
{
    struct kr_store_stat stat = {0};
    struct kr_txn *txn = read_begin(fixture);
    assert_int_equal(kr_store_stat(txn, &stat), KR_OK);
    kr_txn_abort(txn);
    return stat;
}

/* As the idle loop does it: until there is no more, and nothing is due. */
static void merge_all(struct fixture *fixture)
{
    bool more = true;
    for (uint32_t slices = 0; more || kr_store_merge_is_due(fixture->store); slices++) {
        struct kr_txn *txn = write_begin(fixture);
        assert_int_equal(kr_store_merge_slice(txn, &more), KR_OK);
        commit(txn);
        assert_true(slices < SLICES);
    }
}

static void merge_once(struct fixture *fixture)
{
    bool more = false;
    assert_true(kr_store_merge_is_due(fixture->store));
    struct kr_txn *txn = write_begin(fixture);
    assert_int_equal(kr_store_merge_slice(txn, &more), KR_OK);
    assert_true(more);
    commit(txn);
}

/* How many of the runs' terms are found, each once. */
static uint32_t found(struct fixture *fixture)
{
    uint32_t count = 0;
    struct kr_txn *txn = read_begin(fixture);
    for (uint64_t value = 0; value < RUNS * RUN_ROWS; value++) {
        struct hits hits = find_term(txn, value);
        assert_true(hits.count <= 1);
        count += hits.count;
    }
    kr_txn_abort(txn);
    return count;
}

/* ---- damage in the file itself: LMDB would put a changed key where it belongs ---- */

static void flip_key(struct fixture *fixture, const char *table, size_t row)
{
    fixture_close(fixture);
    raw_flip_key(fixture, table, row);
    fixture_open(fixture);
}

/* ---- the tests ---- */

static void a_slice_of_dead_rows_moves_on(void **state)
{
    struct fixture *fixture = *state;
    put_runs(fixture);
    struct kr_txn *txn = write_begin(fixture);
    for (uint64_t arrival = 1; arrival <= RUNS; arrival++) {
        assert_int_equal(kr_store_record_purge(txn, arrival, (struct kr_slice){0}), KR_OK);
    }
    commit(txn);
    assert_int_equal(stat_of(fixture).runs, RUNS);
    merge_all(fixture);
    assert_int_equal(stat_of(fixture).runs, 0);
    assert_verifies(fixture);
}

/* A look-up does not pass over it in silence, with a filter or without. */
static void a_damaged_row_is_in_the_filter(void **state)
{
    struct fixture *fixture = *state;
    uint8_t key[512], tag[64];
    size_t key_len = 0, len = 0;
    uint32_t told = 0;
    put_runs(fixture);
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    raw_row(&raw, "terms.1", 1500, key, &key_len, tag, &len);
    tag[0] ^= 1;
    raw_put(&raw, "terms.1", key, key_len, tag, len);
    raw_close(&raw);
    fixture_open(fixture);
    for (uint32_t run = 0; run < RUNS; run++) {
        merge_once(fixture); /* filters first */
    }
    struct kr_txn *txn = read_begin(fixture);
    for (uint64_t value = RUN_ROWS; value < 2 * RUN_ROWS; value++) {
        struct hits hits = {0};
        enum kr_err err = kr_store_terms_find(txn, 3, &value, sizeof value, collect_hit, &hits);
        assert_true(err == KR_CORRUPT || (err == KR_OK && hits.count == 1));
        told += err == KR_CORRUPT;
    }
    kr_txn_abort(txn);
    assert_int_equal(told, 1);
}

/* It falls out; all others stay, also those behind it. */
static void a_damaged_row_does_not_stop_merging(void **state)
{
    struct fixture *fixture = *state;
    static const size_t rows[] = {20, 1500, RUN_ROWS - 1};
    put_runs(fixture);
    for (size_t i = 0; i < 3; i++) {
        flip_key(fixture, "terms.1", rows[i]);
    }
    assert_true(verify_all(fixture, NULL).count > 0);
    merge_all(fixture); /* filters first: none of them is there after opening */
    assert_int_equal(stat_of(fixture).runs, 1);
    assert_int_equal(found(fixture), RUNS * RUN_ROWS - 3);
    assert_verifies(fixture);
}

/* It comes anew from the runs that it came from. */
static void a_damaged_end_of_the_target_is_mended(void **state)
{
    struct fixture *fixture = *state;
    static const char target[] = "terms.4";
    uint8_t key[512], value[64];
    size_t key_len = 0, len = 0;
    put_runs(fixture);
    merge_once(fixture);
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    assert_int_equal(raw_count(&raw, target), KR_MERGE_SLICE);
    raw_row(&raw, target, KR_MERGE_SLICE - 1, key, &key_len, value, &len);
    raw_delete(&raw, target, key, key_len);
    key[0] = 0xFF; /* larger than all that is still to come */
    raw_put(&raw, target, key, key_len, value, len);
    raw_close(&raw);
    fixture_open(fixture);
    merge_all(fixture);
    assert_int_equal(stat_of(fixture).runs, 1);
    assert_int_equal(found(fixture), RUNS * RUN_ROWS);
    assert_verifies(fixture);
}

/* LMDB hands it out as long as the page tells. */
static void a_target_whose_last_key_knows_no_bounds(void **state)
{
    struct fixture *fixture = *state;
    static const char target[] = "terms.4";
    uint8_t key[512], value[64];
    size_t key_len = 0, value_len = 0, len = 0;
    uint32_t changed = 0;
    enum kr_err err = KR_OK;
    bool more = true;
    put_runs(fixture);
    merge_once(fixture);
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    raw_row(&raw, target, raw_count(&raw, target) - 1, key, &key_len, value, &value_len);
    raw_close(&raw);
    memcpy(key + key_len, value, value_len);
    uint8_t *bytes = raw_file_read(fixture, &len), *at = bytes;
    while ((at = memmem(at, len - (size_t)(at - bytes), key, key_len + value_len)) != NULL) {
        if (at - bytes >= 8 && at[-2] == key_len && at[-1] == 0) { /* the run that it came from gets it as well, in its midst */
            at[-1] = 0x7F;
            changed++;
        }
        at++;
    }
    assert_true(changed > 0);
    raw_file_write(fixture, bytes, len);
    fixture_open(fixture);
    for (uint32_t slices = 0; err == KR_OK && more; slices++) {
        struct kr_txn *txn = write_begin(fixture);
        err = kr_store_merge_slice(txn, &more);
        if (err == KR_OK) {
            commit(txn);
        } else {
            kr_txn_abort(txn);
        }
        assert_true(slices < SLICES);
    }
    assert_int_equal(err, KR_CORRUPT);
}

/* Nothing of it is taken for dead, so its entries stay; a look-up that needs it still says what it is. */
static void a_damaged_list_of_the_dead_does_not_stop_merging(void **state)
{
    struct fixture *fixture = *state;
    uint8_t key[16], value[1024];
    size_t key_len = 0, len = 0;
    uint64_t number = 0;
    struct hits hits = {0};
    put_runs(fixture);
    struct kr_txn *txn = write_begin(fixture);
    assert_int_equal(kr_store_record_purge(txn, 1, (struct kr_slice){0}), KR_OK);
    commit(txn);
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    raw_row(&raw, "dead", 0, key, &key_len, value, &len);
    value[len / 2] ^= 1;
    raw_put(&raw, "dead", key, key_len, value, len);
    raw_put(&raw, "dead", "short", 5, value, len);
    raw_close(&raw);
    fixture_open(fixture);
    merge_all(fixture);
    assert_int_equal(stat_of(fixture).runs, 1);
    assert_int_equal(stat_of(fixture).index_rows, RUNS * RUN_ROWS + RUNS);
    txn = read_begin(fixture);
    assert_int_equal(kr_store_terms_find(txn, 3, &number, sizeof number, collect_hit, &hits), KR_CORRUPT);
    kr_txn_abort(txn);
}

/* Two rows of one page change places: both are authentic, and the last is not the largest. */
static void the_list_of_the_dead_in_another_order(void **state)
{
    struct fixture *fixture = *state;
    uint8_t key[512], value[1024];
    size_t key_len = 0, value_len = 0, len = 0;
    const size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE), page_head = 16;
    uint32_t swapped = 0;
    put_runs(fixture);
    struct kr_txn *txn = write_begin(fixture);
    for (uint64_t number = RUNS; number < 5000; number++) {
        struct kr_head head = sample_head(number);
        assert_int_equal(kr_store_record_put(txn, &head, (struct kr_slice){(const uint8_t *)"x", 1}), KR_OK);
    }
    put_run(fixture, txn, RUNS, 5000); /* dead, under the second row; all others stay */
    assert_int_equal(kr_store_record_purge(txn, 5000, (struct kr_slice){0}), KR_OK);
    assert_int_equal(kr_store_record_purge(txn, 4500, (struct kr_slice){0}), KR_OK);
    assert_int_equal(kr_store_record_purge(txn, 100, (struct kr_slice){0}), KR_OK);
    commit(txn);
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    assert_int_equal(raw_count(&raw, "dead"), 2);
    raw_row(&raw, "dead", 1, key, &key_len, value, &value_len);
    raw_close(&raw);
    memcpy(key + key_len, value, 64);
    uint8_t *bytes = raw_file_read(fixture, &len), *at = bytes;
    while ((at = memmem(at, len - (size_t)(at - bytes), key, key_len + 64)) != NULL) {
        uint8_t *order = bytes + (size_t)(at - bytes) / page_bytes * page_bytes + page_head, first[2];
        memcpy(first, order, 2);
        memcpy(order, order + 2, 2);
        memcpy(order + 2, first, 2);
        swapped++;
        at++;
    }
    assert_true(swapped > 0);
    raw_file_write(fixture, bytes, len);
    fixture_open(fixture);
    merge_all(fixture);
    assert_int_equal(found(fixture), RUNS * RUN_ROWS);
    txn = read_begin(fixture);
    assert_int_equal(find_term(txn, RUNS * RUN_ROWS).count, 0);
    kr_txn_abort(txn);
    txn = write_begin(fixture);
    for (uint64_t run = RUNS + 1; run < 2 * RUNS + 1; run++) {
        put_run(fixture, txn, run, 1);
    }
    commit(txn);
    uint64_t before = stat_of(fixture).index_rows;
    merge_all(fixture); /* four of them, and the dead one */
    assert_true(stat_of(fixture).index_rows <= before - RUN_ROWS);
}

/* The run stays without one, and merging goes on. */
static void without_memory_for_a_filter(void **state)
{
    struct fixture *fixture = *state;
    bool more = false;
    put_runs(fixture);
    fixture_reopen(fixture);
    for (uint32_t run = 0; run < RUNS; run++) {
        struct kr_txn *txn = write_begin(fixture);
        allocations_left = 0;
        enum kr_err err = kr_store_merge_slice(txn, &more);
        allocations_left = -1;
        assert_int_equal(err, KR_OK);
        assert_true(more);
        commit(txn);
    }
    assert_int_equal(found(fixture), RUNS * RUN_ROWS);
    merge_all(fixture);
    assert_int_equal(stat_of(fixture).runs, 1);
    assert_int_equal(found(fixture), RUNS * RUN_ROWS);
    assert_verifies(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_slice_of_dead_rows_moves_on),         TEST(a_damaged_row_does_not_stop_merging),
        TEST(a_damaged_end_of_the_target_is_mended), TEST(a_damaged_list_of_the_dead_does_not_stop_merging),
        TEST(the_list_of_the_dead_in_another_order), TEST(without_memory_for_a_filter),
        TEST(a_damaged_row_is_in_the_filter),        TEST(a_target_whose_last_key_knows_no_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
