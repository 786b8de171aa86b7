#include "node/core/budget.h"

bool kr_budget_take(struct kr_budget *budget, uint64_t now_ms, uint64_t most, uint64_t a_second)
{
    const uint64_t more = (now_ms - budget->filled_ms) * a_second / 1000;
    if (more > 0) {
        budget->left = more < most - budget->left ? budget->left + more : most;
        budget->filled_ms = now_ms;
    }
    if (budget->left == 0) {
        return false;
    }
    budget->left--;
    return true;
}
