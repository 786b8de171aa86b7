/* A client of keeper in its barest form: whole frames out, whole frames in, nothing waits longer than ten seconds. */
#ifndef KR_TEST_TALK_H
#define KR_TEST_TALK_H

#include "keeper_test.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "proto/client/client.h"

struct talk {
    int fd;
    uint8_t *bytes; /* of the last frame that came */
    struct kr_client_frame frame;
};

static inline void talk_open(struct talk *talk, int fd)
{
    const struct timeval limit = {.tv_sec = 10};
    *talk = (struct talk){.fd = fd};
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
}

static inline void talk_close(struct talk *talk)
{
    free(talk->bytes);
    assert_int_equal(close(talk->fd), 0);
}

static inline void talk_put(struct talk *talk, const void *bytes, size_t len)
{
    assert_int_equal(send(talk->fd, bytes, len, MSG_NOSIGNAL), len);
}

static inline void talk_put_length(struct talk *talk, uint32_t len)
{
    const uint8_t head[4] = {(uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len};
    talk_put(talk, head, sizeof head);
}

static inline void talk_say(struct talk *talk, const struct kr_client_frame *frame)
{
    struct kr_writer writer;
    kr_writer_init(&writer, KR_CLIENT_FRAME_BYTES_MAX);
    kr_client_frame_write(frame, true, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    talk_put_length(talk, (uint32_t)writer.len);
    talk_put(talk, writer.bytes, writer.len);
    kr_writer_deinit(&writer);
}

static inline void talk_hello(struct talk *talk, uint32_t version, const char *language)
{
    static struct kr_client_frame frame;
    frame.type = KR_CLIENT_HELLO;
    frame.version = version;
    frame.text = (struct kr_slice){(const uint8_t *)"test", 4};
    frame.text2 = (struct kr_slice){(const uint8_t *)language, strlen(language)};
    talk_say(talk, &frame);
}

static inline void talk_request(struct talk *talk, uint64_t number, uint32_t op, const void *args, size_t len, uint32_t credits)
{
    static struct kr_client_frame frame;
    frame.type = KR_CLIENT_REQUEST;
    frame.number = number;
    frame.op = op;
    frame.payload = (struct kr_slice){args, len};
    frame.credits = credits;
    talk_say(talk, &frame);
}

static inline void talk_credit(struct talk *talk, uint64_t number, uint32_t credits)
{
    static struct kr_client_frame frame;
    frame.type = KR_CLIENT_CREDIT;
    frame.number = number;
    frame.credits = credits;
    talk_say(talk, &frame);
}

static inline void talk_cancel(struct talk *talk, uint64_t number)
{
    static struct kr_client_frame frame;
    frame.type = KR_CLIENT_CANCEL;
    frame.number = number;
    talk_say(talk, &frame);
}

/* False at the end of the stream. */
static inline bool talk_get(struct talk *talk, void *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t got = recv(talk->fd, (uint8_t *)bytes + at, len - at, 0);
        if (got == 0 || (got < 0 && errno == ECONNRESET)) {
            assert_int_equal(at, 0);
            return false;
        }
        assert_true(got > 0); /* else ten seconds are over */
        at += (size_t)got;
    }
    return true;
}

/* The next frame in talk->frame; false at the end of the stream. */
static inline bool talk_next(struct talk *talk)
{
    uint8_t head[4];
    if (!talk_get(talk, head, sizeof head)) {
        return false;
    }
    size_t len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    assert_true(len > 0 && len <= KR_CLIENT_FRAME_BYTES_MAX);
    free(talk->bytes);
    talk->bytes = malloc(len);
    assert_non_null(talk->bytes);
    assert_true(talk_get(talk, talk->bytes, len));
    assert_int_equal(kr_client_frame_read((struct kr_slice){talk->bytes, len}, false, &talk->frame), KR_OK);
    return true;
}

static inline void talk_expect(struct talk *talk, uint32_t type, uint64_t number)
{
    assert_true(talk_next(talk));
    assert_int_equal(talk->frame.type, type);
    assert_int_equal(talk->frame.number, number);
}

static inline void talk_expect_error(struct talk *talk, uint64_t number, enum kr_err code)
{
    talk_expect(talk, KR_CLIENT_ERROR, number);
    assert_int_equal(talk->frame.code, code);
    assert_true(talk->frame.text.len > 0);
}

/* Told why, then closed. */
static inline void talk_expect_refusal(struct talk *talk, enum kr_err code)
{
    talk_expect_error(talk, 0, code);
    assert_false(talk_next(talk));
}

static inline void talk_greet(struct talk *talk)
{
    talk_hello(talk, KR_CLIENT_VERSION, "en");
    talk_expect(talk, KR_CLIENT_HELLO, 0);
}

#endif
