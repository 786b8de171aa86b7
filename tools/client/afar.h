/* The way to a node over the network, for a machine that was enrolled there: ZeroMQ with CURVE to the node's own port, and within
 * it a session with its keeper (proto/wire/remote.h). A thread moves bytes between the network and one end of a socket pair; at the
 * other end is a connection like that to a local node.
 *
 *     kr_conn ══ socket pair ══ this thread ══ ZeroMQ, CURVE, session ══> net ══> keeper */
#ifndef KR_TOOLS_CLIENT_AFAR_H
#define KR_TOOLS_CLIENT_AFAR_H

#include <stdint.h>

#include "tools/client/client.h"

#define KR_AFAR_OPEN_MS  15000 /* for the way to the node and its answer */
#define KR_AFAR_RETRY_MS 2500  /* so long is tried where nobody listens: a node's network side is back within two seconds */

struct kr_afar_target {
    const char *endpoint;               /* "tcp://host:port" */
    const uint8_t *transport_public;    /* 32 bytes each, borrowed for the call: of the node's network side */
    const uint8_t *council, *node_key;  /* who is to answer; node_key zero: any that the council's card lists */
    const uint8_t *public_key, *secret; /* X25519, of this machine, or of a ticket */
    struct kr_slice card;               /* the newest of the council's cards that this machine has seen; empty: none */
    int open_ms;                        /* how long it may take; 0: KR_AFAR_OPEN_MS */
    bool is_tried_once;                 /* where nobody listens, it is not tried again */
};

struct kr_afar;
struct kr_afar_told {
    uint8_t node_key[32]; /* by which keeper proved itself */
    uint8_t *card;        /* the council's, where it counts more than the one that was known: free(); else NULL */
    size_t card_len;
};
/* `*ret_fd` is the caller's end; `*ret_told` is set where it is KR_OK. KR_NOT_FOUND: nobody there; KR_DENIED: this key is not
 * admitted, or what answers is somebody else; KR_CLOSED: what is there has another transport key, or is no node; KR_TIMEOUT;
 * KR_VERSION; KR_BUSY. Each with what to do. */
enum kr_err kr_afar_connect(const struct kr_afar_target *target, struct kr_afar **ret_afar, int *ret_fd,
                            struct kr_afar_told *ret_told, struct kr_error *error) KR_WARN_UNUSED;
/* After the caller's end was closed. */
void kr_afar_free(struct kr_afar *afar);

/* The whole connection: that way, and the greeting. */
enum kr_err kr_conn_open_afar(const struct kr_afar_target *target, const char *program, const char *language,
                              struct kr_conn **ret_conn, struct kr_afar_told *ret_told, struct kr_error *error) KR_WARN_UNUSED;

#endif
