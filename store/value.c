#include "store/internal.h"

#include <string.h>

#include "crypto/seal.h"

_Static_assert(KR_SEALED_BYTES == KR_NONCE_BYTES + KR_AEAD_BYTES, "a sealed value is nonce, ciphertext, tag");

/* Each table has a key of its own, so that a row cannot be moved between tables; its place in the table is the associated data. */
void kr_storage_key_derive(struct kr_storage_key *ret_key, const uint8_t key[static 32])
{
    memcpy(ret_key->key, key, sizeof ret_key->key);
    for (uint32_t dbi = 0; dbi < KR_DBI_RUN; dbi++) {
        char buffer[16];
        const char *name = kr_dbi_name(dbi, buffer);
        kr_hash_keyed(ret_key->table[dbi], 32, key, "kairan store table", name, strlen(name));
    }
}

void kr_tag_keys_derive(struct kr_store_keys *keys, const struct kr_storage_key *first)
{
    uint8_t tag[32]; /* the hash has always been so long, and another length would be another hash */
    kr_hash_keyed(tag, sizeof tag, first->key, "kairan store short tags", NULL, 0);
    memcpy(keys->tag, tag, sizeof keys->tag);
    sodium_memzero(tag, sizeof tag);
    kr_hash_keyed(keys->old_tag, sizeof keys->old_tag, first->key, "kairan store tags", NULL, 0);
}

enum kr_err kr_open_apart(uint8_t *ret, struct kr_slice sealed, struct kr_slice bound, const uint8_t nonce[static 24],
                          const uint8_t key[static 32])
{
    return crypto_aead_xchacha20poly1305_ietf_decrypt(ret, NULL, NULL, sealed.bytes, sealed.len, bound.bytes, bound.len, nonce,
                                                      key) == 0
               ? KR_OK
               : KR_CORRUPT;
}

void kr_value_seal(struct kr_store *store, uint32_t dbi, struct kr_slice key, struct kr_slice value, uint8_t *ret)
{
    kr_rng_bytes(&store->rng, ret, KR_NONCE_BYTES);
    kr_aead_seal(ret + KR_NONCE_BYTES, value.bytes, value.len, key.bytes, key.len, ret, store->keys->now.table[dbi]);
}

enum kr_err kr_value_put(struct kr_txn *txn, uint32_t dbi, struct kr_slice key, struct kr_slice value, unsigned flags)
{
    uint8_t *sealed = NULL;
    enum kr_err err = kr_row_reserve(txn, dbi, key, value.len + KR_SEALED_BYTES, flags, &sealed);
    if (err == KR_OK) {
        kr_value_seal(txn->store, dbi, key, value, sealed);
    }
    return err;
}

enum kr_err kr_value_open_under(const struct kr_storage_key *storage, uint32_t dbi, struct kr_slice key, struct kr_slice sealed,
                                uint8_t *ret_value, size_t size, size_t *ret_len)
{
    if (sealed.len < KR_SEALED_BYTES) {
        return KR_CORRUPT;
    }
    size_t len = sealed.len - KR_SEALED_BYTES;
    if (len > size) {
        return KR_BOUNDS;
    }
    enum kr_err err = kr_open_apart(ret_value, kr_slice_of(sealed.bytes + KR_NONCE_BYTES, sealed.len - KR_NONCE_BYTES), key,
                                    sealed.bytes, storage->table[dbi]);
    if (err == KR_OK) {
        *ret_len = len;
    }
    return err;
}

/* A row may be under either key, and only trying tells: nonces are random. */
enum kr_err kr_value_open(const struct kr_store *store, uint32_t dbi, struct kr_slice key, struct kr_slice sealed,
                          uint8_t *ret_value, size_t size, size_t *ret_len)
{
    const struct kr_store_keys *keys = store->keys;
    enum kr_err err = kr_value_open_under(&keys->now, dbi, key, sealed, ret_value, size, ret_len);
    return err == KR_CORRUPT && keys->has_old ? kr_value_open_under(&keys->old, dbi, key, sealed, ret_value, size, ret_len) : err;
}

enum kr_err kr_value_get(struct kr_txn *txn, uint32_t dbi, struct kr_slice key, uint8_t *ret_value, size_t size, size_t *ret_len)
{
    struct kr_slice sealed = {0};
    enum kr_err err = kr_row_get(txn, dbi, key, &sealed);
    if (err != KR_OK) {
        return err;
    }
    return kr_value_open(txn->store, dbi, key, sealed, ret_value, size, ret_len);
}

enum kr_err kr_value_get_fixed(struct kr_txn *txn, uint32_t dbi, struct kr_slice key, uint8_t *ret_value, size_t len)
{
    struct kr_slice sealed = {0};
    enum kr_err err = kr_row_get(txn, dbi, key, &sealed);
    if (err != KR_OK) {
        return err;
    }
    if (sealed.len != len + KR_SEALED_BYTES) {
        return KR_CORRUPT;
    }
    return kr_value_open(txn->store, dbi, key, sealed, ret_value, len, &len);
}

/* SipHash-2-4 is made for just this, a short tag over a short row, and takes a tenth of what BLAKE2b takes. */
void kr_tag(const struct kr_store *store, const char *what, struct kr_slice key, uint8_t ret_tag[static KR_TAG_BYTES])
{
    uint8_t bytes[64];
    const size_t what_len = strlen(what);
    KR_ASSERT(what_len + key.len <= sizeof bytes);
    memcpy(bytes, what, what_len);
    memcpy(bytes + what_len, key.bytes, key.len);
    (void)crypto_shorthash_siphash24(ret_tag, bytes, what_len + key.len, store->keys->tag);
}

/* Rows of the first two formats may bear BLAKE2b tags. */
static void old_tag(const struct kr_store *store, const char *what, struct kr_slice key, uint8_t ret_tag[static KR_TAG_BYTES])
{
    uint8_t hash[16];
    kr_hash_keyed(hash, sizeof hash, store->keys->old_tag, what, key.bytes, key.len);
    memcpy(ret_tag, hash, KR_TAG_BYTES);
}

bool kr_tag_matches(const struct kr_store *store, const char *what, struct kr_slice key, struct kr_slice tag)
{
    uint8_t right[KR_TAG_BYTES];
    if (tag.len != sizeof right || key.len > KR_INDEX_KEY_BYTES) {
        return false;
    }
    kr_tag(store, what, key, right);
    if (sodium_memcmp(tag.bytes, right, sizeof right) == 0) {
        return true;
    }
    old_tag(store, what, key, right);
    return sodium_memcmp(tag.bytes, right, sizeof right) == 0;
}
