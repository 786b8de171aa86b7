#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* ppoll */
#endif
#include "crypto/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "crypto/private_file.h"
#include "crypto/secret.h"

/* Ends the text at its first line break; refuses what is empty, filled the buffer, or holds a NUL. */
static enum kr_err finish(char *text, size_t len, const char *from, struct kr_error *error)
{
    size_t end = 0;
    while (end < len && text[end] != '\n' && text[end] != '\r') {
        if (text[end] == 0) {
            return kr_fail(error, KR_INVALID, "the passphrase from %s has a zero byte in it", from);
        }
        end++;
    }
    if (end > KR_PASSPHRASE_BYTES_MAX) {
        return kr_fail(error, KR_BOUNDS, "the passphrase from %s is longer than %u bytes", from, KR_PASSPHRASE_BYTES_MAX);
    }
    if (end == 0) {
        return kr_fail(error, KR_INVALID, "the passphrase from %s is empty", from);
    }
    sodium_memzero(text + end, KR_PASSPHRASE_BYTES_MAX + 2 - end);
    return KR_OK;
}

/* The signal that came while somebody was asked; 0: none. */
static volatile sig_atomic_t interrupted;

static void note_signal(int number)
{
    interrupted = number;
}

/* `waiting`: the mask under which signals come while it waits, where they are blocked otherwise: one that comes between the prompt
 * and the wait would else be noted, and the wait go on. NULL: as they are. */
static enum kr_err read_fd(int fd, const sigset_t *waiting, const char *from, char *text, struct kr_error *error)
{
    size_t len = 0;
    while (len < KR_PASSPHRASE_BYTES_MAX + 1 && memchr(text, '\n', len) == NULL) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ssize_t got = waiting != NULL ? ppoll(&wait, 1, NULL, waiting) : 1;
        if (got > 0) {
            got = read(fd, text + len, KR_PASSPHRASE_BYTES_MAX + 1 - len);
        }
        if (got < 0 && errno == EINTR && interrupted == 0) {
            continue;
        }
        if (interrupted != 0) {
            return kr_fail(error, KR_CANCELLED, "no passphrase was given");
        }
        if (got < 0) {
            return kr_fail(error, KR_IO, "cannot read the passphrase from %s: %s", from, strerror(errno));
        }
        if (got == 0) {
            break;
        }
        len += (size_t)got;
    }
    return finish(text, len, from, error);
}

/* The service manager guards the directory; its files may carry access lists, so their mode says nothing here. */
static enum kr_err read_credential(const char *name, char *text, bool *ret_found, struct kr_error *error)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    char path[4096];
    if (directory == NULL) {
        return KR_OK;
    }
    int len = snprintf(path, sizeof path, "%s/%s", directory, name);
    if (len < 0 || (size_t)len >= sizeof path) {
        return kr_fail(error, KR_BOUNDS, "CREDENTIALS_DIRECTORY is too long");
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return KR_OK;
    }
    if (fd < 0) {
        return kr_fail(error, KR_IO, "cannot open the credential %s: %s", path, strerror(errno));
    }
    enum kr_err err = read_fd(fd, NULL, "the credential", text, error);
    (void)close(fd);
    *ret_found = err == KR_OK;
    return err;
}

/* One line that is not shown. An empty one is KR_NOT_FOUND. */
static enum kr_err ask_line(int fd, const sigset_t *waiting, const char *prompt, char *text, struct kr_error *error)
{
    struct kr_error why = {0};
    if (write(fd, prompt, strlen(prompt)) < 0) {
        return kr_fail(error, KR_IO, "cannot ask on the terminal: %s", strerror(errno));
    }
    enum kr_err err = read_fd(fd, waiting, "the terminal", text, &why);
    if (write(fd, "\n", 1) < 0 && err == KR_OK) {
        err = kr_fail(&why, KR_IO, "the terminal is gone: %s", strerror(errno));
    }
    if (err == KR_INVALID && (text[0] == '\n' || text[0] == '\r' || text[0] == 0)) {
        return kr_fail(error, KR_NOT_FOUND, "%s", why.text);
    }
    return err == KR_OK ? KR_OK : kr_fail(error, err, "%s", why.text);
}

static enum kr_err ask_again(int fd, const sigset_t *waiting, const char *prompt, const char *text, struct kr_error *error)
{
    void *again = NULL;
    enum kr_err err = kr_secret_new(KR_PASSPHRASE_BYTES_MAX + 2, &again, error);
    if (err != KR_OK) {
        return err;
    }
    err = ask_line(fd, waiting, prompt, again, error);
    bool is_same = err == KR_OK && sodium_memcmp(text, again, KR_PASSPHRASE_BYTES_MAX + 2) == 0;
    if ((err == KR_OK || err == KR_NOT_FOUND) && !is_same) {
        err = kr_fail(error, KR_PASSPHRASE, "the two passphrases differ: everything is left as it was, begin again");
    }
    kr_secret_free(again);
    return err;
}

static enum kr_err ask_all(int fd, const sigset_t *waiting, const struct kr_passphrase_source *source, char *text, bool *ret_found,
                           struct kr_error *error)
{
    enum kr_err err = ask_line(fd, waiting, source->prompt, text, error);
    *ret_found = err == KR_OK;
    if (err == KR_OK && source->again != NULL) {
        err = ask_again(fd, waiting, source->again, text, error);
    }
    if (err == KR_NOT_FOUND) {
        err = source->may_be_none ? KR_OK : KR_INVALID;
    }
    return err;
}

#define ASK_SIGNALS 4u
static const int ask_signals[ASK_SIGNALS] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};

/* Who is interrupted while nothing is shown must not leave the terminal like that. They are blocked but for waits (`*ret_waiting`).
 */
static void catch_signals(struct sigaction ret_old[static ASK_SIGNALS], sigset_t *ret_waiting)
{
    struct sigaction action = {.sa_handler = note_signal}; /* without SA_RESTART: waiting ends */
    sigset_t blocked;
    interrupted = 0;
    (void)sigemptyset(&blocked);
    for (size_t i = 0; i < ASK_SIGNALS; i++) {
        (void)sigaction(ask_signals[i], &action, &ret_old[i]);
        (void)sigaddset(&blocked, ask_signals[i]);
    }
    (void)pthread_sigmask(SIG_BLOCK, &blocked, ret_waiting);
}

/* The terminal is as it was: what came does now what it would have done. */
static void let_signals_go(const struct sigaction old[static ASK_SIGNALS], const sigset_t *waiting)
{
    (void)pthread_sigmask(SIG_SETMASK, waiting, NULL);
    for (size_t i = 0; i < ASK_SIGNALS; i++) {
        (void)sigaction(ask_signals[i], &old[i], NULL);
    }
    if (interrupted != 0) {
        (void)raise(interrupted);
        interrupted = 0;
    }
}

static enum kr_err ask(const struct kr_passphrase_source *source, char *text, bool *ret_found, struct kr_error *error)
{
    struct termios before, silent;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (fd < 0 || tcgetattr(fd, &before) != 0) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return KR_OK; /* no terminal, nobody to ask */
    }
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    enum kr_err err = KR_OK;
    struct sigaction old[ASK_SIGNALS];
    sigset_t waiting;
    catch_signals(old, &waiting);
    if (tcsetattr(fd, TCSAFLUSH, &silent) != 0) {
        err = kr_fail(error, KR_IO, "cannot ask on the terminal: %s", strerror(errno));
    } else {
        err = ask_all(fd, &waiting, source, text, ret_found, error);
    }
    (void)tcsetattr(fd, TCSAFLUSH, &before);
    (void)close(fd);
    let_signals_go(old, &waiting);
    return err;
}

enum kr_err kr_passphrase_get(const struct kr_passphrase_source *source, char **ret_passphrase, struct kr_error *error)
{
    void *text = NULL;
    bool found = false;
    enum kr_err err = kr_secret_new(KR_PASSPHRASE_BYTES_MAX + 2, &text, error);
    if (err != KR_OK) {
        return err;
    }
    if (source->fd >= 0) {
        err = read_fd(source->fd, NULL, "the descriptor", text, error);
        found = true;
    } else if (source->file != NULL) {
        size_t len = 0;
        err = kr_private_file_read(source->file, text, KR_PASSPHRASE_BYTES_MAX + 1, &len, error);
        if (err == KR_OK) {
            err = finish(text, len, source->file, error);
        }
        found = true;
    } else {
        if (source->credential != NULL) {
            err = read_credential(source->credential, text, &found, error);
        }
        if (err == KR_OK && !found && source->prompt != NULL) {
            err = ask(source, text, &found, error);
        }
    }
    if (err != KR_OK || !found) {
        kr_secret_free(text);
        text = NULL;
    }
    if (err == KR_OK) {
        *ret_passphrase = text;
    }
    return err;
}
