/* Keys that are due, and keys that were stolen: a node gets new ones; a thief with a copy of its node key signs at a neighbour's;
 * its council revokes the key. Each is one transaction of the node that it happens at, as its core would do it. */
#include <stdlib.h>
#include <string.h>

#include "node/core/restored.h"
#include "node/core/revoke.h"
#include "node/core/rotate.h"
#include "proto/record/body.h"
#include "proto/record/takeback.h"
#include "tests/sim/internal.h"

bool sim_visit_begin(struct sim_visit *visit, struct sim_world *world, uint32_t index)
{
    uint8_t seed[32];
    *visit = (struct sim_visit){.world = world, .node = world->nodes[index]};
    if (!visit->node->is_up || visit->node->is_hostile || kr_store_write_begin(visit->node->store, &visit->txn) != KR_OK) {
        return false;
    }
    kr_rng_bytes(&world->rng, seed, sizeof seed);
    kr_rng_init(&visit->rng, seed);
    kr_effects_init(&visit->effects);
    visit->step = (struct kr_step){.core = kr_loop_core(visit->node->loop),
                                   .txn = visit->txn,
                                   .rng = &visit->rng,
                                   .effects = &visit->effects,
                                   .now_ms = visit->node->now_ms};
    return true;
}

/* A commit that fails leaves a core as it never is: a new life makes it anew. */
bool sim_visit_end(struct sim_visit *visit, enum kr_err err, enum sim_verdict *ret_verdict)
{
    bool is_durable = false;
    if (err == KR_OK) {
        err = kr_core_flush(visit->step.core, visit->txn, &visit->rng, visit->node->now_ms, &visit->effects);
    }
    if (err != KR_OK) {
        kr_txn_abort(visit->txn);
        *ret_verdict = sim_fail(visit->world, SIM_LOSS, "%s cannot do that: %s", visit->node->name, kr_err_name(err));
    } else if (kr_txn_commit(visit->txn) != KR_OK) {
        sim_world_crash(visit->world, visit->node->index, 1000);
    } else {
        is_durable = true;
        *ret_verdict = sim_let_out(visit->world, visit->node, &visit->effects);
    }
    kr_effects_deinit(&visit->effects);
    return is_durable;
}

bool sim_visit_is_answered(const struct sim_visit *visit)
{
    for (size_t i = 0; i < visit->effects.count; i++) {
        if (visit->effects.items[i].type == KR_EFFECT_END) {
            return true;
        }
    }
    return false;
}

bool sim_node_may_sign(const struct sim_node *node)
{
    return node->is_up && !kr_restored_holds(kr_loop_core(node->loop));
}

static void make_keys(struct sim_world *world, struct sim_node *node)
{
    uint8_t seed[32];
    kr_rng_bytes(&world->rng, seed, sizeof seed);
    KR_ASSERT(kr_keyring_prepare(node->keyring, seed, node->now_ms / 1000, KR_NEXT_ONCE, NULL, NULL) == KR_OK);
}

enum sim_verdict sim_world_rotate(struct sim_world *world, uint32_t index)
{
    static const uint8_t now[] = {0x92, KR_ROTATE_NOW, 0};
    struct sim_node *node = world->nodes[index];
    struct sim_visit visit;
    enum sim_verdict verdict = SIM_HOLDS;
    if (!sim_node_may_sign(node)) {
        return SIM_HOLDS;
    }
    make_keys(world, node);
    if (sim_visit_begin(&visit, world, index)) {
        enum kr_err err = kr_rotate_request(
            &visit.step, &(struct kr_event){.type = KR_EVENT_REQUEST, .op = KR_OP_ROTATE, .bytes = {now, sizeof now}});
        (void)sim_visit_end(&visit, err, &verdict);
    }
    return verdict;
}

/* ---- the thief ---- */

enum sim_verdict sim_hand_over(struct sim_world *world, const struct sim_node *node, uint32_t other, struct kr_job *job,
                               bool *ret_is_taken)
{
    struct sim_visit visit;
    enum sim_verdict verdict = SIM_HOLDS;
    *ret_is_taken = false;
    if (sim_visit_begin(&visit, world, other)) {
        const struct kr_link *link = kr_link_by_council(visit.step.core, node->council);
        enum kr_err admitted = KR_DENIED, err = KR_OK;
        uint64_t arrival;
        kr_job_run(job, visit.node->keyring);
        if (link != NULL && job->err == KR_OK) {
            err = kr_admit(&visit.step, job, node->council, link, &admitted, &arrival);
        }
        *ret_is_taken = sim_visit_end(&visit, err, &verdict) && admitted == KR_OK;
    }
    kr_job_free(job);
    return verdict;
}

static struct kr_job *sign(struct sim_world *world, const struct sim_node *node, const struct kr_draft *draft)
{
    uint8_t seed[32], id[32];
    struct kr_job *job = kr_job_new(KR_JOB_CHECK);
    KR_ASSERT(job != NULL);
    kr_rng_bytes(&world->rng, seed, sizeof seed);
    KR_ASSERT(kr_record_make(draft, node->council, node->stolen_secret, seed, &job->bytes, &job->len, id) == KR_OK);
    memcpy(job->id, id, 32);
    return job;
}

/* The thief has had the key that the node signed with when he first used it. */
static void steal(struct sim_world *world, struct sim_node *node)
{
    if (!node->is_stolen) {
        node->is_stolen = true;
        node->stolen_ms = node->now_ms;
        memcpy(node->stolen_key, node->keyring->node_public, 32);
        memcpy(node->stolen_secret, node->keyring->node_secret, 64);
        sim_tell(world, "the key of node %u is stolen", node->index);
    }
}

enum sim_verdict sim_world_forge(struct sim_world *world, uint32_t index, uint32_t other, uint32_t name, uint64_t back_ms)
{
    struct sim_node *node = world->nodes[index];
    struct kr_report report = {.title = {(const uint8_t *)"false", 5}, .part = 1, .parts = 1};
    struct kr_writer content, none;
    bool is_taken = false;
    steal(world, node);
    kr_writer_init(&none, 16);
    kr_writer_array(&none, 0);
    report.indicators = (struct kr_slice){none.bytes, none.len};
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_report_write(&report, &content);
    KR_ASSERT(kr_writer_finish(&content) == KR_OK);
    const struct kr_draft draft = {.kind = KR_KIND_REPORT,
                                   .created_ms = node->now_ms - back_ms,
                                   .expires_s = node->now_ms / 1000 + 365u * 86400u,
                                   .label = KR_TLP_CLEAR,
                                   .content = {content.bytes, content.len}};
    struct kr_job *job = sign(world, node, &draft);
    struct sim_record *record = sim_world_add_record(world);
    *record = (struct sim_record){.node = index, .name = name, .label = KR_TLP_CLEAR, .is_false = true, .is_at_risk = true};
    memcpy(record->id, job->id, 32);
    enum sim_verdict verdict = sim_hand_over(world, node, other, job, &is_taken);
    world->records[world->record_count - 1].is_accepted = is_taken; /* (records may have moved) */
    kr_writer_deinit(&content);
    kr_writer_deinit(&none);
    return verdict;
}

enum sim_verdict sim_world_unsay(struct sim_world *world, uint32_t index, uint32_t other, struct sim_record *record)
{
    struct sim_node *node = world->nodes[index];
    struct kr_txn *txn = NULL;
    struct kr_record target;
    struct kr_header header;
    struct kr_writer content;
    uint8_t *bytes = NULL;
    uint64_t arrival;
    size_t len = 0;
    bool is_taken;
    if (record == NULL || world->nodes[other]->store == NULL || !world->nodes[other]->is_up) {
        return SIM_HOLDS;
    }
    steal(world, node);
    KR_ASSERT(kr_store_read_begin(world->nodes[other]->store, &txn) == KR_OK);
    enum kr_err err = kr_store_record_find(txn, record->id, &arrival);
    if (err == KR_OK) {
        err = kr_store_record_get(txn, arrival, &bytes, &len);
    }
    kr_txn_abort(txn);
    if (err != KR_OK || kr_record_split(bytes, len, &target) != KR_OK || kr_header_parse(target.header, &header) != KR_OK) {
        free(bytes);
        return SIM_HOLDS;
    }
    record->is_at_risk = true; /* where all obeyed nobody has it any more */
    const struct kr_takeback takeback = {.target_header = target.header,
                                         .target_signature = target.signature,
                                         .reason = {(const uint8_t *)"so says the thief", 17},
                                         .language = {(const uint8_t *)"en", 2}};
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_takeback_write(KR_KIND_RETRACTION, &takeback, &content);
    KR_ASSERT(kr_writer_finish(&content) == KR_OK);
    const struct kr_draft draft = {.kind = KR_KIND_RETRACTION,
                                   .created_ms = node->now_ms,
                                   .expires_s = header.expires_s,
                                   .label = header.label,
                                   .community = header.has_community ? header.community : NULL,
                                   .target = target.id,
                                   .content = {content.bytes, content.len}};
    const bool is_meant = !kr_label_is_sealed(header.label) && header.expires_s > node->now_ms / 1000;
    enum sim_verdict verdict = !is_meant ? SIM_HOLDS : sim_hand_over(world, node, other, sign(world, node, &draft), &is_taken);
    kr_writer_deinit(&content);
    free(bytes);
    return verdict;
}

/* ---- the council ---- */

enum sim_verdict sim_world_revoke(struct sim_world *world, uint32_t index)
{
    struct sim_node *node = world->nodes[index];
    struct kr_revoke revoke = {.since_ms = node->stolen_ms};
    struct kr_writer args;
    struct sim_visit visit;
    enum sim_verdict verdict = SIM_HOLDS;
    if (!node->is_stolen || !sim_node_may_sign(node)) {
        return SIM_HOLDS;
    }
    make_keys(world, node);
    memcpy(revoke.key, node->stolen_key, 32);
    kr_writer_init(&args, KR_KIB);
    kr_revoke_write(&revoke, &args);
    if (sim_visit_begin(&visit, world, index)) {
        const struct kr_event event = {.type = KR_EVENT_REQUEST, .op = KR_OP_REVOKE, .bytes = {args.bytes, args.len}};
        const enum kr_err err = kr_revoke_request(&visit.step, &event);
        const bool is_done = err == KR_OK && sim_visit_is_answered(&visit);
        if (sim_visit_end(&visit, err, &verdict) && is_done) {
            node->is_revoked = true;
            sim_tell(world, "node %u revokes the stolen key", index);
        }
    }
    kr_writer_deinit(&args);
    return verdict;
}

enum sim_verdict sim_check_false(struct sim_world *world, const struct sim_record *record)
{
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    enum sim_verdict verdict = SIM_HOLDS;
    KR_ASSERT(scratch != NULL);
    for (uint32_t i = 0; i < world->node_count && verdict == SIM_HOLDS && world->nodes[record->node]->is_revoked; i++) {
        const struct sim_node *node = world->nodes[i];
        struct kr_txn *txn = NULL;
        struct kr_head head;
        uint64_t arrival;
        if (node->is_hostile || node->store == NULL) {
            continue;
        }
        KR_ASSERT(kr_store_read_begin(node->store, &txn) == KR_OK);
        const bool is_shown = kr_store_head_find(txn, record->id, &arrival, &head, scratch) == KR_OK && head.state == KR_HEAD_SHOWN;
        kr_txn_abort(txn);
        verdict = is_shown ? sim_fail(world, SIM_NO_CONVERGENCE, "%s shows record %u, which a stolen key of %s signed", node->name,
                                      record->name, world->nodes[record->node]->name)
                           : SIM_HOLDS;
    }
    free(scratch);
    return verdict;
}
