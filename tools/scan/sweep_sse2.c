/* SSE2, which every x86-64 has: comparisons alone. */
#if defined(__x86_64__)
#include <immintrin.h>

#define NAME(x) x##_sse2
#include "tools/scan/core.inc"

static inline uint64_t join(__m128i a, __m128i b, __m128i c, __m128i d)
{
    return (uint64_t)_mm_movemask_epi8(a) | (uint64_t)_mm_movemask_epi8(b) << 16 | (uint64_t)_mm_movemask_epi8(c) << 32 |
           (uint64_t)_mm_movemask_epi8(d) << 48;
}

static inline __m128i between(__m128i text, char first, char last)
{
    const __m128i offset = _mm_sub_epi8(text, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(offset, _mm_set1_epi8((char)(last - first))), offset);
}

static inline __m128i is(__m128i text, char c)
{
    return _mm_cmpeq_epi8(text, _mm_set1_epi8(c));
}

struct quarter {
    __m128i word, dot, letter, odd, colon, hex, fence, inside;
};

static inline struct quarter classify_quarter(__m128i text)
{
    const __m128i lower = _mm_or_si128(text, _mm_set1_epi8(0x20));
    const __m128i digit = between(text, '0', '9');
    const __m128i dash = between(text, '-', '.'); /* both are of words */
    struct quarter quarter;
    quarter.dot = _mm_or_si128(is(text, '.'), is(text, '\n'));
    quarter.odd = _mm_or_si128(text, is(text, '%')); /* the sign bit is what counts */
    quarter.colon = is(text, ':');
    quarter.hex = _mm_or_si128(digit, between(lower, 'a', 'f'));
    quarter.letter = _mm_or_si128(between(lower, 'a', 'z'), is(text, '_'));
    quarter.word = _mm_or_si128(_mm_or_si128(digit, quarter.letter), _mm_or_si128(dash, quarter.odd));
    quarter.fence = _mm_or_si128(_mm_or_si128(is(text, '('), is(text, '{')), between(text, '[', '\\'));
    quarter.inside = _mm_or_si128(_mm_or_si128(quarter.colon, between(text, '.', '/')),
                                  _mm_or_si128(_mm_or_si128(is(text, '@'), is(lower, 'd')), is(lower, 'a')));
    return quarter;
}

static inline void classify(const uint8_t *at, struct kr_sweep_block *ret)
{
    struct quarter q[4];
    for (unsigned i = 0; i < 4; i++) {
        q[i] = classify_quarter(_mm_loadu_si128((const __m128i *)(const void *)(at + 16 * i)));
    }
    ret->word = join(q[0].word, q[1].word, q[2].word, q[3].word);
    ret->dot = join(q[0].dot, q[1].dot, q[2].dot, q[3].dot);
    ret->letter = join(q[0].letter, q[1].letter, q[2].letter, q[3].letter);
    ret->odd = join(q[0].odd, q[1].odd, q[2].odd, q[3].odd);
    ret->colon = join(q[0].colon, q[1].colon, q[2].colon, q[3].colon);
    ret->hex = join(q[0].hex, q[1].hex, q[2].hex, q[3].hex);
    ret->fence = join(q[0].fence, q[1].fence, q[2].fence, q[3].fence);
    ret->inside = join(q[0].inside, q[1].inside, q[2].inside, q[3].inside);
}
#else
typedef int kr_sweep_sse2_is_not_for_this_machine;
#endif
