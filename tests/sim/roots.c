/* A root key that was stolen, and replaced by the council's recovery key: what a thief says at its neighbours, how the council
 * replaces the key, and what its neighbours' operators do about it. */
#include <stdlib.h>
#include <string.h>

#include "crypto/sign.h"
#include "node/core/revoke.h"
#include "node/core/root_confirm.h"
#include "proto/client/rekey.h"
#include "tests/sim/internal.h"

#define CALLED_AFTER_MS 20000u
#define UNDER_WAY_MS    5000u /* no frame is for so long, where nothing was ever wrong with the wire */

/* ---- the thief ---- */

static void steal(struct sim_world *world, struct sim_node *node)
{
    if (!node->has_lied) {
        node->has_lied = true;
        node->is_rekeyed = false; /* that was another key */
        node->lied_ms = node->now_ms;
        memcpy(node->stolen_root, node->keyring->root_secret, 64);
        sim_tell(world, "the root key of node %u is stolen", node->index);
    }
}

/* A council of his own making. That none else is named keeps the honest ones in the community, whenever the key is replaced. */
static void write_vouch(struct sim_world *world, uint8_t ret_council[static 32], struct kr_writer *content)
{
    struct kr_vouch vouch = {.is_withdrawn = false};
    kr_rng_bytes(&world->rng, ret_council, 32);
    memset(ret_council, 0xEE, 4);
    memcpy(vouch.council, ret_council, 32);
    kr_vouch_write(&vouch, content);
}

enum sim_verdict sim_world_lie(struct sim_world *world, uint32_t index, uint32_t other)
{
    struct sim_node *node = world->nodes[index];
    const struct kr_core *core = world->nodes[other]->is_up ? kr_loop_core(world->nodes[other]->loop) : NULL;
    const struct kr_council *known = core != NULL ? kr_directory_council(&core->directory, node->council) : NULL;
    struct kr_writer content;
    uint8_t seed[32], id[32], subject[32], community[32];
    bool is_taken;
    if (known == NULL || core->directory.community_count == 0 || !node->is_up) {
        return SIM_HOLDS;
    }
    steal(world, node);
    memcpy(community, core->directory.communities[0]->id, 32);
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    const bool is_card = sim_world_below(world, 3) == 0;
    if (is_card) {
        struct kr_card card;
        kr_council_card(known, &card);
        card.rekeyings.count = 0; /* he does not have the others */
        memcpy(subject, node->council, 32);
        kr_card_write(&card, &content);
    } else {
        write_vouch(world, subject, &content);
    }
    KR_ASSERT(kr_writer_finish(&content) == KR_OK);
    const struct kr_draft draft = {.kind = is_card ? KR_KIND_COUNCIL_CARD : KR_KIND_VOUCH,
                                   .created_ms = node->now_ms - sim_world_below(world, 3600) * 1000ull,
                                   .expires_s = node->now_ms / 1000 + 365u * 86400u,
                                   .label = KR_TLP_GREEN,
                                   .community = community,
                                   .subject = subject,
                                   .version = 1 + sim_world_below(world, 1000),
                                   .content = {content.bytes, content.len}};
    struct kr_job *job = kr_job_new(KR_JOB_CHECK);
    KR_ASSERT(job != NULL);
    kr_rng_bytes(&world->rng, seed, sizeof seed);
    KR_ASSERT(kr_record_make(&draft, node->council, node->stolen_root, seed, &job->bytes, &job->len, id) == KR_OK);
    memcpy(job->id, id, 32);
    kr_writer_deinit(&content);
    return sim_hand_over(world, node, other, job, &is_taken);
}

/* ---- the council ---- */

/* Asks as the operator does; whether it was answered. */
static enum kr_err ask(struct sim_visit *visit, enum kr_op op, struct kr_writer *args, bool *ret_is_answered)
{
    const struct kr_event event = {.type = KR_EVENT_REQUEST, .op = op, .bytes = {args->bytes, args->len}};
    const size_t before = visit->effects.count;
    KR_ASSERT(kr_writer_finish(args) == KR_OK);
    const enum kr_err err =
        op == KR_OP_RECOVER ? kr_recover_request(&visit->step, &event) : kr_revoke_request(&visit->step, &event);
    *ret_is_answered = false;
    for (size_t i = before; i < visit->effects.count; i++) {
        *ret_is_answered = *ret_is_answered || visit->effects.items[i].type == KR_EFFECT_END;
    }
    kr_writer_deinit(args);
    return err;
}

/* Which statements of each former root key hold. */
static enum kr_err name_genuine(struct sim_visit *visit, const struct kr_rekeyings *rekeyings,
                                const uint8_t genesis_root[static 32], bool *ret_is_answered)
{
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < rekeyings->count && err == KR_OK && *ret_is_answered; i++) {
        struct kr_revoke revoke = {.since_ms = visit->node->has_lied ? visit->node->lied_ms : UINT64_MAX};
        struct kr_writer args;
        memcpy(revoke.key, i == 0 ? genesis_root : rekeyings->items[i - 1].root_public, 32);
        kr_writer_init(&args, KR_KIB);
        kr_revoke_write(&revoke, &args);
        err = ask(visit, KR_OP_REVOKE, &args, ret_is_answered);
    }
    return err;
}

static enum kr_err rekey(struct sim_visit *visit, bool *ret_is_answered)
{
    struct kr_keyring *keyring = visit->node->keyring;
    const struct kr_council *self = kr_directory_council(&visit->step.core->directory, visit->step.core->self);
    struct kr_recover recover = {.others = KR_OTHERS_ASK};
    struct kr_rekeyings rekeyings;
    struct kr_writer args;
    struct kr_card card;
    uint8_t seeds[2][32], recovery_secret[64], genesis_root[32];
    *ret_is_answered = false;
    kr_council_card(self, &card);
    rekeyings = card.rekeyings;
    memcpy(genesis_root, card.genesis_root, 32);
    memcpy(recovery_secret, keyring->recovery_secret, 64);
    kr_rng_bytes(&visit->world->rng, seeds, sizeof seeds);
    kr_sign_keypair(keyring->root_public, keyring->root_secret, seeds[0]);
    kr_sign_keypair(keyring->recovery_public, keyring->recovery_secret, seeds[1]);
    if (kr_rekeyings_append(&rekeyings, visit->node->council, card.commitment, recovery_secret, keyring->root_public,
                            keyring->recovery_public) != KR_OK) {
        return KR_OK; /* as often as may be */
    }
    memcpy(recover.recovery_public, rekeyings.recovery_public, 32);
    recover.rekeying = rekeyings.items[rekeyings.count - 1];
    kr_writer_init(&args, KR_KIB);
    kr_recover_write(&recover, &args);
    enum kr_err err = ask(visit, KR_OP_RECOVER, &args, ret_is_answered);
    return err == KR_OK ? name_genuine(visit, &rekeyings, genesis_root, ret_is_answered) : err;
}

/* The new root key is at the node, as the first one was: what it signs is stored at once. */
enum sim_verdict sim_world_rekey(struct sim_world *world, uint32_t index)
{
    struct sim_node *node = world->nodes[index];
    struct sim_visit visit;
    enum sim_verdict verdict = SIM_HOLDS;
    bool is_answered = false;
    if (!sim_node_may_sign(node) || !sim_visit_begin(&visit, world, index)) {
        return SIM_HOLDS;
    }
    struct kr_keyring *before = malloc(sizeof *before);
    KR_ASSERT(before != NULL);
    *before = *node->keyring;
    const enum kr_err err = rekey(&visit, &is_answered);
    if (err == KR_OK && !is_answered) {
        kr_txn_abort(visit.txn); /* nothing was written: it was refused before */
        kr_effects_deinit(&visit.effects);
        *node->keyring = *before;
    } else if (sim_visit_end(&visit, err, &verdict)) {
        world->has_rekeyed = node->is_rekeyed = true;
        sim_tell(world, "node %u has another root key", index);
    } else {
        *node->keyring = *before;
    }
    free(before);
    return verdict;
}

/* ---- its neighbours ---- */

/* What the node holds back, and since when: frames of before may be under way. */
static void note_held(struct sim_world *world, const struct sim_node *node, struct kr_core *core)
{
    for (uint32_t i = 0; i < node->edge_count; i++) {
        struct sim_edge *edge = &world->edges.items[node->edges[i]];
        const uint32_t side = edge->a == node->index ? 0 : 1;
        const struct kr_link *link = kr_link_by_council(core, world->nodes[side == 0 ? edge->b : edge->a]->council);
        const bool is_held = link != NULL && link->root_is_unconfirmed;
        edge->held_ms[side] = !is_held ? 0 : edge->held_ms[side] != 0 ? edge->held_ms[side] : world->now_ms;
    }
}

bool sim_is_root_held(const struct sim_world *world, const struct sim_edge *edge, uint32_t from)
{
    const uint64_t held_ms = edge->held_ms[edge->a == from ? 0 : 1];
    return held_ms != 0 && edge->wires == NULL && world->now_ms > held_ms + UNDER_WAY_MS;
}

void sim_node_confirm_roots(struct sim_world *world, struct sim_node *node)
{
    struct kr_core *core = kr_loop_core(node->loop);
    if (core != NULL) {
        note_held(world, node, core);
    }
    if (core == NULL || core->unconfirmed_count == 0) {
        node->changed_ms = 0;
        return;
    }
    if (node->changed_ms == 0) {
        node->changed_ms = node->now_ms;
    }
    if (node->now_ms < node->changed_ms + CALLED_AFTER_MS) {
        return;
    }
    node->changed_ms = node->now_ms; /* and again where that was lost */
    for (uint32_t i = 0; i < core->link_count; i++) {
        const struct kr_link *link = core->links[i];
        const struct kr_council *council = kr_directory_council(&core->directory, link->council);
        if (link->root_is_unconfirmed && council != NULL) {
            struct kr_root_confirm confirm;
            struct kr_writer args;
            memcpy(confirm.council, link->council, 32);
            memcpy(confirm.root, council->root_public, 32);
            kr_writer_init(&args, KR_KIB);
            kr_root_confirm_write(&confirm, &args);
            const struct kr_event request = {.type = KR_EVENT_REQUEST, .client = SIM_CLIENT_ROOT, .op = KR_OP_CONFIRM_ROOT};
            sim_world_push(world, node, request, args.bytes, args.len, world->now_ms);
            kr_writer_deinit(&args);
        }
    }
}

/* ---- in the end ---- */

/* One that the thief made up, vouched for by that council. */
static bool counts_lie(const struct kr_membership *membership, const uint8_t council[static 32])
{
    static const uint8_t mark[4] = {0xEE, 0xEE, 0xEE, 0xEE};
    bool counts = false;
    for (uint32_t i = 0; i < membership->council_count && !counts; i++) {
        counts = memcmp(membership->ids[i], mark, sizeof mark) == 0 &&
                 kr_membership_find(membership, KR_WORD_VOUCH, council, membership->ids[i]) != NULL;
    }
    return counts;
}

enum sim_verdict sim_check_lies(struct sim_world *world)
{
    enum sim_verdict verdict = SIM_HOLDS;
    for (uint32_t i = 0; i < world->node_count && verdict == SIM_HOLDS; i++) {
        const struct kr_core *core = world->nodes[i]->is_up ? kr_loop_core(world->nodes[i]->loop) : NULL;
        for (uint32_t c = 0; core != NULL && c < core->directory.community_count && verdict == SIM_HOLDS; c++) {
            const struct kr_membership *membership = &core->directory.communities[c]->membership;
            for (uint32_t j = 0; j < world->node_count && verdict == SIM_HOLDS; j++) {
                if (world->nodes[j]->is_rekeyed && counts_lie(membership, world->nodes[j]->council)) {
                    verdict =
                        sim_fail(world, SIM_NO_CONVERGENCE, "%s counts a vouch that a thief signed with the former root key of %s",
                                 world->nodes[i]->name, world->nodes[j]->name);
                }
            }
        }
    }
    return verdict;
}
