/* Making a node, as a power cut sees it: which names are durable when the next step begins. */
#include "keeper_test.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "node/keeper/keeper.h"

/* ---- calls that the linker finds here first ---- */

static char *calls; /* shared with the child that makes the node; NULL: not noted */
#define CALLS_BYTES 4096u

static void note(const char *call, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (calls != NULL) {
        size_t len = strlen(calls);
        (void)snprintf(calls + len, CALLS_BYTES - len, "%s %s\n", call, slash == NULL ? path : slash + 1);
    }
}

int fsync(int fd);
int rename(const char *from, const char *to);
void sync(void);

int fsync(int fd)
{
    char link[64], path[4096] = {0};
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (readlink(link, path, sizeof path - 1) > 0) {
        note("fsync", path);
    }
    return (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to)
{
    note("rename", to);
    return (int)syscall(SYS_rename, from, to);
}

void sync(void)
{
    note("sync", "all");
}

/* ---- */

static int make_node(const char *state)
{
    struct kr_place place;
    const struct kr_passphrase_source source = {.fd = -1};
    const struct kr_init init = {.name_en = {(const uint8_t *)"Kinki", 5}};
    return kr_place_init(&place, state, NULL, NULL) == KR_OK ? kr_keeper_init(&place, &source, &init) : -1;
}

static void each_name_is_durable_before_the_next_step(void **state)
{
    char path[4096];
    int status = 0;
    (void)snprintf(path, sizeof path, "%s/state", (const char *)*state);
    calls = mmap(NULL, CALLS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(calls != MAP_FAILED);
    (void)fflush(NULL);
    pid_t child = fork(); /* it makes itself undumpable */
    assert_true(child >= 0);
    if (child == 0) {
        _exit(make_node(path));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    const char *store = strstr(calls, "fsync store\n");
    assert_non_null(store);
    assert_non_null(strstr(calls, "fsync init.unfinished\n")); /* the keyring's name, as it was made */
    assert_true(strstr(calls, "fsync init.unfinished\n") < store);
    assert_string_equal(store, "fsync store\nrename store\nfsync state\nrename keyring\nsync all\n");
    (void)munmap(calls, CALLS_BYTES);
    calls = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_name_is_durable_before_the_next_step, test_directory_make, test_directory_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
