/* The storage key replaced, while the node goes on.
 *
 *   asked ──▶ new key in the keyring's file ──▶ it seals; in idle slices so does what the one before had sealed ──▶ all durable ──▶
 *                                                                              the one before leaves the keyring's file
 *
 * The keyring alone says that it is under way, and the store alone how far it is: whatever ends the node, it goes on when it
 * starts. Where the keyring cannot be written at the end, that is tried again. */
#include "node/core/effect.h"
#include "node/core/state.h"

#define VALUES_MAX    512u     /* in a slice: a page each, and a few ms */
#define AGAIN_MS      60000u   /* the keyring's file */
#define UNREADABLE_MS 3600000u /* a page that cannot be read will hardly mend itself */

enum kr_err kr_storage_load(struct kr_step *step)
{
    return kr_keyring_storage_comes(step->core->keyring) ? kr_store_rekey_state(step->txn, &step->core->rekey) : KR_OK;
}

bool kr_storage_is_due(const struct kr_core *core)
{
    return kr_keyring_storage_comes(core->keyring) && core->now_ms >= core->rekey_at_ms;
}

static enum kr_err finish(struct kr_step *step)
{
    struct kr_core *core = step->core;
    core->rekey_at_ms = step->now_ms + AGAIN_MS;
    enum kr_err err = kr_step_log(step, KR_LOG_NOTICE,
                                  "everything in the store is sealed under the new storage key: the one before leaves the keyring");
    if (err == KR_OK) {
        err = kr_effect_add(step->effects, &(struct kr_effect){.type = KR_EFFECT_STORAGE_TURN, .at_ms = step->now_ms});
    }
    return err == KR_OK ? kr_step_wake(step, core->rekey_at_ms) : err;
}

/* What was sealed anew in the slice stands: the next one finds it so. */
static enum kr_err stop(struct kr_step *step)
{
    step->core->rekey_at_ms = step->now_ms + UNREADABLE_MS;
    enum kr_err err =
        kr_step_log(step, KR_LOG_ERROR,
                    "a page of the store cannot be read, and what lies behind it stays under the storage key of before: "
                    "run `kairan verify`, and restore a backup; it is tried again in an hour");
    return err == KR_OK ? kr_step_wake(step, step->core->rekey_at_ms) : err;
}

enum kr_err kr_storage_slice(struct kr_step *step, bool *ret_more)
{
    struct kr_core *core = step->core;
    struct kr_rekey rekey = {0};
    *ret_more = false;
    if (!kr_storage_is_due(core)) {
        return KR_OK;
    }
    enum kr_err err = kr_store_rekey_slice(step->txn, step->now_ms / 1000, VALUES_MAX, &rekey);
    if (err == KR_CORRUPT) {
        return stop(step);
    }
    if (err != KR_OK) {
        return err;
    }
    if (rekey.damaged > core->rekey.damaged) {
        err = kr_step_log(step, KR_LOG_WARNING, "%llu values of the store are damaged and stay as they are: run `kairan verify`",
                          (unsigned long long)rekey.damaged);
    }
    core->rekey = rekey;
    *ret_more = !rekey.is_done;
    return err == KR_OK && rekey.is_done ? finish(step) : err;
}

struct kr_status_storage kr_storage_status(const struct kr_core *core)
{
    const struct kr_keyring *keyring = core->keyring;
    struct kr_status_storage storage = {.from_s = keyring->storage_from_s};
    if (kr_keyring_storage_comes(keyring)) {
        storage.next_s = keyring->next_storage_from_s;
        storage.moved_s = core->rekey.moved_s;
        storage.done = core->rekey.done;
        storage.all = core->rekey.all > core->rekey.done ? core->rekey.all : core->rekey.done;
        storage.damaged = core->rekey.damaged;
    }
    return storage;
}

enum kr_err kr_storage_rotate_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_core *core = step->core;
    struct kr_writer seed;
    uint8_t bytes[32];
    if (kr_keyring_storage_comes(core->keyring)) {
        return kr_step_end_empty(step, event->client, event->request);
    }
    core->rekey = (struct kr_rekey){0};
    core->rekey_at_ms = 0;
    kr_rng_bytes(step->rng, bytes, sizeof bytes);
    kr_writer_init(&seed, sizeof bytes);
    kr_writer_raw(&seed, bytes, sizeof bytes);
    sodium_memzero(bytes, sizeof bytes);
    enum kr_err err = kr_step_log(step, KR_LOG_NOTICE, "the storage key is replaced: whatever is in the store is sealed anew");
    if (err == KR_OK) {
        err = kr_effect_add_writer(
            step->effects,
            (struct kr_effect){
                .type = KR_EFFECT_STORAGE_MAKE, .client = event->client, .request = event->request, .at_ms = step->now_ms},
            &seed);
    }
    kr_writer_deinit(&seed);
    return err;
}
