#include "proto/wire/machine_ticket.h"

#include <sodium.h>
#include <string.h>

#include "proto/codec/reader.h"
#include "proto/codec/writer.h"
#include "proto/wire/bech32m.h"
#include "proto/wire/ticket.h"

#define FIELDS       6u
#define NODES_FIELDS 5u
/* Array head, version, three keys, endpoint, expiry. */
#define PAYLOAD_BYTES_MAX (1u + 1u + 3u * 34u + 3u + KR_ENDPOINT_BYTES_MAX + 9u)

_Static_assert(sizeof KR_TICKET_HRP + (PAYLOAD_BYTES_MAX * 8 + 4) / 5 + 6 < KR_TICKET_TEXT_BYTES_MAX,
               "every ticket for one node fits into its text");

static void write_one(const struct kr_machine_ticket *ticket, struct kr_writer *writer)
{
    kr_writer_array(writer, FIELDS);
    kr_writer_uint(writer, KR_MACHINE_TICKET_VERSION);
    kr_writer_bin(writer, ticket->council, 32);
    kr_writer_bin(writer, ticket->nodes[0].transport, 32);
    kr_writer_str(writer, ticket->nodes[0].endpoint);
    kr_writer_bin(writer, ticket->secret, 32);
    kr_writer_uint(writer, ticket->expires_s);
}

static void write_several(const struct kr_machine_ticket *ticket, struct kr_writer *writer)
{
    kr_writer_array(writer, NODES_FIELDS);
    kr_writer_uint(writer, KR_NODES_TICKET_VERSION);
    kr_writer_bin(writer, ticket->council, 32);
    kr_writer_bin(writer, ticket->secret, 32);
    kr_writer_uint(writer, ticket->expires_s);
    kr_ticket_ways_write(ticket->nodes, ticket->node_count, writer);
}

enum kr_err kr_machine_ticket_print(const struct kr_machine_ticket *ticket, char *ret_text, size_t size)
{
    struct kr_writer writer;
    KR_ASSERT(ticket->node_count >= 1 && ticket->node_count <= KR_TICKET_NODES_MAX);
    enum kr_err err = kr_ticket_ways_check(ticket->nodes, ticket->node_count);
    if (err != KR_OK) {
        return err;
    }
    kr_writer_init(&writer, KR_TICKET_PAYLOAD_ROOM);
    if (ticket->node_count == 1) {
        write_one(ticket, &writer);
    } else {
        write_several(ticket, &writer);
    }
    return kr_ticket_finish(&writer, ticket->nodes[0].endpoint, ret_text, size);
}

static void read_one(struct kr_reader *reader, struct kr_machine_ticket *ticket)
{
    struct kr_way *way = &ticket->nodes[0];
    kr_reader_fixed(reader, ticket->council, 32);
    kr_reader_fixed(reader, way->transport, 32);
    const struct kr_slice endpoint = kr_reader_str(reader, KR_ENDPOINT_BYTES_MAX);
    if (!kr_slice_text(endpoint, way->endpoint, sizeof way->endpoint)) {
        kr_reader_fail(reader, KR_MALFORMED);
    }
    kr_reader_fixed(reader, ticket->secret, 32);
    ticket->expires_s = kr_reader_uint(reader, UINT64_MAX);
    ticket->node_count = 1;
}

static void read_several(struct kr_reader *reader, struct kr_machine_ticket *ticket)
{
    kr_reader_fixed(reader, ticket->council, 32);
    kr_reader_fixed(reader, ticket->secret, 32);
    ticket->expires_s = kr_reader_uint(reader, UINT64_MAX);
    ticket->node_count = kr_ticket_ways_read(reader, 2, ticket->nodes);
}

static enum kr_err read_payload(const uint8_t *payload, size_t len, struct kr_machine_ticket *ret_ticket, struct kr_error *error)
{
    struct kr_reader reader;
    kr_reader_init(&reader, payload, len);
    const uint32_t fields = kr_reader_array_between(&reader, NODES_FIELDS, FIELDS);
    if (kr_reader_uint(&reader, UINT32_MAX) != (fields == FIELDS ? KR_MACHINE_TICKET_VERSION : KR_NODES_TICKET_VERSION)) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    if (fields == FIELDS) {
        read_one(&reader, ret_ticket);
    } else {
        read_several(&reader, ret_ticket);
    }
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return kr_fail(error, KR_MALFORMED, "it is no ticket for a machine: ask for a new one");
    }
    if (kr_ticket_ways_check(ret_ticket->nodes, ret_ticket->node_count) != KR_OK) {
        return kr_fail(error, KR_MALFORMED, "the address in the ticket is unusable: ask for a new one");
    }
    return KR_OK;
}

enum kr_err kr_machine_ticket_parse(const char *text, size_t len, struct kr_machine_ticket *ret_ticket, struct kr_error *error)
{
    struct kr_machine_ticket ticket = {0};
    uint8_t payload[KR_TICKET_PAYLOAD_ROOM];
    size_t payload_len = 0;
    enum kr_err err = kr_bech32m_decode(KR_TICKET_HRP, text, len, payload, sizeof payload, &payload_len, error);
    const uint64_t version = err == KR_OK ? kr_ticket_version(payload, payload_len) : 0;
    const bool is_invitation = version != 0 && (version < KR_MACHINE_TICKET_VERSION ||
                                                (version == KR_NODES_TICKET_VERSION && payload[0] == KR_INVITATION_HEAD));
    if (err == KR_OK && version > KR_NODES_TICKET_VERSION) {
        err = kr_fail(error, KR_VERSION, "the ticket comes from a newer version of Kairan: update this machine's first");
    } else if (err == KR_OK && is_invitation) {
        err = kr_fail(error, KR_INVALID, "this ticket links a council's node with another: the node takes it, with `kairan join`");
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
