/* The warning lists of this node, as `kairan warninglist` keeps them: one file each, NAME.list, in the folder warninglists of the
 * state directory. The first line is the form, the second the description, the third the types of indicators that it is for ("all",
 * or names of types); then an entry a line, its kind (node/core/listed.h) in front:
 *
 *     kairan warning list 2
 *     Google's public DNS
 *     ipv4 ipv6 domain
 *     c 8.8.8.0/24
 *     h dns.google
 *
 * tools/kairan/warninglist.c writes them out of MISP's JSON. */
#ifndef KR_NODE_KEEPER_WARNINGLISTS_H
#define KR_NODE_KEEPER_WARNINGLISTS_H

#include "node/core/listed.h"

#define KR_WARNINGLISTS_FOLDER "warninglists"
#define KR_WARNINGLIST_FORM    "kairan warning list 2"
#define KR_WARNINGLIST_ENDING  ".list"

/* All lists of the folder (`*ret_listed` NULL where there is none). A line that is no entry is left out and logged with its number;
 * a file that cannot be read at all, or is of another form, likewise: what guards is better than nothing. KR_NOMEM only. */
enum kr_err kr_warninglists_read(const char *state_directory, struct kr_listed **ret_listed) KR_WARN_UNUSED;

#endif
