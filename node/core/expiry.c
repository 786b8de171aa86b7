/* Work that can wait: what has expired goes. In slices.
 *
 *   shown ──(expires)──▶ header only ──(its month is over)──▶ gone, and with it the month's trees
 *   statement ──(expires)──▶ gone, also from the trees        quarantined ──(expires)──▶ gone
 *
 * A record stays in its trees until they are dropped as a whole: so nodes whose clocks differ by a little have the same. Who was
 * away when it expired gets its header alone (kr_expiry_share; admit.c and takeback.c take it): so all sets are equal. Of
 * statements only those that stand are in a tree, or those who replaced one would differ from those for whom it ended before. */
#include <stdlib.h>
#include <string.h>

#include "crypto/fault.h"
#include "node/core/change.h"
#include "node/core/internal.h"
#include "node/core/internal_older.h"
#include "node/core/reason.h"
#include "node/core/takeback.h"

#define EXPIRY_SLICE 64u
#define EXPIRY_BYTES KR_MIB /* stripped in a slice, or a record more */
#define EXPIRY_MS    60000u

/* A statement that has ended leaves the directory too, or a node would look for it in vain when it starts. */
static enum kr_err forget_statement(struct kr_step *step, const struct kr_head *head, bool *ret_was_known)
{
    struct kr_header header = {.kind = head->kind, .has_community = head->has_community};
    uint8_t key[KR_DIRECTORY_KEY_BYTES], value[KR_KIB * 2];
    size_t len;
    struct kr_directory_entry entry;
    memcpy(header.author, head->author, 32);
    memcpy(header.community, head->community, 32);
    memcpy(header.subject, head->subject, 32);
    kr_directory_key(key, &header);
    enum kr_err err = kr_admit_leave(step, &header, head->id);
    if (err != KR_OK) {
        return err;
    }
    err = kr_store_get(step->txn, KR_TABLE_DIRECTORY, key, sizeof key, value, sizeof value, &len);
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

enum kr_err kr_expiry_strip(struct kr_step *step, uint64_t arrival, uint64_t *bytes)
{
    struct kr_record record;
    struct kr_writer writer;
    uint8_t *whole = NULL;
    size_t len = 0;
    kr_writer_init(&writer, KR_RECORD_BYTES_MAX);
    enum kr_err err = kr_store_record_get(step->txn, arrival, &whole, &len);
    if (err == KR_OK) {
        err = kr_record_split(whole, len, &record) == KR_OK ? kr_record_strip(&record, &writer) : KR_CORRUPT;
    }
    if (err == KR_OK || err == KR_CORRUPT) {
        *bytes += len;
        err = kr_store_record_purge(step->txn, arrival, (struct kr_slice){writer.bytes, err == KR_OK ? writer.len : 0});
    }
    kr_writer_deinit(&writer);
    free(whole);
    return err;
}

/* Nothing of it stays. */
static enum kr_err delete_one(struct kr_step *step, uint64_t arrival, const struct kr_head *head)
{
    enum kr_err err = kr_takeback_forget(step, head);
    if (err == KR_OK && kr_kind_is_internal(head->kind)) {
        err = kr_internal_forget(step->txn, head);
    }
    if (err == KR_OK) {
        err = kr_store_record_purge(step->txn, arrival, (struct kr_slice){0});
    }
    if (err == KR_OK) {
        err = kr_change_forget(step->txn, arrival);
    }
    return err == KR_OK ? kr_reason_forget(step->txn, head->id) : err;
}

struct slice {
    uint8_t *scratch; /* KR_HEAD_SCRATCH */
    uint64_t bytes;   /* that were stripped */
    bool changes_directory;
};

static enum kr_err expire_one(struct kr_step *step, uint64_t arrival, struct slice *slice)
{
    struct kr_head head;
    enum kr_err err = kr_store_head_get(step->txn, arrival, &head, slice->scratch);
    if (err != KR_OK) {
        return err;
    }
    if (head.state == KR_HEAD_QUARANTINED) {
        err = kr_store_delete(step->txn, KR_TABLE_QUARANTINE, head.id, 32);
        if (err == KR_OK) {
            kr_quarantine_left(step->core, head.from, head.record_bytes);
        }
        return err == KR_OK || err == KR_NOT_FOUND ? delete_one(step, arrival, &head) : err;
    }
    if (kr_kind_is_internal(head.kind)) {
        err = kr_internal_expire(step, &head);
        return err == KR_OK ? delete_one(step, arrival, &head) : err == KR_EXISTS ? KR_OK : err;
    }
    if (kr_kind_is_statement(head.kind)) {
        if (memcmp(head.author, step->core->self, 32) == 0) {
            return KR_OK; /* our own card is who we are, until there is a newer one */
        }
        err = forget_statement(step, &head, &slice->changes_directory);
        return err == KR_OK ? delete_one(step, arrival, &head) : err;
    }
    if (head.kind == KR_KIND_BODY_NOTICE) { /* as a statement; what is false has left already */
        bool was_known = false;
        err = forget_statement(step, &head, &was_known);
        return err == KR_OK ? delete_one(step, arrival, &head) : err;
    }
    if (head.state == KR_HEAD_HEADER_ONLY) {
        return delete_one(step, arrival, &head);
    }
    err = KR_FAULT(KR_FAULT_EXPIRED_DELETED) ? delete_one(step, arrival, &head) : kr_expiry_strip(step, arrival, &slice->bytes);
    if (err == KR_OK && head.is_ours_to_read && !KR_FAULT(KR_FAULT_EXPIRED_DELETED)) {
        err = kr_change_note(step->txn, arrival);
    }
    return err == KR_OK ? kr_reason_forget(step->txn, head.id) : err;
}

/* By a clock that is ahead everything would go, for good. What is kept too long does no harm: nobody is shown it. */
static bool may_be_ahead(const struct kr_core *core)
{
    uint32_t sessions = 0, behind = 0;
    for (uint32_t i = 0; i < core->link_count; i++) {
        sessions += core->links[i]->has_session;
        behind += core->links[i]->has_session && core->links[i]->clock_ms < -(int64_t)KR_AHEAD_MS_MAX;
    }
    return (core->options.doubts_clock || 2 * behind > sessions) && !KR_FAULT(KR_FAULT_CLOCK_TRUSTED);
}

bool kr_clock_is_borne_out(const struct kr_core *core)
{
    uint32_t sessions = 0, apart = 0;
    for (uint32_t i = 0; i < core->link_count; i++) {
        const int64_t clock_ms = core->links[i]->clock_ms;
        const bool is_apart = clock_ms < -(int64_t)KR_AHEAD_MS_MAX || clock_ms > (int64_t)KR_AHEAD_MS_MAX;
        sessions += core->links[i]->has_session;
        apart += core->links[i]->has_session && is_apart;
    }
    return !core->options.doubts_clock && 2 * apart <= sessions;
}

bool kr_is_expired(const struct kr_step *step, uint64_t expires_s)
{
    return expires_s <= step->now_ms / 1000;
}

bool kr_is_month_over(const struct kr_step *step, uint64_t expires_s)
{
    const uint32_t month = kr_tree_month(expires_s);
    return month < kr_tree_month_from(step->now_ms / 1000) || month < step->core->month_from;
}

/* The peer's clock may say anything. */
uint64_t kr_link_their_s(const struct kr_step *step, const struct kr_link *link)
{
    if (link->clock_ms >= 0) {
        const uint64_t ahead_ms = (uint64_t)link->clock_ms;
        return (step->now_ms < UINT64_MAX - ahead_ms ? step->now_ms + ahead_ms : UINT64_MAX) / 1000;
    }
    const uint64_t behind_ms = 0 - (uint64_t)link->clock_ms;
    return (step->now_ms > behind_ms ? step->now_ms - behind_ms : 0) / 1000;
}

bool kr_lives_by_their_clock(const struct kr_step *step, const struct kr_link *link, uint64_t expires_s)
{
    return link->clock_ms < -(int64_t)KR_FUTURE_MS_MAX && expires_s > kr_link_their_s(step, link);
}

bool kr_expiry_doubts(const struct kr_step *step, const struct kr_link *link, uint64_t expires_s)
{
    return may_be_ahead(step->core) || (link != NULL && kr_lives_by_their_clock(step, link, expires_s));
}

/* Where the two clocks disagree, the one would put off what the other sends, and be offered it again and again: the walk finds it
 * when both have passed. */
enum kr_err kr_expiry_share(const struct kr_step *step, const struct kr_link *link, const struct kr_head *head,
                            enum kr_share *ret_share)
{
    const uint64_t their_now_s = kr_link_their_s(step, link);
    const bool is_expired = kr_is_expired(step, head->expires_s), is_expired_there = head->expires_s <= their_now_s;
    const bool is_header = head->state == KR_HEAD_HEADER_ONLY || is_expired;
    const bool is_over =
        is_expired && is_expired_there &&
        (kr_is_month_over(step, head->expires_s) || kr_tree_month(head->expires_s) < kr_tree_month_from(their_now_s));
    const bool is_disputed = is_expired != is_expired_there && (is_expired || link->clock_ms > (int64_t)KR_FUTURE_MS_MAX);
    enum kr_policy_reason reason;
    enum kr_err err = kr_policy_of_head(step->core, is_header ? KR_POLICY_HEADER : KR_POLICY_HOLD, head, link->council, &reason);
    if (err == KR_OK) {
        const bool may = head->state != KR_HEAD_QUARANTINED && !is_over && !is_disputed && kr_policy_is_allowed(reason);
        *ret_share = !may ? KR_SHARE_NOTHING : is_header ? KR_SHARE_HEADER : KR_SHARE_WHOLE;
    }
    return err;
}

/* Trees of months that are over, a slice of them. */
static enum kr_err drop_months(struct kr_step *step, bool *ret_is_done)
{
    const uint32_t month_from = kr_tree_month_from(step->now_ms / 1000);
    bool more = false;
    enum kr_err err = KR_OK;
    if (step->core->month_from != month_from) {
        err = kr_store_tree_drop(step->txn, month_from, &more);
    }
    if (err == KR_OK && !more) {
        step->core->month_from = month_from;
    }
    *ret_is_done = !more;
    return err;
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
    struct slice slice = {.scratch = malloc(KR_HEAD_SCRATCH)};
    uint64_t arrivals[EXPIRY_SLICE];
    uint32_t count = 0;
    bool is_done = false;
    if (slice.scratch == NULL) {
        return KR_NOMEM;
    }
    enum kr_err err =
        kr_store_expired(step->txn, step->now_ms / 1000, &core->expiry_next, arrivals, EXPIRY_SLICE, &count, &is_done);
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        if (slice.bytes >= EXPIRY_BYTES) {
            core->expiry_next = arrivals[i];
            is_done = false;
            break;
        }
        err = expire_one(step, arrivals[i], &slice);
    }
    if (err == KR_OK && slice.changes_directory) {
        err = kr_directory_reload(&core->directory, step->txn);
    }
    free(slice.scratch);
    if (err == KR_OK && is_done) {
        err = drop_months(step, &is_done);
    }
    *ret_more = !is_done;
    if (err == KR_OK && is_done) {
        core->expiry_next = 0;
        core->expiry_at_ms = step->now_ms + EXPIRY_MS;
        err = kr_step_wake(step, core->expiry_at_ms);
    }
    return err;
}
