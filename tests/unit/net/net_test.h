/* What the tests of this folder share: cmocka with its prerequisites, CURVE keys, and peers that do as they please. */
#ifndef KR_TEST_NET_H
#define KR_TEST_NET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "node/net/sockets.h"

#define WAIT_MS 10000 /* nothing that should happen takes so long */

static inline int64_t test_now_ms(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline struct kr_curve test_curve(uint8_t seed)
{
    struct kr_curve curve;
    memset(curve.secret, seed, sizeof curve.secret);
    assert_int_equal(crypto_scalarmult_base(curve.public_key, curve.secret), 0);
    return curve;
}

static inline void test_set_int(void *socket, int option, int value)
{
    assert_int_equal(zmq_setsockopt(socket, option, &value, sizeof value), 0);
}

/* A peer's dialling socket with nothing set but CURVE. Not connected yet. */
static inline void *test_dealer(void *context, const struct kr_curve *own, const uint8_t server_key[static 32])
{
    void *socket = zmq_socket(context, ZMQ_DEALER);
    assert_non_null(socket);
    test_set_int(socket, ZMQ_LINGER, 0);
    test_set_int(socket, ZMQ_RCVTIMEO, WAIT_MS);
    test_set_int(socket, ZMQ_SNDTIMEO, WAIT_MS);
    assert_int_equal(zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, own->public_key, 32), 0);
    assert_int_equal(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, own->secret, 32), 0);
    assert_int_equal(zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server_key, 32), 0);
    return socket;
}

/* ---- what ZeroMQ says about a socket's connections ---- */

#define TEST_HANDSHAKE_EVENTS                                                                                                      \
    (ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |                       \
     ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)

static inline void *test_monitor(void *context, void *socket, const char *name, int events)
{
    assert_int_equal(zmq_socket_monitor(socket, name, events), 0);
    void *monitor = zmq_socket(context, ZMQ_PAIR);
    assert_non_null(monitor);
    test_set_int(monitor, ZMQ_LINGER, 0);
    assert_int_equal(zmq_connect(monitor, name), 0);
    return monitor;
}

/* The next event, 0 where none waits. */
static inline int test_monitor_next(void *monitor)
{
    uint8_t event[6];
    uint8_t address[256];
    uint16_t number = 0;
    if (zmq_recv(monitor, event, sizeof event, ZMQ_DONTWAIT) != (int)sizeof event) {
        return 0;
    }
    assert_true(zmq_recv(monitor, address, sizeof address, 0) >= 0);
    memcpy(&number, event, sizeof number);
    return number;
}

#endif
