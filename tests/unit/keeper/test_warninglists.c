/* Warning lists of the state directory: good ones guard, whatever else lies beside them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/keeper/warninglists.h"
#include "proto/indicator/indicator.h"

static char state_directory[] = "/tmp/kr-warninglists-XXXXXX";

static void write_list(const char *name, const char *text)
{
    char path[200];
    (void)snprintf(path, sizeof path, "%s/warninglists/%s", state_directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static const char *find(const struct kr_listed *listed, uint32_t type, const char *text)
{
    struct kr_indicator indicator;
    assert_int_equal(kr_indicator_parse(type, text, strlen(text), &indicator, NULL), KR_OK);
    return kr_listed_find(listed, type, (struct kr_slice){indicator.value, indicator.len});
}

static void test_lists(void **state)
{
    (void)state;
    struct kr_listed *listed = NULL;
    char path[200], *huge = malloc(9001);
    assert_non_null(huge);
    assert_int_equal(kr_warninglists_read(state_directory, &listed), KR_OK);
    assert_null(listed); /* there is no folder */
    (void)snprintf(path, sizeof path, "%s/warninglists", state_directory);
    assert_int_equal(mkdir(path, 0700), 0);
    write_list("good.list",
               "kairan warning list 2\nof ours\nall\nh a.good.jp\nx what\nc no network\n\nc 45.1.0.0/16\nr /^x.*y$/\nr (\n");
    write_list("old.list", "kairan warning list 1\nd\nh f.good.jp\n");
    write_list("other.list", "something else\nd\nh b.good.jp\n");
    write_list("empty.list", "");
    write_list("notes.txt", "kairan warning list 2\nd\ndomain\nh c.good.jp\n");
    write_list(".hidden.list", "kairan warning list 2\nd\ndomain\nh d.good.jp\n");
    memset(huge, 'a', 9000);
    huge[9000] = 0;
    memcpy(huge, "kairan warning list 2\nd\ndomain\ns ", 33);
    memcpy(huge + 8980, "\nh e.good.jp\n", 13);
    huge[8993] = 0;
    write_list("huge.list", huge);
    assert_int_equal(kr_warninglists_read(state_directory, &listed), KR_OK);
    assert_non_null(listed);
    assert_string_equal(find(listed, KR_INDICATOR_DOMAIN, "x.a.good.jp"), "good");
    assert_string_equal(find(listed, KR_INDICATOR_IPV4, "45.1.2.3"), "good");
    assert_string_equal(find(listed, KR_INDICATOR_DOMAIN, "e.good.jp"), "huge");
    assert_string_equal(find(listed, KR_INDICATOR_OTHER, "x to y"), "good");
    assert_null(find(listed, KR_INDICATOR_URL, "http://e.good.jp/")); /* that list is for names alone */
    assert_null(find(listed, KR_INDICATOR_DOMAIN, "f.good.jp"));
    assert_null(find(listed, KR_INDICATOR_DOMAIN, "b.good.jp"));
    assert_null(find(listed, KR_INDICATOR_DOMAIN, "c.good.jp"));
    assert_null(find(listed, KR_INDICATOR_DOMAIN, "d.good.jp"));
    kr_listed_free(listed);
    static const char *const names[] = {"good.list", "old.list",     "other.list", "empty.list",
                                        "notes.txt", ".hidden.list", "huge.list"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/warninglists/%s", state_directory, names[i]);
        assert_int_equal(unlink(path), 0);
    }
    (void)snprintf(path, sizeof path, "%s/warninglists", state_directory);
    assert_int_equal(rmdir(path), 0);
    free(huge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lists)};
    if (mkdtemp(state_directory) == NULL) {
        return 1;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)rmdir(state_directory);
    return failed;
}
