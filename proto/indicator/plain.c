/* Values that are in their normal form already, as nodes and most feeds write them: told by a table, in one pass, without a call
 * into a library. It knows less than the rules in the files beside it, and never says anything else than they do. */
#include <string.h>

#include "proto/indicator/form.h"

/* A name of no more has no label of more than 63, where it has a dot. */
#define NAME_BYTES_MAX 64u

enum {
    NAME = 1,  /* may stand in a host name */
    PATH = 2,  /* stands for itself in path and query of a URL */
    MARK = 4,  /* in names only between letters and digits: neither at the ends nor two of them (which leaves out xn--) */
    DOT = 8,   /* separates labels */
    SLASH = 16 /* a dot behind it may be a segment that goes */
};
#define LOWER (NAME | PATH)

static const uint8_t kinds[256] = {
    ['0'] = LOWER,
    ['1'] = LOWER,
    ['2'] = LOWER,
    ['3'] = LOWER,
    ['4'] = LOWER,
    ['5'] = LOWER,
    ['6'] = LOWER,
    ['7'] = LOWER,
    ['8'] = LOWER,
    ['9'] = LOWER,
    ['a'] = LOWER,
    ['b'] = LOWER,
    ['c'] = LOWER,
    ['d'] = LOWER,
    ['e'] = LOWER,
    ['f'] = LOWER,
    ['g'] = LOWER,
    ['h'] = LOWER,
    ['i'] = LOWER,
    ['j'] = LOWER,
    ['k'] = LOWER,
    ['l'] = LOWER,
    ['m'] = LOWER,
    ['n'] = LOWER,
    ['o'] = LOWER,
    ['p'] = LOWER,
    ['q'] = LOWER,
    ['r'] = LOWER,
    ['s'] = LOWER,
    ['t'] = LOWER,
    ['u'] = LOWER,
    ['v'] = LOWER,
    ['w'] = LOWER,
    ['x'] = LOWER,
    ['y'] = LOWER,
    ['z'] = LOWER,
    ['_'] = LOWER,
    ['A'] = PATH,
    ['B'] = PATH,
    ['C'] = PATH,
    ['D'] = PATH,
    ['E'] = PATH,
    ['F'] = PATH,
    ['G'] = PATH,
    ['H'] = PATH,
    ['I'] = PATH,
    ['J'] = PATH,
    ['K'] = PATH,
    ['L'] = PATH,
    ['M'] = PATH,
    ['N'] = PATH,
    ['O'] = PATH,
    ['P'] = PATH,
    ['Q'] = PATH,
    ['R'] = PATH,
    ['S'] = PATH,
    ['T'] = PATH,
    ['U'] = PATH,
    ['V'] = PATH,
    ['W'] = PATH,
    ['X'] = PATH,
    ['Y'] = PATH,
    ['Z'] = PATH,
    ['~'] = PATH,
    ['='] = PATH,
    ['&'] = PATH,
    ['+'] = PATH,
    [','] = PATH,
    [';'] = PATH,
    [':'] = PATH,
    ['@'] = PATH,
    ['!'] = PATH,
    ['$'] = PATH,
    ['*'] = PATH,
    ['('] = PATH,
    [')'] = PATH,
    ['?'] = PATH,
    ['-'] = LOWER | MARK,
    ['.'] = LOWER | MARK | DOT,
    ['/'] = PATH | SLASH,
};

/* The length of the host name at the beginning of the text; 0 where there is none that is plain. */
static size_t name_length(const uint8_t *text, size_t len)
{
    unsigned any = 0, pairs = 0, before = MARK;
    size_t at = 0;
    for (; at < len && (kinds[text[at]] & NAME) != 0; at++) {
        const unsigned kind = kinds[text[at]];
        any |= kind;
        pairs |= kind & before;
        before = kind;
    }
    /* With a letter at the end the last label is no number. */
    const bool ok = at > 0 && at <= NAME_BYTES_MAX && (any & DOT) != 0 && (pairs & MARK) == 0 && text[at - 1] >= 'a';
    return ok ? at : 0;
}

/* The length of the IPv4 address at the beginning, in front of a slash. */
static size_t address_length(const uint8_t *text, size_t len)
{
    const uint8_t *slash = memchr(text, '/', len < 16 ? len : 16);
    uint8_t address[7];
    return slash != NULL && kr_form_ipv4((const char *)text, (size_t)(slash - text), address) ? (size_t)(slash - text) : 0;
}

/* http or https, a host without a port, a path. */
static bool is_url(const uint8_t *text, size_t len)
{
    if (len < 8 || len > KR_INDICATOR_BYTES_MAX || memcmp(text, "http", 4) != 0) {
        return false;
    }
    size_t at = text[4] == 's' ? 8 : 7;
    if (memcmp(text + at - 3, "://", 3) != 0) {
        return false;
    }
    const size_t name = name_length(text + at, len - at);
    const size_t host = name > 0 ? name : address_length(text + at, len - at);
    unsigned all = PATH, dots = 0, before = 0;
    at += host;
    const bool has_path = host > 0 && at < len && text[at] == '/';
    for (; at < len; at++) {
        const unsigned kind = kinds[text[at]];
        all &= kind;
        dots |= (before & SLASH) != 0 ? kind & DOT : 0;
        before = kind;
    }
    return has_path && all != 0 && dots == 0;
}

bool kr_form_plain(uint32_t type, const char *text, size_t len, struct kr_indicator *ret)
{
    const uint8_t *value = (const uint8_t *)text;
    const bool any = type == KR_INDICATOR_ANY;
    const uint32_t hash = any ? kr_form_hash_of_length(len) : KR_INDICATOR_ANY;
    uint8_t binary[64];
    if (len == 0) {
        type = KR_INDICATOR_ANY;
    } else if (hash != KR_INDICATOR_ANY && kr_form_bytes(text, len, binary)) {
        type = hash;
        value = binary;
        len /= 2;
    } else if ((any || type == KR_INDICATOR_IPV4) && kr_form_is_digit(value[len - 1]) && kr_form_ipv4(text, len, binary)) {
        type = KR_INDICATOR_IPV4;
        value = binary;
        len = 7;
    } else if ((any || type == KR_INDICATOR_URL) && is_url(value, len)) {
        type = KR_INDICATOR_URL;
    } else if ((any || type == KR_INDICATOR_DOMAIN) && name_length(value, len) == len) {
        type = KR_INDICATOR_DOMAIN;
    } else {
        type = KR_INDICATOR_ANY;
    }
    if (type != KR_INDICATOR_ANY) {
        ret->type = type;
        ret->len = (uint16_t)len;
        memcpy(ret->value, value, len);
    }
    return type != KR_INDICATOR_ANY;
}
