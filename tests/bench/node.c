#include "node.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "conn.h"

#define NODES_MAX 16
#define WAIT_MS   60000

static pid_t running[NODES_MAX];

static void note_pid(pid_t old, pid_t new)
{
    for (int i = 0; i < NODES_MAX; i++) {
        if (running[i] == old) {
            running[i] = new;
            return;
        }
    }
    bench_die("too many nodes");
}

void nodes_kill_all(void)
{
    for (int i = 0; i < NODES_MAX; i++) {
        if (running[i] > 0) {
            (void)kill(running[i], SIGKILL);
            (void)waitpid(running[i], NULL, 0);
            running[i] = 0;
        }
    }
}

static const char *program(void)
{
    const char *named = getenv("KAIRAND");
    return named != NULL ? named : KAIRAND;
}

static pid_t start_program(const char *const *arguments, const char *notify)
{
    pid_t pid = fork();
    BENCH_MUST(pid >= 0);
    if (pid == 0) {
        int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
        (void)dup2(nothing, STDIN_FILENO);
        (void)dup2(nothing, STDOUT_FILENO);
        if (getenv("KR_BENCH_LOG") == NULL) {
            (void)dup2(nothing, STDERR_FILENO);
        }
        (void)(notify != NULL && setenv("NOTIFY_SOCKET", notify, 1));
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* should the bench be killed */
        execv(arguments[0], (char **)(uintptr_t)arguments);
        _exit(127);
    }
    return pid;
}

static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    BENCH_MUST(fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 &&
               getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

static void make(struct node *node, const char *name, const char *community, bool listens)
{
    char path[340], endpoint[64];
    int status = 0;
    memset(node, 0, sizeof *node);
    (void)snprintf(node->directory, sizeof node->directory, "%s/%s", bench_directory(), name);
    (void)snprintf(node->socket, sizeof node->socket, "%s/kairand.sock", node->directory);
    (void)snprintf(node->name, sizeof node->name, "%s", name);
    node->port = free_port();
    (void)snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", node->port);
    BENCH_MUST(mkdir(node->directory, 0700) == 0);
    const char *arguments[12] = {program(), "--init", "--state", node->directory, "--name-en", name};
    size_t count = 6;
    if (listens) {
        arguments[count++] = "--endpoint";
        arguments[count++] = endpoint;
    }
    if (community != NULL) {
        arguments[count++] = "--found-community";
        arguments[count++] = community;
    }
    pid_t pid = start_program(arguments, NULL);
    BENCH_MUST(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    (void)snprintf(path, sizeof path, "%s/kairan.conf", node->directory);
    FILE *file = fopen(path, "we");
    BENCH_MUST(file != NULL && fputs("[node]\n", file) > 0);
    BENCH_MUST(!listens || fprintf(file, "listen = %s\nendpoint = %s\n", endpoint, endpoint) > 0);
    BENCH_MUST(fclose(file) == 0);
    node_start(node);
}

void node_make(struct node *node, const char *name, const char *community)
{
    make(node, name, community, true);
}

void node_make_outgoing(struct node *node, const char *name)
{
    make(node, name, NULL, false);
}

void node_start(struct node *node)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[1024];
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.90s/notify", node->directory);
    (void)unlink(address.sun_path);
    node->manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    BENCH_MUST(bind(node->manager, (struct sockaddr *)&address, sizeof address) == 0);
    const char *arguments[] = {node->program != NULL ? node->program : program(), "--state", node->directory, NULL};
    node->pid = start_program(arguments, address.sun_path);
    note_pid(0, node->pid);
    do {
        struct pollfd poller = {.fd = node->manager, .events = POLLIN};
        if (poll(&poller, 1, WAIT_MS) != 1) {
            bench_die("%s does not become ready", node->name);
        }
        ssize_t len = recv(node->manager, text, sizeof text - 1, 0);
        BENCH_MUST(len > 0);
        text[len] = 0;
    } while (strstr(text, "READY=1") == NULL);
}

void node_stop(struct node *node)
{
    int status = 0;
    BENCH_MUST(node->pid > 0 && kill(node->pid, SIGTERM) == 0 && waitpid(node->pid, &status, 0) == node->pid);
    note_pid(node->pid, 0);
    node->pid = 0;
    (void)close(node->manager);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        bench_die("%s ended with status %d", node->name, status);
    }
}

static void remove_store(const struct node *node)
{
    static const char *const names[] = {"store/data.mdb", "store/lock.mdb"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[340];
        (void)snprintf(path, sizeof path, "%s/%s", node->directory, names[i]);
        (void)unlink(path);
    }
}

void node_remove(struct node *node)
{
    if (node->pid != 0) {
        node_stop(node);
    }
    remove_store(node); /* the large part; the rest goes with the bench's directory */
    char path[340];
    (void)snprintf(path, sizeof path, "%s.gone", node->directory);
    for (unsigned i = 1; access(path, F_OK) == 0; i++) {
        (void)snprintf(path, sizeof path, "%s.gone%u", node->directory, i);
    }
    BENCH_MUST(rename(node->directory, path) == 0);
}

void node_link(const struct node *host, const struct node *guest)
{
    struct conn to_host, to_guest;
    struct kr_writer args;
    struct kr_invite invite = {.is_by_hand = true};
    conn_open(&to_host, host->socket);
    conn_open(&to_guest, guest->socket);
    kr_writer_init(&args, KR_KIB);
    kr_invite_write(&invite, &args);
    conn_request(&to_host, 1, KR_OP_INVITE, &args, 1);
    conn_expect_end(&to_host, 1);
    struct kr_reader reader;
    kr_reader_init(&reader, to_host.frame.payload.bytes, to_host.frame.payload.len);
    kr_reader_array(&reader, 1);
    const struct kr_join join = {.ticket = kr_reader_str(&reader, KR_KIB), .is_by_hand = true};
    kr_writer_init(&args, 2 * KR_KIB);
    kr_join_write(&join, &args);
    conn_request(&to_guest, 1, KR_OP_JOIN, &args, 100);
    conn_expect_end(&to_guest, 1);
    conn_close(&to_host);
    conn_close(&to_guest);
}

static uint64_t rss_anon_of(pid_t pid)
{
    char path[64], line[256];
    unsigned long long kib = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL &&
           sscanf(line, "RssAnon: %llu", &kib) != 1) { /* NOLINT(cert-err34-c) */
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return (uint64_t)kib * 1024u;
}

uint64_t node_rss_anon_bytes(const struct node *node)
{
    char path[64], children[256] = "";
    uint64_t bytes = rss_anon_of(node->pid);
    BENCH_MUST(bytes > 0);
    /* net may have been started by any of keeper's threads. */
    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)node->pid);
    DIR *tasks = opendir(path);
    BENCH_MUST(tasks != NULL);
    for (const struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
        char file_path[340];
        (void)snprintf(file_path, sizeof file_path, "%s/%.200s/children", path, entry->d_name);
        FILE *file = fopen(file_path, "re");
        if (file != NULL && fgets(children, sizeof children, file) != NULL) {
            long child = strtol(children, NULL, 10);
            bytes += child > 0 ? rss_anon_of((pid_t)child) : 0;
        }
        if (file != NULL) {
            (void)fclose(file);
        }
    }
    (void)closedir(tasks);
    return bytes;
}
