/* A new machine that asks to be a node of a council, until that council's card lists its keys.
 *
 *   REST ── hello (purpose 2, no card) ──▶ the node that made the ticket answers with its council's card
 *        card lists our keys ──▶ it is ours: stored, and from then on this is a node like any other
 *        it does not ──▶ node ask (our keys, our name), then the same again every few seconds
 *
 * It has no records, no links, no clients' requests to answer. What it knows of the council it has from the ticket, and a card
 * proves itself by the council's id. Where the ticket is admitted no more it also tries its own key: it may be on the card by now.
 */
#include <stdlib.h>
#include <string.h>

#include "node/core/effect.h"
#include "node/core/sister.h"
#include "proto/wire/node.h"
#include "proto/wire/ticket.h"

#define DIAL_NUMBER UINT32_MAX /* no link has it */
#define ASK_MS      5000u
#define REFUSED_MS  60000u
#define SAY_MS      3600000u /* the log says again that it waits */

struct kr_novice {
    struct kr_ticket ticket;
    char name[KR_NAME_BYTES_MAX + 1], endpoint[KR_ENDPOINT_BYTES_MAX + 1];
    bool is_greeted, by_own_key, has_hello, has_session;
    struct kr_session session;
    uint8_t ephemeral_public[32], ephemeral_secret[32], hello_hash[32];
    uint64_t hello_at_ms, said_ms;
    uint32_t said; /* what the log was told last: enum kr_err, and one more than that */
};

/* ---- what it was told ---- */

void kr_node_init_write(const struct kr_node_init *init, struct kr_writer *writer)
{
    kr_writer_array(writer, 3);
    kr_writer_str_slice(writer, init->ticket);
    kr_writer_str_slice(writer, init->name);
    kr_writer_str_slice(writer, init->endpoint);
}

enum kr_err kr_node_init_read(struct kr_slice bytes, struct kr_node_init *ret_init, struct kr_error *error)
{
    struct kr_reader reader;
    struct kr_node_init init = {0};
    struct kr_ticket ticket = {0};
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 3);
    init.ticket = kr_reader_str(&reader, KR_TICKET_TEXT_BYTES_MAX);
    init.name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    init.endpoint = kr_reader_str(&reader, KR_ENDPOINT_BYTES_MAX);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err != KR_OK || init.name.len == 0) {
        return kr_fail(error, KR_MALFORMED, "a node needs a name of at most 256 bytes");
    }
    err = kr_ticket_parse((const char *)init.ticket.bytes, init.ticket.len, &ticket, error);
    if (err == KR_OK && !ticket.is_for_node) {
        err = kr_fail(
            error, KR_INVALID,
            "this ticket links another council: use it with `kairan join`. For a further node of a council one of its nodes "
            "makes a ticket with `kairan node invite`");
    }
    sodium_memzero(&ticket, sizeof ticket);
    if (err == KR_OK && init.endpoint.len > 0) {
        err = kr_endpoint_check((const char *)init.endpoint.bytes, init.endpoint.len, error);
    }
    if (err == KR_OK) {
        *ret_init = init;
    }
    return err;
}

static const char key_self[] = "self", key_novice[] = "novice"; /* in KR_TABLE_IDENTITY; the latter: kr_node_init */

enum kr_err kr_novice_init(struct kr_step *step, struct kr_slice bytes)
{
    struct kr_core *core = step->core;
    struct kr_node_init init = {0};
    struct kr_ticket ticket;
    enum kr_err err = core->has_identity || core->novice != NULL ? KR_EXISTS : kr_node_init_read(bytes, &init, NULL);
    if (err == KR_OK) {
        err = kr_ticket_parse((const char *)init.ticket.bytes, init.ticket.len, &ticket, NULL);
    }
    if (err != KR_OK) {
        return err;
    }
    err = kr_store_put(step->txn, KR_TABLE_IDENTITY, key_self, sizeof key_self - 1, ticket.council, 32);
    memcpy(core->self, ticket.council, 32);
    sodium_memzero(&ticket, sizeof ticket);
    if (err == KR_OK) {
        err = kr_store_put(step->txn, KR_TABLE_IDENTITY, key_novice, sizeof key_novice - 1, bytes.bytes, bytes.len);
    }
    if (err == KR_OK) {
        err = kr_node_name_put(step->txn, init.name);
    }
    return err == KR_OK ? kr_novice_load(step) : err;
}

enum kr_err kr_novice_load(struct kr_step *step)
{
    uint8_t value[4 * KR_KIB];
    size_t len;
    struct kr_node_init init = {0};
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_IDENTITY, key_novice, sizeof key_novice - 1, value, sizeof value, &len);
    if (err != KR_OK) {
        return err;
    }
    struct kr_novice *novice = calloc(1, sizeof *novice);
    if (novice == NULL) {
        return KR_NOMEM;
    }
    err = kr_node_init_read((struct kr_slice){value, len}, &init, NULL) == KR_OK &&
                  kr_ticket_parse((const char *)init.ticket.bytes, init.ticket.len, &novice->ticket, NULL) == KR_OK &&
                  kr_slice_text(init.name, novice->name, sizeof novice->name) &&
                  kr_slice_text(init.endpoint, novice->endpoint, sizeof novice->endpoint)
              ? KR_OK
              : KR_CORRUPT;
    sodium_memzero(value, sizeof value);
    if (err != KR_OK) {
        kr_novice_free(novice);
        return err;
    }
    novice->said = UINT32_MAX;
    step->core->novice = novice;
    return KR_OK;
}

void kr_novice_free(struct kr_novice *novice)
{
    if (novice != NULL) {
        sodium_memzero(novice, sizeof *novice);
        free(novice);
    }
}

/* ---- telling net ---- */

static enum kr_err allow_nobody(struct kr_step *step)
{
    struct kr_writer writer;
    kr_writer_init(&writer, 16);
    kr_writer_array(&writer, 0);
    enum kr_err err = kr_effect_add_writer(
        step->effects, (struct kr_effect){.type = KR_EFFECT_ALLOW, .generation = ++step->core->allow_generation}, &writer);
    kr_writer_deinit(&writer);
    return err;
}

static enum kr_err dial(struct kr_step *step)
{
    struct kr_novice *novice = step->core->novice;
    struct kr_writer writer;
    kr_writer_init(&writer, KR_KIB);
    kr_writer_array(&writer, 3);
    kr_writer_str(&writer, novice->ticket.endpoint);
    kr_writer_bin(&writer, novice->ticket.transport_public, 32);
    kr_writer_bin(&writer, novice->ticket.secret, novice->by_own_key ? 0 : 32);
    enum kr_err err =
        kr_effect_add_writer(step->effects, (struct kr_effect){.type = KR_EFFECT_DIAL, .number = DIAL_NUMBER}, &writer);
    kr_writer_deinit(&writer);
    novice->has_hello = novice->has_session = false;
    novice->hello_at_ms = step->now_ms;
    return err == KR_OK ? kr_step_wake(step, step->now_ms) : err;
}

/* ---- saying ---- */

/* Once each time that it changes, and then once an hour. */
static enum kr_err say(struct kr_step *step, enum kr_err what, uint32_t level, const char *text)
{
    struct kr_novice *novice = step->core->novice;
    if (novice->said == (uint32_t)what && step->now_ms < novice->said_ms + SAY_MS) {
        return KR_OK;
    }
    novice->said = (uint32_t)what;
    novice->said_ms = step->now_ms;
    return kr_step_log(step, level, "%s", text);
}

static enum kr_err say_hello(struct kr_step *step)
{
    struct kr_core *core = step->core;
    struct kr_novice *novice = core->novice;
    struct kr_hello hello = {.version = KR_WIRE_VERSION, .is_node = true};
    struct kr_writer writer;
    uint8_t seed[32];
    kr_rng_bytes(step->rng, seed, sizeof seed);
    kr_box_keypair(novice->ephemeral_public, novice->ephemeral_secret, seed);
    sodium_memzero(seed, sizeof seed);
    memcpy(hello.ephemeral, novice->ephemeral_public, 32);
    memcpy(hello.council, core->self, 32);
    memcpy(hello.meant, core->self, 32);
    memcpy(hello.node_key, core->keyring->node_public, 32);
    kr_writer_init(&writer, KR_KIB);
    kr_hello_write(&hello, core->keyring->node_secret, &writer);
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        kr_hello_hash(novice->hello_hash, (struct kr_slice){writer.bytes, writer.len});
        err = kr_send_plain(step, DIAL_NUMBER, KR_FRAME_HELLO, writer.bytes, writer.len);
    }
    kr_writer_deinit(&writer);
    novice->has_hello = err == KR_OK;
    novice->has_session = false;
    novice->hello_at_ms = step->now_ms + ASK_MS + kr_rng_below(step->rng, ASK_MS / 4);
    return err == KR_OK ? kr_step_wake(step, novice->hello_at_ms) : err;
}

static enum kr_err ask(struct kr_step *step)
{
    struct kr_core *core = step->core;
    struct kr_novice *novice = core->novice;
    struct kr_node_ask ask = {.endpoint = {(const uint8_t *)novice->endpoint, strlen(novice->endpoint)},
                              .name = {(const uint8_t *)novice->name, strlen(novice->name)}};
    struct kr_writer body;
    memcpy(ask.transport_public, core->keyring->transport_public, 32);
    kr_writer_init(&body, KR_NODE_BODY_BYTES_MAX);
    kr_node_ask_write(&ask, &body);
    enum kr_err err = kr_writer_finish(&body);
    if (err == KR_OK) {
        err = kr_session_send(step, DIAL_NUMBER, &novice->session,
                              &(struct kr_message){.type = KR_MESSAGE_NODE_ASK, .body = {body.bytes, body.len}});
    }
    kr_writer_deinit(&body);
    return err;
}

/* ---- hearing ---- */

static bool lists_us(const struct kr_core *core, const struct kr_card *card)
{
    bool has_node = false, has_transport = false;
    for (uint32_t i = 0; i < card->node_count; i++) {
        has_node =
            has_node || (memcmp(card->node[i].public_key, core->keyring->node_public, 32) == 0 && card->node[i].until_s == 0);
    }
    for (uint32_t i = 0; i < card->transport_count; i++) {
        has_transport = has_transport || (memcmp(card->transport[i].public_key, core->keyring->transport_public, 32) == 0 &&
                                          card->transport[i].until_s == 0);
    }
    return has_node && has_transport;
}

/* The council's card is ours from here on: with it this is a node. */
static enum kr_err become_node(struct kr_step *step, struct kr_job *card, bool *ret_is_node)
{
    struct kr_core *core = step->core;
    enum kr_err verdict = KR_OK;
    uint64_t arrival;
    enum kr_err err = kr_effect_add(step->effects, &(struct kr_effect){.type = KR_EFFECT_HANGUP, .number = DIAL_NUMBER});
    core->has_identity = true;
    core->shares_council = true;
    if (err == KR_OK) {
        err = kr_admit(step, card, core->self, NULL, &verdict, &arrival);
    }
    if (err == KR_OK && verdict != KR_OK) {
        core->has_identity = core->shares_council = false;
        return say(step, verdict, KR_LOG_ERROR, "the council's card lists this node and cannot be stored: it is tried again");
    }
    if (err == KR_OK) {
        err = kr_store_delete(step->txn, KR_TABLE_IDENTITY, key_novice, sizeof key_novice - 1);
    }
    if (err == KR_OK) {
        err = kr_step_log(step, KR_LOG_NOTICE,
                          "this node was taken in as a node of its council: it fetches now what the others have");
    }
    if (err == KR_OK) {
        kr_novice_free(core->novice);
        core->novice = NULL;
        *ret_is_node = true;
    }
    return err;
}

static enum kr_err hello_frame(struct kr_step *step, struct kr_slice bytes, bool *ret_is_node)
{
    struct kr_core *core = step->core;
    struct kr_novice *novice = core->novice;
    struct kr_hello hello;
    struct kr_job job = {0};
    struct kr_card card;
    uint8_t hash[32], transcript[32];
    enum kr_err err = KR_OK;
    if (!novice->has_hello || kr_hello_read(bytes, &hello) != KR_OK || !hello.is_responder ||
        memcmp(hello.council, core->self, 32) != 0 || memcmp(hello.meant, core->self, 32) != 0 ||
        memcmp(hello.reply_to, novice->hello_hash, 32) != 0) {
        return KR_OK;
    }
    novice->has_hello = false;
    const enum kr_err verdict = kr_hello_card(step, &hello, &job, &card);
    if (verdict == KR_NOMEM) {
        err = verdict;
    } else if (verdict != KR_OK) {
        err =
            say(step, verdict, KR_LOG_ERROR,
                "whoever answers under this ticket is no node of the council that it names: ask who gave it to you, by telephone");
    } else if (lists_us(core, &card)) {
        err = become_node(step, &job, ret_is_node);
    } else {
        kr_hello_hash(hash, bytes);
        kr_transcript(transcript, novice->hello_hash, hash);
        novice->has_session = kr_session_init(&novice->session, true, novice->ephemeral_public, novice->ephemeral_secret,
                                              hello.ephemeral, transcript) == KR_OK;
        err = novice->has_session ? ask(step) : KR_OK;
    }
    free(job.bytes);
    free(job.content);
    free(job.terms);
    return err;
}

static enum kr_err answered(struct kr_step *step, enum kr_err reason)
{
    struct kr_novice *novice = step->core->novice;
    if (reason == KR_OK || reason == KR_BUSY) {
        return say(step, KR_BUSY, KR_LOG_NOTICE,
                   "this node has asked to be one of its council's: on the other one run `kairan node ls`, compare the key with "
                   "the one that `kairan node join` printed here, and run `kairan node add`");
    }
    novice->hello_at_ms = step->now_ms + REFUSED_MS;
    return say(step, reason, KR_LOG_ERROR,
               reason == KR_USED
                   ? "another machine has used this ticket: make a new one with `kairan node invite`, remove the state "
                     "directory here, and begin anew with `kairan node join`"
                   : "the other node does not take this one: its operator refused it, or it has no room for more");
}

static enum kr_err sealed_frame(struct kr_step *step, struct kr_slice frame)
{
    struct kr_novice *novice = step->core->novice;
    struct kr_message message;
    if (!novice->has_session || frame.len < KR_SESSION_ID_BYTES + KR_SESSION_OVERHEAD_BYTES ||
        memcmp(frame.bytes, novice->session.id, KR_SESSION_ID_BYTES) != 0) {
        return KR_OK;
    }
    const size_t len = frame.len - KR_SESSION_ID_BYTES;
    uint8_t *plain = malloc(len);
    if (plain == NULL) {
        return KR_NOMEM;
    }
    enum kr_err err = kr_session_open(&novice->session, plain, frame.bytes + KR_SESSION_ID_BYTES, len);
    const bool is_read =
        err == KR_OK && kr_message_read((struct kr_slice){plain, len - KR_SESSION_OVERHEAD_BYTES}, &message) == KR_OK;
    free(plain);
    novice->has_session = err == KR_OK;
    return is_read && message.type == KR_MESSAGE_WELCOME ? answered(step, (enum kr_err)message.reason) : KR_OK;
}

/* ---- events ---- */

static enum kr_err tick(struct kr_step *step)
{
    struct kr_core *core = step->core;
    struct kr_novice *novice = core->novice;
    if (!core->net_is_up) {
        return KR_OK;
    }
    return step->now_ms >= novice->hello_at_ms ? say_hello(step) : kr_step_wake(step, novice->hello_at_ms);
}

static enum kr_err turned_away(struct kr_step *step)
{
    struct kr_novice *novice = step->core->novice;
    novice->by_own_key = !novice->by_own_key;
    enum kr_err err = say(step, KR_EXPIRED, KR_LOG_WARNING,
                          "the other node does not admit this ticket (any more): it has expired, or the machine was refused. If it "
                          "was not taken in meanwhile, make a new ticket there with `kairan node invite` and begin anew here");
    err = err == KR_OK ? dial(step) : err;
    novice->hello_at_ms = step->now_ms + ASK_MS;
    return err == KR_OK ? kr_step_wake(step, novice->hello_at_ms) : err;
}

static enum kr_err frame(struct kr_step *step, struct kr_slice frame, bool *ret_is_node)
{
    const struct kr_slice rest = {frame.bytes + 1, frame.len > 0 ? frame.len - 1 : 0};
    if (frame.len == 0) {
        return KR_OK;
    }
    return frame.bytes[0] == KR_FRAME_HELLO    ? hello_frame(step, rest, ret_is_node)
           : frame.bytes[0] == KR_FRAME_SEALED ? sealed_frame(step, rest)
                                               : KR_OK;
}

enum kr_err kr_novice_event(struct kr_step *step, const struct kr_event *event, bool *ret_is_node)
{
    struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    *ret_is_node = false;
    if (!core->novice->is_greeted) {
        core->novice->is_greeted = true;
        err = allow_nobody(step);
    }
    if (err != KR_OK) {
        return err;
    }
    switch (event->type) {
    case KR_EVENT_NET_UP:
        core->net_is_up = true;
        return dial(step);
    case KR_EVENT_NET_DOWN:
        core->net_is_up = core->novice->has_hello = core->novice->has_session = false;
        return KR_OK;
    case KR_EVENT_TICK:
        return tick(step);
    case KR_EVENT_FRAME:
        return event->number == DIAL_NUMBER ? frame(step, event->bytes, ret_is_node) : KR_OK;
    case KR_EVENT_TURNED_AWAY:
        return event->number == DIAL_NUMBER ? turned_away(step) : KR_OK;
    case KR_EVENT_REQUEST:
        return kr_step_error(step, event->client, event->request, KR_BUSY,
                             "this node waits to be taken in by its council: on another node of it run `kairan node ls`, then "
                             "`kairan node add`");
    default:
        return KR_OK;
    }
}
