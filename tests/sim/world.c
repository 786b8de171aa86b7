#include "tests/sim/world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/wire/node.h"
#include "tests/sim/disk.h"
#include "tests/sim/hostile.h"
#include "tests/sim/internal.h"

/* ---- small things ---- */

uint32_t sim_world_below(struct sim_world *world, uint32_t bound)
{
    return (uint32_t)kr_rng_below(&world->rng, bound);
}

bool sim_chance(struct sim_world *world, uint32_t of_thousand)
{
    return !world->is_quiet && of_thousand > 0 && sim_world_below(world, 1000) < of_thousand;
}

void sim_trace(struct sim_world *world, const char *fmt, ...)
{
    char line[512];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    size_t kept = len < 0 ? 0 : ((size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
    kr_hash_update(&world->trace_hash, line, kept);
    kr_hash_update(&world->trace_hash, "\n", 1);
    if (world->trace != NULL) {
        (void)fprintf(world->trace, "%8.3f %s\n", (double)(world->now_ms - SIM_EPOCH_MS) / 1000, line);
    }
}

void sim_tell(struct sim_world *world, const char *fmt, ...)
{
    if (world->story != NULL) {
        va_list args;
        va_start(args, fmt);
        (void)fprintf(world->story, "%8llu ", (unsigned long long)(world->now_ms - world->story_ms) / 1000);
        (void)vfprintf(world->story, fmt, args);
        (void)fprintf(world->story, "\n");
        va_end(args);
    }
}

enum sim_verdict sim_fail(struct sim_world *world, enum sim_verdict verdict, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(world->complaint, sizeof world->complaint, fmt, args);
    va_end(args);
    world->verdict = verdict;
    return verdict;
}

void sim_world_trace_hash(const struct sim_world *world, uint8_t ret_hash[static 32])
{
    struct kr_hash_state copy = world->trace_hash;
    kr_hash_final(&copy, ret_hash);
}

/* ---- nodes' lives ---- */

static bool fail_commit(void *context)
{
    struct sim_world *world = context;
    bool fails = sim_chance(world, world->faults.fail_commit);
    world->failed_commits += fails;
    return fails;
}

enum sim_verdict sim_node_start(struct sim_world *world, struct sim_node *node)
{
    uint8_t seed[32];
    kr_rng_bytes(&world->rng, seed, sizeof seed);
    struct kr_store_options store_options = {
        .path = node->path,
        .storage_key = kr_keyring_storage(node->keyring),
        .old_storage_key = kr_keyring_storage_before(node->keyring),
        .term_key = node->keyring->term_key,
        .term_generation = node->keyring->term_generation,
        .map_bytes = world->map_bytes,
        .is_volatile = true,
        .fail_commit = fail_commit,
        .fail_context = world,
        .seed = seed,
    };
    struct kr_error error = {0};
    if (kr_store_open(&store_options, &node->store, &error) != KR_OK) {
        return sim_fail(world, SIM_CRASH, "%s: the store does not open: %s", node->name, error.text);
    }
    node->clock.last_ms = sim_node_system_ms(world, node);
    node->clock.last_monotonic_ms = node->clock.stands_from_ms = world->now_ms;
    node->now_ms = node->clock.last_ms;
    struct kr_core_options options = {
        .keyring = node->keyring, .endpoint = node->name, .guards = world->guards, .doubts_clock = world->doubts_clocks};
    if (kr_loop_new(node->store, &options, &node->loop, &error) != KR_OK) {
        kr_store_close(node->store);
        return sim_fail(world, SIM_CRASH, "%s: the core does not start: %s", node->name, error.text);
    }
    node->life++;
    node->is_up = true;
    node->wake_ms = 0;
    sim_net_reset(node);
    node->commits = 0;
    sim_trace(world, "%s starts, life %u", node->name, node->life);
    if (node->life > 2) { /* the first two are those of setting up */
        sim_tell(world, "node %u starts", node->index);
    }
    sim_world_push(world, node, (struct kr_event){.type = KR_EVENT_TICK}, NULL, 0, world->now_ms);
    sim_world_push(world, node, (struct kr_event){.type = KR_EVENT_NET_UP}, NULL, 0, world->now_ms + 5);
    return sim_node_tell(world, node);
}

enum sim_verdict sim_world_start(struct sim_world *world, uint32_t index)
{
    return sim_node_start(world, world->nodes[index]);
}

void sim_node_stop(struct sim_node *node)
{
    kr_loop_free(node->loop);
    kr_store_close(node->store);
    node->loop = NULL;
    node->store = NULL;
    node->is_up = false;
    sim_net_reset(node);
}

void sim_world_crash(struct sim_world *world, uint32_t index, uint64_t down_ms)
{
    struct sim_node *node = world->nodes[index];
    if (!node->is_up) {
        return;
    }
    sim_trace(world, "%s crashes", node->name);
    sim_tell(world, "node %u crashes", index);
    sim_node_stop(node);
    world->crashes++;
    sim_heap_push(world, (struct sim_event){.at_ms = world->now_ms + down_ms, .node = index, .kind = SIM_RESTART});
}

static void backup_path(const struct sim_world *world, uint32_t node, char *ret_path, size_t size)
{
    (void)snprintf(ret_path, size, "%s/%u.backup", world->root, node);
}

enum sim_verdict sim_world_backup(struct sim_world *world, uint32_t index)
{
    struct sim_node *node = world->nodes[index];
    char from[200], to[200];
    (void)snprintf(from, sizeof from, "%s/data.mdb", node->path);
    backup_path(world, index, to, sizeof to);
    node->backup_ms = world->now_ms;
    return sim_disk_copy(from, to) ? SIM_HOLDS : sim_fail(world, SIM_SETUP, "no backup of %s", node->name);
}

enum sim_verdict sim_world_restore(struct sim_world *world, uint32_t index, bool is_told)
{
    struct sim_node *node = world->nodes[index];
    char from[200], to[200];
    (void)snprintf(to, sizeof to, "%s/data.mdb", node->path);
    backup_path(world, index, from, sizeof from);
    if (node->is_up) {
        sim_node_stop(node);
    }
    for (uint32_t i = 0; i < world->record_count; i++) {
        struct sim_record *record = &world->records[i];
        record->is_retraction_at_risk =
            record->is_retraction_at_risk || (record->node == index && record->retracted_ms >= node->backup_ms);
        record->forgotten += record->node == index && !record->is_accepted;
        record->is_at_risk = record->is_at_risk || (record->node == index && record->accepted_ms >= node->backup_ms);
    }
    sim_life_restored(world, index);
    node->was_restored = true;
    node->was_copied = node->was_copied || !is_told;
    node->is_to_be_told = is_told;
    return sim_disk_copy(from, to) ? sim_node_start(world, node) : sim_fail(world, SIM_SETUP, "no backup of %s", node->name);
}

void sim_world_force(struct sim_world *world, uint32_t index)
{
    static const uint8_t forced[] = {0x91, 0x01}; /* array of 1: 1 */
    sim_tell(world, "node %u is told to wait no longer", index);
    sim_world_push(world, world->nodes[index],
                   (struct kr_event){.type = KR_EVENT_REQUEST, .client = SIM_CLIENT_FORCE, .op = KR_OP_RECONCILE}, forced,
                   sizeof forced, world->now_ms);
}

uint64_t sim_node_system_ms(const struct sim_world *world, const struct sim_node *node)
{
    return node->skew_ms < 0 && world->now_ms < (uint64_t)-node->skew_ms ? 0 : world->now_ms + (uint64_t)node->skew_ms;
}

void sim_world_clock(struct sim_world *world, uint32_t index, int64_t skew_ms)
{
    struct sim_node *node = world->nodes[index];
    node->skew_ms = skew_ms;
    world->has_wrong_clocks = true;
    if (skew_ms > 0 && (uint64_t)skew_ms > world->ahead_ever_ms) {
        world->ahead_ever_ms = (uint64_t)skew_ms;
    }
    if (skew_ms > 0 && !world->doubts_clocks && (uint64_t)skew_ms > world->ahead_ms) {
        world->ahead_ms = (uint64_t)skew_ms;
    }
    if (node->is_up) {
        sim_world_push(world, node, (struct kr_event){.type = KR_EVENT_TICK}, NULL, 0, world->now_ms);
    }
}

/* ---- setting up ---- */

void sim_node_share(struct sim_node *node, const struct kr_effect *effect)
{
    struct kr_node_keys keys;
    bool is_changed;
    KR_ASSERT(kr_node_keys_read((struct kr_slice){effect->bytes, effect->len}, &keys) == KR_OK);
    KR_ASSERT(kr_keyring_share(node->keyring, keys.root_public, keys.recovery_public, keys.sealing, keys.sealing_count, NULL,
                               &is_changed, NULL) == KR_OK);
}

static enum sim_verdict make_node(struct sim_world *world, uint32_t index, bool is_further)
{
    struct sim_node *node = calloc(1, sizeof *node);
    uint8_t seed[32];
    struct kr_error error = {0};
    KR_ASSERT(node != NULL);
    world->nodes[index] = node;
    node->index = node->first = index;
    kr_clock_init(&node->clock);
    (void)snprintf(node->name, sizeof node->name, "tcp://node%u:1", index);
    (void)snprintf(node->path, sizeof node->path, "%s/%u", world->root, index);
    kr_rng_bytes(&world->rng, seed, sizeof seed);
    enum kr_err (*const make_keyring)(const uint8_t *, uint64_t, struct kr_keyring **, struct kr_error *) =
        is_further ? kr_keyring_new_node : kr_keyring_new;
    if (mkdir(node->path, 0700) != 0 || make_keyring(seed, SIM_EPOCH_MS / 1000, &node->keyring, &error) != KR_OK) {
        return sim_fail(world, SIM_SETUP, "a node cannot be made: %s", error.text);
    }
    sim_net_caller(world, node->keyring->transport_public, index);
    return sim_node_start(world, node);
}

void sim_node_init(struct sim_world *world, struct sim_node *node, bool founds)
{
    char name[32];
    (void)snprintf(name, sizeof name, "council %u", node->index);
    struct kr_init init = {
        .name_ja = {(const uint8_t *)name, strlen(name)},
        .endpoint = {(const uint8_t *)node->name, strlen(node->name)},
        .found_community = {(const uint8_t *)"region", founds ? 6 : 0},
        .newcomers = {(const uint8_t *)KR_NEWCOMERS_FROM_NOW_ON,
                      founds && world->newcomer_count > 0 ? strlen(KR_NEWCOMERS_FROM_NOW_ON) : 0},
    };
    struct kr_writer writer;
    kr_writer_init(&writer, KR_KIB * 4);
    kr_init_write(&init, &writer);
    sim_world_push(world, node, (struct kr_event){.type = KR_EVENT_INIT}, writer.bytes, writer.len, world->now_ms);
    kr_writer_deinit(&writer);
    node->is_member = founds;
}

/* Nodes `from` and on, all at once. */
static enum sim_verdict make_nodes(struct sim_world *world, uint32_t from, uint32_t founder)
{
    enum sim_verdict verdict = SIM_HOLDS;
    for (uint32_t i = from; i < world->node_count && verdict == SIM_HOLDS; i++) {
        verdict = make_node(world, i, false);
        if (verdict == SIM_HOLDS) {
            sim_node_init(world, world->nodes[i], i == founder);
        }
    }
    if (verdict == SIM_HOLDS) {
        verdict = sim_world_run(world, world->now_ms + 100);
    }
    /* The core greeted before it had an identity: begin a life with one. */
    for (uint32_t i = from; i < world->node_count && verdict == SIM_HOLDS; i++) {
        struct kr_core_stat stat;
        kr_core_stat(kr_loop_core(world->nodes[i]->loop), &stat);
        memcpy(world->nodes[i]->council, stat.council, 32);
        sim_node_stop(world->nodes[i]);
        verdict = sim_node_start(world, world->nodes[i]);
    }
    return verdict == SIM_HOLDS ? sim_world_run(world, world->now_ms + 100) : verdict;
}

enum sim_verdict sim_world_begin(struct sim_world *world, uint64_t seed, uint32_t node_count, FILE *trace)
{
    uint8_t seed_bytes[32] = {0};
    memset(world, 0, sizeof *world);
    world->seed = seed;
    world->trace = trace;
    world->is_quiet = true;
    world->now_ms = SIM_EPOCH_MS;
    world->map_bytes = 64u * KR_MIB;
    world->delay_ms = 1;
    for (int i = 0; i < 8; i++) {
        seed_bytes[i] = (uint8_t)(seed >> (8 * i));
    }
    kr_rng_init(&world->rng, seed_bytes);
    kr_hash_init(&world->trace_hash, "kairan sim trace");
    kr_rng_bytes(&world->rng, world->canary, sizeof world->canary);
    world->message = malloc(sizeof *world->message);
    world->plain = malloc(KR_FRAME_BYTES_MAX);
    world->nodes = calloc(node_count, sizeof *world->nodes);
    KR_ASSERT(world->message != NULL && world->plain != NULL && world->nodes != NULL);
    if (!sim_disk_new(world->root, sizeof world->root) || kr_guards_new(&world->guards) != KR_OK) {
        return sim_fail(world, SIM_SETUP, "no directory for the stores: %s", strerror(errno));
    }
    kr_guards_allow_documentation(world->guards, true);
    world->node_count = node_count;
    return SIM_HOLDS;
}

enum sim_verdict sim_world_init_with(struct sim_world *world, uint64_t seed, uint32_t node_count, const struct sim_edges *edges,
                                     uint32_t founder, uint32_t newcomers, FILE *trace)
{
    enum sim_verdict verdict = sim_world_begin(world, seed, node_count, trace);
    world->newcomer_count = newcomers;
    for (uint32_t i = 0; i < 2 * edges->count; i++) { /* late ones behind all others */
        const struct sim_edge *edge = &edges->items[i % edges->count];
        if (edge->is_late == (i >= edges->count)) {
            sim_edges_add(&world->edges, edge->a, edge->b);
            world->edges.items[world->edges.count - 1].is_pending = edge->is_pending;
            world->edges.items[world->edges.count - 1].is_late = edge->is_late;
        }
    }
    if (verdict == SIM_HOLDS) {
        verdict = make_nodes(world, 0, founder);
    }
    const uint32_t all = world->edges.count;
    world->edges.count = sim_edges_on_time(&world->edges);
    if (verdict == SIM_HOLDS) {
        verdict = newcomers > 0 ? sim_world_grow(world) : sim_world_link(world, 0);
    }
    world->edges.count = all;
    return verdict == SIM_HOLDS ? sim_world_run(world, world->now_ms + 60000) : verdict;
}

enum sim_verdict sim_world_init(struct sim_world *world, uint64_t seed, uint32_t node_count, FILE *trace)
{
    struct sim_edges edges = {0};
    sim_edges_chain(&edges, node_count);
    enum sim_verdict verdict = sim_world_init_with(world, seed, node_count, &edges, node_count > 1 ? 1 : 0, 0, trace);
    sim_edges_free(&edges);
    return verdict;
}

enum sim_verdict sim_world_add_node(struct sim_world *world, const char *ticket)
{
    world->nodes = realloc(world->nodes, (world->node_count + 1) * sizeof(struct sim_node *));
    KR_ASSERT(world->nodes != NULL);
    const uint32_t index = world->node_count++;
    enum sim_verdict verdict = make_node(world, index, true);
    if (verdict != SIM_HOLDS) {
        return verdict;
    }
    struct sim_node *node = world->nodes[index];
    const struct kr_node_init init = {.ticket = {(const uint8_t *)ticket, strlen(ticket)},
                                      .name = {(const uint8_t *)"second", 6},
                                      .endpoint = {(const uint8_t *)node->name, strlen(node->name)}};
    struct kr_writer writer;
    kr_writer_init(&writer, 4 * KR_KIB);
    kr_node_init_write(&init, &writer);
    sim_world_push(world, node, (struct kr_event){.type = KR_EVENT_INIT_NODE}, writer.bytes, writer.len, world->now_ms);
    kr_writer_deinit(&writer);
    verdict = sim_world_run(world, world->now_ms + 100);
    struct kr_core_stat stat;
    kr_core_stat(kr_loop_core(node->loop), &stat);
    memcpy(node->council, stat.council, 32);
    for (node->first = 0; memcmp(world->nodes[node->first]->council, node->council, 32) != 0;) {
        node->first++;
    }
    return verdict;
}

enum sim_verdict sim_world_add(struct sim_world *world)
{
    world->nodes = realloc(world->nodes, (world->node_count + 1) * sizeof(struct sim_node *));
    KR_ASSERT(world->nodes != NULL);
    return make_nodes(world, world->node_count++, UINT32_MAX);
}

static void node_free(struct sim_node *node)
{
    if (node == NULL) {
        return;
    }
    if (node->is_up) {
        sim_node_stop(node);
    }
    if (node->has_plain_keys) {
        free(node->keyring);
    } else {
        kr_keyring_free(node->keyring);
    }
    kr_clock_deinit(&node->clock);
    sim_hostile_free(node);
    free(node->has);
    free(node->view);
    free(node->allowed);
    free(node->dials);
    free(node->traffic);
    free(node->edges);
    free(node);
}

void sim_world_deinit(struct sim_world *world)
{
    while (world->heap_count > 0) {
        struct sim_event event = sim_heap_pop(world);
        sim_event_free(&event);
    }
    for (uint32_t i = 0; i < world->node_count; i++) {
        node_free(world->nodes[i]);
    }
    for (uint32_t i = 0; i < world->record_count; i++) {
        free(world->records[i].request);
        free(world->records[i].audience);
    }
    sim_edges_free(&world->edges);
    sim_memo_free(world->memo);
    kr_guards_free(world->guards);
    free((void *)world->nodes);
    free(world->records);
    free(world->said);
    free(world->callers);
    free(world->caller_heads);
    free(world->ticket);
    free(world->message);
    free(world->plain);
    free(world->heap);
    sim_disk_free(world->root);
}
