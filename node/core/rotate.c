/* New keys for this node: a node key and a sealing key on the council's card in place of those that it has.
 *
 *   new keys ──▶ in the keyring, used for nothing ──▶ card with both, signed by the root key, here or elsewhere ──▶ stored:
 *                                                                              the next key signs from then on
 *                                                                              the one before leaves the keyring
 *                                                                              sessions begin anew: their hello bears the card
 *
 * Which key signs is told by card and keyring alone, so that a crash anywhere between leaves a node that works: either the card
 * does not list the next key, and it is not used, or it does, and it is. */
#include <string.h>

#include "node/core/effect.h"
#include "node/core/state.h"
#include "node/core/transport_key.h"
#include "proto/client/rekey.h"

/* ---- which key signs ---- */

/* The keyring may have been told meanwhile, and another key come next. */
static bool next_signs(const struct kr_core *core)
{
    return kr_keyring_has_next(core->keyring) && memcmp(core->keyring->next_node_public, core->listed_next, 32) == 0;
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

void kr_keys_load(struct kr_core *core)
{
    const struct kr_council *self = kr_directory_council(&core->directory, core->self);
    struct kr_card card;
    memset(core->listed_next, 0, sizeof core->listed_next);
    if (self != NULL && kr_keyring_has_next(core->keyring)) {
        kr_council_card(self, &card);
        if (listed(card.node, card.node_count, core->keyring->next_node_public) != NULL) {
            memcpy(core->listed_next, core->keyring->next_node_public, 32);
        }
    }
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

enum kr_err kr_keys_turn(struct kr_step *step)
{
    enum kr_err err = turn_root(step);
    if (err != KR_OK) {
        return err;
    }
    return next_signs(step->core)
               ? kr_effect_add(step->effects, &(struct kr_effect){.type = KR_EFFECT_KEYS_TURN, .at_ms = step->now_ms})
               : KR_OK;
}

enum kr_err kr_keys_card_entered(struct kr_step *step)
{
    const bool did = next_signs(step->core);
    kr_keys_load(step->core);
    enum kr_err err = kr_transport_card_entered(step);
    if (err == KR_OK && (did || !next_signs(step->core))) {
        return turn_root(step);
    }
    err = err != KR_OK ? err : kr_step_log(step, KR_LOG_NOTICE, "this node signs with a new key from now on");
    if (err == KR_OK) {
        err = kr_keys_turn(step);
    }
    return err == KR_OK ? kr_links_renew(step) : err;
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

bool kr_card_put_first(struct kr_card_key *keys, uint32_t *count, const uint8_t key[static 32], uint64_t now_s)
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
    /* Valid from a little earlier than now: the clocks of two councils are never equal. */
    keys[0] = (struct kr_card_key){.from_s = now_s - KR_KEY_EARLIER_S};
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

enum kr_err kr_card_turn_keys(const struct kr_core *core, struct kr_card *card, uint64_t now_s, uint64_t until_s)
{
    const struct kr_keyring *keyring = core->keyring;
    const struct kr_dated_key *sealing = next_sealing(keyring, card);
    if (!kr_keyring_has_next(keyring) || sealing == NULL) {
        return KR_NOT_FOUND;
    }
    const struct kr_card_key *used = listed(card->node, card->node_count, kr_keys_signing(core).public_key);
    if (used != NULL) {
        kr_card_end_key(&card->node[used - card->node], until_s);
    }
    if (!kr_card_put_first(card->node, &card->node_count, keyring->next_node_public, now_s)) {
        return KR_BOUNDS;
    }
    for (uint32_t i = 0; i < card->sealing_count; i++) {
        kr_card_end_key(&card->sealing[i], until_s);
    }
    /* Nobody needs those that ended: what was sealed to them names them by a hint. */
    while (card->sealing_count == KR_CARD_KEYS_MAX) {
        card->sealing_count--;
    }
    return kr_card_put_first(card->sealing, &card->sealing_count, sealing->public_key, now_s) ? KR_OK : KR_BOUNDS;
}

/* ---- for clients ---- */

enum kr_err kr_new_keys_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_writer seed;
    uint8_t bytes[32];
    if (kr_keyring_has_next(step->core->keyring)) {
        return kr_step_end_empty(step, event->client, event->request);
    }
    kr_rng_bytes(step->rng, bytes, sizeof bytes);
    kr_writer_init(&seed, sizeof bytes);
    kr_writer_raw(&seed, bytes, sizeof bytes);
    sodium_memzero(bytes, sizeof bytes);
    enum kr_err err = kr_effect_add_writer(
        step->effects,
        (struct kr_effect){.type = KR_EFFECT_KEYS_MAKE, .client = event->client, .request = event->request, .at_ms = step->now_ms},
        &seed);
    kr_writer_deinit(&seed);
    return err;
}

enum kr_err kr_rotate_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_core *core = step->core;
    const struct kr_council *self = kr_directory_council(&core->directory, core->self);
    const uint64_t now_s = step->now_ms / 1000;
    struct kr_statement statements[KR_CARDS_MAX];
    struct kr_card_places places;
    struct kr_card card;
    uint32_t standing = 0;
    if (!kr_keyring_has_next(core->keyring) || next_signs(core)) {
        return kr_step_error(step, event->client, event->request, KR_NOT_FOUND,
                             "there is no new key to put on the card: `kairan node rotate` makes it first");
    }
    enum kr_err err = kr_card_places(step, &places, &standing);
    if (err != KR_OK) {
        return err;
    }
    if (self == NULL || standing == 0) {
        return kr_step_error(step, event->client, event->request, KR_NOT_FOUND,
                             "this council's own card cannot be read: run `kairan verify`");
    }
    kr_council_card(self, &card);
    err = kr_card_turn_keys(core, &card, now_s, now_s + KR_KEY_OVERLAP_S);
    if (err == KR_NOT_FOUND) {
        return kr_step_error(step, event->client, event->request, err,
                             "this node's keyring has no sealing key that comes next: put its newest copy back");
    }
    if (err != KR_OK) {
        return kr_step_error(step, event->client, event->request, err,
                             "the card lists %u node keys already, and records that the oldest signed may be alive: wait until it "
                             "has ended for ten years",
                             (unsigned)KR_CARD_KEYS_MAX);
    }
    kr_card_fill(&places, &card, core->self, statements);
    return kr_statement_ask(step, event, statements, places.count);
}

/* ---- what there is ---- */

static enum kr_err give(struct kr_step *step, const struct kr_event *event, const struct kr_key_item *item)
{
    struct kr_writer writer;
    kr_writer_init(&writer, KR_KIB);
    kr_key_item_write(item, &writer);
    enum kr_err err = kr_step_item(step, event->client, event->request, &writer);
    kr_writer_deinit(&writer);
    return err;
}

static enum kr_err give_dated(struct kr_step *step, const struct kr_event *event, enum kr_key_sort sort, enum kr_key_state state,
                              const struct kr_card_key *key)
{
    struct kr_key_item item = {.sort = sort, .state = state, .from_s = key->from_s, .until_s = key->until_s};
    memcpy(item.public_key, key->public_key, 32);
    return give(step, event, &item);
}

/* `used`: whether it is the one of its sort; `waits`: it is listed, and its turn has not come. */
static enum kr_err give_listed(struct kr_step *step, const struct kr_event *event, enum kr_key_sort sort,
                               const struct kr_card_key *key, bool used)
{
    const bool is_replaced = key->until_s != 0 || (sort != KR_KEY_OF_TRANSPORT && !is_in_force(key, step->now_ms / 1000));
    return give_dated(step, event, sort, used ? KR_KEY_IN_USE : is_replaced ? KR_KEY_REPLACED : KR_KEY_NOT_HERE, key);
}

static enum kr_err give_other(struct kr_step *step, const struct kr_event *event, enum kr_key_sort sort, enum kr_key_state state,
                              const uint8_t key[static 32])
{
    struct kr_key_item item = {.sort = sort, .state = state};
    memcpy(item.public_key, key, 32);
    return give(step, event, &item);
}

static bool has_sealing(const struct kr_keyring *keyring, const uint8_t key[static 32])
{
    for (uint32_t i = 0; i < keyring->sealing_count; i++) {
        if (memcmp(keyring->sealing[i].public_key, key, 32) == 0) {
            return true;
        }
    }
    return false;
}

static enum kr_err give_of_card(struct kr_step *step, const struct kr_event *event, const struct kr_card *card)
{
    const struct kr_core *core = step->core;
    const uint64_t now_s = step->now_ms / 1000;
    const uint8_t *signing = kr_keys_signing(core).public_key;
    const struct kr_card_key *sealed_to = kr_card_key_at(card->sealing, card->sealing_count, now_s);
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < card->node_count && err == KR_OK; i++) {
        err = give_listed(step, event, KR_KEY_OF_NODE, &card->node[i], memcmp(card->node[i].public_key, signing, 32) == 0);
    }
    for (uint32_t i = 0; i < card->sealing_count && err == KR_OK; i++) {
        const struct kr_card_key *key = &card->sealing[i];
        err = give_listed(step, event, KR_KEY_OF_SEALING, key, key == sealed_to && has_sealing(core->keyring, key->public_key));
    }
    for (uint32_t i = 0; i < card->transport_count && err == KR_OK; i++) {
        const struct kr_card_key *key = &card->transport[i];
        const bool is_used = memcmp(key->public_key, core->keyring->transport_public, 32) == 0;
        const bool comes = memcmp(key->public_key, core->keyring->next_transport_public, 32) == 0;
        err = comes ? give_dated(step, event, KR_KEY_OF_TRANSPORT, KR_KEY_COMES, key)
                    : give_listed(step, event, KR_KEY_OF_TRANSPORT, key, is_used);
    }
    return err;
}

static enum kr_err give_of_keyring(struct kr_step *step, const struct kr_event *event, const struct kr_card *card)
{
    const struct kr_core *core = step->core;
    const struct kr_keyring *keyring = core->keyring;
    const uint8_t *signing = kr_keys_signing(core).public_key;
    const bool waits = kr_keyring_has_next(keyring) && !next_signs(core);
    enum kr_err err = KR_OK;
    if (listed(card->node, card->node_count, signing) == NULL) {
        err = give_other(step, event, KR_KEY_OF_NODE, KR_KEY_UNLISTED, signing);
    }
    if (err == KR_OK && waits) {
        err = give_other(step, event, KR_KEY_OF_NODE, KR_KEY_COMES, keyring->next_node_public);
    }
    if (err == KR_OK && kr_keyring_transport_comes(keyring) &&
        listed(card->transport, card->transport_count, keyring->next_transport_public) == NULL) {
        err = give_other(step, event, KR_KEY_OF_TRANSPORT, KR_KEY_COMES, keyring->next_transport_public);
    }
    for (uint32_t i = 0; i < keyring->sealing_count && err == KR_OK; i++) {
        const uint8_t *key = keyring->sealing[i].public_key;
        if (listed(card->sealing, card->sealing_count, key) == NULL) {
            err = give_other(step, event, KR_KEY_OF_SEALING, i == 0 && waits ? KR_KEY_COMES : KR_KEY_REPLACED, key);
        }
    }
    return err;
}

enum kr_err kr_keys_request(struct kr_step *step, const struct kr_event *event)
{
    const struct kr_council *self = kr_directory_council(&step->core->directory, step->core->self);
    struct kr_card card = {0};
    if (self != NULL) {
        kr_council_card(self, &card);
    }
    enum kr_err err = give_of_card(step, event, &card);
    if (err == KR_OK) {
        err = give_of_keyring(step, event, &card);
    }
    return err == KR_OK ? kr_step_end_empty(step, event->client, event->request) : err;
}
