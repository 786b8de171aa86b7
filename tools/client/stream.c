#include "tools/client/stream.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proto/client/client.h"
#include "tools/client/client.h"

#define LENGTH_BYTES 4u
#define READ_BYTES   (64u * KR_KIB)

void kr_stream_deinit(struct kr_stream *stream)
{
    (void)close(stream->fd);
    free(stream->in.bytes);
    free(stream->out.bytes);
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t kr_stream_deadline(int timeout_ms)
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

static enum kr_err reserve(struct kr_stream_buffer *buffer, size_t more)
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

enum kr_err kr_stream_put(struct kr_stream *stream, struct kr_slice frame)
{
    enum kr_err err = reserve(&stream->out, LENGTH_BYTES + frame.len);
    if (err == KR_OK) {
        const uint8_t head[LENGTH_BYTES] = {(uint8_t)(frame.len >> 24), (uint8_t)(frame.len >> 16), (uint8_t)(frame.len >> 8),
                                            (uint8_t)frame.len};
        KR_ASSERT(stream->out.bytes != NULL);
        memcpy(stream->out.bytes + stream->out.len, head, sizeof head);
        memcpy(stream->out.bytes + stream->out.len + sizeof head, frame.bytes, frame.len);
        stream->out.len += sizeof head + frame.len;
    }
    return err;
}

size_t kr_stream_unsent(const struct kr_stream *stream)
{
    return stream->out.len - stream->out.at;
}

enum kr_err kr_stream_flush(struct kr_stream *stream, struct kr_error *error)
{
    while (kr_stream_unsent(stream) > 0) {
        ssize_t sent = send(stream->fd, stream->out.bytes + stream->out.at, kr_stream_unsent(stream), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            stream->out.at += (size_t)sent;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return KR_OK;
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return KR_OK; /* why it closed may lie in what we have not read; reading finds the end */
        } else if (errno != EINTR) {
            return kr_fail(error, KR_IO, "%s", strerror(errno));
        }
    }
    return KR_OK;
}

enum kr_err kr_stream_fill(struct kr_stream *stream, bool *ret_any, struct kr_error *error)
{
    *ret_any = false;
    if (stream->in.len - stream->in.at > KR_CONN_IN_MAX) {
        return kr_fail(error, KR_BOUNDS, "too many answers wait unread");
    }
    enum kr_err err = reserve(&stream->in, READ_BYTES);
    if (err != KR_OK) {
        return kr_fail(error, err, "no memory for the node's answer");
    }
    for (;;) {
        ssize_t got = recv(stream->fd, stream->in.bytes + stream->in.len, stream->in.capacity - stream->in.len, MSG_DONTWAIT);
        if (got > 0) {
            stream->in.len += (size_t)got;
            *ret_any = true;
            return KR_OK;
        }
        if (got == 0 || errno == ECONNRESET) {
            return kr_fail(error, KR_CLOSED,
                           stream->is_afar ? "the connection to the node was lost: try again"
                                           : "the node closed the connection: look into its log, then try again");
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return KR_OK;
        }
        if (errno != EINTR) {
            return kr_fail(error, KR_IO, "%s", strerror(errno));
        }
    }
}

enum kr_err kr_stream_wait(struct kr_stream *stream, bool writes, bool is_lone, int64_t deadline, struct kr_error *error)
{
    struct pollfd wait = {.fd = stream->fd, .events = (short)(writes ? POLLIN | POLLOUT : POLLIN)};
    for (;;) {
        int ready = is_lone && !stream->is_afar ? kr_patience_poll(&stream->patience, &wait, left_ms(deadline))
                                                : poll(&wait, 1, left_ms(deadline));
        if (ready > 0) {
            return KR_OK;
        }
        if (ready == 0) {
            return kr_fail(error, KR_TIMEOUT, "the node did not answer in time");
        }
        if (errno != EINTR) {
            return kr_fail(error, KR_IO, "%s", strerror(errno));
        }
    }
}

enum kr_err kr_stream_next(struct kr_stream *stream, struct kr_slice *ret_frame, struct kr_error *error)
{
    const uint8_t *begin = stream->in.bytes + stream->in.at;
    size_t waiting = stream->in.len - stream->in.at;
    *ret_frame = (struct kr_slice){0};
    if (waiting < LENGTH_BYTES) {
        return KR_OK;
    }
    size_t len = (size_t)begin[0] << 24 | (size_t)begin[1] << 16 | (size_t)begin[2] << 8 | begin[3];
    if (len == 0 || len > KR_CLIENT_FRAME_BYTES_MAX) {
        return kr_fail(error, KR_BOUNDS, "what answers is no Kairan node: a frame of impossible length came");
    }
    if (waiting - LENGTH_BYTES >= len) {
        stream->taken = LENGTH_BYTES + len;
        *ret_frame = (struct kr_slice){begin + LENGTH_BYTES, len};
    }
    return KR_OK;
}

void kr_stream_give_back(struct kr_stream *stream)
{
    stream->in.at += stream->taken;
    stream->taken = 0;
}
