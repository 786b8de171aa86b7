/* Client protocol: what this node passes on between two other councils. */
#ifndef KR_PROTO_CLIENT_FORWARD_H
#define KR_PROTO_CLIENT_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"

enum kr_forward_action {
    KR_FORWARD_ALLOW = 1, /* or another rate, where it is allowed already */
    KR_FORWARD_DENY = 2,
};
struct kr_forward_act {
    uint32_t action;
    uint8_t councils[2][32]; /* in whichever order */
    uint64_t rate; /* bytes a second, both ways together, KR_FORWARD_RATE_MIN to KR_FORWARD_RATE_MAX; 0: KR_FORWARD_RATE */
};
void kr_forward_act_write(const struct kr_forward_act *act, struct kr_writer *writer);
enum kr_err kr_forward_act_read(struct kr_slice bytes, struct kr_forward_act *ret_act) KR_WARN_UNUSED;

/* A pair that is allowed. */
struct kr_forward_item {
    uint8_t councils[2][32];
    struct kr_slice names[2];
    bool is_up[2];     /* its node is linked with this one now */
    bool has_asked[2]; /* and wants to be linked with the other through this one */
    bool is_ready;     /* frames are passed on */
    uint64_t rate, since_ms;
    uint64_t now_rate;       /* bytes a second that were passed on of late */
    uint64_t bytes, dropped; /* bytes passed on, and pieces that were not, since the node was started */
    uint64_t waiting;        /* bytes here now, each piece counted as KR_FORWARD_PIECE_COST longer */
};
void kr_forward_item_write(const struct kr_forward_item *item, struct kr_writer *writer);
enum kr_err kr_forward_item_read(struct kr_slice bytes, struct kr_forward_item *ret_item) KR_WARN_UNUSED;

#endif
