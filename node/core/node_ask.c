/* Another machine becomes a node of our council: a ticket, its asking, and its keys on the card.
 *
 *   node invite: ticket ──▶ the machine shows it and asks (novice.c) ──▶ node ls shows it ──▶ node add: card with its keys, signed
 * by the root key, here or elsewhere ──▶ its next hello brings it the card, and it comes as a node
 *
 * Asking gives it nothing but a row here: neither a record nor a key leaves before the card lists it. */
#include <stdlib.h>
#include <string.h>

#include "node/core/claim.h"
#include "node/core/effect.h"
#include "node/core/rotate.h"
#include "node/core/sister.h"
#include "node/core/transport_key.h"
#include "proto/client/node.h"
#include "proto/wire/node.h"
#include "proto/wire/ticket.h"

/* In KR_TABLE_RECEIPTS: "nodeask" ‖ node key 32 → array of 4: transport key (bin 32), endpoint (str), name (str), asked_ms. */
#define PREFIX_BYTES 7u
#define KEY_BYTES    (PREFIX_BYTES + 32u)
static const uint8_t prefix[PREFIX_BYTES] = {'n', 'o', 'd', 'e', 'a', 's', 'k'};

struct row {
    struct kr_node_ask ask;
    uint64_t asked_ms;
};

static void row_key(uint8_t ret_key[static KEY_BYTES], const uint8_t node_key[static 32])
{
    memcpy(ret_key, prefix, PREFIX_BYTES);
    memcpy(ret_key + PREFIX_BYTES, node_key, 32);
}

static enum kr_err read_row(struct kr_slice value, struct row *ret_row)
{
    struct kr_reader reader;
    struct row row;
    kr_reader_init(&reader, value.bytes, value.len);
    kr_reader_array(&reader, 4);
    kr_reader_fixed(&reader, row.ask.transport_public, 32);
    row.ask.endpoint = kr_reader_str(&reader, KR_ENDPOINT_BYTES_MAX);
    row.ask.name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    row.asked_ms = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return KR_CORRUPT;
    }
    *ret_row = row;
    return KR_OK;
}

static enum kr_err get_row(struct kr_step *step, const uint8_t node_key[static 32], uint8_t value[static KR_KIB],
                           struct row *ret_row)
{
    uint8_t key[KEY_BYTES];
    size_t len;
    row_key(key, node_key);
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, value, KR_KIB, &len);
    err = err == KR_OK ? read_row((struct kr_slice){value, len}, ret_row) : err;
    return err == KR_CORRUPT ? KR_NOT_FOUND : err; /* it asks again */
}

static enum kr_err drop_row(struct kr_step *step, const uint8_t node_key[static 32])
{
    uint8_t key[KEY_BYTES];
    row_key(key, node_key);
    enum kr_err err = kr_store_delete(step->txn, KR_TABLE_RECEIPTS, key, sizeof key);
    return err == KR_NOT_FOUND ? KR_OK : err;
}

static bool count_one(void *context, struct kr_slice key, struct kr_slice value)
{
    (void)key;
    (void)value;
    return ++*(uint32_t *)context < KR_NODE_ASKS_MAX;
}

/* `*ret_verdict`: KR_BOUNDS where too many ask. */
static enum kr_err put_row(struct kr_step *step, const uint8_t node_key[static 32], const struct kr_node_ask *ask,
                           enum kr_err *ret_verdict)
{
    uint8_t key[KEY_BYTES], value[KR_KIB];
    uint32_t count = 0, damaged;
    struct row before;
    struct kr_writer writer;
    enum kr_err err = get_row(step, node_key, value, &before);
    const bool is_known = err == KR_OK;
    if (err == KR_NOT_FOUND) {
        err = kr_store_each_whole(step->txn, KR_TABLE_RECEIPTS, prefix, sizeof prefix, count_one, &count, &damaged);
    }
    if (err != KR_OK || is_known || count >= KR_NODE_ASKS_MAX) {
        *ret_verdict = is_known ? KR_OK : KR_BOUNDS;
        return err;
    }
    row_key(key, node_key);
    kr_writer_init(&writer, KR_KIB);
    kr_writer_array(&writer, 4);
    kr_writer_bin(&writer, ask->transport_public, 32);
    kr_writer_str_slice(&writer, ask->endpoint);
    kr_writer_str_slice(&writer, ask->name);
    kr_writer_uint(&writer, step->now_ms);
    err = kr_store_put_writer(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, &writer);
    *ret_verdict = KR_OK;
    return err == KR_OK
               ? kr_step_log(step, KR_LOG_WARNING,
                             "a machine asks to be a node of this council, by a ticket of ours: `kairan node ls` shows it; "
                             "`kairan node add` takes it in, `kairan node refuse` does not")
               : err;
}

enum kr_err kr_node_asks_done(struct kr_step *step, const uint8_t node_key[static 32])
{
    enum kr_err err = drop_row(step, node_key);
    return err == KR_OK ? kr_invitations_taken_in(step, node_key) : err;
}

/* ---- the machine asks ---- */

static bool is_listed(const struct kr_core *core, const uint8_t node_key[static 32])
{
    const struct kr_council *self = kr_directory_council(&core->directory, core->self);
    struct kr_card card = {0};
    if (self != NULL) {
        kr_council_card(self, &card);
    }
    bool is_listed = false;
    for (uint32_t i = 0; i < card.node_count; i++) {
        is_listed = is_listed || memcmp(card.node[i].public_key, node_key, 32) == 0;
    }
    return is_listed;
}

static enum kr_err ask_hello(struct kr_step *step, struct kr_invitation *invitation, struct kr_slice bytes)
{
    struct kr_core *core = step->core;
    struct kr_hello hello;
    uint8_t hash[32];
    if (step->now_ms < invitation->heard_ms + 100) {
        return KR_OK;
    }
    invitation->heard_ms = step->now_ms;
    if (kr_hello_read(bytes, &hello) != KR_OK || !hello.is_node || hello.is_responder ||
        memcmp(hello.council, core->self, 32) != 0 || memcmp(hello.meant, core->self, 32) != 0 ||
        memcmp(hello.node_key, kr_keys_signing(core).public_key, 32) == 0) {
        return KR_OK; /* it holds a ticket and nothing else: no answer */
    }
    kr_hello_hash(hash, bytes);
    enum kr_err err = kr_hello_answer(step, invitation->number, &hello, hash, &invitation->pending);
    invitation->has_pending = err == KR_OK;
    memcpy(invitation->joiner, hello.node_key, 32);
    return err == KR_KEY ? KR_OK : err;
}

/* What its asking comes to. */
static enum kr_err judge_ask(struct kr_step *step, struct kr_invitation *invitation, const struct kr_message *message,
                             enum kr_err *ret_verdict)
{
    struct kr_core *core = step->core;
    struct kr_node_ask ask;
    *ret_verdict = kr_node_ask_read(message->body, &ask);
    if (*ret_verdict != KR_OK) {
        return KR_OK;
    }
    if (invitation->is_used && memcmp(invitation->used_by, invitation->joiner, 32) != 0) {
        *ret_verdict = KR_USED;
        return kr_step_log(step, KR_LOG_WARNING,
                           "a ticket for a node that was used already has been shown again, by another machine; refused");
    }
    if (is_listed(core, invitation->joiner)) {
        return KR_OK; /* the card is in our hello */
    }
    if (kr_link_key_is_taken(core, ask.transport_public, core->self)) {
        *ret_verdict = KR_KEY;
        return KR_OK;
    }
    enum kr_err err = put_row(step, invitation->joiner, &ask, ret_verdict);
    if (err == KR_OK && *ret_verdict == KR_OK) {
        *ret_verdict = KR_BUSY;
        err = kr_invitation_use(step, invitation, invitation->joiner);
    }
    return err;
}

static enum kr_err ask_sealed(struct kr_step *step, struct kr_invitation *invitation, struct kr_slice sealed)
{
    struct kr_message message, answer = {.type = KR_MESSAGE_WELCOME};
    if (!invitation->has_pending || sealed.len < KR_SESSION_ID_BYTES + KR_SESSION_OVERHEAD_BYTES ||
        memcmp(sealed.bytes, invitation->pending.id, KR_SESSION_ID_BYTES) != 0) {
        return KR_OK;
    }
    const size_t len = sealed.len - KR_SESSION_ID_BYTES;
    uint8_t *plain = malloc(len);
    enum kr_err err = KR_OK, verdict = KR_OK;
    if (plain == NULL) {
        return KR_NOMEM;
    }
    const bool is_ask = kr_session_open(&invitation->pending, plain, sealed.bytes + KR_SESSION_ID_BYTES, len) == KR_OK &&
                        kr_message_read((struct kr_slice){plain, len - KR_SESSION_OVERHEAD_BYTES}, &message) == KR_OK &&
                        message.type == KR_MESSAGE_NODE_ASK;
    if (is_ask) {
        err = judge_ask(step, invitation, &message, &verdict);
    }
    free(plain);
    if (err == KR_OK && is_ask) {
        answer.reason = (uint32_t)verdict;
        err = kr_session_send(step, invitation->number, &invitation->pending, &answer);
    }
    invitation->has_pending = false;
    return err;
}

enum kr_err kr_node_ask_frame(struct kr_step *step, struct kr_invitation *invitation, struct kr_slice frame)
{
    const struct kr_slice rest = {frame.bytes + 1, frame.len > 0 ? frame.len - 1 : 0};
    if (frame.len == 0 || invitation->expires_s <= step->now_ms / 1000) {
        return KR_OK;
    }
    return frame.bytes[0] == KR_FRAME_HELLO    ? ask_hello(step, invitation, rest)
           : frame.bytes[0] == KR_FRAME_SEALED ? ask_sealed(step, invitation, rest)
                                               : KR_OK;
}

/* ---- the operator decides ---- */

static bool read_key(const struct kr_event *event, uint8_t ret_key[static 32])
{
    struct kr_reader reader;
    kr_reader_init(&reader, event->bytes.bytes, event->bytes.len);
    kr_reader_array(&reader, 1);
    kr_reader_fixed(&reader, ret_key, 32);
    kr_reader_close(&reader);
    return kr_reader_end(&reader) == KR_OK;
}

static enum kr_err nobody_asks(struct kr_step *step, const struct kr_event *event)
{
    return kr_step_error(step, event->client, event->request, KR_NOT_FOUND, "no machine with that key asks: see `kairan node ls`");
}

/* Transport keys that have ended speak for nothing any more. */
static bool has_room(struct kr_card *card, uint64_t now_s)
{
    for (uint32_t i = 0; i < card->transport_count && card->transport_count == KR_CARD_KEYS_MAX;) {
        if (card->transport[i].until_s != 0 && card->transport[i].until_s <= now_s) {
            memmove(&card->transport[i], &card->transport[i + 1], (card->transport_count - i - 1) * sizeof card->transport[0]);
            card->transport_count--;
        } else {
            i++;
        }
    }
    return card->transport_count < KR_CARD_KEYS_MAX && card->node_count < KR_CARD_KEYS_MAX;
}

static enum kr_err put_on_card(struct kr_step *step, const struct kr_event *event, const uint8_t node_key[static 32],
                               const struct kr_node_ask *ask)
{
    struct kr_core *core = step->core;
    const uint64_t now_s = step->now_ms / 1000;
    struct kr_statement statements[KR_CARDS_MAX];
    struct kr_card_places places;
    struct kr_card card;
    enum kr_err err = kr_card_own(step, event, &places, &card);
    if (err != KR_OK) {
        return err == KR_CANCELLED ? KR_OK : err;
    }
    if (!has_room(&card, now_s)) {
        return kr_step_error(step, event->client, event->request, KR_BOUNDS,
                             "the card has room for %u keys of each sort, and no more", (unsigned)KR_CARD_KEYS_MAX);
    }
    /* Behind those that there are: of several keys that begin at one time the first is the newest. */
    struct kr_card_key *transport = &card.transport[card.transport_count++], *node = &card.node[card.node_count++];
    *transport = (struct kr_card_key){.from_s = now_s - KR_KEY_EARLIER_S, .endpoint = ask->endpoint};
    *node = (struct kr_card_key){.from_s = now_s - KR_KEY_EARLIER_S};
    memcpy(transport->public_key, ask->transport_public, 32);
    memcpy(node->public_key, node_key, 32);
    kr_card_fill(&places, &card, core->self, statements);
    return kr_statement_ask(step, event, statements, places.count);
}

static enum kr_err add_request(struct kr_step *step, const struct kr_event *event)
{
    uint8_t node_key[32], value[KR_KIB];
    struct row row;
    if (!read_key(event, node_key)) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "the request cannot be read");
    }
    enum kr_err err = get_row(step, node_key, value, &row);
    if (err == KR_NOT_FOUND) {
        return nobody_asks(step, event);
    }
    struct kr_node_row known = {.since_ms = step->now_ms};
    if (err == KR_OK && kr_slice_text(row.ask.name, known.name, sizeof known.name)) {
        memcpy(known.node_key, node_key, 32);
        err = kr_node_row_put(step->txn, row.ask.transport_public, &known);
    }
    return err == KR_OK ? put_on_card(step, event, node_key, &row.ask) : err;
}

static enum kr_err refuse_request(struct kr_step *step, const struct kr_event *event)
{
    uint8_t node_key[32], value[KR_KIB];
    struct row row;
    if (!read_key(event, node_key)) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "the request cannot be read");
    }
    enum kr_err err = get_row(step, node_key, value, &row);
    if (err == KR_NOT_FOUND) {
        return nobody_asks(step, event);
    }
    if (err == KR_OK) {
        err = kr_node_asks_done(step, node_key); /* its ticket goes, too */
    }
    return err == KR_OK ? kr_step_end_empty(step, event->client, event->request) : err;
}

static enum kr_err invite_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_reader reader;
    kr_reader_init(&reader, event->bytes.bytes, event->bytes.len);
    kr_reader_array(&reader, 1);
    const uint64_t ttl_s = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "the request cannot be read");
    }
    return kr_invitation_make(step, event, &(struct kr_invitation){.is_for_node = true}, ttl_s);
}

/* ---- the list ---- */

struct listing {
    struct kr_step *step;
    const struct kr_event *event;
    enum kr_err err;
};

static enum kr_err give(struct listing *listing, const struct kr_node_item *item)
{
    struct kr_writer writer;
    kr_writer_init(&writer, 2 * KR_KIB);
    kr_node_item_write(item, &writer);
    enum kr_err err = kr_step_item(listing->step, listing->event->client, listing->event->request, &writer);
    kr_writer_deinit(&writer);
    return err;
}

static enum kr_err give_this(struct listing *listing)
{
    const struct kr_core *core = listing->step->core;
    const char *endpoint = core->options.endpoint != NULL ? core->options.endpoint : "";
    char name[KR_NAME_BYTES_MAX + 1];
    enum kr_err err = kr_node_name(listing->step->txn, name);
    struct kr_node_item item = {.state = KR_NODE_THIS,
                                .is_online = true,
                                .name = {(const uint8_t *)name, strlen(name)},
                                .endpoint = {(const uint8_t *)endpoint, strlen(endpoint)}};
    memcpy(item.node_key, kr_keys_signing(core).public_key, 32);
    memcpy(item.transport_key, core->keyring->transport_public, 32);
    return err == KR_OK ? give(listing, &item) : err;
}

static enum kr_err give_other(struct listing *listing, const struct kr_link *link)
{
    const struct kr_council *self = kr_directory_council(&listing->step->core->directory, link->council);
    struct kr_node_row row = {0};
    struct kr_card card = {0};
    if (self != NULL) {
        kr_council_card(self, &card);
    }
    enum kr_err err = kr_node_row_of(listing->step->txn, &card, link->transport_key, &row);
    struct kr_node_item item = {.state = KR_NODE_OTHER,
                                .is_online = link->has_session,
                                .name = {(const uint8_t *)row.name, strlen(row.name)},
                                .endpoint = {(const uint8_t *)link->endpoint, strlen(link->endpoint)},
                                .since_ms = row.since_ms,
                                .heard_ms = link->heard_ms};
    memcpy(item.node_key, row.node_key, 32);
    memcpy(item.transport_key, link->transport_key, 32);
    return err == KR_OK || err == KR_NOT_FOUND ? give(listing, &item) : err;
}

static bool give_asking(void *context, struct kr_slice key, struct kr_slice value)
{
    struct listing *listing = context;
    struct row row;
    if (key.len != KEY_BYTES || read_row(value, &row) != KR_OK) {
        return true;
    }
    struct kr_node_item item = {
        .state = KR_NODE_ASKS, .name = row.ask.name, .endpoint = row.ask.endpoint, .since_ms = row.asked_ms};
    memcpy(item.node_key, key.bytes + PREFIX_BYTES, 32);
    memcpy(item.transport_key, row.ask.transport_public, 32);
    listing->err = give(listing, &item);
    return listing->err == KR_OK;
}

static enum kr_err list_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_core *core = step->core;
    struct listing listing = {.step = step, .event = event};
    const struct kr_link *link;
    uint32_t damaged;
    enum kr_err err = give_this(&listing);
    for (uint32_t at = 0; err == KR_OK && (link = kr_link_of_council(core, core->self, &at)) != NULL;) {
        err = kr_link_stand_in(core, link) == NULL ? give_other(&listing, link) : KR_OK;
    }
    if (err == KR_OK) {
        err = kr_store_each_whole(step->txn, KR_TABLE_RECEIPTS, prefix, sizeof prefix, give_asking, &listing, &damaged);
    }
    err = err == KR_OK ? listing.err : err;
    return err == KR_OK ? kr_step_end_empty(step, event->client, event->request) : err;
}

enum kr_err kr_node_request(struct kr_step *step, const struct kr_event *event)
{
    switch (event->op) {
    case KR_OP_NODE_INVITE:
        return invite_request(step, event);
    case KR_OP_NODE_ADD:
        return add_request(step, event);
    case KR_OP_NODE_REFUSE:
        return refuse_request(step, event);
    default:
        return list_request(step, event);
    }
}
