#include "node/core/rate.h"

#include <string.h>

/* Those that have begun since are empty. (A time before the newest counts as that one: it does not go back.) */
static void go_on(struct kr_rate *rate, uint64_t slot)
{
    if (slot <= rate->slot) {
        return;
    }
    if (slot - rate->slot >= KR_RATE_SLOTS) {
        memset(rate->slots, 0, sizeof rate->slots);
    } else {
        for (uint64_t i = rate->slot + 1; i <= slot; i++) {
            memset(&rate->slots[i % KR_RATE_SLOTS], 0, sizeof rate->slots[0]);
        }
    }
    rate->slot = slot;
}

void kr_rate_add(struct kr_rate *rate, uint64_t now_ms, uint64_t records, uint64_t bytes)
{
    go_on(rate, now_ms / KR_RATE_SLOT_MS);
    rate->slots[rate->slot % KR_RATE_SLOTS].bytes += bytes;
    rate->slots[rate->slot % KR_RATE_SLOTS].records += records;
}

struct kr_rated kr_rate_of(const struct kr_rate *rate, uint64_t now_ms)
{
    struct kr_rate at = *rate;
    struct kr_rated rated = {.span_ms = (KR_RATE_SLOTS - 1) * KR_RATE_SLOT_MS + now_ms % KR_RATE_SLOT_MS};
    go_on(&at, now_ms / KR_RATE_SLOT_MS);
    for (uint32_t i = 0; i < KR_RATE_SLOTS; i++) {
        rated.bytes += at.slots[i].bytes;
        rated.records += at.slots[i].records;
    }
    return rated;
}
