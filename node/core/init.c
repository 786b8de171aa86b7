/* A node's first hour: its identity, its card, the community that it founds; and the few facts that it keeps about itself. */
#include <string.h>

#include "node/core/state.h"

void kr_init_write(const struct kr_init *init, struct kr_writer *writer)
{
    kr_writer_array(writer, 10);
    kr_writer_str_slice(writer, init->name_ja);
    kr_writer_str_slice(writer, init->name_en);
    kr_writer_str_slice(writer, init->region);
    kr_writer_str_slice(writer, init->contact_name);
    kr_writer_str_slice(writer, init->contact_mail);
    kr_writer_str_slice(writer, init->contact_telephone);
    kr_writer_str_slice(writer, init->contact_hours);
    kr_writer_str_slice(writer, init->endpoint);
    kr_writer_str_slice(writer, init->found_community);
    kr_writer_str_slice(writer, init->newcomers);
}

enum kr_err kr_init_read(struct kr_slice bytes, struct kr_init *ret_init)
{
    struct kr_reader reader;
    struct kr_init init;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 10);
    init.name_ja = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    init.name_en = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    init.region = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    init.contact_name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    init.contact_mail = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    init.contact_telephone = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    init.contact_hours = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    init.endpoint = kr_reader_str(&reader, KR_ENDPOINT_BYTES_MAX);
    init.found_community = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    init.newcomers = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_init = init;
    }
    return err;
}

/* ---- what the node knows of itself: KR_TABLE_IDENTITY, "self" → council id, "next-number" → BE32 ---- */

static const char key_self[] = "self";
static const char key_number[] = "next-number";

enum kr_err kr_identity_load(struct kr_step *step)
{
    struct kr_core *core = step->core;
    uint8_t number[4];
    size_t len;
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_IDENTITY, key_self, sizeof key_self - 1, core->self, 32, &len);
    if (err != KR_OK) {
        return err;
    }
    err = len == 32 ? kr_store_get(step->txn, KR_TABLE_IDENTITY, key_number, sizeof key_number - 1, number, sizeof number, &len)
                    : KR_CORRUPT;
    if (err == KR_OK) {
        core->next_number = (uint32_t)number[0] << 24 | (uint32_t)number[1] << 16 | (uint32_t)number[2] << 8 | number[3];
    }
    core->has_identity = err == KR_OK || err == KR_NOT_FOUND;
    return err == KR_NOT_FOUND ? KR_OK : err;
}

enum kr_err kr_number_next(struct kr_step *step, uint32_t *ret_number)
{
    struct kr_core *core = step->core;
    uint32_t next = core->next_number + 1;
    uint8_t number[4] = {(uint8_t)(next >> 24), (uint8_t)(next >> 16), (uint8_t)(next >> 8), (uint8_t)next};
    enum kr_err err = kr_store_put(step->txn, KR_TABLE_IDENTITY, key_number, sizeof key_number - 1, number, sizeof number);
    if (err == KR_OK) {
        *ret_number = core->next_number++;
    }
    return err;
}

/* ---- founding ---- */

static void card_key(struct kr_card_key *key, const uint8_t public_key[static 32], uint64_t from_s)
{
    memcpy(key->public_key, public_key, 32);
    key->from_s = from_s;
}

static enum kr_err put_card(struct kr_step *step, const struct kr_init *init, struct kr_slice genesis, const uint8_t *community)
{
    const struct kr_keyring *keyring = step->core->keyring;
    /* Valid from a little earlier than now: the clocks of two councils are never equal. */
    uint64_t from_s = step->now_ms / 1000 - 3600;
    static struct kr_card empty;
    struct kr_card card = empty;
    card.genesis = genesis;
    card.name_ja = init->name_ja;
    card.name_en = init->name_en;
    card.region = init->region;
    card.contact_name = init->contact_name;
    card.contact_mail = init->contact_mail;
    card.contact_telephone = init->contact_telephone;
    card.contact_hours = init->contact_hours;
    card.transport_count = card.node_count = 1;
    card_key(&card.transport[0], keyring->transport_public, from_s);
    card.transport[0].endpoint = init->endpoint;
    card_key(&card.node[0], keyring->node_public, from_s);
    for (uint32_t i = 0; i < keyring->sealing_count && i < KR_CARD_KEYS_MAX; i++) {
        card_key(&card.sealing[i], keyring->sealing[i].public_key, from_s);
        card.sealing_count++;
    }
    return kr_statement_put(
        step, &(struct kr_statement){KR_KIND_COUNCIL_CARD, community, step->core->self, kr_statement_write_card, &card});
}

static enum kr_err put_charter(struct kr_step *step, const struct kr_charter *charter)
{
    return kr_statement_put(
        step, &(struct kr_statement){KR_KIND_CHARTER, charter->community, charter->community, kr_statement_write_charter, charter});
}

enum kr_err kr_init_event(struct kr_step *step, struct kr_slice bytes)
{
    struct kr_core *core = step->core;
    struct kr_init init;
    struct kr_writer council, community;
    struct kr_charter charter = {.vouches_needed = 1, .quorum = 1, .founder_count = 1};
    uint8_t nonce[16];
    enum kr_err err = kr_init_read(bytes, &init);
    if (err != KR_OK || core->has_identity || init.name_ja.len + init.name_en.len == 0) {
        return err != KR_OK ? err : (core->has_identity ? KR_EXISTS : KR_INVALID);
    }
    kr_writer_init(&council, KR_KIB);
    kr_writer_init(&community, 4 * KR_KIB);
    kr_rng_bytes(step->rng, nonce, sizeof nonce);
    kr_council_genesis_write(core->keyring->root_public, core->keyring->recovery_public, nonce, &council);
    err = kr_writer_finish(&council);
    if (err != KR_OK) {
        goto out;
    }
    struct kr_slice genesis = {council.bytes, council.len};
    kr_council_id(core->self, genesis);
    core->has_identity = true;
    bool founds = init.found_community.len > 0;
    if (founds) {
        memcpy(charter.founders[0], core->self, 32);
        charter.name = init.found_community;
        err = kr_newcomers_parse(init.newcomers, &charter.is_from_now_on);
        if (err != KR_OK) {
            goto out;
        }
        kr_rng_bytes(step->rng, nonce, sizeof nonce);
        kr_charter_genesis_write(&charter, nonce, &community);
        err = kr_writer_finish(&community);
        if (err != KR_OK) {
            goto out;
        }
        charter.genesis = (struct kr_slice){community.bytes, community.len};
        kr_community_id(charter.community, charter.genesis);
    }
    err = kr_store_put(step->txn, KR_TABLE_IDENTITY, key_self, sizeof key_self - 1, core->self, 32);
    if (err == KR_OK) {
        err = put_card(step, &init, genesis, founds ? charter.community : NULL);
    }
    if (err == KR_OK && founds) {
        err = put_charter(step, &charter);
    }
out:
    kr_writer_deinit(&council);
    kr_writer_deinit(&community);
    return err;
}
