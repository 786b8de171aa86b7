#include "proto/wire/machine_ticket.h"

#include <sodium.h>
#include <string.h>

#include "proto/codec/reader.h"
#include "proto/codec/writer.h"
#include "proto/wire/bech32m.h"
#include "proto/wire/ticket.h"

#define FIELDS 6u
/* Array head, version, three keys, endpoint, expiry. */
#define PAYLOAD_BYTES_MAX (1u + 1u + 3u * 34u + 3u + KR_ENDPOINT_BYTES_MAX + 9u)

_Static_assert(sizeof KR_TICKET_HRP + (PAYLOAD_BYTES_MAX * 8 + 4) / 5 + 6 < KR_TICKET_TEXT_BYTES_MAX,
               "every ticket fits into its text");

enum kr_err kr_machine_ticket_print(const struct kr_machine_ticket *ticket, char *ret_text, size_t size)
{
    struct kr_writer writer;
    kr_writer_init(&writer, PAYLOAD_BYTES_MAX);
    kr_writer_array(&writer, FIELDS);
    kr_writer_uint(&writer, KR_MACHINE_TICKET_VERSION);
    kr_writer_bin(&writer, ticket->council, 32);
    kr_writer_bin(&writer, ticket->transport_public, 32);
    kr_writer_str(&writer, ticket->endpoint);
    kr_writer_bin(&writer, ticket->secret, 32);
    kr_writer_uint(&writer, ticket->expires_s);
    return kr_ticket_finish(&writer, ticket->endpoint, ret_text, size);
}

static enum kr_err read_payload(const uint8_t *payload, size_t len, struct kr_machine_ticket *ret_ticket, struct kr_error *error)
{
    struct kr_reader reader;
    kr_reader_init(&reader, payload, len);
    kr_reader_array(&reader, FIELDS);
    (void)kr_reader_uint(&reader, UINT32_MAX);
    kr_reader_fixed(&reader, ret_ticket->council, 32);
    kr_reader_fixed(&reader, ret_ticket->transport_public, 32);
    const struct kr_slice endpoint = kr_reader_str(&reader, KR_ENDPOINT_BYTES_MAX);
    kr_reader_fixed(&reader, ret_ticket->secret, 32);
    ret_ticket->expires_s = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK || !kr_slice_text(endpoint, ret_ticket->endpoint, sizeof ret_ticket->endpoint)) {
        return kr_fail(error, KR_MALFORMED, "it is no ticket for a machine: ask for a new one");
    }
    return kr_endpoint_check(ret_ticket->endpoint, endpoint.len, NULL) == KR_OK
               ? KR_OK
               : kr_fail(error, KR_MALFORMED, "the address in the ticket is unusable: ask for a new one");
}

enum kr_err kr_machine_ticket_parse(const char *text, size_t len, struct kr_machine_ticket *ret_ticket, struct kr_error *error)
{
    struct kr_machine_ticket ticket = {0};
    uint8_t payload[KR_TICKET_PAYLOAD_ROOM];
    size_t payload_len = 0;
    enum kr_err err = kr_bech32m_decode(KR_TICKET_HRP, text, len, payload, sizeof payload, &payload_len, error);
    const uint64_t version = err == KR_OK ? kr_ticket_version(payload, payload_len) : 0;
    if (err == KR_OK && version > KR_MACHINE_TICKET_VERSION) {
        err = kr_fail(error, KR_VERSION, "the ticket comes from a newer version of Kairan: update this machine's first");
    } else if (err == KR_OK && version != 0 && version != KR_MACHINE_TICKET_VERSION) {
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
