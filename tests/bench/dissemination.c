/* How a record gets to everybody: payloads, hops, coverage over time, and what a cut in twenty does to it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "many.h"
#include "plot.h"
#include "tests/sim/japan.h"

#define SEEDS   20u
#define SETTLE  8u  /* records until the author's tree is taken to stand */
#define RECORDS 3u  /* that are measured then */
#define CUT     20u /* one link of so many fails */
#define MEMBERS 128u

struct sums {
    double first, payloads, flooding, bytes, hops, diameter, quiet_ms, cut_ms, cut_ms_max, covered, cut_covered;
    uint32_t records, seeds;
};

struct curves {
    struct plot_curve *quiet, *cut, *flooding;
};

static const char *const shape_names[] = {"random, 8 links each", "prefectures and municipalities"};
static const char *const colours[] = {"#1f77b4", "#d62728"};

static void seed_rng(struct kr_rng *rng, uint64_t seed)
{
    uint8_t bytes[32] = {0x5d};
    memcpy(bytes + 1, &seed, sizeof seed);
    kr_rng_init(rng, bytes);
}

/* Any node alike. Municipalities stand in a random order, so the first ones are as good as any; each is an author once. */
static uint32_t draw_author(const struct many *many, uint32_t seed, struct kr_rng *rng)
{
    uint32_t at = (uint32_t)kr_rng_below(rng, many->count);
    return at < SIM_JAPAN_PREFECTURES ? at : SIM_JAPAN_PREFECTURES + seed % (many->members - SIM_JAPAN_PREFECTURES);
}

static void add_curve(const struct many *many, struct plot_curve *curve, const struct many_way *way, const uint32_t *reach)
{
    for (uint32_t i = 0; i < many->count; i++) {
        if (reach == NULL || reach[i] != UINT32_MAX) {
            plot_add(curve, many->arrived_ms[i] == UINT64_MAX ? UINT64_MAX : many->arrived_ms[i] - way->begin_ms);
        }
    }
}

/* Mutes links at random until one in twenty is, and says how many nodes the author still reaches. Where these are few, other links
 * are tried: with one link of its own, an author would be alone. */
static uint32_t cut_links(struct many *many, uint32_t author, struct kr_rng *rng, uint32_t *ret_reach)
{
    struct sim_world *world = many->world;
    for (;;) {
        uint32_t cut = 0, goal = (world->edges.count + CUT - 1) / CUT;
        for (uint32_t i = 0; i < world->edges.count; i++) {
            const struct sim_edge *edge = &world->edges.items[i];
            bool is_cut = kr_rng_below(rng, world->edges.count - i) < goal - cut;
            struct sim_wire wire = {.is_mute = is_cut, .until_ms = UINT64_MAX};
            sim_world_wire(world, edge->a, edge->b, wire);
            sim_world_wire(world, edge->b, edge->a, wire);
            cut += is_cut;
        }
        uint32_t reached = many_distances(many, author, ret_reach);
        if (reached >= many->count / 2) {
            return reached;
        }
    }
}

static void run_seed(struct many *many, enum many_shape shape, uint32_t seed, struct sums *sums, const struct curves *curves)
{
    struct kr_rng rng;
    struct sim_edges edges = {0};
    uint32_t *distance = calloc(many->count, sizeof *distance);
    BENCH_MUST(distance != NULL);
    seed_rng(&rng, seed);
    many_draw_edges(many, shape, &rng, &edges);
    many_wire(many, &edges);
    many_run(many, 5000);
    uint32_t author = draw_author(many, seed, &rng), diameter = many_diameter(many);
    for (uint32_t i = 0; i < SETTLE; i++) {
        struct many_way way = many_send(many, author, KR_TLP_CLEAR, many->count);
        sums->first += i == 0 ? way.payloads : 0;
    }
    uint32_t most_hops = 0;
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct many_way way = many_send(many, author, KR_TLP_CLEAR, many->count);
        sums->payloads += way.payloads;
        sums->bytes += way.frame_bytes;
        sums->quiet_ms += (double)(way.end_ms - way.begin_ms);
        sums->covered += (double)many->arrived_count / many->count;
        sums->records++;
        most_hops = way.hops > most_hops ? way.hops : most_hops;
        add_curve(many, curves->quiet, &way, NULL);
    }
    /* Everybody passes a record on to all but the one it came from: each link carries it both ways, but for the n - 1 of the way.
     */
    sums->flooding += (2.0 * edges.count - (many->count - 1)) / (many->count - 1);
    sums->hops += most_hops;
    sums->diameter += diameter;
    (void)many_distances(many, author, distance);
    for (uint32_t i = 0; i < many->count; i++) {
        plot_add(curves->flooding, (uint64_t)distance[i] * many->world->delay_ms);
    }
    uint32_t reached = cut_links(many, author, &rng, distance);
    struct many_way way = many_send(many, author, KR_TLP_CLEAR, reached);
    const double cut_ms = (double)(way.end_ms - way.begin_ms);
    sums->cut_ms += cut_ms;
    sums->cut_ms_max = cut_ms > sums->cut_ms_max ? cut_ms : sums->cut_ms_max;
    sums->cut_covered += (double)many->arrived_count / reached;
    sums->seeds++;
    add_curve(many, curves->cut, &way, distance);
    sim_edges_free(&edges);
    free(distance);
}

static void say_one(const struct bench_options *options, const struct many *many, enum many_shape shape, const char *what,
                    struct bench_line line)
{
    char name[128];
    (void)snprintf(name, sizeof name, "%u %s: %s", many->count, shape == MANY_RANDOM ? "random" : "Japan", what);
    line.bench = "dissemination";
    line.name = name;
    bench_say(options, &line);
}

static void say(const struct bench_options *options, const struct many *many, enum many_shape shape, const struct sums *sums)
{
    const double records = sums->records, seeds = sums->seeds, quiet_ms = sums->quiet_ms / records;
    const double diameter = sums->diameter / seeds;
    const struct {
        const char *what;
        struct bench_line line;
    } lines[] = {
        {"payloads, settled",
         {.value = sums->payloads / records, .unit = "a node", .limit = 1, .limit_what = "once each", .goal = 1.2}},
        {"payloads, first record", {.value = sums->first / seeds, .unit = "a node", .limit = 1, .limit_what = "once each"}},
        {"payloads, flooding", {.value = sums->flooding / seeds, .unit = "a node", .limit = 1, .limit_what = "once each"}},
        {"all frames of a record",
         {.value = sums->bytes / records, .unit = "B a node", .limit = 1000, .limit_what = "1,000 bytes"}},
        {"coverage",
         {.value = 100 * sums->covered / records, .unit = "%", .limit = 100, .limit_what = "all", .goal = 1, .goal_is_min = true}},
        {"hops, most",
         {.value = sums->hops / seeds, .unit = "hops", .limit = diameter + 1, .limit_what = "diameter + 1", .goal = 1}},
        {"time to all",
         {.value = quiet_ms, .unit = "ms", .limit = diameter * many->world->delay_ms, .limit_what = "the diameter's delays"}},
        {"5 % cut, coverage",
         {.value = 100 * sums->cut_covered / seeds,
          .unit = "%",
          .limit = 100,
          .limit_what = "all that links still lead to",
          .goal = 1,
          .goal_is_min = true}},
        {"5 % cut, time to all",
         {.value = sums->cut_ms / seeds, .unit = "ms", .limit = quiet_ms, .limit_what = "the quiet time", .goal = 3}},
        {"5 % cut, worst seed", {.value = sums->cut_ms_max, .unit = "ms", .limit = quiet_ms, .limit_what = "the quiet time"}},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        say_one(options, many, shape, lines[i].what, lines[i].line);
    }
}

void bench_dissemination(const struct bench_options *options)
{
    static struct plot_panel panels[2];
    const uint32_t sizes[] = {SIM_JAPAN_PREFECTURES, SIM_JAPAN_NODES}, count = options->is_small ? 1 : 2;
    for (uint32_t size = 0; size < count; size++) {
        struct many many;
        many_init(&many, sizes[size], sizes[size] < MEMBERS ? sizes[size] : MEMBERS, 1);
        many_watch(&many);
        for (uint32_t shape = 0; shape < 2; shape++) {
            struct plot_panel *panel = &panels[shape];
            struct sums sums = {0};
            panel->title = shape_names[shape];
            const struct curves curves = {
                plot_curve(panel, colours[size], false, "%u nodes, tree settled", sizes[size]),
                plot_curve(panel, colours[size], true, "%u nodes, 5 %% of links cut", sizes[size]),
                plot_curve(panel, size == 0 ? "#9ecae1" : "#f4a3a3", false, "%u nodes, the shortest ways (flooding)", sizes[size])};
            for (uint32_t seed = 1; seed <= (options->is_small ? 1 : SEEDS); seed++) {
                run_seed(&many, (enum many_shape)shape, seed, &sums, &curves);
            }
            say(options, &many, (enum many_shape)shape, &sums);
        }
        many_deinit(&many);
    }
    const char *path = options->is_small ? "/dev/null" : "dissemination.svg";
    BENCH_MUST(plot_write(path, panels, 2));
}
