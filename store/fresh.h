/* The newest entries of the index, in memory, and in the table `fresh` in the order in which they came, so that a commit adds a row
 * at the end of a small table instead of one at a random place for each entry. Full, they become a sorted run. Inside the store
 * only.
 *
 * One thread adds and truncates while others look: entries that a snapshot has never move, so a reader takes those before the
 * count that its snapshot's table tells. */
#ifndef KR_STORE_FRESH_H
#define KR_STORE_FRESH_H

#include "store/internal.h"

struct kr_fresh;

#define KR_FRESH_STATE_BYTES 24u                                      /* next arrival ‖ records ‖ indicators */
#define KR_FRESH_FRONT_BYTES (KR_FRESH_STATE_BYTES + KR_SEALED_BYTES) /* of a row: the state; behind it rows of the index */

struct kr_fresh *kr_fresh_new(void); /* NULL without memory */
struct kr_fresh *kr_fresh_ref(struct kr_fresh *fresh);
void kr_fresh_unref(struct kr_fresh *fresh);           /* NULL is fine */
uint32_t kr_fresh_count(const struct kr_fresh *fresh); /* for the one that adds */
enum kr_err kr_fresh_add(struct kr_fresh *fresh, const uint8_t row[static KR_INDEX_ROW_BYTES]) KR_WARN_UNUSED;
/* Takes back what was added since there were `count`. */
void kr_fresh_truncate(struct kr_fresh *fresh, uint32_t count);
/* What there is now is about to be committed; and how many that was the last time: more no snapshot has, whatever its table says.
 */
void kr_fresh_show(struct kr_fresh *fresh);
uint32_t kr_fresh_shown(struct kr_fresh *fresh);
/* Those of the first `visible` whose keys begin with `prefix` (all with `len` 0), in the order of the index; `*ret_rows` is the
 * caller's to free(), NULL where there are none. A whole hash is looked up, anything shorter takes a walk. */
enum kr_err kr_fresh_find(struct kr_fresh *fresh, uint32_t visible, const uint8_t *prefix, size_t len,
                          uint8_t (**ret_rows)[KR_INDEX_ROW_BYTES], uint32_t *ret_count) KR_WARN_UNUSED;

/* Each row of the table begins with the state as it was then, so that the last has today's: what changes with every record costs no
 * page of its own. */
/* How many entries the snapshot's table has. */
enum kr_err kr_fresh_visible(struct kr_txn *txn, uint32_t *ret_count) KR_WARN_UNUSED;
enum kr_err kr_fresh_state(struct kr_txn *txn, struct kr_state *ret_state) KR_WARN_UNUSED; /* KR_CORRUPT also where there is none */
/* Reads the table into memory, whatever the tags say: they are looked at when an entry is asked for. In format 4 the rows
 * bore no state. */
enum kr_err kr_fresh_load(struct kr_txn *txn, struct kr_fresh *fresh, uint32_t format) KR_WARN_UNUSED;
/* In format 4: whether memory has what the table has, to the end; KR_CORRUPT. */
enum kr_err kr_fresh_check_old(struct kr_txn *txn, const struct kr_fresh *fresh) KR_WARN_UNUSED;
/* Writes the state and what memory has beyond the first `*saved`, and moves `*saved`. */
enum kr_err kr_fresh_save(struct kr_txn *txn, struct kr_fresh *fresh, const struct kr_state *state, uint32_t *saved) KR_WARN_UNUSED;
/* One row of the table for verify: KR_CORRUPT where it does not begin at entry `*next`, or its state or a tag is wrong; moves
 * `*next`.
 * `*ret_rows` are the rows of the index in it. */
#define KR_FRESH_ANY UINT32_MAX
enum kr_err kr_fresh_check(const struct kr_store *store, struct kr_slice key, struct kr_slice value, uint32_t *next,
                           struct kr_slice *ret_rows) KR_WARN_UNUSED;

#endif
