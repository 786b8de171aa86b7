/* Clients from afar: persons' machines, whose frames net carries (proto/wire/remote.h).
 *
 *   net ══ frames ══> runner ── kr_remote_take ──> this thread ══ socket pair ══> hub, which serves it like any local client
 *
 * A thread of its own: it holds the sessions, opens and seals, and moves bytes between frames and one end of a socket pair, whose
 * other end is the hub's. So nothing that serves clients knows of the network, and no flood of a machine's holds up the core's
 * thread. What a machine may have under way, and how fast it may send in the long run, is bounded here by what it is told was
 * taken; net cuts whoever does not keep to it.
 *
 *   HELLO ── the machine's hello: its key is on the list; answered ──▶ PROVED ── the first frame opens ──▶ UP ──▶ gone
 *
 *   HELLO, PROVED   end after KR_CLIENT_HELLO_MS; the hub knows nothing of them
 *   UP              a client of the hub's, whose caller is the key that was proved
 *
 * A key that leaves the list ends its sessions at once, whatever net does. */
#ifndef KR_NODE_KEEPER_REMOTE_H
#define KR_NODE_KEEPER_REMOTE_H

#include "node/keeper/hub.h"
#include "node/net/channel.h"

struct kr_remote_options {
    struct kr_store *store; /* all borrowed */
    struct kr_shared_keyring *keyring;
    struct kr_lanes *lanes; /* woken where something waits for net */
    struct kr_hub *hub;
    struct kr_clock *clock;
    uint32_t hello_ms; /* 0: KR_CLIENT_HELLO_MS */
};

struct kr_remote;
enum kr_err kr_remote_new(const struct kr_remote_options *options, struct kr_remote **ret_remote,
                          struct kr_error *error) KR_WARN_UNUSED;
/* Whose node it is. Until then nothing that comes is looked at. */
enum kr_err kr_remote_start(struct kr_remote *remote, const uint8_t council[static 32], struct kr_error *error) KR_WARN_UNUSED;
/* Ends the thread and all sessions. Before the hub's end. */
void kr_remote_free(struct kr_remote *remote);

/* From the thread that talks to net. */

/* Whose keys may come: those entries of the list that are of persons. KR_NOMEM. */
enum kr_err kr_remote_allow(struct kr_remote *remote, const struct kr_net_entry *entries, uint32_t count) KR_WARN_UNUSED;
/* A frame that came over that connection (copied); without memory for it the connection is cut. */
void kr_remote_take(struct kr_remote *remote, uint32_t connection, struct kr_slice frame);
void kr_remote_gone(struct kr_remote *remote, uint32_t connection);
/* Net is gone, and all connections with it. */
void kr_remote_reset(struct kr_remote *remote);

/* What net is to be told next: KR_NET_CLIENT_FRAME, _CUT, _TAKEN; fields as in channel.h. False: nothing. Borrowed until
 * kr_remote_told, which comes before the next one. */
struct kr_remote_word {
    uint32_t type, connection;
    struct kr_slice frame;
    uint32_t frames, bytes;
};
bool kr_remote_next(struct kr_remote *remote, struct kr_remote_word *ret_word);
void kr_remote_told(struct kr_remote *remote);

#endif
