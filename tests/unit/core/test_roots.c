/* What both hold costs next to nothing to compare, marks follow it, and a peer that lies about it gains a pause. */
#include "proto/wire/wire.h"
#include "tests/unit/core/bed.h"

#define MANY          1000u
#define ROOT_BYTES    80u /* one root on the wire, at most */
#define OVERHEAD      (1u + KR_SESSION_ID_BYTES + KR_SESSION_OVERHEAD_BYTES)
#define PING_BYTES    (40u + OVERHEAD) /* at most */
#define MUTUAL_SCOPES 4u

static int setup(void **state)
{
    *state = bed_new(2);
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

static struct kr_progress *clear_of(struct bed *bed, uint32_t node, uint32_t peer)
{
    struct kr_progress *progress = kr_progress_of(bed_link(bed, node, peer), &(struct kr_scope){.kind = KR_SCOPE_CLEAR});
    assert_non_null(progress);
    return progress;
}

static void submit_many(struct bed *bed, uint32_t node, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        (void)sim_world_submit(bed->world, node, KR_TLP_CLEAR, NULL, 0, bed->world->now_ms + i * 20);
    }
    bed_run(bed, count * 20 + 60000);
}

static void count_anew(struct bed *bed)
{
    memset(bed->sent, 0, sizeof bed->sent);
    memset(bed->sent_bytes, 0, sizeof bed->sent_bytes);
}

static void lose_session(struct bed *bed, uint32_t node, uint32_t peer)
{
    sim_world_push(bed->world, bed_node(bed, node),
                   (struct kr_event){.type = KR_EVENT_LOST, .number = bed_link(bed, node, peer)->number}, NULL, 0,
                   bed->world->now_ms);
}

/* All scopes together, frames whole: a ping and its answer are well below 200 bytes. */
static void equal_sets_cost_one_small_message_each_way(void **state)
{
    struct bed *bed = *state;
    submit_many(bed, 0, 20);
    assert_int_equal(bed_link(bed, 0, 1)->progress_count, MUTUAL_SCOPES); /* directory, clear, green, pair */
    count_anew(bed);
    bed_run(bed, 600000);
    const uint32_t frames = bed->sent[0] + bed->sent[1];
    const uint64_t bytes = bed->sent_bytes[0] + bed->sent_bytes[1];
    assert_in_range(frames, 100, 180); /* a ping each 15 to 19 s from each side, and an answer */
    print_message("a ping and its answer: %.1f bytes\n", 2.0 * (double)bytes / frames);
    assert_true(2 * bytes <= 200 * (uint64_t)frames);
    assert_true(bed_link(bed, 0, 1)->is_equal && bed_link(bed, 1, 0)->is_equal);
}

/* What came by gossip is not read again, by this session or the next. */
static void marks_follow_gossip_without_reading(void **state)
{
    struct bed *bed = *state;
    submit_many(bed, 0, MANY);
    assert_true(clear_of(bed, 1, 0)->mark > MANY - 300);
    count_anew(bed);
    lose_session(bed, 1, 0);
    lose_session(bed, 0, 1);
    bed_run(bed, 60000);
    const uint64_t bytes = bed->sent_bytes[0] + bed->sent_bytes[1];
    print_message("a new session after %u records by gossip: %ju bytes\n", MANY, bytes);
    assert_true(bed_link(bed, 1, 0)->is_equal);
    assert_true(clear_of(bed, 1, 0)->mark > MANY - 300);
    assert_true(bytes < MANY * KR_SHORT_ID_BYTES / 2); /* most of it is hello with its card */
}

/* Whatever a peer says, it costs a pong, and roots only as often as the budget gives. */
static void digests_that_lie_cost_little(void **state)
{
    struct bed *bed = *state;
    submit_many(bed, 0, 5);
    struct kr_link *link = bed_link(bed, 1, 0);
    link->we_dial = false; /* the side that begins */
    count_anew(bed);
    for (uint32_t i = 0; i < 300; i++) {
        struct kr_message ping = {.type = KR_MESSAGE_PONG, .sequence = bed->world->now_ms, .count = UINT64_MAX};
        kr_rng_bytes(&bed->world->rng, ping.digest, sizeof ping.digest);
        bed_say(bed, 0, 1, &ping);
    }
    const uint64_t roots = 3 * KR_PROGRESS_MAX + 8 * 31;
    print_message("300 digests that lie: %ju bytes\n", bed->sent_bytes[1]);
    assert_true(bed->sent_bytes[1] <= roots * (ROOT_BYTES + OVERHEAD + 10));
    assert_true(bed->sent_bytes[1] < 300 * 3 * ROOT_BYTES / 2); /* which is what it would be without */
    assert_true(link->has_session);
    bed_run(bed, 120000);
    assert_true(bed_link(bed, 1, 0)->is_equal);
}

static const struct kr_scope clear_scope = {.kind = KR_SCOPE_CLEAR};

static void say_root(struct bed *bed, struct kr_root root)
{
    struct kr_writer list;
    bed_tag(bed, 0, 1, clear_scope, root.tag);
    kr_writer_init(&list, KR_KIB);
    kr_root_write(&root, &list);
    bed_say(bed, 0, 1,
            &(struct kr_message){.type = KR_MESSAGE_ROOTS,
                                 .month = kr_tree_month_from(bed->world->now_ms / 1000),
                                 .item_count = 1,
                                 .items = {list.bytes, list.len}});
    kr_writer_deinit(&list);
}

/* A log of any length costs one cursor; and what it says is forgotten with the answer. */
static void counts_that_lie_cost_a_cursor(void **state)
{
    struct bed *bed = *state;
    submit_many(bed, 0, 5);
    const struct kr_root root = {.count = UINT64_MAX, .hash = {1}, .tree_count = UINT64_MAX};
    count_anew(bed);
    say_root(bed, root);
    bed_run(bed, 5000);
    assert_true(bed->sent_bytes[1] < 3 * ROOT_BYTES + 3 * PING_BYTES + 2 * OVERHEAD + 100);
    assert_int_equal(bed_link(bed, 1, 0)->phase, KR_CATCHUP_REST);
    bed_run(bed, 60000);
    assert_true(bed_link(bed, 1, 0)->is_equal);
    assert_int_equal(bed_times_said(bed, 1, "contradicts"), 0);
}

/* A root of our own, with a mark beyond all bounds: it is taken, and put right by the peer's next honest word. */
static void a_mark_that_lies_is_put_right(void **state)
{
    struct bed *bed = *state;
    struct kr_txn *txn = NULL;
    uint8_t root32[32];
    submit_many(bed, 0, 5);
    struct kr_root root = {.count = 1000000, .hash = {1}};
    assert_int_equal(kr_store_read_begin(bed_node(bed, 1)->store, &txn), KR_OK);
    assert_int_equal(kr_store_tree_root(txn, &clear_scope, kr_tree_month_from(bed->world->now_ms / 1000), root32, &root.tree_count),
                     KR_OK);
    kr_txn_abort(txn);
    kr_hash_short(root.root8, bed_link(bed, 1, 0)->session.salt, root32, sizeof root32);
    say_root(bed, root);
    assert_int_equal(clear_of(bed, 1, 0)->mark, 1000000);
    bed_run(bed, 60000);
    assert_int_equal(clear_of(bed, 1, 0)->mark, 5);
    (void)sim_world_submit(bed->world, 0, KR_TLP_CLEAR, NULL, 0, bed->world->now_ms);
    bed_run(bed, 60000);
    assert_true(bed_link(bed, 1, 0)->is_equal);
}

/* One of the two has lost its place in a tree for good: both stay in touch, and talk about it ever more seldom. */
static void what_cannot_be_settled_is_talked_about_ever_more_seldom(void **state)
{
    struct bed *bed = *state;
    struct kr_txn *txn = NULL;
    submit_many(bed, 0, 5);
    const uint8_t *id = bed->world->records[0].id;
    assert_int_equal(kr_store_write_begin(bed_node(bed, 1)->store, &txn), KR_OK);
    assert_int_equal(kr_store_scope_remove(txn, &(struct kr_scope){.kind = KR_SCOPE_CLEAR}, id), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    kr_roots_touch(bed_core(bed, 1), NULL);
    bed_run(bed, 3600000);
    assert_false(bed_link(bed, 1, 0)->is_equal);
    count_anew(bed);
    bed_run(bed, 3600000);
    print_message("an hour of two that differ: %u frames\n", bed->sent[0] + bed->sent[1]);
    assert_in_range(bed->sent[0] + bed->sent[1], 800, 1000); /* pings and pongs are 4 x 211 of them */
}

/* 1 forgets its mark of 0 and loses some records: most of 0's log is here, and is not read for the few that are not; where the
 * trees do not bring them, it is all the same. */
static void a_long_log_is_read_last(void **state)
{
    struct bed *bed = *state;
    submit_many(bed, 0, 2 * MANY);
    sim_world_crash(bed->world, 1, UINT32_MAX);
    assert_int_equal(sim_world_start(bed->world, 1), SIM_HOLDS);
    struct kr_txn *txn = NULL;
    const struct kr_scope clear = {.kind = KR_SCOPE_CLEAR};
    uint8_t key[65] = {0};
    memcpy(key, bed_link(bed, 1, 0)->transport_key, 32);
    key[32] = KR_SCOPE_CLEAR;
    assert_int_equal(kr_store_write_begin(bed_node(bed, 1)->store, &txn), KR_OK);
    assert_int_equal(kr_store_delete(txn, KR_TABLE_MARKS, key, sizeof key), KR_OK);
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t arrival;
        assert_int_equal(kr_store_record_find(txn, bed->world->records[i * 500].id, &arrival), KR_OK);
        assert_int_equal(kr_store_record_purge(txn, arrival, (struct kr_slice){0}), KR_OK);
        assert_int_equal(kr_store_scope_remove(txn, &clear, bed->world->records[i * 500].id), KR_OK);
    }
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    kr_roots_touch(bed_core(bed, 1), NULL);
    count_anew(bed);
    while (!bed_link(bed, 1, 0)->has_session || !bed_link(bed, 1, 0)->is_compared) {
        bed_run(bed, 10);
    }
    bed_run(bed, 5000);
    assert_int_equal(clear_of(bed, 1, 0)->mark, bed_link(bed, 1, 0)->is_equal ? 2 * MANY : 0);
    print_message("three of %u missing, without a mark: %ju bytes\n", 2 * MANY, bed->sent_bytes[0] + bed->sent_bytes[1]);
    assert_true(bed->sent_bytes[0] + bed->sent_bytes[1] < 2 * MANY * KR_SHORT_ID_BYTES / 2);
    bed_run(bed, 600000);
    assert_true(bed_link(bed, 1, 0)->is_equal);
    assert_true(bed_holds(bed, 1, bed->world->records[500].id));
}

/* Marks were once stored with the whole running hash: where one still stands, its first bytes count, and reading goes on there. */
static void a_mark_of_an_older_format_is_read(void **state)
{
    struct bed *bed = *state;
    const struct kr_scope clear = {.kind = KR_SCOPE_CLEAR};
    struct kr_txn *txn = NULL;
    struct kr_writer value;
    uint64_t count = 0;
    uint8_t key[65] = {0}, hash[32];
    submit_many(bed, 0, 20);
    sim_world_crash(bed->world, 1, UINT32_MAX);
    assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_store_scope_mark(txn, &clear, &count, hash), KR_OK);
    kr_txn_abort(txn);
    assert_int_equal(count, 20);
    submit_many(bed, 0, 5);
    assert_int_equal(sim_world_start(bed->world, 1), SIM_HOLDS);
    memcpy(key, bed_link(bed, 1, 0)->transport_key, 32);
    key[32] = KR_SCOPE_CLEAR;
    kr_writer_init(&value, 64);
    kr_writer_array(&value, 2);
    kr_writer_uint(&value, count);
    kr_writer_bin(&value, hash, 32);
    assert_int_equal(kr_store_write_begin(bed_node(bed, 1)->store, &txn), KR_OK);
    assert_int_equal(kr_store_put(txn, KR_TABLE_MARKS, key, sizeof key, value.bytes, value.len), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    kr_writer_deinit(&value);
    while (!bed_link(bed, 1, 0)->has_session || bed_link(bed, 1, 0)->progress_count == 0) {
        bed_run(bed, 1);
    }
    assert_int_equal(clear_of(bed, 1, 0)->mark, 20);
    assert_memory_equal(clear_of(bed, 1, 0)->mark_hash, hash, KR_MARK_HASH_BYTES);
    bed_run(bed, 60000);
    assert_true(bed_holds(bed, 1, bed->world->records[24].id));
    assert_int_equal(clear_of(bed, 1, 0)->mark, 25);
    assert_int_equal(clear_of(bed, 1, 0)->anew_ms, 0); /* never read from the start */
}

/* Whoever has read a peer's log pings everybody at once: so the two see that they are equal now, and those who lack the same, which
 * is too old to be announced, hear of it and need not wait for the next ping. */
static void a_ping_tells_all_that_reading_is_done(void **state)
{
    struct bed *bed = *state;
    bed_free(bed);
    *state = bed = bed_new(3);
    bed_run(bed, 60000);
    sim_world_crash(bed->world, 1, UINT32_MAX);
    submit_many(bed, 0, 30);
    bed_run(bed, 3600000);
    const uint8_t *last = bed->world->records[29].id;
    assert_int_equal(sim_world_start(bed->world, 1), SIM_HOLDS);
    while (!bed_link(bed, 1, 2)->has_session || !bed_link(bed, 2, 1)->has_session || !bed_holds(bed, 1, last)) {
        bed_run(bed, 10);
    }
    assert_false(bed_holds(bed, 2, last));
    bed_run(bed, 1500);
    assert_true(bed_link(bed, 1, 0)->is_equal && bed_link(bed, 0, 1)->is_equal);
    bed_run(bed, 1500);
    for (uint32_t i = 0; i < 30; i++) {
        assert_true(bed_holds(bed, 2, bed->world->records[i].id));
    }
    assert_int_equal(clear_of(bed, 1, 0)->mark, 30);
}

/* kairan peers: from nothing known to equal. */
static void progress_is_told(void **state)
{
    struct bed *bed = *state;
    struct kr_peer peer = {0};
    sim_world_crash(bed->world, 1, 100000);
    for (uint32_t i = 0; i < 50; i++) {
        (void)sim_world_submit(bed->world, 0, KR_TLP_CLEAR, NULL, 0, bed->world->now_ms + i);
    }
    bed_run(bed, 100000);
    while (!bed_link(bed, 0, 1)->has_session || !bed_link(bed, 1, 0)->has_session || bed_link(bed, 1, 0)->page_count == 0) {
        bed_link(bed, 0, 1)->window = 0; /* nothing that it asks for is sent */
        bed_run(bed, 1);
    }
    kr_catchup_show(bed_link(bed, 1, 0), &peer);
    assert_int_equal(peer.phase, KR_PEER_READING);
    assert_true(peer.entries > 50 && peer.entries < 80);
    assert_true(peer.behind >= 50 && peer.behind <= peer.entries);
    bed_link(bed, 0, 1)->window = bed_link(bed, 0, 1)->room;
    bed_run(bed, 60000);
    kr_catchup_show(bed_link(bed, 1, 0), &peer);
    assert_int_equal(peer.phase, KR_PEER_EQUAL);
    assert_int_equal(peer.behind, 0);
    lose_session(bed, 1, 0);
    bed_run(bed, 1);
    peer = (struct kr_peer){0};
    kr_catchup_show(bed_link(bed, 1, 0), &peer);
    assert_int_equal(peer.phase, KR_PEER_UNKNOWN);
}

/* A node of wire version 1 knocks: the log says who, and what to do. */
static void an_older_version_is_named(void **state)
{
    struct bed *bed = *state;
    uint32_t dialler = bed_link(bed, 0, 1)->we_dial ? 0 : 1, other = 1 - dialler;
    struct kr_hello hello = {.version = KR_WIRE_VERSION - 1};
    struct kr_writer frame;
    memcpy(hello.council, bed_node(bed, dialler)->council, 32);
    memcpy(hello.meant, bed_node(bed, other)->council, 32);
    memcpy(hello.node_key, bed_node(bed, dialler)->keyring->node_public, 32);
    kr_writer_init(&frame, KR_MIB);
    kr_hello_write(&hello, bed_node(bed, dialler)->keyring->node_secret, &frame);
    assert_int_equal(kr_writer_finish(&frame), KR_OK);
    uint8_t *bytes = malloc(frame.len + 1);
    assert_non_null(bytes);
    bytes[0] = KR_FRAME_HELLO;
    memcpy(bytes + 1, frame.bytes, frame.len);
    sim_world_push(bed->world, bed_node(bed, other),
                   (struct kr_event){.type = KR_EVENT_FRAME, .number = bed_link(bed, other, dialler)->number}, bytes, frame.len + 1,
                   bed->world->now_ms);
    bed_run(bed, 1000);
    assert_true(bed_said(bed, other, "runs an older version"));
    assert_true(bed_link(bed, other, dialler)->has_session); /* and what stands is left alone */
    free(bytes);
    kr_writer_deinit(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equal_sets_cost_one_small_message_each_way, setup, teardown),
        cmocka_unit_test_setup_teardown(marks_follow_gossip_without_reading, setup, teardown),
        cmocka_unit_test_setup_teardown(digests_that_lie_cost_little, setup, teardown),
        cmocka_unit_test_setup_teardown(counts_that_lie_cost_a_cursor, setup, teardown),
        cmocka_unit_test_setup_teardown(a_mark_that_lies_is_put_right, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_settled_is_talked_about_ever_more_seldom, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_log_is_read_last, setup, teardown),
        cmocka_unit_test_setup_teardown(a_mark_of_an_older_format_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_ping_tells_all_that_reading_is_done, setup, teardown),
        cmocka_unit_test_setup_teardown(progress_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(an_older_version_is_named, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/roots", tests, NULL, NULL);
}
