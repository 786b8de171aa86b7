#include "keeper_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "crypto/secret.h"
#include "node/keeper/passphrase.h"
#include "node/keeper/place.h"

static struct kr_place place;

static void test_a_named_directory_holds_everything(void **state)
{
    char expected[4096];
    assert_int_equal(kr_place_init(&place, "/srv/node", NULL, NULL), KR_OK);
    assert_string_equal(place.config, "/srv/node/kairan.conf");
    assert_string_equal(place.keyring, "/srv/node/keyring");
    assert_string_equal(place.store, "/srv/node/store");
    assert_string_equal(place.socket, "/srv/node/kairand.sock");
    assert_false(place.config_was_named);
    assert_int_equal(kr_place_init(&place, *state, "/etc/other.conf", NULL), KR_OK);
    assert_string_equal(place.config, "/etc/other.conf");
    assert_true(place.config_was_named);
    (void)snprintf(expected, sizeof expected, "%s/kairand.lock", (const char *)*state);
    assert_string_equal(place.lock, expected);
}

static void test_a_socket_must_fit_its_address(void **state)
{
    (void)state;
    char path[200];
    struct kr_error error = {0};
    memset(path, 'd', sizeof path);
    path[0] = '/';
    path[95] = 0; /* with "/kairand.sock" one too many */
    assert_int_equal(kr_place_init(&place, path, NULL, &error), KR_BOUNDS);
    path[94] = 0;
    assert_int_equal(kr_place_init(&place, path, NULL, &error), KR_OK);
}

static void test_the_directory_is_made_private(void **state)
{
    struct stat status;
    struct kr_error error = {0};
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/a/b", (const char *)*state);
    assert_int_equal(kr_place_init(&place, path, NULL, NULL), KR_OK);
    assert_int_equal(kr_place_make(&place, &error), KR_OK);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_int_equal(kr_place_make(&place, &error), KR_OK);
    assert_int_equal(chmod(path, 0777), 0);
    assert_int_equal(kr_place_make(&place, &error), KR_DENIED);
    assert_non_null(strstr(error.text, "chmod 700"));
}

static void test_only_one_holds_the_lock(void **state)
{
    int first = -1, second = -1;
    struct kr_error error = {0};
    assert_int_equal(kr_place_init(&place, *state, NULL, NULL), KR_OK);
    assert_int_equal(kr_place_lock(&place, 0, &first, &error), KR_OK);
    assert_int_equal(kr_place_lock(&place, 0, &second, &error), KR_LOCKED);
    assert_int_equal(second, -1);
    assert_int_equal(close(first), 0);
    assert_int_equal(kr_place_lock(&place, 0, &second, &error), KR_OK);
    assert_int_equal(close(second), 0);
}

/* Who is killed holds the lock until its memory has been given back, which is after kill() has returned. */
static void test_the_lock_of_one_just_killed_is_waited_for(void **state)
{
    int held = -1, taken = -1, ends[2];
    struct kr_error error = {0};
    const size_t much = (size_t)64 * 1024 * 1024;
    char byte = 0;
    assert_int_equal(kr_place_init(&place, *state, NULL, NULL), KR_OK);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        void *map = mmap(NULL, much, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        bool is_held = map != MAP_FAILED && kr_place_lock(&place, 0, &held, &error) == KR_OK;
        while (is_held && write(ends[1], "", 1) == 1) {
            (void)pause();
        }
        _exit(1);
    }
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(kr_place_lock(&place, 0, &taken, &error), KR_LOCKED);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(kr_place_lock(&place, 60000, &taken, &error), KR_OK);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(close(taken), 0);
    assert_int_equal(close(ends[0]), 0);
}

/* ---- passphrases ---- */

static int pipe_with(const char *bytes, size_t len)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], bytes, len), len);
    assert_int_equal(close(ends[1]), 0);
    return ends[0];
}

static enum kr_err from_fd(const char *bytes, size_t len, char **ret_passphrase)
{
    int fd = pipe_with(bytes, len);
    const struct kr_passphrase_source source = {.fd = fd};
    enum kr_err err = kr_passphrase_get(&source, ret_passphrase, NULL);
    assert_int_equal(close(fd), 0);
    return err;
}

static void test_a_passphrase_ends_with_its_line(void **state)
{
    (void)state;
    char *passphrase = NULL;
    static char longest[2000];
    memset(longest, 'p', sizeof longest);
    assert_int_equal(from_fd("correct horse\nand more", 22, &passphrase), KR_OK);
    assert_string_equal(passphrase, "correct horse");
    kr_secret_free(passphrase);
    passphrase = NULL;
    assert_int_equal(from_fd("no line break", 13, &passphrase), KR_OK);
    assert_string_equal(passphrase, "no line break");
    kr_secret_free(passphrase);
    passphrase = NULL;
    assert_int_equal(from_fd(longest, KR_PASSPHRASE_BYTES_MAX, &passphrase), KR_OK);
    assert_int_equal(strlen(passphrase), KR_PASSPHRASE_BYTES_MAX);
    kr_secret_free(passphrase);
    passphrase = NULL;
    assert_int_equal(from_fd(longest, KR_PASSPHRASE_BYTES_MAX + 1, &passphrase), KR_BOUNDS);
    assert_int_equal(from_fd("", 0, &passphrase), KR_INVALID);
    assert_int_equal(from_fd("\n", 1, &passphrase), KR_INVALID);
    assert_int_equal(from_fd("a\0b\n", 4, &passphrase), KR_INVALID);
    assert_null(passphrase);
}

static void test_a_passphrase_file_must_be_private(void **state)
{
    const char *path = test_path(*state, "passphrase");
    const struct kr_passphrase_source source = {.fd = -1, .file = path};
    char *passphrase = NULL;
    assert_int_equal(kr_passphrase_get(&source, &passphrase, NULL), KR_NOT_FOUND);
    test_write_file(path, "secret\n", 0644);
    assert_int_equal(kr_passphrase_get(&source, &passphrase, NULL), KR_DENIED);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(kr_passphrase_get(&source, &passphrase, NULL), KR_OK);
    assert_string_equal(passphrase, "secret");
    kr_secret_free(passphrase);
}

static void test_the_service_managers_credential_is_taken(void **state)
{
    struct kr_passphrase_source source = {.fd = -1}, next = source;
    char *passphrase = NULL;
    kr_passphrase_of_keyring(&source, KR_PASSPHRASE_OPENS, false);
    kr_passphrase_of_keyring(&next, KR_PASSPHRASE_CHANGES, false);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", *state, 1), 0);
    assert_int_equal(kr_passphrase_get(&source, &passphrase, NULL), KR_OK);
    assert_null(passphrase); /* none there, and nobody to ask */
    test_write_file(test_path(*state, "kairan-passphrase"), "from systemd\n", 0440);
    assert_int_equal(kr_passphrase_get(&source, &passphrase, NULL), KR_OK);
    assert_string_equal(passphrase, "from systemd");
    kr_secret_free(passphrase);
    passphrase = NULL;
    /* It is the present one, and never meant as the next. */
    assert_int_equal(kr_passphrase_get(&next, &passphrase, NULL), KR_OK);
    assert_null(passphrase);
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static int start(void **state)
{
    (void)state;
    return kr_crypto_init() == KR_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_named_directory_holds_everything, test_directory_make, test_directory_remove),
        cmocka_unit_test(test_a_socket_must_fit_its_address),
        cmocka_unit_test_setup_teardown(test_the_directory_is_made_private, test_directory_make, test_directory_remove),
        cmocka_unit_test_setup_teardown(test_only_one_holds_the_lock, test_directory_make, test_directory_remove),
        cmocka_unit_test_setup_teardown(test_the_lock_of_one_just_killed_is_waited_for, test_directory_make, test_directory_remove),
        cmocka_unit_test(test_a_passphrase_ends_with_its_line),
        cmocka_unit_test_setup_teardown(test_a_passphrase_file_must_be_private, test_directory_make, test_directory_remove),
        cmocka_unit_test_setup_teardown(test_the_service_managers_credential_is_taken, test_directory_make, test_directory_remove),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
