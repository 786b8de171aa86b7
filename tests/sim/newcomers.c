/* A community where newcomers get what is GREEN from now on: some nodes are in it and share records for hours before others join.
 */
#include <string.h>

#include "tests/sim/internal.h"
#include "tests/sim/plan.h"
#include "tests/sim/world.h"

#define HOUR_MS   3600000u
#define OLD_EACH  3u /* records of each that is there before */
#define SETTLE_MS 60000u

bool sim_is_too_new(const struct sim_world *world, const struct sim_node *node, uint64_t created_ms)
{
    return node->is_newcomer && created_ms / HOUR_MS < world->newcomers_ms / HOUR_MS;
}

/* Links between those who are there before come first. Returns how many. */
static uint32_t sort_edges(struct sim_world *world)
{
    struct sim_edge *edges = world->edges.items;
    const uint32_t first = world->node_count - world->newcomer_count;
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->edges.count; i++) {
        if (edges[i].a < first && edges[i].b < first) {
            const struct sim_edge edge = edges[i];
            memmove(&edges[count + 1], &edges[count], (i - count) * sizeof edge);
            edges[count++] = edge;
        }
    }
    return count;
}

static void share(struct sim_world *world)
{
    const uint32_t nodes = world->node_count - world->newcomer_count;
    for (uint32_t i = 0; i < nodes * OLD_EACH; i++) {
        const struct sim_submission submission = {.node = i % nodes, .name = SIM_OLD_FROM + i, .label = KR_TLP_GREEN};
        const uint32_t record = sim_world_submit_as(world, &submission, world->now_ms);
        world->records[record].is_old = true;
    }
}

enum sim_verdict sim_world_grow(struct sim_world *world)
{
    const uint32_t all = world->edges.count, old = sort_edges(world);
    world->edges.count = old;
    enum sim_verdict verdict = sim_world_link(world, 0);
    world->edges.count = all;
    if (verdict == SIM_HOLDS) {
        verdict = sim_world_run(world, world->now_ms + SETTLE_MS);
    }
    if (verdict == SIM_HOLDS) {
        share(world);
        verdict = sim_world_run(world, (world->now_ms / HOUR_MS + 2) * HOUR_MS);
    }
    world->newcomers_ms = world->now_ms;
    for (uint32_t i = world->node_count - world->newcomer_count; i < world->node_count; i++) {
        world->nodes[i]->is_newcomer = true;
    }
    return verdict == SIM_HOLDS ? sim_world_link(world, old) : verdict;
}
