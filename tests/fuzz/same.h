/* What targets of decoders share: what is accepted, encodes again to the same bytes. */
#ifndef KR_TESTS_FUZZ_SAME_H
#define KR_TESTS_FUZZ_SAME_H

#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "crypto/err.h"
#include "proto/codec/writer.h"

/* Frees the writer. */
static inline void expect_same(struct kr_writer *writer, struct kr_slice bytes)
{
    KR_ASSERT(kr_writer_finish(writer) == KR_OK);
    KR_ASSERT(writer->len == bytes.len && memcmp(writer->bytes, bytes.bytes, bytes.len) == 0);
    kr_writer_deinit(writer);
}

/* run_TYPE, of what kr_TYPE_READ reads and kr_TYPE_write writes. Values are as large as the largest answer: not on the stack. */
#define RUN_SAME(type, read)                                                                                                       \
    static void run_##type(struct kr_slice bytes)                                                                                  \
    {                                                                                                                              \
        static struct kr_##type value;                                                                                             \
        struct kr_writer writer;                                                                                                   \
        if (kr_##type##_##read(bytes, &value) == KR_OK) {                                                                          \
            kr_writer_init(&writer, bytes.len);                                                                                    \
            kr_##type##_write(&value, &writer);                                                                                    \
            expect_same(&writer, bytes);                                                                                           \
        }                                                                                                                          \
    }

#endif
