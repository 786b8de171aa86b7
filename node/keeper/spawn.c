#include "node/keeper/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define ENVIRONMENT_MAX 16

/* Names that may pass to the child; everything else of ours (credentials above all) does not. */
static bool may_pass(const char *variable)
{
    static const char *const names[] = {"PATH",          "LANG",         "LC_ALL",           "TZ", "JOURNAL_STREAM", "ASAN_OPTIONS",
                                        "UBSAN_OPTIONS", "TSAN_OPTIONS", "LLVM_PROFILE_FILE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t len = strlen(names[i]);
        if (strncmp(variable, names[i], len) == 0 && variable[len] == '=') {
            return true;
        }
    }
    return false;
}

static int spawn(const char *program, int channel, pid_t *ret_pid)
{
    char name[] = "kairand", mode[] = "--net";
    char *arguments[] = {name, mode, NULL};
    char *environment[ENVIRONMENT_MAX + 1] = {NULL};
    size_t count = 0;
    for (char **at = environ; at != NULL && *at != NULL && count < ENVIRONMENT_MAX; at++) {
        if (may_pass(*at)) {
            environment[count++] = *at;
        }
    }
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int reason = posix_spawn_file_actions_init(&files);
    if (reason != 0) {
        return reason;
    }
    reason = posix_spawnattr_init(&attributes);
    if (reason != 0) {
        posix_spawn_file_actions_destroy(&files);
        return reason;
    }
    const int steps[] = {
        posix_spawn_file_actions_adddup2(&files, channel, KR_SPAWN_FD),
        posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0),
        posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0),
        posix_spawn_file_actions_addclosefrom_np(&files, KR_SPAWN_FD + 1),
        posix_spawnattr_setsigmask(&attributes, &none),
        posix_spawnattr_setsigdefault(&attributes, &all),
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF),
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        reason = reason == 0 ? steps[i] : reason;
    }
    if (reason == 0) {
        reason = posix_spawn(ret_pid, program, &files, &attributes, arguments, environment);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return reason;
}

enum kr_err kr_spawn_net(const char *program, pid_t *ret_pid, int *ret_fd, struct kr_error *error)
{
    int pair[2];
    pid_t pid = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return kr_fail(error, KR_SYSTEM, "cannot make a channel for the net process: %s", strerror(errno));
    }
    int reason = spawn(program == NULL ? "/proc/self/exe" : program, pair[1], &pid);
    (void)close(pair[1]);
    if (reason != 0) {
        (void)close(pair[0]);
        return kr_fail(error, KR_SYSTEM, "cannot start the net process: %s", strerror(reason));
    }
    *ret_pid = pid;
    *ret_fd = pair[0];
    return KR_OK;
}

/* Ready for reading when the child has ended. */
static void wait_for_end(pid_t pid, int grace_ms)
{
    int fd = pidfd_open(pid, 0);
    if (fd >= 0) {
        (void)poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, grace_ms);
        (void)close(fd);
    }
}

void kr_spawn_reap(pid_t pid, int grace_ms, char *ret_how, size_t size)
{
    int status = 0;
    wait_for_end(pid, grace_ms);
    pid_t got = waitpid(pid, &status, WNOHANG);
    if (got == 0) {
        (void)kill(pid, SIGKILL);
        do {
            got = waitpid(pid, &status, 0);
        } while (got < 0 && errno == EINTR);
    }
    if (got == pid && WIFEXITED(status)) {
        (void)snprintf(ret_how, size, "exit status %d", WEXITSTATUS(status));
    } else if (got == pid && WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        (void)snprintf(ret_how, size, "signal %s", name != NULL ? name : "unknown");
    } else {
        (void)snprintf(ret_how, size, "unknown reason");
    }
}
