#include <arpa/inet.h>
#include <string.h>

#include "proto/indicator/form.h"

/* Octets with a leading zero are refused: some programs read them as octal, so they name two addresses. */
static bool parse_ipv4(const uint8_t *text, size_t len, uint8_t ret[static 4])
{
    bool ok = len >= 7 && len <= 15;
    size_t at = 0;
    for (int octet = 0; ok && octet < 4; octet++) {
        const size_t start = at;
        unsigned value = 0;
        while (at < len && at - start < 3 && kr_form_is_digit(text[at])) {
            value = value * 10 + (unsigned)(text[at] - '0');
            at++;
        }
        ok = at > start && value <= 255 && (at - start == 1 || text[start] != '0');
        if (ok && octet < 3) {
            ok = at < len && text[at] == '.';
            at++;
        }
        ret[octet] = (uint8_t)value;
    }
    return ok && at == len;
}

static bool parse_ipv6(const uint8_t *text, size_t len, uint8_t ret[static 16])
{
    char copy[INET6_ADDRSTRLEN];
    bool ok = len >= 2 && len < sizeof copy && memchr(text, 0, len) == NULL;
    if (ok) {
        memcpy(copy, text, len);
        copy[len] = 0;
        ok = inet_pton(AF_INET6, copy, ret) == 1;
    }
    return ok;
}

/* One to `digits_max` decimal digits without a leading zero; -1 otherwise. */
static long parse_number(const uint8_t *text, size_t len, size_t digits_max)
{
    bool ok = len >= 1 && len <= digits_max && (len == 1 || text[0] != '0');
    long value = 0;
    for (size_t i = 0; ok && i < len; i++) {
        ok = kr_form_is_digit(text[i]);
        value = value * 10 + (text[i] - '0');
    }
    return ok ? value : -1;
}

static bool is_mapped(const uint8_t address[static 16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(address, mapped, sizeof mapped) == 0;
}

static void mask(uint8_t *address, size_t bytes, unsigned prefix)
{
    for (size_t i = prefix / 8; i < bytes; i++) {
        const unsigned keep = i == prefix / 8 ? prefix % 8 : 0;
        address[i] &= (uint8_t)(0xff00u >> keep);
    }
}

bool kr_form_ipv4(const char *text, size_t len, uint8_t ret[static 7])
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t end = len;
    for (size_t i = len > 3 ? len - 3 : len; i < len; i++) {
        end = text[i] == '/' ? i : end;
    }
    const long prefix = end < len ? parse_number(bytes + end + 1, len - end - 1, 2) : 32;
    const bool ok = prefix >= 0 && prefix <= 32 && parse_ipv4(bytes, end, ret);
    if (ok) {
        mask(ret, 4, (unsigned)prefix);
        ret[4] = (uint8_t)prefix;
        ret[5] = ret[6] = 0;
    }
    return ok;
}

/* Where the address proper lies, and what follows it. */
struct shape {
    const uint8_t *address, *prefix, *port; /* prefix, port: NULL where there is none */
    size_t address_len, prefix_len, port_len;
    bool ipv6;
};

static bool find_shape(const uint8_t *text, size_t len, struct shape *ret)
{
    struct shape shape = {.address = text, .address_len = len};
    bool ok = len > 0;
    if (ok && text[0] == '[') {
        const uint8_t *close = memchr(text, ']', len);
        ok = close != NULL;
        if (ok) {
            const size_t rest = (size_t)(text + len - close) - 1;
            shape.ipv6 = true;
            shape.address = text + 1;
            shape.address_len = (size_t)(close - text) - 1;
            ok = rest == 0 || close[1] == ':';
            shape.port = rest > 0 ? close + 2 : NULL;
            shape.port_len = rest > 0 ? rest - 1 : 0;
        }
    } else if (ok) {
        const uint8_t *slash = memchr(text, '/', len);
        if (slash != NULL) {
            shape.prefix = slash + 1;
            shape.prefix_len = (size_t)(text + len - slash) - 1;
            shape.address_len = (size_t)(slash - text);
        }
        const uint8_t *colon = memchr(text, ':', shape.address_len);
        const uint8_t *dot = memchr(text, '.', shape.address_len);
        shape.ipv6 = colon != NULL && (dot == NULL || colon < dot);
        if (colon != NULL && !shape.ipv6) {
            ok = slash == NULL;
            shape.port = colon + 1;
            shape.port_len = (size_t)(text + len - colon) - 1;
            shape.address_len = (size_t)(colon - text);
        }
    }
    if (ok) {
        *ret = shape;
    }
    return ok;
}

enum kr_err kr_form_address(const char *text, size_t len, uint32_t *ret_type, uint8_t *ret, uint16_t *ret_len,
                            struct kr_error *error)
{
    enum kr_err err = KR_OK;
    uint8_t address[16];
    struct shape shape;

    if (!find_shape((const uint8_t *)text, len, &shape)) {
        err = kr_fail(error, KR_INVALID, "not an address, a network (10.0.0.0/8) or an address with a port (192.0.2.1:443)");
        goto out;
    }
    if (memchr(text, '%', len) != NULL) {
        err = kr_fail(error, KR_INVALID, "an IPv6 zone means something on one machine only: leave it out");
        goto out;
    }
    if (shape.ipv6 ? !parse_ipv6(shape.address, shape.address_len, address)
                   : !parse_ipv4(shape.address, shape.address_len, address)) {
        err = kr_fail(error, KR_INVALID,
                      shape.ipv6 ? "not an IPv6 address" : "not an IPv4 address (four numbers up to 255 without leading zeros)");
        goto out;
    }
    size_t bytes = shape.ipv6 ? 16 : 4;
    const long bits = (long)bytes * 8;
    const long prefix = shape.prefix != NULL ? parse_number(shape.prefix, shape.prefix_len, 3) : bits;
    const long port = shape.port != NULL ? parse_number(shape.port, shape.port_len, 5) : 0;
    if (prefix < 0 || prefix > bits) {
        err = kr_fail(error, KR_INVALID, "the prefix length must be a number from 0 to %ld", bits);
        goto out;
    }
    if (port < 0 || port > 65535 || (shape.port != NULL && port == 0)) {
        err = kr_fail(error, KR_INVALID, "the port must be a number from 1 to 65535");
        goto out;
    }
    unsigned length = (unsigned)prefix;
    if (shape.ipv6 && length >= 96 && is_mapped(address)) {
        memmove(address, address + 12, 4);
        bytes = 4;
        length -= 96;
    }
    mask(address, bytes, length);
    memcpy(ret, address, bytes);
    ret[bytes] = (uint8_t)length;
    ret[bytes + 1] = (uint8_t)(port >> 8);
    ret[bytes + 2] = (uint8_t)(port & 0xff);
    *ret_len = (uint16_t)(bytes + 3);
    *ret_type = bytes == 16 ? KR_INDICATOR_IPV6 : KR_INDICATOR_IPV4;
out:
    return err;
}

bool kr_form_address_is_normal(uint32_t type, const uint8_t *value, size_t len)
{
    const size_t bytes = type == KR_INDICATOR_IPV6 ? 16 : 4;
    uint8_t address[16];
    bool ok = len == bytes + 3 && value[bytes] <= bytes * 8;
    if (ok) {
        const unsigned prefix = value[bytes];
        const bool port = value[bytes + 1] != 0 || value[bytes + 2] != 0;
        memcpy(address, value, bytes);
        mask(address, bytes, prefix);
        ok = memcmp(address, value, bytes) == 0 && (!port || prefix == bytes * 8) &&
             !(bytes == 16 && prefix >= 96 && is_mapped(address));
    }
    return ok;
}

static char *print_number(char *at, unsigned value)
{
    char digits[10];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (count > 0) {
        *at++ = digits[--count];
    }
    return at;
}

static char *print_group(char *at, unsigned value)
{
    static const char hex[] = "0123456789abcdef";
    int shift = 12;
    while (shift > 0 && value >> shift == 0) {
        shift -= 4;
    }
    for (; shift >= 0; shift -= 4) {
        *at++ = hex[value >> shift & 15];
    }
    return at;
}

/* RFC 5952 section 4: the first of the longest runs of two or more zero groups becomes "::". Never dotted, so that every printer
 * agrees. */
static char *print_ipv6(char *at, const uint8_t address[static 16])
{
    unsigned group[8];
    int best = 8, best_len = 1, run = 0;
    for (int i = 0; i < 8; i++) {
        group[i] = (unsigned)address[2 * i] << 8 | address[2 * i + 1];
        run = group[i] == 0 ? run + 1 : 0;
        if (run > best_len) {
            best_len = run;
            best = i - run + 1;
        }
    }
    for (int i = 0; i < 8; i++) {
        if (i == best) {
            *at++ = ':';
            *at++ = ':';
            i += best_len - 1;
        } else {
            if (i > 0 && at[-1] != ':') {
                *at++ = ':';
            }
            at = print_group(at, group[i]);
        }
    }
    return at;
}

size_t kr_form_address_print(uint32_t type, const uint8_t *value, bool bare, char ret_text[static KR_FORM_ADDRESS_TEXT_MAX])
{
    const bool ipv6 = type == KR_INDICATOR_IPV6;
    const size_t bytes = ipv6 ? 16 : 4;
    const unsigned prefix = value[bytes];
    const unsigned port = bare ? 0 : (unsigned)value[bytes + 1] << 8 | value[bytes + 2];
    char *at = ret_text;

    if (ipv6) {
        if (port != 0) {
            *at++ = '[';
        }
        at = print_ipv6(at, value);
        if (port != 0) {
            *at++ = ']';
        }
    } else {
        for (int i = 0; i < 4; i++) {
            if (i > 0) {
                *at++ = '.';
            }
            at = print_number(at, value[i]);
        }
    }
    if (port != 0) {
        *at++ = ':';
        at = print_number(at, port);
    } else if (!bare && prefix != bytes * 8) {
        *at++ = '/';
        at = print_number(at, prefix);
    }
    *at = 0;
    return (size_t)(at - ret_text);
}
