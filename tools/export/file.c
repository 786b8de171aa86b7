/* Files that others read while we write: whole or not at all, and not touched where nothing has changed. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/export/file.h"

#define HEAD_BYTES 4096

/* ---- what stands there ---- */

/* What the head of a file of ours says; 0 where it says nothing. */
static uint64_t head_time_s(FILE *file)
{
    static const char *const marks[] = {"\n# As of: ", "\n; As of: ", ",\"as_of\":\""};
    char head[HEAD_BYTES + 1];
    size_t len = fread(head, 1, HEAD_BYTES, file);
    head[len] = 0;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        const char *at = strstr(head, marks[i]);
        struct tm parts = {0};
        if (at != NULL && strptime(at + strlen(marks[i]), "%Y-%m-%dT%H:%M:%SZ", &parts) != NULL) {
            time_t when = timegm(&parts);
            return when > 0 ? (uint64_t)when : 0;
        }
    }
    return 0;
}

static bool is_same(FILE *one, FILE *two)
{
    static char left[KR_KIB * 16], right[KR_KIB * 16];
    rewind(one);
    rewind(two);
    for (;;) {
        size_t a = fread(left, 1, sizeof left, one), b = fread(right, 1, sizeof right, two);
        if (a != b || memcmp(left, right, a) != 0 || ferror(one) != 0 || ferror(two) != 0) {
            return false;
        }
        if (a < sizeof left) {
            return true;
        }
    }
}

/* ---- replacing ---- */

struct replacing {
    char target[PATH_MAX], temporary[PATH_MAX];
    FILE *old; /* NULL: nothing stands there */
    FILE *file;
    struct kr_error *error;
};

static enum kr_err fail(const struct replacing *replacing, const char *what)
{
    return kr_fail(replacing->error, KR_IO, "%s: %s: %s", replacing->target, what, strerror(errno));
}

static mode_t default_mode(void)
{
    mode_t mask = umask(0);
    (void)umask(mask);
    return 0666 & ~mask;
}

static enum kr_err open_old(struct replacing *replacing, const char *path, mode_t *ret_mode)
{
    struct stat stat;
    int len = snprintf(replacing->target, sizeof replacing->target, "%s", path);
    if (len < 0 || (size_t)len + sizeof ".kairan-XXXXXX" >= sizeof replacing->target) {
        return kr_fail(replacing->error, KR_BOUNDS, "the path of the file is too long");
    }
    *ret_mode = default_mode();
    /* A link stays one: what it points to is replaced. */
    if (lstat(path, &stat) == 0 && S_ISLNK(stat.st_mode) && realpath(path, replacing->target) == NULL) {
        return fail(replacing, "the link leads nowhere");
    }
    int fd = open(replacing->target, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return errno == ENOENT ? KR_OK : fail(replacing, "cannot be opened");
    }
    if (fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode)) {
        (void)close(fd);
        return kr_fail(replacing->error, KR_INVALID, "%s is no regular file: name a file, or - for standard output", path);
    }
    *ret_mode = stat.st_mode & 07777;
    replacing->old = fdopen(fd, "r");
    if (replacing->old == NULL) {
        (void)close(fd);
        return KR_NOMEM;
    }
    return KR_OK;
}

static enum kr_err open_new(struct replacing *replacing, mode_t mode)
{
    const char *slash = strrchr(replacing->target, '/');
    (void)snprintf(replacing->temporary, sizeof replacing->temporary, "%.*s.kairan-XXXXXX",
                   slash == NULL ? 0 : (int)(slash - replacing->target + 1), replacing->target);
    int fd = mkostemp(replacing->temporary, O_CLOEXEC);
    if (fd < 0) {
        replacing->temporary[0] = 0;
        return fail(replacing, "no temporary file can be made beside it");
    }
    replacing->file = fchmod(fd, mode) == 0 ? fdopen(fd, "w+") : NULL;
    if (replacing->file == NULL) {
        (void)close(fd);
        return fail(replacing, "the temporary file cannot be used");
    }
    return KR_OK;
}

static enum kr_err sync_directory(const struct replacing *replacing)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(replacing->target, '/');
    (void)snprintf(directory, sizeof directory, "%.*s",
                   slash == NULL                ? 1
                   : slash == replacing->target ? 1
                                                : (int)(slash - replacing->target),
                   slash == NULL ? "." : replacing->target);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 ? -1 : fsync(fd);
    /* Some file systems know no fsync of a directory. */
    bool is_fine = failed == 0 || errno == EINVAL;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_fine ? KR_OK : fail(replacing, "its directory cannot be made durable");
}

static enum kr_err write_anew(struct replacing *replacing, kr_file_writer *writer, void *context, uint64_t time_s)
{
    rewind(replacing->file);
    if (ftruncate(fileno(replacing->file), 0) != 0) {
        return fail(replacing, "the temporary file cannot be emptied");
    }
    enum kr_err err = writer(context, time_s, replacing->file);
    if ((err == KR_OK || err == KR_IO) && (fflush(replacing->file) != 0 || ferror(replacing->file) != 0)) {
        return fail(replacing, "cannot be written");
    }
    return err;
}

static enum kr_err put_in_place(struct replacing *replacing)
{
    if (fsync(fileno(replacing->file)) != 0) {
        return fail(replacing, "cannot be made durable");
    }
    if (rename(replacing->temporary, replacing->target) != 0) {
        return fail(replacing, "the new file cannot take its place");
    }
    replacing->temporary[0] = 0;
    return sync_directory(replacing);
}

static enum kr_err replace(struct replacing *replacing, kr_file_writer *writer, void *context, uint64_t changed_s, uint64_t now_s,
                           bool *ret_is_changed)
{
    uint64_t time_s = changed_s > 0 ? changed_s : now_s;
    if (replacing->old != NULL) {
        uint64_t old_s = head_time_s(replacing->old);
        enum kr_err err = old_s == 0 ? KR_OK : write_anew(replacing, writer, context, old_s);
        if (err != KR_OK) {
            return err;
        }
        if (old_s != 0 && is_same(replacing->old, replacing->file)) {
            *ret_is_changed = false;
            return KR_OK;
        }
        time_s = time_s > old_s ? time_s : now_s > old_s ? now_s : old_s + 1;
    }
    enum kr_err err = write_anew(replacing, writer, context, time_s);
    if (err != KR_OK) {
        return err;
    }
    if (replacing->old != NULL && is_same(replacing->old, replacing->file)) {
        *ret_is_changed = false;
        return KR_OK;
    }
    err = put_in_place(replacing);
    if (err == KR_OK) {
        *ret_is_changed = true;
    }
    return err;
}

enum kr_err kr_file_replace(const char *path, kr_file_writer *writer, void *context, uint64_t changed_s, uint64_t now_s,
                            bool *ret_is_changed, struct kr_error *error)
{
    struct replacing replacing = {.error = error};
    mode_t mode = 0;
    enum kr_err err = open_old(&replacing, path, &mode);
    if (err == KR_OK) {
        err = open_new(&replacing, mode);
    }
    if (err == KR_OK) {
        err = replace(&replacing, writer, context, changed_s, now_s, ret_is_changed);
    }
    if (replacing.temporary[0] != 0) {
        (void)unlink(replacing.temporary);
    }
    if (replacing.file != NULL) {
        (void)fclose(replacing.file);
    }
    if (replacing.old != NULL) {
        (void)fclose(replacing.old);
    }
    return err;
}

/* ---- parts of formats ---- */

struct part_writer {
    const struct kr_export_format *format;
    const struct kr_export_part *part;
    struct kr_rendering *rendering;
    struct kr_tally *tally;
};

static enum kr_err write_part(void *context, uint64_t time_s, FILE *out)
{
    struct part_writer *writer = context;
    *writer->tally = (struct kr_tally){0};
    writer->rendering->time_s = time_s;
    return writer->format->render(writer->rendering, writer->part, out, writer->tally);
}

enum kr_err kr_export_write_file(const struct kr_export_format *format, const struct kr_export_part *part,
                                 struct kr_rendering *rendering, const char *path, struct kr_tally *ret_tally, bool *ret_is_changed,
                                 struct kr_error *error)
{
    struct kr_tally tally;
    struct part_writer writer = {format, part, rendering, &tally};
    enum kr_err err = kr_file_replace(path, write_part, &writer, rendering->selection->changed_ms / 1000, rendering->now_s,
                                      ret_is_changed, error);
    if (err == KR_OK) {
        *ret_tally = tally;
    }
    return err;
}
