/* The difference of a pair's stores as a rateless sketch would find it, with the bytes that its frames would take. */
#ifndef KR_BENCH_SKETCHING_H
#define KR_BENCH_SKETCHING_H

#include "bench.h"
#include "pair.h"

/* Finds all `differences` of them. CPU: reading symbols, finding, writing; not what keeping the sketches took. */
void sketching_run(struct pair *pair, uint32_t differences, double *ret_bytes, double *ret_cpu_ms, double *ret_trips);
/* What keeping one costs. */
void sketching_say(const struct bench_options *options, struct pair *pair);

#endif
