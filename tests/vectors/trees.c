/* What is in a scope, and the digests of that: worked out by the store, which is made for each case. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"
#include "tests/vectors/vectors.h"

#define ENTRIES_MAX 300u
#define MONTHS_MAX  8u

struct timed {
    uint64_t created_ms, expires_s;
    uint8_t id[32];
};

static const struct kr_scope scope = {.kind = KR_SCOPE_CLEAR};
static const uint64_t noon_ms = UINT64_C(1798545600000), end_s = UINT64_C(1801440000); /* 2026-12-29T12:00Z, 2027-02-01 */

static struct kr_store *open_store(char *dir)
{
    static const uint8_t storage_key[32] = {1}, term_key[32] = {2}, seed[32] = {3};
    const struct kr_store_options options = {.path = dir,
                                             .storage_key = storage_key,
                                             .term_key = term_key,
                                             .term_generation = 1,
                                             .map_bytes = KR_MIB,
                                             .is_volatile = true,
                                             .seed = seed};
    struct kr_store *store = NULL;
    KR_ASSERT(mkdtemp(dir) != NULL && kr_store_open(&options, &store, NULL) == KR_OK);
    return store;
}

static void write_entries(struct json *json, const struct timed *entries, uint32_t count)
{
    json_open(json, "entries", '[');
    for (uint32_t i = 0; i < count; i++) {
        uint8_t bytes[8 + 8 + 32];
        for (uint32_t at = 0; at < 8; at++) {
            bytes[at] = (uint8_t)(entries[i].created_ms >> (56 - 8 * at));
            bytes[8 + at] = (uint8_t)(entries[i].expires_s >> (56 - 8 * at));
        }
        memcpy(bytes + 16, entries[i].id, 32);
        json_hex(json, NULL, bytes, sizeof bytes);
    }
    json_close(json, ']');
}

/* The node that is met under the first key's first `nibbles`. */
static void write_part(struct json *json, struct kr_txn *txn, const struct timed *first, uint32_t nibbles)
{
    const uint32_t hour = kr_tree_hour(first->created_ms), month = kr_tree_month(first->expires_s);
    uint8_t prefix[KR_TREE_KEY_BYTES] = {(uint8_t)(hour >> 24), (uint8_t)(hour >> 16), (uint8_t)(hour >> 8), (uint8_t)hour};
    struct kr_tree_node node;
    memcpy(prefix + 4, first->id, 32);
    KR_ASSERT(kr_store_tree_look(txn, &scope, month, prefix, nibbles, &node) == KR_OK);
    json_open(json, NULL, '{');
    json_uint(json, "month", month);
    json_hex(json, "key", prefix, sizeof prefix);
    json_uint(json, "nibbles", nibbles);
    json_uint(json, "count", node.sum.count);
    json_uint(json, "depth", node.depth);
    json_hex(json, "digest", node.sum.digest, 32);
    json_close(json, '}');
}

static void write_case(struct json *json, const char *about, const struct timed *entries, uint32_t count)
{
    char dir[] = "/tmp/kairan-vectors-XXXXXX", file[sizeof dir + 16];
    struct kr_store *store = open_store(dir);
    struct kr_txn *txn = NULL;
    struct kr_tree_month months[MONTHS_MAX];
    uint32_t month_count = 0;
    uint64_t at = 0, keys = 0;
    uint8_t root[32];
    KR_ASSERT(kr_store_write_begin(store, &txn) == KR_OK);
    for (uint32_t i = 0; i < count; i++) {
        struct kr_entry entry = {.hour = kr_tree_hour(entries[i].created_ms), .month = kr_tree_month(entries[i].expires_s)};
        memcpy(entry.id, entries[i].id, 32);
        KR_ASSERT(kr_store_scope_append(txn, &scope, &entry, &at) == KR_OK);
    }
    json_open(json, NULL, '{');
    json_text(json, "about", about);
    write_entries(json, entries, count);
    KR_ASSERT(kr_store_tree_months(txn, &scope, 0, months, MONTHS_MAX, &month_count) == KR_OK);
    json_open(json, "months", '[');
    for (uint32_t i = 0; i < month_count; i++) {
        json_open(json, NULL, '{');
        json_uint(json, "month", months[i].month);
        json_uint(json, "count", months[i].count);
        json_hex(json, "digest", months[i].digest, 32);
        json_close(json, '}');
    }
    json_close(json, ']');
    KR_ASSERT(kr_store_tree_root(txn, &scope, 0, root, &keys) == KR_OK && keys == count);
    json_hex(json, "root", root, 32);
    json_open(json, "parts", '[');
    for (uint32_t nibbles = 0; count > 0 && nibbles <= KR_TREE_NIBBLES; nibbles += 9) {
        write_part(json, txn, &entries[count / 2], nibbles);
    }
    json_close(json, ']');
    json_close(json, '}');
    kr_txn_abort(txn);
    kr_store_close(store);
    (void)snprintf(file, sizeof file, "%s/data.mdb", dir);
    (void)unlink(file);
    (void)rmdir(dir);
}

static void make(struct timed *ret_entries, uint32_t count, uint32_t each_hour, uint32_t months)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t number[4] = {(uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        ret_entries[i].created_ms = noon_ms + (uint64_t)(i / each_hour) * 3600000u + i;
        ret_entries[i].expires_s = end_s - 1 + (uint64_t)(i % months) * 28u * 86400u; /* the last second of January, then later */
        kr_hash(ret_entries[i].id, "vector tree id", number, sizeof number);
    }
}

void vectors_trees(struct json *json)
{
    static struct timed entries[ENTRIES_MAX];
    json_open(json, "trees", '[');
    write_case(json, "nothing", entries, 0);
    make(entries, ENTRIES_MAX, ENTRIES_MAX, 1);
    write_case(json, "one key", entries, 1);
    write_case(json, "as many keys as a leaf has", entries, 64);
    write_case(json, "one key more", entries, 65);
    write_case(json, "more keys, of one hour", entries, 150);
    make(entries, ENTRIES_MAX, 70, 3);
    write_case(json, "three months, several hours", entries, ENTRIES_MAX);
    make(entries, ENTRIES_MAX, ENTRIES_MAX, 1);
    for (uint32_t i = 0; i < 140; i++) {
        memset(entries[i].id, 0x77, i % 31); /* ids that share more and more */
        entries[i].id[31] = (uint8_t)i;
    }
    write_case(json, "long shared prefixes", entries, 140);
    entries[0].created_ms = 0;
    entries[0].expires_s = 1; /* the first month of all is month 1 */
    entries[1].created_ms = UINT64_MAX;
    entries[1].expires_s = UINT64_MAX;
    write_case(json, "times at their ends", entries, 2);
    json_close(json, ']');
}
