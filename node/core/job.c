#include "node/core/job.h"
#include "crypto/fault.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "node/core/internal.h"
#include "proto/indicator/indicator.h"
#include "proto/record/body.h"
#include "proto/record/body_notice.h"
#include "proto/record/section.h"
#include "proto/record/takeback.h"

struct kr_job *kr_job_new(enum kr_job_kind kind)
{
    struct kr_job *job = calloc(1, sizeof *job);
    if (job != NULL) {
        job->kind = kind;
    }
    return job;
}

void kr_job_free(struct kr_job *job)
{
    if (job == NULL) {
        return;
    }
    kr_guards_free(job->guards);
    free(job->audience);
    free(job->recipients);
    if (job->content != NULL) {
        sodium_memzero(job->content, job->content_len);
    }
    free(job->content);
    if (job->reason != NULL) {
        sodium_memzero(job->reason, job->reason_len);
    }
    free(job->reason);
    free(job->bytes);
    free(job->asked);
    free(job->preview);
    free(job->terms);
    sodium_memzero(job, sizeof *job);
    free(job);
}

struct term_sink {
    struct kr_job *job;
    const struct kr_keyring *keyring;
    uint16_t position;
    size_t capacity;
    bool is_out_of_memory;
};

static bool add_term(void *context, uint8_t type, const uint8_t *bytes, size_t len)
{
    struct term_sink *sink = context;
    struct kr_job *job = sink->job;
    if (job->term_count == sink->capacity) {
        size_t capacity = sink->capacity == 0 ? 4 : sink->capacity * 2;
        struct kr_term_entry *terms = realloc(job->terms, capacity * sizeof *terms);
        if (terms == NULL) {
            sink->is_out_of_memory = true;
            return false;
        }
        job->terms = terms;
        sink->capacity = capacity;
    }
    struct kr_term_entry *entry = &job->terms[job->term_count++];
    kr_term(entry->term, sink->keyring->term_key, sink->keyring->term_generation, type, bytes, len);
    entry->arrival = 0;
    entry->position = sink->position;
    kr_prefixes_add(&job->prefixes, type, bytes, len);
    return true;
}

static void take_title(struct kr_job *job, struct kr_slice title)
{
    size_t len = title.len < sizeof job->title ? title.len : sizeof job->title;
    /* Cut between characters: step back over continuation bytes. */
    while (len < title.len && len > 0 && (title.bytes[len] & 0xC0) == 0x80) {
        len--;
    }
    if (len > 0) {
        memcpy(job->title, title.bytes, len);
    }
    job->title_len = len;
}

/* A report leads to its record once for each term, whatever it repeats: else one alone could be a value's whole list. Sorted, so
 * the lowest position comes first. */
static void drop_doubles(struct kr_job *job)
{
    size_t kept = 0;
    for (size_t i = 0; i < job->term_count; i++) {
        if (kept == 0 || memcmp(job->terms[kept - 1].term, job->terms[i].term, KR_TERM_BYTES) != 0) {
            job->terms[kept++] = job->terms[i];
        }
    }
    job->term_count = kept;
}

static enum kr_err index_report(struct kr_job *job, struct kr_slice content, const struct kr_keyring *keyring)
{
    static _Thread_local struct kr_report report; /* a kilobyte and more of slices: not on every stack */
    enum kr_err err = kr_report_parse(content, &report);
    if (err != KR_OK) {
        return err;
    }
    take_title(job, report.title);
    job->severity = report.severity;
    job->indicator_count = report.indicator_count;
    struct kr_reader reader;
    kr_reader_init(&reader, report.indicators.bytes, report.indicators.len);
    uint32_t count = kr_reader_array_between(&reader, 0, KR_REPORT_INDICATORS_MAX);
    struct term_sink sink = {.job = job, .keyring = keyring};
    for (uint32_t i = 0; i < count; i++) {
        struct kr_report_indicator indicator;
        kr_report_indicator_read(&reader, &indicator);
        if (indicator.type > KR_INDICATOR_TYPE_MAX) {
            continue; /* a newer program's type: kept in the report, not looked up */
        }
        if (job->kind == KR_JOB_MAKE && !job->skips_guards) {
            job->guarded_list = kr_guards_check(job->guards, indicator.type, indicator.value);
            if (job->guarded_list != NULL) {
                job->guarded_index = i;
                return KR_GUARDED;
            }
        }
        sink.position = (uint16_t)i;
        kr_indicator_index_keys(indicator.type, indicator.value.bytes, indicator.value.len, add_term, &sink);
        if (sink.is_out_of_memory) {
            return KR_NOMEM;
        }
    }
    uint8_t key[KR_ORIGIN_KEY_BYTES_MAX];
    size_t key_len = kr_report_origin_key(report.origin_organisation, report.origin_id, key);
    sink.position = 0;
    if (key_len > 0 && !add_term(&sink, KR_INDICATOR_ORIGIN, key, key_len)) {
        return KR_NOMEM;
    }
    kr_store_terms_sort(job->terms, job->term_count);
    drop_doubles(job);
    return KR_OK;
}

/* Its title is what was seen. It is found by its target alone: look-ups show what is said of a value, not how often it was met. */
static enum kr_err index_sighting(struct kr_job *job, struct kr_slice content, const struct kr_keyring *keyring)
{
    static _Thread_local char print[KR_INDICATOR_PRINT_BYTES_MAX];
    struct kr_sighting sighting;
    struct term_sink sink = {.job = job, .keyring = keyring};
    const uint8_t *target = job->kind == KR_JOB_MAKE ? job->draft.target : job->header.has_target ? job->header.target : NULL;
    enum kr_err err = target != NULL ? kr_sighting_parse(content, &sighting) : KR_MALFORMED;
    if (err != KR_OK) {
        return err;
    }
    if (sighting.value.len > 0 &&
        kr_indicator_print(sighting.type, sighting.value.bytes, sighting.value.len, print, sizeof print) == KR_OK) {
        take_title(job, (struct kr_slice){(const uint8_t *)print, strlen(print)});
    }
    return add_term(&sink, KR_INDICATOR_SIGHTED, target, 32) ? KR_OK : KR_NOMEM;
}

static enum kr_err index_body_notice(struct kr_job *job, struct kr_slice content)
{
    struct kr_body_notice notice;
    enum kr_err err = kr_body_notice_parse(content, &notice);
    if (err == KR_OK) {
        take_title(job, notice.name_ja.len > 0 ? notice.name_ja : notice.name_en);
    }
    return err;
}

static enum kr_err index_content(struct kr_job *job, uint32_t kind, const struct kr_keyring *keyring)
{
    struct kr_slice content = {job->content, job->content_len};
    if (kind == KR_KIND_RETRACTION) {
        struct kr_takeback takeback;
        enum kr_err err = kr_takeback_parse(kind, content, &takeback);
        if (err == KR_OK) {
            take_title(job, takeback.reason);
        }
        return err;
    }
    enum kr_err err = kr_content_to_read(kind, content, &kind, &content);
    if (err == KR_OK && kr_kind_is_internal(kind)) {
        return kr_internal_check(kind, content);
    }
    const enum kr_label label = job->kind == KR_JOB_MAKE ? job->draft.label : job->header.label;
    if (err == KR_OK &&
        kr_label_is_for_people(label)) { /* neither we nor the guards can see what is in it, and the index must not */
        return kr_section_is_due(label, kind) ? kr_section_check(content) : KR_MALFORMED;
    }
    if (err == KR_OK && kind == KR_KIND_REPORT) {
        err = index_report(job, content, keyring);
    } else if (err == KR_OK && kind == KR_KIND_SIGHTING) {
        err = index_sighting(job, content, keyring);
    } else if (err == KR_OK && kind == KR_KIND_BODY_NOTICE) {
        err = index_body_notice(job, content);
    } else if (err == KR_OK && kind == KR_KIND_ADVISORY) {
        struct kr_advisory advisory;
        err = kr_advisory_parse(content, &advisory);
        if (err == KR_OK) {
            take_title(job, advisory.title);
            job->severity = advisory.severity;
        }
    }
    return err;
}

/* The signature that a retraction carries costs as much as its own: hence here. */
static void look_at_target(struct kr_job *job)
{
    struct kr_takeback takeback;
    if (!job->is_open || !kr_kind_takes_back(job->header.kind)) {
        return;
    }
    job->target_err = kr_takeback_parse(job->header.kind, (struct kr_slice){job->content, job->content_len}, &takeback);
    if (job->target_err == KR_OK) {
        job->target_err = kr_takeback_target(&takeback, &job->target, &job->target_header);
    }
    if (job->target_err == KR_OK) {
        job->target_err = kr_takeback_covers(&job->header, &job->target_header, job->target.id);
    }
}

static enum kr_err check(struct kr_job *job, const struct kr_keyring *keyring)
{
    enum kr_err err = kr_record_split(job->bytes, job->len, &job->record);
    if (err != KR_OK) {
        return err;
    }
    err = kr_record_verify(&job->record);
    if (err != KR_OK && !KR_FAULT(KR_FAULT_SIGNATURE_UNCHECKED)) {
        return err;
    }
    err = kr_header_parse(job->record.header, &job->header);
    if (err != KR_OK) {
        return err;
    }
    if (job->header.format != KR_RECORD_FORMAT || job->record.is_header_only) {
        return KR_OK;
    }
    err = kr_record_open(&job->record, &job->header, keyring, &job->content, &job->content_len);
    if (err == KR_NOMEM) {
        return err;
    }
    if (err != KR_OK) {
        job->lacks_key = err == KR_NOT_FOUND;
        return KR_OK; /* sealed to others, or badly: held and passed on like any other, never shown */
    }
    err = index_content(job, job->header.kind, keyring);
    if (err == KR_NOMEM) {
        return err;
    }
    job->is_open = err == KR_OK;
    if (!job->is_open) {
        job->term_count = 0; /* What we cannot read as its kind says is kept and relayed, so that all nodes hold the same set. */
    }
    look_at_target(job);
    return KR_OK;
}

/* The one that came next when the job was given out may have become the node key meanwhile. */
static const uint8_t *node_secret(const struct kr_keyring *keyring, const uint8_t node_key[static 32])
{
    const bool is_next = kr_keyring_has_next(keyring) && memcmp(node_key, keyring->next_node_public, 32) == 0;
    return is_next ? keyring->next_node_secret : keyring->node_secret;
}

/* NULL: it is elsewhere. The keyring may still have one that was replaced. */
static const uint8_t *root_secret(const struct kr_keyring *keyring, const uint8_t root_key[static 32])
{
    return memcmp(keyring->root_public, root_key, 32) == 0 ? kr_keyring_secret(keyring, KR_KEY_ROOT) : NULL;
}

static enum kr_err make(struct kr_job *job, const struct kr_keyring *keyring)
{
    struct kr_draft *draft = &job->draft;
    draft->content = (struct kr_slice){job->content, job->content_len};
    draft->audience = (const uint8_t(*)[32])job->audience;
    draft->recipients = (const uint8_t(*)[32])job->recipients;
    enum kr_err err = index_content(job, draft->kind, keyring);
    if (err != KR_OK) {
        return err;
    }
    const bool is_statement = kr_kind_is_statement(draft->kind);
    const uint8_t *secret = is_statement ? root_secret(keyring, job->root_key) : node_secret(keyring, job->node_key);
    uint8_t id[KR_ID_BYTES];
    job->is_unsigned = secret == NULL;
    err = job->is_unsigned ? kr_record_prepare(draft, job->author, job->root_key, job->seed, &job->bytes, &job->len)
                           : kr_record_make(draft, job->author, secret, job->seed, &job->bytes, &job->len, id);
    if (err != KR_OK) {
        return err;
    }
    err = kr_record_split(job->bytes, job->len, &job->record);
    if (err != KR_OK) {
        return err;
    }
    job->is_open = true;
    err = kr_header_parse(job->record.header, &job->header);
    if (err == KR_OK) {
        look_at_target(job);
    }
    return err;
}

static void preview_indicators(struct kr_job *job, const struct kr_report *report)
{
    struct kr_preview *preview = job->preview;
    const uint32_t max = sizeof preview->guarded / sizeof preview->guarded[0];
    struct kr_reader reader;
    kr_reader_init(&reader, report->indicators.bytes, report->indicators.len);
    uint32_t count = kr_reader_array_between(&reader, 0, KR_REPORT_INDICATORS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct kr_report_indicator indicator;
        kr_report_indicator_read(&reader, &indicator);
        const char *list = kr_guards_check(job->guards, indicator.type, indicator.value);
        if (list != NULL && preview->guarded_total++ < max) {
            preview->guarded[preview->guarded_count].indicator = i;
            preview->guarded[preview->guarded_count++].list = (struct kr_slice){(const uint8_t *)list, strlen(list)};
        }
    }
}

/* A report that cannot be read has nothing that could be guarded; submitting it will say so. */
static enum kr_err preview(struct kr_job *job)
{
    struct kr_report report;
    struct kr_submit *submit = malloc(sizeof *submit);
    job->preview = calloc(1, sizeof *job->preview);
    enum kr_err err = submit != NULL && job->preview != NULL ? KR_OK : KR_NOMEM;
    if (err == KR_OK) {
        err = kr_submit_read((struct kr_slice){job->bytes, job->len}, submit);
    }
    if (err == KR_OK && submit->kind == KR_KIND_REPORT && kr_report_parse(submit->body, &report) == KR_OK) {
        preview_indicators(job, &report);
    }
    free(submit);
    return err;
}

void kr_job_run(struct kr_job *job, const struct kr_keyring *keyring)
{
    job->err = job->kind == KR_JOB_CHECK ? check(job, keyring) : job->kind == KR_JOB_MAKE ? make(job, keyring) : preview(job);
}
