/* The store's map as status tells of it: how full, and for how long somebody has kept pages of it from being used again. */
#ifndef KR_NODE_KEEPER_ROOM_H
#define KR_NODE_KEEPER_ROOM_H

#include <stdint.h>

#include "proto/client/client.h"
#include "store/store.h"

/* Who was seen to be behind, and since when (monotonic); all 0: nobody. */
struct kr_held {
    uint64_t snapshot, since_ms;
    uint32_t process;
};
/* On the writer's thread, outside of its transactions; once a minute, so that a reader's time is known to the minute, and when
 * status is asked. `own_process`: the node's. All 0 where the store cannot tell. */
struct kr_status_room kr_room_look(struct kr_held *held, struct kr_store *store, uint32_t own_process, uint64_t now_ms);

#endif
