/* When bulk may work. Cores and disk are everybody's, and on one small machine they are few: while people wait for small things,
 * bulk works a third of the time at most. One thread. */
#ifndef KR_NODE_KEEPER_PACE_H
#define KR_NODE_KEEPER_PACE_H

#include "node/core/event.h"

#define KR_SMALL_FEW  4u  /* small things in one batch, at most, are what people wait for; more are a flow of their own */
#define KR_SMALL_MS   50u /* where somebody waited so lately for something small, bulk rests */
#define KR_BULK_RESTS 2u  /* times as long as it has worked */

#define KR_LINK_US                                                                                                                 \
    1000u /* where somebody else waited so lately, one link's fresh things take so long of a batch, at most one more */
#define KR_BULK_TURN_US 2000u /* where fresher ones wait as well and bulk has its turn, it goes on so long */
#define KR_LINK_SUMS    16u

struct kr_pace {
    uint32_t small_count; /* in the batch under way */
    bool had_bulk;        /* in it, too */
    uint64_t small_us;    /* when something small was dealt with last */
    uint64_t bulk_at_us;  /* bulk not before */
    struct {
        uint32_t flow;
        uint64_t at_us;
    } waited[2];                    /* the last two who waited for something small */
    uint64_t link_us[KR_LINK_SUMS]; /* what links' fresh things took of this batch, by flow modulo this */
};
/* What an event is; before the core has it, which frees its job. */
enum kr_pace_sort { KR_PACE_OTHER, KR_PACE_SMALL, KR_PACE_BULK };
enum kr_pace_sort kr_pace_sort(const struct kr_event *event);
/* An event of this sort was dealt with. */
void kr_pace_add(struct kr_pace *pace, enum kr_pace_sort sort);
/* The same of who waits for it: something small was done for this flow (flows.h). */
void kr_pace_waited(struct kr_pace *pace, uint32_t flow, uint64_t now_us);
/* An event of this link's flow took so long. */
void kr_pace_link_took(struct kr_pace *pace, uint32_t flow, uint64_t us);
/* Whether this batch should end before the next fresh event of that link: it has had its time, and others are about. */
bool kr_pace_link_rests(const struct kr_pace *pace, uint32_t flow, uint64_t now_us);
/* The batch is durable; it lasted from one time to the other (monotonic). */
void kr_pace_end(struct kr_pace *pace, uint64_t begin_us, uint64_t end_us);
bool kr_pace_bulk_rests(const struct kr_pace *pace, uint64_t now_us);

#endif
