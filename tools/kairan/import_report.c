#include "tools/kairan/import_report.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/kairan/out.h"

#define BAR_COLUMNS 30

static struct kr_slice cut(struct kr_slice text, size_t max)
{
    while (text.len > max || (text.len > 0 && text.len == max && (text.bytes[text.len - 1] & 0x80) != 0)) {
        text.len--;
    }
    return text;
}

/* ---- progress ---- */

static bool has_bar(const struct kr_import_report *report)
{
    return !report->app->is_json && isatty(STDERR_FILENO) == 1;
}

void kr_import_report_clear(struct kr_import_report *report)
{
    if (report->percent >= 0) {
        (void)fprintf(stderr, "\r%*s\r", BAR_COLUMNS + 40, "");
        report->percent = -1;
    }
}

void kr_import_report_progress(struct kr_import_report *report, uint64_t bytes, uint64_t items)
{
    const int percent = report->file_bytes > 0 ? (int)(bytes * 100 / report->file_bytes) : 100;
    char bar[BAR_COLUMNS + 1];
    if (!has_bar(report) || percent == report->percent) {
        return;
    }
    report->percent = percent;
    for (int i = 0; i < BAR_COLUMNS; i++) {
        bar[i] = i * 100 < percent * BAR_COLUMNS ? '#' : '.';
    }
    bar[BAR_COLUMNS] = 0;
    (void)fputc('\r', stderr);
    (void)fprintf(stderr, _("[%s] %3d%%  indicators: %ju "), bar, percent, (uintmax_t)items);
    (void)fflush(stderr);
}

/* ---- rows ---- */

void kr_import_report_file(struct kr_import_report *report, const char *name, uint64_t bytes, enum kr_import_format format)
{
    report->file = name;
    report->file_bytes = bytes;
    report->format = format;
    report->rows_told = report->rows_left = 0;
    report->percent = -1;
}

static void say_place(const struct kr_import_report *report, uint64_t line, const char *pointer)
{
    kr_out_string(stderr, report->file);
    if (line > 0) {
        (void)fprintf(stderr, ":%ju", (uintmax_t)line);
    }
    if (pointer != NULL) {
        (void)fputs(": ", stderr);
        kr_out_string(stderr, pointer);
    }
    (void)fputs(": ", stderr);
}

/* Whether one more line about a row is to be written. */
static bool is_shown(struct kr_import_report *report)
{
    const bool is_one = report->shows_all_rows || report->rows_told < KR_IMPORT_ROWS_SHOWN;
    report->rows_told += is_one ? 1 : 0;
    report->rows_left += is_one ? 0 : 1;
    return is_one;
}

static json_t *json_place(const struct kr_import_report *report, const char *event, uint64_t line, const char *pointer)
{
    json_t *object = json_pack("{s:s}", "event", event);
    (void)json_object_set_new(object, "file",
                              kr_json_slice((struct kr_slice){(const uint8_t *)report->file, strlen(report->file)}));
    if (line > 0) {
        (void)json_object_set_new(object, "line", json_integer((json_int_t)line));
    }
    if (pointer != NULL) {
        (void)json_object_set_new(object, "pointer", json_string(pointer));
    }
    return object;
}

void kr_import_report_skip(struct kr_import_report *report, const struct kr_import_skip *skip)
{
    const struct kr_slice what = cut(skip->what, 200);
    if (report->is_second) {
        return;
    }
    if (report->app->is_json) {
        json_t *object = json_place(report, "row", skip->place.line, skip->place.pointer);
        (void)json_object_set_new(object, "taken", json_boolean(skip->is_kept));
        (void)json_object_set_new(object, "reason", json_string(kr_import_reason_name(skip->reason)));
        (void)json_object_set_new(object, "what", kr_json_slice(what));
        (void)json_object_set_new(object, "detail", json_string(skip->detail));
        (void)kr_json_line(object);
        return;
    }
    if (!is_shown(report)) {
        return;
    }
    kr_import_report_clear(report);
    say_place(report, skip->place.line, skip->place.pointer);
    (void)fprintf(stderr, skip->is_kept ? _("taken, but: %s") : _("not taken: %s"), _(kr_import_reason_text(skip->reason)));
    if (what.len > 0) {
        (void)fputs(": ", stderr);
        kr_out_text(stderr, cut(what, 100), false);
    }
    if (skip->detail[0] != 0) {
        (void)fputs(" (", stderr);
        kr_out_string(stderr, _(skip->detail));
        (void)fputc(')', stderr);
    }
    (void)fputc('\n', stderr);
}

void kr_import_report_guarded(struct kr_import_report *report, const struct kr_found *item, const char *list)
{
    char print[KR_INDICATOR_PRINT_BYTES_MAX];
    if (report->is_second || kr_indicator_print(item->type, item->value.bytes, item->value.len, print, sizeof print) != KR_OK) {
        return;
    }
    if (report->app->is_json) {
        json_t *object = json_place(report, "guarded", item->offset, NULL);
        (void)json_object_set_new(object, "type", json_string(kr_indicator_type_name(item->type)));
        (void)json_object_set_new(object, "value", kr_json_slice((struct kr_slice){(const uint8_t *)print, strlen(print)}));
        (void)json_object_set_new(object, "list", kr_json_slice((struct kr_slice){(const uint8_t *)list, strlen(list)}));
        (void)kr_json_line(object);
        return;
    }
    if (is_shown(report)) {
        kr_import_report_clear(report);
        say_place(report, item->offset, NULL);
        (void)fputs(_("held back by a guard: "), stderr);
        kr_out_string(stderr, print);
        (void)fputs(" (", stderr);
        kr_out_string(stderr, list);
        (void)fputs(")\n", stderr);
    }
}

void kr_import_report_refused(struct kr_import_report *report, const struct kr_lot *lot, const char *why)
{
    if (report->is_second) {
        return;
    }
    if (report->app->is_json) {
        json_t *object = json_place(report, "refused", lot->line, NULL);
        (void)json_object_set_new(object, "title", kr_json_slice(lot->title));
        (void)json_object_set_new(object, "label", json_string(kr_label_name(lot->label)));
        (void)json_object_set_new(object, "why", json_string(why));
        (void)kr_json_line(object);
        return;
    }
    kr_import_report_clear(report);
    say_place(report, lot->line, NULL);
    if (lot->title.len > 0) {
        kr_out_text(stderr, lot->title, false);
        (void)fputs(": ", stderr);
    }
    (void)fprintf(stderr, "%s\n", why);
}

void kr_import_report_record(struct kr_import_report *report, const struct kr_lot *lot, enum kr_shipped state,
                             const uint8_t id[static 32], uint32_t indicators)
{
    if (report->app->is_json) {
        json_t *object = json_place(report, "record", 0, NULL);
        (void)json_object_set_new(object, "state", json_string(kr_shipped_name(state)));
        (void)json_object_set_new(object, "id", kr_json_id(id, 32));
        (void)json_object_set_new(object, "indicators", json_integer((json_int_t)indicators));
        if (lot->id.len > 0) {
            (void)json_object_set_new(object, "organisation", kr_json_slice(lot->organisation));
            (void)json_object_set_new(object, "origin", kr_json_slice(lot->id));
        }
        (void)kr_json_line(object);
    } else if (state == KR_SHIPPED_NEW || state == KR_SHIPPED_REVISED) {
        kr_import_report_clear(report);
        kr_out_id(stdout, id, 64);
        (void)fputc('\n', stdout);
    }
}

/* ---- totals ---- */

static json_t *json_reasons(const struct kr_lots_counts *counts)
{
    json_t *object = json_object();
    for (int i = 0; i < KR_IMPORT_REASON_COUNT; i++) {
        if (counts->reasons[i] > 0) {
            (void)json_object_set_new(object, kr_import_reason_name((enum kr_import_reason)i),
                                      json_integer((json_int_t)counts->reasons[i]));
        }
    }
    return object;
}

static json_t *json_types(const struct kr_lots_counts *counts)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i <= KR_INDICATOR_TYPE_MAX; i++) {
        if (counts->types[i] > 0) {
            (void)json_object_set_new(object, kr_indicator_type_name(i), json_integer((json_int_t)counts->types[i]));
        }
    }
    return object;
}

void kr_import_report_end_file(struct kr_import_report *report, const struct kr_lots_counts *counts)
{
    kr_import_report_clear(report);
    if (report->is_second) {
        return;
    }
    if (report->app->is_json) {
        json_t *object = json_place(report, "file", 0, NULL);
        (void)json_object_set_new(object, "format", json_string(kr_import_format_name(report->format)));
        (void)json_object_set_new(object, "groups", json_integer((json_int_t)counts->groups));
        (void)json_object_set_new(object, "taken", json_integer((json_int_t)counts->items));
        (void)json_object_set_new(object, "merged", json_integer((json_int_t)counts->merged));
        (void)json_object_set_new(object, "skipped", json_integer((json_int_t)counts->skipped));
        (void)json_object_set_new(object, "revoked", json_integer((json_int_t)counts->revoked));
        (void)json_object_set_new(object, "types", json_types(counts));
        (void)json_object_set_new(object, "reasons", json_reasons(counts));
        (void)kr_json_line(object);
        return;
    }
    if (report->rows_left > 0) {
        (void)fprintf(stderr, _("  ... and %ju more such rows; --rows shows all\n"), (uintmax_t)report->rows_left);
    }
    kr_out_style(stderr, KR_STYLE_BOLD);
    kr_out_string(stderr, report->file);
    kr_out_style(stderr, KR_STYLE_NONE);
    (void)fprintf(stderr, _(" (%s): indicators %ju, there twice %ju, not taken %ju\n"), kr_import_format_name(report->format),
                  (uintmax_t)counts->items, (uintmax_t)counts->merged, (uintmax_t)(counts->skipped + counts->revoked));
    for (uint32_t i = 0; i <= KR_INDICATOR_TYPE_MAX; i++) {
        if (counts->types[i] > 0) {
            (void)fprintf(stderr, "  %-12s %ju\n", kr_indicator_type_name(i), (uintmax_t)counts->types[i]);
        }
    }
}

static uint64_t there_before(const struct kr_ship_counts *shipped)
{
    return shipped->records[KR_SHIPPED_KNOWN] + shipped->records[KR_SHIPPED_UNCHANGED];
}

void kr_import_report_done(struct kr_import_report *report, uint64_t files, const struct kr_lots_counts *counts,
                           const struct kr_ship_counts *shipped, bool sent)
{
    if (report->app->is_json) {
        json_t *records = json_object(), *object = json_object();
        for (int i = 0; i < KR_SHIPPED_COUNT; i++) {
            (void)json_object_set_new(records, kr_shipped_name((enum kr_shipped)i), json_integer((json_int_t)shipped->records[i]));
        }
        (void)json_object_set_new(object, "event", json_string("done"));
        (void)json_object_set_new(object, "sent", json_boolean(sent));
        (void)json_object_set_new(object, "files", json_integer((json_int_t)files));
        (void)json_object_set_new(object, "taken", json_integer((json_int_t)counts->items));
        (void)json_object_set_new(object, "skipped", json_integer((json_int_t)counts->skipped));
        (void)json_object_set_new(object, "guarded", json_integer((json_int_t)shipped->guarded));
        (void)json_object_set_new(object, "refused", json_integer((json_int_t)shipped->refused));
        (void)json_object_set_new(object, "indicators", json_integer((json_int_t)shipped->indicators));
        (void)json_object_set_new(object, "records", records);
        (void)kr_json_line(object);
        return;
    }
    if (shipped->guarded > 0) {
        (void)fprintf(stderr, _("Held back by a guard: %ju. If they are meant: --force --reason TEXT\n"),
                      (uintmax_t)shipped->guarded);
    }
    if (!sent) {
        (void)fputs(_("Nothing was sent.\n"), stderr);
        return;
    }
    (void)fprintf(stderr, _("Safe on disk: new %ju, revised %ju, retracted %ju; there before %ju. Indicators sent: %ju\n"),
                  (uintmax_t)shipped->records[KR_SHIPPED_NEW], (uintmax_t)shipped->records[KR_SHIPPED_REVISED],
                  (uintmax_t)shipped->records[KR_SHIPPED_RETRACTED], (uintmax_t)there_before(shipped),
                  (uintmax_t)shipped->indicators);
}
