/* Nodes over the network that are dialled in turn: what is said about them. */
#ifndef KR_TOOLS_KAIRAN_AFAR_H
#define KR_TOOLS_KAIRAN_AFAR_H

#include "tools/client/in_turn.h"

/* In one line, which addresses were passed over before another node of the council answered. Nothing where none was. */
void kr_tell_other_node(const struct kr_in_turn *turn);
/* Where none answered, at several addresses: all of them in one sentence, unless somebody was there whose own words say what to do.
 * Returns `err`. */
enum kr_err kr_explain_no_node(const struct kr_in_turn *turn, enum kr_err err, struct kr_error *error);

#endif
