/* Contents of records for people: report and advisory (docs/PROTOCOL.md, "Contents").
 *
 *   report    = array of 14: title (str), text (str), language (str, BCP 47), indicators (array of indicator), origin (array of
 *               [organisation, id, terms], strs), case id (bin 0 or 16), follows (bin 0 or 32), ATT&CK ids (array of str),
 *               references (array of str), severity (0 none … 4 critical), part, parts, first_s, last_s
 *   indicator = array of 7: type, value (bin, normal form), first_s, last_s, confidence 0–100 (101: not stated), action (0 none,
 *               1 detect, 2 block), note (str)
 *   advisory  = array of 6: title, text, language (strs), severity, countermeasures (str), references (array of str)
 *   sighting  = array of 6: type (0: of the record as a whole), value (bin, normal form; empty with type 0), what (0 seen, 1 false
 *               positive), count (1 or more), first_s, last_s (0: not stated). The header's target names the record
 *
 * The indicators of a decoded report stay encoded; kr_report_indicators walks them. */
#ifndef KR_PROTO_RECORD_BODY_H
#define KR_PROTO_RECORD_BODY_H

#include "crypto/limits.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"
#include "proto/indicator/indicator.h"

#define KR_CONFIDENCE_NONE    101u
#define KR_SEVERITY_MAX       4u
#define KR_LANGUAGE_BYTES_MAX 35u /* BCP 47 section 4.4.1 */
#define KR_PARTS_MAX          65535u

enum kr_action {
    KR_ACTION_NONE = 0,
    KR_ACTION_DETECT = 1,
    KR_ACTION_BLOCK = 2,
};

/* What an indicator of that type is fit for, where whoever reports it means it to be used and says no more: addresses, names and
 * hashes of files can be blocked as they stand, other traces be looked for. */
enum kr_action kr_action_by_type(uint32_t type);

struct kr_report_indicator {
    uint32_t type; /* enum kr_indicator_type, or a newer one: kept, not looked up */
    struct kr_slice value;
    uint64_t first_s, last_s; /* 0: not stated */
    uint32_t confidence, action;
    struct kr_slice note;
};

struct kr_report {
    struct kr_slice title, text, language;
    uint32_t indicator_count;
    /* Encoded array, checked. For writing: kr_report_indicator_write behind an array head, or empty. */
    struct kr_slice indicators;
    struct kr_slice origin_organisation, origin_id, origin_terms;
    struct kr_slice case_id; /* 0 or 16 bytes */
    struct kr_slice follows; /* 0 or 32 bytes */
    uint32_t attack_id_count, reference_count;
    struct kr_slice attack_ids[KR_REFERENCES_MAX], references[KR_REFERENCES_MAX];
    uint32_t severity, part, parts; /* parts 1, part 1 where a submission was not split */
    uint64_t first_s, last_s;
};

/* Checks everything, each indicator's normal form (known types) included, so that what passes can be indexed. KR_BOUNDS over 4,096
 * indicators. */
enum kr_err kr_report_parse(struct kr_slice content, struct kr_report *ret_report) KR_WARN_UNUSED;
/* The same for what kr_report_parse accepted before and the store kept: the form is read with all bounds, normal forms are not
 * worked out a second time (that is nearly all of the work). */
enum kr_err kr_report_parse_again(struct kr_slice content, struct kr_report *ret_report) KR_WARN_UNUSED;
/* The key under which a report with an origin id is found (KR_INDICATOR_ORIGIN): organisation ‖ 0 ‖ id, ASCII in lower case.
 * Returns its length; 0 where there is no id, or one of the two is too long. */
#define KR_ORIGIN_KEY_BYTES_MAX (2u * KR_NAME_BYTES_MAX + 1u)
size_t kr_report_origin_key(struct kr_slice organisation, struct kr_slice id, uint8_t ret_key[static KR_ORIGIN_KEY_BYTES_MAX]);
void kr_report_write(const struct kr_report *report, struct kr_writer *writer);
void kr_report_indicator_write(const struct kr_report_indicator *indicator, struct kr_writer *writer);
/* Reads the next indicator of a parsed report; start with kr_reader_init on report->indicators and kr_reader_array_between. */
void kr_report_indicator_read(struct kr_reader *reader, struct kr_report_indicator *ret_indicator);
/* Whether nothing is stated about it, and its value is what it is indexed by (an address without port, a name in lower case): such
 * a one is told by its key alone. */
bool kr_report_indicator_is_plain(const struct kr_report_indicator *indicator);

/* That something of a record was seen in somebody's own network, or turned out to be harmless. */
enum kr_sighting_what {
    KR_SIGHTING_SEEN = 0,
    KR_SIGHTING_FALSE_POSITIVE = 1,
};
struct kr_sighting {
    uint32_t type;         /* of the indicator as the record has it, never of what a log had; 0: the record as a whole */
    struct kr_slice value; /* borrowed */
    uint32_t what;         /* enum kr_sighting_what */
    uint64_t count, first_s, last_s;
};
#define KR_SIGHTING_COUNT_MAX UINT32_MAX
/* Checks the normal form as kr_report_parse does. KR_MALFORMED also where it was seen last before it was seen first. */
enum kr_err kr_sighting_parse(struct kr_slice content, struct kr_sighting *ret_sighting) KR_WARN_UNUSED;
void kr_sighting_write(const struct kr_sighting *sighting, struct kr_writer *writer);
/* The same six fields as part of another message. */
void kr_sighting_fields_write(const struct kr_sighting *sighting, struct kr_writer *writer);
void kr_sighting_fields_read(struct kr_reader *reader, struct kr_sighting *ret_sighting);

struct kr_advisory {
    struct kr_slice title, text, language;
    uint32_t severity;
    struct kr_slice countermeasures;
    uint32_t reference_count;
    struct kr_slice references[KR_REFERENCES_MAX];
};
enum kr_err kr_advisory_parse(struct kr_slice content, struct kr_advisory *ret_advisory) KR_WARN_UNUSED;
void kr_advisory_write(const struct kr_advisory *advisory, struct kr_writer *writer);

#endif
