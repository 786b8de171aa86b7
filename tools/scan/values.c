#include "tools/scan/values.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES (64u * KR_KIB)

/* `typed`: there may be a type and a tab in front. */
static enum kr_err take_line(struct kr_sieve *sieve, const char *line, size_t len, bool typed, struct kr_values_told *told)
{
    struct kr_indicator value;
    struct kr_error why;
    why.text[0] = 0; /* the rest of it is not written for each line */
    uint32_t type = KR_INDICATOR_ANY;
    told->lines++;
    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == ' ')) {
        len--;
    }
    if (len == 0 || line[0] == '#') {
        return KR_OK;
    }
    const char *tab = typed ? memchr(line, '\t', len) : NULL;
    if (tab != NULL && kr_indicator_type_parse(line, (size_t)(tab - line), &type) == KR_OK) {
        len -= (size_t)(tab + 1 - line);
        line = tab + 1;
    }
    enum kr_err err = kr_indicator_parse(type, line, len, &value, &why);
    if (err == KR_OK) {
        told->values++;
        err = kr_sieve_add(sieve, value.type, value.value, value.len, 0);
    } else if (err == KR_INVALID) {
        told->why = told->bad == 0 ? why : told->why;
        told->first_bad = told->bad == 0 ? told->lines : told->first_bad;
        told->bad++;
        err = KR_OK;
    }
    return err;
}

enum kr_err kr_values_read(const char *path, struct kr_sieve *sieve, struct kr_values_told *ret, struct kr_error *error)
{
    enum kr_err err = KR_OK;
    struct kr_values_told told = {0};
    size_t have = 0;
    ssize_t got = 1;
    bool skips = false; /* the rest of a line that is too long */
    char *text = malloc(BUFFER_BYTES);
    const int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (text == NULL) {
        err = KR_NOMEM;
    } else if (fd < 0) {
        err = kr_fail(error, KR_IO, "%s cannot be read: %s", path, strerror(errno));
    }
    while (err == KR_OK && got > 0) {
        do {
            got = read(fd, text + have, BUFFER_BYTES - have);
        } while (got < 0 && errno == EINTR);
        if (got < 0) {
            err = kr_fail(error, KR_IO, "%s cannot be read: %s", path, strerror(errno));
            break;
        }
        have += (size_t)got;
        const bool typed = memchr(text, '\t', have) != NULL;
        size_t from = 0;
        for (const char *feed; err == KR_OK && (feed = memchr(text + from, '\n', have - from)) != NULL;) {
            const size_t len = (size_t)(feed - text) - from;
            err = skips ? KR_OK : take_line(sieve, text + from, len, typed, &told);
            skips = false;
            from += len + 1;
        }
        if (err == KR_OK && got == 0 && have > from && !skips) {
            err = take_line(sieve, text + from, have - from, typed, &told);
            from = have;
        }
        if (from == 0 && have == BUFFER_BYTES) {
            if (!skips) {
                told.lines++;
                told.first_bad = told.bad == 0 ? told.lines : told.first_bad;
                told.bad++;
            }
            skips = true;
            from = have;
        }
        have -= from;
        memmove(text, text + from, have);
    }
    free(text);
    if (fd > STDIN_FILENO) {
        (void)close(fd);
    }
    if (err == KR_OK) {
        *ret = told;
    }
    return err;
}
