#include "node/core/internal.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/draft.h"
#include "node/core/enrol_shared.h"
#include "node/core/internal_bound.h"
#include "node/core/people.h"
#include "node/core/root_confirm.h"
#include "node/core/rotate.h"
#include "node/core/sister.h"
#include "proto/record/duty.h"
#include "proto/record/peer_link.h"
#include "proto/record/peer_root.h"
#include "proto/record/ticket_word.h"

static enum kr_err make(struct kr_step *step, const struct kr_internal *what, struct kr_writer *content, struct kr_job *job)
{
    const struct kr_core *core = step->core;
    enum kr_err err = kr_writer_take(content, &job->content, &job->content_len);
    job->audience = malloc(32);
    job->recipients = malloc(32);
    if (err != KR_OK || job->audience == NULL || job->recipients == NULL) {
        return err != KR_OK ? err : KR_NOMEM;
    }
    if (core->keyring->sealing_count == 0) {
        return KR_BUSY; /* another node of this council is about to give it to us */
    }
    memcpy(job->audience[0], core->self, 32);
    memcpy(job->recipients[0], kr_keys_own_sealing(core, step->now_ms), 32);
    memcpy(job->author, core->self, 32);
    memcpy(job->subject, what->subject, 32);
    job->draft = (struct kr_draft){.kind = what->kind,
                                   .created_ms = step->now_ms,
                                   .expires_s = what->expires_s,
                                   .label = KR_TLP_AMBER_STRICT,
                                   .audience_count = 1,
                                   .recipient_count = 1,
                                   .subject = job->subject,
                                   .version = what->version};
    kr_rng_bytes(step->rng, job->seed, sizeof job->seed);
    kr_job_run(job, core->keyring);
    return job->err;
}

enum kr_err kr_internal_put(struct kr_step *step, const struct kr_internal *what, struct kr_writer *content,
                            enum kr_err *ret_verdict)
{
    uint64_t arrival;
    struct kr_job *job = kr_job_new(KR_JOB_MAKE);
    enum kr_err err = job == NULL ? KR_NOMEM : make(step, what, content, job);
    if (err == KR_OK) {
        err = kr_admit(step, job, step->core->self, NULL, ret_verdict, &arrival);
    } else if (err != KR_NOMEM) { /* such a one cannot be */
        *ret_verdict = err;
        err = KR_OK;
    }
    kr_job_free(job);
    kr_writer_deinit(content);
    return err;
}

enum kr_err kr_internal_standing(struct kr_step *step, uint32_t kind, const uint8_t subject[static 32],
                                 struct kr_directory_entry *ret_entry)
{
    struct kr_header header = {.kind = kind};
    memcpy(header.author, step->core->self, 32);
    memcpy(header.subject, subject, 32);
    return kr_admit_standing(step, &header, ret_entry);
}

enum kr_err kr_internal_open(struct kr_txn *txn, const struct kr_keyring *keyring, const uint8_t record_id[static 32],
                             uint8_t **ret_content, size_t *ret_len)
{
    struct kr_record record;
    struct kr_header header;
    uint8_t *bytes = NULL;
    uint64_t arrival;
    size_t len;
    enum kr_err err = kr_store_record_find(txn, record_id, &arrival);
    if (err == KR_OK) {
        err = kr_store_record_get(txn, arrival, &bytes, &len);
    }
    if (err == KR_OK && (kr_record_split(bytes, len, &record) != KR_OK || kr_header_parse(record.header, &header) != KR_OK)) {
        err = KR_CORRUPT;
    }
    if (err == KR_OK) {
        err = kr_record_open(&record, &header, keyring, ret_content, ret_len);
        err = err == KR_OK || err == KR_NOMEM ? err : KR_CORRUPT;
    }
    free(bytes);
    return err;
}

enum kr_err kr_internal_check(uint32_t kind, struct kr_slice content)
{
    struct kr_body_card body;
    struct kr_person_card person;
    struct kr_body_key key;
    struct kr_peer_link link;
    struct kr_peer_root root;
    struct kr_ticket_word word;
    switch (kind) {
    case KR_KIND_BODY_CARD:
        return kr_body_card_parse(content, &body);
    case KR_KIND_PERSON_CARD:
        return kr_person_card_parse(content, &person);
    case KR_KIND_DRAFT:
        return kr_draft_content_check(content);
    case KR_KIND_DUTY:
        return kr_duty_check(content);
    case KR_KIND_PEER_LINK:
        return kr_peer_link_parse(content, &link);
    case KR_KIND_PEER_ROOT:
        return kr_peer_root_parse(content, &root);
    case KR_KIND_TICKET:
        return kr_ticket_word_parse(content, &word);
    default:
        return kr_body_key_parse(content, &key);
    }
}

enum kr_err kr_internal_fits(struct kr_step *step, const struct kr_header *header, struct kr_slice content, bool is_made_here)
{
    if (!header->has_subject || header->has_community) {
        return KR_MALFORMED;
    }
    switch (header->kind) {
    case KR_KIND_DRAFT:
        return kr_draft_fits(header, content);
    case KR_KIND_DUTY:
        return kr_duty_check(content);
    case KR_KIND_PEER_LINK:
        return kr_links_shared_fits(step, header, content);
    case KR_KIND_PEER_ROOT:
        return kr_root_shared_fits(step, header, content);
    case KR_KIND_TICKET:
        return kr_ticket_word_fits(header, content);
    default:
        return is_made_here ? kr_people_fits(step->txn, header, content) : kr_people_check(header, content);
    }
}

/* What hangs on people is looked at when the batch ends: watches, and whom net lets in. */
static enum kr_err take_person(struct kr_step *step, const struct kr_header *header, struct kr_slice content)
{
    bool has_keys = false;
    enum kr_err err = kr_people_take(step->txn, header, content, &has_keys);
    step->core->people_are_stale = true;
    step->core->keys_are_stale = step->core->keys_are_stale || has_keys;
    err = err == KR_OK ? kr_machines_are_due(step) : err;
    const bool is_made_here = memcmp(header->signing_key, kr_keys_signing(step->core).public_key, 32) == 0;
    return err == KR_OK && header->kind == KR_KIND_BODY_CARD ? kr_body_notices_card(step, is_made_here) : err;
}

enum kr_err kr_internal_take(struct kr_step *step, const struct kr_header *header, struct kr_slice content)
{
    struct kr_machine machine;
    enum kr_err err = KR_OK;
    switch (header->kind) {
    case KR_KIND_DRAFT:
        return kr_draft_take(step, header, content);
    case KR_KIND_DUTY:
        return KR_OK; /* it is read where it stands */
    case KR_KIND_PEER_LINK:
        return kr_links_shared_take(step, header, content);
    case KR_KIND_PEER_ROOT:
        return kr_root_shared_take(step, header, content);
    case KR_KIND_TICKET:
        return kr_ticket_word_take(step, content);
    default:
        err = kr_machine_find(step, &machine); /* every node has a name of its own before it takes the first person */
        return err == KR_OK ? take_person(step, header, content) : err;
    }
}

enum kr_err kr_internal_expire(struct kr_step *step, const struct kr_head *head)
{
    struct kr_directory_entry entry;
    struct kr_header header = {.kind = head->kind};
    if (head->kind != KR_KIND_DRAFT && head->kind != KR_KIND_DUTY && head->kind != KR_KIND_TICKET) {
        return KR_EXISTS;
    }
    memcpy(header.author, head->author, 32);
    memcpy(header.subject, head->subject, 32);
    enum kr_err err = kr_admit_standing(step, &header, &entry);
    if (err != KR_OK || memcmp(entry.record_id, head->id, 32) != 0) {
        return err == KR_NOT_FOUND ? KR_OK : err;
    }
    err = kr_internal_row_drop(step, &header);
    if (err == KR_OK) {
        err = kr_admit_leave(step, &header, head->id);
    }
    if (err == KR_OK && head->kind == KR_KIND_TICKET) {
        return kr_ticket_word_leave(step, head->id);
    }
    return err == KR_OK && head->kind == KR_KIND_DRAFT ? kr_draft_expire(step->txn, head->subject) : err;
}
