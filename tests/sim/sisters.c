/* Further nodes of a council: how one is taken in, what is lost with one and what is not, and whether they hold the same. */
#include <stdlib.h>
#include <string.h>

#include "node/core/state.h"
#include "proto/client/people.h"
#include "proto/wire/ticket.h"
#include "tests/sim/internal.h"

#define ASKED_MS    10000u /* so long it may take until a machine has asked, and … */
#define TAKEN_IN_MS 60000u /* … until it is a node, with its links */

/* ---- taking one in ---- */

static void ask(struct sim_world *world, const struct sim_node *node, uint32_t client, uint32_t op, struct kr_writer *args)
{
    KR_ASSERT(kr_writer_finish(args) == KR_OK);
    sim_world_push(world, node, (struct kr_event){.type = KR_EVENT_REQUEST, .client = client, .op = op}, args->bytes, args->len,
                   world->now_ms);
    kr_writer_deinit(args);
}

void sim_node_invited(struct sim_world *world, const struct kr_effect *effect)
{
    struct kr_reader reader;
    kr_reader_init(&reader, effect->bytes, effect->len);
    if (world->ticket == NULL && kr_reader_array_between(&reader, 1, 1) == 1) {
        const struct kr_slice text = kr_reader_str(&reader, KR_TICKET_TEXT_BYTES_MAX);
        world->ticket = calloc(1, text.len + 1);
        KR_ASSERT(world->ticket != NULL && text.len > 0);
        memcpy(world->ticket, text.bytes, text.len);
    }
}

/* The operator of `of` makes a ticket. */
static enum sim_verdict invite(struct sim_world *world, uint32_t of)
{
    struct kr_writer args;
    free(world->ticket);
    world->ticket = NULL;
    kr_writer_init(&args, 16);
    kr_writer_array(&args, 1);
    kr_writer_uint(&args, 0);
    ask(world, world->nodes[of], SIM_CLIENT_NODE, KR_OP_NODE_INVITE, &args);
    enum sim_verdict verdict = sim_world_run(world, world->now_ms + 100);
    return verdict != SIM_HOLDS || world->ticket != NULL
               ? verdict
               : sim_fail(world, SIM_SETUP, "%s gave no ticket for a further node", world->nodes[of]->name);
}

/* Who reads the machine's key on its screen has it put on the council's card. */
static void admit(struct sim_world *world, uint32_t of, const struct sim_node *further)
{
    struct kr_writer args;
    kr_writer_init(&args, 64);
    kr_writer_array(&args, 1);
    kr_writer_bin(&args, further->keyring->node_public, 32);
    ask(world, world->nodes[of], SIM_CLIENT_NODE, KR_OP_NODE_ADD, &args);
}

static void note_link(struct sim_world *world, uint32_t a, uint32_t b)
{
    sim_edges_add(&world->edges, a, b);
    world->edges.items[world->edges.count - 1].is_linked = true;
    sim_node_note_edge(world->nodes[a], world->edges.count - 1);
    sim_node_note_edge(world->nodes[b], world->edges.count - 1);
}

/* With the other, and with each peer of that one's. */
static void note_links(struct sim_world *world, uint32_t of, uint32_t further)
{
    const uint32_t count = world->edges.count;
    for (uint32_t i = 0; i < count; i++) {
        const struct sim_edge edge = world->edges.items[i];
        if (edge.a == of || edge.b == of) {
            note_link(world, further, edge.a == of ? edge.b : edge.a);
        }
    }
    note_link(world, of, further);
}

/* The link that `node` has under that key, if there is a session. */
static bool is_linked(const struct sim_node *node, const uint8_t transport_key[static 32])
{
    const struct kr_core *core = kr_loop_core(node->loop);
    for (uint32_t i = 0; core != NULL && i < core->link_count; i++) {
        if (memcmp(core->links[i]->transport_key, transport_key, 32) == 0) {
            return core->links[i]->has_session;
        }
    }
    return false;
}

static bool is_taken_in(const struct sim_world *world, uint32_t further)
{
    const struct sim_node *node = world->nodes[further];
    const struct kr_core *core = kr_loop_core(node->loop);
    bool is_it = core->has_identity && node->keyring->sealing_count > 0;
    for (uint32_t i = 0; i < node->edge_count && is_it; i++) {
        const struct sim_edge *edge = &world->edges.items[node->edges[i]];
        const struct sim_node *other = world->nodes[edge->a == further ? edge->b : edge->a];
        is_it = is_linked(node, other->keyring->transport_public) && is_linked(other, node->keyring->transport_public);
    }
    return is_it;
}

enum sim_verdict sim_world_take_in(struct sim_world *world, uint32_t of)
{
    const uint32_t further = world->node_count;
    enum sim_verdict verdict = invite(world, of);
    verdict = verdict == SIM_HOLDS ? sim_world_add_node(world, world->ticket) : verdict;
    if (verdict != SIM_HOLDS) {
        return verdict;
    }
    struct sim_node *node = world->nodes[further];
    node->is_in_second = world->nodes[of]->is_in_second;
    node->is_member = world->nodes[of]->is_member;
    note_links(world, of, further);
    verdict = sim_world_run(world, world->now_ms + ASKED_MS);
    admit(world, of, node);
    for (uint64_t end_ms = world->now_ms + TAKEN_IN_MS; verdict == SIM_HOLDS && !is_taken_in(world, further);) {
        if (world->now_ms >= end_ms) {
            return sim_fail(world, SIM_SETUP, "%s is not a node of its council, with all links, %u s after it was taken in",
                            node->name, TAKEN_IN_MS / 1000);
        }
        verdict = sim_world_run(world, world->now_ms + 100);
    }
    return verdict;
}

/* ---- what happens to them ---- */

static enum sim_held held_elsewhere(const struct sim_world *world, const struct sim_record *record, uint32_t node)
{
    enum sim_held best = SIM_HELD_NOT;
    for (uint32_t i = 0; i < world->node_count; i++) {
        const enum sim_held held = i == node ? SIM_HELD_NOT : sim_held(world->nodes[i], record->id);
        best = held > best ? held : best;
    }
    return best;
}

static bool is_hidden_elsewhere(const struct sim_world *world, const struct sim_record *record, uint32_t node)
{
    bool is_hidden = false;
    for (uint32_t i = 0; i < world->node_count; i++) {
        is_hidden = is_hidden || (i != node && sim_held(world->nodes[i], record->id) == SIM_HELD_HIDDEN);
    }
    return is_hidden;
}

void sim_world_destroy(struct sim_world *world, uint32_t index)
{
    struct sim_node *node = world->nodes[index];
    if (node->is_up) {
        sim_node_stop(node);
    }
    node->is_gone = true;
    for (uint32_t i = 0; i < world->record_count; i++) {
        struct sim_record *record = &world->records[i];
        if (record->node == index && record->is_accepted) {
            record->is_at_risk = record->is_at_risk || held_elsewhere(world, record, index) != SIM_HELD_SHOWN;
            record->is_retraction_at_risk =
                record->is_retraction_at_risk || !record->is_retracted || !is_hidden_elsewhere(world, record, index);
        }
    }
    sim_trace(world, "%s is destroyed", node->name);
    sim_tell(world, "node %u is gone for good", index);
}

void sim_world_body(struct sim_world *world, uint32_t index)
{
    struct kr_body_act act = {.action = KR_BODY_ADD};
    struct kr_writer args;
    char name[2 * sizeof world->canary + 1]; /* as in records: where it stands in the open it has leaked */
    if (!world->nodes[index]->is_up) {
        return;
    }
    sodium_bin2hex(name, sizeof name, world->canary, sizeof world->canary);
    kr_rng_bytes(&world->rng, act.id, sizeof act.id);
    act.changes[KR_BODY_NAME_JA] = true;
    act.texts[KR_BODY_NAME_JA] = (struct kr_slice){(const uint8_t *)name, strlen(name)};
    kr_writer_init(&args, 4 * KR_KIB);
    kr_body_act_write(&act, &args);
    ask(world, world->nodes[index], SIM_CLIENT_BODY, KR_OP_BODY, &args);
}

/* ---- in the end ---- */

/* What is over, or was replaced, may have left one of them and not the other yet. */
static bool must_be_in_both(const struct sim_world *world, const struct kr_head *head)
{
    const bool is_internal = kr_kind_is_internal(head->kind);
    return head->state == KR_HEAD_SHOWN && (is_internal || kr_label_is_sealed(head->label)) &&
           head->expires_s * 1000 > world->now_ms + world->ahead_ever_ms + 60000;
}

/* Each sealed record that `a` shows, looked for in `b`, whatever the trees say. Returns how many internal ones there are. */
static enum sim_verdict check_pair(struct sim_world *world, const struct sim_node *a, const struct sim_node *b,
                                   uint32_t *ret_internal)
{
    struct kr_txn *txn = NULL;
    struct kr_head head;
    enum sim_verdict verdict = SIM_HOLDS;
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    KR_ASSERT(scratch != NULL && kr_store_read_begin(a->store, &txn) == KR_OK);
    *ret_internal = 0;
    for (uint64_t arrival = 1; verdict == SIM_HOLDS && kr_store_head_next(txn, arrival, false, &head, scratch) == KR_OK;
         arrival = head.arrival + 1) {
        *ret_internal += kr_kind_is_internal(head.kind) && head.state == KR_HEAD_SHOWN;
        if (must_be_in_both(world, &head) && sim_held(b, head.id) != SIM_HELD_SHOWN) {
            verdict = sim_fail(world, SIM_NO_CONVERGENCE, "%s lacks a sealed record of kind %u that %s of its council has", b->name,
                               head.kind, a->name);
        }
    }
    kr_txn_abort(txn);
    free(scratch);
    return verdict;
}

enum sim_verdict sim_check_sisters(struct sim_world *world)
{
    enum sim_verdict verdict = SIM_HOLDS;
    for (uint32_t i = 0; i < world->node_count && verdict == SIM_HOLDS; i++) {
        const struct sim_node *further = world->nodes[i], *first = world->nodes[further->first];
        uint32_t counts[2];
        if (first == further || !first->is_up || !further->is_up) {
            continue;
        }
        verdict = check_pair(world, first, further, &counts[0]);
        verdict = verdict == SIM_HOLDS ? check_pair(world, further, first, &counts[1]) : verdict;
        /* Each of their links is such a record. */
        if (verdict == SIM_HOLDS && counts[0] + 1 < further->edge_count) {
            verdict = sim_fail(world, SIM_NO_CONVERGENCE, "%s and %s know of %u records of their council's own, and have %u peers",
                               first->name, further->name, counts[0], further->edge_count - 1);
        }
    }
    return verdict;
}
