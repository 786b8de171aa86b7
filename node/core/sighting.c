/* A client's sighting, from the request to the job that makes it; it is stored like any submission (submit.c). */
#include "node/core/sighting.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/about.h"
#include "node/core/takeback.h"
#include "proto/record/body.h"

/* It may be seen by exactly those who may see its target, or says more widely what is not for all of them. */
static bool goes_as_far(const struct kr_head *sighting, const struct kr_head *target)
{
    return sighting->label == target->label && sighting->flags == target->flags &&
           sighting->has_community == target->has_community && memcmp(sighting->community, target->community, 32) == 0;
}

enum kr_err kr_sighting_is_moot(struct kr_txn *txn, const struct kr_head *head, uint64_t now_ms, bool *ret_is_moot)
{
    struct kr_head target;
    uint64_t arrival;
    *ret_is_moot = false;
    if (head->kind != KR_KIND_SIGHTING || !head->has_target) {
        return KR_OK;
    }
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    enum kr_err err = scratch == NULL ? KR_NOMEM : kr_store_record_find(txn, head->target, &arrival);
    if (err == KR_OK) {
        err = kr_store_head_get(txn, arrival, &target, scratch);
        *ret_is_moot =
            err == KR_OK && (target.state != KR_HEAD_SHOWN || target.expires_s <= now_ms / 1000 || !goes_as_far(head, &target));
    }
    free(scratch);
    return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err; /* nobody knows that it was taken back */
}

struct target {
    struct kr_head head;
    uint8_t scratch[KR_HEAD_SCRATCH];
    uint8_t *bytes, *content;
    size_t content_len;
    struct kr_header header; /* borrowed from bytes */
};

static enum kr_err refuse(struct kr_step *step, const struct kr_event *event, enum kr_err code, const char *why)
{
    enum kr_err err = kr_step_error(step, event->client, event->request, code, "%s", why);
    return err != KR_OK ? err : KR_CANCELLED;
}

/* Whether our people may say something about it: they must be able to read it. KR_CANCELLED: the client has its answer. */
static enum kr_err check_target(struct kr_step *step, const struct kr_event *event, const struct kr_head *head)
{
    enum kr_policy_reason reason = KR_POLICY_DENY_UNLABELLED;
    const bool is_meant = head->kind == KR_KIND_REPORT || head->kind == KR_KIND_ADVISORY || head->kind == KR_KIND_REVISION;
    if (head->state == KR_HEAD_QUARANTINED || head->created_ms > step->now_ms + KR_FUTURE_MS_MAX) {
        return refuse(step, event, KR_NOT_FOUND, "no record here has this id: see `kairan ls`");
    }
    if (head->state != KR_HEAD_SHOWN || head->expires_s <= step->now_ms / 1000) {
        return refuse(step, event, KR_EXPIRED, "this record was taken back or has expired: there is nothing to be seen of it");
    }
    if (!is_meant) {
        return refuse(step, event, KR_DENIED, "sightings are of reports and advisories");
    }
    enum kr_err err = kr_policy_of_head(step->core, KR_POLICY_READ, head, step->core->self, &reason);
    if (err == KR_OK && (!kr_policy_is_allowed(reason) || !head->is_ours_to_read)) {
        return refuse(step, event, KR_DENIED,
                      "this council's people may not read that record, so that it cannot say what was seen of it");
    }
    return err;
}

static enum kr_err open_target(struct kr_step *step, uint64_t arrival, struct target *target)
{
    struct kr_record record;
    size_t len;
    enum kr_err err = kr_store_record_get(step->txn, arrival, &target->bytes, &len);
    if (err == KR_OK &&
        (kr_record_split(target->bytes, len, &record) != KR_OK || kr_header_parse(record.header, &target->header) != KR_OK)) {
        err = KR_CORRUPT;
    }
    if (err == KR_OK) {
        err = kr_record_open(&record, &target->header, step->core->keyring, &target->content, &target->content_len);
        err = err == KR_OK || err == KR_NOMEM ? err : KR_CORRUPT;
    }
    return err;
}

static enum kr_err find_target(struct kr_step *step, const struct kr_event *event, struct kr_slice id, struct target *target)
{
    uint64_t arrival;
    enum kr_err err = id.len == 32 ? kr_store_record_find(step->txn, id.bytes, &arrival)
                                   : kr_store_record_find_prefix(step->txn, id.bytes, id.len, &arrival);
    if (err == KR_EXISTS || err == KR_NOT_FOUND) {
        return refuse(step, event, err,
                      err == KR_EXISTS ? "several records begin with this id: give more of it"
                                       : "no record here has this id: see `kairan ls`");
    }
    if (err == KR_OK) {
        err = kr_store_head_get(step->txn, arrival, &target->head, target->scratch);
    }
    if (err == KR_OK) {
        err = check_target(step, event, &target->head);
    }
    if (err == KR_OK) {
        err = open_target(step, arrival, target);
    }
    if (err == KR_CORRUPT) { /* of this record alone: nobody else's batch has to suffer for it */
        err = kr_step_log_damage(step, arrival);
        err = err != KR_OK ? err : refuse(step, event, KR_CORRUPT, "this record is damaged in the store: run `kairan verify`");
    }
    return err;
}

static bool has_indicator(const struct target *target, const struct kr_sighting *sighting)
{
    static _Thread_local struct kr_report report;
    struct kr_slice content = {target->content, target->content_len};
    struct kr_reader reader;
    uint32_t kind;
    if (kr_content_to_read(target->head.kind, content, &kind, &content) != KR_OK || kind != KR_KIND_REPORT ||
        kr_report_parse_again(content, &report) != KR_OK) {
        return false;
    }
    kr_reader_init(&reader, report.indicators.bytes, report.indicators.len);
    uint32_t count = kr_reader_array_between(&reader, 0, KR_REPORT_INDICATORS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct kr_report_indicator indicator;
        kr_report_indicator_read(&reader, &indicator);
        if (reader.err == KR_OK && indicator.type == sighting->type && indicator.value.len == sighting->value.len &&
            memcmp(indicator.value.bytes, sighting->value.bytes, sighting->value.len) == 0) {
            return true;
        }
    }
    return false;
}

static enum kr_err make_job(struct kr_step *step, const struct kr_event *event, const struct target *target,
                            const struct kr_sight *sight, struct kr_job *job)
{
    const struct kr_header *header = &target->header;
    struct kr_writer writer;
    kr_about_draft(step, event, KR_KIND_SIGHTING, header, target->head.id, sight->token, job);
    kr_writer_init(&writer, 4 * KR_KIB);
    kr_sighting_write(&sight->sighting, &writer);
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        err = kr_writer_take(&writer, &job->content, &job->content_len);
    }
    kr_writer_deinit(&writer);
    return err == KR_OK && kr_label_is_sealed(header->label) ? kr_about_address(step, header, job) : err;
}

enum kr_err kr_sight_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_sight sight;
    bool may = false;
    struct kr_job *job = kr_job_new(KR_JOB_MAKE);
    struct target *target = calloc(1, sizeof *target);
    enum kr_err err = job != NULL && target != NULL ? KR_OK : KR_NOMEM;
    if (err == KR_OK && kr_sight_read(event->bytes, &sight) != KR_OK) {
        err = refuse(step, event, KR_MALFORMED, "the request cannot be read");
    }
    if (err == KR_OK) {
        err = kr_submit_may(step, event, sight.token, &may);
        err = err == KR_OK && !may ? KR_CANCELLED : err;
    }
    if (err == KR_OK) {
        err = find_target(step, event, sight.id, target);
    }
    if (err == KR_OK && sight.sighting.type != KR_INDICATOR_ANY && !has_indicator(target, &sight.sighting)) {
        err = refuse(step, event, KR_NOT_FOUND, "this record does not name that value: see `kairan show`");
    }
    if (err == KR_OK) {
        err = make_job(step, event, target, &sight, job);
    }
    if (err == KR_OK) {
        struct kr_job *leaving = job;
        job = NULL;
        err = kr_step_job(step, leaving);
    }
    if (target != NULL) {
        free(target->bytes);
        free(target->content);
    }
    free(target);
    kr_job_free(job);
    return err == KR_CANCELLED ? KR_OK : err;
}
