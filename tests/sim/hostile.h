/* Members that mean ill, with real keys and real sessions: they keep the protocol's form, and say what serves them. */
#ifndef KR_TESTS_SIM_HOSTILE_H
#define KR_TESTS_SIM_HOSTILE_H

#include "tests/sim/world.h"

enum sim_turn {
    SIM_TURN_WITHHOLD, /* takes everything, passes nothing on */
    SIM_TURN_REPLAY,   /* repeats frames that it has sent, and records that it holds */
    SIM_TURN_FLOOD,    /* floods with records: without room given, of unknown authors, torn */
    SIM_TURN_LIE,      /* digests, counts, marks, cursors, ids that are not so */
    SIM_TURN_JUNK,     /* messages of every kind with anything in them */
    SIM_TURN_CENSOR,   /* passes records on without their bodies */
    SIM_TURN_FORGE,    /* takes back what others wrote: unsigned, with its own key, of nothing */
    SIM_TURN_COUNT
};
extern const char *const sim_turn_names[SIM_TURN_COUNT];

/* Before a batch of such a node: notes where its sessions stand. */
void sim_hostile_note(struct sim_world *world, struct sim_node *node);
/* After it, before anything is let out: what its core has sealed is opened, changed, left out or added to, and sealed anew. */
void sim_hostile_turn(struct sim_world *world, struct sim_node *node, struct kr_effects *effects);
void sim_hostile_free(struct sim_node *node);

#endif
