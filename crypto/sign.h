/* Ed25519 (RFC 8032) with a domain string in front of every message, and checks of public keys at enrolment. */
#ifndef KR_CRYPTO_SIGN_H
#define KR_CRYPTO_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"

#define KR_SIGNATURE_BYTES       64
#define KR_SIGN_MSG_BYTES_MAX    4096
#define KR_SIGN_DOMAIN_BYTES_MAX 64

void kr_sign_keypair(uint8_t ret_public[static 32], uint8_t ret_secret[static 64], const uint8_t seed[static 32]);

/* Whether the secret belongs to that public half: one that does not would make signatures that give the secret away. */
bool kr_sign_is_pair(const uint8_t public_key[static 32], const uint8_t secret[static 64]);

/* signature = Ed25519(secret, domain without NUL ‖ msg); `len` at most KR_SIGN_MSG_BYTES_MAX, the domain at most
 * KR_SIGN_DOMAIN_BYTES_MAX. No domain may be the beginning of another, else a message could move between them. */
void kr_sign(uint8_t ret_signature[static 64], const uint8_t secret[static 64], const char *domain, const void *msg, size_t len);
/* KR_SIGNATURE where it does not match, or where the message is longer than any that can be signed. */
enum kr_err kr_verify(const uint8_t signature[static 64], const uint8_t public_key[static 32], const char *domain, const void *msg,
                      size_t len) KR_WARN_UNUSED;

/* KR_KEY unless the bytes are a canonical point of the prime-order group (small and mixed order refused). For every Ed25519 key
 * that is enrolled: root, recovery, node. */
enum kr_err kr_sign_public_check(const uint8_t public_key[static 32]) KR_WARN_UNUSED;
/* The same for X25519 keys (sealing, transport, ephemeral): refuses the low-order points. */
enum kr_err kr_box_public_check(const uint8_t public_key[static 32]) KR_WARN_UNUSED;

#endif
