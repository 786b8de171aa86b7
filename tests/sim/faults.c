/* The planted faults by their numbers: what they are called, and the first seed that catches each. */
#include "crypto/fault.h"

#include "tests/sim/plan.h"

#define ANY                                                                                                                        \
    {                                                                                                                              \
        .shape = SIM_SHAPE_COUNT                                                                                                   \
    }

#define KEYS                                                                                                                       \
    {                                                                                                                              \
        .shape = SIM_SHAPE_COUNT, .has_keys = true, .is_honest = true                                                              \
    }

#define ROOTS                                                                                                                      \
    {                                                                                                                              \
        .shape = SIM_SHAPE_COUNT, .has_roots = true, .is_honest = true                                                             \
    }

#define THROUGH                                                                                                                    \
    {                                                                                                                              \
        .shape = SIM_SHAPE_COUNT, .has_throughs = true, .is_honest = true                                                          \
    }

#define SISTERS                                                                                                                    \
    {                                                                                                                              \
        .shape = SIM_SHAPE_COUNT, .has_sisters = true, .is_honest = true                                                           \
    }

#define NEWCOMERS                                                                                                                  \
    {                                                                                                                              \
        .shape = SIM_SHAPE_COUNT, .has_newcomers = true, .is_honest = true                                                         \
    }

#define COMMUNITY                                                                                                                  \
    {                                                                                                                              \
        .shape = SIM_SHAPE_COUNT, .has_life = true, .is_honest = true                                                              \
    }

const struct sim_fault sim_faults[KR_FAULT_COUNT] = {
    [KR_FAULT_NONE] = {"none", "", 0, ANY},
    [KR_FAULT_EFFECT_BEFORE_COMMIT] = {"effect-before-commit", "effects of a batch whose commit failed are let out", 9, ANY},
    [KR_FAULT_SCOPE_UNCHECKED] = {"scope-unchecked", "an addressed record enters the pair scopes of all peers", 2, ANY},
    [KR_FAULT_POLICY_UNASKED] = {"policy-unasked", "nobody asks policy when a peer asks for a record, and when it is packed", 33,
                                 ANY},
    [KR_FAULT_OLDER_KEPT] = {"older-kept", "a replaced statement stays in the store", 1, ANY},
    [KR_FAULT_OLDER_IN_TREE] = {"older-in-tree", "a replaced statement stays in its trees", 1, ANY},
    [KR_FAULT_EXPIRED_DELETED] = {"expired-deleted", "an expired record is gone while its trees go on naming it", 1, ANY},
    [KR_FAULT_CREDIT_KEPT] = {"credit-kept", "room that has become free is not given back to the peer", 49, ANY},
    [KR_FAULT_TOKEN_FORGOTTEN] = {"token-forgotten", "a submission's token is not kept", 19, ANY},
    [KR_FAULT_CLOCK_TRUSTED] = {"clock-trusted", "what has expired by a clock that just jumped is deleted", 94, ANY},
    [KR_FAULT_SIGNATURE_UNCHECKED] = {"signature-unchecked", "a record's signature and hashes are not looked at", 33, ANY},
    [KR_FAULT_MARK_BEFORE_STORED] = {"mark-before-stored", "a mark moves when records are asked for, not when they are stored", 2,
                                     ANY},
    [KR_FAULT_CURSOR_PAST_UNSENT] = {"cursor-past-unsent", "the last id of a page is not asked for", 2, ANY},
    [KR_FAULT_WRONG_MARK_ADOPTED] = {"wrong-mark-adopted", "where sets are equal a mark gets the peer's hash and another count", 1,
                                     ANY},
    [KR_FAULT_NEVER_GRAFTED] = {"never-grafted", "what was only announced is never asked for", 8, ANY},
    [KR_FAULT_TAKEN_BACK_AT_HOME] = {"taken-back-at-home", "a retraction has effect at its author's node alone", 2, ANY},
    [KR_FAULT_GRAFTED_AGAIN] = {"grafted-again", "what a peer asks for over and over is sent to it as often, without a budget", 535,
                                ANY},
    [KR_FAULT_HEADER_TAKEN] = {"header-taken", "a header alone is taken from anybody", 131, ANY},
    [KR_FAULT_RESTORED_SIGNS] = {"restored-signs", "a node that went back to an older state signs at once", 30, ANY},
    [KR_FAULT_TAKEN_BACK_FORGOTTEN] =
        {"taken-back-forgotten", "what takes a record back has no effect where it comes late: after a crash, or an old backup", 2,
         ANY},
    [KR_FAULT_FALSE_IN_TREES] = {"false-in-trees", "what a stolen key signed stays in the trees of who had it before", 7, KEYS},
    [KR_FAULT_FALSE_NOT_UNDONE] = {"false-not-undone", "what a stolen key took back stays taken back", 12, KEYS},
    [KR_FAULT_PENDING_OPEN] = {"pending-open", "a link that nobody has confirmed is taken for one in force", 6, ANY},
    [KR_FAULT_FORMER_ROOT_SIGNS] = {"former-root-signs", "what a root key signed that was replaced is taken all the same", 1,
                                    ROOTS},
    [KR_FAULT_FORMER_ROOT_STAYS] = {"former-root-stays", "what it signed falsely stays where it is", 3, ROOTS},
    [KR_FAULT_COMMUNITIES_MIXED] = {"communities-mixed", "who is a member of one community counts as a member of all", 30, ANY},
    [KR_FAULT_FORWARD_UNTOLD] = {"forward-untold", "the ends of a link through a node do not hear that a session has ended", 22,
                                 THROUGH},
    [KR_FAULT_FORWARD_ROOM_KEPT] = {"forward-room-kept", "room for pieces is not given back by the node in between", 44, THROUGH},
    [KR_FAULT_THROUGH_UNSEALED] = {"through-unsealed", "records that go through a third node are not sealed", 9, THROUGH},
    [KR_FAULT_COUNCIL_UNSHARED] = {"council-unshared", "what is sealed does not enter the scope that a council's nodes share", 3,
                                   SISTERS},
    [KR_FAULT_INTERNAL_SHARED] = {"internal-shared", "the council's own records go to its peers", 1, SISTERS},
    [KR_FAULT_SISTER_UNKNOWN] = {"sister-unknown",
                                 "what another node of the council took back, and a peer tells first, waits for an operator", 5,
                                 SISTERS},
    [KR_FAULT_ROOT_UNCONFIRMED] = {"root-unconfirmed", "nobody waits for the word that a replaced root key is the right one", 4,
                                   ROOTS},
    [KR_FAULT_NEWCOMERS_GET_ALL] = {"newcomers-get-all", "policy does not ask since when a council is in", 1, NEWCOMERS},
    [KR_FAULT_TREES_BY_NOW] = {"trees-by-now", "whose records belong to trees is who is a member now, not who ever was", 8,
                               COMMUNITY},
    [KR_FAULT_MEMBERSHIP_BY_ARRIVAL] = {"membership-by-arrival",
                                        "who goes with a voucher stays out, whoever else vouches, until all is worked out anew", 32,
                                        COMMUNITY},
    [KR_FAULT_QUARREL_BY_COUNT] = {"quarrel-by-count", "of those who expel each other it does not matter who was there first", 146,
                                   COMMUNITY},
    [KR_FAULT_FORMER_UNHEARD] = {"former-unheard", "what a council takes back that is out of its community is announced to nobody",
                                 24, COMMUNITY},
    [KR_FAULT_TURNED_AT_ONCE] = {"turned-at-once",
                                 "a new transport key is used as soon as it is on the card, whoever has heard of it", 1, ANY},
};
