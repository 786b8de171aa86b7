#include "node/core/people_put.h"

#include <string.h>

#include "node/core/internal.h"

/* `err`: of looking for the one before; nothing is put where it is a failure. */
static enum kr_err put_card(struct kr_step *step, uint32_t kind, const uint8_t id[static 32], uint64_t version,
                            struct kr_writer *content, enum kr_err err, enum kr_err *ret_verdict)
{
    if (err != KR_OK) {
        kr_writer_deinit(content);
        return err;
    }
    const struct kr_internal card = {
        .kind = kind, .subject = id, .version = version, .expires_s = step->now_ms / 1000 + KR_EXPIRES_S_MAX - 86400u};
    return kr_internal_put(step, &card, content, ret_verdict);
}

static struct kr_slice by(const struct kr_who *who)
{
    return (struct kr_slice){who->person, who->facts.is_person ? 32 : 0};
}

/* The record that it is to replace, and the version that it is to have. */
static enum kr_err find_previous(struct kr_people_put *put, uint32_t kind, const uint8_t id[static 32],
                                 struct kr_slice *ret_previous, uint64_t *ret_version)
{
    struct kr_directory_entry entry;
    struct kr_header header = {.kind = kind};
    memcpy(header.author, put->step->core->self, 32);
    memcpy(header.subject, id, 32);
    enum kr_err err = kr_admit_standing(put->step, &header, &entry);
    *ret_previous = (struct kr_slice){0};
    *ret_version = 1;
    if (err == KR_OK) {
        memcpy(put->previous, entry.record_id, 32);
        *ret_previous = (struct kr_slice){put->previous, 32};
        *ret_version = entry.version + 1;
    }
    return err == KR_NOT_FOUND ? KR_OK : err;
}

enum kr_err kr_body_put(struct kr_people_put *put, const uint8_t id[static 32], struct kr_body_card *card, enum kr_err *ret_verdict)
{
    struct kr_writer content;
    uint64_t version;
    enum kr_err err = find_previous(put, KR_KIND_BODY_CARD, id, &card->previous, &version);
    card->by = by(put->who);
    if (card->standing == KR_STANDING_ENDED) { /* nothing is sealed to it any more */
        card->key = (struct kr_slice){0};
    }
    kr_writer_init(&content, KR_PEOPLE_BYTES_MAX);
    kr_body_card_write(card, &content);
    return put_card(put->step, KR_KIND_BODY_CARD, id, version, &content, err, ret_verdict);
}

enum kr_err kr_person_put(struct kr_people_put *put, const uint8_t id[static 32], struct kr_person_card *card,
                          enum kr_err *ret_verdict)
{
    struct kr_writer content;
    uint64_t version;
    enum kr_err err = find_previous(put, KR_KIND_PERSON_CARD, id, &card->previous, &version);
    card->by = by(put->who);
    if (card->standing == KR_STANDING_ENDED) { /* nothing is sealed to it any more */
        card->key = (struct kr_slice){0};
    }
    kr_writer_init(&content, KR_PEOPLE_BYTES_MAX);
    kr_person_card_write(card, &content);
    return put_card(put->step, KR_KIND_PERSON_CARD, id, version, &content, err, ret_verdict);
}

enum kr_err kr_person_try(struct kr_people_put *put, const uint8_t id[static 32], struct kr_person_card *card,
                          enum kr_err *ret_verdict)
{
    struct kr_header header = {.kind = KR_KIND_PERSON_CARD, .has_subject = true};
    struct kr_writer content;
    uint64_t version;
    memcpy(header.subject, id, 32);
    enum kr_err err = find_previous(put, KR_KIND_PERSON_CARD, id, &card->previous, &version);
    card->by = by(put->who);
    kr_writer_init(&content, KR_PEOPLE_BYTES_MAX);
    kr_person_card_write(card, &content);
    if (err == KR_OK) {
        err = kr_writer_finish(&content);
    }
    if (err == KR_OK) {
        err = kr_people_fit_once_freed(put->step->txn, &header, (struct kr_slice){content.bytes, content.len},
                                       put->step->now_ms / 1000);
    }
    kr_writer_deinit(&content);
    if (err == KR_NOMEM || err == KR_IO || err == KR_STORE_FULL || err == KR_CORRUPT) { /* (as kr_admit has it) */
        return err;
    }
    *ret_verdict = err;
    return KR_OK;
}

enum kr_err kr_body_key_put(struct kr_people_put *put, struct kr_body_key *key, enum kr_err *ret_verdict)
{
    struct kr_writer content;
    uint64_t version;
    uint8_t subject[32];
    memcpy(subject, kr_body_key_subject(key), sizeof subject);
    enum kr_err err = find_previous(put, KR_KIND_BODY_KEY, subject, &key->previous, &version);
    key->by = by(put->who);
    kr_writer_init(&content, KR_KIB);
    kr_body_key_write(key, &content);
    return put_card(put->step, KR_KIND_BODY_KEY, subject, version, &content, err, ret_verdict);
}
