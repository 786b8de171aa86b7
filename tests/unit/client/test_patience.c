/* Looking out before sleeping: who is patient, and when no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/client/patience.h"

#define LONG_MS 5 /* a hundred times the patience */

static int ends[2];

static int set_up(void **state)
{
    (void)state;
    return socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
}

static int tear_down(void **state)
{
    (void)state;
    return close(ends[0]) + close(ends[1]);
}

static void test_what_is_there_is_seen(void **state)
{
    (void)state;
    struct kr_patience patience = {0};
    struct pollfd wait = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(kr_patience_poll(&patience, &wait, -1), 1);
    assert_int_equal(wait.revents, POLLIN);
}

static void test_who_waited_long_sleeps_at_once(void **state)
{
    (void)state;
    struct kr_patience patience = {0};
    struct pollfd wait = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(kr_patience_poll(&patience, &wait, LONG_MS), 0);
    assert_false(patience.is_patient);
}

/* Some of many waits of nothing take less than 50 µs, whatever else the machine does. */
static void test_who_was_answered_soon_looks_out(void **state)
{
    (void)state;
    struct kr_patience patience = {0};
    struct pollfd wait = {.fd = ends[0], .events = POLLIN};
    bool was_patient = false;
    assert_int_equal(write(ends[1], "x", 1), 1);
    for (int i = 0; i < 1000 && !was_patient; i++) {
        assert_int_equal(kr_patience_poll(&patience, &wait, LONG_MS), 1);
        was_patient = patience.is_patient;
    }
    assert_int_equal(was_patient, sysconf(_SC_NPROCESSORS_ONLN) > 1);
}

/* The other end's end is an event like another. */
static void test_an_end_is_seen(void **state)
{
    (void)state;
    struct kr_patience patience = {0};
    struct pollfd wait = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(shutdown(ends[1], SHUT_RDWR), 0);
    assert_int_equal(kr_patience_poll(&patience, &wait, -1), 1);
    assert_true((wait.revents & POLLHUP) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_there_is_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_waited_long_sleeps_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_was_answered_soon_looks_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_end_is_seen, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
