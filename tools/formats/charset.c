#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/formats/fold.h"
#include "tools/formats/formats.h"

#define ESC 0x1b

/* Names as mails give them, in lower case; how we read them. */
static const struct {
    const char *name, *read_as;
} names[] = {
    {"utf-8", "UTF-8"},
    {"utf8", "UTF-8"},
    {"us-ascii", "UTF-8"},
    {"ascii", "UTF-8"},
    {"iso-2022-jp", "ISO-2022-JP"},
    {"iso-2022-jp-1", "ISO-2022-JP"},
    {"iso-2022-jp-ms", "ISO-2022-JP"},
    {"csiso2022jp", "ISO-2022-JP"},
    {"cp50220", "ISO-2022-JP"},
    {"cp50221", "ISO-2022-JP"},
    {"cp50222", "ISO-2022-JP"},
    {"shift_jis", "CP932"},
    {"shift-jis", "CP932"},
    {"sjis", "CP932"},
    {"x-sjis", "CP932"},
    {"ms_kanji", "CP932"},
    {"windows-31j", "CP932"},
    {"cp932", "CP932"},
    {"ms932", "CP932"},
    {"csshiftjis", "CP932"},
    {"euc-jp", "EUC-JP"},
    {"x-euc-jp", "EUC-JP"},
    {"eucjp", "EUC-JP"},
    {"eucjp-ms", "EUC-JP"},
    {"euc-jp-ms", "EUC-JP"},
    {"cp51932", "EUC-JP"},
    {"iso-8859-1", "WINDOWS-1252"},
    {"latin1", "WINDOWS-1252"},
};

/* A growing output; the converters write to it. */
struct out {
    char *bytes;
    size_t len, capacity;
    bool failed; /* no memory */
};

static bool reserve(struct out *out, size_t more)
{
    if (!out->failed && out->capacity - out->len < more) {
        const size_t capacity = 2 * out->capacity + more + 64;
        char *bytes = realloc(out->bytes, capacity);
        out->failed = bytes == NULL;
        if (bytes != NULL) {
            out->bytes = bytes;
            out->capacity = capacity;
        }
    }
    return !out->failed;
}

static void append(struct out *out, const void *bytes, size_t len)
{
    if (len > 0 && reserve(out, len + 1)) {
        memcpy(out->bytes + out->len, bytes, len);
        out->len += len;
    }
}

/* Converts what the descriptor can, puts U+FFFD for each byte that it cannot. */
static void convert(struct out *out, iconv_t descriptor, const uint8_t *bytes, size_t len)
{
    char *in = (char *)(uintptr_t)bytes; /* iconv's type: it does not write there */
    (void)iconv(descriptor, NULL, NULL, NULL, NULL);
    while (len > 0 && reserve(out, len + 64)) {
        char *to = out->bytes + out->len;
        size_t room = out->capacity - out->len - 1;
        const size_t result = iconv(descriptor, &in, &len, &to, &room);
        out->len = (size_t)(to - out->bytes);
        if (result == (size_t)-1 && errno != E2BIG && len > 0) {
            append(out, "\xef\xbf\xbd", 3);
            in++;
            len--;
        }
    }
}

/* JIS X 0208 row and cell (0x21–0x7e each) as the two bytes of Shift_JIS (JIS X 0208:1997, annex 1), so that CP932 with its vendor
 * rows reads ISO-2022-JP and EUC-JP too; the descriptors of glibc for these two know only part of them. */
static void put_jis(struct out *sjis, uint8_t row, uint8_t cell)
{
    const unsigned lead = (row - 0x21u) / 2 + (row < 0x5f ? 0x81u : 0xc1u);
    const unsigned trail = row % 2 == 1 ? cell + 0x1fu + (cell >= 0x60) : cell + 0x7eu;
    const uint8_t pair[2] = {(uint8_t)lead, (uint8_t)trail};
    append(sjis, pair, 2);
}

/* The converters of the two encodings collect Shift_JIS and flush it when JIS X 0212, which it lacks, comes. */
struct japanese {
    struct out *out;
    struct out sjis;
    iconv_t cp932, euc;
};

static void flush(struct japanese *state)
{
    convert(state->out, state->cp932, (const uint8_t *)state->sjis.bytes, state->sjis.len);
    state->sjis.len = 0;
}

static void put_supplementary(struct japanese *state, uint8_t row, uint8_t cell)
{
    const uint8_t triple[3] = {0x8f, (uint8_t)(row | 0x80), (uint8_t)(cell | 0x80)};
    flush(state);
    convert(state->out, state->euc, triple, 3);
}

static bool is_cell(uint8_t c)
{
    return c >= 0x21 && c <= 0x7e;
}

/* RFC 1468 and what Microsoft's mailers add to it (CP50221): half-width katakana, JIS X 0212. */
static void from_iso_2022_jp(struct japanese *state, const uint8_t *bytes, size_t len)
{
    enum { ASCII, KANA, KANJI, SUPPLEMENT } set = ASCII;
    for (size_t i = 0; i < len;) {
        const size_t left = len - i;
        const uint8_t *at = bytes + i;
        size_t used = 1;
        if (at[0] == ESC && left >= 3 && at[1] == '(' && (at[2] == 'B' || at[2] == 'J' || at[2] == 'H' || at[2] == 'I')) {
            set = at[2] == 'I' ? KANA : ASCII;
            used = 3;
        } else if (at[0] == ESC && left >= 3 && at[1] == '$' && (at[2] == 'B' || at[2] == '@')) {
            set = KANJI;
            used = 3;
        } else if (at[0] == ESC && left >= 4 && at[1] == '$' && at[2] == '(' && (at[3] == 'D' || at[3] == 'B')) {
            set = at[3] == 'D' ? SUPPLEMENT : KANJI;
            used = 4;
        } else if (set == KANJI && left >= 2 && is_cell(at[0]) && is_cell(at[1])) {
            put_jis(&state->sjis, at[0], at[1]);
            used = 2;
        } else if (set == SUPPLEMENT && left >= 2 && is_cell(at[0]) && is_cell(at[1])) {
            put_supplementary(state, at[0], at[1]);
            used = 2;
        } else if (set == KANA && at[0] >= 0x21 && at[0] <= 0x5f) {
            const uint8_t kana = at[0] | 0x80;
            append(&state->sjis, &kana, 1);
        } else {
            set = at[0] == '\n' ? ASCII : set; /* every line begins in ASCII */
            append(&state->sjis, at, 1);
        }
        i += used;
    }
    flush(state);
}

static bool is_euc(uint8_t c)
{
    return c >= 0xa1 && c <= 0xfe;
}

static void from_euc_jp(struct japanese *state, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len;) {
        const size_t left = len - i;
        const uint8_t *at = bytes + i;
        size_t used = 1;
        if (at[0] == 0x8f && left >= 3 && is_euc(at[1]) && is_euc(at[2])) {
            put_supplementary(state, at[1], at[2]);
            used = 3;
        } else if (at[0] == 0x8e && left >= 2 && at[1] >= 0xa1 && at[1] <= 0xdf) {
            append(&state->sjis, at + 1, 1);
            used = 2;
        } else if (is_euc(at[0]) && left >= 2 && is_euc(at[1])) {
            put_jis(&state->sjis, at[0] & 0x7f, at[1] & 0x7f);
            used = 2;
        } else if (at[0] < 0x80) {
            append(&state->sjis, at, 1);
        } else {
            flush(state);
            append(state->out, "\xef\xbf\xbd", 3);
        }
        i += used;
    }
    flush(state);
}

/* Length of the well-formed character at `at` (RFC 3629: shortest form, no surrogates); 0 where there is none. */
static size_t utf8_length(const uint8_t *at, size_t left)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t used;
    const uint32_t point = kr_utf8_decode(at, left, &used);
    const bool ok = at[0] < 0x80 || (used > 1 && point >= least[used] && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff));
    return ok ? used : 0;
}

/* How many bytes of ASCII come first: most of a list is nothing else. */
static size_t ascii_run(const uint8_t *bytes, size_t len)
{
    size_t i = 0;
    for (uint64_t eight = 0; i + 8 <= len; i += 8) {
        memcpy(&eight, bytes + i, 8);
        if ((eight & 0x8080808080808080u) != 0) {
            break;
        }
    }
    while (i < len && bytes[i] < 0x80) {
        i++;
    }
    return i;
}

/* Text in UTF-8 may be damaged in a place or two (cut off, pasted together) and is UTF-8 all the same. */
static bool is_utf8(const uint8_t *bytes, size_t len)
{
    size_t good = 0, bad = 0;
    for (size_t i = ascii_run(bytes, len); i < len; i += ascii_run(bytes + i, len - i)) {
        const size_t used = utf8_length(bytes + i, len - i);
        good += used > 1;
        bad += used == 0;
        i += used > 0 ? used : 1;
    }
    return bad == 0 || good >= 8 * bad;
}

static void from_utf8(struct out *out, const uint8_t *bytes, size_t len)
{
    size_t from = 0;
    for (size_t i = ascii_run(bytes, len); i < len; i += ascii_run(bytes + i, len - i)) {
        const size_t used = utf8_length(bytes + i, len - i);
        if (used == 0) {
            append(out, bytes + from, i - from);
            append(out, "\xef\xbf\xbd", 3);
            from = i + 1;
        }
        i += used > 0 ? used : 1;
    }
    append(out, bytes + from, len - from);
}

/* How much better the bytes read as EUC-JP than as Shift_JIS: kana in pairs speak for either, what is no character against it. */
static long prefer_euc(const uint8_t *bytes, size_t len)
{
    long euc = 0, sjis = 0;
    for (size_t i = 0; i + 1 < len; i++) {
        if (bytes[i] >= 0x80 && bytes[i] != 0x8e && bytes[i] != 0x8f) {
            const bool pair = is_euc(bytes[i]) && is_euc(bytes[i + 1]);
            euc += !pair ? -8 : bytes[i] == 0xa4 || bytes[i] == 0xa5 || bytes[i] == 0xa1 ? 2 : 0;
            i += pair;
        }
    }
    for (size_t i = 0; i + 1 < len; i++) {
        const uint8_t c = bytes[i], next = bytes[i + 1];
        if ((c >= 0x81 && c <= 0x9f) || (c >= 0xe0 && c <= 0xfc)) {
            const bool pair = next >= 0x40 && next != 0x7f && next <= 0xfc;
            sjis += !pair ? -8 : c == 0x82 || c == 0x83 || c == 0x81 ? 2 : 0;
            i += pair;
        } else if (c >= 0x80) {
            sjis -= c >= 0xa1 && c <= 0xdf ? 1 : 8; /* half-width katakana are rare */
        }
    }
    return euc - sjis;
}

static bool has_escape(const uint8_t *bytes, size_t len)
{
    bool found = false;
    for (const uint8_t *at = len > 2 ? memchr(bytes, ESC, len - 2) : NULL; at != NULL && !found;) {
        found = at[1] == '$' || (at[1] == '(' && (at[2] == 'J' || at[2] == 'I'));
        at = memchr(at + 1, ESC, (size_t)(bytes + len - 2 - at - 1));
    }
    return found;
}

static const char *detect(const uint8_t *bytes, size_t len)
{
    const char *name;
    size_t zeros[2] = {0, 0};
    for (size_t i = 0; i < len && i < 512; i++) {
        zeros[i % 2] += bytes[i] == 0;
    }
    if (len >= 2 && ((bytes[0] == 0xff && bytes[1] == 0xfe) || (bytes[0] == 0xfe && bytes[1] == 0xff))) {
        name = "UTF-16";
    } else if (zeros[1] > 4 && zeros[0] == 0) {
        name = "UTF-16LE";
    } else if (zeros[0] > 4 && zeros[1] == 0) {
        name = "UTF-16BE";
    } else if (has_escape(bytes, len)) {
        name = "ISO-2022-JP";
    } else if (is_utf8(bytes, len)) {
        name = "UTF-8";
    } else {
        name = prefer_euc(bytes, len) > 0 ? "EUC-JP" : "CP932";
    }
    return name;
}

const char *kr_charset_detect(const void *bytes, size_t len)
{
    return detect(bytes, len);
}

static bool same_name(const char *a, const char *b)
{
    size_t i = 0;
    while (a[i] != 0 && (a[i] >= 'A' && a[i] <= 'Z' ? a[i] | 0x20 : a[i]) == b[i]) {
        i++;
    }
    return a[i] == b[i];
}

/* What to read the bytes as. A name that the bytes belie (7-bit names over 8-bit text) is not believed. */
static const char *choose(const char *charset, const uint8_t *bytes, size_t len)
{
    const char *name = charset;
    for (size_t i = 0; charset != NULL && i < sizeof names / sizeof names[0]; i++) {
        name = same_name(charset, names[i].name) ? names[i].read_as : name;
    }
    const bool belied = name != NULL && ((strcmp(name, "UTF-8") == 0 && !is_utf8(bytes, len)) ||
                                         (strcmp(name, "UTF-8") == 0 && has_escape(bytes, len)) ||
                                         (strcmp(name, "ISO-2022-JP") == 0 && ascii_run(bytes, len) < len));
    return name == NULL || name[0] == 0 || belied ? detect(bytes, len) : name;
}

static enum kr_err convert_named(struct out *out, const char *name, const uint8_t *bytes, size_t len, struct kr_error *error)
{
    enum kr_err err = KR_OK;
    struct japanese state = {.out = out, .cp932 = (iconv_t)-1, .euc = (iconv_t)-1};
    iconv_t other = (iconv_t)-1;
    const bool jis = strcmp(name, "ISO-2022-JP") == 0, euc = strcmp(name, "EUC-JP") == 0;

    if (strcmp(name, "UTF-8") == 0) {
        from_utf8(out, bytes, len);
        goto out;
    }
    if (jis || euc) {
        state.cp932 = iconv_open("UTF-8", "CP932");
        state.euc = iconv_open("UTF-8", "EUC-JP-MS");
        if (state.cp932 == (iconv_t)-1 || state.euc == (iconv_t)-1) {
            err = kr_fail(error, KR_SYSTEM, "the C library lacks CP932 or EUC-JP-MS: install its character sets");
        } else if (jis) {
            from_iso_2022_jp(&state, bytes, len);
        } else {
            from_euc_jp(&state, bytes, len);
        }
        goto out;
    }
    other = iconv_open("UTF-8", name);
    if (other == (iconv_t)-1) {
        err = kr_fail(error, KR_INVALID, "unknown character set %.40s", name);
        goto out;
    }
    convert(out, other, bytes, len);
out:
    if (state.cp932 != (iconv_t)-1) {
        (void)iconv_close(state.cp932);
    }
    if (state.euc != (iconv_t)-1) {
        (void)iconv_close(state.euc);
    }
    if (other != (iconv_t)-1) {
        (void)iconv_close(other);
    }
    out->failed = out->failed || state.sjis.failed;
    free(state.sjis.bytes);
    return err;
}

enum kr_err kr_charset_to_utf8(const void *bytes, size_t len, const char *charset, char **ret_text, size_t *ret_len,
                               char ret_name[static KR_CHARSET_NAME_BYTES], struct kr_error *error)
{
    enum kr_err err = KR_OK;
    struct out out = {.bytes = NULL};
    const uint8_t *from = len > 0 ? bytes : (const uint8_t *)"";
    const char *name = choose(charset, from, len);

    if (len > KR_FORMATS_BYTES_MAX) {
        err = kr_fail(error, KR_BOUNDS, "a text has at most %u MiB", KR_FORMATS_BYTES_MAX / KR_MIB);
        goto out;
    }
    if (strcmp(name, "UTF-8") == 0 && len >= 3 && memcmp(from, "\xef\xbb\xbf", 3) == 0) {
        from += 3;
        len -= 3;
    }
    err = convert_named(&out, name, from, len, error);
    if (err != KR_OK) {
        goto out;
    }
    append(&out, "", 1);
    if (out.failed) {
        err = KR_NOMEM;
        goto out;
    }
    out.len--;
    for (char *nul = memchr(out.bytes, 0, out.len); nul != NULL; nul = memchr(nul, 0, (size_t)(out.bytes + out.len - nul))) {
        *nul = ' ';
    }
    (void)snprintf(ret_name, KR_CHARSET_NAME_BYTES, "%s", name);
    *ret_text = out.bytes;
    *ret_len = out.len;
    out.bytes = NULL;
out:
    free(out.bytes);
    return err;
}
