/* By what way peers are dialled that cannot be dialled directly: through a TLS tunnel on this machine, say (docs/OPERATIONS.md).
 * Where a peer is comes from its card or its ticket; who it is, its keys prove, whatever the way. */
#ifndef KR_NODE_KEEPER_DETOURS_H
#define KR_NODE_KEEPER_DETOURS_H

#include "crypto/err.h"

struct kr_detours;
enum kr_err kr_detours_new(struct kr_detours **ret_ways) KR_WARN_UNUSED;
void kr_detours_free(struct kr_detours *ways);
/* "tcp://HOST:PORT tcp://HOST:PORT": who has the first address is dialled at the second. KR_INVALID with a sentence,
 * also where the first has a way already; KR_BOUNDS past KR_LINKS_MAX. */
enum kr_err kr_detours_add(struct kr_detours *ways, const char *text, struct kr_error *error) KR_WARN_UNUSED;
/* Where to dial: `endpoint` itself where no way is named for it (letters' case ignored). NULL `ways`: none. Borrowed. */
const char *kr_detours_find(const struct kr_detours *ways, const char *endpoint);

#endif
