/* The transport key replaced, while the node goes on.
 *
 *   asked ──▶ next key in the keyring's file, used for nothing ──▶ card with both, signed by the root key, here or elsewhere ──▶
 *   sessions begin anew: their hello bears the card ──▶ every peer has it, or the key before has ended ──▶ the next key takes its
 *   place in the keyring's file ──▶ net is started anew with it
 *
 * Keyring and card alone say how far it is. Who has heard of the card is known of sessions of this run only: after a restart they
 * begin anew, and with them who has heard. */
#include "node/core/transport_key.h"

#include <stdio.h>
#include <string.h>

#include "crypto/fault.h"
#include "node/core/claim.h"
#include "node/core/effect.h"
#include "node/core/enrol.h"
#include "node/core/rotate.h"
#include "proto/client/rekey.h"

#define LOOK_MS     60000u  /* tickets end by themselves */
#define AGAIN_MS    600000u /* the keyring's file; all links begin anew each time */
#define RESTS_MS    2000u   /* so soon a link that rests sees that the other one went down */
#define NAMES_SHOWN 3u
#define NAME_SHOWN  60u /* bytes of each */

/* Dated back so far, the next key has begun BEGUN_S before now for whoever takes the card at all: a peer takes none from more than
 * a day ahead of its clock. It signs nothing, so that nothing is made valid by that. */
#define BEGUN_S      (KR_KEY_EARLIER_S - KR_FUTURE_MS_MAX / 1000u)
#define DATED_BACK_S (KR_AHEAD_MS_MAX / 1000u + BEGUN_S)

static const struct kr_card_key *find(const struct kr_card *card, const uint8_t key[static 32])
{
    for (uint32_t i = 0; i < card->transport_count; i++) {
        if (memcmp(card->transport[i].public_key, key, 32) == 0) {
            return &card->transport[i];
        }
    }
    return NULL;
}

static bool own_card(const struct kr_core *core, struct kr_card *ret_card)
{
    const struct kr_council *self = kr_directory_council(&core->directory, core->self);
    if (self != NULL) {
        kr_council_card(self, ret_card);
    }
    return self != NULL;
}

bool kr_transport_has(const struct kr_keyring *keyring, const uint8_t key[static 32])
{
    return memcmp(key, keyring->transport_public, 32) == 0 || memcmp(key, keyring->next_transport_public, 32) == 0;
}

bool kr_transport_is_own(const struct kr_core *core, const uint8_t key[static 32])
{
    const uint8_t *used = core->keyring->transport_public;
    struct kr_card card;
    return kr_transport_has(core->keyring, key) || (own_card(core, &card) && (kr_card_transport_comes_behind(&card, key, used) ||
                                                                              kr_card_transport_comes_behind(&card, used, key)));
}

bool kr_transport_is_turning(const struct kr_core *core)
{
    struct kr_card card;
    return kr_keyring_transport_comes(core->keyring) && own_card(core, &card) &&
           find(&card, core->keyring->next_transport_public) != NULL;
}

/* ---- who has heard ---- */

/* Nobody has heard before the first ping or pong of his session: who has no room says so before that, and so does who goes by
 * another card of ours: one of a higher version that we have not seen, by whoever has our root key. Nor has who says by it that his
 * clock is more than a day apart from ours: to him the card may have expired, or be one of the future. He is told anew when it
 * is right. Where it was ours that was wrong when the card was made, and is right now, that is when the card's time has come.
 *
 * What was heard of one key tells nothing of the one that comes after it. */
static void forget_who_heard(struct kr_core *core)
{
    for (uint32_t i = 0; i < core->link_count; i++) {
        core->links[i]->knows_next = false;
    }
}

enum kr_err kr_transport_card_entered(struct kr_step *step)
{
    struct kr_core *core = step->core;
    bool is_news = false;
    if (!kr_transport_is_turning(core)) {
        forget_who_heard(core);
        return KR_OK;
    }
    for (uint32_t i = 0; i < core->link_count; i++) {
        struct kr_link *link = core->links[i];
        is_news = is_news || (link->has_session && !link->knows_next);
        if (!link->has_session) { /* what is under way bears the card of before */
            link->has_hello = link->has_pending = false;
        }
    }
    core->transport_at_ms = 0;
    return is_news ? kr_links_renew(step) : kr_step_wake(step, step->now_ms);
}

enum kr_err kr_transport_say_full(struct kr_step *step, struct kr_link *link)
{
    const struct kr_council *known = kr_directory_council(&step->core->directory, link->council);
    struct kr_message message = {.type = KR_MESSAGE_REFUSE, .reason = KR_BOUNDS};
    char name[KR_NAME_BYTES_MAX + 1];
    if (!link->has_session || link->told_full || known == NULL || !kr_link_is_settled(link)) {
        return KR_OK;
    }
    link->told_full = true;
    memcpy(message.id, known->record_id, 32);
    enum kr_err err = kr_link_send(step, link, &message);
    return err == KR_OK
               ? kr_step_log_peer(step, link, KR_LOG_WARNING,
                                  "the card of %s names another node or its next transport key, and there is no room: this "
                                  "node has %u links. Remove one that is not needed (`kairan peer remove`)",
                                  kr_core_name(step->core, link->council, false, name, sizeof name), KR_LINKS_MAX)
               : err;
}

void kr_transport_shown(const struct kr_core *core, struct kr_link *link, const struct kr_card *card, uint64_t version,
                        const uint8_t *id)
{
    const struct kr_council *known = kr_directory_council(&core->directory, link->council);
    struct kr_card ours;
    link->has_other_card = false;
    if (known == NULL || id == NULL || known->version < version) {
        return;
    }
    kr_council_card(known, &ours);
    for (uint32_t i = 0; i < card->transport_count; i++) {
        const struct kr_card_key *key = &card->transport[i];
        const bool is_open = key->until_s == 0 || key->until_s > core->now_ms / 1000;
        link->has_other_card = link->has_other_card || (is_open && find(&ours, key->public_key) == NULL);
    }
    memcpy(link->shown_id, id, 32);
}

static enum kr_err say_other(struct kr_step *step, struct kr_link *link)
{
    struct kr_message message = {.type = KR_MESSAGE_REFUSE, .reason = KR_EXISTS};
    char name[KR_NAME_BYTES_MAX + 1];
    memcpy(message.id, link->shown_id, 32);
    enum kr_err err = kr_link_send(step, link, &message);
    return err == KR_OK ? kr_step_log_peer(step, link, KR_LOG_WARNING,
                                           "%s shows a card with transport keys that its card here does not list; it is told so",
                                           kr_core_name(step->core, link->council, false, name, sizeof name))
                        : err;
}

enum kr_err kr_transport_session_up(struct kr_step *step, struct kr_link *link)
{
    link->refuses_next = link->told_full = link->is_pending_there = false;
    if (link->has_other_card && link->state == KR_LINK_OPEN && link->through == NULL) {
        return say_other(step, link);
    }
    return kr_links_lack_room(step->core, link->council) ? kr_transport_say_full(step, link) : KR_OK;
}

/* When the peer's clock says so it takes the card, and admits the next key. */
static uint64_t card_time_s(const struct kr_core *core)
{
    struct kr_card card;
    const struct kr_card_key *next = own_card(core, &card) ? find(&card, core->keyring->next_transport_public) : NULL;
    return next != NULL && next->from_s < UINT64_MAX - BEGUN_S ? next->from_s + BEGUN_S : UINT64_MAX;
}

enum kr_err kr_transport_heard(struct kr_step *step, struct kr_link *link, bool had_wrong_clock)
{
    if (!link->has_session || link->is_clock_wrong || link->knows_next || !kr_transport_is_turning(step->core)) {
        return KR_OK;
    }
    const uint64_t card_s = card_time_s(step->core), their_s = kr_link_their_s(step, link);
    const uint64_t up_s = step->now_ms > link->up_ms ? (step->now_ms - link->up_ms) / 1000 : 0;
    if (their_s < card_s) {
        return KR_OK;
    }
    if (had_wrong_clock || their_s - card_s < up_s) { /* what the session's hello bore was put off */
        return kr_link_renew(step, link);
    }
    if (link->refuses_next) {
        return KR_OK;
    }
    link->knows_next = true;
    step->core->transport_at_ms = 0;
    return kr_step_wake(step, step->now_ms);
}

enum kr_err kr_transport_refused(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    const struct kr_council *self = kr_directory_council(&step->core->directory, step->core->self);
    const bool is_card = self != NULL && memcmp(message->id, self->record_id, 32) == 0;
    const bool is_other = is_card && message->reason == KR_EXISTS;
    char name[KR_NAME_BYTES_MAX + 1];
    kr_core_name(step->core, link->council, false, name, sizeof name);
    if (!is_other && !(is_card && message->reason == KR_BOUNDS && kr_transport_is_turning(step->core))) {
        return kr_step_log_peer(step, link, KR_LOG_WARNING, "%s refused a record of ours: %s", name,
                                kr_err_text((enum kr_err)message->reason));
    }
    link->refuses_next = true;
    link->knows_next = false;
    if (is_other) { /* a bare word: proof is the card, which comes with what the two compare next */
        return kr_step_log_peer(
            step, link, kr_transport_is_turning(step->core) ? KR_LOG_WARNING : KR_LOG_INFO,
            "%s says that it goes by another card of this council, without a transport key that is on this node's card: a turn to "
            "a "
            "next one waits for it. Such a card comes here within minutes, if there is one; where nobody of this council has made "
            "it, the root key is in other hands (`kairan root recover`)",
            name);
    }
    return kr_step_log_peer(step, link, KR_LOG_WARNING,
                            "%s has no room for a link under this node's next transport key: the turn waits until its operator has "
                            "made some, or the key before has ended",
                            name);
}

static bool has_heard(const struct kr_link *link)
{
    return link->knows_next && kr_link_is_settled(link) && !link->is_pending_there;
}

/* A link through a third node needs no transport key; one that is still to be confirmed, at either end, is bound to the one that it
 * was begun with, and one that is paused or stopped cannot be told. A node that has two keys itself has heard where it did so under
 * either. */
static bool is_waited_for(struct kr_core *core, const struct kr_link *link)
{
    bool has = has_heard(link);
    uint32_t at = 0;
    for (const struct kr_link *other; !has && (other = kr_link_of_council(core, link->council, &at)) != NULL;) {
        has = has_heard(other) && kr_links_are_one_node(core, link, other);
    }
    return link->through == NULL && !has;
}

static enum kr_err look(struct kr_step *step, struct kr_status_transport *ret_status)
{
    struct kr_core *core = step->core;
    const uint64_t now_s = step->now_ms / 1000;
    struct kr_status_transport status = {.is_listed = true};
    struct kr_card card;
    uint32_t count = 0;
    if (own_card(core, &card)) {
        const struct kr_card_key *before = find(&card, core->keyring->transport_public);
        const struct kr_card_key *next = find(&card, core->keyring->next_transport_public);
        status.from_s = next != NULL ? next->from_s : 0;
        status.until_s = before != NULL && before->until_s != 0 ? before->until_s : now_s;
    }
    for (uint32_t i = 0; i < core->link_count; i++) {
        status.links += is_waited_for(core, core->links[i]);
    }
    for (uint32_t i = 0; i < core->invitation_count; i++) {
        status.tickets += core->invitations[i]->expires_s > now_s;
    }
    enum kr_err err = kr_enrol_count(step, &count); /* tickets for machines, too */
    status.machines = count;
    if (err == KR_OK) {
        *ret_status = status;
    }
    return err;
}

/* ---- its turn ---- */

static enum kr_err turn(struct kr_step *step)
{
    step->core->transport_at_ms = step->now_ms + AGAIN_MS;
    enum kr_err err = kr_step_log(step, KR_LOG_NOTICE, "this node is reached under a new transport key from now on");
    if (err == KR_OK) {
        err = kr_links_renew_now(step);
    }
    if (err == KR_OK) {
        err = kr_effect_add(step->effects, &(struct kr_effect){.type = KR_EFFECT_TRANSPORT_TURN, .at_ms = step->now_ms});
    }
    return err == KR_OK ? kr_step_wake(step, step->core->transport_at_ms) : err;
}

enum kr_err kr_transport_tick(struct kr_step *step)
{
    struct kr_core *core = step->core;
    struct kr_status_transport status;
    if (!kr_keyring_transport_comes(core->keyring) || !kr_transport_is_turning(core)) {
        return KR_OK;
    }
    if (step->now_ms < core->transport_at_ms) {
        return kr_step_wake(step, core->transport_at_ms);
    }
    enum kr_err err = look(step, &status);
    if (err != KR_OK) {
        return err;
    }
    const bool is_awaited = !KR_FAULT(KR_FAULT_TURNED_AT_ONCE) && status.links + status.tickets + status.machines > 0 &&
                            step->now_ms / 1000 < status.until_s;
    if (!is_awaited && !core->links_are_due_anew) {
        return turn(step);
    }
    core->transport_at_ms = step->now_ms + LOOK_MS;
    return kr_step_wake(step, core->transport_at_ms);
}

void kr_names_add(const struct kr_core *core, const uint8_t council[static 32], bool japanese, char *text, size_t size)
{
    char name[KR_NAME_BYTES_MAX + 1];
    kr_core_name(core, council, japanese, name, sizeof name);
    const size_t len = strlen(text), name_len = strlen(name);
    const size_t whole = kr_utf8_whole((const uint8_t *)name, name_len < NAME_SHOWN ? name_len : NAME_SHOWN);
    (void)snprintf(text + len, size - len, "%s%.*s", len > 0 ? ", " : "", (int)whole, name);
}

enum kr_err kr_transport_status(struct kr_step *step, char *names, size_t size, struct kr_status_transport *ret_status)
{
    struct kr_core *core = step->core;
    uint32_t shown = 0;
    names[0] = 0;
    if (!kr_transport_is_turning(core)) {
        *ret_status = (struct kr_status_transport){.comes = kr_keyring_transport_comes(core->keyring)};
        return KR_OK;
    }
    enum kr_err err = look(step, ret_status);
    for (uint32_t i = 0; i < core->link_count && shown < NAMES_SHOWN && err == KR_OK; i++) {
        if (is_waited_for(core, core->links[i])) {
            kr_names_add(core, core->links[i]->council, step->speaks_japanese, names, size);
            shown++;
        }
    }
    ret_status->comes = true;
    ret_status->names = (struct kr_slice){(const uint8_t *)names, strlen(names)};
    return err;
}

/* ---- for clients ---- */

static enum kr_err make(struct kr_step *step, const struct kr_event *event)
{
    struct kr_writer seed;
    uint8_t bytes[32];
    if (kr_keyring_transport_comes(step->core->keyring)) {
        return kr_step_end_empty(step, event->client, event->request);
    }
    forget_who_heard(step->core);
    kr_rng_bytes(step->rng, bytes, sizeof bytes);
    kr_writer_init(&seed, sizeof bytes);
    kr_writer_raw(&seed, bytes, sizeof bytes);
    sodium_memzero(bytes, sizeof bytes);
    enum kr_err err = kr_effect_add_writer(
        step->effects, (struct kr_effect){.type = KR_EFFECT_TRANSPORT_MAKE, .client = event->client, .request = event->request},
        &seed);
    kr_writer_deinit(&seed);
    return err;
}

static bool begins(const struct kr_card *card, uint64_t from_s)
{
    bool does = false;
    for (uint32_t i = 0; i < card->transport_count; i++) {
        does = does || card->transport[i].from_s == from_s;
    }
    return does;
}

/* The next key in front, and the one in use with an end by which it is known to come before that one. What came behind it already
 * is lost, where an older keyring was put back, and ends. KR_NOT_FOUND: the one in use is not in force. */
static enum kr_err put_on_card(const struct kr_keyring *keyring, struct kr_card *card, uint64_t now_s)
{
    const struct kr_card as_it_is = *card;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < card->transport_count; i++) {
        const struct kr_card_key *key = &as_it_is.transport[i];
        const bool is_lost = kr_card_transport_comes_behind(&as_it_is, keyring->transport_public, key->public_key);
        if (!is_lost && (key->until_s == 0 || key->until_s > now_s)) { /* nobody needs those that have ended */
            card->transport[kept++] = card->transport[i];
        }
    }
    card->transport_count = kept;
    const struct kr_card_key *used = find(card, keyring->transport_public);
    if (used == NULL) {
        return KR_NOT_FOUND;
    }
    const uint32_t at = (uint32_t)(used - card->transport);
    const uint64_t earliest_s = used->from_s + 1, usual_s = now_s > DATED_BACK_S ? now_s - DATED_BACK_S : 0;
    uint64_t from_s = usual_s > earliest_s ? usual_s : earliest_s;
    while (begins(card, from_s)) { /* another node's, of this council: it is by its beginning that the next one is known */
        from_s++;
    }
    if (!kr_card_put_first(card->transport, &card->transport_count, keyring->next_transport_public, now_s, from_s)) {
        return KR_BOUNDS;
    }
    struct kr_card_key *next = &card->transport[0], *before = &card->transport[at + 1];
    next->endpoint = before->endpoint;
    before->until_s = next->from_s + KR_KEY_EARLIER_S + KR_KEY_OVERLAP_S;
    return KR_OK;
}

static enum kr_err list(struct kr_step *step, const struct kr_event *event)
{
    struct kr_core *core = step->core;
    struct kr_statement statements[KR_CARDS_MAX];
    struct kr_card_places places;
    struct kr_card card;
    if (!kr_keyring_transport_comes(core->keyring)) {
        return kr_step_error(step, event->client, event->request, KR_NOT_FOUND,
                             "there is no new transport key to put on the card: `kairan node transport rotate` makes it first");
    }
    if (kr_transport_is_turning(core)) {
        return kr_step_error(step, event->client, event->request, KR_EXISTS,
                             "the transport key is being replaced already: `kairan node transport` tells what it waits for");
    }
    enum kr_err err = kr_card_own(step, event, &places, &card);
    if (err != KR_OK) {
        return err == KR_CANCELLED ? KR_OK : err;
    }
    err = put_on_card(core->keyring, &card, step->now_ms / 1000);
    if (err != KR_OK) {
        return kr_step_error(step, event->client, event->request, err,
                             err == KR_BOUNDS
                                 ? "the card lists as many transport keys as it has room for: wait until one has ended"
                                 : "the card does not list this node's transport key, or it has ended there: an old keyring "
                                   "was put back, or the node was revoked");
    }
    kr_card_fill(&places, &card, core->self, statements);
    return kr_statement_ask(step, event, statements, places.count);
}

static enum kr_err finish(struct kr_step *step, const struct kr_event *event)
{
    if (!kr_transport_is_turning(step->core)) {
        return kr_step_error(step, event->client, event->request, KR_NOT_FOUND, "no transport key is being replaced");
    }
    enum kr_err err = turn(step);
    return err == KR_OK ? kr_step_end_empty(step, event->client, event->request) : err;
}

enum kr_err kr_transport_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_reader reader;
    kr_reader_init(&reader, event->bytes.bytes, event->bytes.len);
    kr_reader_array(&reader, 1);
    const uint64_t act = kr_reader_uint(&reader, KR_TRANSPORT_FINISH);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK || act < KR_TRANSPORT_MAKE) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "this request is not readable");
    }
    return act == KR_TRANSPORT_MAKE ? make(step, event) : act == KR_TRANSPORT_LIST ? list(step, event) : finish(step, event);
}

enum kr_err kr_transport_refuse(struct kr_step *step, const struct kr_event *event)
{
    return kr_step_error(step, event->client, event->request, KR_BUSY,
                         "this node's transport key is being replaced: `kairan node transport` tells what that waits for, and "
                         "`kairan node transport finish` ends it; then use the ticket again");
}

/* ---- of others ---- */

bool kr_links_are_one_node(const struct kr_core *core, const struct kr_link *a, const struct kr_link *b)
{
    const struct kr_council *council = kr_directory_council(&core->directory, a->council);
    struct kr_card card;
    if (a == b || council == NULL || memcmp(a->council, b->council, 32) != 0) {
        return false;
    }
    kr_council_card(council, &card);
    return kr_card_transport_comes_behind(&card, a->transport_key, b->transport_key) ||
           kr_card_transport_comes_behind(&card, b->transport_key, a->transport_key);
}

/* Of two with one node: which has a session, else was heard last, else is older. */
static bool comes_first(const struct kr_link *a, const struct kr_link *b)
{
    if (a->has_session != b->has_session) {
        return a->has_session;
    }
    return a->heard_ms != b->heard_ms ? a->heard_ms > b->heard_ms : a->number < b->number;
}

struct kr_link *kr_link_stand_in(struct kr_core *core, const struct kr_link *link)
{
    struct kr_link *other, *found = NULL;
    for (uint32_t at = 0; !link->has_session && (other = kr_link_of_council(core, link->council, &at)) != NULL;) {
        found = comes_first(other, found != NULL ? found : link) && kr_links_are_one_node(core, link, other) ? other : found;
    }
    return found;
}

enum kr_err kr_link_may_dial(struct kr_step *step, struct kr_link *link, bool *ret_may)
{
    const struct kr_link *other = link->we_dial ? kr_link_stand_in(step->core, link) : NULL;
    *ret_may = (other == NULL || !other->has_session) && !kr_claim_rests(step->core, link, step->now_ms);
    if (*ret_may || link->is_turned_away) {
        return *ret_may ? KR_OK : kr_step_wake(step, step->now_ms + RESTS_MS);
    }
    link->is_turned_away = true; /* to be dialled anew when its time comes */
    link->hello_at_ms = step->now_ms;
    enum kr_err err = kr_effect_add(step->effects, &(struct kr_effect){.type = KR_EFFECT_HANGUP, .number = link->number});
    return err == KR_OK ? kr_step_wake(step, step->now_ms + RESTS_MS) : err;
}
