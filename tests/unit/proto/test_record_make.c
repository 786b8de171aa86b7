/* Making and opening: who is addressed reads, nobody else does, and nothing that a receiver would refuse is made. */
#include "proto_test.h"

static struct council author, reader_a, reader_b, stranger;
static const struct council *const readers[] = {&author, &reader_a, &reader_b};
static const uint8_t seed[32] = {5};

static int setup(void **state)
{
    council_init(&author, 1);
    council_init(&reader_a, 2);
    council_init(&reader_b, 3);
    council_init(&stranger, 4);
    return start_crypto(state);
}

static enum kr_err make_error(const struct kr_draft *draft)
{
    uint8_t *bytes = (uint8_t *)1;
    size_t len = 77;
    uint8_t id[32] = {99};
    enum kr_err err = kr_record_make(draft, author.id, author.node_secret, seed, &bytes, &len, id);

    if (err == KR_OK) {
        free(bytes);
    } else { /* untouched */
        assert_ptr_equal(bytes, (uint8_t *)1);
        assert_int_equal(len, 77);
        assert_int_equal(id[0], 99);
    }
    return err;
}

static enum kr_err open_as(const uint8_t *bytes, size_t len, const struct council *council, const char *expected)
{
    struct kr_record record;
    struct kr_header header;
    uint8_t *content = NULL;
    size_t content_len = 0;
    enum kr_err err;

    assert_int_equal(verify_bytes(bytes, len, &record, &header), KR_OK);
    err = kr_record_open(&record, &header, &council->keyring, &content, &content_len);
    if (err == KR_OK) {
        assert_slice_equal(slice(content, content_len), expected, strlen(expected));
        free(content);
    } else {
        assert_null(content);
    }
    return err;
}

static void the_addressed_read_and_nobody_else(void **state)
{
    (void)state;
    for (enum kr_label label = KR_TLP_CLEAR; label <= KR_TLP_RED; label++) {
        struct kr_draft draft = draft_for(label, readers, 3, "what was seen");
        struct bytes record = make_record(&draft, &author);

        assert_int_equal(open_as(record.at, record.len, &author, "what was seen"), KR_OK);
        assert_int_equal(open_as(record.at, record.len, &reader_a, "what was seen"), KR_OK);
        assert_int_equal(open_as(record.at, record.len, &reader_b, "what was seen"), KR_OK);
        assert_int_equal(open_as(record.at, record.len, &stranger, "what was seen"),
                         kr_label_is_sealed(label) ? KR_NOT_FOUND : KR_OK);
        free(record.at);
    }
}

static void older_sealing_keys_still_open(void **state)
{
    struct kr_draft draft = draft_for(KR_TLP_AMBER, readers, 2, "old mail");
    struct bytes record = make_record(&draft, &author);
    struct council rotated = reader_a;

    (void)state;
    rotated.keyring.sealing[1] = reader_a.keyring.sealing[0];
    rotated.keyring.sealing[0] = stranger.keyring.sealing[0];
    rotated.keyring.sealing_count = 2;
    assert_int_equal(open_as(record.at, record.len, &rotated, "old mail"), KR_OK);
    free(record.at);
}

static void lengths_are_hidden_in_classes(void **state)
{
    struct kr_draft draft = draft_for(KR_TLP_AMBER, readers, 2, "a");
    struct bytes one = make_record(&draft, &author);
    struct bytes two;

    (void)state;
    draft.content = text_slice("a text that is quite a bit longer, but of the same size class");
    two = make_record(&draft, &author);
    assert_int_equal(one.len, two.len);
    free(one.at);
    free(two.at);
}

static void slots_are_ordered_by_hint(void **state)
{
    struct kr_draft draft = draft_for(KR_TLP_AMBER, readers, 3, "content");
    struct bytes bytes = make_record(&draft, &author);
    struct kr_record record;
    struct kr_reader reader;
    struct kr_slice previous = {0};

    (void)state;
    assert_int_equal(kr_record_split(bytes.at, bytes.len, &record), KR_OK);
    kr_reader_init(&reader, record.slots.bytes, record.slots.len);
    kr_reader_array(&reader, 3);
    for (unsigned i = 0; i < 3; i++) {
        struct kr_slice entry = kr_reader_bin(&reader, 84, 84);

        assert_true(previous.len == 0 || memcmp(previous.bytes, entry.bytes, 4) <= 0);
        previous = entry;
    }
    kr_reader_close(&reader);
    assert_int_equal(kr_reader_end(&reader), KR_OK);
    free(bytes.at);
}

static void audiences_are_sorted_and_deduplicated(void **state)
{
    static const uint8_t audience[5][32] = {{9}, {3}, {9}, {1}, {3}};
    struct kr_draft draft = draft_for(KR_TLP_AMBER, readers, 1, "content");
    struct bytes bytes;
    struct kr_record record;
    struct kr_header header;

    (void)state;
    draft.audience = audience;
    draft.audience_count = 5;
    bytes = make_record(&draft, &author);
    assert_int_equal(verify_bytes(bytes.at, bytes.len, &record, &header), KR_OK);
    assert_int_equal(header.audience_count, 3);
    assert_int_equal(kr_header_audience_at(&header, 0)[0], 1);
    assert_int_equal(kr_header_audience_at(&header, 1)[0], 3);
    assert_int_equal(kr_header_audience_at(&header, 2)[0], 9);
    free(bytes.at);
}

static void every_field_of_a_draft_arrives(void **state)
{
    static const uint8_t community[32] = {1}, relay[32] = {2}, subject[32] = {3}, target[32] = {4};
    struct kr_draft draft = draft_for(KR_TLP_AMBER_STRICT, readers, 2, "content");
    struct bytes bytes;
    struct kr_record record;
    struct kr_header header;

    (void)state;
    draft.kind = KR_KIND_SIGHTING;
    draft.community = community;
    draft.relay = relay;
    draft.subject = subject;
    draft.target = target;
    draft.version = UINT64_MAX;
    draft.flags = KR_FLAG_EXERCISE;
    bytes = make_record(&draft, &author);
    assert_int_equal(verify_bytes(bytes.at, bytes.len, &record, &header), KR_OK);
    assert_int_equal(header.kind, KR_KIND_SIGHTING);
    assert_true(header.has_community && header.has_relay && header.has_subject && header.has_target);
    assert_memory_equal(header.community, community, 32);
    assert_memory_equal(header.relay, relay, 32);
    assert_memory_equal(header.subject, subject, 32);
    assert_memory_equal(header.target, target, 32);
    assert_true(header.version == UINT64_MAX);
    assert_int_equal(header.flags, KR_FLAG_EXERCISE);
    free(bytes.at);
}

static void drafts_that_make_no_record_are_refused(void **state)
{
    static const uint8_t one[32] = {1};
    const uint8_t *community = one;
    struct kr_draft good = draft_for(KR_TLP_AMBER, readers, 2, "content");
    struct kr_draft draft;

    (void)state;
#define REFUSED(err, ...)                                                                                                          \
    draft = good;                                                                                                                  \
    __VA_ARGS__;                                                                                                                   \
    assert_int_equal(make_error(&draft), err)
    REFUSED(KR_OK, (void)0);
    REFUSED(KR_UNLABELLED, draft.label = KR_TLP_NONE);
    REFUSED(KR_INVALID, draft.label = (enum kr_label)6);
    REFUSED(KR_INVALID, draft.label = KR_TLP_CLEAR); /* recipients, but open */
    REFUSED(KR_INVALID, draft.recipient_count = 0);
    REFUSED(KR_INVALID, draft.audience_count = 0);
    REFUSED(KR_INVALID, draft.content.len = 0);
    REFUSED(KR_INVALID, draft.kind = 0);
    REFUSED(KR_INVALID, draft.expires_s = draft.created_ms / 1000);
    REFUSED(KR_BOUNDS, draft.expires_s = draft.created_ms / 1000 + KR_EXPIRES_S_MAX + 1);
    REFUSED(KR_BOUNDS, draft.created_ms = KR_CREATED_MS_MAX + 1; draft.expires_s = KR_CREATED_MS_MAX);
    REFUSED(KR_INVALID, draft.label = KR_TLP_RED; draft.relay = community);
    good = draft_for(KR_TLP_GREEN, NULL, 0, "content");
    REFUSED(KR_OK, (void)0);
    REFUSED(KR_INVALID, draft.community = NULL);
    REFUSED(KR_INVALID, draft.relay = community);
    REFUSED(KR_INVALID, draft.audience = &one; draft.audience_count = 1);
#undef REFUSED
}

static void sizes_are_bounded(void **state)
{
    static uint8_t content[KR_BODY_BYTES_MAX + 1];
    static uint8_t audience[KR_AUDIENCE_MAX + 1][32];
    static uint8_t recipients[KR_SLOTS_MAX + 1][32];
    struct kr_draft draft = draft_for(KR_TLP_CLEAR, NULL, 0, "content");

    (void)state;
    draft.content = slice(content, sizeof content);
    assert_int_equal(make_error(&draft), KR_BOUNDS);
    draft.content.len = KR_BODY_BYTES_MAX;
    assert_int_equal(make_error(&draft), KR_OK);
    for (size_t i = 0; i <= KR_AUDIENCE_MAX; i++) {
        audience[i][0] = (uint8_t)(i >> 8);
        audience[i][1] = (uint8_t)i;
    }
    for (size_t i = 0; i <= KR_SLOTS_MAX; i++) {
        memcpy(recipients[i], reader_a.keyring.sealing[0].public_key, 32);
    }
    /* The largest of everything is a record: content of the largest class, 256 councils, 257 slots. */
    draft = draft_for(KR_TLP_AMBER, readers, 1, "content");
    draft.audience = (const uint8_t(*)[32])audience;
    draft.audience_count = KR_AUDIENCE_MAX;
    draft.recipients = (const uint8_t(*)[32])recipients;
    draft.recipient_count = KR_SLOTS_MAX;
    draft.content = slice(content, KR_BODY_BYTES_MAX - 40);
    assert_int_equal(make_error(&draft), KR_OK);
    draft.content.len++;
    assert_int_equal(make_error(&draft), KR_BOUNDS);
    draft.content.len = 1;
    draft.audience_count++;
    assert_int_equal(make_error(&draft), KR_BOUNDS);
    draft.audience_count--;
    draft.recipient_count++;
    assert_int_equal(make_error(&draft), KR_BOUNDS);
}

static void keys_of_low_order_are_refused(void **state)
{
    static const uint8_t zeros[1][32];
    struct kr_draft draft = draft_for(KR_TLP_AMBER, readers, 1, "content");

    (void)state;
    draft.recipients = zeros;
    assert_int_equal(make_error(&draft), KR_KEY);
}

/* Signs `record` anew after `edit` changed its header's field; slots and body stay. */
static struct bytes resigned(struct bytes bytes, enum field field, struct bytes by, const struct council *signer)
{
    struct kr_record record;
    struct bytes header, result;

    assert_int_equal(kr_record_split(bytes.at, bytes.len, &record), KR_OK);
    header = forge_header(record.header, field, slice(by.at, by.len), 1, (struct kr_slice){0}, 0);
    memcpy(header.at + 2, signer->id, 32);
    memcpy(header.at + 34, signer->node_public, 32);
    result = sign_parts(slice(header.at, header.len), record.slots, record.body, signer);
    free(header.at);
    free(by.at);
    return result;
}

static void the_associated_data_ties_body_and_header(void **state)
{
    struct kr_draft draft = draft_for(KR_TLP_AMBER, readers, 2, "content");
    struct bytes original = make_record(&draft, &author);
    struct bytes altered = resigned(original, FIELD_FLAGS, encoded_uint(1), &author);

    (void)state;
    assert_int_equal(open_as(altered.at, altered.len, &reader_a, ""), KR_DECRYPT);
    free(altered.at);
    /* The author in the prefix is covered as well: another's ciphertext cannot be signed as one's own. */
    altered = resigned(original, FIELD_FLAGS, encoded_uint(0), &stranger);
    assert_int_equal(open_as(altered.at, altered.len, &reader_a, ""), KR_DECRYPT);
    free(altered.at);
    free(original.at);
}

static void a_wrong_commitment_is_refused_before_decryption(void **state)
{
    static const uint8_t other[32] = {1};
    struct kr_draft draft = draft_for(KR_TLP_AMBER, readers, 2, "content");
    struct bytes original = make_record(&draft, &author);
    struct bytes altered = resigned(original, FIELD_COMMITMENT, encoded_bin(other, 32), &author);

    (void)state;
    assert_int_equal(open_as(altered.at, altered.len, &reader_a, ""), KR_DECRYPT);
    free(altered.at);
    free(original.at);
}

/* Opens a body made of: BE32 `length` ‖ `inner` ‖ zeros, with the last byte replaced by `last`. */
static enum kr_err open_padded(uint32_t length, const void *inner, size_t inner_len, uint8_t last)
{
    uint8_t padded[256] = {(uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length};
    struct bytes record;
    enum kr_err err;

    memcpy(padded + 4, inner, inner_len);
    padded[255] = last;
    record = seal_anything(padded, sizeof padded, &author, &reader_a);
    err = open_as(record.at, record.len, &reader_a, "x");
    free(record.at);
    return err;
}

static void what_is_sealed_is_checked_too(void **state)
{
    uint8_t inner[64] = {0x92, 0xc4, 32};
    uint8_t *content = inner + 3 + 32;

    (void)state;
    memcpy(inner + 3, author.id, 32);
    memcpy(content, "\xc4\x01x", 3);
    assert_int_equal(open_padded(38, inner, 38, 0), KR_OK);
    assert_int_equal(open_padded(38, inner, 38, 1), KR_MALFORMED);         /* padding that is not zero */
    assert_int_equal(open_padded(39, inner, 38, 0), KR_MALFORMED);         /* a byte behind the inner array */
    assert_int_equal(open_padded(253, inner, 38, 0), KR_MALFORMED);        /* longer than the class */
    assert_int_equal(open_padded(UINT32_MAX, inner, 38, 0), KR_MALFORMED); /* much longer */
    assert_int_equal(open_padded(0, inner, 38, 0), KR_MALFORMED);
    content[1] = 0;
    content[2] = 0;
    assert_int_equal(open_padded(37, inner, 37, 0), KR_MALFORMED); /* empty content */
    memcpy(content, "\xc4\x01x", 3);
    inner[3] ^= 1;
    assert_int_equal(open_padded(38, inner, 38, 0), KR_DECRYPT); /* somebody else wrote it */
}

static void bodies_of_the_wrong_length_are_malformed(void **state)
{
    struct kr_draft draft = draft_for(KR_TLP_AMBER, readers, 2, "content");
    struct bytes original = make_record(&draft, &author);
    struct bytes altered = resigned(original, FIELD_PAD_CLASS, encoded_uint(2), &author);

    (void)state;
    assert_int_equal(open_as(altered.at, altered.len, &reader_a, ""), KR_MALFORMED);
    free(altered.at);
    free(original.at);
}

static void a_flood_of_slots_with_our_hint_is_given_up(void **state)
{
    struct kr_draft draft = draft_for(KR_TLP_AMBER, readers, 2, "content");
    struct bytes original = make_record(&draft, &author);
    struct kr_record record;
    struct kr_header header;
    struct kr_writer slots, head;
    uint8_t entry[84] = {0}, good[84], hash[32];
    struct kr_reader reader;
    struct bytes flood;

    (void)state;
    assert_int_equal(verify_bytes(original.at, original.len, &record, &header), KR_OK);
    kr_hint(entry, reader_a.keyring.sealing[0].public_key);
    kr_reader_init(&reader, record.slots.bytes, record.slots.len);
    kr_reader_array(&reader, 2);
    do {
        kr_reader_fixed(&reader, good, sizeof good);
    } while (memcmp(good, entry, 4) != 0);
    kr_writer_init(&slots, KR_RECORD_BYTES_MAX);
    kr_writer_array(&slots, 200);
    for (unsigned i = 0; i < 199; i++) {
        entry[4] = (uint8_t)i;
        kr_writer_bin(&slots, entry, sizeof entry);
    }
    kr_writer_bin(&slots, good, sizeof good); /* would open, were it tried */
    kr_writer_init(&head, KR_HEADER_BYTES_MAX);
    kr_writer_raw(&head, record.header.bytes, header.ad_len);
    kr_hash(hash, "kairan slots", slots.bytes, slots.len);
    kr_writer_bin(&head, hash, sizeof hash);
    kr_writer_bin(&head, header.body_hash, 32);
    flood = sign_parts(slice(head.bytes, head.len), slice(slots.bytes, slots.len), record.body, &author);
    assert_int_equal(open_as(flood.at, flood.len, &reader_a, ""), KR_DECRYPT);
    free(flood.at);
    kr_writer_deinit(&slots);
    kr_writer_deinit(&head);
    free(original.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_addressed_read_and_nobody_else),
        cmocka_unit_test(older_sealing_keys_still_open),
        cmocka_unit_test(lengths_are_hidden_in_classes),
        cmocka_unit_test(slots_are_ordered_by_hint),
        cmocka_unit_test(audiences_are_sorted_and_deduplicated),
        cmocka_unit_test(every_field_of_a_draft_arrives),
        cmocka_unit_test(drafts_that_make_no_record_are_refused),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(keys_of_low_order_are_refused),
        cmocka_unit_test(the_associated_data_ties_body_and_header),
        cmocka_unit_test(a_wrong_commitment_is_refused_before_decryption),
        cmocka_unit_test(what_is_sealed_is_checked_too),
        cmocka_unit_test(bodies_of_the_wrong_length_are_malformed),
        cmocka_unit_test(a_flood_of_slots_with_our_hint_is_given_up),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
