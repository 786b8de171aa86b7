#include "tools/formats/scan.h"

#include <string.h>

#include "tools/formats/names.h"

/* A longer word is nothing that we look for. */
#define WORD_BYTES_MAX 600u

enum kr_char kr_scan_wide_char(const uint8_t *text, size_t len, size_t *ret_len)
{
    const uint32_t point = kr_utf8_decode(text, len, ret_len);
    const bool mask = (point >= 0x2580 && point <= 0x25ff) || point == 0x3007 || point == 0xd7 || point == 0x2022 ||
                      point == 0x2b24 || point == 0x2b1b || point == 0x2715 || point == 0x2716;
    const bool letter = (point >= 0xc0 && point != 0xf7 && point < 0x2000) || (point >= 0x3005 && point <= 0x3006) ||
                        (point >= 0x3041 && point <= 0x3096) || (point >= 0x3099 && point <= 0x309e) ||
                        (point >= 0x30a1 && point <= 0x30fa) || (point >= 0x30fc && point <= 0x312f) ||
                        (point >= 0x3131 && point <= 0x318e) || (point >= 0x3400 && point <= 0x9fff) ||
                        (point >= 0xa000 && point <= 0xd7ff) || (point >= 0xf900 && point <= 0xfaff) ||
                        (point >= 0xff66 && point <= 0xff9f) || (point >= 0x10000 && point <= 0x3ffff);
    return mask ? KR_CHAR_MASK : letter ? KR_CHAR_LETTER : KR_CHAR_NONE;
}

bool kr_scan_emit(struct kr_scan *scan, uint32_t type, const char *text, size_t len, size_t from, size_t to)
{
    struct kr_candidate *candidate = &scan->candidate;
    const bool ok = kr_indicator_parse(type, text, len, &candidate->indicator, NULL) == KR_OK;
    if (ok) {
        candidate->offset = kr_fold_origin(scan->fold, from);
        candidate->len = kr_fold_origin(scan->fold, to) - candidate->offset;
        candidate->defanged = candidate->defanged || kr_fold_is_marked(scan->fold, from, to);
        scan->found(scan->context, candidate);
    }
    candidate->defanged = candidate->guessed = false;
    return ok;
}

struct word {
    size_t start, end;
    bool dot, mask, letters /* beyond ASCII */, hex, too_long;
};

static bool is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* "(1)" in "invoice(1).doc": a parenthesis that a file's extension follows belongs to the word. */
static size_t numbered(const uint8_t *text, size_t len)
{
    size_t i = 1, used = 0;
    while (i < len && i < 24 && text[i] != ')' && text[i] != '(' && text[i] != '.') {
        i++;
    }
    if (i < len && text[i] == ')' && text[i + 1] == '.') {
        size_t extension = i + 2;
        while (kr_scan_is_alnum(text[extension])) {
            extension++;
        }
        used = kr_names_is_extension(text + i + 2, extension - i - 2) ? i + 1 : 0;
    }
    return used;
}

static struct word read_word(const struct kr_fold *fold, size_t from, size_t to, bool ascii)
{
    struct word word = {.start = from, .end = from, .hex = true};
    bool more = true;
    while (more && word.end < to) {
        size_t used;
        const uint8_t *text = fold->text + word.end;
        const enum kr_char kind = kr_scan_char(text, to - word.end, &used);
        if (kind == KR_CHAR_NONE && text[0] == '(' && word.end > from) {
            used = numbered(text, to - word.end);
            more = used > 0;
        } else {
            more = kind != KR_CHAR_NONE && !(ascii && text[0] >= 0x80);
        }
        if (more) {
            word.dot = word.dot || text[0] == '.';
            word.mask = word.mask || kind == KR_CHAR_MASK;
            word.letters = word.letters || kind == KR_CHAR_LETTER;
            word.hex = word.hex && is_hex(text[0]);
            word.end += used;
            word.too_long = word.end - from > WORD_BYTES_MAX;
            more = !word.too_long;
        }
    }
    return word;
}

bool kr_scan_follows(const struct kr_fold *fold, size_t from, const char *const *words)
{
    bool found = false;
    while (from > 0 && (fold->text[from - 1] == ' ' || fold->text[from - 1] == ':' || fold->text[from - 1] == '\t')) {
        from--;
    }
    for (size_t w = 0; words[w] != NULL && !found; w++) {
        const size_t len = strlen(words[w]);
        found = len <= from;
        for (size_t i = 0; i < len && found; i++) {
            const uint8_t c = fold->text[from - len + i];
            found = (c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c) == (uint8_t)words[w][i];
        }
    }
    return found;
}

/* "TLP" and what follows: up to two words in capitals or small letters, joined by '+', '-' or a blank. */
static size_t match_label(struct kr_scan *scan, size_t from)
{
    const uint8_t *text = scan->fold->text;
    size_t i = from + 3, end = 0;
    const bool marked = text[i] == ':';
    while (text[i] == ':' || text[i] == ' ' || text[i] == '-' || text[i] == '_') {
        i++;
    }
    char label[32] = "TLP:";
    size_t len = 4;
    bool capitals = true;
    for (end = i; kr_scan_is_alnum(text[end]) && len < 16; end++) {
        capitals = capitals && text[end] >= 'A' && text[end] <= 'Z';
        label[len++] = (char)text[end];
    }
    size_t more = end;
    while (text[more] == '+' || text[more] == ' ' || text[more] == '-' || text[more] == '_') {
        more++;
    }
    bool strict = more > end;
    for (size_t k = 0; k < 6 && strict; k++) {
        strict = (text[more + k] & 0xdf) == (uint8_t) "STRICT"[k];
    }
    if (strict) {
        memcpy(label + len, "+STRICT", 7);
        len += 7;
        end = more + 6;
    }
    enum kr_label found;
    const size_t bare = marked && capitals && len >= 4 + 3 ? 0 : 4;
    /* Behind "TLP:" an unknown word in capitals is a label that we do not know; elsewhere it is prose. */
    const bool ok = len > 4 && kr_label_parse(label + bare, len - bare, &found) == KR_OK;
    if (ok) {
        scan->labelled(scan->context, found);
    }
    return ok ? end : 0;
}

static bool has_hash_length(size_t len)
{
    return len == 32 || len == 40 || len == 64 || len == 128;
}

static size_t match_hash(struct kr_scan *scan, size_t from, size_t to)
{
    static const char *const imphash[] = {"imphash", NULL}, *const ja3[] = {"ja3", "ja3s", NULL};
    const uint8_t *text = scan->fold->text;
    size_t letters = 0, end = to;
    for (size_t i = from; i < to; i++) {
        letters += text[i] > '9';
    }
    if (letters > 0) { /* digits only: a number of another kind */
        uint32_t type = KR_INDICATOR_ANY;
        if (to - from == 32) {
            type = kr_scan_follows(scan->fold, from, imphash) ? KR_INDICATOR_IMPHASH
                   : kr_scan_follows(scan->fold, from, ja3)   ? KR_INDICATOR_JA3
                                                              : type;
        }
        (void)kr_scan_emit(scan, type, (const char *)text + from, to - from, from, to);
        /* Lists put the file's name behind its hash. */
        size_t rest = to;
        while (text[rest] == ' ' || text[rest] == '\t' || text[rest] == '*') {
            rest++;
        }
        const size_t name = rest > to ? kr_match_rest_filename(scan, rest) : 0;
        end = name > 0 ? name : to;
    }
    return end;
}

/* CVE-2024-12345 and AS64500. Short numbers behind "AS" are products (AS400) unless something says otherwise. */
static size_t match_number(struct kr_scan *scan, const struct word *word)
{
    static const char *const cues[] = {"asn", "as番号", "autonomous system", NULL};
    const uint8_t *text = scan->fold->text + word->start;
    const size_t len = word->end - word->start;
    size_t end = 0;
    if (len >= 13 && (text[0] & 0xdf) == 'C' && text[3] == '-') {
        size_t id = 9;
        while (id < len && text[id] >= '0' && text[id] <= '9') {
            id++;
        }
        if (!kr_scan_is_alnum(text[id]) &&
            kr_scan_emit(scan, KR_INDICATOR_CVE, (const char *)text, id, word->start, word->start + id)) {
            end = word->start + id;
        }
    } else if (text[0] == 'A' && text[1] == 'S' && text[2] >= '0' && text[2] <= '9' &&
               (len >= 6 || kr_scan_follows(scan->fold, word->start, cues)) &&
               kr_scan_emit(scan, KR_INDICATOR_ASN, (const char *)text, len, word->start, word->end)) {
        end = word->end;
    }
    return end;
}

static bool is_hive(const uint8_t *text, size_t len)
{
    return len >= 3 && (text[0] & 0xdf) == 'H' && (text[1] & 0xdf) == 'K';
}

/* What the sign behind a word says about it. */
static size_t match_by_sign(struct kr_scan *scan, const struct word *word)
{
    const uint8_t *text = scan->fold->text;
    const size_t len = word->end - word->start;
    const uint8_t *sign = text + word->end;
    size_t end = 0;
    if (sign[0] == ':' && sign[1] == '/' && sign[2] == '/') {
        end = kr_match_url(scan, word->start, word->end);
    } else if (sign[0] == ':' && sign[1] == '\\' && (len == 1 || is_hive(text + word->start, len))) {
        end = kr_match_windows_path(scan, word->start, word->end + 1);
    } else if (sign[0] == '\\' && is_hive(text + word->start, len)) {
        end = kr_match_windows_path(scan, word->start, word->end);
    } else if (sign[0] == '@') {
        end = kr_match_email(scan, word->end);
    } else if (sign[0] == ':' && word->hex) {
        end = kr_match_ipv6(scan, word->start);
    }
    return end;
}

/* Something in the word is hidden, so that what is left must not be taken for a name. Unless the signs are decoration: one bullet
 * or star in front, stars on both sides; or "*.name", which means all below it. Then the word shrinks to the name. */
static bool unwrap(const struct kr_fold *fold, struct word *word)
{
    const uint8_t *text = fold->text + word->start;
    const size_t len = word->end - word->start;
    size_t lead = 0, signs = 0, used = 1, tail = 0;
    while (lead < len && kr_scan_char(text + lead, len - lead, &used) == KR_CHAR_MASK) {
        lead += used;
        signs++;
    }
    while (tail < len - lead && text[len - 1 - tail] == '*') {
        tail++;
    }
    const bool star = text[0] == '*';
    const bool below = star && signs == 1 && text[1] == '.';
    const bool bullet = signs == 1 && tail == 0 && (!star || word->start == 0);
    const bool bold = star && signs <= 2 && tail == signs;
    const bool decoration = below || bullet || bold;
    if (decoration) {
        *word = read_word(fold, word->start + lead + below, word->end - tail, false);
    }
    return decoration && !word->mask;
}

static size_t match_name(struct kr_scan *scan, const struct word *word)
{
    const uint8_t first = scan->fold->text[word->start];
    size_t end = first >= '0' && first <= '9' ? kr_match_ipv4(scan, word->start, word->end) : 0;
    if (end == 0) {
        end = kr_match_filename(scan, word->start, word->end);
    }
    if (end == 0) {
        end = kr_match_domain(scan, word->start, word->end);
    }
    return end;
}

static size_t match_word(struct kr_scan *scan, const struct word *word)
{
    const uint8_t *text = scan->fold->text + word->start;
    const size_t len = word->end - word->start;
    size_t end = match_by_sign(scan, word);
    if (end == 0 && len >= 3 && (text[0] & 0xdf) == 'T' && (text[1] & 0xdf) == 'L' && (text[2] & 0xdf) == 'P') {
        end = match_label(scan, word->start);
    }
    if (end == 0 && word->hex && has_hash_length(len)) {
        end = match_hash(scan, word->start, word->end);
    }
    if (end == 0) {
        end = word->dot ? match_name(scan, word) : match_number(scan, word);
    }
    return end;
}

static size_t scan_word(struct kr_scan *scan, size_t at)
{
    const struct kr_fold *fold = scan->fold;
    const bool ascii = at < scan->mixed_until;
    size_t used, end = 0;
    const enum kr_char kind = kr_scan_char(fold->text + at, fold->len - at, &used);
    if (fold->text[at] == '.' || fold->text[at] == '-' || (ascii && kind == KR_CHAR_LETTER)) {
        return at + used;
    }
    struct word word = read_word(fold, at, fold->len, ascii);
    const size_t whole = word.end;
    if (word.too_long) {
        end = whole;
    } else if (word.mask) {
        end = match_by_sign(scan, &word);
        if (end == 0 && unwrap(fold, &word)) {
            scan->floor = word.start;
            end = match_word(scan, &word);
            at = word.start;
        } else if (end == 0) {
            end = kr_match_path(scan, whole);
        }
    } else {
        end = match_word(scan, &word);
    }
    if (end == 0 && word.letters) { /* nothing as a whole: now its parts in ASCII */
        scan->mixed_until = whole;
        end = at;
    } else if (end == 0) {
        end = whole;
    } else {
        scan->floor = end;
        /* In the middle of a word: what follows is the Japanese sentence. */
        scan->mixed_until = end < whole ? whole : scan->mixed_until;
    }
    return end;
}

static size_t scan_sign(struct kr_scan *scan, size_t at)
{
    const struct kr_fold *fold = scan->fold;
    const uint8_t *text = fold->text + at;
    const uint8_t before = at > 0 ? text[-1] : ' ';
    size_t used, end = 0;
    (void)kr_scan_char(text, fold->len - at, &used);
    if (text[0] == ':' && text[1] == ':' && !kr_scan_is_alnum(before)) {
        end = kr_match_ipv6(scan, at);
    } else if (text[0] == ':') {
        end = kr_match_announced(scan, at);
    } else if (text[0] == '\\') {
        end = kr_match_windows_path(scan, at, at);
    } else if (text[0] == '/' && (before <= ' ' || before == '"' || before == '\'' || before == '=' || before == '(')) {
        end = kr_match_unix_path(scan, at);
    } else if (text[0] == '"' || text[0] == '\'' || text[0] >= 0x80) {
        end = kr_match_quoted_filename(scan, at);
    }
    scan->floor = end > 0 ? end : scan->floor;
    return end > 0 ? end : at + used;
}

void kr_scan_line(struct kr_scan *scan)
{
    const struct kr_fold *fold = scan->fold;
    scan->floor = scan->mixed_until = 0;
    scan->candidate.defanged = scan->candidate.guessed = false;
    for (size_t at = 0; at < fold->len;) {
        size_t used;
        const bool word = kr_scan_char(fold->text + at, fold->len - at, &used) != KR_CHAR_NONE;
        at = word ? scan_word(scan, at) : scan_sign(scan, at);
    }
}
