#include "tools/client/client.h"

#include <limits.h>
#include <string.h>

#include "tools/client/conn.h"

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

/* What the stream said, its text in broken_error. What does not pass ends the connection. */
static enum kr_err mind(struct kr_conn *conn, enum kr_err err, struct kr_error *error)
{
    if (err != KR_OK && error != NULL) {
        *error = conn->broken_error;
    }
    if (err != KR_OK && err != KR_NOMEM && err != KR_TIMEOUT) {
        conn->broken = err;
    }
    return err;
}

static enum kr_err flush(struct kr_conn *conn, struct kr_error *error)
{
    return mind(conn, kr_stream_flush(&conn->stream, &conn->broken_error), error);
}

/* ---- frames out ---- */

enum kr_err kr_conn_queue(struct kr_conn *conn, struct kr_error *error)
{
    struct kr_writer writer;
    kr_writer_init(&writer, KR_CLIENT_FRAME_BYTES_MAX);
    kr_client_frame_write(&conn->outgoing, true, &writer);
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        err = kr_stream_put(&conn->stream, (struct kr_slice){writer.bytes, writer.len});
    }
    kr_writer_deinit(&writer);
    return err == KR_OK ? KR_OK : kr_fail(error, err, "this is too large for one request");
}

/* Until less waits than `high`. Answers are taken in meanwhile: keeper stops reading while we do. */
static enum kr_err drain_out(struct kr_conn *conn, size_t high, struct kr_error *error)
{
    struct kr_stream *stream = &conn->stream;
    int64_t deadline = kr_stream_deadline(KR_CONN_SEND_MS);
    enum kr_err err = kr_stream_flush(stream, &conn->broken_error);
    while (err == KR_OK && kr_stream_unsent(stream) > high) {
        bool any;
        size_t before = kr_stream_unsent(stream);
        err = kr_stream_wait(stream, true, false, deadline, &conn->broken_error);
        if (err == KR_OK) {
            err = kr_stream_fill(stream, &any, &conn->broken_error);
        }
        if (err == KR_OK) {
            err = kr_stream_flush(stream, &conn->broken_error);
        }
        if (kr_stream_unsent(stream) != before) {
            deadline = kr_stream_deadline(KR_CONN_SEND_MS);
        }
    }
    return mind(conn, err, error);
}

static struct kr_conn_open_request *find(struct kr_conn *conn, uint64_t number)
{
    for (uint32_t i = 0; i < conn->request_count; i++) {
        if (conn->requests[i].number == number) {
            return &conn->requests[i];
        }
    }
    return NULL;
}

static void forget(struct kr_conn *conn, struct kr_conn_open_request *request)
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
    enum kr_err err = kr_conn_queue(conn, error);
    if (err != KR_OK) {
        return err;
    }
    kr_stream_give_back(&conn->stream);
    conn->requests[conn->request_count++] = (struct kr_conn_open_request){.number = conn->next_number, .credits = credits};
    *ret_number = conn->next_number++;
    return drain_out(conn, KR_CONN_OUT_HIGH, error);
}

enum kr_err kr_conn_credit(struct kr_conn *conn, uint64_t number, uint32_t more, struct kr_error *error)
{
    if (conn->broken != KR_OK) {
        return tell_broken(conn, error);
    }
    struct kr_conn_open_request *request = find(conn, number);
    if (request == NULL) {
        return KR_OK; /* it has ended meanwhile */
    }
    conn->outgoing = (struct kr_client_frame){.type = KR_CLIENT_CREDIT, .number = number, .credits = more};
    enum kr_err err = kr_conn_queue(conn, error);
    if (err == KR_OK) {
        request->credits += more;
        err = flush(conn, error);
    }
    return err;
}

enum kr_err kr_conn_cancel(struct kr_conn *conn, uint64_t number, struct kr_error *error)
{
    if (conn->broken != KR_OK) {
        return tell_broken(conn, error);
    }
    struct kr_conn_open_request *request = find(conn, number);
    if (request == NULL || request->is_cancelled) {
        return KR_OK;
    }
    request->is_cancelled = true;
    conn->outgoing = (struct kr_client_frame){.type = KR_CLIENT_CANCEL, .number = number};
    enum kr_err err = kr_conn_queue(conn, error);
    return err == KR_OK ? flush(conn, error) : err;
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
    struct kr_slice bytes;
    enum kr_err err = kr_stream_next(&conn->stream, &bytes, &conn->broken_error);
    *ret_any = err == KR_OK && bytes.len > 0;
    if (*ret_any && kr_client_frame_read(bytes, false, &conn->frame) != KR_OK) {
        err = kr_fail(&conn->broken_error, KR_MALFORMED,
                      "what answers is no Kairan node, or a damaged one: its answer cannot be read");
    }
    return mind(conn, err, error);
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
    struct kr_conn_open_request *request = frame->type == KR_CLIENT_HELLO ? NULL : find(conn, frame->number);
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

enum kr_err kr_conn_next(struct kr_conn *conn, int64_t deadline, struct kr_error *error)
{
    struct kr_stream *stream = &conn->stream;
    for (;;) {
        bool any;
        enum kr_err err = next_frame(conn, &any, error);
        if (err != KR_OK || any) {
            return err;
        }
        err = kr_stream_flush(stream, &conn->broken_error);
        if (err == KR_OK) {
            err = kr_stream_fill(stream, &any, &conn->broken_error);
        }
        if (err == KR_OK && !any) {
            err = kr_stream_wait(stream, kr_stream_unsent(stream) > 0, conn->request_count == 1, deadline, &conn->broken_error);
        }
        if (err != KR_OK) {
            return mind(conn, err, error);
        }
    }
}

enum kr_err kr_conn_receive(struct kr_conn *conn, int timeout_ms, const struct kr_client_frame **ret_frame, struct kr_error *error)
{
    int64_t deadline = kr_stream_deadline(timeout_ms);
    kr_stream_give_back(&conn->stream);
    for (;;) {
        bool drop = false;
        enum kr_err err = conn->broken != KR_OK && conn->broken != KR_CLOSED ? tell_broken(conn, error) : KR_OK;
        if (err == KR_OK && conn->broken == KR_CLOSED) { /* what came before the end still counts */
            bool any;
            err = next_frame(conn, &any, error);
            err = err == KR_OK && !any ? tell_broken(conn, error) : err;
        } else if (err == KR_OK) {
            err = kr_conn_next(conn, deadline, error);
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
        kr_stream_give_back(&conn->stream);
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

/* ---- what is known of it ---- */

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
    return conn->stream.fd;
}

bool kr_conn_wants_write(const struct kr_conn *conn)
{
    return kr_stream_unsent(&conn->stream) > 0;
}
