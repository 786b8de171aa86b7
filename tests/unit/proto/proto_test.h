/* What the tests of this folder share: cmocka with its prerequisites, and forged records. */
#ifndef KR_TEST_PROTO_H
#define KR_TEST_PROTO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "crypto/sign.h"
#include "proto/record/record.h"
#include "tests/support/forge.h"

static inline int start_crypto(void **state)
{
    (void)state;
    return kr_crypto_init() == KR_OK ? 0 : -1;
}

static inline void assert_slice_equal(struct kr_slice slice, const void *bytes, size_t len)
{
    assert_int_equal(slice.len, len);
    if (len > 0) {
        assert_memory_equal(slice.bytes, bytes, len);
    }
}

/* A text of `len` letters. */
static inline struct kr_slice long_text(size_t len)
{
    static char text[KR_TEXT_BYTES_MAX + 1];

    assert_true(len <= sizeof text);
    memset(text, 't', sizeof text);
    return slice(text, len);
}

static inline enum kr_err verify_bytes(const uint8_t *bytes, size_t len, struct kr_record *ret_record, struct kr_header *ret_header)
{
    enum kr_err err = kr_record_split(bytes, len, ret_record);

    if (err == KR_OK) {
        err = kr_record_verify(ret_record);
    }
    return err == KR_OK ? kr_header_parse(ret_record->header, ret_header) : err;
}

#endif
