/* The keyed hash that values and candidates are found by. Used within tools/scan only.
 *
 * The hash of a name is the sum of what its labels give, each by its place from the right, so that all parent domains fall out on
 * the way and no label waits for another. Bytes are folded with | 0x20, which makes letters lower-case and keeps all other
 * characters of words apart. One multiplication of 64 × 64 bits for up to 16 bytes (as wyhash has it), under a secret that each run
 * draws: whoever writes into a log cannot aim at collisions. */
#ifndef KR_TOOLS_SCAN_KEY_H
#define KR_TOOLS_SCAN_KEY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define KR_KEY_FOLD 0x2020202020202020u
#define KR_KEY_MIX  0x9e3779b97f4a7c15u

struct kr_key {
    uint64_t a, b;          /* of each step */
    uint64_t name, flat;    /* long labels; IPv4 addresses */
    uint64_t email, binary; /* e-mail addresses; URLs and binary keys */
};

__extension__ typedef unsigned __int128 kr_uint128;

static inline uint64_t kr_key_load(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* The top bit of each of eight bytes that is a dot. */
static inline uint64_t kr_key_dots(const uint8_t *at)
{
    const uint64_t low = 0x7f7f7f7f7f7f7f7fu, odd = kr_key_load(at) ^ 0x2e2e2e2e2e2e2e2eu;
    return ~(((odd & low) + low) | odd | low);
}

static inline uint64_t kr_key_mix(uint64_t left, uint64_t right)
{
    const kr_uint128 product = (kr_uint128)left * right;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The up to 16 bytes (at least one) that end at `end`, as two words. Without branches: lengths of labels cannot be foretold. */
static inline uint64_t kr_key_bytes(uint64_t left, uint64_t right, const uint8_t *end, size_t len)
{
    const int64_t lacking = 8 - (int64_t)len; /* below zero where there are more than eight */
    const unsigned shift = 8 * (unsigned)(lacking & ~(lacking >> 63)) & 63;
    const uint64_t high = (kr_key_load(end - 8) | KR_KEY_FOLD) >> shift;
    const uint64_t low = (kr_key_load(end - len) | KR_KEY_FOLD) & (uint64_t)(lacking >> 63);
    return kr_key_mix(high ^ left, low ^ right ^ len * KR_KEY_MIX);
}

/* What the label of a name adds to its hash that ends at `end`; `place`: 0 for the last one, KR_KEY_PLACE more for each before it.
 * Eight bytes before `end` must be readable, whatever `len` is. Little-endian only, as everything that Debian runs on and we know
 * of. */
#define KR_KEY_PLACE 0xa0761d6478bd642fu
static inline uint64_t kr_key_label(const struct kr_key *key, uint64_t place, const uint8_t *end, size_t len)
{
    uint64_t more = 0;
    while (__builtin_expect(len > 16, 0)) {
        more += kr_key_mix((kr_key_load(end - 8) | KR_KEY_FOLD) ^ (key->a + place),
                           (kr_key_load(end - 16) | KR_KEY_FOLD) ^ key->name ^ len);
        end -= 16;
        len -= 16;
    }
    return more + kr_key_bytes(key->a + place, key->b, end, len);
}

/* Any bytes, under one of the other keys. */
static inline uint64_t kr_key_flat(const struct kr_key *key, uint64_t under, const uint8_t *end, size_t len)
{
    while (len > 16) {
        under = kr_key_mix((kr_key_load(end - 8) | KR_KEY_FOLD) ^ under, (kr_key_load(end - 16) | KR_KEY_FOLD) ^ key->name);
        end -= 16;
        len -= 16;
    }
    return kr_key_bytes(under, key->b, end, len);
}

static inline uint64_t kr_key_binary(const struct kr_key *key, uint64_t high, uint64_t low, unsigned prefix)
{
    return kr_key_mix(kr_key_mix(high ^ key->a, low ^ key->b) ^ key->binary, (prefix + 1u) * KR_KEY_MIX ^ key->name);
}

#endif
