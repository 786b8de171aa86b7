/* Rosters: read in the charsets of spreadsheets, and what they come to against who is there. */
#include "kairan_test.h"

#include "tools/kairan/roster.h"

#define DAY       86400u
#define EFFECTIVE (1000u * DAY)

/* Sapporo with Sato (analyst), Suzuki (reader, known by mail) and Ito; Asahikawa with Tanaka; Otaru with Kato. */
static struct kr_body_entry bodies[3];
static struct kr_person_entry persons[5];
static struct kr_people people = {.bodies = bodies, .persons = persons, .body_count = 3, .person_count = 5};

static struct kr_slice slice_of(const char *text)
{
    return (struct kr_slice){(const uint8_t *)text, strlen(text)};
}

static void fill(void)
{
    static const char *const names[] = {"佐藤 花子", "鈴木", "伊藤", "田中", "加藤"}, *const mails[] = {"sato@a", "suzuki@a", "",
                                                                                                        "tanaka@b", ""};
    static const uint8_t of[] = {0, 0, 0, 1, 2};
    static const char *const body_names[] = {"札幌市", "旭川市", "小樽市"};
    for (uint32_t i = 0; i < 3; i++) {
        bodies[i] = (struct kr_body_entry){.id = {(uint8_t)(i + 1)},
                                           .card = {.name_ja = slice_of(body_names[i]), .standing = KR_STANDING_ACTIVE}};
    }
    bodies[0].card.name_en = slice_of("Sapporo");
    for (uint32_t i = 0; i < 5; i++) {
        persons[i] = (struct kr_person_entry){.id = {(uint8_t)(i + 1)},
                                              .state = KR_PERSON_STATE_ACTIVE,
                                              .card = {.body = {(uint8_t)(of[i] + 1)},
                                                       .name = slice_of(names[i]),
                                                       .mail = slice_of(mails[i]),
                                                       .roles = i == 0 ? KR_ROLE_ANALYST : KR_ROLE_READER,
                                                       .standing = KR_STANDING_ACTIVE}};
    }
}

static enum kr_err read_text(const char *bytes, size_t len, struct kr_roster *ret_roster, struct kr_error *error)
{
    struct kr_slice text = {(const uint8_t *)bytes, len};
    struct kr_import_source source;
    kr_import_source_memory(&source, "roster.csv", &text);
    *error = (struct kr_error){0};
    return kr_roster_read(&source, ret_roster, error);
}

static void refused(const char *text, const char *why)
{
    struct kr_roster roster = {.count = 77};
    struct kr_error error;
    assert_int_equal(read_text(text, strlen(text), &roster, &error), KR_INVALID);
    if (strstr(error.text, why) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error.text, why);
    }
    assert_int_equal(roster.count, 77);
}

static void a_roster_is_read(void **state)
{
    static const char text[] = "\xEF\xBB\xBF機関,氏名,メール,役割,委託,終了日\r\n"
                               "札幌市,佐藤　花子,sato@a,分析、承認,,\r\n\r\n"
                               "\"小樽市\", 高橋 ,,reader,○,2099-03-31\r\n";
    struct kr_roster roster;
    struct kr_error error;
    (void)state;
    assert_int_equal(read_text(text, sizeof text - 1, &roster, &error), KR_OK);
    assert_int_equal(roster.count, 2);
    assert_string_equal(roster.rows[0].name, "佐藤 花子"); /* the wide space is a space */
    assert_int_equal(roster.rows[0].roles, KR_ROLE_ANALYST | KR_ROLE_APPROVER);
    assert_string_equal(roster.rows[1].name, "高橋");
    assert_true(roster.rows[1].is_contractor && roster.rows[1].until_s > EFFECTIVE && !roster.rows[1].has_uid);
    kr_roster_deinit(&roster);
}

/* As spreadsheets in Japan save it: CP932, tabs. */
static void cp932_is_told(void **state)
{
    static const char text[] =
        "\x8b\x40\x8a\xd6\t\x8e\x81\x96\xbc\t\x96\xf0\x8a\x84\n\x8e\x44\x96\x79\x8e\x73\t\x8d\xb2\x93\xa1\t\x95\xaa\x90\xcd\n";
    struct kr_roster roster;
    struct kr_error error;
    (void)state;
    assert_int_equal(read_text(text, sizeof text - 1, &roster, &error), KR_OK);
    assert_int_equal(roster.count, 1);
    assert_string_equal(roster.rows[0].body, "札幌市");
    assert_string_equal(roster.rows[0].name, "佐藤");
    assert_int_equal(roster.rows[0].roles, KR_ROLE_ANALYST);
    kr_roster_deinit(&roster);
}

static void mistakes_are_named_by_their_line(void **state)
{
    (void)state;
    refused("organisation,who\na,b\n", "name the columns");
    refused("body,name\na,b\n,c\n", "line 3");
    refused("body,name,role\na,b,king\n", "line 2");
    refused("body,name,contractor\na,b,maybe\n", "yes or no");
    refused("body,name,contractor\na,b,yes\n", "last day");
    refused("body,name,until\na,b,soon\n", "2027-03-31");
    refused("body,name,user\na,b,no-such-user-here\n", "no such user");
}

static uint32_t count(const struct kr_roster_plan *plan, enum kr_roster_what what)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < plan->count; i++) {
        found += plan->steps[i].what == what;
    }
    return found;
}

static const struct kr_roster_step *find(const struct kr_roster_plan *plan, enum kr_roster_what what)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        if (plan->steps[i].what == what) {
            return &plan->steps[i];
        }
    }
    fail_msg("there is no such step");
    return NULL;
}

static void plan_of(const char *text, struct kr_roster *roster, struct kr_roster_plan *plan)
{
    struct kr_error error;
    assert_int_equal(read_text(text, strlen(text), roster, &error), KR_OK);
    assert_int_equal(kr_roster_plan(&people, roster, EFFECTIVE, plan, &error), KR_OK);
}

static void who_comes_moves_changes_and_leaves(void **state)
{
    struct kr_roster roster;
    struct kr_roster_plan plan;
    (void)state;
    fill();
    plan_of("body,name,mail,role\nSapporo,佐藤 "
            "花子,sato@a,analyst\n旭川市,鈴木,suzuki@a,\n旭川市,田中,tanaka@new,\n函館市,新人,,analyst\n",
            &roster, &plan);
    assert_int_equal(plan.same, 1);
    assert_int_equal(plan.steps[0].what, KR_ROSTER_BODY); /* bodies first */
    assert_string_equal(plan.steps[0].row->body, "函館市");
    assert_int_equal(count(&plan, KR_ROSTER_JOIN), 1);
    assert_string_equal(find(&plan, KR_ROSTER_JOIN)->row->name, "新人");
    assert_int_equal(count(&plan, KR_ROSTER_MOVE), 1);
    assert_int_equal(find(&plan, KR_ROSTER_MOVE)->person->id[0], 2); /* Suzuki, by mail */
    assert_int_equal(count(&plan, KR_ROSTER_CHANGE), 1);
    assert_int_equal(find(&plan, KR_ROSTER_CHANGE)->person->id[0], 4);
    assert_int_equal(count(&plan, KR_ROSTER_LEAVE), 1);
    assert_int_equal(find(&plan, KR_ROSTER_LEAVE)->person->id[0], 3); /* Ito; Kato's body is not in the roster */
    kr_roster_plan_deinit(&plan);
    kr_roster_deinit(&roster);
}

static void a_name_alone_moves_only_where_it_is_one(void **state)
{
    struct kr_roster roster;
    struct kr_roster_plan plan;
    (void)state;
    fill();
    plan_of("body,name\n札幌市,佐藤 花子\n札幌市,鈴木\n旭川市,伊藤\n旭川市,田中\n", &roster, &plan);
    assert_int_equal(count(&plan, KR_ROSTER_MOVE), 1);
    assert_int_equal(plan.count, 1);
    kr_roster_plan_deinit(&plan);
    kr_roster_deinit(&roster);
    persons[3].card.name = slice_of("伊藤"); /* another one of that name, who stays */
    plan_of("body,name\n札幌市,佐藤 花子\n札幌市,鈴木\n旭川市,伊藤\n小樽市,伊藤\n小樽市,加藤\n", &roster, &plan);
    assert_int_equal(count(&plan, KR_ROSTER_LEAVE), 0);
    assert_int_equal(count(&plan, KR_ROSTER_MOVE), 1);
    kr_roster_plan_deinit(&plan);
    kr_roster_deinit(&roster);
    /* Two of that name leave, one comes: which one it is nobody can tell. */
    plan_of("body,name\n札幌市,佐藤 花子\n札幌市,鈴木\n旭川市,別人\n小樽市,伊藤\n小樽市,加藤\n", &roster, &plan);
    assert_int_equal(count(&plan, KR_ROSTER_MOVE), 0);
    assert_int_equal(count(&plan, KR_ROSTER_LEAVE), 2);
    assert_int_equal(count(&plan, KR_ROSTER_JOIN), 2);
    kr_roster_plan_deinit(&plan);
    kr_roster_deinit(&roster);
}

static void other_roles_and_terms_begin_on_the_day(void **state)
{
    struct kr_roster roster;
    struct kr_roster_plan plan;
    (void)state;
    fill();
    plan_of("body,name,role,contractor,until\n小樽市,加藤,approver,,\n旭川市,田中,,yes,2099-01-01\n", &roster, &plan);
    assert_int_equal(count(&plan, KR_ROSTER_MOVE), 2);
    assert_int_equal(plan.count, 2);
    kr_roster_plan_deinit(&plan);
    kr_roster_deinit(&roster);
    /* Once it is done, it comes to nothing: the old card ends on the day, and the new one is there. */
    persons[4].card.until_s = EFFECTIVE;
    persons[2].card = persons[4].card;
    persons[2].card.roles = KR_ROLE_APPROVER;
    persons[2].card.from_s = EFFECTIVE;
    persons[2].card.until_s = 0;
    persons[2].state = 2; /* not yet */
    plan_of("body,name,role\n小樽市,加藤,approver\n", &roster, &plan);
    assert_int_equal(plan.count, 0);
    assert_int_equal(plan.same, 1);
    kr_roster_plan_deinit(&plan);
    kr_roster_deinit(&roster);
}

static void nobody_stands_in_it_twice(void **state)
{
    struct kr_roster roster;
    struct kr_roster_plan plan = {.count = 77};
    struct kr_error error;
    static const char text[] = "body,name\n札幌市,佐藤\n札幌市,佐藤\n";
    (void)state;
    fill();
    assert_int_equal(read_text(text, strlen(text), &roster, &error), KR_OK);
    assert_int_equal(kr_roster_plan(&people, &roster, EFFECTIVE, &plan, &error), KR_INVALID);
    assert_non_null(strstr(error.text, "lines 2 and 3"));
    assert_int_equal(plan.count, 77);
    kr_roster_deinit(&roster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_roster_is_read),
        cmocka_unit_test(cp932_is_told),
        cmocka_unit_test(mistakes_are_named_by_their_line),
        cmocka_unit_test(who_comes_moves_changes_and_leaves),
        cmocka_unit_test(a_name_alone_moves_only_where_it_is_one),
        cmocka_unit_test(other_roles_and_terms_begin_on_the_day),
        cmocka_unit_test(nobody_stands_in_it_twice),
    };
    return cmocka_run_group_tests_name("kairan/roster", tests, NULL, NULL);
}
