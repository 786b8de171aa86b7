#include "stock.h"

#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "proto/record/body.h"
#include "proto/record/record.h"

#define HOUR_MS      3600000u
#define HOUR_RECORDS 500u
#define TTL_MS       (UINT64_C(90) * 24 * HOUR_MS)
#define RECENT_HOURS 60u /* kept for differences that are newer than all others */
#define TXN_RECORDS  1000u

const struct kr_scope stock_scope = {.kind = KR_SCOPE_CLEAR};

static void put(struct kr_txn *txn, struct kr_head *head, struct kr_slice bytes)
{
    struct kr_entry entry = {.hour = kr_tree_hour(head->created_ms), .month = kr_tree_month(head->expires_s)};
    uint64_t at;
    memcpy(entry.id, head->id, sizeof entry.id);
    head->record_bytes = (uint32_t)bytes.len;
    BENCH_MUST(kr_store_record_put(txn, head, bytes) == KR_OK && kr_store_scope_append(txn, &stock_scope, &entry, &at) == KR_OK);
}

static struct kr_head head_of(uint64_t created_ms)
{
    return (struct kr_head){.kind = KR_KIND_REPORT,
                            .state = KR_HEAD_SHOWN,
                            .label = KR_TLP_CLEAR,
                            .created_ms = created_ms,
                            .expires_s = (created_ms + TTL_MS) / 1000,
                            .received_ms = created_ms,
                            .is_ours_to_read = true};
}

static void merge_all(struct kr_store *store)
{
    bool more = true;
    while (more) {
        struct kr_txn *txn = NULL;
        BENCH_MUST(kr_store_write_begin(store, &txn) == KR_OK && kr_store_merge_slice(txn, &more) == KR_OK &&
                   kr_txn_commit(txn) == KR_OK);
    }
}

static void fill_one(const struct stock *stock, uint32_t node, uint32_t count)
{
    struct kr_store *store = pair_store(stock->pair, node);
    for (uint32_t done = 0; done < count;) {
        struct kr_txn *txn = NULL;
        BENCH_MUST(kr_store_write_begin(store, &txn) == KR_OK);
        for (uint32_t i = 0; i < TXN_RECORDS && done < count; i++, done++) {
            struct kr_head head = head_of(stock->begin_ms + (stock->end_ms - stock->begin_ms) * done / count);
            memset(head.author, 0xEE, sizeof head.author);
            kr_hash(head.id, "kairan bench id", &done, sizeof done);
            put(txn, &head, (struct kr_slice){(const uint8_t *)"x", 1});
        }
        BENCH_MUST(kr_txn_commit(txn) == KR_OK);
    }
    merge_all(store);
}

void stock_fill(struct stock *stock, struct pair *pair, uint32_t count)
{
    const uint64_t now_ms = pair_world(pair)->now_ms;
    memset(stock, 0, sizeof *stock);
    stock->pair = pair;
    stock->end_ms = stock->recent_ms = now_ms - (uint64_t)RECENT_HOURS * HOUR_MS;
    stock->begin_ms = stock->end_ms - (uint64_t)count * HOUR_MS / HOUR_RECORDS;
    stock->count = count;
    for (uint32_t node = 0; node < 2; node++) {
        fill_one(stock, node, count);
    }
}

static void make_record(const struct sim_node *node, uint64_t number, uint64_t created_ms, struct kr_head *ret_head,
                        uint8_t **ret_bytes, size_t *ret_len)
{
    struct kr_writer content;
    uint8_t seed[32] = {0x42};
    const struct kr_report report = {.title = {(const uint8_t *)"difference", 10}, .part = 1, .parts = 1};
    kr_writer_init(&content, KR_KIB);
    kr_report_write(&report, &content);
    BENCH_MUST(kr_writer_finish(&content) == KR_OK);
    *ret_head = head_of(created_ms);
    memcpy(seed + 8, &number, sizeof number);
    const struct kr_draft draft = {.kind = ret_head->kind,
                                   .created_ms = created_ms,
                                   .expires_s = ret_head->expires_s,
                                   .label = ret_head->label,
                                   .content = {content.bytes, content.len}};
    BENCH_MUST(kr_record_make(&draft, node->council, node->keyring->node_secret, seed, ret_bytes, ret_len, ret_head->id) == KR_OK);
    memcpy(ret_head->author, node->council, 32);
    memcpy(ret_head->from, node->council, 32);
    memcpy(ret_head->signing_key, node->keyring->node_public, 32);
    kr_writer_deinit(&content);
}

void stock_add(struct stock *stock, uint32_t count, bool is_recent)
{
    struct kr_txn *txns[2] = {NULL, NULL};
    const uint64_t from_ms = is_recent ? stock->recent_ms : stock->begin_ms;
    const uint64_t to_ms = is_recent ? from_ms + (uint64_t)count * HOUR_MS / HOUR_RECORDS : stock->end_ms;
    BENCH_MUST(to_ms < pair_world(stock->pair)->now_ms);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = i % 2;
        struct kr_head head;
        uint8_t *bytes = NULL;
        size_t len = 0;
        if (txns[at] == NULL) {
            BENCH_MUST(kr_store_write_begin(pair_store(stock->pair, at), &txns[at]) == KR_OK);
        }
        make_record(pair_world(stock->pair)->nodes[at], stock->differences++, from_ms + (to_ms - from_ms) * (i + 1) / count, &head,
                    &bytes, &len);
        put(txns[at], &head, (struct kr_slice){bytes, len});
        free(bytes);
        if (i % TXN_RECORDS >= TXN_RECORDS - 2 || i + 2 >= count) {
            BENCH_MUST(kr_txn_commit(txns[at]) == KR_OK);
            txns[at] = NULL;
        }
    }
    stock->recent_ms = is_recent ? to_ms : stock->recent_ms;
}
