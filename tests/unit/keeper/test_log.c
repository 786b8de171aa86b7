#include "keeper_test.h"

#include "node/keeper/log.h"

static void test_a_repeat_is_held_back_and_counted(void **state)
{
    (void)state;
    struct kr_log_filter filter = {0};
    uint32_t repeats = 99, cut = 99;
    assert_true(kr_log_filter_pass(&filter, "the disk is full", 5000, &repeats, &cut));
    assert_int_equal(repeats, 0);
    assert_int_equal(cut, 0);
    for (uint64_t ms = 5001; ms < 5010; ms++) {
        assert_false(kr_log_filter_pass(&filter, "the disk is full", ms, &repeats, &cut));
    }
    assert_true(kr_log_filter_pass(&filter, "another sentence", 5020, &repeats, &cut));
    assert_true(kr_log_filter_pass(&filter, "the disk is full", 5000 + KR_LOG_REPEAT_MS, &repeats, &cut));
    assert_int_equal(repeats, 9);
}

static void test_a_flood_of_different_lines_is_cut_and_counted(void **state)
{
    (void)state;
    struct kr_log_filter filter = {0};
    uint32_t repeats = 0, cut = 0, passed = 0;
    for (unsigned i = 0; i < 500; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "line %u", i);
        passed += kr_log_filter_pass(&filter, text, 7000, &repeats, &cut);
    }
    assert_int_equal(passed, KR_LOG_LINES_A_SECOND);
    assert_true(kr_log_filter_pass(&filter, "later", 8000, &repeats, &cut));
    assert_int_equal(cut, 500 - KR_LOG_LINES_A_SECOND);
}

static void test_levels_have_names(void **state)
{
    (void)state;
    assert_int_equal(kr_log_level_parse("error"), KR_LOG_ERROR);
    assert_int_equal(kr_log_level_parse("debug"), KR_LOG_DEBUG);
    assert_int_equal(kr_log_level_parse("Debug"), 0);
    assert_int_equal(kr_log_level_parse(""), 0);
}

/* What the process writes while `body` runs; the descriptor of standard error is put back. */
static void capture(void (*body)(void), char *ret_text, size_t size)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    int saved = dup(STDERR_FILENO);
    assert_true(saved >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
    body();
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
    rewind(file);
    size_t len = fread(ret_text, 1, size - 1, file);
    ret_text[len] = 0;
    (void)fclose(file);
}

static void say_for_the_journal(void)
{
    assert_int_equal(setenv("JOURNAL_STREAM", "8:1", 1), 0);
    kr_log_init(KR_LOG_INFO);
    kr_log(KR_LOG_WARNING, "a name with\na line break and \x1b[31mcolour");
    kr_log(KR_LOG_DEBUG, "not at this level");
}

static void test_journal_lines_bear_their_level_and_no_controls(void **state)
{
    (void)state;
    char text[1024];
    capture(say_for_the_journal, text, sizeof text);
    assert_string_equal(text, "<4>kairand: a name with?a line break and ?[31mcolour\n");
}

static void say_for_a_terminal(void)
{
    assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
    kr_log_init(KR_LOG_INFO);
    kr_log(KR_LOG_INFO, "plain");
}

static void test_plain_lines_bear_the_time(void **state)
{
    (void)state;
    char text[1024];
    int year = 0, month = 0, day = 0, at = 0;
    capture(say_for_a_terminal, text, sizeof text);
    assert_int_equal(sscanf(text, "%4d-%2d-%2dT%*2d:%*2d:%*2d%*5s kairand: plain%n", &year, &month, &day, &at), 3);
    assert_true(year >= 2024 && at > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_repeat_is_held_back_and_counted),
        cmocka_unit_test(test_a_flood_of_different_lines_is_cut_and_counted),
        cmocka_unit_test(test_levels_have_names),
        cmocka_unit_test(test_journal_lines_bear_their_level_and_no_controls),
        cmocka_unit_test(test_plain_lines_bear_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
