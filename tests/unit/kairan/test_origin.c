/* What this node has of an origin, asked of a keeper that is played by this test: its answers lie in the socket. */
#include "kairan_test.h"

#include <fcntl.h>
#include <unistd.h>

#include "tests/support/fake_keeper.h"
#include "tools/kairan/origin.h"

struct bed {
    int fd;
    struct kr_app app;
    uint64_t number; /* of the next request */
};

static struct kr_client_frame frame; /* large */

static void set_up(struct bed *bed)
{
    int ends[2];
    struct kr_error error = {0};
    memset(bed, 0, sizeof *bed);
    bed->number = 1;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    bed->fd = ends[0];
    assert_int_equal(fcntl(bed->fd, F_SETFL, 0), 0);
    frame = (struct kr_client_frame){.type = KR_CLIENT_HELLO, .version = KR_CLIENT_VERSION};
    memset(frame.council, 1, sizeof frame.council);
    keeper_say(bed->fd, &frame);
    assert_int_equal(kr_conn_adopt(ends[1], "test", "en", &bed->app.conn, &error), KR_OK);
    assert_true(keeper_hear(bed->fd, &frame));
}

static void tear_down(struct bed *bed)
{
    kr_conn_free(bed->app.conn);
    assert_int_equal(close(bed->fd), 0);
}

static struct kr_summary summary_of(uint8_t id, uint8_t author, uint32_t taken)
{
    struct kr_summary summary = {.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .author_name = slice("Kita"), .taken = taken};
    memset(summary.id, id, sizeof summary.id);
    memset(summary.author, author, sizeof summary.author);
    return summary;
}

static void say_end(struct bed *bed, struct kr_slice result)
{
    frame = (struct kr_client_frame){.type = KR_CLIENT_END, .number = bed->number++, .payload = result};
    keeper_say(bed->fd, &frame);
}

/* A page of one item, and the end. */
static void say_item(struct bed *bed, struct kr_writer *item)
{
    assert_int_equal(kr_writer_finish(item), KR_OK);
    frame = (struct kr_client_frame){.type = KR_CLIENT_PAGE, .number = bed->number, .item_count = 1};
    frame.items[0] = (struct kr_slice){item->bytes, item->len};
    keeper_say(bed->fd, &frame);
}

static void say_summary(struct bed *bed, uint8_t id, uint32_t taken)
{
    const struct kr_summary summary = summary_of(id, 1, taken);
    struct kr_writer writer;
    kr_writer_init(&writer, KR_KIB);
    kr_summary_write(&summary, &writer);
    say_item(bed, &writer);
    kr_writer_deinit(&writer);
}

static void say_match(struct bed *bed, uint8_t id, uint8_t author, uint32_t taken)
{
    const struct kr_match match = {
        .indicator = {.type = KR_INDICATOR_ORIGIN, .value = slice("x"), .confidence = KR_CONFIDENCE_NONE},
        .record = summary_of(id, author, taken)};
    struct kr_writer writer;
    kr_writer_init(&writer, 4 * KR_KIB);
    kr_match_write(&match, &writer);
    say_item(bed, &writer);
    kr_writer_deinit(&writer);
}

/* The answer to SHOW: a report of that origin. */
static void say_report(struct bed *bed, uint8_t id, const char *organisation, const char *origin_id, uint32_t part)
{
    static struct kr_shown shown;
    struct kr_writer body, writer;
    kr_writer_init(&body, KR_BODY_BYTES_MAX);
    kr_report_write(&(struct kr_report){.title = slice("t"),
                                        .language = slice("en"),
                                        .origin_organisation = slice(organisation),
                                        .origin_id = slice(origin_id),
                                        .part = part,
                                        .parts = 3},
                    &body);
    assert_int_equal(kr_writer_finish(&body), KR_OK);
    shown = (struct kr_shown){
        .summary = summary_of(id, 1, KR_TAKEN_NOT), .content = {body.bytes, body.len}, .content_kind = KR_KIND_REPORT};
    kr_writer_init(&writer, KR_CLIENT_FRAME_BYTES_MAX);
    kr_shown_write(&shown, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    say_end(bed, (struct kr_slice){writer.bytes, writer.len});
    kr_writer_deinit(&body);
    kr_writer_deinit(&writer);
}

static void empty_array(struct kr_writer *ret_writer)
{
    kr_writer_init(ret_writer, 16);
    kr_writer_array(ret_writer, 0);
    assert_int_equal(kr_writer_finish(ret_writer), KR_OK);
}

static void test_has(void **state)
{
    (void)state;
    assert_true(kr_origin_has(&(const struct kr_lot){.organisation = slice("Vendor"), .id = slice("1")}));
    assert_true(kr_origin_has(&(const struct kr_lot){.id = slice("report--1")})); /* whoever that is */
    assert_false(kr_origin_has(&(const struct kr_lot){.organisation = slice("Vendor")}));
}

/* Ours alone, that stand, and that are of the origin after all. */
static void test_find(void **state)
{
    (void)state;
    struct bed bed;
    struct kr_writer none;
    struct kr_error error = {.text = ""};
    struct kr_origin origin = {.count = 0};
    const struct kr_lot lot = {.organisation = slice("Vendor"), .id = slice("id-1")};
    set_up(&bed);
    empty_array(&none);
    say_match(&bed, 10, 1, KR_TAKEN_NOT);
    say_match(&bed, 11, 2, KR_TAKEN_NOT); /* another council's copy of it */
    say_match(&bed, 12, 1, KR_TAKEN_RETRACTED);
    say_match(&bed, 13, 1, KR_TAKEN_NOT);
    say_end(&bed, (struct kr_slice){none.bytes, none.len});
    say_report(&bed, 10, "Vendor", "id-1", 2);
    say_report(&bed, 13, "Vendor", "id-2", 1); /* the same key by chance */
    assert_int_equal(kr_origin_find(&bed.app, &lot, &origin, &error), KR_OK);
    assert_int_equal(origin.count, 1);
    assert_int_equal(origin.records[0].id[0], 10);
    assert_int_equal(origin.records[0].part, 2);
    assert_int_equal(origin.records[0].label, KR_TLP_CLEAR);
    assert_true(origin.records[0].body_len > 0);
    kr_origin_deinit(&origin);
    assert_int_equal(origin.count, 0);
    kr_writer_deinit(&none);
    tear_down(&bed);
}

static void say_error(struct bed *bed, enum kr_err code)
{
    frame = (struct kr_client_frame){.type = KR_CLIENT_ERROR, .number = bed->number++, .code = (uint32_t)code, .text = slice("x")};
    keeper_say(bed->fd, &frame);
}

static void test_gone(void **state)
{
    (void)state;
    struct bed bed;
    struct kr_error error = {.text = ""};
    const uint8_t id[32] = {1};
    bool is_gone = false;
    set_up(&bed);
    say_error(&bed, KR_NOT_FOUND);
    assert_int_equal(kr_origin_is_gone(&bed.app, id, &is_gone, &error), KR_OK);
    assert_true(is_gone);
    say_report(&bed, 1, "Vendor", "1", 1);
    assert_int_equal(kr_origin_is_gone(&bed.app, id, &is_gone, &error), KR_OK);
    assert_false(is_gone);
    say_error(&bed, KR_IO);
    assert_int_equal(kr_origin_is_gone(&bed.app, id, &is_gone, &error), KR_IO);
    tear_down(&bed);
}

static void check_exported(struct bed *bed, struct kr_origin_exports *exports, const char *id, bool is_here)
{
    struct kr_error error = {.text = ""};
    const struct kr_lot lot = {.id = slice(id)};
    uint8_t found[32] = {0};
    bool is = !is_here;
    assert_int_equal(kr_origin_find_exported(&bed->app, &lot, exports, &is, found, &error), KR_OK);
    assert_int_equal(is, is_here);
    assert_int_equal(found[0], is_here ? 10 : 0);
}

/* An export of a record that stands here is known by its id; the node is asked once, and only where an id may be ours. */
static void test_exported(void **state)
{
    (void)state;
    struct bed bed;
    struct kr_origin_exports exports = {.count = 0};
    struct kr_error error = {.text = ""};
    char uuid[KR_UUID_TEXT_BYTES], id[64], hex[65];
    uint8_t record[32];
    bool is_here;
    set_up(&bed);
    check_exported(&bed, &exports, "report--5f0c8a10-0000-4000-8000-000000000001", false); /* version 4: nobody is asked */
    check_exported(&bed, &exports, "short", false);
    assert_false(exports.is_filled);
    say_summary(&bed, 10, KR_TAKEN_NOT);
    say_summary(&bed, 11, KR_TAKEN_RETRACTED);
    say_end(&bed, (struct kr_slice){0});
    memset(record, 10, sizeof record);
    kr_export_uuid("record", record, sizeof record, uuid);
    (void)snprintf(id, sizeof id, "report--%s", uuid);
    check_exported(&bed, &exports, id, true);
    check_exported(&bed, &exports, uuid, true);
    for (size_t i = 0; i < sizeof record; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", record[i]);
    }
    assert_int_equal(kr_origin_is_here(&bed.app, slice(hex), &exports, &is_here, &error), KR_OK);
    assert_true(is_here);
    hex[0] = '1';
    assert_int_equal(kr_origin_is_here(&bed.app, slice(hex), &exports, &is_here, &error), KR_OK);
    assert_false(is_here);
    assert_int_equal(kr_origin_is_here(&bed.app, slice("no id"), &exports, &is_here, &error), KR_OK);
    assert_false(is_here);
    memset(record, 11, sizeof record);
    kr_export_uuid("record", record, sizeof record, uuid);
    check_exported(&bed, &exports, uuid, false); /* what was taken back may come again */
    kr_origin_exports_deinit(&exports);
    tear_down(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_has), cmocka_unit_test(test_find), cmocka_unit_test(test_gone),
                                       cmocka_unit_test(test_exported)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
