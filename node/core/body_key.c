#include "node/core/body_key.h"

#include <string.h>

#define ROW_KEY_BYTES 65u

/* ---- rows ---- */

static void row_key(uint8_t ret_key[static ROW_KEY_BYTES], const uint8_t body[static 32], const uint8_t *subject)
{
    static const uint8_t first[32];
    ret_key[0] = 'W';
    memcpy(ret_key + 1, body, 32);
    memcpy(ret_key + 33, subject != NULL ? subject : first, 32);
}

enum kr_err kr_body_key_get(struct kr_txn *txn, const uint8_t body[static 32], const uint8_t subject[static 32],
                            uint8_t bytes[static KR_BODY_KEY_BYTES_MAX], struct kr_body_key *ret_key)
{
    uint8_t key[ROW_KEY_BYTES];
    size_t len = 0;
    row_key(key, body, subject);
    enum kr_err err = kr_store_get(txn, KR_TABLE_DRAFTS, key, sizeof key, bytes, KR_BODY_KEY_BYTES_MAX, &len);
    if (err == KR_OK) {
        err = kr_body_key_parse((struct kr_slice){bytes, len}, ret_key);
    }
    return err == KR_OK || err == KR_NOT_FOUND || err == KR_NOMEM || err == KR_IO ? err : KR_CORRUPT;
}

struct walk {
    kr_body_key_visit *visit;
    void *context;
    const uint8_t *after;
};

static bool visit_one(void *context, struct kr_slice key, struct kr_slice value)
{
    const struct walk *walk = context;
    struct kr_body_key copy;
    if (key.len != ROW_KEY_BYTES || (walk->after != NULL && memcmp(key.bytes + 33, walk->after, 32) == 0) ||
        kr_body_key_parse(value, &copy) != KR_OK) {
        return true;
    }
    return walk->visit(walk->context, &copy);
}

enum kr_err kr_body_keys_each(struct kr_txn *txn, const uint8_t body[static 32], const uint8_t *after, kr_body_key_visit *visit,
                              void *context)
{
    struct walk walk = {visit, context, after};
    uint8_t from[ROW_KEY_BYTES];
    uint32_t damaged;
    row_key(from, body, after);
    return kr_store_each_from(txn, KR_TABLE_DRAFTS, (struct kr_slice){from, sizeof from}, 33, visit_one, &walk, &damaged);
}

/* ---- taking copies ---- */

struct count {
    uint32_t count;
};

static bool count_before(void *context, const struct kr_body_key *key)
{
    struct count *count = context;
    count->count += key->person.len == 0;
    return count->count < KR_BODY_KEYS_MAX;
}

/* A person's copy is of that person's body; of keys before there are so many. */
static enum kr_err copy_fits(struct kr_txn *txn, const struct kr_body_key *key)
{
    static _Thread_local struct kr_person_row person;
    uint8_t bytes[KR_BODY_KEY_BYTES_MAX];
    struct kr_body_key old;
    struct count count = {0};
    if (key->person.len > 0) {
        enum kr_err err = kr_person_get(txn, key->person.bytes, &person);
        return err == KR_OK && memcmp(person.card.body, key->body, 32) != 0 ? KR_MALFORMED : err;
    }
    enum kr_err err = kr_body_key_get(txn, key->body, key->key, bytes, &old);
    if (err != KR_NOT_FOUND) {
        return err;
    }
    err = kr_body_keys_each(txn, key->body, NULL, count_before, &count);
    return err != KR_OK ? err : count.count < KR_BODY_KEYS_MAX ? KR_OK : KR_BOUNDS;
}

enum kr_err kr_body_key_check(const struct kr_header *header, struct kr_slice content)
{
    struct kr_body_key key;
    return !header->has_subject || header->has_community || kr_body_key_parse(content, &key) != KR_OK ||
                   memcmp(header->subject, kr_body_key_subject(&key), 32) != 0
               ? KR_MALFORMED
               : KR_OK;
}

enum kr_err kr_body_key_fits(struct kr_txn *txn, struct kr_slice content)
{
    static _Thread_local struct kr_body_row body;
    struct kr_body_key key;
    enum kr_err err = kr_body_key_parse(content, &key);
    if (err == KR_OK) {
        err = kr_body_get(txn, key.body, &body);
    }
    return err == KR_OK ? copy_fits(txn, &key) : err;
}

enum kr_err kr_body_key_take(struct kr_txn *txn, struct kr_slice content)
{
    uint8_t row[ROW_KEY_BYTES];
    struct kr_body_key key;
    enum kr_err err = kr_body_key_parse(content, &key);
    if (err == KR_OK) {
        row_key(row, key.body, kr_body_key_subject(&key));
        err = kr_store_put(txn, KR_TABLE_DRAFTS, row, sizeof row, content.bytes, content.len);
    }
    return err;
}

enum kr_err kr_body_key_drop(struct kr_txn *txn, struct kr_slice content)
{
    uint8_t row[ROW_KEY_BYTES];
    struct kr_body_key key;
    if (kr_body_key_parse(content, &key) != KR_OK) {
        return KR_OK; /* it has no row */
    }
    row_key(row, key.body, kr_body_key_subject(&key));
    enum kr_err err = kr_store_delete(txn, KR_TABLE_DRAFTS, row, sizeof row);
    return err == KR_NOT_FOUND ? KR_OK : err;
}

/* ---- who holds it ---- */

static bool is_same(struct kr_slice key, const uint8_t other[static 32])
{
    return key.len == 32 && memcmp(key.bytes, other, 32) == 0;
}

bool kr_body_key_is_held(const struct kr_body_card *body, const struct kr_person_card *person, const struct kr_body_key *copy)
{
    return is_same(body->key, copy->key) && is_same(person->key, copy->to);
}

struct holding {
    struct kr_txn *txn;
    const struct kr_body_card *card;
    uint64_t now_s;
    struct kr_body_holding found;
    enum kr_err err;
};

static bool look_at(void *context, const struct kr_body_key *copy)
{
    static _Thread_local struct kr_person_row person;
    struct holding *holding = context;
    if (copy->person.len == 0 || !is_same(holding->card->key, copy->key)) {
        return true;
    }
    enum kr_err err = kr_person_get(holding->txn, copy->person.bytes, &person);
    if (err != KR_OK && err != KR_NOT_FOUND && err != KR_CORRUPT) {
        holding->err = err;
        return false;
    }
    const enum kr_person_state state =
        err == KR_OK ? kr_person_state(&person.card, holding->card->standing, holding->now_s) : KR_PERSON_REVOKED;
    const bool is_gone = state == KR_PERSON_REVOKED || state == KR_PERSON_OVER || state == KR_PERSON_BODY_LEFT;
    const bool holds = !is_gone && kr_body_key_is_held(holding->card, &person.card, copy);
    holding->found.holders += holds;
    holding->found.is_rotation_due = holding->found.is_rotation_due || !holds;
    return true;
}

enum kr_err kr_body_holding_find(struct kr_txn *txn, const uint8_t id[static 32], const struct kr_body_card *card, uint64_t now_s,
                                 struct kr_body_holding *ret_holding)
{
    struct holding holding = {.txn = txn, .card = card, .now_s = now_s};
    enum kr_err err = card->key.len > 0 ? kr_body_keys_each(txn, id, NULL, look_at, &holding) : KR_OK;
    err = err == KR_OK ? holding.err : err;
    if (err == KR_OK) {
        *ret_holding = holding.found;
    }
    return err;
}
