/* Another root key, by the recovery key's word: what a council card bears behind its other fields once that has happened
 * (docs/PROTOCOL.md, "Re-keyings").
 *
 *   recovery key = that of the genesis (bin 32): it opens the commitment there
 *   re-keyings   = array of 1 to 16 of [root public key (bin 32), recovery public key (bin 32), signature (bin 64)], the oldest
 * first signature i  = Ed25519(recovery key before it, "kairan rekeying" ‖ council id ‖ the keys of re-keyings 1 to i, 64 bytes
 * each)
 *
 * So the council's id alone tells which root key is in force: the last one's. */
#ifndef KR_PROTO_RECORD_REKEYING_H
#define KR_PROTO_RECORD_REKEYING_H

#include "crypto/limits.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"

struct kr_rekeying {
    uint8_t root_public[32], recovery_public[32], signature[64];
};
struct kr_rekeyings {
    uint8_t recovery_public[32]; /* of the genesis; zero where the root key was never replaced */
    uint32_t count;
    struct kr_rekeying items[KR_REKEYINGS_MAX];
};

/* The two fields, where they are. */
void kr_rekeyings_read(struct kr_reader *reader, struct kr_rekeyings *ret_rekeyings);
void kr_rekeyings_write(const struct kr_rekeyings *rekeyings, struct kr_writer *writer);

void kr_recovery_commitment(uint8_t ret_commitment[static 32], const uint8_t recovery_public[static 32]);

/* Whether they prove what they say of that council. KR_KEY: the first key does not open the commitment, or one of the keys is no
 * good point; KR_SIGNATURE; KR_MALFORMED: a root key comes twice. */
enum kr_err kr_rekeyings_check(const struct kr_rekeyings *rekeyings, const uint8_t council[static 32],
                               const uint8_t genesis_root[static 32], const uint8_t commitment[static 32]) KR_WARN_UNUSED;

/* Which of two that hold for one council counts: the longer; of two that are as long the one with the lower bytes where they first
 * differ. Above zero: `a`, below: `b`, zero: they say the same. */
int kr_rekeyings_compare(const struct kr_rekeyings *a, const struct kr_rekeyings *b);
/* Whether one goes on from the other, or is the same: two that do not were both signed by one recovery key. */
bool kr_rekeyings_agree(const struct kr_rekeyings *a, const struct kr_rekeyings *b);

/* Appends one, signed with the recovery key that is in force. `recovery_secret`: Ed25519, 64 bytes. KR_BOUNDS where it would be one
 * too many; KR_KEY where that key is another one (`commitment` decides about the first). */
enum kr_err kr_rekeyings_append(struct kr_rekeyings *rekeyings, const uint8_t council[static 32],
                                const uint8_t commitment[static 32], const uint8_t recovery_secret[static 64],
                                const uint8_t new_root[static 32], const uint8_t new_recovery[static 32]) KR_WARN_UNUSED;

#endif
