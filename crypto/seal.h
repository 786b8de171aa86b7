/* Sealing: content key, body, slots, commitment (docs/PROTOCOL.md, "Sealing").
 *
 * Everything random is derived from the caller's seed: same seed, same bytes. */
#ifndef KR_CRYPTO_SEAL_H
#define KR_CRYPTO_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"

#define KR_CONTENT_KEY_BYTES 32
#define KR_SLOT_BYTES        80 /* ephemeral public 32 ‖ box of the content key 48: what crypto_box_seal_open opens */
#define KR_HINT_BYTES        4
#define KR_AEAD_BYTES        16
#define KR_NONCE_BYTES       24

/* X25519 key pair from a seed (crypto_box_seed_keypair). */
void kr_box_keypair(uint8_t ret_public[static 32], uint8_t ret_secret[static 32], const uint8_t seed[static 32]);

/* The same two keys as X25519 of an Ed25519 pair (RFC 7748 section 4.1; libsodium's crypto_sign_ed25519_*_to_curve25519): for what
 * is sealed to somebody who has nothing but a signing key. KR_KEY where that key is none. */
enum kr_err kr_box_public_of_sign(uint8_t ret_public[static 32], const uint8_t sign_public[static 32]) KR_WARN_UNUSED;
void kr_box_secret_of_sign(uint8_t ret_secret[static 32], const uint8_t sign_secret[static 64]);

/* First four bytes of the domain-separated hash of a sealing key: tells a holder which slot to try. */
void kr_hint(uint8_t ret_hint[static KR_HINT_BYTES], const uint8_t public_key[static 32]);

/* slot = crypto_box_seal(content key, recipient), with the ephemeral key pair made from `seed` (a fresh one for each slot).
 * KR_KEY where the recipient's key is of low order. */
enum kr_err kr_slot_seal(uint8_t ret_slot[static KR_SLOT_BYTES], const uint8_t content_key[static 32],
                         const uint8_t recipient_public[static 32], const uint8_t seed[static 32]) KR_WARN_UNUSED;
enum kr_err kr_slot_open(uint8_t ret_content_key[static 32], const uint8_t slot[static KR_SLOT_BYTES],
                         const uint8_t recipient_public[static 32], const uint8_t recipient_secret[static 32]) KR_WARN_UNUSED;

/* BLAKE2b-256("kairan content key" ‖ key): XChaCha20-Poly1305 does not commit to its key, so the signed header does. */
void kr_commitment(uint8_t ret_commitment[static 32], const uint8_t content_key[static 32]);

/* Size classes: class c is the smallest of 256, 384, 512, 768, 1024 … (2^k and 1.5 * 2^k) … 224 KiB; class 0 means "not padded". */
uint32_t kr_pad_class(size_t body_len);        /* smallest class whose size is >= body_len + 4; 0 where none is */
size_t kr_pad_class_bytes(uint32_t pad_class); /* its size; 0 for an unknown class */

/* XChaCha20-Poly1305-IETF. `ret` has room for len + 16 (seal) or len - 16 (open); may be the same buffer as `bytes`. */
void kr_aead_seal(uint8_t *ret, const uint8_t *bytes, size_t len, const void *ad, size_t ad_len, const uint8_t nonce[static 24],
                  const uint8_t key[static 32]);
enum kr_err kr_aead_open(uint8_t *ret, const uint8_t *bytes, size_t len, const void *ad, size_t ad_len,
                         const uint8_t nonce[static 24], const uint8_t key[static 32]) KR_WARN_UNUSED;

#endif
