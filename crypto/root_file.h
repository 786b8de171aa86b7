/* A council's root and recovery keys away from the node: the root key in a file under a passphrase, for a stick in a safe; the
 * recovery key as lines for paper. */
#ifndef KR_CRYPTO_ROOT_FILE_H
#define KR_CRYPTO_ROOT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"

struct kr_root_key {
    uint8_t council[32];
    uint8_t public_key[32], secret[64]; /* Ed25519 */
};

/* The file: crypto/locked_file.h with the magic "KRROOT", always under a passphrase; content: council id ‖ public key ‖ secret.
 * KR_EXISTS where it is there; KR_PASSPHRASE where the passphrase is empty; else as kr_locked_write and kr_locked_read say. */
enum kr_err kr_root_file_write(const struct kr_root_key *key, const char *path, const char *passphrase,
                               struct kr_error *error) KR_WARN_UNUSED;
/* `*ret_key` in locked memory, released with kr_secret_free. */
enum kr_err kr_root_file_read(const char *path, const char *passphrase, struct kr_root_key **ret_key,
                              struct kr_error *error) KR_WARN_UNUSED;

/* Paper: the key's seed 32 ‖ the council id's first 8 bytes, 8 bytes a line. A line is its number, four groups of four characters
 * of Crockford's base32 and, being 10 bytes, the first two of BLAKE2b("kairan paper line" ‖ number ‖ the 8 bytes) behind them: what
 * was mistyped is found line by line. */
#define KR_PAPER_LINES      5u
#define KR_PAPER_LINE_BYTES 23u /* "1  ABCD EFGH JKMN PQRS" and a NUL */

void kr_paper_write(const uint8_t seed[static 32], const uint8_t council[static 32],
                    char ret_lines[static KR_PAPER_LINES][KR_PAPER_LINE_BYTES]);
/* Reads the lines in any order, with whatever spaces, hyphens and case; O is 0, I and L are 1; lines without a digit in front are
 * passed over. KR_MALFORMED where a line is wrong (`error` says which), missing, or there twice and different. `ret_seed` is then
 * zero. */
enum kr_err kr_paper_read(const char *text, size_t len, uint8_t ret_seed[static 32], uint8_t ret_council_begin[static 8],
                          struct kr_error *error) KR_WARN_UNUSED;

#endif
