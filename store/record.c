/* Records: their bytes in chunks under a data key of their own, and the way from id to arrival. */
#include <stdlib.h>
#include <string.h>

#include "crypto/seal.h"
#include "store/internal.h"

#define CHUNK_PLAIN_BYTES ((size_t)KR_CHUNK_BYTES_MAX - KR_AEAD_BYTES)
#define ID_PREFIX_MIN     4u

/* ---- chunks ---- */

struct chunk_names {
    uint8_t key[10];   /* arrival ‖ chunk: where it stands */
    uint8_t bound[34]; /* id ‖ chunk: what it is sealed with */
    uint8_t nonce[KR_NONCE_BYTES];
};

/* A data key seals each chunk number once, so the number will do as nonce. */
static void name_chunk(struct chunk_names *names, const uint8_t id[static 32], uint64_t arrival, uint32_t chunk)
{
    kr_put_be(names->key, arrival, 8);
    kr_put_be(names->key + 8, chunk, 2);
    memcpy(names->bound, id, 32);
    kr_put_be(names->bound + 32, chunk, 2);
    memset(names->nonce, 0, sizeof names->nonce);
    kr_put_be(names->nonce + 22, chunk, 2);
}

/* Under a fresh data key, which goes into the head behind the chunks. */
static enum kr_err log_put(struct kr_txn *txn, const struct kr_head *head, struct kr_slice bytes, unsigned flags)
{
    struct chunk_names names;
    uint8_t data_key[32];
    enum kr_err err = KR_OK;
    kr_rng_bytes(&txn->store->rng, data_key, sizeof data_key);
    size_t at = 0;
    for (uint32_t chunk = 0; at < bytes.len && err == KR_OK; chunk++) {
        size_t len = bytes.len - at < CHUNK_PLAIN_BYTES ? bytes.len - at : CHUNK_PLAIN_BYTES;
        uint8_t *sealed = NULL;
        name_chunk(&names, head->id, head->arrival, chunk);
        err = kr_row_reserve(txn, KR_DBI_LOG, kr_slice_of(names.key, sizeof names.key), len + KR_AEAD_BYTES, flags, &sealed);
        if (err == KR_OK) {
            kr_aead_seal(sealed, bytes.bytes + at, len, names.bound, sizeof names.bound, names.nonce, data_key);
        }
        at += len;
    }
    if (err == KR_OK) {
        err = kr_head_put(txn, head, data_key, flags);
    }
    sodium_memzero(data_key, sizeof data_key);
    return err;
}

/* `*ret_len`: all chunks but the last are full. */
static enum kr_err open_chunk(struct kr_txn *txn, const struct kr_head *head, const uint8_t data_key[static 32], uint32_t chunk,
                              uint8_t *ret, size_t *ret_len)
{
    struct chunk_names names;
    const size_t left = head->record_bytes - chunk * CHUNK_PLAIN_BYTES, len = left < CHUNK_PLAIN_BYTES ? left : CHUNK_PLAIN_BYTES;
    struct kr_slice sealed = {0};
    name_chunk(&names, head->id, head->arrival, chunk);
    enum kr_err err = kr_row_get(txn, KR_DBI_LOG, kr_slice_of(names.key, sizeof names.key), &sealed);
    if (err != KR_OK) {
        return err == KR_NOT_FOUND ? KR_CORRUPT : err;
    }
    if (sealed.len != len + KR_AEAD_BYTES) {
        return KR_CORRUPT;
    }
    *ret_len = len;
    return kr_open_apart(ret, sealed, kr_slice_of(names.bound, sizeof names.bound), names.nonce, data_key);
}

enum kr_err kr_log_open(struct kr_txn *txn, const struct kr_head *head, const uint8_t data_key[static 32], uint8_t *ret)
{
    enum kr_err err = KR_OK;
    size_t at = 0, len = 0;
    for (uint32_t chunk = 0; at < head->record_bytes && err == KR_OK; chunk++) {
        err = open_chunk(txn, head, data_key, chunk, ret + at, &len);
        at += len;
    }
    return err;
}

enum kr_err kr_log_last(struct kr_txn *txn, uint64_t *ret_arrival)
{
    MDB_cursor *cursor = NULL;
    struct kr_slice key = {0}, value = {0};
    enum kr_err err = kr_row_cursor(txn, KR_DBI_LOG, &cursor);
    if (err != KR_OK) {
        return err;
    }
    err = kr_row_move(txn, cursor, MDB_LAST, &key, &value);
    mdb_cursor_close(cursor);
    if (err == KR_NOT_FOUND) {
        *ret_arrival = 0;
        return KR_OK;
    }
    if (err == KR_OK && key.len != 10) {
        err = KR_CORRUPT;
    }
    if (err == KR_OK) {
        *ret_arrival = kr_get_be(key.bytes, 8);
    }
    return err;
}

/* Chunks and head. Goes by what stands in the log, not by the length, so that a damaged record can be dropped as well. */
static enum kr_err log_delete(struct kr_txn *txn, uint64_t arrival)
{
    MDB_cursor *cursor = NULL;
    uint8_t from[10];
    struct kr_slice value = {0};
    enum kr_err err = KR_OK;
    do {
        kr_put_be(from, arrival, 8);
        kr_put_be(from + 8, 0, 2);
        struct kr_slice key = kr_slice_of(from, sizeof from);
        err = kr_row_cursor(txn, KR_DBI_LOG, &cursor);
        if (err != KR_OK) {
            return err;
        }
        err = kr_row_move(txn, cursor, MDB_SET_RANGE, &key, &value);
        bool is_its_own = err == KR_OK && key.len == sizeof from && kr_get_be(key.bytes, 8) == arrival;
        if (is_its_own) {
            memcpy(from, key.bytes, sizeof from);
        }
        mdb_cursor_close(cursor);
        if (!is_its_own) {
            return err == KR_NOT_FOUND ? KR_OK : err;
        }
        err = kr_row_delete(txn, KR_DBI_LOG, kr_slice_of(from, sizeof from));
    } while (err == KR_OK);
    return err;
}

/* ---- the contract ---- */

enum kr_err kr_store_record_put(struct kr_txn *txn, struct kr_head *head, struct kr_slice bytes)
{
    uint64_t there = 0;
    if (bytes.len == 0 || bytes.len > KR_RECORD_BYTES_MAX || head->audience_count > KR_AUDIENCE_MAX) {
        return KR_BOUNDS;
    }
    enum kr_err err = kr_store_record_find(txn, head->id, &there);
    if (err != KR_NOT_FOUND) {
        return err == KR_OK ? KR_EXISTS : err;
    }
    struct kr_head stored = *head;
    stored.arrival = txn->state.next_arrival;
    stored.record_bytes = (uint32_t)bytes.len;
    err = log_put(txn, &stored, bytes, MDB_APPEND);
    if (err == KR_OK) {
        err = kr_due_note(txn, stored.arrival, kr_due_of(&stored));
    }
    if (err == KR_OK) {
        err = kr_index_add(txn, head->id, stored.arrival, KR_INDEX_ID);
    }
    if (err == KR_OK) {
        txn->state.next_arrival++;
        txn->state.records++;
        kr_state_count(txn, &stored, true);
        head->arrival = stored.arrival;
        head->record_bytes = stored.record_bytes;
    }
    return kr_txn_fail(txn, err);
}

enum kr_err kr_store_number_take(struct kr_txn *txn, uint64_t *ret_number)
{
    if (!txn->is_write) {
        return KR_INVALID;
    }
    *ret_number = txn->state.next_arrival++;
    txn->state_changed = true;
    return KR_OK;
}

/* ---- the way from a name to an arrival ---- */

struct search {
    struct kr_txn *txn;
    const uint8_t *prefix; /* of the id; NULL: whatever the row leads to */
    size_t len;
    uint16_t kind;
    struct kr_head *head; /* of what was found; it borrows from `scratch`. NULL: nobody asks */
    uint8_t *scratch;
    uint32_t count;
    uint64_t arrival;
    bool is_damaged;
    enum kr_err err;
};

/* The index knows 16 bytes of an id, the head all of it. A damaged head cannot deny that it is the one: whoever reads it is told.
 */
static bool look_at(void *context, const struct kr_term_entry *entry)
{
    struct search *search = context;
    struct kr_head head;
    uint8_t scratch[KR_HEAD_SCRATCH];
    if (entry->position != search->kind) {
        return true;
    }
    enum kr_err err = kr_store_head_get(search->txn, entry->arrival, &head,
                                        search->head != NULL && search->count == 0 ? search->scratch : scratch);
    if (err == KR_NOT_FOUND || (err == KR_OK && search->prefix != NULL && memcmp(head.id, search->prefix, search->len) != 0)) {
        return true;
    }
    if (err == KR_OK || err == KR_CORRUPT) {
        search->arrival = entry->arrival;
        search->is_damaged = err == KR_CORRUPT;
        if (search->head != NULL && search->count == 0 && err == KR_OK) {
            *search->head = head;
        }
        search->count++;
        return search->count < 2;
    }
    search->err = err;
    return false;
}

static enum kr_err search_index(struct search *search, const uint8_t *hash, size_t len)
{
    enum kr_err err = kr_index_each(search->txn, hash, len < KR_TERM_BYTES ? len : KR_TERM_BYTES, look_at, search);
    if (err == KR_OK) {
        err = search->err;
    }
    return err == KR_OK && search->count == 0 ? KR_NOT_FOUND : err;
}

enum kr_err kr_store_record_find(struct kr_txn *txn, const uint8_t id[static 32], uint64_t *ret_arrival)
{
    struct search search = {.txn = txn, .prefix = id, .len = 32, .kind = KR_INDEX_ID};
    enum kr_err err = search_index(&search, id, 32);
    if (err == KR_OK) {
        *ret_arrival = search.arrival;
    }
    return err;
}

enum kr_err kr_store_head_find(struct kr_txn *txn, const uint8_t id[static 32], uint64_t *ret_arrival, struct kr_head *ret_head,
                               uint8_t *scratch)
{
    struct kr_head head;
    struct search search = {.txn = txn, .prefix = id, .len = 32, .kind = KR_INDEX_ID, .head = &head, .scratch = scratch};
    enum kr_err err = search_index(&search, id, 32);
    if (err == KR_OK) {
        *ret_arrival = search.arrival;
        err = search.is_damaged ? KR_CORRUPT : KR_OK;
    }
    if (err == KR_OK) {
        *ret_head = head;
    }
    return err;
}

enum kr_err kr_store_record_find_prefix(struct kr_txn *txn, const uint8_t *prefix, size_t len, uint64_t *ret_arrival)
{
    struct search search = {.txn = txn, .prefix = prefix, .len = len, .kind = KR_INDEX_ID};
    if (len < ID_PREFIX_MIN || len > 32) {
        return KR_INVALID;
    }
    enum kr_err err = search_index(&search, prefix, len);
    if (err == KR_OK && search.count > 1) {
        err = KR_EXISTS;
    }
    if (err == KR_OK) {
        *ret_arrival = search.arrival;
    }
    return err;
}

enum kr_err kr_store_token_put(struct kr_txn *txn, const uint8_t token[static KR_TOKEN_BYTES], uint64_t arrival)
{
    return kr_index_add(txn, token, arrival, KR_INDEX_TOKEN);
}

enum kr_err kr_store_token_find(struct kr_txn *txn, const uint8_t token[static KR_TOKEN_BYTES], uint64_t *ret_arrival)
{
    struct search search = {.txn = txn, .kind = KR_INDEX_TOKEN};
    enum kr_err err = search_index(&search, token, KR_TOKEN_BYTES);
    if (err == KR_OK) {
        *ret_arrival = search.arrival;
    }
    return err;
}

/* ---- reading and purging ---- */

enum kr_err kr_store_record_read(struct kr_txn *txn, uint64_t arrival, size_t offset, size_t len, uint8_t *ret)
{
    struct kr_head head = {0};
    uint8_t scratch[KR_HEAD_SCRATCH], data_key[32], plain[CHUNK_PLAIN_BYTES];
    enum kr_err err = KR_OK;
    if (txn->last.arrival == arrival && arrival != 0) { /* just opened: all that chunks need of it is here */
        head.arrival = arrival;
        head.record_bytes = txn->last.record_bytes;
        memcpy(head.id, txn->last.id, 32);
        memcpy(data_key, txn->last.data_key, sizeof data_key);
    } else {
        err = kr_head_get(txn, arrival, &head, scratch, data_key);
    }
    if (err == KR_OK && (offset > head.record_bytes || len > head.record_bytes - offset)) {
        err = KR_BOUNDS;
    }
    for (size_t done = 0; err == KR_OK && done < len;) {
        const size_t at = offset + done, from = at % CHUNK_PLAIN_BYTES;
        size_t there = 0;
        err = open_chunk(txn, &head, data_key, (uint32_t)(at / CHUNK_PLAIN_BYTES), plain, &there);
        if (err == KR_OK) {
            const size_t piece = there - from < len - done ? there - from : len - done;
            memcpy(ret + done, plain + from, piece);
            done += piece;
        }
    }
    sodium_memzero(data_key, sizeof data_key);
    return err;
}

enum kr_err kr_store_record_get(struct kr_txn *txn, uint64_t arrival, uint8_t **ret_bytes, size_t *ret_len)
{
    struct kr_head head;
    uint8_t *bytes = NULL, scratch[KR_HEAD_SCRATCH], data_key[32];
    enum kr_err err = kr_head_get(txn, arrival, &head, scratch, data_key);
    if (err != KR_OK) {
        return err;
    }
    bytes = malloc(head.record_bytes + 1u);
    err = bytes != NULL ? kr_log_open(txn, &head, data_key, bytes) : KR_NOMEM;
    sodium_memzero(data_key, sizeof data_key);
    if (err != KR_OK) {
        free(bytes);
        return err;
    }
    *ret_bytes = bytes;
    *ret_len = head.record_bytes;
    return KR_OK;
}

enum kr_err kr_store_record_purge(struct kr_txn *txn, uint64_t arrival, struct kr_slice header_only)
{
    struct kr_head head;
    uint8_t scratch[KR_HEAD_SCRATCH];
    if (header_only.len > KR_RECORD_BYTES_MAX) {
        return KR_BOUNDS;
    }
    enum kr_err err = kr_store_head_get(txn, arrival, &head, scratch);
    if (err != KR_OK && (err != KR_CORRUPT || header_only.len > 0)) {
        return err;
    }
    if (err == KR_OK) { /* what a damaged head held nobody knows */
        kr_state_count(txn, &head, false);
    }
    err = log_delete(txn, arrival);
    if (err == KR_OK && header_only.len > 0) {
        head.state = KR_HEAD_HEADER_ONLY;
        head.record_bytes = (uint32_t)header_only.len;
        head.title = (struct kr_slice){0}; /* these two are of the content */
        head.severity = 0;
        err = log_put(txn, &head, header_only, 0);
    } else if (err == KR_OK) {
        txn->state.records--;
        txn->state_changed = true;
    }
    if (err == KR_OK) {
        err = kr_dead_mark(txn, arrival);
    }
    return kr_txn_fail(txn, err);
}
