/* The blind index: look-ups, dead records, aborts; and merging runs against a model of 200,000 entries. */
#include <pthread.h>
#include <stdatomic.h>

#include "store_test.h"

static void put_terms(struct kr_txn *txn, struct kr_term_entry *entries, size_t count)
{
    assert_int_equal(kr_store_terms_put(txn, entries, count), KR_OK);
}

static void terms_lead_to_arrivals_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    struct kr_term_entry entries[] = {
        sample_term(fixture->store, 10, 7, 2), sample_term(fixture->store, 10, 300, 0), sample_term(fixture->store, 11, 7, 1),
        sample_term(fixture->store, 10, 7, 1), sample_term(fixture->store, 10, 7, 1),
    };
    put_terms(txn, entries, 5);
    commit(txn);
    fixture_reopen(fixture);
    txn = read_begin(fixture);
    struct hits hits = find_term(txn, 10);
    assert_int_equal(hits.count, 3);
    assert_int_equal(hits.arrivals[0], 7);
    assert_int_equal(hits.positions[0], 1);
    assert_int_equal(hits.arrivals[1], 7);
    assert_int_equal(hits.positions[1], 2);
    assert_int_equal(hits.arrivals[2], 300);
    assert_int_equal(find_term(txn, 12).count, 0);
    /* The type is part of the term. */
    uint64_t value = 10;
    hits = (struct hits){0};
    assert_int_equal(kr_store_terms_find(txn, 4, &value, sizeof value, collect_hit, &hits), KR_OK);
    assert_int_equal(hits.count, 0);
    kr_txn_abort(txn);
}

static bool stop_at_once(void *context, uint64_t arrival, uint16_t position)
{
    (void)arrival;
    (void)position;
    (*(uint32_t *)context)++;
    return false;
}

static void a_visitor_can_stop(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    struct kr_term_entry entries[] = {sample_term(fixture->store, 1, 1, 0), sample_term(fixture->store, 1, 2, 0)};
    uint64_t value = 1;
    uint32_t calls = 0;
    put_terms(txn, entries, 2);
    assert_int_equal(kr_store_terms_find(txn, 3, &value, sizeof value, stop_at_once, &calls), KR_OK);
    assert_int_equal(calls, 1);
    kr_txn_abort(txn);
}

static void terms_of_purged_records_never_match(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    for (uint64_t number = 0; number < 4; number++) {
        uint64_t arrival = put_sample(txn, number);
        struct kr_term_entry entry = sample_term(fixture->store, 1, arrival, 0);
        put_terms(txn, &entry, 1);
    }
    commit(txn);
    txn = write_begin(fixture);
    assert_int_equal(kr_store_record_purge(txn, 2, (struct kr_slice){(const uint8_t *)"h", 1}), KR_OK);
    struct kr_txn *nested = nest(txn);
    assert_int_equal(kr_store_record_purge(nested, 3, (struct kr_slice){0}), KR_OK);
    assert_int_equal(find_term(nested, 1).count, 2);
    kr_txn_abort(nested);
    assert_int_equal(find_term(txn, 1).count, 3);
    commit(txn);
    txn = read_begin(fixture);
    struct hits hits = find_term(txn, 1);
    assert_int_equal(hits.count, 3);
    assert_int_equal(hits.arrivals[0], 1);
    assert_int_equal(hits.arrivals[1], 3);
    assert_int_equal(hits.arrivals[2], 4);
    kr_txn_abort(txn);
}

/* ---- runs against a model ---- */

#define VALUES   150000u
#define ARRIVALS 5000u
#define BATCH    2500u
#define ENTRIES  200000u

struct model_entry {
    uint32_t value, arrival;
};

/* Entry i of the model: some values are shared by several records. */
static struct model_entry model_at(uint32_t i)
{
    return (struct model_entry){.value = (uint32_t)((uint64_t)i * 2654435761u % VALUES), .arrival = 1 + i % ARRIVALS};
}

static bool model_is_dead(uint32_t arrival)
{
    return arrival % 5 == 0;
}

static uint32_t model_count(const struct model_entry *sorted, uint32_t count, uint32_t value, bool with_dead)
{
    uint32_t low = 0, high = count, hits = 0;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (sorted[middle].value < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < count && sorted[low].value == value; low++) {
        bool is_copy = low > 0 && sorted[low - 1].value == value && sorted[low - 1].arrival == sorted[low].arrival;
        hits += !is_copy && (with_dead || !model_is_dead(sorted[low].arrival));
    }
    return hits;
}

static int model_compare(const void *left, const void *right)
{
    const struct model_entry *a = left, *b = right;
    return a->value != b->value ? (a->value > b->value) - (a->value < b->value)
                                : (a->arrival > b->arrival) - (a->arrival < b->arrival);
}

static void compare_with_model(struct fixture *fixture, const struct model_entry *sorted, uint32_t count, bool with_dead,
                               uint32_t step)
{
    struct kr_txn *txn = read_begin(fixture);
    for (uint32_t value = 0; value < VALUES + 2000; value += step) {
        struct hits hits = find_term(txn, value);
        assert_int_equal(hits.count, model_count(sorted, count, value, with_dead));
        for (uint32_t i = 1; i < hits.count; i++) {
            assert_true(hits.arrivals[i - 1] < hits.arrivals[i]);
        }
    }
    kr_txn_abort(txn);
}

static uint32_t merge_all(struct fixture *fixture, uint32_t slices_max)
{
    bool more = true;
    uint32_t slices = 0;
    for (; more && slices < slices_max; slices++) {
        struct kr_txn *txn = write_begin(fixture);
        assert_int_equal(kr_store_merge_slice(txn, &more), KR_OK);
        commit(txn);
    }
    return slices;
}

static struct kr_store_stat stat_of(struct fixture *fixture)
{
    struct kr_store_stat stat = {0};
    struct kr_txn *txn = read_begin(fixture);
    assert_int_equal(kr_store_stat(txn, &stat), KR_OK);
    kr_txn_abort(txn);
    return stat;
}

/* Marks arrivals as purged without 5,000 records: purging needs a record, so each fifth number gets one. */
static void purge_dead(struct fixture *fixture)
{
    struct kr_txn *txn = write_begin(fixture);
    for (uint32_t arrival = 1; arrival <= ARRIVALS; arrival++) {
        struct kr_head head = sample_head(arrival);
        assert_int_equal(kr_store_record_put(txn, &head, (struct kr_slice){(const uint8_t *)"x", 1}), KR_OK);
        assert_int_equal(head.arrival, arrival);
        if (model_is_dead(arrival)) {
            assert_int_equal(kr_store_record_purge(txn, arrival, (struct kr_slice){0}), KR_OK);
        }
    }
    commit(txn);
}

static void runs_say_what_a_sorted_set_says(void **state)
{
    struct fixture *fixture = *state;
    struct model_entry *model = calloc(ENTRIES, sizeof *model);
    struct kr_term_entry *batch = calloc(BATCH, sizeof *batch);
    assert_true(model != NULL && batch != NULL);
    for (uint32_t at = 0; at < ENTRIES; at += BATCH) {
        struct kr_txn *txn = write_begin(fixture);
        for (uint32_t i = 0; i < BATCH; i++) {
            model[at + i] = model_at(at + i);
            batch[i] = sample_term(fixture->store, model[at + i].value, model[at + i].arrival, 0);
        }
        put_terms(txn, batch, BATCH);
        commit(txn);
        if (at == ENTRIES / 2) {
            (void)merge_all(fixture, 5); /* leaves a merge half done, while more arrive */
        }
    }
    qsort(model, ENTRIES, sizeof *model, model_compare);
    assert_true(stat_of(fixture).runs >= 3);
    compare_with_model(fixture, model, ENTRIES, true, 7);
    purge_dead(fixture);
    compare_with_model(fixture, model, ENTRIES, false, 17);
    (void)merge_all(fixture, 3);
    fixture_reopen(fixture); /* in the middle of a merge, and filters are gone */
    compare_with_model(fixture, model, ENTRIES, false, 17);
    assert_verifies(fixture);
    uint64_t terms_before = stat_of(fixture).index_rows;
    assert_true(merge_all(fixture, 1000) < 1000);
    struct kr_store_stat stat = stat_of(fixture);
    assert_true(stat.runs < 8);
    assert_true(stat.index_rows < terms_before - ENTRIES / 20); /* the dead fell out */
    compare_with_model(fixture, model, ENTRIES, false, 7);
    fixture_reopen(fixture);
    compare_with_model(fixture, model, ENTRIES, false, 97);
    assert_verifies(fixture);
    free(batch);
    free(model);
}

/* ---- runs and transactions ---- */

/* Enough for a run of its own. */
#define LARGE 10000u

static struct kr_term_entry *large_batch(struct fixture *fixture, uint64_t first, uint64_t arrival)
{
    struct kr_term_entry *entries = calloc(LARGE, sizeof *entries);
    assert_non_null(entries);
    for (uint32_t i = 0; i < LARGE; i++) {
        entries[i] = sample_term(fixture->store, first + i, arrival, 0);
    }
    entries[LARGE - 1] = entries[0]; /* twice the same */
    return entries;
}

static void put_large(struct fixture *fixture, struct kr_txn *txn, uint64_t first, uint64_t arrival)
{
    struct kr_term_entry *entries = large_batch(fixture, first, arrival);
    put_terms(txn, entries, LARGE);
    free(entries);
}

static void aborts_take_runs_back(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    put_large(fixture, txn, 0, 1);
    struct kr_txn *nested = nest(txn);
    put_large(fixture, nested, 100000, 2);
    assert_int_equal(find_term(nested, 100005).count, 1);
    kr_txn_abort(nested);
    assert_int_equal(find_term(txn, 100005).count, 0);
    assert_int_equal(find_term(txn, 5).count, 1);
    nested = nest(txn);
    put_large(fixture, nested, 200000, 3);
    commit(nested);
    commit(txn);
    assert_int_equal(stat_of(fixture).runs, 2);
    assert_int_equal(stat_of(fixture).index_rows, 2 * (LARGE - 1));

    txn = write_begin(fixture);
    put_large(fixture, txn, 300000, 4);
    kr_txn_abort(txn);
    txn = write_begin(fixture);
    put_large(fixture, txn, 300000, 4);
    fixture->fail_next = true;
    assert_int_equal(kr_txn_commit(txn), KR_IO);
    assert_int_equal(stat_of(fixture).runs, 2);
    txn = write_begin(fixture);
    assert_int_equal(find_term(txn, 300005).count, 0);
    put_large(fixture, txn, 400000, 5);
    commit(txn);
    txn = read_begin(fixture);
    assert_int_equal(find_term(txn, 5).count, 1);
    assert_int_equal(find_term(txn, 200005).count, 1);
    assert_int_equal(find_term(txn, 300005).count, 0);
    assert_int_equal(find_term(txn, 400005).count, 1);
    kr_txn_abort(txn);
    assert_verifies(fixture);
}

/* A reader that began before sees the runs of its own time, however much is merged meanwhile. */
static void a_held_reader_keeps_its_runs(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    for (uint64_t i = 0; i < 4; i++) {
        put_large(fixture, txn, i * 100000, i + 1);
    }
    commit(txn);
    struct kr_txn *held = read_begin(fixture);
    assert_true(merge_all(fixture, 100) > 1);
    txn = write_begin(fixture);
    put_large(fixture, txn, 900000, 9);
    commit(txn);
    assert_int_equal(stat_of(fixture).runs, 2);
    struct kr_store_stat stat;
    assert_int_equal(kr_store_stat(held, &stat), KR_OK);
    assert_int_equal(stat.runs, 4);
    for (uint64_t i = 0; i < 4; i++) {
        for (uint64_t value = 0; value < LARGE - 1; value += 500) {
            assert_int_equal(find_term(held, i * 100000 + value).count, 1);
        }
    }
    assert_int_equal(find_term(held, 900005).count, 0);
    kr_txn_abort(held);
    assert_verifies(fixture);
}

/* ---- look-ups beside a writer ---- */

#define CROWD       2
#define CROWD_RUNS  8u
#define CROWD_FIRST 1000000u

struct crowd {
    struct fixture *fixture;
    atomic_uint batches; /* committed */
    atomic_bool is_over;
    atomic_uint lookups, faults;
};

static bool count_hit(void *context, uint64_t arrival, uint16_t position)
{
    (void)arrival;
    (void)position;
    (*(uint32_t *)context)++;
    return true;
}

/* What was committed before a snapshot is found in it exactly once, wherever merging has moved it. cmocka's assertions belong to
 * the main thread. */
static void *look_up_along(void *context)
{
    struct crowd *crowd = context;
    uint64_t value = 0;
    while (!atomic_load(&crowd->is_over)) {
        struct kr_txn *txn = NULL;
        uint32_t batches = atomic_load(&crowd->batches);
        if (kr_store_read_begin(crowd->fixture->store, &txn) != KR_OK) {
            atomic_fetch_add(&crowd->faults, 1);
            break;
        }
        for (uint32_t i = 0; i < 20 && batches > 0; i++) {
            uint64_t batch = value % batches, probe = batch * CROWD_FIRST + value * 31 % (LARGE - 1);
            uint32_t hits = 0;
            value += 7;
            if (kr_store_terms_find(txn, 3, &probe, sizeof probe, count_hit, &hits) != KR_OK || hits != 1) {
                atomic_fetch_add(&crowd->faults, 1);
            }
            atomic_fetch_add(&crowd->lookups, 1);
        }
        kr_txn_abort(txn);
    }
    return NULL;
}

static void look_ups_go_on_while_runs_come_and_merge(void **state)
{
    struct fixture *fixture = *state;
    struct crowd crowd = {.fixture = fixture};
    pthread_t threads[CROWD];
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, look_up_along, &crowd), 0);
    }
    for (uint32_t batch = 0; batch < CROWD_RUNS; batch++) {
        struct kr_txn *txn = write_begin(fixture);
        put_large(fixture, txn, (uint64_t)batch * CROWD_FIRST, batch + 1);
        commit(txn);
        atomic_store(&crowd.batches, batch + 1);
        fixture->fail_next = batch % 3 == 0;
        bool more = true;
        while (more) {
            txn = write_begin(fixture);
            assert_int_equal(kr_store_merge_slice(txn, &more), KR_OK);
            bool fails = fixture->fail_next && kr_txn_is_dirty(txn);
            assert_int_equal(kr_txn_commit(txn), fails ? KR_IO : KR_OK);
            more = more || fails;
        }
        fixture->fail_next = false;
    }
    atomic_store(&crowd.is_over, true);
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&crowd.faults), 0);
    assert_true(atomic_load(&crowd.lookups) > 100);
    assert_int_equal(stat_of(fixture).runs, 2);
    assert_verifies(fixture);
}

/* Without anyone merging, those who bring terms do it, and no slot runs out. */
static void runs_never_run_out(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t i = 0; i < 120; i++) {
        struct kr_txn *txn = write_begin(fixture);
        put_large(fixture, txn, i * 100000, i + 1);
        commit(txn);
    }
    assert_true(stat_of(fixture).runs < 64);
    struct kr_txn *txn = read_begin(fixture);
    for (uint64_t i = 0; i < 120; i++) {
        assert_int_equal(find_term(txn, i * 100000 + 77).count, 1);
    }
    kr_txn_abort(txn);
    /* Of what is fresh, a copy is dropped only when it becomes a run. */
    assert_in_range(stat_of(fixture).index_rows, 120 * (LARGE - 1), 120 * LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(terms_lead_to_arrivals_in_order),
        TEST(a_visitor_can_stop),
        TEST(terms_of_purged_records_never_match),
        TEST(runs_say_what_a_sorted_set_says),
        TEST(aborts_take_runs_back),
        TEST_DURABLE(a_held_reader_keeps_its_runs),
        TEST(runs_never_run_out),
        TEST_DURABLE(look_ups_go_on_while_runs_come_and_merge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
