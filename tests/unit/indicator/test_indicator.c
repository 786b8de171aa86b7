#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants these before it. */
#include <cmocka.h>

#include "proto/indicator/indicator.h"

struct example {
    uint32_t type;
    const char *text, *printed; /* printed NULL: refused */
};

/* Every property that must hold for any text: what parses passes the check, prints, and parses to itself. */
static void check_example(uint32_t type, const char *text, size_t len, const char *printed)
{
    struct kr_indicator first, again;
    char print[KR_INDICATOR_PRINT_BYTES_MAX];
    struct kr_error error = {{0}};
    const enum kr_err err = kr_indicator_parse(type, text, len, &first, &error);

    if (printed == NULL) {
        if (err == KR_OK) {
            fail_msg("accepted: %s", text);
        }
        assert_int_equal(err, KR_INVALID);
        assert_true(error.text[0] != 0);
        return;
    }
    if (err != KR_OK) {
        fail_msg("%s: %s", text, error.text);
    }
    assert_int_equal(kr_indicator_check(first.type, first.value, first.len), KR_OK);
    assert_int_equal(kr_indicator_print(first.type, first.value, first.len, print, sizeof print), KR_OK);
    assert_string_equal(print, printed);
    assert_int_equal(kr_indicator_parse(first.type, print, strlen(print), &again, NULL), KR_OK);
    assert_int_equal(again.type, first.type);
    assert_int_equal(again.len, first.len);
    assert_memory_equal(again.value, first.value, first.len);
}

static void check_examples(const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_example(examples[i].type, examples[i].text, strlen(examples[i].text), examples[i].printed);
    }
}
#define CHECK(examples) check_examples(examples, sizeof(examples) / sizeof(examples)[0])

static void test_addresses(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {KR_INDICATOR_ANY, "203.0.113.77", "203.0.113.77"},
        {KR_INDICATOR_ANY, "203.0.113.77:8443", "203.0.113.77:8443"},
        {KR_INDICATOR_ANY, "0.0.0.0", "0.0.0.0"},
        {KR_INDICATOR_ANY, "10.1.2.3/8", "10.0.0.0/8"},
        {KR_INDICATOR_ANY, "10.1.2.3/32", "10.1.2.3"},
        {KR_INDICATOR_ANY, "0.0.0.0/0", "0.0.0.0/0"},
        {KR_INDICATOR_ANY, "2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {KR_INDICATOR_ANY, "2001:db8::/32", "2001:db8::/32"},
        {KR_INDICATOR_ANY, "2001:db8:ffff::1/33", "2001:db8:8000::/33"},
        {KR_INDICATOR_ANY, "[2001:db8::1]:443", "[2001:db8::1]:443"},
        {KR_INDICATOR_ANY, "[2001:db8::1]", "2001:db8::1"},
        {KR_INDICATOR_ANY, "::", "::"},
        {KR_INDICATOR_ANY, "::1", "::1"},
        {KR_INDICATOR_ANY, "1::", "1::"},
        {KR_INDICATOR_ANY, "1:0:0:2:0:0:0:3", "1:0:0:2::3"},      /* the longest run */
        {KR_INDICATOR_ANY, "1:0:0:2:3:0:0:4", "1::2:3:0:0:4"},    /* the first of equal runs */
        {KR_INDICATOR_ANY, "1:2:3:0:5:6:7:8", "1:2:3:0:5:6:7:8"}, /* a single zero group stays */
        {KR_INDICATOR_ANY, "::192.0.2.1", "::c000:201"},          /* never dotted */
        {KR_INDICATOR_ANY, "::ffff:192.0.2.1", "192.0.2.1"},      /* mapped */
        {KR_INDICATOR_IPV6, "::ffff:c000:201", "192.0.2.1"},
        {KR_INDICATOR_ANY, "::ffff:192.0.2.0/120", "192.0.2.0/24"},
        {KR_INDICATOR_ANY, "[::ffff:192.0.2.1]:80", "192.0.2.1:80"},
        {KR_INDICATOR_ANY, "::ffff:192.0.2.0/95", "::fffe:0:0/95"}, /* wider than the mapped block: stays IPv6 */
        {KR_INDICATOR_ANY, "010.1.2.3", NULL},
        {KR_INDICATOR_ANY, "1.2.3.00", NULL},
        {KR_INDICATOR_ANY, "1.2.3.256", NULL},
        {KR_INDICATOR_ANY, "1.2.3", NULL},
        {KR_INDICATOR_ANY, "1.2.3.4.5", NULL},
        {KR_INDICATOR_ANY, "1.2.3.4/33", NULL},
        {KR_INDICATOR_ANY, "1.2.3.4/08", NULL},
        {KR_INDICATOR_ANY, "1.2.3.4/", NULL},
        {KR_INDICATOR_ANY, "1.2.3.4:0", NULL},
        {KR_INDICATOR_ANY, "1.2.3.4:65536", NULL},
        {KR_INDICATOR_ANY, "1.2.3.4:", NULL},
        {KR_INDICATOR_ANY, "1.2.3.4/24:80", NULL},
        {KR_INDICATOR_ANY, "1.2.3.4:80/24", NULL},
        {KR_INDICATOR_ANY, "2001:db8::1/129", NULL},
        {KR_INDICATOR_ANY, "2001:db8:::1", NULL},
        {KR_INDICATOR_ANY, "fe80::1%eth0", NULL},
        {KR_INDICATOR_ANY, "[2001:db8::1", NULL},
        {KR_INDICATOR_ANY, "[2001:db8::1]x", NULL},
        {KR_INDICATOR_IPV4, "2001:db8::1", NULL},
        {KR_INDICATOR_IPV6, "192.0.2.1", NULL},
        {KR_INDICATOR_IPV4, "", NULL},
    };
    CHECK(examples);
}

static void test_domains(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {KR_INDICATOR_ANY, "Evil.EXAMPLE", "evil.example"},
        {KR_INDICATOR_ANY, "evil.example.", "evil.example"},
        {KR_INDICATOR_ANY, "_dmarc.evil.example", "_dmarc.evil.example"},
        {KR_INDICATOR_ANY, "r3---sn-x.example", "r3---sn-x.example"},
        {KR_INDICATOR_ANY, "日本語ドメイン.example", "xn--eckwd4c7c5976acvb2w6i.example"},
        {KR_INDICATOR_ANY, "日本語ドメイン。example", "xn--eckwd4c7c5976acvb2w6i.example"},
        {KR_INDICATOR_ANY, "r3---sn-x.日本.example", "r3---sn-x.xn--wgv71a.example"},
        {KR_INDICATOR_ANY, "ｅｖｉｌ．example", "evil.example"},
        {KR_INDICATOR_ANY, "XN--ECKWD4C7C.example", "xn--eckwd4c7c.example"},
        {KR_INDICATOR_ANY, "faß.example", "xn--fa-hia.example"},      /* nontransitional */
        {KR_INDICATOR_ANY, "xn--i-7iq.example", "xn--i-7iq.example"}, /* an emoji, which IDNA2008 disallows, but it decodes */
        {KR_INDICATOR_ANY, "xn--abc-.example", NULL},
        {KR_INDICATOR_ANY, "xn--.example", NULL},
        {KR_INDICATOR_ANY, "xn--99999999999.example", NULL},
        {KR_INDICATOR_ANY, "example", NULL},
        {KR_INDICATOR_ANY, "a..example", NULL},
        {KR_INDICATOR_ANY, ".a.example", NULL},
        {KR_INDICATOR_ANY, "a.example..", NULL},
        {KR_INDICATOR_ANY, "-a.example", NULL},
        {KR_INDICATOR_ANY, "a-.example", NULL},
        {KR_INDICATOR_ANY, "a b.example", NULL},
        {KR_INDICATOR_ANY, "a.example.123", NULL},
        {KR_INDICATOR_ANY, "a.\xff.example", NULL},
        {KR_INDICATOR_DOMAIN, ".", NULL},
        {KR_INDICATOR_DOMAIN, "", NULL},
        {KR_INDICATOR_ANY, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example", NULL},
    };
    CHECK(examples);

    /* Four labels of 63 make 255 characters; 253 are the most. */
    char longest[256];
    memset(longest, 'a', sizeof longest);
    longest[63] = longest[127] = longest[191] = '.';
    longest[253] = 0;
    check_example(KR_INDICATOR_DOMAIN, longest, 253, longest);
    longest[253] = 'a';
    check_example(KR_INDICATOR_DOMAIN, longest, 254, NULL);
    check_example(KR_INDICATOR_DOMAIN, "a\0b.example", 11, NULL);
}

static void test_urls(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {KR_INDICATOR_ANY, "HTTP://Evil.Example:80/a/%7euser/../B?q=%3d#top", "http://evil.example/a/B?q=%3D"},
        {KR_INDICATOR_ANY, "https://evil.example", "https://evil.example/"},
        {KR_INDICATOR_ANY, "https://evil.example:443", "https://evil.example/"},
        {KR_INDICATOR_ANY, "https://evil.example:", "https://evil.example/"},
        {KR_INDICATOR_ANY, "https://evil.example:0080/", "https://evil.example:80/"},
        {KR_INDICATOR_ANY, "https://evil.example?x", "https://evil.example/?x"},
        {KR_INDICATOR_ANY, "https://evil.example/?", "https://evil.example/?"},
        {KR_INDICATOR_ANY, "http://192.0.2.44/load.php", "http://192.0.2.44/load.php"},
        {KR_INDICATOR_ANY, "http://[2001:DB8::0:1]:8080/", "http://[2001:db8::1]:8080/"},
        {KR_INDICATOR_ANY, "http://[::ffff:192.0.2.1]/", "http://192.0.2.1/"},
        {KR_INDICATOR_ANY, "http://User:Pa%40ss@evil.example/", "http://User:Pa%40ss@evil.example/"},
        {KR_INDICATOR_ANY, "http://a@b@evil.example/", "http://a%40b@evil.example/"},
        {KR_INDICATOR_ANY, "http://@evil.example/", "http://evil.example/"},
        {KR_INDICATOR_ANY, "ftp://evil.example:21/x", "ftp://evil.example/x"},
        {KR_INDICATOR_ANY, "tcp://evil.example:4444", "tcp://evil.example:4444/"},
        {KR_INDICATOR_ANY, "http://%65vil.example/", "http://evil.example/"},
        {KR_INDICATOR_ANY, "http://evil.example./", "http://evil.example/"},
        {KR_INDICATOR_ANY, "http://e.example/a/./b/../../c/", "http://e.example/c/"},
        {KR_INDICATOR_ANY, "http://e.example/a/%2e%2E/b", "http://e.example/b"},
        {KR_INDICATOR_ANY, "http://e.example/../../x", "http://e.example/x"},
        {KR_INDICATOR_ANY, "http://e.example/a/..", "http://e.example/"},
        {KR_INDICATOR_ANY, "http://e.example/a//../b", "http://e.example/a/b"},
        {KR_INDICATOR_ANY, "http://e.example/.../..a", "http://e.example/.../..a"},
        {KR_INDICATOR_ANY, "http://e.example/a b\"<>[]{}|\\^`", "http://e.example/a%20b%22%3C%3E%5B%5D%7B%7D%7C%5C%5E%60"},
        {KR_INDICATOR_ANY, "http://e.example/100%", "http://e.example/100%25"},
        {KR_INDICATOR_ANY, "http://e.example/%%41%zz", "http://e.example/%25A%25zz"},
        {KR_INDICATOR_ANY, "http://e.example/?a=/../b?c", "http://e.example/?a=/../b?c"},
        {KR_INDICATOR_ANY, "https://日本語ドメイン.example/ログイン",
         "https://xn--eckwd4c7c5976acvb2w6i.example/%E3%83%AD%E3%82%B0%E3%82%A4%E3%83%B3"},
        {KR_INDICATOR_ANY, "https://e.example/\xe3\x81\x8b\xe3\x82\x99", "https://e.example/%E3%81%8C"}, /* か + mark: が */
        {KR_INDICATOR_ANY, "://e.example/", NULL},
        {KR_INDICATOR_ANY, "1http://e.example/", NULL},
        {KR_INDICATOR_ANY, "http:///x", NULL},
        {KR_INDICATOR_ANY, "http://localhost/", NULL},
        {KR_INDICATOR_ANY, "http://010.1.2.3/", NULL},
        {KR_INDICATOR_ANY, "http://e.example:65536/", NULL},
        {KR_INDICATOR_ANY, "http://e.example:0/", NULL},
        {KR_INDICATOR_ANY, "http://e.example:8a/", NULL},
        {KR_INDICATOR_ANY, "http://192.0.2.1%3A80/", NULL},
        {KR_INDICATOR_ANY, "http://192.0.2.1%2F8/", NULL},
        {KR_INDICATOR_ANY, "http://[::1%25eth0]/", NULL},
        {KR_INDICATOR_ANY, "http://[::1/", NULL},
        {KR_INDICATOR_ANY, "http://e.example/a\nb", NULL},
        {KR_INDICATOR_ANY, "http://e.example/\xff", NULL},
        {KR_INDICATOR_URL, "e.example/x", NULL},
        {KR_INDICATOR_URL, "mailto:a@e.example", NULL},
    };
    CHECK(examples);

    char longest[KR_INDICATOR_BYTES_MAX + 2] = "http://e.example/";
    memset(longest + 17, 'a', sizeof longest - 18);
    longest[KR_INDICATOR_BYTES_MAX] = 0;
    check_example(KR_INDICATOR_URL, longest, KR_INDICATOR_BYTES_MAX, longest);
    longest[KR_INDICATOR_BYTES_MAX] = 'a';
    check_example(KR_INDICATOR_URL, longest, KR_INDICATOR_BYTES_MAX + 1, NULL);
}

static void test_others(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {KR_INDICATOR_ANY, "Keiri@Invoice-Portal.example", "keiri@invoice-portal.example"},
        {KR_INDICATOR_ANY, "a..b.@carrier.example", "a..b.@carrier.example"},
        {KR_INDICATOR_ANY, "経理@日本.example", "経理@xn--wgv71a.example"},
        {KR_INDICATOR_EMAIL, "T\xcc\x88@e.example", "\xe1\xba\x97@e.example"}, /* T + diaeresis composes only in lower case */
        {KR_INDICATOR_EMAIL, "\xe2\x84\xaa@e.example", "k@e.example"},         /* the Kelvin sign */
        {KR_INDICATOR_ANY, "@e.example", NULL},
        {KR_INDICATOR_ANY, "a@b@e.example", NULL},
        {KR_INDICATOR_ANY, "a b@e.example", NULL},
        {KR_INDICATOR_ANY, "\"a\"@e.example", NULL},
        {KR_INDICATOR_ANY, "a@[192.0.2.1]", NULL},
        {KR_INDICATOR_ANY, "a@localhost", NULL},
        {KR_INDICATOR_ANY, "098F6BCD4621d373cade4e832627b4f6", "098f6bcd4621d373cade4e832627b4f6"},
        {KR_INDICATOR_JA3, "098F6BCD4621d373cade4e832627b4f6", "098f6bcd4621d373cade4e832627b4f6"},
        {KR_INDICATOR_SHA1, "098f6bcd4621d373cade4e832627b4f6", NULL},
        {KR_INDICATOR_MD5, "098f6bcd4621d373cade4e832627b4fg", NULL},
        {KR_INDICATOR_ANY, "as64500", "AS64500"},
        {KR_INDICATOR_ANY, "AS4294967295", "AS4294967295"},
        {KR_INDICATOR_ASN, "64500", "AS64500"},
        {KR_INDICATOR_ASN, "AS4294967296", NULL},
        {KR_INDICATOR_ASN, "AS0", NULL},
        {KR_INDICATOR_ASN, "AS064500", NULL},
        {KR_INDICATOR_ASN, "AS1.10", NULL},
        {KR_INDICATOR_ANY, "cve-2021-44228", "CVE-2021-44228"},
        {KR_INDICATOR_ANY, "CVE-2014-0001", "CVE-2014-0001"},
        {KR_INDICATOR_ANY, "CVE-2021-044228", NULL},
        {KR_INDICATOR_ANY, "CVE-21-44228", NULL},
        {KR_INDICATOR_ANY, "CVE-2021-123", NULL},
        {KR_INDICATOR_FILENAME, "C:\\Users\\x\\請求書_202611.xlsm", "請求書_202611.xlsm"},
        {KR_INDICATOR_FILENAME, "/tmp/\xe3\x81\x8b\xe3\x82\x99.exe", "\xe3\x81\x8c.exe"},
        {KR_INDICATOR_FILENAME, "..", NULL},
        {KR_INDICATOR_FILENAME, "dir/", NULL},
        {KR_INDICATOR_FILENAME, "a\x01.exe", NULL},
        {KR_INDICATOR_FILENAME, "a\xc2\x85.exe", NULL},
        {KR_INDICATOR_REGISTRY_KEY, "hklm\\Software\\\\Run\\", "HKEY_LOCAL_MACHINE\\Software\\Run"},
        {KR_INDICATOR_REGISTRY_KEY, "\\\\HKCU:\\Software", "HKEY_CURRENT_USER\\Software"},
        {KR_INDICATOR_REGISTRY_KEY, "\\\\", NULL},
        {KR_INDICATOR_MUTEX, "Global\\abc", "Global\\abc"},
        {KR_INDICATOR_MUTEX, "a\nb", NULL},
        {KR_INDICATOR_YARA, "rule a\r\n{\r\n\tcondition: true }", "rule a\n{\n\tcondition: true }"},
        {KR_INDICATOR_YARA, "a\rb", NULL},
        {KR_INDICATOR_YARA, "a\r\r\nb", NULL},
        {KR_INDICATOR_OTHER, "", NULL},
        {KR_INDICATOR_OTHER, "\xff", NULL},
        {99, "whatever", NULL},
    };
    CHECK(examples);
}

static void test_check_refuses(void **state)
{
    (void)state;
    static const struct {
        uint32_t type;
        const char *value;
        size_t len;
    } bad[] = {
        {KR_INDICATOR_ANY, "a", 1},
        {KR_INDICATOR_URL_HOST, "e.example", 9},
        {KR_INDICATOR_IPV4, "\x0a\x00\x00\x01\x08\x00\x00", 7}, /* a bit below the prefix */
        {KR_INDICATOR_IPV4, "\x0a\x00\x00\x00\x21\x00\x00", 7}, /* prefix 33 */
        {KR_INDICATOR_IPV4, "\x0a\x00\x00\x00\x08\x00\x50", 7}, /* a port on a network */
        {KR_INDICATOR_IPV4, "\x0a\x00\x00\x00\x20\x00", 6},
        {KR_INDICATOR_IPV6, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x01\x80\0\0", 19}, /* mapped */
        {KR_INDICATOR_DOMAIN, "E.example", 9},
        {KR_INDICATOR_DOMAIN, "e.example.", 10},
        {KR_INDICATOR_DOMAIN, "e.\xe6\x97\xa5", 5},
        {KR_INDICATOR_URL, "http://e.example", 16},
        {KR_INDICATOR_URL, "http://e.example/%7e", 20},
        {KR_INDICATOR_URL, "http://e.example:80/", 20},
        {KR_INDICATOR_EMAIL, "A@e.example", 11},
        {KR_INDICATOR_MD5, "0123456789abcde", 15},
        {KR_INDICATOR_FILENAME, "a/b", 3},
        {KR_INDICATOR_FILENAME, "\xe3\x81\x8b\xe3\x82\x99", 6},
        {KR_INDICATOR_ASN, "\0\0\0\0", 4},
        {KR_INDICATOR_CVE, "cve-2021-44228", 14},
        {KR_INDICATOR_REGISTRY_KEY, "HKLM\\x", 6},
        {KR_INDICATOR_OTHER, "a\0b", 3},
        {KR_INDICATOR_OTHER, "", 0},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (kr_indicator_check(bad[i].type, (const uint8_t *)bad[i].value, bad[i].len) != KR_INVALID) {
            fail_msg("example %zu was accepted", i);
        }
    }
    static uint8_t unknown[KR_INDICATOR_BYTES_MAX + 1];
    assert_int_equal(kr_indicator_check(4711, unknown, KR_INDICATOR_BYTES_MAX), KR_OK);
    assert_int_equal(kr_indicator_check(4711, unknown, KR_INDICATOR_BYTES_MAX + 1), KR_INVALID);
    assert_int_equal(kr_indicator_check(4711, unknown, 0), KR_INVALID);
}

static void test_print_bounds(void **state)
{
    (void)state;
    char text[16] = "untouched";
    assert_int_equal(kr_indicator_print(KR_INDICATOR_DOMAIN, (const uint8_t *)"e.example", 9, text, 9), KR_BOUNDS);
    assert_string_equal(text, "untouched");
    assert_int_equal(kr_indicator_print(KR_INDICATOR_DOMAIN, (const uint8_t *)"e.example", 9, text, 10), KR_OK);
    assert_string_equal(text, "e.example");
    assert_int_equal(kr_indicator_print(KR_INDICATOR_MD5, (const uint8_t *)"abc", 3, text, sizeof text), KR_INVALID);
    assert_int_equal(kr_indicator_print(KR_INDICATOR_OTHER, (const uint8_t *)"a\0b", 3, text, sizeof text), KR_INVALID);
    assert_int_equal(kr_indicator_print(4711, (const uint8_t *)"\x01\xfe", 2, text, 4), KR_BOUNDS);
    assert_int_equal(kr_indicator_print(4711, (const uint8_t *)"\x01\xfe", 2, text, 5), KR_OK);
    assert_string_equal(text, "01fe");
}

static void test_type_names(void **state)
{
    (void)state;
    for (uint32_t type = 1; type <= KR_INDICATOR_TYPE_MAX; type++) {
        const char *name = kr_indicator_type_name(type);
        uint32_t back = 0;
        assert_int_equal(kr_indicator_type_parse(name, strlen(name), &back), KR_OK);
        assert_int_equal(back, type);
    }
    uint32_t untouched = 77;
    assert_string_equal(kr_indicator_type_name(0), "unknown");
    assert_string_equal(kr_indicator_type_name(21), "unknown");
    assert_int_equal(kr_indicator_type_parse("ipv", 3, &untouched), KR_INVALID);
    assert_int_equal(kr_indicator_type_parse("ipv44", 5, &untouched), KR_INVALID);
    assert_int_equal(untouched, 77);
}

/* Texts pieced together from parts that mean something to one form or another: whatever parses is stable and passes the check, and
 * the check accepts nothing that parses to something else. */
static void test_idempotence(void **state)
{
    (void)state;
    static const char *const parts[] = {"http://",    "https://",
                                        "tcp://",     "a",
                                        "B",          "e.example",
                                        "xn--wgv71a", "日本",
                                        "。",         ".",
                                        "..",         "/",
                                        "//",         "?",
                                        "#",          "@",
                                        ":",          ":80",
                                        "%",          "%2e",
                                        "%41",        "%e3%81%82",
                                        "[::1]",      "1.2.3.4",
                                        "10.0.0.0",   "/8",
                                        "2001:db8::", "-",
                                        "_",          "か\xe3\x82\x99",
                                        "T\xcc\x88",  "\xe2\x84\xaa",
                                        "\xcc\x81",   "HKLM",
                                        "\\",         "\\\\",
                                        ":\\",        "CVE-2021-",
                                        "12345",      "AS",
                                        " ",          "\r\n",
                                        "\t",         "\xef\xbc\x8e",
                                        "Ａ",         "\xff",
                                        "&",          "=",
                                        "\xc2\xa0",   "\xcd\xbe"};
    const size_t count = sizeof parts / sizeof parts[0];
    uint64_t seed = 0x2545f4914f6cdd1d;
    size_t accepted = 0;
    for (int round = 0; round < 60000; round++) {
        char text[256];
        size_t len = 0;
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t bits = seed >> 8;
        const uint32_t type = (uint32_t)(bits % (KR_INDICATOR_TYPE_MAX + 1));
        for (int i = 0; i < 7 && bits > 0; i++) {
            bits = bits / 3;
            const char *part = parts[bits % count];
            memcpy(text + len, part, strlen(part));
            len += strlen(part);
            bits /= count;
        }
        struct kr_indicator first, again;
        char print[KR_INDICATOR_PRINT_BYTES_MAX];
        if (kr_indicator_parse(type, text, len, &first, NULL) == KR_OK) {
            accepted++;
            assert_int_equal(kr_indicator_check(first.type, first.value, first.len), KR_OK);
            assert_int_equal(kr_indicator_print(first.type, first.value, first.len, print, sizeof print), KR_OK);
            check_example(first.type, print, strlen(print), print);
        }
        if (type != KR_INDICATOR_ANY && kr_indicator_check(type, (const uint8_t *)text, len) == KR_OK) {
            assert_int_equal(kr_indicator_print(type, (const uint8_t *)text, len, print, sizeof print), KR_OK);
            assert_int_equal(kr_indicator_parse(type, print, strlen(print), &again, NULL), KR_OK);
            assert_int_equal(again.len, len);
            assert_memory_equal(again.value, text, len);
        }
    }
    assert_true(accepted > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),  cmocka_unit_test(test_domains),       cmocka_unit_test(test_urls),
        cmocka_unit_test(test_others),     cmocka_unit_test(test_check_refuses), cmocka_unit_test(test_print_bounds),
        cmocka_unit_test(test_type_names), cmocka_unit_test(test_idempotence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
