/* What clients say: bytes to frames, frames to queries and to events for the core. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "node/core/caller.h"
#include "node/core/roles.h"
#include "node/keeper/hub_state.h"
#include "node/keeper/log.h"

#define LENGTH_BYTES   4u
#define READ_BYTES_MIN (16u * KR_KIB)
#define HELD_BYTES_MAX (8u * KR_MIB)
#define HELD_SHARE     (HELD_BYTES_MAX / 4) /* one user's who is not the operator; as much is the operator's alone */

static size_t frame_length(const uint8_t *bytes)
{
    return (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
}

void kr_input_refuse(struct kr_client *client, enum kr_err code, const char *text)
{
    pthread_mutex_lock(&client->mutex);
    kr_client_say_error(client, 0, code, text);
    client->is_closing = true;
    pthread_mutex_unlock(&client->mutex);
    client->deadline_ms = kr_monotonic_ms() + KR_CLIENT_BYE_MS;
    client->in_len = 0;
}

void kr_input_resume(struct kr_hub *hub, struct kr_client *client)
{
    if (client->is_paused) {
        client->is_paused = false;
        atomic_fetch_sub(&hub->paused, 1);
        client->is_runnable = true;
    }
}

static void set_broken(struct kr_client *client)
{
    pthread_mutex_lock(&client->mutex);
    client->is_broken = true;
    pthread_mutex_unlock(&client->mutex);
}

void kr_input_read(struct kr_client *client)
{
    /* Room for the frame that has begun, and never less than a good mouthful. */
    size_t wanted = client->in_len + READ_BYTES_MIN;
    if (client->in_len >= LENGTH_BYTES) {
        size_t len = frame_length(client->in);
        size_t whole = LENGTH_BYTES + (len <= KR_CLIENT_FRAME_BYTES_MAX ? len : 0);
        wanted = whole > wanted ? whole : wanted;
    }
    if (wanted > client->in_capacity) {
        uint8_t *in = realloc(client->in, wanted);
        if (in == NULL) {
            kr_input_refuse(client, KR_NOMEM, "no memory for this request just now");
            return;
        }
        client->in = in;
        client->in_capacity = wanted;
    }
    const size_t room = client->in_capacity - client->in_len;
    ssize_t got = recv(client->fd, client->in + client->in_len, room, MSG_DONTWAIT);
    if (got > 0) {
        client->in_len += (size_t)got;
        client->is_readable = (size_t)got == room || client->is_hung_up; /* else what comes now wakes anew */
    } else if (got == 0) {
        set_broken(client); /* its end, also half of it: nobody is there to ask for more */
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        client->is_readable = false;
    } else if (errno != EINTR) {
        set_broken(client);
    }
}

/* ---- frames ---- */

static void take_hello(struct kr_hub *hub, struct kr_client *client, const struct kr_client_frame *hello)
{
    static _Thread_local struct kr_client_frame answer;
    char text[160], name[KR_NAME_BYTES_MAX + 1];
    if (client->has_hello) {
        kr_input_refuse(client, KR_MALFORMED, "hello was said already");
        return;
    }
    if (hello->version != KR_CLIENT_VERSION) {
        (void)snprintf(text, sizeof text,
                       "this node speaks version %u of the client protocol, the program version %u: update the older",
                       KR_CLIENT_VERSION, hello->version);
        kr_input_refuse(client, KR_VERSION, text);
        return;
    }
    client->has_hello = true;
    client->deadline_ms = 0;
    bool speaks_japanese = hello->text2.len >= 2 && memcmp(hello->text2.bytes, "ja", 2) == 0;
    pthread_mutex_lock(&hub->mutex);
    memcpy(answer.council, hub->council, sizeof answer.council);
    memcpy(name, speaks_japanese ? hub->name_ja : hub->name_en, sizeof name);
    pthread_mutex_unlock(&hub->mutex);
    answer.type = KR_CLIENT_HELLO;
    answer.version = KR_CLIENT_VERSION;
    answer.text = (struct kr_slice){(const uint8_t *)name, strlen(name)};
    pthread_mutex_lock(&client->mutex);
    client->speaks_japanese = speaks_japanese;
    kr_client_say(client, &answer);
    pthread_mutex_unlock(&client->mutex);
}

static bool must_pause(struct kr_hub *hub, struct kr_client *client, uint32_t op, size_t len)
{
    pthread_mutex_lock(&client->mutex);
    bool is_full = op == KR_OP_SUBMIT && client->submit_count >= KR_CLIENT_SUBMITS_MAX;
    pthread_mutex_unlock(&client->mutex);
    size_t charged = atomic_load(&hub->charged);
    return is_full || (charged > 0 && charged + len > KR_REQUEST_BYTES_MAX);
}

/* True where the request must wait for another's end. What ends between the look and the flag wakes nobody, hence the second look.
 */
static bool pause_if_full(struct kr_hub *hub, struct kr_client *client, uint32_t op, size_t len)
{
    if (!must_pause(hub, client, op, len)) {
        return false;
    }
    client->is_paused = true;
    atomic_fetch_add(&hub->paused, 1);
    if (must_pause(hub, client, op, len)) {
        return true;
    }
    client->is_paused = false;
    atomic_fetch_sub(&hub->paused, 1);
    return false;
}

void kr_hub_note(struct kr_hub *hub, const struct kr_client *client, uint32_t op)
{
    if (kr_lanes_put_event(hub->options.lanes, &(struct kr_event){.type = KR_EVENT_NOTED, .op = op, .caller = client->caller}) !=
        KR_OK) {
        kr_log(KR_LOG_ERROR, "no memory for an entry of the audit log: user %lu, request %u", (unsigned long)client->caller.uid,
               op);
    }
}

/* What the open questions of one user hold, over all its connections. */
static size_t held_by(struct kr_hub *hub, const struct kr_caller *caller)
{
    size_t held = 0;
    for (size_t i = 0; i < KR_CLIENTS_MAX; i++) {
        struct kr_client *client = &hub->clients[i];
        pthread_mutex_lock(&client->mutex);
        const bool is_meant =
            client->id != 0 && client->caller.is_guest && kr_caller_mark(&client->caller) == kr_caller_mark(caller);
        for (uint32_t j = 0; is_meant && j < client->request_count; j++) {
            held += client->requests[j]->is_query ? client->requests[j]->charged : 0;
        }
        pthread_mutex_unlock(&client->mutex);
    }
    return held;
}

/* A question whose answer nobody reads is held as long as its client likes. While little is held, nobody is counted. */
static bool has_room(struct kr_hub *hub, const struct kr_client *client, size_t len)
{
    const size_t all = atomic_load(&hub->held) + len;
    if (!client->caller.is_guest) {
        return all <= HELD_BYTES_MAX;
    }
    return all <= HELD_SHARE || (all <= HELD_BYTES_MAX - HELD_SHARE && held_by(hub, &client->caller) + len <= HELD_SHARE);
}

static enum kr_err add_query(struct kr_hub *hub, struct kr_client *client, const struct kr_client_frame *frame,
                             struct kr_error *error)
{
    struct kr_query query;
    struct kr_request *request = NULL;
    if (!has_room(hub, client, frame->payload.len)) {
        return kr_fail(error, KR_BUSY, "too many questions are open: read the answers of some first");
    }
    enum kr_err err = kr_query_init(&query, frame->op, frame->payload, client->speaks_japanese);
    if (err != KR_OK) {
        return kr_fail(error, err, "the request cannot be read");
    }
    query.caller = client->caller;
    pthread_mutex_lock(&client->mutex);
    err = kr_client_add(client, frame->number, frame->op, frame->credits, true, &request);
    if (err == KR_OK) {
        request->query = query;
        request->charged = frame->payload.len;
    }
    pthread_mutex_unlock(&client->mutex);
    if (err != KR_OK) {
        kr_query_deinit(&query);
        return kr_fail(error, err, "too many requests at a time on one connection");
    }
    atomic_fetch_add(&hub->held, frame->payload.len);
    if (kr_op_is_act(frame->op)) {
        kr_hub_note(hub, client, frame->op);
    }
    return KR_OK;
}

static enum kr_err add_event(struct kr_hub *hub, struct kr_client *client, const struct kr_client_frame *frame,
                             struct kr_error *error)
{
    const struct kr_event event = {.type = KR_EVENT_REQUEST,
                                   .client = client->id,
                                   .request = frame->number,
                                   .op = frame->op,
                                   .caller = client->caller,
                                   .speaks_japanese = client->speaks_japanese,
                                   .bytes = frame->payload};
    struct kr_item *item = kr_item_new(&event);
    if (item == NULL) {
        return kr_fail(error, KR_NOMEM, "no memory for this request just now: try again");
    }
    struct kr_request *request = NULL;
    pthread_mutex_lock(&client->mutex);
    enum kr_err err = kr_client_add(client, frame->number, frame->op, frame->credits, false, &request);
    if (err == KR_OK) {
        request->charged = frame->payload.len;
    }
    pthread_mutex_unlock(&client->mutex);
    if (err != KR_OK) {
        kr_item_free(item);
        return kr_fail(error, err, "too many requests at a time on one connection");
    }
    atomic_fetch_add(&hub->charged, frame->payload.len);
    kr_lanes_put(hub->options.lanes, item);
    return KR_OK;
}

/* False where it must wait. */
static bool take_request(struct kr_hub *hub, struct kr_client *client, const struct kr_client_frame *frame)
{
    bool is_query = kr_query_answers(frame->op);
    pthread_mutex_lock(&client->mutex);
    bool is_twice = kr_client_find(client, frame->number) != NULL;
    pthread_mutex_unlock(&client->mutex);
    if (is_twice) {
        kr_input_refuse(client, KR_MALFORMED, "a request's number is in use already");
        return true;
    }
    if (!is_query && pause_if_full(hub, client, frame->op, frame->payload.len)) {
        return false;
    }
    struct kr_error error = {0};
    enum kr_err err = is_query ? add_query(hub, client, frame, &error) : add_event(hub, client, frame, &error);
    if (err != KR_OK) {
        pthread_mutex_lock(&client->mutex);
        kr_client_say_error(client, frame->number, err, error.text);
        pthread_mutex_unlock(&client->mutex);
    }
    return true;
}

static void take_credit(struct kr_hub *hub, struct kr_client *client, const struct kr_client_frame *frame)
{
    size_t charged = 0;
    bool is_gone = false;
    pthread_mutex_lock(&client->mutex);
    struct kr_request *request = kr_client_find(client, frame->number);
    if (request != NULL) { /* else it has just ended */
        is_gone = kr_client_credit(client, request, frame->credits, &charged);
    }
    pthread_mutex_unlock(&client->mutex);
    if (is_gone) {
        kr_hub_release(hub, charged);
    }
}

static void take_cancel(struct kr_hub *hub, struct kr_client *client, uint64_t number)
{
    size_t charged = 0;
    pthread_mutex_lock(&client->mutex);
    struct kr_request *request = kr_client_find(client, number);
    bool is_query = request != NULL && request->is_query;
    if (request != NULL) {
        kr_client_say_error(client, number, KR_CANCELLED, "cancelled");
        charged = kr_client_remove(client, request);
    }
    pthread_mutex_unlock(&client->mutex);
    if (is_query) {
        atomic_fetch_sub(&hub->held, charged);
    } else if (request != NULL) {
        kr_hub_release(hub, charged);
        kr_lanes_must_put(hub->options.lanes, &(struct kr_event){.type = KR_EVENT_CANCEL, .client = client->id, .request = number});
    }
}

/* False where it must wait. */
static bool take_frame(struct kr_hub *hub, struct kr_client *client, const struct kr_client_frame *frame)
{
    if (!client->has_hello && frame->type != KR_CLIENT_HELLO) {
        kr_input_refuse(client, KR_MALFORMED, "hello comes first");
        return true;
    }
    switch (frame->type) {
    case KR_CLIENT_HELLO:
        take_hello(hub, client, frame);
        return true;
    case KR_CLIENT_REQUEST:
        return take_request(hub, client, frame);
    case KR_CLIENT_CREDIT:
        take_credit(hub, client, frame);
        return true;
    default:
        take_cancel(hub, client, frame->number);
        return true;
    }
}

void kr_input_take(struct kr_hub *hub, struct kr_client *client)
{
    static _Thread_local struct kr_client_frame frame;
    size_t at = 0;
    while (!client->is_paused && client->in_len - at >= LENGTH_BYTES) {
        const uint8_t *begin = client->in + at + LENGTH_BYTES;
        size_t len = frame_length(client->in + at);
        if (len == 0 || len > KR_CLIENT_FRAME_BYTES_MAX) {
            kr_input_refuse(client, KR_BOUNDS, "a frame must have between 1 byte and 512 KiB");
            return;
        }
        if (client->in_len - at - LENGTH_BYTES < len) {
            break;
        }
        if (kr_client_frame_read((struct kr_slice){begin, len}, true, &frame) != KR_OK) {
            kr_input_refuse(client, KR_MALFORMED, "this is no frame of the client protocol");
            return;
        }
        if (!take_frame(hub, client, &frame)) {
            break;
        }
        if (client->in_len == 0) {
            return; /* refused */
        }
        at += LENGTH_BYTES + len;
    }
    client->in_len -= at;
    if (client->in_len > 0) {
        memmove(client->in, client->in + at, client->in_len);
    } else if (client->in_capacity > READ_BYTES_MIN) {
        free(client->in);
        client->in = NULL;
        client->in_capacity = 0;
    }
    /* Who is paused has brought a whole frame and waits for us. */
    if (client->has_hello && (at > 0 || client->in_len == 0 || client->is_paused)) {
        client->deadline_ms = 0;
    }
    if (client->has_hello && client->in_len > 0 && client->deadline_ms == 0 && !client->is_paused) {
        client->deadline_ms = kr_monotonic_ms() + hub->options.frame_ms;
    }
}
