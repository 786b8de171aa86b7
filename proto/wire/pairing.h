/* The short code by which two operators find out, on the telephone, that their nodes are linked with each other and with nobody in
 * between (docs/PROTOCOL.md, "Pairing"; the idea is that of Vaudenay, CRYPTO 2005, and of ZRTP, RFC 6189).
 *
 *   first (smaller council id)                       second
 *   commitment to its random ──────────────────────▶ keeps it
 *                     ◀────────────────────────────  its random
 *   its random ─────────────────────────────────────▶ is it what was committed to?
 *   both: code = eight digits of a hash over both councils, their transport keys, commitment and randoms
 *
 * Whoever is in between has to choose all that it says before it can know either code, so that the two agree once in 10^8, whatever
 * work it puts in. A council id is the hash of its root key, under which its node keys stand: so these need no place of their own.
 */
#ifndef KR_PROTO_WIRE_PAIRING_H
#define KR_PROTO_WIRE_PAIRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/limits.h"

#define KR_PAIRING_CODE_BYTES (KR_PAIRING_DIGITS + 1u) /* with the NUL */

/* One end, as the other knows it too. */
struct kr_pairing_end {
    const uint8_t *council, *transport_key; /* 32 each */
};

/* Whether `a` is the first of the two. */
bool kr_pairing_is_first(const uint8_t a[static 32], const uint8_t b[static 32]);
void kr_pairing_commit(uint8_t ret_commitment[static 32], const uint8_t first[static 32], const uint8_t second[static 32],
                       const uint8_t random[static 32]);
/* In the order of first and second. */
void kr_pairing_code(char ret_code[static KR_PAIRING_CODE_BYTES], const struct kr_pairing_end ends[static 2],
                     const uint8_t commitment[static 32], const uint8_t *const randoms[static 2]);
/* The digits of what a person typed: spaces, hyphens and full-width digits are as good. KR_MALFORMED where it is anything else. */
enum kr_err kr_pairing_code_parse(const char *text, size_t len, char ret_code[static KR_PAIRING_CODE_BYTES]) KR_WARN_UNUSED;

#endif
