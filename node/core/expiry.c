/* Work that can wait: what has expired goes. In slices. */
#include <stdlib.h>
#include <string.h>

#include "node/core/reason.h"
#include "node/core/state.h"

#define EXPIRY_SLICE 64u
#define EXPIRY_MS    60000u
#define DAY_MS       86400000

/* A statement that has ended leaves the directory too, or a node would look for it in vain when it starts. */
static enum kr_err forget_statement(struct kr_step *step, const struct kr_head *head, bool *ret_was_known)
{
    struct kr_header header = {.kind = head->kind};
    uint8_t key[KR_DIRECTORY_KEY_BYTES], value[KR_KIB * 2];
    size_t len;
    struct kr_directory_entry entry;
    memcpy(header.author, head->author, 32);
    memcpy(header.community, head->community, 32);
    memcpy(header.subject, head->subject, 32);
    kr_directory_key(key, &header);
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_DIRECTORY, key, sizeof key, value, sizeof value, &len);
    if (err != KR_OK) {
        return err == KR_NOT_FOUND ? KR_OK : err;
    }
    if (kr_directory_entry_read((struct kr_slice){value, len}, &entry) != KR_OK || memcmp(entry.record_id, head->id, 32) != 0) {
        return KR_OK; /* another statement's row by now, or one that was passed over */
    }
    err = kr_store_delete(step->txn, KR_TABLE_DIRECTORY, key, sizeof key);
    *ret_was_known = *ret_was_known || err == KR_OK;
    return err;
}

static enum kr_err expire_one(struct kr_step *step, uint64_t arrival, uint8_t *scratch, bool *ret_changes_directory)
{
    struct kr_head head;
    enum kr_err err = kr_store_head_get(step->txn, arrival, &head, scratch);
    if (err != KR_OK) {
        return err;
    }
    if (kr_kind_is_statement(head.kind) && head.state != KR_HEAD_QUARANTINED) {
        if (memcmp(head.author, step->core->self, 32) == 0) {
            return KR_OK; /* our own card is who we are, until there is a newer one */
        }
        err = forget_statement(step, &head, ret_changes_directory);
        if (err != KR_OK) {
            return err;
        }
    }
    if (head.state == KR_HEAD_QUARANTINED) {
        err = kr_store_delete(step->txn, KR_TABLE_QUARANTINE, head.id, 32);
        if (err == KR_OK) {
            kr_quarantine_left(step->core, head.from, head.record_bytes);
        }
    }
    if (err == KR_OK || err == KR_NOT_FOUND) {
        err = kr_store_record_purge(step->txn, arrival, (struct kr_slice){0});
    }
    if (err == KR_OK) {
        uint8_t reason[KR_REASON_KEY_BYTES];
        kr_reason_key(reason, head.id);
        err = kr_store_delete(step->txn, KR_TABLE_RECEIPTS, reason, sizeof reason);
        err = err == KR_NOT_FOUND ? KR_OK : err;
    }
    return err;
}

/* By a clock that is ahead everything would go, for good. What is kept too long does no harm: nobody is shown it. */
static bool may_be_ahead(const struct kr_core *core)
{
    uint32_t sessions = 0, behind = 0;
    for (uint32_t i = 0; i < core->link_count; i++) {
        sessions += core->links[i]->has_session;
        behind += core->links[i]->has_session && core->links[i]->clock_ms < -(int64_t)DAY_MS;
    }
    return core->options.doubts_clock || 2 * behind > sessions;
}

enum kr_err kr_expiry_slice(struct kr_step *step, bool *ret_more)
{
    struct kr_core *core = step->core;
    *ret_more = false;
    if (step->now_ms < core->expiry_at_ms) {
        return KR_OK;
    }
    if (may_be_ahead(core)) {
        core->expiry_at_ms = step->now_ms + EXPIRY_MS;
        return kr_step_wake(step, core->expiry_at_ms);
    }
    uint64_t arrivals[EXPIRY_SLICE];
    uint32_t count = 0;
    bool changes_directory = false, is_done = false;
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    if (scratch == NULL) {
        return KR_NOMEM;
    }
    enum kr_err err =
        kr_store_expired(step->txn, step->now_ms / 1000, &core->expiry_next, arrivals, EXPIRY_SLICE, &count, &is_done);
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        err = expire_one(step, arrivals[i], scratch, &changes_directory);
    }
    if (err == KR_OK && changes_directory) {
        err = kr_directory_reload(&core->directory, step->txn);
    }
    free(scratch);
    *ret_more = !is_done;
    if (err == KR_OK && is_done) {
        core->expiry_next = 0;
        core->expiry_at_ms = step->now_ms + EXPIRY_MS;
        err = kr_step_wake(step, core->expiry_at_ms);
    }
    return err;
}
