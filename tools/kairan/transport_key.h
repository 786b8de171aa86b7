/* How the node's transport key stands, as `kairan node transport`, status and doctor tell it. */
#ifndef KR_TOOLS_KAIRAN_TRANSPORT_KEY_H
#define KR_TOOLS_KAIRAN_TRANSPORT_KEY_H

#include "tools/kairan/kairan.h"
#include "tools/kairan/out.h"
#include "tools/kairan/root_key.h"

json_t *kr_transport_json(const struct kr_status_transport *transport);
/* What it waits for, in the middle of a line: "links: 1 (name), …". */
void kr_transport_waits_text(const struct kr_status_transport *transport, char *ret_text, size_t size);
/* A line for people where a replacement is under way. False: the node did not answer, which was told. */
bool kr_transport_hint(struct kr_app *app);
/* `kairan node transport [rotate|finish]`; `what` NULL: tells how it stands. */
int kr_run_transport(struct kr_app *app, const char *what, const struct kr_root_options *root);

#endif
