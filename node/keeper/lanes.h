/* What waits for the core: events with their bytes, in lanes (kr_event_lane), put by any thread, taken by the one that runs the
 * core.
 *
 * Control first, then fresh records and clients' requests in turn, of the fresh ones each link's in turn (flows.h); bulk only while
 * nothing fresher waits, or when it has been passed over KR_LANES_PATIENCE times, then KR_LANES_BULK_AT_ONCE of it, so that a
 * steady stream of fresh ones does not starve it. A client's cancel (and its end) takes the requests with it that still wait, for
 * it would otherwise overtake them. */
#ifndef KR_NODE_KEEPER_LANES_H
#define KR_NODE_KEEPER_LANES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/keeper/flows.h"

#define KR_LANES_PATIENCE      16u
#define KR_LANES_BULK_AT_ONCE  16u /* when bulk has been passed over so often */
#define KR_LANES_FRESH_AT_ONCE 4u  /* before a client has its turn */

/* Copies the event with its bytes; takes over its job when it succeeds. NULL: no memory. */
struct kr_item *kr_item_new(const struct kr_event *event);
/* Also frees the job that it still holds. */
void kr_item_free(struct kr_item *item);

struct kr_lanes;
enum kr_err kr_lanes_new(struct kr_lanes **ret_lanes) KR_WARN_UNUSED;
void kr_lanes_free(struct kr_lanes *lanes); /* with all that waits */

/* Hands an item over; wakes the taker if it waits. Cannot fail. */
void kr_lanes_put(struct kr_lanes *lanes, struct kr_item *item);
/* The same from an event. KR_NOMEM leaves the event's job with the caller. */
enum kr_err kr_lanes_put_event(struct kr_lanes *lanes, const struct kr_event *event) KR_WARN_UNUSED;
/* The same for what the core has to learn. Without memory for it the core would believe in what is not: the process then ends, as
 * in a crash, and nothing accepted is lost. */
void kr_lanes_must_put(struct kr_lanes *lanes, const struct kr_event *event);
/* Takes at most `max` items for one batch, in order, from the lanes that go before `below` (KR_CORE_LANE_COUNT: from all). */
size_t kr_lanes_take(struct kr_lanes *lanes, enum kr_lane below, struct kr_item **ret_items, size_t max);
/* Puts items that the batch had no time for back to the front of their lanes, in order. */
void kr_lanes_give_back(struct kr_lanes *lanes, struct kr_item *const *items, size_t count);
/* Frames and losses of a net that is gone mean nothing to the next one. */
void kr_lanes_drop_net(struct kr_lanes *lanes);
/* Whether anything waits that goes before `lane` (KR_CORE_LANE_COUNT: anything at all). Cheap, without the lock. */
bool kr_lanes_has_before(const struct kr_lanes *lanes, enum kr_lane lane);

/* How many wait in one lane. Cheap, without the lock. */
size_t kr_lanes_count(const struct kr_lanes *lanes, enum kr_lane lane);

/* Waiting: an event descriptor for poll. The taker says when it begins to wait (false: something is there before `below`, do not)
 * and when it stops; `wake` makes it look up. The descriptor may be readable once more for what was taken already. */
int kr_lanes_fd(const struct kr_lanes *lanes);
bool kr_lanes_wait_begin(struct kr_lanes *lanes, enum kr_lane below);
void kr_lanes_wait_end(struct kr_lanes *lanes);
void kr_lanes_wake(struct kr_lanes *lanes);

#endif
