#include "node/core/caller.h"

#include <string.h>

#include "node/core/enrol.h"
#include "node/core/people.h"

/* Rows are a few KiB each: one for the person, one for its body or for whom it stands for. */
static _Thread_local struct kr_person_row person_row, other_row;
static _Thread_local struct kr_body_row body_row;

/* What its card and its body's come to now. */
static enum kr_err state_of(struct kr_txn *txn, const struct kr_person_card *card, uint64_t now_s, enum kr_person_state *ret_state)
{
    enum kr_err err = kr_body_get(txn, card->body, &body_row);
    if (err == KR_OK || err == KR_NOT_FOUND) {
        *ret_state = kr_person_state(card, err == KR_OK ? body_row.card.standing : 0, now_s);
        err = KR_OK;
    }
    return err;
}

enum kr_err kr_person_state_find(struct kr_txn *txn, const uint8_t person[static 32], uint64_t now_s,
                                 enum kr_person_state *ret_state, uint32_t *ret_roles)
{
    enum kr_person_state state = KR_PERSON_REVOKED;
    uint32_t roles = 0;
    enum kr_err err = kr_person_get(txn, person, &other_row);
    if (err == KR_OK) {
        roles = other_row.card.roles & KR_ROLES_ALL;
        err = state_of(txn, &other_row.card, now_s, &state);
    }
    if (err == KR_OK || err == KR_NOT_FOUND || err == KR_CORRUPT) {
        *ret_state = err == KR_OK ? state : KR_PERSON_REVOKED;
        *ret_roles = roles;
        err = KR_OK;
    }
    return err;
}

/* A deputy's deputy is nobody's: roles are lent once. */
static enum kr_err add_stand_ins(struct kr_txn *txn, uint64_t now_s, struct kr_who *who)
{
    const struct kr_person_card *card = &person_row.card;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < card->stands_for_count && err == KR_OK; i++) {
        const struct kr_stand_in *stand_in = &card->stands_for[i];
        enum kr_person_state state = KR_PERSON_REVOKED;
        if (stand_in->until_s != 0 && stand_in->until_s <= now_s) {
            continue;
        }
        err = kr_person_get(txn, stand_in->person, &other_row);
        if (err == KR_NOT_FOUND) {
            err = KR_OK;
            continue;
        }
        if (err == KR_OK) {
            err = state_of(txn, &other_row.card, now_s, &state);
        }
        if (err == KR_OK && state == KR_PERSON_ACTIVE) {
            who->facts.roles |= other_row.card.roles;
            who->stands_for_roles[who->stands_for_count] = other_row.card.roles & KR_ROLES_ALL;
            memcpy(who->stands_for[who->stands_for_count++], stand_in->person, 32);
        }
    }
    return err;
}

/* Of several cards the one that is active; else the last that was looked at says why not. Two that are active at once, since two
 * nodes of the council each bound one, are nobody: it is not for us to choose. */
static enum kr_err find_person(struct kr_txn *txn, uint8_t (*persons)[32], uint32_t count, uint64_t now_s, struct kr_who *who)
{
    const struct kr_who nobody = *who;
    uint32_t active = 0;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        enum kr_person_state state = KR_PERSON_REVOKED;
        err = kr_person_get(txn, persons[i], &person_row);
        if (err == KR_OK) {
            err = state_of(txn, &person_row.card, now_s, &state);
        }
        active += err == KR_OK && state == KR_PERSON_ACTIVE;
        if (err == KR_OK && (state == KR_PERSON_ACTIVE || active == 0)) {
            const struct kr_person_card *card = &person_row.card;
            who->facts.is_person = true;
            who->facts.state = state;
            who->facts.roles = who->own_roles = card->roles & KR_ROLES_ALL;
            who->from_s = card->from_s;
            who->until_s = card->until_s;
            memcpy(who->person, persons[i], 32);
            memcpy(who->body, card->body, 32);
        }
    }
    if (err == KR_OK && active > 1) {
        *who = nobody;
        return KR_OK;
    }
    if (err == KR_OK && active == 1) {
        err = kr_person_get(txn, who->person, &person_row); /* the last one looked at may be another */
        return err == KR_OK ? add_stand_ins(txn, now_s, who) : err;
    }
    return err;
}

uint64_t kr_caller_mark(const struct kr_caller *caller)
{
    uint64_t mark = caller->uid;
    for (size_t i = 0; caller->has_key && i < sizeof mark; i++) {
        mark = mark << 8 | caller->key[i];
    }
    return caller->has_key ? mark | UINT64_C(1) << 63 : mark;
}

/* What is not on any card may be an open ticket's key, which may do one thing. */
static enum kr_err find_ticket(struct kr_txn *txn, const struct kr_caller *caller, uint64_t now_s, struct kr_who *who)
{
    struct kr_enrol_ticket ticket;
    enum kr_err err = kr_enrol_ticket_get(txn, caller->key, &ticket);
    if (err == KR_OK) {
        who->facts.has_ticket = ticket.expires_s > now_s;
        memcpy(who->person, ticket.person, 32);
    }
    return err == KR_NOT_FOUND ? KR_OK : err;
}

static enum kr_err find_persons(struct kr_txn *txn, const struct kr_caller *caller, const struct kr_machine *machine,
                                uint8_t (*ret_persons)[32], uint32_t *ret_count)
{
    uint8_t bytes[KR_CREDENTIAL_USER_BYTES];
    if (caller->has_key) {
        return kr_credential_persons(txn, KR_CREDENTIAL_KEY, (struct kr_slice){caller->key, sizeof caller->key}, ret_persons,
                                     ret_count);
    }
    kr_credential_user(bytes, machine, caller->uid);
    return kr_credential_persons(txn, KR_CREDENTIAL_USER, (struct kr_slice){bytes, sizeof bytes}, ret_persons, ret_count);
}

enum kr_err kr_who_find(struct kr_txn *txn, const struct kr_caller *caller, uint64_t now_ms, struct kr_who *ret_who)
{
    struct kr_who who = {.facts = {.is_operator = !caller->is_guest, .is_afar = caller->has_key}};
    struct kr_machine machine;
    uint8_t persons[KR_CREDENTIAL_PERSONS][32];
    uint32_t count = 0;
    enum kr_err err = kr_machine_get(txn, &machine);
    if (err == KR_NOT_FOUND) {
        *ret_who = who;
        return KR_OK;
    }
    if (err == KR_OK) {
        who.facts.has_people = machine.persons > 0;
        err = find_persons(txn, caller, &machine, persons, &count);
    }
    if (err == KR_OK && count > 0) {
        err = find_person(txn, persons, count, now_ms / 1000, &who);
    } else if (err == KR_OK && caller->has_key) {
        err = find_ticket(txn, caller, now_ms / 1000, &who);
    }
    if (err == KR_CORRUPT) {
        who = (struct kr_who){.facts = {.has_people = true, .is_operator = !caller->is_guest, .is_afar = caller->has_key}};
        err = KR_OK;
    }
    if (err == KR_OK) {
        *ret_who = who;
    }
    return err;
}

enum kr_err kr_who_may(struct kr_txn *txn, const struct kr_caller *caller, uint32_t op, uint64_t now_ms, struct kr_who *ret_who,
                       struct kr_error *error)
{
    struct kr_who who;
    enum kr_err err = kr_who_find(txn, caller, now_ms, &who);
    if (err != KR_OK) {
        return err;
    }
    *ret_who = who;
    const enum kr_role_reason reason = kr_roles(op, &who.facts);
    if (reason == KR_ROLE_DENY_STRANGER && caller->has_key) {
        return kr_fail(error, KR_DENIED, "%s",
                       who.facts.has_ticket ? "a ticket is for `kairan enrol` alone"
                                            : "this machine's key is no person's of this council (any more): an admin of it can "
                                              "have the machine enrolled anew with `kairan person enrol`");
    }
    return kr_role_is_allowed(reason) ? KR_OK : kr_fail(error, KR_DENIED, "%s", kr_role_text(reason, op));
}
