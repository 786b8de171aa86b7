/* Between whom this node passes frames on, so that two councils that can only dial out have a link. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/client/forward.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/out.h"

/* "65536", "256K", "2M" → bytes a second. */
static bool parse_rate(const char *text, uint64_t *ret_rate)
{
    char digits[16];
    const size_t len = strlen(text);
    const char unit = len > 0 ? text[len - 1] : 0;
    const uint64_t scale = unit == 'K' || unit == 'k' ? KR_KIB : unit == 'M' || unit == 'm' ? KR_MIB : 1;
    const size_t count = len - (scale > 1);
    uint64_t value = 0;
    if (len == 0 || count == 0 || count >= sizeof digits) {
        return false;
    }
    memcpy(digits, text, count);
    digits[count] = 0;
    if (!kr_count_parse(digits, KR_FORWARD_RATE_MAX / scale, &value) || value * scale < KR_FORWARD_RATE_MIN) {
        return false;
    }
    *ret_rate = value * scale;
    return true;
}

/* ---- the list ---- */

struct listing {
    const struct kr_app *app;
    uint64_t count;
};

/* Why nothing is passed on, or that it is. */
static const char *state_word(const struct kr_forward_item *item)
{
    return item->is_ready                             ? N_("on")
           : !item->is_up[0] || !item->is_up[1]       ? N_("offline")
           : item->has_asked[0] || item->has_asked[1] ? N_("one side asks")
                                                      : N_("nobody asks");
}

static enum kr_err item_json(const struct kr_forward_item *item)
{
    json_t *sides = json_array();
    for (uint32_t i = 0; i < 2; i++) {
        (void)json_array_append_new(sides,
                                    json_pack("{s:o, s:o, s:b, s:b}", "council", kr_json_id(item->councils[i], 32), "name",
                                              kr_json_slice(item->names[i]), "online", item->is_up[i], "asks", item->has_asked[i]));
    }
    return kr_json_line(json_pack("{s:o, s:s, s:I, s:o, s:I, s:I, s:I, s:I}", "councils", sides, "state", state_word(item), "rate",
                                  (json_int_t)item->rate, "since", kr_json_time(item->since_ms), "now_rate",
                                  (json_int_t)item->now_rate, "bytes", (json_int_t)item->bytes, "dropped",
                                  (json_int_t)item->dropped, "waiting", (json_int_t)item->waiting))
               ? KR_OK
               : KR_IO;
}

static enum kr_err show_item(void *context, struct kr_slice bytes)
{
    struct listing *listing = context;
    struct kr_forward_item item;
    enum kr_err err = kr_forward_item_read(bytes, &item);
    if (err != KR_OK) {
        return err;
    }
    listing->count++;
    if (listing->app->is_json) {
        return item_json(&item);
    }
    kr_out_text(stdout, item.names[0], false);
    (void)fputs(" <-> ", stdout);
    kr_out_text(stdout, item.names[1], false);
    (void)printf("\n  %s: ", _("state"));
    kr_out_style(stdout, item.is_ready ? KR_STYLE_GREEN : KR_STYLE_AMBER);
    (void)fputs(_(state_word(&item)), stdout);
    kr_out_style(stdout, KR_STYLE_NONE);
    for (uint32_t i = 0; i < 2; i++) {
        (void)fputs("\n  ", stdout);
        kr_out_text(stdout, item.names[i], false);
        (void)fputs(": ", stdout);
        (void)fputs(!item.is_up[i]      ? _("offline")
                    : item.has_asked[i] ? _("asks for the link")
                                        : _("does not ask for the link"),
                    stdout);
    }
    (void)printf("\n  %s: ", _("rate"));
    kr_out_bytes(stdout, item.now_rate);
    (void)fputs(_(" a second, of "), stdout);
    kr_out_bytes(stdout, item.rate);
    (void)printf("\n  %s: ", _("passed on since the start"));
    kr_out_bytes(stdout, item.bytes);
    (void)printf(_(", %ju pieces dropped\n"), (uintmax_t)item.dropped);
    (void)fputc('\n', stdout);
    return KR_OK;
}

static int list(struct kr_app *app)
{
    struct listing listing = {.app = app};
    if (kr_app_ask(app, KR_OP_FORWARDS, KR_ANSWER_MS, show_item, &listing, NULL) != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (listing.count == 0 && !app->is_json) {
        (void)fputs(_("Nothing is passed on between other councils.\n"), stdout);
    }
    return listing.count > 0 ? KR_EXIT_DONE : KR_EXIT_NONE;
}

/* ---- acting ---- */

static int act(struct kr_app *app, uint32_t action, char **names, const char *rate)
{
    struct kr_forward_act request = {.action = action};
    struct kr_writer args;
    struct kr_slice result;
    if (rate != NULL && !parse_rate(rate, &request.rate)) {
        return kr_app_fail(app, KR_INVALID, _("a rate is bytes a second, 16K to 64M: %s"), rate);
    }
    if (!kr_app_find_council(app, names[0], request.councils[0]) || !kr_app_find_council(app, names[1], request.councils[1])) {
        return KR_EXIT_ERROR;
    }
    kr_writer_init(&args, KR_KIB);
    kr_forward_act_write(&request, &args);
    enum kr_err err = kr_app_call(app, KR_OP_FORWARD, &args, KR_ANSWER_MS, NULL, NULL, &result);
    kr_writer_deinit(&args);
    if (err != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:[o, o], s:s}", "councils", kr_json_id(request.councils[0], 32),
                                      kr_json_id(request.councils[1], 32), "done", action == KR_FORWARD_ALLOW ? "allow" : "deny"))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    (void)fputs(
        action == KR_FORWARD_ALLOW
            ? _("Allowed. The link comes about once both have run kairan peer add with --through; kairan forward ls shows it.\n")
            : _("Nothing is passed on between these two any more.\n"),
        stdout);
    return KR_EXIT_DONE;
}

int kr_run_forward(struct kr_app *app, int argc, char **argv)
{
    const char *rate = NULL;
    const struct kr_option options[] = {{.name = "rate", .text = &rate}};
    int rest;
    if (!kr_options_parse(app, argc, argv, options, 1, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest + 1 == argc && strcmp(argv[rest], "ls") == 0 && rate == NULL) {
        return list(app);
    }
    if (rest + 3 == argc && strcmp(argv[rest], "allow") == 0) {
        return act(app, KR_FORWARD_ALLOW, argv + rest + 1, rate);
    }
    if (rest + 3 == argc && strcmp(argv[rest], "deny") == 0 && rate == NULL) {
        return act(app, KR_FORWARD_DENY, argv + rest + 1, NULL);
    }
    return kr_app_fail(
        app, KR_INVALID,
        _("it is kairan forward allow COUNCIL COUNCIL [--rate RATE], kairan forward deny COUNCIL COUNCIL, or kairan forward ls"));
}
