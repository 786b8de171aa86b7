#include "tests/unit/export/export_test.h"

static char *render_values(const struct value *values, uint32_t count, const char *file, struct kr_tally *ret_tally)
{
    struct kr_gathered gathered = {0};
    give(&gathered, &(const struct given_record){.number = 0xcd, .label = KR_TLP_GREEN, .values = values, .count = count});
    struct kr_selection selection = SELECT(&gathered, 0);
    struct kr_rendering rendering = rendering_of(&selection);
    char *text = render("suricata", file, &rendering, ret_tally);
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
    return text;
}
#define RENDER(file, tally, ...)                                                                                                   \
    render_values((const struct value[]){__VA_ARGS__}, sizeof((const struct value[]){__VA_ARGS__}) / sizeof(struct value), file,   \
                  tally)

static uint32_t sid_behind(const char *rules, const char *mark)
{
    const char *line = strstr(rules, mark);
    const char *sid = line == NULL ? NULL : strstr(line, " sid:");
    if (sid == NULL) {
        fail_msg("no rule with %s", mark);
    }
    return sid == NULL ? 0 : (uint32_t)strtoul(sid + 5, NULL, 10);
}

static void test_rules(void **state)
{
    (void)state;
    struct kr_tally tally;
    char *text = RENDER("kairan.rules", &tally, {V(DOMAIN, "evil.example")}, {V(IPV4, "203.0.113.7:8443")},
                        {V(IPV4, "198.51.100.0/24")}, {V(URL, "https://user@evil.example:8080/a;b\"c?d=1|2")},
                        {V(IPV6, "2001:db8::7")}, {V(IPV4, "10.0.0.0/8")}, {V(URL, "ftp://evil.example/x")});
    assert_non_null(strstr(text,
                           "\nalert dns any any -> any any (msg:\"Kairan: known domain\"; dns.query; dotprefix; "
                           "content:\".evil.example\"; nocase; endswith; metadata:tlp green, kairan_record cdcdcdcdcdcd; sid:"));
    assert_non_null(strstr(text, "\nalert tcp any any -> 203.0.113.7 8443 (msg:\"Kairan: known address\"; metadata:tlp green, "));
    assert_non_null(strstr(text, "\nalert udp any any -> 203.0.113.7 8443 (msg:"));
    assert_non_null(strstr(text, "\nalert ip any any -> 198.51.100.0/24 any (msg:"));
    assert_non_null(strstr(text, "http.host; content:\"evil.example\"; bsize:12; http.uri.raw; content:\"/a|3B|b"));
    assert_non_null(strstr(text, "ip.dst; dataset:isset,kairan-ipv6,type ip,load kairan-ipv6.lst; sid:1000000001; rev:1;)\n"));
    assert_null(strstr(text, "kairan-ipv4.lst")); /* that set is empty */
    assert_null(strstr(text, "10.0.0.0"));
    assert_null(strstr(text, "ftp"));
    assert_int_equal(tally.left[KR_LEFT_SPECIAL], 1);
    assert_int_equal(tally.left[KR_LEFT_FORM], 1);
    free(text);
}

/* Each rule: one line, one pair of brackets around its options, a quote closed, an id of its own. */
static void test_form(void **state)
{
    (void)state;
    struct kr_tally tally;
    char *text =
        RENDER("kairan.rules", &tally, {V(DOMAIN, "a.example")}, {V(DOMAIN, "b.example")}, {V(URL, "http://c.example/(x)\\y")},
               {V(IPV4, "203.0.113.7:1")}, {V(MD5, "d41d8cd98f00b204e9800998ecf8427e")}, {V(USER_AGENT, "evil; \"agent\")")});
    uint32_t sids[32], count = 0;
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = 0;
        if (*line == '#') {
            continue;
        }
        assert_memory_equal(line, "alert ", 6);
        assert_int_equal(end[-1], ')');
        uint32_t quotes = 0;
        for (const char *at = strchr(line, '('); at < end - 1; at++) {
            quotes += *at == '"' ? 1 : 0;
            assert_true(*at != ')');
        }
        assert_int_equal(quotes % 2, 0);
        sids[count] = sid_behind(line, "alert");
        assert_in_range(sids[count], 1000000000, 2147483647);
        for (uint32_t i = 0; i < count; i++) {
            assert_int_not_equal(sids[i], sids[count]);
        }
        count++;
    }
    assert_int_equal(count, 2 + 1 + 2 + 2 + 3 + 1);
    free(text);
}

/* An id is the value's, whatever else is exported. */
static void test_ids_are_stable(void **state)
{
    (void)state;
    struct kr_tally tally;
    char *one = RENDER("kairan.rules", &tally, {V(DOMAIN, "evil.example")});
    char *two = RENDER("kairan.rules", &tally, {V(DOMAIN, "aaa.example")}, {V(DOMAIN, "evil.example")}, {V(DOMAIN, "zzz.example")});
    assert_int_equal(sid_behind(one, "\".evil.example\""), sid_behind(two, "\".evil.example\""));
    assert_int_equal(sid_behind(one, "\".evil.example\""), 1206682249);
    free(one);
    free(two);
}

static void test_sets(void **state)
{
    (void)state;
    static const char *const expected[][2] = {
        {"kairan-ipv4.lst", "203.0.113.8\n"}, /* no network, none with a port */
        {"kairan-ipv6.lst", "2001:db8::7\n"},
        {"kairan-domain.lst", "ZXZpbC5leGFtcGxl\n"},
        {"kairan-user-agent.lst", "ZXZpbDsgYWdlbnQ=\n"},
        {"kairan-ja3.lst", "ZDQxZDhjZDk4ZjAwYjIwNGU5ODAwOTk4ZWNmODQyN2U=\n"},
        {"kairan-md5.lst", "d41d8cd98f00b204e9800998ecf8427e\n"},
        {"kairan-sha1.lst", ""},
        {"kairan-sha256.lst", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"},
    };
    struct kr_tally tally;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        char *text =
            RENDER(expected[i][0], &tally, {V(IPV4, "203.0.113.7:8443")}, {V(IPV4, "203.0.113.8")}, {V(IPV4, "198.51.100.0/24")},
                   {V(IPV6, "2001:db8::7")}, {V(DOMAIN, "evil.example")}, {V(USER_AGENT, "evil; agent")},
                   {V(JA3, "d41d8cd98f00b204e9800998ecf8427e")}, {V(MD5, "d41d8cd98f00b204e9800998ecf8427e")},
                   {V(SHA256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")});
        assert_string_equal(text, expected[i][1]);
        free(text);
    }
    char *text = RENDER("kairan-ja3.rules", &tally, {V(JA3, "d41d8cd98f00b204e9800998ecf8427e")});
    assert_non_null(strstr(text, "\nalert tls any any -> any any (msg:\"Kairan: known JA3\"; ja3.hash; "
                                 "dataset:isset,kairan-ja3,type string,load kairan-ja3.lst; sid:1000000005; rev:1;)\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_ids_are_stable),
        cmocka_unit_test(test_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
