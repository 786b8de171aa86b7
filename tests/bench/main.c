/* kr-bench: real nodes on loopback, each figure beside the limit that the machine sets in the same run (README.md). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "crypto/secret.h"

static const struct {
    const char *name;
    void (*run)(const struct bench_options *options);
    bool is_large; /* runs by name, or small */
} benches[] = {
    {"propagation", bench_propagation, false},
    {"bulk", bench_bulk, false},
    {"import", bench_import, false},
    {"ingest", bench_ingest, false},
    {"membership", bench_membership, false},
    {"memory", bench_memory, false},
    {"lookup", bench_lookup, false},
    {"replicate", bench_replicate, false},
    {"reconcile", bench_reconcile, false},
    {"trees", bench_trees, false},
    {"rekey", bench_rekey, false},
    {"dissemination", bench_dissemination, false},
    {"flood", bench_flood, false},
    {"scan", bench_scan, false},
    {"crowd", bench_crowd, true},
};
#define BENCH_COUNT (sizeof benches / sizeof benches[0])

static int usage(void)
{
    (void)fputs(
        "Usage: kr-bench "
        "[propagation|bulk|import|ingest|membership|memory|lookup|replicate|reconcile|trees|rekey|dissemination|flood|scan|crowd]"
        "... [--json] "
        "[--small] "
        "[--nodes N] [--minutes N] [--records N]\n"
        "  --json     one JSON object a line\n"
        "  --nodes    so many in the crowd, 47 to 20,000\n"
        "  --minutes  so many of its hour, 1 to 60; goals of an hour in proportion\n"
        "  --records  so many for a newcomer, 500 to 2,000,000; more than 125,000 are GREEN, of several authors\n"
        "  --small    sizes for a smoke test; its figures mean nothing\n"
        "Exit status: 0 all goals reached, 1 some missed, 2 it could not be measured.\n",
        stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct bench_options options = {0};
    bool chosen[BENCH_COUNT] = {0}, any = false;
    for (int i = 1; i < argc; i++) {
        bool is_known = strcmp(argv[i], "--json") == 0 || strcmp(argv[i], "--small") == 0;
        options.is_json = options.is_json || strcmp(argv[i], "--json") == 0;
        options.is_small = options.is_small || strcmp(argv[i], "--small") == 0;
        if (strcmp(argv[i], "--nodes") == 0 && i + 1 < argc) {
            options.nodes = (uint32_t)strtoul(argv[++i], NULL, 10);
            is_known = options.nodes >= 47 && options.nodes <= 20000;
        } else if (strcmp(argv[i], "--minutes") == 0 && i + 1 < argc) {
            options.minutes = (uint32_t)strtoul(argv[++i], NULL, 10);
            is_known = options.minutes >= 1 && options.minutes <= 60;
        } else if (strcmp(argv[i], "--records") == 0 && i + 1 < argc) {
            options.records = (uint32_t)strtoul(argv[++i], NULL, 10);
            is_known = options.records >= 500 && options.records <= 2000000;
        }
        for (size_t j = 0; j < BENCH_COUNT; j++) {
            if (strcmp(argv[i], benches[j].name) == 0) {
                chosen[j] = any = is_known = true;
            }
        }
        if (!is_known) {
            return usage();
        }
    }
    if (kr_crypto_init() != KR_OK) {
        return 2;
    }
    (void)bench_directory();
    for (size_t j = 0; j < BENCH_COUNT; j++) {
        if (chosen[j] || (!any && (!benches[j].is_large || options.is_small))) {
            benches[j].run(&options);
        }
    }
    return bench_all_passed() || options.is_small ? 0 : 1;
}
