/* The store: one LMDB environment in one directory, opened once per process. Default (safe) sync, never WRITEMAP, NOSYNC or
 * NOMETASYNC (the simulator's volatile stores aside). Nothing readable stands on the disk: every value is sealed with the storage
 * key (or a record's own data key) and bound to its table and key; every value read is authenticated (KR_CORRUPT). See
 * store/README.md for the tables.
 *
 * One write transaction at a time (one thread); read transactions from any thread, short, never across a wait. The map grows
 * between transactions: kr_store_write_begin makes room first, waiting for readers that are in a page.
 *
 * Errors of all writing calls: KR_STORE_FULL (disk or map full: abort the transaction, tell the submitter, go on later), KR_IO,
 * KR_CORRUPT, KR_NOMEM. After one of them the transaction can only be aborted. */
#ifndef KR_STORE_STORE_H
#define KR_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/hash.h"
#include "crypto/limits.h"
#include "proto/codec/reader.h"
#include "proto/record/label.h"
#include "proto/wire/wire.h"

#define KR_STORE_FORMAT 5

struct kr_store;
struct kr_txn;

struct kr_store_options {
    const char *path;           /* existing directory; copied */
    const uint8_t *storage_key; /* 32 bytes, copied into locked memory */
    const uint8_t *term_key;    /* 32 bytes, likewise */
    uint32_t term_generation;
    uint64_t map_bytes;                 /* initial size of the map; 0: chosen from what is there */
    bool is_volatile;                   /* simulator: no sync, no lock file. Loses everything on a real crash */
    bool (*fail_commit)(void *context); /* tests: true lets the next commit fail with KR_IO, nothing written; may be NULL */
    void *fail_context;
    /* Seeds the nonces and data keys of a volatile store (determinism); NULL: the system's randomness. */
    const uint8_t *seed;
};
/* Opens or makes the store. KR_VERSION with advice where a newer program wrote it; an older format is brought up to date first (in
 * one transaction). KR_LOCKED where another process has it, KR_CORRUPT where the file is shorter than its meta page says or the key
 * is not its own. */
enum kr_err kr_store_open(const struct kr_store_options *options, struct kr_store **ret_store,
                          struct kr_error *error) KR_WARN_UNUSED;
void kr_store_close(struct kr_store *store);

/* ---- transactions ---- */
/* KR_CORRUPT where rows of `fresh` are missing or its state is damaged or older than the log: such a store can only be read. */
enum kr_err kr_store_write_begin(struct kr_store *store, struct kr_txn **ret_txn) KR_WARN_UNUSED;
/* A nested transaction: its commit folds into the parent, its abort undoes only its own. The parent must not be used meanwhile. */
enum kr_err kr_txn_nest(struct kr_txn *parent, struct kr_txn **ret_txn) KR_WARN_UNUSED;
/* Durable when it returns KR_OK (outermost). The transaction is gone in any case. Without changes it only ends. */
enum kr_err kr_txn_commit(struct kr_txn *txn) KR_WARN_UNUSED;
void kr_txn_abort(struct kr_txn *txn); /* NULL is fine; also ends read transactions */
enum kr_err kr_store_read_begin(struct kr_store *store, struct kr_txn **ret_txn) KR_WARN_UNUSED;
bool kr_txn_is_dirty(const struct kr_txn *txn);
/* Estimate of pages changed so far: a batch ends at KR_TXN_DIRTY_PAGES_MAX. */
uint32_t kr_txn_dirty_pages(const struct kr_txn *txn);

/* ---- records ---- */
enum kr_head_state {
    KR_HEAD_SHOWN = 0,       /* visible to look-ups */
    KR_HEAD_QUARANTINED = 1, /* author not trusted yet: kept, never shown, offered or indexed */
    KR_HEAD_HEADER_ONLY = 2, /* purged: header and signature kept */
};
/* What policy, lists and look-ups need without the body. Slices are borrowed from the transaction when read, from the caller when
 * put. */
struct kr_head {
    uint64_t arrival; /* numbers from 1, in order of arrival at this node; never reused */
    uint8_t id[32], author[32], signing_key[32];
    uint32_t kind, state, flags, severity, indicator_count;
    enum kr_label label;
    uint64_t created_ms, expires_s, received_ms, version;
    bool has_community, has_relay, has_subject, has_target;
    uint8_t community[32], relay[32], subject[32], target[32];
    bool is_ours_to_read; /* open label, or sealed to a key of ours */
    uint8_t from[32];     /* council that handed it to us; the author's own id where it was submitted here */
    uint32_t record_bytes;
    uint32_t audience_count;
    const uint8_t *audience; /* contiguous ids */
    struct kr_slice title;   /* at most 200 bytes of it */
};
/* Stores a record (bytes kept unchanged) with its head; assigns head->arrival. KR_EXISTS where the id is there. */
enum kr_err kr_store_record_put(struct kr_txn *txn, struct kr_head *head, struct kr_slice bytes) KR_WARN_UNUSED;
enum kr_err kr_store_record_find(struct kr_txn *txn, const uint8_t id[static 32],
                                 uint64_t *ret_arrival) KR_WARN_UNUSED; /* KR_NOT_FOUND */
/* Ids that begin with `prefix` (at least 4 bytes): the arrival if there is exactly one; KR_NOT_FOUND, or KR_EXISTS where there are
 * several. */
enum kr_err kr_store_record_find_prefix(struct kr_txn *txn, const uint8_t *prefix, size_t len,
                                        uint64_t *ret_arrival) KR_WARN_UNUSED;
/* `ret_head` borrows audience and title from `scratch` (caller's, at least KR_HEAD_SCRATCH bytes). */
#define KR_HEAD_SCRATCH (KR_AUDIENCE_MAX * 32u + 1024u)
enum kr_err kr_store_head_get(struct kr_txn *txn, uint64_t arrival, struct kr_head *ret_head, uint8_t *scratch) KR_WARN_UNUSED;
enum kr_err kr_store_head_update(struct kr_txn *txn,
                                 const struct kr_head *head) KR_WARN_UNUSED; /* the state and what depends on it */
/* The record's bytes as stored; `*ret_bytes` is the caller's to free(). */
enum kr_err kr_store_record_get(struct kr_txn *txn, uint64_t arrival, uint8_t **ret_bytes, size_t *ret_len) KR_WARN_UNUSED;
/* Drops the data key and all chunks, puts `header_only` (kr_record_strip) in their place under a fresh data key; or, with an empty
 * slice, deletes the record with head and id altogether. Its terms die with it: they fall out when runs merge and never match
 * meanwhile. Deleting also works on a damaged record, so that it can be fetched anew. */
enum kr_err kr_store_record_purge(struct kr_txn *txn, uint64_t arrival, struct kr_slice header_only) KR_WARN_UNUSED;
/* Walk heads: the next one with arrival >= `*arrival` upward, or <= downward; KR_NOT_FOUND at the end. */
enum kr_err kr_store_head_next(struct kr_txn *txn, uint64_t arrival, bool downward, struct kr_head *ret_head,
                               uint8_t *scratch) KR_WARN_UNUSED;
/* Some arrivals from `*at` on (0 at first) whose expiry is <= now_s, at most `max`, whatever their state; moves `*at`. A bounded
 * piece of work, which may find none; `*ret_done` when there is nothing behind it. */
enum kr_err kr_store_expired(struct kr_txn *txn, uint64_t now_s, uint64_t *at, uint64_t *ret_arrivals, uint32_t max,
                             uint32_t *ret_count, bool *ret_done) KR_WARN_UNUSED;
/* A submission's token leads to its record for as long as that is there. */
#define KR_TOKEN_BYTES 16u
enum kr_err kr_store_token_put(struct kr_txn *txn, const uint8_t token[static KR_TOKEN_BYTES], uint64_t arrival) KR_WARN_UNUSED;
enum kr_err kr_store_token_find(struct kr_txn *txn, const uint8_t token[static KR_TOKEN_BYTES],
                                uint64_t *ret_arrival) KR_WARN_UNUSED; /* KR_NOT_FOUND */

/* ---- blind index ---- */
struct kr_term_entry {
    uint8_t term[KR_TERM_BYTES]; /* kr_store_term, or kr_term with the same key (worker threads) */
    uint64_t arrival;
    uint16_t position; /* of the indicator in its report; less than 0xFFFD (KR_BOUNDS) */
};
/* The term of a normal form under the store's own key and generation. */
void kr_store_term(const struct kr_store *store, uint8_t type, const void *normal, size_t len,
                   uint8_t ret_term[static KR_TERM_BYTES]);
/* Brings entries into the order of the index; for worker threads, so that kr_store_terms_put has less to do. */
void kr_store_terms_sort(struct kr_term_entry *entries, size_t count);
/* Any order. Large batches are sorted here (in place) and go to a run of their own. */
enum kr_err kr_store_terms_put(struct kr_txn *txn, struct kr_term_entry *entries, size_t count) KR_WARN_UNUSED;
/* Calls for every live entry under (type, bytes); the visitor returns false to stop. */
typedef bool kr_store_term_visit(void *context, uint64_t arrival, uint16_t position);
enum kr_err kr_store_terms_find(struct kr_txn *txn, uint8_t type, const void *bytes, size_t len, kr_store_term_visit *visit,
                                void *context) KR_WARN_UNUSED;
/* One bounded slice of whatever merging is due, of all rows of the index; `*ret_more` says whether more waits. */
enum kr_err kr_store_merge_slice(struct kr_txn *txn, bool *ret_more) KR_WARN_UNUSED;

/* ---- scope trees: what entered, in order of entry, with a running hash ---- */
/* running hash after entry n = BLAKE2b-256("kairan cursor" ‖ hash after n-1 ‖ id); before the first: all zero. Entries are numbered
 * from 0. */
enum kr_err kr_store_scope_append(struct kr_txn *txn, const struct kr_scope *scope, const uint8_t id[static 32],
                                  uint64_t *ret_entry) KR_WARN_UNUSED;
/* Number of entries and running hash over all (zero for an unknown scope). */
enum kr_err kr_store_scope_mark(struct kr_txn *txn, const struct kr_scope *scope, uint64_t *ret_count,
                                uint8_t ret_hash[static 32]) KR_WARN_UNUSED;
/* Running hash after `count` entries; KR_NOT_FOUND where there are fewer. */
enum kr_err kr_store_scope_hash_at(struct kr_txn *txn, const struct kr_scope *scope, uint64_t count,
                                   uint8_t ret_hash[static 32]) KR_WARN_UNUSED;
/* Ids of entries [from, from + *ret_count). */
enum kr_err kr_store_scope_read(struct kr_txn *txn, const struct kr_scope *scope, uint64_t from, uint8_t (*ret_ids)[32],
                                uint32_t max, uint32_t *ret_count) KR_WARN_UNUSED;
/* Whether the id is in the scope, and where. */
enum kr_err kr_store_scope_find(struct kr_txn *txn, const struct kr_scope *scope, const uint8_t id[static 32],
                                uint64_t *ret_entry) KR_WARN_UNUSED;

/* ---- small tables of the core: sealed key-value pairs ---- */
enum kr_table {
    KR_TABLE_IDENTITY,  /* this node: council id, names, founding */
    KR_TABLE_DIRECTORY, /* kind ‖ community ‖ author ‖ subject → version ‖ record id */
    KR_TABLE_LINKS,
    KR_TABLE_TICKETS,
    KR_TABLE_MARKS,      /* how far we have read each peer's trees */
    KR_TABLE_QUARANTINE, /* id → why, size */
    KR_TABLE_DRAFTS,
    KR_TABLE_RECEIPTS, /* "forced" ‖ id → why its author stored it over the guards */
    KR_TABLE_COUNT,
};
#define KR_TABLE_KEY_BYTES_MAX   200u
#define KR_TABLE_VALUE_BYTES_MAX (16u * KR_KIB)
/* `ret_value` takes at most `size` bytes (KR_BOUNDS where it is longer). */
enum kr_err kr_store_get(struct kr_txn *txn, enum kr_table table, const void *key, size_t key_len, uint8_t *ret_value, size_t size,
                         size_t *ret_len) KR_WARN_UNUSED;
enum kr_err kr_store_put(struct kr_txn *txn, enum kr_table table, const void *key, size_t key_len, const void *value,
                         size_t len) KR_WARN_UNUSED;
enum kr_err kr_store_delete(struct kr_txn *txn, enum kr_table table, const void *key,
                            size_t key_len) KR_WARN_UNUSED; /* KR_NOT_FOUND */
/* Walks keys in order, those that begin with `prefix`; the visitor returns false to stop and must not write to the table. */
typedef bool kr_store_visit(void *context, struct kr_slice key, struct kr_slice value);
enum kr_err kr_store_each(struct kr_txn *txn, enum kr_table table, const void *prefix, size_t prefix_len, kr_store_visit *visit,
                          void *context) KR_WARN_UNUSED;
/* The same past rows that do not open, where those that do must not suffer; `*ret_damaged`: how many were met. */
enum kr_err kr_store_each_whole(struct kr_txn *txn, enum kr_table table, const void *prefix, size_t prefix_len,
                                kr_store_visit *visit, void *context, uint32_t *ret_damaged) KR_WARN_UNUSED;

/* ---- care ---- */
struct kr_store_stat {
    uint64_t records, indicators /* of the records shown */, index_rows, bytes_used, map_bytes, disk_free_bytes, arrivals;
    uint32_t runs, format;
};
enum kr_err kr_store_stat(struct kr_txn *txn, struct kr_store_stat *ret_stat) KR_WARN_UNUSED;
/* Authenticates everything: each record's chunks, id and head, each table's values, each scope's running hash, each run's order.
 * Calls `problem` for each fault with a sentence and goes on. Continues from `*cursor` (0 at first) for one bounded slice and sets
 * it; `*ret_done` at the end. */
typedef void kr_store_problem(void *context, const char *sentence);
enum kr_err kr_store_verify(struct kr_txn *txn, uint64_t *cursor, kr_store_problem *problem, void *context, uint64_t *ret_checked,
                            bool *ret_done) KR_WARN_UNUSED;
/* Reaps readers of dead processes. */
void kr_store_reap_readers(struct kr_store *store);

#endif
