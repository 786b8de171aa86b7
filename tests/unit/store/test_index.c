/* What else the index leads to: ids, tokens, members of scopes. They outlive what they must when what is fresh becomes a run and
 * runs merge; aborts, snapshots and restarts see what is theirs. */
#include "store_test.h"

#define FILLERS 2000u /* terms in one go that are still kept fresh */

static const struct kr_scope scope = {.kind = KR_SCOPE_GREEN, .id = {5}};

/* So many terms that what is fresh becomes a run `runs` times. */
static void fill(struct fixture *fixture, struct kr_txn *txn, uint32_t runs)
{
    static uint64_t value = 1000000; /* never the same twice */
    struct kr_term_entry *entries = calloc(FILLERS, sizeof *entries);
    assert_non_null(entries);
    for (uint64_t put = 0; put < (uint64_t)runs * KR_INDEX_FRESH_MAX + FILLERS; put += FILLERS) {
        for (uint32_t i = 0; i < FILLERS; i++) {
            entries[i] = sample_term(fixture->store, value++, 1, 0);
        }
        assert_int_equal(kr_store_terms_put(txn, entries, FILLERS), KR_OK);
    }
    free(entries);
}

static void merge_all(struct fixture *fixture)
{
    for (bool more = true; more;) {
        struct kr_txn *txn = write_begin(fixture);
        assert_int_equal(kr_store_merge_slice(txn, &more), KR_OK);
        commit(txn);
    }
}

static uint32_t runs_of(struct kr_txn *txn)
{
    struct kr_store_stat stat;
    assert_int_equal(kr_store_stat(txn, &stat), KR_OK);
    return stat.runs;
}

static const uint8_t *token(uint64_t number)
{
    static uint8_t bytes[16];
    memset(bytes, 0xAB, sizeof bytes);
    memcpy(bytes, &number, sizeof number);
    return bytes;
}

static uint64_t put_all(struct kr_txn *txn, uint64_t number)
{
    uint64_t entry = 0, arrival = put_sample(txn, number);
    uint8_t id[32];
    sample_id(number, id);
    assert_int_equal(kr_store_token_put(txn, token(number), arrival), KR_OK);
    assert_int_equal(append_id(txn, &scope, id, &entry), KR_OK);
    return arrival;
}

/* KR_OK or KR_NOT_FOUND for its id, its token, and its place. */
static void assert_led(struct kr_txn *txn, uint64_t number, enum kr_err by_id, enum kr_err by_token, enum kr_err by_scope)
{
    uint64_t arrival = 0, entry = 0;
    uint8_t id[32];
    sample_id(number, id);
    assert_int_equal(kr_store_record_find(txn, id, &arrival), by_id);
    assert_int_equal(kr_store_record_find_prefix(txn, id, 5, &arrival), by_id);
    assert_true(by_id != KR_OK || arrival == number + 1);
    assert_int_equal(kr_store_token_find(txn, token(number), &arrival), by_token);
    assert_true(by_token != KR_OK || arrival == number + 1);
    assert_int_equal(kr_store_scope_find(txn, &scope, id, &entry), by_scope);
    assert_true(by_scope != KR_OK || entry == number);
}

static void merging_keeps_what_is_still_needed(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    for (uint64_t number = 0; number < 40; number++) {
        assert_int_equal(put_all(txn, number), number + 1);
    }
    fill(fixture, txn, 4);
    assert_int_equal(kr_store_record_purge(txn, 8, (struct kr_slice){(const uint8_t *)"header", 6}), KR_OK);
    assert_int_equal(kr_store_record_purge(txn, 9, (struct kr_slice){0}), KR_OK);
    assert_int_equal(runs_of(txn), 4);
    commit(txn);
    for (int pass = 0; pass < 2; pass++) { /* before merging and after */
        txn = read_begin(fixture);
        for (uint64_t number = 0; number < 40; number++) {
            enum kr_err err = number == 8 ? KR_NOT_FOUND : KR_OK;
            /* Only the header of one is left, and its token still leads there. What has left keeps its place in the scope. */
            assert_led(txn, number, err, err, KR_OK);
        }
        kr_txn_abort(txn);
        merge_all(fixture);
        txn = read_begin(fixture);
        assert_int_equal(runs_of(txn), 1);
        kr_txn_abort(txn);
        fixture_reopen(fixture);
    }
    assert_verifies(fixture);
}

/* A deleted record comes again, and the old row of its id, which may still be there, is not taken for it. */
static void an_id_leads_to_what_is_there_now(void **state)
{
    struct fixture *fixture = *state;
    uint64_t found = 0;
    uint8_t id[32];
    struct kr_txn *txn = write_begin(fixture);
    (void)put_all(txn, 0);
    assert_int_equal(kr_store_record_purge(txn, 1, (struct kr_slice){0}), KR_OK);
    assert_int_equal(put_sample(txn, 0), 2);
    sample_id(0, id);
    assert_int_equal(kr_store_record_find(txn, id, &found), KR_OK);
    assert_int_equal(found, 2);
    assert_int_equal(kr_store_token_find(txn, token(0), &found), KR_NOT_FOUND); /* its token was of the one that is gone */
    commit(txn);
    assert_verifies(fixture);
}

/* The index has half of an id; who has chosen two with the same half gets neither confused. */
static void ids_that_begin_alike_are_told_apart(void **state)
{
    struct fixture *fixture = *state;
    struct kr_head heads[3] = {sample_head(1), sample_head(2), sample_head(3)};
    uint64_t found = 0;
    struct kr_txn *txn = write_begin(fixture);
    for (uint32_t i = 0; i < 3; i++) {
        memset(heads[i].id, 0x77, 32);
        heads[i].id[i == 2 ? 6 : 31] = (uint8_t)i;
    }
    assert_int_equal(kr_store_record_put(txn, &heads[0], (struct kr_slice){(const uint8_t *)"a", 1}), KR_OK);
    assert_int_equal(kr_store_record_find(txn, heads[1].id, &found), KR_NOT_FOUND);
    assert_int_equal(kr_store_record_put(txn, &heads[1], (struct kr_slice){(const uint8_t *)"b", 1}), KR_OK);
    assert_int_equal(kr_store_record_put(txn, &heads[1], (struct kr_slice){(const uint8_t *)"b", 1}), KR_EXISTS);
    assert_int_equal(kr_store_record_put(txn, &heads[2], (struct kr_slice){(const uint8_t *)"c", 1}), KR_OK);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(kr_store_record_find(txn, heads[i].id, &found), KR_OK);
        assert_int_equal(found, i + 1);
    }
    assert_int_equal(kr_store_record_find_prefix(txn, heads[0].id, 6, &found), KR_EXISTS);
    assert_int_equal(kr_store_record_find_prefix(txn, heads[0].id, 20, &found), KR_EXISTS);
    assert_int_equal(kr_store_record_find_prefix(txn, heads[1].id, 32, &found), KR_OK);
    assert_int_equal(found, 2);
    assert_int_equal(kr_store_record_find_prefix(txn, heads[2].id, 7, &found), KR_OK);
    assert_int_equal(found, 3);
    commit(txn);
    assert_verifies(fixture);
}

/* Also where what was fresh has become a run on the way. */
static void aborts_take_fresh_rows_back(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    (void)put_all(txn, 0);
    commit(txn);
    for (uint32_t runs = 0; runs < 2; runs++) {
        txn = write_begin(fixture);
        struct kr_txn *nested = nest(txn);
        (void)put_all(nested, 1);
        fill(fixture, nested, runs);
        assert_led(nested, 1, KR_OK, KR_OK, KR_OK);
        kr_txn_abort(nested);
        assert_led(txn, 0, KR_OK, KR_OK, KR_OK);
        assert_led(txn, 1, KR_NOT_FOUND, KR_NOT_FOUND, KR_NOT_FOUND);
        nested = nest(txn);
        (void)put_all(nested, 1);
        fill(fixture, nested, runs);
        commit(nested);
        assert_led(txn, 1, KR_OK, KR_OK, KR_OK);
        kr_txn_abort(txn);
        txn = write_begin(fixture);
        (void)put_all(txn, 1);
        fill(fixture, txn, runs);
        fixture->fail_next = true;
        assert_int_equal(kr_txn_commit(txn), KR_IO);
        txn = read_begin(fixture);
        assert_led(txn, 0, KR_OK, KR_OK, KR_OK);
        assert_led(txn, 1, KR_NOT_FOUND, KR_NOT_FOUND, KR_NOT_FOUND);
        assert_int_equal(runs_of(txn), 0);
        kr_txn_abort(txn);
    }
    fixture_reopen(fixture);
    txn = write_begin(fixture);
    assert_led(txn, 0, KR_OK, KR_OK, KR_OK);
    assert_int_equal(put_all(txn, 1), 2);
    commit(txn);
    assert_verifies(fixture);
}

/* A reader sees neither what is being written, nor what was written after it began, nor loses what becomes a run meanwhile. */
static void readers_see_what_is_theirs(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    (void)put_all(txn, 0);
    commit(txn);
    struct kr_txn *first = read_begin(fixture);
    txn = write_begin(fixture);
    (void)put_all(txn, 1);
    assert_led(first, 1, KR_NOT_FOUND, KR_NOT_FOUND, KR_NOT_FOUND);
    commit(txn);
    struct kr_txn *second = read_begin(fixture);
    txn = write_begin(fixture);
    fill(fixture, txn, 1);
    (void)put_all(txn, 2);
    commit(txn);
    assert_led(first, 0, KR_OK, KR_OK, KR_OK);
    assert_led(first, 1, KR_NOT_FOUND, KR_NOT_FOUND, KR_NOT_FOUND);
    assert_led(second, 0, KR_OK, KR_OK, KR_OK);
    assert_led(second, 1, KR_OK, KR_OK, KR_OK);
    assert_led(second, 2, KR_NOT_FOUND, KR_NOT_FOUND, KR_NOT_FOUND);
    kr_txn_abort(first);
    kr_txn_abort(second);
    txn = read_begin(fixture);
    for (uint64_t number = 0; number < 3; number++) {
        assert_led(txn, number, KR_OK, KR_OK, KR_OK);
    }
    kr_txn_abort(txn);
}

/* Each commit adds a row or two at the end, whatever came before. */
static void what_is_fresh_outlives_restarts(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t number = 0; number < 150; number++) {
        struct kr_txn *txn = write_begin(fixture);
        assert_int_equal(put_all(txn, number), number + 1);
        commit(txn);
        if (number % 40 == 0) {
            fixture_reopen(fixture);
        }
    }
    fixture_reopen(fixture);
    struct kr_txn *txn = read_begin(fixture);
    for (uint64_t number = 0; number < 150; number++) {
        assert_led(txn, number, KR_OK, KR_OK, KR_OK);
    }
    kr_txn_abort(txn);
    assert_verifies(fixture);
}

static void positions_of_other_kinds_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    for (uint32_t position = 0xFFFC; position <= 0xFFFF; position++) {
        struct kr_term_entry term = sample_term(fixture->store, 1, 1, (uint16_t)position);
        assert_int_equal(kr_store_terms_put(txn, &term, 1), position < 0xFFFD ? KR_OK : KR_BOUNDS);
    }
    kr_txn_abort(txn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(merging_keeps_what_is_still_needed),   TEST(an_id_leads_to_what_is_there_now),
        TEST(ids_that_begin_alike_are_told_apart),  TEST(aborts_take_fresh_rows_back),
        TEST(readers_see_what_is_theirs),           TEST(what_is_fresh_outlives_restarts),
        TEST(positions_of_other_kinds_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
