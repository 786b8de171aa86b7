/* Where a search of logs was stopped: a small file in the user's state directory, named after the files that were searched. It has
 * a hash of how the file begins in which it was stopped: what was rotated or rewritten meanwhile is another log, in which the place
 * says nothing. A log that only has grown begins as before. */
#ifndef KR_TOOLS_KAIRAN_SCAN_MARK_H
#define KR_TOOLS_KAIRAN_SCAN_MARK_H

#include <limits.h>

#include "tools/scan/hunt.h"

struct kr_scan_mark {
    char path[PATH_MAX]; /* of the mark */
};

/* Finds the place for these files. False where there is none (neither XDG_STATE_HOME nor HOME is set). */
bool kr_scan_mark_place(const char *const *files, size_t count, struct kr_scan_mark *ret);
/* KR_NOT_FOUND; KR_MALFORMED: damaged; KR_INVALID: the log was changed meanwhile; KR_IO. */
enum kr_err kr_scan_mark_read(const struct kr_scan_mark *mark, const char *const *files, size_t count,
                              struct kr_hunt_mark *ret) KR_WARN_UNUSED;
enum kr_err kr_scan_mark_write(const struct kr_scan_mark *mark, const char *const *files, size_t count,
                               const struct kr_hunt_mark *where) KR_WARN_UNUSED;
void kr_scan_mark_remove(const struct kr_scan_mark *mark);

#endif
