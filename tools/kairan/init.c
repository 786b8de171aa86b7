/* Commands that kairand itself carries out, because they need the keys: init, passphrase. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/kairan/kairand.h"
#include "tools/kairan/out.h"

#define VALUES_MAX 16u

static _Noreturn void become_kairand(const char *program, char **argv, int out)
{
    if (dup2(out, STDOUT_FILENO) < 0) {
        _exit(KR_EXIT_ERROR);
    }
    (void)execvp(program, argv);
    (void)fprintf(stderr, _("kairan: cannot run %s: %s\n"), program, strerror(errno));
    _exit(KR_EXIT_ERROR);
}

/* Runs it and keeps what it prints: the id. */
static int run_kairand(const char *program, char **argv, char *ret_out, size_t size)
{
    int fds[2], status;
    size_t len = 0;
    if (pipe(fds) != 0) {
        return KR_EXIT_ERROR;
    }
    pid_t child = fork();
    if (child == 0) {
        (void)close(fds[0]);
        become_kairand(program, argv, fds[1]);
    }
    (void)close(fds[1]);
    for (ssize_t got = 1; child > 0 && got != 0 && len + 1 < size;) {
        got = read(fds[0], ret_out + len, size - 1 - len);
        if (got < 0 && errno != EINTR) {
            break;
        }
        len += got > 0 ? (size_t)got : 0;
    }
    ret_out[len] = 0;
    (void)close(fds[0]);
    while (child > 0 && waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return KR_EXIT_ERROR;
        }
    }
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : KR_EXIT_ERROR;
}

bool kr_kairand_let(struct kr_app *app, const char *mode, const struct kr_option *options, size_t count, char *ret_out, size_t size)
{
    char program[PATH_MAX];
    char *arguments[VALUES_MAX + 4] = {program};
    int used = 1, status = -1;
    bool ok = asprintf(&arguments[used], "%s", mode) >= 0;
    used += ok ? 1 : 0;
    if (ok && (app->state != NULL || getenv("KAIRAN_STATE") != NULL || app->socket != NULL)) {
        ok = asprintf(&arguments[used], "--state=%s", app->directory) >= 0;
        used += ok ? 1 : 0;
    }
    for (size_t i = 0; ok && i < count; i++) {
        if (*options[i].text != NULL) {
            ok = asprintf(&arguments[used], "--%s=%s", options[i].name, *options[i].text) >= 0;
            used += ok ? 1 : 0;
        }
    }
    arguments[used] = NULL;
    if (ok) {
        kr_kairand_find(program, sizeof program);
        status = run_kairand(program, arguments, ret_out, size);
    } else {
        (void)kr_app_tell(app, KR_NOMEM, &(struct kr_error){.text = ""});
    }
    for (int i = 1; i < used; i++) {
        free(arguments[i]);
    }
    return status == 0;
}

/* The command's options, each with a text; then the place. */
static bool take_options(struct kr_app *app, int argc, char **argv, const struct kr_option *options, uint32_t count)
{
    int rest;
    if (!kr_options_parse(app, argc, argv, options, count, false, &rest)) {
        return false;
    }
    if (rest < argc) {
        (void)kr_app_unwanted(app, argv[rest]);
        return false;
    }
    return kr_app_place(app);
}

int kr_run_init(struct kr_app *app, int argc, char **argv)
{
    static const char *const names[] = {
        "name-ja",  "name-en",         "region",    "contact-name", "contact-mail",  "contact-telephone", "contact-hours",
        "endpoint", "found-community", "newcomers", "config",       "passphrase-fd", "passphrase-file"};
    enum { NAMES = sizeof names / sizeof names[0] };
    _Static_assert((size_t)NAMES <= VALUES_MAX, "all of them may have a value");
    const char *values[NAMES] = {0};
    struct kr_option options[NAMES];
    char out[256];
    for (size_t i = 0; i < NAMES; i++) {
        options[i] = (struct kr_option){.name = names[i], .text = &values[i]};
    }
    if (!take_options(app, argc, argv, options, NAMES)) {
        return KR_EXIT_ERROR;
    }
    if (values[0] == NULL && values[1] == NULL) {
        return kr_app_fail(app, KR_INVALID, _("a council needs a name: --name-ja, --name-en or both"));
    }
    if (!kr_kairand_let(app, "--init", options, NAMES, out, sizeof out)) {
        return KR_EXIT_ERROR;
    }
    out[strcspn(out, "\n")] = 0;
    if (app->is_json) {
        return kr_json_line(json_pack("{s:s, s:s}", "council", out, "state", app->directory)) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    (void)printf(_("A new council was made. Its id: %s\n"), out);
    (void)printf(_("Its keys lie in %s: keep a copy of that directory in a safe place.\n"), app->directory);
    (void)printf(_("Next: start the node with \"kairand --state %s\", then \"kairan invite\" or \"kairan join TICKET\".\n"),
                 app->directory);
    return KR_EXIT_DONE;
}

int kr_run_passphrase(struct kr_app *app, int argc, char **argv)
{
    const char *old_fd = NULL, *old_file = NULL, *new_fd = NULL, *new_file = NULL;
    const struct kr_option options[] = {{.name = "passphrase-fd", .text = &old_fd},
                                        {.name = "passphrase-file", .text = &old_file},
                                        {.name = "new-passphrase-fd", .text = &new_fd},
                                        {.name = "new-passphrase-file", .text = &new_file}};
    const size_t count = sizeof options / sizeof options[0];
    char out[256];
    if (!take_options(app, argc, argv, options, (uint32_t)count) ||
        !kr_kairand_let(app, "--change-passphrase", options, count, out, sizeof out)) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:s}", "state", app->directory)) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    (void)printf(_("The keyring in %s is under the new passphrase.\n"), app->directory);
    (void)fputs(_("Copies that were made before still open with the old one: replace them.\n"), stdout);
    return KR_EXIT_DONE;
}
