/* What clients ask about taking back: a retraction or revision of a record of this council's, what waits here, and the operator's
 * word. The record is made by a job and stored like any other submission (submit.c). */
#include <stdlib.h>
#include <string.h>

#include "node/core/about.h"
#include "node/core/takeback.h"
#include "proto/record/body.h"

#define LISTED_COUNCIL_MAX 64u   /* of one council */
#define LISTED_MAX         1024u /* of all */

/* ---- the record that is meant ---- */

struct target {
    struct kr_head head;
    uint8_t scratch[KR_HEAD_SCRATCH];
    uint8_t *bytes;
    struct kr_record record; /* borrowed from bytes */
    struct kr_header header;
};

static enum kr_err answered(enum kr_err err)
{
    return err != KR_OK ? err : KR_CANCELLED;
}

/* Why it cannot be taken back; KR_OK where it can. */
static enum kr_err check_target(struct kr_step *step, const struct kr_event *event, const struct target *target)
{
    const struct kr_head *head = &target->head;
    struct kr_taken_row row;
    char name[KR_NAME_BYTES_MAX + 1];
    if (memcmp(head->author, step->core->self, 32) != 0) {
        return answered(kr_step_error(step, event->client, event->request, KR_DENIED,
                                      "only its author can take a record back: ask %s to do it",
                                      kr_core_name(step->core, head->author, event->speaks_japanese, name, sizeof name)));
    }
    if (kr_kind_is_of_council(head->kind)) {
        return answered(
            kr_step_error(step, event->client, event->request, KR_DENIED,
                          "a card, charter, vouch or the name of a body is not taken back like this: a newer version replaces it "
                          "(a name: `kairan body set NAME --unlisted`)"));
    }
    if (head->kind == KR_KIND_RETRACTION) {
        return answered(kr_step_error(step, event->client, event->request, KR_DENIED,
                                      "a retraction is final: submit the record anew if it was right after all"));
    }
    enum kr_err err = kr_taken_get(step->txn, head->id, head->author, &row);
    if (err == KR_OK) {
        return answered(kr_step_error(step, event->client, event->request, KR_EXISTS,
                                      row.kind == KR_KIND_REVISION
                                          ? "this record was revised already: name the revision instead, see `kairan show`"
                                          : "this record was taken back already: see `kairan show`"));
    }
    if (err != KR_NOT_FOUND) {
        return err;
    }
    if (head->expires_s <= step->now_ms / 1000 || head->state != KR_HEAD_SHOWN) {
        return answered(kr_step_error(step, event->client, event->request, KR_EXPIRED,
                                      "this record has expired: it is shown nowhere any more, and there is nothing to take back"));
    }
    return KR_OK;
}

/* KR_CANCELLED: the client has its answer. */
static enum kr_err find_target(struct kr_step *step, const struct kr_event *event, struct kr_slice id, struct target *target)
{
    uint64_t arrival;
    size_t len;
    enum kr_err err = id.len == 32 ? kr_store_record_find(step->txn, id.bytes, &arrival)
                                   : kr_store_record_find_prefix(step->txn, id.bytes, id.len, &arrival);
    if (err == KR_EXISTS || err == KR_NOT_FOUND) {
        return answered(kr_step_error(step, event->client, event->request, err, "%s",
                                      err == KR_EXISTS ? "several records begin with this id: give more of it"
                                                       : "no record here has this id: see `kairan ls`"));
    }
    if (err == KR_OK) {
        err = kr_store_head_get(step->txn, arrival, &target->head, target->scratch);
    }
    if (err == KR_OK) {
        err = check_target(step, event, target);
    }
    if (err == KR_OK) {
        err = kr_store_record_get(step->txn, arrival, &target->bytes, &len);
    }
    if (err == KR_OK && (kr_record_split(target->bytes, len, &target->record) != KR_OK ||
                         kr_header_parse(target->record.header, &target->header) != KR_OK)) {
        err = KR_CORRUPT;
    }
    if (err == KR_CORRUPT) {
        err = kr_step_log_damage(step, arrival);
        err = err != KR_OK ? err
                           : answered(kr_step_error(step, event->client, event->request, KR_CORRUPT,
                                                    "this record is damaged in the store: run `kairan verify`"));
    }
    return err;
}

/* ---- the draft ---- */

static enum kr_err make_draft(struct kr_step *step, const struct kr_event *event, uint32_t kind, const struct target *target,
                              const uint8_t token[static 16], struct kr_job *job)
{
    const struct kr_header *header = &target->header;
    kr_about_draft(step, event, kind, header, target->record.id, token, job);
    return kr_label_is_sealed(header->label) ? kr_about_address(step, header, job) : KR_OK;
}

static enum kr_err set_content(struct kr_job *job, uint32_t kind, struct kr_takeback *takeback, const struct target *target)
{
    struct kr_writer writer;
    takeback->target_header = target->record.header;
    takeback->target_signature = target->record.signature;
    kr_writer_init(&writer, KR_RECORD_BYTES_MAX);
    kr_takeback_write(kind, takeback, &writer);
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        err = kr_writer_take(&writer, &job->content, &job->content_len);
    }
    kr_writer_deinit(&writer);
    return err;
}

/* ---- retract ---- */

enum kr_err kr_retract_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_retract retract;
    bool may = false;
    struct kr_job *job = kr_job_new(KR_JOB_MAKE);
    struct target *target = calloc(1, sizeof *target);
    enum kr_err err = job != NULL && target != NULL ? KR_OK : KR_NOMEM;
    if (err != KR_OK) {
        goto out;
    }
    if (kr_retract_read(event->bytes, &retract) != KR_OK) {
        err = kr_step_error(step, event->client, event->request, KR_MALFORMED, "the request cannot be read");
        goto out;
    }
    if (retract.reason.len == 0) {
        err = kr_step_error(step, event->client, event->request, KR_INVALID,
                            "say why, for those who have it: --reason \"wrong host\"");
        goto out;
    }
    err = kr_submit_may(step, event, retract.token, &may);
    if (err != KR_OK || !may) {
        goto out;
    }
    err = find_target(step, event, retract.id, target);
    if (err == KR_OK) {
        err = make_draft(step, event, KR_KIND_RETRACTION, target, retract.token, job);
    }
    if (err == KR_OK) {
        struct kr_takeback takeback = {.reason = retract.reason, .language = retract.language};
        err = set_content(job, KR_KIND_RETRACTION, &takeback, target);
    }
    if (err == KR_OK) {
        struct kr_job *leaving = job;
        job = NULL;
        err = kr_step_job(step, leaving);
    }
    err = err == KR_CANCELLED ? KR_OK : err;
out:
    if (target != NULL) {
        free(target->bytes);
    }
    free(target);
    kr_job_free(job);
    return err;
}

/* ---- revise ---- */

static enum kr_err check_revision(struct kr_step *step, const struct kr_event *event, const struct kr_submit *submit)
{
    if ((submit->kind != KR_KIND_REPORT && submit->kind != KR_KIND_ADVISORY) || submit->body.len == 0) {
        return answered(kr_step_error(step, event->client, event->request, KR_INVALID, "the revision cannot be read"));
    }
    if (submit->is_forced && submit->reason.len == 0) {
        return answered(kr_step_error(step, event->client, event->request, KR_INVALID, "overriding a guard needs a reason"));
    }
    return KR_OK;
}

/* A revision lives at least as long as what it takes back. */
static enum kr_err set_expiry(struct kr_step *step, const struct kr_event *event, const struct kr_submit *submit,
                              struct kr_job *job)
{
    const uint64_t last_s = step->now_ms / 1000 + KR_EXPIRES_S_MAX - 86400u;
    if (submit->expires_s == 0) {
        return KR_OK;
    }
    if (submit->expires_s < job->draft.expires_s || submit->expires_s > last_s) {
        return answered(kr_step_error(step, event->client, event->request, KR_INVALID,
                                      "a revision expires no earlier than the record that it takes back, and within ten years"));
    }
    job->draft.expires_s = submit->expires_s;
    return KR_OK;
}

static enum kr_err set_force(const struct kr_submit *submit, struct kr_job *job)
{
    if (!submit->is_forced) {
        return KR_OK;
    }
    job->skips_guards = true;
    job->reason = malloc(submit->reason.len);
    if (job->reason == NULL) {
        return KR_NOMEM;
    }
    memcpy(job->reason, submit->reason.bytes, submit->reason.len);
    job->reason_len = submit->reason.len;
    return KR_OK;
}

enum kr_err kr_revise_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_slice id;
    bool may = false;
    struct kr_job *job = kr_job_new(KR_JOB_MAKE);
    struct target *target = calloc(1, sizeof *target);
    struct kr_submit *submit = malloc(sizeof *submit);
    enum kr_err err = job != NULL && target != NULL && submit != NULL ? KR_OK : KR_NOMEM;
    if (err != KR_OK) {
        goto out;
    }
    if (kr_revise_read(event->bytes, &id, submit) != KR_OK) {
        err = kr_step_error(step, event->client, event->request, KR_MALFORMED, "the request cannot be read");
        goto out;
    }
    err = check_revision(step, event, submit);
    if (err == KR_OK) {
        err = kr_submit_may(step, event, submit->token, &may);
        err = err == KR_OK && !may ? KR_CANCELLED : err;
    }
    if (err == KR_OK) {
        err = find_target(step, event, id, target);
    }
    if (err == KR_OK) {
        err = make_draft(step, event, KR_KIND_REVISION, target, submit->token, job);
    }
    if (err == KR_OK) {
        err = set_expiry(step, event, submit, job);
    }
    if (err == KR_OK) {
        err = set_force(submit, job);
    }
    if (err == KR_OK) {
        struct kr_takeback takeback = {.content_kind = submit->kind, .content = submit->body};
        err = set_content(job, KR_KIND_REVISION, &takeback, target);
    }
    if (err == KR_OK) {
        struct kr_job *leaving = job;
        job->guards = kr_guards_hold(step->core->options.guards);
        job->is_bulk = submit->body.len > KR_BULK_BYTES_MIN;
        job = NULL;
        err = kr_step_job(step, leaving);
    }
    err = err == KR_CANCELLED ? KR_OK : err;
out:
    if (target != NULL) {
        free(target->bytes);
    }
    free(target);
    free(submit);
    kr_job_free(job);
    return err;
}

enum kr_err kr_takeback_made(struct kr_step *step, const struct kr_job *job)
{
    struct kr_taken_row row;
    enum kr_err err = kr_taken_get(step->txn, job->header.target, job->header.author, &row);
    if (err == KR_OK) {
        return answered(
            kr_step_error(step, job->client, job->request, KR_EXISTS, "this record was taken back already: see `kairan show`"));
    }
    return err == KR_NOT_FOUND ? KR_OK : err;
}

/* ---- what waits ---- */

struct listing {
    struct kr_step *step;
    const struct kr_event *event;
    uint32_t left;
    enum kr_err err;
    uint8_t scratch[KR_HEAD_SCRATCH];
};

static enum kr_err list_one(struct listing *listing, uint64_t arrival, uint64_t total)
{
    struct kr_head head;
    struct kr_waiting waiting = {.total = total};
    struct kr_writer item;
    char name[KR_NAME_BYTES_MAX + 1];
    enum kr_err err = kr_store_head_get(listing->step->txn, arrival, &head, listing->scratch);
    if (err != KR_OK) {
        return err == KR_CORRUPT || err == KR_NOT_FOUND ? KR_OK : err;
    }
    kr_core_summarise(listing->step->core, &head, listing->event->speaks_japanese, name, sizeof name, &waiting.record);
    kr_writer_init(&item, 8 * KR_KIB);
    kr_waiting_write(&waiting, &item);
    err = kr_step_item(listing->step, listing->event->client, listing->event->request, &item);
    kr_writer_deinit(&item);
    return err;
}

static bool list_council(void *context, const uint8_t author[static 32], uint64_t total)
{
    struct listing *listing = context;
    uint64_t arrivals[LISTED_COUNCIL_MAX];
    uint32_t count = 0, max = listing->left < LISTED_COUNCIL_MAX ? listing->left : LISTED_COUNCIL_MAX;
    listing->err = kr_takeback_waiting(listing->step, author, arrivals, max, &count);
    for (uint32_t i = 0; i < count && listing->err == KR_OK; i++) {
        listing->err = list_one(listing, arrivals[i], total);
    }
    listing->left -= count;
    return listing->err == KR_OK && listing->left > 0;
}

static enum kr_err end_with(struct kr_step *step, const struct kr_event *event, const uint64_t *number)
{
    struct kr_writer result;
    kr_writer_init(&result, KR_KIB);
    kr_writer_array(&result, number != NULL ? 1 : 0);
    if (number != NULL) {
        kr_writer_uint(&result, *number);
    }
    enum kr_err err = kr_step_end(step, event->client, event->request, &result);
    kr_writer_deinit(&result);
    return err;
}

enum kr_err kr_retractions_request(struct kr_step *step, const struct kr_event *event)
{
    struct listing *listing = calloc(1, sizeof *listing);
    if (listing == NULL) {
        return KR_NOMEM;
    }
    listing->step = step;
    listing->event = event;
    listing->left = LISTED_MAX;
    enum kr_err err = kr_takeback_each_council(step, list_council, listing);
    err = err == KR_OK ? listing->err : err;
    free(listing);
    return err == KR_OK ? end_with(step, event, NULL) : err;
}

static enum kr_err confirm_one(struct kr_step *step, const struct kr_event *event, struct kr_slice id, uint64_t *ret_count)
{
    uint64_t arrival;
    struct kr_head head;
    uint8_t scratch[KR_HEAD_SCRATCH];
    enum kr_err err = id.len == 32  ? kr_store_record_find(step->txn, id.bytes, &arrival)
                      : id.len >= 4 ? kr_store_record_find_prefix(step->txn, id.bytes, id.len, &arrival)
                                    : KR_NOT_FOUND;
    if (err == KR_OK) {
        err = kr_store_head_get(step->txn, arrival, &head, scratch);
    }
    if (err == KR_OK) {
        err = kr_kind_takes_back(head.kind) ? kr_takeback_confirm_one(step, &head) : KR_NOT_FOUND;
    }
    *ret_count = 1;
    if (err == KR_EXISTS || err == KR_NOT_FOUND || err == KR_CORRUPT) {
        return answered(kr_step_error(step, event->client, event->request, err, "%s",
                                      err == KR_EXISTS ? "several records begin with this id: give more of it"
                                                       : "no retraction with this id waits here: see `kairan retractions`"));
    }
    return err;
}

enum kr_err kr_confirm_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_confirm confirm;
    uint64_t count = 0;
    if (kr_confirm_read(event->bytes, &confirm) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "the request cannot be read");
    }
    enum kr_err err =
        confirm.has_council ? kr_takeback_confirm(step, confirm.council, &count) : confirm_one(step, event, confirm.id, &count);
    if (err == KR_OK && count == 0) {
        err = answered(kr_step_error(step, event->client, event->request, KR_NOT_FOUND,
                                     "no retraction of this council waits here: see `kairan retractions`"));
    }
    if (err == KR_CANCELLED) {
        return KR_OK;
    }
    return err == KR_OK ? end_with(step, event, &count) : err;
}
