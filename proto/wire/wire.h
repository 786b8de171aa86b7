/* What peers' keepers say to each other (docs/PROTOCOL.md, "Links").
 *
 * One ZeroMQ message is one frame: a class byte, then
 *   KR_FRAME_HELLO   hello, in the open but signed: the only thing that passes before a session stands
 *   KR_FRAME_SEALED  session number (8) ‖ secretstream ciphertext of one message
 *   KR_FRAME_LOST    session number (8): "I have no such session"; unauthenticated, a hint to say hello again (rate limited by the
 * receiver)
 *
 * A message is a canonical array [type, ...]. Decoding is exact; an unknown type decodes as KR_MESSAGE_UNKNOWN and is ignored, so
 * that newer nodes may say more. All slices are borrowed from the frame. */
#ifndef KR_PROTO_WIRE_WIRE_H
#define KR_PROTO_WIRE_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/hash.h"
#include "crypto/limits.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"

#define KR_WIRE_VERSION 2

enum kr_frame_class {
    KR_FRAME_HELLO = 1,
    KR_FRAME_SEALED = 2,
    KR_FRAME_LOST = 3,
    KR_FRAME_REMOTE = 4, /* a person's machine: proto/wire/remote.h */
};

/* hello      = array of 10: wire version, role (0 initiator, 1 responder), purpose (0 link, 1 join by ticket, 2 another node of the
 * same council, by ticket), council id (bin 32), node public key (bin 32), ephemeral X25519 public key (bin 32), council meant (bin
 * 32), hash of the initiator's hello (bin 0 or 32), card record (bin), signature (bin 64) signature  = Ed25519(node key, "kairan
 * hello sig" ‖ BLAKE2b-256("kairan hello body" ‖ array of the first nine, encoded)) hash       = BLAKE2b-256("kairan hello hash" ‖
 * whole encoding) transcript = BLAKE2b-256("kairan transcript" ‖ hash of the initiator's hello ‖ hash of the responder's) A hello
 * of a newer wire version may append fields behind the signature; they are ignored (but hashed). */
struct kr_hello {
    uint32_t version;
    bool is_responder, is_join;
    bool is_node; /* purpose 2: the initiator has no card yet, and its key stands on none */
    uint8_t council[32], node_key[32], ephemeral[32], meant[32];
    bool has_reply_to;
    uint8_t reply_to[32];
    struct kr_slice card; /* the council card's whole record: self-certifying, so that both sides hold the newest */
    uint8_t signature[64];
};
/* Writes and signs (fills hello->signature). */
void kr_hello_write(struct kr_hello *hello, const uint8_t node_secret[static 64], struct kr_writer *writer);
/* Decodes and checks the signature against hello->node_key: KR_SIGNATURE. Whether that key speaks for the council is the caller's
 * to check (the card). */
enum kr_err kr_hello_read(struct kr_slice bytes, struct kr_hello *ret_hello) KR_WARN_UNUSED;
void kr_hello_hash(uint8_t ret_hash[static 32], struct kr_slice hello_bytes);
void kr_transcript(uint8_t ret_transcript[static 32], const uint8_t initiator_hash[static 32],
                   const uint8_t responder_hash[static 32]);

/* Scopes: the sets that two nodes reconcile (docs/ARCHITECTURE.md, "Scopes"). On the wire a scope is told by its tag
 * (kr_scope_tag). */
enum kr_scope_kind {
    KR_SCOPE_DIRECTORY = 1, /* id: community */
    KR_SCOPE_CLEAR = 2,     /* id: all zero */
    KR_SCOPE_GREEN = 3,     /* id: community */
    KR_SCOPE_RELAY = 4,     /* id: community */
    KR_SCOPE_COUNCIL = 5,   /* id: own council */
    KR_SCOPE_PAIR = 6,      /* id: peer council */
};
#define KR_SCOPE_KIND_MAX 6
struct kr_scope {
    uint8_t kind;
    uint8_t id[32];
    uint32_t hour_from; /* of its trees what was created in this hour (since 1970) or later; on no wire */
};
/* kr_hash_short of kind (1) ‖ id (32; a pair's: zeros, as either end has another name for it) under the session's salt: the same
 * at both ends, and nothing to anybody else. */
#define KR_SCOPE_TAG_BYTES KR_SHORT_BYTES
void kr_scope_tag(uint8_t ret_tag[static KR_SCOPE_TAG_BYTES], const uint8_t salt[static KR_SHORT_KEY_BYTES],
                  const struct kr_scope *scope);

enum kr_message_type {
    KR_MESSAGE_UNKNOWN = 0,
    KR_MESSAGE_PING = 1,     /* sequence, digest, count: what both hold, in one */
    KR_MESSAGE_PONG = 2,     /* the same, in answer */
    KR_MESSAGE_RECORDS = 3,  /* records, pushed or wanted */
    KR_MESSAGE_CREDIT = 4,   /* count: so many bytes of records are dealt with (durable, refused, or known) */
    KR_MESSAGE_CURSOR = 5,   /* tag, count, hash: what entered after my mark? */
    KR_MESSAGE_HAVE = 6,     /* tag, from, count, hash after, status, ids: what entered `from` on */
    KR_MESSAGE_WANT = 7,     /* tag, from, count, bits: these of the entries [from, from + count) */
    KR_MESSAGE_GONE = 8,     /* ids wanted that cannot be sent (any more) */
    KR_MESSAGE_REFUSE = 9,   /* id, reason: a record that should not have been sent, or cannot be taken */
    KR_MESSAGE_BYE = 10,     /* reason */
    KR_MESSAGE_WELCOME = 11, /* reason 0: the joiner is linked, durably; else why not */
    KR_MESSAGE_SYNC = 12,    /* walk, tag, status, generation, dealt, count, parts (proto/wire/sync.h); status 1: this walk ends */
    KR_MESSAGE_FORWARD = 13, /* id, count, from, piece: of a frame for that council, or from it, where this node is in the middle */
    KR_MESSAGE_NEED = 14,    /* count: bytes of the next record, for which there is not room enough */
    KR_MESSAGE_ROOTS = 15,   /* status, month, roots: what each scope holds */
    KR_MESSAGE_IHAVE = 16,   /* ids: what entered here and is not sent unasked */
    KR_MESSAGE_GRAFT = 17,   /* status, ids: push what is of these trees; `status` 0: and these records */
    KR_MESSAGE_PRUNE = 18,   /* ids: only announce what is of these trees */
    KR_MESSAGE_COMMIT = 19,  /* id: what the first of a pending link has committed to (proto/wire/pairing.h) */
    KR_MESSAGE_REVEAL = 20,  /* id: the sender's random */
    KR_MESSAGE_PAIRED = 21,  /* status: enum kr_paired */
    KR_MESSAGE_FORWARD_ASK = 22,    /* id, status: 1 I want to be linked with that council through you, 0 no more */
    KR_MESSAGE_FORWARD_STATE = 23,  /* id, status (enum kr_forward_state): how it is with that; to who has asked */
    KR_MESSAGE_FORWARD_CREDIT = 24, /* id, count: so much more of pieces for that council, or from it, is taken */
    KR_MESSAGE_NODE_ASK = 25,       /* body: who asks to be a node of this council (proto/wire/node.h) */
    KR_MESSAGE_NODE_KEYS = 26,      /* body: what all nodes of a council hold; between them alone */
    KR_MESSAGE_PROBE =
        28, /* status (enum kr_trial): try the address that my card names for this link's key; or what came of that */
};

/* How a link that was made by a ticket stands with the sender's operator. */
enum kr_paired {
    KR_PAIRED_NOT = 0,      /* pending, and not confirmed there */
    KR_PAIRED_HERE = 1,     /* pending, and confirmed there */
    KR_PAIRED_IN_FORCE = 2, /* both have confirmed */
    KR_PAIRED_REJECTED = 3, /* the operator does not want it, or the code was wrong too often: the link is gone there */
};

/* How it is with a link through the node that says so. */
enum kr_forward_state {
    KR_FORWARD_READY = 0,   /* say hello to each other; what either said before is gone */
    KR_FORWARD_WAITING = 1, /* the other council has not asked for it */
    KR_FORWARD_NOT_UP = 2,  /* the other council's node is not linked here now */
    KR_FORWARD_DENIED = 3,  /* this node's operator has not allowed it */
    KR_FORWARD_TAKEN = 4,   /* another node of the asker's council has asked for it, and is here */
};

/* What one scope holds at the sender. */
#define KR_ROOTS_MAX       64u /* scopes in one message */
#define KR_MARK_HASH_BYTES 16u /* of a running hash, the first */
struct kr_root {
    uint8_t tag[KR_SCOPE_TAG_BYTES];
    uint64_t count;                   /* entries in its log */
    uint8_t hash[KR_MARK_HASH_BYTES]; /* running hash over them */
    uint64_t read;       /* entries of the receiver's log that the sender has read; UINT64_MAX: it does not, and would walk */
    uint64_t tree_count; /* keys in its trees, of the months that are not over */
    uint8_t root8[8];    /* kr_hash_short of their root under the session's salt */
};

/* Each message is an array [type, fields…] of exactly these fields; tag = bin 8:
 *
 *   ping, pong   sequence, digest (bin 16), count   refuse    id (bin 32), reason
 *   records      records (array of bins)            bye       reason
 *   credit       count                              welcome   reason
 *   commit, reveal  id (bin 32)                     paired    status
 *   need         count                              gone      ids (bin, 16 bytes each)
 *   cursor       tag, count, hash (bin 16)
 *   have         tag, from, count, hash (bin 16), status, ids (bin, 16 bytes each)
 *   want         tag, from, count, bits (bin)
 *   ihave, prune ids (bin, 16 bytes each)           graft     status, ids (bin, 16 bytes each)
 *   node ask, node keys   body (bin)
 *   roots        status, month, roots (array of [tag, count, hash (bin 16), read, tree_count, root8 (bin 8)])
 *   sync         walk, tag, status, generation, dealt, count, parts (array)
 *   forward      council (bin 32), length of the frame, where the piece begins in it, piece (bin)
 *   forward ask, forward state  council (bin 32), status       forward credit  council (bin 32), count
 *
 * An id is told by its first 16 bytes, under which the store finds it.
 *
 * A message is small, and what it lists stays where it is: lists are slices of the frame that was read, or of what the caller
 * encoded. */
#define KR_SHORT_ID_BYTES 16u
struct kr_message {
    uint32_t type;
    uint64_t sequence;               /* ping, pong: the sender's time, ms */
    uint8_t tag[KR_SCOPE_TAG_BYTES]; /* cursor, have, want, sync: of the scope */
    uint64_t from;  /* have: entries [from, from + number of ids); want: the entry that the first bit stands for; forward: where
                       the piece begins */
    uint64_t count; /* forward: bytes of the whole frame; forward credit: bytes, each piece counted as
                       KR_FORWARD_PIECE_COST longer; cursor: the mark; have: entries in the log now; want: bits; credit, need:
                       bytes; ping, pong: entries in the logs of all mutual scopes; sync: keys in the tree */
    uint8_t hash[KR_MARK_HASH_BYTES]; /* cursor: running hash at the mark; have: running hash after the last id listed */
    uint8_t digest[16];               /* ping, pong: over all mutual scopes (node/core/roots.c) */
    uint8_t id[32];                   /* refuse; forward, forward ask, state, credit: the other council; commit, reveal */
    uint32_t status;                  /* have: 0 continues the mark, 1 the mark is not of this log; roots: 1 asks for an
                                         answer, else 0; graft: 0 the records too, 1 not they; sync: 0 goes on, 1 ends;
                                         forward ask: 1 wanted; forward state: enum kr_forward_state; paired: enum kr_paired;
                                         probe: enum kr_trial (proto/client/trial.h) */
    uint32_t month;                   /* roots: the first month that is not over by the sender's clock */
    uint32_t reason;                  /* refuse, bye, welcome: enum kr_err */
    struct kr_slice ids;              /* have, gone, ihave, graft, prune: KR_SHORT_ID_BYTES each, at most KR_PAGE_IDS_MAX */
    struct kr_slice piece;            /* forward: 1 to KR_FORWARD_PIECE_BYTES_MAX; it ends within the frame */
    struct kr_slice bits;             /* want: bit i of byte i / 8, the lowest first; those past `count` are 0 */
    uint32_t item_count;              /* of `items`: at most KR_IDS_PER_FRAME_MAX records, or KR_ROOTS_MAX roots */
    struct kr_slice items;            /* records, roots: the encoded elements, one after another */
    uint64_t walk;                    /* sync: its number */
    uint32_t generation;              /* sync: one more than that of the message that it answers; the first has 0 */
    uint64_t dealt;                   /* sync: messages of the generation before that the sender has dealt with */
    uint32_t part_count;
    struct kr_slice body;  /* node ask, node keys: proto/wire/node.h */
    struct kr_slice parts; /* sync: so many, encoded one behind the other; each is well-formed where the message was read */
};
/* Takes the next element from `message->items` and counts it off; false at the end. (Of what was read: else it may end early.) */
bool kr_message_next_record(struct kr_message *message, struct kr_slice *ret_record);
bool kr_message_next_root(struct kr_message *message, struct kr_root *ret_root);
/* Writes one element for `items`; a record is kr_writer_slice. */
void kr_root_write(const struct kr_root *root, struct kr_writer *writer);
uint32_t kr_message_id_count(const struct kr_message *message);
const uint8_t *kr_message_id(const struct kr_message *message, uint32_t at);
/* Encodes the fields that its type uses. */
void kr_message_write(const struct kr_message *message, struct kr_writer *writer);
enum kr_err kr_message_read(struct kr_slice bytes, struct kr_message *ret_message) KR_WARN_UNUSED;

#endif
