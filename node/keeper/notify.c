#include "node/keeper/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static enum kr_err connect_to(const char *name, int *ret_fd, struct kr_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof address.sun_path) {
        return kr_fail(error, KR_INVALID, "NOTIFY_SOCKET names no usable socket: %.128s", name);
    }
    memcpy(address.sun_path, name, len);
    if (name[0] == '@') {
        address.sun_path[0] = 0;
    }
    /* An abstract name has no end mark: its length says where it ends. */
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (name[0] == '@' ? 0 : 1));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, size) != 0) {
        int reason = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return kr_fail(error, KR_SYSTEM, "the service manager's socket %.128s cannot be reached: %s", name, strerror(reason));
    }
    *ret_fd = fd;
    return KR_OK;
}

static uint64_t read_watchdog(void)
{
    const char *pid = getenv("WATCHDOG_PID"), *interval = getenv("WATCHDOG_USEC");
    if (interval == NULL || (pid != NULL && strtoll(pid, NULL, 10) != (long long)getpid())) {
        return 0;
    }
    char *end = NULL;
    errno = 0;
    unsigned long long us = strtoull(interval, &end, 10);
    if (errno != 0 || end == interval || *end != 0 || us == 0) {
        return 0;
    }
    return us / 2000 > 0 ? us / 2000 : 1;
}

enum kr_err kr_notify_init(struct kr_notify *notify, struct kr_error *error)
{
    *notify = (struct kr_notify){.fd = -1};
    enum kr_err err = KR_OK;
    const char *name = getenv("NOTIFY_SOCKET");
    if (name != NULL) {
        err = connect_to(name, &notify->fd, error);
        if (err == KR_OK) {
            notify->watchdog_ms = read_watchdog();
        }
    }
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
    return err;
}

void kr_notify_deinit(struct kr_notify *notify)
{
    if (notify->fd >= 0) {
        (void)close(notify->fd);
    }
    *notify = (struct kr_notify){.fd = -1};
}

bool kr_notify_send(const struct kr_notify *notify, const char *fmt, ...)
{
    char text[1024];
    if (notify->fd < 0) {
        return false;
    }
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (len < 0) {
        return false;
    }
    size_t used = (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    return send(notify->fd, text, used, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)used;
}
