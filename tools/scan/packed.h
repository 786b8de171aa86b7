/* How values lie in a sieve's arena. Used by sieve.c and seal.c only. */
#ifndef KR_TOOLS_SCAN_PACKED_H
#define KR_TOOLS_SCAN_PACKED_H

#include "tools/scan/sieve.h"

#define KR_SIEVE_SHOWN_MAX 256u /* values of one key that a look-up visits */

/* At a multiple of four; its bytes follow. */
struct kr_packed {
    uint32_t record;
    uint32_t next;      /* link of the chain that its key is in */
    uint32_t next_host; /* of URLs: that their host is in */
    uint16_t len;
    uint8_t type;
    uint8_t tag; /* of the hash of its key, or of both, four bits each */
};

/* What of a hash is compared before anything else is. */
static inline uint8_t kr_packed_tag(uint64_t hash)
{
    return (uint8_t)(hash * KR_KEY_MIX >> 56);
}
/* Whether the value that the link leads to may have a key of that hash. */
static inline bool kr_packed_may_have(const struct kr_packed *packed, bool host, uint8_t tag)
{
    const uint8_t differs = packed->tag ^ tag;
    return packed->type != KR_INDICATOR_URL ? differs == 0 : (host ? differs >> 4 : differs & 15) == 0;
}
static inline void kr_packed_set_tag(struct kr_packed *packed, bool host, uint8_t tag)
{
    const uint8_t mask = packed->type != KR_INDICATOR_URL ? 0xff : host ? 0xf0 : 0x0f;
    packed->tag = (uint8_t)((packed->tag & ~mask) | (tag & mask));
}

/* Hosts of URLs have chains of their own: of all that is on one host, whoever asks for the name itself should know nothing. */
static inline uint32_t *kr_packed_head(const struct kr_sieve *sieve, uint64_t hash, bool host)
{
    return &sieve->heads[(host ? hash * KR_KEY_MIX : hash) >> sieve->head_shift];
}

static inline size_t kr_packed_bytes(size_t len)
{
    return (sizeof(struct kr_packed) + len + 3) & ~(size_t)3;
}

static inline struct kr_packed *kr_packed_at(const struct kr_sieve *sieve, uint32_t at)
{
    return (struct kr_packed *)(void *)(sieve->arena + 4 * (size_t)(at & ~KR_SIEVE_HOST));
}

/* One number of an address in digits; returns what is behind it. */
static inline uint8_t *kr_packed_octet(uint8_t *to, unsigned octet)
{
    *to = (uint8_t)('0' + octet / 100);
    to += octet >= 100;
    *to = (uint8_t)('0' + octet / 10 % 10);
    to += octet >= 10;
    *to = (uint8_t)('0' + octet % 10);
    return to + 1;
}

static inline const uint8_t *kr_packed_value(const struct kr_packed *packed)
{
    return (const uint8_t *)(packed + 1);
}

static inline bool kr_packed_is_same(const struct kr_packed *left, const struct kr_packed *right)
{
    return left->type == right->type && left->len == right->len &&
           memcmp(kr_packed_value(left), kr_packed_value(right), left->len) == 0;
}

/* Room without anything in it, to be given back with munmap; NULL. Large pages where the system has them: a look-up elsewhere than
 * in the filter is a cache miss as it is, and should not be a miss of the page table's as well. */
void *kr_sieve_map(size_t bytes);

/* The host in a URL of the arena; false for others. */
bool kr_packed_host(const struct kr_packed *packed, struct kr_slice *ret_host);

#endif
