#include "keeper_test.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "node/keeper/notify.h"

/* A service manager's socket; `name` as NOTIFY_SOCKET has it. */
static int listen_on(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    assert_true(len < sizeof address.sun_path);
    memcpy(address.sun_path, name, len);
    bool is_abstract = name[0] == '@';
    if (is_abstract) {
        address.sun_path[0] = 0;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (is_abstract ? 0 : 1));
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0);
    return fd;
}

static void check_says(const char *name)
{
    int manager = listen_on(name);
    struct kr_notify notify;
    char text[256];
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    assert_int_equal(kr_notify_init(&notify, NULL), KR_OK);
    assert_null(getenv("NOTIFY_SOCKET")); /* no child speaks for us */
    assert_true(kr_notify_send(&notify, "READY=1\nSTATUS=listening on %s", "tcp://127.0.0.1:7117"));
    struct pollfd poller = {.fd = manager, .events = POLLIN};
    assert_int_equal(poll(&poller, 1, 5000), 1);
    ssize_t len = recv(manager, text, sizeof text - 1, 0);
    assert_true(len > 0);
    text[len] = 0;
    assert_string_equal(text, "READY=1\nSTATUS=listening on tcp://127.0.0.1:7117");
    kr_notify_deinit(&notify);
    assert_int_equal(close(manager), 0);
}

static void test_a_socket_with_a_path(void **state)
{
    check_says(test_path(*state, "notify"));
}

static void test_a_socket_in_the_abstract_name_space(void **state)
{
    (void)state;
    char name[64];
    (void)snprintf(name, sizeof name, "@kairan-test-notify-%ld", (long)getpid());
    check_says(name);
}

static void test_without_a_manager_nothing_is_said(void **state)
{
    (void)state;
    struct kr_notify notify;
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    assert_int_equal(kr_notify_init(&notify, NULL), KR_OK);
    assert_int_equal(notify.watchdog_ms, 0);
    assert_false(kr_notify_send(&notify, "READY=1"));
    kr_notify_deinit(&notify);
}

static void test_names_that_cannot_be(void **state)
{
    char longest[200];
    memset(longest, 'a', sizeof longest);
    longest[0] = '/';
    longest[sizeof longest - 1] = 0;
    const char *const names[] = {"", "relative", "@", longest};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct kr_notify notify;
        assert_int_equal(setenv("NOTIFY_SOCKET", names[i], 1), 0);
        assert_int_equal(kr_notify_init(&notify, NULL), KR_INVALID);
        assert_int_equal(notify.fd, -1);
    }
    struct kr_notify notify;
    struct kr_error error = {0};
    assert_int_equal(setenv("NOTIFY_SOCKET", test_path(*state, "nobody"), 1), 0);
    assert_int_equal(kr_notify_init(&notify, &error), KR_SYSTEM);
    assert_true(error.text[0] != 0);
}

static uint64_t watchdog(const char *directory, const char *interval, const char *pid)
{
    struct kr_notify notify;
    const char *path = test_path(directory, "watchdog");
    int manager = listen_on(path);
    assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
    assert_int_equal(setenv("WATCHDOG_USEC", interval, 1), 0);
    assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
    assert_int_equal(kr_notify_init(&notify, NULL), KR_OK);
    assert_null(getenv("WATCHDOG_USEC"));
    uint64_t ms = notify.watchdog_ms;
    kr_notify_deinit(&notify);
    assert_int_equal(close(manager), 0);
    assert_int_equal(unlink(path), 0);
    return ms;
}

static void test_the_watchdog_is_fed_twice_as_often_as_asked(void **state)
{
    char us[32];
    (void)snprintf(us, sizeof us, "%ld", (long)getpid());
    assert_int_equal(watchdog(*state, "30000000", us), 15000);
    assert_int_equal(watchdog(*state, "1", us), 1);
    assert_int_equal(watchdog(*state, "soon", us), 0);
    assert_int_equal(watchdog(*state, "30000000", "1"), 0); /* another process is meant */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_socket_with_a_path, test_directory_make, test_directory_remove),
        cmocka_unit_test(test_a_socket_in_the_abstract_name_space),
        cmocka_unit_test(test_without_a_manager_nothing_is_said),
        cmocka_unit_test_setup_teardown(test_names_that_cannot_be, test_directory_make, test_directory_remove),
        cmocka_unit_test_setup_teardown(test_the_watchdog_is_fed_twice_as_often_as_asked, test_directory_make,
                                        test_directory_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
