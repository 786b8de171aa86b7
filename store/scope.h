/* The row of a scope and its blocks of entries. Private to this folder. */
#ifndef KR_STORE_SCOPE_H
#define KR_STORE_SCOPE_H

#include "store/tree.h"

#define KR_BLOCK_ENTRIES   32u
#define KR_SCOPE_KEY_BYTES 33u
#define KR_BLOCK_KEY_BYTES 12u

struct kr_block_entry {
    uint8_t id[32], hour[4], month[2]; /* month 0: in no tree */
};
struct kr_block {
    uint8_t before[32]; /* running hash in front of it */
    struct kr_block_entry entries[KR_BLOCK_ENTRIES];
};
_Static_assert(sizeof(struct kr_block) == 32 + KR_BLOCK_ENTRIES * 38, "a block is written as it stands");

struct kr_scope_row {
    uint32_t number;
    uint64_t count;
    uint8_t hash[32];
    uint64_t applied; /* entries that the rows of the trees know of */
    /* Entries before `dropped_at` of months before `month_from` are in no tree any more; rows of trees that began before it are
     * left-overs. */
    uint64_t dropped_at;
    uint32_t month_from;
    struct kr_block last; /* its first count % KR_BLOCK_ENTRIES entries */
};

/* ---- scope_row.c; kr_scope_write_held and the like stand in internal.h ---- */
void kr_scope_key(const struct kr_scope *scope, uint8_t ret_key[static KR_SCOPE_KEY_BYTES]);
/* An unknown scope is empty, with number 0. */
enum kr_err kr_scope_row_get(struct kr_txn *txn, const struct kr_scope *scope, struct kr_scope_row *ret_row) KR_WARN_UNUSED;
/* Written when the outermost transaction commits. */
enum kr_err kr_scope_row_put(struct kr_txn *txn, const struct kr_scope *scope, const struct kr_scope_row *row) KR_WARN_UNUSED;

/* ---- scope.c ---- */
struct kr_slice kr_block_key(uint32_t number, uint64_t block, uint8_t buffer[static KR_BLOCK_KEY_BYTES]);
/* A full block from its table, the last one from the scope itself. */
enum kr_err kr_block_get(struct kr_txn *txn, const struct kr_scope_row *row, uint64_t block,
                         struct kr_block *ret_block) KR_WARN_UNUSED;
/* Adds an entry to the row and its blocks; the row itself is still to be put. */
enum kr_err kr_scope_push(struct kr_txn *txn, struct kr_scope_row *row, const struct kr_entry *entry) KR_WARN_UNUSED;

/* Whether the scope's log has an entry for this id that is in the rows of its trees, and where; KR_CORRUPT where it has not. */
enum kr_err kr_scope_find_applied(struct kr_txn *txn, const struct kr_scope_row *row, const uint8_t id[static 32],
                                  struct kr_block_entry *ret_entry) KR_WARN_UNUSED;

/* ---- scope_end.c ---- */
/* Whether the entry is in a tree. */
bool kr_scope_is_live(const struct kr_scope_row *row, uint64_t number, const struct kr_block_entry *entry);
#define KR_DATED_BYTES (2u + KR_TREE_KEY_BYTES) /* month ‖ key */
void kr_dated_of(const struct kr_block_entry *entry, uint8_t ret_dated[static KR_DATED_BYTES]);
int kr_dated_compare(const void *left, const void *right); /* for qsort */
/* What the rows do not have yet, by month and in order. */
struct kr_pending_group {
    uint32_t month, first, count;
};
struct kr_pending {
    kr_tree_key *keys;
    struct kr_pending_group *groups;
    uint32_t group_count;
};
enum kr_err kr_pending_init(struct kr_pending *pending, struct kr_txn *txn, const struct kr_scope_row *row) KR_WARN_UNUSED;
void kr_pending_deinit(struct kr_pending *pending);
struct kr_tree_keys kr_pending_of(const struct kr_pending *pending, uint32_t month);

/* ---- scope_tree.c ---- */
struct kr_slice kr_scope_month_key(uint32_t number, uint32_t month, uint8_t buffer[static KR_TREE_MONTH_KEY]);
struct kr_scope_month {
    uint64_t began; /* entries of the scope when it was first written */
    struct kr_tree_sum sum;
};
/* KR_NOT_FOUND where it has no rows, or left-overs alone (`*ret_is_left_over`). */
enum kr_err kr_scope_month_get(struct kr_txn *txn, const struct kr_scope_row *row, uint32_t month, struct kr_scope_month *ret_month,
                               bool *ret_is_left_over) KR_WARN_UNUSED;
/* Brings the rows of the trees up to the log. */
enum kr_err kr_scope_settle(struct kr_txn *txn, struct kr_scope_row *row) KR_WARN_UNUSED;
/* Takes an entry, which was live and is no more, out of the rows of its tree. */
enum kr_err kr_scope_take(struct kr_txn *txn, const struct kr_scope_row *row, const struct kr_block_entry *entry) KR_WARN_UNUSED;
/* The rows of one month anew, as far as entries are applied. */
enum kr_err kr_scope_mend_month(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month) KR_WARN_UNUSED;
/* All months anew. */
enum kr_err kr_scope_mend(struct kr_txn *txn, const struct kr_scope *scope) KR_WARN_UNUSED;

#endif
