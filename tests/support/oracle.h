/* msgpack-c's unpacker as the oracle of our reader: whatever the reader accepts, msgpack-c decodes to the same values with nothing
 * left over, and packing those values again gives the same bytes. */
#ifndef KR_TEST_ORACLE_H
#define KR_TEST_ORACLE_H

#include <msgpack.h>
#include <string.h>

#include "proto/codec/reader.h"

static inline bool oracle_equal(struct kr_slice slice, const void *bytes, size_t len)
{
    return slice.len == len && (len == 0 || memcmp(slice.bytes, bytes, len) == 0);
}

/* Compares one element, as far down as it goes, and packs it again. */
static inline void oracle_compare(struct kr_reader *reader, const msgpack_object *object, msgpack_packer *packer)
{
    switch (object->type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        KR_ASSERT(kr_reader_uint(reader, UINT64_MAX) == object->via.u64);
        break;
    case MSGPACK_OBJECT_BIN:
        KR_ASSERT(oracle_equal(kr_reader_bin(reader, 0, UINT32_MAX), object->via.bin.ptr, object->via.bin.size));
        break;
    case MSGPACK_OBJECT_STR:
        KR_ASSERT(oracle_equal(kr_reader_str(reader, UINT32_MAX), object->via.str.ptr, object->via.str.size));
        break;
    case MSGPACK_OBJECT_ARRAY:
        msgpack_pack_array(packer, object->via.array.size);
        kr_reader_array(reader, object->via.array.size);
        for (uint32_t i = 0; i < object->via.array.size; i++) {
            oracle_compare(reader, &object->via.array.ptr[i], packer);
        }
        kr_reader_close(reader);
        return;
    default:
        KR_ASSERT(!"the reader let a foreign type pass");
    }
    msgpack_pack_object(packer, *object);
}

/* Returns whether our reader accepts the bytes; if it does, holds it against the oracle. */
static inline bool oracle_agrees(const uint8_t *bytes, size_t len)
{
    struct kr_reader reader;
    msgpack_unpacked unpacked;
    msgpack_sbuffer again;
    msgpack_packer packer;
    size_t offset = 0;

    kr_reader_init(&reader, bytes, len);
    kr_reader_skip(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return false;
    }
    msgpack_unpacked_init(&unpacked);
    msgpack_sbuffer_init(&again);
    msgpack_packer_init(&packer, &again, msgpack_sbuffer_write);
    KR_ASSERT(msgpack_unpack_next(&unpacked, (const char *)bytes, len, &offset) == MSGPACK_UNPACK_SUCCESS);
    KR_ASSERT(offset == len);
    kr_reader_init(&reader, bytes, len);
    oracle_compare(&reader, &unpacked.data, &packer);
    KR_ASSERT(kr_reader_end(&reader) == KR_OK);
    KR_ASSERT(oracle_equal((struct kr_slice){.bytes = bytes, .len = len}, again.data, again.size));
    msgpack_sbuffer_destroy(&again);
    msgpack_unpacked_destroy(&unpacked);
    return true;
}

#endif
