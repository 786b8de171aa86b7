/* A file of many indicators: from its bytes to durable and findable at the author, and from there to the peer. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "indicators.h"
#include "limits.h"
#include "node.h"

#define ROUNDS  5u
#define SAMPLES 1000u

static double median(double *values)
{
    return bench_percentile(values, ROUNDS, 50);
}

struct measured {
    double author_us[ROUNDS], peer_us[ROUNDS], looked_us[ROUNDS], sum_us[ROUNDS];
    double parts_us[7][ROUNDS];
};

static void measure_round(const struct node *first, const struct node *second, struct conn *author, struct conn *watch,
                          uint32_t indicators, uint32_t round, struct measured *measured)
{
    size_t len;
    struct bulk bulk;
    struct conn peer;
    char *text = indicators_text(round, indicators, &len);
    struct limit_bulk limit = limit_bulk_measure(text, len);
    uint64_t begin_us = bench_now_us();
    bulk_submit(&bulk, first->socket, text, len, indicators, NULL, NULL);
    const struct kr_found *items = bulk.extract->items;
    BENCH_MUST(lookup_found(author, items + indicators - 1, 1, 1) == 1);
    uint64_t author_us = bench_now_us();
    bulk_expect(watch, indicators, NULL, NULL);
    uint64_t peer_us = bench_now_us();
    const uint32_t samples = indicators < SAMPLES ? indicators : SAMPLES;
    BENCH_MUST(lookup_found(author, items, indicators / samples, samples) == samples);
    conn_open(&peer, second->socket);
    BENCH_MUST(lookup_found(&peer, items, indicators / samples, samples) == samples);
    conn_close(&peer);
    measured->author_us[round] = (double)(author_us - begin_us);
    measured->looked_us[round] = (double)(bulk.looked_us - begin_us);
    measured->peer_us[round] = (double)(peer_us - author_us);
    measured->sum_us[round] = limit.sum_us;
    const double parts_us[] = {limit.parse_us,  limit.normalise_us, limit.hash_us,  limit.sort_us,
                               limit.append_us, limit.log_us,       limit.commit_us};
    for (size_t i = 0; i < 7; i++) {
        measured->parts_us[i][round] = parts_us[i];
    }
    bulk_free(&bulk);
    free(text);
}

static void say_results(const struct bench_options *options, struct measured *measured, double verify_us)
{
    static const char *const names[] = {"part: parse",  "part: normalise", "part: hash",  "part: sort",
                                        "part: append", "part: log",       "part: commit"};
    const double sum_ms = median(measured->sum_us) / 1000;
    const char *what = "parse + normalise + hash + sort + append + log + commit";
    for (size_t i = 0; i < 7; i++) {
        bench_say(options,
                  &(struct bench_line){"bulk", names[i], "ms", median(measured->parts_us[i]) / 1000, sum_ms, what, 0, false});
    }
    const struct bench_line lines[] = {
        {"bulk", "extracted, guards asked", "ms", median(measured->looked_us) / 1000, sum_ms, what, 0, false},
        {"bulk", "durable, findable at author", "ms", median(measured->author_us) / 1000, sum_ms, what, 1.5, false},
        {"bulk", "peer has all, after author", "ms", median(measured->peer_us) / 1000, sum_ms + verify_us / 1000,
         "the same sum + verification of the records", 1.5, false},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        bench_say(options, &lines[i]);
    }
}

void bench_bulk(const struct bench_options *options)
{
    static struct measured measured;
    const uint32_t indicators = options->is_small ? 2000 : 100000;
    struct node first, second;
    struct conn author, watch;
    node_make(&first, "first", "Bench");
    node_make(&second, "second", NULL);
    node_link(&first, &second);
    conn_open(&author, first.socket);
    conn_open(&watch, second.socket);
    conn_watch(&watch);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        measure_round(&first, &second, &author, &watch, indicators, round, &measured);
    }
    double records = indicators / 2000.0; /* of a report, somewhat fewer than there are */
    say_results(options, &measured, records * 1e6 / limit_verify_rate(options->is_small ? 100 : 2000));
    conn_close(&author);
    conn_close(&watch);
    node_remove(&first);
    node_remove(&second);
}
