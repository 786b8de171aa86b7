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
    uint16_t port; /* ours */
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
    connection.port = ntohs(address.sin_port);
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

static struct kr_meter_bounds bounds(void)
{
    return (struct kr_meter_bounds){.descriptors = DESCRIPTORS, .bytes_max = BYTES_MAX, .all_bytes_max = ALL_BYTES_MAX};
}

static uint32_t look(uint32_t *ret_again_ms)
{
    const struct kr_meter_bounds these = bounds();
    const struct kr_meter_found found = kr_meter_look(&meter, &these);
    *ret_again_ms = found.again_ms;
    assert_int_equal(found.strangers, 0); /* it does not listen */
    return found.unended;
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
    const struct kr_meter_bounds all = {.descriptors = UINT32_MAX, .port = 1}; /* more than this process may have */
    const struct kr_meter_found found = kr_meter_look(&meter, &all);
    assert_int_equal(found.unended + found.strangers, 0);
    assert_int_equal(close(pair[0]) + close(pair[1]), 0);
}

/* ---- strangers ---- */

#define STRANGERS_MAX 4u

/* They all come to one port. */
struct crowd {
    int listener;
    struct sockaddr_in address;
};

static struct crowd listen_for_a_crowd(void)
{
    struct crowd crowd = {.address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof crowd.address;
    crowd.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(crowd.listener, (const struct sockaddr *)&crowd.address, sizeof crowd.address), 0);
    assert_int_equal(listen(crowd.listener, 16), 0);
    assert_int_equal(getsockname(crowd.listener, (struct sockaddr *)&crowd.address, &len), 0);
    return crowd;
}

static struct connection join_crowd(const struct crowd *crowd, uint8_t host)
{
    const struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000u | host)};
    struct connection connection = {.theirs = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(bind(connection.theirs, (const struct sockaddr *)&source, sizeof source), 0);
    assert_int_equal(connect(connection.theirs, (const struct sockaddr *)&crowd->address, sizeof crowd->address), 0);
    connection.ours = accept(crowd->listener, NULL, NULL);
    assert_true(connection.ours >= 0 && (uint32_t)connection.ours < DESCRIPTORS);
    return connection;
}

static struct kr_meter_found look_at_crowd(const struct crowd *crowd)
{
    struct kr_meter_bounds these = bounds();
    these.port = ntohs(crowd->address.sin_port);
    these.strangers_max = STRANGERS_MAX;
    return kr_meter_look(&meter, &these);
}

/* One address has most: its oldest go, whoever came before or after it from elsewhere stays. */
static void test_of_too_many_strangers_those_go_whose_address_has_most(void **state)
{
    (void)state;
    enum { MANY = 5 };
    const struct crowd crowd = listen_for_a_crowd();
    struct connection many[MANY], before = join_crowd(&crowd, 2), after;
    for (uint32_t i = 0; i < MANY; i++) {
        if (i == STRANGERS_MAX - 1) { /* as many as may be, and half of them is reason to look soon */
            const struct kr_meter_found found = look_at_crowd(&crowd);
            assert_int_equal(found.strangers, 0);
            assert_int_equal(found.again_ms, KR_METER_BUSY_MS);
        }
        many[i] = join_crowd(&crowd, 3);
    }
    after = join_crowd(&crowd, 4);
    const struct kr_meter_found found = look_at_crowd(&crowd); /* seven */
    assert_int_equal(found.strangers, 3);
    assert_int_equal(found.unended, 0);
    assert_int_equal(found.stranger.address[15], 3);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(is_cut(&many[i]), i < 3);
        disconnect(&many[i]);
    }
    assert_false(is_cut(&before) || is_cut(&after));
    disconnect(&before);
    disconnect(&after);
    assert_int_equal(close(crowd.listener), 0);
}

/* More addresses than may wait: whoever has waited longest goes. */
static void test_of_strangers_from_everywhere_the_oldest_go(void **state)
{
    (void)state;
    enum { COUNT = STRANGERS_MAX + 2 };
    const struct crowd crowd = listen_for_a_crowd();
    struct connection all[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(look_at_crowd(&crowd).strangers, i == COUNT - 1);
        all[i] = join_crowd(&crowd, (uint8_t)(100 - i));
    }
    assert_int_equal(look_at_crowd(&crowd).strangers, 1);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(is_cut(&all[i]), i < 2);
        disconnect(&all[i]);
    }
    assert_int_equal(close(crowd.listener), 0);
}

static void test_who_was_heard_is_no_stranger(void **state)
{
    (void)state;
    enum { COUNT = 2 * STRANGERS_MAX };
    const struct crowd crowd = listen_for_a_crowd();
    struct connection all[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        all[i] = join_crowd(&crowd, 2);
        if (i >= STRANGERS_MAX / 2) {
            kr_meter_heard(&meter, all[i].ours);
        }
    }
    struct kr_meter_found found = look_at_crowd(&crowd);
    assert_int_equal(found.strangers, 0);
    assert_int_equal(found.again_ms, KR_METER_MS);
    const int number = all[COUNT - 1].ours; /* whoever has its number next is one again */
    for (uint32_t i = 0; i < STRANGERS_MAX - STRANGERS_MAX / 2 + 1; i++) {
        disconnect(&all[COUNT - 1 - i]);
        all[COUNT - 1 - i] = (struct connection){.ours = -1};
    }
    for (uint32_t i = 0; i < STRANGERS_MAX - STRANGERS_MAX / 2 + 1; i++) {
        all[COUNT - 1 - i] = join_crowd(&crowd, 2);
    }
    assert_true(all[COUNT - 1].ours <= number);
    assert_int_equal(look_at_crowd(&crowd).strangers, 1);
    for (uint32_t i = 0; i < COUNT; i++) {
        disconnect(&all[i]);
    }
    assert_int_equal(close(crowd.listener), 0);
}

/* Those that it dialled itself. */
static void test_who_was_dialled_is_no_stranger(void **state)
{
    (void)state;
    enum { COUNT = STRANGERS_MAX + 2 };
    struct connection all[COUNT];
    struct kr_meter_bounds these = bounds();
    these.strangers_max = STRANGERS_MAX;
    for (uint32_t i = 0; i < COUNT; i++) {
        all[i] = connect_two();
        these.port = all[i].port;
    }
    assert_int_equal(kr_meter_look(&meter, &these).strangers, 0); /* one of them came to that port */
    for (uint32_t i = 0; i < COUNT; i++) {
        disconnect(&all[i]);
    }
}

static void test_a_connection_is_shut_only_while_it_is_that(void **state)
{
    (void)state;
    struct kr_connection first, none;
    struct connection one = connect_two();
    assert_true(kr_connection_of(one.ours, &first));
    const int number = one.ours;
    disconnect(&one);
    struct connection other = connect_two();
    assert_int_equal(other.ours, number);
    kr_connection_shut(&first);
    assert_false(is_cut(&other));
    assert_true(kr_connection_of(other.ours, &first));
    kr_connection_shut(&first);
    assert_true(is_cut(&other));
    assert_false(kr_connection_of(-1, &none));
    kr_connection_shut(&none);
    disconnect(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_who_ends_no_message_is_cut, set_up),
        cmocka_unit_test_setup(test_each_message_begins_the_count_anew, set_up),
        cmocka_unit_test_setup(test_many_connections_together_are_bounded, set_up),
        cmocka_unit_test_setup(test_many_connections_are_looked_at_soon, set_up),
        cmocka_unit_test_setup(test_a_number_is_used_again, set_up),
        cmocka_unit_test_setup(test_of_too_many_strangers_those_go_whose_address_has_most, set_up),
        cmocka_unit_test_setup(test_of_strangers_from_everywhere_the_oldest_go, set_up),
        cmocka_unit_test_setup(test_who_was_heard_is_no_stranger, set_up),
        cmocka_unit_test_setup(test_who_was_dialled_is_no_stranger, set_up),
        cmocka_unit_test_setup(test_a_connection_is_shut_only_while_it_is_that, set_up),
        cmocka_unit_test_setup(test_what_is_no_connection_is_passed_over, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
