/* Who may ask for what, written by hand as a table, against the function, for every operation, every set of roles, every state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "node/core/roles.h"
#include "proto/client/client.h"

/* Letters: the roles (reader, aNalyst, approVer, intaKe, aDmin) of which one is needed; "*": nobody needs one. What is not listed
 * is for admins: also what no version knows yet. */
static const struct {
    uint32_t op;
    const char *roles;
} table[] = {
    {KR_OP_STATUS, "rnvkd"},    {KR_OP_KEYS, "rnvkd"},        {KR_OP_PEERS, "rnvkd"},       {KR_OP_COUNCILS, "rnvkd"},
    {KR_OP_PREVIEW, "nk"},      {KR_OP_SUBMIT, "nk"},         {KR_OP_LOOKUP, "rnvkd"},      {KR_OP_LS, "rnvkd"},
    {KR_OP_SHOW, "rnvkd"},      {KR_OP_EXPLAIN, "rnvkd"},     {KR_OP_WATCH, "rnvkd"},       {KR_OP_RETRACT, "nvk"},
    {KR_OP_REVISE, "nk"},       {KR_OP_RETRACTIONS, "rnvkd"}, {KR_OP_EXPORT, "rnvkd"},      {KR_OP_SIGHT, "nk"},
    {KR_OP_SIGHTINGS, "rnvkd"}, {KR_OP_COMMUNITIES, "rnvkd"}, {KR_OP_COMMUNITY, "rnvkd"},   {KR_OP_COMMUNITY_WHY, "rnvkd"},
    {KR_OP_BODIES, "vkd"},      {KR_OP_PERSONS, "vkd"},       {KR_OP_WHOAMI, "*"},          {KR_OP_DRAFTS, "vk"},
    {KR_OP_DRAFT, "rnvkd"},     {KR_OP_MINE, "rnvkd"},        {KR_OP_DRAFT_APPROVE, "v"},   {KR_OP_DRAFT_REJECT, "v"},
    {KR_OP_DRAFT_EDIT, "v"},    {KR_OP_DRAFT_CONSENT, "nk"},  {KR_OP_DRAFT_WITHDRAW, "nk"}, {KR_OP_ADDRESSEES, "rnvkd"},
    {KR_OP_SEALED, "rnvkd"},    {KR_OP_BODY_KEYS, "rnvkd"},   {KR_OP_BODY_KEY, "rnvkd"},    {KR_OP_PERSON_KEY, "rnvkd"},
    {KR_OP_DRAFT_WHO, "v"},     {KR_OP_DRAFT_REVIEWED, "v"},  {KR_OP_DUTY_ACT, "vd"},       {KR_OP_DUTY, "rnvkd"},
    {KR_OP_ENROL, ""},          {KR_OP_TRIAL, "rnvkd"},       {KR_OP_NODES, "rnvkd"},       {KR_OP_TOLD_BODIES, "rnvkd"},
};
#define OPS 96u

static const char *wanted(uint32_t op)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].op == op) {
            return table[i].roles;
        }
    }
    return "d";
}

static bool table_allows(uint32_t op, uint32_t roles)
{
    static const char letters[] = "rnvkd";
    bool allows = wanted(op)[0] == '*';
    for (uint32_t i = 0; i < KR_ROLES_COUNT; i++) {
        allows = allows || ((roles >> i & 1) != 0 && strchr(wanted(op), letters[i]) != NULL);
    }
    return allows;
}

static void nobody_entered(uint32_t op, struct kr_role_facts facts)
{
    facts.has_people = false;
    const enum kr_role_reason reason = kr_roles(op, &facts);
    assert_int_equal(reason, facts.is_operator ? KR_ROLE_ALLOW_OPERATOR : KR_ROLE_DENY_STRANGER);
}

static void every_combination_is_as_the_table_says(void **state)
{
    uint32_t allowed = 0, denied = 0;
    (void)state;
    for (uint32_t op = 0; op < OPS; op++) {
        for (uint32_t roles = 0; roles <= KR_ROLES_ALL; roles++) {
            for (uint32_t person = 0; person <= KR_PERSON_BODY_LEFT; person++) {
                for (uint32_t is_operator = 0; is_operator < 2; is_operator++) {
                    const struct kr_role_facts facts = {.has_people = true,
                                                        .is_operator = is_operator,
                                                        .is_person = person != 0,
                                                        .state = (enum kr_person_state)person,
                                                        .roles = roles};
                    const bool is_known = is_operator || facts.is_person;
                    const uint32_t counts = (person == KR_PERSON_ACTIVE ? roles : 0) | (is_operator ? KR_ROLE_ADMIN : 0);
                    const enum kr_role_reason reason = kr_roles(op, &facts);
                    const bool is_allowed = kr_role_is_allowed(reason);
                    if (is_allowed != (is_known && table_allows(op, counts))) {
                        fail_msg("op %u, roles %#x, person %u, operator %u: reason %d", op, roles, person, is_operator, reason);
                    }
                    assert_int_equal(strlen(kr_role_text(reason, op)) > 20, !is_allowed);
                    allowed += is_allowed;
                    denied += !is_allowed;
                    nobody_entered(op, facts);
                }
            }
        }
    }
    assert_int_equal(allowed + denied, OPS * 32 * 8 * 2);
    assert_true(allowed > 5000 && denied > 5000);
}

/* A ticket is good for one thing, whatever else is true; a machine afar never gets at the council's own keys. */
static void who_comes_from_afar(void **state)
{
    (void)state;
    for (uint32_t op = 0; op < OPS; op++) {
        const struct kr_role_facts ticket = {.has_people = true, .is_afar = true, .has_ticket = true};
        assert_int_equal(kr_roles(op, &ticket), op == KR_OP_ENROL ? KR_ROLE_ALLOW_ANYONE : KR_ROLE_DENY_STRANGER);
        struct kr_role_facts admin = {
            .has_people = true, .is_person = true, .state = KR_PERSON_ACTIVE, .roles = KR_ROLES_ALL, .is_afar = true};
        const enum kr_role_reason afar = kr_roles(op, &admin);
        admin.is_afar = false;
        const bool is_kept = op == KR_OP_COPY_KEY || op == KR_OP_FORGET_KEY;
        assert_int_equal(afar, is_kept ? KR_ROLE_DENY_AFAR : kr_roles(op, &admin));
        assert_true(strlen(kr_role_text(afar, op)) > 20 || kr_role_is_allowed(afar));
        assert_int_equal(kr_role_is_allowed(kr_roles(op, &admin)), op != KR_OP_ENROL);
    }
}

static void the_reason_is_the_one_that_helps(void **state)
{
    struct kr_role_facts facts = {.has_people = true, .is_person = true, .state = KR_PERSON_ACTIVE, .roles = KR_ROLE_READER};
    (void)state;
    assert_int_equal(kr_roles(KR_OP_SUBMIT, &facts), KR_ROLE_DENY_ROLE);
    assert_non_null(strstr(kr_role_text(KR_ROLE_DENY_ROLE, KR_OP_SUBMIT), "analyst"));
    assert_non_null(strstr(kr_role_text(KR_ROLE_DENY_ROLE, KR_OP_INVITE), "admin"));
    facts.roles = 0;
    assert_non_null(strstr(kr_role_text(kr_roles(KR_OP_LS, &facts), KR_OP_LS), "no role"));
    for (uint32_t person = KR_PERSON_NOT_YET; person <= KR_PERSON_BODY_LEFT; person++) {
        facts.state = (enum kr_person_state)person;
        facts.roles = KR_ROLES_ALL;
        const enum kr_role_reason reason = kr_roles(KR_OP_LS, &facts);
        assert_int_equal(reason, KR_ROLE_DENY_NOT_YET + (int)person - KR_PERSON_NOT_YET);
        assert_true(kr_role_is_allowed(kr_roles(KR_OP_WHOAMI, &facts))); /* whoever is known learns why */
    }
    facts.is_person = false;
    assert_int_equal(kr_roles(KR_OP_WHOAMI, &facts), KR_ROLE_DENY_STRANGER);
}

static void a_person_is_what_cards_and_dates_make_it(void **state)
{
    static const struct {
        uint32_t standing, body;
        uint64_t from_s, until_s;
        enum kr_person_state state;
    } cases[] = {
        {KR_STANDING_ACTIVE, KR_STANDING_ACTIVE, 0, 0, KR_PERSON_ACTIVE},
        {KR_STANDING_ACTIVE, KR_STANDING_ACTIVE, 100, 0, KR_PERSON_ACTIVE},
        {KR_STANDING_ACTIVE, KR_STANDING_ACTIVE, 101, 0, KR_PERSON_NOT_YET},
        {KR_STANDING_ACTIVE, KR_STANDING_ACTIVE, 0, 101, KR_PERSON_ACTIVE},
        {KR_STANDING_ACTIVE, KR_STANDING_ACTIVE, 0, 100, KR_PERSON_OVER},
        {KR_STANDING_SUSPENDED, KR_STANDING_ACTIVE, 0, 0, KR_PERSON_SUSPENDED},
        {KR_STANDING_SUSPENDED, KR_STANDING_SUSPENDED, 0, 0, KR_PERSON_BODY_SUSPENDED},
        {KR_STANDING_ACTIVE, KR_STANDING_ENDED, 0, 0, KR_PERSON_BODY_LEFT},
        {KR_STANDING_ACTIVE, 0, 0, 0, KR_PERSON_BODY_LEFT},
        {KR_STANDING_ENDED, KR_STANDING_ACTIVE, 0, 0, KR_PERSON_REVOKED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct kr_person_card card = {.standing = cases[i].standing, .from_s = cases[i].from_s, .until_s = cases[i].until_s};
        assert_int_equal(kr_person_state(&card, cases[i].body, 100), cases[i].state);
    }
}

/* What only looks is no act; what is not known yet is one. */
static void acts_are_told_from_looking(void **state)
{
    (void)state;
    assert_false(kr_op_is_act(KR_OP_LOOKUP) || kr_op_is_act(KR_OP_PREVIEW) || kr_op_is_act(KR_OP_WHOAMI));
    assert_true(kr_op_is_act(KR_OP_SUBMIT) && kr_op_is_act(KR_OP_PERSON) && kr_op_is_act(KR_OP_EXPORT) && kr_op_is_act(OPS));
    for (uint32_t op = 0; op < OPS; op++) {
        assert_true(kr_op_is_act(op) || kr_op_roles(op) != KR_ROLE_ADMIN || op == KR_OP_VERIFY || op == KR_OP_ALARMS ||
                    op == KR_OP_BLOCKED || op == KR_OP_FORWARDS || op == KR_OP_QUARANTINE || op == KR_OP_AUDIT ||
                    op == KR_OP_AUDIT_VERIFY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination_is_as_the_table_says),
        cmocka_unit_test(who_comes_from_afar),
        cmocka_unit_test(the_reason_is_the_one_that_helps),
        cmocka_unit_test(a_person_is_what_cards_and_dates_make_it),
        cmocka_unit_test(acts_are_told_from_looking),
    };
    return cmocka_run_group_tests_name("core/roles", tests, NULL, NULL);
}
