/* What a machine keeps of the node at which its user was enrolled: where the node is, how it proves itself, and the secrets that
 * make the user known there. One file a node: $XDG_CONFIG_HOME/kairan/nodes/NAME, of mode 0600, under a passphrase where its owner
 * wants one (crypto/locked_file.h, magic "KRNODE").
 *
 *   content = BE16 length ‖ array of 10 ‖ zeros: council id, person (bin 32), council's name, endpoint (strs), transport public
 *             key, node public key, own public key, own secret (bin 32), enrolled_s, further keys (array of [purpose, public key,
 *             secret (bin 32), since_s]) */
#ifndef KR_TOOLS_CLIENT_ENROLLED_H
#define KR_TOOLS_CLIENT_ENROLLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/limits.h"
#include "crypto/locked_file.h"

#define KR_ENROLLED_KEYS_MAX       8u
#define KR_ENROLLED_NAME_BYTES_MAX 64u

/* A key pair beside the one that the machine connects with; each use says here which number is its own. */
enum kr_enrolled_purpose {
    KR_ENROLLED_SEALING = 1, /* X25519: what is sealed to the person */
};
struct kr_enrolled_key {
    uint32_t purpose; /* one of a newer version is kept */
    uint8_t public_key[32], secret[32];
    uint64_t since_s;
};

struct kr_enrolled {
    uint8_t council[32], person[32];
    char name[KR_NAME_BYTES_MAX + 1]; /* the council's */
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1];
    uint8_t transport_public[32];       /* CURVE: of the node's network side */
    uint8_t node_public[32];            /* Ed25519: of its keeper; a newer one proves itself by the council's card */
    uint8_t public_key[32], secret[32]; /* X25519: of this machine */
    uint64_t enrolled_s;
    uint32_t key_count;
    struct kr_enrolled_key keys[KR_ENROLLED_KEYS_MAX];
    struct kr_lock lock; /* of the file that it came from; kr_lock_make for a new one */
};

/* Zeroed, in locked memory; kr_secret_free releases. KR_MLOCK, KR_NOMEM. */
enum kr_err kr_enrolled_new(struct kr_enrolled **ret_enrolled, struct kr_error *error) KR_WARN_UNUSED;

/* Where the file of that name lies. KR_INVALID for a name that is no file's, or where neither XDG_CONFIG_HOME nor HOME is set;
 * KR_BOUNDS. */
enum kr_err kr_enrolled_path(const char *name, char *ret_path, size_t size, struct kr_error *error) KR_WARN_UNUSED;
/* The folder, made where it is missing (mode 0700). */
enum kr_err kr_enrolled_make_folder(struct kr_error *error) KR_WARN_UNUSED;
/* What is there, in no order; at most `max`. Returns how many. */
uint32_t kr_enrolled_names(char (*ret_names)[KR_ENROLLED_NAME_BYTES_MAX + 1], uint32_t max);
/* The only one that is there. KR_NOT_FOUND: there is none; KR_EXISTS: there are several. */
enum kr_err kr_enrolled_only(char ret_name[static KR_ENROLLED_NAME_BYTES_MAX + 1]) KR_WARN_UNUSED;

/* Under its lock. KR_EXISTS where it is there and `replace` is false; else as kr_locked_write says. */
enum kr_err kr_enrolled_write(const struct kr_enrolled *enrolled, const char *path, bool replace,
                              struct kr_error *error) KR_WARN_UNUSED;
/* As kr_locked_read says; `passphrase` NULL: none. `*ret_enrolled` in locked memory, kr_secret_free releases. */
enum kr_err kr_enrolled_read(const char *path, const char *passphrase, struct kr_enrolled **ret_enrolled,
                             struct kr_error *error) KR_WARN_UNUSED;
enum kr_err kr_enrolled_is_protected(const char *path, bool *ret_protected, struct kr_error *error) KR_WARN_UNUSED;

#endif
