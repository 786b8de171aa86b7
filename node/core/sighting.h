/* Sightings (docs/PROTOCOL.md, "Sightings"): what was seen of a record, told to those who have it. */
#ifndef KR_NODE_CORE_SIGHTING_H
#define KR_NODE_CORE_SIGHTING_H

#include "store/store.h"

/* Whether that record is a sighting of one that is here and not shown (taken back, expired, apart from the others until its author
 * is trusted), or that it was not made to go with: it is shown no more than that one. */
enum kr_err kr_sighting_is_moot(struct kr_txn *txn, const struct kr_head *head, uint64_t now_ms, bool *ret_is_moot) KR_WARN_UNUSED;

#endif
