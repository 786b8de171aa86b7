/* The thread that runs the core: takes what waits in the lanes, runs it in batches (kr_loop_run), lets the effects out, and moves
 * bytes to and from net between batches. No other thread touches loop or pipe.
 *
 * It writes to net's channel and to clients' sockets itself, and runs a few small jobs itself where no worker would be faster: each
 * hop to another thread costs more than they do (the way of one record has two commits and should have little else). */
#ifndef KR_NODE_KEEPER_RUNNER_H
#define KR_NODE_KEEPER_RUNNER_H

#include "node/core/loop.h"
#include "node/keeper/clock.h"
#include "node/keeper/hub.h"
#include "node/keeper/notify.h"
#include "node/keeper/pipe.h"
#include "node/keeper/workers.h"

#define KR_BATCH_EVENTS_MAX 256u
#define KR_BATCH_US_MAX     5000u          /* of work; the commit comes on top */
#define KR_BATCH_US_MOST    20000u         /* where commits take long */
#define KR_INLINE_JOBS_MAX  2u             /* more at a time go to the workers */
#define KR_INLINE_BYTES_MAX (16u * KR_KIB) /* larger ones, too */
#define KR_IDLE_REST_MS     100u           /* what can wait waits so long after a commit, */
#define KR_IDLE_PUT_OFF_MS  1000u          /* and so long altogether; */
#define KR_IDLE_LATE_MS     1000u          /* after so long more a slice of it goes before whatever else there is */
#define KR_FAILURE_REST_MS  1000u          /* after an error of the store, before it is asked for anything that can wait */

struct kr_runner_options {
    struct kr_store *store;            /* all borrowed */
    struct kr_shared_keyring *keyring; /* changed on the runner's own thread alone: secrets are taken out, keys replaced */
    const char *keyring_path;
    struct kr_lanes *lanes;
    struct kr_workers *workers;
    struct kr_hub *hub;
    struct kr_remote *remote; /* NULL: no clients from afar */
    struct kr_clock *clock;
    const struct kr_notify *notify;
    struct kr_guards *guards;                    /* held */
    const char *endpoint, *listen, *net_program; /* as in kr_core_options and kr_pipe_options */
    uint64_t audit_keep_s;                       /* likewise */
    struct kr_approval approval;
    const char *directory; /* whose disk is meant by "free" */
    bool is_protected;     /* the keyring */
    int failed_fd;         /* written to where it ends by itself */
    bool was_restored;     /* from a backup: the core is told before anything else */
};

struct kr_runner;
/* Makes core and pipe and lets the core have its first look at the world: whom net may let in, who we are. KR_CONFIG where the
 * store holds no identity yet. */
enum kr_err kr_runner_new(const struct kr_runner_options *options, struct kr_runner **ret_runner,
                          struct kr_error *error) KR_WARN_UNUSED;
enum kr_err kr_runner_start(struct kr_runner *runner, struct kr_error *error) KR_WARN_UNUSED;
/* Ends the thread after its batch; then net. */
void kr_runner_free(struct kr_runner *runner);

/* Whose node it is; before it is started. */
void kr_runner_council(const struct kr_runner *runner, uint8_t ret_council[static 32]);

/* Any thread. */
/* Why it ended by itself ("" where it has not). */
void kr_runner_why(struct kr_runner *runner, struct kr_error *ret_error);
/* For how long it has been at one piece of work; 0 while it waits. */
uint64_t kr_runner_busy_ms(struct kr_runner *runner);
/* Guards for submissions from now on. The runner holds them; the old ones it lets go of, when nothing uses them any more. */
/* By what way peers are dialled from the next time on; handed over. */
void kr_runner_set_ways(struct kr_runner *runner, struct kr_detours *ways);
void kr_runner_set_guards(struct kr_runner *runner, struct kr_guards *guards);

#endif
