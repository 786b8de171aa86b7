#include "keeper_test.h"

#include "node/keeper/config.h"
#include "proto/indicator/indicator.h"

static enum kr_err read_text(void **state, const char *text, struct kr_config *ret_config, struct kr_error *error)
{
    const char *path = test_path(*state, "kairan.conf");
    test_write_file(path, text, 0600);
    return kr_config_read(path, ret_config, error);
}

static void check_refused(void **state, const char *text, const char *line, const char *what)
{
    struct kr_config config = {0};
    struct kr_error error = {0};
    assert_int_equal(read_text(state, text, &config, &error), KR_CONFIG);
    assert_null(config.guards); /* untouched */
    assert_non_null(strstr(error.text, line));
    assert_non_null(strstr(error.text, what));
}

static bool is_held_back(const struct kr_config *config, uint32_t type, const char *value)
{
    return kr_guards_check(config->guards, type, (struct kr_slice){(const uint8_t *)value, strlen(value)}) != NULL;
}

static void test_every_key_is_taken(void **state)
{
    struct kr_config config;
    struct kr_error error = {0};
    const char *text = "; a comment\n# another\n[node]\nlisten = tcp://127.0.0.1:7117\nendpoint = tcp://node.example.org:7117\n"
                       "log_level = debug\nworkers = 3\nsocket = /run/kairan/kairand.sock\n[approval]\nreport = green, "
                       "amber\nadvisory = all\n[audit]\nkeep_years = "
                       "7\n[guard]\nown_domains = kairan.jp, "
                       "haisl.example.net\nown_domains = misec.jp\n"
                       "own_networks = 203.0.113.0/24\nallow_documentation = no\n[link]\nvia = tcp://kinki.example.jp:7117  "
                       "tcp://127.0.0.1:17001\n"
                       "via = tcp://[2001:db8::1]:7117 tcp://localhost:17002\n";
    assert_int_equal(read_text(state, text, &config, &error), KR_OK);
    assert_string_equal(config.listen, "tcp://127.0.0.1:7117");
    assert_string_equal(config.endpoint, "tcp://node.example.org:7117");
    assert_int_equal(config.log_level, KR_LOG_DEBUG);
    assert_int_equal(config.workers, 3);
    assert_int_equal(config.audit_years, 7);
    assert_int_equal(config.approval.report_labels, 1u << KR_TLP_GREEN | 1u << KR_TLP_AMBER);
    assert_int_equal(config.approval.advisory_labels, 62); /* all five */
    assert_int_equal(config.approval.sighting_labels, 0);
    assert_string_equal(config.socket, "/run/kairan/kairand.sock");
    assert_true(is_held_back(&config, KR_INDICATOR_DOMAIN, "www.kairan.jp"));
    assert_true(is_held_back(&config, KR_INDICATOR_DOMAIN, "misec.jp"));
    assert_false(is_held_back(&config, KR_INDICATOR_DOMAIN, "kairan-login.jp"));
    assert_string_equal(kr_detours_find(config.ways, "tcp://Kinki.example.jp:7117"), "tcp://127.0.0.1:17001");
    assert_string_equal(kr_detours_find(config.ways, "tcp://[2001:db8::1]:7117"), "tcp://localhost:17002");
    assert_string_equal(kr_detours_find(config.ways, "tcp://kinki.example.jp:7118"), "tcp://kinki.example.jp:7118");
    kr_config_deinit(&config);
}

static void test_an_empty_file_gives_the_defaults(void **state)
{
    struct kr_config config;
    struct kr_error error = {0};
    assert_int_equal(read_text(state, "", &config, &error), KR_OK);
    assert_string_equal(config.listen, "");
    assert_string_equal(config.endpoint, "");
    assert_int_equal(config.log_level, KR_LOG_NOTICE);
    assert_int_equal(config.workers, 0);
    assert_string_equal(kr_detours_find(config.ways, "tcp://a:1"), "tcp://a:1");
    assert_int_equal(config.audit_years, 5);
    kr_config_deinit(&config);
}

static void test_mistakes_are_named_by_their_line(void **state)
{
    check_refused(state, "[node]\n\nlisten_on = x\n", "line 3", "listen_on");
    check_refused(state, "[node]\nlisten = tcp://*:1\n[gaurd]\nown_names = a\n", "line 4", "[gaurd]");
    check_refused(state, "listen = tcp://*:1\n", "line 1", "before any");
    check_refused(state, "[node]\nthis is nothing\nworkers = none\n", "line 2", "neither");
    check_refused(state, "[node]\nworkers = none\nthis is nothing\n", "line 2", "workers");
    check_refused(state, "[node]\nlog_level = loud\n", "line 2", "loud");
    check_refused(state, "[node]\nlog_level = info\nlog_level = info\n", "line 3", "twice");
    check_refused(state, "[node]\nworkers = 0\n", "line 2", "from 1 to");
    check_refused(state, "[node]\nworkers = 65\n", "line 2", "from 1 to");
    check_refused(state, "[node]\nworkers = 2x\n", "line 2", "2x");
    check_refused(state, "[node]\nendpoint = tcp://host:0\n", "line 2", "endpoint");
    check_refused(state, "[approval]\nreport = green, grey\n", "line 2", "grey");
    check_refused(state, "[approval]\nsighting = red\n", "line 2", "red");
    check_refused(state, "[audit]\nkeep_years = 31\n", "line 2", "from 1 to 30");
    check_refused(state, "[node]\nsocket = here\n", "line 2", "slash");
    check_refused(state, "[link]\nvia = tcp://kinki.example.jp:7117\n", "line 2", "where to dial");
    check_refused(state, "[link]\nvia = kinki:7117 tcp://127.0.0.1:1\n", "line 2", "tcp://");
    check_refused(state, "[link]\nvia = tcp://kinki:7117 127.0.0.1:1\n", "line 2", "tcp://");
    check_refused(state, "[link]\nvia = tcp://a:1 tcp://b:1\nvia = tcp://A:1 tcp://c:1\n", "line 3", "already");
    check_refused(state, "[guard]\nallow_documentation = perhaps\n", "line 2", "perhaps");
    check_refused(state, "[guard]\nown_networks = 203.0.113.0/33\n", "line 2", "own_networks");
}

static void test_a_line_that_would_be_cut_is_refused(void **state)
{
    char text[600] = "[guard]\nown_domains = ";
    for (size_t at = strlen(text); at < 500; at++) {
        text[at] = at % 10 == 9 ? ',' : 'a';
    }
    check_refused(state, text, "line 2", "too long");
}

static void test_a_missing_file_is_told_apart(void **state)
{
    struct kr_config config;
    struct kr_error error = {0};
    assert_int_equal(kr_config_read(test_path(*state, "none"), &config, &error), KR_NOT_FOUND);
}

static void test_addresses_to_listen_on(void **state)
{
    (void)state;
    const char *const good[] = {"tcp://127.0.0.1:0", "tcp://*:7117", "tcp://[::1]:7117", "tcp://0.0.0.0:65535"};
    const char *const bad[] = {"127.0.0.1:1",       "tcp://:1",   "tcp://localhost:1", "tcp://127.0.0.1",     "tcp://127.0.0.1:",
                               "tcp://*:65536",     "tcp://*:-1", "tcp://*:+1",        "tcp://::1:7117",      "tcp://[::1:7117",
                               "tcp://[1.2.3.4]:1", "tcp://*:1 ", "udp://*:1",         "tcp://127.0.0.256:1", ""};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(kr_listen_check(good[i], NULL), KR_OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(kr_listen_check(bad[i], NULL), KR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_key_is_taken, test_directory_make, test_directory_remove),
        cmocka_unit_test_setup_teardown(test_an_empty_file_gives_the_defaults, test_directory_make, test_directory_remove),
        cmocka_unit_test_setup_teardown(test_mistakes_are_named_by_their_line, test_directory_make, test_directory_remove),
        cmocka_unit_test_setup_teardown(test_a_line_that_would_be_cut_is_refused, test_directory_make, test_directory_remove),
        cmocka_unit_test_setup_teardown(test_a_missing_file_is_told_apart, test_directory_make, test_directory_remove),
        cmocka_unit_test(test_addresses_to_listen_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
