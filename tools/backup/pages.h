/* Which pages of a store are used, and what is in them, by a hash: the state that a backup has after each of its files. */
#ifndef KR_TOOLS_BACKUP_PAGES_H
#define KR_TOOLS_BACKUP_PAGES_H

#include "proto/backup/backup.h"

struct kr_pages {
    struct kr_backup_entry *items; /* ascending */
    size_t count, capacity;
};
void kr_pages_free(struct kr_pages *pages);
/* Behind the last one; KR_MALFORMED where it does not ascend, KR_NOMEM. */
enum kr_err kr_pages_add(struct kr_pages *pages, const struct kr_backup_entry *entry) KR_WARN_UNUSED;
/* What changed: both ascending. An entry of `gone` takes a page out, one of `put` puts it in or in the place of an older one.
 * KR_MALFORMED where a page that is gone was not there, or is in both. */
enum kr_err kr_pages_fold(struct kr_pages *pages, const struct kr_pages *put, const struct kr_pages *gone) KR_WARN_UNUSED;
/* The digest of the state, as proto/backup/backup.h says. */
void kr_pages_digest(const struct kr_pages *pages, uint32_t page_bytes, uint64_t all,
                     uint8_t ret_digest[static KR_BACKUP_HASH_BYTES]);

#endif
