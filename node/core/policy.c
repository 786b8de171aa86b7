#include "node/core/policy.h"

#include <stddef.h>

/* Order matters: reasons up to the last ALLOW_… allow. */
static const char *const reasons[] = {
    [KR_POLICY_ALLOW_AUTHOR] = "allow-author",
    [KR_POLICY_ALLOW_ADDRESSED] = "allow-addressed",
    [KR_POLICY_ALLOW_MEMBER] = "allow-member",
    [KR_POLICY_ALLOW_ANYONE] = "allow-anyone",
    [KR_POLICY_ALLOW_RELAY] = "allow-relay",
    [KR_POLICY_ALLOW_DIRECTORY] = "allow-directory",
    [KR_POLICY_DENY_NOT_ADDRESSED] = "deny-not-addressed",
    [KR_POLICY_DENY_NOT_MEMBER] = "deny-not-member",
    [KR_POLICY_DENY_CIPHERTEXT_ONLY] = "deny-ciphertext-only",
    [KR_POLICY_DENY_PERSONS_ONLY] = "deny-persons-only",
    [KR_POLICY_DENY_LABEL] = "deny-label",
    [KR_POLICY_DENY_EXERCISE] = "deny-exercise",
    [KR_POLICY_DENY_EXPIRED] = "deny-expired",
    [KR_POLICY_DENY_RETRACTED] = "deny-retracted",
    [KR_POLICY_DENY_UNTRUSTED_AUTHOR] = "deny-untrusted-author",
    [KR_POLICY_DENY_UNLABELLED] = "deny-unlabelled",
    [KR_POLICY_DENY_PENDING] = "deny-pending",
    [KR_POLICY_DENY_INTERNAL] = "deny-internal",
    [KR_POLICY_DENY_NAMES] = "deny-names",
    [KR_POLICY_DENY_BEFORE] = "deny-before",
};

bool kr_policy_is_allowed(enum kr_policy_reason reason)
{
    return reason >= KR_POLICY_ALLOW_AUTHOR && reason <= KR_POLICY_ALLOW_DIRECTORY;
}

const char *kr_policy_reason_name(enum kr_policy_reason reason)
{
    bool is_known = reason > 0 && (size_t)reason < sizeof reasons / sizeof reasons[0];
    return is_known ? reasons[reason] : "unknown";
}

static bool is_sealed(enum kr_label label)
{
    return label == KR_TLP_AMBER || label == KR_TLP_AMBER_STRICT || label == KR_TLP_RED;
}

/* Who may keep the bytes, by relation alone. */
static enum kr_policy_reason holder(const struct kr_policy_facts *facts)
{
    if (facts->is_author) {
        return KR_POLICY_ALLOW_AUTHOR;
    }
    switch (facts->label) {
    case KR_TLP_CLEAR:
        return KR_POLICY_ALLOW_ANYONE;
    case KR_TLP_GREEN:
        return !facts->is_member       ? KR_POLICY_DENY_NOT_MEMBER
               : facts->is_from_before ? KR_POLICY_DENY_BEFORE
                                       : KR_POLICY_ALLOW_MEMBER;
    default:
        if (facts->is_addressed) {
            return KR_POLICY_ALLOW_ADDRESSED;
        }
        /* RED travels to the councils of the named persons alone, whatever a header says. */
        return facts->is_relay_member && facts->label != KR_TLP_RED ? KR_POLICY_ALLOW_RELAY : KR_POLICY_DENY_NOT_ADDRESSED;
    }
}

/* Statements follow their directory, whatever their label. */
static enum kr_policy_reason directory(const struct kr_policy_facts *facts)
{
    if (facts->is_author) {
        return KR_POLICY_ALLOW_AUTHOR;
    }
    return facts->is_member || facts->is_candidate ? KR_POLICY_ALLOW_DIRECTORY : KR_POLICY_DENY_NOT_MEMBER;
}

/* What a council may do with what it may hold. */
static enum kr_policy_reason use_of_held(enum kr_policy_use use, const struct kr_policy_facts *facts, enum kr_policy_reason held)
{
    if (facts->is_retracted) {
        return KR_POLICY_DENY_RETRACTED;
    }
    if (use == KR_POLICY_EXPORT && facts->label == KR_TLP_RED) {
        return KR_POLICY_DENY_LABEL;
    }
    if (use == KR_POLICY_EXPORT && facts->is_exercise) {
        return KR_POLICY_DENY_EXERCISE;
    }
    if (held == KR_POLICY_ALLOW_RELAY) {
        return KR_POLICY_DENY_CIPHERTEXT_ONLY;
    }
    const bool is_for_persons = kr_label_is_for_people(facts->label);
    if (use == KR_POLICY_SEALED) {
        return is_for_persons ? held : KR_POLICY_DENY_LABEL; /* others have no inner section */
    }
    return is_for_persons ? KR_POLICY_DENY_PERSONS_ONLY : held;
}

enum kr_policy_reason kr_policy(enum kr_policy_use use, const struct kr_policy_facts *facts)
{
    bool is_labelled = facts->label == KR_TLP_CLEAR || facts->label == KR_TLP_GREEN || is_sealed(facts->label);
    if (!is_labelled) {
        return KR_POLICY_DENY_UNLABELLED;
    }
    if (facts->is_internal) {
        const bool may_hold = facts->is_author && (use == KR_POLICY_HOLD || use == KR_POLICY_HEADER);
        return may_hold ? KR_POLICY_ALLOW_AUTHOR : KR_POLICY_DENY_INTERNAL;
    }
    if (facts->is_expired && (use != KR_POLICY_HEADER || facts->is_statement || facts->is_body_notice)) {
        return KR_POLICY_DENY_EXPIRED;
    }
    if (facts->is_body_notice && (facts->label != KR_TLP_GREEN || use == KR_POLICY_EXPORT || use == KR_POLICY_SEALED)) {
        return KR_POLICY_DENY_NAMES;
    }
    if (facts->is_statement) {
        /* The directory is no intelligence: it is held and read, and leaves Kairan with nobody. */
        enum kr_policy_reason reason = directory(facts);
        const bool is_other_use = use == KR_POLICY_EXPORT || use == KR_POLICY_SEALED;
        return kr_policy_is_allowed(reason) && is_other_use ? KR_POLICY_DENY_LABEL : reason;
    }
    enum kr_policy_reason held = holder(facts);
    if (!kr_policy_is_allowed(held)) {
        return held;
    }
    if (facts->is_pending && facts->label != KR_TLP_CLEAR) {
        return KR_POLICY_DENY_PENDING;
    }
    if (!facts->is_author && !facts->is_author_trusted) {
        return KR_POLICY_DENY_UNTRUSTED_AUTHOR;
    }
    return use == KR_POLICY_HOLD || use == KR_POLICY_HEADER ? held : use_of_held(use, facts, held);
}
