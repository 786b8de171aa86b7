/* STIX: what stands in each object. The form of the whole is checked by tests/e2e/stix_check.py. */
#include "tests/unit/export/export_test.h"

#include "tools/export/formats.h"

#include <jansson.h>

static json_t *load(const struct kr_rendering *rendering, struct kr_tally *ret_tally)
{
    char *text = render("stix", NULL, rendering, ret_tally);
    json_t *bundle = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(bundle);
    free(text);
    return bundle;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

/* The only object of a type whose `key` is `value`. */
static const json_t *find(const json_t *bundle, const char *type, const char *key, const char *value)
{
    json_t *object;
    const json_t *found = NULL;
    size_t i;
    json_array_foreach(json_object_get(bundle, "objects"), i, object)
    {
        if (strcmp(text_of(object, "type"), type) == 0 && (key == NULL || strcmp(text_of(object, key), value) == 0)) {
            assert_null(found);
            found = object;
        }
    }
    if (found == NULL) {
        fail_msg("no %s with %s", type, value);
    }
    return found;
}

static void test_patterns(void **state)
{
    (void)state;
    static const struct {
        uint32_t type;
        const char *text, *pattern;
    } cases[] = {
        {KR_INDICATOR_IPV4, "203.0.113.7", "[ipv4-addr:value = '203.0.113.7']"},
        {KR_INDICATOR_IPV4, "198.51.100.0/24", "[ipv4-addr:value = '198.51.100.0/24']"},
        {KR_INDICATOR_IPV6, "[2001:db8::7]:53",
         "[network-traffic:dst_ref.type = 'ipv6-addr' AND network-traffic:dst_ref.value = '2001:db8::7' AND "
         "network-traffic:dst_port = 53]"},
        {KR_INDICATOR_DOMAIN, "evil.example", "[domain-name:value = 'evil.example']"},
        {KR_INDICATOR_URL, "http://evil.example/a'b", "[url:value = 'http://evil.example/a\\'b']"},
        {KR_INDICATOR_EMAIL, "a@evil.example", "[email-addr:value = 'a@evil.example']"},
        {KR_INDICATOR_MD5, "d41d8cd98f00b204e9800998ecf8427e", "[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']"},
        {KR_INDICATOR_IMPHASH, "d41d8cd98f00b204e9800998ecf8427e",
         "[file:extensions.'windows-pebinary-ext'.imphash = 'd41d8cd98f00b204e9800998ecf8427e']"},
        {KR_INDICATOR_FILENAME, "it's 請求書].exe", "[file:name = 'it\\'s 請求書].exe']"},
        {KR_INDICATOR_REGISTRY_KEY, "HKEY_LOCAL_MACHINE\\Software\\'x'",
         "[windows-registry-key:key = 'HKEY_LOCAL_MACHINE\\\\Software\\\\\\'x\\'']"},
        {KR_INDICATOR_MUTEX, "a\\'] OR [b:c = 'd", "[mutex:name = 'a\\\\\\'] OR [b:c = \\'d']"},
        {KR_INDICATOR_USER_AGENT, "evil", "[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'evil']"},
        {KR_INDICATOR_ASN, "AS64496", "[autonomous-system:number = 64496]"},
        {KR_INDICATOR_YARA, "rule x { condition: true }", "rule x { condition: true }"},
        {KR_INDICATOR_OTHER, "[a:b = '請'] FOLLOWEDBY [c:d > 1]", "[a:b = '請'] FOLLOWEDBY [c:d > 1]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kr_gathered gathered = {0};
        struct kr_tally tally;
        const struct value value = {.type = cases[i].type, .text = cases[i].text};
        give(&gathered, &(const struct given_record){.number = 1, .label = KR_TLP_CLEAR, .values = &value, .count = 1});
        struct kr_selection selection = SELECT(&gathered, 0);
        struct kr_rendering rendering = rendering_of(&selection);
        json_t *bundle = load(&rendering, &tally);
        const json_t *indicator = find(bundle, "indicator", "pattern", cases[i].pattern);
        assert_string_equal(text_of(indicator, "pattern_type"), cases[i].type == KR_INDICATOR_YARA ? "yara" : "stix");
        json_decref(bundle);
        kr_selection_deinit(&selection);
        kr_gathered_deinit(&gathered);
    }
}

/* By the grammar of STIX 2.1, not by what readers forgive. */
static void test_form(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "[a:b = 'x']",
        " [ a:b='x' ]\n",
        "[file:name = 'a' AND file:size > 10 AND file:NOT_x = 'y' OR ipv4-addr:value = '192.0.2.1']",
        "[file:hashes.'SHA-256' IN ('a', 'b') OR file:size IN (1, -2, +3, .5, true, h'00ff', b'QUI=', t'2026-01-01T00:00:00Z')]",
        "[x:y IN ()]",
        "[url:value MATCHES '^https?://\\\\w+' AND url:value NOT LIKE '%\\'%']",
        "[network-traffic:dst_ref.value ISSUBSET '192.0.2.0/24']",
        "[process:command_line.'it\\'s'[*].x[0].y[-1] != false]",
        "[EXISTS windows-registry-key:values]",
        "[(a:b = 1 OR a:c <> 2) AND a:d <= 3]",
        "([a:b = 1] AND [c:d = 2]) FOLLOWEDBY [e:f >= 3] WITHIN 5.5 SECONDS REPEATS 3 TIMES",
        "[a:b < t'2026-01-01T00:00:00.123Z'] START t'2026-01-01T00:00:00Z' STOP t'2026-02-01T23:59:60.5Z'",
        "[a:b == 1]",
    };
    static const char *const others[] = {
        "",
        "x",
        "[]",
        "[a:b]",
        "[a:b = ]",
        "[a:b = x]",
        "[a:b = \"x\"]",
        "[a:b = 'x'",
        "a:b = 'x'",
        "[a:b = 'x']]",
        "[a:b = 'x'] x",
        "[a:b = 'x\\n']",
        "[a:b = 'x\\",
        "[a = 'x']",
        "[a: = 'x']",
        "[a:b. = 1]",
        "[a:b[x] = 1]",
        "[a:b[] = 1]",
        "[a:b-c = 1]",
        "[1a:b = 1]",
        "[a:b = 01]",
        "[a:b = 1.]",
        "[a:b = 1x]",
        "[a:b > true]",
        "[a:b LIKE 1]",
        "[a:b IN 'x']",
        "[a:b IN ('x',)]",
        "[a:b = h'0']",
        "[a:b = h'0g']",
        "[a:b = b'a']",
        "[a:b = t'2026-13-01T00:00:00Z']",
        "[a:b = t'2026-01-01T00:00:00']",
        "[a:b = t'2026-01-01T00:00:00.Z']",
        "[a:b = t'2026-01-01']",
        "[a:b = t'2026-01-01T00:00:61Z']",
        "[a:b = 1 and a:c = 1]",
        "[a:b = 1 AND c:d = 1]",
        "[(a:b = 1 OR c:d = 1) AND a:e = 1]",
        "[(c:d = 1 OR a:b = 1) AND a:e = 1]",
        "[(c:d = 1 OR a:b = 1) AND (c:d = 1 OR a:b = 1)]",
        "[a:b = 1 AND]",
        "[a:b = 1] AND",
        "[a:b = 1] WITHIN -5 SECONDS",
        "[a:b = 1] WITHIN 5 seconds",
        "[a:b = 1] REPEATS 1.5 TIMES",
        "[a:b = 1] START t'2026-01-01T00:00:00Z'",
        "[a:b = 1] START '2026-01-01T00:00:00Z' STOP '2026-01-01T00:00:00Z'",
        "([a:b = 1]",
        "[a:b = 1][c:d = 1]",
        "[NOT a:b = 1]",
        "[a:b /* x */ = 1]",
    };
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        if (!kr_stix_is_pattern(slice(patterns[i]))) {
            fail_msg("a pattern: %s", patterns[i]);
        }
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (kr_stix_is_pattern(slice(others[i]))) {
            fail_msg("no pattern: %s", others[i]);
        }
    }
    for (size_t depth = 10; depth < 1000; depth *= 10) {
        char deep[256];
        const size_t len = 2 * depth + 9;
        memset(deep, '(', depth);
        memcpy(deep + depth, "[a:b = 1]", 9);
        memset(deep + depth + 9, ')', depth);
        assert_int_equal(kr_stix_is_pattern((struct kr_slice){(const uint8_t *)deep, len}), depth == 10);
        memset(deep, '(', depth + 1);
        deep[0] = '[';
        memcpy(deep + depth + 1, "a:b = 1", 7);
        memset(deep + depth + 8, ')', depth + 1);
        deep[len - 1] = ']';
        assert_int_equal(kr_stix_is_pattern((struct kr_slice){(const uint8_t *)deep, len}), depth == 10);
    }
}

static void test_objects(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    struct kr_tally tally;
    GIVE(&gathered, .number = 1, .author = 7, .label = KR_TLP_AMBER, .created_ms = UINT64_C(1790000000123), .expires_s = 1800000000,
         .organisation = "Other", .origin_id = "indicator--x", .terms = "TLP:AMBER", .title = "題", .author_name = "Kita",
         VALUES({V(DOMAIN, "evil.example"), .note = "C2", .confidence_1 = 81, .action = KR_ACTION_BLOCK, .first_s = 1700000000},
                {V(CVE, "CVE-2026-12345")}, {V(JA3, "d41d8cd98f00b204e9800998ecf8427e")}, {V(OTHER, "x")}));
    GIVE(&gathered, .number = 2, .author = 8, .label = KR_TLP_CLEAR, .is_taken = true);
    GIVE(&gathered, .number = 3, .author = 8, .label = KR_TLP_RED, .is_taken = true);
    struct kr_selection selection = SELECT(&gathered, 0);
    struct kr_rendering rendering = rendering_of(&selection);
    json_t *bundle = load(&rendering, &tally);
    assert_int_equal(tally.left[KR_LEFT_TYPE], 2);
    const json_t *indicator = find(bundle, "indicator", NULL, NULL), *report = find(bundle, "report", "name", "題");
    assert_string_equal(text_of(indicator, "created"), "2026-09-21T14:13:20.123Z");
    assert_string_equal(text_of(indicator, "modified"), "2026-09-21T14:13:20.123Z");
    assert_string_equal(text_of(indicator, "valid_from"), "2023-11-14T22:13:20.000Z");
    assert_string_equal(text_of(indicator, "valid_until"), "2027-01-15T08:00:00.000Z");
    assert_string_equal(text_of(indicator, "description"), "C2");
    assert_string_equal(json_string_value(json_array_get(json_object_get(indicator, "labels"), 0)), "block");
    assert_int_equal(json_integer_value(json_object_get(indicator, "confidence")), 80);
    assert_string_equal(json_string_value(json_array_get(json_object_get(indicator, "object_marking_refs"), 0)),
                        "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421");
    assert_int_equal(json_array_size(json_object_get(report, "object_refs")), 2);
    const json_t *reference = json_array_get(json_object_get(report, "external_references"), 0);
    assert_string_equal(text_of(reference, "source_name"), "Other");
    assert_string_equal(text_of(reference, "external_id"), "indicator--x");
    assert_string_equal(text_of(find(bundle, "vulnerability", NULL, NULL), "name"), "CVE-2026-12345");
    assert_string_equal(text_of(report, "created_by_ref"),
                        text_of(find(bundle, "identity", "id", text_of(report, "created_by_ref")), "id"));
    /* That a RED one is gone is not told either. */
    const json_t *gone = find(bundle, "report", "name", "Kairan");
    assert_true(json_is_true(json_object_get(gone, "revoked")));
    assert_string_equal(text_of(gone, "modified"), "2026-09-21T14:13:20.001Z");
    assert_int_equal(json_array_size(json_object_get(gone, "object_refs")), 1); /* nothing is known of what it had */
    json_decref(bundle);
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

/* The indicators of what is taken back are revoked under the ids that they had, whatever their values were. */
static void test_revoked(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    struct kr_tally tally;
    GIVE(&gathered, .number = 1, .label = KR_TLP_CLEAR,
         VALUES({V(DOMAIN, "b.example")}, {V(DOMAIN, "a.example")}, {V(DOMAIN, "b.example")}, {V(IPV4, "192.0.2.1")}));
    struct kr_selection selection = SELECT(&gathered, 0);
    struct kr_rendering rendering = rendering_of(&selection);
    json_t *before = load(&rendering, &tally);
    kr_selection_deinit(&selection);
    GIVE(&gathered, .number = 1, .label = KR_TLP_CLEAR, .is_taken = true, .count = 4);
    selection = SELECT(&gathered, 0);
    json_t *after = load(&rendering, &tally), *object;
    size_t i;
    uint32_t revoked = 0;
    json_array_foreach(json_object_get(before, "objects"), i, object)
    {
        if (strcmp(text_of(object, "type"), "indicator") == 0) {
            const json_t *gone = find(after, "indicator", "id", text_of(object, "id"));
            assert_non_null(gone);
            assert_true(json_is_true(json_object_get(gone, "revoked")));
            assert_string_equal(text_of(gone, "created"), text_of(object, "created"));
            assert_string_equal(text_of(gone, "created_by_ref"), text_of(object, "created_by_ref"));
            assert_string_not_equal(text_of(gone, "modified"), text_of(object, "modified"));
            assert_null(strstr(text_of(gone, "pattern"), "example"));
            revoked++;
        }
    }
    assert_int_equal(revoked, 3);
    assert_int_equal(json_array_size(json_object_get(find(after, "report", NULL, NULL), "object_refs")), 5);
    json_decref(before);
    json_decref(after);
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_revoked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
