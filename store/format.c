/* Which format a store has, and how an older one becomes today's. */
#include <string.h>

#include "store/fresh.h"
#include "store/internal.h"
#include "store/runs.h"

#define FORMAT_KEY kr_slice_of("format", 6)
#define KEYS_KEY   kr_slice_of("keys", 4)

/* The number stands in the open as well, so that every later program can say why it cannot read a store. */
enum kr_err kr_format_put(struct kr_txn *txn, uint32_t format)
{
    uint8_t number[4], *row = NULL;
    kr_put_be(number, format, sizeof number);
    enum kr_err err = kr_row_reserve(txn, KR_DBI_META, FORMAT_KEY, sizeof number * 2 + KR_SEALED_BYTES, 0, &row);
    if (err == KR_OK) {
        memcpy(row, number, sizeof number);
        kr_value_seal(txn->store, KR_DBI_META, FORMAT_KEY, kr_slice_of(number, sizeof number), row + sizeof number);
    }
    return err;
}

enum kr_err kr_format_get(struct kr_txn *txn, uint32_t *ret_format)
{
    struct kr_slice row = {0};
    uint8_t sealed[4];
    size_t len = 0;
    enum kr_err err = kr_row_get(txn, KR_DBI_META, FORMAT_KEY, &row);
    if (err != KR_OK) {
        return err;
    }
    if (row.len != sizeof sealed * 2 + KR_SEALED_BYTES) {
        return KR_CORRUPT;
    }
    err = kr_value_open(txn->store, KR_DBI_META, FORMAT_KEY, kr_slice_of(row.bytes + 4, row.len - 4), sealed, sizeof sealed, &len);
    if (err == KR_OK && memcmp(sealed, row.bytes, sizeof sealed) != 0) {
        err = KR_CORRUPT;
    }
    if (err == KR_OK) {
        *ret_format = (uint32_t)kr_get_be(sealed, sizeof sealed);
    }
    return err;
}

static void term_key_mark(const struct kr_store *store, const struct kr_storage_key *storage, uint8_t ret_mark[static 32])
{
    kr_hash_keyed(ret_mark, 32, storage->key, "kairan store term key", store->keys->term, 32);
}

/* KR_CORRUPT where it was made with other keys. */
static enum kr_err check_keys(struct kr_txn *txn, const struct kr_storage_key *storage)
{
    struct kr_slice sealed = {0};
    uint8_t mark[32], found[32];
    size_t len = 0;
    enum kr_err err = kr_row_get(txn, KR_DBI_META, KEYS_KEY, &sealed);
    if (err == KR_OK) {
        err = kr_value_open_under(storage, KR_DBI_META, KEYS_KEY, sealed, found, sizeof found, &len);
    }
    if (err != KR_OK) {
        return err == KR_BOUNDS ? KR_CORRUPT : err;
    }
    term_key_mark(txn->store, storage, mark);
    return len == sizeof mark && memcmp(mark, found, sizeof mark) == 0 ? KR_OK : KR_CORRUPT;
}

static enum kr_err put_keys(struct kr_txn *txn)
{
    uint8_t mark[32];
    term_key_mark(txn->store, &txn->store->keys->now, mark);
    return kr_value_put(txn, KR_DBI_META, KEYS_KEY, kr_slice_of(mark, sizeof mark), 0);
}

enum kr_err kr_format_reseal(struct kr_txn *txn)
{
    uint32_t format = 0;
    enum kr_err err = kr_format_get(txn, &format);
    if (err == KR_OK) {
        err = kr_format_put(txn, format);
    }
    return err == KR_OK ? put_keys(txn) : err;
}

enum kr_err kr_format_is_resealed(struct kr_txn *txn, bool *ret_is)
{
    const enum kr_err err = check_keys(txn, &txn->store->keys->now);
    if (err == KR_OK || err == KR_CORRUPT) {
        *ret_is = err == KR_OK;
        return KR_OK;
    }
    return err;
}

static bool is_under_way(uint64_t format)
{
    return format == KR_FORMAT_UNDER_WAY || format == KR_FORMAT_UNDER_WAY_OLD;
}

enum kr_err kr_format_check(struct kr_txn *txn, struct kr_error *error)
{
    struct kr_slice row = {0};
    uint32_t format = 0;
    enum kr_err err = kr_row_get(txn, KR_DBI_META, FORMAT_KEY, &row);
    if (err == KR_NOT_FOUND) {
        return kr_row_count(txn, KR_DBI_META) == 0
                   ? KR_OK
                   : kr_fail(error, KR_CORRUPT, "the store in %s does not say its format: restore it from a backup",
                             txn->store->path);
    }
    if (err != KR_OK) {
        return err;
    }
    if (row.len >= 4 && kr_get_be(row.bytes, 4) > KR_STORE_FORMAT && !is_under_way(kr_get_be(row.bytes, 4))) {
        return kr_fail(
            error, KR_VERSION,
            "the store in %s has format %llu, this program knows formats up to %u: install the newer program, or restore "
            "a backup from before the upgrade",
            txn->store->path, (unsigned long long)kr_get_be(row.bytes, 4), (unsigned)KR_STORE_FORMAT);
    }
    err = kr_format_get(txn, &format);
    if (err == KR_OK && format == 0) {
        err = KR_CORRUPT;
    }
    if (err == KR_OK) {
        const struct kr_store_keys *keys = txn->store->keys;
        err = check_keys(txn, &keys->now);
        err = err == KR_CORRUPT && keys->has_old ? check_keys(txn, &keys->old) : err;
    }
    if (err == KR_CORRUPT || err == KR_NOT_FOUND) {
        return kr_fail(error, KR_CORRUPT,
                       "the store in %s was not made with the keys of this keyring: use the keyring that belongs to it",
                       txn->store->path);
    }
    return err;
}

static enum kr_err fill_new(struct kr_txn *txn)
{
    enum kr_err err = put_keys(txn);
    if (err == KR_OK) {
        err = kr_prefixes_make(txn);
    }
    txn->state.next_arrival = 1;
    txn->state_changed = true;
    return err == KR_OK ? kr_format_put(txn, KR_STORE_FORMAT) : err;
}

enum kr_err kr_format_upgrade(struct kr_txn *txn, struct kr_error *error)
{
    uint32_t format = 0;
    bool goes_on = false;
    enum kr_err err = kr_format_get(txn, &format);
    if (err == KR_NOT_FOUND) {
        return fill_new(txn);
    }
    if (err != KR_OK || format == KR_STORE_FORMAT) {
        return err;
    }
    if (is_under_way(format)) {
        txn->fresh_saved = kr_fresh_count(txn->runs->fresh);
        txn->store->is_under_way = true;
        return KR_OK;
    }
    err = kr_upgrade(txn, format, &goes_on);
    if (err != KR_OK) {
        return kr_fail(
            error, err,
            "cannot bring the store in %s from format %u to %u: %s. It is as it was: let the program that wrote it verify "
            "it, or restore it from a backup",
            txn->store->path, (unsigned)format, (unsigned)KR_STORE_FORMAT, kr_err_text(err));
    }
    txn->store->is_under_way = goes_on;
    return kr_format_put(txn, goes_on ? KR_FORMAT_UNDER_WAY : KR_STORE_FORMAT);
}
