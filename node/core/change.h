/* When a record became another one for those who read here, long after it came: a row for each, so that whoever asks for what is
 * new since some time is told of it (KR_OP_EXPORT).
 *
 * Noted are: what left quarantine; what was dated ahead, when its time came; what a retraction or revision took back that had
 * waited for the operator; what expired. (Taking back at once needs no row: the retraction has an arrival of its own.) Rows have
 * their numbers from the same count as arrivals, so that one number tells how far a reader is with both. */
#ifndef KR_NODE_CORE_CHANGE_H
#define KR_NODE_CORE_CHANGE_H

#include "store/store.h"

/* The record with that arrival changed just now. An earlier row about it goes. */
enum kr_err kr_change_note(struct kr_txn *txn, uint64_t arrival) KR_WARN_UNUSED;
/* Nothing of it is left, and nothing to be told. */
enum kr_err kr_change_forget(struct kr_txn *txn, uint64_t arrival) KR_WARN_UNUSED;

/* Rows in order of their numbers, from `from` on; the visitor returns false to stop. `*ret_damaged`: rows met that do not open. */
typedef bool kr_change_visit(void *context, uint64_t number, uint64_t arrival);
enum kr_err kr_change_each(struct kr_txn *txn, uint64_t from, kr_change_visit *visit, void *context,
                           uint32_t *ret_damaged) KR_WARN_UNUSED;

#endif
