/* What the store's own files share; nobody outside this folder includes it.
 *
 * Layout (format 7). Numbers in keys are big-endian, so that LMDB's byte order is theirs. "sealed" is value.c's
 * nonce ‖ XChaCha20-Poly1305(value), with the row's key as associated data and a key of its own for each table.
 *
 *   meta      name → "format": number ‖ sealed number (frozen in all formats); "keys", "runs", "prefixes", and once the storage key
 *             was replaced "tags", meanwhile "rekey": sealed
 *   log       arrival 8 ‖ chunk 2 → at most KR_CHUNK_BYTES_MAX bytes under the record's data key;
 *             arrival 8 ‖ FFFF → sealed head: data key, and what policy and look-ups need (head.c)
 *   due       arrival / 512 as 8 → when the first of them is due 8 ‖ tag 8
 *   dead      arrival / 4,096 as 8 → sealed bitmap of purged arrivals
 *   scopes    kind 1 ‖ id 32 → sealed: number, count, running hash, how far the trees are, and the last, unfinished block (scope.c)
 *   entries   scope number 4 ‖ block 8 → sealed: running hash before it 32 ‖ its 32 entries: id, hour of creation, expiry month
 *   tree      scope number 4 ‖ month 2 ‖ edge → sealed rows of Merkle radix trees over the entries (tree.h)
 *   t.*       the small tables of the core: key → sealed value
 *   fresh     number of the first entry 4 → sealed state ‖ rows of the index in the order in which they came (fresh.c). The last
 * row has the state of the whole: next arrival, numbers of records and of indicators terms.0 … the index in sorted runs (runs.c):
 * hash 16 ‖ number 8 ‖ kind 2 → tag 8
 *
 * The index leads from hashes to numbers. Its kinds of rows:
 *   an indicator   keyed term             → arrival, position in its report
 *   a record's id  its first 16 bytes     → arrival
 *   a token        as it is               → arrival
 *   a member       keyed, scope and id    → entry
 * One commit so touches one page each of `log`, `scopes` and `fresh`, all but `scopes` at their ends, and LMDB's list of tables,
 * which KR_RUN_SLOTS keeps within one page; trees follow every KR_TREE_LAG entries (scope_tree.c). */
#ifndef KR_STORE_INTERNAL_H
#define KR_STORE_INTERNAL_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "crypto/term.h"
#include "store/store.h"

enum kr_dbi {
    KR_DBI_META,
    KR_DBI_LOG,
    KR_DBI_DUE,
    KR_DBI_DEAD,
    KR_DBI_SCOPES,
    KR_DBI_ENTRIES,
    KR_DBI_TREE,
    KR_DBI_TABLE, /* the first of KR_TABLE_COUNT */
    KR_DBI_FRESH = KR_DBI_TABLE + KR_TABLE_COUNT,
    KR_DBI_RUN, /* the first of KR_RUN_SLOTS */
};
#define KR_RUN_SLOTS     40
#define KR_RUN_SLOTS_OLD 64 /* of format 4, until its store is brought up to date */
#define KR_DBI_COUNT     (KR_DBI_RUN + KR_RUN_SLOTS)
#define KR_DBI_COUNT_OLD (KR_DBI_RUN + KR_RUN_SLOTS_OLD)

#define KR_TAG_BYTES       8
#define KR_INDEX_KEY_BYTES 26 /* hash ‖ number ‖ kind */
#define KR_INDEX_ROW_BYTES (KR_INDEX_KEY_BYTES + KR_TAG_BYTES)
#define KR_SEALED_BYTES    40 /* what sealing adds: nonce and tag */

/* ---- keys and shared state ---- */

/* A storage key, and what is derived from it. */
struct kr_storage_key {
    uint8_t key[32];
    uint8_t table[KR_DBI_RUN][32];
};

#define KR_SHORT_TAG_KEY_BYTES 16u
#define KR_OLD_TAG_KEY_BYTES   32u

/* In locked memory (plain memory in a volatile store, of which a simulation has hundreds). `now` seals; what `old` sealed opens as
 * well, as long as `has_old` (rekey.c). Changed only while nobody is in a transaction. The keys of tags stay what they were derived
 * to be from the first storage key that the store had. */
struct kr_store_keys {
    struct kr_storage_key now, old;
    bool has_old;
    uint8_t term[32];
    uint8_t tag[KR_SHORT_TAG_KEY_BYTES], old_tag[KR_OLD_TAG_KEY_BYTES];
    struct kr_term_maker terms;
};

struct kr_runs;
struct kr_fresh;

struct kr_store {
    char *path;
    MDB_env *env;
    MDB_dbi dbis[KR_DBI_COUNT_OLD];
    struct kr_store_keys *keys;
    struct kr_rng rng; /* used inside the one write transaction only */
    uint32_t page_bytes, term_generation;
    uint64_t file_bytes; /* at least so long is the file; 0: not known */
    bool is_volatile, is_writing;
    bool is_under_way; /* being brought up to date: only upgrade_scopes.c may use it */
    void (*upgrading)(void *context, uint32_t percent);
    void *upgrading_context;
    uint64_t upgrade_done, upgrade_all; /* pieces of the step that is under way */
    uint32_t months_mended;             /* by the one writer, since somebody asked */
    int lock_fd;
    bool (*fail_commit)(void *context);
    void *fail_context;

    /* Guards what follows. Readers are counted rather than holding a rwlock, because a transaction may end on another thread. */
    pthread_mutex_t mutex;
    pthread_cond_t no_readers, grown;
    uint32_t readers;
    bool is_growing;                   /* a writer waits for, or has, the environment for itself */
    atomic_uint_least64_t prefixes[3]; /* struct kr_prefixes: those that a snapshot may have, and perhaps more */
    atomic_bool needs_room;            /* the map was full: grow it before the next write transaction */
    atomic_bool needs_reopen;          /* LMDB gave the environment up after a failed write of a meta page */
    struct kr_runs *runs;              /* newest first; older ones as long as a reader needs them */
};

/* What changes with almost every record. */
struct kr_state {
    uint64_t next_arrival, records, indicators;
};

struct kr_scope_held;

struct kr_txn {
    struct kr_store *store;
    struct kr_txn *parent;
    MDB_txn *mdb;  /* of a nested one that has not begun: its parent's */
    bool is_begun; /* of a nested one: it has written, in an LMDB transaction of its own */
    bool is_write, is_dirty, state_changed, runs_changed;
    enum kr_err failed; /* a write went wrong half-way: this transaction can only be aborted */
    struct kr_state state;
    struct kr_runs *runs;  /* a reference */
    uint32_t fresh_seen;   /* of a reader: how many of the fresh entries are its snapshot's */
    uint32_t fresh_saved;  /* of a writer: how many of them stand in the table */
    struct kr_fresh *base; /* of a writer: what was fresh when it began (a reference), and how many there were */
    uint32_t base_count;
    struct {              /* of a reader: the record whose head was opened last, for who goes on to read of it */
        uint64_t arrival; /* 0: none */
        uint8_t id[32], data_key[32];
        uint32_t record_bytes;
    } last;
    struct kr_scope_held *held;                  /* of a writer: rows of scopes that it has changed (scope_row.c) */
    const uint8_t *first_rows[KR_RUN_SLOTS_OLD]; /* of runs, by their slots, once that was asked (kr_run_first) */
    uint32_t puts[KR_DBI_COUNT_OLD];
    uint64_t put_bytes[KR_DBI_COUNT_OLD];
};

/* ---- env.c ---- */
enum kr_err kr_env_open(struct kr_store *store, uint64_t map_bytes, struct kr_error *error) KR_WARN_UNUSED;
void kr_env_close(struct kr_store *store);
/* Makes room (and a fresh environment where LMDB gave the old one up) before a write transaction. */
enum kr_err kr_env_prepare(struct kr_store *store) KR_WARN_UNUSED;
/* Until kr_env_end_alone nobody reads: waits for those who do. Not within a transaction. */
void kr_env_begin_alone(struct kr_store *store);
void kr_env_end_alone(struct kr_store *store);
/* The code of LMDB or errno in ours; notes in the store what has to be done about it. */
enum kr_err kr_env_err(struct kr_store *store, int code);
const char *kr_dbi_name(uint32_t dbi, char buffer[static 16]);

/* ---- file.c ---- */
/* The head of LMDB's meta page as it stands in the file, in the machine's own byte order (lmdb 0.9, mdb.c, struct MDB_meta behind
 * a page header of 16 bytes). */
struct kr_meta_page {
    uint8_t page_head[16];
    uint32_t magic, version;
    uint64_t address, map_bytes;
    uint32_t page_bytes; /* md_pad of the free list's table */
    uint8_t tables[92];
    uint64_t last_page, txn;
};
_Static_assert(sizeof(struct kr_meta_page) == 152 && offsetof(struct kr_meta_page, last_page) == 136, "as LMDB lays it out");
#define KR_STORE_READERS_MAX 510u
/* Takes the directory for this process; KR_LOCKED. */
enum kr_err kr_file_lock(struct kr_store *store, struct kr_error *error) KR_WARN_UNUSED;
/* Before LMDB maps the file: KR_CORRUPT where it was cut. Leaves `*ret_file_bytes` where there is none yet. */
enum kr_err kr_file_check(const struct kr_store *store, uint64_t *ret_file_bytes, struct kr_error *error) KR_WARN_UNUSED;
/* Makes the file so long that kr_file_check cannot mistake it for a cut one. */
enum kr_err kr_file_reserve(struct kr_store *store, uint64_t more_pages) KR_WARN_UNUSED;
bool kr_file_is_disk_full(const struct kr_store *store, uint64_t pages); /* fewer free than these */

/* ---- txn.c: raw rows ---- */
struct kr_slice kr_slice_of(const void *bytes, size_t len);
enum kr_err kr_row_get(struct kr_txn *txn, uint32_t dbi, struct kr_slice key, struct kr_slice *ret_value) KR_WARN_UNUSED;
enum kr_err kr_row_put(struct kr_txn *txn, uint32_t dbi, struct kr_slice key, struct kr_slice value, unsigned flags) KR_WARN_UNUSED;
/* Room for `len` bytes in the page itself, to be filled before the next write. */
enum kr_err kr_row_reserve(struct kr_txn *txn, uint32_t dbi, struct kr_slice key, size_t len, unsigned flags,
                           uint8_t **ret_bytes) KR_WARN_UNUSED;
enum kr_err kr_row_delete(struct kr_txn *txn, uint32_t dbi, struct kr_slice key) KR_WARN_UNUSED;
enum kr_err kr_row_clear(struct kr_txn *txn, uint32_t dbi) KR_WARN_UNUSED; /* the whole table */
uint64_t kr_row_count(struct kr_txn *txn, uint32_t dbi);
enum kr_err kr_row_cursor(struct kr_txn *txn, uint32_t dbi, MDB_cursor **ret_cursor) KR_WARN_UNUSED;
/* mdb_cursor_get in our words; for MDB_SET_RANGE `*key` is where to go. */
enum kr_err kr_row_move(struct kr_txn *txn, MDB_cursor *cursor, MDB_cursor_op op, struct kr_slice *key,
                        struct kr_slice *ret_value) KR_WARN_UNUSED;
/* Writes what has changed of the state, of what is fresh and of the runs. */
enum kr_err kr_txn_write_state(struct kr_txn *txn) KR_WARN_UNUSED;
/* A record that is shown counts with its indicators: as it comes, and no more as it goes. */
void kr_state_count(struct kr_txn *txn, const struct kr_head *head, bool comes);
/* Notes a failure of a write that may have been half done. Returns `err`. */
enum kr_err kr_txn_fail(struct kr_txn *txn, enum kr_err err);

/* ---- value.c: sealed rows ---- */
void kr_storage_key_derive(struct kr_storage_key *ret_key, const uint8_t key[static 32]);
/* The keys of tags as they follow from a store's first storage key. */
void kr_tag_keys_derive(struct kr_store_keys *keys, const struct kr_storage_key *first);
/* `ret` has room for value.len + KR_SEALED_BYTES. */
void kr_value_seal(struct kr_store *store, uint32_t dbi, struct kr_slice key, struct kr_slice value, uint8_t *ret);
/* kr_aead_open out of place, where libsodium's own single pass will do: reads are many. Else KR_CORRUPT, and `ret` is wiped. */
enum kr_err kr_open_apart(uint8_t *ret, struct kr_slice sealed, struct kr_slice bound, const uint8_t nonce[static 24],
                          const uint8_t key[static 32]) KR_WARN_UNUSED;
enum kr_err kr_value_put(struct kr_txn *txn, uint32_t dbi, struct kr_slice key, struct kr_slice value,
                         unsigned flags) KR_WARN_UNUSED;
/* KR_NOT_FOUND, KR_BOUNDS (longer than `size`), KR_CORRUPT. */
enum kr_err kr_value_get(struct kr_txn *txn, uint32_t dbi, struct kr_slice key, uint8_t *ret_value, size_t size,
                         size_t *ret_len) KR_WARN_UNUSED;
enum kr_err kr_value_open(const struct kr_store *store, uint32_t dbi, struct kr_slice key, struct kr_slice sealed,
                          uint8_t *ret_value, size_t size, size_t *ret_len) KR_WARN_UNUSED;
/* The same under this very key. */
enum kr_err kr_value_open_under(const struct kr_storage_key *storage, uint32_t dbi, struct kr_slice key, struct kr_slice sealed,
                                uint8_t *ret_value, size_t size, size_t *ret_len) KR_WARN_UNUSED;
/* A value of one length only: anything else is KR_CORRUPT. */
enum kr_err kr_value_get_fixed(struct kr_txn *txn, uint32_t dbi, struct kr_slice key, uint8_t *ret_value,
                               size_t len) KR_WARN_UNUSED;
/* Authenticates rows that say everything in their key. `what` keeps the tables apart. */
void kr_tag(const struct kr_store *store, const char *what, struct kr_slice key, uint8_t ret_tag[static KR_TAG_BYTES]);
bool kr_tag_matches(const struct kr_store *store, const char *what, struct kr_slice key, struct kr_slice tag);
#define KR_TAG_INDEX "kairan store term"
#define KR_TAG_DUE   "kairan store due"

/* ---- head.c ---- */
#define KR_HEAD_CHUNK 0xFFFFu /* the number under which a head stands behind its record's chunks */
enum kr_err kr_head_put(struct kr_txn *txn, const struct kr_head *head, const uint8_t data_key[static 32],
                        unsigned flags) KR_WARN_UNUSED;
/* `ret_data_key` may be NULL. */
enum kr_err kr_head_open(struct kr_txn *txn, struct kr_slice key, struct kr_slice sealed, struct kr_head *ret_head,
                         uint8_t *scratch, uint8_t *ret_data_key) KR_WARN_UNUSED;
enum kr_err kr_head_get(struct kr_txn *txn, uint64_t arrival, struct kr_head *ret_head, uint8_t *scratch,
                        uint8_t *ret_data_key) KR_WARN_UNUSED;
/* The part that an older format had as well; `ret_head` borrows from `bytes`. */
enum kr_err kr_head_decode(struct kr_slice bytes, struct kr_head *ret_head) KR_WARN_UNUSED;
bool kr_head_is_there(struct kr_txn *txn, uint64_t arrival);

/* ---- expiry.c ---- */
#define KR_DUE_ARRIVALS 512u /* of one row */
/* When something has to be done about the record: it expires, or, where only its header is left, its month is over. */
uint64_t kr_due_of(const struct kr_head *head);
/* Notes that this arrival is due then. */
enum kr_err kr_due_note(struct kr_txn *txn, uint64_t arrival, uint64_t due_s) KR_WARN_UNUSED;
/* Whether the arrival's row is whole and not later than this; KR_CORRUPT. */
enum kr_err kr_due_check(struct kr_txn *txn, uint64_t arrival, uint64_t due_s) KR_WARN_UNUSED;

/* ---- record.c ---- */
/* The arrival of the log's last row, 0 where there is none; KR_CORRUPT. */
enum kr_err kr_log_last(struct kr_txn *txn, uint64_t *ret_arrival) KR_WARN_UNUSED;
/* Opens all chunks into `ret`, which has room for head->record_bytes. */
enum kr_err kr_log_open(struct kr_txn *txn, const struct kr_head *head, const uint8_t data_key[static 32],
                        uint8_t *ret) KR_WARN_UNUSED;

/* ---- terms.c: the index ---- */
/* Kinds of rows; whatever is smaller is the position of an indicator. */
#define KR_INDEX_MEMBER 0xFFFDu
#define KR_INDEX_TOKEN  0xFFFEu
#define KR_INDEX_ID     0xFFFFu
void kr_index_row(const struct kr_store *store, const struct kr_term_entry *entry, uint8_t ret_row[static KR_INDEX_ROW_BYTES]);
enum kr_err kr_index_add(struct kr_txn *txn, const uint8_t hash[static KR_TERM_BYTES], uint64_t number,
                         uint16_t kind) KR_WARN_UNUSED;
/* All rows whose keys begin with `prefix`, in order; the visitor returns false to stop. KR_CORRUPT for a row with a wrong tag. */
typedef bool kr_index_visit(void *context, const struct kr_term_entry *entry);
enum kr_err kr_index_each(struct kr_txn *txn, const uint8_t *prefix, size_t len, kr_index_visit *visit,
                          void *context) KR_WARN_UNUSED;
/* Whether the row leads to something that is still there, so that it must be kept when runs merge. */
struct kr_dead_map;
bool kr_index_is_alive(struct kr_txn *txn, const struct kr_dead_map *dead, const uint8_t key[static KR_INDEX_KEY_BYTES]);

/* ---- prefixes.c ---- */
/* A new store has none. */
enum kr_err kr_prefixes_make(struct kr_txn *txn) KR_WARN_UNUSED;
/* Into the store's memory, as it is opened; all where they are not known, or cannot be read. */
void kr_prefixes_load(struct kr_txn *txn);

/* ---- rekey.c ---- */
/* The keys of tags, as the store is opened: as they stand in `meta`, or follow from its first storage key. */
enum kr_err kr_tag_keys_load(struct kr_txn *txn) KR_WARN_UNUSED;

/* ---- dead.c ---- */
enum kr_err kr_dead_mark(struct kr_txn *txn, uint64_t arrival) KR_WARN_UNUSED;
enum kr_err kr_dead_is(struct kr_txn *txn, uint64_t arrival, bool *ret_is_dead) KR_WARN_UNUSED;
/* All of it, opened once: for merging, which takes nothing for dead where a row is damaged. In a write transaction. */
struct kr_dead_map {
    uint8_t **chunks;
    uint64_t count;
};
enum kr_err kr_dead_load(struct kr_txn *txn, struct kr_dead_map *ret_map) KR_WARN_UNUSED;
bool kr_dead_in(const struct kr_dead_map *map, uint64_t arrival);
void kr_dead_free(struct kr_dead_map *map);

/* ---- scope.c ---- */
void kr_scope_hash(uint8_t hash[static 32], const uint8_t id[static 32]); /* the running hash after one more id */
/* For verify: whether a full block follows from the one before it, and its ids are members at their places; KR_CORRUPT. */
enum kr_err kr_scope_check_block(struct kr_txn *txn, struct kr_slice key) KR_WARN_UNUSED;
/* The same for a scope's own row and the unfinished block in it. */
enum kr_err kr_scope_check(struct kr_txn *txn, struct kr_slice key) KR_WARN_UNUSED;

/* ---- scope_row.c: what a transaction holds ---- */
enum kr_err kr_scope_write_held(struct kr_txn *txn) KR_WARN_UNUSED; /* nothing is held any more, whatever comes of it */
void kr_scope_pass_held(struct kr_txn *txn);                        /* to its parent */
void kr_scope_drop_held(struct kr_txn *txn);

/* ---- format.c ---- */
/* KR_VERSION for a newer store, KR_CORRUPT for other keys; writes nothing. */
enum kr_err kr_format_check(struct kr_txn *txn, struct kr_error *error) KR_WARN_UNUSED;
/* Fills a new store, or brings one of an older format up to date. */
enum kr_err kr_format_upgrade(struct kr_txn *txn, struct kr_error *error) KR_WARN_UNUSED;
enum kr_err kr_format_get(struct kr_txn *txn, uint32_t *ret_format) KR_WARN_UNUSED;
enum kr_err kr_format_put(struct kr_txn *txn, uint32_t format) KR_WARN_UNUSED;
/* Writes what stands in `meta` of format and keys under the storage key that seals, and whether it stands so. */
enum kr_err kr_format_reseal(struct kr_txn *txn) KR_WARN_UNUSED;
enum kr_err kr_format_is_resealed(struct kr_txn *txn, bool *ret_is) KR_WARN_UNUSED;
/* On its way to today's format, from 4 or 5: programs of before take it for one of the future, and leave it alone. */
#define KR_FORMAT_UNDER_WAY     (0x100u | KR_STORE_FORMAT)
#define KR_FORMAT_UNDER_WAY_OLD 0x106u /* to format 6, as its programs wrote it */

/* ---- upgrade.c ---- */
#define KR_OLD_TABLES  7u
#define KR_FORMAT_LEAN 5u /* from here on: the state in `fresh`, and few slots of runs */
#define KR_FORMAT_TREE 6u /* from here on: trees; only the lengths of prefixes are not known */
/* What an id that stands in a scope of an older format enters the trees as: by its record, or in none where that has gone. */
enum kr_err kr_upgrade_entry(struct kr_txn *txn, const uint8_t id[static 32], struct kr_entry *ret_entry) KR_WARN_UNUSED;
/* Formats 4 and 5 had blocks of ids alone, and no trees. Whether all of them are whole: KR_CORRUPT. */
enum kr_err kr_upgrade_scopes_check(struct kr_txn *txn, uint64_t *ret_entries) KR_WARN_UNUSED;
/* Brings a store that is under way to today's format, from wherever it is, in transactions of at most 16,384 entries. What fails
 * leaves it under way. */
enum kr_err kr_upgrade_scopes(struct kr_store *store) KR_WARN_UNUSED;
/* From any older format; writes no format. KR_CORRUPT where an old row is damaged. `*ret_is_under_way`: the rest is
 * kr_upgrade_scopes'. */
enum kr_err kr_upgrade(struct kr_txn *txn, uint32_t format, bool *ret_is_under_way) KR_WARN_UNUSED;
/* So many pieces of work are ahead; so many were done. */
void kr_upgrade_begin(struct kr_store *store, uint64_t all);
void kr_upgrade_did(struct kr_store *store, uint64_t pieces);

#endif
