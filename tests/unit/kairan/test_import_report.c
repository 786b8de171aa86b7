/* What import says for programs: one object a line, and rows that were told before are not told again. */
#include "kairan_test.h"

#include <jansson.h>
#include <unistd.h>

#include "tools/kairan/import_report.h"

static struct kr_app app = {.is_json = true};
static FILE *caught;
static int kept = -1;

/* From here on standard output goes into a file. */
static void begin(void)
{
    (void)fflush(stdout);
    caught = tmpfile();
    kept = dup(STDOUT_FILENO);
    assert_true(caught != NULL && kept >= 0);
    assert_int_equal(dup2(fileno(caught), STDOUT_FILENO), STDOUT_FILENO);
}

/* What came, as an array of its lines. */
static json_t *end(void)
{
    char line[4096];
    json_t *lines = json_array();
    (void)fflush(stdout);
    assert_int_equal(dup2(kept, STDOUT_FILENO), STDOUT_FILENO);
    (void)close(kept);
    rewind(caught);
    while (fgets(line, sizeof line, caught) != NULL) {
        json_t *object = json_loads(line, 0, NULL);
        assert_true(json_is_object(object));
        assert_int_equal(json_array_append_new(lines, object), 0);
    }
    (void)fclose(caught);
    return lines;
}

static const char *text_at(const json_t *lines, size_t i, const char *key)
{
    const char *text = json_string_value(json_object_get(json_array_get(lines, i), key));
    return text != NULL ? text : "";
}

static json_int_t number_at(const json_t *lines, size_t i, const char *key)
{
    return json_integer_value(json_object_get(json_array_get(lines, i), key));
}

static void test_objects(void **state)
{
    (void)state;
    struct kr_import_report report = {.app = &app, .percent = -1};
    const struct kr_import_skip skip = {.reason = KR_IMPORT_REASON_MASKED,
                                        .what = slice("\xe2\x97\x8f.jp\x1b[2J"),
                                        .detail = "why",
                                        .place = {.line = 7, .pointer = "/a/0"}};
    const struct kr_indicator address = {.type = KR_INDICATOR_IPV4, .len = 7, .value = {10, 0, 0, 1, 32, 0, 0}};
    const struct kr_found item = {.type = KR_INDICATOR_IPV4, .offset = 9, .value = {address.value, address.len}};
    const struct kr_lot lot = {
        .organisation = slice("Vendor"), .id = slice("id-1"), .title = slice("t"), .label = KR_TLP_RED, .line = 3};
    const uint8_t id[32] = {0xab};
    struct kr_lots_counts counts = {.groups = 1, .items = 2, .merged = 3, .skipped = 4, .revoked = 5};
    const struct kr_ship_counts shipped = {.records = {[KR_SHIPPED_NEW] = 6}, .indicators = 7, .guarded = 8, .refused = 9};
    counts.types[KR_INDICATOR_IPV4] = 2;
    counts.reasons[KR_IMPORT_REASON_MASKED] = 1;
    begin();
    kr_import_report_file(&report, "in.csv", 100, KR_IMPORT_CSV);
    kr_import_report_skip(&report, &skip);
    kr_import_report_guarded(&report, &item, "special-use");
    kr_import_report_refused(&report, &lot, "it is RED");
    kr_import_report_record(&report, &lot, KR_SHIPPED_REVISED, id, 2);
    kr_import_report_end_file(&report, &counts);
    kr_import_report_done(&report, 1, &counts, &shipped, true);
    json_t *lines = end();
    static const char *const events[] = {"row", "guarded", "refused", "record", "file", "done"};
    assert_int_equal(json_array_size(lines), 6);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(text_at(lines, i, "event"), events[i]);
    }
    assert_string_equal(text_at(lines, 0, "file"), "in.csv");
    assert_int_equal(number_at(lines, 0, "line"), 7);
    assert_string_equal(text_at(lines, 0, "pointer"), "/a/0");
    assert_string_equal(text_at(lines, 0, "reason"), "masked");
    assert_true(json_is_false(json_object_get(json_array_get(lines, 0), "taken")));
    assert_string_equal(text_at(lines, 1, "value"), "10.0.0.1");
    assert_string_equal(text_at(lines, 1, "list"), "special-use");
    assert_int_equal(number_at(lines, 1, "line"), 9);
    assert_string_equal(text_at(lines, 2, "label"), "TLP:RED");
    assert_string_equal(text_at(lines, 2, "why"), "it is RED");
    assert_string_equal(text_at(lines, 3, "state"), "revised");
    assert_memory_equal(text_at(lines, 3, "id"), "ab00", 4);
    assert_string_equal(text_at(lines, 3, "organisation"), "Vendor");
    assert_int_equal(number_at(lines, 4, "taken"), 2);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(json_array_get(lines, 4), "types"), "ipv4")), 2);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(json_array_get(lines, 4), "reasons"), "masked")), 1);
    assert_int_equal(number_at(lines, 5, "guarded"), 8);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(json_array_get(lines, 5), "records"), "new")), 6);
    json_decref(lines);
}

/* What was told while it was looked at is not told while it is sent; what is known only then is. */
static void test_second(void **state)
{
    (void)state;
    struct kr_import_report report = {.app = &app, .percent = -1, .is_second = true};
    const struct kr_import_skip skip = {.reason = KR_IMPORT_REASON_EMPTY, .detail = ""};
    const struct kr_lot lot = {.title = slice("t")};
    const uint8_t id[32] = {1};
    begin();
    kr_import_report_file(&report, "in.csv", 100, KR_IMPORT_CSV);
    kr_import_report_skip(&report, &skip);
    kr_import_report_record(&report, &lot, KR_SHIPPED_NEW, id, 2);
    json_t *lines = end();
    assert_int_equal(json_array_size(lines), 1);
    assert_string_equal(text_at(lines, 0, "event"), "record");
    json_decref(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_objects), cmocka_unit_test(test_second)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
