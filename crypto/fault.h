/* Planted faults: mistakes that the simulator must notice, each turned on by a number at run time, which kr-sim alone does.
 * They are in test builds (KR_WITH_FAULTS; the option KR_FAULTS); in a release a hook is the constant false and leaves no code. */
#ifndef KR_CRYPTO_FAULT_H
#define KR_CRYPTO_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum kr_fault {
    KR_FAULT_NONE,
    KR_FAULT_EFFECT_BEFORE_COMMIT, /* effects of a batch whose commit failed are let out */
    KR_FAULT_SCOPE_UNCHECKED,      /* an addressed record enters the pair scopes of all peers */
    KR_FAULT_POLICY_UNASKED,       /* nobody asks policy when a peer asks for a record, and when it is packed */
    KR_FAULT_OLDER_KEPT,           /* a replaced statement stays in the store */
    KR_FAULT_OLDER_IN_TREE,        /* a replaced statement stays in its trees */
    KR_FAULT_EXPIRED_DELETED,      /* an expired record is gone while its trees go on naming it */
    KR_FAULT_CREDIT_KEPT,          /* room that has become free is not given back to the peer */
    KR_FAULT_TOKEN_FORGOTTEN,      /* a submission's token is not kept */
    KR_FAULT_CLOCK_TRUSTED,        /* what has expired by a clock that just jumped is deleted */
    KR_FAULT_SIGNATURE_UNCHECKED,  /* a record's signature and hashes are not looked at */
    KR_FAULT_MARK_BEFORE_STORED,   /* a mark moves when records are asked for, not when they are stored */
    KR_FAULT_CURSOR_PAST_UNSENT,   /* the last id of a page is not asked for */
    KR_FAULT_WRONG_MARK_ADOPTED,   /* where sets are equal a mark gets the peer's hash and another count */
    KR_FAULT_NEVER_GRAFTED,        /* what was only announced is never asked for */
    KR_FAULT_TAKEN_BACK_AT_HOME,   /* a retraction has effect at its author's node alone */
    KR_FAULT_HEADER_TAKEN,         /* a header alone is taken from anybody */
    KR_FAULT_GRAFTED_AGAIN,        /* what a peer asks for over and over is sent to it as often, without a budget */
    KR_FAULT_TAKEN_BACK_FORGOTTEN, /* what takes a record back has no effect where it comes late: after a crash, or an old backup */
    KR_FAULT_RESTORED_SIGNS,       /* a node that went back to an older state signs before it has met its peers again */
    KR_FAULT_COMMUNITIES_MIXED,    /* who is a member of one community counts as a member of all */
    KR_FAULT_FALSE_IN_TREES,       /* what a stolen key signed stays in the trees */
    KR_FAULT_FALSE_NOT_UNDONE,     /* what a stolen key took back stays taken back */
    KR_FAULT_FORWARD_UNTOLD,       /* the ends of a link through this node do not hear that a session has ended */
    KR_FAULT_FORWARD_ROOM_KEPT,    /* room for pieces is not given back by the node in between */
    KR_FAULT_THROUGH_UNSEALED,     /* records that go through a third node are not sealed */
    KR_FAULT_FORMER_ROOT_SIGNS,    /* what a root key signed that was replaced is taken whatever its council says of it */
    KR_FAULT_FORMER_ROOT_STAYS,    /* what it signed falsely stays where it is */
    KR_FAULT_PENDING_OPEN,         /* a link that nobody has confirmed is taken for one in force */
    KR_FAULT_COUNCIL_UNSHARED,     /* what is sealed does not enter the scope that a council's nodes share */
    KR_FAULT_INTERNAL_SHARED,      /* the council's own records go to its peers */
    KR_FAULT_SISTER_UNKNOWN,       /* what another node of the council took back, and a peer tells first, waits for an operator */
    KR_FAULT_ROOT_UNCONFIRMED,     /* a link whose council's root key was replaced is open before the operator has confirmed that */
    KR_FAULT_NEWCOMERS_GET_ALL,    /* policy does not ask since when a council is in */
    KR_FAULT_TREES_BY_NOW,         /* whose records belong to trees is who is a member now, not who ever was */
    KR_FAULT_MEMBERSHIP_BY_ARRIVAL, /* who goes with a voucher stays out, whoever else vouches, until all is worked out anew */
    KR_FAULT_QUARREL_BY_COUNT,      /* of those who expel each other it does not matter who was there first */
    KR_FAULT_FORMER_UNHEARD,        /* what a council takes back that is out of its community is announced to nobody */
    KR_FAULT_TURNED_AT_ONCE,        /* a new transport key is used as soon as it is on the card, whoever has heard of it */
    KR_FAULT_COUNT
};

extern uint32_t kr_fault_number; /* of the one that is on; 0 but in the simulator */

#ifdef KR_WITH_FAULTS
#define KR_FAULT(fault) (kr_fault_number == (uint32_t)(fault))
#else
#define KR_FAULT(fault) false
#endif

#endif
