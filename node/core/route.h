/* Which links are eager and which lazy, per tree of dissemination (one for each scope and author): a bounded table in memory.
 *
 * It is a cache of what duplicates and gaps have taught: an entry that is lost costs a few duplicates until it is learnt again.
 * Keys must be keyed hashes, or a peer could choose where they fall. Full, it forgets of eight entries the one unused for longest.
 */
#ifndef KR_NODE_CORE_ROUTE_H
#define KR_NODE_CORE_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/limits.h"

#define KR_ROUTE_KEY_BYTES 16u

/* Set of links, by slot. */
struct kr_slots {
    uint8_t bits[KR_LINKS_MAX / 8];
};
bool kr_slots_has(const struct kr_slots *slots, uint32_t slot);
void kr_slots_add(struct kr_slots *slots, uint32_t slot);
void kr_slots_remove(struct kr_slots *slots, uint32_t slot);

struct kr_route {
    uint8_t key[KR_ROUTE_KEY_BYTES];
    struct kr_slots eager, lazy; /* never both; neither: nothing is known of the link, and it is used like at the beginning */
    uint64_t used;               /* 0: a free place */
    uint32_t since;              /* records that a nearer link had, since one was last asked */
    uint32_t changes;            /* how often one was */
    uint8_t grafted[8];          /* beginning of the id of the record that had to be asked for last */
};

struct kr_routes {
    struct kr_route *items;
    uint32_t capacity;
    uint64_t uses;
};
void kr_routes_deinit(struct kr_routes *routes);
/* NULL: nothing is known. Borrowed until the next call. */
struct kr_route *kr_routes_find(struct kr_routes *routes, const uint8_t key[static KR_ROUTE_KEY_BYTES]);
/* Finds or adds. KR_NOMEM. Borrowed likewise. */
enum kr_err kr_routes_get(struct kr_routes *routes, const uint8_t key[static KR_ROUTE_KEY_BYTES],
                          struct kr_route **ret_route) KR_WARN_UNUSED;
/* The slot will belong to another link. */
void kr_routes_forget(struct kr_routes *routes, uint32_t slot);
void kr_route_set(struct kr_route *route, uint32_t slot, bool is_eager);

#endif
