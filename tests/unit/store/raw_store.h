/* The store's file under LMDB alone, as an attacker or a failing disk sees it. The store must be closed meanwhile. */
#ifndef KR_TEST_RAW_STORE_H
#define KR_TEST_RAW_STORE_H

#include <lmdb.h>

#include "store_test.h"

struct raw {
    MDB_env *env;
    MDB_txn *txn;
};

static inline struct raw raw_open(const struct fixture *fixture)
{
    struct raw raw = {0};
    assert_int_equal(mdb_env_create(&raw.env), 0);
    assert_int_equal(mdb_env_set_maxdbs(raw.env, 128), 0);
    assert_int_equal(mdb_env_set_mapsize(raw.env, (size_t)1 << 30), 0);
    assert_int_equal(mdb_env_open(raw.env, fixture->dir, MDB_NOSYNC, 0600), 0);
    assert_int_equal(mdb_txn_begin(raw.env, NULL, 0, &raw.txn), 0);
    return raw;
}

static inline void raw_close(struct raw *raw)
{
    assert_int_equal(mdb_txn_commit(raw->txn), 0);
    mdb_env_close(raw->env);
}

static inline MDB_dbi raw_table(const struct raw *raw, const char *name)
{
    MDB_dbi dbi = 0;
    assert_int_equal(mdb_dbi_open(raw->txn, name, 0, &dbi), 0);
    return dbi;
}

static inline size_t raw_count(const struct raw *raw, const char *name)
{
    MDB_stat status;
    assert_int_equal(mdb_stat(raw->txn, raw_table(raw, name), &status), 0);
    return status.ms_entries;
}

/* The row of this number (from 0), copied out. */
static inline void raw_row(const struct raw *raw, const char *name, size_t number, uint8_t *ret_key, size_t *ret_key_len,
                           uint8_t *ret_value, size_t *ret_value_len)
{
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    assert_int_equal(mdb_cursor_open(raw->txn, raw_table(raw, name), &cursor), 0);
    assert_int_equal(mdb_cursor_get(cursor, &key, &value, MDB_FIRST), 0);
    while (number-- > 0) {
        assert_int_equal(mdb_cursor_get(cursor, &key, &value, MDB_NEXT), 0);
    }
    memcpy(ret_key, key.mv_data, key.mv_size);
    memcpy(ret_value, value.mv_data, value.mv_size);
    *ret_key_len = key.mv_size;
    *ret_value_len = value.mv_size;
    mdb_cursor_close(cursor);
}

static inline void raw_put(const struct raw *raw, const char *name, const void *key, size_t key_len, const void *value, size_t len)
{
    MDB_val mdb_key = {key_len, (void *)(uintptr_t)key}, mdb_value = {len, (void *)(uintptr_t)value};
    assert_int_equal(mdb_put(raw->txn, raw_table(raw, name), &mdb_key, &mdb_value, 0), 0);
}

static inline void raw_delete(const struct raw *raw, const char *name, const void *key, size_t key_len)
{
    MDB_val mdb_key = {key_len, (void *)(uintptr_t)key};
    assert_int_equal(mdb_del(raw->txn, raw_table(raw, name), &mdb_key, NULL), 0);
}

#define RAW_FILE_BYTES_MAX (16u * KR_MIB)

/* The file itself, where LMDB would put a changed key where it belongs. The bytes go with raw_file_write. */
static inline uint8_t *raw_file_read(const struct fixture *fixture, size_t *ret_len)
{
    char path[300];
    uint8_t *bytes = malloc(RAW_FILE_BYTES_MAX);
    assert_non_null(bytes);
    (void)snprintf(path, sizeof path, "%s/data.mdb", fixture->dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t len = read(fd, bytes, RAW_FILE_BYTES_MAX);
    assert_true(len > 0 && (size_t)len < RAW_FILE_BYTES_MAX);
    (void)close(fd);
    *ret_len = (size_t)len;
    return bytes;
}

static inline void raw_file_write(const struct fixture *fixture, uint8_t *bytes, size_t len)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/data.mdb", fixture->dir);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    (void)close(fd);
    free(bytes);
}

/* Flips the highest bit of a key where it stands, also in pages that are free by now. */
static inline void raw_flip_key(const struct fixture *fixture, const char *table, size_t row)
{
    uint8_t key[512], value[1024];
    size_t key_len = 0, value_len = 0, len = 0;
    uint32_t flipped = 0;
    struct raw raw = raw_open(fixture);
    raw_row(&raw, table, row, key, &key_len, value, &value_len);
    raw_close(&raw);
    memcpy(key + key_len, value, value_len); /* they stand side by side */
    uint8_t *bytes = raw_file_read(fixture, &len), *at = bytes;
    while ((at = memmem(at, len - (size_t)(at - bytes), key, key_len + value_len)) != NULL) {
        *at++ ^= 0x80;
        flipped++;
    }
    assert_true(flipped > 0);
    raw_file_write(fixture, bytes, len);
}

#endif
