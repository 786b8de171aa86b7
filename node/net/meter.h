/* Measures what comes in over each connection, underneath ZeroMQ, and how many there are of strangers.
 *
 * ZeroMQ bounds how many messages wait, and how long a part of one may be, but not how many parts a message has: they lie in its
 * pipes until the last one has come, and nobody is told of them (libzmq 4.3: pipe_t::write counts whole messages). The kernel
 * counts bytes, so who sends and sends and never ends a message is known by them.
 *
 * ZeroMQ takes every connection, too, until this process has no descriptor left, and gives it seconds to prove a key: whoever
 * connects and says nothing keeps others out. Those that no message has come over yet are counted here, and cut where they are too
 * many. */
#ifndef KR_NODE_NET_METER_H
#define KR_NODE_NET_METER_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#define KR_METER_DESCRIPTORS_MAX 4096u
#define KR_METER_MS              500u /* between two looks */
#define KR_METER_BUSY_MS         50u  /* where somebody has used a quarter of a bound of bytes, or strangers half of theirs */

/* A TCP connection of this process; one that has its number after it is another. All zero: none. */
struct kr_connection {
    uint8_t address[16]; /* the other end's; an IPv4 one as ::ffff:a.b.c.d */
    uint16_t port;       /* the same; 0: none */
    int fd;
};

/* The connection that has this number now (ZMQ_SRCFD); false, and `*ret` none, where no TCP connection has. */
bool kr_connection_of(int fd, struct kr_connection *ret);
bool kr_connection_is_same(const struct kr_connection *a, const struct kr_connection *b);
/* Ends it, if it is still there: ZeroMQ has no call that ends one, and sees the end of it underneath. */
void kr_connection_shut(const struct kr_connection *connection);

struct kr_metered {
    struct kr_connection connection;
    uint64_t since;   /* its bytes when its last message came out of ZeroMQ */
    uint64_t unheard; /* the bytes since, at this look */
    uint64_t born;    /* the look before which it came */
    uint16_t own_port;
    bool is_heard, is_cut;
};

struct kr_stranger {
    uint8_t source[16]; /* its address; of an IPv6 one the network (/64) */
    uint64_t born;
    uint32_t fd;
    uint32_t rank; /* how many of its source came after it */
};

/* Large: not on the stack. All zero at the beginning. */
struct kr_meter {
    uint64_t looks;
    struct kr_metered metered[KR_METER_DESCRIPTORS_MAX];
    struct kr_stranger strangers[KR_METER_DESCRIPTORS_MAX];
    struct pollfd open[KR_METER_DESCRIPTORS_MAX];
};

struct kr_meter_bounds {
    uint32_t descriptors; /* those below are looked at: no more than this process may have (RLIMIT_NOFILE) */
    uint16_t port;        /* where it listens: a connection to it was accepted, others were dialled. 0: it does not listen */
    uint64_t bytes_max;   /* that one connection may have brought since its last message */
    uint64_t all_bytes_max;
    uint32_t strangers_max; /* accepted connections that no message has come over yet */
};

struct kr_meter_found {
    uint32_t unended;              /* cut because of bytes */
    uint32_t strangers;            /* cut because there were too many */
    struct kr_connection stranger; /* one of these */
    uint32_t again_ms;             /* when to look again */
};

/* A whole message came over this connection (ZMQ_SRCFD; others than descriptors are passed over). */
void kr_meter_heard(struct kr_meter *meter, int fd);
/* Looks at all TCP connections. One that has brought more than `bytes_max` since its last message is shut down; so are, while all
 * others together have brought more than `all_bytes_max`, those of them that have brought most: one key may have many connections.
 * Of strangers beyond `strangers_max` those go whose source has most of them, and of one source the oldest: who comes from an
 * address of his own is cut only where more than `strangers_max` addresses attack at once, and then after as many others. */
struct kr_meter_found kr_meter_look(struct kr_meter *meter, const struct kr_meter_bounds *bounds);

#endif
