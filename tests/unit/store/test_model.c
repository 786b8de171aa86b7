/* Random operations, aborts at both levels and failed commits against a model in memory; then the store is opened again and
 * compared once more. What memory and disk hold must follow the outcome of each transaction. */
#include "store_test.h"

#define PAGE    4096
#define RECORDS 400u
#define KEYS    40u
#define TERMS   300u
#define ROUNDS  125u

struct model {
    uint64_t next_arrival;
    uint64_t arrivals[RECORDS]; /* 0: not there */
    bool is_purged[RECORDS];
    uint32_t values[KEYS]; /* 0: not there */
    uint64_t terms[TERMS]; /* arrival + 1 under this value; one each */
    bool is_dead[RECORDS * 8];
    uint32_t entered[RECORDS];
    uint32_t entered_count;
};

static const struct kr_scope scope = {.kind = KR_SCOPE_CLEAR};
static const uint8_t header_only[] = "header";

static uint32_t below(struct kr_rng *rng, uint32_t bound)
{
    return (uint32_t)kr_rng_below(rng, bound);
}

static void do_record(struct kr_txn *txn, struct model *model, uint32_t number)
{
    struct kr_head head = sample_head(number);
    static uint8_t bytes[SAMPLE_BYTES_MAX];
    size_t len = sample_bytes(number, bytes);
    enum kr_err err = kr_store_record_put(txn, &head, (struct kr_slice){bytes, len});
    assert_int_equal(err, model->arrivals[number] != 0 ? KR_EXISTS : KR_OK);
    if (err == KR_OK) {
        assert_int_equal(head.arrival, model->next_arrival);
        model->arrivals[number] = model->next_arrival++;
        model->is_purged[number] = false;
    }
}

static void do_purge(struct kr_txn *txn, struct model *model, uint32_t number, bool whole)
{
    uint64_t arrival = model->arrivals[number];
    if (arrival == 0) {
        return;
    }
    struct kr_slice kept = whole ? (struct kr_slice){0} : (struct kr_slice){header_only, sizeof header_only};
    assert_int_equal(kr_store_record_purge(txn, arrival, kept), KR_OK);
    model->is_dead[arrival] = true;
    model->is_purged[number] = true;
    if (whole) {
        model->arrivals[number] = 0;
    }
}

static void do_term(struct kr_store *store, struct kr_txn *txn, struct model *model, uint32_t value, uint32_t number)
{
    if (model->terms[value] == 0 && model->arrivals[number] != 0) {
        struct kr_term_entry entry = sample_term(store, value, model->arrivals[number], 0);
        assert_int_equal(kr_store_terms_put(txn, &entry, 1), KR_OK);
        model->terms[value] = model->arrivals[number];
    }
}

static void do_value(struct kr_txn *txn, struct model *model, uint32_t key, uint32_t value)
{
    if (value % 4 == 0) {
        assert_int_equal(kr_store_delete(txn, KR_TABLE_MARKS, &key, sizeof key), model->values[key] != 0 ? KR_OK : KR_NOT_FOUND);
        model->values[key] = 0;
    } else {
        assert_int_equal(kr_store_put(txn, KR_TABLE_MARKS, &key, sizeof key, &value, sizeof value), KR_OK);
        model->values[key] = value;
    }
}

static void do_enter(struct kr_txn *txn, struct model *model, uint32_t number)
{
    uint8_t id[32];
    uint64_t entry = 0;
    bool is_there = false;
    for (uint32_t i = 0; i < model->entered_count; i++) {
        is_there = is_there || model->entered[i] == number;
    }
    sample_id(number, id);
    assert_int_equal(append_id(txn, &scope, id, &entry), is_there ? KR_EXISTS : KR_OK);
    if (!is_there) {
        assert_int_equal(entry, model->entered_count);
        model->entered[model->entered_count++] = number;
    }
}

static void do_something(struct kr_store *store, struct kr_txn *txn, struct model *model, struct kr_rng *rng)
{
    uint32_t number = below(rng, RECORDS);
    switch (below(rng, 7)) {
    case 0:
    case 1:
        do_record(txn, model, number);
        break;
    case 2:
        do_purge(txn, model, number, below(rng, 2) == 0);
        break;
    case 3:
        do_term(store, txn, model, below(rng, TERMS), number);
        break;
    case 4:
        do_value(txn, model, below(rng, KEYS), 1 + below(rng, 1000));
        break;
    case 5:
        do_enter(txn, model, number);
        break;
    default: {
        bool more = false;
        assert_int_equal(kr_store_merge_slice(txn, &more), KR_OK);
    }
    }
}

static void assert_equals_model(struct kr_txn *txn, const struct model *model)
{
    uint32_t records = 0, indicators = 0;
    for (uint32_t number = 0; number < RECORDS; number++) {
        uint8_t id[32];
        uint64_t arrival = 0;
        sample_id(number, id);
        assert_int_equal(kr_store_record_find(txn, id, &arrival), model->arrivals[number] != 0 ? KR_OK : KR_NOT_FOUND);
        records += model->arrivals[number] != 0;
        if (model->arrivals[number] != 0 && !model->is_purged[number]) {
            assert_sample(txn, number, model->arrivals[number]);
            indicators += sample_head(number).indicator_count;
        } else if (model->arrivals[number] != 0) {
            uint8_t *bytes = NULL;
            size_t len = 0;
            assert_int_equal(kr_store_record_get(txn, arrival, &bytes, &len), KR_OK);
            assert_int_equal(len, sizeof header_only);
            free(bytes);
        }
    }
    for (uint32_t value = 0; value < TERMS; value++) {
        struct hits hits = find_term(txn, value);
        uint64_t arrival = model->terms[value];
        assert_int_equal(hits.count, arrival != 0 && !model->is_dead[arrival]);
    }
    for (uint32_t key = 0; key < KEYS; key++) {
        uint32_t value = 0;
        size_t len = 0;
        enum kr_err err = kr_store_get(txn, KR_TABLE_MARKS, &key, sizeof key, (uint8_t *)&value, sizeof value, &len);
        assert_int_equal(err, model->values[key] != 0 ? KR_OK : KR_NOT_FOUND);
        assert_int_equal(value, model->values[key]);
    }
    struct kr_store_stat stat = {0};
    uint64_t count = 0;
    uint8_t hash[32];
    assert_int_equal(kr_store_stat(txn, &stat), KR_OK);
    assert_int_equal(stat.records, records);
    assert_int_equal(stat.indicators, indicators);
    assert_int_equal(stat.arrivals, model->next_arrival - 1);
    assert_int_equal(kr_store_scope_mark(txn, &scope, &count, hash), KR_OK);
    assert_int_equal(count, model->entered_count);
}

/* One transaction of several events, each nested but, as a rule, the first; any of them, and the whole, may come to nothing. */
static void do_transaction(struct fixture *fixture, struct model *model, struct kr_rng *rng)
{
    struct model *outer = malloc(sizeof *outer), *inner = malloc(sizeof *inner);
    assert_true(outer != NULL && inner != NULL);
    *outer = *model;
    struct kr_txn *txn = write_begin(fixture);
    for (uint32_t i = below(rng, 3) == 0 ? 0 : below(rng, 12); i > 0; i--) {
        do_something(fixture->store, txn, outer, rng);
    }
    for (uint32_t events = below(rng, 6); events > 0; events--) {
        struct kr_txn *nested = nest(txn);
        *inner = *outer;
        for (uint32_t i = below(rng, 12); i > 0; i--) {
            do_something(fixture->store, nested, inner, rng);
        }
        if (below(rng, 4) == 0) {
            kr_txn_abort(nested);
        } else {
            commit(nested);
            *outer = *inner;
        }
    }
    if (below(rng, 6) == 0) {
        kr_txn_abort(txn);
    } else if (below(rng, 5) == 0 && kr_txn_is_dirty(txn)) {
        fixture->fail_next = true;
        assert_int_equal(kr_txn_commit(txn), KR_IO);
    } else {
        commit(txn);
        *model = *outer;
    }
    free(outer);
    free(inner);
}

static void run_model(struct fixture *fixture, uint8_t seed_byte)
{
    const uint8_t seed[32] = {seed_byte};
    struct kr_rng rng;
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    kr_rng_init(&rng, seed);
    model->next_arrival = 1;
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        do_transaction(fixture, model, &rng);
        if (round % 25 == 0) {
            if (round % 50 == 0) {
                fixture_reopen(fixture);
            }
            struct kr_txn *txn = read_begin(fixture);
            assert_equals_model(txn, model);
            kr_txn_abort(txn);
        }
    }
    assert_verifies(fixture);
    free(model);
}

static void memory_and_disk_follow_the_model_1(void **state)
{
    run_model(*state, 1);
}

static void memory_and_disk_follow_the_model_2(void **state)
{
    run_model(*state, 2);
}

/* The simulator lives by this: the same seed and the same calls give the same file. */
/* What lies between a page's index and its rows is nobody's, and LMDB leaves addresses there: made nothing. */
static void blank(uint8_t *page, uint64_t number)
{
    enum { BRANCH = 1, LEAF = 2 };
    uint64_t own;
    uint16_t flags, lower, upper;
    memcpy(&own, page, sizeof own);
    memcpy(&flags, page + 10, sizeof flags);
    memcpy(&lower, page + 12, sizeof lower);
    memcpy(&upper, page + 14, sizeof upper);
    if (own == number && (flags & (BRANCH | LEAF)) != 0 && lower >= 16 && lower <= upper && upper <= PAGE) {
        memset(page + lower, 0, (size_t)(upper - lower));
    }
}

static void the_same_seed_gives_the_same_bytes(void **state)
{
    struct fixture *first = *state, *second = calloc(1, sizeof *second);
    const uint8_t seed[32] = {5};
    struct fixture *both[2] = {first, second};
    char paths[2][300];
    assert_non_null(second);
    fixture_prepare(second, true);
    fixture_close(first);
    for (int i = 0; i < 2; i++) {
        both[i]->options.seed = seed;
        (void)snprintf(paths[i], sizeof paths[i], "%s/data.mdb", both[i]->dir);
        (void)unlink(paths[i]);
        fixture_open(both[i]);
        run_model(both[i], 3);
        fixture_close(both[i]);
    }
    int left = open(paths[0], O_RDONLY | O_CLOEXEC), right = open(paths[1], O_RDONLY | O_CLOEXEC);
    static uint8_t a[PAGE], b[PAGE];
    uint64_t number = 0;
    for (ssize_t len; (len = read(left, a, sizeof a)) > 0; number++) {
        assert_int_equal(read(right, b, sizeof b), len);
        blank(a, number);
        blank(b, number);
        assert_memory_equal(a, b, (size_t)len);
    }
    assert_int_equal(read(right, b, sizeof b), 0);
    assert_true(number > 100);
    (void)close(left);
    (void)close(right);
    remove_tree(second->dir);
    free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(memory_and_disk_follow_the_model_1),
        TEST(memory_and_disk_follow_the_model_2),
        TEST(the_same_seed_gives_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
