/* What is done with one tree. Everything goes from the first row down; a row is read once, and written once on the way back up. */
#include "store/tree.h"

#include <stdlib.h>
#include <string.h>

enum kr_err kr_tree_init(struct kr_tree *tree, struct kr_txn *txn, uint32_t number, uint32_t max)
{
    *tree = (struct kr_tree){.txn = txn, .number = number, .merged_max = max + KR_TREE_LEAF_MAX};
    tree->row = malloc(sizeof *tree->row);
    tree->merged = malloc((size_t)tree->merged_max * sizeof tree->merged[0]);
    if (tree->row == NULL || tree->merged == NULL) {
        kr_tree_deinit(tree);
        return KR_NOMEM;
    }
    return KR_OK;
}

void kr_tree_deinit(struct kr_tree *tree)
{
    free(tree->row);
    free(tree->merged);
    tree->row = NULL;
    tree->merged = NULL;
}

/* The part in front of the first key that has another nibble there. */
static struct kr_tree_keys same_nibble(struct kr_tree_keys keys, uint32_t at)
{
    return kr_tree_under(keys, keys.keys[0], at + 1);
}

static struct kr_tree_keys behind(struct kr_tree_keys keys, uint32_t count)
{
    return (struct kr_tree_keys){.keys = keys.keys + count, .count = keys.count - count};
}

/* ---- adding ---- */

static enum kr_err build(struct kr_tree *tree, uint32_t nibbles, struct kr_tree_keys keys, struct kr_tree_node *ret_node);

static enum kr_err build_node(struct kr_tree *tree, uint32_t nibbles, struct kr_tree_keys keys, struct kr_tree_node *ret_node)
{
    const uint8_t *edge = keys.keys[0];
    enum kr_err err = KR_OK;
    while (keys.count > 0 && err == KR_OK) {
        const struct kr_tree_keys same = same_nibble(keys, ret_node->depth);
        struct kr_tree_node child;
        err = build(tree, ret_node->depth + 1, same, &child);
        ret_node->children[kr_tree_nibble(same.keys[0], ret_node->depth)] = child.sum;
        keys = behind(keys, same.count);
    }
    if (err == KR_OK) {
        kr_tree_node_sum(ret_node);
        err = tree->writes ? kr_tree_node_put(tree, edge, nibbles, ret_node) : KR_OK;
    }
    return err;
}

/* From keys alone; at least one. */
static enum kr_err build(struct kr_tree *tree, uint32_t nibbles, struct kr_tree_keys keys, struct kr_tree_node *ret_node)
{
    memset(ret_node, 0, sizeof *ret_node);
    ret_node->depth = kr_tree_common(keys.keys[0], keys.keys[keys.count - 1], KR_TREE_NIBBLES);
    kr_tree_prefix(ret_node->common, keys.keys[0], ret_node->depth);
    if (keys.count > KR_TREE_LEAF_MAX) {
        return build_node(tree, nibbles, keys, ret_node);
    }
    ret_node->sum.count = keys.count;
    kr_tree_leaf_digest(keys, ret_node->sum.digest);
    return tree->writes ? kr_tree_leaf_put(tree, keys.keys[0], nibbles, keys) : KR_OK;
}

/* Both together, in order, each key once. */
static struct kr_tree_keys merge_keys(struct kr_tree *tree, struct kr_tree_keys left, struct kr_tree_keys right)
{
    struct kr_tree_keys merged = {.keys = (const kr_tree_key *)tree->merged};
    KR_ASSERT(left.count + right.count <= tree->merged_max);
    while (left.count > 0 || right.count > 0) {
        const int order = left.count == 0 ? 1 : right.count == 0 ? -1 : memcmp(left.keys[0], right.keys[0], KR_TREE_KEY_BYTES);
        memcpy(tree->merged[merged.count++], order <= 0 ? left.keys[0] : right.keys[0], KR_TREE_KEY_BYTES);
        left = order <= 0 ? behind(left, 1) : left;
        right = order >= 0 ? behind(right, 1) : right;
    }
    return merged;
}

static struct kr_tree_keys leaf_keys(const struct kr_tree_row *row)
{
    return (struct kr_tree_keys){.keys = (const kr_tree_key *)row->keys, .count = (uint32_t)row->node.sum.count};
}

static enum kr_err add_to_node(struct kr_tree *tree, uint32_t nibbles, struct kr_tree_node *node, struct kr_tree_keys keys);

/* To the row at this edge; at least one key, all of which begin as the edge does. */
static enum kr_err add_at(struct kr_tree *tree, uint32_t nibbles, struct kr_tree_keys keys, struct kr_tree_node *ret_node)
{
    enum kr_err err = kr_tree_row_get(tree, keys.keys[0], nibbles, tree->row);
    if (err != KR_OK) {
        return err;
    }
    if (!tree->row->is_node) {
        return build(tree, nibbles, merge_keys(tree, leaf_keys(tree->row), keys), ret_node);
    }
    *ret_node = tree->row->node;
    return add_to_node(tree, nibbles, ret_node, keys);
}

static enum kr_err add_to_children(struct kr_tree *tree, struct kr_tree_node *node, struct kr_tree_keys keys)
{
    enum kr_err err = KR_OK;
    while (keys.count > 0 && err == KR_OK) {
        const struct kr_tree_keys same = same_nibble(keys, node->depth);
        struct kr_tree_sum *sum = &node->children[kr_tree_nibble(same.keys[0], node->depth)];
        struct kr_tree_node child;
        err = sum->count > 0 ? add_at(tree, node->depth + 1, same, &child) : build(tree, node->depth + 1, same, &child);
        *sum = child.sum;
        keys = behind(keys, same.count);
    }
    return err;
}

/* Keys leave the node's common prefix after `at` nibbles: a node is put in between, under which the old one moves to an edge of its
 * own. */
static enum kr_err split_node(struct kr_tree *tree, uint32_t at, struct kr_tree_node *node, struct kr_tree_keys keys)
{
    struct kr_tree_node old = *node;
    const struct kr_tree_keys same = kr_tree_under(keys, old.common, at + 1);
    enum kr_err err = KR_OK;
    if (same.count > 0) {
        err = add_to_node(tree, at + 1, &old, same);
    } else {
        kr_tree_node_sum(&old);
        err = tree->writes ? kr_tree_node_put(tree, old.common, at + 1, &old) : KR_OK;
    }
    memset(node, 0, sizeof *node);
    node->depth = at;
    kr_tree_prefix(node->common, old.common, at);
    while (keys.count > 0 && err == KR_OK) {
        const struct kr_tree_keys group = same_nibble(keys, at);
        struct kr_tree_node child;
        if (kr_tree_nibble(group.keys[0], at) != kr_tree_nibble(old.common, at)) {
            err = build(tree, at + 1, group, &child);
            node->children[kr_tree_nibble(group.keys[0], at)] = child.sum;
        }
        keys = behind(keys, group.count);
    }
    node->children[kr_tree_nibble(old.common, at)] = old.sum;
    return err;
}

/* To a node that was read, or is about to move to this edge. */
static enum kr_err add_to_node(struct kr_tree *tree, uint32_t nibbles, struct kr_tree_node *node, struct kr_tree_keys keys)
{
    const uint32_t first = kr_tree_common(node->common, keys.keys[0], node->depth);
    const uint32_t last = kr_tree_common(node->common, keys.keys[keys.count - 1], node->depth);
    const uint32_t at = first < last ? first : last;
    enum kr_err err = at < node->depth ? split_node(tree, at, node, keys) : add_to_children(tree, node, keys);
    if (err == KR_OK) {
        kr_tree_node_sum(node);
        err = tree->writes ? kr_tree_node_put(tree, keys.keys[0], nibbles, node) : KR_OK;
    }
    return err;
}

enum kr_err kr_tree_add(struct kr_tree *tree, struct kr_tree_keys keys, struct kr_tree_node *ret_node)
{
    KR_ASSERT(keys.count > 0);
    enum kr_err err = tree->has_rows ? add_at(tree, 0, keys, ret_node) : build(tree, 0, keys, ret_node);
    tree->has_rows = tree->has_rows || tree->writes;
    return err;
}

/* ---- taking out ---- */

static enum kr_err take_from_leaf(struct kr_tree *tree, const uint8_t *key, uint32_t nibbles, struct kr_tree_sum *ret_sum)
{
    struct kr_tree_row *row = tree->row;
    uint32_t i = 0, count = (uint32_t)row->node.sum.count;
    while (i < count && memcmp(row->keys[i], key, KR_TREE_KEY_BYTES) != 0) {
        i++;
    }
    if (i == count) {
        return KR_CORRUPT;
    }
    memmove(row->keys[i], row->keys[i + 1], (size_t)(count - i - 1) * KR_TREE_KEY_BYTES);
    row->node.sum.count--;
    const struct kr_tree_keys keys = leaf_keys(row);
    ret_sum->count = keys.count;
    kr_tree_leaf_digest(keys, ret_sum->digest);
    return keys.count > 0 ? kr_tree_leaf_put(tree, key, nibbles, keys) : kr_tree_row_delete(tree, key, nibbles);
}

const uint8_t *kr_tree_child_edge(const struct kr_tree_node *node, uint32_t nibble, kr_tree_key buffer)
{
    memcpy(buffer, node->common, KR_TREE_KEY_BYTES);
    buffer[node->depth / 2] |= (uint8_t)(node->depth % 2 == 0 ? nibble << 4 : nibble);
    return buffer;
}

/* Few enough are left to be a leaf: so are all its children. */
static enum kr_err fold_to_leaf(struct kr_tree *tree, const uint8_t *key, uint32_t nibbles, const struct kr_tree_node *node,
                                struct kr_tree_sum *ret_sum)
{
    struct kr_tree_keys all = {.keys = (const kr_tree_key *)tree->merged};
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < 16 && err == KR_OK; i++) {
        kr_tree_key buffer;
        if (node->children[i].count == 0) {
            continue;
        }
        const uint8_t *edge = kr_tree_child_edge(node, i, buffer);
        err = kr_tree_row_get(tree, edge, node->depth + 1, tree->row);
        if (err == KR_OK) {
            err = !tree->row->is_node && all.count + tree->row->node.sum.count <= KR_TREE_LEAF_MAX
                      ? kr_tree_row_delete(tree, edge, node->depth + 1)
                      : KR_CORRUPT;
        }
        if (err == KR_OK) {
            const struct kr_tree_keys keys = leaf_keys(tree->row);
            memcpy(tree->merged[all.count], keys.keys, (size_t)keys.count * KR_TREE_KEY_BYTES);
            all.count += keys.count;
        }
    }
    if (err != KR_OK || all.count == 0) {
        return err == KR_OK ? KR_CORRUPT : err;
    }
    ret_sum->count = all.count;
    kr_tree_leaf_digest(all, ret_sum->digest);
    return kr_tree_leaf_put(tree, key, nibbles, all);
}

/* The only child that is left takes its parent's place: it has too many keys for a leaf. */
static enum kr_err lift_child(struct kr_tree *tree, const uint8_t *key, uint32_t nibbles, const struct kr_tree_node *node,
                              uint32_t nibble, struct kr_tree_sum *ret_sum)
{
    kr_tree_key buffer;
    const uint8_t *edge = kr_tree_child_edge(node, nibble, buffer);
    enum kr_err err = kr_tree_row_get(tree, edge, node->depth + 1, tree->row);
    if (err == KR_OK) {
        err = tree->row->is_node ? kr_tree_row_delete(tree, edge, node->depth + 1) : KR_CORRUPT;
    }
    if (err == KR_OK) {
        *ret_sum = node->children[nibble];
        err = kr_tree_node_put(tree, key, nibbles, &tree->row->node);
    }
    return err;
}

static enum kr_err take_at(struct kr_tree *tree, const uint8_t *key, uint32_t nibbles, struct kr_tree_sum *ret_sum)
{
    enum kr_err err = kr_tree_row_get(tree, key, nibbles, tree->row);
    if (err != KR_OK || !tree->row->is_node) {
        return err == KR_OK ? take_from_leaf(tree, key, nibbles, ret_sum) : err;
    }
    struct kr_tree_node node = tree->row->node;
    uint32_t children = 0, last = 0;
    const bool is_under = kr_tree_common(node.common, key, node.depth) == node.depth;
    struct kr_tree_sum *sum = &node.children[kr_tree_nibble(key, node.depth)];
    err = is_under && sum->count > 0 ? take_at(tree, key, node.depth + 1, sum) : KR_CORRUPT;
    if (err != KR_OK) {
        return err;
    }
    kr_tree_node_sum(&node);
    for (uint32_t i = 0; i < 16; i++) {
        if (node.children[i].count > 0) {
            children++;
            last = i;
        }
    }
    if (node.sum.count <= KR_TREE_LEAF_MAX) {
        return fold_to_leaf(tree, key, nibbles, &node, ret_sum);
    }
    if (children == 1) {
        return lift_child(tree, key, nibbles, &node, last, ret_sum);
    }
    *ret_sum = node.sum;
    return kr_tree_node_put(tree, key, nibbles, &node);
}

enum kr_err kr_tree_take(struct kr_tree *tree, const uint8_t key[static KR_TREE_KEY_BYTES], struct kr_tree_sum *ret_sum)
{
    KR_ASSERT(tree->writes);
    return tree->has_rows ? take_at(tree, key, 0, ret_sum) : KR_CORRUPT;
}

/* ---- reading ---- */

/* The row whose keys are all that begin with the prefix, or among whose keys they are; false where there are none in rows. Where it
 * is a node, all its keys begin so. */
static enum kr_err go_to(struct kr_tree *tree, const uint8_t *prefix, uint32_t nibbles, uint32_t *ret_nibbles, bool *ret_is_there)
{
    uint32_t at = 0;
    enum kr_err err = KR_OK;
    *ret_is_there = false;
    for (bool has_row = tree->has_rows; has_row && err == KR_OK;) {
        err = kr_tree_row_get(tree, prefix, at, tree->row);
        const struct kr_tree_node *node = &tree->row->node;
        if (err != KR_OK || !tree->row->is_node) {
            *ret_is_there = true;
            break;
        }
        const uint32_t most = node->depth < nibbles ? node->depth : nibbles;
        if (kr_tree_common(node->common, prefix, most) < most) {
            break;
        }
        if (node->depth >= nibbles) {
            *ret_is_there = true;
            break;
        }
        has_row = node->children[kr_tree_nibble(prefix, node->depth)].count > 0;
        at = node->depth + 1;
    }
    *ret_nibbles = at;
    return err;
}

enum kr_err kr_tree_look(struct kr_tree *tree, const uint8_t prefix[static KR_TREE_KEY_BYTES], uint32_t nibbles,
                         struct kr_tree_keys keys, struct kr_tree_node *ret_node)
{
    KR_ASSERT(!tree->writes);
    uint32_t at = 0;
    bool is_there = false;
    enum kr_err err = go_to(tree, prefix, nibbles, &at, &is_there);
    if (err != KR_OK) {
        return err;
    }
    if (is_there && tree->row->is_node) {
        *ret_node = tree->row->node;
        if (keys.count > 0) {
            return add_to_node(tree, at, ret_node, keys);
        }
        kr_tree_node_sum(ret_node);
        return KR_OK;
    }
    if (is_there) {
        keys = merge_keys(tree, kr_tree_under(leaf_keys(tree->row), prefix, nibbles), keys);
    }
    if (keys.count > 0) {
        return build(tree, at, keys, ret_node);
    }
    memset(ret_node, 0, sizeof *ret_node);
    ret_node->depth = nibbles;
    kr_tree_prefix(ret_node->common, prefix, nibbles);
    return KR_OK;
}

struct list {
    const uint8_t *after;
    kr_tree_key *keys;
    uint32_t max, count;
};

static void list_leaf(struct list *list, struct kr_tree_keys keys)
{
    for (uint32_t i = 0; i < keys.count && list->count < list->max; i++) {
        if (list->after == NULL || memcmp(keys.keys[i], list->after, KR_TREE_KEY_BYTES) > 0) {
            memcpy(list->keys[list->count++], keys.keys[i], KR_TREE_KEY_BYTES);
        }
    }
}

/* Everything below a node, as far as there is room. */
static enum kr_err list_node(struct kr_tree *tree, const struct kr_tree_node *node, struct list *list)
{
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < 16 && list->count < list->max && err == KR_OK; i++) {
        kr_tree_key buffer, limit;
        if (node->children[i].count == 0) {
            continue;
        }
        const uint8_t *edge = kr_tree_child_edge(node, i, buffer);
        if (list->after != NULL) {
            kr_tree_prefix(limit, list->after, node->depth + 1);
            if (memcmp(edge, limit, KR_TREE_KEY_BYTES) < 0) {
                continue; /* all of it is in front */
            }
        }
        err = kr_tree_row_get(tree, edge, node->depth + 1, tree->row);
        if (err == KR_OK && tree->row->is_node) {
            const struct kr_tree_node child = tree->row->node;
            err = list_node(tree, &child, list);
        } else if (err == KR_OK) {
            list_leaf(list, leaf_keys(tree->row));
        }
    }
    return err;
}

enum kr_err kr_tree_list(struct kr_tree *tree, const uint8_t prefix[static KR_TREE_KEY_BYTES], uint32_t nibbles,
                         const uint8_t *after, kr_tree_key *ret_keys, uint32_t max, uint32_t *ret_count)
{
    struct list list = {.after = after, .keys = ret_keys, .max = max};
    uint32_t at = 0;
    bool is_there = false;
    enum kr_err err = go_to(tree, prefix, nibbles, &at, &is_there);
    if (err == KR_OK && is_there && tree->row->is_node) {
        const struct kr_tree_node node = tree->row->node;
        err = list_node(tree, &node, &list);
    } else if (err == KR_OK && is_there) {
        list_leaf(&list, kr_tree_under(leaf_keys(tree->row), prefix, nibbles));
    }
    if (err == KR_OK) {
        *ret_count = list.count;
    }
    return err;
}

enum kr_err kr_tree_reach(struct kr_tree *tree, const uint8_t *edge, uint32_t nibbles)
{
    uint32_t at = 0;
    enum kr_err err = tree->has_rows ? KR_OK : KR_CORRUPT;
    while (err == KR_OK && at < nibbles) {
        err = kr_tree_row_get(tree, edge, at, tree->row);
        const struct kr_tree_node *node = &tree->row->node;
        if (err == KR_OK) {
            bool leads_on = tree->row->is_node && node->depth < nibbles &&
                            kr_tree_common(node->common, edge, node->depth) == node->depth &&
                            node->children[kr_tree_nibble(edge, node->depth)].count > 0;
            err = leads_on ? KR_OK : KR_CORRUPT;
            at = node->depth + 1;
        }
    }
    return err == KR_OK && at != nibbles ? KR_CORRUPT : err;
}
