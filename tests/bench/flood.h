/* Many records of one indicator, submitted over several connections that are kept full. */
#ifndef KR_BENCH_FLOOD_H
#define KR_BENCH_FLOOD_H

#include "conn.h"
#include "node.h"

#define FLOOD_CONNS 4u

struct flood {
    struct conn conns[FLOOD_CONNS];
    uint32_t sent, ended, count, body_bytes;
    uint64_t base;
    const uint8_t *audience;
};

/* Opens the connections. The records are numbered from `base`; `audience` NULL: TLP:GREEN, else AMBER to that council (borrowed).
 * `body_bytes`: as `report_one` takes it. */
void flood_open(struct flood *flood, const struct node *node, uint32_t count, uint64_t base, const uint8_t *audience,
                uint32_t body_bytes);
/* Returns when all are durable at the node. */
void flood_run(struct flood *flood);
void flood_close(struct flood *flood);

#endif
