#include "reference.h"

#include <stdlib.h>
#include <string.h>

#include "tools/formats/fold.h"

struct text {
    const uint8_t *bytes;
    size_t len;
};

static int at(const struct text *text, size_t i)
{
    return i < text->len ? text->bytes[i] : '\n'; /* also for i = -1 */
}

static bool one_of(int c, const char *set)
{
    return c > 0 && c < 0x80 && strchr(set, c) != NULL;
}

static bool is_alnum(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_plain(int c)
{
    return is_alnum(c) || one_of(c, "._-");
}

/* `hosts`: keys of the sort "host of a URL" count; `own`: only those of the value's own type do. */
static void compare(struct reference *reference, uint32_t type, const uint8_t *text, size_t len, bool hosts, bool own)
{
    struct kr_indicator asked;
    if (kr_indicator_parse(type, (const char *)text, len, &asked, NULL) != KR_OK) {
        return;
    }
    for (size_t i = 0; i < reference->count; i++) {
        const struct kr_indicator *value = &reference->values[i];
        const bool host = value->type == KR_INDICATOR_URL && asked.type != KR_INDICATOR_URL;
        if ((!host || (hosts && !reference->no_url_hosts)) && (!own || value->type == asked.type)) {
            reference->found[i] =
                reference->found[i] || kr_indicator_matches(value->type, (struct kr_slice){value->value, value->len}, asked.type,
                                                            (struct kr_slice){asked.value, asked.len});
        }
    }
}

/* The scheme whose "://" ends at the authority that has the host at `from`; false where there is none. */
static bool find_scheme(const struct text *text, size_t from, char scheme[32], size_t *ret_authority)
{
    size_t authority = from;
    if (at(text, from - 1) == '@') {
        while (authority > 0 && from - authority < 128 && at(text, authority - 1) > ' ' && at(text, authority - 1) != 0x7f &&
               !one_of(at(text, authority - 1), "/\\\"'<>()[]{}|`^")) {
            authority--;
        }
    }
    size_t colon = 0, len = 0;
    if (authority >= 3 && memcmp(text->bytes + authority - 3, "://", 3) == 0) {
        colon = authority - 3;
    } else if (authority >= 5 && memcmp(text->bytes + authority - 5, ":\\/\\/", 5) == 0) {
        colon = authority - 5;
    } else {
        return false;
    }
    size_t begin = colon;
    while (begin > 0 && colon - begin < 16 && (is_alnum(at(text, begin - 1)) || one_of(at(text, begin - 1), "+-."))) {
        begin--;
    }
    while (begin < colon && (!is_alnum(at(text, begin)) || one_of(at(text, begin), "0123456789"))) {
        begin++;
    }
    for (; begin + len < colon; len++) {
        scheme[len] = (char)(at(text, begin + len) | 0x20);
        scheme[len] = one_of(at(text, begin + len), "+-.0123456789") ? (char)at(text, begin + len) : scheme[len];
    }
    scheme[len] = 0;
    if (len >= 4 && (memcmp(scheme, "hxxp", 4) == 0 || memcmp(scheme, "hxtp", 4) == 0 || memcmp(scheme, "htxp", 4) == 0) &&
        (scheme[4] == 0 || strcmp(scheme + 4, "s") == 0)) {
        scheme[1] = scheme[2] = 't';
    }
    if (strcmp(scheme, "fxp") == 0 || strcmp(scheme, "fxps") == 0) {
        scheme[1] = 't';
    }
    *ret_authority = authority;
    return len > 0;
}

static void url(struct reference *reference, const struct text *text, const char *scheme, size_t authority, size_t end)
{
    uint8_t joined[8192];
    size_t len = strlen(scheme);
    memcpy(joined, scheme, len);
    memcpy(joined + len, "://", 3);
    len += 3;
    for (size_t i = authority; i < end; i++) {
        if (!(at(text, i) == '\\' && i + 1 < end && at(text, i + 1) == '/')) {
            joined[len++] = (uint8_t)at(text, i);
        }
    }
    compare(reference, KR_INDICATOR_URL, joined, len, false, true);
}

/* With every end that the URL may have. */
static void urls(struct reference *reference, const struct text *text, const char *scheme, size_t authority, size_t host_end)
{
    bool beyond = false;
    for (size_t end = host_end;; end++) {
        const int c = at(text, end);
        const bool stop = end >= text->len || c <= ' ' || one_of(c, "\"<>\x7f");
        if (stop || one_of(c, ")]}([{',;|`^*") || (c == '\\' && at(text, end + 1) != '/') || (c >= 0x80 && !beyond)) {
            size_t trimmed = end;
            url(reference, text, scheme, authority, end);
            while (trimmed > host_end && one_of(at(text, trimmed - 1), ".,;:!?")) {
                trimmed--;
            }
            url(reference, text, scheme, authority, trimmed);
        }
        beyond = beyond || c >= 0x80;
        if (stop) {
            break;
        }
    }
}

static void host(struct reference *reference, const struct text *text, uint32_t type, size_t from, size_t to, size_t word,
                 size_t end)
{
    char scheme[32];
    size_t authority;
    const bool has_scheme = find_scheme(text, from, scheme, &authority);
    compare(reference, type, text->bytes + word, end - word, !has_scheme, false);
    if (at(text, to) == '%') {
        /* The host goes on, in other words. */
    } else if (has_scheme) {
        urls(reference, text, scheme, authority, to);
    } else {
        size_t path = to;
        if (at(text, path) == ':') {
            path++;
            while (at(text, path) >= '0' && at(text, path) <= '9') {
                path++;
            }
        }
        if (at(text, path) == '/' || (at(text, path) == '\\' && at(text, path + 1) == '/')) {
            urls(reference, text, "http", from, path);
            urls(reference, text, "https", from, path);
        }
    }
}

static void word(struct reference *reference, const struct text *text, size_t from, size_t to)
{
    while (from < to && one_of(at(text, from), ".-")) {
        from++;
    }
    while (to > from && one_of(at(text, to - 1), ".-")) {
        to--;
    }
    const size_t len = to - from;
    size_t hex = 0, digits = 0, dots = 0;
    for (size_t i = from; i < to; i++) {
        hex += is_hex(at(text, i));
        digits += one_of(at(text, i), "0123456789");
        dots += at(text, i) == '.';
    }
    if (len == 0) {
        return;
    }
    if (hex == len && (len == 32 || len == 40 || len == 64 || len == 128)) {
        for (uint32_t type = 1; type <= KR_INDICATOR_TYPE_MAX; type++) {
            if ((type >= KR_INDICATOR_MD5 && type <= KR_INDICATOR_IMPHASH) || type == KR_INDICATOR_JA3) {
                compare(reference, type, text->bytes + from, len, false, true);
            }
        }
    }
    if (dots > 0) {
        host(reference, text, digits + dots == len && dots == 3 ? KR_INDICATOR_IPV4 : KR_INDICATOR_DOMAIN, from, to, from, to);
    }
    if (at(text, from - 1) == '@') {
        size_t local = from - 1;
        for (bool more = true; more;) {
            while (local > 0 && from - 1 - local < 64 && (is_plain(at(text, local - 1)) || at(text, local - 1) == '+')) {
                local--;
            }
            compare(reference, KR_INDICATOR_EMAIL, text->bytes + local, to - local, false, true);
            more = local > 0 && from - 1 - local < 64 &&
                   (at(text, local - 1) >= 0x80 || one_of(at(text, local - 1), "!#$%&'*/=?^`{|}~"));
            local -= more;
        }
    }
}

/* A letter of two bytes (é, я) belongs to the word beside it. */
static bool separates(const struct text *text, size_t i, bool before)
{
    for (int back = 0; before && back < 3 && i > 0 && (at(text, i) & 0xc0) == 0x80; back++) {
        i--;
    }
    return !(at(text, i) >= 0xc2 && at(text, i) <= 0xdf);
}

static void walk(struct reference *reference, const struct text *text, bool percent);

static void odd_word(struct reference *reference, const struct text *text, size_t from, size_t to)
{
    uint8_t decoded[4096];
    size_t len = 0;
    if (memchr(text->bytes + from, '%', to - from) != NULL) {
        for (size_t i = from; i < to; i++) {
            decoded[len] = (uint8_t)at(text, i);
            if (at(text, i) == '%' && i + 2 < to && is_hex(at(text, i + 1)) && is_hex(at(text, i + 2))) {
                const char hex[3] = {(char)at(text, i + 1), (char)at(text, i + 2), 0};
                decoded[len] = (uint8_t)strtoul(hex, NULL, 16);
                i += 2;
            }
            len++;
        }
        char scheme[32];
        size_t authority;
        if (find_scheme(text, from, scheme, &authority)) {
            urls(reference, text, scheme, authority, to);
        }
        walk(reference, &(struct text){decoded, len}, true);
        return;
    }
    bool beyond = false;
    for (size_t i = from; i < to; i++) {
        beyond = beyond || at(text, i) >= 0x80;
    }
    if (beyond) {
        word(reference, text, from, to); /* as an internationalised name */
    }
    for (size_t i = from; i < to; i++) {
        size_t end = i;
        while (end < to && is_plain(at(text, end))) {
            end++;
        }
        if (end > i && (i == from || separates(text, i - 1, true)) && (end == to || separates(text, end, false))) {
            word(reference, text, i, end);
        }
        i = end;
    }
}

static void addresses(struct reference *reference, const struct text *text)
{
    for (size_t i = 0; i < text->len; i++) {
        size_t from = i, to = i, colons = 0;
        while (is_hex(at(text, to)) || one_of(at(text, to), ":.")) {
            colons += at(text, to) == ':';
            to++;
        }
        i = to;
        const int before = at(text, from - 1), behind = at(text, to);
        if (colons < 2 || is_plain(behind)) {
            continue;
        }
        const bool led = at(text, from) == ':' && at(text, from + 1) != ':';
        if (is_plain(before) && !led) {
            continue;
        }
        from += led;
        while (to > from && at(text, to - 1) == '.') {
            to--;
        }
        to -= to - from >= 2 && at(text, to - 1) == ':' && at(text, to - 2) != ':';
        colons = 0;
        for (size_t k = from; k < to; k++) {
            colons += at(text, k) == ':';
        }
        if (colons < 2) {
            continue;
        }
        struct kr_indicator address;
        size_t end = to;
        if (kr_indicator_parse(KR_INDICATOR_IPV6, (const char *)text->bytes + from, end - from, &address, NULL) != KR_OK) {
            while (end > from && one_of(at(text, end - 1), "0123456789")) {
                end--;
            }
            end = end > from && end < to && at(text, end - 1) == '.' ? end - 1 : from;
        }
        if (end > from &&
            kr_indicator_parse(KR_INDICATOR_IPV6, (const char *)text->bytes + from, end - from, &address, NULL) == KR_OK) {
            const bool bracket = at(text, from - 1) == '[' && at(text, end) == ']';
            host(reference, text, KR_INDICATOR_IPV6, from - bracket, end + bracket, from, end);
        }
    }
}

/* `percent`: signs of per cent separate. */
static void walk(struct reference *reference, const struct text *text, bool percent)
{
    for (size_t i = 0; i < text->len; i++) {
        size_t end = i;
        bool odd = false;
        while (end < text->len && (is_plain(at(text, end)) || at(text, end) >= 0x80 || (!percent && at(text, end) == '%'))) {
            odd = odd || at(text, end) >= 0x80 || at(text, end) == '%';
            end++;
        }
        if (end > i && odd) {
            odd_word(reference, text, i, end);
        } else if (end > i) {
            word(reference, text, i, end);
        }
        i = end;
    }
    addresses(reference, text);
}

static bool is_defanged(const struct text *text)
{
    bool is = false;
    for (size_t i = 1; i < text->len && !is; i++) {
        const int fence = at(text, i - 1), c = at(text, i) | 0x20;
        if (one_of(fence, "[({")) {
            is = one_of(at(text, i), ".:@/") || (c == 'd' && one_of(at(text, i + 1), "oO0") && (at(text, i + 2) | 0x20) == 't') ||
                 (c == 'a' && (at(text, i + 1) | 0x20) == 't' && !is_alnum(at(text, i + 2)));
        } else if (fence == '\\') {
            is = at(text, i) == '.' && is_alnum(at(text, i - 2)) && is_alnum(at(text, i + 1));
        }
    }
    return is;
}

void reference_line(struct reference *reference, const uint8_t *line, size_t len)
{
    const struct text text = {line, len};
    walk(reference, &text, false);
    if (is_defanged(&text)) {
        struct kr_fold *fold = malloc(sizeof *fold);
        KR_ASSERT(fold != NULL);
        kr_fold_line(fold, (const char *)line, len, false);
        if (!fold->plain) {
            walk(reference, &(struct text){fold->text, fold->len}, true);
        }
        free(fold);
    }
}
