/* Bech32m (BIP-350) without BIP-173's limit of 90 characters. The checksum finds every single mistyped character and up to three
 * of them at any length that we use (its code has length 1023), and misses other damage once in 2^30. */
#ifndef KR_PROTO_WIRE_BECH32M_H
#define KR_PROTO_WIRE_BECH32M_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"

#define KR_BECH32M_CHARS_MAX 1023u

/* `hrp` is lower case. `ret_text` is NUL-terminated; KR_BOUNDS where `size` or KR_BECH32M_CHARS_MAX are too small. */
enum kr_err kr_bech32m_encode(const char *hrp, const uint8_t *bytes, size_t len, char *ret_text, size_t size) KR_WARN_UNUSED;

/* White space is ignored, upper case accepted where all of it is. KR_MALFORMED with a sentence for a person (what is off and
 * where, counted without white space from 1); KR_BOUNDS where the content is longer than `size`. */
enum kr_err kr_bech32m_decode(const char *hrp, const char *text, size_t len, uint8_t *ret_bytes, size_t size, size_t *ret_len,
                              struct kr_error *error) KR_WARN_UNUSED;

#endif
