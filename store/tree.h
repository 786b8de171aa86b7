/* One tree: a Merkle radix tree over 36-byte keys in rows of the table `tree` (shape and digests: store.h). Private to this folder.
 *
 * Rows stand at edges: a row's key names the nibbles of the way to it, as far as its parent knows them (the parent's common prefix
 * and one nibble more; none for the first). The rest of what its keys have in common stands in the row, so that a parent need not
 * change when its child's common prefix does.
 *
 *   number 4 ‖ month 2                          sealed: entries of the scope when it began 8 ‖ keys 8 ‖ digest 32
 *   number 4 ‖ month 2 ‖ nibbles ‖ how many 1   leaf, sealed: keys 1 ‖ bytes that they share 1 ‖ those ‖ the rest of each key
 *                                               node, sealed: 0 ‖ depth 1 ‖ common prefix ‖ bitmap of children 2 ‖
 *                                                             for each: keys 8 ‖ digest 32
 *
 * Two nibbles go into a byte, the high one first; what is left of the last byte is 0. */
#ifndef KR_STORE_TREE_H
#define KR_STORE_TREE_H

#include "store/internal.h"

#define KR_TREE_MONTH_KEY     6u
#define KR_TREE_ROW_KEY_MAX   (KR_TREE_MONTH_KEY + KR_TREE_KEY_BYTES + 1u)
#define KR_TREE_ROW_BYTES_MAX (2u + KR_TREE_KEY_BYTES * (KR_TREE_LEAF_MAX + 1u))

typedef uint8_t kr_tree_key[KR_TREE_KEY_BYTES];

/* Keys in order, each once, that are added to what stands in rows. */
struct kr_tree_keys {
    const kr_tree_key *keys;
    uint32_t count;
};

/* What a row says; `keys` of a leaf. */
struct kr_tree_row {
    bool is_node;
    struct kr_tree_node node; /* of a leaf: only sum.count */
    kr_tree_key keys[KR_TREE_LEAF_MAX];
};

/* Rows that were read, by the length of their edges: a way down the tree passes those of the one before it. */
#define KR_TREE_KEPT 16u
struct kr_tree_kept {
    bool is_there;
    uint32_t month, nibbles;
    kr_tree_key edge;
    struct kr_tree_row row;
};

/* Of one scope and month. */
struct kr_tree {
    struct kr_txn *txn;
    uint32_t number, month;
    bool has_rows, writes;
    struct kr_tree_kept *kept; /* KR_TREE_KEPT, while nothing is written; NULL: none are kept. Borrowed */
    struct kr_tree_row *row;   /* room for one that was read */
    kr_tree_key *merged;       /* and for a leaf's keys together with those that are added */
    uint32_t merged_max;
};
/* `max`: most keys that are ever added at a time. KR_NOMEM. */
enum kr_err kr_tree_init(struct kr_tree *tree, struct kr_txn *txn, uint32_t number, uint32_t max) KR_WARN_UNUSED;
void kr_tree_deinit(struct kr_tree *tree);

/* ---- tree_row.c: keys, digests and rows ---- */
uint32_t kr_tree_nibble(const uint8_t *key, uint32_t at);
/* Nibbles that both have in common, at most `max`. */
uint32_t kr_tree_common(const uint8_t *left, const uint8_t *right, uint32_t max);
/* The first `nibbles` of the key, then zero. */
void kr_tree_prefix(uint8_t ret_prefix[static KR_TREE_KEY_BYTES], const uint8_t *key, uint32_t nibbles);
/* The part of `keys` that begins with the first `nibbles` of `prefix`. */
struct kr_tree_keys kr_tree_under(struct kr_tree_keys keys, const uint8_t *prefix, uint32_t nibbles);
void kr_tree_leaf_digest(struct kr_tree_keys keys, uint8_t ret_digest[static 32]);
/* From its children: number of keys and digest. */
void kr_tree_node_sum(struct kr_tree_node *node);
/* KR_CORRUPT where there is none. */
enum kr_err kr_tree_row_get(struct kr_tree *tree, const uint8_t *edge, uint32_t nibbles,
                            struct kr_tree_row *ret_row) KR_WARN_UNUSED;
enum kr_err kr_tree_row_open(struct kr_txn *txn, struct kr_slice key, struct kr_slice sealed,
                             struct kr_tree_row *ret_row) KR_WARN_UNUSED;
enum kr_err kr_tree_node_put(struct kr_tree *tree, const uint8_t *edge, uint32_t nibbles,
                             const struct kr_tree_node *node) KR_WARN_UNUSED;
enum kr_err kr_tree_leaf_put(struct kr_tree *tree, const uint8_t *edge, uint32_t nibbles, struct kr_tree_keys keys) KR_WARN_UNUSED;
enum kr_err kr_tree_row_delete(struct kr_tree *tree, const uint8_t *edge, uint32_t nibbles) KR_WARN_UNUSED;

/* ---- tree.c: what is done with a tree ---- */
/* Adds keys; with `writes` in the rows, else in memory alone. `*ret_node`: the whole tree then. */
enum kr_err kr_tree_add(struct kr_tree *tree, struct kr_tree_keys keys, struct kr_tree_node *ret_node) KR_WARN_UNUSED;
/* Takes one key out of the rows; KR_CORRUPT where it is not in them. `*ret_sum`: the whole tree then. */
enum kr_err kr_tree_take(struct kr_tree *tree, const uint8_t key[static KR_TREE_KEY_BYTES],
                         struct kr_tree_sum *ret_sum) KR_WARN_UNUSED;
/* The row of the node's child, or its place. */
const uint8_t *kr_tree_child_edge(const struct kr_tree_node *node, uint32_t nibble, kr_tree_key buffer);
/* What is under the prefix of the rows and the keys together, all of which begin with it. */
enum kr_err kr_tree_look(struct kr_tree *tree, const uint8_t prefix[static KR_TREE_KEY_BYTES], uint32_t nibbles,
                         struct kr_tree_keys keys, struct kr_tree_node *ret_node) KR_WARN_UNUSED;
/* Keys in the rows under the prefix and behind `after` (NULL: all), in order, at most `max`. */
enum kr_err kr_tree_list(struct kr_tree *tree, const uint8_t prefix[static KR_TREE_KEY_BYTES], uint32_t nibbles,
                         const uint8_t *after, kr_tree_key *ret_keys, uint32_t max, uint32_t *ret_count) KR_WARN_UNUSED;
/* Whether the row at this edge is one that the tree leads to: KR_CORRUPT where it does not. */
enum kr_err kr_tree_reach(struct kr_tree *tree, const uint8_t *edge, uint32_t nibbles) KR_WARN_UNUSED;

/* ---- tree_check.c: for verify ---- */
struct kr_tree_check;
/* For one transaction, which reads. */
enum kr_err kr_tree_check_new(struct kr_txn *txn, struct kr_tree_check **ret_check) KR_WARN_UNUSED;
void kr_tree_check_free(struct kr_tree_check *check);
/* Whether the trees have the entries of this block, or of a scope's row, that they should have; KR_CORRUPT. */
enum kr_err kr_tree_check_block(struct kr_tree_check *check, struct kr_slice key) KR_WARN_UNUSED;
enum kr_err kr_tree_check_scope(struct kr_tree_check *check, struct kr_slice key) KR_WARN_UNUSED;
/* Whether a row is one of its tree, follows from the rows below it, and has only entries of its scope; KR_CORRUPT. `*work`: bytes
 * that were read for it. */
enum kr_err kr_tree_check_row(struct kr_tree_check *check, struct kr_slice key, struct kr_slice value,
                              uint64_t *work) KR_WARN_UNUSED;

#endif
