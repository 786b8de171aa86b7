#include "node/keeper/workers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "node/core/job.h"

struct kr_workers {
    pthread_mutex_t mutex;
    pthread_cond_t has_work;
    struct kr_flows fresh, bulk; /* each link's in turn */
    unsigned passed_over;        /* how often bulk has been */
    bool is_stopping;
    struct kr_lanes *lanes;
    struct kr_shared_keyring *keyring;
    uint32_t count;
    pthread_t threads[];
};

/* Fresh first; but whoever keeps us busy with fresh ones does not keep all that is large waiting for ever. */
static struct kr_item *take(struct kr_workers *workers)
{
    struct kr_item *item = workers->passed_over < KR_WORKERS_PATIENCE ? kr_flows_take(&workers->fresh) : NULL;
    const bool is_fresh = item != NULL;
    item = is_fresh ? item : kr_flows_take(&workers->bulk);
    workers->passed_over = is_fresh && workers->bulk.first != NULL ? workers->passed_over + 1 : 0;
    return item != NULL ? item : kr_flows_take(&workers->fresh);
}

static void *work(void *context)
{
    struct kr_workers *workers = context;
    pthread_mutex_lock(&workers->mutex);
    while (!workers->is_stopping) {
        struct kr_item *item = take(workers);
        if (item == NULL) {
            pthread_cond_wait(&workers->has_work, &workers->mutex);
            continue;
        }
        pthread_mutex_unlock(&workers->mutex);
        kr_job_run(item->event.job, kr_shared_keyring_use(workers->keyring));
        kr_shared_keyring_done(workers->keyring);
        kr_lanes_put(workers->lanes, item);
        pthread_mutex_lock(&workers->mutex);
    }
    pthread_mutex_unlock(&workers->mutex);
    return NULL;
}

enum kr_err kr_workers_new(uint32_t count, struct kr_lanes *lanes, struct kr_shared_keyring *keyring,
                           struct kr_workers **ret_workers, struct kr_error *error)
{
    struct kr_workers *workers = calloc(1, sizeof *workers + count * sizeof workers->threads[0]);
    if (workers == NULL) {
        return KR_NOMEM;
    }
    pthread_mutex_init(&workers->mutex, NULL);
    pthread_cond_init(&workers->has_work, NULL);
    workers->lanes = lanes;
    workers->keyring = keyring;
    for (; workers->count < count; workers->count++) {
        int reason = pthread_create(&workers->threads[workers->count], NULL, work, workers);
        if (reason != 0) {
            kr_workers_free(workers);
            return kr_fail(error, KR_SYSTEM, "cannot start a worker thread: %s", strerror(reason));
        }
    }
    *ret_workers = workers;
    return KR_OK;
}

void kr_workers_free(struct kr_workers *workers)
{
    if (workers == NULL) {
        return;
    }
    pthread_mutex_lock(&workers->mutex);
    workers->is_stopping = true;
    pthread_cond_broadcast(&workers->has_work);
    pthread_mutex_unlock(&workers->mutex);
    for (uint32_t i = 0; i < workers->count; i++) {
        pthread_join(workers->threads[i], NULL);
    }
    for (struct kr_item *item; (item = kr_flows_take(&workers->fresh)) != NULL;) {
        kr_item_free(item);
    }
    for (struct kr_item *item; (item = kr_flows_take(&workers->bulk)) != NULL;) {
        kr_item_free(item);
    }
    pthread_cond_destroy(&workers->has_work);
    pthread_mutex_destroy(&workers->mutex);
    free(workers);
}

void kr_workers_put(struct kr_workers *workers, struct kr_item *item)
{
    pthread_mutex_lock(&workers->mutex);
    kr_flows_put(item->event.job->is_bulk ? &workers->bulk : &workers->fresh, item);
    pthread_cond_signal(&workers->has_work);
    pthread_mutex_unlock(&workers->mutex);
}
