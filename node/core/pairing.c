/* A link that was made by a ticket waits until both operators have compared a code by telephone.
 *
 *   first (smaller council id)                          second
 *   COMMIT: hash of its random ───────────────────────▶ keeps it, durably, for good
 *                     ◀─────────────────────────────── REVEAL: its random
 *   keeps it; REVEAL: its random ─────────────────────▶ is it what was committed to?
 *   both have the code ─── the operators telephone ─── each enters what it hears: confirmed
 *   PAIRED ◀─────────────────────────────────────────▶ PAIRED: both have confirmed: the link is in force
 *
 * Whatever was sent is said again, the same, whenever a session comes up; so neither a lost frame nor a crash is in the way. What
 * was kept is never replaced: else whoever is in between could try until the two codes agree. Who says one thing and then another
 * stops the link (stop.c); a new ticket begins anew.
 *
 * The vouch that an invitation promises is given when our own operator confirms: not before anybody knows who has joined. */
#include <string.h>

#include "node/core/effect.h"
#include "node/core/sister.h"

#define LEAVING_MS 3000u

static bool are_we_first(const struct kr_core *core, const struct kr_link *link)
{
    return kr_pairing_is_first(core->self, link->council);
}

static void commit(const struct kr_core *core, const struct kr_link *link, const uint8_t random[static 32],
                   uint8_t ret_commitment[static 32])
{
    const bool are_first = are_we_first(core, link);
    kr_pairing_commit(ret_commitment, are_first ? core->self : link->council, are_first ? link->council : core->self, random);
}

void kr_pairing_begin(struct kr_step *step, struct kr_link *link)
{
    link->pairing = (struct kr_pairing){.was_begun = true, .is_pending = true, .has_random = true};
    kr_rng_bytes(step->rng, link->pairing.random, sizeof link->pairing.random);
}

/* ---- what is said ---- */

static enum kr_err say(struct kr_step *step, struct kr_link *link, uint32_t type, const uint8_t bytes[static 32])
{
    struct kr_message message = {.type = type};
    memcpy(message.id, bytes, sizeof message.id);
    return kr_link_send(step, link, &message);
}

static enum kr_err say_standing(struct kr_step *step, struct kr_link *link)
{
    const struct kr_pairing *pairing = &link->pairing;
    const uint32_t status = !pairing->is_pending ? KR_PAIRED_IN_FORCE : pairing->we_confirmed ? KR_PAIRED_HERE : KR_PAIRED_NOT;
    return kr_link_send(step, link, &(struct kr_message){.type = KR_MESSAGE_PAIRED, .status = status});
}

enum kr_err kr_pairing_open(struct kr_step *step, struct kr_link *link)
{
    const struct kr_pairing *pairing = &link->pairing;
    uint8_t commitment[32];
    enum kr_err err = KR_OK;
    if (!pairing->was_begun || link->state != KR_LINK_OPEN) {
        return KR_OK;
    }
    if (pairing->is_pending && are_we_first(step->core, link)) {
        commit(step->core, link, pairing->random, commitment);
        err = say(step, link, KR_MESSAGE_COMMIT, commitment);
        if (err == KR_OK && pairing->has_their_random) {
            err = say(step, link, KR_MESSAGE_REVEAL, pairing->random);
        }
    }
    return err == KR_OK ? say_standing(step, link) : err;
}

/* ---- the code ---- */

static enum kr_err code_is_known(struct kr_step *step, struct kr_link *link)
{
    const struct kr_core *core = step->core;
    struct kr_pairing *pairing = &link->pairing;
    const uint32_t ours = are_we_first(core, link) ? 0 : 1;
    struct kr_pairing_end ends[2];
    const uint8_t *randoms[2];
    uint8_t commitment[32];
    char name[KR_NAME_BYTES_MAX + 1];
    /* Through a third node no transport key of either is used, and who is in between does not say which node it is. */
    static const uint8_t none[32];
    ends[ours] = (struct kr_pairing_end){core->self, link->through == NULL ? core->keyring->transport_public : none};
    ends[1 - ours] = (struct kr_pairing_end){link->council, link->through == NULL ? link->transport_key : none};
    randoms[ours] = pairing->random;
    randoms[1 - ours] = pairing->their_random;
    commit(core, link, randoms[0], commitment);
    kr_pairing_code(pairing->code, ends, commitment, randoms);
    enum kr_err err = kr_link_put(step, link);
    if (err == KR_OK) {
        err = kr_step_log(step, KR_LOG_NOTICE,
                          "there is a code for the link with %s (`kairan peer code`): telephone its operator, and when it is the "
                          "same there, run `kairan peer confirm`",
                          kr_core_name(core, link->council, false, name, sizeof name));
    }
    return err == KR_OK && link->client != 0 ? kr_join_step_say(step, link, KR_JOIN_PENDING) : err;
}

/* Other scopes are shared from now on, by all links with that council. */
static void share_anew(struct kr_core *core, const uint8_t council[static 32])
{
    struct kr_link *link;
    for (uint32_t at = 0; (link = kr_link_of_council(core, council, &at)) != NULL;) {
        link->progress_generation = UINT64_MAX;
    }
}

/* The link is in force here without a code, and the other side wants one: it gives nothing but CLEAR until then anyway. */
static void begin_here(struct kr_step *step, struct kr_link *link)
{
    kr_pairing_begin(step, link);
    share_anew(step->core, link->council);
}

static enum kr_err committed(struct kr_step *step, struct kr_link *link, const uint8_t commitment[static 32])
{
    struct kr_pairing *pairing = &link->pairing;
    enum kr_err err = KR_OK;
    if (are_we_first(step->core, link)) {
        return KR_OK; /* it is ours to commit */
    }
    if (!pairing->was_begun) {
        begin_here(step, link);
    }
    if (pairing->has_commitment && memcmp(pairing->commitment, commitment, 32) != 0) {
        return kr_link_stop(step, link, KR_STOP_PAIRING);
    }
    if (!pairing->has_commitment) {
        memcpy(pairing->commitment, commitment, 32);
        pairing->has_commitment = true;
        err = kr_link_put(step, link);
    }
    return err == KR_OK ? say(step, link, KR_MESSAGE_REVEAL, pairing->random) : err;
}

static enum kr_err revealed(struct kr_step *step, struct kr_link *link, const uint8_t random[static 32])
{
    struct kr_pairing *pairing = &link->pairing;
    const bool are_first = are_we_first(step->core, link);
    uint8_t commitment[32];
    enum kr_err err = KR_OK;
    if (!pairing->was_begun || (!are_first && !pairing->has_commitment)) {
        return KR_OK;
    }
    commit(step->core, link, random, commitment);
    const bool is_other = pairing->has_their_random ? memcmp(pairing->their_random, random, 32) != 0
                                                    : !are_first && memcmp(pairing->commitment, commitment, 32) != 0;
    if (is_other) {
        return kr_link_stop(step, link, KR_STOP_PAIRING);
    }
    if (are_first && memcmp(pairing->random, random, 32) == 0) {
        return kr_link_stop(step, link, KR_STOP_PAIRING); /* our own, which it cannot have drawn */
    }
    if (!pairing->has_their_random) {
        memcpy(pairing->their_random, random, 32);
        pairing->has_their_random = true;
        err = code_is_known(step, link);
    }
    return err == KR_OK && are_first ? say(step, link, KR_MESSAGE_REVEAL, pairing->random) : err;
}

/* ---- in force ---- */

static enum kr_err settle(struct kr_step *step, struct kr_link *link)
{
    struct kr_pairing *pairing = &link->pairing;
    char name[KR_NAME_BYTES_MAX + 1];
    if (!pairing->is_pending || !pairing->we_confirmed || !pairing->they_confirmed) {
        return kr_link_put(step, link);
    }
    pairing->is_pending = false;
    share_anew(step->core, link->council);
    enum kr_err err = kr_link_put(step, link);
    if (err == KR_OK) {
        err = kr_links_follow_soon(step); /* its card may name more nodes */
    }
    if (err == KR_OK) {
        err = kr_step_log(step, KR_LOG_NOTICE, "the link with %s is in force: both operators have confirmed the code",
                          kr_core_name(step->core, link->council, false, name, sizeof name));
    }
    if (err == KR_OK) {
        err = say_standing(step, link);
    }
    if (err == KR_OK && link->has_session) {
        err = kr_catchup_scopes(step, link);
        err = err == KR_OK ? kr_roots_ping(step, link, KR_MESSAGE_PING) : err;
    }
    return err;
}

enum kr_err kr_pairing_settle(struct kr_step *step, struct kr_link *link)
{
    link->pairing.we_confirmed = link->pairing.they_confirmed = true;
    link->pairing.is_vouch_due = false; /* whoever confirmed it has said so */
    return settle(step, link);
}

static enum kr_err rejected(struct kr_step *step, struct kr_link *link)
{
    char name[KR_NAME_BYTES_MAX + 1];
    if (!link->pairing.is_pending) {
        return KR_OK;
    }
    enum kr_err err = kr_step_log(step, KR_LOG_WARNING,
                                  "the other side has rejected the link with %s, or entered a wrong code too often: it is removed "
                                  "here too. Telephone its operator before a new ticket is made",
                                  kr_core_name(step->core, link->council, false, name, sizeof name));
    return err == KR_OK ? kr_peer_remove(step, link) : err;
}

static enum kr_err paired(struct kr_step *step, struct kr_link *link, uint32_t status)
{
    struct kr_pairing *pairing = &link->pairing;
    link->is_pending_there = status == KR_PAIRED_NOT || status == KR_PAIRED_HERE;
    if (status == KR_PAIRED_REJECTED) {
        return rejected(step, link);
    }
    if (!pairing->was_begun && status != KR_PAIRED_IN_FORCE) {
        begin_here(step, link);
        enum kr_err err = kr_link_put(step, link);
        return err == KR_OK ? kr_pairing_open(step, link) : err;
    }
    if (!pairing->is_pending || status == KR_PAIRED_NOT || pairing->they_confirmed) {
        return KR_OK;
    }
    pairing->they_confirmed = true;
    return settle(step, link);
}

enum kr_err kr_pairing_message(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    if (link->state != KR_LINK_OPEN || link->is_second || kr_link_is_sister(step->core, link)) {
        return KR_OK; /* the council's first link speaks for all */
    }
    switch (message->type) {
    case KR_MESSAGE_COMMIT:
        return committed(step, link, message->id);
    case KR_MESSAGE_REVEAL:
        return revealed(step, link, message->id);
    default:
        return paired(step, link, message->status);
    }
}

enum kr_err kr_pairings_void(struct kr_step *step)
{
    struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < core->link_count && err == KR_OK; i++) {
        struct kr_link *link = core->links[i];
        if (link->pairing.is_pending && link->state != KR_LINK_JOINING) {
            err = kr_link_stop(step, link, KR_STOP_RESTORED);
        }
    }
    return err;
}

/* ---- our vouch ---- */

enum kr_err kr_invite_vouch(struct kr_step *step, const uint8_t *community, const uint8_t council[static 32],
                            struct kr_job **ret_job)
{
    const struct kr_core *core = step->core;
    const struct kr_community *known = community != NULL ? kr_directory_community(&core->directory, community) : NULL;
    const struct kr_edge *edge = known == NULL ? NULL : kr_membership_find(&known->membership, KR_WORD_VOUCH, core->self, council);
    *ret_job = NULL;
    if (community == NULL || (edge != NULL && !edge->is_withdrawn) ||
        kr_directory_is_member(&core->directory, community, council)) {
        return KR_OK;
    }
    struct kr_vouch vouch = {.since_ms = known != NULL && known->is_from_now_on ? step->now_ms : 0};
    memcpy(vouch.council, council, 32);
    return kr_statement_make(step, &(struct kr_statement){KR_KIND_VOUCH, community, council, kr_statement_write_vouch, &vouch},
                             ret_job);
}

enum kr_err kr_invite_vouch_foresee(struct kr_step *step, const uint8_t *community, const struct kr_job *vouch,
                                    enum kr_err *ret_verdict)
{
    const struct kr_community *known = community != NULL ? kr_directory_community(&step->core->directory, community) : NULL;
    const bool is_full = known != NULL && kr_membership_count(&known->membership) == KR_COMMUNITY_COUNCILS_MAX;
    enum kr_err verdict = KR_OK;
    enum kr_err err = kr_admit_foresee(step, vouch, NULL, &verdict);
    *ret_verdict = verdict == KR_OK && is_full ? KR_BOUNDS : verdict; /* it would be no member, or push out another */
    return err;
}

/* ---- the operator's word ---- */

static enum kr_err done(struct kr_step *step, const struct kr_event *event, const uint8_t *id)
{
    static const uint8_t none[32];
    struct kr_writer result;
    kr_writer_init(&result, 64);
    kr_writer_array(&result, 1);
    kr_writer_bin(&result, id != NULL ? id : none, 32);
    enum kr_err err = kr_step_end(step, event->client, event->request, &result);
    kr_writer_deinit(&result);
    return err;
}

static enum kr_err give_to_sign(struct kr_step *step, const struct kr_event *event, const struct kr_job *vouch)
{
    struct kr_writer item;
    kr_writer_init(&item, KR_RECORD_BYTES_MAX);
    kr_writer_raw(&item, vouch->bytes, vouch->len);
    enum kr_err err = kr_step_item(step, event->client, event->request, &item);
    kr_writer_deinit(&item);
    return err;
}

/* Our vouch is made where one is due; a client with the root key signs it where the node cannot. */
static enum kr_err confirmed(struct kr_step *step, const struct kr_event *event, struct kr_link *link)
{
    struct kr_job *vouch = NULL;
    enum kr_err verdict = KR_OK;
    uint64_t arrival;
    const uint8_t *community = link->pairing.is_vouch_due ? link->community : NULL;
    enum kr_err err = kr_invite_vouch(step, community, link->council, &vouch);
    if (err == KR_OK && vouch != NULL) {
        err = kr_invite_vouch_foresee(step, community, vouch, &verdict);
    }
    if (err == KR_OK && verdict != KR_OK) {
        err = kr_step_error(step, event->client, event->request, verdict,
                            "the code is right, but this council cannot vouch for the other one now, so nothing is confirmed: see "
                            "`kairan community show`");
        goto out;
    }
    if (err == KR_OK) {
        link->pairing.we_confirmed = true;
        link->pairing.is_vouch_due = vouch != NULL && vouch->is_unsigned; /* whoever has the root key may ask again */
        err = kr_link_put(step, link);
    }
    if (err == KR_OK && vouch != NULL) {
        err = vouch->is_unsigned ? give_to_sign(step, event, vouch)
                                 : kr_admit(step, vouch, step->core->self, NULL, &verdict, &arrival);
    }
    if (err == KR_OK) {
        err = say_standing(step, link);
    }
    if (err == KR_OK) {
        err = settle(step, link);
    }
    if (err == KR_OK) {
        err = done(step, event, vouch != NULL ? vouch->record.id : NULL);
    }
out:
    kr_job_free(vouch);
    return err;
}

/* The other side is told, and the link is gone. Net goes on with it until the word can have arrived; nothing that comes is taken.
 */
static enum kr_err reject(struct kr_step *step, struct kr_link *link)
{
    struct kr_core *core = step->core;
    enum kr_err err = kr_link_send(step, link, &(struct kr_message){.type = KR_MESSAGE_PAIRED, .status = KR_PAIRED_REJECTED});
    if (link->has_session && link->through == NULL && core->leaving_count < KR_LEAVING_MAX) {
        struct kr_leaving *leaving = &core->leaving[core->leaving_count++];
        *leaving = (struct kr_leaving){.number = link->number, .we_dial = link->we_dial, .until_ms = step->now_ms + LEAVING_MS};
        memcpy(leaving->transport_key, link->transport_key, 32);
        link->we_dial = false; /* so that net does not hang up at once */
    }
    if (err == KR_OK) {
        err = kr_peer_remove(step, link);
    }
    return err == KR_OK ? kr_step_wake(step, step->now_ms + LEAVING_MS) : err;
}

enum kr_err kr_pairings_tick(struct kr_step *step)
{
    struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    bool changed = false;
    for (uint32_t i = 0; i < core->leaving_count && err == KR_OK;) {
        const struct kr_leaving leaving = core->leaving[i];
        if (step->now_ms < leaving.until_ms) {
            i++;
            continue;
        }
        core->leaving[i] = core->leaving[--core->leaving_count];
        changed = true;
        if (leaving.we_dial) {
            err = kr_effect_add(step->effects, &(struct kr_effect){.type = KR_EFFECT_HANGUP, .number = leaving.number});
        }
    }
    return err == KR_OK && changed ? kr_links_allow(step) : err;
}

static enum kr_err wrong(struct kr_step *step, const struct kr_event *event, struct kr_link *link)
{
    char name[KR_NAME_BYTES_MAX + 1];
    if (++link->pairing.wrong < KR_PAIRING_WRONG_MAX) {
        enum kr_err err = kr_link_put(step, link);
        return err != KR_OK
                   ? err
                   : kr_step_error(step, event->client, event->request, KR_DENIED,
                                   link->pairing.wrong + 1 < KR_PAIRING_WRONG_MAX
                                       ? "that is not the code of this link: let it be read out once more (two tries are "
                                         "left). If it is another one there, `kairan peer reject`: somebody may be in between"
                                       : "that is not the code of this link: let it be read out once more (one try is left). "
                                         "If it is another one there, `kairan peer reject`: somebody may be in between");
    }
    enum kr_err err =
        kr_step_log(step, KR_LOG_WARNING,
                    "a wrong code was entered %u times for the link with %s: the link is removed. Somebody may be in "
                    "between: find out by telephone how the ticket came to the other council, before a new one is made",
                    (unsigned)KR_PAIRING_WRONG_MAX, kr_core_name(step->core, link->council, false, name, sizeof name));
    if (err == KR_OK) {
        err = reject(step, link);
    }
    return err != KR_OK
               ? err
               : kr_step_error(step, event->client, event->request, KR_DENIED,
                               "that was the wrong code for the third time: the link is removed. Somebody may be in between: "
                               "find out by telephone how the ticket got there, before you make a new one");
}

static const char *why_not(const struct kr_link *link, const struct kr_pair_act *act)
{
    const struct kr_pairing *pairing = &link->pairing;
    if (!pairing->is_pending) {
        return "this link is in force: there is nothing to confirm or to reject (`kairan peer remove` ends it)";
    }
    if (act->action == KR_PAIR_REJECT) {
        return NULL;
    }
    if (link->stop != KR_STOP_NOT) {
        return "this link stands still because of a key: `kairan peers` says why, and what to do";
    }
    if (pairing->code[0] == 0) {
        return "there is no code yet: the two nodes have not met since the ticket was used, or the other one is too old to know of "
               "codes";
    }
    return pairing->we_confirmed && !pairing->is_vouch_due ? "you have confirmed this link already: the other side has not" : NULL;
}

enum kr_err kr_pair_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_core *core = step->core;
    struct kr_pair_act act;
    char code[KR_PAIRING_CODE_BYTES], name[KR_NAME_BYTES_MAX + 1];
    if (kr_pair_act_read(event->bytes, &act) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "the request cannot be read");
    }
    struct kr_link *link = kr_link_by_council(core, act.council);
    if (link == NULL) {
        return kr_step_error(step, event->client, event->request, KR_NOT_FOUND, "this council is not linked: see `kairan peers`");
    }
    const char *why = why_not(link, &act);
    if (why != NULL) {
        return kr_step_error(step, event->client, event->request, KR_INVALID, "%s", why);
    }
    if (act.action == KR_PAIR_REJECT) {
        kr_core_name(core, act.council, false, name, sizeof name);
        enum kr_err err = reject(step, link);
        if (err == KR_OK) {
            err = kr_step_log(step, KR_LOG_NOTICE, "the link with %s was rejected by the operator", name);
        }
        return err == KR_OK ? done(step, event, NULL) : err;
    }
    if (kr_pairing_code_parse((const char *)act.code.bytes, act.code.len, code) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "a code has %u digits",
                             (unsigned)KR_PAIRING_DIGITS);
    }
    return sodium_memcmp(code, link->pairing.code, sizeof code) == 0 ? confirmed(step, event, link) : wrong(step, event, link);
}
