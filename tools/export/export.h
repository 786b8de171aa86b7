/* Indicators on their way out of Kairan: what the node gave is gathered, selected and aggregated by value, and written in the
 * format of the one who consumes it.
 *
 *   gathered   the records that keeper gave by KR_OP_EXPORT, in its own words; grows and shrinks as it tells of more
 *   selection  what a filter leaves of them: one entry for each (type, value), in the order of types and bytes
 *   rendering  an entry in the words of a format; what a format cannot carry is left out and counted, never written raw
 *
 * What may leave at all is the policy function's matter, in keeper: here it can only become less. */
#ifndef KR_TOOLS_EXPORT_EXPORT_H
#define KR_TOOLS_EXPORT_EXPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "crypto/err.h"
#include "proto/client/client.h"
#include "proto/indicator/indicator.h"
#include "proto/record/label.h"
#include "proto/record/record.h"

/* ---- gathered ---- */

/* The permissible actions protocol, as the origin's terms say it (MISP's taxonomy PAP). */
enum kr_pap {
    KR_PAP_NONE = 0, /* not stated */
    KR_PAP_CLEAR,
    KR_PAP_GREEN, /* blocking is allowed */
    KR_PAP_AMBER, /* looking for it is allowed, blocking is not */
    KR_PAP_RED,
};

/* One record that may go out. Slices are borrowed from `item`, its own copy of what keeper said. */
struct kr_gathered_record {
    uint8_t id[32]; /* first: what the tree of records compares */
    struct kr_summary summary;
    enum kr_label label; /* the strictest of the record's own and of one in the origin's terms */
    enum kr_pap pap;
    uint8_t confirmer[32]; /* who confirms; told by kr_gathered_confirm */
    uint32_t content_kind;
    struct kr_slice content, title, indicators, origin_organisation, origin_id, origin_terms;
    uint32_t severity, indicator_count;
    bool is_taken;    /* taken back or expired since; content and what came from it are empty */
    uint64_t gone_ms; /* when; 0 where it is not */
    uint8_t item[];
};

struct kr_gathered {
    void *tree; /* of tsearch(3), by id */
    size_t count;
    uint64_t unreadable; /* records whose content no reader takes; not kept */
};

/* All zero before the first call. */
void kr_gathered_deinit(struct kr_gathered *gathered);
/* Takes one item of KR_OP_EXPORT's pages (kr_shown, copied). A record that was taken back or has expired takes the place of what
 * was here under its id, without content; a revision takes away what it replaces. KR_MALFORMED where the item is none. */
enum kr_err kr_gathered_take(struct kr_gathered *gathered, struct kr_slice item) KR_WARN_UNUSED;

/* Nothing says that it came from elsewhere. */
bool kr_gathered_is_ours(const struct kr_gathered_record *record);
/* Finds out who confirms: the organisation that a record was imported from, or its author. What was imported from an export of ours
 * leads to the record that it is a copy of. Before a selection is made (which does it itself). */
enum kr_err kr_gathered_confirm(struct kr_gathered *gathered) KR_WARN_UNUSED;

/* ---- names ---- */

#define KR_UUID_TEXT_BYTES 37u

/* Under which UUID (RFC 9562, version 5) a thing of ours is known outside, in STIX and MISP: `kind` ("record", "indicator" …) and
 * the bytes that name it there. */
void kr_export_uuid(const char *kind, const void *bytes, size_t len, char ret_text[static KR_UUID_TEXT_BYTES]);

/* ---- selection ---- */

struct kr_export_filter {
    enum kr_label label_max; /* KR_TLP_NONE: whatever came */
    uint32_t types;          /* bit 1 << type; 0: all */
    uint64_t now_ms;
    uint64_t age_min_ms, age_max_ms; /* of the oldest, of the newest record that names the value; 0: any */
    uint32_t councils_min;           /* distinct ones that confirm; 0: any */
    uint32_t confidence_min;         /* 0: any, also where it is not stated */
    struct kr_avoid *avoid;          /* values never to be written; may be NULL; borrowed */
};

/* One record that names the value. */
struct kr_mention {
    const struct kr_gathered_record *record;
    uint32_t index; /* which of the record's indicators, from 0 */
    struct kr_report_indicator indicator;
};

struct kr_entry {
    uint32_t type;
    struct kr_slice value;         /* normal form */
    enum kr_label label;           /* the strictest */
    enum kr_pap pap;               /* the strictest */
    uint32_t councils;             /* that confirm: distinct origins, not copies */
    uint32_t confidence;           /* the highest that is stated; KR_CONFIDENCE_NONE */
    uint32_t action;               /* the strongest: enum kr_action, of kr_mention_action */
    uint64_t newest_ms, oldest_ms; /* creation of the records */
    uint64_t first_s, last_s;      /* seen: the earliest and the latest that are stated; 0 */
    uint32_t first, count;         /* its mentions, newest record first */
};

/* What whoever reports it means it to be used for: as stated; where that is nothing, what the type is fit for if it was written by
 * one of us, who need not say so, and nothing if an origin elsewhere said it of something (MISP: to_ids false). */
enum kr_action kr_mention_action(const struct kr_mention *mention);

/* Refers to what was gathered: valid until that changes. */
struct kr_selection {
    struct kr_entry *entries; /* by type, then by bytes */
    size_t entry_count;
    struct kr_mention *mentions;
    size_t mention_count;
    const struct kr_gathered_record **taken; /* taken back or expired, as far as they were told; by id */
    size_t taken_count;
    enum kr_label label;      /* the strictest of all entries; KR_TLP_NONE where there are none */
    uint64_t changed_ms;      /* arrival of the newest record in it; 0 */
    uint64_t until_ms;        /* when time alone changes it next (expiry, ages); UINT64_MAX: never */
    uint64_t unlabelled, red; /* mentions whose origin's terms forbid any export */
    uint64_t filtered;        /* entries that the filter left out */
    const struct kr_gathered *gathered;
};
enum kr_err kr_selection_make(struct kr_gathered *gathered, const struct kr_export_filter *filter,
                              struct kr_selection *ret_selection) KR_WARN_UNUSED;
void kr_selection_deinit(struct kr_selection *selection);

/* ---- values never to be written ---- */

/* An operator's own list: addresses and networks (whatever overlaps them), domains (with what is below them, and what is above
 * them), other values as they are. */
struct kr_avoid;
/* `text`: one value a line; blanks and lines that begin with # are skipped. `ret_avoid`: kr_avoid_free. KR_INVALID names the line
 * that is no value. */
enum kr_err kr_avoid_parse(const char *text, size_t len, struct kr_avoid **ret_avoid, struct kr_error *error) KR_WARN_UNUSED;
void kr_avoid_free(struct kr_avoid *avoid);
bool kr_avoid_has(const struct kr_avoid *avoid, uint32_t type, struct kr_slice value);

/* ---- rendering ---- */

/* Why an entry is not in a file, or not as it stands. */
enum kr_left {
    KR_LEFT_NOT = 0,
    KR_LEFT_TYPE,    /* the format has no such type */
    KR_LEFT_FORM,    /* the format cannot carry this value */
    KR_LEFT_WIDE,    /* a network so wide, or a domain so common (public suffix), that blocking it does harm */
    KR_LEFT_SPECIAL, /* an address of one's own machine or network, or of no single host (RFC 6890) */
    KR_LEFT_DETECT,  /* nobody means it to be blocked, or looked for */
    KR_LEFT_PAP,     /* its origin does not permit blocking */
    KR_LEFT_COVERED, /* a network or a parent domain in the same file has it already */
    KR_LEFT_LIMIT,   /* beyond the largest number of entries: the least confirmed */
    KR_LEFT_REASONS
};
/* "type", "form" …, for programs. Static storage. */
const char *kr_left_name(enum kr_left reason);

struct kr_tally {
    uint64_t written;
    uint64_t left[KR_LEFT_REASONS];
    uint64_t without_port; /* written as an address alone */
};

struct kr_rendering {
    const struct kr_selection *selection;
    const char *council_name; /* of the exporting node; borrowed */
    uint8_t council[32];
    bool is_exercise;
    bool is_excel;        /* csv: with a byte order mark */
    bool is_bare;         /* lists: no head comment */
    bool is_any_action;   /* block lists and rules: also what nobody means for that */
    const char *zone;     /* rpz: its name, without a dot at the end */
    uint64_t entries_max; /* of one file; 0: any number */
    uint64_t now_s;
    uint64_t time_s; /* what the head states; kr_export_write_file sets it */
};

/* One file of a format. */
struct kr_export_part {
    const char *file; /* its name in the directory; NULL for a format of one file */
    uint32_t types;   /* that it carries; bits */
    uint32_t variant; /* the renderer's own */
};
typedef enum kr_err kr_render(const struct kr_rendering *rendering, const struct kr_export_part *part, FILE *out,
                              struct kr_tally *ret_tally);

/* A format that keeps a directory of its own making: reads what it wrote there before. `tally` is added to. */
typedef enum kr_err kr_export_directory(const struct kr_rendering *rendering, const char *directory, struct kr_tally *tally,
                                        bool *ret_is_changed, struct kr_error *error);

struct kr_export_format {
    const char *name;
    kr_render *render; /* NULL: `directory` */
    const struct kr_export_part *parts;
    uint32_t part_count;
    bool is_directory;
    kr_export_directory *directory;
};
/* NULL: there is none. Static storage. */
const struct kr_export_format *kr_export_format_find(const char *name);

/* Writes part of a format to `path`, atomically: a temporary file in the same directory, fsync, rename. Where what stands there is
 * the same but for the time in its head, it is left untouched (`*ret_is_changed` false): so the time in the head is that of the
 * newest change. It never goes back. KR_IO says what failed on which path; what stood there stands then. */
enum kr_err kr_export_write_file(const struct kr_export_format *format, const struct kr_export_part *part,
                                 struct kr_rendering *rendering, const char *path, struct kr_tally *ret_tally, bool *ret_is_changed,
                                 struct kr_error *error) KR_WARN_UNUSED;

#endif
