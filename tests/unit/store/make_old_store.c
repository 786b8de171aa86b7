/* Writes tests/data/store-v1 to store-v6. It was built and run when the store's format was 1 (commit "store: make the fixture of
 * format 1"), before tags became SipHash, before the index took everything in (4e0773a), when the format was 4, taking slots from
 * the last one down (9fd7c28), before scopes had trees (3f40141), and before the store knew the lengths of its networks (63cbb82);
 * built today it writes today's format. The store is volatile and seeded, so that the same program gives the same bytes. With a
 * second argument it fills scopes alone (tests/data/store-v3-scopes, made at 4e0773a as well), or many records in two scopes
 * (tests/data/store-v5-trees).
 *
 *   make_old_store DIRECTORY [scopes|trees] */
#include "old_store.h"

static int fill(struct kr_txn *txn, const struct kr_store *store)
{
    struct kr_scope scope = {.kind = OLD_SCOPE_KIND, .id = {7}};
    enum kr_err err = KR_OK;
    for (uint64_t number = 0; number < OLD_RECORDS && err == KR_OK; number++) {
        uint8_t bytes[SAMPLE_BYTES_MAX];
        struct kr_head head = sample_head(number);
        uint64_t entry = 0;
        size_t len = sample_bytes(number, bytes);
        err = kr_store_record_put(txn, &head, (struct kr_slice){bytes, len < 6000 ? len : 6000});
        if (err == KR_OK) {
            const struct kr_entry entered = kr_tree_entry(&head);
            err = kr_store_scope_append(txn, &scope, &entered, &entry);
        }
        for (uint16_t i = 0; i < OLD_TERMS / OLD_RECORDS && err == KR_OK; i++) {
            struct kr_term_entry term = sample_term(store, number * 100 + i, head.arrival, i);
            err = kr_store_terms_put(txn, &term, 1);
        }
    }
    static struct kr_term_entry run[OLD_RUN_TERMS];
    for (uint16_t i = 0; i < OLD_RUN_TERMS; i++) {
        run[i] = sample_term(store, OLD_RUN_FIRST + i, 1, i);
    }
    if (err == KR_OK) {
        err = kr_store_terms_put(txn, run, OLD_RUN_TERMS);
    }
    if (err == KR_OK) { /* the core's own count, until format 5 */
        err = kr_store_put(txn, KR_TABLE_IDENTITY, "indicators", 10, old_value, 8);
    }
    for (int table = 0; table < KR_TABLE_COUNT && err == KR_OK; table++) {
        err = kr_store_put(txn, (enum kr_table)table, "key", 3, old_value, sizeof old_value);
    }
    if (err == KR_OK) {
        err = kr_store_record_purge(txn, OLD_PURGED + 1, (struct kr_slice){old_header_only, sizeof old_header_only});
    }
    if (err == KR_OK) {
        err = kr_store_record_purge(txn, OLD_DELETED + 1, (struct kr_slice){0});
    }
    if (err == KR_OK) {
        err = kr_store_scope_remove(txn, &scope, sample_head(OLD_DELETED).id);
    }
    return err;
}

static int fill_scopes(struct kr_txn *txn)
{
    enum kr_err err = KR_OK;
    for (uint32_t number = 0; number < OLD_SCOPES; number++) {
        uint32_t entries = 0;
        struct kr_scope scope = old_scope(number, &entries);
        for (uint32_t i = 0; i < entries && err == KR_OK; i++) {
            uint8_t id[32];
            uint64_t entry = 0;
            old_scope_id(number, i, id);
            err = append_id(txn, &scope, id, &entry);
        }
    }
    return err;
}

static int fill_trees(struct kr_txn *txn)
{
    enum kr_err err = KR_OK;
    for (uint64_t number = 0; number < OLD_TREE_RECORDS && err == KR_OK; number++) {
        struct kr_head head = sample_head(number);
        uint64_t entry = 0;
        err = kr_store_record_put(txn, &head, (struct kr_slice){head.id, 32});
        for (uint32_t i = 0; i < 2 && err == KR_OK; i++) {
            err = i == 0 || number % 3 == 0 ? append_id(txn, &old_tree_scopes[i], head.id, &entry) : KR_OK;
        }
    }
    if (err == KR_OK) {
        err = kr_store_record_purge(txn, OLD_TREE_PURGED + 1, (struct kr_slice){old_header_only, sizeof old_header_only});
    }
    return err == KR_OK ? kr_store_record_purge(txn, OLD_TREE_DELETED + 1, (struct kr_slice){0}) : err;
}

int main(int argc, char **argv)
{
    uint8_t storage_key[32], term_key[32], seed[32] = {1};
    struct kr_store *store = NULL;
    struct kr_txn *txn = NULL;
    struct kr_error error = {{0}};
    memset(storage_key, OLD_STORAGE_KEY_BYTE, 32);
    memset(term_key, OLD_TERM_KEY_BYTE, 32);
    struct kr_store_options options = {.path = argc > 1 ? argv[1] : ".",
                                       .storage_key = storage_key,
                                       .term_key = term_key,
                                       .term_generation = 1,
                                       .map_bytes = KR_MIB,
                                       .is_volatile = true,
                                       .seed = seed};
    enum kr_err err = kr_crypto_init();
    if (err == KR_OK) {
        err = kr_store_open(&options, &store, &error);
    }
    if (err == KR_OK) {
        err = kr_store_write_begin(store, &txn);
    }
    if (err == KR_OK) {
        err = argc <= 2 ? fill(txn, store) : strcmp(argv[2], "trees") == 0 ? fill_trees(txn) : fill_scopes(txn);
        if (err == KR_OK) {
            err = kr_txn_commit(txn);
        } else {
            kr_txn_abort(txn);
        }
    }
    kr_store_close(store);
    if (err != KR_OK) {
        (void)fprintf(stderr, "%s: %s\n", kr_err_text(err), error.text);
    }
    return err == KR_OK ? 0 : 1;
}
