/* Walking trees: two nodes with genuine stores and a genuine session (tests/support/walkers.h), and peers that mean harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/walkers.h"

#define HOUR_MS    UINT64_C(3600000)
#define ROUNDS_MAX 100000u

static struct walkers walkers; /* large */

/* How often a step reads trees; wrapped by the linker. */
static struct {
    uint32_t looks, months, looks_max, months_max;
} reads;

static void begin_step(void)
{
    reads.looks = reads.months = 0;
}

enum kr_err __real_kr_walk_message(struct kr_step *step, struct kr_link *link, const struct kr_message *message);
enum kr_err __wrap_kr_walk_message(struct kr_step *step, struct kr_link *link, const struct kr_message *message);
enum kr_err __wrap_kr_walk_message(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    begin_step();
    return __real_kr_walk_message(step, link, message);
}

enum kr_err __real_kr_walks_tick(struct kr_step *step);
enum kr_err __wrap_kr_walks_tick(struct kr_step *step);
enum kr_err __wrap_kr_walks_tick(struct kr_step *step)
{
    begin_step();
    return __real_kr_walks_tick(step);
}

enum kr_err __real_kr_store_tree_months(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month_from,
                                        struct kr_tree_month *ret_months, uint32_t max, uint32_t *ret_count);
enum kr_err __wrap_kr_store_tree_months(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month_from,
                                        struct kr_tree_month *ret_months, uint32_t max, uint32_t *ret_count);
enum kr_err __wrap_kr_store_tree_months(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month_from,
                                        struct kr_tree_month *ret_months, uint32_t max, uint32_t *ret_count)
{
    reads.months++;
    reads.months_max = reads.months > reads.months_max ? reads.months : reads.months_max;
    return __real_kr_store_tree_months(txn, scope, month_from, ret_months, max, ret_count);
}

enum kr_err __real_kr_tree_view_look(struct kr_tree_view *view, uint32_t month, const uint8_t *prefix, uint32_t nibbles,
                                     struct kr_tree_node *ret_node);
enum kr_err __wrap_kr_tree_view_look(struct kr_tree_view *view, uint32_t month, const uint8_t *prefix, uint32_t nibbles,
                                     struct kr_tree_node *ret_node);
enum kr_err __wrap_kr_tree_view_look(struct kr_tree_view *view, uint32_t month, const uint8_t *prefix, uint32_t nibbles,
                                     struct kr_tree_node *ret_node)
{
    reads.looks++;
    reads.looks_max = reads.looks > reads.looks_max ? reads.looks : reads.looks_max;
    return __real_kr_tree_view_look(view, month, prefix, nibbles, ret_node);
}

static int setup(void **state)
{
    (void)state;
    walkers_init(&walkers, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    walkers_deinit(&walkers);
    return 0;
}

/* Record number `n`, created `hours` ago, at both or at one. */
static void put(uint32_t nodes, uint64_t n, uint64_t hours)
{
    uint8_t id[32];
    walkers_id(n, id);
    for (uint32_t i = 0; i < 2; i++) {
        if ((nodes >> i & 1u) != 0) {
            walkers_put(&walkers, i, id, WALKERS_NOW_MS - hours * HOUR_MS, WALKERS_MONTH, nodes != 3);
        }
    }
}

enum { FIRST = 1, SECOND = 2, BOTH = 3 };

/* `count` at both, 100 an hour. */
static void put_common(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        put(BOTH, i, i / 100);
    }
}

static void walk(void)
{
    const uint32_t done = walkers.done;
    assert_true(walkers_begin(&walkers));
    walkers_run(&walkers, ROUNDS_MAX);
    assert_int_equal(walkers.done, done + 1);
    assert_false(walkers.nodes[0].link->walk.is_active);
    assert_int_equal(walkers.nodes[0].link->walk.count, 0);
    assert_int_equal(walkers.nodes[1].link->walk.count, 0);
}

static uint64_t bytes(void)
{
    return walkers.nodes[0].bytes + walkers.nodes[1].bytes;
}

static uint64_t messages(void)
{
    return walkers.nodes[0].messages + walkers.nodes[1].messages;
}

/* ---- between honest nodes ---- */

static void equal_trees_end_the_walk_at_once(void **state)
{
    (void)state;
    put_common(500);
    walk();
    assert_int_equal(messages(), 2);
    assert_int_equal(walkers.found, 0);
}

static void few_differences_in_many_records_cost_little(void **state)
{
    (void)state;
    put_common(20000);
    for (uint64_t i = 0; i < 20; i++) {
        put(i % 2 == 0 ? FIRST : SECOND, 100000 + i, i * 9);
    }
    walk();
    assert_true(walkers_are_equal(&walkers));
    assert_int_equal(walkers_count(&walkers, 0), 20020);
    assert_int_equal(walkers.nodes[0].pushed, 10);
    assert_int_equal(walkers.nodes[1].pushed, 10);
    assert_true(walkers.found >= 20);
    assert_true(bytes() < 20000); /* a tenth of the names alone */
    assert_true(walkers.last_found <= 6);
}

static void small_sets_are_listed_at_once(void **state)
{
    (void)state;
    put_common(700);
    put(FIRST, 100000, 3);
    put(SECOND, 100001, 4);
    walk();
    assert_true(walkers_are_equal(&walkers));
    assert_true(walkers.last_found <= 3);
}

static void who_has_nothing_is_given_all(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 5000; i++) {
        put(SECOND, i, i / 100);
    }
    assert_true(walkers_begin(&walkers));
    walkers_run(&walkers, ROUNDS_MAX);
    assert_int_equal(walkers_count(&walkers, 0), 5000);
    assert_true(walkers_are_equal(&walkers));
    assert_true(bytes() < 2000); /* "hand over all of yours" */
}

static void who_has_all_hands_it_over(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 5000; i++) {
        put(FIRST, i, i / 100);
    }
    assert_true(walkers_begin(&walkers));
    walkers_run(&walkers, ROUNDS_MAX);
    assert_true(walkers_are_equal(&walkers));
    assert_int_equal(walkers_count(&walkers, 1), 5000);
}

static void a_few_beside_very_many_are_found_on_both_sides(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 8000; i++) {
        put(FIRST, i, i / 2000);
    }
    for (uint64_t i = 0; i < 50; i++) {
        put(SECOND, 100000 + i, i / 10);
    }
    for (uint64_t i = 0; i < 50; i++) {
        put(SECOND, i, i / 2000);
    }
    walk();
    assert_true(walkers_are_equal(&walkers));
    assert_int_equal(walkers_count(&walkers, 0), 8050);
    assert_int_equal(walkers.nodes[1].pushed, 50);
}

/* Of each month one of the two has nothing, or less. */
static void months_are_walked_each(void **state)
{
    static const uint32_t at[] = {FIRST, SECOND, BOTH};
    uint8_t id[32];
    (void)state;
    for (uint64_t i = 0; i < 900; i++) {
        const uint32_t month = WALKERS_MONTH + (uint32_t)(i % 3);
        const uint32_t nodes = i < 30 ? (uint32_t)(1 + i % 2) : at[i % 3];
        walkers_id(i, id);
        for (uint32_t node = 0; node < 2; node++) {
            if ((nodes >> node & 1u) != 0) {
                walkers_put(&walkers, node, id, WALKERS_NOW_MS - i * HOUR_MS, month, true);
            }
        }
    }
    walk();
    assert_true(walkers_are_equal(&walkers));
    assert_int_equal(walkers_count(&walkers, 0), 900);
}

static void months_that_are_over_are_left_alone(void **state)
{
    uint8_t id[32];
    (void)state;
    walkers_id(1, id);
    walkers_put(&walkers, 0, id, WALKERS_NOW_MS - 9000 * HOUR_MS, kr_tree_month(WALKERS_NOW_MS / 1000) - 2, true);
    walkers_id(2, id);
    walkers_put(&walkers, 1, id, WALKERS_NOW_MS - 9000 * HOUR_MS, kr_tree_month(WALKERS_NOW_MS / 1000) - 1, true);
    put(FIRST, 3, 0);
    assert_true(walkers_begin(&walkers));
    walkers_run(&walkers, ROUNDS_MAX);
    assert_int_equal(walkers.nodes[0].pushed, 1);
    assert_int_equal(walkers.nodes[1].pushed, 0);
}

/* Ids that were made to begin alike, as far as nobody can make them: nodes stand where ways part, and there are few. */
static void ids_that_share_long_prefixes_cost_no_message_a_nibble(void **state)
{
    uint8_t id[32];
    (void)state;
    for (uint64_t i = 0; i < 3000; i++) {
        walkers_id(i, id);
        memset(id, 0x77, 9);
        memset(id + 9, 0, (size_t)(i % 7)); /* some share more */
        walkers_put(&walkers, (uint32_t)(i % 2), id, WALKERS_NOW_MS, WALKERS_MONTH, true);
        if (i % 5 != 0) {
            walkers_put(&walkers, (uint32_t)(1 - i % 2), id, WALKERS_NOW_MS, WALKERS_MONTH, true);
        }
    }
    put_common(300);
    put(FIRST, 100000, 0); /* and one that leaves them at once */
    put(SECOND, 100001, 0);
    walk();
    assert_true(walkers_are_equal(&walkers));
    assert_true(walkers.rounds <= 24);
    assert_true(messages() <= 40);
}

static void ids_without_records_end_the_walk_all_the_same(void **state)
{
    uint8_t id[32];
    (void)state;
    put_common(3000);
    for (uint64_t i = 0; i < 200; i++) {
        walkers_id(100000 + i, id);
        walkers_put(&walkers, (uint32_t)(i % 2), id, WALKERS_NOW_MS - i * HOUR_MS, WALKERS_MONTH, false);
    }
    walk();
    assert_int_equal(walkers.nodes[0].pushed + walkers.nodes[1].pushed, 0);
    assert_false(walkers_are_equal(&walkers));
}

/* Everything differs and next to nothing is taken at a time: queues and messages stay within their bounds, and all arrives. */
static void a_slow_link_holds_the_walk_back(void **state)
{
    uint32_t queued_max = 0;
    (void)state;
    for (uint64_t i = 0; i < 30000; i++) {
        put(i % 3 == 0 ? FIRST : SECOND, i, i / 100);
    }
    walkers.push_max = 40;
    assert_true(walkers_begin(&walkers));
    for (uint32_t i = 0; i < ROUNDS_MAX && walkers.nodes[0].link->walk.is_active; i++) {
        walkers_run(&walkers, 1);
        for (uint32_t node = 0; node < 2; node++) {
            const uint32_t queued = walkers.nodes[node].link->bulk.count;
            queued_max = queued > queued_max ? queued : queued_max;
        }
    }
    walkers.push_max = UINT32_MAX;
    walkers_run(&walkers, ROUNDS_MAX);
    assert_true(walkers_are_equal(&walkers));
    assert_true(queued_max <= KR_WALK_PUSHES_MAX);
    assert_true(walkers.waiting_max <= KR_WALK_FRAMES_MAX * KR_SYNC_BYTES_MAX);
}

/* Whatever sets, whatever is lost: a few walks later both hold the same. */
static void walks_end_with_equal_sets_whatever_was_lost(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        walkers_deinit(&walkers);
        walkers_init(&walkers, seed);
        struct kr_rng *rng = &walkers.rng;
        const uint64_t count = 1 + kr_rng_below(rng, seed % 3 == 0 ? 12000 : 1500), per_hour = 1 + kr_rng_below(rng, 400);
        const uint64_t one = kr_rng_below(rng, 500), other = kr_rng_below(rng, 500); /* of 1,000 */
        uint8_t id[32];
        for (uint64_t i = 0; i < count; i++) {
            const uint64_t chance = kr_rng_below(rng, 1000);
            const uint32_t nodes = chance < one ? FIRST : chance < one + other ? SECOND : BOTH;
            const uint64_t created_ms = WALKERS_NOW_MS - i / per_hour * HOUR_MS;
            const uint32_t month = WALKERS_MONTH + (uint32_t)kr_rng_below(rng, 3);
            walkers_id(i, id);
            memset(id, 0x11, kr_rng_below(rng, 4) == 0 ? kr_rng_below(rng, 9) : 0);
            for (uint32_t node = 0; node < 2; node++) {
                if ((nodes >> node & 1u) != 0) {
                    walkers_put(&walkers, node, id, created_ms, month, true);
                }
            }
        }
        uint32_t walks = 0;
        for (walkers.loss = 100; !walkers_are_equal(&walkers) && walks < 60; walks++) {
            walkers.loss = walks < 20 ? 100 : 0;
            assert_true(walkers_begin(&walkers));
            walkers_run(&walkers, ROUNDS_MAX);
            walkers.now_ms += 60000;
        }
        if (!walkers_are_equal(&walkers)) {
            fail_msg("seed %llu: not equal after %u walks", (unsigned long long)seed, walks);
        }
        assert_true(walkers.waiting_max <= KR_WALK_FRAMES_MAX * KR_SYNC_BYTES_MAX);
    }
}

/* ---- peers that mean harm ---- */

/* The second node is a liar: what it says is the test's, with parts that the caller writes. */
struct lie {
    struct kr_writer parts;
    struct kr_message message;
};

static void lie_begin(struct lie *lie, uint32_t generation)
{
    const struct kr_walk *walk = &walkers.nodes[0].link->walk;
    kr_writer_init(&lie->parts, 2 * KR_SYNC_BYTES_MAX);
    lie->message = (struct kr_message){.type = KR_MESSAGE_SYNC,
                                       .walk = walk->number,
                                       .generation = generation,
                                       .dealt = generation > 0 ? walk->generations[generation - 1].sent_dealt : 0,
                                       .count = UINT64_MAX};
    kr_scope_tag(lie->message.tag, walkers.nodes[0].link->session.salt, &walkers.scope);
}

static void lie_add(struct lie *lie, const struct kr_sync_part *part)
{
    kr_sync_part_write(part, &lie->parts);
    lie->message.part_count++;
}

static void lie_say(struct lie *lie)
{
    lie->message.parts = (struct kr_slice){lie->parts.bytes, lie->parts.len};
    walkers_say(&walkers, 1, &lie->message);
    kr_writer_deinit(&lie->parts);
}

/* The first node has begun, and the other says nothing of its own. */
static void begin_with_a_liar(void)
{
    put_common(3000);
    put(FIRST, 100000, 5);
    assert_true(walkers_begin(&walkers));
    walkers.nodes[1].is_dead = true;
    walkers_run(&walkers, 1);
}

static uint32_t times_said(const char *text)
{
    uint32_t times = 0;
    for (const char *at = strstr(walkers.log, text); at != NULL; at = strstr(at + 1, text)) {
        times++;
    }
    return times;
}

static struct kr_sync_part node_part(const uint8_t *digests)
{
    struct kr_sync_part part = {.what = KR_SYNC_NODES, .month = WALKERS_MONTH, .nibbles = 5, .present = 0xffff, .count = 16};
    const uint32_t hour = kr_tree_hour(WALKERS_NOW_MS);
    part.prefix[1] = (uint8_t)(hour >> 16);
    part.prefix[2] = (uint8_t)(hour >> 8 & 0xf0u);
    part.items = digests;
    return part;
}

static void a_peer_that_answers_for_ever_is_left_alone(void **state)
{
    static const uint8_t digests[16 * KR_SYNC_DIGEST_BYTES] = {1};
    const struct kr_sync_part part = node_part(digests);
    struct lie lie;
    uint32_t said = 0;
    (void)state;
    begin_with_a_liar();
    for (; said < 2000 && walkers.nodes[0].link->walk.is_active; said++) {
        lie_begin(&lie, 1);
        for (uint32_t i = 0; i < 300; i++) {
            lie_add(&lie, &part);
        }
        lie_say(&lie);
        walkers_run(&walkers, 2);
        walkers.nodes[0].link->walk.generations[2].sent_dealt = walkers.nodes[0].link->walk.generations[2].sent;
    }
    assert_true(said > 10 && said < 2000);
    assert_int_equal(times_said("does not come to an end"), 1);
    walkers.nodes[1].is_dead = false;
    assert_false(walkers_begin(&walkers));
    walkers.now_ms += KR_WALK_PAUSE_MS;
    walkers.nodes[0].link->bulk.count = 0; /* it has been handed over much of what it said to lack */
    walk();
    assert_true(walkers_are_equal(&walkers));
}

/* Nobody else's walks can use up what walks of a peer may cost, and one walk after another costs as much as a long one. */
static void many_walks_cost_as_much_as_a_long_one(void **state)
{
    struct kr_message message = {.type = KR_MESSAGE_SYNC};
    struct kr_link *link = walkers.nodes[1].link;
    (void)state;
    kr_scope_tag(message.tag, link->session.salt, &walkers.scope);
    put_common(200);
    for (message.walk = 1; message.walk < 5000 && link->walk.paused_until_ms == 0; message.walk++) {
        walkers_say(&walkers, 0, &message);
        walkers_run(&walkers, 2);
    }
    assert_true(message.walk > 100 && message.walk < 5000);
    assert_int_equal(times_said("does not come to an end"), 1);
}

/* Messages at the limit, one after the other, and all that it is told stays unread. */
static void flood(void)
{
    static const uint8_t names[KR_SYNC_LIST_MAX * KR_SYNC_NAME_BYTES] = {1};
    struct kr_sync_part part = {.what = KR_SYNC_LIST, .month = WALKERS_MONTH, .count = KR_SYNC_LIST_MAX, .items = names};
    begin_with_a_liar();
    for (uint32_t said = 0; said < 100; said++) {
        struct lie lie;
        lie_begin(&lie, 1);
        for (uint32_t i = 0; i < 10; i++) {
            lie_add(&lie, &part);
        }
        lie_say(&lie);
    }
    walkers_run(&walkers, 1);
}

static void more_messages_than_have_room_are_let_go(void **state)
{
    const struct kr_walk *walk = &walkers.nodes[0].link->walk;
    (void)state;
    flood();
    assert_true(walk->is_active);
    assert_true(walkers.waiting_max > KR_MIB);
    assert_true(walkers.waiting_max <= KR_WALK_BYTES_MAX);
    assert_true(walk->count <= KR_WALK_FRAMES_MAX);
    assert_int_equal(walk->generations[1].came, 100);
    assert_true(walk->generations[2].sent <= KR_WALK_WINDOW + 1);
}

/* What fits into no full message waits for more of its generation, while others are dealt with: messages are counted. */
static void only_full_messages_pass_a_window(void **state)
{
    static const uint8_t digests[16 * KR_SYNC_DIGEST_BYTES] = {1}, name[KR_SYNC_NAME_BYTES] = {1};
    const struct kr_sync_part node = node_part(digests);
    const struct kr_sync_part want = {.what = KR_SYNC_WANT, .month = WALKERS_MONTH, .count = 1, .items = name};
    const struct kr_walk *walk = &walkers.nodes[0].link->walk;
    struct lie lie;
    (void)state;
    begin_with_a_liar();
    for (uint32_t said = 0; said < 20; said++) {
        lie_begin(&lie, 1);
        for (uint32_t i = 0; i < 400; i++) {
            lie_add(&lie, &node);
        }
        lie_say(&lie);
    }
    walkers_run(&walkers, 50);
    assert_int_equal(walk->generations[2].sent, KR_WALK_WINDOW);
    assert_true(walk->count > 0);
    const uint64_t before = walkers.nodes[0].bytes;
    for (uint32_t dealt = 1; dealt <= 10; dealt++) {
        lie_begin(&lie, 3);
        lie.message.dealt = dealt;
        lie_add(&lie, &want);
        lie_say(&lie);
        walkers_run(&walkers, 50);
        assert_int_equal(walk->generations[2].sent, KR_WALK_WINDOW + dealt);
    }
    assert_true(walkers.nodes[0].bytes - before > UINT64_C(9) * KR_SYNC_BYTES_MAX);
}

/* As many small parts as one message holds, none of which leads on: each step reads no more than it may. */
static void a_message_costs_no_more_than_a_step(void **state)
{
    uint8_t item[KR_SYNC_MONTH_BYTES], digest8[KR_SYNC_DIGEST_BYTES];
    const struct kr_sync_part months = {.what = KR_SYNC_MONTHS, .count = 1, .items = item};
    struct kr_sync_part node = {
        .what = KR_SYNC_NODES, .month = WALKERS_MONTH, .nibbles = 2, .from = 2, .present = 3, .shown = 3, .prefix = {0x70}};
    struct kr_tree_month ours;
    uint32_t count = 0;
    (void)state;
    begin_with_a_liar();
    assert_int_equal(kr_store_tree_months(walkers.nodes[0].txn, &walkers.scope, 0, &ours, 1, &count), KR_OK);
    kr_hash_short(digest8, walkers.nodes[0].link->walk.key, ours.digest, 32);
    kr_sync_month_write(item, WALKERS_MONTH, digest8);
    memset(&reads, 0, sizeof reads);
    for (uint32_t i = 0; i < 2; i++) {
        const struct kr_sync_part *part = i == 0 ? &months : &node;
        struct lie lie;
        lie_begin(&lie, 1);
        while (lie.parts.len + 32 < KR_SYNC_BYTES_MAX) {
            lie_add(&lie, part);
        }
        lie_say(&lie);
        walkers_run(&walkers, 2);
    }
    assert_int_equal(walkers.nodes[0].link->walk.generations[1].dealt, 2);
    assert_int_equal(reads.months_max, 1);
    assert_true(reads.looks_max > 1000);
    assert_true(reads.looks_max <= KR_WALK_COST_STEP / KR_WALK_COST_LOOK + KR_TREE_NIBBLES);
}

/* Two peers share the room, whichever came first. */
static void no_peer_fills_the_room_of_all(void **state)
{
    static const uint8_t names[KR_SYNC_LIST_MAX * KR_SYNC_NAME_BYTES] = {1};
    const struct kr_sync_part part = {.what = KR_SYNC_LIST, .month = WALKERS_MONTH, .count = KR_SYNC_LIST_MAX, .items = names};
    struct walkers_node *node = &walkers.nodes[0];
    struct kr_link *first = node->link, *second = calloc(1, sizeof *second);
    struct kr_step step = {
        .core = node->core, .txn = node->txn, .rng = &walkers.rng, .effects = &node->effects, .now_ms = walkers.now_ms};
    struct lie lie;
    (void)state;
    assert_non_null(second);
    flood();
    const size_t before = first->walk.bytes;
    assert_true(before > KR_WALK_BYTES_MAX * 3 / 4);
    second->number = 2;
    second->state = KR_LINK_OPEN;
    second->has_session = second->walk.is_active = true;
    second->session = first->session;
    memcpy(second->council, first->council, 32);
    second->progress_generation = UINT64_MAX;
    second->walk.number = first->walk.number;
    second->walk.scope = walkers.scope;
    second->walk.generations[0].sent = 1;
    second->walk.generations[2].sent = KR_WALK_WINDOW; /* nothing is dealt with */
    node->core->links[node->core->link_count++] = second;
    for (uint32_t said = 0; said < 100; said++) {
        lie_begin(&lie, 1);
        for (uint32_t i = 0; i < 10; i++) {
            lie_add(&lie, &part);
        }
        lie.message.parts = (struct kr_slice){lie.parts.bytes, lie.parts.len};
        assert_int_equal(kr_walk_message(&step, second, &lie.message), KR_OK);
        kr_writer_deinit(&lie.parts);
        assert_true(first->walk.bytes + first->walk.parts.len + second->walk.bytes <= KR_WALK_BYTES_MAX);
    }
    assert_true(second->walk.bytes > KR_WALK_BYTES_MAX * 2 / 5);
    assert_true(first->walk.bytes > KR_WALK_BYTES_MAX * 2 / 5);
    assert_true(first->walk.generations[1].told < first->walk.generations[1].dealt);
    node->core->link_count--;
    first->walk.generations[2].sent_dealt = first->walk.generations[2].sent;
    assert_int_equal(kr_walks_tick(&step), KR_OK);
    kr_walk_close(second);
    free(second->progress);
    free(second);
}

static void a_peer_that_falls_silent_is_given_up(void **state)
{
    (void)state;
    begin_with_a_liar();
    assert_true(walkers.nodes[0].link->walk.is_active);
    struct kr_step step = {.core = walkers.nodes[0].core,
                           .txn = walkers.nodes[0].txn,
                           .rng = &walkers.rng,
                           .effects = &walkers.nodes[0].effects,
                           .now_ms = walkers.now_ms + KR_WALK_MS_MAX};
    assert_int_equal(kr_walks_tick(&step), KR_OK);
    assert_false(walkers.nodes[0].link->walk.is_active);
    assert_int_equal(walkers.done, 1);
    assert_int_equal(walkers.found, 0);
}

static void what_was_dealt_with_and_never_sent_ends_the_walk(void **state)
{
    struct lie lie;
    (void)state;
    begin_with_a_liar();
    lie_begin(&lie, 1);
    lie.message.dealt = 1000;
    lie_say(&lie);
    walkers_run(&walkers, 2);
    assert_false(walkers.nodes[0].link->walk.is_active);
    assert_int_equal(times_said("goes against the rules"), 1);
}

static void a_generation_that_nobody_reaches_ends_the_walk(void **state)
{
    static const uint32_t generations[] = {KR_WALK_GENERATIONS - 1, KR_WALK_GENERATIONS, UINT32_MAX};
    (void)state;
    put_common(3000);
    put(FIRST, 100000, 5);
    for (uint32_t i = 0; i < sizeof generations / sizeof generations[0]; i++) {
        struct lie lie;
        walkers.nodes[1].is_dead = false;
        assert_true(walkers_begin(&walkers));
        walkers.nodes[1].is_dead = true;
        walkers_run(&walkers, 1);
        lie_begin(&lie, 1);
        lie.message.generation = generations[i];
        lie.message.dealt = 0;
        lie_say(&lie);
        walkers_run(&walkers, 2);
        assert_false(walkers.nodes[0].link->walk.is_active);
        assert_int_equal(times_said("goes against the rules"), i + 1);
        walkers.now_ms += KR_WALK_PAUSE_MS;
    }
}

/* Parts that nobody asked for, of every kind, about places where there is nothing or other things than the peer says. */
static void parts_that_were_not_asked_for_do_no_harm(void **state)
{
    static uint8_t digests[16 * KR_SYNC_DIGEST_BYTES];
    uint8_t months[2][KR_SYNC_MONTH_BYTES];
    (void)state;
    begin_with_a_liar();
    for (uint32_t i = 0; i < 400 && walkers.nodes[0].link->walk.is_active; i++) {
        struct kr_rng *rng = &walkers.rng;
        struct kr_sync_part part = node_part(digests);
        struct lie lie;
        kr_rng_bytes(rng, digests, sizeof digests);
        kr_sync_month_write(months[0], (uint32_t)kr_rng_below(rng, 700), digests);
        kr_sync_month_write(months[1], 700 + (uint32_t)kr_rng_below(rng, 64836), digests);
        part.what = 1 + (uint32_t)kr_rng_below(rng, 4);
        part.month = kr_rng_below(rng, 4) == 0 ? (uint32_t)kr_rng_below(rng, 65536) : WALKERS_MONTH;
        part.nibbles = (uint32_t)kr_rng_below(rng, KR_SYNC_NIBBLES);
        for (uint32_t j = part.nibbles / 2 < 8 ? part.nibbles / 2 : 8; j < (part.nibbles + 1) / 2; j++) {
            part.prefix[j] = (uint8_t)(j < part.nibbles / 2 ? kr_rng_below(rng, 256) : kr_rng_below(rng, 16) << 4);
        }
        memset(part.prefix + (part.nibbles + 1) / 2, 0, sizeof part.prefix - (part.nibbles + 1) / 2);
        part.prefix[part.nibbles / 2] &= part.nibbles % 2 == 0 ? 0 : 0xf0u;
        part.from = (uint32_t)kr_rng_below(rng, part.nibbles + 1);
        if (part.what == KR_SYNC_MONTHS) {
            part = (struct kr_sync_part){.what = KR_SYNC_MONTHS, .count = 2, .items = months[0]};
        } else if (part.what != KR_SYNC_NODES) {
            part.count = (uint32_t)kr_rng_below(rng, 17) + (part.what == KR_SYNC_WANT);
            part.present = 0;
            part.from = 0;
        }
        lie_begin(&lie, 1);
        lie_add(&lie, &part);
        lie_say(&lie);
        walkers_run(&walkers, 2);
        walkers.nodes[0].link->walk.generations[2].sent_dealt = walkers.nodes[0].link->walk.generations[2].sent;
    }
    assert_int_equal(walkers.nodes[1].pushed, 0);
    walkers.nodes[1].is_dead = false;
    walkers.now_ms += KR_WALK_PAUSE_MS;
    walkers_link(&walkers);
    put(FIRST, 100001, 5);
    walk();
    assert_true(walkers_are_equal(&walkers));
}

static void a_scope_that_is_not_shared_is_not_spoken_of(void **state)
{
    static const uint8_t names[KR_SYNC_NAME_BYTES];
    struct kr_sync_part part = {.what = KR_SYNC_LIST, .month = WALKERS_MONTH, .items = names};
    struct kr_writer parts;
    (void)state;
    put(SECOND, 1, 0);
    kr_writer_init(&parts, KR_SYNC_BYTES_MAX);
    kr_sync_part_write(&part, &parts);
    for (uint8_t kind = KR_SCOPE_DIRECTORY; kind < KR_SCOPE_PAIR; kind++) {
        struct kr_message message = {.type = KR_MESSAGE_SYNC, .walk = kind, .part_count = 1, .parts = {parts.bytes, parts.len}};
        const struct kr_scope scope = {.kind = kind, .id = {9}};
        kr_scope_tag(message.tag, walkers.nodes[1].link->session.salt, &scope);
        if (kind != KR_SCOPE_CLEAR) {
            walkers_say(&walkers, 0, &message);
            walkers_run(&walkers, 3);
            assert_false(walkers.nodes[1].link->walk.is_active);
            assert_int_equal(walkers.nodes[1].link->bulk.count, 0);
        }
    }
    kr_writer_deinit(&parts);
}

/* Who was dialled begins no walk, and what it says of one that does not stand is not answered. */
static void only_who_dials_begins(void **state)
{
    static const uint8_t names[KR_SYNC_NAME_BYTES];
    struct kr_sync_part part = {.what = KR_SYNC_LIST, .month = WALKERS_MONTH, .items = names};
    struct lie lie;
    (void)state;
    put(FIRST, 1, 0);
    lie_begin(&lie, 0);
    lie.message.walk = 5;
    lie_add(&lie, &part);
    lie_say(&lie);
    walkers_run(&walkers, 3);
    assert_int_equal(walkers.nodes[0].pushed, 0);
    assert_int_equal(walkers.nodes[0].messages, 0);
    struct walkers_node *dialled = &walkers.nodes[1];
    struct kr_step step = {
        .core = dialled->core, .txn = dialled->txn, .rng = &walkers.rng, .effects = &dialled->effects, .now_ms = walkers.now_ms};
    bool has_begun = true;
    assert_int_equal(kr_walk_begin(&step, dialled->link, &walkers.scope, NULL, &has_begun), KR_OK);
    assert_false(has_begun);
}

/* Nor is a month that is over handed over to who asks for it. */
static void parts_about_what_is_over_are_passed_over(void **state)
{
    const uint32_t month = kr_tree_month(WALKERS_NOW_MS / 1000) - 2;
    const struct kr_sync_part part = {.what = KR_SYNC_LIST, .month = month};
    uint8_t id[32];
    struct lie lie;
    (void)state;
    walkers_id(1, id);
    walkers_put(&walkers, 0, id, WALKERS_NOW_MS - 9000 * HOUR_MS, month, true);
    begin_with_a_liar();
    lie_begin(&lie, 1);
    lie_add(&lie, &part);
    lie_say(&lie);
    walkers.push_max = 0;
    walkers_run(&walkers, 2);
    assert_int_equal(walkers.nodes[0].link->walk.generations[1].dealt, 1);
    assert_int_equal(walkers.nodes[0].link->bulk.count, 0);
}

static void a_session_that_ends_lets_everything_go(void **state)
{
    struct kr_link *link = walkers.nodes[0].link;
    (void)state;
    flood();
    assert_true(link->walk.count > 0);
    kr_walk_close(link);
    assert_false(link->walk.is_active);
    assert_int_equal(link->walk.count, 0);
    assert_int_equal(link->walk.bytes, 0);
    assert_null(link->walk.parts.bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(equal_trees_end_the_walk_at_once),
        TEST(few_differences_in_many_records_cost_little),
        TEST(small_sets_are_listed_at_once),
        TEST(who_has_nothing_is_given_all),
        TEST(who_has_all_hands_it_over),
        TEST(a_few_beside_very_many_are_found_on_both_sides),
        TEST(months_are_walked_each),
        TEST(months_that_are_over_are_left_alone),
        TEST(ids_that_share_long_prefixes_cost_no_message_a_nibble),
        TEST(ids_without_records_end_the_walk_all_the_same),
        TEST(a_slow_link_holds_the_walk_back),
        TEST(walks_end_with_equal_sets_whatever_was_lost),
        TEST(a_peer_that_answers_for_ever_is_left_alone),
        TEST(many_walks_cost_as_much_as_a_long_one),
        TEST(more_messages_than_have_room_are_let_go),
        TEST(only_full_messages_pass_a_window),
        TEST(a_message_costs_no_more_than_a_step),
        TEST(no_peer_fills_the_room_of_all),
        TEST(a_peer_that_falls_silent_is_given_up),
        TEST(what_was_dealt_with_and_never_sent_ends_the_walk),
        TEST(a_generation_that_nobody_reaches_ends_the_walk),
        TEST(parts_that_were_not_asked_for_do_no_harm),
        TEST(a_scope_that_is_not_shared_is_not_spoken_of),
        TEST(only_who_dials_begins),
        TEST(parts_about_what_is_over_are_passed_over),
        TEST(a_session_that_ends_lets_everything_go),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
