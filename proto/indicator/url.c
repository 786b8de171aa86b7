#include <string.h>

#include "proto/indicator/form.h"

/* What a character may be in a URL (RFC 3986 section 2): u unreserved; s sub-delimiter, ':' or '@', fine in path and query; / and
 * ? likewise; x must be percent-encoded; . is refused. '%' is handled before. */
static const char classes[128 + 1] = "................................"
                                     "xsxxsxsssssssuu/uuuuuuuuuussxsx?"
                                     "suuuuuuuuuuuuuuuuuuuuuuuuuuxxxxu"
                                     "xuuuuuuuuuuuuuuuuuuuuuuuuuuxxxu.";

static const struct {
    const char *scheme;
    unsigned port;
} default_ports[] = {{"http", 80}, {"https", 443}, {"ftp", 21}, {"ws", 80}, {"wss", 443}};

static bool is_encoded(const uint8_t *text, size_t len)
{
    return len >= 3 && text[0] == '%' && kr_form_hex(text[1]) >= 0 && kr_form_hex(text[2]) >= 0;
}

static uint8_t decoded_byte(const uint8_t *text)
{
    return (uint8_t)(kr_form_hex(text[1]) * 16 + kr_form_hex(text[2]));
}

static void put_encoded(struct kr_form_out *out, uint8_t byte)
{
    static const char hex[] = "0123456789ABCDEF";
    kr_form_put(out, '%');
    kr_form_put(out, (uint8_t)hex[byte >> 4]);
    kr_form_put(out, (uint8_t)hex[byte & 15]);
}

static bool is_one_of(char class, const char *plain)
{
    while (*plain != 0 && *plain != class) {
        plain++;
    }
    return *plain != 0;
}

/* One character of a component, with percent-encoding in its one form; returns how many bytes of `text` it took, 0 where the
 * character is refused. `plain` are the classes that stand for themselves. A lone '%' is taken literally, as browsers do. */
static size_t put_char(struct kr_form_out *out, const uint8_t *text, size_t len, const char *plain)
{
    size_t took = 1;
    uint8_t byte = text[0];
    if (byte == '%') {
        const bool encoded = is_encoded(text, len);
        took = encoded ? 3 : 1;
        byte = encoded ? decoded_byte(text) : byte;
        if (encoded && byte < 128 && classes[byte] == 'u') {
            kr_form_put(out, byte);
        } else {
            put_encoded(out, byte);
        }
    } else if (byte < 128 && classes[byte] == '.') {
        took = 0;
    } else if (byte < 128 && is_one_of(classes[byte], plain)) {
        kr_form_put(out, byte);
    } else {
        put_encoded(out, byte);
    }
    return took;
}

static bool put_component(struct kr_form_out *out, const uint8_t *text, size_t len, const char *plain)
{
    size_t took = 1;
    for (size_t at = 0; at < len && took > 0; at += took) {
        took = put_char(out, text + at, len - at, plain);
    }
    return took > 0;
}

/* A segment was just written from `segment` on, behind its slash: "." and ".." go, the latter with the segment before it (RFC 3986
 * section 5.2.4). `path` is where the path's first slash is. */
static void end_segment(struct kr_form_out *out, size_t path, size_t *segment, bool last)
{
    const uint8_t *bytes = out->bytes + *segment;
    const size_t len = out->len - *segment;
    const bool up = len == 2 && bytes[0] == '.' && bytes[1] == '.';
    if (up || (len == 1 && bytes[0] == '.')) {
        size_t back = *segment - 1;
        while (up && back > path && out->bytes[--back] != '/') {
        }
        out->len = back + 1;
    } else if (!last) {
        kr_form_put(out, '/');
    }
    *segment = out->len;
}

static bool put_path(struct kr_form_out *out, const uint8_t *text, size_t len)
{
    const size_t path = out->len;
    size_t at = len > 0 ? 1 : 0, took = 1;
    kr_form_put(out, '/');
    size_t segment = out->len;
    while (at < len && took > 0 && !out->full) {
        if (text[at] == '/') {
            end_segment(out, path, &segment, false);
            took = 1;
        } else {
            took = put_char(out, text + at, len - at, "us");
        }
        at += took;
    }
    if (!out->full) {
        end_segment(out, path, &segment, true);
    }
    return took > 0;
}

/* Scheme into `out` in lower case; returns its length, 0 where there is none in front of "://". */
static size_t put_scheme(struct kr_form_out *out, const uint8_t *text, size_t len)
{
    size_t at = 0;
    bool ok = len > 0 && kr_form_lower(text[0]) >= 'a' && kr_form_lower(text[0]) <= 'z';
    while (ok && at < len && text[at] != ':') {
        const uint8_t c = kr_form_lower(text[at]);
        ok = (c >= 'a' && c <= 'z') || kr_form_is_digit(c) || c == '+' || c == '-' || c == '.';
        kr_form_put(out, c);
        at++;
    }
    return ok && len - at >= 3 && memcmp(text + at, "://", 3) == 0 ? at : 0;
}

static unsigned default_port(const uint8_t *scheme, size_t len)
{
    unsigned port = 0;
    for (size_t i = 0; i < sizeof default_ports / sizeof default_ports[0]; i++) {
        if (strlen(default_ports[i].scheme) == len && memcmp(default_ports[i].scheme, scheme, len) == 0) {
            port = default_ports[i].port;
        }
    }
    return port;
}

static enum kr_err put_host(struct kr_form_out *out, const uint8_t *host, size_t len, struct kr_error *error)
{
    enum kr_err err = KR_OK;
    uint8_t decoded[4 * KR_FORM_DOMAIN_BYTES_MAX], address[19], domain[KR_FORM_DOMAIN_BYTES_MAX];
    char printed[KR_FORM_ADDRESS_TEXT_MAX];
    uint32_t type;
    uint16_t result;
    size_t decoded_len = 0;

    for (size_t at = 0; at < len && decoded_len < sizeof decoded; decoded_len++) {
        const bool encoded = is_encoded(host + at, len - at);
        decoded[decoded_len] = encoded ? decoded_byte(host + at) : host[at];
        at += encoded ? 3 : 1;
    }
    /* Neither a prefix nor an encoded port may slip in with the address. */
    const uint8_t last = decoded_len > 0 ? decoded[decoded_len - 1] : 0;
    const bool bracket = last == ']' && decoded[0] == '[';
    const bool numeric =
        kr_form_is_digit(last) && memchr(decoded, '/', decoded_len) == NULL && memchr(decoded, ':', decoded_len) == NULL;
    if (bracket || numeric) {
        err = kr_form_address((const char *)decoded, decoded_len, &type, address, &result, bracket ? error : NULL);
        if (err == KR_OK) {
            const bool ipv6 = type == KR_INDICATOR_IPV6;
            kr_form_address_print(type, address, true, printed);
            if (ipv6) {
                kr_form_put(out, '[');
            }
            for (size_t i = 0; printed[i] != 0; i++) {
                kr_form_put(out, (uint8_t)printed[i]);
            }
            if (ipv6) {
                kr_form_put(out, ']');
            }
        }
    }
    if (!bracket && (!numeric || err != KR_OK)) {
        err = kr_form_domain((const char *)decoded, decoded_len, domain, &result, error);
        for (size_t i = 0; err == KR_OK && i < result; i++) {
            kr_form_put(out, domain[i]);
        }
    }
    return err;
}

/* ":" and the port behind the host, unless it is empty or the scheme's own. */
static bool put_port(struct kr_form_out *out, const uint8_t *digits, size_t len, unsigned normal)
{
    unsigned long port = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < len; i++) {
        ok = kr_form_is_digit(digits[i]) && port < 65536;
        port = port * 10 + (unsigned long)(digits[i] - '0');
    }
    ok = ok && (len == 0 || (port > 0 && port < 65536));
    if (ok && len > 0 && port != normal) {
        unsigned long scale = 10000;
        kr_form_put(out, ':');
        while (scale > port) {
            scale /= 10;
        }
        for (; scale > 0; scale /= 10) {
            kr_form_put(out, (uint8_t)('0' + port / scale % 10));
        }
    }
    return ok;
}

static enum kr_err put_authority(struct kr_form_out *out, const uint8_t *text, size_t len, unsigned normal, struct kr_error *error)
{
    enum kr_err err = KR_OK;
    size_t host = 0;
    for (size_t i = 0; i < len; i++) {
        host = text[i] == '@' ? i + 1 : host;
    }
    /* An '@' is a delimiter here, so that one within the user information must be encoded: "s" allows it, hence by hand. */
    for (size_t at = 0, took = 1; at + 1 < host && err == KR_OK; at += took) {
        took = text[at] == '@' ? 1 : put_char(out, text + at, host - 1 - at, "us");
        if (text[at] == '@') {
            put_encoded(out, '@');
        }
        err = took > 0 ? KR_OK : kr_fail(error, KR_INVALID, "control characters in the URL");
    }
    if (err != KR_OK) {
        goto out;
    }
    if (host > 1) {
        kr_form_put(out, '@');
    }
    size_t end = host;
    for (bool bracket = false; end < len && (bracket || text[end] != ':'); end++) {
        bracket = text[end] == '[' || (bracket && text[end] != ']');
    }
    err = put_host(out, text + host, end - host, error);
    if (err != KR_OK) {
        goto out;
    }
    const size_t port = end < len ? end + 1 : end;
    if (!put_port(out, text + port, len - port, normal)) {
        err = kr_fail(error, KR_INVALID, "the port must be a number from 1 to 65535");
    }
out:
    return err;
}

static enum kr_err put_url(struct kr_form_out *out, const uint8_t *text, size_t len, struct kr_error *error)
{
    enum kr_err err = KR_OK;
    const uint8_t *fragment = memchr(text, '#', len);
    if (fragment != NULL) {
        len = (size_t)(fragment - text);
    }
    const size_t scheme = put_scheme(out, text, len);
    if (scheme == 0) {
        err = kr_fail(error, KR_INVALID, "a URL begins with a scheme, as in https://");
        goto out;
    }
    const unsigned normal = default_port(out->bytes, scheme);
    kr_form_put(out, ':');
    kr_form_put(out, '/');
    kr_form_put(out, '/');
    size_t path = scheme + 3;
    while (path < len && text[path] != '/' && text[path] != '?') {
        path++;
    }
    err = put_authority(out, text + scheme + 3, path - scheme - 3, normal, error);
    if (err != KR_OK) {
        goto out;
    }
    const uint8_t *question = memchr(text + path, '?', len - path);
    const size_t query = question != NULL ? (size_t)(question - text) : len;
    bool ok = put_path(out, text + path, query - path);
    if (ok && query < len) {
        kr_form_put(out, '?');
        ok = put_component(out, text + query + 1, len - query - 1, "us/?");
    }
    if (!ok) {
        err = kr_fail(error, KR_INVALID, "control characters in the URL");
    } else if (out->full) {
        err = kr_fail(error, KR_INVALID, "a URL has at most %u bytes", KR_INDICATOR_BYTES_MAX);
    }
out:
    return err;
}

enum kr_err kr_form_url(const char *text, size_t len, struct kr_form_out *out, struct kr_error *error)
{
    enum kr_err err = KR_OK;
    if (kr_form_is_ascii((const uint8_t *)text, len)) {
        err = put_url(out, (const uint8_t *)text, len, error);
    } else {
        uint8_t composed[KR_INDICATOR_BYTES_MAX];
        struct kr_form_out nfc = {.bytes = composed, .max = sizeof composed};
        err = kr_form_nfc(text, len, &nfc, error);
        if (err == KR_OK) {
            err = put_url(out, composed, nfc.len, error);
        }
    }
    return err;
}

bool kr_form_url_split(const uint8_t *url, size_t len, struct kr_slice *ret_host, size_t *ret_path_end)
{
    const uint8_t *colon = memchr(url, ':', len), *end = url + len;
    bool ok = colon != NULL && end - colon > 3;
    if (ok) {
        const uint8_t *host = colon + 3;
        const uint8_t *path = memchr(host, '/', (size_t)(end - host));
        const uint8_t *question = path != NULL ? memchr(path, '?', (size_t)(end - path)) : NULL;
        ok = path != NULL;
        if (ok) {
            const uint8_t *at = memchr(host, '@', (size_t)(path - host));
            host = at != NULL ? at + 1 : host;
            const bool bracket = host < path && *host == '[';
            host += bracket;
            const uint8_t *stop = memchr(host, bracket ? ']' : ':', (size_t)(path - host));
            ret_host->bytes = host;
            ret_host->len = (size_t)((stop != NULL ? stop : path) - host);
            *ret_path_end = question != NULL ? (size_t)(question - url) : len;
        }
    }
    return ok;
}
