/* Records that peers announced and that are not here yet, and records under check: a bounded table in memory, by the first 16 bytes
 * of their ids.
 *
 * Peers choose these bytes, so they are hashed with a key before they choose a place. How many entries a peer may cause is the
 * caller's to bound (kr_awaiting_has_room); those of records under check are bounded by the bytes that may be under check. */
#ifndef KR_NODE_CORE_AWAITED_H
#define KR_NODE_CORE_AWAITED_H

#include "node/core/route.h"
#include "proto/wire/wire.h"

struct kr_awaited {
    uint8_t id[KR_SHORT_ID_BYTES];
    struct kr_slots announced;         /* links that say that they have it, or have sent it */
    struct kr_slots tried;             /* of them, those that were asked, or whose copy is being checked */
    uint32_t owner, first;             /* link that it counts for, and the one that announced it first; KR_LINKS_MAX: none */
    uint32_t ask;                      /* link that is asked for it by this very flush; KR_LINKS_MAX: none */
    uint32_t checks;                   /* copies under check */
    bool is_grafted;                   /* some link was asked for it */
    uint64_t announced_ms, arrived_ms; /* first announcement, first copy; 0: none yet */
    uint64_t due_ms;                   /* when the next link is asked; UINT64_MAX: not while it is under check */
    uint32_t next;                     /* place in the chain; for the table only */
};

struct kr_awaiting {
    uint8_t secret[32];       /* set by the caller before the first use */
    struct kr_awaited *items; /* dense, in no order */
    uint32_t count, capacity;
    uint32_t *heads; /* as many as capacity; index + 1 */
    uint32_t owned[KR_LINKS_MAX], owned_count;
};
void kr_awaiting_deinit(struct kr_awaiting *awaiting);
/* NULL: not there. Borrowed until the next call that adds or removes. */
struct kr_awaited *kr_awaiting_find(const struct kr_awaiting *awaiting, const uint8_t id[static KR_SHORT_ID_BYTES]);
/* Whether link `slot` may cause one entry more: it always may have KR_AWAITED_FLOOR, and KR_AWAITED_LINK_MAX as long as all links
 * together have little. */
bool kr_awaiting_has_room(const struct kr_awaiting *awaiting, uint32_t slot);
/* Adds one that is not there, for link `owner` or for none (KR_LINKS_MAX). KR_NOMEM. Borrowed likewise. */
enum kr_err kr_awaiting_add(struct kr_awaiting *awaiting, const uint8_t id[static KR_SHORT_ID_BYTES], uint32_t owner,
                            struct kr_awaited **ret_awaited) KR_WARN_UNUSED;
/* Puts the last of `items` in its place. */
void kr_awaiting_remove(struct kr_awaiting *awaiting, struct kr_awaited *awaited);
/* The slot will belong to another link: what it alone announced is forgotten, unless it is under check. What others announced too
 * counts for one of them from now on. */
void kr_awaiting_forget(struct kr_awaiting *awaiting, uint32_t slot);

#endif
