/* A client's record: from the request to the log. Looking comes first, sealing and signing is a job, storing is the last step; only
 * then the client hears "end". */
#include <stdlib.h>
#include <string.h>

#include "crypto/fault.h"
#include "node/core/draft.h"
#include "node/core/duty.h"
#include "node/core/reason.h"
#include "node/core/restored.h"
#include "node/core/rotate.h"
#include "node/core/takeback.h"
#include "proto/indicator/indicator.h"
#include "proto/record/body.h"

#define REPORT_TTL_S   (365u * 86400u)
#define ADVISORY_TTL_S (730u * 86400u)
#define DAY_MS         86400000u
#define VALUE_SHOWN    200u /* bytes of one, in an error */

/* ---- resolving ---- */

/* GREEN: the community named, else the only one that we are a member of. KR_CANCELLED: the client has its answer. */
static enum kr_err resolve_community(struct kr_step *step, const struct kr_event *event, const struct kr_submit *submit,
                                     uint8_t ret_community[static 32])
{
    struct kr_core *core = step->core;
    const struct kr_community *only = NULL;
    uint32_t found = 0;
    for (uint32_t i = 0; i < core->directory.community_count; i++) {
        const struct kr_community *community = core->directory.communities[i];
        bool is_meant = !submit->has_community || memcmp(submit->community, community->id, 32) == 0;
        if (is_meant && kr_directory_is_member(&core->directory, community->id, core->self)) {
            only = community;
            found++;
        }
    }
    if (found == 1) {
        memcpy(ret_community, only->id, 32);
        return KR_OK;
    }
    enum kr_err err =
        kr_step_error(step, event->client, event->request, found == 0 ? KR_DENIED : KR_INVALID,
                      found == 0 ? "TLP:GREEN goes to a community, and this council is not a member of it; join one first"
                                 : "this council is in several communities: say which one with --community");
    return err != KR_OK ? err : KR_CANCELLED;
}

/* One sealing key for each addressed council and one for our own side. What is for bodies and persons may be for our own alone:
 * then we are the one council that is addressed. KR_CANCELLED: answered. */
static enum kr_err resolve_recipients(struct kr_step *step, const struct kr_event *event, const struct kr_submit *submit,
                                      struct kr_job *job)
{
    struct kr_core *core = step->core;
    const bool is_for_people = kr_label_is_for_people(submit->label);
    bool has_self = false;
    job->audience = malloc((size_t)submit->audience_count * 32 + 32);
    job->recipients = malloc(((size_t)submit->audience_count + 1) * 32);
    if (job->audience == NULL || job->recipients == NULL) {
        return KR_NOMEM;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < submit->audience_count; i++) {
        const uint8_t *id = submit->audience[i];
        if (memcmp(id, core->self, 32) == 0) {
            has_self = true;
            continue; /* the author has its record anyway */
        }
        bool is_double = false;
        for (uint32_t j = 0; j < count; j++) {
            is_double = is_double || memcmp(job->audience[j], id, 32) == 0;
        }
        const struct kr_council *council = kr_directory_council(&core->directory, id);
        struct kr_card card = {0};
        if (council != NULL) {
            kr_council_card(council, &card);
        }
        const struct kr_card_key *key = kr_card_key_at(card.sealing, card.sealing_count, step->now_ms / 1000);
        if (key == NULL) {
            enum kr_err err =
                kr_step_error(step, event->client, event->request, KR_NOT_FOUND, "%s",
                              council == NULL ? "an addressed council is not known here: see `kairan councils`"
                                              : "an addressed council has no valid sealing key on its card: ask its operator");
            return err != KR_OK ? err : KR_CANCELLED;
        }
        if (!is_double) {
            memcpy(job->audience[count], id, 32);
            memcpy(job->recipients[count++], key->public_key, 32);
        }
    }
    if (count == 0 && !(is_for_people && has_self)) {
        enum kr_err err =
            kr_step_error(step, event->client, event->request, KR_INVALID, "%s",
                          is_for_people ? "this label is for bodies or persons by name: name them with --to-body or --to-person"
                                        : "TLP:AMBER needs at least one other council: name it with --to");
        return err != KR_OK ? err : KR_CANCELLED;
    }
    memcpy(job->recipients[count], kr_keys_own_sealing(core, step->now_ms), 32);
    job->draft.recipient_count = count + 1;
    if (count == 0) {
        memcpy(job->audience[count++], core->self, 32);
    }
    job->draft.audience_count = count;
    return KR_OK;
}

static enum kr_err resolve_label(struct kr_step *step, const struct kr_event *event, const struct kr_submit *submit,
                                 struct kr_job *job)
{
    enum kr_err err;
    switch (submit->label) {
    case KR_TLP_CLEAR:
        return KR_OK;
    case KR_TLP_GREEN:
        err = resolve_community(step, event, submit, job->community);
        job->draft.community = job->community;
        return err;
    case KR_TLP_AMBER:
    case KR_TLP_AMBER_STRICT:
    case KR_TLP_RED:
        return resolve_recipients(step, event, submit, job);
    default:
        err = kr_step_error(step, event->client, event->request, KR_UNLABELLED,
                            "choose a label: TLP:CLEAR, TLP:GREEN, TLP:AMBER, TLP:AMBER+STRICT or TLP:RED");
        return err != KR_OK ? err : KR_CANCELLED;
    }
}

/* The record that came of an earlier submission with this token. KR_CORRUPT: there is one, and it is damaged. */
static enum kr_err token_find(struct kr_step *step, const uint8_t token[static KR_TOKEN_BYTES], uint8_t ret_id[static 32])
{
    uint64_t arrival = 0;
    struct kr_head head;
    uint8_t scratch[KR_HEAD_SCRATCH];
    enum kr_err err = kr_store_token_find(step->txn, token, &arrival);
    if (err == KR_OK) {
        err = kr_store_head_get(step->txn, arrival, &head, scratch);
    }
    if (err == KR_OK) {
        memcpy(ret_id, head.id, 32);
    }
    if (err == KR_CORRUPT) {
        enum kr_err logged = kr_step_log_damage(step, arrival);
        err = logged == KR_OK ? KR_CORRUPT : logged;
    }
    return err;
}

/* Which record it was cannot be told any more, and a second one must not come of one submission. */
static enum kr_err refuse_damaged(struct kr_step *step, uint64_t client, uint64_t request)
{
    return kr_step_error(
        step, client, request, KR_CORRUPT,
        "this was submitted before, and the record that came of it is damaged in the store: nothing was stored. Run "
        "`kairan verify`");
}

/* ---- how many a day ---- */

/* Peers do not count (docs/SECURITY.md): each node keeps its own from flooding everybody. "signed" → array of 3: node key, day,
 * count. A day begins at midnight UTC by our clock; whichever day it is now, another than the stored one begins at 0, so that a
 * clock that was wrong once costs nothing. What is stored is KR_SIGNED_STEP at a time, so that few commits have a row of it: after
 * a crash at most so many count that were never signed. */
static const char key_signed[] = "signed";

enum kr_err kr_signed_load(struct kr_step *step)
{
    struct kr_core *core = step->core;
    uint8_t value[64], node_key[32];
    struct kr_reader reader;
    size_t len;
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_IDENTITY, key_signed, sizeof key_signed - 1, value, sizeof value, &len);
    if (err == KR_CORRUPT || err == KR_BOUNDS) { /* a node that does not start would be worse than one that counts from 0 */
        core->rows_skipped++;
        return KR_OK;
    }
    if (err != KR_OK) {
        return err == KR_NOT_FOUND ? KR_OK : err;
    }
    kr_reader_init(&reader, value, len);
    kr_reader_array(&reader, 3);
    kr_reader_fixed(&reader, node_key, sizeof node_key);
    uint64_t day = kr_reader_uint(&reader, UINT64_MAX), count = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        core->rows_skipped++;
        return KR_OK;
    }
    if (memcmp(node_key, kr_keys_signing(core).public_key, sizeof node_key) == 0) {
        core->signed_day = day;
        core->signed_count = core->signed_noted = count;
    }
    return KR_OK;
}

static enum kr_err note_signed(struct kr_step *step)
{
    struct kr_core *core = step->core;
    struct kr_writer writer;
    const uint64_t noted = (core->signed_count + KR_SIGNED_STEP - 1) / KR_SIGNED_STEP * KR_SIGNED_STEP;
    kr_writer_init(&writer, KR_KIB);
    kr_writer_array(&writer, 3);
    kr_writer_bin(&writer, kr_keys_signing(core).public_key, 32);
    kr_writer_uint(&writer, core->signed_day);
    kr_writer_uint(&writer, noted);
    enum kr_err err = kr_store_put_writer(step->txn, KR_TABLE_IDENTITY, key_signed, sizeof key_signed - 1, &writer);
    if (err == KR_OK) {
        core->signed_noted = noted;
    }
    return err;
}

static uint64_t signed_today(const struct kr_step *step)
{
    return step->core->signed_day == step->now_ms / DAY_MS ? step->core->signed_count : 0;
}

static enum kr_err count_signed(struct kr_step *step)
{
    struct kr_core *core = step->core;
    core->signed_count = signed_today(step) + 1;
    core->signed_noted = core->signed_count == 1 ? 0 : core->signed_noted;
    core->signed_day = step->now_ms / DAY_MS;
    return core->signed_count > core->signed_noted ? note_signed(step) : KR_OK;
}

static enum kr_err refuse_more(struct kr_step *step, uint64_t client, uint64_t request)
{
    return kr_step_error(step, client, request, KR_QUOTA,
                         "this node has signed as many records today as it may: send what is left after midnight UTC, and more "
                         "values in one record");
}

/* ---- a submission ---- */

static enum kr_err put_reason(struct kr_step *step, const struct kr_job *job)
{
    char id[17];
    if (job->reason_len == 0) {
        return KR_OK;
    }
    enum kr_err err = kr_reason_put(step->txn, job->record.id, step->now_ms, (struct kr_slice){job->reason, job->reason_len});
    sodium_bin2hex(id, sizeof id, job->record.id, 8);
    /* The reason itself may name what the record is about: it stays out of the log. */
    return err != KR_OK
               ? err
               : kr_step_log(step, KR_LOG_NOTICE, "record %s was stored over the guards; the reason given is kept with it", id);
}

/* `consent` NULL: not under a standing one. */
static enum kr_err end(struct kr_step *step, uint64_t client, uint64_t request, const uint8_t id[static 32], bool is_known,
                       const uint8_t *consent)
{
    struct kr_stored stored = {.is_known = is_known, .has_consent = consent != NULL};
    struct kr_writer result;
    memcpy(stored.id, id, 32);
    if (consent != NULL) {
        memcpy(stored.consent, consent, 32);
    }
    kr_writer_init(&result, KR_KIB);
    kr_stored_write(&stored, &result);
    enum kr_err err = kr_step_end(step, client, request, &result);
    kr_writer_deinit(&result);
    return err;
}

/* It was submitted before: what came of it. */
static enum kr_err end_known(struct kr_step *step, uint64_t client, uint64_t request, const uint8_t token[static 16],
                             const uint8_t id[static 32])
{
    struct kr_draft_row *row = malloc(sizeof *row);
    enum kr_err err = row == NULL ? KR_NOMEM : kr_draft_get(step->txn, token, row);
    if (err == KR_OK || err == KR_NOT_FOUND || err == KR_CORRUPT) {
        err = end(step, client, request, id, true, err == KR_OK && row->has_consent ? row->consent : NULL);
    }
    free(row);
    return err;
}

/* ---- request and result ---- */

enum kr_err kr_submit_may(struct kr_step *step, const struct kr_event *event, const uint8_t token[static 16], bool *ret_may)
{
    uint8_t id[32];
    *ret_may = false;
    enum kr_err err = token_find(step, token, id);
    if (err == KR_OK) {
        return end_known(step, event->client, event->request, token, id);
    }
    if (err == KR_CORRUPT) {
        return refuse_damaged(step, event->client, event->request);
    }
    if (err == KR_NOT_FOUND && signed_today(step) >= KR_SIGNED_DAY_MAX) {
        return refuse_more(step, event->client, event->request);
    }
    bool is_draft = false;
    if (err == KR_NOT_FOUND) {
        err = kr_draft_known(step, event, token, &is_draft);
        *ret_may = err == KR_OK && !is_draft;
    }
    return err;
}

enum kr_err kr_submit_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_core *core = step->core;
    bool may = false;
    struct kr_submit *submit = malloc(sizeof *submit);
    struct kr_job *job = kr_job_new(KR_JOB_MAKE);
    enum kr_err err = submit == NULL || job == NULL ? KR_NOMEM : KR_OK;
    if (err != KR_OK) {
        goto out;
    }
    enum kr_err verdict = kr_submit_read(event->bytes, submit);
    bool is_for_people = verdict == KR_OK && (submit->kind == KR_KIND_REPORT || submit->kind == KR_KIND_ADVISORY);
    if (!is_for_people || submit->body.len == 0) {
        err = kr_step_error(step, event->client, event->request, verdict != KR_OK ? verdict : KR_INVALID,
                            "the submission cannot be read");
        goto out;
    }
    if (submit->is_forced && submit->reason.len == 0) {
        err = kr_step_error(step, event->client, event->request, KR_INVALID, "overriding a guard needs a reason");
        goto out;
    }
    err = kr_submit_may(step, event, submit->token, &may);
    if (err != KR_OK || !may) {
        goto out;
    }
    uint64_t now_s = step->now_ms / 1000;
    uint64_t ttl_s = submit->kind == KR_KIND_REPORT ? REPORT_TTL_S : ADVISORY_TTL_S;
    job->draft = (struct kr_draft){
        .kind = submit->kind,
        .created_ms = step->now_ms,
        .expires_s = submit->expires_s != 0 ? submit->expires_s : now_s + ttl_s,
        .label = submit->label,
        .flags = submit->flags,
    };
    if (job->draft.expires_s <= now_s || job->draft.expires_s > now_s + KR_EXPIRES_S_MAX - 86400u) {
        err = kr_step_error(step, event->client, event->request, KR_INVALID, "a record expires between now and ten years from now");
        goto out;
    }
    err = resolve_label(step, event, submit, job);
    if (err != KR_OK) {
        err = err == KR_CANCELLED ? KR_OK : err;
        goto out;
    }
    job->content = malloc(submit->body.len);
    if (job->content == NULL) {
        err = KR_NOMEM;
        goto out;
    }
    memcpy(job->content, submit->body.bytes, submit->body.len);
    job->content_len = submit->body.len;
    if (submit->is_forced) {
        job->reason = malloc(submit->reason.len);
        if (job->reason == NULL) {
            err = KR_NOMEM;
            goto out;
        }
        memcpy(job->reason, submit->reason.bytes, submit->reason.len);
        job->reason_len = submit->reason.len;
    }
    memcpy(job->author, core->self, 32);
    memcpy(job->token, submit->token, 16);
    kr_rng_bytes(step->rng, job->seed, sizeof job->seed);
    job->guards = kr_guards_hold(core->options.guards);
    job->skips_guards = submit->is_forced;
    job->client = event->client;
    job->request = event->request;
    job->is_bulk = submit->body.len > KR_BULK_BYTES_MIN;
    struct kr_job *leaving = job;
    job = NULL;
    err = kr_step_job(step, leaving);
out:
    free(submit);
    kr_job_free(job);
    return err;
}

static enum kr_err explain_failure(struct kr_step *step, const struct kr_job *job)
{
    switch (job->err) {
    case KR_GUARDED: {
        char text[256] = "";
        struct kr_report report;
        struct kr_report_indicator indicator = {0};
        struct kr_slice content = {job->content, job->content_len};
        uint32_t kind;
        if (kr_content_to_read(job->draft.kind, content, &kind, &content) == KR_OK && kr_report_parse(content, &report) == KR_OK) {
            struct kr_reader reader;
            kr_reader_init(&reader, report.indicators.bytes, report.indicators.len);
            (void)kr_reader_array_between(&reader, 0, KR_REPORT_INDICATORS_MAX);
            for (uint32_t i = 0; i <= job->guarded_index; i++) {
                kr_report_indicator_read(&reader, &indicator);
            }
            char *print = malloc(2 * KR_INDICATOR_BYTES_MAX + 64);
            if (print != NULL && kr_indicator_print(indicator.type, indicator.value.bytes, indicator.value.len, print,
                                                    2 * KR_INDICATOR_BYTES_MAX + 64) == KR_OK) {
                const size_t len = strlen(print);
                const size_t whole = kr_utf8_whole((const uint8_t *)print, len < VALUE_SHOWN ? len : VALUE_SHOWN);
                (void)snprintf(text, sizeof text, "%.*s", (int)whole, print);
            }
            free(print);
        }
        return kr_step_error(step, job->client, job->request, KR_GUARDED,
                             "%s is on the list \"%s\": leave it out, or force it and give a reason", text, job->guarded_list);
    }
    case KR_BOUNDS:
        return kr_step_error(step, job->client, job->request, KR_BOUNDS,
                             "one record holds at most %u indicators and %u KiB: split the submission", KR_REPORT_INDICATORS_MAX,
                             KR_BODY_BYTES_MAX / KR_KIB);
    default:
        if (kr_label_is_for_people(job->draft.label) && job->err == KR_MALFORMED) {
            return kr_step_error(
                step, job->client, job->request, KR_INVALID,
                "what is for bodies or persons by name is sealed to them before it comes to the node, and this is not");
        }
        return kr_step_error(step, job->client, job->request, job->err, "the record cannot be made: %s", kr_err_text(job->err));
    }
}

enum kr_err kr_submit_made(struct kr_step *step, struct kr_job *job)
{
    static const char sent_ahead[] = "on duty, under a standing consent"; /* for the audit log */
    uint8_t id[32], consent[32];
    uint64_t arrival;
    enum kr_err verdict;
    if (job->err != KR_OK) {
        return job->err == KR_NOMEM ? KR_NOMEM : explain_failure(step, job);
    }
    /* The same token may have been on its way twice. */
    enum kr_err err = token_find(step, job->token, id);
    if (err == KR_OK) {
        return end_known(step, job->client, job->request, job->token, id);
    }
    if (err == KR_CORRUPT) {
        return refuse_damaged(step, job->client, job->request);
    }
    if (err == KR_NOT_FOUND && kr_restored_holds(step->core)) { /* known since it was asked for */
        return kr_restored_refuse(step, job->client, job->request);
    }
    if (err == KR_NOT_FOUND && signed_today(step) >= KR_SIGNED_DAY_MAX) { /* those under way when it was asked for count too */
        return refuse_more(step, job->client, job->request);
    }
    if (err == KR_NOT_FOUND && kr_kind_takes_back(job->header.kind)) {
        err = kr_takeback_made(step, job);
        if (err == KR_CANCELLED) {
            return KR_OK;
        }
        err = err == KR_OK ? KR_NOT_FOUND : err;
    }
    bool is_ahead = false;
    if (err == KR_NOT_FOUND && kr_draft_is_needed(step->core, job)) {
        enum kr_err looked = kr_duty_permits(step, job, consent, &is_ahead);
        if (looked != KR_OK || !is_ahead) {
            return looked == KR_OK ? kr_draft_keep(step, job) : looked == KR_CANCELLED ? KR_OK : looked;
        }
    }
    if (err == KR_NOT_FOUND && job->op == KR_OP_DRAFT_APPROVE) {
        bool may_send = false;
        err = kr_draft_may_send(step, job, &may_send);
        if (err != KR_OK || !may_send) {
            return err;
        }
        err = KR_NOT_FOUND;
    }
    if (err == KR_NOT_FOUND) {
        err = kr_admit(step, job, step->core->self, NULL, &verdict, &arrival);
    }
    if (err == KR_OK && verdict == KR_KEY) {
        return kr_step_error(
            step, job->client, job->request, verdict,
            "this node's signing key is not on its council's card: put back the keyring that belongs to this store");
    }
    if (err == KR_OK && verdict != KR_OK) {
        return kr_step_error(step, job->client, job->request, verdict, "the record was not taken: %s", kr_err_text(verdict));
    }
    if (err == KR_OK && !KR_FAULT(KR_FAULT_TOKEN_FORGOTTEN)) {
        err = kr_store_token_put(step->txn, job->token, arrival);
    }
    if (err == KR_OK) {
        err = put_reason(step, job);
    }
    if (err == KR_OK && job->op == KR_OP_DRAFT_APPROVE) {
        err = kr_draft_sent(step, job);
    }
    if (err == KR_OK && is_ahead) {
        err = kr_draft_sent_ahead(step, job, consent);
        step->note = (struct kr_slice){(const uint8_t *)sent_ahead, sizeof sent_ahead - 1};
    }
    if (err == KR_OK && job->op == KR_OP_RETRACT) {
        err = kr_draft_taken_back(step, job);
    }
    if (err == KR_OK) {
        err = end(step, job->client, job->request, job->record.id, false, is_ahead ? consent : NULL);
    }
    if (err == KR_OK) {
        err = count_signed(step);
    }
    return err;
}
