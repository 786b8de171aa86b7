/* Indicators: one observable with its type, in exactly one normal form each.
 *
 *   type                normal form (bytes)                                                              source
 *   ipv4                address 4, prefix length 1, port BE16 (0: none) = 7 bytes; bits below the        RFC 4632
 *                       prefix are zero; only a whole address has a port
 *   ipv6                address 16, prefix length 1, port BE16 = 19 bytes; likewise; an IPv4-mapped      RFC 4291, 5952
 *                       one becomes ipv4; no zone
 *   domain              lower-case A-labels, no dot at the end, at most 253 bytes, at least two labels,  RFC 5890–5893
 *                       letters, digits, '-' (not at a label's ends) and '_', last label not all digits  (IDNA2008)
 *   url                 scheme, "://", authority, path and query in syntax-based normalisation: scheme   RFC 3986 6.2.2,
 *                       and host in lower case (host as domain, ipv4 or [ipv6]), user information kept,  RFC 3987 3.1
 *                       default port and fragment dropped, percent-encoding of unreserved characters
 *                       undone and else in upper case, dot segments removed, the empty path is "/"
 *   email               local part, '@', domain; both in lower case: the local part too (ASCII only),    RFC 5321, 6531
 *                       because nobody's mail system tells them apart and analysts expect a match; dots
 *                       anywhere in the local part, as Japanese carriers issued such addresses
 *   md5 sha1 sha256     16, 20, 32, 64, 16, 16 bytes
 *   sha512 imphash ja3
 *   filename            NFC, no directory part, 1–255 bytes, no control characters
 *   registry_key        NFC, the hive spelt out (HKLM: HKEY_LOCAL_MACHINE), single backslashes, none at the end
 *   asn                 BE32, not 0                                                                      RFC 5396
 *   cve                 "CVE-", year, '-', four digits or more                                           CVE id syntax
 *   mutex, user_agent,  NFC, no control characters (yara, sigma, other: line feed and tab are allowed,
 *   yara, sigma, other  CR LF becomes LF)
 *
 * Bytes of a normal form are at most KR_INDICATOR_BYTES_MAX. */
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
    KR_INDICATOR_URL_HOST = 64, /* only as a key of the index: the host of a URL; never the type of an indicator */
    KR_INDICATOR_ORIGIN = 65,   /* only as a key of the index: where a report was imported from; see kr_report_origin_key */
    KR_INDICATOR_SIGHTED = 66,  /* only as a key of the index: a record of which there is a sighting; its id */
};

#define KR_INDICATOR_PRINT_BYTES_MAX (2u * KR_INDICATOR_BYTES_MAX + 1u)

struct kr_indicator {
    uint32_t type;
    uint16_t len;
    uint8_t value[KR_INDICATOR_BYTES_MAX];
};

/* "ipv4", "domain" …; "unknown". Static storage. And back: KR_INVALID. */
const char *kr_indicator_type_name(uint32_t type);
enum kr_err kr_indicator_type_parse(const char *text, size_t len, uint32_t *ret_type) KR_WARN_UNUSED;

/* Brings a text (refanged already, UTF-8, no surrounding space) into its normal form. With KR_INDICATOR_ANY the type is told from
 * the text: address, URL, e-mail, hash by length, CVE, AS number, domain; file names and the free-text types only by name. A type
 * that is asked for is the type that is returned, but for IPv4-mapped IPv6. KR_INVALID with a sentence in `error`. */
enum kr_err kr_indicator_parse(uint32_t type, const char *text, size_t len, struct kr_indicator *ret,
                               struct kr_error *error) KR_WARN_UNUSED;
/* KR_OK where `value` is in the normal form of a known type, that is: where parsing its printed form gives the same bytes; else
 * KR_INVALID. Of unknown types (those of newer versions) only the length is checked. */
enum kr_err kr_indicator_check(uint32_t type, const uint8_t *value, size_t len) KR_WARN_UNUSED;
/* As people read it ("203.0.113.77:8443", "10.0.0.0/8", hex, text; unknown types in hex). Terminated on success; KR_BOUNDS where
 * `size` is too small (KR_INDICATOR_PRINT_BYTES_MAX suffices), KR_INVALID where the length does not fit the type or a text
 * contains a NUL. */
enum kr_err kr_indicator_print(uint32_t type, const uint8_t *value, size_t len, char *ret_text, size_t size) KR_WARN_UNUSED;

/* Keys of the index. A key is (type, bytes); the store hashes them with its term key. Bytes are the normal form of `type` unless
 * said otherwise here; they are borrowed for the call. The visitor returns false to stop. Values must have passed
 * kr_indicator_check; others yield no keys or useless ones, never a fault.
 *
 * `index`, under which keys an indicator is stored: itself; an address or network without its port; a URL also as URL_HOST (the
 * host's text without brackets); file names and registry keys in ASCII lower case, because Windows does not tell them apart.
 *
 * `lookup`, under which keys a value is looked for: itself in the same way; an address or network also under every shorter prefix
 * (byte 4 or 16 of the key, down to 0; of lengths that nothing is stored under there is no need to ask); a whole address also as
 * URL_HOST; a host also under its parents down to two labels, and itself as URL_HOST; a URL also without its query, then its host
 * as domain or address likewise, but not as URL_HOST: another path on the same host is another matter; an e-mail address also under
 * its domain and that one's parents. */
typedef bool kr_indicator_visit(void *context, uint8_t type, const uint8_t *bytes, size_t len);
void kr_indicator_index_keys(uint32_t type, const uint8_t *value, size_t len, kr_indicator_visit *visit, void *context);
void kr_indicator_lookup_keys(uint32_t type, const uint8_t *value, size_t len, kr_indicator_visit *visit, void *context);
/* Lengths of networks' prefixes: bit n of ipv4, bit n % 64 of ipv6[n / 64]. A whole address is no network. */
struct kr_prefixes {
    uint32_t ipv4;
    uint64_t ipv6[2];
};
/* Adds the length of a key of an indicator; of what is no network, nothing. */
void kr_prefixes_add(struct kr_prefixes *prefixes, uint8_t type, const uint8_t *key, size_t len);
/* The keys of `lookup` without networks around the value whose lengths are not among these. */
void kr_indicator_lookup_keys_in(uint32_t type, const uint8_t *value, size_t len, const struct kr_prefixes *prefixes,
                                 kr_indicator_visit *visit, void *context);
/* Whether a stored indicator really matches a looked-up value by the rules above: they have a key in common. What a match of terms
 * is checked with. */
bool kr_indicator_matches(uint32_t stored_type, struct kr_slice stored, uint32_t asked_type, struct kr_slice asked);

/* How a stored indicator and a looked-up value that match belong together, for people. */
enum kr_indicator_relation {
    KR_RELATION_NONE = 0,      /* they do not match */
    KR_RELATION_SAME,          /* the value itself (whatever the port of an address, the case of a file name) */
    KR_RELATION_NETWORK,       /* a network around the address or network */
    KR_RELATION_PARENT,        /* a parent of the domain, or of the host of the URL or e-mail address */
    KR_RELATION_HOST,          /* that host itself */
    KR_RELATION_ON_HOST,       /* a URL on the host that was looked up */
    KR_RELATION_WITHOUT_QUERY, /* the URL without its query */
};
enum kr_indicator_relation kr_indicator_relation(uint32_t stored_type, struct kr_slice stored, uint32_t asked_type,
                                                 struct kr_slice asked);
/* "same", "network", "parent", "host", "on-host", "without-query"; "none". */
const char *kr_indicator_relation_name(enum kr_indicator_relation relation);

#endif
