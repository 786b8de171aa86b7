/* Bodies and persons of the council: what clients ask and are told (docs/PROTOCOL.md, "Client protocol"). */
#ifndef KR_PROTO_CLIENT_PEOPLE_H
#define KR_PROTO_CLIENT_PEOPLE_H

#include "proto/client/client.h"
#include "proto/record/person.h"

enum kr_body_action {
    KR_BODY_ADD = 1, /* the id is the client's choice: 32 random bytes */
    KR_BODY_CHANGE = 2,
    KR_BODY_SUSPEND = 3, /* nobody of it may do anything until it is resumed */
    KR_BODY_RESUME = 4,
    KR_BODY_LEAVE = 5, /* for good: its persons are revoked */
};
/* Which texts of an addition or a change count; others stay as they were. */
enum kr_body_field {
    KR_BODY_NAME_JA,
    KR_BODY_NAME_EN,
    KR_BODY_CONTACT_NAME,
    KR_BODY_CONTACT_MAIL,
    KR_BODY_CONTACT_TELEPHONE,
    KR_BODY_FIELDS
};
struct kr_body_act {
    uint32_t action;
    uint8_t id[32];
    bool changes[KR_BODY_FIELDS];
    struct kr_slice texts[KR_BODY_FIELDS];
    bool changes_listed, is_listed;
};
void kr_body_act_write(const struct kr_body_act *act, struct kr_writer *writer);
enum kr_err kr_body_act_read(struct kr_slice bytes, struct kr_body_act *ret_act) KR_WARN_UNUSED;

/* What became of it: of the body itself, and of the council's roles. */
struct kr_body_done {
    uint8_t id[32];
    uint64_t revoked;                 /* persons that were, by this */
    uint64_t holders[KR_ROLES_COUNT]; /* persons who are active and have the role now, in the order of enum kr_role */
};
void kr_body_done_write(const struct kr_body_done *done, struct kr_writer *writer);
enum kr_err kr_body_done_read(struct kr_slice bytes, struct kr_body_done *ret_done) KR_WARN_UNUSED;

struct kr_body_item {
    uint8_t id[32];
    uint64_t changed_ms;
    struct kr_slice card; /* for kr_body_card_parse */
    uint32_t holders;     /* persons who can open what is sealed to it */
    bool is_rotation_due; /* somebody had its key who is here no more, or has another key now */
};
void kr_body_item_write(const struct kr_body_item *item, struct kr_writer *writer);
enum kr_err kr_body_item_read(struct kr_slice bytes, struct kr_body_item *ret_item) KR_WARN_UNUSED;

/* Bodies that agreed to being named, of all councils with which a community is shared, or of one, or that one body. */
struct kr_told_ask {
    bool has_council, has_body; /* a body of that council alone: not without the council */
    uint8_t council[32], body[32];
};
void kr_told_ask_write(const struct kr_told_ask *ask, struct kr_writer *writer);
enum kr_err kr_told_ask_read(struct kr_slice bytes, struct kr_told_ask *ret_ask) KR_WARN_UNUSED;

/* One, in the order of councils' ids; the names are that council's word. */
struct kr_told_body {
    uint8_t council[32], body[32];
    struct kr_slice council_name, name_ja, name_en;
    uint64_t since_s; /* since when it tells the name, in the first of the communities */
    bool is_self;     /* this council's: so others see it */
    uint32_t community_count;
    struct kr_slice communities[KR_COMMUNITIES_MAX]; /* ids: where it tells it, of those that both are in */
    struct kr_slice community_names[KR_COMMUNITIES_MAX];
};
void kr_told_body_write(const struct kr_told_body *body, struct kr_writer *writer);
enum kr_err kr_told_body_read(struct kr_slice bytes, struct kr_told_body *ret_body) KR_WARN_UNUSED;

enum kr_person_action {
    KR_PERSON_ADD = 1, /* id as of a body */
    KR_PERSON_CHANGE = 2,
    KR_PERSON_SUSPEND = 3,
    KR_PERSON_RESUME = 4,
    KR_PERSON_REVOKE = 5, /* for good */
    KR_PERSON_BIND = 6,   /* that user of the node's machine is this person */
    KR_PERSON_UNBIND = 7,
    KR_PERSON_STAND_IN = 8, /* has the roles of `other`, until `until_s` (0: open) */
    KR_PERSON_STAND_DOWN = 9,
};
enum kr_person_field {
    KR_PERSON_NAME,
    KR_PERSON_MAIL,
    KR_PERSON_TELEPHONE,
    KR_PERSON_ROLES,
    KR_PERSON_CONTRACTOR,
    KR_PERSON_FROM,
    KR_PERSON_UNTIL,
    KR_PERSON_FIELDS
};
struct kr_person_act {
    uint32_t action;
    uint8_t id[32];
    uint8_t body[32]; /* add: whose person; else zero */
    bool changes[KR_PERSON_FIELDS];
    struct kr_slice name, mail, telephone;
    uint32_t roles;
    bool is_contractor;
    uint64_t from_s, until_s;
    bool has_uid; /* bind, unbind, and at once with an addition */
    uint32_t uid;
    uint8_t
        other[32]; /* stand in, stand down; add: whose users and machines it has, too, of a card that is over by then; else zero */
};
void kr_person_act_write(const struct kr_person_act *act, struct kr_writer *writer);
enum kr_err kr_person_act_read(struct kr_slice bytes, struct kr_person_act *ret_act) KR_WARN_UNUSED;

struct kr_person_item {
    uint8_t id[32];
    uint64_t changed_ms;
    uint32_t state; /* enum kr_person_state of node/core/roles.h, now */
    struct kr_slice body_name_ja, body_name_en;
    uint32_t uid_count; /* users of this machine that are this person */
    uint32_t uids[KR_CREDENTIALS_MAX];
    struct kr_slice card; /* for kr_person_card_parse */
};
void kr_person_item_write(const struct kr_person_item *item, struct kr_writer *writer);
enum kr_err kr_person_item_read(struct kr_slice bytes, struct kr_person_item *ret_item) KR_WARN_UNUSED;

/* Who the caller is here. */
struct kr_whoami {
    bool has_people, is_operator, is_person;
    uint8_t person[32];
    struct kr_slice name, body_name_ja, body_name_en;
    uint32_t state, own_roles, roles; /* roles: what counts now, those of whom it stands for included */
    uint64_t from_s, until_s;
};
void kr_whoami_write(const struct kr_whoami *whoami, struct kr_writer *writer);
enum kr_err kr_whoami_read(struct kr_slice bytes, struct kr_whoami *ret_whoami) KR_WARN_UNUSED;

#endif
