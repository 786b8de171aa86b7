/* Commands about taking back: retract, retractions. (revise is in submit.c: it sends like submit.) */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/client/draft.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/out.h"
#include "tools/kairan/preview.h"
#include "tools/kairan/split.h"

/* ---- retract ---- */

/* What would go, and who is told. */
static void show_reach(const struct kr_explained *explained)
{
    kr_out_summary(stderr, &explained->summary);
    (void)fputs(_("These councils are told, and their nodes delete it:\n"), stderr);
    for (uint32_t i = 0; i < explained->reach_count; i++) {
        const struct kr_reach *reach = &explained->reach[i];
        if (reach->may_hold) {
            (void)fputs("  ", stderr);
            kr_out_padded(stderr, reach->name, 24);
            (void)fprintf(stderr, "  %s\n", reach->is_linked ? "" : _(", not linked to this one"));
        }
    }
    (void)fputs(_("What was mailed, exported or copied out of Kairan cannot be called back.\n"), stderr);
}

/* 1: yes, 0: no, -1: it has been told why not. */
static int look_and_ask(struct kr_app *app, const uint8_t *id, size_t len)
{
    static struct kr_explained explained;
    struct kr_slice result;
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
        (void)kr_app_fail(app, KR_INVALID, _("nobody is there to be asked: add -y where it is to go as it is"));
        return -1;
    }
    if (kr_app_ask_about(app, KR_OP_EXPLAIN, id, len, NULL, NULL, &result) != KR_OK) {
        return -1;
    }
    if (kr_explained_read(result, &explained) != KR_OK) {
        (void)kr_app_unreadable(app);
        return -1;
    }
    show_reach(&explained);
    if (!kr_ask()) {
        (void)fputs(_("Nothing was sent.\n"), stderr);
        return 0;
    }
    return 1;
}

int kr_run_retract(struct kr_app *app, int argc, char **argv)
{
    const char *reason = NULL, *language = NULL;
    bool is_sure = false;
    const struct kr_option options[] = {{.name = "reason", .text = &reason},
                                        {.name = "language", .text = &language},
                                        {.name = "yes", .letter = 'y', .flag = &is_sure}};
    struct kr_retract retract = {0};
    struct kr_writer args;
    struct kr_slice result;
    struct kr_stored stored;
    uint8_t id[32];
    size_t len;
    int rest;
    if (!kr_options_parse(app, argc, argv, options, 3, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest + 1 != argc || !kr_id_parse(argv[rest], id, &len)) {
        return kr_app_fail(app, KR_INVALID, _("which record? Its id, or 8 digits or more of its beginning; see kairan ls"));
    }
    if (reason == NULL || reason[0] == 0) {
        return kr_app_fail(app, KR_INVALID, _("say why, for those who have it: --reason TEXT"));
    }
    retract.reason = (struct kr_slice){(const uint8_t *)reason, strlen(reason)};
    if (retract.reason.len > KR_NOTE_BYTES_MAX) {
        return kr_app_fail(app, KR_BOUNDS, _("too long: a reason has at most %u bytes"), KR_NOTE_BYTES_MAX);
    }
    language = language != NULL ? language : kr_guess_language(retract.reason);
    retract.language = (struct kr_slice){(const uint8_t *)language, strlen(language)};
    retract.id = (struct kr_slice){id, len};
    int may = is_sure ? 1 : look_and_ask(app, id, len);
    if (may != 1) {
        return KR_EXIT_ERROR;
    }
    randombytes_buf(retract.token, sizeof retract.token);
    kr_writer_init(&args, 4 * KR_KIB);
    kr_retract_write(&retract, &args);
    enum kr_err err = kr_app_call(app, KR_OP_RETRACT, &args, KR_ANSWER_MS, NULL, NULL, &result);
    kr_writer_deinit(&args);
    if (err != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (kr_stored_read(result, &stored) != KR_OK) {
        return kr_app_unreadable(app);
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:o}", "id", kr_json_id(stored.id, 32))) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    kr_out_id(stdout, stored.id, 64);
    (void)fputc('\n', stdout);
    return KR_EXIT_DONE;
}

/* ---- retractions ---- */

struct listing {
    const struct kr_app *app;
    uint64_t count;
};

static enum kr_err show_waiting(void *context, struct kr_slice item)
{
    struct listing *listing = context;
    struct kr_waiting waiting;
    enum kr_err err = kr_waiting_read(item, &waiting);
    if (err != KR_OK) {
        return err;
    }
    listing->count++;
    if (listing->app->is_json) {
        json_t *object = kr_json_summary(&waiting.record);
        (void)json_object_set_new(object, "waiting", json_integer((json_int_t)waiting.total));
        return kr_json_line(object) ? KR_OK : KR_IO;
    }
    kr_out_summary(stdout, &waiting.record);
    (void)printf(_("    of this council %ju wait\n"), waiting.total);
    return KR_OK;
}

static int confirm(struct kr_app *app, const char *whom)
{
    struct kr_confirm confirm = {0};
    struct kr_texts names = {.items = {whom}, .count = 1};
    struct kr_writer args;
    struct kr_slice result;
    struct kr_reader reader;
    uint8_t id[32];
    size_t len;
    if (kr_id_parse(whom, id, &len)) {
        confirm.id = (struct kr_slice){id, len};
    } else {
        confirm.has_council = true;
        if (!kr_app_find_councils(app, &names, &confirm.council)) {
            return KR_EXIT_ERROR;
        }
    }
    kr_writer_init(&args, KR_KIB);
    kr_confirm_write(&confirm, &args);
    enum kr_err err = kr_app_call(app, KR_OP_CONFIRM, &args, KR_ANSWER_MS, NULL, NULL, &result);
    kr_writer_deinit(&args);
    if (err != KR_OK) {
        return KR_EXIT_ERROR;
    }
    kr_reader_init(&reader, result.bytes, result.len);
    kr_reader_array(&reader, 1);
    uint64_t count = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return kr_app_unreadable(app);
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:I}", "confirmed", (json_int_t)count)) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    (void)printf(_("confirmed: %ju\n"), count);
    return KR_EXIT_DONE;
}

int kr_run_retractions(struct kr_app *app, int argc, char **argv)
{
    struct listing listing = {.app = app};
    int rest;
    if (!kr_options_parse(app, argc, argv, NULL, 0, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest + 2 == argc && strcmp(argv[rest], "confirm") == 0) {
        return confirm(app, argv[rest + 1]);
    }
    if (rest < argc) {
        return kr_app_fail(app, KR_INVALID, _("it is kairan retractions, or kairan retractions confirm COUNCIL|ID"));
    }
    if (kr_app_ask(app, KR_OP_RETRACTIONS, KR_ANSWER_MS, show_waiting, &listing, NULL) != KR_OK) {
        return KR_EXIT_ERROR;
    }
    return listing.count > 0 ? KR_EXIT_DONE : KR_EXIT_NONE;
}
