/* The nodes of a council: which there are, one more on another machine, by a ticket and the operator's word. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "proto/client/node.h"
#include "proto/wire/ticket.h"
#include "tools/kairan/kairand.h"
#include "tools/kairan/keys.h"
#include "tools/kairan/out.h"
#include "tools/kairan/root_key.h"
#include "tools/kairan/transport_key.h"

#define NODES_MAX 64u

struct found {
    const struct kr_app *app;
    struct kr_node_item items[NODES_MAX];
    char names[NODES_MAX][KR_NAME_BYTES_MAX + 1], endpoints[NODES_MAX][KR_ENDPOINT_BYTES_MAX + 1];
    uint32_t count;
};

static enum kr_err take_node(void *context, struct kr_slice bytes)
{
    struct found *found = context;
    struct kr_node_item item;
    enum kr_err err = kr_node_item_read(bytes, &item);
    if (err == KR_OK && found->count < NODES_MAX) {
        const uint32_t at = found->count++;
        (void)kr_slice_text(item.name, found->names[at], sizeof found->names[at]);
        (void)kr_slice_text(item.endpoint, found->endpoints[at], sizeof found->endpoints[at]);
        found->items[at] = item; /* its texts are those */
    }
    return err;
}

static bool ask_nodes(struct kr_app *app, struct found *found)
{
    found->app = app;
    found->count = 0;
    return kr_app_ask(app, KR_OP_NODES, KR_ANSWER_MS, take_node, found, NULL) == KR_OK;
}

bool kr_nodes_ask_others(struct kr_app *app, struct kr_other_nodes *ret_others)
{
    static struct found found;
    const uint8_t nobody[32] = {0};
    if (!ask_nodes(app, &found)) {
        return false;
    }
    *ret_others = (struct kr_other_nodes){0};
    for (uint32_t i = 0; i < found.count; i++) {
        const bool is_other = found.items[i].state == KR_NODE_OTHER, is_met = memcmp(found.items[i].node_key, nobody, 32) != 0;
        ret_others->unmet += is_other && !is_met;
        if (is_other && is_met && ret_others->count < KR_CARD_KEYS_MAX) {
            memcpy(ret_others->keys[ret_others->count++], found.items[i].node_key, 32);
        }
    }
    return true;
}

bool kr_nodes_has(struct kr_app *app, const uint8_t node_key[static 32])
{
    struct kr_other_nodes others;
    bool has = false;
    if (!kr_nodes_ask_others(app, &others)) {
        return false;
    }
    for (uint32_t i = 0; i < others.count; i++) {
        has = has || memcmp(others.keys[i], node_key, 32) == 0;
    }
    return has;
}

/* ---- list ---- */

static bool node_json(const struct found *found, uint32_t at)
{
    static const char *const states[] = {"", "this", "other", "asks"};
    const struct kr_node_item *item = &found->items[at];
    return kr_json_line(json_pack("{s:s, s:o, s:o, s:s, s:s, s:o, s:b, s:o}", "state", states[item->state], "key",
                                  kr_json_id(item->node_key, 32), "transport", kr_json_id(item->transport_key, 32), "name",
                                  found->names[at], "endpoint", found->endpoints[at], "since", kr_json_time(item->since_ms),
                                  "online", item->is_online, "heard", kr_json_time(item->heard_ms)));
}

static void node_text(const struct found *found, uint32_t at)
{
    const struct kr_node_item *item = &found->items[at];
    const char *state = item->state == KR_NODE_THIS   ? _("this node")
                        : item->state == KR_NODE_ASKS ? _("ASKS TO BE ONE")
                        : item->is_online             ? _("online")
                                                      : _("offline");
    kr_out_id(stdout, item->node_key, 16);
    (void)fputs("  ", stdout);
    kr_out_style(stdout, item->state == KR_NODE_ASKS ? KR_STYLE_RED : item->is_online ? KR_STYLE_GREEN : KR_STYLE_NONE);
    (void)fputs(state, stdout);
    kr_out_style(stdout, KR_STYLE_NONE);
    (void)fputs("  ", stdout);
    kr_out_text(stdout, (struct kr_slice){(const uint8_t *)found->names[at], strlen(found->names[at])}, false);
    if (found->endpoints[at][0] != 0) {
        (void)fputs("  ", stdout);
        kr_out_text(stdout, (struct kr_slice){(const uint8_t *)found->endpoints[at], strlen(found->endpoints[at])}, false);
    }
    (void)fputc('\n', stdout);
}

static int list(struct kr_app *app)
{
    static struct found found;
    bool ok = ask_nodes(app, &found), asks = false;
    for (uint32_t i = 0; i < found.count && ok; i++) {
        asks = asks || found.items[i].state == KR_NODE_ASKS;
        if (app->is_json) {
            ok = node_json(&found, i);
        } else {
            node_text(&found, i);
        }
    }
    if (ok && asks && !app->is_json) {
        (void)fputs(
            _("Compare its key with the one that kairan node join printed on that machine, then: kairan node add KEY (or kairan "
              "node refuse KEY)\n"),
            stderr);
    }
    return ok && kr_transport_hint(app) ? KR_EXIT_DONE : KR_EXIT_ERROR;
}

/* ---- invite ---- */

static int invite(struct kr_app *app, const char *ttl)
{
    struct kr_writer args;
    struct kr_slice result;
    struct kr_reader reader;
    char text[KR_TICKET_TEXT_BYTES_MAX + 1];
    struct kr_ticket ticket;
    uint64_t ttl_s = 0;
    if (ttl != NULL && (!kr_seconds_parse(ttl, &ttl_s) || ttl_s == 0)) {
        return kr_app_fail(app, KR_INVALID, _("--%s takes a span like 90s, 5m, 2h or 7d"), "ttl");
    }
    kr_writer_init(&args, 64);
    kr_writer_array(&args, 1);
    kr_writer_uint(&args, ttl_s);
    enum kr_err err = kr_app_call(app, KR_OP_NODE_INVITE, &args, KR_ANSWER_MS, NULL, NULL, &result);
    kr_writer_deinit(&args);
    if (err != KR_OK) {
        return KR_EXIT_ERROR;
    }
    kr_reader_init(&reader, result.bytes, result.len);
    kr_reader_array(&reader, 1);
    const struct kr_slice printed = kr_reader_str(&reader, KR_TICKET_TEXT_BYTES_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK || !kr_slice_text(printed, text, sizeof text) ||
        kr_ticket_parse(text, printed.len, &ticket, NULL) != KR_OK) {
        return kr_app_unreadable(app);
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:s, s:s, s:o}", "ticket", text, "endpoint", ticket.endpoint, "expires",
                                      kr_json_time(ticket.expires_s * 1000)))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    (void)printf("%s\n", text);
    if (isatty(STDOUT_FILENO) == 1) { /* a pipe gets the ticket alone */
        (void)fputs(_("For one machine, until "), stderr);
        kr_out_time(stderr, ticket.expires_s);
        (void)fputs(_(". It gets nothing until you take it in here.\nThere: kairan node join TICKET, then start kairand\n"),
                    stderr);
    }
    return KR_EXIT_DONE;
}

/* ---- join ---- */

/* The ticket in memory, for kairand to read by name; -1: no memory. */
static int keep_ticket(const char *text, size_t len)
{
    const int fd = memfd_create("kairan-ticket", 0);
    if (fd >= 0 && (write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static bool read_ticket(struct kr_app *app, const char *given, char *ret_text, size_t size, size_t *ret_len)
{
    struct kr_error error = {0};
    struct kr_ticket ticket;
    size_t len = strlen(given);
    if (strcmp(given, "-") == 0) {
        len = fread(ret_text, 1, size - 1, stdin);
    } else if (len < size) {
        memcpy(ret_text, given, len);
    }
    while (len > 0 && len < size && strchr(" \t\r\n", ret_text[len - 1]) != NULL) {
        len--;
    }
    const enum kr_err err = len < size ? kr_ticket_parse(ret_text, len, &ticket, &error) : KR_BOUNDS;
    if (err != KR_OK) {
        (void)kr_app_fail(app, err, _("this is no usable ticket: %s"), kr_tr(error.text[0] != 0 ? error.text : kr_err_text(err)));
    } else if (!ticket.is_for_node) {
        (void)kr_app_fail(
            app, KR_INVALID,
            _("this ticket links another council: use it with kairan join. For one more node of a council, one of its "
              "nodes makes a ticket with kairan node invite"));
    } else if (ticket.expires_s <= (uint64_t)time(NULL)) {
        (void)kr_app_fail(app, KR_EXPIRED, _("this ticket is no longer valid: ask for a new one"));
    } else {
        *ret_len = len;
        return true;
    }
    return false;
}

static int join(struct kr_app *app, const char *given, const struct kr_node_options *options)
{
    char text[2 * KR_TICKET_TEXT_BYTES_MAX], path[64], out[256], host[KR_NAME_BYTES_MAX + 1] = "";
    struct kr_node_options given_options = *options;
    const char *file = path, *name = options->name;
    const struct kr_option passed[] = {{.name = "ticket-file", .text = &file},
                                       {.name = "node-name", .text = &name},
                                       {.name = "endpoint", .text = &given_options.endpoint},
                                       {.name = "config", .text = &given_options.config},
                                       {.name = "passphrase-fd", .text = &given_options.passphrase_fd},
                                       {.name = "passphrase-file", .text = &given_options.passphrase_file}};
    size_t len = 0;
    if (given == NULL) {
        return kr_app_fail(app, KR_INVALID, _("which ticket? kairan node join TICKET"));
    }
    if (!kr_app_place(app) || !read_ticket(app, given, text, sizeof text, &len)) {
        return KR_EXIT_ERROR;
    }
    if (name == NULL && gethostname(host, sizeof host - 1) == 0) {
        name = host;
    }
    const int fd = keep_ticket(text, len);
    if (fd < 0) {
        return kr_app_fail(app, KR_NOMEM, "%s", strerror(errno));
    }
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const bool ok = kr_kairand_let(app, "--init-node", passed, sizeof passed / sizeof passed[0], out, sizeof out);
    (void)close(fd);
    if (!ok) {
        return KR_EXIT_ERROR;
    }
    out[strcspn(out, "\n")] = 0;
    char *key = strchr(out, ' ');
    if (key == NULL) {
        return kr_app_unreadable(app);
    }
    *key++ = 0;
    if (app->is_json) {
        return kr_json_line(json_pack("{s:s, s:s, s:s}", "council", out, "key", key, "state", app->directory)) ? KR_EXIT_DONE
                                                                                                               : KR_EXIT_ERROR;
    }
    (void)printf(_("A node was made that asks to be one of the council %.16s. Its key: %.16s\n"), out, key);
    (void)printf(
        _("Next: start it with \"kairand --state %s\". On the council's other node, kairan node ls shows that key, and kairan "
          "node add %.16s takes it in.\n"),
        app->directory, key);
    return KR_EXIT_DONE;
}

/* ---- add, refuse ---- */

/* Who asks, by the beginning of the key or by name. */
static const struct kr_node_item *find_asking(struct kr_app *app, const struct found *found, const char *text)
{
    const struct kr_node_item *match = NULL;
    uint8_t id[32];
    size_t len = 0;
    const bool is_key = kr_id_parse(text, id, &len);
    for (uint32_t i = 0; i < found->count; i++) {
        const struct kr_node_item *item = &found->items[i];
        const bool is_meant = (is_key && memcmp(item->node_key, id, len) == 0) || strcmp(found->names[i], text) == 0;
        if (item->state == KR_NODE_ASKS && is_meant) {
            if (match != NULL) {
                (void)kr_app_fail(app, KR_EXISTS, _("several machines that ask are called %s: give the key"), text);
                return NULL;
            }
            match = item;
        }
    }
    if (match == NULL) {
        (void)kr_app_fail(app, KR_NOT_FOUND, _("no machine asks under %s: see kairan node ls"), text);
    }
    return match;
}

static int decide(struct kr_app *app, const char *text, bool adds, const struct kr_root_options *root)
{
    static struct found found;
    struct kr_writer args;
    uint8_t id[32];
    if (text == NULL) {
        return kr_app_fail(app, KR_INVALID, _("which machine? Give the key that kairan node ls shows"));
    }
    const struct kr_node_item *item = ask_nodes(app, &found) ? find_asking(app, &found, text) : NULL;
    if (item == NULL) {
        return KR_EXIT_ERROR;
    }
    kr_writer_init(&args, 64);
    kr_writer_array(&args, 1);
    kr_writer_bin(&args, item->node_key, 32);
    const bool ok = adds ? kr_app_state(app, KR_OP_NODE_ADD, &args, KR_KIND_COUNCIL_CARD, NULL, root, id)
                         : kr_app_call(app, KR_OP_NODE_REFUSE, &args, KR_ANSWER_MS, NULL, NULL, NULL) == KR_OK;
    kr_writer_deinit(&args);
    if (!ok) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:o, s:b}", "key", kr_json_id(item->node_key, 32), "added", adds)) ? KR_EXIT_DONE
                                                                                                           : KR_EXIT_ERROR;
    }
    if (adds) {
        (void)fputs(_("It is a node of this council now: it fetches what this one has, and peers follow the card by themselves.\n"
                      "People are bound to users on each machine for itself: kairan person bind, there.\n"),
                    stdout);
    } else {
        (void)fputs(_("It does not ask any more, and its ticket is void.\n"), stdout);
    }
    return KR_EXIT_DONE;
}

int kr_run_nodes(struct kr_app *app, const char *what, const char *argument, const struct kr_node_options *options)
{
    if (strcmp(what, "ls") == 0) {
        return argument == NULL ? list(app) : kr_app_unwanted(app, argument);
    }
    if (strcmp(what, "invite") == 0) {
        return argument == NULL ? invite(app, options->ttl) : kr_app_unwanted(app, argument);
    }
    if (strcmp(what, "join") == 0) {
        return join(app, argument, options);
    }
    return decide(app, argument, strcmp(what, "add") == 0, options->root);
}
