/* MISP: attributes of each type, and what becomes of an event that stands in the feed. The feed as a whole is checked by
 * tests/e2e/misp_check.py. */
#include "tests/unit/export/export_test.h"

#include "tools/export/misp.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

static json_t *make_event(const struct value *values, uint32_t count, const char *organisation)
{
    struct kr_gathered gathered = {0};
    struct kr_tally tally = {0};
    struct kr_chosen chosen;
    struct kr_by_record sorted;
    const struct kr_export_part part = {NULL, UINT32_MAX, 0};
    give(&gathered, &(const struct given_record){.number = 1,
                                                 .author = 7,
                                                 .label = KR_TLP_AMBER,
                                                 .organisation = organisation,
                                                 .terms = "PAP:AMBER",
                                                 .values = values,
                                                 .count = count});
    struct kr_selection selection = SELECT(&gathered, 0);
    struct kr_rendering rendering = rendering_of(&selection);
    assert_int_equal(kr_choose(&rendering, &part, 0, NULL, &chosen, &tally), KR_OK);
    assert_int_equal(kr_by_record_make(&selection, &chosen, &sorted), KR_OK);
    json_t *event = kr_misp_event(&rendering, sorted.items, sorted.count);
    assert_non_null(event);
    kr_by_record_deinit(&sorted);
    kr_chosen_deinit(&chosen);
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
    return event;
}
#define EVENT(organisation, ...)                                                                                                   \
    make_event((const struct value[]){__VA_ARGS__}, sizeof((const struct value[]){__VA_ARGS__}) / sizeof(struct value),            \
               organisation)

static json_t *attributes_of(const json_t *root)
{
    return json_object_get(json_object_get(root, "Event"), "Attribute");
}

static json_t *attribute(const json_t *root, const char *value)
{
    json_t *item;
    size_t i;
    json_array_foreach(attributes_of(root), i, item)
    {
        if (strcmp(text_of(item, "value"), value) == 0) {
            return item;
        }
    }
    fail_msg("no attribute %s", value);
    return NULL;
}

static void test_event(void **state)
{
    (void)state;
    json_t *root =
        EVENT(NULL, {V(IPV4, "203.0.113.7:8443"), .note = "C2"}, {V(IPV6, "[2001:db8::7]:53")},
              {V(DOMAIN, "evil.example"), .action = KR_ACTION_BLOCK, .first_s = 86400}, {V(ASN, "AS64496")}, {V(OTHER, "a|b")});
    const json_t *event = json_object_get(root, "Event"), *item = attribute(root, "203.0.113.7|8443");
    assert_string_equal(text_of(event, "distribution"), "0");
    assert_string_equal(text_of(event, "date"), "2026-09-21");
    assert_string_equal(text_of(event, "timestamp"), "1790000000");
    assert_string_equal(text_of(json_array_get(json_object_get(event, "Tag"), 0), "name"), "tlp:amber");
    assert_string_equal(text_of(json_array_get(json_object_get(event, "Tag"), 1), "name"), "PAP:AMBER");
    assert_string_equal(text_of(item, "type"), "ip-dst|port");
    assert_string_equal(text_of(item, "comment"), "C2");
    assert_string_equal(text_of(attribute(root, "2001:db8::7|53"), "type"), "ip-dst|port");
    assert_string_equal(text_of(attribute(root, "evil.example"), "first_seen"), "1970-01-02T00:00:00Z");
    assert_string_equal(text_of(attribute(root, "AS64496"), "type"), "AS");
    assert_true(json_is_true(json_object_get(attribute(root, "203.0.113.7|8443"), "to_ids")));
    assert_false(json_is_true(json_object_get(attribute(root, "AS64496"), "to_ids")));
    json_decref(root);
    /* An origin elsewhere would have said that it is fit for detection. */
    root = EVENT("Other", {V(DOMAIN, "a.example")}, {V(DOMAIN, "b.example"), .action = KR_ACTION_DETECT});
    assert_false(json_is_true(json_object_get(attribute(root, "a.example"), "to_ids")));
    assert_true(json_is_true(json_object_get(attribute(root, "b.example"), "to_ids")));
    json_decref(root);
}

static void check_times(const json_t *root, const char *event_time, const char *value, const char *time, bool is_deleted)
{
    assert_string_equal(text_of(json_object_get(root, "Event"), "timestamp"), event_time);
    assert_string_equal(text_of(attribute(root, value), "timestamp"), time);
    assert_int_equal(json_is_true(json_object_get(attribute(root, value), "deleted")), is_deleted);
}

static void test_merge(void **state)
{
    (void)state;
    json_t *both = EVENT(NULL, {V(DOMAIN, "a.example")}, {V(DOMAIN, "b.example")}), *one = EVENT(NULL, {V(DOMAIN, "a.example")});
    json_t *same = kr_misp_merge(both, both, 1790000500);
    assert_int_equal(json_equal(same, both), 1);

    json_t *fewer = kr_misp_merge(one, same, 1790000500);
    check_times(fewer, "1790000500", "b.example", "1790000500", true);
    check_times(fewer, "1790000500", "a.example", "1790000000", false);
    json_t *still = kr_misp_merge(one, fewer, 1790000600);
    assert_int_equal(json_equal(still, fewer), 1);

    json_t *gone = kr_misp_merge(NULL, still, 1780000000); /* a clock that was set back */
    check_times(gone, "1790000501", "a.example", "1790000001", true);
    check_times(gone, "1790000501", "b.example", "1790000500", true);
    json_t *gone_still = kr_misp_merge(NULL, gone, 1790000700);
    assert_int_equal(json_equal(gone_still, gone), 1);

    json_t *back = kr_misp_merge(both, gone_still, 1790000700);
    check_times(back, "1790000700", "a.example", "1790000700", false);
    check_times(back, "1790000700", "b.example", "1790000700", false);
    json_t *back_still = kr_misp_merge(both, back, 1790000800); /* as it was written, with its own times */
    assert_int_equal(json_equal(back_still, back), 1);
    json_decref(back_still);
    json_decref(same);
    json_decref(fewer);
    json_decref(still);
    json_decref(gone);
    json_decref(gone_still);
    json_decref(back);
    json_decref(one);
    json_decref(both);
}

/* Whatever stands in the feed: no crash, and nothing of it comes to life. */
static void test_damaged(void **state)
{
    (void)state;
    static const char *const damaged[] = {
        "{}", "{\"Event\":1}", "{\"Event\":{\"Attribute\":7}}", "{\"Event\":{\"Attribute\":[1,null,{}]}}",
        "{\"Event\":{\"timestamp\":7,\"Attribute\":[{\"uuid\":[]},{\"uuid\":\"x\",\"timestamp\":\"y\"}]}}"};
    json_t *one = EVENT(NULL, {V(DOMAIN, "a.example")});
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        json_t *old = json_loads(damaged[i], 0, NULL), *merged = kr_misp_merge(one, old, 1790000500),
               *gone = kr_misp_merge(NULL, old, 1790000500), *item;
        size_t n;
        assert_non_null(merged);
        assert_int_equal(json_is_true(json_object_get(attribute(merged, "a.example"), "deleted")), 0);
        json_array_foreach(attributes_of(gone), n, item)
        {
            assert_true(json_is_true(json_object_get(item, "deleted")));
        }
        json_decref(gone);
        json_decref(merged);
        json_decref(old);
    }
    json_decref(one);
}

static void collect(void *context, const char *hex)
{
    char *text = context;
    size_t len = strlen(text);
    (void)snprintf(text + len, 256 - len, "%s ", hex);
}

static void test_hashes(void **state)
{
    (void)state;
    char text[256] = "";
    json_t *root = EVENT(NULL, {V(IPV4, "203.0.113.7:80")}, {V(OTHER, "a|b")}, {V(DOMAIN, "gone.example")});
    (void)json_object_set_new(attribute(root, "gone.example"), "deleted", json_true());
    kr_misp_hashes(root, collect, text);
    /* md5sum of 203.0.113.7, of 80, of a|b */
    assert_string_equal(text,
                        "68fecd3b63b272e813f600f1a4885e0c f033ab37c30201f73f142449d037028d d0726241020676b14aa6298ce6a18b21 ");
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
