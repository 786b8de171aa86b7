#include "tools/kairan/person_key.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/keyring.h"
#include "crypto/secret.h"

/* council 32 ‖ how many (byte) ‖ of each public 32 ‖ secret 32 ‖ since BE64 ‖ zeros */
#define PAIR_BYTES    72u
#define CONTENT_BYTES (33u + KR_OWN_KEYS_MAX * PAIR_BYTES)
#define NAME_DIGITS   32u

static const struct kr_locked_sort sort = {.magic = "KRPERS",
                                           .what = "a person's keys",
                                           .repair =
                                               "take your own copy of it, or make a new key with `kairan key person make --lost`",
                                           .version = 1,
                                           .is_private = true,
                                           .content_bytes = CONTENT_BYTES};

struct work {
    uint8_t content[CONTENT_BYTES];
};

enum kr_err kr_person_file_path(const uint8_t council[static 32], const char *extension, char ret_path[static PATH_MAX],
                                struct kr_error *error)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    char name[NAME_DIGITS + 1];
    const bool has_config = config != NULL && config[0] == '/'; /* XDG base directories: a relative path is to be ignored */
    if (!has_config && (home == NULL || home[0] != '/')) {
        return kr_fail(error, KR_INVALID, "neither XDG_CONFIG_HOME nor HOME is set: nobody knows where your key is to lie");
    }
    sodium_bin2hex(name, sizeof name, council, NAME_DIGITS / 2);
    const int len = snprintf(ret_path, PATH_MAX, "%s%s/kairan/persons/%s.%s", has_config ? config : home,
                             has_config ? "" : "/.config", name, extension);
    return len > 0 && len < PATH_MAX ? KR_OK : kr_fail(error, KR_BOUNDS, "the path of your key is too long");
}

bool kr_person_keys_exist(const uint8_t council[static 32])
{
    char path[PATH_MAX];
    return kr_person_file_path(council, "key", path, NULL) == KR_OK && access(path, F_OK) == 0;
}

enum kr_err kr_person_file_folders(const char *path, struct kr_error *error)
{
    char part[PATH_MAX];
    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        (void)snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        if (mkdir(part, 0700) != 0 && errno != EEXIST) {
            return kr_fail(error, KR_IO, "cannot make the folder %s: %s", part, strerror(errno));
        }
    }
    return KR_OK;
}

static enum kr_err read_content(const uint8_t *content, const uint8_t council[static 32], struct kr_person_keys *keys,
                                struct kr_error *error)
{
    keys->count = content[32];
    if (keys->count > KR_OWN_KEYS_MAX || memcmp(content, council, 32) != 0) {
        return kr_fail(error, KR_CORRUPT, "%s holds keys of another council, or is damaged: %s", keys->path, sort.repair);
    }
    for (uint32_t i = 0; i < keys->count; i++) {
        const uint8_t *at = content + 33 + (size_t)i * PAIR_BYTES;
        memcpy(keys->pairs[i].public_key, at, 32);
        memcpy(keys->pairs[i].secret, at + 32, 32);
        keys->since_s[i] = 0;
        for (unsigned byte = 0; byte < 8; byte++) {
            keys->since_s[i] = keys->since_s[i] << 8 | at[64 + byte];
        }
    }
    return KR_OK;
}

static void write_content(const struct kr_person_keys *keys, const uint8_t council[static 32], uint8_t *content)
{
    memset(content, 0, CONTENT_BYTES);
    memcpy(content, council, 32);
    content[32] = (uint8_t)keys->count;
    for (uint32_t i = 0; i < keys->count; i++) {
        uint8_t *at = content + 33 + (size_t)i * PAIR_BYTES;
        memcpy(at, keys->pairs[i].public_key, 32);
        memcpy(at + 32, keys->pairs[i].secret, 32);
        for (unsigned byte = 0; byte < 8; byte++) {
            at[64 + byte] = (uint8_t)(keys->since_s[i] >> (56 - 8 * byte));
        }
    }
}

enum kr_err kr_person_keys_are_protected(const uint8_t council[static 32], bool *ret_protected, struct kr_error *error)
{
    char path[PATH_MAX];
    enum kr_err err = kr_person_file_path(council, "key", path, error);
    if (err == KR_OK) {
        *ret_protected = false;
        err = kr_locked_is_protected(path, &sort, ret_protected, error);
    }
    return err == KR_NOT_FOUND ? KR_OK : err;
}

enum kr_err kr_person_keys_load(const uint8_t council[static 32], const char *passphrase, struct kr_person_keys **ret_keys,
                                struct kr_error *error)
{
    void *memory = NULL, *work = NULL;
    enum kr_err err = kr_secret_new(sizeof(struct kr_person_keys), &memory, error);
    if (err == KR_OK) {
        err = kr_secret_new(sizeof(struct work), &work, error);
    }
    if (err == KR_OK) {
        struct kr_person_keys *keys = memory;
        uint8_t *content = ((struct work *)work)->content;
        err = kr_person_file_path(council, "key", keys->path, error);
        if (err == KR_OK) {
            err = kr_locked_read(keys->path, &sort, passphrase, &keys->lock, content, error);
            err = err == KR_OK ? read_content(content, council, keys, error) : err == KR_NOT_FOUND ? KR_OK : err;
        }
    }
    kr_secret_free(work);
    if (err != KR_OK) {
        kr_secret_free(memory);
        return err;
    }
    *ret_keys = memory;
    return KR_OK;
}

enum kr_err kr_person_keys_set_passphrase(struct kr_person_keys *keys, const char *passphrase, struct kr_error *error)
{
    return kr_lock_make(&keys->lock, passphrase, KR_KEYRING_OPSLIMIT, KR_KEYRING_MEMORY_KIB, error);
}

enum kr_err kr_person_keys_write(const uint8_t council[static 32], const struct kr_person_keys *keys, struct kr_error *error)
{
    void *memory = NULL;
    enum kr_err err = kr_secret_new(sizeof(struct work), &memory, error);
    if (err == KR_OK) {
        struct work *work = memory;
        write_content(keys, council, work->content);
        err = kr_person_file_folders(keys->path, error);
        if (err == KR_OK) {
            err = kr_locked_write(keys->path, &sort, &keys->lock, work->content, true, error);
        }
    }
    kr_secret_free(memory);
    return err;
}

enum kr_err kr_person_keys_add(const uint8_t council[static 32], struct kr_person_keys *keys, uint64_t now_s,
                               struct kr_error *error)
{
    if (keys->count >= KR_OWN_KEYS_MAX) {
        return kr_fail(error, KR_BOUNDS,
                       "%s is full: it holds %u keys. Move it to a safe place, since what was sealed to them opens with nothing "
                       "else, and try again",
                       keys->path, KR_OWN_KEYS_MAX);
    }
    memmove(&keys->pairs[1], &keys->pairs[0], keys->count * sizeof keys->pairs[0]);
    memmove(&keys->since_s[1], &keys->since_s[0], keys->count * sizeof keys->since_s[0]);
    (void)crypto_box_keypair(keys->pairs[0].public_key, keys->pairs[0].secret);
    keys->since_s[0] = now_s;
    keys->count++;
    return kr_person_keys_write(council, keys, error);
}
