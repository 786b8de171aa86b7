/* Errors of all layers: one list that gives code, name and English message (the msgid of the translations).
 *
 * Fallible functions return enum kr_err, 0 is success. Where a person needs detail, a last parameter `struct kr_error *`
 * (may be NULL) takes a sentence with what happened, to what, and what to do. docs/ERRORS.md is tested against this list. */
#ifndef KR_CRYPTO_ERR_H
#define KR_CRYPTO_ERR_H

#include <stdarg.h>
#include <stddef.h>

#define KR_WARN_UNUSED       __attribute__((warn_unused_result))
#define KR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

#define KR_ERRORS(X)                                                                                                               \
    X(OK, 0, "success")                                                                                                            \
    X(NOMEM, 1, "out of memory")                                                                                                   \
    X(INVALID, 2, "invalid argument")                                                                                              \
    X(BOUNDS, 3, "too large or too many")                                                                                          \
    X(MALFORMED, 4, "malformed data")                                                                                              \
    X(VERSION, 5, "unsupported version")                                                                                           \
    X(SIGNATURE, 6, "the signature does not match")                                                                                \
    X(KEY, 7, "unusable key")                                                                                                      \
    X(DECRYPT, 8, "cannot be decrypted")                                                                                           \
    X(NOT_FOUND, 9, "not found")                                                                                                   \
    X(EXISTS, 10, "already there")                                                                                                 \
    X(DENIED, 11, "not permitted")                                                                                                 \
    X(UNKNOWN_AUTHOR, 12, "the author is not known here")                                                                          \
    X(EXPIRED, 13, "expired")                                                                                                      \
    X(QUOTA, 14, "over the limit for now")                                                                                         \
    X(STORE_FULL, 15, "no room left for the store")                                                                                \
    X(CORRUPT, 16, "damaged data in the store")                                                                                    \
    X(IO, 17, "input or output failed")                                                                                            \
    X(LOCKED, 18, "in use by another process")                                                                                     \
    X(MLOCK, 19, "memory for secrets cannot be locked")                                                                            \
    X(PASSPHRASE, 20, "wrong or missing passphrase")                                                                               \
    X(CONFIG, 21, "mistake in the configuration")                                                                                  \
    X(UNLABELLED, 22, "no TLP label")                                                                                              \
    X(BUSY, 23, "busy, try again")                                                                                                 \
    X(CLOSED, 24, "the connection was closed")                                                                                     \
    X(CANCELLED, 25, "cancelled")                                                                                                  \
    X(TIMEOUT, 26, "no answer in time")                                                                                            \
    X(USED, 27, "already used")                                                                                                    \
    X(GUARDED, 28, "held back by a guard")                                                                                         \
    X(SESSION, 29, "no session with the peer")                                                                                     \
    X(SYSTEM, 30, "the operating system refused")                                                                                  \
    X(RESTORED, 31, "this node went back to an older state and has not met its peers again")

enum kr_err {
#define X(name, value, text) KR_##name = (value),
    KR_ERRORS(X)
#undef X
};

/* A sentence for a person. Fixed buffer, always terminated; `text[0] == 0` means that there is no detail. */
struct kr_error {
    char text[512];
};

/* The short name ("DENIED"), or "UNKNOWN" for a number that is not in the list. Static storage. */
const char *kr_err_name(enum kr_err err);
/* The English message, for gettext. Static storage. */
const char *kr_err_text(enum kr_err err);

/* Fills `error` (if not NULL) and returns `err`, so that a failing line reads `return kr_fail(error, KR_IO, "...", ...)`. */
enum kr_err kr_fail(struct kr_error *error, enum kr_err err, const char *fmt, ...) KR_PRINTF(3, 4);

/* States what *we* guarantee, never what somebody sent. Always on. */
_Noreturn void kr_assert_failed(const char *expr, const char *file, int line);
#define KR_ASSERT(expr) ((expr) ? (void)0 : kr_assert_failed(#expr, __FILE__, __LINE__))

#endif
