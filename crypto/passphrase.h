/* Where a passphrase comes from. Never an argument or the environment, which others can see. */
#ifndef KR_CRYPTO_PASSPHRASE_H
#define KR_CRYPTO_PASSPHRASE_H

#include <stdbool.h>

#include "crypto/err.h"

#define KR_PASSPHRASE_BYTES_MAX 1024u

struct kr_passphrase_source {
    int fd;                 /* read up to the first line's end; -1: none */
    const char *file;       /* of mode 0600; NULL: none */
    const char *credential; /* of systemd's ($CREDENTIALS_DIRECTORY); NULL: none */
    const char *prompt;     /* on the terminal, if there is one; NULL: nobody is asked */
    const char *again;      /* asked for twice; NULL: once */
    bool may_be_none;       /* an empty answer on the terminal: no passphrase */
};

/* The first of: fd, file, credential, terminal. `*ret_passphrase` is NULL where there is none, else NUL-terminated and released
 * with kr_secret_free. KR_BOUNDS, KR_IO, KR_DENIED. */
enum kr_err kr_passphrase_get(const struct kr_passphrase_source *source, char **ret_passphrase,
                              struct kr_error *error) KR_WARN_UNUSED;

#endif
