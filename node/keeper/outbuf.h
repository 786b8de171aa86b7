/* Bytes that a client has not read yet: bounded, memory only while something waits. */
#ifndef KR_NODE_KEEPER_OUTBUF_H
#define KR_NODE_KEEPER_OUTBUF_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"

struct kr_outbuf {
    uint8_t *bytes;
    size_t head, len, capacity; /* [head, head + len) waits */
    size_t max;
};
void kr_outbuf_init(struct kr_outbuf *outbuf, size_t max);
void kr_outbuf_deinit(struct kr_outbuf *outbuf);
/* One frame: BE32 length ‖ bytes. All or nothing: KR_BOUNDS past the maximum, KR_NOMEM. */
enum kr_err kr_outbuf_add_frame(struct kr_outbuf *outbuf, const void *bytes, size_t len) KR_WARN_UNUSED;
/* Sends what the socket takes without blocking. KR_CLOSED where the other end is gone. */
enum kr_err kr_outbuf_flush(struct kr_outbuf *outbuf, int fd) KR_WARN_UNUSED;

#endif
