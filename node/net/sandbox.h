/* What net may still do once it runs: talk to the network and to keeper, and nothing else. */
#ifndef KR_NODE_NET_SANDBOX_H
#define KR_NODE_NET_SANDBOX_H

#include <stdint.h>

#define KR_SANDBOX_NO_NEW_PRIVS 1u
#define KR_SANDBOX_LANDLOCK     2u
#define KR_SANDBOX_SECCOMP      4u

/* Gives up new privileges, core files, the file system (Landlock, no path at all) and all system calls but those that ZeroMQ,
 * libsodium and malloc need. For good. Returns which of the three stand: an old kernel may lack Landlock. */
uint32_t kr_sandbox_enter(void);

#endif
