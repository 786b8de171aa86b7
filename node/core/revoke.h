/* Revoked keys: which of their records are genuine, and what becomes of the others here (docs/PROTOCOL.md, "Revocations"). Private
 * to node/core. */
#ifndef KR_NODE_CORE_REVOKE_H
#define KR_NODE_CORE_REVOKE_H

#include "node/core/state.h"

enum kr_revoked_word {
    KR_REVOKED_NOT,       /* the key is not revoked */
    KR_REVOKED_GENUINE,   /* its council named the record */
    KR_REVOKED_FALSE,     /* it did not */
    KR_REVOKED_UNDECIDED, /* not all of the list is here, or it cannot be read */
};
enum kr_err kr_revoke_asks(struct kr_step *step, const uint8_t author[static 32], const uint8_t key[static 32],
                           const uint8_t id[static 32], enum kr_revoked_word *ret_word) KR_WARN_UNUSED;
/* Whether a record that the directory's dates allow may enter: KR_OK, KR_DENIED, KR_QUOTA (undecided: asked for again). */
enum kr_err kr_revoke_judge(struct kr_step *step, const struct kr_job *job) KR_WARN_UNUSED;
/* A page of a list was stored and is in the directory. */
enum kr_err kr_revoke_entered(struct kr_step *step, const struct kr_header *header, struct kr_slice content) KR_WARN_UNUSED;
/* A page of a list turned out to be false itself, and has left the directory. */
enum kr_err kr_revoke_again(struct kr_step *step, const uint8_t author[static 32], const uint8_t key[static 32]) KR_WARN_UNUSED;
/* What a false record cut down leaves log and trees, and comes anew from who has it whole. */
enum kr_err kr_revoke_bring_back(struct kr_step *step, uint64_t arrival, const struct kr_head *head) KR_WARN_UNUSED;

enum kr_err kr_revoke_load(struct kr_step *step) KR_WARN_UNUSED;
enum kr_err kr_revoke_slice(struct kr_step *step, bool *ret_more) KR_WARN_UNUSED;
/* A session is up: tells the peer which revocations of ours there are, and it asks for what it lacks. */
enum kr_err kr_revoke_announce(struct kr_step *step, struct kr_link *link) KR_WARN_UNUSED;
void kr_revoked_page_free(struct kr_core *core);

/* revoke_ask.c: what clients ask. */
enum kr_err kr_revoke_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;

#endif
