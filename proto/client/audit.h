/* The audit log of a node, for clients (node/core/audit.h has what an entry means). */
#ifndef KR_PROTO_CLIENT_AUDIT_H
#define KR_PROTO_CLIENT_AUDIT_H

#include "proto/client/client.h"

struct kr_audit_ask {
    uint64_t since_ms;
    bool has_person;
    uint8_t person[32];
};
void kr_audit_ask_write(const struct kr_audit_ask *ask, struct kr_writer *writer);
enum kr_err kr_audit_ask_read(struct kr_slice bytes, struct kr_audit_ask *ret_ask) KR_WARN_UNUSED;

struct kr_audit_item {
    uint64_t number, at_ms;
    struct kr_slice person; /* 32 bytes; 0: the operator; 8: whoever submitted, for who has not the role intake: the name that the
                               draft's lists show, or zeros where it never waited there */
    struct kr_slice stands_for; /* 0 or 32 bytes */
    struct kr_slice name;       /* the person's, as its card has it now */
    uint32_t uid, op, outcome;  /* outcome: enum kr_err; KR_AUDIT_GOES_ON: it was begun */
    struct kr_slice target;     /* id of a record, person, council … or empty */
    struct kr_slice note;
    uint8_t hash[32]; /* of the chain behind this entry; zeros: it would tell who submitted (an entry of before they were salted) */
};
#define KR_AUDIT_BY_KEY  UINT32_MAX /* as user id: it came by a machine's key */
#define KR_AUDIT_GOES_ON 0xFFFFu
void kr_audit_item_write(const struct kr_audit_item *item, struct kr_writer *writer);
enum kr_err kr_audit_item_read(struct kr_slice bytes, struct kr_audit_item *ret_item) KR_WARN_UNUSED;

/* Whether the chain holds, and whether the hash that somebody wrote down is in it. */
struct kr_audit_anchor {
    bool has_anchor;
    uint64_t number; /* of the entry behind which the hash was that */
    uint8_t hash[32];
};
void kr_audit_anchor_write(const struct kr_audit_anchor *anchor, struct kr_writer *writer);
enum kr_err kr_audit_anchor_read(struct kr_slice bytes, struct kr_audit_anchor *ret_anchor) KR_WARN_UNUSED;

enum kr_audit_met {
    KR_AUDIT_MET_NOT_ASKED = 0,
    KR_AUDIT_MET = 1,
    KR_AUDIT_DIFFERS = 2, /* another hash stands there: the log was changed */
    KR_AUDIT_GONE = 3,    /* older than what is kept, or newer than what there is */
};
struct kr_audit_checked {
    uint64_t first, next, problems; /* entries first … next - 1 are kept */
    uint8_t hash[32];               /* behind the last */
    uint32_t met;                   /* enum kr_audit_met */
};
void kr_audit_checked_write(const struct kr_audit_checked *checked, struct kr_writer *writer);
enum kr_err kr_audit_checked_read(struct kr_slice bytes, struct kr_audit_checked *ret_checked) KR_WARN_UNUSED;

/* "submit", "person" …; "request N" has no name here: NULL. Static storage. */
const char *kr_op_name(uint32_t op);

#endif
