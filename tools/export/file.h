/* Atomic replacement of files that others read at any time. Internal to tools/export. */
#ifndef KR_TOOLS_EXPORT_FILE_H
#define KR_TOOLS_EXPORT_FILE_H

#include "tools/export/export.h"

/* Writes the whole content with `time_s` in its head; may be called twice, and says the same for the same time. */
typedef enum kr_err kr_file_writer(void *context, uint64_t time_s, FILE *out);
/* See kr_export_write_file. `changed_s`: of what is to be written; 0: unknown. The mode of what stood there is kept; else it is
 * what umask leaves. */
enum kr_err kr_file_replace(const char *path, kr_file_writer *writer, void *context, uint64_t changed_s, uint64_t now_s,
                            bool *ret_is_changed, struct kr_error *error) KR_WARN_UNUSED;

#endif
