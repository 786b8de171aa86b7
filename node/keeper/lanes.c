#include "node/keeper/lanes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "node/core/job.h"
#include "node/keeper/log.h"

struct lane {
    struct kr_flows flows;
    atomic_size_t count;
};

struct kr_lanes {
    pthread_mutex_t mutex;
    struct lane lanes[KR_CORE_LANE_COUNT];
    unsigned passed_over; /* how often bulk has been */
    unsigned fresh_run;   /* fresh ones taken since a client had its turn, at most KR_LANES_FRESH_AT_ONCE */
    int fd;
    atomic_bool is_waiting, is_woken;
};

struct kr_item *kr_item_new(const struct kr_event *event)
{
    struct kr_item *item = malloc(sizeof *item + event->bytes.len);
    if (item == NULL) {
        return NULL;
    }
    item->next = NULL;
    item->event = *event;
    if (event->bytes.len > 0) {
        memcpy(item->bytes, event->bytes.bytes, event->bytes.len);
    }
    item->event.bytes.bytes = item->bytes;
    return item;
}

void kr_item_free(struct kr_item *item)
{
    if (item != NULL) {
        kr_job_free(item->event.job);
        free(item);
    }
}

enum kr_err kr_lanes_new(struct kr_lanes **ret_lanes)
{
    struct kr_lanes *lanes = calloc(1, sizeof *lanes);
    if (lanes == NULL) {
        return KR_NOMEM;
    }
    lanes->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (lanes->fd < 0) {
        free(lanes);
        return KR_SYSTEM;
    }
    pthread_mutex_init(&lanes->mutex, NULL);
    *ret_lanes = lanes;
    return KR_OK;
}

/* Unlinks and frees those that `drops` says. */
static void filter(struct lane *lane, bool (*drops)(const struct kr_event *event, const struct kr_event *why),
                   const struct kr_event *why)
{
    atomic_fetch_sub(&lane->count, kr_flows_filter(&lane->flows, drops, why, kr_item_free));
}

static bool is_any(const struct kr_event *event, const struct kr_event *why)
{
    (void)event;
    (void)why;
    return true;
}

static bool is_of_net(const struct kr_event *event, const struct kr_event *why)
{
    (void)why;
    return event->type == KR_EVENT_FRAME || event->type == KR_EVENT_LOST || event->type == KR_EVENT_TURNED_AWAY ||
           event->type == KR_EVENT_UNREACHED || event->type == KR_EVENT_CONNECTED;
}

static bool is_withdrawn(const struct kr_event *event, const struct kr_event *why)
{
    return event->type == KR_EVENT_REQUEST && event->client == why->client &&
           (why->type == KR_EVENT_CLIENT_GONE || event->request == why->request);
}

void kr_lanes_free(struct kr_lanes *lanes)
{
    if (lanes == NULL) {
        return;
    }
    for (unsigned i = 0; i < KR_CORE_LANE_COUNT; i++) {
        filter(&lanes->lanes[i], is_any, NULL);
    }
    (void)close(lanes->fd);
    pthread_mutex_destroy(&lanes->mutex);
    free(lanes);
}

void kr_lanes_put(struct kr_lanes *lanes, struct kr_item *item)
{
    struct lane *lane = &lanes->lanes[kr_event_lane(&item->event)];
    pthread_mutex_lock(&lanes->mutex);
    kr_flows_put(&lane->flows, item);
    atomic_fetch_add(&lane->count, 1);
    pthread_mutex_unlock(&lanes->mutex);
    if (atomic_exchange(&lanes->is_waiting, false)) {
        kr_lanes_wake(lanes);
    }
}

enum kr_err kr_lanes_put_event(struct kr_lanes *lanes, const struct kr_event *event)
{
    struct kr_item *item = kr_item_new(event);
    if (item == NULL) {
        return KR_NOMEM;
    }
    kr_lanes_put(lanes, item);
    return KR_OK;
}

void kr_lanes_must_put(struct kr_lanes *lanes, const struct kr_event *event)
{
    if (kr_lanes_put_event(lanes, event) != KR_OK) {
        kr_log(KR_LOG_ERROR, "out of memory: the node ends and must be started again");
        abort();
    }
}

/* Until there are `max`. */
static size_t take_lane(struct kr_lanes *lanes, enum kr_lane number, struct kr_item **ret_items, size_t count, size_t max)
{
    struct lane *lane = &lanes->lanes[number];
    while (count < max && atomic_load(&lane->count) > 0) {
        struct kr_item *item = kr_flows_take(&lane->flows);
        atomic_fetch_sub(&lane->count, 1);
        if (item->event.type == KR_EVENT_CANCEL || item->event.type == KR_EVENT_CLIENT_GONE) {
            filter(&lanes->lanes[KR_CORE_LANE_CLIENT], is_withdrawn, &item->event);
            filter(&lanes->lanes[KR_CORE_LANE_BULK], is_withdrawn, &item->event);
        }
        ret_items[count++] = item;
    }
    return count;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* A batch may end before its last event, so turns are taken within it, and go on in the next: else a peer that floods us would keep
 * our own clients out. */
static size_t take_in_turn(struct kr_lanes *lanes, struct kr_item **ret_items, size_t count, size_t max)
{
    size_t before;
    do {
        before = count;
        if (lanes->fresh_run < KR_LANES_FRESH_AT_ONCE) {
            count = take_lane(lanes, KR_CORE_LANE_FRESH, ret_items, count, least(count + 1, max));
            lanes->fresh_run += count > before;
        }
        if (count == before && count < max) {
            count = take_lane(lanes, KR_CORE_LANE_CLIENT, ret_items, count, count + 1);
            lanes->fresh_run = count > before ? 0 : lanes->fresh_run;
        }
        if (count == before && count < max) { /* no client is there: the next to come has its turn at once */
            count = take_lane(lanes, KR_CORE_LANE_FRESH, ret_items, count, count + 1);
        }
    } while (count > before);
    return count;
}

size_t kr_lanes_take(struct kr_lanes *lanes, enum kr_lane below, struct kr_item **ret_items, size_t max)
{
    size_t count = 0;
    pthread_mutex_lock(&lanes->mutex);
    bool has_bulk = below > KR_CORE_LANE_BULK && atomic_load(&lanes->lanes[KR_CORE_LANE_BULK].count) > 0;
    if (has_bulk && lanes->passed_over >= KR_LANES_PATIENCE) {
        /* First, for the first is always dealt with. */
        count = take_lane(lanes, KR_CORE_LANE_BULK, ret_items, count, least(KR_LANES_BULK_AT_ONCE, max));
        lanes->passed_over = 0;
        has_bulk = false;
    }
    count = take_lane(lanes, KR_CORE_LANE_CONTROL, ret_items, count, max);
    const size_t control = count;
    count = take_in_turn(lanes, ret_items, count, max);
    if (has_bulk && count == control) {
        count = take_lane(lanes, KR_CORE_LANE_BULK, ret_items, count, max);
        lanes->passed_over = control == 0 ? 0 : lanes->passed_over + 1; /* behind others the batch may end before it */
    } else if (has_bulk) {
        lanes->passed_over++;
    }
    pthread_mutex_unlock(&lanes->mutex);
    return count;
}

void kr_lanes_give_back(struct kr_lanes *lanes, struct kr_item *const *items, size_t count)
{
    bool has_client = false;
    pthread_mutex_lock(&lanes->mutex);
    while (count > 0) {
        struct kr_item *item = items[--count];
        const enum kr_lane number = kr_event_lane(&item->event);
        kr_flows_give_back(&lanes->lanes[number].flows, item);
        atomic_fetch_add(&lanes->lanes[number].count, 1);
        has_client = has_client || number == KR_CORE_LANE_CLIENT;
        lanes->fresh_run -= number == KR_CORE_LANE_FRESH && lanes->fresh_run > 0;
    }
    lanes->fresh_run = has_client ? KR_LANES_FRESH_AT_ONCE : lanes->fresh_run; /* who had no time in this batch begins the next */
    pthread_mutex_unlock(&lanes->mutex);
}

void kr_lanes_drop_net(struct kr_lanes *lanes)
{
    pthread_mutex_lock(&lanes->mutex);
    filter(&lanes->lanes[KR_CORE_LANE_CONTROL], is_of_net, NULL);
    filter(&lanes->lanes[KR_CORE_LANE_FRESH], is_of_net, NULL);
    pthread_mutex_unlock(&lanes->mutex);
}

bool kr_lanes_has_before(const struct kr_lanes *lanes, enum kr_lane lane)
{
    for (unsigned i = 0; i < (unsigned)lane; i++) {
        if (atomic_load(&lanes->lanes[i].count) > 0) {
            return true;
        }
    }
    return false;
}

size_t kr_lanes_count(const struct kr_lanes *lanes, enum kr_lane lane)
{
    return atomic_load(&lanes->lanes[lane].count);
}

int kr_lanes_fd(const struct kr_lanes *lanes)
{
    return lanes->fd;
}

bool kr_lanes_wait_begin(struct kr_lanes *lanes, enum kr_lane below)
{
    /* First the flag, then the look: who puts after the look sees the flag. */
    atomic_store(&lanes->is_waiting, true);
    if (kr_lanes_has_before(lanes, below) || atomic_load(&lanes->is_woken)) {
        kr_lanes_wait_end(lanes);
        return false;
    }
    return true;
}

void kr_lanes_wait_end(struct kr_lanes *lanes)
{
    atomic_store(&lanes->is_waiting, false);
    if (atomic_exchange(&lanes->is_woken, false)) {
        uint64_t count = 0;
        if (read(lanes->fd, &count, sizeof count) < 0) {
            return; /* another waker's, which was read with the last one */
        }
    }
}

void kr_lanes_wake(struct kr_lanes *lanes)
{
    const uint64_t one = 1;
    /* First the write, then the flag: who sees the flag finds something to read. The other way round a taker between the two would
     * take the flag and leave the descriptor readable, and never sleep again until somebody else woke it. */
    ssize_t put = write(lanes->fd, &one, sizeof one);
    (void)put; /* failing, its counter is full, so it is awake already */
    atomic_store(&lanes->is_woken, true);
}
