/* Whose a transport key is. Private to node/core.
 *
 * Anybody can list anybody's public key on his card: that proves nothing, and keeps nobody out. Each council whose card lists a key
 * has a link under it, and it is of the council with which there was a session under it: CURVE shows that who is there has the
 * secret, the hello that it is a node of that council.
 *
 *   listed ──▶ claim: dialled, expected ──▶ proved: other councils' links under that key end, or rest where there is no other way
 *                        ▲                                                                       to them; their cards are told of
 *                        └── of several that dial us net lets one in; whom its hello shows to be another of them has proved it.
 *                            Of several that we dial each has its turn: who is there hears us under one of them, not by turns
 *
 * Who has proved a key is known of this run only: after a restart the next session says it again. */
#ifndef KR_NODE_CORE_CLAIM_H
#define KR_NODE_CORE_CLAIM_H

#include "node/core/state.h"

/* Whether no link can be made with that council under this key: it is our own, an invitation's, or proved by another council. */
bool kr_link_key_is_taken(const struct kr_core *core, const uint8_t key[static 32], const uint8_t council[static 32]);
/* Whether a link of whatever council bears it. */
bool kr_link_bears(const struct kr_core *core, const uint8_t key[static 32]);
/* Another council has proved the link's key. */
bool kr_claim_is_lost(const struct kr_core *core, const struct kr_link *link);
/* It is not dialled now: it is lost, or another claim to the same key has its turn. */
bool kr_claim_rests(const struct kr_core *core, const struct kr_link *link, uint64_t now_ms);
/* Whether net is told that who has that key is at this link; of the links under one key it is one. */
bool kr_claim_is_let_in(const struct kr_core *core, const struct kr_link *link);
/* The hello of another council's node came in under the key of `link`. Where that council has a link under the key as well, it has
 * proved it by this, and net is told so: its next hello comes over that one. */
enum kr_err kr_claim_hello(struct kr_step *step, struct kr_link *link, const struct kr_hello *hello) KR_WARN_UNUSED;
/* A session is up over it, or a genuine hello of its council came from who has the key. */
enum kr_err kr_claim_proved(struct kr_step *step, struct kr_link *link) KR_WARN_UNUSED;
/* Whether a key in force on that council's card, which has no link under it, is another's, and nobody was told yet. `link`: one
 * with that council. */
bool kr_claim_is_news(const struct kr_core *core, const struct kr_link *link, const struct kr_card_key *key);
/* Tells the operator, in the log: kr_claim_stands then says so for as long as it lasts. */
enum kr_err kr_claim_tell(struct kr_step *step, struct kr_link *link, const struct kr_card_key *key) KR_WARN_UNUSED;
/* Whether the operator was told, over this link, of a key that the council's card still lists. */
bool kr_claim_stands(const struct kr_core *core, const struct kr_link *link);

#endif
