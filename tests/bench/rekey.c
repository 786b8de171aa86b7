/* What another storage key costs: every sealed value of a store with many records, durable, in slices, beside a plain walk over
 * their heads. On a store of the bench's own, in this process. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "store/store.h"

#define RECORDS      200000u
#define RECORD_BYTES 700u
#define TXN_RECORDS  1000u
#define SLICE        512u /* as the core takes */

static struct kr_txn *begin(struct kr_store *store)
{
    struct kr_txn *txn = NULL;
    BENCH_MUST(kr_store_write_begin(store, &txn) == KR_OK);
    return txn;
}

static void fill(struct kr_store *store, uint32_t count)
{
    static const struct kr_scope scope = {.kind = KR_SCOPE_CLEAR};
    static uint8_t bytes[RECORD_BYTES];
    for (uint32_t done = 0; done < count;) {
        struct kr_txn *txn = begin(store);
        for (uint32_t i = 0; i < TXN_RECORDS && done < count; i++, done++) {
            struct kr_head head = {
                .kind = 1, .label = KR_TLP_CLEAR, .created_ms = 1700000000000u + done * 7200u, .expires_s = 1800000000u};
            uint64_t at;
            kr_hash(head.id, "bench rekey id", &done, sizeof done);
            BENCH_MUST(kr_store_record_put(txn, &head, (struct kr_slice){bytes, sizeof bytes}) == KR_OK);
            const struct kr_entry entry = kr_tree_entry(&head);
            BENCH_MUST(kr_store_scope_append(txn, &scope, &entry, &at) == KR_OK);
        }
        BENCH_MUST(kr_txn_commit(txn) == KR_OK);
    }
}

static double walk_s(struct kr_store *store, uint32_t count)
{
    static uint8_t scratch[KR_HEAD_SCRATCH];
    struct kr_txn *txn = NULL;
    uint32_t seen = 0;
    struct kr_head head = {0};
    const uint64_t begin_us = bench_now_us();
    BENCH_MUST(kr_store_read_begin(store, &txn) == KR_OK);
    while (kr_store_head_next(txn, head.arrival + 1, false, &head, scratch) == KR_OK) {
        seen++;
    }
    kr_txn_abort(txn);
    BENCH_MUST(seen == count);
    return (double)(bench_now_us() - begin_us) / 1e6;
}

static double replace_s(struct kr_store *store)
{
    static const uint8_t key[32] = {9};
    struct kr_rekey rekey = {0};
    const uint64_t begin_us = bench_now_us();
    kr_store_rekey_begin(store, key);
    while (!rekey.is_done) {
        struct kr_txn *txn = begin(store);
        BENCH_MUST(kr_store_rekey_slice(txn, 1, SLICE, &rekey) == KR_OK);
        BENCH_MUST(kr_txn_commit(txn) == KR_OK);
    }
    kr_store_rekey_end(store);
    return (double)(bench_now_us() - begin_us) / 1e6;
}

void bench_rekey(const struct bench_options *options)
{
    static const uint8_t storage_key[32] = {1}, term_key[32] = {2};
    const uint32_t count = options->is_small ? 2000 : RECORDS;
    struct kr_store *store = NULL;
    struct kr_error error = {{0}};
    char path[300], file[320];
    (void)snprintf(path, sizeof path, "%s/rekey", bench_directory());
    (void)snprintf(file, sizeof file, "%s/data.mdb", path);
    BENCH_MUST(mkdir(path, 0700) == 0);
    const struct kr_store_options store_options = {
        .path = path, .storage_key = storage_key, .term_key = term_key, .term_generation = 1};
    if (kr_store_open(&store_options, &store, &error) != KR_OK) {
        bench_die("%s", error.text);
    }
    fill(store, count);
    const double scale = 1e6 / count, plain_s = walk_s(store, count) * scale, replaced_s = replace_s(store) * scale;
    bench_say(options, &(struct bench_line){"rekey", "another storage key, for a million records, durable", "s", replaced_s,
                                            plain_s, "a walk over their heads", 0, false});
    kr_store_close(store);
    (void)unlink(file);
}
