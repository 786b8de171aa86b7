#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/export/export.h"

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

void kr_gathered_deinit(struct kr_gathered *gathered)
{
    tdestroy(gathered->tree, free);
    *gathered = (struct kr_gathered){0};
}

/* ---- what an origin's terms say ---- */

static bool has_prefix(struct kr_slice word, const char *prefix)
{
    size_t len = strlen(prefix);
    return word.len > len && strncasecmp((const char *)word.bytes, prefix, len) == 0;
}

static enum kr_pap parse_pap(struct kr_slice word)
{
    static const struct {
        const char *name;
        enum kr_pap pap;
    } names[] = {{"CLEAR", KR_PAP_CLEAR}, {"WHITE", KR_PAP_CLEAR}, {"GREEN", KR_PAP_GREEN}, {"AMBER", KR_PAP_AMBER}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i].name) == word.len && strncasecmp(names[i].name, (const char *)word.bytes, word.len) == 0) {
            return names[i].pap;
        }
    }
    return KR_PAP_RED; /* what we do not know permits nothing */
}

static void mind_word(struct kr_gathered_record *record, struct kr_slice word)
{
    enum kr_label label;
    if (has_prefix(word, "TLP:") && kr_label_parse((const char *)word.bytes, word.len, &label) == KR_OK && label > record->label) {
        record->label = label;
    } else if (has_prefix(word, "PAP:")) {
        enum kr_pap pap = parse_pap((struct kr_slice){word.bytes + 4, word.len - 4});
        record->pap = pap > record->pap ? pap : record->pap;
    }
}

static void mind_terms(struct kr_gathered_record *record)
{
    struct kr_slice terms = record->origin_terms;
    for (size_t at = 0; at < terms.len;) {
        size_t end = at;
        while (end < terms.len && strchr(" \t\r\n,;()[]{}\"'|", terms.bytes[end]) == NULL) {
            end++;
        }
        mind_word(record, (struct kr_slice){terms.bytes + at, end - at});
        at = end + 1;
    }
}

/* ---- records ---- */

bool kr_gathered_is_ours(const struct kr_gathered_record *record)
{
    return record->origin_organisation.len == 0 && record->origin_id.len == 0;
}

static enum kr_err read_content(struct kr_gathered_record *record)
{
    struct kr_report report;
    if (record->content_kind != KR_KIND_REPORT) {
        return KR_OK; /* for people */
    }
    enum kr_err err = kr_report_parse(record->content, &report);
    if (err != KR_OK) {
        return err;
    }
    record->title = report.title;
    record->indicators = report.indicators;
    record->origin_organisation = report.origin_organisation;
    record->origin_id = report.origin_id;
    record->origin_terms = report.origin_terms;
    record->severity = report.severity;
    record->indicator_count = report.indicator_count;
    mind_terms(record);
    return KR_OK;
}

static void forget(struct kr_gathered *gathered, const uint8_t id[static 32])
{
    void **found = tfind(id, &gathered->tree, compare_ids);
    if (found != NULL) {
        void *old = *found;
        (void)tdelete(id, &gathered->tree, compare_ids);
        free(old);
        gathered->count--;
    }
}

static enum kr_err keep(struct kr_gathered *gathered, struct kr_gathered_record *record)
{
    forget(gathered, record->id);
    if (tsearch(record, &gathered->tree, compare_ids) == NULL) {
        return KR_NOMEM;
    }
    gathered->count++;
    return KR_OK;
}

static enum kr_err take(struct kr_gathered *gathered, struct kr_gathered_record *record, const struct kr_shown *shown)
{
    record->summary = shown->summary;
    memcpy(record->id, shown->summary.id, 32);
    record->label = (enum kr_label)shown->summary.label;
    record->content = shown->content;
    record->content_kind = shown->content_kind;
    record->is_taken = shown->content.len == 0;
    if (record->is_taken) {
        bool has_expired = shown->taken.state == KR_TAKEN_NOT && record->summary.expires_s < KR_CREATED_MS_MAX / 1000;
        record->gone_ms = has_expired ? record->summary.expires_s * 1000 : shown->taken.at_ms;
    }
    if (!record->is_taken && read_content(record) != KR_OK) {
        forget(gathered, record->id);
        gathered->unreadable++;
        return KR_INVALID;
    }
    if (record->summary.target.len == 32 && !record->is_taken) {
        forget(gathered, record->summary.target.bytes);
    }
    return keep(gathered, record);
}

enum kr_err kr_gathered_take(struct kr_gathered *gathered, struct kr_slice item)
{
    struct kr_gathered_record *record = calloc(1, sizeof *record + item.len);
    struct kr_shown *shown = malloc(sizeof *shown);
    enum kr_err err = record == NULL || shown == NULL ? KR_NOMEM : KR_OK;
    if (err == KR_OK) {
        memcpy(record->item, item.bytes, item.len);
        err = kr_shown_read((struct kr_slice){record->item, item.len}, shown);
    }
    if (err == KR_OK) {
        err = take(gathered, record, shown);
        if (err == KR_OK) {
            record = NULL; /* it is the tree's now */
        }
        err = err == KR_INVALID ? KR_OK : err; /* counted */
    }
    free(record);
    free(shown);
    return err;
}
