/* Pushing records to peers, and taking what they push.
 *
 * Three queues a link: fresh records go before bulk and before what the peer asked for, and these two take turns. A sender has a
 * window in bytes, which the receiver's credit refills once it has dealt with what came, durably; bulk uses only a small part of
 * it, so that a fresh record never waits behind more than that. A full queue or a closed session loses nothing: catch-up brings it.
 *
 * All windows together must fit our buffers, for an honest peer is never to be cut off because of the others. So each of all
 * possible links has a small floor, and what is left is shared out as sessions begin. Where a window is smaller than the next
 * record, its sender says so, and is lent what it lacks until that record is dealt with; some room is kept for that. */
#include <stdlib.h>
#include <string.h>

#include "crypto/fault.h"
#include "node/core/effect.h"
#include "node/core/through.h"

/* Records of a queue that one flush looks at for one link; the others come with the next. */
#define LOOKS_MAX         1024u
#define REFUSALS_BUDGET   32u /* refusals that a peer is told of at once, and … */
#define REFUSALS_A_SECOND 1u  /* … in a second in the long run: no operator reads more */

/* Less than this of a window is not worth a frame of its own. */
static uint64_t credit_min(uint64_t window)
{
    return window / 4 < 32u * KR_KIB ? window / 4 : 32u * KR_KIB;
}

static uint64_t less(uint64_t from, uint64_t bytes)
{
    return from > bytes ? from - bytes : 0;
}

/* ---- queues ---- */

/* `id`: NULL where nobody waits for an answer. */
static enum kr_err queue_push(struct kr_queue *queue, uint64_t arrival, const uint8_t *id)
{
    if (queue->count == queue->capacity) {
        uint32_t capacity = queue->capacity == 0 ? 64 : queue->capacity * 2;
        if (capacity > KR_LINK_QUEUE_MAX) {
            return KR_QUOTA;
        }
        uint64_t *items = malloc(capacity * sizeof *items);
        uint8_t(*ids)[32] = id != NULL ? malloc(capacity * sizeof *ids) : NULL;
        if (items == NULL || (id != NULL && ids == NULL)) {
            free(items);
            free(ids);
            return KR_NOMEM;
        }
        for (uint32_t i = 0; i < queue->count; i++) {
            const uint32_t from = (queue->head + i) % queue->capacity;
            items[i] = queue->items[from];
            if (ids != NULL) {
                memcpy(ids[i], queue->ids[from], 32);
            }
        }
        free(queue->items);
        free(queue->ids);
        queue->items = items;
        queue->ids = ids;
        queue->head = 0;
        queue->capacity = capacity;
    }
    queue->need = queue->count == 0 ? 0 : queue->need;
    const uint32_t at = (queue->head + queue->count++) % queue->capacity;
    queue->items[at] = arrival;
    if (id != NULL) {
        memcpy(queue->ids[at], id, 32);
    }
    return KR_OK;
}

enum kr_err kr_gossip_enqueue(struct kr_link *link, uint64_t arrival, bool is_bulk)
{
    return queue_push(is_bulk ? &link->bulk : &link->fresh, arrival, NULL);
}

enum kr_err kr_gossip_graft(struct kr_link *link, uint64_t arrival, bool is_bulk)
{
    if (KR_FAULT(KR_FAULT_GRAFTED_AGAIN)) {
        return kr_gossip_enqueue(link, arrival, is_bulk);
    }
    for (uint32_t i = 0; i < link->grafted_count; i++) {
        if (link->grafted[i] == arrival) {
            return KR_OK;
        }
    }
    if (link->grafted == NULL) {
        link->grafted = malloc(KR_LINK_GRAFTED_MAX * sizeof *link->grafted);
        if (link->grafted == NULL) {
            return KR_NOMEM;
        }
    }
    enum kr_err err = link->grafted_count < KR_LINK_GRAFTED_MAX ? kr_gossip_enqueue(link, arrival, is_bulk) : KR_QUOTA;
    if (err == KR_OK) {
        link->grafted[link->grafted_count++] = arrival;
    }
    return err;
}

/* It waits no longer. */
static void forget_graft(struct kr_link *link, uint64_t arrival)
{
    for (uint32_t i = 0; i < link->grafted_count; i++) {
        if (link->grafted[i] == arrival) {
            link->grafted[i] = link->grafted[--link->grafted_count];
            return;
        }
    }
}

static void queue_pop(struct kr_link *link, struct kr_queue *queue)
{
    forget_graft(link, queue->items[queue->head]);
    queue->head = (queue->head + 1) % queue->capacity;
    queue->count--;
    queue->need = 0;
}

static bool is_among(const uint64_t *items, uint32_t count, uint64_t arrival)
{
    bool is_there = false;
    for (uint32_t i = 0; i < count; i++) {
        is_there |= items[i] == arrival; /* no way out in between: four at a time are compared so */
    }
    return is_there;
}

/* Catching up asks only while fewer than 512 wait: to look through them takes 0.3 us, far less than to find the record. */
enum kr_err kr_gossip_ask(struct kr_link *link, uint64_t arrival, const uint8_t id[static 32])
{
    const struct kr_queue *asked = &link->asked;
    const uint32_t until = asked->head + asked->count, wrapped = until > asked->capacity ? until - asked->capacity : 0;
    if (asked->count > 0 &&
        (is_among(asked->items + asked->head, asked->count - wrapped, arrival) || is_among(asked->items, wrapped, arrival))) {
        return KR_OK;
    }
    return asked->count < KR_LINK_ASKED_MAX ? queue_push(&link->asked, arrival, id) : KR_QUOTA;
}

/* ---- windows ---- */

/* Of what was sent, how much is not credited yet. (Room that was lent is not counted: it comes and goes with one record.) */
static uint64_t under_way(const struct kr_link *link)
{
    return less(link->room, link->window);
}

void kr_gossip_credited(struct kr_link *link, uint64_t bytes)
{
    uint64_t most = KR_LINK_WINDOW_BYTES - link->window;
    link->window += bytes < most ? bytes : most;
    link->room = link->has_room ? link->room : link->window;
    link->has_room = true;
    link->has_asked = false;
}

void kr_gossip_needed(struct kr_link *link, uint64_t bytes)
{
    link->needed = bytes < KR_RECORD_BYTES_MAX ? bytes : KR_RECORD_BYTES_MAX;
}

/* What no link has a claim to. */
static uint64_t unclaimed(const struct kr_core *core)
{
    uint64_t claimed = (uint64_t)(KR_LINKS_MAX - core->link_count) * KR_LINK_FLOOR_BYTES;
    for (uint32_t i = 0; i < core->link_count; i++) {
        const struct kr_link *link = core->links[i];
        uint64_t own = link->share + link->lent;
        own = own > link->check_bytes ? own : link->check_bytes; /* what an earlier session brought may still be under check */
        claimed += own > KR_LINK_FLOOR_BYTES ? own : KR_LINK_FLOOR_BYTES;
    }
    return less(KR_CHECK_BYTES_MAX, claimed);
}

/* What the peer could be given now. */
static uint64_t ungranted(const struct kr_link *link)
{
    return less(link->share + link->lent, link->granted + link->check_bytes);
}

static enum kr_err give_credit(struct kr_step *step, struct kr_link *link, uint64_t bytes)
{
    struct kr_message credit = {.type = KR_MESSAGE_CREDIT, .count = bytes};
    link->granted += bytes;
    return kr_link_send(step, link, &credit);
}

void kr_gossip_close(struct kr_link *link)
{
    link->fresh.count = link->bulk.count = link->asked.count = link->grafted_count = 0;
    link->has_room = link->has_asked = false;
    link->room = link->window = link->granted = link->share = link->lent = link->needed = 0;
}

void kr_gossip_free(struct kr_link *link)
{
    free(link->fresh.items);
    free(link->bulk.items);
    free(link->asked.items);
    free(link->asked.ids);
    free(link->grafted);
}

enum kr_err kr_gossip_open(struct kr_step *step, struct kr_link *link)
{
    const struct kr_core *core = step->core;
    uint64_t waiting = 1; /* one part more than there are links to come: for a link that is made later */
    kr_gossip_close(link);
    for (uint32_t i = 0; i < core->link_count; i++) {
        waiting += core->links[i]->share == 0;
    }
    uint64_t share = KR_LINK_FLOOR_BYTES + less(unclaimed(core), KR_LOANS_BYTES) / waiting;
    link->share = share < KR_LINK_WINDOW_BYTES ? share : KR_LINK_WINDOW_BYTES;
    return give_credit(step, link, ungranted(link));
}

/* A record that had room lent to it may be gone before it was sent, and nothing wrong done: a loan is called in only where another
 * peer waits for the room. */
bool kr_gossip_owes(const struct kr_step *step, const struct kr_link *link)
{
    const struct kr_core *core = step->core;
    bool is_missed = false;
    if (link->lent == 0 || step->now_ms < link->lent_ms + KR_LOAN_MS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < core->link_count; i++) {
        const struct kr_link *other = core->links[i];
        is_missed = is_missed || (other != link && less(other->needed, other->granted) > unclaimed(core));
    }
    return is_missed;
}

/* What was dealt with is given back once it is worth it or the peer waits for it. */
static bool refill_is_due(const struct kr_link *link)
{
    const uint64_t bytes = ungranted(link);
    return bytes > 0 && !KR_FAULT(KR_FAULT_CREDIT_KEPT) && (bytes >= credit_min(link->share) || link->needed > 0);
}

static enum kr_err refill(struct kr_step *step, struct kr_link *link)
{
    enum kr_err err = refill_is_due(link) ? give_credit(step, link, ungranted(link)) : KR_OK;
    link->needed = link->granted >= link->needed ? 0 : link->needed;
    return err;
}

/* Lends in turn to those that need more than their share, as long as there is something to lend. */
static enum kr_err lend(struct kr_step *step)
{
    struct kr_core *core = step->core;
    uint32_t count = core->link_count, begin = count > 0 ? core->lend_at % count : 0;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        uint32_t at = (begin + i) % count;
        struct kr_link *link = core->links[at];
        uint64_t bytes = less(link->needed, link->granted);
        if (bytes == 0 || link->check_bytes > 0 || bytes > unclaimed(core)) {
            continue; /* what is under check is given back first */
        }
        link->lent_ms = link->lent == 0 ? step->now_ms : link->lent_ms; /* using a byte of it wins no time */
        link->lent += bytes;
        link->needed = 0;
        core->lend_at = at + 1;
        err = give_credit(step, link, bytes);
    }
    return err;
}

uint32_t kr_gossip_ids_room(const struct kr_link *link)
{
    uint64_t left = less(KR_BULK_WINDOW_BYTES, under_way(link));
    left = left < link->window ? left : link->window;
    return (uint32_t)(left / KR_SHORT_ID_BYTES);
}

/* ---- out ---- */

struct parcel {
    struct kr_writer list; /* of the records, encoded */
    uint32_t count;
    size_t bytes; /* of the records alone: what the window counts */
    uint8_t scratch[KR_HEAD_SCRATCH];
};

/* The first of the queue will not be sent. Who asked for it hears that, or would wait for it. The id is the one that was asked for:
 * the head may be gone or damaged. */
static enum kr_err pass_over(struct kr_step *step, struct kr_link *link, struct kr_queue *queue)
{
    const uint32_t at = queue->head;
    queue_pop(link, queue);
    if (queue != &link->asked) {
        return KR_OK;
    }
    struct kr_message gone = {.type = KR_MESSAGE_GONE, .ids = {queue->ids[at], KR_SHORT_ID_BYTES}};
    return kr_link_send(step, link, &gone);
}

static enum kr_err may_send(const struct kr_step *step, const struct kr_link *link, const struct kr_head *head,
                            enum kr_share *ret_share)
{
    enum kr_err err = kr_expiry_share(step, link, head, ret_share);
    if (err == KR_OK && KR_FAULT(KR_FAULT_POLICY_UNASKED)) {
        *ret_share = KR_SHARE_WHOLE;
    }
    return err;
}

/* What goes out is what the header itself lets go, whatever stands in the head. */
static bool header_lets(const struct kr_step *step, const struct kr_link *link, const struct kr_record *record)
{
    struct kr_header header;
    struct kr_policy_facts facts;
    if (kr_header_parse(record->header, &header) != KR_OK) {
        return false;
    }
    kr_policy_facts_of(step->core, &header, link->council, &facts);
    const enum kr_policy_use use = record->is_header_only ? KR_POLICY_HEADER : KR_POLICY_HOLD;
    return kr_policy_is_allowed(kr_policy(use, &facts)) || KR_FAULT(KR_FAULT_POLICY_UNASKED);
}

/* The record as the peer gets it, to be freed; `*ret_len` 0: it does not. */
static enum kr_err read_share(struct kr_step *step, const struct kr_link *link, uint64_t arrival, enum kr_share share,
                              uint8_t **ret_bytes, size_t *ret_len)
{
    struct kr_record record;
    struct kr_writer writer;
    uint8_t *bytes = NULL;
    size_t len = 0;
    enum kr_err err = kr_store_record_get(step->txn, arrival, &bytes, &len);
    if (err != KR_OK) {
        return err;
    }
    err = kr_record_split(bytes, len, &record) == KR_OK ? KR_OK : KR_CORRUPT;
    if (err == KR_OK && share == KR_SHARE_HEADER && !record.is_header_only) { /* it expired a moment ago */
        uint8_t *whole = bytes;
        kr_writer_init(&writer, KR_RECORD_BYTES_MAX);
        bytes = NULL;
        err = kr_record_strip(&record, &writer);
        if (err == KR_OK) {
            err = kr_writer_take(&writer, &bytes, &len);
        }
        kr_writer_deinit(&writer);
        free(whole);
        if (err == KR_OK) {
            err = kr_record_split(bytes, len, &record);
        }
    }
    if (err != KR_OK) {
        free(bytes);
        return err;
    }
    *ret_bytes = bytes;
    *ret_len = header_lets(step, link, &record) ? len : 0;
    return KR_OK;
}

/* Adds the first record of the queue if policy lets this peer hold it; one that was purged meanwhile is passed over, and so is one
 * that is damaged. Where it needs more than is `left` of the window, it stays, and the queue knows how much that is. The head tells
 * all this, so that only what goes out is read whole. */
static enum kr_err pack(struct kr_step *step, struct kr_link *link, struct kr_queue *queue, uint64_t left, struct parcel *parcel)
{
    const uint64_t arrival = queue->items[queue->head];
    struct kr_head head = {0};
    uint8_t *bytes = NULL;
    size_t len = 0;
    enum kr_share share = KR_SHARE_NOTHING;
    enum kr_err err = kr_store_head_get(step->txn, arrival, &head, parcel->scratch);
    if (err == KR_NOT_FOUND) {
        return pass_over(step, link, queue);
    }
    if (err == KR_OK) {
        err = may_send(step, link, &head, &share);
    }
    if (err == KR_OK && share == KR_SHARE_WHOLE && head.record_bytes > left) {
        queue->need = head.record_bytes;
        return KR_OK;
    }
    if (err == KR_OK && share != KR_SHARE_NOTHING) {
        err = read_share(step, link, arrival, share, &bytes, &len);
    }
    if (err == KR_CORRUPT) {
        err = kr_step_log_damage(step, arrival);
        len = 0;
    }
    if (err != KR_OK || len == 0) {
        free(bytes);
        return err != KR_OK ? err : pass_over(step, link, queue);
    }
    if (len > left) { /* a header alone */
        queue->need = len;
        free(bytes);
        return KR_OK;
    }
    queue_pop(link, queue);
    if (queue != &link->fresh) {
        link->is_asked_next = queue == &link->bulk;
    }
    kr_writer_bin(&parcel->list, bytes, len);
    free(bytes);
    parcel->count++;
    parcel->bytes += len;
    return kr_writer_finish(&parcel->list);
}

static enum kr_err send_parcel(struct kr_step *step, struct kr_link *link, struct parcel *parcel)
{
    struct kr_message records = {
        .type = KR_MESSAGE_RECORDS, .item_count = parcel->count, .items = {parcel->list.bytes, parcel->list.len}};
    enum kr_err err = kr_link_send(step, link, &records);
    link->window -= parcel->bytes;
    link->sent_bytes += parcel->bytes;
    link->sent_records += parcel->count;
    kr_rate_add(&link->sent_rate, step->now_ms, parcel->count, parcel->bytes);
    return err;
}

/* Who has handed in a long list waits for it to be durable here; that peers have it a moment later nobody sees, and all of them on
 * one small machine's cores and disk make it later for everybody. */
static bool makes_come_first(const struct kr_step *step)
{
    const struct kr_core *core = step->core;
    return core->makes_out > 0 && step->now_ms - core->makes_since_ms < KR_MAKES_FIRST_MS;
}

/* Which queue goes on. NULL: none. */
static struct kr_queue *next_queue(const struct kr_step *step, struct kr_link *link, const struct parcel *parcel)
{
    if (link->fresh.count > 0) {
        return &link->fresh;
    }
    const bool has_bulk = link->bulk.count > 0 && !makes_come_first(step), has_asked = link->asked.count > 0;
    if (under_way(link) + parcel->bytes >= KR_BULK_WINDOW_BYTES || !(has_bulk || has_asked)) {
        return NULL;
    }
    return !has_bulk || (has_asked && link->is_asked_next) ? &link->asked : &link->bulk;
}

/* Takes from the queues what fits one frame and the window, looking at no more than `*looks` records. `*ret_need`: what the next
 * record needs beyond that; 0: nothing waits for room alone. */
static enum kr_err fill(struct kr_step *step, struct kr_link *link, struct parcel *parcel, uint32_t *looks, uint64_t *ret_need)
{
    const uint64_t frame_bytes = link->through == NULL ? KR_PUSH_FRAME_BYTES : KR_THROUGH_PUSH_BYTES;
    enum kr_err err = KR_OK;
    *ret_need = 0;
    while (err == KR_OK && *looks > 0 && parcel->bytes < frame_bytes && parcel->count < KR_IDS_PER_FRAME_MAX) {
        struct kr_queue *queue = next_queue(step, link, parcel);
        uint64_t left = link->window - parcel->bytes;
        if (queue == NULL) {
            break;
        }
        if (queue->need > left) {
            *ret_need = queue->need;
            break;
        }
        --*looks;
        err = pack(step, link, queue, left, parcel);
    }
    return err;
}

/* Only where no credit can be on its way: what is under way is too little for one. */
static enum kr_err ask_for_room(struct kr_step *step, struct kr_link *link, uint64_t bytes)
{
    if (link->has_asked || (under_way(link) > 0 && under_way(link) >= credit_min(link->room))) {
        return KR_OK;
    }
    link->has_asked = true;
    struct kr_message need = {.type = KR_MESSAGE_NEED, .count = bytes};
    return kr_link_send(step, link, &need);
}

static uint32_t queued(const struct kr_link *link)
{
    return link->fresh.count + link->bulk.count + link->asked.count;
}

static enum kr_err pump(struct kr_step *step, struct kr_link *link)
{
    enum kr_err err = KR_OK;
    bool is_empty = false;
    uint32_t looks = LOOKS_MAX;
    struct parcel *parcel = queued(link) > 0 ? malloc(sizeof *parcel) : NULL;
    if (parcel == NULL) {
        return queued(link) > 0 ? KR_NOMEM : KR_OK;
    }
    kr_writer_init(&parcel->list, KR_FRAME_BYTES_MAX - KR_KIB);
    while (err == KR_OK && !is_empty && looks > 0 && link->has_session && queued(link) > 0 && !kr_through_is_full(link)) {
        uint64_t need;
        parcel->count = 0;
        parcel->bytes = 0;
        parcel->list.len = 0;
        err = fill(step, link, parcel, &looks, &need);
        is_empty = parcel->count == 0;
        if (err == KR_OK && !is_empty) {
            err = send_parcel(step, link, parcel);
        } else if (err == KR_OK && need > 0 && link->has_room) {
            err = ask_for_room(step, link, need);
        }
    }
    kr_writer_deinit(&parcel->list);
    free(parcel);
    return err == KR_OK && looks == 0 && queued(link) > 0 ? kr_step_wake(step, step->now_ms) : err;
}

/* Rather once too often: whatever waits, even for the peer. */
static bool is_due(const struct kr_core *core, const struct kr_link *link)
{
    return link->progress_generation != core->directory.generation || link->is_waiting || link->order_count > 0 ||
           link->spread.prune_count > 0 || link->spread.id_count > 0 || queued(link) > 0 || refill_is_due(link);
}

bool kr_gossip_is_due(const struct kr_core *core)
{
    bool due = (core->makes_out == 0) != (core->makes_since_ms == UINT64_MAX) || core->spread.awaiting.count > 0;
    for (uint32_t i = 0; i < core->link_count && !due; i++) {
        const struct kr_link *link = core->links[i];
        due = link->needed > 0 || (link->has_session && is_due(core, link));
    }
    return due;
}

enum kr_err kr_gossip_flush(struct kr_step *step)
{
    struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    if (core->makes_out == 0) {
        core->makes_since_ms = UINT64_MAX;
    } else if (core->makes_since_ms == UINT64_MAX) {
        core->makes_since_ms = step->now_ms;
    }
    err = kr_spread_flush(step);
    for (uint32_t i = 0; i < core->link_count && err == KR_OK; i++) {
        struct kr_link *link = core->links[i];
        if (!link->has_session) {
            continue;
        }
        if (link->progress_generation != core->directory.generation) {
            err = kr_catchup_scopes(step, link);
        }
        if (err == KR_OK) {
            err = refill(step, link);
        }
        if (err == KR_OK && link->is_waiting) {
            err = kr_catchup_go_on(step, link);
        }
        if (err == KR_OK && link->order_count > 0) {
            err = kr_catchup_serve(step, link);
        }
        if (err == KR_OK) {
            err = kr_spread_flush_link(step, link);
        }
        if (err == KR_OK) {
            err = pump(step, link);
        }
        if (err == KR_OK && link->order_count > 0 && link->asked.count == 0) {
            err = kr_step_wake(step, step->now_ms);
        }
    }
    return err == KR_OK ? lend(step) : err;
}

/* ---- in ---- */

static enum kr_err refuse(struct kr_step *step, struct kr_link *link, const uint8_t id[static 32], enum kr_err why)
{
    char name[KR_NAME_BYTES_MAX + 1];
    link->refused_records++;
    if (!kr_budget_take(&link->refusals, step->now_ms, 1, REFUSALS_BUDGET, REFUSALS_A_SECOND)) {
        return KR_OK; /* a thousand bad records in one frame would be answered with a thousand frames */
    }
    struct kr_message message = {.type = KR_MESSAGE_REFUSE, .reason = (uint32_t)why};
    memcpy(message.id, id, 32);
    enum kr_err err = kr_link_send(step, link, &message);
    return err != KR_OK ? err
                        : kr_step_log_peer(step, link, KR_LOG_WARNING, "refused a record that %s sent: %s; its operator is told",
                                           kr_core_name(step->core, link->council, false, name, sizeof name), kr_err_text(why));
}

static enum kr_err dealt_with(struct kr_step *step, struct kr_link *link, const uint8_t id[static 32], size_t len, bool is_put_off)
{
    link->lent = less(link->lent, len);
    return kr_catchup_settled(step, link, id, is_put_off);
}

static enum kr_err take_record(struct kr_step *step, struct kr_link *link, struct kr_slice bytes)
{
    struct kr_core *core = step->core;
    struct kr_record record;
    uint64_t arrival;
    link->received_records++;
    link->received_bytes += bytes.len;
    kr_rate_add(&link->received_rate, step->now_ms, 1, bytes.len);
    enum kr_err err = kr_record_split(bytes.bytes, bytes.len, &record);
    if (err != KR_OK) {
        static const uint8_t unknown[32];
        link->lent = less(link->lent, bytes.len);
        return refuse(step, link, unknown, err);
    }
    err = kr_store_record_find(step->txn, record.id, &arrival);
    if (err == KR_OK && !kr_catchup_awaits(link, record.id) && !link->walk.is_active) {
        err = kr_spread_doubled(step, link, record.id);
    }
    if (err != KR_NOT_FOUND) {
        return err != KR_OK ? err : dealt_with(step, link, record.id, bytes.len, false);
    }
    struct kr_job *job = kr_job_new(KR_JOB_CHECK);
    uint8_t *copy = malloc(bytes.len);
    if (job == NULL || copy == NULL) {
        free(copy);
        kr_job_free(job);
        return KR_NOMEM;
    }
    memcpy(copy, bytes.bytes, bytes.len);
    job->bytes = copy;
    job->len = bytes.len;
    job->number = link->number;
    job->session = link->session_no;
    job->was_wanted = kr_catchup_awaits(link, record.id);
    job->is_walked = link->walk.is_active && !job->was_wanted;
    job->is_bulk = job->was_wanted || bytes.len > KR_BULK_BYTES_MIN;
    memcpy(job->id, record.id, 32);
    err = kr_spread_checking(step, link, job->id);
    if (err != KR_OK) {
        kr_job_free(job);
        return err;
    }
    core->check_bytes += bytes.len;
    link->check_bytes += bytes.len;
    return kr_step_job(step, job);
}

bool kr_gossip_take_room(struct kr_step *step, struct kr_link *link, uint64_t bytes, enum kr_err *ret_err)
{
    char name[KR_NAME_BYTES_MAX + 1];
    *ret_err = KR_OK;
    if (bytes <= link->granted) {
        link->granted -= bytes;
        return true;
    }
    kr_link_session_down(step->core, link);
    *ret_err = kr_step_log_peer(step, link, KR_LOG_WARNING, "%s sent more than it was given room for; the session is closed",
                                kr_core_name(step->core, link->council, false, name, sizeof name));
    return false;
}

enum kr_err kr_gossip_records(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    struct kr_message rest = *message;
    struct kr_slice record;
    size_t total = 0;
    enum kr_err err;
    while (kr_message_next_record(&rest, &record)) {
        total += record.len;
    }
    if (!kr_gossip_take_room(step, link, total, &err)) {
        return err;
    }
    rest = *message;
    while (err == KR_OK && kr_message_next_record(&rest, &record)) {
        err = take_record(step, link, record);
    }
    return err;
}

void kr_gossip_forget(struct kr_core *core, const struct kr_job *job)
{
    struct kr_link *link = kr_link_by_number(core, job->number);
    core->check_bytes = less(core->check_bytes, job->len);
    kr_spread_unchecked(core, job->id);
    if (link != NULL) {
        link->check_bytes = less(link->check_bytes, job->len);
    }
}

enum kr_err kr_gossip_checked(struct kr_step *step, struct kr_job *job)
{
    struct kr_core *core = step->core;
    struct kr_link *link = kr_link_by_number(core, job->number);
    kr_gossip_forget(core, job);
    if (link == NULL) {
        return KR_OK; /* cut off meanwhile: what it sent last is not taken */
    }
    enum kr_err verdict = job->err;
    if (verdict == KR_NOMEM) {
        return verdict;
    }
    enum kr_err err = KR_OK;
    const bool was_asked_for = job->was_wanted;
    if (verdict == KR_OK) {
        uint64_t arrival;
        /* What a walk brings was missed as what is asked for was. */
        job->was_wanted = job->was_wanted || (job->is_walked && job->header.created_ms + KR_SPREAD_AGE_MS < step->now_ms);
        err = kr_admit(step, job, link->council, link, &verdict, &arrival);
    }
    if (err == KR_OK && verdict == KR_OK && !was_asked_for) {
        kr_catchup_gained(step, link, job);
    }
    if (err == KR_OK) {
        err = kr_spread_checked(step, link, job, verdict);
    }
    bool is_taken = verdict == KR_OK || verdict == KR_EXISTS || verdict == KR_UNKNOWN_AUTHOR || verdict == KR_EXPIRED ||
                    verdict == KR_NOT_FOUND; /* a header alone: nothing wrong, what takes it back may come behind it */
    bool is_current = link->has_session && link->session_no == job->session;
    if (err == KR_OK && verdict == KR_QUOTA && kr_is_far_ahead(step, &job->header)) {
        char name[KR_NAME_BYTES_MAX + 1];
        err = kr_step_log_peer(step, link, KR_LOG_WARNING,
                               "%s sent a record that is dated more than a day ahead: it is asked for again later. Is the clock of "
                               "this machine right?",
                               kr_core_name(core, link->council, false, name, sizeof name));
    }
    if (err == KR_OK && !is_taken && is_current) {
        err = refuse(step, link, job->record.id, verdict);
    }
    bool is_put_off = verdict == KR_QUOTA || verdict == KR_NOT_FOUND ||
                      (verdict == KR_EXPIRED && kr_lives_by_their_clock(step, link, job->header.expires_s));
    return err == KR_OK && is_current ? dealt_with(step, link, job->record.id, job->len, is_put_off) : err;
}
