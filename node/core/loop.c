#include "node/core/loop.h"
#include "crypto/fault.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "node/core/effect.h"
#include "node/core/job.h"

struct kr_loop {
    struct kr_store *store;
    struct kr_core_options options;
    struct kr_core *core; /* NULL after a failure, until it can be made anew */
    struct kr_core *old;  /* the one before, kept so long for what it gave out: NULL while there is a core */
    bool net_is_up;
    uint64_t now_ms;
    uint64_t commits;
};

static enum kr_err make_core(struct kr_loop *loop, struct kr_error *error)
{
    struct kr_txn *txn = NULL;
    enum kr_err err = kr_store_read_begin(loop->store, &txn);
    if (err != KR_OK) {
        return kr_fail(error, err, "the store cannot be read: %s", kr_err_text(err));
    }
    err = kr_core_new(&loop->options, txn, &loop->core, error);
    kr_txn_abort(txn);
    return err;
}

enum kr_err kr_loop_new(struct kr_store *store, const struct kr_core_options *options, struct kr_loop **ret_loop,
                        struct kr_error *error)
{
    struct kr_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        return kr_fail(error, KR_NOMEM, "no memory for the core");
    }
    loop->store = store;
    loop->options = *options;
    enum kr_err err = make_core(loop, error);
    if (err != KR_OK) {
        free(loop);
        return err;
    }
    *ret_loop = loop;
    return KR_OK;
}

void kr_loop_free(struct kr_loop *loop)
{
    if (loop != NULL) {
        kr_core_free(loop->core);
        kr_core_free(loop->old);
        free(loop);
    }
}

struct kr_core *kr_loop_core(struct kr_loop *loop)
{
    return loop->core;
}

uint64_t kr_loop_commits(const struct kr_loop *loop)
{
    return loop->commits;
}

void kr_loop_set_guards(struct kr_loop *loop, struct kr_guards *guards)
{
    loop->options.guards = guards;
    if (loop->core != NULL) {
        kr_core_set_guards(loop->core, guards);
    }
}

void kr_loop_doubt_clock(struct kr_loop *loop, bool doubts)
{
    loop->options.doubts_clock = doubts;
    if (loop->core != NULL) {
        kr_core_doubt_clock(loop->core, doubts);
    }
}

/* ---- failure ---- */

/* Makes the core anew, and lets it greet net and its links like a fresh one (which writes nothing). All of it or nothing: one that
 * has greeted by halves would never do the rest. What workers still have in hand counts with the new one. */
static enum kr_err rebuild(struct kr_loop *loop, struct kr_rng *rng, struct kr_effects *effects)
{
    const size_t before = effects->count;
    struct kr_txn *txn = NULL;
    if (loop->core != NULL) {
        loop->old = loop->core;
        loop->core = NULL;
    }
    enum kr_err err = make_core(loop, NULL);
    if (err == KR_OK) {
        err = kr_store_read_begin(loop->store, &txn);
    }
    if (err == KR_OK) {
        struct kr_event event = {.type = loop->net_is_up ? KR_EVENT_NET_UP : KR_EVENT_LOST, .now_ms = loop->now_ms};
        kr_core_inherit(loop->core, loop->old);
        err = kr_core_step(loop->core, txn, rng, &event, effects);
    }
    kr_txn_abort(txn);
    if (err != KR_OK) {
        kr_effects_truncate(effects, before);
        kr_core_free(loop->core);
        loop->core = NULL;
        return err;
    }
    kr_core_free(loop->old);
    loop->old = NULL;
    return KR_OK;
}

/* A job that no core will see again. */
static void forget_job(struct kr_loop *loop, const struct kr_job *job)
{
    struct kr_core *core = loop->core != NULL ? loop->core : loop->old;
    if (core != NULL) {
        kr_core_forget_job(core, job);
    }
}

/* Drops effects of a batch that failed; the jobs among them will not come back. */
static void drop_effects(struct kr_loop *loop, struct kr_effects *effects, size_t from)
{
    for (size_t i = from; i < effects->count; i++) {
        if (effects->items[i].type == KR_EFFECT_JOB) {
            forget_job(loop, effects->items[i].job);
        }
    }
    kr_effects_truncate(effects, from);
}

/* An event that does not reach the core. */
static void give_up(struct kr_loop *loop, const struct kr_event *event)
{
    if (event->type == KR_EVENT_JOB_DONE) {
        forget_job(loop, event->job);
        kr_job_free(event->job);
    }
}

static const char *advice(enum kr_err err)
{
    switch (err) {
    case KR_STORE_FULL:
        return "the disk is full: nothing was stored. Make room and try again; the node goes on by itself";
    case KR_IO:
        return "the disk reported an error: nothing was stored. Check the disk, then try again";
    case KR_CORRUPT:
        return "the store is damaged: nothing was stored. Run `kairan verify`";
    default:
        return "the node could not do this just now: nothing was stored. Try again";
    }
}

static enum kr_err answer_with(struct kr_effects *effects, uint64_t client, uint64_t request, enum kr_err err)
{
    struct kr_effect effect = {.type = KR_EFFECT_ERROR, .client = client, .request = request, .code = (uint32_t)err};
    const char *text = advice(err);
    effect.len = strlen(text);
    effect.bytes = malloc(effect.len + 1);
    if (effect.bytes == NULL) {
        return KR_NOMEM;
    }
    memcpy(effect.bytes, text, effect.len + 1);
    return kr_effect_add(effects, &effect);
}

struct asker {
    uint64_t client, request;
};

/* ---- batches ---- */

static enum kr_err commit(struct kr_loop *loop, struct kr_txn *txn)
{
    bool is_dirty = kr_txn_is_dirty(txn);
    enum kr_err err = kr_txn_commit(txn);
    loop->commits += is_dirty && err == KR_OK;
    return err;
}

/* Whoever asked something in this event; read before the step, which may free the job. */
static struct asker asker_of(const struct kr_event *event)
{
    if (event->type == KR_EVENT_REQUEST) {
        return (struct asker){event->client, event->request};
    }
    if (event->type == KR_EVENT_JOB_DONE && event->job->kind != KR_JOB_CHECK) {
        return (struct asker){event->job->client, event->job->request};
    }
    return (struct asker){0};
}

static enum kr_err step_nested(struct kr_loop *loop, struct kr_txn *txn, struct kr_rng *rng, const struct kr_event *event,
                               struct kr_effects *effects)
{
    struct kr_txn *nested = NULL;
    enum kr_err err = kr_txn_nest(txn, &nested);
    if (err != KR_OK) {
        give_up(loop, event);
        return err;
    }
    size_t before = effects->count;
    err = kr_core_step(loop->core, nested, rng, event, effects);
    if (err != KR_OK) {
        kr_txn_abort(nested);
        drop_effects(loop, effects, before);
        return err;
    }
    err = kr_txn_commit(nested);
    if (err != KR_OK) {
        drop_effects(loop, effects, before);
    }
    return err;
}

/* Whether an event failed by itself, so that the transaction is sound without it. The store's failures take the whole batch. */
static bool is_own_failure(enum kr_err err)
{
    return err != KR_OK && err != KR_STORE_FULL && err != KR_IO && err != KR_CORRUPT;
}

enum kr_err kr_loop_run(struct kr_loop *loop, const struct kr_event *events, size_t count, const uint8_t seed[static 32],
                        bool (*is_over)(void *context), void *context, struct kr_effects *effects, size_t *ret_done)
{
    KR_ASSERT(count > 0);
    size_t done = 0, before = effects->count;
    struct kr_txn *txn = NULL;
    struct kr_rng rng;
    struct asker *askers = calloc(count, sizeof *askers);
    kr_rng_init(&rng, seed);
    loop->now_ms = events[0].now_ms > loop->now_ms ? events[0].now_ms : loop->now_ms;
    enum kr_err err = askers == NULL ? KR_NOMEM : KR_OK;
    if (err == KR_OK && loop->core == NULL) {
        err = rebuild(loop, &rng, effects);
        before = effects->count;
    }
    if (err == KR_OK) {
        err = kr_store_write_begin(loop->store, &txn);
    }
    for (; done < count && err == KR_OK; done++) {
        if (done > 0 && (kr_txn_dirty_pages(txn) >= KR_TXN_DIRTY_PAGES_MAX || (is_over != NULL && is_over(context)))) {
            break;
        }
        const struct kr_event *event = &events[done];
        loop->net_is_up = event->type == KR_EVENT_NET_UP || (loop->net_is_up && event->type != KR_EVENT_NET_DOWN);
        askers[done] = asker_of(event);
        /* The first event fails with the whole, so it needs no transaction of its own, which costs a copy of each page. */
        err = done == 0 ? kr_core_step(loop->core, txn, &rng, event, effects) : step_nested(loop, txn, &rng, event, effects);
    }
    enum kr_err own = KR_OK; /* the last event's own failure: what went before it stands */
    if (done > 1 && is_own_failure(err)) {
        own = err;
        err = KR_OK;
    }
    if (err == KR_OK && own == KR_OK) {
        err = kr_core_flush(loop->core, txn, &rng, loop->now_ms, effects);
    }
    if (err == KR_OK) {
        err = commit(loop, txn);
    } else {
        kr_txn_abort(txn);
    }
    if (err != KR_OK) {
        /* Events that were not reached are left to the caller; where not even the first was, it is given up. */
        if (done == 0) {
            askers != NULL ? (void)(askers[0] = asker_of(&events[0])) : (void)0;
            give_up(loop, &events[0]);
            done = 1;
        }
        if (!KR_FAULT(KR_FAULT_EFFECT_BEFORE_COMMIT)) {
            drop_effects(loop, effects, before);
        }
        for (size_t i = 0; i < done && askers != NULL; i++) {
            if (askers[i].client != 0) {
                (void)answer_with(effects, askers[i].client, askers[i].request, err);
            }
        }
        (void)rebuild(loop, &rng, effects);
    } else if (own != KR_OK) {
        /* It may have left the core's memory half changed; the store has none of it. */
        if (askers[done - 1].client != 0) {
            (void)answer_with(effects, askers[done - 1].client, askers[done - 1].request, own);
        }
        (void)rebuild(loop, &rng, effects);
        err = own;
    }
    sodium_memzero(&rng, sizeof rng); /* content keys and session keys came of it */
    free(askers);
    *ret_done = done;
    return err;
}

enum kr_err kr_loop_idle(struct kr_loop *loop, uint64_t now_ms, const uint8_t seed[static 32], struct kr_effects *effects,
                         bool *ret_more)
{
    struct kr_txn *txn = NULL;
    struct kr_rng rng;
    size_t before = effects->count;
    bool more = false;
    loop->now_ms = now_ms > loop->now_ms ? now_ms : loop->now_ms;
    if (loop->core != NULL && !kr_core_idle_is_due(loop->core, loop->store, loop->now_ms)) {
        *ret_more = false;
        return KR_OK;
    }
    kr_rng_init(&rng, seed);
    enum kr_err err = loop->core == NULL ? rebuild(loop, &rng, effects) : KR_OK;
    if (err == KR_OK) {
        before = effects->count;
        err = kr_store_write_begin(loop->store, &txn);
    }
    if (err == KR_OK) {
        err = kr_core_idle(loop->core, txn, &rng, loop->now_ms, effects, &more);
    }
    if (err == KR_OK) {
        err = commit(loop, txn);
    } else {
        kr_txn_abort(txn);
    }
    if (err != KR_OK) {
        drop_effects(loop, effects, before);
        (void)rebuild(loop, &rng, effects);
        more = false;
    }
    sodium_memzero(&rng, sizeof rng);
    *ret_more = more;
    return err;
}
