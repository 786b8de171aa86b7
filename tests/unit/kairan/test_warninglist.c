/* MISP's warning lists into the node's folder: what becomes of each entry, and what is no list. */
#include "kairan_test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tools/kairan/kairan.h"

static char folder[] = "/tmp/kr-warninglist-XXXXXX";
static struct kr_app app;

static int run(const char *verb, const char *argument)
{
    char name[] = "warninglist", verb_text[32], argument_text[256];
    char *argv[] = {name, verb_text, argument_text, NULL};
    (void)snprintf(verb_text, sizeof verb_text, "%s", verb);
    (void)snprintf(argument_text, sizeof argument_text, "%s", argument != NULL ? argument : "");
    app.state = folder;
    app.is_json = true;
    return kr_run_warninglist(&app, argument != NULL ? 3 : 2, argv);
}

static int add(const char *json)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/in.json", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(json, file) >= 0);
    assert_int_equal(fclose(file), 0);
    const int status = run("add", path);
    assert_int_equal(unlink(path), 0);
    return status;
}

static void check_list(const char *name, const char *expected)
{
    char path[300], text[4096] = "";
    (void)snprintf(path, sizeof path, "%s/warninglists/%s.list", folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    assert_int_equal(fclose(file), 0);
    assert_string_equal(text, expected);
    assert_int_equal(run("remove", name), KR_EXIT_DONE);
    assert_int_equal(access(path, F_OK), -1);
}

static void test_kinds(void **state)
{
    (void)state;
    assert_int_equal(run("ls", NULL), KR_EXIT_NONE);
    assert_int_equal(
        add("{\"name\":\"Google: DNS!\",\"description\":\"two\\nlines\",\"type\":\"cidr\",\"list\":[\"8.8.8.0/24\",\"no\",7]}"),
        KR_EXIT_DONE);
    assert_int_equal(run("ls", NULL), KR_EXIT_DONE);
    check_list("google-dns", "kairan warning list 2\ntwo\nall\nc 8.8.8.0/24\n");
    assert_int_equal(add("{\"name\":\"h\",\"type\":\"hostname\",\"list\":[\".a.jp\",\"no "
                         "host\",\"9.9.9.9\"],\"matching_attributes\":[\"hostname\","
                         "\"url\",\"ip-dst\",\"domain|ip\"]}"),
                     KR_EXIT_DONE);
    check_list("h", "kairan warning list 2\nh\nipv4 ipv6 domain url \nh .a.jp\nh 9.9.9.9\n");
    assert_int_equal(
        add("{\"name\":\"s\",\"list\":{\"key\":1,\"other\\nkey\":2},\"matching_attributes\":[\"md5\",\"filename|sha1\",\"jarm\"]}"),
        KR_EXIT_DONE);
    check_list("s", "kairan warning list 2\ns\nmd5 sha1 filename other \ns key\n");
    assert_int_equal(add("{\"name\":\"r\",\"type\":\"regex\",\"list\":[\"/^a/i\",\"(\",\"b+\"],\"matching_attributes\":[]}"),
                     KR_EXIT_DONE);
    check_list("r", "kairan warning list 2\nr\nall\nr /^a/i\nr b+\n");
    assert_int_equal(add("{\"name\":\"u\",\"type\":\"substring\",\"list\":[\"part\"]}"), KR_EXIT_DONE);
    check_list("u", "kairan warning list 2\nu\nall\nu part\n");
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "",
        "{",
        "[]",
        "{\"name\":\"x\",\"type\":\"cidr\"}",
        "{\"type\":\"cidr\",\"list\":[]}",
        "{\"name\":\"x\",\"type\":\"fuzzy\",\"list\":[\"a\"]}",
        "{\"name\":\"x\",\"type\":\"cidr\",\"list\":[\"no\"]}",
        "{\"name\":\"...\",\"type\":\"string\",\"list\":[\"a\"]}",
        "{\"name\":\"x\",\"name\":\"y\",\"list\":[\"a\"]}",
    };
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        if (add(documents[i]) != KR_EXIT_ERROR) {
            fail_msg("taken: %s", documents[i]);
        }
    }
    assert_int_equal(run("remove", "../keyring"), KR_EXIT_ERROR);
    assert_int_equal(run("remove", "nothing"), KR_EXIT_ERROR);
    assert_int_equal(run("add", NULL), KR_EXIT_ERROR);
    assert_int_equal(run("nonsense", "x"), KR_EXIT_ERROR);
    assert_int_equal(run("ls", NULL), KR_EXIT_NONE); /* nothing half is left */
}

int main(void)
{
    char path[300];
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kinds), cmocka_unit_test(test_refused)};
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)snprintf(path, sizeof path, "%s/warninglists", folder);
    (void)rmdir(path);
    (void)rmdir(folder);
    return failed;
}
