/* Client protocol: whether this node's address can be reached from outside, as a linked council's node found when it tried. */
#ifndef KR_PROTO_CLIENT_REACH_H
#define KR_PROTO_CLIENT_REACH_H

#include <stdint.h>

#include "crypto/err.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"

/* Also what a session's message `probe` says (status; docs/PROTOCOL.md, 7.4), but for the last two. */
enum kr_trial {
    KR_TRIAL_ASK = 0,     /* in a message: try it. Else: no linked council is online that could be asked */
    KR_TRIAL_REACHED = 1, /* this very node answered there: CURVE has proved its key */
    KR_TRIAL_REFUSED = 2, /* nothing listens there, or something else does */
    KR_TRIAL_SILENT = 3,  /* nothing answered in time, or the name of the host is not known */
    KR_TRIAL_LATER = 4,   /* not now: it was asked a minute ago, or tries another's; or somebody else asks just now */
    KR_TRIAL_NO_CARD = 5, /* the card that it has names no address for this node */
    KR_TRIAL_UNTOLD = 6,  /* it did not answer: its program may be an older one */
};
struct kr_tried {
    uint32_t outcome;
    uint8_t council[32]; /* who tried, or was asked; zero: nobody */
    struct kr_slice name;
    uint64_t at_ms;
};
void kr_tried_write(const struct kr_tried *reached, struct kr_writer *writer);
enum kr_err kr_tried_read(struct kr_slice bytes, struct kr_tried *ret_reached) KR_WARN_UNUSED;

#endif
