/* Cards of the bodies and persons of one council, and copies of the bodies' keys (docs/PROTOCOL.md, "People of a council").
 *
 *   body card   = array of 10, or 12: version 1 or 2, name ja, name en, contact name, mail, telephone (strs), standing, listed
 * (flag: the body agrees to being named outside: body_notice.h), by (bin 0 or 32: the person who changed it; else the
 *                 operator), previous (bin 0 or 32); version 2: key (bin 32), key since (s)
 *   person card = array of 14, or 16: version 1 or 2, body (bin 32), name, mail, telephone (strs), roles, standing, contractor
 * (flag), from_s, until_s (0: open), credentials (array of [kind, bytes (bin)]), stands for (array of [person (bin 32), until_s (0:
 * open)]), by, previous; version 2: key (bin 32), key since (s) body key    = array of 8: version 1, body (bin 32), key (bin 32),
 * person (bin 0 or 32), to (bin 32), slot (bin 80), by, previous: the secret half of `key`, sealed to `to`, which is the key of a
 * person who holds it or, where no person is named, the body's key that followed. The header's subject is the person, or the key
 *
 * A card without a key is of version 1, one with a key of version 2. All are records of their council's own kinds, signed by a node
 * key, sealed to its own sealing key and addressed to the council itself; the header's subject is the body's or person's id, 32
 * random bytes, which is all that anybody outside may ever see. They never leave the council (kr_policy). Keys are X25519: what is
 * sealed to them only the body, or the person, can open; no node has their secret halves. */
#ifndef KR_PROTO_RECORD_PERSON_H
#define KR_PROTO_RECORD_PERSON_H

#include "crypto/limits.h"
#include "crypto/seal.h"
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
    struct kr_slice key;  /* 32 bytes; empty: it has none */
    uint64_t key_since_s; /* 0 without one */
};
enum kr_err kr_body_card_parse(struct kr_slice content, struct kr_body_card *ret_card) KR_WARN_UNUSED;
void kr_body_card_write(const struct kr_body_card *card, struct kr_writer *writer);

/* By what a person is known to a node. */
enum kr_credential_kind {
    KR_CREDENTIAL_USER = 1, /* machine (16 bytes) ‖ user id BE32: a local user, there alone */
    KR_CREDENTIAL_KEY = 2,  /* X25519 public key (32 bytes) of a machine of its own, at every node of the council */
};
#define KR_CREDENTIAL_USER_BYTES 20u
#define KR_CREDENTIAL_KEY_BYTES  32u
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
    struct kr_slice key; /* as of a body */
    uint64_t key_since_s;
};
enum kr_err kr_person_card_parse(struct kr_slice content, struct kr_person_card *ret_card) KR_WARN_UNUSED;
void kr_person_card_write(const struct kr_person_card *card, struct kr_writer *writer);

/* One holder's copy of a body's secret, or the way from a body's key to the one before. */
struct kr_body_key {
    uint8_t body[32], key[32];
    struct kr_slice person; /* 32 bytes: who holds it; empty: whoever has the key that followed */
    uint8_t to[32];
    uint8_t slot[KR_SLOT_BYTES];
    struct kr_slice by, previous;
};
enum kr_err kr_body_key_parse(struct kr_slice content, struct kr_body_key *ret_key) KR_WARN_UNUSED;
void kr_body_key_write(const struct kr_body_key *key, struct kr_writer *writer);
/* The subject under which it stands. */
const uint8_t *kr_body_key_subject(const struct kr_body_key *key);

/* "reader" … "admin", for one bit; NULL for any other number. Static storage. */
const char *kr_role_name(uint32_t role);
/* The other way; 0: none of them. */
uint32_t kr_role_named(const char *name, size_t len);

#endif
