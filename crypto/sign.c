#include "crypto/sign.h"

#include <sodium.h>
#include <string.h>

void kr_sign_keypair(uint8_t ret_public[static 32], uint8_t ret_secret[static 64], const uint8_t seed[static 32])
{
    (void)crypto_sign_seed_keypair(ret_public, ret_secret, seed);
}

bool kr_sign_is_pair(const uint8_t public_key[static 32], const uint8_t secret[static 64])
{
    uint8_t fresh_public[32], fresh_secret[64];
    kr_sign_keypair(fresh_public, fresh_secret, secret);
    const bool is_pair = sodium_memcmp(fresh_public, public_key, 32) == 0 && sodium_memcmp(fresh_secret, secret, 64) == 0;
    sodium_memzero(fresh_secret, sizeof fresh_secret);
    return is_pair;
}

/* Ed25519 reads its message twice, so that domain and message must lie behind each other. */
static size_t join(uint8_t *buffer, const char *domain, const void *msg, size_t len)
{
    size_t domain_len = strlen(domain);
    KR_ASSERT(domain_len <= KR_SIGN_DOMAIN_BYTES_MAX);
    memcpy(buffer, domain, domain_len);
    if (len > 0) {
        memcpy(buffer + domain_len, msg, len);
    }
    return domain_len + len;
}

void kr_sign(uint8_t ret_signature[static 64], const uint8_t secret[static 64], const char *domain, const void *msg, size_t len)
{
    KR_ASSERT(len <= KR_SIGN_MSG_BYTES_MAX);
    uint8_t buffer[KR_SIGN_DOMAIN_BYTES_MAX + KR_SIGN_MSG_BYTES_MAX];
    size_t total = join(buffer, domain, msg, len);
    (void)crypto_sign_detached(ret_signature, NULL, buffer, total, secret);
}

enum kr_err kr_verify(const uint8_t signature[static 64], const uint8_t public_key[static 32], const char *domain, const void *msg,
                      size_t len)
{
    if (len > KR_SIGN_MSG_BYTES_MAX) {
        return KR_SIGNATURE;
    }
    uint8_t buffer[KR_SIGN_DOMAIN_BYTES_MAX + KR_SIGN_MSG_BYTES_MAX];
    size_t total = join(buffer, domain, msg, len);
    return crypto_sign_verify_detached(signature, buffer, total, public_key) == 0 ? KR_OK : KR_SIGNATURE;
}

enum kr_err kr_sign_public_check(const uint8_t public_key[static 32])
{
    /* The group order minus one, little-endian (RFC 8032, section 5.1). */
    static const uint8_t order_minus_one[32] = {0xec, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                                0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
    if (crypto_core_ed25519_is_valid_point(public_key) != 1) {
        return KR_KEY;
    }
    /* libsodium 1.0.18 as released takes a point plus the point of order two for valid (CVE-2025-69277; distributions patch it).
     * So we ask ourselves too: (order - 1) * P is -P, which differs from P in its sign bit only, just where order * P is zero. */
    uint8_t product[32];
    if (crypto_scalarmult_ed25519_noclamp(product, order_minus_one, public_key) != 0) {
        return KR_KEY;
    }
    product[31] ^= 0x80;
    return sodium_memcmp(product, public_key, sizeof product) == 0 ? KR_OK : KR_KEY;
}

enum kr_err kr_box_public_check(const uint8_t public_key[static 32])
{
    /* X25519 multiplies by a multiple of eight, which takes every point of low order, of curve and twist and however encoded, to
     * zero; libsodium reports that. Any scalar will do. */
    static const uint8_t scalar[32] = {8, [31] = 0x40};
    uint8_t product[32];
    return crypto_scalarmult_curve25519(product, scalar, public_key) == 0 ? KR_OK : KR_KEY;
}
