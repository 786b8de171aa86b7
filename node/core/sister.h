/* Several nodes of one council (docs/PROTOCOL.md, "Nodes of one council"). Private to node/core.
 *
 *   sister.c    which there are; what they hand each other beyond records: names, sealing keys
 *   node_ask.c  the side of the council: tickets, who asks, putting a node on the card
 *   novice.c    the side of the new machine, until the card lists it
 *
 * Which nodes there are is what the council's card says: each transport key that is in force there and is not our own is one, with
 * a link whose council is our own (kr_links_follow_card). */
#ifndef KR_NODE_CORE_SISTER_H
#define KR_NODE_CORE_SISTER_H

#include "node/core/state.h"
#include "proto/wire/ways.h"

/* ---- sister.c ---- */
/* What is known of a node beyond the card, which does not say which of its keys belong together. */
struct kr_node_row {
    uint8_t node_key[32]; /* that it had when it was last met, or was taken in */
    uint64_t since_ms;
    char name[KR_NAME_BYTES_MAX + 1];
};
/* KR_NOT_FOUND: it never was met. */
enum kr_err kr_node_row_get(struct kr_txn *txn, const uint8_t transport_key[static 32], struct kr_node_row *ret_row) KR_WARN_UNUSED;
/* The same, under whichever of its transport keys on that card it was met. */
enum kr_err kr_node_row_of(struct kr_txn *txn, const struct kr_card *card, const uint8_t transport_key[static 32],
                           struct kr_node_row *ret_row) KR_WARN_UNUSED;
enum kr_err kr_node_row_put(struct kr_txn *txn, const uint8_t transport_key[static 32],
                            const struct kr_node_row *row) KR_WARN_UNUSED;
/* The transport key of the node that had that node key; KR_NOT_FOUND. */
enum kr_err kr_node_row_find(struct kr_txn *txn, const uint8_t node_key[static 32],
                             uint8_t ret_transport_key[static 32]) KR_WARN_UNUSED;
/* This node's own name: "" where it was the first. */
enum kr_err kr_node_name(struct kr_txn *txn, char ret_name[static KR_NAME_BYTES_MAX + 1]) KR_WARN_UNUSED;
enum kr_err kr_node_name_put(struct kr_txn *txn, struct kr_slice name) KR_WARN_UNUSED;
/* Where this council's nodes are dialled: this one first, where it can be, then those that the card lists. */
void kr_node_ways(const struct kr_core *core, struct kr_ways *ret_ways);
/* Whether records are shared with other nodes of this council: decided when the core is made, and when one is linked. */
enum kr_err kr_sisters_load(struct kr_step *step) KR_WARN_UNUSED;
/* Whether it is the key that another node of this council signs with: on the card (kr_card_node_is_used), and not ours. */
bool kr_sister_signed(const struct kr_core *core, const uint8_t signing_key[static 32], uint64_t now_ms);
/* A session with another node of this council began. */
enum kr_err kr_sister_up(struct kr_step *step, struct kr_link *link) KR_WARN_UNUSED;
/* Tells all of them that have a session of the keys that they all have, where these changed. */
enum kr_err kr_sisters_tell(struct kr_step *step) KR_WARN_UNUSED;
/* What another one told. */
enum kr_err kr_sister_keys(struct kr_step *step, struct kr_link *link, const struct kr_message *message) KR_WARN_UNUSED;

/* ---- node_ask.c ---- */
enum kr_err kr_node_ask_frame(struct kr_step *step, struct kr_invitation *invitation, struct kr_slice frame) KR_WARN_UNUSED;
/* A node that asked is one now, as the card says. */
enum kr_err kr_node_asks_done(struct kr_step *step, const uint8_t node_key[static 32]) KR_WARN_UNUSED;
enum kr_err kr_node_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED; /* KR_OP_NODE… */

/* ---- links.c ---- */
/* The links with that council are those of the transport keys that its card lists now, as far as there is room; the first stays
 * where the card lists none. Links go: to be called where no event is about one of them. */
enum kr_err kr_links_follow_card(struct kr_step *step, const uint8_t council[static 32]) KR_WARN_UNUSED;
/* Whether there is nothing to do for that. */
bool kr_links_fit_card(struct kr_core *core, const uint8_t council[static 32], const struct kr_card *card);
/* That of all councils, where it is due. */
enum kr_err kr_links_follow_cards(struct kr_step *step) KR_WARN_UNUSED;

/* ---- links_shared.c ---- */
enum kr_err kr_links_shared_fits(const struct kr_step *step, const struct kr_header *header,
                                 struct kr_slice content) KR_WARN_UNUSED;
enum kr_err kr_links_shared_take(struct kr_step *step, const struct kr_header *header, struct kr_slice content) KR_WARN_UNUSED;
/* What was said of it last is not genuine: this is done instead at the next tick. `content` empty: there is to be no link. */
enum kr_err kr_links_shared_back(struct kr_step *step, const uint8_t council[static 32], uint64_t version,
                                 struct kr_slice content) KR_WARN_UNUSED;
enum kr_err kr_links_shared_tick(struct kr_step *step) KR_WARN_UNUSED;

/* ---- ticket_shared.c: what all nodes of a council know of an invitation ---- */
struct kr_ticket_word;
enum kr_err kr_invitation_print(struct kr_step *step, const struct kr_event *event, const struct kr_invitation *invitation,
                                const uint8_t secret[static 32]) KR_WARN_UNUSED;
enum kr_err kr_invitation_say_made(struct kr_step *step, const struct kr_invitation *invitation) KR_WARN_UNUSED;
enum kr_err kr_invitation_say_used(struct kr_step *step, const struct kr_invitation *invitation) KR_WARN_UNUSED;
/* It is let in here, too, where there is room. */
enum kr_err kr_invitation_learn(struct kr_step *step, const struct kr_ticket_word *word) KR_WARN_UNUSED;
/* Of the councils that used it that one was first, as far as it is known here. */
enum kr_err kr_invitation_joined(struct kr_step *step, const uint8_t key[static 32],
                                 const uint8_t council[static 32]) KR_WARN_UNUSED;
enum kr_err kr_invitation_forget(struct kr_step *step, const uint8_t key[static 32]) KR_WARN_UNUSED;
/* That council's link is in force by what another node of ours said: both operators have confirmed a code there. pairing.c */
enum kr_err kr_pairing_settle(struct kr_step *step, struct kr_link *link) KR_WARN_UNUSED;

/* ---- of others, for these: ticket.c, people_act.c, peer.c ---- */
struct kr_machine;
/* Makes one like that, with a number, keys and an end of its own, and answers with its ticket. */
enum kr_err kr_invitation_make(struct kr_step *step, const struct kr_event *event, const struct kr_invitation *like,
                               uint64_t ttl_s) KR_WARN_UNUSED;
enum kr_err kr_invitation_put(struct kr_step *step, const struct kr_invitation *invitation) KR_WARN_UNUSED; /* its row */
/* Durably: by that council, or that node key. */
enum kr_err kr_invitation_use(struct kr_step *step, struct kr_invitation *invitation, const uint8_t by[static 32]) KR_WARN_UNUSED;
/* The machine with that node key is a node, or is to be none. */
enum kr_err kr_invitations_taken_in(struct kr_step *step, const uint8_t node_key[static 32]) KR_WARN_UNUSED;
/* This machine's name, made when it is needed first. */
enum kr_err kr_machine_find(struct kr_step *step, struct kr_machine *ret_machine) KR_WARN_UNUSED;
/* What that comes to, KR_PEER_…, for whoever says so; `*ret_verdict`: why it was not done. */
enum kr_err kr_peer_do(struct kr_step *step, uint32_t action, const uint8_t council[static 32],
                       enum kr_err *ret_verdict) KR_WARN_UNUSED;
/* Those that are blocked, `max` at most. */
enum kr_err kr_peer_blocked(struct kr_step *step, uint8_t (*ret_councils)[32], uint32_t max, uint32_t *ret_count) KR_WARN_UNUSED;

/* ---- novice.c ---- */
struct kr_novice;
/* KR_NOT_FOUND: this node is none. */
enum kr_err kr_novice_load(struct kr_step *step) KR_WARN_UNUSED;
void kr_novice_free(struct kr_novice *novice);
enum kr_err kr_novice_init(struct kr_step *step, struct kr_slice bytes) KR_WARN_UNUSED;
/* `*ret_is_node`: it is a node now, and what every core does first is to be done. */
enum kr_err kr_novice_event(struct kr_step *step, const struct kr_event *event, bool *ret_is_node) KR_WARN_UNUSED;

#endif
