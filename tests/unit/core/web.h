/* Nodes in any topology, whose frames take a time of the test's choosing, or are lost, and are read along. */
#ifndef KR_TEST_CORE_WEB_H
#define KR_TEST_CORE_WEB_H

#include "tests/unit/core/bed.h"

#define WEB_DELAY_MS  50u /* of each link at first, one way */
#define WEB_TYPES_MAX 24u

/* What is counted per sender and receiver, by number of node, is counted when it is sent. */
struct web {
    struct bed *bed;
    uint32_t nodes;
    struct sim_edges edges;
    uint64_t delay_ms[BED_NODES_MAX][BED_NODES_MAX];
    bool is_dead[BED_NODES_MAX][BED_NODES_MAX];
    struct kr_session ears[BED_NODES_MAX][BED_NODES_MAX]; /* the receiver's session as it will be when it reads */
    uint32_t said[BED_NODES_MAX][BED_NODES_MAX][WEB_TYPES_MAX];
    uint32_t payloads[BED_NODES_MAX][BED_NODES_MAX];
    uint32_t ids[BED_NODES_MAX][BED_NODES_MAX];   /* announced */
    uint32_t asked[BED_NODES_MAX][BED_NODES_MAX]; /* records that were grafted, not trees alone */
};

/* Takes over the edges. Each link is measured when the test begins. */
struct web *web_new(uint32_t nodes, struct sim_edges edges);
struct web *web_ring(uint32_t nodes);
struct web *web_chain(uint32_t nodes);
void web_free(struct web *web);
void web_forget_counts(struct web *web);
void web_set_delay(struct web *web, uint32_t a, uint32_t b, uint64_t delay_ms);
uint32_t web_payloads(const struct web *web);            /* of all links */
uint32_t web_said(const struct web *web, uint32_t type); /* likewise */
/* A GREEN record by that node's council; runs for so long after. */
uint32_t web_publish(struct web *web, uint32_t node, uint64_t ms);
/* The same, AMBER. */
uint32_t web_address(struct web *web, uint32_t node, const uint32_t *audience, uint32_t count, uint64_t ms);
/* How long after its author the node had it; UINT64_MAX: it does not. */
uint64_t web_took_ms(struct web *web, uint32_t node, uint32_t record);
/* From which node it has it. */
uint32_t web_came_from(struct web *web, uint32_t node, uint32_t record);
/* Hops from one node to all others, not over dead links. Returns the largest. */
uint32_t web_distances(const struct web *web, uint32_t from, uint32_t ret_hops[static BED_NODES_MAX]);
/* `from` says to `to` that it has this record, as if its core had. */
void web_announce(struct web *web, uint32_t from, uint32_t to, const uint8_t id[static 32]);

#endif
