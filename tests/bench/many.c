#include "many.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench.h"
#include "node/core/state.h"
#include "proto/client/client.h"
#include "tests/sim/japan.h"
#include "tests/sim/large.h"

#define CLIENT_WATCH 9u
#define STEP_MS      10u
#define WAIT_MS      10000u
#define LATE_MS      1000u
#define DELAY_MS     20u /* from node to node: half of the round trip between Tokyo and Sapporo or Fukuoka, and a commit */

#define MUST(many, call)                                                                                                           \
    do {                                                                                                                           \
        if ((call) != SIM_HOLDS) {                                                                                                 \
            bench_die("%s: %s", #call, (many)->world->complaint);                                                                  \
        }                                                                                                                          \
    } while (0)

static struct many *sorted; /* for qsort */

static int compare_councils(const void *left, const void *right)
{
    struct sim_node **nodes = sorted->world->nodes;
    return memcmp(nodes[*(const uint32_t *)left]->council, nodes[*(const uint32_t *)right]->council, 32);
}

static void *must_alloc(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    BENCH_MUST(memory != NULL);
    return memory;
}

/* Prefectures keep their numbers, municipalities are shuffled: so the first of them are some from anywhere. */
static void draw_country(struct many *many, uint64_t seed, uint32_t *ret_vouchers)
{
    uint32_t *places = must_alloc(many->count, sizeof *places);
    uint8_t bytes[32] = {0};
    struct kr_rng rng;
    memcpy(bytes, &seed, sizeof seed);
    kr_rng_init(&rng, bytes);
    sim_japan_parents(many->count, places);
    for (uint32_t i = 0; i < many->count; i++) {
        many->numbers[i] = i;
    }
    for (uint32_t i = many->count; i > SIM_JAPAN_PREFECTURES + 1; i--) {
        uint32_t at = SIM_JAPAN_PREFECTURES + (uint32_t)kr_rng_below(&rng, i - SIM_JAPAN_PREFECTURES), old = many->numbers[at];
        many->numbers[at] = many->numbers[i - 1];
        many->numbers[i - 1] = old;
    }
    for (uint32_t i = 0; i < many->count; i++) {
        many->parents[many->numbers[i]] = places[i];
        ret_vouchers[many->numbers[i]] = i < SIM_JAPAN_PREFECTURES ? 0 : places[i];
    }
    free(places);
}

void many_init(struct many *many, uint32_t count, uint32_t members, uint64_t seed)
{
    *many = (struct many){.count = count, .members = members, .world = must_alloc(1, sizeof *many->world)};
    many->parents = must_alloc(count, sizeof *many->parents);
    many->numbers = must_alloc(count, sizeof *many->numbers);
    many->by_council = must_alloc(count, sizeof *many->by_council);
    many->arrived_ms = must_alloc(count, sizeof *many->arrived_ms);
    uint32_t *vouchers = must_alloc(count, sizeof *vouchers);
    draw_country(many, seed, vouchers);
    const struct sim_large large = {.node_count = count, .member_count = members, .vouchers = vouchers};
    MUST(many, sim_large_init(many->world, seed, &large));
    free(vouchers);
    many->world->delay_ms = DELAY_MS;
    for (uint32_t i = 0; i < count; i++) {
        many->by_council[i] = i;
    }
    sorted = many;
    qsort(many->by_council, count, sizeof *many->by_council, compare_councils);
}

void many_deinit(struct many *many)
{
    sim_world_deinit(many->world);
    free(many->world);
    free(many->parents);
    free(many->numbers);
    free(many->by_council);
    free(many->arrived_ms);
}

void many_draw_edges(const struct many *many, enum many_shape shape, struct kr_rng *rng, struct sim_edges *ret_edges)
{
    if (shape == MANY_RANDOM) {
        sim_edges_regular(ret_edges, many->count, 8, rng);
        return;
    }
    sim_edges_japan(ret_edges, many->count);
    for (uint32_t i = 0; i < ret_edges->count; i++) {
        ret_edges->items[i].a = many->numbers[ret_edges->items[i].a];
        ret_edges->items[i].b = many->numbers[ret_edges->items[i].b];
    }
}

void many_wire(struct many *many, const struct sim_edges *edges)
{
    MUST(many, sim_large_wire(many->world, edges));
}

void many_run(struct many *many, uint64_t ms)
{
    MUST(many, sim_world_run(many->world, many->world->now_ms + ms));
}

/* ---- the way of a record ---- */

static bool look(void *context, struct sim_node *node, const struct kr_effect *effect)
{
    struct many *many = context;
    struct kr_summary summary;
    if (effect->type != KR_EFFECT_PAGE || effect->client != CLIENT_WATCH) {
        return false;
    }
    BENCH_MUST(kr_summary_read((struct kr_slice){effect->bytes, effect->len}, &summary) == KR_OK);
    bool is_it = summary.title.len == strlen(many->title) && memcmp(summary.title.bytes, many->title, summary.title.len) == 0;
    if (is_it && many->arrived_ms[node->index] == UINT64_MAX) {
        many->arrived_ms[node->index] = many->world->now_ms;
        many->arrived_count++;
    }
    return true;
}

void many_watch(struct many *many)
{
    struct kr_writer writer;
    kr_writer_init(&writer, KR_KIB);
    kr_writer_array(&writer, 0);
    BENCH_MUST(kr_writer_finish(&writer) == KR_OK);
    for (uint32_t i = 0; i < many->count; i++) {
        sim_world_push(many->world, many->world->nodes[i],
                       (struct kr_event){.type = KR_EVENT_REQUEST, .client = CLIENT_WATCH, .request = 1, .op = KR_OP_WATCH},
                       writer.bytes, writer.len, many->world->now_ms);
    }
    kr_writer_deinit(&writer);
    many->world->context = many;
    many->world->on_effect = look;
    many_run(many, 1);
}

static uint64_t received(const struct many *many)
{
    uint64_t records = 0;
    for (uint32_t i = 0; i < many->count; i++) {
        const struct kr_core *core = kr_loop_core(many->world->nodes[i]->loop);
        for (uint32_t j = 0; j < core->link_count; j++) {
            records += core->links[j]->received_records;
        }
    }
    return records;
}

static uint32_t node_of(struct many *many, const uint8_t council[static 32])
{
    uint32_t low = 0, high = many->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (memcmp(many->world->nodes[many->by_council[middle]]->council, council, 32) <= 0) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return many->by_council[low];
}

/* Who handed it to this node, by the node's own store. */
static uint32_t giver(struct many *many, uint32_t node, const uint8_t id[static 32])
{
    struct kr_txn *txn = NULL;
    struct kr_head head;
    uint8_t scratch[KR_HEAD_SCRATCH];
    uint64_t arrival;
    BENCH_MUST(kr_store_read_begin(many->world->nodes[node]->store, &txn) == KR_OK);
    BENCH_MUST(kr_store_record_find(txn, id, &arrival) == KR_OK && kr_store_head_get(txn, arrival, &head, scratch) == KR_OK);
    kr_txn_abort(txn);
    return node_of(many, head.from);
}

static uint32_t longest_way(struct many *many, uint32_t author, const uint8_t id[static 32])
{
    uint32_t *givers = must_alloc(many->count, sizeof *givers), longest = 0;
    for (uint32_t i = 0; i < many->count; i++) {
        givers[i] = i == author || many->arrived_ms[i] == UINT64_MAX ? i : giver(many, i, id);
    }
    for (uint32_t i = 0; i < many->count; i++) {
        uint32_t hops = 0;
        for (uint32_t at = i; givers[at] != at && hops < many->count; at = givers[at]) {
            hops++;
        }
        longest = hops > longest ? hops : longest;
    }
    free(givers);
    return longest;
}

struct many_way many_send(struct many *many, uint32_t author, enum kr_label label, uint32_t expected)
{
    struct sim_world *world = many->world;
    struct many_way way = {.begin_ms = world->now_ms};
    const uint64_t records = received(many), bytes = world->frame_bytes;
    uint32_t number = sim_world_submit(world, author, label, NULL, 0, world->now_ms);
    sodium_bin2hex(many->title, sizeof many->title, world->records[number].canary, sizeof world->records[number].canary);
    memset(many->arrived_ms, 0xff, many->count * sizeof *many->arrived_ms);
    many->arrived_count = 0;
    while (many->arrived_count < expected && world->now_ms < way.begin_ms + WAIT_MS) {
        many_run(many, STEP_MS);
    }
    for (uint32_t i = 0; i < many->count; i++) {
        bool is_later = many->arrived_ms[i] != UINT64_MAX && many->arrived_ms[i] > way.end_ms;
        way.end_ms = is_later ? many->arrived_ms[i] : way.end_ms;
    }
    many_run(many, LATE_MS);
    way.payloads = (double)(received(many) - records) / (double)(expected - 1);
    way.frame_bytes = (double)(world->frame_bytes - bytes) / many->count;
    way.hops = longest_way(many, author, world->records[number].id);
    return way;
}

/* ---- graphs ---- */

static bool is_mute(const struct sim_edge *edge)
{
    return edge->wires != NULL && edge->wires[0].is_mute;
}

uint32_t many_distances(const struct many *many, uint32_t from, uint32_t *ret_distance)
{
    uint32_t *queue = must_alloc(many->count, sizeof *queue), head = 0, tail = 0;
    memset(ret_distance, 0xff, many->count * sizeof *ret_distance);
    ret_distance[from] = 0;
    queue[tail++] = from;
    while (head < tail) {
        const struct sim_node *node = many->world->nodes[queue[head++]];
        for (uint32_t i = 0; i < node->edge_count; i++) {
            const struct sim_edge *edge = &many->world->edges.items[node->edges[i]];
            uint32_t other = edge->a == node->index ? edge->b : edge->a;
            if (ret_distance[other] == UINT32_MAX && !is_mute(edge)) {
                ret_distance[other] = ret_distance[node->index] + 1;
                queue[tail++] = other;
            }
        }
    }
    free(queue);
    return tail;
}

uint32_t many_diameter(const struct many *many)
{
    uint32_t *distance = must_alloc(many->count, sizeof *distance), diameter = 0;
    for (uint32_t i = 0; i < many->count; i++) {
        BENCH_MUST(many_distances(many, i, distance) == many->count);
        for (uint32_t j = 0; j < many->count; j++) {
            diameter = distance[j] > diameter ? distance[j] : diameter;
        }
    }
    free(distance);
    return diameter;
}

/* ---- memory ---- */

uint64_t many_anonymous_bytes(void)
{
    char line[256];
    unsigned long long kib = 0;
    FILE *file = fopen("/proc/self/status", "re");
    BENCH_MUST(file != NULL);
    while (fgets(line, sizeof line, file) != NULL && sscanf(line, "RssAnon: %llu", &kib) != 1) { /* NOLINT(cert-err34-c) */
    }
    (void)fclose(file);
    return kib * KR_KIB;
}

uint64_t many_store_bytes(const struct many *many)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < many->count; i++) {
        char path[200];
        struct stat stat_of;
        (void)snprintf(path, sizeof path, "%s/data.mdb", many->world->nodes[i]->path);
        bytes += stat(path, &stat_of) == 0 ? (uint64_t)stat_of.st_blocks * 512 : 0;
    }
    return bytes;
}
