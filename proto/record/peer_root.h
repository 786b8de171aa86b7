/* Which root key of a peer a council has compared with it, for all of its nodes (docs/PROTOCOL.md, "Nodes of one council").
 *
 *   peer root = array of 3: version 1, root public key (bin 32), previous (bin 0 or 32)
 *
 * A record of the council's own kinds, as cards of its people are (person.h); the header's subject is the peer's council id. */
#ifndef KR_PROTO_RECORD_PEER_ROOT_H
#define KR_PROTO_RECORD_PEER_ROOT_H

#include "crypto/limits.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"

#define KR_PEER_ROOT_BYTES_MAX 128u

struct kr_peer_root {
    uint8_t root[32];
    struct kr_slice previous;
};
enum kr_err kr_peer_root_parse(struct kr_slice content, struct kr_peer_root *ret_root) KR_WARN_UNUSED;
void kr_peer_root_write(const struct kr_peer_root *root, struct kr_writer *writer);

#endif
