#include "node/keeper/pipe.h"

#include <poll.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "node/core/state.h"
#include "node/keeper/clock.h"
#include "node/keeper/dials.h"
#include "node/keeper/log.h"
#include "node/keeper/spawn.h"

#define STOP_MS 700 /* net itself stops within 500 */

_Static_assert(KR_NET_TRIAL == KR_NUMBER_TRIAL, "the core's number is net's");

enum state { RESTING, GREETING, BINDING, UP };

_Static_assert(KR_LEAVING_MAX <= KR_NET_LEAVING_MAX, "whatever list of peers the core makes, net can be told");

struct frame {
    struct frame *next;
    uint32_t number;
    uint8_t *bytes;
    size_t len;
};

struct kr_pipe {
    struct kr_pipe_options options;
    enum state state;
    struct kr_channel *channel;
    pid_t pid;
    uint64_t due_ms;     /* RESTING: start; GREETING, BINDING: give up */
    uint64_t backoff_ms; /* before the next start */
    uint64_t up_ms, first_start_ms;
    bool was_up; /* once, ever */
    struct kr_dials *dials;
    bool has_allow;
    uint64_t generation;
    uint32_t entry_count;
    struct kr_net_entry entries[KR_NET_ENTRIES_MAX];
    struct frame *waiting, **waiting_end;
    size_t waiting_bytes;
    struct kr_net_message in, out; /* large: not on the stack */
    pthread_mutex_t mutex;         /* for `facts` */
    struct kr_pipe_facts facts;
};

static void wake(void *context)
{
    kr_lanes_wake(context);
}

enum kr_err kr_pipe_new(const struct kr_pipe_options *options, struct kr_pipe **ret_pipe, struct kr_error *error)
{
    struct kr_pipe *pipe = calloc(1, sizeof *pipe);
    if (pipe == NULL) {
        return KR_NOMEM;
    }
    pipe->options = *options;
    pipe->waiting_end = &pipe->waiting;
    enum kr_err err = kr_dials_new(wake, options->lanes, &pipe->dials, error);
    if (err != KR_OK) {
        free(pipe);
        return err;
    }
    pthread_mutex_init(&pipe->mutex, NULL);
    *ret_pipe = pipe;
    return KR_OK;
}

static void publish_facts(struct kr_pipe *pipe, const char *endpoint, size_t len)
{
    pthread_mutex_lock(&pipe->mutex);
    pipe->facts.is_up = pipe->state == UP;
    pipe->facts.pid = pipe->pid;
    len = len < sizeof pipe->facts.endpoint ? len : sizeof pipe->facts.endpoint - 1;
    memcpy(pipe->facts.endpoint, endpoint, len);
    pipe->facts.endpoint[len] = 0;
    pthread_mutex_unlock(&pipe->mutex);
}

static void drop_waiting(struct kr_pipe *pipe)
{
    while (pipe->waiting != NULL) {
        struct frame *frame = pipe->waiting;
        pipe->waiting = frame->next;
        free(frame->bytes);
        free(frame);
    }
    pipe->waiting_end = &pipe->waiting;
    pipe->waiting_bytes = 0;
}

/* To RESTING, from wherever it is. */
static void fall(struct kr_pipe *pipe, const char *why, int grace_ms)
{
    char how[64] = "not started";
    bool was_up = pipe->state == UP;
    kr_channel_free(pipe->channel);
    pipe->channel = NULL;
    if (pipe->pid > 0) {
        kr_spawn_reap(pipe->pid, grace_ms, how, sizeof how);
    }
    pipe->pid = 0;
    pipe->state = RESTING;
    drop_waiting(pipe);
    kr_dials_forget_all(pipe->dials);
    uint64_t now_ms = kr_monotonic_ms();
    if (was_up && now_ms - pipe->up_ms >= KR_PIPE_STEADY_MS) {
        pipe->backoff_ms = 0;
    }
    pipe->due_ms = now_ms + pipe->backoff_ms;
    pipe->backoff_ms = pipe->backoff_ms == 0 ? KR_PIPE_BACKOFF_MS_MIN : pipe->backoff_ms * 2;
    pipe->backoff_ms = pipe->backoff_ms < KR_PIPE_BACKOFF_MS_MAX ? pipe->backoff_ms : KR_PIPE_BACKOFF_MS_MAX;
    publish_facts(pipe, "", 0);
    if (why != NULL) {
        pthread_mutex_lock(&pipe->mutex);
        pipe->facts.restarts++;
        pthread_mutex_unlock(&pipe->mutex);
        kr_log(KR_LOG_WARNING, "the net process is gone (%s, %s): it is started again, nothing is lost", why, how);
    }
    if (pipe->options.remote != NULL) {
        kr_remote_reset(pipe->options.remote);
    }
    if (was_up) {
        kr_lanes_drop_net(pipe->options.lanes);
        kr_lanes_must_put(pipe->options.lanes, &(struct kr_event){.type = KR_EVENT_NET_DOWN});
    }
}

/* Sends `pipe->out`; a channel that takes no control message any more is as good as broken. */
static void send_out(struct kr_pipe *pipe)
{
    if (pipe->channel != NULL && kr_channel_send(pipe->channel, &pipe->out) != KR_OK) {
        fall(pipe, "it does not take what it is told", 0);
    }
}

static void send_allow(struct kr_pipe *pipe)
{
    pipe->out = (struct kr_net_message){.type = KR_NET_ALLOW, .generation = pipe->generation, .entry_count = pipe->entry_count};
    memcpy(pipe->out.entries, pipe->entries, pipe->entry_count * sizeof pipe->entries[0]);
    send_out(pipe);
}

/* Only once the core has said whom to let in. */
static void start(struct kr_pipe *pipe)
{
    struct kr_error error = {0};
    int fd = -1;
    enum kr_err err = kr_spawn_net(pipe->options.program, &pipe->pid, &fd, &error);
    if (err == KR_OK) {
        err = kr_channel_new(fd, &pipe->channel);
    }
    if (err != KR_OK) {
        kr_log(KR_LOG_ERROR, "%s", error.text[0] != 0 ? error.text : kr_err_text(err));
        fall(pipe, "it cannot be started", 0);
        return;
    }
    pipe->state = GREETING;
    pipe->due_ms = kr_monotonic_ms() + KR_PIPE_GREETING_MS;
    if (pipe->first_start_ms == 0) {
        pipe->first_start_ms = kr_monotonic_ms();
    }
    publish_facts(pipe, "", 0);
    pipe->out = (struct kr_net_message){.type = KR_NET_SECRET, .has_secret = true};
    memcpy(pipe->out.secret, pipe->options.transport_secret, 32);
    memcpy(pipe->out.key, pipe->options.transport_public, 32);
    send_out(pipe);
    sodium_memzero(pipe->out.secret, sizeof pipe->out.secret);
    if (pipe->channel != NULL) {
        send_allow(pipe);
    }
}

static void go_up(struct kr_pipe *pipe, struct kr_slice endpoint)
{
    pipe->state = UP;
    pipe->due_ms = UINT64_MAX;
    pipe->up_ms = kr_monotonic_ms();
    pipe->was_up = true;
    publish_facts(pipe, (const char *)endpoint.bytes, endpoint.len);
    if (endpoint.len > 0) {
        kr_log(KR_LOG_NOTICE, "listening for peers on %.*s", (int)endpoint.len, (const char *)endpoint.bytes);
    } else {
        kr_log(KR_LOG_NOTICE, "not listening: this node only dials out (set listen in the configuration to change that)");
    }
    kr_lanes_must_put(pipe->options.lanes, &(struct kr_event){.type = KR_EVENT_NET_UP, .bytes = endpoint});
}

static void bind_or_go_up(struct kr_pipe *pipe)
{
    if (pipe->options.listen[0] == 0) {
        go_up(pipe, (struct kr_slice){(const uint8_t *)"", 0});
        return;
    }
    pipe->state = BINDING;
    pipe->out = (struct kr_net_message){.type = KR_NET_BIND};
    pipe->out.text = (struct kr_slice){(const uint8_t *)pipe->options.listen, strlen(pipe->options.listen)};
    send_out(pipe);
}

static enum kr_err take_bound(struct kr_pipe *pipe, struct kr_error *error)
{
    const struct kr_net_message *message = &pipe->in;
    if (message->frame.len == 0) {
        go_up(pipe, message->text);
        return KR_OK;
    }
    char why[200];
    if (!kr_slice_text(message->frame, why, sizeof why)) {
        why[0] = 0;
    }
    if (!pipe->was_up && kr_monotonic_ms() - pipe->first_start_ms > KR_PIPE_FIRST_BIND_MS) {
        return kr_fail(error, KR_IO, "cannot listen on %s (%s): give another address, or end the program that has it",
                       pipe->options.listen, why);
    }
    kr_log(KR_LOG_WARNING, "cannot listen on %s yet (%s): it is tried again", pipe->options.listen, why);
    fall(pipe, "it could not listen", STOP_MS);
    return KR_OK;
}

static void log_refused(const struct kr_net_message *message)
{
    char hex[17];
    sodium_bin2hex(hex, sizeof hex, message->key, 8);
    kr_log(KR_LOG_NOTICE,
           "%llu connections with the unknown key %s... were refused: no peer of ours, or one whose key we have not yet",
           (unsigned long long)message->count, hex);
}

static enum kr_err take_message(struct kr_pipe *pipe, struct kr_error *error)
{
    const struct kr_net_message *message = &pipe->in;
    switch (message->type) {
    case KR_NET_ALLOWED:
        if (pipe->state == GREETING && message->generation == pipe->generation) {
            bind_or_go_up(pipe);
        }
        return KR_OK;
    case KR_NET_BOUND:
        return pipe->state == BINDING ? take_bound(pipe, error) : KR_OK;
    case KR_NET_LOST:
        kr_lanes_must_put(pipe->options.lanes, &(struct kr_event){.type = KR_EVENT_LOST, .number = message->number});
        return KR_OK;
    case KR_NET_TURNED_AWAY:
        kr_lanes_must_put(pipe->options.lanes, &(struct kr_event){.type = KR_EVENT_TURNED_AWAY, .number = message->number});
        return KR_OK;
    case KR_NET_UNREACHED:
        kr_lanes_must_put(pipe->options.lanes, &(struct kr_event){.type = KR_EVENT_UNREACHED, .number = message->number});
        return KR_OK;
    case KR_NET_CONNECTED:
        kr_lanes_must_put(pipe->options.lanes, &(struct kr_event){.type = KR_EVENT_CONNECTED, .number = message->number});
        return KR_OK;
    case KR_NET_LOG:
        kr_log((enum kr_log_level)message->count, "net: %.*s", (int)message->text.len, (const char *)message->text.bytes);
        return KR_OK;
    case KR_NET_REFUSED:
        log_refused(message);
        return KR_OK;
    case KR_NET_FRAME:
        if (pipe->state == UP) {
            kr_lanes_must_put(pipe->options.lanes,
                              &(struct kr_event){.type = KR_EVENT_FRAME, .number = message->number, .bytes = message->frame});
        }
        return KR_OK;
    case KR_NET_CLIENT_FRAME:
        if (pipe->options.remote != NULL) {
            kr_remote_take(pipe->options.remote, message->number, message->frame);
        }
        return KR_OK;
    case KR_NET_CLIENT_GONE:
        if (pipe->options.remote != NULL) {
            kr_remote_gone(pipe->options.remote, message->number);
        }
        return KR_OK;
    default:
        return KR_OK; /* READY says nothing that we wait for */
    }
}

/* Of a struct of 20 KiB only what a frame has is set: frames are many. */
static enum kr_err send_frame(struct kr_pipe *pipe, uint32_t number, const uint8_t *bytes, size_t len)
{
    pipe->out.type = KR_NET_FRAME;
    pipe->out.number = number;
    pipe->out.frame = (struct kr_slice){bytes, len};
    return kr_channel_send(pipe->channel, &pipe->out);
}

/* Frames keep their order: none goes before those that wait. */
static void send_waiting(struct kr_pipe *pipe)
{
    while (pipe->waiting != NULL && pipe->channel != NULL) {
        struct frame *frame = pipe->waiting;
        if (send_frame(pipe, frame->number, frame->bytes, frame->len) != KR_OK) {
            return;
        }
        pipe->waiting = frame->next;
        pipe->waiting_end = frame->next == NULL ? &pipe->waiting : pipe->waiting_end;
        pipe->waiting_bytes -= frame->len;
        free(frame->bytes);
        free(frame);
    }
}

/* What clients from afar are to be told, as far as their lane has room: the rest waits, and they are not read meanwhile. */
static void send_remote(struct kr_pipe *pipe)
{
    struct kr_remote_word word;
    while (pipe->options.remote != NULL && pipe->channel != NULL && kr_remote_next(pipe->options.remote, &word)) {
        pipe->out.type = word.type;
        pipe->out.number = word.connection;
        pipe->out.frame = word.frame;
        pipe->out.count = word.frames;
        pipe->out.generation = word.bytes;
        enum kr_err err = kr_channel_send(pipe->channel, &pipe->out);
        if (err == KR_BUSY) {
            return;
        }
        if (err == KR_OK && word.type == KR_NET_CLIENT_TAKEN) {
            err = kr_channel_dealt(pipe->channel, KR_LANE_CLIENT, word.frames, word.bytes);
        }
        kr_remote_told(pipe->options.remote);
        if (err != KR_OK) {
            fall(pipe, "it does not take what it is told", 0);
        }
    }
}

enum kr_err kr_pipe_turn(struct kr_pipe *pipe, struct kr_error *error)
{
    uint64_t now_ms = pipe->due_ms == UINT64_MAX ? 0 : kr_monotonic_ms();
    if (pipe->state == RESTING && pipe->has_allow && now_ms >= pipe->due_ms) {
        start(pipe);
    } else if ((pipe->state == GREETING || pipe->state == BINDING) && now_ms >= pipe->due_ms) {
        fall(pipe, "it did not begin to work in time", 0);
    }
    if (pipe->channel == NULL) {
        return KR_OK;
    }
    while (pipe->state == UP && kr_dials_next(pipe->dials, &pipe->out)) {
        send_out(pipe);
        sodium_memzero(pipe->out.secret, sizeof pipe->out.secret);
    }
    send_waiting(pipe);
    send_remote(pipe);
    enum kr_err err = pipe->channel == NULL ? KR_OK : kr_channel_pump(pipe->channel);
    /* What arrived before the end is taken, too: log lines say why it died. */
    bool is_ended = err != KR_OK, is_nonsense = false;
    err = KR_OK;
    /* Never more than the core takes in: a net gone mad must neither fill the lanes nor keep the core from its other work. */
    for (unsigned i = 0; i < KR_PIPE_MESSAGES_A_TURN && err == KR_OK && pipe->channel != NULL; i++) {
        if (i > 0 && pipe->state == UP && kr_lanes_count(pipe->options.lanes, KR_CORE_LANE_CONTROL) > KR_PIPE_MESSAGES_A_TURN) {
            break;
        }
        enum kr_err received = kr_channel_receive(pipe->channel, &pipe->in);
        if (received != KR_OK) {
            is_nonsense = received != KR_NOT_FOUND;
            break;
        }
        err = take_message(pipe, error);
    }
    bool is_over = is_nonsense || (is_ended && pipe->channel != NULL && !kr_channel_has_message(pipe->channel));
    if (is_over && pipe->channel != NULL && err == KR_OK) {
        fall(pipe, "it ended", 0);
    }
    return err;
}

enum kr_err kr_pipe_allow(struct kr_pipe *pipe, struct kr_slice bytes)
{
    struct kr_net_message *message = &pipe->in; /* free between turns */
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    uint32_t count = kr_reader_array_between(&reader, 0, KR_NET_ENTRIES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        kr_reader_array(&reader, 3);
        message->entries[i].number = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
        message->entries[i].kind = (uint32_t)kr_reader_uint(&reader, KR_NET_PERSON);
        kr_reader_fixed(&reader, message->entries[i].key, sizeof message->entries[i].key);
        kr_reader_close(&reader);
    }
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err != KR_OK) {
        return err;
    }
    memcpy(pipe->entries, message->entries, count * sizeof pipe->entries[0]);
    pipe->entry_count = count;
    if (pipe->options.remote != NULL) {
        err = kr_remote_allow(pipe->options.remote, pipe->entries, count);
        if (err != KR_OK) {
            return err;
        }
    }
    pipe->generation++; /* ours: a core that was made anew counts from the beginning again */
    pipe->has_allow = true;
    if (pipe->channel != NULL) {
        send_allow(pipe);
    }
    return KR_OK;
}

enum kr_err kr_pipe_dial(struct kr_pipe *pipe, uint32_t number, struct kr_slice dial)
{
    return pipe->state == UP ? kr_dials_put(pipe->dials, number, dial) : KR_OK;
}

void kr_pipe_set_ways(struct kr_pipe *pipe, struct kr_detours *ways)
{
    kr_dials_set_ways(pipe->dials, ways);
}

void kr_pipe_hangup(struct kr_pipe *pipe, uint32_t number)
{
    kr_dials_forget(pipe->dials, number);
    if (pipe->state == UP) {
        pipe->out = (struct kr_net_message){.type = KR_NET_HANGUP, .number = number};
        send_out(pipe);
    }
}

void kr_pipe_send(struct kr_pipe *pipe, uint32_t number, uint8_t *bytes, size_t len)
{
    if (pipe->state != UP) {
        free(bytes);
        return;
    }
    if (pipe->waiting == NULL) {
        if (send_frame(pipe, number, bytes, len) == KR_OK) {
            free(bytes);
            return;
        }
    }
    bool fits = len <= KR_FRAME_BYTES_MAX && pipe->waiting_bytes + len <= KR_PIPE_WAITING_BYTES_MAX;
    struct frame *frame = fits ? malloc(sizeof *frame) : NULL;
    if (frame == NULL) {
        free(bytes);
        kr_lanes_must_put(pipe->options.lanes, &(struct kr_event){.type = KR_EVENT_LOST, .number = number});
        return;
    }
    *frame = (struct frame){.number = number, .bytes = bytes, .len = len};
    *pipe->waiting_end = frame;
    pipe->waiting_end = &frame->next;
    pipe->waiting_bytes += len;
}

void kr_pipe_dealt(struct kr_pipe *pipe, size_t frames, size_t bytes)
{
    if (pipe->channel != NULL && kr_channel_dealt(pipe->channel, KR_LANE_DATA, frames, bytes) != KR_OK) {
        fall(pipe, "it does not take what it is told", 0);
    }
}

int kr_pipe_fd(const struct kr_pipe *pipe)
{
    return pipe->channel == NULL ? -1 : kr_channel_fd(pipe->channel);
}

short kr_pipe_poll_events(const struct kr_pipe *pipe)
{
    return pipe->channel != NULL && kr_channel_wants_write(pipe->channel) ? POLLIN | POLLOUT : POLLIN;
}

bool kr_pipe_has_input(const struct kr_pipe *pipe)
{
    struct pollfd poller = {.fd = kr_pipe_fd(pipe), .events = POLLIN};
    return poll(&poller, 1, 0) > 0;
}

uint64_t kr_pipe_due_ms(const struct kr_pipe *pipe)
{
    if (pipe->channel != NULL && kr_channel_has_message(pipe->channel)) {
        return 0;
    }
    return pipe->state == RESTING && !pipe->has_allow ? UINT64_MAX : pipe->due_ms;
}

void kr_pipe_facts(struct kr_pipe *pipe, struct kr_pipe_facts *ret_facts)
{
    pthread_mutex_lock(&pipe->mutex);
    *ret_facts = pipe->facts;
    pthread_mutex_unlock(&pipe->mutex);
}

/* Net sends what is queued, then ends, which closes the channel. */
static void say_stop(struct kr_pipe *pipe)
{
    uint64_t until_ms = kr_monotonic_ms() + STOP_MS;
    pipe->out = (struct kr_net_message){.type = KR_NET_STOP};
    enum kr_err err = kr_channel_send(pipe->channel, &pipe->out);
    for (uint64_t now_ms = kr_monotonic_ms(); err == KR_OK && now_ms < until_ms; now_ms = kr_monotonic_ms()) {
        err = kr_channel_pump(pipe->channel);
        if (err == KR_OK) {
            struct pollfd poller = {.fd = kr_pipe_fd(pipe), .events = kr_pipe_poll_events(pipe)};
            (void)poll(&poller, 1, (int)(until_ms - now_ms));
        }
    }
}

void kr_pipe_renew(struct kr_pipe *pipe)
{
    if (pipe->channel != NULL) {
        send_waiting(pipe);
    }
    if (pipe->channel != NULL) {
        say_stop(pipe);
        fall(pipe, NULL, 100);
    }
}

void kr_pipe_free(struct kr_pipe *pipe)
{
    if (pipe == NULL) {
        return;
    }
    if (pipe->channel != NULL) {
        say_stop(pipe);
        pipe->state = GREETING; /* nobody is left to be told that it is down */
        fall(pipe, NULL, 100);
    }
    drop_waiting(pipe);
    kr_dials_free(pipe->dials);
    pthread_mutex_destroy(&pipe->mutex);
    free(pipe);
}
