#include "tools/kairan/given.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/formats/formats.h"

static enum kr_err read_stream(FILE *in, char **ret, size_t *ret_len)
{
    size_t len = 0, capacity = 0;
    char *bytes = NULL;
    for (;;) {
        if (len + 64 * KR_KIB > capacity) {
            capacity = capacity * 2 + 128 * KR_KIB;
            char *more = realloc(bytes, capacity);
            if (more == NULL) {
                free(bytes);
                return KR_NOMEM;
            }
            bytes = more;
        }
        size_t got = fread(bytes + len, 1, capacity - len, in);
        len += got;
        if (got == 0 || len > KR_FORMATS_BYTES_MAX) {
            break;
        }
    }
    if (ferror(in) != 0 || len > KR_FORMATS_BYTES_MAX) {
        free(bytes);
        return ferror(in) != 0 ? KR_IO : KR_BOUNDS;
    }
    *ret = bytes;
    *ret_len = len;
    return KR_OK;
}

/* A word that can only be meant as a file: with a slash or a dot in front, or called as mails and lists are. When there is no such
 * file, its name must not go out as an indicator. */
static bool means_file(const char *word)
{
    static const char *const endings[] = {".eml", ".msg", ".txt", ".csv", ".json", ".html", ".htm", ".md"};
    if (strpbrk(word, " \t\n") != NULL || strstr(word, "://") != NULL) {
        return false;
    }
    const char *dot = strrchr(word, '.');
    bool has_ending = false;
    for (size_t i = 0; dot != NULL && i < sizeof endings / sizeof endings[0]; i++) {
        has_ending = has_ending || strcasecmp(dot, endings[i]) == 0;
    }
    return word[0] == '/' || word[0] == '.' || has_ending;
}

bool kr_given_read(struct kr_app *app, int argc, char **argv, char **ret, size_t *ret_len)
{
    struct stat status;
    FILE *in = NULL;
    if (argc == 0 || (argc == 1 && strcmp(argv[0], "-") == 0)) {
        if (argc == 0 && isatty(STDIN_FILENO) == 1) {
            (void)kr_app_fail(app, KR_INVALID, _("what? kairan submit FILE, a text in quotes, or - for standard input"));
            return false;
        }
        in = stdin;
    } else if (argc == 1 && ((stat(argv[0], &status) == 0 && !S_ISDIR(status.st_mode)) || means_file(argv[0]))) {
        in = fopen(argv[0], "re");
    } else {
        size_t len = 0;
        for (int i = 0; i < argc; i++) {
            len += strlen(argv[i]) + 1;
        }
        char *text = malloc(len + 1), *end = text;
        for (int i = 0; text != NULL && i < argc; i++) {
            end = stpcpy(end, argv[i]);
            *end++ = '\n';
        }
        *ret = text;
        *ret_len = text != NULL ? (size_t)(end - text) - 1 : 0; /* without the last line's end */
        return text != NULL;
    }
    enum kr_err err = in == NULL ? KR_IO : read_stream(in, ret, ret_len);
    int reason = errno;
    if (in != NULL && in != stdin) {
        (void)fclose(in);
    }
    if (err != KR_OK) {
        (void)kr_app_fail(app, err, _("cannot read %s: %s"), argc > 0 ? argv[0] : "-",
                          err == KR_IO ? strerror(reason) : _(kr_err_text(err)));
    }
    return err == KR_OK;
}
