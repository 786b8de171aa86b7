/* The client protocol's part about the nodes of a council: which there are, which ask to be one, a ticket for one more. */
#ifndef KR_PROTO_CLIENT_NODE_H
#define KR_PROTO_CLIENT_NODE_H

#include "proto/client/client.h"

/* KR_OP_NODES. */
enum kr_node_state {
    KR_NODE_THIS = 1,
    KR_NODE_OTHER = 2, /* on the council's card */
    KR_NODE_ASKS = 3,  /* waits to be put there */
};
struct kr_node_item {
    uint32_t state;
    bool is_online;
    uint8_t node_key[32]; /* all zero: it was never met */
    uint8_t transport_key[32];
    struct kr_slice name, endpoint;
    uint64_t since_ms; /* it is one, or asks; 0: the first, or not known */
    uint64_t heard_ms; /* 0: not since this node was started */
};
void kr_node_item_write(const struct kr_node_item *item, struct kr_writer *writer);
enum kr_err kr_node_item_read(struct kr_slice bytes, struct kr_node_item *ret_item) KR_WARN_UNUSED;

#endif
