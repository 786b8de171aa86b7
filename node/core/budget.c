#include "node/core/budget.h"

bool kr_budget_take(struct kr_budget *budget, uint64_t now_ms, uint64_t count, uint64_t most, uint64_t a_second)
{
    const uint64_t back = (now_ms - budget->since_ms) * a_second / 1000;
    if (back > 0 || budget->used == 0) {
        budget->used -= back < budget->used ? back : budget->used;
        budget->since_ms = now_ms;
    }
    if (count > most || budget->used > most - count) {
        return false;
    }
    budget->used += count;
    return true;
}
