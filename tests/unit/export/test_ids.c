#include "tests/unit/export/export_test.h"

#include "tools/export/ids.h"

/* Computed once with Python's uuid.uuid5 from the same namespace: an id must never change. */
static void test_uuids(void **state)
{
    (void)state;
    char text[KR_UUID_TEXT_BYTES], other[KR_UUID_TEXT_BYTES];
    kr_export_uuid("record", "abc", 3, text);
    assert_string_equal(text, "fedb94d2-710c-5ed0-93a5-053cdffb514a");
    kr_export_uuid("council", "abc", 3, other);
    assert_string_not_equal(text, other);
}

static void test_mentions(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    char uuids[4][KR_UUID_TEXT_BYTES];
    GIVE(&gathered, .number = 1, .label = KR_TLP_CLEAR, VALUES({V(MUTEX, "x")}, {V(OTHER, "x")}));
    GIVE(&gathered, .number = 2, .label = KR_TLP_CLEAR, VALUES({V(MUTEX, "x")}, {V(OTHER, "x")}));
    struct kr_selection selection = SELECT(&gathered, 0);
    assert_int_equal(selection.mention_count, 4);
    for (size_t i = 0; i < 4; i++) {
        kr_mention_uuid(&selection.mentions[i], uuids[i]);
        assert_int_equal(uuids[i][14], '5'); /* version */
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(uuids[i], uuids[j]);
        }
    }
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

static void test_by_record(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    struct kr_tally tally = {0};
    struct kr_chosen chosen;
    struct kr_by_record sorted;
    const struct kr_export_part part = {NULL, UINT32_MAX, 0};
    GIVE(&gathered, .number = 1, .label = KR_TLP_CLEAR, .created_ms = NOW_MS - 5,
         VALUES({V(DOMAIN, "b.example")}, {V(DOMAIN, "a.example")}));
    GIVE(&gathered, .number = 2, .label = KR_TLP_CLEAR, .created_ms = NOW_MS - 9,
         VALUES({V(DOMAIN, "c.example")}, {V(DOMAIN, "a.example")}));
    struct kr_selection selection = SELECT(&gathered, 0);
    struct kr_rendering rendering = rendering_of(&selection);
    assert_int_equal(kr_choose(&rendering, &part, 0, NULL, &chosen, &tally), KR_OK);
    assert_int_equal(kr_by_record_make(&selection, &chosen, &sorted), KR_OK);
    assert_int_equal(sorted.count, 4);
    const uint8_t ids[] = {2, 2, 1, 1};
    const char first[] = "acab";
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(sorted.items[i]->record->id[0], ids[i]);
        assert_int_equal(sorted.items[i]->indicator.value.bytes[0], first[i]);
        assert_int_equal(kr_by_record_run(&sorted, i), i % 2 == 0 ? 2 : 1);
    }
    kr_by_record_deinit(&sorted);
    kr_chosen_deinit(&chosen);
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uuids),
        cmocka_unit_test(test_mentions),
        cmocka_unit_test(test_by_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
