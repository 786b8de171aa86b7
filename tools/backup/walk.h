/* One file of a backup, from its head to its digest. */
#ifndef KR_TOOLS_BACKUP_WALK_H
#define KR_TOOLS_BACKUP_WALK_H

#include "tools/backup/pages.h"

#define KR_BACKUP_PATH_MAX 4096u

struct kr_backup_file {
    char path[KR_BACKUP_PATH_MAX];
    struct kr_backup_head head;
    uint64_t bytes;
    uint8_t digest[32]; /* as it stands at its end */
};

/* How it is read. */
struct kr_backup_reading {
    bool is_whole; /* every byte, against the digest; else what is sealed is passed over */
    /* 64 bytes: opens every chunk and checks the pages against their hashes (needs is_whole); NULL: nothing is opened. */
    const uint8_t *recovery_secret;
    /* What is in it, in order; any may be NULL, and with them what is opened is only checked. An error ends the reading. */
    enum kr_err (*on_page)(void *context, const struct kr_backup_entry *entry, const uint8_t *bytes, size_t len);
    enum kr_err (*on_gone)(void *context, uint64_t page);
    enum kr_err (*on_part)(void *context, const struct kr_backup_part *part);
    void (*on_bytes)(void *context, uint64_t bytes); /* read since the last call */
    void (*on_file)(void *context, uint32_t number); /* of a chain: begins */
    void *context;
};

/* Its head alone, and how long it is. KR_NOT_FOUND, KR_DENIED, KR_IO; KR_MALFORMED: no backup; KR_VERSION: of a newer program. */
enum kr_err kr_backup_look(const char *path, struct kr_backup_file *ret_file, struct kr_error *error) KR_WARN_UNUSED;
/* Reads it and folds into `pages` (the state after the file before; empty for a whole one), which is the state then. KR_CORRUPT:
 * damaged, cut short, or not what follows that state; KR_KEY: sealed to another recovery key; KR_DECRYPT: altered. */
enum kr_err kr_backup_walk(const char *path, const struct kr_backup_reading *reading, struct kr_pages *pages,
                           struct kr_backup_file *ret_file, struct kr_error *error) KR_WARN_UNUSED;

#endif
