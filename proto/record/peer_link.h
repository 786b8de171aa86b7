/* What a council has agreed about a peer, for all of its nodes (docs/PROTOCOL.md, "Nodes of one council").
 *
 *   peer link = array of 6: version 1, state, transport key (bin 32), endpoint (str), community (bin 0 or 32: of the invitation),
 *               previous (bin 0 or 32)
 *
 * A record of the council's own kinds, as cards of its people are (person.h); the header's subject is the peer's council id. */
#ifndef KR_PROTO_RECORD_PEER_LINK_H
#define KR_PROTO_RECORD_PEER_LINK_H

#include "crypto/limits.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"

enum kr_peer_link_state {
    KR_PEER_LINK_OPEN = 1,
    KR_PEER_LINK_PAUSED = 2,
    KR_PEER_LINK_NONE = 3, /* removed, or blocked no longer */
    KR_PEER_LINK_BLOCKED = 4,
};
struct kr_peer_link {
    uint32_t state;
    uint8_t transport_key[32]; /* under which it was first linked; all zero: never was */
    struct kr_slice endpoint;
    bool has_community;
    uint8_t community[32];
    struct kr_slice previous;
};
enum kr_err kr_peer_link_parse(struct kr_slice content, struct kr_peer_link *ret_link) KR_WARN_UNUSED;
void kr_peer_link_write(const struct kr_peer_link *link, struct kr_writer *writer);

#endif
