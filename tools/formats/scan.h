/* Finds indicators and labels in one folded line. One pass from left to right; what was recognised as one thing (a URL, a path, a
 * masked name) is stepped over, so that its parts are not found again. */
#ifndef KR_TOOLS_FORMATS_SCAN_H
#define KR_TOOLS_FORMATS_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/indicator/indicator.h"
#include "proto/record/label.h"
#include "tools/formats/fold.h"

struct kr_candidate {
    struct kr_indicator indicator;
    size_t offset, len; /* its original spelling in the line */
    bool defanged;      /* somebody made it harmless: no contact address, no link of the text's own */
    bool guessed;       /* a URL without scheme: http was assumed */
};

struct kr_scan {
    const struct kr_fold *fold;
    void *context;
    void (*found)(void *context, const struct kr_candidate *candidate);
    void (*labelled)(void *context, enum kr_label label);

    /* For the files of this folder. */
    size_t floor;       /* nothing before this belongs to what comes */
    size_t mixed_until; /* up to here, names in several scripts have been judged as a whole */
    struct kr_candidate candidate;
};

/* Set fold, context and the two functions. */
void kr_scan_line(struct kr_scan *scan);

/* Shared by scan.c and match.c. `from` and `to` are places in the folded text. */

enum kr_char {
    KR_CHAR_NONE,   /* separates */
    KR_CHAR_WORD,   /* letter, digit, '-', '_', '.' */
    KR_CHAR_LETTER, /* a letter beyond ASCII */
    KR_CHAR_MASK,   /* '*', ●, ○ …: hides something */
};
/* Every byte of every text comes by here, hence inline. */
enum kr_char kr_scan_wide_char(const uint8_t *text, size_t len, size_t *ret_len);
static inline bool kr_scan_is_alnum(uint8_t c)
{
    return (uint8_t)(c - '0') < 10 || (uint8_t)((c | 0x20) - 'a') < 26;
}
static inline enum kr_char kr_scan_char(const uint8_t *text, size_t len, size_t *ret_len)
{
    *ret_len = 1;
    return text[0] >= 0x80                                                                   ? kr_scan_wide_char(text, len, ret_len)
           : kr_scan_is_alnum(text[0]) || text[0] == '-' || text[0] == '_' || text[0] == '.' ? KR_CHAR_WORD
           : text[0] == '*'                                                                  ? KR_CHAR_MASK
                                                                                             : KR_CHAR_NONE;
}
/* Whether one of `words` (lower case, NULL at the end) stands right in front of `from`, blanks and colons aside. */
bool kr_scan_follows(const struct kr_fold *fold, size_t from, const char *const *words);

/* Parses the text as `type` and reports it with the original place from … to. False where it has no normal form. */
bool kr_scan_emit(struct kr_scan *scan, uint32_t type, const char *text, size_t len, size_t from, size_t to);

/* Each matcher returns where it ended, or 0 where it does not apply. What ends behind `from` without a report was recognised as
 * something that is no indicator. */
size_t kr_match_url(struct kr_scan *scan, size_t word, size_t colon);
/* The end of what looks like the rest of a URL from `path` on. */
size_t kr_match_path(const struct kr_scan *scan, size_t path);
/* `to`: the end of the word, stars around it aside. */
size_t kr_match_ipv4(struct kr_scan *scan, size_t from, size_t to);
size_t kr_match_ipv6(struct kr_scan *scan, size_t from);
size_t kr_match_email(struct kr_scan *scan, size_t at_sign);
size_t kr_match_domain(struct kr_scan *scan, size_t from, size_t to);
size_t kr_match_windows_path(struct kr_scan *scan, size_t from, size_t backslash);
size_t kr_match_unix_path(struct kr_scan *scan, size_t slash);
size_t kr_match_filename(struct kr_scan *scan, size_t from, size_t to);
/* Where the rest of the line as a whole is a file name (spaces and all). */
size_t kr_match_rest_filename(struct kr_scan *scan, size_t from);
/* A file name in quotation marks, the opening one at `quote`. */
size_t kr_match_quoted_filename(struct kr_scan *scan, size_t quote);
/* Behind "user-agent:", "mutex:", "ファイル名:": what the rest of the line then is. */
size_t kr_match_announced(struct kr_scan *scan, size_t colon);

#endif
