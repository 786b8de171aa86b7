#include "crypto/hash.h"

#include <string.h>

#include "crypto/err.h"

_Static_assert(KR_TERM_BYTES >= crypto_generichash_BYTES_MIN, "a term is a BLAKE2b hash");
_Static_assert(KR_SEED_BYTES == crypto_stream_xchacha20_KEYBYTES, "the seed is the key of the stream");

/* libsodium's BLAKE2b fails only for lengths out of range, which all callers here fix. */
static void hash_init(crypto_generichash_state *state, const uint8_t *key, size_t key_len, size_t out_len, const char *domain)
{
    int failed = crypto_generichash_init(state, key, key_len, out_len);
    KR_ASSERT(failed == 0);
    (void)crypto_generichash_update(state, (const unsigned char *)domain, strlen(domain));
}

void kr_hash_init(struct kr_hash_state *state, const char *domain)
{
    hash_init(&state->inner, NULL, 0, KR_HASH_BYTES, domain);
}

void kr_hash_update(struct kr_hash_state *state, const void *bytes, size_t len)
{
    if (len > 0) {
        (void)crypto_generichash_update(&state->inner, bytes, len);
    }
}

void kr_hash_final(struct kr_hash_state *state, uint8_t ret_hash[static KR_HASH_BYTES])
{
    int failed = crypto_generichash_final(&state->inner, ret_hash, KR_HASH_BYTES);
    KR_ASSERT(failed == 0);
}

void kr_hash(uint8_t ret_hash[static KR_HASH_BYTES], const char *domain, const void *bytes, size_t len)
{
    struct kr_hash_state state;
    kr_hash_init(&state, domain);
    kr_hash_update(&state, bytes, len);
    kr_hash_final(&state, ret_hash);
}

void kr_hash_keyed(uint8_t *ret_out, size_t out_len, const uint8_t key[static 32], const char *domain, const void *bytes,
                   size_t len)
{
    KR_ASSERT(out_len >= crypto_generichash_BYTES_MIN && out_len <= crypto_generichash_BYTES_MAX);
    struct kr_hash_state state;
    hash_init(&state.inner, key, 32, out_len, domain);
    kr_hash_update(&state, bytes, len);
    int failed = crypto_generichash_final(&state.inner, ret_out, out_len);
    KR_ASSERT(failed == 0);
    sodium_memzero(&state, sizeof state);
}

void kr_hash_short(uint8_t ret_short[static KR_SHORT_BYTES], const uint8_t key[static KR_SHORT_KEY_BYTES], const void *bytes,
                   size_t len)
{
    _Static_assert(crypto_shorthash_BYTES == KR_SHORT_BYTES && crypto_shorthash_KEYBYTES == KR_SHORT_KEY_BYTES, "SipHash-2-4");
    (void)crypto_shorthash(ret_short, bytes, len, key);
}

void kr_term(uint8_t ret_term[static KR_TERM_BYTES], const uint8_t term_key[static 32], uint32_t generation, uint8_t type,
             const void *normal, size_t len)
{
    const uint8_t prefix[5] = {(uint8_t)(generation >> 24), (uint8_t)(generation >> 16), (uint8_t)(generation >> 8),
                               (uint8_t)generation, type};
    struct kr_hash_state state;
    hash_init(&state.inner, term_key, 32, KR_TERM_BYTES, "");
    kr_hash_update(&state, prefix, sizeof prefix);
    kr_hash_update(&state, normal, len);
    int failed = crypto_generichash_final(&state.inner, ret_term, KR_TERM_BYTES);
    KR_ASSERT(failed == 0);
    sodium_memzero(&state, sizeof state);
}

void kr_rng_init(struct kr_rng *rng, const uint8_t seed[static KR_SEED_BYTES])
{
    memcpy(rng->seed, seed, KR_SEED_BYTES);
    rng->counter = 0;
}

/* Each call has a nonce of its own, so that no two calls overlap however long they are. */
void kr_rng_bytes(struct kr_rng *rng, void *ret_bytes, size_t len)
{
    uint8_t nonce[crypto_stream_xchacha20_NONCEBYTES] = {0};
    for (size_t i = 0; i < 8; i++) {
        nonce[i] = (uint8_t)(rng->counter >> (8 * (7 - i)));
    }
    rng->counter++;
    if (len > 0) {
        (void)crypto_stream_xchacha20(ret_bytes, len, nonce, rng->seed);
    }
}

uint64_t kr_rng_below(struct kr_rng *rng, uint64_t bound)
{
    KR_ASSERT(bound > 0);
    /* 2^64 mod bound: the numbers below it would come up once more often than the rest. */
    uint64_t biased = (0 - bound) % bound;
    uint64_t number = 0;
    do {
        uint8_t bytes[8];
        kr_rng_bytes(rng, bytes, sizeof bytes);
        number = 0;
        for (size_t i = 0; i < sizeof bytes; i++) {
            number = number << 8 | bytes[i];
        }
    } while (number < biased);
    return number % bound;
}
