#include "crypto/locked_file.h"

#include <sodium.h>
#include <string.h>

#include "crypto/private_file.h"
#include "crypto/seal.h"
#include "crypto/secret.h"

enum protection { PROTECTION_NONE = 0, PROTECTION_ARGON2ID = 1 };

/* Offsets in the file. */
#define AT_VERSION    KR_LOCKED_MAGIC_BYTES
#define AT_PROTECTION 7
#define AT_OPSLIMIT   8
#define AT_MEMORY     12
#define AT_SALT       16
#define AT_NONCE      32
#define FILE_BYTES    (KR_LOCKED_BYTES_MAX + KR_LOCKED_MORE_BYTES)

_Static_assert(AT_SALT + crypto_pwhash_argon2id_SALTBYTES == AT_NONCE && AT_NONCE + KR_NONCE_BYTES == KR_LOCKED_HEAD_BYTES,
               "the header's fields lie behind each other");
_Static_assert(KR_LOCKED_MORE_BYTES == KR_LOCKED_HEAD_BYTES + KR_AEAD_BYTES, "a header, and what sealing adds");

static void put_be32(uint8_t *to, uint32_t value)
{
    for (size_t i = 0; i < 4; i++) {
        to[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static uint32_t get_be32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

/* ---- the lock ---- */

static bool cost_is_allowed(uint64_t opslimit, uint64_t memory_kib)
{
    return opslimit >= 1 && opslimit <= KR_LOCK_OPSLIMIT_MAX && memory_kib >= KR_LOCK_MEMORY_KIB_MIN &&
           memory_kib <= KR_LOCK_MEMORY_KIB_MAX;
}

/* Fills the lock's key. Argon2id's own memory is not locked: it is more than most users may lock. */
static enum kr_err stretch(struct kr_lock *lock, const char *passphrase, struct kr_error *error)
{
    if (!lock->is_protected) {
        memset(lock->key, 0, sizeof lock->key);
        return KR_OK;
    }
    KR_ASSERT(passphrase != NULL);
    if (crypto_pwhash(lock->key, sizeof lock->key, passphrase, strlen(passphrase), lock->salt, lock->opslimit,
                      (size_t)lock->memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0) {
        return kr_fail(error, KR_NOMEM, "not enough memory (%u KiB) to turn the passphrase into a key", lock->memory_kib);
    }
    return KR_OK;
}

enum kr_err kr_lock_make(struct kr_lock *ret_lock, const char *passphrase, uint32_t opslimit, uint32_t memory_kib,
                         struct kr_error *error)
{
    if (!cost_is_allowed(opslimit, memory_kib)) {
        return kr_fail(error, KR_BOUNDS, "%u passes of Argon2id over %u KiB are outside the limits", opslimit, memory_kib);
    }
    *ret_lock = (struct kr_lock){.is_protected = passphrase != NULL};
    if (passphrase != NULL) {
        ret_lock->opslimit = opslimit;
        ret_lock->memory_kib = memory_kib;
    }
    randombytes_buf(ret_lock->salt, sizeof ret_lock->salt);
    return stretch(ret_lock, passphrase, error);
}

/* ---- the header ---- */

static void write_head(uint8_t head[static KR_LOCKED_HEAD_BYTES], const struct kr_locked_sort *sort, const struct kr_lock *lock)
{
    memcpy(head, sort->magic, KR_LOCKED_MAGIC_BYTES);
    head[AT_VERSION] = sort->version;
    head[AT_PROTECTION] = lock->is_protected ? PROTECTION_ARGON2ID : PROTECTION_NONE;
    put_be32(head + AT_OPSLIMIT, lock->opslimit);
    put_be32(head + AT_MEMORY, lock->memory_kib);
    memcpy(head + AT_SALT, lock->salt, sizeof lock->salt);
    randombytes_buf(head + AT_NONCE, KR_NONCE_BYTES);
}

/* The length of the content that a file with this version has; 0: such a file is not read. */
static size_t content_bytes(const struct kr_locked_sort *sort, uint8_t version)
{
    const uint32_t older = (uint32_t)sort->version - version; /* by so many */
    return older == 0 ? sort->content_bytes : older <= KR_LOCKED_BEFORE_MAX ? sort->before_bytes[older - 1] : 0;
}

/* Before this has passed, nothing in the file is believed. Fills the lock but for its key. */
static enum kr_err read_head(const uint8_t *file, size_t len, const char *path, const struct kr_locked_sort *sort,
                             struct kr_lock *ret_lock, struct kr_error *error)
{
    if (len < KR_LOCKED_HEAD_BYTES || memcmp(file, sort->magic, KR_LOCKED_MAGIC_BYTES) != 0 || file[AT_VERSION] == 0) {
        return kr_fail(error, KR_CORRUPT, "%s is not %s, or is damaged: %s", path, sort->what, sort->repair);
    }
    if (file[AT_VERSION] > sort->version) {
        return kr_fail(error, KR_VERSION, "%s has the format %u and this program knows up to %u: use a newer one", path,
                       (unsigned)file[AT_VERSION], (unsigned)sort->version);
    }
    const size_t wanted = content_bytes(sort, file[AT_VERSION]);
    if (wanted == 0 || len != wanted + KR_LOCKED_MORE_BYTES) {
        return kr_fail(error, KR_CORRUPT, "%s has not the length of %s (%zu bytes): %s", path, sort->what,
                       (wanted > 0 ? wanted : sort->content_bytes) + KR_LOCKED_MORE_BYTES, sort->repair);
    }
    if (file[AT_PROTECTION] > PROTECTION_ARGON2ID || (file[AT_PROTECTION] == PROTECTION_NONE && !sort->is_private)) {
        return kr_fail(error, KR_CORRUPT, "%s has an unknown kind of protection: %s", path, sort->repair);
    }
    struct kr_lock lock = {.is_protected = file[AT_PROTECTION] == PROTECTION_ARGON2ID,
                           .opslimit = get_be32(file + AT_OPSLIMIT),
                           .memory_kib = get_be32(file + AT_MEMORY)};
    if (lock.is_protected && !cost_is_allowed(lock.opslimit, lock.memory_kib)) {
        return kr_fail(error, KR_BOUNDS, "%s asks for %u passes of Argon2id over %u KiB, more or less than is allowed: %s", path,
                       lock.opslimit, lock.memory_kib, sort->repair);
    }
    memcpy(lock.salt, file + AT_SALT, sizeof lock.salt);
    *ret_lock = lock;
    return KR_OK;
}

/* ---- files ---- */

/* Reads and checks the file as far as that goes without a key. */
static enum kr_err read_file(const char *path, const struct kr_locked_sort *sort, uint8_t file[static FILE_BYTES + 1],
                             struct kr_lock *ret_lock, struct kr_error *error)
{
    size_t len = 0;
    /* One more than it may have, to notice a longer file. */
    const size_t max = sort->content_bytes + KR_LOCKED_MORE_BYTES + 1;
    KR_ASSERT(sort->content_bytes <= KR_LOCKED_BYTES_MAX);
    enum kr_err err = sort->is_private ? kr_private_file_read(path, file, max, &len, error)
                                       : kr_private_file_read_any(path, file, max, &len, error);
    return err != KR_OK ? err : read_head(file, len, path, sort, ret_lock, error);
}

static enum kr_err open_content(const uint8_t *file, const char *path, const struct kr_locked_sort *sort, struct kr_lock *lock,
                                const char *passphrase, uint8_t *ret_content, struct kr_error *error)
{
    if (lock->is_protected && passphrase == NULL) {
        return kr_fail(error, KR_PASSPHRASE, "%s is under a passphrase: give it", path);
    }
    enum kr_err err = stretch(lock, passphrase, error);
    if (err != KR_OK) {
        return err;
    }
    const size_t len = content_bytes(sort, file[AT_VERSION]);
    if (kr_aead_open(ret_content, file + KR_LOCKED_HEAD_BYTES, len + KR_AEAD_BYTES, file, KR_LOCKED_HEAD_BYTES, file + AT_NONCE,
                     lock->key) != KR_OK) {
        return lock->is_protected ? kr_fail(error, KR_PASSPHRASE, "wrong passphrase for %s (or the file is damaged)", path)
                                  : kr_fail(error, KR_CORRUPT, "%s is damaged: %s", path, sort->repair);
    }
    memset(ret_content + len, 0, sort->content_bytes - len);
    return KR_OK;
}

enum kr_err kr_locked_read(const char *path, const struct kr_locked_sort *sort, const char *passphrase, struct kr_lock *ret_lock,
                           uint8_t *ret_content, struct kr_error *error)
{
    uint8_t file[FILE_BYTES + 1];
    struct kr_lock lock = {0};
    enum kr_err err = read_file(path, sort, file, &lock, error);
    if (err == KR_OK) {
        err = open_content(file, path, sort, &lock, passphrase, ret_content, error);
    }
    if (err == KR_OK && ret_lock != NULL) {
        *ret_lock = lock;
    }
    sodium_memzero(file, sizeof file); /* without a passphrase the file is as good as open */
    sodium_memzero(&lock, sizeof lock);
    return err;
}

enum kr_err kr_locked_is_protected(const char *path, const struct kr_locked_sort *sort, bool *ret_protected, struct kr_error *error)
{
    uint8_t file[FILE_BYTES + 1];
    struct kr_lock lock = {0};
    enum kr_err err = read_file(path, sort, file, &lock, error);
    if (err == KR_OK) {
        *ret_protected = lock.is_protected;
    }
    sodium_memzero(file, sizeof file);
    return err;
}

enum kr_err kr_locked_write(const char *path, const struct kr_locked_sort *sort, const struct kr_lock *lock, const uint8_t *content,
                            bool replace, struct kr_error *error)
{
    uint8_t file[FILE_BYTES];
    KR_ASSERT(sort->content_bytes <= KR_LOCKED_BYTES_MAX && (lock->is_protected || sort->is_private));
    write_head(file, sort, lock);
    kr_aead_seal(file + KR_LOCKED_HEAD_BYTES, content, sort->content_bytes, file, KR_LOCKED_HEAD_BYTES, file + AT_NONCE, lock->key);
    enum kr_err err = kr_private_file_write(path, file, sort->content_bytes + KR_LOCKED_MORE_BYTES, replace, error);
    sodium_memzero(file, sizeof file);
    return err;
}
