/* Keys, digests and rows of a tree. */
#include <string.h>

#include "store/tree.h"

/* ---- keys ---- */

uint32_t kr_tree_nibble(const uint8_t *key, uint32_t at)
{
    return at % 2 == 0 ? key[at / 2] >> 4 : key[at / 2] & 15u;
}

uint32_t kr_tree_common(const uint8_t *left, const uint8_t *right, uint32_t max)
{
    uint32_t at = 0;
    while (at + 1 < max && left[at / 2] == right[at / 2]) {
        at += 2;
    }
    while (at < max && kr_tree_nibble(left, at) == kr_tree_nibble(right, at)) {
        at++;
    }
    return at;
}

void kr_tree_prefix(uint8_t ret_prefix[static KR_TREE_KEY_BYTES], const uint8_t *key, uint32_t nibbles)
{
    const uint32_t whole = nibbles / 2;
    memmove(ret_prefix, key, whole);
    if (nibbles % 2 == 1) {
        ret_prefix[whole] = key[whole] & 0xF0u;
    }
    memset(ret_prefix + (nibbles + 1) / 2, 0, KR_TREE_KEY_BYTES - (nibbles + 1) / 2);
}

/* < 0: the key stands in front of all that begin so; 0: it is one of them. */
static int side_of(const uint8_t *key, const uint8_t *prefix, uint32_t nibbles)
{
    const int order = memcmp(key, prefix, nibbles / 2);
    if (order != 0 || nibbles % 2 == 0) {
        return order;
    }
    return (int)(key[nibbles / 2] >> 4) - (int)(prefix[nibbles / 2] >> 4);
}

/* The first key that stands behind (or among) those that begin so. */
static uint32_t bound(struct kr_tree_keys keys, const uint8_t *prefix, uint32_t nibbles, bool is_behind)
{
    uint32_t low = 0, high = keys.count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int side = side_of(keys.keys[middle], prefix, nibbles);
        if (side < 0 || (side == 0 && is_behind)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct kr_tree_keys kr_tree_under(struct kr_tree_keys keys, const uint8_t *prefix, uint32_t nibbles)
{
    if (keys.count == 0) {
        return keys;
    }
    const uint32_t first = bound(keys, prefix, nibbles, false), end = bound(keys, prefix, nibbles, true);
    return (struct kr_tree_keys){.keys = keys.keys + first, .count = end - first};
}

/* ---- digests ---- */

void kr_tree_leaf_digest(struct kr_tree_keys keys, uint8_t ret_digest[static 32])
{
    if (keys.count == 0) {
        memset(ret_digest, 0, 32);
    } else {
        kr_hash(ret_digest, "kairan tree leaf", keys.keys, (size_t)keys.count * KR_TREE_KEY_BYTES);
    }
}

void kr_tree_node_sum(struct kr_tree_node *node)
{
    struct kr_hash_state state;
    node->sum.count = 0;
    kr_hash_init(&state, "kairan tree node");
    for (uint32_t i = 0; i < 16; i++) {
        if (node->children[i].count > 0) {
            uint8_t bytes[9 + 32] = {(uint8_t)i};
            kr_put_be(bytes + 1, node->children[i].count, 8);
            memcpy(bytes + 9, node->children[i].digest, 32);
            kr_hash_update(&state, bytes, sizeof bytes);
            node->sum.count += node->children[i].count;
        }
    }
    kr_hash_final(&state, node->sum.digest);
}

/* ---- rows ---- */

static struct kr_slice row_key(const struct kr_tree *tree, const uint8_t *edge, uint32_t nibbles,
                               uint8_t buffer[static KR_TREE_ROW_KEY_MAX])
{
    const uint32_t bytes = (nibbles + 1) / 2;
    kr_put_be(buffer, tree->number, 4);
    kr_put_be(buffer + 4, tree->month, 2);
    memcpy(buffer + KR_TREE_MONTH_KEY, edge, bytes);
    if (nibbles % 2 == 1) {
        buffer[KR_TREE_MONTH_KEY + bytes - 1] &= 0xF0u;
    }
    buffer[KR_TREE_MONTH_KEY + bytes] = (uint8_t)nibbles;
    return kr_slice_of(buffer, KR_TREE_MONTH_KEY + bytes + 1);
}

static enum kr_err read_leaf(struct kr_slice value, struct kr_tree_row *ret_row)
{
    const uint32_t count = value.bytes[0], shared = value.bytes[1];
    if (count > KR_TREE_LEAF_MAX || shared > KR_TREE_KEY_BYTES ||
        value.len != 2 + shared + (size_t)count * (KR_TREE_KEY_BYTES - shared)) {
        return KR_CORRUPT;
    }
    const uint8_t *rest = value.bytes + 2 + shared;
    for (uint32_t i = 0; i < count; i++, rest += KR_TREE_KEY_BYTES - shared) {
        memcpy(ret_row->keys[i], value.bytes + 2, shared);
        memcpy(ret_row->keys[i] + shared, rest, KR_TREE_KEY_BYTES - shared);
    }
    ret_row->is_node = false;
    ret_row->node.sum.count = count;
    return KR_OK;
}

static enum kr_err read_node(struct kr_slice value, struct kr_tree_row *ret_row)
{
    struct kr_tree_node node = {.depth = value.bytes[1]};
    const size_t bytes = (node.depth + 1) / 2;
    size_t at = 2 + bytes + 2;
    if (node.depth >= KR_TREE_NIBBLES || value.len < at) {
        return KR_CORRUPT;
    }
    memcpy(node.common, value.bytes + 2, bytes);
    const uint64_t bitmap = kr_get_be(value.bytes + 2 + bytes, 2);
    for (uint32_t i = 0; i < 16; i++) {
        if ((bitmap >> i & 1) == 0) {
            continue;
        }
        if (value.len < at + 40) {
            return KR_CORRUPT;
        }
        node.children[i].count = kr_get_be(value.bytes + at, 8);
        memcpy(node.children[i].digest, value.bytes + at + 8, 32);
        node.sum.count += node.children[i].count;
        at += 40;
    }
    if (at != value.len) {
        return KR_CORRUPT;
    }
    ret_row->is_node = true;
    ret_row->node = node;
    return KR_OK;
}

enum kr_err kr_tree_row_open(struct kr_txn *txn, struct kr_slice key, struct kr_slice sealed, struct kr_tree_row *ret_row)
{
    uint8_t value[KR_TREE_ROW_BYTES_MAX];
    size_t len = 0;
    enum kr_err err = kr_value_open(txn->store, KR_DBI_TREE, key, sealed, value, sizeof value, &len);
    if (err != KR_OK || len < 2) {
        return err == KR_OK || err == KR_BOUNDS ? KR_CORRUPT : err;
    }
    return value[0] > 0 ? read_leaf(kr_slice_of(value, len), ret_row) : read_node(kr_slice_of(value, len), ret_row);
}

static enum kr_err read_row(struct kr_tree *tree, const uint8_t *edge, uint32_t nibbles, struct kr_tree_row *ret_row)
{
    uint8_t buffer[KR_TREE_ROW_KEY_MAX];
    struct kr_slice key = row_key(tree, edge, nibbles, buffer), sealed = {0};
    enum kr_err err = kr_row_get(tree->txn, KR_DBI_TREE, key, &sealed);
    if (err != KR_OK) {
        return err == KR_NOT_FOUND ? KR_CORRUPT : err;
    }
    err = kr_tree_row_open(tree->txn, key, sealed, ret_row);
    return err == KR_OK && ret_row->is_node && ret_row->node.depth < nibbles ? KR_CORRUPT : err;
}

enum kr_err kr_tree_row_get(struct kr_tree *tree, const uint8_t *edge, uint32_t nibbles, struct kr_tree_row *ret_row)
{
    if (tree->kept == NULL) {
        return read_row(tree, edge, nibbles, ret_row);
    }
    struct kr_tree_kept *kept = &tree->kept[nibbles % KR_TREE_KEPT];
    if (!kept->is_there || kept->month != tree->month || kept->nibbles != nibbles ||
        kr_tree_common(kept->edge, edge, nibbles) < nibbles) {
        kept->is_there = false;
        enum kr_err err = read_row(tree, edge, nibbles, &kept->row);
        if (err != KR_OK) {
            return err;
        }
        kept->is_there = true;
        kept->month = tree->month;
        kept->nibbles = nibbles;
        memcpy(kept->edge, edge, sizeof kept->edge);
    }
    const size_t keys = kept->row.is_node ? 0 : kept->row.node.sum.count * KR_TREE_KEY_BYTES;
    memcpy(ret_row, &kept->row, offsetof(struct kr_tree_row, keys) + keys);
    return KR_OK;
}

enum kr_err kr_tree_node_put(struct kr_tree *tree, const uint8_t *edge, uint32_t nibbles, const struct kr_tree_node *node)
{
    uint8_t buffer[KR_TREE_ROW_KEY_MAX], value[KR_TREE_ROW_BYTES_MAX];
    const size_t bytes = (node->depth + 1) / 2;
    size_t at = 2 + bytes + 2;
    uint64_t bitmap = 0;
    value[0] = 0;
    value[1] = (uint8_t)node->depth;
    memcpy(value + 2, node->common, bytes);
    for (uint32_t i = 0; i < 16; i++) {
        if (node->children[i].count > 0) {
            bitmap |= UINT64_C(1) << i;
            kr_put_be(value + at, node->children[i].count, 8);
            memcpy(value + at + 8, node->children[i].digest, 32);
            at += 40;
        }
    }
    kr_put_be(value + 2 + bytes, bitmap, 2);
    return kr_value_put(tree->txn, KR_DBI_TREE, row_key(tree, edge, nibbles, buffer), kr_slice_of(value, at), 0);
}

enum kr_err kr_tree_leaf_put(struct kr_tree *tree, const uint8_t *edge, uint32_t nibbles, struct kr_tree_keys keys)
{
    KR_ASSERT(keys.count > 0 && keys.count <= KR_TREE_LEAF_MAX);
    uint8_t buffer[KR_TREE_ROW_KEY_MAX], value[KR_TREE_ROW_BYTES_MAX];
    const uint32_t shared = kr_tree_common(keys.keys[0], keys.keys[keys.count - 1], KR_TREE_NIBBLES) / 2;
    size_t at = 2 + shared;
    value[0] = (uint8_t)keys.count;
    value[1] = (uint8_t)shared;
    memcpy(value + 2, keys.keys[0], shared);
    for (uint32_t i = 0; i < keys.count; i++, at += KR_TREE_KEY_BYTES - shared) {
        memcpy(value + at, keys.keys[i] + shared, KR_TREE_KEY_BYTES - shared);
    }
    return kr_value_put(tree->txn, KR_DBI_TREE, row_key(tree, edge, nibbles, buffer), kr_slice_of(value, at), 0);
}

enum kr_err kr_tree_row_delete(struct kr_tree *tree, const uint8_t *edge, uint32_t nibbles)
{
    uint8_t buffer[KR_TREE_ROW_KEY_MAX];
    enum kr_err err = kr_row_delete(tree->txn, KR_DBI_TREE, row_key(tree, edge, nibbles, buffer));
    return err == KR_NOT_FOUND ? KR_CORRUPT : err;
}
