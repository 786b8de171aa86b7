/* Terms of runs are found where they lie as they are by searching: whatever the size of a run, after restarts, merges and growth of
 * the map, in transactions that began before, and where the file is damaged. */
#include "raw_store.h"
#include "store/internal.h"
#include "store/runs.h"

#define RUN_TERMS 33000u /* enough for spots */

/* As the idle loop does it. */
static void settle(struct fixture *fixture)
{
    for (uint32_t slices = 0; kr_store_merge_is_due(fixture->store); slices++) {
        bool more = false;
        struct kr_txn *txn = write_begin(fixture);
        assert_int_equal(kr_store_merge_slice(txn, &more), KR_OK);
        commit(txn);
        assert_true(slices < 200);
    }
}

static uint32_t spotted_runs(const struct fixture *fixture)
{
    uint32_t count = 0;
    const struct kr_runs *runs = fixture->store->runs;
    for (uint32_t i = 0; i < runs->count; i++) {
        count += atomic_load(&runs->runs[i]->is_spotted);
    }
    return count;
}

/* A run of terms from `first` on, all of one arrival. */
static void put_run(struct fixture *fixture, struct kr_txn *txn, uint64_t first, uint32_t count, uint64_t arrival)
{
    struct kr_term_entry *entries = calloc(count, sizeof *entries);
    assert_non_null(entries);
    for (uint32_t i = 0; i < count; i++) {
        entries[i] = sample_term(fixture->store, first + i, arrival, (uint16_t)i);
    }
    assert_int_equal(kr_store_terms_put(txn, entries, count), KR_OK);
    free(entries);
}

static void put_runs(struct fixture *fixture, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct kr_txn *txn = write_begin(fixture);
        put_run(fixture, txn, (uint64_t)i * 100000, RUN_TERMS, i + 1);
        commit(txn);
    }
}

static void assert_found(struct kr_txn *txn, uint32_t runs)
{
    for (uint32_t i = 0; i < runs; i++) {
        for (uint32_t value = 0; value < RUN_TERMS; value += 7) {
            struct hits hits = find_term(txn, (uint64_t)i * 100000 + value);
            assert_int_equal(hits.count, 1);
            assert_int_equal(hits.arrivals[0], i + 1);
            assert_int_equal(hits.positions[0], value);
        }
        assert_int_equal(find_term(txn, (uint64_t)i * 100000 + RUN_TERMS).count, 0);
    }
}

static void assert_found_now(struct fixture *fixture, uint32_t runs)
{
    struct kr_txn *txn = read_begin(fixture);
    assert_found(txn, runs);
    kr_txn_abort(txn);
}

/* Runs that are alone, and one that merging has made in slices. */
static void terms_are_found_where_they_lie(void **state)
{
    struct fixture *fixture = *state;
    put_runs(fixture, 7);
    assert_int_equal(spotted_runs(fixture), 0);
    assert_found_now(fixture, 7);
    settle(fixture);
    assert_int_equal(fixture->store->runs->count, 4);
    assert_int_equal(spotted_runs(fixture), 4);
    assert_found_now(fixture, 7);
    fixture_reopen(fixture);
    assert_int_equal(spotted_runs(fixture), 0);
    assert_found_now(fixture, 7);
    settle(fixture);
    assert_int_equal(spotted_runs(fixture), 4);
    assert_found_now(fixture, 7);
    assert_verifies(fixture);
}

/* Small ones are not worth it, but after a restart, when they are walked in any case. */
static void small_runs_are_searched(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    put_run(fixture, txn, 0, 5000, 1);
    commit(txn);
    assert_false(kr_store_merge_is_due(fixture->store));
    assert_int_equal(spotted_runs(fixture), 0);
    fixture_reopen(fixture);
    settle(fixture);
    assert_int_equal(spotted_runs(fixture), 1);
    txn = read_begin(fixture);
    assert_int_equal(find_term(txn, 4999).count, 1);
    assert_int_equal(find_term(txn, 5000).count, 0);
    kr_txn_abort(txn);
}

/* Not before it is committed: until then its pages lie elsewhere. */
static void a_run_of_the_transaction_itself(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    bool more = false;
    put_run(fixture, txn, 0, RUN_TERMS, 1);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(kr_store_merge_slice(txn, &more), KR_OK);
        assert_false(atomic_load(&txn->runs->runs[0]->is_spotted));
    }
    assert_found(txn, 1);
    commit(txn);
    settle(fixture);
    assert_int_equal(spotted_runs(fixture), 1);
    txn = write_begin(fixture); /* a writer finds by spots too */
    assert_found(txn, 1);
    kr_txn_abort(txn);
}

/* Nor where there was no memory for its locator, so that the transaction itself goes through it. */
static void a_run_that_was_made_without_memory(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    bool more = false;
    put_run(fixture, txn, 0, RUN_TERMS, 1);
    struct kr_run *run = txn->runs->runs[0];
    kr_locator_unref(run->locator);
    run->locator = NULL;
    atomic_store(&run->is_listed, false);
    assert_int_equal(kr_store_merge_slice(txn, &more), KR_OK);
    assert_true(atomic_load(&run->is_listed));
    assert_false(atomic_load(&run->is_spotted));
    assert_found(txn, 1);
    commit(txn);
    settle(fixture);
    assert_found_now(fixture, 1);
}

/* The runs of a snapshot stay where they are while it lasts, whatever is merged, written and grown meanwhile. */
static void a_held_snapshot(void **state)
{
    struct fixture *fixture = *state;
    put_runs(fixture, 3);
    settle(fixture);
    assert_int_equal(spotted_runs(fixture), 3);
    struct kr_txn *held = read_begin(fixture);
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 3; i < 8; i++) {
            struct kr_txn *txn = write_begin(fixture);
            put_run(fixture, txn, (uint64_t)(i + 10 * round) * 100000, RUN_TERMS, i + 1);
            commit(txn);
        }
        settle(fixture);
        assert_found(held, 3);
    }
    kr_txn_abort(held);
    assert_found_now(fixture, 8);
    assert_verifies(fixture);
}

/* Another address for everything. */
static void the_map_grows(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t stuffing[KR_TABLE_VALUE_BYTES_MAX];
    put_runs(fixture, 2);
    settle(fixture);
    assert_int_equal(spotted_runs(fixture), 2);
    MDB_envinfo before = {0}, after = {0};
    assert_int_equal(mdb_env_info(fixture->store->env, &before), 0);
    uint64_t key = 0;
    do {
        struct kr_txn *txn = write_begin(fixture);
        for (uint32_t i = 0; i < 500; i++, key++) {
            assert_int_equal(kr_store_put(txn, KR_TABLE_MARKS, &key, sizeof key, stuffing, sizeof stuffing), KR_OK);
        }
        commit(txn);
        assert_int_equal(mdb_env_info(fixture->store->env, &after), 0);
        assert_true(key < 1000000);
    } while (after.me_mapsize == before.me_mapsize);
    assert_int_equal(spotted_runs(fixture), 2);
    assert_found_now(fixture, 2);
}

/* The rows of a run that are of no ordinary value: their values 1, 2, 3 and 20 stand that often in it. */
static uint32_t special(struct fixture *fixture, uint32_t run, struct kr_term_entry *ret_entries)
{
    uint32_t count = 0;
    ret_entries[count++] = sample_term(fixture->store, 1, 500, 1); /* the same in all */
    ret_entries[count++] = sample_term(fixture->store, 2, 100 - 10 * run, 1);
    ret_entries[count++] = sample_term(fixture->store, 2, 200 + 10 * run, 1);
    for (uint32_t i = 0; i < 3; i++) {
        ret_entries[count++] = sample_term(fixture->store, 3, 1000 * i + run + 1, 1);
    }
    for (uint32_t i = 0; i < 20; i++) {
        ret_entries[count++] = sample_term(fixture->store, 20, 1000 * i + run + 1, 1);
    }
    return count;
}

/* One value in several records, and in several runs: in order, each once, also where there are too many for that way. */
static void one_term_with_many_rows(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        uint64_t value;
        uint32_t count;
    } expected[] = {{1, 1}, {2, 6}, {3, 9}, {20, 60}};
    for (uint32_t run = 0; run < 3; run++) {
        struct kr_term_entry *entries = calloc(RUN_TERMS, sizeof *entries);
        assert_non_null(entries);
        for (uint32_t i = special(fixture, run, entries); i < RUN_TERMS; i++) {
            entries[i] = sample_term(fixture->store, 100 + i, run + 1, 1);
        }
        struct kr_txn *txn = write_begin(fixture);
        assert_int_equal(kr_store_terms_put(txn, entries, RUN_TERMS), KR_OK);
        commit(txn);
        free(entries);
    }
    for (uint32_t round = 0; round < 2; round++) {
        struct kr_txn *txn = read_begin(fixture);
        for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
            const struct hits hits = find_term(txn, expected[i].value);
            assert_int_equal(hits.count, expected[i].count);
            for (uint32_t j = 1; j < hits.count; j++) {
                assert_true(hits.arrivals[j] > hits.arrivals[j - 1]);
            }
        }
        kr_txn_abort(txn);
        settle(fixture);
        assert_int_equal(spotted_runs(fixture), 3);
    }
}

/* What is damaged in a run that has its spots is told of by whoever comes upon it. */
static void damage_is_told_of(void **state)
{
    struct fixture *fixture = *state;
    uint8_t key[512], tag[64];
    size_t key_len = 0, len = 0;
    uint32_t told = 0;
    put_runs(fixture, 1);
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    raw_row(&raw, "terms.0", 4321, key, &key_len, tag, &len);
    tag[3] ^= 4;
    raw_put(&raw, "terms.0", key, key_len, tag, len);
    raw_close(&raw);
    fixture_open(fixture);
    settle(fixture);
    assert_int_equal(spotted_runs(fixture), 1);
    struct kr_txn *txn = read_begin(fixture);
    for (uint64_t value = 0; value < RUN_TERMS; value++) {
        struct hits hits = {0};
        enum kr_err err = kr_store_terms_find(txn, 3, &value, sizeof value, collect_hit, &hits);
        assert_true(err == KR_CORRUPT || (err == KR_OK && hits.count == 1));
        told += err == KR_CORRUPT;
    }
    kr_txn_abort(txn);
    assert_int_equal(told, 1);
}

/* Should rows lie elsewhere all the same, the run is searched. */
static void spots_that_have_become_wrong(void **state)
{
    struct fixture *fixture = *state;
    MDB_cursor *cursor = NULL;
    struct kr_slice key = {0}, tag = {0};
    put_runs(fixture, 1);
    settle(fixture);
    assert_int_equal(spotted_runs(fixture), 1);
    struct kr_run *run = fixture->store->runs->runs[0];
    struct kr_txn *txn = read_begin(fixture);
    assert_int_equal(kr_row_cursor(txn, KR_DBI_RUN + run->slot, &cursor), KR_OK);
    assert_int_equal(kr_row_move(txn, cursor, MDB_FIRST, &key, &tag), KR_OK);
    assert_int_equal(kr_row_move(txn, cursor, MDB_NEXT, &key, &tag), KR_OK);
    memcpy(run->first_key, key.bytes, sizeof run->first_key); /* all are one further now */
    mdb_cursor_close(cursor);
    kr_txn_abort(txn);
    assert_found_now(fixture, 1);
}

#define MERGED 99000u                    /* 90,000 of them fill 979 pages, all would fill more than 1,024 */
#define TAIL   (MERGED % KR_MERGE_SLICE) /* what the last slice of a merge brings */

/* The last rows of all, by their hashes, are of another arrival. */
static void put_runs_with_tail(struct fixture *fixture, struct kr_term_entry *all, uint64_t tail_arrival)
{
    struct kr_term_entry *entries = calloc((MERGED / 4), sizeof *entries);
    assert_non_null(entries);
    for (uint32_t i = 0; i < MERGED; i++) {
        all[i] = sample_term(fixture->store, i, 1, 1);
    }
    kr_store_terms_sort(all, MERGED);
    for (uint32_t i = 0; i < TAIL; i++) {
        all[MERGED - TAIL + i].arrival = tail_arrival;
    }
    for (uint32_t run = 0; run < 4; run++) {
        for (uint32_t i = 0; i < (MERGED / 4); i++) {
            entries[i] = all[4 * i + run];
        }
        struct kr_txn *txn = write_begin(fixture);
        assert_int_equal(kr_store_terms_put(txn, entries, (MERGED / 4)), KR_OK);
        commit(txn);
    }
    free(entries);
}

static bool count_row(void *context, const struct kr_term_entry *entry)
{
    (void)entry;
    ++*(uint32_t *)context;
    return true;
}

/* The last slice of a merge fails, and until the next attempt all that it brought has died: the locator still leads to rows that
 * the run does not have. */
static void rows_that_were_taken_back(void **state)
{
    struct fixture *fixture = *state;
    struct kr_term_entry *all = calloc(MERGED, sizeof *all);
    const uint32_t slices = MERGED / KR_MERGE_SLICE;
    assert_non_null(all);
    put_runs_with_tail(fixture, all, 500);
    for (uint32_t i = 0; i <= slices; i++) {
        bool more = false;
        struct kr_txn *txn = write_begin(fixture);
        assert_int_equal(kr_store_merge_slice(txn, &more), KR_OK);
        fixture->fail_next = i == slices;
        assert_int_equal(kr_txn_commit(txn), i == slices ? KR_IO : KR_OK);
    }
    assert_non_null(fixture->store->runs->target);
    struct kr_txn *txn = write_begin(fixture);
    assert_int_equal(kr_dead_mark(txn, 500), KR_OK);
    commit(txn);
    settle(fixture);
    assert_int_equal(fixture->store->runs->count, 1);
    assert_int_equal(spotted_runs(fixture), 1);
    txn = read_begin(fixture);
    for (uint32_t i = MERGED - 2 * TAIL; i < MERGED; i++) {
        uint32_t count = 0;
        assert_int_equal(kr_index_each(txn, all[i].term, KR_TERM_BYTES, count_row, &count), KR_OK);
        assert_int_equal(count, all[i].arrival == 500 ? 0 : 1);
    }
    kr_txn_abort(txn);
    free(all);
}

/* Makes the branch that leads to some leaf of the run point behind the end of the file, while the store is open. */
static void damage_branch(struct fixture *fixture, uint32_t slot)
{
    MDB_cursor *cursor = NULL;
    struct kr_slice key = {0}, tag = {0};
    size_t len = 0;
    uint32_t damaged = 0;
    uint8_t *bytes = raw_file_read(fixture, &len);
    struct kr_txn *txn = read_begin(fixture);
    assert_int_equal(kr_row_cursor(txn, KR_DBI_RUN + slot, &cursor), KR_OK);
    enum kr_err err = kr_row_move(txn, cursor, MDB_FIRST, &key, &tag);
    for (; err == KR_OK && damaged == 0; err = kr_row_move(txn, cursor, MDB_NEXT, &key, &tag)) {
        uint8_t *at = bytes;
        while ((at = memmem(at, len - (size_t)(at - bytes), key.bytes, key.len)) != NULL) {
            if (memcmp(at + key.len, tag.bytes, tag.len) != 0) { /* no leaf; in front of the key: page 6 ‖ length 2 */
                memset(at - 8, 0xff, 6);
                damaged++;
            }
            at++;
        }
    }
    mdb_cursor_close(cursor);
    kr_txn_abort(txn);
    assert_true(damaged > 0);
    raw_file_write(fixture, bytes, len);
}

/* A damaged page fails one slice, not all idle work from then on: with the run in use already, and after a restart. */
static void a_damaged_page_is_met_once(void **state)
{
    struct fixture *fixture = *state;
    bool more = false;
    put_runs(fixture, 1);
    damage_branch(fixture, fixture->store->runs->runs[0]->slot);
    for (uint32_t round = 0; round < 2; round++) {
        assert_true(kr_store_merge_is_due(fixture->store));
        struct kr_txn *txn = write_begin(fixture);
        assert_int_equal(kr_store_merge_slice(txn, &more), KR_CORRUPT);
        kr_txn_abort(txn);
        assert_false(kr_store_merge_is_due(fixture->store));
        assert_int_equal(spotted_runs(fixture), 0);
        uint32_t found = 0;
        for (uint64_t value = 0; value < RUN_TERMS; value += 11) {
            struct hits hits = {0};
            txn = read_begin(fixture);
            const enum kr_err err = kr_store_terms_find(txn, 3, &value, sizeof value, collect_hit, &hits);
            kr_txn_abort(txn);
            assert_true(err == KR_CORRUPT || (err == KR_OK && hits.count == 1));
            found += hits.count;
        }
        assert_true(found > RUN_TERMS / 11 * 9 / 10);
        fixture_reopen(fixture);
    }
}

/* Rows that lie otherwise than they were appended are searched for. */
static void rows_at_other_places(void **state)
{
    struct fixture *fixture = *state;
    uint8_t key[512], tag[64];
    size_t key_len = 0, len = 0;
    put_runs(fixture, 1);
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    raw_row(&raw, "terms.0", 5000, key, &key_len, tag, &len);
    raw_delete(&raw, "terms.0", key, key_len);
    raw_put(&raw, "terms.0", key, key_len, tag, len); /* into the gap, which LMDB has closed up */
    raw_close(&raw);
    fixture_open(fixture);
    settle(fixture);
    assert_int_equal(spotted_runs(fixture), 0);
    assert_found_now(fixture, 1);
    assert_false(kr_store_merge_is_due(fixture->store)); /* and it is not tried again and again */
    assert_verifies(fixture);
}

struct any_hits {
    uint32_t count[300];
};

static bool count_any(void *context, uint32_t index, uint64_t arrival, uint16_t position)
{
    struct any_hits *hits = context;
    (void)arrival;
    (void)position;
    hits->count[index]++;
    return true;
}

/* Many at a time, as look-ups ask. */
static void many_terms_at_once(void **state)
{
    struct fixture *fixture = *state;
    static uint64_t values[300];
    static struct kr_term_input inputs[300];
    static struct kr_sought_term terms[300];
    put_runs(fixture, 3);
    for (uint32_t i = 0; i < 300; i++) { /* every third one is nowhere */
        values[i] = i % 3 == 2 ? 5000000 + i : (uint64_t)(i % 3) * 100000 + i * 31;
        inputs[i] = (struct kr_term_input){3, (const uint8_t *)&values[i], sizeof values[i]};
    }
    for (uint32_t round = 0; round < 2; round++) {
        struct any_hits hits = {{0}};
        struct kr_txn *txn = read_begin(fixture);
        kr_store_terms_make(txn, inputs, 300, terms);
        assert_int_equal(kr_store_terms_find_any(txn, terms, 300, count_any, &hits), KR_OK);
        kr_txn_abort(txn);
        for (uint32_t i = 0; i < 300; i++) {
            assert_int_equal(hits.count[i], i % 3 == 2 ? 0 : 1);
        }
        settle(fixture);
    }
    assert_int_equal(spotted_runs(fixture), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(terms_are_found_where_they_lie),
        TEST(small_runs_are_searched),
        TEST(a_run_of_the_transaction_itself),
        TEST(a_run_that_was_made_without_memory),
        TEST_DURABLE(a_held_snapshot),
        TEST(the_map_grows),
        TEST(one_term_with_many_rows),
        TEST(damage_is_told_of),
        TEST(spots_that_have_become_wrong),
        TEST(rows_at_other_places),
        TEST(rows_that_were_taken_back),
        TEST(a_damaged_page_is_met_once),
        TEST(many_terms_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
