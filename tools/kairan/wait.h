/* Waiting for the node to come up. */
#ifndef KR_TOOLS_KAIRAN_WAIT_H
#define KR_TOOLS_KAIRAN_WAIT_H

#include "tools/kairan/kairan.h"

/* Until the node answers and its network side is up. The connection is then open. Tells why not on failure. */
bool kr_wait_for_node(struct kr_app *app, int timeout_ms);
int64_t kr_now_ms(void); /* monotonic */

#endif
