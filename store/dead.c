/* Which arrivals were purged: a bitmap in small sealed pieces, so that terms of purged records never match and fall out when runs
 * merge, without a look at their heads. Arrival numbers are dense, so it stays at a bit a record. */
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

#define CHUNK_BYTES    512u
#define CHUNK_ARRIVALS (CHUNK_BYTES * 8u)

static enum kr_err chunk_get(struct kr_txn *txn, uint64_t arrival, uint8_t ret_chunk[static CHUNK_BYTES])
{
    uint8_t key[8];
    kr_put_be(key, arrival / CHUNK_ARRIVALS, sizeof key);
    return kr_value_get_fixed(txn, KR_DBI_DEAD, kr_slice_of(key, sizeof key), ret_chunk, CHUNK_BYTES);
}

static bool chunk_has(const uint8_t chunk[static CHUNK_BYTES], uint64_t arrival)
{
    uint64_t bit = arrival % CHUNK_ARRIVALS;
    return (chunk[bit / 8] >> (bit % 8) & 1) != 0;
}

static void chunk_mark(uint8_t chunk[static CHUNK_BYTES], uint64_t arrival)
{
    uint64_t bit = arrival % CHUNK_ARRIVALS;
    chunk[bit / 8] |= (uint8_t)(1u << (bit % 8));
}

/* What a damaged chunk said the log can tell as well: whose head has gone, or says that its record has. Else nothing near it could
 * be purged any more. */
static enum kr_err chunk_rebuild(struct kr_txn *txn, uint64_t arrival, uint8_t ret_chunk[static CHUNK_BYTES])
{
    struct kr_head head;
    uint8_t scratch[KR_HEAD_SCRATCH];
    const uint64_t first = arrival / CHUNK_ARRIVALS * CHUNK_ARRIVALS;
    memset(ret_chunk, 0, CHUNK_BYTES);
    for (uint64_t at = first > 0 ? first : 1; at < first + CHUNK_ARRIVALS && at < txn->state.next_arrival; at++) {
        enum kr_err err = kr_store_head_get(txn, at, &head, scratch);
        if (err == KR_NOT_FOUND || (err == KR_OK && head.state == KR_HEAD_HEADER_ONLY)) {
            chunk_mark(ret_chunk, at);
        } else if (err != KR_OK && err != KR_CORRUPT) {
            return err;
        }
    }
    return KR_OK;
}

enum kr_err kr_dead_mark(struct kr_txn *txn, uint64_t arrival)
{
    uint8_t key[8], chunk[CHUNK_BYTES];
    enum kr_err err = chunk_get(txn, arrival, chunk);
    if (err == KR_NOT_FOUND) {
        memset(chunk, 0, sizeof chunk);
        err = KR_OK;
    } else if (err == KR_CORRUPT) {
        err = chunk_rebuild(txn, arrival, chunk);
    }
    if (err != KR_OK) {
        return err;
    }
    chunk_mark(chunk, arrival);
    kr_put_be(key, arrival / CHUNK_ARRIVALS, sizeof key);
    return kr_value_put(txn, KR_DBI_DEAD, kr_slice_of(key, sizeof key), kr_slice_of(chunk, sizeof chunk), 0);
}

enum kr_err kr_dead_is(struct kr_txn *txn, uint64_t arrival, bool *ret_is_dead)
{
    uint8_t chunk[CHUNK_BYTES];
    enum kr_err err = chunk_get(txn, arrival, chunk);
    if (err == KR_OK || err == KR_NOT_FOUND) {
        *ret_is_dead = err == KR_OK && chunk_has(chunk, arrival);
        err = KR_OK;
    }
    return err;
}

/* NULL where the row is not what it should be: what it says is not dead for merging, and stays in the index. */
static uint8_t *chunk_open(struct kr_txn *txn, struct kr_slice key, struct kr_slice sealed, uint8_t *chunk)
{
    size_t len = 0;
    bool is_sound = sealed.len == CHUNK_BYTES + KR_SEALED_BYTES &&
                    kr_value_open(txn->store, KR_DBI_DEAD, key, sealed, chunk, CHUNK_BYTES, &len) == KR_OK;
    if (!is_sound) {
        free(chunk);
    }
    return is_sound ? chunk : NULL;
}

enum kr_err kr_dead_load(struct kr_txn *txn, struct kr_dead_map *ret_map)
{
    struct kr_dead_map map = {.count = txn->state.next_arrival / CHUNK_ARRIVALS + 1};
    MDB_cursor *cursor = NULL;
    struct kr_slice key = {0}, sealed = {0};
    enum kr_err err = kr_row_cursor(txn, KR_DBI_DEAD, &cursor);
    if (err != KR_OK) {
        return err;
    }
    map.chunks = map.count < SIZE_MAX / sizeof map.chunks[0] ? calloc(map.count, sizeof map.chunks[0]) : NULL;
    err = map.chunks != NULL ? kr_row_move(txn, cursor, MDB_FIRST, &key, &sealed) : KR_NOMEM;
    while (err == KR_OK) {
        const uint64_t at = key.len == 8 ? kr_get_be(key.bytes, 8) : UINT64_MAX;
        if (at < map.count && map.chunks[at] == NULL) { /* nobody vouches for the order of the rows */
            uint8_t *chunk = malloc(CHUNK_BYTES);
            if (chunk == NULL) {
                err = KR_NOMEM;
                break;
            }
            map.chunks[at] = chunk_open(txn, key, sealed, chunk);
        }
        err = kr_row_move(txn, cursor, MDB_NEXT, &key, &sealed);
    }
    mdb_cursor_close(cursor);
    if (err != KR_NOT_FOUND) {
        kr_dead_free(&map);
        return err;
    }
    *ret_map = map;
    return KR_OK;
}

bool kr_dead_in(const struct kr_dead_map *map, uint64_t arrival)
{
    uint64_t chunk = arrival / CHUNK_ARRIVALS;
    return chunk < map->count && map->chunks[chunk] != NULL && chunk_has(map->chunks[chunk], arrival);
}

void kr_dead_free(struct kr_dead_map *map)
{
    for (uint64_t i = 0; map->chunks != NULL && i < map->count; i++) {
        free(map->chunks[i]);
    }
    free(map->chunks);
    *map = (struct kr_dead_map){0};
}
