#include <stdlib.h>
#include <string.h>

#include "tests/sim/internal.h"

#define FULL_MS 30000u /* a slow link that is so far behind drops what comes */

/* ---- who dials under which key ---- */

static uint32_t bucket_of(const struct sim_world *world, const uint8_t key[static 32])
{
    uint32_t word;
    memcpy(&word, key, sizeof word);
    return word & (world->caller_capacity - 1);
}

static void link_caller(struct sim_world *world, uint32_t at)
{
    uint32_t bucket = bucket_of(world, world->callers[at].key);
    world->callers[at].next = world->caller_heads[bucket];
    world->caller_heads[bucket] = at;
}

void sim_net_caller(struct sim_world *world, const uint8_t key[static 32], uint32_t node)
{
    if (world->caller_count == world->caller_capacity) {
        world->caller_capacity = world->caller_capacity == 0 ? 64 : world->caller_capacity * 2;
        world->callers = realloc(world->callers, world->caller_capacity * sizeof *world->callers);
        world->caller_heads = realloc(world->caller_heads, world->caller_capacity * sizeof *world->caller_heads);
        KR_ASSERT(world->callers != NULL && world->caller_heads != NULL);
        memset(world->caller_heads, 0xff, world->caller_capacity * sizeof *world->caller_heads);
        for (uint32_t i = 0; i < world->caller_count; i++) {
            link_caller(world, i);
        }
    }
    for (uint32_t i = world->caller_heads[bucket_of(world, key)]; i != UINT32_MAX; i = world->callers[i].next) {
        if (world->callers[i].node == node && memcmp(world->callers[i].key, key, 32) == 0) {
            return;
        }
    }
    struct sim_caller *caller = &world->callers[world->caller_count];
    caller->node = node;
    memcpy(caller->key, key, 32);
    link_caller(world, world->caller_count++);
}

/* The next node after entry `*at` (UINT32_MAX: the first) that dials under this key; NULL: none. */
static struct sim_node *next_caller(const struct sim_world *world, const uint8_t key[static 32], uint32_t *at)
{
    for (uint32_t i = *at == UINT32_MAX ? world->caller_heads[bucket_of(world, key)] : world->callers[*at].next; i != UINT32_MAX;
         i = world->callers[i].next) {
        if (memcmp(world->callers[i].key, key, 32) == 0) {
            *at = i;
            return world->nodes[world->callers[i].node];
        }
    }
    return NULL;
}

/* ---- what a core told its net ---- */

static struct sim_dial *dial_by_number(struct sim_node *node, uint32_t number)
{
    for (uint32_t i = 0; i < node->dial_count; i++) {
        if (node->dials[i].number == number) {
            return &node->dials[i];
        }
    }
    return NULL;
}

static const struct sim_allowed *allowed_by_key(const struct sim_node *node, const uint8_t key[static 32])
{
    for (uint32_t i = 0; i < node->allowed_count; i++) {
        if (memcmp(node->allowed[i].key, key, 32) == 0) {
            return &node->allowed[i];
        }
    }
    return NULL;
}

static const struct sim_allowed *allowed_by_number(const struct sim_node *node, uint32_t number)
{
    for (uint32_t i = 0; i < node->allowed_count; i++) {
        if (node->allowed[i].number == number) {
            return &node->allowed[i];
        }
    }
    return NULL;
}

void sim_net_allow(struct sim_node *node, const struct kr_effect *effect)
{
    struct kr_reader reader;
    kr_reader_init(&reader, effect->bytes, effect->len);
    uint32_t count = kr_reader_array_between(&reader, 0, KR_LINKS_MAX + KR_LEAVING_MAX + KR_TICKETS_MAX + KR_PERSON_KEYS_MAX);
    free(node->allowed);
    node->allowed = calloc((size_t)count + 1, sizeof *node->allowed);
    KR_ASSERT(node->allowed != NULL);
    for (uint32_t i = 0; i < count; i++) {
        kr_reader_array(&reader, 3);
        node->allowed[i].number = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
        node->allowed[i].kind = (uint32_t)kr_reader_uint(&reader, 3);
        kr_reader_fixed(&reader, node->allowed[i].key, 32);
        kr_reader_close(&reader);
    }
    kr_reader_close(&reader);
    KR_ASSERT(kr_reader_end(&reader) == KR_OK);
    node->allowed_count = count;
    node->is_listening = true;
}

void sim_net_hang_up(struct sim_node *node, uint32_t number)
{
    struct sim_dial *dial = dial_by_number(node, number);
    if (dial != NULL) {
        *dial = node->dials[--node->dial_count];
    }
}

void sim_net_turn(struct sim_world *world, struct sim_node *node)
{
    node->dial_count = 0;
    sim_world_push(world, node, (struct kr_event){.type = KR_EVENT_NET_DOWN}, NULL, 0, world->now_ms + 1);
    sim_world_push(world, node, (struct kr_event){.type = KR_EVENT_NET_UP}, NULL, 0, world->now_ms + 5);
}

void sim_net_reset(struct sim_node *node)
{
    node->allowed_count = 0;
    node->is_listening = false;
    node->dial_count = 0;
}

/* ---- frames ---- */

void sim_world_split(struct sim_world *world, const uint32_t *nodes, uint32_t count, uint64_t until_ms)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        world->nodes[i]->side = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        world->nodes[nodes[i]]->side = 1;
    }
    world->is_split = true;
    world->split_until_ms = until_ms;
}

/* NULL where nothing was ever wrong with it. */
static struct sim_wire *wire_between(const struct sim_world *world, const struct sim_node *from, uint32_t to,
                                     struct sim_edge **ret_edge)
{
    for (uint32_t i = 0; i < from->edge_count; i++) {
        struct sim_edge *edge = &world->edges.items[from->edges[i]];
        if (edge->a == to || edge->b == to) {
            *ret_edge = edge;
            return edge->wires == NULL ? NULL : &edge->wires[edge->a == from->index ? 0 : 1];
        }
    }
    return NULL;
}

void sim_world_wire(struct sim_world *world, uint32_t from, uint32_t to, struct sim_wire wire)
{
    struct sim_edge *edge = NULL;
    (void)wire_between(world, world->nodes[from], to, &edge);
    if (edge == NULL) {
        return;
    }
    if (edge->wires == NULL) {
        edge->wires = calloc(2, sizeof *edge->wires);
        KR_ASSERT(edge->wires != NULL);
    }
    edge->wires[edge->a == from ? 0 : 1] = wire;
}

/* The wire where something is wrong with it now, else NULL. */
static struct sim_wire *bad_wire(const struct sim_world *world, const struct sim_node *from, const struct sim_node *to)
{
    struct sim_edge *edge = NULL;
    struct sim_wire *wire = wire_between(world, from, to->index, &edge);
    return wire != NULL && world->now_ms < wire->until_ms ? wire : NULL;
}

static bool can_reach(const struct sim_world *world, const struct sim_node *from, const struct sim_node *to)
{
    const struct sim_wire *wire = bad_wire(world, from, to);
    bool is_split = world->is_split && world->now_ms < world->split_until_ms && from->side != to->side;
    return from->is_up && to->is_up && !is_split && !(wire != NULL && wire->is_cut);
}

static void lose(struct sim_world *world, struct sim_node *node, uint32_t number)
{
    sim_world_push(world, node, (struct kr_event){.type = KR_EVENT_LOST, .number = number}, NULL, 0, world->now_ms + 1);
}

static void deliver(struct sim_world *world, const struct sim_node *from, struct sim_node *to, uint32_t number,
                    struct sim_dial *dial, int direction, const uint8_t *bytes, size_t len)
{
    struct sim_wire *wire = bad_wire(world, from, to);
    bool is_full = wire != NULL && wire->busy_ms > world->now_ms + FULL_MS;
    if ((wire != NULL && wire->is_mute) || is_full || sim_chance(world, world->faults.drop)) {
        world->dropped++;
        return;
    }
    uint64_t slow_ms = 0;
    if (wire != NULL && wire->bytes_per_s > 0) {
        wire->busy_ms = (wire->busy_ms > world->now_ms ? wire->busy_ms : world->now_ms) + len * 1000 / wire->bytes_per_s;
        slow_ms = wire->busy_ms - world->now_ms;
    }
    uint64_t at_ms =
        slow_ms + world->now_ms + world->delay_ms + (world->is_quiet ? 0 : sim_world_below(world, world->faults.delay_ms_max + 1));
    if (!sim_chance(world, world->faults.reorder)) {
        at_ms = at_ms > dial->last_arrival_ms[direction] ? at_ms : dial->last_arrival_ms[direction];
        dial->last_arrival_ms[direction] = at_ms;
    }
    sim_world_push(world, to, (struct kr_event){.type = KR_EVENT_FRAME, .number = number}, bytes, len, at_ms);
    if (sim_chance(world, world->faults.duplicate)) {
        sim_world_push(world, to, (struct kr_event){.type = KR_EVENT_FRAME, .number = number}, bytes, len, at_ms + 1);
    }
}

/* A key that it had, or that comes next, is not the one that it proves itself by. */
static bool serves(const struct sim_node *node, const struct sim_dial *dial)
{
    return memcmp(node->keyring->transport_public, dial->server_key, 32) == 0;
}

/* Over a connection that `from` dialled, to whoever owns the key that it expects there. */
static bool send_out(struct sim_world *world, struct sim_node *from, struct sim_dial *dial, const uint8_t *bytes, size_t len)
{
    uint32_t at = UINT32_MAX;
    for (struct sim_node *to = next_caller(world, dial->server_key, &at); to != NULL;
         to = next_caller(world, dial->server_key, &at)) {
        if (!can_reach(world, from, to) || !serves(to, dial) || !to->is_listening || dial->is_turned_away) {
            continue;
        }
        const struct sim_allowed *entry = allowed_by_key(to, dial->client_key);
        if (entry != NULL) {
            deliver(world, from, to, entry->number, dial, 0, bytes, len);
            return true;
        }
        dial->is_turned_away = true;
        sim_world_push(world, from, (struct kr_event){.type = KR_EVENT_TURNED_AWAY, .number = dial->number}, NULL, 0,
                       world->now_ms + 1);
    }
    return false;
}

/* Back over a connection that the other side dialled. */
static bool send_back(struct sim_world *world, struct sim_node *from, const struct sim_allowed *entry, const uint8_t *bytes,
                      size_t len)
{
    uint32_t at = UINT32_MAX;
    for (struct sim_node *to = next_caller(world, entry->key, &at); to != NULL; to = next_caller(world, entry->key, &at)) {
        for (uint32_t i = 0; i < to->dial_count && can_reach(world, from, to); i++) {
            struct sim_dial *dial = &to->dials[i];
            if (memcmp(dial->server_key, from->keyring->transport_public, 32) == 0 &&
                memcmp(dial->client_key, entry->key, 32) == 0) {
                deliver(world, from, to, dial->number, dial, 1, bytes, len);
                return true;
            }
        }
    }
    return false;
}

void sim_net_send(struct sim_world *world, struct sim_node *from, uint32_t number, const uint8_t *bytes, size_t len)
{
    world->frames++;
    world->frame_bytes += len;
    struct sim_dial *dial = dial_by_number(from, number);
    const struct sim_allowed *entry = dial == NULL ? allowed_by_number(from, number) : NULL;
    bool is_sent =
        dial != NULL ? send_out(world, from, dial, bytes, len) : entry != NULL && send_back(world, from, entry, bytes, len);
    if (!is_sent) {
        lose(world, from, number);
    }
}

/* Of a dial that is only tried: who cannot be reached says nothing; who does not listen refuses. */
static void try_out(struct sim_world *world, struct sim_node *from, const struct sim_dial *dial)
{
    uint32_t at = UINT32_MAX;
    for (struct sim_node *to = next_caller(world, dial->server_key, &at); to != NULL;
         to = next_caller(world, dial->server_key, &at)) {
        if (can_reach(world, from, to) && serves(to, dial)) {
            const struct kr_event event = {.type = to->is_listening ? KR_EVENT_CONNECTED : KR_EVENT_LOST,
                                           .number = KR_NUMBER_TRIAL};
            sim_world_push(world, from, event, NULL, 0, world->now_ms + 1);
        }
    }
}

void sim_net_dial(struct sim_world *world, struct sim_node *node, const struct kr_effect *effect)
{
    struct kr_reader reader;
    uint8_t secret[32];
    struct sim_dial *dial = dial_by_number(node, effect->number);
    if (dial == NULL && node->dial_count == node->dial_capacity) {
        node->dial_capacity = node->dial_capacity == 0 ? 4 : node->dial_capacity * 2;
        node->dials = realloc(node->dials, node->dial_capacity * sizeof *node->dials);
        KR_ASSERT(node->dials != NULL);
    }
    dial = dial == NULL ? &node->dials[node->dial_count++] : dial;
    *dial = (struct sim_dial){.number = effect->number};
    kr_reader_init(&reader, effect->bytes, effect->len);
    kr_reader_array(&reader, 3);
    (void)kr_reader_str(&reader, KR_ENDPOINT_BYTES_MAX);
    kr_reader_fixed(&reader, dial->server_key, 32);
    bool has_secret = kr_reader_fixed_or_empty(&reader, secret, 32);
    kr_reader_close(&reader);
    KR_ASSERT(kr_reader_end(&reader) == KR_OK);
    memcpy(dial->client_key, node->keyring->transport_public, 32);
    if (has_secret) {
        KR_ASSERT(crypto_scalarmult_base(dial->client_key, secret) == 0);
        sim_net_caller(world, dial->client_key, node->index);
    }
    if (effect->number == KR_NUMBER_TRIAL) {
        try_out(world, node, dial);
    }
}
