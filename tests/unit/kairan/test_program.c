/* The program as far as it needs no node: help, mistakes, and a node that is not there. */
#include "kairan_test.h"

#include <sys/wait.h>

#include <jansson.h>

#include "tools/kairan/tr.h"

/* Runs a shell line with both streams in one; the exit status. */
static int run(const char *arguments, char ret_out[static 16384])
{
    char line[1024];
    (void)snprintf(line, sizeof line, "LC_ALL=C %s %s 2>&1 </dev/null", KAIRAN, arguments);
    FILE *out = popen(line, "re");
    assert_non_null(out);
    ret_out[fread(ret_out, 1, 16383, out)] = 0;
    int status = pclose(out);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static char out[16384];

static void test_help(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "init",   "passphrase",  "invite",   "join",        "peers", "councils", "submit", "lookup",  "import", "export", "retract",
        "revise", "retractions", "sighting", "warninglist", "scan",  "ls",       "show",   "explain", "status", "watch",  "verify"};
    char line[64];
    assert_int_equal(run("--help", out), 0);
    assert_non_null(strstr(out, "Exit status:"));
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        (void)snprintf(line, sizeof line, "%s --help", commands[i]);
        assert_int_equal(run(line, out), 0);
        assert_non_null(strstr(out, "Usage: kairan"));
        assert_non_null(strstr(out, "Example"));
        (void)snprintf(line, sizeof line, "--lang ja %s --help", commands[i]);
        assert_int_equal(run(line, out), 0);
        assert_non_null(strstr(out, "使い方: kairan"));
        assert_non_null(strstr(out, "例: "));
    }
    assert_int_equal(run("--version", out), 0);
    assert_memory_equal(out, "kairan ", 7);
}

static void test_mistakes(void **state)
{
    (void)state;
    assert_int_equal(run("", out), 2);
    assert_int_equal(run("nonsense", out), 2);
    assert_non_null(strstr(out, "nonsense"));
    assert_int_equal(run("--lang fr ls", out), 2);
    assert_int_equal(run("ls --nonsense", out), 2);
    assert_int_equal(run("ls surplus", out), 2);
    assert_int_equal(run("ls --label violet", out), 2);
    assert_int_equal(run("show 12", out), 2);
    assert_int_equal(run("lookup", out), 2);
    assert_int_equal(run("lookup 'not a value'", out), 2);
    assert_int_equal(run("join kairan1nonsense", out), 2);
    assert_int_equal(run("--lang ja lookup --type cve CVE-x", out), 2); /* details from below are translated, too */
    assert_non_null(strstr(out, "CVE 番号は"));
    assert_int_equal(run("init", out), 2);
    assert_int_equal(run("ls \"$(printf '\\033[2J')\"", out), 2); /* also what a person typed is not written raw */
    assert_null(strchr(out, '\033'));
}

static void test_no_node(void **state)
{
    (void)state;
    json_t *object;
    assert_int_equal(run("--state /nonexistent ls", out), 2);
    assert_non_null(strstr(out, "kairand --state /nonexistent"));
    assert_int_equal(run("--state /nonexistent status --wait 0s", out), 2);
    assert_non_null(strstr(out, "kairand --state /nonexistent"));
    assert_int_equal(run("--lang ja --state /nonexistent ls", out), 2);
    assert_non_null(strstr(out, "ノード"));
    assert_int_equal(run("--state /nonexistent ls --json", out), 2);
    object = json_loads(out, 0, NULL);
    assert_non_null(object);
    assert_string_equal(json_string_value(json_object_get(object, "error")), "NOT_FOUND");
    json_decref(object);
}

/* All of this is refused before a node is asked. */
static void test_submit_refuses(void **state)
{
    (void)state;
    assert_int_equal(run("submit 'see hxxp://login[.]example.com/x' -y", out), 2);
    assert_non_null(strstr(out, "no label"));
    assert_int_equal(run("submit 'TLP:AMBER see hxxp://login[.]example.com/x' -y", out), 2);
    assert_non_null(strstr(out, "The text says TLP:AMBER"));
    assert_non_null(strstr(out, "--label amber"));
    assert_int_equal(run("--lang ja submit 'TLP:AMBER see hxxp://login[.]example.com/x' -y", out), 2);
    assert_non_null(strstr(out, "TLP:AMBER"));
    assert_int_equal(run("submit 'TLP:RED see hxxp://login[.]example.com/x' -y", out), 2);
    assert_non_null(strstr(out, "TLP:RED"));
    assert_int_equal(run("submit 'TLP:AMBER see hxxp://login[.]example.com/x' -y --label green", out), 2);
    assert_non_null(strstr(out, "wider"));
    assert_int_equal(run("submit 'nothing in it' -y --label green", out), 2);
    assert_non_null(strstr(out, "no indicators"));
    assert_int_equal(run("submit 'hxxp://login[.]example.com/x' -y --label green --force", out), 2);
    assert_non_null(strstr(out, "--reason"));
    assert_int_equal(run("submit 'hxxp://login[.]example.com/x' -y --label green --to Kinki", out), 2);
    assert_int_equal(run("submit 'hxxp://login[.]example.com/x' -y --label green --severity extreme", out), 2);
    assert_int_equal(run("submit 'hxxp://login[.]example.com/x' -y --label green --expires never", out), 2);
    assert_int_equal(run("submit - -y --label green", out), 2); /* standard input is empty */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_no_node),
        cmocka_unit_test(test_submit_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
