/* Threads that run jobs (kr_job_run), of each link in turn (flows.h): fresh ones first, bulk when there are none or it has been
 * passed over KR_WORKERS_PATIENCE times. A finished job goes to the lanes as KR_EVENT_JOB_DONE. */
#ifndef KR_NODE_KEEPER_WORKERS_H
#define KR_NODE_KEEPER_WORKERS_H

#include "node/keeper/lanes.h"
#include "node/keeper/shared_keyring.h"

#define KR_WORKERS_PATIENCE 8u

struct kr_workers;
/* `lanes` and `keyring` are borrowed as long as the workers live. KR_SYSTEM where no thread can be started. */
enum kr_err kr_workers_new(uint32_t count, struct kr_lanes *lanes, struct kr_shared_keyring *keyring,
                           struct kr_workers **ret_workers, struct kr_error *error) KR_WARN_UNUSED;
/* Waits for the jobs in work; those that only wait are freed. */
void kr_workers_free(struct kr_workers *workers);
/* Takes over an item with a job (type KR_EVENT_JOB_DONE already). Bounded by those who make jobs: the core's bounds on records
 * under check, keeper's on submissions under way. */
void kr_workers_put(struct kr_workers *workers, struct kr_item *item);

#endif
