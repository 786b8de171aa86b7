#include "tools/client/patience.h"

#include <sched.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

int kr_patience_poll(struct kr_patience *patience, struct pollfd *wait, int timeout_ms)
{
    const uint64_t begin_us = now_us();
    int ready = 0;
    if (!patience->has_begun) {
        patience->has_begun = true;
        patience->has_cores = sysconf(_SC_NPROCESSORS_ONLN) > 1; /* else nobody could answer meanwhile */
    }
    while (patience->is_patient && ready == 0 && now_us() - begin_us < KR_PATIENCE_US) {
        ready = poll(wait, 1, 0);
        if (ready == 0) {
            (void)sched_yield(); /* who is to answer may wait for this very core */
        }
    }
    if (ready == 0) {
        ready = poll(wait, 1, timeout_ms);
    }
    patience->is_patient = patience->has_cores && now_us() - begin_us < KR_PATIENCE_US;
    return ready;
}
