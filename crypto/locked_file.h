/* A file of secrets, optionally under a passphrase: the keyring of a node, the root key on its stick.
 *
 * File: magic 6 ‖ version byte ‖ protection byte (0 none, 1 Argon2id) ‖ opslimit BE32 ‖ memlimit in KiB BE32 ‖ salt 16 ‖ nonce 24 ‖
 * XChaCha20-Poly1305 of the content with everything before it as associated data. Without a passphrase the key is all zeros (the
 * file is then protected by its mode alone; the tag still detects damage). Parameters from the file are capped before use (opslimit
 * <= 16, memory <= 1 GiB). Written to a temporary file, fsynced, renamed, directory fsynced. */
#ifndef KR_CRYPTO_LOCKED_FILE_H
#define KR_CRYPTO_LOCKED_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"

#define KR_LOCK_OPSLIMIT_MAX   16u
#define KR_LOCK_MEMORY_KIB_MIN 8u
#define KR_LOCK_MEMORY_KIB_MAX 1048576u

#define KR_LOCKED_MAGIC_BYTES 6
#define KR_LOCKED_HEAD_BYTES  56
#define KR_LOCKED_MORE_BYTES  (KR_LOCKED_HEAD_BYTES + 16u) /* of a file, beyond its content */
#define KR_LOCKED_BYTES_MAX   4096u                        /* of a content */
#define KR_LOCKED_BEFORE_MAX  4u                           /* older versions */

/* One sort of file: each version has one length, whatever is in it. A newer version appends to the content of the one before, so
 * that a file of that one is read with zeros behind what it has; what is written is of the newest. */
struct kr_locked_sort {
    const char *magic;  /* KR_LOCKED_MAGIC_BYTES long */
    const char *what;   /* in messages: "a keyring" */
    const char *repair; /* what to do where it is damaged: "restore it from a backup" */
    uint8_t version;
    bool is_private; /* only a file of this user's that nobody else can reach is read; else a passphrase is a must */
    size_t content_bytes;
    size_t before_bytes[KR_LOCKED_BEFORE_MAX]; /* of the content of version - 1, version - 2, …; 0: that one is not read */
};

/* What a passphrase was stretched to: with it the file is written anew without asking again. In locked memory. */
struct kr_lock {
    bool is_protected;
    uint32_t opslimit, memory_kib;
    uint8_t salt[16], key[32];
};
/* A fresh salt; `passphrase` NULL: none. KR_BOUNDS where the cost is outside the limits above, KR_NOMEM. */
enum kr_err kr_lock_make(struct kr_lock *ret_lock, const char *passphrase, uint32_t opslimit, uint32_t memory_kib,
                         struct kr_error *error) KR_WARN_UNUSED;

/* KR_EXISTS where the file is there and `replace` is false; KR_IO, KR_DENIED, KR_MLOCK, KR_NOMEM. */
enum kr_err kr_locked_write(const char *path, const struct kr_locked_sort *sort, const struct kr_lock *lock, const uint8_t *content,
                            bool replace, struct kr_error *error) KR_WARN_UNUSED;
/* KR_PASSPHRASE where one is needed or wrong, KR_DENIED where the mode lets others read, KR_VERSION where it is newer than we know,
 * KR_BOUNDS where it asks for more Argon2id than the caps allow, KR_CORRUPT where the content is damaged (under a passphrase damage
 * and a wrong passphrase look alike: KR_PASSPHRASE), KR_NOT_FOUND, KR_IO, KR_MLOCK, KR_NOMEM. A symbolic link and what is no plain
 * file are KR_DENIED. A passphrase for an unprotected file is not looked at. `ret_content` and `ret_lock` are in locked memory;
 * `ret_lock` may be NULL. */
enum kr_err kr_locked_read(const char *path, const struct kr_locked_sort *sort, const char *passphrase, struct kr_lock *ret_lock,
                           uint8_t *ret_content, struct kr_error *error) KR_WARN_UNUSED;
/* Whether the file is under a passphrase. */
enum kr_err kr_locked_is_protected(const char *path, const struct kr_locked_sort *sort, bool *ret_protected,
                                   struct kr_error *error) KR_WARN_UNUSED;

#endif
