/* Says "surely not fresh" without the lock of what is fresh: a Bloom filter in blocks of one cache line (Putze, Sanders, Singler:
 * "Cache-, hash- and space-efficient Bloom filters", 2007). What is looked for are hashes already, so their own bytes choose the
 * bits. Of ids an author chooses them, with work: the worst that it gets is "perhaps" too often, which costs a look.
 *
 * One thread adds while others ask: bits only ever appear, so a reader can only be told "perhaps" too early. */
#ifndef KR_STORE_FILTER_H
#define KR_STORE_FILTER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/hash.h"

#define KR_FILTER_BITS_PER_ENTRY 10u

struct kr_filter;

/* Room for `entries`; NULL without memory. */
struct kr_filter *kr_filter_new(uint64_t entries);
void kr_filter_free(struct kr_filter *filter); /* NULL is fine */
void kr_filter_add(struct kr_filter *filter, const uint8_t term[static KR_TERM_BYTES]);
bool kr_filter_may_have(const struct kr_filter *filter, const uint8_t term[static KR_TERM_BYTES]);
size_t kr_filter_bytes(const struct kr_filter *filter);

#endif
