/* Measures what comes in over each connection, underneath ZeroMQ.
 *
 * ZeroMQ bounds how many messages wait, and how long a part of one may be, but not how many parts a message has: they lie in its
 * pipes until the last one has come, and nobody is told of them (libzmq 4.3: pipe_t::write counts whole messages). The kernel
 * counts bytes, so who sends and sends and never ends a message is known by them. */
#ifndef KR_NODE_NET_METER_H
#define KR_NODE_NET_METER_H

#include <poll.h>
#include <stdint.h>

#define KR_METER_DESCRIPTORS_MAX 4096u
#define KR_METER_MS              500u /* between two looks */
#define KR_METER_BUSY_MS         50u  /* where somebody has used a quarter of the bound */

/* Large: not on the stack. All zero at the beginning. */
struct kr_meter {
    uint64_t since[KR_METER_DESCRIPTORS_MAX];   /* the connection's bytes when its last message came out of ZeroMQ */
    uint64_t unheard[KR_METER_DESCRIPTORS_MAX]; /* the bytes since, at this look */
    struct pollfd open[KR_METER_DESCRIPTORS_MAX];
};

/* A whole message came over this connection (ZMQ_SRCFD; others than descriptors are passed over). */
void kr_meter_heard(struct kr_meter *meter, int fd);
/* Looks at the TCP connections among the descriptors below `count` (no more than this process may have: RLIMIT_NOFILE). One that
 * has brought more than `bytes_max` since its last message is shut down, which ends it for ZeroMQ too; so are, while all others
 * together have brought more than `all_bytes_max`, those of them that have brought most: one key may have many connections.
 * Returns how many were; `*ret_again_ms`: when to look again. */
uint32_t kr_meter_look(struct kr_meter *meter, uint32_t count, uint64_t bytes_max, uint64_t all_bytes_max, uint32_t *ret_again_ms);

#endif
