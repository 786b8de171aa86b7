/* The pipe between keeper and net: one AF_UNIX SOCK_STREAM pair, both ends non-blocking, same code on both.
 *
 * A message travels as chunks: lane (1 byte) ‖ last (1 byte: 1 ends the message) ‖ BE32 length (<= KR_CHANNEL_CHUNK_BYTES_MAX) ‖
 * bytes. Chunks of the control lane go before all others; of links' data and of what persons' machines say each gets on while the
 * other waits, links four times as often. Within a lane messages keep their order. Data is credited, each lane by itself: each side
 * may have a window of bytes under way until the other says `credit`, so that neither buffers without bound, and a flood in one
 * lane takes no room from the other. A broken form (unknown lane, too long) closes the channel, and so does more data than a window
 * allows. */
#ifndef KR_NODE_NET_CHANNEL_H
#define KR_NODE_NET_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/limits.h"
#include "node/log.h"
#include "proto/codec/reader.h"

#define KR_CHANNEL_WINDOW (8u * KR_MIB)
/* Of the lane of persons' machines: all that they may have under way, and what is dealt with and not said so yet. */
#define KR_CHANNEL_CLIENT_WINDOW                                                                                                   \
    (KR_REMOTE_CLIENTS_MAX * (KR_REMOTE_IN_HAND_BYTES + KR_REMOTE_IN_HAND_MAX * KR_CHANNEL_FRAME_COST) * 17u / 16u)
/* What a frame takes of the window: small ones cost more than their bytes. */
#define KR_CHANNEL_FRAME_COST 64u

/* The number of a dial that is only tried: one connection is made, and CONNECTED, TURNED_AWAY or LOST tells what came of it; then
 * it is over, and nothing was said over it. */
#define KR_NET_TRIAL 0x80000000u

enum kr_channel_lane { KR_LANE_CONTROL = 0, KR_LANE_DATA = 1, KR_LANE_CLIENT = 2 };

/* Control messages: canonical arrays [type, ...]. The data lane carries only FRAME, the clients' only CLIENT_FRAME. */
enum kr_net_message_type {
    /* keeper → net */
    KR_NET_SECRET = 1, /* transport secret (bin 32), public (bin 32). First of all, once */
    KR_NET_ALLOW = 2,  /* generation, whole list: array of [number, kind (enum kr_net_peer_kind), public key (bin 32)]. Replaces the
                          list; frames of  those no longer on it are dropped from then on, their connections closed */
    KR_NET_BIND = 3,   /* endpoint ("tcp://host:port", numeric host or "*"; port 0 or "*": any). Only after SECRET and ALLOW */
    KR_NET_DIAL =
        4, /* number, endpoint (numeric host), server key (bin 32), client secret (bin 0: the node's own, or 32: a ticket's) */
    KR_NET_HANGUP = 5,       /* number: close the dialled connection */
    KR_NET_STOP = 6,         /* send what is queued for at most 500 ms, then exit */
    KR_NET_CLIENT_CUT = 7,   /* number: end that connection of a person's machine */
    KR_NET_CLIENT_TAKEN = 8, /* number, frames, bytes: so much of what came over it is dealt with */
    /* net → keeper */
    KR_NET_READY = 20,   /* protocol version 1, sandbox flags (bit 0 no-new-privs, 1 Landlock, 2 seccomp) */
    KR_NET_ALLOWED = 21, /* generation: from now on it holds */
    KR_NET_BOUND = 22,   /* endpoint as bound (with the real port), error text ("" if bound) */
    KR_NET_LOST = 23, /* number: the session is broken: a frame for this peer could not be handed to ZeroMQ (no connection, or its
                         queue is full), or the connection that was dialled has ended */
    KR_NET_LOG = 24,  /* level (enum kr_log_level), text */
    KR_NET_REFUSED = 25,     /* public key (bin 32), count: connections that ZAP refused since the last such message */
    KR_NET_TURNED_AWAY = 26, /* number: the node that was dialled does not admit the key it was dialled with. ZeroMQ tries no more:
                                dial again where that may have changed */
    KR_NET_CLIENT_GONE = 27, /* number: that connection of a person's machine has ended; the number does not come again */
    KR_NET_CONNECTED = 28,   /* number: a dial that was only tried (KR_NET_TRIAL) reached the owner of the key */
    KR_NET_UNREACHED = 29,   /* number: of a dial with a ticket's secret: one try made no connection, since nobody listens there or
                                nothing came back in time. ZeroMQ tries again by itself */
    /* both, control lane */
    KR_NET_CREDIT = 30, /* lane, bytes */
    /* both, data lane */
    KR_NET_FRAME =
        40, /* number (uint), frame (bin). From net: the frame came over a connection whose authenticated key is that peer's */
    /* both, clients' lane */
    KR_NET_CLIENT_FRAME = 41, /* number of the connection, frame (bin). From net: over a connection whose authenticated key is a
                                 person's; which one the frames themselves have to prove */
};
enum kr_net_peer_kind { KR_NET_PEER = 1, KR_NET_TICKET = 2, KR_NET_PERSON = 3 };

struct kr_net_entry {
    uint32_t number;
    uint32_t kind;
    uint8_t key[32];
};
#define KR_NET_LEAVING_MAX 16u /* peers that are no longer linked, while the last word to them is on its way */
#define KR_NET_ENTRIES_MAX (KR_LINKS_MAX + KR_NET_LEAVING_MAX + KR_TICKETS_MAX + KR_PERSON_KEYS_MAX)

/* One decoded message; fields by type as above. Slices are borrowed. */
struct kr_net_message {
    uint32_t type;
    uint32_t number;
    uint64_t generation, count; /* count: credit bytes, refusals, flags, level, frames taken; generation: also bytes taken */
    uint8_t key[32], secret[32];
    bool has_secret;
    struct kr_slice text, frame;
    uint32_t entry_count;
    struct kr_net_entry entries[KR_NET_ENTRIES_MAX];
};

struct kr_channel;
enum kr_err kr_channel_new(int fd,
                           struct kr_channel **ret_channel) KR_WARN_UNUSED; /* takes over the descriptor, makes it non-blocking */
void kr_channel_free(struct kr_channel *channel);
int kr_channel_fd(const struct kr_channel *channel);
bool kr_channel_wants_write(const struct kr_channel *channel); /* poll for POLLOUT? */
/* Queues a message (copied). Control: KR_BOUNDS over 1 MiB queued. Frames: KR_BUSY where their lane's window is used up: wait for
 * credit. */
enum kr_err kr_channel_send(struct kr_channel *channel, const struct kr_net_message *message) KR_WARN_UNUSED;
size_t kr_channel_window_left(const struct kr_channel *channel, enum kr_channel_lane lane);
/* What is queued in a lane and not written yet. */
size_t kr_channel_unwritten(const struct kr_channel *channel, enum kr_channel_lane lane);
/* Whether a whole message waits to be taken: poll for POLLIN knows nothing of those. */
bool kr_channel_has_message(const struct kr_channel *channel);
/* Moves bytes both ways without blocking. KR_CLOSED at the other's end or on a broken form. */
enum kr_err kr_channel_pump(struct kr_channel *channel) KR_WARN_UNUSED;
/* Only what is to go out. */
enum kr_err kr_channel_flush(struct kr_channel *channel) KR_WARN_UNUSED;
/* Next whole message received, control first; KR_NOT_FOUND where there is none. Slices are valid until the next call. KR_NET_CREDIT
 * is handled inside. */
enum kr_err kr_channel_receive(struct kr_channel *channel, struct kr_net_message *ret_message) KR_WARN_UNUSED;
/* The receiver has dealt with so many frames of a lane, of so many bytes together: tells the other (coalesced). */
enum kr_err kr_channel_dealt(struct kr_channel *channel, enum kr_channel_lane lane, size_t frames, size_t bytes) KR_WARN_UNUSED;

#endif
