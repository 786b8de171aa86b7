#include "tools/formats/fold.h"

#include <string.h>

#include "tools/formats/names.h"

uint32_t kr_utf8_decode(const uint8_t *text, size_t len, size_t *ret_len)
{
    static const uint8_t first_bits[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    const uint8_t c = text[0];
    const size_t need = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    bool ok = need > 0 && need <= len;
    uint32_t point = ok ? c & first_bits[need] : 0;
    for (size_t i = 1; ok && i < need; i++) {
        ok = (text[i] & 0xc0) == 0x80;
        point = point << 6 | (text[i] & 0x3fu);
    }
    *ret_len = ok ? need : 1;
    return ok ? point : 0xfffd;
}

bool kr_fold_is_marked(const struct kr_fold *fold, size_t from, size_t to)
{
    return !fold->plain && memchr(fold->mark + from, 1, to - from) != NULL;
}

static bool is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* The ASCII character that a code point stands for; 0: invisible, to be dropped; 0x80: itself. */
static uint8_t narrow(uint32_t point)
{
    uint8_t c = 0x80;
    if (point >= 0xff01 && point <= 0xff5e) {
        c = (uint8_t)(point - 0xff01 + '!');
    } else if (point == 0x3000 || point == 0xa0 || (point >= 0x2002 && point <= 0x200a) || point == 0x202f) {
        c = ' ';
    } else if ((point >= 0x200b && point <= 0x200f) || (point >= 0x202a && point <= 0x202e) || point == 0x2060 || point == 0xfeff ||
               point == 0xad) {
        c = 0;
    } else if (point == 0x2010 || point == 0x2011) {
        c = '-';
    } else if (point == 0x2024 || point == 0xfe52) {
        c = '.';
    }
    return c;
}

static void put(struct kr_fold *fold, uint8_t byte, size_t origin)
{
    fold->text[fold->len] = byte;
    fold->at[fold->len] = (uint32_t)origin;
    fold->mark[fold->len] = 0;
    fold->len++;
}

/* Widths, controls and soft line breaks. */
static void narrow_line(struct kr_fold *fold, const uint8_t *text, size_t len, bool equals)
{
    size_t used;
    for (size_t i = 0; i < len; i += used) {
        used = 1;
        if (text[i] == '\n') {
            while (fold->len > 0 && (fold->text[fold->len - 1] == '\r' || (equals && fold->text[fold->len - 1] == '='))) {
                fold->len--;
            }
            while (i + used < len && (text[i + used] == ' ' || text[i + used] == '\t')) {
                used++;
            }
        } else if (text[i] < 0x80) {
            put(fold, text[i] >= ' ' || text[i] == '\t' || text[i] == '\r' ? text[i] : ' ', i);
        } else {
            const uint8_t c = narrow(kr_utf8_decode(text + i, len - i, &used));
            if (c == 0x80) {
                for (size_t k = 0; k < used; k++) {
                    put(fold, text[i + k], i);
                }
            } else if (c != 0) {
                put(fold, c, i);
            }
        }
    }
}

/* One of several spellings at `text`; its length, 0 where there is none. Spellings are in lower case. */
static size_t starts_with(const uint8_t *text, const char *const *spellings)
{
    size_t found = 0;
    for (size_t s = 0; spellings[s] != NULL && found == 0; s++) {
        size_t i = 0;
        while (spellings[s][i] != 0 &&
               (uint8_t)spellings[s][i] == (text[i] >= 'A' && text[i] <= 'Z' ? (uint8_t)(text[i] | 0x20) : text[i])) {
            i++;
        }
        found = spellings[s][i] == 0 ? i : 0;
    }
    return found;
}

static const char *const openers[] = {"[", "(", "{", "<", "【", "〔", "〈", "《", "〖", NULL};
static const char *const closers[] = {"]", ")", "}", ">", "】", "〕", "〉", "》", "〗", NULL};
static const char *const dots[] = {".", "dot", "d0t", "ドット", "。", "｡", NULL};
static const char *const ats[] = {"@", "at", "アットマーク", "アット", NULL};
static const char *const slashes[] = {"://", ":/", ":", "//", "/", NULL};

static size_t skip_blanks(const uint8_t *text)
{
    size_t blanks = 0;
    while (blanks < 2 && text[blanks] == ' ') {
        blanks++;
    }
    return blanks;
}

/* What is bracketed at `text` and means one of our characters; its whole length, 0 for anything else. `before` is the character in
 * front. */
static size_t bracketed(const uint8_t *text, uint8_t before, char ret_meaning[static 4])
{
    size_t at = starts_with(text, openers), closer = 0;
    char meaning[4] = "";
    if (at > 0) {
        at += skip_blanks(text + at);
        const size_t dot = starts_with(text + at, dots), sign = dot > 0 ? 0 : starts_with(text + at, ats);
        const size_t slash = dot + sign > 0 ? 0 : starts_with(text + at, slashes);
        if (dot + sign > 0) {
            meaning[0] = dot > 0 ? '.' : '@';
        } else if (slash > 0) {
            memcpy(meaning, text + at, slash);
        } else if ((text[at] | 0x20) == 's' && (before | 0x20) == 'p' && text[at + 1] == ']' && text[at + 2] == ':') {
            meaning[0] = 's'; /* http[s]:// */
        }
        at += dot + sign + slash + (meaning[0] == 's');
        at += skip_blanks(text + at);
        closer = meaning[0] != 0 ? starts_with(text + at, closers) : 0;
    }
    if (closer > 0) {
        memcpy(ret_meaning, meaning, sizeof meaning);
    }
    return closer > 0 ? at + closer : 0;
}

/* Length of " dot " where a chain of words with " dot " between them follows and ends in a name that is no English word. */
static size_t spoken_dot(const uint8_t *text)
{
    static const char *const dot[] = {" dot ", NULL};
    static const char *const ends[] = {"com",  "net",  "org", "info", "biz", "xyz",     "top",  "club",    "online",
                                       "site", "shop", "jp",  "cn",   "ru",  "example", "test", "invalid", NULL};
    size_t at = 0, words = 0, word = 0;
    bool more = true;
    while (more && words < 8) {
        const size_t len = starts_with(text + at, dot);
        more = len > 0;
        if (more) {
            at += len;
            word = at;
            while (is_alnum(text[at]) || text[at] == '-') {
                at++;
            }
            more = at > word;
            words++;
        }
    }
    bool ends_well = false;
    for (size_t i = 0; words > 0 && ends[i] != NULL && !ends_well; i++) {
        ends_well = strlen(ends[i]) == at - word && starts_with(text + word, (const char *const[]){ends[i], NULL}) > 0;
    }
    return ends_well ? 5 : 0;
}

/* Whether an address lacks but its last number: "203.0.113" stands before `end`. */
static bool lacks_number(const struct kr_fold *fold, size_t end)
{
    size_t i = end, count = 0;
    while (i > 0 && end - i < 12 && (fold->text[i - 1] == '.' || (fold->text[i - 1] >= '0' && fold->text[i - 1] <= '9'))) {
        i--;
        count += fold->text[i] == '.';
    }
    return count == 2 && (i == 0 || !is_alnum(fold->text[i - 1]));
}

static bool is_number(const uint8_t *text)
{
    size_t len = 0;
    while (text[len] >= '0' && text[len] <= '9') {
        len++;
    }
    return len > 0 && len <= 3 && !is_alnum(text[len]);
}

/* Whether the end of a name follows, or its next label: else 。 is the end of a sentence. */
static bool joins_name(const uint8_t *text)
{
    size_t len = 0;
    while (is_alnum(text[len]) || text[len] == '-') {
        len++;
    }
    const bool label = len > 0 && memcmp(text + len, "。", 3) == 0;
    return label || (kr_names_is_top_level(text, len) && text[len] != '.' && text[len] != ':' && text[len] != '@');
}

/* Within a Windows path a backslash and a dot are what they seem. */
static bool in_path(const struct kr_fold *fold, size_t end)
{
    size_t i = end;
    while (i > 0 && fold->text[i - 1] != ' ' && fold->text[i - 1] != '\t' && fold->text[i - 1] != '\\' && end - i < 256) {
        i--;
    }
    return i > 0 && fold->text[i - 1] == '\\';
}

/* What stands for something else at `r`: how many bytes, and what for. `w` bytes are written so far. */
static size_t defanged(const struct kr_fold *fold, size_t r, size_t w, char ret_meaning[static 4])
{
    const uint8_t *text = fold->text + r;
    const uint8_t before = w > 0 ? fold->text[w - 1] : 0;
    size_t took = 0;
    char meaning[4] = ".";
    if (text[0] == '\\' && text[1] == '/') {
        took = 2;
        meaning[0] = '/';
    } else if (text[0] == '\\' && text[1] == '.' && is_alnum(before) && is_alnum(text[2]) && !in_path(fold, w)) {
        took = 2;
    } else if (text[0] == ' ' && is_alnum(before)) {
        took = spoken_dot(text);
    } else if (text[0] == 0xe3 && memcmp(text, "。", 3) == 0 && is_alnum(before) &&
               (joins_name(text + 3) || (lacks_number(fold, w) && is_number(text + 3)))) {
        took = 3;
    } else if (text[0] == '.' && text[1] == ']' && is_alnum(before) && is_alnum(text[2])) {
        took = 2;
    } else if (text[0] == '[' || text[0] == '(' || text[0] == '{' || text[0] == '<' || text[0] == 0xe3) {
        took = bracketed(text, before, meaning);
        if (took == 0 && text[0] == '[' && text[1] == '.' && is_alnum(before) && is_alnum(text[2])) {
            took = 2;
        }
    }
    if (took > 0) {
        memcpy(ret_meaning, meaning, sizeof meaning);
    }
    return took;
}

static void refang(struct kr_fold *fold)
{
    size_t w = 0;
    for (size_t r = 0; r < fold->len;) {
        char meaning[4];
        /* Blanks in front of a bracket belong to it where a name precedes them. */
        size_t blanks = w > 0 && is_alnum(fold->text[w - 1]) ? skip_blanks(fold->text + r) : 0;
        size_t took = defanged(fold, r + blanks, w, meaning);
        if (took == 0 && blanks > 0) {
            blanks = 0;
            took = defanged(fold, r, w, meaning);
        }
        if (took > 0 && blanks > 0 && fold->text[r + blanks] == '<') {
            took = 0; /* a name and an address in angle brackets */
        }
        if (took > 0) {
            const bool escaped = fold->text[r] == '\\' && meaning[0] == '/'; /* JSON does that to every slash */
            for (size_t i = 0; meaning[i] != 0 && i < sizeof meaning; i++) {
                fold->text[w] = (uint8_t)meaning[i];
                fold->at[w] = fold->at[r];
                fold->mark[w++] = !escaped;
            }
            r += blanks + took;
            blanks = skip_blanks(fold->text + r);
            r += blanks > 0 && meaning[0] != '/' && is_alnum(fold->text[r + blanks]) && is_alnum(w > 1 ? fold->text[w - 2] : 0)
                     ? blanks
                     : 0;
        } else {
            fold->text[w] = fold->text[r];
            fold->at[w] = fold->at[r];
            fold->mark[w++] = fold->mark[r++];
        }
    }
    fold->len = w;
}

/* '1': an ASCII character that is not always itself. */
static const char changes[128 + 1] = "11111111101110111111111111111111"
                                     "00000000100000000000000000001000"
                                     "00000000000000000000000000011100"
                                     "00000000000000000000000000010000";

/* Whether anything in the line could change. */
static bool is_plain(const uint8_t *text, size_t len)
{
    uint8_t high = 0, odd = '0';
    for (size_t i = 0; i < len; i++) { /* every byte of every text: no branches */
        high |= text[i];
        odd |= (uint8_t)changes[text[i] & 0x7f];
    }
    bool special = odd != '0';
    const uint8_t *end = text + len, *blank = special || high >= 0x80 ? NULL : memchr(text, ' ', len);
    while (blank != NULL && !special) {
        special = end - blank > 4 && (blank[1] | 0x20) == 'd' && (blank[2] | 0x20) == 'o' && (blank[3] | 0x20) == 't';
        blank = memchr(blank + 1, ' ', (size_t)(end - blank - 1));
    }
    return !special && high < 0x80;
}

void kr_fold_line(struct kr_fold *fold, const char *text, size_t len, bool equals)
{
    fold->original = (const uint8_t *)text;
    fold->plain = is_plain(fold->original, len);
    fold->len = 0;
    if (fold->plain) {
        memcpy(fold->text, text, len);
        fold->len = len;
    } else {
        narrow_line(fold, fold->original, len, equals);
        memset(fold->text + fold->len, 0, 16);
        refang(fold);
        fold->at[fold->len] = (uint32_t)len;
    }
    memset(fold->text + fold->len, 0, 16);
}
