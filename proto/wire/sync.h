/* Parts of a sync message: what two nodes tell each other while they look for what differs between their trees of one scope
 * (docs/PROTOCOL.md, "Walking the trees").
 *
 * A part speaks of the keys of one expiry month that begin with some nibbles; a key is `hour BE32 ‖ id`, 72 nibbles. Everything is
 * shortened under the walk's own key, so that nobody but the two can make what differs look alike:
 *
 *   digest = SH(walk key, digest), 8 bytes        name = first 6 bytes of SH(walk key, id)
 *
 * part = array of 5: what, month, nibbles, prefix (bin: nibbles / 2 bytes, rounded up, unused bits zero), payload (bin)
 *
 *   1 months  of the scope: for each month that has keys, ascending: month BE16 ‖ digest. `month`, `nibbles` 0
 *   2 nodes   `from` 1 ‖ present BE16 ‖ shown BE16 ‖ for each nibble present and not shown, in order: digest. All keys that begin
 * with the first `from` nibbles of the prefix begin with all of it, and the next nibble is one of those present (bit 0 is nibble
 * 0). Of those shown a part of their own follows in the same message. 3 list    names, in order of the keys: of all keys that begin
 * so. None: there are none, hand over all of yours 4 want    names that a list gave: hand these over */
#ifndef KR_PROTO_WIRE_SYNC_H
#define KR_PROTO_WIRE_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/hash.h"
#include "crypto/limits.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"

#define KR_SYNC_KEY_BYTES    36u
#define KR_SYNC_NIBBLES      (2u * KR_SYNC_KEY_BYTES)
#define KR_SYNC_NAME_BYTES   6u
#define KR_SYNC_DIGEST_BYTES KR_SHORT_BYTES
#define KR_SYNC_MONTH_BYTES  (2u + KR_SYNC_DIGEST_BYTES)
#define KR_SYNC_NODE_BYTES   5u /* in front of a node's digests */

enum kr_sync_what {
    KR_SYNC_MONTHS = 1,
    KR_SYNC_NODES = 2,
    KR_SYNC_LIST = 3,
    KR_SYNC_WANT = 4,
};

struct kr_sync_part {
    uint32_t what, month, nibbles;
    uint8_t prefix[KR_SYNC_KEY_BYTES]; /* zero behind its nibbles */
    uint32_t from;                     /* nodes */
    uint16_t present, shown;           /* nodes */
    uint32_t count;                    /* of items */
    const uint8_t
        *items; /* months of KR_SYNC_MONTH_BYTES, digests, names; borrowed from what was read, from the caller when written */
};

/* `*ret_part` is zero after an error, which stays with the reader. */
void kr_sync_part_read(struct kr_reader *reader, struct kr_sync_part *ret_part);
/* Of one of the items of a months part; its digest follows. */
uint32_t kr_sync_month(const uint8_t item[static KR_SYNC_MONTH_BYTES]);
void kr_sync_month_write(uint8_t ret_item[static KR_SYNC_MONTH_BYTES], uint32_t month,
                         const uint8_t digest8[static KR_SYNC_DIGEST_BYTES]);
void kr_sync_part_write(const struct kr_sync_part *part, struct kr_writer *writer);

/* The walk's own key, under which all is shortened. */
void kr_sync_key(uint8_t ret_key[static KR_SHORT_KEY_BYTES], const uint8_t session_salt[static 16], uint64_t walk);
void kr_sync_name(uint8_t ret_name[static KR_SYNC_NAME_BYTES], const uint8_t key[static KR_SHORT_KEY_BYTES],
                  const uint8_t id[static 32]);

#endif
