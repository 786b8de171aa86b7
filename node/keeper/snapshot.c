/* The store as it is at one moment, on standard output, while the node runs or not: what a backup is made of. It has no key. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/keeper/keeper.h"
#include "node/keeper/log.h"
#include "proto/backup/backup.h"
#include "store/snapshot.h"

/* The snapshot keeps the store's file from using pages again: whoever reads so slowly that it grows by a quarter of its size, and
 * at least by this, is given no more. */
#define GROWTH_BYTES_MIN (256u * (uint64_t)KR_MIB)
#define LOOK_PAGES       1024u

static enum kr_err put(const void *bytes, size_t len, struct kr_error *error)
{
    return fwrite(bytes, 1, len, stdout) == len ? KR_OK
                                                : kr_fail(error, KR_IO, "nobody reads the backup any more: %s", strerror(errno));
}

static enum kr_err put_number(uint64_t number, struct kr_error *error)
{
    uint8_t bytes[8];
    kr_backup_number_write(number, bytes);
    return put(bytes, sizeof bytes, error);
}

static enum kr_err check_growth(const struct kr_snapshot *snapshot, uint64_t began_bytes, struct kr_error *error)
{
    const uint64_t now_bytes = kr_snapshot_file_bytes(snapshot), grown = now_bytes > began_bytes ? now_bytes - began_bytes : 0;
    const uint64_t most = began_bytes / 4 > GROWTH_BYTES_MIN ? began_bytes / 4 : GROWTH_BYTES_MIN;
    return grown <= most
               ? KR_OK
               : kr_fail(error, KR_QUOTA,
                         "the backup is so slow that the store has grown by %llu MiB meanwhile, and was given up: make it "
                         "onto a faster disk, and copy it from there",
                         (unsigned long long)(grown / KR_MIB));
}

static enum kr_err put_pages(struct kr_snapshot *snapshot, const struct kr_snapshot_facts *facts, uint64_t began_bytes,
                             struct kr_error *error)
{
    uint8_t *bytes = malloc(facts->page_bytes);
    uint64_t page = 0;
    enum kr_err err = bytes == NULL ? KR_NOMEM : KR_OK;
    for (uint64_t i = 0; err == KR_OK && i < facts->used; i++) {
        err = kr_snapshot_next(snapshot, &page, bytes, error);
        if (err == KR_OK) {
            err = put_number(page++, error);
        }
        if (err == KR_OK) {
            err = put(bytes, facts->page_bytes, error);
        }
        if (err == KR_OK && i % LOOK_PAGES == LOOK_PAGES - 1) {
            err = check_growth(snapshot, began_bytes, error);
        }
    }
    free(bytes);
    return err;
}

static enum kr_err print(const struct kr_place *place, struct kr_error *error)
{
    struct kr_snapshot *snapshot = NULL;
    struct kr_snapshot_facts facts = {0};
    uint8_t head[KR_BACKUP_STREAM_BYTES];
    enum kr_err err = kr_snapshot_open(place->store, &snapshot, error);
    if (err != KR_OK) {
        return err;
    }
    const uint64_t began_bytes = kr_snapshot_file_bytes(snapshot);
    kr_snapshot_facts(snapshot, &facts);
    const struct kr_backup_stream stream = {
        .page_bytes = facts.page_bytes, .pages = facts.pages, .used = facts.used, .number = facts.number};
    kr_backup_stream_write(&stream, head);
    err = put(head, sizeof head, error);
    if (err == KR_OK) {
        err = put_pages(snapshot, &facts, began_bytes, error);
    }
    const uint64_t now_bytes = kr_snapshot_file_bytes(snapshot);
    if (err == KR_OK) {
        err = put_number(UINT64_MAX, error);
    }
    if (err == KR_OK) {
        err = put_number(now_bytes > began_bytes ? now_bytes - began_bytes : 0, error);
    }
    kr_snapshot_close(snapshot);
    if (err == KR_OK && fflush(stdout) != 0) {
        err = kr_fail(error, KR_IO, "nobody reads the backup any more: %s", strerror(errno));
    }
    return err;
}

int kr_keeper_snapshot(const struct kr_place *place)
{
    struct kr_error error = {0};
    kr_log_init(KR_LOG_NOTICE);
    enum kr_err err = isatty(STDOUT_FILENO) == 1
                          ? kr_fail(&error, KR_INVALID, "--snapshot is for kairan backup: its output is no text")
                          : kr_keeper_harden(&error);
    if (err == KR_OK) {
        err = print(place, &error);
    }
    if (err != KR_OK) {
        kr_log(KR_LOG_ERROR, "%s", error.text[0] != 0 ? error.text : kr_err_text(err));
    }
    return err == KR_OK ? KR_EXIT_OK : KR_EXIT_FAILURE;
}
