#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* renameat2 */
#endif
#include "crypto/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OVERWRITTEN_MAX (1 << 20) /* bytes of a file that is replaced: these files are small */

static enum kr_err fail_open(int reason, const char *path, struct kr_error *error)
{
    switch (reason) {
    case ENOENT:
    case ENOTDIR:
        return kr_fail(error, KR_NOT_FOUND, "there is no file %s", path);
    case ELOOP:
        return kr_fail(error, KR_DENIED, "%s is a symbolic link: name the file itself", path);
    case EACCES:
    case EPERM:
        return kr_fail(error, KR_DENIED, "%s may not be read by this user: %s", path, strerror(reason));
    default:
        return kr_fail(error, KR_IO, "cannot open %s: %s", path, strerror(reason));
    }
}

static enum kr_err check_file(int fd, bool is_private, const char *path, struct kr_error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return kr_fail(error, KR_IO, "cannot examine %s: %s", path, strerror(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        return kr_fail(error, KR_DENIED, "%s is not a plain file", path);
    }
    if (!is_private) {
        return KR_OK;
    }
    if (status.st_uid != geteuid()) {
        return kr_fail(error, KR_DENIED, "%s belongs to user %ju, not to this one (%ju): run as the owner", path,
                       (uintmax_t)status.st_uid, (uintmax_t)geteuid());
    }
    if ((status.st_mode & 077) != 0) {
        return kr_fail(error, KR_DENIED,
                       "%s can be reached by others (mode %04o): run \"chmod 600\" on it, and replace the keys if "
                       "it was copied",
                       path, (unsigned)(status.st_mode & 07777));
    }
    return KR_OK;
}

static enum kr_err read_file(const char *path, bool is_private, void *ret_bytes, size_t max, size_t *ret_len,
                             struct kr_error *error)
{
    /* Non-blocking, so that a pipe in its place cannot hold us up. */
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return fail_open(errno, path, error);
    }
    size_t len = 0;
    enum kr_err err = check_file(fd, is_private, path, error);
    while (err == KR_OK && len < max) {
        ssize_t got = read(fd, (uint8_t *)ret_bytes + len, max - len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            err = kr_fail(error, KR_IO, "cannot read %s: %s", path, strerror(errno));
        }
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
    }
    (void)close(fd);
    if (err == KR_OK) {
        *ret_len = len;
    }
    return err;
}

enum kr_err kr_private_file_read(const char *path, void *ret_bytes, size_t max, size_t *ret_len, struct kr_error *error)
{
    return read_file(path, true, ret_bytes, max, ret_len, error);
}

enum kr_err kr_private_file_read_any(const char *path, void *ret_bytes, size_t max, size_t *ret_len, struct kr_error *error)
{
    return read_file(path, false, ret_bytes, max, ret_len, error);
}

static int write_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, bytes, len);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return -1;
        }
        bytes += put;
        len -= (size_t)put;
    }
    return 0;
}

enum kr_err kr_private_file_sync_name(const char *path, struct kr_error *error)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    if (len >= sizeof directory) {
        return kr_fail(error, KR_BOUNDS, "the path is too long: %.64s...", path);
    }
    memcpy(directory, len == 0 ? "./" : path, len == 0 ? 2 : len);
    directory[len == 0 ? 2 : len] = 0;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum kr_err err = KR_OK;
    if (fd < 0 || fsync(fd) != 0) {
        err = kr_fail(error, KR_IO, "%s is written, but its directory cannot be synced: %s", path, strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return err;
}

/* Writes all and makes it durable; closes `fd` whatever happens. Leaves the reason in errno. */
static int fill_and_close(int fd, const void *bytes, size_t len)
{
    int failed = write_all(fd, bytes, len) != 0 || fsync(fd) != 0 ? -1 : 0;
    int reason = errno;
    if (close(fd) != 0 && failed == 0) {
        return -1;
    }
    errno = reason;
    return failed;
}

/* Memory sticks have file systems that cannot do this in one step. */
static int move_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL) {
        return -1;
    }
    if (access(to, F_OK) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(from, to);
}

/* What the name led to until now, so that it can be overwritten once another file has taken its place; -1: nothing, or something
 * that others name as well. */
static int open_replaced(const char *path)
{
    struct stat status;
    int fd = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink != 1)) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

/* Where the file system writes in place, the blocks that it had say nothing any more. Elsewhere (copy on write, flash) nobody can
 * promise that, and so failing is no failure. */
static void overwrite_and_close(int fd)
{
    static const uint8_t zeros[4096];
    struct stat status;
    if (fd < 0) {
        return;
    }
    off_t left = fstat(fd, &status) == 0 && status.st_size < OVERWRITTEN_MAX ? status.st_size : 0;
    while (left > 0) {
        const size_t piece = left < (off_t)sizeof zeros ? (size_t)left : sizeof zeros;
        if (write_all(fd, zeros, piece) != 0) {
            break;
        }
        left -= (off_t)piece;
    }
    (void)fsync(fd);
    (void)close(fd);
}

enum kr_err kr_private_file_write(const char *path, const void *bytes, size_t len, bool replace, struct kr_error *error)
{
    char temporary[PATH_MAX];
    int path_len = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (path_len < 0 || (size_t)path_len >= sizeof temporary) {
        return kr_fail(error, KR_BOUNDS, "the path is too long: %.64s...", path);
    }
    int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    if (fd < 0) {
        return kr_fail(error, errno == EACCES || errno == EPERM ? KR_DENIED : KR_IO, "cannot create a file beside %s: %s", path,
                       strerror(errno));
    }
    enum kr_err err = KR_OK;
    const int replaced = replace ? open_replaced(path) : -1;
    if (fill_and_close(fd, bytes, len) != 0) {
        err = kr_fail(error, KR_IO, "cannot write %s: %s", temporary, strerror(errno));
    } else if ((replace ? renameat2(AT_FDCWD, temporary, AT_FDCWD, path, 0) : move_new(temporary, path)) != 0) {
        err = errno == EEXIST ? kr_fail(error, KR_EXISTS, "%s is there already and is left as it is", path)
                              : kr_fail(error, KR_IO, "cannot put a file at %s: %s", path, strerror(errno));
    } else {
        err = kr_private_file_sync_name(path, error);
        if (err == KR_OK) { /* else the old one may come back */
            overwrite_and_close(replaced);
        } else if (replaced >= 0) {
            (void)close(replaced);
        }
        return err;
    }
    if (replaced >= 0) {
        (void)close(replaced);
    }
    (void)unlink(temporary);
    return err;
}
