#include "node/core/people.h"

#include <string.h>

#include "node/core/body_key.h"

#define ROW_KEY_BYTES 33u

/* ---- rows ---- */

static void row_key(uint8_t ret_key[static ROW_KEY_BYTES], uint32_t kind, const uint8_t id[static 32])
{
    ret_key[0] = kind == KR_KIND_BODY_CARD ? 'B' : 'P';
    memcpy(ret_key + 1, id, 32);
}

enum kr_err kr_machine_get(struct kr_txn *txn, struct kr_machine *ret_machine)
{
    struct kr_machine machine;
    struct kr_reader reader;
    uint8_t value[64];
    size_t len;
    enum kr_err err = kr_store_get(txn, KR_TABLE_DRAFTS, "M", 1, value, sizeof value, &len);
    if (err != KR_OK) {
        return err == KR_BOUNDS ? KR_CORRUPT : err;
    }
    kr_reader_init(&reader, value, len);
    kr_reader_array(&reader, 2);
    kr_reader_fixed(&reader, machine.name, sizeof machine.name);
    machine.persons = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return KR_CORRUPT;
    }
    *ret_machine = machine;
    return KR_OK;
}

enum kr_err kr_machine_put(struct kr_txn *txn, const struct kr_machine *machine)
{
    struct kr_writer writer;
    kr_writer_init(&writer, 64);
    kr_writer_array(&writer, 2);
    kr_writer_bin(&writer, machine->name, sizeof machine->name);
    kr_writer_uint(&writer, machine->persons);
    return kr_store_put_writer(txn, KR_TABLE_DRAFTS, "M", 1, &writer);
}

static enum kr_err read_row(struct kr_slice value, uint64_t *ret_version, uint64_t *ret_changed_ms, struct kr_slice *ret_content)
{
    struct kr_reader reader;
    kr_reader_init(&reader, value.bytes, value.len);
    kr_reader_array(&reader, 3);
    *ret_version = kr_reader_uint(&reader, UINT64_MAX);
    *ret_changed_ms = kr_reader_uint(&reader, UINT64_MAX);
    *ret_content = kr_reader_bin(&reader, 1, KR_PEOPLE_BYTES_MAX);
    kr_reader_close(&reader);
    return kr_reader_end(&reader) == KR_OK ? KR_OK : KR_CORRUPT;
}

enum kr_err kr_body_row_read(struct kr_slice value, struct kr_body_row *ret_row)
{
    if (value.len > sizeof ret_row->bytes) {
        return KR_CORRUPT;
    }
    if (value.bytes != ret_row->bytes) {
        memcpy(ret_row->bytes, value.bytes, value.len);
    }
    enum kr_err err =
        read_row((struct kr_slice){ret_row->bytes, value.len}, &ret_row->version, &ret_row->changed_ms, &ret_row->content);
    return err == KR_OK && kr_body_card_parse(ret_row->content, &ret_row->card) != KR_OK ? KR_CORRUPT : err;
}

enum kr_err kr_person_row_read(struct kr_slice value, struct kr_person_row *ret_row)
{
    if (value.len > sizeof ret_row->bytes) {
        return KR_CORRUPT;
    }
    if (value.bytes != ret_row->bytes) {
        memcpy(ret_row->bytes, value.bytes, value.len);
    }
    enum kr_err err =
        read_row((struct kr_slice){ret_row->bytes, value.len}, &ret_row->version, &ret_row->changed_ms, &ret_row->content);
    return err == KR_OK && kr_person_card_parse(ret_row->content, &ret_row->card) != KR_OK ? KR_CORRUPT : err;
}

static enum kr_err get_row(struct kr_txn *txn, uint32_t kind, const uint8_t id[static 32], uint8_t *ret_bytes, size_t *ret_len)
{
    uint8_t key[ROW_KEY_BYTES];
    row_key(key, kind, id);
    enum kr_err err = kr_store_get(txn, KR_TABLE_DRAFTS, key, sizeof key, ret_bytes, KR_PEOPLE_BYTES_MAX, ret_len);
    return err == KR_BOUNDS ? KR_CORRUPT : err;
}

enum kr_err kr_body_get(struct kr_txn *txn, const uint8_t id[static 32], struct kr_body_row *ret_row)
{
    size_t len = 0;
    enum kr_err err = get_row(txn, KR_KIND_BODY_CARD, id, ret_row->bytes, &len);
    return err == KR_OK ? kr_body_row_read((struct kr_slice){ret_row->bytes, len}, ret_row) : err;
}

enum kr_err kr_person_get(struct kr_txn *txn, const uint8_t id[static 32], struct kr_person_row *ret_row)
{
    size_t len = 0;
    enum kr_err err = get_row(txn, KR_KIND_PERSON_CARD, id, ret_row->bytes, &len);
    return err == KR_OK ? kr_person_row_read((struct kr_slice){ret_row->bytes, len}, ret_row) : err;
}

struct walk {
    kr_store_visit *visit;
    void *context;
    const uint8_t *after;
};

static bool visit_one(void *context, struct kr_slice key, struct kr_slice value)
{
    const struct walk *walk = context;
    if (key.len != ROW_KEY_BYTES || (walk->after != NULL && memcmp(key.bytes + 1, walk->after, 32) == 0)) {
        return true;
    }
    return walk->visit(walk->context, (struct kr_slice){key.bytes + 1, 32}, value);
}

enum kr_err kr_people_each(struct kr_txn *txn, uint32_t kind, const uint8_t *after, kr_store_visit *visit, void *context)
{
    static const uint8_t first[32];
    struct walk walk = {visit, context, after};
    uint8_t from[ROW_KEY_BYTES];
    uint32_t damaged;
    row_key(from, kind, after != NULL ? after : first);
    return kr_store_each_from(txn, KR_TABLE_DRAFTS, (struct kr_slice){from, sizeof from}, 1, visit_one, &walk, &damaged);
}

/* ---- credentials ---- */

size_t kr_credential_key(uint8_t *ret_key, uint32_t kind, struct kr_slice bytes)
{
    KR_ASSERT(bytes.len <= KR_CREDENTIAL_BYTES_MAX);
    ret_key[0] = 'U';
    ret_key[1] = (uint8_t)kind;
    memcpy(ret_key + 2, bytes.bytes, bytes.len);
    return 2 + bytes.len;
}

void kr_credential_user(uint8_t ret_bytes[static KR_CREDENTIAL_USER_BYTES], const struct kr_machine *machine, uint32_t uid)
{
    memcpy(ret_bytes, machine->name, KR_MACHINE_BYTES);
    for (unsigned i = 0; i < 4; i++) {
        ret_bytes[KR_MACHINE_BYTES + i] = (uint8_t)(uid >> (24 - 8 * i));
    }
}

enum kr_err kr_credential_persons(struct kr_txn *txn, uint32_t kind, struct kr_slice bytes, uint8_t (*ret_persons)[32],
                                  uint32_t *ret_count)
{
    uint8_t key[KR_CREDENTIAL_KEY_BYTES_MAX], value[KR_CREDENTIAL_PERSONS * 34u + 8u];
    struct kr_reader reader;
    size_t len;
    const size_t key_len = kr_credential_key(key, kind, bytes);
    *ret_count = 0;
    enum kr_err err = kr_store_get(txn, KR_TABLE_DRAFTS, key, key_len, value, sizeof value, &len);
    if (err != KR_OK) {
        return err == KR_NOT_FOUND ? KR_OK : err == KR_BOUNDS ? KR_CORRUPT : err;
    }
    kr_reader_init(&reader, value, len);
    const uint32_t count = kr_reader_array_between(&reader, 0, KR_CREDENTIAL_PERSONS);
    for (uint32_t i = 0; i < count; i++) {
        kr_reader_fixed(&reader, ret_persons[i], 32);
    }
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return KR_CORRUPT;
    }
    *ret_count = count;
    return KR_OK;
}

static enum kr_err put_persons(struct kr_txn *txn, const struct kr_credential *credential, uint8_t (*persons)[32], uint32_t count)
{
    uint8_t key[KR_CREDENTIAL_KEY_BYTES_MAX];
    struct kr_writer writer;
    const size_t key_len = kr_credential_key(key, credential->kind, credential->bytes);
    if (count == 0) {
        enum kr_err err = kr_store_delete(txn, KR_TABLE_DRAFTS, key, key_len);
        return err == KR_NOT_FOUND ? KR_OK : err;
    }
    kr_writer_init(&writer, KR_KIB);
    kr_writer_array(&writer, count);
    for (uint32_t i = 0; i < count; i++) {
        kr_writer_bin(&writer, persons[i], 32);
    }
    return kr_store_put_writer(txn, KR_TABLE_DRAFTS, key, key_len, &writer);
}

static bool is_usable(const struct kr_credential *credential)
{
    return credential->kind == KR_CREDENTIAL_USER || credential->kind == KR_CREDENTIAL_KEY; /* a newer one has no row here */
}

static bool names(const struct kr_person_card *card, const struct kr_credential *credential)
{
    for (uint32_t i = 0; i < card->credential_count && card->standing != KR_STANDING_ENDED; i++) {
        const struct kr_credential *other = &card->credentials[i];
        if (other->kind == credential->kind && other->bytes.len == credential->bytes.len &&
            memcmp(other->bytes.bytes, credential->bytes.bytes, credential->bytes.len) == 0) {
            return true;
        }
    }
    return false;
}

struct naming {
    const struct kr_credential *credential;
    const uint8_t *person; /* passed over */
    uint8_t (*persons)[32];
    uint32_t count;
};

static bool find_naming(void *context, struct kr_slice id, struct kr_slice value)
{
    static _Thread_local struct kr_person_row row;
    struct naming *naming = context;
    if (memcmp(id.bytes, naming->person, 32) != 0 && kr_person_row_read(value, &row) == KR_OK &&
        names(&row.card, naming->credential)) {
        memcpy(naming->persons[naming->count++], id.bytes, 32);
    }
    return naming->count < KR_CREDENTIAL_PERSONS;
}

/* The person stands in the credential's row, or does no more. Two nodes of one council may each have entered some, so that there
 * are more than a row holds: it holds those with the lowest ids, whatever came first. */
static enum kr_err set_person(struct kr_txn *txn, const struct kr_credential *credential, const uint8_t person[static 32],
                              bool is_in)
{
    uint8_t persons[KR_CREDENTIAL_PERSONS + 1][32];
    uint32_t count = 0, kept = 0;
    enum kr_err err = kr_credential_persons(txn, credential->kind, credential->bytes, persons, &count);
    if (err == KR_OK && !is_in && count == KR_CREDENTIAL_PERSONS) { /* one more may name it */
        struct naming naming = {.credential = credential, .person = person, .persons = persons};
        err = kr_people_each(txn, KR_KIND_PERSON_CARD, NULL, find_naming, &naming);
        return err == KR_OK ? put_persons(txn, credential, persons, naming.count) : err;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(persons[i], person, 32) != 0) {
            memmove(persons[kept++], persons[i], 32);
        }
    }
    if (is_in) {
        uint32_t at = kept++;
        for (; at > 0 && memcmp(persons[at - 1], person, 32) > 0; at--) {
            memcpy(persons[at], persons[at - 1], 32);
        }
        memcpy(persons[at], person, 32);
    }
    kept = kept <= KR_CREDENTIAL_PERSONS ? kept : KR_CREDENTIAL_PERSONS;
    return err == KR_OK ? put_persons(txn, credential, persons, kept) : err;
}

/* ---- taking cards ---- */

struct count {
    uint32_t count, max;
};

static bool count_one(void *context, struct kr_slice key, struct kr_slice value)
{
    struct count *count = context;
    (void)key;
    (void)value;
    return ++count->count < count->max;
}

static enum kr_err has_room(struct kr_txn *txn, uint32_t kind)
{
    struct count count = {.max = kind == KR_KIND_BODY_CARD ? KR_BODIES_MAX : KR_PERSONS_MAX};
    enum kr_err err = kr_people_each(txn, kind, NULL, count_one, &count);
    return err != KR_OK ? err : count.count < count.max ? KR_OK : KR_BOUNDS;
}

static bool overlap(const struct kr_person_card *a, const struct kr_person_card *b)
{
    return (a->until_s == 0 || b->from_s < a->until_s) && (b->until_s == 0 || a->from_s < b->until_s);
}

/* One user is one person at a time. Cards that were over at `over_s` are not counted: they can be freed (0: all are). */
static enum kr_err credential_fits(struct kr_txn *txn, const struct kr_person_card *card, const struct kr_credential *credential,
                                   const uint8_t person[static 32], uint64_t over_s)
{
    static _Thread_local struct kr_person_row other;
    uint8_t persons[KR_CREDENTIAL_PERSONS][32];
    uint32_t count = 0, others = 0;
    enum kr_err err = kr_credential_persons(txn, credential->kind, credential->bytes, persons, &count);
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        if (memcmp(persons[i], person, 32) == 0) {
            continue;
        }
        err = kr_person_get(txn, persons[i], &other);
        if (err == KR_OK && overlap(card, &other.card)) {
            return KR_EXISTS;
        }
        others += err != KR_OK || other.card.until_s == 0 || other.card.until_s > over_s;
    }
    return err != KR_OK ? err : others < KR_CREDENTIAL_PERSONS ? KR_OK : KR_BOUNDS;
}

static enum kr_err person_fits(struct kr_txn *txn, const struct kr_header *header, struct kr_slice content, bool is_new,
                               uint64_t over_s)
{
    static _Thread_local struct kr_body_row body;
    struct kr_person_card card;
    enum kr_err err = kr_person_card_parse(content, &card);
    if (err == KR_OK) {
        err = kr_body_get(txn, card.body, &body);
    }
    if (err == KR_OK && is_new && body.card.standing == KR_STANDING_ENDED) {
        err = KR_EXPIRED;
    }
    for (uint32_t i = 0; i < card.credential_count && err == KR_OK && card.standing != KR_STANDING_ENDED; i++) {
        if (is_usable(&card.credentials[i])) {
            err = credential_fits(txn, &card, &card.credentials[i], header->subject, over_s);
        }
    }
    return err;
}

enum kr_err kr_people_check(const struct kr_header *header, struct kr_slice content)
{
    struct kr_body_card body;
    struct kr_person_card person;
    if (header->kind == KR_KIND_BODY_KEY) {
        return kr_body_key_check(header, content);
    }
    if (!header->has_subject || header->has_community || content.len > KR_PEOPLE_BYTES_MAX - 64u) {
        return KR_MALFORMED;
    }
    const enum kr_err err =
        header->kind == KR_KIND_BODY_CARD ? kr_body_card_parse(content, &body) : kr_person_card_parse(content, &person);
    return err == KR_OK ? KR_OK : KR_MALFORMED;
}

enum kr_err kr_people_fit_once_freed(struct kr_txn *txn, const struct kr_header *header, struct kr_slice content, uint64_t over_s)
{
    uint8_t bytes[KR_PEOPLE_BYTES_MAX];
    size_t len;
    enum kr_err err = kr_people_check(header, content);
    if (err != KR_OK || header->kind == KR_KIND_BODY_KEY) {
        return err == KR_OK ? kr_body_key_fits(txn, content) : err;
    }
    err = get_row(txn, header->kind, header->subject, bytes, &len);
    const bool is_new = err == KR_NOT_FOUND;
    if (is_new) {
        err = has_room(txn, header->kind);
    }
    return err == KR_OK && header->kind == KR_KIND_PERSON_CARD ? person_fits(txn, header, content, is_new, over_s) : err;
}

enum kr_err kr_people_fits(struct kr_txn *txn, const struct kr_header *header, struct kr_slice content)
{
    return kr_people_fit_once_freed(txn, header, content, 0);
}

static bool has_keys(const struct kr_person_card *card)
{
    bool is_found = false;
    for (uint32_t i = 0; i < card->credential_count; i++) {
        is_found = is_found || card->credentials[i].kind == KR_CREDENTIAL_KEY;
    }
    return is_found;
}

static enum kr_err take_credentials(struct kr_txn *txn, const struct kr_header *header, struct kr_slice content, bool *ret_keys)
{
    static _Thread_local struct kr_person_row old;
    struct kr_person_card card;
    enum kr_err err = kr_person_card_parse(content, &card);
    if (err != KR_OK) {
        return err;
    }
    err = kr_person_get(txn, header->subject, &old);
    const bool is_new = err == KR_NOT_FOUND;
    *ret_keys = has_keys(&card) || (err == KR_OK && has_keys(&old.card));
    for (uint32_t i = 0; err == KR_OK && i < old.card.credential_count; i++) {
        if (is_usable(&old.card.credentials[i]) && !names(&card, &old.card.credentials[i])) {
            err = set_person(txn, &old.card.credentials[i], header->subject, false);
        }
    }
    err = is_new ? KR_OK : err;
    for (uint32_t i = 0; err == KR_OK && i < card.credential_count && card.standing != KR_STANDING_ENDED; i++) {
        if (is_usable(&card.credentials[i])) {
            err = set_person(txn, &card.credentials[i], header->subject, true);
        }
    }
    if (err == KR_OK && is_new) {
        struct kr_machine machine;
        err = kr_machine_get(txn, &machine);
        if (err == KR_OK) {
            machine.persons++;
            err = kr_machine_put(txn, &machine);
        }
    }
    return err;
}

enum kr_err kr_people_take(struct kr_txn *txn, const struct kr_header *header, struct kr_slice content, bool *ret_keys)
{
    uint8_t key[ROW_KEY_BYTES];
    struct kr_writer writer;
    *ret_keys = false;
    if (header->kind == KR_KIND_BODY_KEY) {
        return kr_body_key_take(txn, content);
    }
    enum kr_err err = header->kind == KR_KIND_PERSON_CARD ? take_credentials(txn, header, content, ret_keys) : KR_OK;
    if (err != KR_OK) {
        return err;
    }
    row_key(key, header->kind, header->subject);
    kr_writer_init(&writer, KR_PEOPLE_BYTES_MAX);
    kr_writer_array(&writer, 3);
    kr_writer_uint(&writer, header->version);
    kr_writer_uint(&writer, header->created_ms);
    kr_writer_slice(&writer, content);
    return kr_store_put_writer(txn, KR_TABLE_DRAFTS, key, sizeof key, &writer);
}

static enum kr_err drop_person(struct kr_txn *txn, const uint8_t id[static 32], bool *ret_keys)
{
    static _Thread_local struct kr_person_row row;
    struct kr_machine machine;
    enum kr_err err = kr_person_get(txn, id, &row);
    *ret_keys = err == KR_OK && has_keys(&row.card);
    for (uint32_t i = 0; err == KR_OK && i < row.card.credential_count; i++) {
        if (is_usable(&row.card.credentials[i])) {
            err = set_person(txn, &row.card.credentials[i], id, false);
        }
    }
    if (err == KR_OK) {
        err = kr_machine_get(txn, &machine);
    }
    if (err == KR_OK && machine.persons > 0) {
        machine.persons--;
        err = kr_machine_put(txn, &machine);
    }
    return err;
}

enum kr_err kr_people_drop(struct kr_txn *txn, const struct kr_header *header, struct kr_slice content, bool *ret_keys)
{
    uint8_t key[ROW_KEY_BYTES];
    *ret_keys = false;
    if (header->kind == KR_KIND_BODY_KEY) {
        return kr_body_key_drop(txn, content);
    }
    enum kr_err err = header->kind == KR_KIND_PERSON_CARD ? drop_person(txn, header->subject, ret_keys) : KR_OK;
    if (err == KR_OK) {
        row_key(key, header->kind, header->subject);
        err = kr_store_delete(txn, KR_TABLE_DRAFTS, key, sizeof key);
    }
    return err == KR_NOT_FOUND ? KR_OK : err;
}
