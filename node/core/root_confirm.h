/* Links with councils whose root key was replaced: held, as long as our operator has not compared it with them (docs/PROTOCOL.md,
 * "Re-keyings"). Private to node/core.
 *
 * In KR_TABLE_RECEIPTS: "root" ‖ council 32 → array of 2: root key that is confirmed (bin 32), when another one came (ms, 0: none
 * has). Where there is none, that of the council's genesis is. */
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

#endif
