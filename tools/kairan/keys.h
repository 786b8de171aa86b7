/* This node's keys as status and doctor look at them. */
#ifndef KR_TOOLS_KAIRAN_KEYS_H
#define KR_TOOLS_KAIRAN_KEYS_H

#include <jansson.h>

#include "proto/client/rekey.h"
#include "tools/kairan/kairan.h"

#define KR_KEY_ITEMS_MAX (3u * KR_CARD_KEYS_MAX + KR_SEALING_KEYS_MAX + 2u)

struct kr_own_keys {
    uint32_t count;
    struct kr_key_item items[KR_KEY_ITEMS_MAX];
};
/* Tells failures. */
bool kr_keys_ask(struct kr_app *app, struct kr_own_keys *ret_keys);
/* What this node signs with; NULL: nothing is said of it. */
const struct kr_key_item *kr_keys_of_node(const struct kr_own_keys *keys);
/* What takes its place on a day that is to come; NULL: nothing does. `*ret_is_here` false: the card says so, and this node does not
 * have that key (an older copy of the keyring was put back). */
const struct kr_key_item *kr_keys_planned(const struct kr_own_keys *keys, bool *ret_is_here);
/* As `kairan node keys` shows it: a line, and an object. */
void kr_key_text(const struct kr_key_item *item);
json_t *kr_key_json(const struct kr_key_item *item);
/* The other nodes of this council: node keys that they have, and how many were never met, so that theirs are not known. */
struct kr_other_nodes {
    uint32_t count, unmet;
    uint8_t keys[KR_CARD_KEYS_MAX][32];
};
/* How many node keys the card lists without an end, their turn past, that are neither this node's, planned or not, nor one of
 * others', nor come behind one of theirs; as many as there are nodes that were not met may be theirs. */
uint32_t kr_keys_strange(const struct kr_own_keys *keys, const struct kr_key_item *planned, const struct kr_other_nodes *others,
                         uint64_t now_s);
/* Whether nothing that the node signs now is accepted: the key is not on the card, or its time is over. */
bool kr_keys_is_mute(const struct kr_own_keys *keys, uint64_t now_s);

/* nodes.c */
bool kr_nodes_ask_others(struct kr_app *app, struct kr_other_nodes *ret_others); /* tells failures */
struct kr_node_options {
    const char *ttl, *name, *endpoint, *config, *passphrase_fd, *passphrase_file; /* NULL: not given */
    const struct kr_root_options *root;
};
bool kr_nodes_has(struct kr_app *app, const uint8_t node_key[static 32]); /* whether it is another node's of this council */
int kr_run_nodes(struct kr_app *app, const char *what, const char *argument, const struct kr_node_options *options);

#endif
