/* What a plan is drawn with. */
#ifndef KR_TESTS_SIM_DRAW_H
#define KR_TESTS_SIM_DRAW_H

#include "tests/sim/plan.h"

struct sim_hand {
    struct sim_plan *plan;
    const struct sim_bounds *bounds;
    struct kr_rng rng;
    uint64_t unit_ms; /* how long troubles last, about */
};

static inline uint32_t draw_below(struct sim_hand *hand, uint32_t bound)
{
    return (uint32_t)kr_rng_below(&hand->rng, bound);
}

static inline bool draw_one_in(struct sim_hand *hand, uint32_t n)
{
    return draw_below(hand, n) == 0;
}

static inline uint64_t draw_time(struct sim_hand *hand)
{
    return kr_rng_below(&hand->rng, hand->plan->end_ms);
}

static inline uint64_t draw_while(struct sim_hand *hand)
{
    return 1000 + kr_rng_below(&hand->rng, hand->unit_ms);
}

/* ---- draw_life.c ---- */
/* The second community that there is lets in, expels, is left. */
void sim_draw_life(struct sim_hand *hand);

#endif
