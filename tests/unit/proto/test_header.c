/* What one header alone can tell. Each case is a valid header with one field replaced. */
#include "proto_test.h"

static struct council author, reader_a, reader_b;
static const struct council *const readers[] = {&reader_b, &reader_a}; /* not in order: making sorts them */
static const uint8_t some_id[32] = {7};

static int setup(void **state)
{
    council_init(&author, 1);
    council_init(&reader_a, 2);
    council_init(&reader_b, 3);
    return start_crypto(state);
}

/* Parses the header of a record of `label` with one field replaced, in the given format. */
static enum kr_err parse_with(enum kr_label label, enum field field, struct bytes by, uint8_t format, struct kr_header *ret_header)
{
    struct kr_draft draft = draft_for(label, readers, 2, "content");
    struct bytes bytes = make_record(&draft, &author);
    struct kr_record record;
    struct bytes header;
    enum kr_err err;

    assert_int_equal(kr_record_split(bytes.at, bytes.len, &record), KR_OK);
    header = forge_header(record.header, field, slice(by.at, by.len), format, (struct kr_slice){0}, 0);
    err = kr_header_parse(slice(header.at, header.len), ret_header);
    free(header.at);
    free(bytes.at);
    free(by.at);
    return err;
}

static enum kr_err with_uint(enum kr_label label, enum field field, uint64_t value)
{
    struct kr_header header;

    return parse_with(label, field, encoded_uint(value), 1, &header);
}

static enum kr_err with_bin(enum kr_label label, enum field field, const void *bytes, size_t len)
{
    struct kr_header header;

    return parse_with(label, field, encoded_bin(bytes, len), 1, &header);
}

/* An audience of `count` ids; `step` 0 repeats the same one, -1 descends. */
static enum kr_err with_audience(enum kr_label label, uint32_t count, int step)
{
    struct kr_header header;
    struct kr_writer writer;
    struct bytes audience = {0};
    uint8_t id[32] = {0};
    uint32_t number = 1000;

    kr_writer_init(&writer, 64 * KR_KIB);
    kr_writer_array(&writer, count);
    for (uint32_t i = 0; i < count; i++, number += (uint32_t)step) {
        id[0] = (uint8_t)(number >> 8);
        id[1] = (uint8_t)number;
        kr_writer_bin(&writer, id, sizeof id);
    }
    assert_int_equal(kr_writer_take(&writer, &audience.at, &audience.len), KR_OK);
    return parse_with(label, FIELD_AUDIENCE, audience, 1, &header);
}

static void labels_are_1_to_5_in_format_1(void **state)
{
    (void)state;
    assert_int_equal(with_uint(KR_TLP_CLEAR, FIELD_LABEL, 0), KR_MALFORMED);
    assert_int_equal(with_uint(KR_TLP_CLEAR, FIELD_LABEL, 6), KR_MALFORMED);
    assert_int_equal(with_uint(KR_TLP_CLEAR, FIELD_LABEL, UINT64_C(1) << 32), KR_BOUNDS);
}

static void unknown_labels_of_newer_formats_read_as_red(void **state)
{
    struct kr_header header;

    (void)state;
    assert_int_equal(parse_with(KR_TLP_CLEAR, FIELD_LABEL, encoded_uint(6), 2, &header), KR_OK);
    assert_int_equal(header.label, KR_TLP_RED);
    assert_int_equal(parse_with(KR_TLP_AMBER, FIELD_LABEL, encoded_uint(0), 2, &header), KR_OK);
    assert_int_equal(header.label, KR_TLP_RED);
}

static void open_labels_have_nothing_of_sealed_ones(void **state)
{
    static const enum kr_label open[] = {KR_TLP_CLEAR, KR_TLP_GREEN};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(with_bin(open[i], FIELD_COMMITMENT, some_id, 32), KR_MALFORMED);
        assert_int_equal(with_uint(open[i], FIELD_PAD_CLASS, 1), KR_MALFORMED);
        assert_int_equal(with_bin(open[i], FIELD_SLOTS_HASH, some_id, 32), KR_MALFORMED);
        assert_int_equal(with_audience(open[i], 1, 1), KR_MALFORMED);
        assert_int_equal(with_bin(open[i], FIELD_RELAY, some_id, 32), KR_MALFORMED);
    }
    assert_int_equal(with_uint(KR_TLP_AMBER, FIELD_LABEL, KR_TLP_CLEAR), KR_MALFORMED);
}

static void green_has_a_community(void **state)
{
    (void)state;
    assert_int_equal(with_bin(KR_TLP_GREEN, FIELD_COMMUNITY, NULL, 0), KR_MALFORMED);
    assert_int_equal(with_bin(KR_TLP_GREEN, FIELD_COMMUNITY, some_id, 32), KR_OK);
    assert_int_equal(with_bin(KR_TLP_CLEAR, FIELD_COMMUNITY, some_id, 32), KR_OK);
    assert_int_equal(with_bin(KR_TLP_GREEN, FIELD_COMMUNITY, some_id, 31), KR_MALFORMED);
}

static void sealed_labels_have_all_it_takes(void **state)
{
    static const enum kr_label sealed[] = {KR_TLP_AMBER, KR_TLP_AMBER_STRICT, KR_TLP_RED};
    uint8_t no_slots[32];

    (void)state;
    kr_hash(no_slots, "kairan slots", NULL, 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(with_bin(sealed[i], FIELD_COMMITMENT, NULL, 0), KR_MALFORMED);
        assert_int_equal(with_uint(sealed[i], FIELD_PAD_CLASS, 0), KR_MALFORMED);
        assert_int_equal(with_uint(sealed[i], FIELD_PAD_CLASS, 1000), KR_MALFORMED);
        assert_int_equal(with_bin(sealed[i], FIELD_SLOTS_HASH, no_slots, 32), KR_MALFORMED);
        assert_int_equal(with_audience(sealed[i], 0, 1), KR_MALFORMED);
        assert_int_equal(with_bin(sealed[i], FIELD_RELAY, some_id, 32), sealed[i] == KR_TLP_RED ? KR_MALFORMED : KR_OK);
    }
    assert_int_equal(with_uint(KR_TLP_CLEAR, FIELD_LABEL, KR_TLP_AMBER), KR_MALFORMED);
}

static void statements_are_never_sealed(void **state)
{
    static const uint32_t kinds[] = {KR_KIND_COUNCIL_CARD, KR_KIND_CHARTER, KR_KIND_VOUCH, KR_KIND_EXPULSION, KR_KIND_REVOCATION};

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        assert_int_equal(with_uint(KR_TLP_CLEAR, FIELD_KIND, kinds[i]), KR_OK);
        assert_int_equal(with_uint(KR_TLP_GREEN, FIELD_KIND, kinds[i]), KR_OK);
        assert_int_equal(with_uint(KR_TLP_AMBER, FIELD_KIND, kinds[i]), KR_MALFORMED);
        assert_int_equal(with_uint(KR_TLP_AMBER_STRICT, FIELD_KIND, kinds[i]), KR_MALFORMED);
        assert_int_equal(with_uint(KR_TLP_RED, FIELD_KIND, kinds[i]), KR_MALFORMED);
    }
}

static void names_of_bodies_are_green(void **state)
{
    (void)state;
    for (uint32_t label = KR_TLP_CLEAR; label <= KR_TLP_RED; label++) {
        assert_int_equal(with_uint(label, FIELD_KIND, KR_KIND_BODY_NOTICE), label == KR_TLP_GREEN ? KR_OK : KR_MALFORMED);
    }
}

static void audiences_are_sorted_sets_of_at_most_256(void **state)
{
    (void)state;
    assert_int_equal(with_audience(KR_TLP_AMBER, 1, 1), KR_OK);
    assert_int_equal(with_audience(KR_TLP_AMBER, 256, 1), KR_OK);
    assert_int_equal(with_audience(KR_TLP_AMBER, 257, 1), KR_BOUNDS);
    assert_int_equal(with_audience(KR_TLP_AMBER, 2, 0), KR_MALFORMED);
    assert_int_equal(with_audience(KR_TLP_AMBER, 3, -1), KR_MALFORMED);
}

static void addressing_is_found_by_search(void **state)
{
    static uint8_t audience[255][32];
    struct kr_draft draft = draft_for(KR_TLP_AMBER, readers, 1, "content");
    struct bytes bytes;
    struct kr_record record;
    struct kr_header header;
    uint8_t council[32] = {0};

    (void)state;
    for (unsigned i = 0; i < 255; i++) {
        audience[i][0] = (uint8_t)(254 - i); /* descending: making sorts them */
        audience[i][31] = 1;
    }
    draft.audience = (const uint8_t(*)[32])audience;
    draft.audience_count = 255;
    bytes = make_record(&draft, &author);
    assert_int_equal(verify_bytes(bytes.at, bytes.len, &record, &header), KR_OK);
    assert_int_equal(header.audience_count, 255);
    for (unsigned i = 0; i < 256; i++) {
        council[0] = (uint8_t)i;
        council[31] = 1;
        assert_int_equal(kr_header_addresses(&header, council), i < 255);
        council[31] = 2;
        assert_false(kr_header_addresses(&header, council));
    }
    free(bytes.at);
}

static void times_are_bounded(void **state)
{
    const uint64_t created_s = CREATED_MS / 1000;

    (void)state;
    assert_int_equal(with_uint(KR_TLP_CLEAR, FIELD_EXPIRES, created_s), KR_MALFORMED);
    assert_int_equal(with_uint(KR_TLP_CLEAR, FIELD_EXPIRES, created_s + 1), KR_OK);
    assert_int_equal(with_uint(KR_TLP_CLEAR, FIELD_EXPIRES, created_s + KR_EXPIRES_S_MAX), KR_OK);
    assert_int_equal(with_uint(KR_TLP_CLEAR, FIELD_EXPIRES, created_s + KR_EXPIRES_S_MAX + 1), KR_BOUNDS);
    assert_int_equal(with_uint(KR_TLP_CLEAR, FIELD_EXPIRES, UINT64_MAX), KR_BOUNDS);
    assert_int_equal(with_uint(KR_TLP_CLEAR, FIELD_CREATED, KR_CREATED_MS_MAX + 1), KR_BOUNDS);
    assert_int_equal(with_uint(KR_TLP_CLEAR, FIELD_CREATED, 0), KR_BOUNDS); /* expires more than ten years later */
}

static void unknown_kinds_and_flags_are_kept(void **state)
{
    struct kr_header header;

    (void)state;
    assert_int_equal(parse_with(KR_TLP_CLEAR, FIELD_KIND, encoded_uint(4711), 1, &header), KR_OK);
    assert_int_equal(header.kind, 4711);
    assert_string_equal(kr_kind_name(header.kind), "unknown");
    assert_int_equal(parse_with(KR_TLP_CLEAR, FIELD_KIND, encoded_uint(0), 1, &header), KR_MALFORMED);
    assert_int_equal(parse_with(KR_TLP_CLEAR, FIELD_FLAGS, encoded_uint(0xfffffffe), 1, &header), KR_OK);
    assert_true(header.flags == 0xfffffffe);
}

static void optional_ids_are_whole_or_absent(void **state)
{
    static const enum field fields[] = {FIELD_SUBJECT, FIELD_TARGET};
    struct kr_header header;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(with_bin(KR_TLP_CLEAR, fields[i], some_id, 32), KR_OK);
        assert_int_equal(with_bin(KR_TLP_CLEAR, fields[i], some_id, 31), KR_MALFORMED);
        assert_int_equal(with_bin(KR_TLP_CLEAR, fields[i], some_id, 1), KR_MALFORMED);
    }
    assert_int_equal(parse_with(KR_TLP_CLEAR, FIELD_TARGET, encoded_bin(some_id, 32), 1, &header), KR_OK);
    assert_true(header.has_target);
    assert_false(header.has_subject);
    assert_memory_equal(header.target, some_id, 32);
    assert_int_equal(with_bin(KR_TLP_CLEAR, FIELD_NONCE, some_id, 23), KR_MALFORMED);
    assert_int_equal(with_bin(KR_TLP_CLEAR, FIELD_NONCE, some_id, 0), KR_MALFORMED);
}

static void format_1_has_exactly_16_fields(void **state)
{
    struct kr_draft draft = draft_for(KR_TLP_CLEAR, NULL, 0, "content");
    struct bytes bytes = make_record(&draft, &author);
    struct kr_record record;
    struct kr_header header = {.kind = 99};
    struct bytes longer;

    (void)state;
    assert_int_equal(kr_record_split(bytes.at, bytes.len, &record), KR_OK);
    longer = forge_header(record.header, FIELD_COUNT, (struct kr_slice){0}, 1, slice("\x00", 1), 1);
    assert_int_equal(kr_header_parse(slice(longer.at, longer.len), &header), KR_BOUNDS);
    free(longer.at);
    for (size_t len = 0; len < record.header.len; len++) {
        assert_int_equal(kr_header_parse(slice(record.header.bytes, len), &header), KR_MALFORMED);
    }
    assert_int_equal(header.kind, 99); /* untouched on failure */
    free(bytes.at);
}

static void kinds_know_what_they_are(void **state)
{
    (void)state;
    assert_string_equal(kr_kind_name(KR_KIND_REPORT), "report");
    assert_string_equal(kr_kind_name(KR_KIND_COUNCIL_CARD), "council card");
    for (uint32_t kind = KR_KIND_COUNCIL_CARD; kind <= KR_KIND_EXPULSION; kind++) {
        assert_string_not_equal(kr_kind_name(kind), "unknown");
        assert_true(kr_kind_is_statement(kind) && kr_kind_is_replaceable(kind));
    }
    assert_string_equal(kr_kind_name(KR_KIND_REVOCATION), "revocation");
    assert_true(kr_kind_is_statement(KR_KIND_REVOCATION) && kr_kind_is_replaceable(KR_KIND_REVOCATION));
    assert_string_equal(kr_kind_name(KR_KIND_BODY_NOTICE), "body notice");
    assert_true(kr_kind_is_of_council(KR_KIND_BODY_NOTICE) && kr_kind_is_replaceable(KR_KIND_BODY_NOTICE));
    assert_false(kr_kind_is_statement(KR_KIND_BODY_NOTICE) || kr_kind_is_internal(KR_KIND_BODY_NOTICE));
    assert_true(kr_kind_is_of_council(KR_KIND_VOUCH) && kr_kind_is_of_council(KR_KIND_BODY_CARD));
    assert_false(kr_kind_is_of_council(KR_KIND_NOTICE) || kr_kind_is_of_council(KR_KIND_RECEIPT));
    assert_false(kr_kind_is_statement(KR_KIND_RECEIPT));
    assert_true(kr_kind_is_replaceable(KR_KIND_RECEIPT));
    assert_true(kr_kind_is_replaceable(KR_KIND_CHARTER));
    assert_false(kr_kind_is_replaceable(KR_KIND_REPORT));
    for (uint32_t kind = 1; kind <= KR_KIND_COMMENT; kind++) {
        assert_string_not_equal(kr_kind_name(kind), "unknown");
        assert_false(kr_kind_is_statement(kind));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_1_to_5_in_format_1),
        cmocka_unit_test(unknown_labels_of_newer_formats_read_as_red),
        cmocka_unit_test(open_labels_have_nothing_of_sealed_ones),
        cmocka_unit_test(green_has_a_community),
        cmocka_unit_test(sealed_labels_have_all_it_takes),
        cmocka_unit_test(audiences_are_sorted_sets_of_at_most_256),
        cmocka_unit_test(addressing_is_found_by_search),
        cmocka_unit_test(times_are_bounded),
        cmocka_unit_test(unknown_kinds_and_flags_are_kept),
        cmocka_unit_test(optional_ids_are_whole_or_absent),
        cmocka_unit_test(format_1_has_exactly_16_fields),
        cmocka_unit_test(kinds_know_what_they_are),
        cmocka_unit_test(statements_are_never_sealed),
        cmocka_unit_test(names_of_bodies_are_green),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
