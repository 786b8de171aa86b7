/* Records and heads: what goes in comes out, ids and arrivals lead to it, and what is purged is gone. */
#include "store_test.h"

static void what_is_put_is_found_and_read(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    for (uint64_t number = 0; number < 200; number++) {
        assert_int_equal(put_sample(txn, number), number + 1);
    }
    assert_sample(txn, 7, 8);
    commit(txn);
    fixture_reopen(fixture);
    txn = read_begin(fixture);
    for (uint64_t number = 0; number < 200; number++) {
        assert_sample(txn, number, number + 1);
    }
    kr_txn_abort(txn);
    assert_verifies(fixture);
}

static void the_same_record_enters_once(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    (void)put_sample(txn, 1);
    struct kr_head head = sample_head(1);
    head.arrival = 77;
    assert_int_equal(kr_store_record_put(txn, &head, (struct kr_slice){(const uint8_t *)"x", 1}), KR_EXISTS);
    assert_int_equal(head.arrival, 77);
    assert_int_equal(put_sample(txn, 2), 2);
    commit(txn); /* being there already is no failure of the transaction */
    txn = read_begin(fixture);
    assert_sample(txn, 1, 1);
    assert_sample(txn, 2, 2);
    kr_txn_abort(txn);
}

static void bounds_are_kept(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t large[KR_RECORD_BYTES_MAX + 1];
    struct kr_txn *txn = write_begin(fixture);
    struct kr_head head = sample_head(1);
    assert_int_equal(kr_store_record_put(txn, &head, (struct kr_slice){large, 0}), KR_BOUNDS);
    assert_int_equal(kr_store_record_put(txn, &head, (struct kr_slice){large, sizeof large}), KR_BOUNDS);
    head.audience_count = KR_AUDIENCE_MAX + 1;
    head.audience = large;
    assert_int_equal(kr_store_record_put(txn, &head, (struct kr_slice){large, 1}), KR_BOUNDS);
    head.audience_count = 0;
    assert_int_equal(kr_store_record_put(txn, &head, (struct kr_slice){large, KR_RECORD_BYTES_MAX}), KR_OK);
    uint8_t *bytes = NULL;
    size_t len = 0;
    assert_int_equal(kr_store_record_get(txn, head.arrival, &bytes, &len), KR_OK);
    assert_int_equal(len, KR_RECORD_BYTES_MAX);
    assert_memory_equal(bytes, large, len);
    free(bytes);
    assert_int_equal(kr_store_record_purge(txn, head.arrival, (struct kr_slice){large, sizeof large}), KR_BOUNDS);
    assert_int_equal(kr_store_record_get(txn, 99, &bytes, &len), KR_NOT_FOUND);
    assert_int_equal(kr_store_record_purge(txn, 99, (struct kr_slice){0}), KR_NOT_FOUND);
    commit(txn);
}

static void a_head_holds_the_largest_audience_and_a_short_title(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t audience[KR_AUDIENCE_MAX * 32];
    char title[301] = {0};
    struct kr_head head = sample_head(4), found;
    for (size_t i = 0; i < sizeof audience; i++) {
        audience[i] = (uint8_t)(i / 32 + i % 32);
    }
    for (size_t i = 0; i < 300; i += 3) {
        memcpy(title + i, "\xE5\x9B\x9E", 3); /* 回 */
    }
    head.audience = audience;
    head.audience_count = KR_AUDIENCE_MAX;
    head.title = (struct kr_slice){(const uint8_t *)title, 300};
    struct kr_txn *txn = write_begin(fixture);
    assert_int_equal(kr_store_record_put(txn, &head, (struct kr_slice){(const uint8_t *)"x", 1}), KR_OK);
    commit(txn);
    txn = read_begin(fixture);
    assert_int_equal(kr_store_head_get(txn, head.arrival, &found, fixture->scratch), KR_OK);
    head.title.len = 198; /* whole characters only */
    assert_head_equal(&found, &head);
    kr_txn_abort(txn);
}

static void a_head_can_be_updated(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    struct kr_head head = sample_head(1), found;
    head.state = KR_HEAD_QUARANTINED;
    head.expires_s = 5000;
    assert_int_equal(kr_store_record_put(txn, &head, (struct kr_slice){(const uint8_t *)"x", 1}), KR_OK);
    head.state = KR_HEAD_SHOWN;
    head.expires_s = 3000;
    assert_int_equal(kr_store_head_update(txn, &head), KR_OK);
    commit(txn);
    txn = read_begin(fixture);
    assert_int_equal(kr_store_head_get(txn, head.arrival, &found, fixture->scratch), KR_OK);
    assert_head_equal(&found, &head);
    uint64_t arrivals[4] = {0};
    assert_int_equal(expired_all(txn, 2999, arrivals, 4), 0);
    assert_int_equal(expired_all(txn, 3000, arrivals, 4), 1);
    kr_txn_abort(txn);
    assert_verifies(fixture);
    txn = write_begin(fixture);
    head.arrival = 12;
    assert_int_equal(kr_store_head_update(txn, &head), KR_NOT_FOUND);
    kr_txn_abort(txn);
}

static void a_prefix_finds_one_record_or_says_that_there_are_several(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    uint64_t arrival = 0;
    uint8_t probe[32];
    for (uint64_t number = 0; number < 50; number++) {
        (void)put_sample(txn, number);
    }
    /* A neighbour that shares its first eight bytes with sample 3. */
    struct kr_head twin = sample_head(3);
    twin.id[8] ^= 1;
    assert_int_equal(kr_store_record_put(txn, &twin, (struct kr_slice){(const uint8_t *)"x", 1}), KR_OK);
    for (uint64_t number = 0; number < 50; number++) {
        sample_id(number, probe);
        assert_int_equal(kr_store_record_find_prefix(txn, probe, 9, &arrival), KR_OK);
        assert_int_equal(arrival, number + 1);
        assert_int_equal(kr_store_record_find_prefix(txn, probe, 32, &arrival), KR_OK);
        assert_int_equal(arrival, number + 1);
    }
    sample_id(3, probe);
    assert_int_equal(kr_store_record_find_prefix(txn, probe, 8, &arrival), KR_EXISTS);
    assert_int_equal(kr_store_record_find_prefix(txn, probe, 3, &arrival), KR_INVALID);
    assert_int_equal(kr_store_record_find_prefix(txn, probe, 33, &arrival), KR_INVALID);
    sample_id(1000, probe);
    assert_int_equal(kr_store_record_find_prefix(txn, probe, 8, &arrival), KR_NOT_FOUND);
    memset(probe, 0xFF, sizeof probe);
    assert_int_equal(kr_store_record_find_prefix(txn, probe, 8, &arrival), KR_NOT_FOUND);
    assert_int_equal(kr_store_record_find(txn, probe, &arrival), KR_NOT_FOUND);
    kr_txn_abort(txn);
}

static void heads_are_walked_in_both_directions(void **state)
{
    struct fixture *fixture = *state;
    struct kr_head head;
    struct kr_txn *txn = write_begin(fixture);
    assert_int_equal(kr_store_head_next(txn, 1, false, &head, fixture->scratch), KR_NOT_FOUND);
    assert_int_equal(kr_store_head_next(txn, UINT64_MAX, true, &head, fixture->scratch), KR_NOT_FOUND);
    for (uint64_t number = 0; number < 10; number++) {
        (void)put_sample(txn, number);
    }
    assert_int_equal(kr_store_record_purge(txn, 1, (struct kr_slice){0}), KR_OK);
    assert_int_equal(kr_store_record_purge(txn, 5, (struct kr_slice){0}), KR_OK);
    commit(txn);
    txn = read_begin(fixture);
    static const uint64_t up[] = {2, 3, 4, 6, 7, 8, 9, 10};
    uint64_t at = 0;
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(kr_store_head_next(txn, at, false, &head, fixture->scratch), KR_OK);
        assert_int_equal(head.arrival, up[i]);
        at = head.arrival + 1;
    }
    assert_int_equal(kr_store_head_next(txn, at, false, &head, fixture->scratch), KR_NOT_FOUND);
    at = UINT64_MAX;
    for (size_t i = 8; i-- > 0;) {
        assert_int_equal(kr_store_head_next(txn, at, true, &head, fixture->scratch), KR_OK);
        assert_int_equal(head.arrival, up[i]);
        at = head.arrival - 1;
    }
    assert_int_equal(kr_store_head_next(txn, at, true, &head, fixture->scratch), KR_NOT_FOUND);
    kr_txn_abort(txn);
}

static void expired_records_come_until_deleted(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    static const uint64_t expiries[] = {500, 100, 300, 200, 100, 900};
    uint64_t arrivals[8] = {0};
    for (uint64_t i = 0; i < 6; i++) {
        struct kr_head head = sample_head(i);
        head.expires_s = expiries[i];
        assert_int_equal(kr_store_record_put(txn, &head, (struct kr_slice){(const uint8_t *)"abc", 3}), KR_OK);
    }
    assert_int_equal(expired_all(txn, 99, arrivals, 8), 0);
    static const uint64_t expected[] = {1, 2, 3, 4, 5};
    assert_int_equal(expired_all(txn, 500, arrivals, 8), 5);
    assert_memory_equal(arrivals, expected, sizeof expected);
    /* Two at a time, from where it stopped. */
    uint64_t at = 0;
    uint32_t count = 0;
    bool done = false;
    for (uint32_t i = 0; i < 5; i += 2) {
        assert_int_equal(kr_store_expired(txn, 500, &at, arrivals, 2, &count, &done), KR_OK);
        assert_int_equal(count, i < 4 ? 2 : 1);
        assert_int_equal(arrivals[0], expected[i]);
    }
    assert_int_equal(kr_store_expired(txn, 500, &at, arrivals, 2, &count, &done), KR_OK);
    assert_true(done && count == 0);
    /* Header-only is due when its month is over, deleted never. */
    assert_int_equal(kr_store_record_purge(txn, 2, (struct kr_slice){(const uint8_t *)"h", 1}), KR_OK);
    assert_int_equal(kr_store_record_purge(txn, 5, (struct kr_slice){0}), KR_OK);
    assert_int_equal(expired_all(txn, 200, arrivals, 8), 1);
    assert_int_equal(arrivals[0], 4);
    const uint64_t over_s = kr_tree_month_end_s(kr_tree_month(expiries[1])) + KR_MONTH_GRACE_S;
    assert_int_equal(expired_all(txn, over_s - 1, arrivals, 8), 4);
    assert_int_equal(expired_all(txn, over_s, arrivals, 8), 5);
    assert_int_equal(arrivals[1], 2);
    commit(txn);
    assert_verifies(fixture);
}

static void purging_keeps_the_header_and_deleting_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    static const uint8_t header[] = "header and signature";
    for (uint64_t number = 0; number < 8; number++) {
        (void)put_sample(txn, number);
    }
    commit(txn);
    txn = write_begin(fixture);
    for (uint64_t arrival = 1; arrival <= 8; arrival++) {
        struct kr_slice kept = arrival % 2 == 0 ? (struct kr_slice){header, sizeof header} : (struct kr_slice){0};
        assert_int_equal(kr_store_record_purge(txn, arrival, kept), KR_OK);
    }
    commit(txn);
    fixture_reopen(fixture);
    txn = read_begin(fixture);
    for (uint64_t arrival = 1; arrival <= 8; arrival++) {
        uint8_t *bytes = NULL, id[32];
        size_t len = 0;
        uint64_t found = 0;
        struct kr_head head;
        sample_id(arrival - 1, id);
        if (arrival % 2 == 0) {
            assert_int_equal(kr_store_record_find(txn, id, &found), KR_OK);
            assert_int_equal(kr_store_head_get(txn, found, &head, fixture->scratch), KR_OK);
            assert_int_equal(head.state, KR_HEAD_HEADER_ONLY);
            assert_int_equal(kr_store_record_get(txn, arrival, &bytes, &len), KR_OK);
            assert_int_equal(len, sizeof header);
            assert_memory_equal(bytes, header, len);
            free(bytes);
        } else {
            assert_int_equal(kr_store_record_find(txn, id, &found), KR_NOT_FOUND);
            assert_int_equal(kr_store_head_get(txn, arrival, &head, fixture->scratch), KR_NOT_FOUND);
            assert_int_equal(kr_store_record_get(txn, arrival, &bytes, &len), KR_NOT_FOUND);
        }
    }
    kr_txn_abort(txn);
    assert_verifies(fixture);
}

/* A deleted record may come again, under a number of its own. */
static void arrivals_are_never_reused(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    assert_int_equal(put_sample(txn, 0), 1);
    assert_int_equal(put_sample(txn, 1), 2);
    assert_int_equal(kr_store_record_purge(txn, 2, (struct kr_slice){0}), KR_OK);
    commit(txn);
    fixture_reopen(fixture);
    txn = write_begin(fixture);
    assert_int_equal(put_sample(txn, 1), 3);
    struct kr_store_stat stat;
    assert_int_equal(kr_store_stat(txn, &stat), KR_OK);
    assert_int_equal(stat.records, 2);
    assert_int_equal(stat.arrivals, 3);
    commit(txn);
}

/* ---- what stands on the disk ---- */

/* A number that was given to something else is no record's, also after the store was closed. */
static void numbers_of_others_stand_among_arrivals(void **state)
{
    struct fixture *fixture = *state;
    struct kr_store_stat stat;
    uint64_t number = 0;
    struct kr_txn *txn = write_begin(fixture);
    assert_int_equal(put_sample(txn, 1), 1);
    commit(txn);
    txn = write_begin(fixture);
    assert_int_equal(kr_store_number_take(txn, &number), KR_OK);
    assert_int_equal(number, 2);
    assert_int_equal(kr_store_put(txn, KR_TABLE_RECEIPTS, "x", 1, "y", 1), KR_OK);
    commit(txn);
    fixture_reopen(fixture);
    txn = read_begin(fixture);
    assert_int_equal(kr_store_number_take(txn, &number), KR_INVALID);
    assert_int_equal(kr_store_stat(txn, &stat), KR_OK);
    assert_true(stat.arrivals == 2 && stat.records == 1);
    kr_txn_abort(txn);
    txn = write_begin(fixture);
    assert_int_equal(put_sample(txn, 2), 3);
    commit(txn);
    assert_verifies(fixture);
}

/* Any part is what it is in the whole: within a chunk, over the ends of chunks, up to the end. */
static void a_part_can_be_read(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t large[7001], part[7001];
    static const size_t parts[][2] = {{0, 1},       {0, 7001}, {1959, 1}, {1960, 1}, {1950, 20},
                                      {1000, 5000}, {7000, 1}, {7001, 0}, {3919, 2}, {5880, 1121}};
    for (size_t i = 0; i < sizeof large; i++) {
        large[i] = (uint8_t)(i * 7 + i / 251);
    }
    struct kr_txn *txn = write_begin(fixture);
    struct kr_head head = sample_head(1);
    assert_int_equal(kr_store_record_put(txn, &head, (struct kr_slice){large, sizeof large}), KR_OK);
    commit(txn);
    txn = read_begin(fixture);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        memset(part, 0, sizeof part);
        assert_int_equal(kr_store_record_read(txn, head.arrival, parts[i][0], parts[i][1], part), KR_OK);
        assert_memory_equal(part, large + parts[i][0], parts[i][1]);
    }
    static uint8_t scratch[KR_HEAD_SCRATCH];
    struct kr_head again;
    assert_int_equal(kr_store_head_get(txn, head.arrival, &again, scratch), KR_OK); /* its key is known then */
    assert_int_equal(kr_store_record_read(txn, head.arrival, 1950, 4000, part), KR_OK);
    assert_memory_equal(part, large + 1950, 4000);
    assert_int_equal(kr_store_record_read(txn, head.arrival, 7001, 1, part), KR_BOUNDS);
    assert_int_equal(kr_store_record_read(txn, head.arrival, 1, 7001, part), KR_BOUNDS);
    assert_int_equal(kr_store_record_read(txn, head.arrival, SIZE_MAX, 2, part), KR_BOUNDS);
    assert_int_equal(kr_store_record_read(txn, 99, 0, 1, part), KR_NOT_FOUND);
    kr_txn_abort(txn);
}

static bool files_hold(const struct fixture *fixture, const char *needle)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/data.mdb", fixture->dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    char *bytes = malloc((size_t)status.st_size);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, (size_t)status.st_size), status.st_size);
    bool found = memmem(bytes, (size_t)status.st_size, needle, strlen(needle)) != NULL;
    free(bytes);
    (void)close(fd);
    return found;
}

static void nothing_readable_ever_stands_on_the_disk(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t bytes[30000];
    struct kr_scope scope = {.kind = KR_SCOPE_CLEAR};
    for (size_t i = 0; i + 16 <= sizeof bytes; i += 16) {
        memcpy(bytes + i, "CANARY-IN-RECORD", 16);
    }
    struct kr_head head = sample_head(1);
    uint64_t entry = 0;
    head.title = (struct kr_slice){(const uint8_t *)"CANARY-IN-TITLE", 15};
    struct kr_txn *txn = write_begin(fixture);
    assert_int_equal(kr_store_record_put(txn, &head, (struct kr_slice){bytes, sizeof bytes}), KR_OK);
    struct kr_term_entry term = {.arrival = head.arrival};
    kr_store_term(fixture->store, 3, "CANARY-INDICATOR", 16, term.term);
    assert_int_equal(kr_store_terms_put(txn, &term, 1), KR_OK);
    assert_int_equal(append_id(txn, &scope, head.id, &entry), KR_OK);
    assert_int_equal(kr_store_put(txn, KR_TABLE_DRAFTS, "d", 1, "CANARY-IN-TABLE", 15), KR_OK);
    commit(txn);
    assert_true(files_hold(fixture, "drafts")); /* the search itself works: LMDB's names of tables are there */
    txn = write_begin(fixture);
    assert_int_equal(kr_store_record_purge(txn, head.arrival, (struct kr_slice){(const uint8_t *)"CANARY-IN-HEADER", 16}), KR_OK);
    commit(txn);
    assert_false(files_hold(fixture, "CANARY"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_DURABLE(what_is_put_is_found_and_read),
        TEST(the_same_record_enters_once),
        TEST(bounds_are_kept),
        TEST(a_head_holds_the_largest_audience_and_a_short_title),
        TEST(a_head_can_be_updated),
        TEST(a_prefix_finds_one_record_or_says_that_there_are_several),
        TEST(heads_are_walked_in_both_directions),
        TEST(expired_records_come_until_deleted),
        TEST(purging_keeps_the_header_and_deleting_nothing),
        TEST(arrivals_are_never_reused),
        TEST_DURABLE(numbers_of_others_stand_among_arrivals),
        TEST(a_part_can_be_read),
        TEST_DURABLE(nothing_readable_ever_stands_on_the_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
