/* Another passphrase for the keyring. Only the file changes, not the keys in it; it is the old one or the new one at any moment. */
#include <unistd.h>

#include "crypto/keyring.h"
#include "crypto/secret.h"
#include "node/keeper/keeper.h"
#include "node/keeper/log.h"

static enum kr_err change(const struct kr_place *place, const struct kr_passphrase_source *source,
                          const struct kr_passphrase_source *next, struct kr_error *error)
{
    struct kr_keyring *keyring = NULL;
    char *passphrase = NULL;
    bool was_protected;
    enum kr_err err = kr_passphrase_open_keyring(place, source, &keyring, &was_protected, error);
    if (err == KR_OK) {
        err = kr_passphrase_get(next, &passphrase, error);
    }
    if (err == KR_OK && passphrase == NULL) {
        err = kr_fail(error, KR_PASSPHRASE,
                      "there is no new passphrase: run this on a terminal, or name --new-passphrase-file or --new-passphrase-fd");
    }
    if (err == KR_OK) {
        err = kr_keyring_save(keyring, place->keyring, passphrase, true, error);
    }
    kr_secret_free(passphrase);
    kr_keyring_free(keyring);
    return err;
}

int kr_keeper_change_passphrase(const struct kr_place *place, const struct kr_passphrase_source *source,
                                const struct kr_passphrase_source *next)
{
    struct kr_error error = {0};
    int lock = -1;
    kr_log_init(KR_LOG_NOTICE);
    enum kr_err err = kr_keeper_harden(&error);
    if (err == KR_OK) {
        err = kr_crypto_init();
    }
    if (err == KR_OK && access(place->keyring, F_OK) != 0) { /* before a lock is left where no node is */
        err = kr_fail(&error, KR_NOT_FOUND, "there is no node in %s yet: run `kairan init`", place->directory);
    }
    if (err == KR_OK) {
        err = kr_place_lock(place, KR_PLACE_LOCK_WAIT_MS, &lock, &error);
    }
    if (err == KR_OK) {
        err = change(place, source, next, &error);
    }
    if (lock >= 0) {
        (void)close(lock);
    }
    if (err != KR_OK) {
        kr_log(KR_LOG_ERROR, "%s", error.text[0] != 0 ? error.text : kr_err_text(err));
        return err == KR_LOCKED ? KR_EXIT_RUNNING : KR_EXIT_FAILURE;
    }
    return KR_EXIT_OK;
}
