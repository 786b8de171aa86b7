/* Hashing: BLAKE2b-256 (RFC 7693) with a domain string in front, keyed terms, and the seeded generator of the core. */
#ifndef KR_CRYPTO_HASH_H
#define KR_CRYPTO_HASH_H

#include <sodium.h>
#include <stddef.h>
#include <stdint.h>

#define KR_HASH_BYTES 32
#define KR_TERM_BYTES 16
#define KR_SEED_BYTES 32

struct kr_hash_state {
    crypto_generichash_state inner;
};

/* hash = BLAKE2b-256(domain without its NUL ‖ parts…). Cannot fail. No domain may be the beginning of another, and parts of
 * varying length need their length in front: else two meanings have one hash. */
void kr_hash_init(struct kr_hash_state *state, const char *domain);
void kr_hash_update(struct kr_hash_state *state, const void *bytes, size_t len);
void kr_hash_final(struct kr_hash_state *state, uint8_t ret_hash[static KR_HASH_BYTES]);
/* All of it for one part. */
void kr_hash(uint8_t ret_hash[static KR_HASH_BYTES], const char *domain, const void *bytes, size_t len);
/* The same keyed with a 32-byte key; `out_len` 16 to 64 (each length gives unrelated bytes). */
void kr_hash_keyed(uint8_t *ret_out, size_t out_len, const uint8_t key[static 32], const char *domain, const void *bytes,
                   size_t len);

/* SipHash-2-4 (Aumasson, Bernstein, INDOCRYPT 2012), 8 bytes as the paper writes them: short names for what both know, which nobody
 * else can make collide as long as the key is secret. */
#define KR_SHORT_BYTES     8u
#define KR_SHORT_KEY_BYTES 16u
void kr_hash_short(uint8_t ret_short[static KR_SHORT_BYTES], const uint8_t key[static KR_SHORT_KEY_BYTES], const void *bytes,
                   size_t len);

/* A term of the blind index: BLAKE2b-128 keyed by the store's term key over (generation BE32 ‖ type byte ‖ normal form).
 * Without the key neither indicators nor guesses can be tested. */
void kr_term(uint8_t ret_term[static KR_TERM_BYTES], const uint8_t term_key[static 32], uint32_t generation, uint8_t type,
             const void *normal, size_t len);

/* The only source of randomness of the core: a stream of XChaCha20-quality bytes from a seed and a counter.
 * Same seed, same calls, same bytes. Not for use by two threads at once. */
struct kr_rng {
    uint8_t seed[KR_SEED_BYTES];
    uint64_t counter;
};
void kr_rng_init(struct kr_rng *rng, const uint8_t seed[static KR_SEED_BYTES]);
void kr_rng_bytes(struct kr_rng *rng, void *ret_bytes, size_t len);
uint64_t kr_rng_below(struct kr_rng *rng, uint64_t bound); /* 0 … bound-1, unbiased; bound > 0 */

#endif
