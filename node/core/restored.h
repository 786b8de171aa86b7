/* A node that went back to an older state of its store signs nothing, and neither makes nor takes tickets, before it has
 * reconciled: it would write anew what it has written already, sign versions that it has signed otherwise, and let in a ticket a
 * second time.
 *
 * It is known to have gone back
 *   - because `kairan restore` said so (KR_EVENT_RESTORED), or
 *   - because a peer brings a whole record that this node's own key signed and that never was here: a copy of the files that was
 *     put back by hand. Nobody else can make such a record, so no peer can hold this node up by claims. (What is dated since the
 * node was started proves no restore, but that the key is in other hands. Statements prove nothing: the root key may have signed
 * them elsewhere. A newer one is taken, and the next of ours follows it.)
 *
 * It has reconciled once it has been found equal, since it went back, with every council that it was linked with then and still
 * is: a ping of the peer's bore the digest of all scopes that both share, and it was this node's own. Paused links count, because
 * that council may hold what was signed since; a link that is removed counts no longer. Where it is linked with nobody, or
 * somebody never comes back, the operator's word ends it (KR_OP_RECONCILE). What is dated before the end and comes later proves
 * nothing any more.
 *
 * In KR_TABLE_IDENTITY: "restored" → array of 4: how (enum kr_restored_how), since (ms), when the last time ended (ms, 0: never),
 * array of the councils that are awaited. */
#ifndef KR_NODE_CORE_RESTORED_H
#define KR_NODE_CORE_RESTORED_H

#include "node/core/state.h"

/* What decides whether a node has reconciled. */
struct kr_reconciling {
    uint32_t linked;  /* councils that it is linked with, paused ones too, joining ones not */
    uint32_t awaited; /* of these, those that were not found equal since */
    bool is_forced;   /* the operator said that it need not wait */
};
bool kr_restored_is_reconciled(const struct kr_reconciling *facts); /* pure */

enum kr_err kr_restored_load(struct kr_step *step) KR_WARN_UNUSED; /* after the links */
/* It was restored: durable, tickets void. All are awaited, also where the backup is of a node that had waited for some. */
enum kr_err kr_restored_event(struct kr_step *step) KR_WARN_UNUSED;
/* A record of ours that `link` brought, checked and not here, is about to be stored: does it prove that we went back? */
enum kr_err kr_restored_look(struct kr_step *step, const struct kr_job *job, const struct kr_link *link) KR_WARN_UNUSED;
/* All that we share with that peer is equal. */
enum kr_err kr_restored_met(struct kr_step *step, struct kr_link *link) KR_WARN_UNUSED;
enum kr_err kr_restored_link_dropped(struct kr_step *step) KR_WARN_UNUSED;
/* Whether nothing may be signed. */
bool kr_restored_holds(const struct kr_core *core);
/* Whether that request would sign something, or make or use a ticket. */
bool kr_restored_holds_op(const struct kr_core *core, uint32_t op);
/* Tells the client why, and what is waited for. */
enum kr_err kr_restored_refuse(struct kr_step *step, uint64_t client, uint64_t request) KR_WARN_UNUSED;
enum kr_err kr_reconcile_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;

#endif
