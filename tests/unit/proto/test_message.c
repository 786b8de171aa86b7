#include "proto_test.h"

#include "proto/wire/sync.h"
#include "proto/wire/wire.h"

static struct kr_message message, read_back;

static struct bytes written(void)
{
    struct bytes bytes = {0};
    struct kr_writer writer;

    kr_writer_init(&writer, 4 * KR_FRAME_BYTES_MAX);
    kr_message_write(&message, &writer);
    assert_int_equal(kr_writer_take(&writer, &bytes.at, &bytes.len), KR_OK);
    return bytes;
}

static struct kr_root a_root(uint8_t number)
{
    return (struct kr_root){
        .tag = {number, 1}, .count = UINT64_MAX, .hash = {4}, .read = 1000, .tree_count = 70000, .root8 = {5, 6}};
}

/* The items of `records` and `roots`; they stay until the next call. */
static void list_items(uint32_t type, uint32_t count, struct kr_slice record)
{
    static struct kr_writer list;

    kr_writer_deinit(&list);
    kr_writer_init(&list, 4 * KR_FRAME_BYTES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct kr_root root = a_root((uint8_t)(1 + i));

        if (type == KR_MESSAGE_ROOTS) {
            kr_root_write(&root, &list);
        } else {
            kr_writer_slice(&list, record);
        }
    }
    message.item_count = count;
    message.items = slice(list.bytes, list.len);
}

/* Fills every field; each type writes those that it has. */
static void fill(uint32_t type)
{
    static const uint8_t ids[3][KR_SHORT_ID_BYTES] = {{1}, {2}, {3}};

    memset(&message, 0, sizeof message);
    message.type = type;
    message.sequence = UINT64_MAX;
    message.tag[7] = 7;
    message.from = 1000;
    message.count = type == KR_MESSAGE_WANT ? 11 : type == KR_MESSAGE_FORWARD ? 1005 : UINT64_MAX;
    message.piece = slice("piece", 5);
    message.hash[15] = 5;
    message.digest[15] = 6;
    message.id[31] = 8;
    message.status = 1;
    message.month = 700;
    message.reason = KR_DENIED;
    message.ids = slice(ids[0], sizeof ids);
    message.bits = slice("\xff\x07", 2);
    message.walk = 3;
    message.generation = 6;
    message.dealt = 4;
    message.part_count = 1;
    message.parts = slice("\x95\x03\x01\x00\xc4\x00\xc4\x00", 8); /* an empty list */
    list_items(type, 3, slice("record", 6));
}

static void every_message_reads_back(void **state)
{
    (void)state;
    for (uint32_t type = KR_MESSAGE_PING; type <= KR_MESSAGE_PROBE; type++) {
        if (type > KR_MESSAGE_FORWARD_CREDIT && type < KR_MESSAGE_PROBE) {
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

/* Reads it back; what it lists points into the bytes, which are the caller's to free. */
static struct bytes read_again(uint32_t type)
{
    struct bytes bytes;

    fill(type);
    bytes = written();
    assert_int_equal(kr_message_read(slice(bytes.at, bytes.len), &read_back), KR_OK);
    return bytes;
}

static void fields_arrive_where_they_belong(void **state)
{
    struct bytes bytes;

    (void)state;
    bytes = read_again(KR_MESSAGE_HAVE);
    assert_int_equal(read_back.tag[7], 7);
    assert_int_equal(read_back.from, 1000);
    assert_true(read_back.count == UINT64_MAX);
    assert_int_equal(read_back.hash[15], 5);
    assert_int_equal(read_back.status, 1);
    assert_int_equal(kr_message_id_count(&read_back), 3);
    assert_int_equal(kr_message_id(&read_back, 2)[0], 3);
    free(bytes.at);
    bytes = read_again(KR_MESSAGE_WANT);
    assert_int_equal(read_back.from, 1000);
    assert_int_equal(read_back.count, 11);
    assert_slice_equal(read_back.bits, "\xff\x07", 2);
    free(bytes.at);
    bytes = read_again(KR_MESSAGE_PONG);
    assert_true(read_back.sequence == UINT64_MAX);
    assert_int_equal(read_back.digest[15], 6);
    assert_true(read_back.count == UINT64_MAX);
    free(bytes.at);
    bytes = read_again(KR_MESSAGE_REFUSE);
    assert_int_equal(read_back.id[31], 8);
    assert_int_equal(read_back.reason, KR_DENIED);
    free(bytes.at);
    bytes = read_again(KR_MESSAGE_GRAFT);
    assert_int_equal(read_back.status, 1);
    assert_int_equal(kr_message_id(&read_back, 1)[0], 2);
    free(bytes.at);
}

static void lists_are_read_one_by_one(void **state)
{
    struct bytes bytes;
    struct kr_slice record;
    struct kr_root root, wanted;
    uint32_t count = 0;

    (void)state;
    bytes = read_again(KR_MESSAGE_RECORDS);
    assert_int_equal(read_back.item_count, 3);
    while (kr_message_next_record(&read_back, &record)) {
        assert_slice_equal(record, "record", 6);
        count++;
    }
    assert_int_equal(count, 3);
    assert_int_equal(read_back.items.len, 0);
    free(bytes.at);
    bytes = read_again(KR_MESSAGE_ROOTS);
    assert_int_equal(read_back.status, 1);
    assert_int_equal(read_back.month, 700);
    for (count = 0; kr_message_next_root(&read_back, &root); count++) {
        wanted = a_root((uint8_t)(1 + count));
        assert_memory_equal(&root, &wanted, sizeof root);
    }
    assert_int_equal(count, 3);
    free(bytes.at);
}

/* What was not read but made by hand may say anything: the list ends there. */
static void lists_end_where_they_cannot_be_read(void **state)
{
    struct kr_slice record;
    struct kr_root root;

    (void)state;
    message = (struct kr_message){.type = KR_MESSAGE_RECORDS, .item_count = 2, .items = slice("\xc4\x01r\xc4\x05", 5)};
    assert_true(kr_message_next_record(&message, &record));
    assert_false(kr_message_next_record(&message, &record));
    assert_int_equal(message.item_count, 1);
    message = (struct kr_message){.type = KR_MESSAGE_ROOTS, .item_count = 1, .items = slice("\x91\x01", 2)};
    assert_false(kr_message_next_root(&message, &root));
}

static enum kr_err error_of_written(void)
{
    struct bytes bytes = written();
    enum kr_err err = kr_message_read(slice(bytes.at, bytes.len), &read_back);

    free(bytes.at);
    return err;
}

static void ids_are_whole_and_bounded(void **state)
{
    static const uint32_t types[] = {KR_MESSAGE_HAVE, KR_MESSAGE_GONE, KR_MESSAGE_IHAVE, KR_MESSAGE_GRAFT, KR_MESSAGE_PRUNE};
    static const uint8_t ids[KR_PAGE_IDS_MAX + 1][KR_SHORT_ID_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        fill(types[i]);
        message.ids = slice(ids[0], (size_t)KR_PAGE_IDS_MAX * KR_SHORT_ID_BYTES);
        assert_int_equal(error_of_written(), KR_OK);
        message.ids.len--;
        assert_int_equal(error_of_written(), KR_MALFORMED);
        message.ids.len = sizeof ids;
        assert_int_equal(error_of_written(), KR_BOUNDS);
        message.ids.len = 0;
        assert_int_equal(error_of_written(), KR_OK);
    }
}

/* One encoding for each set of entries: as many bits as said, and nothing behind them. */
static void bitmaps_have_their_length(void **state)
{
    static uint8_t bits[KR_PAGE_IDS_MAX / 8 + 1];

    (void)state;
    for (uint32_t count = 0; count <= KR_PAGE_IDS_MAX; count += count < 20 ? 1 : 97) {
        fill(KR_MESSAGE_WANT);
        memset(bits, 0, sizeof bits);
        for (uint32_t i = 0; i < count; i++) {
            bits[i / 8] |= (uint8_t)(1u << i % 8);
        }
        message.count = count;
        message.bits = slice(bits, (count + 7) / 8);
        assert_int_equal(error_of_written(), KR_OK);
        message.bits.len++;
        assert_int_equal(error_of_written(), KR_BOUNDS);
        message.bits.len--;
        if (count > 0) {
            message.bits.len--;
            assert_int_equal(error_of_written(), KR_MALFORMED);
            message.bits.len++;
        }
        if (count % 8 != 0) {
            bits[count / 8] |= (uint8_t)(1u << count % 8);
            assert_int_equal(error_of_written(), KR_MALFORMED);
        }
    }
    fill(KR_MESSAGE_WANT);
    message.count = KR_PAGE_IDS_MAX + 1;
    message.bits = slice(bits, sizeof bits);
    assert_int_equal(error_of_written(), KR_BOUNDS);
}

static void counts_are_bounded(void **state)
{
    static uint8_t record[KR_RECORD_BYTES_MAX + 1];

    (void)state;
    fill(KR_MESSAGE_GRAFT);
    message.status = 2;
    assert_int_equal(error_of_written(), KR_BOUNDS);
    fill(KR_MESSAGE_RECORDS);
    list_items(KR_MESSAGE_RECORDS, 1, slice(record, KR_RECORD_BYTES_MAX));
    assert_int_equal(error_of_written(), KR_OK);
    list_items(KR_MESSAGE_RECORDS, 1, slice(record, KR_RECORD_BYTES_MAX + 1));
    assert_int_equal(error_of_written(), KR_BOUNDS);
    list_items(KR_MESSAGE_RECORDS, 1, slice(record, 0));
    assert_int_equal(error_of_written(), KR_MALFORMED);
    list_items(KR_MESSAGE_RECORDS, KR_IDS_PER_FRAME_MAX, slice(record, 1));
    assert_int_equal(error_of_written(), KR_OK);
    list_items(KR_MESSAGE_RECORDS, KR_IDS_PER_FRAME_MAX + 1, slice(record, 1));
    assert_int_equal(error_of_written(), KR_BOUNDS);
    fill(KR_MESSAGE_ROOTS);
    list_items(KR_MESSAGE_ROOTS, KR_ROOTS_MAX, slice(record, 1));
    assert_int_equal(error_of_written(), KR_OK);
    message.status = 2;
    assert_int_equal(error_of_written(), KR_BOUNDS);
    message.status = 0;
    list_items(KR_MESSAGE_ROOTS, KR_ROOTS_MAX + 1, slice(record, 1));
    assert_int_equal(error_of_written(), KR_BOUNDS);
    for (uint32_t type = KR_MESSAGE_HAVE; type <= KR_MESSAGE_WANT; type++) {
        fill(type);
        message.from = UINT64_MAX;
        assert_int_equal(error_of_written(), KR_BOUNDS);
    }
    fill(KR_MESSAGE_HAVE);
    message.status = 2;
    assert_int_equal(error_of_written(), KR_BOUNDS);
}

/* A piece lies within its frame, which has a bound of its own. */
static void pieces_lie_within_their_frame(void **state)
{
    static const uint8_t bytes[KR_FORWARD_PIECE_BYTES_MAX + 1];
    const struct {
        uint64_t total, from;
        size_t len;
        enum kr_err err;
    } cases[] = {
        {1, 0, 1, KR_OK},
        {KR_FORWARD_FRAME_BYTES_MAX, KR_FORWARD_FRAME_BYTES_MAX - KR_FORWARD_PIECE_BYTES_MAX, KR_FORWARD_PIECE_BYTES_MAX, KR_OK},
        {KR_FORWARD_FRAME_BYTES_MAX + 1, 0, 1, KR_BOUNDS},
        {KR_FORWARD_FRAME_BYTES_MAX, UINT64_MAX, 1, KR_BOUNDS},
        {KR_FORWARD_FRAME_BYTES_MAX, KR_FORWARD_FRAME_BYTES_MAX, 1, KR_MALFORMED},
        {10, 6, 5, KR_MALFORMED},
        {0, 0, 1, KR_MALFORMED},
        {10, 0, 0, KR_MALFORMED},
        {KR_FORWARD_FRAME_BYTES_MAX, 0, KR_FORWARD_PIECE_BYTES_MAX + 1, KR_BOUNDS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fill(KR_MESSAGE_FORWARD);
        message.count = cases[i].total;
        message.from = cases[i].from;
        message.piece = slice(bytes, cases[i].len);
        assert_int_equal(error_of_written(), cases[i].err);
    }
    fill(KR_MESSAGE_FORWARD_ASK);
    message.status = 2;
    assert_int_equal(error_of_written(), KR_BOUNDS);
    fill(KR_MESSAGE_FORWARD_STATE);
    message.status = 1000; /* newer nodes may have more reasons */
    assert_int_equal(error_of_written(), KR_OK);
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
        {"\x92\x1d\xa1x", 4, KR_OK},             /* the first that nobody has: 29 */
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

/* The same at both ends, for a pair too; another for each scope, and in each session. */
static void tags_tell_scopes_apart(void **state)
{
    static const uint8_t salts[2][KR_SHORT_KEY_BYTES] = {{1}, {2}};
    static const struct kr_scope scopes[] = {
        {.kind = KR_SCOPE_CLEAR},
        {.kind = KR_SCOPE_DIRECTORY, .id = {3}},
        {.kind = KR_SCOPE_GREEN, .id = {3}},
        {.kind = KR_SCOPE_GREEN, .id = {[31] = 3}},
        {.kind = KR_SCOPE_PAIR, .id = {3}},
    };
    static const struct kr_scope from_there = {.kind = KR_SCOPE_PAIR, .id = {4}};
    uint8_t tags[6][KR_SCOPE_TAG_BYTES], tag[KR_SCOPE_TAG_BYTES];

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        kr_scope_tag(tags[i], salts[0], &scopes[i]);
    }
    kr_scope_tag(tags[5], salts[1], &scopes[0]);
    for (size_t i = 0; i < 6; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(tags[i], tags[j], sizeof tags[i]);
        }
    }
    kr_scope_tag(tag, salts[0], &from_there);
    assert_memory_equal(tag, tags[4], sizeof tag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_reads_back),
        cmocka_unit_test(fields_arrive_where_they_belong),
        cmocka_unit_test(lists_are_read_one_by_one),
        cmocka_unit_test(lists_end_where_they_cannot_be_read),
        cmocka_unit_test(ids_are_whole_and_bounded),
        cmocka_unit_test(bitmaps_have_their_length),
        cmocka_unit_test(counts_are_bounded),
        cmocka_unit_test(frames_are_bounded),
        cmocka_unit_test(pieces_lie_within_their_frame),
        cmocka_unit_test(unknown_messages_are_unknown_not_wrong),
        cmocka_unit_test(tags_tell_scopes_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
