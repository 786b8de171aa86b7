/* Single values: spellings, dates, masks. */
#include "tests/unit/formats/import_test.h"

static void check_value(uint32_t type, const char *text, const char *expected)
{
    struct told told = {.is_open = true};
    const struct kr_import_sink sink = told_begin(&told);
    struct kr_import_item item = {.type = type, .confidence = KR_CONFIDENCE_NONE};
    assert_int_equal(kr_import_value(&sink, &item, (struct kr_slice){(const uint8_t *)text, strlen(text)}), KR_OK);
    assert_int_equal(fclose(told.out), 0);
    if (strcmp(told.lines, expected) != 0) {
        fail_msg("from: %s\ngot: %swanted: %s", text, told.lines, expected);
    }
    told_free(&told);
}

static void test_values(void **state)
{
    (void)state;
    check_value(KR_INDICATOR_ANY, " 203.0.113.7:8443\t", "ipv4 203.0.113.7:8443\n");
    check_value(KR_INDICATOR_ANY, "hxxps://login-bank[.]example/ログイン",
                "url https://login-bank.example/%E3%83%AD%E3%82%B0%E3%82%A4%E3%83%B3\n");
    check_value(KR_INDICATOR_URL, "hXXp://bad.example/", "url http://bad.example/\n");
    check_value(KR_INDICATOR_ANY, "fxp://bad.example/", "url ftp://bad.example/\n");
    check_value(KR_INDICATOR_ANY, "bad-portal[.]example", "domain bad-portal.example\n");
    check_value(KR_INDICATOR_ANY, "ｂａｄ．example", "domain bad.example\n");
    check_value(KR_INDICATOR_ANY, "a (at) bad.example", "email a@bad.example\n");
    check_value(KR_INDICATOR_DOMAIN, "*.bad.example", "domain bad.example\n");
    check_value(KR_INDICATOR_ANY, "bad.example/x?y", "~url http://bad.example/x?y\n");
    check_value(KR_INDICATOR_URL, "bad.example", "~url http://bad.example/\n");
    check_value(KR_INDICATOR_URL, "HTTPS://Bad.example", "url https://bad.example/\n");
    check_value(KR_INDICATOR_FILENAME, "請求書(1).xlsm", "filename 請求書(1).xlsm\n");
    check_value(KR_INDICATOR_ANY, "10.0.0.0/8", "ipv4 10.0.0.0/8\n");
    check_value(KR_INDICATOR_MD5, "098F6BCD4621D373CADE4E832627B4F6", "md5 098f6bcd4621d373cade4e832627b4f6\n");
    check_value(KR_INDICATOR_ANY, "invoice.xlsm", "filename invoice.xlsm\n");
    check_value(KR_INDICATOR_ANY, "evil[.]zip", "domain evil.zip\n");
    check_value(KR_INDICATOR_ANY, "evil.zip", "domain evil.zip\n"); /* a top-level domain, too: nothing says which */
    check_value(KR_INDICATOR_DOMAIN, "xxx.example", "domain xxx.example\n");
}

static void test_no_values(void **state)
{
    (void)state;
    check_value(KR_INDICATOR_ANY, "  ", "skip empty\n");
    check_value(KR_INDICATOR_MD5, "zz", "skip bad-value what=zz\n");
    check_value(KR_INDICATOR_ANY, "●●●●.example", "skip masked what=●●●●.example\n");
    check_value(KR_INDICATOR_ANY, "****.example", "skip masked what=****.example\n");
    check_value(KR_INDICATOR_DOMAIN, "XXXX.example", "skip masked what=XXXX.example\n");
    check_value(KR_INDICATOR_IPV4, "203.0.113.xxx", "skip masked what=203.0.113.xxx\n");
    check_value(KR_INDICATOR_URL, "http://", "skip bad-value what=http://\n");
    char *huge = malloc(100001);
    assert_non_null(huge);
    memset(huge, 'a', 100000);
    huge[100000] = 0;
    char expected[128];
    (void)snprintf(expected, sizeof expected, "skip too-large what=%.60s\n", huge);
    check_value(KR_INDICATOR_OTHER, huge, expected);
    free(huge);
}

static void test_pattern(void **state)
{
    (void)state;
    struct told told = {.is_open = true};
    const struct kr_import_sink sink = told_begin(&told);
    struct kr_import_item item = {.type = KR_INDICATOR_URL, .confidence = KR_CONFIDENCE_NONE};
    static const char pattern[] = "[a:b = 'c' AND d:e = 'f']";
    char *huge = malloc(3 * KR_INDICATOR_BYTES_MAX);
    assert_non_null(huge);
    for (size_t i = 0; i < KR_INDICATOR_BYTES_MAX; i++) { /* the bound lies within a character */
        memcpy(huge + 3 * i, "あ", 3);
    }
    assert_int_equal(kr_import_pattern(&sink, &item, (struct kr_slice){(const uint8_t *)pattern, sizeof pattern - 1}), KR_OK);
    told.is_quiet = true;
    assert_int_equal(kr_import_pattern(&sink, &item, (struct kr_slice){(const uint8_t *)huge, 3 * (size_t)KR_INDICATOR_BYTES_MAX}),
                     KR_OK);
    assert_int_equal(kr_import_pattern(&sink, &item, (struct kr_slice){0}), KR_OK);
    assert_int_equal(fclose(told.out), 0);
    assert_string_equal(told.lines, "kept pattern what=[a:b = 'c' AND d:e = 'f']\nother [a:b = 'c' AND d:e = 'f']\n");
    assert_int_equal(told.items, 2);
    assert_int_equal(told.skips[KR_IMPORT_REASON_EMPTY], 1);
    told_free(&told);
    free(huge);
}

static void test_dates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t expected_s; /* 0: none */
    } cases[] = {
        {"2026-11-25T00:41:07Z", 1795567267},
        {"2026-11-25T00:41:07.123456789Z", 1795567267},
        {"2026-11-25T09:41:07+09:00", 1795567267},
        {"2026-11-24T19:41:07-0500", 1795567267},
        {"2026/11/25 09:41:07", 1795567267}, /* Japan's time where nothing is said: as asked for */
        {"2026-11-25 09:41:07 JST", 1795567267},
        {"2026/11/25 9:41", 1795567260},
        {"2026-11-25", 1795532400},
        {"20261125", 1795532400},
        {"2026年11月25日", 1795532400},
        {"2026年11月25日 9時41分", 1795567260},
        {"1795567267", 1795567267},
        {"1795567267123", 1795567267},
        {"2024-02-29T00:00:00Z", 1709164800},
        {"2105-12-31", 4291628400},
        {"2026-02-29", 0},
        {"2026-13-01", 0},
        {"2026-00-01", 0},
        {"20261301", 0},
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31", 0},
        {"2106-03-01", 0},
        {"9999999999", 0},
        {"25/11/2026", 0},
        {"2026-11-25T25:00:00Z", 0},
        {"2026-11-25T00:00:00X", 0},
        {"2026-11-25T", 1795532400},
        {"2026-11", 0},
        {"1.2.3.4", 0},
        {"", 0},
        {"yesterday", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t got_s = 0;
        enum kr_err err =
            kr_import_date((struct kr_slice){(const uint8_t *)cases[i].text, strlen(cases[i].text)}, 9 * 3600, &got_s);
        if ((err == KR_OK) != (cases[i].expected_s != 0) || got_s != cases[i].expected_s) {
            fail_msg("%s: %d, %ju", cases[i].text, (int)err, (uintmax_t)got_s);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_no_values),
        cmocka_unit_test(test_pattern),
        cmocka_unit_test(test_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
