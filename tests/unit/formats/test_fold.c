#include "tests/unit/formats/formats_test.h"
#include "tools/formats/fold.h"

static void check(const char *text, const char *expected)
{
    struct kr_fold *fold = malloc(sizeof *fold);
    assert_non_null(fold);
    kr_fold_line(fold, text, strlen(text), false);
    if (fold->len != strlen(expected) || memcmp(fold->text, expected, fold->len) != 0) {
        fail_msg("%s became %.*s instead of %s", text, (int)fold->len, (const char *)fold->text, expected);
    }
    assert_int_equal(fold->text[fold->len], 0);
    assert_int_equal(kr_fold_origin(fold, fold->len), strlen(text));
    for (size_t i = 0; i < fold->len; i++) { /* places grow, and stay within the text */
        assert_true(kr_fold_origin(fold, i) <= kr_fold_origin(fold, i + 1));
        assert_true(kr_fold_origin(fold, i) < strlen(text));
    }
    free(fold);
}

static void test_brackets(void **state)
{
    (void)state;
    static const char *const dots[] = {"[.]",   "(.)",    "{.}",   "<.>",   "[dot]",    "(dot)",   "[DOT]",   "【.】", "〔.〕",
                                       "［.］", "［．］", "[ . ]", "[。]",  "(ドット)", " [.] ",   " (dot) ", "[.",    ".]",
                                       "\\.",   "．",     "。",    " dot ", "〈.〉",    "\u200b.", ".\u00ad", "[d0t]"};
    for (size_t i = 0; i < sizeof dots / sizeof dots[0]; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "evil%scom", dots[i]);
        check(text, "evil.com");
    }
    static const char *const ats[] = {"[at]", "(at)", "[@]", " [at] ", "＠", "(アット)", "{AT}", "【@】"};
    for (size_t i = 0; i < sizeof ats / sizeof ats[0]; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "a%se.example", ats[i]);
        check(text, "a@e.example");
    }
    check("hxxp[:]//e[.]example[/]x", "hxxp://e.example/x");
    check("hxxps[://]e[.]example", "hxxps://e.example");
    check("http[s]://e.example", "https://e.example");
    check("http:\\/\\/e.example\\/x", "http://e.example/x");
    check("ｈｔｔｐｓ：／／ｅ．ｅｘａｍｐｌｅ／", "https://e.example/");
    check("2001:db8[:]:1", "2001:db8::1");
    check("www dot evil dot com is bad", "www.evil.com is bad");
}

static void test_left_alone(void **state)
{
    (void)state;
    static const char *const same[] = {"",
                                       "plain text. Really.",
                                       "a [note] (see b) {c}",
                                       "connect the dot to the line",
                                       "the dot in the middle",
                                       "C:\\dir\\.hidden",
                                       "Name <a@e.example>",
                                       "見てください。次です",
                                       "[",
                                       "(.",
                                       "x[",
                                       "\\"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        check(same[i], same[i]);
    }
}

static void test_places(void **state)
{
    (void)state;
    struct kr_fold *fold = malloc(sizeof *fold);
    assert_non_null(fold);
    kr_fold_line(fold, "日 ｅvil[.]com!", strlen("日 ｅvil[.]com!"), false);
    assert_string_equal((const char *)fold->text, "日 evil.com!");
    assert_int_equal(kr_fold_origin(fold, 4), 4);  /* ｅ */
    assert_int_equal(kr_fold_origin(fold, 8), 10); /* [ */
    assert_int_equal(kr_fold_origin(fold, 9), 13); /* c */
    assert_false(kr_fold_is_marked(fold, 4, 8));
    assert_true(kr_fold_is_marked(fold, 4, 9));
    assert_false(kr_fold_is_marked(fold, 9, 12));

    kr_fold_line(fold, "a=\r\n  b", 7, true);
    assert_string_equal((const char *)fold->text, "ab");
    kr_fold_line(fold, "a=\n  b", 6, false);
    assert_string_equal((const char *)fold->text, "a=b");
    free(fold);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_brackets),
        cmocka_unit_test(test_left_alone),
        cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
