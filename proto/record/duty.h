/* What a council agreed on beforehand, for emergencies (docs/PROTOCOL.md, "People of a council"): standing consents (事前承認) and
 * the duty roster (当番表).
 *
 *   consent     = array of 15: version 1, type 1, kinds (bits 1 << enum kr_kind: report, advisory, sighting), labels (bits 1 <<
 * enum kr_label: clear, green, amber), community (bin 0 or 32), councils (bin, 32 each), reach (bin, 32 each, ascending:
 *                 BLAKE2b-256("kairan consent reach" ‖ council ‖ whose operator runs its machine, if another's)), person (bin 32,
 * or 0: whoever is on duty), given_ms, until_s, reason, by (bin 0 or 32), ended_ms (0: not ended before that), ended by (bin 0 or
 * 32), why it was duty roster = array of 5: version 1, type 2, by (bin 0 or 32), changed_ms, entries (array of [person (bin 32),
 * from_s, until_s])
 *
 * Both are records of the council's own kind KR_KIND_DUTY, as cards of persons are (person.h); a consent's subject is 32 random
 * bytes, the roster's is BLAKE2b-256("kairan duty roster"). */
#ifndef KR_PROTO_RECORD_DUTY_H
#define KR_PROTO_RECORD_DUTY_H

#include "crypto/limits.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"

#define KR_CONSENT_REACH_MAX (KR_COMMUNITY_COUNCILS_MAX + KR_AUDIENCE_MAX)

enum kr_duty_type { KR_DUTY_CONSENT = 1, KR_DUTY_ROSTER = 2 };

struct kr_consent {
    uint32_t kinds, labels;
    struct kr_slice community; /* 32 where green is among the labels; else empty */
    struct kr_slice councils;  /* 32 bytes of each that may be addressed: at least one where amber is among them */
    struct kr_slice reach;     /* whom that was when it was given */
    struct kr_slice person;    /* for whom; empty: for whoever is on duty */
    uint64_t given_ms, until_s;
    struct kr_slice reason, by;
    uint64_t ended_ms;
    struct kr_slice ended_by, ended_reason;
};
enum kr_err kr_consent_parse(struct kr_slice content, struct kr_consent *ret_consent) KR_WARN_UNUSED;
void kr_consent_write(const struct kr_consent *consent, struct kr_writer *writer);
/* Bits that a consent can have. */
bool kr_consent_is_sound(uint32_t kinds, uint32_t labels);

struct kr_duty_entry {
    uint8_t person[32];
    uint64_t from_s, until_s;
};
struct kr_duty_roster {
    struct kr_slice by;
    uint64_t changed_ms;
    uint32_t count;
    struct kr_duty_entry entries[KR_DUTY_ENTRIES_MAX];
};
enum kr_err kr_duty_roster_parse(struct kr_slice content, struct kr_duty_roster *ret_roster) KR_WARN_UNUSED;
void kr_duty_roster_write(const struct kr_duty_roster *roster, struct kr_writer *writer);
/* From where they stand in another array; at most KR_DUTY_ENTRIES_MAX. Returns their number. */
uint32_t kr_duty_entries_read(struct kr_reader *reader, struct kr_duty_entry *ret_entries);
void kr_duty_entries_write(const struct kr_duty_entry *entries, uint32_t count, struct kr_writer *writer);

/* Whether it is one of the two. */
enum kr_err kr_duty_check(struct kr_slice content) KR_WARN_UNUSED;
/* enum kr_duty_type of a content that has been checked; 0: none. */
uint32_t kr_duty_type(struct kr_slice content);

#endif
