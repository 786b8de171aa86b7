/* Names of bodies as they are told to others (docs/PROTOCOL.md, "Body notices"): Unicode NFC, with no space at either end and no
 * character that steers a terminal, turns the direction of writing or cannot be seen. Pure. */
#ifndef KR_PROTO_INDICATOR_NAME_H
#define KR_PROTO_INDICATOR_NAME_H

#include "crypto/err.h"
#include "crypto/limits.h"
#include "proto/codec/reader.h"

/* The name as it is told; empty stays empty. KR_INVALID where there is no such form, or it is longer than KR_NAME_BYTES_MAX;
 * KR_NOMEM. */
enum kr_err kr_name_normalise(struct kr_slice name, uint8_t ret_name[static KR_NAME_BYTES_MAX], size_t *ret_len) KR_WARN_UNUSED;
/* Whether it is in that form already: KR_OK, KR_INVALID, KR_NOMEM. */
enum kr_err kr_name_check(struct kr_slice name) KR_WARN_UNUSED;

#endif
