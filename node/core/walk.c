/* Walking trees: who begins, what is on its way, when it ends (docs/PROTOCOL.md, "Walking the trees").
 *
 *   dialler                                   dialled
 *   begin ── months ────────────────────────▶ a new walk
 *         ◀─ two levels of those that differ ─ …
 *         ── one level more, at last lists ─▶ pushes what the lists lack
 *         ◀─ what it wants of them ────────── …
 *   ends, once all its messages are dealt with there, and all that came here
 *
 * A message says how many of the other's are dealt with: that holds back who would fill us with more, and tells the dialler when
 * nothing can come any more. Messages wait here as they came; parts are dealt with one by one, for about 5 ms in one step. */
#include <stdlib.h>
#include <string.h>

#include "node/core/state.h"

#define STALLED_MS 50u /* no room in the queue: looked at again after so long */

static void drop_frames(struct kr_walk *walk)
{
    for (uint32_t i = 0; i < walk->count; i++) {
        free(walk->frames[i]);
    }
    walk->count = 0;
    walk->bytes = 0;
}

void kr_walk_close(struct kr_link *link)
{
    struct kr_walk *walk = &link->walk;
    const struct kr_walk closed = {
        .budget = walk->budget, .spent = walk->spent, .spent_ms = walk->spent_ms, .paused_until_ms = walk->paused_until_ms};
    drop_frames(walk);
    kr_writer_deinit(&walk->parts);
    *walk = closed;
}

/* ---- ends ---- */

static bool is_named(const struct kr_link *link, const struct kr_scope *scope, const uint8_t tag[static KR_SCOPE_TAG_BYTES])
{
    uint8_t own[KR_SCOPE_TAG_BYTES];
    kr_scope_tag(own, link->session.salt, scope);
    return memcmp(own, tag, sizeof own) == 0;
}

static enum kr_err say_end(struct kr_step *step, struct kr_link *link, const uint8_t tag[static KR_SCOPE_TAG_BYTES],
                           uint64_t number)
{
    struct kr_message end = {.type = KR_MESSAGE_SYNC, .walk = number, .status = 1};
    memcpy(end.tag, tag, sizeof end.tag);
    return kr_link_send(step, link, &end);
}

static enum kr_err finish(struct kr_step *step, struct kr_link *link)
{
    struct kr_walk *walk = &link->walk;
    const struct kr_scope scope = walk->scope;
    const uint64_t came = link->received_records - walk->records_before;
    walk->is_active = false;
    walk->ended_ms = step->now_ms;
    drop_frames(walk);
    kr_writer_deinit(&walk->parts);
    return walk->done != NULL ? walk->done(step, link, &scope, walk->found, came) : KR_OK;
}

/* Ends before the end. */
static enum kr_err break_off(struct kr_step *step, struct kr_link *link)
{
    uint8_t tag[KR_SCOPE_TAG_BYTES];
    kr_scope_tag(tag, link->session.salt, &link->walk.scope);
    enum kr_err err = say_end(step, link, tag, link->walk.number);
    return err == KR_OK ? finish(step, link) : err;
}

static enum kr_err pause_walks(struct kr_step *step, struct kr_link *link, const char *why)
{
    char name[KR_NAME_BYTES_MAX + 1];
    link->walk.paused_until_ms = step->now_ms + KR_WALK_PAUSE_MS;
    enum kr_err err =
        kr_step_log_peer(step, link, KR_LOG_WARNING, "comparing what is held here with what %s holds %s; it rests for ten minutes",
                         kr_core_name(step->core, link->council, false, name, sizeof name), why);
    return err == KR_OK ? break_off(step, link) : err;
}

/* ---- what it costs ---- */

static void set_budget(struct kr_walk *walk, uint64_t theirs)
{
    const uint64_t most = 4 * walk->keys + 65536;
    walk->budget = KR_WALK_BUDGET_MIN + KR_WALK_BUDGET_KEY * (walk->keys + (theirs < most ? theirs : most));
}

/* Whether the peer's walks have cost more than there can be to find. Each scope has a budget of its own, so that parts of budgets
 * are added up. They are forgotten evenly. */
static bool is_too_much(struct kr_walk *walk, uint64_t now_ms, uint64_t cost)
{
    const uint64_t whole = UINT64_C(1) << 32, forgotten = whole / KR_WALK_PAUSE_MS * (now_ms - walk->spent_ms);
    walk->spent = walk->spent > forgotten ? walk->spent - forgotten : 0;
    walk->spent_ms = now_ms;
    walk->spent += cost < walk->budget ? cost * whole / walk->budget : whole;
    return walk->spent > whole;
}

/* ---- out ---- */

/* A message with the parts that there are; without any it only tells what was dealt with. */
static enum kr_err send(struct kr_walker *walker, uint32_t generation)
{
    struct kr_walk *walk = walker->walk;
    struct kr_message message = {.type = KR_MESSAGE_SYNC,
                                 .walk = walk->number,
                                 .generation = generation,
                                 .count = walk->keys,
                                 .part_count = walk->part_count,
                                 .parts = {walk->parts.bytes, walk->parts.len}};
    kr_scope_tag(message.tag, walker->link->session.salt, &walk->scope);
    if (generation > 0) {
        message.dealt = walk->generations[generation - 1].told = walk->generations[generation - 1].dealt;
    }
    walk->generations[generation].sent += walk->part_count > 0;
    walker->cost += walk->parts.len;
    enum kr_err err = kr_link_send(walker->step, walker->link, &message);
    walk->part_count = 0;
    walk->parts.len = 0;
    return err;
}

/* Of the generation `answers`. A message that is not full waits for more of its generation, so that few full ones pass a window. */
static enum kr_err flush(struct kr_walker *walker)
{
    enum kr_err err = kr_writer_finish(&walker->walk->parts);
    return err == KR_OK && walker->walk->part_count > 0 ? send(walker, walker->walk->answers) : err;
}

/* What was dealt with, where no parts have told it. */
static enum kr_err tell(struct kr_walker *walker)
{
    struct kr_walk *walk = walker->walk;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i + 1 < KR_WALK_GENERATIONS && err == KR_OK; i++) {
        if (walk->generations[i].told < walk->generations[i].dealt) {
            err = send(walker, i + 1);
        }
    }
    return err;
}

enum kr_err kr_walk_say(struct kr_walker *walker, const struct kr_sync_part *part)
{
    struct kr_writer *parts = &walker->walk->parts;
    const uint32_t answers = walker->frame != NULL ? walker->frame->generation + 1 : 0;
    struct kr_writer last;
    kr_writer_init(&last, KR_SYNC_BYTES_MAX);
    kr_sync_part_write(part, &last);
    enum kr_err err = kr_writer_finish(&last);
    if (err == KR_OK && (walker->walk->answers != answers || parts->len + last.len > KR_SYNC_BYTES_MAX)) {
        err = flush(walker);
    }
    if (err == KR_OK) {
        walker->walk->answers = answers;
        kr_writer_raw(parts, last.bytes, last.len);
        walker->walk->part_count++;
    }
    kr_writer_deinit(&last);
    return err;
}

/* ---- in ---- */

static size_t bytes_waiting(const struct kr_core *core)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < core->link_count; i++) {
        bytes += core->links[i]->walk.bytes + core->links[i]->walk.parts.len;
    }
    return bytes;
}

static void take_out(struct kr_walk *walk, uint32_t at)
{
    struct kr_walk_frame *frame = walk->frames[at];
    walk->generations[frame->generation].dealt++;
    walk->bytes -= frame->len;
    walk->count--;
    memmove(&walk->frames[at], &walk->frames[at + 1], (walk->count - at) * sizeof walk->frames[0]);
    free(frame);
}

/* Whoever has most that waits. */
static struct kr_walk *most_waiting(const struct kr_core *core)
{
    struct kr_walk *most = &core->links[0]->walk;
    for (uint32_t i = 1; i < core->link_count; i++) {
        struct kr_walk *other = &core->links[i]->walk;
        most = other->bytes > most->bytes ? other : most;
    }
    return most;
}

/* Lets messages go of whoever has most, as long as that is more than `walk` will have: no peer can fill the room of all. */
static enum kr_err make_room(struct kr_step *step, const struct kr_walk *walk, size_t len, bool *ret_has_room)
{
    const struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    while (err == KR_OK && bytes_waiting(core) + len > KR_WALK_BYTES_MAX) {
        struct kr_walk *most = most_waiting(core);
        if (most->bytes <= walk->bytes + len) {
            break;
        }
        take_out(most, most->count - 1);
        err = kr_step_wake(step, step->now_ms); /* it is told */
    }
    *ret_has_room = bytes_waiting(core) + len <= KR_WALK_BYTES_MAX;
    return err;
}

/* Keeps the parts of a message until they are dealt with; they are checked. Where too much waits, they are let go: the next walk
 * finds what they were about. */
static enum kr_err keep(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    struct kr_walk *walk = &link->walk;
    const size_t len = message->parts.len;
    bool has_room = walk->count < KR_WALK_FRAMES_MAX;
    enum kr_err err = has_room ? make_room(step, walk, len, &has_room) : KR_OK;
    walk->generations[message->generation].came++;
    if (err != KR_OK || !has_room) {
        walk->generations[message->generation].dealt++;
        return err;
    }
    struct kr_walk_frame *frame = calloc(1, sizeof *frame + len);
    if (frame == NULL) {
        return KR_NOMEM;
    }
    frame->generation = message->generation;
    frame->len = len;
    memcpy(frame->bytes, message->parts.bytes, len);
    walk->frames[walk->count++] = frame;
    walk->bytes += len;
    return KR_OK;
}

/* Whether more of that generation may be on its way. */
static bool may_send(const struct kr_walk *walk, uint32_t generation)
{
    return walk->generations[generation].sent - walk->generations[generation].sent_dealt < KR_WALK_WINDOW;
}

/* What is dealt with next: of the latest generation for which there is room on its way. Of all messages that wait in both nodes
 * those of the last generation can always be dealt with, so that the two never wait for each other. Returns `count` where there is
 * none. */
static uint32_t next_frame(const struct kr_walk *walk)
{
    uint32_t next = walk->count;
    for (uint32_t i = 0; i < walk->count; i++) {
        const uint32_t generation = walk->frames[i]->generation;
        if (may_send(walk, generation + 1) && (next == walk->count || generation > walk->frames[next]->generation)) {
            next = i;
        }
    }
    return next;
}

/* Few keys where something differs are listed at once. What costs a whole step to find out is not few. */
static enum kr_err weigh(struct kr_walker *walker)
{
    struct kr_walk_frame *frame = walker->frame;
    struct kr_reader reader;
    struct kr_sync_part part;
    uint64_t total = 0;
    enum kr_err err = KR_OK;
    kr_reader_init(&reader, frame->bytes, frame->len);
    while (err == KR_OK && total <= KR_WALK_LIST_ALL && walker->left > 0 && reader.at < reader.end) {
        kr_sync_part_read(&reader, &part);
        err = kr_walk_weigh(walker, &part, &total);
    }
    frame->lists_all = total <= KR_WALK_LIST_ALL && reader.at == reader.end;
    frame->is_weighed = true;
    return err;
}

/* The next part of that message. `*ret_done` false: there is no room for what it asks for. */
static enum kr_err deal_with_part(struct kr_walker *walker, uint32_t at, bool *ret_done)
{
    struct kr_walk_frame *frame = walker->walk->frames[at];
    struct kr_reader reader;
    struct kr_sync_part part;
    walker->frame = frame;
    enum kr_err err = frame->is_weighed ? KR_OK : weigh(walker);
    walker->lists_all = frame->lists_all;
    if (err != KR_OK) {
        return err;
    }
    kr_reader_init(&reader, frame->bytes + frame->at, frame->len - frame->at);
    kr_sync_part_read(&reader, &part);
    KR_ASSERT(reader.err == KR_OK); /* all were read when the message came */
    err = kr_walk_part(walker, &part, ret_done);
    if (err == KR_OK && *ret_done) {
        frame->at = (size_t)(reader.at - frame->bytes);
        if (frame->at == frame->len) {
            take_out(walker->walk, at);
        }
    }
    return err;
}

static bool is_told(const struct kr_walk *walk)
{
    bool is_told = true;
    for (uint32_t i = 0; i < KR_WALK_GENERATIONS && is_told; i++) {
        is_told = walk->generations[i].told == walk->generations[i].dealt;
    }
    return is_told;
}

static bool is_over(const struct kr_walk *walk)
{
    bool is_dealt = walk->done != NULL && walk->count == 0;
    for (uint32_t i = 0; i < KR_WALK_GENERATIONS && is_dealt; i++) {
        is_dealt = walk->generations[i].sent == walk->generations[i].sent_dealt;
    }
    return is_dealt;
}

/* What the step did is paid for; what is left waits for the next. */
static enum kr_err settle_up(struct kr_walker *walker, bool is_stalled)
{
    struct kr_step *step = walker->step;
    struct kr_walk *walk = walker->walk;
    if (is_too_much(walk, step->now_ms, walker->cost)) {
        return pause_walks(step, walker->link, "does not come to an end");
    }
    if (is_over(walk)) {
        return finish(step, walker->link);
    }
    if (next_frame(walk) < walk->count) {
        return kr_step_wake(step, is_stalled ? step->now_ms + STALLED_MS : step->now_ms);
    }
    return KR_OK;
}

static enum kr_err go_on(struct kr_walker *walker)
{
    struct kr_walk *walk = walker->walk;
    bool is_done = true;
    enum kr_err err = KR_OK;
    for (uint32_t at = next_frame(walk); err == KR_OK && is_done && at < walk->count && walker->left > 0; at = next_frame(walk)) {
        err = deal_with_part(walker, at, &is_done);
    }
    /* All that can be said now: what its window holds back goes with what can be said then. */
    const bool may_go =
        walk->count == 0 || may_send(walk, walk->answers) || bytes_waiting(walker->step->core) > KR_WALK_BYTES_MAX / 2;
    const bool is_all = !is_done || (next_frame(walk) == walk->count && may_go);
    if (err == KR_OK && is_all) {
        err = flush(walker);
    }
    if (err == KR_OK && is_all) {
        err = tell(walker);
    }
    if (err == KR_CORRUPT) {
        err = kr_step_log(walker->step, KR_LOG_ERROR, "what this node holds cannot be compared with a peer's: run `kairan verify`");
        walk->paused_until_ms = walker->step->now_ms + KR_WALK_PAUSE_MS;
        return err == KR_OK ? break_off(walker->step, walker->link) : err;
    }
    return err == KR_OK ? settle_up(walker, !is_done && walker->left > 0) : err;
}

/* ---- begins ---- */

/* Everything that is of this walk alone. */
static void open_walk(struct kr_step *step, struct kr_link *link, const struct kr_scope *scope, uint64_t number, kr_walk_done *done)
{
    struct kr_walk *walk = &link->walk;
    kr_walk_close(link);
    walk->is_active = true;
    walk->done = done;
    walk->scope = *scope;
    walk->number = number;
    walk->progress_ms = step->now_ms;
    walk->records_before = walk->records_seen = link->received_records;
    kr_writer_init(&walk->parts, KR_SYNC_BYTES_MAX);
    kr_sync_key(walk->key, link->session.salt, number);
}

/* Our months, after the trees are brought up to date. */
static enum kr_err read_months(struct kr_walker *walker)
{
    struct kr_walk *walk = walker->walk;
    enum kr_err err = kr_store_tree_settle(walker->step->txn, &walk->scope);
    if (err == KR_OK) {
        err = kr_walker_months(walker);
    }
    walk->keys = 0;
    for (uint32_t i = 0; i < walker->month_count && err == KR_OK; i++) {
        walk->keys += walker->months[i].count;
    }
    return err;
}

/* The first message: all months, each with its digest. */
static enum kr_err say_months(struct kr_walker *walker)
{
    uint8_t items[KR_SYNC_MONTHS_MAX][KR_SYNC_MONTH_BYTES];
    const struct kr_sync_part part = {.what = KR_SYNC_MONTHS, .count = walker->month_count, .items = items[0]};
    for (uint32_t i = 0; i < part.count; i++) {
        uint8_t digest8[KR_SYNC_DIGEST_BYTES];
        kr_hash_short(digest8, walker->walk->key, walker->months[i].digest, 32);
        kr_sync_month_write(items[i], walker->months[i].month, digest8);
    }
    return kr_walk_say(walker, &part);
}

enum kr_err kr_walk_begin(struct kr_step *step, struct kr_link *link, const struct kr_scope *scope, kr_walk_done *done,
                          bool *ret_begun)
{
    struct kr_walk *walk = &link->walk;
    struct kr_walker *walker = NULL;
    if (!link->has_session || !link->we_dial || walk->is_active || step->now_ms < walk->paused_until_ms ||
        !kr_link_shares(step->core, link, scope)) {
        *ret_begun = false;
        return KR_OK;
    }
    open_walk(step, link, scope, walk->number + 1, done);
    enum kr_err err = kr_walker_new(step, link, &walker);
    if (err == KR_OK) {
        err = read_months(walker);
    }
    if (err == KR_OK) {
        set_budget(walk, 0);
        err = say_months(walker);
    }
    if (err == KR_OK) {
        err = flush(walker);
    }
    if (err == KR_OK) {
        *ret_begun = true;
    }
    kr_walker_free(walker);
    return err;
}

/* The peer begins one. */
static enum kr_err take_up(struct kr_step *step, struct kr_link *link, const struct kr_scope *scope, uint64_t number)
{
    struct kr_walk *walk = &link->walk;
    struct kr_walker *walker = NULL;
    open_walk(step, link, scope, number, NULL);
    if (step->now_ms < walk->paused_until_ms || !kr_link_shares(step->core, link, scope)) {
        return break_off(step, link);
    }
    enum kr_err err = kr_walker_new(step, link, &walker);
    if (err == KR_OK) {
        err = read_months(walker);
    }
    kr_walker_free(walker);
    return err;
}

/* ---- the contract ---- */

/* Whether it tells of messages that we sent, and has a generation that an honest peer's may have: the last one has no answer. */
static bool keeps_the_rules(const struct kr_walk *walk, const struct kr_message *message)
{
    const uint32_t generation = message->generation;
    if (generation == 0 || generation >= KR_WALK_GENERATIONS - 1) {
        return generation == 0 && message->dealt == 0;
    }
    return message->dealt <= walk->generations[generation - 1].sent &&
           message->dealt >= walk->generations[generation - 1].sent_dealt;
}

static enum kr_err take_message(struct kr_step *step, struct kr_link *link, const struct kr_message *message, uint64_t cost)
{
    struct kr_walk *walk = &link->walk;
    struct kr_walker *walker = NULL;
    if (!keeps_the_rules(walk, message)) {
        return pause_walks(step, link, "goes against the rules");
    }
    if (message->generation > 0) {
        walk->generations[message->generation - 1].sent_dealt = (uint32_t)message->dealt;
    }
    walk->progress_ms = step->now_ms;
    set_budget(walk, message->count);
    enum kr_err err = message->part_count > 0 ? keep(step, link, message) : KR_OK;
    if (err == KR_OK) {
        err = kr_walker_new(step, link, &walker);
    }
    if (err == KR_OK) {
        walker->cost += cost + KR_WALK_COST_SAID + message->parts.len;
        err = go_on(walker);
    }
    kr_walker_free(walker);
    return err;
}

enum kr_err kr_walk_message(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    struct kr_walk *walk = &link->walk;
    struct kr_progress *progress;
    uint64_t cost = 0;
    enum kr_err err = kr_progress_named(step, link, message->tag, &progress);
    if (err == KR_OK && !link->we_dial && message->walk > walk->number && message->status == 0) {
        cost = KR_WALK_COST_BEGIN;
        err = progress != NULL ? take_up(step, link, &progress->scope, message->walk)
                               : say_end(step, link, message->tag, message->walk);
    }
    if (err != KR_OK || !walk->is_active || message->walk != walk->number || !is_named(link, &walk->scope, message->tag)) {
        return err;
    }
    if (message->status != 0) {
        return finish(step, link);
    }
    return progress != NULL ? take_message(step, link, message, cost) : break_off(step, link);
}

static enum kr_err tick_link(struct kr_step *step, struct kr_link *link, uint64_t *left)
{
    struct kr_walk *walk = &link->walk;
    struct kr_walker *walker = NULL;
    if (link->received_records != walk->records_seen) {
        walk->records_seen = link->received_records;
        walk->progress_ms = step->now_ms;
    }
    if (step->now_ms >= walk->progress_ms + KR_WALK_MS_MAX || !kr_link_shares(step->core, link, &walk->scope)) {
        return break_off(step, link);
    }
    if (next_frame(walk) == walk->count && is_told(walk)) {
        return KR_OK;
    }
    if (*left == 0) {
        return kr_step_wake(step, step->now_ms);
    }
    enum kr_err err = kr_walker_new(step, link, &walker);
    if (err == KR_OK) {
        walker->left = *left;
        err = go_on(walker);
        *left = walker->left;
    }
    kr_walker_free(walker);
    return err;
}

enum kr_err kr_walks_tick(struct kr_step *step)
{
    struct kr_core *core = step->core;
    const uint32_t count = core->link_count, begin = count > 0 ? core->walk_at % count : 0;
    uint64_t left = KR_WALK_COST_STEP;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        struct kr_link *link = core->links[(begin + i) % count];
        if (link->walk.is_active) {
            const bool had_left = left > 0;
            err = tick_link(step, link, &left);
            core->walk_at = had_left && left == 0 ? begin + i + 1 : core->walk_at;
        }
    }
    return err;
}
