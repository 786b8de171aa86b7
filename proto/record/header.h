/* Parts of the header that splitting, making and opening records share; for the files of this folder. */
#ifndef KR_PROTO_RECORD_HEADER_H
#define KR_PROTO_RECORD_HEADER_H

#include "proto/record/record.h"

/* Reads the prefix alone into `ret_header` (format, suite, author, signing key). KR_MALFORMED where the header has nothing behind
 * it, KR_VERSION where format or suite are not ours to read. */
enum kr_err kr_header_prefix(struct kr_slice header, struct kr_header *ret_header) KR_WARN_UNUSED;

/* The two hashes that tie slots and body to the header. */
void kr_slots_hash(uint8_t ret_hash[static KR_HASH_BYTES], struct kr_slice slots);
void kr_body_hash(uint8_t ret_hash[static KR_HASH_BYTES], struct kr_slice body);

#endif
