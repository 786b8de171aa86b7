/* Batches: what a failed commit leaves, and how much one batch takes. */
#include <stdio.h>

#include "node/core/job.h"
#include "proto/client/rekey.h"
#include "tests/sim/internal.h"
#include "tests/support/failing_alloc.h"
#include "tests/unit/core/bed.h"

/* ---- how often a write transaction is begun ---- */

enum kr_err __real_kr_store_write_begin(struct kr_store *store, struct kr_txn **ret_txn);
enum kr_err __wrap_kr_store_write_begin(struct kr_store *store, struct kr_txn **ret_txn);
static uint32_t begun;

enum kr_err __wrap_kr_store_write_begin(struct kr_store *store, struct kr_txn **ret_txn)
{
    begun++;
    return __real_kr_store_write_begin(store, ret_txn);
}

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

static void let_commits_fail(struct bed *bed, bool fail)
{
    bed->world->is_quiet = !fail;
    bed->world->faults = (struct sim_faults){.fail_commit = fail ? 1000 : 0};
}

static struct kr_writer args_of(struct kr_submit *submit)
{
    struct kr_writer args;
    kr_writer_init(&args, KR_MIB);
    kr_submit_write(submit, &args);
    assert_int_equal(kr_writer_finish(&args), KR_OK);
    return args;
}

static void a_failed_commit_is_answered_and_leaves_nothing(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    struct kr_submit *submit = bed_submission(bed, KR_TLP_GREEN, "a.example", 1);
    uint64_t records = bed_records(bed, 0), commits = kr_loop_commits(bed_node(bed, 0)->loop);
    let_commits_fail(bed, true);
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_IO);
    assert_non_null(strstr(bed->text, "nothing was stored"));
    assert_int_equal(bed_records(bed, 0), records);
    assert_int_equal(kr_loop_commits(bed_node(bed, 0)->loop), commits);
    assert_true(bed->world->failed_commits > 0);
    let_commits_fail(bed, false);
    /* The core was made anew: it links again, and the same client gets its record stored. */
    bed_run(bed, 30000);
    assert_true(bed_link(bed, 0, 1)->has_session);
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_OK);
    bed_run(bed, 1000);
    assert_int_equal(bed_records(bed, 0), records + 1);
    assert_true(bed_holds(bed, 1, id));
    bed_submission_free(submit);
}

/* Nothing that a batch would have said is said when it is not durable. */
static void no_effect_of_a_failed_batch_gets_out(void **state)
{
    struct bed *bed = *state;
    struct kr_submit *submit = bed_submission(bed, KR_TLP_GREEN, "a.example", 1);
    struct kr_writer args = args_of(submit);
    struct kr_loop *loop = bed_node(bed, 0)->loop;
    struct kr_event event = {.type = KR_EVENT_REQUEST,
                             .now_ms = bed->world->now_ms,
                             .client = 5,
                             .request = 6,
                             .op = KR_OP_SUBMIT,
                             .bytes = {args.bytes, args.len}};
    struct kr_effects effects;
    uint8_t seed[32] = {1};
    size_t done = 0;
    struct kr_job *job = NULL;
    kr_effects_init(&effects);
    assert_int_equal(kr_loop_run(loop, &event, 1, seed, NULL, NULL, &effects, &done), KR_OK);
    for (size_t i = 0; i < effects.count; i++) {
        if (effects.items[i].type == KR_EFFECT_JOB) {
            job = effects.items[i].job;
            effects.items[i].job = NULL;
        }
    }
    kr_effects_deinit(&effects);
    assert_non_null(job);
    kr_job_run(job, bed_node(bed, 0)->keyring);
    struct kr_event made = {.type = KR_EVENT_JOB_DONE, .now_ms = bed->world->now_ms, .job = job};
    let_commits_fail(bed, true);
    kr_effects_init(&effects);
    assert_int_equal(kr_loop_run(loop, &made, 1, seed, NULL, NULL, &effects, &done), KR_IO);
    let_commits_fail(bed, false);
    uint32_t errors = 0;
    for (size_t i = 0; i < effects.count; i++) {
        assert_int_not_equal(effects.items[i].type, KR_EFFECT_END);
        assert_int_not_equal(effects.items[i].type, KR_EFFECT_SEND);
        errors += effects.items[i].type == KR_EFFECT_ERROR && effects.items[i].client == 5 && effects.items[i].request == 6;
    }
    assert_int_equal(errors, 1);
    kr_effects_deinit(&effects);
    kr_writer_deinit(&args);
    bed_submission_free(submit);
}

/* The jobs of two submissions, with the requests 1 and 2 of client 5, are done. */
static void make_two(struct bed *bed, struct kr_event ret_made[static 2])
{
    struct kr_loop *loop = bed_node(bed, 0)->loop;
    struct kr_effects effects;
    uint8_t seed[32] = {1};
    size_t done = 0, jobs = 0;
    for (uint32_t i = 0; i < 2; i++) {
        struct kr_submit *submit = bed_submission(bed, KR_TLP_GREEN, "a.example", (uint8_t)i);
        struct kr_writer args = args_of(submit);
        struct kr_event event = {.type = KR_EVENT_REQUEST,
                                 .now_ms = bed->world->now_ms,
                                 .client = 5,
                                 .request = i + 1,
                                 .op = KR_OP_SUBMIT,
                                 .bytes = {args.bytes, args.len}};
        kr_effects_init(&effects);
        assert_int_equal(kr_loop_run(loop, &event, 1, seed, NULL, NULL, &effects, &done), KR_OK);
        for (size_t j = 0; j < effects.count; j++) {
            if (effects.items[j].type == KR_EFFECT_JOB && jobs < 2) {
                kr_job_run(effects.items[j].job, bed_node(bed, 0)->keyring);
                ret_made[jobs++] =
                    (struct kr_event){.type = KR_EVENT_JOB_DONE, .now_ms = bed->world->now_ms, .job = effects.items[j].job};
                effects.items[j].job = NULL;
            }
        }
        kr_effects_deinit(&effects);
        kr_writer_deinit(&args);
        bed_submission_free(submit);
    }
    assert_int_equal(jobs, 2);
}

static uint32_t count_of(const struct kr_effects *effects, enum kr_effect_type type, uint64_t request)
{
    uint32_t count = 0;
    for (size_t i = 0; i < effects->count; i++) {
        count += effects->items[i].type == type && effects->items[i].request == request;
    }
    return count;
}

/* One event that fails by itself takes only itself: what stood before it in the batch is stored and answered. */
static void an_event_that_fails_spares_those_before_it(void **state)
{
    struct bed *bed = *state;
    struct kr_loop *loop = bed_node(bed, 0)->loop;
    struct kr_event made[2];
    struct kr_effects effects;
    uint8_t seed[32] = {1};
    size_t done = 0;
    const uint64_t records = bed_records(bed, 0), indicators = bed_stat(bed, 0).indicators;
    make_two(bed, made);
    made[1].job->err = KR_NOMEM;
    kr_effects_init(&effects);
    assert_int_equal(kr_loop_run(loop, made, 2, seed, NULL, NULL, &effects, &done), KR_NOMEM);
    assert_int_equal(done, 2);
    assert_int_equal(count_of(&effects, KR_EFFECT_END, 1), 1);
    assert_int_equal(count_of(&effects, KR_EFFECT_ERROR, 2), 1);
    assert_int_equal(bed_records(bed, 0), records + 1);
    assert_int_equal(bed_stat(bed, 0).indicators, indicators + 1);
    assert_int_equal(kr_loop_core(loop)->signed_count, KR_SIGNED_STEP); /* from the store: the core was made anew */
    kr_effects_deinit(&effects);
}

/* The first one of several has no transaction of its own: all is aborted with it, and those behind it are left to the caller. */
static void a_first_event_that_fails_leaves_the_others(void **state)
{
    struct bed *bed = *state;
    struct kr_loop *loop = bed_node(bed, 0)->loop;
    struct kr_event made[2];
    struct kr_effects effects;
    uint8_t seed[32] = {1};
    size_t done = 0;
    const uint64_t records = bed_records(bed, 0);
    make_two(bed, made);
    const struct kr_core *before = kr_loop_core(loop);
    made[0].job->err = KR_NOMEM;
    kr_effects_init(&effects);
    assert_int_equal(kr_loop_run(loop, made, 2, seed, NULL, NULL, &effects, &done), KR_NOMEM);
    assert_int_equal(done, 1);
    assert_int_equal(count_of(&effects, KR_EFFECT_ERROR, 1), 1);
    assert_int_equal(count_of(&effects, KR_EFFECT_END, 1) + count_of(&effects, KR_EFFECT_END, 2), 0);
    assert_int_equal(bed_records(bed, 0), records);
    assert_ptr_not_equal(kr_loop_core(loop), before);
    assert_int_equal(kr_loop_run(loop, &made[1], 1, seed, NULL, NULL, &effects, &done), KR_OK);
    assert_int_equal(bed_records(bed, 0), records + 1);
    kr_effects_deinit(&effects);
}

#define LARGE_DOMAINS 1500u /* well over KR_BULK_BYTES_MIN */

/* Runs the events as one batch; counts sends of something large, and gives the job that came of it. */
static uint32_t run_large(struct kr_loop *loop, const struct kr_event *events, size_t count, struct kr_job **ret_job)
{
    struct kr_effects effects;
    uint8_t seed[32] = {2};
    size_t done = 0;
    uint32_t large = 0;
    kr_effects_init(&effects);
    assert_int_equal(kr_loop_run(loop, events, count, seed, NULL, NULL, &effects, &done), KR_OK);
    assert_int_equal(done, count);
    for (size_t i = 0; i < effects.count; i++) {
        struct kr_effect *effect = &effects.items[i];
        large += effect->type == KR_EFFECT_SEND && effect->len > KR_BULK_BYTES_MIN;
        if (effect->type == KR_EFFECT_JOB && ret_job != NULL) {
            *ret_job = effect->job;
            effect->job = NULL;
        }
    }
    kr_effects_deinit(&effects);
    return large;
}

/* A request for a large submission of its own, and the writer that holds it. */
static struct kr_event large_request(struct bed *bed, uint32_t number, uint64_t now_ms, struct kr_writer *ret_args)
{
    static char names[LARGE_DOMAINS][32];
    static const char *domains[LARGE_DOMAINS];
    struct kr_submit *submit = bed_submission(bed, KR_TLP_GREEN, "a.example", (uint8_t)(number + 1));
    for (uint32_t i = 0; i < LARGE_DOMAINS; i++) {
        (void)snprintf(names[i], sizeof names[i], "host-%u-%u.example", number, i);
        domains[i] = names[i];
    }
    bed_submission_body(submit, domains, LARGE_DOMAINS);
    *ret_args = args_of(submit);
    bed_submission_free(submit);
    return (struct kr_event){.type = KR_EVENT_REQUEST,
                             .now_ms = now_ms,
                             .client = 5,
                             .request = number + 1,
                             .op = KR_OP_SUBMIT,
                             .bytes = {ret_args->bytes, ret_args->len}};
}

/* Large submissions are made durable one after the other before any is passed on, but not for longer than a second. */
static void large_submissions_become_durable_first(void **state)
{
    struct bed *bed = *state;
    struct kr_loop *loop = bed_node(bed, 0)->loop;
    struct kr_job *jobs[3] = {NULL};
    uint64_t now_ms = bed->world->now_ms;
    for (uint32_t i = 0; i < 3; i++) {
        struct kr_writer args;
        const struct kr_event event = large_request(bed, i, now_ms, &args);
        assert_int_equal(run_large(loop, &event, 1, &jobs[i]), 0);
        assert_non_null(jobs[i]);
        kr_job_run(jobs[i], bed_node(bed, 0)->keyring);
        kr_writer_deinit(&args);
    }
    struct kr_event made = {.type = KR_EVENT_JOB_DONE, .now_ms = now_ms + KR_MAKES_FIRST_MS - 1, .job = jobs[0]};
    assert_int_equal(run_large(loop, &made, 1, NULL), 0); /* two more are being made */
    made.job = jobs[1];
    made.now_ms++;
    assert_in_range(run_large(loop, &made, 1, NULL), 1, 2); /* they have waited long enough */
    made.job = jobs[2];
    assert_in_range(run_large(loop, &made, 1, NULL), 1, 2); /* nothing is being made any more */
}

/* Also where each batch ends one and begins another. */
static void large_submissions_do_not_hold_others_for_ever(void **state)
{
    struct bed *bed = *state;
    struct kr_loop *loop = bed_node(bed, 0)->loop;
    struct kr_job *job = NULL;
    uint32_t large = 0;
    const uint64_t begin_ms = bed->world->now_ms;
    for (uint32_t i = 0; i < 4; i++) {
        struct kr_writer args;
        struct kr_event events[2] = {{.type = KR_EVENT_JOB_DONE, .now_ms = begin_ms + i * 400, .job = job}};
        events[1] = large_request(bed, i, begin_ms + i * 400, &args);
        job = NULL;
        large += i == 0 ? run_large(loop, events + 1, 1, &job) : run_large(loop, events, 2, &job);
        assert_int_equal(large > 0, i == 3); /* 1,200 ms */
        assert_non_null(job);
        kr_job_run(job, bed_node(bed, 0)->keyring);
        kr_writer_deinit(&args);
    }
    kr_job_free(job);
}

static void the_core_made_anew_is_the_one_that_the_store_holds(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    struct kr_submit *submit = bed_submission(bed, KR_TLP_GREEN, "a.example", 1);
    struct kr_core_stat before, after;
    kr_core_stat(bed_core(bed, 0), &before);
    uint32_t councils = bed_core(bed, 0)->directory.council_count;
    uint64_t records = bed_records(bed, 0);
    let_commits_fail(bed, true);
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_IO);
    let_commits_fail(bed, false);
    kr_core_stat(bed_core(bed, 0), &after);
    assert_memory_equal(before.council, after.council, 32);
    assert_int_equal(before.links, after.links);
    assert_int_equal(bed_core(bed, 0)->directory.council_count, councils);
    assert_int_equal(bed_records(bed, 0), records);
    assert_int_equal(after.jobs_out, 0);
    bed_submission_free(submit);
}

struct budget {
    uint32_t left;
};

static bool is_over(void *context)
{
    struct budget *budget = context;
    return budget->left-- == 0;
}

static void a_batch_ends_when_its_time_is_up(void **state)
{
    struct bed *bed = *state;
    struct kr_event events[10];
    struct kr_effects effects;
    struct budget budget = {.left = 3};
    uint8_t seed[32] = {1};
    size_t done = 0;
    for (size_t i = 0; i < 10; i++) {
        events[i] = (struct kr_event){.type = KR_EVENT_TICK, .now_ms = bed->world->now_ms};
    }
    kr_effects_init(&effects);
    assert_int_equal(kr_loop_run(bed_node(bed, 0)->loop, events, 10, seed, is_over, &budget, &effects, &done), KR_OK);
    assert_int_equal(done, 4);
    /* However little time there is, one is taken: a batch always gets on. */
    budget.left = 0;
    assert_int_equal(kr_loop_run(bed_node(bed, 0)->loop, events, 10, seed, is_over, &budget, &effects, &done), KR_OK);
    assert_int_equal(done, 1);
    kr_effects_deinit(&effects);
}

/* A bulk submission of many full reports is cut by the pages that it dirties, whatever the clock says. */
static void bulk_is_cut_in_steps(void **state)
{
    enum { REPORTS = 40, DOMAINS = 2000 };
    struct bed *bed = *state;
    struct kr_loop *loop = bed_node(bed, 0)->loop;
    static char names[DOMAINS][32];
    static const char *domains[DOMAINS];
    struct kr_event made[REPORTS];
    uint8_t seed[32] = {1};
    size_t done = 0, jobs = 0;
    struct kr_effects effects;
    uint64_t records = bed_records(bed, 0);
    for (uint32_t i = 0; i < REPORTS; i++) {
        for (uint32_t j = 0; j < DOMAINS; j++) {
            (void)snprintf(names[j], sizeof names[j], "h%u-%u.example", i, j);
            domains[j] = names[j];
        }
        struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "a.example", (uint8_t)i);
        bed_submission_body(submit, domains, DOMAINS);
        struct kr_writer args = args_of(submit);
        struct kr_event event = {.type = KR_EVENT_REQUEST,
                                 .now_ms = bed->world->now_ms,
                                 .client = 5,
                                 .request = i,
                                 .op = KR_OP_SUBMIT,
                                 .bytes = {args.bytes, args.len}};
        assert_int_equal(kr_event_lane(&event), KR_CORE_LANE_BULK);
        kr_effects_init(&effects);
        assert_int_equal(kr_loop_run(loop, &event, 1, seed, NULL, NULL, &effects, &done), KR_OK);
        for (size_t j = 0; j < effects.count; j++) {
            if (effects.items[j].type == KR_EFFECT_JOB) {
                kr_job_run(effects.items[j].job, bed_node(bed, 0)->keyring);
                made[jobs++] =
                    (struct kr_event){.type = KR_EVENT_JOB_DONE, .now_ms = bed->world->now_ms, .job = effects.items[j].job};
                effects.items[j].job = NULL;
            }
        }
        kr_effects_deinit(&effects);
        kr_writer_deinit(&args);
        bed_submission_free(submit);
    }
    assert_int_equal(jobs, REPORTS);
    assert_int_equal(kr_event_lane(&made[0]), KR_CORE_LANE_BULK);
    size_t at = 0, batches = 0;
    while (at < REPORTS) {
        kr_effects_init(&effects);
        assert_int_equal(kr_loop_run(loop, &made[at], REPORTS - at, seed, NULL, NULL, &effects, &done), KR_OK);
        assert_true(done >= 1);
        at += done;
        batches++;
        kr_effects_deinit(&effects);
    }
    assert_true(batches >= 2);
    assert_int_equal(bed_records(bed, 0), records + REPORTS);
}

static void run_one(struct bed *bed, uint32_t node, struct kr_event event, struct kr_effects *effects, enum kr_err expected)
{
    uint8_t seed[32] = {1};
    size_t done = 0;
    event.now_ms = bed->world->now_ms;
    kr_effects_init(effects);
    assert_int_equal(kr_loop_run(bed_node(bed, node)->loop, &event, 1, seed, NULL, NULL, effects, &done), expected);
}

/* A ticket is written: something to commit. */
static struct kr_writer invite_args(void)
{
    struct kr_writer args;
    struct kr_invite invite = {.is_link_only = true};
    kr_writer_init(&args, KR_KIB);
    kr_invite_write(&invite, &args);
    assert_int_equal(kr_writer_finish(&args), KR_OK);
    return args;
}

static struct kr_job *take_job(struct kr_effects *effects)
{
    struct kr_job *job = NULL;
    for (size_t i = 0; i < effects->count; i++) {
        if (effects->items[i].type == KR_EFFECT_JOB) {
            job = effects->items[i].job;
            effects->items[i].job = NULL;
        }
    }
    return job;
}

/* What workers have in hand when the core is made anew counts until it comes back; what never got out does not. */
static void jobs_of_the_core_before_count(void **state)
{
    struct bed *bed = *state;
    struct kr_writer content, args = invite_args();
    struct kr_effects effects;
    struct kr_writer list;
    struct kr_event ask = {
        .type = KR_EVENT_REQUEST, .client = 5, .request = 6, .op = KR_OP_INVITE, .bytes = {args.bytes, args.len}};
    struct forged forged = bed_forge(
        bed, 1, (struct kr_draft){.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .content = bed_report(&content, "a.example")});
    size_t len = 0;
    kr_writer_init(&list, KR_FRAME_BYTES_MAX);
    kr_writer_bin(&list, forged.bytes, forged.len);
    const struct kr_message records = {.type = KR_MESSAGE_RECORDS, .item_count = 1, .items = {list.bytes, list.len}};
    uint8_t *frame = bed_frame(&bed_link(bed, 1, 0)->session, &records, &len);
    const struct kr_event came = {.type = KR_EVENT_FRAME, .number = bed_link(bed, 0, 1)->number, .bytes = {frame, len}};
    run_one(bed, 0, came, &effects, KR_OK);
    struct kr_job *job = take_job(&effects);
    kr_effects_deinit(&effects);
    assert_non_null(job);
    for (uint32_t i = 0; i < 2; i++) {
        struct kr_core *before = bed_core(bed, 0);
        let_commits_fail(bed, true);
        run_one(bed, 0, ask, &effects, KR_IO);
        let_commits_fail(bed, false);
        kr_effects_deinit(&effects);
        assert_ptr_not_equal(bed_core(bed, 0), before);
        assert_int_equal(bed_core(bed, 0)->jobs_out, 1);
        assert_int_equal(bed_core(bed, 0)->check_bytes, forged.len);
        assert_int_equal(bed_link(bed, 0, 1)->check_bytes, forged.len);
    }
    kr_job_run(job, bed_node(bed, 0)->keyring);
    run_one(bed, 0, (struct kr_event){.type = KR_EVENT_JOB_DONE, .job = job}, &effects, KR_OK);
    kr_effects_deinit(&effects);
    assert_int_equal(bed_core(bed, 0)->jobs_out, 0);
    assert_int_equal(bed_core(bed, 0)->check_bytes, 0);
    assert_int_equal(bed_link(bed, 0, 1)->check_bytes, 0);
    /* One that was made in the batch that failed. */
    struct kr_submit *submit = bed_submission(bed, KR_TLP_GREEN, "a.example", 1);
    struct kr_writer submission = args_of(submit);
    struct kr_event events[2] = {ask, ask};
    uint8_t seed[32] = {1};
    size_t done = 0;
    events[0].op = KR_OP_SUBMIT;
    events[0].bytes = (struct kr_slice){submission.bytes, submission.len};
    events[0].now_ms = events[1].now_ms = bed->world->now_ms;
    let_commits_fail(bed, true);
    kr_effects_init(&effects);
    assert_int_equal(kr_loop_run(bed_node(bed, 0)->loop, events, 2, seed, NULL, NULL, &effects, &done), KR_IO);
    let_commits_fail(bed, false);
    kr_effects_deinit(&effects);
    assert_int_equal(bed_core(bed, 0)->jobs_out, 0);
    bed_submission_free(submit);
    kr_writer_deinit(&submission);
    kr_writer_deinit(&args);
    kr_writer_deinit(&content);
    forged_free(&forged);
    kr_writer_deinit(&list);
    free(frame);
}

static bool has_effect(const struct kr_effects *effects, enum kr_effect_type type)
{
    bool has = false;
    for (size_t i = 0; i < effects->count; i++) {
        has = has || effects->items[i].type == type;
    }
    return has;
}

/* Whichever allocation fails while the core is made anew: it greets net and dials its links, then or with the next event. */
static void a_core_made_anew_greets_whole(void **state)
{
    struct bed *bed = *state;
    const uint32_t node = bed_link(bed, 0, 1)->we_dial ? 0 : 1;
    struct kr_writer args = invite_args();
    uint32_t without = 0;
    bool has_failed = true;
    for (long n = 0; has_failed; n++) {
        struct kr_event ask = {
            .type = KR_EVENT_REQUEST, .client = 5, .request = 6, .op = KR_OP_INVITE, .bytes = {args.bytes, args.len}};
        struct kr_event tick = {.type = KR_EVENT_TICK, .now_ms = bed->world->now_ms};
        struct kr_effects effects;
        uint8_t seed[32] = {1};
        size_t done = 0;
        assert_true(n < 5000);
        ask.now_ms = bed->world->now_ms;
        kr_effects_init(&effects);
        let_commits_fail(bed, true);
        allocations_left = n;
        assert_int_not_equal(kr_loop_run(bed_node(bed, node)->loop, &ask, 1, seed, NULL, NULL, &effects, &done), KR_OK);
        has_failed = allocations_left < 0;
        allocations_left = -1;
        let_commits_fail(bed, false);
        without += bed_core(bed, node) == NULL;
        assert_int_equal(kr_loop_run(bed_node(bed, node)->loop, &tick, 1, seed, NULL, NULL, &effects, &done), KR_OK);
        assert_non_null(bed_core(bed, node));
        assert_true(has_effect(&effects, KR_EFFECT_ALLOW));
        assert_true(has_effect(&effects, KR_EFFECT_DIAL));
        kr_effects_deinit(&effects);
    }
    assert_true(without > 0);
    kr_writer_deinit(&args);
}

static bool is_lost(void *context, struct sim_node *node, const struct kr_effect *effect)
{
    (void)context;
    (void)node;
    (void)effect;
    return true;
}

/* Node 0's card, with one transport key more, which node 1 has not been told of. */
static struct kr_job *card_with_two_keys(struct bed *bed)
{
    struct kr_job *job = kr_job_new(KR_JOB_CHECK);
    struct kr_txn *txn = NULL;
    bed->on_send = is_lost;
    assert_int_equal(bed_request(bed, 0, KR_OP_TRANSPORT, (const uint8_t[]){0x91, KR_TRANSPORT_MAKE}, 2, 100), KR_OK);
    assert_int_equal(bed_request(bed, 0, KR_OP_TRANSPORT, (const uint8_t[]){0x91, KR_TRANSPORT_LIST}, 2, 100), KR_OK);
    bed->on_send = NULL;
    assert_non_null(job);
    assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_directory_card_record(txn, bed_node(bed, 0)->council, &job->bytes, &job->len), KR_OK);
    kr_txn_abort(txn);
    return job;
}

/* The peer's card lists a key that there is no link for yet, just as a commit fails: the core that is made anew can only read as it
 * greets. It makes the link with the next event. */
static void a_core_made_anew_links_new_keys_when_it_can_write(void **state)
{
    struct bed *bed = *state;
    const uint32_t links = bed_core(bed, 1)->link_count;
    struct kr_writer args = invite_args();
    struct kr_event ask = {
        .type = KR_EVENT_REQUEST, .client = 5, .request = 6, .op = KR_OP_INVITE, .bytes = {args.bytes, args.len}};
    struct kr_effects effects;
    uint8_t seed[32] = {1};
    size_t done = 0;
    bool is_taken = false;
    struct kr_job *card = card_with_two_keys(bed);
    assert_int_equal(sim_hand_over(bed->world, bed_node(bed, 0), 1, card, &is_taken), SIM_HOLDS);
    assert_true(is_taken);
    assert_int_equal(bed_core(bed, 1)->link_count, links);
    ask.now_ms = bed->world->now_ms;
    kr_effects_init(&effects);
    let_commits_fail(bed, true);
    assert_int_equal(kr_loop_run(bed_node(bed, 1)->loop, &ask, 1, seed, NULL, NULL, &effects, &done), KR_IO);
    let_commits_fail(bed, false);
    assert_non_null(bed_core(bed, 1)); /* it is there at once, and has written nothing */
    assert_int_equal(bed_core(bed, 1)->link_count, links);
    assert_true(has_effect(&effects, KR_EFFECT_WAKE));
    kr_effects_deinit(&effects);
    bed_run(bed, 5000);
    assert_int_equal(bed_core(bed, 1)->link_count, links + 1);
    kr_writer_deinit(&args);
}

/* ---- work that can wait ---- */

/* How many transactions one slice begins, which has no more behind it. */
static uint32_t idle_once(struct bed *bed, uint64_t now_ms)
{
    struct kr_effects effects;
    uint8_t seed[32] = {1};
    bool more = true;
    kr_effects_init(&effects);
    begun = 0;
    assert_int_equal(kr_loop_idle(bed_node(bed, 0)->loop, now_ms, seed, &effects, &more), KR_OK);
    assert_false(more);
    assert_true(begun > 0 || effects.count == 0);
    kr_effects_deinit(&effects);
    return begun;
}

static void idle_work_begins_no_transaction_for_nothing(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    struct kr_submit *submit = bed_submission(bed, KR_TLP_GREEN, "a.example", 1);
    const uint64_t now_ms = bed->world->now_ms;
    (void)idle_once(bed, now_ms); /* whatever the world has left */
    assert_int_equal(idle_once(bed, now_ms), 0);
    /* Also not after a commit that leaves nothing to do. */
    const uint64_t commits = kr_loop_commits(bed_node(bed, 0)->loop);
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_OK);
    bed_run(bed, 1000);
    assert_true(kr_loop_commits(bed_node(bed, 0)->loop) > commits);
    assert_int_equal(idle_once(bed, bed->world->now_ms), 0);
    /* Nor over a day on which no event tells that time has passed: but for what is due then. */
    assert_int_equal(idle_once(bed, bed_core(bed, 0)->expiry_at_ms - 1), 0);
    assert_int_equal(idle_once(bed, bed_core(bed, 0)->expiry_at_ms), 1);
    assert_int_equal(idle_once(bed, bed->world->now_ms), 0);
    bed_submission_free(submit);
}

/* All that idle work and a flush look for, each alone. */
static void idle_work_is_done_where_there_is_any(void **state)
{
    struct bed *bed = *state;
    struct kr_core *core = bed_core(bed, 0);
    struct kr_link *link = bed_link(bed, 0, 1);
    const uint64_t now_ms = bed->world->now_ms;
    (void)idle_once(bed, now_ms);
    assert_int_equal(idle_once(bed, now_ms), 0);
    assert_true(link->has_session);
    core->quarantine_is_due = true;
    assert_int_equal(idle_once(bed, now_ms), 1);
    assert_false(core->quarantine_is_due);
    core->takeback_is_due = true;
    assert_int_equal(idle_once(bed, now_ms), 1);
    assert_false(core->takeback_is_due);
    core->makes_since_ms = now_ms;
    assert_int_equal(idle_once(bed, now_ms), 1);
    assert_int_equal(core->makes_since_ms, UINT64_MAX);
    link->progress_generation = core->directory.generation + 1;
    assert_int_equal(idle_once(bed, now_ms), 1);
    assert_int_equal(link->progress_generation, core->directory.generation);
    link->spread.prune_count = 1;
    assert_int_equal(idle_once(bed, now_ms), 1);
    assert_int_equal(link->spread.prune_count, 0);
    link->granted -= link->share / 2 + 1;
    assert_int_equal(idle_once(bed, now_ms), 1);
    assert_int_equal(link->granted, link->share);
    link->needed = link->granted;
    assert_int_equal(idle_once(bed, now_ms), 1);
    assert_int_equal(link->needed, 0);
    link->is_waiting = true;
    assert_int_equal(idle_once(bed, now_ms), 1);
    link->pair_next = link->pair_end - 1;
    struct kr_effects effects;
    uint8_t seed[32] = {1};
    bool more = false;
    kr_effects_init(&effects);
    assert_int_equal(kr_loop_idle(bed_node(bed, 0)->loop, now_ms, seed, &effects, &more), KR_OK);
    kr_effects_deinit(&effects);
    assert_true(more); /* pairs always say so */
    assert_int_equal(link->pair_next, link->pair_end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(jobs_of_the_core_before_count, setup, teardown),
        cmocka_unit_test_setup_teardown(a_core_made_anew_greets_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(a_core_made_anew_links_new_keys_when_it_can_write, setup, teardown),
        cmocka_unit_test_setup_teardown(idle_work_begins_no_transaction_for_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(idle_work_is_done_where_there_is_any, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_commit_is_answered_and_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(no_effect_of_a_failed_batch_gets_out, setup, teardown),
        cmocka_unit_test_setup_teardown(an_event_that_fails_spares_those_before_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_first_event_that_fails_leaves_the_others, setup, teardown),
        cmocka_unit_test_setup_teardown(large_submissions_become_durable_first, setup, teardown),
        cmocka_unit_test_setup_teardown(large_submissions_do_not_hold_others_for_ever, setup, teardown),
        cmocka_unit_test_setup_teardown(the_core_made_anew_is_the_one_that_the_store_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(a_batch_ends_when_its_time_is_up, setup, teardown),
        cmocka_unit_test_setup_teardown(bulk_is_cut_in_steps, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/loop", tests, NULL, NULL);
}
