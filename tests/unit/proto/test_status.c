#include "proto_test.h"

#include "proto/client/client.h"

static void what_a_node_says_of_itself_reads_back(void **state)
{
    struct kr_status status = {
        .council = {1},
        .name_ja = text_slice("広島"),
        .version = text_slice("0.1.0"),
        .records = 17,
        .links_pending = 19,
        .links_stopped = 20,
        .claims = 21,
        .commit_us_p99 = 18,
        .net_is_up = true,
        .store_is_writable = true,
        .net_restarts = 2,
        .restored = 1,
        .restored_since_ms = 77,
        .awaited = 4,
        .backup_s = 55,
        .needs_approval = true,
        .storage = {.from_s = 91, .next_s = 92, .moved_s = 93, .done = 94, .all = 95, .damaged = 96},
        .transport = {.comes = true,
                      .is_listed = true,
                      .from_s = 97,
                      .until_s = 98,
                      .links = 99,
                      .tickets = 100,
                      .machines = 101,
                      .names = text_slice("北")},
        .room = {.map_bytes = 1000,
                 .used_bytes = 999,
                 .free_bytes = 998,
                 .reader_commits = 102,
                 .reader_s = 103,
                 .reader_process = 104,
                 .is_reader_own = true},
        .community_count = 1,
        .communities = {{.id = {5}, .name = text_slice("西"), .members = 8}},
    };
    struct kr_status read_status;
    struct kr_writer writer;

    (void)state;
    kr_writer_init(&writer, KR_MIB);
    kr_status_write(&status, &writer);
    assert_int_equal(kr_status_read(slice(writer.bytes, writer.len), &read_status), KR_OK);
    assert_int_equal(read_status.records, 17);
    assert_int_equal(read_status.commit_us_p99, 18);
    assert_true(read_status.links_pending == 19 && read_status.links_stopped == 20 && read_status.claims == 21);
    assert_true(read_status.net_is_up && !read_status.keyring_is_protected && read_status.store_is_writable);
    assert_int_equal(read_status.net_restarts, 2);
    assert_int_equal(read_status.restored, 1);
    assert_int_equal(read_status.restored_since_ms, 77);
    assert_int_equal(read_status.awaited, 4);
    assert_int_equal(read_status.backup_s, 55);
    assert_true(read_status.needs_approval);
    assert_memory_equal(&read_status.storage, &status.storage, sizeof status.storage);
    assert_true(read_status.transport.comes && read_status.transport.is_listed);
    assert_true(read_status.transport.from_s == 97 && read_status.transport.until_s == 98 && read_status.transport.links == 99);
    assert_true(read_status.transport.tickets == 100 && read_status.transport.machines == 101);
    assert_slice_equal(read_status.transport.names, "北", 3);
    assert_true(read_status.room.map_bytes == 1000 && read_status.room.used_bytes == 999 && read_status.room.free_bytes == 998);
    assert_true(read_status.room.reader_commits == 102 && read_status.room.reader_s == 103);
    assert_true(read_status.room.reader_process == 104 && read_status.room.is_reader_own);
    assert_slice_equal(read_status.communities[0].name, "西", 3);
    assert_int_equal(read_status.communities[0].members, 8);
    for (size_t len = 0; len < writer.len; len++) {
        assert_int_equal(kr_status_read(slice(writer.bytes, len), &read_status), KR_MALFORMED);
    }
    kr_writer_deinit(&writer);
}

static enum kr_err read_room(struct kr_status_room room)
{
    static struct kr_status status, read_status;
    struct kr_writer writer;
    status.room = room;
    kr_writer_init(&writer, KR_MIB);
    kr_status_write(&status, &writer);
    enum kr_err err = kr_status_read(slice(writer.bytes, writer.len), &read_status);
    kr_writer_deinit(&writer);
    return err;
}

/* More in use than there is, and a process that no system has. */
static void no_room_is_larger_than_what_it_is_in(void **state)
{
    (void)state;
    assert_int_equal(read_room((struct kr_status_room){.map_bytes = 9, .used_bytes = 9, .free_bytes = 9}), KR_OK);
    assert_int_equal(read_room((struct kr_status_room){.map_bytes = 9, .used_bytes = 10}), KR_BOUNDS);
    assert_int_equal(read_room((struct kr_status_room){.map_bytes = 9, .used_bytes = 8, .free_bytes = 9}), KR_BOUNDS);
    assert_int_equal(read_room((struct kr_status_room){.reader_process = INT32_MAX}), KR_OK);
    assert_int_equal(read_room((struct kr_status_room){.reader_process = (uint32_t)INT32_MAX + 1}), KR_BOUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_a_node_says_of_itself_reads_back),
                                       cmocka_unit_test(no_room_is_larger_than_what_it_is_in)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
