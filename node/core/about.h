/* Drafts of records about another one (retractions, revisions, sightings): they go where that one went, and end when it does. */
#ifndef KR_NODE_CORE_ABOUT_H
#define KR_NODE_CORE_ABOUT_H

#include "node/core/state.h"

/* Kind, target, label, community and end; who asked. What is sealed is addressed with kr_about_address; the content is the
 * caller's. */
void kr_about_draft(struct kr_step *step, const struct kr_event *event, uint32_t kind, const struct kr_header *target,
                    const uint8_t target_id[static 32], const uint8_t token[static 16], struct kr_job *job);
/* All who got the target, and its author where that is somebody else: a key for each, where there is one still (who has none is
 * told by the header all the same), and ours. KR_NOMEM. */
enum kr_err kr_about_address(const struct kr_step *step, const struct kr_header *target, struct kr_job *job) KR_WARN_UNUSED;

#endif
