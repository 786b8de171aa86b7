/* Batches of events through the cores, and what comes out of them. */
#include <stdlib.h>
#include <string.h>

#include "node/core/job.h"
#include "proto/client/client.h"
#include "tests/sim/hostile.h"
#include "tests/sim/internal.h"

#define CLOCK_MS_MAX        60000u
#define BATCH_MAX           32u
#define EVENTS_PER_NODE_MAX 50000u /* in one second: else there is work without end */

void sim_world_push(struct sim_world *world, const struct sim_node *node, struct kr_event event, const void *bytes, size_t len,
                    uint64_t at_ms)
{
    struct sim_event pushed = {.at_ms = at_ms, .node = node->index, .life = node->life, .kind = SIM_CORE_EVENT, .event = event};
    if (len > 0) {
        pushed.bytes = malloc(len);
        KR_ASSERT(pushed.bytes != NULL);
        memcpy(pushed.bytes, bytes, len);
    }
    pushed.event.bytes = (struct kr_slice){pushed.bytes, len};
    sim_heap_push(world, pushed);
}

/* ---- effects ---- */

static void end_request(struct sim_world *world, const struct sim_node *node, const struct kr_effect *effect)
{
    if (effect->client == SIM_CLIENT_SUBMIT) {
        sim_client_ended(world, node, effect);
    } else if (effect->client == SIM_CLIENT_RETRACT) {
        sim_client_retracted(world, node, effect);
    } else if (effect->client == SIM_CLIENT_SETUP) {
        sim_link_ended(world, effect->request, effect);
    } else if (effect->client == SIM_CLIENT_SAY) {
        sim_life_said(world, node, effect);
    } else if (effect->client == SIM_CLIENT_TURN) {
        sim_transport_made(world, node, effect);
    } else if (effect->client == SIM_CLIENT_NODE) {
        sim_node_invited(world, effect);
    }
}

/* Lets one effect out. Takes over what it owns where needed. */
static enum sim_verdict let_out(struct sim_world *world, struct sim_node *node, struct kr_effect *effect)
{
    enum sim_verdict verdict = SIM_HOLDS;
    switch (effect->type) {
    case KR_EFFECT_SEND:
        verdict = sim_check_frame(world, effect->bytes, effect->len);
        if (verdict == SIM_HOLDS && world->on_effect == NULL && !world->is_trusting) {
            verdict = sim_check_traffic(world, node, effect->number, effect->len);
        }
        sim_net_send(world, node, effect->number, effect->bytes, effect->len);
        break;
    case KR_EFFECT_JOB: {
        sim_memo_run(world->memo, effect->job, node->keyring);
        uint64_t at_ms = world->now_ms + (world->is_quiet ? 0 : sim_world_below(world, 4));
        sim_world_push(world, node, (struct kr_event){.type = KR_EVENT_JOB_DONE, .job = effect->job}, NULL, 0, at_ms);
        effect->job = NULL;
        break;
    }
    case KR_EFFECT_ALLOW:
        sim_net_allow(node, effect);
        break;
    case KR_EFFECT_DIAL:
        sim_net_dial(world, node, effect);
        break;
    case KR_EFFECT_HANGUP:
        sim_net_hang_up(node, effect->number);
        break;
    case KR_EFFECT_WAKE:
        if (node->wake_ms == 0 || effect->at_ms < node->wake_ms) {
            uint64_t in_ms = effect->at_ms > node->now_ms ? effect->at_ms - node->now_ms : 0;
            node->wake_ms = effect->at_ms;
            sim_heap_push(world, (struct sim_event){.at_ms = world->now_ms + in_ms,
                                                    .node = node->index,
                                                    .life = node->life,
                                                    .kind = SIM_WAKE,
                                                    .event = {.now_ms = effect->at_ms}});
        }
        break;
    case KR_EFFECT_END:
        end_request(world, node, effect);
        break;
    case KR_EFFECT_LOG:
        sim_trace(world, "%s says: %.*s", node->name, (int)effect->len, (const char *)effect->bytes);
        break;
    case KR_EFFECT_ERROR:
        sim_trace(world, "%s answers %llu with an error: %.*s", node->name, (unsigned long long)effect->request, (int)effect->len,
                  (const char *)effect->bytes);
        break;
    case KR_EFFECT_KEYS_MAKE:
        KR_ASSERT(kr_keyring_prepare(node->keyring, effect->bytes, effect->at_ms / 1000, (enum kr_next_keys)effect->code, NULL,
                                     NULL) == KR_OK);
        end_request(world, node, effect);
        break;
    case KR_EFFECT_KEYS_TURN:
        KR_ASSERT(kr_keyring_turn(node->keyring, effect->at_ms / 1000, NULL, NULL) == KR_OK);
        break;
    case KR_EFFECT_ROOT_TURN:
        KR_ASSERT(kr_keyring_follow(node->keyring, effect->bytes, effect->bytes + 32, NULL, NULL) == KR_OK);
        break;
    case KR_EFFECT_STORAGE_MAKE:
        KR_ASSERT(kr_keyring_storage_prepare(node->keyring, effect->bytes, effect->at_ms / 1000, NULL, NULL) == KR_OK);
        kr_store_rekey_begin(node->store, kr_keyring_storage(node->keyring));
        end_request(world, node, effect);
        break;
    case KR_EFFECT_STORAGE_TURN:
        KR_ASSERT(kr_keyring_storage_turn(node->keyring, NULL, NULL) == KR_OK);
        kr_store_rekey_end(node->store);
        break;
    case KR_EFFECT_TRANSPORT_MAKE:
        KR_ASSERT(kr_keyring_transport_prepare(node->keyring, effect->bytes, NULL, NULL) == KR_OK);
        sim_net_caller(world, node->keyring->next_transport_public, node->index);
        end_request(world, node, effect);
        break;
    case KR_EFFECT_TRANSPORT_TURN:
        KR_ASSERT(kr_keyring_transport_turn(node->keyring, NULL, NULL) == KR_OK);
        sim_net_turn(world, node);
        sim_tell(world, "node %u has another transport key", node->index);
        world->turns++;
        break;
    case KR_EFFECT_KEYS_SHARE:
        sim_node_share(node, effect);
        break;
    case KR_EFFECT_PAGE:
    case KR_EFFECT_FORGET: /* no client here asks for it */
        break;
    }
    return verdict;
}

enum sim_verdict sim_let_out(struct sim_world *world, struct sim_node *node, struct kr_effects *effects)
{
    enum sim_verdict verdict = SIM_HOLDS;
    for (size_t i = 0; i < effects->count && verdict == SIM_HOLDS; i++) {
        if (sim_chance(world, world->faults.crash)) {
            /* What is durable stays, what was not let out yet is never said. */
            sim_world_crash(world, node->index, 100 + sim_world_below(world, 20000));
            break;
        }
        bool is_taken = world->on_effect != NULL && world->on_effect(world->context, node, &effects->items[i]);
        verdict = is_taken ? SIM_HOLDS : let_out(world, node, &effects->items[i]);
    }
    if (verdict == SIM_HOLDS && world->has_rekeyed && node->is_up) {
        sim_node_confirm_roots(world, node);
    }
    return verdict;
}

/* ---- batches ---- */

static enum sim_verdict run_idle(struct sim_world *world, struct sim_node *node)
{
    struct kr_effects effects;
    uint8_t seed[32];
    enum sim_verdict verdict = SIM_HOLDS;
    bool more = true;
    if (!node->is_up) {
        return verdict;
    }
    kr_loop_doubt_clock(node->loop, world->doubts_clocks && !kr_clock_is_settled(&node->clock));
    for (int slices = 0; slices < 8 && more && verdict == SIM_HOLDS && node->is_up; slices++) {
        kr_effects_init(&effects);
        kr_rng_bytes(&world->rng, seed, sizeof seed);
        if (node->is_hostile) {
            sim_hostile_note(world, node);
        }
        enum kr_err err = kr_loop_idle(node->loop, node->now_ms, seed, &effects, &more);
        if (err != KR_OK && err != KR_IO) {
            verdict = sim_fail(world, SIM_CRASH, "%s: idle work failed: %s", node->name, kr_err_name(err));
        }
        if (verdict == SIM_HOLDS && node->is_hostile) {
            sim_hostile_turn(world, node, &effects);
        }
        sim_life_look(world, node);
        if (verdict == SIM_HOLDS) {
            verdict = sim_let_out(world, node, &effects);
        }
        kr_effects_deinit(&effects);
    }
    return verdict;
}

static enum sim_verdict run_batch(struct sim_world *world, struct sim_node *node, struct sim_event *events, size_t count)
{
    struct kr_event batch[BATCH_MAX];
    struct kr_effects effects;
    uint8_t seed[32];
    enum sim_verdict verdict = SIM_HOLDS;
    size_t done = 0;
    node->now_ms = kr_clock_take(&node->clock, world->now_ms, sim_node_system_ms(world, node));
    for (size_t i = 0; i < count; i++) {
        batch[i] = events[i].event;
        batch[i].now_ms = node->now_ms;
    }
    if (world->now_ms / 1000 != world->second_ms / 1000) {
        world->second_ms = world->now_ms;
        world->second_events = 0;
    }
    world->second_events += count;
    if (world->second_events > EVENTS_PER_NODE_MAX * (uint64_t)world->node_count) {
        return sim_fail(world, SIM_UNBOUNDED, "more than %u events a node in one second", EVENTS_PER_NODE_MAX);
    }
    if (world->on_effect == NULL && !world->is_trusting) { /* else a test plays peers that are not honest */
        verdict = sim_check_delivery(world, node, batch, count);
    }
    while (done < count && verdict == SIM_HOLDS && node->is_up) {
        size_t taken = 0;
        kr_effects_init(&effects);
        kr_rng_bytes(&world->rng, seed, sizeof seed);
        if (node->is_hostile) {
            sim_hostile_note(world, node);
        }
        const bool was_held = sim_is_held(node);
        enum kr_err err = kr_loop_run(node->loop, &batch[done], count - done, seed, NULL, NULL, &effects, &taken);
        if (err != KR_OK) {
            sim_trace(world, "%s could not commit: %s", node->name, kr_err_text(err));
        }
        if (err != KR_OK && err != KR_IO) {
            verdict = sim_fail(world, SIM_CRASH, "%s: a step failed: %s", node->name, kr_err_name(err));
        }
        for (size_t i = done; i < done + taken; i++) {
            events[i].kind = SIM_WAKE; /* a job in it is the core's now */
        }
        done += taken;
        world->events_run += taken;
        if (verdict == SIM_HOLDS && node->is_hostile) {
            sim_hostile_turn(world, node, &effects);
        } else if (verdict == SIM_HOLDS) {
            verdict = sim_check_silent(world, node, was_held, &effects);
        }
        sim_life_look(world, node); /* before what follows from it is let out */
        if (verdict == SIM_HOLDS) {
            verdict = sim_let_out(world, node, &effects);
        }
        kr_effects_deinit(&effects);
    }
    verdict = verdict == SIM_HOLDS ? run_idle(world, node) : verdict;
    if (world->story != NULL && node->is_up && kr_loop_commits(node->loop) != node->commits) {
        node->commits = kr_loop_commits(node->loop);
        sim_client_look(world, node);
    }
    return verdict;
}

/* ---- running ---- */

static enum sim_verdict run_one(struct sim_world *world, struct sim_event *event)
{
    struct sim_node *node = world->nodes[event->node];
    switch (event->kind) {
    case SIM_RESTART:
        return node->is_up || node->is_gone ? SIM_HOLDS : sim_node_start(world, node);
    case SIM_SUBMIT:
        sim_client_again(world, event);
        return SIM_HOLDS;
    case SIM_RETRACT:
        sim_client_retract_again(world, event);
        return SIM_HOLDS;
    case SIM_WAKE:
        if (!node->is_up || event->life != node->life || event->event.now_ms != node->wake_ms) {
            return SIM_HOLDS; /* an earlier wake took its place */
        }
        node->wake_ms = 0;
        event->kind = SIM_CORE_EVENT;
        event->event = (struct kr_event){.type = KR_EVENT_TICK};
        break;
    case SIM_CORE_EVENT:
        if (!node->is_up || event->life != node->life) {
            return SIM_HOLDS; /* said to a process that is no more */
        }
        break;
    }
    return run_batch(world, node, event, 1);
}

enum sim_verdict sim_world_run(struct sim_world *world, uint64_t until_ms)
{
    enum sim_verdict verdict = SIM_HOLDS;
    while (verdict == SIM_HOLDS && world->heap_count > 0 && world->heap[0].at_ms <= until_ms) {
        struct sim_event batch[BATCH_MAX];
        size_t count = 0;
        batch[count++] = sim_heap_pop(world);
        world->now_ms = batch[0].at_ms;
        /* Core events of one node that are due together make one batch, as in keeper. */
        struct sim_node *node = world->nodes[batch[0].node];
        bool is_batch = batch[0].kind == SIM_CORE_EVENT && node->is_up && batch[0].life == node->life;
        while (is_batch && count < BATCH_MAX && world->heap_count > 0 && world->heap[0].at_ms == world->now_ms &&
               world->heap[0].kind == SIM_CORE_EVENT && world->heap[0].node == batch[0].node && world->heap[0].life == node->life) {
            batch[count++] = sim_heap_pop(world);
        }
        verdict = is_batch ? run_batch(world, node, batch, count) : run_one(world, &batch[0]);
        for (size_t i = 0; i < count; i++) {
            sim_event_free(&batch[i]);
        }
    }
    world->now_ms = world->now_ms > until_ms ? world->now_ms : until_ms;
    return verdict == SIM_HOLDS ? world->verdict : verdict;
}

void sim_world_heal(struct sim_world *world)
{
    world->is_quiet = true;
    world->is_split = false;
    for (uint32_t i = 0; i < world->edges.count; i++) {
        free(world->edges.items[i].wires);
        world->edges.items[i].wires = NULL;
    }
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = world->nodes[i];
        /* Who sets a clock right that was off by much starts the node anew: else it would go at half speed for years. */
        if (node->now_ms > world->now_ms + CLOCK_MS_MAX || node->skew_ms < -(int64_t)CLOCK_MS_MAX) {
            sim_world_crash(world, i, 1000);
        }
        node->skew_ms = 0;
        if (!node->is_up && !node->is_gone) {
            sim_heap_push(world, (struct sim_event){.at_ms = world->now_ms, .node = i, .kind = SIM_RESTART});
        }
    }
}
