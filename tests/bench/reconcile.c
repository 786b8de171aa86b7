/* What it takes two nodes with a million records each to find out in what they differ, without the records themselves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "sketching.h"
#include "stock.h"

#define EQUAL_MS_MAX 600000u /* of virtual time */
#define LINE_BYTES   64

enum method { CURSOR, WALK, SKETCH, METHODS };
static const char *const method_names[METHODS] = {"cursor", "walk", "sketch"};

/* Goals of each case, and what negentropy needs for it on such a machine. */
struct reconcile_case {
    const char *name;
    uint32_t differences;
    bool is_recent;
    double bytes, sketch_bytes, cpu_ms, trips; /* goals */
    const char *negentropy_bytes, *negentropy_cpu;
};
static const struct reconcile_case cases[] = {
    {"10 spread", 10, false, 9000, 2000, 5, 3, "19.6 KB", "73 ms"},
    {"10 recent", 10, true, 1000, 2000, 2, 2, "2.3 KB", "12 ms"},
    {"1,000 spread", 1000, false, 450000, 60000, 50, 3, "1,355 KB", "3,239 ms"},
    {"1,000 recent", 1000, true, 20000, 60000, 10, 2, "34 KB", "21 ms"},
    {"10,000 spread", 10000, false, 2500000, 600000, 300, 4, "10.5 MB", "10,448 ms"},
    {"10,000 recent", 10000, true, 200000, 600000, 50, 3, "331 KB", "152 ms"},
};
#define CASES (sizeof cases / sizeof cases[0])

struct result {
    double bytes, ping_bytes, cpu_ms, trips; /* `bytes`: without the pings, which come anyway */
};

static void say_one(const struct bench_options *options, const char *name, const char *what, const char *unit, double value,
                    double limit, const char *limit_what, bool has_goal)
{
    char line[2 * LINE_BYTES];
    (void)snprintf(line, sizeof line, "%s: %s", name, what);
    bench_say(options, &(struct bench_line){"reconcile", line, unit, value, limit, limit_what, has_goal ? 1 : 0, false});
}

static void say(const struct bench_options *options, const struct reconcile_case *which, enum method method,
                const struct result *result)
{
    char name[LINE_BYTES], bytes_what[LINE_BYTES], cpu_what[LINE_BYTES];
    (void)snprintf(name, sizeof name, "%s, %s", which->name, method_names[method]);
    (void)snprintf(bytes_what, sizeof bytes_what, "goal (negentropy: %s)", which->negentropy_bytes);
    (void)snprintf(cpu_what, sizeof cpu_what, "goal (negentropy: %s)", which->negentropy_cpu);
    say_one(options, name, "bytes", "B", result->bytes, method == SKETCH ? which->sketch_bytes : which->bytes, bytes_what,
            method != SKETCH || !which->is_recent);
    if (method != SKETCH) {
        say_one(options, name, "bytes with pings", "B", result->bytes + result->ping_bytes, which->bytes, "goal without them",
                false);
    }
    say_one(options, name, "CPU", "ms", result->cpu_ms, which->cpu_ms, cpu_what, method != SKETCH);
    say_one(options, name, "round trips", "", result->trips, which->trips, "goal (negentropy: 3)", method != SKETCH);
}

/* Trips: what is said after the ping, which comes anyway, until the last ids are told. What one of the two lacks is then wanted, or
 * pushed to it. */
static struct result result_of(const struct pair *pair, enum method method)
{
    const struct pair_tally *tally = pair_tally(pair);
    const uint32_t depth = tally->list_depth[method == CURSOR ? KR_MESSAGE_HAVE : KR_MESSAGE_SYNC];
    const double ping_bytes = (double)(tally->type_bytes[KR_MESSAGE_PING] + tally->type_bytes[KR_MESSAGE_PONG]);
    return (struct result){(double)tally->bytes - ping_bytes, ping_bytes, tally->cpu_us / 1000, depth > 1 ? (depth - 1) / 2.0 : 0};
}

/* Nothing differs: a ping and its answer. */
static void run_none(const struct bench_options *options, struct pair *pair)
{
    pair_run(pair, 60000);
    pair_count_from_here(pair);
    while (pair_tally(pair)->type_bytes[KR_MESSAGE_PONG] == 0) {
        pair_run(pair, 1);
    }
    const struct pair_tally *tally = pair_tally(pair);
    say_one(options, "none", "bytes", "B", (double)tally->bytes, 200, "goal", true);
    say_one(options, "none", "CPU", "ms", tally->cpu_us / 1000, 1, "nothing was asked", false);
    say_one(options, "none", "round trips", "", tally->depth / 2.0, 1, "goal", true);
}

static void show_types(const struct pair *pair, const char *name, enum method method)
{
    static const char *const names[PAIR_TYPES] = {
        [KR_MESSAGE_PING] = "ping", [KR_MESSAGE_PONG] = "pong",   [KR_MESSAGE_CURSOR] = "cursor",
        [KR_MESSAGE_HAVE] = "have", [KR_MESSAGE_WANT] = "want",   [KR_MESSAGE_GONE] = "gone",
        [KR_MESSAGE_SYNC] = "sync", [KR_MESSAGE_ROOTS] = "roots", [KR_MESSAGE_IHAVE] = "ihave",
    };
    (void)fprintf(stderr, "%s, %s:", name, method_names[method]);
    for (uint32_t i = 0; i < PAIR_TYPES; i++) {
        if (pair_tally(pair)->type_bytes[i] > 0) {
            (void)fprintf(stderr, " %s %llu B %.0f us", names[i] != NULL ? names[i] : "?",
                          (unsigned long long)pair_tally(pair)->type_bytes[i], pair_tally(pair)->type_us[i]);
        }
    }
    (void)fprintf(stderr, "; ticks %.0f us; %llu frames, and %llu of records\n", pair_tally(pair)->type_us[KR_MESSAGE_UNKNOWN],
                  (unsigned long long)pair_tally(pair)->frames, (unsigned long long)pair_tally(pair)->records);
}

static void run_case(const struct bench_options *options, struct stock *stock, const struct reconcile_case *which, uint32_t scale)
{
    struct pair *pair = stock->pair;
    for (enum method method = CURSOR; method <= WALK; method++) {
        stock_add(stock, which->differences / scale, which->is_recent);
        if (method == CURSOR) {
            struct result result = {0};
            sketching_run(pair, which->differences / scale, &result.bytes, &result.cpu_ms, &result.trips);
            say(options, which, SKETCH, &result);
        }
        pair_restart(pair, method == WALK ? &stock_scope : NULL, 0);
        pair_run_until_equal(pair, &stock_scope, EQUAL_MS_MAX);
        const struct result result = result_of(pair, method);
        say(options, which, method, &result);
        if (getenv("KR_BENCH_LOG") != NULL) {
            show_types(pair, which->name, method);
        }
        pair_run(pair, 60000); /* all marks have moved */
    }
}

void bench_reconcile(const struct bench_options *options)
{
    static struct stock stock;
    struct pair *pair = pair_new();
    const uint32_t scale = options->is_small ? 10 : 1;
    stock_fill(&stock, pair, options->is_small ? 20000 : 1000000);
    pair_restart(pair, NULL, 0);
    run_none(options, pair);
    for (size_t i = 0; i < CASES; i++) {
        run_case(options, &stock, &cases[i], scale);
    }
    sketching_say(options, pair);
    pair_free(pair);
}
