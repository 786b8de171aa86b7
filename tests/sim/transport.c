/* Transport keys replaced while all goes on (docs/adr/0050): to peers it is a node more that they are to link, and one less later.
 */
#include "node/core/transport_key.h"

#include "proto/client/rekey.h"
#include "tests/sim/internal.h"

#define APART_MS 82800000 /* nobody would take a card that is dated further ahead, or one of so long ago */

static void ask(struct sim_world *world, const struct sim_node *node, uint8_t act)
{
    const uint8_t args[] = {0x91, act}; /* array of 1 */
    sim_world_push(world, node,
                   (struct kr_event){.type = KR_EVENT_REQUEST, .client = SIM_CLIENT_TURN, .request = act, .op = KR_OP_TRANSPORT},
                   args, sizeof args, world->now_ms);
}

void sim_world_transport(struct sim_world *world, uint32_t index)
{
    const struct sim_node *node = world->nodes[index];
    const uint64_t apart_ms = node->now_ms > world->now_ms ? node->now_ms - world->now_ms : world->now_ms - node->now_ms;
    if (sim_node_may_sign(node) && !node->is_hostile && node->skew_ms < APART_MS && node->skew_ms > -APART_MS &&
        apart_ms < APART_MS) {
        ask(world, node, KR_TRANSPORT_MAKE);
    }
}

void sim_transport_made(struct sim_world *world, const struct sim_node *node, const struct kr_effect *effect)
{
    if (effect->request == KR_TRANSPORT_MAKE) {
        ask(world, node, KR_TRANSPORT_LIST);
    } else {
        sim_tell(world, "node %u lists a new transport key", node->index);
    }
}

enum sim_verdict sim_check_turned(struct sim_world *world)
{
    bool has_hostile = false;
    for (uint32_t i = 0; i < world->node_count; i++) {
        has_hostile = has_hostile || world->nodes[i]->is_hostile || world->nodes[i]->is_gone; /* they are waited for */
    }
    for (uint32_t i = 0; i < world->node_count && !has_hostile; i++) {
        if (kr_transport_is_turning(kr_loop_core(world->nodes[i]->loop))) {
            return sim_fail(world, SIM_NO_CONVERGENCE, "%s still waits with its new transport key", world->nodes[i]->name);
        }
    }
    return SIM_HOLDS;
}
