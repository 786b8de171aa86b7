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
#define SEVERAL_FIELDS 7u /* where there are several nodes */
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

void kr_ticket_ways_write(const struct kr_way *ways, uint32_t count, struct kr_writer *writer)
{
    kr_writer_array(writer, count);
    for (uint32_t i = 0; i < count; i++) {
        kr_writer_array(writer, 2);
        kr_writer_bin(writer, ways[i].transport, 32);
        kr_writer_str(writer, ways[i].endpoint);
    }
}

enum kr_err kr_ticket_ways_check(const struct kr_way *ways, uint32_t count)
{
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        err = kr_endpoint_check(ways[i].endpoint, strlen(ways[i].endpoint), NULL);
    }
    return err;
}

static bool is_known(const struct kr_way *ways, uint32_t count, const struct kr_way *way)
{
    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(ways[i].transport, way->transport, 32) == 0 && strcmp(ways[i].endpoint, way->endpoint) == 0) {
            return true;
        }
    }
    return false;
}

uint32_t kr_ticket_ways_read(struct kr_reader *reader, uint32_t min, struct kr_way ret_ways[static KR_TICKET_NODES_MAX])
{
    const uint32_t count = kr_reader_array_between(reader, min, KR_TICKET_NODES_MAX);
    for (uint32_t i = 0; i < count && reader->err == KR_OK; i++) {
        struct kr_way *way = &ret_ways[i];
        kr_reader_array(reader, 2);
        kr_reader_fixed(reader, way->transport, 32);
        const struct kr_slice endpoint = kr_reader_str(reader, KR_ENDPOINT_BYTES_MAX);
        const bool is_one = kr_slice_text(endpoint, way->endpoint, sizeof way->endpoint);
        kr_reader_close(reader);
        if (!is_one || is_known(ret_ways, i, way)) {
            kr_reader_fail(reader, KR_MALFORMED);
        }
    }
    kr_reader_close(reader);
    return count;
}

/* The inviter's nodes, this one first. */
static void write_several(const struct kr_ticket *ticket, struct kr_writer *writer)
{
    struct kr_way ways[KR_TICKET_NODES_MAX] = {0};
    memcpy(ways[0].transport, ticket->transport_public, 32);
    memcpy(ways[0].endpoint, ticket->endpoint, sizeof ways[0].endpoint);
    memcpy(ways + 1, ticket->more, ticket->more_count * sizeof ways[0]);
    kr_writer_array(writer, SEVERAL_FIELDS);
    kr_writer_uint(writer, KR_NODES_TICKET_VERSION);
    kr_writer_bin(writer, ticket->council, 32);
    kr_writer_bin(writer, ticket->secret, 32);
    kr_writer_uint(writer, ticket->expires_s);
    kr_ticket_ways_write(ways, 1 + ticket->more_count, writer);
    kr_writer_bin(writer, ticket->community, ticket->has_community ? 32 : 0);
    kr_writer_uint(writer, ticket->is_by_hand ? FLAG_BY_HAND : 0);
}

static void write_one(const struct kr_ticket *ticket, struct kr_writer *writer)
{
    kr_writer_array(writer, ticket->is_for_node ? NODE_FIELDS : FIELDS);
    kr_writer_uint(writer, ticket->is_for_node ? NODE_VERSION : TICKET_VERSION);
    kr_writer_bin(writer, ticket->council, 32);
    kr_writer_bin(writer, ticket->transport_public, 32);
    kr_writer_str(writer, ticket->endpoint);
    kr_writer_bin(writer, ticket->secret, 32);
    kr_writer_uint(writer, ticket->expires_s);
    if (!ticket->is_for_node) {
        kr_writer_bin(writer, ticket->community, ticket->has_community ? 32 : 0);
        kr_writer_uint(writer, ticket->is_by_hand ? FLAG_BY_HAND : 0);
    }
}

enum kr_err kr_ticket_print(const struct kr_ticket *ticket, char *ret_text, size_t size)
{
    struct kr_writer writer;
    KR_ASSERT(ticket->more_count < KR_TICKET_NODES_MAX && (ticket->more_count == 0 || !ticket->is_for_node));
    enum kr_err err = kr_ticket_ways_check(ticket->more, ticket->more_count);
    if (err != KR_OK) {
        return err;
    }
    kr_writer_init(&writer, KR_TICKET_PAYLOAD_ROOM);
    if (ticket->more_count > 0) {
        write_several(ticket, &writer);
    } else {
        write_one(ticket, &writer);
    }
    return kr_ticket_finish(&writer, ticket->endpoint, ret_text, size);
}

static void read_several(struct kr_reader *reader, struct kr_ticket *ret_ticket)
{
    struct kr_way ways[KR_TICKET_NODES_MAX] = {0};
    kr_reader_array(reader, SEVERAL_FIELDS);
    (void)kr_reader_uint(reader, UINT32_MAX);
    kr_reader_fixed(reader, ret_ticket->council, 32);
    kr_reader_fixed(reader, ret_ticket->secret, 32);
    ret_ticket->expires_s = kr_reader_uint(reader, UINT64_MAX);
    const uint32_t count = kr_ticket_ways_read(reader, 2, ways);
    ret_ticket->has_community = kr_reader_fixed_or_empty(reader, ret_ticket->community, 32);
    ret_ticket->is_by_hand = kr_reader_uint(reader, FLAG_BY_HAND) != 0;
    kr_reader_close(reader);
    memcpy(ret_ticket->transport_public, ways[0].transport, 32);
    memcpy(ret_ticket->endpoint, ways[0].endpoint, sizeof ret_ticket->endpoint);
    ret_ticket->more_count = count > 0 ? count - 1 : 0;
    memcpy(ret_ticket->more, ways + 1, ret_ticket->more_count * sizeof ways[0]);
}

static void read_one(struct kr_reader *reader, struct kr_ticket *ret_ticket)
{
    const uint32_t fields = kr_reader_array_between(reader, NODE_FIELDS, FIELDS);
    ret_ticket->is_for_node = fields == NODE_FIELDS;
    const uint32_t version = fields == FIELDS ? TICKET_VERSION : ret_ticket->is_for_node ? NODE_VERSION : 1u;
    if (kr_reader_uint(reader, UINT32_MAX) != version) {
        kr_reader_fail(reader, KR_MALFORMED);
    }
    kr_reader_fixed(reader, ret_ticket->council, 32);
    kr_reader_fixed(reader, ret_ticket->transport_public, 32);
    const struct kr_slice endpoint = kr_reader_str(reader, KR_ENDPOINT_BYTES_MAX);
    kr_reader_fixed(reader, ret_ticket->secret, 32);
    ret_ticket->expires_s = kr_reader_uint(reader, UINT64_MAX);
    ret_ticket->has_community = !ret_ticket->is_for_node && kr_reader_fixed_or_empty(reader, ret_ticket->community, 32);
    ret_ticket->is_by_hand = fields == FIELDS && kr_reader_uint(reader, FLAG_BY_HAND) != 0;
    kr_reader_close(reader);
    if (!kr_slice_text(endpoint, ret_ticket->endpoint, sizeof ret_ticket->endpoint)) {
        kr_reader_fail(reader, KR_MALFORMED);
    }
}

static enum kr_err read_payload(const uint8_t *payload, size_t len, struct kr_ticket *ret_ticket, struct kr_error *error)
{
    struct kr_reader reader;
    kr_reader_init(&reader, payload, len);
    if (kr_ticket_version(payload, len) == KR_NODES_TICKET_VERSION) {
        read_several(&reader, ret_ticket);
    } else {
        read_one(&reader, ret_ticket);
    }
    if (kr_reader_end(&reader) != KR_OK) {
        return kr_fail(error, KR_MALFORMED, "it is no invitation ticket: ask for a new one");
    }
    const bool can_be = kr_endpoint_check(ret_ticket->endpoint, strlen(ret_ticket->endpoint), NULL) == KR_OK &&
                        kr_ticket_ways_check(ret_ticket->more, ret_ticket->more_count) == KR_OK;
    return can_be ? KR_OK : kr_fail(error, KR_MALFORMED, "the address in the ticket is unusable: ask for a new one");
}

enum kr_err kr_ticket_parse(const char *text, size_t len, struct kr_ticket *ret_ticket, struct kr_error *error)
{
    struct kr_ticket ticket = {0};
    uint8_t payload[KR_TICKET_PAYLOAD_ROOM];
    size_t payload_len = 0;
    enum kr_err err = kr_bech32m_decode(KR_TICKET_HRP, text, len, payload, sizeof payload, &payload_len, error);
    const uint64_t version = err == KR_OK ? kr_ticket_version(payload, payload_len) : 0;

    const bool is_several = version == KR_NODES_TICKET_VERSION && payload[0] == KR_INVITATION_HEAD;
    if (err == KR_OK && !is_several && version >= KR_MACHINE_TICKET_VERSION && version <= KR_NODES_TICKET_VERSION) {
        err = kr_fail(error, KR_INVALID, "this ticket enrols a person's machine: it is for `kairan enrol`, on that machine");
    } else if (err == KR_OK && !is_several && version > NODE_VERSION) {
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
