/* Who may ask for what: operation × roles as one pure function. Everything that a client asks passes it, on whatever thread. Its
 * test enumerates all combinations. */
#ifndef KR_NODE_CORE_ROLES_H
#define KR_NODE_CORE_ROLES_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/record/person.h"

/* A person at one moment: its card's standing, its body's, and the dates between which it holds. */
enum kr_person_state {
    KR_PERSON_ACTIVE = 1,
    KR_PERSON_NOT_YET, /* from_s is still to come */
    KR_PERSON_OVER,    /* until_s has passed */
    KR_PERSON_SUSPENDED,
    KR_PERSON_REVOKED,
    KR_PERSON_BODY_SUSPENDED,
    KR_PERSON_BODY_LEFT,
};
/* `body_standing` 0: its body is not known, which counts as left. */
enum kr_person_state kr_person_state(const struct kr_person_card *card, uint32_t body_standing, uint64_t now_s);

/* The caller, reduced to what matters. */
struct kr_role_facts {
    bool has_people;  /* somebody is entered as a person here: from then on roles count */
    bool is_operator; /* the user that the node runs as, or root: has whatever the machine has, so admin always */
    bool is_person;
    bool is_afar;               /* came over the network, by a machine's key */
    bool has_ticket;            /* no person yet, but its machine shows a ticket that is still good */
    enum kr_person_state state; /* of the person */
    uint32_t roles;             /* likewise: its own, and those of whom it stands for */
};

enum kr_role_reason {
    KR_ROLE_ALLOW_OPERATOR = 1, /* nobody is entered yet: whoever runs the node does everything */
    KR_ROLE_ALLOW_ANYONE,       /* anybody who is known may ask that */
    KR_ROLE_ALLOW_ROLE,
    KR_ROLE_DENY_STRANGER,
    KR_ROLE_DENY_ROLE,
    KR_ROLE_DENY_NOT_YET,
    KR_ROLE_DENY_OVER,
    KR_ROLE_DENY_SUSPENDED,
    KR_ROLE_DENY_REVOKED,
    KR_ROLE_DENY_BODY_SUSPENDED,
    KR_ROLE_DENY_BODY_LEFT,
    KR_ROLE_DENY_TICKET, /* for whoever shows one that is still good */
    KR_ROLE_DENY_AFAR,   /* done on the node's own machine alone */
};
/* Pure and total. `op` is an enum kr_op; one that this version does not know is for admins. */
enum kr_role_reason kr_roles(uint32_t op, const struct kr_role_facts *facts);
bool kr_role_is_allowed(enum kr_role_reason reason);
/* What the client is told: an English sentence (msgid) that says what is missing and who gives it. */
const char *kr_role_text(enum kr_role_reason reason, uint32_t op);

/* The roles of which one is needed; 0: none. */
uint32_t kr_op_roles(uint32_t op);
/* Whether it changes something, or takes much out: such goes into the audit log. */
bool kr_op_is_act(uint32_t op);
/* Whether its entry there tells who submitted something: that is for the role intake (draft.h). */
bool kr_op_is_submitters(uint32_t op);

#endif
