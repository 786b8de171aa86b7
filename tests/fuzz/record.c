/* Records, headers, sealed texts, bodies and statements. What is accepted, encodes again to the same bytes. */
#include "crypto/secret.h"
#include "proto/indicator/name.h"
#include "proto/record/body.h"
#include "proto/record/body_notice.h"
#include "proto/record/revocation.h"
#include "proto/record/section.h"
#include "proto/record/statement.h"
#include "proto/record/takeback.h"
#include "tests/fuzz/same.h"
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
    PART_SECTION, /* as it comes */
    PART_INSIDE,  /* what somebody sealed in one for us */
    PART_NOTICE,
};

static struct council author, reader;

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

RUN_SAME(report, parse)
RUN_SAME(advisory, parse)

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
        KR_ASSERT(err == (kr_kind_is_of_council(header.kind) || header.kind == KR_KIND_RETRACTION ? KR_DENIED : KR_OK));
    }
}

/* Whatever name is taken is in the form to which it would be brought. */
static void run_notice(struct kr_slice bytes)
{
    struct kr_body_notice notice;
    struct kr_writer writer;
    uint8_t name[KR_NAME_BYTES_MAX];
    size_t len = 0;

    kr_writer_init(&writer, bytes.len);
    if (kr_body_notice_parse(bytes, &notice) == KR_OK) {
        KR_ASSERT(kr_name_normalise(notice.name_ja, name, &len) == KR_OK && len == notice.name_ja.len);
        KR_ASSERT(len == 0 || memcmp(name, notice.name_ja.bytes, len) == 0);
        kr_body_notice_write(&notice, &writer);
        expect_same(&writer, bytes);
    }
    kr_writer_deinit(&writer);
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

static const struct kr_section_of section_of = {.author = (const uint8_t[32]){1}, .kind = KR_KIND_REPORT, .label = KR_TLP_RED};

static void run_section(struct kr_slice bytes)
{
    struct kr_box_pair pair;
    struct kr_section section;

    memcpy(pair.public_key, reader.keyring.sealing[0].public_key, 32);
    memcpy(pair.secret, reader.keyring.sealing[0].secret, 32);
    enum kr_err checked = kr_section_check(bytes);
    enum kr_err err = kr_section_open(bytes, &section_of, &pair, 1, &section);
    KR_ASSERT(checked == KR_OK || err == KR_MALFORMED);
    if (err == KR_OK) {
        KR_ASSERT(section.addressed_count > 0 && section.addressed_count <= KR_ADDRESSED_MAX && section.content.len > 0);
        KR_ASSERT(section.content.bytes >= section.bytes &&
                  section.content.bytes + section.content.len <= section.bytes + section.len);
        kr_section_deinit(&section);
    }
}

/* The bytes as what stands behind the length in the box of a section that opens for us. */
static void run_inside(struct kr_slice bytes)
{
    static const uint8_t key[32] = {7}, seed[32] = {8};
    uint8_t padded[256 + KR_AEAD_BYTES] = {0}, slot[KR_SLOT_BYTES], commitment[32], ad[44] = {0};
    const size_t len = bytes.len < 252 ? bytes.len : 252;
    struct kr_writer writer;

    memcpy(ad, section_of.author, 32);
    ad[35] = (uint8_t)section_of.kind;
    ad[39] = (uint8_t)section_of.label;
    padded[2] = (uint8_t)(len >> 8);
    padded[3] = (uint8_t)len;
    memcpy(padded + 4, bytes.bytes, len);
    kr_aead_seal(padded, padded, 256, ad, sizeof ad, (const uint8_t[24]){0}, key);
    kr_hash(commitment, "kairan section key", key, 32);
    KR_ASSERT(kr_slot_seal(slot, key, reader.keyring.sealing[0].public_key, seed) == KR_OK);
    kr_writer_init(&writer, 4 * KR_KIB);
    kr_writer_array(&writer, 3);
    kr_writer_bin(&writer, commitment, 32);
    kr_writer_array(&writer, 8);
    for (unsigned i = 0; i < 8; i++) { /* ours is the last, the others are nobody's */
        uint8_t other[KR_SLOT_BYTES] = {0};
        other[KR_SLOT_BYTES - 1] = (uint8_t)i;
        kr_writer_bin(&writer, i < 7 ? other : slot, KR_SLOT_BYTES);
    }
    kr_writer_bin(&writer, padded, sizeof padded);
    KR_ASSERT(kr_writer_finish(&writer) == KR_OK && kr_section_check(slice(writer.bytes, writer.len)) == KR_OK);
    run_section(slice(writer.bytes, writer.len));
    kr_writer_deinit(&writer);
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
    case PART_SECTION:
        run_section(bytes);
        break;
    case PART_INSIDE:
        run_inside(bytes);
        break;
    case PART_NOTICE:
        run_notice(bytes);
        break;
    default:
        run_statement(data[0], bytes);
        break;
    }
    return 0;
}
