#include "tools/kairan/split.h"

#include <stdlib.h>
#include <string.h>

#define ITEM_OVERHEAD 16u  /* array head, type, two times (not stated), confidence, action, heads of value and note: 12 at most */
#define TIME_OVERHEAD 4u   /* of a time that is stated */
#define BODY_OVERHEAD 512u /* everything of a report but texts and indicators; the author inside a sealed body */
#define TEXT_OVERHEAD 3u   /* the head of a reference */

#define ITEM_BYTES_MAX   (ITEM_OVERHEAD + 2 * TIME_OVERHEAD + KR_INDICATOR_BYTES_MAX + KR_NOTE_BYTES_MAX)
#define ORIGIN_BYTES_MAX (2 * KR_NAME_BYTES_MAX + KR_NOTE_BYTES_MAX)
_Static_assert(KR_TITLE_BYTES_MAX + BODY_OVERHEAD + ORIGIN_BYTES_MAX + ITEM_BYTES_MAX < KR_BODY_BYTES_MAX / 2,
               "every part but the first has dozens of indicators, so that parts stay below KR_PARTS_MAX");
_Static_assert(KR_TITLE_BYTES_MAX + KR_TEXT_BYTES_MAX + BODY_OVERHEAD + ORIGIN_BYTES_MAX +
                       KR_REFERENCES_MAX * (2 * TEXT_OVERHEAD + KR_NOTE_BYTES_MAX + KR_NAME_BYTES_MAX) + ITEM_BYTES_MAX <
                   KR_BODY_BYTES_MAX,
               "the longest text with most references leaves room for an indicator");

/* What a part bears beside its indicators: text and references stand in the first one. */
static size_t part_bytes(const struct kr_plan *plan, bool is_first)
{
    size_t bytes = BODY_OVERHEAD + plan->title.len + plan->language.len + plan->organisation.len + plan->origin_id.len +
                   plan->terms.len + (is_first ? plan->text.len : 0);
    for (uint32_t i = 0; is_first && i < plan->reference_count; i++) {
        bytes += TEXT_OVERHEAD + plan->references[i].len;
    }
    for (uint32_t i = 0; is_first && i < plan->attack_id_count; i++) {
        bytes += TEXT_OVERHEAD + plan->attack_ids[i].len;
    }
    return bytes;
}

static size_t item_bytes(const struct kr_found *item)
{
    return ITEM_OVERHEAD + (item->first_s > 0 ? TIME_OVERHEAD : 0) + (item->last_s > 0 ? TIME_OVERHEAD : 0) + item->value.len +
           item->note.len;
}

static enum kr_err begin_part(const struct kr_plan *plan, struct kr_parts *parts)
{
    KR_ASSERT(parts->count < KR_PARTS_MAX);
    if (parts->count == parts->capacity) {
        uint32_t capacity = parts->capacity * 2 + 16;
        struct kr_part *more = realloc(parts->items, capacity * sizeof *more);
        if (more == NULL) {
            return KR_NOMEM;
        }
        parts->items = more;
        parts->capacity = capacity;
    }
    parts->used_bytes = part_bytes(plan, parts->count == 0);
    parts->items[parts->count++] = (struct kr_part){.first = parts->item_count};
    return KR_OK;
}

enum kr_err kr_split(const struct kr_plan *plan, struct kr_parts *parts)
{
    const size_t max = plan->body_bytes_max > 0 ? plan->body_bytes_max : KR_BODY_BYTES_MAX;
    KR_ASSERT(max >= KR_SPLIT_BYTES_MIN);
    if (plan->item_count > KR_PLAN_ITEMS_MAX) {
        return KR_BOUNDS;
    }
    enum kr_err err = parts->count == 0 ? begin_part(plan, parts) : KR_OK;
    while (err == KR_OK && parts->item_count < plan->item_count) {
        const struct kr_found *item = &plan->items[parts->item_count];
        const size_t wanted = item_bytes(item);
        const size_t count = parts->items[parts->count - 1].count;
        if (count == KR_REPORT_INDICATORS_MAX || (count > 0 && parts->used_bytes + wanted > max)) {
            err = begin_part(plan, parts);
        }
        if (err == KR_OK) {
            parts->items[parts->count - 1].count++;
            parts->item_count++;
            parts->used_bytes += wanted;
        }
    }
    return err;
}

static bool is_dropped(const struct kr_plan *plan, size_t item)
{
    return plan->dropped != NULL && plan->dropped[item] != 0;
}

static uint32_t write_items(const struct kr_plan *plan, const struct kr_part *part, struct kr_writer *writer)
{
    uint32_t count = (uint32_t)part->count;
    for (size_t i = part->first; plan->dropped != NULL && i < part->first + part->count; i++) {
        count -= is_dropped(plan, i) ? 1 : 0;
    }
    kr_writer_array(writer, count);
    for (size_t i = part->first; i < part->first + part->count; i++) {
        const struct kr_found *item = &plan->items[i];
        if (!is_dropped(plan, i)) {
            if (plan->has_bare_values) {
                kr_report_indicator_write(
                    &(struct kr_report_indicator){.type = item->type, .value = item->value, .confidence = KR_CONFIDENCE_NONE},
                    writer);
                continue;
            }
            kr_report_indicator_write(&(struct kr_report_indicator){.type = item->type,
                                                                    .value = item->value,
                                                                    .first_s = item->first_s,
                                                                    .last_s = item->last_s,
                                                                    .confidence = item->confidence,
                                                                    .action = item->action,
                                                                    .note = item->note},
                                      writer);
        }
    }
    return count;
}

void kr_split_write(const struct kr_plan *plan, const struct kr_part *part, uint32_t number, uint32_t parts,
                    struct kr_writer *writer)
{
    static struct kr_report report;
    struct kr_writer items;
    if (plan->kind == KR_KIND_ADVISORY) {
        static struct kr_advisory advisory;
        advisory =
            (struct kr_advisory){.title = plan->title, .text = plan->text, .language = plan->language, .severity = plan->severity};
        kr_advisory_write(&advisory, writer);
        return;
    }
    kr_writer_init(&items, KR_BODY_BYTES_MAX);
    const uint32_t count = write_items(plan, part, &items);
    report = (struct kr_report){.title = plan->title,
                                .text = number == 0 ? plan->text : (struct kr_slice){0},
                                .language = plan->language,
                                .indicator_count = count,
                                .indicators = {items.bytes, items.len},
                                .origin_organisation = plan->organisation,
                                .origin_id = plan->origin_id,
                                .origin_terms = plan->terms,
                                .reference_count = number == 0 ? plan->reference_count : 0,
                                .attack_id_count = number == 0 ? plan->attack_id_count : 0,
                                .severity = plan->severity,
                                .first_s = plan->first_s,
                                .last_s = plan->last_s,
                                .part = number + 1,
                                .parts = parts};
    for (uint32_t i = 0; i < report.reference_count; i++) {
        report.references[i] = plan->references[i];
    }
    for (uint32_t i = 0; i < report.attack_id_count; i++) {
        report.attack_ids[i] = plan->attack_ids[i];
    }
    if (parts > 1 || plan->has_case) {
        report.case_id = (struct kr_slice){plan->case_id, sizeof plan->case_id};
    }
    kr_report_write(&report, writer);
    if (kr_writer_finish(&items) != KR_OK) {
        writer->err = kr_writer_finish(&items);
    }
    kr_writer_deinit(&items);
}

/* A label alone, or to whom it is written: no title of anything. */
static bool says_little(struct kr_slice line)
{
    static const char all[] = "各位";
    enum kr_label label;
    const bool has_all =
        line.len >= sizeof all - 1 && line.len <= 60 && memcmp(line.bytes + line.len - (sizeof all - 1), all, sizeof all - 1) == 0;
    const bool is_bracketed = line.len > 2 && line.bytes[0] == '[' && line.bytes[line.len - 1] == ']';
    const struct kr_slice bare = is_bracketed ? (struct kr_slice){line.bytes + 1, line.len - 2} : line;
    return has_all || kr_label_parse((const char *)bare.bytes, bare.len, &label) == KR_OK;
}

struct kr_slice kr_first_line(struct kr_slice text, size_t max)
{
    struct kr_slice found = {text.bytes, 0};
    for (size_t begin = 0, end; begin < text.len; begin = end + 1) {
        for (end = begin; end < text.len && text.bytes[end] != '\n' && text.bytes[end] != '\r'; end++) {
        }
        const struct kr_slice line = kr_trim((struct kr_slice){text.bytes + begin, end - begin});
        const bool is_title = line.len > 0 && !says_little(line);
        found = line.len > 0 && (found.len == 0 || is_title) ? line : found;
        if (is_title) {
            break;
        }
    }
    if (found.len > max) {
        found.len = max;
        while (found.len > 0 && (found.bytes[found.len] & 0xc0) == 0x80) {
            found.len--;
        }
    }
    return found;
}

const char *kr_guess_language(struct kr_slice text)
{
    for (size_t i = 0; i + 2 < text.len; i++) {
        uint32_t head = text.bytes[i], next = text.bytes[i + 1];
        /* U+3041–U+30FF kana, U+4E00–U+9FFF kanji, in UTF-8. */
        if ((head == 0xe3 && (next >= 0x81 && next <= 0x83)) || (head == 0xe4 && next >= 0xb8) || (head >= 0xe5 && head <= 0xe9)) {
            return "ja";
        }
    }
    return "en";
}
