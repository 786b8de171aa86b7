/* A second community on nodes that are in the first: what is GREEN in one is nothing to those who are in the other alone. */
#include <string.h>

#include "node/core/state.h"
#include "proto/client/community.h"
#include "tests/sim/internal.h"
#include "tests/sim/world.h"

#define FOUNDED_MS 60000u /* so long it may take until all founders have entered */

static bool has_entered(const struct sim_node *node, const uint8_t community[static 32])
{
    const struct kr_core *core = kr_loop_core(node->loop);
    const struct kr_community *known = kr_directory_community(&core->directory, community);
    return known != NULL && (kr_membership_standing(&known->membership, core->self) & KR_IS_MEMBER) != 0;
}

static void ask(struct sim_world *world, const struct sim_node *founder, const struct sim_charter *charter, const uint32_t *members,
                uint32_t count)
{
    struct kr_founding founding = {.name = {(const uint8_t *)"second", 6},
                                   .vouches_needed = charter->needed,
                                   .quorum = charter->quorum,
                                   .is_from_now_on = charter->is_from_now_on};
    struct kr_writer writer;
    for (uint32_t i = 1; i < count; i++) {
        memcpy(founding.founders[founding.founder_count++], world->nodes[members[i]]->council, 32);
    }
    kr_writer_init(&writer, 8 * KR_KIB);
    kr_founding_write(&founding, &writer);
    sim_world_push(world, founder, (struct kr_event){.type = KR_EVENT_REQUEST, .client = SIM_CLIENT_FOUND, .op = KR_OP_FOUND},
                   writer.bytes, writer.len, world->now_ms);
    kr_writer_deinit(&writer);
}

enum sim_verdict sim_world_found(struct sim_world *world, const struct sim_charter *charter, const uint32_t *members,
                                 uint32_t count)
{
    const struct kr_directory *directory = &kr_loop_core(world->nodes[members[0]]->loop)->directory;
    KR_ASSERT(count <= KR_FOUNDERS_MAX && directory->community_count == 1);
    memcpy(world->communities[0], directory->communities[0]->id, 32);
    ask(world, world->nodes[members[0]], charter, members, count);
    enum sim_verdict verdict = sim_world_run(world, world->now_ms + FOUNDED_MS);
    directory = &kr_loop_core(world->nodes[members[0]]->loop)->directory;
    if (verdict != SIM_HOLDS || directory->community_count != 2) {
        return verdict != SIM_HOLDS ? verdict : sim_fail(world, SIM_SETUP, "the second community was not founded");
    }
    const bool is_first = memcmp(directory->communities[0]->id, world->communities[0], 32) == 0;
    memcpy(world->communities[1], directory->communities[is_first ? 1 : 0]->id, 32);
    world->has_second = true;
    world->charter = *charter;
    for (uint32_t i = 0; i < count; i++) {
        struct sim_node *node = world->nodes[members[i]];
        node->is_in_second = true;
        if (!has_entered(node, world->communities[1])) {
            return sim_fail(world, SIM_SETUP, "%s has not entered the second community", node->name);
        }
    }
    return SIM_HOLDS;
}
