/* lookup: values in, records out; and waiting for them without asking again and again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/formats/formats.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/lookup_sealed.h"
#include "tools/kairan/out.h"
#include "tools/kairan/wait.h"

#define VALUES_MAX       1000000u
#define WATCH_PAGES      64u
#define LINE_BYTES_MAX   (64u * KR_KIB)
#define REFUSED_TOLD_MAX 20u

struct value {
    char *text; /* as asked; own copy */
    struct kr_indicator *indicator;
    bool is_found;
    bool is_told; /* what is sealed to us of it */
    bool is_cut;  /* more matches than keeper lists; none listed: they are damaged */
};

struct lookup {
    struct kr_app *app;
    struct value *values;
    size_t count, capacity, found;
    size_t refused; /* lines of files that are no values */
    uint32_t type;
    uint32_t asked[KR_LOOKUP_VALUES_MAX]; /* of the request under way: index into values */
    size_t last_shown;                    /* whose heading was printed last; count: none */
    struct kr_sealed *sealed;
    size_t sealed_value; /* the one that is sought in what is sealed */
};

/* ---- values ---- */

static enum kr_err add_parsed(struct lookup *lookup, const char *text, size_t len, uint32_t type, const uint8_t *bytes,
                              size_t bytes_len)
{
    if (lookup->count == VALUES_MAX) {
        return KR_BOUNDS;
    }
    if (lookup->count == lookup->capacity) {
        size_t capacity = lookup->capacity * 2 + 64;
        struct value *values = realloc(lookup->values, capacity * sizeof *values);
        if (values == NULL) {
            return KR_NOMEM;
        }
        lookup->values = values;
        lookup->capacity = capacity;
    }
    struct value *value = &lookup->values[lookup->count];
    *value = (struct value){.text = strndup(text, len), .indicator = malloc(offsetof(struct kr_indicator, value) + bytes_len)};
    lookup->count++; /* from here on deinit frees it, also half-built */
    if (value->text == NULL || value->indicator == NULL) {
        return KR_NOMEM;
    }
    value->indicator->type = type;
    value->indicator->len = (uint16_t)bytes_len;
    memcpy(value->indicator->value, bytes, bytes_len);
    return KR_OK;
}

/* What is found in a text (hxxp, [.], full-width forms): one is shown as it was written, of several each as it is understood. */
static enum kr_err add_found(struct lookup *lookup, const char *text, size_t len)
{
    char print[KR_INDICATOR_PRINT_BYTES_MAX];
    struct kr_extract *extract = NULL;
    enum kr_err err = kr_formats_extract(text, len, &(struct kr_extract_options){.format = KR_FORMAT_TEXT}, &extract, NULL);
    if (err != KR_OK) {
        return err;
    }
    const size_t before = lookup->count;
    for (size_t i = 0; i < extract->item_count && err == KR_OK; i++) {
        const struct kr_found *item = &extract->items[i];
        if (lookup->type != KR_INDICATOR_ANY && lookup->type != item->type) {
            continue;
        }
        const bool is_alone = extract->item_count == 1;
        if (is_alone || kr_indicator_print(item->type, item->value.bytes, item->value.len, print, sizeof print) == KR_OK) {
            err = add_parsed(lookup, is_alone ? text : print, is_alone ? len : strlen(print), item->type, item->value.bytes,
                             item->value.len);
        }
    }
    kr_extract_free(extract);
    return err == KR_OK && lookup->count == before ? KR_INVALID : err;
}

static enum kr_err add_value(struct lookup *lookup, const char *text, size_t len, struct kr_error *error)
{
    struct kr_indicator parsed;
    enum kr_err err = kr_indicator_parse(lookup->type, text, len, &parsed, error);
    return err == KR_OK ? add_parsed(lookup, text, len, parsed.type, parsed.value, parsed.len) : add_found(lookup, text, len);
}

static bool add_argument(struct lookup *lookup, const char *text)
{
    struct kr_error error = {0};
    const size_t len = strlen(text);
    enum kr_err err = add_value(lookup, text, len, &error);
    if (err != KR_OK) {
        (void)kr_app_fail(lookup->app, err, _("\"%.*s\" is no value to look up: %s"), len < 200 ? (int)len : 200, text,
                          err == KR_INVALID && error.text[0] != 0 ? kr_tr(error.text) : _(kr_err_text(err)));
    }
    return err == KR_OK;
}

/* A line that is no value is told of, and the others are looked up all the same. */
static bool add_line(struct lookup *lookup, const char *path, uint64_t number, const char *text, size_t len)
{
    struct kr_error error = {0};
    enum kr_err err = len > LINE_BYTES_MAX ? KR_INVALID : add_value(lookup, text, len, &error);
    if (err == KR_OK) {
        return true;
    }
    if (err != KR_INVALID) {
        (void)kr_app_fail(lookup->app, err, _("%s, line %llu: %s"), path, (unsigned long long)number, _(kr_err_text(err)));
        return false;
    }
    lookup->refused++;
    if (lookup->refused <= REFUSED_TOLD_MAX) {
        (void)kr_app_fail(lookup->app, err, _("%s, line %llu: \"%.*s\" is no value to look up; it is left out"), path,
                          (unsigned long long)number, len < 80 ? (int)len : 80, text);
    }
    return true;
}

static bool add_file(struct lookup *lookup, const char *path)
{
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    uint64_t number = 0;
    bool is_fine = in != NULL;
    if (in == NULL) {
        (void)kr_app_fail(lookup->app, KR_IO, _("cannot read %s: %s"), path, strerror(errno));
    }
    for (ssize_t len; is_fine && (len = getline(&line, &size, in)) >= 0;) {
        char *begin = line + strspn(line, " \t\r\n");
        number++;
        while (len > 0 && line + len > begin && strchr(" \t\r\n", line[len - 1]) != NULL) {
            len--;
        }
        if (line + len > begin && *begin != '#') {
            is_fine = add_line(lookup, path, number, begin, (size_t)(line + len - begin));
        }
    }
    if (is_fine && ferror(in)) {
        (void)kr_app_fail(lookup->app, KR_IO, _("cannot read %s: %s"), path, strerror(errno));
        is_fine = false;
    }
    free(line);
    if (in != NULL && in != stdin) {
        (void)fclose(in);
    }
    return is_fine;
}

static void deinit(struct lookup *lookup)
{
    for (size_t i = 0; i < lookup->count; i++) {
        free(lookup->values[i].text);
        free(lookup->values[i].indicator);
    }
    free(lookup->values);
    kr_sealed_free(lookup->sealed);
}

/* ---- one round ---- */

static const char *relation_text(enum kr_indicator_relation relation)
{
    switch (relation) {
    case KR_RELATION_NETWORK:
        return _("a network around it");
    case KR_RELATION_PARENT:
        return _("a parent domain");
    case KR_RELATION_HOST:
        return _("its host");
    case KR_RELATION_ON_HOST:
        return _("a URL there");
    case KR_RELATION_WITHOUT_QUERY:
        return _("the URL without its query");
    default:
        return _("the same value");
    }
}

/* Whether a record still stands, as far as it is known here. */
static const char *state_name(const struct kr_summary *record, uint64_t now_s)
{
    return record->taken != KR_TAKEN_NOT ? kr_taken_name(record->taken) : record->expires_s <= now_s ? "expired" : "live";
}

static void show_age(uint64_t created_s, uint64_t now_s)
{
    const unsigned long long age_s = now_s > created_s ? now_s - created_s : 0;
    if (age_s < 2 * 3600) {
        (void)printf(_("%llu min old"), age_s / 60);
    } else if (age_s < 2 * 86400) {
        (void)printf(_("%llu h old"), age_s / 3600);
    } else {
        (void)printf(_("%llu days old"), age_s / 86400);
    }
}

/* Which indicator it is, how it belongs to the value, how old it is and how long it holds. */
static void show_indicator(const struct value *value, const struct kr_match *match)
{
    const struct kr_report_indicator *indicator = &match->indicator;
    const struct kr_summary *record = &match->record;
    const uint64_t now_s = (uint64_t)time(NULL);
    char print[KR_INDICATOR_PRINT_BYTES_MAX];
    const struct kr_slice asked = {value->indicator->value, value->indicator->len};
    if (kr_indicator_print(indicator->type, indicator->value.bytes, indicator->value.len, print, sizeof print) == KR_OK) {
        (void)printf("    %s %s ", _("as"), kr_indicator_type_name(indicator->type));
        kr_out_string(stdout, print);
        (void)printf(" (%s)",
                     relation_text(kr_indicator_relation(indicator->type, indicator->value, value->indicator->type, asked)));
        if (indicator->note.len > 0) {
            (void)fputs("  # ", stdout);
            kr_out_text(stdout, indicator->note, false);
        }
        (void)fputc('\n', stdout);
    }
    (void)fputs("    ", stdout);
    show_age(record->created_ms / 1000, now_s);
    (void)fputs(", ", stdout);
    if (record->taken == KR_TAKEN_NOT) { /* what was taken back, its line says */
        (void)fputs(record->expires_s > now_s ? _("live until ") : _("expired "), stdout);
        kr_out_time(stdout, record->expires_s);
    } else {
        (void)fputs(record->taken == KR_TAKEN_WAITS ? _("taken back by its author") : _("taken back"), stdout);
    }
    if (indicator->last_s > 0) {
        (void)fputs(_(", last seen "), stdout);
        kr_out_time(stdout, indicator->last_s);
    }
    (void)fputc('\n', stdout);
}

static json_t *json_match(const struct value *value, const struct kr_match *match)
{
    const uint64_t now_s = (uint64_t)time(NULL), created_s = match->record.created_ms / 1000;
    const struct kr_slice asked = {value->indicator->value, value->indicator->len};
    const enum kr_indicator_relation relation =
        kr_indicator_relation(match->indicator.type, match->indicator.value, value->indicator->type, asked);
    return json_pack("{s:s, s:s, s:b, s:s, s:s, s:I, s:o, s:o}", "query", value->text, "type",
                     kr_indicator_type_name(value->indicator->type), "found", 1, "match", kr_indicator_relation_name(relation),
                     "state", state_name(&match->record, now_s), "age_s", (json_int_t)(now_s > created_s ? now_s - created_s : 0),
                     "indicator", kr_json_indicator(&match->indicator), "record", kr_json_summary(&match->record));
}

static bool show_match(struct lookup *lookup, size_t index, const struct kr_match *match)
{
    const struct value *value = &lookup->values[index];
    if (lookup->app->is_json) {
        return kr_json_line(json_match(value, match));
    }
    if (lookup->last_shown != index) {
        kr_out_style(stdout, KR_STYLE_BOLD);
        kr_out_string(stdout, value->text);
        kr_out_style(stdout, KR_STYLE_NONE);
        (void)fputc('\n', stdout);
        lookup->last_shown = index;
    }
    (void)fputs("  ", stdout);
    kr_out_summary(stdout, &match->record);
    show_indicator(value, match);
    return fflush(stdout) == 0;
}

static enum kr_err take_match(struct lookup *lookup, struct kr_slice item, uint32_t asked)
{
    static struct kr_match match;
    enum kr_err err = kr_match_read(item, &match);
    if (err == KR_OK && match.query >= asked) {
        err = KR_MALFORMED;
    }
    if (err != KR_OK) {
        return err;
    }
    struct value *value = &lookup->values[lookup->asked[match.query]];
    lookup->found += value->is_found ? 0 : 1;
    value->is_found = true;
    return show_match(lookup, lookup->asked[match.query], &match) ? KR_OK : KR_IO;
}

/* The result names the values that have older matches than were listed. */
static enum kr_err take_end(struct lookup *lookup, struct kr_slice result, uint32_t asked)
{
    struct kr_reader reader;
    kr_reader_init(&reader, result.bytes, result.len);
    uint32_t count = kr_reader_array_between(&reader, 0, asked);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t at = kr_reader_uint(&reader, asked - 1);
        if (reader.err == KR_OK) {
            lookup->values[lookup->asked[at]].is_cut = true;
        }
    }
    kr_reader_close(&reader);
    return kr_reader_end(&reader);
}

/* Sends the next values that were not found yet, from `*at` on. Zero of them: nothing is sent. */
static enum kr_err send_some(struct lookup *lookup, size_t *at, uint32_t *ret_asked, uint64_t *ret_number, struct kr_error *error)
{
    struct kr_writer args;
    uint32_t count = 0;
    size_t bytes = 0, end = *at;
    for (; end < lookup->count && count < KR_LOOKUP_VALUES_MAX && bytes < 256 * KR_KIB; end++) {
        if (!lookup->values[end].is_found) {
            lookup->asked[count++] = (uint32_t)end;
            bytes += lookup->values[end].indicator->len + 8u;
        }
    }
    *at = end;
    *ret_asked = count;
    if (count == 0) {
        return KR_OK;
    }
    kr_writer_init(&args, KR_CLIENT_FRAME_BYTES_MAX);
    kr_writer_array(&args, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct kr_indicator *indicator = lookup->values[lookup->asked[i]].indicator;
        kr_writer_array(&args, 2);
        kr_writer_uint(&args, indicator->type);
        kr_writer_bin(&args, indicator->value, indicator->len);
    }
    enum kr_err err = kr_writer_finish(&args);
    if (err == KR_OK) {
        err = kr_conn_request(lookup->app->conn, KR_OP_LOOKUP, (struct kr_slice){args.bytes, args.len}, KR_CONN_PAGES, ret_number,
                              error);
    }
    kr_writer_deinit(&args);
    return err;
}

/* Takes frames until the request `number` has ended. `*news` is set where the watch said that something came. */
static enum kr_err finish_request(struct lookup *lookup, uint64_t number, uint64_t watch, uint32_t asked, bool *news,
                                  struct kr_error *error)
{
    const struct kr_client_frame *frame;
    for (;;) {
        enum kr_err err = kr_conn_receive(lookup->app->conn, KR_ANSWER_MS, &frame, error);
        if (err != KR_OK) {
            return err;
        }
        if (frame->type == KR_CLIENT_ERROR) {
            return kr_conn_frame_error(frame, error);
        }
        if (frame->type == KR_CLIENT_END) {
            if (frame->number == number) {
                return asked > 0 ? take_end(lookup, frame->payload, asked) : KR_OK;
            }
            continue;
        }
        for (uint32_t i = 0; frame->number == number && err == KR_OK && i < frame->item_count; i++) {
            err = take_match(lookup, frame->items[i], asked);
        }
        *news = *news || frame->number == watch;
        err = err == KR_OK ? kr_conn_credit(lookup->app->conn, frame->number, 1, error) : err;
        if (err != KR_OK) {
            return err;
        }
    }
}

static enum kr_err look_up(struct lookup *lookup, uint64_t watch, bool *news, struct kr_error *error)
{
    enum kr_err err = KR_OK;
    for (size_t at = 0; err == KR_OK && at < lookup->count;) {
        uint32_t asked;
        uint64_t number;
        err = send_some(lookup, &at, &asked, &number, error);
        if (err == KR_OK && asked > 0) {
            err = finish_request(lookup, number, watch, asked, news, error);
        }
    }
    return err;
}

/* ---- what is sealed to us ---- */

static bool take_sealed(void *context, const struct kr_match *match)
{
    struct lookup *lookup = context;
    struct value *value = &lookup->values[lookup->sealed_value];
    lookup->found += value->is_found ? 0 : 1;
    value->is_found = value->is_told = true;
    return show_match(lookup, lookup->sealed_value, match);
}

static enum kr_err look_up_sealed(struct lookup *lookup)
{
    if (lookup->sealed->pair_count == 0) {
        return KR_OK;
    }
    struct kr_sealed_index *index = kr_sealed_index_new(lookup->sealed);
    bool is_fine = index != NULL;
    for (size_t i = 0; i < lookup->count && is_fine; i++) {
        const struct value *value = &lookup->values[i];
        lookup->sealed_value = i;
        is_fine = value->is_told ||
                  kr_sealed_index_find(index, value->indicator->type,
                                       (struct kr_slice){value->indicator->value, value->indicator->len}, take_sealed, lookup);
    }
    kr_sealed_index_free(index);
    return is_fine ? KR_OK : KR_IO;
}

/* ---- waiting ---- */

/* The watch is in force once a question behind it is answered: both are in one queue. */
static enum kr_err begin_watch(struct lookup *lookup, uint64_t *ret_watch, bool *news, struct kr_error *error)
{
    static const uint8_t bytes[] = {0x90};
    const struct kr_slice nothing = {bytes, sizeof bytes};
    uint64_t status;
    enum kr_err err = kr_conn_request(lookup->app->conn, KR_OP_WATCH, nothing, WATCH_PAGES, ret_watch, error);
    if (err == KR_OK) {
        err = kr_conn_request(lookup->app->conn, KR_OP_STATUS, nothing, 0, &status, error);
    }
    return err == KR_OK ? finish_request(lookup, status, *ret_watch, 0, news, error) : err;
}

static enum kr_err wait_for_news(struct lookup *lookup, int64_t deadline, struct kr_error *error)
{
    const struct kr_client_frame *frame;
    int64_t left = deadline - kr_now_ms();
    enum kr_err err = kr_conn_receive(lookup->app->conn, left > 0 ? (int)left : 0, &frame, error);
    if (err != KR_OK) {
        return err;
    }
    return frame->type == KR_CLIENT_ERROR ? kr_conn_frame_error(frame, error)
                                          : kr_conn_credit(lookup->app->conn, frame->number, 1, error);
}

static enum kr_err run(struct lookup *lookup, bool waits, uint64_t wait_s, struct kr_error *error)
{
    int64_t deadline = kr_now_ms() + (int64_t)wait_s * 1000;
    uint64_t watch = 0;
    bool news = false;
    enum kr_err err = waits ? begin_watch(lookup, &watch, &news, error) : KR_OK;
    while (err == KR_OK) {
        news = false;
        err = look_up(lookup, watch, &news, error);
        err = err == KR_OK ? look_up_sealed(lookup) : err;
        if (err != KR_OK || !waits || lookup->found == lookup->count) {
            break;
        }
        if (!news) {
            err = wait_for_news(lookup, deadline, error);
        }
    }
    return err == KR_TIMEOUT && waits ? KR_OK : err;
}

/* What stands in no match: of which values there is nothing, and of which there is more. */
static bool tell_rest(const struct lookup *lookup)
{
    bool is_fine = true;
    for (size_t i = 0; is_fine && i < lookup->count; i++) {
        const struct value *value = &lookup->values[i];
        if (value->is_found && !value->is_cut) {
            continue;
        }
        if (lookup->app->is_json) {
            is_fine = kr_json_line(json_pack("{s:s, s:s, s:b}", "query", value->text, "type",
                                             kr_indicator_type_name(value->indicator->type), value->is_cut ? "cut" : "found",
                                             value->is_cut ? 1 : 0));
        } else {
            kr_out_style(stdout, KR_STYLE_DIM);
            kr_out_string(stdout, value->text);
            (void)printf("  %s\n", value->is_found ? _("has more matches than are listed: these are the newest")
                                   : value->is_cut ? _("may be in a record that is damaged: run kairan verify")
                                                   : _("not found"));
            kr_out_style(stdout, KR_STYLE_NONE);
        }
    }
    if (is_fine && !lookup->app->is_json && lookup->count > 1) {
        (void)printf(_("found: %zu of %zu values\n"), lookup->found, lookup->count);
    }
    if (lookup->refused > REFUSED_TOLD_MAX) {
        (void)kr_app_fail(lookup->app, KR_INVALID, _("%zu lines are no values and were left out"), lookup->refused);
    }
    return is_fine;
}

/* Whether a value of which nothing was found may stand in a damaged record: then nobody may go by "there is nothing". */
static bool may_hide(const struct lookup *lookup)
{
    size_t i = 0;
    while (i < lookup->count && (lookup->values[i].is_found || !lookup->values[i].is_cut)) {
        i++;
    }
    return i < lookup->count;
}

int kr_run_lookup(struct kr_app *app, int argc, char **argv)
{
    static struct lookup lookup;
    static struct kr_texts files;
    const char *type = NULL, *wait = NULL;
    const struct kr_option options[] = {
        {.name = "file", .letter = 'f', .texts = &files}, {.name = "type", .text = &type}, {.name = "wait", .text = &wait}};
    struct kr_error error = {0};
    uint64_t wait_s = 0;
    int rest, status = KR_EXIT_ERROR;
    memset(&lookup, 0, sizeof lookup);
    files.count = 0;
    lookup.app = app;
    if (!kr_options_parse(app, argc, argv, options, 3, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (type != NULL && kr_indicator_type_parse(type, strlen(type), &lookup.type) != KR_OK) {
        return kr_app_fail(app, KR_INVALID, _("there is no type \"%s\"; see kairan lookup --help"), type);
    }
    if (wait != NULL && (!kr_seconds_parse(wait, &wait_s) || wait_s > 86400)) {
        return kr_app_fail(app, KR_INVALID, _("--%s takes a span like 90s, 5m, 2h or 7d"), "wait");
    }
    bool is_fine = true;
    for (uint32_t i = 0; is_fine && i < files.count; i++) {
        is_fine = add_file(&lookup, files.items[i]);
    }
    for (int i = rest; is_fine && i < argc; i++) {
        is_fine = strcmp(argv[i], "-") == 0 ? add_file(&lookup, "-") : add_argument(&lookup, argv[i]);
    }
    if (is_fine && lookup.count == 0 && lookup.refused == 0) {
        (void)kr_app_fail(app, KR_INVALID, _("which value? kairan lookup VALUE... or -f FILE"));
        is_fine = false;
    }
    lookup.last_shown = lookup.count;
    if (is_fine && lookup.count > 0 && kr_app_open(app)) {
        lookup.sealed = kr_sealed_new(app, false, true);
    }
    if (lookup.sealed != NULL) {
        enum kr_err err = run(&lookup, wait != NULL, wait_s, &error);
        if (err != KR_OK) {
            status = kr_app_tell(app, err, &error);
        } else if (tell_rest(&lookup)) {
            const bool is_found = wait != NULL ? lookup.found == lookup.count : lookup.found > 0;
            status = is_found ? KR_EXIT_DONE : may_hide(&lookup) || lookup.refused > 0 ? KR_EXIT_ERROR : KR_EXIT_NONE;
        }
    }
    deinit(&lookup);
    return status;
}
