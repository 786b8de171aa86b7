/* Runs events in batches: one write transaction, a nested one for each event but the first, one durable commit, then (and only
 * then) the effects. Keeper and the simulator share it, so that what is simulated is what runs.
 *
 * A batch that changes nothing costs no commit. When a step or the commit fails, nothing of the batch is durable: its effects are
 * dropped, the requests in it are answered with the error, the core is made anew from the store, and its links are greeted again.
 */
#ifndef KR_NODE_CORE_LOOP_H
#define KR_NODE_CORE_LOOP_H

#include "node/core/core.h"

struct kr_loop;

/* Opens the core on `store` (both borrowed). */
enum kr_err kr_loop_new(struct kr_store *store, const struct kr_core_options *options, struct kr_loop **ret_loop,
                        struct kr_error *error) KR_WARN_UNUSED;
void kr_loop_free(struct kr_loop *loop);

/* Runs events in order until all are done or the batch is full (KR_TXN_DIRTY_PAGES_MAX, or `is_over(context)` says so, asked after
 * each event; may be NULL).
 * `*ret_done` of them were taken (at least one); jobs in taken JOB_DONE events belong to the core. `seed`: 32 fresh bytes for this
 * batch. The effects stand in `effects` when it returns: let them out in order. The result is KR_OK, or an error (for the log and
 * for `status`): the effects then hold the error answers, and the loop is usable again (or says the same error next time). Where it
 * is the store's (KR_STORE_FULL, KR_IO, KR_CORRUPT) nothing of the batch was done; any other is the last taken event's own, and
 * those before it are durable.
 */
enum kr_err kr_loop_run(struct kr_loop *loop, const struct kr_event *events, size_t count, const uint8_t seed[static 32],
                        bool (*is_over)(void *context), void *context, struct kr_effects *effects, size_t *ret_done) KR_WARN_UNUSED;
/* One slice of work that can wait, in a transaction of its own; none where there is nothing to do. */
enum kr_err kr_loop_idle(struct kr_loop *loop, uint64_t now_ms, const uint8_t seed[static 32], struct kr_effects *effects,
                         bool *ret_more) KR_WARN_UNUSED;
struct kr_core *kr_loop_core(struct kr_loop *loop);
/* Durable commits so far: whether a batch changed anything (for keeper's figures). */
uint64_t kr_loop_commits(const struct kr_loop *loop);
/* Other guards from the next event on. Those before may be freed then: jobs that were made with them hold them. */
void kr_loop_set_guards(struct kr_loop *loop, struct kr_guards *guards);
/* From now on, and until it is said otherwise, the time that is handed in may be wrong by days: what has expired is kept. */
void kr_loop_doubt_clock(struct kr_loop *loop, bool doubts);

#endif
