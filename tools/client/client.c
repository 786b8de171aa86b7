#include "tools/client/client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LENGTH_BYTES 4u
#define READ_BYTES   (64u * KR_KIB)

struct open_request {
    uint64_t number;
    uint64_t credits; /* pages that may still come */
    bool is_cancelled;
};

struct buffer {
    uint8_t *bytes;
    size_t at, len, capacity; /* [at, len) is what waits */
};

struct kr_conn {
    int fd;
    struct buffer in, out;
    uint64_t next_number;
    struct open_request *requests; /* in the order of their numbers */
    uint32_t request_count;
    size_t taken; /* bytes of `in` that the frame handed out last lies in; given back with the next call */
    enum kr_err broken;
    struct kr_error broken_error;
    uint8_t council[32];
    char name[KR_NAME_BYTES_MAX + 1];
    struct kr_client_frame frame, outgoing;
};

/* ---- time ---- */

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t deadline_after(int timeout_ms)
{
    return timeout_ms < 0 ? INT64_MAX : now_ms() + timeout_ms;
}

/* What poll may wait until then. */
static int left_ms(int64_t deadline)
{
    if (deadline == INT64_MAX) {
        return -1;
    }
    int64_t left = deadline - now_ms();
    return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* ---- buffers ---- */

static enum kr_err reserve(struct buffer *buffer, size_t more)
{
    if (buffer->at > 0 && (buffer->at == buffer->len || buffer->capacity - buffer->len < more)) {
        memmove(buffer->bytes, buffer->bytes + buffer->at, buffer->len - buffer->at);
        buffer->len -= buffer->at;
        buffer->at = 0;
    }
    if (buffer->capacity - buffer->len >= more) {
        return KR_OK;
    }
    size_t capacity = buffer->capacity * 2 > buffer->len + more ? buffer->capacity * 2 : buffer->len + more;
    uint8_t *bytes = realloc(buffer->bytes, capacity);
    if (bytes == NULL) {
        return KR_NOMEM;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return KR_OK;
}

/* ---- failing once and for all ---- */

static enum kr_err tell_broken(const struct kr_conn *conn, struct kr_error *error)
{
    if (error != NULL) {
        *error = conn->broken_error;
    }
    return conn->broken;
}

static enum kr_err break_with(struct kr_conn *conn, enum kr_err err, const char *text, struct kr_error *error)
{
    conn->broken = kr_fail(&conn->broken_error, err, "%s", text);
    return tell_broken(conn, error);
}

static enum kr_err break_closed(struct kr_conn *conn, struct kr_error *error)
{
    return break_with(conn, KR_CLOSED, "the node closed the connection: look into its log, then try again", error);
}

/* ---- the socket ---- */

/* Sends what the socket takes now. */
static enum kr_err flush_out(struct kr_conn *conn, struct kr_error *error)
{
    while (conn->out.at < conn->out.len) {
        ssize_t sent = send(conn->fd, conn->out.bytes + conn->out.at, conn->out.len - conn->out.at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            conn->out.at += (size_t)sent;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return KR_OK;
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return KR_OK; /* why it closed may lie in what we have not read; reading finds the end */
        } else if (errno != EINTR) {
            return break_with(conn, KR_IO, strerror(errno), error);
        }
    }
    return KR_OK;
}

/* Takes what has come; sets `*ret_any`. */
static enum kr_err fill_in(struct kr_conn *conn, bool *ret_any, struct kr_error *error)
{
    *ret_any = false;
    if (conn->in.len - conn->in.at > KR_CONN_IN_MAX) {
        return break_with(conn, KR_BOUNDS, "too many answers wait unread", error);
    }
    enum kr_err err = reserve(&conn->in, READ_BYTES);
    if (err != KR_OK) {
        return kr_fail(error, err, "no memory for the node's answer");
    }
    for (;;) {
        ssize_t got = recv(conn->fd, conn->in.bytes + conn->in.len, conn->in.capacity - conn->in.len, MSG_DONTWAIT);
        if (got > 0) {
            conn->in.len += (size_t)got;
            *ret_any = true;
            return KR_OK;
        }
        if (got == 0 || errno == ECONNRESET) {
            return break_closed(conn, error);
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return KR_OK;
        }
        if (errno != EINTR) {
            return break_with(conn, KR_IO, strerror(errno), error);
        }
    }
}

/* KR_TIMEOUT where neither direction moved in time. */
static enum kr_err wait_for(struct kr_conn *conn, short events, int64_t deadline, struct kr_error *error)
{
    struct pollfd wait = {.fd = conn->fd, .events = events};
    for (;;) {
        int ready = poll(&wait, 1, left_ms(deadline));
        if (ready > 0) {
            return KR_OK;
        }
        if (ready == 0) {
            return kr_fail(error, KR_TIMEOUT, "the node did not answer in time");
        }
        if (errno != EINTR) {
            return break_with(conn, KR_IO, strerror(errno), error);
        }
    }
}

/* ---- frames out ---- */

static enum kr_err queue_frame(struct kr_conn *conn, struct kr_error *error)
{
    struct kr_writer writer;
    kr_writer_init(&writer, KR_CLIENT_FRAME_BYTES_MAX);
    kr_client_frame_write(&conn->outgoing, true, &writer);
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        err = reserve(&conn->out, LENGTH_BYTES + writer.len);
    }
    if (err == KR_OK) {
        const uint8_t head[LENGTH_BYTES] = {(uint8_t)(writer.len >> 24), (uint8_t)(writer.len >> 16), (uint8_t)(writer.len >> 8),
                                            (uint8_t)writer.len};
        KR_ASSERT(conn->out.bytes != NULL);
        memcpy(conn->out.bytes + conn->out.len, head, sizeof head);
        memcpy(conn->out.bytes + conn->out.len + sizeof head, writer.bytes, writer.len);
        conn->out.len += sizeof head + writer.len;
    } else {
        err = kr_fail(error, err, "this is too large for one request");
    }
    kr_writer_deinit(&writer);
    return err;
}

/* Until less waits than `high`. Answers are taken in meanwhile: keeper stops reading while we do. */
static enum kr_err drain_out(struct kr_conn *conn, size_t high, struct kr_error *error)
{
    int64_t deadline = deadline_after(KR_CONN_SEND_MS);
    enum kr_err err = flush_out(conn, error);
    while (err == KR_OK && conn->out.len - conn->out.at > high) {
        bool any;
        size_t before = conn->out.at;
        err = wait_for(conn, POLLIN | POLLOUT, deadline, error);
        if (err == KR_OK) {
            err = fill_in(conn, &any, error);
        }
        if (err == KR_OK) {
            err = flush_out(conn, error);
        }
        if (conn->out.at != before) {
            deadline = deadline_after(KR_CONN_SEND_MS);
        }
    }
    return err;
}

/* What a frame handed out lies in may move from here on. */
static void give_back(struct kr_conn *conn)
{
    conn->in.at += conn->taken;
    conn->taken = 0;
}

static struct open_request *find(struct kr_conn *conn, uint64_t number)
{
    for (uint32_t i = 0; i < conn->request_count; i++) {
        if (conn->requests[i].number == number) {
            return &conn->requests[i];
        }
    }
    return NULL;
}

static void forget(struct kr_conn *conn, struct open_request *request)
{
    size_t behind = conn->request_count - 1 - (size_t)(request - conn->requests);
    memmove(request, request + 1, behind * sizeof *request);
    conn->request_count--;
}

enum kr_err kr_conn_request(struct kr_conn *conn, enum kr_op op, struct kr_slice args, uint32_t credits, uint64_t *ret_number,
                            struct kr_error *error)
{
    if (conn->broken != KR_OK) {
        return tell_broken(conn, error);
    }
    if (conn->request_count == KR_CONN_REQUESTS_MAX) {
        return kr_fail(error, KR_BUSY, "too many requests are open on this connection");
    }
    /* `args` may lie in the answer that was handed out last: it is copied before that may move. */
    conn->outgoing = (struct kr_client_frame){
        .type = KR_CLIENT_REQUEST, .number = conn->next_number, .op = (uint32_t)op, .payload = args, .credits = credits};
    enum kr_err err = queue_frame(conn, error);
    if (err != KR_OK) {
        return err;
    }
    give_back(conn);
    conn->requests[conn->request_count++] = (struct open_request){.number = conn->next_number, .credits = credits};
    *ret_number = conn->next_number++;
    return drain_out(conn, KR_CONN_OUT_HIGH, error);
}

enum kr_err kr_conn_credit(struct kr_conn *conn, uint64_t number, uint32_t more, struct kr_error *error)
{
    if (conn->broken != KR_OK) {
        return tell_broken(conn, error);
    }
    struct open_request *request = find(conn, number);
    if (request == NULL) {
        return KR_OK; /* it has ended meanwhile */
    }
    conn->outgoing = (struct kr_client_frame){.type = KR_CLIENT_CREDIT, .number = number, .credits = more};
    enum kr_err err = queue_frame(conn, error);
    if (err == KR_OK) {
        request->credits += more;
        err = flush_out(conn, error);
    }
    return err;
}

enum kr_err kr_conn_cancel(struct kr_conn *conn, uint64_t number, struct kr_error *error)
{
    if (conn->broken != KR_OK) {
        return tell_broken(conn, error);
    }
    struct open_request *request = find(conn, number);
    if (request == NULL || request->is_cancelled) {
        return KR_OK;
    }
    request->is_cancelled = true;
    conn->outgoing = (struct kr_client_frame){.type = KR_CLIENT_CANCEL, .number = number};
    enum kr_err err = queue_frame(conn, error);
    return err == KR_OK ? flush_out(conn, error) : err;
}

/* ---- frames in ---- */

enum kr_err kr_conn_frame_error(const struct kr_client_frame *frame, struct kr_error *error)
{
    enum kr_err err = (enum kr_err)frame->code;
    if (frame->code == 0 || frame->code > INT_MAX || strcmp(kr_err_name(err), "UNKNOWN") == 0) {
        err = KR_INVALID;
    }
    size_t len = frame->text.len;
    if (error != NULL && len >= sizeof error->text) { /* cut where a character ends */
        len = sizeof error->text - 1;
        while (len > 0 && (frame->text.bytes[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    return kr_fail(error, err, "%.*s", (int)len, (const char *)frame->text.bytes);
}

/* Takes the next whole frame apart, if there is one. */
static enum kr_err next_frame(struct kr_conn *conn, bool *ret_any, struct kr_error *error)
{
    const uint8_t *begin = conn->in.bytes + conn->in.at;
    size_t waiting = conn->in.len - conn->in.at;
    *ret_any = false;
    if (waiting < LENGTH_BYTES) {
        return KR_OK;
    }
    size_t len = (size_t)begin[0] << 24 | (size_t)begin[1] << 16 | (size_t)begin[2] << 8 | begin[3];
    if (len == 0 || len > KR_CLIENT_FRAME_BYTES_MAX) {
        return break_with(conn, KR_BOUNDS, "what answers is no Kairan node: a frame of impossible length came", error);
    }
    if (waiting - LENGTH_BYTES < len) {
        return KR_OK;
    }
    if (kr_client_frame_read((struct kr_slice){begin + LENGTH_BYTES, len}, false, &conn->frame) != KR_OK) {
        return break_with(conn, KR_MALFORMED, "what answers is no Kairan node, or a damaged one: its answer cannot be read", error);
    }
    conn->taken = LENGTH_BYTES + len;
    *ret_any = true;
    return KR_OK;
}

/* Whether the frame is one that we wait for; `*ret_drop` for pages of what was cancelled. */
static enum kr_err check_frame(struct kr_conn *conn, bool *ret_drop, struct kr_error *error)
{
    const struct kr_client_frame *frame = &conn->frame;
    *ret_drop = false;
    if (frame->type == KR_CLIENT_ERROR && frame->number == 0) { /* the whole connection is refused */
        conn->broken = kr_conn_frame_error(frame, &conn->broken_error);
        return tell_broken(conn, error);
    }
    struct open_request *request = frame->type == KR_CLIENT_HELLO ? NULL : find(conn, frame->number);
    if (request == NULL) {
        return break_with(conn, KR_MALFORMED, "the node answers what was not asked", error);
    }
    if (frame->type != KR_CLIENT_PAGE) {
        forget(conn, request);
        return KR_OK;
    }
    if (request->credits == 0) {
        return break_with(conn, KR_MALFORMED, "the node sends more than was asked for", error);
    }
    request->credits--;
    *ret_drop = request->is_cancelled;
    return KR_OK;
}

static enum kr_err receive_any(struct kr_conn *conn, int64_t deadline, struct kr_error *error)
{
    for (;;) {
        bool any;
        enum kr_err err = next_frame(conn, &any, error);
        if (err != KR_OK || any) {
            return err;
        }
        err = flush_out(conn, error);
        if (err == KR_OK) {
            err = fill_in(conn, &any, error);
        }
        if (err == KR_OK && !any) {
            short events = conn->out.at < conn->out.len ? POLLIN | POLLOUT : POLLIN;
            err = wait_for(conn, events, deadline, error);
        }
        if (err != KR_OK) {
            return err;
        }
    }
}

enum kr_err kr_conn_receive(struct kr_conn *conn, int timeout_ms, const struct kr_client_frame **ret_frame, struct kr_error *error)
{
    int64_t deadline = deadline_after(timeout_ms);
    give_back(conn);
    for (;;) {
        bool drop = false;
        enum kr_err err = conn->broken != KR_OK && conn->broken != KR_CLOSED ? tell_broken(conn, error) : KR_OK;
        if (err == KR_OK && conn->broken == KR_CLOSED) { /* what came before the end still counts */
            bool any;
            err = next_frame(conn, &any, error);
            err = err == KR_OK && !any ? tell_broken(conn, error) : err;
        } else if (err == KR_OK) {
            err = receive_any(conn, deadline, error);
        }
        if (err == KR_OK) {
            err = check_frame(conn, &drop, error);
        }
        if (err != KR_OK) {
            return err;
        }
        if (!drop) {
            *ret_frame = &conn->frame;
            return KR_OK;
        }
        give_back(conn);
    }
}

/* ---- one request from beginning to end ---- */

static enum kr_err take_items(const struct kr_client_frame *frame, kr_conn_item *on_item, void *context)
{
    for (uint32_t i = 0; i < frame->item_count; i++) {
        enum kr_err err = on_item == NULL ? KR_MALFORMED : on_item(context, frame->items[i]);
        if (err != KR_OK) {
            return err;
        }
    }
    return KR_OK;
}

enum kr_err kr_conn_call(struct kr_conn *conn, enum kr_op op, struct kr_slice args, int timeout_ms, kr_conn_item *on_item,
                         void *context, struct kr_slice *ret_result, struct kr_error *error)
{
    uint64_t number = 0;
    const struct kr_client_frame *frame = NULL;
    enum kr_err stopped = KR_OK;
    enum kr_err err = kr_conn_request(conn, op, args, KR_CONN_PAGES, &number, error);
    while (err == KR_OK) {
        err = kr_conn_receive(conn, timeout_ms, &frame, error);
        if (err == KR_TIMEOUT && stopped == KR_OK) {
            /* Nobody waits for it any more; the connection stays of use. */
            enum kr_err cancelled = kr_conn_cancel(conn, number, error);
            err = cancelled != KR_OK ? cancelled : err;
        }
        if (err != KR_OK || frame->number != number) {
            continue; /* the end of a request that ran out of time earlier */
        }
        if (frame->type == KR_CLIENT_END) {
            if (stopped == KR_OK && ret_result != NULL) {
                *ret_result = frame->payload;
            }
            return stopped;
        }
        if (frame->type == KR_CLIENT_ERROR) {
            return stopped != KR_OK ? stopped : kr_conn_frame_error(frame, error);
        }
        stopped = take_items(frame, on_item, context);
        err = stopped == KR_OK ? kr_conn_credit(conn, number, 1, error) : kr_conn_cancel(conn, number, error);
    }
    return stopped != KR_OK ? stopped : err;
}

/* ---- opening ---- */

static enum kr_err greet(struct kr_conn *conn, const char *program, const char *language, struct kr_error *error)
{
    conn->outgoing = (struct kr_client_frame){.type = KR_CLIENT_HELLO,
                                              .version = KR_CLIENT_VERSION,
                                              .text = {(const uint8_t *)program, strlen(program)},
                                              .text2 = {(const uint8_t *)language, strlen(language)}};
    enum kr_err err = queue_frame(conn, error);
    if (err == KR_OK) {
        err = receive_any(conn, deadline_after(KR_CONN_HELLO_MS), error);
    }
    if (err != KR_OK) {
        return err;
    }
    if (conn->frame.type == KR_CLIENT_ERROR) {
        return kr_conn_frame_error(&conn->frame, error);
    }
    if (conn->frame.type != KR_CLIENT_HELLO) {
        return kr_fail(error, KR_MALFORMED, "what answers is no Kairan node: it did not greet");
    }
    if (conn->frame.version != KR_CLIENT_VERSION) {
        return kr_fail(error, KR_VERSION,
                       "the node speaks version %u of the client protocol, this program version %u: update the older",
                       conn->frame.version, KR_CLIENT_VERSION);
    }
    memcpy(conn->council, conn->frame.council, sizeof conn->council);
    if (!kr_slice_text(conn->frame.text, conn->name, sizeof conn->name)) {
        return kr_fail(error, KR_MALFORMED, "the node's name cannot be read");
    }
    give_back(conn);
    return KR_OK;
}

enum kr_err kr_conn_adopt(int fd, const char *program, const char *language, struct kr_conn **ret_conn, struct kr_error *error)
{
    struct kr_conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL) {
        (void)close(fd);
        return kr_fail(error, KR_NOMEM, "no memory for a connection");
    }
    conn->fd = fd;
    conn->next_number = 1; /* 0 is the connection itself */
    conn->requests = calloc(KR_CONN_REQUESTS_MAX, sizeof *conn->requests);
    enum kr_err err = conn->requests == NULL ? kr_fail(error, KR_NOMEM, "no memory for a connection") : KR_OK;
    if (err == KR_OK) {
        err = greet(conn, program, language, error);
    }
    if (err != KR_OK) {
        kr_conn_free(conn);
        return err;
    }
    *ret_conn = conn;
    return KR_OK;
}

static enum kr_err explain_connect(const char *path, int reason, struct kr_error *error)
{
    switch (reason) {
    case ENOENT:
        return kr_fail(
            error, KR_NOT_FOUND,
            "no node runs here: there is no %.200s. Start it with \"kairand\" (a new one: \"kairan init\" first), or name "
            "its state directory with --state",
            path);
    case ECONNREFUSED:
        return kr_fail(error, KR_NOT_FOUND, "the node behind %.200s has stopped: start it again with \"kairand\"", path);
    case EACCES:
    case EPERM:
        return kr_fail(error, KR_DENIED, "%.200s belongs to another user: run this as the user that runs the node", path);
    default:
        return kr_fail(error, KR_IO, "cannot connect to %.200s: %s", path, strerror(reason));
    }
}

enum kr_err kr_conn_open(const char *path, const char *program, const char *language, struct kr_conn **ret_conn,
                         struct kr_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof address.sun_path) {
        return kr_fail(error, KR_BOUNDS, "the path of the socket is too long (at most %zu bytes)", sizeof address.sun_path - 1);
    }
    memcpy(address.sun_path, path, len + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return kr_fail(error, KR_SYSTEM, "cannot make a socket: %s", strerror(errno));
    }
    int done;
    do { /* a local stream connects at once, or fails with EAGAIN where the queue of its listener is full */
        done = connect(fd, (const struct sockaddr *)&address, sizeof address);
    } while (done != 0 && errno == EINTR);
    if (done != 0) {
        int reason = errno;
        (void)close(fd);
        return reason == EAGAIN ? kr_fail(error, KR_BUSY, "the node has too many clients just now: try again")
                                : explain_connect(path, reason, error);
    }
    return kr_conn_adopt(fd, program, language, ret_conn, error);
}

void kr_conn_free(struct kr_conn *conn)
{
    if (conn == NULL) {
        return;
    }
    (void)close(conn->fd);
    free(conn->in.bytes);
    free(conn->out.bytes);
    free(conn->requests);
    free(conn);
}

const uint8_t *kr_conn_council(const struct kr_conn *conn)
{
    return conn->council;
}

const char *kr_conn_name(const struct kr_conn *conn)
{
    return conn->name;
}

int kr_conn_fd(const struct kr_conn *conn)
{
    return conn->fd;
}

bool kr_conn_wants_write(const struct kr_conn *conn)
{
    return conn->out.at < conn->out.len;
}
