#include "store/locator.h"

#include <endian.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#if defined __SSE2__
#include <emmintrin.h>
#endif

#include "crypto/limits.h"

#define LINE_BYTES 64u
#define PRINTS     28u          /* of a line */
#define MEAN       16u          /* rows of a line; more than PRINTS has one of four hundred */
#define OVERFULL   (PRINTS + 1) /* a line's count when its rows may be anywhere */

struct line {
    uint32_t count; /* OVERFULL at most */
    uint32_t first; /* row; a run of more rows than that has no locator */
    uint16_t prints[PRINTS];
};
_Static_assert(sizeof(struct line) == LINE_BYTES, "one line of the processor's cache");

struct kr_locator {
    atomic_uint refs;
    uint64_t line_count;
    uint64_t last; /* the last line that has rows */
    uint64_t rows; /* that were added */
    struct line *lines;
};

struct kr_locator *kr_locator_new(uint64_t rows)
{
    if (rows > UINT32_MAX) {
        return NULL;
    }
    struct kr_locator *locator = calloc(1, sizeof *locator);
    const uint64_t line_count = rows / MEAN + 1;
    struct line *lines = locator != NULL ? aligned_alloc(LINE_BYTES, line_count * sizeof *lines) : NULL;
    if (lines == NULL) {
        free(locator);
        return NULL;
    }
    memset(lines, 0, line_count * sizeof *lines);
    atomic_init(&locator->refs, 1);
    locator->line_count = line_count;
    locator->lines = lines;
    return locator;
}

struct kr_locator *kr_locator_ref(struct kr_locator *locator)
{
    if (locator != NULL) {
        (void)atomic_fetch_add(&locator->refs, 1);
    }
    return locator;
}

void kr_locator_unref(struct kr_locator *locator)
{
    if (locator != NULL && atomic_fetch_sub(&locator->refs, 1) == 1) {
        free(locator->lines);
        free(locator);
    }
}

/* The first eight bytes choose the line, in their order; the next two are the print. */
static uint64_t line_of(const struct kr_locator *locator, const uint8_t *hash)
{
    uint64_t high = 0;
    memcpy(&high, hash, sizeof high);
    return (uint64_t)(((__extension__(unsigned __int128) be64toh(high)) * locator->line_count) >> 64);
}

static uint16_t print_of(const uint8_t *hash)
{
    uint16_t print = 0;
    memcpy(&print, hash + 8, sizeof print);
    return print;
}

static void forget_from(struct kr_locator *locator, uint64_t row)
{
    uint64_t at = locator->last + 1;
    locator->last = 0;
    while (at-- > 0) {
        struct line *line = &locator->lines[at];
        const bool is_behind = line->first >= row;
        if (line->count > 0 && !is_behind) {
            line->count = line->count < OVERFULL && row - line->first < line->count ? (uint32_t)(row - line->first) : line->count;
            locator->last = at;
            break;
        }
        line->count = 0;
    }
    locator->rows = row;
}

void kr_locator_add(struct kr_locator *locator, const uint8_t hash[static KR_TERM_BYTES], uint64_t row)
{
    if (row < locator->rows) {
        forget_from(locator, row);
    }
    const uint64_t at = line_of(locator, hash);
    struct line *line = &locator->lines[at];
    locator->rows = row + 1;
    locator->last = at > locator->last ? at : locator->last;
    if (line->count == 0) {
        line->first = (uint32_t)row;
    }
    /* A row that is out of order leaves a gap, or fits nowhere. */
    if (line->count == OVERFULL || row != (uint64_t)line->first + line->count || line->count == PRINTS) {
        line->count = OVERFULL;
        return;
    }
    line->prints[line->count++] = print_of(hash);
}

/* A bit for each print of the line that is this one. All are looked at: to stop where one is found is a branch that nobody can
 * foresee. */
static uint32_t equal_prints(const struct line *line, uint16_t print)
{
#if defined __SSE2__
    const __m128i *quarters = (const __m128i *)line, all = _mm_set1_epi16((short)print);
    const __m128i low = _mm_packs_epi16(_mm_cmpeq_epi16(quarters[0], all), _mm_cmpeq_epi16(quarters[1], all));
    const __m128i high = _mm_packs_epi16(_mm_cmpeq_epi16(quarters[2], all), _mm_cmpeq_epi16(quarters[3], all));
    const uint32_t words = (uint32_t)_mm_movemask_epi8(low) | (uint32_t)_mm_movemask_epi8(high) << 16;
    return words >> offsetof(struct line, prints) / sizeof line->prints[0];
#else
    uint32_t bits = 0;
    for (uint32_t i = 0; i < PRINTS; i++) {
        bits |= (uint32_t)(line->prints[i] == print) << i;
    }
    return bits;
#endif
}

bool kr_locator_find(const struct kr_locator *locator, const uint8_t hash[static KR_TERM_BYTES], struct kr_located *ret_rows)
{
    const struct line *line = &locator->lines[line_of(locator, hash)];
    const uint32_t bits = equal_prints(line, print_of(hash)) & (uint32_t)((UINT64_C(1) << line->count) - 1);
    const bool is_anywhere = line->count == OVERFULL;
    *ret_rows = (struct kr_located){.is_anywhere = is_anywhere, .bits = bits, .first = line->first};
    return is_anywhere || bits != 0;
}

bool kr_locator_is_alike(const uint8_t a[static KR_TERM_BYTES], const uint8_t b[static KR_TERM_BYTES])
{
    return print_of(a) == print_of(b);
}

void kr_locator_prefetch(const struct kr_locator *locator, const uint8_t hash[static KR_TERM_BYTES])
{
    __builtin_prefetch(&locator->lines[line_of(locator, hash)]);
}

size_t kr_locator_bytes(const struct kr_locator *locator)
{
    return sizeof *locator + locator->line_count * sizeof *locator->lines;
}
