#include <arpa/inet.h>
#include <string.h>

#include "proto/wire/ticket.h"

#define SCHEME         "tcp://"
#define HOST_BYTES_MAX 253u /* RFC 1035 section 2.3.4, without the trailing dot */
#define LABEL_MAX      63u

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Letters, digits, inner hyphens (RFC 1123 section 2.1). */
static bool is_label(const char *label, size_t len)
{
    if (len == 0 || len > LABEL_MAX || label[0] == '-' || label[len - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_letter(label[i]) && !is_digit(label[i]) && label[i] != '-') {
            return false;
        }
    }
    return true;
}

static bool is_address(int family, const char *host, size_t len)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address; /* large enough for both families */

    if (len >= sizeof text) {
        return false;
    }
    memcpy(text, host, len);
    text[len] = 0;
    return strlen(text) == len && inet_pton(family, text, &address) == 1;
}

static bool is_host(const char *host, size_t len)
{
    const char *label = host;
    bool is_numeric = true;

    if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
        return is_address(AF_INET6, host + 1, len - 2);
    }
    if (len == 0 || len > HOST_BYTES_MAX) {
        return false;
    }
    for (const char *at = host; at <= host + len; at++) {
        if (at == host + len || *at == '.') {
            if (!is_label(label, (size_t)(at - label))) {
                return false;
            }
            is_numeric = true;
            for (const char *c = label; c < at; c++) {
                is_numeric = is_numeric && is_digit(*c);
            }
            label = at + 1;
        }
    }
    /* No top-level domain is all digits, so what ends in a number is meant as an address (RFC 3696 section 2). */
    return !is_numeric || is_address(AF_INET, host, len);
}

static bool is_port(const char *port, size_t len)
{
    unsigned value = 0;

    if (len == 0 || len > 5 || port[0] == '0') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(port[i])) {
            return false;
        }
        value = value * 10 + (unsigned)(port[i] - '0');
    }
    return value <= 65535;
}

enum kr_err kr_endpoint_check(const char *text, size_t len, struct kr_error *error)
{
    const size_t scheme_len = sizeof SCHEME - 1;
    size_t colon = len;

    if (len > KR_ENDPOINT_BYTES_MAX) {
        return kr_fail(error, KR_BOUNDS, "the endpoint is longer than %u characters", KR_ENDPOINT_BYTES_MAX);
    }
    if (len < scheme_len || memcmp(text, SCHEME, scheme_len) != 0) {
        return kr_fail(error, KR_INVALID, "an endpoint reads tcp://host:port");
    }
    while (colon > scheme_len && text[colon - 1] != ':') {
        colon--;
    }
    if (colon == scheme_len || !is_port(text + colon, len - colon)) {
        return kr_fail(error, KR_INVALID, "the endpoint must end in a port number from 1 to 65535, as in tcp://host:7370");
    }
    if (!is_host(text + scheme_len, colon - 1 - scheme_len)) {
        return kr_fail(error, KR_INVALID,
                       "the host in the endpoint must be a name, an IPv4 address or an IPv6 address in brackets");
    }
    return KR_OK;
}
