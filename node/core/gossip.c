/* Pushing records to peers, and taking what they push.
 *
 * Two queues a link: fresh records go before bulk. A sender has a window in bytes, which the receiver's credit refills once it has
 * dealt with what came, durably; bulk uses only a small part of it, so that a fresh record never waits behind more than that. A
 * full queue or a closed session loses nothing: catch-up brings it. */
#include <stdlib.h>
#include <string.h>

#include "node/core/effect.h"
#include "node/core/state.h"

#define CREDIT_BYTES_MIN (32u * KR_KIB) /* less is not worth a frame of its own */

/* ---- queues ---- */

static enum kr_err queue_push(struct kr_queue *queue, uint64_t arrival)
{
    if (queue->count == queue->capacity) {
        uint32_t capacity = queue->capacity == 0 ? 64 : queue->capacity * 2;
        if (capacity > KR_LINK_QUEUE_MAX) {
            return KR_QUOTA;
        }
        uint64_t *items = malloc(capacity * sizeof *items);
        if (items == NULL) {
            return KR_NOMEM;
        }
        for (uint32_t i = 0; i < queue->count; i++) {
            items[i] = queue->items[(queue->head + i) % queue->capacity];
        }
        free(queue->items);
        queue->items = items;
        queue->head = 0;
        queue->capacity = capacity;
    }
    queue->items[(queue->head + queue->count++) % queue->capacity] = arrival;
    return KR_OK;
}

static uint64_t queue_pop(struct kr_queue *queue)
{
    uint64_t arrival = queue->items[queue->head];
    queue->head = (queue->head + 1) % queue->capacity;
    queue->count--;
    return arrival;
}

enum kr_err kr_gossip_enqueue(struct kr_link *link, uint64_t arrival, bool is_bulk)
{
    return queue_push(is_bulk ? &link->bulk : &link->fresh, arrival);
}

enum kr_err kr_gossip_offer(struct kr_step *step, const struct kr_scope *scope, uint64_t arrival, bool is_bulk,
                            const struct kr_link *except)
{
    struct kr_core *core = step->core;
    for (uint32_t i = 0; i < core->link_count; i++) {
        struct kr_link *link = core->links[i];
        if (link == except || !link->has_session || !kr_link_shares(core, link, scope)) {
            continue;
        }
        enum kr_err err = kr_gossip_enqueue(link, arrival, is_bulk);
        if (err != KR_OK && err != KR_QUOTA) {
            return err;
        }
    }
    return KR_OK;
}

/* ---- out ---- */

struct parcel {
    struct kr_message message; /* items point to owned bytes */
    size_t bytes;
};

static void parcel_free(struct parcel *parcel)
{
    for (uint32_t i = 0; i < parcel->message.item_count; i++) {
        free((void *)(uintptr_t)parcel->message.items[i].bytes);
    }
    free(parcel);
}

/* Adds the record if policy lets this peer hold it. A record that was purged meanwhile is passed over. */
static enum kr_err pack(struct kr_step *step, const struct kr_link *link, uint64_t arrival, struct parcel *parcel)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct kr_record record;
    struct kr_header header;
    struct kr_policy_facts facts;
    enum kr_err err = kr_store_record_get(step->txn, arrival, &bytes, &len);
    if (err == KR_NOT_FOUND) {
        return KR_OK;
    }
    if (err == KR_OK && (kr_record_split(bytes, len, &record) != KR_OK || kr_header_parse(record.header, &header) != KR_OK)) {
        err = KR_CORRUPT;
    }
    if (err != KR_OK) {
        free(bytes);
        return err;
    }
    kr_policy_facts_of(step->core, &header, link->council, &facts);
    if (!kr_policy_is_allowed(kr_policy(KR_POLICY_HOLD, &facts))) {
        free(bytes);
        return KR_OK;
    }
    parcel->message.items[parcel->message.item_count++] = (struct kr_slice){bytes, len};
    parcel->bytes += len;
    return KR_OK;
}

static enum kr_err send_parcel(struct kr_step *step, struct kr_link *link, struct parcel *parcel)
{
    parcel->message.type = KR_MESSAGE_RECORDS;
    enum kr_err err = kr_link_send(step, link, &parcel->message);
    link->window -= parcel->bytes < link->window ? parcel->bytes : link->window;
    link->under_way += parcel->bytes;
    link->sent_bytes += parcel->bytes;
    link->sent_records += parcel->message.item_count;
    return err;
}

/* Whether one more record of the largest size may go. */
static bool may_send(const struct kr_link *link, size_t packed, bool is_bulk)
{
    bool fits = link->window >= packed + KR_RECORD_BYTES_MAX;
    return fits && (!is_bulk || link->under_way + packed < KR_BULK_WINDOW_BYTES);
}

static enum kr_err pump(struct kr_step *step, struct kr_link *link)
{
    enum kr_err err = KR_OK;
    while (err == KR_OK && link->has_session && link->fresh.count + link->bulk.count > 0) {
        struct parcel *parcel = calloc(1, sizeof *parcel);
        if (parcel == NULL) {
            return KR_NOMEM;
        }
        while (err == KR_OK && parcel->bytes < KR_PUSH_FRAME_BYTES && parcel->message.item_count < KR_IDS_PER_FRAME_MAX) {
            bool is_bulk = link->fresh.count == 0;
            struct kr_queue *queue = is_bulk ? &link->bulk : &link->fresh;
            if (queue->count == 0 || !may_send(link, parcel->bytes, is_bulk)) {
                break;
            }
            err = pack(step, link, queue_pop(queue), parcel);
        }
        bool is_empty = parcel->message.item_count == 0;
        if (err == KR_OK && !is_empty) {
            err = send_parcel(step, link, parcel);
        }
        bool is_blocked = is_empty && !may_send(link, 0, link->fresh.count == 0);
        parcel_free(parcel);
        if (is_blocked) {
            break;
        }
    }
    return err;
}

enum kr_err kr_gossip_flush(struct kr_step *step)
{
    struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < core->link_count && err == KR_OK; i++) {
        struct kr_link *link = core->links[i];
        if (!link->has_session) {
            continue;
        }
        if (link->progress_generation != core->directory.generation) {
            err = kr_catchup_scopes(step, link);
        }
        if (err == KR_OK && link->dealt_bytes >= CREDIT_BYTES_MIN) {
            struct kr_message credit = {.type = KR_MESSAGE_CREDIT, .count = link->dealt_bytes};
            link->granted += link->dealt_bytes;
            link->dealt_bytes = 0;
            err = kr_link_send(step, link, &credit);
        }
        if (err == KR_OK) {
            err = pump(step, link);
        }
    }
    return err;
}

/* ---- in ---- */

static enum kr_err refuse(struct kr_step *step, struct kr_link *link, const uint8_t id[static 32], enum kr_err why)
{
    char name[KR_NAME_BYTES_MAX + 1];
    link->refused_records++;
    struct kr_message message = {.type = KR_MESSAGE_REFUSE, .reason = (uint32_t)why, .item_count = 1, .items = {{id, 32}}};
    enum kr_err err = kr_link_send(step, link, &message);
    return err != KR_OK ? err
                        : kr_step_log_peer(step, link, KR_LOG_WARNING, "refused a record that %s sent: %s; its operator is told",
                                           kr_core_name(step->core, link->council, false, name, sizeof name), kr_err_text(why));
}

static enum kr_err dealt_with(struct kr_step *step, struct kr_link *link, const uint8_t id[static 32], size_t len, bool is_put_off)
{
    link->dealt_bytes += len;
    return kr_catchup_settled(step, link, id, is_put_off);
}

static enum kr_err take_record(struct kr_step *step, struct kr_link *link, struct kr_slice bytes)
{
    struct kr_core *core = step->core;
    struct kr_record record;
    uint64_t arrival;
    link->received_records++;
    link->received_bytes += bytes.len;
    enum kr_err err = kr_record_split(bytes.bytes, bytes.len, &record);
    if (err != KR_OK) {
        static const uint8_t unknown[32];
        link->dealt_bytes += bytes.len;
        return refuse(step, link, unknown, err);
    }
    err = kr_store_record_find(step->txn, record.id, &arrival);
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
    job->is_bulk = job->was_wanted || bytes.len > KR_BULK_BYTES_MIN;
    core->check_bytes += bytes.len;
    return kr_step_job(step, job);
}

enum kr_err kr_gossip_records(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    size_t total = 0;
    for (uint32_t i = 0; i < message->item_count; i++) {
        total += message->items[i].len;
    }
    if (total > link->granted || step->core->check_bytes + total > KR_CHECK_BYTES_MAX) {
        char name[KR_NAME_BYTES_MAX + 1];
        kr_link_session_down(step->core, link);
        return kr_step_log_peer(step, link, KR_LOG_WARNING, "%s sent more than it was given room for; the session is closed",
                                kr_core_name(step->core, link->council, false, name, sizeof name));
    }
    link->granted -= total;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < message->item_count && err == KR_OK; i++) {
        err = take_record(step, link, message->items[i]);
    }
    return err;
}

enum kr_err kr_gossip_checked(struct kr_step *step, struct kr_job *job)
{
    struct kr_core *core = step->core;
    struct kr_link *link = kr_link_by_number(core, job->number);
    core->check_bytes -= job->len < core->check_bytes ? job->len : core->check_bytes;
    if (link == NULL) {
        return KR_OK; /* cut off meanwhile: what it sent last is not taken */
    }
    enum kr_err verdict = job->err;
    if (verdict == KR_NOMEM) {
        return verdict;
    }
    enum kr_err err = KR_OK;
    if (verdict == KR_OK) {
        uint64_t arrival;
        err = kr_admit(step, job, link->council, link, &verdict, &arrival);
    }
    bool is_taken = verdict == KR_OK || verdict == KR_EXISTS || verdict == KR_UNKNOWN_AUTHOR || verdict == KR_EXPIRED;
    bool is_current = link->has_session && link->session_no == job->session;
    if (err == KR_OK && !is_taken && is_current) {
        err = refuse(step, link, job->record.id, verdict);
    }
    return err == KR_OK && is_current ? dealt_with(step, link, job->record.id, job->len, verdict == KR_QUOTA) : err;
}
