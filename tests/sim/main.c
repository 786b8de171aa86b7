/* kr-sim: runs the simulated federation under one seed or many. See tests/sim/README.md. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "proto/client/client.h"
#include "tests/sim/world.h"

#define NODES_MAX   200u
#define RECORDS_MAX 100000u

enum shape { SHAPE_CHAIN, SHAPE_RING, SHAPE_STAR, SHAPE_RANDOM, SHAPE_COUNT };
static const char *const shape_names[SHAPE_COUNT] = {"chain", "ring", "star", "random"};

struct options {
    uint64_t seed, seeds;
    uint32_t nodes, records;
    enum shape shape;
    bool is_verbose, checks_determinism;
};

static void draw_edges(const struct options *options, uint64_t seed, struct sim_edges *edges)
{
    uint8_t bytes[32] = "kr-sim edges";
    struct kr_rng rng;
    for (int i = 0; i < 8; i++) {
        bytes[24 + i] = (uint8_t)(seed >> (8 * i));
    }
    switch (options->shape) {
    case SHAPE_RING:
        sim_edges_ring(edges, options->nodes);
        break;
    case SHAPE_STAR:
        sim_edges_star(edges, options->nodes);
        break;
    case SHAPE_RANDOM:
        kr_rng_init(&rng, bytes);
        sim_edges_regular(edges, options->nodes, options->nodes > 8 ? 4 : 2, &rng);
        break;
    default:
        sim_edges_chain(edges, options->nodes);
    }
}

/* One run in two phases: safety under faults, then heal and demand convergence. */
static enum sim_verdict run(struct sim_world *world, const struct options *options, uint64_t seed, FILE *trace)
{
    struct sim_edges edges = {0};
    draw_edges(options, seed, &edges);
    enum sim_verdict verdict = sim_world_init_with(world, seed, options->nodes, &edges, options->shape == SHAPE_CHAIN, trace);
    sim_edges_free(&edges);
    if (verdict != SIM_HOLDS) {
        return verdict;
    }
    world->is_quiet = false;
    world->faults = (struct sim_faults){
        .drop = sim_world_below(world, 100),
        .duplicate = sim_world_below(world, 20),
        .reorder = sim_world_below(world, 20),
        .fail_commit = sim_world_below(world, 40),
        .crash = sim_world_below(world, 16),
        .split = sim_world_below(world, 3),
        .delay_ms_max = 1 + sim_world_below(world, 400),
    };
    world->text_bytes = sim_world_below(world, 4) == 0 ? 48u * KR_KIB : 0;
    uint64_t begin_ms = world->now_ms;
    uint32_t audience[KR_CLIENT_AUDIENCE_MAX];
    for (uint32_t i = 0; i < options->records; i++) {
        static const enum kr_label labels[] = {KR_TLP_CLEAR, KR_TLP_GREEN, KR_TLP_AMBER};
        uint32_t node = sim_world_below(world, options->nodes);
        enum kr_label label = labels[sim_world_below(world, 3)];
        uint32_t count = sim_world_draw_audience(world, node, audience);
        sim_world_submit(world, node, label, audience, count, begin_ms + sim_world_below(world, 240000));
    }
    /* Safety is looked at again and again while everything goes wrong. */
    for (uint32_t part = 1; part <= 10 && verdict == SIM_HOLDS; part++) {
        verdict = sim_world_run(world, begin_ms + part * 30000u);
        if (verdict == SIM_HOLDS) {
            verdict = sim_check_leaks(world);
        }
        if (verdict == SIM_HOLDS) {
            verdict = sim_check_accepted(world);
        }
    }
    if (verdict != SIM_HOLDS) {
        return verdict;
    }
    sim_world_heal(world);
    verdict = sim_world_run(world, world->now_ms + 180000);
    if (verdict == SIM_HOLDS) {
        verdict = sim_check_leaks(world);
    }
    if (verdict == SIM_HOLDS) {
        verdict = sim_check_accepted(world);
    }
    if (verdict == SIM_HOLDS) {
        verdict = sim_check_disks(world);
    }
    return verdict == SIM_HOLDS ? sim_check_convergence(world) : verdict;
}

static enum sim_verdict run_seed(const struct options *options, uint64_t seed)
{
    struct sim_world *world = malloc(sizeof *world);
    KR_ASSERT(world != NULL);
    enum sim_verdict verdict = run(world, options, seed, options->is_verbose ? stdout : NULL);
    uint8_t hash[32], again[32];
    sim_world_trace_hash(world, hash);
    if (verdict != SIM_HOLDS) {
        (void)printf("seed %llu: %s\n", (unsigned long long)seed, world->complaint);
    } else if (options->is_verbose) {
        (void)printf("seed %llu holds: %llu events, %llu frames, %llu dropped, %llu records on the way, %llu crashes, %llu failed "
                     "commits\n",
                     (unsigned long long)seed, (unsigned long long)world->events_run, (unsigned long long)world->frames,
                     (unsigned long long)world->dropped, (unsigned long long)world->records_seen,
                     (unsigned long long)world->crashes, (unsigned long long)world->failed_commits);
    }
    sim_world_deinit(world);
    if (verdict == SIM_HOLDS && options->checks_determinism) {
        verdict = run(world, options, seed, NULL);
        sim_world_trace_hash(world, again);
        sim_world_deinit(world);
        if (verdict == SIM_HOLDS && memcmp(hash, again, 32) != 0) {
            (void)printf("seed %llu: two runs differ\n", (unsigned long long)seed);
            verdict = SIM_NOT_DETERMINISTIC;
        }
    }
    free(world);
    return verdict;
}

static int usage(int status)
{
    (void)fprintf(status == 0 ? stdout : stderr,
                  "usage: kr-sim [--seed N] [--seeds COUNT] [--nodes N] [--records N] [--shape chain|ring|star|random]\n"
                  "              [--verbose] [--determinism]\n"
                  "  kr-sim --seed 7 --verbose      one run with its trace\n"
                  "  kr-sim --seed 1 --seeds 200    seeds 1 to 200, stops at the first that fails\n"
                  "exit status: 0 holds, 10 leak, 11 loss, 12 no convergence, 13 crash, 14 not deterministic, 15 setup\n");
    return status;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *ret)
{
    char *end = NULL;
    unsigned long long value = strtoull(text, &end, 10);
    bool is_number = text[0] >= '0' && text[0] <= '9' && *end == 0 && value <= max;
    *ret = is_number ? value : *ret;
    return is_number;
}

static bool parse_shape(const char *text, enum shape *ret)
{
    for (uint32_t i = 0; i < SHAPE_COUNT; i++) {
        if (strcmp(text, shape_names[i]) == 0) {
            *ret = (enum shape)i;
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"seed", required_argument, NULL, 's'},    {"seeds", required_argument, NULL, 'c'}, {"nodes", required_argument, NULL, 'n'},
        {"records", required_argument, NULL, 'r'}, {"shape", required_argument, NULL, 'p'}, {"verbose", no_argument, NULL, 'v'},
        {"determinism", no_argument, NULL, 'd'},   {"help", no_argument, NULL, 'h'},        {0}};
    struct options options = {.seed = 1, .seeds = 1, .nodes = 3, .records = 40};
    uint64_t nodes = options.nodes, records = options.records;
    bool is_good = true;
    for (int c; is_good && (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        switch (c) {
        case 's':
            is_good = parse_number(optarg, UINT64_MAX, &options.seed);
            break;
        case 'c':
            is_good = parse_number(optarg, UINT32_MAX, &options.seeds);
            break;
        case 'n':
            is_good = parse_number(optarg, NODES_MAX, &nodes) && nodes >= 2;
            break;
        case 'r':
            is_good = parse_number(optarg, RECORDS_MAX, &records);
            break;
        case 'p':
            is_good = parse_shape(optarg, &options.shape);
            break;
        case 'v':
            options.is_verbose = true;
            break;
        case 'd':
            options.checks_determinism = true;
            break;
        case 'h':
            return usage(0);
        default:
            is_good = false;
        }
    }
    is_good = is_good && (options.shape != SHAPE_RANDOM || nodes >= 3);
    if (!is_good || kr_crypto_init() != KR_OK) {
        return usage(2);
    }
    options.nodes = (uint32_t)nodes;
    options.records = (uint32_t)records;
    for (uint64_t i = 0; i < options.seeds; i++) {
        enum sim_verdict verdict = run_seed(&options, options.seed + i);
        if (verdict != SIM_HOLDS) {
            (void)printf("again with: kr-sim --seed %llu --nodes %u --records %u --shape %s --verbose\n",
                         (unsigned long long)(options.seed + i), options.nodes, options.records, shape_names[options.shape]);
            return (int)verdict;
        }
    }
    (void)printf("%llu seeds hold\n", (unsigned long long)options.seeds);
    return 0;
}
