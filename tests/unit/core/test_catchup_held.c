/* Catching up past what is put off: marks that are held. */
#include "tests/unit/core/catchup_test.h"

/* `node` holds an older card of council 1, as far as its keys go (or the right one again). */
static void turn_key(struct bed *bed, uint32_t node)
{
    bed_turn_key(bed, node, 1);
}

/* 0 has no room for ids[1], by a key that it does not know; ids[0] and ids[2] are there, the last one by catching up. */
static void put_one_off(struct bed *bed, uint8_t ids[][32])
{
    submit_some(bed, 1, 0, 1, ids);
    bed_run(bed, 60000);
    marks_follow(bed, 0, 1);
    bed_core(bed, 0)->quarantine_bytes = KR_QUARANTINE_BYTES_MAX;
    turn_key(bed, 0);
    submit_some(bed, 1, 1, 2, ids);
    bed_run(bed, 60000);
    turn_key(bed, 0);
    for (uint32_t i = 0; i < 2; i++) { /* else a walk would bring it */
        progress(bed, i, 1 - i, KR_SCOPE_CLEAR)->walking.until_ms = UINT64_MAX;
    }
    struct kr_link *link = bed_link(bed, 1, 0);
    uint64_t window = link->window;
    link->window = 0; /* no push goes out */
    submit_some(bed, 1, 2, 3, ids);
    link->fresh.count = 0;
    link->window = window;
    bed_run(bed, 60000);
    turn_key(bed, 0);
    assert_true(bed_holds(bed, 0, ids[0]));
    assert_false(bed_holds(bed, 0, ids[1]));
    assert_true(bed_holds(bed, 0, ids[2]));
    assert_int_equal(progress(bed, 0, 1, KR_SCOPE_CLEAR)->mark, 1);
    assert_int_equal(progress(bed, 0, 1, KR_SCOPE_CLEAR)->at, 3);
}

static void a_record_without_room_holds_the_mark_and_stops_nobody(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[3][32];
    struct kr_head head;
    put_one_off(bed, ids);
    /* While there is no room it is not asked for again, not even by another session; walks bring it ever more seldom. */
    uint64_t received = bed_link(bed, 0, 1)->received_records;
    sim_world_push(bed->world, bed_node(bed, 0), (struct kr_event){.type = KR_EVENT_LOST, .number = bed_link(bed, 0, 1)->number},
                   NULL, 0, bed->world->now_ms);
    bed_run(bed, 600000);
    assert_true(bed_link(bed, 0, 1)->has_session);
    assert_in_range(bed_link(bed, 0, 1)->received_records, received, received + 4); /* after 1, 2, 4 minutes */
    received = bed_link(bed, 0, 1)->received_records;
    bed_core(bed, 0)->quarantine_bytes = 0;
    bed_run(bed, 120000);
    /* Asked for once; what is in quarantine is in no tree, so that a walk may bring it once more. */
    assert_in_range(bed_link(bed, 0, 1)->received_records, received + 1, received + 2);
    assert_int_equal(bed_head(bed, 0, ids[1], &head), KR_OK);
    assert_int_equal(head.state, KR_HEAD_QUARANTINED);
    assert_int_equal(progress(bed, 0, 1, KR_SCOPE_CLEAR)->mark, 3);
    turn_key(bed, 0);
    bed_core(bed, 0)->quarantine_is_due = true;
    bed_run(bed, 60000);
    assert_int_equal(bed_head(bed, 0, ids[1], &head), KR_OK);
    assert_int_equal(head.state, KR_HEAD_SHOWN);
}

/* Quarantine stays full, but now the key is known: its place there is not needed. */
static void what_was_put_off_is_asked_for_when_the_directory_changes(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[3][32];
    struct kr_head head;
    put_one_off(bed, ids);
    turn_key(bed, 0);
    bed_core(bed, 0)->directory.generation++;
    bed_run(bed, 120000);
    assert_int_equal(bed_head(bed, 0, ids[1], &head), KR_OK);
    assert_int_equal(head.state, KR_HEAD_SHOWN);
    assert_int_equal(progress(bed, 0, 1, KR_SCOPE_CLEAR)->mark, 3);
}

/* What holds the mark is forgotten in a crash; the mark itself is not. */
static void what_was_put_off_is_asked_for_after_a_crash(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[3][32];
    put_one_off(bed, ids);
    sim_world_crash(bed->world, 0, UINT32_MAX);
    assert_int_equal(sim_world_start(bed->world, 0), SIM_HOLDS);
    bed_run(bed, 60000);
    assert_true(bed_holds(bed, 0, ids[1]));
    assert_int_equal(progress(bed, 0, 1, KR_SCOPE_CLEAR)->mark, 3);
}

/* 0's clock is two days ahead, and what it signs is dated so. It is not taken yet, and not passed over either. */
static void what_is_dated_far_ahead_is_taken_when_it_has_come_nearer(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[4][32];
    submit_some(bed, 0, 1, 2, ids);
    bed_run(bed, 60000);
    assert_true(bed_holds(bed, 1, ids[1]));
    marks_follow(bed, 1, 0);
    bed_core(bed, 0)->now_ms = bed->world->now_ms + 2 * BED_DAY_MS;
    submit_some(bed, 0, 2, 3, ids);
    bed_forget_log(bed);
    bed_run(bed, BED_DAY_MS - 120000);
    assert_false(bed_holds(bed, 1, ids[2]));
    assert_true(bed_said(bed, 1, "dated more than a day ahead"));
    struct kr_progress *clear = progress(bed, 1, 0, KR_SCOPE_CLEAR);
    assert_true(clear->is_held);
    assert_int_equal(clear->mark, 1);
    assert_true(bed_link(bed, 1, 0)->has_session);
    bed_run(bed, 240000);
    assert_true(bed_holds(bed, 1, ids[2]));
    assert_int_equal(progress(bed, 1, 0, KR_SCOPE_CLEAR)->mark, 2);
}

/* Has the dialler's walk of what both hold begun and ended, as soon as may be. Returns the pause that follows. */
static uint64_t walk_now(struct bed *bed, uint32_t dialler)
{
    struct kr_link *link = bed_link(bed, dialler, 1 - dialler);
    struct kr_progress *clear = progress(bed, dialler, 1 - dialler, KR_SCOPE_CLEAR);
    const uint64_t number = link->walk.number;
    clear->walking.until_ms = bed->world->now_ms;
    memset(link->talked, 0, sizeof link->talked);
    for (uint32_t i = 0; i < 6000 && clear->walking.until_ms <= bed->world->now_ms; i++) {
        bed_run(bed, 10);
        clear = progress(bed, dialler, 1 - dialler, KR_SCOPE_CLEAR);
    }
    assert_true(clear->walking.until_ms > bed->world->now_ms);
    bed_run(bed, 1000);
    assert_int_equal(link->walk.number, number + 1); /* that one alone */
    return progress(bed, dialler, 1 - dialler, KR_SCOPE_CLEAR)->walking.ms;
}

static void lose(struct bed *bed, uint32_t node, const uint8_t id[static 32])
{
    struct kr_txn *txn = NULL;
    uint64_t arrival;
    assert_int_equal(kr_store_write_begin(bed_node(bed, node)->store, &txn), KR_OK);
    assert_int_equal(kr_store_record_find(txn, id, &arrival), KR_OK);
    assert_int_equal(kr_store_record_purge(txn, arrival, (struct kr_slice){0}), KR_OK);
    assert_int_equal(kr_store_scope_remove(txn, &(struct kr_scope){.kind = KR_SCOPE_CLEAR}, id), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    kr_roots_touch(bed_core(bed, node), NULL);
}

/* The pause between walks grows while they bring nothing that is stored: what comes and is kept apart came in vain. One that is
 * stored ends it, and the next in vain begins anew. */
static void what_a_walk_brought_in_vain_does_not_end_the_pause(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[9][32];
    struct kr_head head;
    const uint32_t dialler = bed_link(bed, 0, 1)->we_dial ? 0 : 1;
    submit_some(bed, dialler, 0, 3, ids);
    bed_run(bed, KR_SPREAD_AGE_MS + 60000); /* nobody would push them anew */
    assert_true(bed_link(bed, dialler, 1 - dialler)->is_equal);
    bed_turn_key(bed, dialler, 1 - dialler);
    bed_core(bed, dialler)->quarantine_bytes = KR_QUARANTINE_BYTES_MAX;
    submit_some(bed, 1 - dialler, 3, 4, ids);
    bed_run(bed, 1000);
    assert_int_equal(bed_head(bed, dialler, ids[3], &head), KR_NOT_FOUND); /* there is no room for it */
    bed_run(bed, KR_SPREAD_AGE_MS);
    const uint64_t before = walk_now(bed, dialler), received = bed_link(bed, dialler, 1 - dialler)->received_records;
    assert_int_equal(walk_now(bed, dialler), 2 * before);
    assert_int_equal(bed_link(bed, dialler, 1 - dialler)->received_records, received + 1);
    for (uint32_t round = 0; round < 2; round++) {
        lose(bed, dialler, ids[round]);
        assert_int_equal(walk_now(bed, dialler), KR_PAUSE_MS_MIN);
        assert_true(bed_holds(bed, dialler, ids[round]));
        assert_int_equal(walk_now(bed, dialler), 2 * KR_PAUSE_MS_MIN);
        assert_int_equal(walk_now(bed, dialler), 4 * KR_PAUSE_MS_MIN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_record_without_room_holds_the_mark_and_stops_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_put_off_is_asked_for_when_the_directory_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_put_off_is_asked_for_after_a_crash, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_dated_far_ahead_is_taken_when_it_has_come_nearer, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_walk_brought_in_vain_does_not_end_the_pause, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
