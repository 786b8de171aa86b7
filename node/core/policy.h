/* TLP as one pure function (FIRST TLP 2.0; docs/ARCHITECTURE.md, "Labels"). Every release asks it: gossip, catch-up,
 * local reads, exports, previews, explanations; and every receiver asks the same of what it is sent. Enumerated exhaustively in its
 * test. */
#ifndef KR_NODE_CORE_POLICY_H
#define KR_NODE_CORE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/record/label.h"

/* What is to be done with the record towards one council. */
enum kr_policy_use {
    KR_POLICY_HOLD = 1,   /* send it there, keep it there */
    KR_POLICY_READ = 2,   /* its people may read it */
    KR_POLICY_EXPORT = 3, /* out of Kairan, to its own members' defences */
    KR_POLICY_HEADER = 4, /* send it there, keep it there: header and signature alone, which stay in the trees after it expired */
    KR_POLICY_SEALED = 5, /* its people get the inner section, and those named in it can open that (RED, AMBER+STRICT) */
};
#define KR_POLICY_USE_MAX 5

/* The record and the council, reduced to what matters. All facts are computed by the caller from header and directory. */
struct kr_policy_facts {
    enum kr_label label;
    bool is_author;         /* the asking council wrote it */
    bool is_addressed;      /* stands in the audience */
    bool is_member;         /* member of the record's community */
    bool is_from_before;    /* GREEN, and created before the council was in, where newcomers get it from then on */
    bool is_relay_member;   /* `relay` is set and the council is a member of that community */
    bool is_author_trusted; /* the author's key speaks for a council that ever reached k vouches there (GREEN) or that is known at
                               all (others) */
    bool is_expired, is_exercise, is_retracted;
    bool is_statement; /* directory record; label rules then stand for its directory scope: members and candidates of the community
                        */
    bool is_internal;  /* the council's own affair: cards of its bodies and persons */
    bool is_body_notice; /* the name of a body that agreed to it: said in a community, and nowhere else */
    bool is_pending;     /* the two operators have not confirmed their link yet */
    bool is_candidate;   /* somebody in the community vouched for the council, or it is linked to us */
};

enum kr_policy_reason {
    KR_POLICY_ALLOW_AUTHOR = 1,
    KR_POLICY_ALLOW_ADDRESSED,
    KR_POLICY_ALLOW_MEMBER,
    KR_POLICY_ALLOW_ANYONE,
    KR_POLICY_ALLOW_RELAY, /* may hold the ciphertext, not read it */
    KR_POLICY_ALLOW_DIRECTORY,
    KR_POLICY_DENY_NOT_ADDRESSED,
    KR_POLICY_DENY_NOT_MEMBER,
    KR_POLICY_DENY_CIPHERTEXT_ONLY,
    KR_POLICY_DENY_PERSONS_ONLY, /* RED, AMBER+STRICT: the council's node holds it, only the named body or persons read it */
    KR_POLICY_DENY_LABEL,        /* this label is never exported */
    KR_POLICY_DENY_EXERCISE,
    KR_POLICY_DENY_EXPIRED,
    KR_POLICY_DENY_RETRACTED,
    KR_POLICY_DENY_UNTRUSTED_AUTHOR,
    KR_POLICY_DENY_UNLABELLED,
    KR_POLICY_DENY_PENDING,  /* nothing but CLEAR and the directory goes over a link that is not confirmed */
    KR_POLICY_DENY_INTERNAL, /* whatever the label: no other council holds it, and it is shown by no list of records */
    KR_POLICY_DENY_NAMES,    /* names of bodies: GREEN, read in the community, never exported */
    KR_POLICY_DENY_BEFORE,   /* newcomers get what is created from when they are in */
};
/* Whether a reason is one of the allowing ones; its short name ("allow-member", "deny-not-addressed"), to which the command line
 * has a sentence. */
bool kr_policy_is_allowed(enum kr_policy_reason reason);
const char *kr_policy_reason_name(enum kr_policy_reason reason);

/* Pure and total: every combination has exactly one answer. */
enum kr_policy_reason kr_policy(enum kr_policy_use use, const struct kr_policy_facts *facts);

#endif
