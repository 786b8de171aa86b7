/* Vouches of one community, and who is a member by them (docs/PROTOCOL.md, "Statements"). Private to the directory.
 *
 * What a member says counts in order of its distance from the founders, so that the same vouches make the same members at every
 * node, in whatever order they came. */
#ifndef KR_NODE_CORE_MEMBERSHIP_H
#define KR_NODE_CORE_MEMBERSHIP_H

#include "node/core/directory.h"

bool kr_id_set_has(const struct kr_id_set *set, const uint8_t id[static 32]);
/* Takes a vouch; it replaces an older one of the same two councils. KR_BOUNDS past KR_EDGES_MAX; KR_NOMEM. The members are counted
 * anew by `kr_members_count`. */
enum kr_err kr_edge_put(struct kr_community *community, const struct kr_edge *edge) KR_WARN_UNUSED;
/* The same for many, each for another two councils: nothing is found again before `kr_members_count` has sorted them. */
enum kr_err kr_edge_append(struct kr_community *community, const struct kr_edge *edge) KR_WARN_UNUSED;
/* Borrowed until the next vouch; NULL where there is none. */
const struct kr_edge *kr_edge_find(const struct kr_community *community, const uint8_t from[static 32],
                                   const uint8_t to[static 32]);
/* The first of the vouches for a council, which stand together; `edge_count` where there is none. */
uint32_t kr_edge_first(const struct kr_community *community, const uint8_t to[static 32]);
/* How many vouches that council has given. */
uint32_t kr_edges_from(const struct kr_community *community, const uint8_t from[static 32]);
/* Members and former ones, anew from all vouches. KR_NOMEM. */
enum kr_err kr_members_count(struct kr_community *community) KR_WARN_UNUSED;

#endif
