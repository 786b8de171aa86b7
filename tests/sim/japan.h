/* Japan's local governments, as far as a simulation needs them: 47 prefectures and 1,741 municipalities (the 23 special wards
 * of Tokyo among them), in the eleven regions of the telecommunications bureaus, where its eleven security communities are. */
#ifndef KR_TESTS_SIM_JAPAN_H
#define KR_TESTS_SIM_JAPAN_H

#include "tests/sim/topology.h"

#define SIM_JAPAN_PREFECTURES 47u
#define SIM_JAPAN_NODES       1788u /* and all municipalities */

/* Nodes 0 to 46 are the prefectures from north to south, the others municipalities: ret_parents[node] is the prefecture of each,
 * and of a prefecture itself. Where there are not SIM_JAPAN_NODES, each prefecture has its share of those that there are.
 * `node_count` >= 47. */
void sim_japan_parents(uint32_t node_count, uint32_t *ret_parents);
/* Each municipality with its prefecture; the prefectures of a region with each other; the seats of the regions with each other. */
void sim_edges_japan(struct sim_edges *edges, uint32_t node_count);

#endif
