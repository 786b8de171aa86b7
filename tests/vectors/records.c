/* Records that must be accepted, with everything that a reader should find in them. */
#include "proto/record/body.h"
#include "tests/vectors/vectors.h"

static void write_record(struct json *json, const char *name, struct kr_slice bytes)
{
    static const struct {
        const char *name;
        const struct council *council;
    } councils[] = {{"writer", &writer_council}, {"reader", &reader_council}, {"stranger", &stranger_council}};
    struct kr_record record;
    struct kr_header header;
    uint8_t *content = NULL;
    size_t content_len = 0;

    KR_ASSERT(kr_record_split(bytes.bytes, bytes.len, &record) == KR_OK);
    KR_ASSERT(kr_record_verify(&record) == KR_OK);
    KR_ASSERT(kr_header_parse(record.header, &header) == KR_OK);
    json_open(json, NULL, '{');
    json_text(json, "name", name);
    json_hex(json, "bytes", bytes.bytes, bytes.len);
    json_hex(json, "id", record.id, 32);
    json_uint(json, "format", header.format);
    json_uint(json, "kind", header.kind);
    json_uint(json, "created_ms", header.created_ms);
    json_uint(json, "expires_s", header.expires_s);
    json_text(json, "label", kr_label_name(header.label));
    json_open(json, "audience", '[');
    for (uint32_t i = 0; i < header.audience_count; i++) {
        json_hex(json, NULL, kr_header_audience_at(&header, i), 32);
    }
    json_close(json, ']');
    json_uint(json, "flags", header.flags);
    json_uint(json, "version", header.version);
    json_uint(json, "ad_len", header.ad_len);
    json_uint(json, "header_only", record.is_header_only);
    json_open(json, "opens", '{');
    for (size_t i = 0; i < 3; i++) {
        enum kr_err err = kr_record_open(&record, &header, &councils[i].council->keyring, &content, &content_len);

        if (err == KR_OK) {
            json_hex(json, councils[i].name, content, content_len);
            free(content);
        } else {
            json_text(json, councils[i].name, kr_err_name(err));
        }
    }
    json_close(json, '}');
    json_close(json, '}');
}

static void write_draft(struct json *json, const char *name, const struct kr_draft *draft)
{
    struct bytes bytes = make_record(draft, &writer_council);

    write_record(json, name, slice(bytes.at, bytes.len));
    free(bytes.at);
}

/* A record like `draft`'s, in format 2 with two fields more and with this label number. */
static void write_newer(struct json *json, const char *name, const struct kr_draft *draft, uint64_t label)
{
    struct bytes original = make_record(draft, &writer_council);
    struct bytes number = encoded_uint(label);
    struct kr_record record;
    struct bytes header, bytes;

    KR_ASSERT(kr_record_split(original.at, original.len, &record) == KR_OK);
    header = forge_header(record.header, FIELD_LABEL, slice(number.at, number.len), 2, slice("\x92\x01\x02\xa3new", 7), 2);
    bytes = sign_parts(slice(header.at, header.len), record.slots, record.body, &writer_council);
    write_record(json, name, slice(bytes.at, bytes.len));
    free(bytes.at);
    free(header.at);
    free(number.at);
    free(original.at);
}

static void write_stripped(struct json *json, const char *name, const struct kr_draft *draft)
{
    struct bytes original = make_record(draft, &writer_council);
    struct kr_record record;
    struct kr_writer writer;

    KR_ASSERT(kr_record_split(original.at, original.len, &record) == KR_OK);
    kr_writer_init(&writer, KR_RECORD_BYTES_MAX);
    KR_ASSERT(kr_record_strip(&record, &writer) == KR_OK);
    write_record(json, name, slice(writer.bytes, writer.len));
    kr_writer_deinit(&writer);
    free(original.at);
}

void vectors_records(struct json *json)
{
    static const uint8_t relay[32] = {0xc0, 0xff, 0xee}, subject[32] = {2}, target[32] = {3};
    const struct council *const readers[] = {&reader_council, &writer_council}; /* not in order */
    struct kr_draft draft;

    json_open(json, "records", '[');
    draft = draft_for(KR_TLP_CLEAR, NULL, 0, "for anyone");
    write_draft(json, "clear", &draft);
    draft = draft_for(KR_TLP_GREEN, NULL, 0, "for the community");
    write_draft(json, "green", &draft);
    write_newer(json, "a newer format with two more fields", &draft, KR_TLP_GREEN);
    write_newer(json, "a newer format with a label that nobody knows yet: reads as RED", &draft, 7);
    draft.kind = 4711;
    write_draft(json, "a kind that nobody knows yet", &draft);
    draft = draft_for(KR_TLP_GREEN, NULL, 0, "the name of a body");
    draft.kind = KR_KIND_BODY_NOTICE;
    draft.subject = subject;
    draft.version = 65536;
    write_draft(json, "a body notice", &draft);
    draft = draft_for(KR_TLP_AMBER, readers, 2, "for two councils");
    write_draft(json, "amber for two councils", &draft);
    write_stripped(json, "the same with slots and body dropped", &draft);
    draft = draft_for(KR_TLP_AMBER_STRICT, readers, 1, "for one body");
    draft.relay = relay;
    draft.kind = KR_KIND_SIGHTING;
    draft.target = target;
    write_draft(json, "amber+strict, relayed, with a target", &draft);
    draft = draft_for(KR_TLP_RED, readers, 1, "for named persons");
    draft.flags = KR_FLAG_EXERCISE;
    draft.subject = subject;
    draft.version = UINT64_MAX;
    write_draft(json, "red exercise with a subject and a version", &draft);
    json_close(json, ']');
}

void vectors_bodies(struct json *json)
{
    static const uint8_t ipv4[7] = {203, 0, 113, 77, 32, 0x20, 0xfb};
    static const uint8_t sha1[20] = {0xda, 0x39, 0xa3, 0xee};
    const struct kr_report_indicator indicators[] = {
        {.type = KR_INDICATOR_IPV4,
         .value = slice(ipv4, 7),
         .first_s = 1,
         .last_s = 2,
         .confidence = 80,
         .action = KR_ACTION_BLOCK},
        {.type = KR_INDICATOR_DOMAIN,
         .value = text_slice("xn--r8jz45g.jp"),
         .confidence = KR_CONFIDENCE_NONE,
         .note = text_slice("例")},
        {.type = KR_INDICATOR_SHA1, .value = slice(sha1, 20), .confidence = 0, .action = KR_ACTION_DETECT},
    };
    struct kr_report report = {.title = text_slice("フィッシング"),
                               .text = text_slice("Seen in mails."),
                               .language = text_slice("ja"),
                               .origin_organisation = text_slice("JPCERT/CC"),
                               .attack_id_count = 1,
                               .attack_ids = {text_slice("T1566.002")},
                               .severity = 3,
                               .part = 1,
                               .parts = 1};
    struct kr_advisory advisory = {.title = text_slice("注意喚起"),
                                   .text = text_slice("Update now."),
                                   .language = text_slice("en"),
                                   .severity = 4,
                                   .countermeasures = text_slice("Install the update."),
                                   .reference_count = 1,
                                   .references = {text_slice("https://example.com/")}};
    struct kr_writer list, content;

    kr_writer_init(&list, KR_MIB);
    kr_writer_array(&list, 3);
    for (size_t i = 0; i < 3; i++) {
        kr_report_indicator_write(&indicators[i], &list);
    }
    report.indicators = slice(list.bytes, list.len);
    json_open(json, "bodies", '[');
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_report_write(&report, &content);
    KR_ASSERT(kr_report_parse(slice(content.bytes, content.len), &report) == KR_OK && report.indicator_count == 3);
    json_open(json, NULL, '{');
    json_text(json, "kind", "report");
    json_hex(json, "bytes", content.bytes, content.len);
    json_slice_text(json, "title", report.title);
    json_uint(json, "severity", report.severity);
    json_uint(json, "indicators", report.indicator_count);
    json_close(json, '}');
    kr_writer_deinit(&content);
    kr_advisory_write(&advisory, &content);
    KR_ASSERT(kr_advisory_parse(slice(content.bytes, content.len), &advisory) == KR_OK);
    json_open(json, NULL, '{');
    json_text(json, "kind", "advisory");
    json_hex(json, "bytes", content.bytes, content.len);
    json_slice_text(json, "title", advisory.title);
    json_uint(json, "severity", advisory.severity);
    json_close(json, '}');
    json_close(json, ']');
    kr_writer_deinit(&content);
    kr_writer_deinit(&list);
}
