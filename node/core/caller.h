/* Who speaks: the one place where the way in which a client came to the node becomes a person of the council.
 *
 * Keeper says how the client proved itself (struct kr_caller): the kernel's word about the local user (SO_PEERCRED), or a key of
 * its machine's (node/keeper/remote.h). Another way in is one more field there, one more enum kr_credential_kind, and nothing else:
 * cards, roles and the audit log know persons only. Works in any transaction, on any thread. */
#ifndef KR_NODE_CORE_CALLER_H
#define KR_NODE_CORE_CALLER_H

#include "node/core/event.h"
#include "node/core/roles.h"
#include "store/store.h"

struct kr_who {
    struct kr_role_facts facts;
    uint8_t person[32], body[32]; /* zero: no person. With a ticket: whose machine is to be enrolled */
    uint32_t own_roles;
    uint64_t from_s, until_s;
    uint32_t stands_for_count; /* those whose roles it has now */
    uint8_t stands_for[KR_STANDS_FOR_MAX][32];
    uint32_t stands_for_roles[KR_STANDS_FOR_MAX];
};
/* The same for all connections of one user, or of one machine's key: for what is bounded for each. */
uint64_t kr_caller_mark(const struct kr_caller *caller);

/* Where several cards name one user, the one counts that holds now. Where a card of it is damaged, the caller is no person: whoever
 * runs the node is an admin still, others are strangers. */
enum kr_err kr_who_find(struct kr_txn *txn, const struct kr_caller *caller, uint64_t now_ms, struct kr_who *ret_who) KR_WARN_UNUSED;

/* One person's own state and roles now; KR_PERSON_REVOKED where no card is here, or a damaged one. */
enum kr_err kr_person_state_find(struct kr_txn *txn, const uint8_t person[static 32], uint64_t now_s,
                                 enum kr_person_state *ret_state, uint32_t *ret_roles) KR_WARN_UNUSED;

/* The same, and whether that one may ask for this now: KR_DENIED with the sentence that the client is told. */
enum kr_err kr_who_may(struct kr_txn *txn, const struct kr_caller *caller, uint32_t op, uint64_t now_ms, struct kr_who *ret_who,
                       struct kr_error *error) KR_WARN_UNUSED;

#endif
