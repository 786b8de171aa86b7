/* What was taken back, as this node knows it: a row for each, read by queries on any thread. takeback.c writes them. */
#ifndef KR_NODE_CORE_TAKEN_H
#define KR_NODE_CORE_TAKEN_H

#include "crypto/keyring.h"
#include "proto/client/client.h"
#include "store/store.h"

/* In KR_TABLE_RECEIPTS: "back" ‖ target ‖ author → array of 3: id of what takes it back (bin 32), its kind, done (0: waits). Of a
 * record that a stolen key signed: the revocation that does not name it. */
#define KR_TAKEN_KEY_BYTES 68u
struct kr_taken_row {
    uint8_t by[32]; /* the retraction, revision or revocation; zero where the row is damaged */
    uint32_t kind;
    bool is_done; /* else it waits for the operator */
};
void kr_taken_key(uint8_t ret_key[static KR_TAKEN_KEY_BYTES], const uint8_t target[static 32], const uint8_t author[static 32]);
/* What takes back that record of that author; KR_NOT_FOUND where nothing does. A damaged row reads as done: what was taken back
 * must not come back for that. */
enum kr_err kr_taken_get(struct kr_txn *txn, const uint8_t target[static 32], const uint8_t author[static 32],
                         struct kr_taken_row *ret_row) KR_WARN_UNUSED;

/* A row's value; KR_CORRUPT. */
enum kr_err kr_taken_read(struct kr_slice value, struct kr_taken_row *ret_row) KR_WARN_UNUSED;
enum kr_err kr_taken_put(struct kr_txn *txn, const uint8_t target[static 32], const uint8_t author[static 32],
                         const struct kr_taken_row *row) KR_WARN_UNUSED;

/* For people. KR_TAKEN_NOT where nothing takes it back. */
enum kr_err kr_taken_state(struct kr_txn *txn, const struct kr_head *head, uint32_t *ret_state) KR_WARN_UNUSED;
/* The same with when and why. `ret_reason` holds what ret_taken->reason is borrowed from; `scratch` has KR_HEAD_SCRATCH bytes.
 * `*ret_is_ours`: whether we may read what takes it back. */
enum kr_err kr_taken_tell(struct kr_txn *txn, const struct kr_keyring *keyring, const uint8_t id[static 32],
                          const uint8_t author[static 32], uint8_t *scratch, struct kr_taken *ret_taken,
                          char ret_reason[static KR_NOTE_BYTES_MAX + 1], bool *ret_is_ours) KR_WARN_UNUSED;

#endif
