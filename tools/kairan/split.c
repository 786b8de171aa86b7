#include "tools/kairan/split.h"

#include <stdlib.h>
#include <string.h>

#define ITEM_OVERHEAD 16u  /* array head, type, two times (not stated), confidence, action, heads of value and note: 12 at most */
#define BODY_OVERHEAD 512u /* everything of a report but title, text and indicators; the author inside a sealed body */

_Static_assert(KR_TITLE_BYTES_MAX + KR_TEXT_BYTES_MAX + BODY_OVERHEAD + ITEM_OVERHEAD + KR_INDICATOR_BYTES_MAX + KR_NOTE_BYTES_MAX <
                   KR_BODY_BYTES_MAX / 2,
               "the longest text leaves room for indicators; every other part has dozens, so that parts stay below KR_PARTS_MAX");

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
    parts->used_bytes = BODY_OVERHEAD + plan->title.len + plan->language.len + (parts->count == 0 ? plan->text.len : 0);
    parts->items[parts->count++] = (struct kr_part){.first = parts->item_count};
    return KR_OK;
}

enum kr_err kr_split(const struct kr_plan *plan, struct kr_parts *parts)
{
    if (plan->item_count > KR_EXTRACT_ITEMS_MAX) {
        return KR_BOUNDS;
    }
    enum kr_err err = parts->count == 0 ? begin_part(plan, parts) : KR_OK;
    while (err == KR_OK && parts->item_count < plan->item_count) {
        const struct kr_found *item = &plan->items[parts->item_count];
        const size_t wanted = ITEM_OVERHEAD + item->value.len + item->note.len;
        const size_t count = parts->items[parts->count - 1].count;
        if (count == KR_REPORT_INDICATORS_MAX || (count > 0 && parts->used_bytes + wanted > KR_BODY_BYTES_MAX)) {
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

static void write_items(const struct kr_plan *plan, const struct kr_part *part, struct kr_writer *writer)
{
    kr_writer_array(writer, (uint32_t)part->count);
    for (size_t i = part->first; i < part->first + part->count; i++) {
        const struct kr_found *item = &plan->items[i];
        kr_report_indicator_write(&(struct kr_report_indicator){.type = item->type,
                                                                .value = item->value,
                                                                .confidence = KR_CONFIDENCE_NONE,
                                                                .action = KR_ACTION_NONE,
                                                                .note = item->note},
                                  writer);
    }
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
    write_items(plan, part, &items);
    report = (struct kr_report){.title = plan->title,
                                .text = number == 0 ? plan->text : (struct kr_slice){0},
                                .language = plan->language,
                                .indicator_count = (uint32_t)part->count,
                                .indicators = {items.bytes, items.len},
                                .severity = plan->severity,
                                .part = number + 1,
                                .parts = parts};
    if (parts > 1) {
        report.case_id = (struct kr_slice){plan->case_id, sizeof plan->case_id};
    }
    kr_report_write(&report, writer);
    if (kr_writer_finish(&items) != KR_OK) {
        writer->err = kr_writer_finish(&items);
    }
    kr_writer_deinit(&items);
}

struct kr_slice kr_first_line(struct kr_slice text, size_t max)
{
    size_t begin = 0, end;
    while (begin < text.len && text.bytes[begin] <= ' ') {
        begin++;
    }
    for (end = begin; end < text.len && text.bytes[end] != '\n' && text.bytes[end] != '\r'; end++) {
    }
    if (end - begin > max) {
        end = begin + max;
        while (end > begin && (text.bytes[end] & 0xc0) == 0x80) {
            end--;
        }
    }
    return (struct kr_slice){text.bytes + begin, end - begin};
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
