#include "store/filter.h"

#include <stdlib.h>
#include <string.h>

#define WORDS_PER_BLOCK 8u
#define BITS_PER_BLOCK  512u
#define PROBES          6u

struct kr_filter {
    uint64_t blocks;
    atomic_uint_least64_t words[];
};

struct kr_filter *kr_filter_new(uint64_t entries)
{
    /* 2^32 blocks would be 256 GiB. */
    uint64_t blocks = entries * KR_FILTER_BITS_PER_ENTRY / BITS_PER_BLOCK + 1;
    struct kr_filter *filter = calloc(1, sizeof *filter + blocks * WORDS_PER_BLOCK * sizeof filter->words[0]);
    if (filter != NULL) {
        filter->blocks = blocks;
    }
    return filter;
}

void kr_filter_free(struct kr_filter *filter)
{
    free(filter);
}

/* The first eight bytes choose the block, the other eight hold six numbers of nine bits. */
static uint64_t block_of(const struct kr_filter *filter, const uint8_t term[static KR_TERM_BYTES], uint64_t *ret_bits)
{
    uint64_t high = 0;
    memcpy(&high, term, sizeof high);
    memcpy(ret_bits, term + sizeof high, sizeof *ret_bits);
    return (uint64_t)(((__extension__(unsigned __int128) high) * filter->blocks) >> 64) * WORDS_PER_BLOCK;
}

/* Only the one write transaction adds, so that no word is changed by two at a time; readers may look meanwhile. */
void kr_filter_add(struct kr_filter *filter, const uint8_t term[static KR_TERM_BYTES])
{
    uint64_t bits = 0;
    atomic_uint_least64_t *block = filter->words + block_of(filter, term, &bits);
    for (unsigned i = 0; i < PROBES; i++, bits >>= 9) {
        uint64_t word = atomic_load_explicit(&block[bits >> 6 & 7], memory_order_relaxed);
        atomic_store_explicit(&block[bits >> 6 & 7], word | UINT64_C(1) << (bits & 63), memory_order_relaxed);
    }
}

/* Looks at all six: to stop at the first that is missing is a branch that nobody can foresee, and costs more than five bits of a
 * line that is there. */
bool kr_filter_may_have(const struct kr_filter *filter, const uint8_t term[static KR_TERM_BYTES])
{
    uint64_t bits = 0, missing = 0;
    const atomic_uint_least64_t *block = filter->words + block_of(filter, term, &bits);
    for (unsigned i = 0; i < PROBES; i++, bits >>= 9) {
        missing |= ~atomic_load_explicit(&block[bits >> 6 & 7], memory_order_relaxed) >> (bits & 63);
    }
    return (missing & 1) == 0;
}

size_t kr_filter_bytes(const struct kr_filter *filter)
{
    return sizeof *filter + filter->blocks * WORDS_PER_BLOCK * sizeof filter->words[0];
}
