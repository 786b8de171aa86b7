/* Keeper's side of clients from afar against a net and a machine in the same hands: the test plays both. */
#include "keeper_test.h"

#include <poll.h>

#include "crypto/keyring.h"
#include "crypto/seal.h"
#include "crypto/secret.h"
#include "node/core/directory.h"
#include "node/keeper/remote.h"
#include "proto/wire/remote.h"

#define HUGE_BYTES (512u * KR_KIB) /* of a frame that net's own bound would have kept away */

static struct {
    struct kr_keyring *keyring;
    struct kr_shared_keyring shared;
    struct kr_store *store;
    struct kr_lanes *lanes;
    struct kr_clock clock;
    struct kr_hub *hub;
    struct kr_remote *remote;
    struct kr_remote_machine machine;
} node;

static const uint8_t council[32] = {0xC0}, machine_seed[32] = {6};

static struct kr_slice slice(const uint8_t *bytes, size_t len)
{
    return (struct kr_slice){bytes, len};
}

/* What keeper tells net next; to be passed by with kr_remote_told. */
static struct kr_remote_word next_word(void)
{
    struct kr_remote_word word;
    while (!kr_remote_next(node.remote, &word)) {
        if (kr_lanes_wait_begin(node.lanes, KR_CORE_LANE_COUNT)) {
            struct pollfd poller = {.fd = kr_lanes_fd(node.lanes), .events = POLLIN};
            const bool is_there = kr_remote_next(node.remote, &word);
            assert_true(is_there || poll(&poller, 1, 10000) == 1);
            kr_lanes_wait_end(node.lanes);
        }
    }
    return word;
}

/* The next word but those that say that a frame was taken. */
static struct kr_remote_word next_but_taken(void)
{
    struct kr_remote_word word = next_word();
    while (word.type == KR_NET_CLIENT_TAKEN) {
        kr_remote_told(node.remote);
        word = next_word();
    }
    return word;
}

static void expect_cut(uint32_t connection)
{
    const struct kr_remote_word word = next_but_taken();
    assert_int_equal(word.type, KR_NET_CLIENT_CUT);
    assert_int_equal(word.connection, connection);
    kr_remote_told(node.remote);
}

/* The machine's hello and keeper's answer to it. */
static void greet(uint32_t connection, struct kr_session *ret_session)
{
    static const uint8_t seed[32] = {7};
    struct kr_error error = {{0}};
    struct kr_writer hello;
    struct kr_remote_found found;
    kr_writer_init(&hello, KR_KIB);
    kr_remote_begin(&node.machine, seed, &hello);
    assert_int_equal(kr_writer_finish(&hello), KR_OK);
    kr_remote_take(node.remote, connection, slice(hello.bytes, hello.len));
    const struct kr_remote_word word = next_but_taken();
    assert_int_equal(word.type, KR_NET_CLIENT_FRAME);
    assert_int_equal(word.connection, connection);
    if (kr_remote_finish(&node.machine, slice(hello.bytes, hello.len), word.frame, 1800000000, ret_session, &found, &error) !=
        KR_OK) {
        fail_msg("%s", error.text);
    }
    kr_remote_told(node.remote);
    kr_writer_deinit(&hello);
}

/* Sealed by a machine that the node knows, and passed on by a net that bounds nothing. */
static void test_a_frame_beyond_the_maximum_is_cut_unopened(void **state)
{
    static uint8_t plain[HUGE_BYTES], frame[HUGE_BYTES + KR_REMOTE_MORE_BYTES];
    struct kr_session session;
    (void)state;
    greet(1, &session);
    frame[0] = KR_FRAME_REMOTE;
    frame[1] = KR_REMOTE_SEALED;
    kr_session_seal(&session, frame + KR_REMOTE_HEAD_BYTES, plain, sizeof plain);
    kr_remote_take(node.remote, 1, slice(frame, KR_REMOTE_HEAD_BYTES + KR_SESSION_OVERHEAD_BYTES + sizeof plain));
    expect_cut(1);
    const struct kr_remote_word word = next_word(); /* else net's window would shrink */
    assert_int_equal(word.type, KR_NET_CLIENT_TAKEN);
    assert_int_equal(word.connection, 1);
    assert_true(word.bytes >= sizeof plain);
    kr_remote_told(node.remote);
}

/* Net counts from 1: 0 would stand for any place that is free. */
static void test_a_connection_without_a_number_is_none(void **state)
{
    struct kr_session session;
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        kr_remote_take(node.remote, 0, slice((const uint8_t *)"\x04\x09garbage", 9));
        kr_remote_gone(node.remote, 0);
    }
    greet(1, &session);
    struct kr_remote_word word;
    kr_remote_take(node.remote, 2, slice((const uint8_t *)"\x04\x09garbage", 9));
    expect_cut(2);
    while (kr_remote_next(node.remote, &word)) {
        assert_int_not_equal(word.connection, 0);
        kr_remote_told(node.remote);
    }
}

/* ---- the whole ---- */

/* What is handed out as the council's card is not looked at by a machine that knows the node's key. */
static void put_card(void)
{
    static const uint8_t bytes[] = "a card";
    struct kr_header header = {.kind = KR_KIND_COUNCIL_CARD, .has_subject = true};
    struct kr_head head = {.kind = KR_KIND_COUNCIL_CARD, .id = {1}, .record_bytes = sizeof bytes, .expires_s = 1900000000};
    struct kr_directory_entry entry = {.version = 1, .record_id = {1}};
    uint8_t key[KR_DIRECTORY_KEY_BYTES];
    struct kr_writer writer;
    struct kr_txn *txn = NULL;
    memcpy(header.author, council, 32);
    memcpy(header.subject, council, 32);
    memcpy(head.author, council, 32);
    kr_directory_key(key, &header);
    kr_writer_init(&writer, KR_KIB);
    kr_directory_entry_write(&entry, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    assert_int_equal(kr_store_write_begin(node.store, &txn), KR_OK);
    assert_int_equal(kr_store_record_put(txn, &head, slice(bytes, sizeof bytes)), KR_OK);
    assert_int_equal(kr_store_put(txn, KR_TABLE_DIRECTORY, key, sizeof key, writer.bytes, writer.len), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    kr_writer_deinit(&writer);
}

static int open_node(void **state)
{
    uint8_t seed[32] = {7};
    if (kr_crypto_init() != KR_OK || test_directory_make(state) != 0 || kr_keyring_new(seed, 1, &node.keyring, NULL) != KR_OK) {
        return -1;
    }
    kr_shared_keyring_init(&node.shared, node.keyring);
    kr_clock_init(&node.clock);
    const struct kr_store_options options = {.path = *state,
                                             .storage_key = node.keyring->storage_key,
                                             .term_key = node.keyring->term_key,
                                             .term_generation = node.keyring->term_generation};
    if (kr_store_open(&options, &node.store, NULL) != KR_OK) {
        return -1;
    }
    put_card();
    return 0;
}

static int close_node(void **state)
{
    kr_store_close(node.store);
    kr_shared_keyring_deinit(&node.shared);
    kr_keyring_free(node.keyring);
    kr_clock_deinit(&node.clock);
    return test_directory_remove(state);
}

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(kr_lanes_new(&node.lanes), KR_OK);
    const struct kr_hub_options hub = {.store = node.store, .keyring = &node.shared, .lanes = node.lanes, .clock = &node.clock};
    assert_int_equal(kr_hub_new(&hub, &node.hub, NULL), KR_OK);
    const struct kr_remote_options options = {
        .store = node.store, .keyring = &node.shared, .lanes = node.lanes, .hub = node.hub, .clock = &node.clock};
    assert_int_equal(kr_remote_new(&options, &node.remote, NULL), KR_OK);
    assert_int_equal(kr_remote_start(node.remote, council, NULL), KR_OK);
    node.machine = (struct kr_remote_machine){0};
    kr_box_keypair(node.machine.public_key, node.machine.secret, machine_seed);
    memcpy(node.machine.council, council, 32);
    memcpy(node.machine.node_key, node.keyring->node_public, 32);
    struct kr_net_entry entry = {.kind = KR_NET_PERSON};
    memcpy(entry.key, node.machine.public_key, 32);
    assert_int_equal(kr_remote_allow(node.remote, &entry, 1), KR_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kr_remote_free(node.remote);
    kr_hub_free(node.hub);
    kr_lanes_free(node.lanes);
    return 0;
}

#define REMOTE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REMOTE_TEST(test_a_frame_beyond_the_maximum_is_cut_unopened),
        REMOTE_TEST(test_a_connection_without_a_number_is_none),
    };
    return cmocka_run_group_tests(tests, open_node, close_node);
}
