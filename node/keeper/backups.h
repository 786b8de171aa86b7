/* What the node has to do with backups, which `kairan backup` makes and `kairan restore` puts back: a few small files in its state
 * directory (proto/backup/backup.h says what is in them). */
#ifndef KR_NODE_KEEPER_BACKUPS_H
#define KR_NODE_KEEPER_BACKUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"

/* Writes `backup.key` where it is not there, or is another one. */
enum kr_err kr_backups_put_key(const char *directory, const uint8_t council[static 32], const uint8_t recovery_public[static 32],
                               struct kr_error *error) KR_WARN_UNUSED;
/* When the last backup was made (s); 0: none is known. */
uint64_t kr_backups_last_s(const char *directory);
/* Whether `kairan restore` made this directory and the node has not been told; and that it has. */
bool kr_backups_was_restored(const char *directory);
enum kr_err kr_backups_restored_is_told(const char *directory, struct kr_error *error) KR_WARN_UNUSED;

#endif
