/* Invitation tickets: bech32m (BIP-350) with the human-readable part "kairan", without BIP-173's 90-character limit.
 *
 * Payload = canonical array of 8: version 2, inviter's council id (bin 32), its transport public key (bin 32), endpoint (str,
 * "tcp://host:port"), one-time CURVE secret (bin 32), expires_s, community (bin 0 or 32), flags (bit 0: handed over by hand; others
 * are for newer versions, which have another number). Version 1 is the first seven of them. The CURVE public key of the secret is
 * the ticket's name at the inviter.
 *
 * Where the inviter has several nodes = array of 7: version 5, council id, secret, expires_s, nodes (array of 2 to 4 [transport
 * public key (bin 32), endpoint (str)], to be tried in that order, no two alike), community, flags.
 *
 * A ticket for another node of the inviter's own council is an array of 6: version 3, the same up to expires_s, no community. */
#ifndef KR_PROTO_WIRE_TICKET_H
#define KR_PROTO_WIRE_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/limits.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"
#include "proto/wire/bech32m.h"
#include "proto/wire/ways.h"

#define KR_TICKET_TEXT_BYTES_MAX 1024u
#define KR_NODES_TICKET_VERSION  5u /* of tickets of whatever kind that name several nodes */
#define KR_TICKET_NODES_MAX      4u
#define KR_INVITATION_HEAD       0x97u /* of such an invitation: an array of 7; one of a machine's ticket is of 5 */

struct kr_ticket {
    uint8_t council[32];
    uint8_t transport_public[32];
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1];
    uint8_t secret[32];
    uint64_t expires_s;
    bool has_community;
    uint8_t community[32];
    bool is_by_hand;  /* the link is in force at once; version 1: no */
    bool is_for_node; /* of the same council */
    uint32_t more_count;
    struct kr_way more[KR_TICKET_NODES_MAX - 1]; /* the inviter's other nodes, where it is good as well */
};
enum kr_err kr_ticket_print(const struct kr_ticket *ticket, char *ret_text, size_t size) KR_WARN_UNUSED;
/* KR_MALFORMED with a sentence that says what is off (mistyped character, cut short, wrong kind of ticket); KR_VERSION. Spaces and
 * line breaks inside are ignored, upper case accepted (not mixed). Whether it has expired is for the caller, who knows the time. */
enum kr_err kr_ticket_parse(const char *text, size_t len, struct kr_ticket *ret_ticket, struct kr_error *error) KR_WARN_UNUSED;
/* "tcp://host:port" with a numeric port 1–65535, host a name, an IPv4 address or an IPv6 address in brackets. */
enum kr_err kr_endpoint_check(const char *text, size_t len, struct kr_error *error) KR_WARN_UNUSED;

/* ---- what tickets of all kinds share ---- */

#define KR_TICKET_HRP "kairan"
/* All that a text can hold: a newer ticket may be longer than ours and should still be told as newer. */
#define KR_TICKET_PAYLOAD_ROOM (KR_BECH32M_CHARS_MAX * 5 / 8)
/* The version stands first, so that a newer ticket, or one of another kind, is told from a broken one. 0: none can be read. */
uint64_t kr_ticket_version(const uint8_t *payload, size_t len);
/* [transport public key, endpoint], once or several times. */
void kr_ticket_ways_write(const struct kr_way *ways, uint32_t count, struct kr_writer *writer);
enum kr_err kr_ticket_ways_check(const struct kr_way *ways, uint32_t count) KR_WARN_UNUSED; /* whether all can be dialled */
/* From `min` to KR_TICKET_NODES_MAX of them, no two of which are alike; else the reader fails. */
uint32_t kr_ticket_ways_read(struct kr_reader *reader, uint32_t min, struct kr_way ret_ways[static KR_TICKET_NODES_MAX]);
/* Prints the payload, unless its endpoint is none, and frees it. */
enum kr_err kr_ticket_finish(struct kr_writer *payload, const char *endpoint, char *ret_text, size_t size) KR_WARN_UNUSED;

#endif
