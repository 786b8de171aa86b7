/* Says "surely not in this run" without touching the run, and of what may be in it, which rows it may be: so that a look-up goes
 * there at once, and many fetch what they need side by side.
 *
 * Rows of a run stand in the order of their hashes, which are as good as random. A line (one of the processor's cache) has, of the
 * rows whose hashes begin alike, the number of the first and a print of each: two bytes from further behind in its hash. Of ids an
 * author chooses the bytes, with work: the worst that it gets is a line with more rows than it can hold, which says "anywhere", and
 * costs a search of the run.
 *
 * One thread adds; others may ask once all rows were added. */
#ifndef KR_STORE_LOCATOR_H
#define KR_STORE_LOCATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/hash.h"

struct kr_locator;

/* Room for `rows`; NULL without memory. */
struct kr_locator *kr_locator_new(uint64_t rows);
struct kr_locator *kr_locator_ref(struct kr_locator *locator); /* NULL is fine */
void kr_locator_unref(struct kr_locator *locator);             /* NULL is fine */
/* `row`: how many stand before it. They come in order; one that has come before forgets all behind it (they were never committed).
 */
void kr_locator_add(struct kr_locator *locator, const uint8_t hash[static KR_TERM_BYTES], uint64_t row);

/* Rows that may have a hash: `first` + i where bit i is set, unless they may be anywhere. */
struct kr_located {
    bool is_anywhere;
    uint32_t bits;
    uint64_t first;
};
/* False: surely none. */
bool kr_locator_find(const struct kr_locator *locator, const uint8_t hash[static KR_TERM_BYTES], struct kr_located *ret_rows);
/* Whether both have one print, as a row that was found and the hash by which it was found have. */
bool kr_locator_is_alike(const uint8_t a[static KR_TERM_BYTES], const uint8_t b[static KR_TERM_BYTES]);
void kr_locator_prefetch(const struct kr_locator *locator, const uint8_t hash[static KR_TERM_BYTES]); /* it will be asked for */
size_t kr_locator_bytes(const struct kr_locator *locator);

#endif
