/* import: files of others (text, mail, CSV, STIX, MISP) into records. Read, look, ask, send; what is wrong with a row costs that
 * row. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/formats/misp_feed.h"
#include "tools/kairan/import_report.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/out.h"
#include "tools/kairan/preview.h"
#include "tools/kairan/request.h"

#define STDIN_BYTES_MAX ((uint64_t)16 * 1024 * KR_MIB)

enum mode {
    MODE_LOOK, /* what is in it, what a guard would hold back, who would get it */
    MODE_SEND,
};

struct import {
    struct kr_app *app;
    struct kr_request_arguments request;
    const char *format, *title, *language;
    bool is_sure, is_dry, shows_rows;
    struct kr_import_options options;
    char **files;
    int file_count;
    struct kr_import_file input; /* standard input, which can be read but once */
    bool has_input;

    enum mode mode;
    struct kr_ship ship;
    struct kr_lots *lots; /* of the file at hand */
    struct kr_lots_counts counts;
    struct kr_import_report report;
    struct kr_error error;  /* why the node or a connection stopped it */
    bool has_stopped;       /* there is no sense in going on with other files */
    uint64_t tried, failed; /* files */
    bool has_shown_items, has_shown_reach[KR_TLP_RED + 1];
};

/* ---- what ship says ---- */

static void on_guarded(void *context, const struct kr_lot *lot, size_t item, const char *list)
{
    struct import *import = context;
    kr_import_report_guarded(&import->report, &lot->items[item], list);
}

static void on_refused(void *context, const struct kr_lot *lot, enum kr_err err, const char *why)
{
    struct import *import = context;
    (void)err;
    kr_import_report_refused(&import->report, lot, why);
}

static void on_record(void *context, const struct kr_lot *lot, enum kr_shipped state, const uint8_t id[static 32],
                      uint32_t indicators)
{
    struct import *import = context;
    kr_import_report_record(&import->report, lot, state, id, indicators);
}

/* The first indicators, and once for each label who would get it. */
static void on_looked(void *context, const struct kr_lot *lot, const struct kr_sending *sending)
{
    struct import *import = context;
    const uint32_t label = (uint32_t)sending->request.label;
    (void)lot;
    if (import->app->is_json) {
        return;
    }
    kr_import_report_clear(&import->report);
    if (!import->has_shown_items) {
        kr_show_items(sending);
        import->has_shown_items = true;
    }
    if (label <= KR_TLP_RED && !import->has_shown_reach[label]) {
        kr_show_reach(sending);
        import->has_shown_reach[label] = true;
    }
}

/* ---- what lots say ---- */

static enum kr_err stop(struct import *import, enum kr_err err)
{
    if (err != KR_OK && err != KR_CANCELLED) {
        kr_import_report_clear(&import->report);
        (void)kr_app_tell(import->app, err, &import->error);
        import->has_stopped = true;
        return KR_CANCELLED;
    }
    return err;
}

static enum kr_err take_lot(void *context, struct kr_lot *lot)
{
    struct import *import = context;
    import->error.text[0] = 0;
    if (import->mode == MODE_SEND) {
        return stop(import, kr_ship_send(&import->ship, lot, &import->error));
    }
    enum kr_err err = KR_OK;
    if (import->app->conn != NULL) { /* a dry run does without a node where there is none */
        err = kr_ship_look(&import->ship, lot, &import->error);
    }
    kr_lot_free(lot);
    return stop(import, err);
}

static enum kr_err tell_skip(void *context, const struct kr_import_skip *skip)
{
    struct import *import = context;
    kr_import_report_skip(&import->report, skip);
    return KR_OK;
}

static enum kr_err tell_progress(void *context, uint64_t bytes)
{
    struct import *import = context;
    kr_import_report_progress(&import->report, bytes, import->lots->counts.items);
    return KR_OK;
}

/* What cannot be asked for is not known. */
static bool is_here(void *context, struct kr_slice record)
{
    struct import *import = context;
    struct kr_error error = {.text = ""};
    bool is = false;
    return import->app->conn != NULL && kr_origin_is_here(import->app, record, &import->ship.exports, &is, &error) == KR_OK && is;
}

static enum kr_err breathe(void *context)
{
    struct import *import = context;
    return import->mode == MODE_SEND ? stop(import, kr_ship_breathe(&import->ship, &import->error)) : KR_OK;
}

/* ---- files ---- */

static void add_counts(struct kr_lots_counts *to, const struct kr_lots_counts *from)
{
    to->groups += from->groups;
    to->gone += from->gone;
    to->items += from->items;
    to->merged += from->merged;
    to->skipped += from->skipped;
    to->kept += from->kept;
    to->revoked += from->revoked;
}

static enum kr_err read_source(struct import *import, const struct kr_import_source *source, struct kr_error *error)
{
    struct kr_import_options options = import->options;
    options.now_s = (uint64_t)time(NULL);
    struct kr_lots lots = {.context = import,
                           .take_lot = take_lot,
                           .tell_skip = tell_skip,
                           .tell_progress = tell_progress,
                           .breathe = breathe,
                           .is_here = is_here};
    const struct kr_import_sink sink = kr_lots_sink(&lots);
    enum kr_err err = options.format == KR_IMPORT_ANY ? kr_import_detect_source(source, &options.format, error) : KR_OK;
    if (err != KR_OK) {
        return err;
    }
    const char *slash = strrchr(source->name, '/');
    import->ship.name = slash != NULL ? slash + 1 : source->name;
    import->lots = &lots;
    kr_import_report_file(&import->report, source->name, source->bytes, options.format);
    err = kr_import_read(source, &options, &sink, error);
    if (err == KR_OK && import->mode == MODE_SEND) {
        err = stop(import, kr_ship_finish(&import->ship, &import->error));
    }
    kr_import_report_clear(&import->report);
    if (err == KR_OK) {
        kr_import_report_end_file(&import->report, &lots.counts);
    }
    add_counts(&import->counts, &lots.counts);
    import->lots = NULL;
    kr_lots_deinit(&lots);
    return err;
}

static void tell_file(struct import *import, const char *name, enum kr_err err, const struct kr_error *error)
{
    import->failed++;
    if (err != KR_CANCELLED && !import->report.is_second) {
        const char *detail = error->text[0] != 0 ? kr_tr(error->text) : _(kr_err_text(err));
        const bool is_named = strncmp(detail, name, strlen(name)) == 0; /* with the line behind it */
        (void)kr_app_fail(import->app, err, "%s%s%s", is_named ? "" : name, is_named ? "" : ": ", detail);
    }
}

static void read_one(struct import *import, const char *path)
{
    struct kr_error error = {.text = ""};
    struct kr_import_file file = {.fd = -1};
    enum kr_err err = kr_import_file_open(&file, path, STDIN_BYTES_MAX, &error);
    err = err == KR_OK ? read_source(import, &file.source, &error) : err;
    kr_import_file_close(&file);
    import->tried++;
    if (err != KR_OK) {
        tell_file(import, path, err, &error);
    }
}

static void read_input(struct import *import)
{
    struct kr_error error = {.text = ""};
    enum kr_err err = import->has_input ? KR_OK : kr_import_file_open(&import->input, "-", STDIN_BYTES_MAX, &error);
    import->has_input = import->has_input || err == KR_OK;
    err = err == KR_OK ? read_source(import, &import->input.source, &error) : err;
    import->tried++;
    if (err != KR_OK) {
        tell_file(import, "-", err, &error);
    }
}

static enum kr_err read_event(void *context, const char *path)
{
    struct import *import = context;
    read_one(import, path);
    return import->has_stopped ? KR_CANCELLED : KR_OK;
}

/* The events of a MISP feed, each by itself: one that is missing or broken does not stop the others. */
static void read_feed(struct import *import, const char *folder)
{
    struct kr_error error = {.text = ""};
    uint64_t odd = 0;
    enum kr_err err = kr_misp_feed_each(folder, read_event, import, &odd, &error);
    if (err != KR_OK && err != KR_CANCELLED) {
        import->tried++;
        tell_file(import, folder, err, &error);
    }
    if (odd > 0 && !import->report.is_second && !import->app->is_json) {
        (void)fprintf(stderr, _("%s: entries of the manifest that name no event: %ju\n"), folder, (uintmax_t)odd);
    }
}

/* A file, standard input, or a folder that is a MISP feed. */
static void read_file(struct import *import, const char *name)
{
    struct kr_error error = {.text = ""};
    char *path = NULL;
    if (strcmp(name, "-") == 0) {
        read_input(import);
        return;
    }
    enum kr_err err = kr_misp_feed_path(name, &path, &error);
    if (err != KR_OK || path == NULL) {
        import->tried++;
        tell_file(import, name, err, &error);
    } else if (kr_misp_feed_is_one(path)) {
        read_feed(import, path);
    } else {
        read_one(import, path);
    }
    free(path);
}

static void go_through(struct import *import, enum mode mode)
{
    import->mode = mode;
    import->counts = (struct kr_lots_counts){.groups = 0};
    import->ship.counts = (struct kr_ship_counts){.refused = 0};
    import->failed = import->tried = 0;
    for (int i = 0; i < import->file_count && !import->has_stopped; i++) {
        read_file(import, import->files[i]);
    }
}

/* ---- the command ---- */

static bool take_arguments(struct import *import)
{
    struct kr_app *app = import->app;
    if (import->format != NULL && kr_import_format_parse(import->format, &import->options.format) != KR_OK) {
        (void)kr_app_fail(app, KR_INVALID, _("there is no format \"%s\"; see kairan import --help"), import->format);
        return false;
    }
    if (import->file_count == 0) {
        (void)kr_app_fail(app, KR_INVALID, "%s", _("what? kairan import FILE..., or - for standard input"));
        return false;
    }
    if (import->options.origin_id != NULL && (import->options.organisation == NULL || import->file_count > 1)) {
        (void)kr_app_fail(app, KR_INVALID, "%s",
                          _("--origin-id names one thing of an organisation: add --origin, and import one file"));
        return false;
    }
    import->ship.has_severity = import->request.severity != NULL;
    return kr_request_take(app, &import->request, &import->ship.request, &import->ship.severity);
}

static bool open_node(struct import *import)
{
    struct kr_app *app = import->app;
    if (import->is_dry && kr_app_prepare(app)) {
        struct kr_error error;
        if (kr_app_connect(app, &app->conn, &error) != KR_OK) {
            app->conn = NULL;
            (void)fputs(_("No node answers here: guards are not asked.\n"), stderr);
            return true;
        }
    }
    return kr_app_open(app) && kr_request_audience(app, &import->request, &import->ship.request);
}

static bool is_nothing(const struct import *import)
{
    return import->counts.items == 0 && import->counts.revoked == 0 && import->counts.gone == 0 && import->counts.merged == 0;
}

static int tell_nothing(const struct import *import)
{
    if (import->failed == 0) {
        (void)kr_app_fail(import->app, KR_NOT_FOUND, "%s", _("there is nothing in it that can be imported"));
    }
    return import->failed == 0 ? KR_EXIT_NONE : KR_EXIT_ERROR;
}

static int finish(struct import *import, bool sent)
{
    kr_import_report_done(&import->report, import->tried - import->failed, &import->counts, &import->ship.counts, sent);
    return import->failed > 0 || import->has_stopped || import->ship.counts.refused > 0 ? KR_EXIT_ERROR : KR_EXIT_DONE;
}

static int run(struct import *import)
{
    const bool asks = !import->is_sure && !import->is_dry;
    if (asks && !kr_has_terminal()) {
        return kr_app_fail(import->app, KR_INVALID, _("nobody is there to be asked: add -y where it is to go as it is"));
    }
    if (!take_arguments(import) || !open_node(import)) {
        return KR_EXIT_ERROR;
    }
    if (asks || import->is_dry) {
        go_through(import, MODE_LOOK);
        if (import->has_stopped) {
            return KR_EXIT_ERROR;
        }
        if (is_nothing(import)) {
            return tell_nothing(import);
        }
        if (import->is_dry) {
            return finish(import, false);
        }
        if (import->ship.counts.guarded > 0) {
            (void)fprintf(stderr, _("Held back by a guard: %ju. If they are meant: --force --reason TEXT\n"),
                          (uintmax_t)import->ship.counts.guarded);
        }
        if (!kr_ask()) {
            (void)fputs(_("Nothing was sent.\n"), stderr);
            return KR_EXIT_ERROR;
        }
        import->report.is_second = true;
    }
    go_through(import, MODE_SEND);
    if (!import->has_stopped && is_nothing(import) && import->ship.counts.refused == 0) {
        return tell_nothing(import);
    }
    return finish(import, true);
}

int kr_run_import(struct kr_app *app, int argc, char **argv)
{
    static struct import import;
    memset(&import, 0, sizeof import);
    const struct kr_option options[] = {{.name = "label", .letter = 'l', .text = &import.request.label},
                                        {.name = "to", .texts = &import.request.to},
                                        {.name = "community", .text = &import.request.community},
                                        {.name = "severity", .text = &import.request.severity},
                                        {.name = "expires", .text = &import.request.expires},
                                        {.name = "exercise", .flag = &import.request.is_exercise},
                                        {.name = "force", .flag = &import.request.is_forced},
                                        {.name = "reason", .text = &import.request.reason},
                                        {.name = "title", .text = &import.title},
                                        {.name = "language", .text = &import.language},
                                        {.name = "format", .text = &import.format},
                                        {.name = "charset", .text = &import.options.charset},
                                        {.name = "map", .text = &import.options.map},
                                        {.name = "origin", .text = &import.options.organisation},
                                        {.name = "origin-id", .text = &import.options.origin_id},
                                        {.name = "terms", .text = &import.options.terms},
                                        {.name = "dry-run", .letter = 'n', .flag = &import.is_dry},
                                        {.name = "rows", .flag = &import.shows_rows},
                                        {.name = "yes", .letter = 'y', .flag = &import.is_sure}};
    int rest;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    import.app = app;
    import.files = argv + rest;
    import.file_count = argc - rest;
    import.ship.app = app;
    import.ship.title = import.title;
    import.ship.language = import.language;
    import.ship.context = &import;
    import.ship.on_guarded = on_guarded;
    import.ship.on_refused = on_refused;
    import.ship.on_record = on_record;
    import.ship.on_looked = on_looked;
    import.report = (struct kr_import_report){.app = app, .shows_all_rows = import.shows_rows, .percent = -1};
    const int status = run(&import);
    if (import.has_input) {
        kr_import_file_close(&import.input);
    }
    kr_ship_deinit(&import.ship);
    return status;
}
