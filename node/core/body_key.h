/* Keys of bodies: who holds the one that a body has now, and how the ones before are reached. The node keeps sealed copies and the
 * public halves; what opens them is on its persons' own machines.
 *
 *     body card: key K3      copies of K3's secret: sealed to Sato's key, to Suzuki's key      (one a person, replaced)
 *                            K2's secret sealed to K3, K1's sealed to K2                       (one a key, for ever)
 *
 * So a new holder needs one copy and reads everything that the body was ever sent; and rotating is one new key, one copy for each
 * who stays, and the old secret sealed to the new key.
 *
 *   KR_TABLE_DRAFTS   "W" ‖ body 32 ‖ subject 32 → copy (person.h of proto/record: body key) */
#ifndef KR_NODE_CORE_BODY_KEY_H
#define KR_NODE_CORE_BODY_KEY_H

#include "node/core/caller.h"
#include "node/core/people.h"
#include "node/core/state.h"

/* KR_NOT_FOUND, KR_CORRUPT. `bytes` is what `ret_key` borrows from. */
#define KR_BODY_KEY_BYTES_MAX 512u
enum kr_err kr_body_key_get(struct kr_txn *txn, const uint8_t body[static 32], const uint8_t subject[static 32],
                            uint8_t bytes[static KR_BODY_KEY_BYTES_MAX], struct kr_body_key *ret_key) KR_WARN_UNUSED;
/* Those of a body, in the order of their subjects behind `after` (NULL: from the first). False from the visitor ends it. */
typedef bool kr_body_key_visit(void *context, const struct kr_body_key *key);
enum kr_err kr_body_keys_each(struct kr_txn *txn, const uint8_t body[static 32], const uint8_t *after, kr_body_key_visit *visit,
                              void *context) KR_WARN_UNUSED;

/* As kr_people_check, kr_people_fits (of what passed the check) and kr_people_take, which call them. */
enum kr_err kr_body_key_check(const struct kr_header *header, struct kr_slice content) KR_WARN_UNUSED;
enum kr_err kr_body_key_fits(struct kr_txn *txn, struct kr_slice content) KR_WARN_UNUSED;
enum kr_err kr_body_key_take(struct kr_txn *txn, struct kr_slice content) KR_WARN_UNUSED;

/* As kr_people_drop, which calls it. */
enum kr_err kr_body_key_drop(struct kr_txn *txn, struct kr_slice content) KR_WARN_UNUSED;

/* Whether a person with that card holds the body's key by that copy: it is of the key that the body has, and sealed to the key that
 * the person has. */
bool kr_body_key_is_held(const struct kr_body_card *body, const struct kr_person_card *person, const struct kr_body_key *copy);

struct kr_body_holding {
    uint32_t holders;     /* persons who can open what is sealed to the body, the suspended included */
    bool is_rotation_due; /* somebody had a copy of the key who is here no more, or has another key now */
};
/* KR_CORRUPT counts as held by nobody. */
enum kr_err kr_body_holding_find(struct kr_txn *txn, const uint8_t id[static 32], const struct kr_body_card *card, uint64_t now_s,
                                 struct kr_body_holding *ret_holding) KR_WARN_UNUSED;

enum kr_err kr_body_key_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who) KR_WARN_UNUSED;
enum kr_err kr_person_key_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who) KR_WARN_UNUSED;

#endif
