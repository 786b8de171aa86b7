/* The transport key replaced, while the node goes on (docs/adr/0050). Private to node/core.
 *
 * To peers a node's next transport key is one node more on its council's card: they make a link for it as for any. Which key comes
 * behind which is told by the card's dates (kr_card_transport_after). */
#ifndef KR_NODE_CORE_TRANSPORT_KEY_H
#define KR_NODE_CORE_TRANSPORT_KEY_H

#include "node/core/state.h"

/* ---- of this node ---- */
bool kr_transport_has(const struct kr_keyring *keyring, const uint8_t key[static 32]); /* in use, or next */
/* Whether this node has that key, or had it, by its dates on the card. */
bool kr_transport_is_own(const struct kr_core *core, const uint8_t key[static 32]);
/* A next key is on our card, and its turn has not come: others may be told of two keys, and admit this node under the one before.
 */
bool kr_transport_is_turning(const struct kr_core *core);
/* While that is so nobody is joined: it would expect this node under the next key, which is the newest on the card. */
enum kr_err kr_transport_refuse(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
/* Our own card was stored: it may list the next key. */
enum kr_err kr_transport_card_entered(struct kr_step *step) KR_WARN_UNUSED;
/* The card that the peer's hello bore, after it was taken, or was not; `id`: of its record; NULL: it was here, and counts. One that
 * was not taken though none stands before it (it may be of the future here) is not outdone. */
void kr_transport_shown(const struct kr_core *core, struct kr_link *link, const struct kr_card *card, uint64_t version,
                        const uint8_t *id);
/* A session came up, and no ping was said in it yet: where we go by another card of the peer's, or there is no room for a link
 * under another key of it, that is said first (kr_transport_say_full: it or nothing, once a session). */
enum kr_err kr_transport_session_up(struct kr_step *step, struct kr_link *link) KR_WARN_UNUSED;
enum kr_err kr_transport_say_full(struct kr_step *step, struct kr_link *link) KR_WARN_UNUSED;
/* The peer said its first ping or pong, or another: it has the card that we have, and room, unless its clock is wrong, or by it
 * the card is one of the future. Had that been so before, it is told of the card once more. */
enum kr_err kr_transport_heard(struct kr_step *step, struct kr_link *link, bool had_wrong_clock) KR_WARN_UNUSED;
/* The peer refused a record of ours: it may be the card with the next key, which another one outdoes there, or for a link under
 * which it has no room. */
enum kr_err kr_transport_refused(struct kr_step *step, struct kr_link *link, const struct kr_message *message) KR_WARN_UNUSED;
/* The next key takes its place, where nothing waits for that any more. */
enum kr_err kr_transport_tick(struct kr_step *step) KR_WARN_UNUSED;
enum kr_err kr_transport_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
/* `names`: room for those of councils that it waits for, which the result borrows. */
enum kr_err kr_transport_status(struct kr_step *step, char *names, size_t size,
                                struct kr_status_transport *ret_status) KR_WARN_UNUSED;

/* One council's name more in the list of them in `text`; of a long one, the characters in front. */
void kr_names_add(const struct kr_core *core, const uint8_t council[static 32], bool japanese, char *text, size_t size);

/* ---- links.c ---- */
/* Whether a key of that council's card has no link because there are as many as there may be. */
bool kr_links_lack_room(struct kr_core *core, const uint8_t council[static 32]);
/* All sessions that are up begin anew, now (kr_links_renew: at the next tick). */
enum kr_err kr_links_renew_now(struct kr_step *step) KR_WARN_UNUSED;

/* ---- of others ---- */
bool kr_links_are_one_node(const struct kr_core *core, const struct kr_link *a, const struct kr_link *b);
/* Another link with the same node, under another of its keys, which stands for this one: it has a session, and this one has none;
 * or neither has, and it was heard later, or is older. NULL: this one stands for itself. */
struct kr_link *kr_link_stand_in(struct kr_core *core, const struct kr_link *link);
/* `*ret_may` false: another link with the same node has a session, so this one rests, and what was dialled is hung up. */
enum kr_err kr_link_may_dial(struct kr_step *step, struct kr_link *link, bool *ret_may) KR_WARN_UNUSED;

#endif
