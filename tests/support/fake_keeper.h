/* Keeper as a test plays it, at the other end of a client's connection: frames out, frames in, and bytes that are none. */
#ifndef KR_TEST_FAKE_KEEPER_H
#define KR_TEST_FAKE_KEEPER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
/* cmocka wants these before it. */
#include <cmocka.h>

#include "proto/client/client.h"

static inline void keeper_put(int fd, const void *bytes, size_t len)
{
    assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
}

static inline void keeper_put_length(int fd, size_t len)
{
    const uint8_t head[4] = {(uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len};
    keeper_put(fd, head, sizeof head);
}

/* For kr_writer_deinit, also in a test that says only a part of it. */
static inline void keeper_encode(const struct kr_client_frame *frame, struct kr_writer *ret_writer)
{
    kr_writer_init(ret_writer, KR_CLIENT_FRAME_BYTES_MAX);
    kr_client_frame_write(frame, false, ret_writer);
    assert_int_equal(kr_writer_finish(ret_writer), KR_OK);
}

static inline void keeper_say(int fd, const struct kr_client_frame *frame)
{
    struct kr_writer writer;
    keeper_encode(frame, &writer);
    keeper_put_length(fd, writer.len);
    keeper_put(fd, writer.bytes, writer.len);
    kr_writer_deinit(&writer);
}

/* The end of an answer, with what comes of it; the writer is freed. */
static inline void keeper_end(int fd, uint64_t number, struct kr_writer *result)
{
    static struct kr_client_frame frame;
    assert_int_equal(kr_writer_finish(result), KR_OK);
    frame = (struct kr_client_frame){.type = KR_CLIENT_END, .number = number, .payload = {result->bytes, result->len}};
    keeper_say(fd, &frame);
    kr_writer_deinit(result);
}

/* One item of an answer; likewise. */
static inline void keeper_item(int fd, uint64_t number, struct kr_writer *item)
{
    static struct kr_client_frame frame;
    assert_int_equal(kr_writer_finish(item), KR_OK);
    frame = (struct kr_client_frame){.type = KR_CLIENT_PAGE, .number = number, .item_count = 1};
    frame.items[0] = (struct kr_slice){item->bytes, item->len};
    keeper_say(fd, &frame);
    kr_writer_deinit(item);
}

static inline void keeper_nothing_more(int fd, uint64_t number)
{
    struct kr_writer result;
    kr_writer_init(&result, 16);
    kr_writer_array(&result, 0);
    keeper_end(fd, number, &result);
}

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

/* What the client says next; its slices live until the next call. False where the client has gone away, be it within a frame;
 * what it says whole must be good. */
static inline bool keeper_hear(int fd, struct kr_client_frame *ret_frame)
{
    static uint8_t bytes[KR_CLIENT_FRAME_BYTES_MAX];
    uint8_t head[4];
    if (!keeper_get(fd, head, sizeof head)) {
        return false;
    }
    size_t len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    assert_in_range(len, 1, sizeof bytes);
    if (!keeper_get(fd, bytes, len)) {
        return false;
    }
    assert_int_equal(kr_client_frame_read((struct kr_slice){bytes, len}, true, ret_frame), KR_OK);
    return true;
}

#endif
