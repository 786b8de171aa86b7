/* Guards: values that must not become indicators by mistake (pure). Keeper enforces them on every submission; the command line only
 * previews.
 *
 * Lists: special-use networks (IANA registries, RFC 6890), public resolvers, well-known and documentation domains (RFC 2606),
 * public suffixes as such (libpsl), the council's own domains, networks and names from the configuration, and warning lists that
 * were added (listed.h). Documentation networks and domains are allowed through when `allows_documentation` is set (demonstrations
 * and tests). */
#ifndef KR_NODE_CORE_GUARD_H
#define KR_NODE_CORE_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "proto/codec/reader.h"

struct kr_guards;

/* An empty set of own values; the built-in lists are always in. */
enum kr_err kr_guards_new(struct kr_guards **ret_guards) KR_WARN_UNUSED;
/* One more who uses them: each calls kr_guards_free when it is done, in any thread, and the last one frees. NULL stays NULL. */
struct kr_guards *kr_guards_hold(struct kr_guards *guards);
void kr_guards_free(struct kr_guards *guards);
/* The council's own: a domain (subdomains included), a network ("192.0.2.0/24"), or a name (refused as file name or text
 * indicator). KR_INVALID with `error`. */
enum kr_err kr_guards_add_own(struct kr_guards *guards, const char *value, struct kr_error *error) KR_WARN_UNUSED;
/* Warning lists, sorted. Handed over; NULL: none. */
struct kr_listed;
void kr_guards_set_listed(struct kr_guards *guards, struct kr_listed *listed);
void kr_guards_allow_documentation(struct kr_guards *guards, bool allow);

/* Whether a value (normal form) is held back: NULL where it is not, else the list's name ("special-use", "own-domain",
 * "public-suffix", "resolver", "well-known", "own-network", "own-name", or a warning list's own), borrowed as long as the guards
 * live. */
const char *kr_guards_check(const struct kr_guards *guards, uint32_t type, struct kr_slice value);

#endif
