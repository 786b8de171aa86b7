#include "proto/record/statement.h"

#include <string.h>

#include "crypto/hash.h"
#include "crypto/keyring.h"
#include "crypto/sign.h"
#include "proto/wire/ticket.h"

#define GENESIS_VERSION     1u
#define GENESIS_FROM_NOW_ON 2u /* of a charter */
#define NONCE_BYTES         16u
#define DATED_BACK_S        (86400u + KR_KEY_EARLIER_S)
#define CARD_FIELDS         10u
#define CARD_FIELDS_REKEYED 12u
#define CHARTER_FIELDS      6u
#define CHARTER_FIELDS_NOW  7u
#define VOUCH_FIELDS        4u
#define VOUCH_FIELDS_SINCE  5u
/* A genesis with the most founders and the longest name. */
#define GENESIS_BYTES_MAX (16u + KR_NAME_BYTES_MAX + KR_FOUNDERS_MAX * 34u + NONCE_BYTES + 32u)

static void check_version(struct kr_reader *reader, uint32_t wanted)
{
    uint64_t version = kr_reader_uint(reader, UINT32_MAX);

    if (reader->err == KR_OK && version != wanted) {
        kr_reader_fail(reader, KR_VERSION);
    }
}

/* Dated keys of one sort; transport keys also have an endpoint. */
static uint32_t read_keys(struct kr_reader *reader, bool has_endpoint, struct kr_card_key ret_keys[static KR_CARD_KEYS_MAX])
{
    uint32_t count = kr_reader_array_between(reader, 0, KR_CARD_KEYS_MAX);

    for (uint32_t i = 0; i < count; i++) {
        struct kr_card_key *key = &ret_keys[i];

        kr_reader_array(reader, has_endpoint ? 4 : 3);
        kr_reader_fixed(reader, key->public_key, sizeof key->public_key);
        key->from_s = kr_reader_uint(reader, UINT64_MAX);
        key->until_s = kr_reader_uint(reader, UINT64_MAX);
        if (has_endpoint) {
            key->endpoint = kr_reader_str(reader, KR_ENDPOINT_BYTES_MAX);
        }
        kr_reader_close(reader);
        if (reader->err != KR_OK) {
            break;
        }
        /* What a card names is dialled: nothing but a host and port may get that far. */
        if ((key->until_s != 0 && key->until_s <= key->from_s) ||
            (key->endpoint.len > 0 && kr_endpoint_check((const char *)key->endpoint.bytes, key->endpoint.len, NULL) != KR_OK)) {
            kr_reader_fail(reader, KR_MALFORMED);
        }
    }
    kr_reader_close(reader);
    return count;
}

static void write_keys(struct kr_writer *writer, bool has_endpoint, uint32_t count,
                       const struct kr_card_key keys[static KR_CARD_KEYS_MAX])
{
    kr_writer_array(writer, count);
    for (uint32_t i = 0; i < count; i++) {
        kr_writer_array(writer, has_endpoint ? 4 : 3);
        kr_writer_bin(writer, keys[i].public_key, sizeof keys[i].public_key);
        kr_writer_uint(writer, keys[i].from_s);
        kr_writer_uint(writer, keys[i].until_s);
        if (has_endpoint) {
            kr_writer_str_slice(writer, keys[i].endpoint);
        }
    }
}

static enum kr_err read_council_genesis(struct kr_slice genesis, struct kr_card *card)
{
    struct kr_reader reader;
    uint8_t nonce[NONCE_BYTES];

    kr_reader_init(&reader, genesis.bytes, genesis.len);
    kr_reader_array(&reader, 4);
    check_version(&reader, GENESIS_VERSION);
    kr_reader_fixed(&reader, card->genesis_root, sizeof card->genesis_root);
    kr_reader_fixed(&reader, card->commitment, sizeof card->commitment);
    kr_reader_fixed(&reader, nonce, sizeof nonce);
    kr_reader_close(&reader);
    return kr_reader_end(&reader);
}

enum kr_err kr_card_read(struct kr_slice content, struct kr_card *ret_card)
{
    struct kr_card card = {0};
    struct kr_reader reader;
    enum kr_err err;

    kr_reader_init(&reader, content.bytes, content.len);
    const uint32_t fields = kr_reader_array_between(&reader, CARD_FIELDS, CARD_FIELDS_REKEYED);
    card.genesis = kr_reader_bin(&reader, 1, GENESIS_BYTES_MAX);
    card.name_ja = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    card.name_en = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    card.region = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    kr_reader_array(&reader, 4);
    card.contact_name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    card.contact_mail = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    card.contact_telephone = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    card.contact_hours = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    kr_reader_close(&reader);
    card.hosted_by = kr_reader_bin_or_empty(&reader, 32);
    card.transport_count = read_keys(&reader, true, card.transport);
    card.node_count = read_keys(&reader, false, card.node);
    card.sealing_count = read_keys(&reader, false, card.sealing);
    card.previous = kr_reader_bin_or_empty(&reader, 32);
    if (fields == CARD_FIELDS_REKEYED) {
        kr_rekeyings_read(&reader, &card.rekeyings);
    }
    kr_reader_close(&reader);
    err = kr_reader_end(&reader);
    if (err == KR_OK) {
        err = read_council_genesis(card.genesis, &card);
    }
    if (err == KR_OK) {
        const uint32_t count = card.rekeyings.count;
        memcpy(card.root_public, count > 0 ? card.rekeyings.items[count - 1].root_public : card.genesis_root, 32);
        kr_council_id(card.council, card.genesis);
        *ret_card = card;
    }
    return err;
}

static bool are_points(const struct kr_card_key *keys, uint32_t count, enum kr_err (*check)(const uint8_t public_key[static 32]))
{
    for (uint32_t i = 0; i < count; i++) {
        if (check(keys[i].public_key) != KR_OK) {
            return false;
        }
    }
    return true;
}

enum kr_err kr_card_parse(struct kr_slice content, struct kr_card *ret_card)
{
    struct kr_card card;
    enum kr_err err = kr_card_read(content, &card);
    if (err != KR_OK) {
        return err;
    }
    bool is_good = kr_sign_public_check(card.genesis_root) == KR_OK &&
                   are_points(card.transport, card.transport_count, kr_box_public_check) &&
                   are_points(card.node, card.node_count, kr_sign_public_check) &&
                   are_points(card.sealing, card.sealing_count, kr_box_public_check);
    err = is_good ? KR_OK : KR_KEY;
    if (err == KR_OK && card.rekeyings.count > 0) {
        err = kr_rekeyings_check(&card.rekeyings, card.council, card.genesis_root, card.commitment);
    }
    if (err == KR_OK) {
        *ret_card = card;
    }
    return err;
}

void kr_card_write(const struct kr_card *card, struct kr_writer *writer)
{
    kr_writer_array(writer, card->rekeyings.count > 0 ? CARD_FIELDS_REKEYED : CARD_FIELDS);
    kr_writer_slice(writer, card->genesis);
    kr_writer_str_slice(writer, card->name_ja);
    kr_writer_str_slice(writer, card->name_en);
    kr_writer_str_slice(writer, card->region);
    kr_writer_array(writer, 4);
    kr_writer_str_slice(writer, card->contact_name);
    kr_writer_str_slice(writer, card->contact_mail);
    kr_writer_str_slice(writer, card->contact_telephone);
    kr_writer_str_slice(writer, card->contact_hours);
    kr_writer_slice(writer, card->hosted_by);
    write_keys(writer, true, card->transport_count, card->transport);
    write_keys(writer, false, card->node_count, card->node);
    write_keys(writer, false, card->sealing_count, card->sealing);
    kr_writer_slice(writer, card->previous);
    if (card->rekeyings.count > 0) {
        kr_rekeyings_write(&card->rekeyings, writer);
    }
}

/* (Later ones begin later: whatever dates a card has, there is no circle.) */
static const struct kr_card_key *key_after(const struct kr_card_key *keys, uint32_t count, const uint8_t key[static 32])
{
    const struct kr_card_key *before = NULL, *next = NULL;
    for (uint32_t i = 0; i < count && before == NULL; i++) {
        before = memcmp(keys[i].public_key, key, 32) == 0 ? &keys[i] : NULL;
    }
    for (uint32_t i = 0; i < count && before != NULL && next == NULL; i++) {
        const struct kr_card_key *other = &keys[i];
        const bool is_next = before->until_s > KR_KEY_EARLIER_S + KR_KEY_OVERLAP_S && other->from_s > before->from_s &&
                             other->from_s == before->until_s - KR_KEY_OVERLAP_S - KR_KEY_EARLIER_S;
        next = is_next ? other : NULL;
    }
    return next;
}

const struct kr_card_key *kr_card_transport_after(const struct kr_card *card, const uint8_t key[static 32])
{
    return key_after(card->transport, card->transport_count, key);
}

const struct kr_card_key *kr_card_node_after(const struct kr_card *card, const uint8_t key[static 32])
{
    return key_after(card->node, card->node_count, key);
}

static bool comes_behind(const struct kr_card_key *keys, uint32_t count, const uint8_t key[static 32],
                         const uint8_t later[static 32])
{
    const struct kr_card_key *next = key_after(keys, count, key);
    while (next != NULL && memcmp(next->public_key, later, 32) != 0) {
        next = key_after(keys, count, next->public_key);
    }
    return next != NULL;
}

bool kr_card_transport_comes_behind(const struct kr_card *card, const uint8_t key[static 32], const uint8_t later[static 32])
{
    return comes_behind(card->transport, card->transport_count, key, later);
}

bool kr_card_node_comes_behind(const struct kr_card *card, const uint8_t key[static 32], const uint8_t later[static 32])
{
    return comes_behind(card->node, card->node_count, key, later);
}

bool kr_card_dates_back(const struct kr_card *before, uint64_t before_ms, const struct kr_card *later)
{
    bool does = false;
    for (uint32_t i = 0; i < later->node_count && !does; i++) {
        const struct kr_card_key *key = &later->node[i];
        does = key->from_s < UINT64_MAX - DATED_BACK_S && key->from_s + DATED_BACK_S < before_ms / 1000;
        for (uint32_t j = 0; j < before->node_count && does; j++) {
            does = memcmp(before->node[j].public_key, key->public_key, 32) != 0;
        }
    }
    return does;
}

void kr_council_genesis_write(const uint8_t root_public[static 32], const uint8_t recovery_public[static 32],
                              const uint8_t nonce[static 16], struct kr_writer *writer)
{
    uint8_t commitment[KR_HASH_BYTES];

    kr_recovery_commitment(commitment, recovery_public);
    kr_writer_array(writer, 4);
    kr_writer_uint(writer, GENESIS_VERSION);
    kr_writer_bin(writer, root_public, 32);
    kr_writer_bin(writer, commitment, sizeof commitment);
    kr_writer_bin(writer, nonce, NONCE_BYTES);
}

void kr_council_id(uint8_t ret_id[static 32], struct kr_slice genesis)
{
    kr_hash(ret_id, "kairan council id", genesis.bytes, genesis.len);
}

static enum kr_err read_charter_genesis(struct kr_slice genesis, struct kr_charter *charter)
{
    struct kr_reader reader;
    uint8_t nonce[NONCE_BYTES];

    kr_reader_init(&reader, genesis.bytes, genesis.len);
    charter->is_from_now_on = kr_reader_array_between(&reader, CHARTER_FIELDS, CHARTER_FIELDS_NOW) == CHARTER_FIELDS_NOW;
    check_version(&reader, charter->is_from_now_on ? GENESIS_FROM_NOW_ON : GENESIS_VERSION);
    charter->name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    charter->founder_count = kr_reader_array_between(&reader, 1, KR_FOUNDERS_MAX);
    for (uint32_t i = 0; i < charter->founder_count; i++) {
        kr_reader_fixed(&reader, charter->founders[i], 32);
        if (reader.err == KR_OK && i > 0 && memcmp(charter->founders[i - 1], charter->founders[i], 32) >= 0) {
            kr_reader_fail(&reader, KR_MALFORMED);
        }
    }
    kr_reader_close(&reader);
    charter->vouches_needed = (uint32_t)kr_reader_uint(&reader, KR_COMMUNITY_COUNCILS_MAX);
    charter->quorum = (uint32_t)kr_reader_uint(&reader, KR_COMMUNITY_COUNCILS_MAX);
    kr_reader_fixed(&reader, nonce, sizeof nonce);
    if (charter->is_from_now_on && !kr_reader_flag(&reader)) {
        kr_reader_fail(&reader, KR_MALFORMED); /* one way to say it: the id is its hash */
    }
    kr_reader_close(&reader);
    /* Nought vouches would let in everybody, a quorum of nought would let anybody expel. */
    if (reader.err == KR_OK && (charter->vouches_needed == 0 || charter->quorum == 0 || charter->name.len == 0)) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    return kr_reader_end(&reader);
}

enum kr_err kr_charter_parse(struct kr_slice content, struct kr_charter *ret_charter)
{
    struct kr_charter charter = {0};
    struct kr_reader reader;
    enum kr_err err;

    kr_reader_init(&reader, content.bytes, content.len);
    kr_reader_array(&reader, 3);
    charter.genesis = kr_reader_bin(&reader, 1, GENESIS_BYTES_MAX);
    charter.text = kr_reader_str(&reader, KR_TEXT_BYTES_MAX);
    charter.previous = kr_reader_bin_or_empty(&reader, 32);
    kr_reader_close(&reader);
    err = kr_reader_end(&reader);
    if (err == KR_OK) {
        err = read_charter_genesis(charter.genesis, &charter);
    }
    if (err == KR_OK) {
        kr_community_id(charter.community, charter.genesis);
        *ret_charter = charter;
    }
    return err;
}

void kr_charter_write(const struct kr_charter *charter, struct kr_writer *writer)
{
    kr_writer_array(writer, 3);
    kr_writer_slice(writer, charter->genesis);
    kr_writer_str_slice(writer, charter->text);
    kr_writer_slice(writer, charter->previous);
}

void kr_charter_genesis_write(const struct kr_charter *charter, const uint8_t nonce[static 16], struct kr_writer *writer)
{
    kr_writer_array(writer, charter->is_from_now_on ? CHARTER_FIELDS_NOW : CHARTER_FIELDS);
    kr_writer_uint(writer, charter->is_from_now_on ? GENESIS_FROM_NOW_ON : GENESIS_VERSION);
    kr_writer_str_slice(writer, charter->name);
    kr_writer_array(writer, charter->founder_count);
    for (uint32_t i = 0; i < charter->founder_count; i++) {
        kr_writer_bin(writer, charter->founders[i], 32);
    }
    kr_writer_uint(writer, charter->vouches_needed);
    kr_writer_uint(writer, charter->quorum);
    kr_writer_bin(writer, nonce, NONCE_BYTES);
    if (charter->is_from_now_on) {
        kr_writer_uint(writer, 1);
    }
}

void kr_community_id(uint8_t ret_id[static 32], struct kr_slice genesis)
{
    kr_hash(ret_id, "kairan community id", genesis.bytes, genesis.len);
}

enum kr_err kr_vouch_parse(struct kr_slice content, struct kr_vouch *ret_vouch)
{
    struct kr_vouch vouch = {0};
    struct kr_reader reader;

    kr_reader_init(&reader, content.bytes, content.len);
    const uint32_t fields = kr_reader_array_between(&reader, VOUCH_FIELDS, VOUCH_FIELDS_SINCE);
    kr_reader_fixed(&reader, vouch.council, sizeof vouch.council);
    vouch.is_withdrawn = kr_reader_flag(&reader);
    vouch.reason = kr_reader_str(&reader, KR_NOTE_BYTES_MAX);
    vouch.previous = kr_reader_bin_or_empty(&reader, 32);
    if (fields == VOUCH_FIELDS_SINCE) {
        vouch.since_ms = kr_reader_uint(&reader, UINT64_MAX);
        if (vouch.since_ms == 0) {
            kr_reader_fail(&reader, KR_MALFORMED);
        }
    }
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_vouch = vouch;
    }
    return reader.err;
}

void kr_vouch_write(const struct kr_vouch *vouch, struct kr_writer *writer)
{
    kr_writer_array(writer, vouch->since_ms > 0 ? VOUCH_FIELDS_SINCE : VOUCH_FIELDS);
    kr_writer_bin(writer, vouch->council, 32);
    kr_writer_flag(writer, vouch->is_withdrawn);
    kr_writer_str_slice(writer, vouch->reason);
    kr_writer_slice(writer, vouch->previous);
    if (vouch->since_ms > 0) {
        kr_writer_uint(writer, vouch->since_ms);
    }
}
