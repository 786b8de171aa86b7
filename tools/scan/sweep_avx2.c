/* AVX2: comparisons, 32 bytes at a time. */
#if defined(__x86_64__)
#include <immintrin.h>

#define NAME(x) x##_avx2
#include "tools/scan/core.inc"

static inline uint64_t join(__m256i low, __m256i high)
{
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

static inline __m256i between(__m256i text, char first, char last)
{
    const __m256i offset = _mm256_sub_epi8(text, _mm256_set1_epi8(first));
    return _mm256_cmpeq_epi8(_mm256_min_epu8(offset, _mm256_set1_epi8((char)(last - first))), offset);
}

static inline __m256i is(__m256i text, char c)
{
    return _mm256_cmpeq_epi8(text, _mm256_set1_epi8(c));
}

struct half {
    __m256i word, dot, letter, odd, colon, hex, fence, inside;
};

static inline struct half classify_half(__m256i text)
{
    const __m256i lower = _mm256_or_si256(text, _mm256_set1_epi8(0x20));
    const __m256i digit = between(text, '0', '9');
    const __m256i dash = between(text, '-', '.'); /* both are of words */
    struct half half;
    half.dot = _mm256_or_si256(is(text, '.'), is(text, '\n'));
    half.odd = _mm256_or_si256(text, is(text, '%')); /* the sign bit is what counts */
    half.colon = is(text, ':');
    half.hex = _mm256_or_si256(digit, between(lower, 'a', 'f'));
    half.letter = _mm256_or_si256(between(lower, 'a', 'z'), is(text, '_'));
    half.word = _mm256_or_si256(_mm256_or_si256(digit, half.letter), _mm256_or_si256(dash, half.odd));
    half.fence = _mm256_or_si256(_mm256_or_si256(is(text, '('), is(text, '{')), between(text, '[', '\\'));
    half.inside = _mm256_or_si256(_mm256_or_si256(half.colon, between(text, '.', '/')),
                                  _mm256_or_si256(_mm256_or_si256(is(text, '@'), is(lower, 'd')), is(lower, 'a')));
    return half;
}

static inline void classify(const uint8_t *at, struct kr_sweep_block *ret)
{
    const struct half low = classify_half(_mm256_loadu_si256((const __m256i *)(const void *)at));
    const struct half high = classify_half(_mm256_loadu_si256((const __m256i *)(const void *)(at + 32)));
    ret->word = join(low.word, high.word);
    ret->dot = join(low.dot, high.dot);
    ret->letter = join(low.letter, high.letter);
    ret->odd = join(low.odd, high.odd);
    ret->colon = join(low.colon, high.colon);
    ret->hex = join(low.hex, high.hex);
    ret->fence = join(low.fence, high.fence);
    ret->inside = join(low.inside, high.inside);
}
#else
typedef int kr_sweep_avx2_is_not_for_this_machine;
#endif
