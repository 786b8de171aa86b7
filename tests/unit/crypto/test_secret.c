#include "crypto_test.h"

#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static void init_can_be_repeated(void **state)
{
    (void)state;
    assert_int_equal(kr_crypto_init(), KR_OK);
    assert_int_equal(kr_crypto_init(), KR_OK);
}

static void memory_is_zeroed_aligned_and_writable(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 32, 4096, 10000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        void *secret = NULL;
        assert_int_equal(kr_secret_new(sizes[i], &secret, NULL), KR_OK);
        assert_true(sodium_is_zero(secret, sizes[i]));
        assert_int_equal((uintptr_t)secret % (sizes[i] % 16 == 0 ? 16 : 1), 0);
        memset(secret, 0xff, sizes[i]);
        kr_secret_free(secret);
    }
    kr_secret_free(NULL);
}

/* Whether the kernel says that the page at `address` is locked ("lo" among the flags of its mapping). */
static bool is_locked(const void *address)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    assert_non_null(maps);
    char line[512];
    bool inside = false, locked = false;
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from = 0, to = 0;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
            inside = (uintptr_t)address >= from && (uintptr_t)address < to;
        } else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
            locked = strstr(line, " lo") != NULL;
        }
    }
    (void)fclose(maps);
    return locked;
}

static void memory_is_locked(void **state)
{
    (void)state;
    void *secret = NULL, *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(page != MAP_FAILED);
    bool can_tell = mlock(page, 4096) == 0 && is_locked(page);
    assert_int_equal(munmap(page, 4096), 0);
    if (!can_tell) {
        print_message("skipped: locking is switched off here (a sanitizer does that), or cannot be seen\n");
        skip();
    }
    assert_int_equal(kr_secret_new(100, &secret, NULL), KR_OK);
    assert_true(is_locked(secret));
    kr_secret_free(secret);
}

enum { AS_EXPECTED = 0, WRONG_CODE, WRONG_ADVICE, TOUCHED, CANNOT_TEST };

/* A user who may lock nothing: no capability, and a limit of zero. */
static int lock_without_permission(void *arg)
{
    (void)arg;
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    const struct rlimit zero = {0};
    static uint8_t page[8192];
    if (syscall(SYS_capset, &header, none) != 0 || setrlimit(RLIMIT_MEMLOCK, &zero) != 0 || mlock(page, sizeof page) == 0) {
        return CANNOT_TEST;
    }
    int marker = 0;
    void *secret = &marker;
    struct kr_error error = {{0}};
    if (kr_secret_new(64, &secret, &error) != KR_MLOCK) {
        return WRONG_CODE;
    }
    if (strstr(error.text, "LimitMEMLOCK=") == NULL || strstr(error.text, "ulimit -l") == NULL ||
        strstr(error.text, "0 KiB") == NULL) {
        return WRONG_ADVICE;
    }
    return secret == &marker ? AS_EXPECTED : TOUCHED;
}

static void memory_that_cannot_be_locked_is_an_error_with_advice(void **state)
{
    (void)state;
    int status = status_of_child(lock_without_permission, NULL);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT_TEST) {
        print_message("skipped: the right to lock cannot be given up here, or a sanitizer pretends to lock\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), AS_EXPECTED);
}

static void more_than_there_is_is_an_error(void **state)
{
    (void)state;
    int marker = 0;
    void *secret = &marker;
    struct kr_error error = {{0}};
    assert_int_equal(kr_secret_new(SIZE_MAX - 100, &secret, &error), KR_NOMEM);
    assert_ptr_equal(secret, &marker);
    assert_string_not_equal(error.text, "");
}

static int write_past_the_end(void *arg)
{
    const struct rlimit no_core = {0};
    (void)arg;
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)signal(SIGSEGV, SIG_DFL);
    void *secret = NULL;
    if (kr_secret_new(32, &secret, NULL) != KR_OK) {
        return 1;
    }
    ((volatile uint8_t *)secret)[32] = 1;
    return 0;
}

static void a_write_past_the_end_kills(void **state)
{
    (void)state;
    int status = status_of_child(write_past_the_end, NULL);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_can_be_repeated),
        cmocka_unit_test(memory_is_zeroed_aligned_and_writable),
        cmocka_unit_test(memory_is_locked),
        cmocka_unit_test(memory_that_cannot_be_locked_is_an_error_with_advice),
        cmocka_unit_test(more_than_there_is_is_an_error),
        cmocka_unit_test(a_write_past_the_end_kills),
    };
    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
