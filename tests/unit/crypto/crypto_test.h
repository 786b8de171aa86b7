/* What the tests of this folder share: cmocka with its prerequisites, hexadecimal vectors, children that must fail. */
#ifndef KR_TEST_CRYPTO_H
#define KR_TEST_CRYPTO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/secret.h"

/* Decodes a vector of exactly `len` bytes. */
static inline void unhex(uint8_t *ret_bytes, size_t len, const char *hex)
{
    size_t got = 0;
    assert_int_equal(sodium_hex2bin(ret_bytes, len, hex, strlen(hex), " ", &got, NULL), 0);
    assert_int_equal(got, len);
}

static inline void assert_hex(const uint8_t *bytes, size_t len, const char *hex)
{
    uint8_t expected[512];
    assert_true(len <= sizeof expected);
    unhex(expected, len, hex);
    assert_memory_equal(bytes, expected, len);
}

/* Runs `body` in a child, which must not return through cmocka, and gives its wait status. */
static inline int status_of_child(int (*body)(void *), void *arg)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(body(arg));
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static inline int start_crypto(void **state)
{
    (void)state;
    return kr_crypto_init() == KR_OK ? 0 : -1;
}

#endif
