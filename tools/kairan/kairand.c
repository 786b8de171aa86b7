#include "tools/kairan/kairand.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void kr_kairand_find(char *ret_program, size_t size)
{
    static const char *const places[] = {"kairand", "../sbin/kairand", "../../node/kairand"};
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    self[len > 0 ? len : 0] = 0;
    char *slash = strrchr(self, '/');
    for (size_t i = 0; slash != NULL && i < sizeof places / sizeof places[0]; i++) {
        slash[1] = 0;
        int wanted = snprintf(ret_program, size, "%s%s", self, places[i]);
        if (wanted > 0 && (size_t)wanted < size && access(ret_program, X_OK) == 0) {
            return;
        }
    }
    (void)snprintf(ret_program, size, "kairand");
}

static _Noreturn void become(const struct kr_app *app, const char *mode, int out)
{
    char program[PATH_MAX], state[PATH_MAX + 16], mode_text[64];
    (void)snprintf(state, sizeof state, "--state=%s", app->directory);
    (void)snprintf(mode_text, sizeof mode_text, "%s", mode);
    char *const arguments[] = {program, mode_text, state, NULL};
    kr_kairand_find(program, sizeof program);
    if (dup2(out, STDOUT_FILENO) < 0) {
        _exit(KR_EXIT_ERROR);
    }
    (void)execvp(program, arguments);
    (void)fprintf(stderr, _("kairan: cannot run %s: %s\n"), program, strerror(errno));
    _exit(KR_EXIT_ERROR);
}

bool kr_kairand_start(const struct kr_app *app, const char *mode, FILE **ret_out, pid_t *ret_child)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) {
        (void)kr_app_fail(app, KR_SYSTEM, _("cannot start kairand: %s"), strerror(errno));
        return false;
    }
    const pid_t child = fork();
    if (child == 0) {
        become(app, mode, fds[1]);
    }
    const int reason = errno;
    (void)close(fds[1]);
    FILE *out = child > 0 ? fdopen(fds[0], "r") : NULL;
    if (out == NULL) {
        (void)close(fds[0]);
        (void)(child > 0 ? kr_kairand_end(child) : 0);
        (void)kr_app_fail(app, KR_SYSTEM, _("cannot start kairand: %s"), strerror(reason));
        return false;
    }
    *ret_out = out;
    *ret_child = child;
    return true;
}

int kr_kairand_end(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
