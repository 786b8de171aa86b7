/* Whose job is done next: one worker, held in its first job while others come (kr_job_run is the test's, linked with --wrap). */
#include "keeper_test.h"

#include <semaphore.h>

#include "node/core/job.h"
#include "node/keeper/workers.h"

#define JOBS_MAX 32u

static struct {
    sem_t is_held, go_on, is_done;
    struct kr_shared_keyring keyring;
    struct kr_lanes *lanes;
    struct kr_workers *workers;
    uint32_t done[JOBS_MAX]; /* by the worker alone, read when all are done */
    size_t count;
} made;

void __wrap_kr_job_run(struct kr_job *job, const struct kr_keyring *keyring);
void __wrap_kr_job_run(struct kr_job *job, const struct kr_keyring *keyring)
{
    (void)keyring;
    if (job->op == 0) {
        assert_int_equal(sem_post(&made.is_held), 0);
        assert_int_equal(sem_wait(&made.go_on), 0);
    } else {
        made.done[made.count++] = job->op;
    }
    assert_int_equal(sem_post(&made.is_done), 0);
}

/* `op`: how the test knows it again; 0 holds the worker. */
static void put(uint32_t link, uint32_t op, bool is_bulk)
{
    struct kr_job *job = kr_job_new(KR_JOB_CHECK);
    assert_non_null(job);
    job->number = link;
    job->op = op;
    job->is_bulk = is_bulk;
    struct kr_item *item = kr_item_new(&(struct kr_event){.type = KR_EVENT_JOB_DONE, .job = job});
    assert_non_null(item);
    kr_workers_put(made.workers, item);
}

static int set_up(void **state)
{
    (void)state;
    static struct kr_keyring keyring;
    made.count = 0;
    kr_shared_keyring_init(&made.keyring, &keyring);
    assert_int_equal(sem_init(&made.is_held, 0, 0) + sem_init(&made.go_on, 0, 0) + sem_init(&made.is_done, 0, 0), 0);
    assert_int_equal(kr_lanes_new(&made.lanes), KR_OK);
    assert_int_equal(kr_workers_new(1, made.lanes, &made.keyring, &made.workers, NULL), KR_OK);
    put(1, 0, false);
    assert_int_equal(sem_wait(&made.is_held), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kr_workers_free(made.workers);
    kr_lanes_free(made.lanes);
    return 0;
}

static void finish(uint32_t count)
{
    assert_int_equal(sem_post(&made.go_on), 0);
    for (uint32_t i = 0; i <= count; i++) {
        assert_int_equal(sem_wait(&made.is_done), 0);
    }
    assert_int_equal(made.count, count);
}

static void links_take_turns(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 4; i++) {
        put(3, 30 + i, false);
    }
    put(4, 41, false);
    put(4, 42, false);
    put(5, 51, false);
    finish(7);
    const uint32_t expected[] = {31, 41, 51, 32, 42, 33, 34};
    assert_memory_equal(made.done, expected, sizeof expected);
}

static void bulk_waits_but_not_for_ever(void **state)
{
    (void)state;
    put(4, 91, true);
    put(4, 92, true);
    for (uint32_t i = 1; i <= KR_WORKERS_PATIENCE + 2; i++) {
        put(3, i, false);
    }
    finish(KR_WORKERS_PATIENCE + 4);
    for (uint32_t i = 0; i < KR_WORKERS_PATIENCE; i++) {
        assert_int_equal(made.done[i], i + 1);
    }
    const uint32_t expected[] = {91, KR_WORKERS_PATIENCE + 1, KR_WORKERS_PATIENCE + 2, 92};
    assert_memory_equal(made.done + KR_WORKERS_PATIENCE, expected, sizeof expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(links_take_turns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bulk_waits_but_not_for_ever, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
