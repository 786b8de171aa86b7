/* Tickets that enrol a person's machine: bech32m as invitations are (ticket.h), with a version of their own.
 *
 * Payload = canonical array of 6: version 4, council id (bin 32), the node's transport public key (bin 32), endpoint (str),
 * one-time X25519 secret (bin 32), expires_s. The public key of the secret is the ticket's name at the node. */
#ifndef KR_PROTO_WIRE_MACHINE_TICKET_H
#define KR_PROTO_WIRE_MACHINE_TICKET_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/limits.h"

#define KR_MACHINE_TICKET_VERSION 4u

struct kr_machine_ticket {
    uint8_t council[32];
    uint8_t transport_public[32];
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1];
    uint8_t secret[32];
    uint64_t expires_s;
};
/* `ret_text`: room for KR_TICKET_TEXT_BYTES_MAX. */
enum kr_err kr_machine_ticket_print(const struct kr_machine_ticket *ticket, char *ret_text, size_t size) KR_WARN_UNUSED;
/* As kr_ticket_parse; KR_INVALID for an invitation, with a sentence that says where that belongs. */
enum kr_err kr_machine_ticket_parse(const char *text, size_t len, struct kr_machine_ticket *ret_ticket,
                                    struct kr_error *error) KR_WARN_UNUSED;

#endif
