/* What tests of the client protocol share: a value written, read, and written again. */
#ifndef KR_TEST_ROUND_TRIP_H
#define KR_TEST_ROUND_TRIP_H

#include "proto_test.h"

#include "proto/client/client.h"

static const uint8_t ids[3][32] = {{1}, {2}, {3}};

static uint8_t kept[KR_CLIENT_FRAME_BYTES_MAX]; /* what the last value read points into */

/* Writes with `write`, reads with `read`, writes again: the bytes must be the same. Every truncation must fail. */
#define ROUND_TRIP(type, value, write, read)                                                                                       \
    static void round_trip_##type(const struct type *value, struct type *ret_read)                                                 \
    {                                                                                                                              \
        struct kr_writer writer, again;                                                                                            \
        kr_writer_init(&writer, sizeof kept);                                                                                      \
        write(value, &writer);                                                                                                     \
        assert_int_equal(kr_writer_finish(&writer), KR_OK);                                                                        \
        memcpy(kept, writer.bytes, writer.len);                                                                                    \
        for (size_t len = 0; len < writer.len; len++) {                                                                            \
            assert_int_equal(read(slice(writer.bytes, len), ret_read), KR_MALFORMED);                                              \
        }                                                                                                                          \
        writer.bytes[0] ^= 1; /* one field more or less */                                                                         \
        assert_int_equal(read(slice(writer.bytes, writer.len), ret_read), KR_MALFORMED);                                           \
        assert_int_equal(read(slice(kept, writer.len), ret_read), KR_OK);                                                          \
        kr_writer_init(&again, sizeof kept);                                                                                       \
        write(ret_read, &again);                                                                                                   \
        assert_slice_equal(slice(again.bytes, again.len), kept, writer.len);                                                       \
        kr_writer_deinit(&again);                                                                                                  \
        kr_writer_deinit(&writer);                                                                                                 \
    }

#endif
