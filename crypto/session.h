/* The keepers' own session over an untrusted pipe (docs/PROTOCOL.md, "Session").
 *
 * Both sides exchange ephemeral X25519 keys in signed hellos (signature and identity are checked by the caller, before this
 * module is used). Keys: crypto_kx with the initiator as client, each then hashed with the transcript (hash of both hellos), so
 * that a session stands only between two who saw the same hellos. Frames: crypto_secretstream_xchacha20poly1305 in order; a lost,
 * repeated or altered frame fails and the session is dead. The stream's header is derived, not random: nothing here is random. */
#ifndef KR_CRYPTO_SESSION_H
#define KR_CRYPTO_SESSION_H

#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"

#define KR_SESSION_ID_BYTES       8
#define KR_SESSION_SALT_BYTES     16
#define KR_SESSION_OVERHEAD_BYTES crypto_secretstream_xchacha20poly1305_ABYTES

struct kr_session {
    uint8_t id[KR_SESSION_ID_BYTES]; /* the session number on every frame: first bytes of the transcript hash, domain-separated */
    uint8_t salt[KR_SESSION_SALT_BYTES]; /* the same at both ends, known to nobody else: key of what is shortened (kr_hash_short) */
    crypto_secretstream_xchacha20poly1305_state tx, rx;
};

/* `ephemeral_secret/public`: our pair (kr_box_keypair), `peer_ephemeral`: theirs, `transcript`: 32-byte hash of both hellos in
 * order initiator, responder. KR_KEY where the peer's key is of low order. */
enum kr_err kr_session_init(struct kr_session *session, bool initiator, const uint8_t ephemeral_public[static 32],
                            const uint8_t ephemeral_secret[static 32], const uint8_t peer_ephemeral[static 32],
                            const uint8_t transcript[static 32]) KR_WARN_UNUSED;
/* `ret` has room for len + KR_SESSION_OVERHEAD_BYTES. Cannot fail. */
void kr_session_seal(struct kr_session *session, uint8_t *ret, const uint8_t *bytes, size_t len);
/* `ret` has room for len - KR_SESSION_OVERHEAD_BYTES. KR_SESSION for anything that is not the very next frame; the state is then
 * unchanged. Not in place: `ret` must not overlap `bytes`. */
enum kr_err kr_session_open(struct kr_session *session, uint8_t *ret, const uint8_t *bytes, size_t len) KR_WARN_UNUSED;
void kr_session_wipe(struct kr_session *session);

#endif
