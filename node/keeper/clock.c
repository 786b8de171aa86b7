#include "node/keeper/clock.h"

#include <time.h>

#define JUMP_MS   86400000u
#define STANDS_MS 3600000u

static uint64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t kr_monotonic_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

uint64_t kr_monotonic_ms(void)
{
    return read_us(CLOCK_MONOTONIC) / 1000;
}

uint64_t kr_clock_follow(uint64_t last_ms, uint64_t elapsed_ms, uint64_t system_ms)
{
    uint64_t slow = last_ms + elapsed_ms / 2;
    return system_ms > slow ? system_ms : slow;
}

void kr_clock_init(struct kr_clock *clock)
{
    pthread_mutex_init(&clock->mutex, NULL);
    clock->last_ms = read_us(CLOCK_REALTIME) / 1000;
    clock->last_monotonic_ms = clock->stands_from_ms = kr_monotonic_ms();
    clock->ahead_ms = 0;
}

void kr_clock_deinit(struct kr_clock *clock)
{
    pthread_mutex_destroy(&clock->mutex);
}

uint64_t kr_clock_take(struct kr_clock *clock, uint64_t monotonic_ms, uint64_t system_ms)
{
    uint64_t elapsed_ms = monotonic_ms - clock->last_monotonic_ms, expected_ms = clock->last_ms + elapsed_ms;
    uint64_t now_ms = kr_clock_follow(clock->last_ms, elapsed_ms, system_ms);
    if ((system_ms > expected_ms ? system_ms - expected_ms : expected_ms - system_ms) > JUMP_MS) {
        clock->stands_from_ms = monotonic_ms; /* set back, it is so at each look until the two have met */
    }
    /* An odd millisecond is kept for the next call, else a clock asked every millisecond would stand still. */
    clock->last_monotonic_ms = monotonic_ms - elapsed_ms % 2;
    clock->last_ms = now_ms;
    clock->ahead_ms = now_ms - system_ms;
    return now_ms;
}

uint64_t kr_clock_now_ms(struct kr_clock *clock)
{
    pthread_mutex_lock(&clock->mutex);
    uint64_t now_ms = kr_clock_take(clock, kr_monotonic_ms(), read_us(CLOCK_REALTIME) / 1000);
    pthread_mutex_unlock(&clock->mutex);
    return now_ms;
}

bool kr_clock_is_settled(struct kr_clock *clock)
{
    pthread_mutex_lock(&clock->mutex);
    bool is_settled = clock->last_monotonic_ms + 1 >= clock->stands_from_ms + STANDS_MS; /* the odd ms that is kept */
    pthread_mutex_unlock(&clock->mutex);
    return is_settled;
}

uint64_t kr_clock_ahead_ms(struct kr_clock *clock)
{
    pthread_mutex_lock(&clock->mutex);
    uint64_t ahead_ms = clock->ahead_ms;
    pthread_mutex_unlock(&clock->mutex);
    return ahead_ms;
}
