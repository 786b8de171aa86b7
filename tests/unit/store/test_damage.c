/* Damage: a flipped bit in any table is told as KR_CORRUPT by whoever reads it and found by verify, and so is what was moved,
 * taken away or added behind the store's back. A damaged record can be deleted and fetched anew. */
#include "raw_store.h"

#define RECORDS 12u
#define TERMS   9000u /* a run of their own */
#define ENTRIES 70u   /* of the first scope: two full blocks and a part of one */

/* Rows of `log`: the first records have one chunk each, and a head behind it. */
#define CHUNK_OF(arrival) (2u * ((arrival)-1u))
#define HEAD_OF(arrival)  (CHUNK_OF(arrival) + 1u)

static const struct kr_scope scope = {.kind = KR_SCOPE_GREEN, .id = {3}};
static const struct kr_scope second = {.kind = KR_SCOPE_PAIR, .id = {4}};

/* Something in every table. */
static void fill(struct fixture *fixture)
{
    struct kr_txn *txn = write_begin(fixture);
    for (uint64_t number = 0; number < RECORDS; number++) {
        uint64_t arrival = put_sample(txn, number), entry = 0;
        struct kr_term_entry term = sample_term(fixture->store, number, arrival, 0);
        uint8_t id[32];
        sample_id(number, id);
        assert_int_equal(kr_store_terms_put(txn, &term, 1), KR_OK);
        assert_int_equal(append_id(txn, &scope, id, &entry), KR_OK);
        if (number < 4) {
            assert_int_equal(append_id(txn, &second, id, &entry), KR_OK);
        }
    }
    for (uint64_t number = RECORDS; number < ENTRIES; number++) {
        uint8_t id[32];
        uint64_t entry = 0;
        sample_id(number, id);
        assert_int_equal(append_id(txn, &scope, id, &entry), KR_OK);
    }
    struct kr_term_entry *run = calloc(TERMS, sizeof *run);
    assert_non_null(run);
    for (uint32_t i = 0; i < TERMS; i++) {
        run[i] = sample_term(fixture->store, 1000 + i, 1, 0);
    }
    assert_int_equal(kr_store_terms_put(txn, run, TERMS), KR_OK);
    free(run);
    for (int table = 0; table < KR_TABLE_COUNT; table++) {
        assert_int_equal(kr_store_put(txn, (enum kr_table)table, "key", 3, "value", 5), KR_OK);
    }
    assert_int_equal(kr_store_record_purge(txn, RECORDS, (struct kr_slice){(const uint8_t *)"h", 1}), KR_OK);
    commit(txn);
}

static void flip(struct fixture *fixture, const char *table, size_t row, size_t at_percent)
{
    static uint8_t value[64 * 1024];
    uint8_t key[512];
    size_t key_len = 0, len = 0;
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    raw_row(&raw, table, row, key, &key_len, value, &len);
    value[(len - 1) * at_percent / 100] ^= 0x10;
    raw_put(&raw, table, key, key_len, value, len);
    raw_close(&raw);
}

static void assert_found(struct fixture *fixture, const char *hint)
{
    struct problems problems = verify_all(fixture, NULL);
    for (uint32_t i = 0; i < problems.count && i < 64; i++) {
        if (strstr(problems.sentences[i], hint) != NULL) {
            return;
        }
    }
    fail_msg("%u problems, none says \"%s\"; the first: %s", problems.count, hint, problems.sentences[0]);
}

static bool never(void *context, struct kr_slice key, struct kr_slice value)
{
    (void)key;
    (void)value;
    (*(uint32_t *)context)++;
    return true;
}

static enum kr_err read_head(struct kr_txn *txn, uint8_t *scratch)
{
    struct kr_head head;
    return kr_store_head_get(txn, 4, &head, scratch);
}

static enum kr_err read_record(struct kr_txn *txn, uint8_t *scratch)
{
    (void)scratch;
    uint8_t *bytes = NULL;
    size_t len = 0;
    enum kr_err err = kr_store_record_get(txn, 4, &bytes, &len);
    if (err == KR_OK) {
        free(bytes);
    }
    return err;
}

static enum kr_err read_ids(struct kr_txn *txn, uint8_t *scratch)
{
    (void)scratch;
    enum kr_err worst = KR_OK;
    for (uint64_t number = 0; number < RECORDS; number++) {
        uint8_t id[32];
        uint64_t arrival = 0;
        sample_id(number, id);
        enum kr_err err = kr_store_record_find(txn, id, &arrival);
        worst = err != KR_OK ? err : worst;
    }
    return worst;
}

static enum kr_err read_terms(struct kr_txn *txn, uint8_t *scratch)
{
    (void)scratch;
    enum kr_err worst = KR_OK;
    for (uint64_t value = 0; value < 1000 + TERMS; value += value == RECORDS ? 1000 - RECORDS : 1) {
        struct hits hits = {0};
        enum kr_err err = kr_store_terms_find(txn, 3, &value, sizeof value, collect_hit, &hits);
        worst = err != KR_OK ? err : worst;
    }
    return worst;
}

static enum kr_err read_scopes(struct kr_txn *txn, uint8_t *scratch)
{
    (void)scratch;
    uint8_t ids[ENTRIES][32], hash[32];
    uint32_t count = 0;
    uint64_t entries = 0, entry = 0;
    enum kr_err err = kr_store_scope_mark(txn, &scope, &entries, hash);
    if (err == KR_OK) {
        err = kr_store_scope_read(txn, &scope, 0, ids, ENTRIES, &count);
    }
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        err = kr_store_scope_find(txn, &scope, ids[i], &entry);
    }
    return err;
}

/* Whatever of the index a row of `fresh` has. */
static enum kr_err read_index(struct kr_txn *txn, uint8_t *scratch)
{
    enum kr_err err = read_ids(txn, scratch);
    if (err == KR_OK) {
        err = read_terms(txn, scratch);
    }
    return err == KR_OK ? read_scopes(txn, scratch) : err;
}

static enum kr_err read_tables(struct kr_txn *txn, uint8_t *scratch)
{
    enum kr_err worst = KR_OK;
    for (int table = 0; table < KR_TABLE_COUNT; table++) {
        uint32_t calls = 0;
        size_t len = 0;
        enum kr_err err = kr_store_get(txn, (enum kr_table)table, "key", 3, scratch, KR_HEAD_SCRATCH, &len);
        assert_int_equal(kr_store_each(txn, (enum kr_table)table, NULL, 0, never, &calls), err);
        assert_int_equal(calls, err == KR_OK);
        worst = err != KR_OK ? err : worst;
    }
    return worst;
}

static void a_flipped_bit_anywhere_is_told(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *table;
        size_t row;
        enum kr_err (*read)(struct kr_txn *txn, uint8_t *scratch);
        const char *found;
    } cases[] = {
        {"log", HEAD_OF(4), read_head, "the head of record number 4"},
        {"log", CHUNK_OF(4), read_record, "the content of record"},
        {"dead", 0, read_terms, "purged records"},
        {"scopes", 0, read_scopes, "scope (kind 3)"},
        {"entries", 0, read_scopes, "of scope number 1 is damaged"},
        {"entries", 1, read_scopes, "a scope (kind 3) is damaged"},
        {"terms.0", 4000, read_terms, "index (terms.0) is damaged"},
        {"identity", 0, read_tables, "table \"identity\""},
        {"directory", 0, read_tables, "table \"directory\""},
        {"links", 0, read_tables, "table \"links\""},
        {"tickets", 0, read_tables, "table \"tickets\""},
        {"marks", 0, read_tables, "table \"marks\""},
        {"quarantine", 0, read_tables, "table \"quarantine\""},
        {"drafts", 0, read_tables, "table \"drafts\""},
        {"receipts", 0, read_tables, "table \"receipts\""},
    };
    fill(fixture);
    assert_verifies(fixture);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t percent = 0; percent <= 100; percent += 50) { /* nonce, ciphertext, tag */
            struct kr_txn *txn = read_begin(fixture);
            assert_int_equal(cases[i].read(txn, fixture->scratch), KR_OK);
            kr_txn_abort(txn);
            flip(fixture, cases[i].table, cases[i].row, percent);
            fixture_open(fixture);
            txn = read_begin(fixture);
            assert_int_equal(cases[i].read(txn, fixture->scratch), KR_CORRUPT);
            kr_txn_abort(txn);
            assert_found(fixture, cases[i].found);
            flip(fixture, cases[i].table, cases[i].row, percent);
            fixture_open(fixture);
        }
    }
    assert_verifies(fixture);
}

/* Where it says no more than when to look, a reader looks; and an entry of the index whose hash has changed is not met any more.
 * Only verify can tell. */
static void a_flipped_bit_is_found_where_readers_cannot_tell(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *table;
        size_t percent;
        const char *found;
    } cases[] = {
        {"due", 0, "the list of expiries"}, {"due", 100, "expiry of record"},       {"fresh", 0, "index (fresh)"},
        {"fresh", 4, "index (fresh)"},      {"fresh", 4, "not found under its id"}, /* the first of all is an id, behind the state
                                                                                     */
    };
    fill(fixture);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        flip(fixture, cases[i].table, 0, cases[i].percent);
        fixture_open(fixture);
        struct kr_txn *txn = read_begin(fixture);
        uint64_t arrivals[RECORDS];
        assert_int_equal(expired_all(txn, UINT64_MAX, arrivals, RECORDS), RECORDS);
        kr_txn_abort(txn);
        assert_found(fixture, cases[i].found);
        flip(fixture, cases[i].table, 0, cases[i].percent);
        fixture_open(fixture);
    }
    assert_verifies(fixture);
    /* The tag of an entry is looked at when the entry is met. */
    flip(fixture, "fresh", 0, 100);
    fixture_open(fixture);
    struct kr_txn *txn = read_begin(fixture);
    assert_int_equal(read_index(txn, fixture->scratch), KR_CORRUPT);
    kr_txn_abort(txn);
    assert_found(fixture, "index (fresh)");
}

/* Without these the store does not know what it has, so it does not open. */
static void damaged_entries_of_the_store_itself_keep_it_shut(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture);
    for (size_t row = 0; row < 4; row++) {
        struct kr_error error = {{0}};
        if (row == 2) { /* format, keys, prefixes, runs; without the third it only does not know where it need not look */
            continue;
        }
        flip(fixture, "meta", row, 60);
        assert_int_equal(kr_store_open(&fixture->options, &fixture->store, &error), KR_CORRUPT);
        assert_true(error.text[0] != 0);
        flip(fixture, "meta", row, 60);
        fixture_open(fixture);
    }
}

/* It stands in the last row of what is fresh. */
static void without_its_state_a_store_is_only_read(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = NULL;
    fill(fixture);
    flip(fixture, "fresh", 1, 0);
    fixture_open(fixture);
    assert_int_equal(kr_store_write_begin(fixture->store, &txn), KR_CORRUPT);
    txn = read_begin(fixture);
    assert_int_equal(read_record(txn, fixture->scratch), KR_OK);
    assert_int_equal(read_index(txn, fixture->scratch), KR_OK);
    kr_txn_abort(txn);
    assert_found(fixture, "index (fresh)");
}

static void remove_row(struct fixture *fixture, const char *table, size_t row)
{
    static uint8_t value[64 * 1024];
    uint8_t key[512];
    size_t key_len = 0, len = 0;
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    raw_row(&raw, table, row, key, &key_len, value, &len);
    raw_delete(&raw, table, key, key_len);
    raw_close(&raw);
    fixture_open(fixture);
}

/* Not even a row that is damaged is there to tell how much of memory readers may see. */
static void without_all_that_is_fresh_a_store_is_only_read(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = NULL;
    size_t rows = 0;
    fill(fixture);
    do {
        remove_row(fixture, "fresh", 0);
        fixture_close(fixture);
        struct raw raw = raw_open(fixture);
        rows = raw_count(&raw, "fresh");
        raw_close(&raw);
        fixture_open(fixture);
    } while (rows > 0);
    assert_int_equal(kr_store_write_begin(fixture->store, &txn), KR_CORRUPT);
    txn = read_begin(fixture);
    assert_int_equal(read_record(txn, fixture->scratch), KR_OK);
    kr_txn_abort(txn);
    assert_found(fixture, "the state of the store is damaged or missing");
}

/* Memory would number what comes as the table has numbered others. */
static void with_a_gap_in_what_is_fresh_a_store_is_only_read(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = NULL;
    fill(fixture);
    remove_row(fixture, "fresh", 0);
    assert_int_equal(kr_store_write_begin(fixture->store, &txn), KR_CORRUPT);
    txn = read_begin(fixture);
    assert_int_equal(read_record(txn, fixture->scratch), KR_OK);
    kr_txn_abort(txn);
    assert_found(fixture, "one before it is missing");
}

/* The state in the row before it is authentic, but older than the log. */
static void without_the_end_of_what_is_fresh_a_store_is_only_read(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = NULL;
    fill(fixture);
    fixture_reopen(fixture);
    txn = write_begin(fixture);
    (void)put_sample(txn, RECORDS);
    commit(txn);
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    size_t rows = raw_count(&raw, "fresh");
    raw_close(&raw);
    fixture_open(fixture);
    remove_row(fixture, "fresh", rows - 1);
    assert_int_equal(kr_store_write_begin(fixture->store, &txn), KR_CORRUPT);
    txn = read_begin(fixture);
    assert_int_equal(read_record(txn, fixture->scratch), KR_OK);
    kr_txn_abort(txn);
    assert_found(fixture, "goes on to number 13");
}

/* The page is damaged under a running store: its last row claims entries that memory has, but nobody has committed. */
static void readers_see_no_more_than_was_committed(void **state)
{
    struct fixture *fixture = *state;
    uint8_t key[512], value[4096];
    size_t key_len = 0, value_len = 0, len = 0;
    fill(fixture);
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    raw_row(&raw, "fresh", raw_count(&raw, "fresh") - 1, key, &key_len, value, &value_len);
    raw_close(&raw);
    memcpy(key + key_len, value, 40);
    fixture_open(fixture);
    struct kr_txn *txn = write_begin(fixture);
    struct kr_term_entry term = sample_term(fixture->store, 77777, 3, 0);
    assert_int_equal(kr_store_terms_put(txn, &term, 1), KR_OK);
    uint8_t *bytes = raw_file_read(fixture, &len), *at = bytes;
    while ((at = memmem(at, len - (size_t)(at - bytes), key, key_len + 40)) != NULL) {
        at++[2] ^= 0x40; /* 16,384 more */
    }
    raw_file_write(fixture, bytes, len);
    struct kr_txn *reader = read_begin(fixture);
    assert_int_equal(find_term(reader, 77777).count, 0);
    assert_int_equal(find_term(reader, 3).count, 1);
    kr_txn_abort(reader);
    kr_txn_abort(txn);
    assert_int_equal(kr_store_write_begin(fixture->store, &txn), KR_CORRUPT);
}

/* Authentic values in the wrong place. */
static void moved_rows_are_told(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t values[2][64 * 1024];
    uint8_t keys[2][512];
    size_t key_lens[2], lens[2];
    static const struct {
        const char *table;
        size_t rows[2];
        const char *found;
    } cases[] = {
        {"log", {HEAD_OF(2), HEAD_OF(3)}, "the head of record number"},
        {"log", {CHUNK_OF(3), CHUNK_OF(4)}, "the content of record"},
        {"entries", {0, 1}, "of scope number 1 is damaged"},
        {"scopes", {0, 1}, "a scope (kind"},
        {"fresh", {0, 1}, "one before it is missing"},
    };
    fill(fixture);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int pass = 0; pass < 2; pass++) { /* swap and swap back */
            fixture_close(fixture);
            struct raw raw = raw_open(fixture);
            raw_row(&raw, cases[i].table, cases[i].rows[0], keys[0], &key_lens[0], values[0], &lens[0]);
            raw_row(&raw, cases[i].table, cases[i].rows[1], keys[1], &key_lens[1], values[1], &lens[1]);
            raw_put(&raw, cases[i].table, keys[0], key_lens[0], values[1], lens[1]);
            raw_put(&raw, cases[i].table, keys[1], key_lens[1], values[0], lens[0]);
            raw_close(&raw);
            fixture_open(fixture);
            if (pass == 0) {
                assert_found(fixture, cases[i].found);
            }
        }
        assert_verifies(fixture);
    }
    /* From one table into another. */
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    raw_row(&raw, "links", 0, keys[0], &key_lens[0], values[0], &lens[0]);
    raw_put(&raw, "marks", keys[0], key_lens[0], values[0], lens[0]);
    raw_close(&raw);
    fixture_open(fixture);
    assert_found(fixture, "table \"marks\"");
}

static void missing_and_added_rows_are_told(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t value[64 * 1024];
    uint8_t key[512];
    size_t key_len = 0, len = 0;
    static const struct {
        const char *table;
        size_t row;
        const char *found;
    } cases[] = {
        {"log", HEAD_OF(3), "in the log without a head"}, {"log", HEAD_OF(3), "(number 3) is missing"},
        {"log", CHUNK_OF(3), "the content of record"},    {"due", 0, "expiry of record"},
        {"entries", 0, "of scope number 1 is damaged"},   {"entries", 1, "a scope (kind 3) is damaged"},
        {"fresh", 0, "one before it is missing"},         {"fresh", 0, "not found under its id"},
        {"terms.0", 77, "entries, 9000 expected"},
    };
    fill(fixture);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture_close(fixture);
        struct raw raw = raw_open(fixture);
        raw_row(&raw, cases[i].table, cases[i].row, key, &key_len, value, &len);
        raw_delete(&raw, cases[i].table, key, key_len);
        raw_close(&raw);
        fixture_open(fixture);
        assert_found(fixture, cases[i].found);
        fixture_close(fixture);
        raw = raw_open(fixture);
        raw_put(&raw, cases[i].table, key, key_len, value, len);
        raw_close(&raw);
        fixture_open(fixture);
        assert_verifies(fixture);
    }
    /* Terms of somebody else's making do not match. */
    struct kr_term_entry term = sample_term(fixture->store, 500, 3, 0);
    memcpy(key, term.term, 16);
    memset(key + 16, 0, 10);
    key[23] = 3;
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    raw_put(&raw, "terms.0", key, 26, "12345678", 8);
    raw_close(&raw);
    fixture_reopen(fixture);
    struct kr_txn *txn = read_begin(fixture);
    uint64_t number = 500;
    struct hits hits = {0};
    assert_int_equal(kr_store_terms_find(txn, 3, &number, sizeof number, collect_hit, &hits), KR_CORRUPT);
    assert_int_equal(hits.count, 0);
    kr_txn_abort(txn);
    assert_found(fixture, "an entry of the index (terms.0) is damaged");
}

/* What verify is for: the record is dropped and comes again from a peer. */
static void a_damaged_record_can_be_fetched_anew(void **state)
{
    struct fixture *fixture = *state;
    static const size_t rows[] = {HEAD_OF(4), CHUNK_OF(3)};
    fill(fixture);
    for (size_t i = 0; i < 2; i++) {
        flip(fixture, "log", rows[i], 50);
        fixture_open(fixture);
        for (uint64_t arrival = 1; arrival < 100; arrival++) {
            struct kr_txn *txn = write_begin(fixture);
            uint8_t *bytes = NULL;
            size_t len = 0;
            enum kr_err err = kr_store_record_get(txn, arrival, &bytes, &len);
            if (err == KR_OK) {
                free(bytes);
            } else if (err == KR_CORRUPT) {
                assert_int_equal(kr_store_record_purge(txn, arrival, (struct kr_slice){0}), KR_OK);
            }
            commit(txn);
        }
        struct kr_txn *txn = write_begin(fixture);
        uint32_t fetched = 0;
        for (uint64_t number = 0; number < RECORDS; number++) {
            uint8_t id[32];
            uint64_t arrival = 0;
            sample_id(number, id);
            if (kr_store_record_find(txn, id, &arrival) == KR_NOT_FOUND) {
                (void)put_sample(txn, number);
                fetched++;
            }
        }
        commit(txn);
        assert_int_equal(fetched, 1);
        assert_verifies(fixture);
    }
}

/* Whoever looks for a record by its id is told that it is damaged, and which one: it can be deleted and fetched anew. */
static void a_damaged_head_is_found_by_its_id(void **state)
{
    struct fixture *fixture = *state;
    const struct kr_head untouched = {.arrival = 99, .version = 7};
    fill(fixture);
    for (uint32_t round = 0; round < 2; round++) {
        struct kr_txn *txn = read_begin(fixture);
        for (uint64_t number = 0; number < RECORDS - 1; number++) {
            struct kr_head head = untouched;
            uint8_t id[32];
            uint64_t arrival = 0;
            const bool is_damaged = round == 1 && number == 3;
            sample_id(number, id);
            assert_int_equal(kr_store_head_find(txn, id, &arrival, &head, fixture->scratch), is_damaged ? KR_CORRUPT : KR_OK);
            assert_int_equal(arrival, number + 1);
            assert_memory_equal(is_damaged ? untouched.id : id, head.id, 32);
            assert_true(!is_damaged || head.version == 7);
        }
        uint8_t unknown[32];
        uint64_t arrival = 77;
        struct kr_head head = untouched;
        sample_id(RECORDS + 1000, unknown);
        assert_int_equal(kr_store_head_find(txn, unknown, &arrival, &head, fixture->scratch), KR_NOT_FOUND);
        assert_int_equal(arrival, 77);
        assert_memory_equal(&head, &untouched, sizeof head);
        kr_txn_abort(txn);
        flip(fixture, "log", HEAD_OF(4), 50);
        fixture_open(fixture);
    }
}

/* Same content, same place: only another data key makes another ciphertext. */
static void purging_changes_the_data_key(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t bytes[SAMPLE_BYTES_MAX], before[4096], after[4096];
    uint8_t key[16];
    size_t key_len = 0, before_len = 0, after_len = 0, len = sample_bytes(3, bytes);
    struct kr_txn *txn = write_begin(fixture);
    uint64_t arrival = put_sample(txn, 3);
    commit(txn);
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    raw_row(&raw, "log", 0, key, &key_len, before, &before_len);
    raw_close(&raw);
    fixture_open(fixture);
    txn = write_begin(fixture);
    assert_int_equal(kr_store_record_purge(txn, arrival, (struct kr_slice){bytes, len}), KR_OK);
    commit(txn);
    fixture_close(fixture);
    raw = raw_open(fixture);
    raw_row(&raw, "log", 0, key, &key_len, after, &after_len);
    raw_close(&raw);
    assert_int_equal(before_len, after_len);
    assert_memory_not_equal(before, after, before_len);
    fixture_open(fixture);
    txn = read_begin(fixture);
    uint8_t *again = NULL;
    size_t again_len = 0;
    assert_int_equal(kr_store_record_get(txn, arrival, &again, &again_len), KR_OK);
    assert_int_equal(again_len, len);
    assert_memory_equal(again, bytes, len);
    free(again);
    kr_txn_abort(txn);
}

/* Slices neither skip nor repeat rows, whatever their size. */
static void verify_counts_every_row_once(void **state)
{
    struct fixture *fixture = *state;
    uint64_t rows = 0, expected = 0;
    struct kr_txn *txn = write_begin(fixture);
    for (uint64_t number = 0; number < 3000; number++) {
        struct kr_head head = sample_head(number);
        uint64_t entry = 0;
        struct kr_term_entry term = sample_term(fixture->store, number % 2, number + 1, 0); /* two terms, each in 1,500 records */
        assert_int_equal(kr_store_record_put(txn, &head, (struct kr_slice){(const uint8_t *)"x", 1}), KR_OK);
        assert_int_equal(kr_store_terms_put(txn, &term, 1), KR_OK);
        assert_int_equal(append_id(txn, number % 2 == 0 ? &scope : &second, head.id, &entry), KR_OK);
        assert_int_equal(kr_store_put(txn, KR_TABLE_MARKS, &number, sizeof number, "t", 1), KR_OK);
    }
    commit(txn);
    assert_int_equal(verify_all(fixture, &rows).count, 0);
    static const char *const tables[] = {"meta", "log", "due", "dead", "scopes", "entries", "tree", "marks", "fresh"};
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        expected += raw_count(&raw, tables[i]);
    }
    raw_close(&raw);
    fixture_open(fixture);
    assert_int_equal(rows, expected);
    assert_true(expected > 3 * 3000);
}

/* It stands for arrivals that cannot be, where numbers wrap around. */
static void a_damaged_key_of_expiries_is_passed_over(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t key[8] = {0, 0x80}; /* 2^55 */
    uint8_t first[16], value[64];
    size_t key_len = 0, len = 0;
    fill(fixture);
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    raw_row(&raw, "due", 0, first, &key_len, value, &len);
    raw_put(&raw, "due", key, sizeof key, value, len);
    raw_close(&raw);
    fixture_open(fixture);
    for (int pass = 0; pass < 2; pass++) {
        uint64_t at = 0, arrivals[RECORDS];
        uint32_t count = 0, turns = 0;
        bool done = false;
        struct kr_txn *txn = pass == 0 ? write_begin(fixture) : read_begin(fixture);
        for (; !done && turns < 100; turns++) {
            assert_int_equal(kr_store_expired(txn, 0, &at, arrivals, RECORDS, &count, &done), KR_OK);
            assert_int_equal(count, 0);
        }
        assert_true(turns < 100);
        assert_false(pass == 0 && kr_txn_is_dirty(txn));
        kr_txn_abort(txn);
    }
    assert_found(fixture, "the list of expiries is damaged");
}

/* Else nothing could expire any more. What was purged before stays so. */
static void a_damaged_list_of_the_dead_is_made_anew(void **state)
{
    struct fixture *fixture = *state;
    uint64_t value = RECORDS - 1;
    fill(fixture);
    struct kr_txn *txn = write_begin(fixture);
    assert_int_equal(kr_store_record_purge(txn, 2, (struct kr_slice){0}), KR_OK);
    commit(txn);
    flip(fixture, "dead", 0, 50);
    fixture_open(fixture);
    assert_found(fixture, "purged records");
    txn = write_begin(fixture);
    struct hits hits = {0};
    assert_int_equal(kr_store_terms_find(txn, 3, &value, sizeof value, collect_hit, &hits), KR_CORRUPT);
    assert_int_equal(kr_store_record_purge(txn, 5, (struct kr_slice){0}), KR_OK);
    commit(txn);
    assert_verifies(fixture);
    txn = read_begin(fixture);
    for (uint64_t number = 0; number < RECORDS; number++) { /* the last one is kept as a header */
        bool is_dead = number == 1 || number == 4 || number == RECORDS - 1;
        assert_int_equal(find_term(txn, number).count, is_dead ? 0 : 1);
    }
    kr_txn_abort(txn);
}

#define ADDED 1200u /* more than verify takes at a time */

static void look_for_marks(void *context, const char *sentence)
{
    *(bool *)context |= strstr(sentence, "table \"marks\"") != NULL;
}

/* Keys that are too short or too large, in tables that are walked by number: all is looked at, and what comes behind as well.
 */
static void verify_ends_whatever_keys_there_are(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *table;
        uint8_t key[12]; /* what the keys begin with; a number from 1 on follows in the last two bytes */
        size_t key_len;
    } cases[] = {
        {"due", {0}, 8},
        {"due", {1}, 7},
        {"due", {5}, 8},
        {"dead", {0xFF, [5] = 1}, 8},
        {"entries", {0, 0, 0, 3}, 12},
        {"entries", {0, 0, 0, 3, [5] = 1}, 12}, /* blocks from 2^48 on */
        {"entries", {0, 1, 0, 3}, 12},          /* of scope 65,539 */
        {"entries", {3, 0, 0, 3}, 12},
    };
    const size_t count = sizeof cases / sizeof cases[0];
    uint64_t rows = 0, expected = 0;
    fill(fixture);
    assert_int_equal(verify_all(fixture, &expected).count, 0);
    flip(fixture, "marks", 0, 50);
    struct raw raw = raw_open(fixture);
    for (size_t i = 0; i < count; i++) {
        uint8_t key[12];
        memcpy(key, cases[i].key, sizeof key);
        for (uint32_t number = 1; number <= ADDED; number++) {
            key[cases[i].key_len - 2] = (uint8_t)(number >> 8);
            key[cases[i].key_len - 1] = (uint8_t)number;
            raw_put(&raw, cases[i].table, key, cases[i].key_len, "junk", 4);
        }
    }
    raw_close(&raw);
    fixture_open(fixture);
    uint64_t cursor = 0;
    bool done = false, is_told = false;
    for (uint32_t slices = 0; !done && slices < 100; slices++) {
        uint64_t checked = 0;
        struct kr_txn *txn = read_begin(fixture);
        assert_int_equal(kr_store_verify(txn, &cursor, look_for_marks, &is_told, &checked, &done), KR_OK);
        kr_txn_abort(txn);
        rows += checked;
    }
    assert_true(done);
    /* Short ones stand between others, and may be met twice. */
    assert_in_range(rows, expected + count * ADDED, expected + (count + 1) * ADDED);
    assert_true(is_told);
}

#define SLICE 1000u /* rows that verify takes at a time */

static void count_problem(void *context, const char *sentence)
{
    (void)sentence;
    ++*(uint64_t *)context;
}

/* A key that is larger than all behind it neither hides them, wherever it stands, nor makes one slice of them. */
static void a_huge_key_hides_nothing_from_verify(void **state)
{
    struct fixture *fixture = *state;
    uint64_t expected = 0;
    struct kr_txn *txn = write_begin(fixture);
    for (uint64_t number = 0; number < 2000; number++) {
        struct kr_head head = sample_head(number);
        assert_int_equal(kr_store_record_put(txn, &head, (struct kr_slice){(const uint8_t *)"x", 1}), KR_OK);
    }
    commit(txn);
    assert_int_equal(verify_all(fixture, &expected).count, 0);
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    const size_t meta = raw_count(&raw, "meta");
    raw_close(&raw);
    const size_t flipped[] = {10, SLICE - meta, SLICE - meta + 1}; /* the first that the next slice could begin with */
    for (size_t i = 0; i < sizeof flipped / sizeof flipped[0]; i++) {
        uint64_t cursor = 0, rows = 0, problems = 0;
        bool done = false;
        raw_flip_key(fixture, "log", flipped[i]);
        fixture_open(fixture);
        for (uint32_t slices = 0; !done && slices < 100; slices++) {
            uint64_t checked = 0;
            txn = read_begin(fixture);
            assert_int_equal(kr_store_verify(txn, &cursor, count_problem, &problems, &checked, &done), KR_OK);
            kr_txn_abort(txn);
            assert_in_range(checked, 0, SLICE + 20);
            rows += checked;
        }
        assert_true(done);
        assert_int_equal(rows, expected);
        assert_true(problems > 0);
        fixture_close(fixture);
        raw_flip_key(fixture, "log", flipped[i]); /* back again */
    }
    fixture_open(fixture);
    assert_verifies(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_flipped_bit_anywhere_is_told),
        TEST(a_flipped_bit_is_found_where_readers_cannot_tell),
        TEST(damaged_entries_of_the_store_itself_keep_it_shut),
        TEST(without_its_state_a_store_is_only_read),
        TEST(without_all_that_is_fresh_a_store_is_only_read),
        TEST(with_a_gap_in_what_is_fresh_a_store_is_only_read),
        TEST(without_the_end_of_what_is_fresh_a_store_is_only_read),
        TEST_DURABLE(readers_see_no_more_than_was_committed),
        TEST(moved_rows_are_told),
        TEST(missing_and_added_rows_are_told),
        TEST(a_damaged_record_can_be_fetched_anew),
        TEST(a_damaged_head_is_found_by_its_id),
        TEST(purging_changes_the_data_key),
        TEST(a_damaged_key_of_expiries_is_passed_over),
        TEST(a_damaged_list_of_the_dead_is_made_anew),
        TEST(verify_ends_whatever_keys_there_are),
        TEST(verify_counts_every_row_once),
        TEST(a_huge_key_hides_nothing_from_verify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
