/* One line of text as a scanner wants it: full-width forms narrow, invisible characters gone, defanging undone; each byte knows
 * where its original stands and whether it was defanged.
 *
 * What is undone: [.] (.) {.} <.> 【.】 〔.〕, with "dot", "ドット" or 。 inside and spaces around; the same for @ (at, アット), :,
 * /, ://; half brackets (a[.com, a.]com); \. and \/; "a dot com"; a 。 between ASCII letters. hxxp stays: it is the scanner's
 * affair. */
#ifndef KR_TOOLS_FORMATS_FOLD_H
#define KR_TOOLS_FORMATS_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KR_FOLD_BYTES_MAX 16384u

struct kr_fold {
    const uint8_t *original; /* borrowed */
    size_t len;
    bool plain;                           /* nothing changed: at and mark are not filled in */
    uint8_t text[KR_FOLD_BYTES_MAX + 16]; /* zeros behind the end, so that looking ahead a little needs no check */
    uint32_t at[KR_FOLD_BYTES_MAX + 1];   /* where the original of a byte begins; at[len]: the length of the original */
    uint8_t mark[KR_FOLD_BYTES_MAX + 1];  /* the byte was defanged */
};

/* `text` is valid UTF-8 of at most KR_FOLD_BYTES_MAX bytes. Line breaks in it (soft ones, which the caller recognised) vanish
 * together with blanks behind and, where `equals` says so, the '=' before (quoted-printable). */
void kr_fold_line(struct kr_fold *fold, const char *text, size_t len, bool equals);

static inline size_t kr_fold_origin(const struct kr_fold *fold, size_t i)
{
    return fold->plain ? i : fold->at[i];
}

bool kr_fold_is_marked(const struct kr_fold *fold, size_t from, size_t to);

/* Code point at `text`, and its length; for valid UTF-8 (anything else is taken byte by byte as U+FFFD). */
uint32_t kr_utf8_decode(const uint8_t *text, size_t len, size_t *ret_len);

#endif
