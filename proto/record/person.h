/* Cards of the bodies and persons of one council (docs/PROTOCOL.md, "People of a council").
 *
 *   body card   = array of 10: version 1, name ja, name en, contact name, mail, telephone (strs), standing, listed (flag: the body
 *                 agrees to being named outside; nothing does so yet), by (bin 0 or 32: the person who changed it; else the
 *                 operator), previous (bin 0 or 32)
 *   person card = array of 14: version 1, body (bin 32), name, mail, telephone (strs), roles, standing, contractor (flag), from_s,
 *                 until_s (0: open), credentials (array of [kind, bytes (bin)]), stands for (array of [person (bin 32), until_s
 *                 (0: open)]), by, previous
 *
 * Both are records of their council's own kinds, signed by a node key, sealed to its own sealing key and addressed to the council
 * itself; the header's subject is the body's or person's id, 32 random bytes, which is all that anybody outside may ever see. They
 * never leave the council (kr_policy). */
#ifndef KR_PROTO_RECORD_PERSON_H
#define KR_PROTO_RECORD_PERSON_H

#include "crypto/limits.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"

/* What somebody may do; several at once. Bits of a newer version are kept, and give nothing here. */
enum kr_role {
    KR_ROLE_READER = 1,   /* looks things up */
    KR_ROLE_ANALYST = 2,  /* submits */
    KR_ROLE_APPROVER = 4, /* approves what others submit */
    KR_ROLE_INTAKE = 8,   /* takes in what bodies report; knows who submitted */
    KR_ROLE_ADMIN = 16,   /* people, links, keys, the node */
};
#define KR_ROLES_ALL   31u
#define KR_ROLES_COUNT 5u

enum kr_card_standing {
    KR_STANDING_ACTIVE = 1,
    KR_STANDING_SUSPENDED = 2, /* until resumed */
    KR_STANDING_ENDED = 3,     /* a body that left, a person that was revoked: for good */
};

struct kr_body_card {
    struct kr_slice name_ja, name_en, contact_name, contact_mail, contact_telephone;
    uint32_t standing;
    bool is_listed;
    struct kr_slice by, previous;
};
enum kr_err kr_body_card_parse(struct kr_slice content, struct kr_body_card *ret_card) KR_WARN_UNUSED;
void kr_body_card_write(const struct kr_body_card *card, struct kr_writer *writer);

/* By what a person is known to a node. */
enum kr_credential_kind {
    KR_CREDENTIAL_USER = 1, /* machine (16 bytes) ‖ user id BE32: a local user, there alone */
};
#define KR_CREDENTIAL_USER_BYTES 20u
#define KR_CREDENTIAL_BYTES_MAX  64u
struct kr_credential {
    uint32_t kind; /* a newer one is kept, and admits nobody here */
    struct kr_slice bytes;
};

/* A deputy has the roles of whom it stands for (代理), as long as that one has them itself. */
struct kr_stand_in {
    uint8_t person[32];
    uint64_t until_s; /* 0: open */
};

struct kr_person_card {
    uint8_t body[32];
    struct kr_slice name, mail, telephone;
    uint32_t roles, standing;
    bool is_contractor;       /* 委託: always with an end */
    uint64_t from_s, until_s; /* 0: open */
    uint32_t credential_count, stands_for_count;
    struct kr_credential credentials[KR_CREDENTIALS_MAX];
    struct kr_stand_in stands_for[KR_STANDS_FOR_MAX];
    struct kr_slice by, previous;
};
enum kr_err kr_person_card_parse(struct kr_slice content, struct kr_person_card *ret_card) KR_WARN_UNUSED;
void kr_person_card_write(const struct kr_person_card *card, struct kr_writer *writer);

/* "reader" … "admin", for one bit; NULL for any other number. Static storage. */
const char *kr_role_name(uint32_t role);
/* The other way; 0: none of them. */
uint32_t kr_role_named(const char *name, size_t len);

#endif
