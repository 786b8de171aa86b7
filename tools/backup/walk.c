#include "tools/backup/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_BYTES_MAX (KR_BACKUP_CHUNK_HEAD_BYTES + KR_BACKUP_ENTRIES_MAX * KR_BACKUP_ENTRY_BYTES)

struct walk {
    const struct kr_backup_reading *reading;
    struct kr_backup_file *file;
    struct kr_error *error;
    FILE *in;
    uint64_t left; /* bytes before the digest */
    struct kr_hash_state hash;
    struct kr_backup_sealing sealing;
    uint8_t key[32];
    struct kr_pages put, gone;
    uint8_t state[KR_BACKUP_HASH_BYTES];
    uint8_t *open, *sealed; /* of a chunk */
};

/* ---- opening ---- */

static enum kr_err open_file(const char *path, struct kr_backup_file *file, FILE **ret_in, struct kr_error *error)
{
    struct stat status = {0};
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        const enum kr_err err = errno == ENOENT ? KR_NOT_FOUND : errno == EACCES || errno == EPERM ? KR_DENIED : KR_IO;
        return kr_fail(error, err, "cannot open %s: %s", path, strerror(errno));
    }
    FILE *in = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? fdopen(fd, "r") : NULL;
    if (in == NULL) {
        (void)close(fd);
        return kr_fail(error, KR_MALFORMED, "%s is no plain file", path);
    }
    (void)snprintf(file->path, sizeof file->path, "%s", path);
    file->bytes = (uint64_t)status.st_size;
    *ret_in = in;
    return KR_OK;
}

static enum kr_err read_head(FILE *in, struct kr_backup_file *file, uint8_t ret_bytes[static KR_BACKUP_HEAD_BYTES],
                             struct kr_error *error)
{
    const bool is_long = file->bytes >= KR_BACKUP_HEAD_BYTES + 32;
    enum kr_err err = is_long && fread(ret_bytes, 1, KR_BACKUP_HEAD_BYTES, in) == KR_BACKUP_HEAD_BYTES
                          ? kr_backup_head_read(ret_bytes, &file->head)
                          : KR_MALFORMED;
    if (err == KR_VERSION) {
        return kr_fail(error, err, "%s was made by a newer program: install that one", file->path);
    }
    return err == KR_OK ? KR_OK : kr_fail(error, err, "%s is no backup of Kairan, or its beginning is damaged", file->path);
}

enum kr_err kr_backup_look(const char *path, struct kr_backup_file *ret_file, struct kr_error *error)
{
    uint8_t bytes[KR_BACKUP_HEAD_BYTES];
    FILE *in = NULL;
    enum kr_err err = open_file(path, ret_file, &in, error);
    if (err == KR_OK) {
        err = read_head(in, ret_file, bytes, error);
        (void)fclose(in);
    }
    return err;
}

/* ---- chunks ---- */

static enum kr_err damaged(const struct walk *walk, const char *how)
{
    return kr_fail(walk->error, KR_CORRUPT, "%s is damaged (%s): use another copy of it, or the backups before it",
                   walk->file->path, how);
}

static enum kr_err take(struct walk *walk, uint8_t *ret, size_t len)
{
    if (len > walk->left || fread(ret, 1, len, walk->in) != len) {
        return ferror(walk->in) != 0 ? kr_fail(walk->error, KR_IO, "cannot read %s: %s", walk->file->path, strerror(errno))
                                     : damaged(walk, "it ends too early");
    }
    walk->left -= len;
    if (walk->reading->is_whole) {
        kr_hash_update(&walk->hash, ret, len);
    }
    if (walk->reading->on_bytes != NULL) {
        walk->reading->on_bytes(walk->reading->context, len);
    }
    return KR_OK;
}

static enum kr_err pass(struct walk *walk, size_t len)
{
    if (walk->reading->is_whole) {
        return take(walk, walk->sealed, len);
    }
    if (len > walk->left || fseeko(walk->in, (off_t)len, SEEK_CUR) != 0) {
        return damaged(walk, "it ends too early");
    }
    walk->left -= len;
    return KR_OK;
}

static enum kr_err give_pages(struct walk *walk, const struct kr_backup_chunk *chunk)
{
    const uint32_t page_bytes = walk->file->head.page_bytes;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < chunk->entries && err == KR_OK; i++) {
        struct kr_backup_entry entry;
        uint8_t hash[KR_BACKUP_HASH_BYTES];
        const uint8_t *bytes = walk->sealed + (size_t)i * page_bytes;
        kr_backup_entry_read(walk->open + KR_BACKUP_CHUNK_HEAD_BYTES + i * KR_BACKUP_ENTRY_BYTES, &entry);
        kr_backup_page_hash(entry.page, bytes, page_bytes, hash);
        if (memcmp(hash, entry.hash, sizeof hash) != 0) {
            return damaged(walk, "a page is another one than its hash says");
        }
        err = walk->reading->on_page != NULL ? walk->reading->on_page(walk->reading->context, &entry, bytes, page_bytes) : KR_OK;
    }
    return err;
}

static enum kr_err give_part(struct walk *walk, const struct kr_backup_chunk *chunk)
{
    struct kr_backup_part part;
    if (kr_backup_part_read((struct kr_slice){walk->sealed, chunk->sealed - KR_AEAD_BYTES}, &part) != KR_OK) {
        return damaged(walk, "a file in it cannot be read");
    }
    return walk->reading->on_part != NULL ? walk->reading->on_part(walk->reading->context, &part) : KR_OK;
}

static enum kr_err note_entries(struct walk *walk, const struct kr_backup_chunk *chunk)
{
    static const uint8_t zeros[KR_BACKUP_HASH_BYTES];
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < chunk->entries && err == KR_OK; i++) {
        struct kr_backup_entry entry;
        kr_backup_entry_read(walk->open + KR_BACKUP_CHUNK_HEAD_BYTES + i * KR_BACKUP_ENTRY_BYTES, &entry);
        const bool is_gone = memcmp(entry.hash, zeros, sizeof zeros) == 0;
        const bool fits = is_gone == (chunk->kind == KR_BACKUP_GONE) && (is_gone || entry.page < walk->file->head.pages);
        err = fits ? kr_pages_add(is_gone ? &walk->gone : &walk->put, &entry) : KR_MALFORMED;
        if (err == KR_OK && is_gone && walk->reading->on_gone != NULL) {
            err = walk->reading->on_gone(walk->reading->context, entry.page);
        }
    }
    return err == KR_MALFORMED ? damaged(walk, "its list of pages") : err;
}

static enum kr_err unseal(struct walk *walk, const struct kr_backup_chunk *chunk, size_t open_len)
{
    walk->sealing.open = (struct kr_slice){walk->open, open_len};
    if (kr_backup_open(&walk->sealing, walk->sealed, chunk->sealed) != KR_OK) {
        return kr_fail(walk->error, KR_DECRYPT,
                       "%s was altered since it was made: use another copy of it, or the backups before it", walk->file->path);
    }
    return chunk->kind == KR_BACKUP_PAGES  ? give_pages(walk, chunk)
           : chunk->kind == KR_BACKUP_FILE ? give_part(walk, chunk)
                                           : KR_OK;
}

static enum kr_err one_chunk(struct walk *walk, uint64_t number, bool *ret_is_end)
{
    struct kr_backup_chunk chunk;
    enum kr_err err = take(walk, walk->open, KR_BACKUP_CHUNK_HEAD_BYTES);
    if (err != KR_OK) {
        return err;
    }
    if (kr_backup_chunk_read(walk->open, walk->file->head.page_bytes, &chunk) != KR_OK) {
        return damaged(walk, "a piece of it has no form");
    }
    const size_t entries_len = (size_t)chunk.entries * KR_BACKUP_ENTRY_BYTES;
    err = take(walk, walk->open + KR_BACKUP_CHUNK_HEAD_BYTES, entries_len);
    if (err == KR_OK && chunk.kind == KR_BACKUP_END) {
        struct kr_backup_entry entry;
        kr_backup_entry_read(walk->open + KR_BACKUP_CHUNK_HEAD_BYTES, &entry);
        memcpy(walk->state, entry.hash, sizeof walk->state);
    } else if (err == KR_OK) {
        err = note_entries(walk, &chunk);
    }
    if (err == KR_OK) {
        err = pass(walk, chunk.sealed);
    }
    walk->sealing.number = number;
    if (err == KR_OK && walk->reading->recovery_secret != NULL) {
        err = unseal(walk, &chunk, KR_BACKUP_CHUNK_HEAD_BYTES + entries_len);
    }
    *ret_is_end = chunk.kind == KR_BACKUP_END;
    return err;
}

/* ---- the whole ---- */

static enum kr_err prepare(struct walk *walk)
{
    uint8_t bytes[KR_BACKUP_HEAD_BYTES];
    enum kr_err err = read_head(walk->in, walk->file, bytes, walk->error);
    if (err != KR_OK) {
        return err;
    }
    walk->left = walk->file->bytes - KR_BACKUP_HEAD_BYTES - 32;
    kr_hash_init(&walk->hash, "kairan backup file");
    kr_hash_update(&walk->hash, bytes, sizeof bytes);
    kr_backup_head_hash(bytes, walk->sealing.head_hash);
    walk->sealing.key = walk->key;
    if (walk->reading->recovery_secret != NULL) {
        err = kr_backup_key_open(&walk->file->head, walk->reading->recovery_secret, walk->key);
        if (err != KR_OK) {
            err = kr_fail(walk->error, err,
                          err == KR_KEY ? "%s is sealed to another recovery key: take the paper that was in force when it was made"
                                        : "%s is damaged: its key does not open",
                          walk->file->path);
        }
    }
    walk->open = malloc(OPEN_BYTES_MAX);
    walk->sealed = malloc(KR_BACKUP_SEALED_MAX);
    return err == KR_OK && (walk->open == NULL || walk->sealed == NULL) ? KR_NOMEM : err;
}

static enum kr_err finish(struct walk *walk, struct kr_pages *pages)
{
    uint8_t digest[KR_HASH_BYTES], state[KR_BACKUP_HASH_BYTES];
    const struct kr_backup_head *head = &walk->file->head;
    if (walk->left != 0 || fread(walk->file->digest, 1, sizeof walk->file->digest, walk->in) != sizeof walk->file->digest) {
        return damaged(walk, "its end is not where it must be");
    }
    kr_hash_final(&walk->hash, digest);
    if (walk->reading->is_whole && memcmp(digest, walk->file->digest, sizeof digest) != 0) {
        return damaged(walk, "its digest is another one");
    }
    enum kr_err err = kr_pages_fold(pages, &walk->put, &walk->gone);
    if (err == KR_NOMEM) {
        return err;
    }
    kr_pages_digest(pages, head->page_bytes, head->pages, state);
    const bool fits = err == KR_OK && memcmp(state, walk->state, sizeof state) == 0 &&
                      (pages->count == 0 || pages->items[pages->count - 1].page < head->pages);
    return fits ? KR_OK : damaged(walk, "its pages are not those that it lists, or it does not follow the file before it");
}

enum kr_err kr_backup_walk(const char *path, const struct kr_backup_reading *reading, struct kr_pages *pages,
                           struct kr_backup_file *ret_file, struct kr_error *error)
{
    struct walk walk = {.reading = reading, .file = ret_file, .error = error};
    bool is_end = false;
    enum kr_err err = open_file(path, ret_file, &walk.in, error);
    if (err == KR_OK) {
        err = prepare(&walk);
    }
    for (uint64_t number = 0; err == KR_OK && !is_end; number++) {
        err = one_chunk(&walk, number, &is_end);
    }
    if (err == KR_OK) {
        err = finish(&walk, pages);
    }
    if (walk.in != NULL) {
        (void)fclose(walk.in);
    }
    sodium_memzero(walk.key, sizeof walk.key);
    if (walk.sealed != NULL) {
        sodium_memzero(walk.sealed, KR_BACKUP_SEALED_MAX);
    }
    free(walk.open);
    free(walk.sealed);
    kr_pages_free(&walk.put);
    kr_pages_free(&walk.gone);
    return err;
}
