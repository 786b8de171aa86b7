/* The signed unit that travels (docs/PROTOCOL.md, "Records").
 *
 * A record is a canonical array [header, slots, body, signature] of four bins.
 *
 *   header    = prefix ‖ routing
 *   prefix    = format version (1 byte) ‖ suite (1 byte, 1 = Ed25519 + BLAKE2b + XChaCha20-Poly1305 + X25519) ‖ author council id
 *               (32) ‖ signing public key (32): 66 bytes at fixed offsets, all that is read before the signature holds
 *   routing   = array of 16: kind, created_ms, expires_s, label, community (bin 0 or 32), audience (array of at most 256 bins of
 *               32, strictly ascending), relay (bin 0 or 32), flags, subject (bin 0 or 32), version, target (bin 0 or 32),
 *               nonce (bin 24), pad class, commitment (bin 0 or 32), hash of slots (bin 32), hash of body (bin 32)
 *   slots     = empty, or an array of bins of 84: hint (4) ‖ slot (80), sorted by their bytes
 *   body      = open labels: the content; sealed labels: XChaCha20-Poly1305(BE32 length of inner ‖ inner ‖ zeros up to the pad
 *               class) with the record's nonce, the content key, and as associated data the header before its hash of slots
 *   inner     = array [author council id (bin 32), content (bin)]
 *   id        = BLAKE2b-256("kairan record id" ‖ header)
 *   signature = Ed25519(signing key, "kairan record sig" ‖ id)
 *   hash of slots = BLAKE2b-256("kairan slots" ‖ slots);   hash of body = BLAKE2b-256("kairan body" ‖ body)
 *
 * These 16 fields are frozen for ever. A record of a newer format version has them first and may append more: it is verified,
 * stored and relayed unchanged, its content is not opened. Unknown kinds likewise. slots and body may both be empty bins in a
 * purged record (header-only): such a record verifies by its header alone and says so. */
#ifndef KR_PROTO_RECORD_RECORD_H
#define KR_PROTO_RECORD_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/hash.h"
#include "crypto/keyring.h"
#include "crypto/limits.h"
#include "crypto/seal.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"
#include "proto/record/label.h"

#define KR_RECORD_FORMAT       1
#define KR_RECORD_SUITE        1
#define KR_RECORD_PREFIX_BYTES 66
#define KR_ID_BYTES            32
#define KR_CREATED_MS_MAX      UINT64_C(253402300799999) /* the end of the year 9999: sums with it cannot overflow */

enum kr_kind {
    KR_KIND_REPORT = 1,
    KR_KIND_ADVISORY = 2,
    KR_KIND_NOTICE = 3,
    KR_KIND_INQUIRY = 4,
    KR_KIND_SIGHTING = 5,
    KR_KIND_RETRACTION = 6,
    KR_KIND_REVISION = 7,
    KR_KIND_RECEIPT = 8,
    KR_KIND_RELEASE_REQUEST = 9,
    KR_KIND_RELEASE = 10,
    KR_KIND_COMMENT = 11,
    /* Statements: signed with the root key unless noted; live in the directory. */
    KR_KIND_COUNCIL_CARD = 32, /* replaceable; subject = the author's id */
    KR_KIND_CHARTER = 33,      /* replaceable; subject = the community id */
    KR_KIND_VOUCH = 34,        /* replaceable; subject = the council vouched for */
    KR_KIND_EXPULSION = 35,    /* replaceable; subject = the council expelled; its author's own: it leaves */
    KR_KIND_REVOCATION = 38,   /* replaceable; subject = which key and page: proto/record/revocation.h */
    /* Signed with a node key, GREEN, in a community: the name of a body that agreed to it (body_notice.h). */
    KR_KIND_BODY_NOTICE = 39, /* replaceable; subject = the body's id */
    /* The council's own: signed with a node key, sealed to itself, never sent to another council (person.h). */
    KR_KIND_BODY_CARD = 36,   /* replaceable; subject = the body's id */
    KR_KIND_PERSON_CARD = 37, /* replaceable; subject = the person's id */
    KR_KIND_PEER_LINK = 41,   /* replaceable; subject = the peer's council id */
    KR_KIND_TICKET = 42,      /* replaceable; subject = a ticket for machines, or a machine: ticket_word.h */
    KR_KIND_BODY_KEY = 43,    /* replaceable; subject = the person who holds it, or the key */
    KR_KIND_DRAFT = 40,       /* replaceable; subject = its token, and which part of it: node/core/draft.h */
    KR_KIND_PEER_ROOT = 45,   /* replaceable; subject = the peer's council id: peer_root.h */
    KR_KIND_DUTY = 44,        /* replaceable; subject = a standing consent's id, or the duty roster's: duty.h */
};
/* "report", "advisory" … or "kind N is unknown" as "unknown". Static storage. */
const char *kr_kind_name(uint32_t kind);
/* Whether only the highest version per (author, kind, community, subject) counts. */
bool kr_kind_is_replaceable(uint32_t kind);
/* Whether the root key signs it (cards, charters, vouches, expulsions). */
bool kr_kind_is_statement(uint32_t kind);
/* Whether it never leaves its council (body and person cards, copies of bodies' keys, drafts, consents, the duty roster, links,
 * peers' root keys, tickets). */
bool kr_kind_is_internal(uint32_t kind);
/* Whether it tells of a council itself (statements, what never leaves it, names of its bodies) and is no information that is
 * shared: no list, look-up, export or watch shows it, and no retraction takes it back. */
bool kr_kind_is_of_council(uint32_t kind);
/* Whether it takes its target back: retraction, revision. */
bool kr_kind_takes_back(uint32_t kind);

#define KR_FLAG_EXERCISE 1u
/* How titles outside begin where they belong to an exercise. */
#define KR_EXERCISE_MARK "[EXERCISE] 【訓練】 "

/* The header, decoded. Fixed-size except the audience, which is borrowed from the record's bytes. */
struct kr_header {
    uint8_t format, suite;
    uint8_t author[32];
    uint8_t signing_key[32];
    uint32_t kind;
    uint64_t created_ms; /* Unix time */
    uint64_t expires_s;  /* Unix time; > created */
    enum kr_label label; /* an unknown number from a newer version reads as KR_TLP_RED */
    bool has_community, has_relay, has_subject, has_target;
    uint8_t community[32];
    uint32_t audience_count;
    const uint8_t *audience; /* first of audience_count ids; see kr_header_audience_at: they are not contiguous */
    uint8_t relay[32];
    uint32_t flags;
    uint8_t subject[32];
    uint64_t version;
    uint8_t target[32];
    uint8_t nonce[KR_NONCE_BYTES];
    uint32_t pad_class;
    bool has_commitment;
    uint8_t commitment[32];
    uint8_t slots_hash[32], body_hash[32];
    size_t ad_len; /* header bytes before the hash of slots */
};
/* The i-th council of the audience (each id stands behind a two-byte bin head, so the stride is 34). Borrowed. */
const uint8_t *kr_header_audience_at(const struct kr_header *header, uint32_t i);
bool kr_header_addresses(const struct kr_header *header, const uint8_t council[static 32]);

/* The four byte strings of a record, borrowed from its bytes. */
struct kr_record {
    struct kr_slice header, slots, body, signature;
    uint8_t id[KR_ID_BYTES];
    bool is_header_only;
};

/* Takes the record apart (bounds and exact form of the outer array only) and computes its id. Does not look into the header beyond
 * the prefix. KR_MALFORMED, KR_BOUNDS. */
enum kr_err kr_record_split(const void *bytes, size_t len, struct kr_record *ret_record) KR_WARN_UNUSED;
/* Signature, prefix (suite known, format >= 1; KR_VERSION otherwise) and both hashes. Nothing of the routing fields but the two
 * hashes at its end is used. KR_SIGNATURE where anything was altered. For format 1 the hashes are the last two fields; a newer
 * format is verified by its signature, then its frozen fields are parsed for the hashes. */
enum kr_err kr_record_verify(const struct kr_record *record) KR_WARN_UNUSED;
/* Decodes the header of a verified record and checks what one record alone can tell: canonical form, label rules (sealed labels
 * have commitment, pad class, slots and an audience, never a statement's kind, and only the two amber ones may have a relay; open
 * ones have none of those; GREEN has a community), audience sorted and bounded, expiry within bounds, a body that is not empty. */
enum kr_err kr_header_parse(struct kr_slice header, struct kr_header *ret_header) KR_WARN_UNUSED;

/* Opens a sealed body with whichever of the keyring's sealing keys has a slot: KR_NOT_FOUND where none has, KR_DECRYPT where the
 * commitment or the tag fails or the inner author differs, KR_VERSION for newer formats, KR_NOT_FOUND also for a header-only
 * record. For open labels copies the body. On success `*ret_content` (free())
 * holds the content. */
enum kr_err kr_record_open(const struct kr_record *record, const struct kr_header *header, const struct kr_keyring *keyring,
                           uint8_t **ret_content, size_t *ret_len) KR_WARN_UNUSED;

/* What is to be made. All pointers borrowed for the call. */
struct kr_draft {
    uint32_t kind;
    uint64_t created_ms, expires_s;
    enum kr_label label;
    const uint8_t *community;      /* 32 bytes or NULL */
    const uint8_t (*audience)[32]; /* any order, duplicates allowed: sorted and deduplicated here */
    uint32_t audience_count;
    const uint8_t (*recipients)[32]; /* sealing public keys, one slot each: addressed councils and the author's own side */
    uint32_t recipient_count;
    const uint8_t *relay;
    uint32_t flags;
    const uint8_t *subject;
    uint64_t version;
    const uint8_t *target;
    struct kr_slice content;
};
/* Signs (and seals) a draft. `signing_secret` is an Ed25519 secret (64 bytes), `seed` 32 fresh bytes from which nonce, content key
 * and ephemerals are made. `*ret_bytes` (free()) is the whole record. Refuses what kr_header_parse would refuse (KR_INVALID,
 * KR_BOUNDS, KR_UNLABELLED). */
enum kr_err kr_record_make(const struct kr_draft *draft, const uint8_t author[static 32], const uint8_t signing_secret[static 64],
                           const uint8_t seed[static 32], uint8_t **ret_bytes, size_t *ret_len,
                           uint8_t ret_id[static 32]) KR_WARN_UNUSED;
/* The same in two steps, for a key that is elsewhere: the record as it will be, but for a signature of zeros; then that in its
 * place. KR_KEY where the record was prepared for another key. */
enum kr_err kr_record_prepare(const struct kr_draft *draft, const uint8_t author[static 32],
                              const uint8_t signing_public[static 32], const uint8_t seed[static 32], uint8_t **ret_bytes,
                              size_t *ret_len) KR_WARN_UNUSED;
enum kr_err kr_record_sign(uint8_t *bytes, size_t len, const uint8_t signing_secret[static 64],
                           uint8_t ret_id[static 32]) KR_WARN_UNUSED;

/* The record with its slots and body dropped: [header, "", "", signature]. */
enum kr_err kr_record_strip(const struct kr_record *record, struct kr_writer *writer) KR_WARN_UNUSED;

#endif
