/* What every command does: find the node, ask it, tell failures, turn names into ids. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "tools/client/enrolled.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/out.h"

#define SYSTEM_STATE "/var/lib/kairan"
#define SOCKET_NAME  "kairand.sock"
#define PEOPLE_STATE "/run/kairan" /* where packages have the node put its socket for other users */

/* ---- telling ---- */

static void tell(const struct kr_app *app, enum kr_err err, const char *text)
{
    if (app->is_json) {
        json_t *object = json_pack("{s:s, s:s}", "error", kr_err_name(err), "message", text);
        char *line = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
        (void)fprintf(stderr, "%s\n", line != NULL ? line : "{\"error\":\"NOMEM\"}");
        free(line);
        json_decref(object);
        return;
    }
    (void)fputs("kairan: ", stderr);
    kr_out_string(stderr, text);
    (void)fputc('\n', stderr);
}

int kr_app_fail(const struct kr_app *app, enum kr_err err, const char *fmt, ...)
{
    char text[2048];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    tell(app, err, text);
    return KR_EXIT_ERROR;
}

int kr_app_tell(const struct kr_app *app, enum kr_err err, const struct kr_error *error)
{
    char text[1024];
    const char *detail = error->text[0] != 0 ? kr_tr(error->text) : "";
    (void)snprintf(text, sizeof text, "%s%s%s", _(kr_err_text(err)), detail[0] != 0 ? ": " : "", detail);
    tell(app, err, text);
    return KR_EXIT_ERROR;
}

int kr_app_unwanted(const struct kr_app *app, const char *argument)
{
    return kr_app_fail(app, KR_INVALID, _("\"%s\" is not wanted here; see kairan %s --help"), argument, app->command->name);
}

int kr_app_unreadable(const struct kr_app *app)
{
    return kr_app_fail(app, KR_MALFORMED, _("the node's answer cannot be read"));
}

/* ---- the place ---- */

static bool has_own_node(void)
{
    if (geteuid() == 0) {
        return access(SYSTEM_STATE, F_OK) == 0;
    }
    const char *home = getenv("HOME"), *state = getenv("XDG_STATE_HOME");
    char own[PATH_MAX];
    const bool has_state = state != NULL && state[0] == '/';
    const int len = has_state ? snprintf(own, sizeof own, "%s/kairan", state)
                              : snprintf(own, sizeof own, "%s/.local/state/kairan", home != NULL ? home : "");
    return len > 0 && (size_t)len < sizeof own && access(own, F_OK) == 0;
}

static bool has_node_for_others(void)
{
    return access(PEOPLE_STATE "/" SOCKET_NAME, F_OK) == 0;
}

bool kr_app_has_node_here(void)
{
    return has_own_node() || has_node_for_others();
}

static int find_directory(const struct kr_app *app, char *ret, size_t size)
{
    const char *named = app->state != NULL ? app->state : getenv("KAIRAN_STATE");
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (named != NULL && named[0] != 0) {
        return snprintf(ret, size, "%s", named);
    }
    if (geteuid() == 0) {
        return snprintf(ret, size, "%s", SYSTEM_STATE);
    }
    if (!has_own_node() && has_node_for_others()) { /* whoever has no node of his own is a person at the machine's */
        return snprintf(ret, size, "%s", PEOPLE_STATE);
    }
    if (state != NULL && state[0] == '/') { /* XDG base directories: a relative path is to be ignored */
        return snprintf(ret, size, "%s/kairan", state);
    }
    return home != NULL && home[0] == '/' ? snprintf(ret, size, "%s/.local/state/kairan", home) : -1;
}

bool kr_app_place(struct kr_app *app)
{
    int len;
    if (!kr_app_choose(app)) {
        return false;
    }
    if (app->is_implied) {
        app->afar[0] = 0;
    }
    if (app->afar[0] != 0) {
        (void)kr_app_fail(app, KR_INVALID,
                          _("this is done on the node's own machine; \"%s\" is elsewhere. Log in there, or name a node "
                            "of this machine with --state"),
                          app->afar);
        return false;
    }
    if (app->socket != NULL && app->state == NULL) {
        const char *slash = strrchr(app->socket, '/');
        len = snprintf(app->directory, sizeof app->directory, "%.*s", slash == NULL ? 1 : (int)(slash - app->socket),
                       slash == NULL ? "." : app->socket);
    } else {
        len = find_directory(app, app->directory, sizeof app->directory);
    }
    if (len < 0) {
        (void)kr_app_fail(app, KR_INVALID, _("neither XDG_STATE_HOME nor HOME is set: name the state directory with --state"));
        return false;
    }
    int path_len = app->socket != NULL ? snprintf(app->path, sizeof app->path, "%s", app->socket)
                                       : snprintf(app->path, sizeof app->path, "%s/%s", app->directory, SOCKET_NAME);
    if ((size_t)len >= sizeof app->directory || path_len < 0 || (size_t)path_len >= sizeof app->path) {
        (void)kr_app_fail(app, KR_BOUNDS, _("the path of the state directory is too long"));
        return false;
    }
    return true;
}

void kr_app_tell_absent(const struct kr_app *app, enum kr_err err, const struct kr_error *error)
{
    char several[KR_ENROLLED_NAME_BYTES_MAX + 1];
    const bool is_named = app->state != NULL || app->socket != NULL;
    if (err == KR_NOT_FOUND && app->afar[0] == 0 && !is_named && kr_enrolled_only(several) == KR_EXISTS) {
        (void)kr_app_fail(app, err,
                          _("no node runs on this machine, and you are enrolled at several elsewhere: say which with --node NAME"));
    } else if (err == KR_NOT_FOUND && app->afar[0] == 0) {
        (void)kr_app_fail(app, err,
                          _("no node runs on %s. Start it with \"kairand --state %s\" (a new one: \"kairan init\" first), or name "
                            "another state directory with --state"),
                          app->directory, app->directory);
    } else {
        (void)kr_app_tell(app, err, error);
    }
}

bool kr_app_open(struct kr_app *app)
{
    struct kr_error error = {0};
    if (app->conn != NULL) {
        return true;
    }
    if (!kr_app_prepare(app)) {
        return false;
    }
    enum kr_err err = kr_app_connect(app, &app->conn, &error);
    if (err != KR_OK) {
        kr_app_tell_absent(app, err, &error);
    }
    return err == KR_OK;
}

enum kr_err kr_app_call(struct kr_app *app, enum kr_op op, struct kr_writer *args, int timeout_ms, kr_conn_item *on_item,
                        void *context, struct kr_slice *ret_result)
{
    struct kr_error error = {0};
    enum kr_err err = kr_writer_finish(args);
    if (err == KR_OK && !kr_app_open(app)) {
        return KR_CLOSED;
    }
    if (err == KR_OK) {
        err = kr_conn_call(app->conn, op, (struct kr_slice){args->bytes, args->len}, timeout_ms, on_item, context, ret_result,
                           &error);
    }
    if (err != KR_OK) {
        (void)kr_app_tell(app, err, &error);
    }
    return err;
}

enum kr_err kr_app_ask(struct kr_app *app, enum kr_op op, int timeout_ms, kr_conn_item *on_item, void *context,
                       struct kr_slice *ret_result)
{
    struct kr_writer args;
    kr_writer_init(&args, 16);
    kr_writer_array(&args, 0);
    enum kr_err err = kr_app_call(app, op, &args, timeout_ms, on_item, context, ret_result);
    kr_writer_deinit(&args);
    return err;
}

enum kr_err kr_app_ask_about(struct kr_app *app, enum kr_op op, const uint8_t *id, size_t len, kr_conn_item *on_item, void *context,
                             struct kr_slice *ret_result)
{
    struct kr_writer args;
    kr_writer_init(&args, 64);
    kr_writer_array(&args, 1);
    kr_writer_bin(&args, id, len);
    enum kr_err err = kr_app_call(app, op, &args, KR_ANSWER_MS, on_item, context, ret_result);
    kr_writer_deinit(&args);
    return err;
}

/* ---- names ---- */

struct search {
    const char *name;
    uint8_t id[32]; /* where the name is the beginning of an id */
    size_t id_len;
    uint8_t found[32];
    uint32_t count;
};

static void search_begin(struct search *search, const char *name)
{
    *search = (struct search){.name = name};
    if (!kr_id_parse(name, search->id, &search->id_len)) {
        search->id_len = 0;
    }
}

static bool is_named(struct kr_slice name, const char *wanted)
{
    return name.len > 0 && strlen(wanted) == name.len && strncasecmp((const char *)name.bytes, wanted, name.len) == 0;
}

static void search_offer(struct search *search, const uint8_t id[static 32], struct kr_slice name, struct kr_slice other_name)
{
    bool is_meant = (search->id_len > 0 && memcmp(search->id, id, search->id_len) == 0) || is_named(name, search->name) ||
                    is_named(other_name, search->name);
    if (is_meant && (search->count == 0 || memcmp(search->found, id, 32) != 0)) {
        memcpy(search->found, id, 32);
        search->count++;
    }
}

static bool search_end(const struct kr_app *app, const struct search *search, const char *none, const char *many,
                       uint8_t ret_id[static 32])
{
    if (search->count != 1) {
        char text[1024];
        (void)snprintf(text, sizeof text, "\"%.256s\": %s", search->name, search->count == 0 ? none : many);
        tell(app, search->count == 0 ? KR_NOT_FOUND : KR_INVALID, text);
        return false;
    }
    memcpy(ret_id, search->found, 32);
    return true;
}

struct searches {
    struct search *items;
    uint32_t count;
};

static enum kr_err offer_council(void *context, struct kr_slice item)
{
    static struct kr_council_item council;
    struct searches *searches = context;
    enum kr_err err = kr_council_item_read(item, &council);
    for (uint32_t i = 0; err == KR_OK && i < searches->count; i++) {
        search_offer(&searches->items[i], council.council, council.name_ja, council.name_en);
    }
    return err;
}

bool kr_app_find_councils(struct kr_app *app, const struct kr_texts *names, uint8_t (*ret_ids)[32])
{
    struct searches searches = {calloc(names->count + 1u, sizeof(struct search)), names->count};
    bool is_fine = searches.items != NULL;
    for (uint32_t i = 0; is_fine && i < names->count; i++) {
        search_begin(&searches.items[i], names->items[i]);
    }
    is_fine = is_fine && kr_app_ask(app, KR_OP_COUNCILS, KR_ANSWER_MS, offer_council, &searches, NULL) == KR_OK;
    for (uint32_t i = 0; is_fine && i < names->count; i++) {
        is_fine = search_end(app, &searches.items[i], _("no council of this name is known here; see kairan councils"),
                             _("several councils have this name: name its id; see kairan councils"), ret_ids[i]);
    }
    free(searches.items);
    return is_fine;
}

bool kr_app_find_council(struct kr_app *app, const char *name, uint8_t ret_id[static 32])
{
    const struct kr_texts names = {.items = {name}, .count = 1};
    uint8_t ids[1][32];
    size_t len;
    if ((kr_id_parse(name, ids[0], &len) && len == 32) || kr_app_find_councils(app, &names, ids)) {
        memcpy(ret_id, ids[0], 32);
        return true;
    }
    return false;
}

bool kr_app_ask_status(struct kr_app *app, struct kr_status *ret_status)
{
    struct kr_slice result;
    if (kr_app_ask(app, KR_OP_STATUS, KR_ANSWER_MS, NULL, NULL, &result) != KR_OK) {
        return false;
    }
    if (kr_status_read(result, ret_status) != KR_OK) {
        (void)kr_app_unreadable(app);
        return false;
    }
    return true;
}

bool kr_app_find_community(struct kr_app *app, const char *name, uint8_t ret_id[static 32])
{
    static struct kr_status status;
    struct search search;
    if (!kr_app_ask_status(app, &status)) {
        return false;
    }
    search_begin(&search, name);
    for (uint32_t i = 0; i < status.community_count; i++) {
        search_offer(&search, status.communities[i].id, status.communities[i].name, (struct kr_slice){0});
    }
    return search_end(app, &search, _("this council is in no community of this name; see kairan status"),
                      _("several communities have this name: name its id; see kairan status --json"), ret_id);
}
