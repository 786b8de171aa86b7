/* The net process as a whole, driven as keeper drives it, with peers that do as they please. Each test has a process of its own. */
#include "net_run.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/net/meter.h"

/* ---- order of things ---- */

static void test_it_does_nothing_before_it_is_told_all(void **state)
{
    struct run *run = *state;
    expect(run, KR_NET_READY);
    tell_bind(run);
    expect_end(run, 1);
}

static void test_no_listening_without_a_list(void **state)
{
    struct run *run = *state;
    expect(run, KR_NET_READY);
    tell_secret(run);
    tell_bind(run);
    expect_end(run, 1);
}

static void test_no_listening_without_a_secret(void **state)
{
    struct run *run = *state;
    expect(run, KR_NET_READY);
    tell_allow(run, 1, true, true);
    expect(run, KR_NET_ALLOWED);
    tell_bind(run);
    expect_end(run, 1);
}

static void test_no_dialling_without_a_secret(void **state)
{
    struct run *run = *state;
    expect(run, KR_NET_READY);
    run->out = (struct kr_net_message){.type = KR_NET_DIAL, .number = 1, .text = {(const uint8_t *)"tcp://127.0.0.1:9", 17}};
    tell(run);
    expect_end(run, 1);
}

static void test_the_secret_comes_once(void **state)
{
    struct run *run = *state;
    greet(run);
    tell_secret(run);
    expect_end(run, 1);
}

static void test_it_listens_once(void **state)
{
    struct run *run = *state;
    greet(run);
    tell_bind(run);
    expect_end(run, 1);
}

static void test_what_only_net_says_ends_it(void **state)
{
    struct run *run = *state;
    greet(run);
    run->out = (struct kr_net_message){.type = KR_NET_READY};
    tell(run);
    expect_end(run, 1);
}

static void test_it_ends_with_keeper(void **state)
{
    struct run *run = *state;
    int status = 0;
    greet(run);
    kr_channel_free(run->channel);
    run->channel = NULL;
    assert_int_equal(waitpid(run->pid, &status, 0), run->pid);
    run->pid = 0;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_an_address_in_use_is_told(void **state)
{
    struct run *run = *state;
    void *listener = zmq_socket(run->context, ZMQ_ROUTER);
    size_t len = sizeof run->endpoint;
    run->dealers[run->dealer_count++] = listener;
    assert_int_equal(zmq_bind(listener, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(listener, ZMQ_LAST_ENDPOINT, run->endpoint, &len), 0);
    expect(run, KR_NET_READY);
    tell_secret(run);
    tell_allow(run, 1, true, true);
    expect(run, KR_NET_ALLOWED);
    run->out = (struct kr_net_message){.type = KR_NET_BIND, .text = {(const uint8_t *)run->endpoint, strlen(run->endpoint)}};
    tell(run);
    expect(run, KR_NET_BOUND);
    assert_true(run->in.frame.len > 0);
    assert_int_equal(run->in.text.len, 0);
}

/* ---- frames ---- */

static void test_frames_go_both_ways_to_whom_they_are_for(void **state)
{
    struct run *run = *state;
    greet(run);
    void *friend = peer(run, &run->friend), *other = peer(run, &run->other);
    say(friend, "from friend");
    expect_frame(run, FRIEND, "from friend");
    say(other, "from other");
    expect_frame(run, OTHER, "from other");
    tell_frame(run, FRIEND, "to friend", 9);
    tell_frame(run, OTHER, "to other", 8);
    expect_text(friend, "to friend");
    expect_text(other, "to other");
    assert_int_equal(zmq_recv(friend, &(char){0}, 1, ZMQ_DONTWAIT), -1);
}

static void test_a_stranger_is_refused_and_told(void **state)
{
    struct run *run = *state;
    greet(run);
    void *stranger = dealer(run, &run->stranger, NULL, 0);
    run->monitor = test_monitor(run->context, stranger, "inproc://monitor", TEST_HANDSHAKE_EVENTS);
    assert_int_equal(zmq_connect(stranger, run->endpoint), 0);
    await(run, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    expect(run, KR_NET_REFUSED);
    assert_memory_equal(run->in.key, run->stranger.public_key, 32);
    assert_true(run->in.count >= 1);
}

static void test_a_frame_for_nobody_is_lost(void **state)
{
    struct run *run = *state;
    greet(run);
    tell_frame(run, FRIEND, "x", 1); /* known, not connected */
    expect(run, KR_NET_LOST);
    assert_int_equal(run->in.number, FRIEND);
    tell_frame(run, 4711, "x", 1);
    expect(run, KR_NET_LOST);
    assert_int_equal(run->in.number, 4711);
}

static void test_messages_of_many_parts_or_none_are_dropped(void **state)
{
    struct run *run = *state;
    greet(run);
    void *friend = peer(run, &run->friend);
    assert_int_equal(zmq_send(friend, "a", 1, ZMQ_SNDMORE), 1);
    assert_int_equal(zmq_send(friend, "b", 1, 0), 1);
    assert_int_equal(zmq_send(friend, "a", 1, ZMQ_SNDMORE), 1);
    assert_int_equal(zmq_send(friend, "b", 1, ZMQ_SNDMORE), 1);
    assert_int_equal(zmq_send(friend, "c", 1, 0), 1);
    assert_int_equal(zmq_send(friend, "", 0, 0), 0);
    say(friend, "good");
    expect_frame(run, FRIEND, "good");
}

/* A line that carries both ways, but to net only so much. */
struct line {
    pthread_t thread;
    int listener, near, far; /* the peer's side, net's side */
    uint64_t left;
    bool is_cut; /* by net */
};

static bool carry(int from, int to, uint64_t *left)
{
    static uint8_t bytes[64 * KR_KIB];
    const size_t most = *left < sizeof bytes ? (size_t)*left : sizeof bytes;
    ssize_t got = recv(from, bytes, most, 0);
    for (ssize_t at = 0, put = 0; at < got; at += put) {
        put = send(to, bytes + at, (size_t)(got - at), MSG_NOSIGNAL);
        if (put <= 0) {
            return false;
        }
    }
    *left -= got > 0 ? (uint64_t)got : 0;
    return got > 0;
}

static void *carry_on(void *context)
{
    struct line *line = context;
    uint64_t endless = UINT64_MAX;
    line->near = accept4(line->listener, NULL, NULL, SOCK_CLOEXEC);
    for (bool is_up = line->near >= 0; is_up;) {
        struct pollfd pollers[] = {{.fd = line->far, .events = POLLIN}, {.fd = line->left > 0 ? line->near : -1, .events = POLLIN}};
        if (poll(pollers, 2, WAIT_MS) <= 0) {
            return NULL;
        }
        if (pollers[1].revents != 0) {
            is_up = carry(line->near, line->far, &line->left);
        }
        if (pollers[0].revents != 0 || !is_up) {
            is_up = carry(line->far, line->near, &endless) && is_up;
            line->is_cut = !is_up;
        }
    }
    return NULL;
}

/* Connects the peer by such a line. */
static void lay_line(struct run *run, struct line *line, void *from, uint64_t bytes)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    char endpoint[64];
    *line = (struct line){.left = bytes};
    line->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(line->listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(line->listener, 1), 0);
    assert_int_equal(getsockname(line->listener, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", ntohs(address.sin_port));
    address.sin_port = htons((uint16_t)strtoul(strrchr(run->endpoint, ':') + 1, NULL, 10));
    line->far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(line->far, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(pthread_create(&line->thread, NULL, carry_on, line), 0);
    assert_int_equal(zmq_connect(from, endpoint), 0);
}

static void take_line_down(struct line *line)
{
    assert_int_equal(pthread_join(line->thread, NULL), 0);
    assert_int_equal(close(line->listener) + close(line->near) + close(line->far), 0);
}

/* ZeroMQ would keep all parts of a message until the last one comes, and this one's never does. */
static void test_a_message_without_end_costs_the_connection(void **state)
{
    struct run *run = *state;
    struct line line;
    uint8_t *part = calloc(1, KR_FRAME_BYTES_MAX);
    assert_non_null(part);
    greet(run);
    void *friend = dealer(run, &run->friend, NULL, 0);
    lay_line(run, &line, friend, KR_NET_UNENDED_BYTES_MAX + 2 * KR_MIB);
    say(friend, "good");
    expect_frame(run, FRIEND, "good");
    for (uint32_t i = 0; i < KR_NET_UNENDED_BYTES_MAX / KR_FRAME_BYTES_MAX + 4; i++) {
        assert_int_equal(zmq_send(friend, part, KR_FRAME_BYTES_MAX, ZMQ_SNDMORE), KR_FRAME_BYTES_MAX);
    }
    assert_int_equal(zmq_send(friend, "end", 3, 0), 3); /* it lets none out before it has them all; the line does not carry this */
    take_line_down(&line);
    assert_true(line.is_cut);
    say(peer(run, &run->other), "still there"); /* net is, for the others */
    expect_frame(run, OTHER, "still there");
    free(part);
}

/* However much a peer sends, as long as it ends its messages. */
static void test_whole_messages_cost_nothing(void **state)
{
    struct run *run = *state;
    uint8_t *frame = calloc(1, KR_FRAME_BYTES_MAX);
    assert_non_null(frame);
    greet(run);
    void *friend = peer(run, &run->friend);
    run->monitor = test_monitor(run->context, friend, "inproc://friend", ZMQ_EVENT_DISCONNECTED);
    const int64_t until_ms = test_now_ms() + 2 * KR_METER_MS; /* so that it was looked at */
    for (uint64_t sent = 0; sent <= 2 * KR_NET_UNENDED_BYTES_MAX || test_now_ms() < until_ms; sent += KR_FRAME_BYTES_MAX) {
        assert_int_equal(zmq_send(friend, frame, KR_FRAME_BYTES_MAX, 0), KR_FRAME_BYTES_MAX);
        expect(run, KR_NET_FRAME);
        assert_int_equal(run->in.frame.len, KR_FRAME_BYTES_MAX);
        assert_int_equal(kr_channel_dealt(run->channel, KR_LANE_DATA, 1, run->in.frame.len), KR_OK);
        assert_int_equal(kr_channel_pump(run->channel), KR_OK);
    }
    assert_int_equal(test_monitor_next(run->monitor), 0);
    free(frame);
}

/* A peer that names itself: as long as the ids that ZeroMQ makes, longer, or as another does. What it said lies in the listener's
 * queue for sure when its oversized frame has cost it the connection. */
static void squat(struct run *run, const void *id, size_t len, const char *name)
{
    size_t huge_len = KR_FRAME_BYTES_MAX + 200;
    uint8_t *huge = calloc(1, huge_len);
    assert_non_null(huge);
    void *squatter = dealer(run, &run->other, id, len);
    run->monitor = test_monitor(run->context, squatter, name, ZMQ_EVENT_DISCONNECTED);
    assert_int_equal(zmq_connect(squatter, run->endpoint), 0);
    say(squatter, "evil");
    assert_int_equal(zmq_send(squatter, huge, huge_len, 0), huge_len);
    await(run, ZMQ_EVENT_DISCONNECTED);
    assert_int_equal(zmq_socket_monitor(squatter, NULL, 0), 0);
    assert_int_equal(zmq_close(run->monitor), 0);
    run->monitor = NULL;
    free(huge);
}

static void test_who_names_itself_is_not_heard(void **state)
{
    struct run *run = *state;
    greet(run);
    void *friend = peer(run, &run->friend);
    say(friend, "here");
    expect_frame(run, FRIEND, "here");
    squat(run,
          "\x01"
          "abcd",
          5, "inproc://one");
    squat(run, run->friend.public_key, 32, "inproc://two");
    say(friend, "still here");
    expect_frame(run, FRIEND, "still here");
    tell_frame(run, FRIEND, "to friend", 9);
    expect_text(friend, "to friend");
    tell_frame(run, OTHER, "to other", 8); /* nothing that it said made it known */
    expect(run, KR_NET_LOST);
    assert_int_equal(run->in.number, OTHER);
}

static void test_who_is_taken_off_the_list_is_cut(void **state)
{
    struct run *run = *state;
    greet(run);
    void *friend = dealer(run, &run->friend, NULL, 0), *other = peer(run, &run->other);
    run->monitor = test_monitor(run->context, friend, "inproc://monitor", ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    assert_int_equal(zmq_connect(friend, run->endpoint), 0);
    say(friend, "one");
    expect_frame(run, FRIEND, "one");
    tell_allow(run, 2, false, true);
    expect(run, KR_NET_ALLOWED);
    assert_int_equal(run->in.generation, 2);
    await(run, ZMQ_EVENT_DISCONNECTED);
    await(run, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH); /* it tries again, and is a stranger now */
    expect(run, KR_NET_REFUSED);
    tell_frame(run, FRIEND, "x", 1);
    expect(run, KR_NET_LOST);
    say(other, "two"); /* the others are not disturbed */
    expect_frame(run, OTHER, "two");
}

/* One key may open connections without end; only the newest that has spoken is kept. */
static void test_a_peer_has_one_connection(void **state)
{
    struct run *run = *state;
    greet(run);
    void *old = dealer(run, &run->friend, NULL, 0);
    run->monitor = test_monitor(run->context, old, "inproc://monitor", ZMQ_EVENT_DISCONNECTED);
    test_set_int(old, ZMQ_RECONNECT_IVL, -1);
    assert_int_equal(zmq_connect(old, run->endpoint), 0);
    say(old, "one");
    expect_frame(run, FRIEND, "one");
    void *other = peer(run, &run->other), *new = peer(run, &run->friend);
    say(other, "not of that key");
    expect_frame(run, OTHER, "not of that key");
    say(new, "two");
    expect_frame(run, FRIEND, "two");
    await(run, ZMQ_EVENT_DISCONNECTED);
    tell_frame(run, FRIEND, "to the newest", strlen("to the newest"));
    expect_text(new, "to the newest");
    say(other, "still here");
    expect_frame(run, OTHER, "still here");
}

/* One that was let in but had said nothing yet. */
static void test_a_silent_one_taken_off_the_list_is_not_heard(void **state)
{
    struct run *run = *state;
    greet(run);
    void *friend = dealer(run, &run->friend, NULL, 0), *other = peer(run, &run->other);
    run->monitor = test_monitor(run->context, friend, "inproc://monitor", ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED);
    assert_int_equal(zmq_connect(friend, run->endpoint), 0);
    await(run, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    tell_allow(run, 2, false, true);
    expect(run, KR_NET_ALLOWED);
    say(friend, "evil");
    await(run, ZMQ_EVENT_DISCONNECTED);
    say(other, "good");
    expect_frame(run, OTHER, "good");
}

static void test_a_full_queue_is_a_loss(void **state)
{
    struct run *run = *state;
    size_t len = 512 * KR_KIB;
    uint8_t *bytes = calloc(1, len);
    assert_non_null(bytes);
    greet(run);
    void *friend = dealer(run, &run->friend, NULL, 0);
    test_set_int(friend, ZMQ_RCVHWM, 1);
    assert_int_equal(zmq_connect(friend, run->endpoint), 0);
    say(friend, "here");
    expect_frame(run, FRIEND, "here");
    bool is_lost = false;
    for (unsigned i = 0; i < 1000 && !is_lost; i++) {
        run->out = (struct kr_net_message){.type = KR_NET_FRAME, .number = FRIEND, .frame = {bytes, len}};
        enum kr_err err = KR_BUSY;
        while (!is_lost && (err = kr_channel_send(run->channel, &run->out)) == KR_BUSY) {
            struct pollfd poller = {.fd = kr_channel_fd(run->channel), .events = POLLIN};
            poller.events |= kr_channel_wants_write(run->channel) ? POLLOUT : 0;
            assert_int_equal(poll(&poller, 1, WAIT_MS), 1);
            assert_int_equal(kr_channel_pump(run->channel), KR_OK);
            is_lost = kr_channel_receive(run->channel, &run->in) == KR_OK && run->in.type == KR_NET_LOST;
        }
        assert_true(is_lost || err == KR_OK);
    }
    assert_true(is_lost);
    assert_int_equal(run->in.number, FRIEND);
    free(bytes);
}

/* Frames that nobody takes do not hold up the end; those that are taken arrive. */
static void test_it_stops_in_time(void **state)
{
    struct run *run = *state;
    greet(run);
    void *friend = peer(run, &run->friend);
    say(friend, "here");
    expect_frame(run, FRIEND, "here");
    tell_frame(run, FRIEND, "last", 4);
    run->out = (struct kr_net_message){.type = KR_NET_STOP};
    int64_t begin_ms = test_now_ms();
    tell(run);
    expect_end(run, 0);
    assert_true(test_now_ms() - begin_ms < 900);
    expect_text(friend, "last");
}

static void test_it_stops_in_time_while_it_dials_nobody(void **state)
{
    struct run *run = *state;
    greet(run);
    run->out = (struct kr_net_message){.type = KR_NET_DIAL, .number = FRIEND, .text = {(const uint8_t *)"tcp://127.0.0.1:1", 17}};
    memcpy(run->out.key, run->friend.public_key, 32);
    tell(run);
    tell_frame(run, FRIEND, "x", 1);
    expect(run, KR_NET_LOST);
    run->out = (struct kr_net_message){.type = KR_NET_STOP};
    int64_t begin_ms = test_now_ms();
    tell(run);
    expect_end(run, 0);
    assert_true(test_now_ms() - begin_ms < 900);
}

/* A second net dials the first, with a ticket's key. */
static void test_two_of_them_meet(void **state)
{
    struct run *run = *state;
    static struct run dialler;
    greet(run);
    dialler = (struct run){.own = run->stranger};
    start_net(&dialler);
    expect(&dialler, KR_NET_READY);
    tell_secret(&dialler);
    dialler.out = (struct kr_net_message){.type = KR_NET_DIAL, .number = 5, .has_secret = true};
    dialler.out.text = (struct kr_slice){(const uint8_t *)run->endpoint, strlen(run->endpoint)};
    memcpy(dialler.out.key, run->own.public_key, 32);
    memcpy(dialler.out.secret, run->other.secret, 32);
    tell(&dialler);
    int64_t until_ms = test_now_ms() + WAIT_MS;
    bool has_arrived = false;
    while (!has_arrived) { /* until it is connected, frames are lost */
        tell_frame(&dialler, 5, "through", 7);
        struct pollfd pollers[] = {{.fd = kr_channel_fd(run->channel), .events = POLLIN},
                                   {.fd = kr_channel_fd(dialler.channel), .events = POLLIN}};
        bool is_there = kr_channel_has_message(run->channel) || kr_channel_has_message(dialler.channel);
        assert_true(is_there || poll(pollers, 2, WAIT_MS) > 0);
        assert_int_equal(kr_channel_pump(dialler.channel), KR_OK);
        assert_int_equal(kr_channel_pump(run->channel), KR_OK);
        while (kr_channel_receive(dialler.channel, &dialler.in) == KR_OK) {
            assert_int_equal(dialler.in.type, KR_NET_LOST);
        }
        has_arrived = kr_channel_has_message(run->channel);
        assert_true(test_now_ms() < until_ms);
    }
    expect_frame(run, OTHER, "through");
    tell_frame(run, OTHER, "and back", 8);
    expect_frame(&dialler, 5, "and back");
    end_net(run); /* the dialler is told, though ZeroMQ would quietly dial again */
    expect(&dialler, KR_NET_LOST);
    assert_int_equal(dialler.in.number, 5);
    dialler.out = (struct kr_net_message){.type = KR_NET_HANGUP, .number = 5};
    tell(&dialler);
    tell_frame(&dialler, 5, "x", 1);
    expect(&dialler, KR_NET_LOST);
    end_net(&dialler);
}

/* ZeroMQ itself gives up after this: who dialled must hear why, and may dial anew. Often, because what ended must not hold up what
 * is dialled next: ZeroMQ's own thread still has things to say of it. */
static void test_who_is_not_admitted_hears_so(void **state)
{
    struct run *run = *state;
    static struct run dialler;
    greet(run);
    dialler = (struct run){.own = run->stranger};
    start_net(&dialler);
    expect(&dialler, KR_NET_READY);
    tell_secret(&dialler);
    for (uint32_t i = 0; i < 1000; i++) {
        dialler.out = (struct kr_net_message){.type = KR_NET_DIAL, .number = 5 + i};
        dialler.out.text = (struct kr_slice){(const uint8_t *)run->endpoint, strlen(run->endpoint)};
        memcpy(dialler.out.key, run->own.public_key, 32);
        tell(&dialler);
        expect(&dialler, KR_NET_TURNED_AWAY);
        assert_int_equal(dialler.in.number, 5 + i);
    }
    end_net(&dialler);
}

/* A dial that is only tried tells what came of it, and is over. */
static void test_a_trial_tells_what_came_of_it(void **state)
{
    struct run *run = *state;
    static struct run dialler;
    static const uint32_t outcomes[] = {KR_NET_CONNECTED, KR_NET_LOST, KR_NET_LOST}; /* the one, another key, nobody */
    greet(run);
    dialler = (struct run){.own = run->friend};
    start_net(&dialler);
    expect(&dialler, KR_NET_READY);
    tell_secret(&dialler);
    for (uint32_t i = 0; i < 3; i++) {
        const char *endpoint = i < 2 ? run->endpoint : "tcp://127.0.0.1:1";
        dialler.out = (struct kr_net_message){.type = KR_NET_DIAL, .number = KR_NET_TRIAL};
        dialler.out.text = (struct kr_slice){(const uint8_t *)endpoint, strlen(endpoint)};
        memcpy(dialler.out.key, i == 0 ? run->own.public_key : run->stranger.public_key, 32);
        tell(&dialler);
        expect(&dialler, outcomes[i]);
        assert_int_equal(dialler.in.number, KR_NET_TRIAL);
    }
    end_net(&dialler);
}

/* Who dials with a ticket hears of each try that makes no connection; the dial of a link is quiet about it. */
static void test_a_ticket_that_reaches_nobody_is_told(void **state)
{
    struct run *run = *state;
    static struct run dialler;
    greet(run);
    dialler = (struct run){.own = run->friend};
    start_net(&dialler);
    expect(&dialler, KR_NET_READY);
    tell_secret(&dialler);
    dialler.out = (struct kr_net_message){.type = KR_NET_DIAL, .text = {(const uint8_t *)"tcp://127.0.0.1:1", 17}};
    memcpy(dialler.out.key, run->own.public_key, 32);
    memcpy(dialler.out.secret, run->other.secret, 32);
    for (uint32_t number = 7; number <= 8; number++) {
        dialler.out.number = number;
        dialler.out.has_secret = number == 8;
        tell(&dialler);
    }
    for (uint32_t i = 0; i < 3; i++) { /* it is tried again */
        expect(&dialler, KR_NET_UNREACHED);
        assert_int_equal(dialler.in.number, 8);
    }
    end_net(&dialler);
}

#define NET_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        NET_TEST(test_it_does_nothing_before_it_is_told_all),
        NET_TEST(test_no_listening_without_a_list),
        NET_TEST(test_no_listening_without_a_secret),
        NET_TEST(test_no_dialling_without_a_secret),
        NET_TEST(test_the_secret_comes_once),
        NET_TEST(test_it_listens_once),
        NET_TEST(test_what_only_net_says_ends_it),
        NET_TEST(test_it_ends_with_keeper),
        NET_TEST(test_an_address_in_use_is_told),
        NET_TEST(test_frames_go_both_ways_to_whom_they_are_for),
        NET_TEST(test_a_stranger_is_refused_and_told),
        NET_TEST(test_a_frame_for_nobody_is_lost),
        NET_TEST(test_messages_of_many_parts_or_none_are_dropped),
        NET_TEST(test_a_message_without_end_costs_the_connection),
        NET_TEST(test_whole_messages_cost_nothing),
        NET_TEST(test_who_names_itself_is_not_heard),
        NET_TEST(test_who_is_taken_off_the_list_is_cut),
        NET_TEST(test_a_peer_has_one_connection),
        NET_TEST(test_a_silent_one_taken_off_the_list_is_not_heard),
        NET_TEST(test_a_full_queue_is_a_loss),
        NET_TEST(test_it_stops_in_time),
        NET_TEST(test_it_stops_in_time_while_it_dials_nobody),
        NET_TEST(test_two_of_them_meet),
        NET_TEST(test_who_is_not_admitted_hears_so),
        NET_TEST(test_a_trial_tells_what_came_of_it),
        NET_TEST(test_a_ticket_that_reaches_nobody_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
