/* What both hold: one digest of all mutual scopes in each ping, roots where it differs, marks that follow (docs/PROTOCOL.md,
 * "Catching up").
 *
 *   pings are equal ──▶ nothing; where our marks lie far behind, roots, for the marks alone
 *   pings differ ─────▶ roots: of each scope what its log and its trees hold
 *                          equal ──▶ the mark moves to the end of the peer's log: all that stands there is here
 *                          not ────▶ catchup.c reads its log; what then still differs is walked
 *
 * Who was dialled begins, so that both do not at once; the dialler does where that does not come. Two digests that differ and have
 * been talked about without anything to be done are talked about again with a growing pause. */
#include <stdlib.h>
#include <string.h>

#include "crypto/fault.h"
#include "node/core/effect.h"
#include "node/core/restored.h"
#include "node/core/through.h"

#define MARKS_LAG      256u   /* entries that our marks may lie behind where all is equal */
#define TALK_MS_MIN    15000u /* two digests that differ all the same are talked about again after so long, then twice as long … */
#define DIALLER_MS     5000u  /* who dialled leaves the beginning to the other for so long */
#define SKIP_MS_MAX    120000u /* a walk that does not make both equal by then is waited for no longer */
#define LONG_LOG       16384u  /* what is unread is walked instead where it is longer than this, and most of it must be here */
#define ROOTS_BUDGET   (3u * KR_PROGRESS_MAX) /* scopes that a peer is told of at once, and … */
#define ROOTS_A_SECOND 8u                     /* … in a second in the long run */
#define DIGEST_BYTES   16u
#define HELD_MAX       1024u /* roots that are kept */

/* Of one scope, as last worked out. */
struct kr_held {
    struct kr_scope scope;
    bool is_known;
    uint32_t month_from;
    uint64_t count, tree_count;
    uint8_t hash[32], root[32];
};

/* ---- which scopes a link shares ---- */

bool kr_link_shares(const struct kr_core *core, const struct kr_link *link, const struct kr_scope *scope)
{
    if (link->state != KR_LINK_OPEN ||
        (kr_link_is_held(core, link) && (scope->kind == KR_SCOPE_GREEN || scope->kind == KR_SCOPE_PAIR))) {
        return false;
    }
    const struct kr_directory *directory = &core->directory;
    if (link->through != NULL && kr_through_leaves(core, link, scope)) {
        return false;
    }
    const bool is_sister = kr_link_is_sister(core, link);
    switch (scope->kind) {
    case KR_SCOPE_CLEAR:
        return true;
    case KR_SCOPE_PAIR:
        return !is_sister && memcmp(scope->id, link->council, 32) == 0;
    case KR_SCOPE_COUNCIL:
        return is_sister && memcmp(scope->id, core->self, 32) == 0;
    case KR_SCOPE_GREEN:
        return kr_directory_is_member(directory, scope->id, core->self) &&
               kr_directory_is_member(directory, scope->id, link->council);
    case KR_SCOPE_DIRECTORY: {
        bool is_invited = link->has_community && memcmp(link->community, scope->id, 32) == 0;
        return is_invited || (is_sister && kr_directory_community(directory, scope->id) != NULL) ||
               (kr_directory_is_candidate(directory, scope->id, core->self) &&
                kr_directory_is_candidate(directory, scope->id, link->council));
    }
    default:
        return false;
    }
}

/* Of what is GREEN where newcomers get it from now on: what both may hold. */
static uint32_t hour_from(const struct kr_core *core, const struct kr_link *link, const uint8_t community[static 32])
{
    const uint32_t ours = kr_directory_hour_from(&core->directory, community, core->self);
    const uint32_t theirs = kr_directory_hour_from(&core->directory, community, link->council);
    return ours > theirs ? ours : theirs;
}

static int compare_scopes(const void *a, const void *b)
{
    const struct kr_scope *left = a, *right = b;
    return left->kind != right->kind ? (left->kind < right->kind ? -1 : 1) : memcmp(left->id, right->id, 32);
}

/* In order of kind, so that the directory comes before what needs it, and of id: the same at both ends. */
static uint32_t shared_scopes(const struct kr_core *core, const struct kr_link *link,
                              struct kr_scope ret_scopes[static KR_PROGRESS_MAX])
{
    struct kr_scope all[KR_PROGRESS_MAX + 1];
    uint32_t count = 0, kept = 0;
    bool has_invited = false;
    for (uint32_t i = 0; i < core->directory.community_count; i++) {
        all[count] = (struct kr_scope){.kind = KR_SCOPE_DIRECTORY};
        memcpy(all[count++].id, core->directory.communities[i]->id, 32);
        has_invited = has_invited || (link->has_community && memcmp(link->community, core->directory.communities[i]->id, 32) == 0);
    }
    if (link->has_community && !has_invited && count < KR_COMMUNITIES_MAX) {
        all[count] = (struct kr_scope){.kind = KR_SCOPE_DIRECTORY};
        memcpy(all[count++].id, link->community, 32);
    }
    all[count++] = (struct kr_scope){.kind = KR_SCOPE_CLEAR};
    for (uint32_t i = 0; i < core->directory.community_count; i++) {
        const uint8_t *id = core->directory.communities[i]->id;
        all[count] = (struct kr_scope){.kind = KR_SCOPE_GREEN, .hour_from = hour_from(core, link, id)};
        memcpy(all[count++].id, id, 32);
    }
    all[count] = (struct kr_scope){.kind = kr_link_is_sister(core, link) ? KR_SCOPE_COUNCIL : KR_SCOPE_PAIR};
    memcpy(all[count++].id, link->council, 32);
    for (uint32_t i = 0; i < count; i++) {
        if (kr_link_shares(core, link, &all[i])) {
            ret_scopes[kept++] = all[i];
        }
    }
    qsort(ret_scopes, kept, sizeof *ret_scopes, compare_scopes);
    return kept;
}

/* ---- marks that we keep ---- */

/* Table: peer's transport key ‖ scope kind ‖ scope id → array of 2: count, running hash (bin 16). Cursors are per node, hence the
 * transport key. */
#define MARK_KEY_BYTES 65

static void mark_key(uint8_t ret_key[static MARK_KEY_BYTES], const struct kr_link *link, const struct kr_scope *scope)
{
    memcpy(ret_key, link->transport_key, 32);
    ret_key[32] = scope->kind;
    memcpy(ret_key + 33, scope->id, 32);
}

void kr_progress_reread(struct kr_progress *progress)
{
    progress->at = progress->mark;
    memcpy(progress->at_hash, progress->mark_hash, KR_MARK_HASH_BYTES);
    progress->is_held = progress->is_foreign = false;
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
    const struct kr_slice hash = kr_reader_bin(&reader, KR_MARK_HASH_BYTES, KR_HASH_BYTES); /* once whole; the first bytes count */
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return KR_CORRUPT;
    }
    memcpy(progress->mark_hash, hash.bytes, KR_MARK_HASH_BYTES);
    kr_progress_reread(progress);
    return KR_OK;
}

enum kr_err kr_mark_move(struct kr_step *step, const struct kr_link *link, struct kr_progress *progress, uint64_t count,
                         const uint8_t hash[static KR_MARK_HASH_BYTES])
{
    uint8_t key[MARK_KEY_BYTES];
    struct kr_writer writer;
    mark_key(key, link, &progress->scope);
    kr_writer_init(&writer, 64);
    kr_writer_array(&writer, 2);
    kr_writer_uint(&writer, count);
    kr_writer_bin(&writer, hash, KR_MARK_HASH_BYTES);
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        err = kr_store_put(step->txn, KR_TABLE_MARKS, key, sizeof key, writer.bytes, writer.len);
    }
    if (err == KR_OK) {
        progress->mark = count;
        memcpy(progress->mark_hash, hash, KR_MARK_HASH_BYTES);
    }
    kr_writer_deinit(&writer);
    return err;
}

void kr_pause(struct kr_pause *pause, uint64_t now_ms)
{
    const uint64_t ms = pause->ms == 0 ? KR_PAUSE_MS_MIN : 2 * pause->ms;
    pause->ms = ms < KR_PAUSE_MS_MAX ? ms : KR_PAUSE_MS_MAX;
    pause->until_ms = now_ms + pause->ms;
}

/* ---- the list of mutual scopes ---- */

struct kr_progress *kr_progress_of(const struct kr_link *link, const struct kr_scope *scope)
{
    for (uint32_t i = 0; i < link->progress_count; i++) {
        if (compare_scopes(&link->progress[i].scope, scope) == 0) {
            return &link->progress[i];
        }
    }
    return NULL;
}

/* Sessions that come and go are no reason to ask again for what was put off. What was in vain is tried at once, and then pauses for
 * as long as if the session had gone on. */
static void inherit(struct kr_progress *progress, const struct kr_progress *old)
{
    progress->anew_ms = old->anew_ms;
    progress->vain = old->vain;
    progress->waits_ms = old->waits_ms;
    progress->reading.ms = old->reading.ms;
    progress->walking.ms = old->walking.ms;
    if (old->is_held) {
        progress->at = old->at;
        memcpy(progress->at_hash, old->at_hash, KR_MARK_HASH_BYTES);
        progress->is_held = true;
        progress->held_ms = old->held_ms;
        progress->held_generation = old->held_generation;
    }
}

static enum kr_err make_list(struct kr_step *step, const struct kr_link *link, const struct kr_scope *scopes, uint32_t count,
                             struct kr_progress *progress, bool *ret_has_new)
{
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        const struct kr_progress *old = kr_progress_of(link, &scopes[i]);
        if (old != NULL && link->progress_generation != UINT64_MAX) {
            progress[i] = *old;
            progress[i].scope = scopes[i];
            *ret_has_new = *ret_has_new || old->scope.hour_from != scopes[i].hour_from;
            continue;
        }
        *ret_has_new = true;
        progress[i] = (struct kr_progress){.scope = scopes[i]};
        err = mark_load(step, link, &progress[i]);
        if (err == KR_OK && old != NULL) {
            inherit(&progress[i], old);
        }
    }
    return err;
}

/* The list follows the directory; what is known of a scope that stays is kept. A new scope is compared with a ping. */
enum kr_err kr_catchup_scopes(struct kr_step *step, struct kr_link *link)
{
    struct kr_scope scopes[KR_PROGRESS_MAX];
    uint32_t count = shared_scopes(step->core, link, scopes);
    struct kr_progress *progress = malloc((count + 1) * sizeof *progress);
    bool has_new = false, was_fresh = link->progress_generation == UINT64_MAX;
    if (progress == NULL) {
        return KR_NOMEM;
    }
    enum kr_err err = make_list(step, link, scopes, count, progress, &has_new);
    if (err != KR_OK) {
        free(progress);
        return err;
    }
    bool has_moved = count != link->progress_count;
    for (uint32_t i = 0; i < count && !has_moved; i++) {
        has_moved = compare_scopes(&link->progress[i].scope, &scopes[i]) != 0;
    }
    if (has_moved || was_fresh) {
        kr_catchup_stop(link); /* `phase_at` counts in the old list: begin anew */
    }
    free(link->progress);
    link->progress = progress;
    link->progress_count = count;
    link->progress_generation = step->core->directory.generation;
    link->digest_generation = 0;
    return (has_moved || has_new) && !was_fresh && link->has_session ? kr_roots_ping(step, link, KR_MESSAGE_PING) : KR_OK;
}

static enum kr_err follow_directory(struct kr_step *step, struct kr_link *link)
{
    return link->progress_generation == step->core->directory.generation ? KR_OK : kr_catchup_scopes(step, link);
}

enum kr_err kr_progress_named(struct kr_step *step, struct kr_link *link, const uint8_t tag[static KR_SCOPE_TAG_BYTES],
                              struct kr_progress **ret_progress)
{
    enum kr_err err = follow_directory(step, link);
    struct kr_progress *progress = NULL;
    for (uint32_t i = 0; i < link->progress_count && progress == NULL; i++) {
        uint8_t own[KR_SCOPE_TAG_BYTES];
        kr_scope_tag(own, link->session.salt, &link->progress[i].scope);
        progress = memcmp(own, tag, sizeof own) == 0 ? &link->progress[i] : NULL;
    }
    if (err == KR_OK) {
        *ret_progress = progress;
    }
    return err;
}

/* ---- what we hold ---- */

void kr_roots_touch(struct kr_core *core, const struct kr_scope *scope)
{
    core->roots_generation++;
    for (uint32_t i = 0; i < core->held_count; i++) {
        if (scope == NULL || compare_scopes(&core->held[i].scope, scope) == 0) {
            core->held[i].is_known = false;
        }
    }
}

void kr_roots_free(struct kr_core *core)
{
    free(core->held);
}

/* The place of that scope in the list. Of one with many newcomers there are as many as have dates of their own: one that is not
 * known any more makes room, and all are let go where they come to be too many. */
static struct kr_held *held_of(struct kr_core *core, const struct kr_scope *scope)
{
    struct kr_held *unused = NULL;
    for (uint32_t i = 0; i < core->held_count; i++) {
        struct kr_held *held = &core->held[i];
        if (compare_scopes(&held->scope, scope) == 0 && held->scope.hour_from == scope->hour_from) {
            return held;
        }
        unused = unused == NULL && !held->is_known ? held : unused;
    }
    if (unused == NULL && core->held_count == HELD_MAX) {
        core->held_count = 0;
    }
    if (unused == NULL && core->held_count == core->held_capacity) {
        uint32_t capacity = core->held_capacity == 0 ? 8 : 2 * core->held_capacity;
        struct kr_held *more = realloc(core->held, capacity * sizeof *more);
        if (more == NULL) {
            return NULL;
        }
        core->held = more;
        core->held_capacity = capacity;
    }
    unused = unused == NULL ? &core->held[core->held_count++] : unused;
    *unused = (struct kr_held){.scope = *scope};
    return unused;
}

static enum kr_err hold(struct kr_step *step, const struct kr_scope *scope, uint32_t month_from, const struct kr_held **ret_held)
{
    struct kr_held *held = held_of(step->core, scope);
    enum kr_err err = held != NULL ? KR_OK : KR_NOMEM;
    if (err == KR_OK && (!held->is_known || held->month_from != month_from)) {
        held->is_known = false;
        err = kr_store_scope_mark(step->txn, scope, &held->count, held->hash);
        if (err == KR_OK) {
            err = kr_store_tree_root(step->txn, scope, month_from, held->root, &held->tree_count);
        }
        held->month_from = month_from;
        held->is_known = err == KR_OK;
    }
    *ret_held = held;
    return err;
}

/* digest = first 16 bytes of H("kairan mutual scopes" ‖ salt ‖ for each scope: kind ‖ id (a pair's: zero) ‖ elements BE64 ‖ root)
 */
static enum kr_err work_out_digest(struct kr_step *step, struct kr_link *link, uint32_t month_from)
{
    struct kr_hash_state state;
    uint8_t hash[KR_HASH_BYTES];
    uint64_t entries = 0;
    kr_hash_init(&state, "kairan mutual scopes");
    kr_hash_update(&state, link->session.salt, sizeof link->session.salt);
    for (uint32_t i = 0; i < link->progress_count; i++) {
        static const uint8_t zero[32];
        const struct kr_scope *scope = &link->progress[i].scope;
        const struct kr_held *held;
        uint8_t count[8];
        enum kr_err err = hold(step, scope, month_from, &held);
        if (err != KR_OK) {
            return err;
        }
        kr_put_be(count, held->tree_count, 8);
        kr_hash_update(&state, &scope->kind, 1);
        kr_hash_update(&state, scope->kind == KR_SCOPE_PAIR ? zero : scope->id, 32);
        kr_hash_update(&state, count, sizeof count);
        kr_hash_update(&state, held->root, 32);
        entries += held->count;
    }
    kr_hash_final(&state, hash);
    memcpy(link->digest, hash, DIGEST_BYTES);
    link->digest_entries = entries;
    link->digest_month = month_from;
    link->digest_generation = step->core->roots_generation;
    return KR_OK;
}

static enum kr_err digest(struct kr_step *step, struct kr_link *link)
{
    const uint32_t month_from = kr_tree_month_from(step->now_ms / 1000);
    enum kr_err err = follow_directory(step, link);
    bool is_new = link->digest_generation == step->core->roots_generation && link->digest_month == month_from;
    return err == KR_OK && !is_new ? work_out_digest(step, link, month_from) : err;
}

/* ---- pings ---- */

enum kr_err kr_roots_ping(struct kr_step *step, struct kr_link *link, uint32_t type)
{
    struct kr_message ping = {.type = type, .sequence = step->now_ms};
    enum kr_err err = digest(step, link);
    memcpy(ping.digest, link->digest, DIGEST_BYTES);
    ping.count = link->digest_entries;
    return err == KR_OK ? kr_link_send(step, link, &ping) : err;
}

/* How far the peer's clock is ahead. It may say anything. */
static int64_t clock_between(uint64_t ours_ms, uint64_t theirs_ms)
{
    uint64_t apart_ms = theirs_ms > ours_ms ? theirs_ms - ours_ms : ours_ms - theirs_ms;
    apart_ms = apart_ms < INT64_MAX ? apart_ms : INT64_MAX;
    return theirs_ms > ours_ms ? (int64_t)apart_ms : -(int64_t)apart_ms;
}

/* Where all is equal only the marks may have to follow: what came by gossip stands in the peer's log too. */
static enum kr_err are_equal(struct kr_step *step, struct kr_link *link)
{
    uint64_t read = 0;
    memset(link->talked, 0, sizeof link->talked);
    if (link->phase != KR_CATCHUP_REST) {
        return KR_OK;
    }
    for (uint32_t i = 0; i < link->progress_count; i++) {
        struct kr_progress *progress = &link->progress[i];
        read += progress->at;
        if (progress->is_behind) {
            progress->is_behind = false;
            return kr_roots_ask(step, link, progress); /* one with each ping, as a rule the only one */
        }
    }
    bool is_far = link->their_entries > read ? link->their_entries - read >= MARKS_LAG : read - link->their_entries >= MARKS_LAG;
    return is_far ? kr_roots_ask(step, link, NULL) : KR_OK;
}

static void talked_now(const struct kr_step *step, struct kr_link *link)
{
    link->talk_at_ms = step->now_ms + link->talk_pause_ms;
    link->talk_pause_ms = 2 * link->talk_pause_ms < KR_PAUSE_MS_MAX ? 2 * link->talk_pause_ms : KR_PAUSE_MS_MAX;
}

static enum kr_err differ(struct kr_step *step, struct kr_link *link, const uint8_t theirs[static DIGEST_BYTES])
{
    uint8_t both[2 * DIGEST_BYTES];
    memcpy(both, link->digest, DIGEST_BYTES);
    memcpy(both + DIGEST_BYTES, theirs, DIGEST_BYTES);
    if (memcmp(link->talked, both, sizeof both) != 0) {
        memcpy(link->talked, both, sizeof both);
        link->talk_pause_ms = TALK_MS_MIN;
        link->talk_at_ms = step->now_ms + (link->we_dial ? DIALLER_MS : 0);
    }
    if (link->phase != KR_CATCHUP_REST || step->now_ms < link->talk_at_ms) {
        return KR_OK;
    }
    talked_now(step, link);
    return kr_roots_ask(step, link, NULL);
}

/* Once, until the two have met. Up to a day apart nothing has to be done: what is dated ahead is taken, and shown when its time
 * comes. */
static enum kr_err tell_of_clock(struct kr_step *step, struct kr_link *link)
{
    char name[KR_NAME_BYTES_MAX + 1];
    const int64_t apart_ms = link->clock_ms;
    const bool is_wrong = apart_ms > (int64_t)KR_AHEAD_MS_MAX || apart_ms < -(int64_t)KR_AHEAD_MS_MAX,
               was_wrong = link->is_clock_wrong;
    link->is_clock_wrong = is_wrong;
    if (!is_wrong || was_wrong) {
        return KR_OK;
    }
    return kr_step_log_peer(step, link, KR_LOG_WARNING,
                            "the clock of %s is more than a day %s this node's: one of the two is wrong. Set it right; until then "
                            "what is dated more than a day ahead waits",
                            kr_core_name(step->core, link->council, false, name, sizeof name),
                            apart_ms > 0 ? "ahead of" : "behind");
}

enum kr_err kr_roots_pinged(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    link->clock_ms = clock_between(step->now_ms, message->sequence);
    enum kr_err err = tell_of_clock(step, link);
    if (err == KR_OK) {
        err = digest(step, link);
    }
    if (err == KR_OK && message->type == KR_MESSAGE_PING) {
        err = kr_roots_ping(step, link, KR_MESSAGE_PONG);
    }
    if (err != KR_OK || !link->has_session) {
        return err;
    }
    link->their_entries = message->count;
    link->is_compared = true;
    link->is_equal = memcmp(link->digest, message->digest, DIGEST_BYTES) == 0;
    if (link->is_equal) {
        err = kr_restored_met(step, link);
    }
    if (err == KR_OK) {
        err = link->is_equal ? are_equal(step, link) : differ(step, link, message->digest);
    }
    return err == KR_OK ? kr_catchup_go_on(step, link) : err;
}

/* ---- roots out ---- */

/* One scope of the budget, which fills up with time: whoever asks all the time is answered as often as that. */
static bool may_tell(const struct kr_step *step, struct kr_link *link)
{
    return kr_budget_take(&link->roots_budget, step->now_ms, 1, ROOTS_BUDGET, ROOTS_A_SECOND);
}

/* Our root of that scope, as the peer is told. */
static enum kr_err own_root(struct kr_step *step, const struct kr_link *link, const struct kr_progress *progress,
                            uint32_t month_from, struct kr_root *root)
{
    const struct kr_held *held;
    enum kr_err err = hold(step, &progress->scope, month_from, &held);
    if (err == KR_OK) {
        kr_scope_tag(root->tag, link->session.salt, &progress->scope);
        root->count = held->count;
        memcpy(root->hash, held->hash, KR_MARK_HASH_BYTES);
        root->read = progress->skips_log ? UINT64_MAX : progress->at; /* beyond a mark that is held: a walk need not wait for it */
        root->tree_count = held->tree_count;
        kr_hash_short(root->root8, link->session.salt, held->root, 32);
    }
    return err;
}

static enum kr_err send_roots(struct kr_step *step, struct kr_link *link, uint32_t month_from, bool asks, uint32_t count,
                              const struct kr_writer *list)
{
    struct kr_message message = {
        .type = KR_MESSAGE_ROOTS, .status = asks, .month = month_from, .item_count = count, .items = {list->bytes, list->len}};
    enum kr_err err = kr_writer_finish(list);
    return err == KR_OK ? kr_link_send(step, link, &message) : err;
}

enum kr_err kr_roots_ask(struct kr_step *step, struct kr_link *link, const struct kr_progress *only)
{
    const uint32_t month_from = kr_tree_month_from(step->now_ms / 1000);
    struct kr_writer list;
    uint32_t count = 0;
    enum kr_err err = KR_OK;
    kr_writer_init(&list, KR_FRAME_BYTES_MAX / 2);
    for (uint32_t i = 0; i < link->progress_count && err == KR_OK; i++) {
        struct kr_root root;
        if ((only != NULL && only != &link->progress[i]) || !may_tell(step, link)) {
            continue;
        }
        err = own_root(step, link, &link->progress[i], month_from, &root);
        if (err == KR_OK) {
            kr_root_write(&root, &list);
            count++;
        }
    }
    if (err == KR_OK && count > 0) {
        err = send_roots(step, link, month_from, true, count, &list);
    }
    kr_writer_deinit(&list);
    return err;
}

/* ---- roots in ---- */

/* Equal: all that its log ever told is here, or needed nowhere. */
static enum kr_err adopt(struct kr_step *step, const struct kr_link *link, struct kr_progress *progress)
{
    progress->at = progress->their_count;
    memcpy(progress->at_hash, progress->their_hash, KR_MARK_HASH_BYTES);
    progress->is_held = progress->is_foreign = progress->skips_log = progress->is_behind = progress->is_walk_due = false;
    progress->reading = progress->walking = (struct kr_pause){0};
    if (KR_FAULT(KR_FAULT_WRONG_MARK_ADOPTED)) {
        progress->at -= progress->at > 0;
    }
    bool has_moved = progress->mark != progress->at || memcmp(progress->mark_hash, progress->at_hash, KR_MARK_HASH_BYTES) != 0;
    return has_moved ? kr_mark_move(step, link, progress, progress->at, progress->at_hash) : KR_OK;
}

/* Whether what both hold is the same: of the months that are not over by the later of the two clocks, where we can tell. */
static enum kr_err compare(struct kr_step *step, const struct kr_link *link, const struct kr_root *theirs,
                           const struct kr_root *ours, uint32_t own_from, uint32_t their_from, const struct kr_progress *progress,
                           bool *ret_is_equal)
{
    uint8_t root[32], root8[8];
    uint64_t count = ours->tree_count;
    enum kr_err err = KR_OK;
    memcpy(root8, ours->root8, sizeof root8);
    if (own_from < their_from) {
        err = kr_store_tree_root(step->txn, &progress->scope, their_from, root, &count);
        kr_hash_short(root8, link->session.salt, root, 32);
    }
    *ret_is_equal = err == KR_OK && own_from <= their_from && count == theirs->tree_count && memcmp(root8, theirs->root8, 8) == 0;
    return err;
}

/* Whether the trees tell for less what the peer's log would: it is long, was not read or is another one, and we hold at least half
 * as much, or it lists what one of the two may not hold. Not while walking is in vain. */
static bool is_for_walking(const struct kr_step *step, const struct kr_progress *progress, const struct kr_root *theirs,
                           const struct kr_root *ours)
{
    const uint64_t unread = theirs->count > progress->at ? theirs->count - progress->at : 0;
    const uint64_t missing = theirs->tree_count > ours->tree_count ? theirs->tree_count - ours->tree_count : 0;
    const bool is_from_start = progress->at == 0 || progress->is_foreign;
    const bool is_long = is_from_start ? theirs->count > KR_SHORT_LOG : unread > LONG_LOG && unread / 2 > missing;
    const bool is_in_vain = progress->walking.ms > KR_PAUSE_MS_MIN && step->now_ms < progress->walking.until_ms;
    return is_long && (missing <= ours->tree_count || progress->scope.hour_from > 0) && !is_in_vain;
}

/* One scope of theirs. */
static enum kr_err told(struct kr_step *step, struct kr_link *link, struct kr_progress *progress, const struct kr_root *theirs,
                        const struct kr_root *ours, uint32_t own_from, uint32_t their_from)
{
    progress->their_count = theirs->count;
    memcpy(progress->their_hash, theirs->hash, KR_MARK_HASH_BYTES);
    progress->is_told = true;
    enum kr_err err = compare(step, link, theirs, ours, own_from, their_from, progress, &progress->is_equal);
    bool is_read_now = link->phase != KR_CATCHUP_REST && progress == &link->progress[link->phase_at];
    if (err == KR_OK && progress->is_equal) {
        if (is_read_now && link->phase == KR_CATCHUP_READING) {
            kr_catchup_stop(link); /* what it was read for has come by other ways */
        }
        return adopt(step, link, progress);
    }
    if (err != KR_OK || is_read_now) {
        return err;
    }
    const bool did_skip = progress->skips_log;
    if (did_skip && step->now_ms >= progress->skip_ms + SKIP_MS_MAX) {
        kr_pause(&progress->walking, step->now_ms);
    }
    progress->skips_log = own_from == their_from && !progress->is_held && is_for_walking(step, progress, theirs, ours);
    progress->skip_ms = did_skip ? progress->skip_ms : step->now_ms;
    if (progress->skips_log && !did_skip && !link->we_dial) {
        return kr_roots_ask(step, link, progress); /* so that the dialler knows */
    }
    bool we_read = progress->skips_log || kr_catchup_is_read(progress);
    /* Also where something is put off: that one record may never come, and others may be missing before the mark. */
    bool both_read = own_from == their_from && we_read && (theirs->read == UINT64_MAX || theirs->read == ours->count);
    return both_read ? kr_catchup_walk(step, link, progress) : KR_OK;
}

/* Whether the answer names that scope: where it differs, or their mark may follow. */
static bool is_worth_telling(const struct kr_progress *progress, const struct kr_root *theirs, const struct kr_root *ours)
{
    return !progress->is_equal || theirs->read != ours->count;
}

enum kr_err kr_roots_told(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    const uint32_t own_from = kr_tree_month_from(step->now_ms / 1000);
    struct kr_message rest = *message;
    struct kr_root theirs, ours;
    struct kr_writer list;
    uint32_t count = 0;
    enum kr_err err = KR_OK;
    kr_writer_init(&list, KR_FRAME_BYTES_MAX / 2);
    if (message->status != 0 && link->talk_pause_ms > 0) {
        talked_now(step, link);
    }
    while (err == KR_OK && kr_message_next_root(&rest, &theirs)) {
        struct kr_progress *progress;
        err = kr_progress_named(step, link, theirs.tag, &progress);
        if (err != KR_OK || progress == NULL || !may_tell(step, link)) {
            continue;
        }
        err = own_root(step, link, progress, own_from, &ours);
        if (err == KR_OK) {
            err = told(step, link, progress, &theirs, &ours, own_from, message->month);
        }
        if (err == KR_OK && message->status != 0 && is_worth_telling(progress, &theirs, &ours)) {
            kr_root_write(&ours, &list);
            count++;
        }
    }
    if (err == KR_OK && count > 0) {
        err = send_roots(step, link, own_from, false, count, &list);
    }
    kr_writer_deinit(&list);
    return err == KR_OK ? kr_catchup_go_on(step, link) : err;
}
