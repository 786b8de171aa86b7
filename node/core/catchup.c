/* What was missed: cursors, have, want (docs/PROTOCOL.md, "Catching up").
 *
 *   REST ── roots differ, and the peer's log goes on behind our mark ──▶ READING ── all read ──▶ REST, and roots again
 *
 *   READING: cursor ──▶ have: a page of ids ── those that we lack are wanted ──▶ records, or gone ── page settled ──▶ the mark
 * moves to its end, durably. While one page is settled, the next is asked for.
 *
 * One scope of a link at a time and in order of kind, so that the directory comes before what needs it; and one link at a time of
 * several that share a scope, as long as records come by it: what they all lack is asked for once. A mark is a count of entries in
 * the peer's log and the running hash over them, which the peer must match: a restored peer cannot make us skip.
 *
 * A record for which there is no room now (the peer has used up its share of quarantine) holds the mark before it; what comes
 * behind is read all the same. Once there may be room, or the directory has changed, reading begins at the mark again: only what is
 * missing is asked for. */
#include <stdlib.h>
#include <string.h>

#include "crypto/fault.h"
#include "node/core/effect.h"
#include "node/core/state.h"

#define ANEW_MS        60000u  /* a peer's log is read from the start once in so long */
#define TURN_MS        60000u  /* a link reads a scope that others wait for at least so long, and longer while … */
#define TURN_RECORDS   10u     /* … so many records a second come by it, … */
#define TURN_MS_MAX    600000u /* … but no other waits for longer than this */
#define VAIN_SLACK     (64u * KR_PAGE_IDS_MAX) /* a log lists at most twice what we hold, and this, that brings nothing, and … */
#define VAIN_A_SECOND  KR_PAGE_IDS_MAX         /* … so many more a second in the long run: a hundredth of our time */
#define HURRY_MS       1000u                   /* what came is told to others with a ping after so long */
#define PAGES_BUDGET   4096u /* cursors and wants that are answered at once (also by a clock that stands still for a day), and … */
#define PAGES_A_SECOND 16u   /* … in a second in the long run: more than what they bring can be checked in */
#define SERVE_AT_ONCE  512u  /* entries of orders looked at in one call, and about as many wait in `asked` */

/* ---- what is awaited ---- */

static int compare_wanted(const void *a, const void *b)
{
    return memcmp(((const struct kr_wanted *)a)->id, ((const struct kr_wanted *)b)->id, KR_SHORT_ID_BYTES);
}

static struct kr_wanted *find_wanted(const struct kr_page *page, const uint8_t *id)
{
    struct kr_wanted key;
    memcpy(key.id, id, KR_SHORT_ID_BYTES);
    return page->wanted_count > 0 ? bsearch(&key, page->wanted, page->wanted_count, sizeof key, compare_wanted) : NULL;
}

bool kr_catchup_awaits(const struct kr_link *link, const uint8_t id[static 32])
{
    bool awaits = false;
    for (uint32_t i = 0; i < link->page_count && !awaits; i++) {
        const struct kr_wanted *wanted = find_wanted(&link->pages[i], id);
        awaits = wanted != NULL && !wanted->is_settled;
    }
    return awaits;
}

/* ---- when to begin and to stop ---- */

void kr_catchup_stop(struct kr_link *link)
{
    for (uint32_t i = 0; i < link->page_count; i++) {
        free(link->pages[i].wanted);
    }
    link->page_count = 0;
    link->phase = KR_CATCHUP_REST;
    link->is_asked = link->is_waiting = link->yields = false;
}

void kr_catchup_close(struct kr_link *link)
{
    kr_catchup_stop(link);
    for (uint32_t i = 0; i < link->order_count; i++) {
        free(link->orders[i]);
    }
    link->order_count = 0;
    for (uint32_t i = 0; i < link->progress_count; i++) {
        link->progress[i].is_walk_due = false;
    }
    link->is_compared = link->is_equal = false;
    memset(link->talked, 0, sizeof link->talked);
}

bool kr_catchup_is_read(const struct kr_progress *progress)
{
    return progress->their_count == progress->at && memcmp(progress->their_hash, progress->at_hash, KR_MARK_HASH_BYTES) == 0;
}

/* Whether what was put off may fare otherwise now. */
static bool may_ask_again(const struct kr_step *step, const struct kr_link *link, const struct kr_progress *progress)
{
    bool has_changed = progress->held_generation != step->core->directory.generation ||
                       kr_quarantine_has_room(step->core, link, KR_RECORD_BYTES_MAX);
    return progress->is_held && has_changed && step->now_ms >= progress->held_ms + KR_HELD_MS;
}

/* Whether another link reads that scope and should not be disturbed: what it brings we should have to ask for twice.
 * `*ret_is_fresh`: its turn has only begun. */
static bool is_read_elsewhere(const struct kr_step *step, const struct kr_link *link, const struct kr_scope *scope,
                              bool *ret_is_fresh)
{
    const struct kr_core *core = step->core;
    bool is_read = false;
    *ret_is_fresh = false;
    for (uint32_t i = 0; i < core->link_count; i++) {
        const struct kr_link *other = core->links[i];
        if (other == link || other->phase == KR_CATCHUP_REST || kr_progress_of(other, scope) != &other->progress[other->phase_at]) {
            continue;
        }
        const uint64_t took_ms = step->now_ms - other->phase_began_ms;
        *ret_is_fresh = *ret_is_fresh || took_ms < TURN_MS;
        is_read = is_read || took_ms < TURN_MS || other->phase_came >= took_ms * TURN_RECORDS / 1000;
    }
    return is_read;
}

/* No longer than a turn, whatever comes by the other: who sends ten records a second for ever would keep us from all that others
 * have, and from walks, which begin where logs are read. */
static bool must_wait(const struct kr_step *step, const struct kr_link *link, struct kr_progress *progress)
{
    bool is_fresh;
    if (!is_read_elsewhere(step, link, &progress->scope, &is_fresh)) {
        return false;
    }
    progress->waits_ms = progress->waits_ms == 0 ? step->now_ms : progress->waits_ms;
    /* Of several whose wait is over one has its turn first: else each would cut the one before it short. */
    return is_fresh || step->now_ms < progress->waits_ms + TURN_MS_MAX;
}

/* Whoever reads it is asked for no further page: what both list comes once. */
static void end_turn_of_others(struct kr_core *core, const struct kr_link *link, const struct kr_scope *scope)
{
    for (uint32_t i = 0; i < core->link_count; i++) {
        struct kr_link *other = core->links[i];
        bool is_reading = other != link && other->phase == KR_CATCHUP_READING;
        other->yields = other->yields || (is_reading && kr_progress_of(other, scope) == &other->progress[other->phase_at]);
    }
}

/* What stands behind the last page, or behind what we have read. */
static enum kr_err ask(struct kr_step *step, struct kr_link *link)
{
    const struct kr_progress *progress = &link->progress[link->phase_at];
    const struct kr_page *last = link->page_count > 0 ? &link->pages[link->page_count - 1] : NULL;
    struct kr_message cursor = {.type = KR_MESSAGE_CURSOR, .count = last != NULL ? last->next_at : progress->at};
    kr_scope_tag(cursor.tag, link->session.salt, &progress->scope);
    memcpy(cursor.hash, last != NULL ? last->next_hash : progress->at_hash, KR_MARK_HASH_BYTES);
    link->is_asked = true;
    link->phase_ms = step->now_ms;
    return kr_link_send(step, link, &cursor);
}

static enum kr_err begin(struct kr_step *step, struct kr_link *link, uint32_t at)
{
    struct kr_progress *progress = &link->progress[at];
    if (progress->waits_ms != 0 && step->now_ms >= progress->waits_ms + TURN_MS_MAX) {
        end_turn_of_others(step->core, link, &progress->scope);
    }
    progress->waits_ms = 0;
    link->phase = KR_CATCHUP_READING;
    link->phase_at = at;
    link->phase_began_ms = step->now_ms;
    link->phase_came = 0;
    return ask(step, link);
}

enum kr_err kr_catchup_go_on(struct kr_step *step, struct kr_link *link)
{
    if (link->phase != KR_CATCHUP_REST || !link->has_session) {
        return KR_OK;
    }
    link->is_waiting = false;
    for (uint32_t i = 0; i < link->progress_count; i++) {
        struct kr_progress *progress = &link->progress[i];
        enum kr_err err = progress->is_walk_due ? kr_catchup_walk(step, link, progress) : KR_OK;
        if (err != KR_OK || link->phase != KR_CATCHUP_REST) {
            return err;
        }
        if (may_ask_again(step, link, progress)) {
            kr_progress_reread(progress);
            progress->is_told = true;
        }
        bool is_due = progress->is_told && !progress->is_equal && !progress->skips_log && !kr_catchup_is_read(progress) &&
                      step->now_ms >= progress->reading.until_ms;
        if (!is_due) {
            progress->waits_ms = 0;
            continue;
        }
        if (!must_wait(step, link, progress)) {
            return begin(step, link, i);
        }
        link->is_waiting = true;
    }
    return KR_OK;
}

/* Until the next roots. */
static enum kr_err give_up(struct kr_step *step, struct kr_link *link)
{
    struct kr_progress *progress = &link->progress[link->phase_at];
    progress->is_told = false;
    kr_pause(&progress->reading, step->now_ms);
    kr_catchup_stop(link);
    return kr_catchup_go_on(step, link);
}

static enum kr_err contradicts(struct kr_step *step, struct kr_link *link)
{
    char name[KR_NAME_BYTES_MAX + 1];
    enum kr_err err = give_up(step, link);
    return err != KR_OK
               ? err
               : kr_step_log_peer(step, link, KR_LOG_WARNING, "%s contradicts itself about what it holds; asked again later",
                                  kr_core_name(step->core, link->council, false, name, sizeof name));
}

/* Whether both are equal now the next ping tells, which need not wait. Those that were not linked with the peer lack what it
 * brought as well, and what is old is not announced: they hear of it in the same way. */
static enum kr_err hurry_pings(struct kr_step *step, struct kr_link *from)
{
    struct kr_core *core = step->core;
    memset(from->talked, 0, sizeof from->talked); /* what differs all the same is talked about at once */
    for (uint32_t i = 0; i < core->link_count; i++) {
        struct kr_link *link = core->links[i];
        if (link->has_session && link->ping_at_ms > step->now_ms + HURRY_MS) {
            link->ping_at_ms = step->now_ms + HURRY_MS;
        }
    }
    return kr_step_wake(step, step->now_ms + HURRY_MS);
}

static enum kr_err all_is_read(struct kr_step *step, struct kr_link *link)
{
    struct kr_progress *progress = &link->progress[link->phase_at];
    const bool has_come = link->phase_came > 0 && !progress->is_held; /* what was put off leaves the two different */
    progress->is_told = false;
    progress->is_behind = has_come;
    kr_catchup_stop(link);
    enum kr_err err = has_come ? hurry_pings(step, link) : kr_roots_ask(step, link, progress);
    return err == KR_OK ? kr_catchup_go_on(step, link) : err;
}

void kr_catchup_gained(const struct kr_step *step, struct kr_link *link, const struct kr_job *job)
{
    const struct kr_walk *walk = &link->walk;
    struct kr_progress *progress = kr_progress_of(link, &walk->scope);
    /* As a rule it comes when the walk is over, which is told before what is pushed is sent. */
    const bool is_behind_it = walk->ended_ms > 0 && step->now_ms < walk->ended_ms + KR_WALK_MS_MAX &&
                              job->header.created_ms + KR_SPREAD_AGE_MS < step->now_ms;
    if (progress == NULL || (!job->is_walked && !is_behind_it)) {
        return;
    }
    progress->walking = (struct kr_pause){0};
    if (!walk->is_active) {
        kr_pause(&progress->walking, step->now_ms);
    }
}

/* Where nothing came of it, the same two trees are left alone for a while. */
static enum kr_err walked(struct kr_step *step, struct kr_link *link, const struct kr_scope *scope, uint64_t found, uint64_t came)
{
    struct kr_progress *progress = kr_progress_of(link, scope);
    if (link->phase == KR_CATCHUP_WALKING) {
        kr_catchup_stop(link);
    }
    if (progress == NULL) {
        return kr_catchup_go_on(step, link); /* not shared any more */
    }
    kr_pause(&progress->walking, step->now_ms); /* (what came and may not enter came in vain) */
    progress->is_told = false;
    const bool has_moved = found > 0 || came > 0;
    progress->is_behind = has_moved && !progress->is_held;
    enum kr_err err = progress->is_behind ? hurry_pings(step, link) : has_moved ? kr_roots_ask(step, link, progress) : KR_OK;
    return err == KR_OK ? kr_catchup_go_on(step, link) : err;
}

/* Both logs are read and something differs all the same. */
enum kr_err kr_catchup_walk(struct kr_step *step, struct kr_link *link, struct kr_progress *progress)
{
    bool has_begun = false;
    progress->is_walk_due = link->we_dial && link->phase != KR_CATCHUP_REST;
    if (!link->we_dial || progress->is_walk_due || step->now_ms < progress->walking.until_ms) {
        return KR_OK;
    }
    enum kr_err err = kr_walk_begin(step, link, &progress->scope, walked, &has_begun);
    if (err == KR_OK && has_begun) {
        link->phase = KR_CATCHUP_WALKING;
        link->phase_at = (uint32_t)(progress - link->progress);
        link->phase_ms = link->phase_began_ms = step->now_ms;
        link->phase_came = 0;
    }
    return err;
}

enum kr_err kr_catchup_tick(struct kr_step *step, struct kr_link *link)
{
    bool is_stuck = link->phase == KR_CATCHUP_READING && step->now_ms >= link->phase_ms + KR_CATCHUP_MS_MAX;
    return is_stuck ? give_up(step, link) : KR_OK;
}

void kr_catchup_show(const struct kr_link *link, struct kr_peer *ret_peer)
{
    uint64_t read = 0;
    for (uint32_t i = 0; i < link->progress_count; i++) {
        read += link->progress[i].at;
    }
    if (!link->has_session || !link->is_compared) {
        return;
    }
    ret_peer->phase = link->phase == KR_CATCHUP_READING   ? KR_PEER_READING
                      : link->phase == KR_CATCHUP_WALKING ? KR_PEER_WALKING
                      : link->is_equal                    ? KR_PEER_EQUAL
                                                          : KR_PEER_DIFFERS;
    ret_peer->entries = link->their_entries;
    ret_peer->behind = link->is_equal || read > link->their_entries ? 0 : link->their_entries - read;
}

/* ---- pages ---- */

/* That many listed ids brought nothing: we have them, or they are gone. Whatever new the peer puts between them, looking them up
 * costs it of its budget. */
static enum kr_err charge(struct kr_step *step, struct kr_progress *progress, uint32_t ids, bool *ret_is_too_much)
{
    uint8_t hash[KR_HASH_BYTES];
    uint64_t own_count = 0;
    enum kr_err err = ids > 0 ? kr_store_scope_mark(step->txn, &progress->scope, &own_count, hash) : KR_OK;
    *ret_is_too_much =
        err == KR_OK && !kr_budget_take(&progress->vain, step->now_ms, ids, 2 * own_count + VAIN_SLACK, VAIN_A_SECOND);
    return err;
}

/* The first page is dealt with: the mark moves to its end, or is held. */
static enum kr_err page_done(struct kr_step *step, struct kr_link *link)
{
    struct kr_progress *progress = &link->progress[link->phase_at];
    struct kr_page page = link->pages[0];
    free(page.wanted);
    link->pages[0] = link->pages[1];
    link->pages[1] = (struct kr_page){0};
    link->page_count--;
    progress->anew_ms = progress->at == 0 && progress->mark != 0 ? step->now_ms : progress->anew_ms;
    progress->at = page.next_at;
    memcpy(progress->at_hash, page.next_hash, KR_MARK_HASH_BYTES);
    if (page.came > 0) {
        progress->reading = (struct kr_pause){0};
    }
    if (page.holds_mark) {
        progress->is_held = true;
        progress->held_ms = step->now_ms;
        progress->held_generation = step->core->directory.generation;
    }
    bool has_moved = progress->mark != progress->at || memcmp(progress->mark_hash, progress->at_hash, KR_MARK_HASH_BYTES) != 0;
    return has_moved && !progress->is_held ? kr_mark_move(step, link, progress, progress->at, progress->at_hash) : KR_OK;
}

/* All pages that are dealt with, and what comes next. */
static enum kr_err settle_pages(struct kr_step *step, struct kr_link *link)
{
    struct kr_progress *progress = &link->progress[link->phase_at];
    enum kr_err err = KR_OK;
    bool has_more = true, is_too_much = false;
    while (err == KR_OK && link->page_count > 0 && link->pages[0].wanted_left == 0 && !is_too_much) {
        const uint32_t gone = link->pages[0].wanted_count - link->pages[0].came;
        has_more = link->pages[0].next_at < link->pages[0].next_total;
        err = page_done(step, link);
        if (err == KR_OK) {
            err = charge(step, progress, gone, &is_too_much);
        }
    }
    if (err != KR_OK) {
        return err;
    }
    if (is_too_much) {
        return give_up(step, link);
    }
    if (link->page_count > 0) {
        const struct kr_page *last = &link->pages[link->page_count - 1];
        has_more = last->next_at < last->next_total;
    }
    if (has_more && link->yields && link->page_count == 0 && !link->is_asked) {
        kr_catchup_stop(link);
        return kr_catchup_go_on(step, link); /* it is the turn of another: with others of its scopes */
    }
    if (has_more && link->page_count < KR_PAGES_MAX && !link->is_asked && !link->yields) {
        return ask(step, link);
    }
    return has_more || link->page_count > 0 || link->is_asked ? KR_OK : all_is_read(step, link);
}

enum kr_err kr_catchup_settled(struct kr_step *step, struct kr_link *link, const uint8_t id[static 32], bool is_put_off)
{
    bool is_wanted = false;
    for (uint32_t i = 0; i < link->page_count; i++) {
        struct kr_page *page = &link->pages[i];
        struct kr_wanted *wanted = find_wanted(page, id);
        if (wanted != NULL && !wanted->is_settled) {
            wanted->is_settled = is_wanted = true;
            page->wanted_left--;
            page->came++;
            page->holds_mark = page->holds_mark || is_put_off;
        }
    }
    if (!is_wanted) {
        return KR_OK;
    }
    link->phase_came++;
    link->phase_ms = step->now_ms;
    return settle_pages(step, link);
}

enum kr_err kr_catchup_gone(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    bool was_wanted = false;
    for (uint32_t i = 0; i < kr_message_id_count(message); i++) {
        for (uint32_t j = 0; j < link->page_count; j++) {
            struct kr_wanted *wanted = find_wanted(&link->pages[j], kr_message_id(message, i));
            if (wanted != NULL && !wanted->is_settled) {
                wanted->is_settled = was_wanted = true;
                link->pages[j].wanted_left--;
            }
        }
    }
    if (!was_wanted) {
        return KR_OK;
    }
    link->phase_ms = step->now_ms;
    return settle_pages(step, link);
}

/* A page is a whole one, or the last, for it costs a durable mark; and no entries leave the running hash as it was. */
static bool page_fits(const struct kr_message *message, const uint8_t *hash)
{
    const uint32_t ids = kr_message_id_count(message);
    bool is_within = message->from <= message->count && ids <= message->count - message->from;
    bool is_whole = ids == KR_PAGE_IDS_MAX || (is_within && message->from + ids == message->count);
    return is_within && is_whole && (ids > 0 || memcmp(message->hash, hash, KR_MARK_HASH_BYTES) == 0);
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(*(const uint8_t *const *)a, *(const uint8_t *const *)b, KR_SHORT_ID_BYTES);
}

/* Which of the listed ids we lack: into the page, and as bits. They are looked up in their order, as they stand in the index; one
 * that a log lists twice is wanted once. */
static enum kr_err look_up(struct kr_step *step, const struct kr_message *message, struct kr_page *page,
                           uint8_t bits[static KR_PAGE_IDS_MAX / 8])
{
    static const uint8_t none[KR_SHORT_ID_BYTES]; /* stands for what is not for us */
    const uint8_t *order[KR_PAGE_IDS_MAX];
    const uint32_t ids = kr_message_id_count(message) - (KR_FAULT(KR_FAULT_CURSOR_PAST_UNSENT) && message->ids.len > 0);
    for (uint32_t i = 0; i < ids; i++) {
        order[i] = kr_message_id(message, i);
    }
    qsort(order, ids, sizeof order[0], compare_ids);
    for (uint32_t i = 0; i < ids; i++) {
        uint64_t arrival;
        if ((i > 0 && compare_ids(&order[i - 1], &order[i]) == 0) || memcmp(order[i], none, sizeof none) == 0) {
            continue;
        }
        enum kr_err err = kr_store_record_find_prefix(step->txn, order[i], KR_SHORT_ID_BYTES, &arrival);
        if (err == KR_NOT_FOUND) {
            const size_t at = (size_t)(order[i] - message->ids.bytes) / KR_SHORT_ID_BYTES;
            struct kr_wanted *wanted = &page->wanted[page->wanted_count++];
            memcpy(wanted->id, order[i], KR_SHORT_ID_BYTES);
            wanted->is_settled = false;
            bits[at / 8] |= (uint8_t)(1u << at % 8);
        } else if (err != KR_OK && err != KR_EXISTS) {
            return err;
        }
    }
    page->wanted_left = KR_FAULT(KR_FAULT_MARK_BEFORE_STORED) ? 0 : page->wanted_count;
    return KR_OK;
}

static enum kr_err take_page(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    struct kr_progress *progress = &link->progress[link->phase_at];
    const uint32_t ids = kr_message_id_count(message);
    struct kr_page page = {.next_at = message->from + ids, .next_total = message->count};
    uint8_t bits[KR_PAGE_IDS_MAX / 8] = {0};
    bool is_too_much = false;
    memcpy(page.next_hash, message->hash, KR_MARK_HASH_BYTES);
    page.wanted = malloc((ids + 1) * sizeof *page.wanted);
    enum kr_err err = page.wanted == NULL ? KR_NOMEM : look_up(step, message, &page, bits);
    if (err == KR_OK) {
        err = charge(step, progress, ids - page.wanted_count, &is_too_much);
    }
    if (err != KR_OK) {
        free(page.wanted);
        return err;
    }
    link->pages[link->page_count++] = page;
    if (is_too_much) {
        return contradicts(step, link); /* it does not list each once */
    }
    struct kr_message want = {.type = KR_MESSAGE_WANT, .from = message->from, .count = ids, .bits = {bits, (ids + 7) / 8}};
    memcpy(want.tag, message->tag, sizeof want.tag);
    err = page.wanted_count > 0 ? kr_link_send(step, link, &want) : KR_OK;
    return err == KR_OK ? settle_pages(step, link) : err;
}

/* Its log is another one: read from the start, though not with every answer. */
static enum kr_err read_anew(struct kr_step *step, struct kr_link *link, uint64_t total)
{
    struct kr_progress *progress = &link->progress[link->phase_at];
    if (link->page_count > 0) {
        return KR_OK; /* asked again when these are settled */
    }
    if (!progress->is_foreign && total > KR_SHORT_LOG) {
        progress->is_foreign = true; /* roots tell whether it is read at all */
        progress->is_told = false;
        kr_catchup_stop(link);
        return kr_roots_ask(step, link, progress);
    }
    if (progress->at == 0) {
        return contradicts(step, link); /* that is the beginning of any log */
    }
    if (progress->anew_ms != 0 && step->now_ms < progress->anew_ms + ANEW_MS) {
        progress->reading.until_ms = progress->anew_ms + ANEW_MS;
        progress->is_told = false;
        kr_catchup_stop(link);
        return kr_catchup_go_on(step, link);
    }
    progress->at = 0;
    memset(progress->at_hash, 0, sizeof progress->at_hash);
    progress->is_held = progress->is_foreign = false;
    return ask(step, link);
}

enum kr_err kr_catchup_have(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    struct kr_progress *progress;
    enum kr_err err = kr_progress_named(step, link, message->tag, &progress);
    if (err != KR_OK || link->phase != KR_CATCHUP_READING || !link->is_asked || progress != &link->progress[link->phase_at]) {
        return err;
    }
    const struct kr_page *last = link->page_count > 0 ? &link->pages[link->page_count - 1] : NULL;
    const uint64_t from = last != NULL ? last->next_at : progress->at;
    const uint8_t *hash = last != NULL ? last->next_hash : progress->at_hash;
    if (message->status == 0 && message->from != from) {
        return KR_OK; /* to what was asked before reading was broken off */
    }
    link->is_asked = false;
    link->phase_ms = step->now_ms;
    if (message->status != 0) {
        return read_anew(step, link, message->count);
    }
    return page_fits(message, hash) ? take_page(step, link, message) : contradicts(step, link);
}

/* ---- answering ---- */

/* A hundred bytes ask for 64 KiB and for thousands of entries to be read. What goes beyond the budget is passed over, so that
 * whoever asks without end keeps no fresh record of others waiting. */
static bool may_be_answered(const struct kr_step *step, struct kr_link *link)
{
    return kr_budget_take(&link->pages_budget, step->now_ms, 1, PAGES_BUDGET, PAGES_A_SECOND);
}

static enum kr_err list(struct kr_step *step, const struct kr_scope *scope, struct kr_message *have, uint8_t (*ids)[32],
                        uint8_t *shorts)
{
    uint8_t hash[KR_HASH_BYTES];
    uint32_t count = 0;
    enum kr_err err = kr_store_scope_hash_at(step->txn, scope, have->from, hash);
    if (err == KR_NOT_FOUND || (err == KR_OK && memcmp(hash, have->hash, KR_MARK_HASH_BYTES) != 0)) {
        have->status = 1;
        have->from = 0;
        memset(have->hash, 0, sizeof have->hash);
        return kr_store_scope_mark(step->txn, scope, &have->count, hash);
    }
    if (err == KR_OK) {
        err = kr_store_scope_read(step->txn, scope, have->from, ids, KR_PAGE_IDS_MAX, &count);
    }
    if (err == KR_OK) {
        err = kr_store_scope_hash_at(step->txn, scope, have->from + count, hash);
    }
    if (err == KR_OK) {
        memcpy(have->hash, hash, sizeof have->hash);
        err = kr_store_scope_mark(step->txn, scope, &have->count, hash);
    }
    for (uint32_t i = 0; i < count; i++) {
        memcpy(shorts + (size_t)i * KR_SHORT_ID_BYTES, ids[i], KR_SHORT_ID_BYTES);
    }
    have->ids = (struct kr_slice){shorts, (size_t)count * KR_SHORT_ID_BYTES};
    return err;
}

enum kr_err kr_catchup_cursor(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    struct kr_message have = {.type = KR_MESSAGE_HAVE, .from = message->count, .count = message->count};
    struct kr_progress *progress;
    enum kr_err err = kr_progress_named(step, link, message->tag, &progress);
    memcpy(have.tag, message->tag, sizeof have.tag);
    memcpy(have.hash, message->hash, KR_MARK_HASH_BYTES);
    if (err != KR_OK || !may_be_answered(step, link)) {
        return err;
    }
    if (progress == NULL) {
        return kr_link_send(step, link, &have); /* "nothing new": what we do not share we do not speak of */
    }
    uint8_t(*ids)[32] = malloc((size_t)KR_PAGE_IDS_MAX * 32);
    uint8_t *shorts = malloc((size_t)KR_PAGE_IDS_MAX * KR_SHORT_ID_BYTES);
    err = ids == NULL || shorts == NULL ? KR_NOMEM : list(step, &progress->scope, &have, ids, shorts);
    if (err == KR_OK) {
        err = kr_link_send(step, link, &have);
    }
    free(ids);
    free(shorts);
    return err;
}

static struct kr_order *find_order(const struct kr_link *link, const struct kr_scope *scope, uint64_t from)
{
    for (uint32_t i = 0; i < link->order_count; i++) {
        struct kr_order *order = link->orders[i];
        if (order->scope.kind == scope->kind && memcmp(order->scope.id, scope->id, 32) == 0 && order->from == from) {
            return order;
        }
    }
    return NULL;
}

/* Whoever asks for one page after the other never has more of them here than there is room for. */
enum kr_err kr_catchup_want(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    struct kr_progress *progress;
    enum kr_err err = kr_progress_named(step, link, message->tag, &progress);
    if (err != KR_OK || progress == NULL) {
        return err;
    }
    struct kr_order *order = find_order(link, &progress->scope, message->from);
    if ((order == NULL && link->order_count == KR_ORDERS_MAX) || !may_be_answered(step, link)) {
        return KR_OK;
    }
    if (order == NULL) {
        order = calloc(1, sizeof *order);
        if (order == NULL) {
            return KR_NOMEM;
        }
        link->orders[link->order_count++] = order;
    }
    order->scope = progress->scope;
    order->from = message->from;
    order->count = (uint32_t)message->count;
    order->at = 0;
    memset(order->bits, 0, sizeof order->bits);
    memcpy(order->bits, message->bits.bytes, message->bits.len);
    return kr_catchup_serve(step, link);
}

struct serving {
    uint8_t ids[SERVE_AT_ONCE][32];
    uint8_t gone[SERVE_AT_ONCE][KR_SHORT_ID_BYTES];
    uint32_t gone_count;
    uint8_t scratch[KR_HEAD_SCRATCH];
};

/* Policy is asked here already, although packing asks again: what is refused must be said to be gone, or the asker would wait for
 * it for ever, and nothing that will not be sent should fill the queue. */
static enum kr_err serve_one(struct kr_step *step, struct kr_link *link, const uint8_t id[static 32], struct serving *serving)
{
    uint64_t arrival = 0;
    struct kr_head head;
    enum kr_share share = KR_SHARE_NOTHING;
    enum kr_err err = kr_store_head_find(step->txn, id, &arrival, &head, serving->scratch);
    /* The header of one that was taken back is made at the peer by what takes it back; of one that expired it is all that is sent.
     */
    if (err == KR_OK && (head.state == KR_HEAD_SHOWN || kr_is_expired(step, head.expires_s))) {
        err = kr_expiry_share(step, link, &head, &share);
    }
    bool is_damaged = err == KR_CORRUPT;
    if (is_damaged) { /* one damaged record must not stand in the way of all others */
        err = kr_step_log_damage(step, arrival);
    }
    if (err == KR_NOT_FOUND || (err == KR_OK && (is_damaged || share == KR_SHARE_NOTHING))) {
        memcpy(serving->gone[serving->gone_count++], id, KR_SHORT_ID_BYTES);
        return KR_OK;
    }
    return err == KR_OK ? kr_gossip_ask(link, arrival, id) : err;
}

/* The next entries of the first order; what stands behind the end of the log is nothing. */
static enum kr_err serve_some(struct kr_step *step, struct kr_link *link, uint32_t *budget, struct serving *serving)
{
    struct kr_order *order = link->orders[0];
    uint32_t left = order->count - order->at, count = 0;
    left = left < *budget ? left : *budget;
    enum kr_err err = kr_store_scope_read(step->txn, &order->scope, order->from + order->at, serving->ids, left, &count);
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        const uint32_t bit = order->at + i;
        if ((order->bits[bit / 8] >> bit % 8 & 1u) != 0) {
            err = serve_one(step, link, serving->ids[i], serving);
        }
    }
    *budget -= left;
    order->at += left;
    if (err == KR_OK && order->at == order->count) {
        free(order);
        link->order_count--;
        memmove(link->orders, link->orders + 1, link->order_count * sizeof link->orders[0]);
    }
    return err;
}

enum kr_err kr_catchup_serve(struct kr_step *step, struct kr_link *link)
{
    uint32_t budget = link->asked.count < SERVE_AT_ONCE ? SERVE_AT_ONCE - link->asked.count : 0;
    if (budget == 0 || link->order_count == 0) {
        return KR_OK;
    }
    struct serving *serving = malloc(sizeof *serving);
    enum kr_err err = serving == NULL ? KR_NOMEM : KR_OK;
    if (serving != NULL) {
        serving->gone_count = 0;
    }
    while (err == KR_OK && budget > 0 && link->order_count > 0) {
        err = serve_some(step, link, &budget, serving);
    }
    if (err == KR_OK && serving->gone_count > 0) {
        struct kr_message gone = {.type = KR_MESSAGE_GONE,
                                  .ids = {serving->gone[0], (size_t)serving->gone_count * KR_SHORT_ID_BYTES}};
        err = kr_link_send(step, link, &gone);
    }
    free(serving);
    return err == KR_OK && link->order_count > 0 && link->asked.count < SERVE_AT_ONCE ? kr_step_wake(step, step->now_ms) : err;
}
