/* Records dated further ahead than clocks differ are hidden until then: look-ups see to that by the date alone. Watchers are told
 * when the time has come, also by a node that was started since. Peers are not kept waiting: a record's place in the scopes must
 * not depend on anybody's clock. */
#include <stdlib.h>
#include <string.h>

#include "node/core/change.h"
#include "node/core/state.h"

#define SLICE        64u
#define PREFIX_BYTES 5u
#define KEY_BYTES    (PREFIX_BYTES + 16u)

/* In KR_TABLE_RECEIPTS: "ahead" ‖ BE64(when it is shown, ms) ‖ BE64(arrival) → array of 0. The first row is the next. */
static const char prefix[PREFIX_BYTES + 1] = "ahead";

enum kr_err kr_ahead_put(struct kr_step *step, const struct kr_head *head)
{
    static const uint8_t empty[] = {0x90};
    uint64_t at_ms = head->created_ms - KR_FUTURE_MS_MAX;
    uint8_t key[KEY_BYTES];
    memcpy(key, prefix, PREFIX_BYTES);
    kr_put_be(key + PREFIX_BYTES, at_ms, 8);
    kr_put_be(key + PREFIX_BYTES + 8, head->arrival, 8);
    enum kr_err err = kr_store_put(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, empty, sizeof empty);
    if (err == KR_OK) {
        err = kr_step_wake(step, at_ms);
    }
    if (err == KR_OK && at_ms < step->core->ahead_at_ms) {
        step->core->ahead_at_ms = at_ms;
    }
    return err;
}

/* Rows whose time has come, and when the first of the others' comes. */
struct due {
    uint64_t now_ms, next_ms;
    uint32_t count;
    uint8_t keys[SLICE][KEY_BYTES];
};

static bool gather(void *context, struct kr_slice key, struct kr_slice value)
{
    struct due *due = context;
    (void)value;
    if (key.len != KEY_BYTES) {
        return true;
    }
    uint64_t at_ms = kr_get_be(key.bytes + PREFIX_BYTES, 8);
    if (at_ms > due->now_ms || due->count == SLICE) {
        due->next_ms = at_ms;
        return false;
    }
    memcpy(due->keys[due->count++], key.bytes, KEY_BYTES);
    return true;
}

/* A row that does not open is passed over: watchers are not told of one record, which look-ups show all the same. */
static enum kr_err look(struct kr_step *step, uint64_t now_ms, struct due *ret_due, uint32_t *ret_damaged)
{
    *ret_due = (struct due){.now_ms = now_ms, .next_ms = UINT64_MAX};
    return kr_store_each_whole(step->txn, KR_TABLE_RECEIPTS, prefix, PREFIX_BYTES, gather, ret_due, ret_damaged);
}

enum kr_err kr_ahead_load(struct kr_step *step)
{
    struct due due;
    uint32_t damaged;
    enum kr_err err = look(step, 0, &due, &damaged);
    if (err == KR_OK) {
        step->core->rows_skipped += damaged;
        step->core->ahead_at_ms = due.next_ms;
    }
    return err;
}

static enum kr_err tell(struct kr_step *step, const uint8_t key[static KEY_BYTES], uint8_t *scratch)
{
    struct kr_head head;
    enum kr_err err = kr_store_head_get(step->txn, kr_get_be(key + PREFIX_BYTES + 8, 8), &head, scratch);
    if (err == KR_OK && head.state == KR_HEAD_SHOWN && head.expires_s > step->now_ms / 1000) {
        err = kr_change_note(step->txn, head.arrival);
        err = err == KR_OK ? kr_watch_publish(step, &head) : err;
    }
    /* One that is gone or damaged in the meantime is not told of; where its bytes come anew, it is told of then. */
    return err == KR_OK || err == KR_NOT_FOUND || err == KR_CORRUPT ? kr_store_delete(step->txn, KR_TABLE_RECEIPTS, key, KEY_BYTES)
                                                                    : err;
}

enum kr_err kr_ahead_tick(struct kr_step *step)
{
    struct kr_core *core = step->core;
    if (core->ahead_at_ms == UINT64_MAX) {
        return KR_OK;
    }
    if (step->now_ms < core->ahead_at_ms) {
        return kr_step_wake(step, core->ahead_at_ms);
    }
    struct due *due = malloc(sizeof *due);
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    uint32_t damaged = 0;
    enum kr_err err = due == NULL || scratch == NULL ? KR_NOMEM : look(step, step->now_ms, due, &damaged);
    if (err == KR_OK && damaged > 0) {
        err = kr_step_log(step, KR_LOG_ERROR,
                          "%u rows of the store about records dated ahead cannot be read and are passed over: run `kairan verify`",
                          damaged);
    }
    for (uint32_t i = 0; err == KR_OK && i < due->count; i++) {
        err = tell(step, due->keys[i], scratch);
    }
    if (err == KR_OK && due->next_ms != UINT64_MAX) {
        err = kr_step_wake(step, due->next_ms); /* past already, where a slice was not enough */
    }
    if (err == KR_OK) {
        core->ahead_at_ms = due->next_ms;
    }
    free(due);
    free(scratch);
    return err;
}
