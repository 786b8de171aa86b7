/* More than a day's worth from one council: held and passed on, without effect until the operator says so. */
#include <malloc.h>
#include <stdio.h>
#include <time.h>

#include "node/core/query.h"
#include "proto/wire/ticket.h"
#include "tests/unit/core/takeback_test.h"

/* As many in CI with sanitizers, which make each ten times as dear. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FLOOD 10000u
#else
#define FLOOD 100000u
#endif

static int setup(void **state)
{
    *state = bed_new(3);
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

#define COUNT (KR_TAKEBACKS_DAY_MAX + 8u)
struct pairs {
    struct forged targets[COUNT], retractions[COUNT];
};

/* Node 0's, handed to node 1. */
static struct pairs *take_back_many(struct bed *bed)
{
    struct pairs *pairs = calloc(1, sizeof *pairs);
    assert_non_null(pairs);
    for (uint32_t i = 0; i < COUNT; i++) {
        char domain[32];
        (void)snprintf(domain, sizeof domain, "m%u.example", i);
        pairs->targets[i] = clear_report(bed, 0, domain);
        bed_hand_over(bed, 0, 1, &pairs->targets[i]);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        pairs->retractions[i] = take_back(bed, 0, &pairs->targets[i], (struct lie){0});
        bed_hand_over(bed, 0, 1, &pairs->retractions[i]);
    }
    bed_run(bed, 2000);
    return pairs;
}

static void pairs_free(struct pairs *pairs)
{
    for (uint32_t i = 0; i < COUNT; i++) {
        forged_free(&pairs->targets[i]);
        forged_free(&pairs->retractions[i]);
    }
    free(pairs);
}

static uint32_t count_shown(struct bed *bed, uint32_t node, const struct pairs *pairs)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_true(is_shown(bed, node, pairs->retractions[i].id)); /* held and passed on in any case */
        count += is_shown(bed, node, pairs->targets[i].id);
    }
    return count;
}

static void the_rest_waits_for_the_operator(void **state)
{
    struct bed *bed = *state;
    bed_forget_log(bed);
    struct pairs *pairs = take_back_many(bed);
    const uint8_t *council = bed_node(bed, 0)->council;
    assert_int_equal(bed_times_said(bed, 1, "kairan retractions confirm"), 1);
    assert_int_equal(count_shown(bed, 1, pairs), 8);
    assert_int_equal(count_shown(bed, 2, pairs), 8);
    assert_int_equal(bed_core(bed, 1)->takebacks_waiting, 8);
    assert_int_equal(look_up(bed, 1, "m39.example").taken, KR_TAKEN_WAITS);
    assert_int_equal(look_up(bed, 1, "m39.example").count, 1);
    assert_int_equal(look_up(bed, 1, "m0.example").count, 0);
    /* All that is known of it outlives the program. */
    bed_restart(bed, 1);
    assert_int_equal(bed_core(bed, 1)->takebacks_waiting, 8);
    struct forged more = clear_report(bed, 0, "more.example"), by = take_back(bed, 0, &more, (struct lie){0});
    bed_hand_over(bed, 0, 1, &more);
    bed_hand_over(bed, 0, 1, &by);
    assert_true(is_shown(bed, 1, more.id));
    /* One, then all of the council; what does not wait is no answer. */
    const uint8_t *id = pairs->retractions[COUNT - 1].id;
    assert_int_equal(ask_to_confirm(bed, 1, NULL, id, 32), KR_OK);
    assert_true(is_header_only(bed, 1, pairs->targets[COUNT - 1].id));
    assert_int_equal(bed_core(bed, 1)->takebacks_waiting, 8);
    assert_int_equal(ask_to_confirm(bed, 1, NULL, id, 32), KR_NOT_FOUND);
    assert_int_equal(ask_to_confirm(bed, 1, bed_node(bed, 2)->council, NULL, 0), KR_NOT_FOUND);
    assert_int_equal(ask_to_confirm(bed, 1, council, NULL, 0), KR_OK);
    assert_int_equal(bed_core(bed, 1)->takebacks_waiting, 0);
    assert_int_equal(count_shown(bed, 1, pairs), 0);
    assert_true(is_header_only(bed, 1, more.id));
    assert_int_equal(count_shown(bed, 2, pairs), 8); /* each operator decides for their own node */
    /* Node 0 made none of them: whoever did has its key, and there all of them wait. */
    bed_run(bed, 60000);
    assert_int_equal(count_shown(bed, 0, pairs), COUNT);
    assert_int_equal(bed_core(bed, 0)->takebacks_waiting, COUNT);
    assert_int_equal(ask_to_confirm(bed, 0, council, NULL, 0), KR_OK);
    bed_run(bed, 1000);
    assert_int_equal(count_shown(bed, 0, pairs), 0);
    assert_int_equal(bed_core(bed, 0)->takebacks_waiting, 0);
    pairs_free(pairs);
    forged_free(&more);
    forged_free(&by);
}

/* What a node takes back itself does not wait there, however much it is. */
static void what_a_node_takes_back_itself_does_not_wait(void **state)
{
    struct bed *bed = *state;
    char domain[32];
    uint8_t id[32];
    for (uint32_t i = 0; i < KR_TAKEBACKS_DAY_MAX + 2; i++) {
        (void)snprintf(domain, sizeof domain, "own-%u.example.jp", i);
        struct kr_submit *submission = bed_submission(bed, KR_TLP_CLEAR, domain, (uint8_t)(i + 1));
        assert_int_equal(bed_submit(bed, 0, submission, id), KR_OK);
        bed_submission_free(submission);
        assert_int_equal(ask_to_retract(bed, 0, id, 32, "wrong", (uint8_t)(i + 101)), KR_OK);
        assert_true(is_header_only(bed, 0, id));
    }
    assert_int_equal(bed_core(bed, 0)->takebacks_waiting, 0);
}

static void a_new_day_begins_anew(void **state)
{
    struct bed *bed = *state;
    struct pairs *pairs = take_back_many(bed);
    bed_run(bed, BED_DAY_MS / 2);
    for (uint32_t hour = 0; hour < 13; hour++) {
        bed_run(bed, 3600000u);
    }
    struct forged target = clear_report(bed, 0, "tomorrow.example"), by = take_back(bed, 0, &target, (struct lie){0});
    bed_hand_over(bed, 0, 1, &target);
    bed_hand_over(bed, 0, 1, &by);
    assert_true(is_header_only(bed, 1, target.id));
    pairs_free(pairs);
    forged_free(&target);
    forged_free(&by);
}

/* Where only the header is left everywhere else, nothing is left to decide. */
static void a_header_settles_what_waits(void **state)
{
    struct bed *bed = *state;
    struct pairs *pairs = take_back_many(bed);
    struct forged target = clear_report(bed, 0, "elsewhere.example"), by = take_back(bed, 0, &target, (struct lie){0}),
                  header_only = stripped(&target);
    bed_hand_over(bed, 0, 1, &by);
    assert_int_equal(bed_core(bed, 1)->takebacks_waiting, 9);
    assert_false(bed_holds(bed, 1, target.id));
    bed_hand_over(bed, 0, 1, &header_only);
    assert_true(is_header_only(bed, 1, target.id));
    assert_int_equal(bed_core(bed, 1)->takebacks_waiting, 8);
    pairs_free(pairs);
    forged_free(&target);
    forged_free(&by);
    forged_free(&header_only);
}

/* One of those that wait was damaged, and comes again before the operator's word, or behind it. */
static void what_was_lost_while_it_waited_waits_anew(void **state)
{
    struct bed *bed = *state;
    struct pairs *pairs = take_back_many(bed);
    const struct kr_core *core = bed_core(bed, 1);
    const struct forged *before = &pairs->retractions[COUNT - 1], *behind = &pairs->retractions[COUNT - 2];
    lose(bed, 1, before->id);
    lose(bed, 1, behind->id);
    bed_hand_over(bed, 0, 1, before);
    assert_int_equal(ask_to_confirm(bed, 1, bed_node(bed, 0)->council, NULL, 0), KR_OK);
    assert_int_equal(core->takebacks_waiting, 0);
    assert_true(is_header_only(bed, 1, pairs->targets[COUNT - 1].id));
    assert_true(is_shown(bed, 1, pairs->targets[COUNT - 2].id));
    bed_hand_over(bed, 0, 1, behind);
    assert_int_equal(core->takebacks_waiting, 1);
    assert_int_equal(ask_to_confirm(bed, 1, NULL, behind->id, 32), KR_OK);
    assert_true(is_header_only(bed, 1, pairs->targets[COUNT - 2].id));
    pairs_free(pairs);
}

#define SECOND 3u /* of council 0 */

static void take_in_second(struct bed *bed)
{
    char ticket[KR_TICKET_TEXT_BYTES_MAX];
    struct kr_reader reader;
    uint8_t add[35] = {0x91, 0xc4, 32};
    assert_int_equal(bed_request(bed, 0, KR_OP_NODE_INVITE, (const uint8_t[]){0x91, 0x00}, 2, 100), KR_OK);
    kr_reader_init(&reader, bed->result, bed->result_len);
    kr_reader_array(&reader, 1);
    assert_true(kr_slice_text(kr_reader_str(&reader, KR_TICKET_TEXT_BYTES_MAX), ticket, sizeof ticket));
    assert_int_equal(sim_world_add_node(bed->world, ticket), SIM_HOLDS);
    bed_run(bed, 8000);
    memcpy(add + 3, bed_node(bed, SECOND)->keyring->node_public, 32);
    assert_int_equal(bed_request(bed, 0, KR_OP_NODE_ADD, add, sizeof add, 200), KR_OK);
    bed_run(bed, 30000);
    memcpy(bed_node(bed, SECOND)->council, bed_node(bed, 0)->council, 32); /* (nobody told the world) */
    assert_true(bed_link(bed, 0, SECOND)->has_session);
}

/* A stolen node of the council's takes back all that there is: at its other nodes no more of it goes in a day than at peers. */
static void a_stolen_node_empties_no_other(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[COUNT][32];
    uint32_t shown = 0;
    take_in_second(bed);
    for (uint32_t i = 0; i < COUNT; i++) {
        char domain[32];
        (void)snprintf(domain, sizeof domain, "s%u.example.jp", i);
        struct kr_submit *submission = bed_submission(bed, KR_TLP_CLEAR, domain, (uint8_t)(i + 1));
        assert_int_equal(bed_submit(bed, 0, submission, ids[i]), KR_OK);
        bed_submission_free(submission);
    }
    bed_run(bed, 5000);
    bed_forget_log(bed);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(ask_to_retract(bed, SECOND, ids[i], 32, "all of it", (uint8_t)(i + 101)), KR_OK);
    }
    bed_run(bed, 5000);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_true(is_header_only(bed, SECOND, ids[i]));
        shown += is_shown(bed, 0, ids[i]);
    }
    assert_int_equal(shown, COUNT - KR_TAKEBACKS_DAY_MAX);
    assert_int_equal(bed_core(bed, 0)->takebacks_waiting, shown);
    assert_int_equal(bed_times_said(bed, 0, "and not here"), 1);
    assert_int_equal(ask_to_confirm(bed, 0, bed_node(bed, 0)->council, NULL, 0), KR_OK);
    bed_run(bed, 2000);
    assert_true(is_header_only(bed, 0, ids[COUNT - 1]));
}

/* One that bears this node's own key, and that it did not make, waits, also where another node of the council brings it. */
static void a_node_knows_what_it_took_back_itself(void **state)
{
    struct bed *bed = *state;
    take_in_second(bed);
    bed_run(bed, 1000);
    struct forged target = clear_report(bed, 0, "own.example"), by = take_back(bed, 0, &target, (struct lie){0});
    bed_hand_over(bed, 1, 0, &target);
    assert_true(is_shown(bed, 0, target.id));
    bed_hand_over(bed, SECOND, 0, &by);
    assert_true(is_shown(bed, 0, by.id) && is_shown(bed, 0, target.id));
    assert_int_equal(bed_core(bed, 0)->takebacks_waiting, 1);
    forged_free(&target);
    forged_free(&by);
}

static double cpu_s(void)
{
    struct timespec time = {0};
    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time), 0);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A flood takes of each step no more than a few, and of memory nothing: what the last thousand cost is as much as what the first
 * did. (Allocators of sanitizers count nothing; the same code runs without.) */
static void a_flood_waits_on_the_disk(void **state)
{
    struct bed *bed = *state;
    struct kr_core *core = bed_core(bed, 1);
    struct kr_effects effects = {0};
    struct kr_step step = {.core = core, .effects = &effects, .now_ms = core->now_ms};
    double first_s = 0, last_s = 0;
    size_t first_bytes = 0, last_bytes = 0;
    for (uint32_t i = 0; i < FLOOD; i += 1000) {
        last_s = 0;
        assert_int_equal(kr_store_write_begin(bed_node(bed, 1)->store, &step.txn), KR_OK);
        for (uint32_t j = 0; j < 1000; j++) {
            enum kr_err verdict;
            uint64_t arrival;
            struct kr_job *job = kr_job_new(KR_JOB_CHECK);
            struct forged target = clear_report(bed, 0, "flood.example"), by = take_back(bed, 0, &target, (struct lie){0});
            assert_non_null(job);
            job->bytes = by.bytes;
            job->len = by.len;
            job->was_wanted = true;
            kr_job_run(job, core->keyring);
            const double began_s = cpu_s();
            assert_int_equal(kr_admit(&step, job, bed_node(bed, 0)->council, bed_link(bed, 1, 0), &verdict, &arrival), KR_OK);
            last_s += cpu_s() - began_s;
            assert_int_equal(verdict, KR_OK);
            kr_job_free(job);
            forged_free(&target);
            kr_effects_deinit(&effects);
            effects = (struct kr_effects){0};
            bed->world->now_ms++; /* each its own */
        }
        assert_int_equal(kr_txn_commit(step.txn), KR_OK);
        last_bytes = mallinfo2().uordblks;
        first_s = i == 1000 ? last_s : first_s; /* behind the thousand that had effect, in part */
        first_bytes = i == 1000 ? last_bytes : first_bytes;
    }
    print_message("a thousand: %.3f s, then %.3f s; heap: %zu, then %zu bytes\n", first_s, last_s, first_bytes, last_bytes);
    assert_true(last_s < 4 * first_s);
    /* What LMDB and the index keep for the next transaction grew by 9.3 MB from the second thousand to the last, ever more slowly;
     * a hundred thousand records in memory would be 64 MiB and more. */
    assert_true(last_bytes < first_bytes + 16 * KR_MIB);
    assert_int_equal(core->takebacks_waiting, FLOOD - KR_TAKEBACKS_DAY_MAX);
    assert_int_equal(kr_store_write_begin(bed_node(bed, 1)->store, &step.txn), KR_OK);
    uint64_t count = 0;
    bool more = false;
    assert_int_equal(kr_takeback_confirm(&step, bed_node(bed, 0)->council, &count), KR_OK);
    assert_int_equal(count, FLOOD - KR_TAKEBACKS_DAY_MAX);
    const double began_s = cpu_s();
    assert_int_equal(kr_takeback_slice(&step, &more), KR_OK);
    assert_true(cpu_s() - began_s < first_s); /* of a few, though a hundred thousand wait */
    assert_true(more);
    assert_in_range(core->takebacks_waiting, FLOOD - KR_TAKEBACKS_DAY_MAX - 64, FLOOD - KR_TAKEBACKS_DAY_MAX - 1);
    kr_txn_abort(step.txn);
    kr_effects_deinit(&effects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_rest_waits_for_the_operator, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_node_takes_back_itself_does_not_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_day_begins_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(a_header_settles_what_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_lost_while_it_waited_waits_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stolen_node_empties_no_other, setup, teardown),
        cmocka_unit_test_setup_teardown(a_node_knows_what_it_took_back_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flood_waits_on_the_disk, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
