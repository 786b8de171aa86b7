/* Passing frames on between two councils that are linked with this node and not with each other (docs/adr/0045; the ends:
 * through.h). Private to node/core.
 *
 * This node sees who, when and how much; what is said is sealed under a session of which it knows nothing. It keeps nothing: pieces
 * wait in memory, of each direction of a pair KR_FORWARD_WINDOW at most, and are gone with either session. It passes on between two
 * councils only where its operator has allowed that pair, and both have asked for it.
 *
 *   X ── ask ──▶ here ◀── ask ── Z       both up, allowed, asked: "ready" to both
 *   X ── piece, within the room it was given ──▶ waits ── rate of the pair, room at Z ──▶ Z
 *
 * Whoever is up again has to ask again, so that nothing of before comes behind "ready". A piece beyond the room that was given ends
 * the session of who sent it, as with records. This node's own frames of a batch go first.
 *
 * In KR_TABLE_RECEIPTS: "forwd" ‖ the smaller council id ‖ the larger → array of 2: rate, since_ms. */
#ifndef KR_NODE_CORE_FORWARD_H
#define KR_NODE_CORE_FORWARD_H

#include "node/core/state.h"

struct kr_piece {
    struct kr_piece *next;
    uint32_t total, from, len;
    uint8_t bytes[];
};

/* One of the two councils. */
struct kr_forward_side {
    uint8_t council[32];
    bool has_asked;
    uint32_t number;         /* of the link of the node that has: a council may run several */
    uint64_t granted;        /* so much more it may send */
    uint64_t owed;           /* of what it sent, passed on and not given back yet */
    uint64_t credit;         /* so much more its node takes */
    uint64_t under_way;      /* of what was passed on to it, not reported yet */
    struct kr_piece *pieces; /* for it; owned */
    struct kr_piece **end;
    uint64_t waiting; /* what they count */
    struct kr_budget asks;
};

struct kr_forward {
    uint64_t rate, since_ms;
    bool is_ready; /* both have asked, and were told so; until either session ends */
    struct kr_budget budget;
    uint64_t span_ms, span_bytes, last_bytes; /* passed on in the span of time that began then, and in the one before it */
    uint64_t bytes, dropped;                  /* since the node was started */
    struct kr_forward_side sides[2];          /* the smaller council id first */
};
#define KR_FORWARD_SPAN_MS 10000u

enum kr_err kr_forwards_load(struct kr_step *step) KR_WARN_UNUSED;
void kr_forwards_free(struct kr_core *core);

/* What a council says that is linked directly, and about no link of ours. */
enum kr_err kr_forward_message(struct kr_step *step, struct kr_link *link, const struct kr_message *message) KR_WARN_UNUSED;
/* The session with that council has ended. */
void kr_forward_link_down(struct kr_core *core, const struct kr_link *link);
/* At the end of a batch, behind all else: pairs that are ready or are so no more, and pieces that may go. */
enum kr_err kr_forward_flush(struct kr_step *step) KR_WARN_UNUSED;

/* Whether a session with that council is up, over a link of its own. */
bool kr_forward_is_up(struct kr_core *core, const struct kr_forward_side *side);

/* Frames are passed on between these two from now on, or at this rate. KR_BOUNDS: there are too many such pairs. */
enum kr_err kr_forward_allow(struct kr_step *step, const uint8_t a[static 32], const uint8_t b[static 32],
                             uint64_t rate) KR_WARN_UNUSED;
/* Or no more. `*ret_verdict`: KR_NOT_FOUND where it was not allowed. */
enum kr_err kr_forward_deny(struct kr_step *step, const uint8_t a[static 32], const uint8_t b[static 32],
                            enum kr_err *ret_verdict) KR_WARN_UNUSED;
/* This node went back to an older state, in which more may be allowed than is now: nothing is, until the operator says so anew. */
enum kr_err kr_forwards_void(struct kr_step *step) KR_WARN_UNUSED;

/* ---- forward_act.c ---- */
enum kr_err kr_forward_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
enum kr_err kr_forwards_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;

#endif
