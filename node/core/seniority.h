/* A set of councils by distance from the founders, then by date: for where not all have room, or some expel each other
 * (docs/PROTOCOL.md, "Membership"). Private to membership.c. One look at each vouch of who is in tells the distances; a date is
 * worked out where it is asked for, with those that it stands on. */
#ifndef KR_NODE_CORE_SENIORITY_H
#define KR_NODE_CORE_SENIORITY_H

#include "node/core/membership.h"

struct kr_asked {
    uint32_t council, at; /* which of the vouches for it is to be looked at */
};

struct kr_seniority {
    uint32_t council_count; /* how many there were then */
    uint32_t count;
    uint32_t *distance;     /* of each council from the founders; KR_NOT_IN */
    uint32_t *queue;        /* who is in, by distance */
    uint32_t *votes;        /* for each, by who is in */
    uint64_t *since_ms;     /* when each had the vouches that it needed; KR_NOT_SINCE: not asked yet; NULL: of nobody */
    struct kr_asked *asked; /* whose dates are asked for, each by the one before; room for one of each distance */
    uint64_t *least;        /* room for as many dates as it needs vouches */
};

/* Works the set out, one distance after the other, at most KR_COMMUNITY_COUNCILS_MAX councils. `mutes`: but for those whom a quorum
 * of councils that stand before them has expelled. KR_NOMEM. To be deinited, also after a failure. */
enum kr_err kr_seniority_work_out(const struct kr_membership *membership, const struct kr_reached *set, bool mutes,
                                  struct kr_seniority *ret_seniority) KR_WARN_UNUSED;
/* Whether one statement of `mutes` that is another than it was may change who is in or who stands before whom: a vouch or expulsion
 * by who is in, of somebody who is not, or not before it. */
bool kr_seniority_may_change(const struct kr_seniority *seniority, enum kr_word word, const struct kr_edge *edge);
void kr_seniority_deinit(struct kr_seniority *seniority);

#endif
