/* The program as a whole: started, asked, misused, killed in part, stopped. KAIRAND is its path. */
#include "talk.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "node/keeper/clock.h"

#define WAIT_MS 20000

static char *directory; /* of this test */

/* ---- running it ---- */

struct run {
    const char *arguments[24];
    const char *passphrase; /* given on descriptor 9 */
    const char *notify;     /* NOTIFY_SOCKET */
    int out;                /* its standard output; -1: away */
};

static pid_t start_program(const struct run *run)
{
    int ends[2] = {-1, -1};
    if (run->passphrase != NULL) {
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(write(ends[1], run->passphrase, strlen(run->passphrase)), strlen(run->passphrase));
        assert_int_equal(close(ends[1]), 0);
    }
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves no node behind */
        int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
        (void)dup2(nothing, STDIN_FILENO);
        (void)dup2(run->out >= 0 ? run->out : nothing, STDOUT_FILENO);
        if (getenv("KAIRAND_TEST_LOG") == NULL) {
            (void)dup2(nothing, STDERR_FILENO);
        }
        (void)(ends[0] >= 0 && dup2(ends[0], 9));
        (void)(run->notify != NULL && setenv("NOTIFY_SOCKET", run->notify, 1));
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* no daemon outlives its test */
        (void)setsid();                                  /* no terminal to ask on */
        execv(KAIRAND, (char **)(uintptr_t)run->arguments);
        _exit(127);
    }
    if (ends[0] >= 0) {
        assert_int_equal(close(ends[0]), 0);
    }
    return pid;
}

static int status_of(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int init_node(const char *passphrase)
{
    const struct run run = {.arguments = {"kairand", "--init", "--state", directory, "--name-ja", "北海道", "--name-en", "Hokkaido",
                                          "--found-community", "Test", passphrase != NULL ? "--passphrase-fd" : NULL, "9"},
                            .passphrase = passphrase,
                            .out = -1};
    return status_of(start_program(&run));
}

static int run_node(const char *passphrase)
{
    const struct run run = {.arguments = {"kairand", "--state", directory, passphrase != NULL ? "--passphrase-fd" : NULL, "9"},
                            .passphrase = passphrase,
                            .out = -1};
    return status_of(start_program(&run));
}

/* A node that runs, and the service manager's end of its notifications. */
struct node {
    pid_t pid;
    int manager;
};

static void expect_notification(const struct node *node, const char *what)
{
    char text[1024];
    uint64_t until_ms = kr_monotonic_ms() + WAIT_MS;
    do {
        struct pollfd poller = {.fd = node->manager, .events = POLLIN};
        assert_true(kr_monotonic_ms() < until_ms);
        assert_int_equal(poll(&poller, 1, WAIT_MS), 1);
        ssize_t len = recv(node->manager, text, sizeof text - 1, 0);
        assert_true(len > 0);
        text[len] = 0;
    } while (strstr(text, what) == NULL);
}

static void start_node(struct node *node)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", directory);
    (void)unlink(address.sun_path);
    node->manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(node->manager, (struct sockaddr *)&address, sizeof address), 0);
    const struct run run = {.arguments = {"kairand", "--state", directory}, .notify = address.sun_path, .out = -1};
    node->pid = start_program(&run);
    expect_notification(node, "READY=1");
}

static void stop_node(struct node *node)
{
    uint64_t begin_ms = kr_monotonic_ms();
    assert_int_equal(kill(node->pid, SIGTERM), 0);
    assert_int_equal(status_of(node->pid), 0);
    assert_true(kr_monotonic_ms() - begin_ms < 2000);
    expect_notification(node, "STOPPING=1");
    assert_int_equal(close(node->manager), 0);
}

static int connect_to_node(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/kairand.sock", directory);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static void greet_node(struct talk *talk)
{
    talk_open(talk, connect_to_node());
    talk_greet(talk);
}

static struct kr_status ask_status(struct talk *talk)
{
    struct kr_status status;
    talk_request(talk, 1, KR_OP_STATUS, "\x90", 1, 1);
    talk_expect(talk, KR_CLIENT_END, 1);
    assert_int_equal(kr_status_read(talk->frame.payload, &status), KR_OK);
    return status;
}

static bool is_there(const char *name)
{
    struct stat status;
    return stat(test_path(directory, name), &status) == 0;
}

/* ---- init ---- */

static void test_init_makes_a_node_and_says_its_id(void **state)
{
    (void)state;
    int ends[2];
    char text[100];
    struct stat status;
    assert_int_equal(pipe(ends), 0);
    const struct run run = {.arguments = {"kairand", "--init", "--state", directory, "--name-en", "Hokkaido"}, .out = ends[1]};
    assert_int_equal(status_of(start_program(&run)), 0);
    assert_int_equal(read(ends[0], text, sizeof text), 65);
    assert_int_equal(strspn(text, "0123456789abcdef"), 64);
    assert_int_equal(text[64], '\n');
    assert_int_equal(stat(test_path(directory, "keyring"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_true(is_there("store"));
    assert_false(is_there("init.unfinished"));
    (void)close(ends[0]);
    (void)close(ends[1]);
    assert_int_equal(init_node(NULL), 1); /* not a second time */
}

static void test_a_failed_init_leaves_nothing(void **state)
{
    (void)state;
    assert_int_equal(init_node("\n"), 1); /* an empty passphrase */
    assert_false(is_there("keyring"));
    assert_false(is_there("store"));
    assert_false(is_there("init.unfinished"));
    assert_int_equal(init_node("good\n"), 0);
}

static void test_what_a_killed_init_left_is_cleared_away(void **state)
{
    (void)state;
    assert_int_equal(mkdir(test_path(directory, "store"), 0700), 0);
    assert_int_equal(init_node(NULL), 1); /* a store, and nothing says that it was never in use */
    assert_true(is_there("store"));
    assert_int_equal(mkdir(test_path(directory, "init.unfinished"), 0700), 0);
    test_write_file(test_path(directory, "init.unfinished/keyring"), "half", 0600);
    assert_int_equal(init_node(NULL), 0);
    assert_false(is_there("init.unfinished"));
}

static void test_mistakes_on_the_command_line(void **state)
{
    (void)state;
    const struct run runs[] = {
        {.arguments = {"kairand", "--nonsense"}, .out = -1},
        {.arguments = {"kairand", "stray"}, .out = -1},
        {.arguments = {"kairand", "--state"}, .out = -1},
        {.arguments = {"kairand", "--init", "--state", directory}, .out = -1},
        {.arguments = {"kairand", "--state", directory, "--name-en", "x"}, .out = -1},
        {.arguments = {"kairand", "--init", "--state", directory, "--name-en", "x", "--endpoint", "host"}, .out = -1},
        {.arguments = {"kairand", "--init", "--state", directory, "--name-en", "\xFF"}, .out = -1},
        {.arguments = {"kairand", "--state", directory, "--passphrase-fd", "x"}, .out = -1},
        {.arguments = {"kairand", "--state", directory, "--passphrase-fd", "3", "--passphrase-file", "y"}, .out = -1},
    };
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        assert_int_equal(status_of(start_program(&runs[i])), 2);
    }
    assert_false(is_there("keyring"));
}

/* ---- passphrase, lock, configuration ---- */

static void test_the_passphrase_must_be_right(void **state)
{
    (void)state;
    assert_int_equal(init_node("right\n"), 0);
    assert_int_equal(run_node("wrong\n"), 1);
    assert_int_equal(run_node(NULL), 1); /* none, and no terminal to ask on */
}

static void test_without_a_node_there_is_nothing_to_run(void **state)
{
    (void)state;
    assert_int_equal(run_node(NULL), 1);
}

static void test_a_mistake_in_the_configuration_is_no_start(void **state)
{
    (void)state;
    assert_int_equal(init_node(NULL), 0);
    test_write_file(test_path(directory, "kairan.conf"), "[node]\nlisten = everywhere\n", 0600);
    assert_int_equal(run_node(NULL), 1);
}

static void test_a_second_one_is_refused(void **state)
{
    (void)state;
    struct node node;
    struct talk talk;
    assert_int_equal(init_node(NULL), 0);
    start_node(&node);
    assert_int_equal(run_node(NULL), 3);
    assert_int_equal(init_node(NULL), 3);
    greet_node(&talk); /* the first one is not disturbed */
    talk_close(&talk);
    stop_node(&node);
    assert_false(is_there("kairand.sock"));
}

/* ---- running ---- */

static void test_status_tells_what_keeper_knows(void **state)
{
    (void)state;
    struct node node;
    struct talk talk;
    assert_int_equal(init_node(NULL), 0);
    test_write_file(test_path(directory, "kairan.conf"), "[node]\nlisten = tcp://127.0.0.1:0\n", 0600);
    start_node(&node);
    greet_node(&talk);
    assert_int_equal(talk.frame.text.len, 8);
    assert_memory_equal(talk.frame.text.bytes, "Hokkaido", 8);
    struct kr_status status = ask_status(&talk);
    assert_true(status.net_is_up);
    assert_false(status.keyring_is_protected);
    assert_true(status.store_is_writable);
    assert_true(status.disk_free_bytes > 0);
    assert_true(status.room.map_bytes > status.room.used_bytes && status.room.used_bytes > status.room.free_bytes);
    assert_int_equal(status.room.reader_process, 0);
    assert_true(status.version.len > 0);
    assert_int_equal(status.net_restarts, 0);
    talk_close(&talk);
    stop_node(&node);
}

/* The child of `parent`, which is its net; 0 where it has none now. */
static pid_t child_of(pid_t parent)
{
    DIR *processes = opendir("/proc");
    pid_t found = 0;
    assert_non_null(processes);
    for (const struct dirent *entry; found == 0 && (entry = readdir(processes)) != NULL;) {
        char path[300];
        int pid = 0, parent_of_it = 0;
        (void)snprintf(path, sizeof path, "/proc/%.200s/stat", entry->d_name);
        FILE *file = fopen(path, "re");
        if (file == NULL) {
            continue;
        }
        if (fscanf(file, "%d (%*[^)]) %*c %d", &pid, &parent_of_it) == 2 && parent_of_it == parent) {
            found = pid;
        }
        (void)fclose(file);
    }
    (void)closedir(processes);
    return found;
}

static void test_net_is_back_after_it_was_killed(void **state)
{
    (void)state;
    struct node node;
    struct talk talk;
    assert_int_equal(init_node(NULL), 0);
    test_write_file(test_path(directory, "kairan.conf"), "[node]\nlisten = tcp://127.0.0.1:0\n", 0600);
    start_node(&node);
    greet_node(&talk);
    for (uint64_t round = 1; round <= 3; round++) {
        uint64_t begin_ms = kr_monotonic_ms();
        pid_t net = child_of(node.pid);
        assert_true(net > 0);
        assert_int_equal(kill(net, SIGKILL), 0);
        struct kr_status status;
        do {
            status = ask_status(&talk); /* keeper answers all the while */
            assert_true(kr_monotonic_ms() - begin_ms < 2000);
        } while (status.net_restarts < round || !status.net_is_up);
    }
    talk_close(&talk);
    stop_node(&node);
}

static void test_others_on_the_machine_are_refused(void **state)
{
    (void)state;
    struct node node;
    if (geteuid() != 0) {
        skip(); /* only root can become somebody else */
    }
    assert_int_equal(init_node(NULL), 0);
    start_node(&node);
    /* Modes alone keep others out; here they are opened, so that the second lock is what is tried. */
    assert_int_equal(chmod(directory, 0711), 0);
    assert_int_equal(chmod(test_path(directory, "kairand.sock"), 0666), 0);
    pid_t stranger = fork();
    assert_true(stranger >= 0);
    if (stranger == 0) {
        struct talk talk;
        if (setgid(65534) != 0 || setuid(65534) != 0) {
            _exit(2);
        }
        talk_open(&talk, connect_to_node());
        bool is_refused =
            talk_next(&talk) && talk.frame.type == KR_CLIENT_ERROR && talk.frame.code == KR_DENIED && !talk_next(&talk);
        _exit(is_refused ? 0 : 1);
    }
    assert_int_equal(status_of(stranger), 0);
    stop_node(&node);
}

static void test_a_bad_client_harms_nobody(void **state)
{
    (void)state;
    struct node node;
    struct talk good, bad;
    assert_int_equal(init_node(NULL), 0);
    start_node(&node);
    greet_node(&good);
    talk_open(&bad, connect_to_node());
    talk_put_length(&bad, 0x7FFFFFFF);
    talk_expect_refusal(&bad, KR_BOUNDS);
    talk_close(&bad);
    greet_node(&bad);
    talk_request(&bad, 1, 4711, "", 0, 1); /* no such request */
    talk_expect(&bad, KR_CLIENT_ERROR, 1);
    talk_request(&bad, 2, KR_OP_SUBMIT, "nonsense", 8, 1);
    talk_expect(&bad, KR_CLIENT_ERROR, 2);
    talk_close(&bad);
    assert_true(ask_status(&good).store_is_writable);
    talk_close(&good);
    stop_node(&node);
}

static void test_sighup_reads_the_configuration_anew(void **state)
{
    (void)state;
    struct node node;
    struct talk talk;
    assert_int_equal(init_node(NULL), 0);
    start_node(&node);
    greet_node(&talk);
    test_write_file(test_path(directory, "kairan.conf"), "[guard]\nown_domains = kairan.jp\n", 0600);
    assert_int_equal(kill(node.pid, SIGHUP), 0);
    (void)ask_status(&talk);
    test_write_file(test_path(directory, "kairan.conf"), "nonsense\n", 0600);
    assert_int_equal(kill(node.pid, SIGHUP), 0); /* said in the log; the node goes on */
    (void)ask_status(&talk);
    talk_close(&talk);
    stop_node(&node);
}

static void test_a_killed_node_starts_again(void **state)
{
    (void)state;
    struct node node;
    struct talk talk;
    int status = 0;
    assert_int_equal(init_node(NULL), 0);
    for (unsigned round = 0; round < 3; round++) {
        start_node(&node);
        greet_node(&talk);
        assert_int_equal(kill(node.pid, SIGKILL), 0);
        assert_int_equal(waitpid(node.pid, &status, 0), node.pid);
        assert_true(WIFSIGNALED(status));
        assert_false(talk_next(&talk));
        talk_close(&talk);
        assert_int_equal(close(node.manager), 0);
    }
    start_node(&node); /* the dead one's lock and socket file are in nobody's way */
    stop_node(&node);
}

static int set_up(void **state)
{
    int failed = test_directory_make(state);
    directory = *state;
    return failed;
}

#define NODE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, test_directory_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        NODE_TEST(test_init_makes_a_node_and_says_its_id),
        NODE_TEST(test_a_failed_init_leaves_nothing),
        NODE_TEST(test_what_a_killed_init_left_is_cleared_away),
        NODE_TEST(test_mistakes_on_the_command_line),
        NODE_TEST(test_the_passphrase_must_be_right),
        NODE_TEST(test_without_a_node_there_is_nothing_to_run),
        NODE_TEST(test_a_mistake_in_the_configuration_is_no_start),
        NODE_TEST(test_a_second_one_is_refused),
        NODE_TEST(test_status_tells_what_keeper_knows),
        NODE_TEST(test_net_is_back_after_it_was_killed),
        NODE_TEST(test_others_on_the_machine_are_refused),
        NODE_TEST(test_a_bad_client_harms_nobody),
        NODE_TEST(test_sighup_reads_the_configuration_anew),
        NODE_TEST(test_a_killed_node_starts_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
