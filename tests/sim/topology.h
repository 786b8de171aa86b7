/* Which nodes are linked: lists of edges, and the usual shapes of them. */
#ifndef KR_TESTS_SIM_TOPOLOGY_H
#define KR_TESTS_SIM_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/hash.h"

struct sim_wire;

struct sim_edge {
    uint32_t a, b;
    /* Filled while the two are linked: who invites whom, with which ticket. */
    uint32_t inviter, joiner;
    char *ticket;
    bool is_asked, is_linked;
    bool is_late;           /* made when there is a second community, by a ticket that lets its taker into that: `a` makes it */
    bool is_pending;        /* made by a ticket that came by mail: its operators have to confirm it */
    bool has_confirmed[2];  /* the operator of a, of b, as far as anybody outside knows: a crash may have swallowed the word */
    uint64_t held_ms[2];    /* since when a, b has a root key of the other's that its operator has not confirmed; 0: it has not */
    struct sim_wire *wires; /* from a to b, and back; NULL: nothing was ever wrong with them */
};

struct sim_edges {
    struct sim_edge *items;
    uint32_t count, capacity;
};

void sim_edges_free(struct sim_edges *edges);
void sim_edges_add(struct sim_edges *edges, uint32_t a, uint32_t b);
bool sim_edges_have(const struct sim_edges *edges, uint32_t a, uint32_t b);
/* How many are not late: the first ones, in a world. */
uint32_t sim_edges_on_time(const struct sim_edges *edges);
/* Whether every node can be reached from the first. */
bool sim_edges_connect(const struct sim_edges *edges, uint32_t node_count);

void sim_edges_chain(struct sim_edges *edges, uint32_t node_count);
void sim_edges_ring(struct sim_edges *edges, uint32_t node_count);
void sim_edges_star(struct sim_edges *edges, uint32_t node_count); /* node 0 in the middle */
/* A random connected graph in which every node has `degree` links (one has fewer where the product is odd). `degree` >= 2, less
 * than `node_count`. */
void sim_edges_regular(struct sim_edges *edges, uint32_t node_count, uint32_t degree, struct kr_rng *rng);

#endif
