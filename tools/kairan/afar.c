/* Which node is meant: one on this machine, or one at which the user was enrolled, over the network. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "tools/client/afar.h"
#include "tools/client/enrolled.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/root_key.h"

#define PROGRAM "kairan " KR_VERSION_TEXT
#define TURNS   3u /* of two keys: a node that is just turning to its next one hangs up under either */

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

static enum kr_err dial(const struct kr_app *app, const uint8_t transport[static 32], struct kr_conn **ret_conn,
                        struct kr_afar_told *ret_told, struct kr_error *error)
{
    const struct kr_enrolled *enrolled = app->enrolled;
    const struct kr_afar_target target = {.endpoint = enrolled->endpoint,
                                          .transport_public = transport,
                                          .council = enrolled->council,
                                          .node_key = enrolled->node_public,
                                          .public_key = enrolled->public_key,
                                          .secret = enrolled->secret};
    return kr_conn_open_afar(&target, PROGRAM, kr_tr_language(), ret_conn, ret_told, error);
}

enum kr_err kr_app_connect(const struct kr_app *app, struct kr_conn **ret_conn, struct kr_error *error)
{
    struct kr_enrolled_transport known, now;
    struct kr_afar_told told;
    if (app->afar[0] == 0) {
        return kr_conn_open(app->path, PROGRAM, kr_tr_language(), ret_conn, error);
    }
    kr_enrolled_transport_read(app->enrolled, app->enrolled_path, &known);
    now = known;
    const bool has_next = memcmp(known.next, known.in_use, 32) != 0;
    enum kr_err err = dial(app, known.in_use, ret_conn, &told, error);
    for (unsigned i = 0; err == KR_CLOSED && has_next && i < TURNS; i++) {
        memcpy(now.in_use, i % 2 == 0 ? known.next : known.in_use, 32);
        err = dial(app, now.in_use, ret_conn, &told, error);
    }
    if (err == KR_OK) {
        memcpy(now.next, told.transport, 32);
    }
    if (err == KR_OK && memcmp(&now, &known, sizeof now) != 0) {
        (void)!kr_enrolled_transport_write(app->enrolled, app->enrolled_path, &now, NULL); /* else the next time */
    }
    return err;
}
