/* Taking back: retraction and revision (docs/PROTOCOL.md, "Taking back").
 *
 *   retraction = array of 4: target's header (bin), target's signature (bin 64), reason (str, not empty), language (str)
 *   revision   = array of 4: target's header (bin), target's signature (bin 64), kind of what stands instead (1 report, 2
 *                advisory), its content (bin)
 *
 * The target's whole header and signature are carried, so that a node that never had the target knows what must not come, and holds
 * its header like everybody else. Both kinds name the target in their own header, too, and stand wherever the target stood: same
 * author, label, community, audience, relay and flags, and they expire no earlier. */
#ifndef KR_PROTO_RECORD_TAKEBACK_H
#define KR_PROTO_RECORD_TAKEBACK_H

#include "proto/codec/reader.h"
#include "proto/codec/writer.h"
#include "proto/record/record.h"

struct kr_takeback {
    struct kr_slice target_header, target_signature;
    struct kr_slice reason, language; /* retraction */
    uint32_t content_kind;            /* revision: KR_KIND_REPORT or KR_KIND_ADVISORY */
    struct kr_slice content;          /* and that content, not parsed */
};
/* `kind`: KR_KIND_RETRACTION or KR_KIND_REVISION. Slices are borrowed from `content`. */
enum kr_err kr_takeback_parse(uint32_t kind, struct kr_slice content, struct kr_takeback *ret_takeback) KR_WARN_UNUSED;
void kr_takeback_write(uint32_t kind, const struct kr_takeback *takeback, struct kr_writer *writer);

/* What a record's content is for who reads it: of a revision, what stands instead and that one's kind; else itself. */
enum kr_err kr_content_to_read(uint32_t kind, struct kr_slice content, uint32_t *ret_kind,
                               struct kr_slice *ret_content) KR_WARN_UNUSED;

/* The target as a header-only record, borrowed from the same bytes: its signature holds (KR_SIGNATURE), its header can be read
 * (KR_MALFORMED, KR_BOUNDS, KR_VERSION). */
enum kr_err kr_takeback_target(const struct kr_takeback *takeback, struct kr_record *ret_record,
                               struct kr_header *ret_header) KR_WARN_UNUSED;

/* Whether the record with the header `by` takes back the one with the header `target` and this id. KR_MALFORMED: it names another
 * one. KR_DENIED: another author's, a statement (those have newer versions and withdrawals), or a retraction, which is final.
 * KR_INVALID: label, community, audience, relay or flags differ, or it would expire first. */
enum kr_err kr_takeback_covers(const struct kr_header *by, const struct kr_header *target,
                               const uint8_t target_id[static KR_ID_BYTES]) KR_WARN_UNUSED;

#endif
