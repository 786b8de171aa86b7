/* A community's life, drawn: who is let in, by how many, who is put out, who goes and comes back, and two sides that expel each
 * other while they cannot hear each other. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/draw.h"

/* Who sees that community's directory: founders first, then who is named. */
struct circle {
    uint32_t nodes[MODEL_COUNCILS_MAX], count, founders;
};

static bool is_in(const struct circle *circle, uint32_t node)
{
    for (uint32_t i = 0; i < circle->count; i++) {
        if (circle->nodes[i] == node) {
            return true;
        }
    }
    return false;
}

static uint32_t any_of(struct sim_hand *hand, const struct circle *circle)
{
    return circle->nodes[draw_below(hand, circle->count)];
}

static uint32_t founder_of(struct sim_hand *hand, const struct circle *circle)
{
    return circle->nodes[draw_below(hand, circle->founders)];
}

/* Each by a founder with whom it is not linked, where there is one: the ticket makes a link. */
static void draw_named(struct sim_hand *hand, struct circle *circle)
{
    struct sim_plan *plan = hand->plan;
    for (uint32_t node = 0; node < plan->node_count; node++) {
        const uint32_t founder = founder_of(hand, circle);
        const bool is_left_out = draw_one_in(hand, 5);
        if (!is_left_out && !is_in(circle, node) && !sim_edges_have(&plan->edges, founder, node)) {
            sim_edges_add(&plan->edges, founder, node);
            plan->edges.items[plan->edges.count - 1].is_late = true;
            circle->nodes[circle->count++] = node;
        }
    }
}

static void say(struct sim_hand *hand, uint64_t at_ms, uint32_t node, enum sim_word word, uint32_t other)
{
    const struct sim_op op = {
        .kind = SIM_OP_SAY, .at_ms = at_ms, .node = node, .other = other, .number = word, .is_in_second = true};
    sim_plan_add(hand->plan, &op);
}

/* Who is named gets the vouches that it lacks, mostly: now and then it becomes a member in the midst of all. */
static void draw_newcomers(struct sim_hand *hand, const struct circle *circle)
{
    for (uint32_t i = circle->founders; i < circle->count; i++) {
        for (uint32_t j = 0, count = draw_below(hand, 4); j < count; j++) {
            say(hand, draw_time(hand), founder_of(hand, circle), SIM_WORD_VOUCHES, circle->nodes[i]);
        }
    }
}

/* What is said is often taken back later, and what a council says of itself is that it goes. */
static void draw_words(struct sim_hand *hand, const struct circle *circle)
{
    static const enum sim_word words[] = {SIM_WORD_VOUCHES, SIM_WORD_VOUCHES,   SIM_WORD_VOUCHES,   SIM_WORD_EXPELS,
                                          SIM_WORD_EXPELS,  SIM_WORD_UNVOUCHES, SIM_WORD_UNVOUCHES, SIM_WORD_READMITS};
    static const enum sim_word back[SIM_WORD_COUNT] = {SIM_WORD_UNVOUCHES, SIM_WORD_VOUCHES, SIM_WORD_READMITS, SIM_WORD_EXPELS};
    const uint32_t of_themselves = draw_below(hand, 4);
    for (uint32_t i = 0, count = 2 + draw_below(hand, 24); i < count; i++) {
        const uint64_t at_ms = draw_time(hand);
        const uint32_t node = any_of(hand, circle);
        const uint32_t other = draw_below(hand, 8) < of_themselves ? node : any_of(hand, circle);
        const enum sim_word word = node == other ? SIM_WORD_EXPELS : words[draw_below(hand, 8)];
        say(hand, at_ms, node, word, other);
        if (draw_one_in(hand, 2)) {
            say(hand, at_ms + draw_while(hand), node, back[word], other);
        }
    }
}

/* Two sides, cut off from each other, expel some of those on the other side. */
static void draw_quarrel(struct sim_hand *hand, const struct circle *circle)
{
    struct sim_op split = {.kind = SIM_OP_SPLIT, .at_ms = draw_time(hand), .for_ms = draw_while(hand)};
    bool is_left[MODEL_COUNCILS_MAX] = {0};
    split.list = calloc(hand->plan->node_count, sizeof *split.list);
    KR_ASSERT(split.list != NULL);
    for (uint32_t node = 0; node < hand->plan->node_count; node++) {
        is_left[node] = draw_one_in(hand, 2);
        if (is_left[node]) {
            split.list[split.list_count++] = node;
        }
    }
    for (uint32_t i = 0; i < circle->count; i++) {
        for (uint32_t j = 0; j < circle->count; j++) {
            const uint32_t node = circle->nodes[i], other = circle->nodes[j];
            if (is_left[node] != is_left[other] && !draw_one_in(hand, 3)) {
                say(hand, split.at_ms + kr_rng_below(&hand->rng, split.for_ms), node, SIM_WORD_EXPELS, other);
            }
        }
    }
    sim_plan_add(hand->plan, &split);
}

static void draw_green(struct sim_hand *hand, const struct circle *circle)
{
    struct sim_plan *plan = hand->plan;
    for (uint32_t i = 0; i < plan->op_count; i++) {
        struct sim_op *op = &plan->ops[i];
        const bool is_green = op->kind == SIM_OP_SUBMIT && op->label == KR_TLP_GREEN;
        op->is_in_second = op->is_in_second || (is_green && is_in(circle, op->node) && draw_one_in(hand, 2));
    }
    for (uint32_t i = 0, count = 2 + draw_below(hand, 12); i < count; i++) {
        struct sim_op op = {.kind = SIM_OP_SUBMIT,
                            .at_ms = draw_time(hand),
                            .node = any_of(hand, circle),
                            .record = 8000 + i,
                            .label = KR_TLP_GREEN,
                            .is_in_second = true};
        const struct sim_op back = {
            .kind = SIM_OP_RETRACT, .at_ms = op.at_ms + draw_while(hand), .node = op.node, .record = op.record};
        sim_plan_add(plan, &op);
        if (draw_one_in(hand, 6)) {
            sim_plan_add(plan, &back);
        }
    }
}

void sim_draw_life(struct sim_hand *hand)
{
    struct sim_plan *plan = hand->plan;
    struct circle circle = {.count = plan->second_count, .founders = plan->second_count};
    memcpy(circle.nodes, plan->second, plan->second_count * sizeof *circle.nodes);
    plan->has_life = true;
    plan->charter = (struct sim_charter){.needed = 1 + draw_below(hand, circle.founders),
                                         .quorum = 1 + draw_below(hand, circle.founders),
                                         .is_from_now_on = draw_one_in(hand, 3)};
    draw_named(hand, &circle);
    draw_newcomers(hand, &circle);
    draw_words(hand, &circle);
    if (draw_one_in(hand, 3)) {
        draw_quarrel(hand, &circle);
    }
    draw_green(hand, &circle);
}
