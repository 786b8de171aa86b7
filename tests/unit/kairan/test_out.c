/* Hostile strings, columns, times, and JSON that survives both. */
#include "kairan_test.h"

#include <unistd.h>

#include "node/core/policy.h"
#include "tools/kairan/out.h"

static char *printed(struct kr_slice text, bool lines)
{
    char *out = NULL;
    size_t len;
    FILE *stream = open_memstream(&out, &len);
    assert_non_null(stream);
    kr_out_text(stream, text, lines);
    assert_int_equal(fclose(stream), 0);
    return out;
}

static void check(const char *text, bool lines, const char *expected)
{
    char *out = printed(slice(text), lines);
    assert_string_equal(out, expected);
    free(out);
}

static void test_hostile_text(void **state)
{
    (void)state;
    check("plain, 日本語, é, 😀", false, "plain, 日本語, é, 😀");
    check("\033]0;owned\007\033[2J", false, "\\x1b]0;owned\\x07\\x1b[2J");
    check("a\rb\nc\td", false, "a\\x0db\\x0ac\\x09d");
    check("a\rb\nc\td\033", true, "a\\x0db\nc\td\\x1b");
    check("\177", false, "\\x7f");
    check("\xc2\x9b"
          "31m",
          false, "\\x9b31m"); /* C1: CSI in one character */
    check("evil\xe2\x80\xae"
          "cod.exe",
          false, "evil\\u202ecod.exe");
    check("\xe2\x81\xa6x\xe2\x81\xa9\xe2\x80\x8f\xd8\x9c", false, "\\u2066x\\u2069\\u200f\\u061c");
    check("\xe2\x80\xa8", true, "\\u2028");
    /* No UTF-8: cut short, overlong, surrogate, beyond the last, stray. */
    check("\xe3\x81", false, "\\xe3\\x81");
    check("\xc0\x9b", false, "\\xc0\\x9b");
    check("\xed\xa0\x80", false, "\\xed\\xa0\\x80");
    check("\xf4\x90\x80\x80", false, "\\xf4\\x90\\x80\\x80");
    check("\xff\xfe", false, "\\xff\\xfe");
}

/* Whatever the bytes: what comes out has no control character in it. */
static void test_no_control_ever(void **state)
{
    (void)state;
    uint8_t bytes[2];
    for (uint32_t i = 0; i < 65536; i++) {
        bytes[0] = (uint8_t)(i >> 8);
        bytes[1] = (uint8_t)i;
        char *out = printed((struct kr_slice){bytes, 2}, false);
        for (const char *at = out; *at != 0; at++) {
            uint8_t c = (uint8_t)*at;
            assert_true(c >= 0x20 && c != 0x7f);
            assert_false(c == 0xc2 && (uint8_t)at[1] < 0xa0);
        }
        free(out);
    }
}

static void test_columns(void **state)
{
    (void)state;
    char *out = NULL;
    size_t len;
    assert_int_equal(kr_out_columns(slice("Kinki")), 5);
    assert_int_equal(kr_out_columns(slice("北海道")), 6);
    assert_int_equal(kr_out_columns(slice("ﾊﾝｶｸ")), 4);
    assert_int_equal(kr_out_columns(slice("\033[")), 5);
    FILE *stream = open_memstream(&out, &len);
    kr_out_padded(stream, slice("近畿"), 6);
    kr_out_padded(stream, slice("longer than that"), 3);
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(out, "近畿  longer than that");
    free(out);
}

/* What kr_json_line prints. */
static char *line_of(json_t *object)
{
    char path[] = "/tmp/kairan-test-XXXXXX";
    static char text[4096];
    int file = mkstemp(path), before = dup(STDOUT_FILENO);
    assert_true(file >= 0 && before >= 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(fflush(stdout), 0);
    assert_true(dup2(file, STDOUT_FILENO) >= 0);
    bool is_fine = kr_json_line(object);
    assert_true(dup2(before, STDOUT_FILENO) >= 0);
    assert_true(is_fine);
    ssize_t len = pread(file, text, sizeof text - 1, 0);
    assert_true(len > 0);
    text[len] = 0;
    assert_int_equal(close(file) + close(before), 0);
    return text;
}

static void test_json(void **state)
{
    (void)state;
    const char *hostile = "a\"\\\n\033\xc2\x9b\xe2\x80\xae\177 日本";
    char *line = line_of(json_pack("{s:o}", "title", kr_json_slice(slice(hostile))));
    assert_string_equal(line, "{\"title\":\"a\\\"\\\\\\n\\u001B\\u009b\\u202e\\u007f 日本\"}\n");
    json_t *back = json_loads(line, 0, NULL); /* and nothing is lost */
    assert_non_null(back);
    assert_string_equal(json_string_value(json_object_get(back, "title")), hostile);
    json_decref(back);
}

static void test_json_summary(void **state)
{
    (void)state;
    const struct kr_summary summary = {.id = {0xab},
                                       .author_name = slice("北海道"),
                                       .kind = KR_KIND_REPORT,
                                       .label = KR_TLP_AMBER,
                                       .flags = KR_FLAG_EXERCISE,
                                       .severity = 3,
                                       .indicator_count = 7,
                                       .created_ms = 1795567267123,
                                       .expires_s = UINT64_MAX,
                                       .title = slice("t")};
    json_t *object = kr_json_summary(&summary);
    assert_non_null(object);
    assert_string_equal(json_string_value(json_object_get(object, "label")), "TLP:AMBER");
    assert_string_equal(json_string_value(json_object_get(object, "kind")), "report");
    assert_string_equal(json_string_value(json_object_get(object, "severity")), "high");
    assert_string_equal(json_string_value(json_object_get(object, "created")), "2026-11-25T00:41:07.123Z");
    assert_true(json_is_true(json_object_get(object, "exercise")));
    assert_true(json_is_null(json_object_get(object, "received")));
    assert_true(json_is_null(json_object_get(object, "expires")));
    assert_int_equal(json_integer_value(json_object_get(object, "indicators")), 7);
    assert_int_equal(strlen(json_string_value(json_object_get(object, "id"))), 64);
    json_decref(object);
}

static void test_summary_marks_exercises(void **state)
{
    (void)state;
    struct kr_summary summary = {.kind = KR_KIND_REPORT, .label = KR_TLP_GREEN, .flags = KR_FLAG_EXERCISE, .title = slice("x\033")};
    for (int japanese = 0; japanese < 2; japanese++) {
        char *out = NULL;
        size_t len;
        assert_true(kr_tr_init(japanese != 0 ? "ja" : "en"));
        FILE *stream = open_memstream(&out, &len);
        kr_out_summary(stream, &summary);
        assert_int_equal(fclose(stream), 0);
        assert_non_null(strstr(out, japanese != 0 ? "【訓練】" : "[EXERCISE]"));
        assert_non_null(strstr(out, "TLP:GREEN"));
        assert_non_null(strstr(out, "x\\x1b"));
        free(out);
    }
}

/* What nodes name, people are told in words. */
static void test_every_reason_has_a_sentence(void **state)
{
    const char *none = kr_reason_text(slice("no such reason"));
    int reason = 1;
    (void)state;
    for (; strcmp(kr_policy_reason_name((enum kr_policy_reason)reason), "unknown") != 0; reason++) {
        const char *name = kr_policy_reason_name((enum kr_policy_reason)reason);
        if (strcmp(kr_reason_text(slice(name)), none) == 0) {
            fail_msg("%s has none", name);
        }
    }
    assert_true(reason > KR_POLICY_DENY_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_no_control_ever),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_summary),
        cmocka_unit_test(test_summary_marks_exercises),
        cmocka_unit_test(test_every_reason_has_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
