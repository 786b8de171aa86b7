#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants these before it. */
#include <cmocka.h>

#include "proto/indicator/indicator.h"

/* Keys as readable lines: "ipv4 10.0.0.0/8", "host e.example". */
struct trace {
    char text[8192];
    size_t len, count, stop_at;
};

static bool note_key(void *context, uint8_t type, const uint8_t *bytes, size_t len)
{
    struct trace *trace = context;
    char print[KR_INDICATOR_PRINT_BYTES_MAX];
    const bool host = type == KR_INDICATOR_URL_HOST;
    assert_int_equal(kr_indicator_print(host ? KR_INDICATOR_OTHER : type, bytes, len, print, sizeof print), KR_OK);
    trace->len += (size_t)snprintf(trace->text + trace->len, sizeof trace->text - trace->len, "%s %s\n",
                                   host ? "host" : kr_indicator_type_name(type), print);
    trace->count++;
    return trace->count != trace->stop_at;
}

static struct kr_indicator parse(uint32_t type, const char *text)
{
    struct kr_indicator indicator = {0};
    assert_int_equal(kr_indicator_parse(type, text, strlen(text), &indicator, NULL), KR_OK);
    return indicator;
}

static struct trace index_keys(uint32_t type, const char *text)
{
    struct trace trace = {.len = 0};
    const struct kr_indicator indicator = parse(type, text);
    kr_indicator_index_keys(indicator.type, indicator.value, indicator.len, note_key, &trace);
    return trace;
}

static struct trace lookup_keys(uint32_t type, const char *text)
{
    struct trace trace = {.len = 0};
    const struct kr_indicator indicator = parse(type, text);
    kr_indicator_lookup_keys(indicator.type, indicator.value, indicator.len, note_key, &trace);
    return trace;
}

static void test_index(void **state)
{
    (void)state;
    assert_string_equal(index_keys(KR_INDICATOR_ANY, "192.0.2.1:443").text, "ipv4 192.0.2.1\n");
    assert_string_equal(index_keys(KR_INDICATOR_ANY, "[2001:db8::1]:443").text, "ipv6 2001:db8::1\n");
    assert_string_equal(index_keys(KR_INDICATOR_ANY, "10.0.0.0/8").text, "ipv4 10.0.0.0/8\n");
    assert_string_equal(index_keys(KR_INDICATOR_ANY, "www.e.example").text, "domain www.e.example\n");
    assert_string_equal(index_keys(KR_INDICATOR_ANY, "http://u@www.e.example:8080/x?y").text,
                        "url http://u@www.e.example:8080/x?y\nhost www.e.example\n");
    assert_string_equal(index_keys(KR_INDICATOR_ANY, "http://[2001:db8::1]:81/").text,
                        "url http://[2001:db8::1]:81/\nhost 2001:db8::1\n");
    assert_string_equal(index_keys(KR_INDICATOR_FILENAME, "Setup.EXE").text, "filename setup.exe\n");
    assert_string_equal(index_keys(KR_INDICATOR_MUTEX, "Setup.EXE").text, "mutex Setup.EXE\n");
}

static void test_lookup(void **state)
{
    (void)state;
    assert_string_equal(lookup_keys(KR_INDICATOR_ANY, "203.0.113.77/3").text,
                        "ipv4 192.0.0.0/3\nipv4 192.0.0.0/2\nipv4 128.0.0.0/1\nipv4 0.0.0.0/0\n");
    const struct trace whole = lookup_keys(KR_INDICATOR_ANY, "203.0.113.77:443");
    assert_int_equal(whole.count, 34);
    assert_non_null(strstr(whole.text, "ipv4 203.0.113.77\nipv4 203.0.113.76/31\nipv4 203.0.113.76/30\n"));
    assert_non_null(strstr(whole.text, "ipv4 0.0.0.0/0\nhost 203.0.113.77\n"));
    assert_int_equal(lookup_keys(KR_INDICATOR_ANY, "2001:db8::1").count, 130);
    /* Below ::/80 lie networks that would be IPv4 in normal form; none may be asked for as IPv6. */
    assert_null(strstr(lookup_keys(KR_INDICATOR_ANY, "::ffff:0:0/95").text, "ffff"));

    assert_string_equal(lookup_keys(KR_INDICATOR_ANY, "a.b.e.example").text,
                        "domain a.b.e.example\ndomain b.e.example\ndomain e.example\nhost a.b.e.example\n");
    assert_string_equal(lookup_keys(KR_INDICATOR_ANY, "http://a.e.example/x?y").text,
                        "url http://a.e.example/x?y\nurl http://a.e.example/x\ndomain a.e.example\ndomain e.example\n");
    const struct trace numeric = lookup_keys(KR_INDICATOR_ANY, "http://192.0.2.1:8080/");
    assert_int_equal(numeric.count, 34);
    assert_non_null(strstr(numeric.text, "ipv4 192.0.2.1\n"));
    assert_non_null(strstr(lookup_keys(KR_INDICATOR_ANY, "http://[2001:db8::1]/").text, "ipv6 2001:db8::/32\n"));
    assert_string_equal(lookup_keys(KR_INDICATOR_ANY, "x@mail.e.example").text,
                        "email x@mail.e.example\ndomain mail.e.example\ndomain e.example\n");
    assert_string_equal(lookup_keys(KR_INDICATOR_REGISTRY_KEY, "HKCU\\A").text, "registry_key hkey_current_user\\a\n");
}

static struct trace keys_in(const char *text, struct kr_prefixes prefixes)
{
    struct trace trace = {.len = 0};
    const struct kr_indicator indicator = parse(KR_INDICATOR_ANY, text);
    kr_indicator_lookup_keys_in(indicator.type, indicator.value, indicator.len, &prefixes, note_key, &trace);
    return trace;
}

/* Networks are asked for under the lengths that there are, the value itself always. */
static void test_lookup_in_prefixes(void **state)
{
    (void)state;
    const struct kr_prefixes none = {0}, ipv4 = {.ipv4 = UINT32_C(1) << 31 | 1u << 24 | 1u << 8 | 1};
    const struct kr_prefixes ipv6 = {.ipv6 = {UINT64_C(1) << 63 | UINT64_C(1) << 32 | 1, UINT64_C(1) << 63 | 1}};
    assert_string_equal(keys_in("203.0.113.77", none).text, "ipv4 203.0.113.77\nhost 203.0.113.77\n");
    assert_string_equal(keys_in("203.0.113.77", ipv6).text, "ipv4 203.0.113.77\nhost 203.0.113.77\n");
    assert_string_equal(keys_in("203.0.113.77", ipv4).text,
                        "ipv4 203.0.113.77\nipv4 203.0.113.76/31\nipv4 203.0.113.0/24\nipv4 203.0.0.0/8\nipv4 0.0.0.0/0\n"
                        "host 203.0.113.77\n");
    assert_string_equal(keys_in("203.0.113.0/24", ipv4).text, "ipv4 203.0.113.0/24\nipv4 203.0.0.0/8\nipv4 0.0.0.0/0\n");
    assert_string_equal(keys_in("0.0.0.0/0", ipv4).text, "ipv4 0.0.0.0/0\n");
    assert_string_equal(keys_in("2001:db8::1", none).text, "ipv6 2001:db8::1\nhost 2001:db8::1\n");
    assert_string_equal(keys_in("2001:db8:1:1:1:1:1:1", ipv6).text,
                        "ipv6 2001:db8:1:1:1:1:1:1\nipv6 2001:db8:1:1:1:1:1:0/127\nipv6 2001:db8:1:1::/64\n"
                        "ipv6 2001:db8:1::/63\nipv6 2001:db8::/32\nipv6 ::/0\nhost 2001:db8:1:1:1:1:1:1\n");
    assert_string_equal(keys_in("2001:db8::/64", ipv6).text,
                        "ipv6 2001:db8::/64\nipv6 2001:db8::/63\nipv6 2001:db8::/32\nipv6 ::/0\n");
    assert_string_equal(
        keys_in("http://192.0.2.1/", ipv4).text,
        "url http://192.0.2.1/\nipv4 192.0.2.1\nipv4 192.0.2.0/31\nipv4 192.0.2.0/24\nipv4 192.0.0.0/8\nipv4 0.0.0.0/0\n");
    assert_string_equal(keys_in("a.e.example", none).text, "domain a.e.example\ndomain e.example\nhost a.e.example\n");
}

static bool add_prefix(void *context, uint8_t type, const uint8_t *bytes, size_t len)
{
    kr_prefixes_add(context, type, bytes, len);
    return true;
}

static struct kr_prefixes prefixes_of(const char *text)
{
    struct kr_prefixes prefixes = {0};
    const struct kr_indicator indicator = parse(KR_INDICATOR_ANY, text);
    kr_indicator_index_keys(indicator.type, indicator.value, indicator.len, add_prefix, &prefixes);
    return prefixes;
}

/* Of each network its length, of nothing else one. */
static void test_prefixes(void **state)
{
    (void)state;
    static const char *const others[] = {"192.0.2.1", "192.0.2.1:443",     "2001:db8::1",
                                         "e.example", "http://192.0.2.1/", "x@e.example"};
    char text[64];
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const struct kr_prefixes prefixes = prefixes_of(others[i]);
        assert_true(prefixes.ipv4 == 0 && prefixes.ipv6[0] == 0 && prefixes.ipv6[1] == 0);
    }
    for (unsigned length = 0; length < 32; length++) {
        (void)snprintf(text, sizeof text, "203.0.113.77/%u", length);
        const struct kr_prefixes prefixes = prefixes_of(text);
        assert_true(prefixes.ipv4 == UINT32_C(1) << length && prefixes.ipv6[0] == 0 && prefixes.ipv6[1] == 0);
        assert_true(keys_in("203.0.113.77", prefixes).count == 3);
    }
    for (unsigned length = 0; length < 128; length++) {
        (void)snprintf(text, sizeof text, "2001:db8:1:1:1:1:1:1/%u", length);
        const struct kr_prefixes prefixes = prefixes_of(text);
        assert_true(prefixes.ipv4 == 0 && prefixes.ipv6[length / 64] == UINT64_C(1) << length % 64 &&
                    prefixes.ipv6[1 - length / 64] == 0);
        assert_true(keys_in("2001:db8:1:1:1:1:1:1", prefixes).count == 3);
    }
}

static void test_visitor_stops(void **state)
{
    (void)state;
    const struct kr_indicator address = parse(KR_INDICATOR_ANY, "192.0.2.1");
    for (size_t stop = 1; stop <= 34; stop++) {
        struct trace trace = {.stop_at = stop};
        kr_indicator_lookup_keys(address.type, address.value, address.len, note_key, &trace);
        assert_int_equal(trace.count, stop);
    }
}

static bool matches(uint32_t type, const char *stored_text, const char *asked_text)
{
    const struct kr_indicator stored = parse(type, stored_text), asked = parse(type, asked_text);
    return kr_indicator_matches(stored.type, (struct kr_slice){stored.value, stored.len}, asked.type,
                                (struct kr_slice){asked.value, asked.len});
}

static void test_matches(void **state)
{
    (void)state;
    static const struct {
        const char *stored, *asked;
        bool match;
    } examples[] = {
        {"10.0.0.0/8", "10.1.2.3", true},
        {"10.0.0.0/8", "10.1.0.0/16", true},
        {"10.1.0.0/16", "10.0.0.0/8", false},
        {"10.0.0.0/8", "11.1.2.3", false},
        {"192.0.2.1:443", "192.0.2.1", true},
        {"192.0.2.1:443", "192.0.2.1:80", true},
        {"2001:db8::/32", "2001:db8:1::2", true},
        {"e.example", "www.e.example", true},
        {"www.e.example", "e.example", false},
        {"e.example", "note.example", false},
        {"e.example", "http://www.e.example/x", true},
        {"http://e.example/x", "e.example", true},
        {"http://e.example/x", "www.e.example", false},
        {"http://e.example/x", "http://e.example/y", false},
        {"http://e.example/x", "http://e.example/x?q", true},
        {"http://e.example/x?q", "http://e.example/x", false},
        {"http://192.0.2.1/x", "192.0.2.1", true},
        {"192.0.2.0/24", "http://192.0.2.1/x", true},
        {"e.example", "a@e.example", true},
        {"a@e.example", "e.example", false},
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        if (matches(KR_INDICATOR_ANY, examples[i].stored, examples[i].asked) != examples[i].match) {
            fail_msg("stored %s, asked %s", examples[i].stored, examples[i].asked);
        }
    }
    assert_true(matches(KR_INDICATOR_FILENAME, "Setup.exe", "SETUP.EXE"));
    assert_false(matches(KR_INDICATOR_MUTEX, "Setup.exe", "SETUP.EXE"));
}

static void test_relations(void **state)
{
    (void)state;
    static const struct {
        const char *stored, *asked, *relation;
    } examples[] = {
        {"192.0.2.1", "192.0.2.1:443", "same"},
        {"10.0.0.0/8", "10.1.2.3", "network"},
        {"10.0.0.0/8", "10.0.0.0/8", "same"},
        {"10.0.0.0/8", "10.0.0.0/16", "network"},
        {"2001:db8::/32", "http://[2001:db8::1]/", "network"},
        {"192.0.2.1", "http://192.0.2.1/x", "host"},
        {"192.0.2.1", "192.0.2.2", "none"},
        {"e.example", "e.example", "same"},
        {"e.example", "www.e.example", "parent"},
        {"e.example", "http://www.e.example/x", "parent"},
        {"e.example", "http://u@e.example:8080/x?q", "host"},
        {"e.example", "a@e.example", "host"},
        {"e.example", "a@mail.e.example", "parent"},
        {"a@e.example", "a@e.example", "same"},
        {"http://e.example/x", "e.example", "on-host"},
        {"http://192.0.2.1/x", "192.0.2.1", "on-host"},
        {"http://e.example/x", "http://e.example/x", "same"},
        {"http://e.example/x", "http://e.example/x?q", "without-query"},
        {"http://e.example/x?q", "http://e.example/x", "none"},
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        const struct kr_indicator stored = parse(KR_INDICATOR_ANY, examples[i].stored);
        const struct kr_indicator asked = parse(KR_INDICATOR_ANY, examples[i].asked);
        const char *found = kr_indicator_relation_name(kr_indicator_relation(
            stored.type, (struct kr_slice){stored.value, stored.len}, asked.type, (struct kr_slice){asked.value, asked.len}));
        if (strcmp(found, examples[i].relation) != 0) {
            fail_msg("stored %s, asked %s: %s", examples[i].stored, examples[i].asked, found);
        }
    }
    assert_string_equal(kr_indicator_relation_name((enum kr_indicator_relation)99), "none");
}

/* Values that no check has seen give no fault: run under the sanitizers. */
static void test_garbage(void **state)
{
    (void)state;
    static const char *const values[] = {"",   "x", "://",      "http://", "http://[",
                                         "a@", "@", "http:/x/", "abc",     "\xff\xff\xff\xff\xff\xff\xff"};
    for (uint32_t type = 0; type <= 300; type++) {
        for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
            struct kr_slice slice = {(const uint8_t *)values[i], strlen(values[i])};
            (void)kr_indicator_matches(type, slice, type, slice);
            (void)kr_indicator_relation(type, slice, type, slice);
        }
    }
    struct kr_slice host = {(const uint8_t *)"e.example", 9};
    assert_false(kr_indicator_matches(KR_INDICATOR_URL_HOST, host, KR_INDICATOR_DOMAIN, host));
    assert_true(kr_indicator_matches(99, host, 99, host));
    assert_false(kr_indicator_matches(99, host, 98, host));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index),    cmocka_unit_test(test_lookup),        cmocka_unit_test(test_lookup_in_prefixes),
        cmocka_unit_test(test_prefixes), cmocka_unit_test(test_visitor_stops), cmocka_unit_test(test_matches),
        cmocka_unit_test(test_garbage),  cmocka_unit_test(test_relations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
