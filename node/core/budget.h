/* How much of something a peer may have done here: so much at once, and so much a second in the long run. Private to node/core. */
#ifndef KR_NODE_CORE_BUDGET_H
#define KR_NODE_CORE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* All zero: nothing is used. */
struct kr_budget {
    uint64_t used, since_ms; /* as it was then */
};
/* Takes `count` of at most `most`, which come back at `a_second`; false, and takes nothing, where there is not so much left. Both
 * may be others each time: what was used stays. */
bool kr_budget_take(struct kr_budget *budget, uint64_t now_ms, uint64_t count, uint64_t most, uint64_t a_second);

#endif
