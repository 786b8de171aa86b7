/* csv and json, with values that would be more than values. */
#include "tests/unit/export/export_test.h"

#include <jansson.h>

static void give_hostile(struct kr_gathered *gathered)
{
    GIVE(gathered, .number = 1, .label = KR_TLP_GREEN, .title = "=cmd|'/c calc'!A0", .organisation = "+org", .origin_id = "-1",
         .terms = "@SUM(1)", .author_name = "Ki,ta\r\n\"x\"",
         VALUES({V(MUTEX, "=1+1")}, {V(MUTEX, "@x")}, {V(MUTEX, "-x")}, {V(MUTEX, "+x")}, {V(MUTEX, "a\",\"b;$(id)`")},
                {V(OTHER, "line one\nline two")}, {V(FILENAME, "請求書.xlsm")},
                {V(DOMAIN, "evil.example"), .note = "=note", .confidence_1 = 51, .action = KR_ACTION_BLOCK, .first_s = 86400,
                 .last_s = 172800}));
}

static void test_csv(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    struct kr_tally tally;
    give_hostile(&gathered);
    struct kr_selection selection = SELECT(&gathered, 0);
    struct kr_rendering rendering = rendering_of(&selection);
    char *text = render("csv", NULL, &rendering, &tally);
    static const char head[] =
        "type,value,label,councils,confidence,action,first_seen,last_seen,first_reported,last_reported,author,"
        "title,note,record,origin,origin_id,origin_terms\r\n"
        "domain,evil.example,TLP:GREEN,1,50,block,1970-01-02T00:00:00Z,1970-01-03T00:00:00Z,"
        "2026-09-21T14:13:20Z,2026-09-21T14:13:20Z,\"Ki,ta\r\n\"\"x\"\"\",'=cmd|'/c calc'!A0,'=note,"
        "0101010101010101010101010101010101010101010101010101010101010101,'+org,'-1,'@SUM(1)\r\n";
    assert_memory_equal(text, head, sizeof head - 1);
    assert_non_null(strstr(text, "\r\nmutex,'=1+1,TLP:GREEN,1,,none,,,"));
    assert_non_null(strstr(text, "\r\nmutex,'@x,"));
    assert_non_null(strstr(text, "\r\nmutex,'-x,"));
    assert_non_null(strstr(text, "\r\nmutex,'+x,"));
    assert_non_null(strstr(text, "\r\nmutex,\"a\"\",\"\"b;$(id)`\","));
    assert_non_null(strstr(text, "\r\nother,\"line one\nline two\","));
    assert_non_null(strstr(text, "\r\nfilename,請求書.xlsm,"));
    assert_int_equal(tally.written, 8);
    free(text);
    rendering.is_excel = true;
    text = render("csv", NULL, &rendering, &tally);
    assert_memory_equal(text, "\xef\xbb\xbftype,", 8);
    free(text);
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

static void test_json(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    struct kr_tally tally;
    give_hostile(&gathered);
    GIVE(&gathered, .number = 2, .author = 7, .label = KR_TLP_AMBER, VALUES({V(DOMAIN, "evil.example")}));
    struct kr_selection selection = SELECT(&gathered, 0);
    struct kr_rendering rendering = rendering_of(&selection);
    rendering.council_name = "Kita \"x\"\n";
    char *text = render("json", NULL, &rendering, &tally);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "council_name")), "Kita \"x\"\n");
    assert_string_equal(json_string_value(json_object_get(root, "label")), "TLP:AMBER");
    assert_string_equal(json_string_value(json_object_get(root, "as_of")), "2026-09-21T14:13:20Z");
    assert_int_equal(json_integer_value(json_object_get(root, "count")), 8);
    const json_t *list = json_object_get(root, "indicators");
    assert_int_equal(json_array_size(list), 8);
    const json_t *evil = json_array_get(list, 0);
    assert_string_equal(json_string_value(json_object_get(evil, "value")), "evil.example");
    assert_int_equal(json_integer_value(json_object_get(evil, "councils")), 2);
    assert_int_equal(json_integer_value(json_object_get(evil, "confidence")), 50);
    const json_t *records = json_object_get(evil, "records");
    assert_int_equal(json_array_size(records), 2);
    bool is_found = false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *value = json_string_value(json_object_get(json_array_get(list, i), "value"));
        is_found = is_found || strcmp(value, "line one\nline two") == 0;
    }
    assert_true(is_found);
    json_decref(root);
    free(text);
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

static void test_nothing(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    struct kr_tally tally;
    struct kr_selection selection = SELECT(&gathered, 0);
    struct kr_rendering rendering = rendering_of(&selection);
    char *text = render("json", NULL, &rendering, &tally);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    assert_int_equal(json_array_size(json_object_get(root, "indicators")), 0);
    json_decref(root);
    free(text);
    text = render("csv", NULL, &rendering, &tally);
    assert_int_equal(strlen(text), strcspn(text, "\n") + 1);
    free(text);
    kr_selection_deinit(&selection);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
