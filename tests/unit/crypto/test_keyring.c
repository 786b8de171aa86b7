#include "temp_dir.h"

#include <stdbool.h>

#include "crypto/keyring.h"
#include "crypto/limits.h"
#include "crypto/seal.h"
#include "crypto/sign.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_dir_setup, temp_dir_teardown)

/* The layout that the header promises, written down a second time. */
#define HEADER_BYTES  56
#define BEFORE_BYTES  1704                          /* version 1 */
#define SECOND_BYTES  (BEFORE_BYTES + 96 + 16 * 80) /* version 2 */
#define THIRD_BYTES   (SECOND_BYTES + 48)           /* version 3 */
#define CONTENT_BYTES (THIRD_BYTES + 64)
#define FILE_BYTES    (HEADER_BYTES + CONTENT_BYTES + 16)
#define KEYS_BYTES    offsetof(struct kr_keyring, lock)

static struct kr_keyring *keyring; /* three sealing keys, one closed */

static int setup(void **state)
{
    const uint8_t seed[32] = {5}, second[32] = {6};
    if (start_crypto(state) != 0 || kr_keyring_new(seed, 1700000000, &keyring, NULL) != KR_OK) {
        return -1;
    }
    keyring->sealing_count = 3;
    kr_box_keypair(keyring->sealing[1].public_key, keyring->sealing[1].secret, second);
    keyring->sealing[1].from_s = 0x0102030405060708;
    keyring->sealing[1].until_s = 0x1112131415161718;
    keyring->sealing[2] = keyring->sealing[1];
    keyring->sealing[2].until_s = 7;
    keyring->term_generation = 0x21222324;
    kr_sign_keypair(keyring->next_node_public, keyring->next_node_secret, (const uint8_t[32]){7});
    memset(keyring->next_storage_key, 8, 32);
    keyring->next_storage_from_s = 0x3132333435363738;
    kr_box_keypair(keyring->next_transport_public, keyring->next_transport_secret, (const uint8_t[32]){9});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kr_keyring_free(keyring);
    return 0;
}

/* The cheapest Argon2id there is: the tests guess often. */
static void save(const struct temp_dir *temp, const char *passphrase)
{
    assert_int_equal(kr_keyring_save_at_cost(keyring, temp->path, passphrase, true, 1, KR_LOCK_MEMORY_KIB_MIN, NULL), KR_OK);
}

static enum kr_err load(const struct temp_dir *temp, const char *passphrase, struct kr_error *error)
{
    struct kr_keyring *loaded = NULL;
    enum kr_err err = kr_keyring_load(temp->path, passphrase, &loaded, error);
    assert_true((loaded != NULL) == (err == KR_OK));
    kr_keyring_free(loaded);
    return err;
}

static void assert_refused(const struct temp_dir *temp, const char *passphrase, enum kr_err expected)
{
    struct kr_error error = {{0}};
    assert_int_equal(load(temp, passphrase, &error), expected);
    assert_non_null(strstr(error.text, temp->path));
}

static void assert_loads(const struct temp_dir *temp, const char *passphrase)
{
    struct kr_keyring *loaded = NULL;
    assert_int_equal(kr_keyring_load(temp->path, passphrase, &loaded, NULL), KR_OK);
    assert_memory_equal(loaded, keyring, KEYS_BYTES);
    kr_keyring_free(loaded);
}

static void fresh_keys_work_and_differ(void **state)
{
    (void)state;
    const uint8_t seed[32] = {1};
    struct kr_keyring *one = NULL, *two = NULL;
    uint8_t signature[64], transport_public[32], slot[KR_SLOT_BYTES], key[32];
    assert_int_equal(kr_keyring_new(seed, 1234, &one, NULL), KR_OK);
    assert_int_equal(kr_keyring_new(seed, 1234, &two, NULL), KR_OK);
    assert_memory_equal(one, two, sizeof *one);

    const uint8_t *pairs[3][2] = {
        {one->root_secret, one->root_public}, {one->recovery_secret, one->recovery_public}, {one->node_secret, one->node_public}};
    for (size_t i = 0; i < 3; i++) {
        kr_sign(signature, pairs[i][0], "kairan test", "x", 1);
        for (size_t j = 0; j < 3; j++) {
            assert_int_equal(kr_verify(signature, pairs[j][1], "kairan test", "x", 1), i == j ? KR_OK : KR_SIGNATURE);
        }
    }
    assert_int_equal(crypto_scalarmult_base(transport_public, one->transport_secret), 0);
    assert_memory_equal(transport_public, one->transport_public, 32);
    assert_int_equal(one->sealing_count, 1);
    assert_int_equal(one->sealing[0].from_s, 1234);
    assert_int_equal(one->sealing[0].until_s, 0);
    assert_int_equal(kr_slot_seal(slot, one->storage_key, one->sealing[0].public_key, seed), KR_OK);
    assert_int_equal(kr_slot_open(key, slot, one->sealing[0].public_key, one->sealing[0].secret), KR_OK);
    assert_memory_equal(key, one->storage_key, 32);
    assert_memory_not_equal(one->storage_key, one->term_key, 32);
    assert_memory_not_equal(one->transport_secret, one->sealing[0].secret, 32);
    assert_memory_not_equal(one->storage_key, keyring->storage_key, 32);
    assert_memory_not_equal(one->root_public, keyring->root_public, 32);
    kr_keyring_free(one);
    kr_keyring_free(two);
    kr_keyring_free(NULL);
}

static void what_is_saved_is_loaded(void **state)
{
    const struct temp_dir *temp = *state;
    bool is_protected = true;
    save(temp, NULL);
    assert_loads(temp, NULL);
    assert_loads(temp, "not needed, not looked at");
    assert_int_equal(kr_keyring_is_protected(temp->path, &is_protected, NULL), KR_OK);
    assert_false(is_protected);
    save(temp, "");
    assert_loads(temp, "");
    save(temp, "回覧板 passphrase");
    assert_loads(temp, "回覧板 passphrase");
    assert_int_equal(kr_keyring_is_protected(temp->path, &is_protected, NULL), KR_OK);
    assert_true(is_protected);
}

static void a_root_that_is_elsewhere_stays_away(void **state)
{
    const struct temp_dir *temp = *state;
    struct kr_keyring without = *keyring;
    struct kr_keyring *loaded = NULL;
    memset(without.root_secret, 0, sizeof without.root_secret);
    memset(without.recovery_secret, 0, sizeof without.recovery_secret);
    assert_int_equal(kr_keyring_save(&without, temp->path, NULL, false, NULL), KR_OK);
    assert_int_equal(kr_keyring_load(temp->path, NULL, &loaded, NULL), KR_OK);
    assert_memory_equal(loaded, &without, KEYS_BYTES);
    kr_keyring_free(loaded);
}

/* Without the passphrase, which nobody has at hand when a key is taken out. */
static void what_was_loaded_is_saved_again_under_its_lock(void **state)
{
    const struct temp_dir *temp = *state;
    struct kr_keyring *loaded = NULL;
    uint8_t before[FILE_BYTES], after[FILE_BYTES];
    save(temp, "passphrase");
    (void)get_file(temp->path, before, sizeof before);
    assert_int_equal(kr_keyring_load(temp->path, "passphrase", &loaded, NULL), KR_OK);
    sodium_memzero(loaded->root_secret, sizeof loaded->root_secret);
    assert_int_equal(kr_keyring_save_again(loaded, temp->path, false, NULL), KR_EXISTS);
    assert_int_equal(kr_keyring_save_again(loaded, temp->path, true, NULL), KR_OK);
    kr_keyring_free(loaded);
    (void)get_file(temp->path, after, sizeof after);
    assert_memory_equal(before, after, 32);               /* cost and salt */
    assert_memory_not_equal(before + 32, after + 32, 24); /* a nonce is used once */
    assert_refused(temp, "other", KR_PASSPHRASE);
    assert_int_equal(kr_keyring_load(temp->path, "passphrase", &loaded, NULL), KR_OK);
    assert_true(sodium_is_zero(loaded->root_secret, sizeof loaded->root_secret));
    assert_memory_equal(loaded->node_secret, keyring->node_secret, 64);
    kr_keyring_free(loaded);
}

static void saving_replaces_on_request_only(void **state)
{
    const struct temp_dir *temp = *state;
    assert_int_equal(kr_keyring_save(keyring, temp->path, NULL, false, NULL), KR_OK);
    keyring->term_generation++;
    assert_int_equal(kr_keyring_save(keyring, temp->path, NULL, false, NULL), KR_EXISTS);
    keyring->term_generation--;
    assert_loads(temp, NULL);
}

static void the_default_cost_is_what_the_header_says(void **state)
{
    const struct temp_dir *temp = *state;
    uint8_t file[FILE_BYTES];
    assert_int_equal(kr_keyring_save(keyring, temp->path, "passphrase", false, NULL), KR_OK);
    assert_int_equal(get_file(temp->path, file, sizeof file), sizeof file);
    assert_hex(file, 16, "4b524b455953 04 01 00000003 00010000");
    assert_loads(temp, "passphrase");
}

/* Opens the file with nothing but libsodium, as another program would. */
static void the_file_is_laid_out_as_documented(void **state)
{
    const struct temp_dir *temp = *state;
    uint8_t file[FILE_BYTES + 1], key[32], content[CONTENT_BYTES];
    save(temp, "passphrase");
    assert_int_equal(get_file(temp->path, file, sizeof file), FILE_BYTES);
    assert_hex(file, 16, "4b524b455953 04 01 00000001 00000008");
    assert_int_equal(crypto_pwhash(key, sizeof key, "passphrase", 10, file + 16, 1, (size_t)8 * 1024, crypto_pwhash_ALG_ARGON2ID13),
                     0);
    assert_int_equal(crypto_aead_xchacha20poly1305_ietf_decrypt(content, NULL, NULL, file + HEADER_BYTES, FILE_BYTES - HEADER_BYTES,
                                                                file, HEADER_BYTES, file + 32, key),
                     0);
    assert_memory_equal(content, keyring->root_public, 32);
    assert_memory_equal(content + 32, keyring->root_secret, 64);
    assert_memory_equal(content + 96, keyring->recovery_public, 32);
    assert_memory_equal(content + 128, keyring->recovery_secret, 64);
    assert_memory_equal(content + 192, keyring->node_public, 32);
    assert_memory_equal(content + 224, keyring->node_secret, 64);
    assert_memory_equal(content + 288, keyring->transport_public, 32);
    assert_memory_equal(content + 320, keyring->transport_secret, 32);
    assert_memory_equal(content + 352, keyring->storage_key, 32);
    assert_memory_equal(content + 384, keyring->term_key, 32);
    assert_hex(content + 416, 8, "21222324 00000003");
    assert_memory_equal(content + 424 + 80, keyring->sealing[1].public_key, 32);
    assert_memory_equal(content + 424 + 112, keyring->sealing[1].secret, 32);
    assert_hex(content + 424 + 144, 16, "0102030405060708 1112131415161718");
    assert_true(sodium_is_zero(content + 424 + 240, BEFORE_BYTES - 424 - 240));
    assert_memory_equal(content + BEFORE_BYTES, keyring->next_node_public, 32);
    assert_memory_equal(content + BEFORE_BYTES + 32, keyring->next_node_secret, 64);
    assert_true(sodium_is_zero(content + BEFORE_BYTES + 96, SECOND_BYTES - BEFORE_BYTES - 96));
    assert_memory_equal(content + SECOND_BYTES, keyring->next_storage_key, 32);
    assert_hex(content + SECOND_BYTES + 32, 16, "000000006553f100 3132333435363738");
    assert_memory_equal(content + THIRD_BYTES, keyring->next_transport_public, 32);
    assert_memory_equal(content + THIRD_BYTES + 32, keyring->next_transport_secret, 32);

    uint8_t zero_key[32] = {0};
    save(temp, NULL);
    assert_int_equal(get_file(temp->path, file, sizeof file), FILE_BYTES);
    assert_hex(file, 16, "4b524b455953 04 00 00000000 00000000");
    assert_int_equal(crypto_aead_xchacha20poly1305_ietf_decrypt(content, NULL, NULL, file + HEADER_BYTES, FILE_BYTES - HEADER_BYTES,
                                                                file, HEADER_BYTES, file + 32, zero_key),
                     0);
}

static void salt_and_nonce_are_fresh_each_time(void **state)
{
    const struct temp_dir *temp = *state;
    uint8_t one[FILE_BYTES], two[FILE_BYTES];
    save(temp, "passphrase");
    (void)get_file(temp->path, one, sizeof one);
    save(temp, "passphrase");
    (void)get_file(temp->path, two, sizeof two);
    assert_memory_not_equal(one + 16, two + 16, 16);
    assert_memory_not_equal(one + 32, two + 32, 24);
}

static void keys_beyond_the_count_are_not_written(void **state)
{
    const struct temp_dir *temp = *state;
    struct kr_keyring *loaded = NULL;
    keyring->sealing_count = 1;
    save(temp, NULL);
    keyring->sealing_count = 3;
    assert_int_equal(kr_keyring_load(temp->path, NULL, &loaded, NULL), KR_OK);
    assert_int_equal(loaded->sealing_count, 1);
    assert_true(sodium_is_zero((const uint8_t *)&loaded->sealing[1], sizeof loaded->sealing[1] * (KR_SEALING_KEYS_MAX - 1)));
    kr_keyring_free(loaded);
}

static void a_wrong_or_missing_passphrase_is_refused(void **state)
{
    const struct temp_dir *temp = *state;
    save(temp, "passphrase");
    assert_refused(temp, NULL, KR_PASSPHRASE);
    assert_refused(temp, "", KR_PASSPHRASE);
    assert_refused(temp, "passphrasf", KR_PASSPHRASE);
    assert_refused(temp, "passphrase ", KR_PASSPHRASE);
    assert_loads(temp, "passphrase");
}

/* Where in the file a changed byte shows up as what. */
static enum kr_err expected_for(size_t at, uint8_t byte, bool protected)
{
    if (at < 6) {
        return KR_CORRUPT;
    }
    if (at == 6) {
        return byte < 3 ? KR_CORRUPT : KR_VERSION;
    }
    if (at == 7) { /* protection: none without a cost, Argon2id with one, or unknown */
        return byte == 1 ? KR_BOUNDS : KR_CORRUPT;
    }
    return protected ? KR_PASSPHRASE : KR_CORRUPT;
}

static void every_changed_byte_is_noticed(void **state)
{
    const struct temp_dir *temp = *state;
    static const char *const passphrases[] = {NULL, "passphrase"};
    static const uint8_t changes[] = {0x01, 0xff};
    for (size_t p = 0; p < 2; p++) {
        uint8_t file[FILE_BYTES];
        save(temp, passphrases[p]);
        (void)get_file(temp->path, file, sizeof file);
        for (size_t i = 0; i < sizeof file * sizeof changes; i++) {
            size_t at = i / sizeof changes;
            file[at] ^= changes[i % sizeof changes];
            put_file(temp->path, file, sizeof file);
            struct kr_error error = {{0}};
            enum kr_err expected = expected_for(at, file[at], p == 1), err = load(temp, passphrases[p], &error);
            bool cost_out_of_bounds = p == 1 && at >= 8 && at < 16 && err == KR_BOUNDS;
            if ((err != expected && !cost_out_of_bounds) || strstr(error.text, temp->path) == NULL) {
                fail_msg("byte %zu as %u: %s, \"%s\"", at, file[at], kr_err_name(err), error.text);
            }
            file[at] ^= changes[i % sizeof changes];
        }
        put_file(temp->path, file, sizeof file);
        assert_loads(temp, passphrases[p]);
    }
}

static void every_other_length_is_refused(void **state)
{
    const struct temp_dir *temp = *state;
    uint8_t file[FILE_BYTES + 200] = {0};
    bool is_protected = true;
    save(temp, NULL);
    assert_int_equal(get_file(temp->path, file, sizeof file), FILE_BYTES);
    for (size_t len = 0; len <= sizeof file; len++) {
        if (len != FILE_BYTES) {
            put_file(temp->path, file, len);
            assert_refused(temp, NULL, KR_CORRUPT);
            assert_int_equal(kr_keyring_is_protected(temp->path, &is_protected, NULL), KR_CORRUPT);
        }
    }
    assert_true(is_protected);
}

static void a_newer_format_is_told_apart_from_damage(void **state)
{
    const struct temp_dir *temp = *state;
    uint8_t file[100] = "KRKEYS\5";
    put_file(temp->path, file, sizeof file); /* another version may have another length */
    assert_refused(temp, NULL, KR_VERSION);
}

/* The file could be anybody's on a stick: what it asks for must not take the machine down. */
static void excessive_cost_is_refused_before_it_is_paid(void **state)
{
    const struct temp_dir *temp = *state;
    static const char *const costs[] = {"ffffffff 00000008", "00000011 00000008", "00000000 00000008", "00000001 ffffffff",
                                        "00000001 00100001", "00000001 00000007", "00000001 00000000", "ffffffff ffffffff"};
    uint8_t file[FILE_BYTES];
    save(temp, "passphrase");
    (void)get_file(temp->path, file, sizeof file);
    for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++) {
        unhex(file + 8, 8, costs[i]);
        put_file(temp->path, file, sizeof file);
        assert_refused(temp, "passphrase", KR_BOUNDS);
        assert_refused(temp, NULL, KR_BOUNDS);
    }
    assert_int_equal(kr_keyring_save_at_cost(keyring, temp->path, "x", true, 17, 8, NULL), KR_BOUNDS);
    assert_int_equal(kr_keyring_save_at_cost(keyring, temp->path, "x", true, 1, 7, NULL), KR_BOUNDS);
    assert_int_equal(kr_keyring_save_at_cost(keyring, temp->path, "x", true, 0, 8, NULL), KR_BOUNDS);
    assert_int_equal(kr_keyring_save_at_cost(keyring, temp->path, "x", true, 1, KR_LOCK_MEMORY_KIB_MAX + 1, NULL), KR_BOUNDS);
}

static void a_file_that_others_can_reach_is_refused(void **state)
{
    const struct temp_dir *temp = *state;
    char link_path[300];
    struct kr_keyring *loaded = NULL;
    bool is_protected = true;
    assert_refused(temp, NULL, KR_NOT_FOUND);
    save(temp, NULL);
    assert_int_equal(chmod(temp->path, 0644), 0);
    assert_refused(temp, NULL, KR_DENIED);
    assert_int_equal(kr_keyring_is_protected(temp->path, &is_protected, NULL), KR_DENIED);
    assert_int_equal(chmod(temp->path, 0600), 0);
    assert_loads(temp, NULL);
    (void)snprintf(link_path, sizeof link_path, "%s/link", temp->dir);
    assert_int_equal(symlink(temp->path, link_path), 0);
    assert_int_equal(kr_keyring_load(link_path, NULL, &loaded, NULL), KR_DENIED);
    assert_null(loaded);
}

/* Re-seals a changed content: the tag is right, so only the checks behind it can notice. */
static void assert_content_refused(const struct temp_dir *temp, size_t at, uint8_t change)
{
    uint8_t file[FILE_BYTES], content[CONTENT_BYTES];
    const uint8_t key[32] = {0};
    save(temp, NULL);
    (void)get_file(temp->path, file, sizeof file);
    assert_int_equal(kr_aead_open(content, file + HEADER_BYTES, FILE_BYTES - HEADER_BYTES, file, HEADER_BYTES, file + 32, key),
                     KR_OK);
    content[at] ^= change;
    kr_aead_seal(file + HEADER_BYTES, content, sizeof content, file, HEADER_BYTES, file + 32, key);
    put_file(temp->path, file, sizeof file);
    assert_refused(temp, NULL, KR_CORRUPT);
}

static void keys_that_do_not_belong_together_are_refused(void **state)
{
    const struct temp_dir *temp = *state;
    assert_content_refused(temp, 0, 1); /* root: public, seed, public behind the seed */
    assert_content_refused(temp, 32, 1);
    assert_content_refused(temp, 64, 1);
    assert_content_refused(temp, 96, 1);           /* recovery */
    assert_content_refused(temp, 224, 1);          /* node */
    assert_content_refused(temp, 423, 0x20);       /* 35 sealing keys */
    assert_content_refused(temp, BEFORE_BYTES, 1); /* the next node key */
    assert_content_refused(temp, BEFORE_BYTES + 32, 1);
    assert_content_refused(temp, 420, 0x80);

    struct kr_keyring wrong = *keyring;
    wrong.node_public[0] ^= 1;
    assert_int_equal(temp_dir_empty(temp), 1);
    assert_int_equal(kr_keyring_save(&wrong, temp->path, NULL, false, NULL), KR_INVALID);
    wrong = *keyring;
    wrong.sealing_count = KR_SEALING_KEYS_MAX + 1;
    assert_int_equal(kr_keyring_save(&wrong, temp->path, NULL, false, NULL), KR_INVALID);
    assert_int_equal(temp_dir_empty(temp), 0);
}

static void sealing_keys_are_found_by_hint(void **state)
{
    (void)state;
    uint8_t hint[KR_HINT_BYTES];
    kr_hint(hint, keyring->sealing[0].public_key);
    assert_ptr_equal(kr_keyring_sealing_by_hint(keyring, hint, 0), &keyring->sealing[0]);
    assert_null(kr_keyring_sealing_by_hint(keyring, hint, 1));
    kr_hint(hint, keyring->sealing[1].public_key); /* the third is a copy */
    assert_ptr_equal(kr_keyring_sealing_by_hint(keyring, hint, 0), &keyring->sealing[1]);
    assert_ptr_equal(kr_keyring_sealing_by_hint(keyring, hint, 1), &keyring->sealing[2]);
    assert_null(kr_keyring_sealing_by_hint(keyring, hint, 2));
    hint[3] ^= 1;
    assert_null(kr_keyring_sealing_by_hint(keyring, hint, 0));
    kr_hint(hint, keyring->sealing[3].public_key); /* unused */
    assert_null(kr_keyring_sealing_by_hint(keyring, hint, 0));
}

/* As versions before wrote it: without what stands behind `bytes` of the content. */
static void assert_old_is_read(const struct temp_dir *temp, uint8_t version, size_t bytes, size_t known)
{
    uint8_t file[FILE_BYTES], content[CONTENT_BYTES], old[FILE_BYTES];
    const uint8_t key[32] = {0};
    struct kr_keyring *loaded = NULL;
    save(temp, NULL);
    (void)get_file(temp->path, file, sizeof file);
    assert_int_equal(kr_aead_open(content, file + HEADER_BYTES, FILE_BYTES - HEADER_BYTES, file, HEADER_BYTES, file + 32, key),
                     KR_OK);
    memcpy(old, file, HEADER_BYTES);
    old[6] = version;
    kr_aead_seal(old + HEADER_BYTES, content, bytes, old, HEADER_BYTES, old + 32, key);
    put_file(temp->path, old, HEADER_BYTES + bytes + 16);
    assert_int_equal(kr_keyring_load(temp->path, NULL, &loaded, NULL), KR_OK);
    assert_memory_equal(loaded, keyring, known);
    assert_int_equal(kr_keyring_has_next(loaded), version > 1);
    assert_int_equal(kr_keyring_storage_comes(loaded), version > 2);
    if (version < 3) {
        assert_int_equal(loaded->storage_from_s, keyring->sealing[2].from_s); /* of the oldest sealing key */
    }
    assert_false(kr_keyring_transport_comes(loaded));
    assert_int_equal(kr_keyring_save_again(loaded, temp->path, true, NULL), KR_OK);
    kr_keyring_free(loaded);
    assert_int_equal(get_file(temp->path, file, sizeof file), FILE_BYTES);
    assert_int_equal(file[6], 4);
}

static void files_of_versions_before_are_read(void **state)
{
    const struct temp_dir *temp = *state;
    assert_old_is_read(temp, 1, BEFORE_BYTES, offsetof(struct kr_keyring, next_node_public));
    assert_old_is_read(temp, 2, SECOND_BYTES, offsetof(struct kr_keyring, next_storage_key));
    assert_old_is_read(temp, 3, THIRD_BYTES, offsetof(struct kr_keyring, next_transport_public));
}

static struct kr_keyring *load_keyring(const struct temp_dir *temp)
{
    struct kr_keyring *loaded = NULL;
    assert_int_equal(kr_keyring_load(temp->path, NULL, &loaded, NULL), KR_OK);
    return loaded;
}

static void assert_saved(const struct temp_dir *temp, const struct kr_keyring *expected)
{
    struct kr_keyring *loaded = load_keyring(temp);
    assert_memory_equal(loaded, expected, KEYS_BYTES);
    kr_keyring_free(loaded);
}

static struct kr_keyring *made_and_saved(const struct temp_dir *temp, const uint8_t seed[static 32])
{
    struct kr_keyring *fresh = NULL;
    assert_int_equal(kr_keyring_new(seed, 1000, &fresh, NULL), KR_OK);
    assert_int_equal(kr_keyring_save_at_cost(fresh, temp->path, NULL, true, 1, KR_LOCK_MEMORY_KIB_MIN, NULL), KR_OK);
    return fresh;
}

static void free_and_unlink(const struct temp_dir *temp, struct kr_keyring *fresh)
{
    kr_keyring_free(fresh);
    assert_int_equal(unlink(temp->path), 0);
}

static void keys_come_and_go_in_file_and_memory(void **state)
{
    const struct temp_dir *temp = *state;
    const uint8_t seed[32] = {8}, other[32] = {9};
    struct kr_keyring *fresh = made_and_saved(temp, seed);
    const struct kr_keyring first = *fresh;
    assert_int_equal(kr_keyring_prepare(fresh, other, 2000, KR_NEXT_ONCE, temp->path, NULL), KR_OK);
    const struct kr_keyring prepared = *fresh;
    assert_true(kr_keyring_has_next(fresh) && kr_sign_is_pair(fresh->next_node_public, fresh->next_node_secret));
    assert_memory_equal(fresh->node_secret, first.node_secret, 64);
    assert_int_equal(fresh->sealing_count, 2);
    assert_memory_equal(&fresh->sealing[1], &first.sealing[0], sizeof first.sealing[0]);
    assert_memory_not_equal(fresh->sealing[0].secret, first.sealing[0].secret, 32);
    assert_int_equal(fresh->sealing[0].from_s, 2000);
    assert_saved(temp, fresh);
    assert_int_equal(kr_keyring_prepare(fresh, seed, 2001, KR_NEXT_ONCE, temp->path, NULL), KR_OK); /* they wait already */
    assert_memory_equal(fresh, &prepared, KEYS_BYTES);
    assert_int_equal(kr_keyring_turn(fresh, 3000, temp->path, NULL), KR_OK);
    assert_memory_equal(fresh->node_secret, prepared.next_node_secret, 64);
    assert_false(kr_keyring_has_next(fresh));
    assert_true(fresh->sealing[0].until_s == 0 && fresh->sealing[1].until_s == 3000 + KR_KEY_OVERLAP_S);
    assert_saved(temp, fresh);
    const struct kr_keyring turned = *fresh;
    assert_int_equal(kr_keyring_turn(fresh, 4000, temp->path, NULL), KR_OK); /* nothing waits */
    assert_memory_equal(fresh, &turned, KEYS_BYTES);
    /* Another root key and recovery key, elsewhere: what is here of the ones before goes. */
    assert_int_equal(kr_keyring_follow(fresh, fresh->root_public, fresh->recovery_public, "/nowhere/at/all", NULL), KR_OK);
    assert_memory_equal(fresh, &turned, KEYS_BYTES);
    assert_int_equal(kr_keyring_follow(fresh, other, other, "/nowhere/at/all", NULL), KR_IO);
    assert_memory_equal(fresh, &turned, KEYS_BYTES);
    assert_int_equal(kr_keyring_follow(fresh, other, fresh->recovery_public, temp->path, NULL), KR_OK);
    assert_true(kr_keyring_secret(fresh, KR_KEY_ROOT) == NULL && kr_keyring_secret(fresh, KR_KEY_RECOVERY) != NULL);
    assert_memory_equal(fresh->root_public, other, 32);
    assert_int_equal(kr_keyring_follow(fresh, other, other, temp->path, NULL), KR_OK);
    assert_null(kr_keyring_secret(fresh, KR_KEY_RECOVERY));
    assert_memory_equal(fresh->recovery_public, other, 32);
    assert_saved(temp, fresh);
    assert_memory_equal(fresh->node_secret, turned.node_secret, 64);
    const struct kr_keyring followed = *fresh;
    /* Where the file cannot be written, memory has what the file has. */
    assert_int_equal(kr_keyring_prepare(fresh, other, 5000, KR_NEXT_ONCE, "/nowhere/at/all", NULL), KR_IO);
    assert_memory_equal(fresh, &followed, KEYS_BYTES);
    free_and_unlink(temp, fresh);
}

static void a_storage_key_comes_and_takes_its_place(void **state)
{
    const struct temp_dir *temp = *state;
    const uint8_t seed[32] = {8}, other[32] = {9};
    struct kr_keyring *fresh = made_and_saved(temp, seed);
    const struct kr_keyring first = *fresh;
    assert_int_equal(first.storage_from_s, 1000);
    assert_int_equal(kr_keyring_storage_turn(fresh, temp->path, NULL), KR_OK); /* none comes */
    assert_memory_equal(fresh, &first, KEYS_BYTES);
    assert_null(kr_keyring_storage_before(fresh));
    assert_int_equal(kr_keyring_storage_prepare(fresh, other, 2000, "/nowhere/at/all", NULL), KR_IO);
    assert_memory_equal(fresh, &first, KEYS_BYTES);

    assert_int_equal(kr_keyring_storage_prepare(fresh, other, 2000, temp->path, NULL), KR_OK);
    const struct kr_keyring prepared = *fresh;
    assert_saved(temp, fresh);
    assert_memory_equal(kr_keyring_storage_before(fresh), first.storage_key, 32);
    assert_memory_not_equal(kr_keyring_storage(fresh), first.storage_key, 32);
    assert_memory_equal(fresh->term_key, first.term_key, 32);
    assert_int_equal(kr_keyring_storage_prepare(fresh, seed, 2001, temp->path, NULL), KR_OK); /* one comes already */
    assert_memory_equal(fresh, &prepared, KEYS_BYTES);

    assert_int_equal(kr_keyring_storage_turn(fresh, "/nowhere/at/all", NULL), KR_IO);
    assert_memory_equal(fresh, &prepared, KEYS_BYTES);
    assert_int_equal(kr_keyring_storage_turn(fresh, temp->path, NULL), KR_OK);
    assert_null(kr_keyring_storage_before(fresh));
    assert_memory_equal(kr_keyring_storage(fresh), prepared.next_storage_key, 32);
    assert_int_equal(fresh->storage_from_s, 2000);
    assert_saved(temp, fresh);
    free_and_unlink(temp, fresh);
}

static void a_transport_key_comes_and_takes_its_place(void **state)
{
    const struct temp_dir *temp = *state;
    const uint8_t seed[32] = {8}, other[32] = {9};
    struct kr_keyring *fresh = made_and_saved(temp, seed);
    const struct kr_keyring first = *fresh;
    assert_int_equal(kr_keyring_transport_turn(fresh, temp->path, NULL), KR_OK); /* none comes */
    assert_int_equal(kr_keyring_transport_prepare(fresh, other, "/nowhere/at/all", NULL), KR_IO);
    assert_memory_equal(fresh, &first, KEYS_BYTES);

    assert_int_equal(kr_keyring_transport_prepare(fresh, other, temp->path, NULL), KR_OK);
    const struct kr_keyring prepared = *fresh;
    assert_saved(temp, fresh);
    assert_true(kr_keyring_transport_comes(fresh));
    assert_memory_equal(fresh->transport_secret, first.transport_secret, 32);
    assert_int_equal(kr_keyring_transport_prepare(fresh, seed, temp->path, NULL), KR_OK); /* one comes already */
    assert_int_equal(kr_keyring_transport_turn(fresh, "/nowhere/at/all", NULL), KR_IO);
    assert_memory_equal(fresh, &prepared, KEYS_BYTES);

    assert_int_equal(kr_keyring_transport_turn(fresh, temp->path, NULL), KR_OK);
    assert_false(kr_keyring_transport_comes(fresh));
    assert_memory_equal(fresh->transport_public, prepared.next_transport_public, 32);
    assert_memory_equal(fresh->transport_secret, prepared.next_transport_secret, 32);
    assert_memory_equal(fresh->node_secret, first.node_secret, 64);
    assert_saved(temp, fresh);
    free_and_unlink(temp, fresh);
}

static struct kr_dated_key thiefs_key(uint8_t number, uint64_t from_s, uint64_t until_s)
{
    struct kr_dated_key key = {.from_s = from_s, .until_s = until_s};
    kr_box_keypair(key.public_key, key.secret, (const uint8_t[32]){0xEE, number});
    return key;
}

static enum kr_err share_one(struct kr_keyring *own, const struct kr_dated_key *key)
{
    bool is_changed;
    return kr_keyring_share(own, own->root_public, own->recovery_public, key, 1, NULL, &is_changed, NULL);
}

/* Whatever another node tells: the key that comes next is the first, and there is room for it. */
static void keys_of_others_do_not_push_ones_own_away(void **state)
{
    (void)state;
    const uint8_t seed[32] = {8}, other[32] = {9};
    struct kr_keyring *own = NULL;
    assert_int_equal(kr_keyring_new(seed, 1000, &own, NULL), KR_OK);
    const struct kr_dated_key newer = thiefs_key(0, 1500, 0), newest = thiefs_key(1, UINT64_MAX, 0);
    assert_int_equal(share_one(own, &newer), KR_OK); /* none comes: by age */
    assert_memory_equal(&own->sealing[0], &newer, sizeof newer);
    assert_int_equal(kr_keyring_prepare(own, other, 2000, KR_NEXT_ONCE, NULL, NULL), KR_OK);
    const struct kr_dated_key next = own->sealing[0];
    assert_int_equal(share_one(own, &newest), KR_OK);
    assert_memory_equal(&own->sealing[0], &next, sizeof next);
    assert_memory_equal(&own->sealing[1], &newest, sizeof newest);
    assert_int_equal(kr_keyring_turn(own, 3000, NULL, NULL), KR_OK);
    enum kr_err err = KR_OK;
    for (uint8_t i = 2; i < 2 + KR_SEALING_KEYS_MAX; i++) {
        const struct kr_dated_key more = thiefs_key(i, 1200, 1300);
        err = share_one(own, &more);
    }
    assert_int_equal(err, KR_BOUNDS);
    assert_int_equal(kr_keyring_prepare(own, seed, 4000, KR_NEXT_ONCE, NULL, NULL), KR_OK);
    assert_int_equal(own->sealing[0].from_s, 4000);
    kr_keyring_free(own);
}

/* The oldest makes room only when nothing that was sealed to it can be alive. */
static void sealing_keys_are_kept_as_long_as_records_live(void **state)
{
    (void)state;
    const uint8_t seed[32] = {8};
    uint64_t now_s = 1000000;
    struct kr_keyring *full = NULL;
    assert_int_equal(kr_keyring_new(seed, now_s, &full, NULL), KR_OK);
    const struct kr_dated_key oldest = full->sealing[0];
    for (uint8_t i = 1; i < KR_SEALING_KEYS_MAX; i++) {
        const uint8_t own[32] = {i};
        assert_int_equal(kr_keyring_prepare(full, own, now_s, KR_NEXT_ONCE, NULL, NULL), KR_OK);
        assert_int_equal(kr_keyring_turn(full, now_s, NULL, NULL), KR_OK);
    }
    assert_memory_equal(full->sealing[KR_SEALING_KEYS_MAX - 1].secret, oldest.secret, 32);
    now_s += KR_KEY_OVERLAP_S + KR_EXPIRES_S_MAX + KR_AHEAD_MS_MAX / 1000;
    assert_int_equal(kr_keyring_prepare(full, (const uint8_t[32]){99}, now_s - 1, KR_NEXT_ONCE, NULL, NULL), KR_BOUNDS);
    assert_false(kr_keyring_has_next(full));
    assert_int_equal(kr_keyring_prepare(full, (const uint8_t[32]){99}, now_s, KR_NEXT_ONCE, NULL, NULL), KR_OK);
    assert_int_equal(full->sealing_count, KR_SEALING_KEYS_MAX);
    assert_memory_not_equal(full->sealing[KR_SEALING_KEYS_MAX - 1].secret, oldest.secret, 32);
    kr_keyring_free(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(fresh_keys_work_and_differ),
        TEST(a_storage_key_comes_and_takes_its_place),
        TEST(a_transport_key_comes_and_takes_its_place),
        TEST(keys_of_others_do_not_push_ones_own_away),
        TEST(what_is_saved_is_loaded),
        TEST(a_root_that_is_elsewhere_stays_away),
        TEST(what_was_loaded_is_saved_again_under_its_lock),
        TEST(saving_replaces_on_request_only),
        TEST(the_default_cost_is_what_the_header_says),
        TEST(the_file_is_laid_out_as_documented),
        TEST(salt_and_nonce_are_fresh_each_time),
        TEST(keys_beyond_the_count_are_not_written),
        TEST(a_wrong_or_missing_passphrase_is_refused),
        TEST(every_changed_byte_is_noticed),
        TEST(every_other_length_is_refused),
        TEST(a_newer_format_is_told_apart_from_damage),
        TEST(excessive_cost_is_refused_before_it_is_paid),
        TEST(a_file_that_others_can_reach_is_refused),
        TEST(keys_that_do_not_belong_together_are_refused),
        TEST(sealing_keys_are_found_by_hint),
        TEST(files_of_versions_before_are_read),
        TEST(keys_come_and_go_in_file_and_memory),
        TEST(sealing_keys_are_kept_as_long_as_records_live),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
