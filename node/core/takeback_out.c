/* What this council takes back reaches the members of a community also where it is out of that, or in again with a later date: then
 * no scope that it shares with them has it. It is announced, and given to who asks for it (docs/PROTOCOL.md, 5.1). */
#include <stdlib.h>
#include <string.h>

#include "crypto/fault.h"
#include "node/core/takeback.h"

#define RETRACTIONS_MAX 1024u /* that one session begins with: a council that is out has few */

/* Whether it is one of ours that the link's scopes do not cover, and that its peer may have. */
static enum kr_err is_out(const struct kr_step *step, const struct kr_link *link, const struct kr_head *head, bool *ret_is)
{
    const struct kr_core *core = step->core;
    struct kr_scope scope = {.kind = KR_SCOPE_GREEN};
    enum kr_policy_reason reason;
    *ret_is = false;
    if (!kr_is_own_green_retraction(core, head) || link->state != KR_LINK_OPEN) {
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

bool kr_is_own_green_retraction(const struct kr_core *core, const struct kr_head *head)
{
    return head->kind == KR_KIND_RETRACTION && head->label == KR_TLP_GREEN && memcmp(head->author, core->self, 32) == 0;
}

static enum kr_err announce(struct kr_step *step, struct kr_link *link, const struct kr_head *head)
{
    bool is_it;
    enum kr_err err = is_out(step, link, head, &is_it);
    return err == KR_OK && is_it ? kr_spread_announce(link, head->id) : err;
}

static enum kr_err announce_to_all(struct kr_step *step, const struct kr_head *head)
{
    struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < core->link_count && err == KR_OK; i++) {
        err = core->links[i]->has_session ? announce(step, core->links[i], head) : KR_OK;
    }
    return err;
}

enum kr_err kr_takeback_out(struct kr_step *step, const struct kr_head *head)
{
    return kr_is_own_green_retraction(step->core, head) && !KR_FAULT(KR_FAULT_FORMER_UNHEARD) ? announce_to_all(step, head) : KR_OK;
}

/* Whether there is a community that we were in and are not, or came into at some time. */
static bool may_be_out(const struct kr_core *core)
{
    bool may = false;
    for (uint32_t i = 0; i < core->directory.community_count; i++) {
        const uint8_t *id = core->directory.communities[i]->id;
        const bool is_in = kr_directory_is_member(&core->directory, id, core->self);
        may = may || (kr_directory_was_member(&core->directory, id, core->self) &&
                      (!is_in || kr_directory_hour_from(&core->directory, id, core->self) > 0));
    }
    return may;
}

struct ours {
    const uint8_t *self;
    uint32_t count;
    uint8_t by[RETRACTIONS_MAX][32];
};

static bool pick(void *context, struct kr_slice key, struct kr_slice value)
{
    struct ours *ours = context;
    struct kr_taken_row row;
    if (key.len == KR_TAKEN_KEY_BYTES && memcmp(key.bytes + KR_TAKEN_KEY_BYTES - 32, ours->self, 32) == 0 &&
        kr_taken_read(value, &row) == KR_OK && row.kind == KR_KIND_RETRACTION) {
        memcpy(ours->by[ours->count++], row.by, 32);
    }
    return ours->count < RETRACTIONS_MAX;
}

enum kr_err kr_takebacks_out(struct kr_step *step, struct kr_link *link)
{
    if (!may_be_out(step->core) || KR_FAULT(KR_FAULT_FORMER_UNHEARD)) {
        return KR_OK;
    }
    struct ours *ours = malloc(sizeof *ours);
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    uint32_t damaged;
    enum kr_err err = ours != NULL && scratch != NULL ? KR_OK : KR_NOMEM;
    if (err == KR_OK) {
        ours->self = step->core->self;
        ours->count = 0;
        err = kr_store_each_whole(step->txn, KR_TABLE_RECEIPTS, "back", 4, pick, ours, &damaged);
    }
    for (uint32_t i = 0; err == KR_OK && i < ours->count; i++) {
        struct kr_head head;
        uint64_t arrival;
        err = kr_store_head_find(step->txn, ours->by[i], &arrival, &head, scratch);
        if (err == KR_OK) {
            err = link != NULL ? announce(step, link, &head) : announce_to_all(step, &head);
        }
        err = err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
    }
    free(ours);
    free(scratch);
    return err;
}
