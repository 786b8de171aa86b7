/* What stands in tests/data/store-v1 to store-v6 and store-v3-scopes: written by make_old_store.c, looked for by test_upgrade.c. */
#ifndef KR_TEST_OLD_STORE_H
#define KR_TEST_OLD_STORE_H

#include "store_test.h"

#define OLD_STORAGE_KEY_BYTE 0x31
#define OLD_TERM_KEY_BYTE    0x32
#define OLD_RECORDS          20u
#define OLD_PURGED           5u /* the sample of this number is kept as header only */
#define OLD_DELETED          9u /* this one is gone */
#define OLD_TERMS            200u
/* From format 4 on, whose runs had 64 slots: one that stands in the last. */
#define OLD_RUN_FIRST  1000000u
#define OLD_RUN_TERMS  2048u
#define OLD_SCOPE_KIND KR_SCOPE_GREEN
/* Of store-v3-scopes: several scopes, numbered against the order of their names, that share most of their ids. */
#define OLD_SCOPES 4u
static inline struct kr_scope old_scope(uint32_t number, uint32_t *ret_entries)
{
    *ret_entries = 70 + number; /* two full blocks of today and a part of one */
    return (struct kr_scope){.kind = (uint8_t)(KR_SCOPE_KIND_MAX - number), .id = {(uint8_t)number}};
}
static inline void old_scope_id(uint32_t number, uint32_t entry, uint8_t ret_id[static 32])
{
    sample_id(number * 10 + entry, ret_id);
}

/* Of store-v5-trees: small records, all in one scope and every third in another. */
#define OLD_TREE_RECORDS 700u
#define OLD_TREE_PURGED  7u
#define OLD_TREE_DELETED 12u
static const struct kr_scope old_tree_scopes[2] = {{.kind = KR_SCOPE_GREEN, .id = {8}}, {.kind = KR_SCOPE_CLEAR}};

static const uint8_t old_header_only[] = "what is kept of a purged record";
static const char old_value[] = "a value of the directory";

/* Prepares a fixture in whose directory lies a copy of the file, not opened yet. */
static inline void old_store_copy(struct fixture *fixture, const char *file)
{
    static uint8_t bytes[1024 * 1024];
    char path[300];
    fixture_prepare(fixture, false);
    memset(fixture->storage_key, OLD_STORAGE_KEY_BYTE, 32);
    memset(fixture->term_key, OLD_TERM_KEY_BYTE, 32);
    int from = open(file, O_RDONLY | O_CLOEXEC);
    assert_true(from >= 0);
    ssize_t len = read(from, bytes, sizeof bytes);
    assert_true(len > 0 && (size_t)len < sizeof bytes);
    (void)close(from);
    (void)snprintf(path, sizeof path, "%s/data.mdb", fixture->dir);
    int to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(to >= 0);
    assert_int_equal(write(to, bytes, (size_t)len), len);
    (void)close(to);
}

#endif
