/* Records: their bytes in chunks under a data key of their own, and the way from id to arrival. */
#include <stdlib.h>
#include <string.h>

#include "crypto/seal.h"
#include "store/internal.h"

#define CHUNK_PLAIN_BYTES ((size_t)KR_CHUNK_BYTES_MAX - KR_AEAD_BYTES)
#define ID_ENTRY_BYTES    44u
#define ID_PREFIX_MIN     4u

/* ---- ids ---- */

static enum kr_err id_decode(const uint8_t bytes[static ID_ENTRY_BYTES], struct kr_id_entry *ret_entry)
{
    ret_entry->arrival = kr_get_be(bytes, 8);
    ret_entry->record_bytes = (uint32_t)kr_get_be(bytes + 8, 4);
    memcpy(ret_entry->data_key, bytes + 12, 32);
    return ret_entry->record_bytes <= KR_RECORD_BYTES_MAX ? KR_OK : KR_CORRUPT;
}

enum kr_err kr_id_get(struct kr_txn *txn, const uint8_t id[static 32], struct kr_id_entry *ret_entry)
{
    uint8_t bytes[ID_ENTRY_BYTES];
    enum kr_err err = kr_value_get_fixed(txn, KR_DBI_IDS, kr_slice_of(id, 32), bytes, sizeof bytes);
    if (err == KR_OK) {
        err = id_decode(bytes, ret_entry);
    }
    sodium_memzero(bytes, sizeof bytes);
    return err;
}

static enum kr_err id_put(struct kr_txn *txn, const uint8_t id[static 32], const struct kr_id_entry *entry)
{
    uint8_t bytes[ID_ENTRY_BYTES];
    kr_put_be(bytes, entry->arrival, 8);
    kr_put_be(bytes + 8, entry->record_bytes, 4);
    memcpy(bytes + 12, entry->data_key, 32);
    enum kr_err err = kr_value_put(txn, KR_DBI_IDS, kr_slice_of(id, 32), kr_slice_of(bytes, sizeof bytes), 0);
    sodium_memzero(bytes, sizeof bytes);
    return err;
}

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

/* Under a fresh data key, which goes into `ids`. */
static enum kr_err log_put(struct kr_txn *txn, const uint8_t id[static 32], uint64_t arrival, struct kr_slice bytes, unsigned flags)
{
    struct kr_id_entry entry = {.arrival = arrival, .record_bytes = (uint32_t)bytes.len};
    struct chunk_names names;
    enum kr_err err = KR_OK;
    kr_rng_bytes(&txn->store->rng, entry.data_key, sizeof entry.data_key);
    size_t at = 0;
    for (uint32_t chunk = 0; at < bytes.len && err == KR_OK; chunk++) {
        size_t len = bytes.len - at < CHUNK_PLAIN_BYTES ? bytes.len - at : CHUNK_PLAIN_BYTES;
        uint8_t *sealed = NULL;
        name_chunk(&names, id, arrival, chunk);
        err = kr_row_reserve(txn, KR_DBI_LOG, kr_slice_of(names.key, sizeof names.key), len + KR_AEAD_BYTES, flags, &sealed);
        if (err == KR_OK) {
            kr_aead_seal(sealed, bytes.bytes + at, len, names.bound, sizeof names.bound, names.nonce, entry.data_key);
        }
        at += len;
    }
    if (err == KR_OK) {
        err = id_put(txn, id, &entry);
    }
    sodium_memzero(&entry, sizeof entry);
    return err;
}

enum kr_err kr_log_open(struct kr_txn *txn, const uint8_t id[static 32], const struct kr_id_entry *entry, uint8_t *ret)
{
    struct chunk_names names;
    size_t at = 0;
    for (uint32_t chunk = 0; at < entry->record_bytes; chunk++) {
        size_t len = entry->record_bytes - at < CHUNK_PLAIN_BYTES ? entry->record_bytes - at : CHUNK_PLAIN_BYTES;
        struct kr_slice sealed = {0};
        name_chunk(&names, id, entry->arrival, chunk);
        enum kr_err err = kr_row_get(txn, KR_DBI_LOG, kr_slice_of(names.key, sizeof names.key), &sealed);
        if (err != KR_OK) {
            return err == KR_NOT_FOUND ? KR_CORRUPT : err;
        }
        if (sealed.len != len + KR_AEAD_BYTES) {
            return KR_CORRUPT;
        }
        err = kr_open_apart(ret + at, sealed, kr_slice_of(names.bound, sizeof names.bound), names.nonce, entry->data_key);
        if (err != KR_OK) {
            return err;
        }
        at += len;
    }
    return KR_OK;
}

/* Goes by what stands in the log, not by the length, so that a damaged record can be dropped as well. */
static enum kr_err log_delete(struct kr_txn *txn, uint64_t arrival)
{
    uint8_t key[10];
    kr_put_be(key, arrival, 8);
    for (uint32_t chunk = 0; chunk <= KR_RECORD_BYTES_MAX / CHUNK_PLAIN_BYTES; chunk++) {
        kr_put_be(key + 8, chunk, 2);
        enum kr_err err = kr_row_delete(txn, KR_DBI_LOG, kr_slice_of(key, sizeof key));
        if (err != KR_OK && err != KR_NOT_FOUND) {
            return err;
        }
        if (err == KR_NOT_FOUND && chunk > 0) {
            break;
        }
    }
    return KR_OK;
}

/* ---- the contract ---- */

enum kr_err kr_store_record_put(struct kr_txn *txn, struct kr_head *head, struct kr_slice bytes)
{
    struct kr_slice ignored = {0};
    if (bytes.len == 0 || bytes.len > KR_RECORD_BYTES_MAX || head->audience_count > KR_AUDIENCE_MAX) {
        return KR_BOUNDS;
    }
    enum kr_err err = kr_row_get(txn, KR_DBI_IDS, kr_slice_of(head->id, 32), &ignored);
    if (err != KR_NOT_FOUND) {
        return err == KR_OK ? KR_EXISTS : err;
    }
    struct kr_head stored = *head;
    stored.arrival = txn->next_arrival;
    stored.record_bytes = (uint32_t)bytes.len;
    err = log_put(txn, head->id, stored.arrival, bytes, MDB_APPEND);
    if (err == KR_OK) {
        err = kr_head_put(txn, &stored, MDB_APPEND);
    }
    if (err == KR_OK) {
        err = kr_expiry_put(txn, stored.expires_s, stored.arrival);
    }
    if (err == KR_OK) {
        txn->next_arrival++;
        txn->arrival_changed = true;
        head->arrival = stored.arrival;
        head->record_bytes = stored.record_bytes;
    }
    return kr_txn_fail(txn, err);
}

enum kr_err kr_store_record_find(struct kr_txn *txn, const uint8_t id[static 32], uint64_t *ret_arrival)
{
    struct kr_id_entry entry;
    enum kr_err err = kr_id_get(txn, id, &entry);
    if (err == KR_OK) {
        *ret_arrival = entry.arrival;
        sodium_memzero(&entry, sizeof entry);
    }
    return err;
}

static bool begins_with(struct kr_slice key, const uint8_t *prefix, size_t len)
{
    return key.len >= len && memcmp(key.bytes, prefix, len) == 0;
}

enum kr_err kr_store_record_find_prefix(struct kr_txn *txn, const uint8_t *prefix, size_t len, uint64_t *ret_arrival)
{
    MDB_cursor *cursor = NULL;
    struct kr_slice key = kr_slice_of(prefix, len), value = {0}, next = {0};
    uint8_t id[32];
    if (len < ID_PREFIX_MIN || len > sizeof id) {
        return KR_INVALID;
    }
    enum kr_err err = kr_row_cursor(txn, KR_DBI_IDS, &cursor);
    if (err != KR_OK) {
        return err;
    }
    err = kr_row_move(txn, cursor, MDB_SET_RANGE, &key, &value);
    if (err == KR_OK && (key.len != sizeof id || !begins_with(key, prefix, len))) {
        err = KR_NOT_FOUND;
    }
    if (err != KR_OK) {
        goto out;
    }
    memcpy(id, key.bytes, sizeof id);
    err = kr_row_move(txn, cursor, MDB_NEXT, &next, &value);
    if (err == KR_OK && begins_with(next, prefix, len)) {
        err = KR_EXISTS;
    } else if (err == KR_OK || err == KR_NOT_FOUND) {
        err = kr_store_record_find(txn, id, ret_arrival);
    }
out:
    mdb_cursor_close(cursor);
    return err;
}

enum kr_err kr_store_record_get(struct kr_txn *txn, uint64_t arrival, uint8_t **ret_bytes, size_t *ret_len)
{
    struct kr_head head;
    struct kr_id_entry entry = {0};
    uint8_t *bytes = NULL, scratch[KR_HEAD_SCRATCH];
    enum kr_err err = kr_store_head_get(txn, arrival, &head, scratch);
    if (err != KR_OK) {
        return err;
    }
    err = kr_id_get(txn, head.id, &entry);
    if (err == KR_NOT_FOUND || (err == KR_OK && entry.arrival != arrival)) {
        err = KR_CORRUPT;
    }
    if (err != KR_OK) {
        goto out;
    }
    bytes = malloc(entry.record_bytes + 1u);
    if (bytes == NULL) {
        err = KR_NOMEM;
        goto out;
    }
    err = kr_log_open(txn, head.id, &entry, bytes);
    if (err == KR_OK) {
        *ret_bytes = bytes;
        *ret_len = entry.record_bytes;
        bytes = NULL;
    }
out:
    sodium_memzero(&entry, sizeof entry);
    free(bytes);
    return err;
}

static enum kr_err unless_missing(enum kr_err err)
{
    return err == KR_NOT_FOUND ? KR_OK : err;
}

static enum kr_err delete_all(struct kr_txn *txn, const struct kr_head *head)
{
    enum kr_err err = unless_missing(kr_row_delete(txn, KR_DBI_IDS, kr_slice_of(head->id, 32)));
    if (err == KR_OK) {
        err = unless_missing(kr_expiry_delete(txn, head->expires_s, head->arrival));
    }
    return err == KR_OK ? kr_head_delete(txn, head->arrival) : err;
}

/* The next id, from `*id` on, that leads to the arrival, or that cannot be read and so leads nowhere. */
static enum kr_err find_id_of(struct kr_txn *txn, uint64_t arrival, uint8_t id[static 32])
{
    MDB_cursor *cursor = NULL;
    struct kr_slice key = kr_slice_of(id, 32), value = {0};
    enum kr_err err = kr_row_cursor(txn, KR_DBI_IDS, &cursor);
    if (err != KR_OK) {
        return err;
    }
    err = kr_row_move(txn, cursor, MDB_SET_RANGE, &key, &value);
    while (err == KR_OK) {
        struct kr_id_entry entry = {0};
        if (key.len == 32 && (kr_id_get(txn, key.bytes, &entry) != KR_OK || entry.arrival == arrival)) {
            sodium_memzero(&entry, sizeof entry);
            memcpy(id, key.bytes, 32);
            break;
        }
        err = kr_row_move(txn, cursor, MDB_NEXT, &key, &value);
    }
    mdb_cursor_close(cursor);
    return err;
}

/* A record whose head is damaged: what belongs to it has to be looked for. Slow, rare, and the only way to fetch it anew. */
static enum kr_err delete_damaged(struct kr_txn *txn, uint64_t arrival)
{
    uint8_t id[32] = {0};
    enum kr_err err = KR_OK;
    while (err == KR_OK) {
        err = find_id_of(txn, arrival, id);
        if (err == KR_OK) {
            err = kr_row_delete(txn, KR_DBI_IDS, kr_slice_of(id, sizeof id));
        }
    }
    err = unless_missing(err);
    if (err == KR_OK) {
        err = unless_missing(kr_expiry_delete_unknown(txn, arrival));
    }
    return err == KR_OK ? kr_head_delete(txn, arrival) : err;
}

static enum kr_err keep_header(struct kr_txn *txn, struct kr_head *head, struct kr_slice header_only)
{
    head->state = KR_HEAD_HEADER_ONLY;
    head->record_bytes = (uint32_t)header_only.len;
    enum kr_err err = log_put(txn, head->id, head->arrival, header_only, 0);
    return err == KR_OK ? kr_head_put(txn, head, 0) : err;
}

enum kr_err kr_store_record_purge(struct kr_txn *txn, uint64_t arrival, struct kr_slice header_only)
{
    struct kr_head head;
    uint8_t scratch[KR_HEAD_SCRATCH];
    if (header_only.len > KR_RECORD_BYTES_MAX) {
        return KR_BOUNDS;
    }
    enum kr_err err = kr_store_head_get(txn, arrival, &head, scratch);
    bool is_damaged = err == KR_CORRUPT && header_only.len == 0;
    if (err != KR_OK && !is_damaged) {
        return err;
    }
    err = log_delete(txn, arrival);
    if (err == KR_OK) {
        err = header_only.len > 0 ? keep_header(txn, &head, header_only)
              : is_damaged        ? delete_damaged(txn, arrival)
                                  : delete_all(txn, &head);
    }
    if (err == KR_OK) {
        err = kr_dead_mark(txn, arrival);
    }
    return kr_txn_fail(txn, err);
}
