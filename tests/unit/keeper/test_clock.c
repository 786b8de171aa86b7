#include "keeper_test.h"

#include "node/keeper/clock.h"
#include "node/keeper/latency.h"

static void test_a_step_forward_is_followed_at_once(void **state)
{
    (void)state;
    assert_int_equal(kr_clock_follow(1000, 10, 1010), 1010);
    assert_int_equal(kr_clock_follow(1000, 10, 900000), 900000);
}

static void test_a_step_back_is_made_good_at_half_speed(void **state)
{
    (void)state;
    uint64_t ours = 100000, theirs = 90000;
    for (unsigned i = 0; i < 30; i++) {
        theirs += 1000;
        uint64_t next = kr_clock_follow(ours, 1000, theirs);
        assert_true(next > ours); /* never stands, never goes back */
        ours = next;
    }
    assert_int_equal(ours, theirs); /* 10 s behind: made good after 20 s */
}

static void test_the_clock_never_goes_back(void **state)
{
    (void)state;
    struct kr_clock clock;
    kr_clock_init(&clock);
    uint64_t last = 0;
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t now = kr_clock_now_ms(&clock);
        assert_true(now >= last);
        last = now;
    }
    clock.last_ms += 3600 * 1000; /* as if the system's clock had been set back by an hour */
    last = clock.last_ms;
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t now = kr_clock_now_ms(&clock);
        assert_true(now >= last);
        last = now;
    }
    kr_clock_deinit(&clock);
}

static void test_what_was_set_by_days_has_to_stand(void **state)
{
    (void)state;
    const uint64_t minute_ms = 60000, hour_ms = 3600000, day_ms = 24 * hour_ms;
    struct kr_clock clock;
    kr_clock_init(&clock);
    uint64_t monotonic_ms = clock.last_monotonic_ms, system_ms = clock.last_ms;
    const int64_t steps_ms[] = {0, 400 * (int64_t)day_ms,
                                -400 * (int64_t)day_ms}; /* the start; ahead; and back to what was right */
    for (unsigned step = 0; step < 3; step++) {
        system_ms += (uint64_t)steps_ms[step];
        assert_true(kr_clock_take(&clock, monotonic_ms, system_ms) >= system_ms);
        for (unsigned minutes = 0; minutes < 60; minutes++) {
            assert_false(kr_clock_is_settled(&clock));
            monotonic_ms += minute_ms;
            system_ms += minute_ms;
            (void)kr_clock_take(&clock, monotonic_ms, system_ms);
        }
        assert_int_equal(kr_clock_is_settled(&clock), step < 2); /* ahead of the system's clock by a year it is not believed */
    }
    kr_clock_deinit(&clock);
    kr_clock_init(&clock);
    monotonic_ms = clock.last_monotonic_ms + 2 * hour_ms;
    system_ms = clock.last_ms + 2 * hour_ms;
    (void)kr_clock_take(&clock, monotonic_ms, system_ms);
    assert_true(kr_clock_is_settled(&clock));
    (void)kr_clock_take(&clock, monotonic_ms + minute_ms, system_ms + 20 * hour_ms);
    assert_true(kr_clock_is_settled(&clock)); /* less than a day is no reason */
    kr_clock_deinit(&clock);
}

/* How long it goes at half speed can be told. */
static void test_how_far_it_is_ahead_is_told(void **state)
{
    (void)state;
    const uint64_t minute_ms = 60000, hour_ms = 3600000;
    struct kr_clock clock;
    kr_clock_init(&clock);
    uint64_t monotonic_ms = clock.last_monotonic_ms, system_ms = clock.last_ms;
    assert_int_equal(kr_clock_ahead_ms(&clock), 0);
    system_ms -= hour_ms;
    for (unsigned minutes = 0; minutes <= 120; minutes++) {
        (void)kr_clock_take(&clock, monotonic_ms + minutes * minute_ms, system_ms + minutes * minute_ms);
        assert_int_equal(kr_clock_ahead_ms(&clock), hour_ms - minutes * minute_ms / 2);
    }
    (void)kr_clock_take(&clock, monotonic_ms + 3 * hour_ms, system_ms + 30 * hour_ms); /* set forward: followed at once */
    assert_int_equal(kr_clock_ahead_ms(&clock), 0);
    kr_clock_deinit(&clock);
}

static void test_percentiles_of_the_last_samples(void **state)
{
    (void)state;
    static struct kr_latency latency;
    assert_int_equal(kr_latency_percentile(&latency, 50), 0);
    kr_latency_add(&latency, 7);
    assert_int_equal(kr_latency_percentile(&latency, 99), 7);
    for (unsigned i = 0; i < KR_LATENCY_SAMPLES; i++) {
        kr_latency_add(&latency, 1000000); /* pushed out by what follows */
    }
    for (unsigned i = KR_LATENCY_SAMPLES; i > 0; i--) {
        kr_latency_add(&latency, i);
    }
    assert_int_equal(kr_latency_percentile(&latency, 0), 1);
    assert_int_equal(kr_latency_percentile(&latency, 50), 512);
    assert_int_equal(kr_latency_percentile(&latency, 99), 1013);
    assert_int_equal(kr_latency_percentile(&latency, 100), KR_LATENCY_SAMPLES);
    assert_int_equal(latency.count, 2 * KR_LATENCY_SAMPLES + 1);
    kr_latency_add(&latency, UINT64_MAX);
    assert_int_equal(kr_latency_percentile(&latency, 100), UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_step_forward_is_followed_at_once), cmocka_unit_test(test_a_step_back_is_made_good_at_half_speed),
        cmocka_unit_test(test_the_clock_never_goes_back),          cmocka_unit_test(test_what_was_set_by_days_has_to_stand),
        cmocka_unit_test(test_how_far_it_is_ahead_is_told),        cmocka_unit_test(test_percentiles_of_the_last_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
