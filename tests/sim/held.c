/* Nodes that went back to an older state: they sign nothing before they have met their peers again, which they do, and nobody falls
 * out with himself for it. */
#include <string.h>

#include "node/core/state.h"
#include "proto/client/draft.h"
#include "tests/sim/internal.h"

bool sim_is_held(const struct sim_node *node)
{
    struct kr_core_stat stat = {0};
    if (node->is_up) {
        kr_core_stat(kr_loop_core(node->loop), &stat);
    }
    return stat.is_restored;
}

/* Before anything else in that life, and as often as it takes: keeper ends where it cannot. */
enum sim_verdict sim_node_tell(struct sim_world *world, struct sim_node *node)
{
    enum sim_verdict verdict = SIM_HOLDS;
    while (verdict == SIM_HOLDS && node->is_to_be_told && node->is_up) {
        const struct kr_event event = {.type = KR_EVENT_RESTORED, .now_ms = node->now_ms};
        struct kr_effects effects;
        uint8_t seed[32];
        size_t done = 0;
        kr_effects_init(&effects);
        kr_rng_bytes(&world->rng, seed, sizeof seed);
        enum kr_err err = kr_loop_run(node->loop, &event, 1, seed, NULL, NULL, &effects, &done);
        node->is_to_be_told = err != KR_OK;
        if (err != KR_OK && err != KR_IO) {
            verdict = sim_fail(world, SIM_CRASH, "%s cannot be told: %s", node->name, kr_err_name(err));
        }
        if (verdict == SIM_HOLDS) {
            verdict = sim_let_out(world, node, &effects);
        }
        kr_effects_deinit(&effects);
    }
    return verdict;
}

/* The end of a submission or a retraction that was not known before. */
static bool is_fresh(const struct kr_effect *effect)
{
    struct kr_stored stored;
    return kr_stored_read((struct kr_slice){effect->bytes, effect->len}, &stored) == KR_OK && !stored.is_known;
}

enum sim_verdict sim_check_silent(struct sim_world *world, const struct sim_node *node, bool was_held,
                                  const struct kr_effects *effects)
{
    if (!was_held || !sim_is_held(node)) {
        return SIM_HOLDS;
    }
    for (size_t i = 0; i < effects->count; i++) {
        const struct kr_effect *effect = &effects->items[i];
        bool is_of_client = effect->client == SIM_CLIENT_SUBMIT || effect->client == SIM_CLIENT_RETRACT;
        const bool is_statement = effect->type == KR_EFFECT_END && effect->client == SIM_CLIENT_SAY;
        if (is_statement || (effect->type == KR_EFFECT_END && is_of_client && is_fresh(effect))) {
            return sim_fail(world, SIM_SIGNED, "%s went back to an older state and signed before it had met its peers", node->name);
        }
    }
    return SIM_HOLDS;
}

static const struct sim_node *node_of(const struct sim_world *world, const uint8_t council[static 32])
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (memcmp(world->nodes[i]->council, council, 32) == 0) {
            return world->nodes[i];
        }
    }
    return NULL;
}

/* For whom it still waits though that one plays by the rules. A clock that was wrong has dated what nobody else takes for long. */
static const struct sim_node *waits_in_vain(const struct sim_world *world, const struct sim_node *node)
{
    const struct kr_core *core = kr_loop_core(node->loop);
    for (uint32_t i = 0; i < core->link_count && !world->has_wrong_clocks; i++) {
        const struct sim_node *other = node_of(world, core->links[i]->council);
        if (core->links[i]->is_awaited && other != NULL && !other->is_hostile) {
            return other;
        }
    }
    return NULL;
}

struct quarrels {
    const struct sim_world *world;
    const struct sim_node *with;
};

/* Who went back, and then one that it was linked with, which alone had heard what it said before, met nobody who could tell. */
static bool was_left_alone(const struct sim_world *world, const struct sim_node *node)
{
    bool was = false;
    for (uint32_t i = 0; i < node->edge_count && node->was_restored; i++) {
        const struct sim_edge *edge = &world->edges.items[node->edges[i]];
        was = was || world->nodes[edge->a == node->index ? edge->b : edge->a]->was_restored;
    }
    return was;
}

/* Key: "alarm" and the council whose two statements they are. Whoever has stolen its root key may hit a version that it has itself.
 */
static bool look_at_alarm(void *context, struct kr_slice key, struct kr_slice value)
{
    struct quarrels *quarrels = context;
    (void)value;
    const struct sim_node *of = key.len >= 37 ? node_of(quarrels->world, key.bytes + 5) : NULL;
    if (of != NULL && !of->is_hostile && !of->was_copied && !of->has_lied && !was_left_alone(quarrels->world, of)) {
        quarrels->with = of;
    }
    return quarrels->with == NULL;
}

static enum sim_verdict check_alarms(struct sim_world *world, const struct sim_node *node)
{
    struct quarrels quarrels = {.world = world};
    struct kr_txn *txn = NULL;
    if (kr_store_read_begin(node->store, &txn) != KR_OK) {
        return sim_fail(world, SIM_SETUP, "%s cannot be read", node->name);
    }
    enum kr_err err = kr_store_each(txn, KR_TABLE_RECEIPTS, "alarm", 5, look_at_alarm, &quarrels);
    kr_txn_abort(txn);
    if (err != KR_OK) {
        return sim_fail(world, SIM_SETUP, "%s cannot be read: %s", node->name, kr_err_name(err));
    }
    return quarrels.with == NULL ? SIM_HOLDS
                                 : sim_fail(world, SIM_SIGNED, "%s has an alarm about %s, which signed one version twice",
                                            node->name, quarrels.with->name);
}

enum sim_verdict sim_check_held(struct sim_world *world)
{
    enum sim_verdict verdict = SIM_HOLDS;
    for (uint32_t i = 0; i < world->node_count && verdict == SIM_HOLDS; i++) {
        const struct sim_node *node = world->nodes[i];
        if (node->is_hostile || node->is_gone) {
            continue;
        }
        const struct sim_node *other = sim_is_held(node) ? waits_in_vain(world, node) : NULL;
        verdict = other == NULL ? check_alarms(world, node)
                                : sim_fail(world, SIM_NO_CONVERGENCE, "%s went back to an older state and still waits for %s",
                                           node->name, other->name);
    }
    return verdict;
}
