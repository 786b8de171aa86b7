/* Walking trees, between honest nodes: what differs is found, and costs no more than it should. */
#include "tests/unit/core/walk_test.h"

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

/* The month of the first node's key is over by the other's clock alone. As far as a clock may be off, a day, that is believed; one
 * that is further off has let nothing go. */
static void a_month_that_is_over_for_the_peer_is_left_alone(void **state)
{
    static const struct {
        int64_t clock_ms;
        uint32_t pushed;
    } cases[] = {{86400000 - 1000, 0}, {86400000, 0}, {86400000 + 1, 1}, {86400000 + 1000, 1}, {0, 1}, {-86400000, 1}};
    const uint32_t month = kr_tree_month(WALKERS_NOW_MS / 1000);
    uint8_t id[32];
    (void)state;
    walkers_id(1, id);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        walkers_deinit(&walkers);
        walkers_init(&walkers, 1);
        walkers_put(&walkers, 0, id, WALKERS_NOW_MS, month, true);
        walkers.now_ms = (kr_tree_month_end_s(month) + KR_MONTH_GRACE_S) * 1000 - 86400000 + 1000; /* over by a clock a day ahead */
        walkers.nodes[0].link->clock_ms = cases[i].clock_ms;
        assert_true(walkers_begin(&walkers));
        walkers_run(&walkers, ROUNDS_MAX);
        assert_int_equal(walkers.nodes[0].pushed, cases[i].pushed);
    }
}

/* Where a thousand keys differ here and there, digests are compared a level deeper: a list of all would be as long again as the
 * walk. */
static void many_keys_beside_few_differences_are_not_listed(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 16000; i++) { /* of one hour: a thousand under each nibble of the id */
        put(BOTH, i, 0);
    }
    for (uint64_t i = 0; i < 16; i++) {
        put(i % 2 == 0 ? FIRST : SECOND, 100000 + i, 0);
    }
    walk();
    assert_true(walkers_are_equal(&walkers));
    assert_int_equal(walkers.nodes[0].pushed + walkers.nodes[1].pushed, 16);
    assert_true(bytes() < 12000); /* with lists of 1,000 it is 60,000 and more */
}

/* Number `n`, of an id that begins with eight bytes and this one. */
static void put_under(uint32_t nodes, uint64_t n, uint8_t last, uint64_t hours)
{
    uint8_t id[32];
    walkers_id(n, id);
    memset(id, 0x77, 8);
    id[8] = last;
    for (uint32_t i = 0; i < 2; i++) {
        if ((nodes >> i & 1u) != 0) {
            walkers_put(&walkers, i, id, WALKERS_NOW_MS - hours * HOUR_MS, WALKERS_MONTH, true);
        }
    }
}

/* All of the first one's begin alike for long. The second has so few that they are a leaf, and some of them do not begin so: they
 * are none of those under the first one's children. */
static void keys_of_a_leaf_that_begin_otherwise_are_handed_over(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 3000; i++) {
        put_under(i < 30 ? BOTH : FIRST, i, 0x77, 0);
    }
    for (uint64_t i = 0; i < 12; i++) {
        put_under(SECOND, 100000 + i, (uint8_t)(0x77 ^ (i + 1)), 0);
    }
    walk();
    assert_int_equal(walkers.nodes[1].pushed, 12);
    assert_true(walkers_are_equal(&walkers));
}

/* The two go apart above the place where either has two ways to go: each hands over all of its own, once, and neither asks further.
 */
static void walk_apart(uint8_t last, uint64_t hours, uint64_t bytes_max)
{
    for (uint64_t i = 0; i < 2000; i++) {
        put_under(FIRST, i, 0x77, hours);
        put_under(SECOND, 100000 + i, last, hours);
    }
    walk();
    assert_true(walkers_are_equal(&walkers));
    assert_int_equal(walkers.nodes[0].pushed, 2000);
    assert_int_equal(walkers.nodes[1].pushed, 2000);
    assert_true(bytes() < bytes_max);
}

static void trees_that_part_early_are_handed_over_whole(void **state)
{
    (void)state;
    walk_apart(0x78, 0, 3500);
    assert_true(walkers.last_found <= 3);
}

/* What is below was asked for a level at a time. */
static void branches_that_part_are_handed_over_whole(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 20000; i++) {
        put(BOTH, 1000000 + i, i / 100 + (i / 100 >= 100));
    }
    walk_apart(0x87, 100, 900);
    assert_true(walkers.last_found <= 6);
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
        TEST(a_month_that_is_over_for_the_peer_is_left_alone),
        TEST(many_keys_beside_few_differences_are_not_listed),
        TEST(keys_of_a_leaf_that_begin_otherwise_are_handed_over),
        TEST(trees_that_part_early_are_handed_over_whole),
        TEST(branches_that_part_are_handed_over_whole),
        TEST(ids_that_share_long_prefixes_cost_no_message_a_nibble),
        TEST(ids_without_records_end_the_walk_all_the_same),
        TEST(a_slow_link_holds_the_walk_back),
        TEST(walks_end_with_equal_sets_whatever_was_lost),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
