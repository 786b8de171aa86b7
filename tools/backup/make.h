/* A new file of a backup. */
#ifndef KR_TOOLS_BACKUP_MAKE_H
#define KR_TOOLS_BACKUP_MAKE_H

#include <stdio.h>

#include "tools/backup/chain.h"

#define KR_BACKUP_SOURCES_MAX 80u

/* A file that goes with the store. */
struct kr_backup_source {
    char name[KR_BACKUP_NAME_BYTES_MAX + 1], path[KR_BACKUP_PATH_MAX];
};

struct kr_backup_making {
    const char *to; /* a directory, or (is_file) the file itself, which then is a whole one */
    bool is_file;
    bool wants_whole; /* also where a chain could be added to */
    uint8_t council[32], recovery_public[32];
    uint64_t made_s;
    const uint8_t *seed; /* 32 random bytes */
    const struct kr_backup_source *sources;
    uint32_t source_count;
    /* What `kairand --snapshot` prints; called when all else is ready, so that the snapshot is held for a short time. NULL: it told
     * why not. */
    FILE *(*open_snapshot)(void *context);
    void (*on_progress)(void *context, uint64_t pages, uint64_t all); /* may be NULL */
    void *context;
};

struct kr_backup_made {
    char path[KR_BACKUP_PATH_MAX];
    uint32_t number;
    uint64_t pages, pages_put, pages_gone, bytes;
    uint64_t grown; /* the store's file, while the snapshot was held */
    uint8_t digest[32];
    struct kr_error why_whole; /* where there was a chain that could not be added to, and is broken */
};

/* Atomic: a temporary file beside its place, synced, then named; whatever goes wrong, all that was there before is as it was.
 * KR_STORE_FULL: no room there; KR_EXISTS: the file is there; KR_BUSY: the keyring changed meanwhile; KR_CLOSED: the snapshot ended
 * too early. */
enum kr_err kr_backup_make(const struct kr_backup_making *making, struct kr_backup_made *ret_made,
                           struct kr_error *error) KR_WARN_UNUSED;

#endif
