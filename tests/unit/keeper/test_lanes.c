#include "keeper_test.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "node/core/job.h"
#include "node/keeper/lanes.h"

static int make(void **state)
{
    struct kr_lanes *lanes = NULL;
    if (kr_lanes_new(&lanes) != KR_OK) {
        return -1;
    }
    *state = lanes;
    return 0;
}

static int drop(void **state)
{
    kr_lanes_free(*state);
    return 0;
}

static uint8_t large[KR_BULK_BYTES_MIN + 1];

static void put(struct kr_lanes *lanes, enum kr_event_type type, uint64_t request)
{
    assert_int_equal(kr_lanes_put_event(lanes, &(struct kr_event){.type = type, .client = 7, .request = request}), KR_OK);
}

static void put_submit(struct kr_lanes *lanes, uint64_t client, uint64_t request, size_t len)
{
    const struct kr_event event = {
        .type = KR_EVENT_REQUEST, .op = KR_OP_SUBMIT, .client = client, .request = request, .bytes = {large, len}};
    assert_int_equal(kr_lanes_put_event(lanes, &event), KR_OK);
}

/* Takes everything of one batch and gives the requests' numbers. */
static size_t take(struct kr_lanes *lanes, uint64_t *ret_requests, size_t max)
{
    struct kr_item *items[64];
    assert_true(max <= 64);
    size_t count = kr_lanes_take(lanes, KR_CORE_LANE_COUNT, items, max);
    for (size_t i = 0; i < count; i++) {
        ret_requests[i] = items[i]->event.request;
        kr_item_free(items[i]);
    }
    return count;
}

static void test_lanes_go_in_their_order_and_keep_their_own(void **state)
{
    uint64_t got[8];
    put_submit(*state, 7, 5, sizeof large);
    put_submit(*state, 7, 3, 10);
    put_submit(*state, 7, 4, 10);
    put(*state, KR_EVENT_FRAME, 2);
    put(*state, KR_EVENT_TICK, 1);
    assert_int_equal(take(*state, got, 8), 4);
    for (uint64_t i = 0; i < 4; i++) {
        assert_int_equal(got[i], i + 1);
    }
    assert_int_equal(take(*state, got, 8), 1); /* bulk comes alone */
    assert_int_equal(got[0], 5);
    assert_int_equal(take(*state, got, 8), 0);
}

static void test_bytes_are_copied(void **state)
{
    uint8_t bytes[3] = {1, 2, 3};
    struct kr_item *items[2];
    assert_int_equal(kr_lanes_put_event(*state, &(struct kr_event){.type = KR_EVENT_FRAME, .number = 9, .bytes = {bytes, 3}}),
                     KR_OK);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(kr_lanes_take(*state, KR_CORE_LANE_COUNT, items, 2), 1);
    assert_int_equal(items[0]->event.number, 9);
    assert_int_equal(items[0]->event.bytes.len, 3);
    assert_memory_equal(items[0]->event.bytes.bytes, ((uint8_t[]){1, 2, 3}), 3);
    kr_item_free(items[0]);
}

static void test_bulk_waits_but_not_for_ever(void **state)
{
    uint64_t got[64];
    unsigned batches = 0;
    for (uint64_t i = 0; i <= KR_LANES_BULK_AT_ONCE; i++) {
        put_submit(*state, 7, 99 + i, sizeof large);
    }
    for (;;) {
        put(*state, KR_EVENT_FRAME, 1);
        size_t count = take(*state, got, 64);
        batches++;
        if (count == KR_LANES_BULK_AT_ONCE + 1) {
            break;
        }
        assert_int_equal(count, 1);
        assert_int_equal(got[0], 1);
    }
    assert_int_equal(got[0], 99); /* not all of them, and in front, since a batch may end before its last event */
    assert_int_equal(got[KR_LANES_BULK_AT_ONCE], 1);
    assert_int_equal(batches, KR_LANES_PATIENCE + 1);
}

/* Whoever floods us with frames keeps out neither clients nor bulk. */
static void test_a_flood_leaves_room_for_others(void **state)
{
    uint64_t got[16];
    bool has_bulk = false;
    put_submit(*state, 7, 99, sizeof large);
    for (unsigned batch = 0; batch <= KR_LANES_PATIENCE && !has_bulk; batch++) {
        for (unsigned i = 0; i < 16; i++) {
            put(*state, KR_EVENT_FRAME, 1);
        }
        put_submit(*state, 7, 50, 10);
        assert_int_equal(take(*state, got, 8), 8);
        has_bulk = got[0] == 99;
        unsigned at = has_bulk;
        while (at < 8 && got[at] != 50) { /* the turns go on from batch to batch */
            at++;
        }
        assert_true(at <= KR_LANES_FRESH_AT_ONCE + has_bulk);
    }
    assert_true(has_bulk);
}

static void put_frame(struct kr_lanes *lanes, uint32_t link, uint64_t request)
{
    assert_int_equal(kr_lanes_put_event(lanes, &(struct kr_event){.type = KR_EVENT_FRAME, .number = link, .request = request}),
                     KR_OK);
}

/* However much one link has brought, another's frame waits for one of it; and each link's keep their order. */
static void test_links_take_turns(void **state)
{
    uint64_t got[8];
    for (uint64_t i = 1; i <= 5; i++) {
        put_frame(*state, 3, i);
    }
    put_frame(*state, 4, 21);
    put_frame(*state, 4, 22);
    put_frame(*state, 5, 31);
    assert_int_equal(take(*state, got, 8), 8);
    const uint64_t expected[] = {1, 21, 31, 2, 22, 3, 4, 5};
    assert_memory_equal(got, expected, sizeof expected);
}

/* What was checked for a link is that link's; what is our own has a turn as a link has. */
static void test_checked_records_take_turns_with_frames(void **state)
{
    static const struct {
        enum kr_job_kind kind;
        uint32_t number;
        uint64_t request;
    } jobs[] = {{KR_JOB_CHECK, 3, 2}, {KR_JOB_CHECK, 4, 21}, {KR_JOB_MAKE, 3, 91}};
    uint64_t got[8];
    put_frame(*state, 3, 1);
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        struct kr_job *job = kr_job_new(jobs[i].kind);
        assert_non_null(job);
        job->number = jobs[i].number;
        const struct kr_event done = {.type = KR_EVENT_JOB_DONE, .request = jobs[i].request, .job = job};
        assert_int_equal(kr_lanes_put_event(*state, &done), KR_OK);
    }
    assert_int_equal(take(*state, got, 8), 4);
    const uint64_t expected[] = {1, 21, 91, 2};
    assert_memory_equal(got, expected, sizeof expected);
}

/* A batch that one link's frame used up: the others have their turn in the next, also where more has come meanwhile. */
static void test_turns_go_on_in_the_next_batch(void **state)
{
    struct kr_item *items[4];
    uint64_t got[8];
    for (uint64_t i = 1; i <= 3; i++) {
        put_frame(*state, 3, i);
    }
    put_frame(*state, 4, 21);
    assert_int_equal(kr_lanes_take(*state, KR_CORE_LANE_COUNT, items, 4), 4);
    assert_int_equal(items[0]->event.request, 1);
    kr_item_free(items[0]);
    put_frame(*state, 3, 4);
    put_frame(*state, 5, 31);
    kr_lanes_give_back(*state, items + 1, 3);
    assert_int_equal(take(*state, got, 8), 5);
    const uint64_t expected[] = {21, 2, 31, 3, 4};
    assert_memory_equal(got, expected, sizeof expected);
}

/* Frames so dear that each uses up a batch: a client waits for one batch, not for four. */
static void test_a_client_that_had_no_time_begins_the_next_batch(void **state)
{
    struct kr_item *items[8];
    uint64_t got[8];
    for (uint64_t i = 1; i <= 6; i++) {
        put_frame(*state, 3, i);
    }
    put_submit(*state, 7, 50, 10);
    assert_int_equal(kr_lanes_take(*state, KR_CORE_LANE_COUNT, items, 7), 7);
    assert_int_equal(items[0]->event.request, 1);
    kr_item_free(items[0]);
    kr_lanes_give_back(*state, items + 1, 6);
    assert_int_equal(take(*state, got, 8), 6);
    const uint64_t expected[] = {50, 2, 3, 4, 5, 6};
    assert_memory_equal(got, expected, sizeof expected);
}

/* Behind a control event the batch may end before it: then its waiting has not begun anew. */
static void test_bulk_behind_control_keeps_its_turn(void **state)
{
    struct kr_item *items[4];
    put_submit(*state, 7, 99, sizeof large);
    for (unsigned i = 0; i < KR_LANES_PATIENCE; i++) {
        put(*state, KR_EVENT_TICK, 1);
        assert_int_equal(kr_lanes_take(*state, KR_CORE_LANE_COUNT, items, 4), 2);
        kr_item_free(items[0]);
        kr_lanes_give_back(*state, items + 1, 1); /* something fresh came in meanwhile */
    }
    put(*state, KR_EVENT_TICK, 1);
    assert_int_equal(kr_lanes_take(*state, KR_CORE_LANE_COUNT, items, 4), 2);
    assert_int_equal(items[0]->event.request, 99);
    kr_item_free(items[0]);
    kr_item_free(items[1]);
}

static void test_bulk_can_be_left_where_it_is(void **state)
{
    struct kr_item *items[4];
    put_submit(*state, 7, 99, sizeof large);
    for (unsigned i = 0; i < 2 * KR_LANES_PATIENCE; i++) {
        assert_int_equal(kr_lanes_take(*state, KR_CORE_LANE_BULK, items, 4), 0);
    }
    assert_true(kr_lanes_wait_begin(*state, KR_CORE_LANE_BULK));
    kr_lanes_wait_end(*state);
    assert_false(kr_lanes_wait_begin(*state, KR_CORE_LANE_COUNT));
    assert_int_equal(kr_lanes_take(*state, KR_CORE_LANE_COUNT, items, 4), 1);
    kr_item_free(items[0]);
}

static void test_what_is_given_back_comes_first(void **state)
{
    struct kr_item *items[8];
    uint64_t got[8];
    for (uint64_t i = 1; i <= 3; i++) {
        put(*state, KR_EVENT_FRAME, i);
    }
    put_submit(*state, 7, 4, 1);
    assert_int_equal(kr_lanes_take(*state, KR_CORE_LANE_COUNT, items, 8), 4);
    kr_item_free(items[0]);
    put(*state, KR_EVENT_FRAME, 5);
    kr_lanes_give_back(*state, items + 1, 3);
    assert_int_equal(take(*state, got, 8), 4);
    const uint64_t expected[] = {4, 2, 3, 5}; /* the client's turn was over before it came to it */
    assert_memory_equal(got, expected, sizeof expected);
}

static void test_cancel_takes_its_request_with_it(void **state)
{
    uint64_t got[8];
    put_submit(*state, 7, 1, 1);
    put_submit(*state, 7, 2, sizeof large);
    put_submit(*state, 8, 1, 1); /* another client's with the same number */
    put(*state, KR_EVENT_CANCEL, 1);
    assert_int_equal(take(*state, got, 8), 2); /* the cancel itself and the other client's */
    assert_int_equal(take(*state, got, 8), 1);
    assert_int_equal(got[0], 2);
}

static void test_a_client_that_is_gone_takes_all_its_requests_with_it(void **state)
{
    uint64_t got[8];
    put_submit(*state, 7, 1, 1);
    put_submit(*state, 7, 2, sizeof large);
    put_submit(*state, 8, 3, 1);
    put(*state, KR_EVENT_CLIENT_GONE, 0);
    assert_int_equal(take(*state, got, 8), 2);
    assert_int_equal(got[1], 3);
    assert_int_equal(take(*state, got, 8), 0);
    /* What is behind the removed ones still comes. */
    put_submit(*state, 8, 4, 1);
    assert_int_equal(take(*state, got, 8), 1);
}

static void test_frames_of_a_net_that_is_gone_are_dropped(void **state)
{
    uint64_t got[8];
    put(*state, KR_EVENT_FRAME, 1);
    put(*state, KR_EVENT_LOST, 2);
    put(*state, KR_EVENT_TICK, 3);
    put_submit(*state, 7, 4, 1);
    kr_lanes_drop_net(*state);
    assert_int_equal(take(*state, got, 8), 2);
    assert_int_equal(got[0], 3);
    assert_int_equal(got[1], 4);
}

/* What was checked already stays, in its link's flow, wherever in it it stood. */
static void test_what_was_checked_outlives_net(void **state)
{
    uint64_t got[8];
    for (uint32_t link = 3; link <= 5; link++) {
        for (uint64_t i = 0; i < 3; i++) {
            struct kr_job *job = i == link - 3 ? kr_job_new(KR_JOB_CHECK) : NULL;
            const struct kr_event event = {
                .type = job != NULL ? KR_EVENT_JOB_DONE : KR_EVENT_FRAME, .number = link, .request = 10 * link + i, .job = job};
            if (job != NULL) {
                job->number = link;
            }
            assert_int_equal(kr_lanes_put_event(*state, &event), KR_OK);
        }
    }
    put_frame(*state, 6, 60);
    kr_lanes_drop_net(*state);
    assert_int_equal(kr_lanes_count(*state, KR_CORE_LANE_FRESH), 3);
    put_frame(*state, 4, 49);
    put_frame(*state, 6, 69);
    assert_int_equal(take(*state, got, 8), 5);
    const uint64_t expected[] = {30, 41, 52, 69, 49};
    assert_memory_equal(got, expected, sizeof expected);
}

static void test_what_goes_before_a_lane(void **state)
{
    uint64_t got[8];
    assert_false(kr_lanes_has_before(*state, KR_CORE_LANE_COUNT));
    put_submit(*state, 7, 1, sizeof large);
    assert_true(kr_lanes_has_before(*state, KR_CORE_LANE_COUNT));
    assert_false(kr_lanes_has_before(*state, KR_CORE_LANE_BULK));
    put_submit(*state, 7, 2, 1);
    assert_true(kr_lanes_has_before(*state, KR_CORE_LANE_BULK));
    assert_int_equal(take(*state, got, 1), 1);
    assert_false(kr_lanes_has_before(*state, KR_CORE_LANE_BULK));
}

static void *put_from_another_thread(void *context)
{
    put(context, KR_EVENT_FRAME, 1);
    return NULL;
}

static void test_the_taker_is_woken(void **state)
{
    struct kr_lanes *lanes = *state;
    uint64_t got[8];
    for (unsigned round = 0; round < 1000; round++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, put_from_another_thread, lanes), 0);
        if (kr_lanes_wait_begin(lanes, KR_CORE_LANE_COUNT)) {
            struct pollfd poller = {.fd = kr_lanes_fd(lanes), .events = POLLIN};
            assert_int_equal(poll(&poller, 1, 10000), 1);
            kr_lanes_wait_end(lanes);
        }
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(take(lanes, got, 8), 1);
    }
}

static void test_a_wake_before_waiting_is_not_lost(void **state)
{
    kr_lanes_wake(*state);
    assert_false(kr_lanes_wait_begin(*state, KR_CORE_LANE_COUNT));
    assert_true(kr_lanes_wait_begin(*state, KR_CORE_LANE_COUNT)); /* but counts once */
    kr_lanes_wait_end(*state);
}

struct waker {
    struct kr_lanes *lanes;
    atomic_bool is_done;
};

static void *wake_once(void *context)
{
    struct waker *waker = context;
    kr_lanes_wake(waker->lanes);
    atomic_store(&waker->is_done, true);
    return NULL;
}

static void wait_once(struct kr_lanes *lanes)
{
    if (kr_lanes_wait_begin(lanes, KR_CORE_LANE_COUNT)) {
        kr_lanes_wait_end(lanes);
    }
}

/* However taker and waker interleave, what was woken for is read, else poll would return at once for ever after. */
static void test_a_wake_that_was_taken_is_not_left_to_be_read(void **state)
{
    struct pollfd poller = {.fd = kr_lanes_fd(*state), .events = POLLIN};
    for (unsigned round = 0; round < 200; round++) {
        struct waker waker = {.lanes = *state};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, wake_once, &waker), 0);
        while (!atomic_load(&waker.is_done)) {
            wait_once(*state);
        }
        assert_int_equal(pthread_join(thread, NULL), 0);
        wait_once(*state);
        assert_int_equal(poll(&poller, 1, 0), 0);
    }
}

static void test_what_is_left_is_freed_with_its_jobs(void **state)
{
    struct kr_job *job = kr_job_new(KR_JOB_CHECK);
    assert_non_null(job);
    job->is_bulk = true;
    assert_int_equal(kr_lanes_put_event(*state, &(struct kr_event){.type = KR_EVENT_JOB_DONE, .job = job}), KR_OK);
    assert_true(kr_lanes_has_before(*state, KR_CORE_LANE_COUNT));
    assert_false(kr_lanes_has_before(*state, KR_CORE_LANE_BULK)); /* its lane; the leak check sees the rest */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lanes_go_in_their_order_and_keep_their_own, make, drop),
        cmocka_unit_test_setup_teardown(test_bytes_are_copied, make, drop),
        cmocka_unit_test_setup_teardown(test_bulk_waits_but_not_for_ever, make, drop),
        cmocka_unit_test_setup_teardown(test_a_flood_leaves_room_for_others, make, drop),
        cmocka_unit_test_setup_teardown(test_links_take_turns, make, drop),
        cmocka_unit_test_setup_teardown(test_checked_records_take_turns_with_frames, make, drop),
        cmocka_unit_test_setup_teardown(test_turns_go_on_in_the_next_batch, make, drop),
        cmocka_unit_test_setup_teardown(test_a_client_that_had_no_time_begins_the_next_batch, make, drop),
        cmocka_unit_test_setup_teardown(test_bulk_behind_control_keeps_its_turn, make, drop),
        cmocka_unit_test_setup_teardown(test_bulk_can_be_left_where_it_is, make, drop),
        cmocka_unit_test_setup_teardown(test_what_is_given_back_comes_first, make, drop),
        cmocka_unit_test_setup_teardown(test_cancel_takes_its_request_with_it, make, drop),
        cmocka_unit_test_setup_teardown(test_a_client_that_is_gone_takes_all_its_requests_with_it, make, drop),
        cmocka_unit_test_setup_teardown(test_frames_of_a_net_that_is_gone_are_dropped, make, drop),
        cmocka_unit_test_setup_teardown(test_what_was_checked_outlives_net, make, drop),
        cmocka_unit_test_setup_teardown(test_what_goes_before_a_lane, make, drop),
        cmocka_unit_test_setup_teardown(test_the_taker_is_woken, make, drop),
        cmocka_unit_test_setup_teardown(test_a_wake_before_waiting_is_not_lost, make, drop),
        cmocka_unit_test_setup_teardown(test_a_wake_that_was_taken_is_not_left_to_be_read, make, drop),
        cmocka_unit_test_setup_teardown(test_what_is_left_is_freed_with_its_jobs, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
