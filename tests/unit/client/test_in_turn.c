/* Nodes that are dialled in turn, where none is there: refused, silent, hanging up. (Who answers: tests/e2e/two_nodes.py.) */
#include "tests/unit/crypto/crypto_test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/seal.h"
#include "tools/client/in_turn.h"

#define TRY_MS  150
#define OPEN_MS 300

struct place {
    int fd; /* listens; -1: nobody does */
    struct kr_way way;
};

static struct place make_place(bool listens)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    struct place place = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    assert_int_equal(bind(place.fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(place.fd, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(place.way.endpoint, sizeof place.way.endpoint, "tcp://127.0.0.1:%u", ntohs(address.sin_port));
    if (listens) {
        assert_int_equal(listen(place.fd, 64), 0);
    } /* else the port is taken, and refuses */
    return place;
}

/* How often it was called. */
static unsigned take_calls(struct place *place)
{
    unsigned count = 0;
    for (int fd = accept(place->fd, NULL, NULL); fd >= 0; fd = accept(place->fd, NULL, NULL)) {
        (void)close(fd);
        count++;
    }
    return count;
}

static void add(struct kr_ways *ways, const struct place *place, uint8_t key)
{
    const struct kr_slice endpoint = {(const uint8_t *)place->way.endpoint, strlen(place->way.endpoint)};
    uint8_t secret[32], public_key[32];
    const uint8_t seed[32] = {key};
    kr_box_keypair(public_key, secret, seed);
    assert_true(kr_ways_add(ways, endpoint, public_key));
}

static enum kr_err dial(struct kr_in_turn *turn, const struct kr_ways *ways, struct kr_error *error)
{
    static const uint8_t council[32] = {1}, none[32], seed[32] = {7};
    uint8_t public_key[32], secret[32];
    struct kr_conn *conn = NULL;
    struct kr_afar_told told;
    kr_box_keypair(public_key, secret, seed);
    *turn = (struct kr_in_turn){.target = {.council = council, .node_key = none, .public_key = public_key, .secret = secret},
                                .ways = ways,
                                .program = "test",
                                .language = "en",
                                .try_ms = TRY_MS,
                                .open_ms = OPEN_MS};
    enum kr_err err = kr_in_turn_connect(turn, &conn, &told, error);
    assert_null(conn);
    return err;
}

static void who_says_nothing_is_not_waited_for_under_each_key(void **state)
{
    static struct kr_in_turn turn;
    static struct kr_ways ways;
    struct kr_error error = {{0}};
    struct place silent = make_place(true), nobody = make_place(false);
    (void)state;
    ways.count = 0;
    for (uint8_t key = 0; key < 4; key++) {
        add(&ways, &silent, key);
    }
    add(&ways, &nobody, 9);
    assert_int_equal(dial(&turn, &ways, &error), KR_TIMEOUT);
    assert_non_null(strstr(error.text, silent.way.endpoint));
    assert_int_equal(turn.miss_count, 2);
    assert_string_equal(turn.misses[0].endpoint, silent.way.endpoint);
    assert_int_equal(turn.misses[0].err, KR_TIMEOUT);
    assert_int_equal(turn.misses[1].err, KR_NOT_FOUND);
    assert_int_equal(take_calls(&silent), 2); /* in a short pass and in a long one */
    (void)close(silent.fd);
    (void)close(nobody.fd);
}

/* It has all the time at once, under one of its keys. */
static void one_place_alone_is_waited_for_once(void **state)
{
    static struct kr_in_turn turn;
    static struct kr_ways ways;
    struct kr_error error = {{0}};
    struct place silent = make_place(true);
    (void)state;
    ways.count = 0;
    add(&ways, &silent, 1);
    add(&ways, &silent, 2);
    assert_int_equal(dial(&turn, &ways, &error), KR_TIMEOUT);
    assert_int_equal(take_calls(&silent), 1);
    (void)close(silent.fd);
}

static void *hang_up(void *context)
{
    struct pollfd poller = {.fd = *(const int *)context, .events = POLLIN};
    for (;;) {
        if (poll(&poller, 1, 20000) <= 0) {
            return NULL;
        }
        const int fd = accept(poller.fd, NULL, NULL);
        if (fd < 0) {
            return NULL; /* it was shut down */
        }
        (void)close(fd);
    }
}

/* It is said of each place what was there. */
static void who_hangs_up_is_told_from_nobody(void **state)
{
    static struct kr_in_turn turn;
    static struct kr_ways ways;
    struct kr_error error = {{0}};
    struct place rude = make_place(true), nobody = make_place(false);
    pthread_t thread;
    (void)state;
    ways.count = 0;
    add(&ways, &nobody, 3);
    add(&ways, &rude, 1);
    assert_int_equal(pthread_create(&thread, NULL, hang_up, &rude.fd), 0);
    assert_int_equal(dial(&turn, &ways, &error), KR_NOT_FOUND);
    assert_int_equal(turn.miss_count, 2);
    assert_int_equal(turn.misses[1].err, KR_CLOSED);
    (void)shutdown(rude.fd, SHUT_RDWR);
    (void)pthread_join(thread, NULL);
    (void)close(rude.fd);
    (void)close(nobody.fd);
}

static void without_an_address_nobody_is_dialled(void **state)
{
    static struct kr_in_turn turn;
    static struct kr_ways ways;
    struct kr_error error = {{0}};
    (void)state;
    ways.count = 0;
    assert_int_equal(dial(&turn, &ways, &error), KR_NOT_FOUND);
    assert_true(error.text[0] != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_says_nothing_is_not_waited_for_under_each_key),
        cmocka_unit_test(one_place_alone_is_waited_for_once),
        cmocka_unit_test(who_hangs_up_is_told_from_nobody),
        cmocka_unit_test(without_an_address_nobody_is_dialled),
    };
    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
