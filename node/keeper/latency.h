/* How long the last durable batches took, for status. One thread. */
#ifndef KR_NODE_KEEPER_LATENCY_H
#define KR_NODE_KEEPER_LATENCY_H

#include <stdint.h>

#define KR_LATENCY_SAMPLES 1024u

struct kr_latency {
    uint32_t us[KR_LATENCY_SAMPLES]; /* the newest ones, oldest overwritten */
    uint64_t count;                  /* of all times */
};
void kr_latency_add(struct kr_latency *latency, uint64_t us);
/* The sample below which `percent` of the last ones lie; 0 without any. */
uint64_t kr_latency_percentile(const struct kr_latency *latency, unsigned percent);

#endif
