/* The secret halves of a person's own keys, in a file of this user's: $XDG_CONFIG_HOME/kairan/persons/ID.key, ID being the
 * beginning of the council's id; mode 0600 (crypto/locked_file.h, magic "KRPERS"). The node never sees them. Keys that were
 * replaced stay, so that what was sealed to them still opens. */
#ifndef KR_TOOLS_KAIRAN_PERSON_KEY_H
#define KR_TOOLS_KAIRAN_PERSON_KEY_H

#include <limits.h>

#include "proto/record/section.h"

#define KR_OWN_KEYS_MAX 16u

struct kr_person_keys {
    uint32_t count; /* the newest first */
    struct kr_box_pair pairs[KR_OWN_KEYS_MAX];
    uint64_t since_s[KR_OWN_KEYS_MAX];
    char path[PATH_MAX]; /* of the file, whether it is there or not */
};
/* Of this user in that council: locked memory, kr_secret_free releases. No file: `count` is 0. KR_INVALID where neither
 * XDG_CONFIG_HOME nor HOME is set; else as kr_locked_read says. */
enum kr_err kr_person_keys_load(const uint8_t council[static 32], struct kr_person_keys **ret_keys,
                                struct kr_error *error) KR_WARN_UNUSED;
/* Whether there is such a file: most users have none, and are not to be troubled. */
bool kr_person_keys_exist(const uint8_t council[static 32]);
/* A fresh pair in front of those that are there; KR_BOUNDS where the file is full, and nothing changes. Written before it is used
 * anywhere. */
enum kr_err kr_person_keys_add(const uint8_t council[static 32], struct kr_person_keys *keys, uint64_t now_s,
                               struct kr_error *error) KR_WARN_UNUSED;

#endif
