#include "crypto/err.h"

#include <stdio.h>
#include <stdlib.h>

const char *kr_err_name(enum kr_err err)
{
    switch (err) {
#define X(name, value, text)                                                                                                       \
    case KR_##name:                                                                                                                \
        return #name;
        KR_ERRORS(X)
#undef X
    }
    return "UNKNOWN";
}

const char *kr_err_text(enum kr_err err)
{
    switch (err) {
#define X(name, value, text)                                                                                                       \
    case KR_##name:                                                                                                                \
        return text;
        KR_ERRORS(X)
#undef X
    }
    return "unknown error";
}

/* A sentence that was cut must not end within a character: it travels to clients as UTF-8. */
static void trim_partial_character(char *text, size_t len)
{
    size_t start = len;
    while (start > 0 && len - start < 3 && ((unsigned char)text[start - 1] & 0xc0u) == 0x80u) {
        start--;
    }
    if (start == 0) {
        return;
    }
    unsigned char lead = (unsigned char)text[start - 1];
    size_t want = lead >= 0xf0u ? 4 : lead >= 0xe0u ? 3 : lead >= 0xc0u ? 2 : 1;
    if (len - (start - 1) < want) {
        text[start - 1] = 0;
    }
}

enum kr_err kr_fail(struct kr_error *error, enum kr_err err, const char *fmt, ...)
{
    if (error != NULL) {
        va_list args;
        va_start(args, fmt);
        int len = vsnprintf(error->text, sizeof error->text, fmt, args);
        va_end(args);
        if (len < 0) {
            error->text[0] = 0;
        } else if ((size_t)len >= sizeof error->text) {
            trim_partial_character(error->text, sizeof error->text - 1);
        }
    }
    return err;
}

void kr_assert_failed(const char *expr, const char *file, int line)
{
    (void)fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expr);
    abort();
}
