/* The protocol as a step function: no clock, no random source, no socket, no thread (tests/tidy holds it to that).
 *
 * The core's memory is a cache of the store plus the sessions of the moment. After a failed commit it is thrown away and made anew.
 * See node/core/README.md for the map of the files and docs/ARCHITECTURE.md for the way of a record. */
#ifndef KR_NODE_CORE_CORE_H
#define KR_NODE_CORE_CORE_H

#include "crypto/hash.h"
#include "crypto/keyring.h"
#include "node/core/event.h"
#include "store/store.h"

struct kr_core;

/* Which submissions wait for another person's word: of each kind the labels, as a sum of 1 << label. A revision as what it puts
 * there.
 */
struct kr_approval {
    uint32_t report_labels, advisory_labels, sighting_labels;
};

/* Guards' lists and the like, from the configuration. Borrowed as long as the core lives. */
struct kr_core_options {
    const struct kr_keyring *keyring;
    const char *endpoint;     /* that peers are told to dial ("" : only we dial) */
    struct kr_guards *guards; /* node/core/guard.h; outlive it, jobs hold them themselves; NULL: the built-in ones alone */
    bool doubts_clock;        /* nothing is deleted as expired for now */
    uint64_t audit_keep_s;    /* so long is the audit log kept; 0: for ever */
    struct kr_approval approval;
};
/* Makes the core from what the store holds (inside any transaction). KR_NOT_FOUND where the store holds no identity yet: only
 * KR_EVENT_INIT is then accepted. */
enum kr_err kr_core_new(const struct kr_core_options *options, struct kr_txn *txn, struct kr_core **ret_core,
                        struct kr_error *error) KR_WARN_UNUSED;
void kr_core_free(struct kr_core *core);
/* What `old` has given out comes back to `core`: jobs and the bytes in them count on. */
void kr_core_inherit(struct kr_core *core, const struct kr_core *old);
/* A job that was given out, or was about to be, and will not come back. */
void kr_core_forget_job(struct kr_core *core, const struct kr_job *job);
/* Other guards from the next event on. */
void kr_core_set_guards(struct kr_core *core, struct kr_guards *guards);
/* Whether the time that events bear may be wrong by days. */
void kr_core_doubt_clock(struct kr_core *core, bool doubts);

/* One event. What a peer or a client did wrong is dealt with inside (KR_OK). Any other result is the store's: the caller aborts the
 * transaction and makes the core anew. `rng` is the only randomness. */
enum kr_err kr_core_step(struct kr_core *core, struct kr_txn *txn, struct kr_rng *rng, const struct kr_event *event,
                         struct kr_effects *effects) KR_WARN_UNUSED;

/* At the end of a batch, in the same transaction: fills the frames for all links, gives credit. */
enum kr_err kr_core_flush(struct kr_core *core, struct kr_txn *txn, struct kr_rng *rng, uint64_t now_ms,
                          struct kr_effects *effects) KR_WARN_UNUSED;

/* Whether kr_core_idle would do anything at all, from memory alone: most often it would not, and a transaction costs more than the
 * look. Takes note of the time, as kr_core_idle does. */
bool kr_core_idle_is_due(struct kr_core *core, const struct kr_store *store, uint64_t now_ms);
/* One slice of work that can wait (expiry, merging of runs, admission from quarantine): at most a few ms. `*ret_more`: call again
 * when nothing fresher waits. */
enum kr_err kr_core_idle(struct kr_core *core, struct kr_txn *txn, struct kr_rng *rng, uint64_t now_ms, struct kr_effects *effects,
                         bool *ret_more) KR_WARN_UNUSED;

/* What `kairand --init` is told: the node's first card and, if wanted, the community that it founds. */
struct kr_init {
    struct kr_slice name_ja, name_en, region, contact_name, contact_mail, contact_telephone, contact_hours, endpoint;
    struct kr_slice found_community; /* name; empty: none */
    struct kr_slice newcomers;       /* there get: KR_NEWCOMERS_PAST (also empty) or KR_NEWCOMERS_FROM_NOW_ON */
};
void kr_init_write(const struct kr_init *init, struct kr_writer *writer);
enum kr_err kr_init_read(struct kr_slice bytes, struct kr_init *ret_init) KR_WARN_UNUSED;

/* What `kairand --init-node` is told: the ticket, how people shall call the node, where it is dialled ("": nowhere). */
struct kr_node_init {
    struct kr_slice ticket, name, endpoint;
};
void kr_node_init_write(const struct kr_node_init *init, struct kr_writer *writer);
/* KR_MALFORMED, KR_VERSION, KR_INVALID with a sentence: no ticket for that, or the endpoint is none. */
enum kr_err kr_node_init_read(struct kr_slice bytes, struct kr_node_init *ret_init, struct kr_error *error) KR_WARN_UNUSED;

/* Facts for status pages and the simulator's checkers. */
struct kr_core_stat {
    uint8_t council[32];
    uint32_t links, links_up;
    uint64_t queued;        /* records waiting for peers */
    uint64_t bytes_in_core; /* bounded buffers in use */
    uint64_t jobs_out;
    bool is_novice;   /* it waits to be taken in as a node of that council */
    bool is_restored; /* it went back to an older state, and has not reconciled since */
    uint64_t alarms;  /* that are not settled */
};
void kr_core_stat(const struct kr_core *core, struct kr_core_stat *ret_stat);

#endif
