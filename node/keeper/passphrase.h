/* Where the passphrase of the keyring comes from. */
#ifndef KR_NODE_KEEPER_PASSPHRASE_H
#define KR_NODE_KEEPER_PASSPHRASE_H

#include <stdbool.h>

#include "crypto/keyring.h"
#include "crypto/passphrase.h"
#include "node/keeper/place.h"

enum kr_passphrase_use {
    KR_PASSPHRASE_OPENS,   /* the keyring that is there: asked for once */
    KR_PASSPHRASE_MAKES,   /* a new keyring: asked for twice; may be left empty */
    KR_PASSPHRASE_CHANGES, /* takes the place of another: asked for twice; never systemd's credential, which is the other */
};

/* Fills in what is asked for where neither descriptor nor file is given. */
void kr_passphrase_of_keyring(struct kr_passphrase_source *source, enum kr_passphrase_use use, bool may_ask);

/* Opens the keyring, with what the source gives where that is needed. KR_NOT_FOUND where there is no node yet. */
enum kr_err kr_passphrase_open_keyring(const struct kr_place *place, const struct kr_passphrase_source *source,
                                       struct kr_keyring **ret_keyring, bool *ret_protected, struct kr_error *error) KR_WARN_UNUSED;

#endif
