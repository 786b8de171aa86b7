/* Labels of what is imported. (What goes to a node is tried with one: tests/e2e/import.py.) */
#include "kairan_test.h"

#include "tools/kairan/ship.h"

static void check_label(enum kr_label named, enum kr_label own, bool is_forced, uint32_t audience, enum kr_err expected,
                        enum kr_label label)
{
    static struct kr_submit request;
    struct kr_error error = {.text = ""};
    enum kr_label got = KR_TLP_NONE;
    request = (struct kr_submit){.label = named, .is_forced = is_forced, .audience_count = audience};
    enum kr_err err = kr_ship_label(&request, own, &got, &error);
    if (err != expected || (err == KR_OK && got != label) || (err != KR_OK && error.text[0] == 0)) {
        fail_msg("named %d, own %d, forced %d, to %u: %d, %d, \"%s\"", (int)named, (int)own, is_forced, audience, (int)err,
                 (int)got, error.text);
    }
}

static void test_labels(void **state)
{
    (void)state;
    check_label(KR_TLP_NONE, KR_TLP_NONE, false, 0, KR_UNLABELLED, KR_TLP_NONE);
    check_label(KR_TLP_CLEAR, KR_TLP_NONE, false, 0, KR_OK, KR_TLP_CLEAR);
    check_label(KR_TLP_NONE, KR_TLP_GREEN, false, 0, KR_OK, KR_TLP_GREEN);
    check_label(KR_TLP_CLEAR, KR_TLP_GREEN, false, 0, KR_OK, KR_TLP_GREEN);
    check_label(KR_TLP_GREEN, KR_TLP_CLEAR, false, 0, KR_OK, KR_TLP_GREEN);
    check_label(KR_TLP_CLEAR, KR_TLP_AMBER, false, 0, KR_DENIED, KR_TLP_NONE);
    check_label(KR_TLP_CLEAR, KR_TLP_AMBER, false, 1, KR_OK, KR_TLP_AMBER);
    check_label(KR_TLP_CLEAR, KR_TLP_AMBER, true, 0, KR_OK, KR_TLP_CLEAR);
    check_label(KR_TLP_NONE, KR_TLP_AMBER, true, 1, KR_OK, KR_TLP_AMBER);
    check_label(KR_TLP_AMBER, KR_TLP_RED, false, 1, KR_DENIED, KR_TLP_NONE);
    check_label(KR_TLP_AMBER_STRICT, KR_TLP_NONE, false, 1, KR_DENIED, KR_TLP_NONE);
}

static void test_exercise(void **state)
{
    (void)state;
    assert_true(kr_ship_is_exercise(&(const struct kr_lot){.title = slice(KR_EXERCISE_MARK "x")}));
    assert_true(kr_ship_is_exercise(&(const struct kr_lot){.title = slice("【訓練】標的型メール")}));
    assert_false(kr_ship_is_exercise(&(const struct kr_lot){.title = slice("訓練のお知らせ")}));
    assert_false(kr_ship_is_exercise(&(const struct kr_lot){.title = slice("")}));
}

static void test_names(void **state)
{
    (void)state;
    for (int i = 0; i < KR_SHIPPED_COUNT; i++) {
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(kr_shipped_name((enum kr_shipped)i), kr_shipped_name((enum kr_shipped)j));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_labels), cmocka_unit_test(test_exercise),
                                       cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
