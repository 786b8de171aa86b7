/* The secret halves of a person's own keys, in a file of this user's: $XDG_CONFIG_HOME/kairan/persons/ID.key, ID being the
 * beginning of the council's id; mode 0600 (crypto/locked_file.h, magic "KRPERS"), under a passphrase where its owner wants one.
 * The node never sees them. Keys that were replaced stay, so that what was sealed to them still opens. */
#ifndef KR_TOOLS_KAIRAN_PERSON_KEY_H
#define KR_TOOLS_KAIRAN_PERSON_KEY_H

#include <limits.h>

#include "crypto/locked_file.h"
#include "proto/record/section.h"

#define KR_OWN_KEYS_MAX 16u

struct kr_person_keys {
    uint32_t count; /* the newest first */
    struct kr_box_pair pairs[KR_OWN_KEYS_MAX];
    uint64_t since_s[KR_OWN_KEYS_MAX];
    char path[PATH_MAX]; /* of the file, whether it is there or not */
    struct kr_lock lock; /* under which it is written; all zero: under none */
};
/* Of this user in that council: locked memory, kr_secret_free releases. No file: `count` is 0. `passphrase` NULL: none. KR_INVALID
 * where neither XDG_CONFIG_HOME nor HOME is set; else as kr_locked_read says. */
enum kr_err kr_person_keys_load(const uint8_t council[static 32], const char *passphrase, struct kr_person_keys **ret_keys,
                                struct kr_error *error) KR_WARN_UNUSED;
/* Whether that file is under a passphrase; no file is under none. */
enum kr_err kr_person_keys_are_protected(const uint8_t council[static 32], bool *ret_protected,
                                         struct kr_error *error) KR_WARN_UNUSED;
/* From the next writing on it is under that one; nothing is written yet. */
enum kr_err kr_person_keys_set_passphrase(struct kr_person_keys *keys, const char *passphrase,
                                          struct kr_error *error) KR_WARN_UNUSED;
/* What is held, in the place of the file that is there. */
enum kr_err kr_person_keys_write(const uint8_t council[static 32], const struct kr_person_keys *keys,
                                 struct kr_error *error) KR_WARN_UNUSED;
/* The path of a file that this user keeps for that council, and the folders on the way to it, private where they are made. */
enum kr_err kr_person_file_path(const uint8_t council[static 32], const char *extension, char ret_path[static PATH_MAX],
                                struct kr_error *error) KR_WARN_UNUSED;
enum kr_err kr_person_file_folders(const char *path, struct kr_error *error) KR_WARN_UNUSED;
/* Whether there is such a file: most users have none, and are not to be troubled. */
bool kr_person_keys_exist(const uint8_t council[static 32]);
/* A fresh pair in front of those that are there; KR_BOUNDS where the file is full, and nothing changes. Written before it is used
 * anywhere. */
enum kr_err kr_person_keys_add(const uint8_t council[static 32], struct kr_person_keys *keys, uint64_t now_s,
                               struct kr_error *error) KR_WARN_UNUSED;

#endif
