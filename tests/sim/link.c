/* Links between nodes, made as people make them: an invitation, its ticket, a node that joins. */
#include <stdlib.h>
#include <string.h>

#include "node/core/state.h"
#include "proto/client/client.h"
#include "tests/sim/internal.h"

#define TICKETS_AT_ONCE 32u /* of one inviter */
#define JOIN_MS_MAX     60000u
#define CONFIRM_MS_MAX  600000u

bool sim_world_are_linked(const struct sim_world *world, uint32_t a, uint32_t b)
{
    const struct sim_node *node = world->nodes[a];
    for (uint32_t i = 0; i < node->edge_count; i++) {
        const struct sim_edge *edge = &world->edges.items[node->edges[i]];
        if (edge->a == b || edge->b == b) {
            return true;
        }
    }
    return false;
}

void sim_link_ended(struct sim_world *world, uint64_t request, const struct kr_effect *effect)
{
    struct sim_edge *edge = &world->edges.items[request / 2];
    if (request % 2 != 0) {
        edge->is_linked = true;
        return;
    }
    struct kr_reader reader;
    kr_reader_init(&reader, effect->bytes, effect->len);
    kr_reader_array(&reader, 1);
    struct kr_slice text = kr_reader_str(&reader, 2048);
    free(edge->ticket);
    edge->ticket = calloc(1, text.len + 1);
    KR_ASSERT(edge->ticket != NULL);
    memcpy(edge->ticket, text.bytes, text.len);
}

void sim_node_note_edge(struct sim_node *node, uint32_t edge)
{
    node->edges = realloc(node->edges, (node->edge_count + 1) * sizeof *node->edges);
    KR_ASSERT(node->edges != NULL);
    node->edges[node->edge_count++] = edge;
}

static void invite(struct sim_world *world, uint32_t index)
{
    struct sim_edge *edge = &world->edges.items[index];
    struct kr_writer writer;
    struct kr_invite args = {.is_link_only = !edge->is_late && world->nodes[edge->joiner]->is_member,
                             .has_community = edge->is_late,
                             .is_by_hand = !edge->is_pending};
    memcpy(args.community, world->communities[1], 32);
    kr_writer_init(&writer, KR_KIB * 4);
    kr_invite_write(&args, &writer);
    sim_world_push(
        world, world->nodes[edge->inviter],
        (struct kr_event){.type = KR_EVENT_REQUEST, .client = SIM_CLIENT_SETUP, .request = 2ull * index, .op = KR_OP_INVITE},
        writer.bytes, writer.len, world->now_ms);
    kr_writer_deinit(&writer);
}

static void join(struct sim_world *world, uint32_t index)
{
    const struct sim_edge *edge = &world->edges.items[index];
    struct kr_writer writer;
    kr_writer_init(&writer, KR_KIB * 4);
    kr_join_write(
        &(struct kr_join){.ticket = {(const uint8_t *)edge->ticket, strlen(edge->ticket)}, .is_by_hand = !edge->is_pending},
        &writer);
    sim_world_push(
        world, world->nodes[edge->joiner],
        (struct kr_event){.type = KR_EVENT_REQUEST, .client = SIM_CLIENT_SETUP, .request = 2ull * index + 1, .op = KR_OP_JOIN},
        writer.bytes, writer.len, world->now_ms);
    kr_writer_deinit(&writer);
}

/* Which of the edges can be linked now: one end is a member, and nobody joins twice at once or invites too many. `uses` per node:
 * tickets in this round, or UINT32_MAX for who joins. Returns how many. */
static uint32_t choose(struct sim_world *world, uint32_t from, uint32_t *uses)
{
    uint32_t count = 0;
    memset(uses, 0, world->node_count * sizeof *uses);
    for (uint32_t i = from; i < world->edges.count; i++) {
        struct sim_edge *edge = &world->edges.items[i];
        edge->is_asked = false;
        if (edge->is_linked) {
            continue;
        }
        bool a_invites = world->nodes[edge->a]->is_member;
        edge->inviter = a_invites ? edge->a : edge->b;
        edge->joiner = a_invites ? edge->b : edge->a;
        if (world->nodes[edge->inviter]->is_member && uses[edge->inviter] < TICKETS_AT_ONCE && uses[edge->joiner] == 0) {
            uses[edge->inviter]++;
            uses[edge->joiner] = UINT32_MAX;
            edge->is_asked = true;
            count++;
        }
    }
    return count;
}

/* ---- the operators' word ---- */

static struct kr_link *link_between(const struct sim_world *world, uint32_t node, uint32_t other)
{
    struct kr_core *core = world->nodes[node]->is_up ? kr_loop_core(world->nodes[node]->loop) : NULL;
    return core == NULL ? NULL : kr_link_by_council(core, world->nodes[other]->council);
}

void sim_world_confirm(struct sim_world *world, uint32_t node, uint32_t other)
{
    const struct kr_link *ours = link_between(world, node, other), *theirs = link_between(world, other, node);
    struct kr_writer writer;
    const bool has_code = ours != NULL && theirs != NULL && ours->pairing.code[0] != 0 && theirs->pairing.code[0] != 0;
    if (!has_code || !ours->pairing.is_pending || ours->pairing.we_confirmed) {
        return;
    }
    for (uint32_t i = 0; i < world->edges.count; i++) {
        struct sim_edge *edge = &world->edges.items[i];
        edge->has_confirmed[0] = edge->has_confirmed[0] || (edge->a == node && edge->b == other);
        edge->has_confirmed[1] = edge->has_confirmed[1] || (edge->b == node && edge->a == other);
    }
    struct kr_pair_act act = {.action = KR_PAIR_CONFIRM,
                              .code = {(const uint8_t *)theirs->pairing.code, strlen(theirs->pairing.code)}};
    memcpy(act.council, world->nodes[other]->council, 32);
    kr_writer_init(&writer, KR_KIB);
    kr_pair_act_write(&act, &writer);
    sim_world_push(world, world->nodes[node],
                   (struct kr_event){.type = KR_EVENT_REQUEST, .client = SIM_CLIENT_PAIR, .op = KR_OP_PAIR}, writer.bytes,
                   writer.len, world->now_ms);
    kr_writer_deinit(&writer);
}

static bool is_settled(const struct sim_world *world, const struct sim_edge *edge)
{
    const struct kr_link *ours = link_between(world, edge->a, edge->b), *theirs = link_between(world, edge->b, edge->a);
    return !edge->is_pending || (ours != NULL && theirs != NULL && !ours->pairing.is_pending && !theirs->pairing.is_pending);
}

enum sim_verdict sim_world_confirm_all(struct sim_world *world)
{
    enum sim_verdict verdict = SIM_HOLDS;
    bool are_settled = false;
    for (uint64_t end_ms = world->now_ms + CONFIRM_MS_MAX; verdict == SIM_HOLDS && !are_settled;) {
        are_settled = true;
        for (uint32_t i = 0; i < world->edges.count; i++) {
            const struct sim_edge *edge = &world->edges.items[i];
            if (!is_settled(world, edge)) {
                are_settled = false;
                sim_world_confirm(world, edge->a, edge->b);
                sim_world_confirm(world, edge->b, edge->a);
            }
        }
        if (!are_settled && world->now_ms >= end_ms) {
            return sim_fail(world, SIM_LATE, "a link is not in force %u s after both operators could confirm it",
                            CONFIRM_MS_MAX / 1000);
        }
        verdict = are_settled ? SIM_HOLDS : sim_world_run(world, world->now_ms + 1000);
    }
    return verdict;
}

/* Who was invited by mail is vouched for, and so a member who may invite, when the inviter has confirmed. The joiner has not yet.
 */
static enum sim_verdict vouch(struct sim_world *world, const struct sim_edge *edge)
{
    const struct sim_node *joiner = world->nodes[edge->joiner];
    enum sim_verdict verdict = SIM_HOLDS;
    for (uint64_t end_ms = world->now_ms + JOIN_MS_MAX; verdict == SIM_HOLDS && world->now_ms < end_ms;) {
        const struct kr_directory *directory = &kr_loop_core(joiner->loop)->directory;
        if (directory->community_count > 0 && kr_directory_is_member(directory, directory->communities[0]->id, joiner->council)) {
            return SIM_HOLDS;
        }
        sim_world_confirm(world, edge->inviter, edge->joiner);
        verdict = sim_world_run(world, world->now_ms + 10);
    }
    return verdict != SIM_HOLDS ? verdict : sim_fail(world, SIM_SETUP, "%s is vouched for and no member", joiner->name);
}

static bool all_asked_are_linked(const struct sim_world *world, uint32_t from)
{
    for (uint32_t i = from; i < world->edges.count; i++) {
        if (world->edges.items[i].is_asked && !world->edges.items[i].is_linked) {
            return false;
        }
    }
    return true;
}

static enum sim_verdict link_round(struct sim_world *world, uint32_t from)
{
    for (uint32_t i = from; i < world->edges.count; i++) {
        if (world->edges.items[i].is_asked) {
            invite(world, i);
        }
    }
    enum sim_verdict verdict = sim_world_run(world, world->now_ms + 100);
    for (uint32_t i = from; i < world->edges.count && verdict == SIM_HOLDS; i++) {
        const struct sim_edge *edge = &world->edges.items[i];
        if (edge->is_asked && edge->ticket == NULL) {
            return sim_fail(world, SIM_SETUP, "%s gave no ticket", world->nodes[edge->inviter]->name);
        }
        if (edge->is_asked) {
            join(world, i);
        }
    }
    /* No longer than it takes: whoever has joined is a member and may invite at once. */
    for (uint64_t end_ms = world->now_ms + JOIN_MS_MAX;
         verdict == SIM_HOLDS && !all_asked_are_linked(world, from) && world->now_ms < end_ms;) {
        verdict = sim_world_run(world, world->now_ms + 1);
    }
    for (uint32_t i = from; i < world->edges.count && verdict == SIM_HOLDS; i++) {
        struct sim_edge *edge = &world->edges.items[i];
        if (edge->is_asked && !edge->is_linked) {
            return sim_fail(world, SIM_SETUP, "%s did not get linked with %s", world->nodes[edge->joiner]->name,
                            world->nodes[edge->inviter]->name);
        }
        if (edge->is_asked && edge->is_pending && !world->nodes[edge->joiner]->is_member) {
            verdict = vouch(world, edge);
        }
        if (edge->is_asked) {
            world->nodes[edge->joiner]->is_member = true;
        }
    }
    return verdict;
}

enum sim_verdict sim_world_link(struct sim_world *world, uint32_t from)
{
    enum sim_verdict verdict = SIM_HOLDS;
    uint32_t *uses = calloc(world->node_count, sizeof *uses), left = world->edges.count - from;
    KR_ASSERT(uses != NULL);
    for (uint32_t i = from; i < world->edges.count; i++) {
        sim_node_note_edge(world->nodes[world->edges.items[i].a], i);
        sim_node_note_edge(world->nodes[world->edges.items[i].b], i);
    }
    while (left > 0 && verdict == SIM_HOLDS) {
        uint32_t chosen = choose(world, from, uses);
        verdict =
            chosen == 0 ? sim_fail(world, SIM_SETUP, "%u links lead to nobody in the community", left) : link_round(world, from);
        left -= chosen;
    }
    free(uses);
    return verdict;
}
