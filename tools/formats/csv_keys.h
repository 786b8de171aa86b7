/* Rows of a list told apart by what makes them belong together, so that groups can be gone through one after the other, each whole,
 * in bounded memory: of each key only its hash is kept, and rows are held as long as those of some groups fit; the source is gone
 * through once for each lot of groups, and once for each group that does not fit. Used by the reader of CSV (import_csv.c). */
#ifndef KR_TOOLS_FORMATS_CSV_KEYS_H
#define KR_TOOLS_FORMATS_CSV_KEYS_H

#include "crypto/hash.h"
#include "tools/formats/csv.h"

#define KR_CSV_KEYS_MAX   65536u
#define KR_CSV_HELD_BYTES (8u * KR_MIB)

/* ---- which keys there are ---- */

/* All zero before the first row. */
struct kr_csv_keys {
    struct kr_csv_key {
        uint8_t hash[KR_HASH_BYTES];
        uint64_t bytes; /* of its rows, held */
    } * keys;           /* in the order in which they came */
    uint32_t count, room;
    uint32_t *slots, slot_count; /* number + 1 by hash; a power of two */
};

void kr_csv_keys_deinit(struct kr_csv_keys *keys);
/* A row with that key. KR_NOMEM; KR_BOUNDS: there are KR_CSV_KEYS_MAX others. */
enum kr_err kr_csv_keys_note(struct kr_csv_keys *keys, const uint8_t hash[static KR_HASH_BYTES],
                             const struct kr_csv_row *row) KR_WARN_UNUSED;
/* Its number; `count` where there is none. */
uint32_t kr_csv_keys_find(const struct kr_csv_keys *keys, const uint8_t hash[static KR_HASH_BYTES]);
/* Behind the last key whose rows can be held together with those of `first`; first + 1 where its own are too many. */
uint32_t kr_csv_keys_lot(const struct kr_csv_keys *keys, uint32_t first);

/* ---- rows that are held ---- */

struct kr_csv_held {
    uint8_t *bytes;
    size_t len, room;
    uint32_t *firsts, *lasts; /* of each key: places in `bytes`, + 1 */
    uint32_t first, count;    /* keys */
};

/* Whether the rows of the keys [first, end) can be held. */
bool kr_csv_held_fits(const struct kr_csv_keys *keys, uint32_t first, uint32_t end);
/* Room for them. KR_NOMEM. */
enum kr_err kr_csv_held_init(struct kr_csv_held *held, const struct kr_csv_keys *keys, uint32_t first, uint32_t end) KR_WARN_UNUSED;
void kr_csv_held_deinit(struct kr_csv_held *held);
/* What a row takes there. */
size_t kr_csv_held_bytes(const struct kr_csv_row *row);
/* Copies. KR_BOUNDS: there are more than were noted, so that the source is another one. */
enum kr_err kr_csv_held_put(struct kr_csv_held *held, uint32_t key, const struct kr_csv_row *row) KR_WARN_UNUSED;
/* The rows of a key in their order: `*place` is 0 before the first. False: there are no more. Cells lie in `held`. */
bool kr_csv_held_next(const struct kr_csv_held *held, uint32_t key, uint32_t *place, struct kr_csv_row *ret_row);

#endif
