/* A council whose root key was replaced by its recovery key (proto/record/rekeying.h): which of its statements hold, and what
 * becomes of the others here (docs/PROTOCOL.md, "Re-keyings"). Private to node/core.
 *
 * Of what a former root key signed, that holds which a revocation of this key names, as of a node key: so what a directory's tree
 * holds follows from statements alone, in whatever order they come. Before that list is whole, what is here stays, and what comes
 * is put off.
 *
 * In KR_TABLE_RECEIPTS: "ever" → array of 3: next arrival, end (equal: done), whether the log is looked through once more: GREEN
 * records and statements of councils that were in a community by false vouches alone are looked for. */
#ifndef KR_NODE_CORE_REKEYED_H
#define KR_NODE_CORE_REKEYED_H

#include "node/core/state.h"

/* Of a statement that the directory allows its key to sign: whether a former root key signed it, and it is not genuine (KR_DENIED),
 * or nobody can tell yet (KR_QUOTA). A card of re-keyings that lost against others by the same recovery key is KR_DENIED, too, and
 * an alarm either way. */
enum kr_err kr_rekeyed_judge(struct kr_step *step, const struct kr_job *job) KR_WARN_UNUSED;
/* Where one statement would stand where another does: by whose key each was signed. What the later root key signed counts, whatever
 * the versions. Of the one that stands, `id` is given. */
enum kr_err kr_rekeyed_ranks(struct kr_step *step, const struct kr_job *job, const uint8_t id[static 32],
                             enum kr_root_rank *ret_job, enum kr_root_rank *ret_standing) KR_WARN_UNUSED;

/* The council's root key is another one, by the card that has just come. */
enum kr_err kr_rekeyed_entered(struct kr_step *step, const uint8_t author[static 32]) KR_WARN_UNUSED;
/* Which statements of a former root key are genuine has become known: the others leave, and so do those of a key that is none. */
enum kr_err kr_rekeyed_sweep(struct kr_step *step, const uint8_t author[static 32]) KR_WARN_UNUSED;
enum kr_err kr_rekeyed_load(struct kr_step *step) KR_WARN_UNUSED;
enum kr_err kr_rekeyed_slice(struct kr_step *step, bool *ret_more) KR_WARN_UNUSED;

#endif
