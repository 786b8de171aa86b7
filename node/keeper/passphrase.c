#include "node/keeper/passphrase.h"

#include "crypto/secret.h"

void kr_passphrase_of_keyring(struct kr_passphrase_source *source, enum kr_passphrase_use use, bool may_ask)
{
    static const struct {
        const char *prompt, *again;
    } asks[] = {
        [KR_PASSPHRASE_OPENS] = {"Passphrase of the keyring: ", NULL},
        [KR_PASSPHRASE_MAKES] = {"Passphrase for the new keyring (empty: none, whoever has the disk has the keys): ",
                                 "The same again: "},
        [KR_PASSPHRASE_CHANGES] = {"New passphrase of the keyring: ", "The same again: "},
    };
    source->credential = use == KR_PASSPHRASE_CHANGES ? NULL : "kairan-passphrase";
    source->prompt = may_ask ? asks[use].prompt : NULL;
    source->again = asks[use].again;
    source->may_be_none = use == KR_PASSPHRASE_MAKES;
}

enum kr_err kr_passphrase_open_keyring(const struct kr_place *place, const struct kr_passphrase_source *source,
                                       struct kr_keyring **ret_keyring, bool *ret_protected, struct kr_error *error)
{
    char *passphrase = NULL;
    bool is_protected = false;
    enum kr_err err = kr_keyring_is_protected(place->keyring, &is_protected, error);
    if (err == KR_NOT_FOUND) {
        return kr_fail(error, err, "there is no node in %s yet: run `kairan init`", place->directory);
    }
    if (err == KR_OK && is_protected) {
        err = kr_passphrase_get(source, &passphrase, error);
    }
    if (err == KR_OK) {
        err = kr_keyring_load(place->keyring, passphrase, ret_keyring, error);
    }
    kr_secret_free(passphrase);
    if (err == KR_OK) {
        *ret_protected = is_protected;
    }
    return err;
}
