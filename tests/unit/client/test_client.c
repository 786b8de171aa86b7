/* The client against a keeper that is played by this test: what it says lies in the socket before the client reads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/fake_keeper.h"
#include "tools/client/client.h"

struct fake {
    int fd;
    struct kr_conn *conn;
    struct kr_error error;
};

static struct kr_slice text(const char *words)
{
    return (struct kr_slice){(const uint8_t *)words, strlen(words)};
}

static void say_hello(int fd, uint32_t version)
{
    static struct kr_client_frame hello;
    hello = (struct kr_client_frame){.type = KR_CLIENT_HELLO, .version = version, .text = text("Hokkaido")};
    memset(hello.council, 7, sizeof hello.council);
    keeper_say(fd, &hello);
}

static void say_page(int fd, uint64_t number, uint32_t count)
{
    static struct kr_client_frame page;
    page = (struct kr_client_frame){.type = KR_CLIENT_PAGE, .number = number, .item_count = count};
    for (uint32_t i = 0; i < count; i++) {
        page.items[i] = text("item");
    }
    keeper_say(fd, &page);
}

static void say_end(int fd, uint64_t number, const char *result)
{
    static struct kr_client_frame end;
    end = (struct kr_client_frame){.type = KR_CLIENT_END, .number = number, .payload = text(result)};
    keeper_say(fd, &end);
}

static void say_error(int fd, uint64_t number, uint32_t code, const char *detail)
{
    static struct kr_client_frame error;
    error = (struct kr_client_frame){.type = KR_CLIENT_ERROR, .number = number, .code = code, .text = text(detail)};
    keeper_say(fd, &error);
}

static int pair_up(int *ret_fd)
{
    int fds[2];
    const struct timeval limit = {.tv_sec = 10};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    *ret_fd = fds[0];
    return fds[1];
}

static void begin(struct fake *fake)
{
    *fake = (struct fake){0};
    int fd = pair_up(&fake->fd);
    say_hello(fake->fd, KR_CLIENT_VERSION);
    assert_int_equal(kr_conn_adopt(fd, "test", "ja", &fake->conn, &fake->error), KR_OK);
}

static void done(struct fake *fake)
{
    kr_conn_free(fake->conn);
    if (fake->fd >= 0) {
        assert_int_equal(close(fake->fd), 0);
    }
}

static uint64_t ask(struct fake *fake, uint32_t credits)
{
    uint64_t number = 0;
    assert_int_equal(kr_conn_request(fake->conn, KR_OP_STATUS, text("\x90"), credits, &number, &fake->error), KR_OK);
    return number;
}

static enum kr_err receive(struct fake *fake, const struct kr_client_frame **ret_frame)
{
    return kr_conn_receive(fake->conn, 10000, ret_frame, &fake->error);
}

static void test_greets(void **state)
{
    (void)state;
    static struct kr_client_frame frame;
    struct fake fake;
    uint8_t council[32];
    begin(&fake);
    memset(council, 7, sizeof council);
    assert_memory_equal(kr_conn_council(fake.conn), council, 32);
    assert_string_equal(kr_conn_name(fake.conn), "Hokkaido");
    assert_true(keeper_hear(fake.fd, &frame));
    assert_int_equal(frame.type, KR_CLIENT_HELLO);
    assert_int_equal(frame.version, KR_CLIENT_VERSION);
    assert_memory_equal(frame.text2.bytes, "ja", 2);
    done(&fake);
}

static enum kr_err adopt_after(void (*script)(int fd), struct kr_error *error)
{
    struct kr_conn *conn = NULL;
    int theirs;
    int ours = pair_up(&theirs);
    script(theirs);
    assert_int_equal(shutdown(theirs, SHUT_WR), 0);
    enum kr_err err = kr_conn_adopt(ours, "test", "en", &conn, error);
    assert_null(conn);
    assert_int_equal(close(theirs), 0);
    return err;
}

static void script_version(int fd)
{
    say_hello(fd, KR_CLIENT_VERSION + 1);
}

static void script_refusal(int fd)
{
    say_error(fd, 0, KR_DENIED, "not you");
}

static void script_silence(int fd)
{
    (void)fd;
}

static void script_web(int fd)
{
    keeper_put(fd, "HTTP/1.1 400 Bad Request\r\n", 26);
}

static void script_page(int fd)
{
    say_page(fd, 1, 1);
}

static void test_hello_refused(void **state)
{
    (void)state;
    struct kr_error error = {0};
    assert_int_equal(adopt_after(script_version, &error), KR_VERSION);
    assert_int_equal(adopt_after(script_refusal, &error), KR_DENIED);
    assert_string_equal(error.text, "not you");
    assert_int_equal(adopt_after(script_silence, &error), KR_CLOSED);
    assert_int_equal(adopt_after(script_web, &error), KR_BOUNDS);
    assert_int_equal(adopt_after(script_page, &error), KR_MALFORMED);
}

static void test_nobody_there(void **state)
{
    (void)state;
    struct kr_conn *conn = NULL;
    struct kr_error error = {0};
    char path[200] = {0};
    assert_int_equal(kr_conn_open("/nowhere/kairand.sock", "test", "en", &conn, &error), KR_NOT_FOUND);
    assert_non_null(strstr(error.text, "kairand"));
    memset(path, 'a', sizeof path - 1);
    assert_int_equal(kr_conn_open(path, "test", "en", &conn, &error), KR_BOUNDS);
    assert_null(conn);
}

struct counted {
    uint32_t items, stop_at;
};

static enum kr_err count_item(void *context, struct kr_slice item)
{
    struct counted *counted = context;
    assert_int_equal(item.len, 4);
    return ++counted->items == counted->stop_at ? KR_DENIED : KR_OK;
}

static void test_call_grants_page_by_page(void **state)
{
    (void)state;
    static struct kr_client_frame frame;
    struct fake fake;
    struct counted counted = {0};
    struct kr_slice result = {0};
    begin(&fake);
    for (int i = 0; i < 3; i++) {
        say_page(fake.fd, 1, 5);
    }
    say_end(fake.fd, 1, "result");
    assert_int_equal(kr_conn_call(fake.conn, KR_OP_LS, text("args"), 10000, count_item, &counted, &result, &fake.error), KR_OK);
    assert_int_equal(counted.items, 15);
    assert_int_equal(result.len, 6);
    assert_memory_equal(result.bytes, "result", 6);
    assert_true(keeper_hear(fake.fd, &frame)); /* hello */
    assert_true(keeper_hear(fake.fd, &frame));
    assert_int_equal(frame.type, KR_CLIENT_REQUEST);
    assert_int_equal(frame.op, KR_OP_LS);
    assert_int_equal(frame.credits, KR_CONN_PAGES);
    for (int i = 0; i < 3; i++) {
        assert_true(keeper_hear(fake.fd, &frame));
        assert_int_equal(frame.type, KR_CLIENT_CREDIT);
        assert_int_equal(frame.credits, 1);
    }
    done(&fake);
}

static void test_call_tells_errors(void **state)
{
    (void)state;
    struct fake fake;
    char long_detail[KR_NOTE_BYTES_MAX + 1];
    begin(&fake);
    say_error(fake.fd, 1, KR_GUARDED, "held back");
    assert_int_equal(kr_conn_call(fake.conn, KR_OP_SUBMIT, text("x"), 10000, NULL, NULL, NULL, &fake.error), KR_GUARDED);
    assert_string_equal(fake.error.text, "held back");
    say_error(fake.fd, 2, 4711, "of a newer node");
    assert_int_equal(kr_conn_call(fake.conn, KR_OP_SUBMIT, text("x"), 10000, NULL, NULL, NULL, &fake.error), KR_INVALID);
    for (size_t i = 0; i + 3 < sizeof long_detail; i += 3) {
        memcpy(long_detail + i, "\xe3\x81\x82\0", 4);
    }
    say_error(fake.fd, 3, KR_IO, long_detail);
    assert_int_equal(kr_conn_call(fake.conn, KR_OP_SUBMIT, text("x"), 10000, NULL, NULL, NULL, &fake.error), KR_IO);
    assert_int_equal(strlen(fake.error.text), 510); /* whole characters */
    done(&fake);
}

static void test_call_stopped_by_its_caller(void **state)
{
    (void)state;
    struct fake fake;
    struct counted counted = {.stop_at = 2};
    begin(&fake);
    say_page(fake.fd, 1, 5);
    say_page(fake.fd, 1, 5);
    say_error(fake.fd, 1, KR_CANCELLED, "cancelled");
    say_end(fake.fd, 2, "");
    assert_int_equal(kr_conn_call(fake.conn, KR_OP_LS, text("x"), 10000, count_item, &counted, NULL, &fake.error), KR_DENIED);
    assert_int_equal(counted.items, 2);
    assert_int_equal(kr_conn_call(fake.conn, KR_OP_LS, text("x"), 10000, count_item, &counted, NULL, &fake.error), KR_OK);
    done(&fake);
}

static void test_call_out_of_time(void **state)
{
    (void)state;
    static struct kr_client_frame frame;
    struct fake fake;
    struct counted counted = {0};
    begin(&fake);
    assert_int_equal(kr_conn_call(fake.conn, KR_OP_LS, text("x"), 1, count_item, &counted, NULL, &fake.error), KR_TIMEOUT);
    assert_true(keeper_hear(fake.fd, &frame));
    assert_true(keeper_hear(fake.fd, &frame));
    assert_true(keeper_hear(fake.fd, &frame));
    assert_int_equal(frame.type, KR_CLIENT_CANCEL);
    assert_int_equal(frame.number, 1);
    say_page(fake.fd, 1, 5);
    say_error(fake.fd, 1, KR_CANCELLED, "cancelled");
    say_page(fake.fd, 2, 1);
    say_end(fake.fd, 2, "");
    assert_int_equal(kr_conn_call(fake.conn, KR_OP_LS, text("x"), 10000, count_item, &counted, NULL, &fake.error), KR_OK);
    assert_int_equal(counted.items, 1);
    done(&fake);
}

/* Whatever a broken connection is asked for, it says why it broke. */
static void expect_broken(struct fake *fake, enum kr_err expected)
{
    const struct kr_client_frame *frame = NULL;
    uint64_t number = 0;
    assert_int_equal(receive(fake, &frame), expected);
    assert_null(frame);
    assert_true(fake->error.text[0] != 0);
    fake->error.text[0] = 0;
    assert_int_equal(receive(fake, &frame), expected);
    assert_int_equal(kr_conn_request(fake->conn, KR_OP_STATUS, text("x"), 1, &number, &fake->error), expected);
    assert_true(fake->error.text[0] != 0);
    assert_int_equal(number, 0);
}

static void test_oversized_frame(void **state)
{
    (void)state;
    const size_t lengths[] = {0, KR_CLIENT_FRAME_BYTES_MAX + 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct fake fake;
        begin(&fake);
        (void)ask(&fake, 1);
        keeper_put_length(fake.fd, lengths[i]);
        expect_broken(&fake, KR_BOUNDS);
        done(&fake);
    }
}

/* Keeper dies after each byte of an answer. */
static void test_truncated_everywhere(void **state)
{
    (void)state;
    static struct kr_client_frame page;
    struct kr_writer writer;
    page = (struct kr_client_frame){.type = KR_CLIENT_PAGE, .number = 1, .item_count = 2};
    page.items[0] = text("one");
    page.items[1] = text("two");
    keeper_encode(&page, &writer);
    for (size_t cut = 0; cut < writer.len + 4; cut++) {
        struct fake fake;
        const uint8_t head[4] = {0, 0, 0, (uint8_t)writer.len};
        begin(&fake);
        (void)ask(&fake, 1);
        keeper_put(fake.fd, head, cut < 4 ? cut : 4);
        keeper_put(fake.fd, writer.bytes, cut < 4 ? 0 : cut - 4);
        assert_int_equal(shutdown(fake.fd, SHUT_WR), 0);
        expect_broken(&fake, KR_CLOSED);
        done(&fake);
    }
    kr_writer_deinit(&writer);
}

static void test_garbage_in_a_frame(void **state)
{
    (void)state;
    struct fake fake;
    begin(&fake);
    (void)ask(&fake, 1);
    keeper_put_length(fake.fd, 5);
    keeper_put(fake.fd, "\x93\x04\x01\x90\x90", 5);
    expect_broken(&fake, KR_MALFORMED);
    done(&fake);
}

static void test_wrong_number(void **state)
{
    (void)state;
    struct fake fake;
    begin(&fake);
    say_end(fake.fd, ask(&fake, 1) + 1, "");
    expect_broken(&fake, KR_MALFORMED);
    done(&fake);
}

static void test_answer_twice(void **state)
{
    (void)state;
    struct fake fake;
    const struct kr_client_frame *frame;
    begin(&fake);
    uint64_t number = ask(&fake, 1);
    say_end(fake.fd, number, "");
    say_end(fake.fd, number, "");
    assert_int_equal(receive(&fake, &frame), KR_OK);
    expect_broken(&fake, KR_MALFORMED);
    done(&fake);
}

static void test_page_without_credit(void **state)
{
    (void)state;
    struct fake fake;
    const struct kr_client_frame *frame;
    begin(&fake);
    uint64_t number = ask(&fake, 1);
    say_page(fake.fd, number, 1);
    say_page(fake.fd, number, 1);
    assert_int_equal(receive(&fake, &frame), KR_OK);
    expect_broken(&fake, KR_MALFORMED);
    done(&fake);
}

static void test_second_hello(void **state)
{
    (void)state;
    struct fake fake;
    begin(&fake);
    (void)ask(&fake, 1);
    say_hello(fake.fd, KR_CLIENT_VERSION);
    expect_broken(&fake, KR_MALFORMED);
    done(&fake);
}

static void test_refused_later(void **state)
{
    (void)state;
    struct fake fake;
    begin(&fake);
    (void)ask(&fake, 1);
    say_error(fake.fd, 0, KR_BUSY, "too many clients");
    expect_broken(&fake, KR_BUSY);
    assert_string_equal(fake.error.text, "too many clients");
    done(&fake);
}

/* What keeper said before it went away is still heard, also where our writing finds the end first. */
static void test_last_words(void **state)
{
    (void)state;
    struct fake fake;
    const struct kr_client_frame *frame;
    begin(&fake);
    uint64_t first = ask(&fake, 1);
    uint64_t second = ask(&fake, 1);
    say_end(fake.fd, first, "safe");
    say_error(fake.fd, second, KR_STORE_FULL, "full");
    assert_int_equal(close(fake.fd), 0);
    fake.fd = -1;
    assert_int_equal(receive(&fake, &frame), KR_OK);
    assert_int_equal(frame->number, first);
    assert_memory_equal(frame->payload.bytes, "safe", 4);
    assert_int_equal(receive(&fake, &frame), KR_OK);
    assert_int_equal(frame->number, second);
    assert_int_equal(kr_conn_frame_error(frame, &fake.error), KR_STORE_FULL);
    assert_int_equal(receive(&fake, &frame), KR_CLOSED);
    done(&fake);
}

static void test_nothing_yet(void **state)
{
    (void)state;
    struct fake fake;
    const struct kr_client_frame *frame = NULL;
    begin(&fake);
    uint64_t number = ask(&fake, 1);
    assert_int_equal(kr_conn_receive(fake.conn, 0, &frame, &fake.error), KR_TIMEOUT);
    say_end(fake.fd, number, "");
    assert_int_equal(kr_conn_receive(fake.conn, 0, &frame, &fake.error), KR_OK);
    done(&fake);
}

#define MANY 600u

/* Answers each of MANY large requests with as much, and reads nothing while it writes. */
static void *echo(void *context)
{
    static struct kr_client_frame frame;
    static char answer[20001];
    int fd = *(int *)context;
    memset(answer, 'a', sizeof answer - 1);
    assert_true(keeper_hear(fd, &frame));
    for (uint32_t i = 0; i < MANY; i++) {
        assert_true(keeper_hear(fd, &frame));
        say_end(fd, frame.number, answer);
    }
    return NULL;
}

static void test_pipelining_does_not_lock_up(void **state)
{
    (void)state;
    struct fake fake;
    pthread_t thread;
    uint8_t *args = calloc(1, 20000);
    const struct kr_client_frame *frame;
    uint64_t number;
    uint32_t answers = 0;
    begin(&fake);
    assert_non_null(args);
    assert_int_equal(pthread_create(&thread, NULL, echo, &fake.fd), 0);
    for (uint32_t i = 0; i < MANY; i++) { /* 12 MB; the sockets hold far less, answers may pile up to 8 MiB */
        assert_int_equal(kr_conn_request(fake.conn, KR_OP_SUBMIT, (struct kr_slice){args, 20000}, 0, &number, &fake.error), KR_OK);
        while (i >= 200 && answers + 200 < i) {
            assert_int_equal(receive(&fake, &frame), KR_OK);
            answers++;
        }
    }
    for (; answers < MANY; answers++) {
        assert_int_equal(receive(&fake, &frame), KR_OK);
        assert_int_equal(frame->payload.len, 20000);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(kr_conn_wants_write(fake.conn));
    free(args);
    done(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greets),
        cmocka_unit_test(test_hello_refused),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_call_grants_page_by_page),
        cmocka_unit_test(test_call_tells_errors),
        cmocka_unit_test(test_call_stopped_by_its_caller),
        cmocka_unit_test(test_call_out_of_time),
        cmocka_unit_test(test_oversized_frame),
        cmocka_unit_test(test_truncated_everywhere),
        cmocka_unit_test(test_garbage_in_a_frame),
        cmocka_unit_test(test_wrong_number),
        cmocka_unit_test(test_answer_twice),
        cmocka_unit_test(test_page_without_credit),
        cmocka_unit_test(test_second_hello),
        cmocka_unit_test(test_refused_later),
        cmocka_unit_test(test_last_words),
        cmocka_unit_test(test_nothing_yet),
        cmocka_unit_test(test_pipelining_does_not_lock_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
