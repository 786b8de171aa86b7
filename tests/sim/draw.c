/* A plan from a seed. Each sort of trouble comes in some runs and not in others, so that none hides what another would show. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/draw.h"
#include "tests/sim/hostile.h"
#include "tests/sim/plan.h"

#define MINUTES_OF_TROUBLE 4u

const char *const sim_shape_names[SIM_SHAPE_COUNT + 1] = {"chain", "ring", "star", "random", "any"};

static int compare_ops(const struct sim_op *a, const struct sim_op *b)
{
    return a->at_ms < b->at_ms ? -1 : (a->at_ms > b->at_ms ? 1 : 0);
}

/* By time; behind those of the same time. */
void sim_plan_add(struct sim_plan *plan, const struct sim_op *op)
{
    if (plan->op_count == plan->op_capacity) {
        plan->op_capacity = plan->op_capacity == 0 ? 64 : plan->op_capacity * 2;
        plan->ops = realloc(plan->ops, plan->op_capacity * sizeof *plan->ops);
        KR_ASSERT(plan->ops != NULL);
    }
    uint32_t at = plan->op_count++;
    while (at > 0 && compare_ops(&plan->ops[at - 1], op) > 0) {
        plan->ops[at] = plan->ops[at - 1];
        at--;
    }
    plan->ops[at] = *op;
}

void sim_plan_drop(struct sim_plan *plan, uint32_t at)
{
    free(plan->ops[at].list);
    memmove(&plan->ops[at], &plan->ops[at + 1], (plan->op_count - at - 1) * sizeof *plan->ops);
    plan->op_count--;
}

void sim_plan_unite(struct sim_plan *plan)
{
    free(plan->second);
    plan->second = NULL;
    plan->second_count = 0;
    plan->has_life = false;
    for (uint32_t i = plan->edges.count; i > 0; i--) {
        if (plan->edges.items[i - 1].is_late) {
            plan->edges.items[i - 1] = plan->edges.items[--plan->edges.count];
        }
    }
    for (uint32_t i = plan->op_count; i > 0; i--) {
        struct sim_op *op = &plan->ops[i - 1];
        if (op->kind == SIM_OP_SAY && op->is_in_second) {
            sim_plan_drop(plan, i - 1);
        } else {
            op->is_in_second = false;
        }
    }
}

static uint32_t *copy_list(const uint32_t *list, uint32_t count)
{
    uint32_t *copy = calloc((size_t)count + 1, sizeof *copy);
    KR_ASSERT(copy != NULL);
    for (uint32_t i = 0; i < count; i++) {
        copy[i] = list[i];
    }
    return copy;
}

void sim_plan_copy(struct sim_plan *ret_plan, const struct sim_plan *plan)
{
    *ret_plan = *plan;
    ret_plan->edges = (struct sim_edges){0};
    ret_plan->second = plan->second == NULL ? NULL : copy_list(plan->second, plan->second_count);
    ret_plan->ops = NULL;
    ret_plan->op_count = ret_plan->op_capacity = 0;
    for (uint32_t i = 0; i < plan->edges.count; i++) {
        sim_edges_add(&ret_plan->edges, plan->edges.items[i].a, plan->edges.items[i].b);
        ret_plan->edges.items[i].is_pending = plan->edges.items[i].is_pending;
        ret_plan->edges.items[i].is_late = plan->edges.items[i].is_late;
    }
    for (uint32_t i = 0; i < plan->op_count; i++) {
        struct sim_op op = plan->ops[i];
        op.list = copy_list(op.list, op.list_count);
        sim_plan_add(ret_plan, &op);
    }
}

void sim_plan_free(struct sim_plan *plan)
{
    while (plan->op_count > 0) {
        sim_plan_drop(plan, plan->op_count - 1);
    }
    free(plan->ops);
    free(plan->second);
    sim_edges_free(&plan->edges);
    *plan = (struct sim_plan){0};
}

/* ---- drawing ---- */

static void draw_links(struct sim_hand *hand)
{
    struct sim_plan *plan = hand->plan;
    enum sim_shape shape = hand->bounds->shape;
    if (plan->newcomers > 0) { /* those who are there before are linked with each other */
        shape = (enum sim_shape)draw_below(hand, SIM_RANDOM);
    }
    if (shape == SIM_SHAPE_COUNT) {
        shape = draw_one_in(hand, 2) ? SIM_CHAIN : (enum sim_shape)draw_below(hand, SIM_SHAPE_COUNT);
    }
    if (shape == SIM_RANDOM && plan->node_count > 2) {
        uint32_t degree = plan->node_count > 8 ? 4 : 2;
        sim_edges_regular(&plan->edges, plan->node_count, degree, &hand->rng);
    } else if (shape == SIM_RING) {
        sim_edges_ring(&plan->edges, plan->node_count);
    } else if (shape == SIM_STAR) {
        sim_edges_star(&plan->edges, plan->node_count);
    } else {
        sim_edges_chain(&plan->edges, plan->node_count);
    }
}

static void draw_records(struct sim_hand *hand, uint32_t count)
{
    static const enum kr_label labels[] = {KR_TLP_CLEAR, KR_TLP_GREEN, KR_TLP_AMBER};
    bool has_large = draw_one_in(hand, 4), has_short = draw_one_in(hand, 3);
    bool has_retractions = draw_one_in(hand, 2);
    for (uint32_t i = 0; i < count; i++) {
        struct sim_op op = {.kind = SIM_OP_SUBMIT,
                            .at_ms = draw_time(hand),
                            .node = draw_below(hand, hand->plan->node_count),
                            .record = i,
                            .label = labels[draw_below(hand, 3)],
                            .is_large = has_large && draw_one_in(hand, 2)};
        op.lives_ms = has_short && draw_one_in(hand, 3) ? 60000 + kr_rng_below(&hand->rng, hand->plan->end_ms) : 0;
        if (op.label == KR_TLP_AMBER) {
            op.list = calloc(hand->plan->node_count, sizeof *op.list);
            KR_ASSERT(op.list != NULL);
            for (uint32_t j = 0; j < hand->plan->node_count; j++) {
                if (j != op.node && op.list_count < KR_AUDIENCE_MAX / 2 && draw_one_in(hand, 2)) {
                    op.list[op.list_count++] = j;
                }
            }
            if (op.list_count == 0) {
                op.list[op.list_count++] = op.node == 0 ? 1 : 0;
            }
        }
        if (has_retractions && draw_one_in(hand, 4)) {
            struct sim_op back = {.kind = SIM_OP_RETRACT, .at_ms = op.at_ms + draw_while(hand), .node = op.node, .record = i};
            sim_plan_add(hand->plan, &back);
        }
        sim_plan_add(hand->plan, &op);
    }
}

static void draw_noise(struct sim_hand *hand)
{
    struct sim_op op = {.kind = SIM_OP_NOISE};
    op.noise = (struct sim_faults){
        .drop = draw_one_in(hand, 2) ? draw_below(hand, 100) : 0,
        .duplicate = draw_one_in(hand, 2) ? draw_below(hand, 20) : 0,
        .reorder = draw_one_in(hand, 2) ? draw_below(hand, 20) : 0,
        .fail_commit = draw_one_in(hand, 2) ? draw_below(hand, 40) : 0,
        .crash = draw_one_in(hand, 2) ? draw_below(hand, 16) : 0,
        .delay_ms_max = 1 + draw_below(hand, 400),
    };
    sim_plan_add(hand->plan, &op);
    if (hand->bounds->days > 0) {
        struct sim_op quiet = {.kind = SIM_OP_NOISE, .at_ms = hand->unit_ms / 10, .noise = {.delay_ms_max = op.noise.delay_ms_max}};
        sim_plan_add(hand->plan, &quiet); /* a day of it would be nothing but crashes */
    }
}

static void draw_links_trouble(struct sim_hand *hand)
{
    uint32_t splits = draw_one_in(hand, 3) ? 1 + draw_below(hand, 4) : 0, ways = draw_one_in(hand, 3) ? 1 + draw_below(hand, 4) : 0;
    for (uint32_t i = 0; i < splits; i++) {
        struct sim_op op = {.kind = SIM_OP_SPLIT, .at_ms = draw_time(hand), .for_ms = draw_while(hand)};
        op.list = calloc(hand->plan->node_count, sizeof *op.list);
        KR_ASSERT(op.list != NULL);
        for (uint32_t j = 0; j < hand->plan->node_count; j++) {
            if (draw_one_in(hand, 2)) {
                op.list[op.list_count++] = j;
            }
        }
        sim_plan_add(hand->plan, &op);
    }
    for (uint32_t i = 0; i < ways; i++) {
        const struct sim_edge *edge = &hand->plan->edges.items[draw_below(hand, hand->plan->edges.count)];
        bool turned = draw_one_in(hand, 2);
        struct sim_op op = {.kind = draw_one_in(hand, 3) ? SIM_OP_CUT : (draw_one_in(hand, 2) ? SIM_OP_MUTE : SIM_OP_SLOW),
                            .at_ms = draw_time(hand),
                            .for_ms = draw_while(hand),
                            .node = turned ? edge->b : edge->a,
                            .other = turned ? edge->a : edge->b};
        op.number = op.kind == SIM_OP_SLOW ? 500 + draw_below(hand, 20000) : 0;
        sim_plan_add(hand->plan, &op);
    }
}

/* Nobody goes back to a backup, and clocks are right. */
static bool keeps_state(const struct sim_bounds *bounds)
{
    return bounds->has_keys || bounds->has_roots || bounds->has_sisters || bounds->has_newcomers;
}

static void draw_nodes_trouble(struct sim_hand *hand)
{
    struct sim_plan *plan = hand->plan;
    uint32_t crashes = draw_one_in(hand, 2) ? 1 + draw_below(hand, 4) : 0,
             restores = draw_one_in(hand, 4) ? 1 + draw_below(hand, 3) : 0;
    uint32_t clocks = draw_one_in(hand, 4) ? 1 + draw_below(hand, 3) : 0;
    for (uint32_t i = 0; i < crashes; i++) {
        struct sim_op op = {
            .kind = SIM_OP_CRASH, .at_ms = draw_time(hand), .for_ms = draw_while(hand), .node = draw_below(hand, plan->node_count)};
        sim_plan_add(plan, &op);
    }
    for (uint32_t i = 0; i < (keeps_state(hand->bounds) ? 0 : restores); i++) {
        struct sim_op op = {.kind = SIM_OP_RESTORE, .at_ms = draw_time(hand), .node = draw_below(hand, plan->node_count)};
        struct sim_op backup = {.kind = SIM_OP_BACKUP, .at_ms = kr_rng_below(&hand->rng, op.at_ms + 1), .node = op.node};
        op.is_told = op.at_ms % 2 == 0; /* (drawn by another number the plans of all seeds would be others) */
        if (draw_one_in(hand, 2)) {     /* else the first one: the disk with all that came since is lost */
            sim_plan_add(plan, &backup);
        }
        sim_plan_add(plan, &op);
    }
    for (uint32_t i = 0, count = draw_one_in(hand, 3) ? 1 + draw_below(hand, 4) : 0; i < count; i++) {
        struct sim_op op = {.kind = SIM_OP_RENEW, .at_ms = draw_time(hand), .node = draw_below(hand, plan->node_count)};
        sim_plan_add(plan, &op);
    }
    for (uint32_t i = 0; i < (keeps_state(hand->bounds) ? 0 : clocks); i++) {
        static const int64_t skews_ms[] = {2000, 40000, 300000, 900000, 7200000, 100000000, 316224000000};
        int64_t skew_ms = skews_ms[draw_below(hand, 7)];
        struct sim_op op = {.kind = SIM_OP_CLOCK,
                            .at_ms = draw_time(hand),
                            .node = draw_below(hand, plan->node_count),
                            .skew_ms = draw_one_in(hand, 2) ? -skew_ms : skew_ms};
        plan->doubts_clocks = plan->doubts_clocks || skew_ms > 86400000; /* else it would rightly let go of everything */
        struct sim_op right = {.kind = SIM_OP_CLOCK, .at_ms = op.at_ms + draw_while(hand) % 1800000, .node = op.node};
        sim_plan_add(plan, &op);
        sim_plan_add(plan, &right);
    }
}

static void draw_turns(struct sim_hand *hand)
{
    if (hand->bounds->is_honest || hand->plan->node_count < 3 || !draw_one_in(hand, 4)) {
        return;
    }
    uint32_t node = draw_below(hand, hand->plan->node_count);
    for (uint32_t i = 0, count = 1 + draw_below(hand, 3); i < count; i++) {
        struct sim_op op = {
            .kind = SIM_OP_TURN, .at_ms = draw_time(hand) / 2, .node = node, .number = draw_below(hand, SIM_TURN_COUNT)};
        sim_plan_add(hand->plan, &op);
    }
}

/* One node and some that it is linked with; not all nodes. */
static void draw_members(struct sim_hand *hand)
{
    struct sim_plan *plan = hand->plan;
    bool *is_in = calloc(plan->node_count, sizeof *is_in);
    plan->second = calloc(KR_FOUNDERS_MAX, sizeof *plan->second);
    KR_ASSERT(plan->second != NULL && is_in != NULL);
    const uint32_t most = plan->node_count - 1 < KR_FOUNDERS_MAX ? plan->node_count - 1 : KR_FOUNDERS_MAX;
    const uint32_t first = draw_below(hand, plan->node_count);
    plan->second[plan->second_count++] = first;
    is_in[first] = true;
    for (uint32_t i = 0; i < plan->edges.count && plan->second_count < most; i++) {
        const struct sim_edge *edge = &plan->edges.items[i];
        const uint32_t other = edge->a == first ? edge->b : edge->a;
        if ((edge->a == first || edge->b == first) && !is_in[other] && (plan->second_count == 1 || draw_one_in(hand, 2))) {
            plan->second[plan->second_count++] = other;
            is_in[other] = true;
        }
    }
    for (uint32_t i = 0; i < plan->op_count; i++) {
        struct sim_op *op = &plan->ops[i];
        op->is_in_second = op->kind == SIM_OP_SUBMIT && op->label == KR_TLP_GREEN && is_in[op->node] && draw_one_in(hand, 2);
    }
    free(is_in);
}

/* Keys that are due at some nodes, and one that is stolen: what the thief does to its neighbours, and when its council says so. */
static void draw_keys(struct sim_hand *hand)
{
    struct sim_plan *plan = hand->plan;
    for (uint32_t i = 0, count = draw_below(hand, 4); i < count; i++) {
        struct sim_op op = {.kind = SIM_OP_ROTATE, .at_ms = draw_time(hand), .node = draw_below(hand, plan->node_count)};
        sim_plan_add(plan, &op);
    }
    const uint32_t victim = draw_below(hand, plan->node_count);
    for (uint32_t i = 0, count = 1 + draw_below(hand, 6); i < count; i++) {
        const struct sim_edge *edge = &plan->edges.items[draw_below(hand, plan->edges.count)];
        struct sim_op op = {.kind = draw_one_in(hand, 3) ? SIM_OP_UNSAY : SIM_OP_FORGE,
                            .at_ms = draw_time(hand),
                            .node = victim,
                            .other = edge->a == victim ? edge->b : edge->a,
                            .record = 5000 + i};
        if (edge->a != victim && edge->b != victim) {
            continue;
        }
        op.back_ms = op.kind == SIM_OP_FORGE && draw_one_in(hand, 2) ? draw_below(hand, 1800) * 1000ull : 0;
        const struct sim_op *some = &plan->ops[draw_below(hand, plan->op_count)];
        if (op.kind == SIM_OP_UNSAY && some->kind == SIM_OP_SUBMIT && some->node == victim) { /* else of one that there is not */
            op.record = some->record;
        }
        sim_plan_add(plan, &op);
    }
    for (uint32_t i = 0, count = 1 + draw_below(hand, 3); i < count; i++) {
        struct sim_op op = {.kind = SIM_OP_REVOKE, .at_ms = draw_time(hand), .node = victim};
        sim_plan_add(plan, &op);
    }
    struct sim_op last = {.kind = SIM_OP_REVOKE, .at_ms = plan->end_ms - 1, .node = victim};
    sim_plan_add(plan, &last);
}

/* A root key that is stolen: what the thief says at its council's neighbours, before and after that has replaced it. */
static void draw_roots(struct sim_hand *hand)
{
    struct sim_plan *plan = hand->plan;
    const uint32_t victim = draw_below(hand, plan->node_count);
    for (uint32_t i = 0, count = 1 + draw_below(hand, 8); i < count; i++) {
        const struct sim_edge *edge = &plan->edges.items[draw_below(hand, plan->edges.count)];
        struct sim_op op = {
            .kind = SIM_OP_LIE, .at_ms = draw_time(hand), .node = victim, .other = edge->a == victim ? edge->b : edge->a};
        if (edge->a == victim || edge->b == victim) {
            sim_plan_add(plan, &op);
        }
    }
    for (uint32_t i = 0, count = 1 + draw_below(hand, 3); i < count; i++) {
        struct sim_op op = {.kind = SIM_OP_REKEY,
                            .at_ms = draw_time(hand),
                            .node = draw_one_in(hand, 4) ? draw_below(hand, plan->node_count) : victim};
        sim_plan_add(plan, &op);
    }
    struct sim_op last = {.kind = SIM_OP_REKEY, .at_ms = plan->end_ms - 1, .node = victim};
    sim_plan_add(plan, &last);
}

/* Two that are linked with a third one and not with each other. */
static void draw_throughs(struct sim_hand *hand)
{
    struct sim_plan *plan = hand->plan;
    for (uint32_t i = 0, count = 1 + draw_below(hand, 3); i < count; i++) {
        const uint32_t a = draw_below(hand, plan->node_count), b = draw_below(hand, plan->node_count),
                       middle = draw_below(hand, plan->node_count);
        if (a == b || !sim_edges_have(&plan->edges, a, middle) || !sim_edges_have(&plan->edges, middle, b) ||
            sim_edges_have(&plan->edges, a, b)) {
            continue;
        }
        struct sim_op op = {.kind = SIM_OP_THROUGH, .node = a, .other = b, .number = 1, .at_ms = draw_time(hand) / 2};
        for (uint32_t times = draw_one_in(hand, 3) ? 2 : 0, time = 0; time <= times;
             time++) { /* or allowed, not, and allowed again */
            op.list = copy_list(&middle, 1);
            op.list_count = 1;
            sim_plan_add(plan, &op);
            op.at_ms += draw_while(hand);
            op.number = 1 - op.number;
        }
    }
}

/* Which of a council's two nodes it is that something comes to. */
static uint32_t one_of_two(struct sim_hand *hand)
{
    return draw_one_in(hand, 2) ? hand->plan->sister_of : hand->plan->node_count;
}

/* What was to be done at the one node of a council is done at either, and some more. */
static void share_out(struct sim_hand *hand)
{
    struct sim_plan *plan = hand->plan;
    for (uint32_t i = 0; i < plan->op_count; i++) {
        struct sim_op *op = &plan->ops[i];
        const bool is_either = op->kind == SIM_OP_SUBMIT || op->kind == SIM_OP_CRASH;
        op->node = is_either && op->node == plan->sister_of ? one_of_two(hand) : op->node;
        if (op->kind == SIM_OP_SPLIT && draw_one_in(hand, 2)) { /* (there is room: no list names all nodes twice) */
            uint32_t *list = copy_list(op->list, op->list_count);
            free(op->list);
            list[op->list_count++] = plan->node_count;
            op->list = list;
        }
    }
    for (uint32_t i = 0, count = 1 + draw_below(hand, 10); i < count; i++) {
        static const enum kr_label labels[] = {KR_TLP_GREEN, KR_TLP_AMBER, KR_TLP_AMBER};
        struct sim_op op = {.kind = SIM_OP_SUBMIT,
                            .at_ms = draw_time(hand),
                            .node = one_of_two(hand),
                            .record = 7000 + i,
                            .label = labels[draw_below(hand, 3)]};
        const uint32_t to = (plan->sister_of + 1 + draw_below(hand, plan->node_count - 1)) % plan->node_count;
        if (op.label == KR_TLP_AMBER) {
            op.list = copy_list(&to, 1);
            op.list_count = 1;
        }
        sim_plan_add(plan, &op);
    }
}

/* A council with two nodes: they are cut off from each other and from their peers, crash, make bodies, and one is gone for good. */
static void draw_sisters(struct sim_hand *hand)
{
    struct sim_plan *plan = hand->plan;
    plan->has_sister = true;
    plan->sister_of = draw_below(hand, plan->node_count);
    share_out(hand);
    for (uint32_t i = 0, count = draw_below(hand, 4); i < count; i++) {
        struct sim_op op = {.kind = draw_one_in(hand, 3) ? SIM_OP_MUTE : SIM_OP_CUT,
                            .at_ms = draw_time(hand),
                            .for_ms = draw_while(hand),
                            .node = plan->node_count,
                            .other = draw_one_in(hand, 2) ? plan->sister_of : draw_below(hand, plan->node_count)};
        sim_plan_add(plan, &op);
    }
    for (uint32_t i = 0, count = draw_below(hand, 4); i < count; i++) {
        struct sim_op op = {.kind = SIM_OP_CRASH, .at_ms = draw_time(hand), .for_ms = draw_while(hand), .node = one_of_two(hand)};
        sim_plan_add(plan, &op);
    }
    for (uint32_t i = 0, count = draw_below(hand, 4); i < count; i++) {
        struct sim_op op = {.kind = SIM_OP_BODY, .at_ms = draw_time(hand), .node = one_of_two(hand)};
        sim_plan_add(plan, &op);
    }
    if (draw_one_in(hand, 3)) {
        struct sim_op op = {.kind = SIM_OP_DESTROY, .at_ms = draw_time(hand), .node = one_of_two(hand)};
        sim_plan_add(plan, &op);
    }
}

/* Whether the plan can have links that wait for their operators: who founds a community with others has confirmed them, and who
 * goes back to an older state begins anew. Drawn by other numbers than all else: the plans of all seeds would be others. */
static bool may_wait(const struct sim_plan *plan)
{
    bool may = plan->second == NULL;
    for (uint32_t i = 0; i < plan->op_count; i++) {
        may = may && plan->ops[i].kind != SIM_OP_RESTORE && plan->ops[i].kind != SIM_OP_TURN;
    }
    return may;
}

static void draw_waiting(struct sim_hand *hand)
{
    struct sim_plan *plan = hand->plan;
    if (!may_wait(plan) || !draw_one_in(hand, 3)) {
        return;
    }
    for (uint32_t i = 0; i < plan->edges.count; i++) {
        struct sim_edge *edge = &plan->edges.items[i];
        edge->is_pending = draw_one_in(hand, 2);
        for (uint32_t side = 0; side < 2; side++) {
            struct sim_op op = {.kind = SIM_OP_CONFIRM,
                                .at_ms = draw_time(hand),
                                .node = side == 0 ? edge->a : edge->b,
                                .other = side == 0 ? edge->b : edge->a};
            if (edge->is_pending && !draw_one_in(hand, 4)) { /* else at the end */
                sim_plan_add(plan, &op);
            }
        }
    }
}

/* Whether the second community has a life of its own. Like waiting, by other numbers than all else. */
static bool may_live(const struct sim_plan *plan, const struct sim_bounds *bounds)
{
    bool may = plan->second != NULL && plan->node_count <= MODEL_COUNCILS_MAX && !keeps_state(bounds) && !bounds->has_throughs;
    for (uint32_t i = 0; i < plan->op_count; i++) {
        may = may && plan->ops[i].kind != SIM_OP_TURN;
    }
    return may && (bounds->has_life || plan->seed % 3 == 0);
}

/* What was shared before newcomers joined is taken back now and then. */
static void draw_old(struct sim_hand *hand)
{
    for (uint32_t i = 0; i < hand->plan->node_count - hand->plan->newcomers; i++) {
        struct sim_op back = {.kind = SIM_OP_RETRACT, .at_ms = draw_time(hand), .node = i, .record = SIM_OLD_FROM + i};
        if (draw_one_in(hand, 3)) {
            sim_plan_add(hand->plan, &back);
        }
    }
}

/* What is drawn where a run is about one thing more than the others. */
static void draw_special(struct sim_hand *hand, uint8_t bytes[static 32])
{
    struct sim_plan *plan = hand->plan;
    const struct sim_bounds *bounds = hand->bounds;
    if (may_live(plan, bounds)) {
        memcpy(bytes, "kr-sim life", sizeof "kr-sim life");
        kr_rng_init(&hand->rng, bytes);
        sim_draw_life(hand);
        return;
    }
    if (bounds->has_keys) {
        draw_keys(hand);
        return;
    }
    if (bounds->has_newcomers) {
        draw_old(hand);
        return;
    }
    if (bounds->has_roots) {
        draw_roots(hand);
    }
    if (bounds->has_throughs) {
        draw_throughs(hand);
    }
    if (bounds->has_sisters) {
        draw_sisters(hand);
        return;
    }
    memcpy(bytes, "kr-sim wait", sizeof "kr-sim wait");
    kr_rng_init(&hand->rng, bytes);
    draw_waiting(hand);
}

/* New transport keys, now and then, also of one node again and of two that are linked at once. Nobody goes back to a backup: who
 * does so knows a key that is used no more. Drawn by other numbers than all else. */
static void draw_transport(struct sim_hand *hand)
{
    struct sim_plan *plan = hand->plan;
    const struct sim_bounds *bounds = hand->bounds;
    bool may = !bounds->has_throughs && !bounds->has_sisters && bounds->days == 0;
    for (uint32_t i = 0; i < plan->op_count; i++) {
        may = may && plan->ops[i].kind != SIM_OP_RESTORE;
    }
    for (uint32_t i = 0, count = may && draw_one_in(hand, 4) ? 1 + draw_below(hand, 4) : 0; i < count; i++) {
        struct sim_op op = {.kind = SIM_OP_TRANSPORT, .at_ms = draw_time(hand), .node = draw_below(hand, plan->node_count)};
        sim_plan_add(plan, &op);
    }
}

void sim_plan_draw(struct sim_plan *plan, uint64_t seed, const struct sim_bounds *bounds)
{
    uint8_t bytes[32] = "kr-sim plan";
    struct sim_hand hand = {.plan = plan, .bounds = bounds};
    for (int i = 0; i < 8; i++) {
        bytes[24 + i] = (uint8_t)(seed >> (8 * i));
    }
    kr_rng_init(&hand.rng, bytes);
    *plan = (struct sim_plan){.seed = seed};
    plan->node_count = bounds->nodes != 0 ? bounds->nodes : (bounds->has_life ? 3 : 2) + draw_below(&hand, 4);
    plan->doubts_clocks = bounds->days > 0;
    plan->end_ms = bounds->days > 0 ? bounds->days * 86400000ull : MINUTES_OF_TROUBLE * 60000ull;
    plan->settle_ms = bounds->days > 0 ? 7200000 : 180000;
    hand.unit_ms = bounds->days > 0 ? plan->end_ms / 4 : 60000;
    plan->newcomers = bounds->has_newcomers ? 1 + draw_below(&hand, plan->node_count > 2 ? 2 : 1) : 0;
    draw_links(&hand);
    draw_noise(&hand);
    draw_records(&hand, bounds->records != 0 ? bounds->records : 1 + draw_below(&hand, 40));
    draw_links_trouble(&hand);
    draw_nodes_trouble(&hand);
    draw_turns(&hand);
    if (plan->node_count > 2 && (bounds->has_life || draw_one_in(&hand, 3))) {
        draw_members(&hand);
    }
    draw_special(&hand, bytes);
    memcpy(bytes, "kr-sim turn", sizeof "kr-sim turn");
    kr_rng_init(&hand.rng, bytes);
    draw_transport(&hand);
}
