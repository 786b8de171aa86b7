/* Small files that only their owner may read: keys and credentials. */
#ifndef KR_CRYPTO_PRIVATE_FILE_H
#define KR_CRYPTO_PRIVATE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/err.h"

/* Reads at most `max` bytes (a file that fills them may be longer; on failure the buffer may hold part of it). KR_NOT_FOUND;
 * KR_DENIED for a symbolic link, what is no plain file, another user's file, one that others may read or write; KR_IO. */
enum kr_err kr_private_file_read(const char *path, void *ret_bytes, size_t max, size_t *ret_len,
                                 struct kr_error *error) KR_WARN_UNUSED;
/* The same, whosever the file is and whoever may read it: on a memory stick there are no owners. */
enum kr_err kr_private_file_read_any(const char *path, void *ret_bytes, size_t max, size_t *ret_len,
                                     struct kr_error *error) KR_WARN_UNUSED;
/* Writes a file of mode 0600 so that after a crash the old one or the new one is there, never half of one: temporary file beside
 * it, fsync, rename, fsync of the directory. The one that it replaces is then overwritten with zeros, as far as the file system
 * does that in place, unless it has another name as well. KR_EXISTS where it is there and `replace` is false; KR_DENIED, KR_BOUNDS,
 * KR_IO. */
enum kr_err kr_private_file_write(const char *path, const void *bytes, size_t len, bool replace,
                                  struct kr_error *error) KR_WARN_UNUSED;
/* Makes durable what the directory that holds `path` says: that the file is there, or under a new name. KR_BOUNDS, KR_IO. */
enum kr_err kr_private_file_sync_name(const char *path, struct kr_error *error) KR_WARN_UNUSED;

#endif
