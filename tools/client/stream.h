/* Frames over a connected stream socket that does not block: each behind its length. Knows nothing of what is in them. Used by this
 * folder only. */
#ifndef KR_TOOLS_CLIENT_STREAM_H
#define KR_TOOLS_CLIENT_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"
#include "proto/codec/reader.h"
#include "tools/client/patience.h"

struct kr_stream_buffer {
    uint8_t *bytes;
    size_t at, len, capacity; /* [at, len) is what waits */
};

struct kr_stream {
    int fd;       /* the stream's own */
    bool is_afar; /* a network lies behind it: nobody looks out for answers, and its end has other causes */
    struct kr_patience patience;
    struct kr_stream_buffer in, out;
    size_t taken; /* bytes of `in` that the frame handed out last lies in; given back with kr_stream_give_back */
};
void kr_stream_deinit(struct kr_stream *stream);

/* Moments on the monotonic clock. A negative span is for ever. */
int64_t kr_stream_deadline(int timeout_ms);

/* KR_NOMEM leaves everything as it was; any other failure is the connection's end. */

/* Puts a frame behind those that wait. */
enum kr_err kr_stream_put(struct kr_stream *stream, struct kr_slice frame) KR_WARN_UNUSED;
/* Sends what the socket takes now. */
enum kr_err kr_stream_flush(struct kr_stream *stream, struct kr_error *error) KR_WARN_UNUSED;
size_t kr_stream_unsent(const struct kr_stream *stream);
/* Takes what has come. `*ret_any`: something has. KR_BOUNDS where too much waits untaken. */
enum kr_err kr_stream_fill(struct kr_stream *stream, bool *ret_any, struct kr_error *error) KR_WARN_UNUSED;
/* Until the socket can be read (and written: `writes`). `is_lone`: one answer is waited for, which may come soon (patience.h).
 * KR_TIMEOUT ends nothing. */
enum kr_err kr_stream_wait(struct kr_stream *stream, bool writes, bool is_lone, int64_t deadline,
                           struct kr_error *error) KR_WARN_UNUSED;
/* The next whole frame, borrowed until it is given back; length 0 where there is none yet. KR_BOUNDS for an impossible length. */
enum kr_err kr_stream_next(struct kr_stream *stream, struct kr_slice *ret_frame, struct kr_error *error) KR_WARN_UNUSED;
/* What a frame handed out lies in may move from here on. */
void kr_stream_give_back(struct kr_stream *stream);

#endif
