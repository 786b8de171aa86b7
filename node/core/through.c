#include "node/core/through.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/claim.h"
#include "node/core/effect.h"
#include "node/core/root_confirm.h"

#define ASK_MS    60000u /* what is not ready is asked for again after so long, and up to half as long on top */
#define SILENT_MS 10000u /* who knows what it is asked answers within this */

struct kr_through *kr_through_new(const uint8_t council[static 32])
{
    struct kr_through *through = calloc(1, sizeof *through);
    if (through != NULL) {
        memcpy(through->council, council, 32);
        through->end = &through->frames;
        through->state = KR_THROUGH_NO_CARRIER;
    }
    return through;
}

static void drop_frames(struct kr_through *through)
{
    while (through->frames != NULL) {
        struct kr_waiting_frame *frame = through->frames;
        through->frames = frame->next;
        free(frame);
    }
    through->end = &through->frames;
    through->frames_bytes = 0;
    free(through->partial);
    through->partial = NULL;
}

void kr_through_free(struct kr_through *through)
{
    if (through != NULL) {
        drop_frames(through);
        free(through);
    }
}

void kr_through_close(struct kr_link *link)
{
    if (link->through != NULL) {
        drop_frames(link->through);
        link->through->is_overrun = false;
    }
}

/* ---- the carrier ---- */

/* From a community that we have a voice in: who was let in by whom it expelled is no member of it then. */
static bool is_expelled(const struct kr_core *core, const uint8_t council[static 32])
{
    const struct kr_directory *directory = &core->directory;
    bool is_expelled = false;
    for (uint32_t i = 0; i < directory->community_count; i++) {
        const struct kr_membership *membership = &directory->communities[i]->membership;
        const uint8_t own = kr_membership_standing(membership, core->self);
        is_expelled = is_expelled || ((own & (KR_IS_MEMBER | KR_IS_VOICE)) != 0 && (own & KR_HAS_LEFT) == 0 &&
                                      (kr_membership_standing(membership, council) & KR_IS_EXPELLED) != 0);
    }
    return is_expelled;
}

/* The next link with the council in between that is up and can carry; `*at` 0: the first. */
static struct kr_link *next_carrier(struct kr_core *core, const struct kr_link *link, uint32_t *at)
{
    struct kr_link *carrier;
    while ((carrier = kr_link_of_council(core, link->through->council, at)) != NULL) {
        if (carrier->through == NULL && carrier->state == KR_LINK_OPEN && carrier->has_session) {
            return carrier;
        }
    }
    return NULL;
}

struct kr_link *kr_through_carrier(struct kr_core *core, const struct kr_link *link, uint32_t *ret_state)
{
    const struct kr_through *through = link->through;
    uint32_t at = 0;
    struct kr_link *carrier = next_carrier(core, link, &at);
    while (carrier != NULL && through->state == KR_THROUGH_READY && carrier->number != through->number) {
        carrier = next_carrier(core, link, &at);
    }
    if (is_expelled(core, through->council)) {
        *ret_state = KR_THROUGH_EXPELLED;
        return NULL;
    }
    *ret_state = carrier == NULL ? KR_THROUGH_NO_CARRIER : through->state;
    return carrier;
}

bool kr_through_leaves(const struct kr_core *core, const struct kr_link *link, const struct kr_scope *scope)
{
    const uint8_t *council = link->through->council;
    switch (scope->kind) {
    case KR_SCOPE_CLEAR:
        return true;
    case KR_SCOPE_GREEN:
        return kr_directory_is_member(&core->directory, scope->id, council);
    case KR_SCOPE_DIRECTORY:
        return kr_directory_is_candidate(&core->directory, scope->id, council);
    default:
        return false;
    }
}

/* ---- out ---- */

static enum kr_err pump(struct kr_step *step, struct kr_link *link)
{
    struct kr_through *through = link->through;
    uint32_t why;
    struct kr_link *carrier = kr_through_carrier(step->core, link, &why);
    enum kr_err err = KR_OK;
    while (err == KR_OK && carrier != NULL && through->frames != NULL) {
        struct kr_waiting_frame *frame = through->frames;
        const size_t left = frame->len - frame->at;
        const size_t len = left < KR_FORWARD_PIECE_BYTES_MAX ? left : KR_FORWARD_PIECE_BYTES_MAX;
        if (through->credit < len + KR_FORWARD_PIECE_COST) {
            break;
        }
        struct kr_message piece = {
            .type = KR_MESSAGE_FORWARD, .count = frame->len, .from = frame->at, .piece = {frame->bytes + frame->at, len}};
        memcpy(piece.id, link->council, 32);
        err = kr_link_send(step, carrier, &piece);
        through->credit -= len + KR_FORWARD_PIECE_COST;
        through->frames_bytes -= len;
        frame->at += len;
        if (frame->at == frame->len) {
            through->frames = frame->next;
            through->end = frame->next == NULL ? &through->frames : through->end;
            free(frame);
        }
    }
    return err;
}

enum kr_err kr_through_send(struct kr_step *step, struct kr_link *link, uint8_t *bytes, size_t len)
{
    struct kr_through *through = link->through;
    enum kr_err err = KR_OK;
    if (through->state != KR_THROUGH_READY) {
        goto out; /* said to nobody: hello is tried again when there is a way */
    }
    if (len > KR_FORWARD_FRAME_BYTES_MAX || through->frames_bytes + len > KR_THROUGH_QUEUE_BYTES_MAX) {
        through->is_overrun = true;
        err = kr_step_wake(step, step->now_ms);
        goto out;
    }
    struct kr_waiting_frame *frame = malloc(sizeof *frame + len);
    err = frame == NULL ? KR_NOMEM : KR_OK;
    if (err == KR_OK) {
        frame->next = NULL;
        frame->len = len;
        frame->at = 0;
        memcpy(frame->bytes, bytes, len);
        *through->end = frame;
        through->end = &frame->next;
        through->frames_bytes += len;
        err = pump(step, link);
    }
out:
    free(bytes);
    return err;
}

bool kr_through_is_full(const struct kr_link *link)
{
    return link->through != NULL && link->through->frames_bytes >= KR_FORWARD_WINDOW;
}

static enum kr_err give_credit(struct kr_step *step, const struct kr_link *link, struct kr_link *carrier, uint64_t bytes)
{
    struct kr_message credit = {.type = KR_MESSAGE_FORWARD_CREDIT, .count = bytes};
    memcpy(credit.id, link->council, 32);
    return kr_link_send(step, carrier, &credit);
}

enum kr_err kr_through_flush(struct kr_step *step)
{
    struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < core->link_count && err == KR_OK; i++) {
        struct kr_link *link = core->links[i];
        uint32_t why;
        if (link->through == NULL || link->through->owed == 0) {
            continue;
        }
        struct kr_link *carrier = kr_through_carrier(core, link, &why);
        const uint64_t owed = link->through->owed;
        link->through->owed = 0;
        err = carrier == NULL ? KR_OK : give_credit(step, link, carrier, owed);
    }
    return err;
}

/* ---- asking ---- */

/* Each state once, until there is another. */
static enum kr_err tell(struct kr_step *step, struct kr_link *link)
{
    static const char *const texts[] = {
        [KR_THROUGH_SILENT] = "no answer from there; it may run an older version of Kairan, which passes nothing on",
        [KR_THROUGH_DENIED] = "the operator there has not allowed it (kairan forward allow)",
        [KR_THROUGH_WAITING] = "the council at the other end has not added it yet (kairan peer add)",
        [KR_THROUGH_NOT_UP] = "the node at the other end is not linked there at the moment",
        [KR_THROUGH_TAKEN] = "another node of this council is linked with it there",
        [KR_THROUGH_EXPELLED] = "the council in between was expelled, and nothing goes through it any more",
    };
    struct kr_through *through = link->through;
    char name[KR_NAME_BYTES_MAX + 1], carrier[KR_NAME_BYTES_MAX + 1];
    const char *text = through->state < sizeof texts / sizeof texts[0] ? texts[through->state] : NULL;
    if (text == NULL || through->state == through->told_state) {
        return KR_OK;
    }
    through->told_state = through->state;
    return kr_step_log_peer(step, link, KR_LOG_NOTICE, "the link with %s through %s is down: %s",
                            kr_core_name(step->core, link->council, false, name, sizeof name),
                            kr_core_name(step->core, through->council, false, carrier, sizeof carrier), text);
}

static enum kr_err ask_one(struct kr_step *step, const struct kr_link *link, struct kr_link *carrier, bool is_wanted)
{
    struct kr_message ask = {.type = KR_MESSAGE_FORWARD_ASK, .status = is_wanted};
    memcpy(ask.id, link->council, 32);
    return kr_link_send(step, carrier, &ask);
}

/* All nodes of the council in between. */
static enum kr_err send_asks(struct kr_step *step, const struct kr_link *link, bool is_wanted)
{
    struct kr_link *carrier;
    enum kr_err err = KR_OK;
    for (uint32_t at = 0; err == KR_OK && (carrier = next_carrier(step->core, link, &at)) != NULL;) {
        err = ask_one(step, link, carrier, is_wanted);
    }
    return err;
}

static enum kr_err wake(struct kr_step *step, const struct kr_through *through)
{
    const bool is_waiting = through->state == KR_THROUGH_ASKING;
    return kr_step_wake(step, is_waiting ? through->asked_ms + SILENT_MS : through->ask_at_ms);
}

static enum kr_err ask(struct kr_step *step, struct kr_link *link)
{
    struct kr_through *through = link->through;
    if (through->state == KR_THROUGH_NO_CARRIER || through->state == KR_THROUGH_EXPELLED) {
        through->state = KR_THROUGH_ASKING;
    }
    through->asked_ms = step->now_ms;
    through->ask_at_ms = step->now_ms + ASK_MS + kr_rng_below(step->rng, ASK_MS / 2);
    enum kr_err err = send_asks(step, link, true);
    return err == KR_OK ? wake(step, through) : err;
}

enum kr_err kr_through_ask(struct kr_step *step, struct kr_link *link, bool is_wanted)
{
    uint32_t why;
    if (!is_wanted) {
        link->through->state = KR_THROUGH_NO_CARRIER;
        return send_asks(step, link, false);
    }
    return kr_through_carrier(step->core, link, &why) == NULL ? KR_OK : ask(step, link);
}

/* There is no way any more; who was to be it, and is no more to be trusted with it, is told. */
static enum kr_err end(struct kr_step *step, struct kr_link *link, uint32_t why)
{
    struct kr_through *through = link->through;
    const bool is_news = through->state != why;
    kr_link_session_down(step->core, link);
    through->state = why;
    enum kr_err err = is_news && why == KR_THROUGH_EXPELLED ? send_asks(step, link, false) : KR_OK;
    return err == KR_OK ? tell(step, link) : err;
}

enum kr_err kr_through_tick(struct kr_step *step, struct kr_link *link, bool *ret_may)
{
    struct kr_through *through = link->through;
    uint32_t why = through->state;
    struct kr_link *carrier = kr_through_carrier(step->core, link, &why);
    *ret_may = false;
    if (carrier == NULL) {
        return end(step, link, why);
    }
    if (through->is_overrun) {
        kr_link_session_down(step->core, link);
        link->hello_at_ms = step->now_ms + link->hello_wait_ms;
    }
    if (through->state == KR_THROUGH_READY) {
        *ret_may = true;
        return KR_OK;
    }
    const bool is_due =
        step->now_ms >= through->ask_at_ms || through->state == KR_THROUGH_NO_CARRIER || through->state == KR_THROUGH_EXPELLED;
    if (through->state == KR_THROUGH_ASKING && step->now_ms >= through->asked_ms + SILENT_MS) {
        through->state = KR_THROUGH_SILENT;
    }
    enum kr_err err = is_due ? ask(step, link) : wake(step, through);
    return err == KR_OK ? tell(step, link) : err;
}

enum kr_err kr_through_carrier_up(struct kr_step *step, struct kr_link *carrier)
{
    struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < core->link_count && err == KR_OK; i++) {
        struct kr_link *link = core->links[i];
        if (link->through != NULL && link->state == KR_LINK_OPEN && memcmp(link->through->council, carrier->council, 32) == 0) {
            err = link->through->state == KR_THROUGH_READY ? ask_one(step, link, carrier, true) : kr_through_ask(step, link, true);
        }
    }
    return err;
}

void kr_through_carrier_down(struct kr_core *core, const struct kr_link *carrier)
{
    for (uint32_t i = 0; i < core->link_count && carrier->through == NULL; i++) {
        struct kr_link *link = core->links[i];
        if (link->through != NULL && link->through->state == KR_THROUGH_READY && link->through->number == carrier->number) {
            kr_link_session_down(core, link);
            link->through->state = KR_THROUGH_NO_CARRIER;
        }
    }
}

/* ---- in ---- */

/* Through that one from now on: what either end said before is gone. */
static enum kr_err is_ready(struct kr_step *step, struct kr_link *link, struct kr_link *carrier)
{
    struct kr_through *through = link->through;
    const struct kr_link *before = through->state == KR_THROUGH_READY ? kr_link_by_number(step->core, through->number) : NULL;
    if (before != NULL && before != carrier && memcmp(before->transport_key, carrier->transport_key, 32) < 0) {
        return KR_OK;
    }
    kr_link_session_down(step->core, link);
    through->state = through->told_state = KR_THROUGH_READY;
    through->number = carrier->number;
    through->credit = through->owed = 0;
    link->hello_at_ms = step->now_ms;
    link->hello_wait_ms = link->hello_wait_ms > 0 ? link->hello_wait_ms : KR_HELLO_MS_MIN;
    enum kr_err err = give_credit(step, link, carrier, KR_FORWARD_WINDOW);
    return err == KR_OK ? kr_step_wake(step, step->now_ms) : err;
}

/* Of several nodes in between one that allows it counts for more than those that do not, and one that carries for more than all. */
static bool counts(const struct kr_through *through, const struct kr_link *carrier, uint32_t state)
{
    const bool is_other = through->number != carrier->number;
    const bool is_better = through->state == KR_THROUGH_WAITING || through->state == KR_THROUGH_NOT_UP;
    return !is_other || (through->state != KR_THROUGH_READY && !(is_better && state == KR_THROUGH_DENIED));
}

static enum kr_err told(struct kr_step *step, struct kr_link *link, struct kr_link *carrier, uint32_t status)
{
    static const uint32_t states[] = {[KR_FORWARD_READY] = KR_THROUGH_READY,
                                      [KR_FORWARD_WAITING] = KR_THROUGH_WAITING,
                                      [KR_FORWARD_NOT_UP] = KR_THROUGH_NOT_UP,
                                      [KR_FORWARD_DENIED] = KR_THROUGH_DENIED,
                                      [KR_FORWARD_TAKEN] = KR_THROUGH_TAKEN};
    struct kr_through *through = link->through;
    const uint32_t was = through->state, state = status < sizeof states / sizeof states[0] ? states[status] : KR_THROUGH_NOT_UP;
    if (state == KR_THROUGH_READY) {
        return is_ready(step, link, carrier);
    }
    if (!counts(through, carrier, state)) {
        return KR_OK;
    }
    if (was == KR_THROUGH_READY) {
        kr_link_session_down(step->core, link);
    }
    through->state = state;
    through->number = carrier->number;
    const bool is_anew = was == KR_THROUGH_READY || (was == KR_THROUGH_DENIED && state != was);
    enum kr_err err = is_anew ? ask(step, link) : KR_OK;
    return err == KR_OK ? tell(step, link) : err;
}

/* The frame's bytes where it is whole now; to be freed. NULL: not yet, or it is for nothing. */
static enum kr_err put_together(struct kr_through *through, const struct kr_message *message, uint8_t **ret_frame)
{
    *ret_frame = NULL;
    if (message->from == 0) {
        free(through->partial);
        through->partial = malloc(message->count);
        through->partial_len = 0;
        through->partial_total = message->count;
    }
    if (through->partial == NULL) {
        return message->from == 0 ? KR_NOMEM : KR_OK; /* its beginning is missing */
    }
    if (message->count != through->partial_total || message->from != through->partial_len) {
        free(through->partial);
        through->partial = NULL;
        return KR_OK;
    }
    memcpy(through->partial + message->from, message->piece.bytes, message->piece.len);
    through->partial_len += message->piece.len;
    if (through->partial_len == through->partial_total) {
        *ret_frame = through->partial;
        through->partial = NULL;
    }
    return KR_OK;
}

static enum kr_err take_piece(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    struct kr_through *through = link->through;
    uint8_t *frame;
    if (link->state != KR_LINK_OPEN) {
        return KR_OK;
    }
    through->owed += message->piece.len + KR_FORWARD_PIECE_COST;
    enum kr_err err = put_together(through, message, &frame);
    if (err == KR_OK && frame != NULL) {
        err = kr_link_frame(step, link->number, (struct kr_slice){frame, message->count});
    }
    free(frame);
    return err;
}

static enum kr_err credited(struct kr_step *step, struct kr_link *link, uint64_t bytes)
{
    struct kr_through *through = link->through;
    const uint64_t most = KR_FORWARD_WINDOW - through->credit;
    through->credit += bytes < most ? bytes : most;
    return pump(step, link);
}

bool kr_through_message(struct kr_step *step, struct kr_link *carrier, const struct kr_message *message, enum kr_err *ret_err)
{
    struct kr_link *link = kr_link_by_council(step->core, message->id);
    uint32_t why;
    *ret_err = KR_OK;
    if (message->type == KR_MESSAGE_FORWARD_ASK || link == NULL || link->through == NULL ||
        memcmp(link->through->council, carrier->council, 32) != 0) {
        return false;
    }
    const bool carries = link->through->state == KR_THROUGH_READY && link->through->number == carrier->number;
    if (message->type == KR_MESSAGE_FORWARD) {
        *ret_err = carries ? take_piece(step, link, message) : KR_OK;
    } else if (message->type == KR_MESSAGE_FORWARD_CREDIT) {
        *ret_err = carries ? credited(step, link, message->count) : KR_OK;
    } else if (link->state == KR_LINK_OPEN && kr_through_carrier(step->core, link, &why) != NULL) {
        *ret_err = told(step, link, carrier, message->status);
    }
    return true;
}

/* ---- adding ---- */

/* What keeps such a link from being made; NULL: nothing. */
static const char *why_not(struct kr_step *step, const struct kr_peer_act *act, const struct kr_card_key **ret_transport,
                           struct kr_card *card, enum kr_err *ret_code)
{
    struct kr_core *core = step->core;
    const struct kr_council *known = kr_directory_council(&core->directory, act->council);
    const struct kr_link *carrier = kr_link_by_council(core, act->through);
    uint32_t through_links = 0;
    for (uint32_t i = 0; i < core->link_count; i++) {
        through_links += core->links[i]->through != NULL;
    }
    *ret_code = KR_INVALID;
    if (memcmp(act->council, core->self, 32) == 0 || memcmp(act->through, core->self, 32) == 0 ||
        memcmp(act->council, act->through, 32) == 0) {
        return "a link through a third node needs three councils: this one, the one it goes to, and the one in between";
    }
    if (kr_link_by_council(core, act->council) != NULL) {
        *ret_code = KR_EXISTS;
        return "this council is linked already: see `kairan peers`. Where the link is to go another way, remove it first";
    }
    if (carrier == NULL || carrier->state == KR_LINK_JOINING) {
        *ret_code = KR_NOT_FOUND;
        return "the council that the link is to go through is not linked with this one: see `kairan peers`";
    }
    if (carrier->through != NULL) {
        return "the link with the council in between goes through a third one itself: only one may stand between two";
    }
    if (known == NULL) {
        *ret_code = KR_NOT_FOUND;
        return "the card of this council is not here: a link through a third node needs a community that both are in";
    }
    if (through_links >= KR_THROUGH_LINKS_MAX || core->link_count == KR_LINKS_MAX) {
        *ret_code = KR_BOUNDS;
        return "there are too many links, or too many that go through others";
    }
    kr_council_card(known, card);
    *ret_transport = kr_card_key_at(card->transport, card->transport_count, step->now_ms / 1000);
    if (*ret_transport == NULL || kr_link_key_is_taken(core, (*ret_transport)->public_key, act->council)) {
        *ret_code = KR_KEY;
        return "the card of this council has no transport key of its own that is good now";
    }
    return NULL;
}

static enum kr_err add(struct kr_step *step, const struct kr_peer_act *act, const struct kr_card_key *transport)
{
    struct kr_store_stat stat;
    struct kr_link fresh = {.state = KR_LINK_OPEN, .linked_ms = step->now_ms, .pair_next = 1}, *link = NULL;
    enum kr_err err = kr_store_stat(step->txn, &stat);
    if (err == KR_OK) {
        err = kr_number_next(step, &fresh.number);
    }
    if (err == KR_OK) {
        fresh.through = kr_through_new(act->through);
        err = fresh.through == NULL ? KR_NOMEM : KR_OK;
    }
    if (err != KR_OK) {
        return err;
    }
    fresh.pair_end = stat.arrivals + 1;
    memcpy(fresh.council, act->council, 32);
    memcpy(fresh.transport_key, transport->public_key, 32);
    kr_pairing_begin(step, &fresh);
    err = kr_link_add(step, &fresh, &link);
    if (err == KR_OK) {
        err = kr_root_confirm_linked(step, link);
    }
    return err == KR_OK ? kr_through_ask(step, link, true) : err;
}

enum kr_err kr_through_add_request(struct kr_step *step, const struct kr_event *event, const struct kr_peer_act *act)
{
    struct kr_card card;
    const struct kr_card_key *transport = NULL;
    char name[KR_NAME_BYTES_MAX + 1], carrier[KR_NAME_BYTES_MAX + 1];
    enum kr_err code;
    bool is_blocked = false;
    const char *why = why_not(step, act, &transport, &card, &code);
    enum kr_err err = kr_peer_is_blocked(step, act->council, &is_blocked);
    if (err != KR_OK) {
        return err;
    }
    if (why == NULL && is_blocked) {
        code = KR_DENIED;
        why = "this council is blocked here: run `kairan peer unblock` first, if that is meant";
    }
    if (why != NULL) {
        return kr_step_error(step, event->client, event->request, code, "%s", why);
    }
    err = add(step, act, transport);
    if (err == KR_OK) {
        err = kr_step_log(step, KR_LOG_NOTICE, "a link with %s through %s was added by the operator",
                          kr_core_name(step->core, act->council, false, name, sizeof name),
                          kr_core_name(step->core, act->through, false, carrier, sizeof carrier));
    }
    return err == KR_OK ? kr_step_end_empty(step, event->client, event->request) : err;
}
