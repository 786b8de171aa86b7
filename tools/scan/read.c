/* What a word can mean, and whether that is in the set: parsed into its normal form and asked for under all its keys, by the rules
 * of proto/indicator. */
#include <string.h>

#include "tools/scan/part.h"

#define USERINFO_BYTES_MAX 128u
#define SCHEME_BYTES_MAX   16u
#define URL_ENDS_MAX       8u
#define NOWHERE            SIZE_MAX

static uint8_t at(const struct kr_part *part, size_t i)
{
    return i < part->len ? part->text[i] : '\n';
}

static uint8_t before(const struct kr_part *part, size_t i)
{
    return i > 0 ? part->text[i - 1] : '\n';
}

/* ---- reporting ---- */

/* Values that one key found, each once, with its newest record. */
struct found {
    struct kr_sieve_value values[KR_SWEEP_HITS_MAX];
    uint32_t records[KR_SWEEP_HITS_MAX];
    uint32_t count;
};

static bool same(const struct kr_slice *left, const struct kr_slice *right)
{
    return left->len == right->len && memcmp(left->bytes, right->bytes, left->len) == 0;
}

static bool gather(void *context, const struct kr_sieve_value *value)
{
    struct found *found = context;
    uint32_t i = 0;
    while (i < found->count && (found->values[i].type != value->type || !same(&found->values[i].value, &value->value))) {
        i++;
    }
    if (i < found->count) {
        found->records[i]++;
        found->values[i].record = value->record > found->values[i].record ? value->record : found->values[i].record;
    } else if (i < KR_SWEEP_HITS_MAX) {
        found->values[i] = *value;
        found->records[i] = 1;
        found->count++;
    }
    return true;
}

static bool is_seen(struct kr_sweep_scratch *scratch, uint64_t line, const struct kr_sieve_value *value)
{
    bool seen = false;
    if (scratch->line != line) {
        scratch->line = line;
        scratch->seen_count = 0;
    }
    for (uint32_t i = 0; i < scratch->seen_count && !seen; i++) {
        seen = scratch->seen[i].type == value->type && same(&scratch->seen[i].value, &value->value);
    }
    if (!seen && scratch->seen_count < KR_SWEEP_HITS_MAX) {
        scratch->seen[scratch->seen_count].type = value->type;
        scratch->seen[scratch->seen_count++].value = value->value;
    }
    return seen;
}

static uint64_t line_of(const struct kr_part *part, size_t from)
{
    struct kr_lines *lines = part->lines;
    const size_t place = part->is_decoded ? part->origin : from;
    if (place >= lines->counted) {
        for (const uint8_t *at = lines->text + lines->counted, *end = lines->text + place; at < end; at++) {
            lines->line += *at == '\n';
        }
    } else {
        for (const uint8_t *at = lines->text + place, *end = lines->text + lines->counted; at < end; at++) {
            lines->line -= *at == '\n';
        }
    }
    lines->counted = place;
    return lines->line;
}

static void report(struct kr_sweep *sweep, const struct kr_part *part, size_t from, size_t to, const struct found *found,
                   uint32_t how)
{
    const uint64_t line = found->count > 0 ? line_of(part, from) : 0;
    for (uint32_t i = 0; i < found->count; i++) {
        if (!is_seen(sweep->scratch, line, &found->values[i])) {
            const struct kr_sweep_hit hit = {.line = line,
                                             .text = {part->text + from, to - from},
                                             .value = found->values[i],
                                             .how = how,
                                             .records = found->records[i]};
            sweep->hit(sweep->context, &hit);
        }
    }
}

/* One value, asked for under its keys. */
struct asked {
    struct kr_sweep *sweep;
    const struct kr_part *part;
    size_t from, to;
    struct kr_indicator value;
    bool only_same_type; /* leave out keys of other types: another reading has them, or they do not count here */
};

static bool ask_key(void *context, uint8_t type, const uint8_t *key, size_t len)
{
    const struct asked *asked = context;
    const struct kr_sieve *sieve = asked->sweep->sieve;
    uint32_t how = KR_SWEEP_EXACT;
    struct found found = {.count = 0};
    bool wanted = type == asked->value.type || !asked->only_same_type;
    if (type == KR_INDICATOR_IPV4) {
        wanted = wanted && (sieve->ipv4_prefixes >> key[4] & 1) != 0;
        how = key[4] < 32 ? KR_SWEEP_NETWORK : how;
    } else if (type == KR_INDICATOR_IPV6) {
        wanted = wanted && (sieve->ipv6_prefixes[key[16] / 64] >> key[16] % 64 & 1) != 0;
        how = key[16] < 128 ? KR_SWEEP_NETWORK : how;
    } else if (type == KR_INDICATOR_URL_HOST) {
        wanted = wanted && !asked->sweep->no_url_hosts;
        how = KR_SWEEP_URL_HOST;
    } else if (type == KR_INDICATOR_DOMAIN) {
        how = len < asked->value.len ? KR_SWEEP_PARENT : how;
    }
    if (wanted) {
        kr_sieve_find(sieve, type, key, len, gather, &found);
        report(asked->sweep, asked->part, asked->from, asked->to, &found, how);
    }
    return true;
}

static bool ask(struct asked *asked, uint32_t type, const uint8_t *text, size_t len)
{
    const bool ok = kr_indicator_parse(type, (const char *)text, len, &asked->value, NULL) == KR_OK;
    if (ok) {
        kr_indicator_lookup_keys(asked->value.type, asked->value.value, asked->value.len, ask_key, asked);
    }
    return ok;
}

/* ---- URLs ---- */

static bool is_userinfo(uint8_t c)
{
    return c > ' ' && c != 0x7f && strchr("/\\\"'<>()[]{}|`^", c) == NULL;
}

/* Where the scheme begins whose "://" (in JSON also ":\/\/") stands before the host at `host`, maybe with user information between;
 * NOWHERE. `*ret_colon` is where its colon stands. */
static size_t find_scheme(const struct kr_part *part, size_t host, size_t *ret_colon)
{
    const uint8_t *text = part->text;
    size_t i = host, scheme = NOWHERE;
    if (before(part, i) == '@') {
        while (i > 0 && host - i < USERINFO_BYTES_MAX && is_userinfo(text[i - 1])) {
            i--;
        }
    }
    if (i >= 3 && memcmp(text + i - 3, "://", 3) == 0) {
        scheme = i - 3;
    } else if (i >= 5 && memcmp(text + i - 5, ":\\/\\/", 5) == 0) {
        scheme = i - 5;
    }
    if (scheme != NOWHERE) {
        const size_t colon = scheme;
        while (scheme > 0 && colon - scheme < SCHEME_BYTES_MAX &&
               (kr_sieve_is_alnum(text[scheme - 1]) || strchr("+-.", text[scheme - 1]) != NULL) && text[scheme - 1] != 0) {
            scheme--;
        }
        while (scheme < colon && (uint8_t)((text[scheme] | 0x20) - 'a') >= 26) {
            scheme++;
        }
        *ret_colon = colon;
        scheme = scheme < colon ? scheme : NOWHERE;
    }
    return scheme;
}

/* The scheme in its usual spelling into `out`; its length. */
static size_t put_scheme(uint8_t *out, const uint8_t *scheme, size_t len)
{
    static const struct {
        const char *written, *meant;
    } spellings[] = {{"hxxp", "http"}, {"hxxps", "https"}, {"hxtp", "http"}, {"hxtps", "https"},
                     {"htxp", "http"}, {"htxps", "https"}, {"fxp", "ftp"},   {"fxps", "ftps"}};
    for (size_t i = 0; i < len; i++) {
        out[i] = scheme[i] >= 'A' && scheme[i] <= 'Z' ? (uint8_t)(scheme[i] | 0x20) : scheme[i];
    }
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        if (strlen(spellings[i].written) == len && memcmp(spellings[i].written, out, len) == 0) {
            len = strlen(spellings[i].meant);
            memcpy(out, spellings[i].meant, len);
            break;
        }
    }
    return len;
}

/* Where the URL may end: as far as no character forbids it, and before those that stand around URLs as well as in them. */
struct ends {
    size_t at[URL_ENDS_MAX + 1];
    size_t count;
};

static size_t trim_end(const struct kr_part *part, size_t from, size_t end)
{
    while (end > from && strchr(".,;:!?", part->text[end - 1]) != NULL) {
        end--;
    }
    return end;
}

static void find_ends(const struct kr_part *part, size_t host_end, struct ends *ends)
{
    const uint8_t *text = part->text;
    size_t end = host_end, last = NOWHERE;
    bool beyond = false;
    ends->count = 0;
    while (end < part->len && end - host_end <= KR_INDICATOR_BYTES_MAX && text[end] > ' ' && text[end] != '"' && text[end] != '<' &&
           text[end] != '>' && text[end] != 0x7f) {
        const bool soft = strchr(")]}([{',;|`^*", text[end]) != NULL || (text[end] == '\\' && at(part, end + 1) != '/') ||
                          (text[end] >= 0x80 && !beyond);
        beyond = beyond || text[end] >= 0x80;
        if (soft && ends->count < URL_ENDS_MAX - 1) {
            ends->at[ends->count++] = end;
        }
        end++;
    }
    ends->at[ends->count++] = end;
    for (size_t i = 0, count = ends->count; i < count; i++) {
        last = trim_end(part, host_end, ends->at[i]);
        if (last != ends->at[i] && ends->count <= URL_ENDS_MAX) {
            ends->at[ends->count++] = last;
        }
    }
}

/* The scheme and what stands from `authority` to each of the ends, as URL. */
static void ask_urls(struct asked *asked, const uint8_t *scheme, size_t scheme_len, size_t authority, const struct ends *ends)
{
    const struct kr_part *part = asked->part;
    uint8_t url[SCHEME_BYTES_MAX + 4 + USERINFO_BYTES_MAX + 2 * KR_INDICATOR_BYTES_MAX];
    size_t start = put_scheme(url, scheme, scheme_len);
    memcpy(url + start, "://", 3);
    start += 3;
    for (size_t i = 0; i < ends->count; i++) {
        size_t len = start;
        for (size_t from = authority; from < ends->at[i] && len < sizeof url; from++) {
            const bool escape = part->text[from] == '\\' && from + 1 < ends->at[i] && part->text[from + 1] == '/';
            if (!escape) {
                url[len++] = part->text[from];
            }
        }
        asked->to = ends->at[i];
        (void)ask(asked, KR_INDICATOR_URL, url, len);
    }
}

/* [from, to) is a host. */
static void read_urls(struct kr_sweep *sweep, const struct kr_part *part, size_t from, size_t to, size_t scheme, size_t colon)
{
    struct asked asked = {.sweep = sweep, .part = part, .from = from, .to = to, .only_same_type = true};
    struct ends ends;
    size_t end = to;
    if (scheme != NOWHERE) {
        const size_t authority = colon + (at(part, colon + 1) == '\\' ? 5 : 3);
        asked.from = scheme;
        find_ends(part, end, &ends);
        ask_urls(&asked, part->text + scheme, colon - scheme, authority, &ends);
    } else {
        if (at(part, end) == ':') {
            end++;
            while ((uint8_t)(at(part, end) - '0') < 10) {
                end++;
            }
        }
        if (at(part, end) == '/' || (at(part, end) == '\\' && at(part, end + 1) == '/')) {
            find_ends(part, end, &ends);
            ask_urls(&asked, (const uint8_t *)"http", 4, from, &ends);
            ask_urls(&asked, (const uint8_t *)"https", 5, from, &ends);
        }
    }
}

static bool stop(void *context, const struct kr_sieve_value *value)
{
    (void)value;
    *(bool *)context = true;
    return false;
}

/* A host in its normal form: whether URLs of the set have it. */
static bool has_urls(const struct kr_sieve *sieve, const uint8_t *host, size_t len)
{
    bool found = false;
    kr_sieve_find(sieve, KR_INDICATOR_URL_HOST, host, len, stop, &found);
    return found;
}

/* ---- texts ---- */

static uint8_t fold(uint8_t c, bool folds)
{
    return folds && c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* How `len` characters of a text compare with what stands from `i` on (or, backwards, before it): where that ends, or NOWHERE. A
 * backslash may be doubled, as in JSON. */
static size_t compare(const struct kr_part *part, size_t i, const char *text, size_t len, bool folds, bool backwards)
{
    for (size_t k = 0; k < len && i != NOWHERE; k++) {
        const uint8_t wanted = (uint8_t)text[backwards ? len - 1 - k : k];
        const uint8_t c = backwards ? before(part, i) : at(part, i);
        const bool more = backwards ? i > 0 : i < part->len;
        if (!more || fold(c, folds) != fold(wanted, folds)) {
            i = NOWHERE;
        } else {
            i = backwards ? i - 1 : i + 1;
            if (wanted == '\\' && (backwards ? before(part, i) : at(part, i)) == '\\') {
                i = backwards ? i - 1 : i + 1;
            }
        }
    }
    return i;
}

static bool ends_word(const struct kr_part *part, size_t from, size_t to, bool registry)
{
    const uint8_t first = part->text[from], last = part->text[to - 1];
    size_t left = from, right = to;
    while (before(part, left) == '.' || before(part, left) == '-') {
        left--;
    }
    while (at(part, right) == '.' || at(part, right) == '-') {
        right++;
    }
    const uint8_t left_char = before(part, left), right_char = at(part, right);
    return !(kr_sieve_is_word(first) && kr_sieve_is_word(left_char)) && !(kr_sieve_is_word(last) && kr_sieve_is_word(right_char)) &&
           !(registry && right_char == '\\');
}

/* The hive before `from`, in any spelling; where it begins, or NOWHERE. */
static size_t find_hive(const struct kr_part *part, size_t from, const char *hive)
{
    static const char *const briefs[][2] = {{"HKEY_LOCAL_MACHINE", "HKLM"},
                                            {"HKEY_CURRENT_USER", "HKCU"},
                                            {"HKEY_CLASSES_ROOT", "HKCR"},
                                            {"HKEY_USERS", "HKU"},
                                            {"HKEY_CURRENT_CONFIG", "HKCC"}};
    const size_t end = before(part, from) == ':' ? from - 1 : from;
    size_t begin = compare(part, end, hive, strlen(hive), true, true);
    for (size_t i = 0; begin == NOWHERE && i < sizeof briefs / sizeof briefs[0]; i++) {
        if (strcmp(briefs[i][0], hive) == 0) {
            begin = compare(part, end, briefs[i][1], strlen(briefs[i][1]), true, true);
        }
    }
    return begin;
}

struct texts {
    struct kr_sweep *sweep;
    const struct kr_part *part;
    size_t from, to;
};

static bool try_text(void *context, const struct kr_sieve_value *value)
{
    const struct texts *texts = context;
    struct kr_sieve_text *text = &texts->sweep->scratch->phrase;
    const bool registry = value->type == KR_INDICATOR_REGISTRY_KEY;
    const bool folds =
        registry || value->type == KR_INDICATOR_FILENAME || value->type == KR_INDICATOR_ASN || value->type == KR_INDICATOR_CVE;
    if (kr_sieve_text(value->type, value->value.bytes, value->value.len, text) &&
        text->to - text->from == texts->to - texts->from) {
        size_t from = compare(texts->part, texts->from, text->bytes, text->from, folds, true);
        size_t to = compare(texts->part, texts->from, text->bytes + text->from, text->len - text->from, folds, false);
        if (from != NOWHERE && text->hive != NULL) {
            from = find_hive(texts->part, from, text->hive);
        }
        if (from != NOWHERE && to != NOWHERE && ends_word(texts->part, from, to, registry)) {
            struct found found = {.count = 0};
            (void)gather(&found, value);
            report(texts->sweep, texts->part, from, to, &found, KR_SWEEP_EXACT);
        }
    }
    return true;
}

/* ---- words ---- */

static void read_email(struct kr_sweep *sweep, const struct kr_part *part, size_t from, size_t to)
{
    struct asked asked = {.sweep = sweep, .part = part, .from = from, .to = to, .only_same_type = true};
    const size_t at_sign = from - 1;
    size_t local = at_sign;
    while (local > 0 && at_sign - local < 64 && kr_sieve_is_local(part->text[local - 1])) {
        local--;
    }
    for (bool more = true; more;) {
        asked.from = local;
        (void)ask(&asked, KR_INDICATOR_EMAIL, part->text + local, to - local);
        /* A local part may have characters that otherwise stand around addresses: with each of them once more. */
        more = sweep->sieve->has_odd_email && local > 0 && at_sign - local < 64 && part->text[local - 1] > ' ' &&
               (part->text[local - 1] >= 0x80 || strchr("!#$%&'*/=?^`{|}~", part->text[local - 1]) != NULL);
        if (more) {
            local--;
            while (local > 0 && at_sign - local < 64 && kr_sieve_is_local(part->text[local - 1])) {
                local--;
            }
        }
    }
}

static bool is_hash(const uint8_t *word, size_t len)
{
    bool hex = len == 32 || len == 40 || len == 64 || len == 128;
    for (size_t i = 0; i < len && hex; i++) {
        hex = (uint8_t)(word[i] - '0') < 10 || (uint8_t)((word[i] | 0x20) - 'a') < 6;
    }
    return hex;
}

void kr_read_word(struct kr_sweep *sweep, const struct kr_part *part, size_t from, size_t to)
{
    static const uint32_t hashes[] = {KR_INDICATOR_MD5,    KR_INDICATOR_SHA1,    KR_INDICATOR_SHA256,
                                      KR_INDICATOR_SHA512, KR_INDICATOR_IMPHASH, KR_INDICATOR_JA3};
    const uint8_t *word = part->text + from;
    const size_t len = to - from;
    const struct kr_sieve *sieve = sweep->sieve;
    struct asked asked = {.sweep = sweep, .part = part, .from = from, .to = to};
    size_t colon = 0;
    const size_t scheme = find_scheme(part, from, &colon);
    const bool ipv4 = kr_sieve_is_ipv4(word, len);
    if (ipv4 || memchr(word, '.', len) != NULL) {
        struct kr_indicator host;
        char printed[KR_INDICATOR_PRINT_BYTES_MAX];
        const uint32_t type = ipv4 ? KR_INDICATOR_IPV4 : KR_INDICATOR_DOMAIN;
        if (kr_indicator_parse(type, (const char *)word, len, &host, NULL) == KR_OK &&
            kr_indicator_print(type, host.value, host.len, printed, sizeof printed) == KR_OK) {
            if (has_urls(sieve, (const uint8_t *)printed, strlen(printed))) {
                read_urls(sweep, part, from, to, scheme, colon);
            }
            /* Another path on the same host is another matter. */
            asked.only_same_type = scheme != NOWHERE;
            (void)ask(&asked, type, word, len);
        }
    }
    if (before(part, from) == '@') {
        read_email(sweep, part, from, to);
    }
    if (is_hash(word, len)) {
        for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
            (void)ask(&asked, hashes[i], word, len);
        }
    }
    if (sieve->has_phrases) {
        struct texts texts = {.sweep = sweep, .part = part, .from = from, .to = to};
        kr_sieve_find_texts(sieve, kr_sieve_hash_word(sieve, word, len), try_text, &texts);
    }
}

void kr_read_coded(struct kr_sweep *sweep, const struct kr_part *part, size_t from, size_t to, const uint8_t *host, size_t len)
{
    size_t colon = 0;
    const size_t scheme = find_scheme(part, from, &colon);
    struct kr_indicator value;
    char printed[KR_INDICATOR_PRINT_BYTES_MAX];
    const uint32_t type = kr_sieve_is_ipv4(host, len) ? KR_INDICATOR_IPV4 : KR_INDICATOR_DOMAIN;
    if (scheme != NOWHERE && kr_indicator_parse(type, (const char *)host, len, &value, NULL) == KR_OK &&
        kr_indicator_print(type, value.value, value.len, printed, sizeof printed) == KR_OK &&
        has_urls(sweep->sieve, (const uint8_t *)printed, strlen(printed))) {
        read_urls(sweep, part, from, to, scheme, colon);
    }
}

void kr_read_ipv6(struct kr_sweep *sweep, const struct kr_part *part, size_t from, size_t to)
{
    const uint8_t *word = part->text + from;
    size_t len = to - from, colon = 0;
    struct asked asked = {.sweep = sweep, .part = part, .from = from, .to = to};
    struct kr_indicator address;
    char printed[KR_INDICATOR_PRINT_BYTES_MAX];
    bool ok = kr_indicator_parse(KR_INDICATOR_IPV6, (const char *)word, len, &address, NULL) == KR_OK;
    if (!ok) {
        /* 2001:db8::1.443, as BSD and tcpdump write ports. */
        size_t digits = 0;
        while (digits < len && (uint8_t)(word[len - 1 - digits] - '0') < 10) {
            digits++;
        }
        len = digits > 0 && digits < len && word[len - 1 - digits] == '.' ? len - 1 - digits : 0;
        ok = len > 0 && kr_indicator_parse(KR_INDICATOR_IPV6, (const char *)word, len, &address, NULL) == KR_OK;
    }
    if (!ok) {
        return;
    }
    const bool bracket = before(part, from) == '[' && at(part, from + len) == ']';
    const size_t scheme = find_scheme(part, from - bracket, &colon);
    const size_t print =
        kr_indicator_print(address.type, address.value, address.len, printed, sizeof printed) == KR_OK ? strlen(printed) : 0;
    if (print > 0 && has_urls(sweep->sieve, (const uint8_t *)printed, print)) {
        read_urls(sweep, part, from - bracket, from + len + bracket, scheme, colon);
    }
    asked.to = from + len;
    asked.only_same_type = scheme != NOWHERE;
    (void)ask(&asked, KR_INDICATOR_IPV6, word, len);
}
