/* Reading what comes from elsewhere (text, mail, CSV, STIX, MISP) into groups of indicators, piece by piece, so that input of any
 * size needs little memory. Readers push; a sink takes. Nothing here knows a node.
 *
 *     source ─▸ reader ─▸ on_group  on_item on_item …  on_end   on_group …          one group is open at a time, none within
 * another ╰──▸ on_skip, on_progress at any time
 *
 * A group becomes one record (or several parts of one report): what its origin can revise or take back as one thing.
 *
 *   format  a group is                                                              its origin id
 *   text    the whole input                                                         none
 *   mail    one mail                                                                none
 *   CSV     the whole input; of JPCERT/CC's phishing lists one month                none; "phishing-urls/2026-11"
 *   STIX    a report or grouping with what its object_refs name, directly or        its STIX id
 *           through a report that they name. An indicator or observable that two
 *           of them name is an item of both
 *           an indicator or observable that none names, of its own                  its STIX id
 *           … but all of them together where a bundle has more than                 the bundle's id
 *           KR_IMPORT_LOOSE_MAX, for they would be as many records; apart by
 *           label and by organisation
 *   MISP    an event: attributes, those of its objects, and both parts of           the event's UUID
 *           composite ones
 *
 * What the origin has taken back is told, never passed over, because it may have been imported before: a group as KR_IMPORT_REVOKED
 * or KR_IMPORT_DELETED (without items; title and label as far as they are known), an item within a live group likewise: the sink
 * leaves it out and so revises what it has.
 *
 * Same input, same calls: titles, texts and ids are made from nothing but the input, so that what is imported twice is recognised.
 *
 * Damage stays where it is: what cannot be taken (a row, an object, an attribute) is skipped with its place and reason, and the
 * rest goes on. A reader fails only where there is no going on: I/O, memory, a document that is no such document, or a sink that
 * says so.
 *
 * Everything that a call of the sink is shown is borrowed until that call returns. */
#ifndef KR_TOOLS_FORMATS_IMPORT_H
#define KR_TOOLS_FORMATS_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/limits.h"
#include "proto/codec/reader.h"
#include "proto/indicator/indicator.h"
#include "proto/record/body.h"
#include "proto/record/label.h"

#define KR_IMPORT_LOOSE_MAX   64u
#define KR_IMPORT_HEAD_BYTES  (64u * KR_KIB) /* enough to tell a format */
#define KR_IMPORT_WHOLE_BYTES (64u * KR_MIB) /* of what can only be read as a whole: text and mail */

/* ---- where it comes from ---- */

/* Bytes that can be read anywhere and again: readers that must know the whole before they can begin (STIX: who names whom) go
 * through them twice instead of keeping them. Standard input is put into an unnamed file first. */
struct kr_import_source {
    const char *name; /* as messages show it */
    uint64_t bytes;   /* how many there were when it was opened */
    /* Fewer than `size` only at the end. KR_IO with a sentence. */
    enum kr_err (*read)(void *context, uint64_t offset, void *ret, size_t size, size_t *ret_len, struct kr_error *error);
    void *context;
};
/* The bytes are borrowed as long as the source is used. */
void kr_import_source_memory(struct kr_import_source *ret_source, const char *name, struct kr_slice *bytes);

/* A file, or standard input ("-"). */
struct kr_import_file {
    struct kr_import_source source;
    int fd;
};
/* The path is borrowed for the file's life; the file must stay where it is. KR_IO, KR_INVALID (a folder, a device), KR_BOUNDS
 * (standard input over `stdin_bytes_max`). */
enum kr_err kr_import_file_open(struct kr_import_file *ret_file, const char *path, uint64_t stdin_bytes_max,
                                struct kr_error *error) KR_WARN_UNUSED;
void kr_import_file_close(struct kr_import_file *file);

/* ---- which format ---- */

enum kr_import_format {
    KR_IMPORT_ANY = 0, /* told from the content */
    KR_IMPORT_TEXT = 1,
    KR_IMPORT_MAIL = 2,
    KR_IMPORT_CSV = 3,
    KR_IMPORT_STIX = 4, /* a bundle, an envelope of TAXII 2.1, or one object */
    KR_IMPORT_MISP = 5, /* an event, an array of them, or what /events/restSearch answers */
};
/* "text", "mail", "csv", "stix", "misp"; "any". Static storage. And back: KR_INVALID. */
const char *kr_import_format_name(enum kr_import_format format);
enum kr_err kr_import_format_parse(const char *text, enum kr_import_format *ret_format) KR_WARN_UNUSED;
/* From the beginning (KR_IMPORT_HEAD_BYTES of it, or all). KR_INVALID, with a sentence that says what to do, for what is known not
 * to be readable (spreadsheets, PDF, Outlook's .msg, archives, programs). */
enum kr_err kr_import_detect(struct kr_slice head, enum kr_import_format *ret_format, struct kr_error *error) KR_WARN_UNUSED;

/* ---- what a reader says ---- */

/* Where in the source. For messages: "events.json:17: /objects/3/pattern: …". */
struct kr_import_place {
    uint64_t line;       /* from 1; 0: not known */
    const char *pointer; /* in JSON: RFC 6901; else NULL */
};

enum kr_import_state {
    KR_IMPORT_LIVE = 0,
    KR_IMPORT_REVOKED = 1, /* STIX: revoked */
    KR_IMPORT_DELETED = 2, /* MISP: deleted */
    KR_IMPORT_EXPIRED = 3, /* STIX: an item whose valid_until is over */
};

/* Texts are UTF-8; whatever is longer than a record allows is cut by the sink at a character, and what steers a terminal stays in
 * them (it is made harmless where it is shown). Slices may be empty. */
struct kr_import_group {
    struct kr_slice title, text;
    struct kr_slice language;                  /* BCP 47; empty: told from the text */
    enum kr_label label;                       /* the strictest that its origin gave it; KR_TLP_NONE: none; unknown ones are RED */
    struct kr_slice organisation, id, terms;   /* origin; terms as the source has them: "TLP:GREEN", "PAP:AMBER", … */
    uint32_t severity;                         /* 0 … KR_SEVERITY_MAX */
    uint32_t reference_count, attack_id_count; /* at most KR_REFERENCES_MAX each */
    struct kr_slice references[KR_REFERENCES_MAX]; /* URLs, or "STIX relationship: …" and the like */
    struct kr_slice attack_ids[KR_REFERENCES_MAX]; /* "T1566.002" */
    uint64_t first_s, last_s;                      /* 0: not stated */
    enum kr_import_state state;
    struct kr_import_place place;
};

/* … a list that cannot say it: of a list with an origin it is what the type is fit for, of the council's own it stays unsaid. */
#define KR_IMPORT_ACTION_UNSAID 3u
/* For readers alone: for whatever the type is fit for, at least detection. kr_import_value makes one of the others of it. */
#define KR_IMPORT_ACTION_FIT 4u

struct kr_import_item {
    uint32_t type;            /* enum kr_indicator_type */
    struct kr_slice value;    /* normal form */
    uint64_t first_s, last_s; /* 0: not stated */
    uint32_t confidence;      /* 0 … 100, KR_CONFIDENCE_NONE */
    uint32_t action;          /* enum kr_action: what its origin says that it is fit for (none: for nothing); or … */
    struct kr_slice note;
    struct kr_slice record; /* of an export of ours: the id of the record that it stands in, in hex; else empty */
    bool guessed;           /* a URL without scheme: http was assumed */
    enum kr_import_state state;
    struct kr_import_place place;
};

/* Why something was not taken, or (`is_kept`) was taken without a part of what it said. The name is for programs; the text is a
 * msgid. */
#define KR_IMPORT_REASONS(X)                                                                                                       \
    X(EMPTY, "empty", "there is nothing in it")                                                                                    \
    X(NO_INDICATOR, "no-indicator", "it carries no indicator")                                                                     \
    X(BAD_VALUE, "bad-value", "the value is none of its type")                                                                     \
    X(UNKNOWN_TYPE, "unknown-type", "its type is not known")                                                                       \
    X(MASKED, "masked", "the value is masked")                                                                                     \
    X(OWN, "own", "it is the sender's own: a contact line or a signature")                                                         \
    X(TOO_LARGE, "too-large", "it is larger than can be taken")                                                                    \
    X(TOO_DEEP, "too-deep", "it is nested deeper than can be taken")                                                               \
    X(MALFORMED, "malformed", "it cannot be read")                                                                                 \
    X(UNEQUAL, "unequal", "it has another number of columns than the heading")                                                     \
    X(NUL, "nul", "there is a NUL byte in it")                                                                                     \
    X(ENCODING, "encoding", "there are bytes in it that are no characters")                                                        \
    X(BAD_DATE, "bad-date", "the date cannot be read")                                                                             \
    X(DANGLING, "dangling", "it refers to something that is not there")                                                            \
    X(REVOKED, "revoked", "its origin has taken it back")                                                                          \
    X(PATTERN, "pattern", "the pattern is no single indicator and is kept as a pattern")                                           \
    X(EXPIRED, "expired", "its origin does not hold it valid any longer")                                                          \
    X(CUT, "cut", "it is longer than a record allows and was cut")                                                                 \
    X(DOUBLE, "double", "it is there twice")

enum kr_import_reason {
#define X(name, label, text) KR_IMPORT_REASON_##name,
    KR_IMPORT_REASONS(X)
#undef X
        KR_IMPORT_REASON_COUNT
};
/* Static storage. */
const char *kr_import_reason_name(enum kr_import_reason reason);
const char *kr_import_reason_text(enum kr_import_reason reason);

struct kr_import_skip {
    enum kr_import_reason reason;
    bool is_kept;         /* it was, or will be, an item all the same */
    struct kr_slice what; /* of the value, type or field that it is about; at most some dozen bytes need be shown; may be empty */
    const char *detail;   /* a sentence that says more (kr_error's text); "" where there is none */
    struct kr_import_place place;
};

/* Every call may return something else than KR_OK: the reader stops and returns it (KR_CANCELLED: it has been told why). */
struct kr_import_sink {
    void *context;
    enum kr_err (*on_group)(void *context, const struct kr_import_group *group);
    enum kr_err (*on_item)(void *context, const struct kr_import_item *item);
    enum kr_err (*on_end)(void *context); /* of the group */
    enum kr_err (*on_skip)(void *context, const struct kr_import_skip *skip);
    enum kr_err (*on_progress)(void *context, uint64_t bytes); /* of the source, now and then */
};

/* ---- readers ---- */

struct kr_import_options {
    enum kr_import_format format;
    const char *charset;      /* of text and CSV; NULL: told from the bytes */
    const char *map;          /* of CSV; NULL: columns are told from heading and content */
    uint64_t now_s;           /* what is valid until earlier has expired; 0: nothing has */
    const char *organisation; /* origin of what names none itself; NULL: none */
    const char *origin_id, *terms;
};

/* kr_import_detect, with the source's beginning. */
enum kr_err kr_import_detect_source(const struct kr_import_source *source, enum kr_import_format *ret_format,
                                    struct kr_error *error) KR_WARN_UNUSED;
/* `format` ANY: told from the content. KR_MALFORMED: no such document, with its place. */
enum kr_err kr_import_read(const struct kr_import_source *source, const struct kr_import_options *options,
                           const struct kr_import_sink *sink, struct kr_error *error) KR_WARN_UNUSED;

typedef enum kr_err kr_import_reader(const struct kr_import_source *source, const struct kr_import_options *options,
                                     const struct kr_import_sink *sink, struct kr_error *error);
kr_import_reader kr_import_text; /* text and mail: kr_formats_extract */
kr_import_reader kr_import_stix; /* STIX 2.0 and 2.1: bundles, TAXII envelopes, single objects */
kr_import_reader kr_import_misp; /* events of MISP, as exported or from a feed */

/* ---- for readers ---- */

/* Brings `text` into the normal form of `item->type` (KR_INDICATOR_ANY: told from it), undoing defanged spellings where it has none
 * otherwise, and hands it to the sink; or tells the sink why not (EMPTY, MASKED, BAD_VALUE). Everything of the item but value (and
 * type) is the caller's. What is returned is the sink's answer. */
enum kr_err kr_import_value(const struct kr_import_sink *sink, struct kr_import_item *item, struct kr_slice text) KR_WARN_UNUSED;
/* The same without a sink. ANY takes a name with a file's extension (invoice.xlsm) for a file. */
bool kr_import_parse(uint32_t type, struct kr_slice text, struct kr_indicator *ret, bool *ret_guessed);
/* Hands over what is no single indicator as type other, cut to its bounds, and tells the sink so (PATTERN, kept). */
enum kr_err kr_import_pattern(const struct kr_import_sink *sink, struct kr_import_item *item,
                              struct kr_slice pattern) KR_WARN_UNUSED;
/* RFC 3339 ("2026-11-25T00:41:07.123Z"), or the ways of writing dates that lists have ("2025/02/03 11:43:00", "2025-02-03":
 * midnight; without a zone: `zone_s` east of UTC), or digits alone: Unix seconds. KR_INVALID for what is no date, before 1970, or
 * after 2105. */
enum kr_err kr_import_date(struct kr_slice text, int32_t zone_s, uint64_t *ret_s) KR_WARN_UNUSED;
/* Whether it is a masked name (●●●●.com, ****.com, XXXX.com). */
bool kr_import_is_masked(struct kr_slice text);

#endif
