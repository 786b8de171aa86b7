/* Items in flows, one for each source: a source's items keep their order, and sources take turns, one item each. So whoever brings
 * much waits behind itself, and the others wait for one item of it.
 *
 * A list without memory of its own: nothing here can fail. Not for several threads by itself. */
#ifndef KR_NODE_KEEPER_FLOWS_H
#define KR_NODE_KEEPER_FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/core/event.h"

/* One event in a list. The first of a flow also holds the flow. */
struct kr_item {
    struct kr_item *next;             /* in its flow */
    struct kr_item *last, *next_flow; /* of the first in a flow: the flow's last item; whose turn is next */
    uint32_t flow;
    struct kr_event event; /* event.bytes points to `bytes` */
    uint8_t bytes[];
};

/* All zero: none. */
struct kr_flows {
    struct kr_item *first, *last; /* flows, in the order of their turns */
};

/* Whose event it is: the number of the link that it came over, or whose record it is about; 0: our own. */
uint32_t kr_flow_of(const struct kr_event *event);

/* Behind all of its flow; a flow that was empty has its turn after the others. */
void kr_flows_put(struct kr_flows *flows, struct kr_item *item);
/* The first of the flow whose turn it is, which then goes behind the others. NULL: there is none. */
struct kr_item *kr_flows_take(struct kr_flows *flows);
/* Undoes the taking of this item; several are given back in the reverse order. */
void kr_flows_give_back(struct kr_flows *flows, struct kr_item *item);
/* Takes out those that `drops` says, and hands each to `drop`. Returns how many. */
size_t kr_flows_filter(struct kr_flows *flows, bool (*drops)(const struct kr_event *event, const struct kr_event *why),
                       const struct kr_event *why, void (*drop)(struct kr_item *item));

#endif
