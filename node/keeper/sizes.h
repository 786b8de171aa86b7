/* Notes once a day how large the store's file is (proto/client/sizes.h). */
#ifndef KR_NODE_KEEPER_SIZES_H
#define KR_NODE_KEEPER_SIZES_H

#include <stdint.h>

/* Cheap on all other calls of that day. What cannot be noted is left out: it is only missed by doctor. */
void kr_sizes_keep(const char *directory, uint64_t now_s);

#endif
