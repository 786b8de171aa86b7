#include "proto_test.h"

#define READ(reader, ...)                                                                                                          \
    static const uint8_t bytes_of_##reader[] = {__VA_ARGS__};                                                                      \
    struct kr_reader reader;                                                                                                       \
    kr_reader_init(&reader, bytes_of_##reader, sizeof bytes_of_##reader)

static enum kr_err skim(const void *bytes, size_t len)
{
    struct kr_reader reader;

    kr_reader_init(&reader, bytes, len);
    kr_reader_skip(&reader);
    return kr_reader_end(&reader);
}

static void reads_what_stands_there(void **state)
{
    uint8_t fixed[3] = {9, 9, 9};
    uint8_t maybe[2] = {9, 9};

    (void)state;
    READ(reader, 0x97, 0x7f, 0x01, 0xc4, 0x03, 1, 2, 3, 0xa2, 0xc3, 0xa9, 0xc4, 0x00, 0x92, 0x00, 0xcc, 0x80, 0xc4, 0x02, 7, 8);
    kr_reader_array(&reader, 7);
    assert_int_equal(kr_reader_uint(&reader, 127), 127);
    assert_true(kr_reader_flag(&reader));
    kr_reader_fixed(&reader, fixed, sizeof fixed);
    assert_memory_equal(fixed, "\1\2\3", 3);
    assert_slice_equal(kr_reader_str(&reader, 2), "é", 2);
    assert_false(kr_reader_fixed_or_empty(&reader, maybe, sizeof maybe));
    assert_memory_equal(maybe, "\0\0", 2);
    assert_int_equal(kr_reader_array_between(&reader, 2, 2), 2);
    assert_false(kr_reader_flag(&reader));
    assert_int_equal(kr_reader_uint(&reader, UINT64_MAX), 128);
    kr_reader_close(&reader);
    assert_slice_equal(kr_reader_bin(&reader, 2, 2), "\7\10", 2);
    kr_reader_close(&reader);
    assert_int_equal(kr_reader_end(&reader), KR_OK);
}

static void only_shortest_forms_pass(void **state)
{
    /* Each pair: the shortest form of a number or length, and the next longer one. */
    static const struct {
        uint8_t bytes[10];
        size_t len;
        bool is_shortest;
    } heads[] = {
        {{0x7f}, 1, true},
        {{0xcc, 0x7f}, 2, false},
        {{0xcc, 0xff}, 2, true},
        {{0xcd, 0x00, 0xff}, 3, false},
        {{0xcd, 0xff, 0xff}, 3, true},
        {{0xce, 0x00, 0x00, 0xff, 0xff}, 5, false},
        {{0xce, 0xff, 0xff, 0xff, 0xff}, 5, true},
        {{0xcf, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, 9, false},
        {{0xcf, 0, 0, 0, 1, 0, 0, 0, 0}, 9, true},
        {{0xc4, 0x01, 'a'}, 3, true},
        {{0xc5, 0x00, 0x01, 'a'}, 4, false},
        {{0xc6, 0, 0, 0, 1, 'a'}, 6, false},
        {{0xa1, 'a'}, 2, true},
        {{0xd9, 0x01, 'a'}, 3, false},
        {{0xda, 0x00, 0x01, 'a'}, 4, false},
        {{0xdb, 0, 0, 0, 1, 'a'}, 6, false},
        {{0x91, 0x00}, 2, true},
        {{0xdc, 0x00, 0x01, 0x00}, 4, false},
        {{0xdd, 0, 0, 0, 1, 0x00}, 6, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        assert_int_equal(skim(heads[i].bytes, heads[i].len), heads[i].is_shortest ? KR_OK : KR_MALFORMED);
    }
}

static void long_lengths_have_shortest_forms_too(void **state)
{
    static const struct {
        uint8_t head[5];
        size_t head_len, len;
        enum kr_err err;
    } cases[] = {
        {{0xd9, 31}, 2, 31, KR_MALFORMED},
        {{0xd9, 32}, 2, 32, KR_OK},
        {{0xda, 0x00, 0xff}, 3, 0xff, KR_MALFORMED},
        {{0xda, 0x01, 0x00}, 3, 0x100, KR_OK},
        {{0xdb, 0, 0, 0xff, 0xff}, 5, 0xffff, KR_MALFORMED},
        {{0xdb, 0, 1, 0, 0}, 5, 0x10000, KR_OK},
        {{0xc5, 0x00, 0xff}, 3, 0xff, KR_MALFORMED},
        {{0xc5, 0x01, 0x00}, 3, 0x100, KR_OK},
        {{0xc6, 0, 0, 0xff, 0xff}, 5, 0xffff, KR_MALFORMED},
        {{0xc6, 0, 1, 0, 0}, 5, 0x10000, KR_OK},
        {{0xdc, 0x00, 15}, 3, 15, KR_MALFORMED},
        {{0xdc, 0x00, 16}, 3, 16, KR_OK},
        {{0xdd, 0, 0, 0xff, 0xff}, 5, 0xffff, KR_MALFORMED},
        {{0xdd, 0, 1, 0, 0}, 5, 0x10000, KR_OK},
    };
    static uint8_t bytes[5 + 0x10000];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memcpy(bytes, cases[i].head, cases[i].head_len);
        memset(bytes + cases[i].head_len, 'a', cases[i].len); /* text, bytes, or elements: 'a' is the number 97 */
        assert_int_equal(skim(bytes, cases[i].head_len + cases[i].len), cases[i].err);
    }
}

static void foreign_types_fail(void **state)
{
    (void)state;
    for (unsigned first = 0x80; first <= 0xff; first++) {
        /* Long enough for whatever the first byte announces. */
        uint8_t bytes[24] = {(uint8_t)first, 1, 1, 1, 1, 1, 1, 1, 1};
        bool is_ours = (first >= 0x90 && first <= 0xbf) || (first >= 0xc4 && first <= 0xc6) || (first >= 0xcc && first <= 0xcf) ||
                       (first >= 0xd9 && first <= 0xdd);
        struct kr_reader reader;

        if (is_ours) {
            continue;
        }
        kr_reader_init(&reader, bytes, sizeof bytes);
        kr_reader_skip(&reader);
        assert_int_equal(reader.err, KR_MALFORMED);
    }
}

static void text_is_strict_utf8(void **state)
{
    static const char *const good[] = {"",
                                       "a",
                                       "\x7f",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "\xe5\x9b\x9e\xe8\xa6\xa7"};
    static const char *const bad[] = {
        "\x80",             /* continuation alone */
        "\xc0\x80",         /* overlong NUL */
        "\xc1\xbf",         /* overlong */
        "\xe0\x9f\xbf",     /* overlong */
        "\xf0\x8f\xbf\xbf", /* overlong */
        "\xed\xa0\x80",     /* surrogate */
        "\xed\xbf\xbf",     /* surrogate */
        "\xf4\x90\x80\x80", /* past U+10FFFF */
        "\xf5\x80\x80\x80", /* past U+10FFFF */
        "\xff",
        "\xc3",         /* cut short */
        "\xe2\x82",     /* cut short */
        "\xf0\x9f\x98", /* cut short */
        "\xc3(",
        "\xe2(\xa1",
        "\xe2\x82(",
        "\xf0\x9f\x98(",
    };
    uint8_t bytes[32];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        bytes[0] = (uint8_t)(0xa0 | strlen(good[i]));
        memcpy(bytes + 1, good[i], strlen(good[i]));
        assert_int_equal(skim(bytes, 1 + strlen(good[i])), KR_OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        bytes[0] = (uint8_t)(0xa0 | strlen(bad[i]));
        memcpy(bytes + 1, bad[i], strlen(bad[i]));
        assert_int_equal(skim(bytes, 1 + strlen(bad[i])), KR_MALFORMED);
    }
    assert_int_equal(skim("\xa1\0", 2), KR_MALFORMED); /* NUL */
}

static void depth_is_bounded(void **state)
{
    uint8_t bytes[KR_READER_DEPTH_MAX + 2];

    (void)state;
    memset(bytes, 0x91, sizeof bytes);
    bytes[KR_READER_DEPTH_MAX] = 0x00;
    assert_int_equal(skim(bytes, KR_READER_DEPTH_MAX + 1), KR_OK);
    bytes[KR_READER_DEPTH_MAX] = 0x91;
    bytes[KR_READER_DEPTH_MAX + 1] = 0x00;
    assert_int_equal(skim(bytes, sizeof bytes), KR_MALFORMED);
}

static void counts_must_fit_the_input(void **state)
{
    (void)state;
    assert_int_equal(skim("\x92\x01", 2), KR_MALFORMED);
    assert_int_equal(skim("\xdd\xff\xff\xff\xff\x00", 6), KR_MALFORMED);
    assert_int_equal(skim("\xc6\xff\xff\xff\xff\x00", 6), KR_MALFORMED);
    assert_int_equal(skim("\xdb\xff\xff\xff\xff\x61", 6), KR_MALFORMED);
    READ(reader, 0xdc, 0x10, 0x00, 0x00);
    assert_int_equal(kr_reader_array_between(&reader, 0, UINT32_MAX), 0);
    assert_int_equal(kr_reader_end(&reader), KR_MALFORMED);
}

static void every_prefix_fails(void **state)
{
    static const uint8_t bytes[] = {0x95, 0xcf, 1,   2,    3,    4,    5,    6,    7,    8,    0xc4, 0x02, 1,   2,   0xd9,
                                    0x20, 'a',  'a', 'a',  'a',  'a',  'a',  'a',  'a',  'a',  'a',  'a',  'a', 'a', 'a',
                                    'a',  'a',  'a', 'a',  'a',  'a',  'a',  'a',  'a',  'a',  'a',  'a',  'a', 'a', 'a',
                                    'a',  'a',  'a', 0x92, 0x01, 0xcd, 0x12, 0x34, 0xce, 0x12, 0x34, 0x56, 0x78};

    (void)state;
    assert_int_equal(skim(bytes, sizeof bytes), KR_OK);
    for (size_t len = 0; len < sizeof bytes; len++) {
        uint8_t *copy = malloc(len + 1); /* on the heap, so that a sanitizer sees a read past the end */

        assert_non_null(copy);
        memcpy(copy, bytes, len);
        assert_int_equal(skim(copy, len), KR_MALFORMED);
        free(copy);
    }
}

static void the_end_is_exact(void **state)
{
    (void)state;
    assert_int_equal(skim("\x01\x02", 2), KR_MALFORMED); /* trailing byte */
    READ(unread, 0x92, 0x01, 0x02);
    kr_reader_array(&unread, 2);
    (void)kr_reader_uint(&unread, 9);
    kr_reader_close(&unread); /* one element left */
    assert_int_equal(kr_reader_end(&unread), KR_MALFORMED);
    READ(open, 0x91, 0x01);
    kr_reader_array(&open, 1);
    (void)kr_reader_uint(&open, 9);
    assert_int_equal(kr_reader_end(&open), KR_MALFORMED); /* never closed */
    READ(over, 0x91, 0x01, 0x02);
    kr_reader_array(&over, 1);
    (void)kr_reader_uint(&over, 9);
    assert_int_equal(kr_reader_uint(&over, 9), 0); /* one more than the array has */
    assert_int_equal(kr_reader_end(&over), KR_MALFORMED);
}

static void maxima_are_bounds_and_minima_are_form(void **state)
{
    (void)state;
    READ(number, 0x0a);
    assert_int_equal(kr_reader_uint(&number, 9), 0);
    assert_int_equal(kr_reader_end(&number), KR_BOUNDS);
    READ(flag, 0x02);
    assert_false(kr_reader_flag(&flag));
    assert_int_equal(kr_reader_end(&flag), KR_MALFORMED);
    READ(large_bin, 0xc4, 0x02, 1, 2);
    assert_int_equal(kr_reader_bin(&large_bin, 0, 1).len, 0);
    assert_int_equal(kr_reader_end(&large_bin), KR_BOUNDS);
    READ(small_bin, 0xc4, 0x02, 1, 2);
    assert_int_equal(kr_reader_bin(&small_bin, 3, 4).len, 0);
    assert_int_equal(kr_reader_end(&small_bin), KR_MALFORMED);
    READ(text, 0xa2, 'a', 'b');
    assert_int_equal(kr_reader_str(&text, 1).len, 0);
    assert_int_equal(kr_reader_end(&text), KR_BOUNDS);
    READ(many, 0x92, 1, 2);
    assert_int_equal(kr_reader_array_between(&many, 0, 1), 0);
    assert_int_equal(kr_reader_end(&many), KR_BOUNDS);
    READ(few, 0x92, 1, 2);
    assert_int_equal(kr_reader_array_between(&few, 3, 4), 0);
    assert_int_equal(kr_reader_end(&few), KR_MALFORMED);
    READ(odd, 0xc4, 0x02, 1, 2);
    assert_int_equal(kr_reader_bin_or_empty(&odd, 3).len, 0);
    assert_int_equal(kr_reader_end(&odd), KR_MALFORMED);
}

static void the_first_error_sticks(void **state)
{
    uint8_t fixed[4] = {1, 2, 3, 4};

    (void)state;
    READ(reader, 0x93, 0x0a, 0xc4, 0x04, 1, 2, 3, 4, 0x01);
    kr_reader_array(&reader, 3);
    assert_int_equal(kr_reader_uint(&reader, 9), 0);
    kr_reader_fixed(&reader, fixed, sizeof fixed);
    assert_memory_equal(fixed, "\0\0\0\0", 4);
    assert_int_equal(kr_reader_raw(&reader).len, 0);
    assert_int_equal(kr_reader_array_between(&reader, 0, 9), 0);
    kr_reader_close(&reader);
    kr_reader_fail(&reader, KR_MALFORMED);
    assert_int_equal(kr_reader_end(&reader), KR_BOUNDS);
}

static void skipping_and_raw_step_over_one_element(void **state)
{
    (void)state;
    READ(reader, 0x94, 0x92, 0x01, 0x91, 0xa1, 'x', 0x05, 0x90, 0xc4, 0x00);
    kr_reader_array(&reader, 4);
    assert_slice_equal(kr_reader_raw(&reader), "\x92\x01\x91\xa1x", 5);
    kr_reader_skip(&reader);
    assert_slice_equal(kr_reader_raw(&reader), "\x90", 1);
    kr_reader_skip(&reader);
    kr_reader_close(&reader);
    assert_int_equal(kr_reader_end(&reader), KR_OK);
}

static void texts_are_copied_whole_or_not_at_all(void **state)
{
    char text[4] = "old";

    (void)state;
    assert_true(kr_slice_text(text_slice("abc"), text, sizeof text));
    assert_string_equal(text, "abc");
    assert_false(kr_slice_text(text_slice("abcd"), text, sizeof text));
    assert_string_equal(text, "");
    assert_true(kr_slice_text((struct kr_slice){0}, text, sizeof text));
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_stands_there),
        cmocka_unit_test(only_shortest_forms_pass),
        cmocka_unit_test(long_lengths_have_shortest_forms_too),
        cmocka_unit_test(foreign_types_fail),
        cmocka_unit_test(text_is_strict_utf8),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(counts_must_fit_the_input),
        cmocka_unit_test(every_prefix_fails),
        cmocka_unit_test(the_end_is_exact),
        cmocka_unit_test(maxima_are_bounds_and_minima_are_form),
        cmocka_unit_test(the_first_error_sticks),
        cmocka_unit_test(skipping_and_raw_step_over_one_element),
        cmocka_unit_test(texts_are_copied_whole_or_not_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
