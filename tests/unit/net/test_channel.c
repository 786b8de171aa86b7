/* The pipe between keeper and net: order, chunks, credit, and bytes that make no sense. */
#include "net_test.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/net/channel.h"

/* Two ends; or one, and its raw other side. */
struct ends {
    struct kr_channel *a, *b;
    int raw;
};

static struct kr_net_message out, in; /* large: not on the stack */

static int set_up_raw(void **state)
{
    struct ends *ends = calloc(1, sizeof *ends);
    int pair[2];
    assert_non_null(ends);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(kr_channel_new(pair[0], &ends->a), KR_OK);
    ends->raw = pair[1];
    *state = ends;
    return 0;
}

static int set_up(void **state)
{
    (void)set_up_raw(state);
    struct ends *ends = *state;
    assert_int_equal(kr_channel_new(ends->raw, &ends->b), KR_OK);
    ends->raw = -1;
    return 0;
}

static int tear_down(void **state)
{
    struct ends *ends = *state;
    kr_channel_free(ends->a);
    kr_channel_free(ends->b);
    if (ends->raw >= 0) {
        assert_int_equal(close(ends->raw), 0);
    }
    free(ends);
    return 0;
}

static enum kr_err send_frame(struct kr_channel *channel, uint32_t number, const uint8_t *bytes, size_t len)
{
    out = (struct kr_net_message){.type = KR_NET_FRAME, .number = number, .frame = {bytes, len}};
    return kr_channel_send(channel, &out);
}

static void send_control(struct kr_channel *channel, uint32_t type, uint32_t number)
{
    out = (struct kr_net_message){.type = type, .number = number};
    assert_int_equal(kr_channel_send(channel, &out), KR_OK);
}

/* Lets both ends move until `to` has a message. */
static void carry(struct kr_channel *from, struct kr_channel *to)
{
    for (unsigned i = 0; i < 100000; i++) {
        assert_int_equal(kr_channel_pump(from), KR_OK);
        assert_int_equal(kr_channel_pump(to), KR_OK);
        if (kr_channel_receive(to, &in) == KR_OK) {
            return;
        }
    }
    fail();
}

static void test_all_kinds_arrive_as_they_were(void **state)
{
    struct ends *ends = *state;
    static const uint8_t name[] = "tcp://127.0.0.1:1", why[] = "why";
    static const uint32_t types[] = {KR_NET_SECRET,      KR_NET_ALLOW,        KR_NET_BIND,       KR_NET_DIAL,
                                     KR_NET_HANGUP,      KR_NET_STOP,         KR_NET_READY,      KR_NET_ALLOWED,
                                     KR_NET_BOUND,       KR_NET_LOST,         KR_NET_LOG,        KR_NET_REFUSED,
                                     KR_NET_FRAME,       KR_NET_TURNED_AWAY,  KR_NET_CLIENT_CUT, KR_NET_CLIENT_TAKEN,
                                     KR_NET_CLIENT_GONE, KR_NET_CLIENT_FRAME, KR_NET_CONNECTED,  KR_NET_UNREACHED};
    for (size_t type = 0; type < sizeof types / sizeof types[0]; type++) {
        static struct kr_net_message sent;
        sent = (struct kr_net_message){.type = types[type], .number = 70000, .generation = 1ull << 40, .count = 3};
        sent.generation = types[type] == KR_NET_CLIENT_TAKEN ? 4 : sent.generation;
        sent.text = (struct kr_slice){name, sizeof name - 1};
        sent.frame = (struct kr_slice){why, sizeof why - 1};
        sent.has_secret = true;
        sent.entry_count = 2;
        memset(sent.key, 5, 32);
        memset(sent.secret, 6, 32);
        sent.entries[1] = (struct kr_net_entry){.number = 8, .kind = KR_NET_TICKET, .key = {9}};
        assert_int_equal(kr_channel_send(ends->a, &sent), KR_OK);
        carry(ends->a, ends->b);
        assert_int_equal(in.type, types[type]);
        switch (types[type]) {
        case KR_NET_SECRET:
            assert_memory_equal(in.secret, sent.secret, 32);
            assert_memory_equal(in.key, sent.key, 32);
            break;
        case KR_NET_ALLOW:
            assert_int_equal(in.generation, 1ull << 40);
            assert_int_equal(in.entry_count, 2);
            assert_memory_equal(&in.entries[1], &sent.entries[1], sizeof in.entries[1]);
            break;
        case KR_NET_DIAL:
            assert_true(in.has_secret);
            assert_memory_equal(in.secret, sent.secret, 32);
            assert_int_equal(in.number, 70000);
            assert_memory_equal(in.text.bytes, name, sizeof name - 1);
            break;
        case KR_NET_BOUND:
            assert_memory_equal(in.frame.bytes, why, sizeof why - 1);
            assert_memory_equal(in.text.bytes, name, sizeof name - 1);
            break;
        case KR_NET_CLIENT_TAKEN:
            assert_true(in.number == 70000 && in.count == 3 && in.generation == 4);
            break;
        case KR_NET_FRAME:
        case KR_NET_LOST:
        case KR_NET_TURNED_AWAY:
        case KR_NET_CLIENT_CUT:
        case KR_NET_CLIENT_GONE:
        case KR_NET_CLIENT_FRAME:
        case KR_NET_CONNECTED:
        case KR_NET_UNREACHED:
        case KR_NET_HANGUP:
            assert_int_equal(in.number, 70000);
            break;
        case KR_NET_ALLOWED:
            assert_int_equal(in.generation, 1ull << 40);
            break;
        case KR_NET_BIND:
            assert_memory_equal(in.text.bytes, name, sizeof name - 1);
            break;
        default:
            assert_int_equal(in.count, 3);
        }
    }
}

static void test_large_frames_come_in_chunks_both_ways(void **state)
{
    struct ends *ends = *state;
    uint8_t *bytes = malloc(KR_FRAME_BYTES_MAX);
    assert_non_null(bytes);
    for (size_t i = 0; i < KR_FRAME_BYTES_MAX; i++) {
        bytes[i] = (uint8_t)(i * 31 >> 3);
    }
    assert_int_equal(send_frame(ends->a, 1, bytes, KR_FRAME_BYTES_MAX), KR_OK);
    assert_int_equal(send_frame(ends->b, 2, bytes, KR_FRAME_BYTES_MAX - 1), KR_OK);
    carry(ends->a, ends->b);
    assert_int_equal(in.frame.len, KR_FRAME_BYTES_MAX);
    assert_memory_equal(in.frame.bytes, bytes, KR_FRAME_BYTES_MAX);
    carry(ends->b, ends->a);
    assert_int_equal(in.number, 2);
    assert_memory_equal(in.frame.bytes, bytes, KR_FRAME_BYTES_MAX - 1);
    assert_int_equal(send_frame(ends->a, 1, bytes, KR_FRAME_BYTES_MAX + 65), KR_BOUNDS);
    free(bytes);
}

static void test_control_goes_before_data(void **state)
{
    struct ends *ends = *state;
    static const uint8_t bytes[1000];
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(send_frame(ends->a, i, bytes, sizeof bytes), KR_OK);
        send_control(ends->a, KR_NET_LOST, 100 + i);
    }
    for (uint32_t i = 0; i < 6; i++) {
        carry(ends->a, ends->b);
        assert_int_equal(in.type, i < 3 ? KR_NET_LOST : KR_NET_FRAME);
        assert_int_equal(in.number, i < 3 ? 100 + i : i - 3);
    }
}

static void test_the_window_bounds_what_is_under_way(void **state)
{
    struct ends *ends = *state;
    static uint8_t bytes[KR_MIB];
    unsigned sent = 0;
    while (send_frame(ends->a, 1, bytes, sizeof bytes) == KR_OK) {
        sent++;
    }
    assert_int_equal(sent, KR_CHANNEL_WINDOW / (sizeof bytes + KR_CHANNEL_FRAME_COST));
    assert_int_equal(send_frame(ends->a, 1, bytes, sizeof bytes), KR_BUSY);
    for (unsigned i = 0; i < sent; i++) {
        carry(ends->a, ends->b);
        assert_int_equal(kr_channel_dealt(ends->b, KR_LANE_DATA, 1, sizeof bytes), KR_OK);
    }
    assert_int_equal(kr_channel_pump(ends->b), KR_OK);
    assert_int_equal(kr_channel_pump(ends->a), KR_OK);
    assert_int_equal(kr_channel_receive(ends->a, &in), KR_NOT_FOUND); /* credit is dealt with inside */
    assert_int_equal(kr_channel_window_left(ends->a, KR_LANE_DATA), KR_CHANNEL_WINDOW);
}

static enum kr_err send_client_frame(struct kr_channel *channel, uint32_t number, const uint8_t *bytes, size_t len)
{
    out = (struct kr_net_message){.type = KR_NET_CLIENT_FRAME, .number = number, .frame = {bytes, len}};
    return kr_channel_send(channel, &out);
}

/* What persons' machines say takes no room from links, nor the other way; each gets on while the other waits, links four times as
 * often. */
static void test_lanes_take_nothing_from_each_other(void **state)
{
    struct ends *ends = *state;
    static uint8_t bytes[64 * KR_KIB];
    unsigned clients = 0, links = 0, clients_first = 0;
    while (send_client_frame(ends->a, 1, bytes, sizeof bytes) == KR_OK) {
        clients++;
    }
    assert_int_equal(clients, KR_CHANNEL_CLIENT_WINDOW / (sizeof bytes + KR_CHANNEL_FRAME_COST));
    assert_int_equal(kr_channel_window_left(ends->a, KR_LANE_DATA), KR_CHANNEL_WINDOW);
    for (; links < 40; links++) {
        assert_int_equal(send_frame(ends->a, 2, bytes, sizeof bytes), KR_OK);
    }
    for (unsigned i = 0; i < 50; i++) {
        carry(ends->a, ends->b);
        clients_first += in.type == KR_NET_CLIENT_FRAME;
    }
    assert_in_range(clients_first, 9, 14); /* a few had gone to the socket before the links' came */
    for (unsigned i = 50; i < clients + links; i++) {
        carry(ends->a, ends->b);
    }
    assert_int_equal(kr_channel_dealt(ends->b, KR_LANE_DATA, links, links * sizeof bytes), KR_OK);
    assert_int_equal(kr_channel_pump(ends->b), KR_OK);
    assert_int_equal(kr_channel_pump(ends->a), KR_OK);
    assert_int_equal(kr_channel_receive(ends->a, &in), KR_NOT_FOUND);
    assert_int_equal(kr_channel_window_left(ends->a, KR_LANE_DATA), KR_CHANNEL_WINDOW);
    assert_int_equal(send_client_frame(ends->a, 1, bytes, sizeof bytes), KR_BUSY);
    assert_int_equal(kr_channel_dealt(ends->b, KR_LANE_CLIENT, clients, clients * sizeof bytes), KR_OK);
    assert_int_equal(kr_channel_pump(ends->b), KR_OK);
    assert_int_equal(kr_channel_pump(ends->a), KR_OK);
    assert_int_equal(kr_channel_receive(ends->a, &in), KR_NOT_FOUND);
    assert_int_equal(kr_channel_window_left(ends->a, KR_LANE_CLIENT), KR_CHANNEL_CLIENT_WINDOW);
}

static void test_control_that_nobody_takes_is_bounded(void **state)
{
    struct ends *ends = *state;
    enum kr_err err = KR_OK;
    unsigned sent = 0;
    out = (struct kr_net_message){.type = KR_NET_LOST, .number = 1};
    for (; err == KR_OK && sent < 10 * KR_MIB; sent++) {
        err = kr_channel_send(ends->a, &out);
    }
    assert_int_equal(err, KR_BOUNDS);
}

/* ---- bytes that make no sense ---- */

static void put(int fd, const void *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = send(fd, (const uint8_t *)bytes + at, len - at, MSG_NOSIGNAL);
        assert_true(n > 0);
        at += (size_t)n;
    }
}

static enum kr_err pump_and_receive(struct kr_channel *channel)
{
    enum kr_err err = kr_channel_pump(channel);
    return err == KR_OK ? kr_channel_receive(channel, &in) : err;
}

static void test_broken_forms_close_the_channel(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"\x03\x01\x00\x00\x00\x01\x90", 7},                      /* no such lane */
        {"\x00\x02\x00\x00\x00\x01\x90", 7},                      /* neither last nor not */
        {"\x00\x01\x00\x00\x00\x00", 6},                          /* an empty chunk */
        {"\x00\x01\x00\x01\x00\x01", 6},                          /* longer than a chunk may be */
        {"\x00\x01\xFF\xFF\xFF\xFF", 6},                          /* much longer */
        {"\x00\x01\x00\x00\x00\x01\x90", 7},                      /* no type */
        {"\x00\x01\x00\x00\x00\x03\x92\x63\x00", 9},              /* no such type */
        {"\x00\x01\x00\x00\x00\x03\x93\x17\x00", 9},              /* an element missing */
        {"\x00\x01\x00\x00\x00\x04\x92\x17\x00\x00", 10},         /* bytes left over */
        {"\x01\x01\x00\x00\x00\x03\x92\x17\x00", 9},              /* control in the data lane */
        {"\x00\x01\x00\x00\x00\x06\x93\x28\x01\xC4\x01\x41", 12}, /* a frame in the control lane */
        {"\x01\x01\x00\x00\x00\x05\x93\x28\x01\xC4\x00", 11},     /* an empty frame */
        {"\x02\x01\x00\x00\x00\x06\x93\x28\x01\xC4\x01\x41", 12}, /* a link's frame in the clients' lane */
        {"\x01\x01\x00\x00\x00\x06\x93\x29\x01\xC4\x01\x41", 12}, /* and the other way */
        {"\x00\x01\x00\x00\x00\x04\x93\x1E\x03\x01", 10},         /* credit for a lane that there is not */
        {"\x00\x01\x00\x00\x00\x04\x92\x17\xCC\x01", 10},         /* not the shortest form */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        void *fresh = NULL;
        (void)set_up_raw(&fresh);
        struct ends *ends = fresh;
        put(ends->raw, cases[i].bytes, cases[i].len);
        assert_int_equal(pump_and_receive(ends->a), KR_CLOSED);
        assert_int_equal(kr_channel_pump(ends->a), KR_CLOSED); /* for good */
        assert_int_equal(kr_channel_send(ends->a, &(struct kr_net_message){.type = KR_NET_STOP}), KR_CLOSED);
        (void)tear_down(&fresh);
    }
}

static void test_bytes_may_come_one_by_one(void **state)
{
    struct ends *ends = *state;
    static const uint8_t bytes[] = {0, 0, 0, 0, 0, 1, 0x92, 0, 1, 0, 0, 0, 2, KR_NET_LOST, 7};
    for (size_t i = 0; i < sizeof bytes; i++) {
        assert_int_equal(pump_and_receive(ends->a), KR_NOT_FOUND);
        put(ends->raw, bytes + i, 1);
    }
    assert_int_equal(pump_and_receive(ends->a), KR_OK);
    assert_int_equal(in.type, KR_NET_LOST);
    assert_int_equal(in.number, 7);
}

static void test_a_message_without_end_closes_the_channel(void **state)
{
    struct ends *ends = *state;
    static uint8_t chunk[6 + KR_CHANNEL_CHUNK_BYTES_MAX];
    enum kr_err err = KR_OK;
    unsigned count = 0;
    chunk[0] = KR_LANE_DATA;
    chunk[3] = (uint8_t)(KR_CHANNEL_CHUNK_BYTES_MAX >> 16);
    chunk[4] = (uint8_t)(KR_CHANNEL_CHUNK_BYTES_MAX >> 8);
    for (; err == KR_OK && count < 1000; count++) {
        put(ends->raw, chunk, sizeof chunk);
        err = kr_channel_pump(ends->a);
    }
    assert_int_equal(err, KR_CLOSED);
    assert_true(count <= KR_FRAME_BYTES_MAX / KR_CHANNEL_CHUNK_BYTES_MAX + 1);
}

/* One that does not care for credit: many small frames cost more than their bytes. */
static void test_more_than_the_window_closes_the_channel(void **state)
{
    struct ends *ends = *state;
    static const uint8_t frame[] = {1, 1, 0, 0, 0, 6, 0x93, KR_NET_FRAME, 1, 0xC4, 1, 0x41};
    enum kr_err err = KR_OK;
    unsigned taken = 0;
    while (err == KR_OK && taken < KR_CHANNEL_WINDOW) {
        put(ends->raw, frame, sizeof frame);
        err = pump_and_receive(ends->a);
        taken += err == KR_OK;
    }
    assert_int_equal(err, KR_CLOSED);
    assert_int_equal(taken, KR_CHANNEL_WINDOW / (1 + KR_CHANNEL_FRAME_COST));
}

static void test_the_end_is_told(void **state)
{
    struct ends *ends = *state;
    assert_int_equal(shutdown(ends->raw, SHUT_WR), 0);
    assert_int_equal(kr_channel_pump(ends->a), KR_CLOSED);
}

#define BOTH_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define RAW_TEST(test)  cmocka_unit_test_setup_teardown(test, set_up_raw, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_TEST(test_all_kinds_arrive_as_they_were),
        BOTH_TEST(test_large_frames_come_in_chunks_both_ways),
        BOTH_TEST(test_control_goes_before_data),
        BOTH_TEST(test_the_window_bounds_what_is_under_way),
        BOTH_TEST(test_lanes_take_nothing_from_each_other),
        BOTH_TEST(test_control_that_nobody_takes_is_bounded),
        cmocka_unit_test(test_broken_forms_close_the_channel),
        RAW_TEST(test_bytes_may_come_one_by_one),
        RAW_TEST(test_a_message_without_end_closes_the_channel),
        RAW_TEST(test_more_than_the_window_closes_the_channel),
        RAW_TEST(test_the_end_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
