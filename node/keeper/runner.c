#include "node/keeper/runner.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "node/core/job.h"
#include "node/keeper/backups.h"
#include "node/keeper/latency.h"
#include "node/keeper/log.h"
#include "node/keeper/pace.h"
#include "node/keeper/room.h"
#include "node/keeper/sizes.h"
#include "proto/wire/node.h"

/* Asks on our own behalf; no client has this number. */
#define OURSELVES UINT64_MAX
/* A clock that was set back by less is made good before anybody minds. */
#define SET_BACK_MS_MIN 60000u
#define REAP_MS         60000u
/* So much later at most comes what the core has asked for behind an earlier wake. And poll waits by a clock that stands still while
 * the machine sleeps and knows nothing of the system's being set forward: a wake hours away would come as many hours late. kr_clock
 * wants to be asked once a minute, too. */
#define QUIET_MS 60000u

struct kr_runner {
    struct kr_runner_options options;
    struct kr_loop *loop;
    struct kr_pipe *pipe;
    pthread_t thread;
    bool is_started, was_ready, is_writable;
    bool doubts_clock; /* it was set, or the node was started, less than an hour ago */
    bool may_idle;     /* something may be left that can wait */
    atomic_bool is_stopping;
    uint64_t wake_ms;    /* when the core wants a tick; UINT64_MAX: never */
    uint64_t ahead_ms;   /* of the system's clock, when that was last spoken of; 0: it is not */
    uint64_t idle_at_ms; /* not before (monotonic) */
    uint64_t commit_us;  /* what the last commit took */
    uint64_t reaped_ms;  /* when readers of dead processes were last looked for (monotonic) */
    uint64_t put_off_ms; /* since when it has been put off for records that come one after the other; 0: it has not */
    struct kr_held held; /* who keeps the store from using pages again */
    struct kr_pace pace;
    struct kr_latency latency;
    struct kr_item *items[KR_BATCH_EVENTS_MAX];
    struct kr_event events[KR_BATCH_EVENTS_MAX];
    uint8_t sorts[KR_BATCH_EVENTS_MAX];       /* of them: afterwards their jobs are gone */
    struct kr_item *jobs[KR_INLINE_JOBS_MAX]; /* to be run here, now */
    size_t job_count;
    _Atomic(uint64_t) busy_since_ms;
    _Atomic(struct kr_guards *) next_guards; /* held; NULL: none */
    struct kr_guards *guards;                /* held */
    _Atomic(struct kr_detours *) next_ways;  /* owned; NULL: none */
    pthread_mutex_t mutex;                   /* for `why` */
    struct kr_error why;
};

/* ---- status: the core knows the store and the links; the rest is ours ---- */

static void answer_status(struct kr_runner *runner, const struct kr_effect *effect)
{
    static struct kr_status status; /* this thread's alone; large */
    struct kr_pipe_facts facts;
    struct statvfs disk;
    struct kr_writer writer;
    if (kr_status_read((struct kr_slice){effect->bytes, effect->len}, &status) != KR_OK) {
        kr_hub_end(runner->options.hub, effect->client, effect->request, (struct kr_slice){effect->bytes, effect->len});
        return;
    }
    kr_hub_set_identity(runner->options.hub, status.council, status.name_ja, status.name_en);
    if (effect->client == OURSELVES) {
        return;
    }
    kr_pipe_facts(runner->pipe, &facts);
    status.version = (struct kr_slice){(const uint8_t *)KR_VERSION_TEXT, sizeof KR_VERSION_TEXT - 1};
    status.commits = runner->latency.count;
    status.commit_us_p50 = kr_latency_percentile(&runner->latency, 50);
    status.commit_us_p99 = kr_latency_percentile(&runner->latency, 99);
    status.net_is_up = facts.is_up;
    status.net_restarts = facts.restarts;
    status.keyring_is_protected = runner->options.is_protected;
    status.store_is_writable = runner->is_writable;
    status.backup_s = kr_backups_last_s(runner->options.directory);
    if (statvfs(runner->options.directory, &disk) == 0) {
        status.disk_free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    }
    status.room = kr_room_look(&runner->held, runner->options.store, (uint32_t)getpid(), kr_monotonic_ms());
    kr_writer_init(&writer, KR_CLIENT_FRAME_BYTES_MAX - KR_KIB);
    kr_status_write(&status, &writer);
    struct kr_slice result = kr_writer_finish(&writer) == KR_OK ? (struct kr_slice){writer.bytes, writer.len}
                                                                : (struct kr_slice){effect->bytes, effect->len};
    kr_hub_end(runner->options.hub, effect->client, effect->request, result);
    kr_writer_deinit(&writer);
}

/* ---- effects ---- */

/* Where records come one after the other, or workers look at what somebody is about to submit, more is about to come: what can wait
 * waits a little, but not for ever. */
static void put_idle_off(struct kr_runner *runner)
{
    uint64_t now_ms = kr_monotonic_ms();
    if (runner->put_off_ms == 0) {
        runner->put_off_ms = now_ms;
    }
    if (now_ms - runner->put_off_ms < KR_IDLE_PUT_OFF_MS) {
        runner->idle_at_ms = now_ms + KR_IDLE_REST_MS > runner->idle_at_ms ? now_ms + KR_IDLE_REST_MS : runner->idle_at_ms;
    }
}

static void take_job(struct kr_runner *runner, struct kr_effect *effect)
{
    struct kr_item *item = kr_item_new(&(struct kr_event){.type = KR_EVENT_JOB_DONE, .job = effect->job});
    if (item == NULL) {
        kr_log(KR_LOG_ERROR, "out of memory: the node ends and must be started again");
        abort();
    }
    const struct kr_job *job = effect->job;
    effect->job = NULL;
    bool is_small = !job->is_bulk && job->len + job->content_len <= KR_INLINE_BYTES_MAX;
    item->flow = kr_flow_of(&item->event);
    if (is_small && runner->job_count < KR_INLINE_JOBS_MAX) {
        runner->jobs[runner->job_count++] = item;
        return;
    }
    put_idle_off(runner);
    struct kr_item **last = &runner->jobs[KR_INLINE_JOBS_MAX - 1];
    if (is_small && (*last)->flow == runner->jobs[0]->flow && (*last)->flow != item->flow) { /* one link's many leave one place */
        struct kr_item *others = *last;
        *last = item;
        item = others;
    }
    kr_workers_put(runner->options.workers, item);
}

/* Backups are sealed to the recovery key that is in force. */
static enum kr_err follow_root(struct kr_runner *runner, struct kr_keyring *keyring, const uint8_t keys[static 64],
                               struct kr_error *error)
{
    uint8_t council[32];
    kr_runner_council(runner, council);
    enum kr_err err = kr_keyring_follow(keyring, keys, keys + 32, runner->options.keyring_path, error);
    if (err == KR_OK && kr_backups_put_key(runner->options.directory, council, keys + 32, error) != KR_OK) {
        kr_log(KR_LOG_ERROR, "backups are still sealed to the former recovery key until the node is started again: %s",
               error->text);
    }
    return err;
}

/* Off the disk first: what a copy of the file still has is said to be there. The client hears when it is done. */
static void change_keyring(struct kr_runner *runner, const struct kr_effect *effect)
{
    static const uint8_t nothing[] = {0x90}; /* an empty array */
    const char *path = runner->options.keyring_path;
    struct kr_error error = {0};
    struct kr_keyring *keyring = kr_shared_keyring_change(runner->options.keyring);
    enum kr_err err = KR_OK;
    if (effect->type == KR_EFFECT_FORGET) {
        err = kr_keyring_take_out(keyring, (enum kr_key_role)effect->code, path, &error);
    } else if (effect->type == KR_EFFECT_KEYS_MAKE) {
        err = kr_keyring_prepare(keyring, effect->bytes, effect->at_ms / 1000, (enum kr_next_keys)effect->code, path, &error);
    } else if (effect->type == KR_EFFECT_ROOT_TURN) {
        err = follow_root(runner, keyring, effect->bytes, &error);
    } else if (effect->type == KR_EFFECT_STORAGE_MAKE) {
        err = kr_keyring_storage_prepare(keyring, effect->bytes, effect->at_ms / 1000, path, &error);
    } else if (effect->type == KR_EFFECT_STORAGE_TURN) {
        err = kr_keyring_storage_turn(keyring, path, &error);
    } else if (effect->type == KR_EFFECT_TRANSPORT_MAKE) {
        err = kr_keyring_transport_prepare(keyring, effect->bytes, path, &error);
    } else if (effect->type == KR_EFFECT_TRANSPORT_TURN) {
        err = kr_keyring_transport_turn(keyring, path, &error);
    } else {
        err = kr_keyring_turn(keyring, effect->at_ms / 1000, path, &error);
    }
    kr_shared_keyring_done(runner->options.keyring);
    if (err == KR_OK && effect->type == KR_EFFECT_STORAGE_MAKE) {
        kr_store_rekey_begin(runner->options.store, kr_keyring_storage(keyring));
    } else if (err == KR_OK && effect->type == KR_EFFECT_STORAGE_TURN) {
        kr_store_rekey_end(runner->options.store);
    } else if (err == KR_OK && effect->type == KR_EFFECT_TRANSPORT_TURN) {
        kr_pipe_renew(runner->pipe);
    }
    const bool is_asked = effect->type == KR_EFFECT_FORGET || effect->type == KR_EFFECT_KEYS_MAKE ||
                          effect->type == KR_EFFECT_STORAGE_MAKE || effect->type == KR_EFFECT_TRANSPORT_MAKE;
    if (err == KR_OK && is_asked) {
        kr_hub_end(runner->options.hub, effect->client, effect->request, (struct kr_slice){nothing, sizeof nothing});
    } else if (err != KR_OK) {
        kr_log(KR_LOG_ERROR, "the keyring was not changed, the keys in it are what they were: %s", error.text);
    }
    if (err != KR_OK && is_asked) {
        kr_hub_error(runner->options.hub, effect->client, effect->request, err, error.text);
    }
}

/* Before any job that came out with it: what is sealed to one of these keys may follow at once. */
static void share_keys(struct kr_runner *runner, struct kr_effect *effect)
{
    struct kr_node_keys keys;
    struct kr_error error = {0};
    uint8_t council[32], recovery_before[32], recovery_public[32];
    bool is_changed = false, is_recovery_changed = false;
    enum kr_err err = kr_node_keys_read((struct kr_slice){effect->bytes, effect->len}, &keys);
    if (err == KR_OK) {
        struct kr_keyring *keyring = kr_shared_keyring_change(runner->options.keyring);
        memcpy(recovery_before, keyring->recovery_public, 32);
        err = kr_keyring_share(keyring, keys.root_public, keys.recovery_public, keys.sealing, keys.sealing_count,
                               runner->options.keyring_path, &is_changed, &error);
        memcpy(recovery_public, keyring->recovery_public, 32);
        is_recovery_changed = memcmp(recovery_before, recovery_public, 32) != 0;
        kr_shared_keyring_done(runner->options.keyring);
    }
    if (is_recovery_changed) { /* whether or not all sealing keys found room */
        kr_runner_council(runner, council);
        enum kr_err put = kr_backups_put_key(runner->options.directory, council, recovery_public, &error);
        err = err == KR_OK ? put : err;
    }
    if (err != KR_OK) {
        kr_log(KR_LOG_ERROR, "keys that another node of this council told are not in the keyring: %s", error.text);
    }
    sodium_memzero(&keys, sizeof keys);
    sodium_memzero(effect->bytes, effect->len);
}

static void take_effect(struct kr_runner *runner, struct kr_effect *effect)
{
    const struct kr_slice bytes = {effect->bytes, effect->len};
    enum kr_err err = KR_OK;
    switch (effect->type) {
    case KR_EFFECT_SEND:
        kr_pipe_send(runner->pipe, effect->number, effect->bytes, effect->len);
        effect->bytes = NULL;
        break;
    case KR_EFFECT_PAGE:
        kr_hub_item(runner->options.hub, effect->client, effect->request, bytes);
        break;
    case KR_EFFECT_END:
        if (effect->client == OURSELVES || kr_hub_op(runner->options.hub, effect->client, effect->request) == KR_OP_STATUS) {
            answer_status(runner, effect);
        } else {
            kr_hub_end(runner->options.hub, effect->client, effect->request, bytes);
        }
        break;
    case KR_EFFECT_ERROR:
        kr_hub_error(runner->options.hub, effect->client, effect->request, (enum kr_err)effect->code, (const char *)effect->bytes);
        break;
    case KR_EFFECT_JOB:
        take_job(runner, effect);
        break;
    case KR_EFFECT_ALLOW:
        err = kr_pipe_allow(runner->pipe, bytes);
        break;
    case KR_EFFECT_DIAL:
        err = kr_pipe_dial(runner->pipe, effect->number, bytes);
        break;
    case KR_EFFECT_HANGUP:
        kr_pipe_hangup(runner->pipe, effect->number);
        break;
    case KR_EFFECT_LOG:
        kr_log((enum kr_log_level)effect->code, "%s", (const char *)effect->bytes);
        break;
    case KR_EFFECT_FORGET:
    case KR_EFFECT_KEYS_MAKE:
    case KR_EFFECT_KEYS_TURN:
    case KR_EFFECT_ROOT_TURN:
    case KR_EFFECT_STORAGE_MAKE:
    case KR_EFFECT_STORAGE_TURN:
    case KR_EFFECT_TRANSPORT_MAKE:
    case KR_EFFECT_TRANSPORT_TURN:
        change_keyring(runner, effect);
        break;
    case KR_EFFECT_KEYS_SHARE:
        share_keys(runner, effect);
        break;
    case KR_EFFECT_WAKE:
        runner->wake_ms = effect->at_ms < runner->wake_ms ? effect->at_ms : runner->wake_ms;
        break;
    }
    if (err != KR_OK) {
        kr_log(KR_LOG_ERROR, "net cannot be told about a link (%s): restart the node if it stays offline", kr_err_text(err));
    }
}

/* In order, after what they tell of is durable. Jobs go last: nobody outside waits for them. */
static void let_out(struct kr_runner *runner, struct kr_effects *effects)
{
    for (size_t i = 0; i < effects->count; i++) {
        take_effect(runner, &effects->items[i]);
    }
    kr_effects_deinit(effects);
    kr_hub_flush(runner->options.hub);
}

/* ---- batches ---- */

struct batch {
    struct kr_runner *runner;
    uint64_t until_us, asked_us; /* asked last: what follows is the commit */
    uint64_t begin_us;
    size_t at, count;
    size_t bulk_turn; /* so many of bulk come first, before fresher ones that wait as well: it is bulk's turn; 0: it is not */
    uint32_t flow;    /* of a link, of the event under way; 0: of none */
};

/* The flow of a link whose fresh event this is; 0: it is none. (Of what the core has had, the job is gone: asked before.) */
static uint32_t link_flow(const struct kr_event *event)
{
    return kr_event_lane(event) == KR_CORE_LANE_FRESH ? kr_flow_of(event) : 0;
}

static size_t bulk_turn(const struct kr_event *events, size_t count)
{
    size_t first = 0;
    while (first < count && kr_event_lane(&events[first]) == KR_CORE_LANE_BULK) {
        first++;
    }
    return first < count ? first : 0;
}

/* Asked after each event: the time is up, or what comes next is a link's that has had its own, or is bulk while something fresher
 * has come in. */
static bool is_over(void *context)
{
    struct batch *batch = context;
    struct kr_pace *pace = &batch->runner->pace;
    const uint64_t before_us = batch->asked_us;
    size_t next = ++batch->at;
    batch->asked_us = kr_monotonic_us();
    if (batch->flow != 0) {
        kr_pace_link_took(pace, batch->flow, batch->asked_us - before_us);
    }
    if (next >= batch->count || batch->asked_us >= batch->until_us) {
        return true;
    }
    batch->flow = link_flow(&batch->runner->events[next]);
    if (batch->flow != 0 && kr_pace_link_rests(pace, batch->flow, batch->asked_us)) {
        return true;
    }
    enum kr_lane lane = kr_event_lane(&batch->runner->events[next]);
    if (next < batch->bulk_turn && batch->asked_us < batch->begin_us + KR_BULK_TURN_US) {
        return false;
    }
    return lane == KR_CORE_LANE_BULK &&
           (kr_lanes_has_before(batch->runner->options.lanes, KR_CORE_LANE_BULK) || kr_pipe_has_input(batch->runner->pipe));
}

static void take_failure(struct kr_runner *runner, enum kr_err err)
{
    bool is_of_store = err == KR_STORE_FULL || err == KR_IO || err == KR_CORRUPT;
    runner->is_writable = runner->is_writable && !is_of_store;
    runner->idle_at_ms = kr_monotonic_ms() + KR_FAILURE_REST_MS;
    /* The core was made anew; should even that have failed, the tick tries again. */
    uint64_t again_ms = kr_clock_now_ms(runner->options.clock) + KR_FAILURE_REST_MS;
    runner->wake_ms = again_ms < runner->wake_ms ? again_ms : runner->wake_ms;
    if (!is_of_store) {
        kr_log(KR_LOG_ERROR, "one thing could not be dealt with (%s) and was given up; the node goes on, its links begin anew",
               kr_err_text(err));
    } else {
        kr_log(KR_LOG_ERROR, "the store takes nothing (%s): what was just asked was refused, reading goes on; %s", kr_err_text(err),
               err == KR_STORE_FULL ? "make room on the disk, nothing has to be restarted" : "check the disk");
    }
    kr_hub_end_standing(runner->options.hub, KR_BUSY, "the node had to begin anew after an error of its store: ask again");
}

/* Where the disk is slow a batch may work as long as the commit after it takes: half of the time, whatever the disk. */
static uint64_t work_us(const struct kr_runner *runner)
{
    const uint64_t us = runner->commit_us < KR_BATCH_US_MOST ? runner->commit_us : KR_BATCH_US_MOST;
    return us > KR_BATCH_US_MAX ? us : KR_BATCH_US_MAX;
}

/* Which lanes may be taken from now. */
static enum kr_lane lanes_below(const struct kr_runner *runner)
{
    return kr_pace_bulk_rests(&runner->pace, kr_monotonic_us()) ? KR_CORE_LANE_BULK : KR_CORE_LANE_COUNT;
}

static void run_batch(struct kr_runner *runner, size_t count)
{
    struct kr_effects effects;
    uint8_t seed[32];
    size_t done = 0, dealt = 0, frames = 0;
    const uint64_t now_ms = kr_clock_now_ms(runner->options.clock), commits = kr_loop_commits(runner->loop);
    for (size_t i = 0; i < count; i++) {
        runner->events[i] = runner->items[i]->event;
        runner->events[i].now_ms = now_ms;
        runner->sorts[i] = (uint8_t)kr_pace_sort(&runner->events[i]);
    }
    kr_effects_init(&effects);
    randombytes_buf(seed, sizeof seed);
    const uint64_t begin_us = kr_monotonic_us();
    struct batch batch = {.runner = runner,
                          .until_us = begin_us + work_us(runner),
                          .asked_us = begin_us,
                          .begin_us = begin_us,
                          .count = count,
                          .bulk_turn = bulk_turn(runner->events, count),
                          .flow = link_flow(&runner->events[0])};
    enum kr_err err = kr_loop_run(runner->loop, runner->events, count, seed, is_over, &batch, &effects, &done);
    sodium_memzero(seed, sizeof seed);
    const uint64_t end_us = kr_monotonic_us();
    if (kr_loop_commits(runner->loop) != commits) {
        kr_latency_add(&runner->latency, end_us - begin_us);
        runner->commit_us = end_us - batch.asked_us;
        runner->is_writable = true;
        put_idle_off(runner);
    }
    for (size_t i = 0; i < done; i++) {
        dealt += runner->events[i].type == KR_EVENT_FRAME ? runner->events[i].bytes.len : 0;
        frames += runner->events[i].type == KR_EVENT_FRAME;
        kr_pace_add(&runner->pace, (enum kr_pace_sort)runner->sorts[i]);
        if (runner->sorts[i] == KR_PACE_SMALL) {
            kr_pace_waited(&runner->pace, runner->items[i]->flow, end_us);
        }
        runner->items[i]->event.job = NULL; /* the core's */
        kr_item_free(runner->items[i]);
    }
    kr_pace_end(&runner->pace, begin_us, end_us);
    kr_lanes_give_back(runner->options.lanes, runner->items + done, count - done);
    let_out(runner, &effects);
    if (frames > 0) {
        kr_pipe_dealt(runner->pipe, frames, dealt);
    }
    runner->may_idle = true;
    if (err != KR_OK) {
        take_failure(runner, err);
    }
}

/* A clock that was set back: our own time does not go back with it, but slows down, and that is hard to guess from what it does.
 * Said once each time that it is set back, by so much that it matters. */
static void watch_clock(struct kr_runner *runner)
{
    (void)kr_clock_now_ms(runner->options.clock);
    const uint64_t ahead_ms = kr_clock_ahead_ms(runner->options.clock);
    if (ahead_ms >= runner->ahead_ms + SET_BACK_MS_MIN) {
        runner->ahead_ms = ahead_ms;
        kr_log(KR_LOG_WARNING,
               "the clock of this machine was set back: this node's own time is %" PRIu64
               " s ahead of it and goes at half speed until "
               "the two meet, in %" PRIu64 " s; links are slower, and what is submitted is dated ahead. If the clock is right now, "
               "restart the node",
               ahead_ms / 1000, 2 * ahead_ms / 1000);
    }
    runner->ahead_ms = ahead_ms < SET_BACK_MS_MIN / 2 ? 0 : runner->ahead_ms < ahead_ms ? runner->ahead_ms : ahead_ms;
}

static void run_idle(struct kr_runner *runner)
{
    struct kr_effects effects;
    uint8_t seed[32];
    runner->put_off_ms = 0;
    kr_effects_init(&effects);
    randombytes_buf(seed, sizeof seed);
    const uint64_t now_ms = kr_clock_now_ms(runner->options.clock); /* read first: it is what tells of a jump */
    const bool doubts_clock = !kr_clock_is_settled(runner->options.clock);
    if (doubts_clock && !runner->doubts_clock) {
        kr_log(KR_LOG_WARNING, "the clock of this machine was set by more than a day: nothing that has expired is deleted until it "
                               "has stood for an hour. Is it right?");
    }
    runner->doubts_clock = doubts_clock;
    kr_loop_doubt_clock(runner->loop, doubts_clock);
    enum kr_err err = kr_loop_idle(runner->loop, now_ms, seed, &effects, &runner->may_idle);
    sodium_memzero(seed, sizeof seed);
    let_out(runner, &effects);
    if (err != KR_OK) {
        runner->may_idle = true;
        take_failure(runner, err);
    }
}

static void run_jobs(struct kr_runner *runner)
{
    for (size_t i = 0; i < runner->job_count; i++) {
        kr_job_run(runner->jobs[i]->event.job, runner->options.keyring->keyring);
        kr_lanes_put(runner->options.lanes, runner->jobs[i]);
    }
    runner->job_count = 0;
}

/* ---- the thread ---- */

/* Until something comes, or the core, net or what can wait is due. */
static void wait(struct kr_runner *runner)
{
    uint64_t wait_ms = UINT64_MAX, monotonic_ms = kr_monotonic_ms();
    if (runner->wake_ms != UINT64_MAX) {
        uint64_t now_ms = kr_clock_now_ms(runner->options.clock);
        wait_ms = runner->wake_ms > now_ms ? runner->wake_ms - now_ms : 0;
    }
    const enum kr_lane below = lanes_below(runner);
    const uint64_t dues[] = {kr_pipe_due_ms(runner->pipe), runner->may_idle ? runner->idle_at_ms : UINT64_MAX,
                             below == KR_CORE_LANE_BULK ? runner->pace.bulk_at_us / 1000 + 1 : UINT64_MAX};
    for (size_t i = 0; i < sizeof dues / sizeof dues[0]; i++) {
        if (dues[i] != UINT64_MAX) {
            uint64_t due_ms = dues[i] > monotonic_ms ? dues[i] - monotonic_ms : 0;
            wait_ms = due_ms < wait_ms ? due_ms : wait_ms;
        }
    }
    struct pollfd pollers[] = {{.fd = kr_lanes_fd(runner->options.lanes), .events = POLLIN},
                               {.fd = kr_pipe_fd(runner->pipe), .events = kr_pipe_poll_events(runner->pipe)}};
    if (!kr_lanes_wait_begin(runner->options.lanes, below)) {
        return;
    }
    atomic_store(&runner->busy_since_ms, 0);
    /* At most a minute, so that a clock that was set is noticed. */
    (void)poll(pollers, 2, wait_ms < 60000 ? (int)wait_ms : 60000);
    atomic_store(&runner->busy_since_ms, kr_monotonic_ms());
    kr_lanes_wait_end(runner->options.lanes);
}

static void say_ready(struct kr_runner *runner)
{
    struct kr_pipe_facts facts;
    kr_pipe_facts(runner->pipe, &facts);
    if (facts.is_up) {
        runner->was_ready = true;
        (void)kr_notify_send(runner->options.notify, "READY=1\nSTATUS=%s%s",
                             facts.endpoint[0] != 0 ? "listening on " : "dials out only", facts.endpoint);
    }
}

static void take_ways(struct kr_runner *runner)
{
    struct kr_detours *ways = atomic_exchange(&runner->next_ways, NULL);
    if (ways != NULL) {
        kr_pipe_set_ways(runner->pipe, ways);
    }
}

static void take_guards(struct kr_runner *runner)
{
    struct kr_guards *guards = atomic_exchange(&runner->next_guards, NULL);
    if (guards != NULL) {
        kr_loop_set_guards(runner->loop, guards);
        kr_guards_free(runner->guards);
        runner->guards = guards;
    }
}

/* A backup that was killed would keep the store from using pages again. */
static void reap_readers(struct kr_runner *runner)
{
    const uint64_t now_ms = kr_monotonic_ms();
    if (now_ms - runner->reaped_ms >= REAP_MS) {
        runner->reaped_ms = now_ms;
        kr_store_reap_readers(runner->options.store);
        (void)kr_room_look(&runner->held, runner->options.store, (uint32_t)getpid(), now_ms);
        kr_sizes_keep(runner->options.directory, kr_clock_now_ms(runner->options.clock) / 1000);
    }
}

/* A peer that never stops talking does not keep us from what can wait: a slice of it has its turn. */
static bool idle_is_late(const struct kr_runner *runner)
{
    return runner->may_idle && kr_monotonic_ms() >= runner->idle_at_ms + KR_IDLE_LATE_MS;
}

/* One round: net, jobs, then a batch, else what can wait, else waiting. */
static enum kr_err turn(struct kr_runner *runner, struct kr_error *error)
{
    /* Each round counts by itself: one that has work for hours on end does not hang. */
    atomic_store(&runner->busy_since_ms, kr_monotonic_ms());
    enum kr_err err = kr_pipe_turn(runner->pipe, error);
    if (err != KR_OK) {
        return err;
    }
    if (!runner->was_ready) {
        say_ready(runner);
    }
    watch_clock(runner);
    take_guards(runner);
    take_ways(runner);
    reap_readers(runner);
    run_jobs(runner);
    const uint64_t now_ms = kr_clock_now_ms(runner->options.clock);
    if (now_ms >= runner->wake_ms) {
        runner->wake_ms = now_ms + QUIET_MS;
        kr_lanes_must_put(runner->options.lanes, &(struct kr_event){.type = KR_EVENT_TICK});
    }
    const bool is_late = idle_is_late(runner);
    size_t count = is_late ? 0 : kr_lanes_take(runner->options.lanes, lanes_below(runner), runner->items, KR_BATCH_EVENTS_MAX);
    if (count > 0) {
        run_batch(runner, count);
    } else if (is_late) {
        runner->idle_at_ms = kr_monotonic_ms();
        run_idle(runner);
    } else if (runner->may_idle && kr_monotonic_ms() >= runner->idle_at_ms && !kr_pipe_has_input(runner->pipe)) {
        run_idle(runner);
    } else {
        wait(runner);
    }
    return KR_OK;
}

static void *run(void *context)
{
    struct kr_runner *runner = context;
    struct kr_error error = {0};
    enum kr_err err = KR_OK;
    while (err == KR_OK && !atomic_load(&runner->is_stopping)) {
        err = turn(runner, &error);
    }
    if (err != KR_OK) {
        const uint64_t one = 1;
        pthread_mutex_lock(&runner->mutex);
        (void)kr_fail(&runner->why, err, "%s", error.text[0] != 0 ? error.text : kr_err_text(err));
        pthread_mutex_unlock(&runner->mutex);
        if (write(runner->options.failed_fd, &one, sizeof one) < 0) {
            kr_log(KR_LOG_ERROR, "the node cannot go on: stop it");
        }
    }
    return NULL;
}

/* It must know, durably, before it may do anything. */
static enum kr_err tell_restored(struct kr_runner *runner, struct kr_error *error)
{
    struct kr_core_stat stat;
    kr_lanes_must_put(runner->options.lanes, &(struct kr_event){.type = KR_EVENT_RESTORED});
    run_batch(runner, kr_lanes_take(runner->options.lanes, KR_CORE_LANE_COUNT, runner->items, KR_BATCH_EVENTS_MAX));
    kr_core_stat(kr_loop_core(runner->loop), &stat);
    return stat.is_restored
               ? KR_OK
               : kr_fail(error, KR_IO,
                         "this node was restored from a backup, and its store does not take note of it: make room on the "
                         "disk, or check it, and start again");
}

/* The core's first look, on the caller's thread: nothing else runs yet. */
static enum kr_err look_first(struct kr_runner *runner, struct kr_error *error)
{
    struct kr_core_stat stat;
    const uint8_t nobody[32] = {0};
    kr_core_stat(kr_loop_core(runner->loop), &stat);
    if (memcmp(stat.council, nobody, sizeof nobody) == 0) {
        return kr_fail(error, KR_CONFIG, "this node has no identity yet: run `kairan init`");
    }
    enum kr_err err = runner->options.was_restored ? tell_restored(runner, error) : KR_OK;
    if (err != KR_OK) {
        return err;
    }
    kr_lanes_must_put(runner->options.lanes, &(struct kr_event){.type = KR_EVENT_TICK});
    struct kr_writer nothing;
    kr_writer_init(&nothing, 16);
    kr_writer_array(&nothing, 0);
    err = kr_writer_finish(&nothing);
    if (err == KR_OK) {
        const struct kr_event ask = {
            .type = KR_EVENT_REQUEST, .client = OURSELVES, .op = KR_OP_STATUS, .bytes = {nothing.bytes, nothing.len}};
        kr_lanes_must_put(runner->options.lanes, &ask);
    }
    kr_writer_deinit(&nothing);
    if (err == KR_OK) {
        run_batch(runner, kr_lanes_take(runner->options.lanes, KR_CORE_LANE_COUNT, runner->items, KR_BATCH_EVENTS_MAX));
    }
    return err;
}

enum kr_err kr_runner_new(const struct kr_runner_options *options, struct kr_runner **ret_runner, struct kr_error *error)
{
    struct kr_runner *runner = calloc(1, sizeof *runner);
    if (runner == NULL) {
        return KR_NOMEM;
    }
    runner->options = *options;
    runner->wake_ms = UINT64_MAX;
    runner->is_writable = true;
    runner->doubts_clock = true; /* that it was not up for an hour is nothing to speak of */
    runner->guards = kr_guards_hold(options->guards);
    pthread_mutex_init(&runner->mutex, NULL);
    const struct kr_keyring *keyring = options->keyring->keyring;
    const struct kr_pipe_options pipe = {.program = options->net_program,
                                         .listen = options->listen,
                                         .transport_secret = keyring->transport_secret,
                                         .transport_public = keyring->transport_public,
                                         .lanes = options->lanes,
                                         .remote = options->remote};
    const struct kr_core_options core = {.keyring = keyring,
                                         .endpoint = options->endpoint,
                                         .guards = options->guards,
                                         .audit_keep_s = options->audit_keep_s,
                                         .approval = options->approval};
    enum kr_err err = kr_pipe_new(&pipe, &runner->pipe, error);
    if (err == KR_OK) {
        err = kr_loop_new(options->store, &core, &runner->loop, error);
    }
    if (err == KR_OK) {
        err = look_first(runner, error);
    }
    if (err != KR_OK) {
        kr_runner_free(runner);
        return err;
    }
    *ret_runner = runner;
    return KR_OK;
}

void kr_runner_council(const struct kr_runner *runner, uint8_t ret_council[static 32])
{
    struct kr_core_stat stat;
    kr_core_stat(kr_loop_core(runner->loop), &stat);
    memcpy(ret_council, stat.council, 32);
}

enum kr_err kr_runner_start(struct kr_runner *runner, struct kr_error *error)
{
    int reason = pthread_create(&runner->thread, NULL, run, runner);
    runner->is_started = reason == 0;
    return reason == 0 ? KR_OK : kr_fail(error, KR_SYSTEM, "cannot start the core's thread: %s", strerror(reason));
}

void kr_runner_free(struct kr_runner *runner)
{
    if (runner == NULL) {
        return;
    }
    if (runner->is_started) {
        atomic_store(&runner->is_stopping, true);
        kr_lanes_wake(runner->options.lanes);
        pthread_join(runner->thread, NULL);
    }
    for (size_t i = 0; i < runner->job_count; i++) {
        kr_item_free(runner->jobs[i]);
    }
    kr_pipe_free(runner->pipe);
    kr_loop_free(runner->loop);
    kr_guards_free(atomic_load(&runner->next_guards));
    kr_detours_free(atomic_load(&runner->next_ways));
    kr_guards_free(runner->guards);
    pthread_mutex_destroy(&runner->mutex);
    free(runner);
}

void kr_runner_why(struct kr_runner *runner, struct kr_error *ret_error)
{
    pthread_mutex_lock(&runner->mutex);
    *ret_error = runner->why;
    pthread_mutex_unlock(&runner->mutex);
}

uint64_t kr_runner_busy_ms(struct kr_runner *runner)
{
    uint64_t since_ms = atomic_load(&runner->busy_since_ms);
    return since_ms == 0 ? 0 : kr_monotonic_ms() - since_ms;
}

void kr_runner_set_ways(struct kr_runner *runner, struct kr_detours *ways)
{
    kr_detours_free(atomic_exchange(&runner->next_ways, ways));
    kr_lanes_wake(runner->options.lanes);
}

void kr_runner_set_guards(struct kr_runner *runner, struct kr_guards *guards)
{
    kr_guards_free(atomic_exchange(&runner->next_guards, kr_guards_hold(guards)));
    kr_lanes_wake(runner->options.lanes);
}
