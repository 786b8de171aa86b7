/* A community that gives newcomers what is GREEN from now on, over real cores: what both ends of a link compare, and what a peer
 * gets that asks for more. Nodes 0 and 1, who founded it, share records; hours later 2 joins by way of 1, and 3 by way of 2. */
#include "tests/unit/core/bed.h"

#define NODES     4u
#define NEWCOMERS 2u
#define HOUR_MS   3600000u

static int setup(void **state)
{
    *state = bed_new_grown(NODES, NEWCOMERS);
    bed_run(*state, 120000);
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

static const uint8_t *community(struct bed *bed)
{
    return bed_core(bed, 1)->directory.communities[0]->id;
}

static uint32_t hour_of(struct bed *bed, uint32_t at, uint32_t node)
{
    return kr_directory_hour_from(&bed_core(bed, at)->directory, community(bed), bed_node(bed, node)->council);
}

static const struct kr_progress *green(struct bed *bed, uint32_t from, uint32_t to)
{
    struct kr_scope scope = {.kind = KR_SCOPE_GREEN};
    memcpy(scope.id, community(bed), 32);
    const struct kr_progress *progress = kr_progress_of(bed_link(bed, from, to), &scope);
    assert_non_null(progress);
    return progress;
}

static const uint8_t *an_old_one(struct bed *bed)
{
    assert_true(bed->world->record_count > 0 && bed->world->records[0].is_old);
    return bed->world->records[0].id;
}

/* Both ends of each link say that they hold the same, and compare the same. */
static void all_are_equal(struct bed *bed)
{
    for (uint32_t node = 0; node + 1 < NODES; node++) {
        const struct kr_link *links[] = {bed_link(bed, node, node + 1), bed_link(bed, node + 1, node)};
        for (uint32_t i = 0; i < 2; i++) {
            assert_true(links[i]->is_compared && links[i]->is_equal);
        }
        assert_int_equal(green(bed, node, node + 1)->scope.hour_from, green(bed, node + 1, node)->scope.hour_from);
    }
}

static uint32_t submit_green(struct bed *bed, uint32_t node, uint8_t token, uint8_t ret_id[static 32])
{
    struct kr_submit *submit = bed_submission(bed, KR_TLP_GREEN, "green.example", token);
    const uint32_t code = bed_submit(bed, node, submit, ret_id);
    bed_submission_free(submit);
    return code;
}

static void both_ends_compare_what_both_may_hold(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    const uint32_t joined = kr_tree_hour(bed->world->newcomers_ms);
    for (uint32_t at = 0; at < NODES; at++) {
        assert_true(hour_of(bed, at, 1) == 0 && hour_of(bed, at, 0) < joined);
        assert_true(hour_of(bed, at, 2) == joined && hour_of(bed, at, 3) == joined);
    }
    all_are_equal(bed);
    assert_int_equal(green(bed, 1, 0)->scope.hour_from, hour_of(bed, 1, 0));
    assert_int_equal(green(bed, 1, 2)->scope.hour_from, joined);
    assert_int_equal(green(bed, 2, 3)->scope.hour_from, joined);
    for (uint32_t node = 0; node < NODES; node++) {
        assert_int_equal(bed_holds(bed, node, an_old_one(bed)), node < NODES - NEWCOMERS);
    }
    assert_int_equal(submit_green(bed, 3, 1, id), KR_OK);
    bed_run(bed, 60000);
    for (uint32_t node = 0; node < NODES; node++) {
        assert_true(bed_holds(bed, node, id));
    }
    all_are_equal(bed);
}

static enum kr_policy_reason reason_for(struct bed *bed, uint32_t node, enum kr_policy_use use)
{
    struct kr_head head;
    enum kr_policy_reason reason = KR_POLICY_DENY_UNLABELLED;
    uint8_t scratch[KR_HEAD_SCRATCH];
    struct kr_txn *txn = NULL;
    uint64_t arrival = 0;
    assert_int_equal(kr_store_read_begin(bed_node(bed, 1)->store, &txn), KR_OK);
    assert_int_equal(kr_store_head_find(txn, an_old_one(bed), &arrival, &head, scratch), KR_OK);
    assert_int_equal(kr_policy_of_head(bed_core(bed, 1), use, &head, bed_node(bed, node)->council, &reason), KR_OK);
    kr_txn_abort(txn);
    return reason;
}

/* Each entry of a log that is asked for by its place: what is old is not sent, and not named either, as the world sees that reads
 * frames along. */
static void who_asks_for_what_is_old_hears_nothing_of_it(void **state)
{
    struct bed *bed = *state;
    uint8_t bits[2] = {0xFF, 0xFF};
    struct kr_message want = {.type = KR_MESSAGE_WANT, .count = 16, .bits = {bits, sizeof bits}};
    struct kr_message cursor = {.type = KR_MESSAGE_CURSOR};
    const uint64_t records = bed_records(bed, 2);
    bool (*const on_effect)(void *, struct sim_node *, const struct kr_effect *) = bed->world->on_effect;
    bed->world->on_effect = NULL;
    bed_say_of(bed, 2, 1, green(bed, 2, 1)->scope, &want);
    bed_say_of(bed, 2, 1, green(bed, 2, 1)->scope, &cursor);
    bed_run(bed, 60000);
    bed->world->on_effect = on_effect;
    assert_int_equal(bed_records(bed, 2), records);
    assert_false(bed_holds(bed, 2, an_old_one(bed)));
    assert_int_equal(reason_for(bed, 0, KR_POLICY_HOLD), KR_POLICY_ALLOW_AUTHOR);
    assert_int_equal(reason_for(bed, 1, KR_POLICY_READ), KR_POLICY_ALLOW_MEMBER);
    for (uint32_t node = 2; node < NODES; node++) {
        assert_int_equal(reason_for(bed, node, KR_POLICY_HOLD), KR_POLICY_DENY_BEFORE);
        assert_int_equal(reason_for(bed, node, KR_POLICY_READ), KR_POLICY_DENY_BEFORE);
    }
}

/* A newcomer refuses what an old member brings it all the same; of the hour in which it joined it takes all. */
static void what_is_old_is_refused_from_whoever_brings_it(void **state)
{
    struct bed *bed = *state;
    const uint64_t joined_ms = bed->world->newcomers_ms - bed->world->newcomers_ms % HOUR_MS;
    for (uint32_t i = 0; i < 2; i++) {
        struct kr_writer content;
        const struct kr_slice body = bed_report(&content, "dated.example");
        struct forged forged = bed_forge(bed, 1,
                                         (struct kr_draft){.kind = KR_KIND_REPORT,
                                                           .label = KR_TLP_GREEN,
                                                           .community = community(bed),
                                                           .created_ms = joined_ms - 1 + i,
                                                           .expires_s = bed->world->now_ms / 1000 + 86400,
                                                           .content = body});
        bed_hand_over(bed, 1, 2, &forged);
        bed_run(bed, 1000);
        assert_int_equal(bed_holds(bed, 2, forged.id), i == 1);
        forged_free(&forged);
        kr_writer_deinit(&content);
    }
}

/* Nobody would compare with it what it wrote before it was in, by a clock that is behind. */
static void nobody_writes_before_it_is_in(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    sim_world_clock(bed->world, 3, -2 * (int64_t)HOUR_MS);
    bed_restart(bed, 3);
    assert_int_equal(submit_green(bed, 3, 1, id), KR_DENIED);
    sim_world_clock(bed->world, 3, 0);
    bed_restart(bed, 3);
    assert_int_equal(submit_green(bed, 3, 2, id), KR_OK);
}

static void say(struct bed *bed, uint32_t node, uint32_t of, bool is_expulsion, bool is_withdrawn)
{
    struct kr_say say = {.is_expulsion = is_expulsion, .is_withdrawn = is_withdrawn, .reason = {(const uint8_t *)"so", 2}};
    struct kr_writer args;
    memcpy(say.council, bed_node(bed, of)->council, 32);
    kr_writer_init(&args, 4 * KR_KIB);
    kr_say_write(&say, &args);
    assert_int_equal(bed_request(bed, node, KR_OP_SAY, args.bytes, args.len, 2000), KR_OK);
    kr_writer_deinit(&args);
}

/* Who is let in anew, or comes back, gets what is new from then on, and keeps what it has. */
static void who_is_let_in_anew_is_a_newcomer_anew(void **state)
{
    struct bed *bed = *state;
    for (uint32_t leaves = 0; leaves < 2; leaves++) {
        uint8_t before[32], meanwhile[32], after[32];
        const uint32_t by = leaves == 1 ? 3 : 2, was = hour_of(bed, 1, 3);
        assert_int_equal(submit_green(bed, 0, (uint8_t)(10 + 3 * leaves), before), KR_OK);
        bed_run(bed, 60000);
        say(bed, by, 3, leaves == 1, leaves == 0);
        bed_run(bed, HOUR_MS);
        assert_int_equal(submit_green(bed, 0, (uint8_t)(11 + 3 * leaves), meanwhile), KR_OK);
        bed_run(bed, 2 * HOUR_MS);
        say(bed, by, 3, leaves == 1, leaves == 1);
        bed_run(bed, 300000);
        assert_true(hour_of(bed, 1, 3) >= was + 3 && hour_of(bed, 3, 3) == hour_of(bed, 1, 3));
        assert_int_equal(submit_green(bed, 0, (uint8_t)(12 + 3 * leaves), after), KR_OK);
        bed_run(bed, 60000);
        assert_true(bed_holds(bed, 3, before) && !bed_holds(bed, 3, meanwhile) && bed_holds(bed, 3, after));
        assert_true(bed_holds(bed, 2, meanwhile));
        all_are_equal(bed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_ends_compare_what_both_may_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(who_asks_for_what_is_old_hears_nothing_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_old_is_refused_from_whoever_brings_it, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_writes_before_it_is_in, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_let_in_anew_is_a_newcomer_anew, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/newcomers", tests, NULL, NULL);
}
