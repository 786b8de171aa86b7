/* TLP as a table, written by hand from the design ("TLP is a function"), against the function, for every combination of facts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "node/core/policy.h"

/* What the asking council is to the record. It can be several of these at once; then what any of them allows is allowed. */
enum relation { AUTHOR, ADDRESSED, MEMBER, RELAY, STRANGER, RELATION_COUNT };

/* Four letters: may hold, may have its people read, may export to its own defences, may give its people what only those named in it
 * open (s). */
static const char *const table[6][RELATION_COUNT] = {
    /*                       author   addressed  member  relay  stranger */
    [KR_TLP_NONE] = {"----", "----", "----", "----", "----"},         [KR_TLP_CLEAR] = {"hre-", "hre-", "hre-", "hre-", "hre-"},
    [KR_TLP_GREEN] = {"hre-", "----", "hre-", "----", "----"},        [KR_TLP_AMBER] = {"hre-", "hre-", "----", "h---", "----"},
    [KR_TLP_AMBER_STRICT] = {"h--s", "h--s", "----", "h---", "----"}, [KR_TLP_RED] = {"h--s", "h--s", "----", "----", "----"},
};

enum fact {
    IS_AUTHOR = 1,
    IS_ADDRESSED = 2,
    IS_MEMBER = 4,
    IS_RELAY = 8,
    IS_TRUSTED = 16,
    IS_EXPIRED = 32,
    IS_EXERCISE = 64,
    IS_RETRACTED = 128,
    IS_STATEMENT = 256,
    IS_CANDIDATE = 512,
    IS_INTERNAL = 1024,
    IS_PENDING = 2048,
    IS_FROM_BEFORE = 4096,
    IS_BODY_NOTICE = 8192,
    ALL_FACTS = 16384
};

static struct kr_policy_facts facts_of(uint32_t label, uint32_t bits)
{
    return (struct kr_policy_facts){
        .label = (enum kr_label)label,
        .is_author = bits & IS_AUTHOR,
        .is_addressed = bits & IS_ADDRESSED,
        .is_member = bits & IS_MEMBER,
        .is_relay_member = bits & IS_RELAY,
        .is_author_trusted = bits & IS_TRUSTED,
        .is_expired = bits & IS_EXPIRED,
        .is_exercise = bits & IS_EXERCISE,
        .is_retracted = bits & IS_RETRACTED,
        .is_statement = bits & IS_STATEMENT,
        .is_candidate = bits & IS_CANDIDATE,
        .is_internal = bits & IS_INTERNAL,
        .is_pending = bits & IS_PENDING,
        .is_from_before = bits & IS_FROM_BEFORE,
        .is_body_notice = bits & IS_BODY_NOTICE,
    };
}

static bool table_allows(uint32_t label, uint32_t bits, enum kr_policy_use use)
{
    /* Whose the record may be, the header may be. */
    const uint32_t letter = use == KR_POLICY_HEADER ? 0 : use == KR_POLICY_SEALED ? 3 : use - 1;
    bool allows = table[label][STRANGER][letter] != '-';
    for (uint32_t relation = AUTHOR; relation < STRANGER; relation++) {
        const bool is_too_new = relation == MEMBER && (bits & IS_FROM_BEFORE); /* to be a member as far as this record goes */
        allows = allows || (!is_too_new && (bits >> relation & 1) && table[label][relation][letter] != '-');
    }
    return allows;
}

static bool expected(uint32_t label, uint32_t bits, enum kr_policy_use use)
{
    if (label == KR_TLP_NONE || label > KR_TLP_RED) {
        return false;
    }
    if (bits &
        IS_INTERNAL) { /* the council's own people: kept by it, shown as no record, and nobody else's whatever else is true */
        return (bits & IS_AUTHOR) && (use == KR_POLICY_HOLD || use == KR_POLICY_HEADER);
    }
    if ((bits & IS_EXPIRED) && (use != KR_POLICY_HEADER || (bits & (IS_STATEMENT | IS_BODY_NOTICE)))) {
        return false; /* nothing is left but the header, and of a statement or a body's name not even that */
    }
    if ((bits & IS_BODY_NOTICE) && (label != KR_TLP_GREEN || use == KR_POLICY_EXPORT || use == KR_POLICY_SEALED)) {
        return false; /* the body agreed to a list within a community */
    }
    if (bits & IS_STATEMENT) { /* the directory: for those who take part in it; never exported */
        return use != KR_POLICY_EXPORT && use != KR_POLICY_SEALED && (bits & (IS_AUTHOR | IS_MEMBER | IS_CANDIDATE)) != 0;
    }
    if ((bits & IS_PENDING) && label != KR_TLP_CLEAR) {
        return false; /* nobody has found out yet who that is */
    }
    if (!(bits & (IS_AUTHOR | IS_TRUSTED))) {
        return false; /* quarantine */
    }
    if ((bits & IS_RETRACTED) && use != KR_POLICY_HOLD && use != KR_POLICY_HEADER) {
        return false;
    }
    if ((bits & IS_EXERCISE) && use == KR_POLICY_EXPORT) {
        return false;
    }
    return table_allows(label, bits, use);
}

static void every_combination_is_as_the_table_says(void **state)
{
    (void)state;
    uint32_t count = 0, allowed = 0;
    for (uint32_t label = 0; label < 8; label++) {
        for (uint32_t bits = 0; bits < ALL_FACTS; bits++) {
            for (uint32_t use = KR_POLICY_HOLD; use <= KR_POLICY_USE_MAX; use++) {
                struct kr_policy_facts facts = facts_of(label, bits);
                enum kr_policy_reason reason = kr_policy((enum kr_policy_use)use, &facts);
                if (kr_policy_is_allowed(reason) != expected(label, bits, (enum kr_policy_use)use)) {
                    fail_msg("label %u, facts %#x, use %u: %s", label, bits, use, kr_policy_reason_name(reason));
                }
                count++;
                allowed += kr_policy_is_allowed(reason);
            }
        }
    }
    assert_int_equal(count, 8 * ALL_FACTS * KR_POLICY_USE_MAX);
    assert_true(allowed > 1000 && allowed < count / 2);
}

/* Nobody may read or export what it may not hold, and nobody may do more with a stricter label. */
static void strictness_is_monotonous(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < ALL_FACTS; bits++) {
        for (uint32_t label = KR_TLP_CLEAR; label <= KR_TLP_RED; label++) {
            struct kr_policy_facts facts = facts_of(label, bits);
            bool holds = kr_policy_is_allowed(kr_policy(KR_POLICY_HOLD, &facts));
            bool reads = kr_policy_is_allowed(kr_policy(KR_POLICY_READ, &facts));
            bool exports = kr_policy_is_allowed(kr_policy(KR_POLICY_EXPORT, &facts));
            assert_true(holds || !reads);
            assert_true(reads || !exports);
            /* What its people read as it is, nobody has to open, and the other way round. */
            const bool gives = kr_policy_is_allowed(kr_policy(KR_POLICY_SEALED, &facts));
            assert_true((holds || !gives) && !(reads && gives));
            /* Before it expires who may have the header is who may have the record; afterwards as if it had not. */
            bool has_header = kr_policy_is_allowed(kr_policy(KR_POLICY_HEADER, &facts));
            struct kr_policy_facts before = facts_of(label, bits & ~(uint32_t)IS_EXPIRED);
            bool held = kr_policy_is_allowed(kr_policy(KR_POLICY_HOLD, &before));
            assert_int_equal(has_header,
                             held && !(facts.is_expired && (facts.is_statement || facts.is_body_notice) && !facts.is_internal));
        }
        for (uint32_t label = KR_TLP_AMBER; label < KR_TLP_RED; label++) {
            for (uint32_t use = KR_POLICY_HOLD; use <= KR_POLICY_USE_MAX; use++) {
                struct kr_policy_facts wide = facts_of(label, bits), strict = facts_of(label + 1, bits);
                const bool is_wider = use == KR_POLICY_SEALED && label < KR_TLP_AMBER_STRICT; /* read by all of them */
                assert_true(is_wider || kr_policy_is_allowed(kr_policy((enum kr_policy_use)use, &wide)) ||
                            !kr_policy_is_allowed(kr_policy((enum kr_policy_use)use, &strict)));
            }
        }
    }
}

static void each_reason_is_the_one_that_a_person_would_give(void **state)
{
    static const struct {
        uint32_t label, bits;
        enum kr_policy_use use;
        const char *reason;
    } cases[] = {
        {KR_TLP_NONE, IS_AUTHOR, KR_POLICY_HOLD, "deny-unlabelled"},
        {7, IS_AUTHOR, KR_POLICY_HOLD, "deny-unlabelled"},
        {KR_TLP_CLEAR, IS_TRUSTED, KR_POLICY_HOLD, "allow-anyone"},
        {KR_TLP_CLEAR, 0, KR_POLICY_HOLD, "deny-untrusted-author"},
        {KR_TLP_GREEN, IS_TRUSTED | IS_ADDRESSED, KR_POLICY_HOLD, "deny-not-member"},
        {KR_TLP_GREEN, IS_TRUSTED | IS_MEMBER, KR_POLICY_READ, "allow-member"},
        {KR_TLP_GREEN, IS_TRUSTED | IS_MEMBER | IS_FROM_BEFORE, KR_POLICY_HOLD, "deny-before"},
        {KR_TLP_GREEN, IS_TRUSTED | IS_MEMBER | IS_FROM_BEFORE | IS_EXPIRED, KR_POLICY_HEADER, "deny-before"},
        {KR_TLP_GREEN, IS_TRUSTED | IS_FROM_BEFORE, KR_POLICY_READ, "deny-not-member"},
        {KR_TLP_GREEN, IS_AUTHOR | IS_FROM_BEFORE, KR_POLICY_READ, "allow-author"},
        {KR_TLP_CLEAR, IS_TRUSTED | IS_FROM_BEFORE, KR_POLICY_READ, "allow-anyone"},
        {KR_TLP_AMBER, IS_TRUSTED | IS_MEMBER, KR_POLICY_HOLD, "deny-not-addressed"},
        {KR_TLP_AMBER, IS_TRUSTED | IS_ADDRESSED, KR_POLICY_READ, "allow-addressed"},
        {KR_TLP_AMBER, IS_TRUSTED | IS_RELAY, KR_POLICY_HOLD, "allow-relay"},
        {KR_TLP_AMBER, IS_TRUSTED | IS_RELAY, KR_POLICY_READ, "deny-ciphertext-only"},
        {KR_TLP_AMBER, IS_TRUSTED | IS_RELAY | IS_ADDRESSED, KR_POLICY_READ, "allow-addressed"},
        {KR_TLP_AMBER_STRICT, IS_TRUSTED | IS_ADDRESSED, KR_POLICY_READ, "deny-persons-only"},
        {KR_TLP_RED, IS_TRUSTED | IS_RELAY, KR_POLICY_HOLD, "deny-not-addressed"},
        {KR_TLP_RED, IS_TRUSTED | IS_ADDRESSED, KR_POLICY_SEALED, "allow-addressed"},
        {KR_TLP_AMBER_STRICT, IS_AUTHOR, KR_POLICY_SEALED, "allow-author"},
        {KR_TLP_AMBER_STRICT, IS_TRUSTED | IS_RELAY, KR_POLICY_SEALED, "deny-ciphertext-only"},
        {KR_TLP_RED, IS_TRUSTED | IS_ADDRESSED | IS_RETRACTED, KR_POLICY_SEALED, "deny-retracted"},
        {KR_TLP_AMBER, IS_TRUSTED | IS_ADDRESSED, KR_POLICY_SEALED, "deny-label"},
        {KR_TLP_RED, IS_AUTHOR, KR_POLICY_EXPORT, "deny-label"},
        {KR_TLP_GREEN, IS_AUTHOR | IS_EXERCISE, KR_POLICY_EXPORT, "deny-exercise"},
        {KR_TLP_CLEAR, IS_AUTHOR | IS_EXPIRED, KR_POLICY_HOLD, "deny-expired"},
        {KR_TLP_GREEN, IS_TRUSTED | IS_MEMBER | IS_EXPIRED, KR_POLICY_HEADER, "allow-member"},
        {KR_TLP_GREEN, IS_TRUSTED | IS_EXPIRED, KR_POLICY_HEADER, "deny-not-member"},
        {KR_TLP_CLEAR, IS_EXPIRED, KR_POLICY_HEADER, "deny-untrusted-author"},
        {KR_TLP_GREEN, IS_STATEMENT | IS_MEMBER | IS_EXPIRED, KR_POLICY_HEADER, "deny-expired"},
        {KR_TLP_CLEAR, IS_AUTHOR | IS_RETRACTED, KR_POLICY_READ, "deny-retracted"},
        {KR_TLP_GREEN, IS_STATEMENT | IS_CANDIDATE, KR_POLICY_HOLD, "allow-directory"},
        {KR_TLP_CLEAR, IS_STATEMENT | IS_TRUSTED, KR_POLICY_HOLD, "deny-not-member"},
        {KR_TLP_CLEAR, IS_STATEMENT | IS_MEMBER, KR_POLICY_EXPORT, "deny-label"},
        {KR_TLP_GREEN, IS_BODY_NOTICE | IS_TRUSTED | IS_MEMBER, KR_POLICY_READ, "allow-member"},
        {KR_TLP_GREEN, IS_BODY_NOTICE | IS_TRUSTED, KR_POLICY_HOLD, "deny-not-member"},
        {KR_TLP_GREEN, IS_BODY_NOTICE | IS_MEMBER, KR_POLICY_HOLD, "deny-untrusted-author"},
        {KR_TLP_GREEN, IS_BODY_NOTICE | IS_TRUSTED | IS_MEMBER, KR_POLICY_EXPORT, "deny-names"},
        {KR_TLP_GREEN, IS_BODY_NOTICE | IS_AUTHOR, KR_POLICY_EXPORT, "deny-names"},
        {KR_TLP_CLEAR, IS_BODY_NOTICE | IS_TRUSTED | IS_MEMBER, KR_POLICY_HOLD, "deny-names"},
        {KR_TLP_AMBER, IS_BODY_NOTICE | IS_TRUSTED | IS_ADDRESSED, KR_POLICY_HOLD, "deny-names"},
        {KR_TLP_GREEN, IS_BODY_NOTICE | IS_AUTHOR | IS_EXPIRED, KR_POLICY_HEADER, "deny-expired"},
        {KR_TLP_GREEN, IS_BODY_NOTICE | IS_INTERNAL | IS_TRUSTED | IS_MEMBER, KR_POLICY_HOLD, "deny-internal"},
        {KR_TLP_CLEAR, IS_INTERNAL | IS_TRUSTED, KR_POLICY_HOLD, "deny-internal"},
        {KR_TLP_AMBER_STRICT, IS_INTERNAL | IS_TRUSTED | IS_ADDRESSED, KR_POLICY_HOLD, "deny-internal"},
        {KR_TLP_AMBER_STRICT, IS_INTERNAL | IS_AUTHOR, KR_POLICY_HOLD, "allow-author"},
        {KR_TLP_AMBER_STRICT, IS_INTERNAL | IS_AUTHOR, KR_POLICY_READ, "deny-internal"},
        {KR_TLP_CLEAR, IS_INTERNAL | IS_AUTHOR, KR_POLICY_EXPORT, "deny-internal"},
        {KR_TLP_CLEAR, IS_PENDING | IS_TRUSTED, KR_POLICY_HOLD, "allow-anyone"},
        {KR_TLP_GREEN, IS_PENDING | IS_TRUSTED | IS_MEMBER, KR_POLICY_HOLD, "deny-pending"},
        {KR_TLP_GREEN, IS_PENDING | IS_TRUSTED, KR_POLICY_HOLD, "deny-not-member"},
        {KR_TLP_AMBER, IS_PENDING | IS_AUTHOR, KR_POLICY_HOLD, "deny-pending"},
        {KR_TLP_RED, IS_PENDING | IS_TRUSTED | IS_ADDRESSED, KR_POLICY_HEADER, "deny-pending"},
        {KR_TLP_GREEN, IS_PENDING | IS_STATEMENT | IS_CANDIDATE, KR_POLICY_HOLD, "allow-directory"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kr_policy_facts facts = facts_of(cases[i].label, cases[i].bits);
        assert_string_equal(kr_policy_reason_name(kr_policy(cases[i].use, &facts)), cases[i].reason);
    }
}

static void every_reason_has_a_name(void **state)
{
    (void)state;
    for (int reason = KR_POLICY_ALLOW_AUTHOR; reason <= KR_POLICY_DENY_BEFORE; reason++) {
        const char *name = kr_policy_reason_name((enum kr_policy_reason)reason);
        const char *start = kr_policy_is_allowed((enum kr_policy_reason)reason) ? "allow-" : "deny-";
        assert_int_equal(strncmp(name, start, strlen(start)), 0);
    }
    assert_string_equal(kr_policy_reason_name((enum kr_policy_reason)0), "unknown");
    assert_string_equal(kr_policy_reason_name((enum kr_policy_reason)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination_is_as_the_table_says),
        cmocka_unit_test(strictness_is_monotonous),
        cmocka_unit_test(each_reason_is_the_one_that_a_person_would_give),
        cmocka_unit_test(every_reason_has_a_name),
    };
    return cmocka_run_group_tests_name("core/policy", tests, NULL, NULL);
}
