/* What keeper says of records, kept and forgotten. */
#include "tests/unit/export/export_test.h"

static void test_records_come_and_go(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    GIVE(&gathered, .number = 1, .label = KR_TLP_CLEAR, VALUES({V(DOMAIN, "one.example")}));
    GIVE(&gathered, .number = 2, .label = KR_TLP_CLEAR, VALUES({V(DOMAIN, "two.example")}));
    GIVE(&gathered, .number = 1, .label = KR_TLP_CLEAR, VALUES({V(DOMAIN, "one.example")})); /* again: once */
    assert_int_equal(gathered.count, 2);
    struct kr_selection selection = SELECT(&gathered, 0);
    CHECK_ENTRIES(&selection, "domain one.example\ndomain two.example\n");
    kr_selection_deinit(&selection);

    GIVE(&gathered, .number = 1, .label = KR_TLP_CLEAR, .is_taken = true);
    GIVE(&gathered, .number = 9, .label = KR_TLP_CLEAR, .is_taken = true); /* never given before */
    selection = SELECT(&gathered, 0);
    CHECK_ENTRIES(&selection, "domain two.example\n");
    kr_selection_deinit(&selection);

    /* A revision stands for what it replaces, also before that one is told to be taken back. */
    GIVE(&gathered, .number = 3, .label = KR_TLP_CLEAR, .kind = KR_KIND_REVISION, .target = 2,
         VALUES({V(DOMAIN, "three.example")}));
    selection = SELECT(&gathered, 0);
    CHECK_ENTRIES(&selection, "domain three.example\n");
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
    assert_int_equal(gathered.count, 0);
}

/* When it went: at its retraction, or at its expiry; and that only those who may have had it are told. */
static void test_gone(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    GIVE(&gathered, .number = 1, .label = KR_TLP_AMBER, .created_ms = NOW_MS - 9, .is_taken = true);
    GIVE(&gathered, .number = 2, .label = KR_TLP_CLEAR, .expires_s = 1780000000, .is_taken = true, .has_expired = true);
    GIVE(&gathered, .number = 3, .label = KR_TLP_RED, .is_taken = true);
    GIVE(&gathered, .number = 4, .label = KR_TLP_CLEAR, .kind = KR_KIND_ADVISORY, .is_taken = true);
    struct kr_selection selection = SELECT(&gathered, 0);
    assert_int_equal(selection.taken_count, 2);
    assert_int_equal(selection.taken[0]->gone_ms, NOW_MS);
    assert_int_equal(selection.taken[1]->gone_ms, UINT64_C(1780000000000));
    kr_selection_deinit(&selection);
    selection = SELECT(&gathered, .label_max = KR_TLP_GREEN);
    assert_int_equal(selection.taken_count, 1);
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

static void check_terms(const char *terms, enum kr_label label, enum kr_pap pap)
{
    struct kr_gathered gathered = {0};
    GIVE(&gathered, .number = 1, .label = KR_TLP_CLEAR, .organisation = "X", .terms = terms, VALUES({V(DOMAIN, "a.example")}));
    struct kr_selection selection = SELECT(&gathered, 0);
    if (label >= KR_TLP_RED) {
        assert_int_equal(selection.entry_count, 0);
        assert_int_equal(selection.red, 1);
    } else {
        assert_int_equal(selection.entry_count, 1);
        assert_int_equal(selection.entries[0].label, label);
        assert_int_equal(selection.entries[0].pap, pap);
    }
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

static void test_terms(void **state)
{
    (void)state;
    check_terms("", KR_TLP_CLEAR, KR_PAP_NONE);
    check_terms("TLP:GREEN", KR_TLP_GREEN, KR_PAP_NONE);
    check_terms("see tlp:amber, pap:green", KR_TLP_AMBER, KR_PAP_GREEN);
    check_terms("TLP:CLEAR TLP:GREEN PAP:AMBER;PAP:WHITE", KR_TLP_GREEN, KR_PAP_AMBER);
    check_terms("TLP:RED", KR_TLP_RED, KR_PAP_NONE);
    check_terms("TLP:", KR_TLP_CLEAR, KR_PAP_NONE);
    check_terms("PAP:RED", KR_TLP_CLEAR, KR_PAP_RED);
    check_terms("(PAP:MAUVE)", KR_TLP_CLEAR, KR_PAP_RED); /* what is not known permits nothing */
    check_terms("\"PAP:CLEAR\"", KR_TLP_CLEAR, KR_PAP_CLEAR);
}

/* Neither bytes that are no item nor a content that is none get in, and neither takes what is there. */
static void test_nonsense(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    struct kr_writer item;
    const struct given_record given = {.number = 5, .label = KR_TLP_CLEAR};
    GIVE(&gathered, .number = 1, .label = KR_TLP_CLEAR, VALUES({V(DOMAIN, "one.example")}));
    assert_int_not_equal(kr_gathered_take(&gathered, slice("nonsense")), KR_OK);
    assert_int_not_equal(kr_gathered_take(&gathered, slice("")), KR_OK);
    write_shown(&given, slice("no content"), &item);
    assert_int_equal(kr_gathered_take(&gathered, (struct kr_slice){item.bytes, item.len}), KR_OK);
    assert_int_equal(gathered.unreadable, 1);
    for (size_t len = 0; len < item.len; len++) {
        assert_int_not_equal(kr_gathered_take(&gathered, (struct kr_slice){item.bytes, len}), KR_OK);
    }
    kr_writer_deinit(&item);
    assert_int_equal(gathered.count, 1);
    kr_gathered_deinit(&gathered);
}

/* Advisories are for people. */
static void test_advisory(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    struct kr_writer body, item;
    const struct given_record given = {.number = 5, .label = KR_TLP_CLEAR, .kind = KR_KIND_ADVISORY};
    kr_writer_init(&body, KR_BODY_BYTES_MAX);
    kr_advisory_write(
        &(struct kr_advisory){
            .title = slice("t"), .text = slice("evil.example"), .language = slice("en"), .countermeasures = slice("")},
        &body);
    assert_int_equal(kr_writer_finish(&body), KR_OK);
    write_shown(&given, (struct kr_slice){body.bytes, body.len}, &item);
    assert_int_equal(kr_gathered_take(&gathered, (struct kr_slice){item.bytes, item.len}), KR_OK);
    struct kr_selection selection = SELECT(&gathered, 0);
    assert_int_equal(selection.entry_count, 0);
    assert_int_equal(gathered.unreadable, 0);
    kr_selection_deinit(&selection);
    kr_writer_deinit(&body);
    kr_writer_deinit(&item);
    kr_gathered_deinit(&gathered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_come_and_go),
        cmocka_unit_test(test_gone),
        cmocka_unit_test(test_terms),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_advisory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
