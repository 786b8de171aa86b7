/* From a submission's arrival at the author's socket to its visibility at the linked peer. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "indicators.h"
#include "limits.h"
#include "node.h"

#define WARM         50u
#define ROW          50u /* commits and trips one after the other, for comparison */
#define LIMIT_WHAT   "2 durable LMDB commits + 1 CURVE round trip, medians"
#define ROW_WHAT     "the same, each fifty times in a row"
#define RECORD_BYTES 500u /* about what a record of one indicator has */

static struct node nodes[3];

/* Submits one record and waits for it at the peer. */
static double propagate(struct conn *author, struct conn *watch, uint64_t number)
{
    struct kr_submit submit;
    report_one(&submit, number, NULL, 0);
    uint64_t begin_us = bench_now_us();
    conn_submit(author, 10 + number, &submit);
    conn_wait_for_title(watch, number);
    double took_us = (double)(bench_now_us() - begin_us);
    conn_expect_end(author, 10 + number);
    free((void *)(uintptr_t)submit.body.bytes);
    return took_us;
}

/* ---- a bulk submission beside it ---- */

struct beside {
    pthread_t thread;
    uint32_t count;
    uint64_t seed;
    atomic_bool is_over;
};

static void *submit_bulk(void *context)
{
    struct beside *beside = context;
    struct bulk bulk;
    size_t len;
    char *text = indicators_text(beside->seed, beside->count, &len);
    bulk_submit(&bulk, nodes[0].socket, text, len, beside->count, NULL, NULL);
    bulk_free(&bulk);
    free(text);
    atomic_store(&beside->is_over, true);
    return NULL;
}

static size_t propagate_beside_bulk(struct conn *author, struct conn *watch, uint64_t *number, uint32_t indicators, double *values,
                                    size_t max)
{
    size_t count = 0;
    for (uint64_t round = 0; round < 8 && count < max; round++) {
        struct beside beside = {.count = indicators, .seed = 1000 + round};
        BENCH_MUST(pthread_create(&beside.thread, NULL, submit_bulk, &beside) == 0);
        while (!atomic_load(&beside.is_over)) {
            double took_us = propagate(author, watch, (*number)++);
            if (count < max) {
                values[count++] = took_us;
            }
        }
        BENCH_MUST(pthread_join(beside.thread, NULL) == 0);
    }
    return count;
}

/* ---- all of it ---- */

static void say_results(const struct bench_options *options, double *values, size_t count, double *busy, size_t busy_count,
                        double limit_us)
{
    const struct bench_line lines[] = {
        {"propagation", "p50", "us", bench_percentile(values, count, 50), limit_us, LIMIT_WHAT, 1.5, false},
        {"propagation", "p99", "us", bench_percentile(values, count, 99), limit_us, LIMIT_WHAT, 3, false},
        {"propagation", "p50 beside bulk", "us", bench_percentile(busy, busy_count, 50), limit_us, LIMIT_WHAT, 3, false},
        {"propagation", "p99 beside bulk", "us", bench_percentile(busy, busy_count, 99), limit_us, LIMIT_WHAT, 0, false},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        bench_say(options, &lines[i]);
    }
}

void bench_propagation(const struct bench_options *options)
{
    const size_t count = options->is_small ? 100 : 1000;
    double *values = calloc(count, sizeof *values), *disk_us = calloc(count, sizeof *disk_us);
    double *wire_us = calloc(count, sizeof *wire_us), *busy = calloc(count, sizeof *busy);
    struct conn author, watch, third;
    uint64_t number = 0;
    BENCH_MUST(values != NULL && disk_us != NULL && wire_us != NULL && busy != NULL);
    struct limit_wire *wire = limit_wire_new();
    struct limit_disk *disk = limit_disk_new(RECORD_BYTES);
    node_make(&nodes[0], "first", "Bench");
    node_make(&nodes[1], "second", NULL);
    node_make(&nodes[2], "third", NULL);
    node_link(&nodes[0], &nodes[1]);
    node_link(&nodes[1], &nodes[2]);
    conn_open(&author, nodes[0].socket);
    conn_open(&watch, nodes[1].socket);
    conn_watch(&watch);
    conn_open(&third, nodes[2].socket);
    conn_watch(&third);
    for (size_t i = 0; i < WARM; i++) {
        (void)propagate(&author, &watch, number);
        conn_wait_for_title(&third, number++);
    }
    /* Commit, trip and record alternate, for the machine's pace changes; and in a row of their own, commits would find disk and
     * caches as the last left them, and take two thirds of what they take when they come one at a time, as submissions do. */
    for (size_t i = 0; i < count; i++) {
        limit_disk_measure(disk, RECORD_BYTES, disk_us + i, 1);
        limit_wire_measure(wire, RECORD_BYTES, wire_us + i, 1);
        values[i] = propagate(&author, &watch, number);
        conn_wait_for_title(&third, number++); /* or the last one's way onward would be counted as the next one's */
    }
    conn_close(&third);
    double row_us[2][ROW];
    limit_disk_measure(disk, RECORD_BYTES, row_us[0], ROW);
    limit_wire_measure(wire, RECORD_BYTES, row_us[1], ROW);
    const double in_row_us = 2 * bench_percentile(row_us[0], ROW, 50) + bench_percentile(row_us[1], ROW, 50);
    size_t busy_count =
        propagate_beside_bulk(&author, &watch, &number, options->is_small ? 2000 : 100000, busy, options->is_small ? 1 : count);
    const double commit_us = bench_percentile(disk_us, count, 50), trip_us = bench_percentile(wire_us, count, 50);
    const double limit_us = 2 * commit_us + trip_us;
    bench_say(options, &(struct bench_line){"propagation", "part: commit", "us", commit_us, limit_us, LIMIT_WHAT, 0, false});
    bench_say(options, &(struct bench_line){"propagation", "part: round trip", "us", trip_us, limit_us, LIMIT_WHAT, 0, false});
    bench_say(options, &(struct bench_line){"propagation", "part: the limit alone, one at a time", "us", limit_us, in_row_us,
                                            ROW_WHAT, 0, false});
    bench_say(options, &(struct bench_line){"propagation", "p50, against commits in a row", "us",
                                            bench_percentile(values, count, 50), in_row_us, ROW_WHAT, 0, false});
    say_results(options, values, count, busy, busy_count, limit_us);
    conn_close(&author);
    conn_close(&watch);
    for (size_t i = 0; i < 3; i++) {
        node_remove(&nodes[i]);
    }
    limit_disk_free(disk);
    limit_wire_free(wire);
    free(values);
    free(disk_us);
    free(wire_us);
    free(busy);
}
