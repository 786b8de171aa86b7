/* What people hand over (a mail, a text, a list) turned into indicators, a label and a title, for a person to look through.
 *
 * Nothing here decides what is submitted: the analyst sees what was found and the guards of node/core have the last word. */
#ifndef KR_TOOLS_FORMATS_FORMATS_H
#define KR_TOOLS_FORMATS_FORMATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/limits.h"
#include "proto/codec/reader.h"
#include "proto/indicator/indicator.h"
#include "proto/record/body.h"
#include "proto/record/label.h"

#define KR_FORMATS_BYTES_MAX  (64u * KR_MIB)
#define KR_EXTRACT_ITEMS_MAX  200000u
#define KR_EXTRACT_STEP       1024u
#define KR_CHARSET_NAME_BYTES 32

enum kr_format {
    KR_FORMAT_ANY = 0, /* told from the content: mail where it begins with header fields, else text */
    KR_FORMAT_TEXT = 1,
    KR_FORMAT_MAIL = 2,
};

struct kr_extract;

struct kr_extract_options {
    enum kr_format format;
    const char *charset; /* of a text; NULL: told from the bytes. A mail says its own. */
    uint32_t items_max;  /* 0: KR_EXTRACT_ITEMS_MAX */
    /* For those who want to begin before the end: called once when text, title and attachments are known, and then whenever
     * KR_EXTRACT_STEP more items are. What it is shown stays where it is; label and counts grow until the end. Anything but KR_OK
     * ends the extraction and is what it returns. NULL: not wanted. */
    enum kr_err (*on_items)(void *context, const struct kr_extract *extract);
    void *context;
};

/* One indicator, where it was first found. */
struct kr_found {
    uint32_t type;
    uint32_t offset, len;     /* its original spelling in the text */
    bool defanged;            /* written so that nobody follows it by accident: surely meant as an indicator */
    bool guessed;             /* a URL without scheme, for which http was assumed */
    uint8_t confidence;       /* KR_CONFIDENCE_NONE, as texts do not say it; imports may */
    uint8_t action;           /* enum kr_action, likewise */
    uint32_t first_s, last_s; /* likewise; 0: not stated */
    struct kr_slice value;    /* normal form */
    struct kr_slice note;     /* what stands behind it on its line ("Cobalt Strike C2"); at most KR_NOTE_BYTES_MAX, maybe empty */
};

/* Listed, never opened. */
struct kr_attachment {
    char *name; /* UTF-8, maybe empty */
    char *type; /* "application/zip" */
    size_t bytes;
};

/* All pointers are the result's own and live as long as it. */
struct kr_extract {
    enum kr_format format;
    char charset[KR_CHARSET_NAME_BYTES]; /* of the text, or of the mail's first text part */
    char *text;                          /* what was searched, UTF-8; terminated */
    size_t text_len;
    char title[KR_TITLE_BYTES_MAX + 1]; /* a mail's subject, decoded, without a label in brackets at its beginning; else "" */
    enum kr_label label;                /* the strictest of those in subject and text; KR_TLP_NONE where there is none */
    struct kr_found *items;             /* in order of appearance, each value once */
    size_t item_count;
    size_t left_out; /* addresses, links and names that are the sender's own: contact lines, signature, header fields */
    bool more;       /* items_max was reached, the rest of the text was not searched */
    struct kr_attachment *attachments;
    size_t attachment_count;
};

/* Input of any bytes. KR_BOUNDS over KR_FORMATS_BYTES_MAX; KR_INVALID for an unknown charset; KR_MALFORMED where a mail was asked
 * for and there is none. `options` may be NULL.
 *
 * Defanged spellings and full-width forms are undone (fold.h). Not taken: dates, telephone, version and section numbers; masked
 * names and URLs (●●●●.com, ****.com, stars in a row in a path; a single one is a character); the host of a URL beside the
 * URL; names in prose without a known ending; relative paths; parts of Windows (regsvr32.exe). Undefanged addresses, links and
 * names are left out, and counted, where they are the sender's own: on a line with a telephone number or 問い合わせ, below a
 * heading 連絡先, in a signature block (behind "-- ", or between rule lines with a telephone number within), and e-mail addresses
 * of the mail's header fields. */
enum kr_err kr_formats_extract(const void *bytes, size_t len, const struct kr_extract_options *options, struct kr_extract **ret,
                               struct kr_error *error) KR_WARN_UNUSED;
void kr_extract_free(struct kr_extract *extract);

/* Without blanks and controls around it. */
struct kr_slice kr_trim(struct kr_slice text);

/* Turns text into UTF-8. `charset`: a name as mails give it, or NULL: byte order mark, escape sequences of ISO-2022-JP, valid
 * UTF-8, else EUC-JP or CP932, whichever reads better. Japanese charsets are read with the vendors' characters (①, ㈱, 髙):
 * Shift_JIS as CP932, and ISO-2022-JP and EUC-JP likewise. What cannot be read becomes U+FFFD, NUL a blank. `ret_text` is
 * terminated; free() it. `ret_name` says what it was taken for. */
enum kr_err kr_charset_to_utf8(const void *bytes, size_t len, const char *charset, char **ret_text, size_t *ret_len,
                               char ret_name[static KR_CHARSET_NAME_BYTES], struct kr_error *error) KR_WARN_UNUSED;
/* What kr_charset_to_utf8 takes bytes for that nothing is said of: "UTF-8" (ASCII too), "CP932", "EUC-JP", "ISO-2022-JP", "UTF-16"
 * (with its mark), "UTF-16LE", "UTF-16BE". Static storage. */
const char *kr_charset_detect(const void *bytes, size_t len);

#endif
