/* Words that the inner loop hands over: odd ones are decoded and looked through; of all that the filter lets pass, the chains say
 * whether it is worth reading. */
#include <stdlib.h>
#include <string.h>

#include "tools/formats/fold.h"
#include "tools/scan/classes.h"
#include "tools/scan/part.h"

#define DEFANG_BEFORE 256u
#define DEFANG_BEHIND 768u

#define HASH_DIGITS_MIN 32u

#define FEW 16u /* specials, that are sorted by hand */

static uint8_t at(const struct kr_part *part, size_t i)
{
    return i < part->len ? part->text[i] : '\n';
}

static bool is_hex(uint8_t c)
{
    return (uint8_t)(c - '0') < 10 || (uint8_t)((c | 0x20) - 'a') < 6;
}

static bool is_ipv6(uint8_t c)
{
    return is_hex(c) || c == ':' || c == '.';
}

static void trim(const struct kr_part *part, size_t *from, size_t *to)
{
    while (*from < *to && (part->text[*from] == '.' || part->text[*from] == '-')) {
        (*from)++;
    }
    while (*to > *from && (part->text[*to - 1] == '.' || part->text[*to - 1] == '-')) {
        (*to)--;
    }
}

/* Whether one of the word's keys may be (`sure`: is) in the set. */
static bool has_any(const struct kr_sieve *sieve, const struct kr_part *part, size_t from, size_t to, bool sure)
{
    const uint8_t *word = part->text + from;
    const size_t len = to - from;
    bool found = false, dotted = false;
    uint64_t hash = 0, place = 0;
    size_t end = len;
    if (kr_sieve_is_ipv4(word, len)) {
        hash = kr_sieve_hash_word(sieve, word, len);
        return (sure ? kr_sieve_has(sieve, hash) : kr_sieve_may_have(sieve, hash) != 0) || kr_sieve_has_network(sieve, word, len);
    }
    for (size_t i = len; i-- > 0 && !found;) {
        if (word[i] == '.' || i == 0) {
            const size_t begin = word[i] == '.' ? i + 1 : i;
            if (end > begin) {
                hash += kr_key_label(&sieve->key, place, word + end, end - begin);
                found = (dotted || i == 0) && (sure ? kr_sieve_has(sieve, hash) : kr_sieve_may_have(sieve, hash) != 0);
            }
            dotted = true;
            place += KR_KEY_PLACE;
            end = i;
        }
    }
    if (!found && from > 0 && part->text[from - 1] == '@') {
        const uint8_t *at_sign = word - 1;
        size_t tail = 0;
        while (tail < 64 && tail + 1 < from && kr_sieve_is_local(at_sign[-1 - (ptrdiff_t)tail])) {
            tail++;
        }
        hash = kr_sieve_hash_email(sieve, hash, at_sign, tail);
        found = sure ? kr_sieve_has(sieve, hash) : kr_sieve_may_have(sieve, hash) != 0;
    }
    return found;
}

void kr_word_confirm(struct kr_sweep *sweep, const struct kr_part *part, size_t from, size_t to)
{
    if (has_any(sweep->sieve, part, from, to, true)) {
        kr_read_word(sweep, part, from, to);
    }
}

static void check_plain(struct kr_sweep *sweep, const struct kr_part *part, size_t from, size_t to)
{
    trim(part, &from, &to);
    if (from < to && has_any(sweep->sieve, part, from, to, false)) {
        kr_word_confirm(sweep, part, from, to);
    }
}

/* Whether the character that ends (or begins) at `i` is of a script without spaces: kana, kanji, full-width forms; what is no UTF-8
 * counts as one. Letters of two bytes (é, я) belong to the word beside them. */
static bool separates(const struct kr_part *part, size_t i, bool before)
{
    const uint8_t *text = part->text;
    size_t lead = i;
    while (before && lead > 0 && (text[lead] & 0xc0) == 0x80 && i - lead < 3) {
        lead--;
    }
    return !(text[lead] >= 0xc2 && text[lead] <= 0xdf);
}

/* The full stops of Chinese and Japanese, which may stand for dots (UTS #46 section 2.3). */
static bool has_full_stop(const uint8_t *text, size_t len)
{
    return memmem(text, len, "\xe3\x80\x82", 3) != NULL || memmem(text, len, "\xef\xbc\x8e", 3) != NULL ||
           memmem(text, len, "\xef\xbd\xa1", 3) != NULL;
}

/* Whether a name above an internationalised one may be in the set, where there is no such one itself. */
static bool has_parent(const struct kr_sieve *sieve, const struct kr_part *part, size_t from, size_t to)
{
    size_t tail = to;
    while (tail > from && part->text[tail - 1] < 0x80) {
        tail--;
    }
    while (tail < to && part->text[tail] != '.') {
        tail++;
    }
    return has_full_stop(part->text + from, to - from) || (tail + 1 < to && has_any(sieve, part, tail + 1, to, false));
}

static void check_run(struct kr_sweep *sweep, const struct kr_part *part, size_t from, size_t to)
{
    bool beyond = false;
    for (size_t i = from; i < to && !beyond; i++) {
        beyond = part->text[i] >= 0x80;
    }
    if (!beyond) {
        check_plain(sweep, part, from, to);
        return;
    }
    size_t first = from, last = to;
    trim(part, &first, &last);
    if (memchr(part->text + first, '.', last - first) != NULL &&
        (sweep->sieve->has_idn || has_parent(sweep->sieve, part, first, last))) {
        kr_read_word(sweep, part, first, last);
    }
    for (size_t i = from; i < to;) {
        size_t end = i;
        while (end < to && kr_sieve_is_word(part->text[end])) {
            end++;
        }
        if (end > i && (i == from || separates(part, i - 1, true)) && (end == to || separates(part, end, false))) {
            check_plain(sweep, part, i, end);
        }
        i = end + 1;
    }
}

void kr_word_walk(struct kr_sweep *sweep, const struct kr_part *part, size_t from, size_t to)
{
    const uint8_t *text = part->text;
    for (size_t i = from; i < to;) {
        size_t end = i;
        while (end < to && (kr_sieve_is_word(text[end]) || text[end] >= 0x80)) {
            end++;
        }
        if (end > i) {
            check_run(sweep, part, i, end);
        }
        i = end + 1;
    }
    for (size_t i = from; i < to && sweep->sieve->has_ipv6;) {
        size_t end = i;
        unsigned colons = 0;
        while (end < to && is_ipv6(text[end])) {
            colons += text[end] == ':';
            end++;
        }
        if (colons >= 2) {
            kr_word_ipv6(sweep, part, i, end);
        }
        i = end + 1;
    }
}

static int hex_value(uint8_t c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

static void decode(struct kr_sweep *sweep, const struct kr_part *part, size_t from, size_t to)
{
    struct kr_sweep_scratch *scratch = sweep->scratch;
    uint8_t *out = scratch->decoded + KR_SWEEP_PAD;
    size_t len = 0;
    bool signs = false; /* without a dot or a colon it is no name and no address */
    for (size_t i = from; i < to; len++) {
        const uint8_t *text = part->text + i;
        const bool coded = text[0] == '%' && to - i >= 3 && is_hex(text[1]) && is_hex(text[2]);
        out[len] = coded ? (uint8_t)(hex_value(text[1]) * 16 + hex_value(text[2])) : text[0];
        signs |= out[len] == '.' || out[len] == ':';
        i += coded ? 3 : 1;
    }
    memset(out + len, '\n', KR_SWEEP_PAD);
    const struct kr_part decoded = {.text = out, .len = len, .lines = part->lines, .is_decoded = true, .origin = from};
    if (from > 0 && (part->text[from - 1] == '/' || part->text[from - 1] == '@')) {
        kr_read_coded(sweep, part, from, to, out, len);
    }
    if (signs || len >= HASH_DIGITS_MIN || sweep->sieve->has_words) {
        kr_word_walk(sweep, &decoded, 0, len);
    }
}

void kr_word_check(struct kr_sweep *sweep, const struct kr_part *part, size_t from, size_t to)
{
    while (from < to) {
        const size_t end = to - from > KR_SWEEP_WORD_MAX ? from + KR_SWEEP_WORD_MAX : to;
        if (memchr(part->text + from, '%', end - from) != NULL) {
            decode(sweep, part, from, end);
        } else {
            check_run(sweep, part, from, end);
        }
        from = end;
    }
}

static void check_hash(struct kr_sweep *sweep, const struct kr_part *part, const struct kr_sweep_special *special)
{
    if (kr_sieve_may_have(sweep->sieve, special->hash) != 0 && kr_sieve_has(sweep->sieve, special->hash)) {
        kr_read_word(sweep, part, special->from, special->to);
    }
}

/* Where addresses begin and end is told from the text itself, once for each run. */
void kr_word_colons(struct kr_sweep *sweep, const struct kr_part *part, size_t first, size_t end)
{
    struct kr_sweep_scratch *scratch = sweep->scratch;
    const uint8_t *text = part->text;
    for (size_t i = first; i < end && i < part->len; i++) {
        if (text[i] == ':' && i >= scratch->colons_done) {
            size_t from = i, to = i;
            while (from > 0 && i - from < 64 && is_ipv6(text[from - 1])) {
                from--;
            }
            while (to < part->len && is_ipv6(text[to])) {
                to++;
            }
            scratch->colons_done = to;
            kr_word_ipv6(sweep, part, from, to);
        }
    }
}

void kr_word_ipv6(struct kr_sweep *sweep, const struct kr_part *part, size_t from, size_t to)
{
    const uint8_t *text = part->text;
    const uint8_t before = from > 0 ? text[from - 1] : '\n', behind = at(part, to);
    const bool led = text[from] == ':' && text[from + 1] != ':';
    from += led;
    while (to > from && text[to - 1] == '.') {
        to--;
    }
    if (to - from >= 2 && text[to - 1] == ':' && text[to - 2] != ':') {
        to--;
    }
    unsigned colons = 0;
    for (size_t i = from; i < to; i++) {
        colons += text[i] == ':';
    }
    if (colons >= 2 && to - from <= 64 && (led || !kr_sieve_is_word(before)) && !kr_sieve_is_word(behind)) {
        kr_read_ipv6(sweep, part, from, to);
    }
}

static bool has_letters(const uint8_t *text, const char *lower)
{
    size_t i = 0;
    while (lower[i] != 0 && (text[i] | 0x20) == (uint8_t)lower[i]) {
        i++;
    }
    return lower[i] == 0;
}

/* Most brackets are just brackets. */
static bool is_defanged(const struct kr_part *part, size_t place)
{
    const uint8_t *text = part->text + place;
    const uint8_t fence = text[-1], c = text[0];
    bool is = false;
    if (fence == '\\') {
        is = c == '.' && place >= 2 && kr_sieve_is_alnum(text[-2]) && kr_sieve_is_alnum(text[1]);
    } else if ((c | 0x20) == 'd') {
        is = has_letters(text, "dot") || has_letters(text, "d0t");
    } else if ((c | 0x20) == 'a') {
        is = has_letters(text, "at") && !kr_sieve_is_alnum(text[2]);
    } else {
        is = true;
    }
    return is;
}

void kr_word_defang(struct kr_sweep *sweep, const struct kr_part *part, size_t place)
{
    struct kr_sweep_scratch *scratch = sweep->scratch;
    const uint8_t *text = part->text;
    if (place == 0 || place < scratch->defang_done || !is_defanged(part, place)) {
        return;
    }
    /* Whole words of this line around the place. */
    size_t from = place, to = place;
    while (from > 0 && place - from < DEFANG_BEFORE && text[from - 1] != '\n') {
        from--;
    }
    while (from < place && from > 0 && text[from - 1] > ' ') {
        from++;
    }
    while (to < part->len && to - place < DEFANG_BEHIND && text[to] != '\n') {
        to++;
    }
    while (to > place && to < part->len && text[to] > ' ') {
        to--;
    }
    scratch->defang_done = to;
    kr_fold_line(scratch->fold, (const char *)text + from, to - from, false);
    if (!scratch->fold->plain && scratch->fold->len <= KR_SWEEP_WORD_MAX) {
        uint8_t *out = scratch->unfanged + KR_SWEEP_PAD;
        memcpy(out, scratch->fold->text, scratch->fold->len);
        memset(out + scratch->fold->len, '\n', KR_SWEEP_PAD);
        const struct kr_part unfanged = {
            .text = out, .len = scratch->fold->len, .lines = part->lines, .is_decoded = true, .origin = place};
        kr_word_walk(sweep, &unfanged, 0, unfanged.len);
    }
}

static int by_place(const void *left, const void *right)
{
    const struct kr_sweep_special *a = left, *b = right;
    return (a->from > b->from) - (a->from < b->from);
}

/* In the order of the text; most batches have two or three. */
static void sort(struct kr_sweep_special *specials, uint32_t count)
{
    if (count > FEW) {
        qsort(specials, count, sizeof specials[0], by_place);
        return;
    }
    for (uint32_t i = 1; i < count; i++) {
        const struct kr_sweep_special special = specials[i];
        uint32_t k = i;
        for (; k > 0 && specials[k - 1].from > special.from; k--) {
            specials[k] = specials[k - 1];
        }
        specials[k] = special;
    }
}

void kr_word_specials(struct kr_sweep *sweep, const struct kr_part *part)
{
    struct kr_sweep_batch *batch = sweep->scratch->batch;
    sort(batch->specials, batch->special_count);
    for (uint32_t i = 0; i < batch->special_count; i++) {
        const struct kr_sweep_special *special = &batch->specials[i];
        switch ((enum kr_sweep_sort)special->sort) {
        case KR_SWEEP_WORD:
            kr_word_confirm(sweep, part, special->from, special->to);
            break;
        case KR_SWEEP_ODD:
            kr_word_check(sweep, part, special->from, special->to);
            break;
        case KR_SWEEP_HASH:
            check_hash(sweep, part, special);
            break;
        case KR_SWEEP_FENCE:
            kr_word_defang(sweep, part, special->from);
            break;
        case KR_SWEEP_COLONS:
            kr_word_colons(sweep, part, special->from, special->to);
            break;
        }
    }
    batch->special_count = 0;
}
