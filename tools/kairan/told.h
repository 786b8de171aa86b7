/* Bodies by the names that their councils tell in communities that both are in. Each name is that council's word, and shown as
 * such. */
#ifndef KR_TOOLS_KAIRAN_TOLD_H
#define KR_TOOLS_KAIRAN_TOLD_H

#include <jansson.h>

#include "tools/kairan/kairan.h"

struct kr_told {
    bool is_found;
    char name_ja[KR_NAME_BYTES_MAX + 1], name_en[KR_NAME_BYTES_MAX + 1];
    char council_name[KR_NAME_BYTES_MAX + 1]; /* of who tells it */
};
/* What that council calls that body, if it does. A node that knows no names of bodies yet knows none. Tells failures. */
bool kr_told_find(struct kr_app *app, const uint8_t council[static 32], const uint8_t body[static 32], struct kr_told *ret_told);
/* In the language of messages, where there is one in it. */
const char *kr_told_name(const struct kr_told *told);
/* "NAME (as COUNCIL names it)"; nothing where none was found. */
void kr_told_print(FILE *out, const struct kr_told *told);
/* "name_ja", "name_en", "named_by" of the object; null where none was found. */
void kr_told_json(json_t *object, const struct kr_told *told);

/* kairan body ls --listed: of all councils, or (`council` not NULL) of that one. */
int kr_told_list(struct kr_app *app, const char *council);

#endif
