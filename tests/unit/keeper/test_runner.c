/* What the watchdog goes by. The core's thread is real; the test is its clock and holds it fast in a piece of work, or where it
 * waits (linked with --wrap). */
#include "keeper_test.h"

#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "crypto/secret.h"
#include "node/keeper/log.h"
#include "node/keeper/runner.h"

#define HOUR_MS 3600000u

static struct {
    _Atomic(uint64_t) now_ms;
    _Atomic(uint32_t) ticks;
    atomic_bool holds_work, holds_waiting;
    sem_t is_held, go_on;
    struct kr_clock clock;
    struct kr_keyring *keyring;
    struct kr_shared_keyring shared;
    struct kr_store *store;
    struct kr_lanes *lanes;
    struct kr_workers *workers;
    struct kr_hub *hub;
    struct kr_notify notify;
    struct kr_runner *runner;
    char said[4096]; /* all log lines; written by the thread while the test waits for it */
} node;

/* ---- calls that the linker sends here ---- */

uint64_t __wrap_kr_monotonic_ms(void);
enum kr_err __wrap_kr_pipe_turn(struct kr_pipe *pipe, struct kr_error *error);
void __wrap_kr_lanes_must_put(struct kr_lanes *lanes, const struct kr_event *event);
void __real_kr_lanes_must_put(struct kr_lanes *lanes, const struct kr_event *event);
int __wrap_poll(struct pollfd *pollers, nfds_t count, int timeout_ms);
int __wrap___poll_chk(struct pollfd *pollers, nfds_t count, int timeout_ms, size_t bytes);
int __real_poll(struct pollfd *pollers, nfds_t count, int timeout_ms);

void __wrap_kr_log(enum kr_log_level level, const char *fmt, ...);
void __wrap_kr_log(enum kr_log_level level, const char *fmt, ...)
{
    const size_t len = strlen(node.said);
    va_list args;
    (void)level;
    va_start(args, fmt);
    (void)vsnprintf(node.said + len, sizeof node.said - len, fmt, args);
    va_end(args);
}

static void hold(void)
{
    assert_int_equal(sem_post(&node.is_held), 0);
    assert_int_equal(sem_wait(&node.go_on), 0);
}

uint64_t __wrap_kr_monotonic_ms(void)
{
    return atomic_load(&node.now_ms);
}

/* The first piece of work of each round. There is no net here. */
enum kr_err __wrap_kr_pipe_turn(struct kr_pipe *pipe, struct kr_error *error)
{
    (void)pipe;
    (void)error;
    if (atomic_load(&node.holds_work)) {
        hold();
    }
    return KR_OK;
}

void __wrap_kr_lanes_must_put(struct kr_lanes *lanes, const struct kr_event *event)
{
    (void)atomic_fetch_add(&node.ticks, event->type == KR_EVENT_TICK);
    __real_kr_lanes_must_put(lanes, event);
}

int __wrap_poll(struct pollfd *pollers, nfds_t count, int timeout_ms)
{
    if (atomic_load(&node.holds_waiting) && count > 1 && pollers[0].fd == kr_lanes_fd(node.lanes)) {
        hold();
    }
    return __real_poll(pollers, count, timeout_ms);
}

/* What poll is called in some builds with _FORTIFY_SOURCE. */
int __wrap___poll_chk(struct pollfd *pollers, nfds_t count, int timeout_ms, size_t bytes)
{
    assert_true(count * sizeof *pollers <= bytes);
    return __wrap_poll(pollers, count, timeout_ms);
}

/* ---- a node without a net ---- */

static void make_identity(void)
{
    const struct kr_core_options options = {.keyring = node.keyring, .endpoint = ""};
    const struct kr_init init = {.name_en = {(const uint8_t *)"Kinki", 5}};
    const uint8_t seed[32] = {5};
    struct kr_loop *loop = NULL;
    struct kr_effects effects;
    struct kr_writer writer;
    size_t done = 0;
    kr_writer_init(&writer, KR_KIB);
    kr_init_write(&init, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    const struct kr_event event = {
        .type = KR_EVENT_INIT, .now_ms = kr_clock_now_ms(&node.clock), .bytes = {writer.bytes, writer.len}};
    kr_effects_init(&effects);
    assert_int_equal(kr_loop_new(node.store, &options, &loop, NULL), KR_OK);
    assert_int_equal(kr_loop_run(loop, &event, 1, seed, NULL, NULL, &effects, &done), KR_OK);
    kr_effects_deinit(&effects);
    kr_writer_deinit(&writer);
    kr_loop_free(loop);
}

static int set_up(void **state)
{
    const uint8_t seed[32] = {7};
    assert_int_equal(test_directory_make(state), 0);
    assert_int_equal(kr_crypto_init(), KR_OK);
    assert_int_equal(kr_keyring_new(seed, 1, &node.keyring, NULL), KR_OK);
    assert_int_equal(sem_init(&node.is_held, 0, 0) + sem_init(&node.go_on, 0, 0), 0);
    atomic_store(&node.now_ms, HOUR_MS);
    kr_clock_init(&node.clock);
    node.notify.fd = -1;
    const struct kr_store_options store = {.path = *state,
                                           .storage_key = node.keyring->storage_key,
                                           .term_key = node.keyring->term_key,
                                           .term_generation = node.keyring->term_generation};
    assert_int_equal(kr_store_open(&store, &node.store, NULL), KR_OK);
    make_identity();
    kr_shared_keyring_init(&node.shared, node.keyring);
    assert_int_equal(kr_lanes_new(&node.lanes), KR_OK);
    assert_int_equal(kr_workers_new(1, node.lanes, &node.shared, &node.workers, NULL), KR_OK);
    const struct kr_hub_options hub = {.store = node.store, .keyring = &node.shared, .lanes = node.lanes, .clock = &node.clock};
    assert_int_equal(kr_hub_new(&hub, &node.hub, NULL), KR_OK);
    const struct kr_runner_options runner = {.store = node.store,
                                             .keyring = &node.shared,
                                             .lanes = node.lanes,
                                             .workers = node.workers,
                                             .hub = node.hub,
                                             .clock = &node.clock,
                                             .notify = &node.notify,
                                             .endpoint = "",
                                             .listen = "",
                                             .directory = *state,
                                             .failed_fd = -1};
    assert_int_equal(kr_runner_new(&runner, &node.runner, NULL), KR_OK);
    return 0;
}

static int tear_down(void **state)
{
    atomic_store(&node.holds_work, false);
    atomic_store(&node.holds_waiting, false);
    assert_int_equal(sem_post(&node.go_on), 0); /* where a test failed while it held the thread */
    kr_runner_free(node.runner);
    kr_hub_free(node.hub);
    kr_workers_free(node.workers);
    kr_lanes_free(node.lanes);
    kr_store_close(node.store);
    kr_shared_keyring_deinit(&node.shared);
    kr_keyring_free(node.keyring);
    kr_clock_deinit(&node.clock);
    assert_int_equal(sem_destroy(&node.is_held) + sem_destroy(&node.go_on), 0);
    return test_directory_remove(state);
}

static void start_held(void)
{
    atomic_store(&node.holds_work, true);
    assert_int_equal(kr_runner_start(node.runner, NULL), KR_OK);
    assert_int_equal(sem_wait(&node.is_held), 0);
}

static void pass_an_hour(void)
{
    (void)atomic_fetch_add(&node.now_ms, HOUR_MS);
}

static void test_one_piece_of_work_is_counted_and_the_next_begins_anew(void **state)
{
    (void)state;
    start_held();
    for (unsigned hour = 0; hour < 24; hour++) {
        assert_int_equal(kr_runner_busy_ms(node.runner), 0);
        pass_an_hour();
        assert_int_equal(kr_runner_busy_ms(node.runner), HOUR_MS);
        kr_lanes_must_put(node.lanes, &(struct kr_event){.type = KR_EVENT_TICK}); /* so that it goes on without a rest */
        assert_int_equal(sem_post(&node.go_on), 0);
        assert_int_equal(sem_wait(&node.is_held), 0);
    }
    atomic_store(&node.holds_work, false);
    assert_int_equal(sem_post(&node.go_on), 0);
}

static void test_waiting_is_no_work(void **state)
{
    (void)state;
    start_held();
    atomic_store(&node.holds_work, false);
    atomic_store(&node.holds_waiting, true);
    assert_int_equal(sem_post(&node.go_on), 0);
    assert_int_equal(sem_wait(&node.is_held), 0);
    pass_an_hour();
    assert_int_equal(kr_runner_busy_ms(node.runner), 0);
    atomic_store(&node.holds_work, true);
    atomic_store(&node.holds_waiting, false);
    kr_lanes_wake(node.lanes);
    assert_int_equal(sem_post(&node.go_on), 0);
    assert_int_equal(sem_wait(&node.is_held), 0);
    assert_int_equal(kr_runner_busy_ms(node.runner), 0); /* nor is it counted afterwards */
    atomic_store(&node.holds_work, false);
    assert_int_equal(sem_post(&node.go_on), 0);
}

static void set_back(uint64_t ms)
{
    pthread_mutex_lock(&node.clock.mutex);
    node.clock.last_ms += ms;
    pthread_mutex_unlock(&node.clock.mutex);
}

static uint32_t times_said(const char *text)
{
    uint32_t times = 0;
    for (const char *at = strstr(node.said, text); at != NULL; at = strstr(at + 1, text)) {
        times++;
    }
    return times;
}

/* Each round begins held, so that all of the one before is done. */
static void go_round(void)
{
    kr_lanes_must_put(node.lanes, &(struct kr_event){.type = KR_EVENT_TICK});
    assert_int_equal(sem_post(&node.go_on), 0);
    assert_int_equal(sem_wait(&node.is_held), 0);
}

static void test_a_clock_that_was_set_back_is_spoken_of_once(void **state)
{
    (void)state;
    node.said[0] = 0;
    start_held();
    go_round();
    set_back(30000); /* nobody minds */
    go_round();
    assert_int_equal(times_said("was set back"), 0);
    set_back(HOUR_MS);
    for (uint32_t i = 0; i < 10; i++) {
        go_round();
    }
    assert_int_equal(times_said("was set back"), 1);
    assert_int_equal(times_said("restart the node"), 1);
    set_back(HOUR_MS); /* further */
    go_round();
    go_round();
    assert_int_equal(times_said("was set back"), 2);
    pass_an_hour(); /* at half speed while the system's stands still in this test: further ahead by what passed */
    go_round();
    pthread_mutex_lock(&node.clock.mutex);
    node.clock.last_ms = 0; /* they have met */
    pthread_mutex_unlock(&node.clock.mutex);
    go_round();
    const uint32_t before = times_said("was set back");
    set_back(2 * HOUR_MS);
    go_round();
    assert_int_equal(times_said("was set back"), before + 1); /* another time */
    atomic_store(&node.holds_work, false);
    assert_int_equal(sem_post(&node.go_on), 0);
}

/* Of what the core asks for the earliest alone is kept: what stood behind it is a minute late, and not forgotten. */
static void test_the_core_has_a_tick_each_minute(void **state)
{
    (void)state;
    start_held();
    for (uint32_t minute = 0; minute < 90; minute++) {
        const uint32_t before = atomic_load(&node.ticks);
        set_back(60000); /* the node's clock is a minute on */
        kr_lanes_wake(node.lanes);
        assert_int_equal(sem_post(&node.go_on), 0);
        assert_int_equal(sem_wait(&node.is_held), 0);
        assert_true(minute == 0 || atomic_load(&node.ticks) > before); /* before its first round nothing is asked for */
    }
    atomic_store(&node.holds_work, false);
    assert_int_equal(sem_post(&node.go_on), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_piece_of_work_is_counted_and_the_next_begins_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_waiting_is_no_work, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_clock_that_was_set_back_is_spoken_of_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_core_has_a_tick_each_minute, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
