/* What persons do with their own key and with their body's. Only public halves and sealed copies come here; whether a copy holds
 * what it says, the node cannot tell, and whoever opens it can. */
#include <stdlib.h>
#include <string.h>

#include "crypto/sign.h"
#include "node/core/body_key.h"
#include "node/core/people_put.h"
#include "proto/client/body_key.h"

static _Thread_local struct kr_body_row body_row;
static _Thread_local struct kr_person_row person_row;

static enum kr_err refuse(struct kr_step *step, const struct kr_event *event, enum kr_err code, const char *text)
{
    enum kr_err err = kr_step_error(step, event->client, event->request, code, "%s", text);
    return err != KR_OK ? err : KR_CANCELLED;
}

static enum kr_err answered(struct kr_step *step, const struct kr_event *event, enum kr_err err)
{
    if (err == KR_CORRUPT) {
        err = refuse(step, event, KR_CORRUPT, "a card of it is damaged in the store: run `kairan verify`");
    }
    return err == KR_CANCELLED ? KR_OK : err;
}

static enum kr_err refuse_put(struct kr_step *step, const struct kr_event *event, enum kr_err verdict)
{
    return verdict == KR_BOUNDS
               ? refuse(step, event, verdict,
                        "this body has had as many keys as one may: make a new one with `kairan key body make --lost`")
           : verdict == KR_KEY
               ? refuse(step, event, verdict, "the card was not taken: this node's key is not on its council's card")
               : refuse(step, event, verdict, "the key was not taken: make it anew");
}

static enum kr_err end(struct kr_step *step, const struct kr_event *event, const uint8_t id[static 32])
{
    struct kr_writer result;
    kr_writer_init(&result, KR_KIB);
    kr_writer_array(&result, 1);
    kr_writer_bin(&result, id, 32);
    enum kr_err err = kr_step_end(step, event->client, event->request, &result);
    kr_writer_deinit(&result);
    return err;
}

/* ---- one's own ---- */

struct others {
    const uint8_t *self, *key;
    bool is_taken;
};

static bool compare_key(void *context, struct kr_slice id, struct kr_slice value)
{
    struct others *others = context;
    others->is_taken = memcmp(id.bytes, others->self, 32) != 0 && kr_person_row_read(value, &person_row) == KR_OK &&
                       person_row.card.key.len == 32 && memcmp(person_row.card.key.bytes, others->key, 32) == 0;
    return !others->is_taken;
}

static enum kr_err set_person_key(struct kr_step *step, const struct kr_event *event, const struct kr_who *who,
                                  const uint8_t key[static 32])
{
    struct kr_people_put put = {.step = step, .who = who};
    struct others others = {.self = who->person, .key = key};
    enum kr_err verdict = KR_OK;
    if (!who->facts.is_person) {
        return refuse(step, event, KR_DENIED, "a key is a person's, and you are none of this council: see `kairan whoami`");
    }
    if (kr_box_public_check(key) != KR_OK) {
        return refuse(step, event, KR_KEY, "that is no key that anything may be sealed to");
    }
    enum kr_err err = kr_people_each(step->txn, KR_KIND_PERSON_CARD, NULL, compare_key, &others);
    if (err == KR_OK && others.is_taken) {
        return refuse(step, event, KR_EXISTS, "that is another person's key: make your own");
    }
    if (err == KR_OK) {
        err = kr_person_get(step->txn, who->person, &person_row);
    }
    if (err != KR_OK) {
        return err;
    }
    struct kr_person_card card = person_row.card;
    if (card.key.len == 0 || memcmp(card.key.bytes, key, 32) != 0) {
        card.key = (struct kr_slice){key, 32};
        card.key_since_s = step->now_ms / 1000;
        err = kr_person_put(&put, who->person, &card, &verdict);
    }
    if (err == KR_OK && verdict != KR_OK) {
        return refuse_put(step, event, verdict);
    }
    return err == KR_OK ? end(step, event, who->person) : err;
}

enum kr_err kr_person_key_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who)
{
    struct kr_reader reader;
    uint8_t key[32];
    kr_reader_init(&reader, event->bytes.bytes, event->bytes.len);
    kr_reader_array(&reader, 1);
    kr_reader_fixed(&reader, key, sizeof key);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "the request cannot be read");
    }
    return answered(step, event, set_person_key(step, event, who, key));
}

/* ---- the body's ---- */

/* What keeps it from being done; NULL: nothing. `holds`: whether the caller has the body's key now. */
static const char *why_not(const struct kr_body_key_act *act, const struct kr_body_card *card, bool holds, uint32_t holders)
{
    const bool is_current = card->key.len == 32 && memcmp(card->key.bytes, act->key, 32) == 0;
    switch (act->action) {
    case KR_BODY_KEY_MAKE:
        return is_current ? "that is the key of this body already"
               : holders == 0
                   ? NULL
                   : "this body has a key, and somebody holds it: ask a holder to share it with you (`kairan key body share`)";
    case KR_BODY_KEY_SHARE:
        return !holds       ? "you do not hold the key of your body: ask a holder to share it with you (`kairan key body share`)"
               : is_current ? NULL
                            : "the key of this body is another one by now: try again";
    default:
        return !holds ? "you do not hold the key of your body: whoever does can replace it; if nobody does, `kairan key body make "
                        "--lost`"
               : is_current || act->before.len != KR_SLOT_BYTES
                   ? "a new key is to be another one, and to have the one before sealed to it"
                   : NULL;
    }
}

/* Each copy is for somebody of this body, and for the key that he has. */
static enum kr_err check_copies(struct kr_step *step, const struct kr_event *event, const struct kr_who *who,
                                const struct kr_body_key_act *act)
{
    bool has_own = false;
    for (uint32_t i = 0; i < act->copy_count; i++) {
        const struct kr_body_key_copy *copy = &act->copies[i];
        enum kr_err err = kr_person_get(step->txn, copy->person.bytes, &person_row);
        if (err != KR_OK && err != KR_NOT_FOUND) {
            return err;
        }
        const struct kr_person_card *card = &person_row.card;
        const bool fits = err == KR_OK && memcmp(card->body, who->body, 32) == 0 && card->key.len == 32 &&
                          memcmp(card->key.bytes, copy->to.bytes, 32) == 0 &&
                          (kr_person_state(card, KR_STANDING_ACTIVE, step->now_ms / 1000) == KR_PERSON_ACTIVE ||
                           kr_person_state(card, KR_STANDING_ACTIVE, step->now_ms / 1000) == KR_PERSON_NOT_YET);
        if (!fits) {
            return refuse(step, event, KR_INVALID,
                          "a copy is for nobody of your body, or for a key that a person has no more: try again");
        }
        has_own = has_own || memcmp(copy->person.bytes, who->person, 32) == 0;
    }
    return has_own || act->action == KR_BODY_KEY_SHARE
               ? KR_OK
               : refuse(step, event, KR_INVALID,
                        "whoever makes a body's key holds it: make your own with `kairan key person make`");
}

static enum kr_err put_copies(struct kr_people_put *put, const struct kr_body_key_act *act, enum kr_err *ret_verdict)
{
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < act->copy_count && err == KR_OK && *ret_verdict == KR_OK; i++) {
        struct kr_body_key key = {.person = act->copies[i].person};
        memcpy(key.body, put->who->body, 32);
        memcpy(key.key, act->key, 32);
        memcpy(key.to, act->copies[i].to.bytes, 32);
        memcpy(key.slot, act->copies[i].slot.bytes, sizeof key.slot);
        err = kr_body_key_put(put, &key, ret_verdict);
    }
    return err;
}

/* The one before is sealed to the new one, and the card names that. */
static enum kr_err put_key(struct kr_people_put *put, const struct kr_body_key_act *act, enum kr_err *ret_verdict)
{
    struct kr_body_card card = body_row.card;
    enum kr_err err = KR_OK;
    if (act->action == KR_BODY_KEY_ROTATE) {
        struct kr_body_key key = {.person = {0}};
        memcpy(key.body, put->who->body, 32);
        memcpy(key.key, card.key.bytes, 32);
        memcpy(key.to, act->key, 32);
        memcpy(key.slot, act->before.bytes, sizeof key.slot);
        err = kr_body_key_put(put, &key, ret_verdict);
    }
    if (err == KR_OK && *ret_verdict == KR_OK) {
        card.key = (struct kr_slice){act->key, 32};
        card.key_since_s = put->step->now_ms / 1000;
        err = kr_body_put(put, put->who->body, &card, ret_verdict);
    }
    return err;
}

static enum kr_err act_on_key(struct kr_step *step, const struct kr_event *event, const struct kr_who *who,
                              const struct kr_body_key_act *act)
{
    struct kr_people_put put = {.step = step, .who = who};
    struct kr_body_holding holding = {0};
    struct kr_body_key own;
    uint8_t bytes[KR_BODY_KEY_BYTES_MAX];
    enum kr_err verdict = KR_OK;
    if (!who->facts.is_person) {
        return refuse(step, event, KR_DENIED,
                      "a body's key is its persons', and you are none of this council: see `kairan whoami`");
    }
    enum kr_err err = kr_body_get(step->txn, who->body, &body_row);
    if (err == KR_OK) {
        err = kr_body_holding_find(step->txn, who->body, &body_row.card, step->now_ms / 1000, &holding);
    }
    if (err == KR_OK) {
        err = kr_person_get(step->txn, who->person, &person_row);
    }
    if (err != KR_OK) {
        return err;
    }
    err = kr_body_key_get(step->txn, who->body, who->person, bytes, &own);
    const bool holds = err == KR_OK && kr_body_key_is_held(&body_row.card, &person_row.card, &own);
    const char *why = err == KR_OK || err == KR_NOT_FOUND ? why_not(act, &body_row.card, holds, holding.holders) : NULL;
    if (why != NULL) {
        return refuse(step, event, KR_DENIED, why);
    }
    err = err == KR_NOT_FOUND ? KR_OK : err;
    if (err == KR_OK) {
        err = check_copies(step, event, who, act);
    }
    if (err == KR_OK && act->action != KR_BODY_KEY_SHARE) {
        err = put_key(&put, act, &verdict);
    }
    if (err == KR_OK && verdict == KR_OK) {
        err = put_copies(&put, act, &verdict);
    }
    if (err == KR_OK && verdict != KR_OK) {
        return refuse_put(step, event, verdict);
    }
    return err == KR_OK ? end(step, event, who->body) : err;
}

enum kr_err kr_body_key_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who)
{
    struct kr_body_key_act *act = malloc(sizeof *act);
    if (act == NULL) {
        return KR_NOMEM;
    }
    enum kr_err err = kr_body_key_act_read(event->bytes, act) != KR_OK
                          ? kr_step_error(step, event->client, event->request, KR_MALFORMED, "the request cannot be read")
                          : answered(step, event, act_on_key(step, event, who, act));
    free(act);
    return err;
}
