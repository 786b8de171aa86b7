#include "proto/record/body.h"

#include <string.h>

/* Reads an array of texts of at most `bytes_max` each. */
static uint32_t read_texts(struct kr_reader *reader, size_t bytes_max, struct kr_slice ret_texts[static KR_REFERENCES_MAX])
{
    uint32_t count = kr_reader_array_between(reader, 0, KR_REFERENCES_MAX);

    for (uint32_t i = 0; i < count; i++) {
        ret_texts[i] = kr_reader_str(reader, bytes_max);
    }
    kr_reader_close(reader);
    return count;
}

static void write_texts(struct kr_writer *writer, uint32_t count, const struct kr_slice texts[static KR_REFERENCES_MAX])
{
    kr_writer_array(writer, count);
    for (uint32_t i = 0; i < count; i++) {
        kr_writer_str_slice(writer, texts[i]);
    }
}

void kr_report_indicator_read(struct kr_reader *reader, struct kr_report_indicator *ret_indicator)
{
    kr_reader_array(reader, 7);
    ret_indicator->type = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
    ret_indicator->value = kr_reader_bin(reader, 1, KR_INDICATOR_BYTES_MAX);
    ret_indicator->first_s = kr_reader_uint(reader, UINT64_MAX);
    ret_indicator->last_s = kr_reader_uint(reader, UINT64_MAX);
    ret_indicator->confidence = (uint32_t)kr_reader_uint(reader, KR_CONFIDENCE_NONE);
    ret_indicator->action = (uint32_t)kr_reader_uint(reader, KR_ACTION_BLOCK);
    ret_indicator->note = kr_reader_str(reader, KR_NOTE_BYTES_MAX);
    kr_reader_close(reader);
}

static bool is_same_key(void *context, uint8_t type, const uint8_t *bytes, size_t len)
{
    struct kr_report_indicator *indicator = context;
    if (type == indicator->type && len == indicator->value.len && memcmp(bytes, indicator->value.bytes, len) == 0) {
        indicator->value.len = 0; /* found */
    }
    return false; /* what follows the first key is less than the value */
}

bool kr_report_indicator_is_plain(const struct kr_report_indicator *indicator)
{
    struct kr_report_indicator copy = *indicator;
    if (copy.first_s != 0 || copy.last_s != 0 || copy.confidence != KR_CONFIDENCE_NONE || copy.action != KR_ACTION_NONE ||
        copy.note.len > 0 || copy.type > KR_INDICATOR_TYPE_MAX) {
        return false;
    }
    kr_indicator_index_keys(copy.type, copy.value.bytes, copy.value.len, is_same_key, &copy);
    return copy.value.len == 0;
}

void kr_report_indicator_write(const struct kr_report_indicator *indicator, struct kr_writer *writer)
{
    kr_writer_array(writer, 7);
    kr_writer_uint(writer, indicator->type);
    kr_writer_slice(writer, indicator->value);
    kr_writer_uint(writer, indicator->first_s);
    kr_writer_uint(writer, indicator->last_s);
    kr_writer_uint(writer, indicator->confidence);
    kr_writer_uint(writer, indicator->action);
    kr_writer_str_slice(writer, indicator->note);
}

/* Walks the indicators; `checks_values`: and checks each one's normal form, so that what passes can be indexed as it stands. */
static void read_indicators(struct kr_reader *reader, bool checks_values, struct kr_report *report)
{
    const uint8_t *start = reader->at;

    report->indicator_count = kr_reader_array_between(reader, 0, KR_REPORT_INDICATORS_MAX);
    for (uint32_t i = 0; i < report->indicator_count && reader->err == KR_OK; i++) {
        struct kr_report_indicator indicator;

        kr_report_indicator_read(reader, &indicator);
        if (checks_values && reader->err == KR_OK &&
            (indicator.type == KR_INDICATOR_ANY ||
             kr_indicator_check(indicator.type, indicator.value.bytes, indicator.value.len) != KR_OK)) {
            kr_reader_fail(reader, KR_MALFORMED);
        }
    }
    kr_reader_close(reader);
    if (reader->err == KR_OK) {
        report->indicators = (struct kr_slice){.bytes = start, .len = (size_t)(reader->at - start)};
    }
}

static enum kr_err parse_report(struct kr_slice content, bool checks_values, struct kr_report *ret_report)
{
    struct kr_report report = {0};
    struct kr_reader reader;

    kr_reader_init(&reader, content.bytes, content.len);
    kr_reader_array(&reader, 14);
    report.title = kr_reader_str(&reader, KR_TITLE_BYTES_MAX);
    report.text = kr_reader_str(&reader, KR_TEXT_BYTES_MAX);
    report.language = kr_reader_str(&reader, KR_LANGUAGE_BYTES_MAX);
    read_indicators(&reader, checks_values, &report);
    kr_reader_array(&reader, 3);
    report.origin_organisation = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    report.origin_id = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    report.origin_terms = kr_reader_str(&reader, KR_NOTE_BYTES_MAX);
    kr_reader_close(&reader);
    report.case_id = kr_reader_bin_or_empty(&reader, 16);
    report.follows = kr_reader_bin_or_empty(&reader, 32);
    report.attack_id_count = read_texts(&reader, KR_NAME_BYTES_MAX, report.attack_ids);
    report.reference_count = read_texts(&reader, KR_NOTE_BYTES_MAX, report.references);
    report.severity = (uint32_t)kr_reader_uint(&reader, KR_SEVERITY_MAX);
    report.part = (uint32_t)kr_reader_uint(&reader, KR_PARTS_MAX);
    report.parts = (uint32_t)kr_reader_uint(&reader, KR_PARTS_MAX);
    report.first_s = kr_reader_uint(&reader, UINT64_MAX);
    report.last_s = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (reader.err == KR_OK && (report.part == 0 || report.part > report.parts)) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_report = report;
    }
    return reader.err;
}

enum kr_err kr_report_parse(struct kr_slice content, struct kr_report *ret_report)
{
    return parse_report(content, true, ret_report);
}

enum kr_err kr_report_parse_again(struct kr_slice content, struct kr_report *ret_report)
{
    return parse_report(content, false, ret_report);
}

enum kr_action kr_action_by_type(uint32_t type)
{
    switch (type) {
    case KR_INDICATOR_IPV4:
    case KR_INDICATOR_IPV6:
    case KR_INDICATOR_DOMAIN:
    case KR_INDICATOR_URL:
    case KR_INDICATOR_EMAIL:
    case KR_INDICATOR_MD5:
    case KR_INDICATOR_SHA1:
    case KR_INDICATOR_SHA256:
    case KR_INDICATOR_SHA512:
        return KR_ACTION_BLOCK;
    case KR_INDICATOR_ASN:
    case KR_INDICATOR_CVE:
    case KR_INDICATOR_OTHER:
        return KR_ACTION_NONE;
    default:
        return KR_ACTION_DETECT;
    }
}

size_t kr_report_origin_key(struct kr_slice organisation, struct kr_slice id, uint8_t ret_key[static KR_ORIGIN_KEY_BYTES_MAX])
{
    size_t len = 0;
    if (id.len == 0 || id.len > KR_NAME_BYTES_MAX || organisation.len > KR_NAME_BYTES_MAX) {
        return 0;
    }
    for (size_t i = 0; i < organisation.len + 1 + id.len; i++) {
        uint8_t byte = i < organisation.len    ? organisation.bytes[i]
                       : i == organisation.len ? 0
                                               : id.bytes[i - organisation.len - 1];
        ret_key[len++] = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
    }
    return len;
}

void kr_report_write(const struct kr_report *report, struct kr_writer *writer)
{
    kr_writer_array(writer, 14);
    kr_writer_str_slice(writer, report->title);
    kr_writer_str_slice(writer, report->text);
    kr_writer_str_slice(writer, report->language);
    if (report->indicators.len > 0) {
        kr_writer_raw(writer, report->indicators.bytes, report->indicators.len);
    } else {
        kr_writer_array(writer, 0);
    }
    kr_writer_array(writer, 3);
    kr_writer_str_slice(writer, report->origin_organisation);
    kr_writer_str_slice(writer, report->origin_id);
    kr_writer_str_slice(writer, report->origin_terms);
    kr_writer_slice(writer, report->case_id);
    kr_writer_slice(writer, report->follows);
    write_texts(writer, report->attack_id_count, report->attack_ids);
    write_texts(writer, report->reference_count, report->references);
    kr_writer_uint(writer, report->severity);
    kr_writer_uint(writer, report->part);
    kr_writer_uint(writer, report->parts);
    kr_writer_uint(writer, report->first_s);
    kr_writer_uint(writer, report->last_s);
}

enum kr_err kr_advisory_parse(struct kr_slice content, struct kr_advisory *ret_advisory)
{
    struct kr_advisory advisory = {0};
    struct kr_reader reader;

    kr_reader_init(&reader, content.bytes, content.len);
    kr_reader_array(&reader, 6);
    advisory.title = kr_reader_str(&reader, KR_TITLE_BYTES_MAX);
    advisory.text = kr_reader_str(&reader, KR_TEXT_BYTES_MAX);
    advisory.language = kr_reader_str(&reader, KR_LANGUAGE_BYTES_MAX);
    advisory.severity = (uint32_t)kr_reader_uint(&reader, KR_SEVERITY_MAX);
    advisory.countermeasures = kr_reader_str(&reader, KR_TEXT_BYTES_MAX);
    advisory.reference_count = read_texts(&reader, KR_NOTE_BYTES_MAX, advisory.references);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_advisory = advisory;
    }
    return reader.err;
}

void kr_advisory_write(const struct kr_advisory *advisory, struct kr_writer *writer)
{
    kr_writer_array(writer, 6);
    kr_writer_str_slice(writer, advisory->title);
    kr_writer_str_slice(writer, advisory->text);
    kr_writer_str_slice(writer, advisory->language);
    kr_writer_uint(writer, advisory->severity);
    kr_writer_str_slice(writer, advisory->countermeasures);
    write_texts(writer, advisory->reference_count, advisory->references);
}

void kr_sighting_fields_write(const struct kr_sighting *sighting, struct kr_writer *writer)
{
    kr_writer_uint(writer, sighting->type);
    kr_writer_slice(writer, sighting->value);
    kr_writer_uint(writer, sighting->what);
    kr_writer_uint(writer, sighting->count);
    kr_writer_uint(writer, sighting->first_s);
    kr_writer_uint(writer, sighting->last_s);
}

void kr_sighting_fields_read(struct kr_reader *reader, struct kr_sighting *ret_sighting)
{
    struct kr_sighting sighting = {.type = (uint32_t)kr_reader_uint(reader, UINT32_MAX)};
    sighting.value = kr_reader_bin(reader, 0, KR_INDICATOR_BYTES_MAX);
    sighting.what = (uint32_t)kr_reader_uint(reader, KR_SIGHTING_FALSE_POSITIVE);
    sighting.count = kr_reader_uint(reader, KR_SIGHTING_COUNT_MAX);
    sighting.first_s = kr_reader_uint(reader, UINT64_MAX);
    sighting.last_s = kr_reader_uint(reader, UINT64_MAX);
    const bool is_whole = sighting.type == KR_INDICATOR_ANY && sighting.value.len == 0;
    const bool is_backward = sighting.last_s != 0 && sighting.last_s < sighting.first_s;
    if (reader->err == KR_OK &&
        (sighting.count == 0 || is_backward ||
         (!is_whole && kr_indicator_check(sighting.type, sighting.value.bytes, sighting.value.len) != KR_OK))) {
        kr_reader_fail(reader, KR_MALFORMED);
    }
    *ret_sighting = sighting;
}

void kr_sighting_write(const struct kr_sighting *sighting, struct kr_writer *writer)
{
    kr_writer_array(writer, 6);
    kr_sighting_fields_write(sighting, writer);
}

enum kr_err kr_sighting_parse(struct kr_slice content, struct kr_sighting *ret_sighting)
{
    struct kr_sighting sighting;
    struct kr_reader reader;

    kr_reader_init(&reader, content.bytes, content.len);
    kr_reader_array(&reader, 6);
    kr_sighting_fields_read(&reader, &sighting);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_sighting = sighting;
    }
    return reader.err;
}
