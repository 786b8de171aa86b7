/* What submit, revise and import have in common of options: taken or refused before a node is asked. */
#include "kairan_test.h"

#include "tools/kairan/request.h"

static bool take(const struct kr_request_arguments *arguments, struct kr_submit *ret_request, uint32_t *ret_severity)
{
    static struct kr_app app; /* large */
    *ret_request = (struct kr_submit){.label = KR_TLP_NONE};
    *ret_severity = 77;
    return kr_request_take(&app, arguments, ret_request, ret_severity);
}

static void test_taken(void **state)
{
    (void)state;
    static struct kr_submit request;
    static struct kr_request_arguments arguments;
    uint32_t severity;
    assert_true(take(&arguments, &request, &severity)); /* nothing is said */
    assert_int_equal(request.label, KR_TLP_NONE);
    assert_int_equal(severity, 0);
    assert_int_equal(request.expires_s, 0);
    assert_int_equal(request.reason.len, 0);
    assert_false(request.is_forced);
    arguments = (struct kr_request_arguments){.label = "green",
                                              .severity = "high",
                                              .expires = "2100-01-02T03:04Z",
                                              .reason = "a sinkhole",
                                              .is_exercise = true,
                                              .is_forced = true};
    assert_true(take(&arguments, &request, &severity));
    assert_int_equal(request.label, KR_TLP_GREEN);
    assert_int_equal(severity, 3);
    assert_int_equal(request.expires_s, UINT64_C(4102542240));
    assert_int_equal(request.flags, KR_FLAG_EXERCISE);
    assert_true(request.is_forced);
    assert_int_equal(request.reason.len, 10);
    arguments = (struct kr_request_arguments){.label = "TLP:AMBER", .to = {.items = {"Kinki"}, .count = 1}};
    assert_true(take(&arguments, &request, &severity));
    arguments.label = NULL; /* the file may say it */
    assert_true(take(&arguments, &request, &severity));
}

static void test_refused(void **state)
{
    (void)state;
    static struct kr_submit request;
    static const struct kr_request_arguments refused[] = {
        {.label = "violet"},
        {.severity = "worse"},
        {.expires = "yesterday"},
        {.is_forced = true},
        {.is_forced = true, .reason = ""},
        {.label = "green", .to = {.items = {"Kinki"}, .count = 1}},
        {.label = "clear", .to = {.items = {"Kinki"}, .count = 1}},
    };
    uint32_t severity;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (take(&refused[i], &request, &severity)) {
            fail_msg("case %zu is taken", i);
        }
        assert_int_equal(severity, 77); /* untouched */
    }
}

/* AMBER without anybody to get it: no node is asked for names. */
static void test_audience(void **state)
{
    (void)state;
    static struct kr_app app;
    static struct kr_submit request;
    const struct kr_request_arguments arguments = {.label = "amber"};
    request = (struct kr_submit){.label = KR_TLP_AMBER};
    assert_false(kr_request_audience(&app, &arguments, &request));
    request.label = KR_TLP_CLEAR;
    assert_true(kr_request_audience(&app, &arguments, &request));
    assert_int_equal(request.audience_count, 0);
    assert_false(request.has_community);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_taken), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_audience)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
