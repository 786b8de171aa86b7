/* The inner section: what a RED or AMBER+STRICT report or advisory has as its content (docs/PROTOCOL.md, "Inner section").
 * Councils' nodes hold it and pass it on; bodies and persons open it.
 *
 *   section = array of 3: commitment (bin 32), slots (array of 8, 16, 32 or 64 bin 80, ascending as byte strings), box (bin)
 *   commitment = BLAKE2b-256("kairan section key" ‖ section key)
 *   box        = XChaCha20-Poly1305(section key, nonce of zeros, associated data, BE32(length of inside) ‖ inside ‖ zeros up to a
 * pad class from 1 to 20); the key is fresh and seals nothing else associated data = author (32) ‖ kind BE32 ‖ label BE32 ‖ flags
 * BE32: those of the record, of a revision the kind that it carries inside     = array of 2: addressed (array of 1 to 63 [sort,
 * council (bin 32), id (bin 32)]), content (bin)
 *
 * A slot is the section key sealed to a body's or person's X25519 key. It bears no hint: whose it is, only that one can find out,
 * by trying. There is one for each addressed, one for whoever submitted it, who is not named, and as many to keys that nobody has
 * as fill up the next number. Pure. */
#ifndef KR_PROTO_RECORD_SECTION_H
#define KR_PROTO_RECORD_SECTION_H

#include "crypto/limits.h"
#include "crypto/seal.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"
#include "proto/record/label.h"

enum kr_addressed_sort {
    KR_ADDRESSED_BODY = 1,
    KR_ADDRESSED_PERSON = 2,
};
struct kr_addressed {
    uint32_t sort; /* enum kr_addressed_sort */
    uint8_t council[32], id[32];
    uint8_t key[32]; /* for making; not among what is read */
};

/* What a section belongs to: in another record it does not open. */
struct kr_section_of {
    const uint8_t *author; /* 32 bytes */
    uint32_t kind, flags;
    enum kr_label label;
};

struct kr_box_pair {
    uint8_t public_key[32], secret[32];
};

struct kr_section {
    uint32_t addressed_count;
    struct kr_addressed addressed[KR_ADDRESSED_MAX];
    struct kr_slice content; /* points into bytes */
    uint8_t *bytes;          /* the caller's: kr_section_deinit */
    size_t len;
};
void kr_section_deinit(struct kr_section *section);

/* Whether a record of this label and kind has a section as its content. */
bool kr_section_is_due(enum kr_label label, uint32_t kind);

/* `own`: the key of whoever submits it, NULL: none. Everything random comes from the seed. KR_INVALID where nobody is addressed,
 * KR_BOUNDS, KR_KEY where a key is none. */
enum kr_err kr_section_make(const struct kr_section_of *of, const struct kr_addressed *addressed, uint32_t count,
                            const uint8_t *own, struct kr_slice content, const uint8_t seed[static 32],
                            struct kr_writer *writer) KR_WARN_UNUSED;
/* Its form, all that can be told without a key: KR_MALFORMED. */
enum kr_err kr_section_check(struct kr_slice bytes) KR_WARN_UNUSED;
/* With whichever of the keys has a slot. KR_NOT_FOUND where none has; KR_DECRYPT where the section was altered or belongs to
 * another record, KR_MALFORMED, KR_NOMEM. */
enum kr_err kr_section_open(struct kr_slice bytes, const struct kr_section_of *of, const struct kr_box_pair *keys, size_t count,
                            struct kr_section *ret_section) KR_WARN_UNUSED;

#endif
