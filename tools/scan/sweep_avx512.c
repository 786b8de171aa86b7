/* AVX-512 with BW, VBMI, VBMI2 and GFNI: one table look-up says of 64 bytes what they are. */
#if defined(__x86_64__)
#include <immintrin.h>

#define NAME(x) x##_avx512
#define HAS_LIST
#include "tools/scan/core.inc"

static inline void classify(const uint8_t *at, struct kr_sweep_block *ret)
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
    _mm512_storeu_si512(ret, _mm512_permutexvar_epi8(rows, bits));
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
