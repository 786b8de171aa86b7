/* What a revision changes, for the person who is about to send it: what goes, what comes, how much stays. */
#ifndef KR_TOOLS_KAIRAN_DIFFERENCE_H
#define KR_TOOLS_KAIRAN_DIFFERENCE_H

#include <stdio.h>

#include "tools/kairan/split.h"

/* What stands now, as `kind` (1 report, 2 advisory) and content, against the plan. An indicator with another note has changed. What
 * cannot be read, or was empty, is passed over: then all that comes is new. KR_NOMEM. */
enum kr_err kr_show_difference(FILE *out, uint32_t kind, struct kr_slice content, const struct kr_plan *plan) KR_WARN_UNUSED;

#endif
