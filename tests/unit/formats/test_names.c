#include "tests/unit/formats/formats_test.h"
#include "tools/formats/names.h"

static void test_extensions(void **state)
{
    (void)state;
    /* First, last and neighbours: the search by halves sees all of a list that is in order. */
    static const char *const known[] = {"7z",  "ace", "EXE", "doc",   "docm", "docx", "js",
                                        "jse", "Lnk", "ps1", "xhtml", "xlsm", "xz",   "zip"};
    static const char *const unknown[] = {"", "x", "com", "ex", "exee", "zipp", "zi", "zz", "0", "csv"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_true(kr_names_is_extension((const uint8_t *)known[i], strlen(known[i])));
    }
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_false(kr_names_is_extension((const uint8_t *)unknown[i], strlen(unknown[i])));
    }
    assert_true(kr_names_is_extension((const uint8_t *)"exefoo", 3));
}

static void test_everyday(void **state)
{
    (void)state;
    static const char *const known[] = {"asp.net", "Node.js", "CMD.EXE", "regsvr32.exe", "wscript.exe", "net.exe", "rundll32.exe"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_true(kr_names_is_everyday((const uint8_t *)known[i], strlen(known[i])));
    }
    assert_false(kr_names_is_everyday((const uint8_t *)"evil.exe", 8));
}

static void test_top_levels(void **state)
{
    (void)state;
    static const char *const known[] = {"com", "JP", "example", "TEST", "invalid", "onion", "xn--q9jyb4c", "みんな", "zip"};
    static const char *const unknown[] = {"", "c", "the", "exe", "local", "localhost", "examples", "co.jp.x", "123", "\xff\xff"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_true(kr_names_is_top_level((const uint8_t *)known[i], strlen(known[i])));
    }
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_false(kr_names_is_top_level((const uint8_t *)unknown[i], strlen(unknown[i])));
    }
    assert_false(kr_names_is_top_level((const uint8_t *)"co\0m", 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_extensions),
        cmocka_unit_test(test_everyday),
        cmocka_unit_test(test_top_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
