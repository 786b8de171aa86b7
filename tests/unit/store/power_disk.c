#include "power_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "crypto/err.h"

enum call_type { CALL_WRITE, CALL_SIZE, CALL_SYNC };
struct call {
    enum call_type type;
    bool is_synced; /* a write that is durable when it returns */
    bool shrinks;   /* a size that also cuts off; else it only makes longer */
    uint64_t at;    /* or the size */
    size_t len;
    uint8_t *bytes;
};

static struct {
    bool is_recording;
    enum disk_fault fault;
    struct call *calls;
    size_t count, capacity;
} disk;

/* ---- recording ---- */

static bool is_watched(int fd)
{
    char link[64], path[4096];
    if (!disk.is_recording) {
        return false;
    }
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path);
    const size_t name = sizeof "/data.mdb" - 1;
    return len >= (ssize_t)name && memcmp(path + len - name, "/data.mdb", name) == 0;
}

static struct call *add(enum call_type type)
{
    if (disk.count == disk.capacity) {
        disk.capacity = disk.capacity == 0 ? 1024 : 2 * disk.capacity;
        disk.calls = realloc(disk.calls, disk.capacity * sizeof disk.calls[0]);
        KR_ASSERT(disk.calls != NULL);
    }
    struct call *call = &disk.calls[disk.count++];
    *call = (struct call){.type = type};
    return call;
}

static void add_write(int fd, const void *bytes, size_t len, uint64_t at)
{
    struct call *call = add(CALL_WRITE);
    call->is_synced = (fcntl(fd, F_GETFL) & O_DSYNC) != 0 && disk.fault != DISK_FORGETS_DSYNC;
    call->at = at;
    call->len = len;
    call->bytes = malloc(len + 1);
    KR_ASSERT(call->bytes != NULL);
    memcpy(call->bytes, bytes, len);
}

static void add_size(uint64_t size, bool shrinks)
{
    struct call *call = add(CALL_SIZE);
    call->at = size;
    call->shrinks = shrinks;
}

static void add_sync(void)
{
    if (disk.fault != DISK_FORGETS_SYNC) {
        (void)add(CALL_SYNC);
    }
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at);
ssize_t write(int fd, const void *bytes, size_t len);
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at);
ssize_t writev(int fd, const struct iovec *parts, int count);
int ftruncate(int fd, off_t size);
int fallocate(int fd, int mode, off_t at, off_t len);
int posix_fallocate(int fd, off_t at, off_t len);
int fsync(int fd);
int fdatasync(int fd);
int msync(void *map, size_t len, int flags);

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    ssize_t put = (ssize_t)syscall(SYS_pwrite64, fd, bytes, len, at);
    if (put > 0 && is_watched(fd)) {
        add_write(fd, bytes, (size_t)put, (uint64_t)at);
    }
    return put;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    ssize_t put = (ssize_t)syscall(SYS_write, fd, bytes, len);
    if (put > 0 && is_watched(fd)) {
        add_write(fd, bytes, (size_t)put, (uint64_t)(lseek(fd, 0, SEEK_CUR) - put));
    }
    return put;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
    ssize_t put = (ssize_t)syscall(SYS_pwritev, fd, parts, count, (unsigned long)at, 0ul);
    size_t left = put > 0 && is_watched(fd) ? (size_t)put : 0;
    for (int i = 0; left > 0; i++) {
        size_t len = parts[i].iov_len < left ? parts[i].iov_len : left;
        add_write(fd, parts[i].iov_base, len, (uint64_t)at);
        at += (off_t)len;
        left -= len;
    }
    return put;
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (at < 0 || !is_watched(fd)) {
        return (ssize_t)syscall(SYS_writev, fd, parts, count);
    }
    ssize_t put = pwritev(fd, parts, count, at);
    return put > 0 && lseek(fd, at + put, SEEK_SET) < 0 ? -1 : put;
}

int ftruncate(int fd, off_t size)
{
    int failed = (int)syscall(SYS_ftruncate, fd, size);
    if (failed == 0 && is_watched(fd)) {
        add_size((uint64_t)size, true);
    }
    return failed;
}

int fallocate(int fd, int mode, off_t at, off_t len)
{
    int failed = (int)syscall(SYS_fallocate, fd, mode, at, len);
    if (failed == 0 && is_watched(fd)) {
        KR_ASSERT(mode == 0);
        add_size((uint64_t)(at + len), false);
    }
    return failed;
}

int posix_fallocate(int fd, off_t at, off_t len)
{
    return fallocate(fd, 0, at, len) == 0 ? 0 : errno;
}

/* Nothing here waits for a real disk: what the record says is all that counts. */
int fsync(int fd)
{
    if (is_watched(fd)) {
        add_sync();
    }
    return 0;
}

int fdatasync(int fd)
{
    return fsync(fd);
}

int msync(void *map, size_t len, int flags)
{
    return (int)syscall(SYS_msync, map, len, flags); /* makes nothing durable that this file knows of */
}

void disk_record_begin(enum disk_fault fault)
{
    for (size_t i = 0; i < disk.count; i++) {
        free(disk.calls[i].bytes);
    }
    free(disk.calls);
    disk.calls = NULL;
    disk.count = disk.capacity = 0;
    disk.fault = fault;
    disk.is_recording = true;
}

void disk_record_end(void)
{
    disk.is_recording = false;
}

size_t disk_calls(void)
{
    return disk.count;
}

/* ---- images ---- */

static void reserve(struct disk_image *image, size_t len)
{
    if (len > image->capacity) {
        image->capacity = len > 2 * image->capacity ? len : 2 * image->capacity;
        image->bytes = realloc(image->bytes, image->capacity);
        KR_ASSERT(image->bytes != NULL);
    }
}

static void resize(struct disk_image *image, size_t len)
{
    reserve(image, len);
    if (len > image->len) {
        memset(image->bytes + image->len, 0, len - image->len);
    }
    image->len = len;
}

static void put(struct disk_image *image, uint64_t at, const uint8_t *bytes, size_t len)
{
    if (at + len > image->len) {
        resize(image, (size_t)at + len);
    }
    KR_ASSERT(image->bytes != NULL);
    memcpy(image->bytes + at, bytes, len);
}

static void copy(struct disk_image *image, const struct disk_image *from)
{
    reserve(image, from->len);
    image->len = from->len;
    if (from->len > 0) {
        memcpy(image->bytes, from->bytes, from->len);
    }
}

static void do_whole(struct disk_image *image, const struct call *call)
{
    if (call->type == CALL_WRITE) {
        put(image, call->at, call->bytes, call->len);
    } else if (call->type == CALL_SIZE && (call->shrinks || call->at > image->len)) {
        resize(image, (size_t)call->at);
    }
}

/* Each sector for itself. */
static void do_torn(struct disk_image *image, const struct call *call, struct kr_rng *rng)
{
    for (size_t from = 0; from < call->len;) {
        size_t len = DISK_SECTOR_BYTES - (size_t)((call->at + from) % DISK_SECTOR_BYTES);
        len = len < call->len - from ? len : call->len - from;
        if (kr_rng_below(rng, 2) == 0) {
            put(image, call->at + from, call->bytes + from, len);
        }
        from += len;
    }
}

static void do_unsynced(struct disk_image *image, const struct call *call, uint32_t keep, struct kr_rng *rng)
{
    if (kr_rng_below(rng, 16) < keep) {
        do_whole(image, call);
        return;
    }
    if (call->type == CALL_WRITE && kr_rng_below(rng, 4) == 0) {
        do_torn(image, call, rng);
    }
    if (call->type == CALL_WRITE && call->at + call->len > image->len && kr_rng_below(rng, 4) == 0) {
        resize(image, (size_t)call->at + call->len);
    }
}

/* Brings what is certain up to the last sync before the cut. */
static void settle(struct disk_replay *replay, size_t calls)
{
    for (size_t end = calls; end > replay->done; end--) {
        if (disk.calls[end - 1].type == CALL_SYNC) {
            for (; replay->done < end; replay->done++) {
                do_whole(&replay->settled, &disk.calls[replay->done]);
            }
        }
    }
}

const struct disk_image *disk_cut(struct disk_replay *replay, size_t calls, bool is_last_under_way, uint32_t keep,
                                  struct kr_rng *rng)
{
    KR_ASSERT(calls <= disk.count && calls >= replay->done);
    struct disk_image *image = &replay->returned;
    settle(replay, is_last_under_way && calls > replay->done ? calls - 1 : calls);
    copy(image, &replay->settled);
    for (size_t i = replay->done; i < calls; i++) {
        const struct call *call = &disk.calls[i];
        if (call->is_synced && !(is_last_under_way && i == calls - 1)) {
            do_whole(image, call);
        } else {
            do_unsynced(image, call, keep, rng);
        }
    }
    return image;
}

void disk_replay_deinit(struct disk_replay *replay)
{
    free(replay->settled.bytes);
    free(replay->returned.bytes);
    *replay = (struct disk_replay){0};
}

bool disk_is_complete(const char *path)
{
    struct disk_image image = {0};
    for (size_t i = 0; i < disk.count; i++) {
        do_whole(&image, &disk.calls[i]);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    KR_ASSERT(fd >= 0);
    bool is_same = image.bytes != NULL && lseek(fd, 0, SEEK_END) == (off_t)image.len;
    void *map = is_same ? mmap(NULL, image.len, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    is_same = map != MAP_FAILED && memcmp(map, image.bytes, image.len) == 0;
    if (map != MAP_FAILED) {
        (void)munmap(map, image.len);
    }
    (void)close(fd);
    free(image.bytes);
    return is_same;
}
