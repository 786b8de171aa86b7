/* How the node's storage key stands, as `kairan node storage`, status and doctor tell it. */
#ifndef KR_TOOLS_KAIRAN_STORAGE_KEY_H
#define KR_TOOLS_KAIRAN_STORAGE_KEY_H

#include "tools/kairan/kairan.h"
#include "tools/kairan/out.h"

#define KR_STORAGE_OLD_DAYS 365u
#define KR_STORAGE_STILL_S  900u /* so long nothing has moved: it stands still */
#define KR_STORAGE_LONG_S   86400u

json_t *kr_storage_json(const struct kr_status_storage *storage);
/* How much is under the new key, 0 to 100. */
unsigned kr_storage_percent(const struct kr_status_storage *storage);
/* Whether a replacement is under way that does not get on. */
bool kr_storage_stands_still(const struct kr_status_storage *storage, uint64_t now_s);
/* `kairan node storage [rotate]`; `what` NULL: tells how it stands. */
int kr_run_storage(struct kr_app *app, const char *what);

#endif
