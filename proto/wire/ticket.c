#include "proto/wire/ticket.h"

#include <sodium.h>
#include <string.h>

#include "proto/codec/reader.h"
#include "proto/codec/writer.h"
#include "proto/wire/bech32m.h"
#include "proto/wire/machine_ticket.h"

#define TICKET_VERSION 2u
#define FIELDS         8u
#define FIELDS_OF_1    7u /* of version 1 */
#define NODE_VERSION   3u
#define NODE_FIELDS    6u /* of it */
#define FLAG_BY_HAND   1u
/* Array head, version, three keys, endpoint, expiry, community, flags. */
#define PAYLOAD_BYTES_MAX (1u + 1u + 3u * 34u + 3u + KR_ENDPOINT_BYTES_MAX + 9u + 34u + 1u)

_Static_assert(sizeof KR_TICKET_HRP + (PAYLOAD_BYTES_MAX * 8 + 4) / 5 + 6 < KR_TICKET_TEXT_BYTES_MAX,
               "every ticket fits into its text");

uint64_t kr_ticket_version(const uint8_t *payload, size_t len)
{
    struct kr_reader reader;
    kr_reader_init(&reader, payload, len);
    (void)kr_reader_array_between(&reader, 1, UINT32_MAX);
    const uint64_t version = kr_reader_uint(&reader, UINT32_MAX);
    return reader.err == KR_OK ? version : 0;
}

enum kr_err kr_ticket_finish(struct kr_writer *payload, const char *endpoint, char *ret_text, size_t size)
{
    enum kr_err err = kr_writer_finish(payload);
    if (err == KR_OK) {
        err = kr_endpoint_check(endpoint, strlen(endpoint), NULL);
    }
    if (err == KR_OK) {
        err = kr_bech32m_encode(KR_TICKET_HRP, payload->bytes, payload->len, ret_text, size);
    }
    if (payload->bytes != NULL) {
        sodium_memzero(payload->bytes, payload->len);
    }
    kr_writer_deinit(payload);
    return err;
}

enum kr_err kr_ticket_print(const struct kr_ticket *ticket, char *ret_text, size_t size)
{
    struct kr_writer writer;

    kr_writer_init(&writer, PAYLOAD_BYTES_MAX);
    kr_writer_array(&writer, ticket->is_for_node ? NODE_FIELDS : FIELDS);
    kr_writer_uint(&writer, ticket->is_for_node ? NODE_VERSION : TICKET_VERSION);
    kr_writer_bin(&writer, ticket->council, 32);
    kr_writer_bin(&writer, ticket->transport_public, 32);
    kr_writer_str(&writer, ticket->endpoint);
    kr_writer_bin(&writer, ticket->secret, 32);
    kr_writer_uint(&writer, ticket->expires_s);
    if (!ticket->is_for_node) {
        kr_writer_bin(&writer, ticket->community, ticket->has_community ? 32 : 0);
        kr_writer_uint(&writer, ticket->is_by_hand ? FLAG_BY_HAND : 0);
    }
    return kr_ticket_finish(&writer, ticket->endpoint, ret_text, size);
}

static enum kr_err read_payload(const uint8_t *payload, size_t len, struct kr_ticket *ret_ticket, struct kr_error *error)
{
    struct kr_reader reader;
    struct kr_slice endpoint;

    kr_reader_init(&reader, payload, len);
    const uint32_t fields = kr_reader_array_between(&reader, NODE_FIELDS, FIELDS);
    ret_ticket->is_for_node = fields == NODE_FIELDS;
    const uint32_t version = fields == FIELDS ? TICKET_VERSION : ret_ticket->is_for_node ? NODE_VERSION : 1u;
    if (kr_reader_uint(&reader, UINT32_MAX) != version) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    kr_reader_fixed(&reader, ret_ticket->council, 32);
    kr_reader_fixed(&reader, ret_ticket->transport_public, 32);
    endpoint = kr_reader_str(&reader, KR_ENDPOINT_BYTES_MAX);
    kr_reader_fixed(&reader, ret_ticket->secret, 32);
    ret_ticket->expires_s = kr_reader_uint(&reader, UINT64_MAX);
    ret_ticket->has_community = !ret_ticket->is_for_node && kr_reader_fixed_or_empty(&reader, ret_ticket->community, 32);
    ret_ticket->is_by_hand = fields == FIELDS && kr_reader_uint(&reader, FLAG_BY_HAND) != 0;
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK || !kr_slice_text(endpoint, ret_ticket->endpoint, sizeof ret_ticket->endpoint)) {
        return kr_fail(error, KR_MALFORMED, "it is no invitation ticket: ask for a new one");
    }
    if (kr_endpoint_check(ret_ticket->endpoint, endpoint.len, NULL) != KR_OK) {
        return kr_fail(error, KR_MALFORMED, "the address in the ticket is unusable: ask for a new one");
    }
    return KR_OK;
}

enum kr_err kr_ticket_parse(const char *text, size_t len, struct kr_ticket *ret_ticket, struct kr_error *error)
{
    struct kr_ticket ticket = {0};
    uint8_t payload[KR_TICKET_PAYLOAD_ROOM];
    size_t payload_len = 0;
    enum kr_err err = kr_bech32m_decode(KR_TICKET_HRP, text, len, payload, sizeof payload, &payload_len, error);
    const uint64_t version = err == KR_OK ? kr_ticket_version(payload, payload_len) : 0;

    if (err == KR_OK && version >= KR_MACHINE_TICKET_VERSION && version <= KR_NODES_TICKET_VERSION) {
        err = kr_fail(error, KR_INVALID, "this ticket enrols a person's machine: it is for `kairan enrol`, on that machine");
    } else if (err == KR_OK && version > NODE_VERSION) {
        err = kr_fail(error, KR_VERSION, "the ticket comes from a newer version of Kairan: update this node first");
    } else if (err == KR_OK) {
        err = read_payload(payload, payload_len, &ticket, error);
    }
    if (err == KR_OK) {
        *ret_ticket = ticket;
    }
    sodium_memzero(payload, sizeof payload);
    sodium_memzero(&ticket, sizeof ticket);
    return err;
}
