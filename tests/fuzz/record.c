/* Records, headers, sealed texts, bodies and statements. What is accepted, encodes again to the same bytes. */
#include "crypto/secret.h"
#include "proto/record/body.h"
#include "proto/record/revocation.h"
#include "proto/record/statement.h"
#include "proto/record/takeback.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/forge.h"

enum part {
    PART_RECORD,
    PART_HEADER,
    PART_SEALED,
    PART_REPORT,
    PART_ADVISORY,
    PART_CARD,
    PART_CHARTER,
    PART_VOUCH,
    PART_RETRACTION,
    PART_REVISION,
    PART_SIGHTING,
    PART_REVOCATION,
};

static struct council author, reader;

static void expect_same(struct kr_writer *writer, struct kr_slice bytes)
{
    KR_ASSERT(kr_writer_finish(writer) == KR_OK);
    KR_ASSERT(writer->len == bytes.len && memcmp(writer->bytes, bytes.bytes, bytes.len) == 0);
    kr_writer_deinit(writer);
}

static void run_record(struct kr_slice bytes)
{
    struct kr_record record;
    struct kr_header header;
    uint8_t *content = NULL;
    size_t content_len;

    if (kr_record_split(bytes.bytes, bytes.len, &record) == KR_OK && kr_record_verify(&record) == KR_OK &&
        kr_header_parse(record.header, &header) == KR_OK &&
        kr_record_open(&record, &header, &reader.keyring, &content, &content_len) == KR_OK) {
        free(content);
    }
}

static void run_header(struct kr_slice bytes)
{
    struct kr_header header;

    if (kr_header_parse(bytes, &header) == KR_OK) {
        KR_ASSERT(header.audience_count <= KR_AUDIENCE_MAX && header.ad_len < bytes.len);
        for (uint32_t i = 0; i < header.audience_count; i++) {
            KR_ASSERT(kr_header_addresses(&header, kr_header_audience_at(&header, i)));
        }
    }
}

/* The bytes as the padded text that somebody sealed to us. */
static void run_sealed(struct kr_slice bytes)
{
    uint8_t padded[256] = {0};
    struct bytes record;

    memcpy(padded, bytes.bytes, bytes.len < sizeof padded ? bytes.len : sizeof padded);
    record = seal_anything(padded, sizeof padded, &author, &reader);
    run_record(slice(record.at, record.len));
    free(record.at);
}

static void run_report(struct kr_slice bytes)
{
    struct kr_report report;
    struct kr_writer writer;

    if (kr_report_parse(bytes, &report) == KR_OK) {
        kr_writer_init(&writer, bytes.len);
        kr_report_write(&report, &writer);
        expect_same(&writer, bytes);
    }
}

static void run_advisory(struct kr_slice bytes)
{
    struct kr_advisory advisory;
    struct kr_writer writer;

    if (kr_advisory_parse(bytes, &advisory) == KR_OK) {
        kr_writer_init(&writer, bytes.len);
        kr_advisory_write(&advisory, &writer);
        expect_same(&writer, bytes);
    }
}

/* What it carries is signed by somebody, or refused: and then a header like any other. */
static void run_takeback(uint32_t kind, struct kr_slice bytes)
{
    struct kr_takeback takeback;
    struct kr_record target;
    struct kr_header header;
    struct kr_slice content;
    struct kr_writer writer;
    uint32_t content_kind;

    if (kr_takeback_parse(kind, bytes, &takeback) != KR_OK) {
        return;
    }
    kr_writer_init(&writer, bytes.len);
    kr_takeback_write(kind, &takeback, &writer);
    expect_same(&writer, bytes);
    KR_ASSERT(kr_content_to_read(kind, bytes, &content_kind, &content) == KR_OK);
    KR_ASSERT(content.bytes >= bytes.bytes && content.bytes + content.len <= bytes.bytes + bytes.len);
    if (kr_takeback_target(&takeback, &target, &header) == KR_OK) {
        struct kr_header by = header;

        by.kind = kind;
        by.has_target = true;
        memcpy(by.target, target.id, 32);
        enum kr_err err = kr_takeback_covers(&by, &header, target.id);
        KR_ASSERT(err == (kr_kind_is_statement(header.kind) || header.kind == KR_KIND_RETRACTION ? KR_DENIED : KR_OK));
    }
}

static void run_statement(enum part part, struct kr_slice bytes)
{
    struct kr_card card;
    struct kr_charter charter;
    struct kr_vouch vouch;
    struct kr_revocation revocation;
    struct kr_writer writer;

    kr_writer_init(&writer, bytes.len);
    if (part == PART_CARD && kr_card_parse(bytes, &card) == KR_OK) {
        kr_card_write(&card, &writer);
        expect_same(&writer, bytes);
    } else if (part == PART_CHARTER && kr_charter_parse(bytes, &charter) == KR_OK) {
        kr_charter_write(&charter, &writer);
        expect_same(&writer, bytes);
    } else if (part == PART_VOUCH && kr_vouch_parse(bytes, &vouch) == KR_OK) {
        kr_vouch_write(&vouch, &writer);
        expect_same(&writer, bytes);
    } else if (part == PART_REVOCATION && kr_revocation_parse(bytes, &revocation) == KR_OK) {
        kr_revocation_write(&revocation, &writer);
        expect_same(&writer, bytes);
        for (size_t at = 0; at < revocation.names.len; at += KR_REVOKED_NAME_BYTES) { /* who is named is found */
            const uint8_t *name = revocation.names.bytes + at;
            KR_ASSERT(kr_revocation_page(name, revocation.pages) == revocation.page);
            KR_ASSERT(kr_revocation_names(revocation.names, name));
        }
    }
}

static void run_sighting(struct kr_slice bytes)
{
    struct kr_sighting sighting;
    struct kr_writer writer;

    if (kr_sighting_parse(bytes, &sighting) == KR_OK) {
        KR_ASSERT(sighting.count > 0);
        kr_writer_init(&writer, bytes.len);
        kr_sighting_write(&sighting, &writer);
        expect_same(&writer, bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kr_slice bytes = {0};

    if (size == 0) {
        return 0;
    }
    if (reader.keyring.sealing_count == 0) {
        KR_ASSERT(kr_crypto_init() == KR_OK);
        council_init(&author, 1);
        council_init(&reader, 2);
    }
    bytes = slice(data + 1, size - 1);
    switch (data[0]) {
    case PART_RECORD:
        run_record(bytes);
        break;
    case PART_HEADER:
        run_header(bytes);
        break;
    case PART_SEALED:
        run_sealed(bytes);
        break;
    case PART_REPORT:
        run_report(bytes);
        break;
    case PART_ADVISORY:
        run_advisory(bytes);
        break;
    case PART_RETRACTION:
        run_takeback(KR_KIND_RETRACTION, bytes);
        break;
    case PART_REVISION:
        run_takeback(KR_KIND_REVISION, bytes);
        break;
    case PART_SIGHTING:
        run_sighting(bytes);
        break;
    default:
        run_statement(data[0], bytes);
        break;
    }
    return 0;
}
