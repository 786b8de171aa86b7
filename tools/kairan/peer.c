/* What the operator does with links: pause, resume, remove, block, and add those through a third node. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/kairan/kairan.h"
#include "tools/kairan/out.h"
#include "tools/kairan/pair.h"
#include "tools/kairan/preview.h"
#include "tools/kairan/root_confirm.h"

static const struct action {
    const char *word;
    uint32_t action;
    const char *warning; /* asked about first; NULL: easily undone */
    const char *done;
} actions[] = {
    {"pause", KR_PEER_PAUSE, NULL, N_("The link is paused: nothing goes over it until kairan peer resume.\n")},
    {"resume", KR_PEER_RESUME, NULL, N_("The link is open again; what was missed is caught up with.\n")},
    {"remove", KR_PEER_REMOVE, N_("The link ends at once; only a new ticket makes it again. Records that are here stay.\n"),
     N_("The link is gone. The other council still has its side of it: tell them.\n")},
    {"block", KR_PEER_BLOCK,
     N_("The link ends at once, and no ticket links this council again until kairan peer unblock. Records that are here stay.\n"),
     N_("The council is blocked.\n")},
    {"unblock", KR_PEER_UNBLOCK, NULL, N_("The council may be linked again, by a new ticket.\n")},
};

/* ---- blocked councils ---- */

struct listing {
    const struct kr_app *app;
    uint64_t count;
};

static enum kr_err show_blocked(void *context, struct kr_slice item)
{
    struct listing *listing = context;
    struct kr_blocked blocked;
    enum kr_err err = kr_blocked_read(item, &blocked);
    if (err != KR_OK) {
        return err;
    }
    listing->count++;
    if (listing->app->is_json) {
        return kr_json_line(json_pack("{s:o, s:o, s:o}", "council", kr_json_id(blocked.council, 32), "name",
                                      kr_json_slice(blocked.name), "since", kr_json_time(blocked.since_ms)))
                   ? KR_OK
                   : KR_IO;
    }
    kr_out_id(stdout, blocked.council, 16);
    (void)fputs("  ", stdout);
    kr_out_padded(stdout, blocked.name, 24);
    (void)fputs("  ", stdout);
    kr_out_time(stdout, blocked.since_ms / 1000);
    (void)fputc('\n', stdout);
    return KR_OK;
}

static int list_blocked(struct kr_app *app)
{
    struct listing listing = {.app = app};
    if (kr_app_ask(app, KR_OP_BLOCKED, KR_ANSWER_MS, show_blocked, &listing, NULL) != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (listing.count == 0 && !app->is_json) {
        (void)fputs(_("No council is blocked.\n"), stdout);
    }
    return listing.count > 0 ? KR_EXIT_DONE : KR_EXIT_NONE;
}

/* ---- acting ---- */

static bool is_wanted(struct kr_app *app, const struct action *action, bool is_sure)
{
    if (action->warning == NULL || is_sure) {
        return true;
    }
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
        (void)kr_app_fail(app, KR_INVALID, _("nobody is there to be asked: add -y where it is to go as it is"));
        return false;
    }
    (void)fputs(_(action->warning), stderr);
    return kr_ask_about(_("Go on? [y/N] "));
}

static int ask(struct kr_app *app, const struct kr_peer_act *request, const char *word, const char *done)
{
    struct kr_writer args;
    struct kr_slice result;
    kr_writer_init(&args, KR_KIB);
    kr_peer_act_write(request, &args);
    enum kr_err err = kr_app_call(app, KR_OP_PEER, &args, KR_ANSWER_MS, NULL, NULL, &result);
    kr_writer_deinit(&args);
    if (err != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:o, s:s}", "council", kr_json_id(request->council, 32), "done", word)) ? KR_EXIT_DONE
                                                                                                                : KR_EXIT_ERROR;
    }
    (void)fputs(_(done), stdout);
    return KR_EXIT_DONE;
}

static int act(struct kr_app *app, const struct action *action, const char *name, bool is_sure)
{
    struct kr_peer_act request = {.action = action->action};
    if (!kr_app_find_council(app, name, request.council) || !is_wanted(app, action, is_sure)) {
        return KR_EXIT_ERROR;
    }
    return ask(app, &request, action->word, action->done);
}

static int add(struct kr_app *app, const char *name, const char *through)
{
    struct kr_peer_act request = {.action = KR_PEER_ADD};
    const struct kr_texts names = {.items = {name, through}, .count = 2};
    uint8_t ids[2][32];
    if (through == NULL) {
        return kr_app_fail(
            app, KR_INVALID,
            _("add --through COUNCIL: the council in between. A link without one is made by a ticket: kairan invite, kairan join"));
    }
    if (!kr_app_find_councils(app, &names, ids)) {
        return KR_EXIT_ERROR;
    }
    memcpy(request.council, ids[0], 32);
    memcpy(request.through, ids[1], 32);
    return ask(
        app, &request, "add",
        N_("Added. The link comes about once the other council has added this one in the same way, and the council in between "
           "has allowed it (kairan forward allow); then compare the code (kairan peer code). kairan peers shows what is "
           "missing.\n"));
}

int kr_run_peer(struct kr_app *app, int argc, char **argv)
{
    bool is_sure = false;
    const char *through = NULL;
    const struct kr_option options[] = {{.name = "yes", .letter = 'y', .flag = &is_sure}, {.name = "through", .text = &through}};
    int rest;
    for (int i = 1; i < argc; i++) { /* these have options of their own */
        if (argv[i][0] != '-') {
            if (kr_pair_is_word(argv[i])) {
                return kr_pair_run(app, argc, argv);
            }
            break;
        }
    }
    if (!kr_options_parse(app, argc, argv, options, 2, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest + 2 <= argc && strcmp(argv[rest], "confirm-root") == 0) {
        return kr_peer_confirm_root(app, argv + rest + 1, argc - rest - 1);
    }
    if (rest + 2 == argc && strcmp(argv[rest], "add") == 0) {
        return add(app, argv[rest + 1], through);
    }
    if (through != NULL) {
        return kr_app_fail(app, KR_INVALID, _("--through belongs to kairan peer add"));
    }
    if (rest + 1 == argc && strcmp(argv[rest], "blocked") == 0) {
        return list_blocked(app);
    }
    for (size_t i = 0; rest + 2 == argc && i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(argv[rest], actions[i].word) == 0) {
            return act(app, &actions[i], argv[rest + 1], is_sure);
        }
    }
    return kr_app_fail(app, KR_INVALID,
                       _("it is kairan peer code, confirm, reject, pause, resume, remove, block or unblock COUNCIL, kairan peer "
                         "add COUNCIL --through COUNCIL, or "
                         "kairan peer blocked"));
}
