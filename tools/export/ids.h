/* Names that are the same in each export (RFC 9562, version 5), and what STIX and MISP share. Internal to tools/export. */
#ifndef KR_TOOLS_EXPORT_IDS_H
#define KR_TOOLS_EXPORT_IDS_H

#include <jansson.h>

#include "tools/export/choose.h"

/* Of one value in one record. */
void kr_mention_uuid(const struct kr_mention *mention, char ret_text[static KR_UUID_TEXT_BYTES]);

/* The mentions of the chosen entries, record by record: older records first, then by id; within one in the order of the selection.
 */
struct kr_by_record {
    const struct kr_mention **items; /* kr_by_record_deinit */
    size_t count;
};
enum kr_err kr_by_record_make(const struct kr_selection *selection, const struct kr_chosen *chosen,
                              struct kr_by_record *ret_sorted) KR_WARN_UNUSED;
void kr_by_record_deinit(struct kr_by_record *sorted);
/* How many from `at` on are of the same record. */
size_t kr_by_record_run(const struct kr_by_record *sorted, size_t at);

/* Text as JSON; what is no UTF-8 becomes "". NULL: no memory. */
json_t *kr_text_json(const void *bytes, size_t len);
/* Writes and lets go of it. KR_NOMEM also where `value` is NULL. */
enum kr_err kr_put_json(json_t *value, size_t flags, FILE *out) KR_WARN_UNUSED;

#endif
