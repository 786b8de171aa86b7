/* `kairan enrol ls`, `via`: at which councils this machine is enrolled, and which of their nodes it knows. Asks no node. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/secret.h"
#include "tools/client/known_nodes.h"
#include "tools/kairan/addressed.h"
#include "tools/kairan/enrol.h"

#define LISTED_MAX 64u

/* How it is with the transport key of a way, by the newest card that this machine has seen. */
static const char *state_of(const struct kr_known_nodes *nodes, const struct kr_way *way, uint64_t now_s)
{
    if (nodes->card == NULL) {
        return "unknown";
    }
    for (uint32_t i = 0; i < nodes->parsed.transport_count; i++) {
        const struct kr_card_key *key = &nodes->parsed.transport[i];
        if (memcmp(key->public_key, way->transport, 32) == 0) {
            return key->until_s != 0 && key->until_s <= now_s ? "ended" : "listed";
        }
    }
    return "unlisted";
}

static const char *state_text(const char *state)
{
    return strcmp(state, "ended") == 0      ? _("the council's card lists it no more")
           : strcmp(state, "unlisted") == 0 ? _("not on the council's card")
           : strcmp(state, "unknown") == 0  ? _("from the ticket")
                                            : "";
}

static bool is_last(const struct kr_known_nodes *nodes, const struct kr_way *way)
{
    return strcmp(nodes->last.endpoint, way->endpoint) == 0 && memcmp(nodes->last.transport, way->transport, 32) == 0;
}

static bool print_json(const char *name, const char *path, const struct kr_enrolled *enrolled, const struct kr_known_nodes *nodes,
                       const struct kr_ways *ways, uint64_t now_s)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < ways->count; i++) {
        const struct kr_way *way = &ways->items[i];
        (void)json_array_append_new(list, json_pack("{s:s, s:o, s:b, s:s}", "endpoint", way->endpoint, "transport_key",
                                                    kr_json_id(way->transport, 32), "last", is_last(nodes, way), "state",
                                                    state_of(nodes, way, now_s)));
    }
    return kr_json_line(json_pack("{s:s, s:o, s:s, s:o, s:s, s:b, s:o}", "node", name, "council", kr_json_id(enrolled->council, 32),
                                  "council_name", enrolled->name, "machine", kr_json_id(enrolled->public_key, 32), "file", path,
                                  "protected", enrolled->lock.is_protected, "nodes", list));
}

static void print_text(const char *name, const char *path, const struct kr_enrolled *enrolled, const struct kr_known_nodes *nodes,
                       const struct kr_ways *ways, uint64_t now_s)
{
    char machine[KR_FINGERPRINT_BYTES];
    kr_fingerprint(machine, enrolled->public_key);
    kr_out_string(stdout, name);
    (void)fputs("  ", stdout);
    kr_out_string(stdout, enrolled->name);
    (void)printf(_("\n  this machine's key: %s\n  kept in:            %s\n  dialled in this order:\n"), machine, path);
    for (uint32_t i = 0; i < ways->count; i++) {
        const struct kr_way *way = &ways->items[i];
        const char *state = state_text(state_of(nodes, way, now_s));
        (void)printf("    %s  ", way->endpoint);
        kr_out_id(stdout, way->transport, 16);
        (void)printf("%s%s%s\n", is_last(nodes, way) ? _("  answered last") : "", state[0] != 0 ? "  " : "", state);
    }
}

static bool print(const struct kr_app *app, const char *name, const char *path, const struct kr_enrolled *enrolled)
{
    static struct kr_ways ways;
    const uint64_t now_s = (uint64_t)time(NULL);
    struct kr_known_nodes nodes;
    bool is_printed = true;
    kr_known_nodes_read(&nodes, enrolled, path);
    kr_known_nodes_ways(&nodes, enrolled, now_s, &ways);
    if (app->is_json) {
        is_printed = print_json(name, path, enrolled, &nodes, &ways, now_s);
    } else {
        print_text(name, path, enrolled, &nodes, &ways, now_s);
    }
    kr_known_nodes_deinit(&nodes);
    return is_printed;
}

/* One of all: a passphrase is asked for only where the node is named. */
static bool print_named(struct kr_app *app, const char *name)
{
    static char path[PATH_MAX];
    struct kr_error error = {0};
    struct kr_enrolled *enrolled = NULL;
    enum kr_err err = kr_enrolled_path(name, path, sizeof path, &error);
    if (err == KR_OK) {
        err = kr_enrolled_read(path, NULL, &enrolled, &error);
    }
    if (err == KR_PASSPHRASE && app->is_json) {
        return kr_json_line(json_pack("{s:s, s:s, s:b}", "node", name, "file", path, "protected", true));
    }
    if (err == KR_PASSPHRASE) {
        kr_out_string(stdout, name);
        (void)printf(_("\n  under a passphrase: kairan --node %s enrol ls\n"), name);
        return true;
    }
    if (err != KR_OK) {
        (void)kr_app_tell(app, err, &error);
        return false;
    }
    const bool is_printed = print(app, name, path, enrolled);
    kr_secret_free(enrolled);
    return is_printed;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

int kr_enrol_list(struct kr_app *app)
{
    static char names[LISTED_MAX][KR_ENROLLED_NAME_BYTES_MAX + 1];
    bool is_fine = true;
    if (app->node != NULL) {
        return kr_app_prepare(app) && print(app, app->afar, app->enrolled_path, app->enrolled) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    const uint32_t count = kr_enrolled_names(names, LISTED_MAX);
    qsort(names, count, sizeof names[0], by_name);
    if (kr_crypto_init() != KR_OK) {
        return kr_app_fail(app, KR_SYSTEM, "%s", _(kr_err_text(KR_SYSTEM)));
    }
    for (uint32_t i = 0; i < count; i++) {
        is_fine = print_named(app, names[i]) && is_fine;
    }
    return !is_fine ? KR_EXIT_ERROR : count > 0 ? KR_EXIT_DONE : KR_EXIT_NONE;
}

int kr_enrol_via(struct kr_app *app, const char *from, const char *to)
{
    struct kr_error error = {0};
    struct kr_known_nodes nodes;
    if (!kr_app_prepare(app)) {
        return KR_EXIT_ERROR;
    }
    if (app->afar[0] == 0) {
        return kr_app_fail(app, KR_INVALID, _("of which node? Name it with --node NAME; kairan enrol ls shows them"));
    }
    kr_known_nodes_read(&nodes, app->enrolled, app->enrolled_path);
    enum kr_err err = kr_known_nodes_via(&nodes, from, strcmp(to, "-") == 0 ? "" : to, &error);
    if (err == KR_OK) {
        err = kr_known_nodes_write(&nodes, app->enrolled, app->enrolled_path, &error);
    }
    kr_known_nodes_deinit(&nodes);
    if (err != KR_OK) {
        return kr_app_tell(app, err, &error);
    }
    return print(app, app->afar, app->enrolled_path, app->enrolled) ? KR_EXIT_DONE : KR_EXIT_ERROR;
}
