/* Links with councils whose root key was replaced: held, as long as our operator has not compared it with them (docs/PROTOCOL.md,
 * "Re-keyings"). Private to node/core.
 *
 * In KR_TABLE_RECEIPTS: "root" ‖ council 32 → array of 2: root key that is confirmed (bin 32), when another one came (ms, 0: none
 * has). Where there is none, that of the council's genesis is. What other nodes of ours confirmed is beside it: root_shared.c. */
#ifndef KR_NODE_CORE_ROOT_CONFIRM_H
#define KR_NODE_CORE_ROOT_CONFIRM_H

#include "node/core/state.h"

/* After directory and links. */
enum kr_err kr_root_confirm_load(struct kr_step *step) KR_WARN_UNUSED;
/* The council's root key is another one. */
enum kr_err kr_root_confirm_changed(struct kr_step *step, const uint8_t council[static 32]) KR_WARN_UNUSED;
/* Its card is here for the first time; a link with it may be here already. */
enum kr_err kr_root_confirm_entered(struct kr_step *step, const uint8_t council[static 32]) KR_WARN_UNUSED;
/* A link with it is open that was not, and our operator made it here: whoever makes one knows the council as it is. After its card
 * is in the directory. */
enum kr_err kr_root_confirm_linked(struct kr_step *step, const struct kr_link *link) KR_WARN_UNUSED;
/* A link came about that nobody made at this node: another node of ours has it, or the council's card names one more way. It is
 * held where the root key was replaced and nobody has compared it here. */
enum kr_err kr_root_confirm_followed(struct kr_step *step, const struct kr_link *link) KR_WARN_UNUSED;
/* The link is gone. */
enum kr_err kr_root_confirm_unlinked(struct kr_step *step, const uint8_t council[static 32]) KR_WARN_UNUSED;
/* Each council that is to be confirmed, for the list of alarms. */
enum kr_err kr_root_confirm_list(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
enum kr_err kr_root_confirm_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;

/* What memory has of it is to be looked at again: of each link of the council, and how many councils there are. */
enum kr_err kr_root_confirm_refresh(struct kr_step *step, const uint8_t council[static 32]) KR_WARN_UNUSED;
/* Which one our operator has confirmed at this node; that of the genesis where he never had to. */
enum kr_err kr_root_confirm_here(struct kr_step *step, const uint8_t council[static 32],
                                 uint8_t ret_root[static 32]) KR_WARN_UNUSED;

/* ---- root_shared.c: what was confirmed at one node goes for the others (kind 45) ---- */
enum kr_err kr_root_shared_fits(const struct kr_step *step, const struct kr_header *header, struct kr_slice content) KR_WARN_UNUSED;
enum kr_err kr_root_shared_take(struct kr_step *step, const struct kr_header *header, struct kr_slice content) KR_WARN_UNUSED;
/* The record that stood is not genuine; one from before it may be taken next. */
enum kr_err kr_root_shared_back(struct kr_step *step, const uint8_t council[static 32]) KR_WARN_UNUSED;
/* Whether the record that stands names that root key. */
enum kr_err kr_root_shared_confirms(struct kr_step *step, const uint8_t council[static 32], const uint8_t root[static 32],
                                    bool *ret_confirms) KR_WARN_UNUSED;
/* Makes one where our operator has confirmed the root key in force here and none names it. Where there are, or were, other nodes.
 */
enum kr_err kr_root_shared_say(struct kr_step *step, const uint8_t council[static 32]) KR_WARN_UNUSED;
/* The same as soon as our operator has confirmed it, whatever stands. */
enum kr_err kr_root_shared_confirmed(struct kr_step *step, const uint8_t council[static 32]) KR_WARN_UNUSED;

#endif
