#include "tools/backup/chain.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void kr_backup_chain_free(struct kr_backup_chain *chain)
{
    free(chain->files);
    *chain = (struct kr_backup_chain){0};
}

static int compare(const void *a, const void *b)
{
    const struct kr_backup_file *left = a, *right = b;
    return left->head.number < right->head.number ? -1 : left->head.number > right->head.number;
}

static bool is_of(const struct kr_backup_file *file, const struct kr_backup_file *other)
{
    return memcmp(file->head.chain, other->head.chain, sizeof file->head.chain) == 0 &&
           memcmp(file->head.council, other->head.council, 32) == 0;
}

/* Sorted, one of each number from 0 on. */
static enum kr_err check(struct kr_backup_chain *chain, struct kr_error *error)
{
    if (chain->files == NULL) {
        return kr_fail(error, KR_INVALID, "no file of a backup is named");
    }
    qsort(chain->files, chain->count, sizeof *chain->files, compare);
    chain->bytes = 0;
    for (uint32_t i = 0; i < chain->count; i++) {
        const struct kr_backup_file *file = &chain->files[i];
        if (!is_of(file, &chain->files[0])) {
            return kr_fail(error, KR_INVALID, "%s and %s are not of one chain: name the files of one, or their directory",
                           chain->files[0].path, file->path);
        }
        if (file->head.number < i) {
            return kr_fail(error, KR_INVALID, "%s and %s are the same: name each once", chain->files[i - 1].path, file->path);
        }
        if (file->head.number > i) {
            return kr_fail(error, KR_INVALID, "the chain is broken: %s is number %u, and number %u is missing%s", file->path,
                           file->head.number, i, i == 0 ? " (the whole one, with which it begins)" : "");
        }
        chain->bytes += file->bytes;
    }
    return KR_OK;
}

static enum kr_err add(struct kr_backup_chain *chain, const struct kr_backup_file *file)
{
    struct kr_backup_file *more = realloc(chain->files, (chain->count + 1) * sizeof *more);
    if (more == NULL) {
        return KR_NOMEM;
    }
    more[chain->count++] = *file;
    chain->files = more;
    return KR_OK;
}

enum kr_err kr_backup_chain_of(const char *const *paths, uint32_t count, struct kr_backup_chain *ret_chain, struct kr_error *error)
{
    struct kr_backup_chain chain = {0};
    enum kr_err err = KR_OK;
    struct kr_backup_file *file = calloc(1, sizeof *file);
    for (uint32_t i = 0; file != NULL && i < count && err == KR_OK; i++) {
        err = kr_backup_look(paths[i], file, error);
        if (err == KR_OK) {
            err = add(&chain, file);
        }
    }
    err = file == NULL ? KR_NOMEM : err == KR_OK ? check(&chain, error) : err;
    free(file);
    if (err != KR_OK) {
        kr_backup_chain_free(&chain);
        return err;
    }
    *ret_chain = chain;
    return KR_OK;
}

/* ---- in a directory ---- */

static bool has_suffix(const char *name)
{
    const size_t len = strlen(name), suffix = strlen(KR_BACKUP_SUFFIX);
    return name[0] != '.' && len > suffix && strcmp(name + len - suffix, KR_BACKUP_SUFFIX) == 0;
}

/* All that can be read and are meant. */
static enum kr_err list(const char *directory, const uint8_t *council, const uint8_t *recovery_public, struct kr_backup_chain *all,
                        struct kr_error *error)
{
    enum kr_err err = KR_OK;
    DIR *dir = opendir(directory);
    if (dir == NULL) {
        err = errno == ENOENT || errno == ENOTDIR ? KR_NOT_FOUND : errno == EACCES ? KR_DENIED : KR_IO;
        return kr_fail(error, err, "cannot look into %s: %s", directory, strerror(errno));
    }
    struct kr_backup_file *file = calloc(1, sizeof *file);
    err = file == NULL ? KR_NOMEM : KR_OK;
    for (struct dirent *entry; err == KR_OK && (entry = readdir(dir)) != NULL;) {
        char path[KR_BACKUP_PATH_MAX];
        const int len = snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (!has_suffix(entry->d_name) || len < 0 || (size_t)len >= sizeof path || kr_backup_look(path, file, NULL) != KR_OK ||
            (council != NULL && memcmp(file->head.council, council, 32) != 0) ||
            (recovery_public != NULL && memcmp(file->head.recovery_public, recovery_public, 32) != 0)) {
            continue;
        }
        err = all->count < KR_BACKUP_FILES_MAX
                  ? add(all, file)
                  : kr_fail(error, KR_BOUNDS, "there are more than %u backups in %s: move old ones away", KR_BACKUP_FILES_MAX,
                            directory);
    }
    free(file);
    (void)closedir(dir);
    return err;
}

enum kr_err kr_backup_chain_in(const char *directory, const uint8_t *council, const uint8_t *recovery_public,
                               struct kr_backup_chain *ret_chain, struct kr_error *error)
{
    struct kr_backup_chain all = {0}, chain = {0};
    const struct kr_backup_file *newest = NULL;
    enum kr_err err = list(directory, council, recovery_public, &all, error);
    for (uint32_t i = 0; i < all.count; i++) {
        newest = newest == NULL || all.files[i].head.made_s > newest->head.made_s ? &all.files[i] : newest;
    }
    if (err == KR_OK && newest == NULL) {
        err = kr_fail(error, KR_NOT_FOUND, "there is no backup%s in %s", council != NULL ? " of this council" : "", directory);
    }
    for (uint32_t i = 0; newest != NULL && i < all.count && err == KR_OK; i++) {
        err = is_of(&all.files[i], newest) ? add(&chain, &all.files[i]) : KR_OK;
    }
    if (err == KR_OK) {
        err = check(&chain, error);
    }
    kr_backup_chain_free(&all);
    if (err != KR_OK) {
        kr_backup_chain_free(&chain);
        return err;
    }
    *ret_chain = chain;
    return KR_OK;
}

enum kr_err kr_backup_chain_walk(struct kr_backup_chain *chain, const struct kr_backup_reading *reading, struct kr_pages *pages,
                                 struct kr_error *error)
{
    static const uint8_t none[32];
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < chain->count && err == KR_OK; i++) {
        struct kr_backup_file *file = &chain->files[i];
        char path[KR_BACKUP_PATH_MAX];
        memcpy(path, file->path, sizeof path);
        if (reading->on_file != NULL) {
            reading->on_file(reading->context, i);
        }
        err = kr_backup_walk(path, reading, pages, file, error);
        if (err == KR_OK && memcmp(file->head.previous, i == 0 ? none : chain->files[i - 1].digest, 32) != 0) {
            err = kr_fail(error, KR_CORRUPT, "the chain is broken: %s was not made to follow %s", path,
                          i == 0 ? "nothing" : chain->files[i - 1].path);
        }
        if (err == KR_OK && file->head.page_bytes != chain->files[0].head.page_bytes) {
            err = kr_fail(error, KR_CORRUPT, "%s has pages of another size than the files before it", path);
        }
    }
    return err;
}
