/* New keys for this node: a node key and a sealing key on the council's card in place of those that it has.
 *
 *   new keys ──▶ in the keyring, used for nothing ──▶ card with both, signed by the root key, here or elsewhere ──▶ stored:
 *                                    at once, or on the day that the card names, while the node runs or when it is next started:
 *                                                                              the next key signs from then on
 *                                                                              the one before leaves the keyring
 *                                                                              sessions begin anew: their hello bears the card
 *
 * Which key signs is told by the keyring and by a row that says of the next key that it had its turn, so that a crash anywhere
 * between leaves a node that works: either it had, and signs, or the one before is in the keyring, and on the card for
 * KR_KEY_OVERLAP_S more. */
#include "node/core/rotate.h"

#include <string.h>

#include "node/core/effect.h"
#include "node/core/transport_key.h"

#define LOOK_MS 10000u    /* a clock in doubt becomes certain with the first session */
#define LATE_MS 60000u    /* who comes so late was off, or asleep, or had another clock before */
#define WAIT_MS 75000u    /* so soon every peer that is there has told its clock once more */
#define LOST_MS 86400000u /* so often it is said that the key whose day has come is not here */

/* KR_TABLE_IDENTITY: the next key whose replacement of the one in use was called off; the one that had its turn last. */
static const char key_aside[] = "key-aside", key_turned[] = "key-turned";

/* ---- which key signs ---- */

/* Another key may have been made since our card began to list that one, and have taken its place in the keyring. */
static bool has_listed_next(const struct kr_core *core)
{
    return kr_keyring_has_next(core->keyring) && memcmp(core->keyring->next_node_public, core->listed_next, 32) == 0;
}

/* The keyring may have been told meanwhile, and another key come next. */
static bool next_signs(const struct kr_core *core)
{
    return core->next_had_turn && has_listed_next(core);
}

struct kr_signing_key kr_keys_signing(const struct kr_core *core)
{
    const struct kr_keyring *keyring = core->keyring;
    return next_signs(core) ? (struct kr_signing_key){keyring->next_node_public, keyring->next_node_secret}
                            : (struct kr_signing_key){keyring->node_public, keyring->node_secret};
}

static const struct kr_card_key *listed(const struct kr_card_key *keys, uint32_t count, const uint8_t key[static 32])
{
    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(keys[i].public_key, key, 32) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

static bool is_in_force(const struct kr_card_key *key, uint64_t now_s)
{
    return key->from_s <= now_s && (key->until_s == 0 || now_s < key->until_s);
}

const uint8_t *kr_keys_own_sealing(const struct kr_core *core, uint64_t now_ms)
{
    const struct kr_keyring *keyring = core->keyring;
    const struct kr_council *self = kr_directory_council(&core->directory, core->self);
    struct kr_card card = {0};
    if (self != NULL) {
        kr_council_card(self, &card);
    }
    for (uint32_t i = 0; i < keyring->sealing_count; i++) {
        const struct kr_card_key *key = listed(card.sealing, card.sealing_count, keyring->sealing[i].public_key);
        if (key != NULL && is_in_force(key, now_ms / 1000)) {
            return keyring->sealing[i].public_key;
        }
    }
    return keyring->sealing[0].public_key;
}

/* Whether that row names the key that comes next. */
static enum kr_err names_next(struct kr_step *step, const char *row, size_t row_len, bool *ret_does)
{
    uint8_t key[32];
    size_t len = 0;
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_IDENTITY, row, row_len, key, sizeof key, &len);
    if (err == KR_OK || err == KR_NOT_FOUND) {
        *ret_does = err == KR_OK && len == 32 && memcmp(key, step->core->keyring->next_node_public, 32) == 0;
        err = KR_OK;
    }
    return err;
}

/* Which key the card names for after the one of the keyring: it is not in that where an older copy was put back, or where others
 * were made for a card that was never stored. */
static void note_named(struct kr_core *core, const struct kr_card *card)
{
    const struct kr_card_key *named = kr_card_node_after(card, core->keyring->node_public);
    core->named_turn_s = named != NULL ? kr_key_turn_s(named->from_s) : 0;
    memcpy(core->named_for, core->keyring->node_public, sizeof core->named_for);
    memset(core->named_next, 0, sizeof core->named_next);
    if (named != NULL) {
        memcpy(core->named_next, named->public_key, 32);
    }
}

enum kr_err kr_keys_load(struct kr_step *step)
{
    struct kr_core *core = step->core;
    const struct kr_council *self = kr_directory_council(&core->directory, core->self);
    const struct kr_card_key *next = NULL;
    struct kr_card card = {0};
    if (self != NULL) {
        kr_council_card(self, &card);
    }
    note_named(core, &card);
    if (kr_keyring_has_next(core->keyring)) {
        next = listed(card.node, card.node_count, core->keyring->next_node_public);
    }
    core->next_had_turn = false;
    core->next_turn_s = next != NULL ? kr_key_turn_s(next->from_s) : 0;
    core->next_late_ms = 0;
    memset(core->listed_next, 0, sizeof core->listed_next);
    if (next == NULL) {
        return KR_OK;
    }
    memcpy(core->listed_next, core->keyring->next_node_public, 32);
    return names_next(step, key_turned, sizeof key_turned - 1, &core->next_had_turn);
}

/* Root key and recovery key, where the card has others: it tells all nodes of the council, also one that was restored. */
static enum kr_err turn_root(struct kr_step *step)
{
    const struct kr_core *core = step->core;
    const struct kr_council *self = kr_directory_council(&core->directory, core->self);
    struct kr_card card;
    struct kr_writer keys;
    if (self == NULL || self->rekeyings == 0) {
        return KR_OK;
    }
    kr_council_card(self, &card);
    const struct kr_rekeying *last = &card.rekeyings.items[card.rekeyings.count - 1];
    if (memcmp(core->keyring->root_public, last->root_public, 32) == 0 &&
        memcmp(core->keyring->recovery_public, last->recovery_public, 32) == 0) {
        return KR_OK;
    }
    kr_writer_init(&keys, 64);
    kr_writer_raw(&keys, last->root_public, 32);
    kr_writer_raw(&keys, last->recovery_public, 32);
    enum kr_err err = kr_effect_add_writer(step->effects, (struct kr_effect){.type = KR_EFFECT_ROOT_TURN}, &keys);
    kr_writer_deinit(&keys);
    return err;
}

/* Who turned by a clock that is ahead would have a key that nobody accepts yet, and not the one before. So most of those who are
 * there must not be behind it; where nobody is there, it has to have stood for an hour. */
static bool clock_is_certain(const struct kr_core *core)
{
    uint32_t sessions = 0, behind = 0;
    for (uint32_t i = 0; i < core->link_count; i++) {
        sessions += core->links[i]->has_session;
        behind += core->links[i]->has_session && core->links[i]->clock_ms < -(int64_t)KR_FUTURE_MS_MAX;
    }
    return sessions > 0 ? 2 * behind <= sessions : !core->options.doubts_clock;
}

/* Whether the one in use is none any more: then there is nothing to be lost. */
static bool used_is_over(const struct kr_core *core, uint64_t now_ms)
{
    const struct kr_council *self = kr_directory_council(&core->directory, core->self);
    struct kr_card card;
    if (self == NULL) {
        return false;
    }
    kr_council_card(self, &card);
    return kr_card_node_key(&card, core->keyring->node_public, now_ms) != KR_OK;
}

/* Whether the next key has its turn now, and had not before. `at_once`: the operator says so. */
static bool has_turn_now(struct kr_step *step, bool at_once)
{
    struct kr_core *core = step->core;
    const bool is_due = core->next_turn_s != 0 && !core->next_had_turn && core->next_turn_s <= step->now_ms / 1000 &&
                        has_listed_next(core); /* (else it may come back) */
    if (!is_due) {
        core->next_late_ms = 0;
        return false;
    }
    if (core->next_late_ms == 0 &&
        (core->started_ms / 1000 > core->next_turn_s || step->now_ms - core->next_turn_s * 1000 > LATE_MS)) {
        core->next_late_ms = step->now_ms;
    }
    const bool is_awaited = core->next_late_ms != 0 && step->now_ms < core->next_late_ms + WAIT_MS;
    core->next_had_turn = at_once || used_is_over(core, step->now_ms) || (!is_awaited && clock_is_certain(core));
    return next_signs(core);
}

static enum kr_err tell_keyring(struct kr_step *step)
{
    return next_signs(step->core)
               ? kr_effect_add(step->effects, &(struct kr_effect){.type = KR_EFFECT_KEYS_TURN, .at_ms = step->now_ms})
               : KR_OK;
}

enum kr_err kr_keys_turn(struct kr_step *step)
{
    enum kr_err err = turn_root(step);
    return err == KR_OK ? tell_keyring(step) : err;
}

static enum kr_err begin_to_sign(struct kr_step *step)
{
    enum kr_err err = kr_step_log(step, KR_LOG_NOTICE, "this node signs with a new key from now on");
    if (err == KR_OK) {
        err = kr_store_put(step->txn, KR_TABLE_IDENTITY, key_turned, sizeof key_turned - 1, step->core->listed_next, 32);
    }
    err = err == KR_OK ? tell_keyring(step) : err;
    return err == KR_OK ? kr_links_renew(step) : err;
}

/* Said from the day on that the card names, each day: the one in use goes on signing until its end, and from then on nobody takes
 * what this node says. */
static enum kr_err tell_of_lost(struct kr_step *step)
{
    struct kr_core *core = step->core;
    const struct kr_keyring *keyring = core->keyring;
    const uint64_t now_s = step->now_ms / 1000, until_s = core->named_turn_s + KR_KEY_OVERLAP_S;
    const bool is_here = memcmp(core->named_next, keyring->next_node_public, 32) == 0 && kr_keyring_has_next(keyring);
    const bool has_turned = memcmp(core->named_for, kr_keys_signing(core).public_key, 32) != 0;
    const bool is_told = core->lost_told_ms != 0 && step->now_ms < core->lost_told_ms + LOST_MS;
    if (core->named_turn_s == 0 || is_here || has_turned || core->named_turn_s > now_s || is_told) {
        return KR_OK;
    }
    core->lost_told_ms = step->now_ms;
    return now_s < until_s
               ? kr_step_log(
                     step, KR_LOG_ERROR,
                     "the key that was to sign from now on is on this council's card and not in this node's keyring. Peers "
                     "accept the one in use for %llu days more, and nothing after that: put another on the card with `kairan "
                     "node rotate`, or put the newest copy of the keyring back",
                     (unsigned long long)((until_s - now_s) / 86400))
               : kr_step_log(
                     step, KR_LOG_ERROR,
                     "the key that was to take the place of the one in use is on this council's card and not in this node's "
                     "keyring, and nobody accepts the one in use any more: put another on the card with `kairan node rotate`");
}

enum kr_err kr_keys_tick(struct kr_step *step)
{
    const struct kr_core *core = step->core;
    enum kr_err err = tell_of_lost(step);
    if (err != KR_OK || core->next_turn_s == 0 || core->next_had_turn) {
        return err;
    }
    if (has_turn_now(step, false)) {
        return begin_to_sign(step);
    }
    const uint64_t turn_ms = core->next_turn_s < UINT64_MAX / 1000 ? core->next_turn_s * 1000 : UINT64_MAX;
    return kr_step_wake(step, turn_ms > step->now_ms ? turn_ms : step->now_ms + LOOK_MS);
}

/* A key that was to have its turn later is on the card, or on it no more. Who reads no directory with us hears of it by the hello.
 */
static enum kr_err plan_changed(struct kr_step *step)
{
    const struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    if (core->next_turn_s != 0) {
        err = kr_step_log(step, KR_LOG_NOTICE,
                          "a new key is on this council's card: this node signs with it from the day that it names");
    } else if (kr_keyring_has_next(core->keyring)) {
        err = kr_store_put(step->txn, KR_TABLE_IDENTITY, key_aside, sizeof key_aside - 1, core->keyring->next_node_public, 32);
        err = err == KR_OK ? kr_step_log(step, KR_LOG_NOTICE, "the key that was to sign from a later day on is off the card") : err;
    }
    return err == KR_OK ? kr_links_renew(step) : err;
}

enum kr_err kr_keys_card_entered(struct kr_step *step)
{
    struct kr_core *core = step->core;
    const bool did = next_signs(core);
    const uint64_t planned_s = core->next_had_turn ? 0 : core->next_turn_s;
    enum kr_err err = kr_keys_load(step);
    const bool does = err == KR_OK && has_turn_now(step, core->next_turn_s != planned_s);
    err = err == KR_OK ? kr_transport_card_entered(step) : err;
    err = err == KR_OK ? turn_root(step) : err;
    if (err == KR_OK && !did && does) {
        return begin_to_sign(step);
    }
    if (err == KR_OK && !core->next_had_turn && core->next_turn_s != planned_s) {
        err = plan_changed(step);
    }
    return err == KR_OK ? kr_keys_tick(step) : err;
}

/* ---- the card ---- */

/* No record that it signed can be alive. */
static bool is_over(const struct kr_card_key *key, uint64_t now_s)
{
    return key->until_s != 0 && now_s >= key->until_s + KR_EXPIRES_S_MAX + KR_AHEAD_MS_MAX / 1000u;
}

static void take_out(struct kr_card_key *keys, uint32_t *count, uint32_t at)
{
    memmove(&keys[at], &keys[at + 1], (*count - at - 1) * sizeof keys[0]);
    --*count;
}

bool kr_card_put_first(struct kr_card_key *keys, uint32_t *count, const uint8_t key[static 32], uint64_t now_s, uint64_t from_s)
{
    for (uint32_t i = *count; i-- > 0;) {
        if (is_over(&keys[i], now_s)) {
            take_out(keys, count, i);
        }
    }
    if (*count == KR_CARD_KEYS_MAX) {
        return false;
    }
    memmove(&keys[1], &keys[0], *count * sizeof keys[0]);
    keys[0] = (struct kr_card_key){.from_s = from_s};
    memcpy(keys[0].public_key, key, 32);
    ++*count;
    return true;
}

void kr_card_end_key(struct kr_card_key *key, uint64_t until_s)
{
    const uint64_t end_s = until_s > key->from_s ? until_s : key->from_s + 1;
    key->until_s = key->until_s == 0 || key->until_s > end_s ? end_s : key->until_s;
}

/* Made here, and given to nobody yet: another node is told only of keys that a card lists, or that have ended. What other nodes
 * told of is behind it (kr_keyring_share). NULL: there is none. */
static const struct kr_dated_key *next_sealing(const struct kr_keyring *keyring, const struct kr_card *card)
{
    const struct kr_dated_key *next = NULL;
    for (uint32_t i = 0; i < keyring->sealing_count && next == NULL; i++) {
        const struct kr_dated_key *key = &keyring->sealing[i];
        next = key->until_s == 0 && listed(card->sealing, card->sealing_count, key->public_key) == NULL ? key : NULL;
    }
    return next;
}

const struct kr_card_key *kr_card_planned(const struct kr_card *card, const uint8_t key[static 32], uint64_t now_s)
{
    const struct kr_card_key *next = kr_card_node_after(card, key);
    return next != NULL && kr_key_turn_s(next->from_s) > now_s ? next : NULL;
}

bool kr_card_node_is_used(const struct kr_card *card, const uint8_t key[static 32], uint64_t now_s)
{
    const struct kr_card_key *found = listed(card->node, card->node_count, key);
    return found != NULL && (found->until_s == 0 || kr_card_planned(card, key, now_s) != NULL);
}

/* Those that end then do so no more. */
static void reopen(struct kr_card_key *keys, uint32_t count, uint64_t until_s)
{
    for (uint32_t i = 0; i < count; i++) {
        keys[i].until_s = keys[i].until_s == until_s ? 0 : keys[i].until_s;
    }
}

bool kr_card_drop_plan(struct kr_card *card, const uint8_t key[static 32], uint64_t now_s)
{
    const struct kr_card_key *planned = kr_card_planned(card, key, now_s);
    if (planned == NULL) {
        return false;
    }
    const uint64_t from_s = planned->from_s, until_s = kr_key_turn_s(from_s) + KR_KEY_OVERLAP_S;
    take_out(card->node, &card->node_count, (uint32_t)(planned - card->node));
    for (uint32_t i = card->sealing_count; i-- > 0;) {
        if (card->sealing[i].from_s == from_s) {
            take_out(card->sealing, &card->sealing_count, i);
        }
    }
    reopen(card->node, card->node_count, until_s);
    reopen(card->sealing, card->sealing_count, until_s);
    return true;
}

/* All of them end then. What would begin only afterwards (another node's, of a later plan) is not on the card any more. */
static void end_sealing(struct kr_card *card, uint64_t until_s)
{
    for (uint32_t i = card->sealing_count; i-- > 0;) {
        if (card->sealing[i].from_s >= until_s) {
            take_out(card->sealing, &card->sealing_count, i);
        } else {
            kr_card_end_key(&card->sealing[i], until_s);
        }
    }
}

enum kr_err kr_card_turn_keys(const struct kr_core *core, struct kr_card *card, const struct kr_turn *turn)
{
    const struct kr_keyring *keyring = core->keyring;
    /* Valid from a little earlier: the clocks of two councils are never equal. */
    const uint64_t from_s = turn->at_s - KR_KEY_EARLIER_S;
    (void)kr_card_drop_plan(card, kr_keys_signing(core).public_key, turn->now_s);
    const struct kr_dated_key *sealing = next_sealing(keyring, card);
    if (!kr_keyring_has_next(keyring) || sealing == NULL) {
        return KR_NOT_FOUND;
    }
    const struct kr_card_key *used = listed(card->node, card->node_count, kr_keys_signing(core).public_key);
    if (used != NULL) {
        kr_card_end_key(&card->node[used - card->node], turn->until_s);
    }
    if (!kr_card_put_first(card->node, &card->node_count, keyring->next_node_public, turn->now_s, from_s)) {
        return KR_BOUNDS;
    }
    end_sealing(card, turn->until_s);
    /* Nobody needs those that ended: what was sealed to them names them by a hint. */
    while (card->sealing_count == KR_CARD_KEYS_MAX) {
        card->sealing_count--;
    }
    return kr_card_put_first(card->sealing, &card->sealing_count, sealing->public_key, turn->now_s, from_s) ? KR_OK : KR_BOUNDS;
}

/* ---- for clients ---- */

enum kr_err kr_keys_are_aside(struct kr_step *step, bool *ret_are)
{
    return names_next(step, key_aside, sizeof key_aside - 1, ret_are);
}

enum kr_err kr_new_keys_request(struct kr_step *step, const struct kr_event *event)
{
    const struct kr_core *core = step->core;
    struct kr_reader reader;
    struct kr_writer seed;
    uint8_t bytes[32];
    uint64_t what = KR_NEW_KEYS_ONCE;
    bool was_told = false; /* others may have sealed to the sealing key that was made with it: it is on the card, or was */
    kr_reader_init(&reader, event->bytes.bytes, event->bytes.len);
    if (kr_reader_array_between(&reader, 0, 1) > 0) {
        what = kr_reader_uint(&reader, KR_NEW_KEYS_ANEW);
    }
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "this request is not readable");
    }
    enum kr_err err = kr_keys_are_aside(step, &was_told);
    was_told = was_told || memcmp(core->listed_next, core->keyring->next_node_public, 32) == 0;
    if (err == KR_OK) { /* what is asked for is not aside */
        err = kr_store_delete(step->txn, KR_TABLE_IDENTITY, key_aside, sizeof key_aside - 1);
        err = err == KR_NOT_FOUND ? KR_OK : err;
    }
    if (err != KR_OK || (kr_keyring_has_next(core->keyring) && what == KR_NEW_KEYS_ONCE)) {
        return err != KR_OK ? err : kr_step_end_empty(step, event->client, event->request);
    }
    kr_rng_bytes(step->rng, bytes, sizeof bytes);
    kr_writer_init(&seed, sizeof bytes);
    kr_writer_raw(&seed, bytes, sizeof bytes);
    sodium_memzero(bytes, sizeof bytes);
    err = kr_effect_add_writer(step->effects,
                               (struct kr_effect){.type = KR_EFFECT_KEYS_MAKE,
                                                  .client = event->client,
                                                  .request = event->request,
                                                  .code = what == KR_NEW_KEYS_ONCE ? KR_NEXT_ONCE
                                                          : was_told               ? KR_NEXT_BESIDE
                                                                                   : KR_NEXT_ANEW,
                                                  .at_ms = step->now_ms},
                               &seed);
    kr_writer_deinit(&seed);
    return err;
}

static bool begins(const struct kr_card_key *keys, uint32_t count, uint64_t from_s)
{
    bool does = false;
    for (uint32_t i = 0; i < count; i++) {
        does = does || keys[i].from_s == from_s;
    }
    return does;
}

/* What was planned is off the card already. KR_CANCELLED: the client has its answer. */
static enum kr_err plan(struct kr_step *step, const struct kr_event *event, const struct kr_card *card, uint64_t *at_s)
{
    const uint64_t now_s = step->now_ms / 1000;
    const struct kr_card_key *used = listed(card->node, card->node_count, kr_keys_signing(step->core).public_key);
    enum kr_err err = KR_OK;
    if (*at_s <= now_s || *at_s > now_s + KR_ROTATE_AHEAD_S_MAX) {
        err = kr_step_error(step, event->client, event->request, KR_INVALID,
                            "keys can be replaced on a day that is to come, and comes within a year");
    } else if (used == NULL || used->until_s != 0) {
        err =
            kr_step_error(step, event->client, event->request, KR_EXPIRED,
                          "the key that this node signs with has an end on the card already, or is not on it: `kairan node rotate` "
                          "replaces it now");
    } else {
        /* It is by its beginning that it is known to come behind this one. */
        while (begins(card->node, card->node_count, *at_s - KR_KEY_EARLIER_S) ||
               begins(card->sealing, card->sealing_count, *at_s - KR_KEY_EARLIER_S)) {
            ++*at_s;
        }
        return KR_OK;
    }
    return err != KR_OK ? err : KR_CANCELLED;
}

/* KR_CANCELLED: the client has its answer. */
static enum kr_err turn_on_card(struct kr_step *step, const struct kr_event *event, const struct kr_rotate *rotate,
                                struct kr_card *card)
{
    const struct kr_core *core = step->core;
    const uint64_t now_s = step->now_ms / 1000;
    uint64_t at_s = rotate->act == KR_ROTATE_AT ? rotate->at_s : now_s;
    enum kr_err err = KR_OK, told = KR_OK;
    const bool was_planned = kr_card_drop_plan(card, kr_keys_signing(core).public_key, now_s);
    if (rotate->act == KR_ROTATE_CANCEL) {
        told = was_planned ? KR_OK
                           : kr_step_error(step, event->client, event->request, KR_NOT_FOUND,
                                           "no replacement of this node's key is planned: see `kairan node keys`");
        return told != KR_OK || was_planned ? told : KR_CANCELLED;
    }
    if (!kr_keyring_has_next(core->keyring) || next_signs(core)) {
        told = kr_step_error(step, event->client, event->request, KR_NOT_FOUND,
                             "there is no new key to put on the card: `kairan node rotate` makes it first");
        return told != KR_OK ? told : KR_CANCELLED;
    }
    err = rotate->act == KR_ROTATE_AT ? plan(step, event, card, &at_s) : KR_OK;
    if (err != KR_OK) {
        return err;
    }
    err = kr_card_turn_keys(core, card, &(struct kr_turn){.now_s = now_s, .at_s = at_s, .until_s = at_s + KR_KEY_OVERLAP_S});
    if (err == KR_NOT_FOUND) {
        told = kr_step_error(step, event->client, event->request, err,
                             "this node's keyring has no sealing key that comes next: put its newest copy back");
    } else if (err != KR_OK) {
        told = kr_step_error(step, event->client, event->request, err,
                             "the card lists %u node keys already, and records that the oldest signed may be alive: wait until it "
                             "has ended for ten years",
                             (unsigned)KR_CARD_KEYS_MAX);
    }
    return told != KR_OK ? told : err != KR_OK ? KR_CANCELLED : KR_OK;
}

enum kr_err kr_rotate_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_core *core = step->core;
    struct kr_statement statements[KR_CARDS_MAX];
    struct kr_card_places places;
    struct kr_rotate rotate;
    struct kr_card card;
    if (kr_rotate_read(event->bytes, &rotate) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "this request is not readable");
    }
    enum kr_err err = kr_card_own(step, event, &places, &card);
    if (err != KR_OK) {
        return err == KR_CANCELLED ? KR_OK : err;
    }
    err = turn_on_card(step, event, &rotate, &card);
    if (err != KR_OK) {
        return err == KR_CANCELLED ? KR_OK : err;
    }
    kr_card_fill(&places, &card, core->self, statements);
    return kr_statement_ask(step, event, statements, places.count);
}
