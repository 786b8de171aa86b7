/* Commands about records: ls, show, explain, watch. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/record/body_notice.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/out.h"
#include "tools/kairan/sealed.h"
#include "tools/kairan/sighting.h"
#include "tools/kairan/told.h"
#include "tools/kairan/wait.h"

#define WATCH_PAGES   64u
#define WATCH_AWAY_MS 300000 /* so long is a node elsewhere waited for */

/* Of what is for bodies or persons, whether it is for us, and then its title; JSON: null of all else. */
static json_t *open_title(struct kr_sealed *sealed, struct kr_summary *summary, char *title, size_t size)
{
    if (!kr_sealed_is(summary)) {
        return json_null();
    }
    const bool stands = summary->taken == KR_TAKEN_NOT || summary->taken == KR_TAKEN_WAITS;
    const bool is_ours = stands && kr_sealed_title(sealed, summary->id, title, size, &summary->indicator_count) == KR_OK;
    if (!is_ours) {
        (void)snprintf(title, size, "%s", _("(sealed, and not to you)"));
    }
    summary->title = (struct kr_slice){(const uint8_t *)title, strlen(title)};
    return json_string(is_ours ? "opened" : "closed");
}

static enum kr_err print_summary(const struct kr_app *app, struct kr_sealed *sealed, struct kr_slice item)
{
    char title[KR_TITLE_BYTES_MAX + 1];
    struct kr_summary summary;
    enum kr_err err = kr_summary_read(item, &summary);
    if (err != KR_OK) {
        return err;
    }
    json_t *state = open_title(sealed, &summary, title, sizeof title);
    if (app->is_json) {
        const bool is_closed = json_is_string(state) && strcmp(json_string_value(state), "closed") == 0;
        summary.title = is_closed ? (struct kr_slice){0} : summary.title;
        json_t *object = kr_json_summary(&summary);
        (void)json_object_set_new(object, "sealed", state);
        return kr_json_line(object) ? KR_OK : KR_IO;
    }
    json_decref(state);
    kr_out_summary(stdout, &summary);
    return fflush(stdout) == 0 ? KR_OK : KR_IO;
}

struct listing {
    const struct kr_app *app;
    struct kr_sealed *sealed;
    uint64_t count;
};

static enum kr_err list_record(void *context, struct kr_slice item)
{
    struct listing *listing = context;
    listing->count++;
    return print_summary(listing->app, listing->sealed, item);
}

/* ---- ls ---- */

static bool parse_kind(const char *text, uint32_t *ret_kind)
{
    for (uint32_t kind = 1; kind <= KR_KIND_COMMENT; kind++) {
        if (strcmp(kr_kind_name(kind), text) == 0) {
            *ret_kind = kind;
            return true;
        }
    }
    return false;
}

int kr_run_ls(struct kr_app *app, int argc, char **argv)
{
    const char *kind = NULL, *label = NULL, *since = NULL, *author = NULL, *limit = NULL;
    const struct kr_option options[] = {{.name = "kind", .text = &kind},
                                        {.name = "label", .text = &label},
                                        {.name = "since", .text = &since},
                                        {.name = "author", .text = &author},
                                        {.name = "limit", .letter = 'n', .text = &limit}};
    struct listing listing = {.app = app};
    struct kr_ls ls = {0};
    struct kr_writer args;
    uint64_t since_s = 0;
    enum kr_label parsed = KR_TLP_NONE;
    int rest;
    if (!kr_options_parse(app, argc, argv, options, 5, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest < argc) {
        return kr_app_unwanted(app, argv[rest]);
    }
    if (kind != NULL && !parse_kind(kind, &ls.kind)) {
        return kr_app_fail(app, KR_INVALID, _("there is no kind \"%s\": report or advisory"), kind);
    }
    if (label != NULL && kr_label_parse(label, strlen(label), &parsed) != KR_OK) {
        return kr_app_fail(app, KR_INVALID, _("there is no label \"%s\": clear, green, amber, amber+strict or red"), label);
    }
    if (since != NULL && !kr_moment_parse(since, false, &since_s)) {
        return kr_app_fail(app, KR_INVALID, _("--%s takes a date (2026-11-25) or a span (7d)"), "since");
    }
    if (limit != NULL && !kr_count_parse(limit, UINT32_MAX, &ls.limit)) {
        return kr_app_fail(app, KR_INVALID, _("--%s takes a number"), "limit");
    }
    ls.label = (uint32_t)parsed;
    ls.since_ms = since_s * 1000;
    ls.has_author = author != NULL;
    struct kr_texts authors = {.items = {author}, .count = 1};
    if (author != NULL && !kr_app_find_councils(app, &authors, &ls.author)) {
        return KR_EXIT_ERROR;
    }
    listing.sealed = kr_app_open(app) ? kr_sealed_new(app, false, true) : NULL;
    if (listing.sealed == NULL) {
        return KR_EXIT_ERROR;
    }
    kr_writer_init(&args, KR_KIB);
    kr_ls_write(&ls, &args);
    enum kr_err err = kr_app_call(app, KR_OP_LS, &args, KR_ANSWER_MS, list_record, &listing, NULL);
    kr_writer_deinit(&args);
    kr_sealed_free(listing.sealed);
    if (err != KR_OK) {
        return KR_EXIT_ERROR;
    }
    return listing.count > 0 ? KR_EXIT_DONE : KR_EXIT_NONE;
}

/* ---- show ---- */

/* Asks about the one record that the arguments name. */
static enum kr_err ask_about(struct kr_app *app, int argc, char **argv, enum kr_op op, struct kr_slice *ret_result)
{
    uint8_t id[32];
    size_t len;
    int rest;
    if (!kr_options_parse(app, argc, argv, NULL, 0, false, &rest)) {
        return KR_INVALID;
    }
    if (rest + 1 != argc || !kr_id_parse(argv[rest], id, &len)) {
        (void)kr_app_fail(app, KR_INVALID, _("which record? Its id, or 8 digits or more of its beginning; see kairan ls"));
        return KR_INVALID;
    }
    return kr_app_ask_about(app, op, id, len, NULL, NULL, ret_result);
}

typedef void visit_indicator(void *context, const struct kr_report_indicator *indicator);

static void each_indicator(const struct kr_report *report, visit_indicator *visit, void *context)
{
    struct kr_report_indicator indicator;
    struct kr_reader reader;
    kr_reader_init(&reader, report->indicators.bytes, report->indicators.len);
    uint32_t count = kr_reader_array_between(&reader, 0, KR_REPORT_INDICATORS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        kr_report_indicator_read(&reader, &indicator);
        visit(context, &indicator);
    }
}

static void indicator_json(void *context, const struct kr_report_indicator *indicator)
{
    (void)json_array_append_new(context, kr_json_indicator(indicator));
}

static void indicator_text(void *context, const struct kr_report_indicator *indicator)
{
    char print[KR_INDICATOR_PRINT_BYTES_MAX];
    FILE *out = context;
    if (kr_indicator_print(indicator->type, indicator->value.bytes, indicator->value.len, print, sizeof print) != KR_OK) {
        print[0] = 0;
    }
    (void)fprintf(out, "    %-9s ", kr_indicator_type_name(indicator->type));
    kr_out_string(out, print);
    if (indicator->note.len > 0) {
        (void)fputs("  # ", out);
        kr_out_text(out, indicator->note, false);
    }
    (void)fputc('\n', out);
}

static json_t *forced_json(const struct kr_forced *forced)
{
    return forced->at_ms == 0 ? json_null()
                              : json_pack("{s:o, s:o}", "at", kr_json_time(forced->at_ms), "reason", kr_json_slice(forced->reason));
}

static void forced_text(const struct kr_forced *forced)
{
    if (forced->at_ms != 0) {
        (void)printf("  %s: ", _("sent with --force, because"));
        kr_out_text(stdout, forced->reason, false);
        (void)fputc('\n', stdout);
    }
}

static json_t *taken_json(const struct kr_taken *taken)
{
    return taken->state == KR_TAKEN_NOT
               ? json_null()
               : json_pack("{s:s, s:o, s:o, s:o}", "state", kr_taken_name(taken->state), "by", kr_json_id(taken->by, 32), "at",
                           kr_json_time(taken->at_ms), "reason", kr_json_slice(taken->reason));
}

static void taken_text(const struct kr_taken *taken)
{
    if (taken->state == KR_TAKEN_NOT) {
        return;
    }
    (void)fputs("  ", stdout);
    kr_out_style(stdout, KR_STYLE_RED);
    (void)fputs(taken->state == KR_TAKEN_WAITS       ? _("Its author took it back; that waits for kairan retractions confirm")
                : taken->state == KR_TAKEN_RETRACTED ? _("Its author took it back; its content is deleted here")
                : taken->state == KR_TAKEN_FALSE
                    ? _("FALSE: a stolen key signed it, and its council does not stand by it. Undo what was done because of it")
                    : _("Its author put another in its place; its content is deleted here"),
                stdout);
    kr_out_style(stdout, KR_STYLE_NONE);
    (void)fputs("\n    ", stdout);
    kr_out_id(stdout, taken->by, 12);
    (void)fputs("  ", stdout);
    kr_out_time(stdout, taken->at_ms / 1000);
    (void)fputs("  ", stdout);
    kr_out_text(stdout, taken->reason, false);
    (void)printf("\n    %s\n", _("What was mailed, exported or copied out of Kairan cannot be called back."));
}

static json_t *texts_json(const struct kr_slice *texts, uint32_t count)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < count; i++) {
        (void)json_array_append_new(array, kr_json_slice(texts[i]));
    }
    return array;
}

/* Where a report was imported from, and what it refers to. */
static void origin_json(const struct kr_report *report, json_t *object)
{
    (void)json_object_set_new(object, "case", report->case_id.len > 0 ? kr_json_id(report->case_id.bytes, 16) : json_null());
    (void)json_object_set_new(object, "origin",
                              report->origin_organisation.len == 0
                                  ? json_null()
                                  : json_pack("{s:o, s:o, s:o}", "organisation", kr_json_slice(report->origin_organisation), "id",
                                              kr_json_slice(report->origin_id), "terms", kr_json_slice(report->origin_terms)));
    (void)json_object_set_new(object, "attack_ids", texts_json(report->attack_ids, report->attack_id_count));
    (void)json_object_set_new(object, "references", texts_json(report->references, report->reference_count));
}

static void line_text(const char *name, struct kr_slice text)
{
    if (text.len > 0) {
        (void)printf("  %s: ", name);
        kr_out_text(stdout, text, false);
        (void)fputc('\n', stdout);
    }
}

static void origin_text(const struct kr_report *report)
{
    line_text(_("imported from"), report->origin_organisation);
    line_text(_("known there as"), report->origin_id);
    line_text(_("its terms"), report->origin_terms);
    for (uint32_t i = 0; i < report->attack_id_count; i++) {
        line_text("ATT&CK", report->attack_ids[i]);
    }
    for (uint32_t i = 0; i < report->reference_count; i++) {
        line_text(_("see"), report->references[i]);
    }
}

static json_t *shown_json(const struct kr_shown *shown, const struct kr_report *report, const struct kr_advisory *advisory)
{
    json_t *object = kr_json_summary(&shown->summary), *audience = json_array();
    for (uint32_t i = 0; i < shown->audience_count; i++) {
        (void)json_array_append_new(audience, kr_json_id(shown->audience[i].bytes, 32));
    }
    (void)json_object_set_new(object, "audience", audience);
    (void)json_object_set_new(object, "community",
                              shown->community.len == 32 ? kr_json_id(shown->community.bytes, 32) : json_null());
    (void)json_object_set_new(object, "record_bytes", json_integer((json_int_t)shown->record_bytes));
    (void)json_object_set_new(object, "forced", forced_json(&shown->forced));
    (void)json_object_set_new(object, "taken_back", taken_json(&shown->taken));
    if (report != NULL) {
        json_t *values = json_array();
        each_indicator(report, indicator_json, values);
        (void)json_object_set_new(object, "text", kr_json_slice(report->text));
        (void)json_object_set_new(object, "language", kr_json_slice(report->language));
        (void)json_object_set_new(object, "part", json_integer(report->part));
        (void)json_object_set_new(object, "parts", json_integer(report->parts));
        origin_json(report, object);
        (void)json_object_set_new(object, "values", values);
    } else if (advisory != NULL) {
        (void)json_object_set_new(object, "text", kr_json_slice(advisory->text));
        (void)json_object_set_new(object, "language", kr_json_slice(advisory->language));
        (void)json_object_set_new(object, "countermeasures", kr_json_slice(advisory->countermeasures));
    }
    return object;
}

static void indented(struct kr_slice text)
{
    for (size_t at = 0; at < text.len;) {
        const uint8_t *end = memchr(text.bytes + at, '\n', text.len - at);
        size_t len = end == NULL ? text.len - at : (size_t)(end - text.bytes) - at;
        (void)fputs("    ", stdout);
        kr_out_text(stdout, (struct kr_slice){text.bytes + at, len > 0 && text.bytes[at + len - 1] == '\r' ? len - 1 : len}, true);
        (void)fputc('\n', stdout);
        at += len + 1;
    }
}

static void shown_text(const struct kr_shown *shown, const struct kr_report *report, const struct kr_advisory *advisory)
{
    kr_out_summary(stdout, &shown->summary);
    (void)fputs("  id: ", stdout);
    kr_out_id(stdout, shown->summary.id, 64);
    (void)printf("\n  %s: %s\n  %s: ", _("severity"), kr_severity_text(shown->summary.severity), _("received"));
    kr_out_time(stdout, shown->summary.received_ms / 1000);
    (void)printf("\n  %s: ", _("expires"));
    kr_out_time(stdout, shown->summary.expires_s);
    (void)fputc('\n', stdout);
    for (uint32_t i = 0; i < shown->audience_count; i++) {
        (void)printf("  %s: ", _("addressed to"));
        kr_out_id(stdout, shown->audience[i].bytes, 16);
        (void)fputc('\n', stdout);
    }
    if (shown->community.len == 32) {
        (void)printf("  %s: ", _("community"));
        kr_out_id(stdout, shown->community.bytes, 16);
        (void)fputc('\n', stdout);
    }
    forced_text(&shown->forced);
    taken_text(&shown->taken);
    if (report != NULL) {
        origin_text(report);
    }
    if (report != NULL && report->parts > 1) {
        (void)printf(_("  part %u of %u\n"), report->part, report->parts);
    }
    if (report != NULL && report->indicator_count > 0) {
        (void)printf("  %s:\n", _("indicators"));
        each_indicator(report, indicator_text, stdout);
    }
    struct kr_slice text = report != NULL ? report->text : advisory != NULL ? advisory->text : (struct kr_slice){0};
    if (text.len > 0) {
        (void)printf("  %s:\n", _("text"));
        indented(text);
    }
}

/* What was seen of it, where it stands. The answer takes the place of the record's. */
static bool show_sightings(struct kr_app *app, const struct kr_shown *shown, json_t *object)
{
    struct kr_sighting sighting;
    struct kr_seen_list seen = {0};
    uint8_t id[32];
    memcpy(id, shown->summary.id, 32);
    if (shown->summary.kind == KR_KIND_SIGHTING && kr_sighting_parse(shown->content, &sighting) == KR_OK && object == NULL) {
        (void)printf(sighting.what == KR_SIGHTING_SEEN ? _("  seen %ju times") : _("  false positive %ju times"),
                     (uintmax_t)sighting.count);
        (void)fputc('\n', stdout);
    }
    const bool is_false = shown->taken.state == KR_TAKEN_FALSE;
    const bool may_have = shown->summary.kind != KR_KIND_SIGHTING && shown->content.len > 0 && !is_false;
    if (may_have && kr_seen_ask(app, id, &seen) != KR_OK) {
        json_decref(object);
        return false;
    }
    bool is_fine = true;
    if (object != NULL) {
        (void)json_object_set_new(object, "sightings", kr_seen_json(&seen));
        is_fine = kr_json_line(object);
    } else {
        kr_seen_print(&seen);
    }
    kr_seen_deinit(&seen);
    return is_fine;
}

/* Whom it is sealed to, as those know whom it is sealed to. */
static json_t *addressed_json(const struct kr_section *section, const struct kr_told *told)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < section->addressed_count; i++) {
        const struct kr_addressed *addressed = &section->addressed[i];
        json_t *one = json_pack("{s:s, s:o, s:o}", "sort", addressed->sort == KR_ADDRESSED_BODY ? "body" : "person", "council",
                                kr_json_id(addressed->council, 32), "id", kr_json_id(addressed->id, 32));
        kr_told_json(one, &told[i]);
        (void)json_array_append_new(array, one);
    }
    return array;
}

static void addressed_text(const struct kr_section *section, const struct kr_told *told)
{
    for (uint32_t i = 0; i < section->addressed_count; i++) {
        const struct kr_addressed *addressed = &section->addressed[i];
        (void)printf("  %s: ", addressed->sort == KR_ADDRESSED_BODY ? _("sealed to the body") : _("sealed to the person"));
        kr_out_id(stdout, addressed->id, 16);
        (void)fputs("  ", stdout);
        kr_out_id(stdout, addressed->council, 16);
        (void)fputs(told[i].is_found ? "  " : "", stdout);
        kr_told_print(stdout, &told[i]);
        (void)fputc('\n', stdout);
    }
}

/* Bodies by the names that their councils tell; of persons nobody tells any. The answers take the place of the record's. */
static bool find_told(struct kr_app *app, const struct kr_section *section, struct kr_told *ret_told)
{
    bool is_fine = true;
    for (uint32_t i = 0; i < section->addressed_count && is_fine; i++) {
        const struct kr_addressed *addressed = &section->addressed[i];
        if (addressed->sort == KR_ADDRESSED_BODY) {
            is_fine = kr_told_find(app, addressed->council, addressed->id, &ret_told[i]);
        }
    }
    return is_fine;
}

static void notice_text(const struct kr_shown *shown)
{
    struct kr_body_notice notice;
    if (shown->content_kind != KR_KIND_BODY_NOTICE || kr_body_notice_parse(shown->content, &notice) != KR_OK) {
        return;
    }
    if (!kr_body_notice_names(&notice)) {
        (void)fputs(_("  It says that a body is not named any more.\n"), stdout);
        return;
    }
    (void)fputs(_("  It names a body that agreed to it, since "), stdout);
    kr_out_time(stdout, notice.since_s);
    (void)fputs(": ", stdout);
    kr_out_text(stdout, notice.name_ja, false);
    (void)fputs(notice.name_ja.len > 0 && notice.name_en.len > 0 ? " / " : "", stdout);
    kr_out_text(stdout, notice.name_en, false);
    (void)fputc('\n', stdout);
}

/* Of what is for bodies or persons: the content opened, and put in the place of the section. False: told. */
static bool open_shown(struct kr_app *app, struct kr_shown *shown, char *title, size_t size, bool *ret_is_ours,
                       struct kr_section *ret_section)
{
    struct kr_sealed *sealed = kr_sealed_new(app, false, true);
    *ret_is_ours = sealed != NULL && kr_sealed_open(sealed, shown, ret_section) == KR_OK;
    const bool is_fine = sealed != NULL;
    kr_sealed_free(sealed);
    shown->content = *ret_is_ours ? ret_section->content : (struct kr_slice){0};
    const bool is_read = *ret_is_ours && kr_content_title(shown->content_kind, shown->content, title, size,
                                                          &shown->summary.indicator_count, &shown->summary.severity) == KR_OK;
    if (!is_read) {
        const bool is_told = !app->is_json && !*ret_is_ours && shown->taken.state == KR_TAKEN_NOT;
        (void)snprintf(title, size, "%s", is_told ? _("(sealed, and not to you)") : "");
    }
    shown->summary.title = (struct kr_slice){(const uint8_t *)title, strlen(title)};
    return is_fine;
}

int kr_run_show(struct kr_app *app, int argc, char **argv)
{
    static struct kr_shown shown;
    static struct kr_report report;
    static struct kr_advisory advisory;
    static char title[KR_TITLE_BYTES_MAX + 1];
    static struct kr_told told[KR_ADDRESSED_MAX];
    struct kr_section section = {0};
    struct kr_slice result;
    bool is_ours = false;
    if (ask_about(app, argc, argv, KR_OP_SHOW, &result) != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (kr_shown_read(result, &shown) != KR_OK) {
        return kr_app_unreadable(app);
    }
    const bool is_sealed = kr_sealed_is(&shown.summary);
    if (is_sealed && !open_shown(app, &shown, title, sizeof title, &is_ours, &section)) {
        return KR_EXIT_ERROR;
    }
    bool is_report = shown.content_kind == KR_KIND_REPORT && kr_report_parse(shown.content, &report) == KR_OK;
    bool is_advisory = shown.content_kind == KR_KIND_ADVISORY && kr_advisory_parse(shown.content, &advisory) == KR_OK;
    const struct kr_report *as_report = is_report ? &report : NULL;
    const struct kr_advisory *as_advisory = is_advisory ? &advisory : NULL;
    json_t *object = app->is_json ? shown_json(&shown, as_report, as_advisory) : NULL;
    if (app->is_json) {
        (void)json_object_set_new(object, "sealed", is_sealed ? json_string(is_ours ? "opened" : "closed") : json_null());
    } else {
        shown_text(&shown, as_report, as_advisory);
        notice_text(&shown);
    }
    bool is_fine = !is_ours || find_told(app, &section, told);
    if (app->is_json) {
        (void)json_object_set_new(object, "sealed_to", is_ours ? addressed_json(&section, told) : json_null());
    } else if (is_fine) {
        addressed_text(&section, told);
    }
    is_fine = is_fine && (is_sealed ? object == NULL || kr_json_line(object) : show_sightings(app, &shown, object));
    kr_section_deinit(&section);
    return is_fine ? KR_EXIT_DONE : KR_EXIT_ERROR;
}

/* ---- explain ---- */

static bool explained_json(const struct kr_explained *explained)
{
    json_t *object = kr_json_summary(&explained->summary);
    (void)json_object_set_new(object, "from", kr_json_id(explained->from, 32));
    (void)json_object_set_new(object, "from_name", kr_json_slice(explained->from_name));
    (void)json_object_set_new(object, "hops", json_integer((json_int_t)explained->hops_known));
    (void)json_object_set_new(object, "reach", kr_json_reach(explained->reach, explained->reach_count));
    (void)json_object_set_new(object, "forced", forced_json(&explained->forced));
    (void)json_object_set_new(object, "taken_back", taken_json(&explained->taken));
    return kr_json_line(object);
}

static void explained_text(const struct kr_explained *explained)
{
    kr_out_summary(stdout, &explained->summary);
    (void)fputs("  ", stdout);
    if (explained->hops_known == 0) {
        (void)fputs(_("It was written here."), stdout);
    } else {
        (void)fputs(explained->hops_known == 1 ? _("It came straight from its author: ") : _("It was handed on by: "), stdout);
        kr_out_text(stdout, explained->from_name, false);
    }
    (void)fputc('\n', stdout);
    forced_text(&explained->forced);
    taken_text(&explained->taken);
    (void)printf("  %s\n", _("Who may have it:"));
    for (uint32_t i = 0; i < explained->reach_count; i++) {
        const struct kr_reach *reach = &explained->reach[i];
        bool may = reach->may_hold && reach->may_read;
        kr_out_style(stdout, may ? KR_STYLE_GREEN : KR_STYLE_DIM);
        (void)fputs(may ? "    + " : reach->may_hold ? "    ~ " : "    - ", stdout);
        kr_out_padded(stdout, reach->name, 24);
        kr_out_style(stdout, KR_STYLE_NONE);
        (void)printf("  %s", kr_reason_text(reach->reason_name));
        kr_out_host(stdout, reach->host_name);
        (void)fputc('\n', stdout);
    }
}

int kr_run_explain(struct kr_app *app, int argc, char **argv)
{
    static struct kr_explained explained;
    struct kr_slice result;
    if (ask_about(app, argc, argv, KR_OP_EXPLAIN, &result) != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (kr_explained_read(result, &explained) != KR_OK) {
        return kr_app_unreadable(app);
    }
    if (app->is_json) {
        return explained_json(&explained) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    explained_text(&explained);
    return KR_EXIT_DONE;
}

/* ---- watch ---- */

static enum kr_err watch_on(struct kr_app *app, struct kr_sealed *sealed, uint64_t number, int64_t deadline, uint64_t wanted,
                            uint64_t *count, struct kr_error *error)
{
    const struct kr_client_frame *frame;
    for (;;) {
        int64_t left = deadline == INT64_MAX ? KR_WAIT_FOREVER : deadline - kr_now_ms();
        if (left < 0 && deadline != INT64_MAX) {
            return KR_OK;
        }
        enum kr_err err = kr_conn_receive(app->conn, (int)left, &frame, error);
        if (err != KR_OK) {
            return err == KR_TIMEOUT ? KR_OK : err;
        }
        if (frame->type == KR_CLIENT_ERROR) {
            return kr_conn_frame_error(frame, error);
        }
        for (uint32_t i = 0; frame->type == KR_CLIENT_PAGE && i < frame->item_count; i++) {
            err = print_summary(app, sealed, frame->items[i]);
            if (err != KR_OK) {
                return kr_fail(error, err, "the output cannot be written");
            }
            if (++*count == wanted) {
                return KR_OK;
            }
        }
        err = kr_conn_credit(app->conn, number, 1, error);
        if (err != KR_OK) {
            return err;
        }
    }
}

static enum kr_err begin_watch(struct kr_app *app, uint64_t *ret_number, struct kr_error *error)
{
    static const uint8_t nothing[] = {0x90};
    return kr_conn_request(app->conn, KR_OP_WATCH, (struct kr_slice){nothing, sizeof nothing}, WATCH_PAGES, ret_number, error);
}

/* Over the network a connection is lost now and then: it is made anew, and what came meanwhile is not told. */
static bool come_back(struct kr_app *app, int64_t deadline)
{
    const int64_t left = deadline == INT64_MAX ? WATCH_AWAY_MS : deadline - kr_now_ms();
    kr_conn_free(app->conn);
    app->conn = NULL;
    kr_app_leave_node(app);
    if (left <= 0 || !kr_wait_for_node(app, left < WATCH_AWAY_MS ? (int)left : WATCH_AWAY_MS)) {
        return false;
    }
    (void)fputs(_("The connection was lost and is back. What came meanwhile is shown by kairan ls.\n"), stderr);
    return true;
}

int kr_run_watch(struct kr_app *app, int argc, char **argv)
{
    const char *count = NULL, *timeout = NULL;
    const struct kr_option options[] = {{.name = "count", .letter = 'n', .text = &count}, {.name = "timeout", .text = &timeout}};
    struct kr_error error = {0};
    uint64_t wanted = 0, timeout_s = 0, came = 0, number;
    int rest;
    if (!kr_options_parse(app, argc, argv, options, 2, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest < argc) {
        return kr_app_unwanted(app, argv[rest]);
    }
    if (count != NULL && (!kr_count_parse(count, UINT32_MAX, &wanted) || wanted == 0)) {
        return kr_app_fail(app, KR_INVALID, _("--%s takes a number"), "count");
    }
    if (timeout != NULL && (!kr_seconds_parse(timeout, &timeout_s) || timeout_s > 86400)) {
        return kr_app_fail(app, KR_INVALID, _("--%s takes a span like 90s, 5m, 2h or 7d"), "timeout");
    }
    if (!kr_app_open(app)) {
        return KR_EXIT_ERROR;
    }
    struct kr_sealed *sealed = kr_sealed_new(app, false, true);
    if (sealed == NULL) {
        return KR_EXIT_ERROR;
    }
    int64_t deadline = timeout == NULL ? INT64_MAX : kr_now_ms() + (int64_t)timeout_s * 1000;
    enum kr_err err = begin_watch(app, &number, &error);
    for (;;) {
        err = err == KR_OK ? watch_on(app, sealed, number, deadline, wanted, &came, &error) : err;
        if (err != KR_CLOSED || app->afar[0] == 0) {
            break;
        }
        kr_sealed_free(sealed); /* its connection is lost as well */
        sealed = come_back(app, deadline) ? kr_sealed_new(app, false, true) : NULL;
        if (sealed == NULL) {
            return KR_EXIT_ERROR;
        }
        err = begin_watch(app, &number, &error);
    }
    kr_sealed_free(sealed);
    if (err != KR_OK) {
        return kr_app_tell(app, err, &error);
    }
    return came >= (wanted > 0 ? wanted : 1) ? KR_EXIT_DONE : KR_EXIT_NONE;
}
