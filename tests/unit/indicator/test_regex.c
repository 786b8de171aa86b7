/* Regular expressions of warning lists: as PHP writes them, and none that takes the node's time or memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/indicator/regex.h"

static bool matches(const char *pattern, const char *text)
{
    struct kr_regex *regex = NULL;
    struct kr_error error = {.text = ""};
    if (kr_regex_new(pattern, strlen(pattern), &regex, &error) != KR_OK) {
        fail_msg("%s: %s", pattern, error.text);
    }
    const bool does = kr_regex_matches(regex, text, strlen(text));
    kr_regex_free(regex);
    return does;
}

static void test_forms(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool does;
    } cases[] = {
        {"^evil", "evil.jp", true},
        {"^evil", "EVIL.jp", false},
        {"/^evil/i", "EVIL.jp", true},
        {"/^evil/", "not.evil.jp", false},
        {"#^https?://[^/]+/owa/#", "https://mail.jp/owa/x", true},
        {"/(?:\\+|00)81[-\\d]{8,}/", "+81-3-1234-5678", true},
        {"/\\d+$/x", "a7", true},
        {"/^日.$/u", "日本", true},
        {"/^a.b$/s", "a\nb", true},
        {"/a\\/b/", "a/b", true},
        {"~x~ims", "AX", true},
        {"/open", "x/openly", true}, /* no second delimiter: it stands for itself */
        {"a(?=b)", "ab", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (matches(cases[i].pattern, cases[i].text) != cases[i].does) {
            fail_msg("%s on %s", cases[i].pattern, cases[i].text);
        }
    }
}

static void test_none(void **state)
{
    (void)state;
    char longer[KR_REGEX_BYTES_MAX + 2], nested[200];
    memset(longer, 'a', sizeof longer);
    longer[sizeof longer - 1] = 0;
    memset(nested, '(', 99);
    memset(nested + 99, ')', 99);
    nested[198] = 0;
    const char *const patterns[] = {"", "(", "//", "/a/e", "/a/gz", "[", "a{99999}", "\\C", longer, nested, "((a{500}){200}){200}"};
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct kr_regex *regex = NULL;
        struct kr_error error = {.text = ""};
        if (kr_regex_new(patterns[i], strlen(patterns[i]), &regex, &error) != KR_INVALID || error.text[0] == 0) {
            fail_msg("taken: %.60s", patterns[i]);
        }
        assert_null(regex);
    }
}

/* What would take for ever takes no time, and counts as a match. */
static void test_bounded(void **state)
{
    (void)state;
    static const char *const patterns[] = {"^(a+)+$", "^(a|aa)+$", "^(.*)*b\\1$", "(a*)*(a*)*(a*)*c",
                                           "^(([a-z])+.)+[A-Z]([a-z])+$"};
    char text[2048];
    struct timespec before, after;
    memset(text, 'a', sizeof text - 2);
    memcpy(text + sizeof text - 2, "!", 2);
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before), 0);
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        (void)matches(patterns[i], text);
    }
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after), 0);
    assert_true((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec < 250000000);
    assert_true(matches("^(a|aa)+$", text));
    assert_true(matches("a", "\xff\xfe a")); /* bytes that are no characters */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_none), cmocka_unit_test(test_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
