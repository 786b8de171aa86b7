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
#include "crypto/term.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"
#include "proto/indicator/indicator.h"
#include "proto/record/label.h"
#include "proto/wire/wire.h"

#define KR_STORE_FORMAT 7

struct kr_store;
struct kr_txn;

struct kr_store_options {
    const char *path;           /* existing directory; copied */
    const uint8_t *storage_key; /* 32 bytes, copied into locked memory */
    /* The one that what is in the store may be under as well, because it is about to be replaced; likewise; NULL: none
     * (kr_store_rekey_begin). */
    const uint8_t *old_storage_key;
    const uint8_t *term_key; /* 32 bytes, likewise */
    uint32_t term_generation;
    uint64_t map_bytes;                 /* initial size of the map; 0: chosen from what is there */
    bool is_volatile;                   /* simulator: no sync, no lock file. Loses everything on a real crash */
    bool (*fail_commit)(void *context); /* tests: true lets the next commit fail with KR_IO, nothing written; may be NULL */
    void *fail_context;
    /* A store of an older format is brought up to date when it is opened, which takes seconds for each 100,000 records: called at
     * the beginning (0) of each of at most two steps, often on the way, and at the end (100). May be NULL. */
    void (*upgrading)(void *context, uint32_t percent);
    void *upgrading_context;
    /* Seeds the nonces and data keys of a volatile store (determinism); NULL: the system's randomness. */
    const uint8_t *seed;
};
/* Opens or makes the store. KR_VERSION with advice where a newer program wrote it; an older format is brought up to date first:
 * where that cannot be done the store is as it was, and where it breaks off on the way (formats 4 and 5, whose trees are made in
 * small transactions) the next opening goes on with it. KR_LOCKED where another process has it, KR_CORRUPT where the file is
 * shorter than its meta page says or the key is not its own. */
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
/* The number of a read transaction's snapshot: two with the same one see the same. */
uint64_t kr_txn_snapshot(const struct kr_txn *txn);
bool kr_txn_is_dirty(const struct kr_txn *txn);
bool kr_txn_may_write(const struct kr_txn *txn);
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
/* Gives the next arrival number to something that is no record, so that both stand in one order. */
enum kr_err kr_store_number_take(struct kr_txn *txn, uint64_t *ret_number) KR_WARN_UNUSED;
enum kr_err kr_store_record_find(struct kr_txn *txn, const uint8_t id[static 32],
                                 uint64_t *ret_arrival) KR_WARN_UNUSED; /* KR_NOT_FOUND */
/* Ids that begin with `prefix` (at least 4 bytes): the arrival if there is exactly one; KR_NOT_FOUND, or KR_EXISTS where there are
 * several. */
enum kr_err kr_store_record_find_prefix(struct kr_txn *txn, const uint8_t *prefix, size_t len,
                                        uint64_t *ret_arrival) KR_WARN_UNUSED;
/* `ret_head` borrows audience and title from `scratch` (caller's, at least KR_HEAD_SCRATCH bytes). */
#define KR_HEAD_SCRATCH (KR_AUDIENCE_MAX * 32u + 1024u)
enum kr_err kr_store_head_get(struct kr_txn *txn, uint64_t arrival, struct kr_head *ret_head, uint8_t *scratch) KR_WARN_UNUSED;
/* The head of the record with that id, in one look-up. KR_CORRUPT: it is damaged; where `*ret_arrival` was set, that one. */
enum kr_err kr_store_head_find(struct kr_txn *txn, const uint8_t id[static 32], uint64_t *ret_arrival, struct kr_head *ret_head,
                               uint8_t *scratch) KR_WARN_UNUSED;
enum kr_err kr_store_head_update(struct kr_txn *txn,
                                 const struct kr_head *head) KR_WARN_UNUSED; /* the state and what depends on it */
/* The record's bytes as stored; `*ret_bytes` is the caller's to free(). */
enum kr_err kr_store_record_get(struct kr_txn *txn, uint64_t arrival, uint8_t **ret_bytes, size_t *ret_len) KR_WARN_UNUSED;
/* Bytes [offset, offset + len) of it alone, into the caller's `ret`: what is read is authenticated as when all is. KR_BOUNDS where
 * it is shorter. */
enum kr_err kr_store_record_read(struct kr_txn *txn, uint64_t arrival, size_t offset, size_t len, uint8_t *ret) KR_WARN_UNUSED;
/* Drops the data key and all chunks, puts `header_only` (kr_record_strip) in their place under a fresh data key; or, with an empty
 * slice, deletes the record with head and id altogether. What the head has of its content (title, severity) goes as well;
 * how many indicators it had stays, so that whoever was told of them can be told one by one that they are gone. Its terms die with
 * it: they fall out when runs merge and never match meanwhile. Deleting also works on a damaged record, so that it can be fetched
 * anew. */
enum kr_err kr_store_record_purge(struct kr_txn *txn, uint64_t arrival, struct kr_slice header_only) KR_WARN_UNUSED;
/* Walk heads: the next one with arrival >= `*arrival` upward, or <= downward; KR_NOT_FOUND at the end. */
enum kr_err kr_store_head_next(struct kr_txn *txn, uint64_t arrival, bool downward, struct kr_head *ret_head,
                               uint8_t *scratch) KR_WARN_UNUSED;
/* Some arrivals from `*at` on (0 at first) that are due by now_s, at most `max`; moves `*at`. Due are records that have expired,
 * and those of which only the header is left when the month of their expiry is over (kr_tree_month_from). A bounded piece of work,
 * which may find none; `*ret_done` when there is nothing behind it. */
enum kr_err kr_store_expired(struct kr_txn *txn, uint64_t now_s, uint64_t *at, uint64_t *ret_arrivals, uint32_t max,
                             uint32_t *ret_count, bool *ret_done) KR_WARN_UNUSED;
/* A submission's token leads to its record for as long as that one's header is there: what was taken back or has expired is not
 * made a second time. */
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
/* Lengths of networks under which something was ever indexed, so that look-ups need not ask under others; those of a store that was
 * made by an older program are not known, and so all. To be noted in the transaction that puts their terms. */
enum kr_err kr_store_prefixes_note(struct kr_txn *txn, const struct kr_prefixes *prefixes) KR_WARN_UNUSED;
void kr_txn_prefixes(const struct kr_txn *txn, struct kr_prefixes *ret_prefixes);
/* Calls for every live entry under (type, bytes); the visitor returns false to stop. */
typedef bool kr_store_term_visit(void *context, uint64_t arrival, uint16_t position);
enum kr_err kr_store_terms_find(struct kr_txn *txn, uint8_t type, const void *bytes, size_t len, kr_store_term_visit *visit,
                                void *context) KR_WARN_UNUSED;
/* The terms of many keys at once, to be looked for in this very transaction: what is far away is fetched meanwhile, for all of them
 * side by side. */
struct kr_sought_term {
    uint8_t term[KR_TERM_BYTES];
    uint64_t runs; /* the store's own */
};
void kr_store_terms_make(struct kr_txn *txn, const struct kr_term_input *keys, size_t count, struct kr_sought_term *ret_terms);
/* Calls for every live entry under one term after the other; `index`: which. */
typedef bool kr_store_any_visit(void *context, uint32_t index, uint64_t arrival, uint16_t position);
enum kr_err kr_store_terms_find_any(struct kr_txn *txn, const struct kr_sought_term *terms, uint32_t count,
                                    kr_store_any_visit *visit, void *context) KR_WARN_UNUSED;
/* One bounded slice of whatever merging is due, of all rows of the index, and of what look-ups find them by in memory; `*ret_more`
 * says whether more waits. */
enum kr_err kr_store_merge_slice(struct kr_txn *txn, bool *ret_more) KR_WARN_UNUSED;
/* Whether there is anything to do for it, from memory alone. On the writer's thread, outside of its transactions. */
bool kr_store_merge_is_due(const struct kr_store *store);

/* ---- scopes: what entered, in order of entry, with a running hash ---- */
/* running hash after entry n = BLAKE2b-256("kairan cursor" ‖ hash after n-1 ‖ id); before the first: all zero. Entries are numbered
 * from 0, and keep their numbers. */
struct kr_entry {
    uint8_t id[32];
    uint32_t hour;  /* kr_tree_hour of the signed creation time */
    uint32_t month; /* kr_tree_month of the expiry; 0: in the log alone, in no tree */
};
/* KR_EXISTS where the id is in the scope and its tree. One that was removed, or whose month was dropped, enters anew. */
enum kr_err kr_store_scope_append(struct kr_txn *txn, const struct kr_scope *scope, const struct kr_entry *entry,
                                  uint64_t *ret_entry) KR_WARN_UNUSED;
/* Takes the id out of its tree. It stays in the log, so that cursors never go back. KR_NOT_FOUND where it is in no tree. */
enum kr_err kr_store_scope_remove(struct kr_txn *txn, const struct kr_scope *scope, const uint8_t id[static 32]) KR_WARN_UNUSED;
/* Number of entries and running hash over all (zero for an unknown scope). */
enum kr_err kr_store_scope_mark(struct kr_txn *txn, const struct kr_scope *scope, uint64_t *ret_count,
                                uint8_t ret_hash[static 32]) KR_WARN_UNUSED;
/* Running hash after `count` entries; KR_NOT_FOUND where there are fewer. */
enum kr_err kr_store_scope_hash_at(struct kr_txn *txn, const struct kr_scope *scope, uint64_t count,
                                   uint8_t ret_hash[static 32]) KR_WARN_UNUSED;
/* Ids of entries [from, from + *ret_count), those removed since as well; zero in place of those of hours before scope->hour_from.
 */
enum kr_err kr_store_scope_read(struct kr_txn *txn, const struct kr_scope *scope, uint64_t from, uint8_t (*ret_ids)[32],
                                uint32_t max, uint32_t *ret_count) KR_WARN_UNUSED;
/* Whether the id ever entered the scope, and where it did last. */
enum kr_err kr_store_scope_find(struct kr_txn *txn, const struct kr_scope *scope, const uint8_t id[static 32],
                                uint64_t *ret_entry) KR_WARN_UNUSED;

/* ---- trees: what is in a scope, by expiry month, as one digest and as its parts (docs/PROTOCOL.md) ---- */
/* A canonical 16-ary Merkle radix tree for each scope and month over keys
 *
 *   hour BE32 ‖ id 32                                          36 bytes, 72 nibbles, the high one of each byte first
 *
 * so that its digest is a function of the set of keys alone:
 *
 *   no keys           32 zero bytes
 *   1 to 64 keys      BLAKE2b-256("kairan tree leaf" ‖ the keys in order)
 *   more              BLAKE2b-256("kairan tree node" ‖ for each nibble that follows the longest common prefix of the keys, in
 *                     order: nibble 1 ‖ number of its keys BE64 ‖ digest of its keys)
 *   a scope's root    BLAKE2b-256("kairan tree scope" ‖ for each month that has keys, in order: month BE32 ‖ number BE64 ‖
 *                     digest); 32 zero bytes where no month has any
 *
 * Of a scope with `hour_from` it is what the tree of its keys from that hour on would be: beside what is read anyway, one row for
 * each nibble of the hour, and a leaf.
 *
 * Their rows may lag behind the scope's log by fewer than KR_TREE_LAG entries, which are added in memory when somebody reads: what
 * is read is always exact. All calls that read do so in any transaction, in a bounded piece of work. Where a row is damaged, a
 * read transaction gets KR_CORRUPT; in a write transaction the month that it belongs to is made anew from the scope's log, or all
 * of them where all are read, at once (0.8 s and 57 MiB for a million entries; 0.2 s and 17 MiB for a month of 360,000), and only a
 * damaged scope is KR_CORRUPT. */
#define KR_TREE_KEY_BYTES 36u
#define KR_TREE_NIBBLES   (2u * KR_TREE_KEY_BYTES)
/* Months since 1970-01 (UTC); what is too far in the future (65535) is one month. Hours since 1970, in as many as 32 bits hold. */
uint32_t kr_tree_month(uint64_t expires_s);
uint32_t kr_tree_hour(uint64_t created_ms);
/* A record's place follows from what its author signed. */
struct kr_entry kr_tree_entry(const struct kr_head *head);
/* The first second after the month. */
uint64_t kr_tree_month_end_s(uint32_t month);
/* The first month that is not over (at its end and KR_MONTH_GRACE_S). */
uint32_t kr_tree_month_from(uint64_t now_s);

struct kr_tree_month {
    uint32_t month;
    uint64_t count;
    uint8_t digest[32];
};
struct kr_tree_sum {
    uint64_t count; /* 0: no keys, and the digest is zero */
    uint8_t digest[32];
};
struct kr_tree_node {
    struct kr_tree_sum sum;
    uint32_t depth; /* nibbles that all keys share: 72 for one key; as many as were asked for where there are none */
    uint8_t common[KR_TREE_KEY_BYTES]; /* these, then zero */
    struct kr_tree_sum children[16];   /* by the nibble at `depth`, where there are more than KR_TREE_LEAF_MAX keys; else zero */
};
/* Months before `month_from` are over and left out. `*ret_count`: keys in all others. */
enum kr_err kr_store_tree_root(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month_from, uint8_t ret_root[static 32],
                               uint64_t *ret_count) KR_WARN_UNUSED;
/* The months from `month_from` on that have keys, in order, at most `max` of them. */
enum kr_err kr_store_tree_months(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month_from,
                                 struct kr_tree_month *ret_months, uint32_t max, uint32_t *ret_count) KR_WARN_UNUSED;
/* What is under the first `nibbles` (at most 72: KR_INVALID) of `prefix`. */
enum kr_err kr_store_tree_look(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month,
                               const uint8_t prefix[static KR_TREE_KEY_BYTES], uint32_t nibbles,
                               struct kr_tree_node *ret_node) KR_WARN_UNUSED;
/* The keys under it in order, at most `max`, behind the key `after` (NULL: from the first). */
enum kr_err kr_store_tree_list(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month,
                               const uint8_t prefix[static KR_TREE_KEY_BYTES], uint32_t nibbles, const uint8_t *after,
                               uint8_t (*ret_keys)[KR_TREE_KEY_BYTES], uint32_t max, uint32_t *ret_count) KR_WARN_UNUSED;
/* The same many times over: what both calls read is kept between them. Nothing may be written to the scope meanwhile, and the
 * transaction must outlive it. */
struct kr_tree_view;
enum kr_err kr_tree_view_open(struct kr_txn *txn, const struct kr_scope *scope, struct kr_tree_view **ret_view) KR_WARN_UNUSED;
void kr_tree_view_close(struct kr_tree_view *view); /* NULL is fine */
enum kr_err kr_tree_view_look(struct kr_tree_view *view, uint32_t month, const uint8_t prefix[static KR_TREE_KEY_BYTES],
                              uint32_t nibbles, struct kr_tree_node *ret_node) KR_WARN_UNUSED;
enum kr_err kr_tree_view_list(struct kr_tree_view *view, uint32_t month, const uint8_t prefix[static KR_TREE_KEY_BYTES],
                              uint32_t nibbles, const uint8_t *after, uint8_t (*ret_keys)[KR_TREE_KEY_BYTES], uint32_t max,
                              uint32_t *ret_count) KR_WARN_UNUSED;
/* Brings the rows up to date with the log, so that reading adds nothing: before much reading. */
enum kr_err kr_store_tree_settle(struct kr_txn *txn, const struct kr_scope *scope) KR_WARN_UNUSED;
/* How many months of trees were made anew because they were damaged since this was last asked, for whoever tells the operator. In a
 * write transaction. */
uint32_t kr_txn_take_months_mended(struct kr_txn *txn);
/* Drops the trees of all months before `month_from`, of all scopes: a bounded slice of it. They are gone for whoever reads from the
 * first call on. */
enum kr_err kr_store_tree_drop(struct kr_txn *txn, uint32_t month_from, bool *ret_more) KR_WARN_UNUSED;

/* ---- small tables of the core: sealed key-value pairs ---- */
enum kr_table {
    KR_TABLE_IDENTITY,  /* this node: council id, names, founding */
    KR_TABLE_DIRECTORY, /* kind ‖ community ‖ author ‖ subject → version ‖ record id */
    KR_TABLE_LINKS,
    KR_TABLE_TICKETS,
    KR_TABLE_MARKS,      /* how far we have read each peer's trees */
    KR_TABLE_QUARANTINE, /* id → why, size */
    KR_TABLE_DRAFTS,     /* what is the council's own affair: people, audit log, drafts (node/core/people.h, audit.h, draft.h) */
    KR_TABLE_RECEIPTS,   /* "forced" ‖ id → why its author stored it over the guards; others: ahead.c, change.c, takeback.c */
    KR_TABLE_COUNT,
};
#define KR_TABLE_KEY_BYTES_MAX   200u
#define KR_TABLE_VALUE_BYTES_MAX (16u * KR_KIB)
/* `ret_value` takes at most `size` bytes (KR_BOUNDS where it is longer). */
enum kr_err kr_store_get(struct kr_txn *txn, enum kr_table table, const void *key, size_t key_len, uint8_t *ret_value, size_t size,
                         size_t *ret_len) KR_WARN_UNUSED;
enum kr_err kr_store_put(struct kr_txn *txn, enum kr_table table, const void *key, size_t key_len, const void *value,
                         size_t len) KR_WARN_UNUSED;
/* What was written, unless that failed; frees the writer. */
enum kr_err kr_store_put_writer(struct kr_txn *txn, enum kr_table table, const void *key, size_t key_len,
                                struct kr_writer *value) KR_WARN_UNUSED;
/* Numbers in keys, so that the keys sort by them. */
void kr_put_be(uint8_t *ret, uint64_t value, size_t len);
uint64_t kr_get_be(const uint8_t *bytes, size_t len);
enum kr_err kr_store_delete(struct kr_txn *txn, enum kr_table table, const void *key,
                            size_t key_len) KR_WARN_UNUSED; /* KR_NOT_FOUND */
/* Walks keys in order, those that begin with `prefix`; the visitor returns false to stop and must not write to the table. */
typedef bool kr_store_visit(void *context, struct kr_slice key, struct kr_slice value);
enum kr_err kr_store_each(struct kr_txn *txn, enum kr_table table, const void *prefix, size_t prefix_len, kr_store_visit *visit,
                          void *context) KR_WARN_UNUSED;
/* The same past rows that do not open, where those that do must not suffer; `*ret_damaged`: how many were met. */
enum kr_err kr_store_each_whole(struct kr_txn *txn, enum kr_table table, const void *prefix, size_t prefix_len,
                                kr_store_visit *visit, void *context, uint32_t *ret_damaged) KR_WARN_UNUSED;
/* The same from the key `from` on, of which the first `prefix_len` bytes are the prefix. */
enum kr_err kr_store_each_from(struct kr_txn *txn, enum kr_table table, struct kr_slice from, size_t prefix_len,
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
/* Another storage key. It seals whatever is written from now on; what the one before has sealed opens as well, and is brought under
 * it by kr_store_rekey_slice. Nothing but sealed values depends on the storage key: the index keeps its terms and tags. The new key
 * must be safe before this is called, and a store that is opened later gets both until kr_store_rekey_end. On the writer's thread,
 * outside of its transactions; waits for those who read. Nothing where one is coming already. */
void kr_store_rekey_begin(struct kr_store *store, const uint8_t storage_key[static 32]);
struct kr_rekey {
    uint64_t began_s, moved_s; /* the first slice, the last one */
    uint64_t done, all;        /* values looked at, and about how many there are */
    uint64_t damaged;          /* values that opened under neither key: they stay as they are */
    bool is_done;              /* nothing is left under the key before, and that is durable once the transaction is */
};
/* One slice of it, which seals at most `max` values anew (a page each at most); where it stands is kept in the store, so that it
 * goes on after a crash. Nothing but `is_done` is told where no key is being replaced. KR_CORRUPT: a page cannot be read, and what
 * lies behind it stays under the key before. */
enum kr_err kr_store_rekey_slice(struct kr_txn *txn, uint64_t now_s, uint32_t max, struct kr_rekey *ret_rekey) KR_WARN_UNUSED;
/* How far it is; all zero where it has not begun. */
enum kr_err kr_store_rekey_state(struct kr_txn *txn, struct kr_rekey *ret_rekey) KR_WARN_UNUSED;
/* It is done, and the key before is in no file any more: forgets it. As kr_store_rekey_begin; nothing where none is there. */
void kr_store_rekey_end(struct kr_store *store);
/* Reaps readers of dead processes. */
void kr_store_reap_readers(struct kr_store *store);
struct kr_store_room {
    uint64_t map_bytes;       /* it grows by itself before it is full */
    uint64_t used_bytes;      /* of it; so long is the file, or a little longer */
    uint64_t free_bytes;      /* of that: in no table any more, and used again once nobody reads it */
    uint64_t newest;          /* number of the last transaction */
    uint64_t reader_snapshot; /* the oldest that somebody reads: what was freed since is not used again */
    uint32_t reader_process;  /* who reads it, of whatever process; 0: nobody reads */
};
/* On the writer's thread, outside of its transactions; quick, whatever the store holds. KR_IO where the store has to be opened
 * anew first. A volatile store knows nothing of readers. */
enum kr_err kr_store_room(struct kr_store *store, struct kr_store_room *ret_room) KR_WARN_UNUSED;

#endif
