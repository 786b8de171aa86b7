#include "proto_test.h"

#include "proto/wire/sync.h"
#include "proto/wire/wire.h"

static const uint8_t items[2048] = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99};

/* The part as it reads back; its items point into `writer`, which is the caller's to free. */
static enum kr_err read_back(const struct kr_sync_part *part, struct kr_writer *writer, struct kr_sync_part *ret_part)
{
    struct kr_reader reader;

    kr_writer_init(writer, KR_SYNC_BYTES_MAX);
    kr_sync_part_write(part, writer);
    assert_int_equal(kr_writer_finish(writer), KR_OK);
    kr_reader_init(&reader, writer->bytes, writer->len);
    kr_sync_part_read(&reader, ret_part);
    return kr_reader_end(&reader);
}

static void assert_reads_back(const struct kr_sync_part *part, size_t item_bytes)
{
    struct kr_sync_part got;
    struct kr_writer writer;

    assert_int_equal(read_back(part, &writer, &got), KR_OK);
    assert_int_equal(got.what, part->what);
    assert_int_equal(got.month, part->month);
    assert_int_equal(got.nibbles, part->nibbles);
    assert_memory_equal(got.prefix, part->prefix, sizeof got.prefix);
    assert_int_equal(got.from, part->from);
    assert_int_equal(got.present, part->present);
    assert_int_equal(got.shown, part->shown);
    assert_int_equal(got.count, part->count);
    if (part->count > 0) {
        assert_memory_equal(got.items, part->items, part->count * item_bytes);
    }
    kr_writer_deinit(&writer);
}

static void assert_refused(const struct kr_sync_part *part)
{
    struct kr_sync_part got;
    struct kr_writer writer;

    assert_int_equal(read_back(part, &writer, &got), KR_MALFORMED);
    assert_int_equal(got.what, 0);
    assert_null(got.items);
    kr_writer_deinit(&writer);
}

static const struct kr_sync_part node = {.what = KR_SYNC_NODES,
                                         .month = 700,
                                         .nibbles = 7,
                                         .prefix = {0, 7, 0x91, 0xa0},
                                         .from = 3,
                                         .present = 0x8103,
                                         .shown = 0x0100,
                                         .count = 3,
                                         .items = items};

static void parts_read_back(void **state)
{
    static const uint8_t months[2 * KR_SYNC_MONTH_BYTES] = {2, 0xaa, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0xab, 9};
    struct kr_sync_part deepest = node;

    (void)state;
    assert_reads_back(&node, KR_SYNC_DIGEST_BYTES);
    deepest.nibbles = KR_SYNC_NIBBLES - 1;
    deepest.prefix[KR_SYNC_KEY_BYTES - 1] = 0xf0;
    assert_reads_back(&deepest, KR_SYNC_DIGEST_BYTES);
    assert_reads_back(&(struct kr_sync_part){.what = KR_SYNC_MONTHS, .count = 2, .items = months}, KR_SYNC_MONTH_BYTES);
    assert_reads_back(&(struct kr_sync_part){.what = KR_SYNC_MONTHS}, KR_SYNC_MONTH_BYTES);
    assert_reads_back(&(struct kr_sync_part){.what = KR_SYNC_LIST, .month = 1, .nibbles = KR_SYNC_NIBBLES, .prefix = {1}}, 6);
    assert_reads_back(&(struct kr_sync_part){.what = KR_SYNC_LIST, .month = 1, .count = 3, .items = items}, KR_SYNC_NAME_BYTES);
    assert_reads_back(&(struct kr_sync_part){.what = KR_SYNC_WANT, .month = 1, .count = 1, .items = items}, KR_SYNC_NAME_BYTES);
}

static void what_contradicts_itself_is_refused(void **state)
{
    static const uint8_t twice[2 * KR_SYNC_MONTH_BYTES] = {2, 0xaa, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0xaa, 9};
    struct kr_sync_part part;

    (void)state;
    part = node;
    part.from = part.nibbles + 1; /* its keys begin with less than it speaks of */
    assert_refused(&part);
    part = node;
    part.prefix[3] = 0xa1; /* a nibble behind the prefix */
    assert_refused(&part);
    part = node;
    part.present = 0x0100; /* one child is no node */
    part.count = 0;
    assert_refused(&part);
    part = node;
    part.shown = 0x0200; /* shown and not there */
    part.count = 4;
    assert_refused(&part);
    part = node;
    part.nibbles = KR_SYNC_NIBBLES; /* nothing follows a whole key */
    assert_refused(&part);
    assert_refused(&(struct kr_sync_part){.what = KR_SYNC_WANT, .month = 1});
    assert_refused(&(struct kr_sync_part){.what = 9, .month = 1});
    assert_refused(&(struct kr_sync_part){.what = KR_SYNC_MONTHS, .month = 1});
    assert_refused(&(struct kr_sync_part){.what = KR_SYNC_MONTHS, .nibbles = 1});
    assert_refused(&(struct kr_sync_part){.what = KR_SYNC_MONTHS, .count = 2, .items = twice});
}

static void lengths_are_bounded(void **state)
{
    static uint8_t names[(KR_SYNC_LIST_MAX + 1) * KR_SYNC_NAME_BYTES];
    struct kr_sync_part part = {.what = KR_SYNC_LIST, .month = 1, .count = KR_SYNC_LIST_MAX, .items = names};
    struct kr_writer writer;
    struct kr_reader reader;
    struct kr_sync_part got;

    (void)state;
    assert_reads_back(&part, KR_SYNC_NAME_BYTES);
    part.count++;
    assert_refused(&part);
    kr_writer_init(&writer, KR_SYNC_BYTES_MAX);
    kr_writer_array(&writer, 5);
    kr_writer_uint(&writer, KR_SYNC_LIST);
    kr_writer_uint(&writer, 1);
    kr_writer_uint(&writer, 0);
    kr_writer_bin(&writer, NULL, 0);
    kr_writer_bin(&writer, items, KR_SYNC_NAME_BYTES + 1); /* a name and a bit */
    kr_reader_init(&reader, writer.bytes, writer.len);
    kr_sync_part_read(&reader, &got);
    assert_int_equal(kr_reader_end(&reader), KR_MALFORMED);
    kr_writer_deinit(&writer);
}

/* A whole message: as many parts as fit 64 KiB, and not one more. */
static void a_message_has_at_most_64_kib_of_parts(void **state)
{
    static struct kr_message message, got;
    static uint8_t names[KR_SYNC_LIST_MAX * KR_SYNC_NAME_BYTES];
    const struct kr_sync_part part = {.what = KR_SYNC_LIST, .month = 1, .count = KR_SYNC_LIST_MAX, .items = names};

    (void)state;
    for (uint32_t count = 10; count <= 11; count++) {
        struct kr_writer parts, writer;

        kr_writer_init(&parts, 2 * KR_SYNC_BYTES_MAX);
        for (uint32_t i = 0; i < count; i++) {
            kr_sync_part_write(&part, &parts);
        }
        message =
            (struct kr_message){.type = KR_MESSAGE_SYNC, .tag = {7}, .part_count = count, .parts = slice(parts.bytes, parts.len)};
        kr_writer_init(&writer, KR_FRAME_BYTES_MAX);
        kr_message_write(&message, &writer);
        assert_int_equal(kr_message_read(slice(writer.bytes, writer.len), &got), count == 10 ? KR_OK : KR_BOUNDS);
        assert_int_equal(got.part_count, 10);
        assert_int_equal(got.parts.len, 10 * (parts.len / count));
        kr_writer_deinit(&writer);
        kr_writer_deinit(&parts);
    }
}

static void each_walk_has_names_of_its_own(void **state)
{
    const uint8_t salt[16] = {1}, other_salt[16] = {2}, id[32] = {3};
    uint8_t key[KR_SHORT_KEY_BYTES], name[3][KR_SYNC_NAME_BYTES];

    (void)state;
    kr_sync_key(key, salt, 1);
    kr_sync_name(name[0], key, id);
    kr_sync_key(key, salt, 2);
    kr_sync_name(name[1], key, id);
    kr_sync_key(key, other_salt, 1);
    kr_sync_name(name[2], key, id);
    assert_memory_not_equal(name[0], name[1], sizeof name[0]);
    assert_memory_not_equal(name[0], name[2], sizeof name[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_read_back),
        cmocka_unit_test(what_contradicts_itself_is_refused),
        cmocka_unit_test(lengths_are_bounded),
        cmocka_unit_test(a_message_has_at_most_64_kib_of_parts),
        cmocka_unit_test(each_walk_has_names_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
