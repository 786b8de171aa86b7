/* The meter on connections of its own: real ones on loopback, without ZeroMQ. */
#include "net_test.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/net/meter.h"

#define BYTES_MAX     (64u * KR_KIB)
#define ALL_BYTES_MAX (4u * BYTES_MAX)
#define DESCRIPTORS   64u

static struct kr_meter meter;

struct connection {
    int ours, theirs;
};

static struct connection connect_two(void)
{
    struct connection connection;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    connection.theirs = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(connection.theirs, (const struct sockaddr *)&address, sizeof address), 0);
    connection.ours = accept(listener, NULL, NULL);
    assert_true(connection.ours >= 0 && (uint32_t)connection.ours < DESCRIPTORS);
    assert_int_equal(close(listener), 0);
    return connection;
}

static void disconnect(const struct connection *connection)
{
    assert_int_equal(close(connection->ours) + close(connection->theirs), 0);
}

/* They send so much, and we read it as ZeroMQ does, whether a message ends or not. */
static void bring(const struct connection *connection, size_t len)
{
    static uint8_t bytes[KR_KIB];
    for (; len > 0; len -= len < sizeof bytes ? len : sizeof bytes) {
        const size_t some = len < sizeof bytes ? len : sizeof bytes;
        assert_int_equal(send(connection->theirs, bytes, some, MSG_NOSIGNAL), some);
        assert_int_equal(recv(connection->ours, bytes, some, MSG_WAITALL), some);
    }
}

static uint32_t look(uint32_t *ret_again_ms)
{
    return kr_meter_look(&meter, DESCRIPTORS, BYTES_MAX, ALL_BYTES_MAX, ret_again_ms);
}

static bool is_cut(const struct connection *connection)
{
    uint8_t byte;
    return recv(connection->theirs, &byte, 1, MSG_DONTWAIT) == 0;
}

static int set_up(void **state)
{
    (void)state;
    memset(&meter, 0, sizeof meter);
    return 0;
}

static void test_who_ends_no_message_is_cut(void **state)
{
    (void)state;
    uint32_t again_ms = 0;
    struct connection endless = connect_two(), silent = connect_two();
    assert_int_equal(look(&again_ms), 0);
    assert_int_equal(again_ms, KR_METER_MS);
    bring(&endless, BYTES_MAX / 2);
    assert_int_equal(look(&again_ms), 0);
    assert_int_equal(again_ms, KR_METER_BUSY_MS);
    bring(&endless, BYTES_MAX / 2);
    assert_int_equal(look(&again_ms), 0);
    bring(&endless, 1);
    assert_int_equal(look(&again_ms), 1);
    assert_true(is_cut(&endless));
    assert_false(is_cut(&silent));
    disconnect(&endless);
    disconnect(&silent);
}

static void test_each_message_begins_the_count_anew(void **state)
{
    (void)state;
    uint32_t again_ms = 0;
    struct connection busy = connect_two();
    for (unsigned i = 0; i < 8; i++) {
        bring(&busy, BYTES_MAX);
        kr_meter_heard(&meter, busy.ours);
        assert_int_equal(look(&again_ms), 0);
    }
    bring(&busy, BYTES_MAX + 1);
    assert_int_equal(look(&again_ms), 1);
    disconnect(&busy);
}

/* Many connections, each below its own bound: together they are not. Those with most go, and only as many as must. */
static void test_many_connections_together_are_bounded(void **state)
{
    (void)state;
    enum { HOSTILE = 6 };
    uint32_t again_ms = 0, cut = 0;
    struct connection honest = connect_two(), hostile[HOSTILE];
    bring(&honest, ALL_BYTES_MAX / 8);
    for (uint32_t i = 0; i < HOSTILE; i++) {
        hostile[i] = connect_two();
    }
    for (uint32_t i = 0; i < 3; i++) {
        bring(&hostile[i], BYTES_MAX);
    }
    assert_int_equal(look(&again_ms), 0);
    for (uint32_t i = 3; i < HOSTILE; i++) {
        bring(&hostile[i], BYTES_MAX);
    }
    assert_int_equal(look(&again_ms), 3); /* six and a half times the bound of one; four may be */
    for (uint32_t i = 0; i < HOSTILE; i++) {
        cut += is_cut(&hostile[i]);
    }
    assert_int_equal(cut, 3);
    assert_false(is_cut(&honest));
    for (uint32_t i = 0; i < HOSTILE; i++) {
        disconnect(&hostile[i]);
    }
    disconnect(&honest);
}

/* Far below its own bound each, and yet to be looked at sooner. */
static void test_many_connections_are_looked_at_soon(void **state)
{
    (void)state;
    enum { COUNT = 5 };
    uint32_t again_ms = 0;
    struct connection some[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        some[i] = connect_two();
    }
    for (uint32_t i = 0; i < COUNT - 1; i++) {
        bring(&some[i], BYTES_MAX / 4);
    }
    assert_int_equal(look(&again_ms), 0);
    assert_int_equal(again_ms, KR_METER_MS);
    bring(&some[COUNT - 1], 1);
    assert_int_equal(look(&again_ms), 0);
    assert_int_equal(again_ms, KR_METER_BUSY_MS);
    for (uint32_t i = 0; i < COUNT; i++) {
        disconnect(&some[i]);
    }
}

/* A number that was another connection's says nothing of that which has it now. */
static void test_a_number_is_used_again(void **state)
{
    (void)state;
    uint32_t again_ms = 0;
    struct connection first = connect_two();
    bring(&first, 3 * BYTES_MAX);
    kr_meter_heard(&meter, first.ours);
    assert_int_equal(look(&again_ms), 0);
    const int number = first.ours;
    disconnect(&first);
    struct connection second = connect_two();
    assert_int_equal(second.ours, number);
    bring(&second, BYTES_MAX);
    assert_int_equal(look(&again_ms), 0);
    bring(&second, 1);
    assert_int_equal(look(&again_ms), 1);
    disconnect(&second);
}

static void test_what_is_no_connection_is_passed_over(void **state)
{
    (void)state;
    int pair[2];
    uint32_t again_ms = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    kr_meter_heard(&meter, -1);
    kr_meter_heard(&meter, KR_METER_DESCRIPTORS_MAX);
    assert_int_equal(look(&again_ms), 0);
    assert_int_equal(kr_meter_look(&meter, UINT32_MAX, 0, 0, &again_ms), 0); /* more than this process may have */
    assert_int_equal(close(pair[0]) + close(pair[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_who_ends_no_message_is_cut, set_up),
        cmocka_unit_test_setup(test_each_message_begins_the_count_anew, set_up),
        cmocka_unit_test_setup(test_many_connections_together_are_bounded, set_up),
        cmocka_unit_test_setup(test_many_connections_are_looked_at_soon, set_up),
        cmocka_unit_test_setup(test_a_number_is_used_again, set_up),
        cmocka_unit_test_setup(test_what_is_no_connection_is_passed_over, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
