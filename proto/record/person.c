#include "proto/record/person.h"

#include <string.h>

#include "crypto/sign.h"

#define CARD_VERSION     1u /* without a key */
#define CARD_VERSION_KEY 2u /* with one: two more fields */
#define BODY_FIELDS      10u
#define PERSON_FIELDS    14u
#define KEY_FIELDS       2u
#define BODY_KEY_FIELDS  8u
#define BODY_KEY_VERSION 1u

/* Whether the card has a key behind its `fields` other fields. */
static bool begin_card(struct kr_reader *reader, uint32_t fields)
{
    const uint32_t count = kr_reader_array_between(reader, fields, fields + KEY_FIELDS);
    const uint64_t version = kr_reader_uint(reader, UINT32_MAX);
    if (reader->err == KR_OK && version != CARD_VERSION && version != CARD_VERSION_KEY) {
        kr_reader_fail(reader, KR_VERSION);
    }
    if (reader->err == KR_OK && count != (version == CARD_VERSION ? fields : fields + KEY_FIELDS)) {
        kr_reader_fail(reader, KR_MALFORMED);
    }
    return version == CARD_VERSION_KEY;
}

static void begin_writing(struct kr_writer *writer, uint32_t fields, struct kr_slice key)
{
    kr_writer_array(writer, key.len > 0 ? fields + KEY_FIELDS : fields);
    kr_writer_uint(writer, key.len > 0 ? CARD_VERSION_KEY : CARD_VERSION);
}

static void read_key(struct kr_reader *reader, bool has_key, struct kr_slice *ret_key, uint64_t *ret_since_s)
{
    *ret_key = (struct kr_slice){0};
    *ret_since_s = 0;
    if (has_key) {
        *ret_key = kr_reader_bin(reader, 32, 32);
        *ret_since_s = kr_reader_uint(reader, UINT64_MAX);
    }
    if (has_key && reader->err == KR_OK && kr_box_public_check(ret_key->bytes) != KR_OK) {
        kr_reader_fail(reader, KR_MALFORMED); /* whatever is sealed to such a key is sealed to everybody */
    }
}

static void write_key(struct kr_writer *writer, struct kr_slice key, uint64_t since_s)
{
    if (key.len > 0) {
        kr_writer_slice(writer, key);
        kr_writer_uint(writer, since_s);
    }
}

static uint32_t read_standing(struct kr_reader *reader)
{
    const uint32_t standing = (uint32_t)kr_reader_uint(reader, KR_STANDING_ENDED);
    if (standing < KR_STANDING_ACTIVE) {
        kr_reader_fail(reader, KR_MALFORMED);
    }
    return standing;
}

enum kr_err kr_body_card_parse(struct kr_slice content, struct kr_body_card *ret_card)
{
    struct kr_reader reader;
    struct kr_body_card card;
    kr_reader_init(&reader, content.bytes, content.len);
    const bool has_key = begin_card(&reader, BODY_FIELDS);
    card.name_ja = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    card.name_en = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    card.contact_name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    card.contact_mail = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    card.contact_telephone = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    card.standing = read_standing(&reader);
    card.is_listed = kr_reader_flag(&reader);
    card.by = kr_reader_bin_or_empty(&reader, 32);
    card.previous = kr_reader_bin_or_empty(&reader, 32);
    read_key(&reader, has_key, &card.key, &card.key_since_s);
    kr_reader_close(&reader);
    if (reader.err == KR_OK && card.name_ja.len + card.name_en.len == 0) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_card = card;
    }
    return err;
}

void kr_body_card_write(const struct kr_body_card *card, struct kr_writer *writer)
{
    begin_writing(writer, BODY_FIELDS, card->key);
    kr_writer_str_slice(writer, card->name_ja);
    kr_writer_str_slice(writer, card->name_en);
    kr_writer_str_slice(writer, card->contact_name);
    kr_writer_str_slice(writer, card->contact_mail);
    kr_writer_str_slice(writer, card->contact_telephone);
    kr_writer_uint(writer, card->standing);
    kr_writer_flag(writer, card->is_listed);
    kr_writer_slice(writer, card->by);
    kr_writer_slice(writer, card->previous);
    write_key(writer, card->key, card->key_since_s);
}

static void read_credentials(struct kr_reader *reader, struct kr_person_card *card)
{
    card->credential_count = kr_reader_array_between(reader, 0, KR_CREDENTIALS_MAX);
    for (uint32_t i = 0; i < card->credential_count; i++) {
        struct kr_credential *credential = &card->credentials[i];
        kr_reader_array(reader, 2);
        credential->kind = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
        credential->bytes = kr_reader_bin(reader, 1, KR_CREDENTIAL_BYTES_MAX);
        kr_reader_close(reader);
        const bool is_short = (credential->kind == KR_CREDENTIAL_USER && credential->bytes.len != KR_CREDENTIAL_USER_BYTES) ||
                              (credential->kind == KR_CREDENTIAL_KEY && credential->bytes.len != KR_CREDENTIAL_KEY_BYTES);
        if (reader->err == KR_OK && is_short) {
            kr_reader_fail(reader, KR_MALFORMED);
        }
    }
    kr_reader_close(reader);
}

static void read_stands_for(struct kr_reader *reader, struct kr_person_card *card)
{
    card->stands_for_count = kr_reader_array_between(reader, 0, KR_STANDS_FOR_MAX);
    for (uint32_t i = 0; i < card->stands_for_count; i++) {
        kr_reader_array(reader, 2);
        kr_reader_fixed(reader, card->stands_for[i].person, 32);
        card->stands_for[i].until_s = kr_reader_uint(reader, UINT64_MAX);
        kr_reader_close(reader);
    }
    kr_reader_close(reader);
}

enum kr_err kr_person_card_parse(struct kr_slice content, struct kr_person_card *ret_card)
{
    struct kr_reader reader;
    struct kr_person_card card = {0};
    kr_reader_init(&reader, content.bytes, content.len);
    const bool has_key = begin_card(&reader, PERSON_FIELDS);
    kr_reader_fixed(&reader, card.body, 32);
    card.name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    card.mail = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    card.telephone = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    card.roles = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    card.standing = read_standing(&reader);
    card.is_contractor = kr_reader_flag(&reader);
    card.from_s = kr_reader_uint(&reader, UINT64_MAX);
    card.until_s = kr_reader_uint(&reader, UINT64_MAX);
    read_credentials(&reader, &card);
    read_stands_for(&reader, &card);
    card.by = kr_reader_bin_or_empty(&reader, 32);
    card.previous = kr_reader_bin_or_empty(&reader, 32);
    read_key(&reader, has_key, &card.key, &card.key_since_s);
    kr_reader_close(&reader);
    const bool is_backwards = card.until_s != 0 && card.until_s <= card.from_s;
    if (reader.err == KR_OK && (card.name.len == 0 || is_backwards || (card.is_contractor && card.until_s == 0))) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_card = card;
    }
    return err;
}

void kr_person_card_write(const struct kr_person_card *card, struct kr_writer *writer)
{
    begin_writing(writer, PERSON_FIELDS, card->key);
    kr_writer_bin(writer, card->body, 32);
    kr_writer_str_slice(writer, card->name);
    kr_writer_str_slice(writer, card->mail);
    kr_writer_str_slice(writer, card->telephone);
    kr_writer_uint(writer, card->roles);
    kr_writer_uint(writer, card->standing);
    kr_writer_flag(writer, card->is_contractor);
    kr_writer_uint(writer, card->from_s);
    kr_writer_uint(writer, card->until_s);
    kr_writer_array(writer, card->credential_count);
    for (uint32_t i = 0; i < card->credential_count; i++) {
        kr_writer_array(writer, 2);
        kr_writer_uint(writer, card->credentials[i].kind);
        kr_writer_slice(writer, card->credentials[i].bytes);
    }
    kr_writer_array(writer, card->stands_for_count);
    for (uint32_t i = 0; i < card->stands_for_count; i++) {
        kr_writer_array(writer, 2);
        kr_writer_bin(writer, card->stands_for[i].person, 32);
        kr_writer_uint(writer, card->stands_for[i].until_s);
    }
    kr_writer_slice(writer, card->by);
    kr_writer_slice(writer, card->previous);
    write_key(writer, card->key, card->key_since_s);
}

enum kr_err kr_body_key_parse(struct kr_slice content, struct kr_body_key *ret_key)
{
    struct kr_reader reader;
    struct kr_body_key key;
    kr_reader_init(&reader, content.bytes, content.len);
    kr_reader_array(&reader, BODY_KEY_FIELDS);
    const uint64_t version = kr_reader_uint(&reader, UINT32_MAX);
    if (reader.err == KR_OK && version != BODY_KEY_VERSION) {
        kr_reader_fail(&reader, KR_VERSION);
    }
    kr_reader_fixed(&reader, key.body, sizeof key.body);
    kr_reader_fixed(&reader, key.key, sizeof key.key);
    key.person = kr_reader_bin_or_empty(&reader, 32);
    kr_reader_fixed(&reader, key.to, sizeof key.to);
    kr_reader_fixed(&reader, key.slot, sizeof key.slot);
    key.by = kr_reader_bin_or_empty(&reader, 32);
    key.previous = kr_reader_bin_or_empty(&reader, 32);
    kr_reader_close(&reader);
    if (reader.err == KR_OK && (kr_box_public_check(key.key) != KR_OK || kr_box_public_check(key.to) != KR_OK)) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_key = key;
    }
    return err;
}

void kr_body_key_write(const struct kr_body_key *key, struct kr_writer *writer)
{
    kr_writer_array(writer, BODY_KEY_FIELDS);
    kr_writer_uint(writer, BODY_KEY_VERSION);
    kr_writer_bin(writer, key->body, sizeof key->body);
    kr_writer_bin(writer, key->key, sizeof key->key);
    kr_writer_slice(writer, key->person);
    kr_writer_bin(writer, key->to, sizeof key->to);
    kr_writer_bin(writer, key->slot, sizeof key->slot);
    kr_writer_slice(writer, key->by);
    kr_writer_slice(writer, key->previous);
}

const uint8_t *kr_body_key_subject(const struct kr_body_key *key)
{
    return key->person.len > 0 ? key->person.bytes : key->key;
}

static const char *const role_names[KR_ROLES_COUNT] = {"reader", "analyst", "approver", "intake", "admin"};

const char *kr_role_name(uint32_t role)
{
    for (uint32_t i = 0; i < KR_ROLES_COUNT; i++) {
        if (role == 1u << i) {
            return role_names[i];
        }
    }
    return NULL;
}

uint32_t kr_role_named(const char *name, size_t len)
{
    for (uint32_t i = 0; i < KR_ROLES_COUNT; i++) {
        if (strlen(role_names[i]) == len && memcmp(role_names[i], name, len) == 0) {
            return 1u << i;
        }
    }
    return 0;
}
