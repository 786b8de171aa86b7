/* What a thread that answers look-ups has learnt and may use again.
 *
 * Where in its record each indicator of a large report stands, so that a look-up opens a chunk or two of it, not all of a quarter
 * of a megabyte. Of one thread; bounded; what is not there is found by reading the whole. */
#ifndef KR_NODE_CORE_PLACES_H
#define KR_NODE_CORE_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/limits.h"

#define KR_PLACES_STEP        8u  /* every so many indicators are noted */
#define KR_PLACES_REPORT_MIN  64u /* smaller reports are read whole */
#define KR_PLACES_REPORTS_MAX 1024u

struct kr_places;
struct kr_places *kr_places_new(void); /* NULL: no memory */
void kr_places_free(struct kr_places *places);

/* The record with that arrival has `count` indicators; `starts[i]` is the offset in it of the one at i * KR_PLACES_STEP, and behind
 * the last of these stands where all end. Copied; not noted where there is no memory. */
void kr_places_note(struct kr_places *places, uint64_t arrival, uint32_t count, const uint32_t *starts);
/* The bytes of the record in which that indicator stands, and how many others stand before it there. */
bool kr_places_find(const struct kr_places *places, uint64_t arrival, uint32_t position, uint32_t *ret_offset, uint32_t *ret_len,
                    uint32_t *ret_before);

/* A council's name, as it was for a client of that language less than KR_PLACES_NAME_MS ago; NULL: not known. */
#define KR_PLACES_NAME_MS 1000u
const char *kr_places_name(const struct kr_places *places, const uint8_t council[static 32], bool japanese, uint64_t now_ms);
void kr_places_note_name(struct kr_places *places, const uint8_t council[static 32], bool japanese, uint64_t now_ms,
                         const char *name);

#endif
