/* Statements of our own: cards, charters, vouches, signed with the root key. All are made here. */
#include <stdlib.h>
#include <string.h>

#include "node/core/restored.h"

void kr_statement_write_card(const void *what, struct kr_slice previous, struct kr_writer *writer)
{
    struct kr_card card = *(const struct kr_card *)what;
    card.previous = previous;
    kr_card_write(&card, writer);
}

void kr_statement_write_charter(const void *what, struct kr_slice previous, struct kr_writer *writer)
{
    struct kr_charter charter = *(const struct kr_charter *)what;
    charter.previous = previous;
    kr_charter_write(&charter, writer);
}

void kr_statement_write_vouch(const void *what, struct kr_slice previous, struct kr_writer *writer)
{
    struct kr_vouch vouch = *(const struct kr_vouch *)what;
    vouch.previous = previous;
    kr_vouch_write(&vouch, writer);
}

/* The one that stands where this one will; version 0: none does. Cards of all communities are counted together: whoever knows
 * several takes the one with the highest version. */
static enum kr_err find_standing(struct kr_step *step, const struct kr_statement *statement, struct kr_directory_entry *ret_entry)
{
    const uint8_t *self = step->core->self;
    struct kr_header header = {.kind = statement->kind};
    memcpy(header.author, self, 32);
    memcpy(header.subject, statement->subject, 32);
    if (statement->community != NULL) {
        memcpy(header.community, statement->community, 32);
    }
    *ret_entry = (struct kr_directory_entry){0};
    enum kr_err err = kr_admit_standing(step, &header, ret_entry);
    const struct kr_council *card =
        statement->kind == KR_KIND_COUNCIL_CARD ? kr_directory_council(&step->core->directory, self) : NULL;
    if (card != NULL && card->version >= ret_entry->version) {
        ret_entry->version = card->version;
        memcpy(ret_entry->record_id, card->record_id, 32);
    }
    return err == KR_NOT_FOUND ? KR_OK : err;
}

/* What is signed of it; `content` borrowed. */
static void fill_draft(struct kr_step *step, const struct kr_statement *statement, uint64_t version, const uint8_t *root,
                       struct kr_job *job)
{
    memcpy(job->subject, statement->subject, 32);
    job->draft = (struct kr_draft){
        .kind = statement->kind,
        .created_ms = step->now_ms,
        .expires_s = step->now_ms / 1000 + KR_EXPIRES_S_MAX - 86400u,
        .label = statement->community != NULL ? KR_TLP_GREEN : KR_TLP_CLEAR,
        .subject = job->subject,
        .version = version,
    };
    if (statement->community != NULL) {
        memcpy(job->community, statement->community, 32);
        job->draft.community = job->community;
    }
    const struct kr_council *self = kr_directory_council(&step->core->directory, step->core->self);
    const uint8_t *in_force = self != NULL ? self->root_public : step->core->keyring->root_public;
    memcpy(job->root_key, root != NULL ? root : in_force, 32);
    memcpy(job->author, step->core->self, 32);
    kr_rng_bytes(step->rng, job->seed, sizeof job->seed);
}

/* `root` NULL: the key in force signs it. */
static enum kr_err make(struct kr_step *step, const struct kr_statement *statement, const uint8_t *root, struct kr_job **ret_job)
{
    struct kr_directory_entry standing;
    struct kr_writer content;
    struct kr_job *job = kr_job_new(KR_JOB_MAKE);
    if (job == NULL) {
        return KR_NOMEM;
    }
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    if (kr_restored_holds(step->core)) {
        kr_job_free(job);
        return KR_RESTORED;
    }
    enum kr_err err = find_standing(step, statement, &standing);
    if (err != KR_OK) {
        goto out;
    }
    statement->write(statement->what, (struct kr_slice){standing.record_id, standing.version > 0 ? 32 : 0}, &content);
    err = kr_writer_take(&content, &job->content, &job->content_len);
    if (err != KR_OK) {
        goto out;
    }
    fill_draft(step, statement, standing.version + 1, root, job);
    kr_job_run(job, step->core->keyring);
    err = job->err;
out:
    kr_writer_deinit(&content);
    if (err == KR_OK) {
        *ret_job = job;
        job = NULL;
    }
    kr_job_free(job);
    return err;
}

enum kr_err kr_statement_make(struct kr_step *step, const struct kr_statement *statement, struct kr_job **ret_job)
{
    return make(step, statement, NULL, ret_job);
}

enum kr_err kr_statement_put(struct kr_step *step, const struct kr_statement *statement)
{
    struct kr_job *job = NULL;
    enum kr_err verdict = KR_OK;
    uint64_t arrival;
    enum kr_err err = kr_statement_make(step, statement, &job);
    if (err == KR_OK && job->is_unsigned) {
        verdict = KR_KEY;
    } else if (err == KR_OK) {
        err = kr_admit(step, job, step->core->self, NULL, &verdict, &arrival);
    }
    kr_job_free(job);
    return err != KR_OK ? err : verdict;
}

/* ---- for clients ---- */

static enum kr_err refuse(struct kr_step *step, const struct kr_event *event, enum kr_err verdict)
{
    switch (verdict) {
    case KR_BOUNDS:
        return kr_step_error(step, event->client, event->request, verdict,
                             "there is no room for it: this council has made as many statements there as it may, or the community "
                             "has as many as it can hold");
    case KR_UNKNOWN_AUTHOR:
        return kr_step_error(step, event->client, event->request, KR_DENIED,
                             "this council's word does not count in that community: it never was a member");
    case KR_KEY:
        return kr_step_error(step, event->client, event->request, verdict,
                             "the root key of this node is not the one on the council's card");
    default:
        return kr_step_error(step, event->client, event->request, verdict, "nothing was signed: %s", kr_err_text(verdict));
    }
}

static enum kr_err answer(struct kr_step *step, const struct kr_event *event, const uint8_t id[static 32])
{
    struct kr_writer result;
    kr_writer_init(&result, KR_KIB);
    kr_writer_array(&result, 1);
    kr_writer_bin(&result, id, 32);
    enum kr_err err = kr_step_end(step, event->client, event->request, &result);
    kr_writer_deinit(&result);
    return err;
}

/* Whether all of them can be written: else none is. */
static enum kr_err foresee_all(struct kr_step *step, struct kr_job *const *jobs, uint32_t count, enum kr_err *ret_verdict)
{
    enum kr_err err = KR_OK;
    *ret_verdict = KR_OK;
    for (uint32_t i = 0; i < count && err == KR_OK && *ret_verdict == KR_OK; i++) {
        err = kr_admit_foresee(step, jobs[i], NULL, ret_verdict);
    }
    return err;
}

/* What is left for the root key to do, wherever it is. */
static enum kr_err give_to_sign(struct kr_step *step, const struct kr_event *event, struct kr_job *const *jobs, uint32_t count)
{
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        struct kr_writer item;
        kr_writer_init(&item, KR_RECORD_BYTES_MAX);
        kr_writer_raw(&item, jobs[i]->bytes, jobs[i]->len);
        err = kr_step_item(step, event->client, event->request, &item);
        kr_writer_deinit(&item);
    }
    return err;
}

static enum kr_err take_all(struct kr_step *step, const struct kr_event *event, struct kr_job *const *jobs, uint32_t count)
{
    enum kr_err verdict = KR_OK;
    bool is_unsigned = false;
    enum kr_err err = foresee_all(step, jobs, count, &verdict);
    for (uint32_t i = 0; i < count; i++) {
        is_unsigned = is_unsigned || jobs[i]->is_unsigned;
    }
    if (err == KR_OK && verdict == KR_OK && is_unsigned) {
        err = give_to_sign(step, event, jobs, count);
    } else {
        for (uint32_t i = 0; i < count && err == KR_OK && verdict == KR_OK; i++) {
            uint64_t arrival;
            err = kr_admit(step, jobs[i], step->core->self, NULL, &verdict, &arrival);
        }
    }
    if (err != KR_OK) {
        return err;
    }
    return verdict == KR_OK ? answer(step, event, jobs[0]->record.id) : refuse(step, event, verdict);
}

static enum kr_err ask(struct kr_step *step, const struct kr_event *event, const struct kr_statement *statements, uint32_t count,
                       const uint8_t *root)
{
    struct kr_job *jobs[KR_STATEMENTS_MAX] = {0};
    enum kr_err err = KR_OK;
    KR_ASSERT(count > 0 && count <= KR_STATEMENTS_MAX);
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        err = make(step, &statements[i], root, &jobs[i]);
    }
    if (err == KR_OK) {
        err = take_all(step, event, jobs, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        kr_job_free(jobs[i]);
    }
    return err;
}

enum kr_err kr_statement_ask(struct kr_step *step, const struct kr_event *event, const struct kr_statement *statements,
                             uint32_t count)
{
    return ask(step, event, statements, count, NULL);
}

enum kr_err kr_statement_ask_of(struct kr_step *step, const struct kr_event *event, const struct kr_statement *statements,
                                uint32_t count, const uint8_t root[static 32])
{
    return ask(step, event, statements, count, root);
}

/* ---- signed elsewhere ---- */

/* A record that the client says is a statement of ours. */
static enum kr_err check_signed(struct kr_step *step, struct kr_slice record, struct kr_job **ret_job, enum kr_err *ret_verdict)
{
    struct kr_job *job = kr_job_new(KR_JOB_CHECK);
    if (job == NULL) {
        return KR_NOMEM;
    }
    *ret_job = job;
    job->bytes = malloc(record.len);
    if (job->bytes == NULL) {
        return KR_NOMEM;
    }
    memcpy(job->bytes, record.bytes, record.len);
    job->len = record.len;
    kr_job_run(job, step->core->keyring);
    *ret_verdict = job->err;
    if (job->err == KR_OK && (!kr_kind_is_statement(job->header.kind) || job->record.is_header_only ||
                              memcmp(job->header.author, step->core->self, 32) != 0)) {
        *ret_verdict = KR_INVALID;
    }
    return job->err == KR_NOMEM ? KR_NOMEM : KR_OK;
}

/* Whether it still comes next: two statements of one version would raise an alarm at every node. */
static enum kr_err is_next(struct kr_step *step, const struct kr_job *job, enum kr_err *ret_verdict)
{
    const struct kr_header *header = &job->header;
    const struct kr_statement statement = {
        .kind = header->kind, .community = header->has_community ? header->community : NULL, .subject = header->subject};
    struct kr_directory_entry standing;
    enum kr_err err = find_standing(step, &statement, &standing);
    if (err == KR_OK && header->version != standing.version + 1) {
        *ret_verdict = KR_EXISTS;
    }
    return err;
}

/* Two of them in one place would be two statements of one version. */
static bool are_in_one_place(const struct kr_header *a, const struct kr_header *b)
{
    return a->kind == b->kind && memcmp(a->community, b->community, 32) == 0 && memcmp(a->subject, b->subject, 32) == 0;
}

enum kr_err kr_state_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_job *jobs[KR_STATEMENTS_MAX] = {0};
    struct kr_stated stated;
    enum kr_err err = KR_OK, verdict = kr_stated_read(event->bytes, &stated);
    if (verdict != KR_OK) {
        return kr_step_error(step, event->client, event->request, verdict, "these are no statements");
    }
    for (uint32_t i = 0; i < stated.count && err == KR_OK && verdict == KR_OK; i++) {
        err = check_signed(step, stated.records[i], &jobs[i], &verdict);
        if (err == KR_OK && verdict == KR_OK) {
            err = is_next(step, jobs[i], &verdict);
        }
        for (uint32_t j = 0; j < i && err == KR_OK && verdict == KR_OK; j++) {
            verdict = are_in_one_place(&jobs[j]->header, &jobs[i]->header) ? KR_INVALID : KR_OK;
        }
    }
    if (err == KR_OK && verdict == KR_OK) {
        err = take_all(step, event, jobs, stated.count);
    } else if (err == KR_OK) {
        err = verdict == KR_EXISTS
                  ? kr_step_error(step, event->client, event->request, KR_EXISTS,
                                  "another statement was made in the meantime: begin again, nothing was changed by this one")
                  : refuse(step, event, verdict);
    }
    for (uint32_t i = 0; i < stated.count; i++) {
        kr_job_free(jobs[i]);
    }
    return err;
}
