/* The client protocol's part about this node's keys: which there are, and new ones. */
#ifndef KR_PROTO_CLIENT_REKEY_H
#define KR_PROTO_CLIENT_REKEY_H

#include "proto/client/client.h"
#include "proto/record/rekeying.h"

/* KR_OP_KEYS: public keys, those on the council's card first. */
enum kr_key_sort { KR_KEY_OF_NODE = 1, KR_KEY_OF_SEALING = 2, KR_KEY_OF_TRANSPORT = 3 };
enum kr_key_state {
    KR_KEY_IN_USE = 1,   /* what this node signs with, what is sealed to, what it is reached under */
    KR_KEY_COMES = 2,    /* made, and its turn has not come; with dates: on the card already. A node key with dates has its turn at
                            kr_key_turn_s */
    KR_KEY_REPLACED = 3, /* another is in use; a sealing key is kept, for what was sealed to it */
    KR_KEY_NOT_HERE = 4, /* on the card without an end, and this node has another, or lost it */
    KR_KEY_UNLISTED = 5, /* what this node would sign with, and nobody would accept: the card does not list it */
    KR_KEY_ASIDE = 6,    /* made, and its replacement of the one in use was called off: used for nothing until one is asked for */
};
struct kr_key_item {
    uint32_t sort, state;
    uint8_t public_key[32];
    uint64_t from_s, until_s; /* on the card; until 0: open end; both 0: not on the card */
};
/* When a node key whose turn has not come begins to sign, from what the card says of it. */
uint64_t kr_key_turn_s(uint64_t from_s);
void kr_key_item_write(const struct kr_key_item *item, struct kr_writer *writer);
enum kr_err kr_key_item_read(struct kr_slice bytes, struct kr_key_item *ret_item) KR_WARN_UNUSED;

/* KR_OP_NEW_KEYS. */
enum kr_new_keys {
    KR_NEW_KEYS_ONCE = 0, /* nothing new where one comes already */
    KR_NEW_KEYS_ANEW = 1, /* what was made before is not used: whoever had the keyring has it */
};
/* KR_OP_ROTATE: when the keys that come next take the place of those in use. */
enum kr_rotate_act {
    KR_ROTATE_NOW = 0,    /* at once; what was planned is off */
    KR_ROTATE_AT = 1,     /* at `at_s`; in place of what was planned */
    KR_ROTATE_CANCEL = 2, /* what was planned is off */
};
#define KR_ROTATE_AHEAD_S_MAX (366u * 86400u) /* so far ahead it can be planned */
struct kr_rotate {
    uint32_t act;
    uint64_t at_s; /* with KR_ROTATE_AT; else 0 */
};
/* (An empty array: at once.) */
void kr_rotate_write(const struct kr_rotate *rotate, struct kr_writer *writer);
enum kr_err kr_rotate_read(struct kr_slice bytes, struct kr_rotate *ret_rotate) KR_WARN_UNUSED;

/* KR_OP_REVOKE: a node key of this council's was, or may have been, in somebody else's hands. Genuine are the records that this
 * node made itself, and those of the key that had come from peers before `since_ms`. The same of a root key that was replaced, and
 * of statements. */
struct kr_revoke {
    uint8_t key[32];
    uint64_t since_ms;
    bool is_taken_over; /* the machine itself was: what it made since then is not genuine either */
    /* The transport key that goes with it, of another node that the asked one has not met; zeros: whichever, none is ended. */
    bool has_machine;
    uint8_t machine[32];
    /* Nothing is done: whether it could be, with new keys. So these are made only then, since a planned one goes by that. `root`:
     * the public key that would sign it; without one the root key has to be on this node. */
    bool is_question, has_root;
    uint8_t root[32];
};
void kr_revoke_write(const struct kr_revoke *revoke, struct kr_writer *writer);
enum kr_err kr_revoke_read(struct kr_slice bytes, struct kr_revoke *ret_revoke) KR_WARN_UNUSED;

/* KR_OP_TRANSPORT: the transport key is replaced. */
enum kr_transport_act {
    KR_TRANSPORT_MAKE = 1,   /* result: empty array when one that comes next is in the keyring's file. Nothing new where one is */
    KR_TRANSPORT_LIST = 2,   /* answers as KR_OP_STATE does: the card with it, and the one in use with an end */
    KR_TRANSPORT_FINISH = 3, /* result: empty array: it has its turn now, whoever has not heard of it */
};

/* KR_OP_RECOVER: another root key, by the recovery key's word (proto/record/rekeying.h). What its predecessor signed genuinely is
 * said by KR_OP_REVOKE of it, afterwards. */
enum kr_recover_others {
    KR_OTHERS_ASK = 0,  /* keys on the card that are not this node's: refused where there are any */
    KR_OTHERS_KEEP = 1, /* the council's other nodes have them */
    KR_OTHERS_END = 2,  /* whoever had the root key put them there */
};
struct kr_recover {
    uint8_t recovery_public[32]; /* that signed, to open the commitment the first time */
    struct kr_rekeying rekeying;
    uint32_t others;
};
/* KR_OP_CONFIRM_ROOT: the operator has compared a linked council's new root key with it. */
struct kr_root_confirm {
    uint8_t council[32], root[32];
};
void kr_root_confirm_write(const struct kr_root_confirm *confirm, struct kr_writer *writer);
enum kr_err kr_root_confirm_read(struct kr_slice bytes, struct kr_root_confirm *ret_confirm) KR_WARN_UNUSED;

void kr_recover_write(const struct kr_recover *recover, struct kr_writer *writer);
enum kr_err kr_recover_read(struct kr_slice bytes, struct kr_recover *ret_recover) KR_WARN_UNUSED;

#endif
