/* What waits for approval in the council, and what became of what one submitted. */
#ifndef KR_PROTO_CLIENT_DRAFT_H
#define KR_PROTO_CLIENT_DRAFT_H

#include "proto/client/client.h"

#define KR_DRAFT_ID_BYTES 16u /* the token of its submission */

enum kr_draft_state {
    KR_DRAFT_WAITS = 1,    /* for an approver */
    KR_DRAFT_RETURNED = 2, /* for its submitter's consent: somebody changed it, or it would reach others than before */
    KR_DRAFT_APPROVED = 3, /* and sent */
    KR_DRAFT_REJECTED = 4,
    KR_DRAFT_WITHDRAWN = 5,
    KR_DRAFT_SENT = 6,     /* was never one: sent without approval */
    KR_DRAFT_AHEAD = 7,    /* sent under a standing consent by who was on duty: waits to be reviewed */
    KR_DRAFT_REVIEWED = 8, /* and was */
};

/* Somebody learnt whom a name stands for. */
struct kr_draft_opening {
    struct kr_slice person, name; /* 32, or empty: the operator; empty: not known here */
    uint64_t at_ms;
    struct kr_slice reason;
};

struct kr_draft_item {
    struct kr_slice id; /* KR_DRAFT_ID_BYTES; empty where it never waited */
    uint32_t state, op; /* enum kr_draft_state; the request that it came by */
    uint32_t kind, label;
    struct kr_slice title;
    struct kr_slice submitter; /* 32: the person; 8: a name that stands for one, for who has not the role intake; 0: the operator */
    struct kr_slice submitter_name; /* empty likewise */
    uint64_t submitted_ms, changed_ms;
    struct kr_slice reason;    /* of a rejection, or why it came back */
    struct kr_slice record_id; /* 32 where there is one */
    uint32_t taken;            /* enum kr_taken_state of that record */
    struct kr_slice consent;   /* 32: the standing consent that it was sent under, for whoever may know the submitter; else empty */
    uint32_t opened_count;     /* for the submitter itself, and for intake; else 0 */
    struct kr_draft_opening opened[KR_DRAFT_OPENINGS_MAX];
};
void kr_draft_item_write(const struct kr_draft_item *item, struct kr_writer *writer);
enum kr_err kr_draft_item_read(struct kr_slice bytes, struct kr_draft_item *ret_item) KR_WARN_UNUSED;

/* One whole draft, for who is to decide about it. */
struct kr_draft_shown {
    struct kr_draft_item item;
    uint8_t binding[32];       /* of what is shown: content, label and whom it would reach; an approval names it */
    struct kr_slice community; /* 0 or 32 */
    uint32_t audience_count;   /* councils that it is addressed to */
    struct kr_slice audience;  /* 32 bytes of each */
    struct kr_slice args;      /* of the request: kr_submit_read, kr_revise_read or kr_sight_read */
};
void kr_draft_shown_write(const struct kr_draft_shown *shown, struct kr_writer *writer);
enum kr_err kr_draft_shown_read(struct kr_slice bytes, struct kr_draft_shown *ret_shown) KR_WARN_UNUSED;

/* What is done with a draft (KR_OP_DRAFT_…). */
struct kr_draft_act {
    uint8_t id[KR_DRAFT_ID_BYTES];
    bool has_binding; /* approve, consent */
    uint8_t binding[32];
    struct kr_slice reason; /* reject, who; reviewed: may be empty */
    struct kr_slice args;   /* edit: other ones of the same request, with the same token */
};
void kr_draft_act_write(const struct kr_draft_act *act, struct kr_writer *writer);
enum kr_err kr_draft_act_read(struct kr_slice bytes, struct kr_draft_act *ret_act) KR_WARN_UNUSED;

/* Whom the name stands for (KR_OP_DRAFT_WHO). */
struct kr_draft_who {
    uint8_t id[KR_DRAFT_ID_BYTES], person[32];
    struct kr_slice name; /* empty: no card is here */
};
void kr_draft_who_write(const struct kr_draft_who *who, struct kr_writer *writer);
enum kr_err kr_draft_who_read(struct kr_slice bytes, struct kr_draft_who *ret_who) KR_WARN_UNUSED;

/* What a submission ends with: a record that is durable, or a draft that is. */
struct kr_stored {
    bool waits;     /* it is a draft */
    uint8_t id[32]; /* of a draft KR_DRAFT_ID_BYTES, then zero */
    bool is_known;
    bool has_consent; /* sent at once under that standing consent, to be reviewed */
    uint8_t consent[32];
};
void kr_stored_write(const struct kr_stored *stored, struct kr_writer *writer);
enum kr_err kr_stored_read(struct kr_slice bytes, struct kr_stored *ret_stored) KR_WARN_UNUSED;

#endif
