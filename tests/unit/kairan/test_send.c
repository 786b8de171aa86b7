/* Parts on their way to a keeper that is played by this test: whose answers lie in the socket, or do not. */
#include "kairan_test.h"

#include <fcntl.h>
#include <unistd.h>

#include "proto/client/draft.h"
#include "tests/support/fake_keeper.h"
#include "tools/kairan/send.h"

#define ITEMS (2 * KR_REPORT_INDICATORS_MAX + 100)

struct bed {
    int fd;
    struct kr_conn *conn;
    struct kr_found *items;
    struct kr_sending sending;
};

static struct kr_client_frame frame; /* large */

static void set_up(struct bed *bed)
{
    int ends[2];
    struct kr_error error = {0};
    static uint8_t values[ITEMS][8];
    memset(bed, 0, sizeof *bed);
    bed->items = calloc(ITEMS, sizeof *bed->items);
    assert_non_null(bed->items);
    for (uint32_t i = 0; i < ITEMS; i++) {
        (void)snprintf((char *)values[i], sizeof values[i], "v%06u", i);
        bed->items[i] = (struct kr_found){.type = KR_INDICATOR_OTHER, .value = {values[i], 7}};
    }
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    bed->fd = ends[0];
    assert_int_equal(fcntl(bed->fd, F_SETFL, 0), 0);
    frame = (struct kr_client_frame){.type = KR_CLIENT_HELLO, .version = KR_CLIENT_VERSION};
    keeper_say(bed->fd, &frame);
    assert_int_equal(kr_conn_adopt(ends[1], "test", "en", &bed->conn, &error), KR_OK);
    assert_true(keeper_hear(bed->fd, &frame));
    bed->sending.conn = bed->conn;
    bed->sending.request = (struct kr_submit){.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR};
    bed->sending.plan = (struct kr_plan){.kind = KR_KIND_REPORT, .title = slice("title"), .language = slice("en")};
}

static void tear_down(struct bed *bed)
{
    kr_sending_deinit(&bed->sending);
    kr_conn_free(bed->conn);
    assert_int_equal(close(bed->fd), 0);
    free(bed->items);
}

/* The next request, which is for `op` and has so many indicators; its number. */
static uint64_t expect(struct bed *bed, enum kr_op op, uint32_t part, uint32_t parts, uint32_t indicators)
{
    static struct kr_submit submit;
    static struct kr_report report;
    assert_true(keeper_hear(bed->fd, &frame));
    assert_int_equal(frame.op, op);
    assert_int_equal(kr_submit_read(frame.payload, &submit), KR_OK);
    assert_int_equal(kr_report_parse(submit.body, &report), KR_OK);
    assert_int_equal(report.part, part);
    assert_int_equal(report.parts, parts);
    assert_int_equal(report.indicator_count, indicators);
    return frame.number;
}

static void say_preview(struct bed *bed, uint64_t number, uint32_t guarded)
{
    static struct kr_preview preview;
    struct kr_writer writer;
    preview = (struct kr_preview){.guarded_count = guarded, .guarded_total = guarded};
    for (uint32_t i = 0; i < guarded; i++) {
        preview.guarded[i].indicator = i;
        preview.guarded[i].list = slice("list");
    }
    kr_writer_init(&writer, 64 * KR_KIB);
    kr_preview_write(&preview, &writer);
    frame = (struct kr_client_frame){.type = KR_CLIENT_END, .number = number, .payload = {writer.bytes, writer.len}};
    keeper_say(bed->fd, &frame);
    kr_writer_deinit(&writer);
}

/* Some of so many that are held back. */
static void say_guarded(struct bed *bed, uint64_t number, uint32_t first, uint32_t count, uint32_t total)
{
    static struct kr_preview preview;
    struct kr_writer writer;
    preview = (struct kr_preview){.guarded_count = count, .guarded_total = total};
    for (uint32_t i = 0; i < count; i++) {
        preview.guarded[i].indicator = first + i;
        preview.guarded[i].list = slice("list");
    }
    kr_writer_init(&writer, 64 * KR_KIB);
    kr_preview_write(&preview, &writer);
    frame = (struct kr_client_frame){.type = KR_CLIENT_END, .number = number, .payload = {writer.bytes, writer.len}};
    keeper_say(bed->fd, &frame);
    kr_writer_deinit(&writer);
}

static void say_stored(struct bed *bed, uint64_t number, uint8_t id_byte)
{
    struct kr_writer writer;
    struct kr_stored stored = {.is_known = false};
    memset(stored.id, id_byte, sizeof stored.id);
    kr_writer_init(&writer, KR_KIB);
    kr_stored_write(&stored, &writer);
    frame = (struct kr_client_frame){.type = KR_CLIENT_END, .number = number, .payload = {writer.bytes, writer.len}};
    keeper_say(bed->fd, &frame);
    kr_writer_deinit(&writer);
}

static void say_error(struct bed *bed, uint64_t number, enum kr_err code)
{
    frame = (struct kr_client_frame){.type = KR_CLIENT_ERROR, .number = number, .code = (uint32_t)code, .text = slice("no")};
    keeper_say(bed->fd, &frame);
}

/* What is whole goes at once and is not waited for; what may still grow does not go. */
static void test_while_items_come(void **state)
{
    (void)state;
    struct bed bed;
    struct kr_error error = {0};
    set_up(&bed);
    assert_int_equal(kr_sending_look(&bed.sending, false, &error), KR_OK); /* nothing is known yet */
    assert_int_equal(kr_sending_take(&bed.sending, bed.items, KR_REPORT_INDICATORS_MAX), KR_OK);
    assert_int_equal(kr_sending_look(&bed.sending, false, &error), KR_OK);
    assert_int_equal(kr_sending_take(&bed.sending, bed.items, KR_REPORT_INDICATORS_MAX + 1), KR_OK);
    assert_int_equal(kr_sending_look(&bed.sending, false, &error), KR_OK);
    const uint64_t first = expect(&bed, KR_OP_PREVIEW, 1, 1, KR_REPORT_INDICATORS_MAX);
    assert_int_equal(kr_sending_take(&bed.sending, bed.items, ITEMS), KR_OK);
    assert_int_equal(kr_sending_look(&bed.sending, false, &error), KR_OK);
    const uint64_t second = expect(&bed, KR_OP_PREVIEW, 2, 2, KR_REPORT_INDICATORS_MAX);
    assert_null(bed.sending.preview);
    say_preview(&bed, second, 1); /* in any order */
    say_preview(&bed, first, 0);
    say_preview(&bed, second + 1, 1);
    assert_int_equal(kr_sending_look(&bed.sending, true, &error), KR_OK);
    assert_int_equal(expect(&bed, KR_OP_PREVIEW, 3, 3, 100), second + 1);
    assert_non_null(bed.sending.preview);
    assert_int_equal(bed.sending.guarded_total, 2);
    assert_int_equal(bed.sending.guarded[0].item, KR_REPORT_INDICATORS_MAX);
    assert_int_equal(bed.sending.guarded[1].item, 2 * KR_REPORT_INDICATORS_MAX);
    assert_string_equal(bed.sending.guarded[1].list, "list");
    tear_down(&bed);
}

/* More values than are listed are counted; none is written behind the list. */
static void test_many_guarded(void **state)
{
    (void)state;
    struct bed bed;
    struct kr_error error = {0};
    set_up(&bed);
    assert_int_equal(kr_sending_take(&bed.sending, bed.items, ITEMS), KR_OK);
    for (uint64_t number = 1; number <= 3; number++) {
        say_preview(&bed, number, 40);
    }
    assert_int_equal(kr_sending_look(&bed.sending, true, &error), KR_OK);
    assert_int_equal(bed.sending.guarded_total, 120);
    assert_int_equal(bed.sending.guarded[KR_SENDING_GUARDED_MAX - 1].item, KR_REPORT_INDICATORS_MAX + 23);
    tear_down(&bed);
}

/* A value that is none of the part's, and an answer to nothing. */
static void test_nonsense(void **state)
{
    (void)state;
    struct bed bed;
    struct kr_error error = {0};
    set_up(&bed);
    assert_int_equal(kr_sending_take(&bed.sending, bed.items, 2), KR_OK);
    say_preview(&bed, 1, 3);
    assert_int_equal(kr_sending_look(&bed.sending, true, &error), KR_MALFORMED);
    tear_down(&bed);
    set_up(&bed);
    assert_int_equal(kr_sending_take(&bed.sending, bed.items, 2), KR_OK);
    say_preview(&bed, 9, 0);
    assert_int_equal(kr_sending_look(&bed.sending, true, &error), KR_MALFORMED);
    tear_down(&bed);
}

/* The refusal of a part that nobody waited for is told in the end, when the answers to the others are there. */
static void test_refused_early(void **state)
{
    (void)state;
    struct bed bed;
    struct kr_error error = {0};
    set_up(&bed);
    assert_int_equal(kr_sending_take(&bed.sending, bed.items, KR_REPORT_INDICATORS_MAX + 1), KR_OK);
    assert_int_equal(kr_sending_look(&bed.sending, false, &error), KR_OK);
    say_error(&bed, expect(&bed, KR_OP_PREVIEW, 1, 1, KR_REPORT_INDICATORS_MAX), KR_DENIED);
    say_preview(&bed, 2, 0);
    say_preview(&bed, 3, 0);
    assert_int_equal(kr_sending_take(&bed.sending, bed.items, ITEMS), KR_OK);
    enum kr_err err = kr_sending_look(&bed.sending, true, &error);
    assert_int_equal(err, KR_DENIED);
    assert_string_equal(error.text, "no");
    tear_down(&bed);
}

static size_t told[16], told_count;

static void note_guarded(void *context, size_t item, const char *list)
{
    (void)context;
    assert_string_equal(list, "list");
    assert_true(told_count < 16);
    told[told_count++] = item;
}

/* What a guard holds back is found out, however often it takes to ask, told, and left out; the rest goes. */
static void test_dropped(void **state)
{
    (void)state;
    struct bed bed;
    struct kr_error error = {0};
    static const size_t expected[] = {0, 1, 10, 11, 12};
    set_up(&bed);
    told_count = 0;
    bed.sending.drops_guarded = bed.sending.has_content_tokens = true;
    bed.sending.on_guarded = note_guarded;
    assert_int_equal(kr_sending_take(&bed.sending, bed.items, 100), KR_OK);
    say_error(&bed, 1, KR_GUARDED);
    say_guarded(&bed, 2, 0, 2, 5);
    say_guarded(&bed, 3, 8, 3, 3); /* counted without the two */
    say_stored(&bed, 4, 7);
    assert_int_equal(kr_sending_send(&bed.sending, &error), KR_OK);
    (void)expect(&bed, KR_OP_SUBMIT, 1, 1, 100);
    (void)expect(&bed, KR_OP_PREVIEW, 1, 1, 100);
    (void)expect(&bed, KR_OP_PREVIEW, 1, 1, 98);
    (void)expect(&bed, KR_OP_SUBMIT, 1, 1, 95);
    assert_int_equal(told_count, 5);
    assert_memory_equal(told, expected, sizeof expected);
    assert_int_equal(kr_sending_indicators(&bed.sending, 0), 95);
    assert_true(bed.sending.sent[0].is_done && bed.sending.sent[0].id[0] == 7);
    tear_down(&bed);
}

/* Nothing is left: nothing goes. And a node that names what is not there is not believed. */
static void test_all_dropped(void **state)
{
    (void)state;
    struct bed bed;
    struct kr_error error = {0};
    set_up(&bed);
    bed.sending.drops_guarded = true;
    assert_int_equal(kr_sending_take(&bed.sending, bed.items, 2), KR_OK);
    say_error(&bed, 1, KR_GUARDED);
    say_guarded(&bed, 2, 0, 2, 2);
    assert_int_equal(kr_sending_send(&bed.sending, &error), KR_OK);
    assert_false(bed.sending.sent[0].is_done);
    tear_down(&bed);
    set_up(&bed);
    bed.sending.drops_guarded = true;
    assert_int_equal(kr_sending_take(&bed.sending, bed.items, 2), KR_OK);
    say_error(&bed, 1, KR_GUARDED);
    say_guarded(&bed, 2, 1, 2, 2);
    assert_int_equal(kr_sending_send(&bed.sending, &error), KR_MALFORMED);
    tear_down(&bed);
}

/* The token is the content: the same gives the same, anything else another one. */
static void test_tokens(void **state)
{
    (void)state;
    static struct kr_submit submit;
    uint8_t tokens[4][16];
    for (uint32_t i = 0; i < 4; i++) {
        struct bed bed;
        struct kr_error error = {0};
        set_up(&bed);
        bed.sending.has_content_tokens = true;
        bed.sending.request.label = i == 2 ? KR_TLP_GREEN : KR_TLP_CLEAR;
        assert_int_equal(kr_sending_take(&bed.sending, bed.items, i == 3 ? 3 : 2), KR_OK);
        say_stored(&bed, 1, 1);
        assert_int_equal(kr_sending_send(&bed.sending, &error), KR_OK);
        assert_true(keeper_hear(bed.fd, &frame));
        assert_int_equal(kr_submit_read(frame.payload, &submit), KR_OK);
        memcpy(tokens[i], submit.token, 16);
        tear_down(&bed);
    }
    assert_memory_equal(tokens[0], tokens[1], 16);
    assert_memory_not_equal(tokens[0], tokens[2], 16);
    assert_memory_not_equal(tokens[0], tokens[3], 16);
}

/* Of what is for persons the node is shown bare values, and given a section that opens for those alone. */
static void test_sealed(void **state)
{
    (void)state;
    static struct kr_submit submit;
    static struct kr_report report;
    static const uint8_t seed[32] = {1}, other_seed[32] = {2};
    struct bed bed;
    struct kr_box_pair reader, stranger;
    struct kr_addressed addressed = {.sort = KR_ADDRESSED_PERSON};
    struct kr_section section;
    struct kr_error error = {0};
    set_up(&bed);
    kr_box_keypair(reader.public_key, reader.secret, seed);
    kr_box_keypair(stranger.public_key, stranger.secret, other_seed);
    memcpy(addressed.key, reader.public_key, 32);
    const struct kr_sealing sealing = {.author = {7}, .addressed = &addressed, .count = 1};
    const struct kr_section_of of = {.author = sealing.author, .kind = KR_KIND_REPORT, .label = KR_TLP_RED};
    bed.sending.sealing = &sealing;
    bed.sending.request.label = KR_TLP_RED;
    bed.sending.plan.text = slice("a text");
    bed.items[0].note = slice("a note");
    assert_int_equal(kr_sending_take(&bed.sending, bed.items, 1), KR_OK);
    say_preview(&bed, 1, 0);
    assert_int_equal(kr_sending_look(&bed.sending, true, &error), KR_OK);
    assert_true(keeper_hear(bed.fd, &frame));
    assert_int_equal(frame.op, KR_OP_PREVIEW);
    assert_null(memmem(frame.payload.bytes, frame.payload.len, "title", 5));
    assert_null(memmem(frame.payload.bytes, frame.payload.len, "a text", 6));
    assert_null(memmem(frame.payload.bytes, frame.payload.len, "a note", 6));
    assert_non_null(memmem(frame.payload.bytes, frame.payload.len, "v000000", 7));
    say_stored(&bed, 2, 9);
    assert_int_equal(kr_sending_send(&bed.sending, &error), KR_OK);
    assert_true(keeper_hear(bed.fd, &frame));
    assert_int_equal(frame.op, KR_OP_SUBMIT);
    assert_null(memmem(frame.payload.bytes, frame.payload.len, "v000000", 7));
    assert_int_equal(kr_submit_read(frame.payload, &submit), KR_OK);
    assert_int_equal(kr_section_open(submit.body, &of, &stranger, 1, &section), KR_NOT_FOUND);
    assert_int_equal(kr_section_open(submit.body, &of, &reader, 1, &section), KR_OK);
    assert_int_equal(kr_report_parse(section.content, &report), KR_OK);
    assert_true(report.title.len == 5 && report.text.len == 6 && report.indicator_count == 1);
    kr_section_deinit(&section);
    tear_down(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sealed),   cmocka_unit_test(test_dropped),          cmocka_unit_test(test_all_dropped),
        cmocka_unit_test(test_tokens),   cmocka_unit_test(test_while_items_come), cmocka_unit_test(test_many_guarded),
        cmocka_unit_test(test_nonsense), cmocka_unit_test(test_refused_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
