/* A set of councils by distance from the founders, then by date: for where not all have room, or some expel each other
 * (docs/PROTOCOL.md, "Membership"). Private to membership.c; slow beside what that does otherwise. */
#ifndef KR_NODE_CORE_SENIORITY_H
#define KR_NODE_CORE_SENIORITY_H

#include "node/core/membership.h"

struct kr_newcomer {
    uint64_t since_ms;
    const uint8_t *id;
    uint32_t number;
};

struct kr_seniority {
    uint32_t count;
    uint32_t *distance; /* of each council from the founders; KR_NOT_IN */
    uint64_t *since_ms; /* when it had the vouches that it needed */
    uint32_t *queue;    /* who is in, as they came */
    uint32_t *votes;
    uint32_t *last;                /* the last vouch for it that counts; `next`: the one before; UINT32_MAX: none */
    uint32_t *next;                /* (of each vouch) */
    uint64_t *dates;               /* likewise: since when it counts */
    uint64_t *scratch;             /* dates of the vouches for one council */
    struct kr_newcomer *newcomers; /* at the next distance */
    uint32_t newcomer_count;
};

/* Works the set out, one distance after the other, at most KR_COMMUNITY_COUNCILS_MAX councils. `mutes`: but for those whom a quorum
 * of councils that stand before them has expelled. KR_NOMEM. To be deinited, also after a failure. */
enum kr_err kr_seniority_work_out(const struct kr_membership *membership, const struct kr_reached *set, bool mutes,
                                  struct kr_seniority *ret_seniority) KR_WARN_UNUSED;
void kr_seniority_deinit(struct kr_seniority *seniority);

#endif
