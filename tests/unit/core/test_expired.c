/* Who was away when a record expired gets its header alone, so that both hold the same set; and what two nodes can not agree about
 * costs them little. */
#include <stdio.h>

#include "tests/unit/core/takeback_test.h"

#define MINUTE_MS UINT64_C(60000)
#define HOUR_MS   (60 * MINUTE_MS)

static const struct kr_scope clear = {.kind = KR_SCOPE_CLEAR};

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

static bool are_equal(struct bed *bed, struct kr_scope scope)
{
    uint8_t roots[2][32];
    uint64_t counts[2];
    for (uint32_t i = 0; i < 2; i++) {
        struct kr_txn *txn = NULL;
        if (scope.kind == KR_SCOPE_PAIR) {
            memcpy(scope.id, bed_node(bed, 1 - i)->council, 32);
        }
        assert_int_equal(kr_store_read_begin(bed_node(bed, i)->store, &txn), KR_OK);
        assert_int_equal(kr_store_tree_root(txn, &scope, 0, roots[i], &counts[i]), KR_OK);
        kr_txn_abort(txn);
    }
    return counts[0] == counts[1] && memcmp(roots[0], roots[1], 32) == 0;
}

static bool has_header_alone(struct bed *bed, uint32_t node, const uint8_t id[static 32])
{
    struct kr_head head;
    return bed_head(bed, node, id, &head) == KR_OK && head.state == KR_HEAD_HEADER_ONLY;
}

static bool has_nothing(struct bed *bed, uint32_t node, const uint8_t id[static 32])
{
    struct kr_head head;
    return bed_head(bed, node, id, &head) == KR_NOT_FOUND;
}

static void submit(struct bed *bed, uint32_t node, enum kr_label label, uint8_t token, uint64_t lives_ms, uint8_t ret_id[static 32])
{
    struct kr_submit *submission = bed_submission(bed, label, "a.example", token);
    submission->expires_s = (bed_node(bed, node)->now_ms + lives_ms) / 1000;
    if (label == KR_TLP_AMBER) {
        bed_address(bed, submission, 1 - node);
    }
    assert_int_equal(bed_submit(bed, node, submission, ret_id), KR_OK);
    bed_submission_free(submission);
}

static void start(struct bed *bed, uint32_t node)
{
    assert_int_equal(sim_world_start(bed->world, node), SIM_HOLDS);
}

/* By catching up: the log lists it, and of one that expired the header comes. Of each label; bodies never. */
static void who_was_away_gets_the_header(void **state)
{
    static const enum kr_label labels[] = {KR_TLP_CLEAR, KR_TLP_GREEN, KR_TLP_AMBER};
    struct bed *bed = *state;
    struct kr_scope green = {.kind = KR_SCOPE_GREEN};
    uint8_t ids[3][32], lives[32];
    memcpy(green.id, bed_core(bed, 0)->directory.communities[0]->id, 32);
    bed_run(bed, MINUTE_MS);
    const uint64_t records = bed_records(bed, 1);
    sim_world_crash(bed->world, 1, UINT32_MAX);
    for (uint8_t i = 0; i < 3; i++) {
        submit(bed, 0, labels[i], i + 1, 10 * MINUTE_MS, ids[i]);
    }
    submit(bed, 0, KR_TLP_CLEAR, 9, 100 * HOUR_MS, lives);
    bed_run(bed, 20 * MINUTE_MS);
    start(bed, 1);
    bed_run(bed, MINUTE_MS);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(has_header_alone(bed, 0, ids[i]));
        assert_true(has_header_alone(bed, 1, ids[i]));
    }
    assert_true(bed_holds(bed, 1, lives));
    assert_int_equal(bed_records(bed, 1), records + 1);
    assert_true(are_equal(bed, clear));
    assert_true(are_equal(bed, green));
    assert_true(are_equal(bed, (struct kr_scope){.kind = KR_SCOPE_PAIR}));
    assert_true(bed_link(bed, 0, 1)->is_equal);
}

/* By a walk: the mark has passed it. */
static void who_lost_it_gets_the_header_by_a_walk(void **state)
{
    struct bed *bed = *state;
    struct kr_txn *txn = NULL;
    uint8_t id[32];
    uint64_t arrival;
    submit(bed, 0, KR_TLP_CLEAR, 1, 10 * MINUTE_MS, id);
    bed_run(bed, 20 * MINUTE_MS);
    assert_true(has_header_alone(bed, 1, id));
    assert_true(are_equal(bed, clear));
    sim_world_crash(bed->world, 1, UINT32_MAX);
    bed_run(bed, 1000);
    start(bed, 1);
    assert_int_equal(kr_store_write_begin(bed_node(bed, 1)->store, &txn), KR_OK);
    assert_int_equal(kr_store_record_find(txn, id, &arrival), KR_OK);
    assert_int_equal(kr_store_scope_remove(txn, &clear, id), KR_OK);
    assert_int_equal(kr_store_record_purge(txn, arrival, (struct kr_slice){0}), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    kr_roots_touch(bed_core(bed, 1), NULL);
    assert_false(are_equal(bed, clear));
    bed_run(bed, 5 * MINUTE_MS);
    assert_true(has_header_alone(bed, 1, id));
    assert_true(are_equal(bed, clear));
}

static struct forged expired(struct bed *bed, uint32_t node, struct kr_draft draft, uint64_t ago_ms)
{
    struct kr_writer content;
    draft.kind = KR_KIND_REPORT;
    draft.created_ms = bed->world->now_ms - ago_ms - HOUR_MS;
    draft.expires_s = (bed->world->now_ms - ago_ms) / 1000;
    draft.content = bed_report(&content, "a.example");
    struct forged forged = bed_forge(bed, node, draft);
    kr_writer_deinit(&content);
    return forged;
}

/* Whole or not, it ends as its header; by a clock that may be wrong it does not enter. */
static void what_comes_expired_enters_by_its_header(void **state)
{
    struct bed *bed = *state;
    struct forged whole = expired(bed, 1, (struct kr_draft){.label = KR_TLP_CLEAR}, 1000),
                  other = expired(bed, 1, (struct kr_draft){.label = KR_TLP_CLEAR}, 5000);
    struct forged header = stripped(&other);
    const uint64_t rows = bed_stat(bed, 0).index_rows;
    bed->world->doubts_clocks = true;
    bed_hand_over(bed, 1, 0, &whole);
    bed_hand_over(bed, 1, 0, &header);
    assert_true(has_nothing(bed, 0, whole.id));
    assert_true(has_nothing(bed, 0, header.id));
    bed->world->doubts_clocks = false;
    bed_hand_over(bed, 1, 0, &whole);
    bed_hand_over(bed, 1, 0, &header);
    assert_true(has_header_alone(bed, 0, whole.id));
    assert_true(has_header_alone(bed, 0, header.id));
    assert_int_equal(bed_stat(bed, 0).index_rows, rows + 4); /* under its id and in its scope, each */
    forged_free(&whole);
    forged_free(&other);
    forged_free(&header);
}

/* What it may not hold it may not hold by its header either. */
static void a_header_is_judged_as_the_record_was(void **state)
{
    struct bed *bed = *state;
    static const uint8_t nowhere[32] = {7};
    uint8_t to_itself[1][32];
    struct kr_writer content;
    struct stranger stranger;
    stranger_init(bed, &stranger, 3);
    memcpy(to_itself[0], bed_node(bed, 1)->council, 32);
    struct forged forged[] = {
        expired(bed, 1, (struct kr_draft){.label = KR_TLP_GREEN, .community = nowhere}, 1000),
        expired(bed, 1,
                (struct kr_draft){.label = KR_TLP_AMBER,
                                  .audience = (const uint8_t(*)[32])to_itself,
                                  .audience_count = 1,
                                  .recipients = (const uint8_t(*)[32])to_itself,
                                  .recipient_count = 1},
                1000),
        expired(bed, 1, (struct kr_draft){.label = KR_TLP_CLEAR}, 70 * (uint64_t)BED_DAY_MS), /* its month is over */
        stranger_forge(bed, &stranger,
                       (struct kr_draft){.kind = KR_KIND_REPORT,
                                         .label = KR_TLP_CLEAR,
                                         .created_ms = bed->world->now_ms - HOUR_MS,
                                         .expires_s = bed->world->now_ms / 1000 - 1,
                                         .content = bed_report(&content, "b.example")}),
        clear_report(bed, 1, "c.example"), /* it lives: its header alone is put off */
    };
    for (uint32_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
        struct forged header = stripped(&forged[i]);
        bed_hand_over(bed, 1, 0, &header);
        assert_true(has_nothing(bed, 0, header.id));
        if (i < 4) {
            bed_hand_over(bed, 1, 0, &forged[i]);
            assert_true(has_nothing(bed, 0, forged[i].id));
        }
        forged_free(&header);
        forged_free(&forged[i]);
    }
    assert_int_equal(bed_core(bed, 0)->quarantine_count, 0);
    kr_writer_deinit(&content);
    stranger_deinit(&stranger);
}

/* What was deleted with its month does not come back from a peer whose clock is behind, nor from one that says so. */
static void a_month_that_is_over_stays_so(void **state)
{
    struct bed *bed = *state;
    const uint64_t over_ms = (kr_tree_month_end_s(kr_tree_month(bed->world->now_ms / 1000)) + KR_MONTH_GRACE_S) * 1000;
    struct kr_message ping = {.type = KR_MESSAGE_PING};
    bed_run(bed, over_ms + HOUR_MS - bed->world->now_ms);
    for (uint32_t i = 0; i < 2; i++) {
        struct forged forged = expired(bed, 1, (struct kr_draft){.label = KR_TLP_CLEAR}, BED_DAY_MS + 2 * HOUR_MS);
        struct forged header = stripped(&forged);
        ping.sequence = bed->world->now_ms - (i == 0 ? 0 : 20 * HOUR_MS); /* not over by that clock */
        bed_say(bed, 1, 0, &ping);
        bed_hand_over(bed, 1, 0, &forged);
        bed_hand_over(bed, 1, 0, &header);
        assert_true(has_nothing(bed, 0, forged.id));
        forged_free(&forged);
        forged_free(&header);
    }
}

/* Both lack what the other's clock hides from them for as long as the clocks differ: that costs little, and ends. */
static void clocks_apart(struct bed *bed, int64_t skew_ms)
{
    const uint64_t apart_ms = (uint64_t)(skew_ms < 0 ? -skew_ms : skew_ms);
    uint8_t ids[3][32];
    bed_run(bed, apart_ms + HOUR_MS); /* the keys on the cards are good by both clocks */
    sim_world_crash(bed->world, 1, UINT32_MAX);
    bed_run(bed, 1000);
    sim_world_clock(bed->world, 1, skew_ms);
    submit(bed, 0, KR_TLP_CLEAR, 1, 15 * MINUTE_MS, ids[0]); /* over before node 1 is there */
    submit(bed, 0, KR_TLP_CLEAR, 2, 24 * MINUTE_MS, ids[1]); /* not by node 0's clock */
    bed_run(bed, 20 * MINUTE_MS);
    start(bed, 1);
    bed_run(bed, MINUTE_MS);
    submit(bed, 0, KR_TLP_CLEAR, 3, 8 * MINUTE_MS, ids[2]);
    memset(bed->sent_bytes, 0, sizeof bed->sent_bytes);
    bed_run(bed, HOUR_MS);
    assert_in_range(bed->sent_bytes[0] + bed->sent_bytes[1], 1, 80000); /* pings and pongs alone are 48,000 */
    bed_run(bed, apart_ms + HOUR_MS);
    memset(bed->sent_bytes, 0, sizeof bed->sent_bytes);
    bed_run(bed, HOUR_MS);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(has_header_alone(bed, 0, ids[i]));
        assert_true(has_header_alone(bed, 1, ids[i]));
    }
    assert_true(are_equal(bed, clear));
    assert_in_range(bed->sent_bytes[0] + bed->sent_bytes[1], 1, 52000);
}

static void a_clock_ten_minutes_ahead(void **state)
{
    clocks_apart(*state, 10 * (int64_t)MINUTE_MS);
}

static void a_clock_ten_minutes_behind(void **state)
{
    clocks_apart(*state, -10 * (int64_t)MINUTE_MS);
}

static void a_clock_a_day_ahead(void **state)
{
    clocks_apart(*state, 24 * (int64_t)HOUR_MS - 1000); /* one more second, and it is in doubt */
}

static void a_clock_a_day_behind(void **state)
{
    clocks_apart(*state, 1000 - 24 * (int64_t)HOUR_MS);
}

static void submit_large(struct bed *bed, uint32_t node, uint8_t ret_id[static 32])
{
    enum { DOMAINS = 2000 };
    static char texts[DOMAINS][32];
    const char *domains[DOMAINS];
    for (uint32_t i = 0; i < DOMAINS; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "host-number-%05u.example", i);
        domains[i] = texts[i];
    }
    struct kr_submit *submission = bed_submission(bed, KR_TLP_CLEAR, "a.example", 77);
    bed_submission_body(submission, domains, DOMAINS);
    assert_int_equal(bed_submit(bed, node, submission, ret_id), KR_OK);
    bed_submission_free(submission);
}

/* One trusts the author, the other does not: walks are in vain, and as rare as their pauses say, also while other records come all
 * the time. As soon as the directory says the same to both they hold the same. */
static void walked_for_seldom(struct bed *bed, uint32_t keeps)
{
    struct kr_head head;
    uint8_t id[32], other[32];
    bed_run(bed, MINUTE_MS);
    bed_turn_key(bed, keeps, 1 - keeps);
    submit_large(bed, 1 - keeps, id);
    bed_run(bed, MINUTE_MS);
    assert_int_equal(bed_head(bed, keeps, id, &head), KR_OK);
    assert_int_equal(head.state, KR_HEAD_QUARANTINED);
    assert_false(are_equal(bed, clear));
    for (uint32_t hour = 0; hour < 3; hour++) {
        memset(bed->sent_bytes, 0, sizeof bed->sent_bytes);
        for (uint8_t i = 0; i < 60; i++) {
            submit(bed, keeps, KR_TLP_CLEAR, (uint8_t)(i + 60 * hour), 100 * HOUR_MS, other);
            bed_run(bed, MINUTE_MS);
        }
        assert_true(bed_holds(bed, 1 - keeps, other));
        /* So often the large record came: in the first hour after 1, 2, 4 … minutes, then once an hour or less. */
        assert_in_range(bed->sent_bytes[1 - keeps] / head.record_bytes, 0, hour == 0 ? 7 : 2);
        assert_in_range(bed->sent_bytes[keeps], 1, 300000);
    }
    assert_int_equal(bed_head(bed, keeps, id, &head), KR_OK);
    assert_int_equal(head.state, KR_HEAD_QUARANTINED);
    bed_turn_key(bed, keeps, 1 - keeps);
    kr_quarantine_is_due(bed_core(bed, keeps));
    bed_run(bed, MINUTE_MS);
    assert_true(bed_holds(bed, keeps, id));
    assert_true(are_equal(bed, clear));
    assert_true(bed_link(bed, 0, 1)->is_equal);
}

static void what_the_first_keeps_apart_is_walked_for_seldom(void **state)
{
    walked_for_seldom(*state, 0);
}

static void what_the_second_keeps_apart_is_walked_for_seldom(void **state)
{
    walked_for_seldom(*state, 1);
}

/* What expired while it was kept apart is gone, and comes as a header once its author is known. */
static void what_expired_in_quarantine_comes_by_its_header(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    bed_run(bed, MINUTE_MS);
    bed_turn_key(bed, 0, 1);
    submit(bed, 1, KR_TLP_CLEAR, 1, 10 * MINUTE_MS, id);
    bed_run(bed, MINUTE_MS);
    assert_int_equal(bed_core(bed, 0)->quarantine_count, 1);
    bed_run(bed, 20 * MINUTE_MS);
    assert_true(has_nothing(bed, 0, id));
    bed_turn_key(bed, 0, 1);
    bed_run(bed, 2 * HOUR_MS);
    assert_true(has_header_alone(bed, 0, id));
    assert_true(are_equal(bed, clear));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(who_was_away_gets_the_header),
        TEST(who_lost_it_gets_the_header_by_a_walk),
        TEST(what_comes_expired_enters_by_its_header),
        TEST(a_header_is_judged_as_the_record_was),
        TEST(a_clock_ten_minutes_ahead),
        TEST(a_clock_ten_minutes_behind),
        TEST(a_clock_a_day_ahead),
        TEST(a_clock_a_day_behind),
        TEST(what_the_first_keeps_apart_is_walked_for_seldom),
        TEST(what_the_second_keeps_apart_is_walked_for_seldom),
        TEST(what_expired_in_quarantine_comes_by_its_header),
        TEST(a_month_that_is_over_stays_so),
    };
#undef TEST
    return cmocka_run_group_tests_name("core/expired", tests, NULL, NULL);
}
