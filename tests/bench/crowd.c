/* An hour of ordinary traffic among all of Japan's local governments: does it fit into memory, and how long does it take? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "bench.h"
#include "many.h"
#include "tests/sim/japan.h"

#define MINUTE_MS      60000u
#define MINUTES        60u
#define HOUR_RECORDS   500u
#define TEXT_BYTES     500u
#define AUDIENCE       4u
#define TOGETHER_BYTES (16.0 * 1024 * 1024 * 1024)
#define HOUR_S         600.0
#define STORE_FILES    2u /* that LMDB holds open */
#define OTHER_FILES    256u
#define STRANGERS      128u /* of communities that are too large for one: so many members, and all that is written is CLEAR */

struct crowd {
    const struct bench_options *options;
    uint32_t minutes;
    struct many many;
    double peak_bytes, peak_store_bytes;
};

/* Two files for each node are more than most machines allow unasked. */
static void allow_files(uint32_t nodes)
{
    const rlim_t wanted = (rlim_t)nodes * STORE_FILES + OTHER_FILES;
    struct rlimit limit;
    BENCH_MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur >= wanted) {
        return;
    }
    limit.rlim_cur = wanted;
    limit.rlim_max = limit.rlim_max > wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        bench_die("%u nodes need %llu open files: raise the hard limit (as root: ulimit -Hn %llu; or LimitNOFILE=, or nofile in "
                  "/etc/security/limits.conf), or take fewer nodes",
                  nodes, (unsigned long long)wanted, (unsigned long long)wanted);
    }
}

static double cpu_s(void)
{
    struct timespec used;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static void note_memory(struct crowd *crowd)
{
    const double store_bytes = (double)many_store_bytes(&crowd->many), bytes = store_bytes + (double)many_anonymous_bytes();
    crowd->peak_store_bytes = store_bytes > crowd->peak_store_bytes ? store_bytes : crowd->peak_store_bytes;
    crowd->peak_bytes = bytes > crowd->peak_bytes ? bytes : crowd->peak_bytes;
}

/* Linked councils whose cards the author has. */
static uint32_t draw_audience(const struct many *many, uint32_t author, uint32_t ret_audience[static AUDIENCE])
{
    const struct sim_node *node = many->world->nodes[author];
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->edge_count && count < AUDIENCE; i++) {
        const struct sim_edge *edge = &many->world->edges.items[node->edges[i]];
        const uint32_t other = edge->a == author ? edge->b : edge->a;
        uint32_t at = count++;
        for (; at > 0 && ret_audience[at - 1] > other; at--) {
            ret_audience[at] = ret_audience[at - 1];
        }
        ret_audience[at] = other;
    }
    return count;
}

/* Six of ten for the community, three for anyone, one for some neighbours; anybody writes, at any time of the hour. */
static void schedule(struct crowd *crowd, struct kr_rng *rng)
{
    struct many *many = &crowd->many;
    struct sim_world *world = many->world;
    const bool is_one_community = many->members == many->count;
    for (uint32_t i = 0; i < HOUR_RECORDS * crowd->minutes / MINUTES; i++) {
        struct sim_submission submission = {
            .name = i, .node = (uint32_t)kr_rng_below(rng, many->members), .text_bytes = TEXT_BYTES};
        uint32_t audience[AUDIENCE];
        const uint64_t lot = kr_rng_below(rng, 10);
        submission.label = !is_one_community || lot >= 7 ? KR_TLP_CLEAR : lot >= 1 ? KR_TLP_GREEN : KR_TLP_AMBER;
        if (submission.label == KR_TLP_AMBER) {
            submission.audience = audience;
            submission.audience_count = draw_audience(many, submission.node, audience);
        }
        (void)sim_world_submit_as(world, &submission, world->now_ms + kr_rng_below(rng, (uint64_t)crowd->minutes * MINUTE_MS));
    }
}

/* The share of nodes that have what is open to them. */
static double coverage(const struct many *many)
{
    uint64_t held = 0, wanted = 0;
    for (uint32_t i = 0; i < many->world->record_count; i++) {
        const struct sim_record *record = &many->world->records[i];
        for (uint32_t j = 0; j < many->count && !kr_label_is_sealed(record->label); j++) {
            held += sim_holds(many->world->nodes[j], record->id);
            wanted++;
        }
    }
    return (double)held / (double)wanted;
}

static void say(const struct crowd *crowd, const char *what, struct bench_line line)
{
    char name[128];
    (void)snprintf(name, sizeof name, "%u nodes: %s", crowd->many.count, what);
    line.bench = "crowd";
    line.name = name;
    bench_say(crowd->options, &line);
}

/* Of a figure: what span it is of. */
static const char *span(const struct crowd *crowd, const char *what, char buffer[static 64])
{
    if (crowd->minutes == MINUTES) {
        (void)snprintf(buffer, 64, "an hour, %s", what);
    } else {
        (void)snprintf(buffer, 64, "%u minutes, %s", crowd->minutes, what);
    }
    return buffer;
}

static void run_hour(struct crowd *crowd)
{
    char name[64];
    struct many *many = &crowd->many;
    const uint32_t minutes = crowd->minutes;
    const uint64_t begin_us = bench_now_us(), frames = many->world->frames, bytes = many->world->frame_bytes;
    const double begin_s = cpu_s();
    for (uint32_t i = 0; i < minutes; i++) {
        many_run(many, MINUTE_MS);
        note_memory(crowd);
    }
    const double used_s = cpu_s() - begin_s, wall_s = (double)(bench_now_us() - begin_us) / 1e6;
    const double hour = (double)minutes / MINUTES;
    say(crowd, span(crowd, "wall time", name),
        (struct bench_line){.value = wall_s, .unit = "s", .limit = HOUR_S * hour, .limit_what = "ten minutes an hour", .goal = 1});
    say(crowd, span(crowd, "CPU time", name),
        (struct bench_line){.value = used_s, .unit = "s", .limit = HOUR_S * hour, .limit_what = "ten minutes an hour"});
    say(crowd, "frames",
        (struct bench_line){.value = (double)(many->world->frames - frames) / many->count / minutes,
                            .unit = "a min",
                            .limit = 2.0 * many->world->edges.count * 4 / many->count,
                            .limit_what = "a ping and a pong in 15 s on each link"});
    say(crowd, "bytes",
        (struct bench_line){.value = (double)(many->world->frame_bytes - bytes) / many->count / (minutes * 60),
                            .unit = "B/s",
                            .limit = 1000,
                            .limit_what = "1,000 bytes a node"});
}

void bench_crowd(const struct bench_options *options)
{
    struct crowd crowd = {.options = options, .minutes = options->minutes > 0 ? options->minutes : MINUTES};
    struct many *many = &crowd.many;
    const uint32_t count = options->is_small ? SIM_JAPAN_PREFECTURES : options->nodes > 0 ? options->nodes : SIM_JAPAN_NODES;
    const uint64_t begin_us = bench_now_us();
    struct sim_edges edges = {0};
    struct kr_rng rng;
    uint8_t seed[32] = {0xc0};
    kr_rng_init(&rng, seed);
    crowd.minutes = options->is_small ? 2 : crowd.minutes;
    allow_files(count);
    many_init(many, count, count > KR_COMMUNITY_COUNCILS_MAX ? STRANGERS : count, 1);
    note_memory(&crowd);
    const double made_s = (double)(bench_now_us() - begin_us) / 1e6;
    many_draw_edges(many, MANY_RANDOM, &rng, &edges);
    many_wire(many, &edges);
    note_memory(&crowd);
    const double wired_s = (double)(bench_now_us() - begin_us) / 1e6 - made_s;
    say(&crowd, "made", (struct bench_line){.value = made_s, .unit = "s", .limit = HOUR_S, .limit_what = "ten minutes"});
    say(&crowd, "linked", (struct bench_line){.value = wired_s, .unit = "s", .limit = HOUR_S, .limit_what = "ten minutes"});
    schedule(&crowd, &rng);
    run_hour(&crowd);
    many_run(many, 10000);
    const double share = options->is_small ? 1 : coverage(many);
    say(&crowd, "coverage",
        (struct bench_line){.value = 100 * share, .unit = "%", .limit = 100, .limit_what = "all", .goal = 1, .goal_is_min = true});
    say(&crowd, "memory and stores, most",
        (struct bench_line){.value = crowd.peak_bytes / KR_MIB,
                            .unit = "MiB",
                            .limit = TOGETHER_BYTES / KR_MIB,
                            .limit_what = "16 GiB",
                            .goal = 1});
    say(&crowd, "stores alone",
        (struct bench_line){
            .value = crowd.peak_store_bytes / KR_MIB, .unit = "MiB", .limit = TOGETHER_BYTES / KR_MIB, .limit_what = "16 GiB"});
    sim_edges_free(&edges);
    many_deinit(many);
}
