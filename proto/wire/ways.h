/* Where the nodes of one council are dialled: an endpoint, and the transport key under which a node is to answer there. A council's
 * card has one of each for every node that it lists (docs/adr/0046). */
#ifndef KR_PROTO_WIRE_WAYS_H
#define KR_PROTO_WIRE_WAYS_H

#include "proto/record/statement.h"

#define KR_WAYS_MAX 64u /* all keys of a card, each at its own endpoint and at two others, and some more */

struct kr_way {
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1]; /* "tcp://host:port" */
    uint8_t transport[32];
};
struct kr_ways {
    uint32_t count;
    struct kr_way items[KR_WAYS_MAX]; /* each once, in the order in which they are to be tried */
};
/* Behind those that there are, unless it is among them. False where it is no endpoint that can be dialled, or there is no room. */
bool kr_ways_add(struct kr_ways *ways, struct kr_slice endpoint, const uint8_t transport[static 32]);
/* Those of the nodes that the card lists at `now_s` and that can be dialled, keys that are still to come into use included. */
void kr_ways_add_listed(struct kr_ways *ways, const struct kr_card *card, uint64_t now_s);

#endif
