/* Which keys of which councils are revoked, and where it is said which of their records are genuine (pure; proto/record/
 * revocation.h). The lists themselves stay in the store. */
#ifndef KR_NODE_CORE_REVOKED_H
#define KR_NODE_CORE_REVOKED_H

#include "proto/record/revocation.h"

struct kr_revoked_key {
    uint8_t author[32], key[32];
    uint64_t since_ms, made_ms; /* of the latest list */
    uint32_t pages, here;       /* here: bit i, where page i of that list is known */
    uint8_t record_ids[KR_REVOKED_PAGES_MAX][32];
};
struct kr_revoked {
    struct kr_revoked_key *items; /* ascending by author, then key */
    uint32_t count, capacity;
};
void kr_revoked_deinit(struct kr_revoked *revoked);
/* A page of a list: of a list that is older than the one known it counts nothing. KR_NOMEM. */
enum kr_err kr_revoked_take(struct kr_revoked *revoked, const uint8_t author[static 32], const struct kr_revocation *revocation,
                            const uint8_t record_id[static 32]) KR_WARN_UNUSED;
/* NULL: that key is not revoked. Borrowed until the next call of kr_revoked_take. */
const struct kr_revoked_key *kr_revoked_find(const struct kr_revoked *revoked, const uint8_t author[static 32],
                                             const uint8_t key[static 32]);
/* Whether all pages are known: before that nothing is judged by them. */
bool kr_revoked_is_whole(const struct kr_revoked_key *key);

#endif
