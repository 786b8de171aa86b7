/* Parts of a backup, and whole files of one, read without its key: what is accepted is written again to the same bytes. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tools/backup/walk.h"

static void run_head(const uint8_t *data, size_t size)
{
    uint8_t bytes[KR_BACKUP_HEAD_BYTES] = {0}, again[KR_BACKUP_HEAD_BYTES];
    struct kr_backup_head head;
    memcpy(bytes, data, size < sizeof bytes ? size : sizeof bytes);
    if (kr_backup_head_read(bytes, &head) == KR_OK) {
        kr_backup_head_write(&head, again);
        KR_ASSERT(memcmp(bytes, again, sizeof bytes) == 0);
    }
}

static void run_part(const uint8_t *data, size_t size)
{
    struct kr_backup_part part;
    struct kr_writer writer;
    if (kr_backup_part_read((struct kr_slice){data, size}, &part) == KR_OK) {
        kr_writer_init(&writer, size);
        kr_backup_part_write(&part, &writer);
        KR_ASSERT(kr_writer_finish(&writer) == KR_OK && writer.len == size && memcmp(writer.bytes, data, size) == 0);
        kr_writer_deinit(&writer);
    }
}

static void run_key(const uint8_t *data, size_t size)
{
    uint8_t council[32], recovery[32];
    char text[KR_BACKUP_KEY_TEXT_BYTES + 1];
    if (kr_backup_key_parse((const char *)data, size, council, recovery) == KR_OK) {
        kr_backup_key_print(council, recovery, text);
        KR_ASSERT(size == strlen(text));
    }
}

/* Skimmed and whole: the second takes nothing that the first refuses. */
static void run_file(const uint8_t *data, size_t size)
{
    char path[64];
    struct kr_backup_file *file = calloc(1, sizeof *file);
    const int fd = memfd_create("backup", MFD_CLOEXEC);
    KR_ASSERT(file != NULL && fd >= 0 && write(fd, data, size) == (ssize_t)size);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    enum kr_err errs[2];
    for (int whole = 0; whole < 2; whole++) {
        const struct kr_backup_reading reading = {.is_whole = whole != 0};
        struct kr_pages pages = {0};
        struct kr_error error = {{0}};
        errs[whole] = kr_backup_walk(path, &reading, &pages, file, &error);
        KR_ASSERT(errs[whole] == KR_OK || errs[whole] == KR_NOMEM || error.text[0] != 0);
        kr_pages_free(&pages);
    }
    KR_ASSERT(errs[1] != KR_OK || errs[0] == KR_OK);
    (void)close(fd);
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    static void (*const runs[])(const uint8_t *data, size_t size) = {run_head, run_part, run_key, run_file};
    if (data[0] < sizeof runs / sizeof runs[0]) {
        runs[data[0]](data + 1, size - 1);
    }
    return 0;
}
