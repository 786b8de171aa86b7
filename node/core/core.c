#include "node/core/core.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/alarm.h"
#include "node/core/audit.h"
#include "node/core/body_key.h"
#include "node/core/caller.h"
#include "node/core/draft.h"
#include "node/core/duty.h"
#include "node/core/effect.h"
#include "node/core/enrol.h"
#include "node/core/forward.h"
#include "node/core/rekeyed.h"
#include "node/core/restored.h"
#include "node/core/revoke.h"
#include "node/core/root_confirm.h"
#include "node/core/rotate.h"
#include "node/core/sister.h"
#include "node/core/takeback.h"
#include "node/core/through.h"
#include "node/core/transport_key.h"

/* ---- saying things ---- */

enum kr_err kr_step_log(struct kr_step *step, uint32_t level, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    enum kr_err err = kr_effect_add_text(step->effects, (struct kr_effect){.type = KR_EFFECT_LOG, .code = level}, fmt, args);
    va_end(args);
    return err;
}

enum kr_err kr_step_log_peer(struct kr_step *step, struct kr_link *link, uint32_t level, const char *fmt, ...)
{
    if (link->log_count == 0 || step->now_ms >= link->log_ms + 60000u) {
        link->log_ms = step->now_ms;
        link->log_count = 0;
    }
    link->log_count++;
    if (link->log_count == KR_LINK_LOGS_MAX) {
        char name[KR_NAME_BYTES_MAX + 1];
        return kr_step_log(step, level, "more of this kind from %s; it is counted, and not written for the rest of a minute",
                           kr_core_name(step->core, link->council, false, name, sizeof name));
    }
    if (link->log_count > KR_LINK_LOGS_MAX) {
        return KR_OK;
    }
    va_list args;
    va_start(args, fmt);
    enum kr_err err = kr_effect_add_text(step->effects, (struct kr_effect){.type = KR_EFFECT_LOG, .code = level}, fmt, args);
    va_end(args);
    return err;
}

enum kr_err kr_step_log_damage(struct kr_step *step, uint64_t arrival)
{
    struct kr_core *core = step->core;
    if (core->damage_ms != 0 && step->now_ms < core->damage_ms + 60000u) {
        return KR_OK; /* where one is damaged many may be, and each is met again and again */
    }
    core->damage_ms = step->now_ms;
    return kr_step_log(step, KR_LOG_ERROR, "record %llu of the store is damaged and is passed over: run `kairan verify`",
                       (unsigned long long)arrival);
}

enum kr_err kr_step_error(struct kr_step *step, uint64_t client, uint64_t request, enum kr_err code, const char *fmt, ...)
{
    struct kr_effect effect = {.type = KR_EFFECT_ERROR, .client = client, .request = request, .code = code};
    va_list args;
    va_start(args, fmt);
    enum kr_err err = kr_effect_add_text(step->effects, effect, fmt, args);
    va_end(args);
    return err;
}

enum kr_err kr_step_end(struct kr_step *step, uint64_t client, uint64_t request, struct kr_writer *result)
{
    return kr_effect_add_writer(step->effects, (struct kr_effect){.type = KR_EFFECT_END, .client = client, .request = request},
                                result);
}

enum kr_err kr_step_end_empty(struct kr_step *step, uint64_t client, uint64_t request)
{
    struct kr_writer result;
    kr_writer_init(&result, 16);
    kr_writer_array(&result, 0);
    enum kr_err err = kr_step_end(step, client, request, &result);
    kr_writer_deinit(&result);
    return err;
}

enum kr_err kr_step_item(struct kr_step *step, uint64_t client, uint64_t request, struct kr_writer *item)
{
    return kr_effect_add_writer(step->effects, (struct kr_effect){.type = KR_EFFECT_PAGE, .client = client, .request = request},
                                item);
}

enum kr_err kr_step_wake(struct kr_step *step, uint64_t at_ms)
{
    return kr_effect_add(step->effects, &(struct kr_effect){.type = KR_EFFECT_WAKE, .at_ms = at_ms});
}

static void count_make(struct kr_core *core, const struct kr_job *job, bool goes_out)
{
    if (job->kind == KR_JOB_MAKE && job->is_bulk) {
        core->makes_out = goes_out ? core->makes_out + 1 : core->makes_out - (core->makes_out > 0);
    }
}

enum kr_err kr_step_job(struct kr_step *step, struct kr_job *job)
{
    step->core->jobs_out++;
    memcpy(job->node_key, kr_keys_signing(step->core).public_key, 32);
    count_make(step->core, job, true);
    if (step->asking != NULL) {
        job->caller = step->asking->caller;
        job->op = step->asking->op;
    }
    const bool is_of_draft = job->op == KR_OP_DRAFT_EDIT || job->op == KR_OP_DRAFT_APPROVE;
    if (step->asking != NULL && job->kind == KR_JOB_MAKE && (kr_draft_may_be_needed(step->core) || is_of_draft)) {
        job->asked = malloc(step->asked.len + 1);
        if (job->asked == NULL) {
            kr_job_free(job);
            step->core->jobs_out--;
            return KR_NOMEM;
        }
        memcpy(job->asked, step->asked.bytes, step->asked.len);
        job->asked_len = step->asked.len;
    }
    return kr_effect_add(step->effects, &(struct kr_effect){.type = KR_EFFECT_JOB, .job = job});
}

const char *kr_core_name(const struct kr_core *core, const uint8_t council[static 32], bool japanese, char *ret_name, size_t size)
{
    const struct kr_council *known = kr_directory_council(&core->directory, council);
    struct kr_slice name = {0};
    if (known != NULL) {
        struct kr_card card;
        kr_council_card(known, &card);
        bool prefers_ja = (japanese && card.name_ja.len > 0) || card.name_en.len == 0;
        name = prefers_ja ? card.name_ja : card.name_en;
    }
    if (name.len == 0 || !kr_slice_text(name, ret_name, size)) {
        static const char digits[] = "0123456789abcdef";
        for (size_t i = 0; i < 8; i++) {
            ret_name[2 * i] = digits[council[i] >> 4];
            ret_name[2 * i + 1] = digits[council[i] & 15];
        }
        ret_name[16] = 0;
    }
    return ret_name;
}

/* ---- life ---- */

static enum kr_err load(struct kr_core *core, struct kr_txn *txn)
{
    struct kr_step step = {.core = core, .txn = txn};
    enum kr_err err = kr_identity_load(&step);
    if (err == KR_NOT_FOUND) {
        return KR_OK; /* a new node: only KR_EVENT_INIT makes sense */
    }
    if (err == KR_OK) {
        err = kr_directory_load(&core->directory, txn);
    }
    if (err == KR_OK && kr_directory_council(&core->directory, core->self) == NULL) {
        err = kr_novice_load(&step);
        if (err == KR_OK) {
            core->has_identity = false; /* until the council's card lists it */
            return KR_OK;
        }
        err = KR_CORRUPT; /* any other card may be missing; without our own we cannot say who we are */
    }
    if (err == KR_OK) {
        err = kr_keys_load(&step);
    }
    if (err == KR_OK) {
        err = kr_links_load(&step);
    }
    if (err == KR_OK) {
        err = kr_forwards_load(&step);
    }
    if (err == KR_OK) {
        err = kr_sisters_load(&step);
    }
    if (err == KR_OK) {
        err = kr_invitations_load(&step);
    }
    if (err == KR_OK) {
        err = kr_restored_load(&step);
    }
    if (err == KR_OK) {
        err = kr_core_quarantine_count(&step);
    }
    if (err == KR_OK) {
        err = kr_takeback_load(&step);
    }
    if (err == KR_OK) {
        err = kr_revoke_load(&step);
    }
    if (err == KR_OK) {
        err = kr_rekeyed_load(&step);
    }
    if (err == KR_OK) {
        err = kr_alarms_load(&step);
    }
    if (err == KR_OK) {
        err = kr_root_confirm_load(&step);
    }
    if (err == KR_OK) {
        err = kr_signed_load(&step);
    }
    if (err == KR_OK) {
        err = kr_ahead_load(&step);
    }
    if (err == KR_OK) {
        err = kr_storage_load(&step);
    }
    if (err == KR_OK) {
        core->quarantine_is_due = core->quarantine_count > 0;
        core->drafts_are_old = true; /* that some may be is found out when there is time */
    }
    return err;
}

enum kr_err kr_core_new(const struct kr_core_options *options, struct kr_txn *txn, struct kr_core **ret_core,
                        struct kr_error *error)
{
    struct kr_core *core = calloc(1, sizeof *core);
    if (core == NULL) {
        return kr_fail(error, KR_NOMEM, "no memory for the core");
    }
    core->options = *options;
    core->keyring = options->keyring;
    core->next_number = 1;
    core->roots_generation = 1; /* a link's is 0 where it has no digest yet */
    core->ahead_at_ms = core->makes_since_ms = UINT64_MAX;
    kr_directory_init(&core->directory);
    enum kr_err err = load(core, txn);
    if (err != KR_OK) {
        kr_core_free(core);
        return kr_fail(error, err, "the node's own tables cannot be read (%s): run `kairan verify`", kr_err_text(err));
    }
    *ret_core = core;
    return KR_OK;
}

void kr_core_set_guards(struct kr_core *core, struct kr_guards *guards)
{
    core->options.guards = guards;
}

void kr_core_free(struct kr_core *core)
{
    if (core == NULL) {
        return;
    }
    for (uint32_t i = 0; i < core->link_count; i++) {
        kr_link_free(core->links[i]);
    }
    for (uint32_t i = 0; i < core->invitation_count; i++) {
        kr_invitation_free(core->invitations[i]);
    }
    kr_forwards_free(core);
    kr_novice_free(core->novice);
    kr_spread_deinit(&core->spread);
    kr_directory_deinit(&core->directory);
    kr_roots_free(core);
    kr_revoked_page_free(core);
    free(core);
}

void kr_core_doubt_clock(struct kr_core *core, bool doubts)
{
    core->options.doubts_clock = doubts;
}

void kr_core_inherit(struct kr_core *core, const struct kr_core *old)
{
    core->jobs_out = old->jobs_out;
    core->makes_out = old->makes_out;
    core->check_bytes = old->check_bytes;
    for (uint32_t i = 0; i < old->link_count; i++) {
        struct kr_link *link = kr_link_by_number(core, old->links[i]->number);
        if (link != NULL) {
            link->check_bytes = old->links[i]->check_bytes;
        }
    }
}

void kr_core_forget_job(struct kr_core *core, const struct kr_job *job)
{
    core->jobs_out -= core->jobs_out > 0;
    count_make(core, job, false);
    if (job->kind == KR_JOB_CHECK) {
        kr_gossip_forget(core, job);
    }
}

/* ---- events ---- */

/* The first event in a core's life, whatever it is: net must learn whom to let in before it listens. */
static enum kr_err greet(struct kr_step *step)
{
    step->core->greeted = true;
    step->core->started_ms = step->now_ms;
    enum kr_err err = kr_links_allow(step);
    if (err == KR_OK) {
        err = kr_keys_turn(step);
    }
    if (err == KR_OK && step->core->directory.skipped > 0) {
        err = kr_step_log(
            step, KR_LOG_ERROR,
            "%u cards, charters, vouches or expulsions in the store cannot be read and do not count: run `kairan verify`",
            step->core->directory.skipped);
    }
    if (err == KR_OK && step->core->links_skipped > 0) {
        err = kr_step_log(
            step, KR_LOG_ERROR,
            "%u links are not used, because they have this node's own transport key: those councils claim a key that is "
            "not theirs, or this node's keyring is theirs",
            step->core->links_skipped);
    }
    if (err == KR_OK && step->core->rows_skipped > 0) {
        err = kr_step_log(step, KR_LOG_ERROR,
                          "%u rows of the store about what waits in quarantine, is dated ahead, waits to be taken back or was "
                          "signed today cannot be read and do "
                          "not count: run `kairan verify`",
                          step->core->rows_skipped);
    }
    return err != KR_OK ? err : kr_step_wake(step, step->now_ms + KR_FIRST_TICK_MS);
}

/* Nothing is lost by it, but the disk may lose more. */
static enum kr_err tell_of_mended(struct kr_step *step)
{
    const uint32_t months = kr_txn_take_months_mended(step->txn);
    return months == 0
               ? KR_OK
               : kr_step_log(step, KR_LOG_ERROR,
                             "the trees that tell what this node holds were damaged, and %u months of them have been made anew "
                             "from the log: run `kairan verify` and check the disk",
                             months);
}

static enum kr_err tick(struct kr_step *step)
{
    enum kr_err err = kr_links_tick(step);
    if (err == KR_OK) {
        err = kr_keys_tick(step);
    }
    if (err == KR_OK) {
        err = kr_transport_tick(step);
    }
    if (err == KR_OK) {
        err = kr_walks_tick(step);
    }
    if (err == KR_OK) {
        err = tell_of_mended(step);
    }
    if (err == KR_OK) {
        err = kr_invitations_tick(step);
    }
    if (err == KR_OK) {
        err = kr_trial_tick(step);
    }
    if (err == KR_OK) {
        err = kr_body_notices_tick(step);
    }
    return err == KR_OK ? kr_ahead_tick(step) : err;
}

/* What takes no arguments gets none: a request that stands as long as its client likes must not keep room for what nobody reads. */
static bool has_nothing_to_say(const struct kr_event *event)
{
    struct kr_reader reader;
    kr_reader_init(&reader, event->bytes.bytes, event->bytes.len);
    kr_reader_array(&reader, 0);
    kr_reader_close(&reader);
    return kr_reader_end(&reader) == KR_OK;
}

static enum kr_err about_root_keys(struct kr_step *step, const struct kr_event *event)
{
    switch (event->op) {
    case KR_OP_RECOVER:
        return kr_recover_request(step, event);
    case KR_OP_CONFIRM_ROOT:
        return kr_root_confirm_request(step, event);
    case KR_OP_ALARMS:
        return kr_alarms_request(step, event);
    default:
        return kr_settle_request(step, event);
    }
}

/* What is asked about this node's own keys and the council's nodes, and what nobody knows. */
static enum kr_err of_keys(struct kr_step *step, const struct kr_event *event)
{
    switch (event->op) {
    case KR_OP_STORAGE_ROTATE:
        return kr_storage_rotate_request(step, event);
    case KR_OP_NEW_KEYS:
        return kr_new_keys_request(step, event);
    case KR_OP_ROTATE:
        return kr_rotate_request(step, event);
    case KR_OP_REVOKE:
        return kr_revoke_request(step, event);
    case KR_OP_KEYS:
        return kr_keys_request(step, event);
    case KR_OP_TRANSPORT:
        return kr_transport_request(step, event);
    case KR_OP_NODE_INVITE:
    case KR_OP_NODE_ADD:
    case KR_OP_NODES:
    case KR_OP_NODE_REFUSE:
        return kr_node_request(step, event);
    default:
        return kr_step_error(step, event->client, event->request, KR_VERSION, "this node does not know request %u: update it",
                             event->op);
    }
}

static enum kr_err perform(struct kr_step *step, const struct kr_event *event, const struct kr_who *who)
{
    if (kr_restored_holds_op(step->core, event->op)) {
        return kr_restored_refuse(step, event->client, event->request);
    }
    switch (event->op) {
    case KR_OP_BODY:
        return kr_body_request(step, event, who);
    case KR_OP_PERSON:
        return kr_person_request(step, event, who);
    case KR_OP_BODY_KEY:
        return kr_body_key_request(step, event, who);
    case KR_OP_PERSON_KEY:
        return kr_person_key_request(step, event, who);
    case KR_OP_ENROL_TICKET:
        return kr_enrol_ticket_request(step, event);
    case KR_OP_ENROL:
        return kr_enrol_request(step, event, who);
    case KR_OP_UNENROL:
        return kr_unenrol_request(step, event, who);
    case KR_OP_DRAFT:
        return kr_draft_request(step, event, who);
    case KR_OP_DRAFT_APPROVE:
    case KR_OP_DRAFT_REJECT:
    case KR_OP_DRAFT_EDIT:
    case KR_OP_DRAFT_CONSENT:
    case KR_OP_DRAFT_WITHDRAW:
    case KR_OP_DRAFT_WHO:
    case KR_OP_DRAFT_REVIEWED:
        return kr_draft_act_request(step, event, who);
    case KR_OP_DUTY_ACT:
        return kr_duty_request(step, event, who);
    case KR_OP_SUBMIT:
        return kr_submit_request(step, event);
    case KR_OP_PREVIEW:
        return kr_preview_request(step, event);
    case KR_OP_SIGHT:
        return kr_sight_request(step, event);
    case KR_OP_RETRACT:
        return kr_retract_request(step, event);
    case KR_OP_REVISE:
        return kr_revise_request(step, event);
    case KR_OP_RETRACTIONS:
        return kr_retractions_request(step, event);
    case KR_OP_CONFIRM:
        return kr_confirm_request(step, event);
    case KR_OP_STATUS:
        return kr_status_request(step, event);
    case KR_OP_PEERS:
        return kr_peers_request(step, event);
    case KR_OP_EXPLAIN:
        return kr_explain_request(step, event);
    case KR_OP_INVITE:
        return kr_invite_request(step, event);
    case KR_OP_JOIN:
        return kr_transport_is_turning(step->core) ? kr_transport_refuse(step, event) : kr_join_request(step, event);
    case KR_OP_SAY:
        return kr_say_request(step, event);
    case KR_OP_FOUND:
        return kr_found_request(step, event);
    case KR_OP_WATCH:
        return kr_watch_request(step, event);
    case KR_OP_STATE:
        return kr_state_request(step, event);
    case KR_OP_PAIR:
        return kr_pair_request(step, event);
    case KR_OP_PEER:
        return kr_peer_request(step, event);
    case KR_OP_BLOCKED:
        return kr_blocked_request(step, event);
    case KR_OP_CARD:
        return kr_card_request(step, event);
    case KR_OP_COPY_KEY:
        return kr_copy_key_request(step, event);
    case KR_OP_FORGET_KEY:
        return kr_forget_key_request(step, event);
    case KR_OP_RECONCILE:
        return kr_reconcile_request(step, event);
    case KR_OP_TRIAL:
        return kr_trial_request(step, event);
    case KR_OP_FORWARD:
        return kr_forward_request(step, event);
    case KR_OP_FORWARDS:
        return kr_forwards_request(step, event);
    case KR_OP_RECOVER:
    case KR_OP_CONFIRM_ROOT:
    case KR_OP_ALARMS:
    case KR_OP_SETTLE:
        return about_root_keys(step, event);
    default:
        return of_keys(step, event);
    }
}

/* Who asks, whether that one may, the act, and its entry in the audit log. */
static enum kr_err request(struct kr_step *step, const struct kr_event *event)
{
    bool takes_nothing = event->op == KR_OP_STATUS || event->op == KR_OP_PEERS || event->op == KR_OP_WATCH ||
                         event->op == KR_OP_RETRACTIONS || event->op == KR_OP_ALARMS || event->op == KR_OP_BLOCKED ||
                         event->op == KR_OP_KEYS || event->op == KR_OP_FORWARDS || event->op == KR_OP_STORAGE_ROTATE ||
                         event->op == KR_OP_TRIAL || event->op == KR_OP_NODES;
    if (takes_nothing && !has_nothing_to_say(event)) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "this request takes no arguments");
    }
    struct kr_who who;
    struct kr_error why = {0};
    const size_t before = step->effects->count;
    enum kr_err err = kr_who_may(step->txn, &event->caller, event->op, step->now_ms, &who, &why);
    if (err == KR_DENIED) {
        err = kr_audit_denied(step, &event->caller, &who, event->op);
        return err == KR_OK ? kr_step_error(step, event->client, event->request, KR_DENIED, "%s", why.text) : err;
    }
    step->asking = event;
    step->asked = event->bytes;
    if (err == KR_OK) {
        err = perform(step, event, &who);
    }
    step->asking = NULL;
    return err == KR_OK ? kr_audit_request(step, event, &who, before) : err;
}

/* Whoever was suspended while the job ran gets nothing of it. */
static enum kr_err made(struct kr_step *step, struct kr_job *job)
{
    struct kr_who who;
    struct kr_error why = {0};
    const size_t before = step->effects->count;
    enum kr_err err = kr_who_may(step->txn, &job->caller, job->op, step->now_ms, &who, &why);
    if (err == KR_OK) {
        err = job->kind == KR_JOB_MAKE ? kr_submit_made(step, job) : kr_preview_made(step, job);
    } else if (err == KR_DENIED) {
        err = kr_step_error(step, job->client, job->request, err, "%s", why.text);
    }
    return err == KR_OK ? kr_audit_job(step, job, &who, before) : err;
}

static enum kr_err job_done(struct kr_step *step, struct kr_job *job)
{
    step->core->jobs_out -= step->core->jobs_out > 0;
    count_make(step->core, job, false);
    enum kr_err err = job->kind == KR_JOB_CHECK ? kr_gossip_checked(step, job) : made(step, job);
    kr_job_free(job);
    return err;
}

static enum kr_err frame(struct kr_step *step, const struct kr_event *event)
{
    struct kr_invitation *invitation = kr_invitation_by_number(step->core, event->number);
    return invitation != NULL ? kr_invitation_frame(step, invitation, event->bytes)
                              : kr_link_frame(step, event->number, event->bytes);
}

static enum kr_err dispatch(struct kr_step *step, const struct kr_event *event)
{
    switch (event->type) {
    case KR_EVENT_TICK:
        return tick(step);
    case KR_EVENT_INIT:
        return kr_init_event(step, event->bytes);
    case KR_EVENT_INIT_NODE:
        return kr_novice_init(step, event->bytes);
    case KR_EVENT_RESTORED:
        return kr_restored_event(step);
    case KR_EVENT_NET_UP:
        return kr_links_net_up(step);
    case KR_EVENT_NET_DOWN:
        kr_links_net_down(step->core);
        return KR_OK;
    case KR_EVENT_FRAME:
        return frame(step, event);
    case KR_EVENT_LOST:
        return kr_trial_is(event->number) ? kr_trial_ended(step, KR_TRIAL_REFUSED) : kr_link_lost(step, event->number);
    case KR_EVENT_TURNED_AWAY: /* the right node, which does not admit us */
        return kr_trial_is(event->number) ? kr_trial_ended(step, KR_TRIAL_REACHED) : kr_link_turned_away(step, event->number);
    case KR_EVENT_UNREACHED:
        return kr_join_unreached(step, event->number);
    case KR_EVENT_CONNECTED:
        return kr_trial_ended(step, KR_TRIAL_REACHED);
    case KR_EVENT_JOB_DONE:
        return job_done(step, event->job);
    case KR_EVENT_REQUEST:
        return request(step, event);
    case KR_EVENT_NOTED:
        return kr_audit_noted(step, event);
    case KR_EVENT_CANCEL:
        kr_watch_forget(step->core, event->client, event->request, false);
        return KR_OK;
    case KR_EVENT_CLIENT_GONE:
        kr_watch_forget(step->core, event->client, 0, true);
        return KR_OK;
    }
    return KR_OK;
}

static struct kr_step begin(struct kr_core *core, struct kr_txn *txn, struct kr_rng *rng, uint64_t now_ms,
                            struct kr_effects *effects)
{
    core->now_ms = now_ms > core->now_ms ? now_ms : core->now_ms;
    return (struct kr_step){.core = core, .txn = txn, .rng = rng, .effects = effects, .now_ms = core->now_ms};
}

enum kr_err kr_core_step(struct kr_core *core, struct kr_txn *txn, struct kr_rng *rng, const struct kr_event *event,
                         struct kr_effects *effects)
{
    struct kr_step step = begin(core, txn, rng, event->now_ms, effects);
    step.speaks_japanese = event->speaks_japanese;
    enum kr_err err = KR_OK;
    const bool is_init = event->type == KR_EVENT_INIT || event->type == KR_EVENT_INIT_NODE;
    if (core->novice != NULL) {
        bool is_node = false;
        err = kr_novice_event(&step, event, &is_node);
        return err == KR_OK && is_node ? greet(&step) : err;
    }
    if (!core->has_identity && !is_init) {
        if (event->type == KR_EVENT_JOB_DONE) {
            kr_job_free(event->job);
        }
        return event->type == KR_EVENT_REQUEST ? kr_step_error(&step, event->client, event->request, KR_CONFIG,
                                                               "this node has no identity yet: run `kairan init`")
                                               : KR_OK;
    }
    if (!core->greeted && !is_init) {
        err = greet(&step);
    }
    if (err != KR_OK) {
        if (event->type == KR_EVENT_JOB_DONE) {
            kr_job_free(event->job);
        }
        return err;
    }
    return dispatch(&step, event);
}

/* What goes to peers at the end of a batch: our own first, then what is passed on between others. */
static enum kr_err flush(struct kr_step *step)
{
    enum kr_err err = kr_gossip_flush(step);
    if (err == KR_OK) {
        err = kr_through_flush(step);
    }
    return err == KR_OK ? kr_forward_flush(step) : err;
}

/* Cards that were taken in this batch: whoever watches and may not any more is told at once, net whom to let in. */
static enum kr_err flush_people(struct kr_step *step)
{
    struct kr_core *core = step->core;
    const bool keys_are_stale = core->keys_are_stale, people_are_stale = core->people_are_stale;
    core->keys_are_stale = core->people_are_stale = false;
    enum kr_err err = people_are_stale ? kr_watch_look(step) : KR_OK;
    return err == KR_OK && keys_are_stale ? kr_links_allow(step) : err;
}

enum kr_err kr_core_flush(struct kr_core *core, struct kr_txn *txn, struct kr_rng *rng, uint64_t now_ms, struct kr_effects *effects)
{
    struct kr_step step = begin(core, txn, rng, now_ms, effects);
    enum kr_err err = core->has_identity ? flush_people(&step) : KR_OK;
    return core->has_identity && err == KR_OK ? flush(&step) : err;
}

static enum kr_err merge(struct kr_step *step, bool *ret_more)
{
    return kr_store_merge_slice(step->txn, ret_more);
}

/* Records that have expired, and entries of the audit log that are kept no longer. */
static enum kr_err expire(struct kr_step *step, bool *ret_more)
{
    bool more = false;
    enum kr_err err = kr_audit_is_due(step->core) ? kr_audit_slice(step, &more) : KR_OK;
    if (err == KR_OK && !more) {
        return kr_expiry_slice(step, ret_more);
    }
    *ret_more = more;
    return err;
}

/* What each of the kinds below asks first, and what a flush looks for. */
bool kr_core_idle_is_due(struct kr_core *core, const struct kr_store *store, uint64_t now_ms)
{
    core->now_ms = now_ms > core->now_ms ? now_ms : core->now_ms;
    return kr_store_merge_is_due(store) ||
           (core->has_identity &&
            (core->quarantine_is_due || core->takeback_is_due || core->revoked_is_due || core->strangers_are_due ||
             kr_takebacks_out_is_due(core) || core->now_ms >= core->expiry_at_ms || kr_audit_is_due(core) ||
             kr_drafts_share_is_due(core) || kr_admit_pairs_is_due(core) || kr_gossip_is_due(core) || kr_storage_is_due(core)));
}

/* The kinds of work take turns, so that one of which there is always more does not keep the others from being done. */
enum kr_err kr_core_idle(struct kr_core *core, struct kr_txn *txn, struct kr_rng *rng, uint64_t now_ms, struct kr_effects *effects,
                         bool *ret_more)
{
    static const struct {
        enum kr_err (*slice)(struct kr_step *step, bool *ret_more);
        bool needs_identity;
    } kinds[] = {{kr_admit_quarantined, true},   {kr_admit_pairs, true},  {kr_takeback_slice, true},
                 {kr_takebacks_out_slice, true}, {kr_revoke_slice, true}, {kr_rekeyed_slice, true},
                 {kr_drafts_share_slice, true},  {expire, true},          {merge, false},
                 {kr_storage_slice, true}};
    const uint32_t count = sizeof kinds / sizeof kinds[0], begin_at = core->idle_turn;
    struct kr_step step = begin(core, txn, rng, now_ms, effects);
    bool more = false;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < count && err == KR_OK && !more; i++) {
        uint32_t kind = (begin_at + i) % count;
        if (core->has_identity || !kinds[kind].needs_identity) {
            err = kinds[kind].slice(&step, &more);
            core->idle_turn = (kind + 1) % count;
        }
    }
    if (err == KR_OK && core->has_identity) {
        err = flush(&step);
    }
    if (err == KR_OK) {
        *ret_more = more;
    }
    return err;
}

void kr_core_stat(const struct kr_core *core, struct kr_core_stat *ret_stat)
{
    struct kr_core_stat stat = {.links = core->link_count,
                                .jobs_out = core->jobs_out,
                                .bytes_in_core = core->check_bytes,
                                .is_novice = core->novice != NULL,
                                .is_restored = core->restored.how != KR_RESTORED_NOT,
                                .alarms = core->alarms_open + core->unconfirmed_count};
    memcpy(stat.council, core->self, 32);
    for (uint32_t i = 0; i < core->link_count; i++) {
        stat.links_up += core->links[i]->has_session;
        stat.queued += core->links[i]->fresh.count + core->links[i]->bulk.count + core->links[i]->asked.count;
    }
    *ret_stat = stat;
}
