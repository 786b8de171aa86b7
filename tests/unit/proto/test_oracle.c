/* The reader against msgpack-c's unpacker: whatever our reader accepts, msgpack-c decodes to the same values with nothing left
 * over, and packing those values again gives the same bytes. */
#include "proto_test.h"

#include <msgpack.h>

/* Compares one element, as far down as it goes, and packs it again. */
static void compare(struct kr_reader *reader, const msgpack_object *object, msgpack_packer *packer)
{
    switch (object->type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        assert_true(kr_reader_uint(reader, UINT64_MAX) == object->via.u64);
        break;
    case MSGPACK_OBJECT_BIN:
        assert_slice_equal(kr_reader_bin(reader, 0, UINT32_MAX), object->via.bin.ptr, object->via.bin.size);
        break;
    case MSGPACK_OBJECT_STR:
        assert_slice_equal(kr_reader_str(reader, UINT32_MAX), object->via.str.ptr, object->via.str.size);
        break;
    case MSGPACK_OBJECT_ARRAY:
        msgpack_pack_array(packer, object->via.array.size);
        kr_reader_array(reader, object->via.array.size);
        for (uint32_t i = 0; i < object->via.array.size; i++) {
            compare(reader, &object->via.array.ptr[i], packer);
        }
        kr_reader_close(reader);
        return;
    default:
        fail_msg("the reader let an object of type %d pass", (int)object->type);
    }
    msgpack_pack_object(packer, *object);
}

/* Returns whether our reader accepts the bytes; if it does, holds it against the oracle. */
static bool agree(const uint8_t *bytes, size_t len)
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
    assert_int_equal(msgpack_unpack_next(&unpacked, (const char *)bytes, len, &offset), MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(offset, len);
    kr_reader_init(&reader, bytes, len);
    compare(&reader, &unpacked.data, &packer);
    assert_int_equal(kr_reader_end(&reader), KR_OK);
    assert_slice_equal(slice(again.data, again.size), bytes, len);
    msgpack_sbuffer_destroy(&again);
    msgpack_unpacked_destroy(&unpacked);
    return true;
}

static void write_random(struct kr_writer *writer, struct kr_rng *rng, unsigned depth)
{
    static const char text[] = "回覧板 kairan — シグネチャ 203.0.113.7 𠮷野家 é";
    uint64_t choice = kr_rng_below(rng, depth < KR_READER_DEPTH_MAX ? 4 : 3);
    uint8_t bytes[300];
    size_t len;

    switch (choice) {
    case 0:
        kr_writer_uint(writer, kr_rng_below(rng, UINT64_MAX) >> kr_rng_below(rng, 64));
        break;
    case 1:
        len = (size_t)kr_rng_below(rng, kr_rng_below(rng, 8) == 0 ? sizeof bytes : 20);
        kr_rng_bytes(rng, bytes, len);
        kr_writer_bin(writer, bytes, len);
        break;
    case 2:
        len = (size_t)kr_rng_below(rng, sizeof text);
        while (len < sizeof text && ((uint8_t)text[len] & 0xc0) == 0x80) {
            len++; /* to the end of a character */
        }
        kr_writer_str_slice(writer, slice(text, len < sizeof text ? len : sizeof text - 1));
        break;
    default:
        len = (size_t)kr_rng_below(rng, kr_rng_below(rng, 8) == 0 ? 20 : 5);
        kr_writer_array(writer, (uint32_t)len);
        for (size_t i = 0; i < len; i++) {
            write_random(writer, rng, depth + 1);
        }
        break;
    }
}

static void valid_values_are_read_alike(void **state)
{
    struct kr_rng rng;

    (void)state;
    kr_rng_init(&rng, (const uint8_t[32]){1});
    for (unsigned i = 0; i < 3000; i++) {
        struct kr_writer writer;

        kr_writer_init(&writer, KR_MIB);
        write_random(&writer, &rng, 0);
        assert_int_equal(kr_writer_finish(&writer), KR_OK);
        assert_true(agree(writer.bytes, writer.len));
        kr_writer_deinit(&writer);
    }
}

static void damaged_values_are_refused_or_read_alike(void **state)
{
    struct kr_rng rng;
    unsigned accepted = 0;
    unsigned refused = 0;

    (void)state;
    kr_rng_init(&rng, (const uint8_t[32]){2});
    for (unsigned i = 0; i < 20000; i++) {
        struct kr_writer writer;
        uint64_t damages = 1 + kr_rng_below(&rng, 3);

        kr_writer_init(&writer, KR_MIB);
        write_random(&writer, &rng, 0);
        for (uint64_t damage = 0; damage < damages; damage++) {
            kr_rng_bytes(&rng, writer.bytes + kr_rng_below(&rng, writer.len), 1);
        }
        if (agree(writer.bytes, writer.len)) {
            accepted++;
        } else {
            refused++;
        }
        kr_writer_deinit(&writer);
    }
    /* Both happen often: otherwise this test would compare nothing. */
    assert_true(accepted > 1000 && refused > 1000);
}

static void random_bytes_are_refused_or_read_alike(void **state)
{
    struct kr_rng rng;
    unsigned accepted = 0;

    (void)state;
    kr_rng_init(&rng, (const uint8_t[32]){3});
    for (unsigned i = 0; i < 50000; i++) {
        uint8_t bytes[12];
        size_t len = 1 + (size_t)kr_rng_below(&rng, sizeof bytes);

        kr_rng_bytes(&rng, bytes, len);
        accepted += agree(bytes, len) ? 1 : 0;
    }
    assert_true(accepted > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_values_are_read_alike),
        cmocka_unit_test(damaged_values_are_refused_or_read_alike),
        cmocka_unit_test(random_bytes_are_refused_or_read_alike),
    };

    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
