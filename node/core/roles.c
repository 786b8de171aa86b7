#include "node/core/roles.h"

#include <stddef.h>

#include "proto/client/client.h"

enum need {
    NEED_NOTHING,
    NEED_ANY_ROLE,
    NEED_WRITE,
    NEED_TAKE_BACK,
    NEED_APPROVE,
    NEED_SEE_DRAFTS,
    NEED_SEE_PEOPLE,
    NEED_AGREE,
    NEED_ADMIN
};

static const uint32_t roles_of[] = {
    [NEED_NOTHING] = 0,
    [NEED_ANY_ROLE] = KR_ROLES_ALL,
    [NEED_WRITE] = KR_ROLE_ANALYST | KR_ROLE_INTAKE,
    [NEED_TAKE_BACK] = KR_ROLE_ANALYST | KR_ROLE_INTAKE | KR_ROLE_APPROVER,
    [NEED_APPROVE] = KR_ROLE_APPROVER,
    [NEED_SEE_DRAFTS] = KR_ROLE_APPROVER | KR_ROLE_INTAKE,
    [NEED_SEE_PEOPLE] = KR_ROLE_ADMIN | KR_ROLE_APPROVER | KR_ROLE_INTAKE,
    [NEED_AGREE] = KR_ROLE_APPROVER | KR_ROLE_ADMIN,
    [NEED_ADMIN] = KR_ROLE_ADMIN,
};

static const char *const missing[] = {
    [NEED_NOTHING] = "",
    [NEED_ANY_ROLE] = "you have no role in this council: ask one of its admins for one",
    [NEED_WRITE] = "this is for the roles analyst and intake, and you have neither: an admin of your council gives them",
    [NEED_TAKE_BACK] =
        "this is for the roles analyst, intake and approver, and you have none of them: an admin of your council gives them",
    [NEED_APPROVE] = "this is for the role approver, which you do not have: an admin of your council gives it",
    [NEED_SEE_DRAFTS] = "this is for the roles approver and intake, and you have neither: an admin of your council gives them",
    [NEED_SEE_PEOPLE] =
        "this is for the roles admin, approver and intake, and you have none of them: an admin of your council gives them",
    [NEED_AGREE] = "this is for the roles approver and admin, and you have neither: an admin of your council gives them",
    [NEED_ADMIN] = "this is for the role admin, which you do not have: ask an admin of your council to do it",
};

static enum need need_of(uint32_t op)
{
    switch (op) {
    case KR_OP_WHOAMI:
        return NEED_NOTHING;
    case KR_OP_STATUS:
    case KR_OP_TRIAL: /* doctor is for everybody */
    case KR_OP_KEYS:  /* public ones; status shows what is wrong with them */
    case KR_OP_PEERS:
    case KR_OP_NODES:
    case KR_OP_COUNCILS:
    case KR_OP_LOOKUP:
    case KR_OP_LS:
    case KR_OP_SHOW:
    case KR_OP_EXPLAIN:
    case KR_OP_WATCH:
    case KR_OP_EXPORT:
    case KR_OP_SIGHTINGS:
    case KR_OP_RETRACTIONS:
    case KR_OP_COMMUNITIES:
    case KR_OP_COMMUNITY:
    case KR_OP_COMMUNITY_WHY:
    case KR_OP_DRAFT: /* one's own, for whoever is not an approver */
    case KR_OP_MINE:
    case KR_OP_ADDRESSEES:
    case KR_OP_SEALED:
    case KR_OP_BODY_KEYS: /* these three: of one's own body, and of oneself */
    case KR_OP_BODY_KEY:
    case KR_OP_PERSON_KEY:
    case KR_OP_DUTY: /* whom to call is for all */
    case KR_OP_TOLD_BODIES:
        return NEED_ANY_ROLE;
    case KR_OP_PREVIEW:
    case KR_OP_SUBMIT:
    case KR_OP_REVISE:
    case KR_OP_SIGHT:
    case KR_OP_DRAFT_CONSENT:
    case KR_OP_DRAFT_WITHDRAW:
        return NEED_WRITE;
    case KR_OP_RETRACT: /* what was sent before anybody approved it is taken back by who reviews it */
        return NEED_TAKE_BACK;
    case KR_OP_DRAFTS:
        return NEED_SEE_DRAFTS;
    case KR_OP_DUTY_ACT:
        return NEED_AGREE;
    case KR_OP_DRAFT_WHO:
    case KR_OP_DRAFT_REVIEWED:
    case KR_OP_DRAFT_APPROVE:
    case KR_OP_DRAFT_REJECT:
    case KR_OP_DRAFT_EDIT:
        return NEED_APPROVE;
    case KR_OP_BODIES:
    case KR_OP_PERSONS:
        return NEED_SEE_PEOPLE;
    default:
        return NEED_ADMIN;
    }
}

uint32_t kr_op_roles(uint32_t op)
{
    return roles_of[need_of(op)];
}

bool kr_op_is_act(uint32_t op)
{
    switch (op) {
    case KR_OP_STATUS:
    case KR_OP_TRIAL:
    case KR_OP_KEYS:
    case KR_OP_PEERS:
    case KR_OP_NODES:
    case KR_OP_COUNCILS:
    case KR_OP_PREVIEW:
    case KR_OP_LOOKUP:
    case KR_OP_LS:
    case KR_OP_SHOW:
    case KR_OP_EXPLAIN:
    case KR_OP_WATCH:
    case KR_OP_VERIFY:
    case KR_OP_SIGHTINGS:
    case KR_OP_RETRACTIONS:
    case KR_OP_COMMUNITIES:
    case KR_OP_COMMUNITY:
    case KR_OP_COMMUNITY_WHY:
    case KR_OP_ALARMS:
    case KR_OP_BLOCKED:
    case KR_OP_FORWARDS:
    case KR_OP_QUARANTINE:
    case KR_OP_BODIES:
    case KR_OP_PERSONS:
    case KR_OP_WHOAMI:
    case KR_OP_AUDIT:
    case KR_OP_AUDIT_VERIFY:
    case KR_OP_DRAFTS:
    case KR_OP_DRAFT:
    case KR_OP_MINE:
    case KR_OP_ADDRESSEES:
    case KR_OP_SEALED: /* looking up needs it: what comes of it stays at the client */
    case KR_OP_BODY_KEYS:
    case KR_OP_DUTY:
    case KR_OP_TOLD_BODIES:
        return false;
    default:
        return true;
    }
}

bool kr_op_is_submitters(uint32_t op)
{
    switch (op) {
    case KR_OP_SUBMIT:
    case KR_OP_REVISE:
    case KR_OP_SIGHT:
    case KR_OP_RETRACT:
    case KR_OP_DRAFT_CONSENT:
    case KR_OP_DRAFT_WITHDRAW:
        return true;
    default:
        return false;
    }
}

static const struct {
    enum kr_role_reason reason;
    const char *text;
} states[] = {
    [KR_PERSON_ACTIVE] = {KR_ROLE_ALLOW_ROLE, ""},
    [KR_PERSON_NOT_YET] = {KR_ROLE_DENY_NOT_YET, "your time in this council has not begun: `kairan whoami` says when it does"},
    [KR_PERSON_OVER] = {KR_ROLE_DENY_OVER, "your time in this council is over: an admin of it can extend it"},
    [KR_PERSON_SUSPENDED] = {KR_ROLE_DENY_SUSPENDED, "you are suspended in this council: ask one of its admins"},
    [KR_PERSON_REVOKED] = {KR_ROLE_DENY_REVOKED, "you are no person of this council any more: ask one of its admins"},
    [KR_PERSON_BODY_SUSPENDED] = {KR_ROLE_DENY_BODY_SUSPENDED, "your body is suspended in this council: ask one of its admins"},
    [KR_PERSON_BODY_LEFT] = {KR_ROLE_DENY_BODY_LEFT, "your body has left this council"},
};
#define STATES (sizeof states / sizeof states[0])

enum kr_person_state kr_person_state(const struct kr_person_card *card, uint32_t body_standing, uint64_t now_s)
{
    if (card->standing == KR_STANDING_ENDED) {
        return KR_PERSON_REVOKED;
    }
    if (body_standing != KR_STANDING_ACTIVE) {
        return body_standing == KR_STANDING_SUSPENDED ? KR_PERSON_BODY_SUSPENDED : KR_PERSON_BODY_LEFT;
    }
    if (card->standing == KR_STANDING_SUSPENDED) {
        return KR_PERSON_SUSPENDED;
    }
    if (card->until_s != 0 && card->until_s <= now_s) {
        return KR_PERSON_OVER;
    }
    return card->from_s > now_s ? KR_PERSON_NOT_YET : KR_PERSON_ACTIVE;
}

enum kr_role_reason kr_roles(uint32_t op, const struct kr_role_facts *facts)
{
    const enum need need = need_of(op);
    if (op == KR_OP_ENROL && facts->has_ticket) {
        return KR_ROLE_ALLOW_ANYONE;
    }
    if (!facts->is_operator && (!facts->has_people || !facts->is_person)) {
        return KR_ROLE_DENY_STRANGER;
    }
    if (!facts->has_people) {
        return KR_ROLE_ALLOW_OPERATOR;
    }
    if (op == KR_OP_ENROL) {
        return KR_ROLE_DENY_TICKET;
    }
    if (facts->is_afar && (op == KR_OP_COPY_KEY || op == KR_OP_FORGET_KEY)) {
        return KR_ROLE_DENY_AFAR;
    }
    if (need == NEED_NOTHING) {
        return KR_ROLE_ALLOW_ANYONE;
    }
    const bool is_active = facts->is_person && facts->state == KR_PERSON_ACTIVE;
    const uint32_t roles = (is_active ? facts->roles : 0) | (facts->is_operator ? KR_ROLE_ADMIN : 0);
    if ((roles & roles_of[need]) != 0) {
        return KR_ROLE_ALLOW_ROLE;
    }
    return facts->is_person && !is_active ? states[facts->state].reason : KR_ROLE_DENY_ROLE;
}

bool kr_role_is_allowed(enum kr_role_reason reason)
{
    return reason >= KR_ROLE_ALLOW_OPERATOR && reason <= KR_ROLE_ALLOW_ROLE;
}

const char *kr_role_text(enum kr_role_reason reason, uint32_t op)
{
    if (reason == KR_ROLE_DENY_ROLE) {
        return missing[need_of(op)];
    }
    for (size_t i = KR_PERSON_ACTIVE; i < STATES; i++) {
        if (states[i].reason == reason) {
            return states[i].text;
        }
    }
    if (reason == KR_ROLE_DENY_TICKET) {
        return "only a ticket that is still good enrols a machine: an admin makes one with `kairan person enrol`";
    }
    if (reason == KR_ROLE_DENY_AFAR) {
        return "the council's root and recovery keys leave the node on its own machine alone: log in there";
    }
    return reason == KR_ROLE_DENY_STRANGER
               ? "no person of this council is known by your user: an admin of it can change that with `kairan person bind`"
               : "";
}
