/* A person's machine and keeper, over net (docs/PROTOCOL.md, "Clients from afar").
 *
 * Net is a pipe here, too: within CURVE, whose node key it holds, the two have a session of their own. Keeper proves itself by a
 * node key that the council's card lists, the newest that the machine has seen of it, whichever node it came from; or, before it
 * has seen any, by one that it knows. The machine proves itself by its X25519 key, whose product with keeper's ephemeral one goes
 * into the transcript, so that nobody else comes to the same session keys. Inside run the bytes of the client protocol.
 *
 * A frame is KR_FRAME_REMOTE, a second byte, then
 *   KR_REMOTE_HELLO    array of 4: version 1, council id, the machine's key, ephemeral X25519 key (bin 32)
 *   KR_REMOTE_ANSWER   array of 5: version 1, node key, ephemeral (bin 32), council card (bin: the whole record), signature (bin
 * 64) KR_REMOTE_SEALED   secretstream ciphertext of one part KR_REMOTE_REFUSED  array of 1: reason (enum kr_err); proves nothing
 *
 *   signature  = Ed25519(node key, "kairan remote answer sig" ‖ H("kairan remote answer body" ‖ hash of the hello ‖ array of the
 *                first four, encoded))
 *   hash       = H("kairan remote hash" ‖ whole array)
 *   transcript = H("kairan remote transcript" ‖ hash of the hello ‖ hash of the answer ‖ X25519(machine's key, keeper's ephemeral))
 *
 * A part is one byte and what follows it:
 *   KR_REMOTE_BYTES    bytes of the client protocol's stream, at most KR_REMOTE_UP_BYTES from a machine, KR_REMOTE_DOWN_BYTES to it
 *   KR_REMOTE_TAKEN    n (1 byte): so many parts with bytes are dealt with, and as many more may come
 *   KR_REMOTE_END      nothing more comes */
#ifndef KR_PROTO_WIRE_REMOTE_H
#define KR_PROTO_WIRE_REMOTE_H

#include "crypto/session.h"
#include "proto/record/statement.h"
#include "proto/wire/wire.h"

#define KR_REMOTE_VERSION 1u

enum kr_remote_class { KR_REMOTE_HELLO = 1, KR_REMOTE_ANSWER = 2, KR_REMOTE_SEALED = 3, KR_REMOTE_REFUSED = 4 };
enum kr_remote_part { KR_REMOTE_BYTES = 0, KR_REMOTE_TAKEN = 1, KR_REMOTE_END = 2 };

#define KR_REMOTE_HEAD_BYTES 2u                                                      /* of every frame */
#define KR_REMOTE_MORE_BYTES (KR_REMOTE_HEAD_BYTES + KR_SESSION_OVERHEAD_BYTES + 1u) /* of a sealed one, beyond its bytes */

struct kr_remote_hello {
    uint32_t version;
    uint8_t council[32], key[32], ephemeral[32];
};
/* Arrays, without the frame's head. A newer version may append fields, which are passed over. */
void kr_remote_hello_write(const struct kr_remote_hello *hello, struct kr_writer *writer);
enum kr_err kr_remote_hello_read(struct kr_slice bytes, struct kr_remote_hello *ret_hello) KR_WARN_UNUSED;

struct kr_remote_answer {
    uint32_t version;
    uint8_t node_key[32], ephemeral[32];
    struct kr_slice card; /* borrowed */
    uint8_t signature[64];
};
/* Checks the signature over it and the hello (its array's bytes): KR_SIGNATURE. Whether that node key speaks for the council is for
 * the caller to check. */
enum kr_err kr_remote_answer_read(struct kr_slice bytes, struct kr_slice hello, struct kr_remote_answer *ret_answer) KR_WARN_UNUSED;

/* ---- the council's card ---- */

/* A whole record that is that council's card by its genesis and root key. KR_DENIED: another's; as reading a record says. */
enum kr_err kr_remote_card_read(struct kr_slice record, const uint8_t council[static 32], struct kr_card *ret_card,
                                uint64_t *ret_version) KR_WARN_UNUSED;
/* Whether card `a` counts more: it has longer re-keyings, or as long ones and a later version. */
bool kr_remote_card_outranks(const struct kr_card *a, uint64_t a_version, const struct kr_card *b, uint64_t b_version);

/* ---- the machine ---- */

struct kr_remote_machine {
    uint8_t public_key[32], secret[32]; /* X25519 */
    uint8_t council[32], node_key[32];  /* node_key zero: none is known yet */
    struct kr_slice card;               /* the newest card of the council that it has seen; empty: none; borrowed */
    uint8_t ephemeral_public[32], ephemeral_secret[32];
};
/* Makes the ephemeral pair from `seed` (32 random bytes); `frame` gets the whole hello frame. */
void kr_remote_begin(struct kr_remote_machine *machine, const uint8_t seed[static 32], struct kr_writer *frame);
struct kr_remote_found {
    uint8_t node_key[32]; /* by which keeper proved itself */
    struct kr_slice card; /* where it counts more than the machine's, at most KR_CARD_BYTES_MAX; else empty. In the answer frame */
};
/* Keeper's answer frame to that hello frame. Keeper's node key has to be listed, for the present time, by the one of the answer's
 * card and the machine's that counts more: the one with the longer re-keyings, then the later version, then the answer's. As long
 * as the machine has none, it may be the one that it knows, too. KR_DENIED with a sentence where it is somebody else; KR_VERSION;
 * what a refusal says. */
enum kr_err kr_remote_finish(const struct kr_remote_machine *machine, struct kr_slice hello_frame, struct kr_slice answer_frame,
                             uint64_t now_s, struct kr_session *ret_session, struct kr_remote_found *ret_found,
                             struct kr_error *error) KR_WARN_UNUSED;

/* ---- keeper ---- */

/* Answers a hello (array): `frame` gets the answer frame, `ret_session` stands once the first frame of it opens, which proves the
 * machine's key. KR_KEY where a key of the hello is of low order. */
enum kr_err kr_remote_answer(struct kr_slice hello_bytes, const struct kr_remote_hello *hello, const uint8_t node_public[static 32],
                             const uint8_t node_secret[static 64], struct kr_slice card, const uint8_t seed[static 32],
                             struct kr_writer *frame, struct kr_session *ret_session) KR_WARN_UNUSED;
void kr_remote_refuse(enum kr_err reason, struct kr_writer *frame);

/* ---- both ---- */

/* A whole frame around one part: `ret` has room for len + KR_REMOTE_MORE_BYTES. Returns its length. `bytes` may be NULL. */
size_t kr_remote_seal(struct kr_session *session, enum kr_remote_part part, const uint8_t *bytes, size_t len, uint8_t *ret);
/* The other way; `ret` has room for so many bytes: a part's first byte and what follows it. `*ret_bytes` lie in it. KR_SESSION;
 * KR_MALFORMED, also where the part is larger than that, and then nothing is written. */
enum kr_err kr_remote_open(struct kr_session *session, struct kr_slice frame, uint8_t *ret, size_t room,
                           enum kr_remote_part *ret_part, struct kr_slice *ret_bytes) KR_WARN_UNUSED;

#endif
