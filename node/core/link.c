/* Over a link: hello, sessions, frames (which links there are: links.c).
 *
 *            dialler (initiator)                         the other (responder)
 *   REST ── hello ──────────────────────────────▶ checks, answers, keeps the session as `pending`
 *   HELLO OUT ◀─────────────────────────── hello ──
 *   UP ── first sealed frame (ping) ────────────▶ pending becomes the session: UP
 *
 * A frame that does not open, a frame of ours that was not handed on, silence: back to REST. Only the dialler says hello, so two
 * can never cross. A responder that has no session answers `lost`; the dialler then says hello again. `lost` proves nothing and can
 * only cost one hello. */
#include <stdlib.h>
#include <string.h>

#include "crypto/fault.h"
#include "node/core/claim.h"
#include "node/core/effect.h"
#include "node/core/enrol_shared.h"
#include "node/core/forward.h"
#include "node/core/revoke.h"
#include "node/core/rotate.h"
#include "node/core/sister.h"
#include "node/core/takeback.h"
#include "node/core/through.h"
#include "node/core/transport_key.h"

#define NEW_NODE_MS       120000u /* so long a node that was just put on its council's card may not know its peers yet … */
#define NEW_NODE_AGAIN_MS 2000u   /* … and is dialled again so soon */

/* ---- telling net ---- */

enum kr_err kr_link_dial(struct kr_step *step, struct kr_link *link)
{
    if (!link->we_dial || !step->core->net_is_up || kr_link_is_shut(link) || link->through != NULL) {
        return KR_OK;
    }
    struct kr_writer writer;
    kr_writer_init(&writer, KR_KIB);
    kr_writer_array(&writer, 3);
    kr_writer_str(&writer, link->endpoint);
    kr_writer_bin(&writer, link->transport_key, 32);
    kr_writer_bin(&writer, link->secret, link->has_secret ? 32 : 0);
    enum kr_err err =
        kr_effect_add_writer(step->effects, (struct kr_effect){.type = KR_EFFECT_DIAL, .number = link->number}, &writer);
    kr_writer_deinit(&writer);
    link->is_turned_away = false;
    link->hello_at_ms = step->now_ms;
    link->hello_wait_ms = KR_HELLO_MS_MIN;
    return err == KR_OK ? kr_step_wake(step, link->hello_at_ms) : err;
}

/* ---- frames out ---- */

/* NULL: it goes through nobody. */
static struct kr_link *link_through(struct kr_core *core, uint32_t number)
{
    struct kr_link *link = kr_link_by_number(core, number);
    return link != NULL && link->through != NULL ? link : NULL;
}

enum kr_err kr_frame_send(struct kr_step *step, uint32_t number, uint8_t *bytes, size_t len)
{
    struct kr_link *link = link_through(step->core, number);
    if (link != NULL) {
        return kr_through_send(step, link, bytes, len);
    }
    return kr_effect_add(step->effects, &(struct kr_effect){.type = KR_EFFECT_SEND, .number = number, .bytes = bytes, .len = len});
}

enum kr_err kr_session_send(struct kr_step *step, uint32_t number, struct kr_session *session, const struct kr_message *message)
{
    struct kr_writer writer;
    kr_writer_init(&writer, KR_FRAME_BYTES_MAX - 64);
    kr_message_write(message, &writer);
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        size_t len = 1 + KR_SESSION_ID_BYTES + writer.len + KR_SESSION_OVERHEAD_BYTES;
        uint8_t *bytes = malloc(len);
        err = KR_NOMEM;
        if (bytes != NULL) {
            bytes[0] = KR_FRAME_SEALED;
            memcpy(bytes + 1, session->id, KR_SESSION_ID_BYTES);
            kr_session_seal(session, bytes + 1 + KR_SESSION_ID_BYTES, writer.bytes, writer.len);
            if (KR_FAULT(KR_FAULT_THROUGH_UNSEALED) && message->type == KR_MESSAGE_RECORDS &&
                link_through(step->core, number) != NULL) {
                memcpy(bytes + 1 + KR_SESSION_ID_BYTES, writer.bytes, writer.len);
            }
            err = kr_frame_send(step, number, bytes, len);
        }
    }
    kr_writer_deinit(&writer);
    return err;
}

enum kr_err kr_link_send(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    if (link->has_session && message->type == KR_MESSAGE_PING) {
        kr_spread_pinged(link, step->now_ms);
    }
    return link->has_session ? kr_session_send(step, link->number, &link->session, message) : KR_OK;
}

enum kr_err kr_send_plain(struct kr_step *step, uint32_t number, uint8_t class, const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len + 1);
    if (copy == NULL) {
        return KR_NOMEM;
    }
    copy[0] = class;
    memcpy(copy + 1, bytes, len);
    return kr_frame_send(step, number, copy, len + 1);
}

/* Our card's whole record: what a hello carries. */
static enum kr_err own_card(struct kr_step *step, uint8_t **ret_bytes, size_t *ret_len)
{
    const struct kr_council *self = kr_directory_council(&step->core->directory, step->core->self);
    if (self == NULL) {
        return KR_CORRUPT;
    }
    uint64_t arrival;
    enum kr_err err = kr_store_record_find(step->txn, self->record_id, &arrival);
    return err != KR_OK ? err : kr_store_record_get(step->txn, arrival, ret_bytes, ret_len);
}

static enum kr_err send_hello(struct kr_step *step, uint32_t number, struct kr_hello *hello, uint8_t ret_hash[static 32])
{
    struct kr_writer writer;
    uint8_t *card = NULL;
    size_t card_len = 0;
    kr_writer_init(&writer, KR_FRAME_BYTES_MAX - 64);
    enum kr_err err = own_card(step, &card, &card_len);
    if (err != KR_OK) {
        goto out;
    }
    hello->version = KR_WIRE_VERSION;
    hello->card = (struct kr_slice){card, card_len};
    memcpy(hello->council, step->core->self, 32);
    const struct kr_signing_key key = kr_keys_signing(step->core);
    memcpy(hello->node_key, key.public_key, 32);
    kr_hello_write(hello, key.secret, &writer);
    err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        kr_hello_hash(ret_hash, (struct kr_slice){writer.bytes, writer.len});
        err = kr_send_plain(step, number, KR_FRAME_HELLO, writer.bytes, writer.len);
    }
out:
    free(card);
    kr_writer_deinit(&writer);
    return err;
}

static enum kr_err say_hello(struct kr_step *step, struct kr_link *link)
{
    uint8_t seed[32];
    kr_rng_bytes(step->rng, seed, sizeof seed);
    kr_box_keypair(link->ephemeral_public, link->ephemeral_secret, seed);
    sodium_memzero(seed, sizeof seed);
    struct kr_hello hello = {.is_join = link->state == KR_LINK_JOINING};
    /* Where a third node loses what it is given, hellos must not come one behind the other. */
    bool is_near = link->through == NULL && (hello.is_join || (link->word_ms != 0 && step->now_ms < link->word_ms + KR_NEAR_MS));
    const uint64_t wait_max_ms = is_near ? KR_HELLO_NEAR_MS_MAX : KR_HELLO_MS_MAX;
    memcpy(hello.ephemeral, link->ephemeral_public, 32);
    memcpy(hello.meant, link->council, 32);
    enum kr_err err = send_hello(step, link->number, &hello, link->hello_hash);
    link->has_hello = err == KR_OK;
    /* Two who show the same ticket at the same time share one place at the inviter: in step, each would always undo the other's. */
    const uint64_t wait_ms = link->hello_wait_ms < wait_max_ms ? link->hello_wait_ms : wait_max_ms;
    link->hello_at_ms = step->now_ms + wait_ms + kr_rng_below(step->rng, wait_ms);
    link->hello_wait_ms = 2 * wait_ms < wait_max_ms ? 2 * wait_ms : wait_max_ms;
    return err != KR_OK ? err : kr_step_wake(step, link->hello_at_ms);
}

enum kr_err kr_hello_answer(struct kr_step *step, uint32_t number, const struct kr_hello *hello,
                            const uint8_t hello_hash[static 32], struct kr_session *ret_session)
{
    uint8_t seed[32], public_key[32], secret[32], own_hash[32], transcript[32];
    kr_rng_bytes(step->rng, seed, sizeof seed);
    kr_box_keypair(public_key, secret, seed);
    struct kr_hello answer = {.is_responder = true, .is_join = hello->is_join, .is_node = hello->is_node, .has_reply_to = true};
    memcpy(answer.ephemeral, public_key, 32);
    memcpy(answer.meant, hello->council, 32);
    memcpy(answer.reply_to, hello_hash, 32);
    enum kr_err err = send_hello(step, number, &answer, own_hash);
    if (err == KR_OK) {
        kr_transcript(transcript, hello_hash, own_hash);
        err = kr_session_init(ret_session, false, public_key, secret, hello->ephemeral, transcript);
    }
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(secret, sizeof secret);
    return err;
}

enum kr_err kr_hello_card(struct kr_step *step, const struct kr_hello *hello, struct kr_job *ret_job, struct kr_card *ret_card)
{
    ret_job->kind = KR_JOB_CHECK;
    ret_job->bytes = malloc(hello->card.len > 0 ? hello->card.len : 1);
    if (ret_job->bytes == NULL) {
        return KR_NOMEM;
    }
    memcpy(ret_job->bytes, hello->card.bytes, hello->card.len);
    ret_job->len = hello->card.len;
    kr_job_run(ret_job, step->core->keyring);
    if (ret_job->err != KR_OK) {
        return ret_job->err;
    }
    struct kr_slice content = {ret_job->content, ret_job->content_len};
    bool is_card =
        ret_job->is_open && ret_job->header.kind == KR_KIND_COUNCIL_CARD && memcmp(ret_job->header.author, hello->council, 32) == 0;
    if (!is_card || kr_card_parse(content, ret_card) != KR_OK) {
        return KR_MALFORMED;
    }
    if (kr_directory_may_sign(&step->core->directory, &ret_job->header, &content) != KR_OK) {
        return KR_KEY;
    }
    /* An older card than the one we hold may list keys that were replaced since. */
    const struct kr_council *known = kr_directory_newer(&step->core->directory, ret_card, ret_job->header.version);
    struct kr_card newer;
    if (known != NULL) {
        kr_council_card(known, &newer);
        return kr_card_node_key(&newer, hello->node_key, step->now_ms);
    }
    return kr_card_node_key(ret_card, hello->node_key, step->now_ms);
}

/* ---- sessions ---- */

void kr_link_session_down(struct kr_core *core, struct kr_link *link)
{
    kr_session_wipe(&link->session);
    kr_session_wipe(&link->pending);
    link->has_session = link->has_pending = link->has_hello = false;
    kr_gossip_close(link);
    kr_spread_close(link);
    kr_catchup_close(link);
    kr_walk_close(link);
    kr_through_close(link);
    kr_through_carrier_down(core, link);
    kr_forward_link_down(core, link);
    link->progress_generation = UINT64_MAX;
}

enum kr_err kr_link_session_up(struct kr_step *step, struct kr_link *link)
{
    link->has_session = true;
    memcpy(link->session_key, link->node_key, 32);
    kr_rng_bytes(step->rng, &link->session_no, sizeof link->session_no);
    link->heard_ms = step->now_ms;
    link->ping_at_ms = step->now_ms;
    link->up_ms = step->now_ms;
    link->hello_wait_ms = link->through == NULL ? KR_HELLO_MS_MIN : link->hello_wait_ms;
    link->progress_generation = UINT64_MAX;
    kr_spread_open(step, link);
    enum kr_err err = kr_pairing_open(step, link); /* before anything that may pass only where it is in force */
    if (err == KR_OK) {
        err = kr_gossip_open(step, link);
    }
    if (err == KR_OK) {
        err = kr_claim_proved(step, link);
    }
    if (err == KR_OK) {
        err = kr_transport_session_up(step, link);
    }
    if (err == KR_OK) {
        err = kr_roots_ping(step, link, KR_MESSAGE_PING);
    }
    link->ping_at_ms = step->now_ms + KR_PING_MS + kr_rng_below(step->rng, KR_PING_MS / 4);
    if (err == KR_OK) {
        err = kr_step_wake(step, link->ping_at_ms);
    }
    char name[KR_NAME_BYTES_MAX + 1];
    if (err == KR_OK && kr_link_is_sister(step->core, link)) {
        err = kr_sister_up(step, link);
        return err == KR_OK ? kr_step_log(step, KR_LOG_INFO, "linked with another node of this council") : err;
    }
    if (err == KR_OK && link->state == KR_LINK_OPEN) {
        err = kr_join_step_say(step, link, KR_JOIN_LINKED);
    }
    if (err == KR_OK && link->client != 0 && link->pairing.code[0] != 0) {
        err = kr_join_step_say(step, link, KR_JOIN_PENDING);
    }
    if (err == KR_OK && link->state == KR_LINK_OPEN) {
        err = kr_community_offer_charters(step, link);
    }
    if (err == KR_OK && link->state == KR_LINK_OPEN) {
        err = kr_revoke_announce(step, link);
    }
    if (err == KR_OK && link->state == KR_LINK_OPEN) {
        err = kr_takebacks_out(step, link);
    }
    if (err == KR_OK) {
        err = kr_joins_settle(step); /* it may be a member since an earlier time */
    }
    if (err == KR_OK && link->state == KR_LINK_OPEN) {
        err = kr_invitations_fulfilled(step, link);
    }
    if (err == KR_OK && link->state == KR_LINK_OPEN) {
        err = kr_through_carrier_up(step, link);
    }
    return err != KR_OK ? err
                        : kr_step_log(step, KR_LOG_INFO, "linked with %s",
                                      kr_core_name(step->core, link->council, false, name, sizeof name));
}

/* ---- hello, coming in ---- */

/* Takes a newer card of the peer into the directory by the ordinary way of a record. */
static enum kr_err adopt_card(struct kr_step *step, struct kr_link *link, struct kr_job *job)
{
    enum kr_err verdict;
    uint64_t arrival;
    return kr_admit(step, job, link->council, link, &verdict, &arrival);
}

/* Where the card says that its node listens. */
static enum kr_err adopt_endpoint(struct kr_step *step, struct kr_link *link, const struct kr_card *card)
{
    const struct kr_card_key *transport = NULL;
    for (uint32_t i = 0; i < card->transport_count && transport == NULL; i++) {
        transport = memcmp(card->transport[i].public_key, link->transport_key, 32) == 0 ? &card->transport[i] : NULL;
    }
    if (transport == NULL || link->state != KR_LINK_OPEN || link->through != NULL) {
        return KR_OK;
    }
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1];
    if (transport->endpoint.len > 0 && kr_slice_text(transport->endpoint, endpoint, sizeof endpoint) &&
        strcmp(endpoint, link->endpoint) != 0) {
        memcpy(link->endpoint, endpoint, sizeof endpoint);
        return kr_link_put(step, link);
    }
    return KR_OK;
}

static enum kr_err responder_hello(struct kr_step *step, struct kr_link *link, const struct kr_hello *hello, struct kr_slice bytes)
{
    uint8_t hash[32], transcript[32];
    if (!link->has_hello) {
        return KR_OK; /* the card that came with it ended it */
    }
    kr_hello_hash(hash, bytes);
    kr_transcript(transcript, link->hello_hash, hash);
    link->has_hello = false;
    if (kr_session_init(&link->session, true, link->ephemeral_public, link->ephemeral_secret, hello->ephemeral, transcript) !=
        KR_OK) {
        return kr_step_log_peer(step, link, KR_LOG_WARNING, "a peer answered with an unusable key; trying again");
    }
    sodium_memzero(link->ephemeral_secret, 32);
    enum kr_err err = kr_link_session_up(step, link);
    if (err != KR_OK || link->state != KR_LINK_JOINING) {
        return err;
    }
    link->hello_at_ms = step->now_ms + KR_WELCOME_MS;
    err = kr_step_wake(step, link->hello_at_ms);
    return err == KR_OK ? kr_join_step_say(step, link, KR_JOIN_SESSION) : err;
}

/* Whether the hello bears the very card that we hold: it was checked when it came, which costs more than all else of a hello. */
static bool bears_known_card(const struct kr_step *step, const struct kr_link *link, const struct kr_hello *hello,
                             struct kr_card *ret_card)
{
    const struct kr_council *known = kr_directory_council(&step->core->directory, hello->council);
    struct kr_record record;
    bool is_known = known != NULL && kr_record_split(hello->card.bytes, hello->card.len, &record) == KR_OK &&
                    memcmp(record.id, known->record_id, 32) == 0;
    /* A new node of ours that the card lists, and that has not heard so: it has none yet. */
    is_known = is_known || (known != NULL && hello->is_node && hello->card.len == 0 && kr_link_is_sister(step->core, link));
    if (is_known) {
        kr_council_card(known, ret_card);
    }
    return is_known;
}

/* What a council's root key says and what its node shows do not fit. A key that has ended is none: else a thief who has it could
 * stop the links of the council that revoked it. Over a link through a third node anybody on the way can show a hello. */
static bool is_contradiction(const struct kr_core *core, const struct kr_link *link, enum kr_err verdict)
{
    return (verdict == KR_DENIED || verdict == KR_KEY) && link->state == KR_LINK_OPEN && link->through == NULL &&
           !kr_link_is_sister(core, link);
}

static enum kr_err hello_frame(struct kr_step *step, struct kr_link *link, struct kr_slice bytes)
{
    struct kr_hello hello;
    struct kr_job job = {0};
    struct kr_card card;
    char name[KR_NAME_BYTES_MAX + 1];
    enum kr_err err = KR_OK;
    /* A hello costs three signatures: at most ten a second from one connection are looked at, good or bad, and where we dial only
     * while one of ours is out. */
    if (link->we_dial ? !link->has_hello : step->now_ms < link->hello_heard_ms + 100) {
        return KR_OK;
    }
    link->hello_heard_ms = step->now_ms;
    enum kr_err read = kr_hello_read(bytes, &hello);
    if (read == KR_VERSION) {
        return kr_step_log_peer(step, link, KR_LOG_WARNING,
                                "%s runs an older version of Kairan, with which this one cannot talk: ask its operator to update",
                                kr_core_name(step->core, link->council, false, name, sizeof name));
    }
    if (read == KR_OK && memcmp(hello.council, link->council, 32) != 0) {
        return kr_claim_hello(step, link, &hello);
    }
    if (read != KR_OK || memcmp(hello.meant, step->core->self, 32) != 0 || hello.is_responder != link->we_dial) {
        return kr_step_log_peer(step, link, KR_LOG_WARNING, "a hello that does not fit came over the link with %s; ignored",
                                kr_core_name(step->core, link->council, false, name, sizeof name));
    }
    if (memcmp(hello.node_key, kr_keys_signing(step->core).public_key, 32) == 0) {
        err = kr_step_log_peer(
            step, link, KR_LOG_ERROR,
            "ALARM: another machine shows this node's own key: a copy of its keyring runs elsewhere. End one of the "
            "two, and see `kairan node revoke`");
        goto out;
    }
    if (link->we_dial && (!hello.has_reply_to || memcmp(hello.reply_to, link->hello_hash, 32) != 0)) {
        goto out; /* an answer to an older hello of ours */
    }
    const bool is_known = bears_known_card(step, link, &hello, &card);
    enum kr_err verdict = KR_OK;
    if (!is_known) {
        verdict = kr_hello_card(step, &hello, &job, &card);
    } else {
        verdict = kr_card_node_key(&card, hello.node_key, step->now_ms);
    }
    if (verdict == KR_NOMEM) {
        err = verdict;
        goto out;
    }
    if (verdict == KR_BUSY) {
        err =
            kr_step_log_peer(step, link, KR_LOG_WARNING,
                             "the card of %s lists its node's key only from a later time on; not linked until then. Where that is "
                             "not meant, the clock of one of the two is wrong: set it right",
                             kr_core_name(step->core, link->council, false, name, sizeof name));
        goto out;
    }
    if (is_contradiction(step->core, link, verdict)) {
        err = kr_link_stop(step, link, verdict == KR_KEY ? KR_STOP_CARD : KR_STOP_NODE_KEY);
        goto out;
    }
    if (verdict != KR_OK) {
        err = kr_step_log_peer(step, link, KR_LOG_WARNING,
                               verdict == KR_EXPIRED
                                   ? "the node that answers for %s has a key that has ended on this council's card, replaced or "
                                     "revoked; not linked. Where that is its own node, an old keyring was put back"
                                   : "the node that answers for %s has a key that this council's card does not list; not linked",
                               kr_core_name(step->core, link->council, false, name, sizeof name));
        goto out;
    }
    memcpy(link->node_key, hello.node_key, 32);
    err = is_known ? KR_OK : adopt_card(step, link, &job);
    kr_transport_shown(step->core, link, &card, job.header.version, is_known ? NULL : job.record.id);
    if (err == KR_OK) {
        err = adopt_endpoint(step, link, &card);
    }
    if (err != KR_OK) {
        goto out;
    }
    if (link->we_dial) {
        err = responder_hello(step, link, &hello, bytes);
        goto out;
    }
    uint8_t hash[32];
    kr_hello_hash(hash, bytes);
    enum kr_err answered = kr_hello_answer(step, link->number, &hello, hash, &link->pending);
    link->has_pending = answered == KR_OK;
    err = answered == KR_KEY ? KR_OK : answered;
out:
    free(job.bytes);
    free(job.content);
    free(job.terms);
    return err;
}

/* ---- messages ---- */

/* One hop: what is said over a link through a third node is passed on to nobody. */
static enum kr_err forwarded(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    enum kr_err err = KR_OK;
    if (link->through != NULL || kr_through_message(step, link, message, &err)) {
        return err;
    }
    return kr_forward_message(step, link, message);
}

static enum kr_err pinged(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    if (message->type == KR_MESSAGE_PONG) {
        kr_spread_ponged(link, step->now_ms);
    }
    const bool had_wrong_clock = link->is_clock_wrong;
    enum kr_err err = kr_roots_pinged(step, link, message);
    return err == KR_OK ? kr_transport_heard(step, link, had_wrong_clock) : err;
}

static enum kr_err message(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    switch (message->type) {
    case KR_MESSAGE_PONG:
    case KR_MESSAGE_PING:
        return pinged(step, link, message);
    case KR_MESSAGE_ROOTS:
        return kr_roots_told(step, link, message);
    case KR_MESSAGE_RECORDS:
        return kr_gossip_records(step, link, message);
    case KR_MESSAGE_CREDIT:
        kr_gossip_credited(link, message->count);
        return KR_OK;
    case KR_MESSAGE_NEED:
        kr_gossip_needed(link, message->count);
        return KR_OK;
    case KR_MESSAGE_IHAVE:
        return kr_spread_ihave(step, link, message);
    case KR_MESSAGE_GRAFT:
        return kr_spread_graft(step, link, message);
    case KR_MESSAGE_PRUNE:
        return kr_spread_prune(step, link, message);
    case KR_MESSAGE_CURSOR:
        return kr_catchup_cursor(step, link, message);
    case KR_MESSAGE_HAVE:
        return kr_catchup_have(step, link, message);
    case KR_MESSAGE_WANT:
        return kr_catchup_want(step, link, message);
    case KR_MESSAGE_GONE:
        return kr_catchup_gone(step, link, message);
    case KR_MESSAGE_REFUSE:
        return kr_transport_refused(step, link, message);
    case KR_MESSAGE_SYNC:
        return kr_walk_message(step, link, message);
    case KR_MESSAGE_COMMIT:
    case KR_MESSAGE_REVEAL:
    case KR_MESSAGE_PAIRED:
        return kr_pairing_message(step, link, message);
    case KR_MESSAGE_NODE_KEYS:
        return kr_sister_keys(step, link, message);
    case KR_MESSAGE_WELCOME:
        return kr_join_welcomed(step, link, message);
    case KR_MESSAGE_FORWARD:
    case KR_MESSAGE_FORWARD_ASK:
    case KR_MESSAGE_FORWARD_STATE:
    case KR_MESSAGE_FORWARD_CREDIT:
        return forwarded(step, link, message);
    case KR_MESSAGE_PROBE:
        return kr_trial_message(step, link, message);
    case KR_MESSAGE_BYE:
        kr_link_session_down(step->core, link);
        link->hello_at_ms = step->now_ms + link->hello_wait_ms;
        return link->we_dial ? kr_step_wake(step, link->hello_at_ms) : KR_OK;
    default:
        return KR_OK; /* newer nodes may say more */
    }
}

/* Opens a sealed frame with the link's session, or with the answered one that the peer now uses for the first time. */
static enum kr_err open_frame(struct kr_step *step, struct kr_link *link, struct kr_slice sealed, uint8_t *plain)
{
    const uint8_t *id = sealed.bytes;
    const uint8_t *bytes = sealed.bytes + KR_SESSION_ID_BYTES;
    size_t len = sealed.len - KR_SESSION_ID_BYTES;
    if (link->has_session && memcmp(id, link->session.id, KR_SESSION_ID_BYTES) == 0) {
        return kr_session_open(&link->session, plain, bytes, len);
    }
    if (!link->has_pending || memcmp(id, link->pending.id, KR_SESSION_ID_BYTES) != 0) {
        return KR_NOT_FOUND;
    }
    if (kr_directory_node_has_ended(&step->core->directory, link->council, link->node_key, step->now_ms)) { /* since that hello */
        kr_session_wipe(&link->pending);
        link->has_pending = false;
        return KR_NOT_FOUND;
    }
    enum kr_err err = kr_session_open(&link->pending, plain, bytes, len);
    if (err != KR_OK) {
        return err;
    }
    struct kr_session confirmed = link->pending;
    kr_link_session_down(step->core, link);
    link->session = confirmed;
    sodium_memzero(&confirmed, sizeof confirmed);
    return kr_link_session_up(step, link);
}

static enum kr_err sealed_frame(struct kr_step *step, struct kr_link *link, struct kr_slice sealed)
{
    if (sealed.len < KR_SESSION_ID_BYTES + KR_SESSION_OVERHEAD_BYTES) {
        return KR_OK;
    }
    size_t len = sealed.len - KR_SESSION_ID_BYTES - KR_SESSION_OVERHEAD_BYTES;
    uint8_t *plain = malloc(len + 1);
    struct kr_message decoded;
    enum kr_err err = KR_NOMEM;
    if (plain == NULL) {
        goto out;
    }
    err = open_frame(step, link, sealed, plain);
    if (err == KR_NOT_FOUND) {
        err = link->we_dial ? KR_OK : kr_send_plain(step, link->number, KR_FRAME_LOST, sealed.bytes, KR_SESSION_ID_BYTES);
        goto out;
    }
    if (err == KR_SESSION) {
        /* A frame is missing or was altered on the way: this session is over. */
        kr_link_session_down(step->core, link);
        link->hello_at_ms = step->now_ms + link->hello_wait_ms;
        err = link->we_dial ? kr_step_wake(step, link->hello_at_ms)
                            : kr_send_plain(step, link->number, KR_FRAME_LOST, sealed.bytes, KR_SESSION_ID_BYTES);
        goto out;
    }
    if (err != KR_OK) {
        goto out;
    }
    link->heard_ms = step->now_ms;
    if (kr_message_read((struct kr_slice){plain, len}, &decoded) != KR_OK) {
        err = kr_step_log_peer(step, link, KR_LOG_WARNING, "a linked node sent a message that cannot be read; ignored");
        goto out;
    }
    err = message(step, link, &decoded);
out:
    free(plain);
    return err;
}

enum kr_err kr_link_frame(struct kr_step *step, uint32_t number, struct kr_slice frame)
{
    struct kr_link *link = kr_link_by_number(step->core, number);
    if (link == NULL || kr_link_is_shut(link) || frame.len < 1) { /* one that was under way when the link was paused */
        return KR_OK;
    }
    struct kr_slice rest = {frame.bytes + 1, frame.len - 1};
    link->word_ms = step->now_ms;
    switch (frame.bytes[0]) {
    case KR_FRAME_HELLO:
        return hello_frame(step, link, rest);
    case KR_FRAME_SEALED:
        return sealed_frame(step, link, rest);
    case KR_FRAME_LOST:
        if (link->we_dial && link->has_session && rest.len == KR_SESSION_ID_BYTES &&
            memcmp(rest.bytes, link->session.id, KR_SESSION_ID_BYTES) == 0) {
            kr_link_session_down(step->core, link);
            link->hello_at_ms = step->now_ms + link->hello_wait_ms;
            return kr_step_wake(step, link->hello_at_ms);
        }
        return KR_OK;
    default:
        return KR_OK;
    }
}

/* ---- the outside changes ---- */

enum kr_err kr_link_lost(struct kr_step *step, uint32_t number)
{
    struct kr_link *link = kr_link_by_number(step->core, number);
    if (link == NULL) {
        return KR_OK;
    }
    kr_link_session_down(step->core, link);
    if (!link->is_turned_away) {
        link->hello_at_ms = step->now_ms + link->hello_wait_ms;
    }
    return link->we_dial && !kr_link_is_shut(link) ? kr_step_wake(step, link->hello_at_ms) : KR_OK;
}

enum kr_err kr_link_turned_away(struct kr_step *step, uint32_t number)
{
    struct kr_link *link = kr_link_by_number(step->core, number);
    if (link == NULL || !link->we_dial || kr_link_is_shut(link)) {
        return KR_OK;
    }
    if (link->state == KR_LINK_JOINING) {
        return kr_join_turned_away(step, link);
    }
    char name[KR_NAME_BYTES_MAX + 1];
    kr_link_session_down(step->core, link);
    link->is_turned_away = true;
    if (link->is_second && step->now_ms < link->linked_ms + NEW_NODE_MS) { /* it has the card that we know of it a moment later */
        link->hello_at_ms = step->now_ms + NEW_NODE_AGAIN_MS;
        return kr_step_wake(step, link->hello_at_ms);
    }
    link->hello_at_ms = step->now_ms + KR_TURNED_AWAY_MS;
    enum kr_err err = kr_step_log_peer(step, link, KR_LOG_WARNING,
                                       "%s does not admit this node: it may have lost the link; tried again in half a minute",
                                       kr_core_name(step->core, link->council, false, name, sizeof name));
    return err != KR_OK ? err : kr_step_wake(step, link->hello_at_ms);
}

enum kr_err kr_links_net_up(struct kr_step *step)
{
    struct kr_core *core = step->core;
    core->net_is_up = true;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < core->link_count && err == KR_OK; i++) {
        kr_link_session_down(core, core->links[i]);
        kr_link_settle_dialler(core, core->links[i]); /* the transport key may be another one */
        err = kr_link_dial(step, core->links[i]);
    }
    return err != KR_OK ? err : kr_links_tick(step);
}

void kr_links_net_down(struct kr_core *core)
{
    core->net_is_up = false;
    for (uint32_t i = 0; i < core->link_count; i++) {
        kr_link_session_down(core, core->links[i]);
    }
    for (uint32_t i = 0; i < core->invitation_count; i++) {
        core->invitations[i]->has_pending = false;
    }
}

static enum kr_err tick_up(struct kr_step *step, struct kr_link *link)
{
    enum kr_err err = KR_OK;
    bool owes = kr_gossip_owes(step, link);
    if (link->through != NULL && step->now_ms >= link->up_ms + KR_PING_MS) {
        link->hello_wait_ms = KR_HELLO_MS_MIN; /* it holds */
    }
    if (owes) {
        char name[KR_NAME_BYTES_MAX + 1];
        err = kr_step_log_peer(step, link, KR_LOG_NOTICE, "%s asked for room and did not use it; the session begins anew",
                               kr_core_name(step->core, link->council, false, name, sizeof name));
    }
    if (owes || step->now_ms >= link->heard_ms + KR_SILENCE_MS) {
        kr_link_session_down(step->core, link);
        link->hello_at_ms = step->now_ms;
        return err != KR_OK ? err : kr_step_wake(step, step->now_ms + KR_HELLO_MS_MIN);
    }
    if (step->now_ms >= link->ping_at_ms) {
        err = kr_roots_ping(step, link, KR_MESSAGE_PING);
        link->ping_at_ms = step->now_ms + KR_PING_MS + kr_rng_below(step->rng, KR_PING_MS / 4);
    }
    if (err == KR_OK) {
        err = kr_catchup_tick(step, link);
    }
    return err != KR_OK ? err : kr_step_wake(step, link->ping_at_ms);
}

/* Whether there is a way to the peer. */
static enum kr_err may_speak(struct kr_step *step, struct kr_link *link, bool *ret_may)
{
    *ret_may = step->core->net_is_up && !kr_link_is_shut(link);
    if (!*ret_may) {
        return KR_OK;
    }
    return link->through != NULL ? kr_through_tick(step, link, ret_may) : kr_link_may_dial(step, link, ret_may);
}

/* What may have to be written. A core that is made anew after a failed commit greets its links while it can only read (loop.c):
 * then it comes with the first tick, and not at once: the disk may still be full. */
static enum kr_err tick_all(struct kr_step *step)
{
    struct kr_core *core = step->core;
    if (!kr_txn_may_write(step->txn)) {
        return KR_OK;
    }
    enum kr_err err = kr_links_follow_cards(step);
    if (err == KR_OK && core->links_are_due_anew) {
        err = kr_links_renew_now(step);
    }
    if (err == KR_OK) {
        err = kr_links_shared_tick(step);
    }
    if (err == KR_OK) {
        err = kr_machines_tick(step);
    }
    return err == KR_OK ? kr_sisters_tell(step) : err;
}

enum kr_err kr_links_tick(struct kr_step *step)
{
    struct kr_core *core = step->core;
    enum kr_err err = tick_all(step);
    for (uint32_t i = 0; i < core->link_count && err == KR_OK; i++) {
        struct kr_link *link = core->links[i];
        bool may = false;
        err = may_speak(step, link, &may);
        if (err != KR_OK) {
            break;
        }
        if (link->has_session && link->state == KR_LINK_JOINING && step->now_ms >= link->hello_at_ms) {
            kr_link_session_down(core, link); /* the welcome was lost, or went to another who shows the same ticket: ask again */
        }
        if (link->has_session) {
            err = tick_up(step, link);
            if (err == KR_OK && link->state == KR_LINK_JOINING) {
                err = kr_step_wake(step, link->hello_at_ms);
            }
        } else if (link->we_dial && may) {
            bool is_due = step->now_ms >= link->hello_at_ms;
            if (is_due && link->is_turned_away) {
                err = kr_link_dial(step, link);
            }
            if (err == KR_OK) {
                err = is_due ? say_hello(step, link) : kr_step_wake(step, link->hello_at_ms);
            }
        }
    }
    return err;
}
