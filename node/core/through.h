/* Links that go through a third node, seen from their ends (docs/adr/0045; the node in the middle: forward.h). Private to
 * node/core.
 *
 * Such a link has hello, session and messages like any other; its frames travel in pieces inside the session with the council in
 * between (the carrier), which must be linked directly: a link never goes through two. What is said waits here for the room that
 * the carrier gives, so that it is never too much for it, and what carries the link may end it at any time: hello begins it anew.
 *
 *   no carrier ── its session is up ──▶ ASKING ── "ready" ──▶ READY: the smaller council id says hello, as over any link
 *        ▲                                │ "not up", "waiting", "denied": asked again now and then, or when it is told otherwise
 *        └── its session ends ────────────┴───────────────── what was under way is gone
 *
 * Where the council in between runs several nodes all of them are asked; of those that are ready the one with the smallest
 * transport key carries, so that both ends choose the same.
 *
 * What both ends reach by the carrier anyhow goes by it: such a link shares the pair scope, and of communities those that the
 * carrier is not in. */
#ifndef KR_NODE_CORE_THROUGH_H
#define KR_NODE_CORE_THROUGH_H

#include "node/core/state.h"

struct kr_waiting_frame {
    struct kr_waiting_frame *next;
    size_t len, at; /* so much of it is sent */
    uint8_t bytes[];
};

struct kr_through {
    uint8_t council[32];             /* the carrier's */
    uint32_t number;                 /* of the link that carries it where it is READY; else the one that its state is of */
    uint32_t state;                  /* enum kr_through_state (proto/client/client.h) */
    uint64_t ask_at_ms, asked_ms;    /* next time; last time in this session of the carrier's, 0: not yet */
    uint64_t credit;                 /* so much more the carrier takes */
    uint64_t owed;                   /* of what came by it, not reported yet */
    struct kr_waiting_frame *frames; /* that wait for room; owned */
    struct kr_waiting_frame **end;   /* where the next one is hung */
    size_t frames_bytes;
    uint8_t *partial; /* a frame of which pieces are still to come; owned; NULL: none */
    size_t partial_len, partial_total;
    bool is_overrun;     /* more was to wait than may: the session ends with the next tick */
    uint32_t told_state; /* of which the log spoke last */
};

/* To be freed by kr_through_free. NULL: no memory. */
struct kr_through *kr_through_new(const uint8_t council[static 32]);
void kr_through_free(struct kr_through *through);

/* The link that such a link goes by, where it is up; NULL: none, and `*ret_state` says why. */
struct kr_link *kr_through_carrier(struct kr_core *core, const struct kr_link *link, uint32_t *ret_state);
/* Whether the two ends reach that scope by their carrier: then it is not shared over the link itself. */
bool kr_through_leaves(const struct kr_core *core, const struct kr_link *link, const struct kr_scope *scope);

/* One frame; takes over `bytes`. What cannot wait any more ends the session, at the next tick. */
enum kr_err kr_through_send(struct kr_step *step, struct kr_link *link, uint8_t *bytes, size_t len) KR_WARN_UNUSED;
/* Whether so much waits that no more records are to be pushed. */
bool kr_through_is_full(const struct kr_link *link);
/* At the end of a batch: reports what came. */
enum kr_err kr_through_flush(struct kr_step *step) KR_WARN_UNUSED;

/* Whether the link may be spoken over: its carrier is up and says that it is ready. Asks for it where that is due. */
enum kr_err kr_through_tick(struct kr_step *step, struct kr_link *link, bool *ret_may) KR_WARN_UNUSED;
/* The link is to be, or no more to be: its carrier is told. */
enum kr_err kr_through_ask(struct kr_step *step, struct kr_link *link, bool is_wanted) KR_WARN_UNUSED;
/* What waits is let go: its session has ended. */
void kr_through_close(struct kr_link *link);

/* The session with a council begins or ends: what goes through it. */
enum kr_err kr_through_carrier_up(struct kr_step *step, struct kr_link *carrier) KR_WARN_UNUSED;
void kr_through_carrier_down(struct kr_core *core, const struct kr_link *carrier);

/* What the carrier says. False: it is not about a link through it, but meant for the node in the middle. */
bool kr_through_message(struct kr_step *step, struct kr_link *carrier, const struct kr_message *message, enum kr_err *ret_err);

/* The operator wants a link with that council through another: KR_PEER_ADD. */
enum kr_err kr_through_add_request(struct kr_step *step, const struct kr_event *event,
                                   const struct kr_peer_act *act) KR_WARN_UNUSED;

#endif
