/* Trees of dissemination: how they settle, and how they are repaired. */
#include "node/core/spread.h"
#include "tests/unit/core/web.h"

/* ---- trees ---- */

static void records_settle_into_trees(void **state)
{
    enum { NODES = 24, AUTHORS = 4, SETTLING = 6, COUNTED = 12 };
    struct sim_edges edges = {0};
    struct kr_rng rng;
    uint8_t seed[32] = {3};
    uint32_t hops[BED_NODES_MAX], diameter = 0, records[AUTHORS * COUNTED];
    (void)state;
    kr_rng_init(&rng, seed);
    sim_edges_regular(&edges, NODES, 8, &rng);
    struct web *web = web_new(NODES, edges);
    for (uint32_t i = 0; i < NODES; i++) {
        uint32_t most = web_distances(web, i, hops);
        diameter = most > diameter ? most : diameter;
    }
    for (uint32_t i = 0; i < AUTHORS * SETTLING; i++) {
        if (i == AUTHORS) { /* at first four of eight links are eager: about half of what flooding costs, which is 7.3 */
            assert_true(web_payloads(web) < 4.5 * AUTHORS * (NODES - 1));
        }
        uint32_t record = web_publish(web, i % AUTHORS, 1000);
        for (uint32_t node = 0; node < NODES; node++) { /* also the first of an author, along four of eight links */
            assert_true(web_took_ms(web, node, record) < 1000);
        }
    }
    web_forget_counts(web);
    for (uint32_t i = 0; i < AUTHORS * COUNTED; i++) {
        records[i] = web_publish(web, i % AUTHORS, 1000);
    }
    for (uint32_t i = 0; i < AUTHORS * COUNTED; i++) {
        for (uint32_t node = 0; node < NODES; node++) {
            assert_true(web_took_ms(web, node, records[i]) <= (diameter + 1) * WEB_DELAY_MS);
        }
    }
    double each = (double)web_payloads(web) / (AUTHORS * COUNTED * (NODES - 1));
    print_message("payloads a node: %.3f, diameter %u\n", each, diameter);
    assert_true(each >= 1 && each <= 1.2);
    web_free(web);
}

/* As by flooding: with five links or fewer nobody waits for an announcement, at first or later. */
static void a_few_nodes_are_as_fast_as_ever(void **state)
{
    (void)state;
    struct web *web = web_ring(3);
    for (uint32_t i = 0; i < 12; i++) {
        uint32_t record = web_publish(web, i % 3, 1000);
        for (uint32_t node = 0; node < 3; node++) {
            assert_int_equal(web_took_ms(web, node, record), node == i % 3 ? 0 : WEB_DELAY_MS);
        }
    }
    web_forget_counts(web);
    for (uint32_t i = 0; i < 12; i++) {
        (void)web_publish(web, i % 3, 1000);
    }
    assert_int_equal(web_payloads(web), 12 * 2); /* and the third side of the triangle carries ids alone */
    assert_true(web_said(web, KR_MESSAGE_IHAVE) > 0);
    assert_int_equal(web_said(web, KR_MESSAGE_GRAFT), 0);
    web_free(web);
}

static void addressed_records_have_a_tree_for_each_audience(void **state)
{
    static const uint32_t all[] = {1, 2, 3};
    (void)state;
    struct web *web = web_ring(4);
    uint32_t record = 0;
    for (uint32_t i = 0; i < 4; i++) {
        if (i == 2) {
            web_forget_counts(web);
        }
        record = web_address(web, 0, all, 3, 1000);
        assert_true(web_took_ms(web, 1, record) == WEB_DELAY_MS && web_took_ms(web, 3, record) == WEB_DELAY_MS);
        assert_int_equal(web_took_ms(web, 2, record), 2 * WEB_DELAY_MS);
    }
    assert_int_equal(web_payloads(web), 2 * 3);
    /* 2 has them by one side, and the other was pruned: for that side and 2 alone it is the only way, and as fast. */
    uint32_t way = web_came_from(web, 2, record), side = way == 1 ? 3 : 1;
    uint32_t some[] = {side < 2 ? side : 2, side < 2 ? 2 : side};
    web_forget_counts(web);
    record = web_address(web, 0, some, 2, 1000);
    assert_int_equal(web_took_ms(web, 2, record), 2 * WEB_DELAY_MS);
    /* Who is not addressed hears nothing of it, not even an id. */
    assert_int_equal(web->payloads[0][way] + web->payloads[2][way] + web->ids[0][way] + web->ids[2][way], 0);
    web_free(web);
}

/* The author's own link is the way, although another brought the first record sooner; but not where it would be asked for before.
 */
static void the_authors_link_is_kept(void **state)
{
    (void)state;
    for (uint32_t delay_ms = 20; delay_ms >= 10; delay_ms -= 10) {
        bool is_near = delay_ms == 20;
        struct web *web = web_ring(3);
        web_set_delay(web, 0, 1, delay_ms);
        web_set_delay(web, 1, 2, delay_ms);
        bed_run(web->bed, 300000);
        web_forget_counts(web);
        uint32_t record = web_publish(web, 0, 1000);
        assert_int_equal(web_came_from(web, 2, record), 1);
        for (uint32_t i = 0; i < 5; i++) {
            record = web_publish(web, 0, 1000);
            assert_int_equal(web_came_from(web, 2, record), is_near ? 0 : 1);
            assert_int_equal(web_took_ms(web, 2, record), is_near ? WEB_DELAY_MS : 2 * delay_ms);
        }
        assert_int_equal(web->said[2][1][KR_MESSAGE_PRUNE], is_near ? 1 : 0);
        assert_int_equal(web->said[2][0][KR_MESSAGE_PRUNE], is_near ? 0 : 1);
        web_free(web);
    }
}

static void round_trips_are_measured(void **state)
{
    (void)state;
    struct web *web = web_ring(3);
    web_set_delay(web, 0, 1, 300);
    bed_run(web->bed, 300000);
    assert_in_range(bed_link(web->bed, 0, 1)->spread.rtt_ms, 590, 602);
    assert_in_range(bed_link(web->bed, 0, 2)->spread.rtt_ms, 2 * WEB_DELAY_MS - 2, 2 * WEB_DELAY_MS + 2);
    web_free(web);
}

/* ---- repair ---- */

/* A ring of six: 3 gets what 0 writes by one of its sides. That side dies, unnoticed. */
static void a_dead_tree_link_is_repaired_within_two_round_trips(void **state)
{
    (void)state;
    struct web *web = web_ring(6);
    uint32_t record = 0;
    for (uint32_t i = 0; i < 4; i++) {
        record = web_publish(web, 0, 1000);
    }
    uint32_t parent = web_came_from(web, 3, record), other = parent == 2 ? 4 : 2;
    uint64_t usual_ms = web_took_ms(web, 3, record);
    web_forget_counts(web);
    web->is_dead[parent][3] = web->is_dead[3][parent] = true;
    record = web_publish(web, 0, 2000);
    assert_int_equal(web_came_from(web, 3, record), other);
    uint64_t announced_ms = web_took_ms(web, other, record) + WEB_DELAY_MS;
    assert_true(web_took_ms(web, 3, record) <= announced_ms + 3 * WEB_DELAY_MS + 10); /* half a round trip, and one */
    assert_int_equal(web->said[3][other][KR_MESSAGE_GRAFT], 1);
    record = web_publish(web, 0, 2000); /* and from then on it is as fast as ever */
    assert_int_equal(web_took_ms(web, 3, record), usual_ms);
    assert_int_equal(web->said[3][other][KR_MESSAGE_GRAFT], 1);
    web_free(web);
}

/* Eight links each, one that takes five seconds, and one that takes nothing at all: nobody else is later for that. */
static void slow_and_dead_links_slow_nobody_else(void **state)
{
    enum { NODES = 16 };
    struct sim_edges edges = {0};
    struct kr_rng rng;
    uint8_t seed[32] = {5};
    uint32_t hops[BED_NODES_MAX], record = 0, largest = 0;
    (void)state;
    kr_rng_init(&rng, seed);
    sim_edges_regular(&edges, NODES, 8, &rng);
    struct web *web = web_new(NODES, edges);
    for (uint32_t i = 0; i < 6; i++) {
        record = web_publish(web, 0, 1000);
    }
    largest = web_distances(web, 0, hops);
    uint32_t slow = 1, dead;
    while (hops[slow] != 2) {
        slow++;
    }
    dead = slow + 1;
    while (hops[dead] != 2) {
        dead++;
        assert_true(dead < NODES);
    }
    uint32_t slow_parent = web_came_from(web, slow, record), dead_parent = web_came_from(web, dead, record);
    web_set_delay(web, slow_parent, slow, 5000);
    web->is_dead[dead_parent][dead] = web->is_dead[dead][dead_parent] = true;
    for (uint32_t i = 0; i < 8; i++) {
        record = web_publish(web, 0, 1000);
        for (uint32_t node = 0; node < NODES; node++) {
            bool is_struck = node == slow || node == dead;
            uint64_t usual_ms = (largest + 1) * WEB_DELAY_MS, repair_ms = i == 0 ? 3 * WEB_DELAY_MS + WEB_DELAY_MS + 10 : 0;
            /* Whoever got it through those two waits as they do, once. */
            bool is_behind = !is_struck && (web_came_from(web, node, record) == slow || web_came_from(web, node, record) == dead);
            assert_true(web_took_ms(web, node, record) <= usual_ms + (is_struck || is_behind ? repair_ms : 0));
        }
    }
    for (uint32_t i = 0; i < bed_core(web->bed, slow_parent)->link_count; i++) {
        assert_true(bed_core(web->bed, slow_parent)->links[i]->spread.id_count <= KR_ANNOUNCE_MAX);
    }
    web_free(web);
}

/* 2 announces to 1 what 0 wrote, and 0 sends a bad copy: 2 is asked at once. */
static void where_a_copy_is_bad_another_is_asked_for(void **state)
{
    (void)state;
    struct web *web = web_ring(3);
    web->delay_ms[1][2] = 350;
    bed_run(web->bed, 300000); /* 1 hears of 2 soon, and is patient for 200 ms */
    struct kr_writer writer;
    struct kr_slice content = bed_report(&writer, "bad.example");
    struct kr_draft draft = {.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .content = content};
    struct forged first = bed_forge(web->bed, 0, draft), second = bed_forge(web->bed, 0, draft);
    /* The way of this tree is by 0 for both, and ids alone go between 1 and 2. */
    bed_hand_over(web->bed, 0, 1, &first);
    bed_hand_over(web->bed, 0, 2, &first);
    bed_run(web->bed, 1000);
    web_forget_counts(web);
    struct forged bad = second;
    bad.bytes = malloc(second.len);
    assert_non_null(bad.bytes);
    memcpy(bad.bytes, second.bytes, second.len);
    bad.bytes[bad.len - 1] ^= 1;
    bed_hand_over(web->bed, 0, 2, &second); /* runs 100 ms: the id is at 1 after 50 */
    assert_int_equal(web->said[2][1][KR_MESSAGE_IHAVE], 1);
    assert_int_equal(web->said[1][2][KR_MESSAGE_GRAFT], 0);
    assert_non_null(kr_awaiting_find(&bed_core(web->bed, 1)->spread.awaiting, second.id));
    bed_hand_over(web->bed, 0, 1, &bad);
    assert_int_equal(web->said[1][2][KR_MESSAGE_GRAFT], 1);
    assert_true(bed_said(web->bed, 1, "refused a record"));
    bed_run(web->bed, 1000);
    assert_true(bed_holds(web->bed, 1, second.id));
    assert_int_equal(web->said[1][2][KR_MESSAGE_GRAFT], 1);
    assert_int_equal(bed_core(web->bed, 1)->spread.awaiting.count, 0);
    free(bad.bytes);
    forged_free(&first);
    forged_free(&second);
    kr_writer_deinit(&writer);
    web_free(web);
}

/* A peer that is asked and does not answer is passed over for the next. */
static void who_does_not_send_what_it_announced_is_passed_over(void **state)
{
    static const uint8_t id[32] = {7};
    (void)state;
    struct web *web = web_ring(3);
    web_announce(web, 0, 1, id); /* neither has it */
    web_announce(web, 2, 1, id);
    bed_run(web->bed, 30000);
    assert_int_equal(web->asked[1][0], 1);
    assert_int_equal(web->asked[1][2], 1);
    assert_int_equal(bed_core(web->bed, 1)->spread.awaiting.count, 0); /* then it is left to catching up */
    web_free(web);
}

/* What is under check is not asked for, however long that takes; when the check has failed, it is. */
static void what_is_under_check_counts_as_coming(void **state)
{
    static const uint8_t id[32] = {7}, other[32] = {8};
    (void)state;
    struct web *web = web_ring(3);
    struct kr_core *core = bed_core(web->bed, 1);
    web_set_delay(web, 1, 2, 150);
    bed_run(web->bed, 300000); /* so that 1 is patient for longer than it takes to tell it all this */
    struct kr_step step = {.core = core, .now_ms = web->bed->world->now_ms};
    web_forget_counts(web);
    web_announce(web, 2, 1, id);
    assert_int_equal(kr_spread_checking(&step, bed_link(web->bed, 1, 0), id), KR_OK);
    assert_int_equal(kr_spread_checking(&step, bed_link(web->bed, 1, 0), other), KR_OK);
    web_announce(web, 2, 1, other); /* before and during the check */
    bed_run(web->bed, 20000);
    assert_int_equal(web->asked[1][2], 0);
    kr_spread_unchecked(core, id);
    kr_spread_unchecked(core, other);
    bed_run(web->bed, 20000);
    assert_int_equal(web->asked[1][2], 2);
    assert_int_equal(web->asked[1][0], 0); /* whose copy was the bad one */
    web_free(web);
}

/* 1 is on the slower of two ways, which is so late that it asks on the other, and then comes before the answer: it has to change
 * over, not to ask for every record. */
static void what_was_asked_for_in_vain_shows_the_better_way(void **state)
{
    (void)state;
    struct web *web = web_ring(4);
    web_set_delay(web, 0, 1, 35);
    web_set_delay(web, 1, 2, 5);
    bed_run(web->bed, 300000);
    uint32_t record = web_publish(web, 3, 1000);
    assert_int_equal(web_came_from(web, 1, record), 2);
    struct kr_slice id = {web->bed->world->records[record].id, KR_SHORT_ID_BYTES};
    bed_say(web->bed, 1, 2, &(struct kr_message){.type = KR_MESSAGE_PRUNE, .ids = id});
    bed_say(web->bed, 1, 0, &(struct kr_message){.type = KR_MESSAGE_GRAFT, .status = 1, .ids = id});
    web_forget_counts(web);
    record = web_publish(web, 3, 1000);
    assert_int_equal(web_came_from(web, 1, record), 0);
    assert_int_equal(web->asked[1][2], 1);
    for (uint32_t i = 0; i < 4; i++) {
        record = web_publish(web, 3, 1000);
        assert_int_equal(web_took_ms(web, 1, record), WEB_DELAY_MS + 5);
    }
    assert_int_equal(web->asked[1][2], 1);
    web_free(web);
}

/* While records come in the order in which they were announced, late as they are, none is asked for. */
static void a_slow_stream_is_not_asked_for_again(void **state)
{
    (void)state;
    struct web *web = web_ring(3);
    struct forged records[4];
    struct kr_writer writer;
    struct kr_slice content = bed_report(&writer, "slow.example");
    web_set_delay(web, 1, 2, 150);
    bed_run(web->bed, 300000); /* 1 is patient for 150 ms, and each comes 100 ms after the one before */
    web_forget_counts(web);
    uint8_t ids[4][KR_SHORT_ID_BYTES];
    for (uint32_t i = 0; i < 4; i++) {
        records[i] = bed_forge(web->bed, 0, (struct kr_draft){.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .content = content});
        memcpy(ids[i], records[i].id, KR_SHORT_ID_BYTES);
    }
    bed_say(web->bed, 2, 1, &(struct kr_message){.type = KR_MESSAGE_IHAVE, .ids = {ids[0], sizeof ids}});
    for (uint32_t i = 0; i < 4; i++) {
        bed_hand_over(web->bed, 0, 1, &records[i]);
        assert_true(bed_holds(web->bed, 1, records[i].id));
        forged_free(&records[i]);
    }
    assert_int_equal(web->asked[1][2], 0);
    kr_writer_deinit(&writer);
    web_free(web);
}

/* Ids use the window like records: one that is too small for them holds them back. */
static void ids_wait_for_room(void **state)
{
    (void)state;
    struct web *web = web_chain(2);
    struct kr_link *link = bed_link(web->bed, 0, 1);
    uint32_t record = web_publish(web, 0, 1000);
    bed_say(web->bed, 1, 0,
            &(struct kr_message){.type = KR_MESSAGE_PRUNE, .ids = {web->bed->world->records[record].id, KR_SHORT_ID_BYTES}});
    web_forget_counts(web);
    web->is_dead[0][1] = true; /* so that 1's core asks for nothing */
    link->room = link->window = KR_SHORT_ID_BYTES + 1;
    (void)web_publish(web, 0, 10);
    assert_int_equal(web->ids[0][1], 1);
    assert_int_equal(link->window, 1);
    (void)web_publish(web, 0, 10);
    assert_int_equal(web->ids[0][1], 1);
    assert_int_equal(link->spread.id_count, 1);
    link->window = KR_SHORT_ID_BYTES;
    (void)web_publish(web, 0, 10);
    assert_int_equal(web->ids[0][1], 2);
    web_free(web);
}

/* ---- what is not spread ---- */

/* The link that brought a record first brings it again, as when it was wanted and on its way: no copy too many in the tree. */
static void a_copy_from_the_same_link_prunes_nothing(void **state)
{
    (void)state;
    struct web *web = web_chain(2);
    struct kr_writer writer;
    struct kr_slice content = bed_report(&writer, "twice.example");
    struct forged record =
        bed_forge(web->bed, 0, (struct kr_draft){.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .content = content});
    bed_hand_over(web->bed, 0, 1, &record);
    bed_hand_over(web->bed, 0, 1, &record);
    bed_run(web->bed, 1000);
    assert_true(bed_holds(web->bed, 1, record.id));
    assert_int_equal(web_said(web, KR_MESSAGE_PRUNE), 0);
    forged_free(&record);
    kr_writer_deinit(&writer);
    web_free(web);
}

/* 1 was cut off from 0 and catches up: 2 hears of what is older than ten minutes only by catching up itself. */
static void what_was_caught_up_with_is_not_spread_again(void **state)
{
    (void)state;
    struct web *web = web_chain(3);
    web->is_dead[0][1] = web->is_dead[1][0] = true;
    uint32_t old = web_publish(web, 0, KR_SPREAD_AGE_MS + 60000), fresh = web_publish(web, 0, 60000);
    web_forget_counts(web);
    web->is_dead[0][1] = web->is_dead[1][0] = false;
    uint64_t end_ms = web->bed->world->now_ms + 120000;
    while (!bed_holds(web->bed, 1, web->bed->world->records[old].id) ||
           !bed_holds(web->bed, 1, web->bed->world->records[fresh].id)) {
        bed_run(web->bed, 10);
        assert_true(web->bed->world->now_ms < end_ms);
    }
    assert_int_equal(web->ids[1][2], 1); /* of the other one alone */
    assert_int_equal(web->payloads[1][2], 0);
    bed_run(web->bed, 120000);
    assert_true(bed_holds(web->bed, 2, web->bed->world->records[old].id));
    assert_true(bed_holds(web->bed, 2, web->bed->world->records[fresh].id));
    assert_int_equal(web->payloads[1][2], 2);
    web_free(web);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_settle_into_trees),
        cmocka_unit_test(a_few_nodes_are_as_fast_as_ever),
        cmocka_unit_test(addressed_records_have_a_tree_for_each_audience),
        cmocka_unit_test(the_authors_link_is_kept),
        cmocka_unit_test(round_trips_are_measured),
        cmocka_unit_test(a_dead_tree_link_is_repaired_within_two_round_trips),
        cmocka_unit_test(slow_and_dead_links_slow_nobody_else),
        cmocka_unit_test(where_a_copy_is_bad_another_is_asked_for),
        cmocka_unit_test(who_does_not_send_what_it_announced_is_passed_over),
        cmocka_unit_test(what_is_under_check_counts_as_coming),
        cmocka_unit_test(what_was_asked_for_in_vain_shows_the_better_way),
        cmocka_unit_test(a_slow_stream_is_not_asked_for_again),
        cmocka_unit_test(ids_wait_for_room),
        cmocka_unit_test(a_copy_from_the_same_link_prunes_nothing),
        cmocka_unit_test(what_was_caught_up_with_is_not_spread_again),
    };
    return cmocka_run_group_tests_name("core/spread", tests, NULL, NULL);
}
