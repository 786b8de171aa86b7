/* What two nodes of one council say to each other beyond what all nodes say (docs/PROTOCOL.md, "Nodes of one council"). */
#ifndef KR_PROTO_WIRE_NODE_H
#define KR_PROTO_WIRE_NODE_H

#include "crypto/keyring.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"

/* Body of node ask: array of 4: 1, transport public key (bin 32), endpoint (str; "": it only dials out), name (str, 1–256): how the
 * council's people shall call it. The node key is the hello's. Slices are borrowed. */
struct kr_node_ask {
    uint8_t transport_public[32];
    struct kr_slice endpoint, name;
};
void kr_node_ask_write(const struct kr_node_ask *ask, struct kr_writer *writer);
/* KR_INVALID where the endpoint cannot be dialled. */
enum kr_err kr_node_ask_read(struct kr_slice bytes, struct kr_node_ask *ret_ask) KR_WARN_UNUSED;

/* Body of node keys: array of 5: 1, the sender's name (str), root public key, recovery public key (bin 32 each), sealing keys
 * (array of at most 32 [public (bin 32), secret (bin 32), from_s, until_s], newest first). */
struct kr_node_keys {
    struct kr_slice name;
    uint8_t root_public[32], recovery_public[32];
    uint32_t sealing_count;
    struct kr_dated_key sealing[KR_SEALING_KEYS_MAX];
};
void kr_node_keys_write(const struct kr_node_keys *keys, struct kr_writer *writer);
/* KR_KEY where a secret is not that of its public key. Whoever reads them wipes them. */
enum kr_err kr_node_keys_read(struct kr_slice bytes, struct kr_node_keys *ret_keys) KR_WARN_UNUSED;

#endif
