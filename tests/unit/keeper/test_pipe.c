/* Keeper's side of net, against a net that this program plays itself: keeper starts its own executable with --net, and the port
 * that it is told to listen on says how that net behaves. */
#include "keeper_test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "node/keeper/clock.h"
#include "node/keeper/log.h"
#include "node/keeper/pipe.h"
#include "node/keeper/spawn.h"

enum behaviour {
    GOOD = 1,         /* does what it should; sends every frame back */
    CANNOT_BIND = 2,  /* the address is somebody else's */
    DIES_ON_BIND = 3, /* at the worst moment of starting */
    DIES_ON_FRAME = 4,
    READS_NOTHING = 5, /* once it is bound */
    SAYS_GARBAGE = 6,  /* once it is bound */
    DOES_NOT_STOP = 7,
    IS_TURNED_AWAY = 8, /* by a node that it dialled, and reaches another one not at all */
    BABBLES = 9,        /* once it is bound: BABBLE messages at once that mean nothing to keeper, then one that does */
};

#define BABBLE (10u * KR_PIPE_MESSAGES_A_TURN)

/* ---- the net that we play ---- */

struct fake {
    struct kr_channel *channel;
    unsigned behaviour;
    uint32_t entry_count;
};

static struct kr_net_message in, out;

static void fake_say(struct fake *fake)
{
    if (kr_channel_send(fake->channel, &out) != KR_OK) {
        _exit(80);
    }
}

static void fake_bound(struct fake *fake)
{
    static const char why[] = "address already in use";
    out = (struct kr_net_message){.type = KR_NET_BOUND, .text = in.text};
    if (fake->behaviour == CANNOT_BIND) {
        out.text.len = 0;
        out.frame = (struct kr_slice){(const uint8_t *)why, sizeof why - 1};
    }
    fake_say(fake);
    /* Tells the test what it knows of its peers. */
    out = (struct kr_net_message){.type = KR_NET_LOST, .number = 1000 + fake->entry_count};
    fake_say(fake);
    if (fake->behaviour == IS_TURNED_AWAY) {
        out = (struct kr_net_message){.type = KR_NET_TURNED_AWAY, .number = 7};
        fake_say(fake);
        out = (struct kr_net_message){.type = KR_NET_UNREACHED, .number = 9};
        fake_say(fake);
    }
    if (fake->behaviour == BABBLES) {
        for (uint32_t i = 0; i < BABBLE; i++) {
            out = (struct kr_net_message){.type = KR_NET_READY};
            fake_say(fake);
        }
        out = (struct kr_net_message){.type = KR_NET_LOST, .number = BABBLE};
        fake_say(fake);
    }
}

static void fake_take(struct fake *fake)
{
    switch (in.type) {
    case KR_NET_ALLOW:
        fake->entry_count = in.entry_count;
        out = (struct kr_net_message){.type = KR_NET_ALLOWED, .generation = in.generation};
        fake_say(fake);
        break;
    case KR_NET_BIND:
        fake->behaviour = (unsigned)(in.text.bytes[in.text.len - 1] - '0');
        if (fake->behaviour == DIES_ON_BIND) {
            _exit(81);
        }
        fake_bound(fake);
        break;
    case KR_NET_FRAME:
        if (fake->behaviour == DIES_ON_FRAME) {
            (void)raise(SIGKILL);
        }
        out = (struct kr_net_message){.type = KR_NET_FRAME, .number = in.number, .frame = in.frame};
        fake_say(fake);
        if (kr_channel_dealt(fake->channel, KR_LANE_DATA, 1, in.frame.len) != KR_OK) {
            _exit(82);
        }
        break;
    case KR_NET_STOP:
        if (fake->behaviour != DOES_NOT_STOP) {
            _exit(0);
        }
        break;
    default:
        break;
    }
}

static int fake_main(int fd)
{
    struct fake fake = {0};
    if (kr_channel_new(fd, &fake.channel) != KR_OK) {
        return 83;
    }
    out = (struct kr_net_message){.type = KR_NET_READY, .generation = 1};
    fake_say(&fake);
    for (;;) {
        struct pollfd poller = {.fd = fd, .events = kr_channel_wants_write(fake.channel) ? POLLIN | POLLOUT : POLLIN};
        if (kr_channel_pump(fake.channel) != KR_OK) {
            kr_channel_free(fake.channel);
            return 0;
        }
        while (kr_channel_receive(fake.channel, &in) == KR_OK) {
            fake_take(&fake);
        }
        poller.events = kr_channel_wants_write(fake.channel) ? POLLIN | POLLOUT : POLLIN;
        if (fake.behaviour == READS_NOTHING && !kr_channel_wants_write(fake.channel)) {
            poller.events = 0; /* until it is killed */
        }
        if (fake.behaviour == SAYS_GARBAGE && !kr_channel_wants_write(fake.channel)) {
            (void)!write(fd, "\x07garbage garbage", 16);
            fake.behaviour = READS_NOTHING;
        }
        (void)poll(&poller, 1, -1);
    }
}

/* ---- keeper's side ---- */

static const uint8_t secret[32] = {1}, public_key[32] = {2};
static const uint8_t one_peer[] = {0x91, 0x93, 7, 1, 0xC4, 0x20, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
                                   9,    9,    9, 9, 9,    9,    9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9};

static struct kr_lanes *lanes;
static struct kr_pipe *net;

static void open_pipe(enum behaviour behaviour)
{
    static char endpoint[64];
    (void)snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", (int)behaviour);
    assert_int_equal(kr_lanes_new(&lanes), KR_OK);
    const struct kr_pipe_options options = {
        .listen = endpoint, .transport_secret = secret, .transport_public = public_key, .lanes = lanes};
    assert_int_equal(kr_pipe_new(&options, &net, NULL), KR_OK);
}

static void allow_one_peer(void)
{
    assert_int_equal(kr_pipe_allow(net, (struct kr_slice){one_peer, sizeof one_peer}), KR_OK);
}

static void close_pipe(void)
{
    kr_pipe_free(net);
    kr_lanes_free(lanes);
}

static void wait_for_pipe(uint64_t until_ms)
{
    uint64_t now_ms = kr_monotonic_ms(), due_ms = kr_pipe_due_ms(net);
    assert_true(now_ms < until_ms);
    due_ms = due_ms < until_ms ? due_ms : until_ms;
    struct pollfd poller = {.fd = kr_pipe_fd(net), .events = kr_pipe_poll_events(net)};
    (void)poll(&poller, 1, due_ms > now_ms ? (int)(due_ms - now_ms) : 0);
}

/* The next event from net; fails when it does not come in time. */
static struct kr_item *next_event(void)
{
    struct kr_item *item = NULL;
    struct kr_error error = {0};
    uint64_t until_ms = kr_monotonic_ms() + 10000;
    while (kr_lanes_take(lanes, KR_CORE_LANE_COUNT, &item, 1) == 0) {
        assert_int_equal(kr_pipe_turn(net, &error), KR_OK);
        if (!kr_lanes_has_before(lanes, KR_CORE_LANE_COUNT)) {
            wait_for_pipe(until_ms);
        }
    }
    return item;
}

static void expect(enum kr_event_type type, uint32_t number)
{
    struct kr_item *item = next_event();
    assert_int_equal(item->event.type, type);
    assert_int_equal(item->event.number, number);
    kr_item_free(item);
}

static void expect_up(void)
{
    expect(KR_EVENT_NET_UP, 0);
    expect(KR_EVENT_LOST, 1001); /* it knows one peer */
}

static void send_frame(uint32_t number, size_t len)
{
    uint8_t *bytes = calloc(1, len);
    assert_non_null(bytes);
    memcpy(bytes, &number, sizeof number);
    kr_pipe_send(net, number, bytes, len);
}

static pid_t net_pid(void)
{
    struct kr_pipe_facts facts;
    kr_pipe_facts(net, &facts);
    return facts.pid;
}

static uint64_t net_restarts(void)
{
    struct kr_pipe_facts facts;
    kr_pipe_facts(net, &facts);
    return facts.restarts;
}

static void test_net_starts_once_it_is_known_whom_to_let_in(void **state)
{
    (void)state;
    struct kr_error error = {0};
    struct kr_pipe_facts facts;
    open_pipe(GOOD);
    assert_int_equal(kr_pipe_turn(net, &error), KR_OK);
    assert_int_equal(net_pid(), 0);
    assert_int_equal(kr_pipe_due_ms(net), UINT64_MAX);
    allow_one_peer();
    struct kr_item *item = next_event();
    assert_int_equal(item->event.type, KR_EVENT_NET_UP);
    assert_int_equal(item->event.bytes.len, strlen("tcp://127.0.0.1:1"));
    assert_memory_equal(item->event.bytes.bytes, "tcp://127.0.0.1:1", item->event.bytes.len);
    kr_item_free(item);
    kr_pipe_facts(net, &facts);
    assert_true(facts.is_up && facts.pid > 0);
    assert_string_equal(facts.endpoint, "tcp://127.0.0.1:1");
    assert_int_equal(facts.restarts, 0);
    close_pipe();
}

static void test_frames_go_both_ways_in_order_and_beyond_the_window(void **state)
{
    (void)state;
    const size_t len = 200 * 1024;
    const uint32_t count = 70; /* 14 MB: more than the window, less than may wait */
    open_pipe(GOOD);
    allow_one_peer();
    expect_up();
    for (uint32_t i = 0; i < count; i++) {
        send_frame(i, len);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct kr_item *item = next_event();
        uint32_t number = 0;
        assert_int_equal(item->event.type, KR_EVENT_FRAME);
        assert_int_equal(item->event.number, i);
        assert_int_equal(item->event.bytes.len, len);
        memcpy(&number, item->event.bytes.bytes, sizeof number);
        assert_int_equal(number, i);
        kr_item_free(item);
        kr_pipe_dealt(net, 1, len);
    }
    close_pipe();
}

static void test_a_killed_net_is_back_within_two_seconds(void **state)
{
    (void)state;
    open_pipe(GOOD);
    allow_one_peer();
    expect_up();
    for (unsigned round = 1; round <= 3; round++) {
        pid_t pid = net_pid();
        uint64_t begin_ms = kr_monotonic_ms();
        assert_int_equal(kill(pid, SIGKILL), 0);
        expect(KR_EVENT_NET_DOWN, 0);
        send_frame(1, 10); /* into nothing */
        expect_up();       /* with the same list */
        assert_true(kr_monotonic_ms() - begin_ms < 2000);
        assert_int_not_equal(net_pid(), pid);
        assert_int_equal(net_restarts(), round);
    }
    close_pipe();
}

static void test_a_net_that_dies_of_a_frame_takes_only_that_along(void **state)
{
    (void)state;
    open_pipe(DIES_ON_FRAME);
    allow_one_peer();
    expect_up();
    send_frame(1, 10);
    expect(KR_EVENT_NET_DOWN, 0);
    expect_up();
    close_pipe();
}

static void test_a_net_that_dies_while_starting_is_tried_again(void **state)
{
    (void)state;
    struct kr_error error = {0};
    uint64_t until_ms = kr_monotonic_ms() + 10000;
    open_pipe(DIES_ON_BIND);
    allow_one_peer();
    while (net_restarts() < 4) {
        assert_int_equal(kr_pipe_turn(net, &error), KR_OK);
        wait_for_pipe(until_ms);
    }
    assert_false(kr_lanes_has_before(lanes, KR_CORE_LANE_COUNT)); /* the core never heard of it */
    close_pipe();
}

static void test_an_address_that_is_taken_is_told_in_the_end(void **state)
{
    (void)state;
    struct kr_error error = {0};
    enum kr_err err = KR_OK;
    uint64_t until_ms = kr_monotonic_ms() + KR_PIPE_FIRST_BIND_MS + 5000;
    open_pipe(CANNOT_BIND);
    allow_one_peer();
    while ((err = kr_pipe_turn(net, &error)) == KR_OK) {
        wait_for_pipe(until_ms);
    }
    assert_int_equal(err, KR_IO);
    assert_non_null(strstr(error.text, "tcp://127.0.0.1:2"));
    assert_non_null(strstr(error.text, "address already in use"));
    close_pipe();
}

static void test_what_net_does_not_take_is_bounded(void **state)
{
    (void)state;
    const size_t len = 500 * 1024;
    uint32_t sent = 0;
    struct kr_item *item = NULL;
    open_pipe(READS_NOTHING);
    allow_one_peer();
    expect_up();
    while (kr_lanes_take(lanes, KR_CORE_LANE_COUNT, &item, 1) == 0) {
        assert_true((size_t)sent * len < KR_NET_BUFFER_BYTES_MAX);
        send_frame(sent++, len);
    }
    assert_int_equal(item->event.type, KR_EVENT_LOST);
    assert_int_equal(item->event.number, sent - 1);
    assert_true((size_t)sent * len > KR_CHANNEL_WINDOW);
    kr_item_free(item);
    close_pipe();
}

static void test_a_net_that_talks_nonsense_is_replaced(void **state)
{
    (void)state;
    open_pipe(SAYS_GARBAGE);
    allow_one_peer();
    expect(KR_EVENT_NET_UP, 0);
    struct kr_item *item = next_event();
    if (item->event.type == KR_EVENT_LOST) {
        kr_item_free(item);
        item = next_event();
    }
    assert_int_equal(item->event.type, KR_EVENT_NET_DOWN);
    kr_item_free(item);
    expect(KR_EVENT_NET_UP, 0);
    close_pipe();
}

static void test_the_core_hears_who_does_not_admit_us_and_who_is_not_there(void **state)
{
    (void)state;
    open_pipe(IS_TURNED_AWAY);
    allow_one_peer();
    expect_up();
    expect(KR_EVENT_TURNED_AWAY, 7);
    expect(KR_EVENT_UNREACHED, 9);
    close_pipe();
}

/* All of it lies in the channel after one read; what is not taken in one turn is left to the next. */
static void test_a_net_that_babbles_leaves_the_core_its_turn(void **state)
{
    (void)state;
    struct kr_error error = {0};
    struct kr_item *item = NULL;
    uint64_t until_ms = kr_monotonic_ms() + 10000;
    open_pipe(BABBLES);
    allow_one_peer();
    expect_up();
    unsigned turns = 1;
    for (; kr_lanes_take(lanes, KR_CORE_LANE_COUNT, &item, 1) == 0; turns++) {
        wait_for_pipe(until_ms);
        assert_int_equal(kr_pipe_turn(net, &error), KR_OK);
    }
    assert_true(turns > BABBLE / KR_PIPE_MESSAGES_A_TURN);
    assert_int_equal(item->event.number, BABBLE);
    kr_item_free(item);
    close_pipe();
}

static void check_stop(enum behaviour behaviour)
{
    open_pipe(behaviour);
    allow_one_peer();
    expect_up();
    pid_t pid = net_pid();
    uint64_t begin_ms = kr_monotonic_ms();
    close_pipe();
    assert_true(kr_monotonic_ms() - begin_ms < 1500);
    assert_int_equal(kill(pid, 0), -1); /* gone, and its status taken */
    assert_int_equal(errno, ESRCH);
}

static void test_net_stops_as_told_or_is_stopped(void **state)
{
    (void)state;
    check_stop(GOOD);
    check_stop(DOES_NOT_STOP);
}

static void test_lists_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct kr_error error = {0};
    open_pipe(GOOD);
    assert_int_equal(kr_pipe_allow(net, (struct kr_slice){one_peer, sizeof one_peer - 1}), KR_MALFORMED);
    assert_int_equal(kr_pipe_turn(net, &error), KR_OK);
    assert_int_equal(net_pid(), 0); /* still nobody to let in, so no net */
    close_pipe();
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--net") == 0) {
        return fake_main(KR_SPAWN_FD);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_starts_once_it_is_known_whom_to_let_in),
        cmocka_unit_test(test_frames_go_both_ways_in_order_and_beyond_the_window),
        cmocka_unit_test(test_a_killed_net_is_back_within_two_seconds),
        cmocka_unit_test(test_a_net_that_dies_of_a_frame_takes_only_that_along),
        cmocka_unit_test(test_a_net_that_dies_while_starting_is_tried_again),
        cmocka_unit_test(test_an_address_that_is_taken_is_told_in_the_end),
        cmocka_unit_test(test_what_net_does_not_take_is_bounded),
        cmocka_unit_test(test_a_net_that_talks_nonsense_is_replaced),
        cmocka_unit_test(test_the_core_hears_who_does_not_admit_us_and_who_is_not_there),
        cmocka_unit_test(test_a_net_that_babbles_leaves_the_core_its_turn),
        cmocka_unit_test(test_net_stops_as_told_or_is_stopped),
        cmocka_unit_test(test_lists_that_make_no_sense_are_refused),
    };
    kr_log_init(KR_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
