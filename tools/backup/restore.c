#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* fallocate */
#endif
#include "tools/backup/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/private_file.h"

#define UNFINISHED "restore.unfinished"
#define LISTS      "warninglists"

struct restore {
    const struct kr_backup_restoring *restoring;
    struct kr_backup_restored *restored;
    struct kr_error *error;
    char unfinished[KR_BACKUP_PATH_MAX]; /* "": not made */
    int data_fd, part_fd;
    char part_name[KR_BACKUP_NAME_BYTES_MAX + 1];
    uint64_t part_at, part_all;
    bool is_last, has_keyring, has_lists;
};

/* ---- paths ---- */

static enum kr_err join(const struct restore *restore, const char *directory, const char *name, char ret[static KR_BACKUP_PATH_MAX])
{
    const int len = snprintf(ret, KR_BACKUP_PATH_MAX, "%s/%s", directory, name);
    return len > 0 && (size_t)len < KR_BACKUP_PATH_MAX
               ? KR_OK
               : kr_fail(restore->error, KR_BOUNDS, "the path is too long: %.64s…", directory);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

static enum kr_err fail_write(const struct restore *restore, const char *path)
{
    const int reason = errno;
    const bool is_full = reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
    return kr_fail(restore->error,
                   is_full                               ? KR_STORE_FULL
                   : reason == EACCES || reason == EPERM ? KR_DENIED
                                                         : KR_IO,
                   "cannot write %s: %s. What was there before is as it was", path, strerror(reason));
}

/* ---- the place ---- */

/* Takes away what was moved to its place without the keyring: the place is then as if nobody had begun. */
static void take_back(const struct restore *restore)
{
    static const char *const names[] = {"store", KR_BACKUP_RESTORED_NAME};
    char path[KR_BACKUP_PATH_MAX];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (join(restore, restore->restoring->to, names[i], path) == KR_OK) {
            (void)nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
        }
    }
}

/* What a restore that was killed has left: its own directory, and no keyring yet. */
static bool was_cut_short(const struct restore *restore)
{
    char unfinished[KR_BACKUP_PATH_MAX], keyring[KR_BACKUP_PATH_MAX];
    return join(restore, restore->restoring->to, UNFINISHED, unfinished) == KR_OK &&
           join(restore, restore->restoring->to, "keyring", keyring) == KR_OK && access(unfinished, F_OK) == 0 &&
           access(keyring, F_OK) != 0;
}

static enum kr_err look_at_place(const struct restore *restore)
{
    static const char *const names[] = {"keyring", "store", "kairand.sock", KR_BACKUP_RESTORED_NAME};
    const char *to = restore->restoring->to;
    struct stat status;
    if (mkdir(to, 0700) != 0 && errno != EEXIST) {
        return fail_write(restore, to);
    }
    if (stat(to, &status) != 0 || !S_ISDIR(status.st_mode)) {
        return kr_fail(restore->error, KR_INVALID, "%s is no directory", to);
    }
    if (status.st_uid != geteuid()) {
        return kr_fail(restore->error, KR_DENIED,
                       "%s belongs to another user: run this as the node's own user (setpriv --reuid=kairan --regid=kairan "
                       "--clear-groups kairan restore …)",
                       to);
    }
    if (was_cut_short(restore)) {
        take_back(restore);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[KR_BACKUP_PATH_MAX];
        enum kr_err err = join(restore, to, names[i], path);
        if (err != KR_OK) {
            return err;
        }
        if (lstat(path, &status) == 0) {
            return kr_fail(restore->error, KR_EXISTS,
                           "there is a node, or what is left of one, in %s (%s): it is left as it is. Stop it and move that "
                           "directory away, or name another with --to",
                           to, names[i]);
        }
    }
    return KR_OK;
}

static enum kr_err make_place(struct restore *restore)
{
    char path[KR_BACKUP_PATH_MAX];
    enum kr_err err = join(restore, restore->restoring->to, UNFINISHED, path);
    if (err != KR_OK) {
        return err;
    }
    (void)nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT); /* of a restore that was killed */
    if (mkdir(path, 0700) != 0) {
        return fail_write(restore, path);
    }
    memcpy(restore->unfinished, path, sizeof path);
    err = join(restore, restore->unfinished, "store", path);
    if (err == KR_OK && mkdir(path, 0700) != 0) {
        err = fail_write(restore, path);
    }
    if (err == KR_OK) {
        err = join(restore, restore->unfinished, "store/data.mdb", path);
    }
    if (err == KR_OK) {
        restore->data_fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        err = restore->data_fd < 0 ? fail_write(restore, path) : KR_OK;
    }
    return err;
}

/* ---- what comes out of it ---- */

static enum kr_err write_at(const struct restore *restore, int fd, const uint8_t *bytes, size_t len, uint64_t at)
{
    while (len > 0) {
        const ssize_t put = pwrite(fd, bytes, len, (off_t)at);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return fail_write(restore, restore->restoring->to);
        }
        bytes += put;
        at += (uint64_t)put;
        len -= (size_t)put;
    }
    return KR_OK;
}

static enum kr_err on_page(void *context, const struct kr_backup_entry *entry, const uint8_t *bytes, size_t len)
{
    const struct restore *restore = context;
    return write_at(restore, restore->data_fd, bytes, len, entry->page * len);
}

/* What was free at the last backup is not put back. */
static enum kr_err on_gone(void *context, uint64_t page)
{
    static const uint8_t zeros[65536];
    const struct restore *restore = context;
    const uint32_t len = restore->restoring->chain->files[0].head.page_bytes;
    const off_t at = (off_t)(page * len);
    if (fallocate(restore->data_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, len) == 0) {
        return KR_OK;
    }
    return write_at(restore, restore->data_fd, zeros, len, (uint64_t)at);
}

static void on_file(void *context, uint32_t number)
{
    struct restore *restore = context;
    restore->is_last = number + 1 == restore->restoring->chain->count;
}

static enum kr_err end_part(struct restore *restore)
{
    enum kr_err err = KR_OK;
    if (restore->part_fd < 0) {
        return KR_OK;
    }
    if (restore->part_at != restore->part_all) {
        err = kr_fail(restore->error, KR_CORRUPT, "the backup has only part of %s", restore->part_name);
    } else if (fsync(restore->part_fd) != 0) {
        err = fail_write(restore, restore->part_name);
    }
    (void)close(restore->part_fd);
    restore->part_fd = -1;
    return err;
}

static enum kr_err begin_part(struct restore *restore, const struct kr_backup_part *part)
{
    char path[KR_BACKUP_PATH_MAX];
    enum kr_err err = end_part(restore);
    memcpy(restore->part_name, part->name.bytes, part->name.len);
    restore->part_name[part->name.len] = 0;
    const bool is_list = strchr(restore->part_name, '/') != NULL;
    if (err == KR_OK && is_list && !restore->has_lists) {
        err = join(restore, restore->unfinished, LISTS, path);
        restore->has_lists = err == KR_OK && mkdir(path, 0700) == 0;
        err = err == KR_OK && !restore->has_lists ? fail_write(restore, path) : err;
    }
    if (err == KR_OK) {
        err = join(restore, restore->unfinished, restore->part_name, path);
    }
    if (err == KR_OK) {
        restore->part_fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        err = restore->part_fd < 0 ? fail_write(restore, path) : KR_OK;
    }
    restore->part_at = 0;
    restore->part_all = part->all;
    restore->has_keyring = restore->has_keyring || strcmp(restore->part_name, "keyring") == 0;
    restore->restored->has_config = restore->restored->has_config || strcmp(restore->part_name, "kairan.conf") == 0;
    restore->restored->files++;
    return err;
}

/* Each file of a chain has all of them; the last one's count. */
static enum kr_err on_part(void *context, const struct kr_backup_part *part)
{
    struct restore *restore = context;
    enum kr_err err = KR_OK;
    if (!restore->is_last) {
        return KR_OK;
    }
    if (part->offset == 0) {
        err = begin_part(restore, part);
    }
    const bool fits = err != KR_OK || (restore->part_fd >= 0 && part->offset == restore->part_at &&
                                       part->all == restore->part_all && part->name.len == strlen(restore->part_name) &&
                                       memcmp(part->name.bytes, restore->part_name, part->name.len) == 0);
    if (!fits) {
        return kr_fail(restore->error, KR_CORRUPT, "the backup has parts of files in the wrong order");
    }
    if (err == KR_OK) {
        err = write_at(restore, restore->part_fd, part->bytes.bytes, part->bytes.len, part->offset);
    }
    restore->part_at += part->bytes.len;
    return err;
}

static void on_bytes(void *context, uint64_t bytes)
{
    const struct restore *restore = context;
    if (restore->restoring->on_bytes != NULL) {
        restore->restoring->on_bytes(restore->restoring->context, bytes);
    }
}

static enum kr_err fill(struct restore *restore)
{
    const struct kr_backup_restoring *restoring = restore->restoring;
    const struct kr_backup_reading reading = {.is_whole = true,
                                              .recovery_secret = restoring->recovery_secret,
                                              .on_page = on_page,
                                              .on_gone = on_gone,
                                              .on_part = on_part,
                                              .on_bytes = on_bytes,
                                              .on_file = on_file,
                                              .context = restore};
    struct kr_pages pages = {0};
    enum kr_err err = kr_backup_chain_walk(restoring->chain, &reading, &pages, restore->error);
    if (err == KR_OK) {
        err = end_part(restore);
    }
    const struct kr_backup_head *head = &restoring->chain->files[restoring->chain->count - 1].head;
    restore->restored->made_s = head->made_s;
    restore->restored->pages = pages.count;
    kr_pages_free(&pages);
    if (err == KR_OK && !restore->has_keyring) {
        err = kr_fail(restore->error, KR_CORRUPT, "the backup has no keyring");
    }
    if (err == KR_OK &&
        (ftruncate(restore->data_fd, (off_t)(head->pages * head->page_bytes)) != 0 || fsync(restore->data_fd) != 0)) {
        err = fail_write(restore, restoring->to);
    }
    return err;
}

/* ---- moving it there ---- */

static enum kr_err move(const struct restore *restore, const char *name, const char *to_name)
{
    char from[KR_BACKUP_PATH_MAX], to[KR_BACKUP_PATH_MAX];
    enum kr_err err = join(restore, restore->unfinished, name, from);
    if (err == KR_OK) {
        err = join(restore, restore->restoring->to, to_name, to);
    }
    if (err == KR_OK && rename(from, to) != 0) {
        err = fail_write(restore, to);
    }
    return err == KR_OK ? kr_private_file_sync_name(to, restore->error) : err;
}

static enum kr_err put_word(const struct restore *restore)
{
    char path[KR_BACKUP_PATH_MAX], text[32];
    const int len = snprintf(text, sizeof text, "%llu\n", (unsigned long long)restore->restored->made_s);
    enum kr_err err = join(restore, restore->restoring->to, KR_BACKUP_RESTORED_NAME, path);
    return err == KR_OK ? kr_private_file_write(path, text, (size_t)len, true, restore->error) : err;
}

/* Cut short anywhere, there is no node yet, or a whole one that is told. */
static enum kr_err put_in_place(struct restore *restore)
{
    char path[KR_BACKUP_PATH_MAX];
    enum kr_err err = put_word(restore);
    if (err == KR_OK && restore->restored->has_config) {
        err = join(restore, restore->restoring->to, "kairan.conf", path);
        restore->restored->config_is_aside = err == KR_OK && access(path, F_OK) == 0;
        err = err == KR_OK
                  ? move(restore, "kairan.conf", restore->restored->config_is_aside ? "kairan.conf.restored" : "kairan.conf")
                  : err;
    }
    if (err == KR_OK && restore->has_lists) {
        err = join(restore, restore->restoring->to, LISTS, path);
        (void)(err == KR_OK ? nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) : 0);
        err = err == KR_OK ? move(restore, LISTS, LISTS) : err;
    }
    if (err == KR_OK) {
        err = move(restore, "store", "store");
    }
    if (err == KR_OK) {
        err = move(restore, "keyring", "keyring");
    }
    return err;
}

enum kr_err kr_backup_restore(const struct kr_backup_restoring *restoring, struct kr_backup_restored *ret_restored,
                              struct kr_error *error)
{
    *ret_restored = (struct kr_backup_restored){0};
    struct restore *restore = calloc(1, sizeof *restore);
    if (restore == NULL) {
        return KR_NOMEM;
    }
    restore->restoring = restoring;
    restore->restored = ret_restored;
    restore->error = error;
    restore->data_fd = restore->part_fd = -1;
    enum kr_err err = look_at_place(restore);
    if (err == KR_OK) {
        err = make_place(restore);
    }
    if (err == KR_OK) {
        err = fill(restore);
    }
    if (err == KR_OK) {
        err = put_in_place(restore);
        if (err != KR_OK) {
            take_back(restore);
        }
    }
    if (restore->data_fd >= 0) {
        (void)close(restore->data_fd);
    }
    if (restore->part_fd >= 0) {
        (void)close(restore->part_fd);
    }
    if (restore->unfinished[0] != 0) {
        (void)nftw(restore->unfinished, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    }
    free(restore);
    return err;
}
