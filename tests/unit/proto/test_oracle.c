/* The reader against msgpack-c's unpacker, on random values, damaged values and random bytes. */
#include "proto_test.h"

#include "tests/support/oracle.h"

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
        assert_true(oracle_agrees(writer.bytes, writer.len));
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
        if (oracle_agrees(writer.bytes, writer.len)) {
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
        accepted += oracle_agrees(bytes, len) ? 1 : 0;
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
