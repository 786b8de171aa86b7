/* How much of the council's own one of its other nodes may say, and how much there may be. Private to node/core.
 *
 * All nodes of a council take what one of them said of people, drafts and links, whatever came first. Who has the node key of one
 * could so fill the tables of all, or write over every card, in a minute. So of what one other node's key signed on one day, as it
 * is dated, KR_INTERNAL_DAY_MAX records are taken; what goes beyond that is put off, and asked for again: it has part in what is
 * taken of the days that follow, and is delayed and not lost. By its dates, and not by when it comes, since a node that was away,
 * or was restored from a backup, has days to catch up with. Whoever dates back gains days by that, and is bounded by
 * KR_INTERNAL_COMING_MAX records that come on one day. And of one kind there is something about KR_INTERNAL_KIND_MAX subjects at
 * most: more wait until a revocation, or time, has made room.
 *
 * A link with another node is not bounded by the day on the day on which it is made: who was just taken in fetches all that there
 * is. Nor is what this node signed itself, under whichever of its keys. */
#ifndef KR_NODE_CORE_INTERNAL_BOUND_H
#define KR_NODE_CORE_INTERNAL_BOUND_H

#include "node/core/state.h"

/* Of one that another node of this council brought: KR_OK, or KR_QUOTA, as verdict: put off. */
enum kr_err kr_internal_bound(struct kr_step *step, const struct kr_job *job, const struct kr_link *link,
                              enum kr_err *ret_verdict) KR_WARN_UNUSED;
/* It was taken. The operator is told when a day's share is used up. */
enum kr_err kr_internal_bound_taken(struct kr_step *step, const struct kr_job *job, const struct kr_link *link) KR_WARN_UNUSED;

/* The row of which record stands for that subject: put or replaced, and gone. KR_NOT_FOUND: there was none. */
enum kr_err kr_internal_row_put(struct kr_step *step, const struct kr_header *header, const uint8_t id[static 32]) KR_WARN_UNUSED;
enum kr_err kr_internal_row_drop(struct kr_step *step, const struct kr_header *header) KR_WARN_UNUSED;

#endif
