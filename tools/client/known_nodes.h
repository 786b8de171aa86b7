/* What an enrolled machine knows of its council's nodes, so that it reaches one of them as long as one is there: the newest card of
 * the council that any of them has shown it, and where it was answered last. None of it is secret, and it changes by itself: so it
 * lies beside the enrolment, in .NAME.transport, and not under its passphrase. The card proves itself; nobody who alters the file
 * makes the machine believe in another node.
 *
 *   content = array of 6: version 2, the machine's public key (bin 32), home (bin 32), last (array of [endpoint (str), transport
 *             key (bin 32)]), vias (array of at most KR_VIAS_MAX [endpoint, endpoint]), card (bin: the whole record, at most
 *             KR_CARD_BYTES_MAX; or empty)
 *
 * Version 1 was 96 bytes: the transport key that the enrolment has ‖ in use ‖ next (32 bytes each). It is read as well. */
#ifndef KR_TOOLS_CLIENT_KNOWN_NODES_H
#define KR_TOOLS_CLIENT_KNOWN_NODES_H

#include "proto/wire/ways.h"
#include "tools/client/enrolled.h"

#define KR_VIAS_MAX 16u

/* What the user has said: instead of that address another one is dialled, of a tunnel. */
struct kr_via {
    char from[KR_ENDPOINT_BYTES_MAX + 1], to[KR_ENDPOINT_BYTES_MAX + 1];
};
struct kr_known_nodes {
    uint8_t home[32];   /* transport key of the node whose ticket was used, as it was known last */
    struct kr_way last; /* that led to a node last; no endpoint: none has */
    uint8_t *card;      /* the newest of the council's cards; NULL: none was seen */
    size_t card_len;
    struct kr_card parsed; /* that card; its texts lie in it */
    uint64_t version;
    uint32_t via_count;
    struct kr_via vias[KR_VIAS_MAX];
};
/* `path`: the enrolment's. Where nothing is there that belongs to it, or what is there cannot be read: the node of the ticket. */
void kr_known_nodes_read(struct kr_known_nodes *nodes, const struct kr_enrolled *enrolled, const char *path);
void kr_known_nodes_deinit(struct kr_known_nodes *nodes);
enum kr_err kr_known_nodes_write(const struct kr_known_nodes *nodes, const struct kr_enrolled *enrolled, const char *path,
                                 struct kr_error *error) KR_WARN_UNUSED;

/* A node has answered there, and shown a card that counts more than the one that is known (taken over; NULL: none). True where that
 * is news. */
bool kr_known_nodes_take(struct kr_known_nodes *nodes, const struct kr_enrolled *enrolled, const struct kr_way *way, uint8_t *card,
                         size_t card_len, uint64_t now_s);

/* From here on `to` is dialled instead of `from`; empty: `from` itself. KR_INVALID: no endpoints; KR_NOT_FOUND: nothing was said of
 * it; KR_BOUNDS. Each with a sentence. */
enum kr_err kr_known_nodes_via(struct kr_known_nodes *nodes, const char *from, const char *to,
                               struct kr_error *error) KR_WARN_UNUSED;

/* All that can be dialled, in this order: where it was answered last, the ticket's node at the enrolment's address, all nodes that
 * the card lists; then, as a last resort (a node may have been restored from an older keyring), the keys that were in use before.
 */
void kr_known_nodes_ways(const struct kr_known_nodes *nodes, const struct kr_enrolled *enrolled, uint64_t now_s,
                         struct kr_ways *ret_ways);
/* Of them only those that lead to the node that `way` led to. */
void kr_known_nodes_keep(const struct kr_known_nodes *nodes, const struct kr_enrolled *enrolled, const struct kr_way *way,
                         struct kr_ways *ways);

#endif
