/* A store as an older format wrote it (tests/data/store-v1 to store-v6, store-v3-scopes, store-v5-trees) is brought up to date once
 * and then read whole. */
#include "crypto/seal.h"
#include "old_store.h"
#include "proto/codec/writer.h"
#include "raw_store.h"
#include "store/scope.h"

#define OLD_FILE_1 "tests/data/store-v1/data.mdb"
#define OLD_FILE_2 "tests/data/store-v2/data.mdb"
#define OLD_FILE_3 "tests/data/store-v3/data.mdb"
#define OLD_FILE_4 "tests/data/store-v4/data.mdb"
#define OLD_FILE_5 "tests/data/store-v5/data.mdb"
#define OLD_FILE_6 "tests/data/store-v6/data.mdb"
#define OLD_TREES  "tests/data/store-v5-trees/data.mdb"
#define OLD_SCOPED "tests/data/store-v3-scopes/data.mdb"

static int setup_copy(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    old_store_copy(fixture, *state);
    *state = fixture;
    return 0;
}
#define OLD(name, file) cmocka_unit_test_prestate_setup_teardown(name, setup_copy, fixture_teardown, (void *)(uintptr_t)(file))

static void assert_old_record(struct kr_txn *txn, uint64_t number, uint8_t *scratch)
{
    static uint8_t expected[SAMPLE_BYTES_MAX];
    struct kr_head head, sample = sample_head(number);
    uint8_t *bytes = NULL;
    size_t len = 0, expected_len = sample_bytes(number, expected);
    uint64_t arrival = 0;
    if (number == OLD_DELETED) {
        assert_int_equal(kr_store_record_find(txn, sample.id, &arrival), KR_NOT_FOUND);
        return;
    }
    assert_int_equal(kr_store_record_find(txn, sample.id, &arrival), KR_OK);
    assert_int_equal(arrival, number + 1);
    assert_int_equal(kr_store_head_get(txn, arrival, &head, scratch), KR_OK);
    assert_int_equal(kr_store_record_get(txn, arrival, &bytes, &len), KR_OK);
    if (number == OLD_PURGED) {
        sample.state = KR_HEAD_HEADER_ONLY;
        assert_int_equal(len, sizeof old_header_only);
        assert_memory_equal(bytes, old_header_only, len);
    } else {
        assert_int_equal(len, expected_len < 6000 ? expected_len : 6000);
        assert_memory_equal(bytes, expected, len);
    }
    assert_head_equal(&head, &sample);
    free(bytes);
}

/* Of the records that are still shown. */
static uint64_t old_indicators(void)
{
    uint64_t count = 0;
    for (uint64_t number = 0; number < OLD_RECORDS; number++) {
        count += number == OLD_PURGED || number == OLD_DELETED ? 0 : sample_head(number).indicator_count;
    }
    return count;
}

static void assert_old_content(struct fixture *fixture, uint8_t from)
{
    const uint32_t run_terms = from >= 4 ? OLD_RUN_TERMS : 0;
    struct kr_store_stat stat = {0};
    struct kr_txn *txn = read_begin(fixture);
    assert_int_equal(kr_store_stat(txn, &stat), KR_OK);
    assert_int_equal(stat.format, KR_STORE_FORMAT);
    assert_int_equal(stat.records, OLD_RECORDS - 1);
    assert_int_equal(stat.arrivals, OLD_RECORDS);
    assert_int_equal(stat.indicators, old_indicators());
    uint32_t names = from >= 4 ? OLD_RECORDS : OLD_RECORDS - 1; /* a deleted one's falls out when runs merge */
    assert_int_equal(stat.index_rows, OLD_TERMS + run_terms + names + OLD_RECORDS);
    for (uint32_t i = 0; i < run_terms; i++) {
        struct hits hits = find_term(txn, OLD_RUN_FIRST + i);
        assert_int_equal(hits.count, 1);
        assert_int_equal(hits.positions[0], i);
    }
    for (uint64_t number = 0; number < OLD_RECORDS; number++) {
        assert_old_record(txn, number, fixture->scratch);
        for (uint16_t i = 0; i < OLD_TERMS / OLD_RECORDS; i++) {
            struct hits hits = find_term(txn, number * 100 + i);
            assert_int_equal(hits.count, number == OLD_PURGED || number == OLD_DELETED ? 0 : 1);
            assert_true(hits.count == 0 || (hits.arrivals[0] == number + 1 && hits.positions[0] == i));
        }
    }
    struct kr_scope scope = {.kind = OLD_SCOPE_KIND, .id = {7}};
    uint64_t count = 0;
    uint8_t hash[32];
    assert_int_equal(kr_store_scope_mark(txn, &scope, &count, hash), KR_OK);
    assert_int_equal(count, OLD_RECORDS);
    for (uint64_t number = 0; number < OLD_RECORDS; number++) { /* the deleted one too keeps its place */
        uint64_t entry = 0;
        assert_int_equal(kr_store_scope_find(txn, &scope, sample_head(number).id, &entry), KR_OK);
        assert_int_equal(entry, number);
    }
    for (int table = 0; table < KR_TABLE_COUNT; table++) {
        uint8_t value[64];
        size_t len = 0;
        assert_int_equal(kr_store_get(txn, (enum kr_table)table, "key", 3, value, sizeof value, &len), KR_OK);
        assert_int_equal(len, sizeof old_value);
        assert_memory_equal(value, old_value, len);
    }
    kr_txn_abort(txn);
}

static void assert_expiries(struct fixture *fixture)
{
    uint64_t arrivals[OLD_RECORDS] = {0};
    struct kr_txn *txn = read_begin(fixture);
    assert_int_equal(expired_all(txn, UINT64_MAX, arrivals, OLD_RECORDS), OLD_RECORDS - 1);
    for (uint32_t i = 0; i < OLD_RECORDS - 1; i++) {
        assert_int_equal(arrivals[i], i < OLD_DELETED ? i + 1 : i + 2);
    }
    kr_txn_abort(txn);
}

/* The same entries in a scope of today have the same tree. */
static void assert_tree_of(struct kr_txn *txn, const struct kr_scope *scope, uint64_t records, uint64_t step, uint64_t gone)
{
    const struct kr_scope twin = {.kind = KR_SCOPE_PAIR, .id = {0xEE, scope->kind}};
    uint8_t root[32], expected[32];
    uint64_t count = 0, live = 0, number = 0;
    for (uint64_t i = 0; i < records; i += step) {
        const struct kr_head head = sample_head(i);
        const struct kr_entry entry = kr_tree_entry(&head);
        if (i != gone) {
            assert_int_equal(kr_store_scope_append(txn, &twin, &entry, &number), KR_OK);
            live++;
        }
    }
    assert_int_equal(kr_store_tree_root(txn, &twin, 0, expected, &count), KR_OK);
    assert_int_equal(kr_store_tree_root(txn, scope, 0, root, &count), KR_OK);
    assert_int_equal(count, live);
    assert_memory_equal(root, expected, 32);
}

static void assert_old_tree(struct fixture *fixture)
{
    const struct kr_scope scope = {.kind = OLD_SCOPE_KIND, .id = {7}};
    struct kr_txn *txn = write_begin(fixture);
    assert_tree_of(txn, &scope, OLD_RECORDS, 1, OLD_DELETED);
    kr_txn_abort(txn);
}

static bool has_table(const struct fixture *fixture, const char *name)
{
    struct raw raw = raw_open(fixture);
    MDB_dbi dbi = 0;
    int code = mdb_dbi_open(raw.txn, name, 0, &dbi);
    assert_true(code == 0 || code == MDB_NOTFOUND);
    mdb_txn_abort(raw.txn);
    mdb_env_close(raw.env);
    return code == 0;
}

static uint8_t format_in_the_open(const struct fixture *fixture)
{
    MDB_val key = {6, (void *)(uintptr_t) "format"}, value;
    struct raw raw = raw_open(fixture);
    assert_int_equal(mdb_get(raw.txn, raw_table(&raw, "meta"), &key, &value), 0);
    uint8_t format = ((const uint8_t *)value.mv_data)[3];
    mdb_txn_abort(raw.txn);
    mdb_env_close(raw.env);
    return format;
}

static void is_brought_up_to_date(struct fixture *fixture, uint8_t from)
{
    static const char *const old_tables[] = {"heads",  "ids",       "expiry",   "members", "trees",
                                             "tokens", "terms.new", "terms.63", "terms.40"};
    assert_int_equal(format_in_the_open(fixture), from);
    fixture_open(fixture);
    assert_old_content(fixture, from);
    assert_expiries(fixture);
    assert_old_tree(fixture);
    assert_verifies(fixture);
    fixture_reopen(fixture); /* and is of today's format from then on */
    assert_old_content(fixture, from);
    struct kr_txn *txn = write_begin(fixture);
    assert_int_equal(put_sample(txn, 100), OLD_RECORDS + 1);
    struct kr_term_entry term = sample_term(fixture->store, 100 * OLD_RECORDS, OLD_RECORDS, 99);
    assert_int_equal(kr_store_terms_put(txn, &term, 1), KR_OK);
    commit(txn);
    fixture_reopen(fixture);
    txn = read_begin(fixture);
    assert_int_equal(find_term(txn, 100 * OLD_RECORDS).count, 1);
    assert_int_equal(find_term(txn, 0).count, 1);
    kr_txn_abort(txn);
    assert_verifies(fixture);
    kr_store_close(fixture->store);
    fixture->store = NULL;
    assert_int_equal(format_in_the_open(fixture), KR_STORE_FORMAT);
    for (size_t i = 0; i < sizeof old_tables / sizeof old_tables[0]; i++) {
        assert_false(has_table(fixture, old_tables[i]));
    }
}

static void format_1_is_brought_up_to_date(void **state)
{
    is_brought_up_to_date(*state, 1);
}

static void format_2_is_brought_up_to_date(void **state)
{
    is_brought_up_to_date(*state, 2);
}

static void format_3_is_brought_up_to_date(void **state)
{
    is_brought_up_to_date(*state, 3);
}

static void format_4_is_brought_up_to_date(void **state)
{
    struct fixture *fixture = *state;
    assert_true(has_table(fixture, "terms.63")); /* where its run stands */
    is_brought_up_to_date(fixture, 4);
    fixture_open(fixture);
    struct kr_txn *txn = read_begin(fixture);
    uint8_t value[16];
    size_t len = 0;
    assert_int_equal(kr_store_get(txn, KR_TABLE_IDENTITY, "indicators", 10, value, sizeof value, &len), KR_NOT_FOUND);
    kr_txn_abort(txn);
}

static void format_5_is_brought_up_to_date(void **state)
{
    is_brought_up_to_date(*state, 5);
}

static void format_6_is_brought_up_to_date(void **state)
{
    is_brought_up_to_date(*state, 6);
}

/* Whole blocks, more keys than a leaf has, a purged record and one that has gone. */
static void scopes_of_format_5_get_their_trees(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(format_in_the_open(fixture), 5);
    fixture_open(fixture);
    struct kr_txn *txn = write_begin(fixture);
    assert_tree_of(txn, &old_tree_scopes[0], OLD_TREE_RECORDS, 1, OLD_TREE_DELETED);
    assert_tree_of(txn, &old_tree_scopes[1], OLD_TREE_RECORDS, 3, OLD_TREE_DELETED);
    for (uint64_t i = 0; i < OLD_TREE_RECORDS; i++) { /* in the places that they had */
        uint64_t entry = 0;
        assert_int_equal(kr_store_scope_find(txn, &old_tree_scopes[0], sample_head(i).id, &entry), KR_OK);
        assert_int_equal(entry, i);
    }
    kr_txn_abort(txn);
    assert_verifies(fixture);
    fixture_reopen(fixture);
    txn = write_begin(fixture); /* what is there can go, and what has gone can come back */
    const struct kr_head gone = sample_head(OLD_TREE_DELETED);
    const struct kr_entry entry = kr_tree_entry(&gone);
    uint64_t number = 0;
    assert_int_equal(kr_store_scope_append(txn, &old_tree_scopes[0], &entry, &number), KR_OK);
    assert_int_equal(number, OLD_TREE_RECORDS);
    assert_int_equal(kr_store_scope_remove(txn, &old_tree_scopes[0], sample_head(3).id), KR_OK);
    assert_tree_of(txn, &old_tree_scopes[0], OLD_TREE_RECORDS, 1, 3);
    commit(txn);
    assert_verifies(fixture);
}

static void a_missing_block_keeps_a_store_old(void **state)
{
    struct fixture *fixture = *state;
    struct kr_error error = {{0}};
    uint8_t key[16], value[2048];
    size_t key_len = 0, len = 0;
    struct raw raw = raw_open(fixture);
    raw_row(&raw, "entries", 2, key, &key_len, value, &len);
    raw_delete(&raw, "entries", key, key_len);
    raw_close(&raw);
    assert_int_equal(kr_store_open(&fixture->options, &fixture->store, &error), KR_CORRUPT);
    assert_non_null(strstr(error.text, "from format 5 to 7"));
    assert_false(has_table(fixture, "tree"));
    raw = raw_open(fixture);
    raw_put(&raw, "entries", key, key_len, value, len);
    raw_close(&raw);
    fixture_open(fixture);
    assert_verifies(fixture);
}

/* ---- format 5, in slices ---- */

#define AGED_RECORDS 40000u /* entries of the first scope: of more than one slice */
#define AGED_SECOND  70u
#define AGED_COMMITS 5u /* 3 of the first scope, one of the second, and the format's */
static const struct kr_scope aged_scopes[2] = {{.kind = KR_SCOPE_CLEAR}, {.kind = KR_SCOPE_GREEN, .id = {3}}};

/* Blocks and row as format 5 had them. */
static void age_scope(struct kr_txn *txn, const struct kr_scope *scope)
{
    struct kr_scope_row row;
    uint8_t key[KR_SCOPE_KEY_BYTES], old[44 + 32 + 32 * KR_BLOCK_ENTRIES];
    assert_int_equal(kr_scope_row_get(txn, scope, &row), KR_OK);
    for (uint64_t at = 0; at <= row.count / KR_BLOCK_ENTRIES; at++) {
        struct kr_block block;
        const bool is_last = at == row.count / KR_BLOCK_ENTRIES;
        const uint32_t count = is_last ? (uint32_t)(row.count % KR_BLOCK_ENTRIES) : KR_BLOCK_ENTRIES;
        uint8_t buffer[KR_BLOCK_KEY_BYTES];
        assert_int_equal(kr_block_get(txn, &row, at, &block), KR_OK);
        memcpy(old + 44, block.before, 32);
        for (uint32_t i = 0; i < count; i++) {
            memcpy(old + 76 + 32 * (size_t)i, block.entries[i].id, 32);
        }
        if (!is_last) {
            assert_int_equal(kr_value_put(txn, KR_DBI_ENTRIES, kr_block_key(row.number, at, buffer),
                                          kr_slice_of(old + 44, 32 + 32 * (size_t)count), 0),
                             KR_OK);
        }
    }
    kr_put_be(old, row.number, 4);
    kr_put_be(old + 4, row.count, 8);
    memcpy(old + 12, row.hash, 32);
    kr_scope_key(scope, key);
    assert_int_equal(kr_value_put(txn, KR_DBI_SCOPES, kr_slice_of(key, sizeof key),
                                  kr_slice_of(old, 76 + 32 * (size_t)(row.count % KR_BLOCK_ENTRIES)), 0),
                     KR_OK);
}

/* A store of format 5, or under way from it, in the fixture's directory. Only every 40th entry has its record, and is in the tree
 * then. */
static void make_aged(struct fixture *fixture, uint32_t format)
{
    fixture_prepare(fixture, true);
    fixture_open(fixture);
    struct kr_txn *txn = write_begin(fixture);
    for (uint64_t i = 0; i < AGED_RECORDS; i++) {
        struct kr_head head = sample_head(i);
        uint64_t entry = 0;
        if (i % 40 == 0) {
            assert_int_equal(kr_store_record_put(txn, &head, kr_slice_of(head.id, 32)), KR_OK);
        }
        assert_int_equal(append_id(txn, &aged_scopes[0], head.id, &entry), KR_OK);
        if (i < AGED_SECOND) {
            assert_int_equal(append_id(txn, &aged_scopes[1], head.id, &entry), KR_OK);
        }
    }
    commit(txn);
    txn = write_begin(fixture);
    age_scope(txn, &aged_scopes[0]);
    age_scope(txn, &aged_scopes[1]);
    assert_int_equal(kr_row_clear(txn, KR_DBI_TREE), KR_OK);
    assert_int_equal(kr_format_put(txn, format), KR_OK);
    commit(txn);
    fixture_close(fixture);
}

static int setup_aged_as(void **state, uint32_t format)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    make_aged(fixture, format);
    *state = fixture;
    return 0;
}

static int setup_aged(void **state)
{
    return setup_aged_as(state, 5);
}

static int setup_half_way(void **state)
{
    return setup_aged_as(state, KR_FORMAT_UNDER_WAY_OLD);
}

static void assert_aged_content(struct fixture *fixture)
{
    struct kr_txn *txn = write_begin(fixture);
    for (uint32_t i = 0; i < 2; i++) {
        const struct kr_scope twin = {.kind = KR_SCOPE_PAIR, .id = {0xEE, (uint8_t)i}};
        const uint64_t count = i == 0 ? AGED_RECORDS : AGED_SECOND;
        uint64_t number = 0, live = 0, there = 0;
        uint8_t root[32], expected[32], hash[32];
        for (uint64_t at = 0; at < count; at += 40, live++) {
            const struct kr_head head = sample_head(at);
            const struct kr_entry entry = kr_tree_entry(&head);
            assert_int_equal(kr_store_scope_append(txn, &twin, &entry, &number), KR_OK);
        }
        assert_int_equal(kr_store_scope_mark(txn, &aged_scopes[i], &there, hash), KR_OK);
        assert_int_equal(there, count);
        assert_int_equal(kr_store_tree_root(txn, &twin, 0, expected, &there), KR_OK);
        assert_int_equal(kr_store_tree_root(txn, &aged_scopes[i], 0, root, &there), KR_OK);
        assert_int_equal(there, live);
        assert_memory_equal(root, expected, 32);
        assert_int_equal(kr_store_scope_find(txn, &aged_scopes[i], sample_head(count - 1).id, &number), KR_OK);
        assert_int_equal(number, count - 1);
    }
    kr_txn_abort(txn);
    assert_verifies(fixture);
}

struct told {
    uint32_t calls, last;
    bool has_gone_back;
};

static void tell(void *context, uint32_t percent)
{
    struct told *told = context;
    told->has_gone_back = told->has_gone_back || percent < told->last;
    told->last = percent;
    told->calls++;
}

static void an_upgrade_says_how_far_it_is(void **state)
{
    struct fixture *fixture = *state;
    struct told told = {0};
    fixture->options.upgrading = tell;
    fixture->options.upgrading_context = &told;
    fixture_open(fixture);
    assert_int_equal(told.last, 100);
    assert_true(told.calls >= AGED_RECORDS / 2048);
    assert_false(told.has_gone_back);
    assert_aged_content(fixture);
    told.calls = 0;
    fixture_reopen(fixture); /* nothing is left to do */
    assert_int_equal(told.calls, 0);
}

static uint32_t commits_left;
static bool fail_after(void *context)
{
    (void)context;
    return commits_left-- == 0;
}

/* Whichever slice is not written: the store is under way, and the next opening goes on from there. */
static void an_upgrade_goes_on_where_it_broke_off(void **state)
{
    struct fixture *fixture = *state;
    uint32_t broken = 0;
    for (uint32_t after = 0; after <= AGED_COMMITS; after++) {
        struct kr_error error = {{0}};
        fixture->options.fail_commit = fail_after;
        commits_left = after == 0 ? 0 : 1; /* one slice more each time */
        if (kr_store_open(&fixture->options, &fixture->store, &error) == KR_OK) {
            break;
        }
        assert_non_null(strstr(error.text, "only part of the way to format 7"));
        assert_int_equal(format_in_the_open(fixture), (uint8_t)KR_FORMAT_UNDER_WAY);
        broken++;
    }
    assert_int_equal(broken, AGED_COMMITS);
    commits_left = UINT32_MAX;
    assert_aged_content(fixture);
    fixture_reopen(fixture);
    assert_aged_content(fixture);
}

/* A program of format 6 has begun it. */
static void an_upgrade_to_format_6_goes_on_to_todays(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(format_in_the_open(fixture), (uint8_t)KR_FORMAT_UNDER_WAY_OLD);
    fixture_open(fixture);
    assert_aged_content(fixture);
    fixture_close(fixture);
    assert_int_equal(format_in_the_open(fixture), KR_STORE_FORMAT);
    fixture_open(fixture);
}

/* Nothing is written before all is known to be whole. */
static void a_damaged_block_keeps_a_store_of_format_5(void **state)
{
    struct fixture *fixture = *state;
    struct kr_error error = {{0}};
    uint8_t key[16], value[2048];
    size_t key_len = 0, len = 0;
    struct raw raw = raw_open(fixture);
    raw_row(&raw, "entries", AGED_RECORDS / KR_BLOCK_ENTRIES - 1, key, &key_len, value, &len);
    value[len / 2] ^= 1;
    raw_put(&raw, "entries", key, key_len, value, len);
    raw_close(&raw);
    assert_int_equal(kr_store_open(&fixture->options, &fixture->store, &error), KR_CORRUPT);
    assert_non_null(strstr(error.text, "It is as it was"));
    assert_int_equal(format_in_the_open(fixture), 5);
    raw = raw_open(fixture);
    value[len / 2] ^= 1;
    raw_put(&raw, "entries", key, key_len, value, len);
    raw_close(&raw);
    fixture_open(fixture);
    assert_aged_content(fixture);
}

/* Each scope keeps its own entries, whatever it shares with others. */
static void assert_old_scopes(struct fixture *fixture)
{
    struct kr_txn *txn = read_begin(fixture);
    for (uint32_t number = 0; number < OLD_SCOPES; number++) {
        uint32_t entries = 0, count = 0;
        const struct kr_scope scope = old_scope(number, &entries);
        uint8_t hash[32], expected[32] = {0}, id[32], ids[100][32];
        uint64_t entry = 0, there = 0;
        assert_int_equal(kr_store_scope_read(txn, &scope, 0, ids, 100, &count), KR_OK);
        assert_int_equal(count, entries);
        for (uint32_t i = 0; i < entries; i++) {
            old_scope_id(number, i, id);
            assert_memory_equal(ids[i], id, 32);
            assert_int_equal(kr_store_scope_find(txn, &scope, id, &entry), KR_OK);
            assert_int_equal(entry, i);
            struct kr_hash_state state;
            kr_hash_init(&state, "kairan cursor");
            kr_hash_update(&state, expected, 32);
            kr_hash_update(&state, id, 32);
            kr_hash_final(&state, expected);
        }
        assert_int_equal(kr_store_scope_mark(txn, &scope, &there, hash), KR_OK);
        assert_int_equal(there, entries);
        assert_memory_equal(hash, expected, 32);
        old_scope_id(number, entries, id); /* the next scope has it */
        assert_int_equal(kr_store_scope_find(txn, &scope, id, &entry), KR_NOT_FOUND);
    }
    kr_txn_abort(txn);
}

static void scopes_stay_apart(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(format_in_the_open(fixture), 3);
    fixture_open(fixture);
    assert_old_scopes(fixture);
    assert_verifies(fixture);
    struct kr_txn *txn = write_begin(fixture); /* and apart from those that come */
    for (uint32_t number = 0; number < OLD_SCOPES; number++) {
        uint8_t id[32];
        uint64_t entry = 0;
        old_scope_id(number, 0, id);
        const struct kr_scope scope = {.kind = KR_SCOPE_PAIR, .id = {0xF0, (uint8_t)number}};
        assert_int_equal(append_id(txn, &scope, id, &entry), KR_OK);
        assert_int_equal(entry, 0);
    }
    commit(txn);
    assert_old_scopes(fixture);
    assert_verifies(fixture);
}

#define STUFFING_ROWS   100u
#define STUFFING_BYTES  20000u
#define STUFFING_CHUNKS 500u /* of the log */

/* So that the store fills its map before the upgrade begins: in a table that is dropped unread. */
static void stuff(const struct fixture *fixture, const char *table)
{
    static const uint8_t stuffing[STUFFING_BYTES];
    struct raw raw = raw_open(fixture);
    for (uint32_t i = 0; i < STUFFING_ROWS; i++) {
        raw_put(&raw, table, &i, sizeof i, stuffing, sizeof stuffing);
    }
    raw_close(&raw);
}

static off_t file_bytes(const struct fixture *fixture)
{
    char path[300];
    struct stat status;
    (void)snprintf(path, sizeof path, "%s/data.mdb", fixture->dir);
    assert_int_equal(stat(path, &status), 0);
    return status.st_size;
}

/* Format 4 has the log of today, which stays where it is, and needs no room for another. */
static void a_log_that_stays_needs_no_room(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t stuffing[STUFFING_BYTES];
    struct raw raw = raw_open(fixture);
    for (uint32_t i = 0; i < STUFFING_CHUNKS; i++) {
        const uint8_t key[10] = {[7] = OLD_RECORDS, [8] = (uint8_t)(1 + (i >> 8)), [9] = (uint8_t)i};
        raw_put(&raw, "log", key, sizeof key, stuffing, sizeof stuffing);
    }
    raw_close(&raw);
    const off_t before = file_bytes(fixture);
    assert_true(before > (off_t)STUFFING_CHUNKS * STUFFING_BYTES);
    fixture_open(fixture);
    assert_in_range(file_bytes(fixture), before, before + before / 2);
}

static void the_map_grows_for_an_upgrade(void **state)
{
    struct fixture *fixture = *state;
    stuff(fixture, "members");
    fixture->options.map_bytes = 1;
    is_brought_up_to_date(fixture, 3);
}

/* Its run is put in another place, in order. */
static void a_damaged_row_of_a_run_stays_behind(void **state)
{
    struct fixture *fixture = *state;
    uint32_t found = 0;
    raw_flip_key(fixture, "terms.63", OLD_RUN_TERMS / 4); /* larger than all behind it */
    fixture_open(fixture);
    struct kr_txn *txn = read_begin(fixture);
    for (uint32_t i = 0; i < OLD_RUN_TERMS; i++) {
        found += find_term(txn, OLD_RUN_FIRST + i).count;
    }
    kr_txn_abort(txn);
    assert_int_equal(found, OLD_RUN_TERMS - 1);
    assert_verifies(fixture);
}

#define OLD_RUNS 40u /* as many as there are slots today */

/* The list of runs as format 4 has it: this many, in the first slots. */
static void put_runs(const struct fixture *fixture, const struct raw *raw, const uint64_t counts[static OLD_RUNS])
{
    struct kr_writer writer;
    uint8_t key[32], sealed[2048] = {0};
    kr_hash_keyed(key, sizeof key, fixture->storage_key, "kairan store table", "meta", 4);
    kr_writer_init(&writer, sizeof sealed - KR_SEALED_BYTES);
    kr_writer_array(&writer, 5);
    kr_writer_uint(&writer, OLD_RUNS + 1);
    kr_writer_array(&writer, OLD_RUNS);
    for (uint32_t run = 0; run < OLD_RUNS; run++) {
        const uint64_t fields[] = {run + 1, counts[run], run, 0, 0}; /* serial, rows, slot, level, generation */
        kr_writer_array(&writer, 5);
        for (size_t i = 0; i < 5; i++) {
            kr_writer_uint(&writer, fields[i]);
        }
    }
    kr_writer_array(&writer, 0);
    kr_writer_array(&writer, 0);
    kr_writer_bin(&writer, NULL, 0);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    kr_aead_seal(sealed + 24, writer.bytes, writer.len, "runs", 4, sealed, key);
    raw_put(raw, "meta", "runs", 4, sealed, writer.len + KR_SEALED_BYTES);
    kr_writer_deinit(&writer);
}

/* Every slot of today has a run, and those that are to go have none: there must be room to merge afterwards. */
static void as_many_runs_as_slots(void **state)
{
    struct fixture *fixture = *state;
    uint64_t counts[OLD_RUNS] = {0};
    bool more = true;
    struct raw raw = raw_open(fixture);
    for (size_t row = 0; row < OLD_RUN_TERMS; row++) {
        uint8_t key[512], tag[64];
        size_t key_len = 0, len = 0;
        char name[16];
        raw_row(&raw, "terms.63", row, key, &key_len, tag, &len);
        (void)snprintf(name, sizeof name, "terms.%u", (unsigned)(row % OLD_RUNS));
        raw_put(&raw, name, key, key_len, tag, len);
        counts[row % OLD_RUNS]++;
    }
    assert_int_equal(mdb_drop(raw.txn, raw_table(&raw, "terms.63"), 0), 0);
    put_runs(fixture, &raw, counts);
    raw_close(&raw);
    fixture_open(fixture);
    while (more) {
        struct kr_txn *txn = write_begin(fixture);
        assert_int_equal(kr_store_merge_slice(txn, &more), KR_OK);
        commit(txn);
    }
    struct kr_store_stat stat = {0};
    struct kr_txn *txn = read_begin(fixture);
    assert_int_equal(kr_store_stat(txn, &stat), KR_OK);
    assert_true(stat.runs < OLD_RUNS / 2);
    for (uint32_t i = 0; i < OLD_RUN_TERMS; i++) {
        assert_int_equal(find_term(txn, OLD_RUN_FIRST + i).count, 1);
    }
    kr_txn_abort(txn);
    assert_verifies(fixture);
}

static void assert_stays_old(struct fixture *fixture, uint8_t format)
{
    struct kr_error error = {{0}};
    assert_int_equal(kr_store_open(&fixture->options, &fixture->store, &error), KR_CORRUPT);
    assert_int_equal(format_in_the_open(fixture), format);
}

/* It cannot be looked up any more, nor can those behind it be reached through it. */
static void a_scope_out_of_order_keeps_a_store_old(void **state)
{
    struct fixture *fixture = *state;
    raw_flip_key(fixture, "scopes", 0);
    assert_stays_old(fixture, 3);
}

/* What stands behind it is not in memory, from where it is written anew. */
static void a_gap_in_what_is_fresh_keeps_a_store_old(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t value[64 * 1024];
    uint8_t key[512];
    size_t key_len = 0, len = 0;
    struct raw raw = raw_open(fixture);
    assert_true(raw_count(&raw, "fresh") > 1);
    raw_row(&raw, "fresh", 0, key, &key_len, value, &len);
    raw_delete(&raw, "fresh", key, key_len);
    raw_close(&raw);
    assert_stays_old(fixture, 4);
    raw = raw_open(fixture);
    raw_put(&raw, "fresh", key, key_len, value, len);
    raw_close(&raw);
    fixture_open(fixture);
    assert_old_content(fixture, 4);
}

/* The state is authentic, but older than the log. */
static void a_state_older_than_the_log_keeps_a_store_old(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t key[10] = {[7] = OLD_RECORDS + 1};
    struct raw raw = raw_open(fixture);
    raw_put(&raw, "log", key, sizeof key, "chunk", 5);
    raw_close(&raw);
    assert_stays_old(fixture, 4);
}

/* The step fails half-way, on a damaged head: the store stays of format 1, whole, for the old program. */
static void a_failed_upgrade_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    uint8_t key[16], value[1024];
    size_t key_len = 0, len = 0;
    struct kr_error error = {{0}};
    struct raw raw = raw_open(fixture);
    raw_row(&raw, "heads", 12, key, &key_len, value, &len);
    value[len / 2] ^= 4;
    raw_put(&raw, "heads", key, key_len, value, len);
    raw_close(&raw);
    assert_int_equal(kr_store_open(&fixture->options, &fixture->store, &error), KR_CORRUPT);
    assert_non_null(strstr(error.text, "from format 1 to 7"));
    assert_false(has_table(fixture, "due"));
    assert_true(has_table(fixture, "heads"));
    assert_int_equal(format_in_the_open(fixture), 1);
    raw = raw_open(fixture);
    raw_row(&raw, "heads", 12, key, &key_len, value, &len);
    value[len / 2] ^= 4;
    raw_put(&raw, "heads", key, key_len, value, len);
    raw_close(&raw);
    fixture_open(fixture);
    assert_old_content(fixture, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OLD(format_1_is_brought_up_to_date, OLD_FILE_1),
        OLD(format_2_is_brought_up_to_date, OLD_FILE_2),
        OLD(format_3_is_brought_up_to_date, OLD_FILE_3),
        OLD(format_4_is_brought_up_to_date, OLD_FILE_4),
        OLD(format_5_is_brought_up_to_date, OLD_FILE_5),
        OLD(format_6_is_brought_up_to_date, OLD_FILE_6),
        OLD(scopes_of_format_5_get_their_trees, OLD_TREES),
        OLD(a_missing_block_keeps_a_store_old, OLD_TREES),
        cmocka_unit_test_setup_teardown(an_upgrade_says_how_far_it_is, setup_aged, fixture_teardown),
        cmocka_unit_test_setup_teardown(an_upgrade_goes_on_where_it_broke_off, setup_aged, fixture_teardown),
        cmocka_unit_test_setup_teardown(an_upgrade_to_format_6_goes_on_to_todays, setup_half_way, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_block_keeps_a_store_of_format_5, setup_aged, fixture_teardown),
        OLD(a_damaged_row_of_a_run_stays_behind, OLD_FILE_4),
        OLD(as_many_runs_as_slots, OLD_FILE_4),
        OLD(a_scope_out_of_order_keeps_a_store_old, OLD_SCOPED),
        OLD(a_gap_in_what_is_fresh_keeps_a_store_old, OLD_FILE_4),
        OLD(a_state_older_than_the_log_keeps_a_store_old, OLD_FILE_4),
        OLD(a_log_that_stays_needs_no_room, OLD_FILE_4),
        OLD(the_map_grows_for_an_upgrade, OLD_FILE_3),
        OLD(scopes_stay_apart, OLD_SCOPED),
        OLD(a_failed_upgrade_changes_nothing, OLD_FILE_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
