/* Many terms of the blind index at once: the same as kr_term gives of each, at a fraction of its cost.
 *
 * A term is a keyed BLAKE2b (RFC 7693) of a few bytes, and half of the work is the block that the key fills. Here that is done once
 * for all, and what is left for up to eight side by side, in the lanes of a vector (ADR 0031). */
#ifndef KR_CRYPTO_TERM_H
#define KR_CRYPTO_TERM_H

#include "crypto/hash.h"

/* What is left of a key: as secret as the key itself. */
struct kr_term_maker {
    uint64_t h[8]; /* behind the block of the key */
    uint8_t key[32];
    uint32_t generation;
};
void kr_term_maker_init(struct kr_term_maker *maker, const uint8_t term_key[static 32], uint32_t generation);

struct kr_term_input {
    uint8_t type;
    const uint8_t *bytes; /* a normal form */
    size_t len;
};
/* `stride` bytes from one term to the next. */
void kr_terms(const struct kr_term_maker *maker, const struct kr_term_input *inputs, size_t count, uint8_t *ret_terms,
              size_t stride);

#endif
