/* A user's configuration of its own for each test ($XDG_CONFIG_HOME), removed with all that is below it. */
#ifndef KR_TEST_CONFIG_HOME_H
#define KR_TEST_CONFIG_HOME_H

#include "tests/unit/crypto/temp_dir.h"

#include <ftw.h>

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int setup(void **state)
{
    int failed = temp_dir_setup(state);
    const struct temp_dir *temp = failed == 0 ? *state : NULL;
    return failed == 0 ? setenv("XDG_CONFIG_HOME", temp->dir, 1) : failed;
}

static int forget(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    return where->level > 0 ? remove(path) : 0;
}

static int teardown(void **state)
{
    const struct temp_dir *temp = *state;
    (void)nftw(temp->dir, forget, 8, FTW_DEPTH | FTW_PHYS);
    return temp_dir_teardown(state);
}

#endif
