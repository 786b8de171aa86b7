/* Values looked up in what is sealed to whoever asks: fetched, opened and compared here, so that the node learns nothing of it. */
#ifndef KR_TOOLS_KAIRAN_LOOKUP_SEALED_H
#define KR_TOOLS_KAIRAN_LOOKUP_SEALED_H

#include "proto/client/client.h"
#include "tools/kairan/sealed.h"

/* The indicators of all sealed records that open, by the keys under which they are found. */
struct kr_sealed_index;
/* As the node holds them now. NULL: told. */
struct kr_sealed_index *kr_sealed_index_new(struct kr_sealed *sealed);
void kr_sealed_index_free(struct kr_sealed_index *index); /* NULL is fine */

/* Each indicator that matches the value, as the node itself would tell of it; borrowed for the call. */
typedef bool kr_sealed_match(void *context, const struct kr_match *match);
bool kr_sealed_index_find(const struct kr_sealed_index *index, uint32_t type, struct kr_slice value, kr_sealed_match *visit,
                          void *context);

#endif
