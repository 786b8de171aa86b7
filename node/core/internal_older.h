/* Versions of the council's own records that were replaced: kept, so that what a stolen key said of a person can be taken out again
 * and what stood before stands once more. Drafts are not kept: nothing shall be left of what was decided about.
 *
 *   replaced ──▶ kept, in no tree and read by nobody ──(the one that stands turns out false)──▶ stands again
 *                 at most KR_OLDER_MAX of one subject; where they are so many, one that stood for less than a day goes itself, else
 *                 the oldest: nobody flushes them out in a night
 *
 * In KR_TABLE_RECEIPTS: "older" ‖ kind ‖ subject 32 ‖ record id 32 → empty array. */
#ifndef KR_NODE_CORE_INTERNAL_OLDER_H
#define KR_NODE_CORE_INTERNAL_OLDER_H

#include "node/core/state.h"

#define KR_OLDER_MAX 8u

/* It has just been replaced, and is out of its tree. */
enum kr_err kr_internal_replaced(struct kr_step *step, uint64_t arrival) KR_WARN_UNUSED;
/* One that was kept is about to go. */
enum kr_err kr_internal_forget(struct kr_txn *txn, const struct kr_head *head) KR_WARN_UNUSED;
/* What stands where that one stands or stood: the newest that no revocation calls false, and the rows beside it follow.
 * `*ret_changed`: it was another one before. */
enum kr_err kr_internal_settle(struct kr_step *step, const struct kr_head *head, bool *ret_changed) KR_WARN_UNUSED;

#endif
