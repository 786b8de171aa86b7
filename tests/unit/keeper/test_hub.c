/* Keeper's hub against clients that behave and such that do not; the test itself plays the core. */
#include "talk.h"

#include <poll.h>
#include <sched.h>

#include "crypto/keyring.h"
#include "crypto/secret.h"
#include "node/keeper/hub_state.h" /* to see that a client was paused: nothing that it says or hears tells that from being slow */

static struct {
    char *directory;
    struct kr_keyring *keyring;
    struct kr_shared_keyring shared;
    struct kr_store *store;
    struct kr_lanes *lanes;
    struct kr_clock clock;
    struct kr_hub *hub;
} node;

static void open_hub(uint32_t hello_ms, uint32_t frame_ms)
{
    const uint8_t council[32] = {0xC0};
    assert_int_equal(kr_lanes_new(&node.lanes), KR_OK);
    const struct kr_hub_options options = {.store = node.store,
                                           .keyring = &node.shared,
                                           .lanes = node.lanes,
                                           .clock = &node.clock,
                                           .hello_ms = hello_ms,
                                           .frame_ms = frame_ms};
    assert_int_equal(kr_hub_new(&options, &node.hub, NULL), KR_OK);
    kr_hub_set_identity(node.hub, council, (struct kr_slice){(const uint8_t *)"北海道", 9},
                        (struct kr_slice){(const uint8_t *)"Hokkaido", 8});
}

static int set_up(void **state)
{
    (void)state;
    open_hub(0, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kr_hub_free(node.hub);
    kr_lanes_free(node.lanes);
    return 0;
}

/* The client has said `bytes` before the hub knows it. */
static void connect_saying(struct talk *talk, const void *bytes, size_t len)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    talk_open(talk, pair[1]);
    talk_put(talk, bytes, len);
    kr_hub_accept(node.hub, pair[0]);
}

static void connect_client(struct talk *talk)
{
    connect_saying(talk, "", 0);
}

static void connect_and_greet(struct talk *talk)
{
    connect_client(talk);
    talk_greet(talk);
}

/* What the core gets next. The caller frees it. */
static struct kr_item *next_event(enum kr_event_type type)
{
    struct kr_item *item = NULL;
    while (kr_lanes_take(node.lanes, KR_CORE_LANE_COUNT, &item, 1) == 0) {
        if (kr_lanes_wait_begin(node.lanes, KR_CORE_LANE_COUNT)) {
            struct pollfd poller = {.fd = kr_lanes_fd(node.lanes), .events = POLLIN};
            assert_int_equal(poll(&poller, 1, 10000), 1);
            kr_lanes_wait_end(node.lanes);
        }
    }
    assert_int_equal(item->event.type, type);
    return item;
}

static uint64_t next_client(enum kr_event_type type, uint64_t request)
{
    struct kr_item *item = next_event(type);
    uint64_t client = item->event.client;
    assert_int_equal(item->event.request, request);
    kr_item_free(item);
    return client;
}

/* Waits until a client's whole request has come and was found to be one too many; fails where it went through to the core. */
static void wait_for_pause(void)
{
    uint64_t limit_ms = kr_monotonic_ms() + 10000;
    while (atomic_load(&node.hub->paused) == 0) {
        assert_true(kr_monotonic_ms() < limit_ms);
        assert_false(kr_lanes_has_before(node.lanes, KR_CORE_LANE_COUNT));
        (void)sched_yield();
    }
    assert_false(kr_lanes_has_before(node.lanes, KR_CORE_LANE_COUNT));
}

static void ask_ls(struct talk *talk, uint64_t number, uint32_t credits)
{
    struct kr_writer writer;
    const struct kr_ls ls = {0};
    kr_writer_init(&writer, 1024);
    kr_ls_write(&ls, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    talk_request(talk, number, KR_OP_LS, writer.bytes, writer.len, credits);
    kr_writer_deinit(&writer);
}

static struct kr_slice text(const char *bytes)
{
    return (struct kr_slice){(const uint8_t *)bytes, strlen(bytes)};
}

/* ---- hello ---- */

static void test_hello_says_who_we_are_in_the_clients_language(void **state)
{
    (void)state;
    struct talk english, japanese;
    connect_client(&english);
    talk_hello(&english, KR_CLIENT_VERSION, "en");
    talk_expect(&english, KR_CLIENT_HELLO, 0);
    assert_int_equal(english.frame.version, KR_CLIENT_VERSION);
    assert_int_equal(english.frame.council[0], 0xC0);
    assert_int_equal(english.frame.text.len, 8);
    assert_memory_equal(english.frame.text.bytes, "Hokkaido", 8);
    connect_client(&japanese);
    talk_hello(&japanese, KR_CLIENT_VERSION, "ja");
    talk_expect(&japanese, KR_CLIENT_HELLO, 0);
    assert_memory_equal(japanese.frame.text.bytes, "北海道", 9);
    talk_close(&english);
    talk_close(&japanese);
}

static void test_another_version_is_refused(void **state)
{
    (void)state;
    struct talk talk;
    connect_client(&talk);
    talk_hello(&talk, KR_CLIENT_VERSION + 1, "en");
    talk_expect_refusal(&talk, KR_VERSION);
    talk_close(&talk);
}

static void test_nothing_goes_before_hello(void **state)
{
    (void)state;
    struct talk talk;
    connect_client(&talk);
    talk_request(&talk, 1, KR_OP_STATUS, "\x90", 1, 1);
    talk_expect_refusal(&talk, KR_MALFORMED);
    talk_close(&talk);
    assert_false(kr_lanes_has_before(node.lanes, KR_CORE_LANE_COUNT)); /* the core has heard nothing */
}

static void test_a_second_hello_is_refused(void **state)
{
    (void)state;
    struct talk talk;
    connect_and_greet(&talk);
    talk_hello(&talk, KR_CLIENT_VERSION, "en");
    talk_expect_refusal(&talk, KR_MALFORMED);
    talk_close(&talk);
}

static void test_silence_ends_a_connection(void **state)
{
    (void)state;
    struct talk silent, halting;
    connect_client(&silent);
    connect_saying(&halting, "\0\0", 2); /* begins, and goes no further */
    talk_expect_refusal(&silent, KR_TIMEOUT);
    talk_expect_refusal(&halting, KR_TIMEOUT);
    talk_close(&silent);
    talk_close(&halting);
}

static int set_up_impatient(void **state)
{
    (void)state;
    open_hub(30, 0);
    return 0;
}

/* ---- broken frames ---- */

static void test_broken_frames_are_refused(void **state)
{
    (void)state;
    struct talk talk;
    connect_and_greet(&talk);
    talk_put_length(&talk, 0);
    talk_expect_refusal(&talk, KR_BOUNDS);
    talk_close(&talk);

    connect_and_greet(&talk);
    talk_put_length(&talk, KR_CLIENT_FRAME_BYTES_MAX + 1);
    talk_expect_refusal(&talk, KR_BOUNDS);
    talk_close(&talk);

    connect_client(&talk); /* before hello, too */
    talk_put_length(&talk, 0xFFFFFFFF);
    talk_expect_refusal(&talk, KR_BOUNDS);
    talk_close(&talk);

    connect_and_greet(&talk);
    talk_put_length(&talk, 7);
    talk_put(&talk, "garbage", 7);
    talk_expect_refusal(&talk, KR_MALFORMED);
    talk_close(&talk);

    connect_and_greet(&talk);
    talk_put_length(&talk, 6);
    talk_put(&talk, "\x93\x04\x01\x91\xC4\x00", 6); /* a page: keeper's to say, not a client's */
    talk_expect_refusal(&talk, KR_MALFORMED);
    talk_close(&talk);
}

static void test_a_frame_may_come_in_crumbs(void **state)
{
    (void)state;
    struct talk talk;
    const uint8_t cancel_then_credit[] = {0, 0, 0, 3, 0x92, 3, 9, 0, 0, 0, 4, 0x93, 2, 9, 1};
    connect_and_greet(&talk);
    for (size_t i = 0; i < sizeof cancel_then_credit; i++) {
        talk_put(&talk, cancel_then_credit + i, 1);
    }
    talk_request(&talk, 9, KR_OP_STATUS, "\x90", 1, 0); /* both were of a request that is not there: ignored */
    kr_hub_end(node.hub, next_client(KR_EVENT_REQUEST, 9), 9, text("done"));
    talk_expect(&talk, KR_CLIENT_END, 9);
    talk_close(&talk);
}

/* ---- requests for the core ---- */

static void test_a_request_reaches_the_core_and_its_answer_the_client(void **state)
{
    (void)state;
    struct talk talk;
    connect_client(&talk);
    talk_hello(&talk, KR_CLIENT_VERSION, "ja");
    talk_expect(&talk, KR_CLIENT_HELLO, 0);
    talk_request(&talk, 5, KR_OP_INVITE, "args", 4, 1);
    struct kr_item *item = next_event(KR_EVENT_REQUEST);
    assert_int_equal(item->event.op, KR_OP_INVITE);
    assert_int_equal(item->event.request, 5);
    assert_true(item->event.speaks_japanese);
    assert_int_equal(item->event.bytes.len, 4);
    assert_memory_equal(item->event.bytes.bytes, "args", 4);
    uint64_t client = item->event.client;
    kr_item_free(item);
    assert_int_equal(kr_hub_op(node.hub, client, 5), KR_OP_INVITE);
    kr_hub_end(node.hub, client, 5, text("a ticket"));
    talk_expect(&talk, KR_CLIENT_END, 5);
    assert_int_equal(talk.frame.payload.len, 8);
    assert_memory_equal(talk.frame.payload.bytes, "a ticket", 8);
    assert_int_equal(kr_hub_op(node.hub, client, 5), 0);
    kr_hub_end(node.hub, client, 5, text("again")); /* dropped */
    talk_request(&talk, 5, KR_OP_INVITE, "", 0, 1); /* its number is free again */
    kr_hub_error(node.hub, next_client(KR_EVENT_REQUEST, 5), 5, KR_QUOTA, "for now");
    talk_expect_error(&talk, 5, KR_QUOTA);
    talk_close(&talk);
    assert_int_equal(next_client(KR_EVENT_CLIENT_GONE, 0), client);
    kr_hub_end(node.hub, client, 5, text("nobody is there"));
}

static void test_a_number_is_used_once_at_a_time(void **state)
{
    (void)state;
    struct talk talk;
    connect_and_greet(&talk);
    talk_request(&talk, 5, KR_OP_WATCH, "\x90", 1, 1);
    talk_request(&talk, 5, KR_OP_WATCH, "\x90", 1, 1);
    talk_expect_refusal(&talk, KR_MALFORMED);
    talk_close(&talk);
}

static void test_items_come_in_pages_under_credit(void **state)
{
    (void)state;
    struct talk talk;
    connect_and_greet(&talk);
    talk_request(&talk, 1, KR_OP_PEERS, "\x90", 1, 1);
    uint64_t client = next_client(KR_EVENT_REQUEST, 1);
    kr_hub_item(node.hub, client, 1, text("one"));
    kr_hub_item(node.hub, client, 1, text("two"));
    kr_hub_flush(node.hub);
    talk_expect(&talk, KR_CLIENT_PAGE, 1); /* what came in one batch is one page */
    assert_int_equal(talk.frame.item_count, 2);
    assert_memory_equal(talk.frame.items[1].bytes, "two", 3);
    /* Its one credit is used up: what follows waits, the end with it. */
    kr_hub_item(node.hub, client, 1, text("three"));
    kr_hub_flush(node.hub);
    kr_hub_end(node.hub, client, 1, text("result"));
    talk_request(&talk, 2, KR_OP_STATUS, "\x90", 1, 0);
    kr_hub_end(node.hub, next_client(KR_EVENT_REQUEST, 2), 2, text("other"));
    talk_expect(&talk, KR_CLIENT_END, 2); /* nothing of request 1 came before */
    talk_credit(&talk, 1, 5);
    talk_expect(&talk, KR_CLIENT_PAGE, 1);
    assert_int_equal(talk.frame.item_count, 1);
    assert_memory_equal(talk.frame.items[0].bytes, "three", 5);
    talk_expect(&talk, KR_CLIENT_END, 1);
    assert_memory_equal(talk.frame.payload.bytes, "result", 6);
    talk_close(&talk);
}

static void test_too_much_without_credit_ends_the_request(void **state)
{
    (void)state;
    struct talk talk;
    connect_and_greet(&talk);
    talk_request(&talk, 1, KR_OP_WATCH, "\x90", 1, 0);
    uint64_t client = next_client(KR_EVENT_REQUEST, 1);
    for (unsigned i = 0; i < KR_PAGE_ITEMS_MAX + 100; i++) {
        kr_hub_item(node.hub, client, 1, text("news"));
    }
    kr_hub_flush(node.hub);
    assert_int_equal(next_client(KR_EVENT_CANCEL, 1), client); /* the core need not go on */
    talk_credit(&talk, 1, 1);
    talk_expect(&talk, KR_CLIENT_PAGE, 1);
    assert_int_equal(talk.frame.item_count, KR_PAGE_ITEMS_MAX);
    talk_expect_error(&talk, 1, KR_BOUNDS);
    talk_close(&talk);
}

static void test_cancel_is_answered_once_and_told_to_the_core(void **state)
{
    (void)state;
    struct talk talk;
    connect_and_greet(&talk);
    talk_request(&talk, 1, KR_OP_WATCH, "\x90", 1, 1);
    uint64_t client = next_client(KR_EVENT_REQUEST, 1);
    talk_cancel(&talk, 1);
    talk_expect_error(&talk, 1, KR_CANCELLED);
    assert_int_equal(next_client(KR_EVENT_CANCEL, 1), client);
    kr_hub_item(node.hub, client, 1, text("late"));
    kr_hub_flush(node.hub);
    kr_hub_end(node.hub, client, 1, text("late"));
    talk_request(&talk, 2, KR_OP_STATUS, "\x90", 1, 0);
    kr_hub_end(node.hub, next_client(KR_EVENT_REQUEST, 2), 2, text(""));
    talk_expect(&talk, KR_CLIENT_END, 2);
    talk_close(&talk);
}

static void test_those_who_wait_are_told_when_the_core_was_made_anew(void **state)
{
    (void)state;
    struct talk talk;
    connect_and_greet(&talk);
    talk_request(&talk, 1, KR_OP_WATCH, "\x90", 1, 1);
    talk_request(&talk, 2, KR_OP_STATUS, "\x90", 1, 1);
    uint64_t client = next_client(KR_EVENT_REQUEST, 1);
    assert_int_equal(next_client(KR_EVENT_REQUEST, 2), client);
    kr_hub_end_standing(node.hub, KR_BUSY, "ask again");
    talk_expect_error(&talk, 1, KR_BUSY);
    assert_int_equal(next_client(KR_EVENT_CANCEL, 1), client);
    assert_int_equal(kr_hub_op(node.hub, client, 2), KR_OP_STATUS);
    talk_close(&talk);
}

/* ---- bounds ---- */

static void test_submissions_under_way_are_bounded(void **state)
{
    (void)state;
    struct talk talk;
    connect_and_greet(&talk);
    for (uint64_t number = 1; number <= KR_CLIENT_SUBMITS_MAX + 1; number++) {
        talk_request(&talk, number, KR_OP_SUBMIT, "record", 6, 0);
    }
    uint64_t client = 0;
    for (uint64_t number = 1; number <= KR_CLIENT_SUBMITS_MAX; number++) {
        client = next_client(KR_EVENT_REQUEST, number);
    }
    /* The last one waits until one has ended; another client is not held up. */
    struct talk other;
    wait_for_pause();
    connect_and_greet(&other);
    talk_request(&other, 1, KR_OP_STATUS, "\x90", 1, 0);
    kr_hub_end(node.hub, next_client(KR_EVENT_REQUEST, 1), 1, text(""));
    talk_expect(&other, KR_CLIENT_END, 1);
    assert_false(kr_lanes_has_before(node.lanes, KR_CORE_LANE_COUNT));
    kr_hub_end(node.hub, client, 7, text("stored"));
    talk_expect(&talk, KR_CLIENT_END, 7);
    assert_int_equal(next_client(KR_EVENT_REQUEST, KR_CLIENT_SUBMITS_MAX + 1), client);
    talk_close(&talk);
    talk_close(&other);
}

static void test_bytes_under_way_are_bounded_over_all_clients(void **state)
{
    (void)state;
    struct talk talks[2];
    static uint8_t body[400 * 1024];
    const uint64_t each = KR_REQUEST_BYTES_MAX / sizeof body; /* as many fit */
    connect_and_greet(&talks[0]);
    connect_and_greet(&talks[1]);
    for (uint64_t number = 1; number <= each; number++) {
        talk_request(&talks[0], number, KR_OP_SUBMIT, body, sizeof body, 0);
    }
    uint64_t first = 0;
    for (uint64_t number = 1; number <= each; number++) {
        first = next_client(KR_EVENT_REQUEST, number);
    }
    ask_ls(&talks[1], 1, 1); /* a question needs no room */
    talk_expect(&talks[1], KR_CLIENT_END, 1);
    talk_request(&talks[1], 2, KR_OP_SUBMIT, body, 300 * 1024, 0);
    wait_for_pause();
    kr_hub_end(node.hub, first, 3, text("stored"));
    talk_expect(&talks[0], KR_CLIENT_END, 3);
    assert_int_not_equal(next_client(KR_EVENT_REQUEST, 2), first);
    talk_close(&talks[0]);
    talk_close(&talks[1]);
}

/* Its last frame came in parts, so that a deadline ran when it had to wait: that is ours, not its, to keep. */
static void test_who_has_to_wait_is_not_late(void **state)
{
    (void)state;
    struct talk waiting, busy, halting;
    static uint8_t body[400 * 1024];
    const uint64_t each = KR_REQUEST_BYTES_MAX / sizeof body;
    uint64_t first = 0;
    connect_and_greet(&waiting);
    connect_and_greet(&busy);
    connect_and_greet(&halting);
    for (uint64_t number = 1; number <= each; number++) {
        talk_request(&busy, number, KR_OP_SUBMIT, body, sizeof body, 0);
        first = next_client(KR_EVENT_REQUEST, number);
    }
    talk_request(&waiting, 2, KR_OP_SUBMIT, body, sizeof body, 0); /* far more than a socket holds: it comes in parts */
    wait_for_pause();
    /* Who begins a frame only now is late. One reader thread has both (every KR_READERS-th) and looks at the first one first: by
     * then it would have told that one, too. */
    _Static_assert(KR_READERS == 2, "waiting and halting have the same reader");
    talk_put(&halting, "\0\0", 2);
    talk_expect_refusal(&halting, KR_TIMEOUT);
    struct pollfd poller = {.fd = waiting.fd, .events = POLLIN};
    assert_int_equal(poll(&poller, 1, 0), 0); /* neither told off nor cut off */
    assert_int_equal(next_client(KR_EVENT_CLIENT_GONE, 0), first + 1);
    kr_hub_end(node.hub, first, 3, text("stored"));
    talk_expect(&busy, KR_CLIENT_END, 3);
    assert_int_equal(next_client(KR_EVENT_REQUEST, 2), first - 1);
    talk_close(&waiting);
    talk_close(&busy);
    talk_close(&halting);
}

static int set_up_with_short_frames(void **state)
{
    (void)state;
    open_hub(0, 1000); /* enough for a machine under load to bring a frame */
    return 0;
}

static void test_other_requests_are_bounded(void **state)
{
    (void)state;
    struct talk talk;
    connect_and_greet(&talk);
    for (uint64_t number = 1; number <= KR_CLIENT_OTHERS_MAX; number++) {
        talk_request(&talk, number, KR_OP_WATCH, "\x90", 1, 1);
    }
    talk_request(&talk, 99, KR_OP_WATCH, "\x90", 1, 1);
    talk_expect_error(&talk, 99, KR_BUSY); /* only this one is refused */
    talk_cancel(&talk, 3);
    talk_expect_error(&talk, 3, KR_CANCELLED);
    talk_close(&talk);
}

static void test_a_client_that_does_not_read_is_cut_off(void **state)
{
    (void)state;
    struct talk talk;
    static uint8_t result[KR_CLIENT_FRAME_BYTES_MAX - 100];
    connect_and_greet(&talk);
    for (uint64_t number = 1; number <= KR_CLIENT_SUBMITS_MAX; number++) {
        talk_request(&talk, number, KR_OP_SUBMIT, "record", 6, 0);
    }
    uint64_t client = 0;
    for (uint64_t number = 1; number <= KR_CLIENT_SUBMITS_MAX; number++) {
        client = next_client(KR_EVENT_REQUEST, number);
    }
    for (uint64_t number = 1; number <= KR_CLIENT_SUBMITS_MAX; number++) {
        kr_hub_end(node.hub, client, number, (struct kr_slice){result, sizeof result});
    }
    assert_int_equal(next_client(KR_EVENT_CLIENT_GONE, 0), client);
    talk_close(&talk);
}

/* More than its socket takes at once, twice. */
static void test_who_reads_late_is_sent_the_rest(void **state)
{
    (void)state;
    struct talk talk;
    static uint8_t result[KR_CLIENT_FRAME_BYTES_MAX - 100];
    connect_and_greet(&talk);
    for (uint64_t number = 1; number <= 12; number++) {
        talk_request(&talk, number, KR_OP_SUBMIT, "record", 6, 0);
        uint64_t client = next_client(KR_EVENT_REQUEST, number);
        kr_hub_end(node.hub, client, number, (struct kr_slice){result, sizeof result});
        for (uint64_t ended = number - 5; number % 6 == 0 && ended <= number; ended++) {
            talk_expect(&talk, KR_CLIENT_END, ended);
            assert_int_equal(talk.frame.payload.len, sizeof result);
        }
    }
    talk_close(&talk);
}

static void test_the_number_of_clients_is_bounded(void **state)
{
    (void)state;
    static struct talk talks[KR_CLIENTS_MAX];
    struct talk late;
    for (size_t i = 0; i < KR_CLIENTS_MAX; i++) {
        connect_client(&talks[i]);
    }
    connect_client(&late);
    talk_expect_refusal(&late, KR_BUSY);
    talk_close(&late);
    talk_greet(&talks[17]);
    talk_close(&talks[17]);
    (void)next_client(KR_EVENT_CLIENT_GONE, 0);
    connect_and_greet(&talks[17]); /* a place is free again */
    for (size_t i = 0; i < KR_CLIENTS_MAX; i++) {
        talk_close(&talks[i]);
    }
}

static void test_a_client_that_goes_takes_its_requests_along(void **state)
{
    (void)state;
    struct talk talk;
    connect_and_greet(&talk);
    talk_request(&talk, 1, KR_OP_SUBMIT, "record", 6, 0);
    uint64_t client = next_client(KR_EVENT_REQUEST, 1);
    talk_request(&talk, 2, KR_OP_LS, "x", 1, 0);
    talk_close(&talk);
    assert_int_equal(next_client(KR_EVENT_CLIENT_GONE, 0), client);
    kr_hub_item(node.hub, client, 1, text("nobody"));
    kr_hub_flush(node.hub);
    kr_hub_end(node.hub, client, 1, text("nobody"));
    assert_int_equal(kr_hub_op(node.hub, client, 1), 0);
}

/* ---- questions that keeper's readers answer ---- */

static void test_questions_do_not_trouble_the_core(void **state)
{
    (void)state;
    struct talk talk;
    connect_and_greet(&talk);
    ask_ls(&talk, 1, 1);
    talk_expect(&talk, KR_CLIENT_END, 1); /* the store is empty */
    ask_ls(&talk, 2, 0);
    ask_ls(&talk, 3, 1);
    talk_expect(&talk, KR_CLIENT_END, 3); /* 2 has no credit yet */
    talk_credit(&talk, 2, 1);
    talk_expect(&talk, KR_CLIENT_END, 2);
    ask_ls(&talk, 4, 0);
    talk_cancel(&talk, 4);
    talk_expect_error(&talk, 4, KR_CANCELLED);
    talk_request(&talk, 5, KR_OP_LS, "garbage", 7, 1);
    talk_expect(&talk, KR_CLIENT_ERROR, 5);
    assert_false(kr_lanes_has_before(node.lanes, KR_CORE_LANE_COUNT));
    talk_close(&talk);
}

/* ---- the whole ---- */

static int open_node(void **state)
{
    uint8_t seed[32] = {7};
    if (kr_crypto_init() != KR_OK || test_directory_make(state) != 0 || kr_keyring_new(seed, 1, &node.keyring, NULL) != KR_OK) {
        return -1;
    }
    kr_shared_keyring_init(&node.shared, node.keyring);
    node.directory = *state;
    const struct kr_store_options options = {.path = node.directory,
                                             .storage_key = node.keyring->storage_key,
                                             .term_key = node.keyring->term_key,
                                             .term_generation = node.keyring->term_generation};
    kr_clock_init(&node.clock);
    return kr_store_open(&options, &node.store, NULL) == KR_OK ? 0 : -1;
}

static int close_node(void **state)
{
    kr_store_close(node.store);
    kr_shared_keyring_deinit(&node.shared);
    kr_keyring_free(node.keyring);
    kr_clock_deinit(&node.clock);
    return test_directory_remove(state);
}

#define HUB_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HUB_TEST(test_hello_says_who_we_are_in_the_clients_language),
        HUB_TEST(test_another_version_is_refused),
        HUB_TEST(test_nothing_goes_before_hello),
        HUB_TEST(test_a_second_hello_is_refused),
        cmocka_unit_test_setup_teardown(test_silence_ends_a_connection, set_up_impatient, tear_down),
        HUB_TEST(test_broken_frames_are_refused),
        HUB_TEST(test_a_frame_may_come_in_crumbs),
        HUB_TEST(test_a_request_reaches_the_core_and_its_answer_the_client),
        HUB_TEST(test_a_number_is_used_once_at_a_time),
        HUB_TEST(test_items_come_in_pages_under_credit),
        HUB_TEST(test_too_much_without_credit_ends_the_request),
        HUB_TEST(test_cancel_is_answered_once_and_told_to_the_core),
        HUB_TEST(test_those_who_wait_are_told_when_the_core_was_made_anew),
        HUB_TEST(test_submissions_under_way_are_bounded),
        HUB_TEST(test_bytes_under_way_are_bounded_over_all_clients),
        cmocka_unit_test_setup_teardown(test_who_has_to_wait_is_not_late, set_up_with_short_frames, tear_down),
        HUB_TEST(test_other_requests_are_bounded),
        HUB_TEST(test_a_client_that_does_not_read_is_cut_off),
        HUB_TEST(test_who_reads_late_is_sent_the_rest),
        HUB_TEST(test_the_number_of_clients_is_bounded),
        HUB_TEST(test_a_client_that_goes_takes_its_requests_along),
        HUB_TEST(test_questions_do_not_trouble_the_core),
    };
    return cmocka_run_group_tests(tests, open_node, close_node);
}
