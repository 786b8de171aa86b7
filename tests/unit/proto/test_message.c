#include "proto_test.h"

#include "proto/wire/sync.h"
#include "proto/wire/wire.h"

static struct kr_message message, read_back; /* large */

static struct bytes written(void)
{
    struct bytes bytes = {0};
    struct kr_writer writer;

    kr_writer_init(&writer, 4 * KR_FRAME_BYTES_MAX);
    kr_message_write(&message, &writer);
    assert_int_equal(kr_writer_take(&writer, &bytes.at, &bytes.len), KR_OK);
    return bytes;
}

static bool has_short_ids(uint32_t type)
{
    return type == KR_MESSAGE_IHAVE || type == KR_MESSAGE_GRAFT || type == KR_MESSAGE_PRUNE;
}

/* Fills every field; each type writes those that it has. */
static void fill(uint32_t type)
{
    static const uint8_t ids[3][32] = {{1}, {2}, {3}};

    memset(&message, 0, sizeof message);
    message.type = type;
    message.sequence = UINT64_MAX;
    message.scope = (struct kr_scope){.kind = KR_SCOPE_PAIR, .id = {7}};
    message.from = 1000;
    message.count = UINT64_MAX;
    message.hash[31] = 5;
    message.status = 1;
    message.reason = KR_DENIED;
    message.item_count = type == KR_MESSAGE_REFUSE ? 1 : 3;
    for (uint32_t i = 0; i < message.item_count; i++) {
        message.items[i] = slice(ids[i], has_short_ids(type) ? KR_SHORT_ID_BYTES : 32);
    }
    message.mark_count = 2;
    message.walk = 3;
    message.generation = 6;
    message.dealt = 4;
    message.part_count = 1;
    message.parts = slice("\x95\x03\x01\x00\xc4\x00\xc4\x00", 8); /* an empty list */
    message.marks[0] = (struct kr_mark){.scope = {.kind = KR_SCOPE_CLEAR}, .count = 8, .hash8 = {9}};
    message.marks[1] = (struct kr_mark){.scope = {.kind = KR_SCOPE_GREEN, .id = {1}}, .count = UINT64_MAX, .hash8 = {1}};
}

static void every_message_reads_back(void **state)
{
    (void)state;
    for (uint32_t type = KR_MESSAGE_PING; type <= KR_MESSAGE_PRUNE; type++) {
        if (type == KR_MESSAGE_FORWARD || type == KR_MESSAGE_ROOTS) {
            continue; /* reserved */
        }
        struct bytes bytes, again;

        fill(type);
        bytes = written();
        assert_int_equal(kr_message_read(slice(bytes.at, bytes.len), &read_back), KR_OK);
        assert_int_equal(read_back.type, type);
        message = read_back;
        again = written();
        assert_slice_equal(slice(again.at, again.len), bytes.at, bytes.len);
        free(again.at);
        for (size_t len = 0; len < bytes.len; len++) {
            assert_int_equal(kr_message_read(slice(bytes.at, len), &read_back), KR_MALFORMED);
        }
        assert_int_equal(read_back.type, type); /* untouched */
        free(bytes.at);
    }
}

static void fields_arrive_where_they_belong(void **state)
{
    struct bytes bytes;

    (void)state;
    fill(KR_MESSAGE_HAVE);
    bytes = written();
    assert_int_equal(kr_message_read(slice(bytes.at, bytes.len), &read_back), KR_OK);
    assert_int_equal(read_back.scope.kind, KR_SCOPE_PAIR);
    assert_int_equal(read_back.scope.id[0], 7);
    assert_int_equal(read_back.from, 1000);
    assert_true(read_back.count == UINT64_MAX);
    assert_int_equal(read_back.hash[31], 5);
    assert_int_equal(read_back.status, 1);
    assert_int_equal(read_back.item_count, 3);
    assert_int_equal(read_back.items[2].bytes[0], 3);
    free(bytes.at);
    fill(KR_MESSAGE_PONG);
    bytes = written();
    assert_int_equal(kr_message_read(slice(bytes.at, bytes.len), &read_back), KR_OK);
    assert_true(read_back.sequence == UINT64_MAX);
    assert_int_equal(read_back.mark_count, 2);
    assert_int_equal(read_back.marks[1].scope.kind, KR_SCOPE_GREEN);
    assert_true(read_back.marks[1].count == UINT64_MAX);
    free(bytes.at);
    fill(KR_MESSAGE_REFUSE);
    bytes = written();
    assert_int_equal(kr_message_read(slice(bytes.at, bytes.len), &read_back), KR_OK);
    assert_int_equal(read_back.item_count, 1);
    assert_int_equal(read_back.reason, KR_DENIED);
    free(bytes.at);
}

static enum kr_err error_of_written(void)
{
    struct bytes bytes = written();
    enum kr_err err = kr_message_read(slice(bytes.at, bytes.len), &read_back);

    free(bytes.at);
    return err;
}

static void counts_are_bounded(void **state)
{
    static const uint8_t id[32];
    static uint8_t record[KR_RECORD_BYTES_MAX + 1];

    (void)state;
    fill(KR_MESSAGE_WANT);
    message.item_count = KR_IDS_PER_FRAME_MAX;
    for (uint32_t i = 0; i < KR_IDS_PER_FRAME_MAX; i++) {
        message.items[i] = slice(id, 32);
    }
    assert_int_equal(error_of_written(), KR_OK);
    message.items[5].len = 31;
    assert_int_equal(error_of_written(), KR_MALFORMED);
    fill(KR_MESSAGE_IHAVE);
    message.item_count = KR_IDS_PER_FRAME_MAX;
    for (uint32_t i = 0; i < KR_IDS_PER_FRAME_MAX; i++) {
        message.items[i] = slice(id, KR_SHORT_ID_BYTES);
    }
    assert_int_equal(error_of_written(), KR_OK);
    message.items[5].len = KR_SHORT_ID_BYTES + 1;
    assert_int_equal(error_of_written(), KR_BOUNDS);
    fill(KR_MESSAGE_PRUNE);
    message.items[0].len = KR_SHORT_ID_BYTES - 1;
    assert_int_equal(error_of_written(), KR_MALFORMED);
    fill(KR_MESSAGE_GRAFT);
    message.status = 2;
    assert_int_equal(error_of_written(), KR_BOUNDS);
    fill(KR_MESSAGE_REFUSE);
    message.item_count = 0;
    assert_int_equal(error_of_written(), KR_MALFORMED);
    fill(KR_MESSAGE_RECORDS);
    message.item_count = 1;
    message.items[0] = slice(record, KR_RECORD_BYTES_MAX);
    assert_int_equal(error_of_written(), KR_OK);
    message.items[0].len++;
    assert_int_equal(error_of_written(), KR_BOUNDS);
    message.items[0].len = 0;
    assert_int_equal(error_of_written(), KR_MALFORMED);
    fill(KR_MESSAGE_PING);
    message.mark_count = KR_MARKS_MAX;
    for (uint32_t i = 0; i < KR_MARKS_MAX; i++) {
        message.marks[i].scope.kind = KR_SCOPE_CLEAR;
    }
    assert_int_equal(error_of_written(), KR_OK);
    fill(KR_MESSAGE_HAVE);
    message.from = UINT64_MAX;
    assert_int_equal(error_of_written(), KR_BOUNDS);
    message.from = 0;
    message.status = 2;
    assert_int_equal(error_of_written(), KR_BOUNDS);
}

/* An array head of one more than each list may hold. */
static void longer_lists_than_allowed_are_bounds(void **state)
{
    struct kr_writer writer;

    (void)state;
    kr_writer_init(&writer, KR_MIB);
    kr_writer_array(&writer, 2);
    kr_writer_uint(&writer, KR_MESSAGE_WANT);
    kr_writer_array(&writer, KR_IDS_PER_FRAME_MAX + 1);
    for (uint32_t i = 0; i <= KR_IDS_PER_FRAME_MAX; i++) {
        kr_writer_bin(&writer, (const uint8_t[32]){0}, 32);
    }
    assert_int_equal(kr_message_read(slice(writer.bytes, writer.len), &read_back), KR_BOUNDS);
    kr_writer_deinit(&writer);
    kr_writer_array(&writer, 3);
    kr_writer_uint(&writer, KR_MESSAGE_PING);
    kr_writer_uint(&writer, 1);
    kr_writer_array(&writer, KR_MARKS_MAX + 1);
    for (uint32_t i = 0; i <= KR_MARKS_MAX; i++) {
        kr_writer_uint(&writer, 1);
    }
    assert_int_equal(kr_message_read(slice(writer.bytes, writer.len), &read_back), KR_BOUNDS);
    kr_writer_deinit(&writer);
}

static void frames_are_bounded(void **state)
{
    uint8_t *large = calloc(1, KR_FRAME_BYTES_MAX + 1);

    (void)state;
    assert_non_null(large);
    assert_int_equal(kr_message_read(slice(large, KR_FRAME_BYTES_MAX + 1), &read_back), KR_BOUNDS);
    free(large);
}

static void unknown_messages_are_unknown_not_wrong(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        enum kr_err err;
    } cases[] = {
        {"\x92\x0d\xa1x", 4, KR_OK},             /* reserved: forward */
        {"\x93\xcc\xc8\x91\x01\xa1x", 7, KR_OK}, /* type 200 with an array and a text */
        {"\x91\x00", 2, KR_OK},
        {"\x92\xcc\xc8\xa1\xff", 5, KR_MALFORMED}, /* but it must be of the subset */
        {"\x90", 1, KR_MALFORMED},
        {"\x91\xa1x", 3, KR_MALFORMED},
        {"\x93\x04\x01\x01", 4, KR_MALFORMED}, /* credit with one field too many */
        {"\x91\x04", 2, KR_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        read_back.type = 99;
        assert_int_equal(kr_message_read(slice(cases[i].bytes, cases[i].len), &read_back), cases[i].err);
        assert_int_equal(read_back.type, cases[i].err == KR_OK ? KR_MESSAGE_UNKNOWN : 99);
    }
}

static void unknown_scopes_do_no_harm(void **state)
{
    struct bytes bytes;

    (void)state;
    fill(KR_MESSAGE_PING);
    message.mark_count = 3;
    message.marks[2] = message.marks[1];
    message.marks[1].scope.kind = KR_SCOPE_KIND_MAX + 1;
    bytes = written();
    assert_int_equal(kr_message_read(slice(bytes.at, bytes.len), &read_back), KR_OK);
    assert_int_equal(read_back.mark_count, 2);
    assert_int_equal(read_back.marks[0].scope.kind, KR_SCOPE_CLEAR);
    assert_int_equal(read_back.marks[1].scope.kind, KR_SCOPE_GREEN);
    free(bytes.at);
    for (uint32_t type = KR_MESSAGE_CURSOR; type <= KR_MESSAGE_HAVE; type++) {
        fill(type);
        message.scope.kind = KR_SCOPE_KIND_MAX + 1;
        assert_int_equal(error_of_written(), KR_OK);
        assert_int_equal(read_back.type, KR_MESSAGE_UNKNOWN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_reads_back),  cmocka_unit_test(fields_arrive_where_they_belong),
        cmocka_unit_test(counts_are_bounded),        cmocka_unit_test(longer_lists_than_allowed_are_bounds),
        cmocka_unit_test(frames_are_bounded),        cmocka_unit_test(unknown_messages_are_unknown_not_wrong),
        cmocka_unit_test(unknown_scopes_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
