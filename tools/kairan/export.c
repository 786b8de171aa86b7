/* export: what other defences are to know, in their own words; once, or again whenever something changes. */
#include "tools/export/export.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "tools/kairan/kairan.h"
#include "tools/kairan/out.h"
#include "tools/kairan/sealed.h"
#include "tools/kairan/wait.h"

#define WATCH_PAGES     64u
#define WATCH_AGAIN_MS  60000         /* asked again at least so often: not all that changes is shown to those who watch */
#define WATCH_ANEW_MS   (3600 * 1000) /* and from the beginning: memberships and keys change what may be exported */
#define WATCH_AWAY_MS   (3600 * 1000) /* a node that is away is waited for in steps of this */
#define AVOID_BYTES_MAX (16u * KR_MIB)

struct export
{
    struct kr_app *app;
    const struct kr_export_format *format;
    const char *out; /* NULL: standard output */
    uint64_t since, cursor;
    bool watches, is_for_body;
    uint64_t opened; /* records for the caller's own body alone */
    struct kr_gathered gathered;
    struct kr_export_filter filter;
    struct kr_rendering rendering;
    struct kr_selection selection;
    char council_name[KR_NAME_BYTES_MAX + 1];
};

static uint64_t wall_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- options ---- */

struct given {
    const char *out, *label, *age_min, *age_max, *councils, *confidence, *since, *entries, *zone, *exclude;
    struct kr_texts types;
    bool exercise, excel, bare, any_action, watches, body;
};

static bool parse_types(struct export *export, const struct kr_texts *types)
{
    for (uint32_t i = 0; i < types->count; i++) {
        for (const char *at = types->items[i]; *at != 0;) {
            size_t len = strcspn(at, ",");
            uint32_t type;
            if (kr_indicator_type_parse(at, len, &type) != KR_OK) {
                (void)kr_app_fail(export->app, KR_INVALID, _("there is no type \"%.*s\"; see kairan lookup --help"),
                                  len < 100 ? (int)len : 100, at);
                return false;
            }
            export->filter.types |= 1u << type;
            at += len + (at[len] == ',' ? 1 : 0);
        }
    }
    return true;
}

static bool parse_age(const struct export *export, const char *name, const char *text, uint64_t *ret_ms)
{
    uint64_t seconds = 0;
    if (text != NULL && !kr_seconds_parse(text, &seconds)) {
        (void)kr_app_fail(export->app, KR_INVALID, _("--%s takes a span like 90s, 5m, 2h or 7d"), name);
        return false;
    }
    *ret_ms = seconds * 1000;
    return true;
}

static bool parse_number(const struct export *export, const char *name, const char *text, uint64_t max, uint64_t *ret)
{
    if (text != NULL && !kr_count_parse(text, max, ret)) {
        (void)kr_app_fail(export->app, KR_INVALID, _("--%s takes a number"), name);
        return false;
    }
    return true;
}

static bool read_exclude(struct export *export, const char *path)
{
    struct kr_error error = {0};
    char *text = malloc(AVOID_BYTES_MAX + 1);
    FILE *file = text == NULL ? NULL : fopen(path, "re");
    if (file == NULL) {
        (void)kr_app_fail(export->app, KR_IO, _("cannot read %s: %s"), path, strerror(errno));
        free(text);
        return false;
    }
    size_t len = fread(text, 1, AVOID_BYTES_MAX + 1, file);
    bool is_read = ferror(file) == 0;
    (void)fclose(file);
    enum kr_err err = !is_read                ? KR_IO
                      : len > AVOID_BYTES_MAX ? KR_BOUNDS
                                              : kr_avoid_parse(text, len, &export->filter.avoid, &error);
    free(text);
    if (err != KR_OK) {
        (void)kr_app_tell(export->app, err, &error);
    }
    return err == KR_OK;
}

static bool is_zone(const char *zone)
{
    size_t len = strlen(zone);
    return len > 0 && len <= 100 && strspn(zone, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == len && zone[0] != '.' &&
           zone[len - 1] != '.' && strstr(zone, "..") == NULL;
}

static bool apply(struct export *export, const struct given *given)
{
    struct kr_app *app = export->app;
    uint64_t councils = 0, confidence = 0;
    enum kr_label label = KR_TLP_NONE;
    if (given->label != NULL && (kr_label_parse(given->label, strlen(given->label), &label) != KR_OK || label == KR_TLP_RED)) {
        (void)kr_app_fail(app, KR_INVALID, _("there is no label \"%s\" that may be exported: clear, green or amber"), given->label);
        return false;
    }
    if (given->zone != NULL && !is_zone(given->zone)) {
        (void)kr_app_fail(app, KR_INVALID, _("--zone takes the name of a zone in lower case, without a dot at the end"));
        return false;
    }
    if (given->watches && (given->out == NULL || given->since != NULL)) {
        (void)kr_app_fail(app, KR_INVALID, _("--watch writes to --out, from the beginning: --since does not go with it"));
        return false;
    }
    if (given->body && (given->watches || given->since != NULL)) {
        (void)kr_app_fail(app, KR_INVALID,
                          _("--body opens what there is now: run it again and again; --watch and --since do not go with it"));
        return false;
    }
    if (export->format->directory != NULL && given->since != NULL) {
        (void)kr_app_fail(app, KR_INVALID, _("this format finds out by itself what is new: --since does not go with it"));
        return false;
    }
    if (!parse_types(export, &given->types) || !parse_age(export, "min-age", given->age_min, &export->filter.age_min_ms) ||
        !parse_age(export, "max-age", given->age_max, &export->filter.age_max_ms) ||
        !parse_number(export, "min-councils", given->councils, UINT32_MAX, &councils) ||
        !parse_number(export, "confidence", given->confidence, 100, &confidence) ||
        !parse_number(export, "since", given->since, UINT64_MAX, &export->since) ||
        !parse_number(export, "max-entries", given->entries, UINT32_MAX, &export->rendering.entries_max)) {
        return false;
    }
    export->filter.label_max = label;
    export->filter.councils_min = (uint32_t)councils;
    export->filter.confidence_min = (uint32_t)confidence;
    export->out = given->out != NULL && strcmp(given->out, "-") == 0 ? NULL : given->out;
    export->watches = given->watches;
    export->is_for_body = given->body;
    export->rendering.is_exercise = given->exercise;
    export->rendering.is_excel = given->excel;
    export->rendering.is_bare = given->bare;
    export->rendering.is_any_action = given->any_action;
    export->rendering.zone = given->zone != NULL ? given->zone : "rpz.kairan";
    return given->exclude == NULL || read_exclude(export, given->exclude);
}

/* ---- asking ---- */

static enum kr_err take_item(void *context, struct kr_slice item)
{
    struct export *export = context;
    return kr_gathered_take(&export->gathered, item);
}

/* What is new since the cursor; from the beginning where it is 0. */
static enum kr_err fetch(struct export *export)
{
    struct kr_app *app = export->app;
    const struct kr_export asked = {.use = KR_EXPORT_USE_OUT, .since = export->cursor, .exercise = export->rendering.is_exercise};
    struct kr_slice result;
    struct kr_writer args;
    struct kr_reader reader;
    kr_writer_init(&args, KR_KIB);
    kr_export_write(&asked, &args);
    enum kr_err err = kr_app_call(app, KR_OP_EXPORT, &args, KR_ANSWER_MS, take_item, export, &result);
    kr_writer_deinit(&args);
    if (err != KR_OK) {
        return err;
    }
    kr_reader_init(&reader, result.bytes, result.len);
    kr_reader_array(&reader, 1);
    uint64_t cursor = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        (void)kr_app_unreadable(app);
        return KR_MALFORMED;
    }
    export->cursor = cursor;
    return KR_OK;
}

struct opening {
    struct export *export;
    const struct kr_sealed *sealed;
};

/* TLP 2.0: AMBER+STRICT is used within the organisation that it was given to. To whom else it went, or whoever sent it to another,
 * has no say in that; and RED is for eyes alone. */
static bool is_for_our_body(const struct opening *opening, const struct kr_shown *shown, const struct kr_section *section)
{
    bool is = false;
    for (uint32_t i = 0; i < section->addressed_count; i++) {
        const struct kr_addressed *one = &section->addressed[i];
        is = is || (one->sort == KR_ADDRESSED_BODY && memcmp(one->council, opening->sealed->council, 32) == 0 &&
                    memcmp(one->id, opening->sealed->body, 32) == 0);
    }
    return is && shown->summary.label == KR_TLP_AMBER_STRICT;
}

static enum kr_err take_opened(void *context, const struct kr_shown *shown, const struct kr_section *section)
{
    const struct opening *opening = context;
    struct kr_writer item;
    if (!is_for_our_body(opening, shown, section)) {
        return KR_OK;
    }
    struct kr_shown *opened = malloc(sizeof *opened);
    if (opened == NULL) {
        return KR_NOMEM;
    }
    *opened = *shown;
    opened->content = section->content;
    kr_writer_init(&item, KR_CLIENT_FRAME_BYTES_MAX);
    kr_shown_write(opened, &item);
    enum kr_err err = kr_writer_finish(&item);
    if (err == KR_OK) {
        err = kr_gathered_take(&opening->export->gathered, (struct kr_slice){item.bytes, item.len});
        opening->export->opened += err == KR_OK;
    }
    kr_writer_deinit(&item);
    free(opened);
    return err;
}

/* What is sealed to the caller's own body: opened here, since the node cannot. Tells failures. */
static bool open_for_body(struct export *export)
{
    struct kr_sealed *sealed = export->is_for_body ? kr_sealed_new(export->app, true, true) : NULL;
    bool is_fine = !export->is_for_body;
    if (sealed != NULL && sealed->body_pair == NULL) {
        (void)kr_app_fail(
            export->app, KR_NOT_FOUND,
            _("you do not hold the key of a body on this machine, so nothing for it can be opened: see kairan key body"));
    } else if (sealed != NULL) {
        struct opening opening = {export, sealed};
        is_fine = kr_sealed_each(sealed, export->rendering.is_exercise, take_opened, &opening) == KR_OK;
    }
    kr_sealed_free(sealed);
    return is_fine;
}

static bool select_anew(struct export *export)
{
    struct kr_error error = {0};
    kr_selection_deinit(&export->selection);
    export->filter.now_ms = wall_ms();
    export->rendering.now_s = export->filter.now_ms / 1000;
    (void)snprintf(export->council_name, sizeof export->council_name, "%s", kr_conn_name(export->app->conn));
    export->rendering.council_name = export->council_name;
    memcpy(export->rendering.council, kr_conn_council(export->app->conn), 32);
    enum kr_err err = kr_selection_make(&export->gathered, &export->filter, &export->selection);
    if (err != KR_OK) {
        (void)kr_app_tell(export->app, err, &error);
        return false;
    }
    export->rendering.selection = &export->selection;
    return true;
}

/* ---- telling ---- */

static const char *left_text(enum kr_left reason)
{
    static const char *const texts[KR_LEFT_REASONS] = {
        N_("not left out"),
        N_("of types that this format does not have"),
        N_("that this format cannot carry"),
        N_("too wide to be blocked (networks, public suffixes)"),
        N_("addresses of special use"),
        N_("that nobody means for this (--any-action)"),
        N_("that their origin does not permit to block (PAP)"),
        N_("already covered by others"),
        N_("beyond --max-entries, the least confirmed"),
    };
    return _(texts[reason]);
}

static void tell_text(const struct export *export, const char *path, const struct kr_tally *tally, bool is_changed)
{
    FILE *out = export->out == NULL ? stderr : stdout;
    if (path != NULL) {
        kr_out_string(out, path);
        (void)fprintf(out, ": %s, ", is_changed ? _("written") : _("unchanged"));
    }
    (void)fprintf(out, _("entries: %llu\n"), (unsigned long long)tally->written);
    for (size_t i = 1; i < KR_LEFT_REASONS; i++) {
        if (tally->left[i] > 0) {
            (void)fprintf(out, _("  left out: %llu %s\n"), (unsigned long long)tally->left[i], left_text((enum kr_left)i));
        }
    }
    if (tally->without_port > 0) {
        (void)fprintf(out, _("  written without their port: %llu\n"), (unsigned long long)tally->without_port);
    }
}

static json_t *file_json(const char *path, const struct kr_tally *tally, bool is_changed)
{
    json_t *left = json_object();
    for (size_t i = 1; i < KR_LEFT_REASONS; i++) {
        if (tally->left[i] > 0) {
            (void)json_object_set_new(left, kr_left_name((enum kr_left)i), json_integer((json_int_t)tally->left[i]));
        }
    }
    return json_pack("{s:o, s:b, s:I, s:o, s:I}", "path", path == NULL ? json_null() : json_string(path), "changed", is_changed,
                     "entries", (json_int_t)tally->written, "left_out", left, "without_port", (json_int_t)tally->without_port);
}

/* What holds for the whole export. Lets go of `files`. */
static bool tell_end(const struct export *export, json_t *files, bool is_changed)
{
    const struct kr_selection *selection = &export->selection;
    FILE *out = export->out == NULL ? stderr : stdout;
    const char *label = selection->entry_count == 0 ? "" : kr_label_name(selection->label);
    if (export->app->is_json) {
        json_t *object = json_pack("{s:s, s:s, s:b, s:b, s:I, s:I, s:I, s:I, s:o, s:I}", "format", export->format->name, "label",
                                   label, "exercise", export->rendering.is_exercise, "changed", is_changed, "values",
                                   (json_int_t)selection->entry_count, "filtered", (json_int_t)selection->filtered, "unreadable",
                                   (json_int_t) export->gathered.unreadable, "opened", (json_int_t) export->opened, "files", files,
                                   "cursor", (json_int_t) export->cursor);
        if (export->out != NULL) {
            return kr_json_line(object);
        }
        bool is_fine = object != NULL && json_dumpf(object, stderr, JSON_COMPACT) == 0 && fputc('\n', stderr) != EOF;
        json_decref(object);
        return is_fine;
    }
    json_decref(files);
    if (selection->filtered > 0) {
        (void)fprintf(out, _("left out by the options: %llu\n"), (unsigned long long)selection->filtered);
    }
    if (selection->red + selection->unlabelled > 0) {
        (void)fprintf(out, _("left out because their origin forbids it (TLP:RED): %llu\n"),
                      (unsigned long long)(selection->red + selection->unlabelled));
    }
    if (export->gathered.unreadable > 0) {
        (void)fprintf(out, _("records that this version cannot read: %llu\n"), (unsigned long long)export->gathered.unreadable);
    }
    if (export->opened > 0) {
        (void)fprintf(
            out,
            _("opened here, for your body alone: %llu. For its own defences and nobody else's: no other body, no contractor\n"),
            (unsigned long long)export->opened);
    }
    (void)fprintf(out, _("label of the whole: %s\ncursor for --since: %llu\n"), label[0] == 0 ? "-" : label,
                  (unsigned long long)export->cursor);
    return fflush(out) == 0;
}

/* ---- writing ---- */

static bool is_wanted(const struct export *export, const struct kr_export_part *part)
{
    return export->filter.types == 0 || (export->filter.types & part->types) != 0;
}

static enum kr_err write_to_stdout(struct export *export, struct kr_tally *ret_tally, struct kr_error *error)
{
    const struct kr_export_format *format = export->format;
    const struct kr_export_part *part = &format->parts[0];
    if (format->directory != NULL) {
        return kr_fail(error, KR_INVALID, "this format keeps a directory: name it with --out");
    }
    if (format->is_directory) {
        uint32_t types = export->filter.types;
        if (types == 0 || (types & (types - 1)) != 0) {
            return kr_fail(error, KR_INVALID,
                           "this format has several files: name a directory with --out, or one type with --types");
        }
        for (uint32_t i = 0; i < format->part_count && !is_wanted(export, part); i++) {
            part = &format->parts[i];
        }
        if (!is_wanted(export, part)) {
            return kr_fail(error, KR_INVALID, "this format does not have this type");
        }
    }
    uint64_t changed_s = export->selection.changed_ms / 1000;
    export->rendering.time_s = changed_s > 0 ? changed_s : export->rendering.now_s;
    enum kr_err err = format->render(&export->rendering, part, stdout, ret_tally);
    if (err == KR_OK && (fflush(stdout) != 0 || ferror(stdout) != 0)) {
        err = kr_fail(error, KR_IO, "the output cannot be written");
    }
    return err;
}

static void note_file(const struct export *export, json_t *files, const char *path, const struct kr_tally *tally, bool is_changed)
{
    (void)json_array_append_new(files, file_json(path, tally, is_changed));
    if (!export->app->is_json && (is_changed || !export->watches)) {
        tell_text(export, path, tally, is_changed);
    }
}

static enum kr_err write_files(struct export *export, json_t *files, bool *ret_is_changed, struct kr_error *error)
{
    const struct kr_export_format *format = export->format;
    char path[PATH_MAX];
    if (format->is_directory && mkdir(export->out, 0777) != 0 && errno != EEXIST) {
        return kr_fail(error, KR_IO, "%s: the directory cannot be made: %s", export->out, strerror(errno));
    }
    if (format->directory != NULL) {
        struct kr_tally tally = {0};
        enum kr_err err = format->directory(&export->rendering, export->out, &tally, ret_is_changed, error);
        if (err == KR_OK) {
            note_file(export, files, export->out, &tally, *ret_is_changed);
        }
        return err;
    }
    for (uint32_t i = 0; i < format->part_count; i++) {
        const struct kr_export_part *part = &format->parts[i];
        struct kr_tally tally = {0};
        bool is_changed = false;
        if (!is_wanted(export, part)) {
            continue;
        }
        int len = part->file == NULL ? snprintf(path, sizeof path, "%s", export->out)
                                     : snprintf(path, sizeof path, "%s/%s", export->out, part->file);
        if (len < 0 || (size_t)len >= sizeof path) {
            return kr_fail(error, KR_BOUNDS, "the path of the file is too long");
        }
        enum kr_err err = kr_export_write_file(format, part, &export->rendering, path, &tally, &is_changed, error);
        if (err != KR_OK) {
            return err;
        }
        *ret_is_changed = *ret_is_changed || is_changed;
        note_file(export, files, path, &tally, is_changed);
    }
    return KR_OK;
}

/* A signal that ends the program waits until the files are whole, so that no temporary one stays. */
static int write_out(struct export *export, bool is_quiet)
{
    struct kr_error error = {0};
    struct kr_tally tally = {0};
    sigset_t ending, before;
    bool is_changed = false;
    json_t *files = json_array();
    enum kr_err err;
    (void)sigemptyset(&ending);
    (void)sigaddset(&ending, SIGINT);
    (void)sigaddset(&ending, SIGTERM);
    (void)sigaddset(&ending, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &ending, &before);
    if (export->out == NULL) {
        err = write_to_stdout(export, &tally, &error);
        if (err == KR_OK && export->app->is_json) {
            (void)json_array_append_new(files, file_json(NULL, &tally, true));
        } else if (err == KR_OK) {
            tell_text(export, NULL, &tally, true);
        }
    } else {
        err = write_files(export, files, &is_changed, &error);
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    if (err != KR_OK) {
        json_decref(files);
        return kr_app_tell(export->app, err, &error);
    }
    if (is_quiet && !is_changed) {
        json_decref(files);
        return KR_EXIT_DONE;
    }
    return tell_end(export, files, is_changed) ? KR_EXIT_DONE : KR_EXIT_ERROR;
}

/* ---- watching ---- */

/* The watch is in force once a question behind it is answered. */
static enum kr_err begin_watch(struct export *export, struct kr_conn **ret_conn, uint64_t *ret_number, struct kr_error *error)
{
    static const uint8_t nothing[] = {0x90};
    const struct kr_slice none = {nothing, sizeof nothing};
    const struct kr_client_frame *frame = NULL;
    uint64_t behind = 0;
    enum kr_err err = kr_app_connect(export->app, ret_conn, error);
    if (err == KR_OK) {
        err = kr_conn_request(*ret_conn, KR_OP_WATCH, none, WATCH_PAGES, ret_number, error);
    }
    if (err == KR_OK) {
        err = kr_conn_request(*ret_conn, KR_OP_STATUS, none, 0, &behind, error);
    }
    while (err == KR_OK) {
        err = kr_conn_receive(*ret_conn, KR_ANSWER_MS, &frame, error);
        if (err == KR_OK && frame->type == KR_CLIENT_ERROR) {
            err = kr_conn_frame_error(frame, error);
        } else if (err == KR_OK && frame->type == KR_CLIENT_PAGE) {
            err = kr_conn_credit(*ret_conn, *ret_number, 1, error);
        } else if (err == KR_OK && frame->number == behind) {
            break;
        }
    }
    return err;
}

/* Until something came, or the time has; takes in all that is there. */
static enum kr_err wait_for_more(struct kr_conn *conn, uint64_t number, int timeout_ms, struct kr_error *error)
{
    const struct kr_client_frame *frame;
    for (int wait_ms = timeout_ms;; wait_ms = 0) {
        enum kr_err err = kr_conn_receive(conn, wait_ms, &frame, error);
        if (err != KR_OK) {
            return err == KR_TIMEOUT ? KR_OK : err;
        }
        if (frame->type != KR_CLIENT_PAGE) {
            return frame->type == KR_CLIENT_ERROR ? kr_conn_frame_error(frame, error) : KR_CLOSED;
        }
        err = kr_conn_credit(conn, number, 1, error);
        if (err != KR_OK) {
            return err;
        }
    }
}

static int pause_ms(const struct export *export, int64_t anew_ms)
{
    uint64_t now = wall_ms(), until = export->selection.until_ms;
    uint64_t pause = until <= now ? 0 : until - now;
    int64_t left = anew_ms - kr_now_ms();
    pause = pause < WATCH_AGAIN_MS ? pause + 1 : WATCH_AGAIN_MS;
    return left < 0 ? 0 : left < (int64_t)pause ? (int)left : (int)pause;
}

static bool is_absence(enum kr_err err)
{
    return err == KR_CLOSED || err == KR_TIMEOUT || err == KR_NOT_FOUND || err == KR_BUSY || err == KR_IO;
}

/* As long as the node answers. */
static int watch_node(struct export *export, struct kr_error *error, bool *ret_is_gone)
{
    struct kr_conn *conn = NULL;
    uint64_t number = 0;
    int64_t anew_ms = 0;
    enum kr_err err = begin_watch(export, &conn, &number, error);
    *ret_is_gone = is_absence(err);
    if (err != KR_OK && !*ret_is_gone) {
        (void)kr_app_tell(export->app, err, error);
    }
    while (err == KR_OK) {
        if (kr_now_ms() >= anew_ms) {
            kr_selection_deinit(&export->selection);
            kr_gathered_deinit(&export->gathered);
            export->cursor = 0;
            anew_ms = kr_now_ms() + WATCH_ANEW_MS;
        }
        err = fetch(export);
        if (err == KR_OK) {
            bool is_written = select_anew(export) && write_out(export, true) == KR_EXIT_DONE;
            err = is_written ? wait_for_more(conn, number, pause_ms(export, anew_ms), error) : KR_CANCELLED;
        }
        *ret_is_gone = is_absence(err);
    }
    kr_conn_free(conn);
    kr_conn_free(export->app->conn);
    export->app->conn = NULL;
    return err == KR_OK ? KR_EXIT_DONE : KR_EXIT_ERROR;
}

/* A node that goes away comes back: an upgrade must not end what keeps block lists up to date. */
static int watch(struct export *export)
{
    bool is_gone = true;
    int status = KR_EXIT_DONE;
    while (is_gone) {
        struct kr_error error = {0};
        status = watch_node(export, &error, &is_gone);
        if (is_gone) {
            (void)kr_app_fail(export->app, KR_CLOSED,
                              _("the node does not answer any more; the files stay as they are until it does"));
            kr_app_leave_node(export->app); /* all is asked for anew */
            while (!kr_wait_for_node(export->app, WATCH_AWAY_MS)) {
            }
            is_gone = kr_app_open(export->app);
        }
    }
    return status;
}

/* ---- the command ---- */

static const struct kr_export_format *named_format(struct kr_app *app, int argc, char **argv, int rest)
{
    if (rest == argc) {
        (void)kr_app_fail(app, KR_INVALID, _("which format? See kairan export --help"));
        return NULL;
    }
    const struct kr_export_format *format = kr_export_format_find(argv[rest]);
    if (format == NULL) {
        (void)kr_app_fail(app, KR_INVALID, _("there is no format \"%s\"; see kairan export --help"), argv[rest]);
    } else if (rest + 1 < argc) {
        (void)kr_app_unwanted(app, argv[rest + 1]);
        format = NULL;
    }
    return format;
}

int kr_run_export(struct kr_app *app, int argc, char **argv)
{
    struct given given = {.out = NULL};
    struct export export = {.app = app};
    const struct kr_option options[] = {
        {.name = "out", .letter = 'o', .text = &given.out},
        {.name = "label-max", .text = &given.label},
        {.name = "types", .texts = &given.types},
        {.name = "min-age", .text = &given.age_min},
        {.name = "max-age", .text = &given.age_max},
        {.name = "min-councils", .text = &given.councils},
        {.name = "confidence", .text = &given.confidence},
        {.name = "since", .text = &given.since},
        {.name = "max-entries", .text = &given.entries},
        {.name = "zone", .text = &given.zone},
        {.name = "exclude", .text = &given.exclude},
        {.name = "exercise", .flag = &given.exercise},
        {.name = "excel", .flag = &given.excel},
        {.name = "bare", .flag = &given.bare},
        {.name = "any-action", .flag = &given.any_action},
        {.name = "watch", .flag = &given.watches},
        {.name = "body", .flag = &given.body},
    };
    int rest, status = KR_EXIT_ERROR;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    export.format = named_format(app, argc, argv, rest);
    if (export.format != NULL && apply(&export, &given) && kr_app_open(app)) {
        export.cursor = export.since;
        if (export.watches) {
            status = watch(&export);
        } else if (fetch(&export) == KR_OK && open_for_body(&export) && select_anew(&export)) {
            status = write_out(&export, false);
        }
    }
    kr_selection_deinit(&export.selection);
    kr_gathered_deinit(&export.gathered);
    kr_avoid_free(export.filter.avoid);
    return status;
}
