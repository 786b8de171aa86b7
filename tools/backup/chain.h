/* The files of one backup: the whole, and what was added to it since. */
#ifndef KR_TOOLS_BACKUP_CHAIN_H
#define KR_TOOLS_BACKUP_CHAIN_H

#include "tools/backup/walk.h"

#define KR_BACKUP_SUFFIX    ".kairan-backup"
#define KR_BACKUP_FILES_MAX 4096u /* in one directory */
#define KR_BACKUP_ADDED_MAX 63u   /* then a whole one begins a new chain */

struct kr_backup_chain {
    struct kr_backup_file *files; /* by number, from 0 */
    uint32_t count;
    uint64_t bytes;
};
void kr_backup_chain_free(struct kr_backup_chain *chain);

/* These files and nothing else: they must be one chain from its whole on, none missing between. KR_INVALID says what is wrong. */
enum kr_err kr_backup_chain_of(const char *const *paths, uint32_t count, struct kr_backup_chain *ret_chain,
                               struct kr_error *error) KR_WARN_UNUSED;
/* The newest chain in the directory that is of this council and sealed to this key (NULL: any). KR_NOT_FOUND: there is none;
 * KR_INVALID: the newest one has a gap, with what is missing in `error`. What is no backup is passed over. */
enum kr_err kr_backup_chain_in(const char *directory, const uint8_t *council, const uint8_t *recovery_public,
                               struct kr_backup_chain *ret_chain, struct kr_error *error) KR_WARN_UNUSED;
/* Reads all its files in order; `pages` is the state after the last. Also KR_CORRUPT where one does not follow the one before. */
enum kr_err kr_backup_chain_walk(struct kr_backup_chain *chain, const struct kr_backup_reading *reading, struct kr_pages *pages,
                                 struct kr_error *error) KR_WARN_UNUSED;

#endif
