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
        cmocka_unit_test(test_a_step_forward_is_followed_at_once),
        cmocka_unit_test(test_a_step_back_is_made_good_at_half_speed),
        cmocka_unit_test(test_the_clock_never_goes_back),
        cmocka_unit_test(test_percentiles_of_the_last_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
