#include <string.h>

#include "crypto/sign.h"
#include "proto/wire/wire.h"

#define FIELDS          10u
#define FIELDS_MAX      32u /* room for what newer wire versions append */
#define SIGNED_FIELDS   9u
#define PURPOSE_JOIN    1u
#define PURPOSE_NODE    2u
#define ARRAY_OF_SIGNED (0x90u | SIGNED_FIELDS) /* head of the array that the signature is over */

/* The hash that is signed: over the first nine fields as an array of their own. */
static void body_hash(uint8_t ret_hash[static KR_HASH_BYTES], const uint8_t *fields, size_t len)
{
    struct kr_hash_state state;

    kr_hash_init(&state, "kairan hello body");
    kr_hash_update(&state, (const uint8_t[]){ARRAY_OF_SIGNED}, 1);
    kr_hash_update(&state, fields, len);
    kr_hash_final(&state, ret_hash);
}

void kr_hello_write(struct kr_hello *hello, const uint8_t node_secret[static 64], struct kr_writer *writer)
{
    size_t start;
    uint8_t hash[KR_HASH_BYTES];

    kr_writer_array(writer, FIELDS);
    start = writer->len;
    kr_writer_uint(writer, hello->version);
    kr_writer_flag(writer, hello->is_responder);
    kr_writer_uint(writer, hello->is_node ? PURPOSE_NODE : hello->is_join);
    kr_writer_bin(writer, hello->council, 32);
    kr_writer_bin(writer, hello->node_key, 32);
    kr_writer_bin(writer, hello->ephemeral, 32);
    kr_writer_bin(writer, hello->meant, 32);
    kr_writer_bin(writer, hello->reply_to, hello->has_reply_to ? 32 : 0);
    kr_writer_slice(writer, hello->card);
    if (kr_writer_finish(writer) != KR_OK) {
        return; /* sticky in the writer */
    }
    body_hash(hash, writer->bytes + start, writer->len - start);
    kr_sign(hello->signature, node_secret, "kairan hello sig", hash, sizeof hash);
    kr_writer_bin(writer, hello->signature, sizeof hello->signature);
}

enum kr_err kr_hello_read(struct kr_slice bytes, struct kr_hello *ret_hello)
{
    struct kr_hello hello = {0};
    struct kr_reader reader;
    const uint8_t *start;
    const uint8_t *end;
    uint8_t hash[KR_HASH_BYTES];
    uint32_t fields;
    uint64_t purpose;
    enum kr_err err;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    fields = kr_reader_array_between(&reader, FIELDS, FIELDS_MAX);
    start = reader.at;
    hello.version = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    hello.is_responder = kr_reader_flag(&reader);
    purpose = kr_reader_uint(&reader, PURPOSE_NODE);
    hello.is_join = purpose == PURPOSE_JOIN;
    hello.is_node = purpose == PURPOSE_NODE;
    kr_reader_fixed(&reader, hello.council, 32);
    kr_reader_fixed(&reader, hello.node_key, 32);
    kr_reader_fixed(&reader, hello.ephemeral, 32);
    kr_reader_fixed(&reader, hello.meant, 32);
    hello.has_reply_to = kr_reader_fixed_or_empty(&reader, hello.reply_to, 32);
    hello.card = kr_reader_bin(&reader, 0, KR_RECORD_BYTES_MAX);
    end = reader.at;
    kr_reader_fixed(&reader, hello.signature, sizeof hello.signature);
    for (uint32_t i = FIELDS; i < fields; i++) {
        kr_reader_skip(&reader);
    }
    kr_reader_close(&reader);
    err = kr_reader_end(&reader);
    if (err != KR_OK) {
        return err;
    }
    if (hello.version < KR_WIRE_VERSION) {
        return KR_VERSION;
    }
    /* Exactly the responder names the hello that it answers; and only newer versions have more fields. */
    if (hello.is_responder != hello.has_reply_to || (hello.version == KR_WIRE_VERSION && fields != FIELDS)) {
        return KR_MALFORMED;
    }
    body_hash(hash, start, (size_t)(end - start));
    err = kr_verify(hello.signature, hello.node_key, "kairan hello sig", hash, sizeof hash);
    if (err == KR_OK) {
        *ret_hello = hello;
    }
    return err;
}

void kr_hello_hash(uint8_t ret_hash[static 32], struct kr_slice hello_bytes)
{
    kr_hash(ret_hash, "kairan hello hash", hello_bytes.bytes, hello_bytes.len);
}

void kr_transcript(uint8_t ret_transcript[static 32], const uint8_t initiator_hash[static 32],
                   const uint8_t responder_hash[static 32])
{
    struct kr_hash_state state;

    kr_hash_init(&state, "kairan transcript");
    kr_hash_update(&state, initiator_hash, 32);
    kr_hash_update(&state, responder_hash, 32);
    kr_hash_final(&state, ret_transcript);
}
