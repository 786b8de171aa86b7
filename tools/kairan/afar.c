/* Which node is meant: one on this machine, or one at which the user was enrolled, over the network. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/secret.h"
#include "tools/client/known_nodes.h"
#include "tools/kairan/afar.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/root_key.h"

#define PROGRAM "kairan " KR_VERSION_TEXT

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != 0 ? value : NULL;
}

/* What is named on the command line goes before what the environment names, and that before what there is: a node of this machine,
 * then the only one at which the user is enrolled. */
static bool choose(struct kr_app *app)
{
    const bool is_here = app->state != NULL || app->socket != NULL;
    const char *named = app->node != NULL ? app->node : is_here ? NULL : environment("KAIRAN_NODE");
    if (app->node != NULL && is_here) {
        (void)kr_app_fail(app, KR_INVALID,
                          _("--node names a node elsewhere, --state and --socket one on this machine: give one of them"));
        return false;
    }
    if (named != NULL) {
        const int len = snprintf(app->afar, sizeof app->afar, "%s", named);
        if (len < 0 || (size_t)len >= sizeof app->afar) {
            (void)kr_app_fail(app, KR_INVALID, _("\"%s\" is the name of no node; see kairan enrol --help"), named);
            return false;
        }
        return true;
    }
    if (!is_here && environment("KAIRAN_STATE") == NULL && !kr_app_has_node_here()) {
        app->is_implied = kr_enrolled_only(app->afar) == KR_OK; /* else a node here is meant, and its absence told */
    }
    return true;
}

bool kr_app_choose(struct kr_app *app)
{
    if (!app->has_chosen) {
        app->has_chosen = choose(app);
    }
    return app->has_chosen;
}

/* The file is opened once: it may be under a passphrase, and several connections may be made with it. */
static bool read_enrolled(struct kr_app *app)
{
    struct kr_error error = {0};
    char *passphrase = NULL;
    bool is_protected = false;
    if (app->enrolled != NULL) {
        return true;
    }
    enum kr_err err = kr_crypto_init();
    if (err == KR_OK) {
        err = kr_enrolled_path(app->afar, app->enrolled_path, sizeof app->enrolled_path, &error);
    }
    if (err == KR_OK) {
        err = kr_enrolled_is_protected(app->enrolled_path, &is_protected, &error);
    }
    if (err == KR_NOT_FOUND) {
        (void)kr_app_fail(app, err,
                          _("this machine is not enrolled at a node that is called \"%s\" here: ask an admin of the council for a "
                            "ticket, and give it to kairan enrol"),
                          app->afar);
        return false;
    }
    if (err == KR_OK && is_protected &&
        !kr_app_passphrase(app, app->node_passphrase_file, app->node_passphrase_fd, _("Passphrase of this machine's enrolment: "),
                           NULL, &passphrase)) {
        return false;
    }
    if (err == KR_OK) {
        err = kr_enrolled_read(app->enrolled_path, passphrase, &app->enrolled, &error);
    }
    kr_secret_free(passphrase);
    if (err != KR_OK) {
        (void)kr_app_tell(app, err, &error);
    }
    return err == KR_OK;
}

bool kr_app_prepare(struct kr_app *app)
{
    return kr_app_choose(app) && (app->afar[0] != 0 ? read_enrolled(app) : kr_app_place(app));
}

void kr_app_leave_node(struct kr_app *app)
{
    app->reached = (struct kr_way){0};
}

/* In a few words, for a line about several. Whoever is there and is not what he should be is told of in full. */
static const char *why_not(const struct kr_in_turn_miss *miss)
{
    switch (miss->err) {
    case KR_NOT_FOUND:
        return _("nobody listens there");
    case KR_TIMEOUT:
        return _("it does not answer");
    case KR_CLOSED:
        return _("what is there hung up");
    default:
        return miss->error.text[0] != 0 ? kr_tr(miss->error.text) : _(kr_err_text(miss->err));
    }
}

/* All addresses but the one that answered (NULL: none did). Returns how many. */
static uint32_t list_misses(const struct kr_in_turn *turn, const char *answered, char *ret_text, size_t size)
{
    uint32_t count = 0;
    size_t len = 0;
    ret_text[0] = 0;
    for (uint32_t i = 0; i < turn->miss_count; i++) {
        const struct kr_in_turn_miss *miss = &turn->misses[i];
        if (answered != NULL && strcmp(miss->endpoint, answered) == 0) {
            continue; /* under another of its keys */
        }
        const int added = snprintf(ret_text + len, size - len, "%s%s (%s)", count > 0 ? ", " : "", miss->endpoint, why_not(miss));
        count++;
        if (added < 0 || (size_t)added >= size - len) {
            break;
        }
        len += (size_t)added;
    }
    return count;
}

static bool is_absence(enum kr_err err)
{
    return err == KR_NOT_FOUND || err == KR_TIMEOUT || err == KR_CLOSED;
}

enum kr_err kr_explain_no_node(const struct kr_in_turn *turn, enum kr_err err, struct kr_error *error)
{
    char text[400];
    if (is_absence(err) && list_misses(turn, NULL, text, sizeof text) > 1) {
        (void)kr_fail(error, err, _("none of the council's nodes can be reached: %s"), text);
    }
    return err;
}

void kr_tell_other_node(const struct kr_in_turn *turn)
{
    const char *answered = turn->ways->items[turn->way].endpoint;
    char text[KR_KIB];
    if (list_misses(turn, answered, text, sizeof text) > 0) {
        (void)fprintf(stderr, _("kairan: %s: another node of the council is used, %s.\n"), text, answered);
    }
}

static enum kr_err reach_node(struct kr_app *app, struct kr_known_nodes *nodes, struct kr_conn **ret_conn, struct kr_error *error)
{
    static struct kr_ways ways;
    static struct kr_in_turn turn;
    const struct kr_enrolled *enrolled = app->enrolled;
    struct kr_afar_told told;
    kr_known_nodes_ways(nodes, enrolled, (uint64_t)time(NULL), &ways);
    if (app->reached.endpoint[0] != 0) {
        kr_known_nodes_keep(nodes, enrolled, &app->reached, &ways);
    }
    turn = (struct kr_in_turn){.target = {.council = enrolled->council,
                                          .node_key = enrolled->node_public,
                                          .public_key = enrolled->public_key,
                                          .secret = enrolled->secret,
                                          .card = {nodes->card, nodes->card_len}},
                               .ways = &ways,
                               .program = PROGRAM,
                               .language = kr_tr_language()};
    enum kr_err err = kr_in_turn_connect(&turn, ret_conn, &told, error);
    if (err != KR_OK) {
        return kr_explain_no_node(&turn, err, error);
    }
    app->reached = ways.items[turn.way];
    kr_tell_other_node(&turn);
    kr_known_nodes_deinit(nodes); /* (another command may have written meanwhile) */
    kr_known_nodes_read(nodes, enrolled, app->enrolled_path);
    if (kr_known_nodes_take(nodes, enrolled, &app->reached, told.card, told.card_len, (uint64_t)time(NULL))) {
        (void)!kr_known_nodes_write(nodes, enrolled, app->enrolled_path, NULL); /* else the next time */
    }
    return KR_OK;
}

enum kr_err kr_app_connect(struct kr_app *app, struct kr_conn **ret_conn, struct kr_error *error)
{
    struct kr_known_nodes nodes;
    if (app->afar[0] == 0) {
        return kr_conn_open(app->path, PROGRAM, kr_tr_language(), ret_conn, error);
    }
    kr_known_nodes_read(&nodes, app->enrolled, app->enrolled_path);
    enum kr_err err = reach_node(app, &nodes, ret_conn, error);
    kr_known_nodes_deinit(&nodes);
    return err;
}
