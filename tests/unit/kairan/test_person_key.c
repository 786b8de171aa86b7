/* The file of a person's own keys. */
#include "tests/unit/kairan/config_home.h"

#include "crypto/secret.h"
#include "tools/kairan/person_key.h"

static const uint8_t council[32] = {0xab, 0xcd}, other[32] = {0xab, 0xce};

static struct kr_person_keys *load(void)
{
    struct kr_person_keys *keys = NULL;
    assert_int_equal(kr_person_keys_load(council, NULL, &keys, NULL), KR_OK);
    return keys;
}

static void a_key_is_made_kept_and_replaced(void **state)
{
    struct stat status;
    uint8_t first[32], derived[32];
    (void)state;
    assert_false(kr_person_keys_exist(council));
    struct kr_person_keys *keys = load();
    assert_int_equal(keys->count, 0);
    assert_int_equal(kr_person_keys_add(council, keys, 100, NULL), KR_OK);
    memcpy(first, keys->pairs[0].secret, 32);
    assert_int_equal(stat(keys->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    kr_secret_free(keys);
    assert_true(kr_person_keys_exist(council) && !kr_person_keys_exist(other));
    keys = load();
    assert_int_equal(keys->count, 1);
    assert_int_equal(keys->since_s[0], 100);
    assert_memory_equal(keys->pairs[0].secret, first, 32);
    assert_int_equal(crypto_scalarmult_base(derived, first), 0);
    assert_memory_equal(derived, keys->pairs[0].public_key, 32);
    assert_int_equal(kr_person_keys_add(council, keys, UINT64_MAX, NULL), KR_OK);
    kr_secret_free(keys);
    keys = load(); /* the newest first; what was sealed to the one before still opens */
    assert_int_equal(keys->count, 2);
    assert_int_equal(keys->since_s[0], UINT64_MAX);
    assert_memory_not_equal(keys->pairs[0].secret, first, 32);
    assert_memory_equal(keys->pairs[1].secret, first, 32);
    for (uint64_t i = 2; i < KR_OWN_KEYS_MAX; i++) {
        assert_int_equal(kr_person_keys_add(council, keys, i, NULL), KR_OK);
    }
    assert_int_equal(kr_person_keys_add(council, keys, 99, NULL), KR_BOUNDS); /* none is thrown away */
    kr_secret_free(keys);
    keys = load();
    assert_int_equal(keys->count, KR_OWN_KEYS_MAX);
    assert_int_equal(keys->since_s[0], KR_OWN_KEYS_MAX - 1);
    assert_int_equal(keys->since_s[KR_OWN_KEYS_MAX - 1], 100);
    assert_memory_equal(keys->pairs[KR_OWN_KEYS_MAX - 1].secret, first, 32);
    kr_secret_free(keys);
}

static void a_file_that_others_can_read_or_that_is_damaged_is_refused(void **state)
{
    struct kr_person_keys *keys = load(), *none = NULL;
    char path[PATH_MAX], elsewhere[PATH_MAX];
    uint8_t bytes[4096];
    (void)state;
    assert_int_equal(kr_person_keys_add(council, keys, 1, NULL), KR_OK);
    (void)snprintf(path, sizeof path, "%s", keys->path);
    kr_secret_free(keys);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(kr_person_keys_load(council, NULL, &none, NULL), KR_DENIED);
    assert_int_equal(chmod(path, 0600), 0);
    const size_t len = get_file(path, bytes, sizeof bytes);
    bytes[len / 2] ^= 1;
    put_file(path, bytes, len);
    assert_int_equal(kr_person_keys_load(council, NULL, &none, NULL), KR_CORRUPT);
    bytes[len / 2] ^= 1;
    put_file(path, bytes, len);
    keys = NULL;
    assert_int_equal(kr_person_keys_load(other, NULL, &keys, NULL), KR_OK);
    (void)snprintf(elsewhere, sizeof elsewhere, "%s", keys->path);
    kr_secret_free(keys);
    put_file(elsewhere, bytes, len); /* another council's keys under this one's name */
    assert_int_equal(kr_person_keys_load(other, NULL, &none, NULL), KR_CORRUPT);
    assert_null(none);
}

static void a_passphrase_is_put_on_changed_and_kept(void **state)
{
    struct kr_person_keys *keys = load(), *none = NULL, *last = NULL;
    uint8_t secret[32];
    bool is_protected = true;
    (void)state;
    assert_int_equal(kr_person_keys_are_protected(council, &is_protected, NULL), KR_OK); /* there is no file yet */
    assert_false(is_protected);
    assert_int_equal(kr_person_keys_add(council, keys, 1, NULL), KR_OK);
    memcpy(secret, keys->pairs[0].secret, 32);
    assert_int_equal(kr_person_keys_are_protected(council, &is_protected, NULL), KR_OK);
    assert_false(is_protected || keys->lock.is_protected);
    assert_int_equal(kr_person_keys_set_passphrase(keys, "first", NULL), KR_OK);
    assert_int_equal(kr_person_keys_write(council, keys, NULL), KR_OK);
    kr_secret_free(keys);
    assert_int_equal(kr_person_keys_are_protected(council, &is_protected, NULL), KR_OK);
    assert_true(is_protected);
    assert_int_equal(kr_person_keys_load(council, NULL, &none, NULL), KR_PASSPHRASE);
    assert_int_equal(kr_person_keys_load(council, "second", &none, NULL), KR_PASSPHRASE);
    assert_null(none);
    keys = NULL;
    assert_int_equal(kr_person_keys_load(council, "first", &keys, NULL), KR_OK);
    assert_memory_equal(keys->pairs[0].secret, secret, 32);
    assert_int_equal(kr_person_keys_add(council, keys, 2, NULL), KR_OK); /* under the same one, which is not asked for again */
    kr_secret_free(keys);
    assert_int_equal(kr_person_keys_load(council, NULL, &none, NULL), KR_PASSPHRASE);
    keys = NULL;
    assert_int_equal(kr_person_keys_load(council, "first", &keys, NULL), KR_OK);
    assert_int_equal(keys->count, 2);
    assert_memory_equal(keys->pairs[1].secret, secret, 32);
    assert_int_equal(kr_person_keys_set_passphrase(keys, "second", NULL), KR_OK);
    assert_int_equal(kr_person_keys_write(council, keys, NULL), KR_OK);
    kr_secret_free(keys);
    assert_int_equal(kr_person_keys_load(council, "first", &none, NULL), KR_PASSPHRASE);
    assert_int_equal(kr_person_keys_load(council, "second", &last, NULL), KR_OK);
    kr_secret_free(last);
}

static void nobody_knows_where_without_a_home(void **state)
{
    struct kr_person_keys *none = NULL;
    struct kr_error error = {{0}};
    (void)state;
    const char *set = getenv("HOME");
    char *home = set != NULL ? strdup(set) : NULL;
    assert_int_equal(setenv("XDG_CONFIG_HOME", "relative", 1), 0);
    assert_int_equal(unsetenv("HOME"), 0);
    assert_int_equal(kr_person_keys_load(council, NULL, &none, &error), KR_INVALID);
    assert_non_null(strstr(error.text, "HOME"));
    assert_false(kr_person_keys_exist(council));
    if (home != NULL) {
        assert_int_equal(setenv("HOME", home, 1), 0);
    }
    free(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_made_kept_and_replaced),
        TEST(a_file_that_others_can_read_or_that_is_damaged_is_refused),
        TEST(a_passphrase_is_put_on_changed_and_kept),
        TEST(nobody_knows_where_without_a_home),
    };
    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
