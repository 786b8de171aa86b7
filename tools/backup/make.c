#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* renameat2 */
#endif
#include "tools/backup/make.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crypto/private_file.h"

#define TEMPORARY         ".kairan-backup."
#define LEFT_S            86400u
#define CHUNK_PAGES_MAX   64u
#define PART_BYTES_MAX    (512u * KR_KIB)
#define OPEN_BYTES_MAX    (KR_BACKUP_CHUNK_HEAD_BYTES + KR_BACKUP_ENTRIES_MAX * KR_BACKUP_ENTRY_BYTES)
#define PROGRESS_PAGES    1024u
#define ADDED_BYTES_LEAST (16u * (uint64_t)KR_MIB)

struct make {
    struct kr_hash_state hash; /* of the file so far */
    const struct kr_backup_making *making;
    struct kr_backup_made *made;
    struct kr_error *error;
    FILE *out, *in;
    uint8_t *open, *sealed; /* of the chunk that is being made */
    size_t len;             /* of what is to be sealed */
    uint8_t *keyring;       /* as it was before the store was read */
    size_t keyring_len;
    struct kr_pages base, now, gone;
    struct kr_backup_sealing sealing;
    struct kr_backup_head head;
    int fd;
    uint32_t entries;
    uint8_t key[32];
    char temporary[KR_BACKUP_PATH_MAX];
};

/* ---- what it adds to ---- */

/* What is added may be as much as the whole; of a small one, more. */
static uint64_t added_max(const struct kr_backup_chain *chain)
{
    return chain->files[0].bytes > ADDED_BYTES_LEAST ? chain->files[0].bytes : ADDED_BYTES_LEAST;
}

/* Where the chain is broken a new one begins, and that is told. */
static enum kr_err find_base(struct make *make)
{
    const struct kr_backup_making *making = make->making;
    const struct kr_backup_reading skim = {.is_whole = false};
    struct kr_backup_chain chain = {0};
    struct kr_error why = {0};
    if (making->is_file || making->wants_whole) {
        return KR_OK;
    }
    enum kr_err err = kr_backup_chain_in(making->to, making->council, making->recovery_public, &chain, &why);
    if (err == KR_OK) {
        err = kr_backup_chain_walk(&chain, &skim, &make->base, &why);
    }
    if (err == KR_OK && chain.count <= KR_BACKUP_ADDED_MAX && chain.bytes - chain.files[0].bytes < added_max(&chain)) {
        make->head = chain.files[chain.count - 1].head;
        make->head.number++;
        memcpy(make->head.previous, chain.files[chain.count - 1].digest, 32);
    } else {
        kr_pages_free(&make->base);
    }
    kr_backup_chain_free(&chain);
    if (err == KR_INVALID || err == KR_CORRUPT || err == KR_MALFORMED) {
        make->made->why_whole = why;
        err = KR_OK;
    }
    if (err != KR_OK && err != KR_NOT_FOUND) {
        return kr_fail(make->error, err, "%s", why.text[0] != 0 ? why.text : kr_err_text(err));
    }
    return KR_OK;
}

/* ---- writing ---- */

static enum kr_err fail_write(const struct make *make, int reason)
{
    if (reason == ENOSPC || reason == EDQUOT || reason == EFBIG) {
        return kr_fail(make->error, KR_STORE_FULL,
                       "there is no room in %s for this backup: make room there, or name another place. Nothing was changed, older "
                       "backups are as they were",
                       make->making->to);
    }
    return kr_fail(make->error, reason == EACCES || reason == EPERM || reason == EROFS ? KR_DENIED : KR_IO,
                   "cannot write to %s: %s. Nothing was changed", make->making->to, strerror(reason));
}

static enum kr_err put(struct make *make, const void *bytes, size_t len)
{
    kr_hash_update(&make->hash, bytes, len);
    make->made->bytes += len;
    return len == 0 || fwrite(bytes, 1, len, make->out) == len ? KR_OK : fail_write(make, errno);
}

static uint32_t chunk_pages(const struct make *make)
{
    const uint32_t fit = (uint32_t)KR_MIB / make->head.page_bytes;
    return fit < CHUNK_PAGES_MAX ? fit : CHUNK_PAGES_MAX;
}

/* What was gathered becomes a chunk. */
static enum kr_err put_chunk(struct make *make, uint32_t kind)
{
    const struct kr_backup_chunk chunk = {.kind = kind, .entries = make->entries, .sealed = (uint32_t)(make->len + KR_AEAD_BYTES)};
    const size_t open_len = KR_BACKUP_CHUNK_HEAD_BYTES + (size_t)make->entries * KR_BACKUP_ENTRY_BYTES;
    kr_backup_chunk_write(&chunk, make->open);
    make->sealing.open = (struct kr_slice){make->open, open_len};
    kr_backup_seal(&make->sealing, make->sealed, make->len, make->sealed);
    enum kr_err err = put(make, make->open, open_len);
    if (err == KR_OK) {
        err = put(make, make->sealed, chunk.sealed);
    }
    make->sealing.number++;
    make->entries = 0;
    make->len = 0;
    return err;
}

static void add_entry(struct make *make, const struct kr_backup_entry *entry)
{
    kr_backup_entry_write(entry, make->open + KR_BACKUP_CHUNK_HEAD_BYTES + (size_t)make->entries * KR_BACKUP_ENTRY_BYTES);
    make->entries++;
}

static enum kr_err put_gone(struct make *make)
{
    enum kr_err err = KR_OK;
    for (size_t i = 0; i < make->gone.count && err == KR_OK; i++) {
        add_entry(make, &make->gone.items[i]);
        if (make->entries == KR_BACKUP_ENTRIES_MAX || i + 1 == make->gone.count) {
            err = put_chunk(make, KR_BACKUP_GONE);
        }
    }
    make->made->pages_gone = make->gone.count;
    return err;
}

static enum kr_err put_end(struct make *make)
{
    struct kr_backup_entry end = {0};
    uint8_t digest[KR_HASH_BYTES];
    kr_pages_digest(&make->now, make->head.page_bytes, make->head.pages, end.hash);
    add_entry(make, &end);
    enum kr_err err = put_chunk(make, KR_BACKUP_END);
    kr_hash_final(&make->hash, digest);
    memcpy(make->made->digest, digest, sizeof digest);
    make->made->bytes += sizeof digest;
    if (err == KR_OK && fwrite(digest, 1, sizeof digest, make->out) != sizeof digest) {
        err = fail_write(make, errno);
    }
    return err;
}

/* ---- the store's pages ---- */

static enum kr_err take(struct make *make, void *ret, size_t len)
{
    return fread(ret, 1, len, make->in) == len
               ? KR_OK
               : kr_fail(make->error, KR_CLOSED,
                         "reading the store ended too early: nothing was changed. What kairand says above tells why");
}

/* Pages of the base that this one comes after are free now. */
static enum kr_err note_gone(struct make *make, size_t *at, uint64_t page)
{
    enum kr_err err = KR_OK;
    while (err == KR_OK && *at < make->base.count && make->base.items[*at].page < page) {
        const struct kr_backup_entry entry = {.page = make->base.items[*at].page};
        err = kr_pages_add(&make->gone, &entry);
        (*at)++;
    }
    return err;
}

static enum kr_err take_page(struct make *make, size_t *at, uint64_t page)
{
    const uint32_t page_bytes = make->head.page_bytes;
    struct kr_backup_entry entry = {.page = page};
    uint8_t *bytes = make->sealed + make->len;
    enum kr_err err = take(make, bytes, page_bytes);
    if (err == KR_OK) {
        err = note_gone(make, at, page);
    }
    kr_backup_page_hash(page, bytes, page_bytes, entry.hash);
    if (err == KR_OK) {
        err = page < make->head.pages ? kr_pages_add(&make->now, &entry) : KR_MALFORMED;
    }
    const bool was_there = *at < make->base.count && make->base.items[*at].page == page;
    const bool is_same = was_there && memcmp(make->base.items[*at].hash, entry.hash, sizeof entry.hash) == 0;
    *at += was_there;
    if (err != KR_OK || is_same) {
        return err;
    }
    add_entry(make, &entry);
    make->len += page_bytes;
    make->made->pages_put++;
    return make->entries == chunk_pages(make) ? put_chunk(make, KR_BACKUP_PAGES) : KR_OK;
}

static enum kr_err put_pages(struct make *make, uint64_t used)
{
    const struct kr_backup_making *making = make->making;
    uint8_t number[8];
    size_t at = 0;
    enum kr_err err = KR_OK;
    for (uint64_t i = 0; i < used && err == KR_OK; i++) {
        err = take(make, number, sizeof number);
        if (err == KR_OK) {
            err = take_page(make, &at, kr_backup_number_read(number));
        }
        if (making->on_progress != NULL && (i % PROGRESS_PAGES == 0 || i + 1 == used)) {
            making->on_progress(making->context, i + 1, used);
        }
    }
    if (err == KR_OK && make->entries > 0) {
        err = put_chunk(make, KR_BACKUP_PAGES);
    }
    if (err == KR_OK) {
        err = note_gone(make, &at, UINT64_MAX);
    }
    if (err == KR_OK) {
        err = take(make, number, sizeof number);
    }
    if (err == KR_OK && kr_backup_number_read(number) != UINT64_MAX) {
        err = kr_fail(make->error, KR_MALFORMED,
                      "what kairand gave of the store has no form: are kairan and kairand of one version?");
    }
    if (err == KR_OK) {
        err = take(make, number, sizeof number);
        make->made->grown = kr_backup_number_read(number);
    }
    make->made->pages = make->now.count;
    return err;
}

/* ---- files beside it ---- */

static enum kr_err put_part(struct make *make, const struct kr_backup_part *part)
{
    struct kr_writer writer;
    kr_writer_init(&writer, KR_BACKUP_SEALED_MAX - KR_AEAD_BYTES);
    kr_backup_part_write(part, &writer);
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        memcpy(make->sealed, writer.bytes, writer.len);
        make->len = writer.len;
        err = put_chunk(make, KR_BACKUP_FILE);
    }
    kr_writer_deinit(&writer);
    return err;
}

static enum kr_err put_source(struct make *make, const struct kr_backup_source *source)
{
    struct stat status;
    uint8_t *bytes = malloc(PART_BYTES_MAX);
    FILE *in = fopen(source->path, "re");
    enum kr_err err = bytes == NULL ? KR_NOMEM : KR_OK;
    if (err == KR_OK && (in == NULL || fstat(fileno(in), &status) != 0 || !S_ISREG(status.st_mode))) {
        err = kr_fail(make->error, KR_IO, "cannot read %s: %s", source->path, in == NULL ? strerror(errno) : "it is no plain file");
    }
    struct kr_backup_part part = {.name = {(const uint8_t *)source->name, strlen(source->name)}};
    bool is_first = true;
    while (err == KR_OK && (is_first || part.offset < part.all)) {
        const size_t len = fread(bytes, 1, PART_BYTES_MAX, in);
        part.all = (uint64_t)status.st_size;
        part.mode = status.st_mode & 0777;
        part.bytes = (struct kr_slice){bytes, len};
        if ((len == 0 && part.all > 0) || len > part.all - part.offset) {
            err = kr_fail(make->error, KR_BUSY, "%s changed while it was read: run this again", source->path);
        } else {
            err = put_part(make, &part);
        }
        part.offset += len;
        is_first = false;
    }
    if (in != NULL) {
        (void)fclose(in);
    }
    if (bytes != NULL) {
        sodium_memzero(bytes, PART_BYTES_MAX);
    }
    free(bytes);
    return err;
}

/* It must be the one with which that state of the store opens. */
static enum kr_err read_keyring(const struct make *make, uint8_t *ret, size_t size, size_t *ret_len)
{
    for (uint32_t i = 0; i < make->making->source_count; i++) {
        if (strcmp(make->making->sources[i].name, "keyring") == 0) {
            return kr_private_file_read(make->making->sources[i].path, ret, size, ret_len, make->error);
        }
    }
    return kr_fail(make->error, KR_INVALID, "a backup without the keyring is of no use");
}

#define KEYRING_BYTES_MAX (16u * KR_KIB)

static enum kr_err put_sources(struct make *make)
{
    size_t len = 0;
    uint8_t *now = malloc(KEYRING_BYTES_MAX);
    enum kr_err err = now == NULL ? KR_NOMEM : KR_OK;
    for (uint32_t i = 0; i < make->making->source_count && err == KR_OK; i++) {
        err = put_source(make, &make->making->sources[i]);
    }
    if (err == KR_OK) {
        err = read_keyring(make, now, KEYRING_BYTES_MAX, &len);
    }
    if (err == KR_OK && (len != make->keyring_len || sodium_memcmp(now, make->keyring, len) != 0)) {
        err = kr_fail(make->error, KR_BUSY, "the keyring changed while the store was read: run this again. Nothing was changed");
    }
    free(now);
    return err;
}

/* ---- the file ---- */

/* What a backup that was killed left: a day old, so that it is nobody's who is at it. */
static void clear_away(const struct make *make, const char *directory)
{
    const size_t begin = strlen(TEMPORARY);
    DIR *dir = opendir(directory);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        struct stat status;
        const bool is_one = strncmp(entry->d_name, TEMPORARY, begin) == 0 && strlen(entry->d_name) == begin + 6;
        if (is_one && fstatat(dirfd(dir), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
            (uint64_t)status.st_mtime + LEFT_S < make->making->made_s) {
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
}

static enum kr_err begin_file(struct make *make)
{
    const struct kr_backup_making *making = make->making;
    char directory[KR_BACKUP_PATH_MAX];
    (void)snprintf(directory, sizeof directory, "%s", making->to);
    if (making->is_file) {
        char *slash = strrchr(directory, '/');
        (void)snprintf(slash != NULL ? slash : directory, 2, "%s", slash == directory ? "/" : slash != NULL ? "" : ".");
        if (access(making->to, F_OK) == 0) {
            return kr_fail(make->error, KR_EXISTS, "%s is there already: it is left as it is. Name another file, or a directory",
                           making->to);
        }
    }
    clear_away(make, directory);
    const int len = snprintf(make->temporary, sizeof make->temporary, "%s/" TEMPORARY "XXXXXX", directory);
    if (len < 0 || (size_t)len >= sizeof make->temporary) {
        make->temporary[0] = 0;
        return kr_fail(make->error, KR_BOUNDS, "the path is too long: %.64s…", making->to);
    }
    make->fd = mkostemp(make->temporary, O_CLOEXEC); /* mode 0600 */
    if (make->fd < 0) {
        make->temporary[0] = 0;
        return errno == ENOENT || errno == ENOTDIR
                   ? kr_fail(make->error, KR_NOT_FOUND, "there is no directory %s: make it, or name another", directory)
                   : fail_write(make, errno);
    }
    make->out = fdopen(make->fd, "w");
    return make->out == NULL ? KR_NOMEM : KR_OK;
}

static enum kr_err fill_head(struct make *make, const struct kr_backup_stream *stream)
{
    const struct kr_backup_making *making = make->making;
    uint8_t bytes[KR_BACKUP_HEAD_BYTES];
    const bool is_whole = make->base.count == 0 || make->head.page_bytes != stream->page_bytes;
    if (is_whole) {
        kr_pages_free(&make->base);
        make->head = (struct kr_backup_head){0};
        randombytes_buf(make->head.chain, sizeof make->head.chain);
    }
    memcpy(make->head.council, making->council, 32);
    memcpy(make->head.recovery_public, making->recovery_public, 32);
    make->head.page_bytes = stream->page_bytes;
    make->head.pages = stream->pages;
    make->head.transaction = stream->number;
    make->head.made_s = making->made_s;
    make->made->number = make->head.number;
    enum kr_err err = kr_backup_key_seal(&make->head, making->seed, make->key);
    if (err != KR_OK) {
        return kr_fail(make->error, err, "nothing can be sealed to this recovery key");
    }
    kr_backup_head_write(&make->head, bytes);
    kr_backup_head_hash(bytes, make->sealing.head_hash);
    make->sealing.key = make->key;
    kr_hash_init(&make->hash, "kairan backup file");
    return put(make, bytes, sizeof bytes);
}

static enum kr_err name_it(struct make *make)
{
    const struct kr_backup_making *making = make->making;
    struct kr_backup_made *made = make->made;
    const time_t when = (time_t)making->made_s;
    struct tm tm;
    char date[32], hex[9], chain[5];
    int len = 0;
    if (making->is_file) {
        len = snprintf(made->path, sizeof made->path, "%s", making->to);
    } else {
        (void)sodium_bin2hex(hex, sizeof hex, making->council, 4);
        (void)sodium_bin2hex(chain, sizeof chain, make->head.chain, 2);
        (void)strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", gmtime_r(&when, &tm));
        len = made->number == 0 ? snprintf(made->path, sizeof made->path, "%s/kairan-%s-%s-%s-full" KR_BACKUP_SUFFIX, making->to,
                                           hex, date, chain)
                                : snprintf(made->path, sizeof made->path, "%s/kairan-%s-%s-%s-add%02u" KR_BACKUP_SUFFIX, making->to,
                                           hex, date, chain, made->number);
    }
    if (len < 0 || (size_t)len >= sizeof made->path) {
        return kr_fail(make->error, KR_BOUNDS, "the path is too long: %.64s…", making->to);
    }
    int failed = renameat2(AT_FDCWD, make->temporary, AT_FDCWD, made->path, RENAME_NOREPLACE) == 0 ? 0 : errno;
    if (failed == EINVAL || failed == ENOSYS) { /* file systems of sticks know no such thing */
        failed = access(made->path, F_OK) == 0 ? EEXIST : rename(make->temporary, made->path) == 0 ? 0 : errno;
    }
    if (failed == EEXIST) {
        return kr_fail(make->error, KR_EXISTS, "%s is there already: it is left as it is", made->path);
    }
    if (failed != 0) {
        return fail_write(make, failed);
    }
    make->temporary[0] = 0;
    return kr_private_file_sync_name(made->path, make->error);
}

static enum kr_err end_file(struct make *make)
{
    enum kr_err err = fflush(make->out) == 0 && fsync(make->fd) == 0 ? KR_OK : fail_write(make, errno);
    const int closed = fclose(make->out) == 0 ? 0 : errno;
    make->out = NULL;
    make->fd = -1;
    if (err == KR_OK && closed != 0) {
        err = fail_write(make, closed);
    }
    return err == KR_OK ? name_it(make) : err;
}

/* ---- all of it ---- */

static enum kr_err prepare(struct make *make)
{
    enum kr_err err = find_base(make);
    make->open = malloc(OPEN_BYTES_MAX);
    make->sealed = malloc(KR_BACKUP_SEALED_MAX);
    make->keyring = malloc(KEYRING_BYTES_MAX);
    if (err == KR_OK && (make->open == NULL || make->sealed == NULL || make->keyring == NULL)) {
        err = KR_NOMEM;
    }
    if (err == KR_OK) {
        err = begin_file(make);
    }
    return err == KR_OK ? read_keyring(make, make->keyring, KEYRING_BYTES_MAX, &make->keyring_len) : err;
}

static enum kr_err run(struct make *make)
{
    uint8_t bytes[KR_BACKUP_STREAM_BYTES];
    struct kr_backup_stream stream = {0};
    enum kr_err err = prepare(make);
    if (err != KR_OK) {
        return err;
    }
    make->in = make->making->open_snapshot(make->making->context);
    err = make->in == NULL ? KR_CANCELLED : take(make, bytes, sizeof bytes);
    if (err == KR_OK) {
        err = kr_backup_stream_read(bytes, &stream);
        err = err == KR_OK
                  ? KR_OK
                  : kr_fail(make->error, err, "what kairand gave of the store has no form: are kairan and kairand of one version?");
    }
    if (err == KR_OK) {
        err = fill_head(make, &stream);
    }
    if (err == KR_OK) {
        err = put_pages(make, stream.used);
    }
    if (err == KR_OK) {
        err = put_gone(make);
    }
    if (err == KR_OK) {
        err = put_sources(make);
    }
    if (err == KR_OK) {
        err = put_end(make);
    }
    return err == KR_OK ? end_file(make) : err;
}

enum kr_err kr_backup_make(const struct kr_backup_making *making, struct kr_backup_made *ret_made, struct kr_error *error)
{
    *ret_made = (struct kr_backup_made){0};
    struct make *make = calloc(1, sizeof *make);
    if (make == NULL) {
        return KR_NOMEM;
    }
    make->making = making;
    make->made = ret_made;
    make->error = error;
    make->fd = -1;
    const enum kr_err err = run(make);
    if (make->out != NULL) {
        (void)fclose(make->out);
    } else if (make->fd >= 0) {
        (void)close(make->fd);
    }
    if (make->temporary[0] != 0) {
        (void)unlink(make->temporary);
    }
    kr_pages_free(&make->base);
    kr_pages_free(&make->now);
    kr_pages_free(&make->gone);
    if (make->sealed != NULL) {
        sodium_memzero(make->sealed, KR_BACKUP_SEALED_MAX);
    }
    free(make->open);
    free(make->sealed);
    free(make->keyring);
    sodium_memzero(make, sizeof *make);
    free(make);
    return err;
}
