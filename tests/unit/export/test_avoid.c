/* Values never to be written, and what concerns them. */
#include "tests/unit/export/export_test.h"

static bool avoids(const struct kr_avoid *avoid, uint32_t type, const char *text)
{
    struct kr_indicator value;
    assert_int_equal(kr_indicator_parse(type, text, strlen(text), &value, NULL), KR_OK);
    return kr_avoid_has(avoid, value.type, (struct kr_slice){value.value, value.len});
}

static void test_what_concerns(void **state)
{
    (void)state;
    static const char list[] = "# ours\n\n 198.51.100.0/24 \r\ncouncil.example\n2001:db8::1\n\tinfo@mail.example\n";
    static const struct {
        const char *text;
        uint32_t type;
        bool is_avoided;
    } cases[] = {
        {"198.51.100.7", KR_INDICATOR_IPV4, true},          {"198.51.100.7:443", KR_INDICATOR_IPV4, true},
        {"198.51.0.0/16", KR_INDICATOR_IPV4, true}, /* around it */
        {"198.51.100.128/25", KR_INDICATOR_IPV4, true},     {"198.51.101.7", KR_INDICATOR_IPV4, false},
        {"2001:db8::/32", KR_INDICATOR_IPV6, true},         {"2001:db8::2", KR_INDICATOR_IPV6, false},
        {"council.example", KR_INDICATOR_DOMAIN, true},     {"www.council.example", KR_INDICATOR_DOMAIN, true},
        {"notcouncil.example", KR_INDICATOR_DOMAIN, false}, {"https://www.council.example/login", KR_INDICATOR_URL, true},
        {"https://198.51.100.9/x", KR_INDICATOR_URL, true}, {"https://evil.example/council.example", KR_INDICATOR_URL, false},
        {"a@council.example", KR_INDICATOR_EMAIL, true},    {"info@mail.example", KR_INDICATOR_EMAIL, true},
        {"mail.example", KR_INDICATOR_DOMAIN, true}, /* it would hit that mailbox */
        {"other@mail.example", KR_INDICATOR_EMAIL, false},  {"d41d8cd98f00b204e9800998ecf8427e", KR_INDICATOR_MD5, false},
    };
    struct kr_avoid *avoid = NULL;
    assert_int_equal(kr_avoid_parse(list, strlen(list), &avoid, NULL), KR_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (avoids(avoid, cases[i].type, cases[i].text) != cases[i].is_avoided) {
            fail_msg("%s", cases[i].text);
        }
    }
    kr_avoid_free(avoid);
    kr_avoid_free(NULL);
}

static void test_mistakes(void **state)
{
    (void)state;
    struct kr_avoid *avoid = NULL;
    struct kr_error error = {0};
    static const char list[] = "good.example\n\nno value at all\n";
    assert_int_equal(kr_avoid_parse(list, strlen(list), &avoid, &error), KR_INVALID);
    assert_null(avoid);
    assert_non_null(strstr(error.text, "line 3"));
    assert_int_equal(kr_avoid_parse("", 0, &avoid, NULL), KR_OK);
    assert_false(avoids(avoid, KR_INDICATOR_DOMAIN, "a.example"));
    kr_avoid_free(avoid);
    static const char with_nul[] = "a.example\0b.example\n";
    assert_int_equal(kr_avoid_parse(with_nul, sizeof with_nul - 1, &avoid, NULL), KR_INVALID);
}

/* In a selection: by whatever record it comes. */
static void test_selection(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    struct kr_avoid *avoid = NULL;
    assert_int_equal(kr_avoid_parse("council.example", 15, &avoid, NULL), KR_OK);
    GIVE(&gathered, .number = 1, .label = KR_TLP_CLEAR, VALUES({V(DOMAIN, "www.council.example")}, {V(DOMAIN, "evil.example")}));
    struct kr_selection selection = SELECT(&gathered, .avoid = avoid);
    CHECK_ENTRIES(&selection, "domain evil.example\n");
    assert_int_equal(selection.filtered, 1);
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
    kr_avoid_free(avoid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_concerns),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_selection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
