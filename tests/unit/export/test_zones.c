#include "tests/unit/export/export_test.h"

#define HEAD(prefix, what, count)                                                                                                  \
    prefix "Kairan: " what "\n" prefix "Council: Kita (abababababababab)\n" prefix "Label: TLP:CLEAR\n" prefix                     \
           "As of: 2026-09-21T14:13:20Z\n" prefix "Entries: " count "\n"

static void give_names(struct kr_gathered *gathered)
{
    GIVE(gathered, .number = 1, .label = KR_TLP_CLEAR,
         VALUES({V(DOMAIN, "evil.example")}, {V(DOMAIN, "_x.日本語.example")}, {V(IPV4, "203.0.113.7:8443")},
                {V(IPV4, "198.51.100.0/24")}, {V(URL, "http://evil.example/a")}));
}

static void check_format(const char *name, const char *expected, uint64_t left_type)
{
    struct kr_gathered gathered = {0};
    struct kr_tally tally;
    give_names(&gathered);
    struct kr_selection selection = SELECT(&gathered, 0);
    struct kr_rendering rendering = rendering_of(&selection);
    char *text = render(name, NULL, &rendering, &tally);
    assert_string_equal(text, expected);
    assert_int_equal(tally.left[KR_LEFT_TYPE], left_type);
    free(text);
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

static void test_formats(void **state)
{
    (void)state;
    check_format("hosts", HEAD("# ", "hosts", "2") "0.0.0.0 _x.xn--wgv71a119e.example\n0.0.0.0 evil.example\n", 3);
    check_format("unbound",
                 HEAD("# ", "unbound", "2") "server:\n    local-zone: \"_x.xn--wgv71a119e.example.\" always_nxdomain\n"
                                            "    local-zone: \"evil.example.\" always_nxdomain\n",
                 3);
    check_format(
        "rpz",
        HEAD("; ", "rpz", "4") "$ORIGIN rpz.kairan.\n$TTL 300\n"
                               "@ IN SOA localhost. hostmaster.localhost. ( 1790000000 300 60 86400 60 )\n@ IN NS localhost.\n"
                               "24.0.100.51.198.rpz-ip CNAME .\n32.7.113.0.203.rpz-ip CNAME .\n"
                               "_x.xn--wgv71a119e.example CNAME .\n*._x.xn--wgv71a119e.example CNAME .\n"
                               "evil.example CNAME .\n*.evil.example CNAME .\n",
        1);
}

static void check_trigger(const char *address, const char *expected)
{
    struct kr_gathered gathered = {0};
    struct kr_tally tally;
    GIVE(&gathered, .number = 1, .label = KR_TLP_CLEAR, VALUES({V(IPV6, address)}));
    struct kr_selection selection = SELECT(&gathered, 0);
    struct kr_rendering rendering = rendering_of(&selection);
    char *text = render("rpz", NULL, &rendering, &tally);
    const char *line = strstr(text, "NS localhost.\n");
    assert_non_null(line);
    assert_string_equal(line + 14, expected);
    free(text);
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

static void test_triggers(void **state)
{
    (void)state;
    check_trigger("2001:db8::1", "128.1.zz.db8.2001.rpz-ip CNAME .\n");
    check_trigger("2001:db8::/32", "32.zz.db8.2001.rpz-ip CNAME .\n");
    check_trigger("2001:db8:1:2:3:4:5:6", "128.6.5.4.3.2.1.db8.2001.rpz-ip CNAME .\n");
    check_trigger("2001:db8:0:1:2:3:4:5", "128.5.4.3.2.1.0.db8.2001.rpz-ip CNAME .\n"); /* a single one stays */
    check_trigger("2001:0:0:1:2:0:0:5", "128.5.0.0.2.1.zz.2001.rpz-ip CNAME .\n");
    check_trigger("2001:0:0:1:0:0:0:5", "128.5.zz.1.0.0.2001.rpz-ip CNAME .\n");
}

/* "*." and the zone's name are a part of what must fit into a name. */
static void test_long_names(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    struct kr_tally tally;
    char name[254];
    for (size_t len = 239; len <= 241; len++) { /* 2 + len + 1 + 10 <= 253 */
        memset(name, 'a', len);
        name[len] = 0;
        for (size_t i = 60; i < len - 10; i += 60) {
            name[i] = '.';
        }
        memcpy(name + len - 8, ".example", 8);
        GIVE(&gathered, .number = (uint8_t)len, .label = KR_TLP_CLEAR, VALUES({V(DOMAIN, name)}));
    }
    struct kr_selection selection = SELECT(&gathered, 0);
    struct kr_rendering rendering = rendering_of(&selection);
    assert_int_equal(selection.entry_count, 3);
    char *text = render("rpz", NULL, &rendering, &tally);
    assert_int_equal(tally.written, 2);
    assert_int_equal(tally.left[KR_LEFT_FORM], 1);
    free(text);
    text = render("unbound", NULL, &rendering, &tally);
    assert_int_equal(tally.written, 3);
    free(text);
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_triggers),
        cmocka_unit_test(test_long_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
