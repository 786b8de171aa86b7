/* The sets of councils that are reached from the founders, followed step by step. Private to membership.c. */
#ifndef KR_NODE_CORE_REACHED_H
#define KR_NODE_CORE_REACHED_H

#include "node/core/membership.h"

/* So many councils, and one of so many of all, are few: what they say is followed from one to the next. */
#define KR_FEW 16u

/* From all vouches: each is looked at once. */
void kr_reached_work_out(struct kr_membership *membership, struct kr_reached *set);
/* The set's part in one vouch that is another than it was. `counted`, `counts`: whether it did before, and does. */
void kr_reached_change_vouch(struct kr_membership *membership, struct kr_reached *set, const struct kr_edge *edge, bool counted,
                             bool counts);
/* Whether that council has left, or is expelled. */
void kr_reached_change_standing(struct kr_membership *membership, uint32_t council, uint8_t standing, bool is_so);

#endif
