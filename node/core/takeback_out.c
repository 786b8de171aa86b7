/* What this council takes back, records by retractions and names by body notices without them, reaches the members of a community
 * also where it is out of that, or in again with a later date: then no scope that it shares with them has it. It is announced, and
 * given to who asks for it (docs/PROTOCOL.md, 5.1). */
#include <stdlib.h>
#include <string.h>

#include "crypto/fault.h"
#include "node/core/takeback.h"

#define SLICE    256u   /* rows looked at */
#define AGAIN_MS 60000u /* so often all rows are, however many sessions begin and however often the directory changes */
#define SHORT_MS 1000u  /* likewise, where one slice has them all */
#define PAUSE_MS 1000u  /* so long a peer has to read what it was told … */
#define PAUSES   10u    /* … so many times in a row; then the others go on without it */

/* Whether it is one of ours that the link's scopes do not cover, and that its peer may have. */
static enum kr_err is_out(const struct kr_step *step, const struct kr_link *link, const struct kr_head *head, bool *ret_is)
{
    const struct kr_core *core = step->core;
    struct kr_scope scope = {.kind = KR_SCOPE_GREEN};
    enum kr_policy_reason reason;
    *ret_is = false;
    if (!kr_is_own_green_takeback(core, head) || link->state != KR_LINK_OPEN) {
        return KR_OK;
    }
    memcpy(scope.id, head->community, 32);
    const uint32_t hour = kr_tree_hour(head->created_ms);
    if (kr_link_shares(core, link, &scope) && hour >= kr_directory_hour_from(&core->directory, head->community, core->self) &&
        hour >= kr_directory_hour_from(&core->directory, head->community, link->council)) {
        return KR_OK;
    }
    enum kr_err err = kr_policy_of_head(core, KR_POLICY_HOLD, head, link->council, &reason);
    *ret_is = err == KR_OK && kr_policy_is_allowed(reason);
    return err;
}

bool kr_is_own_green_takeback(const struct kr_core *core, const struct kr_head *head)
{
    return (head->kind == KR_KIND_RETRACTION || head->kind == KR_KIND_BODY_NOTICE) && head->label == KR_TLP_GREEN &&
           memcmp(head->author, core->self, 32) == 0;
}

static enum kr_err announce(struct kr_step *step, struct kr_link *link, const struct kr_head *head)
{
    bool is_it;
    enum kr_err err = is_out(step, link, head, &is_it);
    return err == KR_OK && is_it ? kr_spread_announce(link, head->id) : err;
}

/* `links`: whom; NULL: all. */
static enum kr_err announce_to(struct kr_step *step, const struct kr_slots *links, const struct kr_head *head)
{
    struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < core->link_count && err == KR_OK; i++) {
        struct kr_link *link = core->links[i];
        const bool is_meant = link->has_session && (links == NULL || kr_slots_has(links, link->spread.slot));
        err = is_meant ? announce(step, link, head) : KR_OK;
    }
    return err;
}

enum kr_err kr_takeback_out(struct kr_step *step, const struct kr_job *job, const struct kr_head *head)
{
    const bool takes_back = head->kind != KR_KIND_BODY_NOTICE || kr_body_notice_withdraws(job);
    return takes_back && kr_is_own_green_takeback(step->core, head) && !KR_FAULT(KR_FAULT_FORMER_UNHEARD)
               ? announce_to(step, NULL, head)
               : KR_OK;
}

/* A community that we were in and are not, or came into at some time. */
static bool is_out_of(const struct kr_core *core, const uint8_t community[static 32])
{
    const bool is_in = kr_directory_is_member(&core->directory, community, core->self);
    return kr_directory_was_member(&core->directory, community, core->self) &&
           (!is_in || kr_directory_hour_from(&core->directory, community, core->self) > 0);
}

static bool may_be_out(const struct kr_core *core)
{
    bool may = false;
    for (uint32_t i = 0; i < core->directory.community_count; i++) {
        may = may || is_out_of(core, core->directory.communities[i]->id);
    }
    return may;
}

enum kr_err kr_takebacks_out(struct kr_step *step, struct kr_link *link)
{
    struct kr_core *core = step->core;
    struct kr_takebacks_walk *walk = &core->spread.out;
    if (!may_be_out(core) || KR_FAULT(KR_FAULT_FORMER_UNHEARD)) {
        return KR_OK;
    }
    for (uint32_t i = 0; i < core->link_count; i++) {
        if (link == NULL || core->links[i] == link) {
            kr_slots_add(&walk->asked, core->links[i]->spread.slot);
        }
    }
    walk->is_due = true;
    return kr_step_wake(step, walk->at_ms > step->now_ms ? walk->at_ms : step->now_ms);
}

bool kr_takebacks_out_is_due(const struct kr_core *core)
{
    return core->spread.out.is_due && core->now_ms >= core->spread.out.at_ms;
}

struct ours {
    const uint8_t *self;
    uint32_t rows, count;
    uint8_t at[KR_DIRECTORY_KEY_BYTES]; /* the row looked at last */
    uint8_t by[SLICE][32];
};

static bool is_next(const struct ours *ours, struct kr_slice key, size_t len)
{
    return key.len == len && memcmp(key.bytes, ours->at, len) != 0;
}

static bool pick(void *context, struct kr_slice key, struct kr_slice value)
{
    struct ours *ours = context;
    struct kr_taken_row row;
    if (!is_next(ours, key, KR_TAKEN_KEY_BYTES)) {
        return true;
    }
    memcpy(ours->at, key.bytes, KR_TAKEN_KEY_BYTES);
    if (memcmp(key.bytes + KR_TAKEN_KEY_BYTES - 32, ours->self, 32) == 0 && kr_taken_read(value, &row) == KR_OK &&
        row.kind == KR_KIND_RETRACTION) {
        memcpy(ours->by[ours->count++], row.by, 32);
    }
    return ++ours->rows < SLICE;
}

static bool pick_notice(void *context, struct kr_slice key, struct kr_slice value)
{
    struct ours *ours = context;
    struct kr_directory_entry entry;
    if (!is_next(ours, key, KR_DIRECTORY_KEY_BYTES)) {
        return true;
    }
    memcpy(ours->at, key.bytes, KR_DIRECTORY_KEY_BYTES);
    if (kr_directory_entry_read(value, &entry) == KR_OK && entry.name_ja.len + entry.name_en.len == 0) {
        memcpy(ours->by[ours->count++], entry.record_id, 32);
    }
    return ++ours->rows < SLICE;
}

/* Ours are retractions first, then body notices without names; `*is_at_notices`: where it is. */
static enum kr_err pick_some(struct kr_step *step, struct ours *ours, bool *is_at_notices)
{
    uint32_t damaged;
    enum kr_err err = KR_OK;
    if (!*is_at_notices) {
        err = kr_store_each_from(step->txn, KR_TABLE_RECEIPTS, (struct kr_slice){ours->at, KR_TAKEN_KEY_BYTES}, 4, pick, ours,
                                 &damaged);
    }
    if (!*is_at_notices && err == KR_OK && ours->rows < SLICE) {
        *is_at_notices = true;
        memset(ours->at, 0, sizeof ours->at);
        ours->at[0] = KR_KIND_BODY_NOTICE;
        memcpy(ours->at + 1, ours->self, 32);
    }
    return *is_at_notices && err == KR_OK
               ? kr_store_each_from(step->txn, KR_TABLE_DIRECTORY, (struct kr_slice){ours->at, KR_DIRECTORY_KEY_BYTES}, 33,
                                    pick_notice, ours, &damaged)
               : err;
}

static enum kr_err tell_of(struct kr_step *step, const struct ours *ours, uint8_t *scratch)
{
    const struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; err == KR_OK && i < ours->count; i++) {
        struct kr_head head;
        uint64_t arrival;
        err = kr_store_head_find(step->txn, ours->by[i], &arrival, &head, scratch);
        if (err == KR_OK && is_out_of(core, head.community)) {
            err = announce_to(step, &core->spread.out.links, &head);
        }
        err = err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
    }
    return err;
}

/* What does not fit in what waits to be announced would be lost. A peer that takes nothing for long is left to the next walk. */
static bool have_room(struct kr_core *core)
{
    struct kr_takebacks_walk *walk = &core->spread.out;
    const bool is_over = walk->pauses >= PAUSES;
    bool have = true;
    for (uint32_t i = 0; i < core->link_count; i++) {
        const struct kr_link *link = core->links[i];
        const bool is_meant = link->has_session && kr_slots_has(&walk->links, link->spread.slot);
        if (!is_meant || link->spread.id_count + SLICE <= KR_ANNOUNCE_MAX / 2) {
            continue;
        }
        have = is_over;
        if (is_over) {
            kr_slots_remove(&walk->links, link->spread.slot);
            kr_slots_add(&walk->asked, link->spread.slot);
            walk->is_long = true; /* it is looked after once a minute */
        }
    }
    walk->pauses = have ? 0 : walk->pauses + 1;
    return have;
}

static void begin(struct kr_step *step)
{
    struct kr_takebacks_walk *walk = &step->core->spread.out;
    walk->links = walk->asked;
    walk->asked = (struct kr_slots){0};
    walk->is_under_way = true;
    walk->is_long = walk->is_at_notices = false;
    walk->pauses = 0;
    walk->begun_ms = step->now_ms;
    memset(walk->at, 0, sizeof walk->at);
    memcpy(walk->at, "back", 4);
}

/* Whoever asked meanwhile is told by another walk. */
static enum kr_err end(struct kr_step *step)
{
    static const struct kr_slots none;
    struct kr_takebacks_walk *walk = &step->core->spread.out;
    walk->is_under_way = false;
    walk->at_ms = walk->begun_ms + (walk->is_long ? AGAIN_MS : SHORT_MS);
    walk->is_due = memcmp(&walk->asked, &none, sizeof none) != 0;
    return walk->is_due ? kr_step_wake(step, walk->at_ms > step->now_ms ? walk->at_ms : step->now_ms) : KR_OK;
}

enum kr_err kr_takebacks_out_slice(struct kr_step *step, bool *ret_more)
{
    struct kr_takebacks_walk *walk = &step->core->spread.out;
    bool is_at_notices = false;
    _Static_assert(sizeof walk->at == KR_DIRECTORY_KEY_BYTES && sizeof walk->at >= KR_TAKEN_KEY_BYTES, "a row's key");
    *ret_more = false;
    if (!kr_takebacks_out_is_due(step->core)) {
        return KR_OK;
    }
    if (!walk->is_under_way) {
        begin(step);
    }
    if (!have_room(step->core)) {
        walk->at_ms = step->now_ms + PAUSE_MS;
        return kr_step_wake(step, walk->at_ms);
    }
    struct ours *ours = calloc(1, sizeof *ours);
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    enum kr_err err = ours != NULL && scratch != NULL ? KR_OK : KR_NOMEM;
    if (err == KR_OK) {
        ours->self = step->core->self;
        memcpy(ours->at, walk->at, sizeof ours->at);
        is_at_notices = walk->is_at_notices;
        err = pick_some(step, ours, &is_at_notices);
    }
    err = err == KR_OK ? tell_of(step, ours, scratch) : err;
    if (err == KR_OK && ours->rows == SLICE) {
        memcpy(walk->at, ours->at, sizeof walk->at);
        walk->is_at_notices = is_at_notices;
        walk->is_long = *ret_more = true;
    } else if (err == KR_OK) {
        err = end(step);
    }
    free(ours);
    free(scratch);
    return err;
}
