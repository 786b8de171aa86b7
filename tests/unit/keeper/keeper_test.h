/* What the tests of this folder share: cmocka with its prerequisites, and a directory that is gone afterwards. */
#ifndef KR_TEST_KEEPER_H
#define KR_TEST_KEEPER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/err.h"

static inline int test_remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

/* cmocka setup and teardown: *state is the path of a fresh directory. */
static inline int test_directory_make(void **state)
{
    const char *base = getenv("TMPDIR");
    char *path = NULL;
    if (asprintf(&path, "%s/kairan-test.XXXXXX", base != NULL ? base : "/tmp") < 0 || mkdtemp(path) == NULL) {
        free(path);
        return -1;
    }
    *state = path;
    return 0;
}

static inline int test_directory_remove(void **state)
{
    int failed = nftw(*state, test_remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return failed;
}

static inline const char *test_path(const char *directory, const char *name)
{
    static char path[4096];
    int len = snprintf(path, sizeof path, "%s/%s", directory, name);
    assert_true(len > 0 && (size_t)len < sizeof path);
    return path;
}

static inline void test_write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

#endif
