#include "node/keeper/latency.h"

#include <stdlib.h>
#include <string.h>

void kr_latency_add(struct kr_latency *latency, uint64_t us)
{
    latency->us[latency->count++ % KR_LATENCY_SAMPLES] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

uint64_t kr_latency_percentile(const struct kr_latency *latency, unsigned percent)
{
    uint32_t sorted[KR_LATENCY_SAMPLES];
    size_t count = latency->count < KR_LATENCY_SAMPLES ? (size_t)latency->count : KR_LATENCY_SAMPLES;
    if (count == 0) {
        return 0;
    }
    memcpy(sorted, latency->us, count * sizeof sorted[0]);
    qsort(sorted, count, sizeof sorted[0], compare);
    return sorted[(count - 1) * percent / 100];
}
