#include "node/keeper/outbuf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LENGTH_BYTES 4

void kr_outbuf_init(struct kr_outbuf *outbuf, size_t max)
{
    *outbuf = (struct kr_outbuf){.max = max};
}

void kr_outbuf_deinit(struct kr_outbuf *outbuf)
{
    free(outbuf->bytes);
    *outbuf = (struct kr_outbuf){.max = outbuf->max};
}

/* Room for `more` bytes behind what waits. */
static enum kr_err make_room(struct kr_outbuf *outbuf, size_t more)
{
    if (outbuf->head + outbuf->len + more <= outbuf->capacity) {
        return KR_OK;
    }
    size_t needed = outbuf->len + more;
    if (needed > outbuf->capacity) {
        size_t capacity = outbuf->capacity * 2 > needed ? outbuf->capacity * 2 : needed;
        uint8_t *bytes = malloc(capacity);
        if (bytes == NULL) {
            return KR_NOMEM;
        }
        if (outbuf->len > 0) {
            memcpy(bytes, outbuf->bytes + outbuf->head, outbuf->len);
        }
        free(outbuf->bytes);
        outbuf->bytes = bytes;
        outbuf->capacity = capacity;
    } else {
        memmove(outbuf->bytes, outbuf->bytes + outbuf->head, outbuf->len);
    }
    outbuf->head = 0;
    return KR_OK;
}

enum kr_err kr_outbuf_add_frame(struct kr_outbuf *outbuf, const void *bytes, size_t len)
{
    if (len > outbuf->max || outbuf->len + LENGTH_BYTES + len > outbuf->max) {
        return KR_BOUNDS;
    }
    enum kr_err err = make_room(outbuf, LENGTH_BYTES + len);
    if (err != KR_OK) {
        return err;
    }
    uint8_t *at = outbuf->bytes + outbuf->head + outbuf->len;
    for (int i = 0; i < LENGTH_BYTES; i++) {
        at[i] = (uint8_t)(len >> (8 * (LENGTH_BYTES - 1 - i)));
    }
    memcpy(at + LENGTH_BYTES, bytes, len);
    outbuf->len += LENGTH_BYTES + len;
    return KR_OK;
}

enum kr_err kr_outbuf_flush(struct kr_outbuf *outbuf, int fd)
{
    while (outbuf->len > 0) {
        ssize_t put = send(fd, outbuf->bytes + outbuf->head, outbuf->len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return errno == EAGAIN || errno == EWOULDBLOCK ? KR_OK : KR_CLOSED;
        }
        outbuf->head += (size_t)put;
        outbuf->len -= (size_t)put;
    }
    kr_outbuf_deinit(outbuf);
    return KR_OK;
}
