/* Other nodes of our own council: what is known of them, and what all of them hold beyond records.
 *
 * Sealing keys are made by one node, and a card lists them for all: so each is told of those that the card lists, or has listed,
 * whenever a session begins and when they change. Not of one that is still to come: the card that brings it may be the one that
 * ends that very node. What is sealed to a key that a node has not heard of yet is put off there. Whoever gets keys merges: nothing
 * is taken away, an earlier end counts. */
#include "node/core/sister.h"

#include <string.h>

#include "crypto/fault.h"
#include "node/core/effect.h"
#include "node/core/rotate.h"
#include "node/core/transport_key.h"
#include "proto/wire/node.h"

/* ---- rows ---- */

/* In KR_TABLE_RECEIPTS: "node-is" ‖ transport key 32 → array of 3: node key (bin 32), since_ms, name (str). */
#define PREFIX_BYTES 7u
#define KEY_BYTES    (PREFIX_BYTES + 32u)
#define ENDING_S     60u
static const uint8_t prefix[PREFIX_BYTES] = {'n', 'o', 'd', 'e', '-', 'i', 's'};
static const char name_key[] = "node-name"; /* in KR_TABLE_IDENTITY */

static void row_key(uint8_t ret_key[static KEY_BYTES], const uint8_t transport_key[static 32])
{
    memcpy(ret_key, prefix, PREFIX_BYTES);
    memcpy(ret_key + PREFIX_BYTES, transport_key, 32);
}

static enum kr_err read_row(struct kr_slice value, struct kr_node_row *ret_row)
{
    struct kr_reader reader;
    struct kr_node_row row;
    kr_reader_init(&reader, value.bytes, value.len);
    kr_reader_array(&reader, 3);
    kr_reader_fixed(&reader, row.node_key, 32);
    row.since_ms = kr_reader_uint(&reader, UINT64_MAX);
    const struct kr_slice name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK || !kr_slice_text(name, row.name, sizeof row.name)) {
        return KR_CORRUPT;
    }
    *ret_row = row;
    return KR_OK;
}

enum kr_err kr_node_row_get(struct kr_txn *txn, const uint8_t transport_key[static 32], struct kr_node_row *ret_row)
{
    uint8_t key[KEY_BYTES], value[KR_KIB];
    size_t len;
    row_key(key, transport_key);
    enum kr_err err = kr_store_get(txn, KR_TABLE_RECEIPTS, key, sizeof key, value, sizeof value, &len);
    err = err == KR_OK ? read_row((struct kr_slice){value, len}, ret_row) : err;
    return err == KR_CORRUPT ? KR_NOT_FOUND : err; /* it is told anew when it is met */
}

enum kr_err kr_node_row_of(struct kr_txn *txn, const struct kr_card *card, const uint8_t transport_key[static 32],
                           struct kr_node_row *ret_row)
{
    enum kr_err err = kr_node_row_get(txn, transport_key, ret_row);
    for (uint32_t i = 0; i < card->transport_count && err == KR_NOT_FOUND; i++) {
        const uint8_t *other = card->transport[i].public_key;
        const bool is_its = kr_card_transport_comes_behind(card, other, transport_key) ||
                            kr_card_transport_comes_behind(card, transport_key, other);
        err = is_its ? kr_node_row_get(txn, other, ret_row) : KR_NOT_FOUND;
    }
    return err;
}

enum kr_err kr_node_row_put(struct kr_txn *txn, const uint8_t transport_key[static 32], const struct kr_node_row *row)
{
    uint8_t key[KEY_BYTES];
    struct kr_writer writer;
    row_key(key, transport_key);
    kr_writer_init(&writer, KR_KIB);
    kr_writer_array(&writer, 3);
    kr_writer_bin(&writer, row->node_key, 32);
    kr_writer_uint(&writer, row->since_ms);
    kr_writer_str(&writer, row->name);
    return kr_store_put_writer(txn, KR_TABLE_RECEIPTS, key, sizeof key, &writer);
}

struct search {
    const uint8_t *node_key, *other_than; /* a transport key; NULL: none */
    uint8_t *ret_transport_key;
    bool is_found;
};

static bool look_at_row(void *context, struct kr_slice key, struct kr_slice value)
{
    struct search *search = context;
    struct kr_node_row row;
    const bool is_meant =
        key.len == KEY_BYTES && (search->other_than == NULL || memcmp(key.bytes + PREFIX_BYTES, search->other_than, 32) != 0);
    if (is_meant && read_row(value, &row) == KR_OK && memcmp(row.node_key, search->node_key, 32) == 0) {
        memcpy(search->ret_transport_key, key.bytes + PREFIX_BYTES, 32);
        search->is_found = true;
    }
    return !search->is_found;
}

enum kr_err kr_node_row_find(struct kr_txn *txn, const uint8_t node_key[static 32], uint8_t ret_transport_key[static 32])
{
    struct search search = {.node_key = node_key, .ret_transport_key = ret_transport_key};
    uint32_t damaged;
    enum kr_err err = kr_store_each_whole(txn, KR_TABLE_RECEIPTS, prefix, sizeof prefix, look_at_row, &search, &damaged);
    return err != KR_OK || search.is_found ? err : KR_NOT_FOUND;
}

enum kr_err kr_node_name(struct kr_txn *txn, char ret_name[static KR_NAME_BYTES_MAX + 1])
{
    size_t len = 0;
    enum kr_err err =
        kr_store_get(txn, KR_TABLE_IDENTITY, name_key, sizeof name_key - 1, (uint8_t *)ret_name, KR_NAME_BYTES_MAX, &len);
    ret_name[err == KR_OK ? len : 0] = 0;
    return err == KR_NOT_FOUND ? KR_OK : err;
}

enum kr_err kr_node_name_put(struct kr_txn *txn, struct kr_slice name)
{
    return kr_store_put(txn, KR_TABLE_IDENTITY, name_key, sizeof name_key - 1, name.bytes, name.len);
}

enum kr_err kr_sisters_load(struct kr_step *step)
{
    struct kr_core *core = step->core;
    struct kr_scope scope = {.kind = KR_SCOPE_COUNCIL};
    uint64_t count = 0;
    uint8_t hash[32];
    uint32_t at = 0;
    memcpy(scope.id, core->self, 32);
    enum kr_err err = kr_store_scope_mark(step->txn, &scope, &count, hash);
    core->shares_council = count > 0 || kr_link_of_council(core, core->self, &at) != NULL;
    core->links_differ = core->machines_differ = core->shares_council; /* what was found before, and not done, is found again */
    core->machines_due_ms = UINT64_MAX;
    return err;
}

bool kr_sister_signed(const struct kr_core *core, const uint8_t signing_key[static 32], uint64_t now_ms)
{
    const struct kr_keyring *keyring = core->keyring;
    const struct kr_council *self = kr_directory_council(&core->directory, core->self);
    const bool is_ours =
        memcmp(signing_key, keyring->node_public, 32) == 0 || memcmp(signing_key, keyring->next_node_public, 32) == 0;
    struct kr_card card;
    if (!core->shares_council || self == NULL || is_ours || KR_FAULT(KR_FAULT_SISTER_UNKNOWN)) {
        return false;
    }
    kr_council_card(self, &card);
    return kr_card_node_is_used(&card, signing_key, now_ms / 1000);
}

void kr_node_ways(const struct kr_core *core, struct kr_ways *ret_ways)
{
    const struct kr_council *self = kr_directory_council(&core->directory, core->self);
    const char *endpoint = core->options.endpoint;
    struct kr_card card;
    ret_ways->count = 0;
    if (endpoint != NULL && endpoint[0] != 0) {
        (void)kr_ways_add(ret_ways, (struct kr_slice){(const uint8_t *)endpoint, strlen(endpoint)},
                          core->keyring->transport_public);
    }
    if (self != NULL) {
        kr_council_card(self, &card);
        uint32_t others = 0;
        for (uint32_t i = 0; i < card.transport_count; i++) { /* this node is where its configuration says, or nowhere */
            if (!kr_transport_is_own(core, card.transport[i].public_key)) {
                card.transport[others++] = card.transport[i];
            }
        }
        card.transport_count = others;
        kr_ways_add_listed(ret_ways, &card, core->now_ms / 1000);
    }
}

/* ---- keys ---- */

static bool lists_sealing(const struct kr_card *card, const uint8_t public_key[static 32])
{
    bool lists = false;
    for (uint32_t i = 0; i < card->sealing_count; i++) {
        lists = lists || memcmp(card->sealing[i].public_key, public_key, 32) == 0;
    }
    return lists;
}

static enum kr_err write_keys(struct kr_step *step, struct kr_writer *writer)
{
    const struct kr_keyring *keyring = step->core->keyring;
    struct kr_node_keys keys = {0};
    struct kr_card card = {0};
    const struct kr_council *self = kr_directory_council(&step->core->directory, step->core->self);
    if (self != NULL) {
        kr_council_card(self, &card);
    }
    char name[KR_NAME_BYTES_MAX + 1];
    enum kr_err err = kr_node_name(step->txn, name);
    if (err != KR_OK) {
        return err;
    }
    keys.name = (struct kr_slice){(const uint8_t *)name, strlen(name)};
    memcpy(keys.root_public, keyring->root_public, 32);
    memcpy(keys.recovery_public, keyring->recovery_public, 32);
    for (uint32_t i = 0; i < keyring->sealing_count; i++) {
        const struct kr_dated_key *key = &keyring->sealing[i];
        if (key->until_s != 0 || lists_sealing(&card, key->public_key)) {
            keys.sealing[keys.sealing_count++] = *key;
        }
    }
    kr_node_keys_write(&keys, writer);
    sodium_memzero(&keys, sizeof keys);
    return kr_writer_finish(writer);
}

static enum kr_err tell(struct kr_step *step, struct kr_link *link)
{
    struct kr_writer body;
    uint8_t hash[32];
    kr_writer_init(&body, KR_NODE_BODY_BYTES_MAX);
    enum kr_err err = write_keys(step, &body);
    if (err == KR_OK) {
        kr_hash(hash, "kairan node keys told", body.bytes, body.len);
        if (memcmp(hash, link->keys_told, sizeof hash) != 0) {
            memcpy(link->keys_told, hash, sizeof hash);
            err = kr_link_send(step, link, &(struct kr_message){.type = KR_MESSAGE_NODE_KEYS, .body = {body.bytes, body.len}});
        }
    }
    if (body.bytes != NULL) {
        sodium_memzero(body.bytes, body.len);
    }
    kr_writer_deinit(&body);
    return err;
}

/* Its node key has ended on the card, or ends this minute: that is a revocation, a second after it was made. */
static bool is_ending(const struct kr_core *core, const struct kr_link *link)
{
    const struct kr_council *self = kr_directory_council(&core->directory, core->self);
    struct kr_card card = {0};
    bool is = false;
    if (self != NULL) {
        kr_council_card(self, &card);
    }
    for (uint32_t i = 0; i < card.node_count; i++) {
        const struct kr_card_key *key = &card.node[i];
        is = is || (key->until_s != 0 && key->until_s <= core->now_ms / 1000 + ENDING_S &&
                    memcmp(key->public_key, link->session_key, 32) == 0);
    }
    return is;
}

enum kr_err kr_sisters_tell(struct kr_step *step)
{
    struct kr_core *core = step->core;
    struct kr_link *link;
    enum kr_err err = KR_OK;
    for (uint32_t at = 0; err == KR_OK && (link = kr_link_of_council(core, core->self, &at)) != NULL;) {
        err = link->has_session && !is_ending(core, link) ? tell(step, link) : KR_OK;
    }
    return err;
}

/* A node that has another transport key now is one node. */
static enum kr_err forget_key_before(struct kr_step *step, const struct kr_link *link)
{
    struct search search = {.node_key = link->node_key, .other_than = link->transport_key};
    uint8_t transport_key[32], key[KEY_BYTES];
    uint32_t damaged;
    search.ret_transport_key = transport_key;
    enum kr_err err = kr_store_each_whole(step->txn, KR_TABLE_RECEIPTS, prefix, sizeof prefix, look_at_row, &search, &damaged);
    if (err != KR_OK || !search.is_found) {
        return err;
    }
    row_key(key, transport_key);
    return kr_store_delete(step->txn, KR_TABLE_RECEIPTS, key, sizeof key);
}

/* Which keys go with which, so that all of a lost machine's can be ended together. */
static enum kr_err note(struct kr_step *step, const struct kr_link *link, const struct kr_slice *name)
{
    struct kr_node_row row = {.since_ms = step->now_ms}, before = {0};
    enum kr_err err = kr_node_row_get(step->txn, link->transport_key, &before);
    if (err != KR_OK && err != KR_NOT_FOUND) {
        return err;
    }
    if (err == KR_OK) {
        row = before;
    }
    memcpy(row.node_key, link->node_key, 32);
    if (name != NULL && !kr_slice_text(*name, row.name, sizeof row.name)) {
        row.name[0] = 0;
    }
    const bool is_same = err == KR_OK && memcmp(row.node_key, before.node_key, 32) == 0 && strcmp(row.name, before.name) == 0;
    err = is_same ? KR_OK : kr_node_row_put(step->txn, link->transport_key, &row);
    return err == KR_OK ? forget_key_before(step, link) : err;
}

enum kr_err kr_sister_up(struct kr_step *step, struct kr_link *link)
{
    memset(link->keys_told, 0, sizeof link->keys_told);
    enum kr_err err = note(step, link, NULL);
    if (err == KR_OK) {
        err = kr_node_asks_done(step, link->node_key);
    }
    return err == KR_OK && !is_ending(step->core, link) ? tell(step, link) : err;
}

/* The recovery key is what backups are sealed to: no node's word decides about it, but the card's, or the council's own id. */
static bool is_recovery(const struct kr_card *card, const uint8_t recovery_public[static 32])
{
    uint8_t commitment[32];
    if (card->rekeyings.count > 0) {
        return memcmp(card->rekeyings.items[card->rekeyings.count - 1].recovery_public, recovery_public, 32) == 0;
    }
    kr_recovery_commitment(commitment, recovery_public);
    return memcmp(card->commitment, commitment, 32) == 0;
}

/* A node that has no keys itself yet has nothing to say. No key begins later than now: it would be the newest for ever. */
static enum kr_err take(struct kr_step *step, struct kr_link *link, struct kr_node_keys *keys)
{
    const struct kr_core *core = step->core;
    const struct kr_council *self = kr_directory_council(&core->directory, core->self);
    const uint64_t now_s = step->now_ms / 1000;
    struct kr_card card;
    struct kr_writer body;
    if (self == NULL || memcmp(self->root_public, keys->root_public, 32) != 0) {
        return KR_OK;
    }
    kr_council_card(self, &card);
    if (!is_recovery(&card, keys->recovery_public)) {
        return kr_step_log_peer(step, link, KR_LOG_WARNING,
                                "another node of this council told of a recovery key that is not the council's; nothing of what "
                                "it told was taken over. See to that machine: `kairan node revoke`, where it is not your own any "
                                "more");
    }
    for (uint32_t i = 0; i < keys->sealing_count; i++) {
        keys->sealing[i].from_s = keys->sealing[i].from_s < now_s ? keys->sealing[i].from_s : now_s;
    }
    if (!kr_keyring_lacks(core->keyring, keys->root_public, keys->recovery_public, keys->sealing, keys->sealing_count)) {
        return KR_OK;
    }
    kr_writer_init(&body, KR_NODE_BODY_BYTES_MAX);
    kr_node_keys_write(keys, &body);
    enum kr_err err = kr_effect_add_writer(step->effects, (struct kr_effect){.type = KR_EFFECT_KEYS_SHARE}, &body);
    kr_writer_deinit(&body);
    return err == KR_OK ? kr_step_log(step, KR_LOG_NOTICE, "another node of this council has told this one of its sealing keys")
                        : err;
}

enum kr_err kr_sister_keys(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    struct kr_node_keys keys;
    if (!kr_link_is_sister(step->core, link)) {
        return KR_OK;
    }
    if (kr_node_keys_read(message->body, &keys) != KR_OK) {
        return kr_step_log_peer(step, link, KR_LOG_WARNING,
                                "another node of this council told of keys that cannot be read; ignored");
    }
    enum kr_err err = note(step, link, &keys.name);
    if (err == KR_OK) {
        err = take(step, link, &keys);
    }
    sodium_memzero(&keys, sizeof keys);
    return err;
}
