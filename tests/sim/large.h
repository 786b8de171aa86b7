/* Worlds of hundreds and thousands of nodes.
 *
 * Linked one by one, 1,788 nodes would each have to admit the cards and vouches of all others: 6 million checks. Here one store is
 * filled with them by the core's own way in, and copied for each node, which then gets an identity and links of its own; from
 * then on all that happens is the protocol's: hello, sessions, catching up. All nodes share the keys that seal a store and hide
 * its terms, or each would need its copy sealed anew. Keyrings lie in plain memory, stores may be a few pages large. */
#ifndef KR_TESTS_SIM_LARGE_H
#define KR_TESTS_SIM_LARGE_H

#include "tests/sim/world.h"

/* Who vouches for whom. A node below `member_count` whose voucher it is itself founds a community, every other one belongs to
 * that of its voucher, which has a lower number. Nodes from `member_count` on are in no community: they hold, share and write
 * only what is CLEAR, and the cards of the first community. */
struct sim_large {
    uint32_t node_count, member_count;
    const uint32_t *vouchers; /* member_count of them */
};
/* Makes the nodes, without links. */
enum sim_verdict sim_large_init(struct sim_world *world, uint64_t seed, const struct sim_large *large);
/* Links the nodes by these edges and no others (copied), and lets sessions come up. */
enum sim_verdict sim_large_wire(struct sim_world *world, const struct sim_edges *edges);
/* Whether a session stands on each end of each edge. */
bool sim_large_is_up(const struct sim_world *world);

#endif
