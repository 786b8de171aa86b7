/* What admins do with bodies and persons: each act is a new card, a record under the node's key, which replaces the one before. */
#include <stdlib.h>
#include <string.h>

#include "node/core/caller.h"
#include "node/core/people.h"
#include "node/core/people_put.h"
#include "node/core/sister.h"
#include "proto/client/people.h"
#include "proto/indicator/name.h"

static _Thread_local struct kr_body_row body_row;
static _Thread_local struct kr_person_row person_row, other_row;

static const char damaged_text[] = "a card of it is damaged in the store: run `kairan verify`";
static const char unknown_text[] = "no person of this council has this id: see `kairan person ls`";

static enum kr_err refuse(struct kr_step *step, const struct kr_event *event, enum kr_err code, const char *text)
{
    enum kr_err err = kr_step_error(step, event->client, event->request, code, "%s", text);
    return err != KR_OK ? err : KR_CANCELLED;
}

/* ---- cards ---- */

static enum kr_err refuse_card(struct kr_step *step, const struct kr_event *event, enum kr_err verdict)
{
    switch (verdict) {
    case KR_EXISTS:
        return refuse(step, event, verdict,
                      "another person of this council has that user or machine at the same time: unbind it there first");
    case KR_NOT_FOUND:
        return refuse(step, event, verdict, "no body of this council has this id: see `kairan body ls`");
    case KR_EXPIRED:
        return refuse(step, event, KR_INVALID, "that body has left this council: it gets no new persons");
    case KR_BOUNDS:
        return refuse(step, event, verdict, "there is no room for it: this council has as many as a node keeps");
    case KR_MALFORMED:
        return refuse(step, event, KR_INVALID,
                      "such a card cannot be: it needs a name, an end behind its beginning, and of a contractor an end");
    default:
        return refuse(step, event, verdict, "the card was not taken: this node's key is not on its council's card");
    }
}

enum kr_err kr_person_refuse(struct kr_step *step, const struct kr_event *event, enum kr_err verdict)
{
    enum kr_err err = verdict == KR_CORRUPT     ? refuse(step, event, verdict, damaged_text)
                      : verdict == KR_NOT_FOUND ? refuse(step, event, verdict, unknown_text)
                                                : refuse_card(step, event, verdict);
    return err == KR_CANCELLED ? KR_OK : err;
}

/* ---- walking persons ---- */

struct walk {
    struct kr_step *step;
    const uint8_t *body; /* NULL: of all */
    uint8_t (*ids)[32];  /* of those found: at most KR_BODY_PERSONS_MAX */
    uint32_t count;
    uint64_t holders[KR_ROLES_COUNT];
    enum kr_err err;
};

static bool note_person(void *context, struct kr_slice id, struct kr_slice value)
{
    struct walk *walk = context;
    if (kr_person_row_read(value, &other_row) == KR_OK && memcmp(other_row.card.body, walk->body, 32) == 0 &&
        other_row.card.standing != KR_STANDING_ENDED && walk->count < KR_BODY_PERSONS_MAX) {
        memcpy(walk->ids[walk->count++], id.bytes, 32);
    }
    return walk->count < KR_BODY_PERSONS_MAX;
}

static bool count_holder(void *context, struct kr_slice id, struct kr_slice value)
{
    struct walk *walk = context;
    (void)id;
    if (kr_person_row_read(value, &other_row) != KR_OK) {
        return true;
    }
    const struct kr_person_card *card = &other_row.card;
    enum kr_err err = kr_body_get(walk->step->txn, card->body, &body_row);
    if (err != KR_OK && err != KR_NOT_FOUND && err != KR_CORRUPT) {
        walk->err = err;
        return false;
    }
    const uint32_t standing = err == KR_OK ? body_row.card.standing : 0;
    for (uint32_t i = 0; i < KR_ROLES_COUNT && kr_person_state(card, standing, walk->step->now_ms / 1000) == KR_PERSON_ACTIVE;
         i++) {
        walk->holders[i] += card->roles >> i & 1;
    }
    return true;
}

static enum kr_err persons_of(struct kr_step *step, const uint8_t body[static 32], uint8_t (*ret_ids)[32], uint32_t *ret_count)
{
    struct walk walk = {.step = step, .body = body, .ids = ret_ids};
    enum kr_err err = kr_people_each(step->txn, KR_KIND_PERSON_CARD, NULL, note_person, &walk);
    *ret_count = walk.count;
    return err;
}

static enum kr_err end_body(struct kr_step *step, const struct kr_event *event, const uint8_t id[static 32], uint64_t revoked)
{
    struct walk walk = {.step = step};
    struct kr_body_done done = {.revoked = revoked};
    struct kr_writer result;
    memcpy(done.id, id, 32);
    enum kr_err err = kr_people_each(step->txn, KR_KIND_PERSON_CARD, NULL, count_holder, &walk);
    err = err == KR_OK ? walk.err : err;
    if (err != KR_OK) {
        return err;
    }
    memcpy(done.holders, walk.holders, sizeof done.holders);
    kr_writer_init(&result, KR_KIB);
    kr_body_done_write(&done, &result);
    err = kr_step_end(step, event->client, event->request, &result);
    kr_writer_deinit(&result);
    return err;
}

/* ---- bodies ---- */

static void edit_body(const struct kr_body_act *act, struct kr_body_card *card)
{
    struct kr_slice *const texts[KR_BODY_FIELDS] = {&card->name_ja, &card->name_en, &card->contact_name, &card->contact_mail,
                                                    &card->contact_telephone};
    for (uint32_t i = 0; i < KR_BODY_FIELDS; i++) {
        if (act->changes[i]) {
            *texts[i] = act->texts[i];
        }
    }
    card->is_listed = act->changes_listed ? act->is_listed : card->is_listed;
}

/* What keeps an act from making sense; NULL: nothing. */
static const char *why_not_body(uint32_t action, uint32_t standing)
{
    if (standing == KR_STANDING_ENDED) {
        return "this body has left this council, for good: add it anew where it comes back";
    }
    if (action == KR_BODY_SUSPEND && standing == KR_STANDING_SUSPENDED) {
        return "this body is suspended already";
    }
    return action == KR_BODY_RESUME && standing == KR_STANDING_ACTIVE ? "this body is not suspended" : NULL;
}

/* A name that nobody would take is not agreed to. */
static bool can_be_told(const struct kr_body_card *card)
{
    uint8_t name[KR_NAME_BYTES_MAX];
    size_t len;
    return kr_name_normalise(card->name_ja, name, &len) == KR_OK && kr_name_normalise(card->name_en, name, &len) == KR_OK;
}

static enum kr_err revoke_persons(struct kr_people_put *writing, const uint8_t body[static 32], uint64_t *ret_revoked)
{
    uint32_t count = 0;
    uint8_t(*ids)[32] = malloc(KR_BODY_PERSONS_MAX * 32u);
    enum kr_err err = ids == NULL ? KR_NOMEM : persons_of(writing->step, body, ids, &count);
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        enum kr_err verdict = KR_OK;
        err = kr_person_get(writing->step->txn, ids[i], &person_row);
        if (err == KR_OK) {
            struct kr_person_card card = person_row.card;
            card.standing = KR_STANDING_ENDED;
            err = kr_person_put(writing, ids[i], &card, &verdict);
        }
        err = err == KR_OK ? verdict : err;
    }
    free(ids);
    *ret_revoked = count;
    return err;
}

static enum kr_err act_on_body(struct kr_step *step, const struct kr_event *event, const struct kr_who *who,
                               const struct kr_body_act *act)
{
    struct kr_people_put writing = {.step = step, .who = who};
    struct kr_body_card card = {.standing = KR_STANDING_ACTIVE};
    uint64_t revoked = 0;
    enum kr_err verdict = KR_OK, err = kr_body_get(step->txn, act->id, &body_row);
    if (err == KR_NOT_FOUND && act->action != KR_BODY_ADD) {
        return refuse(step, event, err, "no body of this council has this id: see `kairan body ls`");
    }
    if (err == KR_OK && act->action == KR_BODY_ADD) {
        return refuse(step, event, KR_EXISTS, "there is a body with this id already");
    }
    if (err == KR_OK) {
        card = body_row.card;
    }
    const char *why = err == KR_OK ? why_not_body(act->action, card.standing) : NULL;
    if (why != NULL) {
        return refuse(step, event, KR_INVALID, why);
    }
    if (err != KR_OK && err != KR_NOT_FOUND) {
        return err;
    }
    edit_body(act, &card);
    if (card.is_listed && act->action <= KR_BODY_CHANGE && !can_be_told(&card)) {
        return refuse(step, event, KR_INVALID,
                      "other councils would not take this name: it may have no control characters, none that turn the direction of "
                      "writing or cannot be seen, and no space at either end");
    }
    card.standing = act->action == KR_BODY_SUSPEND  ? KR_STANDING_SUSPENDED
                    : act->action == KR_BODY_RESUME ? KR_STANDING_ACTIVE
                    : act->action == KR_BODY_LEAVE  ? KR_STANDING_ENDED
                                                    : card.standing;
    err = kr_body_put(&writing, act->id, &card, &verdict);
    if (err == KR_OK && verdict != KR_OK) {
        return refuse_card(step, event, verdict);
    }
    if (err == KR_OK && act->action == KR_BODY_LEAVE) {
        err = revoke_persons(&writing, act->id, &revoked);
    }
    return err == KR_OK ? end_body(step, event, act->id, revoked) : err;
}

/* A damaged card is that card's trouble, not the batch's. */
static enum kr_err answered(struct kr_step *step, const struct kr_event *event, enum kr_err err)
{
    if (err == KR_CORRUPT) {
        err = refuse(step, event, KR_CORRUPT, damaged_text);
    }
    return err == KR_CANCELLED ? KR_OK : err;
}

enum kr_err kr_body_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who)
{
    struct kr_body_act act;
    if (kr_body_act_read(event->bytes, &act) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "the request cannot be read");
    }
    return answered(step, event, act_on_body(step, event, who, &act));
}

/* ---- persons ---- */

static void edit_person(const struct kr_person_act *act, struct kr_person_card *card)
{
    card->name = act->changes[KR_PERSON_NAME] ? act->name : card->name;
    card->mail = act->changes[KR_PERSON_MAIL] ? act->mail : card->mail;
    card->telephone = act->changes[KR_PERSON_TELEPHONE] ? act->telephone : card->telephone;
    card->is_contractor = act->changes[KR_PERSON_CONTRACTOR] ? act->is_contractor : card->is_contractor;
    card->from_s = act->changes[KR_PERSON_FROM] ? act->from_s : card->from_s;
    card->until_s = act->changes[KR_PERSON_UNTIL] ? act->until_s : card->until_s;
    if (act->changes[KR_PERSON_ROLES]) { /* those of a newer version stay */
        card->roles = (card->roles & ~KR_ROLES_ALL) | act->roles;
    }
}

static bool is_credential(const struct kr_credential *credential, const uint8_t user[static KR_CREDENTIAL_USER_BYTES])
{
    return credential->kind == KR_CREDENTIAL_USER && memcmp(credential->bytes.bytes, user, KR_CREDENTIAL_USER_BYTES) == 0;
}

static bool is_known_by(const struct kr_person_card *card, const uint8_t user[static KR_CREDENTIAL_USER_BYTES])
{
    bool is_known = false;
    for (uint32_t i = 0; i < card->credential_count; i++) {
        is_known = is_known || is_credential(&card->credentials[i], user);
    }
    return is_known;
}

static const char *bind(struct kr_person_card *card, const uint8_t user[static KR_CREDENTIAL_USER_BYTES])
{
    if (is_known_by(card, user)) {
        return "that user is this person already";
    }
    if (card->credential_count == KR_CREDENTIALS_MAX) {
        return "this person is known by as many users as one may be: unbind one first";
    }
    card->credentials[card->credential_count++] =
        (struct kr_credential){.kind = KR_CREDENTIAL_USER, .bytes = {user, KR_CREDENTIAL_USER_BYTES}};
    return NULL;
}

static const char *unbind(struct kr_person_card *card, const uint8_t user[static KR_CREDENTIAL_USER_BYTES])
{
    for (uint32_t i = 0; i < card->credential_count; i++) {
        if (is_credential(&card->credentials[i], user)) {
            card->credentials[i] = card->credentials[--card->credential_count];
            return NULL;
        }
    }
    return "that user is not this person";
}

static const char *stand_down(struct kr_person_card *card, const uint8_t other[static 32])
{
    for (uint32_t i = 0; i < card->stands_for_count; i++) {
        if (memcmp(card->stands_for[i].person, other, 32) == 0) {
            card->stands_for[i] = card->stands_for[--card->stands_for_count];
            return NULL;
        }
    }
    return "this person does not stand for that one";
}

static const char *stand_in(struct kr_person_card *card, const struct kr_person_act *act)
{
    if (memcmp(act->id, act->other, 32) == 0) {
        return "nobody is a deputy of himself";
    }
    (void)stand_down(card, act->other); /* said again, with another end */
    if (card->stands_for_count == KR_STANDS_FOR_MAX) {
        return "this person stands for as many others as one may: end one of these first";
    }
    struct kr_stand_in *entry = &card->stands_for[card->stands_for_count++];
    *entry = (struct kr_stand_in){.until_s = act->until_s};
    memcpy(entry->person, act->other, 32);
    return NULL;
}

/* The card as it is to be; what keeps the act from making sense, NULL: nothing. */
static const char *apply(const struct kr_person_act *act, const uint8_t user[static KR_CREDENTIAL_USER_BYTES],
                         struct kr_person_card *card)
{
    if (card->standing == KR_STANDING_ENDED) {
        return "this person was revoked, for good: add it anew where it comes back";
    }
    switch (act->action) {
    case KR_PERSON_ADD:
        edit_person(act, card);
        return act->has_uid && !is_known_by(card, user) ? bind(card, user) : NULL;
    case KR_PERSON_CHANGE:
        edit_person(act, card);
        return NULL;
    case KR_PERSON_SUSPEND:
        if (card->standing == KR_STANDING_SUSPENDED) {
            return "this person is suspended already";
        }
        card->standing = KR_STANDING_SUSPENDED;
        return NULL;
    case KR_PERSON_RESUME:
        if (card->standing != KR_STANDING_SUSPENDED) {
            return "this person is not suspended";
        }
        card->standing = KR_STANDING_ACTIVE;
        return NULL;
    case KR_PERSON_REVOKE:
        card->standing = KR_STANDING_ENDED;
        return NULL;
    case KR_PERSON_BIND:
        return act->has_uid ? bind(card, user) : "which user?";
    case KR_PERSON_UNBIND:
        return act->has_uid ? unbind(card, user) : "which user?";
    case KR_PERSON_STAND_IN:
        return stand_in(card, act);
    default:
        return stand_down(card, act->other);
    }
}

/* This machine's name is made when it is needed first. */
enum kr_err kr_machine_find(struct kr_step *step, struct kr_machine *ret_machine)
{
    enum kr_err err = kr_machine_get(step->txn, ret_machine);
    if (err == KR_NOT_FOUND) {
        *ret_machine = (struct kr_machine){0};
        kr_rng_bytes(step->rng, ret_machine->name, sizeof ret_machine->name);
        err = kr_machine_put(step->txn, ret_machine);
    }
    return err;
}

static enum kr_err check_new(struct kr_step *step, const struct kr_event *event, const struct kr_person_act *act)
{
    uint32_t count = 0;
    uint8_t(*ids)[32] = malloc(KR_BODY_PERSONS_MAX * 32u);
    enum kr_err err = ids == NULL ? KR_NOMEM : persons_of(step, act->body, ids, &count);
    free(ids);
    return err == KR_OK && count == KR_BODY_PERSONS_MAX
               ? refuse(step, event, KR_BOUNDS, "this body has as many persons as one may have: revoke some first")
               : err;
}

/* ---- moving ---- */

/* Of as many cards as may name a credential, those that are over name it no more. */
static enum kr_err free_credential(struct kr_people_put *writing, const struct kr_credential *credential, enum kr_err *ret_verdict)
{
    static _Thread_local struct kr_person_row past;
    uint8_t persons[KR_CREDENTIAL_PERSONS][32];
    uint32_t count = 0;
    enum kr_err err = kr_credential_persons(writing->step->txn, credential->kind, credential->bytes, persons, &count);
    for (uint32_t i = 0; i < count && count == KR_CREDENTIAL_PERSONS && err == KR_OK && *ret_verdict == KR_OK; i++) {
        err = kr_person_get(writing->step->txn, persons[i], &past);
        if (err != KR_OK || past.card.until_s == 0 || past.card.until_s > writing->step->now_ms / 1000) {
            err = err == KR_NOT_FOUND ? KR_OK : err;
            continue;
        }
        struct kr_person_card card = past.card;
        uint32_t kept = 0;
        for (uint32_t j = 0; j < card.credential_count; j++) {
            const struct kr_credential *each = &card.credentials[j];
            const bool is_it = each->kind == credential->kind && each->bytes.len == credential->bytes.len &&
                               memcmp(each->bytes.bytes, credential->bytes.bytes, each->bytes.len) == 0;
            if (!is_it) {
                card.credentials[kept++] = *each;
            }
        }
        card.credential_count = kept;
        err = kr_person_put(writing, persons[i], &card, ret_verdict);
    }
    return err;
}

static bool is_move(const struct kr_person_act *act)
{
    static const uint8_t nobody[32];
    return act->action == KR_PERSON_ADD && memcmp(act->other, nobody, 32) != 0;
}

/* Somebody moves: the new card is known by all that the one before is known by, each at a time of its own. */
static enum kr_err take_along(struct kr_step *step, const struct kr_event *event, const struct kr_person_act *act,
                              struct kr_person_card *card)
{
    static _Thread_local struct kr_person_row before; /* from which the card borrows until it is put */
    if (!is_move(act)) {
        return KR_OK;
    }
    enum kr_err err = kr_person_get(step->txn, act->other, &before);
    if (err == KR_NOT_FOUND) {
        return refuse(step, event, err, unknown_text);
    }
    for (uint32_t i = 0; i < before.card.credential_count && err == KR_OK; i++) {
        card->credentials[i] = before.card.credentials[i];
        card->credential_count = i + 1;
    }
    return err;
}

/* Whoever moves often is known by as many cards as may name one credential: those that are over make room, but not before it is
 * known that the new card will be taken. What is refused changes nothing. */
static enum kr_err put_person(struct kr_people_put *writing, const struct kr_person_act *act, struct kr_person_card *card,
                              enum kr_err *ret_verdict)
{
    enum kr_err err = is_move(act) ? kr_person_try(writing, act->id, card, ret_verdict) : KR_OK;
    for (uint32_t i = 0; i < card->credential_count && is_move(act) && err == KR_OK && *ret_verdict == KR_OK; i++) {
        const uint32_t kind = card->credentials[i].kind;
        if (kind == KR_CREDENTIAL_USER || kind == KR_CREDENTIAL_KEY) {
            err = free_credential(writing, &card->credentials[i], ret_verdict);
        }
    }
    return err == KR_OK && *ret_verdict == KR_OK ? kr_person_put(writing, act->id, card, ret_verdict) : err;
}

/* Whom it is to stand for has to be there. */
static enum kr_err check_other(struct kr_step *step, const struct kr_event *event, const struct kr_person_act *act)
{
    enum kr_err err = act->action == KR_PERSON_STAND_IN ? kr_person_get(step->txn, act->other, &other_row) : KR_OK;
    return err == KR_NOT_FOUND ? refuse(step, event, err, unknown_text) : err;
}

static enum kr_err act_on_person(struct kr_step *step, const struct kr_event *event, const struct kr_who *who,
                                 const struct kr_person_act *act)
{
    struct kr_people_put writing = {.step = step, .who = who};
    struct kr_person_card card = {.standing = KR_STANDING_ACTIVE};
    struct kr_machine machine;
    uint8_t user[KR_CREDENTIAL_USER_BYTES];
    enum kr_err verdict = KR_OK, err = kr_person_get(step->txn, act->id, &person_row);
    if (err == KR_NOT_FOUND && act->action != KR_PERSON_ADD) {
        return refuse(step, event, err, unknown_text);
    }
    if (err == KR_OK && act->action == KR_PERSON_ADD) {
        return refuse(step, event, KR_EXISTS, "there is a person with this id already");
    }
    if (err == KR_OK) {
        card = person_row.card;
        err = check_other(step, event, act);
    } else if (err == KR_NOT_FOUND) {
        memcpy(card.body, act->body, 32);
        err = check_new(step, event, act);
    }
    if (err == KR_OK) {
        err = kr_machine_find(step, &machine);
    }
    if (err != KR_OK) {
        return err;
    }
    err = take_along(step, event, act, &card);
    if (err != KR_OK) {
        return err;
    }
    kr_credential_user(user, &machine, act->uid);
    const char *why = apply(act, user, &card);
    if (why != NULL) {
        return refuse(step, event, KR_INVALID, why);
    }
    err = put_person(&writing, act, &card, &verdict);
    if (err == KR_OK && verdict != KR_OK) {
        return refuse_card(step, event, verdict);
    }
    if (err == KR_OK) {
        struct kr_writer result;
        kr_writer_init(&result, KR_KIB);
        kr_writer_array(&result, 1);
        kr_writer_bin(&result, act->id, 32);
        err = kr_step_end(step, event->client, event->request, &result);
        kr_writer_deinit(&result);
    }
    return err;
}

enum kr_err kr_person_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who)
{
    struct kr_person_act act;
    if (kr_person_act_read(event->bytes, &act) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "the request cannot be read");
    }
    return answered(step, event, act_on_person(step, event, who, &act));
}
