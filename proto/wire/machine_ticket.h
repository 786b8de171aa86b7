/* Tickets that enrol a person's machine: bech32m as invitations are (ticket.h), with a version of their own.
 *
 * Payload of one that names one node = canonical array of 6: version 4, council id (bin 32), the node's transport public key (bin
 * 32), endpoint (str), one-time X25519 secret (bin 32), expires_s. Of one that names several = array of 5: version 5, council id,
 * secret, expires_s, nodes (array of 2 to 4 [transport public key (bin 32), endpoint (str)], to be tried in that order, no two
 * alike). The public key of the secret is the ticket's name at each of them. */
#ifndef KR_PROTO_WIRE_MACHINE_TICKET_H
#define KR_PROTO_WIRE_MACHINE_TICKET_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/limits.h"
#include "proto/wire/ticket.h"
#include "proto/wire/ways.h"

#define KR_MACHINE_TICKET_VERSION 4u

struct kr_machine_ticket {
    uint8_t council[32];
    uint8_t secret[32];
    uint64_t expires_s;
    uint32_t node_count; /* from 1 */
    struct kr_way nodes[KR_TICKET_NODES_MAX];
};
/* `ret_text`: room for KR_TICKET_TEXT_BYTES_MAX. KR_BOUNDS where addresses are so long that it has no room for all of them. */
enum kr_err kr_machine_ticket_print(const struct kr_machine_ticket *ticket, char *ret_text, size_t size) KR_WARN_UNUSED;
/* As kr_ticket_parse; KR_INVALID for an invitation, with a sentence that says where that belongs. */
enum kr_err kr_machine_ticket_parse(const char *text, size_t len, struct kr_machine_ticket *ret_ticket,
                                    struct kr_error *error) KR_WARN_UNUSED;

#endif
