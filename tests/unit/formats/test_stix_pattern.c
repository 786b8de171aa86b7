/* Patterns taken apart, kept whole, refused. */
#include "tests/unit/formats/import_test.h"

#include "tools/formats/stix_pattern.h"

static enum kr_err write_term(void *context, const struct kr_stix_term *term)
{
    FILE *out = context;
    (void)fprintf(out, "%s %.*s", kr_indicator_type_name(term->type), (int)term->value.len, (const char *)term->value.bytes);
    told_slice(out, "note", term->note);
    if (term->first_s != 0) {
        (void)fprintf(out, " %ju-%ju", (uintmax_t)term->first_s, (uintmax_t)term->last_s);
    }
    (void)fputc('\n', out);
    return KR_OK;
}

static void check(const char *pattern, enum kr_err expected_err, const char *expected)
{
    char *lines = NULL;
    size_t len = 0;
    struct kr_error error = {.text = ""};
    FILE *out = open_memstream(&lines, &len);
    assert_non_null(out);
    const enum kr_err err = kr_stix_pattern((struct kr_slice){(const uint8_t *)pattern, strlen(pattern)}, write_term, out, &error);
    assert_int_equal(fclose(out), 0);
    if (err != expected_err || strcmp(lines, expected) != 0) {
        fail_msg("%s\n%d (%s), got:\n%swanted:\n%s", pattern, (int)err, error.text, lines, expected);
    }
    if (err == KR_INVALID && strstr(error.text, expected) == NULL) {
        fail_msg("%s\nsays: %s", pattern, error.text);
    }
    free(lines);
}

static void test_single(void **state)
{
    (void)state;
    check("[ipv4-addr:value = '198.51.100.1']", KR_OK, "ipv4 198.51.100.1\n");
    check(" [ domain-name:value='evil.example' ] ", KR_OK, "domain evil.example\n");
    check("[url:value = 'http://x.example/it\\'s\\\\']", KR_OK, "url http://x.example/it's\\\n");
    check("[file:hashes.'SHA-256' = 'aa']", KR_OK, "sha256 aa\n");
    check("[file:hashes.MD5 = 'aa']", KR_OK, "md5 aa\n");
    check("[file:hashes.\"SHA-1\" = 'aa']", KR_OK, "sha1 aa\n");
    check("[file:name = 'a b.exe']", KR_OK, "filename a b.exe\n");
    check("[windows-registry-key:key = 'HKLM\\\\x']", KR_OK, "registry_key HKLM\\x\n");
    check("[autonomous-system:number = 64496]", KR_OK, "asn 64496\n");
    check("[email-message:from_ref.value = 'a@b.example']", KR_OK, "email a@b.example\n");
    check("[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'Bot/1']", KR_OK, "user_agent Bot/1\n");
    check("[mutex:name = 'Global\\\\m']", KR_OK, "mutex Global\\m\n");
}

static void test_any_of(void **state)
{
    (void)state;
    check("[ipv4-addr:value = '1.0.0.1' OR domain-name:value = 'a.example']", KR_OK, "ipv4 1.0.0.1\ndomain a.example\n");
    check("[domain-name:value IN ('a.example', 'b.example')]", KR_OK, "domain a.example\ndomain b.example\n");
    check("[url:value = 'http://a.example/'] OR ([url:value = 'http://b.example/'])", KR_OK,
          "url http://a.example/\nurl http://b.example/\n");
    check("[(ipv4-addr:value = '1.0.0.1' OR (ipv4-addr:value = '1.0.0.2'))]", KR_OK, "ipv4 1.0.0.1\nipv4 1.0.0.2\n");
    check("[ipv4-addr:value ISSUBSET '192.0.2.0/24']", KR_OK, "ipv4 192.0.2.0/24\n");
    check("[domain-name:value LIKE '%.evil.example']", KR_OK, "domain evil.example\n");
    check("[domain-name:value LIKE 'evil.example']", KR_OK, "domain evil.example\n");
    check("[ipv4-addr:value = '1.0.0.1'] START t'2026-01-01T00:00:00Z' STOP t'2026-01-02T00:00:00Z'", KR_OK,
          "ipv4 1.0.0.1 1767225600-1767312000\n");
}

static void test_joined(void **state)
{
    (void)state;
    check("[file:hashes.MD5 = 'aa' AND file:hashes.'SHA-256' = 'bb' AND file:name = 'n.exe' AND file:size = 12]", KR_OK,
          "md5 aa note=n.exe\nsha256 bb note=n.exe\n");
    check("[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '192.0.2.1' AND "
          "network-traffic:dst_port = 443]",
          KR_OK, "unknown 192.0.2.1:443\n");
    check("[network-traffic:dst_ref.value = '2001:db8::1' AND network-traffic:dst_port = 80]", KR_OK, "unknown [2001:db8::1]:80\n");
    check("[network-traffic:dst_ref.value = '192.0.2.1' AND network-traffic:protocols[*] = 'tcp']", KR_OK, "unknown 192.0.2.1\n");
}

/* In pieces they would say more than they do. */
static void test_kept_whole(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "[ipv4-addr:value = '1.0.0.1' AND domain-name:value = 'a.example']",
        "[file:name = 'a.exe' AND file:size = 12]",
        "[file:hashes.MD5 = 'aa' AND (file:name = 'a' OR file:name = 'b')]",
        "[file:hashes.MD5 = 'aa' AND file:name != 'b']",
        "[network-traffic:dst_ref.value = '1.0.0.1' AND network-traffic:src_port = 80]",
        "[network-traffic:src_ref.value = '1.0.0.1' AND network-traffic:dst_ref.value = '1.0.0.2']",
        "[network-traffic:dst_port = 80]",
        "[file:size > 100]",
        "[NOT_A:value = 'x']",
        "[domain-name:value NOT = 'a.example']",
        "[domain-name:value != 'a.example']",
        "[domain-name:value LIKE 'a%.example']",
        "[domain-name:value LIKE '%.a_b.example']",
        "[url:value LIKE '%.evil.example']",
        "[domain-name:value MATCHES '^a.*$']",
        "[domain-name:value NOT IN ('a.example')]",
        "[ipv4-addr:value ISSUPERSET '192.0.2.1/32']",
        "[ipv4-addr:value = '1.0.0.1'] AND [ipv4-addr:value = '1.0.0.2']",
        "[ipv4-addr:value = '1.0.0.1'] FOLLOWEDBY [ipv4-addr:value = '1.0.0.2']",
        "[ipv4-addr:value = '1.0.0.1'] REPEATS 5 TIMES",
        "([ipv4-addr:value = '1.0.0.1'] AND [ipv4-addr:value = '1.0.0.2']) WITHIN 60 SECONDS",
        "[ipv4-addr:value = '1.0.0.1' OR process:command_line = 'x']",
        "[EXISTS file:name]",
        "[process:command_line = 'evil']",
    };
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        check(patterns[i], KR_NOT_FOUND, "");
    }
}

static void test_no_pattern(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "",
        "ipv4-addr:value = '1.0.0.1'",
        "[ipv4-addr:value = '1.0.0.1'",
        "[ipv4-addr:value = '1.0.0.1]",
        "[ipv4-addr:value = ]",
        "[ipv4-addr:value '1.0.0.1']",
        "[= '1.0.0.1']",
        "[value = '1.0.0.1']",
        "[a:b IN ('x' 'y')]",
        "[a:b IN 'x']",
        "[a:b = 'x'] [a:b = 'y']",
        "[a:b = 'x' OR ]",
        "[(a:b = 'x']",
        "[a:b = 'x'] START t'soon' STOP t'later'",
        "[a:b = 'x'] START t'2026-01-01T00:00:00Z'",
        "[a:b = 'x'] WITHIN 5",
    };
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        check(patterns[i], KR_INVALID, "");
    }
}

static void test_bounds(void **state)
{
    (void)state;
    char *deep = malloc(4096), *many = malloc(KR_STIX_TERMS_MAX * 8 + 4096);
    assert_non_null(deep);
    assert_non_null(many);
    memset(deep, '(', 1000);
    (void)snprintf(deep + 1000, 3000, "[a:b = 'x']");
    check(deep, KR_BOUNDS, "");
    deep[0] = '[';
    check(deep, KR_BOUNDS, "");
    char *at = many + snprintf(many, 64, "[url:value IN (");
    for (uint32_t i = 0; i <= KR_STIX_TERMS_MAX; i++) {
        at += snprintf(at, 8, "%s'x'", i > 0 ? "," : "");
    }
    (void)snprintf(at, 8, ")]");
    check(many, KR_BOUNDS, "");
    free(deep);
    free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single),     cmocka_unit_test(test_any_of),     cmocka_unit_test(test_joined),
        cmocka_unit_test(test_kept_whole), cmocka_unit_test(test_no_pattern), cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
