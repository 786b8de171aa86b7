/* What all benches share: lines of results, time, percentiles, a directory that is gone afterwards, and a way out. */
#ifndef KR_BENCH_BENCH_H
#define KR_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"

struct bench_options {
    bool is_json;
    bool is_small;           /* sizes for the smoke test: figures mean nothing */
    uint32_t nodes, minutes; /* of a crowd; 0: as many as Japan has, an hour */
    uint32_t records;        /* for a newcomer; 0: 100,000 */
};

/* One figure and what it is measured against. `goal_is_min`: the ratio must be at least the goal, else at most. */
struct bench_line {
    const char *bench, *name, *unit;
    double value, limit;
    const char *limit_what;
    double goal; /* of value / limit; 0: a figure beside others, without a goal of its own */
    bool goal_is_min;
};
void bench_say(const struct bench_options *options, const struct bench_line *line);
/* Whether all lines so far have reached their goals. */
bool bench_all_passed(void);

uint64_t bench_now_us(void);
double bench_cpu_us(void); /* of this thread */
/* Sorts in place. `percent` of 0 … 100. */
double bench_percentile(double *values, size_t count, double percent);

/* A fresh directory below TMPDIR; removed, with all nodes ended, when the program ends in whatever way it can. */
const char *bench_directory(void);
/* Says what is wrong and ends the program with status 2. */

/* A program that was run to its end. `rss_kib`: the most that it had at once, or this program when it was begun, whichever was
 * more. */
struct bench_run {
    double seconds;
    long rss_kib;
    int status; /* 127: it is not there */
};
/* Its output goes into a file, its errors nowhere. */
struct bench_run bench_run(char *const *argv, const char *out);

_Noreturn void bench_die(const char *fmt, ...) KR_PRINTF(1, 2);
#define BENCH_MUST(call)                                                                                                           \
    do {                                                                                                                           \
        if (!(call)) {                                                                                                             \
            bench_die("%s:%d: %s", __FILE__, __LINE__, #call);                                                                     \
        }                                                                                                                          \
    } while (0)

void bench_propagation(const struct bench_options *options);
void bench_crowd(const struct bench_options *options);
void bench_flood(const struct bench_options *options);
void bench_dissemination(const struct bench_options *options);
void bench_bulk(const struct bench_options *options);
void bench_import(const struct bench_options *options);
void bench_ingest(const struct bench_options *options);
void bench_lookup(const struct bench_options *options);
void bench_membership(const struct bench_options *options);
void bench_memory(const struct bench_options *options);
void bench_reconcile(const struct bench_options *options);
void bench_rekey(const struct bench_options *options);
void bench_replicate(const struct bench_options *options);
void bench_scan(const struct bench_options *options);
void bench_trees(const struct bench_options *options);

#endif
