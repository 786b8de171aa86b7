/* What was missed: marks, cursors, have, want (docs/PROTOCOL.md, "Catching up").
 *
 *   REST ── their mark differs from ours ──▶ ASKED (cursor sent) ── have ──▶ WANTING (want sent) ── all settled ──▶ mark moves,
 * durably ─┐ ▲                                          │ nothing new, or all known │
 *    └──────────────────────────────────────────┴──────────────────────────────────────────── more? ask again ◀──────────────────┘
 *
 * One scope at a time and in order of kind, so that the directory comes before what needs it. A mark is a count of entries in the
 * peer's tree and the running hash over them, which the peer must match: a restored peer cannot make us skip.
 *
 * A record for which there is no room now (the peer has used up its share of quarantine) holds the mark before it; what comes
 * behind is read all the same. Once there may be room, or the directory has changed, reading begins at the mark again: only what is
 * missing is asked for. */
#include <stdlib.h>
#include <string.h>

#include "node/core/effect.h"
#include "node/core/state.h"

#define ANEW_MS 60000u /* a peer's tree is read from the start once in so long */

/* ---- which scopes a link shares ---- */

bool kr_link_shares(const struct kr_core *core, const struct kr_link *link, const struct kr_scope *scope)
{
    if (link->state != KR_LINK_OPEN) {
        return false;
    }
    const struct kr_directory *directory = &core->directory;
    switch (scope->kind) {
    case KR_SCOPE_CLEAR:
        return true;
    case KR_SCOPE_PAIR:
        return memcmp(scope->id, link->council, 32) == 0;
    case KR_SCOPE_GREEN:
        return kr_directory_is_member(directory, scope->id, core->self) &&
               kr_directory_is_member(directory, scope->id, link->council);
    case KR_SCOPE_DIRECTORY: {
        bool is_invited = link->has_community && memcmp(link->community, scope->id, 32) == 0;
        return is_invited || (kr_directory_is_candidate(directory, scope->id, core->self) &&
                              kr_directory_is_candidate(directory, scope->id, link->council));
    }
    default:
        return false;
    }
}

/* On the wire a pair bears its sender's council id; here it bears the peer's. */
static struct kr_scope to_wire(const struct kr_core *core, struct kr_scope scope)
{
    if (scope.kind == KR_SCOPE_PAIR) {
        memcpy(scope.id, core->self, 32);
    }
    return scope;
}

static bool is_own_or_general(const struct kr_link *link, const struct kr_scope *scope)
{
    return scope->kind != KR_SCOPE_PAIR || memcmp(scope->id, link->council, 32) == 0;
}

static uint32_t shared_scopes(const struct kr_core *core, const struct kr_link *link,
                              struct kr_scope ret_scopes[static KR_PROGRESS_MAX])
{
    struct kr_scope all[KR_PROGRESS_MAX + 1];
    uint32_t count = 0, kept = 0;
    bool has_invited = false;
    for (uint32_t i = 0; i < core->directory.community_count; i++) {
        all[count].kind = KR_SCOPE_DIRECTORY;
        memcpy(all[count++].id, core->directory.communities[i]->id, 32);
        has_invited = has_invited || (link->has_community && memcmp(link->community, core->directory.communities[i]->id, 32) == 0);
    }
    if (link->has_community && !has_invited && count < KR_COMMUNITIES_MAX) {
        all[count].kind = KR_SCOPE_DIRECTORY;
        memcpy(all[count++].id, link->community, 32);
    }
    all[count++] = (struct kr_scope){.kind = KR_SCOPE_CLEAR};
    for (uint32_t i = 0; i < core->directory.community_count; i++) {
        all[count].kind = KR_SCOPE_GREEN;
        memcpy(all[count++].id, core->directory.communities[i]->id, 32);
    }
    all[count].kind = KR_SCOPE_PAIR;
    memcpy(all[count++].id, link->council, 32);
    for (uint32_t i = 0; i < count; i++) {
        if (kr_link_shares(core, link, &all[i])) {
            ret_scopes[kept++] = all[i];
        }
    }
    return kept;
}

/* ---- marks that we keep ---- */

/* Table: peer's transport key ‖ scope kind ‖ scope id → array of 2: count, running hash (bin 32). Cursors are per node, hence the
 * transport key. */
#define MARK_KEY_BYTES 65

static void mark_key(uint8_t ret_key[static MARK_KEY_BYTES], const struct kr_link *link, const struct kr_scope *scope)
{
    memcpy(ret_key, link->transport_key, 32);
    ret_key[32] = scope->kind;
    memcpy(ret_key + 33, scope->id, 32);
}

static void read_from_mark(struct kr_progress *progress)
{
    progress->at = progress->mark;
    memcpy(progress->at_hash, progress->mark_hash, 32);
    progress->is_held = false;
}

static enum kr_err mark_load(struct kr_step *step, const struct kr_link *link, struct kr_progress *progress)
{
    uint8_t key[MARK_KEY_BYTES], value[64];
    size_t len;
    mark_key(key, link, &progress->scope);
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_MARKS, key, sizeof key, value, sizeof value, &len);
    if (err == KR_NOT_FOUND) {
        return KR_OK;
    }
    if (err != KR_OK) {
        return err;
    }
    struct kr_reader reader;
    kr_reader_init(&reader, value, len);
    kr_reader_array(&reader, 2);
    progress->mark = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_fixed(&reader, progress->mark_hash, 32);
    kr_reader_close(&reader);
    read_from_mark(progress);
    return kr_reader_end(&reader) == KR_OK ? KR_OK : KR_CORRUPT;
}

static enum kr_err mark_store(struct kr_step *step, const struct kr_link *link, const struct kr_progress *progress)
{
    uint8_t key[MARK_KEY_BYTES];
    struct kr_writer writer;
    mark_key(key, link, &progress->scope);
    kr_writer_init(&writer, 64);
    kr_writer_array(&writer, 2);
    kr_writer_uint(&writer, progress->mark);
    kr_writer_bin(&writer, progress->mark_hash, 32);
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        err = kr_store_put(step->txn, KR_TABLE_MARKS, key, sizeof key, writer.bytes, writer.len);
    }
    kr_writer_deinit(&writer);
    return err;
}

/* ---- announcing ---- */

static const struct kr_progress *find_progress(const struct kr_link *link, const struct kr_scope *scope)
{
    for (uint32_t i = 0; i < link->progress_count; i++) {
        if (link->progress[i].scope.kind == scope->kind && memcmp(link->progress[i].scope.id, scope->id, 32) == 0) {
            return &link->progress[i];
        }
    }
    return NULL;
}

/* The list follows the directory; what was announced for a scope that stays is kept. A new scope is asked after with a ping. */
enum kr_err kr_catchup_scopes(struct kr_step *step, struct kr_link *link)
{
    struct kr_core *core = step->core;
    struct kr_scope scopes[KR_PROGRESS_MAX];
    struct kr_progress progress[KR_PROGRESS_MAX] = {0};
    uint32_t count = shared_scopes(core, link, scopes);
    bool has_new = false;
    for (uint32_t i = 0; i < count; i++) {
        const struct kr_progress *old = find_progress(link, &scopes[i]);
        if (old != NULL && link->progress_generation != UINT64_MAX) {
            progress[i] = *old;
            continue;
        }
        has_new = true;
        progress[i].scope = scopes[i];
        enum kr_err err = mark_load(step, link, &progress[i]);
        if (err != KR_OK) {
            return err;
        }
        progress[i].anew_ms = old != NULL ? old->anew_ms : 0;
        if (old != NULL && old->is_held) { /* sessions that come and go are no reason to ask again */
            progress[i].at = old->at;
            memcpy(progress[i].at_hash, old->at_hash, 32);
            progress[i].is_held = true;
            progress[i].held_ms = old->held_ms;
            progress[i].held_generation = old->held_generation;
        }
    }
    bool was_fresh = link->progress_generation == UINT64_MAX;
    bool moved = count != link->progress_count;
    for (uint32_t i = 0; i < count && !moved; i++) {
        const struct kr_scope *old = &link->progress[i].scope;
        moved = old->kind != scopes[i].kind || memcmp(old->id, scopes[i].id, 32) != 0;
    }
    if (moved && link->phase != KR_CATCHUP_REST) {
        link->phase = KR_CATCHUP_REST; /* `phase_at` counts in the old list: begin anew */
    }
    memcpy(link->progress, progress, sizeof progress);
    link->progress_count = count;
    link->progress_generation = core->directory.generation;
    if (!has_new || was_fresh || !link->has_session) {
        return moved ? kr_catchup_go_on(step, link) : KR_OK;
    }
    struct kr_message ping = {.type = KR_MESSAGE_PING, .sequence = step->now_ms};
    enum kr_err err = kr_catchup_marks(step, link, &ping);
    return err != KR_OK ? err : kr_link_send(step, link, &ping);
}

enum kr_err kr_catchup_marks(struct kr_step *step, struct kr_link *link, struct kr_message *ret_message)
{
    enum kr_err err = link->progress_generation == step->core->directory.generation ? KR_OK : kr_catchup_scopes(step, link);
    uint32_t count = 0;
    for (uint32_t i = 0; i < link->progress_count && err == KR_OK; i++) {
        uint8_t hash[32];
        struct kr_mark *mark = &ret_message->marks[count];
        err = kr_store_scope_mark(step->txn, &link->progress[i].scope, &mark->count, hash);
        mark->scope = to_wire(step->core, link->progress[i].scope);
        memcpy(mark->hash8, hash, sizeof mark->hash8);
        count += err == KR_OK;
    }
    ret_message->mark_count = count;
    return err;
}

static bool differs(const struct kr_progress *progress)
{
    return progress->is_announced && (progress->their_count != progress->at ||
                                      memcmp(progress->their_hash8, progress->at_hash, sizeof progress->their_hash8) != 0);
}

/* How far the peer's clock is ahead. It may say anything. */
static int64_t clock_between(uint64_t ours_ms, uint64_t theirs_ms)
{
    uint64_t apart_ms = theirs_ms > ours_ms ? theirs_ms - ours_ms : ours_ms - theirs_ms;
    apart_ms = apart_ms < INT64_MAX ? apart_ms : INT64_MAX;
    return theirs_ms > ours_ms ? (int64_t)apart_ms : -(int64_t)apart_ms;
}

enum kr_err kr_catchup_announced(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    link->clock_ms = clock_between(step->now_ms, message->sequence);
    enum kr_err err = link->progress_generation == step->core->directory.generation ? KR_OK : kr_catchup_scopes(step, link);
    for (uint32_t i = 0; i < message->mark_count && err == KR_OK; i++) {
        const struct kr_mark *mark = &message->marks[i];
        if (!is_own_or_general(link, &mark->scope)) {
            continue;
        }
        for (uint32_t j = 0; j < link->progress_count; j++) {
            struct kr_progress *progress = &link->progress[j];
            if (progress->scope.kind == mark->scope.kind && memcmp(progress->scope.id, mark->scope.id, 32) == 0) {
                progress->their_count = mark->count;
                memcpy(progress->their_hash8, mark->hash8, sizeof progress->their_hash8);
                progress->is_announced = true;
            }
        }
    }
    if (err == KR_OK && message->type == KR_MESSAGE_PING) {
        struct kr_message pong = {.type = KR_MESSAGE_PONG, .sequence = step->now_ms};
        err = kr_catchup_marks(step, link, &pong);
        if (err == KR_OK) {
            err = kr_link_send(step, link, &pong);
        }
    }
    return err == KR_OK ? kr_catchup_go_on(step, link) : err;
}

/* ---- asking ---- */

static enum kr_err ask(struct kr_step *step, struct kr_link *link, uint32_t at)
{
    const struct kr_progress *progress = &link->progress[at];
    struct kr_message cursor = {.type = KR_MESSAGE_CURSOR, .scope = to_wire(step->core, progress->scope), .count = progress->at};
    memcpy(cursor.hash, progress->at_hash, 32);
    link->phase = KR_CATCHUP_ASKED;
    link->phase_at = at;
    link->phase_ms = step->now_ms;
    return kr_link_send(step, link, &cursor);
}

/* Whether what was put off may fare otherwise now. */
static bool may_ask_again(const struct kr_step *step, const struct kr_link *link, const struct kr_progress *progress)
{
    bool has_changed = progress->held_generation != step->core->directory.generation ||
                       kr_quarantine_has_room(step->core, link, KR_RECORD_BYTES_MAX);
    return progress->is_held && has_changed && step->now_ms >= progress->held_ms + KR_HELD_MS;
}

enum kr_err kr_catchup_go_on(struct kr_step *step, struct kr_link *link)
{
    for (uint32_t i = 0; link->phase == KR_CATCHUP_REST && link->has_session && i < link->progress_count; i++) {
        if (may_ask_again(step, link, &link->progress[i])) {
            read_from_mark(&link->progress[i]);
        }
        if (differs(&link->progress[i])) {
            return ask(step, link, i);
        }
    }
    return KR_OK;
}

/* The page is dealt with: the mark moves to its end, or is held. */
static enum kr_err page_done(struct kr_step *step, struct kr_link *link)
{
    struct kr_progress *progress = &link->progress[link->phase_at];
    bool has_moved = progress->at != link->next_at || memcmp(progress->at_hash, link->next_hash, 32) != 0;
    progress->at = link->next_at;
    memcpy(progress->at_hash, link->next_hash, 32);
    link->phase = KR_CATCHUP_REST;
    if (link->holds_mark) {
        progress->is_held = true;
        progress->held_ms = step->now_ms;
        progress->held_generation = step->core->directory.generation;
    }
    if (has_moved && !progress->is_held) {
        progress->mark = progress->at;
        memcpy(progress->mark_hash, progress->at_hash, 32);
        enum kr_err err = mark_store(step, link, progress);
        if (err != KR_OK) {
            return err;
        }
    }
    if (link->next_at < link->next_total && has_moved) {
        return ask(step, link, link->phase_at);
    }
    /* All that this answer could tell is known; the next announcement says whether there is more. */
    progress->is_announced = false;
    return kr_catchup_go_on(step, link);
}

static int compare_wanted(const void *a, const void *b)
{
    return memcmp(((const struct kr_wanted *)a)->id, ((const struct kr_wanted *)b)->id, 32);
}

static struct kr_wanted *find_wanted(const struct kr_link *link, const uint8_t id[static 32])
{
    struct kr_wanted key;
    if (link->phase != KR_CATCHUP_WANTING || link->wanted_count == 0) {
        return NULL;
    }
    memcpy(key.id, id, 32);
    return bsearch(&key, link->wanted, link->wanted_count, sizeof key, compare_wanted);
}

bool kr_catchup_awaits(const struct kr_link *link, const uint8_t id[static 32])
{
    return find_wanted(link, id) != NULL;
}

enum kr_err kr_catchup_settled(struct kr_step *step, struct kr_link *link, const uint8_t id[static 32], bool is_put_off)
{
    struct kr_wanted *wanted = find_wanted(link, id);
    if (wanted == NULL || wanted->is_settled) {
        return KR_OK;
    }
    wanted->is_settled = true;
    link->holds_mark = link->holds_mark || is_put_off;
    link->phase_ms = step->now_ms;
    return --link->wanted_left == 0 ? page_done(step, link) : KR_OK;
}

/* The running hash of a page must follow from the mark and the ids, or the peer is wrong about its own tree. A page costs a durable
 * mark: so it is a whole one, or the last, and a tree is not another one all the time. */
static bool page_is_sound(const struct kr_progress *progress, const struct kr_message *message, uint64_t now_ms)
{
    uint8_t hash[32] = {0};
    if (message->from > message->count || message->item_count > message->count - message->from) {
        return false;
    }
    if (message->item_count < KR_IDS_PER_FRAME_MAX && message->from + message->item_count != message->count) {
        return false;
    }
    if (message->status == 0) {
        if (message->from != progress->at) {
            return false;
        }
        memcpy(hash, progress->at_hash, 32);
    } else if (message->from != 0 || (progress->anew_ms != 0 && now_ms < progress->anew_ms + ANEW_MS)) {
        return false;
    }
    for (uint32_t i = 0; i < message->item_count; i++) {
        struct kr_hash_state state;
        kr_hash_init(&state, "kairan cursor");
        kr_hash_update(&state, hash, 32);
        kr_hash_update(&state, message->items[i].bytes, 32);
        kr_hash_final(&state, hash);
    }
    return memcmp(hash, message->hash, 32) == 0;
}

enum kr_err kr_catchup_have(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    if (link->phase != KR_CATCHUP_ASKED || !is_own_or_general(link, &message->scope)) {
        return KR_OK;
    }
    struct kr_progress *progress = &link->progress[link->phase_at];
    if (progress->scope.kind != message->scope.kind || memcmp(progress->scope.id, message->scope.id, 32) != 0) {
        return KR_OK;
    }
    if (!page_is_sound(progress, message, step->now_ms)) {
        char name[KR_NAME_BYTES_MAX + 1];
        progress->is_announced = false;
        link->phase = KR_CATCHUP_REST;
        return kr_step_log_peer(step, link, KR_LOG_WARNING, "%s contradicts itself about what it holds; asked again later",
                                kr_core_name(step->core, link->council, false, name, sizeof name));
    }
    progress->anew_ms = message->status == 0 ? progress->anew_ms : step->now_ms;
    if (link->wanted == NULL) {
        link->wanted = calloc(KR_IDS_PER_FRAME_MAX, sizeof *link->wanted);
        if (link->wanted == NULL) {
            return KR_NOMEM;
        }
    }
    struct kr_message want = {.type = KR_MESSAGE_WANT};
    link->wanted_count = 0;
    for (uint32_t i = 0; i < message->item_count; i++) {
        uint64_t arrival;
        enum kr_err err = kr_store_record_find(step->txn, message->items[i].bytes, &arrival);
        if (err == KR_NOT_FOUND) {
            memcpy(link->wanted[link->wanted_count].id, message->items[i].bytes, 32);
            link->wanted[link->wanted_count++].is_settled = false;
            want.items[want.item_count++] = message->items[i];
        } else if (err != KR_OK) {
            return err;
        }
    }
    qsort(link->wanted, link->wanted_count, sizeof *link->wanted, compare_wanted);
    /* A list that names an id twice would never be settled: the doubles are. */
    link->wanted_left = link->wanted_count;
    for (uint32_t i = 1; i < link->wanted_count; i++) {
        if (memcmp(link->wanted[i].id, link->wanted[i - 1].id, 32) == 0) {
            link->phase = KR_CATCHUP_REST;
            progress->is_announced = false;
            return KR_OK;
        }
    }
    link->holds_mark = false;
    link->next_at = message->from + message->item_count;
    link->next_total = message->count;
    memcpy(link->next_hash, message->hash, 32);
    link->phase = KR_CATCHUP_WANTING;
    link->phase_ms = step->now_ms;
    return link->wanted_left == 0 ? page_done(step, link) : kr_link_send(step, link, &want);
}

/* ---- answering ---- */

enum kr_err kr_catchup_cursor(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    struct kr_scope scope = message->scope;
    if (!is_own_or_general(link, &scope)) {
        return KR_OK;
    }
    struct kr_message *have = calloc(1, sizeof *have);
    uint8_t(*ids)[32] = malloc(KR_IDS_PER_FRAME_MAX * 32);
    enum kr_err err = have == NULL || ids == NULL ? KR_NOMEM : KR_OK;
    if (err != KR_OK) {
        goto out;
    }
    have->type = KR_MESSAGE_HAVE;
    have->scope = to_wire(step->core, scope);
    have->from = have->count = message->count;
    memcpy(have->hash, message->hash, 32);
    if (!kr_link_shares(step->core, link, &scope)) {
        err = kr_link_send(step, link, have); /* "nothing new": what we do not share we do not speak of */
        goto out;
    }
    uint8_t hash[32];
    err = kr_store_scope_hash_at(step->txn, &scope, message->count, hash);
    if (err == KR_NOT_FOUND || (err == KR_OK && memcmp(hash, message->hash, 32) != 0)) {
        have->status = 1;
        have->from = 0;
        err = KR_OK;
    }
    uint32_t count = 0;
    if (err == KR_OK) {
        err = kr_store_scope_read(step->txn, &scope, have->from, ids, KR_IDS_PER_FRAME_MAX, &count);
    }
    if (err == KR_OK) {
        err = kr_store_scope_hash_at(step->txn, &scope, have->from + count, have->hash);
    }
    if (err == KR_OK) {
        err = kr_store_scope_mark(step->txn, &scope, &have->count, hash);
    }
    for (uint32_t i = 0; i < count; i++) {
        have->items[i] = (struct kr_slice){ids[i], 32};
    }
    have->item_count = count;
    if (err == KR_OK) {
        err = kr_link_send(step, link, have);
    }
out:
    free(have);
    free(ids);
    return err;
}

enum kr_err kr_catchup_want(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    struct kr_message gone = {.type = KR_MESSAGE_GONE};
    enum kr_err err = scratch == NULL ? KR_NOMEM : KR_OK;
    for (uint32_t i = 0; i < message->item_count && err == KR_OK; i++) {
        uint64_t arrival = 0;
        struct kr_head head;
        err = kr_store_record_find(step->txn, message->items[i].bytes, &arrival);
        if (err == KR_OK) {
            err = kr_store_head_get(step->txn, arrival, &head, scratch);
        }
        /* Policy is asked here already, although packing asks again: what is refused must be said to be gone, or the asker would
         * wait for it for ever, and nothing that will not be sent should fill the queue. */
        enum kr_policy_reason reason = KR_POLICY_DENY_UNLABELLED;
        if (err == KR_OK && head.state != KR_HEAD_QUARANTINED) {
            err = kr_policy_of_head(step->core, KR_POLICY_HOLD, &head, link->council, &reason);
        }
        bool is_damaged = err == KR_CORRUPT;
        if (is_damaged) { /* one damaged record must not stand in the way of all others */
            err = kr_step_log_damage(step, arrival);
        }
        if (err == KR_NOT_FOUND || (err == KR_OK && (is_damaged || !kr_policy_is_allowed(reason)))) {
            gone.items[gone.item_count++] = message->items[i];
            err = KR_OK;
        } else if (err == KR_OK) {
            err = kr_gossip_ask(link, arrival, message->items[i].bytes);
        }
    }
    free(scratch);
    err = err == KR_QUOTA ? KR_OK : err; /* not gone: it will be asked for again, and its mark must not move past it */
    return err == KR_OK && gone.item_count > 0 ? kr_link_send(step, link, &gone) : err;
}
