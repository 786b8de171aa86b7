#include "tools/formats/own.h"

#include <string.h>

#define BLOCK_LINES_MAX   15u
#define LINE_BYTES_MAX    512u /* of a line in a signature */
#define HEADING_LINES_MAX 8u
#define RULE_SIGNS_MIN    5u
/* Between a word like TEL and the number. */
#define NUMBER_WITHIN 32u

void kr_own_init(struct kr_own *own, const char *text, size_t len)
{
    own->text = text;
    own->len = len;
    own->block_end = 0;
    own->lines_under = 0;
}

static size_t line_end(const struct kr_own *own, size_t start)
{
    const char *stop = start < own->len ? memchr(own->text + start, '\n', own->len - start) : NULL;
    return stop != NULL ? (size_t)(stop - own->text) : own->len;
}

/* A line of nothing but one sort of signs: ───, ━━━, ====, ****, -----, ・・・. */
static bool is_rule(const char *line, size_t len)
{
    const uint8_t *text = (const uint8_t *)line;
    size_t signs = 0, used;
    bool ok = true;
    for (size_t i = 0; i < len && ok; i += used) {
        const uint32_t point = kr_utf8_decode(text + i, len - i, &used);
        const bool blank = point == ' ' || point == '\t' || point == '\r' || point == 0x3000;
        const bool ascii = point < 0x80 && point > ' ' && strchr("-=_*~+#", (int)point) != NULL;
        const bool other = (point >= 0x2500 && point <= 0x25ff) || (point >= 0x2010 && point <= 0x2015) || point == 0x30fc ||
                           point == 0x30fb || point == 0xff0d || point == 0xff1d || point == 0xff3f || point == 0xff0a ||
                           point == 0xff5e || point == 0x2606 || point == 0x2605;
        ok = blank || ascii || other;
        signs += ascii || other;
    }
    return ok && signs >= RULE_SIGNS_MIN;
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* Whether `word` (three small letters or more), with no letter behind it and a digit soon, begins at `at`. */
static bool has_number_word(const char *text, size_t len, size_t at, const char *word)
{
    size_t i = at;
    while (*word != 0 && i < len && (text[i] | 0x20) == *word) {
        word++;
        i++;
    }
    bool found = *word == 0 && i < len && !is_alnum(text[i]), digit = false;
    for (size_t end = i + NUMBER_WITHIN; found && !digit && i < len && i < end; i++) {
        digit = text[i] >= '0' && text[i] <= '9';
    }
    return digit;
}

static const char *const words[] = {"問い合わせ", "問合せ", "問合わせ", "問いあわせ", "連絡先", "連絡窓口", NULL};

static bool has_word(const char *text, size_t len)
{
    bool found = false;
    for (size_t w = 0; words[w] != NULL && !found; w++) {
        found = memmem(text, len, words[w], strlen(words[w])) != NULL;
    }
    return found;
}

/* Nearly no line has one, and every line is asked: no branches within, so that it costs a few instructions a vector. */
static bool may_have_number_word(const char *text, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i + 2 < len; i++) {
        const uint8_t a = (uint8_t)text[i] | 0x20, b = (uint8_t)text[i + 1] | 0x20, c = (uint8_t)text[i + 2] | 0x20;
        any |= (uint8_t)(((a == 't') & (b == 'e') & (c == 'l')) | ((a == 'f') & (b == 'a') & (c == 'x')) |
                         ((a == 'p') & (b == 'h') & (c == 'o')));
    }
    return any != 0;
}

static bool has_number(const char *text, size_t len)
{
    bool found = false, inside = false;
    for (size_t i = 0; i < len && !found; i++) {
        found = !inside && (has_number_word(text, len, i, "tel") || has_number_word(text, len, i, "fax") ||
                            has_number_word(text, len, i, "phone"));
        inside = is_alnum(text[i]);
    }
    return found;
}

/* A telephone number that is announced as one, or a word for contacting. */
static bool has_cue(const char *text, size_t len)
{
    bool found = may_have_number_word(text, len) && has_number(text, len);
    uint8_t high = 0;
    for (size_t i = 0; i < len; i++) {
        high |= (uint8_t)text[i];
    }
    if (!found && high >= 0x80) {
        const char *telephone = memmem(text, len, "電話", strlen("電話"));
        for (const char *i = telephone; i != NULL && !found && i < text + len && i < telephone + NUMBER_WITHIN; i++) {
            found = *i >= '0' && *i <= '9';
        }
        found = found || has_word(text, len);
    }
    return found;
}

/* A short line that ends in such a word: what follows, up to an empty line, belongs to it. */
static bool is_heading(const char *text, size_t len)
{
    static const char *const closers[] = {"）", "】", "〕", "』", "」", "：", ")", "]", ">", ":", " ", "\r", "先", "窓口", NULL};
    bool more = true;
    size_t end = len;
    while (more && end > 0) {
        more = false;
        for (size_t c = 0; closers[c] != NULL && !more; c++) {
            const size_t closer = strlen(closers[c]);
            more = end >= closer && memcmp(text + end - closer, closers[c], closer) == 0;
            end -= more ? closer : 0;
        }
    }
    bool heading = false;
    for (size_t w = 0; words[w] != NULL && !heading && len <= 90; w++) {
        /* The closers take "先" and "窓口" off the words too, so compare what is left of both. */
        size_t word = strlen(words[w]);
        word -= strcmp(words[w], "連絡先") == 0 ? strlen("先") : strcmp(words[w], "連絡窓口") == 0 ? strlen("窓口") : 0;
        heading = end >= word && memcmp(text + end - word, words[w], word) == 0 && end < len;
    }
    return heading;
}

/* The end of a block between the rule that ends at `start` and the next one or the end of the text; 0 where it is too long or
 * nothing in it is a contact. */
static size_t signature_end(struct kr_own *own, size_t start)
{
    size_t at = start, result = 0;
    bool cue = false;
    for (unsigned line = 0; line < BLOCK_LINES_MAX && result == 0; line++) {
        const size_t end = line_end(own, at);
        const bool over = at >= own->len || is_rule(own->text + at, end - at);
        if (!over && !cue && end - at <= LINE_BYTES_MAX) {
            kr_fold_line(&own->ahead, own->text + at, end - at, false);
            cue = has_cue((const char *)own->ahead.text, own->ahead.len);
        }
        result = over ? (at < own->len ? at : own->len) : 0;
        at = end < own->len ? end + 1 : own->len;
    }
    return cue ? result : 0;
}

bool kr_own_line(struct kr_own *own, size_t start, size_t end, const struct kr_fold *fold)
{
    const char *line = own->text + start;
    const char *text = (const char *)fold->text;
    const bool empty = end - start == 0 || (end - start == 1 && line[0] == '\r');
    const bool marker = end - start >= 3 && memcmp(line, "-- ", 3) == 0 && (end - start == 3 || line[3] == '\r');
    bool mine = start < own->block_end;

    if (marker) {
        own->block_end = own->len;
        mine = true;
    } else if (!mine && is_rule(line, end - start)) {
        own->block_end = signature_end(own, end < own->len ? end + 1 : own->len);
    }
    if (empty) {
        own->lines_under = 0;
    } else if (has_cue(text, fold->len)) {
        own->lines_under = is_heading(text, fold->len) ? HEADING_LINES_MAX : own->lines_under;
        mine = true;
    } else if (own->lines_under > 0) {
        own->lines_under--;
        mine = true;
    }
    return mine;
}
