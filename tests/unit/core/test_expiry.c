/* What has expired goes, in slices; submission tokens that nobody will repeat go. */
#include "tests/unit/core/bed.h"

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

static void records_go_when_they_expire_on_every_node(void **state)
{
    struct bed *bed = *state;
    uint8_t short_lived[32], long_lived[32];
    uint64_t records = bed_records(bed, 0);
    struct kr_submit *submit = bed_submission(bed, KR_TLP_GREEN, "a.example", 1);
    submit->expires_s = bed->world->now_ms / 1000 + 600;
    assert_int_equal(bed_submit(bed, 0, submit, short_lived), KR_OK);
    submit->expires_s = 0;
    submit->token[0]++;
    assert_int_equal(bed_submit(bed, 0, submit, long_lived), KR_OK);
    bed_run(bed, 500000);
    assert_true(bed_holds(bed, 0, short_lived));
    assert_true(bed_holds(bed, 1, short_lived));
    bed_run(bed, 300000);
    for (uint32_t node = 0; node < 2; node++) {
        assert_false(bed_holds(bed, node, short_lived));
        assert_true(bed_holds(bed, node, long_lived));
    }
    assert_int_equal(bed_records(bed, 0), records + 1);
    /* It stays in its tree, and is not asked for again and again. */
    bed_run(bed, 120000);
    memset(bed->sent, 0, sizeof bed->sent);
    bed_run(bed, 600000);
    assert_in_range(bed->sent[0], 50, 90);
    assert_true(bed_link(bed, 0, 1)->has_session);
    bed_submission_free(submit);
}

static const struct kr_scope clear = {.kind = KR_SCOPE_CLEAR};

/* The tree of a scope with all its months, also those that are over. */
static uint64_t tree_of(struct bed *bed, uint32_t node, const struct kr_scope *scope, uint8_t ret_root[static 32])
{
    struct kr_txn *txn = NULL;
    uint64_t count = 0;
    assert_int_equal(kr_store_read_begin(bed_node(bed, node)->store, &txn), KR_OK);
    assert_int_equal(kr_store_tree_root(txn, scope, 0, ret_root, &count), KR_OK);
    kr_txn_abort(txn);
    return count;
}

/* A record that has expired is in no list and no look-up, but in its trees, with its header, until they are dropped. */
static void what_has_expired_keeps_its_place_until_its_month_is_over(void **state)
{
    struct bed *bed = *state;
    uint8_t short_lived[32], long_lived[32], before[32], after[32];
    struct kr_head head;
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "a.example", 1);
    submit->expires_s = bed->world->now_ms / 1000 + 600;
    const uint32_t month = kr_tree_month(submit->expires_s);
    assert_int_equal(bed_submit(bed, 0, submit, short_lived), KR_OK);
    submit->expires_s = kr_tree_month_end_s(month + 1) - 1;
    submit->token[0]++;
    assert_int_equal(bed_submit(bed, 0, submit, long_lived), KR_OK);
    bed_submission_free(submit);
    bed_run(bed, 5000);
    const uint64_t count = tree_of(bed, 0, &clear, before);
    const uint64_t end_ms = (kr_tree_month_end_s(month) + KR_MONTH_GRACE_S) * 1000;
    bed_run(bed, 700000);
    for (uint32_t node = 0; node < 2; node++) {
        assert_false(bed_holds(bed, node, short_lived));
        assert_int_equal(bed_head(bed, node, short_lived, &head), KR_OK);
        assert_int_equal(head.state, KR_HEAD_HEADER_ONLY);
        assert_int_equal(tree_of(bed, node, &clear, after), count);
        assert_memory_equal(after, before, 32);
    }
    bed_restart(bed, 0);
    bed_run(bed, end_ms - 120000 - bed->world->now_ms);
    assert_int_equal(bed_head(bed, 0, short_lived, &head), KR_OK);
    assert_int_equal(tree_of(bed, 0, &clear, after), count);
    bed_run(bed, 240000);
    for (uint32_t node = 0; node < 2; node++) {
        assert_int_equal(bed_head(bed, node, short_lived, &head), KR_NOT_FOUND);
        assert_int_equal(tree_of(bed, node, &clear, after), 1);
        assert_true(bed_holds(bed, node, long_lived));
    }
}

/* Of a replaceable kind only what stands is in the tree: so it is the same for who saw the one before, and who did not. */
static void what_is_replaced_leaves_its_tree(void **state)
{
    struct bed *bed = *state;
    uint8_t root[32], mine[32], id[32];
    struct kr_scope directory = {.kind = KR_SCOPE_DIRECTORY};
    memcpy(directory.id, bed_core(bed, 1)->directory.communities[0]->id, 32);
    const uint64_t count = tree_of(bed, 0, &directory, root);
    assert_true(count > 0);
    struct kr_card card = bed_card(bed, 1, 1);
    struct kr_writer content;
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_card_write(&card, &content);
    for (uint64_t version = 1000; version < 1003; version++) {
        struct forged forged = bed_statement(bed, 1, KR_KIND_COUNCIL_CARD, directory.id, bed_node(bed, 1)->council, version,
                                             (struct kr_slice){content.bytes, content.len});
        bed_hand_over(bed, 1, 0, &forged);
        assert_true(bed_holds(bed, 0, forged.id));
        memcpy(id, forged.id, 32);
        forged_free(&forged);
        assert_int_equal(tree_of(bed, 0, &directory, mine), count);
        assert_memory_not_equal(mine, root, 32);
        memcpy(root, mine, 32);
    }
    struct kr_head head; /* and when it ends, it goes at once */
    assert_int_equal(bed_head(bed, 0, id, &head), KR_OK);
    bed_run(bed, head.expires_s * 1000 - bed->world->now_ms + 120000);
    assert_int_equal(bed_head(bed, 0, id, &head), KR_NOT_FOUND);
    assert_int_equal(tree_of(bed, 0, &directory, mine), count - 1);
    kr_writer_deinit(&content);
}

static uint64_t indicators_in_status(struct bed *bed)
{
    static const uint8_t none[] = {0x90};
    struct kr_status status;
    assert_int_equal(bed_request(bed, 0, KR_OP_STATUS, none, sizeof none, 100), KR_OK);
    assert_int_equal(kr_status_read((struct kr_slice){bed->result, bed->result_len}, &status), KR_OK);
    return status.indicators;
}

/* Indicators, not the index's terms (a host name has one for each of its parents); also after a start, and after expiry. */
static void status_counts_indicators(void **state)
{
    struct bed *bed = *state;
    static const char *const domains[] = {"a.b.c.d.example", "e.f.example", "g.example"};
    uint8_t id[32];
    struct kr_submit *submit = bed_submission(bed, KR_TLP_GREEN, "a.example", 1);
    assert_int_equal(indicators_in_status(bed), 0);
    bed_submission_body(submit, domains, 3);
    submit->expires_s = bed->world->now_ms / 1000 + 600;
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_OK);
    assert_int_equal(indicators_in_status(bed), 3);
    submit->token[0]++;
    submit->expires_s = 0;
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_OK);
    assert_int_equal(indicators_in_status(bed), 6);
    sim_world_crash(bed->world, 0, UINT32_MAX);
    assert_int_equal(sim_world_start(bed->world, 0), SIM_HOLDS);
    assert_int_equal(indicators_in_status(bed), 6);
    bed_run(bed, 800000);
    assert_int_equal(indicators_in_status(bed), 3);
    bed_submission_free(submit);
}

static void one_slice_is_bounded_and_says_whether_there_is_more(void **state)
{
    struct bed *bed = *state;
    struct kr_loop *loop = bed_node(bed, 0)->loop;
    enum { RECORDS = 150 };
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "a.example", 1);
    uint8_t id[32], seed[32] = {1};
    submit->expires_s = bed->world->now_ms / 1000 + 7200;
    for (uint32_t i = 0; i < RECORDS; i++) {
        submit->token[1] = (uint8_t)i;
        assert_int_equal(bed_submit(bed, 0, submit, id), KR_OK);
    }
    uint64_t records = bed_records(bed, 0), later_ms = bed->world->now_ms + 7300000;
    bool more = true;
    uint32_t slices = 0, gone_at_once_max = 0;
    while (more && slices < 1000) {
        struct kr_effects effects;
        uint64_t before = bed_records(bed, 0);
        kr_effects_init(&effects);
        assert_int_equal(kr_loop_idle(loop, later_ms, seed, &effects, &more), KR_OK);
        kr_effects_deinit(&effects);
        uint32_t gone = (uint32_t)(before - bed_records(bed, 0));
        gone_at_once_max = gone > gone_at_once_max ? gone : gone_at_once_max;
        slices++;
    }
    assert_false(more);
    assert_int_equal(records - bed_records(bed, 0), RECORDS);
    assert_true(gone_at_once_max <= 64);
    assert_true(slices >= RECORDS / 64);
    bed_submission_free(submit);
}

static void a_token_lives_as_long_as_its_record(void **state)
{
    struct bed *bed = *state;
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "a.example", 1);
    uint8_t first[32], again[32];
    submit->expires_s = bed->world->now_ms / 1000 + 20 * 86400;
    assert_int_equal(bed_submit(bed, 0, submit, first), KR_OK);
    bed_pass(bed, 19 * BED_DAY_MS);
    assert_int_equal(bed_submit(bed, 0, submit, again), KR_OK);
    assert_memory_equal(first, again, 32);
    bed_run(bed, 2 * BED_DAY_MS);
    assert_false(bed_holds(bed, 0, first));
    const uint64_t month_end_ms = kr_tree_month_end_s(kr_tree_month(submit->expires_s)) * 1000;
    submit->expires_s = bed->world->now_ms / 1000 + 86400;
    assert_int_equal(bed_submit(bed, 0, submit, again), KR_OK);
    assert_memory_equal(first, again, 32); /* its header is there */
    bed_pass(bed, month_end_ms + 2 * (uint64_t)BED_DAY_MS - bed->world->now_ms);
    submit->expires_s = bed->world->now_ms / 1000 + 86400;
    assert_int_equal(bed_submit(bed, 0, submit, again), KR_OK);
    assert_memory_not_equal(first, again, 32);
    bed_submission_free(submit);
}

/* Node 0 keeps a stranger's report apart, which expires in ten minutes. */
static struct forged keep_apart(struct bed *bed)
{
    struct stranger stranger;
    struct kr_writer content;
    stranger_init(bed, &stranger, 3);
    struct forged forged = stranger_forge(bed, &stranger,
                                          (struct kr_draft){.kind = KR_KIND_REPORT,
                                                            .label = KR_TLP_CLEAR,
                                                            .expires_s = bed->world->now_ms / 1000 + 600,
                                                            .content = bed_report(&content, "a.example")});
    bed_hand_over(bed, 1, 0, &forged);
    kr_writer_deinit(&content);
    stranger_deinit(&stranger);
    return forged;
}

/* Quarantined records expire too, and give their room back. */
static void quarantine_expires(void **state)
{
    struct bed *bed = *state;
    struct forged forged = keep_apart(bed);
    assert_int_equal(bed_core(bed, 0)->quarantine_count, 1);
    assert_int_equal(bed_core(bed, 0)->quarantine_bytes, forged.len);
    assert_int_equal(bed_link(bed, 0, 1)->quarantine_bytes, forged.len);
    bed_run(bed, 900000);
    assert_false(bed_holds(bed, 0, forged.id));
    assert_int_equal(bed_core(bed, 0)->quarantine_count, 0);
    assert_int_equal(bed_core(bed, 0)->quarantine_bytes, 0);
    assert_int_equal(bed_link(bed, 0, 1)->quarantine_bytes, 0);
    forged_free(&forged);
}

/* Nor does what is kept apart, when quarantine is looked at again. */
static void quarantine_stays_while_the_clock_is_in_doubt(void **state)
{
    struct bed *bed = *state;
    struct kr_loop *loop = bed_node(bed, 0)->loop;
    uint8_t seed[32] = {1};
    struct forged forged = keep_apart(bed);
    for (uint32_t i = 0; i < 2; i++) {
        bool more = true;
        kr_loop_doubt_clock(loop, i == 0);
        bed_core(bed, 0)->quarantine_is_due = true;
        for (uint32_t rounds = 0; rounds < 10 && more; rounds++) {
            struct kr_effects effects;
            kr_effects_init(&effects);
            assert_int_equal(kr_loop_idle(loop, bed->world->now_ms + 700000 + i * 60000, seed, &effects, &more), KR_OK);
            kr_effects_deinit(&effects);
        }
        assert_int_equal(bed_holds(bed, 0, forged.id), i == 0);
        assert_int_equal(bed_core(bed, 0)->quarantine_count, i == 0);
    }
    forged_free(&forged);
}

/* Statements come all the time, and quarantine is looked at again for each: it is got through all the same, and what has expired
 * goes meanwhile. */
static void kinds_of_work_take_turns(void **state)
{
    struct bed *bed = *state;
    struct kr_loop *loop = bed_node(bed, 0)->loop;
    struct stranger stranger;
    struct kr_writer content;
    uint8_t id[32], seed[32] = {1}, at[32] = {0};
    enum { KEPT = 100 };
    bool more = true, is_through = false;
    stranger_init(bed, &stranger, 3);
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "b.example", 1);
    submit->expires_s = bed->world->now_ms / 1000 + 3600;
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_OK);
    for (uint32_t i = 0; i < KEPT; i++) {
        struct forged forged = stranger_forge(bed, &stranger,
                                              (struct kr_draft){.kind = KR_KIND_REPORT,
                                                                .label = KR_TLP_CLEAR,
                                                                .expires_s = bed->world->now_ms / 1000 + 20 * 86400,
                                                                .content = bed_report(&content, "a.example")});
        bed_hand_over(bed, 1, 0, &forged);
        forged_free(&forged);
        kr_writer_deinit(&content);
    }
    struct kr_core *core = bed_core(bed, 0);
    assert_int_equal(core->quarantine_count, KEPT);
    uint64_t later_ms = bed->world->now_ms + 3700000;
    for (uint32_t i = 0; i < 16; i++) {
        struct kr_effects effects;
        kr_quarantine_is_due(core);
        kr_effects_init(&effects);
        assert_int_equal(kr_loop_idle(loop, later_ms, seed, &effects, &more), KR_OK);
        kr_effects_deinit(&effects);
        assert_true(more);
        is_through = is_through || memcmp(core->quarantine_at, at, 32) < 0;
        memcpy(at, core->quarantine_at, 32);
    }
    assert_true(is_through);
    assert_false(bed_holds(bed, 0, id));
    for (uint32_t i = 0; i < 32 && more; i++) {
        struct kr_effects effects;
        kr_effects_init(&effects);
        assert_int_equal(kr_loop_idle(loop, later_ms, seed, &effects, &more), KR_OK);
        kr_effects_deinit(&effects);
    }
    assert_false(more); /* none come, and it ends */
    assert_int_equal(core->quarantine_count, KEPT);
    bed_submission_free(submit);
    stranger_deinit(&stranger);
}

/* As long as the clock is in doubt, or most peers' clocks are more than a day behind ours, what has expired stays. */
static void nothing_goes_by_a_clock_that_may_be_ahead(void **state)
{
    struct bed *bed = *state;
    struct kr_loop *loop = bed_node(bed, 0)->loop;
    uint8_t id[32], seed[32] = {1};
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "a.example", 1);
    submit->expires_s = bed->world->now_ms / 1000 + 3600;
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_OK);
    bed_submission_free(submit);
    uint64_t later_ms = bed->world->now_ms + 3700000;
    for (uint32_t i = 0; i < 3; i++, later_ms += 60000) {
        bool more = true;
        kr_loop_doubt_clock(loop, i == 0);
        bed_link(bed, 0, 1)->clock_ms = i == 1 ? -86400001 : i == 2 ? -86400000 : 0;
        for (uint32_t rounds = 0; rounds < 10 && more; rounds++) {
            struct kr_effects effects;
            kr_effects_init(&effects);
            assert_int_equal(kr_loop_idle(loop, later_ms, seed, &effects, &more), KR_OK);
            kr_effects_deinit(&effects);
        }
        assert_false(more);
        assert_int_equal(bed_holds(bed, 0, id), i < 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_go_when_they_expire_on_every_node, setup, teardown),
        cmocka_unit_test_setup_teardown(what_has_expired_keeps_its_place_until_its_month_is_over, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_replaced_leaves_its_tree, setup, teardown),
        cmocka_unit_test_setup_teardown(status_counts_indicators, setup, teardown),
        cmocka_unit_test_setup_teardown(one_slice_is_bounded_and_says_whether_there_is_more, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_lives_as_long_as_its_record, setup, teardown),
        cmocka_unit_test_setup_teardown(quarantine_expires, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_goes_by_a_clock_that_may_be_ahead, setup, teardown),
        cmocka_unit_test_setup_teardown(quarantine_stays_while_the_clock_is_in_doubt, setup, teardown),
        cmocka_unit_test_setup_teardown(kinds_of_work_take_turns, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/expiry", tests, NULL, NULL);
}
