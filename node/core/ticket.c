/* Invitations: one-time tickets on one side, joining on the other.
 *
 *   inviter                                                       joiner
 *   invite: ticket (one-time CURVE secret), net lets its key in    join TICKET: dials with the ticket's secret, link JOINING
 *                         ◀── hello (join, with its card) ──
 *   hello ──▶                                                     session: ── first sealed frame ──▶
 *   link OPEN, vouch, ticket used; durable; welcome ──▶           link OPEN, durable; dials again with its own key
 *
 *   the vouch makes it a member                                   directory catches up: charter, vouch; member ──▶ JOIN ends
 *
 * The vouch, and all but CLEAR records, wait for the operators' word where the ticket was not handed over by hand (pairing.c).
 *
 * A lost welcome is repeated for the same council, and anybody else who shows the ticket meanwhile is told that it is used. Once a
 * session is up under the joiner's own key, both sides have the link durably: the ticket is forgotten and net lets its key in no
 * more, and neither once it has expired. Whoever shows it then is turned away by CURVE itself, which tells a holder of the ticket
 * nothing that it did not know; the joiner's net hears that, so that nobody waits for an answer that does not come. */
#include <stdlib.h>
#include <string.h>

#include "node/core/claim.h"
#include "node/core/effect.h"
#include "node/core/enrol.h"
#include "node/core/root_confirm.h"
#include "node/core/sister.h"
#include "node/core/through.h"
#include "proto/wire/ticket.h"

#define JOIN_MS_MAX   20000u
#define REFUSED_MS    5000u /* a node that is just being started is waited for so long */
#define ROW_BY_HAND   1u
#define ROW_FOR_NODE  2u
#define LOOK_AGAIN_MS 300u

/* ---- the table: public key of the secret → array of 5: number, expires_s, community (bin 0 or 32), used by (bin 0 or 32), flags
 * (1 by hand, 2 for a node; left out: none) ---- */

enum kr_err kr_invitation_put(struct kr_step *step, const struct kr_invitation *invitation)
{
    struct kr_writer writer;
    kr_writer_init(&writer, KR_KIB);
    kr_writer_array(&writer, 5);
    kr_writer_uint(&writer, invitation->number);
    kr_writer_uint(&writer, invitation->expires_s);
    kr_writer_bin(&writer, invitation->community, invitation->has_community ? 32 : 0);
    kr_writer_bin(&writer, invitation->used_by, invitation->is_used ? 32 : 0);
    kr_writer_uint(&writer, (invitation->is_by_hand ? ROW_BY_HAND : 0) | (invitation->is_for_node ? ROW_FOR_NODE : 0));
    return kr_store_put_writer(step->txn, KR_TABLE_TICKETS, invitation->public_key, 32, &writer);
}

struct load {
    struct kr_core *core;
    enum kr_err err;
};

static bool load_one(void *context, struct kr_slice key, struct kr_slice value)
{
    struct load *load = context;
    struct kr_core *core = load->core;
    struct kr_invitation *invitation = calloc(1, sizeof *invitation);
    if (invitation == NULL) {
        load->err = KR_NOMEM;
        return false;
    }
    struct kr_reader reader;
    kr_reader_init(&reader, value.bytes, value.len);
    const uint32_t fields = kr_reader_array_between(&reader, 4, 5);
    invitation->number = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    invitation->expires_s = kr_reader_uint(&reader, UINT64_MAX);
    invitation->has_community = kr_reader_fixed_or_empty(&reader, invitation->community, 32);
    invitation->is_used = kr_reader_fixed_or_empty(&reader, invitation->used_by, 32);
    const uint64_t flags = fields > 4 ? kr_reader_uint(&reader, ROW_BY_HAND | ROW_FOR_NODE) : 0;
    invitation->is_by_hand = (flags & ROW_BY_HAND) != 0;
    invitation->is_for_node = (flags & ROW_FOR_NODE) != 0;
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK || key.len != 32 || core->invitation_count == KR_TICKETS_MAX) {
        free(invitation);
        load->err = KR_CORRUPT;
        return false;
    }
    memcpy(invitation->public_key, key.bytes, 32);
    core->invitations[core->invitation_count++] = invitation;
    return true;
}

enum kr_err kr_invitations_load(struct kr_step *step)
{
    struct load load = {.core = step->core};
    enum kr_err err = kr_store_each(step->txn, KR_TABLE_TICKETS, NULL, 0, load_one, &load);
    return err != KR_OK ? err : load.err;
}

void kr_invitation_free(struct kr_invitation *invitation)
{
    if (invitation != NULL) {
        free(invitation->card);
        sodium_memzero(invitation, sizeof *invitation);
        free(invitation);
    }
}

struct kr_invitation *kr_invitation_by_number(struct kr_core *core, uint32_t number)
{
    for (uint32_t i = 0; i < core->invitation_count; i++) {
        if (core->invitations[i]->number == number) {
            return core->invitations[i];
        }
    }
    return NULL;
}

/* `linked`: a council whose link stands, so that its ticket has done its work; NULL: what has expired, or all. */
static enum kr_err drop_invitations(struct kr_step *step, const uint8_t *linked, bool all)
{
    struct kr_core *core = step->core;
    bool changed = false;
    for (uint32_t i = 0; i < core->invitation_count;) {
        struct kr_invitation *invitation = core->invitations[i];
        bool is_over = linked != NULL ? invitation->is_used && memcmp(invitation->used_by, linked, 32) == 0 /* council, node key */
                                      : !core->options.doubts_clock && invitation->expires_s <= step->now_ms / 1000;
        is_over = is_over || all;
        if (!is_over) {
            i++;
            continue;
        }
        enum kr_err err = kr_store_delete(step->txn, KR_TABLE_TICKETS, invitation->public_key, 32);
        if (err != KR_OK) {
            return err;
        }
        core->invitations[i] = core->invitations[--core->invitation_count];
        kr_invitation_free(invitation);
        changed = true;
    }
    return changed ? kr_links_allow(step) : KR_OK;
}

static enum kr_err give_up_joining(struct kr_step *step, struct kr_link *link, enum kr_err why, const char *text)
{
    enum kr_err err = KR_OK;
    if (link->client != 0) {
        err = kr_step_error(step, link->client, link->request, why, "%s", text);
    }
    return err != KR_OK ? err : kr_link_drop(step, link);
}

enum kr_err kr_join_unreached(struct kr_step *step, uint32_t number)
{
    struct kr_link *link = kr_link_by_number(step->core, number);
    if (link == NULL || link->state != KR_LINK_JOINING || link->has_session || step->now_ms < link->linked_ms + REFUSED_MS) {
        return KR_OK;
    }
    return give_up_joining(step, link, KR_TIMEOUT,
                           "no connection can be made: the other council's node does not run, or a firewall is in between. Once "
                           "that is mended join again: the ticket stays good while it lasts");
}

enum kr_err kr_join_turned_away(struct kr_step *step, struct kr_link *link)
{
    return give_up_joining(step, link, KR_USED,
                           "this ticket is not admitted any more: it was used already, or has expired. Ask for a new one");
}

/* The link is there for good; what its joiner still waits for comes without it. */
static enum kr_err give_up_waiting(struct kr_step *step, struct kr_link *link)
{
    uint64_t client = link->client, request = link->request;
    link->client = link->request = 0;
    return kr_step_error(
        step, client, request, KR_TIMEOUT,
        link->pairing.is_pending ? "the link stands, but the code that is to be compared has not come yet: it comes by itself, do "
                                   "not join again (`kairan "
                                   "peer code` shows it)"
        : link->has_community
            ? "the link stands, but the membership has not arrived yet: it comes by itself, do not join again (`kairan councils` "
              "shows it)"
            : "the link stands, but is not up yet: it is tried again by itself, do not join again (`kairan peers` shows it)");
}

enum kr_err kr_invitations_tick(struct kr_step *step)
{
    struct kr_core *core = step->core;
    enum kr_err err = drop_invitations(step, NULL, false);
    if (err == KR_OK) {
        err = kr_enrol_sweep(step, false);
    }
    if (err == KR_OK) {
        err = kr_joins_settle(step);
    }
    if (err == KR_OK) {
        err = kr_pairings_tick(step);
    }
    for (uint32_t i = 0; i < core->link_count && err == KR_OK; i++) {
        struct kr_link *link = core->links[i];
        bool is_over = step->now_ms > link->linked_ms + JOIN_MS_MAX;
        if (link->state == KR_LINK_JOINING && is_over) {
            return give_up_joining(step, link, KR_TIMEOUT, /* the list has changed: the rest at the next tick */
                                   "the other council's node does not answer: check that it runs and can be reached from here, and "
                                   "join again. The ticket stays good while it lasts");
        }
        if (link->state == KR_LINK_OPEN && link->client != 0) {
            err = is_over ? give_up_waiting(step, link) : kr_step_wake(step, link->linked_ms + JOIN_MS_MAX + 1);
        }
    }
    return err;
}

enum kr_err kr_invitations_fulfilled(struct kr_step *step, const struct kr_link *link)
{
    return drop_invitations(step, link->council, false);
}

enum kr_err kr_invitations_taken_in(struct kr_step *step, const uint8_t node_key[static 32])
{
    return drop_invitations(step, node_key, false);
}

enum kr_err kr_invitation_use(struct kr_step *step, struct kr_invitation *invitation, const uint8_t by[static 32])
{
    invitation->is_used = true;
    memcpy(invitation->used_by, by, 32);
    enum kr_err err = kr_invitation_put(step, invitation);
    return err == KR_OK ? kr_invitation_say_used(step, invitation) : err;
}

enum kr_err kr_invitations_void(struct kr_step *step)
{
    enum kr_err err = drop_invitations(step, NULL, true);
    return err == KR_OK ? kr_enrol_sweep(step, true) : err;
}

/* ---- inviting ---- */

enum kr_err kr_invite_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_invitation like = {0};
    struct kr_invite invite;
    const struct kr_community *community = NULL;
    if (kr_invite_read(event->bytes, &invite) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "the request cannot be read");
    }
    enum kr_err err = invite.is_link_only ? KR_OK
                                          : kr_community_choose(step, event, invite.has_community ? invite.community : NULL,
                                                                KR_IS_MEMBER, &community);
    if (err != KR_OK) {
        return err == KR_CANCELLED ? KR_OK : err;
    }
    if (community != NULL) {
        like.has_community = true;
        memcpy(like.community, community->id, 32);
    }
    like.is_by_hand = invite.is_by_hand;
    return kr_invitation_make(step, event, &like, invite.ttl_s);
}

enum kr_err kr_invitation_make(struct kr_step *step, const struct kr_event *event, const struct kr_invitation *like, uint64_t ttl_s)
{
    struct kr_core *core = step->core;
    uint8_t seed[32], secret[32];
    if (core->options.endpoint == NULL || core->options.endpoint[0] == 0) {
        return kr_step_error(
            step, event->client, event->request, KR_CONFIG,
            "this node has no address that others can dial: set `endpoint` in kairan.conf, or let the other council invite you");
    }
    if (core->invitation_count == KR_TICKETS_MAX || core->link_count + core->invitation_count >= KR_LINKS_MAX) {
        return kr_step_error(step, event->client, event->request, KR_BOUNDS, "too many open tickets or links");
    }
    struct kr_invitation *invitation = calloc(1, sizeof *invitation);
    if (invitation == NULL) {
        return KR_NOMEM;
    }
    ttl_s = ttl_s == 0 ? KR_TICKET_TTL_S : ttl_s;
    ttl_s = ttl_s > 366u * 86400u ? 366u * 86400u : ttl_s;
    *invitation = *like;
    invitation->expires_s = step->now_ms / 1000 + ttl_s;
    kr_rng_bytes(step->rng, seed, sizeof seed);
    kr_box_keypair(invitation->public_key, secret, seed);
    enum kr_err err = kr_number_next(step, &invitation->number);
    if (err == KR_OK) {
        err = kr_invitation_put(step, invitation);
    }
    if (err != KR_OK) {
        kr_invitation_free(invitation);
        return err;
    }
    core->invitations[core->invitation_count++] = invitation;
    err = kr_links_allow(step);
    if (err == KR_OK) {
        err = kr_invitation_say_made(step, invitation);
    }
    if (err == KR_OK) {
        err = kr_invitation_print(step, event, invitation, secret);
    }
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(secret, sizeof secret);
    return err;
}

/* ---- welcoming ---- */

/* What a joiner brings, and what we would say for it. */
struct welcome {
    struct kr_job card_job, *vouch;
    struct kr_card card;
    const struct kr_card_key *transport;
};

/* Looks whether all that a welcome writes can be written: a link without a card or a membership would be of no use to anybody. */
static enum kr_err foresee(struct kr_step *step, const struct kr_invitation *invitation, struct welcome *welcome,
                           enum kr_err *ret_verdict)
{
    struct kr_core *core = step->core;
    struct kr_job *job = &welcome->card_job;
    kr_job_run(job, core->keyring); /* checked once already, when the hello came */
    enum kr_err err = KR_OK, verdict = job->err;
    if (verdict == KR_OK) {
        verdict = kr_card_parse((struct kr_slice){job->content, job->content_len}, &welcome->card);
    }
    if (verdict == KR_OK) {
        welcome->transport = kr_card_key_at(welcome->card.transport, welcome->card.transport_count, step->now_ms / 1000);
        bool is_usable =
            welcome->transport != NULL && !kr_link_key_is_taken(core, welcome->transport->public_key, invitation->joiner);
        verdict = is_usable ? KR_OK : KR_KEY;
    }
    if (verdict == KR_OK && core->link_count == KR_LINKS_MAX && kr_link_by_council(core, invitation->joiner) == NULL) {
        verdict = KR_BOUNDS;
    }
    if (verdict == KR_OK) {
        err = kr_admit_foresee(step, job, invitation->joiner, &verdict);
        verdict = verdict == KR_EXISTS ? KR_OK : verdict;
    }
    if (err == KR_OK && verdict == KR_OK) {
        err = kr_invite_vouch(step, invitation->has_community ? invitation->community : NULL, invitation->joiner, &welcome->vouch);
    }
    if (err == KR_OK && verdict == KR_OK && welcome->vouch != NULL) {
        err = kr_invite_vouch_foresee(step, invitation->community, welcome->vouch, &verdict);
    }
    if (verdict == KR_NOMEM) {
        err = verdict;
    }
    *ret_verdict = verdict;
    return err;
}

static enum kr_err make_link(struct kr_step *step, struct kr_invitation *invitation, const struct kr_card_key *transport)
{
    struct kr_core *core = step->core;
    struct kr_link *link = kr_link_by_council(core, invitation->joiner);
    struct kr_link fresh = {
        .state = KR_LINK_OPEN, .linked_ms = step->now_ms, .pair_next = 1, .has_community = invitation->has_community};
    struct kr_store_stat stat;
    enum kr_err err = kr_store_stat(step->txn, &stat);
    if (err != KR_OK) {
        return err;
    }
    fresh.pair_end = stat.arrivals + 1;
    if (!invitation->is_by_hand) {
        kr_pairing_begin(step, &fresh);
        fresh.pairing.is_vouch_due = invitation->has_community;
    }
    memcpy(fresh.council, invitation->joiner, 32);
    memcpy(fresh.community, invitation->community, 32);
    memcpy(fresh.transport_key, transport->public_key, 32);
    (void)kr_slice_text(transport->endpoint, fresh.endpoint, sizeof fresh.endpoint);
    if (link == NULL) {
        err = kr_number_next(step, &fresh.number);
        return err != KR_OK ? err : kr_link_add(step, &fresh, &link);
    }
    /* It joins anew, by a ticket of ours: it may have lost its machine. Or it was linked through a third node. */
    if (link->through != NULL) {
        err = kr_through_ask(step, link, false);
    } else if (link->we_dial) {
        err = kr_effect_add(step->effects, &(struct kr_effect){.type = KR_EFFECT_HANGUP, .number = link->number});
    }
    kr_link_session_down(core, link);
    kr_through_free(link->through);
    link->through = NULL;
    memcpy(link->transport_key, fresh.transport_key, 32);
    link->has_proved = false;
    memcpy(link->endpoint, fresh.endpoint, sizeof fresh.endpoint);
    link->state = KR_LINK_OPEN;
    link->pairing = fresh.pairing;
    if (invitation->has_community) { /* the one that our vouch is for */
        link->has_community = true;
        memcpy(link->community, invitation->community, 32);
    }
    link->stop = KR_STOP_NOT;
    link->stopped_ms = 0;
    core->links_differ = true;
    link->has_secret = false; /* of a ticket by which we were joining it */
    sodium_memzero(link->secret, sizeof link->secret);
    kr_link_settle_dialler(core, link);
    return err != KR_OK ? err : kr_link_put(step, link);
}

static enum kr_err write_welcome(struct kr_step *step, struct kr_invitation *invitation, struct welcome *welcome)
{
    enum kr_err verdict;
    uint64_t arrival;
    struct kr_link *link = kr_link_by_council(step->core, invitation->joiner);
    const bool is_new = link == NULL || link->state == KR_LINK_JOINING;
    enum kr_err err = make_link(step, invitation, welcome->transport);
    link = kr_link_by_council(step->core, invitation->joiner);
    if (err == KR_OK) {
        err = kr_admit(step, &welcome->card_job, invitation->joiner, link, &verdict, &arrival);
    }
    err = err == KR_OK && is_new ? kr_root_confirm_linked(step, link) : err;
    if (err == KR_OK && welcome->vouch != NULL && !welcome->vouch->is_unsigned && invitation->is_by_hand) {
        err = kr_admit(step, welcome->vouch, step->core->self, NULL, &verdict, &arrival);
    }
    err = err == KR_OK ? kr_invitation_use(step, invitation, invitation->joiner) : err;
    err = err == KR_OK ? kr_links_allow(step) : err;
    return err != KR_OK ? err : kr_link_dial(step, link);
}

/* `*ret_verdict`: KR_OK where it is linked now, else why nothing was written. */
static enum kr_err accept_joiner(struct kr_step *step, struct kr_invitation *invitation, enum kr_err *ret_verdict)
{
    char name[KR_NAME_BYTES_MAX + 1];
    struct welcome welcome = {.card_job = {.kind = KR_JOB_CHECK, .bytes = invitation->card, .len = invitation->card_len}};
    enum kr_err err = foresee(step, invitation, &welcome, ret_verdict);
    if (err == KR_OK && *ret_verdict == KR_OK) {
        err = write_welcome(step, invitation, &welcome);
    }
    const bool waits_for_root = welcome.vouch != NULL && welcome.vouch->is_unsigned && invitation->is_by_hand;
    free(welcome.card_job.content);
    free(welcome.card_job.terms);
    kr_job_free(welcome.vouch);
    if (err != KR_OK) {
        return err;
    }
    kr_core_name(step->core, invitation->joiner, false, name, sizeof name);
    if (*ret_verdict != KR_OK) {
        return kr_step_log(step, KR_LOG_WARNING, "%s showed a ticket of ours and could not be linked: %s; the ticket is still good",
                           name, kr_err_text(*ret_verdict));
    }
    if (!invitation->is_by_hand) {
        return kr_step_log(
            step, KR_LOG_NOTICE,
            "%s has joined with a ticket of ours: nothing but TLP:CLEAR and the directory passes until both operators "
            "have compared the code by telephone (`kairan peer code`, `kairan peer confirm`)",
            name);
    }
    return waits_for_root
               ? kr_step_log(step, KR_LOG_WARNING,
                             "%s has joined with a ticket of ours and is not vouched for yet: the root key is not on this "
                             "node; run `kairan vouch` with --root",
                             name)
               : kr_step_log(step, KR_LOG_NOTICE, "%s has joined with a ticket of ours", name);
}

/* Whether the operator wants nothing of that council now: it gets no answer. A ticket of ours in its hands says nothing about what
 * the operator has said since. */
static enum kr_err is_shut_out(struct kr_step *step, const uint8_t council[static 32], bool *ret_out)
{
    char name[KR_NAME_BYTES_MAX + 1];
    struct kr_link *link = kr_link_by_council(step->core, council);
    *ret_out = link != NULL && kr_link_is_shut(link);
    if (!*ret_out) {
        return kr_peer_is_blocked(step, council, ret_out);
    }
    kr_core_name(step->core, council, false, name, sizeof name);
    return link->stop != KR_STOP_NOT
               ? kr_step_log_peer(
                     step, link, KR_LOG_WARNING,
                     "%s showed a ticket of ours while the link with it is stopped because of a key; not answered. When "
                     "you know what happened, run `kairan peer remove` first",
                     name)
               : kr_step_log_peer(
                     step, link, KR_LOG_WARNING,
                     "%s showed a ticket of ours while the link with it is paused; not answered. If it is to come back, "
                     "run `kairan peer resume` first",
                     name);
}

static enum kr_err join_hello(struct kr_step *step, struct kr_invitation *invitation, struct kr_slice bytes)
{
    struct kr_hello hello;
    struct kr_job job = {0};
    struct kr_card card;
    bool fits = kr_hello_read(bytes, &hello) == KR_OK && hello.is_join && !hello.is_responder &&
                memcmp(hello.meant, step->core->self, 32) == 0 && memcmp(hello.council, step->core->self, 32) != 0;
    if (invitation->expires_s <= step->now_ms / 1000) {
        return drop_invitations(step, NULL, false); /* cuts the connection; when it is made anew, the joiner is turned away */
    }
    if (!fits || step->now_ms < invitation->heard_ms + 100) {
        return KR_OK; /* whoever it is, it holds a ticket and nothing else: no answer; and ten tries a second are enough */
    }
    invitation->heard_ms = step->now_ms;
    bool is_out = false;
    enum kr_err err = is_shut_out(step, hello.council, &is_out);
    if (err == KR_OK && is_out) {
        return KR_OK;
    }
    if (err == KR_OK) {
        err = kr_hello_card(step, &hello, &job, &card);
    }
    if (err == KR_OK) {
        uint8_t hash[32];
        kr_hello_hash(hash, bytes);
        err = kr_hello_answer(step, invitation->number, &hello, hash, &invitation->pending);
        invitation->has_pending = err == KR_OK;
    }
    if (err == KR_OK) {
        memcpy(invitation->joiner, hello.council, 32);
        free(invitation->card);
        invitation->card = job.bytes;
        invitation->card_len = job.len;
        job.bytes = NULL;
    }
    free(job.bytes);
    free(job.content);
    free(job.terms);
    return err == KR_NOMEM || err == KR_IO || err == KR_CORRUPT || err == KR_STORE_FULL ? err : KR_OK;
}

enum kr_err kr_invitation_frame(struct kr_step *step, struct kr_invitation *invitation, struct kr_slice frame)
{
    if (invitation->is_for_node) {
        return kr_node_ask_frame(step, invitation, frame);
    }
    if (frame.len > 1 && frame.bytes[0] == KR_FRAME_HELLO) {
        return join_hello(step, invitation, (struct kr_slice){frame.bytes + 1, frame.len - 1});
    }
    const size_t head = 1 + KR_SESSION_ID_BYTES;
    bool is_its = invitation->has_pending && frame.len >= head + KR_SESSION_OVERHEAD_BYTES && frame.bytes[0] == KR_FRAME_SEALED &&
                  memcmp(frame.bytes + 1, invitation->pending.id, KR_SESSION_ID_BYTES) == 0;
    if (!is_its) {
        return KR_OK;
    }
    /* The first frame that opens proves that the joiner holds what its hello was signed with; what it says does not matter. */
    uint8_t *plain = malloc(frame.len);
    if (plain == NULL) {
        return KR_NOMEM;
    }
    enum kr_err err = kr_session_open(&invitation->pending, plain, frame.bytes + head, frame.len - head);
    free(plain);
    if (err != KR_OK) {
        invitation->has_pending = false;
        return KR_OK;
    }
    bool is_out = false;
    err = is_shut_out(step, invitation->joiner, &is_out); /* it may be so since its hello */
    if (err != KR_OK || is_out) {
        invitation->has_pending = false;
        return err;
    }
    struct kr_message welcome = {.type = KR_MESSAGE_WELCOME};
    bool is_other = invitation->is_used && memcmp(invitation->used_by, invitation->joiner, 32) != 0;
    if (is_other) {
        welcome.reason = KR_USED;
        err = kr_step_log(step, KR_LOG_WARNING, "a ticket that was used already has been shown again, by another council; refused");
    } else if (!invitation->is_used) {
        enum kr_err verdict = KR_OK;
        err = accept_joiner(step, invitation, &verdict);
        welcome.reason = (uint32_t)verdict;
    }
    invitation->has_pending = false;
    return err != KR_OK ? err : kr_session_send(step, invitation->number, &invitation->pending, &welcome);
}

/* ---- joining ---- */

static enum kr_err say_step(struct kr_step *step, struct kr_link *link, uint32_t phase, uint32_t missing)
{
    if (link->client == 0) {
        return KR_OK;
    }
    char name[KR_NAME_BYTES_MAX + 1];
    kr_core_name(step->core, link->council, step->speaks_japanese, name, sizeof name);
    const bool is_pending = link->pairing.is_pending;
    struct kr_join_step say = {.phase = phase, .council_name = {(const uint8_t *)name, strlen(name)}, .missing = missing};
    if (phase == KR_JOIN_PENDING) {
        say.code = (struct kr_slice){(const uint8_t *)link->pairing.code, strlen(link->pairing.code)};
    }
    const bool is_last = is_pending
                             ? phase == KR_JOIN_PENDING
                             : phase == KR_JOIN_CANDIDATE || phase == (link->has_community ? KR_JOIN_MEMBER : KR_JOIN_LINKED);
    struct kr_writer item;
    kr_writer_init(&item, KR_KIB);
    kr_join_step_write(&say, &item);
    enum kr_err err = kr_step_item(step, link->client, link->request, &item);
    if (err == KR_OK && is_last) {
        err = kr_step_end_empty(step, link->client, link->request);
        link->client = link->request = 0;
    }
    kr_writer_deinit(&item);
    return err;
}

enum kr_err kr_join_step_say(struct kr_step *step, struct kr_link *link, uint32_t phase)
{
    return say_step(step, link, phase, 0);
}

/* Whether all that the peer has of the community's directory is here, so that no more vouches come from there now. */
static bool has_directory(const struct kr_link *link)
{
    struct kr_scope scope = {.kind = KR_SCOPE_DIRECTORY};
    memcpy(scope.id, link->community, 32);
    const struct kr_progress *progress = kr_progress_of(link, &scope);
    return link->is_compared && (link->is_equal || (progress != NULL && progress->is_told && kr_catchup_is_read(progress)));
}

/* Where one vouch does not make a member, the one of whoever invited us is all that comes of the ticket. */
static enum kr_err settle_join(struct kr_step *step, struct kr_link *link)
{
    const struct kr_core *core = step->core;
    const struct kr_community *community = kr_directory_community(&core->directory, link->community);
    if (community == NULL) {
        return KR_OK;
    }
    const struct kr_membership *membership = &community->membership;
    if ((kr_membership_standing(membership, core->self) & KR_IS_MEMBER) != 0) {
        return say_step(step, link, KR_JOIN_MEMBER, 0);
    }
    const struct kr_edge *edge = kr_membership_find(membership, KR_WORD_VOUCH, link->council, core->self);
    const uint32_t votes = edge == NULL ? 0 : membership->sets[KR_SET_MEMBERS].votes[edge->to];
    if (votes == 0 || votes >= membership->vouches_needed) {
        return KR_OK;
    }
    return has_directory(link) ? say_step(step, link, KR_JOIN_CANDIDATE, membership->vouches_needed - votes)
                               : kr_step_wake(step, step->now_ms + LOOK_AGAIN_MS);
}

enum kr_err kr_joins_settle(struct kr_step *step)
{
    struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < core->link_count && err == KR_OK; i++) {
        struct kr_link *link = core->links[i];
        if (link->client != 0 && link->state == KR_LINK_OPEN && link->has_session && link->has_community &&
            !link->pairing.is_pending) {
            err = settle_join(step, link);
        }
    }
    return err;
}

enum kr_err kr_join_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_core *core = step->core;
    struct kr_join join;
    struct kr_ticket ticket;
    struct kr_error error = {0};
    enum kr_err verdict = kr_join_read(event->bytes, &join);
    if (verdict == KR_OK) {
        verdict = kr_ticket_parse((const char *)join.ticket.bytes, join.ticket.len, &ticket, &error);
    }
    if (verdict != KR_OK) {
        return kr_step_error(step, event->client, event->request, verdict, "%s", error.text);
    }
    if (ticket.is_for_node) {
        sodium_memzero(&ticket, sizeof ticket);
        return kr_step_error(
            step, event->client, event->request, KR_INVALID,
            "this ticket is for a further node of the council that made it: use it on that machine with `kairan node "
            "join`");
    }
    struct kr_link *known = kr_link_by_council(core, ticket.council);
    if (ticket.expires_s <= step->now_ms / 1000) {
        return kr_step_error(step, event->client, event->request, KR_EXPIRED, "this ticket has expired: ask for a new one");
    }
    if (memcmp(ticket.council, core->self, 32) == 0) {
        return kr_step_error(step, event->client, event->request, KR_INVALID,
                             "this is a ticket of your own: give it to the other council");
    }
    if (ticket.is_by_hand && !join.is_by_hand) { /* whoever forged it would say so, too: only who was there can know */
        return kr_step_error(
            step, event->client, event->request, KR_DENIED,
            "this ticket says that it was handed over in person, and makes a link that nobody confirms: if somebody "
            "whom you know gave it to you, say so (--by-hand); else ask for another one");
    }
    bool is_blocked = false;
    enum kr_err looked = kr_peer_is_blocked(step, ticket.council, &is_blocked);
    if (looked != KR_OK) {
        return looked;
    }
    if (is_blocked) {
        return kr_step_error(step, event->client, event->request, KR_DENIED,
                             "this council is blocked here: run `kairan peer unblock` first, if that is meant");
    }
    const bool is_linked = known != NULL && known->state != KR_LINK_JOINING;
    if (is_linked || core->link_count == KR_LINKS_MAX) {
        return kr_step_error(step, event->client, event->request, is_linked ? KR_EXISTS : KR_BOUNDS,
                             is_linked ? "this council is linked already: see `kairan peers`" : "there are too many links");
    }
    if (kr_link_key_is_taken(core, ticket.transport_public, ticket.council)) {
        return kr_step_error(
            step, event->client, event->request, KR_KEY,
            "this ticket names a key that belongs to this node or to another linked council: do not use it, and ask "
            "the council that gave it to you, by telephone");
    }
    enum kr_err err = known != NULL ? kr_link_drop(step, known) : KR_OK;
    struct kr_link fresh = {
        .state = KR_LINK_JOINING,
        .has_secret = true,
        .has_community = ticket.has_community,
        .linked_ms = step->now_ms,
        .client = event->client,
        .request = event->request,
    };
    memcpy(fresh.council, ticket.council, 32);
    memcpy(fresh.transport_key, ticket.transport_public, 32);
    memcpy(fresh.secret, ticket.secret, 32);
    memcpy(fresh.community, ticket.community, 32);
    memcpy(fresh.endpoint, ticket.endpoint, sizeof fresh.endpoint);
    if (!ticket.is_by_hand) {
        kr_pairing_begin(step, &fresh);
    }
    sodium_memzero(&ticket, sizeof ticket);
    struct kr_link *link = NULL;
    if (err == KR_OK) {
        err = kr_number_next(step, &fresh.number);
    }
    if (err == KR_OK) {
        err = kr_link_add(step, &fresh, &link);
    }
    if (err == KR_OK) {
        err = kr_links_allow(step);
    }
    if (err == KR_OK) {
        err = kr_link_dial(step, link);
    }
    if (err == KR_OK) {
        err = kr_step_wake(step, step->now_ms + KR_HELLO_MS_MIN);
    }
    if (err == KR_OK) {
        err = kr_step_wake(step, step->now_ms + JOIN_MS_MAX + 1);
    }
    return err != KR_OK ? err : kr_join_step_say(step, link, KR_JOIN_DIALLING);
}

enum kr_err kr_join_welcomed(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    if (link->state != KR_LINK_JOINING) {
        return KR_OK;
    }
    enum kr_err err = KR_OK;
    if (message->reason != KR_OK) {
        if (link->client != 0) {
            err = kr_step_error(step, link->client, link->request, (enum kr_err)message->reason,
                                message->reason == KR_USED ? "another council has used this ticket: ask for a new one"
                                                           : "the other council's node refused");
        }
        return err != KR_OK ? err : kr_link_drop(step, link);
    }
    struct kr_store_stat stat;
    err = kr_store_stat(step->txn, &stat);
    if (err != KR_OK) {
        return err;
    }
    link->state = KR_LINK_OPEN;
    link->has_secret = false;
    sodium_memzero(link->secret, sizeof link->secret);
    link->linked_ms = step->now_ms;
    link->pair_next = 1;
    link->pair_end = stat.arrivals + 1;
    kr_link_session_down(step->core, link);
    err = kr_link_put(step, link);
    if (err == KR_OK) {
        err = kr_root_confirm_linked(step, link);
    }
    if (err == KR_OK && link->has_community) {
        err = kr_community_publish_card(step, link->community);
    }
    if (err == KR_OK) {
        err = kr_effect_add(step->effects, &(struct kr_effect){.type = KR_EFFECT_HANGUP, .number = link->number});
    }
    if (err == KR_OK) {
        err = kr_links_allow(step);
    }
    kr_link_settle_dialler(step->core, link);
    if (err == KR_OK) {
        err = kr_link_dial(step, link);
    }
    if (err == KR_OK) {
        err = kr_step_wake(step, step->now_ms + KR_HELLO_MS_MIN);
    }
    step->core->links_follow_cards = step->core->links_differ = true; /* its card may name more nodes */
    return err != KR_OK ? err : kr_join_step_say(step, link, KR_JOIN_WELCOMED);
}
