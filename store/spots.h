/* Where the rows of a finished run lie, seen from its first one, so that a look-up which knows the row's number (locator.h) need
 * not search for it: a search meets half a dozen cold lines one after the other, this is one.
 *
 * LMDB never moves what is not written, and a finished run is not written until it is dropped; whoever has a snapshot with the run
 * has its pages. Rows that were appended in order, all of one size, lie at equal distances in pages that are all as full. Nothing
 * else is taken for granted: each row is looked at where LMDB itself says that it is, and a run where one lies elsewhere has no
 * spots. */
#ifndef KR_STORE_SPOTS_H
#define KR_STORE_SPOTS_H

#include "store/internal.h"

struct kr_spots;

struct kr_spots *kr_spots_new(uint32_t page_bytes); /* NULL without memory */
void kr_spots_free(struct kr_spots *spots);         /* NULL is fine */
/* The next row lies at `at`, and the first one at `first` in the same snapshot (elsewhere in another, where the file is mapped
 * anew). False: rows do not lie as they should, or there is no memory; nothing can be added then. */
bool kr_spots_add(struct kr_spots *spots, const uint8_t *first, const uint8_t *at);
uint64_t kr_spots_rows(const struct kr_spots *spots);
/* Where a row lies; NULL for one that was not added. */
const uint8_t *kr_spots_at(const struct kr_spots *spots, const uint8_t *first, uint64_t row);

#endif
