/* Options and the values in them. */
#include "kairan_test.h"

#include <time.h>

#include "tools/kairan/kairan.h"

struct parsed {
    bool flag;
    const char *text;
    struct kr_texts texts;
    int rest;
};

static bool parse(struct kr_app *app, struct parsed *parsed, bool stops, const char *const words[])
{
    char *argv[16], *copies[16];
    int argc = 0;
    *app = (struct kr_app){.is_json = false};
    *parsed = (struct parsed){.rest = -1};
    const struct kr_option own[] = {{.name = "flag", .letter = 'f', .flag = &parsed->flag},
                                    {.name = "text", .letter = 't', .text = &parsed->text},
                                    {.name = "to", .texts = &parsed->texts}};
    for (; words[argc] != NULL; argc++) {
        argv[argc] = copies[argc] = strdup(words[argc]);
        assert_non_null(argv[argc]);
    }
    argv[argc] = NULL;
    bool is_fine = kr_options_parse(app, argc, argv, own, 3, stops, &parsed->rest);
    /* What was taken points into argv; keep what the assertions look at. */
    static char text[64];
    if (parsed->text != NULL) {
        (void)snprintf(text, sizeof text, "%s", parsed->text);
        parsed->text = text;
    }
    for (int i = 0; i < argc; i++) {
        free(copies[i]);
    }
    return is_fine;
}
#define PARSE(app, parsed, stops, ...) parse(app, parsed, stops, (const char *const[]){__VA_ARGS__, NULL})

static void test_options(void **state)
{
    (void)state;
    static struct kr_app app;
    static struct parsed parsed;
    assert_true(PARSE(&app, &parsed, false, "ls"));
    assert_int_equal(parsed.rest, 1);
    assert_true(PARSE(&app, &parsed, false, "ls", "word", "--flag", "--json", "-t", "x", "--to", "a", "--to=b", "more"));
    assert_true(parsed.flag);
    assert_true(app.is_json);
    assert_string_equal(parsed.text, "x");
    assert_int_equal(parsed.texts.count, 2);
    assert_int_equal(parsed.rest, 8); /* words come last, wherever they stood */
    assert_true(PARSE(&app, &parsed, false, "ls", "--", "--flag"));
    assert_false(parsed.flag);
    assert_int_equal(parsed.rest, 2);
    assert_true(PARSE(&app, &parsed, true, "kairan", "--json", "ls", "--unknown"));
    assert_int_equal(parsed.rest, 2);
    assert_true(PARSE(&app, &parsed, false, "ls", "-"));
    assert_int_equal(parsed.rest, 1);
}

static void test_mistakes(void **state)
{
    (void)state;
    static struct kr_app app;
    static struct parsed parsed;
    assert_false(PARSE(&app, &parsed, false, "ls", "--unknown"));
    assert_false(PARSE(&app, &parsed, false, "ls", "-x"));
    assert_false(PARSE(&app, &parsed, false, "ls", "--text"));
    assert_false(PARSE(&app, &parsed, false, "ls", "-t"));
    assert_false(PARSE(&app, &parsed, true, "kairan", "--nonsense", "ls"));
    assert_false(PARSE(&app, &parsed, false, "ls", "--flag=yes"));
}

static void test_seconds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_fine;
        uint64_t seconds;
    } cases[] = {{"0", true, 0},          {"90", true, 90},
                 {"90s", true, 90},       {"5m", true, 300},
                 {"2h", true, 7200},      {"7d", true, 604800},
                 {"", false, 0},          {"m", false, 0},
                 {"-1", false, 0},        {"+1", false, 0},
                 {" 1", false, 0},        {"1x", false, 0},
                 {"1 m", false, 0},       {"99999999999999999999", false, 0},
                 {"999999999d", false, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t seconds = 4711;
        assert_int_equal(kr_seconds_parse(cases[i].text, &seconds), cases[i].is_fine);
        assert_int_equal(seconds, cases[i].is_fine ? cases[i].seconds : 4711);
    }
}

static void test_moments(void **state)
{
    (void)state;
    uint64_t moment = 0, now = (uint64_t)time(NULL);
    assert_int_equal(setenv("TZ", "Asia/Tokyo", 1), 0);
    assert_int_equal(setenv("TZ", "JST-9", 1), 0); /* also where no zones are installed */
    tzset();
    assert_true(kr_moment_parse("2026-11-25T00:41:07Z", false, &moment));
    assert_int_equal(moment, 1795567267);
    assert_true(kr_moment_parse("2026-11-25T09:41:07", false, &moment));
    assert_int_equal(moment, 1795567267);
    assert_true(kr_moment_parse("2026-11-25T09:41:07+09:00", false, &moment));
    assert_int_equal(moment, 1795567267);
    assert_true(kr_moment_parse("2026-11-24T19:41:07-0500", false, &moment));
    assert_int_equal(moment, 1795567267);
    assert_true(kr_moment_parse("2026-11-25T00:41Z", false, &moment));
    assert_int_equal(moment, 1795567260);
    assert_false(kr_moment_parse("2026-11-25+09:00", false, &moment));
    assert_true(kr_moment_parse("2026-11-25", false, &moment));
    assert_int_equal(moment, 1795567267 - (9 * 3600 + 41 * 60 + 7));
    assert_true(kr_moment_parse("1d", false, &moment));
    assert_in_range(moment, now - 86400, now - 86400 + 60);
    assert_true(kr_moment_parse("1d", true, &moment));
    assert_in_range(moment, now + 86400, now + 86400 + 60);
    struct timespec before;
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &before), 0);
    assert_true(kr_moment_parse_ms("0s", false, &moment)); /* this moment, not the second's beginning */
    assert_true(moment >= (uint64_t)before.tv_sec * 1000 + (uint64_t)before.tv_nsec / 1000000);
    assert_true(kr_moment_parse_ms("2026-11-25T00:41:07Z", false, &moment));
    assert_true(moment % 1000 == 0);
    assert_true(kr_moment_parse("30000d", false, &moment)); /* before 1970: everything */
    assert_int_equal(moment, 0);
    assert_false(kr_moment_parse("yesterday", false, &moment));
    assert_false(kr_moment_parse("2026-13-01", false, &moment));
    assert_false(kr_moment_parse("2026-11-25 ", false, &moment));
    assert_false(kr_moment_parse("", false, &moment));
}

static void test_ids(void **state)
{
    (void)state;
    uint8_t id[32];
    size_t len = 0;
    assert_true(kr_id_parse("3f9A0c21", id, &len));
    assert_int_equal(len, 4);
    assert_memory_equal(id, "\x3f\x9a\x0c\x21", 4);
    assert_true(kr_id_parse("3f9a0c21b", id, &len));
    assert_int_equal(len, 4);
    assert_true(kr_id_parse("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", id, &len));
    assert_int_equal(len, 32);
    assert_false(kr_id_parse("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0", id, &len));
    assert_false(kr_id_parse("3f9a0c2", id, &len));
    assert_false(kr_id_parse("3f9a0c2g", id, &len));
    assert_false(kr_id_parse("", id, &len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options), cmocka_unit_test(test_mistakes), cmocka_unit_test(test_seconds),
        cmocka_unit_test(test_moments), cmocka_unit_test(test_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
