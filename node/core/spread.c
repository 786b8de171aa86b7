/* Trees of dissemination.
 *
 *   of a tree (scope, author) each link is        a record that is not here yet
 *     EAGER  whole records                          unknown ── IHAVE ──▶ awaited ── patience ───▶ GRAFT to who announced it,
 *     LAZY   ids                                       │                    │                        then to the next, …
 *     LAZY ── GRAFT from the peer ──▶ EAGER            └── a copy ──▶ under check ── sound ──▶ here
 *     EAGER ── a copy too many, PRUNE ──▶ LAZY                              └── bad ──▶ GRAFT to the next at once
 *
 * Who gave us a record first stays eager; every later copy makes its link lazy, so that what remains is the tree of shortest
 * delays. The author's own link is kept instead of the one that was faster by less than a round trip, and a link that announced a
 * record clearly before it came is made eager too: of the two, the later copy of the next record decides. So a peer that announces
 * early and sends nothing wins nothing.
 *
 * Announcements count as bytes of the window: a slow link holds back its own ids, and nobody else's. */
#include "node/core/spread.h"
#include "crypto/fault.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/effect.h"
#include "node/core/takeback.h"

#define EAGER_BY_AUTHOR 2u /* of four eager links at first: by author and peer, so that neighbours choose alike */
#define EAGER_BY_LOT    2u /* by our own choice, which nobody can foresee */
#define SWAP_DOUBLINGS  8u
#define TURN_MS         10u
#define MOVES_BUDGET    8192u /* ids that a peer grafts and prunes and that are looked at: so many at once, … */
#define MOVES_A_SECOND  64u   /* … and in a second in the long run */

static struct kr_link *link_by_slot(const struct kr_core *core, uint32_t slot)
{
    for (uint32_t i = 0; i < core->link_count; i++) {
        if (core->links[i]->spread.slot == slot) {
            return core->links[i];
        }
    }
    return NULL;
}

/* ---- trees ---- */

/* The tree that a record belongs to. Addressed records have no scope of their own beyond single links: those for the same councils
 * share one. */
static void route_key(const struct kr_core *core, const struct kr_head *head, uint8_t ret_key[static KR_ROUTE_KEY_BYTES])
{
    uint8_t scope[65] = {0}, hash[32];
    struct kr_hash_state state;
    memcpy(scope + 33, head->author, 32);
    if (kr_kind_is_statement(head->kind)) {
        scope[0] = KR_SCOPE_DIRECTORY;
        memcpy(scope + 1, head->community, 32);
    } else if (head->label == KR_TLP_CLEAR || head->label == KR_TLP_GREEN) {
        scope[0] = head->label == KR_TLP_CLEAR ? KR_SCOPE_CLEAR : KR_SCOPE_GREEN;
        if (head->label == KR_TLP_GREEN) {
            memcpy(scope + 1, head->community, 32);
        }
    } else {
        scope[0] = KR_SCOPE_PAIR;
        kr_hash_init(&state, "kairan spread audience");
        kr_hash_update(&state, head->audience, (size_t)head->audience_count * 32);
        kr_hash_final(&state, hash);
        memcpy(scope + 1, hash, 32);
    }
    kr_hash_keyed(ret_key, KR_ROUTE_KEY_BYTES, core->spread.secret, "kairan spread tree", scope, sizeof scope);
}

static uint64_t rank_by_author(const struct kr_link *link, const uint8_t author[static 32])
{
    uint8_t both[64], hash[32];
    uint64_t rank;
    memcpy(both, author, 32);
    memcpy(both + 32, link->council, 32);
    kr_hash(hash, "kairan spread rank", both, sizeof both);
    memcpy(&rank, hash, sizeof rank);
    return rank;
}

struct candidate {
    struct kr_link *link;
    bool is_eager, is_known; /* known: by what was learnt */
    uint64_t rank;
};

/* Makes those eager that have the highest ranks among the candidates that are not eager yet. */
static void take_highest(struct candidate *candidates, uint32_t count, uint32_t wanted)
{
    for (uint32_t taken = 0; taken < wanted; taken++) {
        struct candidate *best = NULL;
        for (uint32_t i = 0; i < count; i++) {
            struct candidate *candidate = &candidates[i];
            if (!candidate->is_eager && (best == NULL || candidate->rank > best->rank)) {
                best = candidate;
            }
        }
        if (best == NULL) {
            return;
        }
        best->is_eager = true;
    }
}

/* What is eager at first: decided over all links that share the scope, whatever was learnt of some of them since. */
static void begin_with(const struct kr_core *core, const uint8_t author[static 32], struct candidate *candidates, uint32_t count)
{
    if (count <= KR_EAGER_MAX || memcmp(author, core->self, 32) == 0) {
        take_highest(candidates, count, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        candidates[i].rank = rank_by_author(candidates[i].link, author);
    }
    take_highest(candidates, count, EAGER_BY_AUTHOR);
    for (uint32_t i = 0; i < count; i++) {
        candidates[i].rank = candidates[i].link->session_no;
    }
    take_highest(candidates, count, EAGER_BY_LOT);
}

static uint32_t find_candidates(struct kr_core *core, const struct kr_head *head, const struct kr_scope *scopes,
                                uint32_t scope_count, struct candidate ret_candidates[static KR_LINKS_MAX])
{
    const struct kr_route *route = NULL;
    uint8_t key[KR_ROUTE_KEY_BYTES];
    uint32_t count = 0, unknown = 0;
    for (uint32_t i = 0; i < core->link_count; i++) {
        bool shares = false;
        for (uint32_t j = 0; j < scope_count && core->links[i]->has_session && !shares; j++) {
            shares = kr_link_shares(core, core->links[i], &scopes[j]);
        }
        if (shares) {
            ret_candidates[count++] = (struct candidate){.link = core->links[i]};
        }
    }
    if (count > 0 && core->spread.routes.capacity > 0) {
        route_key(core, head, key);
        route = kr_routes_find(&core->spread.routes, key);
    }
    for (uint32_t i = 0; i < count && route != NULL; i++) {
        const uint32_t slot = ret_candidates[i].link->spread.slot;
        ret_candidates[i].is_known = kr_slots_has(&route->eager, slot) || kr_slots_has(&route->lazy, slot);
    }
    for (uint32_t i = 0; i < count; i++) {
        unknown += !ret_candidates[i].is_known;
    }
    if (unknown > 0) {
        begin_with(core, head->author, ret_candidates, count);
    }
    for (uint32_t i = 0; i < count && route != NULL; i++) {
        if (ret_candidates[i].is_known) {
            ret_candidates[i].is_eager = kr_slots_has(&route->eager, ret_candidates[i].link->spread.slot);
        }
    }
    return count;
}

/* ---- announcing ---- */

/* An id says that the record is there: it goes only where the record may. */
static enum kr_err announce_if_allowed(struct kr_step *step, struct kr_link *link, const struct kr_head *head)
{
    enum kr_policy_reason reason;
    enum kr_err err = kr_policy_of_head(step->core, KR_POLICY_HOLD, head, link->council, &reason);
    return err == KR_OK && kr_policy_is_allowed(reason) ? kr_spread_announce(link, head->id) : err;
}

enum kr_err kr_spread_offer(struct kr_step *step, const struct kr_head *head, const struct kr_scope *scopes, uint32_t count,
                            bool is_bulk, enum kr_spread_how how, const struct kr_link *except)
{
    struct kr_core *core = step->core;
    struct candidate candidates[KR_LINKS_MAX];
    const uint32_t found = find_candidates(core, head, scopes, count, candidates);
    const struct kr_awaited *awaited = kr_awaiting_find(&core->spread.awaiting, head->id);
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < found && err == KR_OK; i++) {
        struct kr_link *link = candidates[i].link;
        if (link == except || (awaited != NULL && kr_slots_has(&awaited->announced, link->spread.slot))) {
            continue;
        }
        /* The author has it, or is told what it lost; another node of ours may not. */
        bool is_author = memcmp(head->author, link->council, 32) == 0 && !kr_link_is_sister(core, link);
        if (how == KR_SPREAD_WHOLE && candidates[i].is_eager && !is_author) {
            err = kr_gossip_enqueue(link, head->arrival, is_bulk);
            err = err == KR_QUOTA ? KR_OK : err;
        } else {
            err = announce_if_allowed(step, link, head);
        }
    }
    return err;
}

/* ---- copies too many ---- */

void kr_spread_brought(struct kr_spread *spread, const struct kr_link *link, uint64_t arrival)
{
    spread->brought[arrival % KR_BROUGHT_MAX] = (struct kr_brought){.arrival = arrival, .number = link->number};
}

/* By which it came first, as far as that is remembered; else the council's. */
static struct kr_link *first_link(struct kr_core *core, const struct kr_head *head)
{
    const struct kr_brought *brought = &core->spread.brought[head->arrival % KR_BROUGHT_MAX];
    struct kr_link *link = brought->arrival == head->arrival ? kr_link_by_number(core, brought->number) : NULL;
    return link != NULL ? link : kr_link_by_council(core, head->from);
}

/* The author's own copy, which came soon after another's: that way is the shorter one, and it is the other that is not needed. Soon
 * is before the other's announcement would have made us ask. Of two nodes of the author's the first one's copy was needed. */
static struct kr_link *not_needed(const struct kr_step *step, struct kr_link *link, struct kr_link *first,
                                  const struct kr_head *head)
{
    const bool is_author = memcmp(head->author, link->council, 32) == 0;
    const bool was_other = first != NULL && memcmp(head->author, first->council, 32) != 0;
    return is_author && was_other && step->now_ms < head->received_ms + kr_spread_patience(first) ? first : link;
}

static enum kr_err make_lazy(struct kr_step *step, struct kr_link *link, const struct kr_head *head)
{
    struct kr_core *core = step->core;
    uint8_t key[KR_ROUTE_KEY_BYTES];
    struct kr_route *route;
    struct kr_link *first = first_link(core, head);
    if (first == link || (first == NULL && memcmp(head->from, link->council, 32) == 0)) {
        return KR_OK; /* the link that brought it first, once more: asked for when it was under way */
    }
    route_key(core, head, key);
    enum kr_err err = kr_routes_get(&core->spread.routes, key, &route);
    if (err != KR_OK) {
        return err;
    }
    if (memcmp(route->grafted, head->id, sizeof route->grafted) == 0) {
        return KR_OK; /* both may have been needed: the next record decides */
    }
    struct kr_link *lazy = not_needed(step, link, first, head);
    kr_route_set(route, link->spread.slot, false); /* it has it without us */
    kr_route_set(route, lazy->spread.slot, false);
    kr_spread_ask_to_prune(lazy, key, head->id);
    return KR_OK;
}

/* The head of a record of ours by the beginning of its id; KR_NOT_FOUND also where it is damaged or of no use. */
static enum kr_err find_head(struct kr_step *step, const uint8_t *id, size_t len, struct kr_head *ret_head, uint8_t *scratch)
{
    uint64_t arrival;
    enum kr_err err = kr_store_record_find_prefix(step->txn, id, len, &arrival);
    if (err == KR_OK) {
        err = kr_store_head_get(step->txn, arrival, ret_head, scratch);
    }
    return err == KR_EXISTS || err == KR_CORRUPT || (err == KR_OK && ret_head->state == KR_HEAD_QUARANTINED) ? KR_NOT_FOUND : err;
}

enum kr_err kr_spread_doubled(struct kr_step *step, struct kr_link *link, const uint8_t id[static 32])
{
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    struct kr_head head;
    enum kr_err err = scratch == NULL ? KR_NOMEM : find_head(step, id, 32, &head, scratch);
    if (err == KR_OK) {
        err = make_lazy(step, link, &head);
    }
    free(scratch);
    return err == KR_NOT_FOUND ? KR_OK : err;
}

/* ---- checks ---- */

enum kr_err kr_spread_checking(struct kr_step *step, const struct kr_link *link, const uint8_t id[static 32])
{
    struct kr_awaiting *awaiting = &step->core->spread.awaiting;
    struct kr_awaited *awaited = kr_awaiting_find(awaiting, id);
    enum kr_err err = awaited == NULL ? kr_awaiting_add(awaiting, id, KR_LINKS_MAX, &awaited) : KR_OK;
    if (err == KR_OK) {
        awaited->checks++;
        awaited->due_ms = UINT64_MAX;
        awaited->arrived_ms = awaited->arrived_ms == 0 ? step->now_ms : awaited->arrived_ms;
        kr_slots_add(&awaited->announced, link->spread.slot);
        kr_slots_add(&awaited->tried, link->spread.slot);
    }
    return err;
}

void kr_spread_unchecked(struct kr_core *core, const uint8_t id[static 32])
{
    struct kr_awaited *awaited = kr_awaiting_find(&core->spread.awaiting, id);
    if (awaited == NULL || awaited->checks == 0 || --awaited->checks > 0) {
        return;
    }
    /* Where the copy was bad, who else announced it is asked; where it was sound, kr_spread_checked takes it out. */
    awaited->due_ms = core->spread.due_ms = core->now_ms;
}

/* The link that announced the record clearly before it came, by another that is not the author's own; NULL: none. */
static struct kr_link *nearer_link(const struct kr_core *core, const struct kr_link *link, const struct kr_awaited *awaited,
                                   const uint8_t author[static 32])
{
    struct kr_link *first = awaited->first < KR_LINKS_MAX ? link_by_slot(core, awaited->first) : NULL;
    bool is_nearer = first != NULL && first != link && first->has_session && !awaited->is_grafted &&
                     memcmp(author, link->council, 32) != 0 &&
                     awaited->announced_ms + 1 + kr_spread_round_trip(first) / 4 <= awaited->arrived_ms;
    return is_nearer ? first : NULL;
}

/* It is made eager too, and the next record shows which of the two is the way. Ever more seldom: where delays change all the time
 * there is nothing to find. */
static enum kr_err try_nearer(struct kr_step *step, struct kr_link *nearer, struct kr_route *route, const uint8_t *id)
{
    route->since++;
    if (route->since < 1u << route->changes) {
        return KR_OK;
    }
    route->since = 0;
    route->changes += route->changes < SWAP_DOUBLINGS;
    struct kr_message graft = {.type = KR_MESSAGE_GRAFT, .status = 1, .ids = {id, KR_SHORT_ID_BYTES}};
    return kr_link_send(step, nearer, &graft);
}

/* A record that was pushed has entered: what its way tells of the tree. */
static enum kr_err has_come(struct kr_step *step, const struct kr_link *link, const struct kr_job *job)
{
    struct kr_spread *spread = &step->core->spread;
    const struct kr_awaited *awaited = kr_awaiting_find(&spread->awaiting, job->record.id);
    if (awaited == NULL || awaited->announced_ms == 0) {
        return KR_OK; /* before anybody announced it: as it should be */
    }
    if (!awaited->is_grafted) {
        spread->progress_ms = step->now_ms;
        spread->progress_announced_ms = awaited->announced_ms;
    }
    struct kr_link *nearer = nearer_link(step->core, link, awaited, job->header.author);
    if (nearer == NULL && !awaited->is_grafted) {
        return KR_OK;
    }
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH), key[KR_ROUTE_KEY_BYTES];
    struct kr_head head;
    struct kr_route *route;
    enum kr_err err = scratch == NULL ? KR_NOMEM : find_head(step, job->record.id, 32, &head, scratch);
    if (err == KR_OK) {
        route_key(step->core, &head, key);
        err = kr_routes_get(&spread->routes, key, &route);
    }
    if (err == KR_OK && awaited->is_grafted) {
        memcpy(route->grafted, head.id, sizeof route->grafted);
    }
    if (err == KR_OK && nearer != NULL) {
        err = try_nearer(step, nearer, route, head.id);
    }
    free(scratch);
    return err == KR_NOT_FOUND ? KR_OK : err;
}

enum kr_err kr_spread_checked(struct kr_step *step, struct kr_link *link, const struct kr_job *job, enum kr_err verdict)
{
    struct kr_awaiting *awaiting = &step->core->spread.awaiting;
    enum kr_err err = KR_OK;
    if (job->err != KR_OK) {
        return KR_OK; /* another copy may be sound: kr_spread_unchecked has seen to it */
    }
    if (!job->was_wanted) {
        err = verdict == KR_EXISTS ? kr_spread_doubled(step, link, job->record.id) : KR_OK;
        err = verdict == KR_OK ? has_come(step, link, job) : err;
    }
    struct kr_awaited *awaited = kr_awaiting_find(awaiting, job->record.id);
    if (err == KR_OK && awaited != NULL) {
        kr_awaiting_remove(awaiting, awaited);
    }
    return err;
}

/* ---- what peers say ---- */

static enum kr_err hear_of(struct kr_step *step, struct kr_link *link, const uint8_t *id)
{
    struct kr_spread *spread = &step->core->spread;
    struct kr_awaited *awaited = kr_awaiting_find(&spread->awaiting, id);
    uint64_t arrival;
    enum kr_err err = kr_store_record_find_prefix(step->txn, id, KR_SHORT_ID_BYTES, &arrival);
    if (err != KR_NOT_FOUND) {
        return err == KR_EXISTS ? KR_OK : err;
    }
    if (awaited == NULL) {
        if (!kr_awaiting_has_room(&spread->awaiting, link->spread.slot)) {
            return KR_OK; /* catching up finds it */
        }
        err = kr_awaiting_add(&spread->awaiting, id, link->spread.slot, &awaited);
        if (err != KR_OK) {
            return err;
        }
        awaited->due_ms = step->now_ms + kr_spread_patience(link);
        spread->due_ms = awaited->due_ms < spread->due_ms ? awaited->due_ms : spread->due_ms;
    }
    if (awaited->announced_ms == 0) {
        awaited->announced_ms = step->now_ms;
        awaited->first = link->spread.slot;
    }
    kr_slots_add(&awaited->announced, link->spread.slot);
    return KR_OK;
}

enum kr_err kr_spread_ihave(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    enum kr_err err = KR_OK;
    if (!kr_gossip_take_room(step, link, message->ids.len, &err)) {
        return err;
    }
    for (uint32_t i = 0; i < kr_message_id_count(message) && err == KR_OK && link->state == KR_LINK_OPEN; i++) {
        err = hear_of(step, link, kr_message_id(message, i));
    }
    return err;
}

static bool shares_scope_of(const struct kr_core *core, const struct kr_link *link, const struct kr_head *head)
{
    struct kr_scope scope = {.kind = KR_SCOPE_PAIR};
    if (kr_link_is_sister(core, link) && kr_is_of_council_scope(head->kind, head->label, head->has_community)) {
        return link->state == KR_LINK_OPEN;
    }
    bool is_theirs = memcmp(head->author, link->council, 32) == 0;
    for (uint32_t i = 0; i < head->audience_count && !is_theirs; i++) {
        is_theirs = memcmp(head->audience + (size_t)i * 32, link->council, 32) == 0;
    }
    if (head->kind == KR_KIND_REVOCATION && !head->has_community && memcmp(head->author, core->self, 32) == 0) {
        return true; /* announced over every link: kr_revoke_announce */
    }
    if (kr_is_own_green_takeback(core, head)) {
        return true; /* likewise, where we are out: kr_takebacks_out */
    }
    if (kr_kind_is_statement(head->kind)) {
        scope.kind = KR_SCOPE_DIRECTORY;
        memcpy(scope.id, head->community, 32);
    } else if (head->label == KR_TLP_CLEAR) {
        scope.kind = KR_SCOPE_CLEAR;
    } else if (head->label == KR_TLP_GREEN) {
        scope.kind = KR_SCOPE_GREEN;
        memcpy(scope.id, head->community, 32);
    } else {
        memcpy(scope.id, link->council, 32);
    }
    return (scope.kind != KR_SCOPE_PAIR || is_theirs) && kr_link_shares(core, link, &scope);
}

/* The peer asks to be on a tree of ours, and for the record unless `status` is 1: only where it may have that record. */
static enum kr_err graft(struct kr_step *step, struct kr_link *link, const struct kr_head *head, bool wants_record)
{
    enum kr_policy_reason reason;
    uint8_t key[KR_ROUTE_KEY_BYTES];
    struct kr_route *route;
    enum kr_err err = kr_policy_of_head(step->core, KR_POLICY_HOLD, head, link->council, &reason);
    if (err != KR_OK ||
        ((!kr_policy_is_allowed(reason) || !shares_scope_of(step->core, link, head)) && !KR_FAULT(KR_FAULT_POLICY_UNASKED))) {
        return err;
    }
    route_key(step->core, head, key);
    err = kr_routes_get(&step->core->spread.routes, key, &route);
    if (err == KR_OK) {
        kr_route_set(route, link->spread.slot, true);
        err = wants_record ? kr_gossip_graft(link, head->arrival, head->record_bytes > KR_BULK_BYTES_MIN) : KR_OK;
    }
    return err == KR_QUOTA ? KR_OK : err;
}

static enum kr_err prune(struct kr_step *step, const struct kr_link *link, const struct kr_head *head)
{
    uint8_t key[KR_ROUTE_KEY_BYTES];
    struct kr_route *route;
    route_key(step->core, head, key);
    enum kr_err err = kr_routes_get(&step->core->spread.routes, key, &route);
    if (err == KR_OK) {
        kr_route_set(route, link->spread.slot, false);
    }
    return err;
}

static enum kr_err move(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    enum kr_err err = scratch == NULL ? KR_NOMEM : KR_OK;
    for (uint32_t i = 0; i < kr_message_id_count(message) && err == KR_OK && link->state == KR_LINK_OPEN; i++) {
        struct kr_head head;
        if (!kr_budget_take(&link->spread.moves, step->now_ms, 1, MOVES_BUDGET, MOVES_A_SECOND) &&
            !KR_FAULT(KR_FAULT_GRAFTED_AGAIN)) {
            break; /* what it lacks it asks others for, or catches up with */
        }
        err = find_head(step, kr_message_id(message, i), KR_SHORT_ID_BYTES, &head, scratch);
        if (err == KR_OK) {
            err = message->type == KR_MESSAGE_GRAFT ? graft(step, link, &head, message->status == 0) : prune(step, link, &head);
        }
        err = err == KR_NOT_FOUND ? KR_OK : err;
    }
    free(scratch);
    return err;
}

enum kr_err kr_spread_graft(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    return move(step, link, message);
}

enum kr_err kr_spread_prune(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    return move(step, link, message);
}

/* ---- what is due ---- */

/* Whether others' records, announced no later, are still coming by themselves: then this one is late, and not lost. */
static bool may_still_come(const struct kr_step *step, const struct kr_awaited *awaited, uint64_t wait_ms)
{
    const struct kr_spread *spread = &step->core->spread;
    return !awaited->is_grafted && step->now_ms < awaited->announced_ms + KR_PATIENCE_MS_MAX &&
           step->now_ms < spread->progress_ms + wait_ms && spread->progress_announced_ms <= awaited->announced_ms;
}

/* The link to ask next: of those that announced it and were not asked yet, the one that is nearest. */
static struct kr_link *next_to_ask(const struct kr_core *core, const struct kr_awaited *awaited)
{
    struct kr_link *found = NULL;
    for (uint32_t i = 0; i < core->link_count; i++) {
        struct kr_link *link = core->links[i];
        bool may = link->has_session && kr_slots_has(&awaited->announced, link->spread.slot) &&
                   !kr_slots_has(&awaited->tried, link->spread.slot);
        if (may && (found == NULL || kr_spread_round_trip(link) < kr_spread_round_trip(found))) {
            found = link;
        }
    }
    return found;
}

struct grafts {
    uint32_t count;
    uint8_t ids[KR_IDS_PER_FRAME_MAX][KR_SHORT_ID_BYTES];
};

static enum kr_err send_grafts(struct kr_step *step, struct kr_link *link, struct grafts *grafts)
{
    struct kr_message graft = {.type = KR_MESSAGE_GRAFT, .ids = {grafts->ids[0], (size_t)grafts->count * KR_SHORT_ID_BYTES}};
    enum kr_err err = grafts->count > 0 && !KR_FAULT(KR_FAULT_NEVER_GRAFTED) ? kr_link_send(step, link, &graft) : KR_OK;
    grafts->count = 0;
    return err;
}

/* How long a link that was asked has before another one is. Who answers pings late is not waited for as long as that, or it could
 * keep from us what others would send at once. */
static uint64_t answer_ms(const struct kr_link *link)
{
    const uint64_t rtt_ms = kr_spread_round_trip(link);
    return (rtt_ms < KR_PATIENCE_MS_MAX ? rtt_ms : KR_PATIENCE_MS_MAX) + kr_spread_patience(link);
}

/* Asks for all that falls to this link. */
static enum kr_err ask_link(struct kr_step *step, struct kr_link *link, struct grafts *grafts)
{
    struct kr_awaiting *awaiting = &step->core->spread.awaiting;
    enum kr_err err = KR_OK;
    grafts->count = 0;
    for (uint32_t i = 0; i < awaiting->count && err == KR_OK; i++) {
        struct kr_awaited *awaited = &awaiting->items[i];
        if (awaited->ask != link->spread.slot) {
            continue;
        }
        awaited->ask = KR_LINKS_MAX;
        kr_slots_add(&awaited->tried, link->spread.slot);
        awaited->is_grafted = true;
        awaited->due_ms = step->now_ms + answer_ms(link);
        memcpy(grafts->ids[grafts->count++], awaited->id, KR_SHORT_ID_BYTES);
        err = grafts->count == KR_IDS_PER_FRAME_MAX ? send_grafts(step, link, grafts) : KR_OK;
    }
    return err == KR_OK ? send_grafts(step, link, grafts) : err;
}

/* What has come meanwhile is awaited no more, nor what nobody is left to be asked for. Says which link is asked for each of the
 * others, and marks these links. */
static enum kr_err sort_out(struct kr_step *step, struct kr_slots *ret_links)
{
    struct kr_core *core = step->core;
    struct kr_awaiting *awaiting = &core->spread.awaiting;
    enum kr_err err = KR_OK;
    for (uint32_t i = awaiting->count; i-- > 0 && err == KR_OK;) {
        struct kr_awaited *awaited = &awaiting->items[i];
        uint64_t arrival;
        if (awaited->due_ms > step->now_ms) {
            continue;
        }
        const struct kr_link *link = next_to_ask(core, awaited);
        err = kr_store_record_find_prefix(step->txn, awaited->id, KR_SHORT_ID_BYTES, &arrival);
        if (err == KR_NOT_FOUND && link != NULL) {
            err = KR_OK;
            if (may_still_come(step, awaited, kr_spread_patience(link))) {
                awaited->due_ms = step->now_ms + kr_spread_patience(link);
            } else {
                awaited->ask = link->spread.slot;
                kr_slots_add(ret_links, link->spread.slot);
            }
        } else if (err == KR_OK || err == KR_NOT_FOUND || err == KR_EXISTS) {
            err = KR_OK;
            kr_awaiting_remove(awaiting, awaited);
        }
    }
    return err;
}

enum kr_err kr_spread_flush(struct kr_step *step)
{
    struct kr_core *core = step->core;
    struct kr_spread *spread = &core->spread;
    struct kr_slots links = {0};
    enum kr_err err = spread->out_generation != core->directory.generation ? kr_takebacks_out(step, NULL) : KR_OK;
    spread->out_generation = core->directory.generation;
    if (spread->awaiting.count == 0) {
        spread->due_ms = UINT64_MAX;
        return err;
    }
    if (err == KR_OK && step->now_ms >= spread->due_ms) {
        struct grafts *grafts = malloc(sizeof *grafts);
        err = grafts == NULL ? KR_NOMEM : sort_out(step, &links);
        for (uint32_t i = 0; i < core->link_count && err == KR_OK; i++) {
            if (kr_slots_has(&links, core->links[i]->spread.slot)) {
                err = ask_link(step, core->links[i], grafts);
            }
        }
        free(grafts);
        spread->due_ms = UINT64_MAX;
        for (uint32_t i = 0; i < spread->awaiting.count; i++) {
            const uint64_t due_ms = spread->awaiting.items[i].due_ms;
            spread->due_ms = due_ms < spread->due_ms ? due_ms : spread->due_ms;
        }
        /* Many that are due one after the other are looked through together. */
        spread->due_ms = spread->due_ms < step->now_ms + TURN_MS ? step->now_ms + TURN_MS : spread->due_ms;
    }
    return err == KR_OK && spread->due_ms != UINT64_MAX ? kr_step_wake(step, spread->due_ms) : err;
}
