#include "crypto/session.h"

#include <string.h>

#include "crypto/hash.h"

_Static_assert(KR_SESSION_OVERHEAD_BYTES == 17, "part of the wire format");

/* Both ends of a stream start from a header, which libsodium's init_push would draw at random. init_pull builds the same state from
 * a given header, so both ends use it; that is safe because the key is fresh with every session. */
static void stream_init(crypto_secretstream_xchacha20poly1305_state *state, const uint8_t shared[static 32],
                        const uint8_t transcript[static 32])
{
    uint8_t key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
    uint8_t header[crypto_secretstream_xchacha20poly1305_HEADERBYTES];
    kr_hash_keyed(key, sizeof key, shared, "kairan session key", transcript, 32);
    kr_hash_keyed(header, sizeof header, shared, "kairan session header", transcript, 32);
    (void)crypto_secretstream_xchacha20poly1305_init_pull(state, header, key);
    sodium_memzero(key, sizeof key);
}

enum kr_err kr_session_init(struct kr_session *session, bool initiator, const uint8_t ephemeral_public[static 32],
                            const uint8_t ephemeral_secret[static 32], const uint8_t peer_ephemeral[static 32],
                            const uint8_t transcript[static 32])
{
    uint8_t rx[crypto_kx_SESSIONKEYBYTES], tx[crypto_kx_SESSIONKEYBYTES], id[KR_HASH_BYTES];
    enum kr_err err = KR_KEY;

    int failed = initiator ? crypto_kx_client_session_keys(rx, tx, ephemeral_public, ephemeral_secret, peer_ephemeral)
                           : crypto_kx_server_session_keys(rx, tx, ephemeral_public, ephemeral_secret, peer_ephemeral);
    if (failed != 0) {
        goto out;
    }
    kr_hash(id, "kairan session id", transcript, 32);
    memcpy(session->id, id, KR_SESSION_ID_BYTES);
    kr_hash_keyed(session->salt, sizeof session->salt, initiator ? tx : rx, "kairan session salt", transcript, 32);
    stream_init(&session->rx, rx, transcript);
    stream_init(&session->tx, tx, transcript);
    err = KR_OK;
out:
    sodium_memzero(rx, sizeof rx);
    sodium_memzero(tx, sizeof tx);
    return err;
}

void kr_session_seal(struct kr_session *session, uint8_t *ret, const uint8_t *bytes, size_t len)
{
    int failed = crypto_secretstream_xchacha20poly1305_push(&session->tx, ret, NULL, bytes, len, NULL, 0,
                                                            crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
    KR_ASSERT(failed == 0);
}

enum kr_err kr_session_open(struct kr_session *session, uint8_t *ret, const uint8_t *bytes, size_t len)
{
    if (len < KR_SESSION_OVERHEAD_BYTES) {
        return KR_SESSION;
    }
    crypto_secretstream_xchacha20poly1305_state before = session->rx;
    unsigned char tag = 0;
    enum kr_err err = KR_OK;
    if (crypto_secretstream_xchacha20poly1305_pull(&session->rx, ret, NULL, &tag, bytes, len, NULL, 0) != 0) {
        err = KR_SESSION;
    } else if (tag != crypto_secretstream_xchacha20poly1305_TAG_MESSAGE) {
        /* The peer's own frame, but none that this protocol has; libsodium has written it and gone on already. */
        sodium_memzero(ret, len - KR_SESSION_OVERHEAD_BYTES);
        session->rx = before;
        err = KR_SESSION;
    }
    sodium_memzero(&before, sizeof before);
    return err;
}

void kr_session_wipe(struct kr_session *session)
{
    sodium_memzero(session, sizeof *session);
}
