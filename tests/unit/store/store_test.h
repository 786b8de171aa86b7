/* What the tests of this folder share: a store in a directory of its own, and records that anyone can make again from a number. */
#ifndef KR_TEST_STORE_H
#define KR_TEST_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "store/store.h"

struct fixture {
    char dir[200];
    uint8_t storage_key[32], term_key[32];
    struct kr_store_options options;
    struct kr_store *store;
    uint8_t scratch[KR_HEAD_SCRATCH];
    bool fail_next; /* the next commit fails */
};

static inline bool fixture_fails(void *context)
{
    struct fixture *fixture = context;
    bool fails = fixture->fail_next;
    fixture->fail_next = false;
    return fails;
}

/* Tests that do not ask for durability use a volatile store: the same code, without waiting for the disk. */
static inline void fixture_prepare(struct fixture *fixture, bool is_volatile)
{
    const char *base = getenv("TMPDIR");
    (void)snprintf(fixture->dir, sizeof fixture->dir, "%s/kairan-store-XXXXXX", base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(fixture->dir));
    assert_int_equal(kr_crypto_init(), KR_OK);
    memset(fixture->storage_key, 0x51, 32);
    memset(fixture->term_key, 0x52, 32);
    fixture->options = (struct kr_store_options){.path = fixture->dir,
                                                 .storage_key = fixture->storage_key,
                                                 .term_key = fixture->term_key,
                                                 .term_generation = 1,
                                                 .is_volatile = is_volatile,
                                                 .fail_commit = fixture_fails,
                                                 .fail_context = fixture};
}

static inline void fixture_open(struct fixture *fixture)
{
    struct kr_error error = {{0}};
    if (kr_store_open(&fixture->options, &fixture->store, &error) != KR_OK) {
        fail_msg("cannot open: %s", error.text);
    }
}

static inline void fixture_close(struct fixture *fixture)
{
    kr_store_close(fixture->store);
    fixture->store = NULL;
}

static inline void fixture_reopen(struct fixture *fixture)
{
    fixture_close(fixture);
    fixture_open(fixture);
}

static inline void remove_tree(const char *path)
{
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            assert_int_equal(unlinkat(dirfd(dir), entry->d_name, 0), 0);
        }
    }
    (void)closedir(dir);
    assert_int_equal(rmdir(path), 0);
}

static inline int fixture_setup_as(void **state, bool is_volatile)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (fixture == NULL) {
        return -1;
    }
    fixture_prepare(fixture, is_volatile);
    fixture_open(fixture);
    *state = fixture;
    return 0;
}
static inline int fixture_setup(void **state)
{
    return fixture_setup_as(state, true);
}
static inline int fixture_setup_durable(void **state)
{
    return fixture_setup_as(state, false);
}
static inline int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    fixture_close(fixture);
    remove_tree(fixture->dir);
    free(fixture);
    return 0;
}
#define TEST(name)         cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
#define TEST_DURABLE(name) cmocka_unit_test_setup_teardown(name, fixture_setup_durable, fixture_teardown)

static inline struct kr_txn *write_begin(struct fixture *fixture)
{
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_write_begin(fixture->store, &txn), KR_OK);
    return txn;
}

static inline struct kr_txn *read_begin(struct fixture *fixture)
{
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_read_begin(fixture->store, &txn), KR_OK);
    return txn;
}

static inline struct kr_txn *nest(struct kr_txn *parent)
{
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_txn_nest(parent, &txn), KR_OK);
    return txn;
}

static inline void commit(struct kr_txn *txn)
{
    assert_int_equal(kr_txn_commit(txn), KR_OK);
}

/* ---- records by number ---- */

static inline void sample_id(uint64_t number, uint8_t ret_id[static 32])
{
    kr_hash(ret_id, "test record id", &number, sizeof number);
}

/* What samples enter their scopes as: all of one hour and month. */
static inline struct kr_entry entry_of(const uint8_t id[static 32])
{
    struct kr_entry entry = {.hour = kr_tree_hour(1700000000000u), .month = kr_tree_month(1800000000u)};
    memcpy(entry.id, id, 32);
    return entry;
}

static inline enum kr_err append_id(struct kr_txn *txn, const struct kr_scope *scope, const uint8_t id[static 32],
                                    uint64_t *ret_entry)
{
    const struct kr_entry entry = entry_of(id);
    return kr_store_scope_append(txn, scope, &entry, ret_entry);
}

static inline uint32_t expired_all(struct kr_txn *txn, uint64_t now_s, uint64_t *ret_arrivals, uint32_t max)
{
    uint64_t at = 0;
    uint32_t all = 0, count = 0;
    bool done = false;
    while (!done && all < max) {
        assert_int_equal(kr_store_expired(txn, now_s, &at, ret_arrivals + all, max - all, &count, &done), KR_OK);
        all += count;
    }
    return all;
}

static inline struct kr_head sample_head(uint64_t number)
{
    struct kr_head head = {.kind = 1 + (uint32_t)(number % 10),
                           .flags = (uint32_t)(number % 3),
                           .severity = (uint32_t)(number % 5),
                           .indicator_count = (uint32_t)number,
                           .label = (enum kr_label)(1 + number % 5),
                           .created_ms = 1700000000000u + number,
                           .expires_s = 1800000000u + number * 7919 % 1000,
                           .received_ms = 1700000001000u + number,
                           .version = number,
                           .has_community = number % 2 == 0,
                           .has_relay = number % 3 == 0,
                           .has_subject = number % 5 == 0,
                           .has_target = number % 7 == 0,
                           .is_ours_to_read = number % 2 == 1};
    sample_id(number, head.id);
    memset(head.author, (int)(number % 251), 32);
    memset(head.signing_key, (int)(number % 241), 32);
    memset(head.from, (int)(number % 239), 32);
    memset(head.community, head.has_community ? 0xC0 : 0, 32);
    memset(head.relay, head.has_relay ? 0xC1 : 0, 32);
    memset(head.subject, head.has_subject ? 0xC2 : 0, 32);
    memset(head.target, head.has_target ? 0xC3 : 0, 32);
    return head;
}

/* Lengths from one byte to many chunks, bytes that no other record has. */
static inline size_t sample_bytes(uint64_t number, uint8_t *ret_bytes)
{
    static const size_t lens[] = {1, 300, 1983, 1984, 1985, 3968, 5000, 40000};
    size_t len = lens[number % (sizeof lens / sizeof lens[0])];
    uint8_t seed[32];
    kr_hash(seed, "test record bytes", &number, sizeof number);
    randombytes_buf_deterministic(ret_bytes, len, seed);
    return len;
}
#define SAMPLE_BYTES_MAX 40000u

static inline uint64_t put_sample(struct kr_txn *txn, uint64_t number)
{
    static uint8_t bytes[SAMPLE_BYTES_MAX];
    struct kr_head head = sample_head(number);
    size_t len = sample_bytes(number, bytes);
    assert_int_equal(kr_store_record_put(txn, &head, (struct kr_slice){bytes, len}), KR_OK);
    return head.arrival;
}

static inline void assert_head_equal(const struct kr_head *head, const struct kr_head *expected)
{
    assert_int_equal(head->kind, expected->kind);
    assert_int_equal(head->state, expected->state);
    assert_int_equal(head->flags, expected->flags);
    assert_int_equal(head->severity, expected->severity);
    assert_int_equal(head->indicator_count, expected->indicator_count);
    assert_int_equal(head->label, expected->label);
    assert_int_equal(head->created_ms, expected->created_ms);
    assert_int_equal(head->expires_s, expected->expires_s);
    assert_int_equal(head->received_ms, expected->received_ms);
    assert_int_equal(head->version, expected->version);
    assert_int_equal(head->has_community, expected->has_community);
    assert_int_equal(head->has_relay, expected->has_relay);
    assert_int_equal(head->has_subject, expected->has_subject);
    assert_int_equal(head->has_target, expected->has_target);
    assert_int_equal(head->is_ours_to_read, expected->is_ours_to_read);
    assert_memory_equal(head->id, expected->id, 32);
    assert_memory_equal(head->author, expected->author, 32);
    assert_memory_equal(head->signing_key, expected->signing_key, 32);
    assert_memory_equal(head->from, expected->from, 32);
    assert_memory_equal(head->community, expected->community, 32);
    assert_memory_equal(head->relay, expected->relay, 32);
    assert_memory_equal(head->subject, expected->subject, 32);
    assert_memory_equal(head->target, expected->target, 32);
    assert_int_equal(head->audience_count, expected->audience_count);
    assert_memory_equal(head->audience, expected->audience, (size_t)expected->audience_count * 32);
    assert_int_equal(head->title.len, expected->title.len);
    assert_memory_equal(head->title.bytes, expected->title.bytes, expected->title.len);
}

/* The sample stands in the store, whole, under its id and its arrival. */
static inline void assert_sample(struct kr_txn *txn, uint64_t number, uint64_t arrival)
{
    static uint8_t expected[SAMPLE_BYTES_MAX];
    struct kr_head head, sample = sample_head(number);
    static uint8_t scratch[KR_HEAD_SCRATCH];
    uint8_t *bytes = NULL;
    size_t len = 0, expected_len = sample_bytes(number, expected);
    uint64_t found = 0;
    assert_int_equal(kr_store_record_find(txn, sample.id, &found), KR_OK);
    assert_int_equal(found, arrival);
    assert_int_equal(kr_store_head_get(txn, arrival, &head, scratch), KR_OK);
    assert_int_equal(head.arrival, arrival);
    assert_int_equal(head.record_bytes, expected_len);
    assert_head_equal(&head, &sample);
    assert_int_equal(kr_store_record_get(txn, arrival, &bytes, &len), KR_OK);
    assert_int_equal(len, expected_len);
    assert_memory_equal(bytes, expected, len);
    free(bytes);
}

/* ---- terms by number ---- */

struct hits {
    uint32_t count;
    uint64_t arrivals[64];
    uint16_t positions[64];
};

static inline bool collect_hit(void *context, uint64_t arrival, uint16_t position)
{
    struct hits *hits = context;
    assert_true(hits->count < 64);
    hits->arrivals[hits->count] = arrival;
    hits->positions[hits->count++] = position;
    return true;
}

static inline struct kr_term_entry sample_term(const struct kr_store *store, uint64_t value, uint64_t arrival, uint16_t position)
{
    struct kr_term_entry entry = {.arrival = arrival, .position = position};
    kr_store_term(store, 3, &value, sizeof value, entry.term);
    return entry;
}

static inline struct hits find_term(struct kr_txn *txn, uint64_t value)
{
    struct hits hits = {0};
    assert_int_equal(kr_store_terms_find(txn, 3, &value, sizeof value, collect_hit, &hits), KR_OK);
    return hits;
}

/* ---- verify ---- */

struct problems {
    uint32_t count;
    char sentences[64][256];
};

static inline void collect_problem(void *context, const char *sentence)
{
    struct problems *problems = context;
    if (problems->count < 64) {
        (void)snprintf(problems->sentences[problems->count], sizeof problems->sentences[0], "%s", sentence);
    }
    problems->count++;
}

/* All slices; `ret_rows` may be NULL. */
static inline struct problems verify_all(struct fixture *fixture, uint64_t *ret_rows)
{
    struct problems problems = {0};
    uint64_t cursor = 0, rows = 0;
    bool done = false;
    for (uint32_t slices = 0; !done; slices++) {
        uint64_t checked = 0;
        struct kr_txn *txn = read_begin(fixture);
        assert_int_equal(kr_store_verify(txn, &cursor, collect_problem, &problems, &checked, &done), KR_OK);
        kr_txn_abort(txn);
        rows += checked;
        assert_true(slices < 100000);
    }
    if (ret_rows != NULL) {
        *ret_rows = rows;
    }
    return problems;
}

static inline void assert_verifies(struct fixture *fixture)
{
    struct problems problems = verify_all(fixture, NULL);
    if (problems.count > 0) {
        fail_msg("%u problems, the first: %s", problems.count, problems.sentences[0]);
    }
}

#endif
