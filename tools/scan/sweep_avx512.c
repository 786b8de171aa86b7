/* AVX-512 with BW, VBMI, VBMI2, VPOPCNTDQ and GFNI: one table look-up says of 64 bytes what they are, and eight such blocks are
 * added up as one long number. */
#if defined(__x86_64__)
#include <immintrin.h>

#define NAME(x) x##_avx512
#define HAS_GROUPS
#include "tools/scan/core.inc"

/* The eight classes of 64 bytes, a word each. */
static inline __m512i classes_of(const uint8_t *at)
{
    /* The first of eight characters comes last, because that is what the multiplication makes of it. */
    const __m512i backwards = _mm512_set4_epi32(0x08090a0b, 0x0c0d0e0f, 0x00010203, 0x04050607);
    const __m512i text = _mm512_shuffle_epi8(_mm512_loadu_si512(at), backwards);
    const __m512i low = _mm512_loadu_si512(kr_classes), high = _mm512_loadu_si512(kr_classes + 64);
    const __m512i ascii = _mm512_permutex2var_epi8(low, text, high);
    const __m512i beyond = _mm512_set1_epi8(KR_CLASS_WORD | KR_CLASS_ODD);
    const __m512i classes = _mm512_mask_mov_epi8(ascii, _mm512_movepi8_mask(text), beyond);
    /* Eight bytes are a matrix of bits: multiplied with that of one, it comes out transposed, a byte a class. */
    const __m512i bits = _mm512_gf2p8affine_epi64_epi8(_mm512_set1_epi64((long long)0x8040201008040201), classes, 0);
    const __m512i rows = _mm512_set_epi64(0x3f372f271f170f07, 0x3e362e261e160e06, 0x3d352d251d150d05, 0x3c342c241c140c04,
                                          0x3b332b231b130b03, 0x3a322a221a120a02, 0x3931292119110901, 0x3830282018100800);
    return _mm512_permutexvar_epi8(rows, bits);
}

static inline void classify(const uint8_t *at, struct kr_sweep_block *ret)
{
    _mm512_storeu_si512(ret, classes_of(at));
}

/* Of four pairs of blocks, word by word beside each other, the pairs of one class after the other. */
static inline void store_columns(const __m512i pairs[4], uint64_t *first, uint64_t *second, uint64_t *third, uint64_t *fourth)
{
    const __m512i a = _mm512_shuffle_i64x2(pairs[0], pairs[1], 0x44), b = _mm512_shuffle_i64x2(pairs[0], pairs[1], 0xee);
    const __m512i c = _mm512_shuffle_i64x2(pairs[2], pairs[3], 0x44), d = _mm512_shuffle_i64x2(pairs[2], pairs[3], 0xee);
    _mm512_storeu_si512(first, _mm512_shuffle_i64x2(a, c, 0x88));
    _mm512_storeu_si512(second, _mm512_shuffle_i64x2(a, c, 0xdd));
    _mm512_storeu_si512(third, _mm512_shuffle_i64x2(b, d, 0x88));
    _mm512_storeu_si512(fourth, _mm512_shuffle_i64x2(b, d, 0xdd));
}

static inline void classify_group(const uint8_t *at, struct kr_sweep_columns *bits, size_t first)
{
    __m512i even[4], odd[4];
    for (size_t i = 0; i < 4; i++) {
        const __m512i left = classes_of(at + 128 * i), right = classes_of(at + 128 * i + 64);
        even[i] = _mm512_unpacklo_epi64(left, right);
        odd[i] = _mm512_unpackhi_epi64(left, right);
    }
    store_columns(even, bits->word + first, bits->odd + first, bits->hex + first, bits->inside + first);
    store_columns(odd, bits->dot + first, bits->colon + first, bits->fence + first, bits->letter + first);
}

/* Adds marks to words as numbers of 512 bits, and what is carried over from the one before: a word that became all ones hands on
 * what it is handed, as the addition of both masks as numbers does. */
static inline __m512i add(__m512i words, __m512i marks, uint64_t *carry)
{
    const __m512i sum = _mm512_add_epi64(words, marks), ones = _mm512_set1_epi64(-1);
    const unsigned over = _mm512_cmplt_epu64_mask(sum, words), full = _mm512_cmpeq_epi64_mask(sum, ones);
    const unsigned handed = full + 2 * over + (unsigned)*carry;
    *carry = handed >> 8;
    return _mm512_mask_sub_epi64(sum, (__mmask8)(handed ^ full), sum, ones);
}

/* Each bit one place further; the first comes from the block before. */
static inline __m512i moved(const uint64_t *bits)
{
    return _mm512_or_si512(_mm512_slli_epi64(_mm512_loadu_si512(bits), 1), _mm512_srli_epi64(_mm512_loadu_si512(bits - 1), 63));
}

static inline void find_ends(struct kr_sweep_columns *bits, size_t count, struct carry *carry_on, const bool all)
{
    struct carry carry = *carry_on;
    for (size_t i = KR_SWEEP_FIRST; i < KR_SWEEP_FIRST + count; i += 8) {
        const __m512i word = _mm512_loadu_si512(bits->word + i), gaps = _mm512_xor_si512(word, _mm512_set1_epi64(-1));
        const __m512i dots = _mm512_and_si512(_mm512_loadu_si512(bits->dot + i), word);
        const __m512i once = add(word, dots, &carry.once);
        const __m512i twice = add(word, _mm512_and_si512(once, dots), &carry.twice);
        const __m512i thrice = add(word, _mm512_and_si512(_mm512_and_si512(twice, once), dots), &carry.thrice);
        const __m512i letter = add(word, _mm512_loadu_si512(bits->letter + i), &carry.letter);
        const __m512i odd = add(word, _mm512_loadu_si512(bits->odd + i), &carry.odd);
        const __m512i plain = _mm512_andnot_si512(odd, gaps);
        const __m512i addresses = _mm512_andnot_si512(letter, _mm512_and_si512(thrice, plain));
        const __m512i names = all ? _mm512_andnot_si512(addresses, moved(bits->word + i)) : _mm512_and_si512(once, letter);
        _mm512_storeu_si512(bits->gaps + i, gaps);
        _mm512_storeu_si512(bits->dots + i, dots);
        _mm512_storeu_si512(bits->names + i, _mm512_and_si512(names, plain));
        _mm512_storeu_si512(bits->addresses + i, addresses);
        _mm512_storeu_si512(bits->odds + i, _mm512_and_si512(odd, gaps));
    }
    *carry_on = carry;
}

static inline uint64_t has_special(const struct kr_sweep_columns *bits, size_t count, bool has_ipv6, uint64_t *lines)
{
    const __m512i ends = _mm512_set1_epi64(0x0001000100010001), lanes = _mm512_set1_epi64((long long)0x8000800080008000);
    __m512i feeds = _mm512_setzero_si512();
    uint64_t specials = 0;
    for (size_t i = KR_SWEEP_FIRST; i < KR_SWEEP_FIRST + count; i += 8) {
        const __m512i colon = _mm512_loadu_si512(bits->colon + i), hex = _mm512_loadu_si512(bits->hex + i);
        const __m512i colons =
            _mm512_add_epi64(_mm512_popcnt_epi64(colon), _mm512_popcnt_epi64(_mm512_loadu_si512(bits->colon + i - 1)));
        const unsigned ipv6 =
            _mm512_test_epi64_mask(colon, moved(bits->colon + i)) | (unsigned)_mm512_cmpge_epu64_mask(colons, _mm512_set1_epi64(7));
        const __m512i gaps = _mm512_xor_si512(hex, _mm512_set1_epi64(-1));
        const __m512i runs = _mm512_and_si512(_mm512_and_si512(_mm512_sub_epi64(gaps, ends), hex), lanes);
        const __m512i fences = _mm512_and_si512(moved(bits->fence + i), _mm512_loadu_si512(bits->inside + i));
        const __m512i others = _mm512_or_si512(_mm512_or_si512(runs, fences), _mm512_loadu_si512(bits->odds + i));
        specials |= (uint64_t)(_mm512_test_epi64_mask(others, others) | (has_ipv6 ? ipv6 : 0)) << (i - KR_SWEEP_FIRST);
        feeds = _mm512_add_epi64(
            feeds, _mm512_popcnt_epi64(_mm512_and_si512(_mm512_loadu_si512(bits->dot + i), _mm512_loadu_si512(bits->gaps + i))));
    }
    *lines += (uint64_t)_mm512_reduce_add_epi64(feeds);
    return specials;
}

static inline uint32_t list_ends(const uint64_t *bits, size_t count, uint16_t *ends)
{
    const __m512i all = _mm512_set_epi8(63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41,
                                        40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18,
                                        17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m256i from = _mm256_setzero_si256();
    uint32_t found = 0;
    for (size_t i = 0; i < count; i++) {
        const __m512i places = _mm512_maskz_compress_epi8(_cvtu64_mask64(bits[i]), all);
        const unsigned here = (unsigned)__builtin_popcountll(bits[i]);
        const __m256i first = _mm256_add_epi16(from, _mm256_cvtepu8_epi16(_mm512_castsi512_si128(places)));
        __m128i *to = (__m128i *)(void *)(ends + found);
        _mm_storeu_si128(to, _mm256_castsi256_si128(first));
        if (UNLIKELY(here > 8)) { /* 32 at most: each word has a gap behind it */
            const __m128i more = _mm512_extracti32x4_epi32(places, 1);
            _mm256_storeu_si256((__m256i *)to, first);
            _mm256_storeu_si256((__m256i *)(to + 2), _mm256_add_epi16(from, _mm256_cvtepu8_epi16(more)));
        }
        from = _mm256_add_epi16(from, _mm256_set1_epi16(64));
        found += here;
    }
    return found;
}
#else
typedef int kr_sweep_avx512_is_not_for_this_machine;
#endif
