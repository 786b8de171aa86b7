/* A disk that loses power. The linker gives LMDB the calls of this file in place of libc's: while recording, each write to a file
 * data.mdb is kept with its bytes, each change of its size and each sync, in their order. From that, images are made that a power
 * cut may leave:
 *
 * - what was synced stands: by fsync or fdatasync, or by a write through a descriptor opened with O_DSYNC that has returned;
 * - of all else any 512-byte sector may be there or not, whatever was written first;
 * - the file may have grown without the bytes, which are zero then.
 *
 * What is written through a map is not seen; disk_is_complete finds that, and any call that this file does not know. */
#ifndef KR_TEST_POWER_DISK_H
#define KR_TEST_POWER_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/hash.h"

#define DISK_SECTOR_BYTES 512u

enum disk_fault {
    DISK_HONEST,
    DISK_FORGETS_SYNC,  /* fsync and fdatasync return and do nothing */
    DISK_FORGETS_DSYNC, /* O_DSYNC has no effect */
};

struct disk_image {
    uint8_t *bytes;
    size_t len, capacity;
};

/* Forgets what was recorded before. */
void disk_record_begin(enum disk_fault fault);
void disk_record_end(void);
/* Calls recorded so far: writes, sizes, syncs. A cut is a number of calls that were made. */
size_t disk_calls(void);
/* Whether the calls, all done, give the file as it is. */
bool disk_is_complete(const char *path);

/* Images in the order of their cuts, each from one call of disk_cut. */
struct disk_replay {
    size_t done;                /* calls whose outcome is settled */
    struct disk_image settled;  /* what the disk has for certain */
    struct disk_image returned; /* room for the image that is given out */
};
void disk_replay_deinit(struct disk_replay *replay);
/* The image after a cut at `calls`, not less than at the last call; borrowed until the next. Each write that was not synced is kept
 * with a chance of `keep` in 16, and one in four that are lost only in some of its sectors; so is the last call where
 * `is_last_under_way`, for it has not returned. */
const struct disk_image *disk_cut(struct disk_replay *replay, size_t calls, bool is_last_under_way, uint32_t keep,
                                  struct kr_rng *rng);

#endif
