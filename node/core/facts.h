/* What policy needs to know of a record and a council, out of header and directory. For the core and for queries. */
#ifndef KR_NODE_CORE_FACTS_H
#define KR_NODE_CORE_FACTS_H

#include "node/core/directory.h"
#include "node/core/policy.h"

/* As `self` sees it at `now_ms`. Of a statement `is_candidate` says only what the directory does, not open invitations. */
void kr_facts_of_header(const struct kr_directory *directory, const uint8_t self[static 32], uint64_t now_ms,
                        const struct kr_header *header, const uint8_t council[static 32], struct kr_policy_facts *ret_facts);
/* The same of a stored record's head, which has all that it takes. */
enum kr_err kr_facts_of_head(const struct kr_directory *directory, const uint8_t self[static 32], uint64_t now_ms,
                             const struct kr_head *head, const uint8_t council[static 32],
                             struct kr_policy_facts *ret_facts) KR_WARN_UNUSED;

/* Makes a header with what policy looks at; `*ret_audience` is what it borrows from, the caller's to free(). */
enum kr_err kr_facts_header(const struct kr_head *head, struct kr_header *ret_header, uint8_t **ret_audience) KR_WARN_UNUSED;

#endif
