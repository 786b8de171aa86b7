#include "tools/kairan/difference.h"

#include <stdlib.h>
#include <string.h>

#include "proto/record/body.h"
#include "tools/kairan/out.h"
#include "tools/kairan/tr.h"

#define SHOWN_MAX 20u /* of each sort, before "and so many more" */

static void begin_line(FILE *out, bool comes)
{
    kr_out_style(out, comes ? KR_STYLE_GREEN : KR_STYLE_RED);
    (void)fputs(comes ? "  + " : "  - ", out);
}

static void end_line(FILE *out)
{
    kr_out_style(out, KR_STYLE_NONE);
    (void)fputc('\n', out);
}

static void show_more(FILE *out, size_t count)
{
    if (count > SHOWN_MAX) {
        (void)fprintf(out, _("  ... and %zu more\n"), count - SHOWN_MAX);
    }
}

static int compare_slices(struct kr_slice a, struct kr_slice b)
{
    int order =
        memcmp(a.len > 0 ? a.bytes : (const uint8_t *)"", b.len > 0 ? b.bytes : (const uint8_t *)"", a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* ---- indicators ---- */

struct item {
    uint32_t type;
    struct kr_slice value, note;
};
struct items {
    struct item *at;
    size_t count;
};

static int compare_items(const void *a, const void *b)
{
    const struct item *left = a, *right = b;
    int order = (left->type > right->type) - (left->type < right->type);
    order = order != 0 ? order : compare_slices(left->value, right->value);
    return order != 0 ? order : compare_slices(left->note, right->note);
}

static bool take_old(const struct kr_report *report, struct items *items)
{
    struct kr_report_indicator indicator;
    struct kr_reader reader;
    items->at = calloc(report->indicator_count + 1u, sizeof *items->at);
    if (items->at == NULL) {
        return false;
    }
    kr_reader_init(&reader, report->indicators.bytes, report->indicators.len);
    uint32_t count = kr_reader_array_between(&reader, 0, KR_REPORT_INDICATORS_MAX);
    for (; items->count < count && items->count < report->indicator_count; items->count++) {
        kr_report_indicator_read(&reader, &indicator);
        items->at[items->count] = (struct item){indicator.type, indicator.value, indicator.note};
    }
    return true;
}

static bool take_new(const struct kr_plan *plan, struct items *items)
{
    items->at = calloc(plan->item_count + 1, sizeof *items->at);
    if (items->at == NULL) {
        return false;
    }
    for (; items->count < plan->item_count; items->count++) {
        const struct kr_found *found = &plan->items[items->count];
        items->at[items->count] = (struct item){found->type, found->value, found->note};
    }
    return true;
}

static void show_item(FILE *out, const struct item *item, bool comes)
{
    char print[KR_INDICATOR_PRINT_BYTES_MAX];
    if (kr_indicator_print(item->type, item->value.bytes, item->value.len, print, sizeof print) != KR_OK) {
        print[0] = 0;
    }
    begin_line(out, comes);
    (void)fprintf(out, "%-9s ", kr_indicator_type_name(item->type));
    kr_out_string(out, print);
    if (item->note.len > 0) {
        (void)fputs("  # ", out);
        kr_out_text(out, item->note, false);
    }
    end_line(out);
}

/* Those of `of` that are not among the others, both in order. Returns how many are. */
static size_t show_missing(FILE *out, const struct items *of, const struct items *others, bool comes)
{
    size_t missing = 0, same = 0;
    for (size_t i = 0, at = 0; i < of->count; i++) {
        while (at < others->count && compare_items(&others->at[at], &of->at[i]) < 0) {
            at++;
        }
        if (at < others->count && compare_items(&others->at[at], &of->at[i]) == 0) {
            same++;
        } else if (missing++ < SHOWN_MAX) {
            show_item(out, &of->at[i], comes);
        }
    }
    show_more(out, missing);
    return same;
}

static enum kr_err show_indicators(FILE *out, const struct kr_report *old, const struct kr_plan *plan)
{
    struct items before = {0}, after = {0};
    bool is_fine = take_old(old, &before) && take_new(plan, &after);
    if (is_fine && before.count + after.count > 0) {
        qsort(before.at, before.count, sizeof *before.at, compare_items);
        qsort(after.at, after.count, sizeof *after.at, compare_items);
        (void)fprintf(out, _("Indicators: %zu before, %zu now\n"), before.count, after.count);
        (void)show_missing(out, &before, &after, false);
        size_t same = show_missing(out, &after, &before, true);
        (void)fprintf(out, _("  unchanged: %zu\n"), same);
    }
    free(before.at);
    free(after.at);
    return is_fine ? KR_OK : KR_NOMEM;
}

/* ---- texts ---- */

/* The next line, without its end. False behind the last. */
static bool next_line(struct kr_slice text, size_t *at, struct kr_slice *ret_line)
{
    if (*at >= text.len) {
        return false;
    }
    const uint8_t *begin = text.bytes + *at, *end = memchr(begin, '\n', text.len - *at);
    size_t len = end == NULL ? text.len - *at : (size_t)(end - begin);
    *at += len + 1;
    *ret_line = (struct kr_slice){begin, len > 0 && begin[len - 1] == '\r' ? len - 1 : len};
    return true;
}

struct lines {
    struct kr_slice *at;
    size_t count;
};

static bool split_lines(struct kr_slice text, struct lines *lines)
{
    struct kr_slice line;
    size_t count = 0;
    for (size_t at = 0; next_line(text, &at, &line);) {
        count++;
    }
    lines->at = calloc(count + 1, sizeof *lines->at);
    if (lines->at == NULL) {
        return false;
    }
    for (size_t at = 0; lines->count < count && next_line(text, &at, &lines->at[lines->count]);) {
        lines->count++;
    }
    return true;
}

static void show_lines(FILE *out, const struct lines *lines, size_t from, size_t to, bool comes)
{
    for (size_t i = from; i < to && i < from + SHOWN_MAX; i++) {
        begin_line(out, comes);
        kr_out_text(out, lines->at[i], false);
        end_line(out);
    }
    show_more(out, to - from);
}

/* What is alike at the beginning and at the end is left out; texts of reports are short, and most often one place changes. */
static enum kr_err show_text(FILE *out, const char *name, struct kr_slice old, struct kr_slice new)
{
    struct lines before = {0}, after = {0};
    size_t head = 0, tail = 0;
    if (compare_slices(old, new) == 0) {
        return KR_OK;
    }
    bool is_fine = split_lines(old, &before) && split_lines(new, &after);
    if (is_fine) {
        const size_t least = before.count < after.count ? before.count : after.count;
        while (head < least && compare_slices(before.at[head], after.at[head]) == 0) {
            head++;
        }
        while (tail < least - head && compare_slices(before.at[before.count - 1 - tail], after.at[after.count - 1 - tail]) == 0) {
            tail++;
        }
        (void)fprintf(out, "%s:\n", name);
        show_lines(out, &before, head, before.count - tail, false);
        show_lines(out, &after, head, after.count - tail, true);
    }
    free(before.at);
    free(after.at);
    return is_fine ? KR_OK : KR_NOMEM;
}

static void show_word(FILE *out, const char *name, const char *old, const char *new)
{
    if (strcmp(old, new) != 0) {
        (void)fprintf(out, "%s:\n", name);
        begin_line(out, false);
        kr_out_string(out, old);
        end_line(out);
        begin_line(out, true);
        kr_out_string(out, new);
        end_line(out);
    }
}

enum kr_err kr_show_difference(FILE *out, uint32_t kind, struct kr_slice content, const struct kr_plan *plan)
{
    static struct kr_report report;
    static struct kr_advisory advisory;
    struct kr_slice title = {0}, text = {0};
    uint32_t severity = 0;
    memset(&report, 0, sizeof report);
    if (kind == KR_KIND_REPORT && kr_report_parse(content, &report) == KR_OK) {
        title = report.title;
        text = report.text;
        severity = report.severity;
    } else if (kind == KR_KIND_ADVISORY && kr_advisory_parse(content, &advisory) == KR_OK) {
        title = advisory.title;
        text = advisory.text;
        severity = advisory.severity;
    }
    (void)fputs(_("What changes (- goes, + comes):\n"), out);
    show_word(out, _("kind"), kr_kind_name(kind), kr_kind_name(plan->kind));
    show_word(out, _("severity"), kr_severity_text(severity), kr_severity_text(plan->severity));
    enum kr_err err = show_text(out, _("title"), title, plan->title);
    if (err == KR_OK) {
        err = show_indicators(out, &report, plan);
    }
    return err == KR_OK ? show_text(out, _("text"), text, plan->text) : err;
}
