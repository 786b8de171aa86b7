#include "proto/indicator/indicator.h"

#include <string.h>

#include "proto/indicator/form.h"

/* How a type's normal form is made. */
enum form {
    FORM_ADDRESS,
    FORM_DOMAIN,
    FORM_URL,
    FORM_EMAIL,
    FORM_BYTES, /* hex of `bytes` bytes */
    FORM_FILENAME,
    FORM_REGISTRY_KEY,
    FORM_LINE,
    FORM_LINES,
    FORM_ASN,
    FORM_CVE,
};

static const struct kind {
    const char *name;
    enum form form;
    uint8_t bytes; /* of binary forms */
} kinds[] = {
    [KR_INDICATOR_IPV4] = {"ipv4", FORM_ADDRESS, 7},
    [KR_INDICATOR_IPV6] = {"ipv6", FORM_ADDRESS, 19},
    [KR_INDICATOR_DOMAIN] = {"domain", FORM_DOMAIN, 0},
    [KR_INDICATOR_URL] = {"url", FORM_URL, 0},
    [KR_INDICATOR_EMAIL] = {"email", FORM_EMAIL, 0},
    [KR_INDICATOR_MD5] = {"md5", FORM_BYTES, 16},
    [KR_INDICATOR_SHA1] = {"sha1", FORM_BYTES, 20},
    [KR_INDICATOR_SHA256] = {"sha256", FORM_BYTES, 32},
    [KR_INDICATOR_SHA512] = {"sha512", FORM_BYTES, 64},
    [KR_INDICATOR_IMPHASH] = {"imphash", FORM_BYTES, 16},
    [KR_INDICATOR_FILENAME] = {"filename", FORM_FILENAME, 0},
    [KR_INDICATOR_REGISTRY_KEY] = {"registry_key", FORM_REGISTRY_KEY, 0},
    [KR_INDICATOR_MUTEX] = {"mutex", FORM_LINE, 0},
    [KR_INDICATOR_USER_AGENT] = {"user_agent", FORM_LINE, 0},
    [KR_INDICATOR_JA3] = {"ja3", FORM_BYTES, 16},
    [KR_INDICATOR_ASN] = {"asn", FORM_ASN, 4},
    [KR_INDICATOR_CVE] = {"cve", FORM_CVE, 0},
    [KR_INDICATOR_YARA] = {"yara", FORM_LINES, 0},
    [KR_INDICATOR_SIGMA] = {"sigma", FORM_LINES, 0},
    [KR_INDICATOR_OTHER] = {"other", FORM_LINES, 0},
};
_Static_assert(sizeof kinds / sizeof kinds[0] == KR_INDICATOR_TYPE_MAX + 1, "every type has a form");

static const struct kind *kind_of(uint32_t type)
{
    return type > KR_INDICATOR_ANY && type <= KR_INDICATOR_TYPE_MAX ? &kinds[type] : NULL;
}

const char *kr_indicator_type_name(uint32_t type)
{
    const struct kind *kind = kind_of(type);
    return kind != NULL ? kind->name : "unknown";
}

enum kr_err kr_indicator_type_parse(const char *text, size_t len, uint32_t *ret_type)
{
    enum kr_err err = KR_INVALID;
    for (uint32_t type = 1; type <= KR_INDICATOR_TYPE_MAX && err != KR_OK; type++) {
        if (strlen(kinds[type].name) == len && memcmp(kinds[type].name, text, len) == 0) {
            *ret_type = type;
            err = KR_OK;
        }
    }
    return err;
}

const int8_t kr_form_hex_values[256] = {
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  -1, -1, -1, -1, -1, -1,
    -1, 10, 11, 12, 13, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, 10, 11, 12, 13, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
};

bool kr_form_bytes(const char *text, size_t len, uint8_t *ret)
{
    int all = len % 2 == 0 ? 0 : -1;
    for (size_t i = 0; all >= 0 && i < len; i += 2) {
        all = kr_form_hex((uint8_t)text[i]) * 16 | kr_form_hex((uint8_t)text[i + 1]);
        ret[i / 2] = (uint8_t)all;
    }
    return all >= 0;
}

static enum kr_err parse_hex(const char *text, size_t len, size_t bytes, struct kr_form_out *out, struct kr_error *error)
{
    const bool ok = len == 2 * bytes && kr_form_bytes(text, len, out->bytes);
    out->len = ok ? bytes : 0;
    return ok ? KR_OK : kr_fail(error, KR_INVALID, "needs exactly %zu hexadecimal digits", 2 * bytes);
}

/* "AS64500"; asplain of RFC 5396 only. `bare` allows the number alone. */
static enum kr_err parse_asn(const char *text, size_t len, bool bare, struct kr_form_out *out, struct kr_error *error)
{
    const bool prefix = len >= 2 && kr_form_lower((uint8_t)text[0]) == 'a' && kr_form_lower((uint8_t)text[1]) == 's';
    const size_t start = prefix ? 2 : 0;
    uint64_t number = 0;
    bool ok = (prefix || bare) && len > start && len - start <= 10 && text[start] != '0';
    for (size_t i = start; ok && i < len; i++) {
        ok = kr_form_is_digit((uint8_t)text[i]);
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    ok = ok && number <= UINT32_MAX;
    for (int shift = 24; ok && shift >= 0; shift -= 8) {
        kr_form_put(out, (uint8_t)(number >> shift));
    }
    return ok ? KR_OK : kr_fail(error, KR_INVALID, "an AS number looks like AS64500");
}

uint32_t kr_form_hash_of_length(size_t len)
{
    return len == 32    ? KR_INDICATOR_MD5
           : len == 40  ? KR_INDICATOR_SHA1
           : len == 64  ? KR_INDICATOR_SHA256
           : len == 128 ? KR_INDICATOR_SHA512
                        : KR_INDICATOR_ANY;
}

static uint32_t hash_of(const char *text, size_t len)
{
    uint8_t bytes[64];
    const uint32_t type = kr_form_hash_of_length(len);
    return type != KR_INDICATOR_ANY && kr_form_bytes(text, len, bytes) ? type : KR_INDICATOR_ANY;
}

/* Two colons, or nothing but what addresses and networks are made of. */
static bool looks_like_address(const char *text, size_t len)
{
    size_t colons = 0, odd = 0;
    for (size_t i = 0; i < len; i++) {
        colons += text[i] == ':';
        odd += !(kr_form_is_digit((uint8_t)text[i]) || text[i] == '.' || text[i] == ':' || text[i] == '/');
    }
    return colons >= 2 || (odd == 0 && len > 0);
}

/* The only type that the text can be, as told by its shape; parsing then says whether it is. */
static uint32_t guess(const char *text, size_t len)
{
    const char *colon = memchr(text, ':', len);
    uint32_t type = hash_of(text, len);
    if (type != KR_INDICATOR_ANY) {
        /* A hash has no dot, so it is nothing else. */
    } else if (colon != NULL && text + len - colon > 2 && colon[1] == '/' && colon[2] == '/') {
        type = KR_INDICATOR_URL;
    } else if (memchr(text, '@', len) != NULL) {
        type = KR_INDICATOR_EMAIL;
    } else if (looks_like_address(text, len)) {
        type = KR_INDICATOR_IPV4;
    } else if (memchr(text, '.', len) == NULL && len > 3 && kr_form_lower((uint8_t)text[0]) == 'c' && text[3] == '-') {
        type = KR_INDICATOR_CVE;
    } else if (len > 2 && kr_form_lower((uint8_t)text[0]) == 'a' && kr_form_is_digit((uint8_t)text[2]) &&
               memchr(text, '.', len) == NULL) {
        type = KR_INDICATOR_ASN;
    } else {
        type = KR_INDICATOR_DOMAIN;
    }
    return type;
}

static enum kr_err parse_form(const struct kind *kind, bool asked, const char *text, size_t len, struct kr_indicator *out,
                              struct kr_error *error)
{
    struct kr_form_out form = {.bytes = out->value, .max = sizeof out->value};
    enum kr_err err = KR_INVALID;
    switch (kind->form) {
    case FORM_ADDRESS:
        err = kr_form_address(text, len, &out->type, out->value, &out->len, error);
        break;
    case FORM_DOMAIN:
        err = kr_form_domain(text, len, out->value, &out->len, error);
        break;
    case FORM_URL:
        err = kr_form_url(text, len, &form, error);
        break;
    case FORM_EMAIL:
        err = kr_form_email(text, len, &form, error);
        break;
    case FORM_BYTES:
        err = parse_hex(text, len, kind->bytes, &form, error);
        break;
    case FORM_FILENAME:
        err = kr_form_filename(text, len, &form, error);
        break;
    case FORM_REGISTRY_KEY:
        err = kr_form_registry_key(text, len, &form, error);
        break;
    case FORM_LINE:
    case FORM_LINES:
        err = kr_form_text(text, len, kind->form == FORM_LINES, &form, error);
        break;
    case FORM_ASN:
        err = parse_asn(text, len, asked, &form, error);
        break;
    case FORM_CVE:
        err = kr_form_cve(text, len, &form, error);
        break;
    }
    if (err == KR_OK && kind->form != FORM_ADDRESS && kind->form != FORM_DOMAIN) {
        out->len = (uint16_t)form.len;
    }
    return err;
}

enum kr_err kr_form_value(uint32_t type, const char *text, size_t len, struct kr_indicator *ret, struct kr_error *error)
{
    enum kr_err err = KR_OK;
    struct kr_indicator out;
    out.len = 0;
    out.type = type == KR_INDICATOR_ANY ? guess(text, len) : type;
    const uint32_t wanted = out.type;
    const struct kind *kind = kind_of(out.type);
    if (kind == NULL) {
        err = kr_fail(error, KR_INVALID, "unknown type of indicator: %u", (unsigned)type);
        goto out;
    }
    err = parse_form(kind, type != KR_INDICATOR_ANY, text, len, &out, error);
    if (err != KR_OK) {
        goto out;
    }
    /* Whoever asks for ipv6 may get ipv4 (mapped), but not the other way round. */
    if (type == KR_INDICATOR_IPV4 && out.type != wanted) {
        err = kr_fail(error, KR_INVALID, "an IPv6 address, not IPv4");
        goto out;
    }
    if (type == KR_INDICATOR_IPV6 && out.type != wanted && memchr(text, ':', len) == NULL) {
        err = kr_fail(error, KR_INVALID, "an IPv4 address, not IPv6");
        goto out;
    }
    ret->type = out.type;
    ret->len = out.len;
    memcpy(ret->value, out.value, out.len);
out:
    return err;
}

enum kr_err kr_indicator_parse(uint32_t type, const char *text, size_t len, struct kr_indicator *ret, struct kr_error *error)
{
    return kr_form_plain(type, text, len, ret) ? KR_OK : kr_form_value(type, text, len, ret, error);
}

enum kr_err kr_indicator_check(uint32_t type, const uint8_t *value, size_t len)
{
    const struct kind *kind = kind_of(type);
    bool ok = type != KR_INDICATOR_ANY && type != KR_INDICATOR_URL_HOST && len >= 1 && len <= KR_INDICATOR_BYTES_MAX;
    if (!ok || kind == NULL) {
        goto out;
    }
    if (kind->form == FORM_ADDRESS) {
        ok = kr_form_address_is_normal(type, value, len);
    } else if (kind->form == FORM_BYTES) {
        ok = len == kind->bytes;
    } else if (kind->form == FORM_ASN) {
        ok = len == kind->bytes && (value[0] | value[1] | value[2] | value[3]) != 0;
    } else {
        /* Texts print as themselves, so normal is what parses to itself. */
        struct kr_indicator out;
        ok = kr_form_plain(type, (const char *)value, len, &out) ||
             (parse_form(kind, true, (const char *)value, len, &out, NULL) == KR_OK && out.len == len &&
              memcmp(out.value, value, len) == 0);
    }
out:
    return ok ? KR_OK : KR_INVALID;
}

static enum kr_err print_hex(const uint8_t *value, size_t len, char *ret_text, size_t size)
{
    static const char hex[] = "0123456789abcdef";
    enum kr_err err = size > 2 * len ? KR_OK : KR_BOUNDS;
    for (size_t i = 0; i < len && err == KR_OK; i++) {
        ret_text[2 * i] = hex[value[i] >> 4];
        ret_text[2 * i + 1] = hex[value[i] & 15];
    }
    if (err == KR_OK) {
        ret_text[2 * len] = 0;
    }
    return err;
}

static enum kr_err print_text(const void *text, size_t len, char *ret_text, size_t size)
{
    enum kr_err err = size > len ? KR_OK : KR_BOUNDS;
    if (err == KR_OK) {
        memcpy(ret_text, text, len);
        ret_text[len] = 0;
    }
    return err;
}

enum kr_err kr_indicator_print(uint32_t type, const uint8_t *value, size_t len, char *ret_text, size_t size)
{
    enum kr_err err = KR_OK;
    char address[KR_FORM_ADDRESS_TEXT_MAX];
    const struct kind *kind = kind_of(type);
    if (len > KR_INDICATOR_BYTES_MAX || (kind != NULL && kind->bytes > 0 && len != kind->bytes)) {
        err = KR_INVALID;
    } else if (kind == NULL || kind->form == FORM_BYTES) {
        err = print_hex(value, len, ret_text, size);
    } else if (kind->form == FORM_ADDRESS) {
        err = print_text(address, kr_form_address_print(type, value, false, address), ret_text, size);
    } else if (kind->form == FORM_ASN) {
        char number[16] = "AS";
        size_t at = sizeof number;
        uint32_t left = (uint32_t)value[0] << 24 | (uint32_t)value[1] << 16 | (uint32_t)value[2] << 8 | value[3];
        do {
            number[--at] = (char)('0' + left % 10);
            left /= 10;
        } while (left > 0);
        memmove(number + 2, number + at, sizeof number - at);
        err = print_text(number, 2 + sizeof number - at, ret_text, size);
    } else {
        err = memchr(value, 0, len) == NULL ? print_text(value, len, ret_text, size) : KR_INVALID;
    }
    return err;
}
