/* The audit log: who did what, when, and what came of it, for the council's own eyes. It begins with the first person who is
 * entered and never leaves the node. Entries follow one another by hash, and stand in the transaction of the act that they tell of:
 * an act without its entry, or an entry of what never was, is not possible.
 *
 *   entry n = array of 11: n, at_ms, person (bin 0 or 32; empty: the operator), for whom it stood in (bin 0 or 32), credential kind
 *             (0: none), user id (4294967295: it came by a key), operation (enum kr_op), outcome (enum kr_err, or KR_AUDIT_BEGUN),
 *             target (bin, at most 32), note, salt (bin 16, random)
 *   hash n  = BLAKE2b-256("kairan audit" ‖ hash n-1 ‖ entry n); before the first: 32 zero bytes
 *
 * Hashes are shown to who may not see whose entry it is. The salt, which is shown to nobody, keeps them from trying everybody's id.
 * Entries of before have none (array of 10), and their hashes are for the role intake.
 *
 *   KR_TABLE_DRAFTS   "A" ‖ n BE64 → array of 2: entry (bin), hash
 *                     "a"          → array of 4: next n, its predecessor's hash, the first n that is kept, its predecessor's hash
 *
 * What is older than it is kept for goes from the beginning on; the hash before the first that is left stays, so that the rest can
 * be verified and compared with a hash that was written down. */
#ifndef KR_NODE_CORE_AUDIT_H
#define KR_NODE_CORE_AUDIT_H

#include "node/core/caller.h"
#include "node/core/state.h"
#include "proto/client/audit.h"

#define KR_AUDIT_HASH_BYTES 32u
#define KR_AUDIT_NOTE_BYTES 200u
#define KR_AUDIT_SALT_BYTES 16u
#define KR_AUDIT_BEGUN      0xFFFFu /* outcome: it goes on, and ends without a further entry */
#define KR_AUDIT_ROW_BYTES  512u

struct kr_audit_entry {
    uint64_t number, at_ms;
    uint8_t person[32], stands_for[32]; /* zero: none */
    uint32_t credential, uid, op, outcome;
    uint8_t target[32];
    size_t target_len;
    struct kr_slice note;
    bool is_salted;
    uint8_t salt[KR_AUDIT_SALT_BYTES];
};
/* An entry's bytes, as they are hashed. KR_CORRUPT. */
enum kr_err kr_audit_entry_read(struct kr_slice bytes, struct kr_audit_entry *ret_entry) KR_WARN_UNUSED;
void kr_audit_hash(uint8_t hash[static KR_AUDIT_HASH_BYTES], struct kr_slice entry); /* after one more entry */

struct kr_audit_chain {
    uint64_t next, first;
    uint8_t hash[KR_AUDIT_HASH_BYTES], before[KR_AUDIT_HASH_BYTES];
};
/* Zero where nothing was ever written. */
enum kr_err kr_audit_chain_get(struct kr_txn *txn, struct kr_audit_chain *ret_chain) KR_WARN_UNUSED;
/* One row: entry (borrowed from `ret_bytes`, KR_AUDIT_ROW_BYTES) and hash. KR_NOT_FOUND, KR_CORRUPT. */
enum kr_err kr_audit_row_get(struct kr_txn *txn, uint64_t number, uint8_t *ret_bytes, struct kr_slice *ret_entry,
                             uint8_t ret_hash[static KR_AUDIT_HASH_BYTES]) KR_WARN_UNUSED;

/* What came of a client's request, in the effects from `from` on: an end, an error, or neither yet. Acts get an entry as soon as
 * there is an end of it. */
enum kr_err kr_audit_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who,
                             size_t from) KR_WARN_UNUSED;
/* The same of a job that a request began. Of what came to nothing (refused by the act itself, or sent before) at most
 * KR_AUDIT_FAILED_DAY_MAX entries a day of each user, of both together. */
enum kr_err kr_audit_job(struct kr_step *step, const struct kr_job *job, const struct kr_who *who, size_t from) KR_WARN_UNUSED;
/* Somebody asked for what it may not: at most KR_AUDIT_DENIED_DAY_MAX entries a day of each. */
enum kr_err kr_audit_denied(struct kr_step *step, const struct kr_caller *caller, const struct kr_who *who,
                            uint32_t op) KR_WARN_UNUSED;
/* What a reader thread answered or refused (KR_EVENT_NOTED). Taking everything out is an entry an hour of each. */
enum kr_err kr_audit_noted(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;

/* Drops what is kept no longer, a slice of it; and drafts that were decided long ago. */
enum kr_err kr_audit_slice(struct kr_step *step, bool *ret_more) KR_WARN_UNUSED;
bool kr_audit_is_due(const struct kr_core *core);

#endif
