#include <stdio.h>

#include "node/core/guard.h"
#include "node/core/job.h"
#include "node/core/listed.h"
#include "node/core/loop.h"
#include "node/core/reason.h"
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

static void unlabelled_and_personal_labels_are_refused(void **state)
{
    struct bed *bed = *state;
    static const struct {
        enum kr_label label;
        enum kr_err code;
    } cases[] = {{KR_TLP_NONE, KR_UNLABELLED}, {KR_TLP_AMBER_STRICT, KR_INVALID}, {KR_TLP_RED, KR_INVALID}};
    uint64_t records = bed_records(bed, 0);
    uint8_t id[32];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kr_submit *submit = bed_submission(bed, cases[i].label, "a.example", 1);
        bed_address(bed, submit, 1);
        assert_int_equal(bed_submit(bed, 0, submit, id), cases[i].code);
        assert_true(strlen(bed->text) > 10);
        bed_submission_free(submit);
    }
    assert_int_equal(bed_records(bed, 0), records);
}

static void each_label_reaches_whom_it_should(void **state)
{
    struct bed *bed = *state;
    static const enum kr_label labels[] = {KR_TLP_CLEAR, KR_TLP_GREEN, KR_TLP_AMBER};
    for (uint8_t i = 0; i < 3; i++) {
        uint8_t id[32];
        struct kr_submit *submit = bed_submission(bed, labels[i], "a.example", (uint8_t)(i + 1));
        if (labels[i] == KR_TLP_AMBER) {
            bed_address(bed, submit, 1);
            bed_address(bed, submit, 1); /* twice is once */
            bed_address(bed, submit, 0); /* the author has it anyway */
        }
        assert_int_equal(bed_submit(bed, 0, submit, id), KR_OK);
        bed_run(bed, 1000);
        assert_true(bed_holds(bed, 0, id));
        assert_true(bed_holds(bed, 1, id));
        bed_submission_free(submit);
    }
}

/* A keyring that does not belong to the card: nothing is stored, not even apart. */
static void a_key_that_our_own_card_does_not_list_signs_nothing(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "a.example", 1);
    uint64_t records = bed_records(bed, 0);
    bed_turn_key(bed, 0, 0);
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_KEY);
    assert_non_null(strstr(bed->text, "keyring"));
    assert_int_equal(bed_records(bed, 0), records);
    bed_turn_key(bed, 0, 0);
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_OK);
    bed_submission_free(submit);
}

static void the_same_token_is_the_same_record(void **state)
{
    struct bed *bed = *state;
    uint8_t first[32], second[32];
    bool is_known = false;
    struct kr_submit *submit = bed_submission(bed, KR_TLP_GREEN, "a.example", 9);
    assert_int_equal(bed_submit(bed, 0, submit, first), KR_OK);
    uint64_t records = bed_records(bed, 0);
    assert_int_equal(bed_submit(bed, 0, submit, second), KR_OK);
    bed_result_id(bed, second, &is_known);
    assert_true(is_known);
    assert_memory_equal(first, second, 32);
    assert_int_equal(bed_records(bed, 0), records);
    /* Also after the node has started again. */
    sim_world_crash(bed->world, 0, UINT32_MAX);
    assert_int_equal(sim_world_start(bed->world, 0), SIM_HOLDS);
    assert_int_equal(bed_submit(bed, 0, submit, second), KR_OK);
    assert_memory_equal(first, second, 32);
    /* Another token is another record. */
    submit->token[0] ^= 1;
    assert_int_equal(bed_submit(bed, 0, submit, second), KR_OK);
    assert_memory_not_equal(first, second, 32);
    bed_submission_free(submit);
}

/* The reply was lost while the first was still being sealed: both are under way at once. */
static void one_token_twice_at_once_is_one_record(void **state)
{
    struct bed *bed = *state;
    struct kr_writer args;
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "a.example", 9);
    uint64_t records = bed_records(bed, 0);
    kr_writer_init(&args, KR_MIB);
    kr_submit_write(submit, &args);
    for (uint32_t i = 0; i < 3; i++) {
        struct kr_event event = {.type = KR_EVENT_REQUEST, .client = BED_CLIENT, .request = 50 + i, .op = KR_OP_SUBMIT};
        sim_world_push(bed->world, bed_node(bed, 0), event, args.bytes, args.len, bed->world->now_ms);
    }
    bed->answers = 0;
    bed_run(bed, 1000);
    assert_int_equal(bed->answers, 3);
    assert_int_equal(bed->code, KR_OK);
    assert_int_equal(bed_records(bed, 0), records + 1);
    kr_writer_deinit(&args);
    bed_submission_free(submit);
}

static void as_many_indicators_as_allowed_and_one_more(void **state)
{
    struct bed *bed = *state;
    static char names[KR_REPORT_INDICATORS_MAX + 1][24];
    static const char *domains[KR_REPORT_INDICATORS_MAX + 1];
    uint8_t id[32];
    struct kr_head head;
    for (uint32_t i = 0; i <= KR_REPORT_INDICATORS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "h%u.example", i);
        domains[i] = names[i];
    }
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "a.example", 1);
    bed_submission_body(submit, domains, KR_REPORT_INDICATORS_MAX + 1);
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_BOUNDS);
    assert_non_null(strstr(bed->text, "4096"));
    bed_submission_body(submit, domains, KR_REPORT_INDICATORS_MAX);
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_OK);
    bed_run(bed, 1000);
    assert_int_equal(bed_head(bed, 1, id, &head), KR_OK);
    assert_int_equal(head.indicator_count, KR_REPORT_INDICATORS_MAX);
    bed_submission_free(submit);
}

/* What `kairan explain` says of it at that node. */
static void expect_explained(struct bed *bed, uint32_t node, const uint8_t id[static 32], const char *reason)
{
    static struct kr_explained explained;
    struct kr_writer args;
    kr_writer_init(&args, KR_KIB);
    kr_writer_array(&args, 1);
    kr_writer_bin(&args, id, 32);
    assert_int_equal(bed_request(bed, node, KR_OP_EXPLAIN, args.bytes, args.len, 100), KR_OK);
    assert_int_equal(kr_explained_read((struct kr_slice){bed->result, bed->result_len}, &explained), KR_OK);
    assert_int_equal(explained.forced.at_ms != 0, reason[0] != 0);
    assert_int_equal(explained.forced.reason.len, strlen(reason));
    assert_memory_equal(explained.forced.reason.bytes, reason, strlen(reason));
    kr_writer_deinit(&args);
}

static void guarded_values_are_named_and_can_be_overridden_with_a_reason(void **state)
{
    struct bed *bed = *state;
    static const char *const domains[] = {"bad-bank.xyz", "www.google.com"};
    uint8_t id[32];
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "a.example", 1);
    bed_submission_body(submit, domains, 2);
    uint64_t records = bed_records(bed, 0);
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_GUARDED);
    assert_non_null(strstr(bed->text, "google"));
    assert_non_null(strstr(bed->text, "well-known"));
    submit->is_forced = true;
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_INVALID); /* why? */
    assert_int_equal(bed_records(bed, 0), records);
    submit->reason = (struct kr_slice){(const uint8_t *)"a page of it is abused", 22};
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_OK);
    expect_explained(bed, 0, id, "a page of it is abused");
    assert_true(bed_said(bed, 0, "stored over the guards"));
    /* The peer takes it: guards are the author's, not the reader's. */
    bed_run(bed, 1000);
    assert_true(bed_holds(bed, 1, id));
    expect_explained(bed, 1, id, ""); /* it stays with the author */
    bed_submission_free(submit);
}

/* Counted where it is signed, for the day, whatever happens to the node. */
static void a_node_signs_so_many_records_a_day(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "a.example", 1), *last, *more;
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_OK);
    assert_int_equal(bed_core(bed, 0)->signed_count, 1);
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_OK); /* the same again is none */
    bed_core(bed, 0)->signed_count = KR_SIGNED_DAY_MAX - 1;
    last = bed_submission(bed, KR_TLP_CLEAR, "b.example", 2);
    assert_int_equal(bed_submit(bed, 0, last, id), KR_OK);
    for (uint32_t life = 0; life < 2; life++) { /* the second one knows it from the store */
        uint64_t records = bed_records(bed, 0);
        more = bed_submission(bed, KR_TLP_CLEAR, "c.example", (uint8_t)(3 + life));
        assert_int_equal(bed_submit(bed, 0, more, id), KR_QUOTA);
        assert_non_null(strstr(bed->text, "midnight"));
        assert_int_equal(bed_records(bed, 0), records);
        bed_submission_free(more);
        sim_world_crash(bed->world, 0, UINT32_MAX);
        assert_int_equal(sim_world_start(bed->world, 0), SIM_HOLDS);
        bed_run(bed, 100);
    }
    assert_int_equal(bed_submit(bed, 0, last, id), KR_OK); /* known: not one more */
    bed_run(bed, BED_DAY_MS - bed->world->now_ms % BED_DAY_MS);
    more = bed_submission(bed, KR_TLP_CLEAR, "c.example", 5);
    assert_int_equal(bed_submit(bed, 0, more, id), KR_OK);
    assert_int_equal(bed_core(bed, 0)->signed_count, 1);
    bed_submission_free(submit);
    bed_submission_free(last);
    bed_submission_free(more);
}

/* Those that were under way when the last place was taken. */
static void what_is_being_signed_counts_too(void **state)
{
    struct bed *bed = *state;
    struct kr_writer args[2];
    bed_core(bed, 0)->signed_day = bed->world->now_ms / BED_DAY_MS;
    bed_core(bed, 0)->signed_count = KR_SIGNED_DAY_MAX - 1;
    for (uint8_t i = 0; i < 2; i++) {
        struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, i == 0 ? "a.example" : "b.example", i);
        kr_writer_init(&args[i], KR_CLIENT_FRAME_BYTES_MAX);
        kr_submit_write(submit, &args[i]);
        struct kr_event event = {.type = KR_EVENT_REQUEST, .client = BED_CLIENT, .request = ++bed->request, .op = KR_OP_SUBMIT};
        sim_world_push(bed->world, bed_node(bed, 0), event, args[i].bytes, args[i].len, bed->world->now_ms);
        bed_submission_free(submit);
    }
    bed_run(bed, 1000);
    assert_int_equal(bed->code, KR_QUOTA);
    assert_int_equal(bed_core(bed, 0)->signed_count, KR_SIGNED_DAY_MAX);
    kr_writer_deinit(&args[0]);
    kr_writer_deinit(&args[1]);
}

/* A long value is cut behind a character, not within one: "a", and 66 characters of three bytes are 199 of at most 200 bytes. */
static void a_guarded_value_is_cut_behind_a_character(void **state)
{
    enum { CHARACTERS = 80, SHOWN = 66 };
    struct bed *bed = *state;
    struct kr_guards *guards = NULL;
    struct kr_listed *listed = NULL;
    struct kr_indicator indicator;
    struct kr_writer list, body;
    uint8_t id[32];
    char name[1 + 3 * CHARACTERS + 1] = "a", expected[1 + 3 * SHOWN + 16];
    for (size_t i = 0; i < CHARACTERS; i++) {
        memcpy(name + 1 + 3 * i, "あ", 4);
    }
    (void)snprintf(expected, sizeof expected, "%.*s is on the list", 1 + 3 * SHOWN, name);
    assert_int_equal(kr_guards_new(&guards), KR_OK);
    assert_int_equal(kr_listed_new(&listed), KR_OK);
    assert_int_equal(kr_listed_begin(listed, "parts", KR_LISTED_ALL_TYPES, NULL), KR_OK);
    assert_int_equal(kr_listed_add(listed, KR_LISTED_SUBSTRING, "ああ", 6, NULL), KR_OK);
    kr_listed_sort(listed);
    kr_guards_set_listed(guards, listed);
    kr_loop_set_guards(bed_node(bed, 0)->loop, guards);
    assert_int_equal(kr_indicator_parse(KR_INDICATOR_FILENAME, name, strlen(name), &indicator, NULL), KR_OK);
    kr_writer_init(&list, KR_KIB);
    kr_writer_array(&list, 1);
    kr_report_indicator_write(&(struct kr_report_indicator){.type = indicator.type,
                                                            .value = {indicator.value, indicator.len},
                                                            .confidence = KR_CONFIDENCE_NONE},
                              &list);
    kr_writer_init(&body, 4 * KR_KIB);
    kr_report_write(&(struct kr_report){.title = {(const uint8_t *)"a report", 8},
                                        .indicator_count = 1,
                                        .indicators = {list.bytes, list.len},
                                        .part = 1,
                                        .parts = 1},
                    &body);
    struct kr_submit submit = {.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .token = {9}, .body = {body.bytes, body.len}};
    assert_int_equal(bed_submit(bed, 0, &submit, id), KR_GUARDED);
    assert_int_equal(strncmp(bed->text, expected, strlen(expected)), 0);
    kr_loop_set_guards(bed_node(bed, 0)->loop, NULL);
    kr_guards_free(guards);
    kr_writer_deinit(&list);
    kr_writer_deinit(&body);
}

/* A core that was given no guards has the built-in ones. */
static void built_in_guards_need_no_configuration(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "www.google.com", 1);
    kr_loop_set_guards(bed_node(bed, 0)->loop, NULL);
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_GUARDED);
    bed_submission_free(submit);
}

static void audiences_that_cannot_be_are_refused(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    struct kr_submit *submit = bed_submission(bed, KR_TLP_AMBER, "a.example", 1);
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_INVALID); /* nobody */
    bed_address(bed, submit, 0);
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_INVALID); /* only oneself */
    memset(submit->audience[submit->audience_count++], 0x99, 32);
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_NOT_FOUND); /* unknown: no key to seal to */
    bed_submission_free(submit);
    submit = bed_submission(bed, KR_TLP_GREEN, "a.example", 2);
    submit->has_community = true;
    memset(submit->community, 0x99, 32);
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_DENIED); /* a community that we are not in */
    bed_submission_free(submit);
}

static void dates_and_bytes_that_cannot_be_are_refused(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "a.example", 1);
    submit->expires_s = bed->world->now_ms / 1000;
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_INVALID);
    submit->expires_s = bed->world->now_ms / 1000 + KR_EXPIRES_S_MAX;
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_INVALID);
    submit->expires_s = UINT64_MAX;
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_INVALID);
    submit->expires_s = 0;
    submit->kind = KR_KIND_VOUCH; /* statements are the node's own to make */
    assert_int_not_equal(bed_submit(bed, 0, submit, id), KR_OK);
    submit->kind = KR_KIND_REPORT;
    submit->body.len--;
    assert_int_not_equal(bed_submit(bed, 0, submit, id), KR_OK);
    bed_submission_free(submit);
    static const uint32_t ops[] = {KR_OP_SUBMIT, KR_OP_PREVIEW, KR_OP_INVITE, KR_OP_JOIN, KR_OP_EXPLAIN, 9999};
    static const char *const args[] = {"", "\x90", "garbage", "\xdd\xff\xff\xff\xff"};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        for (size_t j = 0; j < sizeof args / sizeof args[0]; j++) {
            uint32_t code = bed_request(bed, 0, ops[i], args[j], strlen(args[j]), 10);
            assert_true(code != KR_OK && code != BED_PENDING);
        }
    }
}

/* The preview names whom policy would let have it, and changes nothing. */
static void a_preview_changes_nothing(void **state)
{
    struct bed *bed = *state;
    struct kr_writer args;
    struct kr_preview *preview = malloc(sizeof *preview);
    uint64_t records = bed_records(bed, 0), commits = kr_loop_commits(bed_node(bed, 0)->loop);
    struct kr_submit *submit = bed_submission(bed, KR_TLP_AMBER, "www.google.com", 1);
    bed_address(bed, submit, 1);
    kr_writer_init(&args, KR_MIB);
    kr_submit_write(submit, &args);
    assert_int_equal(bed_request(bed, 0, KR_OP_PREVIEW, args.bytes, args.len, 0), KR_OK);
    assert_int_equal(kr_preview_read((struct kr_slice){bed->result, bed->result_len}, preview), KR_OK);
    assert_int_equal(preview->reach_count, 1);
    assert_true(preview->reach[0].may_hold && preview->reach[0].is_linked);
    assert_memory_equal(preview->reach[0].council, bed_node(bed, 1)->council, 32);
    assert_int_equal(preview->guarded_total, 1);
    assert_int_equal(bed_records(bed, 0), records);
    assert_int_equal(kr_loop_commits(bed_node(bed, 0)->loop), commits);
    free(preview);
    kr_writer_deinit(&args);
    bed_submission_free(submit);
}

/* Its guards are asked by a job, which goes among the bulk where it is large: nobody else's request waits for it here. */
static void a_preview_is_a_job(void **state)
{
    struct bed *bed = *state;
    static const char *domains[1000];
    for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++) {
        domains[i] = "a.example";
    }
    for (uint32_t count = 1; count <= 1000; count += 999) {
        struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "a.example", 1);
        struct kr_effects effects;
        struct kr_writer args;
        uint8_t seed[32] = {1};
        size_t done = 0, jobs = 0;
        bed_submission_body(submit, domains, count);
        kr_writer_init(&args, KR_MIB);
        kr_submit_write(submit, &args);
        const struct kr_event event = {.type = KR_EVENT_REQUEST,
                                       .now_ms = bed->world->now_ms,
                                       .client = 5,
                                       .request = count,
                                       .op = KR_OP_PREVIEW,
                                       .bytes = {args.bytes, args.len}};
        kr_effects_init(&effects);
        assert_int_equal(kr_loop_run(bed_node(bed, 0)->loop, &event, 1, seed, NULL, NULL, &effects, &done), KR_OK);
        for (size_t i = 0; i < effects.count; i++) {
            assert_int_not_equal(effects.items[i].type, KR_EFFECT_END);
            if (effects.items[i].type == KR_EFFECT_JOB) {
                assert_int_equal(effects.items[i].job->kind, KR_JOB_PREVIEW);
                assert_int_equal(effects.items[i].job->is_bulk, count > 1);
                jobs++;
            }
        }
        assert_int_equal(jobs, 1);
        kr_effects_deinit(&effects);
        kr_writer_deinit(&args);
        bed_submission_free(submit);
    }
}

/* What stands for long must not bring what nobody reads. */
static void what_takes_no_arguments_is_given_none(void **state)
{
    struct bed *bed = *state;
    static const uint32_t ops[] = {KR_OP_STATUS, KR_OP_PEERS, KR_OP_WATCH};
    static const uint8_t junk[300 * KR_KIB] = {0x90}, none[] = {0x90};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        assert_int_equal(bed_request(bed, 0, ops[i], junk, sizeof junk, 100), KR_MALFORMED);
        assert_int_equal(bed_core(bed, 0)->watcher_count, 0);
        assert_int_equal(bed_request(bed, 0, ops[i], none, sizeof none, 100), ops[i] == KR_OP_WATCH ? BED_PENDING : KR_OK);
    }
    assert_int_equal(bed_core(bed, 0)->watcher_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_takes_no_arguments_is_given_none, setup, teardown),
        cmocka_unit_test_setup_teardown(unlabelled_and_personal_labels_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(each_label_reaches_whom_it_should, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_that_our_own_card_does_not_list_signs_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_token_is_the_same_record, setup, teardown),
        cmocka_unit_test_setup_teardown(one_token_twice_at_once_is_one_record, setup, teardown),
        cmocka_unit_test_setup_teardown(as_many_indicators_as_allowed_and_one_more, setup, teardown),
        cmocka_unit_test_setup_teardown(guarded_values_are_named_and_can_be_overridden_with_a_reason, setup, teardown),
        cmocka_unit_test_setup_teardown(a_node_signs_so_many_records_a_day, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_being_signed_counts_too, setup, teardown),
        cmocka_unit_test_setup_teardown(a_guarded_value_is_cut_behind_a_character, setup, teardown),
        cmocka_unit_test_setup_teardown(built_in_guards_need_no_configuration, setup, teardown),
        cmocka_unit_test_setup_teardown(audiences_that_cannot_be_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(dates_and_bytes_that_cannot_be_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_preview_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_preview_is_a_job, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/submit", tests, NULL, NULL);
}
