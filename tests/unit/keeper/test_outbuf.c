#include "keeper_test.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "node/keeper/outbuf.h"

struct ends {
    int ours, theirs;
};

static struct ends connect_ends(void)
{
    int pair[2], size = 4096;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    return (struct ends){pair[0], pair[1]};
}

static void disconnect(struct ends ends)
{
    assert_int_equal(close(ends.ours), 0);
    assert_int_equal(close(ends.theirs), 0);
}

static void test_a_frame_has_its_length_in_front(void **state)
{
    (void)state;
    struct ends ends = connect_ends();
    struct kr_outbuf outbuf;
    uint8_t got[16];
    kr_outbuf_init(&outbuf, 100);
    assert_int_equal(kr_outbuf_add_frame(&outbuf, "abc", 3), KR_OK);
    assert_int_equal(kr_outbuf_flush(&outbuf, ends.ours), KR_OK);
    assert_int_equal(outbuf.len, 0);
    assert_null(outbuf.bytes); /* no memory where nothing waits */
    assert_int_equal(recv(ends.theirs, got, sizeof got, 0), 7);
    assert_memory_equal(got, "\0\0\0\3abc", 7);
    kr_outbuf_deinit(&outbuf);
    disconnect(ends);
}

static void test_the_maximum_is_kept_and_refusal_changes_nothing(void **state)
{
    (void)state;
    struct kr_outbuf outbuf;
    static const uint8_t bytes[200];
    kr_outbuf_init(&outbuf, 104);
    assert_int_equal(kr_outbuf_add_frame(&outbuf, bytes, 101), KR_BOUNDS);
    assert_int_equal(kr_outbuf_add_frame(&outbuf, bytes, SIZE_MAX), KR_BOUNDS);
    assert_int_equal(outbuf.len, 0);
    assert_int_equal(kr_outbuf_add_frame(&outbuf, bytes, 100), KR_OK);
    assert_int_equal(kr_outbuf_add_frame(&outbuf, bytes, 0), KR_BOUNDS);
    assert_int_equal(outbuf.len, 104);
    kr_outbuf_deinit(&outbuf);
}

/* A reader that takes a little at a time gets every byte in order, whatever the buffer does inside. */
static void test_nothing_is_lost_or_moved_with_a_slow_reader(void **state)
{
    (void)state;
    struct ends ends = connect_ends();
    struct kr_outbuf outbuf;
    const uint32_t total = 3000;
    uint32_t put = 0, got_frames = 0;
    size_t got_len = 0;
    static uint8_t got[3000 * 104];
    kr_outbuf_init(&outbuf, 20000);
    while (got_frames < total) {
        while (put < total) {
            uint8_t frame[100];
            memset(frame, (int)(put & 0xFF), sizeof frame);
            memcpy(frame, &put, sizeof put);
            if (kr_outbuf_add_frame(&outbuf, frame, sizeof frame) != KR_OK) {
                break;
            }
            put++;
            assert_int_equal(kr_outbuf_flush(&outbuf, ends.ours), KR_OK);
        }
        ssize_t len = recv(ends.theirs, got + got_len, 777, MSG_DONTWAIT);
        assert_true(len > 0 || put == total);
        got_len += len > 0 ? (size_t)len : 0;
        got_frames = (uint32_t)(got_len / 104);
        assert_int_equal(kr_outbuf_flush(&outbuf, ends.ours), KR_OK);
    }
    for (uint32_t i = 0; i < total; i++) {
        uint32_t number = 0;
        memcpy(&number, got + i * 104 + 4, sizeof number);
        assert_int_equal(number, i);
        assert_int_equal(got[i * 104 + 103], i & 0xFF);
    }
    assert_int_equal(outbuf.len, 0);
    kr_outbuf_deinit(&outbuf);
    disconnect(ends);
}

static void test_an_end_that_is_gone_is_told(void **state)
{
    (void)state;
    struct ends ends = connect_ends();
    struct kr_outbuf outbuf;
    kr_outbuf_init(&outbuf, 100);
    assert_int_equal(close(ends.theirs), 0);
    assert_int_equal(kr_outbuf_add_frame(&outbuf, "abc", 3), KR_OK);
    assert_int_equal(kr_outbuf_flush(&outbuf, ends.ours), KR_CLOSED);
    kr_outbuf_deinit(&outbuf);
    assert_int_equal(close(ends.ours), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_frame_has_its_length_in_front),
        cmocka_unit_test(test_the_maximum_is_kept_and_refusal_changes_nothing),
        cmocka_unit_test(test_nothing_is_lost_or_moved_with_a_slow_reader),
        cmocka_unit_test(test_an_end_that_is_gone_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
