/* Cards of bodies and persons: every field reads back, and nothing that could not be passes. */
#include "proto_test.h"

#include "proto/record/person.h"
#include "proto/record/record.h"

static const uint8_t user[KR_CREDENTIAL_USER_BYTES] = {7}, other[32] = {9};

static struct kr_body_card good_body(void)
{
    return (struct kr_body_card){.name_ja = text_slice("札幌市"),
                                 .name_en = text_slice("Sapporo"),
                                 .contact_name = text_slice("情報政策課"),
                                 .contact_mail = text_slice("soc@example.jp"),
                                 .contact_telephone = text_slice("+81"),
                                 .standing = KR_STANDING_SUSPENDED,
                                 .is_listed = true,
                                 .by = slice(other, 32)};
}

static struct kr_person_card good_person(void)
{
    struct kr_person_card card = {.body = {3},
                                  .name = text_slice("佐藤"),
                                  .mail = text_slice("sato@example.jp"),
                                  .telephone = text_slice("2"),
                                  .roles = KR_ROLE_ANALYST | 1u << 20,
                                  .standing = KR_STANDING_ACTIVE,
                                  .is_contractor = true,
                                  .from_s = 10,
                                  .until_s = 20,
                                  .credential_count = 2,
                                  .credentials = {{KR_CREDENTIAL_USER, slice(user, sizeof user)}, {99, slice(other, 32)}},
                                  .stands_for_count = 1,
                                  .stands_for = {{{4}, 5}},
                                  .previous = slice(other, 32)};
    return card;
}

static enum kr_err body_error(const struct kr_body_card *card)
{
    struct kr_writer writer;
    struct kr_body_card read = {.standing = 99};
    kr_writer_init(&writer, 4 * KR_KIB);
    kr_body_card_write(card, &writer);
    enum kr_err err = kr_body_card_parse(slice(writer.bytes, writer.len), &read);
    assert_true(err == KR_OK || read.standing == 99); /* untouched on failure */
    kr_writer_deinit(&writer);
    return err;
}

static enum kr_err person_error(const struct kr_person_card *card)
{
    struct kr_writer writer;
    struct kr_person_card read = {.standing = 99};
    kr_writer_init(&writer, 4 * KR_KIB);
    kr_person_card_write(card, &writer);
    enum kr_err err = kr_person_card_parse(slice(writer.bytes, writer.len), &read);
    assert_true(err == KR_OK || read.standing == 99);
    kr_writer_deinit(&writer);
    return err;
}

static void bodies_read_back(void **state)
{
    const struct kr_body_card card = good_body();
    struct kr_body_card read;
    struct kr_writer writer, again;
    (void)state;
    kr_writer_init(&writer, 4 * KR_KIB);
    kr_body_card_write(&card, &writer);
    assert_int_equal(kr_body_card_parse(slice(writer.bytes, writer.len), &read), KR_OK);
    assert_slice_equal(read.contact_telephone, "+81", 3);
    assert_true(read.is_listed && read.standing == KR_STANDING_SUSPENDED && read.previous.len == 0);
    assert_slice_equal(read.by, other, 32);
    kr_writer_init(&again, 4 * KR_KIB);
    kr_body_card_write(&read, &again);
    assert_slice_equal(slice(again.bytes, again.len), writer.bytes, writer.len);
    for (size_t len = 0; len < writer.len; len++) {
        assert_int_equal(kr_body_card_parse(slice(writer.bytes, len), &read), KR_MALFORMED);
    }
    kr_writer_deinit(&writer);
    kr_writer_deinit(&again);
}

static void persons_read_back(void **state)
{
    const struct kr_person_card card = good_person();
    struct kr_person_card read;
    struct kr_writer writer, again;
    (void)state;
    kr_writer_init(&writer, 4 * KR_KIB);
    kr_person_card_write(&card, &writer);
    assert_int_equal(kr_person_card_parse(slice(writer.bytes, writer.len), &read), KR_OK);
    assert_int_equal(read.roles, KR_ROLE_ANALYST | 1u << 20); /* a newer version's role is kept */
    assert_true(read.is_contractor && read.from_s == 10 && read.until_s == 20);
    assert_int_equal(read.credentials[1].kind, 99);
    assert_slice_equal(read.credentials[0].bytes, user, sizeof user);
    assert_true(read.stands_for[0].person[0] == 4 && read.stands_for[0].until_s == 5);
    kr_writer_init(&again, 4 * KR_KIB);
    kr_person_card_write(&read, &again);
    assert_slice_equal(slice(again.bytes, again.len), writer.bytes, writer.len);
    for (size_t len = 0; len < writer.len; len++) {
        assert_int_equal(kr_person_card_parse(slice(writer.bytes, len), &read), KR_MALFORMED);
    }
    kr_writer_deinit(&writer);
    kr_writer_deinit(&again);
}

static void cards_that_cannot_be_are_refused(void **state)
{
    struct kr_body_card body = good_body();
    struct kr_person_card person = good_person();
    (void)state;
    assert_int_equal(body_error(&body), KR_OK);
    body.standing = 0;
    assert_int_equal(body_error(&body), KR_MALFORMED);
    body.standing = KR_STANDING_ENDED + 1;
    assert_int_not_equal(body_error(&body), KR_OK);
    body = good_body();
    body.name_ja = body.name_en = slice(NULL, 0);
    assert_int_equal(body_error(&body), KR_MALFORMED);
    assert_int_equal(person_error(&person), KR_OK);
    person.until_s = 10; /* ends as it begins */
    assert_int_equal(person_error(&person), KR_MALFORMED);
    person.until_s = 0; /* a contractor without an end */
    assert_int_equal(person_error(&person), KR_MALFORMED);
    person.is_contractor = false;
    assert_int_equal(person_error(&person), KR_OK);
    person.name = slice(NULL, 0);
    assert_int_equal(person_error(&person), KR_MALFORMED);
    person = good_person();
    person.credentials[0].bytes.len--; /* a user has a machine and a number */
    assert_int_equal(person_error(&person), KR_MALFORMED);
}

/* With a key a card is of version 2, and a card of either version has one form. */
static void keys_stand_on_cards(void **state)
{
    uint8_t low[3][32] = {{0}, {1}}; /* and p - 1 */
    uint8_t key[32], secret[32];
    struct kr_body_card body = good_body(), read_body;
    struct kr_person_card person = good_person(), read_person;
    struct kr_writer writer;
    (void)state;
    memset(low[2], 0xff, 32);
    low[2][0] = 0xec;
    low[2][31] = 0x7f;
    kr_box_keypair(key, secret, other);
    body.key = person.key = slice(key, 32);
    body.key_since_s = person.key_since_s = 77;
    assert_int_equal(body_error(&body), KR_OK);
    assert_int_equal(person_error(&person), KR_OK);
    kr_writer_init(&writer, 4 * KR_KIB);
    kr_body_card_write(&body, &writer);
    assert_true(writer.bytes[0] == 0x9c && writer.bytes[1] == 2);
    assert_int_equal(kr_body_card_parse(slice(writer.bytes, writer.len), &read_body), KR_OK);
    assert_slice_equal(read_body.key, key, 32);
    assert_true(read_body.key_since_s == 77 && read_body.is_listed);
    writer.bytes[1] = 1; /* as if the one before had so many fields */
    assert_int_equal(kr_body_card_parse(slice(writer.bytes, writer.len), &read_body), KR_MALFORMED);
    writer.bytes[1] = 3;
    assert_int_equal(kr_body_card_parse(slice(writer.bytes, writer.len), &read_body), KR_VERSION);
    kr_writer_deinit(&writer);
    kr_writer_init(&writer, 4 * KR_KIB);
    kr_person_card_write(&person, &writer);
    assert_int_equal(kr_person_card_parse(slice(writer.bytes, writer.len), &read_person), KR_OK);
    assert_slice_equal(read_person.key, key, 32);
    assert_int_equal(read_person.key_since_s, 77);
    kr_writer_deinit(&writer);
    for (size_t i = 0; i < sizeof low / sizeof low[0]; i++) { /* points of low order: whoever reads the card could open all */
        body.key = person.key = slice(low[i], 32);
        assert_int_equal(body_error(&body), KR_MALFORMED);
        assert_int_equal(person_error(&person), KR_MALFORMED);
    }
}

static void copies_of_keys_read_back(void **state)
{
    static const uint8_t seed[32] = {6};
    struct kr_body_key copy = {.body = {1}, .person = slice(other, 32), .slot = {5}, .by = slice(other, 32)}, read;
    uint8_t secret[32];
    struct kr_writer writer, again;
    (void)state;
    kr_box_keypair(copy.key, secret, other);
    kr_box_keypair(copy.to, secret, seed);
    kr_writer_init(&writer, KR_KIB);
    kr_body_key_write(&copy, &writer);
    assert_int_equal(kr_body_key_parse(slice(writer.bytes, writer.len), &read), KR_OK);
    assert_true(read.body[0] == 1 && read.slot[0] == 5 && memcmp(read.key, copy.key, 32) == 0 && memcmp(read.to, copy.to, 32) == 0);
    assert_memory_equal(kr_body_key_subject(&read), other, 32);
    kr_writer_init(&again, KR_KIB);
    kr_body_key_write(&read, &again);
    assert_slice_equal(slice(again.bytes, again.len), writer.bytes, writer.len);
    for (size_t len = 0; len < writer.len; len++) {
        assert_int_equal(kr_body_key_parse(slice(writer.bytes, len), &read), KR_MALFORMED);
    }
    kr_writer_deinit(&writer);
    kr_writer_deinit(&again);
    copy.person = slice(NULL, 0);
    assert_ptr_equal(kr_body_key_subject(&copy), copy.key);
    memset(copy.to, 0, 32);
    kr_writer_init(&writer, KR_KIB);
    kr_body_key_write(&copy, &writer);
    assert_int_equal(kr_body_key_parse(slice(writer.bytes, writer.len), &read), KR_MALFORMED); /* sealed to everybody */
    kr_writer_deinit(&writer);
}

static void roles_have_names(void **state)
{
    (void)state;
    for (uint32_t role = 1; role <= KR_ROLE_ADMIN; role <<= 1) {
        const char *name = kr_role_name(role);
        assert_non_null(name);
        assert_int_equal(kr_role_named(name, strlen(name)), role);
        assert_int_equal(kr_role_named(name, strlen(name) - 1), 0);
    }
    assert_string_equal(kr_role_name(KR_ROLE_APPROVER), "approver");
    assert_null(kr_role_name(3));
    assert_null(kr_role_name(KR_ROLES_ALL + 1));
}

/* A body card of our own council fits into a record that is sealed to it; a statement would not. */
static void cards_are_sealed_records_of_their_own_kinds(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < 64; kind++) {
        const bool is_card = kind == KR_KIND_BODY_CARD || kind == KR_KIND_PERSON_CARD || kind == KR_KIND_BODY_KEY ||
                             kind == KR_KIND_DRAFT || kind == KR_KIND_PEER_LINK || kind == KR_KIND_PEER_ROOT ||
                             kind == KR_KIND_DUTY || kind == KR_KIND_TICKET;
        assert_int_equal(kr_kind_is_internal(kind), is_card);
        assert_false(kr_kind_is_internal(kind) && kr_kind_is_statement(kind));
        assert_true(!is_card || (kr_kind_is_replaceable(kind) && strcmp(kr_kind_name(kind), "unknown") != 0));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_read_back),
        cmocka_unit_test(persons_read_back),
        cmocka_unit_test(cards_that_cannot_be_are_refused),
        cmocka_unit_test(keys_stand_on_cards),
        cmocka_unit_test(copies_of_keys_read_back),
        cmocka_unit_test(roles_have_names),
        cmocka_unit_test(cards_are_sealed_records_of_their_own_kinds),
    };
    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
