/* Matchers for what has a shape of its own: addresses and URLs. */
#include <string.h>

#include "tools/formats/names.h"
#include "tools/formats/scan.h"

/* Spellings of schemes, longer ones before those they end in; what they mean. */
static const struct {
    const char *spelling, *scheme;
} schemes[] = {
    {"https", "https"}, {"hxxps", "https"}, {"h**ps", "https"}, {"hxtps", "https"}, {"htxps", "https"},   {"h__ps", "https"},
    {"http", "http"},   {"hxxp", "http"},   {"h**p", "http"},   {"hxtp", "http"},   {"htxp", "http"},     {"h__p", "http"},
    {"ttps", "https"},  {"ttp", "http"},    {"sftp", "sftp"},   {"ftps", "ftps"},   {"fxps", "ftps"},     {"ftp", "ftp"},
    {"fxp", "ftp"},     {"wss", "wss"},     {"ws", "ws"},       {"tcp", "tcp"},     {"udp", "udp"},       {"smb", "smb"},
    {"ldaps", "ldaps"}, {"ldap", "ldap"},   {"rmi", "rmi"},     {"ssh", "ssh"},     {"telnet", "telnet"}, {"irc", "irc"},
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(uint8_t c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* The scheme that ends at `colon`, and whether it was written so that nobody follows the link. */
static const char *find_scheme(const struct kr_fold *fold, size_t word, size_t colon, size_t *ret_start, bool *ret_defanged)
{
    const char *scheme = NULL;
    for (size_t s = 0; s < sizeof schemes / sizeof schemes[0] && scheme == NULL; s++) {
        const size_t len = strlen(schemes[s].spelling);
        bool same = colon - word >= len;
        for (size_t i = 0; i < len && same; i++) {
            const uint8_t c = fold->text[colon - len + i];
            same = (c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c) == (uint8_t)schemes[s].spelling[i];
        }
        if (same) {
            scheme = schemes[s].scheme;
            *ret_start = colon - len;
            *ret_defanged = strcmp(scheme, schemes[s].spelling) != 0;
        }
    }
    return scheme;
}

/* How far a URL reaches, and whether something in it is hidden. */
struct reach {
    size_t end;
    bool masked;
};

/* A letter beyond ASCII belongs to a path only behind a delimiter or another such letter, and a first Hiragana never does: in
 * Japanese the sentence goes on right behind the URL ("…/loginにアクセス"). */
static bool letter_belongs(const uint8_t *text, size_t at, bool host)
{
    const uint8_t before = at > 0 ? text[at - 1] : 0;
    size_t used;
    const uint32_t point = kr_utf8_decode(text + at, 4, &used);
    const bool hiragana = point >= 0x3041 && point <= 0x309f;
    return host || before >= 0x80 || (before > ' ' && strchr("/=?&-_+.#:!~%", before) != NULL && !hiragana);
}

/* Closing signs and punctuation at the end belong to the sentence. */
static size_t trim(const uint8_t *text, size_t from, size_t end)
{
    bool more = true;
    while (more && end > from) {
        const uint8_t last = text[end - 1];
        const uint8_t open = last == ')' ? '(' : last == ']' ? '[' : last == '}' ? '{' : 0;
        more = strchr(".,;:!?'", last) != NULL;
        if (open != 0) {
            size_t opened = 0, closed = 0;
            for (size_t i = from; i < end; i++) {
                opened += text[i] == open;
                closed += text[i] == last;
            }
            more = closed > opened;
        }
        end -= more;
    }
    return end;
}

static bool starts_url(const uint8_t *text)
{
    return (text[0] | 0x20) == 'h' && (text[3] | 0x20) == 'p' && (text[4] == ':' || ((text[4] | 0x20) == 's' && text[5] == ':'));
}

/* One star in a path is a character like any other; several hide something, unless they close the stars in front (bold). */
static size_t stars(const uint8_t *text)
{
    size_t count = 0;
    while (text[count] == '*') {
        count++;
    }
    return count;
}

static struct reach reach(const struct kr_fold *fold, size_t from, bool host, bool comma_ends)
{
    const uint8_t *text = fold->text;
    struct reach reach = {.end = from};
    bool more = true;
    while (more && reach.end < fold->len) {
        size_t used;
        const size_t at = reach.end;
        const uint8_t c = text[at];
        const enum kr_char kind = kr_scan_char(text + at, fold->len - at, &used);
        host = host && c != '/' && c != '?' && c != '#';
        if (kind == KR_CHAR_WORD) {
            /* Nearly all are: no need to look further. */
        } else if (kind == KR_CHAR_MASK) {
            reach.masked = reach.masked || c != '*' || host || stars(text + at) > 1;
        } else if (kind == KR_CHAR_LETTER) {
            more = letter_belongs(text, at, host);
        } else if (c == ',') {
            more = !host && !comma_ends && !starts_url(text + at + 1);
        } else if (c >= 0x80 || c <= ' ' || strchr("\"<>`|\\", c) != NULL) {
            more = false;
        } else if (host) {
            more = strchr("(){};", c) == NULL;
        }
        reach.end += more ? used : 0;
    }
    reach.end = trim(text, from, reach.end);
    return reach;
}

size_t kr_match_path(const struct kr_scan *scan, size_t path)
{
    return reach(scan->fold, path, false, false).end;
}

/* Where a host ends whose last label turns from ASCII into other letters: there the sentence goes on. */
static size_t cut_host(const uint8_t *text, size_t from, size_t end)
{
    size_t host = from, label = from, cut = end;
    while (host < end && text[host] != '/' && text[host] != '?' && text[host] != '#' && text[host] != ':') {
        label = text[host] == '.' ? host + 1 : label;
        host++;
    }
    if (label < host && text[label] < 0x80) {
        for (size_t i = label; i < host && cut == end; i++) {
            cut = text[i] >= 0x80 ? i : cut;
        }
    }
    return cut;
}

static bool emit_url(struct kr_scan *scan, const char *scheme, size_t authority, size_t end, size_t from)
{
    char url[KR_INDICATOR_BYTES_MAX + 16];
    const size_t scheme_len = strlen(scheme), rest = end - authority;
    bool ok = rest <= KR_INDICATOR_BYTES_MAX;
    if (ok) {
        memcpy(url, scheme, scheme_len);
        memcpy(url + scheme_len, "://", 3);
        memcpy(url + scheme_len + 3, scan->fold->text + authority, rest);
        ok = kr_scan_emit(scan, KR_INDICATOR_URL, url, scheme_len + 3 + rest, from, end);
    }
    return ok;
}

size_t kr_match_url(struct kr_scan *scan, size_t word, size_t colon)
{
    const struct kr_fold *fold = scan->fold;
    size_t start = word, end = colon + 3;
    bool defanged = false;
    const char *scheme = find_scheme(fold, word, colon, &start, &defanged);
    if (scheme != NULL) {
        const bool comma_ends = start > 0 && fold->text[start - 1] == ',';
        const size_t authority = end + (fold->text[end] == '/');
        struct reach url = reach(fold, authority, true, comma_ends);
        if (start > 0 && fold->text[start - 1] == '*' && fold->text[url.end - 1] == '*') { /* **https://…** */
            while (url.end > authority && fold->text[url.end - 1] == '*') {
                url.end--;
            }
            url.masked = memchr(fold->text + authority, '*', url.end - authority) != NULL;
        }
        end = cut_host(fold->text, authority, url.end);
        scan->candidate.defanged = defanged;
        if (url.masked || !emit_url(scan, scheme, authority, end, start)) {
            scan->candidate.defanged = false;
        }
    }
    return end;
}

/* Host and path without a scheme: http is assumed. `path` is where the '/' or the ':' of a port stands. Returns `path` where there
 * is no path worth the name. */
static size_t match_bare_url(struct kr_scan *scan, size_t from, size_t path)
{
    const struct kr_fold *fold = scan->fold;
    size_t slash = path, end = path;
    if (fold->text[slash] == ':') {
        slash++;
        while (is_digit(fold->text[slash])) {
            slash++;
        }
    }
    if (fold->text[slash] == '/' && slash - path <= 6) {
        const struct reach url = reach(fold, slash, false, from > 0 && fold->text[from - 1] == ',');
        if (url.masked || url.end - from > KR_INDICATOR_BYTES_MAX) {
            end = url.end;
        } else if (url.end > slash + 1) {
            scan->candidate.guessed = true;
            end = emit_url(scan, "http", from, url.end, from) ? url.end : path;
            scan->candidate.guessed = false;
        }
    }
    return end;
}

/* Dotted quad without leading zeros; its end or 0. */
static size_t quad(const uint8_t *text, size_t from)
{
    size_t at = from;
    bool ok = true;
    for (int octet = 0; octet < 4 && ok; octet++) {
        const size_t start = at;
        unsigned value = 0;
        while (at - start < 3 && is_digit(text[at])) {
            value = value * 10 + (unsigned)(text[at++] - '0');
        }
        ok = at > start && value <= 255 && (at - start == 1 || text[start] != '0') && (octet == 3 || text[at++] == '.');
    }
    return ok ? at : 0;
}

static bool ends_number(const uint8_t *text, size_t at)
{
    const bool dot = text[at] == '.' && kr_scan_is_alnum(text[at + 1]);
    return !kr_scan_is_alnum(text[at]) && text[at] != '_' && text[at] != '*' && !dot;
}

/* The end of ":443" or "/24" at `at`; `at` itself where neither is there. */
static size_t quad_suffix(const uint8_t *text, size_t at)
{
    size_t end = at;
    const size_t digits_max = text[at] == ':' ? 5 : text[at] == '/' ? 2 : 0;
    if (digits_max > 0) {
        size_t digits = 0;
        while (digits <= digits_max && is_digit(text[at + 1 + digits])) {
            digits++;
        }
        const size_t stop = at + 1 + digits;
        const bool ok = digits > 0 && digits <= digits_max && ends_number(text, stop) && text[stop] != '/' && text[stop] != ':';
        end = ok ? stop : at;
    }
    return end;
}

size_t kr_match_ipv4(struct kr_scan *scan, size_t from, size_t to)
{
    static const char *const versions[] = {"version", "ver", "ver.",    " v",      "バージョン", "build", "release",
                                           "第",      "§",   "section", "chapter", "項",         NULL};
    const struct kr_fold *fold = scan->fold;
    const uint8_t *text = fold->text;
    const size_t address = quad(text, from);
    size_t end = 0;
    const bool range = address > 0 && text[address] == '-' && quad(text, address + 1) > 0;
    const bool starred = address == to && text[address] == '*';
    const bool goes_on = address > 0 && text[address] == '-' && kr_scan_is_alnum(text[address + 1]) && !range;
    if (address == 0 || !(ends_number(text, address) || starred) || goes_on) {
        goto out;
    }
    if (!kr_fold_is_marked(fold, from, address) && kr_scan_follows(fold, from, versions)) {
        end = address;
        goto out;
    }
    end = quad_suffix(text, address);
    if (end == address && (text[end] == '/' || text[end] == ':') && quad(text, end + 1) == 0) {
        const size_t url = match_bare_url(scan, from, end);
        if (url > end) {
            end = url;
            goto out;
        }
    }
    if (!kr_scan_emit(scan, KR_INDICATOR_IPV4, (const char *)text + from, end - from, from, end)) {
        (void)kr_scan_emit(scan, KR_INDICATOR_IPV4, (const char *)text + from, address - from, from, address);
    }
out:
    return end;
}

/* Eight pairs of digits are a serial number or a long hardware address; names out of a to f (face::cafe) are C++. */
static bool plausible_ipv6(const uint8_t *text, size_t len)
{
    size_t digits = 0, pairs = 0, run = 0, groups = 1;
    for (size_t i = 0; i <= len; i++) {
        if (i == len || text[i] == ':') {
            pairs += run == 2;
            groups += i < len;
            run = 0;
        } else {
            digits += is_digit(text[i]);
            run++;
        }
    }
    return digits > 0 && groups >= 3 && len >= 4 && pairs < 6;
}

size_t kr_match_ipv6(struct kr_scan *scan, size_t from)
{
    const struct kr_fold *fold = scan->fold;
    const uint8_t *text = fold->text;
    size_t run = from, result = 0, colons = 0;
    while (run - from < 64 &&
           (is_hex(text[run]) || text[run] == ':' || (text[run] == '.' && colons > 0 && is_digit(text[run + 1])))) {
        colons += text[run] == ':';
        run++;
    }
    size_t end = run;
    while (end > from && (text[end - 1] == ':' && (end < 2 || text[end - 2] != ':'))) {
        end--;
    }
    if (colons < 2 || kr_scan_is_alnum(text[run]) || text[run] == '_' || text[run] == '*') {
        goto out;
    }
    result = run;
    if (!plausible_ipv6(text + from, end - from) || text[run] == '%' || text[run] == '-') {
        goto out;
    }
    size_t start = from;
    if (from > 0 && text[from - 1] == '[' && text[end] == ']' && text[end + 1] == ':' && is_digit(text[end + 2])) {
        start = from - 1;
        end += 2;
        while (is_digit(text[end])) {
            end++;
        }
    } else if (text[end] == '/' && is_digit(text[end + 1])) {
        size_t prefix = end + 1;
        while (is_digit(text[prefix]) && prefix - end <= 3) {
            prefix++;
        }
        end = ends_number(text, prefix) ? prefix : end;
    }
    if (kr_scan_emit(scan, KR_INDICATOR_IPV6, (const char *)text + start, end - start, start, end)) {
        result = end > run ? end : run;
    }
out:
    return result;
}

static bool is_local(uint8_t c)
{
    return kr_scan_is_alnum(c) || (c != 0 && strchr("._%+-", c) != NULL);
}

/* The end of a host name from `from` on: name characters, but not the Japanese sentence behind an ASCII ending. */
static size_t host_end(const struct kr_fold *fold, size_t from, bool *ret_masked)
{
    size_t end = from, used = 1;
    enum kr_char kind = KR_CHAR_WORD;
    *ret_masked = false;
    while (end < fold->len && end - from < 512 && kind != KR_CHAR_NONE) {
        kind = kr_scan_char(fold->text + end, fold->len - end, &used);
        *ret_masked = *ret_masked || kind == KR_CHAR_MASK;
        end += kind != KR_CHAR_NONE ? used : 0;
    }
    end = cut_host(fold->text, from, end);
    while (end > from && strchr(".-_", fold->text[end - 1]) != NULL) {
        end--;
    }
    return end;
}

/* The last label of a name, if it is a top-level domain. */
static bool has_top_level(const uint8_t *text, size_t from, size_t to)
{
    size_t label = to;
    while (label > from && text[label - 1] != '.') {
        label--;
    }
    return label > from && kr_names_is_top_level(text + label, to - label);
}

size_t kr_match_email(struct kr_scan *scan, size_t at_sign)
{
    static const char *const ids[] = {"message-id", "message-id: <", "<", NULL};
    const struct kr_fold *fold = scan->fold;
    const uint8_t *text = fold->text;
    size_t local = at_sign;
    bool masked;
    while (local > scan->floor && at_sign - local < 64 && is_local(text[local - 1])) {
        local--;
    }
    while (local < at_sign && strchr(".-+%", text[local]) != NULL) {
        local++;
    }
    const size_t end = host_end(fold, at_sign + 1, &masked);
    size_t result = at_sign + 1;
    const bool hidden = masked || (at_sign > 0 && text[at_sign - 1] == '*');
    const bool message_id = local > 0 && text[local - 1] == '<' && kr_scan_follows(fold, local - 1, ids);
    if (hidden || message_id) {
        result = end;
    } else if (local < at_sign && has_top_level(text, at_sign + 1, end) &&
               kr_scan_emit(scan, KR_INDICATOR_EMAIL, (const char *)text + local, end - local, local, end)) {
        result = end;
    }
    return result;
}

/* In names with letters beyond ASCII no label turns back to ASCII letters, and the ending is in small letters;
 * else the Japanese in front of a name would become part of it. */
static bool plausible_idn(const struct kr_fold *fold, size_t from, size_t to)
{
    const uint8_t *text = fold->text;
    bool ok = true, high = false;
    size_t label = from;
    for (size_t i = from; i < to && ok; i++) {
        if (text[i] == '.') {
            label = i + 1;
            high = false;
        } else if (text[i] >= 0x80) {
            high = true;
        } else {
            ok = !high || !((text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'z');
        }
        ok = ok && i + 1 - label <= 60;
    }
    for (size_t i = label; i < to && ok; i++) {
        ok = text[i] < 'A' || text[i] > 'Z';
    }
    return ok;
}

/* "end.In" is the end of a sentence, and 203.0.113.xxx a masked address. */
static bool is_prose(const uint8_t *text, size_t from, size_t to)
{
    size_t label = to, dots = 0;
    for (size_t i = from; i < to; i++) {
        dots += text[i] == '.';
        label = text[i] == '.' ? i + 1 : label;
    }
    const size_t len = to - label;
    const bool capital = text[label] >= 'A' && text[label] <= 'Z' && text[label + 1] >= 'a';
    const bool masked =
        len == 3 && (text[label] | 0x20) == 'x' && (text[label + 1] | 0x20) == 'x' && label >= 2 && is_digit(text[label - 2]);
    return (dots == 1 && len == 2 && capital) || masked;
}

size_t kr_match_domain(struct kr_scan *scan, size_t from, size_t to)
{
    const struct kr_fold *fold = scan->fold;
    const uint8_t *text = fold->text;
    bool masked;
    size_t result = 0, end = host_end(fold, from, &masked);
    end = end < to ? end : to;
    while (end > from && strchr(".-_", text[end - 1]) != NULL) {
        end--;
    }
    bool high = false;
    for (size_t i = from; i < end; i++) {
        high = high || text[i] >= 0x80;
    }
    const bool marked = kr_fold_is_marked(fold, from, end);
    if (!has_top_level(text, from, end) || (high && !plausible_idn(fold, from, end)) || (!marked && is_prose(text, from, end)) ||
        kr_names_is_everyday(text + from, end - from)) {
        goto out;
    }
    if ((text[end] == '/' || text[end] == ':') && end == to) {
        /* A list of names with slashes between has no paths. */
        bool hidden;
        const size_t next = text[end] == '/' ? host_end(fold, end + 1, &hidden) : end;
        const bool list = next > end + 1 && text[next] != '/' && text[next] != '?' && has_top_level(text, end + 1, next);
        const size_t url = list ? end : match_bare_url(scan, from, end);
        if (url > end) {
            result = url;
            goto out;
        }
    }
    if (kr_scan_emit(scan, KR_INDICATOR_DOMAIN, (const char *)text + from, end - from, from, end)) {
        result = end;
    }
out:
    return result;
}
