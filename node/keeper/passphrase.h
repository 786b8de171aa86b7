/* Where the passphrase of the keyring comes from. Never an argument or the environment, which others can see. */
#ifndef KR_NODE_KEEPER_PASSPHRASE_H
#define KR_NODE_KEEPER_PASSPHRASE_H

#include <stdbool.h>

#include "crypto/keyring.h"
#include "node/keeper/place.h"

#define KR_PASSPHRASE_BYTES_MAX 1024u

enum kr_passphrase_use {
    KR_PASSPHRASE_OPENS,   /* the keyring that is there: asked for once */
    KR_PASSPHRASE_MAKES,   /* a new keyring: asked for twice; may be left empty */
    KR_PASSPHRASE_CHANGES, /* takes the place of another: asked for twice; never systemd's credential, which is the other */
};

struct kr_passphrase_source {
    int fd;           /* read up to the first line's end; -1: none */
    const char *file; /* of mode 0600; NULL: none */
    bool may_ask;     /* on the terminal, if there is one */
    enum kr_passphrase_use use;
};

/* The first of: fd, file, systemd's credential `kairan-passphrase` ($CREDENTIALS_DIRECTORY), the terminal. `*ret_passphrase` is
 * NULL where there is none, else NUL-terminated and released with kr_secret_free. KR_BOUNDS, KR_IO, KR_DENIED. */
enum kr_err kr_passphrase_get(const struct kr_passphrase_source *source, char **ret_passphrase,
                              struct kr_error *error) KR_WARN_UNUSED;

/* Opens the keyring, with what the source gives where that is needed. KR_NOT_FOUND where there is no node yet. */
enum kr_err kr_passphrase_open_keyring(const struct kr_place *place, const struct kr_passphrase_source *source,
                                       struct kr_keyring **ret_keyring, bool *ret_protected, struct kr_error *error) KR_WARN_UNUSED;

#endif
