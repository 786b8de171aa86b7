#include "tools/client/afar.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "proto/wire/remote.h"

#define MONITOR     "inproc://kairan.afar"
#define HWM         64 /* frames: more than either side has under way */
#define PAUSE_MS    100
#define LEAVE_MS    200 /* for the word that nothing more comes: its place at the node is free at once */
#define FRAME_BYTES (KR_REMOTE_DOWN_BYTES + KR_REMOTE_MORE_BYTES)
#define IN_BYTES    (KR_REMOTE_DOWN_FRAMES * KR_REMOTE_DOWN_BYTES)

struct kr_afar {
    void *context, *socket, *monitor;
    int fd; /* the thread's end of the pair */
    pthread_t thread;
    bool is_started, is_over; /* is_over: nothing more comes from the node */
    struct kr_session session;
    uint8_t *in; /* bytes that the other end has no room for yet */
    size_t in_at, in_len;
    uint32_t in_parts, out_parts; /* with bytes: not said to be taken; not heard to be taken */
    uint8_t plain[FRAME_BYTES], frame[FRAME_BYTES];
};

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- sockets ---- */

/* ZeroMQ's thread waits for ever with an event that nobody can read any more: events end before their reader. */
static void hang_up(struct kr_afar *afar)
{
    if (afar->monitor != NULL) {
        (void)zmq_socket_monitor(afar->socket, NULL, 0);
        (void)zmq_close(afar->monitor);
    }
    if (afar->socket != NULL) {
        (void)zmq_close(afar->socket);
    }
    afar->socket = afar->monitor = NULL;
}

static bool set_options(void *socket, const struct kr_afar_target *target)
{
    static const struct {
        int name, value;
    } options[] = {
        {ZMQ_SNDHWM, HWM},
        {ZMQ_RCVHWM, HWM},
        {ZMQ_LINGER, 0},
        {ZMQ_IPV6, 1},
        {ZMQ_RECONNECT_IVL, -1}, /* a connection that ended took its session with it */
        {ZMQ_HANDSHAKE_IVL, 10000},
        {ZMQ_CONNECT_TIMEOUT, 10000},
        {ZMQ_HEARTBEAT_IVL, 10000},
        {ZMQ_HEARTBEAT_TTL, 30000},
        {ZMQ_HEARTBEAT_TIMEOUT, 20000},
        {ZMQ_TCP_KEEPALIVE, 1},
    };
    const int64_t message_bytes_max = KR_FRAME_BYTES_MAX;
    bool is_set = zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &message_bytes_max, sizeof message_bytes_max) == 0 &&
                  zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, target->transport_public, 32) == 0 &&
                  zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, target->public_key, 32) == 0 &&
                  zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, target->secret, 32) == 0;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        is_set = zmq_setsockopt(socket, options[i].name, &options[i].value, sizeof options[i].value) == 0 && is_set;
    }
    return is_set;
}

static enum kr_err dial(struct kr_afar *afar, const struct kr_afar_target *target, struct kr_error *error)
{
    static const int no_linger = 0;
    const int events = ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                       ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
    afar->socket = zmq_socket(afar->context, ZMQ_DEALER);
    const bool is_ready =
        afar->socket != NULL && set_options(afar->socket, target) && zmq_socket_monitor(afar->socket, MONITOR, events) == 0 &&
        (afar->monitor = zmq_socket(afar->context, ZMQ_PAIR)) != NULL &&
        zmq_setsockopt(afar->monitor, ZMQ_LINGER, &no_linger, sizeof no_linger) == 0 && zmq_connect(afar->monitor, MONITOR) == 0;
    if (is_ready && zmq_connect(afar->socket, target->endpoint) == 0) {
        return KR_OK;
    }
    enum kr_err err = is_ready
                          ? kr_fail(error, KR_INVALID, "%.256s cannot be dialled: %s", target->endpoint, zmq_strerror(zmq_errno()))
                          : kr_fail(error, KR_SYSTEM, "no socket: %s", zmq_strerror(zmq_errno()));
    hang_up(afar);
    return err;
}

/* What the monitor tells first; 0: nothing. */
static uint16_t take_event(void *monitor)
{
    uint16_t event = 0;
    int more = 1;
    for (bool is_first = true; more; is_first = false) {
        zmq_msg_t part;
        (void)zmq_msg_init(&part);
        if (zmq_msg_recv(&part, monitor, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&part);
            return event;
        }
        more = zmq_msg_more(&part);
        if (is_first && zmq_msg_size(&part) >= sizeof event) {
            memcpy(&event, zmq_msg_data(&part), sizeof event);
        }
        (void)zmq_msg_close(&part);
    }
    return event;
}

/* One message of one part; length 0 where none waits, or it is none of this protocol's. */
static size_t take_message(void *socket, uint8_t *ret, size_t size)
{
    size_t len = 0;
    int more = 1;
    for (bool is_first = true; more; is_first = false) {
        zmq_msg_t part;
        (void)zmq_msg_init(&part);
        if (zmq_msg_recv(&part, socket, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&part);
            return 0;
        }
        more = zmq_msg_more(&part);
        len = is_first && !more && zmq_msg_size(&part) <= size ? zmq_msg_size(&part) : 0;
        if (len > 0) {
            memcpy(ret, zmq_msg_data(&part), len);
        }
        (void)zmq_msg_close(&part);
    }
    return len;
}

/* ---- the way there ---- */

/* Until an answer lies in `ret` (KR_OK), or none will: KR_DENIED not admitted, KR_NOT_FOUND nobody, KR_CLOSED it hung up. */
static enum kr_err await_answer(struct kr_afar *afar, int64_t deadline_ms, uint8_t *ret, size_t size, size_t *ret_len)
{
    for (;;) {
        zmq_pollitem_t items[] = {{.socket = afar->socket, .events = ZMQ_POLLIN}, {.socket = afar->monitor, .events = ZMQ_POLLIN}};
        const int64_t left_ms = deadline_ms - now_ms();
        if (left_ms <= 0) {
            return KR_TIMEOUT;
        }
        if (zmq_poll(items, 2, (long)left_ms) < 0 && zmq_errno() != EINTR) {
            return KR_SYSTEM;
        }
        *ret_len = take_message(afar->socket, ret, size);
        if (*ret_len > 0) {
            return KR_OK;
        }
        switch (take_event(afar->monitor)) {
        case 0:
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
            return KR_DENIED;
        case ZMQ_EVENT_CLOSED: /* before there was a connection */
            return KR_NOT_FOUND;
        default:
            return KR_CLOSED;
        }
    }
}

static enum kr_err explain(enum kr_err err, const struct kr_afar_target *target, struct kr_error *error)
{
    switch (err) {
    case KR_NOT_FOUND:
        return kr_fail(error, err,
                       "nobody listens on %.256s: does the node run, is this machine on the network, and does a firewall let it "
                       "through?",
                       target->endpoint);
    case KR_DENIED:
        return kr_fail(
            error, err,
            "the node does not admit this key: a ticket that was used or has expired, one that another node of the council made a "
            "moment ago (try again in a minute), or a machine that was unbound. Ask an admin of the council for a ticket (`kairan "
            "person enrol`)");
    case KR_CLOSED:
        return kr_fail(
            error, err,
            "%.256s hung up before it proved to be the node: something else listens there, a proxy is in between, or the "
            "node has a new network key and this machine must be enrolled anew",
            target->endpoint);
    case KR_TIMEOUT:
        return kr_fail(error, err, "%.256s does not answer: is it the right address, and does a firewall let this machine through?",
                       target->endpoint);
    default:
        return kr_fail(error, err, "the network cannot be used: %s", kr_err_text(err));
    }
}

struct greeting {
    struct kr_remote_machine machine;
    struct kr_writer hello;
    uint8_t *answer;
    size_t answer_len;
};

/* Nobody there may be a node whose network side is being started again. */
static enum kr_err dial_and_ask(struct kr_afar *afar, const struct kr_afar_target *target, struct greeting *greeting,
                                struct kr_error *error)
{
    const int64_t begin_ms = now_ms(), deadline_ms = begin_ms + (target->open_ms > 0 ? target->open_ms : KR_AFAR_OPEN_MS);
    for (;;) {
        enum kr_err err = dial(afar, target, error);
        if (err != KR_OK) {
            return err;
        }
        err = zmq_send(afar->socket, greeting->hello.bytes, greeting->hello.len, ZMQ_DONTWAIT) >= 0 ? KR_OK : KR_SYSTEM;
        if (err == KR_OK) {
            err = await_answer(afar, deadline_ms, greeting->answer, KR_FRAME_BYTES_MAX, &greeting->answer_len);
        }
        if (err == KR_OK) {
            return err;
        }
        hang_up(afar);
        if (err != KR_NOT_FOUND || target->is_tried_once || now_ms() - begin_ms > KR_AFAR_RETRY_MS) {
            return explain(err, target, error);
        }
        const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
    }
}

static enum kr_err greet(struct kr_afar *afar, const struct kr_afar_target *target, struct kr_afar_told *ret_told,
                         struct kr_error *error)
{
    struct greeting greeting = {.answer = malloc(KR_FRAME_BYTES_MAX)};
    struct kr_remote_found found;
    uint8_t seed[32];
    memcpy(greeting.machine.public_key, target->public_key, 32);
    memcpy(greeting.machine.secret, target->secret, 32);
    memcpy(greeting.machine.council, target->council, 32);
    memcpy(greeting.machine.node_key, target->node_key, 32);
    greeting.machine.card = target->card;
    randombytes_buf(seed, sizeof seed);
    kr_writer_init(&greeting.hello, KR_KIB);
    kr_remote_begin(&greeting.machine, seed, &greeting.hello);
    enum kr_err err = greeting.answer == NULL ? KR_NOMEM : kr_writer_finish(&greeting.hello);
    if (err == KR_OK) {
        err = dial_and_ask(afar, target, &greeting, error);
    }
    if (err == KR_OK) {
        err = kr_remote_finish(&greeting.machine, (struct kr_slice){greeting.hello.bytes, greeting.hello.len},
                               (struct kr_slice){greeting.answer, greeting.answer_len}, (uint64_t)time(NULL), &afar->session,
                               &found, error);
    }
    if (err == KR_OK) {
        uint8_t *card = found.card.len > 0 ? malloc(found.card.len) : NULL; /* without memory it comes with the next answer */
        if (card != NULL) {
            memcpy(card, found.card.bytes, found.card.len);
        }
        memcpy(ret_told->node_key, found.node_key, 32);
        ret_told->card = card;
        ret_told->card_len = card != NULL ? found.card.len : 0;
    }
    sodium_memzero(&greeting.machine, sizeof greeting.machine);
    sodium_memzero(seed, sizeof seed);
    kr_writer_deinit(&greeting.hello);
    free(greeting.answer);
    return err;
}

/* ---- moving bytes ---- */

static bool send_part(struct kr_afar *afar, enum kr_remote_part part, const uint8_t *bytes, size_t len)
{
    const size_t sealed = kr_remote_seal(&afar->session, part, bytes, len, afar->frame);
    return zmq_send(afar->socket, afar->frame, sealed, ZMQ_DONTWAIT) >= 0;
}

/* What waits from the node. False: it broke the rules, which ends the connection. */
static bool take_frames(struct kr_afar *afar)
{
    size_t len;
    while ((len = take_message(afar->socket, afar->frame, sizeof afar->frame)) > 0) {
        enum kr_remote_part part;
        struct kr_slice bytes;
        if (kr_remote_open(&afar->session, (struct kr_slice){afar->frame, len}, afar->plain, sizeof afar->plain, &part, &bytes) !=
            KR_OK) {
            return false;
        }
        if (part == KR_REMOTE_END) {
            afar->is_over = true;
        } else if (part == KR_REMOTE_TAKEN) {
            if (bytes.bytes[0] == 0 || bytes.bytes[0] > afar->out_parts) {
                return false;
            }
            afar->out_parts -= bytes.bytes[0];
        } else {
            if (afar->in_parts == KR_REMOTE_DOWN_FRAMES || bytes.len > KR_REMOTE_DOWN_BYTES) {
                return false;
            }
            afar->in_parts++;
            memcpy(afar->in + afar->in_len, bytes.bytes, bytes.len);
            afar->in_len += bytes.len;
        }
    }
    return true;
}

/* To the other end of the pair; what it has all of is said to be taken. False: it is closed. */
static bool write_bytes(struct kr_afar *afar)
{
    while (afar->in_at < afar->in_len) {
        const ssize_t sent = send(afar->fd, afar->in + afar->in_at, afar->in_len - afar->in_at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        afar->in_at += (size_t)sent;
    }
    const uint8_t taken = (uint8_t)afar->in_parts;
    afar->in_at = afar->in_len = 0;
    afar->in_parts = 0;
    return taken == 0 || send_part(afar, KR_REMOTE_TAKEN, &taken, 1);
}

/* False: the other end of the pair is closed, or nothing can be sent any more. */
static bool read_bytes(struct kr_afar *afar)
{
    while (afar->out_parts < KR_REMOTE_UP_FRAMES) {
        const ssize_t got = recv(afar->fd, afar->plain, KR_REMOTE_UP_BYTES, MSG_DONTWAIT);
        if (got <= 0) {
            return got < 0 && (errno == EAGAIN || errno == EINTR);
        }
        afar->out_parts++;
        if (!send_part(afar, KR_REMOTE_BYTES, afar->plain, (size_t)got)) {
            return false;
        }
    }
    return true;
}

static void *run(void *context)
{
    struct kr_afar *afar = context;
    for (bool goes_on = true; goes_on;) {
        const short events =
            (short)((afar->out_parts < KR_REMOTE_UP_FRAMES ? ZMQ_POLLIN : 0) | (afar->in_len > 0 ? ZMQ_POLLOUT : 0));
        zmq_pollitem_t items[] = {{.socket = afar->monitor, .events = ZMQ_POLLIN},
                                  {.fd = afar->fd, .events = events},
                                  {.socket = afar->socket, .events = ZMQ_POLLIN}};
        if (zmq_poll(items, 3, -1) < 0 && zmq_errno() != EINTR) {
            break;
        }
        /* Who has closed the other end waits for nothing more. */
        goes_on = (items[1].revents & ZMQ_POLLERR) == 0 && take_frames(afar) && write_bytes(afar) && read_bytes(afar) &&
                  !(afar->is_over && afar->in_len == 0) && take_event(afar->monitor) == 0;
    }
    if (!afar->is_over && send_part(afar, KR_REMOTE_END, NULL, 0)) {
        const int linger_ms = LEAVE_MS;
        (void)zmq_setsockopt(afar->socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    }
    (void)shutdown(afar->fd, SHUT_RDWR); /* the other end reads what it has been given, then the end */
    return NULL;
}

/* ---- life ---- */

/* Signals are the program's own threads'. */
static enum kr_err start(struct kr_afar *afar, struct kr_error *error)
{
    sigset_t all, before;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int reason = pthread_create(&afar->thread, NULL, run, afar);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    afar->is_started = reason == 0;
    return reason == 0 ? KR_OK : kr_fail(error, KR_SYSTEM, "cannot start a thread: %s", strerror(reason));
}

enum kr_err kr_afar_connect(const struct kr_afar_target *target, struct kr_afar **ret_afar, int *ret_fd,
                            struct kr_afar_told *ret_told, struct kr_error *error)
{
    struct kr_afar *afar = calloc(1, sizeof *afar);
    struct kr_afar_told told = {.card = NULL};
    int pair[2] = {-1, -1};
    if (afar == NULL) {
        return kr_fail(error, KR_NOMEM, "no memory for a connection");
    }
    afar->fd = -1;
    afar->in = malloc(IN_BYTES);
    afar->context = zmq_ctx_new();
    enum kr_err err = afar->in == NULL || afar->context == NULL ? kr_fail(error, KR_NOMEM, "no memory for a connection") : KR_OK;
    if (err == KR_OK) {
        err = greet(afar, target, &told, error);
    }
    if (err == KR_OK && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        err = kr_fail(error, KR_SYSTEM, "no socket: %s", strerror(errno));
    }
    afar->fd = pair[0];
    if (err == KR_OK) {
        err = start(afar, error);
    }
    if (err != KR_OK) {
        if (pair[1] >= 0) {
            (void)close(pair[1]);
        }
        free(told.card);
        kr_afar_free(afar);
        return err;
    }
    *ret_told = told;
    *ret_fd = pair[1];
    *ret_afar = afar;
    return KR_OK;
}

void kr_afar_free(struct kr_afar *afar)
{
    if (afar == NULL) {
        return;
    }
    if (afar->is_started) {
        (void)pthread_join(afar->thread, NULL);
    }
    hang_up(afar);
    if (afar->context != NULL) {
        (void)zmq_ctx_term(afar->context);
    }
    if (afar->fd >= 0) {
        (void)close(afar->fd);
    }
    free(afar->in);
    kr_session_wipe(&afar->session);
    free(afar);
}
