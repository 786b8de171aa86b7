/* Checks that the simulator remembers for all nodes of a large world: the same as if each had made its own. */
#include "node/core/job.h"
#include "tests/sim/internal.h"
#include "tests/unit/core/takeback_test.h"

struct scene {
    struct bed *bed;
    struct sim_memo *memo;
};

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    *scene = (struct scene){.bed = bed_new(3), .memo = sim_memo_new()};
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    sim_memo_free(scene->memo);
    bed_free(scene->bed);
    free(scene);
    return 0;
}

/* Of node 1, for node 2. */
static struct forged sealed_report(struct bed *bed)
{
    struct kr_writer content;
    uint8_t recipient[1][32];
    memcpy(recipient[0], bed_node(bed, 2)->keyring->sealing[0].public_key, 32);
    struct kr_draft draft = {
        .kind = KR_KIND_REPORT,
        .label = KR_TLP_AMBER,
        .audience = (const uint8_t(*)[32])bed_node(bed, 2)->council,
        .audience_count = 1,
        .recipients = (const uint8_t(*)[32])recipient,
        .recipient_count = 1,
        .content = bed_report(&content, "secret.example"),
    };
    struct forged forged = bed_forge(bed, 1, draft);
    kr_writer_deinit(&content);
    return forged;
}

static struct kr_job *check(struct scene *scene, struct sim_memo *memo, const struct forged *record, uint32_t node)
{
    struct kr_job *job = kr_job_new(KR_JOB_CHECK);
    assert_non_null(job);
    job->bytes = malloc(record->len);
    assert_non_null(job->bytes);
    memcpy(job->bytes, record->bytes, record->len);
    job->len = record->len;
    sim_memo_run(memo, job, bed_node(scene->bed, node)->keyring);
    return job;
}

static void assert_same(const struct kr_job *job, const struct kr_job *alone)
{
    assert_int_equal(job->err, alone->err);
    assert_int_equal(job->is_open, alone->is_open);
    assert_int_equal(job->severity, alone->severity);
    assert_int_equal(job->indicator_count, alone->indicator_count);
    assert_int_equal(job->title_len, alone->title_len);
    assert_memory_equal(job->title, alone->title, alone->title_len);
    assert_int_equal(job->content_len, alone->content_len);
    if (alone->content_len > 0) {
        assert_memory_equal(job->content, alone->content, alone->content_len);
    }
    assert_int_equal(job->term_count, alone->term_count);
    for (size_t i = 0; i < alone->term_count; i++) {
        assert_memory_equal(job->terms[i].term, alone->terms[i].term, KR_TERM_BYTES);
        assert_int_equal(job->terms[i].position, alone->terms[i].position);
    }
    assert_memory_equal(job->record.id, alone->record.id, 32);
    assert_int_equal(job->target_err, alone->target_err);
    assert_memory_equal(job->target.id, alone->target.id, 32);
    assert_memory_equal(job->header.author, alone->header.author, 32);
    assert_int_equal(job->header.label, alone->header.label);
}

/* Node `first` may leave something that `node` finds. */
static void assert_as_alone(struct scene *scene, const struct forged *record, uint32_t first, uint32_t node)
{
    kr_job_free(check(scene, scene->memo, record, first));
    struct kr_job *job = check(scene, scene->memo, record, node), *alone = check(scene, NULL, record, node);
    assert_same(job, alone);
    kr_job_free(job);
    kr_job_free(alone);
}

/* Whose keys hide terms shows that it is a memory; in a large world they are the same everywhere. */
static void a_check_is_remembered_whole(void **state)
{
    struct scene *scene = *state;
    struct forged record = clear_report(scene->bed, 1, "one.example");
    assert_as_alone(scene, &record, 0, 0);
    struct kr_job *first = check(scene, NULL, &record, 0), *again = check(scene, scene->memo, &record, 2);
    assert_true(again->term_count > 0);
    assert_same(again, first);
    assert_ptr_not_equal(first->content, again->content);
    kr_job_free(first);
    kr_job_free(again);
    forged_free(&record);
}

/* One bit elsewhere than in what the slot is chosen by: another record, and not a sound one. */
static void other_bytes_are_another_record(void **state)
{
    struct scene *scene = *state;
    struct forged record = clear_report(scene->bed, 1, "one.example");
    kr_job_free(check(scene, scene->memo, &record, 0));
    for (size_t at = 0; at + 2 < record.len; at += 7) {
        record.bytes[at] ^= 1;
        struct kr_job *job = check(scene, scene->memo, &record, 0);
        assert_int_not_equal(job->err, KR_OK);
        kr_job_free(job);
        record.bytes[at] ^= 1;
    }
    assert_as_alone(scene, &record, 0, 0);
    forged_free(&record);
}

static void what_takes_back_brings_its_target(void **state)
{
    struct scene *scene = *state;
    struct forged target = clear_report(scene->bed, 1, "one.example");
    struct forged sound = take_back(scene->bed, 1, &target, (struct lie){0});
    struct forged bad = take_back(scene->bed, 1, &target, (struct lie){.breaks_signature = true});
    assert_as_alone(scene, &sound, 0, 0);
    assert_as_alone(scene, &bad, 0, 0);
    forged_free(&target);
    forged_free(&sound);
    forged_free(&bad);
}

static void what_is_sealed_opens_only_where_it_should(void **state)
{
    struct scene *scene = *state;
    struct forged record = sealed_report(scene->bed);
    assert_as_alone(scene, &record, 0, 2); /* opens at node 2 */
    struct kr_job *outside = check(scene, scene->memo, &record, 0);
    assert_false(outside->is_open);
    assert_null(outside->content);
    kr_job_free(outside);
    forged_free(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_check_is_remembered_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(other_bytes_are_another_record, setup, teardown),
        cmocka_unit_test_setup_teardown(what_takes_back_brings_its_target, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_sealed_opens_only_where_it_should, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/memo", tests, NULL, NULL);
}
