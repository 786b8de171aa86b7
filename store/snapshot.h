/* A store as it was at one moment, page by page, while its node writes on: for backups.
 *
 * It takes no key and reads no value. The snapshot is one read transaction of LMDB, in an environment of its own: so it must be in
 * another process than the node's (LMDB forbids two in one), and the node's map may grow meanwhile. Pages are read from the file,
 * where LMDB writes those of a snapshot that somebody reads to no more. What the snapshot holds on to cannot be used again as long
 * as it is open: the file grows by about what is written meanwhile.
 *
 * Pages that are free in the snapshot are not given: what was deleted is in no backup. Pages 0 and 1 are LMDB's meta pages, made to
 * be those of this snapshot; with them the pages make a file that LMDB opens (on a machine of the same sort: byte order, size of a
 * pointer). */
#ifndef KR_STORE_SNAPSHOT_H
#define KR_STORE_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"

struct kr_snapshot;

struct kr_snapshot_facts {
    uint32_t page_bytes;
    uint64_t pages; /* of the file, from 0; those that are free among them */
    uint64_t used;
    uint64_t number; /* of the transaction: goes up with each commit */
};

/* `path`: the store's directory. KR_NOT_FOUND where there is none, KR_CORRUPT where the file was cut, KR_DENIED, KR_IO, KR_NOMEM.
 */
enum kr_err kr_snapshot_open(const char *path, struct kr_snapshot **ret_snapshot, struct kr_error *error) KR_WARN_UNUSED;
void kr_snapshot_close(struct kr_snapshot *snapshot); /* NULL is fine */
void kr_snapshot_facts(const struct kr_snapshot *snapshot, struct kr_snapshot_facts *ret_facts);
/* The next used page from `*page` on (0 at first) into `ret_bytes` (page_bytes of them); sets `*page` to it. KR_NOT_FOUND behind
 * the last one; KR_IO. */
enum kr_err kr_snapshot_next(struct kr_snapshot *snapshot, uint64_t *page, uint8_t *ret_bytes,
                             struct kr_error *error) KR_WARN_UNUSED;
/* The bytes of the file now: what it has grown by. */
uint64_t kr_snapshot_file_bytes(const struct kr_snapshot *snapshot);

#endif
