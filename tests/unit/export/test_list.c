#include "tests/unit/export/export_test.h"

static void test_files(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    struct kr_tally tally;
    GIVE(&gathered, .number = 1, .label = KR_TLP_AMBER, .received_ms = UINT64_C(1790000000000),
         VALUES({V(IPV4, "203.0.113.7:8443")}, {V(IPV4, "198.51.100.0/24")}, {V(IPV6, "2001:db8::7")}, {V(DOMAIN, "evil.example")},
                {V(URL, "http://evil.example/a?b=1")},
                {V(SHA256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")}, {V(EMAIL, "a@evil.example")},
                {V(MUTEX, "x")}));
    struct kr_selection selection = SELECT(&gathered, 0);
    struct kr_rendering rendering = rendering_of(&selection);
    char *text = render("list", "ip.txt", &rendering, &tally);
    assert_string_equal(text, "# Kairan: list ip.txt\n# Council: Kita (abababababababab)\n# Label: TLP:AMBER\n"
                              "# As of: 2026-09-21T14:13:20Z\n# Entries: 3\n198.51.100.0/24\n203.0.113.7\n2001:db8::7\n");
    assert_int_equal(tally.written, 3);
    assert_int_equal(tally.without_port, 1);
    free(text);
    rendering.is_bare = true;
    static const char *const expected[][2] = {
        {"ipv4.txt", "198.51.100.0/24\n203.0.113.7\n"},
        {"ipv6.txt", "2001:db8::7\n"},
        {"domain.txt", "evil.example\n"},
        {"url.txt", "http://evil.example/a?b=1\n"},
        {"url-noscheme.txt", "evil.example/a?b=1\n"},
        {"email.txt", "a@evil.example\n"},
        {"sha256.txt", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"},
        {"md5.txt", ""},
        {"sha1.txt", ""},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        text = render("list", expected[i][0], &rendering, &tally);
        assert_string_equal(text, expected[i][1]);
        free(text);
    }
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

static void test_limit_is_said(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    struct kr_tally tally;
    GIVE(&gathered, .number = 1, .label = KR_TLP_CLEAR, VALUES({V(DOMAIN, "a.example")}, {V(DOMAIN, "b.example")}));
    GIVE(&gathered, .number = 2, .author = 9, .label = KR_TLP_GREEN, VALUES({V(DOMAIN, "b.example")}));
    struct kr_selection selection = SELECT(&gathered, 0);
    struct kr_rendering rendering = rendering_of(&selection);
    rendering.entries_max = 1;
    rendering.is_exercise = true;
    char *text = render("list", "domain.txt", &rendering, &tally);
    assert_non_null(strstr(text, "\nb.example\n"));
    assert_null(strstr(text, "a.example"));
    assert_non_null(strstr(text, "# Left out beyond the largest number of entries: 1\n"));
    assert_non_null(strstr(text, "# EXERCISE"));
    assert_non_null(strstr(text, "# Label: TLP:GREEN\n"));
    free(text);
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_limit_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
