/* Drafts: submissions that wait for another person's word. A draft is the request that was made, kept as it came, with whom it
 * would have reached then. Approving it is that request made again, in the name of the council, so that labels, recipients and
 * guards are looked at a second time; nothing is sealed or signed before.
 *
 *   submit ─▶ made, as always (guards, bounds) ─▶ waits ──approve──▶ the request again ─▶ sent
 *                                                  │  ▲                      └─ another audience ─▶ returned
 *                                                  │  └──consent── returned ◀──edit──┐
 *                                                  ├──reject──▶ rejected             │
 *                                                  └──withdraw─▶ withdrawn           └ an approver
 *
 *   KR_TABLE_DRAFTS   "D" ‖ token 16            → what lists show, whom it would reach, the hash of its arguments
 *                     "d" ‖ token 16 ‖ part BE16 → its arguments, until it is decided */
#ifndef KR_NODE_CORE_DRAFT_H
#define KR_NODE_CORE_DRAFT_H

#include "node/core/caller.h"
#include "node/core/state.h"
#include "proto/client/draft.h"

#define KR_DRAFT_ALIAS_BYTES 8u

struct kr_draft_row {
    uint8_t token[KR_DRAFT_ID_BYTES];
    uint32_t state, op, kind, label;
    uint8_t submitter[32], decider[32]; /* zero: the operator; nobody yet */
    uint8_t
        alias[KR_DRAFT_ALIAS_BYTES]; /* stands for the submitter towards who need not know: random, another one with each draft */
    uint64_t submitted_ms, changed_ms;
    bool has_community, has_record;
    uint8_t community[32], record_id[32];
    struct kr_slice audience; /* 32 bytes of each council that it is addressed to */
    uint8_t reach[32];        /* whom it would reach, as kr_draft_reach has it */
    uint8_t args_hash[32];
    uint32_t args_len;
    struct kr_slice title, reason;
    uint8_t bytes[KR_TABLE_VALUE_BYTES_MAX]; /* of the row: slices point into it */
};
/* KR_NOT_FOUND, KR_CORRUPT. */
enum kr_err kr_draft_get(struct kr_txn *txn, const uint8_t token[static KR_DRAFT_ID_BYTES],
                         struct kr_draft_row *ret_row) KR_WARN_UNUSED;
enum kr_err kr_draft_row_read(struct kr_slice key, struct kr_slice value, struct kr_draft_row *ret_row) KR_WARN_UNUSED;
/* All of them in order, behind `after` (NULL: from the first). */
enum kr_err kr_drafts_each(struct kr_txn *txn, const uint8_t *after, kr_store_visit *visit, void *context) KR_WARN_UNUSED;
enum kr_err kr_draft_put(struct kr_txn *txn, const struct kr_draft_row *row) KR_WARN_UNUSED;
/* The arguments of its request: kept in parts, `row` gets their length and hash; read whole, to be freed (KR_CORRUPT where they are
 * not those); dropped once it is decided. */
enum kr_err kr_draft_args_put(struct kr_txn *txn, struct kr_draft_row *row, struct kr_slice args) KR_WARN_UNUSED;
enum kr_err kr_draft_args_get(struct kr_txn *txn, const struct kr_draft_row *row, uint8_t **ret_args) KR_WARN_UNUSED;
enum kr_err kr_draft_args_drop(struct kr_txn *txn, const struct kr_draft_row *row) KR_WARN_UNUSED;
/* Whom it would reach as the directory is now: one hash over councils and whose operators run their machines. */
enum kr_err kr_draft_reach(const struct kr_core *core, const struct kr_draft_row *row, uint8_t ret_reach[static 32]) KR_WARN_UNUSED;
/* As clients see it: its submitter's name for that one itself and for intake, else a name that stands for it. `ret_item` borrows
 * from row, and until the next call. */
enum kr_err kr_draft_item_fill(struct kr_txn *txn, const struct kr_draft_row *row, const struct kr_who *who,
                               struct kr_draft_item *ret_item) KR_WARN_UNUSED;
/* What an approval binds: content, label, and whom it reaches. */
void kr_draft_binding(const struct kr_draft_row *row, uint8_t ret_binding[static 32]);

/* Whether any submission waits, as the configuration is. */
bool kr_draft_may_be_needed(const struct kr_core *core);
/* Whether what the job has made is to wait. */
bool kr_draft_is_needed(const struct kr_core *core, const struct kr_job *job);
/* Keeps it; the client is told. */
enum kr_err kr_draft_keep(struct kr_step *step, const struct kr_job *job) KR_WARN_UNUSED;
/* There is a draft with this token already: `*ret_is_answered`. */
enum kr_err kr_draft_known(struct kr_step *step, const struct kr_event *event, const uint8_t token[static KR_DRAFT_ID_BYTES],
                           bool *ret_is_answered) KR_WARN_UNUSED;
/* The record of an approved one is made: whether it may still be sent. It may not where the draft was decided or changed while it
 * was made, nor where it would go elsewhere than the approver was shown: then the client has its answer, and `*ret_may` is false.
 */
enum kr_err kr_draft_may_send(struct kr_step *step, const struct kr_job *job, bool *ret_may) KR_WARN_UNUSED;
/* The record of an approved one is stored. */
enum kr_err kr_draft_sent(struct kr_step *step, const struct kr_job *job) KR_WARN_UNUSED;

enum kr_err kr_draft_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who) KR_WARN_UNUSED;
enum kr_err kr_draft_act_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who) KR_WARN_UNUSED;

/* Drops those that were decided long ago, a slice of them. */
enum kr_err kr_drafts_sweep(struct kr_step *step) KR_WARN_UNUSED;

#endif
