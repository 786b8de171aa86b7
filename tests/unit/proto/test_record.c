/* Splitting and verifying: nothing but the very bytes that were signed passes. */
#include "proto_test.h"

static struct council author, reader_a, reader_b;
static const struct council *const readers[] = {&reader_a, &reader_b};
static const enum kr_label labels[] = {KR_TLP_CLEAR, KR_TLP_GREEN, KR_TLP_AMBER, KR_TLP_AMBER_STRICT, KR_TLP_RED};

static int setup(void **state)
{
    council_init(&author, 1);
    council_init(&reader_a, 2);
    council_init(&reader_b, 3);
    return start_crypto(state);
}

static struct bytes record_for(enum kr_label label)
{
    struct kr_draft draft = draft_for(label, readers, 2, "content");

    return make_record(&draft, &author);
}

static void a_record_is_verified_and_parsed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        struct bytes bytes = record_for(labels[i]);
        struct kr_record record;
        struct kr_header header;

        assert_int_equal(verify_bytes(bytes.at, bytes.len, &record, &header), KR_OK);
        assert_false(record.is_header_only);
        assert_int_equal(header.format, 1);
        assert_int_equal(header.suite, 1);
        assert_memory_equal(header.author, author.id, 32);
        assert_memory_equal(header.signing_key, author.node_public, 32);
        assert_int_equal(header.kind, KR_KIND_REPORT);
        assert_true(header.created_ms == CREATED_MS);
        assert_true(header.expires_s == EXPIRES_S);
        assert_int_equal(header.label, labels[i]);
        assert_int_equal(header.has_community, labels[i] == KR_TLP_GREEN);
        assert_int_equal(header.audience_count, kr_label_is_sealed(labels[i]) ? 2 : 0);
        assert_int_equal(header.ad_len, record.header.len - 68);
        if (kr_label_is_sealed(labels[i])) {
            assert_memory_equal(kr_header_audience_at(&header, 0), reader_a.id, 32);
            assert_memory_equal(kr_header_audience_at(&header, 1), reader_b.id, 32);
        }
        free(bytes.at);
    }
}

static void the_same_seed_gives_the_same_bytes(void **state)
{
    struct kr_draft draft = draft_for(KR_TLP_AMBER, readers, 2, "content");
    struct bytes one = make_record(&draft, &author);
    struct bytes two = make_record(&draft, &author);

    (void)state;
    assert_slice_equal(slice(one.at, one.len), two.at, two.len);
    free(one.at);
    free(two.at);
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        struct bytes bytes = record_for(labels[i]);

        for (size_t bit = 0; bit < bytes.len * 8; bit++) {
            struct kr_record record;
            enum kr_err err;

            bytes.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
            err = kr_record_split(bytes.at, bytes.len, &record);
            if (err == KR_OK) {
                err = kr_record_verify(&record);
            }
            assert_true(err == KR_MALFORMED || err == KR_BOUNDS || err == KR_VERSION || err == KR_SIGNATURE);
            bytes.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        free(bytes.at);
    }
}

static void every_truncation_is_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        struct bytes bytes = record_for(labels[i]);
        struct kr_record record;

        for (size_t len = 0; len < bytes.len; len++) {
            uint8_t *copy = malloc(len + 1);

            assert_non_null(copy);
            memcpy(copy, bytes.at, len);
            assert_int_equal(kr_record_split(copy, len, &record), KR_MALFORMED);
            free(copy);
        }
        free(bytes.at);
    }
}

static void trailing_bytes_are_malformed(void **state)
{
    struct bytes bytes = record_for(KR_TLP_CLEAR);
    uint8_t *longer = malloc(bytes.len + 1);
    struct kr_record record;

    (void)state;
    assert_non_null(longer);
    memcpy(longer, bytes.at, bytes.len);
    longer[bytes.len] = 0;
    assert_int_equal(kr_record_split(longer, bytes.len + 1, &record), KR_MALFORMED);
    free(longer);
    free(bytes.at);
}

static void too_large_is_a_bound(void **state)
{
    static uint8_t zeros[KR_RECORD_BYTES_MAX + 1];
    struct bytes valid = record_for(KR_TLP_CLEAR);
    struct kr_record record;
    struct bytes bytes;

    (void)state;
    assert_int_equal(kr_record_split(zeros, sizeof zeros, &record), KR_BOUNDS);
    assert_int_equal(kr_record_split(valid.at, valid.len, &record), KR_OK);
    bytes = sign_parts(slice(zeros, KR_HEADER_BYTES_MAX + 1), record.slots, record.body, &author);
    assert_int_equal(kr_record_split(bytes.at, bytes.len, &record), KR_BOUNDS);
    free(bytes.at);
    free(valid.at);
}

static void non_shortest_lengths_are_malformed(void **state)
{
    struct bytes valid = record_for(KR_TLP_CLEAR);
    uint8_t *longer = malloc(valid.len + 1);
    size_t head;
    struct kr_record record;

    (void)state;
    assert_non_null(longer);
    assert_int_equal(kr_record_split(valid.at, valid.len, &record), KR_OK);
    /* The body's bin 8 head as bin 16. */
    head = (size_t)(record.body.bytes - valid.at) - 2;
    assert_int_equal(valid.at[head], 0xc4);
    memcpy(longer, valid.at, head);
    longer[head] = 0xc5;
    longer[head + 1] = 0;
    memcpy(longer + head + 2, valid.at + head + 1, valid.len - head - 1);
    assert_int_equal(kr_record_split(longer, valid.len + 1, &record), KR_MALFORMED);
    free(longer);
    free(valid.at);
}

static void only_the_named_key_signs(void **state)
{
    struct bytes valid = record_for(KR_TLP_GREEN);
    struct kr_record record;
    struct bytes stolen;

    (void)state;
    assert_int_equal(kr_record_split(valid.at, valid.len, &record), KR_OK);
    stolen = sign_parts(record.header, record.slots, record.body, &reader_a);
    assert_int_equal(kr_record_split(stolen.at, stolen.len, &record), KR_OK);
    assert_int_equal(kr_record_verify(&record), KR_SIGNATURE);
    free(stolen.at);
    free(valid.at);
}

static void parts_of_two_records_do_not_mix(void **state)
{
    struct kr_draft draft = draft_for(KR_TLP_CLEAR, NULL, 0, "other content");
    struct bytes one = record_for(KR_TLP_CLEAR);
    struct bytes two = make_record(&draft, &author);
    struct bytes mixed;
    struct kr_record first, second;

    (void)state;
    assert_int_equal(kr_record_split(one.at, one.len, &first), KR_OK);
    assert_int_equal(kr_record_split(two.at, two.len, &second), KR_OK);
    mixed = sign_parts(first.header, first.slots, second.body, &author);
    assert_int_equal(kr_record_split(mixed.at, mixed.len, &second), KR_OK);
    assert_int_equal(kr_record_verify(&second), KR_SIGNATURE);
    free(mixed.at);
    free(two.at);
    free(one.at);
}

static void unknown_suites_and_format_nought_are_versions(void **state)
{
    struct bytes valid = record_for(KR_TLP_CLEAR);
    struct kr_record record;
    struct kr_header header;

    (void)state;
    assert_int_equal(kr_record_split(valid.at, valid.len, &record), KR_OK);
    for (unsigned at = 0; at < 2; at++) {
        uint8_t altered[512];
        struct bytes bytes;

        memcpy(altered, record.header.bytes, record.header.len);
        altered[at] = at == 0 ? 0 : 2;
        bytes = sign_parts(slice(altered, record.header.len), record.slots, record.body, &author);
        assert_int_equal(verify_bytes(bytes.at, bytes.len, &record, &header), KR_VERSION);
        assert_int_equal(kr_header_parse(slice(altered, record.header.len), &header), KR_VERSION);
        free(bytes.at);
        assert_int_equal(kr_record_split(valid.at, valid.len, &record), KR_OK);
    }
    free(valid.at);
}

static void a_stripped_record_verifies_by_its_header(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        struct bytes whole = record_for(labels[i]);
        struct kr_record record, stripped;
        struct kr_header header;
        struct kr_writer writer;
        uint8_t *content;
        size_t content_len;

        assert_int_equal(kr_record_split(whole.at, whole.len, &record), KR_OK);
        kr_writer_init(&writer, KR_RECORD_BYTES_MAX);
        assert_int_equal(kr_record_strip(&record, &writer), KR_OK);
        assert_int_equal(verify_bytes(writer.bytes, writer.len, &stripped, &header), KR_OK);
        assert_true(stripped.is_header_only);
        assert_memory_equal(stripped.id, record.id, 32);
        assert_int_equal(kr_record_open(&stripped, &header, &reader_a.keyring, &content, &content_len), KR_NOT_FOUND);
        kr_writer_deinit(&writer);
        free(whole.at);
    }
}

static void half_stripped_records_are_refused(void **state)
{
    struct bytes whole = record_for(KR_TLP_AMBER);
    struct kr_record record;
    struct kr_header header;
    struct bytes bytes;

    (void)state;
    assert_int_equal(kr_record_split(whole.at, whole.len, &record), KR_OK);
    bytes = sign_parts(record.header, (struct kr_slice){0}, record.body, &author);
    assert_int_equal(kr_record_split(bytes.at, bytes.len, &record), KR_OK);
    assert_int_equal(kr_record_verify(&record), KR_SIGNATURE);
    free(bytes.at);
    assert_int_equal(kr_record_split(whole.at, whole.len, &record), KR_OK);
    bytes = sign_parts(record.header, record.slots, (struct kr_slice){0}, &author);
    assert_int_equal(verify_bytes(bytes.at, bytes.len, &record, &header), KR_SIGNATURE);
    free(bytes.at);
    free(whole.at);
}

static void a_record_that_never_had_a_body_is_malformed(void **state)
{
    struct bytes valid = record_for(KR_TLP_CLEAR);
    struct kr_record record;
    uint8_t hash[32];
    struct bytes field, header, bytes;

    (void)state;
    assert_int_equal(kr_record_split(valid.at, valid.len, &record), KR_OK);
    kr_hash(hash, "kairan body", NULL, 0);
    field = encoded_bin(hash, sizeof hash);
    header = forge_header(record.header, FIELD_BODY_HASH, slice(field.at, field.len), 1, (struct kr_slice){0}, 0);
    bytes = sign_parts(slice(header.at, header.len), (struct kr_slice){0}, (struct kr_slice){0}, &author);
    assert_int_equal(kr_record_split(bytes.at, bytes.len, &record), KR_OK);
    assert_int_equal(kr_record_verify(&record), KR_MALFORMED);
    free(bytes.at);
    free(header.at);
    free(field.at);
    free(valid.at);
}

static void newer_formats_verify_and_travel_unchanged(void **state)
{
    struct bytes valid = record_for(KR_TLP_GREEN);
    struct bytes header_bytes, bytes;
    struct kr_record record;
    struct kr_header header;
    struct kr_writer writer;
    uint8_t *content;
    size_t content_len;

    (void)state;
    assert_int_equal(kr_record_split(valid.at, valid.len, &record), KR_OK);
    /* Format 2 with two more fields: an array and a text. */
    header_bytes = forge_header(record.header, FIELD_COUNT, (struct kr_slice){0}, 2, slice("\x92\x01\x02\xa3new", 7), 2);
    bytes = sign_parts(slice(header_bytes.at, header_bytes.len), record.slots, record.body, &author);
    assert_int_equal(verify_bytes(bytes.at, bytes.len, &record, &header), KR_OK);
    assert_int_equal(header.format, 2);
    assert_int_equal(header.label, KR_TLP_GREEN);
    assert_int_equal(kr_record_open(&record, &header, &author.keyring, &content, &content_len), KR_VERSION);
    kr_writer_init(&writer, KR_RECORD_BYTES_MAX);
    kr_writer_array(&writer, 4);
    kr_writer_slice(&writer, record.header);
    kr_writer_slice(&writer, record.slots);
    kr_writer_slice(&writer, record.body);
    kr_writer_slice(&writer, record.signature);
    assert_slice_equal(slice(writer.bytes, writer.len), bytes.at, bytes.len);
    kr_writer_deinit(&writer);
    /* An altered body is caught in a newer format as well. */
    bytes.at[record.body.bytes - bytes.at] ^= 1;
    assert_int_equal(verify_bytes(bytes.at, bytes.len, &record, &header), KR_SIGNATURE);
    free(bytes.at);
    free(header_bytes.at);
    free(valid.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_verified_and_parsed),
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(every_truncation_is_malformed),
        cmocka_unit_test(trailing_bytes_are_malformed),
        cmocka_unit_test(too_large_is_a_bound),
        cmocka_unit_test(non_shortest_lengths_are_malformed),
        cmocka_unit_test(only_the_named_key_signs),
        cmocka_unit_test(parts_of_two_records_do_not_mix),
        cmocka_unit_test(unknown_suites_and_format_nought_are_versions),
        cmocka_unit_test(a_stripped_record_verifies_by_its_header),
        cmocka_unit_test(half_stripped_records_are_refused),
        cmocka_unit_test(a_record_that_never_had_a_body_is_malformed),
        cmocka_unit_test(newer_formats_verify_and_travel_unchanged),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
