/* Which keys this node has, and which the council's card lists (KR_OP_KEYS). */
#include <string.h>

#include "node/core/rotate.h"

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

/* `used`: whether it is the one of its sort; `open`: whether some node may use it. */
static enum kr_err give_listed(struct kr_step *step, const struct kr_event *event, enum kr_key_sort sort,
                               const struct kr_card_key *key, bool used, bool open)
{
    return give_dated(step, event, sort, used ? KR_KEY_IN_USE : open ? KR_KEY_NOT_HERE : KR_KEY_REPLACED, key);
}

static enum kr_err give_other(struct kr_step *step, const struct kr_event *event, enum kr_key_sort sort, enum kr_key_state state,
                              const uint8_t key[static 32])
{
    struct kr_key_item item = {.sort = sort, .state = state};
    memcpy(item.public_key, key, 32);
    return give(step, event, &item);
}

static bool is_listed(const struct kr_card_key *keys, uint32_t count, const uint8_t key[static 32])
{
    bool is = false;
    for (uint32_t i = 0; i < count; i++) {
        is = is || memcmp(keys[i].public_key, key, 32) == 0;
    }
    return is;
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
        const struct kr_card_key *key = &card->node[i];
        const bool comes = memcmp(key->public_key, core->keyring->next_node_public, 32) == 0;
        const bool is_used = memcmp(key->public_key, signing, 32) == 0;
        err = comes && !is_used
                  ? give_dated(step, event, KR_KEY_OF_NODE, KR_KEY_COMES, key)
                  : give_listed(step, event, KR_KEY_OF_NODE, key, is_used, kr_card_node_is_used(card, key->public_key, now_s));
    }
    for (uint32_t i = 0; i < card->sealing_count && err == KR_OK; i++) {
        const struct kr_card_key *key = &card->sealing[i];
        const bool is_here = has_sealing(core->keyring, key->public_key);
        err = is_here && key->from_s > now_s ? give_dated(step, event, KR_KEY_OF_SEALING, KR_KEY_COMES, key)
                                             : give_listed(step, event, KR_KEY_OF_SEALING, key, is_here && key == sealed_to,
                                                           key->until_s == 0 && key->from_s <= now_s);
    }
    for (uint32_t i = 0; i < card->transport_count && err == KR_OK; i++) {
        const struct kr_card_key *key = &card->transport[i];
        const bool is_used = memcmp(key->public_key, core->keyring->transport_public, 32) == 0;
        const bool comes = memcmp(key->public_key, core->keyring->next_transport_public, 32) == 0;
        err = comes ? give_dated(step, event, KR_KEY_OF_TRANSPORT, KR_KEY_COMES, key)
                    : give_listed(step, event, KR_KEY_OF_TRANSPORT, key, is_used, key->until_s == 0);
    }
    return err;
}

static enum kr_err give_of_keyring(struct kr_step *step, const struct kr_event *event, const struct kr_card *card)
{
    const struct kr_core *core = step->core;
    const struct kr_keyring *keyring = core->keyring;
    const uint8_t *signing = kr_keys_signing(core).public_key;
    const bool waits = kr_keyring_has_next(keyring) && !is_listed(card->node, card->node_count, keyring->next_node_public);
    bool is_aside = false;
    enum kr_err err = kr_keys_are_aside(step, &is_aside);
    if (err == KR_OK && !is_listed(card->node, card->node_count, signing)) {
        err = give_other(step, event, KR_KEY_OF_NODE, KR_KEY_UNLISTED, signing);
    }
    if (err == KR_OK && waits) {
        err = give_other(step, event, KR_KEY_OF_NODE, is_aside ? KR_KEY_ASIDE : KR_KEY_COMES, keyring->next_node_public);
    }
    if (err == KR_OK && kr_keyring_transport_comes(keyring) &&
        !is_listed(card->transport, card->transport_count, keyring->next_transport_public)) {
        err = give_other(step, event, KR_KEY_OF_TRANSPORT, KR_KEY_COMES, keyring->next_transport_public);
    }
    for (uint32_t i = 0; i < keyring->sealing_count && err == KR_OK; i++) {
        const uint8_t *key = keyring->sealing[i].public_key;
        if (!is_listed(card->sealing, card->sealing_count, key)) {
            const enum kr_key_state comes = is_aside ? KR_KEY_ASIDE : KR_KEY_COMES;
            err = give_other(step, event, KR_KEY_OF_SEALING, i == 0 && waits ? comes : KR_KEY_REPLACED, key);
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
