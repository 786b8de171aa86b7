/* The import command as far as it needs no node: a dry run, and mistakes. (With one: tests/e2e/import.py.) */
#include "kairan_test.h"

#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/kr-import-XXXXXX", out[65536];

static void write_file(const char *name, const char *text)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* In the folder, without a node; both streams in `out`; the exit status. */
static int run(const char *arguments)
{
    char line[1024];
    (void)snprintf(line, sizeof line, "cd %s && LC_ALL=C %s --state %s/none import %s 2>&1 </dev/null", folder, KAIRAN, folder,
                   arguments);
    FILE *pipe = popen(line, "re");
    assert_non_null(pipe);
    out[fread(out, 1, sizeof out - 1, pipe)] = 0;
    const int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void check(const char *arguments, int status, const char *says)
{
    if (run(arguments) != status || strstr(out, says) == NULL) {
        fail_msg("import %s does not end with %d and say \"%s\", but: %s", arguments, status, says, out);
    }
}

static void test_dry_run(void **state)
{
    (void)state;
    write_file("a.csv", "type,value\nip,203.0.113.7\ndomain,zz\ndomain,bad.kairan.jp\ndomain,bad.kairan.jp\n");
    check("a.csv -n --label clear", 0, "a.csv:3: not taken");
    assert_non_null(strstr(out, "indicators 2, there twice 1, not taken 1"));
    check("--json a.csv -n --label clear", 0, "\"event\":\"file\"");
    assert_non_null(strstr(out, "\"types\":{\"ipv4\":1,\"domain\":1}"));
    assert_non_null(strstr(out, "\"sent\":false"));
    check("a.csv nowhere.csv -n --label clear", 2, "nowhere.csv: No such file"); /* the other is read all the same */
    assert_non_null(strstr(out, "indicators 2"));
    check("--format text a.csv -n --label clear", 0, "a.csv (text)");
    check("--map value=1 --format csv a.csv -n --label clear", 1, "nothing in it");
}

static void test_mistakes(void **state)
{
    (void)state;
    write_file("b.txt", "bad.kairan.jp\n");
    write_file("empty.txt", "no words\n");
    check("-n", 2, "FILE");
    check("b.txt --label clear", 2, "-y");
    check("b.txt --label violet -n", 2, "violet");
    check("b.txt --format colour -n", 2, "colour");
    check("b.txt --origin-id 7 -n", 2, "--origin");
    check("b.txt empty.txt --origin X --origin-id 7 -n", 2, "one file");
    check("b.txt --force -n", 2, "--reason");
    check("b.txt --label clear --to Kinki -n", 2, "--to");
    check("b.txt --nonsense -n", 2, "nonsense");
    check("b.txt --label clear -y", 2, "kairand");
    check("empty.txt --label clear -n", 1, "nothing in it");
    check("- --label clear -n", 1, "nothing in it");
    check("/ --label clear -n", 2, "folder");
    check("file://elsewhere/x --label clear -n", 2, "file://");
}

int main(void)
{
    static const char *const names[] = {"a.csv", "b.txt", "empty.txt"};
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dry_run), cmocka_unit_test(test_mistakes)};
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[300];
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
    return failed;
}
