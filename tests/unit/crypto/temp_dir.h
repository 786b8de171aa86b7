/* A directory of its own for each test, removed with what is in it. */
#ifndef KR_TEST_TEMP_DIR_H
#define KR_TEST_TEMP_DIR_H

#include "crypto_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct temp_dir {
    char dir[200], path[256]; /* `path`: the file under test */
};

static inline int temp_dir_setup(void **state)
{
    struct temp_dir *temp = calloc(1, sizeof *temp);
    const char *base = getenv("TMPDIR");
    if (temp == NULL) {
        return -1;
    }
    (void)snprintf(temp->dir, sizeof temp->dir, "%s/kairan-test-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(temp->dir) == NULL) {
        free(temp);
        return -1;
    }
    (void)snprintf(temp->path, sizeof temp->path, "%s/secrets", temp->dir);
    *state = temp;
    return 0;
}

/* Removes the files and says how many there were. */
static inline int temp_dir_empty(const struct temp_dir *temp)
{
    int count = 0;
    DIR *dir = opendir(temp->dir);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            assert_int_equal(unlinkat(dirfd(dir), entry->d_name, 0), 0);
            count++;
        }
    }
    (void)closedir(dir);
    return count;
}

static inline int temp_dir_teardown(void **state)
{
    struct temp_dir *temp = *state;
    (void)temp_dir_empty(temp);
    int failed = rmdir(temp->dir);
    free(temp);
    return failed;
}

/* Plain writing and reading, as an attacker or a broken disk would. */
static inline void put_file(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    assert_int_equal(close(fd), 0);
}

static inline size_t get_file(const char *path, void *ret_bytes, size_t max)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t len = read(fd, ret_bytes, max);
    assert_true(len >= 0);
    assert_int_equal(close(fd), 0);
    return (size_t)len;
}

#endif
