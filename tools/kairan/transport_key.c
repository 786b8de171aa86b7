#include "tools/kairan/transport_key.h"

#include <string.h>

#include "proto/client/rekey.h"

json_t *kr_transport_json(const struct kr_status_transport *transport)
{
    return json_pack("{s:b, s:b, s:o, s:o, s:I, s:I, s:I, s:o}", "comes", transport->comes, "under_way", transport->is_listed,
                     "from", kr_json_time(transport->from_s * 1000), "until", kr_json_time(transport->until_s * 1000), "links",
                     (json_int_t)transport->links, "tickets", (json_int_t)transport->tickets, "machines",
                     (json_int_t)transport->machines, "names", kr_json_slice(transport->names));
}

void kr_transport_waits_text(const struct kr_status_transport *transport, char *ret_text, size_t size)
{
    char names[400];
    if (!kr_slice_text(transport->names, names, sizeof names)) {
        names[0] = 0;
    }
    (void)snprintf(ret_text, size,
                   _("links that have not heard of it: %ju%s%s%s, open tickets and invitations: %ju, persons' machines: %ju"),
                   (uintmax_t)transport->links, names[0] != 0 ? " (" : "", names, names[0] != 0 ? ")" : "",
                   (uintmax_t)transport->tickets, (uintmax_t)transport->machines);
}

static void tell(const struct kr_status_transport *transport)
{
    char waits[KR_KIB];
    if (!transport->comes) {
        (void)fputs(_("No transport key is being replaced. Its dates on the card: kairan node keys\n"), stdout);
    } else if (!transport->is_listed) {
        (void)fputs(_("A new transport key was made, and the council's card does not list it yet: kairan node transport rotate\n"),
                    stdout);
    } else {
        kr_transport_waits_text(transport, waits, sizeof waits);
        (void)printf(
            _("The transport key is being replaced. It waits for: %s\nIts turn comes by itself when nothing is left, else: "),
            waits);
        kr_out_time(stdout, transport->until_s);
        (void)fputs(_("\nAt once, whoever has not heard of it: kairan node transport finish\n"), stdout);
    }
}

bool kr_transport_hint(struct kr_app *app)
{
    static struct kr_status status;
    if (app->is_json) {
        return true;
    }
    const bool ok = kr_app_ask_status(app, &status);
    if (ok && status.transport.comes) {
        (void)fputs(_("This node's transport key is being replaced: kairan node transport\n"), stderr);
    }
    return ok;
}

static bool do_act(struct kr_app *app, enum kr_transport_act what, const struct kr_root_options *root)
{
    struct kr_writer args;
    uint8_t id[32];
    kr_writer_init(&args, 16);
    kr_writer_array(&args, 1);
    kr_writer_uint(&args, what);
    const bool ok = what == KR_TRANSPORT_LIST ? kr_app_state(app, KR_OP_TRANSPORT, &args, KR_KIND_COUNCIL_CARD, NULL, root, id)
                                              : kr_app_call(app, KR_OP_TRANSPORT, &args, KR_ANSWER_MS, NULL, NULL, NULL) == KR_OK;
    kr_writer_deinit(&args);
    return ok;
}

static int show(struct kr_app *app)
{
    static struct kr_status status;
    if (!kr_app_ask_status(app, &status)) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return kr_json_line(kr_transport_json(&status.transport)) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    tell(&status.transport);
    return KR_EXIT_DONE;
}

int kr_run_transport(struct kr_app *app, const char *what, const struct kr_root_options *root)
{
    if (what == NULL) {
        return show(app);
    }
    if (strcmp(what, "finish") == 0) {
        if (!do_act(app, KR_TRANSPORT_FINISH, root)) {
            return KR_EXIT_ERROR;
        }
        if (!app->is_json) {
            (void)fputs(_("This node is reached under its new transport key. Make a copy of the keyring: older copies do not have "
                          "it.\n"),
                        stdout);
        }
        return KR_EXIT_DONE;
    }
    if (strcmp(what, "rotate") != 0) {
        return kr_app_unwanted(app, what);
    }
    /* Made before the card that lists it is signed: what is on the card must be in the keyring wherever the power goes. */
    if (!do_act(app, KR_TRANSPORT_MAKE, root) || !do_act(app, KR_TRANSPORT_LIST, root)) {
        return KR_EXIT_ERROR;
    }
    if (!app->is_json) {
        (void)fputs(
            _("The council's card lists a new transport key. Peers need do nothing: the node goes on under the key before "
              "until all have heard of it, 90 days at most. How far it is: kairan node transport\nAfterwards make a copy of "
              "the keyring: older copies do not have the new key.\n"),
            stdout);
        return KR_EXIT_DONE;
    }
    return show(app);
}
