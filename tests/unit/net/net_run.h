/* The net process as a whole, driven as keeper drives it, for the tests that do so. */
#ifndef KR_TEST_NET_RUN_H
#define KR_TEST_NET_RUN_H

#include "net_test.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/net/channel.h"
#include "node/net/net.h"

#define DEALERS_MAX 8u

enum { FRIEND = 7, OTHER = 9 }; /* peer numbers */

struct run {
    pid_t pid;
    struct kr_channel *channel;
    void *context, *dealers[DEALERS_MAX], *monitor;
    unsigned dealer_count;
    struct kr_curve own, friend, other, stranger;
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1];
    struct kr_net_message in, out;
};

static inline void start_net(struct run *run)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    run->pid = fork();
    assert_true(run->pid >= 0);
    if (run->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        (void)close(pair[0]);
        _exit(kr_net_main(pair[1]));
    }
    assert_int_equal(close(pair[1]), 0);
    assert_int_equal(kr_channel_new(pair[0], &run->channel), KR_OK);
}

static inline int set_up(void **state)
{
    struct run *run = calloc(1, sizeof *run);
    assert_non_null(run);
    assert_true(sodium_init() >= 0);
    run->own = test_curve(1);
    run->friend = test_curve(2);
    run->other = test_curve(3);
    run->stranger = test_curve(4);
    start_net(run); /* the fork comes first: ZeroMQ's threads would not survive it */
    run->context = zmq_ctx_new();
    *state = run;
    return run->context == NULL;
}

static inline void end_net(struct run *run)
{
    kr_channel_free(run->channel);
    run->channel = NULL;
    if (run->pid > 0) {
        (void)kill(run->pid, SIGKILL);
        (void)waitpid(run->pid, NULL, 0);
        run->pid = 0;
    }
}

static inline int tear_down(void **state)
{
    struct run *run = *state;
    end_net(run);
    for (unsigned i = 0; i < run->dealer_count; i++) {
        assert_int_equal(zmq_close(run->dealers[i]), 0);
    }
    if (run->monitor != NULL) {
        assert_int_equal(zmq_close(run->monitor), 0);
    }
    assert_int_equal(zmq_ctx_term(run->context), 0);
    free(run);
    return 0;
}

/* ---- talking to it ---- */

static inline void tell(struct run *run)
{
    assert_int_equal(kr_channel_send(run->channel, &run->out), KR_OK);
    enum kr_err err = kr_channel_pump(run->channel);
    assert_true(err == KR_OK || err == KR_CLOSED); /* it may end on this very message */
}

/* The next message but log lines, in run->in; false at the end of the channel. */
static inline bool hear(struct run *run)
{
    int64_t until_ms = test_now_ms() + WAIT_MS;
    enum kr_err pumped = KR_OK;
    for (;;) {
        enum kr_err err = kr_channel_receive(run->channel, &run->in);
        if (err == KR_OK && run->in.type != KR_NET_LOG) {
            return true;
        }
        if (err == KR_CLOSED || (err == KR_NOT_FOUND && pumped == KR_CLOSED)) {
            return false;
        }
        if (err == KR_NOT_FOUND) {
            struct pollfd poller = {.fd = kr_channel_fd(run->channel), .events = POLLIN};
            poller.events |= kr_channel_wants_write(run->channel) ? POLLOUT : 0;
            assert_int_equal(poll(&poller, 1, WAIT_MS), 1);
            pumped = kr_channel_pump(run->channel);
        }
        assert_true(test_now_ms() < until_ms);
    }
}

static inline void expect(struct run *run, uint32_t type)
{
    assert_true(hear(run));
    assert_int_equal(run->in.type, type);
}

static inline void tell_secret(struct run *run)
{
    run->out = (struct kr_net_message){.type = KR_NET_SECRET, .has_secret = true};
    memcpy(run->out.secret, run->own.secret, 32);
    memcpy(run->out.key, run->own.public_key, 32);
    tell(run);
}

static inline void tell_allow(struct run *run, uint64_t generation, bool has_friend, bool has_other)
{
    run->out = (struct kr_net_message){.type = KR_NET_ALLOW, .generation = generation};
    if (has_friend) {
        struct kr_net_entry *entry = &run->out.entries[run->out.entry_count++];
        *entry = (struct kr_net_entry){.number = FRIEND, .kind = KR_NET_PEER};
        memcpy(entry->key, run->friend.public_key, 32);
    }
    if (has_other) {
        struct kr_net_entry *entry = &run->out.entries[run->out.entry_count++];
        *entry = (struct kr_net_entry){.number = OTHER, .kind = KR_NET_TICKET};
        memcpy(entry->key, run->other.public_key, 32);
    }
    tell(run);
}

static inline void tell_bind(struct run *run)
{
    run->out = (struct kr_net_message){.type = KR_NET_BIND, .text = {(const uint8_t *)"tcp://127.0.0.1:0", 17}};
    tell(run);
}

static inline void tell_frame(struct run *run, uint32_t number, const void *bytes, size_t len)
{
    run->out = (struct kr_net_message){.type = KR_NET_FRAME, .number = number, .frame = {bytes, len}};
    tell(run);
}

/* Up to a listening socket that lets both in. */
static inline void greet(struct run *run)
{
    expect(run, KR_NET_READY);
    assert_true((run->in.count & 5) == 5); /* no new privileges, seccomp */
    tell_secret(run);
    tell_allow(run, 1, true, true);
    expect(run, KR_NET_ALLOWED);
    assert_int_equal(run->in.generation, 1);
    tell_bind(run);
    expect(run, KR_NET_BOUND);
    assert_int_equal(run->in.frame.len, 0);
    assert_true(kr_slice_text(run->in.text, run->endpoint, sizeof run->endpoint));
}

static inline void expect_frame(struct run *run, uint32_t number, const char *text)
{
    expect(run, KR_NET_FRAME);
    assert_int_equal(run->in.number, number);
    assert_int_equal(run->in.frame.len, strlen(text));
    assert_memory_equal(run->in.frame.bytes, text, strlen(text));
}

static inline void expect_end(struct run *run, int wanted)
{
    int status = 0;
    assert_false(hear(run));
    assert_int_equal(waitpid(run->pid, &status, 0), run->pid);
    run->pid = 0;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), wanted);
}

/* ---- peers ---- */

static inline void *dealer(struct run *run, const struct kr_curve *key, const void *routing_id, size_t len)
{
    assert_true(run->dealer_count < DEALERS_MAX);
    void *socket = test_dealer(run->context, key, run->own.public_key);
    run->dealers[run->dealer_count++] = socket;
    if (len > 0) {
        assert_int_equal(zmq_setsockopt(socket, ZMQ_ROUTING_ID, routing_id, len), 0);
    }
    return socket;
}

static inline void *peer(struct run *run, const struct kr_curve *key)
{
    void *socket = dealer(run, key, NULL, 0);
    assert_int_equal(zmq_connect(socket, run->endpoint), 0);
    return socket;
}

static inline void say(void *socket, const char *text)
{
    assert_int_equal(zmq_send(socket, text, strlen(text), 0), strlen(text));
}

static inline void expect_text(void *socket, const char *text)
{
    char got[64];
    assert_int_equal(zmq_recv(socket, got, sizeof got, 0), strlen(text));
    assert_memory_equal(got, text, strlen(text));
}

static inline void await(struct run *run, int events)
{
    zmq_pollitem_t item = {.socket = run->monitor, .events = ZMQ_POLLIN};
    int event = 0;
    do {
        assert_int_equal(zmq_poll(&item, 1, WAIT_MS), 1);
        event = test_monitor_next(run->monitor);
    } while ((event & events) == 0);
}

#endif
