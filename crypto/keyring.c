#include "crypto/keyring.h"

#include <sodium.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/limits.h"
#include "crypto/seal.h"
#include "crypto/secret.h"
#include "crypto/sign.h"

#define SEALING_KEY_BYTES (32 + 32 + 8 + 8)
#define CONTENT_BYTES_1   (3 * (32 + 64) + (32 + 32) + 32 + 32 + 4 + 4 + KR_SEALING_KEYS_FIRST * SEALING_KEY_BYTES)
#define CONTENT_BYTES_2   (CONTENT_BYTES_1 + 32 + 64 + (KR_SEALING_KEYS_MAX - KR_SEALING_KEYS_FIRST) * SEALING_KEY_BYTES)
#define CONTENT_BYTES_3   (CONTENT_BYTES_2 + 32 + 8 + 8)
#define CONTENT_BYTES     (CONTENT_BYTES_3 + 32 + 32)

static const struct kr_locked_sort sort = {.magic = "KRKEYS",
                                           .what = "a keyring",
                                           .repair = "restore it from a backup",
                                           .version = 4,
                                           .is_private = true,
                                           .content_bytes = CONTENT_BYTES,
                                           .before_bytes = {CONTENT_BYTES_3, CONTENT_BYTES_2, CONTENT_BYTES_1}};

/* Everything secret on the way between file and keyring; in locked memory. */
struct work {
    uint8_t content[CONTENT_BYTES];
    struct kr_keyring keyring; /* what is written: a copy whose unused places are zero */
};

static void put_be(uint8_t *to, uint64_t value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        to[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    }
}

static uint64_t get_be(const uint8_t *from, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        value = value << 8 | from[i];
    }
    return value;
}

/* ---- Fresh keys ---- */

/* Every key has a name, so that a new sort of key never changes those that a seed gave before. */
static void derive(uint8_t ret_seed[static 32], const uint8_t seed[static 32], const char *name)
{
    kr_hash_keyed(ret_seed, 32, seed, "kairan keyring ", name, strlen(name));
}

enum kr_err kr_keyring_new(const uint8_t seed[static 32], uint64_t now_s, struct kr_keyring **ret, struct kr_error *error)
{
    void *memory = NULL;
    enum kr_err err = kr_secret_new(sizeof(struct kr_keyring), &memory, error);
    if (err != KR_OK) {
        return err;
    }
    struct kr_keyring *keyring = memory;
    uint8_t sub[32];
    derive(sub, seed, "root");
    kr_sign_keypair(keyring->root_public, keyring->root_secret, sub);
    derive(sub, seed, "recovery");
    kr_sign_keypair(keyring->recovery_public, keyring->recovery_secret, sub);
    derive(sub, seed, "node");
    kr_sign_keypair(keyring->node_public, keyring->node_secret, sub);
    derive(sub, seed, "transport");
    kr_box_keypair(keyring->transport_public, keyring->transport_secret, sub);
    derive(sub, seed, "sealing");
    kr_box_keypair(keyring->sealing[0].public_key, keyring->sealing[0].secret, sub);
    derive(keyring->storage_key, seed, "storage");
    keyring->storage_from_s = now_s;
    derive(keyring->term_key, seed, "term");
    keyring->sealing[0].from_s = now_s;
    keyring->sealing_count = 1;
    keyring->term_generation = 1;
    sodium_memzero(sub, sizeof sub);
    *ret = keyring;
    return KR_OK;
}

void kr_keyring_free(struct kr_keyring *keyring)
{
    kr_secret_free(keyring);
}

/* ---- Content ---- */

/* Walks the content in one order for both directions, so that writing and reading cannot drift apart. */
struct cursor {
    uint8_t *at;
    bool writing;
};

static void walk_bytes(struct cursor *cursor, uint8_t *field, size_t len)
{
    if (cursor->writing) {
        memcpy(cursor->at, field, len);
    } else {
        memcpy(field, cursor->at, len);
    }
    cursor->at += len;
}

static void walk_u32(struct cursor *cursor, uint32_t *field)
{
    if (cursor->writing) {
        put_be(cursor->at, *field, 4);
    } else {
        *field = (uint32_t)get_be(cursor->at, 4);
    }
    cursor->at += 4;
}

static void walk_u64(struct cursor *cursor, uint64_t *field)
{
    if (cursor->writing) {
        put_be(cursor->at, *field, 8);
    } else {
        *field = get_be(cursor->at, 8);
    }
    cursor->at += 8;
}

static void walk_sealing(struct cursor *cursor, struct kr_dated_key *key)
{
    walk_bytes(cursor, key->public_key, 32);
    walk_bytes(cursor, key->secret, 32);
    walk_u64(cursor, &key->from_s);
    walk_u64(cursor, &key->until_s);
}

static void walk_content(uint8_t content[static CONTENT_BYTES], struct kr_keyring *keyring, bool writing)
{
    struct cursor cursor = {.at = content, .writing = writing};
    walk_bytes(&cursor, keyring->root_public, 32);
    walk_bytes(&cursor, keyring->root_secret, 64);
    walk_bytes(&cursor, keyring->recovery_public, 32);
    walk_bytes(&cursor, keyring->recovery_secret, 64);
    walk_bytes(&cursor, keyring->node_public, 32);
    walk_bytes(&cursor, keyring->node_secret, 64);
    walk_bytes(&cursor, keyring->transport_public, 32);
    walk_bytes(&cursor, keyring->transport_secret, 32);
    walk_bytes(&cursor, keyring->storage_key, 32);
    walk_bytes(&cursor, keyring->term_key, 32);
    walk_u32(&cursor, &keyring->term_generation);
    walk_u32(&cursor, &keyring->sealing_count);
    for (size_t i = 0; i < KR_SEALING_KEYS_FIRST; i++) {
        walk_sealing(&cursor, &keyring->sealing[i]);
    }
    walk_bytes(&cursor, keyring->next_node_public, 32);
    walk_bytes(&cursor, keyring->next_node_secret, 64);
    for (size_t i = KR_SEALING_KEYS_FIRST; i < KR_SEALING_KEYS_MAX; i++) {
        walk_sealing(&cursor, &keyring->sealing[i]);
    }
    walk_bytes(&cursor, keyring->next_storage_key, 32);
    walk_u64(&cursor, &keyring->storage_from_s);
    walk_u64(&cursor, &keyring->next_storage_from_s);
    walk_bytes(&cursor, keyring->next_transport_public, 32);
    walk_bytes(&cursor, keyring->next_transport_secret, 32);
    KR_ASSERT(cursor.at == content + CONTENT_BYTES);
}

/* ---- Reading ---- */

/* A secret of zeros is elsewhere. */
static bool pair_matches(const uint8_t public_key[static 32], const uint8_t secret[static 64])
{
    return sodium_is_zero(secret, 64) || kr_sign_is_pair(public_key, secret);
}

static bool is_consistent(const struct kr_keyring *keyring)
{
    return keyring->sealing_count <= KR_SEALING_KEYS_MAX && pair_matches(keyring->root_public, keyring->root_secret) &&
           pair_matches(keyring->recovery_public, keyring->recovery_secret) &&
           pair_matches(keyring->node_public, keyring->node_secret) &&
           pair_matches(keyring->next_node_public, keyring->next_node_secret);
}

/* Before version 3 nothing said when the storage key was made: with the keyring, as its oldest sealing key was. */
static void date_storage(struct kr_keyring *keyring)
{
    if (keyring->storage_from_s == 0 && keyring->sealing_count > 0) {
        keyring->storage_from_s = keyring->sealing[keyring->sealing_count - 1].from_s;
    }
}

enum kr_err kr_keyring_load(const char *path, const char *passphrase, struct kr_keyring **ret, struct kr_error *error)
{
    void *work = NULL, *keyring = NULL;
    enum kr_err err = kr_secret_new(sizeof(struct work), &work, error);
    if (err == KR_OK) {
        err = kr_secret_new(sizeof(struct kr_keyring), &keyring, error);
    }
    if (err == KR_OK) {
        err = kr_locked_read(path, &sort, passphrase, &((struct kr_keyring *)keyring)->lock, ((struct work *)work)->content, error);
    }
    if (err == KR_OK) {
        walk_content(((struct work *)work)->content, keyring, false);
        err = is_consistent(keyring)
                  ? KR_OK
                  : kr_fail(error, KR_CORRUPT, "%s holds keys that do not belong together: restore it from a backup", path);
    }
    kr_secret_free(work);
    if (err != KR_OK) {
        kr_secret_free(keyring);
        return err;
    }
    date_storage(keyring);
    *ret = keyring;
    return KR_OK;
}

enum kr_err kr_keyring_is_protected(const char *path, bool *ret_protected, struct kr_error *error)
{
    return kr_locked_is_protected(path, &sort, ret_protected, error);
}

/* ---- Writing ---- */

enum kr_err kr_keyring_save_again(const struct kr_keyring *keyring, const char *path, bool replace, struct kr_error *error)
{
    void *memory = NULL;
    if (!is_consistent(keyring)) {
        return kr_fail(error, KR_INVALID, "the keyring for %s holds keys that do not belong together", path);
    }
    enum kr_err err = kr_secret_new(sizeof(struct work), &memory, error);
    if (err != KR_OK) {
        return err;
    }
    struct work *work = memory;
    work->keyring = *keyring;
    for (size_t i = keyring->sealing_count; i < KR_SEALING_KEYS_MAX; i++) {
        sodium_memzero(&work->keyring.sealing[i], sizeof work->keyring.sealing[i]);
    }
    walk_content(work->content, &work->keyring, true);
    err = kr_locked_write(path, &sort, &keyring->lock, work->content, replace, error);
    kr_secret_free(memory);
    return err;
}

enum kr_err kr_keyring_save_at_cost(struct kr_keyring *keyring, const char *path, const char *passphrase, bool replace,
                                    uint32_t opslimit, uint32_t memory_kib, struct kr_error *error)
{
    enum kr_err err = kr_lock_make(&keyring->lock, passphrase, opslimit, memory_kib, error);
    return err != KR_OK ? err : kr_keyring_save_again(keyring, path, replace, error);
}

enum kr_err kr_keyring_save(struct kr_keyring *keyring, const char *path, const char *passphrase, bool replace,
                            struct kr_error *error)
{
    return kr_keyring_save_at_cost(keyring, path, passphrase, replace, KR_KEYRING_OPSLIMIT, KR_KEYRING_MEMORY_KIB, error);
}

/* ---- Keys that can be elsewhere ---- */

const uint8_t *kr_keyring_public(const struct kr_keyring *keyring, enum kr_key_role role)
{
    return role == KR_KEY_ROOT ? keyring->root_public : keyring->recovery_public;
}

const uint8_t *kr_keyring_secret(const struct kr_keyring *keyring, enum kr_key_role role)
{
    const uint8_t *secret = role == KR_KEY_ROOT ? keyring->root_secret : keyring->recovery_secret;
    return sodium_is_zero(secret, 64) ? NULL : secret;
}

static void wipe(struct kr_keyring *keyring, enum kr_key_role role)
{
    sodium_memzero(role == KR_KEY_ROOT ? keyring->root_secret : keyring->recovery_secret, 64);
}

enum kr_err kr_keyring_take_out(struct kr_keyring *keyring, enum kr_key_role role, const char *path, struct kr_error *error)
{
    void *memory = NULL;
    enum kr_err err = kr_secret_new(sizeof *keyring, &memory, error);
    if (err != KR_OK) {
        return err;
    }
    struct kr_keyring *without = memory;
    *without = *keyring;
    wipe(without, role);
    err = kr_keyring_save_again(without, path, true, error);
    if (err == KR_OK) {
        wipe(keyring, role);
    }
    kr_secret_free(memory);
    return err;
}

/* ---- Keys that come and go ---- */

bool kr_keyring_has_next(const struct kr_keyring *keyring)
{
    return !sodium_is_zero(keyring->next_node_secret, 64);
}

/* First in the file, then in memory: what the file does not have may be lost at any moment. */
static enum kr_err adopt(struct kr_keyring *keyring, const struct kr_keyring *changed, const char *path, struct kr_error *error)
{
    enum kr_err err = path != NULL ? kr_keyring_save_again(changed, path, true, error) : KR_OK;
    if (err == KR_OK) {
        *keyring = *changed;
    }
    return err;
}

/* Leaves the first place free. */
static enum kr_err make_room(struct kr_keyring *keyring, uint64_t now_s, struct kr_error *error)
{
    if (keyring->sealing_count == KR_SEALING_KEYS_MAX) {
        const struct kr_dated_key *oldest = &keyring->sealing[keyring->sealing_count - 1];
        const uint64_t needed_s = KR_EXPIRES_S_MAX + KR_AHEAD_MS_MAX / 1000u;
        if (oldest->until_s == 0 || now_s < oldest->until_s + needed_s) {
            return kr_fail(error, KR_BOUNDS,
                           "the keyring is full: %u sealing keys are kept, and records that were sealed to the oldest may be alive",
                           (unsigned)KR_SEALING_KEYS_MAX);
        }
        keyring->sealing_count--;
    }
    memmove(&keyring->sealing[1], &keyring->sealing[0], keyring->sealing_count * sizeof keyring->sealing[0]);
    keyring->sealing_count++;
    return KR_OK;
}

enum kr_err kr_keyring_prepare(struct kr_keyring *keyring, const uint8_t seed[static 32], uint64_t now_s, enum kr_next_keys how,
                               const char *path, struct kr_error *error)
{
    void *memory = NULL;
    uint8_t sub[32];
    const bool waits = kr_keyring_has_next(keyring);
    if (waits && how == KR_NEXT_ONCE) {
        return KR_OK;
    }
    enum kr_err err = kr_secret_new(sizeof *keyring, &memory, error);
    if (err != KR_OK) {
        return err;
    }
    struct kr_keyring *changed = memory;
    *changed = *keyring;
    err = waits && how == KR_NEXT_ANEW ? KR_OK : make_room(changed, now_s, error);
    if (err == KR_OK) {
        derive(sub, seed, "node");
        kr_sign_keypair(changed->next_node_public, changed->next_node_secret, sub);
        derive(sub, seed, "sealing");
        changed->sealing[0] = (struct kr_dated_key){.from_s = now_s};
        kr_box_keypair(changed->sealing[0].public_key, changed->sealing[0].secret, sub);
        sodium_memzero(sub, sizeof sub);
        err = adopt(keyring, changed, path, error);
    }
    kr_secret_free(memory);
    return err;
}

enum kr_err kr_keyring_turn(struct kr_keyring *keyring, uint64_t now_s, const char *path, struct kr_error *error)
{
    void *memory = NULL;
    if (!kr_keyring_has_next(keyring)) {
        return KR_OK;
    }
    enum kr_err err = kr_secret_new(sizeof *keyring, &memory, error);
    if (err != KR_OK) {
        return err;
    }
    struct kr_keyring *changed = memory;
    *changed = *keyring;
    memcpy(changed->node_public, keyring->next_node_public, 32);
    memcpy(changed->node_secret, keyring->next_node_secret, 64);
    memset(changed->next_node_public, 0, 32);
    sodium_memzero(changed->next_node_secret, 64);
    for (uint32_t i = 1; i < changed->sealing_count; i++) {
        struct kr_dated_key *key = &changed->sealing[i];
        key->until_s = key->until_s == 0 ? now_s + KR_KEY_OVERLAP_S : key->until_s;
    }
    err = adopt(keyring, changed, path, error);
    kr_secret_free(memory);
    return err;
}

bool kr_keyring_storage_comes(const struct kr_keyring *keyring)
{
    return !sodium_is_zero(keyring->next_storage_key, 32);
}

const uint8_t *kr_keyring_storage(const struct kr_keyring *keyring)
{
    return kr_keyring_storage_comes(keyring) ? keyring->next_storage_key : keyring->storage_key;
}

const uint8_t *kr_keyring_storage_before(const struct kr_keyring *keyring)
{
    return kr_keyring_storage_comes(keyring) ? keyring->storage_key : NULL;
}

enum kr_err kr_keyring_storage_prepare(struct kr_keyring *keyring, const uint8_t seed[static 32], uint64_t now_s, const char *path,
                                       struct kr_error *error)
{
    void *memory = NULL;
    if (kr_keyring_storage_comes(keyring)) {
        return KR_OK;
    }
    enum kr_err err = kr_secret_new(sizeof *keyring, &memory, error);
    if (err != KR_OK) {
        return err;
    }
    struct kr_keyring *changed = memory;
    *changed = *keyring;
    derive(changed->next_storage_key, seed, "storage");
    changed->next_storage_from_s = now_s;
    err = adopt(keyring, changed, path, error);
    kr_secret_free(memory);
    return err;
}

enum kr_err kr_keyring_storage_turn(struct kr_keyring *keyring, const char *path, struct kr_error *error)
{
    void *memory = NULL;
    if (!kr_keyring_storage_comes(keyring)) {
        return KR_OK;
    }
    enum kr_err err = kr_secret_new(sizeof *keyring, &memory, error);
    if (err != KR_OK) {
        return err;
    }
    struct kr_keyring *changed = memory;
    *changed = *keyring;
    memcpy(changed->storage_key, keyring->next_storage_key, 32);
    changed->storage_from_s = keyring->next_storage_from_s;
    sodium_memzero(changed->next_storage_key, 32);
    changed->next_storage_from_s = 0;
    err = adopt(keyring, changed, path, error);
    kr_secret_free(memory);
    return err;
}

bool kr_keyring_transport_comes(const struct kr_keyring *keyring)
{
    return !sodium_is_zero(keyring->next_transport_secret, 32);
}

enum kr_err kr_keyring_transport_prepare(struct kr_keyring *keyring, const uint8_t seed[static 32], const char *path,
                                         struct kr_error *error)
{
    void *memory = NULL;
    uint8_t sub[32];
    if (kr_keyring_transport_comes(keyring)) {
        return KR_OK;
    }
    enum kr_err err = kr_secret_new(sizeof *keyring, &memory, error);
    if (err != KR_OK) {
        return err;
    }
    struct kr_keyring *changed = memory;
    *changed = *keyring;
    derive(sub, seed, "transport");
    kr_box_keypair(changed->next_transport_public, changed->next_transport_secret, sub);
    sodium_memzero(sub, sizeof sub);
    err = adopt(keyring, changed, path, error);
    kr_secret_free(memory);
    return err;
}

enum kr_err kr_keyring_transport_turn(struct kr_keyring *keyring, const char *path, struct kr_error *error)
{
    void *memory = NULL;
    if (!kr_keyring_transport_comes(keyring)) {
        return KR_OK;
    }
    enum kr_err err = kr_secret_new(sizeof *keyring, &memory, error);
    if (err != KR_OK) {
        return err;
    }
    struct kr_keyring *changed = memory;
    *changed = *keyring;
    memcpy(changed->transport_public, keyring->next_transport_public, 32);
    memcpy(changed->transport_secret, keyring->next_transport_secret, 32);
    memset(changed->next_transport_public, 0, 32);
    sodium_memzero(changed->next_transport_secret, 32);
    err = adopt(keyring, changed, path, error);
    kr_secret_free(memory);
    return err;
}

enum kr_err kr_keyring_follow(struct kr_keyring *keyring, const uint8_t root_public[static 32],
                              const uint8_t recovery_public[static 32], const char *path, struct kr_error *error)
{
    void *memory = NULL;
    const bool has_root = memcmp(keyring->root_public, root_public, 32) == 0;
    const bool has_recovery = memcmp(keyring->recovery_public, recovery_public, 32) == 0;
    if (has_root && has_recovery) {
        return KR_OK;
    }
    enum kr_err err = kr_secret_new(sizeof *keyring, &memory, error);
    if (err != KR_OK) {
        return err;
    }
    struct kr_keyring *changed = memory;
    *changed = *keyring;
    if (!has_root) {
        memcpy(changed->root_public, root_public, 32);
        wipe(changed, KR_KEY_ROOT);
    }
    if (!has_recovery) {
        memcpy(changed->recovery_public, recovery_public, 32);
        wipe(changed, KR_KEY_RECOVERY);
    }
    err = adopt(keyring, changed, path, error);
    kr_secret_free(memory);
    return err;
}

/* ---- what all nodes of one council have ---- */

static void share_public(uint8_t own[static 32], const uint8_t *secret, const uint8_t given[static 32], bool *changed)
{
    if (sodium_is_zero(secret, 64) && memcmp(own, given, 32) != 0) {
        memcpy(own, given, 32);
        *changed = true;
    }
}

static const struct kr_dated_key *find_sealing(const struct kr_keyring *keyring, const uint8_t public_key[static 32])
{
    for (uint32_t i = 0; i < keyring->sealing_count; i++) {
        if (memcmp(keyring->sealing[i].public_key, public_key, 32) == 0) {
            return &keyring->sealing[i];
        }
    }
    return NULL;
}

/* Whether the key as given ends before our own copy of it. */
static bool is_earlier(const struct kr_dated_key *given, const struct kr_dated_key *own)
{
    return given->until_s != 0 && (own->until_s == 0 || given->until_s < own->until_s);
}

/* False where there is no room for it: the last place is our own next key's, whatever others tell. Our own that comes next stays in
 * front, by which it is known. */
static bool share_sealing(struct kr_keyring *keyring, const struct kr_dated_key *given, bool *changed)
{
    const struct kr_dated_key *own = find_sealing(keyring, given->public_key);
    if (own != NULL) {
        if (is_earlier(given, own)) {
            keyring->sealing[own - keyring->sealing].until_s = given->until_s;
            *changed = true;
        }
        return true;
    }
    if (keyring->sealing_count >= KR_SEALING_KEYS_MAX - 1) {
        return false;
    }
    uint32_t at = kr_keyring_has_next(keyring) && keyring->sealing_count > 0 ? 1 : 0;
    while (at < keyring->sealing_count && keyring->sealing[at].from_s > given->from_s) {
        at++;
    }
    memmove(&keyring->sealing[at + 1], &keyring->sealing[at], (keyring->sealing_count - at) * sizeof keyring->sealing[0]);
    keyring->sealing[at] = *given;
    keyring->sealing_count++;
    *changed = true;
    return true;
}

/* `*ret_fits` false: not all found room. */
static bool share(struct kr_keyring *keyring, const uint8_t root_public[static 32], const uint8_t recovery_public[static 32],
                  const struct kr_dated_key *sealing, uint32_t count, bool *ret_fits)
{
    bool changed = false;
    *ret_fits = true;
    share_public(keyring->root_public, keyring->root_secret, root_public, &changed);
    share_public(keyring->recovery_public, keyring->recovery_secret, recovery_public, &changed);
    for (uint32_t i = 0; i < count; i++) {
        *ret_fits = share_sealing(keyring, &sealing[i], &changed) && *ret_fits;
    }
    return changed;
}

bool kr_keyring_lacks(const struct kr_keyring *keyring, const uint8_t root_public[static 32],
                      const uint8_t recovery_public[static 32], const struct kr_dated_key *sealing, uint32_t count)
{
    bool lacks = (sodium_is_zero(keyring->root_secret, 64) && memcmp(keyring->root_public, root_public, 32) != 0) ||
                 (sodium_is_zero(keyring->recovery_secret, 64) && memcmp(keyring->recovery_public, recovery_public, 32) != 0);
    for (uint32_t i = 0; i < count && !lacks; i++) {
        const struct kr_dated_key *own = find_sealing(keyring, sealing[i].public_key);
        lacks = own == NULL || is_earlier(&sealing[i], own);
    }
    return lacks;
}

enum kr_err kr_keyring_share(struct kr_keyring *keyring, const uint8_t root_public[static 32],
                             const uint8_t recovery_public[static 32], const struct kr_dated_key *sealing, uint32_t count,
                             const char *path, bool *ret_changed, struct kr_error *error)
{
    void *memory = NULL;
    bool fits = true;
    enum kr_err err = kr_secret_new(sizeof *keyring, &memory, error);
    if (err != KR_OK) {
        return err;
    }
    struct kr_keyring *changed = memory;
    *changed = *keyring;
    const bool is_changed = share(changed, root_public, recovery_public, sealing, count, &fits);
    if (is_changed) {
        err = adopt(keyring, changed, path, error);
    }
    if (err == KR_OK && !fits) {
        err = kr_fail(error, KR_BOUNDS, "the keyring is full: %u sealing keys are kept, and another node of this council has more",
                      (unsigned)KR_SEALING_KEYS_MAX);
    }
    *ret_changed = is_changed;
    kr_secret_free(memory);
    return err;
}

enum kr_err kr_keyring_new_node(const uint8_t seed[static 32], uint64_t now_s, struct kr_keyring **ret, struct kr_error *error)
{
    struct kr_keyring *keyring = NULL;
    enum kr_err err = kr_keyring_new(seed, now_s, &keyring, error);
    if (err == KR_OK) {
        sodium_memzero(keyring->root_public, sizeof keyring->root_public);
        sodium_memzero(keyring->root_secret, sizeof keyring->root_secret);
        sodium_memzero(keyring->recovery_public, sizeof keyring->recovery_public);
        sodium_memzero(keyring->recovery_secret, sizeof keyring->recovery_secret);
        sodium_memzero(&keyring->sealing[0], sizeof keyring->sealing[0]);
        keyring->sealing_count = 0;
        *ret = keyring;
    }
    return err;
}

const struct kr_dated_key *kr_keyring_sealing_by_hint(const struct kr_keyring *keyring, const uint8_t hint[static 4],
                                                      uint32_t index)
{
    for (uint32_t i = 0; i < keyring->sealing_count; i++) {
        uint8_t own[KR_HINT_BYTES];
        kr_hint(own, keyring->sealing[i].public_key);
        if (memcmp(own, hint, KR_HINT_BYTES) == 0 && index-- == 0) {
            return &keyring->sealing[i];
        }
    }
    return NULL;
}
