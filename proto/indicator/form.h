/* The parts of a normal form, shared by the files of this folder only.
 *
 * Each function takes untrusted text (any bytes, not terminated) and writes at most what its last parameters say. */
#ifndef KR_PROTO_INDICATOR_FORM_H
#define KR_PROTO_INDICATOR_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/indicator/indicator.h"

#define KR_FORM_DOMAIN_BYTES_MAX 253
/* "[" 8 groups of 4 with 7 colons "]" and ":65535" or "/128", and the NUL. */
#define KR_FORM_ADDRESS_TEXT_MAX 64

/* Appends to a buffer of fixed size; `full` sticks once something did not fit. */
struct kr_form_out {
    uint8_t *bytes;
    size_t len, max;
    bool full;
};

static inline void kr_form_put(struct kr_form_out *out, uint8_t byte)
{
    if (out->len < out->max) {
        out->bytes[out->len++] = byte;
    } else {
        out->full = true;
    }
}

static inline bool kr_form_is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static inline uint8_t kr_form_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* By byte: 0 … 15, or -1. */
extern const int8_t kr_form_hex_values[256];

static inline int kr_form_hex(uint8_t c)
{
    return kr_form_hex_values[c];
}

/* Any text of the type into its normal form, and what kr_indicator_parse does in the end. */
enum kr_err kr_form_value(uint32_t type, const char *text, size_t len, struct kr_indicator *ret,
                          struct kr_error *error) KR_WARN_UNUSED;
/* The same, and much sooner, for most of what is in its normal form already: names, URLs, IPv4 and, where no type is asked for,
 * hashes. False says nothing. */
bool kr_form_plain(uint32_t type, const char *text, size_t len, struct kr_indicator *ret);

/* Hexadecimal digits of any case to `len` / 2 bytes, which may be written in any case. */
bool kr_form_bytes(const char *text, size_t len, uint8_t *ret);
/* The hash that has so many digits; KR_INDICATOR_ANY where there is none. */
uint32_t kr_form_hash_of_length(size_t len);

bool kr_form_is_ascii(const uint8_t *bytes, size_t len);

/* Address, network or address with port; *ret_type says which family. KR_INVALID with a sentence. `ret` has 19 bytes of room. */
enum kr_err kr_form_address(const char *text, size_t len, uint32_t *ret_type, uint8_t *ret, uint16_t *ret_len,
                            struct kr_error *error) KR_WARN_UNUSED;
/* The same for IPv4 addresses and networks alone; may be written in any case. */
bool kr_form_ipv4(const char *text, size_t len, uint8_t ret[static 7]);
/* Prefix in range, no bit below it, a port only on a whole address, no mapped IPv4. */
bool kr_form_address_is_normal(uint32_t type, const uint8_t *value, size_t len);
/* `value` must be 7 or 19 bytes as the type says. Returns the length; terminated. With `bare` neither prefix nor port. */
size_t kr_form_address_print(uint32_t type, const uint8_t *value, bool bare, char ret_text[static KR_FORM_ADDRESS_TEXT_MAX]);

/* Host name into `ret`, of KR_FORM_DOMAIN_BYTES_MAX bytes. */
enum kr_err kr_form_domain(const char *text, size_t len, uint8_t *ret, uint16_t *ret_len, struct kr_error *error) KR_WARN_UNUSED;

enum kr_err kr_form_url(const char *text, size_t len, struct kr_form_out *out, struct kr_error *error) KR_WARN_UNUSED;
/* The host in a URL of normal form, without brackets, and where its query begins (its length where there is none). False where
 * the bytes have no such shape. */
bool kr_form_url_split(const uint8_t *url, size_t len, struct kr_slice *ret_host, size_t *ret_path_end);

enum kr_err kr_form_email(const char *text, size_t len, struct kr_form_out *out, struct kr_error *error) KR_WARN_UNUSED;
enum kr_err kr_form_filename(const char *text, size_t len, struct kr_form_out *out, struct kr_error *error) KR_WARN_UNUSED;
enum kr_err kr_form_registry_key(const char *text, size_t len, struct kr_form_out *out, struct kr_error *error) KR_WARN_UNUSED;
/* `lines`: line feeds and tabs are allowed. */
enum kr_err kr_form_text(const char *text, size_t len, bool lines, struct kr_form_out *out, struct kr_error *error) KR_WARN_UNUSED;
enum kr_err kr_form_cve(const char *text, size_t len, struct kr_form_out *out, struct kr_error *error) KR_WARN_UNUSED;

/* Unicode NFC appended to `out`; KR_INVALID where the text is not UTF-8 or does not fit. */
enum kr_err kr_form_nfc(const char *text, size_t len, struct kr_form_out *out, struct kr_error *error) KR_WARN_UNUSED;

#endif
