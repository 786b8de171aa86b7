#include "node/core/guard.h"

#include <libpsl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "node/core/listed.h"
#include "proto/indicator/indicator.h"

#define OWN_MAX 1024u

struct own {
    uint32_t type; /* KR_INDICATOR_DOMAIN, _IPV4, _IPV6; KR_INDICATOR_OTHER for a name */
    uint16_t len;
    uint8_t value[256];
};

struct kr_guards {
    _Atomic(uint32_t) holders;
    struct own *own;
    uint32_t own_count;
    bool allows_documentation;
    struct kr_listed *listed; /* own; NULL: none */
};

struct network {
    uint8_t address[16];
    uint8_t bits;
    bool is_documentation;
};

/* IANA IPv4 Special-Purpose Address Registry (RFC 6890 and its updates). */
static const struct network special4[] = {
    {{0}, 8, false},
    {{10}, 8, false},
    {{100, 64}, 10, false},
    {{127}, 8, false},
    {{169, 254}, 16, false},
    {{172, 16}, 12, false},
    {{192, 0, 0}, 24, false},
    {{192, 0, 2}, 24, true},
    {{192, 31, 196}, 24, false}, /* AS112, RFC 7535 */
    {{192, 52, 193}, 24, false}, /* AMT, RFC 7450 */
    {{192, 88, 99}, 24, false},
    {{192, 168}, 16, false},
    {{192, 175, 48}, 24, false}, /* AS112, RFC 7534 */
    {{198, 18}, 15, false},
    {{198, 51, 100}, 24, true},
    {{203, 0, 113}, 24, true},
    {{224}, 4, false},
    {{240}, 4, false},
};

/* IANA IPv6 Special-Purpose Address Registry, and what is no unicast. */
static const struct network special6[] = {
    {{0}, 96, false},                                  /* unspecified, loopback, IPv4-compatible */
    {{[10] = 0xff, [11] = 0xff}, 96, false},           /* IPv4-mapped */
    {{0x00, 0x64, 0xff, 0x9b}, 96, false},             /* translation, RFC 6052: the IPv4 address is what is meant */
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, false}, /* local-use translation, RFC 8215 */
    {{0x01}, 64, false},                               /* discard-only, RFC 6666 */
    {{0x01, [7] = 0x01}, 64, false},                   /* dummy prefix, RFC 9780 */
    {{0x20, 0x01}, 23, false},                         /* protocol assignments, RFC 2928: Teredo, ORCHID … */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, true},              /* documentation, RFC 3849 */
    {{0x20, 0x02}, 16, false},                         /* 6to4, RFC 3056 */
    {{0x26, 0x20, 0x00, 0x4f, 0x80}, 48, false},       /* AS112, RFC 7534 */
    {{0x3f, 0xff}, 20, true},                          /* documentation, RFC 9637 */
    {{0x5f}, 16, false},                               /* segment routing, RFC 9602 */
    {{0xfc}, 7, false},                                /* unique local, RFC 4193 */
    {{0xfe, 0x80}, 9, false},                          /* link local, RFC 4291, and site local, RFC 3879 */
    {{0xff}, 8, false},                                /* multicast */
};

static const uint8_t resolver4[][4] = {
    {1, 1, 1, 1},         {1, 0, 0, 1},        {8, 8, 8, 8},        {8, 8, 4, 4},      {9, 9, 9, 9},
    {149, 112, 112, 112}, {208, 67, 222, 222}, {208, 67, 220, 220}, {94, 140, 14, 14}, {94, 140, 15, 15},
};
static const uint8_t resolver6[][16] = {
    {0x26, 0x06, 0x47, 0x00, 0x47, 0x00, [14] = 0x11, 0x11},
    {0x26, 0x06, 0x47, 0x00, 0x47, 0x00, [14] = 0x10, 0x01},
    {0x20, 0x01, 0x48, 0x60, 0x48, 0x60, [14] = 0x88, 0x88},
    {0x20, 0x01, 0x48, 0x60, 0x48, 0x60, [14] = 0x88, 0x44},
    {0x26, 0x20, 0x00, 0xfe, [15] = 0xfe},
};

/* RFC 2606, 6761, 6762, 7686, 8375: these and everything below them. The first group is for documentation. */
static const char *const documentation_domains[] = {"example", "example.com", "example.net", "example.org", "test"};
static const char *const special_domains[] = {"invalid", "localhost", "local", "home.arpa", "internal", "arpa"};

/* Blocking one of these as a whole harms more than it helps. Only the name itself and its www, not what lies below. */
static const char *const well_known[] = {
    "amazon.co.jp",
    "amazon.com",
    "amazonaws.com",
    "apple.com",
    "bing.com",
    "cloudflare.com",
    "cloudfront.net",
    "docomo.ne.jp",
    "dropbox.com",
    "facebook.com",
    "github.com",
    "gmail.com",
    "google.co.jp",
    "google.com",
    "googleapis.com",
    "icloud.com",
    "instagram.com",
    "jpcert.or.jp",
    "line.me",
    "linkedin.com",
    "live.com",
    "microsoft.com",
    "microsoftonline.com",
    "office.com",
    "outlook.com",
    "rakuten.co.jp",
    "sharepoint.com",
    "softbank.jp",
    "twitter.com",
    "whatsapp.com",
    "wikipedia.org",
    "windows.com",
    "windowsupdate.com",
    "x.com",
    "yahoo.co.jp",
    "yahoo.com",
    "youtube.com",
    "zoom.us",
};

/* Hashes of the empty file: half of all "malware" lists contain one. */
static const uint8_t empty_md5[16] = {0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04,
                                      0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42, 0x7e};
static const uint8_t empty_sha1[20] = {0xda, 0x39, 0xa3, 0xee, 0x5e, 0x6b, 0x4b, 0x0d, 0x32, 0x55,
                                       0xbf, 0xef, 0x95, 0x60, 0x18, 0x90, 0xaf, 0xd8, 0x07, 0x09};
static const uint8_t empty_sha256[32] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
                                         0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
                                         0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};

static const uint8_t empty_sha512[64] = {0xcf, 0x83, 0xe1, 0x35, 0x7e, 0xef, 0xb8, 0xbd, 0xf1, 0x54, 0x28, 0x50, 0xd6,
                                         0x6d, 0x80, 0x07, 0xd6, 0x20, 0xe4, 0x05, 0x0b, 0x57, 0x15, 0xdc, 0x83, 0xf4,
                                         0xa9, 0x21, 0xd3, 0x6c, 0xe9, 0xce, 0x47, 0xd0, 0xd1, 0x3c, 0x5d, 0x85, 0xf2,
                                         0xb0, 0xff, 0x83, 0x18, 0xd2, 0x87, 0x7e, 0xec, 0x2f, 0x63, 0xb9, 0x31, 0xbd,
                                         0x47, 0x41, 0x7a, 0x81, 0xa5, 0x38, 0x32, 0x7a, 0xf9, 0x27, 0xda, 0x3e};

/* ---- the council's own ---- */

enum kr_err kr_guards_new(struct kr_guards **ret_guards)
{
    struct kr_guards *guards = calloc(1, sizeof *guards);
    if (guards == NULL) {
        return KR_NOMEM;
    }
    guards->own = calloc(OWN_MAX, sizeof *guards->own);
    if (guards->own == NULL) {
        free(guards);
        return KR_NOMEM;
    }
    atomic_init(&guards->holders, 1);
    *ret_guards = guards;
    return KR_OK;
}

struct kr_guards *kr_guards_hold(struct kr_guards *guards)
{
    if (guards != NULL) {
        (void)atomic_fetch_add(&guards->holders, 1);
    }
    return guards;
}

void kr_guards_free(struct kr_guards *guards)
{
    if (guards != NULL && atomic_fetch_sub(&guards->holders, 1) == 1) {
        free(guards->own);
        kr_listed_free(guards->listed);
        free(guards);
    }
}

void kr_guards_set_listed(struct kr_guards *guards, struct kr_listed *listed)
{
    kr_listed_free(guards->listed);
    guards->listed = listed;
}

void kr_guards_allow_documentation(struct kr_guards *guards, bool allow)
{
    guards->allows_documentation = allow;
}

enum kr_err kr_guards_add_own(struct kr_guards *guards, const char *value, struct kr_error *error)
{
    if (guards->own_count == OWN_MAX) {
        return kr_fail(error, KR_BOUNDS, "more than %u own values are configured", OWN_MAX);
    }
    struct kr_indicator indicator;
    struct own *own = &guards->own[guards->own_count];
    size_t len = strlen(value);
    bool is_network = kr_indicator_parse(KR_INDICATOR_IPV4, value, len, &indicator, NULL) == KR_OK ||
                      kr_indicator_parse(KR_INDICATOR_IPV6, value, len, &indicator, NULL) == KR_OK;
    if (is_network || kr_indicator_parse(KR_INDICATOR_DOMAIN, value, len, &indicator, NULL) == KR_OK) {
        own->type = indicator.type;
        own->len = indicator.len;
        if (indicator.len > sizeof own->value) {
            return kr_fail(error, KR_BOUNDS, "\"%s\" is too long", value);
        }
        memcpy(own->value, indicator.value, indicator.len);
    } else if (strspn(value, "0123456789abcdefABCDEF.:/") == len && strpbrk(value, "./:") != NULL) {
        return kr_fail(error, KR_INVALID, "\"%s\" looks like a network and is none", value); /* a mistyped one is no name */
    } else if (len > 0 && len <= sizeof own->value) {
        own->type = KR_INDICATOR_OTHER;
        own->len = (uint16_t)len;
        memcpy(own->value, value, len);
    } else {
        return kr_fail(error, KR_INVALID, "\"%s\" is neither a domain, a network, nor a name", value);
    }
    guards->own_count++;
    return KR_OK;
}

/* ---- comparing ---- */

static bool same_bits(const uint8_t *a, const uint8_t *b, uint8_t bits)
{
    uint8_t whole = bits / 8, rest = bits % 8;
    if (memcmp(a, b, whole) != 0) {
        return false;
    }
    return rest == 0 || ((a[whole] ^ b[whole]) & (uint8_t)(0xff00u >> rest)) == 0;
}

/* One lies in the other. */
static bool overlap(const uint8_t *a, uint8_t a_bits, const uint8_t *b, uint8_t b_bits)
{
    return same_bits(a, b, a_bits < b_bits ? a_bits : b_bits);
}

/* `name` is `domain` or lies below it. */
static bool is_below(const uint8_t *name, size_t len, const void *domain, size_t domain_len)
{
    return len >= domain_len && memcmp(name + len - domain_len, domain, domain_len) == 0 &&
           (len == domain_len || name[len - domain_len - 1] == '.');
}

static const char *check_address(const struct kr_guards *guards, const uint8_t *value, bool is_v6)
{
    uint8_t bytes = is_v6 ? 16 : 4, bits = value[bytes];
    const struct network *networks = is_v6 ? special6 : special4;
    size_t count = is_v6 ? sizeof special6 / sizeof special6[0] : sizeof special4 / sizeof special4[0];
    for (uint32_t i = 0; guards != NULL && i < guards->own_count; i++) {
        const struct own *own = &guards->own[i];
        if (own->type == (is_v6 ? KR_INDICATOR_IPV6 : KR_INDICATOR_IPV4) && overlap(value, bits, own->value, own->value[bytes])) {
            return "own-network";
        }
    }
    for (size_t i = 0; i < count; i++) {
        bool is_let = networks[i].is_documentation && guards != NULL && guards->allows_documentation;
        if (!is_let && overlap(value, bits, networks[i].address, networks[i].bits)) {
            return "special-use";
        }
    }
    size_t resolvers = is_v6 ? sizeof resolver6 / sizeof resolver6[0] : sizeof resolver4 / sizeof resolver4[0];
    for (size_t i = 0; i < resolvers; i++) {
        if (overlap(value, bits, is_v6 ? resolver6[i] : resolver4[i], (uint8_t)(bytes * 8))) {
            return "resolver";
        }
    }
    return NULL;
}

static const char *check_own_or_special_host(const struct kr_guards *guards, const uint8_t *name, size_t len)
{
    for (uint32_t i = 0; guards != NULL && i < guards->own_count; i++) {
        if (guards->own[i].type == KR_INDICATOR_DOMAIN && is_below(name, len, guards->own[i].value, guards->own[i].len)) {
            return "own-domain";
        }
    }
    for (size_t i = 0; i < sizeof special_domains / sizeof special_domains[0]; i++) {
        if (is_below(name, len, special_domains[i], strlen(special_domains[i]))) {
            return "special-use";
        }
    }
    for (size_t i = 0;
         i < sizeof documentation_domains / sizeof documentation_domains[0] && !(guards != NULL && guards->allows_documentation);
         i++) {
        if (is_below(name, len, documentation_domains[i], strlen(documentation_domains[i]))) {
            return "special-use";
        }
    }
    return NULL;
}

static const char *check_domain(const struct kr_guards *guards, const uint8_t *name, size_t len)
{
    const char *list = check_own_or_special_host(guards, name, len);
    if (list != NULL || len > 253) {
        return list;
    }
    size_t start = len > 4 && memcmp(name, "www.", 4) == 0 ? 4 : 0;
    for (size_t i = 0; i < sizeof well_known / sizeof well_known[0]; i++) {
        if (strlen(well_known[i]) == len - start && memcmp(name + start, well_known[i], len - start) == 0) {
            return "well-known";
        }
    }
    char text[254];
    memcpy(text, name, len);
    text[len] = 0;
    return psl_is_public_suffix2(psl_builtin(), text, PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE) ? "public-suffix" : NULL;
}

static const char *check_host_of(const struct kr_guards *guards, const char *text, size_t len)
{
    struct kr_indicator host;
    if (kr_indicator_parse(KR_INDICATOR_IPV4, text, len, &host, NULL) == KR_OK) {
        return check_address(guards, host.value, false);
    }
    if (len > 2 && text[0] == '[' && kr_indicator_parse(KR_INDICATOR_IPV6, text + 1, len - 2, &host, NULL) == KR_OK) {
        return check_address(guards, host.value, true);
    }
    return check_own_or_special_host(guards, (const uint8_t *)text, len);
}

/* The host of a URL in normal form: between "://" (and userinfo) and port, path or query. */
static const char *check_url(const struct kr_guards *guards, struct kr_slice url)
{
    const char *text = (const char *)url.bytes;
    size_t at = 0;
    while (at + 3 <= url.len && memcmp(text + at, "://", 3) != 0) {
        at++;
    }
    if (at + 3 > url.len) {
        return NULL;
    }
    size_t begin = at + 3, end = begin;
    while (end < url.len && text[end] != '/' && text[end] != '?') {
        begin = text[end] == '@' ? end + 1 : begin;
        end++;
    }
    bool is_root = end == url.len || (end + 1 == url.len && text[end] == '/');
    size_t host_end = end;
    for (size_t i = end; i > begin && text[begin] != '['; i--) {
        if (text[i - 1] == ':') {
            host_end = i - 1;
            break;
        }
    }
    if (begin < end && text[begin] == '[') {
        for (host_end = begin; host_end < end && text[host_end] != ']'; host_end++) {
        }
        host_end += host_end < end;
    }
    const char *list = check_host_of(guards, text + begin, host_end - begin);
    bool is_name = list == NULL && is_root && text[begin] != '[';
    return is_name ? check_domain(guards, (const uint8_t *)text + begin, host_end - begin) : list;
}

static const char *check_name(const struct kr_guards *guards, struct kr_slice value)
{
    for (uint32_t i = 0; guards != NULL && i < guards->own_count; i++) {
        const struct own *own = &guards->own[i];
        if (own->type == KR_INDICATOR_OTHER && value.len >= own->len &&
            memmem(value.bytes, value.len, own->value, own->len) != NULL) {
            return "own-name";
        }
    }
    return NULL;
}

static const char *check_tables(const struct kr_guards *guards, uint32_t type, struct kr_slice value)
{
    switch (type) {
    case KR_INDICATOR_IPV4:
        return value.len == 7 ? check_address(guards, value.bytes, false) : NULL;
    case KR_INDICATOR_IPV6:
        return value.len == 19 ? check_address(guards, value.bytes, true) : NULL;
    case KR_INDICATOR_DOMAIN:
        return check_domain(guards, value.bytes, value.len);
    case KR_INDICATOR_URL:
        return check_url(guards, value);
    case KR_INDICATOR_EMAIL: {
        const uint8_t *at = value.len > 0 ? memrchr(value.bytes, '@', value.len) : NULL;
        size_t from = at == NULL ? 0 : (size_t)(at - value.bytes) + 1;
        return check_own_or_special_host(guards, value.bytes + from, value.len - from);
    }
    case KR_INDICATOR_MD5:
        return value.len == 16 && memcmp(value.bytes, empty_md5, 16) == 0 ? "empty-file" : NULL;
    case KR_INDICATOR_SHA1:
        return value.len == 20 && memcmp(value.bytes, empty_sha1, 20) == 0 ? "empty-file" : NULL;
    case KR_INDICATOR_SHA256:
        return value.len == 32 && memcmp(value.bytes, empty_sha256, 32) == 0 ? "empty-file" : NULL;
    case KR_INDICATOR_SHA512:
        return value.len == 64 && memcmp(value.bytes, empty_sha512, 64) == 0 ? "empty-file" : NULL;
    case KR_INDICATOR_FILENAME:
    case KR_INDICATOR_MUTEX:
    case KR_INDICATOR_USER_AGENT:
    case KR_INDICATOR_OTHER:
        return check_name(guards, value);
    default:
        return NULL;
    }
}

const char *kr_guards_check(const struct kr_guards *guards, uint32_t type, struct kr_slice value)
{
    const char *list = check_tables(guards, type, value);
    return list == NULL && guards != NULL && guards->listed != NULL ? kr_listed_find(guards->listed, type, value) : list;
}
