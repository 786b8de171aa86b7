/* Unix time in ms that never goes back. When the system's clock is set back, this one goes on at half speed until the two meet;
 * when it is set forward, this one follows at once. Whether it can be believed is another matter: after a start, and after the
 * system's clock was set by more than a day, in either direction, it has to stand for an hour first. Any thread. */
#ifndef KR_NODE_KEEPER_CLOCK_H
#define KR_NODE_KEEPER_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct kr_clock {
    pthread_mutex_t mutex;
    uint64_t last_ms, last_monotonic_ms;
    uint64_t stands_from_ms; /* monotonic */
    uint64_t ahead_ms;       /* of the system's, which was set back */
};
void kr_clock_init(struct kr_clock *clock);
void kr_clock_deinit(struct kr_clock *clock);
uint64_t kr_clock_now_ms(struct kr_clock *clock);
/* Whether what it says has stood long enough to delete by it what has expired. Ask the time at least once a minute. */
bool kr_clock_is_settled(struct kr_clock *clock);
/* How far it was ahead of the system's clock when it was last asked: until that is 0 it goes at half speed, twice as long as this.
 */
uint64_t kr_clock_ahead_ms(struct kr_clock *clock);

/* CLOCK_MONOTONIC, for durations. */
uint64_t kr_monotonic_us(void);
uint64_t kr_monotonic_ms(void);

/* The rule alone: what the clock says next. */
uint64_t kr_clock_follow(uint64_t last_ms, uint64_t elapsed_ms, uint64_t system_ms);
/* The same with what it remembers: the system's clocks say this now. */
uint64_t kr_clock_take(struct kr_clock *clock, uint64_t monotonic_ms, uint64_t system_ms);

#endif
