/* Commands about links and the councils behind them: invite, join, peers, councils. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/wire/ticket.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/out.h"
#include "tools/kairan/pair.h"
#include "tools/kairan/preview.h"
#include "tools/kairan/qr.h"
#include "tools/kairan/request.h"
#include "tools/kairan/root_key.h"

/* ---- invite, join ---- */

int kr_run_invite(struct kr_app *app, int argc, char **argv)
{
    const char *ttl = NULL, *community = NULL;
    bool shows_qr = false;
    struct kr_invite invite = {0};
    const struct kr_option options[] = {{.name = "ttl", .text = &ttl},
                                        {.name = "community", .text = &community},
                                        {.name = "link-only", .flag = &invite.is_link_only},
                                        {.name = "by-hand", .flag = &invite.is_by_hand},
                                        {.name = "qr", .flag = &shows_qr}};
    struct kr_writer args;
    struct kr_slice result;
    struct kr_reader reader;
    char text[KR_TICKET_TEXT_BYTES_MAX + 1];
    struct kr_ticket ticket;
    int rest;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest < argc) {
        return kr_app_unwanted(app, argv[rest]);
    }
    if (ttl != NULL && (!kr_seconds_parse(ttl, &invite.ttl_s) || invite.ttl_s == 0)) {
        return kr_app_fail(app, KR_INVALID, _("--%s takes a span like 90s, 5m, 2h or 7d"), "ttl");
    }
    if (community != NULL) {
        invite.has_community = kr_app_find_community(app, community, invite.community);
        if (!invite.has_community) {
            return KR_EXIT_ERROR;
        }
    }
    kr_writer_init(&args, KR_KIB);
    kr_invite_write(&invite, &args);
    enum kr_err err = kr_app_call(app, KR_OP_INVITE, &args, KR_ANSWER_MS, NULL, NULL, &result);
    kr_writer_deinit(&args);
    if (err != KR_OK) {
        return KR_EXIT_ERROR;
    }
    kr_reader_init(&reader, result.bytes, result.len);
    kr_reader_array(&reader, 1);
    struct kr_slice printed = kr_reader_str(&reader, KR_TICKET_TEXT_BYTES_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK || !kr_slice_text(printed, text, sizeof text) ||
        kr_ticket_parse(text, printed.len, &ticket, NULL) != KR_OK) {
        return kr_app_unreadable(app);
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:s, s:s, s:o, s:b}", "ticket", text, "endpoint", ticket.endpoint, "expires",
                                      kr_json_time(ticket.expires_s * 1000), "by_hand", ticket.is_by_hand))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    (void)printf("%s\n", text);
    if (shows_qr && !kr_qr_print_ticket(stdout, text)) {
        return kr_app_fail(app, KR_BOUNDS, _("the ticket cannot be shown as a QR code: use its text"));
    }
    if (isatty(STDOUT_FILENO) == 1) { /* a pipe gets the ticket alone */
        (void)fputs(_("Holds once, until "), stderr);
        kr_out_time(stderr, ticket.expires_s);
        (void)fputs(
            ticket.is_by_hand
                ? _(". Whoever has it can use it, and nobody confirms the link: give it to somebody whom you know, by hand, and "
                    "send it to nobody.\nThe other side enters: kairan join --by-hand TICKET\n")
                : _(". Whoever has it can use it: hand it over on a way that you trust.\nThe other side enters: kairan join "
                    "TICKET\nThen telephone: the link is in force when both have compared its code (kairan peer code)\n"),
            stderr);
    }
    return KR_EXIT_DONE;
}

struct joining {
    const struct kr_app *app;
    const char *endpoint; /* that is dialled */
    uint32_t steps;
};

static enum kr_err show_step(void *context, struct kr_slice item)
{
    static const char *const texts[] = {N_("dialling"),
                                        N_("keys checked, the channel is private"),
                                        N_("welcomed"),
                                        N_("linked"),
                                        N_("member of the community"),
                                        N_("candidate for the community"),
                                        N_("waits until both operators have compared the code")};
    static const char *const names[] = {"dialling", "session", "welcomed", "linked", "member", "candidate", "pending"};
    const struct joining *joining = context;
    struct kr_join_step step;
    enum kr_err err = kr_join_step_read(item, &step);
    if (err != KR_OK || step.phase == 0 || step.phase > KR_JOIN_PENDING) {
        return err; /* phases of newer nodes are not for us */
    }
    if (joining->app->is_json) {
        json_t *object = json_pack("{s:s, s:o}", "step", names[step.phase - 1], "council", kr_json_slice(step.council_name));
        if (object != NULL && step.phase == KR_JOIN_CANDIDATE) {
            (void)json_object_set_new(object, "missing", json_integer(step.missing));
        }
        if (object != NULL && step.phase == KR_JOIN_PENDING) {
            (void)json_object_set_new(object, "code", kr_json_slice(step.code));
        }
        return kr_json_line(object) ? KR_OK : KR_IO;
    }
    (void)printf("%u/%u %s", step.phase < joining->steps ? step.phase : joining->steps, joining->steps, _(texts[step.phase - 1]));
    if (step.phase == KR_JOIN_DIALLING) {
        (void)printf(" %s", joining->endpoint);
    } else if (step.council_name.len > 0) {
        (void)fputs(": ", stdout);
        kr_out_text(stdout, step.council_name, false);
    }
    if (step.phase == KR_JOIN_CANDIDATE) {
        (void)printf(
            _("\nThe link stands. Members who must still vouch for this council, with kairan vouch: %u. Until then it reads the "
              "directory, and no GREEN records."),
            step.missing);
    }
    (void)fputc('\n', stdout);
    if (step.phase == KR_JOIN_PENDING) {
        kr_pair_how(step.council_name, step.code);
    }
    return fflush(stdout) == 0 ? KR_OK : KR_IO;
}

/* A node without the root key cannot put its card into the directory of the community that it has joined; others need it there. */
static int publish_card(struct kr_app *app, const struct kr_root_options *root)
{
    static struct kr_status status;
    uint8_t id[32];
    if (!kr_app_ask_status(app, &status)) {
        return KR_EXIT_ERROR;
    }
    if (status.has_root) {
        return KR_EXIT_DONE;
    }
    if (root->file == NULL) {
        (void)fputs(_("The root key is not on this node: put its card into the community's directory with kairan council publish "
                      "--root FILE\n"),
                    stderr);
        return KR_EXIT_DONE;
    }
    return kr_council_publish(app, root, id) ? KR_EXIT_DONE : KR_EXIT_ERROR;
}

/* Whoever forges a ticket writes into it what he likes: only who was there can know. */
static bool was_handed_over(const struct kr_app *app)
{
    if (!kr_has_terminal()) {
        (void)kr_app_fail(
            app, KR_DENIED,
            _("this ticket says that it was handed over in person, and makes a link that nobody confirms: where somebody "
              "whom you know gave it to you, add --by-hand; else ask for another one"));
        return false;
    }
    (void)fputs(
        _("This ticket makes a link that nobody confirms. That is for tickets which somebody whom you know gave to you by hand, "
          "not for those that came by mail.\n"),
        stderr);
    return kr_ask_about(_("Was it so? [y/N] "));
}

/* With the ticket as it names one node; node 0: it itself. */
static enum kr_err join_at(struct kr_app *app, const struct kr_ticket *ticket, uint32_t node, int timeout_ms)
{
    struct kr_ticket one = *ticket;
    struct joining joining = {.app = app,
                              .endpoint = one.endpoint,
                              .steps = ticket->has_community || !ticket->is_by_hand ? KR_JOIN_MEMBER : KR_JOIN_LINKED};
    struct kr_writer args;
    char text[KR_TICKET_TEXT_BYTES_MAX];
    if (node > 0) {
        memcpy(one.transport_public, ticket->more[node - 1].transport, sizeof one.transport_public);
        memcpy(one.endpoint, ticket->more[node - 1].endpoint, sizeof one.endpoint);
    }
    one.more_count = 0;
    enum kr_err err = kr_ticket_print(&one, text, sizeof text);
    sodium_memzero(one.secret, sizeof one.secret);
    if (err != KR_OK) {
        return err;
    }
    kr_writer_init(&args, 4 * KR_KIB);
    kr_join_write(&(struct kr_join){.ticket = {(const uint8_t *)text, strlen(text)}, .is_by_hand = ticket->is_by_hand}, &args);
    err = kr_app_call(app, KR_OP_JOIN, &args, timeout_ms, show_step, &joining, NULL);
    kr_writer_deinit(&args);
    sodium_memzero(text, sizeof text);
    return err;
}

/* The inviter's nodes in turn, where nobody answers at one. Whatever else keeps it from joining, another node says as well. */
static enum kr_err join_at_any(struct kr_app *app, const struct kr_ticket *ticket, int timeout_ms)
{
    enum kr_err err = KR_TIMEOUT;
    for (uint32_t node = 0; node <= ticket->more_count && err == KR_TIMEOUT; node++) {
        if (node > 0) {
            (void)fprintf(stderr, _("The council's next node is tried: %s\n"), ticket->more[node - 1].endpoint);
        }
        err = join_at(app, ticket, node, timeout_ms);
    }
    return err;
}

int kr_run_join(struct kr_app *app, int argc, char **argv)
{
    const char *timeout = NULL;
    struct kr_root_options root = {0};
    bool is_by_hand = false;
    const struct kr_option options[] = {
        {.name = "timeout", .text = &timeout}, {.name = "by-hand", .flag = &is_by_hand}, KR_ROOT_OPTIONS(root)};
    char text[2 * KR_TICKET_TEXT_BYTES_MAX];
    struct kr_error error = {0};
    struct kr_ticket ticket;
    uint64_t timeout_s = 60;
    int rest;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest + 1 != argc) {
        return rest < argc ? kr_app_unwanted(app, argv[rest + 1])
                           : kr_app_fail(app, KR_INVALID, _("which ticket? kairan join TICKET"));
    }
    if (timeout != NULL && (!kr_seconds_parse(timeout, &timeout_s) || timeout_s == 0 || timeout_s > 86400)) {
        return kr_app_fail(app, KR_INVALID, _("--%s takes a span like 90s, 5m, 2h or 7d"), "timeout");
    }
    size_t len = strlen(argv[rest]);
    if (strcmp(argv[rest], "-") == 0) {
        len = fread(text, 1, sizeof text - 1, stdin);
    } else if (len < sizeof text) {
        memcpy(text, argv[rest], len);
    }
    while (len > 0 && len < sizeof text && strchr(" \t\r\n", text[len - 1]) != NULL) {
        len--;
    }
    enum kr_err err = len < sizeof text ? kr_ticket_parse(text, len, &ticket, &error) : KR_BOUNDS;
    if (err != KR_OK) {
        return kr_app_fail(app, err, _("this is no usable ticket: %s"), kr_tr(error.text[0] != 0 ? error.text : kr_err_text(err)));
    }
    if (ticket.expires_s <= (uint64_t)time(NULL)) {
        return kr_app_fail(app, KR_EXPIRED, _("this ticket is no longer valid: ask for a new one"));
    }
    if (ticket.is_by_hand && !is_by_hand && !was_handed_over(app)) {
        return KR_EXIT_ERROR;
    }
    err = join_at_any(app, &ticket, (int)timeout_s * 1000);
    if (err != KR_OK) {
        return KR_EXIT_ERROR;
    }
    return ticket.has_community ? publish_card(app, &root) : KR_EXIT_DONE;
}

/* ---- peers, councils ---- */

static const char *link_state(const struct kr_peer *peer)
{
    return peer->stop != KR_STOP_NOT        ? N_("stopped")
           : peer->state == KR_LINK_JOINING ? N_("joining")
           : peer->state == KR_LINK_PAUSED  ? N_("paused")
           : peer->is_pending               ? N_("pending")
           : peer->is_online                ? N_("online")
                                            : N_("offline");
}

/* Of a link through a third node: as in JSON, and for people. */
static const struct {
    const char *word, *text;
} through_states[] = {
    [KR_THROUGH_READY] = {"ready", N_("it passes frames on")},
    [KR_THROUGH_NO_CARRIER] = {"no carrier", N_("no link with that council is up")},
    [KR_THROUGH_ASKING] = {"asking", N_("that council was asked just now")},
    [KR_THROUGH_SILENT] = {"silent", N_("that council does not answer: it may run an older version, which passes nothing on")},
    [KR_THROUGH_DENIED] = {"denied", N_("that council has not allowed it: its operator runs kairan forward allow")},
    [KR_THROUGH_WAITING] = {"waiting",
                            N_("the council at the other end has not added this link: its operator runs kairan peer add")},
    [KR_THROUGH_NOT_UP] = {"not up", N_("the council at the other end is not online there")},
    [KR_THROUGH_EXPELLED] = {"expelled", N_("that council was expelled: nothing goes through it any more")},
    [KR_THROUGH_TAKEN] = {"taken", N_("another node of this council has this link")},
};
#define THROUGH_STATES (sizeof through_states / sizeof through_states[0])

static bool goes_through(const struct kr_peer *peer)
{
    return peer->through > KR_THROUGH_NOT && peer->through < THROUGH_STATES;
}

const char *kr_through_text(uint32_t state)
{
    return state > KR_THROUGH_NOT && state < THROUGH_STATES ? through_states[state].text : "";
}

uint64_t kr_peer_silent_ms(const struct kr_peer *peer, uint64_t started_ms, uint64_t now_ms)
{
    const uint64_t from_ms = started_ms > peer->linked_ms ? started_ms : peer->linked_ms;
    const uint64_t since_ms = peer->last_seen_ms > from_ms ? peer->last_seen_ms : from_ms;
    return peer->is_online || now_ms <= since_ms ? 0 : now_ms - since_ms;
}

static const char *const phases[] = {"unknown", "equal", "differs", "reading", "walking"};

static const char *phase_word(const struct kr_peer *peer)
{
    return peer->phase < sizeof phases / sizeof phases[0] ? phases[peer->phase] : phases[0];
}

/* In hundredths, rounded down, so that it is 100 only where nothing is missing. */
static uint64_t percent(const struct kr_peer *peer)
{
    const uint64_t behind = peer->behind < peer->entries ? peer->behind : peer->entries, read = peer->entries - behind;
    return peer->entries == 0 ? 100 : read > UINT64_MAX / 100 ? read / (peer->entries / 100) : read * 100 / peer->entries;
}

static double per_s(uint64_t count, uint64_t span_ms)
{
    return span_ms > 0 ? (double)count * 1000 / (double)span_ms : 0;
}

/* In hundredths. */
static json_t *per_s_json(uint64_t count, uint64_t span_ms)
{
    return json_real((double)(uint64_t)(per_s(count, span_ms) * 100 + 0.5) / 100);
}

static enum kr_err peer_json(const struct kr_peer *peer)
{
    json_t *object = json_pack(
        "{s:o, s:o, s:o, s:s, s:b, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "council", kr_json_id(peer->council, 32),
        "name", kr_json_slice(peer->name), "endpoint", kr_json_slice(peer->endpoint), "state", link_state(peer), "we_dial",
        peer->we_dial, "transport_key", kr_json_id(peer->transport_key, 32), "linked", kr_json_time(peer->linked_ms), "last_seen",
        kr_json_time(peer->last_seen_ms), "clock_ms", (json_int_t)peer->clock_ms, "sent_records", (json_int_t)peer->sent_records,
        "received_records", (json_int_t)peer->received_records, "refused_records", (json_int_t)peer->refused_records, "queued",
        (json_int_t)peer->queued, "behind", (json_int_t)peer->behind, "sent_bytes", (json_int_t)peer->sent_bytes);
    if (object != NULL) {
        (void)json_object_set_new(object, "received_bytes", json_integer((json_int_t)peer->received_bytes));
        const struct kr_peer_rate *rate = &peer->rate;
        (void)json_object_set_new(object, "sent_bytes_per_s", per_s_json(rate->sent_bytes, rate->span_ms));
        (void)json_object_set_new(object, "sent_records_per_s", per_s_json(rate->sent_records, rate->span_ms));
        (void)json_object_set_new(object, "received_bytes_per_s", per_s_json(rate->received_bytes, rate->span_ms));
        (void)json_object_set_new(object, "received_records_per_s", per_s_json(rate->received_records, rate->span_ms));
        (void)json_object_set_new(object, "phase", json_string(phase_word(peer)));
        (void)json_object_set_new(object, "entries", json_integer((json_int_t)peer->entries));
        (void)json_object_set_new(object, "percent", json_integer((json_int_t)percent(peer)));
        (void)json_object_set_new(object, "awaited", json_boolean(peer->is_awaited));
        (void)json_object_set_new(object, "through",
                                  goes_through(peer)
                                      ? json_pack("{s:o, s:o, s:s}", "council", kr_json_id(peer->through_council, 32), "name",
                                                  kr_json_slice(peer->through_name), "state", through_states[peer->through].word)
                                      : json_null());
        (void)json_object_set_new(object, "online", json_boolean(peer->is_online));
        (void)json_object_set_new(object, "pairing", kr_pair_json(peer));
        (void)json_object_set_new(object, "stopped", kr_stop_json(peer));
        (void)json_object_set_new(object, "claims_key", json_boolean(peer->claims_key));
        (void)json_object_set_new(object, "next_try", peer->next_try_ms > 0 ? kr_json_time(peer->next_try_ms) : json_null());
    }
    return kr_json_line(object) ? KR_OK : KR_IO;
}

static void progress_text(const struct kr_peer *peer)
{
    const uint64_t behind = peer->behind < peer->entries ? peer->behind : peer->entries;
    (void)printf("\n  %s: ", _("in step"));
    switch (peer->phase) {
    case KR_PEER_EQUAL:
        (void)fputs(_("yes, both hold the same"), stdout);
        break;
    case KR_PEER_READING:
        (void)printf(_("catching up: %ju of %ju entries read (%ju%%)"), peer->entries - behind, peer->entries, percent(peer));
        break;
    case KR_PEER_WALKING:
        (void)fputs(_("looking for what differs"), stdout);
        break;
    case KR_PEER_DIFFERS:
        (void)printf(_("not yet: %ju of %ju entries read (%ju%%), goes on by itself"), peer->entries - behind, peer->entries,
                     percent(peer));
        break;
    default:
        (void)fputs(_("not known: not compared since the link came up"), stdout);
        break;
    }
}

static void rate_text(const struct kr_peer_rate *rate)
{
    (void)printf("\n  %s: ", _("in the last minute"));
    kr_out_bytes(stdout, (uint64_t)(per_s(rate->sent_bytes, rate->span_ms) + 0.5));
    (void)printf(_("/s sent (%.2f records/s), "), per_s(rate->sent_records, rate->span_ms));
    kr_out_bytes(stdout, (uint64_t)(per_s(rate->received_bytes, rate->span_ms) + 0.5));
    (void)printf(_("/s received (%.2f records/s)"), per_s(rate->received_records, rate->span_ms));
}

static void peer_text(const struct kr_peer *peer)
{
    (void)fputs(_("council: "), stdout);
    kr_out_style(stdout, KR_STYLE_BOLD);
    kr_out_text(stdout, peer->name, false);
    kr_out_style(stdout, KR_STYLE_NONE);
    (void)fputs("\n  id: ", stdout);
    kr_out_id(stdout, peer->council, 64);
    (void)printf("\n  %s: ", _("state"));
    const bool is_well = peer->is_online && !peer->is_pending && peer->stop == KR_STOP_NOT;
    kr_out_style(stdout, is_well ? KR_STYLE_GREEN : KR_STYLE_AMBER);
    (void)fputs(_(link_state(peer)), stdout);
    kr_out_style(stdout, KR_STYLE_NONE);
    kr_stop_text(peer);
    if (peer->claims_key) {
        (void)fputs(_("\n  ITS CARD LISTS A TRANSPORT KEY THAT IS ANOTHER'S: telephone its operator; the log says whose it is"),
                    stdout);
    }
    kr_pair_text(peer);
    if (goes_through(peer)) {
        (void)printf("\n  %s: ", _("through"));
        kr_out_text(stdout, peer->through_name, false);
        (void)printf(" (%s)", _(kr_through_text(peer->through)));
    } else {
        (void)printf("\n  %s: ", _("node")); /* a council may have several */
        kr_out_id(stdout, peer->transport_key, 16);
        (void)printf("\n  %s: ", _("endpoint"));
        kr_out_text(stdout, peer->endpoint, false);
        (void)fputs(peer->we_dial ? _(" (this side dials)") : _(" (the other side dials)"), stdout);
    }
    (void)printf("\n  %s: ", _("last seen"));
    kr_out_time(stdout, peer->last_seen_ms / 1000);
    if (peer->is_online) {
        (void)printf(peer->clock_ms < 0 ? _("\n  clock: %jd ms behind this machine's")
                                        : _("\n  clock: %jd ms ahead of this machine's"),
                     (intmax_t)(peer->clock_ms < 0 ? -peer->clock_ms : peer->clock_ms));
    }
    if (peer->next_try_ms > 0) {
        (void)printf("\n  %s: ", _("next try"));
        kr_out_time(stdout, peer->next_try_ms / 1000);
    }
    (void)printf(_("\n  records: %ju sent, %ju received, %ju refused, %ju queued, %ju still missing here"), peer->sent_records,
                 peer->received_records, peer->refused_records, peer->queued, peer->behind);
    progress_text(peer);
    if (peer->is_awaited) {
        (void)fputs(_("\n  awaited: this node was restored and signs nothing until both are equal"), stdout);
    }
    (void)printf("\n  %s: ", _("transfer"));
    kr_out_bytes(stdout, peer->sent_bytes);
    (void)printf(" %s, ", _("sent"));
    kr_out_bytes(stdout, peer->received_bytes);
    (void)printf(" %s", _("received"));
    rate_text(&peer->rate);
    (void)fputs("\n\n", stdout);
}

struct listing {
    const struct kr_app *app;
    uint64_t count;
};

static enum kr_err show_peer(void *context, struct kr_slice item)
{
    struct listing *listing = context;
    struct kr_peer peer;
    enum kr_err err = kr_peer_read(item, &peer);
    if (err != KR_OK) {
        return err;
    }
    listing->count++;
    if (listing->app->is_json) {
        return peer_json(&peer);
    }
    peer_text(&peer);
    return KR_OK;
}

static int list_all(struct kr_app *app, int argc, char **argv, enum kr_op op, kr_conn_item *show, const char *none)
{
    struct listing listing = {.app = app};
    int rest;
    if (!kr_options_parse(app, argc, argv, NULL, 0, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest < argc) {
        return kr_app_unwanted(app, argv[rest]);
    }
    if (kr_app_ask(app, op, KR_ANSWER_MS, show, &listing, NULL) != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (listing.count == 0 && !app->is_json) {
        (void)fputs(none, stderr);
    }
    return KR_EXIT_DONE;
}

int kr_run_peers(struct kr_app *app, int argc, char **argv)
{
    return list_all(app, argc, argv, KR_OP_PEERS, show_peer,
                    _("No links yet. Ask another council for a ticket (kairan join), or print one (kairan invite).\n"));
}

static enum kr_err show_council(void *context, struct kr_slice item)
{
    static struct kr_council_item council;
    struct listing *listing = context;
    enum kr_err err = kr_council_item_read(item, &council);
    if (err != KR_OK) {
        return err;
    }
    listing->count++;
    if (listing->app->is_json) {
        json_t *communities = json_array();
        for (uint32_t i = 0; i < council.community_count; i++) {
            (void)json_array_append_new(communities, json_pack("{s:o, s:o}", "id", kr_json_id(council.communities[i].bytes, 32),
                                                               "name", kr_json_slice(council.community_names[i])));
        }
        return kr_json_line(json_pack("{s:o, s:o, s:o, s:o, s:b, s:b, s:o}", "council", kr_json_id(council.council, 32), "name_ja",
                                      kr_json_slice(council.name_ja), "name_en", kr_json_slice(council.name_en), "region",
                                      kr_json_slice(council.region), "self", council.is_self, "linked", council.is_linked,
                                      "communities", communities))
                   ? KR_OK
                   : KR_IO;
    }
    kr_out_id(stdout, council.council, 16);
    (void)fputs("  ", stdout);
    kr_out_padded(stdout, council.name_ja.len > 0 ? council.name_ja : council.name_en, 20);
    (void)fputs("  ", stdout);
    kr_out_padded(stdout, council.name_en, 16);
    (void)printf("  %s", council.is_self ? _("this council") : council.is_linked ? _("linked") : _("known"));
    for (uint32_t i = 0; i < council.community_count; i++) {
        (void)fputs(i == 0 ? "  (" : ", ", stdout);
        kr_out_text(stdout, council.community_names[i], false);
    }
    (void)fputs(council.community_count > 0 ? ")\n" : "\n", stdout);
    return KR_OK;
}

int kr_run_councils(struct kr_app *app, int argc, char **argv)
{
    return list_all(app, argc, argv, KR_OP_COUNCILS, show_council, _("No councils are known here.\n"));
}
