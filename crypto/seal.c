#include "crypto/seal.h"

#include <sodium.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/limits.h"

_Static_assert(KR_SLOT_BYTES == KR_CONTENT_KEY_BYTES + crypto_box_SEALBYTES, "a slot is a sealed box of a content key");
_Static_assert(KR_AEAD_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES, "the tag of XChaCha20-Poly1305");
_Static_assert(KR_NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "the nonce of XChaCha20-Poly1305");

void kr_box_keypair(uint8_t ret_public[static 32], uint8_t ret_secret[static 32], const uint8_t seed[static 32])
{
    (void)crypto_box_seed_keypair(ret_public, ret_secret, seed);
}

enum kr_err kr_box_public_of_sign(uint8_t ret_public[static 32], const uint8_t sign_public[static 32])
{
    return crypto_sign_ed25519_pk_to_curve25519(ret_public, sign_public) == 0 ? KR_OK : KR_KEY;
}

void kr_box_secret_of_sign(uint8_t ret_secret[static 32], const uint8_t sign_secret[static 64])
{
    (void)crypto_sign_ed25519_sk_to_curve25519(ret_secret, sign_secret);
}

void kr_hint(uint8_t ret_hint[static KR_HINT_BYTES], const uint8_t public_key[static 32])
{
    uint8_t hash[KR_HASH_BYTES];
    kr_hash(hash, "kairan sealing key hint", public_key, 32);
    memcpy(ret_hint, hash, KR_HINT_BYTES);
}

/* crypto_box_seal draws its ephemeral key pair itself; the rest of what it does is public (libsodium, "Sealed boxes"). */
enum kr_err kr_slot_seal(uint8_t ret_slot[static KR_SLOT_BYTES], const uint8_t content_key[static 32],
                         const uint8_t recipient_public[static 32], const uint8_t seed[static 32])
{
    uint8_t keys[64]; /* ephemeral public ‖ recipient public: what the nonce is made of */
    uint8_t secret[32], nonce[crypto_box_NONCEBYTES], box[crypto_box_MACBYTES + KR_CONTENT_KEY_BYTES];
    enum kr_err err = KR_KEY;

    kr_box_keypair(keys, secret, seed);
    memcpy(keys + 32, recipient_public, 32);
    (void)crypto_generichash(nonce, sizeof nonce, keys, sizeof keys, NULL, 0);
    if (crypto_box_easy(box, content_key, KR_CONTENT_KEY_BYTES, nonce, recipient_public, secret) != 0) {
        goto out;
    }
    memcpy(ret_slot, keys, 32);
    memcpy(ret_slot + 32, box, sizeof box);
    err = KR_OK;
out:
    sodium_memzero(secret, sizeof secret);
    return err;
}

enum kr_err kr_slot_open(uint8_t ret_content_key[static 32], const uint8_t slot[static KR_SLOT_BYTES],
                         const uint8_t recipient_public[static 32], const uint8_t recipient_secret[static 32])
{
    uint8_t key[KR_CONTENT_KEY_BYTES];
    enum kr_err err = KR_DECRYPT;
    if (crypto_box_seal_open(key, slot, KR_SLOT_BYTES, recipient_public, recipient_secret) == 0) {
        memcpy(ret_content_key, key, sizeof key);
        err = KR_OK;
    }
    sodium_memzero(key, sizeof key);
    return err;
}

void kr_commitment(uint8_t ret_commitment[static 32], const uint8_t content_key[static 32])
{
    kr_hash(ret_commitment, "kairan content key", content_key, KR_CONTENT_KEY_BYTES);
}

/* Classes 1 to 20 are 2^k and 1.5 * 2^k for k from 8 to 17; the last one is what a record has room for. */
#define PAD_CLASS_LAST 21u

_Static_assert(KR_BODY_CLASS_BYTES_MAX > 192u * KR_KIB && KR_BODY_CLASS_BYTES_MAX < 256u * KR_KIB, "the last class is 21");

size_t kr_pad_class_bytes(uint32_t pad_class)
{
    if (pad_class == 0 || pad_class > PAD_CLASS_LAST) {
        return 0;
    }
    if (pad_class == PAD_CLASS_LAST) {
        return KR_BODY_CLASS_BYTES_MAX;
    }
    size_t power = (size_t)256 << ((pad_class - 1) / 2);
    return pad_class % 2 == 1 ? power : power + power / 2;
}

uint32_t kr_pad_class(size_t body_len)
{
    for (uint32_t pad_class = 1; pad_class <= PAD_CLASS_LAST; pad_class++) {
        if (body_len <= kr_pad_class_bytes(pad_class) - 4) {
            return pad_class;
        }
    }
    return 0;
}

void kr_aead_seal(uint8_t *ret, const uint8_t *bytes, size_t len, const void *ad, size_t ad_len, const uint8_t nonce[static 24],
                  const uint8_t key[static 32])
{
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(ret, NULL, bytes, len, ad, ad_len, NULL, nonce, key);
}

enum kr_err kr_aead_open(uint8_t *ret, const uint8_t *bytes, size_t len, const void *ad, size_t ad_len,
                         const uint8_t nonce[static 24], const uint8_t key[static 32])
{
    if (len < KR_AEAD_BYTES) {
        return KR_DECRYPT;
    }
    /* libsodium wipes the output where the tag is wrong, which would be the caller's ciphertext when opened in place. Without an
     * output it only checks the tag; the stream, from block 1 on (RFC 8439, section 2.8), is then the other half of the work. */
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(NULL, NULL, NULL, bytes, len, ad, ad_len, nonce, key) != 0) {
        return KR_DECRYPT;
    }
    (void)crypto_stream_xchacha20_xor_ic(ret, bytes, len - KR_AEAD_BYTES, nonce, 1, key);
    return KR_OK;
}
