#include "node/keeper/place.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "node/keeper/clock.h"

#define SYSTEM_STATE  "/var/lib/kairan"
#define SYSTEM_CONFIG "/etc/kairan/kairan.conf"
#define LOCK_RETRY_MS 10

enum kr_err kr_place_join(char *ret_path, const char *directory, const char *name, struct kr_error *error)
{
    char path[KR_PLACE_PATH_MAX];
    int len = snprintf(path, sizeof path, "%s%s%s", directory, name[0] != 0 ? "/" : "", name);
    if (len < 0 || (size_t)len >= sizeof path) {
        return kr_fail(error, KR_BOUNDS, "the path is too long: %.64s...", directory);
    }
    memcpy(ret_path, path, (size_t)len + 1);
    return KR_OK;
}

static enum kr_err find_directory(struct kr_place *place, const char *named, struct kr_error *error)
{
    if (named != NULL) {
        return kr_place_join(place->directory, named, "", error);
    }
    if (geteuid() == 0) {
        return kr_place_join(place->directory, SYSTEM_STATE, "", error);
    }
    const char *state = getenv("XDG_STATE_HOME");
    if (state != NULL && state[0] == '/') { /* the specification: a relative path is to be ignored */
        return kr_place_join(place->directory, state, "kairan", error);
    }
    const char *home = getenv("HOME");
    if (home == NULL || home[0] != '/') {
        return kr_fail(error, KR_INVALID, "neither XDG_STATE_HOME nor HOME is set: name the state directory with --state");
    }
    return kr_place_join(place->directory, home, ".local/state/kairan", error);
}

enum kr_err kr_place_init(struct kr_place *place, const char *directory, const char *config, struct kr_error *error)
{
    *place = (struct kr_place){.config_was_named = config != NULL};
    enum kr_err err = find_directory(place, directory, error);
    if (err != KR_OK) {
        return err;
    }
    if (config != NULL) {
        err = kr_place_join(place->config, config, "", error);
    } else if (directory == NULL && geteuid() == 0) {
        err = kr_place_join(place->config, SYSTEM_CONFIG, "", error);
    } else {
        err = kr_place_join(place->config, place->directory, "kairan.conf", error);
    }
    const struct {
        char *path;
        const char *name;
    } files[] = {{place->keyring, "keyring"},
                 {place->store, "store"},
                 {place->socket, "kairand.sock"},
                 {place->lock, "kairand.lock"},
                 {place->making, "init.unfinished"}};
    for (size_t i = 0; err == KR_OK && i < sizeof files / sizeof files[0]; i++) {
        err = kr_place_join(files[i].path, place->directory, files[i].name, error);
    }
    if (err == KR_OK && strlen(place->socket) >= sizeof((struct sockaddr_un *)0)->sun_path) {
        err = kr_fail(error, KR_BOUNDS, "%.64s... is too deep for a socket (at most %zu characters): choose a shorter --state",
                      place->directory, sizeof((struct sockaddr_un *)0)->sun_path - sizeof "/kairand.sock");
    }
    return err;
}

enum kr_err kr_place_make(const struct kr_place *place, struct kr_error *error)
{
    char path[KR_PLACE_PATH_MAX];
    memcpy(path, place->directory, strlen(place->directory) + 1);
    for (char *at = path + 1;; at++) {
        if (*at != '/' && *at != 0) {
            continue;
        }
        char was = *at;
        *at = 0;
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            return kr_fail(error, errno == EACCES || errno == EPERM ? KR_DENIED : KR_IO, "cannot make the directory %s: %s", path,
                           strerror(errno));
        }
        *at = was;
        if (was == 0) {
            break;
        }
    }
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
        return kr_fail(error, KR_IO, "%s is no directory", path);
    }
    if (status.st_uid != geteuid() || (status.st_mode & 022) != 0) {
        return kr_fail(error, KR_DENIED, "%s must belong to this user alone: check its owner and run \"chmod 700\" on it", path);
    }
    return KR_OK;
}

/* A process that was killed holds its locks until the kernel has taken it apart, which takes a while where much is mapped: who
 * starts a node again at once waits for that rather than being told that one runs. flock() knows no time limit. */
static int lock_soon(int fd, uint32_t wait_ms)
{
    const uint64_t until_ms = kr_monotonic_ms() + wait_ms;
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return errno;
        }
        if (kr_monotonic_ms() >= until_ms) {
            return EWOULDBLOCK;
        }
        (void)poll(NULL, 0, LOCK_RETRY_MS);
    }
    return 0;
}

enum kr_err kr_place_lock(const struct kr_place *place, uint32_t wait_ms, int *ret_fd, struct kr_error *error)
{
    int fd = open(place->lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return kr_fail(error, errno == EACCES || errno == EPERM ? KR_DENIED : KR_IO, "cannot open %s: %s", place->lock,
                       strerror(errno));
    }
    int reason = lock_soon(fd, wait_ms);
    if (reason != 0) {
        (void)close(fd);
        return reason == EWOULDBLOCK ? kr_fail(error, KR_LOCKED, "another kairand already runs on %s", place->directory)
                                     : kr_fail(error, KR_IO, "cannot lock %s: %s", place->lock, strerror(reason));
    }
    /* The number is for people who wonder who holds it; the lock itself is what counts. */
    char pid[32];
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || write(fd, pid, (size_t)len) != len) {
        (void)close(fd);
        return kr_fail(error, KR_IO, "cannot write %s: %s", place->lock, strerror(errno));
    }
    *ret_fd = fd;
    return KR_OK;
}
