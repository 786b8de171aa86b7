#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "tools/export/export.h"

#define MENTIONS_MAX (UINT32_MAX / 2)

struct fill {
    const struct kr_export_filter *filter;
    struct kr_selection *selection;
    size_t capacity, taken_capacity;
};

/* ---- mentions ---- */

static bool may_show(const struct kr_gathered_record *record, const struct kr_export_filter *filter)
{
    return (filter->label_max == KR_TLP_NONE || record->label <= filter->label_max);
}

static bool may_count(const struct kr_gathered_record *record, const struct kr_export_filter *filter)
{
    return !record->is_taken && may_show(record, filter);
}

/* Whether consumers may be told that it is gone: they may have had it. */
static bool may_tell_gone(const struct kr_gathered_record *record, const struct kr_export_filter *filter)
{
    uint32_t kind = record->summary.kind;
    return record->is_taken && may_show(record, filter) && record->label > KR_TLP_NONE && record->label < KR_TLP_RED &&
           (kind == KR_KIND_REPORT || kind == KR_KIND_REVISION);
}

static bool is_wanted(const struct kr_export_filter *filter, uint32_t type)
{
    return filter->types == 0 || (type < 32 && (filter->types & 1u << type) != 0);
}

static void count_record(const void *node, VISIT which, void *context)
{
    const struct kr_gathered_record *record = *(const struct kr_gathered_record *const *)node;
    struct fill *fill = context;
    if (which == postorder || which == leaf) {
        fill->capacity += may_count(record, fill->filter) ? record->indicator_count : 0;
        fill->taken_capacity += may_tell_gone(record, fill->filter) ? 1 : 0;
    }
}

static void note_until(struct kr_selection *selection, uint64_t at_ms, uint64_t now_ms)
{
    if (at_ms > now_ms && at_ms < selection->until_ms) {
        selection->until_ms = at_ms;
    }
}

static void add_record(const void *node, VISIT which, void *context)
{
    const struct kr_gathered_record *record = *(const struct kr_gathered_record *const *)node;
    struct fill *fill = context;
    struct kr_selection *selection = fill->selection;
    struct kr_reader reader;
    if ((which == postorder || which == leaf) && may_tell_gone(record, fill->filter)) {
        selection->taken[selection->taken_count++] = record;
    }
    if ((which != postorder && which != leaf) || !may_count(record, fill->filter)) {
        return;
    }
    if (record->summary.expires_s <= fill->filter->now_ms / 1000 && record->summary.expires_s != 0) {
        return;
    }
    kr_reader_init(&reader, record->indicators.bytes, record->indicators.len);
    uint32_t count = record->indicators.len == 0 ? 0 : kr_reader_array_between(&reader, 0, KR_REPORT_INDICATORS_MAX);
    if (record->label >= KR_TLP_RED || record->label == KR_TLP_NONE) {
        *(record->label == KR_TLP_NONE ? &selection->unlabelled : &selection->red) += count;
        return;
    }
    if (record->summary.expires_s < KR_CREATED_MS_MAX / 1000) {
        note_until(selection, record->summary.expires_s * 1000, fill->filter->now_ms);
    }
    for (uint32_t i = 0; i < count && selection->mention_count < fill->capacity; i++) {
        struct kr_mention *mention = &selection->mentions[selection->mention_count];
        kr_report_indicator_read(&reader, &mention->indicator);
        mention->record = record;
        mention->index = i;
        selection->mention_count += is_wanted(fill->filter, mention->indicator.type) ? 1 : 0;
    }
}

static int compare_values(const struct kr_mention *a, const struct kr_mention *b)
{
    struct kr_slice one = a->indicator.value, two = b->indicator.value;
    if (a->indicator.type != b->indicator.type) {
        return a->indicator.type < b->indicator.type ? -1 : 1;
    }
    int order = memcmp(one.bytes, two.bytes, one.len < two.len ? one.len : two.len);
    return order != 0 ? order : one.len < two.len ? -1 : one.len > two.len;
}

/* Newest record first; within one record as it stands there. */
static int compare_mentions(const void *left, const void *right)
{
    const struct kr_mention *a = left, *b = right;
    int order = compare_values(a, b);
    if (order == 0 && a->record != b->record) {
        order = a->record->summary.created_ms > b->record->summary.created_ms   ? -1
                : a->record->summary.created_ms < b->record->summary.created_ms ? 1
                                                                                : memcmp(a->record->id, b->record->id, 32);
    }
    return order != 0 ? order : a->indicator.value.bytes < b->indicator.value.bytes ? -1 : 1;
}

/* ---- entries ---- */

struct confirmer {
    const uint8_t *id;
};

static int compare_confirmers(const void *left, const void *right)
{
    return memcmp(((const struct confirmer *)left)->id, ((const struct confirmer *)right)->id, 32);
}

static uint32_t count_confirmers(const struct kr_mention *mentions, uint32_t count, struct confirmer *scratch)
{
    uint32_t distinct = 1;
    for (uint32_t i = 0; i < count; i++) {
        scratch[i].id = mentions[i].record->confirmer;
    }
    qsort(scratch, count, sizeof scratch[0], compare_confirmers);
    for (uint32_t i = 1; i < count; i++) {
        distinct += memcmp(scratch[i - 1].id, scratch[i].id, 32) != 0 ? 1 : 0;
    }
    return distinct;
}

enum kr_action kr_mention_action(const struct kr_mention *mention)
{
    const enum kr_action stated = (enum kr_action)mention->indicator.action;
    return stated == KR_ACTION_NONE && kr_gathered_is_ours(mention->record) ? kr_action_by_type(mention->indicator.type) : stated;
}

static void aggregate(struct kr_entry *entry, const struct kr_mention *mention)
{
    const struct kr_gathered_record *record = mention->record;
    const struct kr_report_indicator *indicator = &mention->indicator;
    uint64_t created_ms = record->summary.created_ms;
    entry->label = record->label > entry->label ? record->label : entry->label;
    entry->pap = record->pap > entry->pap ? record->pap : entry->pap;
    entry->action = kr_mention_action(mention) > entry->action ? kr_mention_action(mention) : entry->action;
    if (indicator->confidence < KR_CONFIDENCE_NONE &&
        (entry->confidence >= KR_CONFIDENCE_NONE || indicator->confidence > entry->confidence)) {
        entry->confidence = indicator->confidence;
    }
    entry->newest_ms = created_ms > entry->newest_ms ? created_ms : entry->newest_ms;
    entry->oldest_ms = created_ms < entry->oldest_ms ? created_ms : entry->oldest_ms;
    if (indicator->first_s != 0 && (entry->first_s == 0 || indicator->first_s < entry->first_s)) {
        entry->first_s = indicator->first_s;
    }
    entry->last_s = indicator->last_s > entry->last_s ? indicator->last_s : entry->last_s;
}

static bool passes(struct kr_selection *selection, const struct kr_export_filter *filter, const struct kr_entry *entry)
{
    uint64_t now = filter->now_ms;
    if (filter->age_max_ms > 0) {
        note_until(selection, entry->newest_ms + filter->age_max_ms + 1, now);
        if (entry->newest_ms + filter->age_max_ms < now) {
            return false;
        }
    }
    if (filter->age_min_ms > 0) {
        note_until(selection, entry->oldest_ms + filter->age_min_ms, now);
        if (entry->oldest_ms + filter->age_min_ms > now) {
            return false;
        }
    }
    if (entry->councils < filter->councils_min) {
        return false;
    }
    if (filter->confidence_min > 0 && (entry->confidence >= KR_CONFIDENCE_NONE || entry->confidence < filter->confidence_min)) {
        return false;
    }
    return filter->avoid == NULL || !kr_avoid_has(filter->avoid, entry->type, entry->value);
}

/* One run of mentions of the same value, each record once, moved down to `*used`. */
static void make_entry(struct kr_selection *selection, const struct kr_export_filter *filter, size_t begin, size_t end,
                       size_t *used, struct confirmer *scratch)
{
    struct kr_mention *mentions = selection->mentions;
    struct kr_entry entry = {.type = mentions[begin].indicator.type,
                             .value = mentions[begin].indicator.value,
                             .confidence = KR_CONFIDENCE_NONE,
                             .oldest_ms = UINT64_MAX,
                             .first = (uint32_t)*used};
    for (size_t i = begin; i < end; i++) {
        aggregate(&entry, &mentions[i]);
        if (entry.count == 0 || mentions[*used + entry.count - 1].record != mentions[i].record) {
            mentions[*used + entry.count++] = mentions[i];
        }
    }
    entry.councils = count_confirmers(mentions + *used, entry.count, scratch);
    if (!passes(selection, filter, &entry)) {
        selection->filtered++;
        return;
    }
    for (uint32_t i = 0; i < entry.count; i++) {
        uint64_t received_ms = mentions[*used + i].record->summary.received_ms;
        selection->changed_ms = received_ms > selection->changed_ms ? received_ms : selection->changed_ms;
    }
    selection->label = entry.label > selection->label ? entry.label : selection->label;
    selection->entries[selection->entry_count++] = entry;
    *used += entry.count;
}

static enum kr_err make_entries(struct kr_selection *selection, const struct kr_export_filter *filter)
{
    const size_t count = selection->mention_count;
    size_t values = 0, widest = 1, used = 0, run = 0;
    for (size_t i = 0; i < count; i++) {
        run = i > 0 && compare_values(&selection->mentions[i - 1], &selection->mentions[i]) == 0 ? run + 1 : 1;
        values += run == 1 ? 1 : 0;
        widest = run > widest ? run : widest;
    }
    struct confirmer *scratch = malloc(widest * sizeof *scratch);
    selection->entries = malloc((values + 1) * sizeof *selection->entries);
    if (scratch == NULL || selection->entries == NULL) {
        free(scratch);
        return KR_NOMEM;
    }
    for (size_t begin = 0, end; begin < count; begin = end) {
        end = begin + 1;
        while (end < count && compare_values(&selection->mentions[begin], &selection->mentions[end]) == 0) {
            end++;
        }
        make_entry(selection, filter, begin, end, &used, scratch);
    }
    selection->mention_count = used;
    free(scratch);
    return KR_OK;
}

enum kr_err kr_selection_make(struct kr_gathered *gathered, const struct kr_export_filter *filter,
                              struct kr_selection *ret_selection)
{
    struct kr_selection selection = {.until_ms = UINT64_MAX, .gathered = gathered};
    struct fill fill = {.filter = filter, .selection = &selection};
    twalk_r(gathered->tree, count_record, &fill);
    if (fill.capacity > MENTIONS_MAX) {
        return KR_BOUNDS;
    }
    enum kr_err err = kr_gathered_confirm(gathered);
    if (err != KR_OK) {
        return err;
    }
    selection.mentions = malloc((fill.capacity + 1) * sizeof *selection.mentions);
    selection.taken = malloc((fill.taken_capacity + 1) * sizeof *selection.taken);
    if (selection.mentions == NULL || selection.taken == NULL) {
        kr_selection_deinit(&selection);
        return KR_NOMEM;
    }
    twalk_r(gathered->tree, add_record, &fill);
    qsort(selection.mentions, selection.mention_count, sizeof selection.mentions[0], compare_mentions);
    err = make_entries(&selection, filter);
    if (err != KR_OK) {
        kr_selection_deinit(&selection);
        return err;
    }
    *ret_selection = selection;
    return KR_OK;
}

void kr_selection_deinit(struct kr_selection *selection)
{
    free(selection->entries);
    free(selection->mentions);
    free(selection->taken);
    *selection = (struct kr_selection){0};
}
