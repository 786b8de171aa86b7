#include "tests/unit/export/export_test.h"

static void check_format(const char *name, const char *expected)
{
    struct kr_gathered gathered = {0};
    struct kr_tally tally;
    GIVE(&gathered, .number = 1, .label = KR_TLP_CLEAR,
         VALUES({V(IPV4, "203.0.113.7:8443")}, {V(IPV4, "198.51.100.0/24")}, {V(IPV4, "198.51.100.9")},
                {V(IPV4, "198.51.100.9:80")}, {V(IPV4, "192.0.2.1")}, {V(IPV6, "2001:db8::7")}, {V(IPV6, "[2001:db8::8]:53")},
                {V(DOMAIN, "evil.example")}));
    struct kr_selection selection = SELECT(&gathered, 0);
    struct kr_rendering rendering = rendering_of(&selection);
    char *text = render(name, NULL, &rendering, &tally);
    const char *body = strstr(text, "# Entries: 5\n");
    assert_non_null(body);
    assert_string_equal(body + 13, expected);
    assert_int_equal(tally.left[KR_LEFT_COVERED], 2);
    assert_int_equal(tally.left[KR_LEFT_TYPE], 1);
    free(text);
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

static void test_formats(void **state)
{
    (void)state;
    check_format("nftables", "add table inet kairan\n"
                             "add set inet kairan ipv4 { type ipv4_addr; flags interval; }\nflush set inet kairan ipv4\n"
                             "add element inet kairan ipv4 {\n    192.0.2.1,\n    198.51.100.0/24 }\n"
                             "add set inet kairan ipv6 { type ipv6_addr; flags interval; }\nflush set inet kairan ipv6\n"
                             "add element inet kairan ipv6 {\n    2001:db8::7 }\n"
                             "add set inet kairan ipv4_port { type ipv4_addr . inet_service; }\nflush set inet kairan ipv4_port\n"
                             "add element inet kairan ipv4_port {\n    203.0.113.7 . 8443 }\n"
                             "add set inet kairan ipv6_port { type ipv6_addr . inet_service; }\nflush set inet kairan ipv6_port\n"
                             "add element inet kairan ipv6_port {\n    2001:db8::8 . 53 }\n");
#define SET(name, type)                                                                                                            \
    "create " name " " type " maxelem 16777216 -exist\ncreate " name "-new " type " maxelem 16777216 -exist\nflush " name "-new\n"
#define SWAP(name) "swap " name "-new " name "\ndestroy " name "-new\n"
    check_format(
        "ipset",
        SET("kairan4", "hash:net family inet") "add kairan4-new 192.0.2.1\nadd kairan4-new 198.51.100.0/24\n" SWAP("kairan4")
            SET("kairan6", "hash:net family inet6") "add kairan6-new 2001:db8::7\n" SWAP("kairan6")
                SET("kairan4-port",
                    "hash:ip,port family inet") "add kairan4-port-new 203.0.113.7,tcp:8443\n"
                                                "add kairan4-port-new 203.0.113.7,udp:8443\n" SWAP("kairan4-port") SET(
                                                    "kairan6-port",
                                                    "hash:ip,port family inet6") "add kairan6-port-new 2001:db8::8,tcp:53\n"
                                                                                 "add kairan6-port-new 2001:db8::8,udp:53\n" SWAP(
                                                                                     "kairan6-port"));
}

/* More elements than a line takes: the list goes on in another. */
static void test_many(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    struct kr_tally tally;
    static char texts[2500][16];
    static struct value values[2500];
    for (uint32_t i = 0; i < 2500; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "203.%u.%u.1", i / 250, i % 250);
        values[i] = (struct value){.type = KR_INDICATOR_IPV4, .text = texts[i]};
    }
    give(&gathered, &(const struct given_record){.number = 1, .label = KR_TLP_CLEAR, .values = values, .count = 2500});
    struct kr_selection selection = SELECT(&gathered, 0);
    struct kr_rendering rendering = rendering_of(&selection);
    char *text = render("nftables", NULL, &rendering, &tally);
    size_t blocks = 0, elements = 0;
    for (const char *at = text; (at = strstr(at, "add element inet kairan ipv4 {\n")) != NULL; at++) {
        blocks++;
    }
    for (const char *at = text; (at = strstr(at, "\n    203.")) != NULL; at++) {
        elements++;
    }
    assert_int_equal(blocks, 3);
    assert_int_equal(elements, 2500);
    free(text);
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
