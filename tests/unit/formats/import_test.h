/* What the tests of import readers share: a sink that writes down what it is told, one line a call. */
#ifndef KR_TESTS_UNIT_FORMATS_IMPORT_TEST_H
#define KR_TESTS_UNIT_FORMATS_IMPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants these before it. */
#include <cmocka.h>

#include "tools/formats/import.h"

struct told {
    FILE *out;
    char *lines;
    size_t len;
    uint32_t groups, items, skips[KR_IMPORT_REASON_COUNT], types[KR_INDICATOR_TYPE_MAX + 1];
    uint64_t progress_bytes;
    bool is_open, is_quiet;  /* quiet: counts only */
    uint32_t items_until_no; /* the sink refuses after so many; 0: never */
};

static inline void told_slice(FILE *out, const char *name, struct kr_slice slice)
{
    if (slice.len > 0) {
        (void)fprintf(out, " %s=%.*s", name, (int)slice.len, (const char *)slice.bytes);
    }
}

static inline void told_place(FILE *out, const struct kr_import_place *place)
{
    if (place->line > 0) {
        (void)fprintf(out, " @%ju", (uintmax_t)place->line);
    }
    if (place->pointer != NULL) {
        (void)fprintf(out, " %s", place->pointer);
    }
    (void)fputc('\n', out);
}

static inline enum kr_err told_group(void *context, const struct kr_import_group *group)
{
    struct told *told = context;
    assert_false(told->is_open);
    assert_true(group->reference_count <= KR_REFERENCES_MAX && group->attack_id_count <= KR_REFERENCES_MAX);
    assert_true(group->severity <= KR_SEVERITY_MAX);
    told->is_open = true;
    told->groups++;
    if (!told->is_quiet) {
        (void)fprintf(told->out, "group");
        told_slice(told->out, "title", group->title);
        told_slice(told->out, "organisation", group->organisation);
        told_slice(told->out, "id", group->id);
        told_slice(told->out, "terms", group->terms);
        (void)fprintf(told->out, "%s%s%s", group->label != KR_TLP_NONE ? " " : "", kr_label_name(group->label),
                      group->state == KR_IMPORT_REVOKED   ? " revoked"
                      : group->state == KR_IMPORT_DELETED ? " deleted"
                                                          : "");
        for (uint32_t i = 0; i < group->attack_id_count; i++) {
            told_slice(told->out, "attack", group->attack_ids[i]);
        }
        for (uint32_t i = 0; i < group->reference_count; i++) {
            told_slice(told->out, "reference", group->references[i]);
        }
        told_place(told->out, &group->place);
    }
    return KR_OK;
}

static inline enum kr_err told_item(void *context, const struct kr_import_item *item)
{
    struct told *told = context;
    char print[KR_INDICATOR_PRINT_BYTES_MAX];
    assert_true(told->is_open);
    assert_int_equal(kr_indicator_check(item->type, item->value.bytes, item->value.len), KR_OK);
    assert_int_equal(kr_indicator_print(item->type, item->value.bytes, item->value.len, print, sizeof print), KR_OK);
    assert_true(item->confidence <= KR_CONFIDENCE_NONE && item->action <= KR_IMPORT_ACTION_UNSAID);
    told->items++;
    told->types[item->type]++;
    if (told->items_until_no > 0 && told->items > told->items_until_no) {
        return KR_CANCELLED;
    }
    if (!told->is_quiet) {
        (void)fprintf(told->out, "%s%s %s", item->guessed ? "~" : "", kr_indicator_type_name(item->type), print);
        if (item->first_s != 0 || item->last_s != 0) {
            (void)fprintf(told->out, " %ju-%ju", (uintmax_t)item->first_s, (uintmax_t)item->last_s);
        }
        if (item->confidence != KR_CONFIDENCE_NONE) {
            (void)fprintf(told->out, " %u%%", item->confidence);
        }
        (void)fprintf(told->out, "%s%s",
                      item->action == KR_ACTION_BLOCK    ? " block"
                      : item->action == KR_ACTION_DETECT ? " detect"
                                                         : "",
                      item->state == KR_IMPORT_REVOKED   ? " revoked"
                      : item->state == KR_IMPORT_EXPIRED ? " expired"
                      : item->state == KR_IMPORT_DELETED ? " deleted"
                                                         : "");
        told_slice(told->out, "note", item->note);
        told_place(told->out, &item->place);
    }
    return KR_OK;
}

static inline enum kr_err told_end(void *context)
{
    struct told *told = context;
    assert_true(told->is_open);
    told->is_open = false;
    return KR_OK;
}

static inline enum kr_err told_skip(void *context, const struct kr_import_skip *skip)
{
    struct told *told = context;
    assert_true(skip->reason < KR_IMPORT_REASON_COUNT);
    assert_non_null(skip->detail);
    told->skips[skip->reason]++;
    if (!told->is_quiet) {
        (void)fprintf(told->out, "%s %s", skip->is_kept ? "kept" : "skip", kr_import_reason_name(skip->reason));
        told_slice(told->out, "what", (struct kr_slice){skip->what.bytes, skip->what.len > 60 ? 60 : skip->what.len});
        told_place(told->out, &skip->place);
    }
    return KR_OK;
}

static inline enum kr_err told_progress(void *context, uint64_t bytes)
{
    struct told *told = context;
    assert_true(bytes >= told->progress_bytes);
    told->progress_bytes = bytes;
    return KR_OK;
}

static inline struct kr_import_sink told_begin(struct told *told)
{
    told->out = open_memstream(&told->lines, &told->len);
    assert_non_null(told->out);
    return (struct kr_import_sink){.context = told,
                                   .on_group = told_group,
                                   .on_item = told_item,
                                   .on_end = told_end,
                                   .on_skip = told_skip,
                                   .on_progress = told_progress};
}

/* Reads bytes; the lines are in told->lines afterwards (told_free). */
static inline enum kr_err told_read(struct told *told, const void *bytes, size_t len, const struct kr_import_options *options,
                                    struct kr_error *error)
{
    static const struct kr_import_options none;
    struct kr_import_source source;
    struct kr_slice slice = {bytes, len};
    const struct kr_import_sink sink = told_begin(told);
    kr_import_source_memory(&source, "test", &slice);
    enum kr_err err = kr_import_read(&source, options != NULL ? options : &none, &sink, error);
    assert_int_equal(fclose(told->out), 0);
    assert_true(err != KR_OK || !told->is_open);
    return err;
}

static inline void told_free(struct told *told)
{
    free(told->lines);
}

/* Reads a text and compares all that was said. */
static inline void check_told(const char *text, const struct kr_import_options *options, const char *expected)
{
    struct told told = {.groups = 0};
    struct kr_error error = {.text = ""};
    if (told_read(&told, text, strlen(text), options, &error) != KR_OK) {
        fail_msg("from: %s\nfailed: %s", text, error.text);
    }
    if (strcmp(told.lines, expected) != 0) {
        fail_msg("from: %s\ngot:\n%swanted:\n%s", text, told.lines, expected);
    }
    told_free(&told);
}

#endif
