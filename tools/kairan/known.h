/* Keys of bodies and persons that this user has sealed something to, in a file of his own beside his own keys
 * ($XDG_CONFIG_HOME/kairan/persons/ID.known, mode 0600): a node that hands out another key from some day on is found out. What is
 * new is shown with its digits, and kept; what has changed stops, until the user says that the new one was compared. No terminal.
 *
 *   file = array of 2: 1, array of at most KR_KNOWN_MAX [sort, council (bin 32), id (bin 32), key (bin 32)], the latest last */
#ifndef KR_TOOLS_KAIRAN_KNOWN_H
#define KR_TOOLS_KAIRAN_KNOWN_H

#include <limits.h>

#include "crypto/err.h"
#include "proto/record/section.h"

#define KR_KNOWN_MAX 4096u

enum kr_known_state {
    KR_KNOWN_NEW, /* nothing was ever sealed to it from here */
    KR_KNOWN_SAME,
    KR_KNOWN_CHANGED,
};
struct kr_known {
    char path[PATH_MAX];
    uint32_t count;
    struct kr_addressed items[KR_KNOWN_MAX];
};
/* Of this user, for whom `council` is his own; no file: none are known. To be freed. KR_CORRUPT, KR_NOMEM; else as
 * kr_person_file_path and kr_private_file_read say. */
enum kr_err kr_known_load(const uint8_t council[static 32], struct kr_known **ret_known, struct kr_error *error) KR_WARN_UNUSED;
/* `ret_former`: the key that is known, where there is one. */
enum kr_known_state kr_known_find(const struct kr_known *known, const struct kr_addressed *one, uint8_t ret_former[static 32]);
/* From now on it is that key. Where there is no room the one that was put longest ago is forgotten. */
void kr_known_put(struct kr_known *known, const struct kr_addressed *one);
/* As kr_private_file_write says. Of two at once the later one stays: what the other knew is new again. */
enum kr_err kr_known_save(const struct kr_known *known, struct kr_error *error) KR_WARN_UNUSED;

#endif
