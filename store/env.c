/* Opening and closing, what LMDB needs to be asked before it maps a file, and growth of the map. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "store/fresh.h"
#include "store/internal.h"
#include "store/runs.h"

#define MAP_BYTES        ((uint64_t)1024 * KR_MIB)
#define MAP_BYTES_STEP   ((uint64_t)4096 * KR_MIB)
#define ROOM_BYTES       ((uint64_t)64 * KR_MIB) /* below it the map grows when nobody reads */
#define ROOM_BYTES_LEAST ((uint64_t)16 * KR_MIB) /* below it the writer waits until nobody reads */

static const char *const table_names[KR_DBI_RUN] = {
    "meta",      "log",   "due",     "dead",  "scopes",     "entries", "tree",     "identity",
    "directory", "links", "tickets", "marks", "quarantine", "drafts",  "receipts", "fresh",
};

const char *kr_dbi_name(uint32_t dbi, char buffer[static 16])
{
    if (dbi < KR_DBI_RUN) {
        return table_names[dbi];
    }
    (void)snprintf(buffer, 16, "terms.%u", (unsigned)(dbi - KR_DBI_RUN) % KR_RUN_SLOTS_OLD);
    return buffer;
}

enum kr_err kr_env_err(struct kr_store *store, int code)
{
    switch (code) {
    case 0:
        return KR_OK;
    case MDB_NOTFOUND:
        return KR_NOT_FOUND;
    case MDB_MAP_FULL:
        store->needs_room = true;
        return KR_STORE_FULL;
    case MDB_TXN_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return KR_STORE_FULL;
    case ENOMEM:
        return KR_NOMEM;
    case MDB_READERS_FULL:
        return KR_BUSY;
    case MDB_KEYEXIST: /* all that is appended is in order, so it is what stands there that is not */
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
        return KR_CORRUPT;
    case MDB_VERSION_MISMATCH:
        return KR_VERSION;
    case MDB_PANIC:
        store->needs_reopen = true;
        return KR_IO;
    default:
        return KR_IO;
    }
}

/* ---- the environment ---- */

/* An older store becomes today's: through the ways by which everything enters, which want a whole transaction. */
static enum kr_err bring_up(struct kr_txn *txn, struct kr_error *error)
{
    uint32_t format = KR_STORE_FORMAT;
    enum kr_err err = kr_format_get(txn, &format);
    if (err == KR_OK || err == KR_NOT_FOUND) {
        err = kr_runs_load(txn, format, &txn->runs);
    }
    if (err == KR_OK) {
        txn->base = kr_fresh_ref(txn->runs->fresh);
        err = kr_format_upgrade(txn, error);
    }
    if (err == KR_OK) {
        kr_prefixes_load(txn);
    }
    if (err == KR_OK && txn->is_dirty) {
        err = kr_txn_write_state(txn);
    } else if (err == KR_OK) {
        txn->store->runs = kr_runs_ref(txn->runs); /* nothing changed: it need not be read again */
    }
    kr_runs_unref(txn->runs);
    kr_fresh_unref(txn->base);
    return err;
}

/* What is brought up to date from before format 4 may write the whole log anew, which the count of rows does not tell. */
static enum kr_err commit_opening(struct kr_txn *txn)
{
    struct kr_store *store = txn->store;
    const bool is_reserved = txn->is_dirty && !store->is_volatile;
    MDB_stat log = {0};
    enum kr_err err = kr_env_err(store, mdb_stat(txn->mdb, store->dbis[KR_DBI_LOG], &log));
    uint64_t pages = 2 * (uint64_t)kr_txn_dirty_pages(txn) + 64;
    if (txn->puts[KR_DBI_LOG] > 0) {
        pages += log.ms_leaf_pages + log.ms_branch_pages + log.ms_overflow_pages;
    }
    if (err == KR_OK && is_reserved) {
        err = kr_file_reserve(store, pages);
    }
    if (err != KR_OK) {
        mdb_txn_abort(txn->mdb);
        return err;
    }
    err = kr_env_err(store, mdb_txn_commit(txn->mdb));
    if (err == KR_IO && kr_file_is_disk_full(store, pages)) {
        err = KR_STORE_FULL;
    }
    return err == KR_OK && is_reserved ? kr_file_reserve(store, 0) : err;
}

/* Tables are made and the format is checked in one transaction: a newer store is left as it is, an older one is never half new. */
static enum kr_err try_open_tables(struct kr_store *store, struct kr_error *error)
{
    struct kr_txn txn = {.store = store, .is_write = true};
    enum kr_err err = kr_env_err(store, mdb_txn_begin(store->env, NULL, 0, &txn.mdb));
    if (err != KR_OK) {
        return err;
    }
    uint32_t format = KR_STORE_FORMAT, count = KR_DBI_COUNT;
    for (uint32_t dbi = 0; dbi < count && err == KR_OK; dbi++) {
        char buffer[16];
        err = kr_env_err(store, mdb_dbi_open(txn.mdb, kr_dbi_name(dbi, buffer), MDB_CREATE, &store->dbis[dbi]));
        if (err == KR_OK && dbi == KR_DBI_META) {
            err = kr_format_check(&txn, error);
            err = err == KR_OK ? kr_tag_keys_load(&txn) : err;
            bool is_old = err == KR_OK && kr_format_get(&txn, &format) == KR_OK && format < KR_FORMAT_LEAN;
            count = is_old ? KR_DBI_COUNT_OLD : KR_DBI_COUNT; /* the upgrade drops those that are too many */
        }
    }
    if (err == KR_OK) {
        err = bring_up(&txn, error);
    }
    if (err != KR_OK) {
        kr_scope_drop_held(&txn);
        mdb_txn_abort(txn.mdb);
        return err;
    }
    return commit_opening(&txn);
}

/* A transaction that brings a large store up to date may need more room than any other. The map can grow, as long as the disk could
 * fill it. */
static enum kr_err open_tables(struct kr_store *store, struct kr_error *error)
{
    enum kr_err err = try_open_tables(store, error);
    while (err == KR_STORE_FULL) {
        MDB_envinfo info = {0};
        (void)mdb_env_info(store->env, &info);
        const uint64_t map_pages = info.me_mapsize / store->page_bytes, used_pages = info.me_last_pgno + 1;
        if (!store->needs_room || kr_file_is_disk_full(store, map_pages > used_pages ? map_pages - used_pages : 0)) {
            return kr_fail(
                error, KR_STORE_FULL,
                "the disk has no room to open the store in %s, or to bring it up to date: make room there. It is as it was",
                store->path);
        }
        err = kr_env_err(store, mdb_env_set_mapsize(store->env, 2 * info.me_mapsize));
        if (err == KR_OK) {
            store->needs_room = false;
            if (error != NULL) {
                error->text[0] = 0;
            }
            err = try_open_tables(store, error);
        }
    }
    return err;
}

static enum kr_err load_runs(struct kr_store *store)
{
    struct kr_txn txn = {.store = store};
    enum kr_err err = kr_env_err(store, mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn.mdb));
    if (err != KR_OK) {
        return err;
    }
    err = kr_runs_load(&txn, KR_STORE_FORMAT, &store->runs);
    mdb_txn_abort(txn.mdb);
    return err;
}

enum kr_err kr_env_open(struct kr_store *store, uint64_t map_bytes, struct kr_error *error)
{
    uint64_t file_bytes = 0;
    MDB_stat status = {0};
    unsigned flags = MDB_NOTLS | (store->is_volatile ? MDB_NOSYNC | MDB_NOLOCK : 0);

    enum kr_err err = kr_file_check(store, &file_bytes, error);
    if (err != KR_OK) {
        return err;
    }
    if (map_bytes == 0) {
        map_bytes = 2 * file_bytes > MAP_BYTES ? 2 * file_bytes : MAP_BYTES;
    }
    map_bytes = (map_bytes + KR_MIB - 1) / KR_MIB * KR_MIB;
    store->file_bytes = 0;
    int code = mdb_env_create(&store->env);
    if (code == 0) {
        (void)mdb_env_set_maxdbs(store->env, KR_DBI_COUNT_OLD + KR_OLD_TABLES);
        (void)mdb_env_set_maxreaders(store->env, KR_STORE_READERS_MAX);
        (void)mdb_env_set_mapsize(store->env, map_bytes);
        code = mdb_env_open(store->env, store->path, flags, 0600);
    }
    if (code != 0) {
        err = kr_fail(error, kr_env_err(store, code), "cannot open the store in %s: %s", store->path, mdb_strerror(code));
        goto out;
    }
    (void)mdb_env_stat(store->env, &status);
    store->page_bytes = status.ms_psize;
    err = open_tables(store, error);
    if (err == KR_OK && store->runs == NULL) {
        err = load_runs(store);
    }
out:
    if (err != KR_OK) {
        if (error != NULL && error->text[0] == 0) {
            err = kr_fail(error, err, "cannot open the store in %s: %s", store->path, kr_err_text(err));
        }
        kr_env_close(store);
    }
    return err;
}

void kr_env_close(struct kr_store *store)
{
    while (store->runs != NULL) {
        struct kr_runs *older = store->runs->older;
        kr_runs_unref(store->runs);
        store->runs = older;
    }
    mdb_env_close(store->env); /* NULL is fine */
    store->env = NULL;
}

/* ---- room ---- */

enum room { ROOM_ENOUGH, ROOM_WANTED, ROOM_NEEDED };

static enum room room_in(struct kr_store *store, uint64_t *ret_map_bytes)
{
    MDB_envinfo info = {0};
    if (store->env == NULL || store->needs_reopen) {
        return ROOM_NEEDED;
    }
    (void)mdb_env_info(store->env, &info);
    uint64_t map = info.me_mapsize, used = (uint64_t)(info.me_last_pgno + 1) * store->page_bytes;
    uint64_t room = map > used ? map - used : 0;
    if (room >= ROOM_BYTES && !store->needs_room) {
        return ROOM_ENOUGH;
    }
    enum room verdict = store->needs_room || room < ROOM_BYTES_LEAST ? ROOM_NEEDED : ROOM_WANTED;
    do {
        map += map < MAP_BYTES_STEP ? map : MAP_BYTES_STEP;
    } while (map - used < ROOM_BYTES);
    *ret_map_bytes = map;
    return verdict;
}

/* LMDB gives the map that it has back before it asks for a larger one, and is of no use where there are no addresses for that:
 * whether there are is tried before. */
static bool has_addresses(const struct kr_store *store, uint64_t map_bytes)
{
    MDB_envinfo info = {0};
    (void)mdb_env_info(store->env, &info);
    const size_t more = map_bytes > info.me_mapsize ? map_bytes - info.me_mapsize : store->page_bytes;
    void *probe = mmap(NULL, more, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return probe != MAP_FAILED && munmap(probe, more) == 0;
}

/* With the environment for ourselves. */
static enum kr_err renew(struct kr_store *store, uint64_t map_bytes)
{
    if (store->env == NULL || store->needs_reopen) {
        kr_env_close(store);
        enum kr_err err = kr_env_open(store, 0, NULL);
        if (err == KR_OK) {
            store->needs_reopen = false;
        }
        return err;
    }
    if (!has_addresses(store, map_bytes)) {
        return KR_NOMEM;
    }
    enum kr_err err = kr_env_err(store, mdb_env_set_mapsize(store->env, map_bytes));
    if (err == KR_OK) {
        store->needs_room = false;
    }
    return err;
}

/* With the mutex. */
static void begin_alone(struct kr_store *store)
{
    store->is_growing = true;
    while (store->readers > 0) {
        (void)pthread_cond_wait(&store->no_readers, &store->mutex);
    }
}

static void end_alone(struct kr_store *store)
{
    store->is_growing = false;
    (void)pthread_cond_broadcast(&store->grown);
}

enum kr_err kr_env_prepare(struct kr_store *store)
{
    enum kr_err err = KR_OK;
    uint64_t map_bytes = 0;
    (void)pthread_mutex_lock(&store->mutex);
    enum room verdict = room_in(store, &map_bytes);
    if (verdict == ROOM_NEEDED || (verdict == ROOM_WANTED && store->readers == 0)) {
        begin_alone(store);
        err = renew(store, map_bytes);
        err = err == KR_NOMEM && verdict == ROOM_WANTED ? KR_OK : err; /* it goes on with what it has, and tries again */
        end_alone(store);
    }
    (void)pthread_mutex_unlock(&store->mutex);
    return err;
}

void kr_env_begin_alone(struct kr_store *store)
{
    KR_ASSERT(!store->is_writing);
    (void)pthread_mutex_lock(&store->mutex);
    begin_alone(store);
    (void)pthread_mutex_unlock(&store->mutex);
}

void kr_env_end_alone(struct kr_store *store)
{
    (void)pthread_mutex_lock(&store->mutex);
    end_alone(store);
    (void)pthread_mutex_unlock(&store->mutex);
}

/* ---- the store ---- */

/* Thousands of simulated stores would need more locked memory than a user may have, and hold no secret. */
static enum kr_err new_keys(struct kr_store *store, const struct kr_store_options *options, struct kr_error *error)
{
    if (store->is_volatile) {
        store->keys = calloc(1, sizeof *store->keys);
        if (store->keys == NULL) {
            return kr_fail(error, KR_NOMEM, "no memory for the store");
        }
    } else {
        void *secret = NULL;
        enum kr_err err = kr_secret_new(sizeof *store->keys, &secret, error);
        if (err != KR_OK) {
            return err;
        }
        store->keys = secret;
    }
    kr_storage_key_derive(&store->keys->now, options->storage_key);
    store->keys->has_old = options->old_storage_key != NULL;
    if (store->keys->has_old) {
        kr_storage_key_derive(&store->keys->old, options->old_storage_key);
    }
    memcpy(store->keys->term, options->term_key, 32);
    kr_term_maker_init(&store->keys->terms, options->term_key, options->term_generation);
    return KR_OK;
}

/* What is left of it, or was left when a program ended on the way. */
static enum kr_err finish_upgrade(struct kr_store *store, struct kr_error *error)
{
    enum kr_err err = store->is_under_way ? kr_upgrade_scopes(store) : KR_OK;
    if (err != KR_OK) {
        return kr_fail(
            error, err,
            "the store in %s was brought only part of the way to format %u: %s. Nothing is lost: put right what hinders it "
            "(room on its disk, as a rule) and start again, it then goes on; or restore a backup from before the upgrade",
            store->path, (unsigned)KR_STORE_FORMAT, kr_err_text(err));
    }
    store->is_under_way = false;
    if (store->upgrade_all > 0 && store->upgrading != NULL) {
        store->upgrading(store->upgrading_context, 100);
    }
    return KR_OK;
}

enum kr_err kr_store_open(const struct kr_store_options *options, struct kr_store **ret_store, struct kr_error *error)
{
    uint8_t seed[KR_SEED_BYTES];
    struct kr_store *store = NULL;
    enum kr_err err = KR_NOMEM;

    if (options->seed != NULL && !options->is_volatile) {
        return kr_fail(error, KR_INVALID, "only a volatile store may have a seed: else nonces would repeat");
    }
    store = calloc(1, sizeof *store);
    if (store == NULL) {
        return kr_fail(error, KR_NOMEM, "no memory for the store");
    }
    store->lock_fd = -1;
    store->is_volatile = options->is_volatile;
    store->term_generation = options->term_generation;
    store->fail_commit = options->fail_commit;
    store->fail_context = options->fail_context;
    store->upgrading = options->upgrading;
    store->upgrading_context = options->upgrading_context;
    (void)pthread_mutex_init(&store->mutex, NULL);
    (void)pthread_cond_init(&store->no_readers, NULL);
    (void)pthread_cond_init(&store->grown, NULL);
    store->path = strdup(options->path);
    if (store->path == NULL) {
        goto out;
    }
    err = new_keys(store, options, error);
    if (err != KR_OK) {
        goto out;
    }
    if (options->seed != NULL) {
        kr_rng_init(&store->rng, options->seed);
    } else {
        randombytes_buf(seed, sizeof seed);
        kr_rng_init(&store->rng, seed);
    }
    if (!store->is_volatile) {
        err = kr_file_lock(store, error);
    }
    if (err == KR_OK) {
        err = kr_env_open(store, options->map_bytes, error);
    }
    if (err == KR_OK) {
        err = finish_upgrade(store, error);
    }
    if (err == KR_OK) {
        *ret_store = store;
    }
out:
    sodium_memzero(seed, sizeof seed);
    if (err != KR_OK) {
        kr_store_close(store);
    }
    return err;
}

void kr_store_close(struct kr_store *store)
{
    if (store == NULL) {
        return;
    }
    KR_ASSERT(store->readers == 0 && !store->is_writing);
    kr_env_close(store);
    if (store->lock_fd >= 0) {
        (void)close(store->lock_fd);
    }
    if (store->keys != NULL && store->is_volatile) {
        sodium_memzero(store->keys, sizeof *store->keys);
        free(store->keys);
    } else {
        kr_secret_free(store->keys);
    }
    (void)pthread_cond_destroy(&store->grown);
    (void)pthread_cond_destroy(&store->no_readers);
    (void)pthread_mutex_destroy(&store->mutex);
    sodium_memzero(&store->rng, sizeof store->rng);
    free(store->path);
    free(store);
}

void kr_store_reap_readers(struct kr_store *store)
{
    int dead = 0;
    (void)pthread_mutex_lock(&store->mutex);
    if (store->env != NULL) {
        (void)mdb_reader_check(store->env, &dead);
    }
    (void)pthread_mutex_unlock(&store->mutex);
}
