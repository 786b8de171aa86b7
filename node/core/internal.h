/* The council's own records (cards of bodies and persons, drafts, standing consents, the duty roster): how they are made, what is
 * looked at when one is taken, and what is read of the one that stands. All are signed by a node key, sealed to the council's own
 * sealing key, addressed to the council itself, replaceable, and never leave it. */
#ifndef KR_NODE_CORE_INTERNAL_H
#define KR_NODE_CORE_INTERNAL_H

#include "node/core/state.h"

struct kr_internal {
    uint32_t kind;
    const uint8_t *subject; /* 32 bytes */
    uint64_t version;
    uint64_t expires_s;
};
/* Makes and stores one. `content`: taken over in any case. `*ret_verdict`: KR_OK, or why it was not taken, and nothing is stored
 * then. */
enum kr_err kr_internal_put(struct kr_step *step, const struct kr_internal *what, struct kr_writer *content,
                            enum kr_err *ret_verdict) KR_WARN_UNUSED;

/* The one that stands: its version and record. KR_NOT_FOUND where there is none. */
enum kr_err kr_internal_standing(struct kr_step *step, uint32_t kind, const uint8_t subject[static 32],
                                 struct kr_directory_entry *ret_entry) KR_WARN_UNUSED;
/* The content of a record of ours, on any thread; to be freed. KR_NOT_FOUND, KR_CORRUPT. */
enum kr_err kr_internal_open(struct kr_txn *txn, const struct kr_keyring *keyring, const uint8_t record_id[static 32],
                             uint8_t **ret_content, size_t *ret_len) KR_WARN_UNUSED;

/* Whether one can be taken. What is here counts only for those that this node makes: of what another node of the council made,
 * all of them must take the same, whatever came first. */
enum kr_err kr_internal_fits(struct kr_step *step, const struct kr_header *header, struct kr_slice content,
                             bool is_made_here) KR_WARN_UNUSED;
/* One is stored: the rows beside it. */
enum kr_err kr_internal_take(struct kr_step *step, const struct kr_header *header, struct kr_slice content) KR_WARN_UNUSED;
/* What content of that kind looks like. */
enum kr_err kr_internal_check(uint32_t kind, struct kr_slice content) KR_WARN_UNUSED;
/* One has expired: its row here goes, unless another one stands there. Cards stay, whatever their date (KR_EXISTS): they are who
 * our people are until there is a newer one. */
enum kr_err kr_internal_expire(struct kr_step *step, const struct kr_head *head) KR_WARN_UNUSED;

#endif
