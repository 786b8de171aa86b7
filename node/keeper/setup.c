/* Making a node. Everything is made in a directory beside its place and moved there when it is whole, the keyring last: with it
 * the node is there, without it there is none. What an init that was killed left behind is known by that directory's keyring, which
 * was never in use, and is cleared away by the next. */
#include <errno.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crypto/private_file.h"
#include "crypto/secret.h"
#include "node/core/loop.h"
#include "node/keeper/backups.h"
#include "node/keeper/keeper.h"
#include "node/keeper/log.h"

static bool is_there(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

static void remove_tree(const char *path)
{
    if (is_there(path) && nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0) {
        kr_log(KR_LOG_WARNING, "cannot remove %s (%s): remove it by hand", path, strerror(errno));
    }
}

/* Refuses where there is a node; clears away what a killed init left. */
static enum kr_err make_room(const struct kr_place *place, const char *new_keyring, struct kr_error *error)
{
    if (is_there(place->keyring)) {
        return kr_fail(error, KR_EXISTS, "there is a node in %s already: it is left as it is", place->directory);
    }
    if (is_there(new_keyring)) {
        remove_tree(place->store);
    }
    if (is_there(place->store)) {
        return kr_fail(error, KR_EXISTS,
                       "there is a store in %s, but no keyring: put the keyring back from your copy, or move the store away",
                       place->directory);
    }
    remove_tree(place->making);
    return KR_OK;
}

/* What the core is told first in a node's life: KR_EVENT_INIT founds a council, KR_EVENT_INIT_NODE asks to be a node of one. */
struct birth {
    enum kr_event_type type;
    struct kr_slice bytes;
};

/* The core's answer is its silence; what it could not do comes back as the loop's error. */
static enum kr_err found(struct kr_loop *loop, const struct birth *birth, uint8_t ret_council[static 32], struct kr_error *error)
{
    struct kr_effects effects;
    uint8_t seed[32];
    size_t done = 0;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const struct kr_event event = {
        .type = birth->type, .now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000, .bytes = birth->bytes};
    kr_effects_init(&effects);
    randombytes_buf(seed, sizeof seed);
    enum kr_err err = kr_loop_run(loop, &event, 1, seed, NULL, NULL, &effects, &done);
    kr_effects_deinit(&effects);
    if (err != KR_OK) {
        return kr_fail(error, err, "the node's first statements cannot be made: %s", kr_err_text(err));
    }
    struct kr_core_stat stat;
    kr_core_stat(kr_loop_core(loop), &stat);
    memcpy(ret_council, stat.council, 32);
    return KR_OK;
}

static enum kr_err make_store(const char *path, const struct kr_keyring *keyring, const struct birth *birth,
                              uint8_t ret_council[static 32], struct kr_error *error)
{
    struct kr_store *store = NULL;
    struct kr_loop *loop = NULL;
    const struct kr_store_options options = {.path = path,
                                             .storage_key = keyring->storage_key,
                                             .term_key = keyring->term_key,
                                             .term_generation = keyring->term_generation};
    const struct kr_core_options core = {.keyring = keyring, .endpoint = ""};
    enum kr_err err = kr_store_open(&options, &store, error);
    if (err == KR_OK) {
        err = kr_loop_new(store, &core, &loop, error);
    }
    if (err == KR_OK) {
        err = found(loop, birth, ret_council, error);
    }
    kr_loop_free(loop);
    kr_store_close(store);
    return err;
}

static enum kr_err make_keyring(const char *path, const char *passphrase, bool is_further, struct kr_keyring **ret_keyring,
                                struct kr_error *error)
{
    uint8_t seed[32];
    struct kr_keyring *keyring = NULL;
    randombytes_buf(seed, sizeof seed);
    enum kr_err err = is_further ? kr_keyring_new_node(seed, (uint64_t)time(NULL), &keyring, error)
                                 : kr_keyring_new(seed, (uint64_t)time(NULL), &keyring, error);
    sodium_memzero(seed, sizeof seed);
    if (err == KR_OK) {
        err = kr_keyring_save(keyring, path, passphrase, false, error);
    }
    if (err != KR_OK) {
        kr_keyring_free(keyring);
        return err;
    }
    *ret_keyring = keyring;
    return KR_OK;
}

static enum kr_err move(const char *from, const char *to, struct kr_error *error)
{
    return rename(from, to) == 0 ? KR_OK : kr_fail(error, KR_IO, "cannot put a file at %s: %s", to, strerror(errno));
}

/* A power cut between any two of these steps leaves no node, or a whole one: each is durable before the next begins. */
static enum kr_err put_in_place(const struct kr_place *place, const char *new_store, const char *new_keyring,
                                struct kr_error *error)
{
    char data[KR_PLACE_PATH_MAX];
    enum kr_err err = kr_place_join(data, new_store, "data.mdb", error);
    if (err == KR_OK) {
        err = kr_private_file_sync_name(data, error);
    }
    if (err == KR_OK) {
        err = move(new_store, place->store, error);
    }
    if (err == KR_OK) {
        err = kr_private_file_sync_name(place->store, error);
    }
    if (err == KR_OK) {
        err = move(new_keyring, place->keyring, error);
    }
    if (err != KR_OK) {
        if (!is_there(new_store)) {
            remove_tree(place->store);
        }
        return err;
    }
    sync(); /* the last name, and the directories above it: this happens once in a node's life */
    return KR_OK;
}

/* `ret_node_key`: what tells it from the council's other nodes. */
static enum kr_err make_node(const struct kr_place *place, const struct kr_passphrase_source *source, const struct birth *birth,
                             uint8_t ret_council[static 32], uint8_t ret_node_key[static 32], struct kr_error *error)
{
    const bool is_further = birth->type == KR_EVENT_INIT_NODE;
    char new_keyring[KR_PLACE_PATH_MAX], new_store[KR_PLACE_PATH_MAX];
    char *passphrase = NULL;
    struct kr_keyring *keyring = NULL;
    bool is_begun = false;
    enum kr_err err = kr_place_join(new_keyring, place->making, "keyring", error);
    if (err == KR_OK) {
        err = kr_place_join(new_store, place->making, "store", error);
    }
    if (err == KR_OK) {
        err = make_room(place, new_keyring, error);
    }
    if (err == KR_OK) {
        err = kr_passphrase_get(source, &passphrase, error);
    }
    if (err == KR_OK && passphrase == NULL) {
        kr_log(KR_LOG_NOTICE,
               "the keyring is unprotected: whoever can read this user's files has the node's keys; give a passphrase");
    }
    if (err != KR_OK) {
        goto out;
    }
    is_begun = true;
    if (mkdir(place->making, 0700) != 0) {
        err = kr_fail(error, KR_IO, "cannot make the directory %s: %s", place->making, strerror(errno));
        goto out;
    }
    err = make_keyring(new_keyring, passphrase, is_further, &keyring, error);
    if (err == KR_OK && mkdir(new_store, 0700) != 0) {
        err = kr_fail(error, KR_IO, "cannot make the directory %s: %s", new_store, strerror(errno));
    }
    if (err == KR_OK) {
        err = make_store(new_store, keyring, birth, ret_council, error);
    }
    if (err == KR_OK) {
        memcpy(ret_node_key, keyring->node_public, 32);
    }
    if (err == KR_OK && !is_further) { /* which keeper does once another node has told it */
        err = kr_backups_put_key(place->directory, ret_council, keyring->recovery_public, error);
    }
    if (err == KR_OK) {
        err = put_in_place(place, new_store, new_keyring, error);
    }
out:
    if (is_begun) {
        remove_tree(place->making);
    }
    kr_keyring_free(keyring);
    kr_secret_free(passphrase);
    return err;
}

static int begin(const struct kr_place *place, const struct kr_passphrase_source *source, const struct birth *birth)
{
    struct kr_error error = {0};
    uint8_t council[32], node_key[32];
    int lock = -1;
    kr_log_init(KR_LOG_NOTICE);
    enum kr_err err = kr_keeper_harden(&error);
    if (err == KR_OK) {
        err = kr_crypto_init();
    }
    if (err == KR_OK) {
        err = kr_place_make(place, &error);
    }
    if (err == KR_OK) {
        err = kr_place_lock(place, KR_PLACE_LOCK_WAIT_MS, &lock, &error);
    }
    if (err == KR_OK) {
        err = make_node(place, source, birth, council, node_key, &error);
    }
    if (lock >= 0) {
        (void)close(lock);
    }
    if (err != KR_OK) {
        kr_log(KR_LOG_ERROR, "%s", error.text[0] != 0 ? error.text : kr_err_text(err));
        return err == KR_LOCKED ? KR_EXIT_RUNNING : KR_EXIT_FAILURE;
    }
    char hex[65], key[65];
    sodium_bin2hex(hex, sizeof hex, council, sizeof council);
    sodium_bin2hex(key, sizeof key, node_key, sizeof node_key);
    const bool said = birth->type == KR_EVENT_INIT_NODE ? printf("%s %s\n", hex, key) > 0 : printf("%s\n", hex) > 0;
    return said && fflush(stdout) == 0 ? KR_EXIT_OK : KR_EXIT_FAILURE;
}

int kr_keeper_init(const struct kr_place *place, const struct kr_passphrase_source *source, const struct kr_init *init)
{
    struct kr_writer writer;
    kr_writer_init(&writer, 16 * KR_KIB);
    kr_init_write(init, &writer);
    const struct birth birth = {.type = KR_EVENT_INIT, .bytes = {writer.bytes, writer.len}};
    const int status = kr_writer_finish(&writer) == KR_OK ? begin(place, source, &birth) : KR_EXIT_FAILURE;
    kr_writer_deinit(&writer);
    return status;
}

int kr_keeper_init_node(const struct kr_place *place, const struct kr_passphrase_source *source, const struct kr_node_init *init)
{
    struct kr_writer writer;
    kr_writer_init(&writer, 4 * KR_KIB);
    kr_node_init_write(init, &writer);
    const struct birth birth = {.type = KR_EVENT_INIT_NODE, .bytes = {writer.bytes, writer.len}};
    const int status = kr_writer_finish(&writer) == KR_OK ? begin(place, source, &birth) : KR_EXIT_FAILURE;
    if (writer.bytes != NULL) {
        sodium_memzero(writer.bytes, writer.len); /* the ticket's secret */
    }
    kr_writer_deinit(&writer);
    return status;
}
