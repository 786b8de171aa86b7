#include "proto/wire/remote.h"

#include <string.h>

#include "crypto/seal.h"
#include "crypto/sign.h"
#include "proto/record/record.h"

#define HELLO_FIELDS    4u
#define ANSWER_FIELDS   5u
#define SIGNED_FIELDS   4u
#define FIELDS_MAX      32u /* room for what newer versions append */
#define ARRAY_OF_SIGNED (0x90u | SIGNED_FIELDS)

/* ---- hello ---- */

static void hash_of(uint8_t ret_hash[static KR_HASH_BYTES], struct kr_slice bytes)
{
    kr_hash(ret_hash, "kairan remote hash", bytes.bytes, bytes.len);
}

void kr_remote_hello_write(const struct kr_remote_hello *hello, struct kr_writer *writer)
{
    kr_writer_array(writer, HELLO_FIELDS);
    kr_writer_uint(writer, hello->version);
    kr_writer_bin(writer, hello->council, 32);
    kr_writer_bin(writer, hello->key, 32);
    kr_writer_bin(writer, hello->ephemeral, 32);
}

static void skip_newer(struct kr_reader *reader, uint32_t version, uint32_t fields, uint32_t known)
{
    if (version == 0 || (version == KR_REMOTE_VERSION && fields != known)) {
        kr_reader_fail(reader, KR_MALFORMED);
    }
    for (uint32_t i = known; i < fields; i++) {
        kr_reader_skip(reader);
    }
}

enum kr_err kr_remote_hello_read(struct kr_slice bytes, struct kr_remote_hello *ret_hello)
{
    struct kr_remote_hello hello;
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    const uint32_t fields = kr_reader_array_between(&reader, HELLO_FIELDS, FIELDS_MAX);
    hello.version = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    kr_reader_fixed(&reader, hello.council, 32);
    kr_reader_fixed(&reader, hello.key, 32);
    kr_reader_fixed(&reader, hello.ephemeral, 32);
    skip_newer(&reader, hello.version, fields, HELLO_FIELDS);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_hello = hello;
    }
    return err;
}

/* ---- answer ---- */

/* What is signed: the first four fields as an array of their own, behind the hello that is answered. */
static void body_hash(uint8_t ret_hash[static KR_HASH_BYTES], struct kr_slice hello, const uint8_t *fields, size_t len)
{
    struct kr_hash_state state;
    uint8_t hello_hash[KR_HASH_BYTES];
    hash_of(hello_hash, hello);
    kr_hash_init(&state, "kairan remote answer body");
    kr_hash_update(&state, hello_hash, sizeof hello_hash);
    kr_hash_update(&state, (const uint8_t[]){ARRAY_OF_SIGNED}, 1);
    kr_hash_update(&state, fields, len);
    kr_hash_final(&state, ret_hash);
}

static void write_answer(struct kr_remote_answer *answer, struct kr_slice hello, const uint8_t node_secret[static 64],
                         struct kr_writer *writer)
{
    uint8_t hash[KR_HASH_BYTES];
    kr_writer_array(writer, ANSWER_FIELDS);
    const size_t start = writer->len;
    kr_writer_uint(writer, answer->version);
    kr_writer_bin(writer, answer->node_key, 32);
    kr_writer_bin(writer, answer->ephemeral, 32);
    kr_writer_slice(writer, answer->card);
    if (kr_writer_finish(writer) != KR_OK) {
        return; /* sticky in the writer */
    }
    body_hash(hash, hello, writer->bytes + start, writer->len - start);
    kr_sign(answer->signature, node_secret, "kairan remote answer sig", hash, sizeof hash);
    kr_writer_bin(writer, answer->signature, sizeof answer->signature);
}

enum kr_err kr_remote_answer_read(struct kr_slice bytes, struct kr_slice hello, struct kr_remote_answer *ret_answer)
{
    struct kr_remote_answer answer;
    struct kr_reader reader;
    uint8_t hash[KR_HASH_BYTES];
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    const uint32_t fields = kr_reader_array_between(&reader, ANSWER_FIELDS, FIELDS_MAX);
    const uint8_t *start = reader.at;
    answer.version = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    kr_reader_fixed(&reader, answer.node_key, 32);
    kr_reader_fixed(&reader, answer.ephemeral, 32);
    answer.card = kr_reader_bin(&reader, 0, KR_RECORD_BYTES_MAX);
    const uint8_t *end = reader.at;
    kr_reader_fixed(&reader, answer.signature, sizeof answer.signature);
    skip_newer(&reader, answer.version, fields, ANSWER_FIELDS);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        body_hash(hash, hello, start, (size_t)(end - start));
        err = kr_verify(answer.signature, answer.node_key, "kairan remote answer sig", hash, sizeof hash);
    }
    if (err == KR_OK) {
        *ret_answer = answer;
    }
    return err;
}

/* ---- the council's card ---- */

enum kr_err kr_remote_card_read(struct kr_slice bytes, const uint8_t council[static 32], struct kr_card *ret_card,
                                uint64_t *ret_version)
{
    struct kr_record record;
    struct kr_header header;
    struct kr_card card;
    enum kr_err err = kr_record_split(bytes.bytes, bytes.len, &record);
    if (err == KR_OK) {
        err = kr_record_verify(&record);
    }
    if (err == KR_OK) {
        err = kr_header_parse(record.header, &header);
    }
    if (err == KR_OK && (header.kind != KR_KIND_COUNCIL_CARD || memcmp(header.author, council, 32) != 0 || record.is_header_only)) {
        err = KR_DENIED;
    }
    if (err == KR_OK) {
        err = kr_card_parse(record.body, &card);
    }
    if (err == KR_OK && (memcmp(card.council, council, 32) != 0 || memcmp(card.root_public, header.signing_key, 32) != 0)) {
        err = KR_DENIED;
    }
    if (err == KR_OK) {
        *ret_card = card;
        *ret_version = header.version;
    }
    return err;
}

bool kr_remote_card_outranks(const struct kr_card *a, uint64_t a_version, const struct kr_card *b, uint64_t b_version)
{
    const int by_root = kr_rekeyings_compare(&a->rekeyings, &b->rekeyings);
    return by_root > 0 || (by_root == 0 && a_version > b_version);
}

/* Of the card in an answer and the one that is kept: the one that counts more; NULL where neither is one. */
struct cards {
    struct kr_card given, kept;
    bool is_given, is_kept;
};

static const struct kr_card *read_cards(struct cards *cards, struct kr_slice given, struct kr_slice kept,
                                        const uint8_t council[static 32])
{
    uint64_t given_version = 0, kept_version = 0;
    cards->is_given = kr_remote_card_read(given, council, &cards->given, &given_version) == KR_OK;
    cards->is_kept = kept.len > 0 && kr_remote_card_read(kept, council, &cards->kept, &kept_version) == KR_OK;
    if (!cards->is_given || !cards->is_kept) {
        return cards->is_given ? &cards->given : cards->is_kept ? &cards->kept : NULL;
    }
    return kr_remote_card_outranks(&cards->kept, kept_version, &cards->given, given_version) ? &cards->kept : &cards->given;
}

static bool is_listed(const struct kr_card *card, const uint8_t node_key[static 32], uint64_t latest_s, uint64_t now_s)
{
    bool is_there = false;
    for (uint32_t i = 0; i < card->node_count && !is_there; i++) {
        const struct kr_card_key *key = &card->node[i];
        is_there =
            memcmp(key->public_key, node_key, 32) == 0 && key->from_s <= latest_s && (key->until_s == 0 || now_s < key->until_s);
    }
    return is_there;
}

/* A key that is known has begun, whatever this machine's clock says. */
static bool is_trusted(const struct cards *cards, const struct kr_card *newest, const struct kr_remote_answer *answer,
                       const uint8_t known[static 32], uint64_t now_s)
{
    const bool is_known = memcmp(answer->node_key, known, 32) == 0;
    const uint64_t latest_s = is_known ? UINT64_MAX : now_s + KR_FUTURE_MS_MAX / 1000;
    return (is_known && !cards->is_kept) || (newest != NULL && is_listed(newest, answer->node_key, latest_s, now_s));
}

/* ---- the session ---- */

static enum kr_err make_session(struct kr_session *session, bool is_machine, const uint8_t ephemeral_public[static 32],
                                const uint8_t ephemeral_secret[static 32], const uint8_t peer_ephemeral[static 32],
                                const uint8_t product[static 32], struct kr_slice hello, struct kr_slice answer)
{
    uint8_t hello_hash[KR_HASH_BYTES], answer_hash[KR_HASH_BYTES], transcript[KR_HASH_BYTES];
    struct kr_hash_state state;
    hash_of(hello_hash, hello);
    hash_of(answer_hash, answer);
    kr_hash_init(&state, "kairan remote transcript");
    kr_hash_update(&state, hello_hash, sizeof hello_hash);
    kr_hash_update(&state, answer_hash, sizeof answer_hash);
    kr_hash_update(&state, product, 32);
    kr_hash_final(&state, transcript);
    enum kr_err err = kr_session_init(session, is_machine, ephemeral_public, ephemeral_secret, peer_ephemeral, transcript);
    sodium_memzero(transcript, sizeof transcript);
    sodium_memzero(&state, sizeof state);
    return err;
}

static void write_head(struct kr_writer *frame, enum kr_remote_class class)
{
    const uint8_t head[KR_REMOTE_HEAD_BYTES] = {KR_FRAME_REMOTE, (uint8_t) class};
    kr_writer_raw(frame, head, sizeof head);
}

static bool has_class(struct kr_slice frame, enum kr_remote_class class)
{
    return frame.len > KR_REMOTE_HEAD_BYTES && frame.bytes[0] == KR_FRAME_REMOTE && frame.bytes[1] == (uint8_t) class;
}

static struct kr_slice behind_head(struct kr_slice frame)
{
    return (struct kr_slice){frame.bytes + KR_REMOTE_HEAD_BYTES, frame.len - KR_REMOTE_HEAD_BYTES};
}

/* ---- the machine ---- */

void kr_remote_begin(struct kr_remote_machine *machine, const uint8_t seed[static 32], struct kr_writer *frame)
{
    struct kr_remote_hello hello = {.version = KR_REMOTE_VERSION};
    kr_box_keypair(machine->ephemeral_public, machine->ephemeral_secret, seed);
    memcpy(hello.council, machine->council, 32);
    memcpy(hello.key, machine->public_key, 32);
    memcpy(hello.ephemeral, machine->ephemeral_public, 32);
    write_head(frame, KR_REMOTE_HELLO);
    kr_remote_hello_write(&hello, frame);
}

static enum kr_err explain_refusal(struct kr_slice bytes, struct kr_error *error)
{
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 1);
    const uint64_t reason = kr_reader_uint(&reader, UINT32_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return kr_fail(error, KR_MALFORMED, "what answers is no Kairan node, or a damaged one: its answer cannot be read");
    }
    switch (reason) {
    case KR_VERSION:
        return kr_fail(error, KR_VERSION, "the node does not know this version of the way to it: update the older of the two");
    case KR_NOT_FOUND:
        return kr_fail(error, KR_NOT_FOUND, "the node that answers is another council's than the one at which you were enrolled");
    case KR_BUSY:
        return kr_fail(error, KR_BUSY, "the node has as many clients from afar as it takes: try again later");
    default:
        return kr_fail(error, KR_DENIED, "the node does not know this machine's key (any more): ask an admin of the council");
    }
}

enum kr_err kr_remote_finish(const struct kr_remote_machine *machine, struct kr_slice hello_frame, struct kr_slice answer_frame,
                             uint64_t now_s, struct kr_session *ret_session, struct kr_remote_found *ret_found,
                             struct kr_error *error)
{
    struct kr_remote_answer answer;
    struct cards cards;
    uint8_t product[32];
    if (has_class(answer_frame, KR_REMOTE_REFUSED)) {
        return explain_refusal(behind_head(answer_frame), error);
    }
    const struct kr_slice hello = behind_head(hello_frame);
    enum kr_err err =
        has_class(answer_frame, KR_REMOTE_ANSWER) ? kr_remote_answer_read(behind_head(answer_frame), hello, &answer) : KR_MALFORMED;
    if (err != KR_OK) {
        return kr_fail(error, err, "what answers is no Kairan node, or a damaged one: its answer cannot be read");
    }
    const struct kr_card *newest = read_cards(&cards, answer.card, machine->card, machine->council);
    if (!is_trusted(&cards, newest, &answer, machine->node_key, now_s)) {
        return kr_fail(
            error, KR_DENIED,
            "what answers does not prove to be your council's node: your council's card, as this machine knows it, does "
            "not list its key. Do not go on: ask an admin of the council by telephone, and look at this machine's clock");
    }
    if (crypto_scalarmult(product, machine->secret, answer.ephemeral) != 0) {
        return kr_fail(error, KR_KEY, "the node's answer has a key that is none");
    }
    err = make_session(ret_session, true, machine->ephemeral_public, machine->ephemeral_secret, answer.ephemeral, product, hello,
                       behind_head(answer_frame));
    if (err == KR_OK) {
        const bool is_given = newest == &cards.given && answer.card.len <= KR_CARD_BYTES_MAX;
        const bool is_news = is_given && (answer.card.len != machine->card.len ||
                                          memcmp(answer.card.bytes, machine->card.bytes, answer.card.len) != 0);
        memcpy(ret_found->node_key, answer.node_key, 32);
        ret_found->card = is_news ? answer.card : (struct kr_slice){0};
    }
    sodium_memzero(product, sizeof product);
    return err == KR_OK ? KR_OK : kr_fail(error, err, "the node's answer has a key that is none");
}

/* ---- keeper ---- */

enum kr_err kr_remote_answer(struct kr_slice hello_bytes, const struct kr_remote_hello *hello, const uint8_t node_public[static 32],
                             const uint8_t node_secret[static 64], struct kr_slice card, const uint8_t seed[static 32],
                             struct kr_writer *frame, struct kr_session *ret_session)
{
    struct kr_remote_answer answer = {.version = KR_REMOTE_VERSION, .card = card};
    uint8_t secret[32], product[32];
    kr_box_keypair(answer.ephemeral, secret, seed);
    memcpy(answer.node_key, node_public, 32);
    enum kr_err err = crypto_scalarmult(product, secret, hello->key) == 0 ? KR_OK : KR_KEY;
    if (err == KR_OK) {
        write_head(frame, KR_REMOTE_ANSWER);
        write_answer(&answer, hello_bytes, node_secret, frame);
        err = kr_writer_finish(frame);
    }
    if (err == KR_OK) {
        err = make_session(ret_session, false, answer.ephemeral, secret, hello->ephemeral, product, hello_bytes,
                           behind_head((struct kr_slice){frame->bytes, frame->len}));
    }
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(product, sizeof product);
    return err;
}

void kr_remote_refuse(enum kr_err reason, struct kr_writer *frame)
{
    write_head(frame, KR_REMOTE_REFUSED);
    kr_writer_array(frame, 1);
    kr_writer_uint(frame, reason);
}

/* ---- both ---- */

size_t kr_remote_seal(struct kr_session *session, enum kr_remote_part part, const uint8_t *bytes, size_t len, uint8_t *ret)
{
    uint8_t plain[KR_REMOTE_DOWN_BYTES + 1];
    KR_ASSERT(len < sizeof plain);
    plain[0] = (uint8_t)part;
    if (len > 0) {
        memcpy(plain + 1, bytes, len);
    }
    ret[0] = KR_FRAME_REMOTE;
    ret[1] = KR_REMOTE_SEALED;
    kr_session_seal(session, ret + KR_REMOTE_HEAD_BYTES, plain, len + 1);
    sodium_memzero(plain, len + 1);
    return len + KR_REMOTE_MORE_BYTES;
}

enum kr_err kr_remote_open(struct kr_session *session, struct kr_slice frame, uint8_t *ret, size_t room,
                           enum kr_remote_part *ret_part, struct kr_slice *ret_bytes)
{
    if (!has_class(frame, KR_REMOTE_SEALED) || frame.len < KR_REMOTE_MORE_BYTES ||
        frame.len - KR_REMOTE_HEAD_BYTES - KR_SESSION_OVERHEAD_BYTES > room) {
        return KR_MALFORMED;
    }
    enum kr_err err = kr_session_open(session, ret, frame.bytes + KR_REMOTE_HEAD_BYTES, frame.len - KR_REMOTE_HEAD_BYTES);
    const size_t len = frame.len - KR_REMOTE_MORE_BYTES;
    if (err != KR_OK) {
        return err;
    }
    const bool is_known =
        (ret[0] == KR_REMOTE_BYTES && len > 0) || (ret[0] == KR_REMOTE_TAKEN && len == 1) || (ret[0] == KR_REMOTE_END && len == 0);
    if (!is_known) {
        return KR_MALFORMED;
    }
    *ret_part = (enum kr_remote_part)ret[0];
    *ret_bytes = (struct kr_slice){ret + 1, len};
    return KR_OK;
}
