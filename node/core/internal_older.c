#include "node/core/internal_older.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/draft.h"
#include "node/core/enrol_shared.h"
#include "node/core/facts.h"
#include "node/core/internal.h"
#include "node/core/internal_bound.h"
#include "node/core/people.h"
#include "node/core/revoke.h"
#include "node/core/root_confirm.h"
#include "node/core/sister.h"

#define PREFIX_BYTES (5u + 1u + 32u)
#define KEY_BYTES    (PREFIX_BYTES + 32u)
#define STOOD_MS     86400000u

static void row_key(uint8_t ret_key[static KEY_BYTES], uint32_t kind, const uint8_t subject[static 32], const uint8_t *id)
{
    memcpy(ret_key, "older", 5);
    ret_key[5] = (uint8_t)kind;
    memcpy(ret_key + 6, subject, 32);
    if (id != NULL) {
        memcpy(ret_key + PREFIX_BYTES, id, 32);
    }
}

/* ---- what is kept ---- */

struct ids {
    uint8_t items[2 * KR_OLDER_MAX + 1][32]; /* false ones, too, and the one that stands */
    uint32_t count;
};

static bool add_id(void *context, struct kr_slice key, struct kr_slice value)
{
    struct ids *ids = context;
    (void)value;
    if (key.len == KEY_BYTES) {
        memcpy(ids->items[ids->count++], key.bytes + PREFIX_BYTES, 32);
    }
    return ids->count < 2 * KR_OLDER_MAX;
}

static enum kr_err kept_of(struct kr_txn *txn, const struct kr_head *head, struct ids *ret_ids)
{
    uint8_t prefix[KEY_BYTES];
    uint32_t damaged;
    ret_ids->count = 0;
    row_key(prefix, head->kind, head->subject, NULL);
    return kr_store_each_whole(txn, KR_TABLE_RECEIPTS, prefix, PREFIX_BYTES, add_id, ret_ids, &damaged);
}

enum kr_err kr_internal_forget(struct kr_txn *txn, const struct kr_head *head)
{
    uint8_t key[KEY_BYTES];
    row_key(key, head->kind, head->subject, head->id);
    enum kr_err err = kr_store_delete(txn, KR_TABLE_RECEIPTS, key, sizeof key);
    return err == KR_NOT_FOUND ? KR_OK : err;
}

static enum kr_err set_state(struct kr_step *step, const struct kr_head *head, enum kr_head_state state)
{
    struct kr_head changed = *head;
    changed.state = state;
    return kr_store_head_update(step->txn, &changed);
}

static enum kr_err keep(struct kr_step *step, const struct kr_head *head)
{
    static const uint8_t empty[] = {0x90};
    uint8_t key[KEY_BYTES];
    row_key(key, head->kind, head->subject, head->id);
    enum kr_err err = kr_store_put(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, empty, sizeof empty);
    return err == KR_OK ? set_state(step, head, KR_HEAD_QUARANTINED) : err;
}

/* KR_NOT_FOUND: it is not here, or cannot be read. */
static enum kr_err head_of(struct kr_step *step, const uint8_t id[static 32], struct kr_head *ret_head, uint8_t *scratch)
{
    uint64_t arrival;
    enum kr_err err = kr_store_record_find(step->txn, id, &arrival);
    err = err == KR_OK ? kr_store_head_get(step->txn, arrival, ret_head, scratch) : err;
    return err == KR_CORRUPT ? KR_NOT_FOUND : err;
}

static enum kr_err drop_oldest(struct kr_step *step, const struct kr_head *like, const struct ids *ids, uint8_t *scratch)
{
    struct kr_head head, oldest = *like;
    bool is_found = false;
    for (uint32_t i = 0; i < ids->count; i++) {
        enum kr_err err = head_of(step, ids->items[i], &head, scratch);
        if (err == KR_NOT_FOUND) { /* its row is all that is left */
            head = *like;
            memcpy(head.id, ids->items[i], 32);
            return kr_internal_forget(step->txn, &head);
        }
        if (err != KR_OK) {
            return err;
        }
        if (!is_found || head.version < oldest.version) {
            oldest = head;
            is_found = true;
        }
    }
    enum kr_err err = kr_internal_forget(step->txn, &oldest);
    return err == KR_OK && is_found ? kr_store_record_purge(step->txn, oldest.arrival, (struct kr_slice){0}) : err;
}

enum kr_err kr_internal_replaced(struct kr_step *step, uint64_t arrival)
{
    struct ids ids = {.count = 0};
    struct kr_head head;
    uint8_t *scratch = malloc(2 * KR_HEAD_SCRATCH);
    enum kr_err err = scratch != NULL ? kr_store_head_get(step->txn, arrival, &head, scratch) : KR_NOMEM;
    const bool is_kept = err == KR_OK && head.kind != KR_KIND_DRAFT && head.state == KR_HEAD_SHOWN;
    if (is_kept) {
        err = kept_of(step->txn, &head, &ids);
    }
    const bool has_room = ids.count < KR_OLDER_MAX;
    const bool stays = is_kept && (has_room || head.received_ms + STOOD_MS <= step->now_ms);
    if (err == KR_OK && stays && !has_room) {
        err = drop_oldest(step, &head, &ids, scratch + KR_HEAD_SCRATCH);
    }
    if (err == KR_OK && stays) {
        err = keep(step, &head);
    } else if (err == KR_OK || err == KR_CORRUPT) {
        err = kr_store_record_purge(step->txn, arrival, (struct kr_slice){0});
    }
    free(scratch);
    return err;
}

/* ---- what stands ---- */

/* Says no more, of whatever it was. */
static enum kr_err leave(struct kr_step *step, const struct kr_head *head)
{
    struct kr_header header = {.kind = head->kind};
    uint8_t *content = NULL;
    size_t len = 0;
    bool has_keys = false;
    memcpy(header.author, head->author, 32);
    memcpy(header.subject, head->subject, 32);
    enum kr_err err = kr_internal_row_drop(step, &header);
    if (err == KR_OK) {
        err = kr_admit_leave(step, &header, head->id);
    }
    if (err == KR_OK) {
        err = keep(step, head);
    }
    if (err != KR_OK) {
        return err;
    }
    switch (head->kind) {
    case KR_KIND_DRAFT:
        return kr_draft_expire(step->txn, head->subject);
    case KR_KIND_DUTY:
        return KR_OK;
    case KR_KIND_PEER_LINK:
        return kr_links_shared_back(step, head->subject, 0, (struct kr_slice){0});
    case KR_KIND_PEER_ROOT:
        return kr_root_shared_back(step, head->subject);
    case KR_KIND_TICKET:
        return kr_ticket_word_leave(step, head->id);
    default:
        err = kr_internal_open(step->txn, step->core->keyring, head->id, &content, &len);
        err = err == KR_CORRUPT ? KR_OK : err;
        if (err == KR_OK) {
            err = kr_people_drop(step->txn, &header, (struct kr_slice){content, len}, &has_keys);
        }
        step->core->people_are_stale = true;
        step->core->keys_are_stale = step->core->keys_are_stale || has_keys;
        free(content);
        return err == KR_OK && head->kind == KR_KIND_BODY_CARD ? kr_body_notices_card_is_false(step, head->subject) : err;
    }
}

static enum kr_err enter(struct kr_step *step, const struct kr_head *head, const struct kr_header *header, struct kr_slice content)
{
    struct kr_scope scopes[KR_SCOPES_MAX];
    const struct kr_entry entry = kr_tree_entry(head);
    const uint32_t count = kr_scopes_of(step->core, header, scopes);
    uint64_t number;
    enum kr_err err = kr_internal_forget(step->txn, head);
    if (err == KR_OK) {
        err = set_state(step, head, KR_HEAD_SHOWN);
    }
    if (err == KR_OK) {
        err = kr_internal_row_put(step, header, head->id);
    }
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        err = kr_store_scope_append(step->txn, &scopes[i], &entry, &number);
        kr_roots_touch(step->core, &scopes[i]);
        err = err == KR_EXISTS ? KR_OK : err;
    }
    if (err != KR_OK) {
        return err;
    }
    return head->kind == KR_KIND_PEER_LINK ? kr_links_shared_back(step, head->subject, head->version, content)
                                           : kr_internal_take(step, header, content);
}

static enum kr_err enter_if_it_fits(struct kr_step *step, const struct kr_head *head, bool *ret_entered)
{
    struct kr_header header;
    uint8_t *audience = NULL, *content = NULL;
    size_t len = 0;
    enum kr_err err = kr_internal_open(step->txn, step->core->keyring, head->id, &content, &len);
    *ret_entered = false;
    if (err == KR_OK) {
        err = kr_facts_header(head, &header, &audience);
    }
    if (err == KR_OK) {
        header.has_subject = true;
        header.version = head->version;
        header.created_ms = head->created_ms;
        memcpy(header.subject, head->subject, 32);
        memcpy(header.signing_key, head->signing_key, 32);
        err = kr_internal_fits(step, &header, (struct kr_slice){content, len}, false);
        *ret_entered = err == KR_OK;
    }
    if (err == KR_OK) {
        err = enter(step, head, &header, (struct kr_slice){content, len});
    }
    free(audience);
    free(content);
    return err == KR_NOMEM || err == KR_IO || err == KR_STORE_FULL || *ret_entered ? err : KR_OK;
}

static enum kr_err find_best(struct kr_step *step, const struct ids *ids, struct kr_head *ret_best, uint8_t *scratch,
                             bool *ret_found)
{
    struct kr_head head;
    enum kr_revoked_word word;
    *ret_found = false;
    for (uint32_t i = 0; i < ids->count; i++) {
        enum kr_err err = head_of(step, ids->items[i], &head, scratch);
        if (err == KR_NOT_FOUND) {
            continue;
        }
        err = err == KR_OK ? kr_revoke_asks(step, head.author, head.signing_key, head.id, &word) : err;
        if (err != KR_OK) {
            return err;
        }
        const bool is_better = !*ret_found || head.version > ret_best->version ||
                               (head.version == ret_best->version && memcmp(head.id, ret_best->id, 32) < 0);
        if ((word == KR_REVOKED_NOT || word == KR_REVOKED_GENUINE) && is_better) {
            *ret_best = head;
            ret_best->audience = NULL; /* `scratch` is the next one's */
            ret_best->audience_count = 0;
            ret_best->title = (struct kr_slice){0};
            *ret_found = true;
        }
    }
    return KR_OK;
}

static enum kr_err tell(struct kr_step *step, const struct kr_head *head, bool goes_back)
{
    char subject[17];
    sodium_bin2hex(subject, sizeof subject, head->subject, 8);
    return head->kind == KR_KIND_DRAFT
               ? KR_OK
               : kr_step_log(step, KR_LOG_WARNING, "%s %s: what a stolen key said of it counts no more%s", kr_kind_name(head->kind),
                             subject, goes_back ? ", and what stood before stands again" : "");
}

static enum kr_err settle(struct kr_step *step, const struct kr_head *head, struct ids *ids, uint8_t *scratch, bool *ret_changed)
{
    struct kr_directory_entry standing;
    struct kr_head old, best;
    bool is_found, has_entered = false;
    enum kr_err err = kr_internal_standing(step, head->kind, head->subject, &standing);
    const bool stood = err == KR_OK;
    if (stood) {
        memcpy(ids->items[ids->count++], standing.record_id, 32);
    }
    err = err == KR_NOT_FOUND ? KR_OK : err;
    if (err == KR_OK) {
        err = find_best(step, ids, &best, scratch, &is_found);
    }
    if (err != KR_OK || (stood && is_found && memcmp(best.id, standing.record_id, 32) == 0)) {
        return err;
    }
    if (stood) {
        err = head_of(step, standing.record_id, &old, scratch);
        err = err == KR_OK ? leave(step, &old) : err == KR_NOT_FOUND ? KR_OK : err;
    }
    if (err == KR_OK && is_found) { /* its head whole */
        err = head_of(step, best.id, &best, scratch);
        err = err == KR_OK ? enter_if_it_fits(step, &best, &has_entered) : err == KR_NOT_FOUND ? KR_OK : err;
    }
    *ret_changed = stood || has_entered;
    return err == KR_OK && *ret_changed ? tell(step, head, has_entered) : err;
}

enum kr_err kr_internal_settle(struct kr_step *step, const struct kr_head *head, bool *ret_changed)
{
    struct ids ids;
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    *ret_changed = false;
    enum kr_err err = scratch != NULL ? kept_of(step->txn, head, &ids) : KR_NOMEM;
    if (err == KR_OK) {
        err = settle(step, head, &ids, scratch, ret_changed);
    }
    free(scratch);
    return err;
}
