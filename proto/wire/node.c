#include "proto/wire/node.h"

#include <sodium.h>

#include "crypto/limits.h"
#include "proto/wire/ticket.h"

#define VERSION 1u

void kr_node_ask_write(const struct kr_node_ask *ask, struct kr_writer *writer)
{
    kr_writer_array(writer, 4);
    kr_writer_uint(writer, VERSION);
    kr_writer_bin(writer, ask->transport_public, 32);
    kr_writer_str_slice(writer, ask->endpoint);
    kr_writer_str_slice(writer, ask->name);
}

enum kr_err kr_node_ask_read(struct kr_slice bytes, struct kr_node_ask *ret_ask)
{
    struct kr_reader reader;
    struct kr_node_ask ask;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 4);
    if (kr_reader_uint(&reader, UINT32_MAX) != VERSION) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    kr_reader_fixed(&reader, ask.transport_public, 32);
    ask.endpoint = kr_reader_str(&reader, KR_ENDPOINT_BYTES_MAX);
    ask.name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK && ask.name.len == 0) {
        err = KR_MALFORMED;
    }
    if (err == KR_OK && ask.endpoint.len > 0 &&
        kr_endpoint_check((const char *)ask.endpoint.bytes, ask.endpoint.len, NULL) != KR_OK) {
        err = KR_INVALID;
    }
    if (err == KR_OK) {
        *ret_ask = ask;
    }
    return err;
}

void kr_node_keys_write(const struct kr_node_keys *keys, struct kr_writer *writer)
{
    kr_writer_array(writer, 5);
    kr_writer_uint(writer, VERSION);
    kr_writer_str_slice(writer, keys->name);
    kr_writer_bin(writer, keys->root_public, 32);
    kr_writer_bin(writer, keys->recovery_public, 32);
    kr_writer_array(writer, keys->sealing_count);
    for (uint32_t i = 0; i < keys->sealing_count; i++) {
        kr_writer_array(writer, 4);
        kr_writer_bin(writer, keys->sealing[i].public_key, 32);
        kr_writer_bin(writer, keys->sealing[i].secret, 32);
        kr_writer_uint(writer, keys->sealing[i].from_s);
        kr_writer_uint(writer, keys->sealing[i].until_s);
    }
}

enum kr_err kr_node_keys_read(struct kr_slice bytes, struct kr_node_keys *ret_keys)
{
    struct kr_reader reader;
    struct kr_node_keys keys = {0};
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 5);
    if (kr_reader_uint(&reader, UINT32_MAX) != VERSION) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    keys.name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    kr_reader_fixed(&reader, keys.root_public, 32);
    kr_reader_fixed(&reader, keys.recovery_public, 32);
    keys.sealing_count = kr_reader_array_between(&reader, 0, KR_SEALING_KEYS_MAX);
    for (uint32_t i = 0; i < keys.sealing_count; i++) {
        struct kr_dated_key *key = &keys.sealing[i];
        kr_reader_array(&reader, 4);
        kr_reader_fixed(&reader, key->public_key, 32);
        kr_reader_fixed(&reader, key->secret, 32);
        key->from_s = kr_reader_uint(&reader, UINT64_MAX);
        key->until_s = kr_reader_uint(&reader, UINT64_MAX);
        kr_reader_close(&reader);
    }
    kr_reader_close(&reader);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    for (uint32_t i = 0; i < keys.sealing_count && err == KR_OK; i++) {
        uint8_t public_key[32];
        const bool is_pair = crypto_scalarmult_base(public_key, keys.sealing[i].secret) == 0 &&
                             sodium_memcmp(public_key, keys.sealing[i].public_key, 32) == 0;
        err = is_pair ? KR_OK : KR_KEY;
    }
    if (err == KR_OK) {
        *ret_keys = keys;
    }
    sodium_memzero(&keys, sizeof keys);
    return err;
}
