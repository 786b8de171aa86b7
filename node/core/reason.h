/* Why somebody had the guards overridden for a record of ours. Kept beside the record in this node's store for as long as the
 * record is held, shown to this node's clients, and never sent: it stays with the author. */
#ifndef KR_NODE_CORE_REASON_H
#define KR_NODE_CORE_REASON_H

#include "crypto/limits.h"
#include "store/store.h"

struct kr_reason {
    uint64_t at_ms; /* 0: nobody had them overridden */
    char text[KR_NOTE_BYTES_MAX + 1];
};

#define KR_REASON_KEY_BYTES 38u
void kr_reason_key(uint8_t ret_key[static KR_REASON_KEY_BYTES], const uint8_t id[static 32]); /* in KR_TABLE_RECEIPTS */
enum kr_err kr_reason_put(struct kr_txn *txn, const uint8_t id[static 32], uint64_t at_ms, struct kr_slice text) KR_WARN_UNUSED;
enum kr_err kr_reason_get(struct kr_txn *txn, const uint8_t id[static 32], struct kr_reason *ret_reason) KR_WARN_UNUSED;
/* It is of no use without the record. */
enum kr_err kr_reason_forget(struct kr_txn *txn, const uint8_t id[static 32]) KR_WARN_UNUSED;

#endif
