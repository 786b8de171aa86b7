#include "tools/kairan/wait.h"

#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#define RETRY_MS 100 /* between bind and listen, and while the network side starts, nothing tells us */

int64_t kr_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The nearest directory that is there: what is missing of the path comes to be below it. */
static void watch_nearest(int fd, const char *directory)
{
    char path[PATH_MAX];
    size_t len = strlen(directory);
    memcpy(path, directory, len + 1);
    while (inotify_add_watch(fd, path, IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR) < 0 && len > 1) {
        char *slash = strrchr(path, '/');
        if (slash == NULL) {
            path[0] = '.';
            slash = path + 1;
        }
        slash[slash == path ? 1 : 0] = 0;
        len = strlen(path);
    }
}

/* Until something changes there, at most RETRY_MS. */
static void wait_for_change(int fd, int64_t left_ms)
{
    char events[4096];
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (poll(&wait, 1, left_ms < RETRY_MS ? (int)left_ms : RETRY_MS) > 0) {
        (void)!read(fd, events, sizeof events);
    }
}

static enum kr_err ask(struct kr_app *app, int timeout_ms, bool *ret_is_up, struct kr_error *error)
{
    static struct kr_status status;
    static const uint8_t nothing[] = {0x90};
    struct kr_slice result;
    enum kr_err err = KR_OK;
    if (app->conn == NULL) {
        err = kr_app_connect(app, &app->conn, error);
    }
    if (err == KR_OK) {
        err = kr_conn_call(app->conn, KR_OP_STATUS, (struct kr_slice){nothing, sizeof nothing}, timeout_ms, NULL, NULL, &result,
                           error);
        err = err == KR_OK ? kr_status_read(result, &status) : err;
        *ret_is_up = err == KR_OK && status.net_is_up;
    }
    if (err != KR_OK) {
        kr_conn_free(app->conn);
        app->conn = NULL;
    }
    return err;
}

bool kr_wait_for_node(struct kr_app *app, int timeout_ms)
{
    int64_t deadline = kr_now_ms() + timeout_ms;
    struct kr_error error = {0};
    enum kr_err err;
    bool is_up = false;
    if (!kr_app_prepare(app)) {
        return false;
    }
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    for (;;) {
        if (app->afar[0] == 0) {
            watch_nearest(fd, app->directory); /* before looking, so that nothing comes between */
        }
        int64_t left = deadline - kr_now_ms();
        err = ask(app, left > 0 ? (int)left : 0, &is_up, &error);
        bool may_come = err == KR_OK || err == KR_NOT_FOUND || err == KR_CLOSED || err == KR_BUSY;
        left = deadline - kr_now_ms();
        if (is_up || !may_come || left <= 0) {
            break;
        }
        wait_for_change(fd, left);
    }
    (void)close(fd);
    if (err != KR_OK) {
        kr_app_tell_absent(app, err, &error);
    } else if (!is_up) {
        (void)kr_app_fail(app, KR_TIMEOUT, _("the node answers, but its network side did not come up in time: see its log"));
    }
    return err == KR_OK && is_up;
}
