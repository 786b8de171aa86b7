/* AVX-512 with BW and VBMI: one table look-up says of 64 bytes what they are. */
#if defined(__x86_64__)
#include <immintrin.h>

#define NAME(x) x##_avx512
#include "tools/scan/core.inc"

static inline uint64_t bits(__m512i class, int which)
{
    return _cvtmask64_u64(_mm512_test_epi8_mask(class, _mm512_set1_epi8((char)which)));
}

static inline void classify(const uint8_t *at, struct block *ret)
{
    const __m512i text = _mm512_loadu_si512(at);
    const __m512i low = _mm512_loadu_si512(kr_classes), high = _mm512_loadu_si512(kr_classes + 64);
    const __mmask64 beyond = _mm512_movepi8_mask(text);
    const __m512i class = _mm512_maskz_permutex2var_epi8(_knot_mask64(beyond), low, text, high);
    ret->word = bits(class, KR_CLASS_WORD) | _cvtmask64_u64(beyond);
    ret->dot = bits(class, KR_CLASS_DOT);
    ret->odd = bits(class, KR_CLASS_PERCENT) | _cvtmask64_u64(beyond);
    ret->colon = bits(class, KR_CLASS_COLON);
    ret->hex = bits(class, KR_CLASS_HEX);
    ret->fence = bits(class, KR_CLASS_FENCE);
    ret->inside = bits(class, KR_CLASS_INSIDE);
    ret->feed = _cvtmask64_u64(_mm512_movepi8_mask(class));
}
#else
typedef int kr_sweep_avx512_is_not_for_this_machine;
#endif
