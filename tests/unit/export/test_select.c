/* Aggregation by value, and the filters. */
#include "tests/unit/export/export_test.h"

static void give_three(struct kr_gathered *gathered)
{
    GIVE(gathered, .number = 1, .author = 1, .label = KR_TLP_GREEN, .created_ms = NOW_MS - 9 * DAY_MS,
         .received_ms = NOW_MS - 9 * DAY_MS,
         VALUES({V(DOMAIN, "both.example"), .confidence_1 = 31, .action = KR_ACTION_DETECT, .first_s = 500},
                {V(DOMAIN, "first.example"), .confidence_1 = 91},
                {V(DOMAIN, "both.example"), .confidence_1 = 21, .action = KR_ACTION_DETECT}));
    GIVE(gathered, .number = 2, .author = 2, .label = KR_TLP_AMBER, .created_ms = NOW_MS - 2 * DAY_MS,
         .received_ms = NOW_MS - DAY_MS,
         VALUES({V(DOMAIN, "both.example"), .action = KR_ACTION_BLOCK, .first_s = 400, .last_s = 900}, {V(IPV4, "192.0.2.1")},
                {.type = 77, .text = "\x01\x02"}));
}

static void test_aggregation(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    give_three(&gathered);
    struct kr_selection selection = SELECT(&gathered, 0);
    CHECK_ENTRIES(&selection, "ipv4 192.0.2.1\ndomain both.example\ndomain first.example\nunknown 0102\n");
    const struct kr_entry *both = &selection.entries[1];
    assert_int_equal(both->label, KR_TLP_AMBER);
    assert_int_equal(both->councils, 2);
    assert_int_equal(both->confidence, 30);
    assert_int_equal(both->action, KR_ACTION_BLOCK);
    assert_int_equal(both->newest_ms, NOW_MS - 2 * DAY_MS);
    assert_int_equal(both->oldest_ms, NOW_MS - 9 * DAY_MS);
    assert_int_equal(both->first_s, 400);
    assert_int_equal(both->last_s, 900);
    assert_int_equal(both->count, 2); /* each record once */
    assert_int_equal(selection.mentions[both->first].record->id[0], 2);
    assert_int_equal(selection.mentions[both->first + 1].record->id[0], 1);
    assert_int_equal(selection.mentions[both->first + 1].indicator.confidence, 30);
    assert_int_equal(selection.entries[0].confidence, KR_CONFIDENCE_NONE);
    assert_int_equal(selection.label, KR_TLP_AMBER);
    assert_int_equal(selection.changed_ms, NOW_MS - DAY_MS); /* arrival, not creation */
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

#define CHECK_SELECTED(gathered, expected, ...)                                                                                    \
    do {                                                                                                                           \
        struct kr_selection selection_ = SELECT(gathered, __VA_ARGS__);                                                            \
        CHECK_ENTRIES(&selection_, expected);                                                                                      \
        kr_selection_deinit(&selection_);                                                                                          \
    } while (0)

static void test_filters(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    give_three(&gathered);
    CHECK_SELECTED(&gathered, "domain both.example\ndomain first.example\n", .types = 1u << KR_INDICATOR_DOMAIN);
    CHECK_SELECTED(&gathered, "domain both.example\n", .councils_min = 2);
    CHECK_SELECTED(&gathered, "", .councils_min = 3);
    CHECK_SELECTED(&gathered, "domain first.example\n", .confidence_min = 31);
    CHECK_SELECTED(&gathered, "domain both.example\ndomain first.example\n", .confidence_min = 30);
    /* Too old is what nobody has named lately; too young is what was first named lately. */
    CHECK_SELECTED(&gathered, "ipv4 192.0.2.1\ndomain both.example\nunknown 0102\n", .age_max_ms = 3 * DAY_MS);
    CHECK_SELECTED(&gathered, "domain both.example\ndomain first.example\n", .age_min_ms = 3 * DAY_MS);
    kr_gathered_deinit(&gathered);
}

/* What a stricter record says is not hinted at in what is for more people: neither its label nor that somebody else confirms. */
static void test_stricter_records_leave_no_trace(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    give_three(&gathered);
    struct kr_selection selection = SELECT(&gathered, .label_max = KR_TLP_GREEN);
    CHECK_ENTRIES(&selection, "domain both.example\ndomain first.example\n");
    assert_int_equal(selection.entries[0].label, KR_TLP_GREEN);
    assert_int_equal(selection.entries[0].councils, 1);
    assert_int_equal(selection.entries[0].action, KR_ACTION_DETECT);
    assert_int_equal(selection.entries[0].last_s, 0);
    assert_int_equal(selection.changed_ms, NOW_MS - 9 * DAY_MS);
    kr_selection_deinit(&selection);
    CHECK_SELECTED(&gathered, "", .label_max = KR_TLP_GREEN, .councils_min = 2);
    kr_gathered_deinit(&gathered);
}

/* Copies of one report are one confirmation, however many councils brought it in. */
static void test_origins_confirm_once(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    for (uint8_t i = 1; i <= 4; i++) {
        GIVE(&gathered, .number = i, .author = i, .label = KR_TLP_CLEAR,
             .organisation = i < 3    ? "JPCERT/CC"
                             : i == 3 ? "jpcert/cc"
                                      : NULL,
             VALUES({V(DOMAIN, "evil.example")}));
    }
    struct kr_selection selection = SELECT(&gathered, 0);
    assert_int_equal(selection.entries[0].count, 4);
    assert_int_equal(selection.entries[0].councils, 2);
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

static uint32_t councils_of(struct kr_gathered *gathered)
{
    struct kr_selection selection = SELECT(gathered, 0);
    const uint32_t councils = selection.entries[0].councils;
    kr_selection_deinit(&selection);
    return councils;
}

/* What others took over from an export of ours is no second voice, nor is a copy of the copy: told by the id that the export gave
 * the record, and where there is none by the council's name. */
static void test_exports_confirm_nothing(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    char uuid[KR_UUID_TEXT_BYTES], id[64];
    uint8_t record[32];
    GIVE(&gathered, .number = 1, .author = 1, .label = KR_TLP_CLEAR, .author_name = "Kita", VALUES({V(DOMAIN, "evil.example")}));
    memset(record, 1, sizeof record);
    kr_export_uuid("record", record, sizeof record, uuid);
    (void)snprintf(id, sizeof id, "report--%s", uuid);
    GIVE(&gathered, .number = 2, .author = 2, .label = KR_TLP_CLEAR, .author_name = "Minami", .organisation = "北協議会",
         .origin_id = id, VALUES({V(DOMAIN, "evil.example")}));
    memset(record, 2, sizeof record);
    kr_export_uuid("record", record, sizeof record, uuid);
    GIVE(&gathered, .number = 3, .author = 3, .label = KR_TLP_CLEAR, .author_name = "Nishi", .organisation = "Minami",
         .origin_id = uuid, VALUES({V(DOMAIN, "evil.example")}));
    assert_int_equal(councils_of(&gathered), 1);
    GIVE(&gathered, .number = 4, .author = 3, .label = KR_TLP_CLEAR, .author_name = "Nishi", .organisation = "KITA",
         VALUES({V(DOMAIN, "evil.example")}));
    assert_int_equal(councils_of(&gathered), 1);
    GIVE(&gathered, .number = 5, .author = 3, .label = KR_TLP_CLEAR, .author_name = "Nishi", VALUES({V(DOMAIN, "evil.example")}));
    assert_int_equal(councils_of(&gathered), 2);
    /* Bundles that name nobody: the same report is the same, another is another. */
    GIVE(&gathered, .number = 6, .author = 1, .label = KR_TLP_CLEAR, .origin_id = "report--a", VALUES({V(DOMAIN, "evil.example")}));
    GIVE(&gathered, .number = 7, .author = 2, .label = KR_TLP_CLEAR, .origin_id = "report--a", VALUES({V(DOMAIN, "evil.example")}));
    assert_int_equal(councils_of(&gathered), 3);
    GIVE(&gathered, .number = 8, .author = 2, .label = KR_TLP_CLEAR, .origin_id = "report--b", VALUES({V(DOMAIN, "evil.example")}));
    assert_int_equal(councils_of(&gathered), 4);
    kr_gathered_deinit(&gathered);
}

static void test_red_and_expired(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    GIVE(&gathered, .number = 1, .label = KR_TLP_RED, VALUES({V(DOMAIN, "red.example")}));
    GIVE(&gathered, .number = 2, .label = KR_TLP_NONE, VALUES({V(DOMAIN, "none.example")}));
    GIVE(&gathered, .number = 3, .label = KR_TLP_CLEAR, .expires_s = NOW_MS / 1000, VALUES({V(DOMAIN, "expired.example")}));
    GIVE(&gathered, .number = 4, .label = KR_TLP_CLEAR, .expires_s = NOW_MS / 1000 + 60, VALUES({V(DOMAIN, "soon.example")}));
    struct kr_selection selection = SELECT(&gathered, 0);
    CHECK_ENTRIES(&selection, "domain soon.example\n");
    assert_int_equal(selection.red, 1);
    assert_int_equal(selection.unlabelled, 1);
    assert_int_equal(selection.until_ms, (NOW_MS / 1000 + 60) * 1000);
    kr_selection_deinit(&selection);
    CHECK_SELECTED(&gathered, "", .now_ms = (NOW_MS / 1000 + 60) * 1000);
    kr_gathered_deinit(&gathered);
}

/* When time alone changes what is selected, and that it does then, and not before. */
static void test_until(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    GIVE(&gathered, .number = 1, .label = KR_TLP_CLEAR, .created_ms = NOW_MS - DAY_MS, VALUES({V(DOMAIN, "a.example")}));
    struct kr_selection selection = SELECT(&gathered, .age_max_ms = 2 * DAY_MS);
    uint64_t until = selection.until_ms;
    kr_selection_deinit(&selection);
    CHECK_SELECTED(&gathered, "domain a.example\n", .age_max_ms = 2 * DAY_MS, .now_ms = until - 1);
    CHECK_SELECTED(&gathered, "", .age_max_ms = 2 * DAY_MS, .now_ms = until);
    selection = SELECT(&gathered, .age_min_ms = 2 * DAY_MS);
    until = selection.until_ms;
    kr_selection_deinit(&selection);
    CHECK_SELECTED(&gathered, "", .age_min_ms = 2 * DAY_MS, .now_ms = until - 1);
    CHECK_SELECTED(&gathered, "domain a.example\n", .age_min_ms = 2 * DAY_MS, .now_ms = until);
    kr_gathered_deinit(&gathered);
}

/* The order in which records came changes nothing. */
static void test_order(void **state)
{
    (void)state;
    char *texts[2];
    for (int turn = 0; turn < 2; turn++) {
        struct kr_gathered gathered = {0};
        struct kr_tally tally;
        for (uint8_t i = 0; i < 40; i++) {
            uint8_t number = (uint8_t)(1 + (turn == 0 ? i : 39 - i));
            char name[32], common[] = "common.example";
            (void)snprintf(name, sizeof name, "n%u.example", (unsigned)number % 17);
            GIVE(&gathered, .number = number, .author = number, .label = KR_TLP_CLEAR, .created_ms = NOW_MS + number / 4,
                 VALUES({V(DOMAIN, name)}, {V(DOMAIN, common)}));
        }
        struct kr_selection selection = SELECT(&gathered, 0);
        struct kr_rendering rendering = rendering_of(&selection);
        texts[turn] = render("json", NULL, &rendering, &tally);
        kr_selection_deinit(&selection);
        kr_gathered_deinit(&gathered);
    }
    assert_string_equal(texts[0], texts[1]);
    free(texts[0]);
    free(texts[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aggregation),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_stricter_records_leave_no_trace),
        cmocka_unit_test(test_origins_confirm_once),
        cmocka_unit_test(test_exports_confirm_nothing),
        cmocka_unit_test(test_red_and_expired),
        cmocka_unit_test(test_until),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
