/* One page of a query being made, and what every query does with records: whether they may be seen, opening them, summing them up.
 * Private to the files of query.h. */
#ifndef KR_NODE_CORE_QUERY_PAGE_H
#define KR_NODE_CORE_QUERY_PAGE_H

#include "node/core/query.h"
#include "node/core/reason.h"
#include "proto/record/body.h"
#include "proto/record/record.h"

struct kr_query_page {
    struct kr_query *query;
    struct kr_txn *txn;
    const struct kr_keyring *keyring;
    uint64_t now_ms;
    bool (*is_over)(void *context);
    kr_query_item *item;
    void *context;
    struct kr_error *error;
    size_t bytes;
    uint32_t looks;          /* for its time */
    bool has_moved;          /* something was done that no later page has to do again */
    uint8_t *scratch;        /* KR_HEAD_SCRATCH, for heads */
    uint64_t placed_arrival; /* of the indicator that was read by its place last, and how many of it one after the other */
    uint32_t placed_count;
    uint8_t *part;                   /* of a record: its indicators are borrowed from it */
    struct kr_writer match, summary; /* the ones being written, each in the same bytes as the one before */
    /* The record opened last: matches of one submission lie side by side. */
    uint64_t opened_arrival;
    uint8_t *content;
    struct kr_report report;
    struct kr_reader walk; /* over its indicators; `walk_next` is the position of the one to be read next, 0: not begun */
    uint32_t walk_next;
};

/* The record as it is stored and as it is read. `content` is empty where it was taken back. */
struct kr_query_opened {
    struct kr_header header;
    uint8_t *bytes, *content;
    size_t len;
    struct kr_slice to_read;
    uint32_t kind;
};

/* Never before the page has come forward, however slow the store is: else a query could go on for ever. */
bool kr_query_is_full(struct kr_query_page *page);
/* Hands an item over; the writer is done with in any case. */
enum kr_err kr_query_emit(struct kr_query_page *page, struct kr_writer *writer);
enum kr_err kr_query_give(struct kr_query_page *page, struct kr_slice item); /* the same of what stays the caller's */

/* The council's name as the client's language has it; the beginning of its id where no card is here. */
enum kr_err kr_query_name_of(struct kr_query_page *page, const uint8_t council[static 32], char *ret_text,
                             size_t size) KR_WARN_UNUSED;
/* What is for persons alone, and lies readable: a store of before took it, sealed to whole councils. */
bool kr_query_is_overt(const struct kr_head *head);
/* Shown, ours to read, not overt, not expired, not dated ahead. (What may be a sighting: kr_sighting_is_moot too.) */
bool kr_query_sees(const struct kr_query_page *page, const struct kr_head *head);
/* `head` and `name` must outlive the summary. */
void kr_query_summarise(const struct kr_head *head, const char *name, uint32_t taken, struct kr_summary *ret_summary);

/* Record (which the header borrows from) and content are the caller's to free(). */
enum kr_err kr_query_open(struct kr_query_page *page, uint64_t arrival, struct kr_header *ret_header, uint8_t **ret_record,
                          uint8_t **ret_content, size_t *ret_len) KR_WARN_UNUSED;
/* And where in the record its body begins. */
enum kr_err kr_query_open_at(struct kr_query_page *page, uint64_t arrival, struct kr_header *ret_header, uint8_t **ret_record,
                             uint8_t **ret_content, size_t *ret_len, uint32_t *ret_body_at) KR_WARN_UNUSED;
/* The same to be shown; of a header alone, that. On failure as well `bytes` and `content` are the caller's to free(). */
enum kr_err kr_query_open_to_show(struct kr_query_page *page, const struct kr_head *head,
                                  struct kr_query_opened *opened) KR_WARN_UNUSED;
void kr_query_fill_shown(const struct kr_head *head, const struct kr_query_opened *opened, const struct kr_reason *reason,
                         struct kr_shown *shown);

/* query_community.c */
enum kr_err kr_query_communities(struct kr_query_page *page, bool *ret_done) KR_WARN_UNUSED;
enum kr_err kr_query_community(struct kr_query_page *page, struct kr_writer *result, bool *ret_done) KR_WARN_UNUSED;
enum kr_err kr_query_community_why(struct kr_query_page *page, struct kr_writer *result, bool *ret_done) KR_WARN_UNUSED;
/* query_lookup.c */
enum kr_err kr_query_lookup(struct kr_query_page *page, struct kr_writer *result, bool *ret_done) KR_WARN_UNUSED;
/* The same of one value, a record's id: what is sighted of it. `query->position` is 1 when all was given. */
enum kr_err kr_query_lookup_sightings(struct kr_query_page *page, const uint8_t id[static 32]) KR_WARN_UNUSED;

/* query_audit.c */
struct kr_who;
enum kr_err kr_query_audit(struct kr_query_page *page, const struct kr_who *who, bool *ret_done) KR_WARN_UNUSED;
enum kr_err kr_query_audit_verify(struct kr_query_page *page, const struct kr_who *who, struct kr_writer *result,
                                  bool *ret_done) KR_WARN_UNUSED;
/* query_draft.c */
enum kr_err kr_query_drafts(struct kr_query_page *page, const struct kr_who *who, bool *ret_done) KR_WARN_UNUSED;
enum kr_err kr_query_mine(struct kr_query_page *page, const struct kr_who *who, bool *ret_done) KR_WARN_UNUSED;
/* query_keys.c */
enum kr_err kr_query_addressees(struct kr_query_page *page, bool *ret_done) KR_WARN_UNUSED;
enum kr_err kr_query_body_keys(struct kr_query_page *page, const struct kr_who *who, struct kr_writer *result,
                               bool *ret_done) KR_WARN_UNUSED;
/* query_duty.c */
enum kr_err kr_query_duty(struct kr_query_page *page, struct kr_writer *result, bool *ret_done) KR_WARN_UNUSED;
/* query_people.c */
enum kr_err kr_query_people(struct kr_query_page *page, uint32_t kind, bool *ret_done) KR_WARN_UNUSED;
enum kr_err kr_query_whoami(struct kr_query_page *page, const struct kr_who *who, struct kr_writer *result) KR_WARN_UNUSED;
/* query_told.c */
enum kr_err kr_query_told_bodies(struct kr_query_page *page, bool *ret_done) KR_WARN_UNUSED;
/* query_quarantine.c */
enum kr_err kr_query_quarantine(struct kr_query_page *page, bool *ret_done) KR_WARN_UNUSED;

/* query_export.c */
enum kr_err kr_query_export(struct kr_query_page *page, struct kr_writer *result, bool *ret_done) KR_WARN_UNUSED;
void kr_query_export_deinit(struct kr_query *query);

#endif
