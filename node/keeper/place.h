/* Where a node keeps its things: one state directory (mode 0700) with `keyring`, `store/`, `kairand.sock`, `kairand.lock`.
 *
 * As root: /var/lib/kairan and /etc/kairan/kairan.conf. As a user: $XDG_STATE_HOME/kairan (~/.local/state/kairan) with kairan.conf
 * inside. A directory that is named has its kairan.conf inside, too. */
#ifndef KR_NODE_KEEPER_PLACE_H
#define KR_NODE_KEEPER_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"

#define KR_PLACE_PATH_MAX     4096
#define KR_PLACE_LOCK_WAIT_MS 2000u

struct kr_place {
    char directory[KR_PLACE_PATH_MAX];
    char config[KR_PLACE_PATH_MAX];
    bool config_was_named; /* then it must be there */
    char keyring[KR_PLACE_PATH_MAX], store[KR_PLACE_PATH_MAX], socket[KR_PLACE_PATH_MAX], lock[KR_PLACE_PATH_MAX];
    char making[KR_PLACE_PATH_MAX]; /* where --init works until everything is whole */
};

/* `directory`, `config`: as named on the command line, or NULL. KR_INVALID where no place can be told (no HOME), KR_BOUNDS where a
 * path is too long (a socket's may have 107 bytes). Touches nothing. */
enum kr_err kr_place_init(struct kr_place *place, const char *directory, const char *config, struct kr_error *error) KR_WARN_UNUSED;
/* Makes the directory (and those above it) where it is missing; KR_DENIED where it belongs to someone else or others may write. */
enum kr_err kr_place_make(const struct kr_place *place, struct kr_error *error) KR_WARN_UNUSED;
/* Takes the lock for this process's life. Waits up to `wait_ms` for one that was just killed; KR_LOCKED where another holds it
 * still. The descriptor is the caller's to close. */
enum kr_err kr_place_lock(const struct kr_place *place, uint32_t wait_ms, int *ret_fd, struct kr_error *error) KR_WARN_UNUSED;
/* Joins two parts of a path with a slash. */
enum kr_err kr_place_join(char *ret_path, const char *directory, const char *name, struct kr_error *error) KR_WARN_UNUSED;

#endif
