#include "crypto/keyring.h"

#include <sodium.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/private_file.h"
#include "crypto/seal.h"
#include "crypto/secret.h"
#include "crypto/sign.h"

#define MAGIC       "KRKEYS"
#define MAGIC_BYTES 6
#define VERSION     1

enum protection { PROTECTION_NONE = 0, PROTECTION_ARGON2ID = 1 };

/* Offsets in the file. */
#define AT_VERSION    6
#define AT_PROTECTION 7
#define AT_OPSLIMIT   8
#define AT_MEMORY     12
#define AT_SALT       16
#define AT_NONCE      32
#define HEADER_BYTES  56

#define SEALING_KEY_BYTES (32 + 32 + 8 + 8)
#define CONTENT_BYTES     (3 * (32 + 64) + (32 + 32) + 32 + 32 + 4 + 4 + KR_SEALING_KEYS_MAX * SEALING_KEY_BYTES)
#define FILE_BYTES        (HEADER_BYTES + CONTENT_BYTES + KR_AEAD_BYTES)

_Static_assert(AT_SALT + crypto_pwhash_argon2id_SALTBYTES == AT_NONCE && AT_NONCE + KR_NONCE_BYTES == HEADER_BYTES,
               "the header's fields lie behind each other");

/* Everything secret on the way between file and keyring; in locked memory. */
struct work {
    uint8_t key[32];
    uint8_t content[CONTENT_BYTES];
    struct kr_keyring keyring; /* what is written: a copy whose unused places are zero */
};

static void put_be(uint8_t *to, uint64_t value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        to[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    }
}

static uint64_t get_be(const uint8_t *from, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        value = value << 8 | from[i];
    }
    return value;
}

/* ---- Fresh keys ---- */

/* Every key has a name, so that a new sort of key never changes those that a seed gave before. */
static void derive(uint8_t ret_seed[static 32], const uint8_t seed[static 32], const char *name)
{
    kr_hash_keyed(ret_seed, 32, seed, "kairan keyring ", name, strlen(name));
}

enum kr_err kr_keyring_new(const uint8_t seed[static 32], uint64_t now_s, struct kr_keyring **ret, struct kr_error *error)
{
    void *memory = NULL;
    enum kr_err err = kr_secret_new(sizeof(struct kr_keyring), &memory, error);
    if (err != KR_OK) {
        return err;
    }
    struct kr_keyring *keyring = memory;
    uint8_t sub[32];
    derive(sub, seed, "root");
    kr_sign_keypair(keyring->root_public, keyring->root_secret, sub);
    derive(sub, seed, "recovery");
    kr_sign_keypair(keyring->recovery_public, keyring->recovery_secret, sub);
    derive(sub, seed, "node");
    kr_sign_keypair(keyring->node_public, keyring->node_secret, sub);
    derive(sub, seed, "transport");
    kr_box_keypair(keyring->transport_public, keyring->transport_secret, sub);
    derive(sub, seed, "sealing");
    kr_box_keypair(keyring->sealing[0].public_key, keyring->sealing[0].secret, sub);
    derive(keyring->storage_key, seed, "storage");
    derive(keyring->term_key, seed, "term");
    keyring->sealing[0].from_s = now_s;
    keyring->sealing_count = 1;
    keyring->term_generation = 1;
    sodium_memzero(sub, sizeof sub);
    *ret = keyring;
    return KR_OK;
}

void kr_keyring_free(struct kr_keyring *keyring)
{
    kr_secret_free(keyring);
}

/* ---- Content ---- */

/* Walks the content in one order for both directions, so that writing and reading cannot drift apart. */
struct cursor {
    uint8_t *at;
    bool writing;
};

static void walk_bytes(struct cursor *cursor, uint8_t *field, size_t len)
{
    if (cursor->writing) {
        memcpy(cursor->at, field, len);
    } else {
        memcpy(field, cursor->at, len);
    }
    cursor->at += len;
}

static void walk_u32(struct cursor *cursor, uint32_t *field)
{
    if (cursor->writing) {
        put_be(cursor->at, *field, 4);
    } else {
        *field = (uint32_t)get_be(cursor->at, 4);
    }
    cursor->at += 4;
}

static void walk_u64(struct cursor *cursor, uint64_t *field)
{
    if (cursor->writing) {
        put_be(cursor->at, *field, 8);
    } else {
        *field = get_be(cursor->at, 8);
    }
    cursor->at += 8;
}

static void walk_content(uint8_t content[static CONTENT_BYTES], struct kr_keyring *keyring, bool writing)
{
    struct cursor cursor = {.at = content, .writing = writing};
    walk_bytes(&cursor, keyring->root_public, 32);
    walk_bytes(&cursor, keyring->root_secret, 64);
    walk_bytes(&cursor, keyring->recovery_public, 32);
    walk_bytes(&cursor, keyring->recovery_secret, 64);
    walk_bytes(&cursor, keyring->node_public, 32);
    walk_bytes(&cursor, keyring->node_secret, 64);
    walk_bytes(&cursor, keyring->transport_public, 32);
    walk_bytes(&cursor, keyring->transport_secret, 32);
    walk_bytes(&cursor, keyring->storage_key, 32);
    walk_bytes(&cursor, keyring->term_key, 32);
    walk_u32(&cursor, &keyring->term_generation);
    walk_u32(&cursor, &keyring->sealing_count);
    for (size_t i = 0; i < KR_SEALING_KEYS_MAX; i++) {
        walk_bytes(&cursor, keyring->sealing[i].public_key, 32);
        walk_bytes(&cursor, keyring->sealing[i].secret, 32);
        walk_u64(&cursor, &keyring->sealing[i].from_s);
        walk_u64(&cursor, &keyring->sealing[i].until_s);
    }
    KR_ASSERT(cursor.at == content + CONTENT_BYTES);
}

/* ---- Header of the file ---- */

/* Fills `ret_key`. Argon2id's own memory is not locked: it is more than most users may lock. */
static enum kr_err stretch(uint8_t ret_key[static 32], const uint8_t header[static HEADER_BYTES], const char *passphrase,
                           struct kr_error *error)
{
    if (header[AT_PROTECTION] == PROTECTION_NONE) {
        memset(ret_key, 0, 32);
        return KR_OK;
    }
    KR_ASSERT(passphrase != NULL);
    uint64_t opslimit = get_be(header + AT_OPSLIMIT, 4);
    size_t memory_kib = (size_t)get_be(header + AT_MEMORY, 4);
    if (crypto_pwhash(ret_key, 32, passphrase, strlen(passphrase), header + AT_SALT, opslimit, memory_kib * 1024,
                      crypto_pwhash_ALG_ARGON2ID13) != 0) {
        return kr_fail(error, KR_NOMEM, "not enough memory (%zu KiB) to turn the passphrase into a key", memory_kib);
    }
    return KR_OK;
}

static bool cost_is_allowed(uint64_t opslimit, uint64_t memory_kib)
{
    return opslimit >= 1 && opslimit <= KR_KEYRING_OPSLIMIT_MAX && memory_kib >= KR_KEYRING_MEMORY_KIB_MIN &&
           memory_kib <= KR_KEYRING_MEMORY_KIB_MAX;
}

/* Before this has passed, nothing in the file is believed. */
static enum kr_err check_header(const uint8_t *file, size_t len, const char *path, struct kr_error *error)
{
    if (len < HEADER_BYTES || memcmp(file, MAGIC, MAGIC_BYTES) != 0 || file[AT_VERSION] == 0) {
        return kr_fail(error, KR_CORRUPT, "%s is not a keyring, or is damaged: restore it from a backup", path);
    }
    if (file[AT_VERSION] > VERSION) {
        return kr_fail(error, KR_VERSION, "%s has the format %u and this program knows up to %u: use a newer one", path,
                       (unsigned)file[AT_VERSION], (unsigned)VERSION);
    }
    if (len != FILE_BYTES) {
        return kr_fail(error, KR_CORRUPT, "%s has not the length of a keyring (%d bytes): restore it from a backup", path,
                       FILE_BYTES);
    }
    uint64_t opslimit = get_be(file + AT_OPSLIMIT, 4), memory_kib = get_be(file + AT_MEMORY, 4);
    switch (file[AT_PROTECTION]) {
    case PROTECTION_NONE:
        return KR_OK;
    case PROTECTION_ARGON2ID:
        if (!cost_is_allowed(opslimit, memory_kib)) {
            return kr_fail(error, KR_BOUNDS,
                           "%s asks for %llu passes of Argon2id over %llu KiB, more or less than is allowed: restore it from a "
                           "backup",
                           path, (unsigned long long)opslimit, (unsigned long long)memory_kib);
        }
        return KR_OK;
    default:
        return kr_fail(error, KR_CORRUPT, "%s has an unknown kind of protection: restore it from a backup", path);
    }
}

/* ---- Reading ---- */

/* Reads and checks the file as far as that goes without a key. */
static enum kr_err read_file(const char *path, uint8_t file[static FILE_BYTES], struct kr_error *error)
{
    uint8_t bytes[FILE_BYTES + 1]; /* one more, to notice a longer file */
    size_t len = 0;
    enum kr_err err = kr_private_file_read(path, bytes, sizeof bytes, &len, error);
    if (err == KR_OK) {
        err = check_header(bytes, len, path, error);
    }
    if (err == KR_OK) {
        memcpy(file, bytes, FILE_BYTES);
    }
    sodium_memzero(bytes, sizeof bytes); /* without a passphrase the file is as good as open */
    return err;
}

/* A secret that does not belong to its public half would make signatures that give the secret away. */
static bool pair_matches(const uint8_t public_key[static 32], const uint8_t secret[static 64])
{
    uint8_t fresh_public[32], fresh_secret[64];
    if (sodium_is_zero(secret, 64)) {
        return true;
    }
    kr_sign_keypair(fresh_public, fresh_secret, secret);
    bool match = sodium_memcmp(fresh_public, public_key, 32) == 0 && sodium_memcmp(fresh_secret, secret, 64) == 0;
    sodium_memzero(fresh_secret, sizeof fresh_secret);
    return match;
}

static bool is_consistent(const struct kr_keyring *keyring)
{
    return keyring->sealing_count <= KR_SEALING_KEYS_MAX && pair_matches(keyring->root_public, keyring->root_secret) &&
           pair_matches(keyring->recovery_public, keyring->recovery_secret) &&
           pair_matches(keyring->node_public, keyring->node_secret);
}

static enum kr_err open_content(struct work *work, uint8_t file[static FILE_BYTES], const char *path, const char *passphrase,
                                struct kr_error *error)
{
    bool protected = file[AT_PROTECTION] == PROTECTION_ARGON2ID;
    if (protected && passphrase == NULL) {
        return kr_fail(error, KR_PASSPHRASE, "%s is under a passphrase: give it", path);
    }
    enum kr_err err = stretch(work->key, file, passphrase, error);
    if (err != KR_OK) {
        return err;
    }
    if (kr_aead_open(work->content, file + HEADER_BYTES, FILE_BYTES - HEADER_BYTES, file, HEADER_BYTES, file + AT_NONCE,
                     work->key) != KR_OK) {
        return protected ? kr_fail(error, KR_PASSPHRASE, "wrong passphrase for %s (or the file is damaged)", path)
                         : kr_fail(error, KR_CORRUPT, "%s is damaged: restore it from a backup", path);
    }
    return KR_OK;
}

enum kr_err kr_keyring_load(const char *path, const char *passphrase, struct kr_keyring **ret, struct kr_error *error)
{
    uint8_t file[FILE_BYTES];
    void *work = NULL, *keyring = NULL;
    enum kr_err err = read_file(path, file, error);
    if (err != KR_OK) {
        return err;
    }
    if ((err = kr_secret_new(sizeof(struct work), &work, error)) != KR_OK ||
        (err = kr_secret_new(sizeof(struct kr_keyring), &keyring, error)) != KR_OK ||
        (err = open_content(work, file, path, passphrase, error)) != KR_OK) {
        goto out;
    }
    walk_content(((struct work *)work)->content, keyring, false);
    if (!is_consistent(keyring)) {
        err = kr_fail(error, KR_CORRUPT, "%s holds keys that do not belong together: restore it from a backup", path);
        goto out;
    }
    *ret = keyring;
    keyring = NULL;
out:
    kr_secret_free(keyring);
    kr_secret_free(work);
    sodium_memzero(file, sizeof file);
    return err;
}

enum kr_err kr_keyring_is_protected(const char *path, bool *ret_protected, struct kr_error *error)
{
    uint8_t file[FILE_BYTES];
    enum kr_err err = read_file(path, file, error);
    if (err == KR_OK) {
        *ret_protected = file[AT_PROTECTION] == PROTECTION_ARGON2ID;
        sodium_memzero(file, sizeof file);
    }
    return err;
}

/* ---- Writing ---- */

enum kr_err kr_keyring_save_at_cost(const struct kr_keyring *keyring, const char *path, const char *passphrase, bool replace,
                                    uint32_t opslimit, uint32_t memory_kib, struct kr_error *error)
{
    if (!cost_is_allowed(opslimit, memory_kib)) {
        return kr_fail(error, KR_BOUNDS, "%u passes of Argon2id over %u KiB are outside the limits", opslimit, memory_kib);
    }
    if (!is_consistent(keyring)) {
        return kr_fail(error, KR_INVALID, "the keyring for %s holds keys that do not belong together", path);
    }
    uint8_t file[FILE_BYTES] = MAGIC;
    void *memory = NULL;
    enum kr_err err = kr_secret_new(sizeof(struct work), &memory, error);
    if (err != KR_OK) {
        return err;
    }
    struct work *work = memory;
    file[AT_VERSION] = VERSION;
    if (passphrase != NULL) {
        file[AT_PROTECTION] = PROTECTION_ARGON2ID;
        put_be(file + AT_OPSLIMIT, opslimit, 4);
        put_be(file + AT_MEMORY, memory_kib, 4);
    }
    randombytes_buf(file + AT_SALT, HEADER_BYTES - AT_SALT); /* salt and nonce */
    if ((err = stretch(work->key, file, passphrase, error)) != KR_OK) {
        goto out;
    }
    work->keyring = *keyring;
    for (size_t i = keyring->sealing_count; i < KR_SEALING_KEYS_MAX; i++) {
        sodium_memzero(&work->keyring.sealing[i], sizeof work->keyring.sealing[i]);
    }
    walk_content(work->content, &work->keyring, true);
    kr_aead_seal(file + HEADER_BYTES, work->content, CONTENT_BYTES, file, HEADER_BYTES, file + AT_NONCE, work->key);
    err = kr_private_file_write(path, file, sizeof file, replace, error);
out:
    kr_secret_free(memory);
    sodium_memzero(file, sizeof file);
    return err;
}

enum kr_err kr_keyring_save(const struct kr_keyring *keyring, const char *path, const char *passphrase, bool replace,
                            struct kr_error *error)
{
    return kr_keyring_save_at_cost(keyring, path, passphrase, replace, KR_KEYRING_OPSLIMIT, KR_KEYRING_MEMORY_KIB, error);
}

const struct kr_dated_key *kr_keyring_sealing_by_hint(const struct kr_keyring *keyring, const uint8_t hint[static 4],
                                                      uint32_t index)
{
    for (uint32_t i = 0; i < keyring->sealing_count; i++) {
        uint8_t own[KR_HINT_BYTES];
        kr_hint(own, keyring->sealing[i].public_key);
        if (memcmp(own, hint, KR_HINT_BYTES) == 0 && index-- == 0) {
            return &keyring->sealing[i];
        }
    }
    return NULL;
}
