/* Addresses of bodies and persons: what one hands over to those outside the council who are to seal something to one, as a line of
 * text (bech32m with the prefix "kairanto"). There is no list of them: cards never leave a council.
 *
 *   payload = version 1 (byte) ‖ sort (byte: 1 body, 2 person) ‖ council id 32 ‖ id 32 ‖ X25519 key 32 */
#ifndef KR_PROTO_WIRE_ADDRESS_H
#define KR_PROTO_WIRE_ADDRESS_H

#include <stddef.h>

#include "proto/record/section.h"

#define KR_ADDRESS_PREFIX         "kairanto"
#define KR_ADDRESS_TEXT_BYTES_MAX 192u

enum kr_err kr_address_print(const struct kr_addressed *addressed, char *ret_text, size_t size) KR_WARN_UNUSED;
/* KR_MALFORMED with a sentence for a person, KR_VERSION; KR_KEY where the key is none. */
enum kr_err kr_address_parse(const char *text, size_t len, struct kr_addressed *ret_addressed,
                             struct kr_error *error) KR_WARN_UNUSED;

#endif
