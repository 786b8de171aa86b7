#include "proto/record/label.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Longer than any label; what does not fit is no label that we know. */
#define WORD_MAX 24u

const char *kr_label_name(enum kr_label label)
{
    switch (label) {
    case KR_TLP_CLEAR:
        return "TLP:CLEAR";
    case KR_TLP_GREEN:
        return "TLP:GREEN";
    case KR_TLP_AMBER:
        return "TLP:AMBER";
    case KR_TLP_AMBER_STRICT:
        return "TLP:AMBER+STRICT";
    case KR_TLP_RED:
        return "TLP:RED";
    case KR_TLP_NONE:
        break;
    }
    return "";
}

int kr_label_is_sealed(enum kr_label label)
{
    return label >= KR_TLP_AMBER;
}

/* One character of input as upper-case ASCII: full-width forms (U+FF01–U+FF5E) are folded, spaces (also U+00A0 and U+3000) become
 * 0, everything else '?', which is in no label. Returns the bytes used. */
static size_t fold(const uint8_t *at, size_t len, char *ret_char)
{
    uint32_t point = at[0];
    size_t used = 1;

    if (at[0] == 0xef && len >= 3 && (at[1] == 0xbc || at[1] == 0xbd)) {
        point = 0xf000u | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu);
        point = point >= 0xff01 && point <= 0xff5e ? point - 0xff01 + '!' : '?';
        used = 3;
    } else if (len >= 3 && memcmp(at, "\xe3\x80\x80", 3) == 0) {
        point = ' ';
        used = 3;
    } else if (len >= 2 && memcmp(at, "\xc2\xa0", 2) == 0) {
        point = ' ';
        used = 2;
    }
    if (point == ' ' || (point >= '\t' && point <= '\r')) {
        *ret_char = 0;
    } else if (point >= 'a' && point <= 'z') {
        *ret_char = (char)(point - 'a' + 'A');
    } else {
        *ret_char = point > ' ' && point < 0x7f ? (char)point : '?';
    }
    return used;
}

enum kr_err kr_label_parse(const char *text, size_t len, enum kr_label *ret_label)
{
    static const struct {
        const char *word;
        enum kr_label label;
    } words[] = {
        {"CLEAR", KR_TLP_CLEAR}, {"WHITE", KR_TLP_CLEAR}, /* TLP 1.0 */
        {"GREEN", KR_TLP_GREEN}, {"AMBER", KR_TLP_AMBER}, {"AMBER+STRICT", KR_TLP_AMBER_STRICT}, {"RED", KR_TLP_RED},
    };
    char word[WORD_MAX + 1] = {0};
    const char *bare = word;
    size_t word_len = 0;
    bool is_marked;

    for (size_t at = 0; at < len && word_len < WORD_MAX;) {
        char folded;

        at += fold((const uint8_t *)text + at, len - at, &folded);
        if (folded != 0) {
            word[word_len++] = folded;
        }
    }
    is_marked = strncmp(word, "TLP:", 4) == 0 && word[4] != 0;
    if (is_marked) {
        bare = word + 4;
    } else if (strncmp(word, "TLP", 3) == 0) {
        bare = word + 3; /* "TLP AMBER" */
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(bare, words[i].word) == 0) {
            *ret_label = words[i].label;
            return KR_OK;
        }
    }
    if (is_marked) { /* somebody wanted a restriction that we do not know: the strictest is the safe reading */
        *ret_label = KR_TLP_RED;
        return KR_OK;
    }
    return KR_UNLABELLED;
}

int kr_label_is_for_people(enum kr_label label)
{
    return label == KR_TLP_AMBER_STRICT || label == KR_TLP_RED;
}
