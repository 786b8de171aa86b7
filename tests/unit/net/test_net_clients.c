/* Persons' machines at the net process: who gets in, whose connections are whose, what they may have under way, how they end. */
#include "net_run.h"

#include "node/net/clients.h"

#define PERSON 0 /* all have this number */

static void tell_list(struct run *run, uint64_t generation, bool has_person)
{
    run->out = (struct kr_net_message){.type = KR_NET_ALLOW, .generation = generation, .entry_count = has_person ? 2 : 1};
    run->out.entries[0] = (struct kr_net_entry){.number = FRIEND, .kind = KR_NET_PEER};
    memcpy(run->out.entries[0].key, run->friend.public_key, 32);
    run->out.entries[1] = (struct kr_net_entry){.number = PERSON, .kind = KR_NET_PERSON};
    memcpy(run->out.entries[1].key, run->other.public_key, 32);
    tell(run);
    expect(run, KR_NET_ALLOWED);
}

/* Up to a listening socket that lets a peer and a person's machine in. */
static void greet_person(struct run *run)
{
    greet(run);
    tell_list(run, 2, true);
}

static uint32_t expect_client_frame(struct run *run, const char *text)
{
    expect(run, KR_NET_CLIENT_FRAME);
    assert_int_equal(run->in.frame.len, strlen(text));
    assert_memory_equal(run->in.frame.bytes, text, strlen(text));
    return run->in.number;
}

static void tell_client(struct run *run, uint32_t type, uint32_t number, const char *text)
{
    run->out = (struct kr_net_message){.type = type, .number = number, .frame = {(const uint8_t *)text, strlen(text)}};
    tell(run);
}

static void tell_taken(struct run *run, uint32_t number, uint32_t frames, uint32_t bytes)
{
    run->out = (struct kr_net_message){.type = KR_NET_CLIENT_TAKEN, .number = number, .count = frames, .generation = bytes};
    tell(run);
    assert_int_equal(kr_channel_dealt(run->channel, KR_LANE_CLIENT, frames, bytes), KR_OK);
}

static void expect_gone(struct run *run, uint32_t number)
{
    expect(run, KR_NET_CLIENT_GONE);
    assert_int_equal(run->in.number, number);
}

/* A machine that does not connect again by itself, watched. */
static void *watched(struct run *run)
{
    void *socket = dealer(run, &run->other, NULL, 0);
    run->monitor = test_monitor(run->context, socket, "inproc://monitor", ZMQ_EVENT_DISCONNECTED);
    test_set_int(socket, ZMQ_RECONNECT_IVL, -1);
    assert_int_equal(zmq_connect(socket, run->endpoint), 0);
    return socket;
}

static void test_each_connection_has_its_number(void **state)
{
    struct run *run = *state;
    greet_person(run);
    void *one = peer(run, &run->other), *two = peer(run, &run->other), *friend = peer(run, &run->friend);
    say(one, "from one");
    const uint32_t first = expect_client_frame(run, "from one");
    say(two, "from two");
    const uint32_t second = expect_client_frame(run, "from two");
    assert_int_not_equal(first, second);
    say(one, "again");
    assert_int_equal(expect_client_frame(run, "again"), first);
    say(friend, "a link"); /* which is none of these */
    expect_frame(run, FRIEND, "a link");
    tell_client(run, KR_NET_CLIENT_FRAME, second, "to two");
    tell_client(run, KR_NET_CLIENT_FRAME, first, "to one");
    expect_text(one, "to one");
    expect_text(two, "to two");
    tell_client(run, KR_NET_CLIENT_FRAME, 4711, "to nobody"); /* it may have gone meanwhile */
    say(one, "still here");
    assert_int_equal(expect_client_frame(run, "still here"), first);
}

/* The whole matrix of keys and lists: as strangers are, so are persons who are not on the list. */
static void test_only_persons_on_the_list_get_in(void **state)
{
    struct run *run = *state;
    greet_person(run);
    void *stranger = dealer(run, &run->stranger, NULL, 0);
    run->monitor = test_monitor(run->context, stranger, "inproc://monitor", TEST_HANDSHAKE_EVENTS);
    assert_int_equal(zmq_connect(stranger, run->endpoint), 0);
    await(run, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    expect(run, KR_NET_REFUSED);
    assert_memory_equal(run->in.key, run->stranger.public_key, 32);
    void *named = dealer(run, &run->other, "me", 2); /* whoever names itself is not heard */
    assert_int_equal(zmq_connect(named, run->endpoint), 0);
    say(named, "named");
    void *other = peer(run, &run->other);
    say(other, "not named");
    (void)expect_client_frame(run, "not named");
}

static void test_who_is_taken_off_the_list_is_cut_on_all_connections(void **state)
{
    struct run *run = *state;
    greet_person(run);
    void *one = watched(run), *two = peer(run, &run->other), *friend = peer(run, &run->friend);
    say(one, "one");
    const uint32_t first = expect_client_frame(run, "one");
    say(two, "two");
    const uint32_t second = expect_client_frame(run, "two");
    say(friend, "a link");
    expect_frame(run, FRIEND, "a link");
    run->out = (struct kr_net_message){.type = KR_NET_ALLOW, .generation = 3, .entry_count = 1};
    run->out.entries[0] = (struct kr_net_entry){.number = FRIEND, .kind = KR_NET_PEER};
    memcpy(run->out.entries[0].key, run->friend.public_key, 32);
    tell(run);
    expect_gone(run, first);
    expect_gone(run, second);
    expect(run, KR_NET_ALLOWED);
    await(run, ZMQ_EVENT_DISCONNECTED);
    say(friend, "goes on");
    do { /* (the second one comes again, and is refused) */
        assert_true(hear(run));
    } while (run->in.type == KR_NET_REFUSED);
    assert_int_equal(run->in.type, KR_NET_FRAME);
    tell_client(run, KR_NET_CLIENT_FRAME, first, "too late");
    tell_frame(run, FRIEND, "to the link", 11);
    expect_text(friend, "to the link");
}

static void test_keeper_cuts_one_and_not_the_other(void **state)
{
    struct run *run = *state;
    greet_person(run);
    void *one = watched(run), *two = peer(run, &run->other);
    say(one, "one");
    const uint32_t first = expect_client_frame(run, "one");
    say(two, "two");
    const uint32_t second = expect_client_frame(run, "two");
    tell_client(run, KR_NET_CLIENT_CUT, first, "x");
    expect_gone(run, first);
    await(run, ZMQ_EVENT_DISCONNECTED);
    say(two, "still here");
    assert_int_equal(expect_client_frame(run, "still here"), second);
}

static void test_an_end_is_told(void **state)
{
    struct run *run = *state;
    greet_person(run);
    void *one = peer(run, &run->other);
    say(one, "one");
    const uint32_t first = expect_client_frame(run, "one");
    assert_int_equal(zmq_close(one), 0);
    run->dealer_count--;
    expect_gone(run, first);
    one = peer(run, &run->other);
    say(one, "another");
    assert_int_not_equal(expect_client_frame(run, "another"), first);
}

/* Frames of which keeper takes none: so many, and so many bytes. */
static void test_who_sends_more_than_it_may_is_cut(void **state)
{
    static uint8_t bytes[KR_REMOTE_FRAME_BYTES_MAX + 1];
    static const struct {
        size_t len;
        uint32_t passed;
    } cases[] = {{1, KR_REMOTE_IN_HAND_MAX},
                 {KR_REMOTE_FRAME_BYTES_MAX, KR_REMOTE_IN_HAND_BYTES / KR_REMOTE_FRAME_BYTES_MAX},
                 {KR_REMOTE_FRAME_BYTES_MAX + 1, 0}};
    struct run *run = *state;
    greet_person(run);
    void *friend = peer(run, &run->friend);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        void *flooder = dealer(run, &run->other, NULL, 0);
        uint32_t number = 0;
        test_set_int(flooder, ZMQ_RECONNECT_IVL, -1);
        assert_int_equal(zmq_connect(flooder, run->endpoint), 0);
        say(flooder, "a");
        number = expect_client_frame(run, "a");
        tell_taken(run, number, 1, 1);
        say(flooder, "b"); /* what is taken counts no more */
        assert_int_equal(expect_client_frame(run, "b"), number);
        tell_taken(run, number, 1, 1);
        tell_client(run, KR_NET_CLIENT_FRAME, number, "taken"); /* net has heard it, once this is there */
        expect_text(flooder, "taken");
        for (uint32_t frame = 0; frame <= cases[i].passed; frame++) {
            assert_int_equal(zmq_send(flooder, bytes, cases[i].len, 0), cases[i].len);
        }
        uint32_t passed = 0;
        for (bool is_gone = false; !is_gone || passed < cases[i].passed;) { /* its end overtakes its frames */
            assert_true(hear(run));
            assert_int_equal(run->in.number, number);
            is_gone = is_gone || run->in.type == KR_NET_CLIENT_GONE;
            passed += run->in.type == KR_NET_CLIENT_FRAME;
        }
        assert_int_equal(passed, cases[i].passed);
        say(friend, "a link");
        expect_frame(run, FRIEND, "a link");
    }
}

/* One key's, and all together (which the table alone tells). */
static void test_connections_are_bounded(void **state)
{
    static struct kr_net_clients clients;
    const struct kr_connection connection = {.port = 1, .fd = -1};
    uint8_t key[32] = {1}, route[KR_ROUTE_BYTES] = {0};
    struct kr_net_client gone;
    uint32_t added = 0, numbers = 0;
    (void)state;
    memset(&clients, 0, sizeof clients);
    for (uint32_t i = 0; i < 1000; i++) {
        key[1] = (uint8_t)(i / 20);
        route[1] = (uint8_t)i;
        route[2] = (uint8_t)(i >> 8);
        struct kr_net_client *client = kr_net_client_add(&clients, key, route, &connection);
        added += client != NULL;
        numbers += client != NULL ? client->number : 0;
        assert_true(i >= 20 || added == (i < 2 * KR_REMOTE_KEY_CLIENTS_MAX ? i + 1 : 2 * KR_REMOTE_KEY_CLIENTS_MAX));
    }
    assert_int_equal(added, KR_REMOTE_CLIENTS_MAX);
    assert_int_equal(numbers, KR_REMOTE_CLIENTS_MAX * (KR_REMOTE_CLIENTS_MAX + 1) / 2);
    assert_true(kr_net_client_cut(&clients, kr_net_client_by_number(&clients, 1)));
    assert_null(kr_net_client_by_number(&clients, 1));
    route[3] = 1;
    assert_non_null(kr_net_client_add(&clients, key, route, &connection)); /* in its place, though it is still to be swept */
    assert_int_equal(clients.open, KR_REMOTE_CLIENTS_MAX);
    for (added = 0; kr_net_client_sweep(&clients, &gone); added++) {
        assert_int_equal(gone.is_cut, gone.number == 1);
    }
    assert_int_equal(added, KR_REMOTE_CLIENTS_MAX + 1);
    assert_true(clients.open == 0 && clients.count == 0);
}

#define NET_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        NET_TEST(test_each_connection_has_its_number),
        NET_TEST(test_only_persons_on_the_list_get_in),
        NET_TEST(test_who_is_taken_off_the_list_is_cut_on_all_connections),
        NET_TEST(test_keeper_cuts_one_and_not_the_other),
        NET_TEST(test_an_end_is_told),
        NET_TEST(test_who_sends_more_than_it_may_is_cut),
        cmocka_unit_test(test_connections_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
