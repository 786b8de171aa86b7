/* Cutting a submission into records: every part is a report that everyone can read, and together they are the whole. */
#include "kairan_test.h"

#include "tools/kairan/split.h"

static struct kr_found *make_items(size_t count, size_t value_len, size_t note_len)
{
    static uint8_t note[KR_NOTE_BYTES_MAX];
    struct kr_found *items = calloc(count, sizeof *items);
    uint8_t *values = malloc(count * value_len);
    assert_non_null(items);
    assert_non_null(values);
    memset(values, 'a', count * value_len);
    memset(note, 'n', sizeof note);
    for (size_t i = 0; i < count; i++) {
        uint8_t *value = values + i * value_len;
        char number[24];
        (void)snprintf(number, sizeof number, "%08zu", i);
        memcpy(value, number, 8);
        memcpy(value + value_len - 4, ".com", 4);
        items[i] = (struct kr_found){.type = KR_INDICATOR_OTHER, .value = {value, value_len}, .note = {note, note_len}};
    }
    return items;
}

static void free_items(struct kr_found *items)
{
    free((void *)(uintptr_t)items[0].value.bytes);
    free(items);
}

/* Splits, reads every part back, and returns how many there are. */
static uint32_t check(const struct kr_plan *plan)
{
    static struct kr_report report;
    struct kr_parts parts = {0}, bit_by_bit = {0};
    struct kr_plan growing = *plan;
    size_t seen = 0;
    assert_int_equal(kr_split(plan, &parts), KR_OK);
    /* In whatever steps the items become known. */
    for (size_t known = 0; known < plan->item_count; known += 777) {
        growing.item_count = known;
        assert_int_equal(kr_split(&growing, &bit_by_bit), KR_OK);
    }
    assert_int_equal(kr_split(plan, &bit_by_bit), KR_OK);
    assert_int_equal(bit_by_bit.count, parts.count);
    assert_memory_equal(bit_by_bit.items, parts.items, parts.count * sizeof parts.items[0]);
    free(bit_by_bit.items);
    const uint32_t count = parts.count;
    for (uint32_t i = 0; i < count; i++) {
        struct kr_writer writer;
        struct kr_reader reader;
        kr_writer_init(&writer, KR_BODY_BYTES_MAX);
        kr_split_write(plan, &parts.items[i], i, count, &writer);
        assert_int_equal(kr_writer_finish(&writer), KR_OK);
        /* A sealed body has its author inside, too. */
        assert_true(writer.len + 64 <= (plan->body_bytes_max > 0 ? plan->body_bytes_max + 64 : KR_BODY_BYTES_MAX));
        assert_int_equal(kr_report_parse((struct kr_slice){writer.bytes, writer.len}, &report), KR_OK);
        assert_int_equal(report.part, i + 1);
        assert_int_equal(report.parts, count);
        assert_int_equal(report.text.len, i == 0 ? plan->text.len : 0);
        assert_int_equal(report.title.len, plan->title.len);
        assert_int_equal(report.case_id.len, count > 1 ? 16 : 0);
        assert_int_equal(report.indicator_count, parts.items[i].count);
        kr_reader_init(&reader, report.indicators.bytes, report.indicators.len);
        (void)kr_reader_array_between(&reader, 0, KR_REPORT_INDICATORS_MAX);
        for (uint32_t j = 0; j < report.indicator_count; j++, seen++) {
            struct kr_report_indicator indicator;
            kr_report_indicator_read(&reader, &indicator);
            assert_int_equal(indicator.value.len, plan->items[seen].value.len);
            assert_memory_equal(indicator.value.bytes, plan->items[seen].value.bytes, indicator.value.len);
        }
        kr_writer_deinit(&writer);
    }
    assert_int_equal(seen, plan->item_count);
    free(parts.items);
    return count;
}

static void test_by_number(void **state)
{
    (void)state;
    const size_t counts[] = {1, 4095, 4096, 4097, 8192, 8193, 100000};
    const uint32_t expected[] = {1, 1, 1, 2, 2, 3, 25};
    struct kr_found *items = make_items(100000, 16, 0);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        const struct kr_plan plan = {.kind = KR_KIND_REPORT,
                                     .title = slice("title"),
                                     .language = slice("en"),
                                     .text = slice("text"),
                                     .items = items,
                                     .item_count = counts[i]};
        assert_int_equal(check(&plan), expected[i]);
    }
    free_items(items);
}

static void test_by_bytes(void **state)
{
    (void)state;
    char *text = calloc(1, KR_TEXT_BYTES_MAX + 1);
    assert_non_null(text);
    memset(text, 't', KR_TEXT_BYTES_MAX);
    const size_t lengths[][2] = {{KR_INDICATOR_BYTES_MAX, KR_NOTE_BYTES_MAX}, {KR_INDICATOR_BYTES_MAX, 0}, {60, 0}, {12, 200}};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct kr_found *items = make_items(5000, lengths[i][0], lengths[i][1]);
        const struct kr_plan plan = {.kind = KR_KIND_REPORT,
                                     .title = slice("title"),
                                     .language = slice("en"),
                                     .text = slice(text),
                                     .items = items,
                                     .item_count = 5000};
        struct kr_plan smaller = plan;
        smaller.body_bytes_max = KR_SPLIT_BYTES_MIN;
        const uint32_t count = check(&plan);
        assert_true(count > 1);
        assert_true(check(&smaller) > count || lengths[i][0] < 100); /* (by number, not by bytes) */
        free_items(items);
    }
    free(text);
}

/* The most of everything fits, and what an import says comes out of the first part again. */
static void test_origin(void **state)
{
    (void)state;
    static struct kr_report report;
    struct kr_slice references[KR_REFERENCES_MAX], attack_ids[KR_REFERENCES_MAX];
    char *text = malloc(KR_TEXT_BYTES_MAX);
    assert_non_null(text);
    memset(text, 'x', KR_TEXT_BYTES_MAX);
    for (uint32_t i = 0; i < KR_REFERENCES_MAX; i++) {
        references[i] = (struct kr_slice){(const uint8_t *)text, KR_NOTE_BYTES_MAX};
        attack_ids[i] = (struct kr_slice){(const uint8_t *)text, KR_NAME_BYTES_MAX};
    }
    struct kr_found *items = make_items(5000, KR_INDICATOR_BYTES_MAX, KR_NOTE_BYTES_MAX);
    for (size_t i = 0; i < 5000; i++) {
        items[i].first_s = items[i].last_s = UINT32_MAX;
        items[i].confidence = 90;
        items[i].action = KR_ACTION_BLOCK;
    }
    const struct kr_plan plan = {.kind = KR_KIND_REPORT,
                                 .title = {(const uint8_t *)text, KR_TITLE_BYTES_MAX},
                                 .text = {(const uint8_t *)text, KR_TEXT_BYTES_MAX},
                                 .language = slice("en"),
                                 .organisation = {(const uint8_t *)text, KR_NAME_BYTES_MAX},
                                 .origin_id = {(const uint8_t *)text, KR_NAME_BYTES_MAX},
                                 .terms = {(const uint8_t *)text, KR_NOTE_BYTES_MAX},
                                 .references = references,
                                 .attack_ids = attack_ids,
                                 .reference_count = KR_REFERENCES_MAX,
                                 .attack_id_count = KR_REFERENCES_MAX,
                                 .first_s = 7,
                                 .last_s = 8,
                                 .items = items,
                                 .item_count = 5000};
    assert_true(check(&plan) > 50);
    struct kr_parts parts = {0};
    assert_int_equal(kr_split(&plan, &parts), KR_OK);
    for (uint32_t i = 0; i < 2; i++) {
        struct kr_writer writer;
        struct kr_reader reader;
        struct kr_report_indicator indicator;
        kr_writer_init(&writer, KR_BODY_BYTES_MAX);
        kr_split_write(&plan, &parts.items[i], i, parts.count, &writer);
        assert_int_equal(kr_writer_finish(&writer), KR_OK);
        assert_int_equal(kr_report_parse((struct kr_slice){writer.bytes, writer.len}, &report), KR_OK);
        assert_int_equal(report.reference_count, i == 0 ? KR_REFERENCES_MAX : 0);
        assert_int_equal(report.attack_id_count, i == 0 ? KR_REFERENCES_MAX : 0);
        assert_int_equal(report.origin_organisation.len, KR_NAME_BYTES_MAX);
        assert_int_equal(report.origin_id.len, KR_NAME_BYTES_MAX);
        assert_int_equal(report.origin_terms.len, KR_NOTE_BYTES_MAX);
        assert_int_equal(report.first_s, 7);
        assert_int_equal(report.last_s, 8);
        kr_reader_init(&reader, report.indicators.bytes, report.indicators.len);
        (void)kr_reader_array_between(&reader, 1, KR_REPORT_INDICATORS_MAX);
        kr_report_indicator_read(&reader, &indicator);
        assert_int_equal(indicator.first_s, UINT32_MAX);
        assert_int_equal(indicator.confidence, 90);
        assert_int_equal(indicator.action, KR_ACTION_BLOCK);
        kr_writer_deinit(&writer);
    }
    free(parts.items);
    free_items(items);
    free(text);
}

/* What is dropped is not written; parts stay as they are, also an empty one. */
static void test_dropped(void **state)
{
    (void)state;
    static struct kr_report report;
    struct kr_found *items = make_items(5000, 16, 0);
    uint8_t *dropped = calloc(5000, 1);
    assert_non_null(dropped);
    memset(dropped, 1, KR_REPORT_INDICATORS_MAX);
    dropped[4999] = 1;
    const struct kr_plan plan = {.kind = KR_KIND_REPORT,
                                 .title = slice("t"),
                                 .language = slice("en"),
                                 .has_case = true,
                                 .items = items,
                                 .dropped = dropped,
                                 .item_count = 5000};
    static const uint32_t left[] = {0, 5000 - KR_REPORT_INDICATORS_MAX - 1};
    struct kr_parts parts = {0};
    assert_int_equal(kr_split(&plan, &parts), KR_OK);
    assert_int_equal(parts.count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        struct kr_writer writer;
        kr_writer_init(&writer, KR_BODY_BYTES_MAX);
        kr_split_write(&plan, &parts.items[i], i, 2, &writer);
        assert_int_equal(kr_writer_finish(&writer), KR_OK);
        assert_int_equal(kr_report_parse((struct kr_slice){writer.bytes, writer.len}, &report), KR_OK);
        assert_int_equal(report.indicator_count, left[i]);
        assert_int_equal(report.case_id.len, 16);
        kr_writer_deinit(&writer);
    }
    free(parts.items);
    free(dropped);
    free_items(items);
}

static void test_advisory_is_one(void **state)
{
    (void)state;
    static struct kr_advisory advisory;
    const struct kr_plan plan = {
        .kind = KR_KIND_ADVISORY, .title = slice("t"), .language = slice("ja"), .text = slice("本文"), .severity = 3};
    struct kr_parts parts = {0};
    struct kr_writer writer;
    assert_int_equal(kr_split(&plan, &parts), KR_OK);
    assert_int_equal(parts.count, 1);
    kr_writer_init(&writer, KR_BODY_BYTES_MAX);
    kr_split_write(&plan, parts.items, 0, 1, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    assert_int_equal(kr_advisory_parse((struct kr_slice){writer.bytes, writer.len}, &advisory), KR_OK);
    assert_int_equal(advisory.severity, 3);
    kr_writer_deinit(&writer);
    free(parts.items);
}

static void test_too_many(void **state)
{
    (void)state;
    struct kr_parts parts = {0};
    const struct kr_plan plan = {.kind = KR_KIND_REPORT, .item_count = KR_PLAN_ITEMS_MAX + 1};
    assert_int_equal(kr_split(&plan, &parts), KR_BOUNDS);
    assert_null(parts.items);
}

static void test_first_line(void **state)
{
    (void)state;
    struct kr_slice line = kr_first_line(slice("\n  \r\n件名です\r\nnext"), 120);
    assert_int_equal(line.len, strlen("件名です"));
    assert_memory_equal(line.bytes, "件名です", line.len);
    line = kr_first_line(slice("TLP:GREEN\n\n会員各位\n[TLP:AMBER]\n 件名\nx"), 120);
    assert_memory_equal(line.bytes, "件名", 6);
    assert_int_equal(line.len, 6);
    assert_int_equal(kr_first_line(slice("TLP:GREEN\n各位"), 120).len, 9); /* better than nothing */
    line = kr_first_line(slice("日本語"), 4);                              /* whole characters */
    assert_int_equal(line.len, 3);
    assert_int_equal(kr_first_line(slice(" \n"), 10).len, 0);
    assert_int_equal(kr_first_line(slice(""), 10).len, 0);
    assert_int_equal(kr_first_line(slice("one"), 3).len, 3);
}

static void test_language(void **state)
{
    (void)state;
    assert_string_equal(kr_guess_language(slice("plain ASCII http://x.example")), "en");
    assert_string_equal(kr_guess_language(slice("Grüße — “quoted”")), "en");
    assert_string_equal(kr_guess_language(slice("注意")), "ja");
    assert_string_equal(kr_guess_language(slice("x カナ")), "ja");
    assert_string_equal(kr_guess_language(slice("")), "en");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_number),  cmocka_unit_test(test_by_bytes),        cmocka_unit_test(test_origin),
        cmocka_unit_test(test_dropped),    cmocka_unit_test(test_advisory_is_one), cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_first_line), cmocka_unit_test(test_language),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
