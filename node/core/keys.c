/* Secrets that can be kept elsewhere, the root key and the recovery key, on their way out. */
#include <string.h>

#include "crypto/seal.h"
#include "crypto/sign.h"
#include "node/core/effect.h"
#include "node/core/state.h"

static enum kr_err not_here(struct kr_step *step, const struct kr_event *event, uint32_t role)
{
    return kr_step_error(step, event->client, event->request, KR_NOT_FOUND, "the %s key is not on this node: it was taken off",
                         role == KR_KEY_ROOT ? "root" : "recovery");
}

enum kr_err kr_copy_key_request(struct kr_step *step, const struct kr_event *event)
{
    const struct kr_core *core = step->core;
    struct kr_key_copy copy;
    struct kr_key_sealed sealed;
    uint8_t slot[KR_SLOT_BYTES], seed[32];
    struct kr_writer result;
    if (kr_key_copy_read(event->bytes, &copy) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "this request is not readable");
    }
    const uint8_t *secret = kr_keyring_secret(core->keyring, (enum kr_key_role)copy.role);
    if (secret == NULL) {
        return not_here(step, event, copy.role);
    }
    kr_rng_bytes(step->rng, seed, sizeof seed);
    const enum kr_err sealed_err = kr_slot_seal(slot, secret, copy.box_public, seed); /* the first half of a secret is its seed */
    sodium_memzero(seed, sizeof seed);
    if (sealed_err != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_KEY, "nothing can be sealed to that key");
    }
    memcpy(sealed.council, core->self, 32);
    memcpy(sealed.public_key, kr_keyring_public(core->keyring, (enum kr_key_role)copy.role), 32);
    sealed.slot = (struct kr_slice){slot, sizeof slot};
    kr_writer_init(&result, KR_KIB);
    kr_key_sealed_write(&sealed, &result);
    enum kr_err err = kr_step_log(step, KR_LOG_NOTICE, "a copy of the %s key was given to a user of this machine",
                                  copy.role == KR_KEY_ROOT ? "root" : "recovery");
    if (err == KR_OK) {
        err = kr_step_end(step, event->client, event->request, &result);
    }
    kr_writer_deinit(&result);
    return err;
}

enum kr_err kr_forget_key_request(struct kr_step *step, const struct kr_event *event)
{
    const struct kr_core *core = step->core;
    struct kr_key_forget forget;
    if (kr_key_forget_read(event->bytes, &forget) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "this request is not readable");
    }
    const enum kr_key_role role = (enum kr_key_role)forget.role;
    if (kr_keyring_secret(core->keyring, role) == NULL) {
        return not_here(step, event, forget.role);
    }
    if (kr_verify(forget.signature.bytes, kr_keyring_public(core->keyring, role), KR_KEY_COPY_DOMAIN, core->self, 32) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_KEY,
                             "that is no copy of this council's key: nothing was taken off the node");
    }
    enum kr_err err =
        kr_step_log(step, KR_LOG_NOTICE, "the %s key is taken off this node", role == KR_KEY_ROOT ? "root" : "recovery");
    return err != KR_OK ? err
                        : kr_effect_add(step->effects, &(struct kr_effect){.type = KR_EFFECT_FORGET,
                                                                           .client = event->client,
                                                                           .request = event->request,
                                                                           .code = forget.role});
}
