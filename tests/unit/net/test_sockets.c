/* Who may connect: ZeroMQ's authentication fails closed in every way that it can be met. Real sockets on loopback. */
#include "net_test.h"

#include <stdio.h>
#include <stdlib.h>

/* A listening socket, its handler, and what became of the last handshake. */
struct world {
    void *context, *zap, *router, *monitor, *dealer;
    struct kr_curve own, friend, stranger;
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1];
    unsigned refused;
    uint8_t refused_key[32];
};

static bool may_connect(void *context, const uint8_t key[static 32])
{
    const struct world *world = context;
    return memcmp(key, world->friend.public_key, 32) == 0;
}

static void *listener_by_hand(struct world *world, const char *domain, int enforces)
{
    size_t len = sizeof world->endpoint;
    void *socket = zmq_socket(world->context, ZMQ_ROUTER);
    assert_non_null(socket);
    test_set_int(socket, ZMQ_LINGER, 0);
    test_set_int(socket, ZMQ_CURVE_SERVER, 1);
    test_set_int(socket, 93 /* ZMQ_ZAP_ENFORCE_DOMAIN */, enforces);
    if (domain[0] != 0) {
        assert_int_equal(zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain)), 0);
    }
    assert_int_equal(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, world->own.secret, 32), 0);
    assert_int_equal(zmq_bind(socket, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, world->endpoint, &len), 0);
    return socket;
}

static void watch(struct world *world)
{
    world->monitor =
        test_monitor(world->context, world->router, "inproc://monitor", TEST_HANDSHAKE_EVENTS | ZMQ_EVENT_DISCONNECTED);
}

static int set_up_context(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    assert_true(sodium_init() >= 0);
    world->own = test_curve(1);
    world->friend = test_curve(2);
    world->stranger = test_curve(3);
    world->context = zmq_ctx_new();
    *state = world;
    return world->context == NULL;
}

static int set_up(void **state)
{
    (void)set_up_context(state);
    struct world *world = *state;
    struct kr_error error = {0};
    assert_int_equal(kr_zap_bind(world->context, &world->zap), KR_OK);
    assert_int_equal(kr_router_new(world->context, &world->own, "tcp://127.0.0.1:*", &world->router, world->endpoint, &error),
                     KR_OK);
    assert_int_equal(strncmp(world->endpoint, "tcp://127.0.0.1:", 16), 0); /* as it was written, not [::ffff:127.0.0.1] */
    watch(world);
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    void *const sockets[] = {world->dealer, world->monitor, world->router, world->zap};
    for (size_t i = 0; i < 4; i++) {
        if (sockets[i] != NULL) {
            assert_int_equal(zmq_close(sockets[i]), 0);
        }
    }
    assert_int_equal(zmq_ctx_term(world->context), 0);
    free(world);
    return 0;
}

/* Answers ZAP until the listener tells of one of `events`; returns that. */
static int await(struct world *world, int events)
{
    int64_t until_ms = test_now_ms() + WAIT_MS;
    for (;;) {
        bool is_refused = false;
        uint8_t key[32];
        zmq_pollitem_t items[] = {{.socket = world->monitor, .events = ZMQ_POLLIN}, {.socket = world->zap, .events = ZMQ_POLLIN}};
        assert_true(zmq_poll(items, world->zap == NULL ? 1 : 2, WAIT_MS) >= 0);
        while (world->zap != NULL && kr_zap_answer(world->zap, may_connect, world, &is_refused, key)) {
            world->refused += is_refused;
            memcpy(world->refused_key, key, 32);
        }
        int event = test_monitor_next(world->monitor);
        if ((event & events) != 0) {
            return event;
        }
        assert_true(test_now_ms() < until_ms);
    }
}

static void hang_up(struct world *world)
{
    assert_int_equal(zmq_close(world->dealer), 0);
    world->dealer = NULL;
}

/* What becomes of one who connects with this key. */
static int try_key(struct world *world, const struct kr_curve *key)
{
    world->dealer = test_dealer(world->context, key, world->own.public_key);
    assert_int_equal(zmq_connect(world->dealer, world->endpoint), 0);
    int event = await(world, TEST_HANDSHAKE_EVENTS);
    hang_up(world);
    return event;
}

static void test_a_known_key_is_let_in_and_named(void **state)
{
    struct world *world = *state;
    struct kr_error error = {0};
    char hex[65];
    assert_int_equal(kr_dealer_new(world->context, &world->friend, world->own.public_key, world->endpoint, NULL, false,
                                   &world->dealer, NULL, &error),
                     KR_OK);
    assert_int_equal(await(world, TEST_HANDSHAKE_EVENTS), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    zmq_pollitem_t item = {.socket = world->dealer, .events = ZMQ_POLLOUT};
    assert_int_equal(zmq_poll(&item, 1, WAIT_MS), 1);
    assert_int_equal(zmq_send(world->dealer, "hello", 5, 0), 5);
    item = (zmq_pollitem_t){.socket = world->router, .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, WAIT_MS), 1);
    zmq_msg_t route, frame;
    (void)zmq_msg_init(&route);
    (void)zmq_msg_init(&frame);
    assert_int_equal(zmq_msg_recv(&route, world->router, 0), 5);
    assert_int_equal(zmq_msg_recv(&frame, world->router, 0), 5);
    sodium_bin2hex(hex, sizeof hex, world->friend.public_key, 32);
    assert_string_equal(zmq_msg_gets(&frame, "User-Id"), hex);
    assert_int_equal(world->refused, 0);
    (void)zmq_msg_close(&route);
    (void)zmq_msg_close(&frame);
    hang_up(world);
}

static void test_an_unknown_key_is_refused(void **state)
{
    struct world *world = *state;
    assert_int_equal(try_key(world, &world->stranger), ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    assert_int_equal(world->refused, 1);
    assert_memory_equal(world->refused_key, world->stranger.public_key, 32);
}

static void test_a_dead_handler_refuses_everybody(void **state)
{
    struct world *world = *state;
    /* Closing goes on behind us; who asked a handler that is about to go would wait until the handshake is given up. */
    void *monitor = test_monitor(world->context, world->zap, "inproc://handler", ZMQ_EVENT_MONITOR_STOPPED);
    zmq_pollitem_t item = {.socket = monitor, .events = ZMQ_POLLIN};
    assert_int_equal(zmq_close(world->zap), 0);
    world->zap = NULL;
    assert_int_equal(zmq_poll(&item, 1, WAIT_MS), 1);
    assert_int_equal(test_monitor_next(monitor), ZMQ_EVENT_MONITOR_STOPPED);
    assert_int_equal(zmq_close(monitor), 0);
    assert_int_not_equal(try_key(world, &world->friend), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    assert_int_not_equal(try_key(world, &world->stranger), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
}

static void test_no_handler_at_all_refuses_everybody(void **state)
{
    struct world *world = *state;
    struct kr_error error = {0};
    assert_int_equal(kr_router_new(world->context, &world->own, "tcp://127.0.0.1:*", &world->router, world->endpoint, &error),
                     KR_OK);
    watch(world);
    assert_int_not_equal(try_key(world, &world->friend), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
}

/* Why the options matter: the same socket without them lets strangers in. */
static void test_without_a_domain_it_would_fail_open(void **state)
{
    struct world *world = *state;
    world->router = listener_by_hand(world, "", 0);
    watch(world);
    assert_int_equal(try_key(world, &world->stranger), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
}

static void test_without_enforcement_it_would_fail_open(void **state)
{
    struct world *world = *state;
    world->router = listener_by_hand(world, "kairan", 0);
    watch(world);
    assert_int_equal(try_key(world, &world->stranger), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
}

static void test_our_listener_has_domain_and_enforcement(void **state)
{
    struct world *world = *state;
    char domain[32] = "";
    int value = 0;
    size_t len = sizeof domain;
    assert_int_equal(zmq_getsockopt(world->router, ZMQ_ZAP_DOMAIN, domain, &len), 0);
    assert_string_equal(domain, "kairan");
    len = sizeof value;
    assert_int_equal(zmq_getsockopt(world->router, 93, &value, &len), 0);
    assert_int_equal(value, 1);
    assert_int_equal(zmq_getsockopt(world->router, ZMQ_MECHANISM, &value, &len), 0);
    assert_int_equal(value, ZMQ_CURVE);
    assert_int_equal(zmq_getsockopt(world->router, ZMQ_CURVE_SERVER, &value, &len), 0);
    assert_int_equal(value, 1);
}

static int int_option(void *socket, int option)
{
    int value = -1;
    size_t len = sizeof value;
    assert_int_equal(zmq_getsockopt(socket, option, &value, &len), 0);
    return value;
}

/* What a connection may make this process hold, and how long a peer that was away has to wait: on the listener and on a dial. */
static void test_our_sockets_have_their_bounds(void **state)
{
    struct world *world = *state;
    struct kr_error error = {0};
    assert_int_equal(kr_dealer_new(world->context, &world->own, world->friend.public_key, world->endpoint, NULL, false,
                                   &world->dealer, NULL, &error),
                     KR_OK);
    void *const sockets[] = {world->router, world->dealer};
    for (size_t i = 0; i < 2; i++) {
        int64_t bytes_max = -1;
        size_t len = sizeof bytes_max;
        assert_int_equal(int_option(sockets[i], ZMQ_RCVHWM), KR_NET_FRAMES_MAX);
        assert_in_range(int_option(sockets[i], ZMQ_SNDHWM), 1, 64); /* 0: as many as they like */
        assert_int_equal(zmq_getsockopt(sockets[i], ZMQ_MAXMSGSIZE, &bytes_max, &len), 0);
        assert_in_range(bytes_max, KR_FRAME_BYTES_MAX, KR_FRAME_BYTES_MAX + 1024);
        assert_in_range(int_option(sockets[i], ZMQ_HANDSHAKE_IVL), 1, 10000);
        assert_in_range(int_option(sockets[i], ZMQ_HEARTBEAT_IVL), 1, 10000);
    }
    assert_int_equal(int_option(world->dealer, ZMQ_IMMEDIATE), 1);
    assert_in_range(int_option(world->dealer, ZMQ_RECONNECT_IVL), 1, int_option(world->dealer, ZMQ_RECONNECT_IVL_MAX));
    assert_in_range(int_option(world->dealer, ZMQ_RECONNECT_IVL_MAX), 1, 5000); /* 0: always the shortest wait */
}

static void test_another_domain_is_refused(void **state)
{
    struct world *world = *state;
    assert_int_equal(kr_zap_bind(world->context, &world->zap), KR_OK);
    world->router = listener_by_hand(world, "other", 1);
    watch(world);
    assert_int_not_equal(try_key(world, &world->friend), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    assert_int_equal(world->refused, 1);
}

static void test_who_has_a_wrong_server_key_does_not_get_in(void **state)
{
    struct world *world = *state;
    world->dealer = test_dealer(world->context, &world->friend, world->stranger.public_key);
    assert_int_equal(zmq_connect(world->dealer, world->endpoint), 0);
    assert_int_not_equal(await(world, TEST_HANDSHAKE_EVENTS), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    hang_up(world);
    assert_int_equal(world->refused, 0); /* not even asked */
}

static void test_null_and_plain_are_refused(void **state)
{
    struct world *world = *state;
    for (unsigned round = 0; round < 2; round++) {
        world->dealer = zmq_socket(world->context, ZMQ_DEALER);
        assert_non_null(world->dealer);
        test_set_int(world->dealer, ZMQ_LINGER, 0);
        if (round == 1) {
            assert_int_equal(zmq_setsockopt(world->dealer, ZMQ_PLAIN_USERNAME, "admin", 5), 0);
            assert_int_equal(zmq_setsockopt(world->dealer, ZMQ_PLAIN_PASSWORD, "admin", 5), 0);
        }
        assert_int_equal(zmq_connect(world->dealer, world->endpoint), 0);
        assert_int_not_equal(await(world, TEST_HANDSHAKE_EVENTS), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        hang_up(world);
    }
}

static void test_an_oversized_frame_closes_the_connection(void **state)
{
    struct world *world = *state;
    size_t len = KR_FRAME_BYTES_MAX + 200;
    uint8_t *bytes = calloc(1, len);
    assert_non_null(bytes);
    world->dealer = test_dealer(world->context, &world->friend, world->own.public_key);
    assert_int_equal(zmq_connect(world->dealer, world->endpoint), 0);
    assert_int_equal(await(world, TEST_HANDSHAKE_EVENTS), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    assert_int_equal(zmq_send(world->dealer, bytes, KR_FRAME_BYTES_MAX, 0), KR_FRAME_BYTES_MAX); /* the largest passes */
    assert_int_equal(zmq_send(world->dealer, bytes, len, 0), len);
    assert_int_equal(await(world, ZMQ_EVENT_DISCONNECTED), ZMQ_EVENT_DISCONNECTED);
    assert_int_equal(zmq_recv(world->router, bytes, 5, 0), 5);
    assert_int_equal(zmq_recv(world->router, bytes, len, 0), KR_FRAME_BYTES_MAX);
    assert_int_equal(zmq_recv(world->router, bytes, 5, ZMQ_DONTWAIT), -1);
    hang_up(world);
    free(bytes);
}

/* ---- the handler alone, asked by whoever can reach it ---- */

static void ask(void *request, const char *const *parts, unsigned count, size_t key_len)
{
    static const uint8_t key[64];
    for (unsigned i = 0; i < count; i++) {
        assert_true(zmq_send(request, parts[i], strlen(parts[i]), ZMQ_SNDMORE) >= 0);
    }
    assert_true(zmq_send(request, key, key_len, 0) >= 0);
}

static bool may_always(void *context, const uint8_t key[static 32])
{
    (void)context;
    (void)key;
    return true;
}

static void test_odd_requests_are_refused(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *parts[8];
        size_t key_len;
        unsigned count;
        bool is_good;
    } cases[] = {
        {{"1.0", "1", "kairan", "127.0.0.1", "", "CURVE"}, 32, 6, true},
        {{"2.0", "1", "kairan", "127.0.0.1", "", "CURVE"}, 32, 6, false},
        {{"1.0", "1", "", "127.0.0.1", "", "CURVE"}, 32, 6, false},
        {{"1.0", "1", "kairan2", "127.0.0.1", "", "CURVE"}, 32, 6, false},
        {{"1.0", "1", "kairan", "127.0.0.1", "", "NULL"}, 32, 6, false},
        {{"1.0", "1", "kairan", "127.0.0.1", "", "CURVE"}, 31, 6, false},
        {{"1.0", "1", "kairan", "127.0.0.1", "", "CURVE"}, 33, 6, false},
        {{"1.0", "1", "kairan", "127.0.0.1", "", "CURVE", "more"}, 32, 7, false},
        {{"1.0", "1", "kairan", "127.0.0.1", ""}, 32, 5, false},
        {{"1.0"}, 32, 0, false},
    };
    assert_int_equal(kr_zap_bind(world->context, &world->zap), KR_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[32] = "";
        bool is_refused = false;
        uint8_t key[32];
        void *request = zmq_socket(world->context, ZMQ_REQ);
        assert_non_null(request);
        test_set_int(request, ZMQ_LINGER, 0);
        assert_int_equal(zmq_connect(request, "inproc://zeromq.zap.01"), 0);
        ask(request, cases[i].parts, cases[i].count, cases[i].key_len);
        zmq_pollitem_t item = {.socket = world->zap, .events = ZMQ_POLLIN};
        assert_int_equal(zmq_poll(&item, 1, WAIT_MS), 1);
        assert_true(kr_zap_answer(world->zap, may_always, NULL, &is_refused, key));
        assert_int_equal(is_refused, !cases[i].is_good);
        assert_int_equal(zmq_recv(request, text, sizeof text, 0), 3);
        assert_true(zmq_recv(request, text, sizeof text, 0) >= 0);
        assert_int_equal(zmq_recv(request, text, sizeof text, 0), 3);
        assert_memory_equal(text, cases[i].is_good ? "200" : "400", 3);
        assert_int_equal(zmq_close(request), 0);
    }
    bool is_refused = false;
    uint8_t key[32];
    assert_false(kr_zap_answer(world->zap, may_always, NULL, &is_refused, key));
}

static void test_addresses_that_cannot_be_are_told(void **state)
{
    struct world *world = *state;
    struct kr_error error = {0};
    void *socket = NULL;
    char bound[KR_ENDPOINT_BYTES_MAX + 1];
    assert_int_equal(kr_router_new(world->context, &world->own, world->endpoint, &socket, bound, &error), KR_SYSTEM); /* in use */
    assert_non_null(strstr(error.text, world->endpoint));
    assert_int_equal(
        kr_dealer_new(world->context, &world->own, world->own.public_key, "nonsense", NULL, false, &socket, NULL, &error),
        KR_SYSTEM);
    assert_null(socket);
}

/* Whoever dials hears that it is not admitted only where it listened before it dialled: ZeroMQ does not try again. */
static uint32_t connections_before_monitor, tcp_connections, closed_before_events_ended;
static void *told_of; /* the socket whose events somebody reads */

int __real_zmq_connect(void *socket, const char *endpoint);
int __wrap_zmq_connect(void *socket, const char *endpoint);
int __real_zmq_socket_monitor(void *socket, const char *endpoint, int events);
int __wrap_zmq_socket_monitor(void *socket, const char *endpoint, int events);
int __real_zmq_close(void *socket);
int __wrap_zmq_close(void *socket);

int __wrap_zmq_connect(void *socket, const char *endpoint)
{
    tcp_connections += strncmp(endpoint, "tcp:", 4) == 0;
    return __real_zmq_connect(socket, endpoint);
}

int __wrap_zmq_socket_monitor(void *socket, const char *endpoint, int events)
{
    connections_before_monitor = tcp_connections;
    told_of = endpoint != NULL ? socket : NULL;
    return __real_zmq_socket_monitor(socket, endpoint, events);
}

int __wrap_zmq_close(void *socket)
{
    closed_before_events_ended += told_of != NULL;
    return __real_zmq_close(socket);
}

static void test_a_dealer_listens_before_it_dials(void **state)
{
    struct world *world = *state;
    struct kr_error error = {0};
    void *monitor = NULL;
    tcp_connections = 0;
    assert_int_equal(kr_dealer_new(world->context, &world->friend, world->own.public_key, world->endpoint, "inproc://dial", false,
                                   &world->dealer, &monitor, &error),
                     KR_OK);
    assert_non_null(monitor);
    assert_int_equal(tcp_connections, 1);
    assert_int_equal(connections_before_monitor, 0);
    closed_before_events_ended = 0;
    kr_dealer_free(world->dealer, monitor); /* the thread that all sockets share would wait with an event that nobody reads */
    world->dealer = NULL;
    assert_int_equal(closed_before_events_ended, 0);
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define BARE_TEST(test)  cmocka_unit_test_setup_teardown(test, set_up_context, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_a_dealer_listens_before_it_dials),
        WORLD_TEST(test_a_known_key_is_let_in_and_named),
        WORLD_TEST(test_an_unknown_key_is_refused),
        WORLD_TEST(test_a_dead_handler_refuses_everybody),
        BARE_TEST(test_no_handler_at_all_refuses_everybody),
        BARE_TEST(test_without_a_domain_it_would_fail_open),
        BARE_TEST(test_without_enforcement_it_would_fail_open),
        WORLD_TEST(test_our_listener_has_domain_and_enforcement),
        WORLD_TEST(test_our_sockets_have_their_bounds),
        BARE_TEST(test_another_domain_is_refused),
        WORLD_TEST(test_who_has_a_wrong_server_key_does_not_get_in),
        WORLD_TEST(test_null_and_plain_are_refused),
        WORLD_TEST(test_an_oversized_frame_closes_the_connection),
        BARE_TEST(test_odd_requests_are_refused),
        WORLD_TEST(test_addresses_that_cannot_be_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
