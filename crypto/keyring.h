/* The keyring: every secret of a node, in one file of mode 0600, optionally under a passphrase.
 *
 * File: crypto/locked_file.h, with the magic "KRKEYS".
 *
 * Content: the fields of struct kr_keyring in their order but for the lock, numbers big-endian, always all places for sealing keys
 * (zeros where unused), so that the file has one length whatever is in it. Version 1 ended behind the first 16 sealing keys; behind
 * them version 2 has the next node key, then the other sealing keys; behind those version 3 the next storage key and when it and
 * the one in use were made; and behind those version 4 the next transport key. */
#ifndef KR_CRYPTO_KEYRING_H
#define KR_CRYPTO_KEYRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/locked_file.h"

#define KR_SEALING_KEYS_MAX   32
#define KR_SEALING_KEYS_FIRST 16 /* of them stand where version 1 had all */

/* What a guess at the passphrase costs (libsodium's "interactive" memory, one pass more than its time): about 0.1 s. */
#define KR_KEYRING_OPSLIMIT   3u
#define KR_KEYRING_MEMORY_KIB 65536u

struct kr_dated_key {
    uint8_t public_key[32];
    uint8_t secret[32];
    uint64_t from_s, until_s; /* Unix seconds; until 0: open end */
};

/* Lives in kr_secret_new memory. Ed25519 secrets are 64 bytes (seed ‖ public). */
struct kr_keyring {
    uint8_t root_public[32], root_secret[64]; /* signs cards, charters, vouches; root_secret all zero: the root is elsewhere */
    uint8_t recovery_public[32], recovery_secret[64];   /* all zero once it is on paper only */
    uint8_t node_public[32], node_secret[64];           /* signs records and hellos */
    uint8_t transport_public[32], transport_secret[32]; /* CURVE */
    uint8_t storage_key[32];                            /* wraps data keys, seals small values (kr_keyring_storage) */
    uint8_t term_key[32];                               /* blind index */
    uint32_t term_generation;
    uint32_t sealing_count;
    struct kr_dated_key sealing[KR_SEALING_KEYS_MAX];   /* newest first; where a node key comes next, the one made with it */
    uint8_t next_node_public[32], next_node_secret[64]; /* signs as soon as the council's card lists it; all zero: there is none */
    uint8_t next_storage_key[32];                       /* takes the place of the storage key; all zero: there is none */
    uint64_t storage_from_s, next_storage_from_s;       /* when they were made (Unix seconds) */
    uint8_t next_transport_public[32],
        next_transport_secret[32]; /* takes the place of the transport key; all zero: there is none */
    struct kr_lock lock;           /* of the file that it came from, or was saved to last */
};

/* Fresh keys from `seed` (32 random bytes; the caller's randomness). `ret` in locked memory, kr_keyring_free releases. */
enum kr_err kr_keyring_new(const uint8_t seed[static 32], uint64_t now_s, struct kr_keyring **ret,
                           struct kr_error *error) KR_WARN_UNUSED;
void kr_keyring_free(struct kr_keyring *keyring);

/* `passphrase` NULL: none. Sets the lock. KR_EXISTS where the file is there and `replace` is false. */
enum kr_err kr_keyring_save(struct kr_keyring *keyring, const char *path, const char *passphrase, bool replace,
                            struct kr_error *error) KR_WARN_UNUSED;
/* The same at another cost: for machines with little memory, and for tests. KR_BOUNDS where the cost is outside the limits. */
enum kr_err kr_keyring_save_at_cost(struct kr_keyring *keyring, const char *path, const char *passphrase, bool replace,
                                    uint32_t opslimit, uint32_t memory_kib, struct kr_error *error) KR_WARN_UNUSED;
/* The same under the lock that the keyring has: nobody is asked for a passphrase. */
enum kr_err kr_keyring_save_again(const struct kr_keyring *keyring, const char *path, bool replace,
                                  struct kr_error *error) KR_WARN_UNUSED;
/* As kr_locked_read says; another user's file is KR_DENIED. */
enum kr_err kr_keyring_load(const char *path, const char *passphrase, struct kr_keyring **ret,
                            struct kr_error *error) KR_WARN_UNUSED;
/* Whether the file is under a passphrase. */
enum kr_err kr_keyring_is_protected(const char *path, bool *ret_protected, struct kr_error *error) KR_WARN_UNUSED;

/* The two keys that can be kept elsewhere. */
enum kr_key_role { KR_KEY_ROOT = 1, KR_KEY_RECOVERY = 2 };
const uint8_t *kr_keyring_public(const struct kr_keyring *keyring, enum kr_key_role role); /* borrowed */
const uint8_t *kr_keyring_secret(const struct kr_keyring *keyring, enum kr_key_role role); /* likewise; NULL: it is elsewhere */
/* Takes the secret out, first of the file at `path`, then of memory. On failure it is still in both. */
enum kr_err kr_keyring_take_out(struct kr_keyring *keyring, enum kr_key_role role, const char *path,
                                struct kr_error *error) KR_WARN_UNUSED;

/* How long the card lists a key that was replaced by a new one on a day that was planned: who was away for so long and still has
 * the old card is served. */
#define KR_KEY_OVERLAP_S (90u * 86400u)
#define KR_KEY_EARLIER_S 3600u /* a key on our card is valid from so long before it was put there */

/* What becomes of a node key that waits already, and of the sealing key that was made with it. */
enum kr_next_keys {
    KR_NEXT_ONCE = 0,   /* they stay, and nothing is made */
    KR_NEXT_ANEW = 1,   /* new ones take their place: whoever had the keyring has those, and nobody was told of them */
    KR_NEXT_BESIDE = 2, /* the same, and that sealing key stays behind the new one: others may have sealed to it */
};
/* A node key that comes next and a new sealing key, from `seed` (32 random bytes), first in the file at `path` (NULL: there is
 * none), then in memory. A sealing key that no record can need any more makes room for the
 * new one (it ended longer ago than a record lives); KR_BOUNDS where there is no such. */
enum kr_err kr_keyring_prepare(struct kr_keyring *keyring, const uint8_t seed[static 32], uint64_t now_s, enum kr_next_keys how,
                               const char *path, struct kr_error *error) KR_WARN_UNUSED;
bool kr_keyring_has_next(const struct kr_keyring *keyring);
/* The node key that comes next takes the place of the one that there is, which is gone, and sealing keys but the newest end after
 * KR_KEY_OVERLAP_S where they did not before; first in the file, then in memory. Nothing where none waits. On failure all is as it
 * was. */
enum kr_err kr_keyring_turn(struct kr_keyring *keyring, uint64_t now_s, const char *path, struct kr_error *error) KR_WARN_UNUSED;

/* A storage key that comes next, from `seed` (32 random bytes), first in the file at `path` (NULL: there is none), then in memory;
 * nothing where one comes already. From then on the store is written under it, and holds what was written under the one before
 * until all of that is under the new one as well. */
enum kr_err kr_keyring_storage_prepare(struct kr_keyring *keyring, const uint8_t seed[static 32], uint64_t now_s, const char *path,
                                       struct kr_error *error) KR_WARN_UNUSED;
/* It takes the place of the one before, which is gone; first in the file, then in memory. Nothing where none comes. On failure all
 * is as it was. */
enum kr_err kr_keyring_storage_turn(struct kr_keyring *keyring, const char *path, struct kr_error *error) KR_WARN_UNUSED;
bool kr_keyring_storage_comes(const struct kr_keyring *keyring);
/* The key that the store is written under, and the one before, which something in it may still be under; NULL where there is none.
 * Borrowed. */
const uint8_t *kr_keyring_storage(const struct kr_keyring *keyring);
const uint8_t *kr_keyring_storage_before(const struct kr_keyring *keyring);
/* A transport key that comes next, from `seed` (32 random bytes), first in the file at `path` (NULL: there is none), then in
 * memory; nothing where one comes already. It is used for nothing until its turn. */
enum kr_err kr_keyring_transport_prepare(struct kr_keyring *keyring, const uint8_t seed[static 32], const char *path,
                                         struct kr_error *error) KR_WARN_UNUSED;
/* It takes the place of the one before, which is gone; first in the file, then in memory. Nothing where none comes. On failure all
 * is as it was. */
enum kr_err kr_keyring_transport_turn(struct kr_keyring *keyring, const char *path, struct kr_error *error) KR_WARN_UNUSED;
bool kr_keyring_transport_comes(const struct kr_keyring *keyring);
/* Root key and recovery key are others from now on, and in other places: what is here of the ones before goes; first in the file at
 * `path` (NULL: there is none), then in memory. Nothing where they are these already. On failure all is as it was. */
enum kr_err kr_keyring_follow(struct kr_keyring *keyring, const uint8_t root_public[static 32],
                              const uint8_t recovery_public[static 32], const char *path, struct kr_error *error) KR_WARN_UNUSED;
/* What is all nodes' of one council, as another node has it: which root and recovery key the council has (where this node has no
 * secret of its own for them), and its sealing keys (`count` of them, each a pair). Adds those that it lacks and takes over ends;
 * first in the file, then in memory. Nothing, and `*ret_changed` false, where it has all that. KR_BOUNDS where there is no room:
 * one place is left for a key of its own. */
enum kr_err kr_keyring_share(struct kr_keyring *keyring, const uint8_t root_public[static 32],
                             const uint8_t recovery_public[static 32], const struct kr_dated_key *sealing, uint32_t count,
                             const char *path, bool *ret_changed, struct kr_error *error) KR_WARN_UNUSED;
/* Whether that would change anything. */
bool kr_keyring_lacks(const struct kr_keyring *keyring, const uint8_t root_public[static 32],
                      const uint8_t recovery_public[static 32], const struct kr_dated_key *sealing, uint32_t count);
/* Keys for a further node of a council: its own, and no root, recovery or sealing keys, which come from the others. */
enum kr_err kr_keyring_new_node(const uint8_t seed[static 32], uint64_t now_s, struct kr_keyring **ret,
                                struct kr_error *error) KR_WARN_UNUSED;

/* The secret key and public key whose hint equals `hint`; NULL where there is none. `index` from 0 walks several with one hint.
 * Borrowed from the keyring. */
const struct kr_dated_key *kr_keyring_sealing_by_hint(const struct kr_keyring *keyring, const uint8_t hint[static 4],
                                                      uint32_t index);

#endif
