/* Indicators: one observable with its type, in exactly one normal form each.
 *
 * | type | normal form (bytes) | source |
 * | ipv4 | address 4 ‖ prefix length 1 ‖ port BE16 (0: none) = 7 bytes; host bits below the prefix zero | RFC 4632 |
 * | ipv6 | address 16 ‖ prefix length 1 ‖ port BE16 = 19 bytes; IPv4-mapped becomes ipv4 | RFC 4291, 5952 |
 * | domain | lower-case A-labels, no trailing dot, 1–253 bytes, at least two labels, LDH plus '_' | RFC 5890–5893 (IDNA2008,
 * libidn2) | | url | RFC 3986 section 6.2.2 syntax-based normalisation: scheme and host lower case (host as domain or address),
 * default port and fragment dropped, percent-encoding of unreserved characters undone, others upper case, dot segments removed,
 * empty path "/" | RFC 3986, 3987 | | email | local part as is (lower-cased: see .c), '@', host as domain | RFC 5321, 6531 | | md5
 * sha1 sha256 sha512 | 16, 20, 32, 64 bytes | – | | filename | NFC, no directory part, 1–255 bytes | – | | others (imphash 16
 * bytes, ja3 16 bytes, asn BE32, cve "CVE-YYYY-N…" upper case, mutex, registry key, user agent, yara, sigma, other: text NFC) | see
 * .c | */
#ifndef KR_PROTO_INDICATOR_INDICATOR_H
#define KR_PROTO_INDICATOR_INDICATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/limits.h"
#include "proto/codec/reader.h"

enum kr_indicator_type {
    KR_INDICATOR_ANY = 0, /* for parsing: told from the text */
    KR_INDICATOR_IPV4 = 1,
    KR_INDICATOR_IPV6 = 2,
    KR_INDICATOR_DOMAIN = 3,
    KR_INDICATOR_URL = 4,
    KR_INDICATOR_EMAIL = 5,
    KR_INDICATOR_MD5 = 6,
    KR_INDICATOR_SHA1 = 7,
    KR_INDICATOR_SHA256 = 8,
    KR_INDICATOR_SHA512 = 9,
    KR_INDICATOR_IMPHASH = 10,
    KR_INDICATOR_FILENAME = 11,
    KR_INDICATOR_REGISTRY_KEY = 12,
    KR_INDICATOR_MUTEX = 13,
    KR_INDICATOR_USER_AGENT = 14,
    KR_INDICATOR_JA3 = 15,
    KR_INDICATOR_ASN = 16,
    KR_INDICATOR_CVE = 17,
    KR_INDICATOR_YARA = 18,
    KR_INDICATOR_SIGMA = 19,
    KR_INDICATOR_OTHER = 20,
    KR_INDICATOR_TYPE_MAX = 20,
    KR_INDICATOR_URL_HOST = 64, /* only as a key of the index: the host of a URL */
};

struct kr_indicator {
    uint32_t type;
    uint16_t len;
    uint8_t value[KR_INDICATOR_BYTES_MAX];
};

/* "ipv4", "domain" …; "unknown". Static storage. And back: KR_INVALID. */
const char *kr_indicator_type_name(uint32_t type);
enum kr_err kr_indicator_type_parse(const char *text, size_t len, uint32_t *ret_type) KR_WARN_UNUSED;

/* Brings a text (refanged already, UTF-8, no surrounding space) into its normal form. With KR_INDICATOR_ANY the type is told from
 * the text: address, URL, e-mail, hash by length, CVE, AS number, domain; file names and the free-text types only by name.
 * KR_INVALID with a sentence in `error`. */
enum kr_err kr_indicator_parse(uint32_t type, const char *text, size_t len, struct kr_indicator *ret,
                               struct kr_error *error) KR_WARN_UNUSED;
/* Whether `value` is in the normal form of a known type (parsing its printed form gives the same bytes). Unknown types: length
 * only. */
enum kr_err kr_indicator_check(uint32_t type, const uint8_t *value, size_t len) KR_WARN_UNUSED;
/* As people read it ("203.0.113.77:8443", "10.0.0.0/8", hex, text). Always terminated; KR_BOUNDS where `size` is too small (2 *
 * KR_INDICATOR_BYTES_MAX suffices). */
enum kr_err kr_indicator_print(uint32_t type, const uint8_t *value, size_t len, char *ret_text, size_t size) KR_WARN_UNUSED;

/* Keys of the index. A key is (type, bytes); the store hashes them with its term key.
 * `index`: under which keys an indicator is stored (an address without its port; a URL also under its host as
 * KR_INDICATOR_URL_HOST). `lookup`: under which keys a value is looked for (an address under every shorter prefix; a host under its
 * parent domains down to two labels and as URL_HOST; a URL with and without query, then its host like a host). The visitor returns
 * false to stop. The bytes are borrowed for the call. */
typedef bool kr_indicator_visit(void *context, uint8_t type, const uint8_t *bytes, size_t len);
void kr_indicator_index_keys(uint32_t type, const uint8_t *value, size_t len, kr_indicator_visit *visit, void *context);
void kr_indicator_lookup_keys(uint32_t type, const uint8_t *value, size_t len, kr_indicator_visit *visit, void *context);
/* Whether a stored indicator really matches a looked-up value by the rules above (what a term match is checked with). */
bool kr_indicator_matches(uint32_t stored_type, struct kr_slice stored, uint32_t asked_type, struct kr_slice asked);

#endif
