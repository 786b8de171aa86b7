/* What is left to a process in net's sandbox: tried out, in a child for each. */
#include "net_test.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/net/sandbox.h"

/* Runs `tries` in a confined child; it returns 0 where all is as it should be, else which try was not. */
static void confined(int (*tries)(void))
{
    pid_t pid = fork();
    int status = 0;
    assert_true(pid >= 0);
    if (pid == 0) {
        uint32_t stands = kr_sandbox_enter();
        bool is_confined = (stands & KR_SANDBOX_NO_NEW_PRIVS) != 0 && (stands & KR_SANDBOX_SECCOMP) != 0;
        _exit(is_confined ? tries() : 100);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int try_files(void)
{
    struct stat status;
    int open_failed = open("/etc/hostname", O_RDONLY | O_CLOEXEC) < 0;
    int make_failed = open("/tmp/kairan-sandbox-test", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0;
    return !open_failed ? 1 : !make_failed ? 2 : mkdir("/tmp/kairan-sandbox-test", 0700) == 0 ? 3 : stat("/", &status) == 0 ? 4 : 0;
}

static int try_processes(void)
{
    char name[] = "true";
    char *const arguments[] = {name, NULL};
    (void)execve("/bin/true", arguments, NULL);
    if (kill(getppid(), 0) == 0) {
        return 1;
    }
    return ptrace(PTRACE_ATTACH, 1, NULL, NULL) == 0 ? 2 : 0;
}

static int try_dumpable(void)
{
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1 ? 1 : prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 ? 2 : 0;
}

static int try_local_sockets(void)
{
    int pair[2];
    return socket(AF_UNIX, SOCK_STREAM, 0) >= 0             ? 1
           : socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 ? 2
           : socket(AF_PACKET, SOCK_RAW, 0) >= 0            ? 3
           : socket(AF_NETLINK, SOCK_RAW, 0) >= 0           ? 4
           : errno != EOPNOTSUPP                            ? 5
                                                            : 0;
}

static int try_core_files(void)
{
    struct rlimit limit = {1, 1};
    return setrlimit(RLIMIT_CORE, &limit) == 0 ? 1 : 0;
}

static int try_network(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), dialler = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || dialler < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 1) != 0 || getsockname(listener, (struct sockaddr *)&address, &len) != 0 ||
        connect(dialler, (struct sockaddr *)&address, sizeof address) != 0) {
        return 1;
    }
    int accepted = accept(listener, NULL, NULL);
    char byte = 0;
    return accepted < 0 || send(dialler, "x", 1, MSG_NOSIGNAL) != 1 || recv(accepted, &byte, 1, 0) != 1 || byte != 'x' ? 2 : 0;
}

/* ZeroMQ as a whole: its threads, pollers and sockets begin and end in the sandbox. */
static int try_zeromq(void)
{
    const struct kr_curve server = test_curve(1), client = test_curve(2);
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1];
    struct kr_error error = {0};
    void *context = zmq_ctx_new(), *zap = NULL, *router = NULL, *dealer = NULL;
    if (kr_zap_bind(context, &zap) != KR_OK ||
        kr_router_new(context, &server, "tcp://127.0.0.1:0", &router, endpoint, &error) != KR_OK ||
        kr_dealer_new(context, &client, server.public_key, endpoint, NULL, false, &dealer, NULL, &error) != KR_OK) {
        return 1;
    }
    zmq_pollitem_t item = {.socket = zap, .events = ZMQ_POLLIN};
    if (zmq_poll(&item, 1, WAIT_MS) != 1) { /* the whole handshake up to our answer */
        return 2;
    }
    return zmq_close(dealer) == 0 && zmq_close(router) == 0 && zmq_close(zap) == 0 && zmq_ctx_term(context) == 0 ? 0 : 3;
}

#define CONFINED_TEST(name)                                                                                                        \
    static void test_##name(void **state)                                                                                          \
    {                                                                                                                              \
        (void)state;                                                                                                               \
        confined(try_##name);                                                                                                      \
    }

CONFINED_TEST(files)
CONFINED_TEST(processes)
CONFINED_TEST(dumpable)
CONFINED_TEST(local_sockets)
CONFINED_TEST(core_files)
CONFINED_TEST(network)
CONFINED_TEST(zeromq)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),         cmocka_unit_test(test_processes),  cmocka_unit_test(test_dumpable),
        cmocka_unit_test(test_local_sockets), cmocka_unit_test(test_core_files), cmocka_unit_test(test_network),
        cmocka_unit_test(test_zeromq),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
