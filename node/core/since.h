/* Since when each council is in (docs/PROTOCOL.md, "Membership"; docs/adr/0051-newcomers-from-now-on.md). Private to membership.c.
 */
#ifndef KR_NODE_CORE_SINCE_H
#define KR_NODE_CORE_SINCE_H

#include "node/core/membership.h"

/* Follows a vouch that is another than it was (`old` NULL: there was none) to those whose dates it may change. Without memory for
 * that: all are still to be worked out. */
void kr_since_change(struct kr_membership *membership, const struct kr_edge *edge, const struct kr_edge *old);
/* Works all dates out from all vouches. KR_NOMEM, and then all is as before. */
enum kr_err kr_since_work_out(struct kr_membership *membership) KR_WARN_UNUSED;

#endif
