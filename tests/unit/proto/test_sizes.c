/* How large the store was on each of the last days. */
#include "proto_test.h"

#include "proto/client/sizes.h"

#define DAY   86400u
#define START (20000u * (uint64_t)DAY + 100)

static void a_line_is_added_once_a_day(void **state)
{
    (void)state;
    struct kr_sizes sizes = {0}, again;
    char text[KR_SIZES_TEXT_BYTES + 1];
    for (uint64_t day = 0; day < KR_SIZES_DAYS_MAX + 3; day++) {
        assert_true(kr_sizes_note(&sizes, START + day * DAY, 1000 + day));
        assert_false(kr_sizes_note(&sizes, START + day * DAY + 3600, 9999));
    }
    assert_int_equal(sizes.count, KR_SIZES_DAYS_MAX);
    assert_true(sizes.days[0].at_s == START + 3 * DAY && sizes.days[0].bytes == 1003);
    const size_t len = kr_sizes_print(&sizes, text);
    assert_int_equal(kr_sizes_parse(text, len, &again), KR_OK);
    assert_memory_equal(&sizes, &again, sizeof sizes);
    /* The clock was set back: what is to come goes. */
    assert_true(kr_sizes_note(&sizes, START + 4 * DAY - 50, 7));
    assert_true(sizes.count == 2 && sizes.days[1].bytes == 7);
}

static void growth_is_told_after_a_day(void **state)
{
    (void)state;
    struct kr_sizes sizes = {0};
    uint64_t days = 1;
    assert_true(kr_sizes_growth(&sizes, START, 5, &days) == 0 && days == 0);
    assert_true(kr_sizes_note(&sizes, START, 1000));
    assert_true(kr_sizes_growth(&sizes, START + DAY - 1, 5000, &days) == 0 && days == 0);
    assert_true(kr_sizes_growth(&sizes, START + 4 * DAY, 5000, &days) == 1000 && days == 4);
    assert_true(kr_sizes_growth(&sizes, START + 4 * DAY, 500, &days) == 0 && days == 4); /* smaller */
}

static void what_is_no_such_file_is_refused(void **state)
{
    static const char *const bad[] = {"1",      "1 ", "1 2", "1\n2\n", " 1 2\n", "-1 2\n", "1 2\n3", "1 12345678901234567890\n",
                                      "1 2 3\n"};
    char many[(KR_SIZES_DAYS_MAX + 1) * 4 + 1] = "";
    struct kr_sizes sizes;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(kr_sizes_parse(bad[i], strlen(bad[i]), &sizes), KR_MALFORMED);
    }
    for (uint32_t i = 0; i <= KR_SIZES_DAYS_MAX; i++) {
        memcpy(many + (size_t)i * 4, "1 2\n", 5);
    }
    assert_int_equal(kr_sizes_parse(many, strlen(many), &sizes), KR_BOUNDS);
    assert_int_equal(kr_sizes_parse("", 0, &sizes), KR_OK);
    assert_int_equal(sizes.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_added_once_a_day),
        cmocka_unit_test(growth_is_told_after_a_day),
        cmocka_unit_test(what_is_no_such_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
