/* A MISP feed in a folder: manifest.json names the events, each in a file of its own beside it (MISP feed format, as
 * `misp-feed` exports it, and as servers publish it). */
#ifndef KR_TOOLS_FORMATS_MISP_FEED_H
#define KR_TOOLS_FORMATS_MISP_FEED_H

#include "tools/formats/import.h"

/* "file:///a/b" is /a/b, with %XX undone; any other text is a path as it stands. Terminated; free() it. KR_INVALID for URLs of
 * other sorts, with what to do instead; KR_NOMEM. */
enum kr_err kr_misp_feed_path(const char *text, char **ret_path, struct kr_error *error) KR_WARN_UNUSED;

/* Whether the folder is a feed: it has a manifest.json. */
bool kr_misp_feed_is_one(const char *folder);

/* Shows the path of each event's file in the order of the manifest; the file may be missing. Entries whose name is no UUID are
 * shown to nobody: names of files come from outside. Anything but KR_OK ends it and is what it returns. KR_IO, KR_MALFORMED with a
 * place, KR_NOMEM; `*ret_odd` counts entries that were passed over. */
typedef enum kr_err kr_misp_feed_visit(void *context, const char *path);
enum kr_err kr_misp_feed_each(const char *folder, kr_misp_feed_visit *visit, void *context, uint64_t *ret_odd,
                              struct kr_error *error) KR_WARN_UNUSED;

#endif
