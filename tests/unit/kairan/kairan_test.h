/* What the tests of this folder share. */
#ifndef KR_TESTS_UNIT_KAIRAN_KAIRAN_TEST_H
#define KR_TESTS_UNIT_KAIRAN_KAIRAN_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants these before it. */
#include <cmocka.h>

#include "proto/codec/reader.h"

static inline struct kr_slice slice(const char *text)
{
    return (struct kr_slice){(const uint8_t *)text, strlen(text)};
}

#endif
