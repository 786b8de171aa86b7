/* Links through third nodes: what three operators do for one, again and again until it is so, and whether it is. */
#include <stdlib.h>
#include <string.h>

#include "node/core/forward.h"
#include "node/core/through.h"
#include "proto/client/forward.h"
#include "tests/sim/internal.h"

static void ask(struct sim_world *world, const struct sim_node *node, uint32_t op, struct kr_writer *args)
{
    KR_ASSERT(kr_writer_finish(args) == KR_OK);
    sim_world_push(world, node, (struct kr_event){.type = KR_EVENT_REQUEST, .client = SIM_CLIENT_THROUGH, .op = op}, args->bytes,
                   args->len, world->now_ms);
    kr_writer_deinit(args);
}

static void add(struct sim_world *world, const struct sim_node *node, const struct sim_node *other, const struct sim_node *middle)
{
    struct kr_peer_act act = {.action = KR_PEER_ADD};
    struct kr_writer args;
    memcpy(act.council, other->council, 32);
    memcpy(act.through, middle->council, 32);
    kr_writer_init(&args, KR_KIB);
    kr_peer_act_write(&act, &args);
    ask(world, node, KR_OP_PEER, &args);
}

static void allow(struct sim_world *world, const struct sim_node *middle, const struct sim_node *a, const struct sim_node *b,
                  bool is_allowed)
{
    struct kr_forward_act act = {.action = is_allowed ? KR_FORWARD_ALLOW : KR_FORWARD_DENY};
    struct kr_writer args;
    memcpy(act.councils[0], a->council, 32);
    memcpy(act.councils[1], b->council, 32);
    kr_writer_init(&args, KR_KIB);
    kr_forward_act_write(&act, &args);
    ask(world, middle, KR_OP_FORWARD, &args);
}

/* NULL where the node is down. */
static struct kr_core *core_of(const struct sim_node *node)
{
    return node->is_up ? kr_loop_core(node->loop) : NULL;
}

static bool has_added(const struct sim_node *node, const struct sim_node *other)
{
    struct kr_core *core = core_of(node);
    const struct kr_link *link = core == NULL ? NULL : kr_link_by_council(core, other->council);
    return link != NULL && link->through != NULL;
}

static bool is_in_force(const struct sim_node *node, const struct sim_node *other)
{
    return has_added(node, other) && !kr_link_by_council(core_of(node), other->council)->pairing.is_pending;
}

static bool has_allowed(const struct sim_node *middle, const struct sim_node *a, const struct sim_node *b)
{
    const struct kr_core *core = core_of(middle);
    for (uint32_t i = 0; core != NULL && i < core->forward_count; i++) {
        const struct kr_forward_side *sides = core->forwards[i]->sides;
        if ((memcmp(sides[0].council, a->council, 32) == 0 && memcmp(sides[1].council, b->council, 32) == 0) ||
            (memcmp(sides[0].council, b->council, 32) == 0 && memcmp(sides[1].council, a->council, 32) == 0)) {
            return true;
        }
    }
    return false;
}

static void remove_link(struct sim_world *world, const struct sim_node *node, const struct sim_node *other)
{
    struct kr_peer_act act = {.action = KR_PEER_REMOVE};
    struct kr_writer args;
    memcpy(act.council, other->council, 32);
    kr_writer_init(&args, KR_KIB);
    kr_peer_act_write(&act, &args);
    ask(world, node, KR_OP_PEER, &args);
}

static bool is_stopped(const struct sim_node *node, const struct sim_node *other)
{
    struct kr_core *core = core_of(node);
    const struct kr_link *link = core == NULL ? NULL : kr_link_by_council(core, other->council);
    return link != NULL && link->stop != KR_STOP_NOT;
}

/* Both begin together, or the code of one is not the other's. */
static void both_add(struct sim_world *world, const struct sim_node *a, const struct sim_node *b, const struct sim_node *middle)
{
    const bool a_has = has_added(a, b), b_has = has_added(b, a), is_over = is_stopped(a, b) || is_stopped(b, a);
    if (a_has && (!b_has || is_over)) {
        remove_link(world, a, b);
    }
    if (b_has && (!a_has || is_over)) {
        remove_link(world, b, a);
    }
    if (!a_has && !b_has) {
        add(world, a, b, middle);
        add(world, b, a, middle);
    }
}

void sim_throughs_again(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->through_count; i++) {
        const struct sim_through *through = &world->throughs[i];
        const struct sim_node *a = world->nodes[through->a], *b = world->nodes[through->b], *middle = world->nodes[through->middle];
        if (core_of(a) != NULL && core_of(b) != NULL) {
            both_add(world, a, b, middle);
        }
        sim_world_confirm(world, through->a, through->b);
        sim_world_confirm(world, through->b, through->a);
        if (core_of(middle) != NULL && has_allowed(middle, a, b) != through->is_allowed) {
            allow(world, middle, a, b, through->is_allowed);
        }
    }
}

void sim_world_through(struct sim_world *world, uint32_t a, uint32_t middle, uint32_t b, bool is_allowed)
{
    uint32_t at = 0;
    while (at < world->through_count &&
           (world->throughs[at].a != a || world->throughs[at].b != b || world->throughs[at].middle != middle)) {
        at++;
    }
    if (at == SIM_THROUGHS_MAX) {
        return;
    }
    world->through_count = at == world->through_count ? at + 1 : world->through_count;
    world->throughs[at] = (struct sim_through){a, middle, b, is_allowed};
    sim_throughs_again(world);
}

bool sim_through_stands(const struct sim_world *world, const struct sim_through *through)
{
    const struct sim_node *a = world->nodes[through->a], *b = world->nodes[through->b], *middle = world->nodes[through->middle];
    const bool is_honest = !a->is_hostile && !b->is_hostile && !middle->is_hostile;
    return is_honest && is_in_force(a, b) && is_in_force(b, a) && has_allowed(middle, a, b);
}

/* What is passed on to `to`, or comes to it that way: a frame's class is in the open, and no more. Ids would tell that there is a
 * record, and councils, of which only hello speaks in the open, whose it is. */
enum sim_verdict sim_check_piece(struct sim_world *world, const struct sim_node *to, const struct kr_message *message)
{
    const struct kr_slice piece = message->piece;
    if (message->from == 0 && (piece.bytes[0] < KR_FRAME_HELLO || piece.bytes[0] > KR_FRAME_LOST)) {
        return sim_fail(world, SIM_LEAK, "%s is handed a piece of what is no frame", to->name);
    }
    const bool is_sealed = message->from == 0 && piece.bytes[0] == KR_FRAME_SEALED;
    for (uint32_t i = 0; i < world->node_count && is_sealed; i++) {
        if (memmem(piece.bytes, piece.len, world->nodes[i]->council, 32) != NULL) {
            return sim_fail(world, SIM_LEAK, "what %s is handed speaks of %s in the open", to->name, world->nodes[i]->name);
        }
    }
    for (uint32_t i = 0; i < world->record_count; i++) {
        const struct sim_record *record = &world->records[i];
        if (record->is_accepted && memmem(piece.bytes, piece.len, record->id, KR_SHORT_ID_BYTES) != NULL) {
            return sim_fail(world, SIM_LEAK, "the id of record %u stands in the open in what %s is handed", record->name, to->name);
        }
    }
    return sim_check_frame(world, piece.bytes, piece.len);
}

enum sim_verdict sim_check_forwards(struct sim_world *world, const struct sim_node *node)
{
    const struct kr_core *core = kr_loop_core(node->loop);
    for (uint32_t i = 0; i < core->forward_count; i++) {
        const struct kr_forward *forward = core->forwards[i];
        if (forward->sides[0].waiting > KR_FORWARD_WINDOW || forward->sides[1].waiting > KR_FORWARD_WINDOW) {
            return sim_fail(world, SIM_UNBOUNDED, "%s: more waits to be passed on than may", node->name);
        }
    }
    for (uint32_t i = 0; i < core->link_count; i++) {
        const struct kr_through *through = core->links[i]->through;
        if (through != NULL && through->frames_bytes > KR_THROUGH_QUEUE_BYTES_MAX) {
            return sim_fail(world, SIM_UNBOUNDED, "%s: more waits for a link through a third node than may", node->name);
        }
    }
    return SIM_HOLDS;
}
