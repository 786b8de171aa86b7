#include "crypto_test.h"

#include <signal.h>
#include <sys/resource.h>

#include "crypto/err.h"

static void every_error_has_a_name_and_a_text(void **state)
{
    (void)state;
    assert_string_equal(kr_err_name(KR_OK), "OK");
    assert_string_equal(kr_err_name(KR_UNKNOWN_AUTHOR), "UNKNOWN_AUTHOR");
    assert_string_equal(kr_err_text(KR_UNLABELLED), "no TLP label");
#define X(name, value, text)                                                                                                       \
    assert_string_equal(kr_err_name((enum kr_err)(value)), #name);                                                                 \
    assert_string_equal(kr_err_text((enum kr_err)(value)), text);
    KR_ERRORS(X)
#undef X
}

static void numbers_are_dense_so_that_none_is_reused(void **state)
{
    (void)state;
    int next = 0;
#define X(name, value, text) assert_int_equal(value, next++);
    KR_ERRORS(X)
#undef X
    assert_string_equal(kr_err_name((enum kr_err)next), "UNKNOWN");
    assert_string_equal(kr_err_text((enum kr_err)next), "unknown error");
}

static void fail_fills_the_sentence_and_returns_the_code(void **state)
{
    (void)state;
    struct kr_error error;
    assert_int_equal(kr_fail(&error, KR_IO, "cannot read %s: %d", "x", 7), KR_IO);
    assert_string_equal(error.text, "cannot read x: 7");
    assert_int_equal(kr_fail(NULL, KR_BUSY, "%s", "nobody listens"), KR_BUSY);
}

static void a_long_sentence_is_cut_between_characters(void **state)
{
    (void)state;
    static const char *const characters[] = {"a", "\xc3\xa9", "\xe5\x9b\x9e", "\xf0\x9f\x93\x8b"};
    for (size_t c = 0; c < 4; c++) {
        size_t width = c + 1;
        for (size_t shift = 0; shift < 4; shift++) {
            char text[700] = {0};
            memset(text, 'x', shift);
            for (size_t at = shift; at + width < 600; at += width) {
                memcpy(text + at, characters[c], width);
            }
            struct kr_error error;
            assert_int_equal(kr_fail(&error, KR_IO, "%s", text), KR_IO);
            size_t len = strlen(error.text);
            assert_true(len > sizeof error.text - 1 - width && len < sizeof error.text);
            assert_int_equal((len - shift) % width, 0);
            assert_memory_equal(error.text, text, len);
        }
    }
}

static int break_a_promise(void *arg)
{
    const struct rlimit no_core = {0};
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)signal(SIGABRT, SIG_DFL); /* cmocka catches it otherwise */
    (void)dup2(*(int *)arg, STDERR_FILENO);
    KR_ASSERT(1 + 1 == 3);
    return 0;
}

static void a_broken_promise_says_where_and_aborts(void **state)
{
    (void)state;
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    int status = status_of_child(break_a_promise, &pipe_fds[1]);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    close(pipe_fds[1]);
    char text[256] = {0};
    assert_true(read(pipe_fds[0], text, sizeof text - 1) > 0);
    close(pipe_fds[0]);
    assert_non_null(strstr(text, "test_err.c:"));
    assert_non_null(strstr(text, "assertion failed: 1 + 1 == 3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_name_and_a_text),
        cmocka_unit_test(numbers_are_dense_so_that_none_is_reused),
        cmocka_unit_test(fail_fills_the_sentence_and_returns_the_code),
        cmocka_unit_test(a_long_sentence_is_cut_between_characters),
        cmocka_unit_test(a_broken_promise_says_where_and_aborts),
    };
    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
