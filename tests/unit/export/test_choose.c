/* What goes into a block list, in which order, and what does not. */
#include "tests/unit/export/export_test.h"

#include "tools/export/choose.h"

static struct kr_selection select_values(struct kr_gathered *gathered, const char *const *values, size_t count)
{
    struct value items[64];
    assert_true(count <= 64);
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct value){.type = KR_INDICATOR_ANY, .text = values[i]};
    }
    give(gathered, &(const struct given_record){.number = 1, .label = KR_TLP_CLEAR, .values = items, .count = (uint32_t)count});
    return SELECT(gathered, 0);
}

static char *chosen_text(const struct kr_rendering *rendering, unsigned choice, struct kr_tally *ret_tally)
{
    const struct kr_export_part part = {NULL, UINT32_MAX, 0};
    char *text = NULL, print[KR_INDICATOR_PRINT_BYTES_MAX];
    size_t len;
    struct kr_chosen chosen;
    FILE *out = open_memstream(&text, &len);
    *ret_tally = (struct kr_tally){0};
    assert_int_equal(kr_choose(rendering, &part, choice, NULL, &chosen, ret_tally), KR_OK);
    for (size_t i = 0; i < chosen.count; i++) {
        assert_true(kr_entry_text(chosen.items[i], print));
        (void)fprintf(out, "%s%s", i == 0 ? "" : " ", print);
    }
    assert_int_equal(ret_tally->written, chosen.count);
    kr_chosen_deinit(&chosen);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void check_chosen(const char *const *values, size_t count, unsigned choice, const char *expected, enum kr_left reason,
                         uint64_t left)
{
    struct kr_gathered gathered = {0};
    struct kr_tally tally;
    struct kr_selection selection = select_values(&gathered, values, count);
    struct kr_rendering rendering = rendering_of(&selection);
    char *text = chosen_text(&rendering, choice, &tally);
    assert_string_equal(text, expected);
    assert_int_equal(tally.left[reason], left);
    free(text);
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}
#define CHECK_CHOSEN(choice, expected, reason, left, ...)                                                                          \
    check_chosen((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), choice,          \
                 expected, reason, left)

static void test_what_must_not_be_blocked(void **state)
{
    (void)state;
    CHECK_CHOSEN(KR_CHOOSE_BLOCK, "192.0.2.1", KR_LEFT_WIDE, 2, "0.0.0.0/0", "8.0.0.0/7", "192.0.2.1");
    CHECK_CHOSEN(KR_CHOOSE_BLOCK, "2001:db8::/32", KR_LEFT_WIDE, 2, "::/0", "2400::/18", "2001:db8::/32");
    CHECK_CHOSEN(KR_CHOOSE_BLOCK, "11.0.0.1 192.0.2.0/24", KR_LEFT_SPECIAL, 9, "10.1.2.3", "127.0.0.1", "192.168.0.0/16",
                 "172.31.0.1", "224.0.0.5", "255.255.255.255", "169.254.169.254", "192.128.0.0/9", "100.64.3.2", "11.0.0.1",
                 "192.0.2.0/24");
    CHECK_CHOSEN(KR_CHOOSE_BLOCK, "2001:db8::1", KR_LEFT_SPECIAL, 4, "::1", "fe80::1", "ff02::1", "fd00::/48", "2001:db8::1");
    CHECK_CHOSEN(KR_CHOOSE_BLOCK, "evil.co.jp", KR_LEFT_WIDE, 2, "co.jp", "ac.uk", "evil.co.jp");
    /* Where nothing is blocked, all of it may be said. */
    CHECK_CHOSEN(0, "10.1.2.3 co.jp", KR_LEFT_WIDE, 0, "10.1.2.3", "co.jp");
}

static void test_terms_and_actions(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    struct kr_tally tally;
    GIVE(&gathered, .number = 1, .label = KR_TLP_CLEAR, .organisation = "X", .terms = "PAP:AMBER",
         VALUES({V(DOMAIN, "amber.example")}, {V(DOMAIN, "both.example")}));
    GIVE(&gathered, .number = 2, .label = KR_TLP_CLEAR, .organisation = "Y", .terms = "PAP:GREEN",
         VALUES({V(DOMAIN, "green.example"), .action = KR_ACTION_BLOCK}, {V(DOMAIN, "both.example")},
                {V(DOMAIN, "context.example")}));
    GIVE(&gathered, .number = 3, .label = KR_TLP_CLEAR,
         VALUES({V(DOMAIN, "detect.example"), .action = KR_ACTION_DETECT}, {V(DOMAIN, "block.example"), .action = KR_ACTION_BLOCK},
                {V(DOMAIN, "plain.example")}, {V(MUTEX, "m")}));
    struct kr_selection selection = SELECT(&gathered, 0);
    struct kr_rendering rendering = rendering_of(&selection);
    char *text = chosen_text(&rendering, KR_CHOOSE_BLOCK, &tally);
    assert_string_equal(text, "block.example green.example plain.example");
    assert_int_equal(tally.left[KR_LEFT_PAP], 2);
    assert_int_equal(tally.left[KR_LEFT_DETECT], 3);
    free(text);
    text = chosen_text(&rendering, KR_CHOOSE_DETECT, &tally);
    assert_string_equal(text, "block.example detect.example green.example plain.example m");
    assert_int_equal(tally.left[KR_LEFT_DETECT], 3); /* what is mere context elsewhere, be it from two */
    free(text);
    rendering.is_any_action = true;
    text = chosen_text(&rendering, KR_CHOOSE_BLOCK, &tally);
    assert_string_equal(text, "block.example context.example detect.example green.example plain.example m");
    free(text);
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

/* More councils, then higher confidence, then newer; the rest in a fixed order. */
static void test_rank_and_limit(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    struct kr_tally tally;
    GIVE(&gathered, .number = 1, .author = 1, .label = KR_TLP_CLEAR, .created_ms = NOW_MS - DAY_MS,
         VALUES({V(DOMAIN, "old.example")}, {V(DOMAIN, "two.example")}, {V(DOMAIN, "sure.example"), .confidence_1 = 81},
                {V(DOMAIN, "unsure.example"), .confidence_1 = 1}));
    GIVE(&gathered, .number = 2, .author = 2, .label = KR_TLP_CLEAR,
         VALUES({V(DOMAIN, "two.example")}, {V(DOMAIN, "new.example")}, {V(DOMAIN, "also.example")}));
    struct kr_selection selection = SELECT(&gathered, 0);
    struct kr_rendering rendering = rendering_of(&selection);
    char *text = chosen_text(&rendering, KR_CHOOSE_RANKED, &tally);
    assert_string_equal(text, "two.example sure.example unsure.example also.example new.example old.example");
    free(text);
    rendering.entries_max = 3;
    text = chosen_text(&rendering, KR_CHOOSE_RANKED, &tally);
    assert_string_equal(text, "two.example sure.example unsure.example");
    assert_int_equal(tally.left[KR_LEFT_LIMIT], 3);
    free(text);
    text = chosen_text(&rendering, 0, &tally); /* the same ones, in the order of the selection */
    assert_string_equal(text, "sure.example two.example unsure.example");
    free(text);
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

static void test_ports_and_networks(void **state)
{
    (void)state;
    CHECK_CHOSEN(KR_CHOOSE_NO_PORT, "192.0.2.1 192.0.2.2:80", KR_LEFT_COVERED, 2, "192.0.2.1", "192.0.2.1:80", "192.0.2.2:80",
                 "192.0.2.2:443");
    CHECK_CHOSEN(KR_CHOOSE_APART, "192.0.2.0/24 198.51.100.0/25 198.51.100.128", KR_LEFT_COVERED, 5, "192.0.2.0/24", "192.0.2.0/25",
                 "192.0.2.7", "192.0.2.7:80", "192.0.2.255", "198.51.100.0/25", "198.51.100.127", "198.51.100.128");
    CHECK_CHOSEN(KR_CHOOSE_APART, "192.0.2.1:80 192.0.2.1:443 192.0.2.2", KR_LEFT_COVERED, 0, "192.0.2.1:80", "192.0.2.1:443",
                 "192.0.2.2");
    CHECK_CHOSEN(KR_CHOOSE_APART, "2001:db8::/33 2001:db8:8000::1", KR_LEFT_COVERED, 1, "2001:db8::/33", "2001:db8::1",
                 "2001:db8:8000::1");
    /* Numbers of an address of the other family cover nothing. */
    CHECK_CHOSEN(KR_CHOOSE_APART, "32.1.13.0/24 2001:db8::1", KR_LEFT_COVERED, 0, "32.1.13.0/24", "2001:db8::1");
}

static void test_comments(void **state)
{
    (void)state;
    static const char hostile[] = "Kita\n# x\r\n\xe5\x8c\x97\x1b[31m\xe2\x80\xa8\xe2\x80\xae\xff\xc0\x8a\xed\xa0\x80\x7f\xc2\x85";
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    kr_write_comment(hostile, sizeof hostile - 1, out);
    assert_int_equal(fclose(out), 0);
    for (size_t i = 0; i < len; i++) {
        assert_false((uint8_t)text[i] < 0x20 || (uint8_t)text[i] == 0x7f);
    }
    assert_non_null(strstr(text, "Kita?# x??\xe5\x8c\x97?[31m"));
    assert_null(strstr(text, "\xe2\x80\xa8"));
    assert_null(strstr(text, "\xe2\x80\xae"));
    assert_null(strchr(text, '\xff'));
    assert_null(strstr(text, "\xc2\x85"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_must_not_be_blocked),
        cmocka_unit_test(test_terms_and_actions),
        cmocka_unit_test(test_rank_and_limit),
        cmocka_unit_test(test_ports_and_networks),
        cmocka_unit_test(test_comments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
