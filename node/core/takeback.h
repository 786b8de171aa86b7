/* Taking back (docs/PROTOCOL.md, "Taking back"): what a retraction or a revision does to its target at this node, and what waits
 * for the operator's word because one council took back more than KR_TAKEBACKS_DAY_MAX records in a day. Private to node/core, but
 * for kr_takeback_find, which queries ask. */
#ifndef KR_NODE_CORE_TAKEBACK_H
#define KR_NODE_CORE_TAKEBACK_H

#include "node/core/state.h"
#include "node/core/taken.h"
#include "proto/record/takeback.h"

/* Whether a retraction or revision may enter, by what it is alone: KR_OK; KR_MALFORMED, KR_SIGNATURE, KR_DENIED, KR_INVALID as
 * kr_takeback_covers and kr_takeback_target say. */
enum kr_err kr_takeback_judge(const struct kr_job *job) KR_WARN_UNUSED;
/* It has entered: takes effect, or waits. */
enum kr_err kr_takeback_entered(struct kr_step *step, const struct kr_job *job, const struct kr_head *head) KR_WARN_UNUSED;
/* A record is about to be stored. One that was taken back or has expired is cut down to its header first. A header alone is only
 * taken where something here takes that record back, or it has expired: else `*ret_verdict` is KR_NOT_FOUND, it is put off, and
 * comes whole from somebody else. By a clock that may be wrong nothing is cut down or taken so: then it is KR_EXPIRED. `link`: whom
 * it comes from; may be NULL. */
enum kr_err kr_takeback_meet(struct kr_step *step, struct kr_job *job, const struct kr_link *link,
                             enum kr_err *ret_verdict) KR_WARN_UNUSED;
/* It turns out to be false: what it did here is undone. A target that it cut down leaves, and comes whole from who has it. */
enum kr_err kr_takeback_undo(struct kr_step *step, const struct kr_head *by) KR_WARN_UNUSED;
/* A record is deleted altogether: so is what is noted about it. */
enum kr_err kr_takeback_forget(struct kr_step *step, const struct kr_head *head) KR_WARN_UNUSED;

/* takeback_out.c: a retraction of ours, or a body notice without names, where we are no member (any more), or one again since
 * later. It was made, or came in: it is announced over all links where it is one; and all such over a link whose session begins, or
 * over all (NULL) when the directory has changed: soon, in slices, and once a minute for all that asked meanwhile. */
enum kr_err kr_takeback_out(struct kr_step *step, const struct kr_job *job, const struct kr_head *head) KR_WARN_UNUSED;
enum kr_err kr_takebacks_out(struct kr_step *step, struct kr_link *link) KR_WARN_UNUSED;
bool kr_takebacks_out_is_due(const struct kr_core *core);
enum kr_err kr_takebacks_out_slice(struct kr_step *step, bool *ret_more) KR_WARN_UNUSED;
/* Who asks for one gets it over whatever link, if policy allows. (Whether a body notice has names its head does not tell.) */
bool kr_is_own_green_takeback(const struct kr_core *core, const struct kr_head *head);

enum kr_err kr_takeback_load(struct kr_step *step) KR_WARN_UNUSED;
/* Some of those that were confirmed take effect; `*ret_more`. */
enum kr_err kr_takeback_slice(struct kr_step *step, bool *ret_more) KR_WARN_UNUSED;
/* All that wait of one council, durably, in slices; `*ret_count`: how many. */
enum kr_err kr_takeback_confirm(struct kr_step *step, const uint8_t author[static 32], uint64_t *ret_count) KR_WARN_UNUSED;
/* That one, now; KR_NOT_FOUND where it does not wait. */
enum kr_err kr_takeback_confirm_one(struct kr_step *step, const struct kr_head *head) KR_WARN_UNUSED;
/* Each council of which some wait, and how many; false ends it. */
typedef bool kr_takeback_visit_council(void *context, const uint8_t author[static 32], uint64_t waiting);
enum kr_err kr_takeback_each_council(struct kr_step *step, kr_takeback_visit_council *visit, void *context) KR_WARN_UNUSED;
/* The first of them, as arrivals. */
enum kr_err kr_takeback_waiting(struct kr_step *step, const uint8_t author[static 32], uint64_t *ret_arrivals, uint32_t max,
                                uint32_t *ret_count) KR_WARN_UNUSED;

/* takeback_ask.c: what clients ask. */
enum kr_err kr_retract_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
enum kr_err kr_revise_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
enum kr_err kr_retractions_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
enum kr_err kr_confirm_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
/* It was made, and its target may have been taken back meanwhile. KR_CANCELLED: the client has its answer. */
enum kr_err kr_takeback_made(struct kr_step *step, const struct kr_job *job) KR_WARN_UNUSED;

#endif
