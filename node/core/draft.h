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
 * A draft is a record of the council's own (KR_KIND_DRAFT), so that every node of the council shows and decides it, and beside it a
 * row of each node, which is what lists read. What was said of a draft at two nodes that did not see each other comes to the same
 * at both, by the version alone: it is how final the draft's state is, above how often it was changed.
 *
 *   subject = token 16 ‖ zeros 16                        its state: array of 2: 1, its row (bin)
 *             token 16 ‖ hash of arguments 12 ‖ BE32 n   arguments, part n from 1: array of 2: 1, bytes (bin); of what is decided:
 * empty version = 2^32 · (0: waits or returned, 1: ended unsent, 2: sent) + a count
 *
 *   KR_TABLE_DRAFTS   "D" ‖ token 16                → the row: what lists show, whom it would reach, the hash of its arguments
 *                     "d" ‖ token 16 ‖ part BE16    → arguments, where a version before this one kept the draft: made a record */
#ifndef KR_NODE_CORE_DRAFT_H
#define KR_NODE_CORE_DRAFT_H

#include "node/core/caller.h"
#include "node/core/state.h"
#include "proto/client/draft.h"

#define KR_DRAFT_ALIAS_BYTES 8u

/* Somebody learnt whom the name stands for. */
struct kr_draft_opened {
    uint8_t person[32];
    uint64_t at_ms;
    struct kr_slice reason;
};
struct kr_draft_row {
    uint8_t token[KR_DRAFT_ID_BYTES];
    uint32_t state, op, kind, label;
    uint8_t submitter[32], decider[32]; /* zero: the operator; nobody yet */
    uint8_t
        alias[KR_DRAFT_ALIAS_BYTES]; /* stands for the submitter towards who need not know: random, another one with each draft */
    uint64_t submitted_ms, changed_ms;
    bool has_community, has_record, has_consent;
    uint8_t community[32], record_id[32];
    uint8_t consent[32];      /* the standing consent that it was sent under */
    struct kr_slice audience; /* 32 bytes of each council that it is addressed to */
    uint8_t reach[32];        /* whom it would reach, as kr_draft_reach has it */
    uint8_t args_hash[32];
    uint32_t args_len;
    struct kr_slice title, reason;
    uint32_t opened_count;
    struct kr_draft_opened opened[KR_DRAFT_OPENINGS_MAX];
    bool is_old;                             /* of a version that had no records of drafts: kr_draft_share makes one */
    uint8_t bytes[KR_TABLE_VALUE_BYTES_MAX]; /* of the row: slices point into it */
};
/* Whether it is still to be decided: waits or was returned. */
bool kr_draft_is_open(const struct kr_draft_row *row);
/* KR_NOT_FOUND, KR_CORRUPT. */
enum kr_err kr_draft_get(struct kr_txn *txn, const uint8_t token[static KR_DRAFT_ID_BYTES],
                         struct kr_draft_row *ret_row) KR_WARN_UNUSED;
enum kr_err kr_draft_row_read(struct kr_slice key, struct kr_slice value, struct kr_draft_row *ret_row) KR_WARN_UNUSED;
/* The row alone, without the record that it belongs to. */
enum kr_err kr_draft_row_put(struct kr_txn *txn, const struct kr_draft_row *row) KR_WARN_UNUSED;
/* All of them in order, behind `after` (NULL: from the first). */
enum kr_err kr_drafts_each(struct kr_txn *txn, const uint8_t *after, kr_store_visit *visit, void *context) KR_WARN_UNUSED;

/* ---- draft_row.c ---- */
/* A new version of it: record and row. `args`: its arguments, where they are others than before; NULL: as they were. Those of one
 * that is decided are dropped, at all nodes. */
enum kr_err kr_draft_put(struct kr_step *step, struct kr_draft_row *row, const struct kr_slice *args) KR_WARN_UNUSED;
/* Its row, or, of a decided one whose row was swept, what its record says. KR_NOT_FOUND, KR_CORRUPT. */
enum kr_err kr_draft_find(struct kr_step *step, const uint8_t token[static KR_DRAFT_ID_BYTES],
                          struct kr_draft_row *ret_row) KR_WARN_UNUSED;
/* Its arguments, to be freed. KR_CORRUPT where they are not those; KR_NOT_FOUND where another node of the council has not brought
 * them yet. */
enum kr_err kr_draft_args_get(struct kr_step *step, const struct kr_draft_row *row, uint8_t **ret_args) KR_WARN_UNUSED;
/* An old row becomes a record. */
enum kr_err kr_draft_share(struct kr_step *step, struct kr_draft_row *row) KR_WARN_UNUSED;
/* The same of all that are here, some at a time. */
bool kr_drafts_share_is_due(const struct kr_core *core);
enum kr_err kr_drafts_share_slice(struct kr_step *step, bool *ret_more) KR_WARN_UNUSED;
/* For internal.c: its content, whether a record of one can be, its row, and the row's end. */
enum kr_err kr_draft_content_check(struct kr_slice content) KR_WARN_UNUSED;
enum kr_err kr_draft_fits(const struct kr_header *header, struct kr_slice content) KR_WARN_UNUSED;
enum kr_err kr_draft_take(struct kr_step *step, const struct kr_header *header, struct kr_slice content) KR_WARN_UNUSED;
enum kr_err kr_draft_expire(struct kr_txn *txn, const uint8_t subject[static 32]) KR_WARN_UNUSED;

/* ---- draft.c ---- */
/* Whom it would reach as the directory is now: one hash over councils and whose operators run their machines. */
enum kr_err kr_draft_reach(const struct kr_core *core, const struct kr_draft_row *row, uint8_t ret_reach[static 32]) KR_WARN_UNUSED;
/* As clients see it: its submitter's name for that one itself and for intake, else a name that stands for it. `ret_item` borrows
 * from row, and until the next call. */
enum kr_err kr_draft_item_fill(struct kr_txn *txn, const struct kr_draft_row *row, const struct kr_who *who,
                               struct kr_draft_item *ret_item) KR_WARN_UNUSED;
/* Whether the word of `who` is another's than the submitter's: by a role of its own, or of somebody for whom it stands who is not
 * the submitter. */
bool kr_draft_is_others(const struct kr_draft_row *row, const struct kr_who *who);
/* What an approval binds: content, label, and whom it reaches. */
void kr_draft_binding(const struct kr_draft_row *row, uint8_t ret_binding[static 32]);

/* Whether any submission waits, as the configuration is. */
bool kr_draft_may_be_needed(const struct kr_core *core);
/* What it is, for people: of a revision what stands instead. */
uint32_t kr_draft_kind(const struct kr_job *job);
/* Whether what the job has made is to wait. */
bool kr_draft_is_needed(const struct kr_core *core, const struct kr_job *job);
/* Keeps it; the client is told. */
enum kr_err kr_draft_keep(struct kr_step *step, const struct kr_job *job) KR_WARN_UNUSED;
/* `err` of kr_draft_put: answers where it is why the record was not taken, and nothing was stored (KR_CANCELLED); else `err`. */
enum kr_err kr_draft_refuse(struct kr_step *step, uint64_t client, uint64_t request, enum kr_err err) KR_WARN_UNUSED;
/* There is a draft with this token already: `*ret_is_answered`. */
enum kr_err kr_draft_known(struct kr_step *step, const struct kr_event *event, const uint8_t token[static KR_DRAFT_ID_BYTES],
                           bool *ret_is_answered) KR_WARN_UNUSED;
/* The record of an approved one is made: whether it may still be sent. It may not where the draft was decided or changed while it
 * was made, nor where it would go elsewhere than the approver was shown: then the client has its answer, and `*ret_may` is false.
 */
enum kr_err kr_draft_may_send(struct kr_step *step, const struct kr_job *job, bool *ret_may) KR_WARN_UNUSED;
/* What may be sent at once under a standing consent (duty.h) is stored: it stands to be reviewed. */
enum kr_err kr_draft_sent_ahead(struct kr_step *step, const struct kr_job *job, const uint8_t consent[static 32]) KR_WARN_UNUSED;
/* Whether there is room for one more of the caller's; else the client has its answer. */
enum kr_err kr_draft_has_room(struct kr_step *step, const struct kr_job *job, struct kr_draft_row *scratch,
                              bool *ret_has_room) KR_WARN_UNUSED;
/* A retraction by an approver other than its submitter is a review, too. */
enum kr_err kr_draft_taken_back(struct kr_step *step, const struct kr_job *job) KR_WARN_UNUSED;
/* The record of an approved one is stored. */
enum kr_err kr_draft_sent(struct kr_step *step, const struct kr_job *job) KR_WARN_UNUSED;

enum kr_err kr_draft_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who) KR_WARN_UNUSED;
enum kr_err kr_draft_act_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who) KR_WARN_UNUSED;

/* Drops those that were decided long ago, a slice of them. */
enum kr_err kr_drafts_sweep(struct kr_step *step) KR_WARN_UNUSED;

#endif
