/* Links that are not in force: kairan peer code, confirm, reject; and what kairan peers says of them. */
#include <stdio.h>
#include <string.h>

#include "proto/record/record.h"
#include "proto/wire/pairing.h"
#include "tools/kairan/out.h"
#include "tools/kairan/pair.h"
#include "tools/kairan/preview.h"
#include "tools/kairan/root_key.h"

/* ---- what is said ---- */

/* In two groups, as telephone numbers are read. */
static void code_out(struct kr_slice code)
{
    kr_out_style(stdout, KR_STYLE_BOLD);
    for (size_t i = 0; i < code.len; i++) {
        (void)printf("%s%c", i == KR_PAIRING_DIGITS / 2 ? " " : "",
                     code.bytes[i] >= '0' && code.bytes[i] <= '9' ? code.bytes[i] : '?');
    }
    kr_out_style(stdout, KR_STYLE_NONE);
}

void kr_pair_how(struct kr_slice council_name, struct kr_slice code)
{
    (void)fputs(_("The code of this link: "), stdout);
    code_out(code);
    (void)fputs(
        _("\nTelephone the other council, at a number that you know, not one out of a mail. Let the code be read out to you, and "
          "read out yours:\nit must be the same. Both enter what they hear: kairan peer confirm "),
        stdout);
    kr_out_text(stdout, council_name, false);
    (void)fputs(
        _(" CODE\nUntil both have done so only TLP:CLEAR and the directory go over the link. Another code there: kairan peer "
          "reject\n"),
        stdout);
}

const char *kr_stop_reason(uint32_t stop)
{
    switch (stop) {
    case KR_STOP_NODE_KEY:
        return N_("its node signed with a key that its council's card does not list");
    case KR_STOP_CARD:
        return N_("it showed a card that its council's root key has not signed");
    case KR_STOP_PAIRING:
        return N_("while the code was agreed on it said one thing, and then another");
    case KR_STOP_RESTORED:
        return N_("this node went back to an older state before both operators had confirmed the code");
    default:
        return N_("for a reason that this version does not know");
    }
}

const char *kr_stop_advice(uint32_t stop)
{
    switch (stop) {
    case KR_STOP_NODE_KEY:
    case KR_STOP_CARD:
        return N_("telephone its operator, on a number that you know. Where its machine and its keys are as they were: kairan peer "
                  "resume; else, when you know what happened, kairan peer remove at both ends, and a new ticket");
    case KR_STOP_RESTORED:
        return N_("telephone its operator: kairan peer remove at both ends, and a new ticket");
    default:
        return N_(
            "telephone its operator, on a number that you know; when you know what happened, kairan peer remove at both ends, "
            "and a new ticket");
    }
}

static const char *const stop_names[] = {"", "node-key", "card", "pairing", "restored"};

void kr_stop_text(const struct kr_peer *peer)
{
    if (peer->stop == KR_STOP_NOT) {
        return;
    }
    (void)printf("\n  %s: ", _("stopped since"));
    kr_out_time(stdout, peer->stopped_ms / 1000);
    (void)printf("\n  %s: %s", _("what happened"), _(kr_stop_reason(peer->stop)));
    if (peer->stop != KR_STOP_RESTORED) {
        (void)fputs(_("\n  what it can mean: somebody passes itself off as this council; or its machine was set up anew"), stdout);
    }
    (void)printf("\n  %s: %s", _("what to do"), _(kr_stop_advice(peer->stop)));
}

json_t *kr_stop_json(const struct kr_peer *peer)
{
    const bool is_known = peer->stop < sizeof stop_names / sizeof stop_names[0];
    return peer->stop == KR_STOP_NOT ? json_null()
                                     : json_pack("{s:s, s:o}", "reason", is_known ? stop_names[peer->stop] : "unknown", "since",
                                                 kr_json_time(peer->stopped_ms));
}

void kr_pair_text(const struct kr_peer *peer)
{
    if (!peer->is_pending) {
        return;
    }
    (void)printf("\n  %s: ", _("code"));
    if (peer->code.len == 0) {
        (void)fputs(_("not yet: the two nodes have to meet first (where it stays so, the other one is too old to know of codes)"),
                    stdout);
    } else {
        code_out(peer->code);
    }
    (void)printf("\n  %s: %s", _("confirmed"),
                 peer->we_confirmed     ? _("here; the other side has yet to confirm it")
                 : peer->they_confirmed ? _("by the other side; here it is yet to be confirmed: kairan peer confirm")
                                        : _("by nobody yet: telephone, then kairan peer confirm; until then only TLP:CLEAR and the "
                                            "directory pass"));
    if (peer->wrong_codes > 0) {
        (void)printf("\n  %s: %u", _("wrong codes entered here"), (unsigned)peer->wrong_codes);
    }
}

json_t *kr_pair_json(const struct kr_peer *peer)
{
    return !peer->is_pending
               ? json_null()
               : json_pack("{s:o, s:b, s:b, s:I}", "code", peer->code.len > 0 ? kr_json_slice(peer->code) : json_null(),
                           "confirmed_here", peer->we_confirmed, "confirmed_there", peer->they_confirmed, "wrong_codes",
                           (json_int_t)peer->wrong_codes);
}

/* ---- the link that is meant ---- */

struct search {
    uint8_t council[32];
    bool is_found;
    struct kr_peer peer; /* its code is in `code` */
    char code[KR_PAIRING_CODE_BYTES], name[KR_NAME_BYTES_MAX + 1];
};

static enum kr_err look_at(void *context, struct kr_slice item)
{
    struct search *search = context;
    struct kr_peer peer;
    enum kr_err err = kr_peer_read(item, &peer);
    if (err == KR_OK && memcmp(peer.council, search->council, 32) == 0) {
        search->is_found = kr_slice_text(peer.code, search->code, sizeof search->code) &&
                           kr_slice_text(peer.name, search->name, sizeof search->name);
        search->peer = peer;
    }
    return err;
}

static bool find(struct kr_app *app, const char *name, struct search *search)
{
    const struct kr_texts names = {.items = {name}, .count = 1};
    uint8_t id[1][32];
    if (!kr_app_find_councils(app, &names, id)) {
        return false;
    }
    memcpy(search->council, id[0], 32);
    if (kr_app_ask(app, KR_OP_PEERS, KR_ANSWER_MS, look_at, search, NULL) != KR_OK) {
        return false;
    }
    if (!search->is_found) {
        (void)kr_app_fail(app, KR_NOT_FOUND, _("this council is not linked: see kairan peers"));
    }
    return search->is_found;
}

/* ---- code, confirm, reject ---- */

static int show_code(struct kr_app *app, const char *name)
{
    struct search search = {0};
    if (!find(app, name, &search)) {
        return KR_EXIT_ERROR;
    }
    const struct kr_peer *peer = &search.peer;
    const struct kr_slice code = {(const uint8_t *)search.code, strlen(search.code)};
    if (!peer->is_pending) {
        return kr_app_fail(app, KR_NOT_FOUND, _("this link has no code that waits to be compared: see kairan peers"));
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:o, s:o, s:b, s:b}", "council", kr_json_id(search.council, 32), "code",
                                      code.len > 0 ? kr_json_slice(code) : json_null(), "confirmed_here", peer->we_confirmed,
                                      "confirmed_there", peer->they_confirmed))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    if (code.len == 0) {
        (void)fputs(_("There is no code yet: the two nodes have to meet first.\n"), stdout);
        return KR_EXIT_NONE;
    }
    kr_pair_how((struct kr_slice){(const uint8_t *)search.name, strlen(search.name)}, code);
    return KR_EXIT_DONE;
}

static int act(struct kr_app *app, uint32_t action, const char *name, const char *code, const struct kr_root_options *root)
{
    struct kr_pair_act request = {.action = action, .code = {(const uint8_t *)code, strlen(code)}};
    const struct kr_texts names = {.items = {name}, .count = 1};
    struct kr_writer args;
    uint8_t id[32], council[1][32];
    if (!kr_app_find_councils(app, &names, council)) {
        return KR_EXIT_ERROR;
    }
    memcpy(request.council, council[0], 32);
    kr_writer_init(&args, KR_KIB);
    kr_pair_act_write(&request, &args);
    const bool ok = kr_app_state(app, KR_OP_PAIR, &args, KR_KIND_VOUCH, request.council, root, id);
    kr_writer_deinit(&args);
    if (!ok) {
        return KR_EXIT_ERROR;
    }
    struct search search = {0};
    if (action == KR_PAIR_CONFIRM && !find(app, name, &search)) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:o, s:s, s:b}", "council", kr_json_id(request.council, 32), "done",
                                      action == KR_PAIR_CONFIRM ? "confirm" : "reject", "in_force",
                                      action == KR_PAIR_CONFIRM && !search.peer.is_pending))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    (void)fputs(action == KR_PAIR_REJECT ? _("The link is removed, and the other side is told.\n")
                : search.peer.is_pending ? _("Confirmed. The other side has yet to confirm it.\n")
                                         : _("Confirmed by both sides: the link is in force.\n"),
                stdout);
    return KR_EXIT_DONE;
}

bool kr_pair_is_word(const char *word)
{
    return strcmp(word, "code") == 0 || strcmp(word, "confirm") == 0 || strcmp(word, "reject") == 0;
}

int kr_pair_run(struct kr_app *app, int argc, char **argv)
{
    struct kr_root_options root = {0};
    bool is_sure = false;
    const struct kr_option options[] = {{.name = "yes", .letter = 'y', .flag = &is_sure}, KR_ROOT_OPTIONS(root)};
    char code[KR_PAIRING_TEXT_BYTES_MAX + 1] = "", digits[KR_PAIRING_CODE_BYTES];
    int rest;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    const char *word = argv[rest];
    const bool confirms = strcmp(word, "confirm") == 0;
    const int words = confirms ? 3 : 2;
    if (argc - rest < words || (!confirms && argc - rest > words)) {
        return kr_app_fail(app, KR_INVALID,
                           _("it is kairan peer code COUNCIL, kairan peer confirm COUNCIL CODE, or kairan peer reject "
                             "COUNCIL"));
    }
    if (strcmp(word, "code") == 0) {
        return show_code(app, argv[rest + 1]);
    }
    for (int i = rest + 2; i < argc; i++) { /* in groups, as it was heard */
        if (strlen(code) + strlen(argv[i]) >= sizeof code) {
            return kr_app_fail(app, KR_INVALID, _("a code has eight digits"));
        }
        (void)strncat(code, argv[i], sizeof code - strlen(code) - 1);
    }
    if (confirms && kr_pairing_code_parse(code, strlen(code), digits) != KR_OK) {
        return kr_app_fail(app, KR_INVALID, _("a code has eight digits"));
    }
    return act(app, confirms ? KR_PAIR_CONFIRM : KR_PAIR_REJECT, argv[rest + 1], confirms ? digits : "", &root);
}
