/* The pair tree of a new link, and the council's own where that is with another node of it, from what the log holds already: in
 * slices. */
#include <stdlib.h>
#include <string.h>

#include "node/core/state.h"
#include "node/core/taken.h"

#define PAIR_SLICE 256u

static bool is_between(const struct kr_head *head, const uint8_t council[static 32])
{
    bool is_between = memcmp(head->author, council, 32) == 0;
    for (uint32_t i = 0; i < head->audience_count && !is_between; i++) {
        is_between = memcmp(head->audience + (size_t)32 * i, council, 32) == 0;
    }
    return is_between;
}

static bool belongs(const struct kr_core *core, const struct kr_link *link, const struct kr_head *head)
{
    return kr_link_is_sister(core, link)
               ? kr_is_of_council_scope(head->kind, head->label, head->has_community)
               : kr_label_is_sealed(head->label) && !kr_kind_is_internal(head->kind) && is_between(head, link->council);
}

static enum kr_err pair_one(struct kr_step *step, const struct kr_link *link, const struct kr_head *head)
{
    struct kr_scope scope = {.kind = kr_link_is_sister(step->core, link) ? KR_SCOPE_COUNCIL : KR_SCOPE_PAIR};
    uint64_t number;
    struct kr_taken_row row;
    if (!belongs(step->core, link, head)) {
        return KR_OK;
    }
    enum kr_err taken = head->state == KR_HEAD_HEADER_ONLY ? kr_taken_get(step->txn, head->id, head->author, &row) : KR_NOT_FOUND;
    if (taken != KR_NOT_FOUND && (taken != KR_OK || row.kind == KR_KIND_REVOCATION)) {
        return taken; /* a stolen key signed it: it is in no tree */
    }
    memcpy(scope.id, link->council, 32);
    const struct kr_entry entry = kr_tree_entry(head);
    enum kr_err err = kr_store_scope_append(step->txn, &scope, &entry, &number);
    kr_roots_touch(step->core, &scope);
    return err == KR_EXISTS ? KR_OK : err;
}

static enum kr_err pair_slice(struct kr_step *step, struct kr_link *link)
{
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    struct kr_head head;
    enum kr_err err = scratch == NULL ? KR_NOMEM : KR_OK;
    for (uint32_t i = 0; i < PAIR_SLICE && err == KR_OK && link->pair_next < link->pair_end; i++) {
        err = kr_store_head_next(step->txn, link->pair_next, false, &head, scratch);
        if (err == KR_NOT_FOUND || (err == KR_OK && head.arrival >= link->pair_end)) {
            link->pair_next = link->pair_end;
            err = KR_OK;
            break;
        }
        if (err == KR_CORRUPT) { /* somewhere from here on: step by step past it */
            err = kr_step_log_damage(step, link->pair_next++);
            continue;
        }
        if (err == KR_OK && head.state != KR_HEAD_QUARANTINED) {
            err = pair_one(step, link, &head);
        }
        link->pair_next = head.arrival + 1;
    }
    free(scratch);
    return err == KR_OK ? kr_link_put(step, link) : err;
}

static bool is_due(const struct kr_link *link)
{
    return link->state == KR_LINK_OPEN && link->pair_next < link->pair_end;
}

bool kr_admit_pairs_is_due(const struct kr_core *core)
{
    for (uint32_t i = 0; i < core->link_count; i++) {
        if (is_due(core->links[i])) {
            return true;
        }
    }
    return false;
}

enum kr_err kr_admit_pairs(struct kr_step *step, bool *ret_more)
{
    struct kr_core *core = step->core;
    *ret_more = false;
    for (uint32_t i = 0; i < core->link_count; i++) {
        struct kr_link *link = core->links[i];
        if (is_due(link)) {
            enum kr_err err = pair_slice(step, link);
            *ret_more = true;
            link->progress_generation = link->pair_next < link->pair_end ? link->progress_generation : UINT64_MAX;
            return err;
        }
    }
    return KR_OK;
}
