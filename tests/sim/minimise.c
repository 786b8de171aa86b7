/* A failing plan, cut down: whatever can be left out while it fails in the same way is left out. Noise first, then ops in ever
 * smaller lumps, then nodes from the end, then time. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/plan.h"

struct knife {
    struct sim_plan *plan;
    enum sim_verdict verdict;
    uint32_t runs, runs_max;
    bool (*is_over)(void);
};

static bool is_spent(const struct knife *knife)
{
    return knife->runs >= knife->runs_max || knife->is_over();
}

/* Keeps `candidate` in place of the plan where it fails in the same way; frees the other. */
static bool try_it(struct knife *knife, struct sim_plan *candidate)
{
    struct sim_result result = {0};
    const struct sim_listener nobody = {0};
    knife->runs++;
    sim_play_apart(candidate, &nobody, &result);
    bool is_same = result.verdict == knife->verdict;
    if (is_same) {
        sim_plan_free(knife->plan);
        *knife->plan = *candidate;
    } else {
        sim_plan_free(candidate);
    }
    return is_same;
}

static bool drop_ops(struct knife *knife)
{
    bool has_changed = false;
    for (uint32_t lump = knife->plan->op_count; lump > 0; lump /= 2) {
        for (uint32_t from = 0; from < knife->plan->op_count && !is_spent(knife);) {
            struct sim_plan candidate;
            sim_plan_copy(&candidate, knife->plan);
            for (uint32_t i = 0; i < lump && from < candidate.op_count; i++) {
                sim_plan_drop(&candidate, from);
            }
            bool is_kept = try_it(knife, &candidate);
            has_changed = has_changed || is_kept;
            from += is_kept ? 0 : lump;
        }
    }
    return has_changed;
}

static bool quieten(struct knife *knife)
{
    bool has_changed = false;
    for (uint32_t which = 0; which < 6; which++) {
        for (uint32_t i = 0; i < knife->plan->op_count && !is_spent(knife); i++) {
            struct sim_plan candidate;
            sim_plan_copy(&candidate, knife->plan);
            struct sim_faults *noise = &candidate.ops[i].noise;
            uint32_t *const values[] = {&noise->drop,        &noise->duplicate, &noise->reorder,
                                        &noise->fail_commit, &noise->crash,     &noise->delay_ms_max};
            if (*values[which] == 0) {
                sim_plan_free(&candidate);
                continue;
            }
            *values[which] = 0;
            has_changed = try_it(knife, &candidate) || has_changed;
        }
    }
    return has_changed;
}

static bool names_last(const struct sim_plan *plan, const struct sim_op *op)
{
    const uint32_t last = plan->node_count - 1;
    for (uint32_t i = 0; i < op->list_count; i++) {
        if (op->list[i] == last) {
            return true;
        }
    }
    return op->node == last || op->other == last;
}

/* With one community; what went to the second goes to that. */
static bool drop_second(struct knife *knife)
{
    struct sim_plan candidate;
    if (knife->plan->second == NULL || is_spent(knife)) {
        return false;
    }
    sim_plan_copy(&candidate, knife->plan);
    sim_plan_unite(&candidate);
    return try_it(knife, &candidate);
}

/* Without the last node and all that names it. */
static bool drop_node(struct knife *knife)
{
    struct sim_plan candidate;
    if (knife->plan->node_count <= 2 || is_spent(knife)) {
        return false;
    }
    for (uint32_t i = 0; i < knife->plan->second_count; i++) {
        if (knife->plan->second[i] == knife->plan->node_count - 1) {
            return false;
        }
    }
    sim_plan_copy(&candidate, knife->plan);
    const uint32_t last = candidate.node_count - 1;
    for (uint32_t i = candidate.op_count; i > 0; i--) {
        if (names_last(&candidate, &candidate.ops[i - 1])) {
            sim_plan_drop(&candidate, i - 1);
        }
    }
    for (uint32_t i = candidate.edges.count; i > 0; i--) {
        struct sim_edge *edge = &candidate.edges.items[i - 1];
        if (edge->a == last || edge->b == last) {
            *edge = candidate.edges.items[--candidate.edges.count];
        }
    }
    candidate.node_count = last;
    if (!sim_edges_connect(&candidate.edges, candidate.node_count)) {
        sim_plan_free(&candidate);
        return false;
    }
    return try_it(knife, &candidate);
}

static bool shorten(struct knife *knife)
{
    const struct sim_plan *plan = knife->plan;
    uint64_t last_ms = plan->op_count == 0 ? 0 : plan->ops[plan->op_count - 1].at_ms;
    bool has_changed = false;
    const uint64_t ends_ms[] = {last_ms, last_ms + 1000, last_ms + 30000};
    for (size_t i = 0; i < sizeof ends_ms / sizeof ends_ms[0] && !has_changed && !is_spent(knife); i++) {
        struct sim_plan candidate;
        if (ends_ms[i] >= plan->end_ms) {
            continue;
        }
        sim_plan_copy(&candidate, plan);
        candidate.end_ms = ends_ms[i];
        has_changed = try_it(knife, &candidate);
    }
    if (!is_spent(knife) && last_ms > 2000) {
        struct sim_plan candidate;
        sim_plan_copy(&candidate, knife->plan);
        for (uint32_t i = 0; i < candidate.op_count; i++) {
            candidate.ops[i].at_ms /= 2000;
            candidate.ops[i].at_ms *= 1000;
        }
        has_changed = try_it(knife, &candidate) || has_changed;
    }
    return has_changed;
}

uint32_t sim_minimise(struct sim_plan *plan, enum sim_verdict verdict, uint32_t runs, bool (*is_over)(void))
{
    struct knife knife = {.plan = plan, .verdict = verdict, .runs_max = runs, .is_over = is_over};
    for (bool has_changed = true; has_changed && !is_spent(&knife);) {
        has_changed = drop_ops(&knife);
        has_changed = quieten(&knife) || has_changed;
        has_changed = drop_second(&knife) || has_changed;
        while (drop_node(&knife)) {
            has_changed = true;
        }
        has_changed = shorten(&knife) || has_changed;
    }
    return knife.runs;
}
