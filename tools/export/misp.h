/* Events of MISP's core format (draft-dulaunoy-misp-core-format). Internal to tools/export. */
#ifndef KR_TOOLS_EXPORT_MISP_H
#define KR_TOOLS_EXPORT_MISP_H

#include <jansson.h>

#include "tools/export/ids.h"

/* {"Event": …} of one record with these mentions, as it is when nothing was exported before: all times are those of the record.
 * NULL: no memory. */
json_t *kr_misp_event(const struct kr_rendering *rendering, const struct kr_mention *const *mentions, size_t count);
/* Brings `fresh` behind `old` (what stands in the feed under its UUID; may be anything): attributes that are no longer in it stay
 * and are deleted; what has changed, and with it the event, has `now_s` for its time, or one second more than before; the rest
 * keeps its time. `fresh` NULL: all attributes of `old` are deleted. Returns a new reference; NULL: no memory, or `old` is no
 * event. */
json_t *kr_misp_merge(json_t *fresh, json_t *old, uint64_t now_s);
/* What the manifest says of an event; new reference. */
json_t *kr_misp_manifest_entry(const json_t *event);
/* Calls for the MD5 (hex) of each value, and of each part of a composite one, that is not deleted. */
typedef void kr_misp_hash(void *context, const char *hex);
void kr_misp_hashes(const json_t *event, kr_misp_hash *visit, void *context);

#endif
