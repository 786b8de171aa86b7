#include "proto_test.h"

#include "proto/record/body.h"

static const uint8_t ipv4[7] = {203, 0, 113, 77, 32, 0x20, 0xfb};
static const uint8_t sha256[32] = {1, 2, 3};

static struct kr_report_indicator indicator_of(uint32_t type, const void *value, size_t len)
{
    return (struct kr_report_indicator){
        .type = type, .value = slice(value, len), .confidence = KR_CONFIDENCE_NONE, .action = KR_ACTION_BLOCK};
}

/* `count` times the same indicator, behind an array head. */
static struct bytes indicators_of(const struct kr_report_indicator *indicator, uint32_t count)
{
    struct bytes bytes = {0};
    struct kr_writer writer;

    kr_writer_init(&writer, KR_MIB);
    kr_writer_array(&writer, count);
    for (uint32_t i = 0; i < count; i++) {
        kr_report_indicator_write(indicator, &writer);
    }
    assert_int_equal(kr_writer_take(&writer, &bytes.at, &bytes.len), KR_OK);
    return bytes;
}

static struct kr_report report_of(struct bytes indicators)
{
    return (struct kr_report){
        .title = text_slice("フィッシングサイト"),
        .text = text_slice("Seen in three mails."),
        .language = text_slice("ja"),
        .indicators = slice(indicators.at, indicators.len),
        .origin_organisation = text_slice("JPCERT/CC"),
        .origin_id = text_slice("AT-1"),
        .origin_terms = text_slice("TLP:GREEN"),
        .case_id = slice(sha256, 16),
        .follows = slice(sha256, 32),
        .attack_id_count = 2,
        .attack_ids = {text_slice("T1566.002"), text_slice("T1204")},
        .reference_count = 1,
        .references = {text_slice("https://example.com/")},
        .severity = KR_SEVERITY_MAX,
        .part = 2,
        .parts = 3,
        .first_s = 11,
        .last_s = 12,
    };
}

static enum kr_err parse_written(const struct kr_report *report, struct kr_report *ret_report, struct bytes *ret_bytes)
{
    struct kr_writer writer;

    kr_writer_init(&writer, 4 * KR_MIB);
    kr_report_write(report, &writer);
    assert_int_equal(kr_writer_take(&writer, &ret_bytes->at, &ret_bytes->len), KR_OK);
    return kr_report_parse(slice(ret_bytes->at, ret_bytes->len), ret_report);
}

static enum kr_err error_of(const struct kr_report *report)
{
    struct kr_report parsed = {.severity = 99};
    struct bytes bytes;
    enum kr_err err = parse_written(report, &parsed, &bytes);

    if (err != KR_OK) {
        assert_int_equal(parsed.severity, 99); /* untouched */
    }
    free(bytes.at);
    return err;
}

static void reports_read_back(void **state)
{
    struct kr_report_indicator indicator = indicator_of(KR_INDICATOR_IPV4, ipv4, sizeof ipv4);
    struct kr_report_indicator read;
    struct kr_report report, parsed;
    struct bytes indicators, bytes;
    struct kr_writer again;
    struct kr_reader reader;

    (void)state;
    indicator.first_s = 1;
    indicator.last_s = UINT64_MAX;
    indicator.confidence = 80;
    indicator.note = text_slice("C2");
    indicators = indicators_of(&indicator, 3);
    report = report_of(indicators);
    assert_int_equal(parse_written(&report, &parsed, &bytes), KR_OK);
    assert_int_equal(parsed.indicator_count, 3);
    assert_slice_equal(parsed.title, report.title.bytes, report.title.len);
    assert_slice_equal(parsed.origin_organisation, "JPCERT/CC", 9);
    assert_int_equal(parsed.attack_id_count, 2);
    assert_slice_equal(parsed.attack_ids[1], "T1204", 5);
    assert_slice_equal(parsed.references[0], "https://example.com/", 20);
    assert_slice_equal(parsed.follows, sha256, 32);
    assert_int_equal(parsed.part, 2);
    assert_int_equal(parsed.last_s, 12);
    kr_reader_init(&reader, parsed.indicators.bytes, parsed.indicators.len);
    assert_int_equal(kr_reader_array_between(&reader, 0, KR_REPORT_INDICATORS_MAX), 3);
    for (unsigned i = 0; i < 3; i++) {
        kr_report_indicator_read(&reader, &read);
        assert_int_equal(read.type, KR_INDICATOR_IPV4);
        assert_slice_equal(read.value, ipv4, sizeof ipv4);
        assert_true(read.last_s == UINT64_MAX);
        assert_int_equal(read.confidence, 80);
        assert_int_equal(read.action, KR_ACTION_BLOCK);
        assert_slice_equal(read.note, "C2", 2);
    }
    kr_reader_close(&reader);
    assert_int_equal(kr_reader_end(&reader), KR_OK);
    kr_writer_init(&again, KR_MIB);
    kr_report_write(&parsed, &again);
    assert_slice_equal(slice(again.bytes, again.len), bytes.at, bytes.len);
    kr_writer_deinit(&again);
    free(bytes.at);
    free(indicators.at);
}

static void reports_hold_4096_indicators_and_no_more(void **state)
{
    struct kr_report_indicator indicator = indicator_of(KR_INDICATOR_SHA256, sha256, sizeof sha256);
    struct bytes many = indicators_of(&indicator, KR_REPORT_INDICATORS_MAX);
    struct bytes too_many = indicators_of(&indicator, KR_REPORT_INDICATORS_MAX + 1);
    struct kr_report report = report_of(many);

    (void)state;
    assert_int_equal(error_of(&report), KR_OK);
    report.indicators = slice(too_many.at, too_many.len);
    assert_int_equal(error_of(&report), KR_BOUNDS);
    report.indicators = (struct kr_slice){0}; /* none at all is fine */
    assert_int_equal(error_of(&report), KR_OK);
    free(many.at);
    free(too_many.at);
}

static enum kr_err error_with(uint32_t type, const void *value, size_t len, uint32_t confidence, uint32_t action, size_t note_len)
{
    struct kr_report_indicator indicator = indicator_of(type, value, len);
    struct kr_report report;
    struct bytes indicators;
    enum kr_err err;

    indicator.confidence = confidence;
    indicator.action = action;
    indicator.note = long_text(note_len);
    indicators = indicators_of(&indicator, 1);
    report = report_of(indicators);
    err = error_of(&report);
    free(indicators.at);
    return err;
}

static void indicators_are_checked_one_by_one(void **state)
{
    static const uint8_t host_bits[7] = {203, 0, 113, 77, 24, 0, 0};
    static const uint8_t long_value[KR_INDICATOR_BYTES_MAX + 1] = {1};

    (void)state;
    assert_int_equal(error_with(KR_INDICATOR_IPV4, ipv4, 7, 100, 2, 0), KR_OK);
    assert_int_equal(error_with(KR_INDICATOR_IPV4, ipv4, 6, 100, 2, 0), KR_MALFORMED);
    assert_int_equal(error_with(KR_INDICATOR_IPV4, host_bits, 7, 100, 2, 0), KR_MALFORMED);
    assert_int_equal(error_with(KR_INDICATOR_DOMAIN, "EXAMPLE.com", 11, 100, 2, 0), KR_MALFORMED);
    assert_int_equal(error_with(KR_INDICATOR_DOMAIN, "example.com", 11, 100, 2, 0), KR_OK);
    assert_int_equal(error_with(KR_INDICATOR_ANY, "x", 1, 100, 2, 0), KR_MALFORMED);
    assert_int_equal(error_with(4711, "\xff\x00", 2, 100, 2, 0), KR_OK); /* a newer type: kept */
    assert_int_equal(error_with(4711, "", 0, 100, 2, 0), KR_MALFORMED);
    assert_int_equal(error_with(4711, long_value, sizeof long_value, 100, 2, 0), KR_BOUNDS);
    assert_int_equal(error_with(KR_INDICATOR_IPV4, ipv4, 7, 101, 0, 0), KR_OK);
    assert_int_equal(error_with(KR_INDICATOR_IPV4, ipv4, 7, 102, 0, 0), KR_BOUNDS);
    assert_int_equal(error_with(KR_INDICATOR_IPV4, ipv4, 7, 0, 3, 0), KR_BOUNDS);
    assert_int_equal(error_with(KR_INDICATOR_IPV4, ipv4, 7, 0, 0, KR_NOTE_BYTES_MAX), KR_OK);
    assert_int_equal(error_with(KR_INDICATOR_IPV4, ipv4, 7, 0, 0, KR_NOTE_BYTES_MAX + 1), KR_BOUNDS);
}

/* What was accepted once is read with all bounds, but its values are not worked out anew: told by one that never was accepted. */
static void a_kept_report_is_read_without_its_normal_forms(void **state)
{
    struct kr_report_indicator indicator = indicator_of(KR_INDICATOR_DOMAIN, "EXAMPLE.com", 11);
    struct bytes indicators = indicators_of(&indicator, 1);
    struct kr_report report = report_of(indicators), parsed = {0};
    struct kr_writer writer;

    (void)state;
    kr_writer_init(&writer, KR_MIB);
    kr_report_write(&report, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    assert_int_equal(kr_report_parse(slice(writer.bytes, writer.len), &parsed), KR_MALFORMED);
    assert_int_equal(kr_report_parse_again(slice(writer.bytes, writer.len), &parsed), KR_OK);
    assert_int_equal(parsed.indicator_count, 1);
    assert_slice_equal(parsed.title, report.title.bytes, report.title.len);
    for (size_t len = 0; len < writer.len; len++) {
        assert_int_not_equal(kr_report_parse_again(slice(writer.bytes, len), &parsed), KR_OK);
    }
    kr_writer_deinit(&writer);
    free(indicators.at);
}

static void report_fields_are_bounded(void **state)
{
    const struct kr_report good = report_of((struct bytes){0});
    struct kr_report report;

    (void)state;
#define REPORT_IS(err, ...)                                                                                                        \
    report = good;                                                                                                                 \
    __VA_ARGS__;                                                                                                                   \
    assert_int_equal(error_of(&report), err)
    REPORT_IS(KR_OK, (void)0);
    REPORT_IS(KR_BOUNDS, report.title = long_text(KR_TITLE_BYTES_MAX + 1));
    REPORT_IS(KR_OK, report.text = long_text(KR_TEXT_BYTES_MAX));
    REPORT_IS(KR_BOUNDS, report.text = long_text(KR_TEXT_BYTES_MAX + 1));
    REPORT_IS(KR_BOUNDS, report.language = long_text(KR_LANGUAGE_BYTES_MAX + 1));
    REPORT_IS(KR_BOUNDS, report.origin_organisation = long_text(KR_NAME_BYTES_MAX + 1));
    REPORT_IS(KR_BOUNDS, report.origin_terms = long_text(KR_NOTE_BYTES_MAX + 1));
    REPORT_IS(KR_MALFORMED, report.title = text_slice("\xff"));
    REPORT_IS(KR_MALFORMED, report.case_id = slice(sha256, 15));
    REPORT_IS(KR_OK, report.case_id = (struct kr_slice){0});
    REPORT_IS(KR_MALFORMED, report.follows = slice(sha256, 31));
    REPORT_IS(KR_BOUNDS, report.severity = KR_SEVERITY_MAX + 1);
    REPORT_IS(KR_MALFORMED, report.part = 0);
    REPORT_IS(KR_MALFORMED, report.part = 4);
    REPORT_IS(KR_BOUNDS, report.parts = KR_PARTS_MAX + 1);
    REPORT_IS(KR_BOUNDS, report.references[0] = long_text(KR_NOTE_BYTES_MAX + 1));
#undef REPORT_IS
}

static void advisories_read_back_and_are_bounded(void **state)
{
    struct kr_advisory advisory = {
        .title = text_slice("注意喚起"),
        .text = text_slice("Update now."),
        .language = text_slice("en"),
        .severity = 3,
        .countermeasures = text_slice("Install the patch."),
        .reference_count = KR_REFERENCES_MAX,
    };
    struct kr_advisory parsed = {0};
    struct kr_writer writer, again;

    (void)state;
    kr_writer_init(&writer, KR_MIB);
    kr_advisory_write(&advisory, &writer);
    assert_int_equal(kr_advisory_parse(slice(writer.bytes, writer.len), &parsed), KR_OK);
    assert_slice_equal(parsed.countermeasures, "Install the patch.", 18);
    assert_int_equal(parsed.reference_count, KR_REFERENCES_MAX);
    kr_writer_init(&again, KR_MIB);
    kr_advisory_write(&parsed, &again);
    assert_slice_equal(slice(again.bytes, again.len), writer.bytes, writer.len);
    for (size_t len = 0; len < writer.len; len++) {
        assert_int_equal(kr_advisory_parse(slice(writer.bytes, len), &parsed), KR_MALFORMED);
    }
    kr_writer_deinit(&again);
    kr_writer_deinit(&writer);
    advisory.countermeasures = long_text(KR_TEXT_BYTES_MAX + 1);
    kr_writer_init(&writer, KR_MIB);
    kr_advisory_write(&advisory, &writer);
    assert_int_equal(kr_advisory_parse(slice(writer.bytes, writer.len), &parsed), KR_BOUNDS);
    kr_writer_deinit(&writer);
}

static enum kr_err sighting_error(struct kr_sighting sighting, struct kr_sighting *ret_sighting)
{
    struct kr_writer writer;

    kr_writer_init(&writer, 4 * KR_KIB);
    kr_sighting_write(&sighting, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    enum kr_err err = kr_sighting_parse(slice(writer.bytes, writer.len), ret_sighting);
    for (size_t len = 0; len < writer.len; len++) {
        struct kr_sighting cut;
        assert_int_not_equal(kr_sighting_parse(slice(writer.bytes, len), &cut), KR_OK);
    }
    kr_writer_deinit(&writer);
    return err;
}

static void sightings_read_back_and_are_checked(void **state)
{
    const struct kr_sighting good = {
        .type = KR_INDICATOR_IPV4, .value = slice(ipv4, sizeof ipv4), .count = KR_SIGHTING_COUNT_MAX, .first_s = 5, .last_s = 5};
    struct kr_sighting bad = good, read;

    (void)state;
    assert_int_equal(sighting_error(good, &read), KR_OK);
    assert_true(read.type == KR_INDICATOR_IPV4 && read.count == KR_SIGHTING_COUNT_MAX && read.last_s == 5);
    bad.last_s = 0; /* not stated */
    assert_int_equal(sighting_error(bad, &read), KR_OK);
    bad.last_s = 4;
    assert_int_equal(sighting_error(bad, &read), KR_MALFORMED);
    bad = good;
    bad.count = 0;
    assert_int_equal(sighting_error(bad, &read), KR_MALFORMED);
    bad = good;
    bad.value.len--; /* not in the normal form */
    assert_int_equal(sighting_error(bad, &read), KR_MALFORMED);
    bad.type = KR_INDICATOR_ANY; /* of the record as a whole, with a value */
    assert_int_equal(sighting_error(bad, &read), KR_MALFORMED);
    bad.value.len = 0;
    assert_int_equal(sighting_error(bad, &read), KR_OK);
    bad.what = KR_SIGHTING_FALSE_POSITIVE + 1;
    assert_int_equal(sighting_error(bad, &read), KR_BOUNDS);
}

static void an_origin_has_one_key(void **state)
{
    uint8_t key[KR_ORIGIN_KEY_BYTES_MAX];
    static const char expected[] = "jpcert/cc\0at-1 \xe5\x8f\xb7";

    (void)state;
    assert_int_equal(kr_report_origin_key(text_slice("JPCERT/CC"), text_slice("AT-1 号"), key), sizeof expected - 1);
    assert_memory_equal(key, expected, sizeof expected - 1);
    assert_int_equal(kr_report_origin_key(text_slice(""), text_slice("a"), key), 2);
    assert_int_equal(kr_report_origin_key(text_slice("JPCERT/CC"), text_slice(""), key), 0);
    assert_int_equal(kr_report_origin_key(long_text(KR_NAME_BYTES_MAX), long_text(KR_NAME_BYTES_MAX), key), sizeof key);
    assert_int_equal(kr_report_origin_key(long_text(KR_NAME_BYTES_MAX + 1), text_slice("a"), key), 0);
    assert_int_equal(kr_report_origin_key(text_slice("a"), long_text(KR_NAME_BYTES_MAX + 1), key), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_origin_has_one_key),
        cmocka_unit_test(sightings_read_back_and_are_checked),
        cmocka_unit_test(reports_read_back),
        cmocka_unit_test(reports_hold_4096_indicators_and_no_more),
        cmocka_unit_test(indicators_are_checked_one_by_one),
        cmocka_unit_test(a_kept_report_is_read_without_its_normal_forms),
        cmocka_unit_test(report_fields_are_bounded),
        cmocka_unit_test(advisories_read_back_and_are_bounded),
    };

    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
