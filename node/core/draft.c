/* Drafts in the store: their rows, their arguments, whom they would reach. */
#include "node/core/draft.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/people.h"
#include "proto/record/takeback.h"

#define KEY_BYTES   (1u + KR_DRAFT_ID_BYTES)
#define PART_BYTES  (KR_TABLE_VALUE_BYTES_MAX - 256u)
#define FIELDS      18u
#define SWEEP_SLICE 64u
#define OWN_SHARE   4u /* of all drafts there may be, one person has such a part, so that it keeps no other from submitting */

static void row_key(uint8_t ret_key[static KEY_BYTES], const uint8_t token[static KR_DRAFT_ID_BYTES])
{
    ret_key[0] = 'D';
    memcpy(ret_key + 1, token, KR_DRAFT_ID_BYTES);
}

static void part_key(uint8_t ret_key[static KEY_BYTES + 2], const uint8_t token[static KR_DRAFT_ID_BYTES], uint32_t part)
{
    ret_key[0] = 'd';
    memcpy(ret_key + 1, token, KR_DRAFT_ID_BYTES);
    ret_key[KEY_BYTES] = (uint8_t)(part >> 8);
    ret_key[KEY_BYTES + 1] = (uint8_t)part;
}

static bool is_zero(const uint8_t id[static 32])
{
    static const uint8_t none[32];
    return memcmp(id, none, 32) == 0;
}

static void write_row(const struct kr_draft_row *row, struct kr_writer *writer)
{
    kr_writer_array(writer, FIELDS);
    kr_writer_uint(writer, row->state);
    kr_writer_uint(writer, row->op);
    kr_writer_uint(writer, row->kind);
    kr_writer_uint(writer, row->label);
    kr_writer_bin(writer, row->submitter, is_zero(row->submitter) ? 0 : 32);
    kr_writer_bin(writer, row->decider, is_zero(row->decider) ? 0 : 32);
    kr_writer_uint(writer, row->submitted_ms);
    kr_writer_uint(writer, row->changed_ms);
    kr_writer_bin(writer, row->community, row->has_community ? 32 : 0);
    kr_writer_bin(writer, row->record_id, row->has_record ? 32 : 0);
    kr_writer_slice(writer, row->audience);
    kr_writer_bin(writer, row->reach, sizeof row->reach);
    kr_writer_bin(writer, row->args_hash, sizeof row->args_hash);
    kr_writer_uint(writer, row->args_len);
    kr_writer_str_slice(writer, row->title);
    kr_writer_str_slice(writer, row->reason);
    kr_writer_uint(writer, 0); /* for what comes, so that what waits need not be rewritten */
    kr_writer_bin(writer, row->alias, sizeof row->alias);
}

enum kr_err kr_draft_row_read(struct kr_slice key, struct kr_slice value, struct kr_draft_row *ret_row)
{
    struct kr_reader reader;
    if (key.len != KEY_BYTES || value.len > sizeof ret_row->bytes) {
        return KR_CORRUPT;
    }
    memcpy(ret_row->token, key.bytes + 1, KR_DRAFT_ID_BYTES);
    memmove(ret_row->bytes, value.bytes, value.len);
    kr_reader_init(&reader, ret_row->bytes, value.len);
    kr_reader_array(&reader, FIELDS);
    ret_row->state = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    ret_row->op = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    ret_row->kind = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    ret_row->label = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    (void)kr_reader_fixed_or_empty(&reader, ret_row->submitter, 32);
    (void)kr_reader_fixed_or_empty(&reader, ret_row->decider, 32);
    ret_row->submitted_ms = kr_reader_uint(&reader, UINT64_MAX);
    ret_row->changed_ms = kr_reader_uint(&reader, UINT64_MAX);
    ret_row->has_community = kr_reader_fixed_or_empty(&reader, ret_row->community, 32);
    ret_row->has_record = kr_reader_fixed_or_empty(&reader, ret_row->record_id, 32);
    ret_row->audience = kr_reader_bin(&reader, 0, KR_AUDIENCE_MAX * 32u);
    kr_reader_fixed(&reader, ret_row->reach, sizeof ret_row->reach);
    kr_reader_fixed(&reader, ret_row->args_hash, sizeof ret_row->args_hash);
    ret_row->args_len = (uint32_t)kr_reader_uint(&reader, KR_CLIENT_FRAME_BYTES_MAX);
    ret_row->title = kr_reader_str(&reader, KR_TITLE_BYTES_MAX);
    ret_row->reason = kr_reader_str(&reader, KR_NOTE_BYTES_MAX);
    kr_reader_skip(&reader);
    (void)kr_reader_fixed_or_empty(&reader, ret_row->alias, sizeof ret_row->alias);
    kr_reader_close(&reader);
    return kr_reader_end(&reader) == KR_OK ? KR_OK : KR_CORRUPT;
}

enum kr_err kr_draft_get(struct kr_txn *txn, const uint8_t token[static KR_DRAFT_ID_BYTES], struct kr_draft_row *ret_row)
{
    uint8_t key[KEY_BYTES];
    size_t len;
    row_key(key, token);
    enum kr_err err = kr_store_get(txn, KR_TABLE_DRAFTS, key, sizeof key, ret_row->bytes, sizeof ret_row->bytes, &len);
    if (err != KR_OK) {
        return err == KR_BOUNDS ? KR_CORRUPT : err;
    }
    return kr_draft_row_read((struct kr_slice){key, sizeof key}, (struct kr_slice){ret_row->bytes, len}, ret_row);
}

enum kr_err kr_draft_put(struct kr_txn *txn, const struct kr_draft_row *row)
{
    uint8_t key[KEY_BYTES];
    struct kr_writer writer;
    row_key(key, row->token);
    kr_writer_init(&writer, KR_TABLE_VALUE_BYTES_MAX);
    write_row(row, &writer);
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        err = kr_store_put(txn, KR_TABLE_DRAFTS, key, sizeof key, writer.bytes, writer.len);
    }
    kr_writer_deinit(&writer);
    return err;
}

enum kr_err kr_drafts_each(struct kr_txn *txn, const uint8_t *after, kr_store_visit *visit, void *context)
{
    uint8_t from[KEY_BYTES] = {'D'};
    uint32_t damaged;
    if (after != NULL) { /* the next key there can be */
        memcpy(from + 1, after, KR_DRAFT_ID_BYTES);
        for (size_t i = KEY_BYTES; i > 1 && ++from[i - 1] == 0; i--) {
        }
    }
    return kr_store_each_from(txn, KR_TABLE_DRAFTS, (struct kr_slice){from, sizeof from}, 1, visit, context, &damaged);
}

/* ---- arguments ---- */

enum kr_err kr_draft_args_drop(struct kr_txn *txn, const struct kr_draft_row *row)
{
    uint8_t key[KEY_BYTES + 2];
    enum kr_err err = KR_OK;
    for (uint32_t part = 0; part * PART_BYTES < row->args_len && err == KR_OK; part++) {
        part_key(key, row->token, part);
        err = kr_store_delete(txn, KR_TABLE_DRAFTS, key, sizeof key);
        err = err == KR_NOT_FOUND ? KR_OK : err;
    }
    return err;
}

enum kr_err kr_draft_args_put(struct kr_txn *txn, struct kr_draft_row *row, struct kr_slice args)
{
    uint8_t key[KEY_BYTES + 2];
    enum kr_err err = KR_OK;
    for (size_t at = 0, part = 0; at < args.len && err == KR_OK; at += PART_BYTES, part++) {
        const size_t len = args.len - at < PART_BYTES ? args.len - at : PART_BYTES;
        part_key(key, row->token, (uint32_t)part);
        err = kr_store_put(txn, KR_TABLE_DRAFTS, key, sizeof key, args.bytes + at, len);
    }
    row->args_len = (uint32_t)args.len;
    kr_hash(row->args_hash, "kairan draft args", args.bytes, args.len);
    return err;
}

enum kr_err kr_draft_args_get(struct kr_txn *txn, const struct kr_draft_row *row, uint8_t **ret_args)
{
    uint8_t key[KEY_BYTES + 2], hash[32];
    uint8_t *args = malloc((size_t)row->args_len + 1);
    enum kr_err err = args == NULL ? KR_NOMEM : KR_OK;
    for (size_t at = 0, part = 0; at < row->args_len && err == KR_OK; part++) {
        size_t len = 0;
        part_key(key, row->token, (uint32_t)part);
        err = kr_store_get(txn, KR_TABLE_DRAFTS, key, sizeof key, args + at, row->args_len - at, &len);
        at += len;
        err = err == KR_NOT_FOUND || err == KR_BOUNDS || (err == KR_OK && len == 0) ? KR_CORRUPT : err;
    }
    if (err == KR_OK) {
        kr_hash(hash, "kairan draft args", args, row->args_len);
        err = memcmp(hash, row->args_hash, sizeof hash) == 0 ? KR_OK : KR_CORRUPT;
    }
    if (err != KR_OK) {
        free(args);
        return err;
    }
    *ret_args = args;
    return KR_OK;
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

enum kr_err kr_draft_item_fill(struct kr_txn *txn, const struct kr_draft_row *row, const struct kr_who *who,
                               struct kr_draft_item *item)
{
    static _Thread_local struct kr_person_row person_row;
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
    enum kr_err err = kr_person_get(txn, row->submitter, &person_row);
    item->submitter_name = err == KR_OK ? person_row.card.name : item->submitter_name;
    return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
}

/* ---- keeping one ---- */

static uint32_t kind_of(const struct kr_job *job)
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
    const uint32_t kind = kind_of(job);
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
        const uint32_t bytes = state == KR_DRAFT_WAITS || state == KR_DRAFT_RETURNED ? counting->row->args_len : 0;
        /* What another person has decided is no longer only its submitter's doing. */
        const bool is_own = counting->submitter != NULL && memcmp(counting->row->submitter, counting->submitter, 32) == 0 &&
                            state != KR_DRAFT_APPROVED && state != KR_DRAFT_REJECTED;
        counting->count++;
        counting->bytes += bytes;
        counting->own += is_own;
        counting->own_bytes += is_own ? bytes : 0;
    }
    return true;
}

static enum kr_err end(struct kr_step *step, uint64_t client, uint64_t request, const uint8_t token[static KR_DRAFT_ID_BYTES],
                       bool is_known)
{
    struct kr_stored stored = {.waits = true, .is_known = is_known};
    struct kr_writer result;
    memcpy(stored.id, token, KR_DRAFT_ID_BYTES);
    kr_writer_init(&result, KR_KIB);
    kr_stored_write(&stored, &result);
    enum kr_err err = kr_step_end(step, client, request, &result);
    kr_writer_deinit(&result);
    return err;
}

static void fill(struct kr_step *step, const struct kr_job *job, struct kr_draft_row *row, uint8_t *audience)
{
    const struct kr_header *header = &job->header;
    row->kind = kind_of(job);
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
    enum kr_err err = kr_draft_get(step->txn, job->token, row);
    if (job->op == KR_OP_DRAFT_EDIT) {
        if (err == KR_OK && row->state != KR_DRAFT_WAITS && row->state != KR_DRAFT_RETURNED) {
            return KR_INVALID; /* decided while it was made */
        }
        row->state = KR_DRAFT_RETURNED;
        return err == KR_OK ? kr_draft_args_drop(step->txn, row) : err;
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

static enum kr_err keep(struct kr_step *step, const struct kr_job *job, struct kr_draft_row *row, uint8_t *audience)
{
    struct kr_who who;
    struct counting counting = {.row = row};
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
    if (err == KR_OK) {
        err = prepare(step, job, row);
    }
    if (err == KR_EXISTS) {
        return end(step, job->client, job->request, job->token, true);
    }
    if (err == KR_INVALID) {
        return kr_step_error(step, job->client, job->request, err, "this draft is decided already");
    }
    if (err == KR_OK) {
        fill(step, job, row, audience);
        err = kr_draft_args_put(step->txn, row, (struct kr_slice){job->asked, job->asked_len});
    }
    if (err == KR_OK) {
        err = kr_draft_reach(step->core, row, row->reach);
    }
    if (err == KR_OK) {
        static const char edited[] = "an approver changed it";
        row->reason = job->op == KR_OP_DRAFT_EDIT ? (struct kr_slice){(const uint8_t *)edited, sizeof edited - 1} : row->reason;
        err = kr_draft_put(step->txn, row);
    }
    return err == KR_OK ? end(step, job->client, job->request, job->token, false) : err;
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
    enum kr_err err = row == NULL ? KR_NOMEM : kr_draft_get(step->txn, token, row);
    *ret_is_answered = false;
    if (err == KR_OK && step->asking != NULL && step->asking->op != KR_OP_DRAFT_APPROVE && step->asking->op != KR_OP_DRAFT_EDIT) {
        *ret_is_answered = true;
        err = end(step, event->client, event->request, token, true);
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
        err = kr_draft_put(step->txn, row);
    }
    free(audience);
    return err == KR_OK ? kr_step_error(step, job->client, job->request, KR_DENIED,
                                        "it would go elsewhere than when it was submitted, and has gone back to its submitter")
                        : err;
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
        err = kr_draft_args_drop(step->txn, row);
    }
    if (err == KR_OK) {
        row->state = KR_DRAFT_APPROVED;
        row->changed_ms = step->now_ms;
        row->has_record = true;
        memcpy(row->record_id, job->record.id, 32);
        memcpy(row->decider, who.person, 32);
        err = kr_draft_put(step->txn, row);
    }
    free(row);
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
        sweep->row->state != KR_DRAFT_WAITS && sweep->row->state != KR_DRAFT_RETURNED) {
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
            uint8_t key[KEY_BYTES];
            row_key(key, sweep->tokens[i]);
            err = kr_store_delete(step->txn, KR_TABLE_DRAFTS, key, sizeof key);
        }
    }
    free(sweep);
    free(row);
    return err;
}
