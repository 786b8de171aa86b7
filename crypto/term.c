#include "crypto/term.h"

#include <endian.h>
#include <string.h>

#define LANES       8u
#define BLOCK_BYTES 128u
#define FRONT_BYTES 5u /* generation ‖ type */
#define LANE_MAX    (BLOCK_BYTES - FRONT_BYTES)

static const uint64_t iv[8] = {
    UINT64_C(0x6a09e667f3bcc908), UINT64_C(0xbb67ae8584caa73b), UINT64_C(0x3c6ef372fe94f82b), UINT64_C(0xa54ff53a5f1d36f1),
    UINT64_C(0x510e527fade682d1), UINT64_C(0x9b05688c2b3e6c1f), UINT64_C(0x1f83d9abfb41bd6b), UINT64_C(0x5be0cd19137e2179),
};

static const uint8_t sigma[12][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
};

/* One word of each lane. */
typedef uint64_t lanes __attribute__((vector_size(LANES * sizeof(uint64_t))));

struct work {
    lanes h[8], m[16], t; /* chain, message, bytes so far */
};

static inline __attribute__((always_inline)) void mix(lanes *a, lanes *b, lanes *c, lanes *d, const lanes *x, const lanes *y)
{
    *a += *b + *x;
    *d ^= *a;
    *d = *d >> 32 | *d << 32;
    *c += *d;
    *b ^= *c;
    *b = *b >> 24 | *b << 40;
    *a += *b + *y;
    *d ^= *a;
    *d = *d >> 16 | *d << 48;
    *c += *d;
    *b ^= *c;
    *b = *b >> 63 | *b << 1;
}

/* The compression function (section 3.2), of the last block where `last` is all ones. */
static inline __attribute__((always_inline)) void compress(struct work *work, uint64_t last)
{
    const lanes zero = {0}, *m = work->m;
    lanes v[16];
    for (unsigned i = 0; i < 8; i++) {
        v[i] = work->h[i];
        v[i + 8] = zero + iv[i];
    }
    v[12] ^= work->t;
    v[14] ^= zero + last;
#pragma GCC unroll 12
    for (unsigned round = 0; round < 12; round++) {
        const uint8_t *s = sigma[round];
        mix(&v[0], &v[4], &v[8], &v[12], &m[s[0]], &m[s[1]]);
        mix(&v[1], &v[5], &v[9], &v[13], &m[s[2]], &m[s[3]]);
        mix(&v[2], &v[6], &v[10], &v[14], &m[s[4]], &m[s[5]]);
        mix(&v[3], &v[7], &v[11], &v[15], &m[s[6]], &m[s[7]]);
        mix(&v[0], &v[5], &v[10], &v[15], &m[s[8]], &m[s[9]]);
        mix(&v[1], &v[6], &v[11], &v[12], &m[s[10]], &m[s[11]]);
        mix(&v[2], &v[7], &v[8], &v[13], &m[s[12]], &m[s[13]]);
        mix(&v[3], &v[4], &v[9], &v[14], &m[s[14]], &m[s[15]]);
    }
    for (unsigned i = 0; i < 8; i++) {
        work->h[i] ^= v[i] ^ v[i + 8];
    }
}

#if defined __x86_64__
__attribute__((target("avx512f"))) static void compress_512(struct work *work, uint64_t last)
{
    compress(work, last);
}

__attribute__((target("avx2"))) static void compress_256(struct work *work, uint64_t last)
{
    compress(work, last);
}
#endif

static void compress_any(struct work *work, uint64_t last)
{
#if defined __x86_64__
    if (__builtin_cpu_supports("avx512f")) {
        compress_512(work, last);
        return;
    }
    if (__builtin_cpu_supports("avx2")) {
        compress_256(work, last);
        return;
    }
#endif
    compress(work, last);
}

static void put_block(struct work *work, unsigned lane, const uint8_t block[static BLOCK_BYTES], uint64_t so_far)
{
    for (unsigned i = 0; i < 16; i++) {
        uint64_t word;
        memcpy(&word, block + 8 * i, sizeof word);
        work->m[i][lane] = le64toh(word);
    }
    work->t[lane] = so_far;
}

void kr_term_maker_init(struct kr_term_maker *maker, const uint8_t term_key[static 32], uint32_t generation)
{
    uint8_t block[BLOCK_BYTES] = {0};
    struct work work;
    memset(&work, 0, sizeof work);
    memcpy(block, term_key, 32);
    memcpy(maker->key, term_key, 32);
    maker->generation = generation;
    for (unsigned i = 0; i < 8; i++) {
        work.h[i][0] = iv[i];
    }
    work.h[0][0] ^= UINT64_C(0x01010000) ^ 32u << 8 ^ KR_TERM_BYTES; /* section 2.8: a sequential hash with a key of 32 bytes */
    put_block(&work, 0, block, BLOCK_BYTES);
    compress_any(&work, 0);
    for (unsigned i = 0; i < 8; i++) {
        maker->h[i] = work.h[i][0];
    }
    sodium_memzero(&work, sizeof work);
    sodium_memzero(block, sizeof block);
}

/* At most LANES of them, all of one block. */
static void make_some(const struct kr_term_maker *maker, const struct kr_term_input *const *inputs, unsigned count,
                      uint8_t *const *ret_terms)
{
    struct work work;
    for (unsigned lane = 0; lane < LANES; lane++) {
        const struct kr_term_input *input = inputs[lane < count ? lane : 0];
        uint8_t block[BLOCK_BYTES] = {(uint8_t)(maker->generation >> 24), (uint8_t)(maker->generation >> 16),
                                      (uint8_t)(maker->generation >> 8), (uint8_t)maker->generation, input->type};
        memcpy(block + FRONT_BYTES, input->bytes, input->len);
        put_block(&work, lane, block, BLOCK_BYTES + FRONT_BYTES + input->len);
    }
    for (unsigned i = 0; i < 8; i++) {
        work.h[i] = (lanes){0} + maker->h[i];
    }
    compress_any(&work, UINT64_MAX);
    for (unsigned lane = 0; lane < count; lane++) {
        for (unsigned i = 0; i < KR_TERM_BYTES / 8; i++) {
            const uint64_t word = htole64(work.h[i][lane]);
            memcpy(ret_terms[lane] + 8 * i, &word, sizeof word);
        }
    }
    sodium_memzero(&work, sizeof work);
}

void kr_terms(const struct kr_term_maker *maker, const struct kr_term_input *inputs, size_t count, uint8_t *ret_terms,
              size_t stride)
{
    const struct kr_term_input *some[LANES];
    uint8_t *terms[LANES];
    unsigned waiting = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t *term = ret_terms + i * stride;
        if (inputs[i].len > LANE_MAX) {
            kr_term(term, maker->key, maker->generation, inputs[i].type, inputs[i].bytes, inputs[i].len);
            continue;
        }
        some[waiting] = &inputs[i];
        terms[waiting++] = term;
        if (waiting == LANES) {
            make_some(maker, some, waiting, terms);
            waiting = 0;
        }
    }
    if (waiting > 0) {
        make_some(maker, some, waiting, terms);
    }
}
