/* What a machine keeps of its enrolment. */
#include "tests/unit/crypto/temp_dir.h"

#include "crypto/secret.h"
#include "tools/client/enrolled.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_dir_setup, temp_dir_teardown)

static struct kr_enrolled *make(const char *passphrase)
{
    struct kr_enrolled *enrolled = NULL;
    assert_int_equal(kr_enrolled_new(&enrolled, NULL), KR_OK);
    memset(enrolled->council, 1, 32);
    memset(enrolled->person, 2, 32);
    (void)snprintf(enrolled->name, sizeof enrolled->name, "近畿");
    memset(enrolled->endpoint, 'e', KR_ENDPOINT_BYTES_MAX);
    memset(enrolled->transport_public, 3, 32);
    memset(enrolled->node_public, 4, 32);
    memset(enrolled->public_key, 5, 32);
    memset(enrolled->secret, 6, 32);
    enrolled->enrolled_s = 1800000000;
    enrolled->key_count = KR_ENROLLED_KEYS_MAX;
    for (uint32_t i = 0; i < KR_ENROLLED_KEYS_MAX; i++) {
        enrolled->keys[i] = (struct kr_enrolled_key){.purpose = i + 1, .since_s = UINT64_MAX};
        memset(enrolled->keys[i].public_key, (int)(10 + i), 32);
        memset(enrolled->keys[i].secret, (int)(20 + i), 32);
    }
    assert_int_equal(kr_lock_make(&enrolled->lock, passphrase, 1, 8, NULL), KR_OK);
    return enrolled;
}

/* The fullest one fits, too. */
static void all_of_it_comes_back(void **state)
{
    const struct temp_dir *temp = *state;
    struct kr_enrolled *enrolled = make("回覧"), *loaded = NULL;
    struct stat status;
    bool is_protected = false;
    assert_int_equal(kr_enrolled_write(enrolled, temp->path, false, NULL), KR_OK);
    assert_int_equal(kr_enrolled_write(enrolled, temp->path, false, NULL), KR_EXISTS);
    assert_int_equal(stat(temp->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(kr_enrolled_is_protected(temp->path, &is_protected, NULL), KR_OK);
    assert_true(is_protected);
    assert_int_equal(kr_enrolled_read(temp->path, NULL, &loaded, NULL), KR_PASSPHRASE);
    assert_int_equal(kr_enrolled_read(temp->path, "other", &loaded, NULL), KR_PASSPHRASE);
    assert_null(loaded);
    assert_int_equal(kr_enrolled_read(temp->path, "回覧", &loaded, NULL), KR_OK);
    assert_memory_equal(loaded, enrolled, sizeof *loaded);
    kr_secret_free(loaded);
    kr_secret_free(enrolled);
}

static void a_file_that_others_can_read_is_refused(void **state)
{
    const struct temp_dir *temp = *state;
    struct kr_enrolled *enrolled = make(NULL), *loaded = NULL;
    assert_int_equal(kr_enrolled_write(enrolled, temp->path, false, NULL), KR_OK);
    assert_int_equal(chmod(temp->path, 0640), 0);
    assert_int_equal(kr_enrolled_read(temp->path, NULL, &loaded, NULL), KR_DENIED);
    assert_int_equal(chmod(temp->path, 0600), 0);
    assert_int_equal(kr_enrolled_read(temp->path, NULL, &loaded, NULL), KR_OK);
    kr_secret_free(loaded);
    kr_secret_free(enrolled);
}

static void what_is_damaged_is_refused(void **state)
{
    const struct temp_dir *temp = *state;
    struct kr_enrolled *enrolled = make(NULL), *loaded = NULL;
    uint8_t file[4096];
    assert_int_equal(kr_enrolled_write(enrolled, temp->path, false, NULL), KR_OK);
    const size_t len = get_file(temp->path, file, sizeof file);
    for (size_t at = 0; at < len; at += at < 64 ? 1 : 97) {
        file[at] ^= 0x80;
        put_file(temp->path, file, len);
        assert_int_not_equal(kr_enrolled_read(temp->path, NULL, &loaded, NULL), KR_OK);
        file[at] ^= 0x80;
    }
    put_file(temp->path, file, len - 1);
    assert_int_equal(kr_enrolled_read(temp->path, NULL, &loaded, NULL), KR_CORRUPT);
    assert_null(loaded);
    kr_secret_free(enrolled);
}

static void names_are_words_and_files_are_found(void **state)
{
    const struct temp_dir *temp = *state;
    static const char *const wrong[] = {
        "",        ".",          "..",    "a/b",     "-x",
        ".hidden", "with space", "tab\t", "del\x7f", "0123456789012345678901234567890123456789012345678901234567890123x"};
    char path[512], name[KR_ENROLLED_NAME_BYTES_MAX + 1] = "", wanted[512];
    struct kr_error error = {{0}};
    assert_int_equal(setenv("XDG_CONFIG_HOME", temp->dir, 1), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(kr_enrolled_path(wrong[i], path, sizeof path, &error), KR_INVALID);
    }
    assert_int_equal(kr_enrolled_path("近畿", path, 10, &error), KR_BOUNDS);
    assert_int_equal(kr_enrolled_path("近畿", path, sizeof path, &error), KR_OK);
    (void)snprintf(wanted, sizeof wanted, "%s/kairan/nodes/近畿", temp->dir);
    assert_string_equal(path, wanted);
    assert_int_equal(kr_enrolled_only(name), KR_NOT_FOUND);
    assert_int_equal(kr_enrolled_make_folder(&error), KR_OK);
    assert_int_equal(kr_enrolled_make_folder(&error), KR_OK);
    assert_int_equal(kr_enrolled_only(name), KR_NOT_FOUND);
    put_file(path, "", 0);
    assert_int_equal(kr_enrolled_only(name), KR_OK);
    assert_string_equal(name, "近畿");
    char other[512];
    assert_int_equal(kr_enrolled_path("other", other, sizeof other, &error), KR_OK);
    put_file(other, "", 0);
    assert_int_equal(kr_enrolled_only(name), KR_EXISTS);
    char names[3][KR_ENROLLED_NAME_BYTES_MAX + 1];
    assert_int_equal(kr_enrolled_names(names, 3), 2);
    assert_int_equal(kr_enrolled_names(names, 1), 1);
    assert_int_equal(unlink(other) + unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s/kairan/nodes", temp->dir);
    assert_int_equal(rmdir(path), 0);
    (void)snprintf(path, sizeof path, "%s/kairan", temp->dir);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(setenv("XDG_CONFIG_HOME", "relative", 1), 0);
    assert_int_equal(setenv("HOME", "/nowhere", 1), 0);
    assert_int_equal(kr_enrolled_path("x", path, sizeof path, &error), KR_OK);
    assert_string_equal(path, "/nowhere/.config/kairan/nodes/x");
    assert_int_equal(unsetenv("HOME"), 0);
    assert_int_equal(kr_enrolled_path("x", path, sizeof path, &error), KR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_of_it_comes_back),
        TEST(a_file_that_others_can_read_is_refused),
        TEST(what_is_damaged_is_refused),
        TEST(names_are_words_and_files_are_found),
    };
    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
