/* The keeper process: holds the store and the keys, runs the core, serves local clients, and watches over net. */
#ifndef KR_NODE_KEEPER_KEEPER_H
#define KR_NODE_KEEPER_KEEPER_H

#include "node/core/core.h"
#include "node/keeper/passphrase.h"
#include "node/keeper/place.h"

/* Exit statuses of the program. */
enum kr_exit {
    KR_EXIT_OK = 0,
    KR_EXIT_FAILURE = 1, /* the log says what */
    KR_EXIT_USAGE = 2,   /* mistake on the command line */
    KR_EXIT_RUNNING = 3, /* another one runs on this state directory */
};

/* Runs until SIGTERM or SIGINT (KR_EXIT_OK) or until it cannot go on. SIGHUP reads log level and guards anew. */
int kr_keeper_run(const struct kr_place *place, const struct kr_passphrase_source *source);

/* Makes a new node: keyring, store, its first statements. Prints the council id in hex. Refuses where there is one; leaves nothing
 * half-made behind. Returns an exit status. */
int kr_keeper_init(const struct kr_place *place, const struct kr_passphrase_source *source, const struct kr_init *init);
/* The same of a node that asks to be one of an existing council: it has no statements yet. Prints the council id and the node key.
 */
int kr_keeper_init_node(const struct kr_place *place, const struct kr_passphrase_source *source, const struct kr_node_init *init);

/* Puts the keyring under another passphrase (`next`), or under one if it had none, while no node runs on it. What cannot be done
 * leaves the keyring as it was. Returns an exit status. */
int kr_keeper_change_passphrase(const struct kr_place *place, const struct kr_passphrase_source *source,
                                const struct kr_passphrase_source *next);

/* The store's pages as they are now, to standard output (proto/backup/backup.h), for `kairan backup`: also while a node runs on
 * them. Needs no passphrase. Returns an exit status. */
int kr_keeper_snapshot(const struct kr_place *place);

/* No core files, no debugger, no reading of our memory by others of the same user. KR_SYSTEM. */
enum kr_err kr_keeper_harden(struct kr_error *error) KR_WARN_UNUSED;

#endif
