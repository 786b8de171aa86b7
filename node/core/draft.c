/* Drafts: which submissions wait, whom they would reach, what becomes of them. */
#include "node/core/draft.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/people.h"
#include "proto/record/takeback.h"

#define SWEEP_SLICE 64u
#define OWN_SHARE   4u /* of all drafts there may be, one person has such a part, so that it keeps no other from submitting */

static bool is_zero(const uint8_t id[static 32])
{
    static const uint8_t none[32];
    return memcmp(id, none, 32) == 0;
}

/* ---- whom it reaches ---- */

static void add(struct kr_writer *writer, const struct kr_core *core, const uint8_t council[static 32])
{
    const struct kr_council *known = kr_directory_council(&core->directory, council);
    struct kr_card card = {0};
    if (known != NULL) {
        kr_council_card(known, &card);
    }
    kr_writer_raw(writer, council, 32);
    kr_writer_raw(writer, card.hosted_by.bytes, card.hosted_by.len == 32 ? 32 : 0); /* whose operator could read it, too */
}

enum kr_err kr_draft_reach(const struct kr_core *core, const struct kr_draft_row *row, uint8_t ret_reach[static 32])
{
    struct kr_writer writer;
    kr_writer_init(&writer, KR_MIB);
    kr_writer_uint(&writer, row->label);
    if (row->label == KR_TLP_GREEN) {
        kr_writer_raw(&writer, row->community, 32);
        for (uint32_t i = 0; i < core->directory.council_count; i++) {
            const uint8_t *id = core->directory.councils[i]->id;
            if (kr_directory_is_member(&core->directory, row->community, id)) {
                add(&writer, core, id);
            }
        }
    }
    for (size_t at = 0; at + 32 <= row->audience.len; at += 32) {
        add(&writer, core, row->audience.bytes + at);
    }
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        kr_hash(ret_reach, "kairan draft reach", writer.bytes, writer.len);
    }
    kr_writer_deinit(&writer);
    return err;
}

void kr_draft_binding(const struct kr_draft_row *row, uint8_t ret_binding[static 32])
{
    uint8_t bytes[64];
    memcpy(bytes, row->reach, 32);
    memcpy(bytes + 32, row->args_hash, 32);
    kr_hash(ret_binding, "kairan draft", bytes, sizeof bytes);
}

/* Empty where the card is not here, or nobody's. */
static enum kr_err name_of(struct kr_txn *txn, const uint8_t person[static 32], char *bytes, struct kr_slice *ret_name)
{
    static _Thread_local struct kr_person_row person_row;
    enum kr_err err = kr_person_get(txn, person, &person_row);
    if (err == KR_OK) {
        memcpy(bytes, person_row.card.name.bytes, person_row.card.name.len);
        *ret_name = (struct kr_slice){(const uint8_t *)bytes, person_row.card.name.len};
    }
    return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
}

enum kr_err kr_draft_item_fill(struct kr_txn *txn, const struct kr_draft_row *row, const struct kr_who *who,
                               struct kr_draft_item *item)
{
    static _Thread_local char names[KR_DRAFT_OPENINGS_MAX + 1][KR_NAME_BYTES_MAX];
    const bool is_operator = is_zero(row->submitter), is_own = memcmp(row->submitter, who->person, 32) == 0;
    const bool may_know = is_own || (who->facts.roles & KR_ROLE_INTAKE) != 0;
    *item = (struct kr_draft_item){.id = {row->token, KR_DRAFT_ID_BYTES},
                                   .state = row->state,
                                   .op = row->op,
                                   .kind = row->kind,
                                   .label = row->label,
                                   .title = row->title,
                                   .submitted_ms = row->submitted_ms,
                                   .changed_ms = row->changed_ms,
                                   .reason = row->reason,
                                   .record_id = {row->record_id, row->has_record ? 32 : 0}};
    if (is_operator) {
        return KR_OK;
    }
    if (!may_know) {
        item->submitter = (struct kr_slice){row->alias, sizeof row->alias};
        return KR_OK;
    }
    item->submitter = (struct kr_slice){row->submitter, 32};
    item->consent = (struct kr_slice){row->consent, row->has_consent ? 32 : 0}; /* a consent names a person: it is as the name */
    enum kr_err err = name_of(txn, row->submitter, names[KR_DRAFT_OPENINGS_MAX], &item->submitter_name);
    for (uint32_t i = 0; i < row->opened_count && err == KR_OK; i++) {
        const struct kr_draft_opened *opened = &row->opened[i];
        struct kr_draft_opening *opening = &item->opened[item->opened_count++];
        *opening = (struct kr_draft_opening){
            .person = {opened->person, is_zero(opened->person) ? 0 : 32}, .at_ms = opened->at_ms, .reason = opened->reason};
        err = name_of(txn, opened->person, names[i], &opening->name);
    }
    return err;
}

/* ---- keeping one ---- */

uint32_t kr_draft_kind(const struct kr_job *job)
{
    struct kr_slice content = {job->content, job->content_len};
    uint32_t kind = job->header.kind;
    return kr_content_to_read(kind, content, &kind, &content) == KR_OK ? kind : job->header.kind;
}

bool kr_draft_may_be_needed(const struct kr_core *core)
{
    const struct kr_approval *approval = &core->options.approval;
    return (approval->report_labels | approval->advisory_labels | approval->sighting_labels) != 0;
}

bool kr_draft_is_needed(const struct kr_core *core, const struct kr_job *job)
{
    const struct kr_approval *approval = &core->options.approval;
    if (job->op == KR_OP_DRAFT_APPROVE || job->header.kind == KR_KIND_RETRACTION) {
        return false;
    }
    const uint32_t kind = kr_draft_kind(job);
    const uint32_t labels = kind == KR_KIND_REPORT     ? approval->report_labels
                            : kind == KR_KIND_ADVISORY ? approval->advisory_labels
                            : kind == KR_KIND_SIGHTING ? approval->sighting_labels
                                                       : 0;
    return job->op == KR_OP_DRAFT_EDIT || (labels >> (uint32_t)job->header.label & 1) != 0;
}

struct counting {
    struct kr_draft_row *row;
    const uint8_t *submitter; /* whose own are counted beside; NULL: nobody's */
    uint32_t count, own;
    uint64_t bytes, own_bytes;
};

static bool count_one(void *context, struct kr_slice key, struct kr_slice value)
{
    struct counting *counting = context;
    if (kr_draft_row_read(key, value, counting->row) == KR_OK) {
        const uint32_t state = counting->row->state;
        const uint32_t bytes = kr_draft_is_open(counting->row) ? counting->row->args_len : 0;
        /* What another person has decided is no longer only its submitter's doing. */
        const bool is_own = counting->submitter != NULL && memcmp(counting->row->submitter, counting->submitter, 32) == 0 &&
                            state != KR_DRAFT_APPROVED && state != KR_DRAFT_REJECTED && state != KR_DRAFT_REVIEWED;
        counting->count++;
        counting->bytes += bytes;
        counting->own += is_own;
        counting->own_bytes += is_own ? bytes : 0;
    }
    return true;
}

/* What is known of it: a record, where it was sent, at whichever node of the council. */
static enum kr_err end(struct kr_step *step, uint64_t client, uint64_t request, const struct kr_draft_row *row, bool is_known)
{
    struct kr_stored stored = {.waits = !row->has_record, .is_known = is_known, .has_consent = row->has_consent};
    struct kr_writer result;
    if (row->has_record) {
        memcpy(stored.id, row->record_id, 32);
    } else {
        memcpy(stored.id, row->token, KR_DRAFT_ID_BYTES);
    }
    memcpy(stored.consent, row->consent, row->has_consent ? 32 : 0);
    kr_writer_init(&result, KR_KIB);
    kr_stored_write(&stored, &result);
    enum kr_err err = kr_step_end(step, client, request, &result);
    kr_writer_deinit(&result);
    return err;
}

static void fill(struct kr_step *step, const struct kr_job *job, struct kr_draft_row *row, uint8_t *audience)
{
    const struct kr_header *header = &job->header;
    row->kind = kr_draft_kind(job);
    row->label = (uint32_t)header->label;
    row->changed_ms = step->now_ms;
    row->has_community = header->has_community;
    memcpy(row->community, header->community, 32);
    for (uint32_t i = 0; i < header->audience_count; i++) {
        memcpy(audience + (size_t)32 * i, kr_header_audience_at(header, i), 32);
    }
    row->audience = (struct kr_slice){audience, (size_t)32 * header->audience_count};
    row->title = (struct kr_slice){job->title, job->title_len};
    row->reason = (struct kr_slice){0};
    row->has_record = false;
}

/* A new one, or another content of one that there is. */
static enum kr_err prepare(struct kr_step *step, const struct kr_job *job, struct kr_draft_row *row)
{
    struct kr_who who;
    enum kr_err err = kr_draft_find(step, job->token, row);
    if (job->op == KR_OP_DRAFT_EDIT) {
        if (kr_label_is_for_people(job->header.label)) {
            return KR_DENIED; /* its submitter could not see what it was turned into */
        }
        if (err == KR_OK && row->state != KR_DRAFT_WAITS && row->state != KR_DRAFT_RETURNED) {
            return KR_INVALID; /* decided while it was made */
        }
        row->state = KR_DRAFT_RETURNED;
        return err;
    }
    if (err != KR_NOT_FOUND) {
        return err == KR_OK ? KR_EXISTS : err;
    }
    memset(row, 0, sizeof *row);
    memcpy(row->token, job->token, KR_DRAFT_ID_BYTES);
    row->state = KR_DRAFT_WAITS;
    row->op = job->op;
    row->submitted_ms = step->now_ms;
    kr_rng_bytes(step->rng, row->alias, sizeof row->alias);
    err = kr_who_find(step->txn, &job->caller, step->now_ms, &who);
    if (err == KR_OK && who.facts.is_person) {
        memcpy(row->submitter, who.person, 32);
    }
    return err;
}

enum kr_err kr_draft_has_room(struct kr_step *step, const struct kr_job *job, struct kr_draft_row *scratch, bool *ret_has_room)
{
    struct kr_who who;
    struct counting counting = {.row = scratch};
    *ret_has_room = false;
    enum kr_err err = kr_who_find(step->txn, &job->caller, step->now_ms, &who);
    if (err == KR_OK) {
        counting.submitter = job->op != KR_OP_DRAFT_EDIT ? who.person : NULL;
        err = kr_drafts_each(step->txn, NULL, count_one, &counting);
    }
    if (err == KR_OK &&
        (counting.own >= KR_DRAFTS_MAX / OWN_SHARE || counting.own_bytes + job->asked_len > KR_DRAFTS_BYTES_MAX / OWN_SHARE)) {
        return kr_step_error(
            step, job->client, job->request, KR_QUOTA,
            "as much of yours waits for approval, or was withdrawn of late, as one person may have: ask an approver to "
            "look at `kairan drafts`");
    }
    if (err == KR_OK && (counting.count >= KR_DRAFTS_MAX || counting.bytes + job->asked_len > KR_DRAFTS_BYTES_MAX)) {
        return kr_step_error(step, job->client, job->request, KR_QUOTA,
                             "too much waits for approval in this council: ask an approver to look at `kairan drafts`");
    }
    *ret_has_room = err == KR_OK;
    return err;
}

enum kr_err kr_draft_refuse(struct kr_step *step, uint64_t client, uint64_t request, enum kr_err err)
{
    switch (err) {
    case KR_EXISTS:
        err = kr_step_error(step, client, request, KR_EXISTS, "this draft is decided already");
        break;
    case KR_KEY:
        err =
            kr_step_error(step, client, request, KR_KEY,
                          "this node's signing key is not on its council's card: put back the keyring that belongs to this store");
        break;
    case KR_BUSY:
        err = kr_step_error(step, client, request, KR_BUSY,
                            "another node of this council has not given this one the sealing key yet: try again later");
        break;
    case KR_DENIED: /* this node's key was revoked */
    case KR_QUOTA:
        err = kr_step_error(step, client, request, err, "the record was not taken: %s", kr_err_text(err));
        break;
    default:
        return err;
    }
    return err == KR_OK ? KR_CANCELLED : err;
}

static enum kr_err refuse_damaged(struct kr_step *step, uint64_t client, uint64_t request)
{
    return kr_step_error(
        step, client, request, KR_CORRUPT,
        "this was submitted before, and the draft that came of it is damaged in the store: nothing was stored. Run "
        "`kairan verify`");
}

/* Why it was not made, or not changed. */
static enum kr_err refuse(struct kr_step *step, const struct kr_job *job, enum kr_err err)
{
    switch (err) {
    case KR_INVALID:
        return kr_step_error(step, job->client, job->request, err, "this draft is decided already");
    case KR_DENIED:
        return kr_step_error(step, job->client, job->request, err,
                             "what is sealed to bodies or persons cannot be changed by others: reject it, with a reason");
    case KR_NOT_FOUND:
        return kr_step_error(step, job->client, job->request, err,
                             "no draft here has this id: see `kairan drafts` and `kairan mine`");
    case KR_CORRUPT:
        return refuse_damaged(step, job->client, job->request);
    default:
        return err;
    }
}

static enum kr_err keep(struct kr_step *step, const struct kr_job *job, struct kr_draft_row *row, uint8_t *audience)
{
    const struct kr_slice args = {job->asked, job->asked_len};
    bool has_room = false;
    enum kr_err err = kr_draft_has_room(step, job, row, &has_room);
    if (err != KR_OK || !has_room) {
        return err;
    }
    err = prepare(step, job, row);
    if (err == KR_EXISTS) {
        return end(step, job->client, job->request, row, true);
    }
    if (err != KR_OK) {
        return refuse(step, job, err);
    }
    fill(step, job, row, audience);
    err = kr_draft_reach(step->core, row, row->reach);
    if (err == KR_OK) {
        static const char edited[] = "an approver changed it";
        row->reason = job->op == KR_OP_DRAFT_EDIT ? (struct kr_slice){(const uint8_t *)edited, sizeof edited - 1} : row->reason;
        err = kr_draft_refuse(step, job->client, job->request, kr_draft_put(step, row, &args));
    }
    return err == KR_OK ? end(step, job->client, job->request, row, false) : err == KR_CANCELLED ? KR_OK : err;
}

enum kr_err kr_draft_keep(struct kr_step *step, const struct kr_job *job)
{
    struct kr_draft_row *row = malloc(sizeof *row);
    uint8_t *audience = malloc((size_t)32 * KR_AUDIENCE_MAX);
    KR_ASSERT(job->asked != NULL); /* whoever can be told to wait was asked by somebody */
    enum kr_err err = row == NULL || audience == NULL ? KR_NOMEM : keep(step, job, row, audience);
    free(row);
    free(audience);
    return err;
}

enum kr_err kr_draft_known(struct kr_step *step, const struct kr_event *event, const uint8_t token[static KR_DRAFT_ID_BYTES],
                           bool *ret_is_answered)
{
    struct kr_draft_row *row = malloc(sizeof *row);
    enum kr_err err = row == NULL ? KR_NOMEM : kr_draft_find(step, token, row);
    *ret_is_answered = err == KR_CORRUPT;
    if (err == KR_OK && step->asking != NULL && step->asking->op != KR_OP_DRAFT_APPROVE && step->asking->op != KR_OP_DRAFT_EDIT) {
        *ret_is_answered = true;
        err = end(step, event->client, event->request, row, true);
    } else if (err == KR_CORRUPT) {
        err = refuse_damaged(step, event->client, event->request);
    }
    free(row);
    return err == KR_NOT_FOUND ? KR_OK : err;
}

/* Which community is meant, and to whom a revision or a sighting goes, is looked up when the record is made. */
static bool goes_where_it_says(const struct kr_draft_row *row, const struct kr_header *header)
{
    bool is_same = (uint32_t)header->label == row->label && header->has_community == row->has_community &&
                   memcmp(header->community, row->community, 32) == 0 && (size_t)32 * header->audience_count == row->audience.len;
    for (uint32_t i = 0; is_same && i < header->audience_count; i++) {
        is_same = memcmp(kr_header_audience_at(header, i), row->audience.bytes + (size_t)32 * i, 32) == 0;
    }
    return is_same;
}

/* Its submitter sees where it would go now, and consents, or does not. */
static enum kr_err return_it(struct kr_step *step, const struct kr_job *job, struct kr_draft_row *row)
{
    static const char why[] = "it would go elsewhere than when it was submitted";
    uint8_t *audience = malloc((size_t)32 * KR_AUDIENCE_MAX);
    if (audience == NULL) {
        return KR_NOMEM;
    }
    fill(step, job, row, audience);
    row->state = KR_DRAFT_RETURNED;
    row->reason = (struct kr_slice){(const uint8_t *)why, sizeof why - 1};
    enum kr_err err = kr_draft_reach(step->core, row, row->reach);
    if (err == KR_OK) {
        err = kr_draft_refuse(step, job->client, job->request, kr_draft_put(step, row, NULL));
    }
    free(audience);
    if (err == KR_OK) {
        return kr_step_error(step, job->client, job->request, KR_DENIED,
                             "it would go elsewhere than when it was submitted, and has gone back to its submitter");
    }
    return err == KR_CANCELLED ? KR_OK : err;
}

enum kr_err kr_draft_may_send(struct kr_step *step, const struct kr_job *job, bool *ret_may)
{
    struct kr_draft_act act;
    uint8_t binding[32];
    struct kr_draft_row *row = malloc(sizeof *row);
    enum kr_err err = row == NULL ? KR_NOMEM : kr_draft_get(step->txn, job->token, row);
    *ret_may = false;
    if (err == KR_OK && row->state == KR_DRAFT_WAITS && !goes_where_it_says(row, &job->header)) {
        err = return_it(step, job, row);
        free(row);
        return err;
    }
    if (err == KR_OK) {
        err = kr_draft_reach(step->core, row, row->reach);
    }
    if (err == KR_OK) {
        KR_ASSERT(job->asked != NULL); /* kr_step_job keeps what approvals say */
        kr_draft_binding(row, binding);
        *ret_may = row->state == KR_DRAFT_WAITS &&
                   kr_draft_act_read((struct kr_slice){job->asked, job->asked_len}, &act) == KR_OK && act.has_binding &&
                   memcmp(act.binding, binding, sizeof binding) == 0;
    }
    if (err == KR_NOT_FOUND || err == KR_CORRUPT || (err == KR_OK && !*ret_may)) {
        err = kr_step_error(step, job->client, job->request, err == KR_OK ? KR_INVALID : err,
                            "this draft was decided or changed a moment ago: see `kairan drafts`");
    }
    free(row);
    return err;
}

enum kr_err kr_draft_sent(struct kr_step *step, const struct kr_job *job)
{
    struct kr_who who;
    struct kr_draft_row *row = malloc(sizeof *row);
    enum kr_err err = row == NULL ? KR_NOMEM : kr_draft_get(step->txn, job->token, row);
    if (err == KR_OK) {
        err = kr_who_find(step->txn, &job->caller, step->now_ms, &who);
    }
    if (err == KR_OK) {
        row->state = KR_DRAFT_APPROVED;
        row->changed_ms = step->now_ms;
        row->has_record = true;
        memcpy(row->record_id, job->record.id, 32);
        memcpy(row->decider, who.person, 32);
        err = kr_draft_put(step, row, NULL);
    }
    free(row);
    return err;
}

enum kr_err kr_draft_sent_ahead(struct kr_step *step, const struct kr_job *job, const uint8_t consent[static 32])
{
    struct kr_draft_row *row = malloc(sizeof *row);
    uint8_t *audience = malloc((size_t)32 * KR_AUDIENCE_MAX);
    enum kr_err err = row == NULL || audience == NULL ? KR_NOMEM : prepare(step, job, row);
    if (err == KR_OK) {
        fill(step, job, row, audience);
        err = kr_draft_reach(step->core, row, row->reach);
    }
    if (err == KR_OK) {
        row->state = KR_DRAFT_AHEAD;
        row->has_record = row->has_consent = true;
        memcpy(row->record_id, job->record.id, 32);
        memcpy(row->consent, consent, 32);
        err = kr_draft_put(step, row, NULL);
    }
    free(row);
    free(audience);
    return err;
}

/* ---- what was sent ahead, and is taken back ---- */

struct finding {
    struct kr_draft_row *row;
    const uint8_t *record_id;
    bool is_found;
};

static bool find_sent(void *context, struct kr_slice key, struct kr_slice value)
{
    struct finding *finding = context;
    finding->is_found = kr_draft_row_read(key, value, finding->row) == KR_OK && finding->row->state == KR_DRAFT_AHEAD &&
                        memcmp(finding->row->record_id, finding->record_id, 32) == 0;
    return !finding->is_found;
}

enum kr_err kr_draft_taken_back(struct kr_step *step, const struct kr_job *job)
{
    static const char why[] = "taken back";
    struct kr_who who;
    struct finding finding = {.row = malloc(sizeof *finding.row), .record_id = job->header.target};
    enum kr_err err = finding.row == NULL ? KR_NOMEM : kr_drafts_each(step->txn, NULL, find_sent, &finding);
    if (err == KR_OK && finding.is_found) {
        err = kr_who_find(step->txn, &job->caller, step->now_ms, &who);
        if (err == KR_OK && kr_draft_is_others(finding.row, &who)) {
            finding.row->state = KR_DRAFT_REVIEWED;
            finding.row->changed_ms = step->now_ms;
            finding.row->reason = (struct kr_slice){(const uint8_t *)why, sizeof why - 1};
            memcpy(finding.row->decider, who.person, 32);
            err = kr_draft_put(step, finding.row, NULL);
        }
    }
    free(finding.row);
    return err;
}

/* ---- what was decided long ago ---- */

struct sweep {
    struct kr_draft_row *row;
    uint64_t before_ms;
    uint8_t tokens[SWEEP_SLICE][KR_DRAFT_ID_BYTES];
    uint32_t count;
};

static bool find_old(void *context, struct kr_slice key, struct kr_slice value)
{
    struct sweep *sweep = context;
    if (kr_draft_row_read(key, value, sweep->row) == KR_OK && sweep->row->changed_ms < sweep->before_ms &&
        !kr_draft_is_open(sweep->row) && sweep->row->state != KR_DRAFT_AHEAD) {
        memcpy(sweep->tokens[sweep->count++], sweep->row->token, KR_DRAFT_ID_BYTES);
    }
    return sweep->count < SWEEP_SLICE;
}

enum kr_err kr_drafts_sweep(struct kr_step *step)
{
    struct sweep *sweep = calloc(1, sizeof *sweep);
    struct kr_draft_row *row = malloc(sizeof *row);
    enum kr_err err = sweep == NULL || row == NULL ? KR_NOMEM : KR_OK;
    if (err == KR_OK && step->now_ms > KR_DRAFT_DECIDED_MS) {
        sweep->row = row;
        sweep->before_ms = step->now_ms - KR_DRAFT_DECIDED_MS;
        err = kr_drafts_each(step->txn, NULL, find_old, sweep);
        for (uint32_t i = 0; i < sweep->count && err == KR_OK; i++) {
            uint8_t subject[32] = {0};
            memcpy(subject, sweep->tokens[i], KR_DRAFT_ID_BYTES);
            err = kr_draft_expire(step->txn, subject); /* its record stays, so that no other node brings it back as what waits */
        }
    }
    free(sweep);
    free(row);
    return err;
}
