/* `kairan peer confirm-root`: a linked council's new root key, compared with it by telephone. */
#ifndef KR_TOOLS_KAIRAN_ROOT_CONFIRM_H
#define KR_TOOLS_KAIRAN_ROOT_CONFIRM_H

#include "tools/kairan/kairan.h"

/* `arguments`: the council, and perhaps the digits that it read out, in one argument or in groups. */
int kr_peer_confirm_root(struct kr_app *app, char **arguments, int count);

#endif
