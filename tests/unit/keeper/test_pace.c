/* Bulk rests while somebody waits for small things, and only then. */
#include "keeper_test.h"

#include "node/core/job.h"
#include "node/keeper/pace.h"

#define T0_US UINT64_C(5000000)

static void what_is_small_and_what_is_bulk(void **state)
{
    (void)state;
    static uint8_t large[KR_BULK_BYTES_MIN + 1];
    struct kr_job *job = kr_job_new(KR_JOB_CHECK);
    const struct kr_event done = {.type = KR_EVENT_JOB_DONE, .job = job};
    assert_int_equal(kr_pace_sort(&(struct kr_event){.type = KR_EVENT_FRAME}), KR_PACE_OTHER);
    assert_int_equal(kr_pace_sort(&(struct kr_event){.type = KR_EVENT_TICK}), KR_PACE_OTHER);
    assert_int_equal(kr_pace_sort(&(struct kr_event){.type = KR_EVENT_REQUEST, .op = KR_OP_SUBMIT, .bytes = {large, 10}}),
                     KR_PACE_SMALL);
    assert_int_equal(kr_pace_sort(&(struct kr_event){.type = KR_EVENT_REQUEST, .op = KR_OP_SUBMIT, .bytes = {large, sizeof large}}),
                     KR_PACE_BULK);
    assert_int_equal(kr_pace_sort(&(struct kr_event){.type = KR_EVENT_REQUEST, .op = KR_OP_STATUS, .bytes = {large, 1}}),
                     KR_PACE_OTHER);
    assert_int_equal(kr_pace_sort(&done), KR_PACE_SMALL);
    job->is_bulk = true;
    assert_int_equal(kr_pace_sort(&done), KR_PACE_BULK);
    kr_job_free(job);
}

static void alone_it_works_on(void **state)
{
    (void)state;
    struct kr_pace pace = {0};
    kr_pace_add(&pace, KR_PACE_BULK);
    kr_pace_add(&pace, KR_PACE_OTHER);
    kr_pace_end(&pace, T0_US, T0_US + 10000);
    assert_false(kr_pace_bulk_rests(&pace, T0_US + 10000));
}

static void beside_small_things_it_rests_twice_as_long_as_it_worked(void **state)
{
    (void)state;
    struct kr_pace pace = {0};
    kr_pace_add(&pace, KR_PACE_SMALL);
    kr_pace_end(&pace, T0_US, T0_US + 1000);
    assert_false(kr_pace_bulk_rests(&pace, T0_US + 1000)); /* it has not worked */
    kr_pace_add(&pace, KR_PACE_BULK);
    kr_pace_end(&pace, T0_US + 20000, T0_US + 30000);
    assert_true(kr_pace_bulk_rests(&pace, T0_US + 30000));
    assert_true(kr_pace_bulk_rests(&pace, T0_US + 49999));
    assert_false(kr_pace_bulk_rests(&pace, T0_US + 50000));
    /* A batch without bulk does not make the rest longer. */
    kr_pace_add(&pace, KR_PACE_SMALL);
    kr_pace_end(&pace, T0_US + 31000, T0_US + 32000);
    assert_false(kr_pace_bulk_rests(&pace, T0_US + 50000));
}

/* Records that come by the hundred are no person's. */
static void beside_a_flow_of_small_things_it_works_on(void **state)
{
    (void)state;
    struct kr_pace pace = {0};
    for (uint32_t count = KR_SMALL_FEW; count <= KR_SMALL_FEW + 1; count++) {
        pace = (struct kr_pace){0};
        for (uint32_t i = 0; i < count; i++) {
            kr_pace_add(&pace, KR_PACE_SMALL);
        }
        kr_pace_add(&pace, KR_PACE_BULK);
        kr_pace_end(&pace, T0_US, T0_US + 1000);
        assert_int_equal(kr_pace_bulk_rests(&pace, T0_US + 1000), count == KR_SMALL_FEW);
    }
}

static void long_after_them_it_works_on(void **state)
{
    (void)state;
    struct kr_pace pace = {0};
    kr_pace_add(&pace, KR_PACE_SMALL);
    kr_pace_end(&pace, T0_US, T0_US + 1000);
    const uint64_t later_us = T0_US + 1000 + KR_SMALL_MS * 1000u;
    kr_pace_add(&pace, KR_PACE_BULK);
    kr_pace_end(&pace, later_us - 10000, later_us);
    assert_false(kr_pace_bulk_rests(&pace, later_us));
}

/* One link's things rest within a batch while somebody else waits, and for nobody else. */
static void beside_others_a_link_has_its_part_of_a_batch(void **state)
{
    (void)state;
    struct kr_pace pace = {0};
    kr_pace_link_took(&pace, 3, KR_LINK_US);
    assert_false(kr_pace_link_rests(&pace, 3, T0_US)); /* nobody waits */
    kr_pace_waited(&pace, 3, T0_US);
    assert_false(kr_pace_link_rests(&pace, 3, T0_US)); /* but itself */
    kr_pace_waited(&pace, 0, T0_US);
    assert_true(kr_pace_link_rests(&pace, 3, T0_US + 1));
    kr_pace_waited(&pace, 3, T0_US + 1000); /* its own do not hide the others' */
    assert_true(kr_pace_link_rests(&pace, 3, T0_US + 1000));
    assert_false(kr_pace_link_rests(&pace, 4, T0_US + 1000)); /* it has not worked */
    assert_false(kr_pace_link_rests(&pace, 3, T0_US + KR_SMALL_MS * 1000u));
    kr_pace_end(&pace, T0_US, T0_US + 2000); /* the next batch */
    assert_false(kr_pace_link_rests(&pace, 3, T0_US + 2000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_small_and_what_is_bulk),
        cmocka_unit_test(alone_it_works_on),
        cmocka_unit_test(beside_small_things_it_rests_twice_as_long_as_it_worked),
        cmocka_unit_test(beside_a_flow_of_small_things_it_works_on),
        cmocka_unit_test(long_after_them_it_works_on),
        cmocka_unit_test(beside_others_a_link_has_its_part_of_a_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
