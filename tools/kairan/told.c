#include "tools/kairan/told.h"

#include <string.h>

#include "proto/client/people.h"
#include "tools/kairan/out.h"

static enum kr_err take(void *context, struct kr_slice bytes)
{
    static struct kr_told_body body;
    struct kr_told *told = context;
    enum kr_err err = kr_told_body_read(bytes, &body);
    if (err == KR_OK) {
        told->is_found = true;
        (void)kr_slice_text(body.name_ja, told->name_ja, sizeof told->name_ja);
        (void)kr_slice_text(body.name_en, told->name_en, sizeof told->name_en);
        (void)kr_slice_text(body.council_name, told->council_name, sizeof told->council_name);
    }
    return err;
}

bool kr_told_find(struct kr_app *app, const uint8_t council[static 32], const uint8_t body[static 32], struct kr_told *ret_told)
{
    struct kr_told_ask ask = {.has_council = true, .has_body = true};
    struct kr_error error = {0};
    struct kr_writer args;
    *ret_told = (struct kr_told){.is_found = false};
    memcpy(ask.council, council, 32);
    memcpy(ask.body, body, 32);
    if (!kr_app_open(app)) {
        return false;
    }
    kr_writer_init(&args, KR_KIB);
    kr_told_ask_write(&ask, &args);
    enum kr_err err = kr_writer_finish(&args);
    if (err == KR_OK) {
        err = kr_conn_call(app->conn, KR_OP_TOLD_BODIES, (struct kr_slice){args.bytes, args.len}, KR_ANSWER_MS, take, ret_told,
                           NULL, &error);
    }
    kr_writer_deinit(&args);
    if (err != KR_OK && err != KR_VERSION) {
        (void)kr_app_tell(app, err, &error);
    }
    return err == KR_OK || err == KR_VERSION;
}

const char *kr_told_name(const struct kr_told *told)
{
    const bool prefers_ja = (strcmp(kr_tr_language(), "ja") == 0 && told->name_ja[0] != 0) || told->name_en[0] == 0;
    return prefers_ja ? told->name_ja : told->name_en;
}

void kr_told_print(FILE *out, const struct kr_told *told)
{
    if (told->is_found) {
        kr_out_string(out, kr_told_name(told));
        (void)fputs(_(" (as this council names it: "), out);
        kr_out_string(out, told->council_name);
        (void)fputc(')', out);
    }
}

static json_t *text_or_null(const char *text)
{
    return text[0] != 0 ? json_string(text) : json_null();
}

void kr_told_json(json_t *object, const struct kr_told *told)
{
    (void)json_object_set_new(object, "name_ja", text_or_null(told->name_ja));
    (void)json_object_set_new(object, "name_en", text_or_null(told->name_en));
    (void)json_object_set_new(object, "named_by", text_or_null(told->council_name));
}

/* ---- the list ---- */

struct list {
    const struct kr_app *app;
    uint64_t count;
};

static bool body_json(const struct kr_told_body *body)
{
    json_t *communities = json_array();
    for (uint32_t i = 0; i < body->community_count; i++) {
        (void)json_array_append_new(communities, kr_json_slice(body->community_names[i]));
    }
    return kr_json_line(json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o}", "body", kr_json_id(body->body, 32), "name_ja",
                                  kr_json_slice(body->name_ja), "name_en", kr_json_slice(body->name_en), "council",
                                  kr_json_id(body->council, 32), "council_name", kr_json_slice(body->council_name), "self",
                                  body->is_self, "since", kr_json_time(body->since_s * 1000), "communities", communities));
}

static void body_text(const struct kr_told_body *body)
{
    const bool prefers_ja = (strcmp(kr_tr_language(), "ja") == 0 && body->name_ja.len > 0) || body->name_en.len == 0;
    kr_out_id(stdout, body->body, 16);
    (void)fputs("  ", stdout);
    kr_out_padded(stdout, prefers_ja ? body->name_ja : body->name_en, 28);
    (void)fputs("  ", stdout);
    kr_out_padded(stdout, body->council_name, 20);
    (void)fputs(body->is_self ? _("  (this council)  ") : "  ", stdout);
    for (uint32_t i = 0; i < body->community_count; i++) {
        (void)fputs(i > 0 ? ", " : "", stdout);
        kr_out_text(stdout, body->community_names[i], false);
    }
    (void)fputc('\n', stdout);
}

static enum kr_err show(void *context, struct kr_slice bytes)
{
    static struct kr_told_body body;
    struct list *list = context;
    enum kr_err err = kr_told_body_read(bytes, &body);
    if (err != KR_OK) {
        return err;
    }
    list->count++;
    if (list->app->is_json) {
        return body_json(&body) ? KR_OK : KR_IO;
    }
    body_text(&body);
    return KR_OK;
}

int kr_told_list(struct kr_app *app, const char *council)
{
    struct kr_told_ask ask = {.has_council = council != NULL};
    struct list list = {.app = app};
    struct kr_writer args;
    if (council != NULL && !kr_app_find_council(app, council, ask.council)) {
        return KR_EXIT_ERROR;
    }
    kr_writer_init(&args, KR_KIB);
    kr_told_ask_write(&ask, &args);
    enum kr_err err = kr_app_call(app, KR_OP_TOLD_BODIES, &args, KR_ANSWER_MS, show, &list, NULL);
    kr_writer_deinit(&args);
    if (err == KR_OK && list.count == 0 && !app->is_json) {
        (void)fputs(council != NULL ? _("That council names no body in a community that this council is in.\n")
                                    : _("No body is named in a community that this council is in.\n"),
                    stdout);
    }
    return err != KR_OK ? KR_EXIT_ERROR : list.count > 0 ? KR_EXIT_DONE : KR_EXIT_NONE;
}
