/* Reading for clients: committed state only, one page at a time, each in a read transaction of its own, on any thread. Needs no
 * core.
 *
 * Answers KR_OP_LOOKUP, KR_OP_LS, KR_OP_SHOW, KR_OP_COUNCILS, KR_OP_VERIFY, KR_OP_EXPORT, KR_OP_SIGHTINGS,
 * KR_OP_BODIES, KR_OP_TOLD_BODIES, KR_OP_PERSONS, KR_OP_WHOAMI, KR_OP_AUDIT, KR_OP_AUDIT_VERIFY, KR_OP_DRAFTS, KR_OP_MINE,
 * KR_OP_QUARANTINE, KR_OP_COMMUNITIES, KR_OP_COMMUNITY, KR_OP_COMMUNITY_WHY; all other requests go to the core as events. */
#ifndef KR_NODE_CORE_QUERY_H
#define KR_NODE_CORE_QUERY_H

#include "crypto/keyring.h"
#include "node/core/event.h"
#include "node/core/places.h"
#include "proto/client/client.h"
#include "store/store.h"

bool kr_query_answers(uint32_t op);

/* sightings: the record that is asked about, and where it went. told bodies: council (id), community and body of the row that was
 * looked at last. */
struct kr_query_scope {
    uint8_t id[32], community[32], body[32];
    uint32_t label, flags;
};

/* A row of the index under one of the value's keys. */
struct kr_query_hit {
    uint64_t arrival;
    uint16_t position, key;
};
#define KR_QUERY_FEW_HITS 8u

/* Where a request goes on with its next page. */
struct kr_query {
    uint32_t op;
    struct kr_caller caller; /* the operator, unless set otherwise after init; asked for anew with each page */
    uint8_t *args;           /* owned copy */
    size_t args_len;
    uint64_t position, detail, count, extra; /* op's own */
    bool speaks_japanese;
    /* lookup */
    struct kr_query_hit *hits; /* found and not looked at yet, from hit_at on: few_hits, or owned */
    struct kr_query_hit few_hits[KR_QUERY_FEW_HITS];
    uint32_t hit_count, hit_at;
    bool has_all_hits;
    uint8_t is_cut[KR_LOOKUP_VALUES_MAX / 8]; /* bit per value: matches of it were left out, older or damaged */
    struct kr_places *places;                 /* borrowed, of the thread that makes the page; may be NULL */
    struct kr_query_scope scope;
    struct kr_query_export *export; /* owned: query_export.c */
};
enum kr_err kr_query_init(struct kr_query *query, uint32_t op, struct kr_slice args, bool speaks_japanese) KR_WARN_UNUSED;
void kr_query_deinit(struct kr_query *query);

/* Appends at most one page of encoded items (each written by its kr_*_write, in `items` as bins of one array is the caller's
 * affair: here every item is handed to `item`), at most KR_PAGE_BYTES_MAX (and one item of an export more, which may be as long as
 * a record) or until `is_over` says that the page's time is up.
 * `*ret_done`: nothing is left; `result` then holds the encoded result (empty array where the op has none). KR_NOT_FOUND, KR_EXISTS
 * (prefix not unique), KR_MALFORMED, KR_DENIED (kr_roles) with `error`. Expired, future-dated, quarantined records and those that
 * we cannot read are not shown. */
typedef enum kr_err kr_query_item(void *context, struct kr_slice item);
enum kr_err kr_query_page(struct kr_query *query, struct kr_txn *txn, const struct kr_keyring *keyring, uint64_t now_ms,
                          bool (*is_over)(void *context), kr_query_item *item, void *context, struct kr_writer *result,
                          bool *ret_done, struct kr_error *error) KR_WARN_UNUSED;

#endif
