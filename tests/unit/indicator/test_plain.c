/* What proto/indicator/plain.c accepts is what the rules beside it say, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants these before it. */
#include <cmocka.h>

#include "proto/indicator/form.h"

#define ROUNDS 400000
#define PLAIN  22u /* pieces that break nothing by themselves */

static uint64_t seed = 20261126;

static uint32_t pick(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

/* Whether it was accepted. */
static bool compare(uint32_t type, const char *text, size_t len)
{
    struct kr_indicator quick = {.type = 77, .len = 99}, slow;
    memset(quick.value, 0x5a, sizeof quick.value);
    const struct kr_indicator before = quick;
    const bool accepted = kr_form_plain(type, text, len, &quick);
    if (!accepted) {
        assert_memory_equal(&quick, &before, sizeof quick);
    } else if (kr_form_value(type, text, len, &slow, NULL) != KR_OK || slow.type != quick.type || slow.len != quick.len ||
               memcmp(slow.value, quick.value, slow.len) != 0) {
        fail_msg("type %u, by the rules something else: %.*s", (unsigned)type, (int)len, text);
    } else {
        assert_int_equal(kr_indicator_check(quick.type, quick.value, quick.len), KR_OK);
    }
    return accepted;
}

static uint32_t compare_all(const char *text, size_t len)
{
    uint32_t accepted = 0;
    for (uint32_t type = 0; type <= KR_INDICATOR_TYPE_MAX + 1; type++) {
        accepted += compare(type, text, len);
    }
    return accepted;
}

static void test_accepts(void **state)
{
    (void)state;
    static const char *const plain[] = {
        "evil.example",
        "_dmarc.e-v-i-l.example",
        "1.2.3.4.example",
        "0.0.0.0",
        "203.0.113.77",
        "10.0.0.0/8",
        "10.1.2.3/9",
        "0.0.0.0/0",
        "https://evil.example/",
        "http://evil.example/a/b.php?c=d&e=/f?g:~A",
        "http://203.0.113.77/x",
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
    };
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        assert_true(compare(KR_INDICATOR_ANY, plain[i], strlen(plain[i])));
        assert_true(compare_all(plain[i], strlen(plain[i])) > 0);
    }
}

/* Pieces of what values are made of, whole ones among them, and what breaks them. */
static void test_differs_never(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "a",
        "evil",
        "example",
        "com",
        ".",
        ".",
        ".",
        "-",
        "_",
        "1",
        "0",
        "25",
        "255",
        "/",
        "/",
        "http://",
        "https://",
        "1.2.3.4",
        "evil.example",
        "/x",
        "?",
        "10.0.0.0/8",
        "--",
        "xn--",
        "xn--p1ai",
        "256",
        "01",
        "//",
        "HTTP://",
        "ftp://",
        "httpx://",
        "/./",
        "/..",
        "/.",
        "#",
        "%41",
        "%2f",
        "%",
        "@",
        ":",
        ":80",
        ":443",
        "[",
        "]",
        "::1",
        "A",
        "Z",
        "f",
        "deadbeef",
        "DEADBEEF",
        "0123456789abcdef",
        "AS1",
        "CVE-2024-1234",
        "\\",
        " ",
        "\t",
        "\n",
        "\x7f",
        "\x80",
        "\xc3\xa9",
        "\xe3\x80\x82",
        "~",
        "'",
        "\"",
        "=",
        "&",
        "/24",
        "/33",
        "/08",
        "http://evil.example/",
        "",
        "da39a3ee5e6b4b0d3255bfef95601890",
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefgh",
    };
    const uint32_t count = sizeof pieces / sizeof pieces[0];
    uint32_t accepted = 0;
    for (int round = 0; round < ROUNDS; round++) {
        char text[1024];
        size_t len = 0;
        const uint32_t among = round % 2 == 0 ? PLAIN : count;
        for (uint32_t left = 1 + pick(9); left > 0; left--) {
            const char *piece = pieces[pick(among)];
            const size_t more = strlen(piece);
            memcpy(text + len, piece, more);
            len += more;
        }
        if (len > 0 && pick(8) == 0) {
            text[pick((uint32_t)len)] = (char)pick(256);
        }
        const uint32_t type = pick(4) == 0 ? pick(KR_INDICATOR_TYPE_MAX + 2) : KR_INDICATOR_ANY;
        accepted += compare(type, text, len);
    }
    assert_true(accepted > ROUNDS / 100);
}

/* Each byte at each place of each kind of value. */
static void test_each_byte(void **state)
{
    (void)state;
    static const char *const values[] = {"ab.c-d.ef",
                                         "1.23.45.210",
                                         "10.0.0.0/8",
                                         "1.2.3.128/25",
                                         "http://a.b-c.de/f/g?h",
                                         "https://1.2.3.4/x",
                                         "0123456789abcdef0123456789ABCDEF"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        const size_t len = strlen(values[i]);
        for (size_t at = 0; at < len; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                char text[64];
                memcpy(text, values[i], len);
                text[at] = (char)byte;
                (void)compare_all(text, len);
                (void)compare_all(text, at + 1);
            }
        }
    }
}

/* Lengths around the bounds of names and labels. */
static void test_lengths(void **state)
{
    (void)state;
    char text[KR_INDICATOR_BYTES_MAX + 64];
    for (size_t label = 1; label < 70; label++) {
        for (size_t rest = 1; rest < 70; rest++) {
            memset(text, 'a', sizeof text);
            memcpy(text, "http://", 7);
            text[7 + label] = '.';
            text[7 + label + 1 + rest] = '/';
            (void)compare(KR_INDICATOR_ANY, text + 7, label + 1 + rest);
            (void)compare(KR_INDICATOR_ANY, text, 7 + label + 1 + rest + 1);
        }
    }
    for (size_t len = KR_INDICATOR_BYTES_MAX - 2; len < KR_INDICATOR_BYTES_MAX + 3; len++) {
        memset(text, 'a', sizeof text);
        memcpy(text, "http://a.bc/", 12);
        assert_int_equal(compare(KR_INDICATOR_ANY, text, len), len <= KR_INDICATOR_BYTES_MAX);
    }
    assert_int_equal(compare_all("", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_differs_never),
        cmocka_unit_test(test_each_byte),
        cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
