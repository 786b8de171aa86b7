#include "node/keeper/hub.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/core/caller.h"
#include "node/keeper/hub_state.h"
#include "node/keeper/log.h"

/* ---- life ---- */

static enum kr_err start_reader(struct kr_hub *hub, unsigned index, struct kr_error *error)
{
    struct kr_reader_thread *reader = &hub->readers[index];
    *reader = (struct kr_reader_thread){.hub = hub, .index = index};
    reader->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    reader->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event wake = {.events = EPOLLIN, .data.u64 = 0};
    int reason = 0;
    if (reader->epoll_fd < 0 || reader->wake_fd < 0 || epoll_ctl(reader->epoll_fd, EPOLL_CTL_ADD, reader->wake_fd, &wake) != 0) {
        reason = errno;
    } else {
        reason = pthread_create(&reader->thread, NULL, kr_reader_run, reader);
    }
    if (reason != 0) {
        (void)(reader->epoll_fd >= 0 && close(reader->epoll_fd));
        (void)(reader->wake_fd >= 0 && close(reader->wake_fd));
        return kr_fail(error, KR_SYSTEM, "cannot start a thread for clients: %s", strerror(reason));
    }
    return KR_OK;
}

enum kr_err kr_hub_new(const struct kr_hub_options *options, struct kr_hub **ret_hub, struct kr_error *error)
{
    struct kr_hub *hub = calloc(1, sizeof *hub);
    if (hub == NULL) {
        return KR_NOMEM;
    }
    hub->options = *options;
    hub->options.hello_ms = options->hello_ms == 0 ? KR_CLIENT_HELLO_MS : options->hello_ms;
    hub->options.frame_ms = options->frame_ms == 0 ? KR_CLIENT_FRAME_MS : options->frame_ms;
    hub->next_id = KR_CLIENTS_MAX; /* no id is 0 */
    pthread_mutex_init(&hub->mutex, NULL);
    for (size_t i = 0; i < KR_CLIENTS_MAX; i++) {
        pthread_mutex_init(&hub->clients[i].mutex, NULL);
        hub->clients[i].fd = -1;
        kr_outbuf_init(&hub->clients[i].out, KR_CLIENT_OUT_BYTES_MAX);
    }
    for (; hub->reader_count < KR_READERS; hub->reader_count++) {
        enum kr_err err = start_reader(hub, hub->reader_count, error);
        if (err != KR_OK) {
            kr_hub_free(hub);
            return err;
        }
    }
    *ret_hub = hub;
    return KR_OK;
}

static void wake_readers(struct kr_hub *hub)
{
    const uint64_t one = 1;
    for (unsigned i = 0; i < hub->reader_count; i++) {
        if (write(hub->readers[i].wake_fd, &one, sizeof one) < 0) {
            continue; /* its counter is full, so it is awake already */
        }
    }
}

void kr_hub_free(struct kr_hub *hub)
{
    if (hub == NULL) {
        return;
    }
    atomic_store(&hub->is_stopping, true);
    wake_readers(hub);
    for (unsigned i = 0; i < hub->reader_count; i++) {
        pthread_join(hub->readers[i].thread, NULL);
        (void)close(hub->readers[i].epoll_fd);
        (void)close(hub->readers[i].wake_fd);
    }
    for (size_t i = 0; i < KR_CLIENTS_MAX; i++) {
        if (hub->clients[i].fd >= 0) {
            (void)close(hub->clients[i].fd); /* came while the threads were ending */
        }
        pthread_mutex_destroy(&hub->clients[i].mutex);
    }
    pthread_mutex_destroy(&hub->mutex);
    free(hub);
}

static void copy_name(char *ret_name, struct kr_slice name)
{
    size_t len = name.len <= KR_NAME_BYTES_MAX ? name.len : kr_utf8_whole(name.bytes, KR_NAME_BYTES_MAX);
    if (len > 0) {
        memcpy(ret_name, name.bytes, len);
    }
    ret_name[len] = 0;
}

void kr_hub_set_identity(struct kr_hub *hub, const uint8_t council[static 32], struct kr_slice name_ja, struct kr_slice name_en)
{
    pthread_mutex_lock(&hub->mutex);
    memcpy(hub->council, council, 32);
    copy_name(hub->name_ja, name_ja.len > 0 ? name_ja : name_en);
    copy_name(hub->name_en, name_en.len > 0 ? name_en : name_ja);
    pthread_mutex_unlock(&hub->mutex);
}

/* ---- newcomers ---- */

/* One error frame for somebody who gets no slot. */
static void turn_away(int fd, enum kr_err code, const char *text)
{
    struct kr_client stranger = {.fd = fd, .epoll_fd = -1};
    kr_outbuf_init(&stranger.out, KR_CLIENT_OUT_BYTES_MAX);
    kr_client_say_error(&stranger, 0, code, text);
    kr_outbuf_deinit(&stranger.out);
    (void)close(fd);
}

static bool find_caller(int fd, struct kr_caller *ret_caller)
{
    struct ucred who;
    socklen_t size = sizeof who;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) {
        return false;
    }
    *ret_caller = (struct kr_caller){.is_guest = who.uid != geteuid() && who.uid != 0, .uid = who.uid};
    return true;
}

/* Whether a card of the council names that user or key. One who may do nothing just now gets in and is told so. */
static enum kr_err is_person(struct kr_hub *hub, const struct kr_caller *caller, bool *ret_is_person)
{
    struct kr_txn *txn = NULL;
    struct kr_who who = {0};
    enum kr_err err = kr_store_read_begin(hub->options.store, &txn);
    if (err == KR_OK) {
        err = kr_who_find(txn, caller, kr_clock_now_ms(hub->options.clock), &who);
        kr_txn_abort(txn);
    }
    *ret_is_person = err == KR_OK && (who.facts.is_person || who.facts.has_ticket);
    return err;
}

static uint32_t count_of(struct kr_hub *hub, const struct kr_caller *caller)
{
    uint32_t count = 0;
    for (size_t i = 0; i < KR_CLIENTS_MAX; i++) {
        struct kr_client *client = &hub->clients[i];
        pthread_mutex_lock(&client->mutex);
        count += client->id != 0 && client->caller.is_guest && kr_caller_mark(&client->caller) == kr_caller_mark(caller);
        pthread_mutex_unlock(&client->mutex);
    }
    return count;
}

static void turn_stranger_away(int fd, const struct kr_caller *caller)
{
    if (caller->has_key) {
        turn_away(fd, KR_DENIED,
                  "this machine's key is no person's of this council (any more): an admin of it can have the machine enrolled anew "
                  "with `kairan person enrol`");
        return;
    }
    kr_log(KR_LOG_WARNING,
           "user %lu tried to connect and was refused: it is neither the node's own user nor a person of the council",
           (unsigned long)caller->uid);
    turn_away(fd, KR_DENIED, kr_role_text(KR_ROLE_DENY_STRANGER, 0));
}

/* True where it may stay; else it was told why not, and is gone. */
static bool admit(struct kr_hub *hub, int fd, const struct kr_caller *caller)
{
    bool may_stay = false;
    enum kr_err err = caller->is_guest ? is_person(hub, caller, &may_stay) : KR_OK;
    if (err != KR_OK) {
        turn_away(fd, err, "the node cannot look up who you are: try again");
    } else if (caller->is_guest && !may_stay) {
        turn_stranger_away(fd, caller);
    } else if (caller->has_key && count_of(hub, caller) >= KR_REMOTE_KEY_CLIENTS_MAX) {
        turn_away(fd, KR_BUSY, "your machine has too many connections: end one");
    } else if (caller->is_guest && count_of(hub, caller) >= KR_CLIENTS_USER_MAX) {
        turn_away(fd, KR_BUSY, "your user has too many connections: end one");
    } else {
        return true;
    }
    return false;
}

void kr_hub_accept(struct kr_hub *hub, int fd)
{
    struct kr_caller caller = {0};
    if (find_caller(fd, &caller)) {
        kr_hub_adopt(hub, fd, &caller);
    } else {
        turn_away(fd, KR_SYSTEM, "the system does not say who connects");
    }
}

void kr_hub_adopt(struct kr_hub *hub, int fd, const struct kr_caller *caller)
{
    if (!admit(hub, fd, caller)) {
        return;
    }
    for (size_t tries = 0; tries < KR_CLIENTS_MAX; tries++) {
        uint64_t id = atomic_fetch_add(&hub->next_id, 1);
        struct kr_client *client = kr_hub_slot(hub, id);
        pthread_mutex_lock(&client->mutex);
        bool is_free = client->id == 0, is_watched = false;
        if (is_free) {
            client->id = id;
            client->fd = fd;
            client->caller = *caller;
            client->epoll_fd = hub->readers[id % KR_READERS].epoll_fd;
            client->is_broken = client->is_closing = client->has_hello = client->speaks_japanese = false;
            client->is_corked = client->is_hung_up = false;
            client->deadline_ms = kr_monotonic_ms() + hub->options.hello_ms;
            is_watched = kr_client_watch(client, true) == KR_OK;
            if (!is_watched) {
                client->id = 0;
                client->fd = -1;
            }
        }
        pthread_mutex_unlock(&client->mutex);
        if (is_free && !is_watched) {
            turn_away(fd, KR_SYSTEM, "the node cannot watch another connection");
        }
        if (is_free) {
            return;
        }
    }
    kr_log(KR_LOG_WARNING, "a client was refused: %u are connected already, no more fit", KR_CLIENTS_MAX);
    turn_away(fd, KR_BUSY, "too many clients are connected: end one, or try again later");
}

/* ---- the core's answers ---- */

void kr_hub_release(struct kr_hub *hub, size_t charged)
{
    atomic_fetch_sub(&hub->charged, charged);
    if (atomic_load(&hub->paused) > 0) {
        wake_readers(hub);
    }
}

/* Locked, or NULL where client or request are gone. */
static struct kr_client *lock_request(struct kr_hub *hub, uint64_t id, uint64_t number, struct kr_request **ret_request)
{
    struct kr_client *client = kr_hub_slot(hub, id);
    pthread_mutex_lock(&client->mutex);
    struct kr_request *request = id != 0 && client->id == id ? kr_client_find(client, number) : NULL;
    if (request == NULL || request->is_query || request->is_ended) {
        pthread_mutex_unlock(&client->mutex);
        return NULL;
    }
    *ret_request = request;
    return client;
}

static void finish(struct kr_hub *hub, uint64_t id, uint64_t number, enum kr_err code, struct kr_slice result)
{
    struct kr_request *request = NULL;
    struct kr_client *client = lock_request(hub, id, number, &request);
    if (client == NULL) {
        return;
    }
    size_t charged = 0;
    bool is_gone = kr_client_end(client, request, code, result, &charged);
    pthread_mutex_unlock(&client->mutex);
    if (is_gone) {
        kr_hub_release(hub, charged);
    }
}

void kr_hub_end(struct kr_hub *hub, uint64_t client, uint64_t request, struct kr_slice result)
{
    finish(hub, client, request, KR_OK, result);
}

void kr_hub_error(struct kr_hub *hub, uint64_t client, uint64_t request, enum kr_err code, const char *text)
{
    finish(hub, client, request, code, (struct kr_slice){(const uint8_t *)text, strlen(text)});
}

/* The core is to forget a request that we have answered for it. */
static void tell_cancelled(struct kr_hub *hub, uint64_t client, uint64_t request)
{
    kr_lanes_must_put(hub->options.lanes, &(struct kr_event){.type = KR_EVENT_CANCEL, .client = client, .request = request});
}

void kr_hub_item(struct kr_hub *hub, uint64_t id, uint64_t number, struct kr_slice item)
{
    struct kr_request *request = NULL;
    struct kr_client *client = lock_request(hub, id, number, &request);
    if (client == NULL) {
        return;
    }
    enum kr_err err = kr_page_add(&request->page, item);
    if (err == KR_BOUNDS) {
        kr_client_flush_page(client, request);
        err = kr_page_add(&request->page, item);
    }
    pthread_mutex_unlock(&client->mutex);
    hub->is_touched[id % KR_CLIENTS_MAX] = true;
    if (err != KR_OK) {
        /* More news than its credits let through: it gets what it has credit for, and learns that it has missed some. */
        kr_hub_error(hub, id, number, err, "some were left out: ask again, and grant credits sooner");
        tell_cancelled(hub, id, number);
    }
}

void kr_hub_flush(struct kr_hub *hub)
{
    for (size_t slot = 0; slot < KR_CLIENTS_MAX; slot++) {
        if (!hub->is_touched[slot]) {
            continue;
        }
        hub->is_touched[slot] = false;
        struct kr_client *client = &hub->clients[slot];
        pthread_mutex_lock(&client->mutex);
        for (uint32_t i = 0; i < client->request_count; i++) {
            if (!client->requests[i]->is_query) {
                kr_client_flush_page(client, client->requests[i]);
            }
        }
        pthread_mutex_unlock(&client->mutex);
    }
}

uint32_t kr_hub_op(struct kr_hub *hub, uint64_t id, uint64_t number)
{
    struct kr_request *request = NULL;
    struct kr_client *client = lock_request(hub, id, number, &request);
    uint32_t op = 0;
    if (client != NULL) {
        op = request->op;
        pthread_mutex_unlock(&client->mutex);
    }
    return op;
}

void kr_hub_end_standing(struct kr_hub *hub, enum kr_err code, const char *text)
{
    for (size_t slot = 0; slot < KR_CLIENTS_MAX; slot++) {
        struct kr_client *client = &hub->clients[slot];
        uint64_t numbers[KR_CLIENT_OTHERS_MAX], id = 0;
        uint32_t count = 0;
        pthread_mutex_lock(&client->mutex);
        id = client->id;
        for (uint32_t i = 0; id != 0 && i < client->request_count && count < KR_CLIENT_OTHERS_MAX; i++) {
            uint32_t op = client->requests[i]->op;
            if (op == KR_OP_WATCH || op == KR_OP_JOIN) {
                numbers[count++] = client->requests[i]->number;
            }
        }
        pthread_mutex_unlock(&client->mutex);
        for (uint32_t i = 0; i < count; i++) {
            kr_hub_error(hub, id, numbers[i], code, text);
            tell_cancelled(hub, id, numbers[i]);
        }
    }
}
