/* So much at once, and so much in the long run, whatever the steps in which it is taken. */
#include "node/core/budget.h"
#include "tests/unit/core/bed.h"

static void all_of_it_is_there_at_once_and_no_more(void **state)
{
    struct kr_budget budget = {0};
    (void)state;
    for (uint32_t i = 0; i < 10; i++) {
        assert_true(kr_budget_take(&budget, 1000000, 1, 10, 2));
    }
    assert_false(kr_budget_take(&budget, 1000000, 1, 10, 2));
    assert_true(kr_budget_take(&budget, 1000000, 0, 10, 2));
    assert_false(kr_budget_take(&budget, 1000499, 1, 10, 2));
    assert_true(kr_budget_take(&budget, 1000500, 1, 10, 2));
    assert_false(kr_budget_take(&budget, 1000500, 1, 10, 2));
}

static void what_is_not_there_takes_nothing(void **state)
{
    struct kr_budget budget = {0};
    (void)state;
    assert_false(kr_budget_take(&budget, 5000, 11, 10, 1));
    assert_false(kr_budget_take(&budget, 5000, UINT64_MAX, 10, 1));
    assert_true(kr_budget_take(&budget, 5000, 7, 10, 1));
    assert_false(kr_budget_take(&budget, 5000, 4, 10, 1));
    assert_true(kr_budget_take(&budget, 5000, 3, 10, 1));
}

static void in_the_long_run_it_is_so_much_a_second(void **state)
{
    struct kr_budget budget = {0};
    uint64_t taken = 0;
    (void)state;
    for (uint64_t now_ms = 1; now_ms <= 3600000; now_ms += 7) {
        taken += kr_budget_take(&budget, now_ms, 1, 100, 16);
    }
    assert_in_range(taken, 3600 * 14, 100 + 3600 * 16);
    /* And after a rest no more than all. */
    taken = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        taken += kr_budget_take(&budget, 90000000, 1, 100, 16);
    }
    assert_int_equal(taken, 100);
}

/* Bounds that follow what is held here. */
static void what_was_used_stays_when_the_bound_moves(void **state)
{
    struct kr_budget budget = {0};
    (void)state;
    assert_true(kr_budget_take(&budget, 1000, 100, 100, 1));
    assert_false(kr_budget_take(&budget, 1000, 1, 50, 1));
    assert_true(kr_budget_take(&budget, 1000, 20, 120, 1));
    assert_false(kr_budget_take(&budget, 1000, 1, 120, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it_is_there_at_once_and_no_more),
        cmocka_unit_test(what_is_not_there_takes_nothing),
        cmocka_unit_test(in_the_long_run_it_is_so_much_a_second),
        cmocka_unit_test(what_was_used_stays_when_the_bound_moves),
    };
    return cmocka_run_group_tests_name("core/budget", tests, NULL, NULL);
}
