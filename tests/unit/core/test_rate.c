/* What went over a link in the last minute. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/core/rate.h"

#define START_MS UINT64_C(1800000000000)

static void it_is_counted_and_forgotten_after_a_minute(void **state)
{
    (void)state;
    struct kr_rate rate = {0};
    struct kr_rated rated = kr_rate_of(&rate, START_MS);
    assert_true(rated.bytes == 0 && rated.records == 0 && rated.span_ms == 60000);
    kr_rate_add(&rate, START_MS, 2, 1000);
    kr_rate_add(&rate, START_MS + 30000, 1, 500);
    rated = kr_rate_of(&rate, START_MS + 30000);
    assert_true(rated.bytes == 1500 && rated.records == 3);
    rated = kr_rate_of(&rate, START_MS + 64999); /* the whole minute before, and what has begun */
    assert_true(rated.bytes == 1500 && rated.span_ms == 64999);
    rated = kr_rate_of(&rate, START_MS + 65000);
    assert_true(rated.bytes == 500 && rated.records == 1 && rated.span_ms == 60000);
    rated = kr_rate_of(&rate, START_MS + 95000);
    assert_true(rated.bytes == 0 && rated.records == 0);
}

static void places_are_used_again(void **state)
{
    (void)state;
    struct kr_rate rate = {0};
    for (uint64_t s = 0; s < 3600; s++) { /* an even flow is shown as what it is, at whatever time one asks */
        kr_rate_add(&rate, START_MS + s * 1000, 1, 100);
        if (s >= 120) {
            const struct kr_rated rated = kr_rate_of(&rate, START_MS + s * 1000 + 999);
            assert_in_range(rated.bytes * 1000 / rated.span_ms, 98, 102);
            assert_in_range(rated.records * 1000 * 100 / rated.span_ms, 98, 102);
        }
    }
}

static void a_clock_that_jumps_harms_nothing(void **state)
{
    (void)state;
    struct kr_rate rate = {0};
    kr_rate_add(&rate, START_MS, 1, 100);
    kr_rate_add(&rate, START_MS - 600000, 1, 100); /* counts as the newest */
    assert_int_equal(kr_rate_of(&rate, START_MS).bytes, 200);
    assert_int_equal(kr_rate_of(&rate, START_MS - 600000).bytes, 200);
    kr_rate_add(&rate, UINT64_MAX, 1, 7);
    assert_int_equal(kr_rate_of(&rate, UINT64_MAX).bytes, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_counted_and_forgotten_after_a_minute),
        cmocka_unit_test(places_are_used_again),
        cmocka_unit_test(a_clock_that_jumps_harms_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
