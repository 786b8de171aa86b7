/* How much of the map is in use, and who keeps pages of it from being used again. */
#include <stdlib.h>

#include "store/internal.h"

#define METAS 2u

/* LMDB gives its readers as lines of text alone: process, thread, number of the snapshot ("-": none). */
static int look_at_reader(const char *line, void *context)
{
    struct kr_store_room *room = context;
    char *behind_process, *behind_thread, *end;
    const unsigned long process = strtoul(line, &behind_process, 10);
    (void)strtoull(behind_process, &behind_thread, 16);
    const uint64_t snapshot = strtoull(behind_thread, &end, 10);
    if (process != 0 && end != behind_thread && (room->reader_process == 0 || snapshot < room->reader_snapshot)) {
        room->reader_process = (uint32_t)process;
        room->reader_snapshot = snapshot;
    }
    return 0;
}

static uint64_t pages_of(const MDB_stat *stat)
{
    return (uint64_t)stat->ms_branch_pages + stat->ms_leaf_pages + stat->ms_overflow_pages;
}

/* All that no table has. (That of free pages and that of tables come first.) */
static enum kr_err look_at_pages(struct kr_store *store, MDB_txn *txn, struct kr_store_room *room)
{
    uint64_t used = METAS;
    MDB_stat stat;
    enum kr_err err = KR_OK;
    for (MDB_dbi dbi = 0; dbi < 2 && err == KR_OK; dbi++) {
        err = kr_env_err(store, mdb_stat(txn, dbi, &stat));
        used += err == KR_OK ? pages_of(&stat) : 0;
    }
    for (uint32_t i = 0; i < KR_DBI_COUNT && err == KR_OK; i++) {
        err = kr_env_err(store, mdb_stat(txn, store->dbis[i], &stat));
        used += err == KR_OK ? pages_of(&stat) : 0;
    }
    const uint64_t all = room->used_bytes / store->page_bytes;
    room->free_bytes = all > used ? (all - used) * store->page_bytes : 0;
    return err;
}

enum kr_err kr_store_room(struct kr_store *store, struct kr_store_room *ret_room)
{
    struct kr_store_room room = {0};
    MDB_envinfo info = {0};
    MDB_txn *txn = NULL;
    enum kr_err err = KR_IO;
    KR_ASSERT(!store->is_writing);
    (void)pthread_mutex_lock(&store->mutex); /* nobody has the environment for itself, and nobody gets it meanwhile */
    if (store->env == NULL || store->needs_reopen || store->is_growing) {
        goto out;
    }
    (void)mdb_reader_list(store->env, look_at_reader, &room); /* before we are one */
    (void)mdb_env_info(store->env, &info);
    room.map_bytes = info.me_mapsize;
    room.used_bytes = ((uint64_t)info.me_last_pgno + 1) * store->page_bytes;
    room.newest = info.me_last_txnid;
    err = kr_env_err(store, mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn));
    if (err == KR_OK) {
        err = look_at_pages(store, txn, &room);
    }
    mdb_txn_abort(txn);
    if (err == KR_OK) {
        *ret_room = room;
    }
out:
    (void)pthread_mutex_unlock(&store->mutex);
    return err;
}
