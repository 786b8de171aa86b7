/* The other end of a client's connection, as a test plays it: frames in and out. */
#ifndef KR_TESTS_UNIT_KAIRAN_KEEPER_H
#define KR_TESTS_UNIT_KAIRAN_KEEPER_H

#include "kairan_test.h"

#include <sys/socket.h>

#include "proto/client/client.h"

static inline bool keeper_get(int fd, void *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t got = recv(fd, (uint8_t *)bytes + at, len - at, 0);
        if (got <= 0) {
            return false;
        }
        at += (size_t)got;
    }
    return true;
}

static inline bool keeper_hear(int fd, struct kr_client_frame *ret_frame)
{
    static uint8_t bytes[KR_CLIENT_FRAME_BYTES_MAX];
    uint8_t head[4];
    if (!keeper_get(fd, head, sizeof head)) {
        return false;
    }
    size_t len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    return len <= sizeof bytes && keeper_get(fd, bytes, len) &&
           kr_client_frame_read((struct kr_slice){bytes, len}, true, ret_frame) == KR_OK;
}

static inline void keeper_say(int fd, const struct kr_client_frame *frame)
{
    struct kr_writer writer;
    kr_writer_init(&writer, KR_CLIENT_FRAME_BYTES_MAX);
    kr_client_frame_write(frame, false, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    const uint8_t head[4] = {(uint8_t)(writer.len >> 24), (uint8_t)(writer.len >> 16), (uint8_t)(writer.len >> 8),
                             (uint8_t)writer.len};
    assert_int_equal(send(fd, head, 4, MSG_NOSIGNAL), 4);
    assert_int_equal(send(fd, writer.bytes, writer.len, MSG_NOSIGNAL), writer.len);
    kr_writer_deinit(&writer);
}

#endif
