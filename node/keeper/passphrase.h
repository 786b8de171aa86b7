/* Where the passphrase of the keyring comes from. Never an argument or the environment, which others can see. */
#ifndef KR_NODE_KEEPER_PASSPHRASE_H
#define KR_NODE_KEEPER_PASSPHRASE_H

#include <stdbool.h>

#include "crypto/err.h"

#define KR_PASSPHRASE_BYTES_MAX 1024u

struct kr_passphrase_source {
    int fd;           /* read up to the first line's end; -1: none */
    const char *file; /* of mode 0600; NULL: none */
    bool may_ask;     /* on the terminal, if there is one */
    bool is_new;      /* asked for twice; may be left empty */
};

/* The first of: fd, file, systemd's credential `kairan-passphrase` ($CREDENTIALS_DIRECTORY), the terminal. `*ret_passphrase` is
 * NULL where there is none, else NUL-terminated and released with kr_secret_free. KR_BOUNDS, KR_IO, KR_DENIED. */
enum kr_err kr_passphrase_get(const struct kr_passphrase_source *source, char **ret_passphrase,
                              struct kr_error *error) KR_WARN_UNUSED;

#endif
