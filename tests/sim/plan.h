/* What happens in one run: the nodes, their links, and what is done when. Drawn from a seed, or read from a scenario; both print as
 * the same lines, so that whatever fails can be cut down, kept, and run again.
 *
 *   seed 7                       of all that is random within
 *   nodes 4
 *   links 0-1 1-2 2-3            or: chain, ring, star
 *   pending 0-1                  of these links: made by a ticket that came by mail, to be confirmed by both operators
 *   second 1 0 2                these nodes are in a second community, too, all linked with the first of them
 *   charter 2 2 [now]           of that, which has a life of its own: so many vouches and so large a quorum it takes there;
 *                                newcomers get what is GREEN from now on
 *   named 1-3 0-4               the second of each two, not of it yet, takes a ticket of the first for it, which makes a link, too
 *   sister 0                     the council of node 0 has one node more, number `nodes`; taken in before it begins
 *   newcomers 1                  so many of the nodes, the last ones, join when there are records already, which they do not get
 *   doubt                        nodes do not trust their clock for an hour after a start or a jump, as keeper has it
 *   at 10 submit 0 green as 1    TIME is in seconds, or with m, h, d behind it
 *   end 300                      everything is healed
 *   settle 180                   and so long later must have converged
 *
 * The verbs, `at TIME` before each:
 *
 *   submit NODE LABEL as RECORD [to NODE…] [second] [large] [lives TIME]      retract NODE RECORD
 *   noise [drop N] [duplicate N] [reorder N] [fail N] [crash N] [delay MS]          N in 1,000; from here on
 *   split NODE… [for TIME]         mute NODE NODE [for TIME]         cut NODE NODE [for TIME]
 *   slow NODE NODE BYTES [for TIME]                                  crash NODE [for TIME]
 *   backup NODE                    restore NODE [told]               clock NODE TIME | clock NODE -TIME
 *   through NODE NODE NODE [not]   the first and the last are linked through the one in between, which allows it, or no more
 *   renew NODE                     its council issues its card anew
 *   say NODE vouches|unvouches|expels|readmits NODE [second]     one council of another, in their community (k and quorum are 1
 *                                there); of itself: it leaves, comes back
 *   turn NODE HOW                  the node goes over to the other side: sim_turn_names
 *   confirm NODE NODE              the first one's operator confirms the link with the other, with the code as it is shown there
 *   rotate NODE                    new keys, on its council's card
 *   transport NODE                 its operator has its transport key replaced, and lists the new one on the card
 *   forge NODE NODE as RECORD [back TIME]     a thief with the first one's node key brings the other a report, dated back
 *   unsay NODE NODE RECORD         the same, a retraction of a record of the first one's
 *   revoke NODE                    its council revokes the stolen key
 *   lie NODE NODE                  a thief with the first one's root key brings the other a vouch or a card of its
 *   rekey NODE                     its council replaces its root key with its recovery key
 *   destroy NODE                   it is gone for good, where its council has another one
 *   body NODE                      its operator puts a body on the council's list
 *   heal                           ends all that; clocks are set right
 *   expect NODE has|lacks|hides RECORD                               expect same
 */
#ifndef KR_TESTS_SIM_PLAN_H
#define KR_TESTS_SIM_PLAN_H

#include <stdio.h>

#include "tests/sim/world.h"

enum sim_op_kind {
    SIM_OP_SUBMIT,
    SIM_OP_RETRACT,
    SIM_OP_NOISE,
    SIM_OP_SPLIT,
    SIM_OP_MUTE,
    SIM_OP_CUT,
    SIM_OP_SLOW,
    SIM_OP_CRASH,
    SIM_OP_BACKUP,
    SIM_OP_RESTORE,
    SIM_OP_CLOCK,
    SIM_OP_RENEW,
    SIM_OP_THROUGH,
    SIM_OP_SAY,
    SIM_OP_TURN,
    SIM_OP_ROTATE,
    SIM_OP_FORGE,
    SIM_OP_UNSAY,
    SIM_OP_REVOKE,
    SIM_OP_CONFIRM,
    SIM_OP_LIE,
    SIM_OP_REKEY,
    SIM_OP_DESTROY,
    SIM_OP_BODY,
    SIM_OP_TRANSPORT,
    SIM_OP_HEAL,
    SIM_OP_EXPECT,
    SIM_OP_COUNT
};

enum sim_expected { SIM_EXPECT_HAS, SIM_EXPECT_LACKS, SIM_EXPECT_HIDES, SIM_EXPECT_SAME };

struct sim_op {
    enum sim_op_kind kind;
    uint64_t at_ms, for_ms; /* from the plan's beginning; how long, 0: for good */
    uint32_t node, other;
    uint32_t record; /* as the plan names it */
    enum kr_label label;
    bool is_told;                /* restore: by `kairan restore`, which tells the node; else its files are put back by hand */
    bool is_large, is_in_second; /* say, too: in the second community */
    uint64_t back_ms;            /* forge: dated back by so much */
    uint64_t lives_ms;           /* 0: as long as its kind does */
    uint32_t number; /* through: 1 is allowed, 0 no more; slow: bytes a second; say: enum sim_word; turn: enum sim_turn; expect:
                        enum sim_expected */
    int64_t skew_ms;
    struct sim_faults noise;
    uint32_t *list; /* submit: audience; split: one side; through: the node in between. Owned */
    uint32_t list_count;
};

struct sim_plan {
    uint64_t seed;
    uint32_t node_count;
    struct sim_edges edges;
    uint32_t *second; /* NULL: there is one community. Owned */
    uint32_t second_count;
    bool has_life; /* in that, vouches and expulsions come and go: */
    struct sim_charter charter;
    bool has_sister; /* node number `node_count` is of the council of: */
    uint32_t sister_of;
    uint32_t newcomers;
    bool doubts_clocks;
    uint64_t end_ms, settle_ms;
    struct sim_op *ops; /* by time */
    uint32_t op_count, op_capacity;
};

enum sim_shape { SIM_CHAIN, SIM_RING, SIM_STAR, SIM_RANDOM, SIM_SHAPE_COUNT };
extern const char *const sim_shape_names[SIM_SHAPE_COUNT + 1];

/* What a seed may not decide. */
struct sim_bounds {
    uint32_t nodes, records; /* 0: the seed's choice */
    enum sim_shape shape;    /* SIM_SHAPE_COUNT: the seed's choice */
    uint32_t days;           /* 0: minutes; else the run lasts so many days */
    bool has_keys;           /* keys are replaced, stolen and revoked; nobody goes back to a backup, clocks are right */
    bool has_roots;          /* root keys are stolen and replaced; likewise */
    bool has_throughs;       /* nodes are linked through third ones */
    bool has_sisters;        /* one council has two nodes; nobody goes back to a backup, clocks are right */
    bool has_life;           /* a second community lets in, expels, is left; nobody goes over to the other side */
    bool has_newcomers;      /* some join late; nobody goes back to a backup, clocks are right */
    bool is_honest;          /* nobody goes over to the other side */
};

#define SIM_OLD_FROM 2000000u /* names of what was shared before newcomers joined: with the node's number added, its first one */

/* ---- draw.c ---- */
void sim_plan_draw(struct sim_plan *plan, uint64_t seed, const struct sim_bounds *bounds);
void sim_plan_add(struct sim_plan *plan, const struct sim_op *op); /* takes over op->list */
void sim_plan_copy(struct sim_plan *ret_plan, const struct sim_plan *plan);
void sim_plan_free(struct sim_plan *plan);
/* Takes out the op at this index. */
void sim_plan_drop(struct sim_plan *plan, uint32_t at);

/* Makes two communities one. */
void sim_plan_unite(struct sim_plan *plan);

/* ---- script.c ---- */
void sim_plan_print(const struct sim_plan *plan, FILE *file);
void sim_op_print(const struct sim_op *op, FILE *file);
/* `ret_why`: which line is wrong, and how. */
bool sim_plan_parse(struct sim_plan *ret_plan, const char *text, char *ret_why, size_t size);

/* ---- play.c ---- */
struct sim_result {
    enum sim_verdict verdict;
    char complaint[512];
    uint8_t hash[32];
    uint64_t simulated_ms, nodes_ms, events, frames, dropped, bytes, crashes, failed_commits, records, retractions;
    uint64_t minute_frames, minute_bytes; /* the most that an honest node sent over one link in a minute */
};
struct sim_listener {
    FILE *trace; /* everything; NULL: nothing */
    FILE *story; /* what the plan does and what becomes of its records */
};
/* Runs it in this process. */
void sim_play(const struct sim_plan *plan, const struct sim_listener *listener, struct sim_result *ret_result);
/* The same in a process of its own, so that one that dies is a verdict like another. */
void sim_play_apart(const struct sim_plan *plan, const struct sim_listener *listener, struct sim_result *ret_result);

/* ---- faults.c ---- */
struct sim_fault {
    const char *name, *what;
    uint64_t seed;            /* the first that catches it, of those from 1 on */
    struct sim_bounds bounds; /* of these plans */
};
/* By enum kr_fault. */
extern const struct sim_fault sim_faults[];

/* ---- minimise.c ---- */
/* Cuts the plan down as long as it fails in the same way, with at most `runs` tries. Returns how many it took. */
uint32_t sim_minimise(struct sim_plan *plan, enum sim_verdict verdict, uint32_t runs, bool (*is_over)(void));

#endif
