/* A thread that serves its share of the clients: waits for their sockets, takes what they say, answers their queries in turn, one
 * page at a time. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "node/keeper/hub_state.h"

/* Who asks one question after the other asks the next one sooner than a thread and its core fall asleep and wake up. */
#define PATIENCE_US 50u

struct mine {
    struct kr_hub *hub;
    int epoll_fd;
    bool may_be_patient, is_patient; /* the last thing came sooner than that: looks out for the next one before it sleeps */
    struct kr_client *clients[KR_CLIENTS_MAX];
    size_t count;
    struct kr_places *places; /* what look-ups have learnt of large reports; NULL where there was no memory */
};

/* ---- queries ---- */

struct paging {
    struct kr_client *client;
    struct kr_request *request;
    uint64_t until_us;
};

static bool is_over(void *context)
{
    const struct paging *paging = context;
    return kr_monotonic_us() >= paging->until_us;
}

static enum kr_err take_item(void *context, struct kr_slice item)
{
    struct paging *paging = context;
    enum kr_err err = kr_page_add(&paging->request->page, item);
    if (err == KR_BOUNDS) { /* many small ones: a page more than was granted */
        pthread_mutex_lock(&paging->client->mutex);
        kr_client_say_page(paging->client, paging->request);
        pthread_mutex_unlock(&paging->client->mutex);
        err = kr_page_add(&paging->request->page, item);
    }
    return err;
}

/* The next query that may go on: it has credit (or, as `show`, no pages at all), and its client reads. */
static struct kr_request *next_query(struct kr_client *client, bool *ret_others)
{
    struct kr_request *found = NULL;
    bool others = false;
    pthread_mutex_lock(&client->mutex);
    uint32_t count = client->out.len < KR_CLIENT_OUT_HIGH && !client->is_broken && !client->is_closing ? client->request_count : 0;
    for (uint32_t i = 0; i < count; i++) {
        struct kr_request *request = client->requests[(client->next_query + i) % count];
        if (!request->is_query || (request->credits <= 0 && request->op != KR_OP_SHOW)) {
            continue;
        }
        others = others || found != NULL;
        found = found == NULL ? request : found;
    }
    client->next_query++;
    pthread_mutex_unlock(&client->mutex);
    *ret_others = others;
    return found;
}

/* One page of one query. True where the client has more to be answered now. */
static bool answer(struct kr_hub *hub, struct kr_client *client, struct kr_places *places)
{
    bool others = false, is_done = false;
    struct kr_request *request = next_query(client, &others);
    if (request == NULL) {
        return false;
    }
    struct paging paging = {client, request, kr_monotonic_us() + KR_PAGE_MS_MAX * 1000u};
    struct kr_txn *txn = NULL;
    struct kr_writer result;
    struct kr_error error = {0};
    kr_writer_init(&result, KR_CLIENT_FRAME_BYTES_MAX - KR_KIB);
    request->query.places = places;
    enum kr_err err = kr_store_read_begin(hub->options.store, &txn);
    if (err == KR_OK) {
        err = kr_query_page(&request->query, txn, kr_shared_keyring_use(hub->options.keyring), kr_clock_now_ms(hub->options.clock),
                            is_over, take_item, &paging, &result, &is_done, &error);
        kr_shared_keyring_done(hub->options.keyring);
        kr_txn_abort(txn);
    }
    if (err == KR_OK && is_done) {
        err = kr_writer_finish(&result);
    }
    if (err == KR_DENIED) {
        kr_hub_note(hub, client, request->op);
    }
    size_t charged = 0;
    bool is_gone = false;
    pthread_mutex_lock(&client->mutex);
    client->is_corked = true;
    kr_client_say_page(client, request);
    if (err != KR_OK) {
        const char *text = error.text[0] != 0 ? error.text : kr_err_text(err);
        is_gone = kr_client_end(client, request, err, (struct kr_slice){(const uint8_t *)text, strlen(text)}, &charged);
    } else if (is_done) {
        is_gone = kr_client_end(client, request, KR_OK, (struct kr_slice){result.bytes, result.len}, &charged);
    }
    kr_client_flush(client);
    bool goes_on = others || (!is_gone && request->credits > 0);
    pthread_mutex_unlock(&client->mutex);
    kr_writer_deinit(&result);
    atomic_fetch_sub(&hub->held, charged);
    return goes_on;
}

/* ---- clients ---- */

static void drop(struct mine *mine, size_t index)
{
    struct kr_hub *hub = mine->hub;
    struct kr_client *client = mine->clients[index];
    mine->clients[index] = mine->clients[--mine->count];
    kr_input_resume(hub, client);
    size_t charged = 0, held = 0;
    pthread_mutex_lock(&client->mutex);
    uint64_t id = client->id;
    int fd = client->fd;
    while (client->request_count > 0) {
        bool is_query = client->requests[0]->is_query;
        *(is_query ? &held : &charged) += kr_client_remove(client, client->requests[0]);
    }
    kr_outbuf_deinit(&client->out);
    bool was_known = client->has_hello;
    free(client->in);
    client->in = NULL;
    client->in_len = client->in_capacity = 0;
    client->is_readable = client->is_runnable = false;
    client->fd = -1;
    client->id = 0; /* from here on the slot is anybody's */
    pthread_mutex_unlock(&client->mutex);
    (void)close(fd);
    atomic_fetch_sub(&hub->held, held);
    kr_hub_release(hub, charged);
    if (was_known) {
        kr_lanes_must_put(hub->options.lanes, &(struct kr_event){.type = KR_EVENT_CLIENT_GONE, .client = id});
    }
}

/* False where the client is to be dropped. */
static bool turn(struct kr_hub *hub, struct kr_client *client, struct kr_places *places)
{
    client->is_runnable = false;
    pthread_mutex_lock(&client->mutex);
    bool is_closing = client->is_closing, is_broken = client->is_broken;
    pthread_mutex_unlock(&client->mutex);
    if (!is_closing && !is_broken) {
        if (client->is_readable && !client->is_paused) {
            kr_input_read(client);
        }
        kr_input_take(hub, client);
        bool goes_on = answer(hub, client, places);
        client->is_runnable = goes_on || (client->is_readable && !client->is_paused);
    }
    pthread_mutex_lock(&client->mutex);
    bool is_over_now = client->is_broken || (client->is_closing && client->out.len == 0);
    pthread_mutex_unlock(&client->mutex);
    return !is_over_now;
}

static void take_event(struct mine *mine, const struct epoll_event *event)
{
    struct kr_client *client = kr_hub_slot(mine->hub, event->data.u64);
    pthread_mutex_lock(&client->mutex);
    bool is_here = client->id == event->data.u64;
    if (is_here && (event->events & EPOLLOUT) != 0) {
        kr_client_flush(client);
    }
    pthread_mutex_unlock(&client->mutex);
    if (!is_here) {
        return; /* closed in this very round */
    }
    size_t at = 0;
    while (at < mine->count && mine->clients[at] != client) {
        at++;
    }
    if (at == mine->count) {
        mine->clients[mine->count++] = client;
    }
    client->is_hung_up = client->is_hung_up || (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    client->is_readable = client->is_readable || (event->events & ~(uint32_t)EPOLLOUT) != 0;
    client->is_runnable = true;
}

static void take_wake(struct mine *mine, int wake_fd)
{
    uint64_t count = 0;
    if (read(wake_fd, &count, sizeof count) < 0) {
        return; /* taken already */
    }
    for (size_t i = 0; i < mine->count; i++) {
        kr_input_resume(mine->hub, mine->clients[i]);
    }
}

static bool is_late(struct kr_client *client, uint64_t now_ms)
{
    if (client->deadline_ms == 0 || now_ms < client->deadline_ms) {
        return false;
    }
    pthread_mutex_lock(&client->mutex);
    bool was_told = client->is_closing;
    pthread_mutex_unlock(&client->mutex);
    if (!was_told) {
        kr_input_refuse(client, KR_TIMEOUT,
                        client->has_hello ? "the rest of the frame did not come in time" : "no hello came in time");
    }
    client->is_runnable = true;
    return was_told;
}

/* ms until the next deadline, for epoll_wait; 0 where somebody has something to do now. */
static int wait_ms(const struct mine *mine)
{
    uint64_t next_ms = UINT64_MAX;
    for (size_t i = 0; i < mine->count; i++) {
        const struct kr_client *client = mine->clients[i];
        if (client->is_runnable) {
            return 0;
        }
        if (client->deadline_ms != 0 && client->deadline_ms < next_ms) {
            next_ms = client->deadline_ms;
        }
    }
    if (next_ms == UINT64_MAX) {
        return -1;
    }
    uint64_t now_ms = kr_monotonic_ms();
    return next_ms > now_ms ? (int)(next_ms - now_ms) + 1 : 1;
}

static int wait_for_events(struct mine *mine, struct epoll_event *events, int max)
{
    const int ms = wait_ms(mine);
    if (ms == 0) {
        return epoll_wait(mine->epoll_fd, events, max, 0);
    }
    const uint64_t begin_us = kr_monotonic_us();
    int count = 0;
    while (mine->is_patient && count == 0 && kr_monotonic_us() - begin_us < PATIENCE_US) {
        count = epoll_wait(mine->epoll_fd, events, max, 0);
        if (count == 0) {
            (void)sched_yield(); /* who is to ask may wait for this very core */
        }
    }
    if (count == 0) {
        count = epoll_wait(mine->epoll_fd, events, max, ms);
    }
    mine->is_patient = mine->may_be_patient && kr_monotonic_us() - begin_us < PATIENCE_US;
    return count;
}

void *kr_reader_run(void *context)
{
    const struct kr_reader_thread *reader = context;
    struct mine mine = {.hub = reader->hub,
                        .epoll_fd = reader->epoll_fd,
                        .may_be_patient = sysconf(_SC_NPROCESSORS_ONLN) > 1, /* else nobody else could get on meanwhile */
                        .places = kr_places_new()};
    while (!atomic_load(&mine.hub->is_stopping)) {
        struct epoll_event events[64];
        int count = wait_for_events(&mine, events, sizeof events / sizeof events[0]);
        for (int i = 0; i < count; i++) {
            if (events[i].data.u64 == 0) {
                take_wake(&mine, reader->wake_fd);
            } else {
                take_event(&mine, &events[i]);
            }
        }
        uint64_t now_ms = kr_monotonic_ms();
        for (size_t i = 0; i < mine.count;) {
            struct kr_client *client = mine.clients[i];
            bool stays = !is_late(client, now_ms) && (!client->is_runnable || turn(mine.hub, client, mine.places));
            if (stays) {
                i++;
            } else {
                drop(&mine, i);
            }
        }
    }
    while (mine.count > 0) {
        drop(&mine, mine.count - 1);
    }
    kr_places_free(mine.places);
    return NULL;
}
