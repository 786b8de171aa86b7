/* The name of a body that agreed to it, told by its council to a community (docs/PROTOCOL.md, "Body notices").
 *
 *   body notice = array of 5: version 1, name ja, name en (strs ≤ 256, as proto/indicator/name.h says), since (s: when the council
 *                 began to tell it there; 0 where it tells no name), previous (bin 0 or 32: the one that it replaces)
 *
 * A record of kind 39, signed by a node key, GREEN in that community; the header's subject is the body's id, 32 random bytes: whose
 * body it is, is the author. One without names says that the body is not named any more. Nothing of a body's card (person.h) but
 * its names is ever in one. */
#ifndef KR_PROTO_RECORD_BODY_NOTICE_H
#define KR_PROTO_RECORD_BODY_NOTICE_H

#include "crypto/limits.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"
#include "proto/record/record.h"

struct kr_body_notice {
    struct kr_slice name_ja, name_en; /* both empty: it is not named any more */
    uint64_t since_s;                 /* 0 then */
    struct kr_slice previous;
};
/* KR_MALFORMED, KR_VERSION, KR_NOMEM. */
enum kr_err kr_body_notice_parse(struct kr_slice content, struct kr_body_notice *ret_notice) KR_WARN_UNUSED;
void kr_body_notice_write(const struct kr_body_notice *notice, struct kr_writer *writer);
bool kr_body_notice_names(const struct kr_body_notice *notice); /* whether it tells a name */
/* What its header must be beside that: GREEN in a community, a subject and a version, no target, no flags, no later end than
 * KR_BODY_NOTICE_S_MAX after its creation. KR_MALFORMED. */
enum kr_err kr_body_notice_fits(const struct kr_header *header) KR_WARN_UNUSED;

#endif
