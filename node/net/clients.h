/* Connections of persons' machines: which there are, and how much of what they sent keeper has not dealt with. One key may have
 * several. Numbers are given here and never twice. */
#ifndef KR_NODE_NET_CLIENTS_H
#define KR_NODE_NET_CLIENTS_H

#include <stddef.h>

#include "crypto/limits.h"
#include "node/net/meter.h"

#define KR_ROUTE_BYTES 5u /* of the ids that a ROUTER makes up itself; who chooses his own is not heard */

struct kr_net_client {
    uint32_t number;
    uint8_t key[32], route[KR_ROUTE_BYTES];
    struct kr_connection connection;
    uint32_t frames, bytes; /* that keeper has */
    bool is_cut;            /* nothing of it counts any more; kept until the connection is gone */
};
/* All zero at the beginning. */
struct kr_net_clients {
    struct kr_net_client items[2u * KR_REMOTE_CLIENTS_MAX]; /* those that are cut included */
    uint32_t count, open, last;
};

/* NULL where there is none. Borrowed until the table changes. */
struct kr_net_client *kr_net_client_by_route(struct kr_net_clients *clients, const uint8_t route[static KR_ROUTE_BYTES]);
struct kr_net_client *kr_net_client_by_number(struct kr_net_clients *clients, uint32_t number);
/* A connection that has said something for the first time. NULL where there are too many, of this key or of all. */
struct kr_net_client *kr_net_client_add(struct kr_net_clients *clients, const uint8_t key[static 32],
                                        const uint8_t route[static KR_ROUTE_BYTES], const struct kr_connection *connection);
/* Whether keeper may be given one more frame; if so, it counts. */
bool kr_net_client_charge(struct kr_net_client *client, size_t len);
void kr_net_client_taken(struct kr_net_client *client, uint64_t frames, uint64_t bytes);
/* Ends the connection; false where it was cut already. */
bool kr_net_client_cut(struct kr_net_clients *clients, struct kr_net_client *client);
/* Forgets the next one whose connection has ended; `*ret_client` is what it was. False where there is none more. */
bool kr_net_client_sweep(struct kr_net_clients *clients, struct kr_net_client *ret_client);

#endif
