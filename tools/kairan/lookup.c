/* lookup: values in, records out; and waiting for them without asking again and again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/formats/formats.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/out.h"
#include "tools/kairan/wait.h"

#define VALUES_MAX  1000000u
#define WATCH_PAGES 64u

struct value {
    char *text; /* as asked; own copy */
    struct kr_indicator *indicator;
    bool is_found;
    bool is_cut; /* more matches than keeper lists; none listed: they are damaged */
};

struct lookup {
    struct kr_app *app;
    struct value *values;
    size_t count, capacity, found;
    uint32_t type;
    uint32_t asked[KR_LOOKUP_VALUES_MAX]; /* of the request under way: index into values */
    size_t last_shown;                    /* whose heading was printed last; count: none */
};

/* ---- values ---- */

/* As it stands; else the one indicator that is found in it (hxxp, [.], full-width forms). */
static enum kr_err parse_value(struct lookup *lookup, const char *text, size_t len, struct kr_indicator *ret,
                               struct kr_error *error)
{
    struct kr_extract *extract = NULL;
    enum kr_err err = kr_indicator_parse(lookup->type, text, len, ret, error);
    if (err == KR_OK ||
        kr_formats_extract(text, len, &(struct kr_extract_options){.format = KR_FORMAT_TEXT}, &extract, NULL) != KR_OK) {
        return err;
    }
    if (extract->item_count == 1 && (lookup->type == KR_INDICATOR_ANY || lookup->type == extract->items[0].type)) {
        const struct kr_found *item = &extract->items[0];
        ret->type = item->type;
        ret->len = (uint16_t)item->value.len;
        memcpy(ret->value, item->value.bytes, item->value.len);
        err = KR_OK;
    }
    kr_extract_free(extract);
    return err;
}

static bool add_value(struct lookup *lookup, const char *text, size_t len)
{
    struct kr_indicator parsed;
    struct kr_error error = {0};
    enum kr_err err = lookup->count < VALUES_MAX ? parse_value(lookup, text, len, &parsed, &error) : KR_BOUNDS;
    if (err != KR_OK) {
        (void)kr_app_fail(lookup->app, err, _("\"%.*s\" is no value to look up: %s"), len < 200 ? (int)len : 200, text,
                          error.text[0] != 0 ? kr_tr(error.text) : _(kr_err_text(err)));
        return false;
    }
    if (lookup->count == lookup->capacity) {
        size_t capacity = lookup->capacity * 2 + 64;
        struct value *values = realloc(lookup->values, capacity * sizeof *values);
        if (values == NULL) {
            return false;
        }
        lookup->values = values;
        lookup->capacity = capacity;
    }
    struct value *value = &lookup->values[lookup->count];
    *value = (struct value){.text = strndup(text, len), .indicator = malloc(offsetof(struct kr_indicator, value) + parsed.len)};
    lookup->count++; /* from here on deinit frees it, also half-built */
    if (value->text == NULL || value->indicator == NULL) {
        return false;
    }
    memcpy(value->indicator, &parsed, offsetof(struct kr_indicator, value) + parsed.len);
    return true;
}

static bool add_file(struct lookup *lookup, const char *path)
{
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    bool is_fine = in != NULL;
    if (in == NULL) {
        (void)kr_app_fail(lookup->app, KR_IO, _("cannot read %s: %s"), path, strerror(errno));
    }
    for (ssize_t len; is_fine && (len = getline(&line, &size, in)) >= 0;) {
        char *begin = line + strspn(line, " \t\r\n");
        while (len > 0 && line + len > begin && strchr(" \t\r\n", line[len - 1]) != NULL) {
            len--;
        }
        if (line + len > begin) {
            is_fine = add_value(lookup, begin, (size_t)(line + len - begin));
        }
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
}

/* ---- one round ---- */

static bool show_match(struct lookup *lookup, size_t index, const struct kr_match *match)
{
    const struct value *value = &lookup->values[index];
    char print[KR_INDICATOR_PRINT_BYTES_MAX];
    if (lookup->app->is_json) {
        return kr_json_line(json_pack("{s:s, s:s, s:b, s:o, s:o}", "query", value->text, "type",
                                      kr_indicator_type_name(value->indicator->type), "found", 1, "indicator",
                                      kr_json_indicator(&match->indicator), "record", kr_json_summary(&match->record)));
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
    if (kr_indicator_print(match->indicator.type, match->indicator.value.bytes, match->indicator.value.len, print, sizeof print) ==
        KR_OK) {
        (void)printf("    %s %s ", _("as"), kr_indicator_type_name(match->indicator.type));
        kr_out_string(stdout, print);
        if (match->indicator.note.len > 0) {
            (void)fputs("  # ", stdout);
            kr_out_text(stdout, match->indicator.note, false);
        }
        (void)fputc('\n', stdout);
    }
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
    const char *file = NULL, *type = NULL, *wait = NULL;
    const struct kr_option options[] = {
        {.name = "file", .letter = 'f', .text = &file}, {.name = "type", .text = &type}, {.name = "wait", .text = &wait}};
    struct kr_error error = {0};
    uint64_t wait_s = 0;
    int rest, status = KR_EXIT_ERROR;
    memset(&lookup, 0, sizeof lookup);
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
    bool is_fine = file == NULL || add_file(&lookup, file);
    for (int i = rest; is_fine && i < argc; i++) {
        is_fine = strcmp(argv[i], "-") == 0 ? add_file(&lookup, "-") : add_value(&lookup, argv[i], strlen(argv[i]));
    }
    if (is_fine && lookup.count == 0) {
        (void)kr_app_fail(app, KR_INVALID, _("which value? kairan lookup VALUE... or -f FILE"));
        is_fine = false;
    }
    lookup.last_shown = lookup.count;
    if (is_fine && kr_app_open(app)) {
        enum kr_err err = run(&lookup, wait != NULL, wait_s, &error);
        if (err != KR_OK) {
            status = kr_app_tell(app, err, &error);
        } else if (tell_rest(&lookup)) {
            const bool is_found = wait != NULL ? lookup.found == lookup.count : lookup.found > 0;
            status = is_found ? KR_EXIT_DONE : may_hide(&lookup) ? KR_EXIT_ERROR : KR_EXIT_NONE;
        }
    }
    deinit(&lookup);
    return status;
}
