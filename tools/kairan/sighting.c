/* sighting: telling those who have a record that something of it was seen, or is harmless. */
#include "tools/kairan/sighting.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/record/body.h"
#include "tools/kairan/out.h"
#include "tools/kairan/preview.h"

#define COUNCILS_MAX 4096u

/* ---- sending ---- */

enum kr_err kr_sighting_send(struct kr_app *app, struct kr_slice id, const struct kr_sighting *sighting,
                             const uint8_t token[static 16], struct kr_stored *ret_stored)
{
    struct kr_sight sight = {.id = id, .sighting = *sighting};
    struct kr_writer args;
    struct kr_slice result;
    memcpy(sight.token, token, sizeof sight.token);
    kr_writer_init(&args, 4 * KR_KIB);
    kr_sight_write(&sight, &args);
    enum kr_err err = kr_app_call(app, KR_OP_SIGHT, &args, KR_ANSWER_MS, NULL, NULL, &result);
    kr_writer_deinit(&args);
    if (err != KR_OK) {
        return err;
    }
    if (kr_stored_read(result, ret_stored) != KR_OK) {
        (void)kr_app_unreadable(app);
        return KR_MALFORMED;
    }
    return KR_OK;
}

/* ---- which value is meant ---- */

/* The indicator of the record that the value matches: the same one before a wider one. */
static bool find_indicator(struct kr_slice content, const struct kr_indicator *asked, struct kr_indicator *ret_found)
{
    static struct kr_report report;
    struct kr_reader reader;
    bool is_found = false, is_same = false;
    if (kr_report_parse(content, &report) != KR_OK) {
        return false;
    }
    kr_reader_init(&reader, report.indicators.bytes, report.indicators.len);
    uint32_t count = kr_reader_array_between(&reader, 0, KR_REPORT_INDICATORS_MAX);
    for (uint32_t i = 0; i < count && !is_same; i++) {
        struct kr_report_indicator indicator;
        kr_report_indicator_read(&reader, &indicator);
        const enum kr_indicator_relation relation =
            kr_indicator_relation(indicator.type, indicator.value, asked->type, (struct kr_slice){asked->value, asked->len});
        is_same = relation == KR_RELATION_SAME;
        if (is_same || (relation != KR_RELATION_NONE && !is_found)) {
            is_found = true;
            ret_found->type = indicator.type;
            ret_found->len = (uint16_t)indicator.value.len;
            memcpy(ret_found->value, indicator.value.bytes, indicator.value.len);
        }
    }
    return is_found;
}

static bool ask_for_record(struct kr_app *app, const uint8_t *id, size_t len, struct kr_shown *ret_shown)
{
    struct kr_slice result;
    enum kr_err err = kr_app_ask_about(app, KR_OP_SHOW, id, len, NULL, NULL, &result);
    if (err == KR_OK && kr_shown_read(result, ret_shown) != KR_OK) {
        (void)kr_app_unreadable(app);
        err = KR_MALFORMED;
    }
    return err == KR_OK;
}

/* What of the record is meant; `*ret_what` stays empty for the record as a whole. */
static bool resolve(struct kr_app *app, const struct kr_shown *shown, const char *value, struct kr_indicator *ret_what)
{
    struct kr_indicator asked;
    struct kr_error error = {0};
    *ret_what = (struct kr_indicator){0};
    if (value == NULL) {
        return true;
    }
    enum kr_err err = kr_indicator_parse(KR_INDICATOR_ANY, value, strlen(value), &asked, &error);
    if (err != KR_OK) {
        (void)kr_app_fail(app, err, _("\"%.*s\" is no value to look up: %s"), 200, value, kr_tr(error.text));
        return false;
    }
    if (shown->content_kind != KR_KIND_REPORT || !find_indicator(shown->content, &asked, ret_what)) {
        (void)kr_app_fail(app, KR_NOT_FOUND, _("that record does not name %.200s; see kairan show"), value);
        return false;
    }
    return true;
}

static bool look_and_ask(struct kr_app *app, const struct kr_shown *shown, const struct kr_sighting *sighting)
{
    char print[KR_INDICATOR_PRINT_BYTES_MAX] = "";
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
        (void)kr_app_fail(app, KR_INVALID, _("nobody is there to be asked: add -y where it is to go as it is"));
        return false;
    }
    kr_out_summary(stderr, &shown->summary);
    if (sighting->value.len > 0 &&
        kr_indicator_print(sighting->type, sighting->value.bytes, sighting->value.len, print, sizeof print) == KR_OK) {
        (void)fputs("    ", stderr);
        kr_out_string(stderr, print);
        (void)fputc('\n', stderr);
    }
    (void)fputs(sighting->what == KR_SIGHTING_SEEN ? _("That it was seen here is told to all who have this record.\n")
                                                   : _("That it is harmless is told to all who have this record.\n"),
                stderr);
    if (!kr_ask()) {
        (void)fputs(_("Nothing was sent.\n"), stderr);
        return false;
    }
    return true;
}

static bool parse_moment(struct kr_app *app, const char *name, const char *text, uint64_t *ret_s)
{
    if (text != NULL && !kr_moment_parse(text, false, ret_s)) {
        (void)kr_app_fail(app, KR_INVALID, _("--%s takes a date (2026-11-25) or a span (7d)"), name);
        return false;
    }
    return true;
}

int kr_run_sighting(struct kr_app *app, int argc, char **argv)
{
    static struct kr_shown shown;
    static struct kr_indicator what;
    const char *count = NULL, *first = NULL, *last = NULL;
    bool is_false = false, is_sure = false;
    const struct kr_option options[] = {{.name = "false-positive", .flag = &is_false},
                                        {.name = "count", .letter = 'n', .text = &count},
                                        {.name = "first", .text = &first},
                                        {.name = "last", .text = &last},
                                        {.name = "yes", .letter = 'y', .flag = &is_sure}};
    struct kr_sighting sighting = {.count = 1};
    uint8_t id[32], token[16];
    struct kr_stored made;
    size_t len;
    int rest;
    if (!kr_options_parse(app, argc, argv, options, 5, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest >= argc || !kr_id_parse(argv[rest], id, &len)) {
        return kr_app_fail(app, KR_INVALID, _("which record? Its id, or 8 digits or more of its beginning; see kairan ls"));
    }
    if (rest + 2 < argc) {
        return kr_app_unwanted(app, argv[rest + 2]);
    }
    if (count != NULL && (!kr_count_parse(count, KR_SIGHTING_COUNT_MAX, &sighting.count) || sighting.count == 0)) {
        return kr_app_fail(app, KR_INVALID, _("--%s takes a number"), "count");
    }
    if (!parse_moment(app, "first", first, &sighting.first_s) || !parse_moment(app, "last", last, &sighting.last_s)) {
        return KR_EXIT_ERROR;
    }
    if (sighting.last_s != 0 && sighting.last_s < sighting.first_s) {
        return kr_app_fail(app, KR_INVALID, _("it cannot have been seen last before it was seen first"));
    }
    if (!ask_for_record(app, id, len, &shown) || !resolve(app, &shown, rest + 1 < argc ? argv[rest + 1] : NULL, &what)) {
        return KR_EXIT_ERROR;
    }
    memcpy(id, shown.summary.id, 32);
    sighting.what = is_false ? KR_SIGHTING_FALSE_POSITIVE : KR_SIGHTING_SEEN;
    sighting.type = what.type;
    sighting.value = (struct kr_slice){what.value, what.len};
    if (!is_sure && !look_and_ask(app, &shown, &sighting)) {
        return KR_EXIT_ERROR;
    }
    randombytes_buf(token, sizeof token);
    if (kr_sighting_send(app, (struct kr_slice){id, 32}, &sighting, token, &made) != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return kr_json_line(
                   json_pack("{s:o, s:b}", "id", kr_json_id(made.id, made.waits ? KR_DRAFT_ID_BYTES : 32), "waits", made.waits))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    kr_out_id(stdout, made.id, made.waits ? 2 * KR_DRAFT_ID_BYTES : 64);
    (void)fputs(made.waits ? _("  waits for approval; see kairan mine\n") : "\n", stdout);
    return KR_EXIT_DONE;
}

/* ---- counting ---- */

static struct kr_seen *seen_of(struct kr_seen_list *list, const struct kr_summary *record)
{
    for (size_t i = 0; i < list->count; i++) {
        if (memcmp(list->items[i].council, record->author, 32) == 0) {
            return &list->items[i];
        }
    }
    struct kr_seen *items = list->count < COUNCILS_MAX ? realloc(list->items, (list->count + 1) * sizeof *items) : NULL;
    if (items == NULL) {
        return NULL;
    }
    list->items = items;
    struct kr_seen *seen = &items[list->count++];
    *seen = (struct kr_seen){0};
    memcpy(seen->council, record->author, 32);
    if (!kr_slice_text(record->author_name, seen->name, sizeof seen->name)) {
        seen->name[0] = 0;
    }
    return seen;
}

static enum kr_err count_one(void *context, struct kr_slice bytes)
{
    struct kr_sighting_item item;
    enum kr_err err = kr_sighting_item_read(bytes, &item);
    if (err != KR_OK) {
        return err;
    }
    struct kr_seen *seen = seen_of(context, &item.record);
    if (seen == NULL) {
        return KR_NOMEM;
    }
    const struct kr_sighting *sighting = &item.sighting;
    const uint64_t made_s = item.record.created_ms / 1000;
    const uint64_t last_s = sighting->last_s != 0 ? sighting->last_s : made_s;
    const uint64_t first_s = sighting->first_s != 0 ? sighting->first_s : last_s < made_s ? last_s : made_s;
    *(sighting->what == KR_SIGHTING_SEEN ? &seen->seen : &seen->false_positives) += sighting->count;
    seen->first_s = seen->first_s == 0 || first_s < seen->first_s ? first_s : seen->first_s;
    seen->last_s = last_s > seen->last_s ? last_s : seen->last_s;
    return KR_OK;
}

enum kr_err kr_seen_ask(struct kr_app *app, const uint8_t id[static 32], struct kr_seen_list *ret_list)
{
    *ret_list = (struct kr_seen_list){0};
    enum kr_err err = kr_app_ask_about(app, KR_OP_SIGHTINGS, id, 32, count_one, ret_list, NULL);
    if (err != KR_OK) {
        kr_seen_deinit(ret_list);
    }
    return err;
}

void kr_seen_deinit(struct kr_seen_list *list)
{
    free(list->items);
    *list = (struct kr_seen_list){0};
}

void kr_seen_print(const struct kr_seen_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct kr_seen *seen = &list->items[i];
        (void)printf(i == 0 ? "  %s:\n" : "", _("sightings"));
        (void)fputs("    ", stdout);
        kr_out_padded(stdout, (struct kr_slice){(const uint8_t *)seen->name, strlen(seen->name)}, 24);
        if (seen->seen > 0) {
            (void)printf(_("  seen %ju times"), (uintmax_t)seen->seen);
        }
        if (seen->false_positives > 0) {
            (void)printf(_("  false positive %ju times"), (uintmax_t)seen->false_positives);
        }
        (void)fputs("  ", stdout);
        kr_out_time(stdout, seen->first_s);
        (void)fputs(" – ", stdout);
        kr_out_time(stdout, seen->last_s);
        (void)fputc('\n', stdout);
    }
}

json_t *kr_seen_json(const struct kr_seen_list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        const struct kr_seen *seen = &list->items[i];
        (void)json_array_append_new(
            array, json_pack("{s:o, s:s, s:I, s:I, s:o, s:o}", "council", kr_json_id(seen->council, 32), "name", seen->name, "seen",
                             (json_int_t)seen->seen, "false_positives", (json_int_t)seen->false_positives, "first",
                             kr_json_time(seen->first_s <= KR_CREATED_MS_MAX / 1000 ? seen->first_s * 1000 : 0), "last",
                             kr_json_time(seen->last_s <= KR_CREATED_MS_MAX / 1000 ? seen->last_s * 1000 : 0)));
    }
    return array;
}
