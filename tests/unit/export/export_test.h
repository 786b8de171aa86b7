/* Records as keeper gives them, and what comes of them. */
#ifndef KR_TEST_EXPORT_H
#define KR_TEST_EXPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants these before it. */
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tools/export/export.h"

#define NOW_MS UINT64_C(1790000000000)
#define DAY_MS UINT64_C(86400000)

struct value {
    uint32_t type;
    const char *text;      /* parsed into the normal form; types beyond KR_INDICATOR_TYPE_MAX as they stand */
    const char *note;      /* NULL: "" */
    uint32_t confidence_1; /* confidence + 1; 0: not stated */
    uint32_t action;
    uint64_t first_s, last_s;
};

struct given_record {
    uint8_t number, author; /* id and author in every byte */
    enum kr_label label;
    uint64_t created_ms, received_ms, expires_s; /* 0: NOW_MS; NOW_MS; in a year */
    const char *title, *organisation, *origin_id, *terms, *author_name;
    uint8_t target;             /* 0: none */
    bool is_taken, has_expired; /* the latter beside the former */
    uint32_t flags, kind;       /* kind: 0 report */
    const struct value *values;
    uint32_t count;
};

static inline struct kr_slice slice(const char *text)
{
    return text == NULL ? (struct kr_slice){(const uint8_t *)"", 0} : (struct kr_slice){(const uint8_t *)text, strlen(text)};
}

static inline void write_values(const struct given_record *given, struct kr_writer *writer)
{
    kr_writer_array(writer, given->count);
    for (uint32_t i = 0; i < given->count; i++) {
        const struct value *value = &given->values[i];
        struct kr_indicator parsed = {.type = value->type, .len = (uint16_t)strlen(value->text)};
        memcpy(parsed.value, value->text, parsed.len);
        if (value->type <= KR_INDICATOR_TYPE_MAX) {
            assert_int_equal(kr_indicator_parse(value->type, value->text, strlen(value->text), &parsed, NULL), KR_OK);
        }
        kr_report_indicator_write(
            &(struct kr_report_indicator){.type = parsed.type,
                                          .value = {parsed.value, parsed.len},
                                          .first_s = value->first_s,
                                          .last_s = value->last_s,
                                          .confidence = value->confidence_1 == 0 ? KR_CONFIDENCE_NONE : value->confidence_1 - 1,
                                          .action = value->action,
                                          .note = slice(value->note)},
            writer);
    }
}

static inline void write_body(const struct given_record *given, struct kr_writer *writer)
{
    struct kr_writer values;
    kr_writer_init(&values, KR_BODY_BYTES_MAX);
    write_values(given, &values);
    assert_int_equal(kr_writer_finish(&values), KR_OK);
    kr_report_write(&(struct kr_report){.title = slice(given->title == NULL ? "A report" : given->title),
                                        .text = slice("text"),
                                        .language = slice("en"),
                                        .indicator_count = given->count,
                                        .indicators = {values.bytes, values.len},
                                        .origin_organisation = slice(given->organisation),
                                        .origin_id = slice(given->origin_id),
                                        .origin_terms = slice(given->terms),
                                        .part = 1,
                                        .parts = 1},
                    writer);
    kr_writer_deinit(&values);
}

/* For kr_writer_deinit. */
static inline void write_shown(const struct given_record *given, struct kr_slice content, struct kr_writer *ret_writer)
{
    uint8_t target[32];
    memset(target, given->target, sizeof target);
    struct kr_shown shown = {.summary = {.author_name = slice(given->author_name == NULL ? "Kita" : given->author_name),
                                         .kind = given->kind == 0 ? KR_KIND_REPORT : given->kind,
                                         .label = (uint32_t)given->label,
                                         .flags = given->flags,
                                         .indicator_count = given->count,
                                         .created_ms = given->created_ms == 0 ? NOW_MS : given->created_ms,
                                         .received_ms = given->received_ms == 0 ? NOW_MS : given->received_ms,
                                         .expires_s = given->expires_s == 0 ? NOW_MS / 1000 + 365 * 86400 : given->expires_s,
                                         .title = slice(given->title),
                                         .target = {target, given->target == 0 ? 0 : 32},
                                         .taken = given->is_taken && !given->has_expired ? KR_TAKEN_RETRACTED : KR_TAKEN_NOT},
                             .content = content,
                             .content_kind = given->kind == KR_KIND_ADVISORY ? KR_KIND_ADVISORY : KR_KIND_REPORT,
                             .taken = {.state = given->is_taken && !given->has_expired ? KR_TAKEN_RETRACTED : KR_TAKEN_NOT,
                                       .at_ms = given->is_taken && !given->has_expired ? NOW_MS : 0}};
    memset(shown.summary.id, given->number, 32);
    memset(shown.summary.author, given->author, 32);
    kr_writer_init(ret_writer, KR_CLIENT_FRAME_BYTES_MAX);
    kr_shown_write(&shown, ret_writer);
    assert_int_equal(kr_writer_finish(ret_writer), KR_OK);
}

static inline void give(struct kr_gathered *gathered, const struct given_record *given)
{
    struct kr_writer body, item;
    kr_writer_init(&body, KR_BODY_BYTES_MAX);
    if (!given->is_taken) {
        write_body(given, &body);
    }
    assert_int_equal(kr_writer_finish(&body), KR_OK);
    write_shown(given, (struct kr_slice){body.bytes, body.len}, &item);
    assert_int_equal(kr_gathered_take(gathered, (struct kr_slice){item.bytes, item.len}), KR_OK);
    kr_writer_deinit(&body);
    kr_writer_deinit(&item);
}

#define V(type_, text_) .type = KR_INDICATOR_##type_, .text = (text_)
#define VALUES(...)                                                                                                                \
    .values = (const struct value[]){__VA_ARGS__}, .count = sizeof((const struct value[]){__VA_ARGS__}) / sizeof(struct value)
#define GIVE(gathered, ...) give((gathered), &(const struct given_record){__VA_ARGS__})

/* What is selected, for kr_selection_deinit. */
static inline struct kr_selection select_with(struct kr_gathered *gathered, struct kr_export_filter filter)
{
    struct kr_selection selection;
    filter.now_ms = filter.now_ms == 0 ? NOW_MS : filter.now_ms;
    assert_int_equal(kr_selection_make(gathered, &filter, &selection), KR_OK);
    return selection;
}
#define SELECT(gathered, ...) select_with((gathered), (struct kr_export_filter){__VA_ARGS__})

static inline struct kr_rendering rendering_of(const struct kr_selection *selection)
{
    struct kr_rendering rendering = {.selection = selection,
                                     .council_name = "Kita",
                                     .zone = "rpz.kairan",
                                     .now_s = NOW_MS / 1000,
                                     .time_s = selection->changed_ms / 1000};
    memset(rendering.council, 0xab, 32);
    return rendering;
}

/* One part of a format as text; free(). `file`: NULL for formats of one file. Not inlined: gcc 12 takes what open_memstream gives
 * for the variable that holds it. */
__attribute__((noinline, unused)) static char *render(const char *name, const char *file, const struct kr_rendering *rendering,
                                                      struct kr_tally *ret_tally)
{
    const struct kr_export_format *format = kr_export_format_find(name);
    const struct kr_export_part *part = NULL;
    char *text = NULL;
    size_t len;
    assert_non_null(format);
    for (uint32_t i = 0; i < format->part_count; i++) {
        const char *other = format->parts[i].file;
        part = (file == NULL && other == NULL) || (file != NULL && other != NULL && strcmp(file, other) == 0) ? &format->parts[i]
                                                                                                              : part;
    }
    assert_non_null(part);
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    *ret_tally = (struct kr_tally){0};
    assert_int_equal(format->render(rendering, part, out, ret_tally), KR_OK);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* "type value" of each entry, a line each; free(). */
static inline char *entries_text(const struct kr_selection *selection)
{
    char *text = NULL, print[KR_INDICATOR_PRINT_BYTES_MAX];
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    for (size_t i = 0; i < selection->entry_count; i++) {
        const struct kr_entry *entry = &selection->entries[i];
        assert_int_equal(kr_indicator_print(entry->type, entry->value.bytes, entry->value.len, print, sizeof print), KR_OK);
        (void)fprintf(out, "%s %s\n", kr_indicator_type_name(entry->type), print);
    }
    assert_int_equal(fclose(out), 0);
    return text;
}
#define CHECK_ENTRIES(selection, expected)                                                                                         \
    do {                                                                                                                           \
        char *text_ = entries_text(selection);                                                                                     \
        assert_string_equal(text_, expected);                                                                                      \
        free(text_);                                                                                                               \
    } while (0)

#endif
