/* STIX patterns (STIX 2.1, section 9) taken apart into single indicators, where they say no more than "any of these".
 *
 *   [a = 'x' OR a IN ('y', 'z')] OR [b = 'w']       each by itself
 *   [file:hashes.MD5 = '…' AND file:name = 'n']     hashes of one file, each by itself; the name goes into their note
 *   [network-traffic:dst_ref.value = '192.0.2.1'    the address with its port
 *    AND network-traffic:dst_port = 443]
 *   [domain-name:value LIKE '%.evil.example']       the name, which stands for those below it
 *   [ipv4-addr:value ISSUBSET '192.0.2.0/24']       the network
 *   … START t'…' STOP t'…'                          first and last
 *
 * What says more (other ANDs, FOLLOWEDBY, WITHIN, REPEATS, NOT, <, MATCHES, properties that are no indicator of ours) would be
 * another, wider statement in pieces, and is kept whole by whoever asked. */
#ifndef KR_TOOLS_FORMATS_STIX_PATTERN_H
#define KR_TOOLS_FORMATS_STIX_PATTERN_H

#include "crypto/err.h"
#include "proto/codec/reader.h"

#define KR_STIX_PATTERN_BYTES_MAX (1024u * 1024u)
#define KR_STIX_TERMS_MAX         16384u
#define KR_STIX_DEPTH_MAX         32u

struct kr_stix_term {
    uint32_t type;            /* enum kr_indicator_type; ANY where the property may be a name or an address */
    struct kr_slice value;    /* as it is written, escapes undone */
    struct kr_slice note;     /* a file's name beside its hashes; else empty */
    uint64_t first_s, last_s; /* 0: not said */
};

/* Calls `visit` for each indicator in order; anything but KR_OK ends it and is what it returns. KR_NOT_FOUND: it is a pattern, but
 * not one that can be taken apart; KR_INVALID: it is none (`error` says where); KR_BOUNDS; KR_NOMEM. Then `visit` was not called.
 */
typedef enum kr_err kr_stix_visit(void *context, const struct kr_stix_term *term);
enum kr_err kr_stix_pattern(struct kr_slice pattern, kr_stix_visit *visit, void *context, struct kr_error *error) KR_WARN_UNUSED;

/* The type of a hash by its name in STIX ("MD5", "SHA-256", …); KR_INDICATOR_ANY (0) where it is none of ours. */
uint32_t kr_stix_hash_type(struct kr_slice name);

#endif
