/* What is done to the store's files beside LMDB, so that neither a cut file nor a full disk kills the process. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "store/internal.h"

#define PATH_BYTES_MAX 4096
#define RESERVE_BYTES  (64u * KR_KIB)
#define READER_BYTES   64u /* of lmdb 0.9, struct MDB_reader: a cache line; the head of the file takes fewer than eight */

static bool path_of(const struct kr_store *store, const char *name, char ret_path[static PATH_BYTES_MAX])
{
    return snprintf(ret_path, PATH_BYTES_MAX, "%s/%s", store->path, name) < PATH_BYTES_MAX;
}

#define META_MAGIC 0xBEEFC0DEu

static bool read_meta(int fd, off_t at, struct kr_meta_page *ret_meta)
{
    return pread(fd, ret_meta, sizeof *ret_meta, at) == (ssize_t)sizeof *ret_meta && ret_meta->magic == META_MAGIC &&
           ret_meta->page_bytes >= 512 && ret_meta->page_bytes <= 65536;
}

/* Reading a page behind the end of a mapped file kills the process, so a file that was cut is refused before it is mapped. */
enum kr_err kr_file_check(const struct kr_store *store, uint64_t *ret_file_bytes, struct kr_error *error)
{
    char path[PATH_BYTES_MAX];
    enum kr_err err = KR_OK;
    struct stat status = {0};
    struct kr_meta_page first = {0}, second = {0};
    if (!path_of(store, "data.mdb", path)) {
        return kr_fail(error, KR_INVALID, "the path of the store is too long");
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        err = errno == ENOENT ? KR_OK : kr_fail(error, KR_IO, "cannot read %s: %s", path, strerror(errno));
        goto out;
    }
    if (fstat(fd, &status) != 0) {
        err = kr_fail(error, KR_IO, "cannot read %s: %s", path, strerror(errno));
        goto out;
    }
    if (status.st_size == 0) {
        goto out; /* a crash before the very first page */
    }
    bool has_first = read_meta(fd, 0, &first);
    uint32_t page_bytes = has_first ? first.page_bytes : (uint32_t)sysconf(_SC_PAGESIZE);
    bool has_second = read_meta(fd, page_bytes, &second);
    if (!has_first || !has_second) {
        err = kr_fail(error, KR_CORRUPT, "%s is not a store, or its first pages are damaged: restore it from a backup", path);
        goto out;
    }
    const struct kr_meta_page *newest = second.txn > first.txn ? &second : &first;
    if (newest->last_page >= (uint64_t)status.st_size / page_bytes) {
        err = kr_fail(error, KR_CORRUPT, "%s was cut short (%llu bytes, %llu expected): restore it from a backup", path,
                      (unsigned long long)status.st_size, (unsigned long long)(newest->last_page + 1) * page_bytes);
        goto out;
    }
    *ret_file_bytes = (uint64_t)status.st_size;
out:
    if (fd >= 0) {
        (void)close(fd);
    }
    return err;
}

/* LMDB writes its table of readers through a map. On a full disk the first touch of a page that is not there yet would kill the
 * process, so all of them are made before. */
static enum kr_err allocate_readers(const struct kr_store *store, struct kr_error *error)
{
    char file[PATH_BYTES_MAX];
    if (!path_of(store, "lock.mdb", file)) {
        return kr_fail(error, KR_INVALID, "the path of the store is too long");
    }
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return kr_fail(error, KR_IO, "cannot open %s: %s", file, strerror(errno));
    }
    int code = posix_fallocate(fd, 0, (off_t)(KR_STORE_READERS_MAX + 8) * READER_BYTES);
    (void)close(fd);
    if (code != 0) {
        return kr_fail(error, code == ENOSPC || code == EDQUOT ? KR_STORE_FULL : KR_IO, "cannot make room for %s: %s", file,
                       strerror(code));
    }
    return KR_OK;
}

enum kr_err kr_file_lock(struct kr_store *store, struct kr_error *error)
{
    char file[PATH_BYTES_MAX];
    if (!path_of(store, "store.lock", file)) {
        return kr_fail(error, KR_INVALID, "the path of the store is too long");
    }
    store->lock_fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store->lock_fd < 0) {
        return kr_fail(error, kr_env_err(store, errno), "cannot open %s: %s", file, strerror(errno));
    }
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return kr_fail(error, errno == EWOULDBLOCK ? KR_LOCKED : KR_IO,
                       "the store in %s is in use by another process: stop it first, or ask it", store->path);
    }
    return allocate_readers(store, error);
}

/* LMDB may count pages at the end of the file that it never wrote, having freed them in the transaction that took them.
 *
 * The file is asked for its length only where it may be too short: after such a look Linux (from 6.13 on) notes a time of its own
 * for the next write, and where the file system has no journal that is one block more to wait for in each commit, a tenth of it. */
enum kr_err kr_file_reserve(struct kr_store *store, uint64_t more_pages)
{
    MDB_envinfo info = {0};
    struct stat status = {0};
    mdb_filehandle_t fd = -1;
    (void)mdb_env_info(store->env, &info);
    uint64_t bytes = (info.me_last_pgno + 1 + more_pages) * store->page_bytes;
    if (store->file_bytes >= bytes) {
        return KR_OK;
    }
    if (mdb_env_get_fd(store->env, &fd) != 0 || fstat(fd, &status) != 0) {
        return KR_IO;
    }
    store->file_bytes = (uint64_t)status.st_size;
    if (store->file_bytes >= bytes) {
        return KR_OK;
    }
    bytes = (bytes + RESERVE_BYTES - 1) / RESERVE_BYTES * RESERVE_BYTES;
    if (ftruncate(fd, (off_t)bytes) != 0) {
        return kr_env_err(store, errno);
    }
    store->file_bytes = bytes;
    return KR_OK;
}

/* LMDB cannot tell a short write from a broken disk. */
bool kr_file_is_disk_full(const struct kr_store *store, uint64_t pages)
{
    struct statvfs disk;
    return statvfs(store->path, &disk) == 0 && (uint64_t)disk.f_bavail * disk.f_frsize < pages * store->page_bytes;
}
