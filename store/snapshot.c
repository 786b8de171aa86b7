#include "store/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/internal.h"

#define METAS      2u
#define TRIES_MAX  1000u /* to catch the meta page before two commits have written over it */
#define PAGES_MAX  (UINT64_C(1) << 40)
#define NUMBER_AT  offsetof(struct kr_meta_page, txn)
#define PAGE_NO_AT 0u /* the first word of a page's head */

struct kr_snapshot {
    struct kr_store store; /* only what kr_file_check wants of one */
    MDB_env *env;
    MDB_txn *txn;
    mdb_filehandle_t fd;
    struct kr_snapshot_facts facts;
    uint8_t *meta; /* of the snapshot; page_bytes */
    uint8_t *free; /* bitmap */
};

static enum kr_err fail_lmdb(int code, const char *path, struct kr_error *error)
{
    const enum kr_err err = code == ENOENT                    ? KR_NOT_FOUND
                            : code == EACCES || code == EPERM ? KR_DENIED
                            : code == ENOMEM                  ? KR_NOMEM
                                                              : KR_IO;
    return kr_fail(error, err, "the store in %s cannot be read: %s", path, mdb_strerror(code));
}

/* ---- the meta page ---- */

static bool read_page(const struct kr_snapshot *snapshot, uint64_t page, uint8_t *ret_bytes)
{
    const size_t len = snapshot->facts.page_bytes;
    size_t got = 0;
    while (got < len) {
        const ssize_t more = pread(snapshot->fd, ret_bytes + got, len - got, (off_t)(page * len + got));
        if (more < 0 && errno == EINTR) {
            continue;
        }
        if (more <= 0) {
            return false;
        }
        got += (size_t)more;
    }
    return true;
}

static uint64_t number_in(const uint8_t *meta)
{
    uint64_t number;
    memcpy(&number, meta + NUMBER_AT, sizeof number);
    return number;
}

/* LMDB writes the meta page of each second transaction into the same place. */
static bool catch_meta(struct kr_snapshot *snapshot, uint8_t *again)
{
    const uint64_t number = mdb_txn_id(snapshot->txn);
    return read_page(snapshot, number % METAS, snapshot->meta) && read_page(snapshot, number % METAS, again) &&
           memcmp(snapshot->meta, again, snapshot->facts.page_bytes) == 0 && number_in(again) == number;
}

static enum kr_err begin(struct kr_snapshot *snapshot, struct kr_error *error)
{
    MDB_stat status;
    (void)mdb_env_stat(snapshot->env, &status);
    snapshot->facts.page_bytes = status.ms_psize;
    snapshot->meta = malloc(status.ms_psize);
    uint8_t *again = malloc(status.ms_psize);
    int code = snapshot->meta == NULL || again == NULL ? ENOMEM : 0;
    bool is_caught = false;
    for (uint32_t i = 0; code == 0 && !is_caught && i < TRIES_MAX; i++) {
        mdb_txn_abort(snapshot->txn);
        snapshot->txn = NULL;
        code = mdb_txn_begin(snapshot->env, NULL, MDB_RDONLY, &snapshot->txn);
        is_caught = code == 0 && catch_meta(snapshot, again);
    }
    free(again);
    if (code != 0) {
        return fail_lmdb(code, snapshot->store.path, error);
    }
    return is_caught ? KR_OK
                     : kr_fail(error, KR_BUSY, "the store in %s changes too fast to be read: try again", snapshot->store.path);
}

/* ---- which pages ---- */

/* LMDB keeps them in its first table: number of the transaction that freed them → how many, then which. */
static enum kr_err note_free(struct kr_snapshot *snapshot, struct kr_error *error)
{
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    const uint64_t pages = snapshot->facts.pages;
    int code = mdb_cursor_open(snapshot->txn, 0, &cursor);
    snapshot->facts.used = pages;
    while (code == 0 && (code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        const size_t words = value.mv_size / sizeof(size_t);
        size_t count = 0, page = 0;
        memcpy(&count, value.mv_data, words > 0 ? sizeof count : 0);
        for (size_t i = 1; i <= count && i < words; i++) {
            memcpy(&page, (const uint8_t *)value.mv_data + i * sizeof page, sizeof page);
            const bool is_new = page >= METAS && page < pages && (snapshot->free[page / 8] >> page % 8 & 1) == 0;
            if (is_new) {
                snapshot->free[page / 8] |= (uint8_t)(1u << page % 8);
                snapshot->facts.used--;
            }
        }
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? KR_OK : fail_lmdb(code, snapshot->store.path, error);
}

static enum kr_err look(struct kr_snapshot *snapshot, struct kr_error *error)
{
    uint64_t last_page;
    memcpy(&last_page, snapshot->meta + offsetof(struct kr_meta_page, last_page), sizeof last_page);
    if (last_page >= PAGES_MAX || last_page < METAS - 1) {
        return kr_fail(error, KR_CORRUPT, "the store in %s is damaged: restore it from a backup", snapshot->store.path);
    }
    snapshot->facts.pages = last_page + 1;
    snapshot->facts.number = mdb_txn_id(snapshot->txn);
    snapshot->free = calloc(1, snapshot->facts.pages / 8 + 1);
    return snapshot->free == NULL ? KR_NOMEM : note_free(snapshot, error);
}

/* ---- for all ---- */

static enum kr_err open_env(struct kr_snapshot *snapshot, struct kr_error *error)
{
    const char *path = snapshot->store.path;
    int code = mdb_env_create(&snapshot->env);
    if (code == 0) {
        (void)mdb_env_set_maxreaders(snapshot->env, KR_STORE_READERS_MAX);
        code = mdb_env_open(snapshot->env, path, MDB_RDONLY | MDB_NOTLS, 0600);
    }
    if (code == 0) {
        code = mdb_env_get_fd(snapshot->env, &snapshot->fd);
    }
    return code == 0 ? KR_OK : fail_lmdb(code, path, error);
}

enum kr_err kr_snapshot_open(const char *path, struct kr_snapshot **ret_snapshot, struct kr_error *error)
{
    uint64_t file_bytes = 0;
    struct kr_snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (snapshot == NULL) {
        return KR_NOMEM;
    }
    snapshot->fd = -1;
    snapshot->store.path = strdup(path);
    enum kr_err err = snapshot->store.path == NULL ? KR_NOMEM : kr_file_check(&snapshot->store, &file_bytes, error);
    if (err == KR_OK && file_bytes == 0) {
        err = kr_fail(error, KR_NOT_FOUND, "there is no store in %s", path);
    }
    if (err == KR_OK) {
        err = open_env(snapshot, error);
    }
    if (err == KR_OK) {
        err = begin(snapshot, error);
    }
    if (err == KR_OK) {
        err = look(snapshot, error);
    }
    if (err != KR_OK) {
        kr_snapshot_close(snapshot);
        return err;
    }
    *ret_snapshot = snapshot;
    return KR_OK;
}

void kr_snapshot_close(struct kr_snapshot *snapshot)
{
    if (snapshot != NULL) {
        mdb_txn_abort(snapshot->txn);
        mdb_env_close(snapshot->env);
        free(snapshot->store.path);
        free(snapshot->meta);
        free(snapshot->free);
        free(snapshot);
    }
}

void kr_snapshot_facts(const struct kr_snapshot *snapshot, struct kr_snapshot_facts *ret_facts)
{
    *ret_facts = snapshot->facts;
}

uint64_t kr_snapshot_file_bytes(const struct kr_snapshot *snapshot)
{
    struct stat status;
    return fstat(snapshot->fd, &status) == 0 ? (uint64_t)status.st_size : 0;
}

/* The one of the snapshot, and one that LMDB takes for its predecessor's and prefers the other to. */
static void make_meta(const struct kr_snapshot *snapshot, uint64_t page, uint8_t *ret_bytes)
{
    const size_t page_number = (size_t)page;
    uint64_t number = snapshot->facts.number;
    number -= number % METAS != page && number > 0 ? 1 : 0;
    memcpy(ret_bytes, snapshot->meta, snapshot->facts.page_bytes);
    memcpy(ret_bytes + PAGE_NO_AT, &page_number, sizeof page_number);
    memcpy(ret_bytes + NUMBER_AT, &number, sizeof number);
}

enum kr_err kr_snapshot_next(struct kr_snapshot *snapshot, uint64_t *page, uint8_t *ret_bytes, struct kr_error *error)
{
    uint64_t at = *page;
    while (at < snapshot->facts.pages && (snapshot->free[at / 8] >> at % 8 & 1) != 0) {
        at++;
    }
    if (at >= snapshot->facts.pages) {
        return KR_NOT_FOUND;
    }
    if (at < METAS) {
        make_meta(snapshot, at, ret_bytes);
    } else if (!read_page(snapshot, at, ret_bytes)) {
        return kr_fail(error, KR_IO, "page %llu of the store in %s cannot be read: check the disk", (unsigned long long)at,
                       snapshot->store.path);
    }
    *page = at;
    return KR_OK;
}
