/* What `body`, `person`, `roster` and `handover` share: the council's people as the node tells of them. */
#ifndef KR_TOOLS_KAIRAN_PEOPLE_H
#define KR_TOOLS_KAIRAN_PEOPLE_H

#include "proto/client/people.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/out.h"

/* A copy that outlives the answer that it came in. */
struct kr_body_entry {
    uint8_t id[32];
    uint64_t changed_ms;
    struct kr_body_card card; /* points into bytes */
    uint32_t holders;         /* persons who can open what is sealed to it */
    bool is_rotation_due;
    uint8_t *bytes;
};
struct kr_person_entry {
    uint8_t id[32];
    uint64_t changed_ms;
    uint32_t state, uid_count, uids[KR_CREDENTIALS_MAX];
    struct kr_person_card card; /* points into bytes */
    uint8_t *bytes;
};
struct kr_people {
    struct kr_body_entry *bodies;
    struct kr_person_entry *persons;
    uint32_t body_count, body_capacity, person_count, person_capacity;
};
/* All bodies, and all persons. Tells failures. Free it in any case. */
bool kr_people_load(struct kr_app *app, struct kr_people *ret_people);
void kr_people_free(struct kr_people *people);

/* By name (either language; case of ASCII letters ignored) or the beginning of the id. Who has left or was revoked is found by the
 * id alone. NULL: none or several, told. */
const struct kr_body_entry *kr_people_body(const struct kr_app *app, const struct kr_people *people, const char *name);
const struct kr_person_entry *kr_people_person(const struct kr_app *app, const struct kr_people *people, const char *name);
/* By the whole id; NULL: not there. */
const struct kr_body_entry *kr_people_body_by_id(const struct kr_people *people, const uint8_t id[static 32]);
const struct kr_person_entry *kr_people_person_by_id(const struct kr_people *people, const uint8_t id[static 32]);
/* The name in the language of messages, where there is one in it. */
struct kr_slice kr_people_body_name(const struct kr_body_card *card);

/* Roles as words, separated by commas; "-" for none. */
void kr_out_roles(FILE *out, uint32_t roles);
json_t *kr_json_roles(uint32_t roles);
/* Translated; kr_person_state of the node's roles.h by number, KR_PERSON_STATE_ACTIVE is 1. */
const char *kr_person_state_text(uint32_t state);
const char *kr_person_state_word(uint32_t state); /* for JSON */
#define KR_PERSON_STATE_ACTIVE  1u
#define KR_PERSON_STATE_REVOKED 5u
#define KR_PERSON_STATE_LEFT    7u
const char *kr_standing_word(uint32_t standing); /* "active", "suspended", "left" */

/* A day without a time is the whole day: the last one that still counts. Else as kr_moment_parse, ahead. */
bool kr_until_parse(const char *text, uint64_t *ret_s);
/* A login name of this machine, or a number. */
bool kr_uid_parse(const char *text, uint32_t *ret_uid);
/* The login name, where there is one; of a node elsewhere the number: logins are those of its machine. */
void kr_out_uid(const struct kr_app *app, FILE *out, uint32_t uid);

#endif
