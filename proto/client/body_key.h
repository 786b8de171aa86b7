/* Keys of persons and bodies, and whom one may seal something to: what clients ask and are told (docs/PROTOCOL.md, "Client
 * protocol"). Public halves and sealed copies alone; secret halves never leave the persons' machines. */
#ifndef KR_PROTO_CLIENT_BODY_KEY_H
#define KR_PROTO_CLIENT_BODY_KEY_H

#include "proto/client/client.h"
#include "proto/record/person.h"

/* A body or person of this council that has a key and is active. array of 8 */
struct kr_addressee {
    uint32_t sort; /* enum kr_addressed_sort */
    uint8_t id[32];
    struct kr_slice name_ja, name_en;           /* of a person: the one name it has, and none */
    struct kr_slice body_name_ja, body_name_en; /* of a person's body */
    uint8_t key[32];
    uint64_t key_since_s;
};
void kr_addressee_write(const struct kr_addressee *addressee, struct kr_writer *writer);
enum kr_err kr_addressee_read(struct kr_slice bytes, struct kr_addressee *ret_addressee) KR_WARN_UNUSED;

/* A person of the caller's body who has a key or a copy of the body's (`person`), or a key that the body had before. array of 9 */
struct kr_body_key_item {
    bool is_person;
    uint8_t id[32];       /* the person; else the key that `slot` holds */
    struct kr_slice name; /* of a person */
    uint32_t state;       /* likewise: enum kr_person_state of node/core/roles.h */
    struct kr_slice key;  /* likewise, the key that it has; empty: none */
    bool holds;           /* likewise: has the body's key, as it is now */
    struct kr_slice held; /* which key its copy is of; empty: it has none */
    struct kr_slice to;   /* to which key that copy is sealed */
    struct kr_slice slot; /* of the caller itself and of keys before: the copy */
};
void kr_body_key_item_write(const struct kr_body_key_item *item, struct kr_writer *writer);
enum kr_err kr_body_key_item_read(struct kr_slice bytes, struct kr_body_key_item *ret_item) KR_WARN_UNUSED;

/* The caller's body. array of 7 */
struct kr_body_keys {
    uint8_t person[32], body[32]; /* zero: the caller is no person */
    struct kr_slice name_ja, name_en;
    struct kr_slice key; /* empty: none */
    uint64_t key_since_s;
    bool is_rotation_due; /* somebody had a copy who is here no more, or has another key now */
};
void kr_body_keys_write(const struct kr_body_keys *keys, struct kr_writer *writer);
enum kr_err kr_body_keys_read(struct kr_slice bytes, struct kr_body_keys *ret_keys) KR_WARN_UNUSED;

enum kr_body_key_action {
    KR_BODY_KEY_MAKE = 1,   /* where the body has none, or nobody holds it any more */
    KR_BODY_KEY_SHARE = 2,  /* copies for more persons */
    KR_BODY_KEY_ROTATE = 3, /* another key, the one before sealed to it */
};
struct kr_body_key_copy {
    struct kr_slice person, to, slot; /* 32, 32, KR_SLOT_BYTES */
};
struct kr_body_key_act {
    uint32_t action;
    uint8_t key[32];        /* of which the copies are */
    struct kr_slice before; /* rotate: the secret before, sealed to that key; else empty */
    uint32_t copy_count;
    struct kr_body_key_copy copies[KR_BODY_PERSONS_MAX];
};
void kr_body_key_act_write(const struct kr_body_key_act *act, struct kr_writer *writer);
enum kr_err kr_body_key_act_read(struct kr_slice bytes, struct kr_body_key_act *ret_act) KR_WARN_UNUSED;

#endif
