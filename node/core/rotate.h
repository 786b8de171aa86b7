/* New keys for this node, at once or on a day that was named before (docs/adr/0038, 0056). Private to node/core.
 *
 * On our card the next node key begins KR_KEY_EARLIER_S before its turn, and the one in use ends KR_KEY_OVERLAP_S after that turn:
 * by these dates the two are known to belong together (kr_card_node_after). So do the sealing keys that came with them. */
#ifndef KR_NODE_CORE_ROTATE_H
#define KR_NODE_CORE_ROTATE_H

#include "node/core/state.h"
#include "proto/client/rekey.h"

/* What this node signs records and hellos with; borrowed from the keyring. */
struct kr_signing_key {
    const uint8_t *public_key, *secret;
};
struct kr_signing_key kr_keys_signing(const struct kr_core *core);
/* Public key that what is for our own side is sealed to: the newest of the keyring that the card lists as in force, which this
 * council's other nodes have too; where there is none, the newest. Borrowed. The keyring has one at least. */
const uint8_t *kr_keys_own_sealing(const struct kr_core *core, uint64_t now_ms);
/* Looks at card and keyring anew. Nothing has its turn by that alone. */
enum kr_err kr_keys_load(struct kr_step *step) KR_WARN_UNUSED;
/* The keyring is told, where the next key had its turn, or the card has another root key. Writes nothing. */
enum kr_err kr_keys_turn(struct kr_step *step) KR_WARN_UNUSED;
/* The next key has its turn, when that comes. */
enum kr_err kr_keys_tick(struct kr_step *step) KR_WARN_UNUSED;
/* Our own card was stored: it may list the next key. */
enum kr_err kr_keys_card_entered(struct kr_step *step) KR_WARN_UNUSED;

/* ---- on a card ---- */
/* The node key that takes the place of `key` at a time that has not come; NULL: none does. */
const struct kr_card_key *kr_card_planned(const struct kr_card *card, const uint8_t key[static 32], uint64_t now_s);
/* Whether some node signs with that node key for now: without an end, or with one that follows from what is planned. */
bool kr_card_node_is_used(const struct kr_card *card, const uint8_t key[static 32], uint64_t now_s);
/* What is planned for `key` is off: what was to take its place, and the sealing key that came with it, are not on the card any
 * more, and what would have ended with it is as it was. Keys on the card move. False: nothing was planned. */
bool kr_card_drop_plan(struct kr_card *card, const uint8_t key[static 32], uint64_t now_s);
/* When the keys that come next have their turn, and when those before end. */
struct kr_turn {
    uint64_t now_s, at_s, until_s;
};
/* What was planned is off; the keys that come next are in front; the node key in use and all sealing keys end where they did not
 * before. KR_BOUNDS where the card has no room, KR_NOT_FOUND where none come next. */
enum kr_err kr_card_turn_keys(const struct kr_core *core, struct kr_card *card, const struct kr_turn *turn) KR_WARN_UNUSED;
/* In front: of two that begin at the same time that one is the newest. False where there is no room. */
bool kr_card_put_first(struct kr_card_key *keys, uint32_t *count, const uint8_t key[static 32], uint64_t now_s, uint64_t from_s);
/* The key ends then, where it did not before. */
void kr_card_end_key(struct kr_card_key *key, uint64_t until_s);

/* ---- for clients ---- */
enum kr_err kr_new_keys_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
/* Whether the keys that come next were to have their turn on some day, and that was called off. */
enum kr_err kr_keys_are_aside(struct kr_step *step, bool *ret_are) KR_WARN_UNUSED;
enum kr_err kr_rotate_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
enum kr_err kr_keys_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED; /* rotate_list.c */

#endif
