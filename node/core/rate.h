/* What went over a link in the last minute or so. No clock: whoever counts says what time it is. */
#ifndef KR_NODE_CORE_RATE_H
#define KR_NODE_CORE_RATE_H

#include <stdint.h>

#define KR_RATE_SLOT_MS 5000u
#define KR_RATE_SLOTS   13u /* a whole minute, and the part that has begun */

/* All zero: nothing was counted yet. */
struct kr_rate {
    uint64_t slot; /* the newest: time / KR_RATE_SLOT_MS */
    struct {
        uint64_t bytes, records;
    } slots[KR_RATE_SLOTS];
};
void kr_rate_add(struct kr_rate *rate, uint64_t now_ms, uint64_t records, uint64_t bytes);

/* Sums, and the span that they are of: 60 to 65 s. */
struct kr_rated {
    uint64_t bytes, records, span_ms;
};
struct kr_rated kr_rate_of(const struct kr_rate *rate, uint64_t now_ms);

#endif
