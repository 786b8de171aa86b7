/* Files, standard input and memory as sources for import. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/formats/import.h"

static enum kr_err read_memory(void *context, uint64_t offset, void *ret, size_t size, size_t *ret_len, struct kr_error *error)
{
    const struct kr_slice *bytes = context;
    (void)error;
    const size_t from = offset < bytes->len ? (size_t)offset : bytes->len;
    const size_t len = size < bytes->len - from ? size : bytes->len - from;
    if (len > 0) {
        memcpy(ret, bytes->bytes + from, len);
    }
    *ret_len = len;
    return KR_OK;
}

void kr_import_source_memory(struct kr_import_source *ret_source, const char *name, struct kr_slice *bytes)
{
    *ret_source = (struct kr_import_source){.name = name, .bytes = bytes->len, .read = read_memory, .context = bytes};
}

static enum kr_err read_file(void *context, uint64_t offset, void *ret, size_t size, size_t *ret_len, struct kr_error *error)
{
    const struct kr_import_file *file = context;
    size_t len = 0;
    while (len < size) {
        const ssize_t got = pread(file->fd, (uint8_t *)ret + len, size - len, (off_t)(offset + len));
        if (got < 0 && errno != EINTR) {
            return kr_fail(error, KR_IO, "cannot read %.300s: %s", file->source.name, strerror(errno));
        }
        if (got == 0) {
            break;
        }
        len += got > 0 ? (size_t)got : 0;
    }
    *ret_len = len;
    return KR_OK;
}

/* A file without a name, which nobody else can open and which is gone with us however we end. */
static int open_unnamed(struct kr_error *error)
{
    const char *folder = getenv("TMPDIR");
    char path[512];
    folder = folder != NULL && folder[0] == '/' ? folder : "/tmp";
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (size_t)snprintf(path, sizeof path, "%s/kairan-XXXXXX", folder) < sizeof path) {
        fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0) {
            (void)unlink(path);
        }
    }
    if (fd < 0) {
        (void)kr_fail(error, KR_IO, "cannot make a temporary file in %.300s: %s; TMPDIR may name another folder", folder,
                      strerror(errno));
    }
    return fd;
}

static enum kr_err write_all(int fd, const uint8_t *bytes, size_t len, struct kr_error *error)
{
    while (len > 0) {
        const ssize_t done = write(fd, bytes, len);
        if (done < 0 && errno != EINTR) {
            return kr_fail(error, KR_IO, "cannot keep standard input in a temporary file: %s; TMPDIR may name another folder",
                           strerror(errno));
        }
        bytes += done > 0 ? done : 0;
        len -= done > 0 ? (size_t)done : 0;
    }
    return KR_OK;
}

static enum kr_err spool(int in, uint64_t bytes_max, int *ret_fd, uint64_t *ret_bytes, struct kr_error *error)
{
    static uint8_t block[64 * KR_KIB];
    uint64_t bytes = 0;
    const int fd = open_unnamed(error);
    enum kr_err err = fd < 0 ? KR_IO : KR_OK;
    for (bool more = true; err == KR_OK && more;) {
        const ssize_t got = read(in, block, sizeof block);
        if (got < 0 && errno != EINTR) {
            err = kr_fail(error, KR_IO, "cannot read standard input: %s", strerror(errno));
        } else if (got > 0) {
            bytes += (uint64_t)got;
            err = bytes > bytes_max ? kr_fail(error, KR_BOUNDS, "standard input brings more than %ju MiB: put it into a file",
                                              (uintmax_t)(bytes_max / KR_MIB))
                                    : write_all(fd, block, (size_t)got, error);
        }
        more = got != 0;
    }
    if (err == KR_OK) {
        *ret_fd = fd;
        *ret_bytes = bytes;
    } else if (fd >= 0) {
        (void)close(fd);
    }
    return err;
}

enum kr_err kr_import_file_open(struct kr_import_file *ret_file, const char *path, uint64_t stdin_bytes_max, struct kr_error *error)
{
    const bool is_stdin = strcmp(path, "-") == 0;
    struct stat status;
    uint64_t bytes = 0;
    int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &status) != 0) {
        const int reason = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return kr_fail(error, KR_IO, "cannot read %.300s: %s", path, strerror(reason));
    }
    enum kr_err err = KR_OK;
    if (S_ISREG(status.st_mode)) {
        bytes = (uint64_t)status.st_size;
    } else if (S_ISDIR(status.st_mode)) {
        err = kr_fail(error, KR_INVALID, "%.300s is a folder: name the files in it", path);
    } else if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) || is_stdin) {
        int spooled = -1;
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
        err = spool(fd, stdin_bytes_max, &spooled, &bytes, error);
        if (err == KR_OK) {
            (void)close(fd);
            fd = spooled;
        }
    } else {
        err = kr_fail(error, KR_INVALID, "%.300s is no file: name a file, or - for standard input", path);
    }
    if (err != KR_OK) {
        (void)close(fd);
        return err;
    }
    *ret_file = (struct kr_import_file){
        .source = {.name = is_stdin ? "-" : path, .bytes = bytes, .read = read_file, .context = ret_file}, .fd = fd};
    return KR_OK;
}

void kr_import_file_close(struct kr_import_file *file)
{
    if (file->fd >= 0) {
        (void)close(file->fd);
    }
    file->fd = -1;
}
