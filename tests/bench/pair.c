#include "pair.h"

#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "node/core/state.h"
#include "proto/wire/sync.h"

#define IN_FLIGHT_MAX 4096u
#define LOOK_MS       100u
#define RESTART_MS    (UINT64_C(1) << 60) /* never: it is started by hand */

struct frame {
    uint32_t type, depth;
    bool lists_ids;
};

struct pair {
    struct sim_world world;
    struct kr_session shadow[2]; /* the receivers' sessions, ahead of them by what is under way */
    struct frame flying[2][IN_FLIGHT_MAX];
    uint32_t flying_head[2], flying_count[2];
    uint32_t depth[2];
    struct pair_tally tally;
    double flush_us;
    uint8_t plain[KR_FRAME_BYTES_MAX];
    struct kr_message message; /* borrows from `plain` */
};

/* kr_loop_run and kr_gossip_flush are wrapped by the linker: they are called below the pair, which it cannot be told of otherwise.
 */
static struct pair *active;

/* ---- frames ---- */

static bool is_about_records(uint32_t type)
{
    return type == KR_MESSAGE_RECORDS || type == KR_MESSAGE_CREDIT || type == KR_MESSAGE_NEED;
}

static bool open_frame(struct pair *pair, uint32_t to, const struct kr_effect *effect)
{
    const size_t head = 1 + KR_SESSION_ID_BYTES;
    struct kr_session *shadow = &pair->shadow[to];
    if (memcmp(shadow->id, effect->bytes + 1, KR_SESSION_ID_BYTES) != 0) {
        const struct kr_link *link = kr_loop_core(pair->world.nodes[to]->loop)->links[0];
        *shadow = memcmp(link->session.id, effect->bytes + 1, KR_SESSION_ID_BYTES) == 0 ? link->session : link->pending;
    }
    return kr_session_open(shadow, pair->plain, effect->bytes + head, effect->len - head) == KR_OK;
}

/* Whether the frame that was opened lists ids: from then on its receiver knows what of them differs. */
static bool lists_ids(struct pair *pair, size_t len)
{
    struct kr_message *message = &pair->message;
    struct kr_sync_part part = {0};
    struct kr_reader reader;
    BENCH_MUST(kr_message_read((struct kr_slice){pair->plain, len}, message) == KR_OK);
    kr_reader_init(&reader, message->parts.bytes, message->type == KR_MESSAGE_SYNC ? message->parts.len : 0);
    while (part.what != KR_SYNC_LIST && reader.at < reader.end) {
        kr_sync_part_read(&reader, &part);
    }
    return message->type == KR_MESSAGE_HAVE || part.what == KR_SYNC_LIST;
}

static struct frame read_frame(struct pair *pair, uint32_t to, const struct kr_effect *effect)
{
    const size_t overhead = 1 + KR_SESSION_ID_BYTES + KR_SESSION_OVERHEAD_BYTES;
    struct frame frame = {.type = KR_MESSAGE_UNKNOWN, .depth = pair->depth[1 - to] + 1};
    if (effect->len > overhead && effect->bytes[0] == KR_FRAME_SEALED) {
        BENCH_MUST(open_frame(pair, to, effect));
        frame.lists_ids = lists_ids(pair, effect->len - overhead);
        frame.type = pair->message.type;
        BENCH_MUST(frame.type < PAIR_TYPES);
    }
    return frame;
}

static bool on_effect(void *context, struct sim_node *node, const struct kr_effect *effect)
{
    struct pair *pair = context;
    if (effect->type != KR_EFFECT_SEND) {
        return false;
    }
    const uint32_t to = 1 - node->index;
    const struct frame frame = read_frame(pair, to, effect);
    BENCH_MUST(pair->flying_count[to] < IN_FLIGHT_MAX);
    pair->flying[to][(pair->flying_head[to] + pair->flying_count[to]++) % IN_FLIGHT_MAX] = frame;
    struct pair_tally *tally = &pair->tally;
    tally->records += frame.type == KR_MESSAGE_RECORDS;
    if (frame.type != KR_MESSAGE_UNKNOWN && !is_about_records(frame.type)) {
        tally->bytes += effect->len;
        tally->frames++;
        tally->type_bytes[frame.type] += effect->len;
        tally->depth = frame.depth > tally->depth ? frame.depth : tally->depth;
        if (frame.lists_ids && frame.depth > tally->list_depth[frame.type]) {
            tally->list_depth[frame.type] = frame.depth;
        }
    }
    return false;
}

/* ---- the cores' time ---- */

/* What came: the next of the frames under way. */
static uint32_t arrived(struct pair *pair, uint32_t node)
{
    BENCH_MUST(pair->flying_count[node] > 0);
    const struct frame frame = pair->flying[node][pair->flying_head[node]];
    pair->flying_head[node] = (pair->flying_head[node] + 1) % IN_FLIGHT_MAX;
    pair->flying_count[node]--;
    if (frame.type != KR_MESSAGE_UNKNOWN && !is_about_records(frame.type) && frame.depth > pair->depth[node]) {
        pair->depth[node] = frame.depth;
    }
    return frame.type;
}

enum kr_err __real_kr_loop_run(struct kr_loop *loop, const struct kr_event *events, size_t count, const uint8_t seed[static 32],
                               bool (*is_over)(void *context), void *context, struct kr_effects *effects, size_t *ret_done);
enum kr_err __wrap_kr_loop_run(struct kr_loop *loop, const struct kr_event *events, size_t count, const uint8_t seed[static 32],
                               bool (*is_over)(void *context), void *context, struct kr_effects *effects, size_t *ret_done);
enum kr_err __real_kr_gossip_flush(struct kr_step *step);
enum kr_err __wrap_kr_gossip_flush(struct kr_step *step);

/* One event at a time, so that each has its own price. */
enum kr_err __wrap_kr_loop_run(struct kr_loop *loop, const struct kr_event *events, size_t count, const uint8_t seed[static 32],
                               bool (*is_over)(void *context), void *context, struct kr_effects *effects, size_t *ret_done)
{
    if (active == NULL) {
        return __real_kr_loop_run(loop, events, count, seed, is_over, context, effects, ret_done);
    }
    const uint32_t node = active->world.nodes[0]->loop == loop ? 0 : 1;
    const bool is_frame = events[0].type == KR_EVENT_FRAME;
    const uint32_t type = is_frame ? arrived(active, node) : KR_MESSAGE_UNKNOWN;
    const bool is_counted = is_frame ? type != KR_MESSAGE_UNKNOWN && !is_about_records(type) : events[0].type == KR_EVENT_TICK;
    active->flush_us = 0;
    const double begin_us = bench_cpu_us();
    enum kr_err err = __real_kr_loop_run(loop, events, 1, seed, is_over, context, effects, ret_done);
    const double took_us = is_counted ? bench_cpu_us() - begin_us - active->flush_us : 0;
    active->tally.cpu_us += took_us;
    active->tally.type_us[type] += took_us;
    return err;
}

enum kr_err __wrap_kr_gossip_flush(struct kr_step *step)
{
    if (active == NULL) { /* other benches flush a hundred million times */
        return __real_kr_gossip_flush(step);
    }
    const double begin_us = bench_cpu_us();
    enum kr_err err = __real_kr_gossip_flush(step);
    active->flush_us += bench_cpu_us() - begin_us;
    return err;
}

/* ---- the pair ---- */

struct pair *pair_new(void)
{
    struct pair *pair = calloc(1, sizeof *pair);
    BENCH_MUST(pair != NULL);
    if (sim_world_init(&pair->world, 1, 2, getenv("KR_BENCH_LOG") != NULL ? stderr : NULL) != SIM_HOLDS) {
        bench_die("no world: %s", pair->world.complaint);
    }
    pair->world.on_effect = on_effect;
    pair->world.context = pair;
    pair->world.map_bytes = 0; /* chosen from what is there */
    pair_restart(pair, NULL, PAIR_AGE_MS);
    return pair;
}

void pair_free(struct pair *pair)
{
    active = NULL;
    sim_world_deinit(&pair->world);
    free(pair);
}

struct kr_store *pair_store(struct pair *pair, uint32_t node)
{
    return pair->world.nodes[node]->store;
}

struct sim_world *pair_world(struct pair *pair)
{
    return &pair->world;
}

void pair_count_from_here(struct pair *pair)
{
    memset(&pair->tally, 0, sizeof pair->tally);
    memset(pair->depth, 0, sizeof pair->depth);
}

const struct pair_tally *pair_tally(const struct pair *pair)
{
    return &pair->tally;
}

void pair_run(struct pair *pair, uint64_t ms)
{
    if (sim_world_run(&pair->world, pair->world.now_ms + ms) != SIM_HOLDS) {
        bench_die("%s", pair->world.complaint);
    }
}

/* ---- restarting ---- */

/* As if `node` had read the other's log of this scope to its end: a mark, as the core keeps them. */
static void set_mark(struct pair *pair, uint32_t node, const struct kr_scope *scope)
{
    uint8_t key[65], hash[32];
    uint64_t count = 0;
    struct kr_txn *txn = NULL;
    struct kr_writer mark;
    memcpy(key, pair->world.nodes[1 - node]->keyring->transport_public, 32);
    key[32] = scope->kind;
    memcpy(key + 33, scope->id, 32);
    BENCH_MUST(kr_store_read_begin(pair_store(pair, 1 - node), &txn) == KR_OK &&
               kr_store_scope_mark(txn, scope, &count, hash) == KR_OK);
    kr_txn_abort(txn);
    kr_writer_init(&mark, 64);
    kr_writer_array(&mark, 2);
    kr_writer_uint(&mark, count);
    kr_writer_bin(&mark, hash, KR_MARK_HASH_BYTES);
    BENCH_MUST(kr_writer_finish(&mark) == KR_OK && kr_store_write_begin(pair_store(pair, node), &txn) == KR_OK &&
               kr_store_put(txn, KR_TABLE_MARKS, key, sizeof key, mark.bytes, mark.len) == KR_OK && kr_txn_commit(txn) == KR_OK);
    kr_writer_deinit(&mark);
}

/* What a node does when nothing else is to be done, also after it was started: filters of the index, and merging. */
static void rest(struct kr_store *store)
{
    bool has_more = true;
    while (has_more) {
        struct kr_txn *txn = NULL;
        BENCH_MUST(kr_store_write_begin(store, &txn) == KR_OK && kr_store_merge_slice(txn, &has_more) == KR_OK &&
                   kr_txn_commit(txn) == KR_OK);
    }
}

void pair_restart(struct pair *pair, const struct kr_scope *read, uint64_t away_ms)
{
    active = NULL;
    for (uint32_t i = 0; i < 2; i++) {
        if (read != NULL) {
            set_mark(pair, i, read);
        }
    }
    for (uint32_t i = 0; i < 2; i++) {
        sim_world_crash(&pair->world, i, RESTART_MS);
    }
    memset(pair->flying_count, 0, sizeof pair->flying_count);
    pair->world.now_ms += away_ms;
    for (uint32_t i = 0; i < 2; i++) {
        BENCH_MUST(sim_world_start(&pair->world, i) == SIM_HOLDS);
        rest(pair_store(pair, i));
    }
    active = pair;
    pair_count_from_here(pair);
}

bool pair_is_equal(struct pair *pair, const struct kr_scope *scope)
{
    uint8_t roots[2][32];
    for (uint32_t i = 0; i < 2; i++) {
        struct kr_txn *txn = NULL;
        uint64_t count = 0;
        BENCH_MUST(kr_store_read_begin(pair_store(pair, i), &txn) == KR_OK &&
                   kr_store_tree_root(txn, scope, 0, roots[i], &count) == KR_OK);
        kr_txn_abort(txn);
    }
    return memcmp(roots[0], roots[1], sizeof roots[0]) == 0;
}

/* Looked at while records come, and shortly after: looking costs more than a quiet millisecond. */
void pair_run_until_equal(struct pair *pair, const struct kr_scope *scope, uint64_t ms_max)
{
    const uint64_t until_ms = pair->world.now_ms + ms_max;
    uint64_t records = pair->tally.records, look_until_ms = pair->world.now_ms;
    while (pair->world.now_ms > look_until_ms || !pair_is_equal(pair, scope)) {
        if (pair->world.now_ms >= until_ms) {
            bench_die("the two do not become equal in %llu ms", (unsigned long long)ms_max);
        }
        pair_run(pair, 1);
        if (pair->tally.records != records) {
            records = pair->tally.records;
            look_until_ms = pair->world.now_ms + LOOK_MS;
        }
    }
}
