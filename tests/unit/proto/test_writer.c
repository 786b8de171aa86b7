#include "proto_test.h"

static void every_width_has_its_form(void **state)
{
    static const struct {
        uint64_t value;
        const char *bytes;
        size_t len;
    } numbers[] = {
        {0, "\x00", 1},
        {0x7f, "\x7f", 1},
        {0x80, "\xcc\x80", 2},
        {0x100, "\xcd\x01\x00", 3},
        {0x10000, "\xce\x00\x01\x00\x00", 5},
        {UINT64_C(0x100000000), "\xcf\x00\x00\x00\x01\x00\x00\x00\x00", 9},
        {UINT64_MAX, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9},
    };

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct kr_writer writer;

        kr_writer_init(&writer, 16);
        kr_writer_uint(&writer, numbers[i].value);
        assert_int_equal(kr_writer_finish(&writer), KR_OK);
        assert_slice_equal(slice(writer.bytes, writer.len), numbers[i].bytes, numbers[i].len);
        kr_writer_deinit(&writer);
    }
}

static void what_is_written_is_read_back(void **state)
{
    static const size_t lengths[] = {0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536};
    static uint8_t content[65536];

    (void)state;
    memset(content, 'k', sizeof content);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t len = lengths[i];
        struct kr_writer writer;
        struct kr_reader reader;

        kr_writer_init(&writer, 4 * sizeof content);
        kr_writer_array(&writer, 3);
        kr_writer_bin(&writer, content, len);
        kr_writer_str_slice(&writer, slice(content, len));
        kr_writer_array(&writer, (uint32_t)len);
        kr_writer_raw(&writer, content, len);
        assert_int_equal(kr_writer_finish(&writer), KR_OK);
        kr_reader_init(&reader, writer.bytes, writer.len);
        kr_reader_array(&reader, 3);
        assert_slice_equal(kr_reader_bin(&reader, len, len), content, len);
        assert_slice_equal(kr_reader_str(&reader, len), content, len);
        assert_int_equal(kr_reader_array_between(&reader, (uint32_t)len, (uint32_t)len), len);
        for (size_t element = 0; element < len; element++) {
            assert_int_equal(kr_reader_uint(&reader, 0x7f), 'k');
        }
        kr_reader_close(&reader);
        kr_reader_close(&reader);
        assert_int_equal(kr_reader_end(&reader), KR_OK);
        kr_writer_deinit(&writer);
    }
}

static void null_text_is_empty(void **state)
{
    struct kr_writer writer;

    (void)state;
    kr_writer_init(&writer, 8);
    kr_writer_str(&writer, NULL);
    kr_writer_str(&writer, "");
    kr_writer_slice(&writer, (struct kr_slice){0});
    assert_slice_equal(slice(writer.bytes, writer.len), "\xa0\xa0\xc4\x00", 4);
    kr_writer_deinit(&writer);
}

static void the_maximum_holds_to_the_byte(void **state)
{
    static const uint8_t content[1000] = {0};

    (void)state;
    for (size_t max = 0; max < 1010; max++) {
        struct kr_writer writer;

        kr_writer_init(&writer, max);
        kr_writer_bin(&writer, content, sizeof content); /* 1003 bytes with its head */
        assert_int_equal(kr_writer_finish(&writer), max >= 1003 ? KR_OK : KR_BOUNDS);
        assert_true(writer.len <= max && writer.capacity <= max);
        kr_writer_deinit(&writer);
    }
}

static void the_first_error_sticks(void **state)
{
    uint8_t *bytes = (uint8_t *)1;
    size_t len = 77;
    struct kr_writer writer;

    (void)state;
    kr_writer_init(&writer, 4);
    kr_writer_str(&writer, "too long");
    kr_writer_uint(&writer, 1);
    assert_int_equal(kr_writer_finish(&writer), KR_BOUNDS);
    assert_int_equal(kr_writer_take(&writer, &bytes, &len), KR_BOUNDS);
    assert_ptr_equal(bytes, (uint8_t *)1);
    assert_int_equal(len, 77);
    kr_writer_deinit(&writer);
    kr_writer_deinit(&writer);
    kr_writer_uint(&writer, 1); /* usable again */
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    kr_writer_deinit(&writer);
}

static void taking_leaves_the_writer_empty(void **state)
{
    uint8_t *bytes;
    size_t len;
    struct kr_writer writer;

    (void)state;
    kr_writer_init(&writer, 64);
    kr_writer_flag(&writer, true);
    assert_int_equal(kr_writer_take(&writer, &bytes, &len), KR_OK);
    assert_slice_equal(slice(bytes, len), "\x01", 1);
    free(bytes);
    assert_int_equal(writer.len, 0);
    assert_null(writer.bytes);
    kr_writer_deinit(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_width_has_its_form), cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(null_text_is_empty),       cmocka_unit_test(the_maximum_holds_to_the_byte),
        cmocka_unit_test(the_first_error_sticks),   cmocka_unit_test(taking_leaves_the_writer_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
