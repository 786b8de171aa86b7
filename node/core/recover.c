/* Our own root key replaced, by the recovery key: the card with it, which the new key signs elsewhere.
 *
 *   paper ──▶ the client signs the re-keying ──▶ card, prepared here ──▶ the new root key signs it, there ──▶ stored:
 *                                                                           keyring and backups follow the card (rotate.c)
 *                                                                           sessions begin anew: their hello bears it
 *   then a revocation of the former root key says which of its statements hold (revoke_ask.c); until that is here they stay as they
 *   are
 *
 * Whoever had the root key may have put keys of his own on the card: what is not this node's is ended, or kept, as the operator
 * says. Where that card has ended this node's own keys, new ones take their place. */
#include <stdio.h>
#include <string.h>

#include "node/core/rotate.h"
#include "node/core/transport_key.h"
#include "proto/client/rekey.h"

static bool is_open(const struct kr_card_key *keys, uint32_t count, const uint8_t key[static 32])
{
    bool found = false;
    for (uint32_t i = 0; i < count && !found; i++) {
        found = keys[i].until_s == 0 && memcmp(keys[i].public_key, key, 32) == 0;
    }
    return found;
}

static bool has_sealing(const struct kr_keyring *keyring, const uint8_t key[static 32])
{
    bool has = false;
    for (uint32_t i = 0; i < keyring->sealing_count && !has; i++) {
        has = memcmp(keyring->sealing[i].public_key, key, 32) == 0;
    }
    return has;
}

static bool is_own_node_key(const struct kr_core *core, const uint8_t key[static 32])
{
    return memcmp(key, kr_keys_signing(core).public_key, 32) == 0 || memcmp(key, core->keyring->node_public, 32) == 0;
}

/* How many keys without an end the card has that are not this node's; the first node key among them is told. */
static uint32_t count_others(const struct kr_core *core, const struct kr_card *card, char *ret_text, size_t size)
{
    uint32_t count = 0;
    ret_text[0] = 0;
    for (uint32_t i = 0; i < card->node_count; i++) {
        const uint8_t *key = card->node[i].public_key;
        if (card->node[i].until_s == 0 && !is_own_node_key(core, key)) {
            char hex[17];
            (void)sodium_bin2hex(hex, sizeof hex, key, 8);
            if (count++ == 0) {
                (void)snprintf(ret_text, size, " (node key %s)", hex);
            }
        }
    }
    for (uint32_t i = 0; i < card->sealing_count; i++) {
        count += card->sealing[i].until_s == 0 && !has_sealing(core->keyring, card->sealing[i].public_key);
    }
    for (uint32_t i = 0; i < card->transport_count; i++) {
        count += !kr_transport_has(core->keyring, card->transport[i].public_key);
    }
    return count;
}

static void end_others(const struct kr_core *core, struct kr_card *card, uint64_t now_s)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < card->node_count; i++) {
        if (!is_own_node_key(core, card->node[i].public_key)) {
            kr_card_end_key(&card->node[i], now_s + 1);
        }
    }
    for (uint32_t i = 0; i < card->sealing_count; i++) {
        if (!has_sealing(core->keyring, card->sealing[i].public_key)) {
            kr_card_end_key(&card->sealing[i], now_s + 1);
        }
    }
    for (uint32_t i = 0; i < card->transport_count; i++) {
        if (kr_transport_has(core->keyring, card->transport[i].public_key)) {
            card->transport[kept++] = card->transport[i];
        }
    }
    card->transport_count = kept;
}

/* This node must be able to go on with that card. KR_NOT_FOUND: it needs new keys, and none wait; KR_BOUNDS: no room for them. */
static enum kr_err put_own_keys(const struct kr_core *core, struct kr_card *card, uint64_t now_s)
{
    const struct kr_keyring *keyring = core->keyring;
    const bool is_listed = is_open(card->node, card->node_count, kr_keys_signing(core).public_key);
    bool is_sealed_to = false;
    for (uint32_t i = 0; i < keyring->sealing_count; i++) {
        is_sealed_to = is_sealed_to || is_open(card->sealing, card->sealing_count, keyring->sealing[i].public_key);
    }
    if (!kr_transport_is_turning(core) && !is_open(card->transport, card->transport_count, keyring->transport_public)) {
        if (card->transport_count == KR_CARD_KEYS_MAX) {
            return KR_BOUNDS;
        }
        struct kr_card_key *transport = &card->transport[card->transport_count++];
        const char *endpoint = core->options.endpoint != NULL ? core->options.endpoint : "";
        *transport =
            (struct kr_card_key){.from_s = now_s - KR_KEY_EARLIER_S, .endpoint = {(const uint8_t *)endpoint, strlen(endpoint)}};
        memcpy(transport->public_key, keyring->transport_public, 32);
    }
    if (is_listed && is_sealed_to) {
        return KR_OK;
    }
    return kr_card_turn_keys(core, card, &(struct kr_turn){.now_s = now_s, .at_s = now_s, .until_s = now_s + 1});
}

/* Appends what the client brought. KR_BOUNDS, KR_KEY, KR_SIGNATURE, KR_MALFORMED. */
static enum kr_err append(struct kr_card *card, const struct kr_recover *recover)
{
    struct kr_rekeyings *rekeyings = &card->rekeyings;
    if (rekeyings->count == KR_REKEYINGS_MAX) {
        return KR_BOUNDS;
    }
    if (rekeyings->count == 0) {
        memcpy(rekeyings->recovery_public, recover->recovery_public, 32);
    }
    rekeyings->items[rekeyings->count++] = recover->rekeying;
    return kr_rekeyings_check(rekeyings, card->council, card->genesis_root, card->commitment);
}

/* KR_CANCELLED: the client has its answer. */
static enum kr_err fill_card(struct kr_step *step, const struct kr_event *event, const struct kr_recover *recover,
                             struct kr_card *card)
{
    const struct kr_core *core = step->core;
    const uint64_t now_s = step->now_ms / 1000;
    char example[64];
    (void)kr_card_drop_plan(card, kr_keys_signing(core).public_key, now_s); /* (what was planned has to be planned anew) */
    const uint32_t others = count_others(core, card, example, sizeof example);
    enum kr_err err = append(card, recover), told;
    if (err == KR_OK && others > 0 && recover->others == KR_OTHERS_ASK) {
        told =
            kr_step_error(step, event->client, event->request, KR_INVALID,
                          "the council's card lists %u keys that are not this node's%s: say --keep-others where they are those of "
                          "its other nodes, or --end-others where whoever has the root key may have put them there",
                          others, example);
        return told != KR_OK ? told : KR_CANCELLED;
    }
    if (err == KR_OK && recover->others == KR_OTHERS_END) {
        end_others(core, card, now_s);
    }
    err = err == KR_OK ? put_own_keys(core, card, now_s) : err;
    switch (err) {
    case KR_OK:
        return KR_OK;
    case KR_NOT_FOUND:
        told = kr_step_error(step, event->client, event->request, err,
                             "the council's card does not list this node's keys any more, and no new ones wait: `kairan root "
                             "recover --since` makes them first");
        break;
    case KR_BOUNDS:
        told = kr_step_error(step, event->client, event->request, err,
                             "the card has no room for it: so many keys, and so often another root key, as a card can hold");
        break;
    default:
        told = kr_step_error(step, event->client, event->request, err,
                             "that was not signed with this council's recovery key: nothing was changed");
        break;
    }
    return told != KR_OK ? told : KR_CANCELLED;
}

enum kr_err kr_recover_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_core *core = step->core;
    struct kr_statement statements[KR_CARDS_MAX];
    struct kr_card_places places;
    struct kr_card card;
    struct kr_recover recover;
    if (kr_recover_read(event->bytes, &recover) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "this request is not readable");
    }
    enum kr_err err = kr_card_own(step, event, &places, &card);
    if (err != KR_OK) {
        return err == KR_CANCELLED ? KR_OK : err;
    }
    err = fill_card(step, event, &recover, &card);
    if (err != KR_OK) {
        return err == KR_CANCELLED ? KR_OK : err;
    }
    kr_card_fill(&places, &card, core->self, statements);
    return kr_statement_ask_of(step, event, statements, places.count, recover.rekeying.root_public);
}
